"""Screens for ``reproduce responses``: the mirrored ones, and a user's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import datasets
from ..responses import PerturbationEncoder, pseudobulk

__all__ = ["MIRRORED", "Screen", "degrade_graph", "load_mirrored", "load_own"]

#: Name on the command line -> (loader, screen whose profiles are a gene-feature table).
MIRRORED = {
    "norman2019": ("fetch_norman2019", None),
    "replogle2022_k562": ("fetch_replogle2022", "nadig2025_jurkat"),
    "nadig2025_jurkat": ("fetch_nadig2025", "replogle2022_k562"),
    "frangieh2021": ("fetch_frangieh2021", None),
    "papalexi2021": ("fetch_papalexi2021", None),
    "tian2021": ("fetch_tian2021", None),
}


@dataclass
class Screen:
    """Doses, responses, and what is known about the genes.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n_conditions, n_genes)
    y : DataFrame of shape (n_conditions, n_outputs)
    graph : DataFrame or None
    features : dict of str to DataFrame
    control_mean : Series or None
        Expression of the read-out genes in control cells.
    caveat : str
    """

    name: str
    X: pd.DataFrame
    y: pd.DataFrame
    graph: pd.DataFrame | None
    features: dict[str, pd.DataFrame]
    control_mean: pd.Series | None = None
    caveat: str = ""

    def singles(self) -> "Screen":
        """Return the screen without combinations."""
        rows = (self.X != 0).sum(axis=1).to_numpy() == 1
        X = self.X[rows]
        kept = X.columns[(X != 0).any(axis=0)]
        return Screen(self.name, X[kept], self.y[rows], self.graph, self.features, self.control_mean, self.caveat)


def load_mirrored(name: str, data_home: Any = None) -> Screen:
    """Load one of the screens of the data home, with the gene graph, GO terms and, where there is one, a second screen.

    Parameters
    ----------
    name : str
        A key of `MIRRORED`.
    data_home : path-like, default=None
    """
    if name not in MIRRORED:
        raise ValueError(f"dataset {name!r} is not known; expected one of {sorted(MIRRORED)}.")
    loader, other = MIRRORED[name]
    bulk = getattr(datasets, loader)(data_home)
    features = {"GO terms": datasets.fetch_gene_terms(data_home)}
    if other is not None:
        features[f"profiles in {other}"] = getattr(datasets, MIRRORED[other][0])(data_home).target
    X = _encode(bulk.data)
    return Screen(
        name, X, bulk.target.set_axis(X.index), datasets.fetch_gene_graph(data_home), features, caveat=bulk.DESCR
    )


def _encode(labels: Any, control: str = "control") -> pd.DataFrame:
    encoder = PerturbationEncoder(control=(control, "control", "ctrl")).set_output(transform="pandas")
    return encoder.fit_transform(labels).set_axis([f"{label}#{k}" for k, label in enumerate(labels)])


def load_own(
    *,
    h5ad: Path | None = None,
    groupby: str = "perturbation",
    control: str = "control",
    pseudobulk_table: Path | None = None,
    graph: Path | None = None,
) -> Screen:
    """Load a user's screen: cells as h5ad, or a table of log-fold changes, one row per condition.

    Parameters
    ----------
    h5ad : Path, default=None
        Log-normalised expression; read from the disk in chunks.
    groupby, control : str
        Column of ``obs`` and its value for control cells.
    pseudobulk_table : Path, default=None
        Tab-separated, labels in the first column; a row of the control and a column "noise_variance" are dropped.
    graph : Path, default=None
        Tab-separated edges with a header: two genes, optionally an edge type.
    """
    edges = None if graph is None else pd.read_csv(graph, sep="\t")
    if h5ad is not None:
        import anndata

        cells = anndata.read_h5ad(h5ad, backed="r")
        try:
            bulk = pseudobulk(cells, groupby, control)
        finally:
            cells.file.close()
        X = _encode(bulk.data[groupby], control)
        return Screen(h5ad.stem, X, bulk.target.set_axis(X.index), edges, {}, bulk.control_mean)
    if pseudobulk_table is None:
        raise ValueError("a screen of your own needs --h5ad FILE or --pseudobulk TSV.")
    table = pd.read_csv(pseudobulk_table, sep="\t", index_col=0).drop(columns="noise_variance", errors="ignore")
    table = table.drop(index=[control, "control", "ctrl"], errors="ignore")
    X = _encode(table.index.astype(str), control)
    return Screen(pseudobulk_table.stem, X, table.set_axis(X.index), edges, {})


def degrade_graph(graph: pd.DataFrame, fraction: float, random_state: int) -> pd.DataFrame:
    """Remove (negative fraction) or add (positive fraction) random edges.

    Parameters
    ----------
    graph : DataFrame
        Edges.
    fraction : float
        Of the number of edges.
    random_state : int
    """
    rng = np.random.RandomState(random_state)
    count = round(abs(fraction) * len(graph))
    if fraction < 0:
        return graph.drop(index=graph.index[rng.permutation(len(graph))[:count]])
    genes = pd.unique(graph.iloc[:, :2].to_numpy().ravel())
    added = pd.DataFrame(genes[rng.randint(len(genes), size=(count, 2))], columns=graph.columns[:2])
    for column in graph.columns[2:]:
        added[column] = "random"
    return pd.concat([graph, added], ignore_index=True)
