"""``python -m skperturb responses``: a user's screen, its scores and its ranked predictions."""

import json
from types import SimpleNamespace

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb._command_responses import _tasks, _verdict
from skperturb._command_score import _shown
from skperturb._gene_files import read_gene_features, read_graph
from skperturb._user_screens import encode, read_screen, screen_profiles
from skperturb.datasets import make_perturbation_screen
from skperturb.responses import (
    AdditiveRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    rank_candidates,
    untested_combinations,
)


@pytest.fixture(scope="module")
def cells():
    cells = make_perturbation_screen(15, n_perturbed=8, n_doubles=12, n_cells=6, random_state=0)
    cells.obs["line"] = np.resize(["x", "x", "y", "y"], len(cells))
    del cells.uns["graph"], cells.uns["response"]
    return cells


@pytest.fixture
def folder(tmp_path, cells):
    cells.write_h5ad(tmp_path / "cells.h5ad")
    pseudobulk(cells, "perturbation", "control").target.to_csv(tmp_path / "bulk.csv")
    return tmp_path


def test_predictions_are_those_of_the_estimators(folder, cells, capsys):
    line = ["responses", str(folder / "cells.h5ad"), "--predict", "pairs", "--repeats", "0", "--rank-by", "interaction"]
    assert main([*line, "--csv", str(folder / "out.csv"), "--json", str(folder / "out.json")]) == 0
    assert "averaged over: line" in capsys.readouterr().out
    found = pd.read_csv(folder / "out.csv")
    bulk = pseudobulk(cells, "perturbation", "control")
    labels = list(bulk.data["perturbation"])
    untested = untested_combinations(labels)
    encoder = PerturbationEncoder().set_output(transform="pandas").fit(labels)
    X, y = encoder.transform(labels).set_axis(bulk.target.index), bulk.target
    kernel = KernelPerturbationRegressor().fit(X, y, noise_variance=bulk.variance)
    additive = AdditiveRegressor().fit(X, y, noise_variance=bulk.variance)
    wanted = encoder.transform(untested).set_axis(untested)
    expected = rank_candidates(kernel, additive, wanted, by="interaction")
    assert found["condition"].tolist() == expected["condition"].tolist()
    np.testing.assert_allclose(found["surprise"], expected["surprise"], rtol=1e-6)
    mean = kernel.predict(wanted).loc[found["condition"]]
    np.testing.assert_allclose(found[list(y.columns)].to_numpy(), mean.to_numpy(), rtol=1e-6, atol=1e-9)
    ranks = json.loads((folder / "out.json").read_text())["predictions"]
    assert [row["condition"] for row in ranks] == expected["condition"].tolist()


def test_scores_stand_beside_baselines(folder, capsys):
    assert main(["responses", str(folder / "bulk.csv"), "--repeats", "2", "--json", str(folder / "out.json")]) == 0
    scores = pd.DataFrame(json.loads((folder / "out.json").read_text())["scores"])
    assert set(scores["model"]) == {"no change", "mean of the others", "sum of single genes", "kernel"}
    errors = scores.groupby("model")["l2"].mean()
    assert errors["sum of single genes"] < errors["mean of the others"]
    assert "12 combinations" in capsys.readouterr().out


def test_each_context_is_predicted(folder, capsys):
    line = ["responses", str(folder / "cells.h5ad"), "--contexts", "line", "--predict", "gene0+gene1", "--repeats", "0"]
    assert main([*line, "--csv", str(folder / "out.csv")]) == 0
    assert "averaged over" not in capsys.readouterr().out
    found = pd.read_csv(folder / "out.csv").set_index("condition")
    assert found["line"].to_dict() == {"gene0+gene1 x": "x", "gene0+gene1 y": "y"}


def test_features_are_tables_or_terms(tmp_path):
    (tmp_path / "terms.tsv").write_text("gene\tterm\tsize\nA\tt1\t3\nA\tt2\t4\nB\tt1\t3\n")
    expected = pd.DataFrame([[True, True], [True, False]], ["A", "B"], ["t1", "t2"])
    pd.testing.assert_frame_equal(read_gene_features(tmp_path / "terms.tsv"), expected, check_index_type=False)
    for head in ("Gene stable ID,Chromosome", "TF,target"):
        (tmp_path / "terms.csv").write_text(f"{head}\nA,x\nB,y\n")
        assert read_gene_features(tmp_path / "terms.csv").columns.tolist() == ["x", "y"]
    (tmp_path / "wide.csv").write_text("gene,a,b\nA,1,0\nB,0.5,2\n")
    assert read_gene_features(tmp_path / "wide.csv").loc["B", "b"] == 2.0
    # Identifiers stay as they are written, of genes and of terms.
    (tmp_path / "ids.tsv").write_text("gene\tpathway\n0012\t04110\n1E5\t04115\n7157.0\t04110\n")
    found = read_gene_features(tmp_path / "ids.tsv")
    assert found.index.tolist() == ["0012", "1E5", "7157"]
    assert found.columns.tolist() == ["04110", "04115"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene,a\nA,1\nA,2\n", "'A' twice"),
        ("gene,description,a\nA,kinase,1\nB,ligase,2\n", "texts in its column 'description'"),
        (",gene,a\n0,A,1\n1,B,2\n", "counts its rows in the first column"),
        ("A,GO:1\nB,GO:2\n", "expected names of the columns in its first line, such as gene and term"),
        ("gene,term\nA,GO:1\nB,\n", "lacks a term in row 1"),
        ("gene,a\nA,1\nNA,2\n", "lacks a name in row 1"),
    ],
)
def test_features_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "features.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_gene_features(tmp_path / "features.csv")


