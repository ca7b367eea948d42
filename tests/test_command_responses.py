"""``python -m skperturb responses``: a user's screen, its scores and its ranked predictions."""

import json

import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb._user_screens import encode, read_gene_features, read_screen, screen_profiles
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
    (tmp_path / "wide.csv").write_text("gene,a,b\nA,1,0\nB,0.5,2\n")
    assert read_gene_features(tmp_path / "wide.csv").loc["B", "b"] == 2.0
    (tmp_path / "twice.csv").write_text("gene,a\nA,1\nA,2\n")
    with pytest.raises(ValueError, match="'A' twice"):
        read_gene_features(tmp_path / "twice.csv")


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
        ("", "", "bulk.csv can't be read as a table"),
        ("label,x\nA,1\nB,2\n", "--json nowhere/out.json", "--json nowhere/out.json: the folder is not there"),
        ("label,x\nA,1\nB,2\nA+B,3\n", "--predict pairs", "were tested together"),
        ("label,x\nA,1\nB,2\n", "--predict genes", "needs --graph"),
        ("label,x\nA,1\nB,2\n", "--contexts line", "--contexts names 'line'"),
        ("label,x\nA,1\nB,2\n", "--repeats -1", "--repeats -1"),
        ("label,x\nA,1\nB,2\n", "--gene-features nowhere.csv", "nowhere.csv"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, capsys, text, options, message):
    (tmp_path / "bulk.csv").write_text(text)
    assert main(["responses", str(tmp_path / "bulk.csv"), *options.split()]) == 2
    assert message in capsys.readouterr().err
