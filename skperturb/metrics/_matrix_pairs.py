"""Pairing of true and predicted matrices: by sample, and inside a sample by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._alignment import align_rows, name_positions
from skperturb._interchange import as_pandas
from skperturb._sklearn import StrOptions
from skperturb._validation import as_sequence, check_same_length, coerce_matrix, is_network

__all__ = ["REDUCE", "MatrixPair", "is_single", "is_vector", "matrix_pairs", "reduce_scores"]

#: What the parameter `reduce` of a score function may be, for `validate_params`; see `reduce_scores`.
REDUCE = {"reduce": [StrOptions({"mean"}), None]}

#: The column of a vector; no row has this name, so that no entry lies on a diagonal.
_VALUES = object()

_EXPECTED = "a sequence of matrices (arrays, sparse matrices or DataFrames)"


@dataclass(frozen=True, slots=True, eq=False)
class MatrixPair:
    """A true and a predicted matrix of one sample, aligned.

    Parameters
    ----------
    truth, prediction : ndarray of shape (n_rows, n_columns)
        The values: finite, unless `matrix_pairs` was told otherwise.
    is_diagonal : ndarray of bool of shape (n_rows, n_columns) or None
        Where row and column are the same node; None when the matrices don't tell.
    label : str
        How error messages call the truth, such as ``"y_true[3]"``.
    """

    truth: np.ndarray
    prediction: np.ndarray
    is_diagonal: np.ndarray | None
    label: str

    def off_diagonal(self) -> np.ndarray:
        """Return the mask of all entries whose row and column differ."""
        if self.is_diagonal is None:
            raise ValueError(
                f"{self.label} has shape {self.truth.shape}: which entries lie on the diagonal is unknown "
                "for a matrix that is neither square nor labelled. Pass DataFrames, or keep the diagonal."
            )
        return ~self.is_diagonal


def matrix_pairs(y_true: Any, y_pred: Any, *, partial: bool = False) -> Iterator[MatrixPair]:
    """Iterate over the samples of two matrices or two sequences of matrices.

    Parameters
    ----------
    y_true, y_pred : matrix or sequence of matrices
        A 1-D array of numbers counts as a matrix with a single column.
    partial : bool, default=False
        Take infinite values, and truths that are NaN in some entries but not in all of them.

    Yields
    ------
    MatrixPair
        One per sample.

    Raises
    ------
    TypeError, ValueError
        If the two don't fit together; the message names the sample.
    """
    y_true, y_pred = as_pandas(y_true), as_pandas(y_pred)
    single = is_single(y_true), is_single(y_pred)
    if all(single):
        yield _pair(*_as_matrices(y_true, y_pred), ("y_true", "y_pred"), partial)
        return
    if any(single):
        names = ("y_true", "y_pred") if single[0] else ("y_pred", "y_true")
        raise ValueError(f"{names[0]} is a single matrix but {names[1]} is a sequence; expected two of a kind.")
    truths = as_sequence(y_true, "y_true", _EXPECTED)
    predictions = as_sequence(y_pred, "y_pred", _EXPECTED)
    check_same_length(truths, predictions, ("y_true", "y_pred"))
    for i, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        yield _pair(truth, prediction, (f"y_true[{i}]", f"y_pred[{i}]"), partial)


def is_single(y: Any) -> bool:
    """Tell whether `y` is one matrix or vector, and not a sequence of them."""
    if isinstance(y, pd.DataFrame) or sp.issparse(y) or is_network(y):
        return True
    if isinstance(y, np.ndarray) and y.ndim == 2:
        return True
    return is_vector(y)


def is_vector(y: Any) -> bool:
    """Tell whether `y` is a sequence of scalars."""
    if isinstance(y, np.ndarray | pd.Series) and y.dtype.kind != "O":
        return y.ndim == 1
    is_sequence = isinstance(y, list | tuple | pd.Series) or (isinstance(y, np.ndarray) and y.ndim == 1)
    return is_sequence and len(y) > 0 and all(np.isscalar(value) for value in y)


def _as_matrices(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return vectors as matrices with one column; the names of two Series stay the names of the rows."""
    vectors = is_vector(y_true), is_vector(y_pred)
    if all(vectors) and isinstance(y_true, pd.Series) and isinstance(y_pred, pd.Series):
        return y_true.to_frame(_VALUES), y_pred.to_frame(_VALUES)
    true, pred = (
        np.asarray(y).reshape(-1, 1) if vector else y for y, vector in zip((y_true, y_pred), vectors, strict=True)
    )
    return true, pred


