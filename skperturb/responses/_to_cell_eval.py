"""Measured cells and predicted changes become the pair of files that cell-eval scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import Bunch, check_random_state

from skperturb._interchange import is_anndata
from skperturb._labels import LabelReader
from skperturb._sklearn import StrOptions, validate_params
from skperturb.responses._score_inputs import (
    CONTROL,
    Options,
    Screen,
    align_genes,
    match_conditions,
    read_screen,
)

__all__ = ["to_cell_eval"]


@validate_params(
    {
        "truth": "no_validation",
        "predicted": "no_validation",
        "groupby": [str],
        "control": [str],
        "cells": [StrOptions({"control", "mean"})],
        "folder": "no_validation",
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def to_cell_eval(
    truth: Any,
    predicted: Any,
    groupby: str,
    control: str,
    *,
    cells: str = "control",
    folder: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Write measured cells and predicted changes as the two AnnData that cell-eval and cell-eval2 compare.

    Parameters
    ----------
    truth : AnnData
        Cells × genes, log-normalised, with the control.
    predicted : DataFrame of shape (n_conditions, n_genes)
        Log-fold changes; the genes are those that are written, in their order.
    groupby : str
        Column of ``truth.obs`` that names the condition.
    control : str
        The label of the unperturbed cells.
    cells : {"control", "mean"}, default="control"
        A model of means says nothing about single cells. "control" draws control cells and adds the predicted change to
        each (values below 0 become 0), so that cells vary as control cells do and tests of differential expression make
        sense. "mean" repeats the predicted mean, exactly; only scores of means make sense then.
    folder : path-like, default=None
        Write ``real.h5ad`` and ``predicted.h5ad`` there, in a folder that exists.
    random_state : int, RandomState instance or None, default=None
        Seed of the cells drawn.

    Returns
    -------
    sklearn.utils.Bunch
        ``real`` and ``predicted`` (AnnData): the predicted conditions, each with as many cells on both sides and one
        label, and the measured control in both.

    Raises
    ------
    TypeError
        If `truth` is no AnnData or `predicted` no DataFrame.
    ValueError
        If predicted conditions or genes are missing in the truth (with their number), or labels cannot be read.

    See Also
    --------
    simulate_cells : Whole-number counts, which cell-eval2 wants by default.
    score_responses : The same scores, and baselines, without these files.

    Examples
    --------
    >>> from skperturb.datasets import make_perturbation_screen
    >>> from skperturb.responses import pseudobulk, to_cell_eval
    >>> cells = make_perturbation_screen(30, n_perturbed=4, n_doubles=2, random_state=0)
    >>> predicted = pseudobulk(cells, "perturbation", "control").target.iloc[:2]
    >>> pair = to_cell_eval(cells, predicted, "perturbation", "control", random_state=0)
    >>> list(pair.predicted.obs["perturbation"]) == list(pair.real.obs["perturbation"])
    True
    """
    if not is_anndata(truth):
        raise TypeError(f"truth is a {type(truth).__name__}; expected an AnnData of cells with their control.")
    if is_anndata(predicted):
        raise TypeError(
            "predicted is an AnnData; expected a DataFrame of log-fold changes: adata.to_df() of such a file."
        )
    options = Options(groupby, control, None, "truth", LabelReader(control=control))
    measured = read_screen(truth, options, "truth")
    tested, ordered = match_conditions(measured, {"predicted": read_screen(predicted, options, "predicted")})
    genes = list(ordered["predicted"].changes.columns)
    measured, ordered = align_genes(measured, ordered, genes)
    real = _measured_cells(measured, tested, groupby, control)
    drawn = _predicted_cells(real, measured.rows(tested), ordered["predicted"], cells, check_random_state(random_state))
    if folder is not None:
        for name, adata in (("real", real), ("predicted", drawn)):
            adata.write_h5ad(Path(folder) / f"{name}.h5ad")
    return Bunch(real=real, predicted=drawn)


def _measured_cells(measured: Screen, tested: list[int], groupby: str, control: str) -> Any:
    """Return the control and the tested conditions, each under one label, control first."""
    import anndata

    assert measured.groups is not None
    names: dict[Any, str] = {measured.keys[k]: str(measured.changes.index[k]) for k in tested}
    order = {key: place for place, key in enumerate([CONTROL, *names])}
    places = np.array([order.get(group, -1) for group in measured.groups])
    rows = np.argsort(places, kind="stable")
    rows = rows[places[rows] >= 0]
    labels = np.array([control, *names.values()], dtype=object)[places[rows]]
    # A file on the disk is read by whole rows in the order of the file.
    wanted = np.sort(rows)
    matrix = measured.cells.X[wanted][np.searchsorted(wanted, rows)]
    obs = pd.DataFrame({groupby: pd.Categorical(labels)}, index=measured.cells.obs_names[rows].astype(str))
    return anndata.AnnData(matrix, obs=obs, var=pd.DataFrame(index=measured.cells.var_names.astype(str)))


def _predicted_cells(real: Any, measured: Screen, predicted: Screen, cells: str, rng: np.random.RandomState) -> Any:
    values = np.asarray(real.X.todense() if sp.issparse(real.X) else real.X, dtype=float)
    labels = real.obs.iloc[:, 0].astype(object).to_numpy()
    n_controls = int((labels == labels[0]).sum())
    controls = values[:n_controls]
    made = [controls]
    start = n_controls
    for change in predicted.changes.to_numpy():
        number = int((labels == labels[start]).sum())
        base = controls[rng.randint(n_controls, size=number)] if cells == "control" else controls.mean(axis=0)
        made.append(np.maximum(np.broadcast_to(base + change, (number, values.shape[1])), 0.0))
        start += number
    adata = real.copy()
    made_all = np.concatenate(made)
    adata.X = sp.csr_matrix(made_all) if sp.issparse(real.X) else made_all
    return adata
