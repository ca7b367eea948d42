"""Negative pairs without replacement, by position; `skperturb.model_selection` gives them names."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skperturb._pairs import pair_codes

__all__ = ["STRATEGIES", "count_negative_positions", "sample_negative_positions"]

STRATEGIES = ("uniform", "connected", "degree")
# Genes to draw from, and how often each is drawn relative to the others (None: alike).
_Pool = tuple[np.ndarray, np.ndarray | None]
# Below this share of accepted draws, listing all the pairs that are left is cheaper than drawing on.
_ACCEPTANCE = 0.05


def sample_negative_positions(
    n_samples: int,
    positives: np.ndarray,
    n_genes: int,
    *,
    strategy: str = "uniform",
    ends: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
    sides: tuple[np.ndarray, np.ndarray] | None = None,
    directed: bool = False,
    random_state: Any = None,
) -> np.ndarray:
    """Draw different unordered pairs that are neither positive nor excluded, in either order.

    Parameters
    ----------
    n_samples : int
    positives : ndarray of shape (n_positives, 2)
        Known interactions, by position.
    n_genes : int
    strategy : {"uniform", "connected", "degree"}, default="uniform"
        Both genes uniformly from all genes; uniformly from the genes of `ends`; or in proportion to how often a gene
        occurs in `ends`.
    ends : ndarray of shape (n_pairs, 2), default=None
        Pairs whose genes define "connected" and "degree"; `positives` when None.
    exclude : ndarray of shape (n_excluded, 2), default=None
        Further pairs that must not be drawn.
    sides : tuple of two ndarrays, default=None
        The genes that the first and the second one of each pair are drawn from.
    directed : bool, default=False
        Whether the first gene is drawn as the first genes of `ends` are, and the second as their second ones.
    random_state : int, RandomState or None

    Returns
    -------
    ndarray of shape (n_samples, 2)
        Each pair once; the smaller position first, unless `sides` or `directed` decide the order.

    Raises
    ------
    ValueError
        If fewer than `n_samples` pairs exist.
    """
    rng = check_random_state(random_state)
    forbidden = _forbidden(positives, n_genes, exclude)
    ends = positives if ends is None else ends
    if sides is not None or directed:
        pools = _two_pools(n_genes, ends, strategy, sides, directed)
        return _sample_across(n_samples, pools, forbidden, n_genes, strategy, rng)
    pool, weights = _pool(n_genes, ends, strategy)
    available = _count_available(pool, forbidden, n_genes)
    if n_samples > available:
        raise ValueError(
            f"n_samples={n_samples} negative pairs were asked, but only {available} pairs of the {len(pool)} "
            f"candidate genes (strategy={strategy!r}) are no known interaction. Ask for fewer."
        )
    found = _reject(n_samples, pool, weights, forbidden, n_genes, rng)
    if len(found) < n_samples:
        found = _enumerate(n_samples, found, pool, weights, forbidden, n_genes, rng)
    return np.column_stack(np.divmod(found, n_genes))


def count_negative_positions(
    positives: np.ndarray,
    n_genes: int,
    *,
    strategy: str = "uniform",
    ends: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
    sides: tuple[np.ndarray, np.ndarray] | None = None,
    directed: bool = False,
) -> int:
    """Return how many pairs `sample_negative_positions` can draw with these arguments."""
    forbidden = _forbidden(positives, n_genes, exclude)
    ends = positives if ends is None else ends
    if sides is not None or directed:
        return _count_across(_two_pools(n_genes, ends, strategy, sides, directed), forbidden, n_genes)
    return _count_available(_pool(n_genes, ends, strategy)[0], forbidden, n_genes)


def _forbidden(positives: np.ndarray, n_genes: int, exclude: np.ndarray | None) -> np.ndarray:
    """Return the sorted codes of the pairs that must not be drawn."""
    codes = np.unique(pair_codes(positives, n_genes))
    if exclude is not None and len(exclude):
        codes = np.union1d(codes, pair_codes(exclude, n_genes))
    # A pair of a gene with itself is no candidate, so it must not count as one that is taken.
    return codes[codes // n_genes != codes % n_genes]


def _pool(n_genes: int, ends: np.ndarray, strategy: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the candidate genes, and how often each occurs for the strategy "degree"."""
    if strategy == "uniform":
        return np.arange(n_genes), None
    genes, counts = np.unique(ends, return_counts=True)
    return genes, counts if strategy == "degree" else None


def _two_pools(
    n_genes: int,
    ends: np.ndarray,
    strategy: str,
    sides: tuple[np.ndarray, np.ndarray] | None,
    directed: bool,
) -> tuple[_Pool, _Pool]:
    """Return the candidates for the first and for the second gene of a pair."""
    pools = []
    for column in (0, 1):
        genes, weights = _pool(n_genes, ends[:, column] if directed else ends, strategy)
        if sides is not None:
            inside = np.isin(genes, sides[column])
            genes, weights = genes[inside], None if weights is None else weights[inside]
        pools.append((genes, weights))
    return pools[0], pools[1]


