"""The median heuristic: kernels are as wide as points typically lie apart."""

import numpy as np
from scipy.spatial.distance import cdist

from skperturb.responses._kernels.subsets import spread_rows
from skperturb.responses._tolerances import NEGLIGIBLE, NEGLIGIBLE_SQUARE

__all__ = ["median_distance", "median_square"]

#: Points of which all distances are taken. Only bounds the time and the memory (500 points: 2 MB) on large screens.
_MAX_POINTS = 500


def median_distance(points: np.ndarray) -> float:
    """Return the median of the distances between different points, 1 if there are none.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_outputs)

    Returns
    -------
    float
        In the unit of the points.
    """
    points = points[spread_rows(points, _MAX_POINTS)]
    distances = cdist(points, points)
    positive = distances[distances > NEGLIGIBLE]
    return float(np.median(positive)) if positive.size else 1.0


def median_square(points: np.ndarray) -> float:
    """Return the median of the squared distances between different points, 1 if there are none.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_outputs)

    Returns
    -------
    float
        In the squared unit of the points.
    """
    points = points[spread_rows(points, _MAX_POINTS)]
    squares = cdist(points, points, "sqeuclidean")
    positive = squares[squares > NEGLIGIBLE_SQUARE]
    return float(np.median(positive)) if positive.size else 1.0
