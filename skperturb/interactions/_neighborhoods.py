"""Neighborhood scores of pairs, by sparse linear algebra over the asked pairs only."""

import numpy as np
import scipy.sparse as sp

__all__ = ["Neighborhoods", "path_weights"]

# Both bound the memory alone, no result: sparse rows of two genes for each pair, and dense rows of all genes
# (20 MB with 10,000 genes).
_PAIRS_PER_BLOCK = 20_000
_ROWS_PER_BLOCK = 256


class Neighborhoods:
    """Neighborhood scores in an undirected graph.

    No score of a pair uses the pair's own edge, so pairs that the graph was built from and new pairs are scored alike.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
        Symmetric 0/1 adjacency matrix without diagonal.
    """

    def __init__(self, graph: sp.csr_array) -> None:
        self.graph = graph.tocsr()
        self.graph.sort_indices()
        self.degrees = np.diff(self.graph.indptr).astype(float)

    def linked(self, pairs: np.ndarray) -> np.ndarray:
        """Tell which pairs are edges of the graph (1.0 or 0.0)."""
        return np.asarray(self.graph[pairs[:, 0], pairs[:, 1]]).ravel()

    def pair_degrees(self, pairs: np.ndarray) -> np.ndarray:
        """Return the degrees of both nodes of each pair without its own edge, shape (n_pairs, 2)."""
        return self.degrees[pairs] - self.linked(pairs)[:, None]

    def common(self, pairs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Sum the weights of the common neighbors, Σ_x A_ux w_x A_xv; their number when `weights` is None."""
        weighted = self.graph if weights is None else self.graph.multiply(weights[None, :]).tocsr()
        scores = np.zeros(len(pairs))
        for start in range(0, len(pairs), _PAIRS_PER_BLOCK):
            block = pairs[start : start + _PAIRS_PER_BLOCK]
            shared = weighted[block[:, 0]].multiply(self.graph[block[:, 1]])
            scores[start : start + len(block)] = np.asarray(shared.sum(axis=1)).ravel()
        return scores

    def paths_of_three(self, pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum over the paths u–x–y–v the product of the weights of x and y.

        Parameters
        ----------
        pairs : ndarray of shape (n_pairs, 2)
        weights : ndarray of shape (n_nodes,)

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        inner = self.graph.multiply(weights[:, None]).multiply(weights[None, :]).tocsr()
        # The walks from the node with more neighbors, read at the neighbors of the one with fewer.
        swap = self.degrees[pairs[:, 0]] < self.degrees[pairs[:, 1]]
        ordered = np.where(swap[:, None], pairs[:, ::-1], pairs)
        walks = np.zeros(len(pairs))
        sources, group = np.unique(ordered[:, 0], return_inverse=True)
        by_source = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[by_source], np.arange(0, len(sources) + _ROWS_PER_BLOCK, _ROWS_PER_BLOCK))
        for block, first in enumerate(range(0, len(sources), _ROWS_PER_BLOCK)):
            rows = self.graph[sources[first : first + _ROWS_PER_BLOCK]] @ inner
            asked = by_source[bounds[block] : bounds[block + 1]]
            walks[asked] = self._read(rows.toarray(), group[asked] - first, ordered[asked, 1])
        return walks - self.walks_over_edge(pairs, weights)

    def _read(self, rows: np.ndarray, row: np.ndarray, node: np.ndarray) -> np.ndarray:
        """Sum ``rows[row]`` over the neighbors of ``node``."""
        sums = np.zeros(len(row))
        for start in range(0, len(row), _PAIRS_PER_BLOCK):
            neighbors = self.graph[node[start : start + _PAIRS_PER_BLOCK]]
            counts = np.diff(neighbors.indptr)
            which = np.repeat(np.arange(len(counts)), counts)
            values = rows[row[start : start + _PAIRS_PER_BLOCK][which], neighbors.indices]
            sums[start : start + len(counts)] = np.bincount(which, values, minlength=len(counts))
        return sums

    def walks_over_edge(self, pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum the walks of length three that use the edge of the pair itself, if there is one: no paths."""
        u, v = pairs.T
        around = self.graph @ weights
        both = weights[u] * weights[v]
        return self.linked(pairs) * (weights[v] * around[v] + weights[u] * around[u] - both)


def path_weights(degrees: np.ndarray, normalization: str) -> np.ndarray:
    """Return the factor by which each gene in the middle of a path discounts it."""
    return np.maximum(degrees, 1.0) ** (-0.5 if normalization == "sqrt" else -1.0)
