"""Prediction by the length of the shortest path."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from skperturb._validation import (
    NetworkRecord,
    as_sequence,
    check_same_length,
    coerce_matrix,
    ensure_networks,
)
from skperturb.base import BaseEstimator
from skperturb.networks._predictor import NetworkPredictorMixin
from skperturb.networks._sign_pattern import sign_pattern, symmetrized
from skperturb.networks._sources import resolve_sources

__all__ = ["DynamoDistance"]


class DynamoDistance(NetworkPredictorMixin, BaseEstimator):
    r"""Predict that a perturbation fades with the length of the shortest path from its source.

    The distance model of DYNAMO [1]_. With :math:`d(j \to i)` the number of edges on the shortest path from
    source j to target i, where j → i is an edge wherever :math:`A_{ij} \neq 0`,

    .. math:: P_{ij} = \frac{1}{1 + d(j \to i)},

    1 on the diagonal and 0 where i can't be reached.

    Parameters
    ----------
    directed : bool, default=True
        Whether paths follow the direction of the edges.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each in this order; None means every node. A name is looked up
        in labeled networks, an integer is a position from 0 (or a name, where the names are integers).
        A sequence of sequences has one entry per network of `X`. Ignored for empty networks.

    See Also
    --------
    DynamoPropagation : Diffusion over the network.
    DynamoFirstNeighbor : Direct influence alone.

    Notes
    -----
    The estimator learns nothing: `predict` works before `fit`. Only where A is zero matters, never the
    kinetic constants behind its magnitudes. The paths from one source take O(n_edges + n_nodes log n_nodes)
    time; with `sources`, memory is O(n_edges + n_nodes · n_sources), so large sparse networks never become
    dense.

    References
    ----------
    .. [1] Santolini, M. & Barabási, A.-L. (2018). Predicting perturbation patterns from the topology of
       biological networks. PNAS 115(27), E6375–E6383.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.networks import DynamoDistance
    >>> names = ["mRNA", "protein", "product"]
    >>> cascade = pd.DataFrame([[-1, 0, 0], [2, -1, 0], [0, 3, -1]], index=names, columns=names)
    >>> DynamoDistance().predict([cascade])[0].round(3)
              mRNA  protein  product
    mRNA     1.000      0.0      0.0
    protein  0.500      1.0      0.0
    product  0.333      0.5      1.0
    >>> DynamoDistance(sources=["protein"]).predict([cascade])[0]
             protein
    mRNA         0.0
    protein      1.0
    product      0.5
    """

    _parameter_constraints: ClassVar[dict] = {"directed": ["boolean"], "sources": ["array-like", None]}

    def __init__(self, directed: bool = True, sources: Sequence[Any] | None = None) -> None:
        self.directed = directed
        self.sources = sources

    def score(self, X, y):
        """Return the mean Spearman correlation of predicted and true magnitudes.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices
            True sensitivity matrices, aligned by name where both sides have names. With `sources`, a matrix
            without names has a column per node or a column per source.

        Returns
        -------
        float
            `skperturb.metrics.spearman_correlation` over whole matrices, ties broken by average ranks; an
            empty network counts as 0.
        """
        if self.sources is not None:
            y = self._select_columns(ensure_networks(X), y)
        return super().score(X, y)

    def _select_columns(self, records: list[NetworkRecord], y: Any) -> list[Any]:
        """Keep the columns of the sources where the truth has no names to align by."""
        targets = as_sequence(y, "y", "a sequence of sensitivity matrices")
        check_same_length(records, targets, ("X", "y"))
        selected = []
        for i, positions in enumerate(self._details(records)):
            matrix, names, _ = coerce_matrix(targets[i], f"y[{i}]")
            unlabeled = names is None or records[i].names is None
            whole = unlabeled and matrix.shape[1] == records[i].n_nodes
            selected.append(matrix[:, positions] if whole else targets[i])
        return selected

    def _details(self, records: list[NetworkRecord]) -> list[Any]:
        if self.sources is None:
            return [None] * len(records)
        return resolve_sources(self.sources, records)

    def _predict_network(self, record: NetworkRecord, detail: np.ndarray | None) -> Any:
        if record.n_nodes == 0:
            return record.label(np.empty((0, 0)))
        # Row i of the Jacobian lists who influences i, so the edges j -> i are those of its transpose.
        pattern = sign_pattern(record, signed=False).T if self.directed else symmetrized(record)
        lengths = dijkstra(sp.csr_array(pattern), directed=True, indices=detail, unweighted=True)
        return record.label(np.ascontiguousarray((1 / (1 + lengths)).T), detail)
