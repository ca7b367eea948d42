"""How much of what can be gained over a baseline a prediction gains, given that the truth itself is noisy."""

from typing import Any

import numpy as np

from skperturb._sklearn import validate_params
from skperturb.metrics._matrix_pairs import REDUCE, reduce_scores
from skperturb.metrics._response import check_responses

__all__ = ["replicate_distance", "scaled_score", "split_half_distance"]


def scaled_score(error: Any, baseline: Any, ceiling: Any) -> Any:
    r"""Compute how far an error lies on the way from that of a baseline to that of a replicate.

    .. math:: \frac{b - e}{b - c}

    Parameters
    ----------
    error : float or array-like of shape (n_scores,)
        The error of a prediction; or a score of which more is better, if the other two are scores as well.
    baseline : float or array-like of shape (n_scores,)
        The error of the baseline, which a table should name: no change, mean of the training perturbations, addition.
    ceiling : float or array-like of shape (n_scores,)
        The error that a repetition of the experiment would have: `replicate_distance` or `split_half_distance`.

    Returns
    -------
    float or ndarray
        0 is as good as the baseline, 1 as good as a replicate, negative is worse than the baseline. Averages over
        conditions are to be taken of the three errors first. A prediction without noise can lie above 1: its distance
        to the truth holds the noise once, that of a replicate twice. NaN where baseline and replicate have the same
        error, so that nothing can be gained.

    Raises
    ------
    ValueError
        If a value is infinite.

    Examples
    --------
    Norman's test pairs, on the scale of the distance: addition 2.10, the model 1.44, a replicate 0.77.

    >>> from skperturb.metrics import scaled_score
    >>> round(scaled_score(1.439, 2.103, 0.77), 2)
    0.5
    """
    values = [np.asarray(value, dtype=float) for value in (error, baseline, ceiling)]
    for name, value in zip(("error", "baseline", "ceiling"), values, strict=True):
        if np.isinf(value).any():
            found = value[np.isinf(value)][0]
            raise ValueError(f"{name} is infinite ({found}); expected finite numbers, or NaN where it is not defined.")
    error, baseline, ceiling = values
    room = baseline - ceiling
    scores = np.where(room == 0, np.nan, (baseline - error) / np.where(room == 0, 1.0, room))
    return float(scores) if scores.ndim == 0 else scores


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def replicate_distance(noise_variance: Any, *, reduce: str | None = "mean") -> Any:
    r"""Compute how far a second measurement of the same conditions would lie from the first, from the known noise.

    .. math:: \sqrt{2} \, \Bigl( \sum_g s_{cg}^2 \Bigr)^{1/2}

    the root of the expected squared Euclidean distance of two means of equally many cells.

    Parameters
    ----------
    noise_variance : array-like of shape (n_conditions, n_genes) or (n_conditions,)
        Variance of each mean, such as ``variance`` of `pseudobulk`; or their sum over all genes, such as
        ``noise_variance`` of `fetch_norman2019`. Without that of the controls, which both measurements are compared
        with.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        The ceiling of `l2_distance` in `scaled_score`.

    Raises
    ------
    ValueError
        If a variance is negative or not finite (a single cell has none).

    Examples
    --------
    >>> from skperturb.metrics import replicate_distance
    >>> replicate_distance([[0.5, 1.5]])
    2.0
    >>> replicate_distance([2.0])
    2.0
    """
    variance = np.asarray(noise_variance, dtype=float)
    if variance.ndim not in (1, 2) or not len(variance):
        raise ValueError(
            f"noise_variance has shape {variance.shape}; expected (n_conditions, n_genes) or (n_conditions,), with one "
            "condition or more."
        )
    right = np.isfinite(variance) & (variance >= 0)
    if not right.all():
        row = np.argwhere(~right)[0, 0]
        raise ValueError(
            f"noise_variance holds {variance[~right][0]} in row {row}; expected finite numbers, 0 or more. Leave out "
            "conditions of a single cell, whose variance is unknown."
        )
    total = variance.sum(axis=1) if variance.ndim == 2 else variance
    return reduce_scores(list(np.sqrt(2.0 * total)), reduce)


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def split_half_distance(first: Any, second: Any, *, reduce: str | None = "mean") -> Any:
    r"""Compute how far a second measurement of the same conditions would lie from the first, from split halves.

    .. math:: \frac{1}{\sqrt{2}} \lVert a_c - b_c \rVert_2

    Means over half of the cells have twice the variance of means over all, so that halves are farther apart than two
    measurements of full size by the factor :math:`\sqrt 2`.

    Parameters
    ----------
    first, second : array-like of shape (n_conditions, n_genes)
        Responses from each half of the cells, against the same control. Rows and columns of two DataFrames are
        aligned by name.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        The ceiling of `l2_distance` in `scaled_score`.

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    Examples
    --------
    >>> from skperturb.metrics import split_half_distance
    >>> round(split_half_distance([[0.0, 0.0]], [[3.0, 4.0]]), 3)
    3.536
    """
    halves = check_responses(first=first, second=second)
    return reduce_scores(list(np.linalg.norm(halves[0] - halves[1], axis=1) / np.sqrt(2.0)), reduce)
