"""Does a prediction find its own condition among all tested ones: discrimination score, centroid accuracy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from skperturb._alignment import equal_rows
from skperturb._interchange import as_pandas
from skperturb._labels import LabelReader
from skperturb._sklearn import StrOptions, validate_params
from skperturb.metrics._matrix_pairs import REDUCE, reduce_scores
from skperturb.metrics._response import check_responses

__all__ = ["centroid_accuracy", "perturbation_discrimination_score"]

_DISTANCES = {"l1": "cityblock", "l2": "euclidean"}


@validate_params(
    {
        **REDUCE,
        "metric": [StrOptions({"l1", "l2", "cosine"})],
        "exclude_targets": [StrOptions({"own", "all"}), None],
        "targets": ["array-like", None],
        "denominator": [StrOptions({"n-1", "n"})],
    },
    prefer_skip_nested_validation=True,
)
def perturbation_discrimination_score(
    y_true: Any,
    y_pred: Any,
    *,
    metric: str = "l1",
    exclude_targets: str | None = None,
    targets: Sequence[Sequence[str]] | None = None,
    denominator: str = "n-1",
    reduce: str | None = "mean",
) -> Any:
    r"""Score how well a prediction finds its own condition among all tested ones.

    .. math:: 1 - \frac{r_k}{n - 1}

    with :math:`r_k` the number of other conditions whose true response is nearer to the prediction k (ties count one
    half).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    metric : {"l1", "l2", "cosine"}, default="l1"
        The distance: sum of absolute differences, Euclidean, or one minus the cosine (1 from a response of zero).
    exclude_targets : {"own", "all"} or None, default=None
        Leave the genes that the condition perturbs out of the distances to its prediction (cell-eval), or those that
        any condition perturbs (cell-eval2): that a silenced gene is silent tells conditions apart without any biology.
        Needs the names of genes in a DataFrame.
    targets : sequence of sequences of str, default=None
        The perturbed genes of each condition, in the order of `y_true`; None reads them from the names of its rows.
    denominator : {"n-1", "n"}, default="n-1"
        What the rank is divided by; cell-eval divides by n, and its worst score is 1 / n.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        1 is perfect, 0.5 is chance (and what one and the same prediction for all gets); NaN for a single condition.

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, a value is not finite, or targets are to be left out
        and are not known or leave no gene.

    References
    ----------
    ``discrimination_score_l1``, ``_l2`` and ``_cosine`` of cell-eval are ``exclude_targets="own", denominator="n"``;
    ``pds_l1``, ``pds_l2`` and ``pds_cosine`` of cell-eval2 are ``exclude_targets="all"``.

    Examples
    --------
    >>> from skperturb.metrics import perturbation_discrimination_score
    >>> perturbation_discrimination_score([[0.0], [1.0], [2.0]], [[0.1], [1.9], [2.0]])
    0.833...
    >>> perturbation_discrimination_score([[0.0], [1.0], [2.0]], [[0.1], [1.9], [2.0]], denominator="n")
    0.888...
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    if len(truth) == 1:
        return reduce_scores([float("nan")], reduce)
    if exclude_targets is None:
        distances = _distances(prediction, truth, metric)
    else:
        distances = _distances_without(prediction, truth, metric, exclude_targets, _is_target(y_true, targets))
    own = np.diag(distances)[:, None]
    # The own condition is tied with itself and counts one half in the second sum.
    ahead = (distances < own).sum(axis=1) + 0.5 * ((distances == own).sum(axis=1) - 1)
    return reduce_scores(list(1.0 - ahead / (len(truth) - (denominator == "n-1"))), reduce)


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def centroid_accuracy(y_true: Any, y_pred: Any, *, reduce: str | None = "mean") -> Any:
    r"""Compute the share of other conditions that are farther from a prediction than its own condition.

    .. math:: \frac{1}{n - 1} \sum_{j \neq k} \left[ \lVert \hat y_k - y_k \rVert_2 < \lVert \hat y_k - y_j \rVert_2
              \right]

    It is the discrimination score of Euclidean distances in which ties count nothing: one and the same prediction for
    all conditions still gets 0.5, one that is as near to another condition as to its own gets nothing for it.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        1 is perfect; NaN for a single condition.

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    References
    ----------
    Viñas Torné, R. et al. Systema: a framework for evaluating genetic perturbation response prediction beyond
    systematic variation. Nature Biotechnology (2025). doi:10.1038/s41587-025-02777-8.

    Examples
    --------
    >>> from skperturb.metrics import centroid_accuracy
    >>> centroid_accuracy([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [2.0, 0.0], [0.0, 2.0]], reduce=None)
    array([0.5, 1. , 1. ])
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    if len(truth) == 1:
        return reduce_scores([float("nan")], reduce)
    distances = _distances(prediction, truth, "l2")
    return reduce_scores(list((distances > np.diag(distances)[:, None]).sum(axis=1) / (len(truth) - 1)), reduce)


def _distances(prediction: np.ndarray, truth: np.ndarray, metric: str) -> np.ndarray:
    if metric != "cosine":
        return cdist(prediction, truth, _DISTANCES[metric])
    first, second = (values / _sizes(values) for values in (prediction, truth))
    return 1.0 - first @ second.T


def _sizes(values: np.ndarray) -> np.ndarray:
    """Return the norms; 1 for a row of zeros, which then has a cosine of 0 with everything."""
    sizes = np.linalg.norm(values, axis=1, keepdims=True)
    return np.where(sizes > 0, sizes, 1.0)


def _distances_without(
    prediction: np.ndarray, truth: np.ndarray, metric: str, exclude: str, is_target: np.ndarray
) -> np.ndarray:
    if exclude == "all":
        is_target = np.broadcast_to(is_target.any(axis=0), is_target.shape)
    if is_target.all(axis=1).any():
        row = int(np.argmax(is_target.all(axis=1)))
        raise ValueError(
            f"exclude_targets={exclude!r} leaves no gene for condition {row}: all {truth.shape[1]} are targets. "
            "Pass more genes, or exclude_targets=None."
        )
    distances = np.empty((len(prediction), len(truth)))
    # Conditions of the same targets, one for all with "all", share one computation.
    first, groups = equal_rows(is_target)
    for group, mask in enumerate(is_target[first]):
        rows = np.flatnonzero(groups == group)
        distances[rows] = _distances(prediction[np.ix_(rows, ~mask)], truth[:, ~mask], metric)
    return distances


def _is_target(y_true: Any, targets: Sequence[Sequence[str]] | None) -> np.ndarray:
    """Return which genes each condition perturbs, of shape (n_conditions, n_genes)."""
    table = as_pandas(y_true)
    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            f"exclude_targets needs the names of the genes, but y_true is a {type(y_true).__name__}; pass a DataFrame."
        )
    if targets is None:
        labels = [str(label) for label in table.index.get_level_values(0)]
        targets = [
            [str(gene) for gene in condition.doses] for condition in LabelReader().read_all(labels, "y_true.index")
        ]
    if len(targets) != len(table):
        raise ValueError(f"targets has {len(targets)} entries; expected one for each of {len(table)} conditions.")
    columns = table.columns.astype(str)
    found = np.array([columns.isin([names] if isinstance(names, str) else list(names)) for names in targets])
    if not found.any():
        raise ValueError(
            f"none of the perturbed genes, such as {list(targets[0])[:3]}, is a column of y_true ({list(columns[:3])} "
            "…), so that there is nothing to exclude; pass exclude_targets=None."
        )
    return found
