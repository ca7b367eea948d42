"""Neighborhood scores of some genes with all genes at once: what a ranking of all candidates begins with."""

import numpy as np

from skperturb.interactions._neighborhoods import Neighborhoods

__all__ = ["NeighborhoodRows"]


class NeighborhoodRows:
    """The scores of `Neighborhoods`, for all pairs of some source nodes.

    The methods are named alike, so that a score that is written for single pairs is one for rows too; where single
    pairs have a last axis, so have rows. Products of all pairs share their steps: a row costs as much as its
    neighborhood has edges, whatever the number of pairs.

    Parameters
    ----------
    near : Neighborhoods
    """

    def __init__(self, near: Neighborhoods) -> None:
        self.near = near
        self.degrees = near.degrees

    def linked(self, sources: np.ndarray) -> np.ndarray:
        """Return the rows of the adjacency matrix, shape (n_sources, n_nodes)."""
        return self.near.graph[sources].toarray()

    def pair_degrees(self, sources: np.ndarray) -> np.ndarray:
        """Return the degrees of both nodes without the pair's own edge, shape (n_sources, n_nodes, 2)."""
        both = np.stack(np.broadcast_arrays(self.degrees[sources][:, None], self.degrees[None, :]), axis=-1)
        return both - self.linked(sources)[:, :, None]

    def common(self, sources: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Sum the weights of the common neighbors, shape (n_sources, n_nodes)."""
        rows = self.near.graph[sources]
        rows = rows if weights is None else rows.multiply(weights[None, :]).tocsr()
        return (rows @ self.near.graph).toarray()

    def paths_of_three(self, sources: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum over the paths of length three the product of both inner weights, shape (n_sources, n_nodes)."""
        graph = self.near.graph
        rows = graph[sources].multiply(weights[None, :]).tocsr()
        two = (rows @ graph).multiply(weights[None, :]).toarray()
        # From the left, because the graph is symmetric and a sparse matrix times dense columns reads memory in order.
        walks = np.ascontiguousarray((graph @ np.ascontiguousarray(two.T)).T)
        row = np.repeat(np.arange(len(sources)), np.diff(rows.indptr))
        pairs = np.column_stack([sources[row], rows.indices])
        walks[row, rows.indices] = self.near.without_own_edge(walks[row, rows.indices], pairs, weights)
        return walks
