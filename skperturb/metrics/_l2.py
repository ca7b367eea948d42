"""Euclidean distance between true and predicted responses."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._sklearn import StrOptions, validate_params
from skperturb.metrics._pairs import is_single, is_vector, matrix_pairs, reduce_scores

__all__ = ["l2_distance"]


@validate_params({"reduce": [StrOptions({"mean"}), None]}, prefer_skip_nested_validation=True)
def l2_distance(y_true: Any, y_pred: Any, *, reduce: str | None = "mean") -> float | np.ndarray:
    r"""Compute the Euclidean (for matrices: Frobenius) distance of prediction and truth per sample.

    .. math:: d_k = \lVert y_k - \hat y_k \rVert_2

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_outputs) or (n_samples,), or sequence of matrices
        The true responses. The rows of a 2-D array are the samples.
    y_pred : array-like of shape (n_samples, n_outputs) or (n_samples,), or sequence of matrices
        The predictions. DataFrames are aligned by name if both are labelled.
    reduce : {"mean"} or None, default="mean"
        Mean over the samples, or one distance per sample.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        The distance, in the units of the response; 0 for empty matrices.

    Raises
    ------
    TypeError
        If the input is not numeric.
    ValueError
        If the samples differ in number, shape or names, or hold NaN or infinity.

    Examples
    --------
    >>> from skperturb.metrics import l2_distance
    >>> import numpy as np
    >>> l2_distance(np.array([[3.0, 4.0], [0.0, 1.0]]), np.zeros((2, 2)))
    3.0
    >>> l2_distance([np.eye(2), np.zeros((3, 3))], [np.zeros((2, 2)), np.zeros((3, 3))], reduce=None)
    array([1.41421356, 0.        ])
    """
    y_true, y_pred = _rows_as_matrix(y_true), _rows_as_matrix(y_pred)
    pairs = matrix_pairs(y_true, y_pred)
    if is_single(y_true):
        pair = next(pairs)
        if not len(pair.truth):
            raise ValueError("y_true is empty; expected at least one sample.")
        return reduce_scores(list(np.linalg.norm(pair.truth - pair.prediction, axis=1)), reduce)
    return reduce_scores([float(np.linalg.norm(pair.truth - pair.prediction)) for pair in pairs], reduce)


def _rows_as_matrix(y: Any) -> Any:
    """Turn a sequence of vectors into a 2-D array and leave everything else alone."""
    if isinstance(y, pd.DataFrame | np.ndarray) or sp.issparse(y) or not isinstance(y, list | tuple):
        return y
    if y and all(is_vector(row) for row in y) and len({len(row) for row in y}) == 1:
        return np.asarray(y)
    return y
