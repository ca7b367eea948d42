"""Networks and expression for the interactions tables: E. coli's, or files that a user brings."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._text_tables import as_numbers, named_rows, read_cells
from skperturb.datasets import read_interactions

__all__ = ["InteractionData", "load_data", "read_edges", "read_expression"]


@dataclass(frozen=True, eq=False)
class InteractionData:
    """A network to reproduce the tables on.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2)
        Interactions, each once.
    genes : ndarray of shape (n_genes,)
        All genes, those without interactions too.
    expression : DataFrame or None
    operons : DataFrame or None
        Columns ``operon`` and ``gene``.
    notes : tuple of str
        What was left out while reading.
    """

    pairs: np.ndarray
    genes: np.ndarray
    expression: pd.DataFrame | None = None
    operons: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


def load_data(
    edges: str | Path | None = None, expression: str | Path | None = None, data_home: str | Path | None = None
) -> InteractionData:
    """Load E. coli, or the network of a file.

    Parameters
    ----------
    edges : str or Path, default=None
        Edge list; None loads E. coli with its expression and operons.
    expression : str or Path, default=None
        Table of expression for the edge list's genes.
    data_home : str or Path, default=None
        As in `skperturb.datasets.fetch_ecoli_interactions`.

    Returns
    -------
    InteractionData

    Raises
    ------
    ValueError
        If a file is no such table, or expression is given without edges.
    """
    if edges is None:
        if expression is not None:
            raise ValueError("expression was given without edges; pass the edge list of the same organism too.")
        from skperturb.datasets import fetch_ecoli_interactions

        data = fetch_ecoli_interactions(data_home=data_home)
        return InteractionData(data.pairs, data.genes, data.expression, data.operons)
    pairs, notes = read_edges(edges)
    table = None if expression is None else read_expression(expression)
    genes = pd.unique(pairs.ravel())
    if table is not None:
        n_known = int(table.index.isin(genes).sum())
        notes += (f"{n_known} of {len(genes)} interacting genes have expression",)
        # Genes that were measured but have no interaction are candidates for negatives as well.
        genes = pd.unique(np.concatenate([genes, table.index.to_numpy(dtype=object)]))
    return InteractionData(pairs, np.sort(genes), table, None, notes)


def read_edges(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a file as undirected interactions, as `skperturb.datasets.read_interactions` does.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
    notes : tuple of str
        How many rows were left out, and why.
    """
    found = read_interactions(path)
    left_out = found.report.drop(["rows", "pairs"])
    return found.pairs, tuple(f"{count} {name} left out" for name, count in left_out.items())


def read_expression(path: str | Path, genes: Any = None) -> pd.DataFrame:
    """Read a table whose first column names genes, first row names samples; repeated genes are averaged.

    Genes with missing values are left out, for no value of expression stands for "not measured".

    Parameters
    ----------
    path : str or Path
    genes : array-like of str, default=None
        Known genes: a table whose columns are called like them, and not its rows, is refused.

    Returns
    -------
    DataFrame of shape (n_genes, n_samples)

    Raises
    ------
    OSError, ValueError
        Names the file.

    Warns
    -----
    UserWarning
        If genes stand more than once with different values, or have missing ones.
    """
    path = Path(path)
    table = named_rows(read_cells(path, short_header=True, texts=()), repeated=True)
    if genes is not None and not table.index.isin(genes).any() and pd.Index(table.columns).isin(genes).any():
        raise ValueError(f"{path} has genes in its columns, not in its rows; expected genes in rows. Transpose it.")
    values = as_numbers(table, path, missing=True).rename_axis(index="gene")
    measured = values.notna().all(axis=1)
    values = values[measured]
    if len(values) == 0:
        raise ValueError(f"{path} has no gene without missing values.")
    if not measured.all():
        _doubt(path, table.index[~measured], "have missing values and are left out")
    # Numbers in place of the names of samples, one of which may be "gene".
    rows = values.set_axis(range(values.shape[1]), axis=1).reset_index().drop_duplicates()
    repeated = rows["gene"][rows["gene"].duplicated()].unique()
    if len(repeated):
        _doubt(path, repeated, "stand more than once with different values, which are averaged")
    return values.groupby(level=0, sort=False).mean()


def _doubt(path: Path, genes: Any, what: str) -> None:
    warnings.warn(f"{len(genes)} genes of {path} {what}, such as {genes[0]!r}.", UserWarning, stacklevel=3)
