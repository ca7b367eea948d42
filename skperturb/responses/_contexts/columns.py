"""Which columns of a matrix of doses are contexts, and what each row is once they are known.

Contexts stand in X as one-hot columns, because that is what splitters, pipelines and files can carry. No model may take
them for genes: each row would be a combination of its gene with its cell line. Columns are contexts if their names say
so ("cell_line=K562", as `PerturbationEncoder` writes them, or "context__K562", as a ColumnTransformer does), or if the
user names them.

Models of genes see a wider matrix instead, with one column for each gene in each context: so a gene has an effect for
each cell line, and everything that works on genes works on these.
"""

import warnings
from dataclasses import dataclass
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import as_pandas

__all__ = ["ContextDesign", "context_name", "is_context_name", "marked_columns", "read_contexts", "warn_of_unmarked"]

#: What separates the name of a covariate from its level, and what begins names that a ColumnTransformer makes.
_MARK, _PREFIX = "=", "context__"
#: Covariate of columns whose names have no mark.
_UNNAMED = "context"
#: Level of a row that has none of the columns of a covariate.
UNKNOWN = "unknown"
#: Combinations of levels for which effects of all genes are kept. More than this are no contexts that anybody compares;
#: the bound refuses a column of cell barcodes before it fills the memory.
_MAX_CONTEXTS = 1000
#: Conditions that each level of a covariate has, if it is one; genes of a handful of pairs may stand so by chance.
_LEAST_ROWS = 4


def context_name(covariate: Any, level: Any) -> str:
    """Return the name of the column of a level, such as "cell_line=K562"."""
    return f"{covariate}{_MARK}{level}"


def is_context_name(name: Any) -> bool:
    """Tell whether the name of a column says that it is a context."""
    return isinstance(name, str) and (name.startswith(_PREFIX) or 0 < name.find(_MARK) < len(name) - 1)


def _parts(name: Any) -> tuple[str, str]:
    """Return the covariate and the level in the name of a column."""
    text = str(name).removeprefix(_PREFIX)
    covariate, mark, level = text.partition(_MARK)
    return (covariate, level) if mark else (_UNNAMED, text)


def marked_columns(X: Any) -> dict[int, str]:
    """Return position and name of the columns that are marked as contexts.

    Parameters
    ----------
    X : array-like of shape (n_conditions, n_columns)
        What `PerturbationEncoder` returns, or a DataFrame.

    Returns
    -------
    dict of int to str
    """
    carried = getattr(X, "context_columns", None)
    if carried is not None:
        return dict(carried)
    X = as_pandas(X)
    names = X.columns if isinstance(X, pd.DataFrame) else []
    return {k: name for k, name in enumerate(names) if is_context_name(name)}


