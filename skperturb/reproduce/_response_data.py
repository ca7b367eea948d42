"""Screens for ``reproduce responses``: the mirrored ones, and a user's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import datasets
from .._cell_files import open_cells
from .._gene_files import read_gene_features, read_graph
from .._text_tables import as_numbers, named_rows, read_cells
from ..responses import PerturbationEncoder, pseudobulk, untested_combinations
from ._options import refuse_repeated

__all__ = ["MIRRORED", "Screen", "count_outside", "degrade_graph", "load_mirrored", "load_own"]

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
    noise : DataFrame of shape (n_conditions, n_outputs), Series or None
        Variance of each response, or their sum over the outputs; NaN where it is unknown.
    candidates : DataFrame of shape (n_candidates, n_genes) or None
        Doses of perturbations to predict, named by their labels.
    """

    name: str
    X: pd.DataFrame
    y: pd.DataFrame
    graph: pd.DataFrame | None
    features: dict[str, pd.DataFrame]
    control_mean: pd.Series | None = None
    caveat: str = ""
    noise: pd.DataFrame | pd.Series | None = None
    candidates: pd.DataFrame | None = None

    def singles(self) -> "Screen":
        """Return the screen without combinations."""
        rows = (self.X != 0).sum(axis=1).to_numpy() == 1
        X = self.X[rows]
        kept = X.columns[(X != 0).any(axis=0)]
        noise = None if self.noise is None else self.noise[rows]
        return replace(self, X=X[kept], y=self.y[rows], noise=noise)


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
        name,
        X,
        bulk.target.set_axis(X.index),
        datasets.fetch_gene_graph(data_home),
        features,
        caveat=bulk.DESCR,
        noise=None if bulk.noise_variance is None else bulk.noise_variance.set_axis(X.index),
    )


def _encode(labels: Any, control: str = "control", **reading: Any) -> pd.DataFrame:
    encoder = PerturbationEncoder(control=(control, "control", "ctrl"), **reading).set_output(transform="pandas")
    return encoder.fit_transform(labels).set_axis([f"{label}#{k}" for k, label in enumerate(labels)])


def load_own(
    *,
    h5ad: Path | None = None,
    groupby: str = "perturbation",
    control: str = "control",
    pseudobulk_table: Path | None = None,
    graph: Path | None = None,
    gene_features: Sequence[Path] = (),
    sep: Sequence[str] | None = None,
    guide_suffix: str | None = None,
    candidates: Sequence[str] | None = None,
) -> Screen:
    """Load a user's screen: cells as h5ad, or a table of log-fold changes, one row per condition.

    Parameters
    ----------
    h5ad : Path, default=None
        Log-normalised expression; read from the disk in chunks.
    groupby, control : str
        Column of ``obs`` and its value for control cells.
    pseudobulk_table : Path, default=None
        Labels in the first column; a row of the control is dropped, and a column "noise_variance" is the
        noise of a response, summed over its genes.
    graph : Path, default=None
        Edges: two genes in a row, optionally a kind or a weight.
    gene_features : sequence of Path, default=()
        Tables genes × features with a header, genes in the first column; or rows "gene, term".
    sep, guide_suffix : default=None
        How labels are read, as for `PerturbationEncoder`; None takes its default.
    candidates : sequence of str, default=None
        Labels of perturbations to predict; the single label "pairs" stands for all pairs of genes that were perturbed
        alone and not together.
    """
    reading: dict[str, Any] = {"guide_suffix": guide_suffix}
    if sep is not None:
        reading["sep"] = list(sep)
    refuse_repeated([path.name.split(".")[0] for path in gene_features], "gene_features")
    if h5ad is not None:
        name, table, noise, control_mean = h5ad.stem, *_own_cells(h5ad, groupby, control, reading)
    elif pseudobulk_table is not None:
        name, table, noise, control_mean = pseudobulk_table.stem, *_own_table(pseudobulk_table, control), None
    else:
        raise ValueError("a screen of your own needs --h5ad FILE or --pseudobulk TSV.")
    labels = table.index.astype(str)
    if candidates is not None:
        candidates = _labels_to_predict(candidates, list(labels), control, reading)
    # One encoder for both, so that genes of candidates that no label names have a column too.
    X = _encode([*labels, *(candidates or [])], control, **reading)
    new = X.iloc[len(labels) :].set_axis(list(candidates or []))
    X = X.iloc[: len(labels)]
    return Screen(
        name,
        X,
        table.set_axis(X.index),
        None if graph is None else read_graph(graph),
        {path.name.split(".")[0]: read_gene_features(path) for path in gene_features},
        control_mean,
        noise=None if noise is None else noise.set_axis(X.index),
        candidates=new if candidates is not None else None,
    )


def _own_cells(path: Path, groupby: str, control: str, reading: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return changes, the variance of each, and the mean of the controls."""
    cells = open_cells(path)
    try:
        bulk = pseudobulk(cells, groupby, control, **reading)
    finally:
        cells.file.close()
    return bulk.target, bulk.variance, bulk.control_mean


def _own_table(path: Path, control: str) -> tuple[Any, Any]:
    """Return changes, and the noise of each where the table has it."""
    table = as_numbers(named_rows(read_cells(path, short_header=True, texts=()), repeated=True), path)
    table = table.drop(index=[control, "control", "ctrl"], errors="ignore")
    return table, table.pop("noise_variance") if "noise_variance" in table else None


def _labels_to_predict(wanted: Sequence[str], labels: list[str], control: str, reading: dict[str, Any]) -> list[str]:
    """Return each label once; the single label "pairs" stands for all pairs that nobody tested."""
    if list(wanted) == ["pairs"]:
        return list(untested_combinations(labels, control=[control, "control", "ctrl"], **reading))
    if "pairs" in wanted:
        raise ValueError(f"predict={list(wanted)!r} holds 'pairs' beside labels; expected 'pairs' alone, or labels.")
    return list(dict.fromkeys(wanted))


def count_outside(screen: Screen) -> str:
    """Say how many of the perturbed genes the graph and the tables lack, one line for each; "" where there is none.

    Parameters
    ----------
    screen : Screen
    """
    perturbed = screen.X.columns[(screen.X != 0).any(axis=0)].astype(str)
    sources = {} if screen.graph is None else {"the graph": screen.graph.iloc[:, :2].to_numpy().ravel()}
    sources |= {f"the table {name!r}": table.index for name, table in screen.features.items()}
    lines = []
    for name, known in sources.items():
        missing = perturbed[~perturbed.isin(pd.Index(known).astype(str))]
        shown = f", such as {', '.join(missing[:3])}" if len(missing) else ""
        lines.append(f"{len(missing)} of {len(perturbed)} perturbed genes are not in {name}{shown}")
    return "\n".join(lines)


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
