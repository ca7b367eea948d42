"""Negative pairs without replacement, by position; `skperturb.model_selection` gives them names."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skperturb._pairs import pair_codes

__all__ = ["STRATEGIES", "count_negative_positions", "sample_negative_positions"]

STRATEGIES = ("uniform", "connected", "degree")
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
    random_state: Any = None,
) -> np.ndarray:
    """Draw different unordered pairs that are neither positive nor excluded.

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
    random_state : int, RandomState or None

    Returns
    -------
    ndarray of shape (n_samples, 2)
        Each pair once, the smaller position first.

    Raises
    ------
    ValueError
        If fewer than `n_samples` pairs exist.
    """
    rng = check_random_state(random_state)
    pool, weights = _pool(n_genes, positives if ends is None else ends, strategy)
    forbidden = _forbidden(positives, n_genes, exclude)
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
) -> int:
    """Return how many pairs `sample_negative_positions` can draw with these arguments."""
    pool, _ = _pool(n_genes, positives if ends is None else ends, strategy)
    return _count_available(pool, _forbidden(positives, n_genes, exclude), n_genes)


def _forbidden(positives: np.ndarray, n_genes: int, exclude: np.ndarray | None) -> np.ndarray:
    """Return the sorted codes of the pairs that must not be drawn."""
    codes = np.unique(pair_codes(positives, n_genes))
    return codes if exclude is None or len(exclude) == 0 else np.union1d(codes, pair_codes(exclude, n_genes))


def _pool(n_genes: int, ends: np.ndarray, strategy: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the candidate genes, and how often each occurs for the strategy "degree"."""
    if strategy == "uniform":
        return np.arange(n_genes), None
    genes, counts = np.unique(ends, return_counts=True)
    return genes, counts if strategy == "degree" else None


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
        drawn = _draw(n_draws, pool, cumulative, rng)
        codes = pair_codes(drawn[drawn[:, 0] != drawn[:, 1]], n_genes)
        codes = codes[~_contains(forbidden, codes)]
        grown = _unique_in_order(np.concatenate([found, codes]))
        acceptance = (len(grown) - len(found)) / n_draws
        found = grown
    return found[:n_samples]


def _draw(n_draws: int, pool: np.ndarray, cumulative: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
    if cumulative is None:
        return pool[rng.randint(len(pool), size=(n_draws, 2))]
    return pool[np.searchsorted(cumulative, rng.randint(cumulative[-1], size=(n_draws, 2)), side="right")]


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
