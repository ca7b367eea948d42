"""Expression as an attribute of genes: aligned by name, and correlated between two genes."""

import functools
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import as_pandas, is_anndata
from skperturb._pairs import as_genes
from skperturb._validation import describe

__all__ = ["absolute_correlation", "align_expression", "correlation_rows", "ensure_expression", "warn_uncovered"]

# Standard deviation, relative to one plus the largest deviation in the table, up to which a gene counts as constant:
# scaling to variance one would blow its rounding errors up to noise. Normalizing a constant gene was seen to leave up
# to 8e-15 on log-counts, and 5e-16 of the scale of the table on counts. Ten times less leaves that a margin of ten;
# ten times more changes nothing until a gene really varies by less than 1e-11, which no instrument resolves.
_CONSTANT = 1e-12
# Pairs whose two rows of expression are held at a time: 80 MB with 100 samples.
_PAIRS_PER_BLOCK = 50_000


def ensure_expression(expression: Any) -> pd.DataFrame | None:
    """Return expression as a finite float64 DataFrame whose rows are genes, or None.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), array, AnnData, dict of these or None
        The index of a DataFrame (of a polars one: a first column of texts) names the genes; row k of an array is the
        gene with the integer id k. An AnnData object has its genes in the columns, as usual. Tables of a dict, by their
        names, become one table: each is standardized by itself and counts as much as the others, and a gene that one of
        them lacks has zeros there.

    Returns
    -------
    DataFrame or None

    Raises
    ------
    TypeError
        If it is neither DataFrame nor array, or not numeric.
    ValueError
        If it is not 2-D, has no column, repeats a gene or is not finite.
    """
    if expression is None:
        return None
    if isinstance(expression, dict):
        return _joined(expression)
    return _ensure_table(expression)


def _joined(tables: dict[Any, Any]) -> pd.DataFrame:
    """Join several tables to one."""
    if not tables:
        raise ValueError("expression is an empty dict; expected tables by their names, or None.")
    parts = {}
    for name, table in tables.items():
        try:
            parts[name] = _ensure_table(table)
        except (TypeError, ValueError) as error:
            raise type(error)(f"expression[{name!r}]: {error}") from error
    genes = functools.reduce(pd.Index.union, (part.index for part in parts.values()))
    # Scaled so that each table has the same sum of squares, whatever its number of columns.
    blocks = [align_expression(part, genes)[:-1] / np.sqrt(part.shape[1]) for part in parts.values()]
    return pd.DataFrame(np.hstack(blocks), index=genes)


def _ensure_table(expression: Any) -> pd.DataFrame:
    expression = expression.to_df().T if is_anndata(expression) else as_pandas(expression, index=True)
    if not isinstance(expression, pd.DataFrame):
        expression = _from_array(expression)
    if expression.shape[0] == 0 or expression.shape[1] == 0:
        raise ValueError(f"expression has shape {expression.shape}; expected at least one gene and one sample.")
    genes = as_genes(expression.index, "expression")
    try:
        values = expression.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"expression is not numeric ({error}); expected numbers, genes in rows.") from error
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        shown = ", ".join(map(str, genes[bad][:3]))
        raise ValueError(
            f"expression has NaN or infinity in {int(bad.sum())} genes ({shown}); expected finite numbers. Drop these "
            "genes or impute them."
        )
    return pd.DataFrame(values, index=genes)


def _from_array(expression: Any) -> pd.DataFrame:
    if sp.issparse(expression):
        expression = expression.toarray()
    array = np.asarray(expression)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise TypeError(
            f"expression is a {describe(expression)}; expected a DataFrame of shape (n_genes, n_samples) whose index "
            "names the genes, or a numeric array whose row k is gene k."
        )
    return pd.DataFrame(array, index=pd.Index(np.arange(len(array))))


def align_expression(expression: pd.DataFrame, genes: pd.Index) -> np.ndarray:
    """Return one standardized row for each gene.

    Parameters
    ----------
    expression : DataFrame of shape (n_rows, n_samples)
        From `ensure_expression`.
    genes : Index of length n_genes

    Returns
    -------
    ndarray of shape (n_genes + 1, n_samples)
        Each gene scaled to mean 0 and variance 1, so that two rows' mean product is their Pearson correlation. Zeros
        for genes without expression, for constant ones, and in the last row, which stands for an unknown gene.
    """
    rows = expression.index.get_indexer(genes)
    measured = np.append(rows >= 0, False)
    values = np.zeros((len(genes) + 1, expression.shape[1]))
    values[measured] = expression.to_numpy()[rows[rows >= 0]]
    values -= values.mean(axis=1, keepdims=True)
    deviation = values.std(axis=1, keepdims=True)
    varies = deviation > _CONSTANT * (1 + np.abs(values).max(initial=0.0))
    return np.where(varies, values / np.where(varies, deviation, 1.0), 0.0)


def warn_uncovered(measured: pd.Index, paired: pd.Index) -> None:
    """Warn once, with the count, if expression has fewer than half of the genes, or names some of them differently.

    Parameters
    ----------
    measured : Index
        Genes of the expression.
    paired : Index
        Genes of the pairs.
    """
    absent = paired[~paired.isin(measured)]
    further = measured[~measured.isin(paired)]
    alike: pd.Series = pd.Series(dtype=object)
    if paired.dtype == object and len(absent):
        spellings = pd.Series(further, index=[_spelling(gene) for gene in further], dtype=object)
        spellings = spellings[~spellings.index.duplicated()]
        alike = spellings.reindex([_spelling(gene) for gene in absent]).set_axis(absent).dropna()
    if len(alike) == 0 and 2 * len(absent) <= len(paired):
        return
    hint = ""
    if len(alike):
        hint = (
            f" {len(alike)} of them differ only in case, blanks or the version of an id, such as {alike.index[0]!r} "
            f"and {alike.iloc[0]!r}: name genes alike in both."
        )
    warnings.warn(
        f"expression has {len(paired) - len(absent)} of the {len(paired)} genes of X; the other {len(absent)} count as "
        f"not measured, and its {len(further)} further genes become genes without interactions.{hint}",
        UserWarning,
        stacklevel=6,
    )


def _spelling(gene: str) -> str:
    """Return a name without what differs between files: case, blanks, the version of an Ensembl or RefSeq id."""
    return re.sub(r"^((?:ens|nm_|np_|xm_|xp_|nr_)\w+)\.\d+$", r"\1", gene.strip().casefold())


def absolute_correlation(expression: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the absolute Pearson correlation of pairs of genes.

    Parameters
    ----------
    expression : ndarray of shape (n_nodes, n_samples)
        From `align_expression`.
    positions : ndarray of shape (n_pairs, 2)

    Returns
    -------
    ndarray of shape (n_pairs,)
    """
    result = np.empty(len(positions))
    for start in range(0, len(positions), _PAIRS_PER_BLOCK):
        first, second = positions[start : start + _PAIRS_PER_BLOCK].T
        result[start : start + len(first)] = np.einsum("ij,ij->i", expression[first], expression[second])
    return np.abs(result) / expression.shape[1]


def correlation_rows(expression: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return the absolute Pearson correlation of some genes with all genes, shape (n_sources, n_nodes)."""
    return np.abs(expression[sources] @ expression.T) / expression.shape[1]