def _pair(truth: Any, prediction: Any, labels: tuple[str, str], partial: bool) -> MatrixPair:
    true_values, true_index, true_columns = coerce_matrix(truth, labels[0], finite=not partial)
    values, index, columns = coerce_matrix(prediction, labels[1], finite=not partial)
    true_values, values = _dense(true_values), _dense(values)
    if true_index is not None and index is not None:
        # Rows keep the order of the truth; columns that were not predicted are left out.
        rows = _row_order((index, columns), (true_index, true_columns), labels)
        places = name_positions(true_columns, columns, (f"{labels[0]}.columns", f"{labels[1]}.columns"))
        values, true_values = values[rows], true_values[:, places]
        index = true_index
    if true_values.shape != values.shape:
        raise ValueError(
            f"{labels[0]} has shape {true_values.shape} but {labels[1]} has shape {values.shape}; expected "
            "equal shapes. After a prediction for a few sources, select the same columns of the truth."
        )
    if partial:
        _check_defined(true_values, values, labels)
    named = (index, columns) if index is not None else (true_index, true_columns)
    return MatrixPair(true_values, values, _diagonal(values.shape, *named), labels[0])


def _check_defined(truth: np.ndarray, prediction: np.ndarray, labels: tuple[str, str]) -> None:
    if truth.size and np.isnan(truth).all():
        raise ValueError(
            f"{labels[0]} has no defined entry: all {truth.size} are NaN, so that there is nothing to compare with. "
            f"Leave it out, and the same element of {labels[1].partition('[')[0]}."
        )
    if np.isnan(prediction).any():
        row, column = np.argwhere(np.isnan(prediction))[0].tolist()
        raise ValueError(f"{labels[1]} holds nan at position {(row, column)}; only truths may be undefined in part.")


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else matrix


def _row_order(prediction: tuple[Any, Any], truth: tuple[Any, Any], labels: tuple[str, str]) -> np.ndarray:
    """Return where each row of the truth stands in the prediction; each of the two has an index and columns."""
    (index, columns), (true_index, true_columns) = prediction, truth
    # The names of the nodes of a network are names, even if they are numbers.
    nodes = index.equals(columns) and true_index.equals(true_columns)
    if len(index) == len(true_index) and not nodes:
        order = align_rows(index, true_index, (labels[1], labels[0]))
        return np.arange(len(index)) if order is None else order
    names = (f"{labels[0]}.index", f"{labels[1]}.index")
    if len(name_positions(true_index, index, names)) != len(true_index):
        missing = true_index.difference(index)[:3].tolist()
        raise ValueError(f"{labels[1]}.index lacks {missing}, which {labels[0]}.index has; expected the same names.")
    return name_positions(index, true_index, names[::-1])


def _diagonal(shape: tuple[int, ...], index: Any, columns: Any) -> np.ndarray | None:
    if index is not None:
        return columns.to_numpy()[None, :] == index.to_numpy()[:, None]
    return np.eye(shape[0], dtype=bool) if shape[0] == shape[1] else None


def reduce_scores(scores: list[float], reduce: str | None) -> float | np.ndarray:
    """Return the mean of the scores, or all of them when `reduce` is None."""
    values = np.asarray(scores, dtype=np.float64)
    return values if reduce is None else float(values.mean())
