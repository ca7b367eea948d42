"""Coercion of what users pass as networks, and all of its error texts."""

import math
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import graph_matrix, is_networkx, is_polars, is_pyg

__all__ = [
    "MOST_JOBS",
    "NetworkRecord",
    "as_sequence",
    "check_at_least",
    "check_mapping",
    "check_n_jobs",
    "check_names",
    "check_node_names",
    "check_path",
    "check_same_length",
    "check_size",
    "coerce_matrix",
    "describe",
    "ensure_networks",
    "is_network",
]

#: More processes than any cluster lends; joblib starts them all, or overflows.
MOST_JOBS = 10_000
#: Numbers of one array: 0.8 TB as float64.
_MOST_NUMBERS = 10**11

_EXPECTED = (
    "a sequence (list, tuple, 1-D object array, Series) of InfluenceNetwork objects, square arrays, "
    "scipy sparse matrices, square DataFrames, networkx or PyG graphs"
)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkRecord:
    """One validated network: a finite square matrix and the names of its nodes.

    Parameters
    ----------
    matrix : ndarray or csr_array of shape (n_nodes, n_nodes)
        Entry (i, j) is the influence of node j on node i; float64, finite. Sparse matrices are in
        canonical form and hold no explicit zeros.
    names : Index or None
        Names of the nodes; None when the input had none.
    """

    matrix: np.ndarray | sp.csr_array
    names: pd.Index | None

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.matrix.shape[0]

    def label(self, values: Any, columns: Sequence[Any] | np.ndarray | None = None) -> Any:
        """Give `values` the names of the nodes if the input had any.

        Parameters
        ----------
        values : ndarray or sparse array of shape (n_nodes, n_columns)
            A result whose rows are the nodes.
        columns : sequence of int, default=None
            Positions of the nodes that the columns stand for; None means every node.

        Returns
        -------
        DataFrame, ndarray or sparse array
            `values` as a DataFrame for a labelled network, unchanged for others.
        """
        if self.names is None:
            return values
        column_names = self.names if columns is None else self.names[np.asarray(columns, dtype=int)]
        return pd.DataFrame(values, index=self.names, columns=column_names)


def describe(value: Any) -> str:
    """Say in a few words what `value` is, for error messages."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    if isinstance(shape, tuple) and shape:
        return f"{kind} of shape {shape}"
    if isinstance(value, str | int | float | bool | bytes):
        text = repr(value)
        return f"{kind} {text if len(text) <= 40 else text[:37] + '...'}"
    return kind


def is_network(value: Any) -> bool:
    """Tell whether `value` looks like an `InfluenceNetwork` (known by its labelled Jacobian)."""
    return hasattr(value, "is_empty") and isinstance(getattr(value, "jacobian", None), pd.DataFrame)


def as_sequence(X: Any, name: str = "X", expected: str = _EXPECTED) -> list[Any]:
    """Turn the accepted kinds of collections into a list and refuse all others by name.

    Parameters
    ----------
    X : list, tuple, 1-D object array, Series or 3-D array
        The collection. A 3-D array is read as the sequence of its matrices.
    name : str, default="X"
        Name of the argument in error messages.
    expected : str
        What the error messages say is expected.

    Returns
    -------
    list
        The elements.

    Raises
    ------
    TypeError
        If `X` is no sequence (None, string, mapping, set, generator).
    ValueError
        If `X` is a single matrix, an array of the wrong dimension, or empty.
    """
    _refuse_non_sequence(X, name, expected)
    if _is_single(X):
        raise ValueError(f"{name} is a single {describe(X)}; expected {expected}. Wrap it in a list: [{name}].")
    if isinstance(X, np.ndarray):
        _check_array_of_matrices(X, name, expected)
    elements = list(X)
    if not elements:
        raise ValueError(f"{name} is empty; expected at least one element.")
    return elements


def _refuse_non_sequence(X: Any, name: str, expected: str) -> None:
    """Raise TypeError for what can't be indexed by position."""
    if isinstance(X, dict):
        raise TypeError(f"{name} is a dict; expected {expected}. Pass list({name}.values()).")
    if isinstance(X, str | bytes):
        raise TypeError(f"{name} is the {describe(X)}; expected {expected}.")
    if not _is_single(X) and not (hasattr(X, "__len__") and hasattr(X, "__getitem__")):
        hint = f" Pass list({name})." if hasattr(X, "__iter__") else ""
        raise TypeError(f"{name} is a {describe(X)}; expected {expected}.{hint}")


def _is_single(X: Any) -> bool:
    """Tell whether `X` is one matrix or graph, in whatever form."""
    one = sp.issparse(X) or isinstance(X, pd.DataFrame) or is_network(X) or is_networkx(X) or is_pyg(X)
    return one or (is_polars(X) and hasattr(X, "columns"))


