"""Neighborhood scores of pairs, by sparse linear algebra over the asked pairs only."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

__all__ = ["Neighborhoods", "path_weights"]

# Both bound the memory alone, no result: sparse rows of two genes for each pair, and dense rows of all genes
# (20 MB with 10,000 genes).
_PAIRS_PER_BLOCK = 20_000
_ROWS_PER_BLOCK = 256
# The share of a sum that is rounding and no path, although a model would scale it to size one. A path is more than that
# while the product of the degrees of its inner nodes is below 10¹³.
_ROUNDING = 1e-13


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
        # Of no pairs scipy makes an array that holds an empty matrix as an object.
        return np.asarray(self.graph[pairs[:, 0], pairs[:, 1]]).ravel() if len(pairs) else np.zeros(0)

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
        for sources, asked, row in _by_source(ordered[:, 0]):
            rows = self.graph[sources] @ inner
            walks[asked] = self._read(rows.toarray(), row, ordered[asked, 1])
        return self.without_own_edge(walks, pairs, weights)

    def partner_similarity(self, pairs: np.ndarray) -> np.ndarray:
        r"""Return how similar one node of a pair is to that partner of the other node which it resembles most.

        Similarity is the Jaccard index of the neighborhoods. A node that resembles a partner of v probably joins v.

        Parameters
        ----------
        pairs : ndarray of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs, 2)
            For the first and for the second node.
        """
        both = np.concatenate([pairs, pairs[:, ::-1]])
        own = self.linked(both)
        similar = np.zeros(len(both))
        for sources, asked, row in _by_source(both[:, 0]):
            common = (self.graph[sources] @ self.graph).tocsr()
            shared = common.toarray()
            unions = self.degrees[sources].repeat(np.diff(common.indptr)) + self.degrees[common.indices] - common.data
            common.data /= unions
            jaccard = common.toarray()
            free, known = own[asked] == 0, np.flatnonzero(own[asked])
            similar[asked[free]] = self._read(jaccard, row[free], both[asked[free], 1], largest=True)
            for start in range(0, len(known), _PAIRS_PER_BLOCK):
                part = known[start : start + _PAIRS_PER_BLOCK]
                similar[asked[part]] = self._most_similar_without(both[asked[part]], shared, row[part])
        return similar.reshape(2, -1).T

    def _most_similar_without(self, pairs: np.ndarray, shared: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Return the similarity of joined nodes as it is without their edge; ``shared[row]`` counts common ones."""
        neighbors = self.graph[pairs[:, 1]]
        which = np.repeat(np.arange(len(pairs)), np.diff(neighbors.indptr))
        node, partner = pairs[which, 0], neighbors.indices
        # The second node is a partner of all its partners, and of the first one by the pair's own edge alone.
        common = shared[row[which], partner] - 1.0
        values = common / (self.degrees[node] - 1.0 + self.degrees[partner] - common)
        values[partner == node] = 0.0
        return np.maximum.reduceat(values, neighbors.indptr[:-1])

    def _read(self, rows: np.ndarray, row: np.ndarray, node: np.ndarray, largest: bool = False) -> np.ndarray:
        """Sum ``rows[row]`` over the neighbors of ``node``, or take the largest entry (at least 0)."""
        values = np.zeros(len(row))
        for start in range(0, len(row), _PAIRS_PER_BLOCK):
            neighbors = self.graph[node[start : start + _PAIRS_PER_BLOCK]]
            counts = np.diff(neighbors.indptr)
            which = np.repeat(np.arange(len(counts)), counts)
            read = rows[row[start : start + _PAIRS_PER_BLOCK][which], neighbors.indices]
            if largest:
                some = np.flatnonzero(counts)
                if len(some):
                    values[start + some] = np.maximum.reduceat(read, neighbors.indptr[some])
            else:
                values[start : start + len(counts)] = np.bincount(which, read, minlength=len(counts))
        return values

    def without_own_edge(self, walks: np.ndarray, pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Subtract from walks of length three those that use the edge of the pair itself, if there is one: no paths."""
        u, v = pairs.T
        around = self.graph @ weights
        both = weights[u] * weights[v]
        paths = walks - self.linked(pairs) * (weights[v] * around[v] + weights[u] * around[u] - both)
        return np.where(paths > _ROUNDING * walks, paths, 0.0)


def _by_source(sources: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield blocks of different sources, the places where they stand, and which of the block stands there."""
    different, group = np.unique(sources, return_inverse=True)
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(0, len(different) + _ROWS_PER_BLOCK, _ROWS_PER_BLOCK))
    for block, first in enumerate(range(0, len(different), _ROWS_PER_BLOCK)):
        asked = order[bounds[block] : bounds[block + 1]]
        yield different[first : first + _ROWS_PER_BLOCK], asked, group[asked] - first


def path_weights(degrees: np.ndarray, normalization: str) -> np.ndarray:
    """Return the factor by which each gene in the middle of a path discounts it."""
    return np.maximum(degrees, 1.0) ** (-0.5 if normalization == "sqrt" else -1.0)
