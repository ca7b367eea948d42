"""A look at how labels are read, before anything is fitted."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skperturb._label_doubts import Condition
from skperturb._label_sources import label_column, observations, read_labels
from skperturb._labels import LabelReader

__all__ = ["describe_labels", "levels_within"]

#: Batches, donors, cell types and studies have no more levels. Scores, counts and barcodes of cells do: they are no
#: covariates, and a column with more levels leaves hardly a cell for each of them.
_MOST_LEVELS = 50
_COLUMNS = ["label", "condition", "genes", "dose", "is_control", "n_cells", "how", "is_doubtful", "reason"]


def describe_labels(
    X: Any,
    column: str | None = None,
    *,
    control: str | Sequence[str] = ("control", "ctrl"),
    sep: str | Sequence[str] = ("+", "_"),
    genes: Iterable[Hashable] | None = None,
    guide_suffix: str | None = None,
    guide_prefix: str | None = None,
) -> pd.DataFrame:
    r"""Show how each label is read, with the options that the encoder, `pseudobulk` and the splitters take.

    Parameters
    ----------
    X : AnnData, DataFrame, Series or sequence of str or dict
        The labels of cells or of conditions.
    column : str, default=None
        The column of ``adata.obs`` or of the table that holds the labels.
    control : str or sequence of str, default=("control", "ctrl")
        Labels, and parts of labels, that stand for no perturbation.
    sep : str or sequence of str, default=("+", "_")
        Separators between genes, the trusted one first.
    genes : sequence of str, default=None
        The only names that are genes.
    guide_suffix, guide_prefix : str, default=None
        Regular expressions of what follows (precedes) the gene in the name of a guide.

    Returns
    -------
    DataFrame
        One row for each different label, in order of appearance: ``label``; ``condition``, its one spelling, equal for
        all labels that mean the same; ``genes`` and ``dose``, separated by ", "; ``is_control``; ``n_cells``; ``how``
        it was read; ``is_doubtful`` and the ``reason``, with what to set. For tables and AnnData with further columns
        also ``varies``: the columns with 2 to 50 levels that differ between rows of the same condition, and their
        number of levels there, such as "cell_type (4)". What differs there is averaged, unless it is a covariate.

    Raises
    ------
    TypeError
        If `X` is no sequence of labels.
    ValueError
        If the column is not there, or an option is not valid.

    See Also
    --------
    PerturbationEncoder : Refuses labels that are doubtful here.
    pseudobulk : Averages the cells of each condition.

    Examples
    --------
    >>> from skperturb.responses import describe_labels
    >>> table = describe_labels(["KLF1+ctrl", "ctrl+KLF1", "ctrl", "STAT1_g1"])
    >>> table[["label", "condition", "genes", "is_control", "n_cells", "is_doubtful"]]
           label condition       genes  is_control  n_cells  is_doubtful
    0  KLF1+ctrl      KLF1        KLF1       False        1        False
    1  ctrl+KLF1      KLF1        KLF1       False        1        False
    2       ctrl   control                    True        1        False
    3   STAT1_g1  STAT1_g1                   False        1         True
    >>> print(table["reason"][3])
    where 'g1' looks like the name of a guide and not like a gene. Pass guide_suffix=r'_g\d+', or pass genes=[...]
    >>> describe_labels(["STAT1_g1", "STAT1_g2"], guide_suffix=r"_g\d+")["condition"].tolist()
    ['STAT1', 'STAT1']
    """
    reader = LabelReader(control, sep, genes, guide_suffix, guide_prefix)
    labels = read_labels(X, column)
    distinct, codes = _distinct(labels)
    conditions = _examine(distinct, reader)
    rows = [_row(one, count) for one, count in zip(conditions, np.bincount(codes), strict=True)]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    further = observations(X)
    if isinstance(further, pd.DataFrame) and further.shape[1] > 1:
        further = further.drop(columns=label_column(further, column))
        condition_of_label = pd.factorize(table["condition"])[0]
        varying = _varying_words(further, condition_of_label[codes])
        table["varies"] = [varying.get(code, "") for code in condition_of_label]
    return table


def _distinct(labels: Sequence[Any]) -> tuple[list[Any], np.ndarray]:
    """Return the different labels in order of appearance, and which one each label is."""
    # A dict of doses cannot be a key, and each NaN is another object.
    positions: dict[Hashable, int] = {}
    distinct: list[Any] = []
    codes = np.empty(len(labels), dtype=int)
    for k, label in enumerate(labels):
        key = label if isinstance(label, str) else repr(label)
        if key not in positions:
            positions[key] = len(distinct)
            distinct.append(label)
        codes[k] = positions[key]
    return distinct, codes


def _examine(labels: Sequence[Any], reader: LabelReader) -> list[Condition]:
    readable = [isinstance(label, str | Mapping) for label in labels]
    found = iter(reader.examine_all(label for label, is_readable in zip(labels, readable, strict=True) if is_readable))
    return [
        next(found) if is_readable else _unreadable(label) for label, is_readable in zip(labels, readable, strict=True)
    ]


def _unreadable(label: Any) -> Condition:
    missing = label is None or label is pd.NA or label is pd.NaT or (isinstance(label, float) and np.isnan(label))
    reason = (
        "which is no label. Leave these rows out, or give them one"
        if missing
        else f"which is a {type(label).__name__}; expected text or a dict of doses. Convert it: labels.astype(str)"
    )
    return Condition(label, {}, False, str(label), "not at all", reason)


def _row(one: Condition, n_cells: int) -> tuple[Any, ...]:
    doubtful = bool(one.doubt)
    genes = [] if doubtful else sorted(one.doses, key=str)
    return (
        one.label,
        str(one.label).strip() if doubtful else one.name,
        ", ".join(map(str, genes)),
        ", ".join(f"{one.doses[gene]:g}" for gene in genes),
        one.is_control and not doubtful,
        int(n_cells),
        "not at all" if doubtful else one.how,
        doubtful,
        one.doubt.removeprefix(": "),
    )


def levels_within(table: pd.DataFrame, groups: np.ndarray) -> dict[Hashable, pd.Series]:
    """Count the levels inside each group, for the columns with a few levels that differ between rows of one group.

    Parameters
    ----------
    table : DataFrame of shape (n_cells, n_columns)
    groups : ndarray of int, shape (n_cells,)
        Group of each row, such as its condition.

    Returns
    -------
    dict of column to Series
        Number of levels of each group where it is above 1.
    """
    result = {}
    for k, name in enumerate(table.columns):
        column = table.iloc[:, k]
        if column.dtype.kind == "f":
            continue
        # As text, because a cell may hold a list, which has no hash.
        codes, levels = pd.factorize(column.astype(str))
        if not 1 < len(levels) <= _MOST_LEVELS:
            continue
        counts = pd.Series(codes).groupby(groups).nunique()
        if (counts > 1).any():
            result[name] = counts[counts > 1]
    return result


def _varying_words(table: pd.DataFrame, conditions: np.ndarray) -> dict[int, str]:
    """Name, for each condition, the columns that vary inside it: "cell_type (4), batch (2)"."""
    words: dict[int, list[str]] = {}
    for name, counts in levels_within(table, conditions).items():
        for condition, count in counts.items():
            words.setdefault(int(condition), []).append(f"{name} ({count})")
    return {condition: ", ".join(columns) for condition, columns in words.items()}
