"""Cells become log-fold changes."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb.responses import pseudobulk


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    values = rng.poisson(0.7, size=(60, 7)) * 0.37
    obs = pd.DataFrame(
        {"condition": rng.permutation(["ctrl"] * 20 + ["A"] * 25 + ["A+B"] * 15), "line": ["x", "y"] * 30},
        index=[f"cell{k}" for k in range(60)],
    )
    var = pd.DataFrame({"highly_variable": [True, False] * 3 + [True]}, index=[f"gene{k}" for k in range(7)])
    return anndata.AnnData(values, obs=obs, var=var)


def expected(cells, condition, rows=slice(None)):
    table = cells.to_df()[rows]
    labels = cells.obs["condition"][rows]
    return table[labels == condition].mean() - table[labels == "ctrl"].mean()


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
@pytest.mark.parametrize("sparse", [False, True])
def test_values(cells, chunk_size, sparse):
    if sparse:
        cells.X = sp.csr_matrix(cells.X)
    bulk = pseudobulk(cells, "condition", "ctrl", chunk_size=chunk_size)
    assert list(bulk.data["condition"]) == ["A", "A+B"]
    assert list(bulk.n_cells) == [25, 15]
    for condition in ("A", "A+B"):
        np.testing.assert_allclose(bulk.target.loc[condition], expected(cells, condition))
    np.testing.assert_allclose(bulk.control_mean, cells.to_df()[cells.obs["condition"] == "ctrl"].mean())
    assert list(bulk.gene_names) == list(cells.var_names)
    assert bulk.data.index.equals(bulk.target.index)


@pytest.mark.parametrize("sparse", [False, True])
def test_backed(cells, tmp_path, sparse):
    reference = pseudobulk(cells, "condition", "ctrl").target
    if sparse:
        cells.X = sp.csr_matrix(cells.X)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    try:
        pd.testing.assert_frame_equal(pseudobulk(backed, "condition", "ctrl", chunk_size=11).target, reference)
    finally:
        backed.file.close()


@pytest.mark.parametrize("sparse", [False, True])
def test_dask(cells, sparse):
    """Dask arrays, in blocks that are not the chunks."""
    array = pytest.importorskip("dask.array", reason="dask is not installed")
    reference = pseudobulk(cells, "condition", "ctrl").target
    values = cells.X
    lazy = array.from_array(values, chunks=(13, values.shape[1]))
    cells.X = lazy.map_blocks(sp.csr_array, dtype=values.dtype, meta=sp.csr_array((0, 0))) if sparse else lazy
    found = pseudobulk(cells, "condition", "ctrl", chunk_size=20)
    pd.testing.assert_frame_equal(found.target, reference)
    assert hasattr(cells.X, "compute")


def test_covariates(cells):
    bulk = pseudobulk(cells, "condition", "ctrl", covariates="line")
    assert list(bulk.data.columns) == ["condition", "line"]
    assert bulk.data.index.equals(bulk.target.index)
    assert bulk.data.groupby("condition").size().to_dict() == {"A": 2, "A+B": 2}
    rows = (cells.obs["line"] == "y").to_numpy()
    np.testing.assert_allclose(bulk.target.loc[("A", "y")], expected(cells, "A", rows))
    assert list(bulk.control_mean.index.get_level_values(0)) == ["x", "y"]


def test_condition_without_controls_of_its_line(cells):
    cells.obs["line"] = np.where(cells.obs["condition"] == "ctrl", "x", cells.obs["line"])
    with pytest.raises(ValueError, match="no control cells with the same covariates"):
        pseudobulk(cells, "condition", "ctrl", covariates=["line"])


def test_genes(cells):
    assert pseudobulk(cells, "condition", "ctrl", genes="highly_variable").target.shape == (2, 4)
    assert list(pseudobulk(cells, "condition", "ctrl", genes=["gene3", "gene0"]).target) == ["gene3", "gene0"]
    with pytest.raises(ValueError, match="genes holds 1 names"):
        pseudobulk(cells, "condition", "ctrl", genes=["gene3", "nonsense"])
    with pytest.raises(ValueError, match=r"no column of adata\.var"):
        pseudobulk(cells, "condition", "ctrl", genes="variable")


def test_normalisation(cells):
    cells.X = np.rint(cells.X / 0.37) + 1
    counts = cells.to_df()
    logged = np.log1p(counts.div(counts.sum(axis=1), axis=0) * 1e4)
    labels = cells.obs["condition"]
    difference = logged[labels == "A"].mean() - logged[labels == "ctrl"].mean()
    for matrix in (cells.X, sp.csr_matrix(cells.X)):
        cells.X = matrix
        bulk = pseudobulk(cells, "condition", "ctrl", target_sum=1e4, chunk_size=13)
        np.testing.assert_allclose(bulk.target.loc["A"], difference)


def test_genes_and_normalisation_of_scanpy(cells):
    """scanpy names the highly variable genes, and normalises as `target_sum` does."""
    scanpy = pytest.importorskip("scanpy", reason="scanpy is not installed")
    cells.X = sp.csr_matrix(np.rint(cells.X / 0.37) + 1)
    counts = cells.copy()
    scanpy.pp.normalize_total(cells, target_sum=1e4)
    scanpy.pp.log1p(cells)
    scanpy.pp.highly_variable_genes(cells, n_top_genes=3)
    chosen = pseudobulk(cells, "condition", "ctrl", genes="highly_variable")
    assert list(chosen.gene_names) == list(cells.var_names[cells.var["highly_variable"]])
    assert 0 < chosen.target.shape[1] < cells.n_vars
    counts.var = cells.var
    ours = pseudobulk(counts, "condition", "ctrl", genes="highly_variable", target_sum=1e4)
    pd.testing.assert_frame_equal(ours.target, chosen.target, rtol=1e-5, atol=1e-6)


def test_raw_counts_warn(cells):
    cells.X = np.rint(cells.X / 0.37)
    with pytest.warns(UserWarning, match="look like raw counts"):
        pseudobulk(cells, "condition", "ctrl")


def test_min_cells_and_one_cell(cells):
    assert list(pseudobulk(cells, "condition", "ctrl", min_cells=20).data["condition"]) == ["A"]
    lonely = cells[
        [int(np.flatnonzero(cells.obs["condition"] == "A")[0]), *np.flatnonzero(cells.obs["condition"] == "ctrl")]
    ]
    assert list(pseudobulk(lonely, "condition", "ctrl").n_cells) == [1]


def test_missing_labels_belong_to_no_group(cells):
    reference = pseudobulk(cells[5:], "condition", "ctrl").target
    cells.obs.loc[cells.obs_names[:5], "condition"] = None
    pd.testing.assert_frame_equal(pseudobulk(cells, "condition", "ctrl").target, reference)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"groupby": "gene"}, "groupby='gene' is no column of adata.obs"),
        ({"covariates": "batch"}, "covariates='batch' is no column of adata.obs"),
        ({"control": "NT"}, "control='NT' names no cell"),
        ({"layer": "counts"}, "layer='counts' is no layer"),
        ({"chunk_size": 0}, "chunk_size=0"),
        ({"chunk_size": 2.5}, "chunk_size=2.5"),
        ({"min_cells": None}, "min_cells=None"),
        ({"min_cells": 10**6}, r"min_cells=1000000: no condition .* \(the most: \d+\)"),
        ({"target_sum": -1}, "target_sum=-1; expected a positive number"),
        ({"target_sum": "a"}, "target_sum='a'"),
        ({"genes": []}, "genes is empty"),
        ({"genes": "text"}, r"genes='text' is a column of adata.var that holds \['True', 'False'\]"),
        ({"genes": "holes"}, "genes='holes' is a column of adata.var that holds"),
    ],
)
def test_bad_arguments(cells, kwargs, message):
    arguments = {"groupby": "condition", "control": "ctrl"} | kwargs
    cells.var["text"] = ["True", "False"] * (cells.n_vars // 2) + ["True"] * (cells.n_vars % 2)
    cells.var["holes"] = pd.Series([True, None] + [False] * (cells.n_vars - 2), index=cells.var_names, dtype=object)
    with pytest.raises(ValueError, match=message):
        pseudobulk(cells, **arguments)


def test_repeated_genes(cells):
    name = cells.var_names[0]
    with pytest.raises(ValueError, match=f"genes repeats 1 names, such as .'{name}'."):
        pseudobulk(cells, "condition", "ctrl", genes=[name, name])
    cells.var_names = [name] * cells.n_vars
    with pytest.raises(ValueError, match=r"adata\.var_names repeats 1 names"):
        pseudobulk(cells, "condition", "ctrl")


def test_arguments_of_another_kind(cells):
    with pytest.raises(TypeError, match="adata is a DataFrame; expected an AnnData"):
        pseudobulk(cells.to_df(), "condition", "ctrl")
    for control in (3, None):
        with pytest.raises(TypeError, match=f"control={control}; expected the label"):
            pseudobulk(cells, "condition", control)


def test_flags_may_be_numbers(cells):
    cells.var["kept"] = np.arange(cells.n_vars) % 2
    expected = pseudobulk(cells, "condition", "ctrl", genes=list(cells.var_names[1::2])).target
    pd.testing.assert_frame_equal(pseudobulk(cells, "condition", "ctrl", genes="kept").target, expected)


@pytest.mark.parametrize(
    ("value", "message"), [(-0.5, "negative values"), (np.nan, "NaN or infinite"), (np.inf, "NaN")]
)
@pytest.mark.parametrize("sparse", [False, True])
def test_bad_expression(cells, value, message, sparse):
    cells.X[41, 3] = value
    if sparse:
        cells.X = sp.csr_matrix(cells.X)
    with pytest.raises(ValueError, match=message):
        pseudobulk(cells, "condition", "ctrl", chunk_size=10)
