"""Distance of two groups of single cells."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.utils import check_array

from skperturb._interchange import as_pandas
from skperturb._sklearn import validate_params

__all__ = ["e_distance"]

# Pairs of cells whose distances are in memory at a time: 16 MB.
_PAIRS_PER_BLOCK = 2_000_000


@validate_params({"correct": ["boolean"], "squared": ["boolean"]}, prefer_skip_nested_validation=True)
def e_distance(X: Any, Y: Any, *, correct: bool = True, squared: bool = True) -> float:
    r"""Compute the E-distance of two groups of cells, such as a perturbation and its control.

    .. math:: 2\,\delta(X, Y) - \sigma(X) - \sigma(Y), \qquad
              \delta(X, Y) = \frac{1}{nm} \sum_{i, j} \lVert x_i - y_j \rVert^2, \qquad
              \sigma(X) = \frac{1}{n (n - 1)} \sum_{i, j} \lVert x_i - x_j \rVert^2

    the energy distance with squared Euclidean distances (scPerturb). Those make it a function of means and variances,
    so that no pair of cells is looked at and the time grows with the number of cells, not with its square; it sees
    nothing but a shift of the mean. With ``squared=False`` the distances are Euclidean, without the square: the energy
    distance of statistics, which is 0 for equal distributions only, and what cell-eval calls E-distance. The two are
    different quantities in different units.

    Parameters
    ----------
    X : array-like of shape (n_cells, n_features)
        Cells of one group; usually in the space of some tens of principal components. The columns of two DataFrames
        are aligned by name; their rows are different cells.
    Y : array-like of shape (m_cells, n_features)
        Cells of the other group.
    correct : bool, default=True
        Divide the sums within a group by :math:`n (n - 1)`, which makes the estimate unbiased and, for groups that do
        not differ, as often negative as positive. False divides by :math:`n^2`, as cell-eval does.
    squared : bool, default=True
        Squared Euclidean distances; False takes Euclidean ones, in time that grows with the square of the number of
        cells and in memory of some megabytes.

    Returns
    -------
    float
        In squared units of the features; in their units for ``squared=False``.

    Raises
    ------
    ValueError
        If the groups have different features, hold NaN or infinite values, or have fewer than two cells (one without
        the correction).

    References
    ----------
    Székely, G. J. & Rizzo, M. L. Energy statistics: a class of statistics based on distances. Journal of Statistical
    Planning and Inference 143, 1249 (2013).

    Peidli, S. et al. scPerturb: harmonized single-cell perturbation data. Nature Methods 21, 531 (2024).
    doi:10.1038/s41592-023-02144-y.

    Examples
    --------
    >>> from skperturb.metrics import e_distance
    >>> e_distance([[0.0], [2.0]], [[5.0], [7.0]])
    46.0
    >>> e_distance([[0.0], [2.0]], [[5.0], [7.0]], correct=False)
    50.0
    >>> e_distance([[0.0], [2.0]], [[5.0], [7.0]], squared=False)
    6.0
    """
    X, Y = as_pandas(X), as_pandas(Y)
    if isinstance(X, pd.DataFrame) and isinstance(Y, pd.DataFrame):
        missing = X.columns.symmetric_difference(Y.columns)
        if len(missing):
            raise ValueError(
                f"X and Y have different columns, such as {list(missing[:3])}; expected the same features."
            )
        Y = Y[X.columns]
    smallest = 2 if correct else 1
    first, second = (
        check_array(values, dtype=np.float64, ensure_min_samples=smallest, input_name=name)
        for name, values in (("X", X), ("Y", Y))
    )
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"X has {first.shape[1]} features and Y {second.shape[1]}; expected the same features.")
    if not squared:
        return 2.0 * _mean_distance(first, second) - sum(_mean_within(values, correct) for values in (first, second))
    means = [values.mean(axis=0) for values in (first, second)]
    distance = 2.0 * float(np.sum((means[0] - means[1]) ** 2))
    if correct:
        for values, mean in zip((first, second), means, strict=True):
            # Twice the mean square around the mean is the mean within the group over all pairs, a cell with itself too.
            distance -= 2.0 * float(np.sum((values - mean) ** 2)) / (len(values) * (len(values) - 1))
    return distance


def _mean_within(values: np.ndarray, correct: bool) -> float:
    """Return the mean distance within a group: of different cells, or of a cell with itself too."""
    mean = _mean_distance(values, values)
    return mean * len(values) / (len(values) - 1) if correct else mean


def _mean_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean Euclidean distance of all pairs, a block of them at a time."""
    size = max(1, _PAIRS_PER_BLOCK // len(second))
    blocks = (first[start : start + size] for start in range(0, len(first), size))
    return sum(float(cdist(block, second).sum()) for block in blocks) / (len(first) * len(second))
