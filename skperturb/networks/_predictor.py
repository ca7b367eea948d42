"""What the topology-only predictors share: validation in fit, the loop of predict, score and tags."""

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

__all__ = ["NetworkPredictorMixin", "as_object_array"]


def as_object_array(items: list[Any]) -> np.ndarray:
    """Return the items as a 1-D object array, whatever their shapes."""
    # np.array(items, dtype=object) would turn matrices of equal shape into a 3-D array.
    result = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        result[i] = item
    return result


class NetworkPredictorMixin:
    """Mixin of estimators that predict one sensitivity matrix per network from its sign pattern."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the networks; there is nothing to learn.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices, default=None
            True sensitivity matrices; only their number, size and names are checked.

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
        self._details(records)
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
            names, 0 × 0 for an empty network.
        """
        self._validate_params()  # type: ignore[attr-defined]
        records = ensure_networks(X)
        pairs = zip(records, self._details(records), strict=True)
        return as_object_array([self._predict_network(record, detail) for record, detail in pairs])

    def score(self, X, y):
        """Return the mean Spearman correlation of predicted and true magnitudes.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices
            True sensitivity matrices, aligned by name where both sides have names.

        Returns
        -------
        float
            `skperturb.metrics.spearman_correlation` over whole matrices, ties broken by average ranks; an
            empty network counts as 0.
        """
        return spearman_correlation(y, self.predict(X))

    def _details(self, records: list[NetworkRecord]) -> list[Any]:
        """Return, and check, what the prediction of each network needs besides the network."""
        return [None] * len(records)

    def _predict_network(self, record: NetworkRecord, detail: Any) -> Any:
        """Predict one network, labeled as it is: the one method that every predictor defines."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.requires_fit = False
        return tags


def _check_targets(records: list[NetworkRecord], y: Any) -> None:
    targets = as_sequence(y, "y", "a sequence of sensitivity matrices")
    check_same_length(records, targets, ("X", "y"))
    for i, (record, target) in enumerate(zip(records, targets, strict=True)):
        matrix, index, _ = coerce_matrix(target, f"y[{i}]")
        if matrix.shape[0] != record.n_nodes:
            raise ValueError(f"y[{i}] has {matrix.shape[0]} rows but X[{i}] has {record.n_nodes} nodes.")
        if index is not None and record.names is not None and not (is_default(index) or is_default(record.names)):
            name_positions(index, record.names, (f"y[{i}].index", f"X[{i}].index"))
