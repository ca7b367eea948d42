"""Splits of known interactions into training, validation and test pairs, each with its negatives."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_random_state

from skperturb._pair_sampling import STRATEGIES, sample_negative_positions
from skperturb._pairs import GenePairs, as_genes, encode_pairs, ensure_pairs, index_of, pair_codes, refuse_self_pairs
from skperturb._sklearn import Interval, StrOptions, validate_params
from skperturb.model_selection._negatives import ensure_sides, joins_sides, locate_sides

__all__ = ["LinkSplit", "link_prediction_split"]

# By how much two shares may sum to more than 1 and still mean all interactions. Adding two multiples of 1/n rounds by
# up to 2.2e-16, which ten times less still forgives; ten times more is still far below one interaction of any network,
# so that none is promised twice.
_SHARE_ROUNDING = 1e-12
# Rounds of drawing negatives of unseen genes, each for twice the number that is missing: one round does for sparse
# networks, and the limit ends a search for more pairs than exist. Where half of all pairs are known and nearly all
# others are asked for, ten rounds missed pairs that do exist in up to half of the splits; a thousand found no more than
# a hundred and made the error come three times later.
_MAX_ROUNDS = 100
# Draws of a round beyond twice the missing number, so that the last few negatives do not each take rounds of two draws:
# on those dense networks 2 missed existing pairs in up to a fifth of the splits, and 160 found no more than 16.
_SPARE_DRAWS = 16


@dataclass(frozen=True, eq=False)
class LinkSplit:
    """Training, validation and test pairs with labels.

    Parameters
    ----------
    X_train, X_validation, X_test : ndarray of shape (n_pairs, 2)
        Pairs: the known interactions first, then the negatives. No unordered pair is in two parts. Interactions have
        the order in which they were first given.
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
        "between": ["array-like", None],
        "directed": ["boolean"],
        "connected": ["boolean"],
        "self_pairs": [StrOptions({"error", "drop"})],
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
    between: Any = None,
    directed: bool = False,
    connected: bool = False,
    self_pairs: str = "error",
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
    between : tuple of two sequences of genes, default=None
        The two sides of a bipartite network, such as drugs and targets: negatives join them. See
        `sample_negative_pairs`.
    directed : bool, default=False
        Whether (a, b) says that a acts on b, as for `GNEEmbedder` with ``directed=True``. Then (a, b) and (b, a) are
        two interactions, in the same part, and the first and second genes of negatives are drawn as those of the
        interactions are; a pair that is known in one direction is no negative in the other. Otherwise (b, a) repeats
        (a, b), and negatives are turned around as often as the interactions are, so that the order of a pair tells
        nothing.
    connected : bool, default=False
        Whether every gene of a known interaction keeps at least one of them for training. As far as `train_size`
        allows, genes that are linked by a path stay so. `later_pairs` of genes without a known interaction are left
        out.
    self_pairs : {"error", "drop"}, default="error"
        Whether pairs of a gene with itself are refused or left out.
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
        If sizes do not fit, a part is empty, there are fewer negatives than asked for, or `train_size` is too small for
        ``connected=True``.

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
    if connected and hold_out_genes is not None:
        raise ValueError(
            "hold_out_genes leaves genes without any training interaction, connected=True none; expected one of them."
        )
    if train_size + validation_size > 1 + _SHARE_ROUNDING:
        raise ValueError(
            f"train_size={train_size} and validation_size={validation_size} sum to more than 1; expected shares that "
            "leave some for the test. Lower one of them."
        )
    rng = check_random_state(random_state)
    network = _Network.encode(pairs, later_pairs, genes, between, self_pairs)
    data, known, later = network.data, network.known, network.later
    held_out = np.empty(0, dtype=np.int64)
    if hold_out_genes is not None:
        held_out = _held_out_positions(hold_out_genes, known, data, rng)
    if connected and later is not None:
        later = later[np.isin(later, known).all(axis=1)]
    parts = _divide(known, later, held_out, train_size, validation_size, connected, rng)
    everything = known if later is None else np.concatenate([known, later])
    sides = locate_sides(between, data, everything)
    sampler = _NegativeSampler(len(data.genes), held_out, negatives, sides, directed, rng)
    drawn: list[np.ndarray] = []
    filled = []
    for name, unordered in zip(("train", "validation", "test"), parts, strict=True):
        if len(unordered) == 0 and name != "validation":
            raise ValueError(f"The {name} part has no interaction (of {len(everything)}); raise its size.")
        positives = network.as_listed(unordered, directed)
        exclude = np.concatenate([everything, *drawn])
        n_samples = round(n_negatives * len(positives))
        if name == "test" and len(held_out):
            sample = sampler.with_unseen(n_samples, positives, exclude)
        else:
            # Unseen genes must not show up among the negatives that a model trains on either.
            sample = sampler.among_seen(n_samples, positives, exclude)
        drawn.append(sample)
        filled.append((positives, sample))
    if not directed:
        filled = _turned_alike(filled, sides, rng)
    names = data.genes.to_numpy()
    (train, y_train), (validation, y_validation), (test, y_test) = (
        (np.concatenate(part), np.repeat([1, 0], [len(part[0]), len(part[1])])) for part in filled
    )
    return LinkSplit(
        names[train], y_train, names[validation], y_validation, names[test], y_test, names, names[held_out]
    )


