"""Cells become log-fold changes."""

import pathlib
import re

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


def small(labels, values, **columns):
    """Cells with the given labels, expression and further columns of obs."""
    names = [f"cell{k}" for k in range(len(labels))]
    obs = pd.DataFrame({"condition": list(labels), **columns}, index=names)
    return anndata.AnnData(np.asarray(values, dtype=float).reshape(len(labels), -1), obs=obs)


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("KLF1+ctrl", "ctrl+KLF1", "KLF1"),
        ("A+B", "B+A", "A+B"),
        ("KLF1", "KLF1+ctrl", "KLF1"),
        ("A+B", "A_B", "A+B"),
        (" KLF1", "KLF1", "KLF1"),
    ],
)
def test_two_spellings_are_pooled_by_cells(one, other, name):
    cells = small(["ctrl"] * 2 + [one] * 3 + [other], [0.5, 0.0] + [1.25] * 3 + [3.5])
    bulk = pseudobulk(cells, "condition", "ctrl")
    assert bulk.data["condition"].tolist() == [name]
    assert bulk.n_cells.tolist() == [4]
    # By cells: (3 · 1.25 + 3.5) / 4 less the mean 0.25 of the controls, not the mean of both labels.
    assert bulk.target.iloc[0, 0] == pytest.approx(1.8125 - 0.25)
    assert bulk.labels.tolist() == [tuple(sorted([one, other]))]


def test_one_spelling_keeps_its_name():
    cells = small(["ctrl", "ctrl+KLF1", "B+A"], [0.0, 1.5, 2.5])
    assert pseudobulk(cells, "condition", "ctrl").target.index.tolist() == ["B+A", "ctrl+KLF1"]


def test_guides_are_pooled_when_their_names_are_known():
    cells = small(["NT", "STAT1g1", "STAT1g2", "STAT1g2"], [0.0, 1.5, 3.0, 3.0])
    bulk = pseudobulk(cells, "condition", "NT", guide_suffix=r"g\d+")
    assert bulk.target.index.tolist() == ["STAT1"]
    assert bulk.target.iloc[0, 0] == 2.5


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA])
def test_cells_without_a_covariate_are_counted(absent):
    labels, batches = ["ctrl"] * 4 + ["A"] * 3, ["x", "x", absent, absent, "x", "x", absent]
    cells = small(labels, [1.5, 1.5, 0.5, 0.5, 2.5, 2.5, 4.5], batch=pd.Series(batches, dtype=object).to_numpy())
    assert pseudobulk(cells, "condition", "ctrl").control_mean.iloc[0] == 1.0
    with pytest.warns(UserWarning, match=r"3 of 7 cells are left out, 2 of them controls.*'batch' 3.*missing='keep'"):
        bulk = pseudobulk(cells, "condition", "ctrl", covariates="batch")
    assert bulk.target.index.tolist() == [("A", "x")]
    kept = pseudobulk(cells, "condition", "ctrl", covariates="batch", missing="keep")
    assert kept.target[kept.target.columns[0]].to_dict() == {("A", "missing"): 4.0, ("A", "x"): 1.0}
    assert kept.n_control_cells.to_dict() == {"missing": 2, "x": 2}
    with pytest.raises(ValueError, match="missing='level'; expected 'drop' or 'keep'"):
        pseudobulk(cells, "condition", "ctrl", missing="level")


def test_controls_that_all_lack_a_covariate():
    cells = small(["ctrl", "ctrl", "A"], [0.5, 0.5, 1.5], batch=np.array([None, None, "x"], dtype=object))
    with pytest.warns(UserWarning, match="2 of them controls"), pytest.raises(ValueError, match="missing='keep'"):
        pseudobulk(cells, "condition", "ctrl", covariates="batch")


@pytest.mark.parametrize("control", [["ctrl", "NT"], ("NT", "ctrl"), np.array(["ctrl", "NT"])])
def test_unknown_name_in_a_list_of_controls(cells, control):
    with pytest.raises(ValueError, match=r"\['NT'\] name no cell"):
        pseudobulk(cells, "condition", control)


def test_all_cells_are_controls():
    with pytest.raises(ValueError, match=r"all 3 cells are controls: .*expected at least one perturbed condition"):
        pseudobulk(small(["ctrl", "ctrl", "NT"], [0.5, 1.5, 2.5]), "condition", ["ctrl", "NT"])


@pytest.mark.parametrize("largest", [30.5, 5e3, 5e5])
@pytest.mark.parametrize("sparse", [False, True])
def test_values_that_are_no_logarithms(cells, largest, sparse):
    values = cells.X * largest / cells.X.max()
    cells.X = sp.csr_matrix(values) if sparse else values
    with pytest.warns(UserWarning, match=re.escape(f"The largest value is {largest:.4g}, so the values are no log")):
        pseudobulk(cells, "condition", "ctrl")


