"""Networks and expression for the interactions tables: E. coli's, or files that a user brings."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import column_separator
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


def read_expression(path: str | Path) -> pd.DataFrame:
    """Read a table whose first column names genes, first row names samples; repeated genes are averaged.

    Genes with missing values are left out, for no value of expression stands for "not measured".

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame of shape (n_genes, n_samples)
    """
    table = _read_table(path, header=0)
    if table.shape[1] < 2:
        raise ValueError(f"{path} has {table.shape[1]} columns; expected gene names and at least one sample.")
    names = table.iloc[:, 0].astype(str)
    try:
        values = table.iloc[:, 1:].replace("", np.nan).astype(float)
    except ValueError as error:
        raise ValueError(f"{path} holds entries that are not numbers: {error}.") from error
    values.index = pd.Index(names, name="gene")
    values = values[np.isfinite(values.to_numpy()).all(axis=1)]
    if len(values) == 0:
        raise ValueError(f"{path} has no gene without missing values.")
    return values.groupby(level=0, sort=False).mean()


def _read_table(path: str | Path, header: Any) -> pd.DataFrame:
    path = Path(path)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
        line = next((line for line in stream if line.strip() and not line.startswith("#")), "")
    if not line:
        raise ValueError(f"{path} is empty; expected a table.")
    return pd.read_csv(
        path, sep=column_separator(line) or r"\s+", header=header, dtype=str, comment="#", keep_default_na=False
    )
