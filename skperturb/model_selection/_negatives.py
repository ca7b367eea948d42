"""Negative pairs: what a model of interactions is told, and judged by."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skperturb._pair_sampling import STRATEGIES, sample_negative_positions
from skperturb._pairs import GenePairs, as_genes, encode_pairs, ensure_pairs, index_of
from skperturb._sklearn import Interval, StrOptions, validate_params
from skperturb.model_selection._hard_negatives import hard_negative_positions

__all__ = ["ensure_sides", "joins_sides", "locate_sides", "sample_negative_pairs"]

# Hard negatives of each interaction.
_HARD_EACH = 100


@validate_params(
    {
        "n_samples": [Interval(Integral, 0, None, closed="left"), None],
        "strategy": [StrOptions({*STRATEGIES, "heart"})],
        "between": ["array-like", None],
        "hidden": ["array-like", None],
        "self_pairs": [StrOptions({"error", "drop"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sample_negative_pairs(
    known_pairs: Any,
    n_samples: int | None = None,
    *,
    strategy: str = "uniform",
    genes: Any = None,
    ends: Any = None,
    between: Any = None,
    hidden: Any = None,
    self_pairs: str = "error",
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Draw pairs of genes that are not known to interact, without replacement.

    Parameters
    ----------
    known_pairs : array-like of shape (n_known, 2)
        All known interactions, those held out for a test too: none of them is drawn, in either order.
    n_samples : int, default=None
        Number of pairs; as many as there are different known pairs when None. With "heart" the number for each pair of
        `ends`; 100 when None.
    strategy : {"uniform", "connected", "degree", "heart"}, default="uniform"
        How the two genes are drawn. "uniform": from all genes, as in most papers; a model that knows how popular genes
        are does well against such negatives. "connected": uniformly from the genes of `ends`. "degree": in proportion
        to how often a gene occurs in `ends`, so that popularity says nothing. "heart" [1]_: for each pair of `ends`
        those pairs of one of its genes that look most like interactions, by common neighbors, resource allocation and
        random walks of three steps in the graph of the other known pairs; half of them keep the first gene, half the
        second. A pair may be drawn for several pairs of `ends`.
    genes : sequence of str or int, default=None
        All genes, those without a known interaction too; the genes of `known_pairs` when None.
    ends : array-like of shape (n_pairs, 2), default=None
        The pairs whose genes "connected" and "degree" draw from, such as the positive pairs of the test;
        `known_pairs` when None.
    between : tuple of two sequences of genes, default=None
        The two sides of a bipartite network, such as drugs and targets: the first gene of each pair is drawn from the
        first side, the second from the second. Genes may be on both. `strategy` says how each side is drawn from.
    hidden : array-like of shape (n_pairs, 2), default=None
        For "heart": interactions that must not make a negative hard, besides `ends`: all that no training knows.
    self_pairs : {"error", "drop"}, default="error"
        Whether known pairs of a gene with itself are refused or left out. None is ever drawn.
    random_state : int, RandomState or None, default=None
        Decides the sample.

    Returns
    -------
    ndarray of shape (n_samples, 2), or (n_ends, n_samples, 2) with "heart"
        Different pairs of different genes, ids of the same type as those of `known_pairs`.

    Raises
    ------
    TypeError
        If ids mix names and integers.
    ValueError
        If fewer than `n_samples` such pairs exist, `known_pairs` holds self-pairs, none of them joins the sides of
        `between`, or `between` is given with "heart".

    References
    ----------
    .. [1] Li, J. et al. (2023). Evaluating graph neural networks for link prediction: current pitfalls and new
       benchmarking. Advances in Neural Information Processing Systems 36. arXiv:2306.10453.

    Examples
    --------
    >>> from skperturb.model_selection import sample_negative_pairs
    >>> known = [("a", "b"), ("b", "c"), ("c", "d")]
    >>> sorted(map(tuple, sample_negative_pairs(known, random_state=0).tolist()))
    [('a', 'c'), ('a', 'd'), ('b', 'd')]

    Drugs with targets:

    >>> known = [("aspirin", "PTGS1"), ("aspirin", "PTGS2"), ("celecoxib", "PTGS2")]
    >>> sample_negative_pairs(known, 1, between=(["aspirin", "celecoxib"], ["PTGS1", "PTGS2"])).tolist()
    [['celecoxib', 'PTGS1']]
    """
    extra = [] if genes is None else [as_genes(genes, "genes")]
    end_pairs = None if ends is None else ensure_pairs(ends, "ends")
    if end_pairs is not None:
        extra.append(index_of(end_pairs))
    extra += ensure_sides(between)
    rule = "keep" if self_pairs == "drop" else "error"
    data = encode_pairs(known_pairs, None, extra, self_pairs=rule, name="known_pairs")
    positives = data.positives
    located = None if end_pairs is None else data.genes.get_indexer(end_pairs.ravel()).reshape(-1, 2)
    if strategy == "heart":
        if between is not None:
            raise ValueError("between is given, but strategy='heart' draws from all genes; use another strategy.")
        n_each = _HARD_EACH if n_samples is None else int(n_samples)
        rng = check_random_state(random_state)
        ends_of = positives if located is None else located
        unknown = _locate_hidden(hidden, data)
        return data.genes.to_numpy()[hard_negative_positions(n_each, ends_of, positives, unknown, len(data.genes), rng)]
    sides = locate_sides(between, data, positives)
    sample = sample_negative_positions(
        len(positives) if n_samples is None else int(n_samples),
        positives,
        len(data.genes),
        strategy=strategy,
        ends=located,
        sides=sides,
        random_state=random_state,
    )
    return data.genes.to_numpy()[sample]


