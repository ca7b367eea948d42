"""What the predictors that learn nothing share: validation in fit, the loop of predict, score and tags."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skperturb._alignment import is_default, name_positions
from skperturb._sklearn import fit_context
from skperturb._validation import (
    NetworkRecord,
    as_sequence,
    check_same_length,
    coerce_matrix,
    ensure_networks,
)
from skperturb.metrics import spearman_correlation
from skperturb.networks._sources import resolve_sources

__all__ = ["NetworkPredictorMixin", "as_object_array", "select_columns"]


def as_object_array(items: list[Any]) -> np.ndarray:
    """Return the items as a 1-D object array, whatever their shapes."""
    # np.array(items, dtype=object) would turn matrices of equal shape into a 3-D array.
    result = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        result[i] = item
    return result


class NetworkPredictorMixin:
    """Mixin of estimators that predict one sensitivity matrix per network from its sign pattern."""

    # Parameter of every predictor; documented by each.
    sources: Sequence[Any] | None

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the networks; there is nothing to learn.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices, default=None
            True sensitivity matrices; only their number, size and names are checked, and that each has an entry
            that is not NaN.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        TypeError
            If `X` is no sequence of matrices.
        ValueError
            If a network is not square, not finite or badly labeled, or `y` does not fit `X`.
        """
        records = ensure_networks(X)
        self._columns(records)
        self._details(as_sequence(X), records)
        if y is not None:
            _check_targets(records, y)
        return self

    def predict(self, X):
        """Predict the sensitivity matrix of each network.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One matrix per network, row i responding to source column j; a DataFrame where the network had
            names, 0 × 0 for an empty network. With `sources`, their columns only.
        """
        self._validate_params()  # type: ignore[attr-defined]
        records = ensure_networks(X)
        items = zip(records, self._columns(records), self._details(as_sequence(X), records), strict=True)
        return as_object_array([self._predict_network(*item) for item in items])

    def score(self, X, y):
        """Return the mean Spearman correlation of predicted and true magnitudes.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices
            True sensitivity matrices, aligned by name where both sides have names; NaN marks undefined entries,
            which are left out. With `sources`, a matrix without names has a column per node or a column per source.

        Returns
        -------
        float
            `skperturb.metrics.spearman_correlation` over whole matrices, ties broken by average ranks; an
            empty network counts as 0.
        """
        if self.sources is not None:
            records = ensure_networks(X)
            y = select_columns(records, self._columns(records), y)
        return spearman_correlation(y, self.predict(X))

    def _columns(self, records: list[NetworkRecord]) -> list[Any]:
        """Return the positions of the wanted sources in each network, None for all."""
        if self.sources is None:
            return [None] * len(records)
        return resolve_sources(self.sources, records)

    def _details(self, items: list[Any], records: list[NetworkRecord]) -> list[Any]:
        """Return, and check, what the prediction of each network needs besides the network."""
        return [None] * len(records)

    def _predict_network(self, record: NetworkRecord, columns: np.ndarray | None, detail: Any) -> Any:
        """Predict one network, labeled as it is, in some columns: the one method that every predictor defines."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.requires_fit = False
        return tags


def select_columns(records: list[NetworkRecord], columns: list[Any], y: Any) -> list[Any]:
    """Keep the columns of the sources where the truth has no names to align by."""
    targets = as_sequence(y, "y", "a sequence of sensitivity matrices")
    check_same_length(records, targets, ("X", "y"))
    selected = []
    for i, positions in enumerate(columns):
        matrix, names, _ = coerce_matrix(targets[i], f"y[{i}]", finite=False)
        unlabeled = names is None or records[i].names is None
        whole = unlabeled and matrix.shape[1] == records[i].n_nodes
        selected.append(matrix[:, positions] if whole else targets[i])
    return selected


def _check_targets(records: list[NetworkRecord], y: Any) -> None:
    targets = as_sequence(y, "y", "a sequence of sensitivity matrices")
    check_same_length(records, targets, ("X", "y"))
    for i, (record, target) in enumerate(zip(records, targets, strict=True)):
        matrix, index, _ = coerce_matrix(target, f"y[{i}]", finite=False)
        if matrix.size and isinstance(matrix, np.ndarray) and np.isnan(matrix).all():
            raise ValueError(f"y[{i}] has no defined entry: all are NaN. Leave it out, and X[{i}].")
        if matrix.shape[0] != record.n_nodes:
            raise ValueError(f"y[{i}] has {matrix.shape[0]} rows but X[{i}] has {record.n_nodes} nodes.")
        if index is not None and record.names is not None and not (is_default(index) or is_default(record.names)):
            name_positions(index, record.names, (f"y[{i}].index", f"X[{i}].index"))
