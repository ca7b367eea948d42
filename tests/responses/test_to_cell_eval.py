"""The pair of files for cell-eval: what is in them, and that the tools read them."""

import os
import subprocess
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from reference_cells import CONDITIONS, CONTROL, make_pair

from skperturb import metrics
from skperturb.responses import pseudobulk, simulate_cells, to_cell_eval

TOOLS = Path(__file__).parents[1] / "metrics" / "reference_tools"


@pytest.fixture(scope="module")
def screen():
    cells, other = make_pair()
    return cells, pseudobulk(other, "perturbation", CONTROL).target.loc[CONDITIONS[::-1]]


def run_tool(tool, folder, *more):
    python = os.environ.get(f"{tool.upper()}_PYTHON")
    if python is None:
        pytest.skip(f"{tool.upper()}_PYTHON does not name the interpreter of an environment with {tool}")
    files = [str(folder / name) for name in ("real.h5ad", "predicted.h5ad", "out.csv")]
    run = subprocess.run(
        [python, str(TOOLS / f"run_{tool}.py"), *files, *more], capture_output=True, text=True, check=False, timeout=250
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return pd.read_csv(files[2], index_col=0).loc[CONDITIONS]


@pytest.mark.parametrize("stored", ["array", "sparse", "backed"])
def test_means_are_the_predicted_ones(screen, stored, tmp_path):
    cells, predicted = screen
    cells = cells.copy()
    if stored != "array":
        cells.X = sp.csr_matrix(cells.X)
    if stored == "backed":
        cells.write_h5ad(tmp_path / "cells.h5ad")
        cells = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    pair = to_cell_eval(cells, predicted.iloc[:, ::-1], "perturbation", CONTROL, cells="mean")
    assert list(pair.real.obs["perturbation"]) == list(pair.predicted.obs["perturbation"])
    assert list(pair.predicted.var_names) == list(predicted.columns[::-1])
    truth = pseudobulk(screen[0], "perturbation", CONTROL)
    found = pseudobulk(pair.real, "perturbation", CONTROL)
    pd.testing.assert_frame_equal(found.target[truth.target.columns], truth.target)
    written = pseudobulk(pair.predicted, "perturbation", CONTROL).target.loc[predicted.index, predicted.columns]
    expected = (predicted + truth.control_mean).clip(lower=0) - truth.control_mean
    np.testing.assert_allclose(written, expected, atol=1e-12)


def test_cells_vary_as_controls_do(screen):
    cells, predicted = screen
    pair = to_cell_eval(cells, predicted, "perturbation", CONTROL, random_state=0)
    again = to_cell_eval(cells, predicted, "perturbation", CONTROL, random_state=0)
    np.testing.assert_array_equal(pair.predicted.X, again.predicted.X)
    assert (pair.predicted.X >= 0).all()
    groups = [pair.predicted[pair.predicted.obs["perturbation"] == name].X for name in (CONTROL, CONDITIONS[0])]
    # Values that would fall below zero are cut, so spread is lost where the control is low.
    high = groups[0].mean(axis=0) > 4
    assert np.median(groups[1].std(axis=0)[high] / groups[0].std(axis=0)[high]) == pytest.approx(1.0, abs=0.25)


def test_refusals(screen):
    cells, predicted = screen
    with pytest.raises(ValueError, match="predicts 12 conditions, and the truth lacks 1 of them"):
        to_cell_eval(cells, predicted.rename(index={"g3": "g99"}), "perturbation", CONTROL)
    with pytest.raises(ValueError, match="truth lacks 1 of 101 genes"):
        to_cell_eval(cells, predicted.assign(new=0.0), "perturbation", CONTROL)
    with pytest.raises(TypeError, match="truth is a DataFrame"):
        to_cell_eval(predicted, predicted, "perturbation", CONTROL)
    with pytest.raises(TypeError, match="predicted is an AnnData"):
        to_cell_eval(cells, cells, "perturbation", CONTROL)


def test_cell_eval_reads_the_pair(screen, tmp_path):
    cells, predicted = screen
    to_cell_eval(cells, predicted, "perturbation", CONTROL, cells="control", folder=tmp_path, random_state=0)
    theirs = run_tool("cell_eval", tmp_path)
    real, other = (anndata.read_h5ad(tmp_path / f"{name}.h5ad") for name in ("real", "predicted"))
    first, second = (pseudobulk(one, "perturbation", CONTROL).target.loc[CONDITIONS] for one in (real, other))
    ours = metrics.pearson_delta(first, second, reduce=None)
    np.testing.assert_allclose(ours, theirs["pearson_delta"], atol=1e-6, rtol=0)


def test_cell_eval2_reads_simulated_counts(screen, tmp_path):
    cells, predicted = screen
    bulk = pseudobulk(cells, "perturbation", CONTROL)
    for name, changes in (("real", bulk.target), ("predicted", predicted)):
        mean = pd.concat([bulk.control_mean.to_frame(CONTROL).T, changes + bulk.control_mean])
        simulate_cells(mean, 40, dispersion=0.5, random_state=0).write_h5ad(tmp_path / f"{name}.h5ad")
    theirs = run_tool("cell_eval2", tmp_path, "counts")
    assert theirs["delta_pearson"].between(-1, 1).all()
    assert theirs["delta_pearson"].mean() > 0.3