@dataclass(frozen=True, eq=False)
class _Network:
    """Known interactions as unordered pairs of positions, and the order in which they were given.

    Parameters
    ----------
    data : GenePairs
        Whose genes include those of `later` and of `genes`.
    known : ndarray of shape (n_known, 2)
        Each unordered pair once, the smaller position first.
    later : ndarray of shape (n_later, 2) or None
        The same for interactions of a later release that are not known.
    given : ndarray of shape (n_given, 2)
        All of them as they were given.
    """

    data: GenePairs
    known: np.ndarray
    later: np.ndarray | None
    given: np.ndarray

    @classmethod
    def encode(cls, pairs: Any, later_pairs: Any, genes: Any, between: Any, self_pairs: str) -> "_Network":
        extra = [] if genes is None else [as_genes(genes, "genes")]
        extra += ensure_sides(between)
        rule = "keep" if self_pairs == "drop" else "error"
        if later_pairs is None:
            data = encode_pairs(pairs, None, extra, self_pairs=rule, name="pairs")
            return cls(data, data.positives, None, data.positions)
        new = ensure_pairs(later_pairs, "later_pairs")
        if self_pairs == "error":
            refuse_self_pairs(new, "later_pairs")
        extra.append(index_of(new))
        data = encode_pairs(pairs, None, extra, self_pairs=rule, name="pairs")
        known, n_genes = data.positives, len(data.genes)
        positions = data.genes.get_indexer(new.ravel()).reshape(-1, 2)
        codes = np.setdiff1d(pair_codes(positions, n_genes), pair_codes(known, n_genes))
        added = np.column_stack(np.divmod(codes, n_genes))
        return cls(data, known, added[added[:, 0] != added[:, 1]], np.concatenate([data.positions, positions]))

    def as_listed(self, unordered: np.ndarray, directed: bool) -> np.ndarray:
        """Return pairs in the order in which they were first given; with `directed` in both orders if both were."""
        n_genes = len(self.data.genes)
        place = pd.Index(pair_codes(unordered, n_genes)).get_indexer(pair_codes(self.given, n_genes))
        given, place = self.given[place >= 0], place[place >= 0]
        _, first = np.unique(pair_codes(given, n_genes, directed), return_index=True)
        first = np.sort(first)
        return given[first[np.argsort(place[first], kind="stable")]]