def test_logarithms_are_not_logged_again(cells):
    logged = cells.copy()
    logged.X = np.log1p(cells.X * 1e4)
    pseudobulk(logged, "condition", "ctrl")
    with pytest.warns(UserWarning, match="look like logarithms, and target_sum=10000.0 takes the logarithm again"):
        pseudobulk(logged, "condition", "ctrl", target_sum=1e4)
    # Counts per million, and counts that were corrected for background, are to be logged.
    cells.X = cells.X * 1e5
    pseudobulk(cells, "condition", "ctrl", target_sum=1e4)


def test_layers_without_x():
    obs = pd.DataFrame({"condition": ["ctrl", "A"]}, index=list("ab"))
    var = pd.DataFrame(index=["g"])
    cells = anndata.AnnData(obs=obs, var=var, layers={"logged": np.array([[0.5], [1.5]]), "counts": np.ones((2, 1))})
    with pytest.raises(ValueError, match=r"adata\.X is empty \(None\).*\['logged', 'counts'\]"):
        pseudobulk(cells, "condition", "ctrl")
    assert pseudobulk(cells, "condition", "ctrl", layer="logged").target.iloc[0, 0] == 1.0


def test_scaled_values_with_raw_ones(cells):
    cells.raw = cells
    reference = pseudobulk(cells, "condition", "ctrl").target
    cells.X = cells.X - cells.X.mean(axis=0)
    with pytest.raises(
        ValueError, match=r"not scaled values or differences\. adata\.raw holds 7 genes: pass adata\.raw\.to_adata\(\)"
    ):
        pseudobulk(cells, "condition", "ctrl")
    pd.testing.assert_frame_equal(pseudobulk(cells.raw.to_adata(), "condition", "ctrl").target, reference)


@pytest.mark.parametrize("as_path", [str, pathlib.Path])
def test_a_path_is_no_anndata(as_path):
    with pytest.raises(TypeError, match=r"adata is the path 'cells.h5ad'.*anndata\.read_h5ad\('cells\.h5ad'"):
        pseudobulk(as_path("cells.h5ad"), "condition", "ctrl")


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_variance_of_the_means(cells, sparse, dtype):
    values = (cells.X + 5.0 * (cells.X > 0)).astype(dtype)
    cells.X = sp.csr_matrix(values) if sparse else values
    bulk = pseudobulk(cells, "condition", "ctrl", chunk_size=7, genes=["gene4", "gene1"])
    table, labels = pd.DataFrame(values, columns=cells.var_names)[["gene4", "gene1"]], cells.obs["condition"].to_numpy()
    for condition in ("A", "A+B"):
        found = bulk.variance.loc[condition]
        np.testing.assert_allclose(found, table[labels == condition].sem() ** 2, rtol=1e-6)
    np.testing.assert_allclose(bulk.control_variance, table[labels == "ctrl"].sem() ** 2, rtol=1e-6)
    assert bulk.n_control_cells == 20


def test_variance_with_covariates_and_of_one_cell():
    cells = small(["ctrl"] * 4 + ["A"] * 3, [0.5, 1.5, 2.5, 4.5, 1.5, 3.5, 7.5], line=list("xxyyxxy"))
    bulk = pseudobulk(cells, "condition", "ctrl", covariates="line")
    assert bulk.variance.iloc[0, 0] == pytest.approx(1.0)
    assert np.isnan(bulk.variance.iloc[1, 0])
    np.testing.assert_allclose(bulk.control_variance.to_numpy().ravel(), [0.25, 1.0])
    assert bulk.control_mean.index.names == ["line"]


def test_cells_without_a_label_are_counted(cells):
    assert pseudobulk(cells, "condition", "ctrl").n_unlabeled == 0
    cells.obs.loc[cells.obs_names[:5], "condition"] = None
    assert pseudobulk(cells, "condition", "ctrl").n_unlabeled == 5


def test_columns_that_vary_inside_a_condition_are_named(cells):
    labels = cells.obs["condition"]
    cells.obs["n_counts"] = np.arange(60) + 0.5
    cells.obs["barcode"] = cells.obs_names
    cells.obs["study"] = pd.Categorical(np.where(labels == "A", "first", "second"))
    assert pseudobulk(cells, "condition", "ctrl").varying == ["line"]
    assert pseudobulk(cells, "condition", "ctrl", covariates="line").varying == []


def test_a_covariate_is_named_once(cells):
    for covariates in (["line", "line"], ["condition"]):
        with pytest.raises(ValueError, match=f"names '{covariates[0]}' twice or as groupby"):
            pseudobulk(cells, "condition", "ctrl", covariates=covariates)


