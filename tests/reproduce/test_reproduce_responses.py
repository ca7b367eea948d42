"""The table of responses, on simulated screens and on a real one."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import make_perturbation_screen
from skperturb.reproduce._response_data import degrade_graph, load_mirrored, load_own
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


def test_all_models_can_be_built(own, cells):
    own.graph = cells.uns["graph"]
    names = list(models_for("double", own, ablations=True, degradation=True))
    assert len([name for name in names if name.startswith("APP published,")]) == 10
    with pytest.raises(ValueError, match=r"models holds \['best'\]"):
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
    assert parser.parse_args(["--task", "single", "--dataset", "tian2021"]).repeats == 5


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
