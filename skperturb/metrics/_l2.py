"""Euclidean distance between true and predicted responses."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._alignment import is_default, name_positions, row_names
from skperturb._interchange import as_pandas
from skperturb._sklearn import Interval, validate_params
from skperturb._validation import describe
from skperturb.metrics._matrix_pairs import REDUCE, is_single, is_vector, matrix_pairs, reduce_scores

__all__ = ["l2_distance"]


@validate_params(
    {
        **REDUCE,
        "genes": ["array-like", None],
        "top": [Interval(Integral, 1, None, closed="left"), None],
        "control_mean": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def l2_distance(
    y_true: Any,
    y_pred: Any,
    *,
    reduce: str | None = "mean",
    genes: Any = None,
    top: int | None = None,
    control_mean: Any = None,
) -> Any:
    r"""Compute the Euclidean (for matrices: Frobenius) distance of prediction and truth per sample.

    .. math:: d_k = \lVert y_k - \hat y_k \rVert_2

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_outputs) or (n_samples,), or sequence of matrices
        The true responses. The rows of a 2-D array are the samples.
    y_pred : array-like of shape (n_samples, n_outputs) or (n_samples,), or sequence of matrices
        The predictions. What is labeled on both sides is aligned by name, rows and columns; a default RangeIndex is
        no label.
    reduce : {"mean"} or None, default="mean"
        Mean over the samples, or one distance per sample.
    genes : sequence, default=None
        Only these columns of a 2-D `y_true` and `y_pred`: names for DataFrames, positions for arrays.
    top : int, default=None
        Only the `top` columns with the largest `control_mean`, which is then required: the protocol of the field takes
        the 1,000 genes most expressed in control cells.
    control_mean : array-like of shape (n_outputs,), default=None
        Mean expression in control cells: a Series by the names of the columns of `y_true`, anything else in their
        order.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        The distance, in the units of the response; 0 for empty matrices. In the order of `y_true`.

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
    y_true, y_pred = _rows_as_matrix(as_pandas(y_true)), _rows_as_matrix(as_pandas(y_pred))
    if genes is not None or top is not None:
        y_true, y_pred = _select_columns(y_true, y_pred, genes, top, control_mean)
    _refuse_unpredicted(y_true, y_pred)
    pairs = matrix_pairs(y_true, y_pred)
    if is_single(y_true):
        pair = next(pairs)
        if not len(pair.truth):
            raise ValueError("y_true is empty; expected at least one sample.")
        return reduce_scores(list(np.linalg.norm(pair.truth - pair.prediction, axis=1)), reduce)
    return reduce_scores([float(np.linalg.norm(pair.truth - pair.prediction)) for pair in pairs], reduce)


def _refuse_unpredicted(y_true: Any, y_pred: Any) -> None:
    """Raise ValueError for a table without some of the columns of the truth: the distance would only seem smaller."""
    if not (isinstance(y_true, pd.DataFrame) and isinstance(y_pred, pd.DataFrame)):
        return
    missing = y_true.columns.difference(y_pred.columns, sort=False)
    # A matrix of a network may hold a few of its sources only.
    if len(missing) and not y_true.index.equals(y_true.columns):
        raise ValueError(
            f"y_pred lacks {len(missing)} of the {y_true.shape[1]} columns of y_true, such as {list(missing[:3])}; "
            "expected all of them. Pass genes=y_pred.columns to compare those that were predicted."
        )


def _select_columns(y_true: Any, y_pred: Any, genes: Any, top: int | None, control_mean: Any) -> tuple[Any, Any]:
    """Keep the named columns, or those with the largest control expression."""
    if genes is not None and top is not None:
        raise ValueError(f"genes and top={top} are both given; expected one of them. Leave the other at None.")
    if not is_single(y_true):
        raise ValueError(
            f"y_true is a {describe(y_true)}, but genes and top need a 2-D y_true, one row per sample and one column "
            "per gene. Pass a table, or select the columns of each element yourself."
        )
    labeled = isinstance(y_true, pd.DataFrame)
    names = pd.Index(y_true.columns if labeled else range(np.shape(y_true)[1]))
    if genes is not None:
        positions = names.get_indexer(pd.Index(list(genes)))
        if (positions < 0).any():
            missing = [gene for gene, position in zip(genes, positions, strict=True) if position < 0]
            raise ValueError(
                f"genes holds {len(missing)} columns that y_true lacks, such as {missing[:3]}; expected some of its "
                f"{len(names)} columns{'' if labeled else ', which are numbered because y_true has no names'}."
            )
    else:
        expression = _control_values(control_mean, names if labeled else None)
        if expression.shape != (len(names),):
            raise ValueError(
                f"top={top} needs control_mean with {len(names)} values, one per column; got shape {expression.shape}."
            )
        positions = np.argsort(-expression, kind="stable")[:top]
    if labeled and isinstance(y_pred, pd.DataFrame):
        wanted = names[positions]
        return y_true.iloc[:, positions], y_pred.iloc[:, name_positions(y_pred.columns, wanted, ("y_pred", "genes"))]
    return np.asarray(y_true)[:, positions], np.asarray(y_pred)[:, positions]


def _control_values(control_mean: Any, names: pd.Index | None) -> np.ndarray:
    """Return the control expression in the order of the columns of the truth."""
    if control_mean is None:
        return np.empty(0)
    index = row_names(control_mean)
    values = np.asarray(control_mean, dtype=float)
    if index is None or names is None or is_default(index) or is_default(names):
        return values
    return values[name_positions(index, names, ("control_mean.index", "y_true.columns"))]


def _rows_as_matrix(y: Any) -> Any:
    """Turn a sequence of vectors into a 2-D array and leave everything else alone."""
    if isinstance(y, pd.DataFrame | np.ndarray) or sp.issparse(y) or not isinstance(y, list | tuple):
        return y
    if y and all(is_vector(row) for row in y) and len({len(row) for row in y}) == 1:
        return np.asarray(y)
    return y
