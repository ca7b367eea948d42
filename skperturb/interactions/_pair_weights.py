"""Weights of pairs: an argument of `fit`, or a third column that says so."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import as_pandas
from skperturb._pairs import check_same_rows

__all__ = ["WEIGHT_COLUMNS", "ensure_weights", "without_weights"]

#: Names of a third column that holds weights, in any case.
WEIGHT_COLUMNS = ("weight", "confidence", "score")


def ensure_weights(X: Any, sample_weight: Any = None) -> tuple[Any, np.ndarray | None]:
    """Split pairs from their weights.

    Parameters
    ----------
    X : array-like of shape (n_pairs, 2), or DataFrame of shape (n_pairs, 3)
        The third column is named as `WEIGHT_COLUMNS` says.
    sample_weight : array-like of shape (n_pairs,), default=None
        Multiplies a column of `X`.

    Returns
    -------
    pairs : array-like of shape (n_pairs, 2)
    weights : ndarray of shape (n_pairs,) or None

    Raises
    ------
    TypeError
        If weights are no numbers.
    ValueError
        If one is negative or not finite, all are zero, there are not as many as pairs, or their rows have other names.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.interactions._pair_weights import ensure_weights
    >>> ensure_weights(pd.DataFrame({"a": ["x"], "b": ["y"], "confidence": [0.4]}))[1]
    array([0.4])
    """
    X, values = _divided(X)
    column = None if values is None else _numbers(values, f"column {values.name!r} of X", len(values))
    if sample_weight is None:
        return X, column
    check_same_rows(X, sample_weight, "sample_weight")
    weights = _numbers(sample_weight, "sample_weight", len(X))
    return X, weights if column is None else weights * column


def without_weights(X: Any) -> Any:
    """Return pairs without the column of their weights, whatever it holds: a prediction does not use it.

    Parameters
    ----------
    X : array-like of shape (n_pairs, 2), or DataFrame of shape (n_pairs, 3)

    Returns
    -------
    array-like of shape (n_pairs, 2)
    """
    return _divided(X)[0]


def _divided(X: Any) -> tuple[Any, pd.Series | None]:
    """Split pairs from the column of weights, if there is one."""
    frame = X
    if not isinstance(X, pd.DataFrame | np.ndarray) and hasattr(X, "columns"):
        frame = as_pandas(X)
    if isinstance(frame, pd.DataFrame) and frame.shape[1] == 3 and str(frame.columns[2]).lower() in WEIGHT_COLUMNS:
        return frame.iloc[:, :2], frame.iloc[:, 2]
    return X, None


def _numbers(values: Any, name: str, n_pairs: int) -> np.ndarray:
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is not numeric ({error}); expected one weight for each pair.") from error
    if weights.shape != (n_pairs,):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({n_pairs},), one weight for each pair.")
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{name} is {weights[row]} in row {row}; expected finite weights that are not negative.")
    if n_pairs and not weights.any():
        raise ValueError(f"{name} is zero for all {n_pairs} pairs; expected at least one pair that counts.")
    # Only ratios count where a sum would overflow.
    largest = weights.max(initial=0.0)
    return weights / largest if largest > np.finfo(np.float64).max / max(n_pairs, 1) else weights
