"""What happens when two labelled objects meet: rows and columns go together by name, or they are refused.

A default RangeIndex (0, 1, 2, ...) is no name, and neither are its numbers after rows were selected where the other
side has names proper: such rows go together by position.
"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import as_pandas, is_anndata

__all__ = [
    "align_rows",
    "align_vectors",
    "check_rows",
    "check_same_names",
    "equal_rows",
    "is_default",
    "name_positions",
    "row_names",
]

#: Names that an error text shows of many.
_SHOWN = 3


def row_names(value: Any) -> pd.Index | None:
    """Return the names of the rows of a DataFrame, a Series or an AnnData, None for everything else.

    Parameters
    ----------
    value : object

    Returns
    -------
    Index or None
    """
    if isinstance(value, pd.DataFrame | pd.Series):
        return value.index
    return value.obs.index if is_anndata(value) else None


def is_default(index: pd.Index) -> bool:
    """Tell whether an index only numbers its rows from 0: what pandas makes where nobody gave names."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _is_numbers(index: pd.Index) -> bool:
    return not isinstance(index, pd.MultiIndex) and index.dtype.kind in "iu"


def align_rows(index: pd.Index | None, reference: pd.Index | None, labels: tuple[str, str]) -> np.ndarray | None:
    """Return where each row of a reference, such as the truth, stands in another object.

    Parameters
    ----------
    index, reference : Index or None
        Names of the rows; None where there are none. They are equally many.
    labels : tuple of str
        How error texts call the two.

    Returns
    -------
    ndarray of int or None
        None where the rows go together by position, because they have the same names in the same order or one side has
        no names.

    Raises
    ------
    ValueError
        If the names differ or are ambiguous; the text says where first, and what to do.
    """
    if index is None or reference is None or index.equals(reference) or is_default(index):
        return None
    if is_default(reference):
        _refuse_renumbered(index, reference, labels)
        return None
    # Rows that were selected from a default index, against names.
    if _is_numbers(reference) and not _is_numbers(index):
        return None
    if not reference.is_unique and Counter(index) == Counter(reference):
        raise ValueError(
            f"{labels[0]} and {labels[1]} have the same row names in another order, and "
            f"{reference[reference.duplicated()][0]!r} more than once, so that the rows cannot be told apart "
            f"({_first_mismatch(index, reference, labels)}); bring both into one order."
        )
    return name_positions(index, reference, (f"{labels[0]}.index", f"{labels[1]}.index"))


def _refuse_renumbered(index: pd.Index, reference: pd.Index, labels: tuple[str, str]) -> None:
    """Raise ValueError for rows that are the numbers of a default index in another order: either order may be meant."""
    if _is_numbers(index) and len(index) == len(reference) and index.isin(reference).all() and index.is_unique:
        raise ValueError(
            f"{labels[0]} has the row numbers {index[:_SHOWN].tolist()} … and {labels[1]} the default ones "
            f"{list(reference[:_SHOWN])} …, so that it is unclear which rows belong together. Sort {labels[0]} "
            "(sort_index()) if the numbers are names; otherwise drop them (reset_index(drop=True))."
        )


def name_positions(have: pd.Index, want: pd.Index, labels: tuple[str, str]) -> np.ndarray:
    """Return where each name of `want` stands in `have`.

    Parameters
    ----------
    have, want : Index
    labels : tuple of str
        How error texts call the two.

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        If a name is missing or occurs twice.
    """
    if have.equals(want):
        return np.arange(len(have))
    for names, label in ((have, labels[0]), (want, labels[1])):
        if not names.is_unique:
            raise ValueError(
                f"{label} has the duplicate name {names[names.duplicated()][0]!r}; expected unique names, or the same "
                "names in the same order on both sides."
            )
    # A MultiIndex finds tuples only.
    positions = have.get_indexer(want) if have.nlevels == want.nlevels else np.full(len(want), -1)
    if (positions < 0).any():
        unknown = want[positions < 0][:_SHOWN].tolist()
        raise ValueError(f"{labels[1]} has the names {unknown}, which {labels[0]} lacks; expected the same names.")
    return positions