def _turned_alike(
    parts: list[tuple[np.ndarray, np.ndarray]],
    sides: tuple[np.ndarray, np.ndarray] | None,
    rng: np.random.RandomState,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Turn negatives around as often as interactions are, so that the order does not tell them apart."""
    known = np.concatenate([positives for positives, _ in parts])
    around = known[:, 0] > known[:, 1]
    if sides is not None:
        around = ~(np.isin(known[:, 0], sides[0]) & np.isin(known[:, 1], sides[1]))
        around = around[joins_sides(known, sides)]
    share = float(around.mean())
    if share == 0:
        return parts
    turned = []
    for positives, negatives in parts:
        chosen = rng.random_sample(len(negatives)) < share
        turned.append((positives, np.where(chosen[:, None], negatives[:, ::-1], negatives)))
    return turned


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
    connected: bool,
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
    if connected:
        shuffled = _connecting_first(shuffled, n_train)
    train, validation = shuffled[:n_train], shuffled[n_train : n_train + n_validation]
    test = shuffled[n_train + n_validation :] if test is None else test[rng.permutation(len(test))]
    return train, validation, test


def _connecting_first(shuffled: np.ndarray, n_train: int) -> np.ndarray:
    """Bring pairs that reach every gene to the front, then those that link the genes of each component."""
    nodes, edges = np.unique(shuffled, return_inverse=True)
    edges = edges.reshape(-1, 2)
    covers = _cover(edges, len(nodes))
    if covers.sum() > n_train:
        raise ValueError(
            f"connected=True needs {int(covers.sum())} of {len(shuffled)} interactions so that each of {len(nodes)} "
            f"genes has one for training, but train_size leaves {n_train}; raise train_size."
        )
    # A minimum spanning forest whose cheapest edges are those that cover; they hold no cycle, so it has all of them.
    cost = np.where(covers, 1.0, 2.0) + np.arange(len(edges)) / len(edges)
    shape = (len(nodes), len(nodes))
    forest = sp.csgraph.minimum_spanning_tree(sp.csr_array((cost, (edges[:, 0], edges[:, 1])), shape=shape)).tocoo()
    linking = np.isin(pair_codes(edges, len(nodes)), pair_codes(np.column_stack([forest.row, forest.col]), len(nodes)))
    return shuffled[np.argsort(np.where(covers, 0, np.where(linking, 1, 2)), kind="stable")]


def _cover(edges: np.ndarray, n_nodes: int) -> np.ndarray:
    """Tell which edges are needed to reach every node: a maximal matching, and one edge for each node that it lacks."""
    reached = np.zeros(n_nodes, dtype=bool)
    covers = np.zeros(len(edges), dtype=bool)
    for enough in (all, any):
        for row, (first, second) in enumerate(edges.tolist()):
            if enough((not reached[first], not reached[second])):
                reached[[first, second]] = True
                covers[row] = True
    return covers


@dataclass(frozen=True, eq=False)
class _NegativeSampler:
    """Draws the negatives of each part; genes are positions from 0 to `n_genes` - 1."""

    n_genes: int
    held_out: np.ndarray
    strategy: str
    sides: tuple[np.ndarray, np.ndarray] | None
    directed: bool
    rng: np.random.RandomState

    def among_seen(self, n_samples: int, positives: np.ndarray, exclude: np.ndarray) -> np.ndarray:
        """Draw negatives among the genes that are not held out."""
        if n_samples == 0:
            return np.empty((0, 2), dtype=np.int64)
        if len(self.held_out) == 0:
            return self._draw(n_samples, exclude, self.n_genes, positives, self.sides)
        seen = np.setdiff1d(np.arange(self.n_genes), self.held_out)
        place = np.full(self.n_genes, -1)
        place[seen] = np.arange(len(seen))
        inside = place[exclude]
        inside = inside[(inside >= 0).all(axis=1)]
        sides = None
        if self.sides is not None:
            first, second = (place[side][place[side] >= 0] for side in self.sides)
            sides = (first, second)
        return seen[self._draw(n_samples, inside, len(seen), place[positives], sides)]

    def _draw(
        self,
        n_samples: int,
        exclude: np.ndarray,
        n_genes: int,
        ends: np.ndarray,
        sides: tuple[np.ndarray, np.ndarray] | None,
    ) -> np.ndarray:
        return sample_negative_positions(
            n_samples,
            exclude,
            n_genes,
            strategy=self.strategy,
            ends=ends,
            sides=sides,
            directed=self.directed,
            random_state=self.rng,
        )

    def with_unseen(self, n_samples: int, positives: np.ndarray, exclude: np.ndarray) -> np.ndarray:
        """Draw negatives of an unseen gene of the test, in its place, and a seen gene."""
        first = np.isin(positives[:, 0], self.held_out)
        unseen = np.where(first, positives[:, 0], positives[:, 1])
        partners = np.where(first, positives[:, 1], positives[:, 0])
        if self.strategy == "uniform":
            partners = np.setdiff1d(np.arange(self.n_genes), self.held_out)
        elif self.strategy == "connected":
            partners = np.unique(partners)
        forbidden = np.unique(pair_codes(exclude, self.n_genes))
        found = np.empty((0, 2), dtype=np.int64)
        for _ in range(_MAX_ROUNDS):
            n_draws = 2 * (n_samples - len(found)) + _SPARE_DRAWS
            rows = self.rng.choice(len(unseen), n_draws)
            pairs = np.column_stack([unseen[rows], self.rng.choice(partners, n_draws)])
            pairs[~first[rows]] = pairs[~first[rows], ::-1]
            pairs = pairs[~np.isin(pair_codes(pairs, self.n_genes), forbidden)]
            found = np.concatenate([found, pairs if self.sides is None else pairs[joins_sides(pairs, self.sides)]])
            _, order = np.unique(pair_codes(found, self.n_genes), return_index=True)
            found = found[np.sort(order)]
            if len(found) >= n_samples:
                found = found[:n_samples]
                return found if self.directed or self.sides is not None else np.sort(found, axis=1)
        raise ValueError(
            f"Only {len(found)} of {n_samples} negatives exist between the {len(np.unique(unseen))} unseen genes and "
            "their partners; ask for fewer negatives or hold out more genes."
        )