def _locate_hidden(hidden: Any, data: GenePairs) -> np.ndarray:
    if hidden is None:
        return np.empty((0, 2), dtype=np.int64)
    given = ensure_pairs(hidden, "hidden")
    if (given.dtype == object) != (data.genes.dtype == object):
        kinds = ("str", "int") if given.dtype == object else ("int", "str")
        raise TypeError(f"hidden names genes by {kinds[0]}, but known_pairs by {kinds[1]}; use one kind of id.")
    positions = data.genes.get_indexer(given.ravel()).reshape(-1, 2)
    return positions[(positions >= 0).all(axis=1)]


def ensure_sides(between: Any) -> list[pd.Index]:
    """Return the two sides of a bipartite network, or none.

    Parameters
    ----------
    between : tuple of two sequences of genes, or None

    Returns
    -------
    list of Index
    """
    if between is None:
        return []
    if len(between) != 2 or any(isinstance(side, str) or not hasattr(side, "__len__") for side in between):
        raise ValueError(
            f"between has {len(between)} entries; expected two sequences of genes, the two sides of the network: "
            "between=(drugs, targets)."
        )
    sides = [as_genes(pd.unique(pd.Index(side)), f"between[{k}]") for k, side in enumerate(between)]
    for k, side in enumerate(sides):
        if len(side) == 0:
            raise ValueError(f"between[{k}] is empty; expected the genes of one side of the network.")
    return sides


def locate_sides(between: Any, data: GenePairs, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the positions of both sides, and refuse sides that no known pair joins.

    Parameters
    ----------
    between : tuple of two sequences of genes, or None
    data : GenePairs
        Whose genes include both sides.
    positives : ndarray of shape (n_pairs, 2)

    Returns
    -------
    tuple of two ndarrays, or None
    """
    sides = ensure_sides(between)
    if not sides:
        return None
    first, second = (data.genes.get_indexer(side) for side in sides)
    if not joins_sides(positives, (first, second)).any():
        shown = ", ".join(map(str, data.genes[positives[0]]))
        raise ValueError(
            f"between names {len(first)} and {len(second)} genes ({sides[0][0]}, …; {sides[1][0]}, …), but none of the "
            f"{len(positives)} known pairs (such as {shown}) joins the two sides. Name genes alike in both."
        )
    return first, second


def joins_sides(pairs: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Tell which pairs have a gene on each side, in either order.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2)
    sides : tuple of two ndarrays

    Returns
    -------
    ndarray of bool, shape (n_pairs,)
    """
    first, second = (np.isin(pairs, side) for side in sides)
    return (first[:, 0] & second[:, 1]) | (first[:, 1] & second[:, 0])