def _check_array_of_matrices(X: np.ndarray, name: str, expected: str) -> None:
    if X.ndim == 2:
        raise ValueError(
            f"{name} is a 2-D array of shape {X.shape}, that is a single matrix; expected {expected}. "
            f"Wrap it in a list: [{name}]."
        )
    if X.ndim not in (1, 3):
        raise ValueError(f"{name} is a {X.ndim}-D array of shape {X.shape}; expected {expected}.")


def ensure_networks(X: Any, name: str = "X") -> list[NetworkRecord]:
    """Validate a sequence of networks.

    Parameters
    ----------
    X : sequence of n_networks networks
        List, tuple, 1-D object array or Series of `InfluenceNetwork` objects, square arrays, scipy
        sparse matrices, DataFrames (index equal to columns), networkx or PyG graphs (see
        `graph_matrix`), in any mixture; or an array of shape (n_networks, n_nodes, n_nodes).
    name : str, default="X"
        Name of the argument in error messages.

    Returns
    -------
    list of NetworkRecord
        One record per network. Neither the input nor its elements are changed; dense float64 input is
        not copied.

    Raises
    ------
    TypeError
        If `X` is no sequence, or an element is no matrix.
    ValueError
        If an element is not square, not finite, not numeric or badly labelled; the message names it as
        ``X[i]``.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb._validation import ensure_networks
    >>> ensure_networks([np.eye(2), np.eye(3)])[1].n_nodes
    3
    """
    return [_as_record(item, f"{name}[{i}]") for i, item in enumerate(as_sequence(X, name))]


def _as_record(item: Any, label: str) -> NetworkRecord:
    if is_network(item):
        # Validated by its own constructor and immutable since.
        return NetworkRecord(np.asarray(item), item.jacobian.index)
    matrix, index, columns = coerce_matrix(item, label)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"{label} has shape {matrix.shape}; expected a square matrix, whose entry (i, j) is the "
            "influence of node j on node i."
        )
    if index is not None:
        check_node_names(index, columns, label)
    return NetworkRecord(matrix, index)


def check_node_names(index: pd.Index, columns: pd.Index | None, label: str) -> None:
    """Raise ValueError unless `index` holds unique names equal to `columns`, in the same order."""
    if isinstance(index, pd.MultiIndex) or isinstance(columns, pd.MultiIndex):
        raise ValueError(f"{label} has names in several levels; expected one name each, for example 'a|b'.")
    if index.hasnans:
        raise ValueError(f"{label} has a missing name at position {int(np.argmax(index.isna()))}.")
    if not index.is_unique:
        duplicate = index[index.duplicated()][0]
        raise ValueError(f"{label} has the duplicate name {duplicate!r}; expected unique names.")
    if columns is None or index.equals(columns):
        return
    if columns.is_unique and set(index) == set(columns):
        raise ValueError(
            f"{label} has the same names in its index and columns, but in different orders; "
            "reorder it: df.loc[names, names]."
        )
    odd = sorted(map(str, set(index) ^ set(columns)))[:3]
    raise ValueError(
        f"{label} has an index that differs from its columns (for example at {odd}); expected the same names."
    )


def coerce_matrix(
    item: Any, label: str, *, finite: bool = True
) -> tuple[np.ndarray | sp.csr_array, pd.Index | None, pd.Index | None]:
    """Turn one matrix-like object into a float64 matrix, with its row and column names.

    Parameters
    ----------
    item : array-like, sparse matrix, DataFrame, InfluenceNetwork, networkx or PyG graph
        The matrix.
    label : str
        How error messages call it, such as ``"X[3]"``.
    finite : bool, default=True
        Whether NaN and infinity are refused.

    Returns
    -------
    matrix : ndarray or csr_array of shape (n_rows, n_columns)
        The values; sparse input stays sparse.
    index, columns : Index or None
        The names; None for input without names.

    Raises
    ------
    TypeError
        If `item` is no matrix or not numeric.
    ValueError
        If `item` is not 2-D, or holds NaN or infinity with `finite`.
    """
    if is_networkx(item) or is_pyg(item):
        item = graph_matrix(item, label)
    if sp.issparse(item):
        return _coerce_sparse(item, label, finite), None, None
    if isinstance(item, pd.DataFrame):
        return _coerce_dense(item.to_numpy(), label, finite), item.index, item.columns
    if is_network(item):
        return np.asarray(item), item.jacobian.index, item.jacobian.columns
    return _coerce_dense(item, label, finite), None, None


def _coerce_dense(item: Any, label: str, finite: bool) -> np.ndarray:
    if isinstance(item, np.ma.MaskedArray):
        raise TypeError(f"{label} is a masked array; fill it first, for example with item.filled(0).")
    try:
        matrix = np.asarray(item)
    except ValueError as error:
        raise ValueError(f"{label} is a {describe(item)} that makes no rectangular matrix: {error}.") from error
    if matrix.ndim == 0:
        raise TypeError(f"{label} is a {describe(item)}; expected a matrix.{_hint(item)}")
    if matrix.ndim != 2:
        raise ValueError(f"{label} is {matrix.ndim}-D with shape {matrix.shape}; expected a 2-D matrix.")
    matrix = _as_float(matrix, label)
    if not finite:
        return matrix
    _check_finite(matrix, label, lambda flat: tuple(int(k) for k in np.unravel_index(flat, matrix.shape)))
    return matrix


