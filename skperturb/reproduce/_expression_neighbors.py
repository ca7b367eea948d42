"""Interactions of the genes with the most similar expression: what expression says of a gene without interactions."""

from typing import Any

import numpy as np

from skperturb.interactions import ExpressionCorrelation

__all__ = ["ExpressionNeighbors"]

_N_NEIGHBORS = 20
_POPULARITY = 0.01  # of the relative degree, small against a share: it orders pairs of which neighbors say nothing
_NO_WEIGHT = 1e-12  # where no neighbor is similar, all shares are zero, not 0/0
_LEAST = 1e-6  # keeps the logarithm finite where there is neither a share nor a degree


class ExpressionNeighbors(ExpressionCorrelation):
    """Score a pair by the share of one gene's neighbours in expression that interact with the other.

    Neighbours are the 20 connected genes with the highest Pearson correlation; each counts with the square of it. The
    share of the gene with fewer interactions is taken, and a hundredth of the other's relative popularity is added.
    """

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        degrees = np.diff(self._graph.indptr)
        first, second = positions.T
        # Equally popular genes in a fixed order, so that the order of a pair does not count.
        rarer_first = (degrees[first] < degrees[second]) | ((degrees[first] == degrees[second]) & (first < second))
        ordered = np.where(rarer_first[:, None], positions, positions[:, ::-1])
        connected = np.flatnonzero(degrees > 0)
        values: Any = self._expression
        scores = _POPULARITY * degrees[ordered[:, 1]] / degrees[connected].mean()
        for gene in np.unique(ordered[:, 0]):
            similarity = values[connected] @ values[gene] / values.shape[1]
            similarity[connected == gene] = 0.0
            nearest = np.argsort(-similarity, kind="stable")[:_N_NEIGHBORS]
            weights = np.maximum(similarity[nearest], 0.0) ** 2
            asked = ordered[:, 0] == gene
            shares = weights @ self._graph[connected[nearest]] / max(weights.sum(), _NO_WEIGHT)
            scores[asked] += shares[ordered[asked, 1]]
        return np.log(scores + _LEAST)[:, None]

    def _feature_names(self) -> list[str]:
        return ["neighbors"]
