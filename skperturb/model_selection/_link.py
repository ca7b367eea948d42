"""Splits of known interactions into training, validation and test pairs, each with its negatives."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skperturb._pair_sampling import STRATEGIES, sample_negative_positions
from skperturb._pairs import GenePairs, as_genes, encode_pairs, ensure_pairs, pair_codes
from skperturb._sklearn import Interval, StrOptions, validate_params

__all__ = ["LinkSplit", "link_prediction_split"]


@dataclass(frozen=True, eq=False)
class LinkSplit:
    """Training, validation and test pairs with labels.

    Parameters
    ----------
    X_train, X_validation, X_test : ndarray of shape (n_pairs, 2)
        Pairs: the known interactions first, then the negatives. No unordered pair is in two parts.
    y_train, y_validation, y_test : ndarray of shape (n_pairs,)
        1 for an interaction, 0 for a negative.
    genes : ndarray of shape (n_genes,)
        All genes that negatives were drawn from.
    held_out_genes : ndarray of shape (n_held_out_genes,)
        Genes without any pair in the training and validation parts; empty unless they were asked for.

    Examples
    --------
    >>> from skperturb.model_selection import link_prediction_split
    >>> pairs = [(f"a{i}", f"b{j}") for i in range(5) for j in range(4)]
    >>> split = link_prediction_split(pairs, genes=["c", "d", "e"], random_state=0)
    >>> split.X_train.shape, int(split.y_train.sum())
    ((16, 2), 8)
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_validation: np.ndarray
    y_validation: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    genes: np.ndarray
    held_out_genes: np.ndarray


