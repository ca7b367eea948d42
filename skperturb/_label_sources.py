"""Labels of conditions in what users pass: sequences, tables, AnnData."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import as_pandas
from skperturb._near_names import listed, nearest

__all__ = ["label_column", "observations", "read_labels"]


def observations(X: Any) -> Any:
    """Return the table of the cells of an AnnData, and everything else as pandas has it.

    Parameters
    ----------
    X : AnnData, DataFrame or object
        A table may have a column "obs", which pandas gives as an attribute too.
    """
    return as_pandas(X.obs if hasattr(X, "obs") and not isinstance(X, pd.DataFrame) else X)


def read_labels(X: Any, column: str | None = None) -> list[Any]:
    """Return the labels in what a user passes as conditions.

    Parameters
    ----------
    X : sequence of str or dict, Series, DataFrame or AnnData
        One label per condition.
    column : str, default=None
        The column of a table with several.

    Returns
    -------
    list

    Raises
    ------
    TypeError
        If `X` is no sequence of labels.
    ValueError
        If `X` is empty or has a wrong shape, or the column is not there.
    """
    table = observations(X)
    if isinstance(table, pd.DataFrame):
        return _not_empty(list(table[label_column(table, column)]))
    _refuse_others(X)
    array = X if isinstance(X, list | tuple) else np.asarray(X, dtype=object)
    if isinstance(array, np.ndarray):
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(
                f"X has shape {array.shape}; expected one label per condition. Pass the column of labels: X[:, 0]."
            )
    return _not_empty(list(array))


def _refuse_others(X: Any) -> None:
    """Raise TypeError for what holds no labels in an order."""
    if isinstance(X, str | Mapping) or not hasattr(X, "__len__"):
        raise TypeError(f"X is a {type(X).__name__}; expected a sequence of labels: pass [X] for one condition.")
    if isinstance(X, set | frozenset):
        raise TypeError(f"X is a {type(X).__name__}, which has no order; expected a sequence of labels: sorted(X).")
    if sp.issparse(X):
        raise TypeError(
            f"X is a sparse matrix of shape {X.shape}; expected a sequence of labels such as ['KLF1', 'KLF1+CEBPA']."
        )
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError("X is a masked array; expected a sequence of labels. Leave masked ones out: X.compressed().")


def _not_empty(labels: list[Any]) -> list[Any]:
    if not labels:
        raise ValueError("X is empty; expected at least one condition.")
    return labels


def label_column(table: pd.DataFrame, column: str | None) -> str:
    """Return the name of the column of a table that holds the labels.

    Parameters
    ----------
    table : DataFrame
    column : str or None
        None for a table of one column.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is not there, or is there twice.
    """
    if column is None and table.shape[1] == 1:
        return table.columns[0]
    if column is None or column not in table.columns:
        alike = nearest(column, map(str, table.columns)) if isinstance(column, str) else ""
        raise ValueError(
            f"column is {column!r}{alike}; expected one of the columns of the table: {listed(table.columns)}."
        )
    n_alike = int((table.columns == column).sum())
    if n_alike > 1:
        raise ValueError(f"column is {column!r}, which {n_alike} columns of the table are called; rename the others.")
    return column