def _hint(item: Any) -> str:
    if isinstance(item, str) or callable(getattr(item, "jacobian", None)):
        return " SBML models become networks through skperturb.sbml.JacobianExtractor."
    return ""


def _as_float(matrix: np.ndarray, label: str) -> np.ndarray:
    if matrix.dtype.kind in "biuf":
        return matrix.astype(np.float64, copy=False)
    if matrix.dtype.kind == "O":
        try:
            return matrix.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{label} is not numeric: {error}.") from error
    raise TypeError(f"{label} has dtype {matrix.dtype}; expected real numbers.")


def _coerce_sparse(item: Any, label: str, finite: bool) -> sp.csr_array:
    if item.ndim != 2:
        raise ValueError(f"{label} is a {item.ndim}-D sparse array; expected a 2-D matrix.")
    if item.dtype.kind not in "biuf":
        raise TypeError(f"{label} has dtype {item.dtype}; expected real numbers.")
    matrix = sp.csr_array(item, dtype=np.float64)
    if not matrix.has_canonical_format or (matrix.data == 0).any():
        # An explicitly stored zero is no edge. The conversion shares memory with the caller's matrix,
        # so the clean-up must work on a copy.
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    if finite and not np.isfinite(matrix.data).all():
        coo = matrix.tocoo()
        _check_finite(coo.data, label, lambda flat: (int(coo.row[flat]), int(coo.col[flat])))
    return matrix


def _check_finite(values: np.ndarray, label: str, locate: Callable[[int], Hashable]) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        flat = int(np.argmin(finite.ravel()))
        raise ValueError(
            f"{label} holds {values.ravel()[flat]} at position {locate(flat)}; expected finite numbers. "
            "Drop this matrix or repair the model that it came from."
        )


def check_same_length(first: Sequence[Any], second: Sequence[Any], names: tuple[str, str]) -> None:
    """Raise ValueError unless the two sequences are equally long."""
    if len(first) != len(second):
        raise ValueError(
            f"{names[0]} has {len(first)} elements but {names[1]} has {len(second)}; expected one "
            "element of each per sample."
        )


def check_n_jobs(n_jobs: Any) -> None:
    """Raise ValueError unless joblib knows what the number of jobs means."""
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs == 0):
        raise ValueError(f"n_jobs={n_jobs!r}; expected an integer other than 0, such as 2 or -1 (all cores), or None.")
    if n_jobs is not None and abs(int(n_jobs)) > MOST_JOBS:
        raise ValueError(f"n_jobs={n_jobs}; expected at most {MOST_JOBS} workers, or -1 for all cores.")


def check_path(value: Any, name: str) -> Path:
    """Return a path; raise TypeError or ValueError, with the name of the argument, for anything else."""
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{name} is a {describe(value)}; expected a path, as str or pathlib.Path.")
    if value == "":
        raise ValueError(f"{name}='' is empty; expected a path.")
    return Path(value)


def check_mapping(value: Any, name: str) -> dict[Any, Any]:
    """Return a mapping or Series as dict, an empty one for None; refuse others, and names that stand twice."""
    if value is None:
        return {}
    if isinstance(value, pd.Series):
        if not value.index.is_unique:
            raise ValueError(f"{name} has {value.index[value.index.duplicated()][0]!r} twice in its index.")
        return dict(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a {describe(value)}; expected a mapping such as a dict, or a Series.")
    return dict(value)


def check_names(value: Any, name: str) -> list[str]:
    """Return an iterable of names as a list; raise TypeError, with the index of an element that is no text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1:
        raise TypeError(f"{name} is a {describe(value)}; expected a sequence of names.")
    found = list(value)
    other = next((k for k, item in enumerate(found) if not isinstance(item, str)), None)
    if other is not None:
        raise TypeError(f"{name}[{other}] is a {describe(found[other])}; expected a name.")
    return found


def check_at_least(value: Any, name: str, least: int, most: int | None = None) -> None:
    """Raise ValueError unless the value is a whole number that large, and no larger than `most`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r}; expected an integer, {least} or more.")
    if most is not None and int(value) > most:
        raise ValueError(f"{name}={value!r}; expected an integer from {least} to {most}.")


def check_size(given: str, *shape: int) -> None:
    """Raise ValueError for what would fill an array of more numbers than any memory holds.

    Parameters
    ----------
    given : str
        The arguments behind it and their values, for the message.
    *shape : int
        Of the array.
    """
    if math.prod(int(length) for length in shape) > _MOST_NUMBERS:
        text = " × ".join(str(length) for length in shape)
        raise ValueError(f"{given} asks for {text} numbers at a time; expected 10^11 at most (0.8 TB). Ask for fewer.")