def test_graphs_with_and_without_names_of_columns(tmp_path):
    (tmp_path / "graph.csv").write_text("A,B,0.5\nB,C,1\n")
    assert read_graph(tmp_path / "graph.csv").to_numpy().tolist() == [["A", "B", 0.5], ["B", "C", 1.0]]
    # Row numbers in front are no weights.
    (tmp_path / "graph.csv").write_text(",gene_a,gene_b,kind\n0,A,B,pp\n1,B,C,pp\n")
    assert read_graph(tmp_path / "graph.csv").to_numpy().tolist() == [["A", "B", "pp"], ["B", "C", "pp"]]
    # Weights that most edges lack are no kinds of edges.
    for rows, odd in (("A,B,0.5\nB,C,high\nB,D,1\n", "high"), ("A,B,0.5\nB,C,\nB,D,\n", "")):
        (tmp_path / "graph.csv").write_text(f"gene_a,gene_b,weight\n{rows}")
        with pytest.raises(ValueError, match=f"'{odd}' in row '2', column 'weight'"):
            read_graph(tmp_path / "graph.csv")


def test_another_screen_describes_its_single_genes(tmp_path):
    (tmp_path / "other.csv").write_text("label,x,y\ncontrol,0,0\nA+ctrl,1,2\nctrl+A,3,2\nB,5,5\nA+B,9,9\n")
    profiles = screen_profiles(read_screen(tmp_path / "other.csv"))
    assert profiles.to_dict("index") == {"A": {"x": 2.0, "y": 2.0}, "B": {"x": 5.0, "y": 5.0}}