@dataclass(frozen=True)
class ContextDesign:
    """What the columns of X are, and the contexts that rows can have.

    Parameters
    ----------
    genes : ndarray of int, shape (n_genes,)
        Columns that are genes.
    columns : tuple of ndarray of int
        For each covariate the columns of its levels.
    covariates : tuple of str
    levels : tuple of tuple of str
        Names of the levels of each covariate; the last, "unknown", is that of rows without one.
    features : ndarray of shape (n_contexts, n_features) or None
        What is known about each context, zero where nothing is.

    Attributes
    ----------
    contexts : ndarray of int, shape (n_contexts, n_covariates)
        Level of each covariate in each context.
    """

    genes: np.ndarray
    columns: tuple[np.ndarray, ...]
    covariates: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    features: np.ndarray | None = None

    @property
    def contexts(self) -> np.ndarray:
        """Level of each covariate in each context, the last covariate varying fastest."""
        return np.array(list(product(*(range(len(levels)) for levels in self.levels))), dtype=int)

    @property
    def names(self) -> list[str]:
        """Names of the contexts."""
        return [", ".join(self.levels[k][code] for k, code in enumerate(codes)) for codes in self.contexts]

    @property
    def column_names(self) -> dict[int, str]:
        """Position and name, such as "cell_line=K562", of each column that is a context."""
        return {
            int(position): context_name(covariate, level)
            for covariate, columns, levels in zip(self.covariates, self.columns, self.levels, strict=True)
            for position, level in zip(columns, levels, strict=False)
        }

    @property
    def n_contexts(self) -> int:
        """Number of contexts, unknown ones included."""
        return int(np.prod([len(levels) for levels in self.levels]))

    def context_of(self, X: np.ndarray) -> np.ndarray:
        """Return the context of each row.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_columns)

        Returns
        -------
        ndarray of int, shape (n_conditions,)

        Raises
        ------
        ValueError
            If a column of contexts holds something else than 0 and 1, or a row has two levels of one covariate.
        """
        found = np.zeros(len(X), dtype=int)
        for name, columns, levels in zip(self.covariates, self.columns, self.levels, strict=True):
            values = X[:, columns]
            bad = np.flatnonzero(~np.isin(values, (0.0, 1.0)).all(axis=1))
            if len(bad):
                raise ValueError(
                    f"X[{bad[0]}] holds {values[bad[0]].tolist()} in the columns of the context {name!r}; expected 1 "
                    "for its level and 0 for the others."
                )
            twice = np.flatnonzero(values.sum(axis=1) > 1)
            if len(twice):
                both = [levels[k] for k in np.flatnonzero(values[twice[0]])]
                raise ValueError(
                    f"X[{twice[0]}] has {len(both)} levels of the context {name!r}: {both[:3]}; expected one. Columns "
                    "of several covariates are told apart by names such as 'cell_line=K562' and 'batch=1'."
                )
            level = np.where(values.any(axis=1), values.argmax(axis=1), len(columns))
            found = found * len(levels) + level
        return found

    def in_any_context(self, flags: np.ndarray) -> np.ndarray:
        """Tell of each gene in each context whether a flag is set for that gene in some context.

        Parameters
        ----------
        flags : ndarray of bool, shape (n_contexts * n_genes,)

        Returns
        -------
        ndarray of bool, shape (n_contexts * n_genes,)
        """
        return np.tile(flags.reshape(self.n_contexts, -1).any(axis=0), self.n_contexts)

    def expand(self, X: np.ndarray) -> np.ndarray:
        """Return doses of each gene in each context.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_columns)

        Returns
        -------
        ndarray of shape (n_conditions, n_contexts * n_genes)
            Context by context.
        """
        n_genes = len(self.genes)
        wide = np.zeros((len(X), self.n_contexts * n_genes))
        row, gene = np.nonzero(X[:, self.genes])
        wide[row, self.context_of(X)[row] * n_genes + gene] = X[:, self.genes][row, gene]
        return wide


def read_contexts(contexts: Any, X: Any, names: Any) -> ContextDesign | None:
    """Find the columns that are contexts.

    Parameters
    ----------
    contexts : None, sequence of str or int, or DataFrame
        See `KernelPerturbationRegressor`.
    X : array-like of shape (n_conditions, n_columns)
        As the user passed it.
    names : sequence
        Names of its columns, or their positions.

    Returns
    -------
    ContextDesign or None
        None without contexts.

    Raises
    ------
    ValueError
        If a column is not there, none is left for genes, or there are more than a thousand contexts.
    """
    marked = marked_columns(X)
    names = list(names)
    contexts = as_pandas(contexts)
    table = contexts if isinstance(contexts, pd.DataFrame) else None
    if table is not None:
        _check_table(table)
        marked = marked or {k: name for k, name in enumerate(names) if str(name) in set(table.index.astype(str))}
        if not marked:
            raise ValueError(
                f"contexts is a table of {list(table.index[:3])} …, but X has no columns of contexts; expected columns "
                "such as 'cell_line=K562', which PerturbationEncoder(contexts=) makes."
            )
    elif contexts is not None:
        marked = _listed_columns(contexts, names, marked)
    if not marked:
        return None
    design = _design(marked, len(names))
    if table is None:
        return design
    return ContextDesign(design.genes, design.columns, design.covariates, design.levels, _features(table, design))


def _check_table(table: pd.DataFrame) -> None:
    if not table.index.is_unique:
        raise ValueError(
            f"contexts repeats the row {table.index[table.index.duplicated()][0]!r}; expected each context once."
        )
    values = table.to_numpy(dtype=float)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"contexts holds NaN or an infinite value in its row {table.index[row]!r}, column "
            f"{table.columns[column]!r}; expected finite numbers."
        )


def _listed_columns(contexts: Any, names: list[Any], marked: dict[int, str]) -> dict[int, str]:
    """Return the columns that the user lists, by name, by covariate or by position."""
    found: dict[int, str] = {}
    labels = {i: marked.get(i, str(name)) for i, name in enumerate(names)}
    for k, wanted in enumerate([contexts] if isinstance(contexts, str) else list(contexts)):
        hits = [i for i, name in enumerate(names) if name == wanted or labels[i] == wanted]
        if not hits and isinstance(wanted, Integral) and -len(names) <= int(wanted) < len(names):
            hits = [int(wanted) % len(names)]
        hits = hits or [i for i in marked if _parts(labels[i])[0] == wanted]
        if not hits:
            raise ValueError(
                f"contexts[{k}] is {wanted!r}; expected a column of X, or what comes before '=' in names such as "
                f"'cell_line=K562'. The last columns of X are {names[-3:]}."
            )
        found |= {i: labels[i] for i in hits}
    return found


