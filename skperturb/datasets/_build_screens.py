"""The files of mean responses in principal components, built from single cells."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize
from sklearn.utils import check_scalar

from skperturb._cell_files import open_cells
from skperturb._interchange import is_anndata
from skperturb._near_names import listed, nearest
from skperturb._validation import check_at_least, check_path, describe
from skperturb.datasets._built import check_target, write_built
from skperturb.datasets._fetch import DataHome, get_data_home

__all__ = ["SCREEN_FILES", "build_screen"]

#: The file of each screen in the data home, and whether it has the variance of the noise.
SCREEN_FILES = {
    "norman2019": ("norman2019_pc50.tsv.gz", True),
    "replogle2022": ("replogle2022_k562_pc50.tsv.gz", True),
    "nadig2025": ("nadig2025_jurkat_pc50.tsv.gz", True),
    "frangieh2021": ("frangieh2021_pc50.tsv.gz", False),
    "papalexi2021": ("papalexi2021_pc50.tsv.gz", False),
    "tian2021": ("tian2021_crispri_pc50.tsv.gz", False),
}


def build_screen(
    name: str,
    cells: str | PathLike | Any,
    *,
    label: str = "perturbation",
    control: str = "control",
    target_sum: float | None = 10_000.0,
    n_genes: int = 2000,
    n_components: int = 50,
    min_cells: int = 10,
    chunk_size: int = 10_000,
    data_home: DataHome = None,
    overwrite: bool = False,
) -> Path:
    r"""Build the file that a ``fetch_`` function of a screen reads, from its cells.

    Each cell is scaled to a total of `target_sum` and log(1 + x) is taken; the `n_genes` genes that vary most are
    projected on their first `n_components` principal components over all cells with a label. The row of a condition is
    the mean of its cells minus that of the controls.

    Parameters
    ----------
    name : {"norman2019", "replogle2022", "nadig2025", "frangieh2021", "papalexi2021", "tian2021"}
        The screen, which decides the name of the file and whether it has the variance of the noise.
    cells : str, path-like or AnnData
        The screen's file of scPerturb (``.h5ad``), which is read in pieces, or the cells.
    label : str, default="perturbation"
        Column of ``cells.obs`` that names the condition of each cell; two genes are joined by "_".
    control : str, default="control"
        The condition of the unperturbed cells.
    target_sum : float, default=10000
        Total of each cell; None for values that are logarithms already.
    n_genes : int, default=2000
        Number of genes; all, if there are fewer.
    n_components : int, default=50
        Number of principal components.
    min_cells : int, default=10
        Conditions with fewer cells are left out.
    chunk_size : int, default=10000
        Number of cells in memory at a time; it changes no result.
    data_home : str or path-like, default=None
        See `get_data_home`.
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If the name, the column or the control is not there, there are fewer genes than components, no condition has
        `min_cells` cells, or the file is there and `overwrite` is False.

    Notes
    -----
    The file is laid out as the one that the tables were measured with, but does not repeat its numbers: that one was
    recovered from published E-distances, for the conditions and components of its authors. Components are fitted on all
    cells, test conditions included, in both. The noise of a condition is the sum of the variances of its components,
    divided by its number of cells.

    Examples
    --------
    >>> import tempfile
    >>> import anndata, numpy as np, pandas as pd
    >>> from skperturb.datasets import build_screen, fetch_norman2019
    >>> counts = np.random.default_rng(0).poisson(3.0, size=(60, 5)).astype(float)
    >>> obs = pd.DataFrame({"perturbation": ["control", "KLF1", "KLF1_CEBPA"] * 20}, index=[f"c{k}" for k in range(60)])
    >>> with tempfile.TemporaryDirectory() as home:
    ...     path = build_screen("norman2019", anndata.AnnData(counts, obs=obs), n_components=3, data_home=home)
    ...     screen = fetch_norman2019(home)
    >>> screen.data.tolist(), screen.target.shape
    (['KLF1', 'KLF1+CEBPA'], (2, 3))
    """
    if not isinstance(name, str) or name not in SCREEN_FILES:
        alike = nearest(name, SCREEN_FILES) if isinstance(name, str) else ""
        raise ValueError(f"name={name!r} is not known{alike}; expected one of {sorted(SCREEN_FILES)}.")
    for option, value in {"n_genes": n_genes, "n_components": n_components, "chunk_size": chunk_size}.items():
        check_at_least(value, option, 1)
    # The variance of a mean needs two cells.
    check_at_least(min_cells, "min_cells", 2)
    for option, text in {"label": label, "control": control}.items():
        if not isinstance(text, str):
            raise TypeError(f"{option} is a {describe(text)}; expected a str.")
    if target_sum is not None:
        check_scalar(target_sum, "target_sum", Real, min_val=0, max_val=np.inf, include_boundaries="neither")
        if np.isnan(target_sum):
            raise ValueError("target_sum is NaN; expected a positive number, or None for data that are log-normalized.")
    file, is_noisy = SCREEN_FILES[name]
    source = None if is_anndata(cells) else check_path(cells, "cells")
    home = get_data_home(data_home)
    check_target(f"responses/{file}", home, overwrite)
    with _opened(cells) as adata:
        labels = _labels(adata, label, control)
        stream = _Cells(adata, labels.notna().to_numpy(), target_sum, chunk_size)
        scores = _scores(stream, n_genes, n_components)
        table = _table(scores, labels.dropna().to_numpy(dtype=object), control, min_cells)
    return write_built(
        table if is_noisy else table.drop(columns="noise_variance"),
        f"responses/{file}",
        home,
        {"cells": source},
        overwrite=overwrite,
        index=True,
    )


@contextmanager
def _opened(cells: Any) -> Iterator[Any]:
    if is_anndata(cells):
        yield cells
        return
    if not check_path(cells, "cells").is_file():
        raise ValueError(f"cells={str(cells)!r}: no such file; expected an .h5ad file, or an AnnData.")
    adata = open_cells(Path(cells))
    try:
        yield adata
    finally:
        adata.file.close()


def _labels(adata: Any, label: str, control: str) -> pd.Series:
    if label not in adata.obs:
        alike = nearest(label, map(str, adata.obs.columns))
        raise ValueError(
            f"label={label!r} is no column of cells.obs{alike}; expected one of {listed(adata.obs.columns)}."
        )
    labels = adata.obs[label].astype(object)
    labels = labels.where(~labels.isin(("nan", "", "*")), None)
    if not (labels == control).any():
        known = sorted(map(str, labels.dropna().unique()))
        raise ValueError(
            f"control={control!r} names no cell{nearest(control, known)}; expected one of {listed(known)}."
        )
    return labels


class _Cells:
    """The labelled cells, log-normalized, in pieces.

    Parameters
    ----------
    adata : AnnData
    kept : ndarray of bool
        Which cells are read.
    target_sum : float or None
    chunk_size : int
    """

    def __init__(self, adata: Any, kept: np.ndarray, target_sum: float | None, chunk_size: int):
        self.adata, self.kept, self.target_sum, self.chunk_size = adata, kept, target_sum, chunk_size

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, self.adata.n_obs, self.chunk_size):
            rows = slice(start, start + self.chunk_size)
            if not self.kept[rows].any():
                continue
            chunk = sp.csr_array(self.adata.X[rows])[self.kept[rows]].astype(np.float64)
            if not np.isfinite(chunk.data).all() or chunk.data.min(initial=0.0) < 0:
                raise ValueError(f"cells from {start} on hold values below 0 or not finite; expected counts.")
            if self.target_sum is not None:
                chunk = (normalize(chunk, norm="l1") * self.target_sum).log1p()
            yield sp.csr_array(chunk)


def _scores(stream: _Cells, n_genes: int, n_components: int) -> np.ndarray:
    """Return the principal components of the cells, centered over all of them."""
    n = int(stream.kept.sum())
    total = np.zeros(stream.adata.n_vars)
    squares = total.copy()
    for chunk in stream:
        total += chunk.sum(axis=0)
        squares += chunk.power(2).sum(axis=0)
    mean = total / n
    variance = squares / n - mean**2
    # In the order of the genes, so that ties between equal variances do not depend on the sort.
    genes = np.sort(np.argsort(-variance, kind="stable")[:n_genes])
    if len(genes) < n_components:
        raise ValueError(f"n_components={n_components} of {len(genes)} genes; expected no more than there are genes.")
    products = np.zeros((len(genes), len(genes)))
    for chunk in stream:
        # Its density is some percent, so that a dense product would read mostly zeros.
        part = chunk[:, genes]
        products += (part.T @ part).toarray()
    center = mean[genes]
    vectors = np.linalg.eigh(products / n - np.outer(center, center))[1][:, ::-1][:, :n_components]
    # The sign of an eigenvector is arbitrary: its largest entry is made positive.
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n_components)])
    return np.vstack([chunk[:, genes] @ vectors for chunk in stream]) - center @ vectors


def _table(scores: np.ndarray, labels: np.ndarray, control: str, min_cells: int) -> pd.DataFrame:
    """Return mean change to control and the variance of the noise of each condition's mean, control first."""
    frame = pd.DataFrame(scores, columns=[f"PC{k + 1}" for k in range(scores.shape[1])])
    grouped = frame.groupby(labels, sort=True)
    size = grouped.size()
    means = grouped.mean() - grouped.mean().loc[control]
    means.insert(0, "noise_variance", grouped.var(ddof=1).sum(axis=1) / size)
    kept = size.index[(size >= min_cells) & (size.index != control)]
    if not len(kept):
        raise ValueError(f"min_cells={min_cells}: no condition has that many cells (the most: {int(size.max())}).")
    return means.loc[[control, *kept]].round(6).rename_axis("perturbation")
