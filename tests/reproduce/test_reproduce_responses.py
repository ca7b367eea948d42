"""The table of responses, on simulated screens and on a real one."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import make_perturbation_screen
from skperturb.model_selection import CombinationSplit
from skperturb.reproduce._response_data import count_outside, degrade_graph, load_mirrored, load_own
from skperturb.reproduce._response_models import models_for
from skperturb.reproduce.responses import (
    add_arguments,
    report,
    report_attention,
    report_interactions,
    reproduce_responses,
)
from skperturb.responses import pseudobulk

BASELINES = ["no change", "mean", "additive", "scaled additive", "linear", "kernel"]


@pytest.fixture(scope="module")
def cells():
    return make_perturbation_screen(30, n_perturbed=10, n_doubles=24, n_cells=10, random_state=0)


@pytest.fixture
def own(cells, tmp_path):
    pseudobulk(cells, "perturbation", "control").target.to_csv(tmp_path / "bulk.tsv", sep="\t")
    return load_own(pseudobulk_table=tmp_path / "bulk.tsv")


def test_rows_and_report(own):
    rows = reproduce_responses(own, repeats=2, models=BASELINES)
    assert len(rows) == 12
    assert {"task", "dataset", "model", "repeat", "l2", "pearson_delta", "discrimination", "seconds"} <= set(rows[0])
    error = pd.DataFrame(rows).groupby("model")["l2"].mean()
    assert error["kernel"] < error["additive"] < error["no change"]
    text = report(rows)
    assert "bulk, double: 2 repeats" in text
    assert all(name in text for name in BASELINES)
    assert "nan" not in report([row for row in rows if row["repeat"] == 0])


def test_single(own):
    rows = reproduce_responses(own, "single", repeats=2, models=["no change", "mean", "kernel, networks and GO"])
    assert [row["repeat"] for row in rows] == [0, 0, 0, 1, 1, 1]
    assert 0.5 < rows[-1]["coverage"] <= 1.0
    assert "win_rate" not in rows[0]
    assert "mean" in report(rows)


def test_of_several_screens_those_without_known_noise_are_fitted_without(own, monkeypatch, capsys):
    from dataclasses import replace

    from skperturb.reproduce import responses

    known = replace(own, name="known", noise=pd.Series(0.1, index=own.X.index))
    monkeypatch.setattr(responses, "_screens", lambda arguments: [known, own])
    assert main(["reproduce", "responses", "--models", "linear", "--repeats", "2", "--use-noise"]) == 0
    printed = capsys.readouterr().out
    assert "the noise of bulk is not known: no model is told of it" in printed
    assert printed.index("known, double") < printed.index("the noise of bulk") < printed.index("bulk, double")


def test_names_that_hold_a_comma(own):
    """In a text commas separate the names, also of models whose names hold one."""
    rows = reproduce_responses(own, "single", repeats=2, models="mean,kernel, networks and GO ,no change")
    assert [row["model"] for row in rows[:3]] == ["mean", "kernel, networks and GO", "no change"]
    with pytest.raises(ValueError, match="models names 'networks and GO'"):
        reproduce_responses(own, models="kernel,networks and GO")


def test_all_models_can_be_built(own, cells):
    own.graph = cells.uns["graph"]
    names = list(models_for("double", own, ablations=True, degradation=True))
    assert len([name for name in names if name.startswith("APP published,")]) == 10
    with pytest.raises(ValueError, match="models names 'best'"):
        reproduce_responses(own, models=["best"])


def test_interactions_are_named(own):
    text = report_interactions(own, models_for("double", own)["kernel"](0), n_conditions=2)
    assert "buffering" in text
    assert "gene" in text


def test_attention_is_reported(own, cells):
    own.graph = cells.uns["graph"]
    lines = report_attention(own, n_conditions=2, n_genes=2).splitlines()
    assert lines[0].startswith("attention: uniform weight")
    assert len(lines) == 5
    assert lines[-1].count("gene") >= 2


def test_degraded_graph(cells):
    graph = cells.uns["graph"]
    assert len(degrade_graph(graph, -0.5, 0)) == len(graph) - round(0.5 * len(graph))
    more = degrade_graph(graph.assign(source="x"), 0.5, 0)
    assert len(more) == len(graph) + round(0.5 * len(graph))
    assert (more["source"] == "random").sum() == round(0.5 * len(graph))


def test_command_line_on_own_cells(cells, tmp_path, capsys):
    cells = cells.copy()
    del cells.uns["graph"], cells.uns["response"]
    cells.write_h5ad(tmp_path / "own.h5ad")
    arguments = ["reproduce", "responses", "--h5ad", str(tmp_path / "own.h5ad"), "--repeats", "2"]
    assert main([*arguments, "--models", "mean, additive", "--json", str(tmp_path / "out.json")]) == 0
    assert "own, double: 2 repeats" in capsys.readouterr().out
    rows = json.loads((tmp_path / "out.json").read_text())
    assert [row["model"] for row in rows] == ["mean", "additive"] * 2
    assert main([*arguments[:3], "nowhere.h5ad"]) == 2


def test_options():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["--task", "single", "--dataset", "tian2021"]).repeats is None
    assert parser.parse_args(["--repeats", "2"]).repeats == 2


@pytest.mark.real_data
def test_norman_pairs(data_home):
    screen = load_mirrored("norman2019", data_home)
    rows = reproduce_responses(screen, repeats=3, models=["mean", "additive", "scaled additive", "kernel"])
    error = pd.DataFrame(rows).groupby("model")["l2"].mean()
    assert error["kernel"] < 0.72 * error["additive"]
    assert error["scaled additive"] < error["additive"] < 0.7 * error["mean"]


@pytest.mark.real_data
def test_replogle_unseen_genes(data_home):
    screen = load_mirrored("replogle2022_k562", data_home)
    rows = reproduce_responses(screen, "single", repeats=2, models=["mean", "kernel, GO terms"])
    error = pd.DataFrame(rows).groupby("model")["l2"].mean()
    assert error["kernel, GO terms"] < 0.92 * error["mean"]
    assert np.isfinite(error).all()


def test_rows_are_the_scores_of_the_split(own):
    from skperturb.model_selection import CombinationSplit
    from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor

    (additive, kernel) = reproduce_responses(own, repeats=1, models=["additive", "kernel"])
    train, test = next(CombinationSplit(1, random_state=0).split(own.X))
    truth = own.y.iloc[test].to_numpy()

    def predicted(model, **options):
        model.fit(own.X.iloc[train], own.y.iloc[train])
        return model.predict(own.X.iloc[test], **options)

    def distances(values):
        return np.sqrt(((truth - np.asarray(values)) ** 2).sum(axis=1))

    by_sum = distances(predicted(AdditiveRegressor()))
    mean, deviation = predicted(KernelPerturbationRegressor(), return_std=True)
    assert additive["l2"] == pytest.approx(by_sum.mean())
    assert kernel["l2"] == pytest.approx(distances(mean).mean())
    low, high = np.asarray(mean) - 1.96 * np.asarray(deviation), np.asarray(mean) + 1.96 * np.asarray(deviation)
    assert kernel["coverage"] == pytest.approx(((low <= truth) & (truth <= high)).mean())
    assert kernel["win_rate"] == pytest.approx((distances(mean) < by_sum).mean())
    for row in (additive, kernel):
        # A fit takes milliseconds to seconds, one prediction less than the test.
        assert 0 < row["seconds"] < 60
        assert 0 < row["predict_milliseconds"] < 5000


def test_distances_are_measured_on_the_strongest_genes(own, monkeypatch):
    from skperturb.reproduce import responses

    monkeypatch.setattr(responses, "_TOP", 3)
    own.control_mean = pd.Series(np.arange(own.y.shape[1]) % 7 == 3, index=own.y.columns).astype(float)
    strongest = np.flatnonzero(own.control_mean)[:3]
    np.testing.assert_array_equal(responses._readout(own), strongest)
    own.control_mean = None
    assert len(responses._readout(own)) == own.y.shape[1]


def test_report_compares_within_repeats():
    shared = {
        "task": "double", "dataset": "d", "pearson_delta": 0.5, "discrimination": 0.5, "seconds": 1.0,
        "predict_milliseconds": 2.0, "parameters": 1234, "coverage": None, "win_rate": 0.5, "interaction_r2": 0.0,
        "baseline_l2": 3.0, "replicate_l2": 1.0,
    }  # fmt: skip
    errors = {"additive": (2.0, 4.0), "mine": (1.0, 3.0)}
    rows = [
        shared | {"model": m, "repeat": k, "l2": value} for m, pair in errors.items() for k, value in enumerate(pair)
    ]
    lines = {line.split()[0]: line for line in report(rows).splitlines() if line.startswith(("additive", "mine"))}
    # The ratios are .5 and .75: 37.5 per cent less on average, and their bootstrap lies between both.
    assert "-37.5 %" in lines["mine"]
    assert "[-50.0, -25.0]" in lines["mine"]
    assert "[1.000, 3.000]" in lines["mine"]
    assert "+0.0 %" in lines["additive"]
    assert "1,234" in lines["mine"]
    # Half of the way from 3 to 1.
    assert " 0.500 " in lines["mine"].split("]")[2]
    assert " 0.000 " in lines["additive"].split("]")[2]
    assert "scaled: 0 is addition (L2 3.000), 1 a second measurement of the same noise (L2 1.000)" in report(rows)
    unknown = report([row | {"replicate_l2": None} for row in rows])
    assert "scaled: unknown, the noise of this screen is not known (baseline: addition, L2 3.000)" in unknown


@pytest.mark.parametrize("source", ["cells", "table"])
def test_noise_of_an_own_screen(cells, source, tmp_path):
    bulk = pseudobulk(cells, "perturbation", "control")
    if source == "cells":
        stored = cells.copy()
        del stored.uns["graph"], stored.uns["response"]
        stored.write_h5ad(tmp_path / "own.h5ad")
        screen = load_own(h5ad=tmp_path / "own.h5ad")
    else:
        total = bulk.variance.sum(axis=1)
        bulk.target.assign(noise_variance=total).to_csv(tmp_path / "bulk.tsv", sep="\t")
        screen = load_own(pseudobulk_table=tmp_path / "bulk.tsv")
        assert screen.y.shape == bulk.target.shape
    (row,) = reproduce_responses(screen, repeats=1, models=["mean"])
    assert row["baseline_l2"] < row["l2"]  # addition is nearer
    test = next(CombinationSplit(1, random_state=0).split(screen.X))[1]
    expected = np.sqrt(2 * bulk.variance.to_numpy()[test].sum(axis=1)).mean()
    assert row["replicate_l2"] == pytest.approx(expected)
    (row,) = reproduce_responses(screen, "single", repeats=2, models=["mean"])[:1]
    assert row["baseline_l2"] == pytest.approx(row["l2"])


def test_noise_of_single_cells_is_unknown(own):
    (row,) = reproduce_responses(own, repeats=1, models=["mean"])
    assert row["replicate_l2"] is None
    own.noise = pd.DataFrame(np.nan, own.y.index, own.y.columns)
    (row,) = reproduce_responses(own, repeats=1, models=["mean"])
    assert row["replicate_l2"] is None


def test_table_of_interactions_has_the_sizes_of_the_split(own):
    from skperturb.model_selection import CombinationSplit
    from skperturb.responses import AdditiveRegressor

    model = models_for("double", own)["scaled additive"](0)
    text = report_interactions(own, model, n_conditions=1)
    train, test = next(CombinationSplit(1, random_state=0).split(own.X))
    additive = np.asarray(AdditiveRegressor().fit(own.X.iloc[train], own.y.iloc[train]).predict(own.X.iloc[test]))
    truth, scaled = own.y.iloc[test].to_numpy(), np.asarray(model.predict(own.X.iloc[test]))
    ratio = np.linalg.norm(truth, axis=1) / np.linalg.norm(additive, axis=1)
    top, bottom = text.splitlines()[-2:]
    for line, k in ((top, ratio.argmax()), (bottom, ratio.argmin())):
        assert line.startswith(str(own.X.index[test[k]]).split("#")[0])
        expected = [
            ratio[k],
            np.linalg.norm(scaled[k]) / np.linalg.norm(additive[k]),
            np.linalg.norm(truth[k] - additive[k]),
            np.linalg.norm(truth[k] - scaled[k]),
        ]
        assert [float(cell) for cell in line.split()[-4:]] == pytest.approx(expected, abs=6e-4)


def test_entropy_of_attention(own, monkeypatch):
    from skperturb.reproduce import responses

    class Attentive:
        def fit(self, X, y):
            return self

        def attention_weights(self, X):
            return pd.DataFrame([[0.5, 0.5, 0.0, 0.0], [0.25] * 4], columns=list("abcd"))

        def top_genes(self, X, n):
            return pd.DataFrame({"condition": ["p#1", "p#1"], "gene": ["a", "b"], "weight": [0.5, 0.25]})

    monkeypatch.setattr(responses.APPRegressor, "published", lambda *given, **named: Attentive())
    title, *table = report_attention(own).splitlines()
    # The entropies are ln 2 and ln 4, that is half of and all that is possible.
    assert title == "attention: uniform weight 0.2500, entropy 0.750 of the largest possible"
    assert table[-1].split(maxsplit=1) == ["p", "a 0.500, b 0.250"]


def test_models_on_degraded_graphs_have_that_share_of_the_edges(own, cells):
    own.graph = cells.uns["graph"]
    models = models_for("double", own, degradation=True)
    for percent in (-50, -10, 30):
        graph = models[f"APP published, edges {percent:+d} %"](0).graph
        assert len(graph) == len(own.graph) + round(percent / 100 * len(own.graph))


def test_own_labels_features_and_genes_outside(cells, tmp_path):
    table = pseudobulk(cells, "perturbation", "control").target
    table.index = [";".join(f"{gene}_g1" for gene in str(label).split("+")) for label in table.index]
    table.to_csv(tmp_path / "bulk.tsv", sep="\t")
    pd.DataFrame(np.eye(8), index=[f"gene{k}" for k in range(8)]).to_csv(tmp_path / "paths.csv")
    pd.DataFrame({"a": ["gene0", "gene1"], "b": ["gene2", "gene9"]}).to_csv(
        tmp_path / "graph.tsv", sep="\t", index=False
    )
    screen = load_own(
        pseudobulk_table=tmp_path / "bulk.tsv",
        graph=tmp_path / "graph.tsv",
        gene_features=[tmp_path / "paths.csv"],
        sep=[";"],
        guide_suffix="_g[0-9]",
    )
    assert sorted(screen.X.columns) == sorted(f"gene{k}" for k in range(10))
    outside = count_outside(screen).splitlines()
    assert outside[0].startswith("6 of 10 perturbed genes are not in the graph, such as ")
    assert outside[1].startswith("2 of 10 perturbed genes are not in the table 'paths', such as gene8, gene9")
    assert {"linear, paths embedding", "kernel, paths", "kernel, networks and paths"} <= set(
        models_for("single", screen)
    )
    # Kernels need ten genes of one's own.
    rows = reproduce_responses(screen, "single", repeats=2, models=["mean", "linear, paths embedding"])
    assert np.isfinite([row["l2"] for row in rows]).all()
    (tmp_path / "names.csv").write_text("gene\nA\n")
    with pytest.raises(ValueError, match="has one column"):
        load_own(
            pseudobulk_table=tmp_path / "bulk.tsv",
            gene_features=[tmp_path / "names.csv"],
            sep=[";"],
            guide_suffix="_g[0-9]",
        )


def test_predictions_of_untested_perturbations(cells, tmp_path, capsys):
    table = pseudobulk(cells, "perturbation", "control").target
    table.to_csv(tmp_path / "bulk.tsv", sep="\t")
    line = ["reproduce", "responses", "--pseudobulk", str(tmp_path / "bulk.tsv"), "--csv", str(tmp_path / "out.csv")]
    assert main([*line, "--predict", "pairs"]) == 0
    written = pd.read_csv(tmp_path / "out.csv")
    assert len(written) == 45 - 24
    assert not set(written["condition"]) & set(table.index)
    assert written["surprise"].is_monotonic_decreasing
    assert list(written.columns[5:35]) == list(table.columns)
    assert (written[[f"{gene} std" for gene in table.columns]] > 0).all(axis=None)
    np.testing.assert_allclose(written["effect"], np.linalg.norm(written[table.columns], axis=1))
    assert written["condition"][0] in capsys.readouterr().out
    # Also genes that nobody perturbed, and an order of one's own.
    assert main([*line, "--predict", "gene1+gene0", "new", "--rank-by", "effect"]) == 0
    assert set(pd.read_csv(tmp_path / "out.csv")["condition"]) == {"gene1+gene0", "new"}