def _sample_across(
    n_samples: int,
    pools: tuple[_Pool, _Pool],
    forbidden: np.ndarray,
    n_genes: int,
    strategy: str,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw the first gene of each pair from one pool and the second from another."""
    available = _count_across(pools, forbidden, n_genes)
    if n_samples > available:
        raise ValueError(
            f"n_samples={n_samples} negative pairs were asked, but only {available} pairs of one of {len(pools[0][0])} "
            f"and one of {len(pools[1][0])} candidate genes (strategy={strategy!r}) are no known interaction. Ask for "
            "fewer."
        )
    cumulative = [None if weights is None else np.cumsum(weights) for _, weights in pools]
    found = np.empty((0, 2), dtype=np.int64)
    acceptance = 1.0
    while len(found) < n_samples and acceptance > _ACCEPTANCE:
        n_draws = int((n_samples - len(found)) / acceptance * 1.1) + 16
        drawn = np.column_stack([_draw(n_draws, pools[k][0], cumulative[k], rng) for k in (0, 1)])
        grown = _new_pairs(found, drawn, forbidden, n_genes)
        acceptance = (len(grown) - len(found)) / n_draws
        found = grown
    if len(found) < n_samples:
        found = _new_pairs(found, _all_across(pools, rng), forbidden, n_genes)
    return found[:n_samples]


def _new_pairs(found: np.ndarray, drawn: np.ndarray, forbidden: np.ndarray, n_genes: int) -> np.ndarray:
    """Add those drawn pairs that are allowed and not found yet, in either order; their own order is kept."""
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    drawn = drawn[~_contains(forbidden, pair_codes(drawn, n_genes))]
    pairs = np.concatenate([found, drawn])
    _, first = np.unique(pair_codes(pairs, n_genes), return_index=True)
    return pairs[np.sort(first)]


def _all_across(pools: tuple[_Pool, _Pool], rng: np.random.RandomState) -> np.ndarray:
    """Return all pairs across, in an order in which the first n of them are a sample by the weights."""
    (first, first_weights), (second, second_weights) = pools
    pairs = np.column_stack([np.repeat(first, len(second)), np.tile(second, len(first))])
    # Exponential keys draw without replacement in proportion to the weights.
    keys = rng.standard_exponential(len(pairs))
    if first_weights is not None and second_weights is not None:
        keys /= np.outer(first_weights.astype(float), second_weights).ravel()
    return pairs[np.argsort(keys, kind="stable")]


def _count_across(pools: tuple[_Pool, _Pool], forbidden: np.ndarray, n_genes: int) -> int:
    (first, _), (second, _) = pools
    n_both = len(np.intersect1d(first, second))
    # Two genes that are on both sides are one pair, though there are two ways to draw it.
    n_pairs = len(first) * len(second) - n_both - n_both * (n_both - 1) // 2
    low, high = np.divmod(forbidden, n_genes)
    taken = (np.isin(low, first) & np.isin(high, second)) | (np.isin(low, second) & np.isin(high, first))
    return n_pairs - int(taken.sum())


def _count_available(pool: np.ndarray, forbidden: np.ndarray, n_genes: int) -> int:
    inside = np.isin(forbidden // n_genes, pool) & np.isin(forbidden % n_genes, pool)
    return len(pool) * (len(pool) - 1) // 2 - int(inside.sum())


def _reject(
    n_samples: int,
    pool: np.ndarray,
    weights: np.ndarray | None,
    forbidden: np.ndarray,
    n_genes: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw pairs and keep the new ones, until there are enough or hardly any draw is new."""
    cumulative = None if weights is None else np.cumsum(weights)
    found = np.empty(0, dtype=np.int64)
    acceptance = 1.0
    while len(found) < n_samples and acceptance > _ACCEPTANCE:
        n_draws = int((n_samples - len(found)) / acceptance * 1.1) + 16
        drawn = _draw((n_draws, 2), pool, cumulative, rng)
        codes = pair_codes(drawn[drawn[:, 0] != drawn[:, 1]], n_genes)
        codes = codes[~_contains(forbidden, codes)]
        grown = _unique_in_order(np.concatenate([found, codes]))
        acceptance = (len(grown) - len(found)) / n_draws
        found = grown
    return found[:n_samples]


def _draw(size: Any, pool: np.ndarray, cumulative: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
    if cumulative is None:
        return pool[rng.randint(len(pool), size=size)]
    return pool[np.searchsorted(cumulative, rng.randint(cumulative[-1], size=size), side="right")]


def _contains(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Tell which values are in a sorted array; faster than np.isin, which sorts it again."""
    if len(ordered) == 0:
        return np.zeros(len(values), dtype=bool)
    places = np.searchsorted(ordered, values)
    return ordered[np.minimum(places, len(ordered) - 1)] == values


def _unique_in_order(codes: np.ndarray) -> np.ndarray:
    """Drop repetitions and keep the order, so that the first n of them are a fair sample."""
    _, first = np.unique(codes, return_index=True)
    return codes[np.sort(first)]


def _enumerate(
    n_samples: int,
    found: np.ndarray,
    pool: np.ndarray,
    weights: np.ndarray | None,
    forbidden: np.ndarray,
    n_genes: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Complete the sample from the list of all pairs that are left."""
    low, high = np.triu_indices(len(pool), k=1)
    codes = pool[low].astype(np.int64) * n_genes + pool[high]
    free = ~_contains(forbidden, codes) & ~np.isin(codes, found)
    codes = codes[free]
    if weights is None:
        chosen = rng.choice(codes, size=n_samples - len(found), replace=False)
    else:
        # Exponential keys draw without replacement in proportion to the weights.
        keys = rng.standard_exponential(len(codes)) / (weights[low[free]].astype(float) * weights[high[free]])
        chosen = codes[np.argsort(keys, kind="stable")[: n_samples - len(found)]]
    return np.concatenate([found, chosen])