def equal_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group rows that hold the same values; -0.0 equals 0.0.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Numbers or truth values, mostly zero, none NaN.

    Returns
    -------
    first : ndarray of int, shape (n_groups,)
        The first row of each group, ascending.
    group : ndarray of int, shape (n_rows,)
        Group of each row, in that order.
    """
    values = np.asarray(values)
    first: list[int] = []
    numbers: dict[bytes, int] = {}
    group = np.empty(len(values), dtype=np.intp)
    for k, row in enumerate(values):
        # What is not zero is little, while ``np.unique(axis=0)`` sorts whole rows, column by column. Two rows of the
        # same bytes hold equally many values, and so the same positions.
        positions = np.flatnonzero(row)
        key = positions.tobytes() + row[positions].tobytes()
        number = numbers.setdefault(key, len(first))
        if number == len(first):
            first.append(k)
        group[k] = number
    return np.array(first, dtype=np.intp), group


def align_vectors(reference: Any, value: Any, labels: tuple[str, str]) -> np.ndarray:
    """Return a vector in the order of another one: by name if both are Series with names.

    Parameters
    ----------
    reference, value : array-like of shape (n,)
    labels : tuple of str
        How error texts call the two.

    Returns
    -------
    ndarray of shape (n,)
        The values of `value`.

    Raises
    ------
    ValueError
        If both have names that differ.
    """
    value, reference = as_pandas(value), as_pandas(reference)
    array = np.asarray(value)
    if array.shape[:1] != np.shape(reference)[:1]:
        return array
    order = align_rows(row_names(value), row_names(reference), (labels[1], labels[0]))
    return array if order is None else array[order]


def check_rows(X: Any, y: Any, names: tuple[str, str] = ("X", "y")) -> None:
    """Raise ValueError if both have row names that are not the same in the same order.

    Parameters
    ----------
    X, y : object
        Features and targets of the same samples; without names (arrays, a default index) they pass.
    names : tuple of str, default=("X", "y")
        How error texts call the two.
    """
    check_same_names(row_names(X), row_names(y), names)


def check_same_names(index: pd.Index | None, reference: pd.Index | None, labels: tuple[str, str]) -> None:
    """Raise ValueError unless two indices hold the same names in the same order, or one holds no names.

    Parameters
    ----------
    index, reference : Index or None
    labels : tuple of str
        How error texts call the two.
    """
    if index is None or reference is None or len(index) != len(reference) or index.equals(reference):
        return
    if is_default(index):
        return
    if is_default(reference):
        _refuse_renumbered(index, reference, labels)
        return
    if _is_numbers(index) != _is_numbers(reference):
        return
    raise ValueError(
        f"{labels[0]} and {labels[1]} have different row names: {_first_mismatch(index, reference, labels)}. "
        f"{_advice(index, reference, labels)}"
    )


def _first_mismatch(index: pd.Index, reference: pd.Index, labels: tuple[str, str]) -> str:
    row, (ours, theirs) = next((k, pair) for k, pair in enumerate(zip(index, reference, strict=True)) if _differ(*pair))
    return f"row {row} is {ours!r} in {labels[0]} and {theirs!r} in {labels[1]}"


def _differ(ours: Any, theirs: Any) -> bool:
    return ours is not theirs and not bool(ours == theirs)


def _advice(index: pd.Index, reference: pd.Index, labels: tuple[str, str]) -> str:
    first, second = labels
    counts = Counter(index), Counter(reference)
    if counts[0] == counts[1]:
        order = f"{second}.loc[{first}.index]" if index.is_unique else "both sorted alike"
        return f"They hold the same names in another order; pass {order}."
    common = counts[0] & counts[1]
    by_position = f"If row k of one belongs to row k of the other, say so: {second}.set_axis({first}.index)."
    if not common:
        return f"They have no name in common. {by_position}"
    missing = [name for name in counts[0] if name not in counts[1]][:_SHOWN]
    return f"{second} lacks {missing} (of {sum((counts[0] - counts[1]).values())}). {by_position}"