def screen(labels, **columns):
    obs = pd.DataFrame({"condition": labels, **columns}, index=[f"cell{k}" for k in range(len(labels))])
    return anndata.AnnData(np.array([[0.5, 1.0], [1.5, 0.5], [2.5, 0.0], [0.5, 3.5]]), obs=obs)


@pytest.mark.parametrize("absent", ["", "nan", "<NA>", " NA "])
def test_texts_that_say_missing_are_missing(absent):
    cells = screen(["ctrl", "ctrl", "A", "A"], batch=["x", absent, "x", "x"])
    with pytest.warns(UserWarning, match="1 of 4 cells are left out, 1 of them controls"):
        bulk = pseudobulk(cells, "condition", "ctrl", covariates="batch")
    assert bulk.target.iloc[0].tolist() == [1.5 - 0.5, 1.75 - 1.0]
    kept = pseudobulk(cells, "condition", "ctrl", covariates="batch", missing="keep")
    assert kept.n_control_cells.to_dict() == {"x": 1, "missing": 1}


def test_levels_of_a_covariate_are_spelled_alike():
    cells = screen(["ctrl", "ctrl", "A", "A"], batch=["x", "x ", " x", "x"])
    bulk = pseudobulk(cells, "condition", "ctrl", covariates="batch")
    assert bulk.target.to_dict("list") == {"0": [0.5], "1": [1.0]}
    cells = screen(["ctrl", "ctrl", "A", "A"], batch=["x", "X", "x", "X"])
    with pytest.warns(UserWarning, match=r"'batch' has levels that differ in case only, \['X', 'x'\]"):
        pseudobulk(cells, "condition", "ctrl", covariates="batch")


@pytest.mark.parametrize(
    "levels",
    [
        pd.Categorical(["x", "y", "x", "y"], categories=["z", "y", "x"]),
        pd.array([True, False, True, False], dtype="boolean"),
        pd.array([1, 2, 1, 2], dtype="Int64"),
        np.array(["2024-01-01", "2024-01-02"] * 2, dtype="datetime64[D]"),
        pd.cut([1, 2, 1, 2], [0, 1, 2]),
        np.array([1, "y", 1, "y"], dtype=object),
    ],
)
def test_covariates_of_any_type(levels):
    cells = screen(["ctrl", "ctrl", "A", "A"])
    cells.obs["batch"] = levels
    bulk = pseudobulk(cells, "condition", "ctrl", covariates="batch")
    assert sorted(bulk.target["0"]) == [-1.0, 2.0]
    assert bulk.n_control_cells.tolist() == [1, 1]


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], ["ctrl", "ctrl", "A", 1], [False, False, True, True], [0.0, 0, 1, 1]])
def test_labels_that_are_no_texts_are_refused(labels):
    with pytest.raises(TypeError, match=r"adata.obs\['condition'\] holds the label .* expected texts.*astype\(str\)"):
        pseudobulk(screen(labels), "condition", "ctrl")


@pytest.mark.parametrize("control", [pd.Index(["ctrl"]), pd.Series(["ctrl"]), {"ctrl"}, np.array(["ctrl"]), ("ctrl",)])
def test_controls_in_any_container(control):
    assert pseudobulk(screen(["ctrl", "ctrl", "A", "A"]), "condition", control).target.to_dict("list") == {
        "0": [0.5],
        "1": [1.0],
    }


def test_guides_of_controls_are_controls():
    cells = screen(["NT_g1", "NT_g2", "A_g1", "A_g2"])
    bulk = pseudobulk(cells, "condition", "NT", guide_suffix=r"_g\d+")
    assert bulk.n_control_cells == 2
    assert bulk.target.loc["A"].tolist() == [0.5, 1.0]


def test_tables_with_ambiguous_names():
    cells = screen(["ctrl", "ctrl", "A", "A"], batch=["x", "y", "x", "y"])
    cells.obs.index.name = "batch"
    assert pseudobulk(cells, "condition", "ctrl", covariates="batch").target["0"].tolist() == [2.0, -1.0]
    cells = screen(["ctrl", "ctrl", "A", "A"])
    cells.obs = pd.concat([cells.obs, cells.obs], axis=1)
    with pytest.raises(ValueError, match="several columns 'condition'"):
        pseudobulk(cells, "condition", "ctrl")


def test_empty_tables_are_refused():
    cells = screen(["ctrl", "ctrl", "A", "A"])
    for part, what in ((cells[:0], "cells"), (cells[:, :0], "genes")):
        with pytest.raises(ValueError, match=f"adata has no {what}"):
            pseudobulk(part, "condition", "ctrl")
    with pytest.raises(ValueError, match="is empty"):
        pseudobulk(cells, "condition", [])


