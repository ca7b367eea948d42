"""Average ranks of the columns of a matrix."""

from typing import Any

import numpy as np
from scipy.stats import rankdata

__all__ = ["rank_data"]


def rank_data(values: Any, *, axis: int | None = 0) -> np.ndarray:
    """Rank values along an axis; tied values share the mean of their ranks.

    Parameters
    ----------
    values : array-like of any shape
        Real numbers. NaN marks what is left out: it stays NaN and uses up no rank.
    axis : int or None, default=0
        Axis to rank along: 0 ranks inside every column, None ranks all values together and keeps the shape.

    Returns
    -------
    ndarray of the same shape, float64
        Ranks from 1 (smallest).

    Raises
    ------
    TypeError
        If `values` is not numeric.

    See Also
    --------
    scipy.stats.rankdata : The vectorized implementation behind it.

    Examples
    --------
    >>> from skperturb.metrics import rank_data
    >>> rank_data([[3.0, 1.0], [1.0, 1.0], [2.0, 5.0]])
    array([[3. , 1.5],
           [1. , 1.5],
           [2. , 3. ]])
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"values has dtype {array.dtype}; expected real numbers.")
    array = array.astype(np.float64, copy=False)
    ranks = rankdata(array, axis=axis, nan_policy="omit")
    return np.asarray(ranks, dtype=np.float64).reshape(array.shape)
