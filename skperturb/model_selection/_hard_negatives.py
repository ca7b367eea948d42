"""Hard negatives of each interaction, as the HeaRT benchmark draws them."""

import numpy as np

from skperturb._pairs import symmetric_graph
from skperturb.interactions._neighborhood_rows import NeighborhoodRows
from skperturb.interactions._neighborhoods import Neighborhoods, path_weights

__all__ = ["hard_negative_positions"]

# Genes whose scores with all genes are held at a time: a dozen tables of 20 MB with 10,000 genes.
_ROWS_PER_BLOCK = 256


def hard_negative_positions(
    n_each: int, ends: np.ndarray, known: np.ndarray, hidden: np.ndarray, n_genes: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return for each interaction pairs of one of its genes with another gene that seems as close.

    Half of them keep the first gene, half the second one. The other genes are ranked by common neighbors, by resource
    allocation and by random walks of three steps in the graph of the known interactions without `ends` and `hidden`; a
    gene counts by the best of its three ranks, then by their sum, and ties are broken at random.

    Parameters
    ----------
    n_each : int
    ends : ndarray of shape (n_pairs, 2)
        The interactions.
    known : ndarray of shape (n_known, 2)
        None of these, nor of `ends`, is drawn.
    hidden : ndarray of shape (n_hidden, 2)
    n_genes : int
    rng : RandomState

    Returns
    -------
    ndarray of shape (n_pairs, n_each, 2)

    Raises
    ------
    ValueError
        If a gene has too few other genes that it does not interact with.
    """
    everything = symmetric_graph(np.concatenate([known, ends, hidden]), n_genes)
    tested = symmetric_graph(np.concatenate([ends, hidden]), n_genes)
    graph = symmetric_graph(known, n_genes)
    rest = (graph - graph.multiply(tested)).tocsr()
    rest.eliminate_zeros()
    # Interactions that are all that is known are judged in their own graph.
    near = NeighborhoodRows(Neighborhoods(rest if rest.nnz else graph))
    counts = (n_each - n_each // 2, n_each // 2)
    sources, group = np.unique(ends.ravel(), return_inverse=True)
    best = np.empty((len(sources), counts[0]), dtype=np.int64)
    for start in range(0, len(sources), _ROWS_PER_BLOCK):
        block = sources[start : start + _ROWS_PER_BLOCK]
        taken = everything[block].toarray() > 0
        taken[np.arange(len(block)), block] = True
        best[start : start + len(block)] = _closest(near, block, taken, counts[0], rng)
    group = group.reshape(-1, 2)
    parts = [
        np.stack([np.repeat(ends[:, side, None], count, axis=1), best[group[:, side], :count]], axis=-1)
        for side, count in enumerate(counts)
    ]
    return np.concatenate(parts, axis=1)


def _closest(
    near: NeighborhoodRows, sources: np.ndarray, taken: np.ndarray, count: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return the closest genes of each source that are not taken, the closest first."""
    free = (~taken).sum(axis=1)
    if (free < count).any():
        raise ValueError(
            f"n_samples asks for {count} genes that a gene does not interact with, but one of the genes has only "
            f"{int(free.min())}; ask for fewer."
        )
    degrees = near.degrees
    scores = (
        near.common(sources),
        near.common(sources, 1.0 / np.maximum(degrees, 1.0)),
        near.paths_of_three(sources, path_weights(degrees, "degree")),
    )
    shuffled = rng.permutation(len(degrees))
    ranks = [_ranks(np.where(taken, -np.inf, score)) for score in scores]
    total = np.sum(ranks, axis=0)
    key = np.minimum.reduce(ranks) * (3.0 * len(degrees) + 1.0) + total
    key[taken] = np.inf
    return shuffled[np.argsort(key[:, shuffled], axis=1, kind="stable")[:, :count]]


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Rank each row from its largest entry, from 0; equal ones share the rank of the first."""
    ascending = np.sort(-scores, axis=1)
    return np.stack([np.searchsorted(row, -values) for row, values in zip(ascending, scores, strict=True)])