def _design(marked: dict[int, str], n_columns: int) -> ContextDesign:
    grouped: dict[str, list[tuple[int, str]]] = {}
    for position, name in sorted(marked.items()):
        covariate, level = _parts(name)
        grouped.setdefault(covariate, []).append((position, level))
    genes = np.setdiff1d(np.arange(n_columns), list(marked))
    if not len(genes):
        raise ValueError(f"all {n_columns} columns of X are contexts; expected columns of perturbed genes beside them.")
    design = ContextDesign(
        genes=genes,
        columns=tuple(np.array([position for position, _ in group]) for group in grouped.values()),
        covariates=tuple(grouped),
        levels=tuple((*(level for _, level in group), UNKNOWN) for group in grouped.values()),
    )
    if design.n_contexts > _MAX_CONTEXTS:
        raise ValueError(
            f"the contexts {list(design.covariates)} have {design.n_contexts} combinations; expected {_MAX_CONTEXTS} "
            "at most. Leave covariates with many levels out."
        )
    return design


def _features(table: pd.DataFrame, design: ContextDesign) -> np.ndarray:
    """Return what a table says about each context; its rows are levels, or names such as "cell_line=K562"."""
    values = dict(zip(table.index.astype(str), table.to_numpy(dtype=float), strict=True))
    known = {
        (k, code): values[key]
        for k, (covariate, levels) in enumerate(zip(design.covariates, design.levels, strict=True))
        for code, level in enumerate(levels[:-1])
        for key in (context_name(covariate, level), level)
        if key in values
    }
    missing = [level for k, levels in enumerate(design.levels) for code, level in enumerate(levels[:-1])]
    if not known:
        raise ValueError(
            f"contexts is a table of {list(table.index[:3])} …, which names none of the contexts {missing[:3]} … of X."
        )
    covariates = sorted({k for k, _ in known})
    absent = [level for k in covariates for code, level in enumerate(design.levels[k][:-1]) if (k, code) not in known]
    if absent:
        raise ValueError(f"contexts lacks rows for {absent[:3]} ({len(absent)} in all); expected one for each level.")
    center = np.mean(list(known.values()), axis=0)
    rows = [
        np.concatenate([known[k, codes[k]] - center if (k, codes[k]) in known else 0 * center for k in covariates])
        for codes in design.contexts
    ]
    return np.array(rows)


def warn_of_unmarked(X: np.ndarray, names: Any) -> None:
    """Warn of columns that look like contexts: each row has exactly one of them, whatever else it has.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_columns)
    names : sequence
        Of the columns.
    """
    found = _exhaustive_columns(X)
    if not len(found):
        return
    shown = ", ".join(str(names[k]) for k in found[:3]) + (" …" if len(found) > 3 else "")
    warnings.warn(
        f"Each of the {len(X)} rows of X has exactly one of the {len(found)} columns {shown}, so that every row counts "
        "as a combination. If these are cell lines, batches or other contexts, let PerturbationEncoder(contexts=) name "
        "them, or pass contexts= with their names or positions to an estimator that takes it; if they are genes, "
        "contexts=() says so.",
        UserWarning,
        stacklevel=6,
    )


def _exhaustive_columns(X: np.ndarray) -> np.ndarray:
    """Return columns of 0 and 1 of which each row has exactly one and, in most rows, other columns beside it."""
    none = np.zeros(0, dtype=int)
    if len(X) < 2 or not (np.count_nonzero(X, axis=1) > 1).sum() > len(X) / 2:
        return none
    n_rows = np.count_nonzero(X, axis=0)
    covered = np.zeros(len(X), dtype=bool)
    taken: list[int] = []
    for column in np.argsort(-n_rows, kind="stable"):
        rows = X[:, column] != 0
        if n_rows[column] < _LEAST_ROWS or len(taken) >= len(X) / 2:
            break
        if not (covered & rows).any() and (X[rows, column] == 1.0).all():
            covered |= rows
            taken.append(column)
    return np.sort(np.array(taken, dtype=int)) if covered.all() else none