@validate_params(
    {
        "train_size": [Interval(Real, 0, 1, closed="right")],
        "validation_size": [Interval(Real, 0, 1, closed="left")],
        "negatives": [StrOptions(set(STRATEGIES))],
        "hold_out_genes": [Interval(Real, 0, 1, closed="neither"), "array-like", None],
        "n_negatives": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def link_prediction_split(
    pairs: Any,
    *,
    train_size: float = 0.4,
    validation_size: float = 0.1,
    later_pairs: Any = None,
    hold_out_genes: Any = None,
    genes: Any = None,
    negatives: str = "uniform",
    n_negatives: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> LinkSplit:
    """Split known interactions so that nothing of the test is in the training.

    Unordered pairs are split: both directions of an interaction fall into one part. The negatives of all parts are
    disjoint, and none of them is a known interaction of any part.

    Parameters
    ----------
    pairs : array-like of shape (n_pairs, 2)
        Known interactions. Repetitions, in either order, count once.
    train_size : float, default=0.4
        Share of the interactions to train on.
    validation_size : float, default=0.1
        Share for validation. The rest is the test.
    later_pairs : array-like of shape (n_later, 2), default=None
        Interactions of a later release. If given, those that `pairs` does not hold are the test (temporal hold-out),
        and `pairs` is divided between training and validation in the proportion of their sizes.
    hold_out_genes : float or sequence of genes, default=None
        Genes, or the share of the interacting genes, that are unseen in the training: the test are the interactions of
        exactly one such gene with a gene that has others, and negatives keep the unseen gene and draw a new
        partner. Interactions between two unseen genes are left out. `train_size` and `validation_size` divide the rest.
    genes : sequence of str or int, default=None
        All genes, those without any known interaction too.
    negatives : {"uniform", "connected", "degree"}, default="uniform"
        See `sample_negative_pairs`; the genes of a part's positives define "connected" and "degree" in that part.
    n_negatives : float, default=1.0
        Negatives for each interaction.
    random_state : int, RandomState or None, default=None
        Decides the split.

    Returns
    -------
    LinkSplit

    Raises
    ------
    TypeError
        If ids mix names and integers.
    ValueError
        If sizes do not fit, a part is empty, or there are fewer negatives than asked for.

    Examples
    --------
    >>> from skperturb.model_selection import link_prediction_split
    >>> ring = [(k, (k + 1) % 20) for k in range(20)]
    >>> split = link_prediction_split(ring, random_state=0)
    >>> len(split.X_train), len(split.X_validation), len(split.X_test)
    (16, 4, 20)
    """
    if later_pairs is not None and hold_out_genes is not None:
        raise ValueError("later_pairs and hold_out_genes were both given; expected at most one of them.")
    if train_size + validation_size > 1 + 1e-12:
        raise ValueError(f"train_size={train_size} and validation_size={validation_size} sum to more than 1.")
    rng = check_random_state(random_state)
    data, known, later = _encode(pairs, later_pairs, genes)
    held_out = np.empty(0, dtype=np.int64)
    if hold_out_genes is not None:
        held_out = _held_out_positions(hold_out_genes, known, data, rng)
    parts = _divide(known, later, held_out, train_size, validation_size, rng)
    everything = known if later is None else np.concatenate([known, later])
    drawn: list[np.ndarray] = []
    filled = []
    for name, positives in zip(("train", "validation", "test"), parts, strict=True):
        if len(positives) == 0 and name != "validation":
            raise ValueError(f"The {name} part has no interaction (of {len(everything)}); change the sizes.")
        exclude = np.concatenate([everything, *drawn])
        n_samples = round(n_negatives * len(positives))
        if name == "test" and len(held_out):
            sample = _partners(n_samples, positives, held_out, exclude, len(data.genes), negatives, rng)
        else:
            # Unseen genes must not show up among the negatives that a model trains on either.
            sample = _sample_seen(n_samples, positives, held_out, exclude, len(data.genes), negatives, rng)
        drawn.append(sample)
        filled.append((np.concatenate([positives, sample]), np.repeat([1, 0], [len(positives), len(sample)])))
    names = data.genes.to_numpy()
    (train, y_train), (validation, y_validation), (test, y_test) = filled
    return LinkSplit(
        names[train], y_train, names[validation], y_validation, names[test], y_test, names, names[held_out]
    )


def _encode(pairs: Any, later_pairs: Any, genes: Any) -> tuple[GenePairs, np.ndarray, np.ndarray | None]:
    extra = [] if genes is None else [as_genes(genes, "genes")]
    if later_pairs is None:
        data = encode_pairs(pairs, None, extra)
        return data, data.positives, None
    later = ensure_pairs(later_pairs, "later_pairs")
    data = encode_pairs(pairs, None, [*extra, pd.Index(pd.unique(later.ravel()))])
    known = data.positives
    n_genes = len(data.genes)
    codes = np.unique(pair_codes(data.genes.get_indexer(later.ravel()).reshape(-1, 2), n_genes))
    added = np.column_stack(np.divmod(np.setdiff1d(codes, pair_codes(known, n_genes)), n_genes))
    return data, known, added[added[:, 0] != added[:, 1]]


def _held_out_positions(
    hold_out_genes: Any, known: np.ndarray, data: GenePairs, rng: np.random.RandomState
) -> np.ndarray:
    connected = np.unique(known)
    if isinstance(hold_out_genes, Real) and not isinstance(hold_out_genes, Integral):
        n_held_out = max(1, round(float(hold_out_genes) * len(connected)))
        return np.sort(rng.choice(connected, size=n_held_out, replace=False))
    asked = as_genes(hold_out_genes, "hold_out_genes")
    positions = data.genes.get_indexer(asked)
    if (positions < 0).any():
        missing = [str(gene) for gene in asked[positions < 0]]
        raise ValueError(
            f"hold_out_genes names {len(missing)} genes without a known pair ({', '.join(missing[:3])}); expected "
            "genes of pairs."
        )
    return np.sort(positions)


def _divide(
    known: np.ndarray,
    later: np.ndarray | None,
    held_out: np.ndarray,
    train_size: float,
    validation_size: float,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    test = later
    if len(held_out):
        touched = np.isin(known, held_out).sum(axis=1)
        known, test = known[touched == 0], known[touched == 1]
        test = test[np.isin(test, known).any(axis=1)]
    shuffled = known[rng.permutation(len(known))]
    # Both other protocols bring their own test, so training and validation share everything that is left.
    total = train_size + validation_size if test is not None else 1.0
    n_train = round(len(shuffled) * train_size / total)
    n_validation = round(len(shuffled) * validation_size / total)
    train, validation = shuffled[:n_train], shuffled[n_train : n_train + n_validation]
    test = shuffled[n_train + n_validation :] if test is None else test[rng.permutation(len(test))]
    return train, validation, test


def _sample_seen(
    n_samples: int,
    positives: np.ndarray,
    held_out: np.ndarray,
    exclude: np.ndarray,
    n_genes: int,
    strategy: str,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw negatives among the genes that are not held out."""
    if n_samples == 0:
        return np.empty((0, 2), dtype=np.int64)
    if len(held_out) == 0:
        return sample_negative_positions(
            n_samples, exclude, n_genes, strategy=strategy, ends=positives, random_state=rng
        )
    seen = np.setdiff1d(np.arange(n_genes), held_out)
    place = np.full(n_genes, -1)
    place[seen] = np.arange(len(seen))
    inside = place[exclude]
    inside = inside[(inside >= 0).all(axis=1)]
    sample = sample_negative_positions(
        n_samples, inside, len(seen), strategy=strategy, ends=place[positives], random_state=rng
    )
    return seen[sample]


def _partners(
    n_samples: int,
    positives: np.ndarray,
    held_out: np.ndarray,
    exclude: np.ndarray,
    n_genes: int,
    strategy: str,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw negatives of an unseen gene of the test and a seen gene."""
    first = np.isin(positives[:, 0], held_out)
    unseen = np.where(first, positives[:, 0], positives[:, 1])
    partners = np.where(first, positives[:, 1], positives[:, 0])
    if strategy == "uniform":
        partners = np.setdiff1d(np.arange(n_genes), held_out)
    elif strategy == "connected":
        partners = np.unique(partners)
    forbidden = np.unique(pair_codes(exclude, n_genes))
    found = np.empty(0, dtype=np.int64)
    for _ in range(100):
        n_draws = 2 * (n_samples - len(found)) + 16
        pairs = np.column_stack([rng.choice(unseen, n_draws), rng.choice(partners, n_draws)])
        codes = pair_codes(pairs, n_genes)
        found = np.concatenate([found, codes[~np.isin(codes, forbidden)]])
        _, order = np.unique(found, return_index=True)
        found = found[np.sort(order)]
        if len(found) >= n_samples:
            return np.column_stack(np.divmod(found[:n_samples], n_genes))
    raise ValueError(
        f"Only {len(found)} of {n_samples} negatives exist between the {len(np.unique(unseen))} unseen genes and their "
        "partners; ask for fewer negatives or hold out more genes."
    )