def test_noise_of_a_single_cell_is_that_of_the_others(tmp_path, cells):
    # Two thirds of the cells of one condition, and a single one of another.
    cells = cells[~((cells.obs["perturbation"] == "gene0") & (np.arange(len(cells)) % 6 != 0))].copy()
    cells.write_h5ad(tmp_path / "cells.h5ad")
    screen = read_screen(tmp_path / "cells.h5ad")
    bulk = pseudobulk(cells, "perturbation", "control")
    single = bulk.n_cells == 1
    assert single.sum() == 1
    # All others have as many cells as one another: the pooled variance is the mean of theirs.
    expected = (bulk.variance[~single].mul(bulk.n_cells[~single], axis=0)).mean()
    np.testing.assert_allclose(screen.noise[single].to_numpy()[0], expected, rtol=1e-10)
    X, _, encoder = encode(screen)
    assert X.shape == (len(bulk.target), len(encoder.genes_))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("label,x\nA,1\nB,high\n", "", "'high' in row 'B', column 'x'"),
        ("label,x\ncontrol,0\n", "", "no row of a perturbation"),
        ("label\nA\n", "", "has one column"),
        ("label,x\nIFNGR2g1,1\n", "", "--guide-suffix"),
        ("label,x\nA,1\n,2\n", "", "lacks a name in row 1"),
        ("label,x,x\nA,1,2\n", "", "the column 'x' twice"),
        ("label,x\nA,1\n", "--predict pairs", "needs two genes"),
        ("", "", "bulk.csv is empty"),
        ("label,x\nA,inf\n", "", "'inf' in row 'A', column 'x'"),
        ("label,x\nA,1_000\n", "", "'1_000' in row 'A', column 'x'"),
        ("label\tx\nA\t0,5\n", "", "'0,5' in row 'A', column 'x'"),
        ("A,1,2\nB,3,4\n", "", "begins with 'A' and 2 numbers"),
        ("label,x\nA,1\nB,2\n", "--json nowhere/out.json", "--json nowhere/out.json: the folder is not there"),
        ("label,x\nA,1\nB,2\nA+B,3\n", "--predict pairs", "were tested together"),
        ("label,x\nA,1\nB,2\n", "--predict genes", "needs --graph"),
        ("label,x\nA,1\nB,2\n", "--contexts line", "--contexts names 'line'"),
        ("label,line,x\nctrl,,0\nA,u,1\nB,NA,2\n", "--contexts line", "has 'NA' as the 'line' of 'B'"),
        ("label,x\nA,1\nB,2\n", "--gene-features nowhere.csv", "nowhere.csv"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, capsys, text, options, message):
    (tmp_path / "bulk.csv").write_text(text)
    assert main(["responses", str(tmp_path / "bulk.csv"), *options.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (pd.Categorical([3, 4]), "the column of {} holds 3 (int); expected labels"),
        (pd.Categorical([True, False]), "the column of {} holds True (bool)"),
        ([0.5, 1.5], "the column of {} holds 0.5 (float)"),
    ],
)
@pytest.mark.parametrize("command", ["responses", "fit responses --save model.skops", "score"])
def test_labels_that_are_no_texts_are_named(tmp_path, capsys, labels, message, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    obs = pd.DataFrame({"perturbation": labels}, index=["a", "b"])
    anndata.AnnData(np.eye(2), obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    files = ["cells.h5ad"] * (2 if command == "score" else 1)
    assert main([*command.split(), *files]) == 2
    assert message.format("cells.h5ad") in capsys.readouterr().err


def test_our_names_of_controls_may_have_guides(tmp_path, cells):
    cells = cells.copy()
    labels = cells.obs["perturbation"].astype(object)
    cells.obs["perturbation"] = ["+".join(f"{part}_sg1" for part in label.split("+")) for label in labels]
    cells.write_h5ad(tmp_path / "cells.h5ad")
    screen = read_screen(tmp_path / "cells.h5ad", guide_suffix=r"_sg\d")
    assert screen.control == ("control",)
    cells.obs["perturbation"] = labels
    pd.testing.assert_frame_equal(
        screen.responses.set_axis(pd.RangeIndex(len(screen.responses))),
        pseudobulk(cells, "perturbation", "control").target.reset_index(drop=True),
    )


def test_a_file_in_an_unknown_encoding_is_named(tmp_path, capsys):
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        file.create_group("obs").attrs.update({"encoding-type": "weird", "encoding-version": "9"})
    assert main(["responses", str(tmp_path / "cells.h5ad")]) == 2
    assert "cells.h5ad can't be read as .h5ad" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        ([1.0, 3.0], "in 1 of 2 splits (error 2.000 against 2.500)"),
        ([3.0, 3.0], "in 0 of 2 splits (error 3.000 against 2.500); it says nothing here"),
        ([2.5, 2.5], "in 0 of 2 splits (error 2.500 against 2.500); it says nothing here"),
    ],
)
def test_verdict_names_the_best_baseline(kernel, said):
    errors = {"no change": [2.5, 2.5], "mean": [1.0, 9.0], "kernel": kernel}
    rows = [{"model": name, "repeat": k, "l2": value} for name in errors for k, value in enumerate(errors[name])]
    assert _verdict(pd.DataFrame(rows)) == f"verdict: kernel is better than 'no change', the best baseline, {said}"


@pytest.mark.parametrize(("repeats", "n_splits"), [(1, 2), (3, 3)])
def test_genes_are_left_out_as_often_as_asked(repeats, n_splits):
    X = pd.DataFrame(np.eye(12), columns=[f"gene{k}" for k in range(12)])
    screen = SimpleNamespace(contexts=[])
    ((task, _, splits, _),) = _tasks(screen, X, X.to_numpy() != 0, {"graph": [("gene0", "gene1")]}, repeats)
    assert task == "genes that nobody perturbed"
    assert len(list(splits)) == n_splits


def test_scaled_scores_are_shown_where_one_model_has_them():
    index = pd.MultiIndex.from_product([["a", "b"], ["l2", "mae_delta"]], names=["model", "metric"])
    table = pd.DataFrame({"score": 1.0, "low": 0.5, "high": 1.5, "n": 4, "baseline": "mean"}, index=index)
    table["scaled"] = [np.nan, np.nan, 0.25, np.nan]
    lines = _shown(table).partition("scaled:")[2].splitlines()
    assert [line.split()[0] for line in lines if "l2" in line or "mae" in line] == ["l2"]
    assert "0.25" in _shown(table)


def test_every_task_has_a_verdict(folder, capsys):
    assert main(["responses", str(folder / "cells.h5ad"), "--contexts", "line", "--repeats", "2"]) == 0
    out = capsys.readouterr().out
    assert "a context left out" in out
    assert out.count("verdict: kernel is better than") == out.count("splits: ")