def test_columns_without_a_hash_can_vary():
    cells = screen(["ctrl", "ctrl", "A", "A"], barcodes=[[1], [2], [1], [2]])
    assert pseudobulk(cells, "condition", "ctrl").varying == ["barcodes"]


def test_entries_in_parts_are_added_before_anything_else(cells):
    counts = np.rint(cells.X / 0.37) * 2
    whole = sp.csr_matrix(counts)
    parts = sp.csr_matrix(
        (np.repeat(whole.data / 2, 2), np.repeat(whole.indices, 2), whole.indptr * 2), shape=whole.shape
    )
    cells.X = counts
    expected_ = pseudobulk(cells, "condition", "ctrl", target_sum=1e4)
    cells.X = parts
    found = pseudobulk(cells, "condition", "ctrl", target_sum=1e4, chunk_size=7)
    pd.testing.assert_frame_equal(found.target, expected_.target)
    pd.testing.assert_frame_equal(found.variance, expected_.variance)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.astype(complex), "type complex128; expected real numbers"),
        (lambda values: sp.csr_matrix(values.astype(complex)), "type complex128; expected real numbers"),
        (lambda values: values.astype(object), "type object; expected real numbers"),
        (lambda values: values.astype(str), "type <U.*; expected real numbers"),
        (lambda values: np.ma.masked_less(values, 0.2), "masked values in the cells 0 to 59"),
        (lambda values: values * 1e80, "e\\+80 in the cells 0 to 59, whose powers"),
    ],
)
def test_what_is_no_expression(cells, change, message):
    made = anndata.AnnData(change(cells.X), obs=cells.obs, var=cells.var)
    with pytest.raises(ValueError, match=message):
        pseudobulk(made, "condition", "ctrl")


def test_totals_beyond_half_precision():
    counts = np.random.default_rng(0).poisson(3, size=(40, 30)) * 2000
    obs = pd.DataFrame({"condition": ["ctrl", "A"] * 20}, index=map(str, range(40)))
    found, expected = (
        pseudobulk(anndata.AnnData(counts.astype(kind), obs=obs), "condition", "ctrl", target_sum=1e4).target
        for kind in (np.float16, np.float64)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)  # counts are rounded to 11 bits


def test_damaged_files(cells, tmp_path):
    h5py = pytest.importorskip("h5py")
    cells.X = sp.csr_matrix(cells.X)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    with h5py.File(tmp_path / "cells.h5ad", "a") as file:
        file["X/indices"][3] = 10**6
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    try:
        with pytest.raises(
            ValueError, match="entries outside its 7 genes or in no order in the cells 0 to 59: the file"
        ):
            pseudobulk(backed, "condition", "ctrl")
    finally:
        backed.file.close()
    anndata.AnnData(obs=cells.obs, var=cells.var).write_h5ad(tmp_path / "empty.h5ad")
    backed = anndata.read_h5ad(tmp_path / "empty.h5ad", backed="r")
    try:
        with pytest.raises(ValueError, match=r"adata\.X is empty"):
            pseudobulk(backed, "condition", "ctrl")
    finally:
        backed.file.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shares: shares * 15, "add up to one total, so they are normalized and no logarithms"),
        (lambda shares: np.log1p(np.log1p(shares * 1e4)), "the logarithm was taken twice"),
        (lambda shares: np.log1p(shares * 1e4), None),
        # Of some genes only, the totals say nothing.
        (lambda shares: np.log1p(np.log1p(shares * 1e4))[:, ::2], None),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_totals_tell_how_many_logarithms_were_taken(change, message, dtype):
    rng = np.random.default_rng(0)
    drawn = rng.poisson(3, size=(40, 30)) + 1.0
    values = change(drawn / drawn.sum(axis=1, keepdims=True)).astype(dtype)
    cells = anndata.AnnData(values, obs=pd.DataFrame({"condition": ["ctrl", "A"] * 20}, index=map(str, range(40))))
    # Chunks of a few cells say the same as one of all.
    for chunk_size in (3, 1000):
        if message is None:
            pseudobulk(cells, "condition", "ctrl", chunk_size=chunk_size)
            continue
        with pytest.warns(UserWarning, match=message):
            pseudobulk(cells, "condition", "ctrl", chunk_size=chunk_size)


def test_genes_that_became_dates_are_named(cells):
    cells.var_names = ["1-Mar", "2-Sep", "sep-1", *cells.var_names[3:]]
    with pytest.warns(UserWarning, match=r"holds 2 dates .*'1-Mar', '2-Sep'\]; restore"):
        pseudobulk(cells, "condition", "ctrl")


def test_labels_without_a_hash(cells):
    cells.obs["condition"] = [[label] for label in cells.obs["condition"]]
    with pytest.raises(TypeError, match="labels that are no texts"):
        pseudobulk(cells, "condition", "ctrl")
