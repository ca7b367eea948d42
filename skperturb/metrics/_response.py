"""Scores of predicted log-fold changes beyond their distance from the truth."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import align_rows, is_default, name_positions, row_names
from skperturb._interchange import as_pandas
from skperturb._sklearn import Interval, validate_params
from skperturb.metrics._matrix_pairs import REDUCE, reduce_scores

__all__ = ["interaction_r2", "pearson_delta", "top_de_error", "win_rate"]

# Norm (log-fold changes) of a centered prediction from which on its correlation counts, if the truth changes one gene;
# a truth spread over many genes lowers the bound by the share that its largest entry has in its norm. Rounding leaves
# a norm of 3e-15 of a constant 1 over 50 genes and 3e-14 over 5,000; mean changes of published screens have 0.4 and
# more. Ten times less or more changes no score by more than 1e-16: rounding that passes for variation is the same in
# every gene and so without correlation. Near 0.4, weak but real predictions would score 0.
_SMALLEST_VARIATION = 1e-12


def check_responses(**arrays: Any) -> list[np.ndarray]:
    """Return matrices of equal shape, conditions × genes; DataFrames are aligned by the names of the first of them.

    Parameters
    ----------
    **arrays : array-like of shape (n_conditions, n_genes)
        By the names that error texts give them.

    Returns
    -------
    list of ndarray
    """
    checked: list[np.ndarray] = []
    arrays = {name: as_pandas(values) for name, values in arrays.items()}
    (first_name, first), *_ = arrays.items()
    # Two tables meet by name also where the truth is an array.
    table_name = next((name for name, values in arrays.items() if isinstance(values, pd.DataFrame)), first_name)
    for name, values in arrays.items():
        if isinstance(values, pd.DataFrame) and name != table_name:
            values = _aligned(values, arrays[table_name], (name, table_name))
        matrix = np.asarray(values, dtype=float)
        if matrix.ndim != 2:
            raise ValueError(f"{name} has shape {matrix.shape}; expected two dimensions, (n_conditions, n_genes).")
        if matrix.shape != np.shape(first):
            raise ValueError(
                f"{name} has shape {matrix.shape} and {first_name} {np.shape(first)}; expected equal shapes "
                "(n_conditions, n_genes)."
            )
        if not len(matrix):
            raise ValueError(f"{name} is empty; expected at least one condition.")
        if not matrix.shape[1]:
            raise ValueError(f"{name} has {len(matrix)} conditions and no gene; expected at least one gene.")
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0].tolist()
            raise ValueError(
                f"{name} holds {matrix[row, column]} in row {row}, column {column}; expected finite numbers, without "
                "NaN. Leave this condition or gene out of all arguments."
            )
        checked.append(matrix)
    return checked


def _aligned(values: pd.DataFrame, first: pd.DataFrame, labels: tuple[str, str]) -> pd.DataFrame:
    """Return the rows and columns in the order of another table."""
    missing = first.columns.difference(values.columns)
    if len(missing) or values.shape[1] != first.shape[1]:
        missing = missing if len(missing) else values.columns.difference(first.columns)
        raise ValueError(
            f"{labels[0]} and {labels[1]} have different columns, {values.shape[1]} and {first.shape[1]}, such as "
            f"{list(missing[:3])}; expected the same genes. Select the common ones from both."
        )
    columns = (f"{labels[0]}.columns", f"{labels[1]}.columns")
    values = values.iloc[:, name_positions(values.columns, first.columns, columns)]
    if len(values) != len(first):
        return values
    rows = align_rows(row_names(values), row_names(first), labels)
    return values if rows is None else values.iloc[rows]


def gene_values(values: Any, y_true: Any, label: str) -> np.ndarray:
    """Return one value for each gene, in the order of the truth; a Series is aligned by name.

    Parameters
    ----------
    values : array-like of shape (n_genes,)
    y_true : array-like of shape (n_conditions, n_genes)
    label : str
        How error texts call the values.

    Returns
    -------
    ndarray of shape (n_genes,)
    """
    values, y_true = as_pandas(values), as_pandas(y_true)
    n_genes = np.shape(y_true)[1]
    index = row_names(values)
    if index is not None and isinstance(y_true, pd.DataFrame) and not (is_default(index) or is_default(y_true.columns)):
        # Genes that only the values have do not matter, such as those of a larger training table.
        values = values.iloc[name_positions(index, y_true.columns, (f"{label}.index", "y_true.columns"))]
    vector = np.asarray(values, dtype=float)
    if vector.shape != (n_genes,) or not np.isfinite(vector).all():
        raise ValueError(
            f"{label} has shape {vector.shape}; expected one finite value for each of {n_genes} genes, shape "
            f"({n_genes},)."
        )
    return vector


def _at_least(n_genes: int) -> list[Any]:
    """Return what `top` may be: that many genes or more, or None for all."""
    return [Interval(Integral, n_genes, None, closed="left"), None]


def _largest(truth: np.ndarray, top: int | None) -> np.ndarray:
    """Return the columns with the largest true change, one row of positions for each condition."""
    if top is None or top >= truth.shape[1]:
        return np.broadcast_to(np.arange(truth.shape[1]), truth.shape)
    return np.argsort(-np.abs(truth), axis=1, kind="stable")[:, :top]


@validate_params({**REDUCE, "top": _at_least(2), "reference": ["array-like", None]}, prefer_skip_nested_validation=True)
def pearson_delta(
    y_true: Any, y_pred: Any, *, reference: Any = None, top: int | None = None, reduce: str | None = "mean"
) -> Any:
    r"""Compute the Pearson correlation of true and predicted log-fold changes per condition.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    reference : array-like of shape (n_genes,), default=None
        What is subtracted from both: the mean response of the training perturbations, so that what all of them share
        counts for nothing (Systema). A Series is aligned by name. None compares with the control.
    top : int, default=None
        Only the `top` genes with the largest true change of each condition; None takes all.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `y_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        0 where one of the two does not vary: such a prediction says nothing.

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
    >>> from skperturb.metrics import pearson_delta
    >>> pearson_delta([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.5]], reduce=None).round(3)
    array([0.998])
    >>> round(pearson_delta([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.5]], reference=[1.0, 1.0, 3.0]), 3)
    0.327
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    if reference is not None:
        shared = gene_values(reference, y_true, "reference")
        truth, prediction = truth - shared, prediction - shared
    columns = _largest(truth, top)
    truth, prediction = np.take_along_axis(truth, columns, 1), np.take_along_axis(prediction, columns, 1)
    truth = truth - truth.mean(axis=1, keepdims=True)
    prediction = prediction - prediction.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(truth, axis=1) * np.linalg.norm(prediction, axis=1)
    # What is left of a constant after its mean is subtracted is rounding, and its correlation is noise.
    varies = sizes > _SMALLEST_VARIATION * np.abs(truth).max(axis=1)
    scores = np.where(varies, (truth * prediction).sum(axis=1) / np.where(varies, sizes, 1.0), 0.0)
    return reduce_scores(list(scores), reduce)


@validate_params({**REDUCE, "top": _at_least(1)}, prefer_skip_nested_validation=True)
def top_de_error(y_true: Any, y_pred: Any, *, top: int | None = 20, reduce: str | None = "mean") -> Any:
    """Compute the mean squared error over the most changed genes of each condition.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Log-fold changes. Rows and columns of two DataFrames are aligned by name.
    top : int, default=20
        Number of genes with the largest true change; None takes all.
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
    >>> from skperturb.metrics import top_de_error
    >>> top_de_error([[0.1, -2.0, 1.0]], [[5.0, -1.0, 1.0]], top=2)
    0.5
    """
    truth, prediction = check_responses(y_true=y_true, y_pred=y_pred)
    errors = np.take_along_axis((truth - prediction) ** 2, _largest(truth, top), 1)
    return reduce_scores(list(errors.mean(axis=1)), reduce)


def interaction_r2(y_true: Any, y_pred: Any, y_additive: Any) -> float:
    r"""Compute the explained share of what combinations do beyond the additive expectation.

    .. math:: 1 - \frac{\sum (y - \hat y)^2}{\sum (y - a)^2}

    Parameters
    ----------
    y_true, y_pred, y_additive : array-like of shape (n_conditions, n_genes)
        True and predicted log-fold changes of combinations, and the sum of their single effects. Rows
        and columns of DataFrames are aligned by name.

    Returns
    -------
    float
        1 is perfect, 0 is as good as addition, negative is worse; NaN if the truth is exactly additive.

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    Examples
    --------
    >>> from skperturb.metrics import interaction_r2
    >>> interaction_r2([[1.0, 2.0]], [[1.0, 2.5]], [[1.0, 3.0]])
    0.75
    """
    truth, prediction, additive = check_responses(y_true=y_true, y_pred=y_pred, y_additive=y_additive)
    total = float(((truth - additive) ** 2).sum())
    return 1.0 - float(((truth - prediction) ** 2).sum()) / total if total > 0 else float("nan")


def win_rate(y_true: Any, y_pred: Any, y_baseline: Any) -> float:
    """Compute the share of conditions for which a prediction is nearer to the truth than a baseline's.

    Parameters
    ----------
    y_true, y_pred, y_baseline : array-like of shape (n_conditions, n_genes)
        True log-fold changes, and those of the two models. Euclidean distance; ties count one half. Rows
        and columns of DataFrames are aligned by name.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes or the names differ, there is no condition, or a value is not finite.

    Examples
    --------
    >>> from skperturb.metrics import win_rate
    >>> win_rate([[1.0], [2.0]], [[1.1], [3.0]], [[2.0], [3.0]])
    0.75
    """
    truth, prediction, baseline = check_responses(y_true=y_true, y_pred=y_pred, y_baseline=y_baseline)
    ours, theirs = np.linalg.norm(truth - prediction, axis=1), np.linalg.norm(truth - baseline, axis=1)
    return float(((ours < theirs) + 0.5 * (ours == theirs)).mean())
