"""Errors of predicted log-fold changes: absolute, squared, and weighted by how surely each gene changes."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import as_pandas
from skperturb._sklearn import validate_params
from skperturb.metrics._matrix_pairs import REDUCE, reduce_scores
from skperturb.metrics._response import check_responses

__all__ = ["de_weights", "mae_delta", "mse_delta", "weighted_mse_delta", "weighted_r2_delta"]


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def mae_delta(y_true: Any, y_pred: Any, *, reduce: str | None = "mean") -> Any:
    """Compute the mean absolute error of the log-fold changes over all genes.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    Examples
    --------
    >>> from skperturb.metrics import mae_delta
    >>> mae_delta([[1.0, -2.0]], [[0.0, 1.0]])
    2.0
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    return reduce_scores(list(np.abs(truth - prediction).mean(axis=1)), reduce)


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def mse_delta(y_true: Any, y_pred: Any, *, reduce: str | None = "mean") -> Any:
    """Compute the mean squared error of the log-fold changes over all genes.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    Examples
    --------
    >>> from skperturb.metrics import mse_delta
    >>> mse_delta([[1.0, -2.0]], [[0.0, 1.0]])
    5.0
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    return reduce_scores(list(((truth - prediction) ** 2).mean(axis=1)), reduce)


def de_weights(scores: Any) -> Any:
    r"""Turn the scores of a test for differential expression into weights of genes.

    .. math:: w_{cg} \propto \left( \frac{|t_{cg}| - \min_h |t_{ch}|}{\max_h |t_{ch}| - \min_h |t_{ch}|} \right)^2,
              \qquad \sum_g w_{cg} = 1

    Parameters
    ----------
    scores : array-like of shape (n_conditions, n_genes)
        Such as t or z statistics, of any sign.

    Returns
    -------
    DataFrame or ndarray of shape (n_conditions, n_genes)
        With the names that `scores` has. Genes of a condition with one and the same score weigh alike.

    Raises
    ------
    ValueError
        If `scores` is not 2-D or not finite.

    References
    ----------
    Mejia, G. M. et al. Diversity by Design: Addressing Mode Collapse Improves scRNA-seq Perturbation Modeling on
    Well-Calibrated Metrics. arXiv:2506.22641 (2025).

    Examples
    --------
    >>> from skperturb.metrics import de_weights
    >>> de_weights([[0.0, -2.0, 4.0]])
    array([[0. , 0.2, 0.8]])
    """
    scores = as_pandas(scores)
    (values,) = check_responses(scores=scores)
    sizes = np.abs(values)
    sizes = sizes - sizes.min(axis=1, keepdims=True)
    largest = sizes.max(axis=1, keepdims=True)
    weights = np.where(largest > 0, sizes / np.where(largest > 0, largest, 1.0), 1.0) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    if isinstance(scores, pd.DataFrame):
        return pd.DataFrame(weights, index=scores.index, columns=scores.columns)
    return weights


@validate_params({**REDUCE, "weights": ["array-like"]}, prefer_skip_nested_validation=True)
def weighted_mse_delta(y_true: Any, y_pred: Any, weights: Any, *, reduce: str | None = "mean") -> Any:
    r"""Compute the squared error of the log-fold changes, weighted by how surely each gene changes.

    .. math:: \sum_g w_{cg} (y_{cg} - \hat y_{cg})^2, \qquad \sum_g w_{cg} = 1

    Thousands of genes that do not change make the plain error of every prediction alike.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of DataFrames are aligned by name.
    weights : array-like of shape (n_conditions, n_genes)
        At least 0; such as `de_weights` gives them. Each row is divided by its sum.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)

    Raises
    ------
    ValueError
        If the shapes or the names differ, a value is not finite, or a weight is negative or all of a row are 0.

    Examples
    --------
    >>> from skperturb.metrics import weighted_mse_delta
    >>> weighted_mse_delta([[1.0, -2.0]], [[0.0, 1.0]], [[3.0, 1.0]])
    3.0
    """
    truth, prediction, shares = _weighted(y_true, y_pred, weights)
    return reduce_scores(list((shares * (truth - prediction) ** 2).sum(axis=1)), reduce)


@validate_params({**REDUCE, "weights": ["array-like"]}, prefer_skip_nested_validation=True)
def weighted_r2_delta(y_true: Any, y_pred: Any, weights: Any, *, reduce: str | None = "mean") -> Any:
    r"""Compute the explained share of the variance between genes, weighted by how surely each gene changes.

    .. math:: 1 - \frac{\sum_g w_{cg} (y_{cg} - \hat y_{cg})^2}{\sum_g w_{cg} (y_{cg} - \bar y_c)^2},
              \qquad \bar y_c = \sum_g w_{cg} y_{cg}

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes; with the mean response of all perturbations subtracted from both, the score is that of what
        is particular to each. Rows and columns of DataFrames are aligned by name.
    weights : array-like of shape (n_conditions, n_genes)
        At least 0; such as `de_weights` gives them. Each row is divided by its sum.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        1 is perfect; NaN where the truth does not vary over the genes that have weight.

    Raises
    ------
    ValueError
        If the shapes or the names differ, a value is not finite, or a weight is negative or all of a row are 0.

    Examples
    --------
    >>> from skperturb.metrics import weighted_r2_delta
    >>> weighted_r2_delta([[1.0, -1.0]], [[0.5, -0.5]], [[1.0, 1.0]])
    0.75
    """
    truth, prediction, shares = _weighted(y_true, y_pred, weights)
    center = (shares * truth).sum(axis=1, keepdims=True)
    total = (shares * (truth - center) ** 2).sum(axis=1)
    left = (shares * (truth - prediction) ** 2).sum(axis=1)
    return reduce_scores(list(np.where(total > 0, 1.0 - left / np.where(total > 0, total, 1.0), np.nan)), reduce)


def _weighted(y_true: Any, y_pred: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, prediction, shares = check_responses(y_true=y_true, y_pred=y_pred, weights=weights)
    if shares.min(initial=0.0) < 0:
        raise ValueError(f"weights holds negative values, the smallest {shares.min():.3g}; expected 0 or more.")
    sums = shares.sum(axis=1, keepdims=True)
    if not (sums > 0).all():
        raise ValueError(f"weights are all 0 for condition {int(np.argmin(sums))}; expected at least one above 0.")
    return truth, prediction, shares / sums
