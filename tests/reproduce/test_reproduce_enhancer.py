import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from skperturb.networks import GCNEnhancer, InfluenceNetwork
from skperturb.reproduce._network_scores import ORACLES, report_oracles
from skperturb.reproduce.enhancer import (
    BASELINE,
    LEAKING,
    _folds,
    accuracy_frame,
    cross_validate_enhancer,
    enhancer_methods,
    load_networks,
    oracle_bounds,
    report,
    run,
    save_figures,
)


def _simulated(n_networks):
    rng = np.random.default_rng(0)
    data = []
    for k in range(n_networks):
        n_nodes = int(rng.integers(5, 9))
        matrix = np.where(rng.random((n_nodes, n_nodes)) < 0.3, rng.normal(size=(n_nodes, n_nodes)), 0.0)
        np.fill_diagonal(matrix, -1.0)
        inverse = np.linalg.inv(np.eye(n_nodes) - matrix)
        network = InfluenceNetwork(matrix, model_id=f"m{k}")
        group, in_table = f"publication {k // 2}", k < n_networks - 2
        truth = np.abs(inverse / np.diag(inverse))
        data.append({"id": f"m{k}", "group": group, "network": network, "truth": truth, "in_table": in_table})
    return data


class _Recorder(GCNEnhancer):
    """Notes which networks it learned from and which it predicted."""

    log: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        self.learned_ = {network.model_id for network in X}
        return super().fit(X, y)

    def predict(self, X):
        self.log.append((self.learned_, {network.model_id for network in X}))
        return super().predict(X)


@pytest.fixture(scope="module")
def rows():
    methods = {
        "enhancer, structure": _Recorder(
            kind="dynamo", hidden_dim=4, n_layers=1, max_epochs=1, n_models=1, random_state=0
        )
    }
    return cross_validate_enhancer(_simulated(12), methods, n_splits=3)


def test_folds_are_grouped_but_for_the_labelled_row(rows):
    group = {item["id"]: item["group"] for item in _simulated(12)}
    folds = [({group[k] for k in learned}, {group[k] for k in tested}) for learned, tested in _Recorder.log]
    assert len(folds) == 9
    assert not any(learned & tested for learned, tested in folds[:6])
    assert any(learned & tested for learned, tested in folds[6:])
    # Networks outside the table are never tested, and learned from in the rows that say so.
    assert not any("m11" in tested for _, tested in _Recorder.log)
    assert ["m11" in learned for learned, _ in _Recorder.log] == [False] * 3 + [True] * 3 + [False] * 3
    assert [tested for _, tested in _Recorder.log[:3]] == [tested for _, tested in _Recorder.log[3:6]]
    assert {row["id"] for row in rows} == {f"m{k}" for k in range(10)}


def test_further_networks_do_not_move_the_folds():
    data = [item | {"family": item["group"]} for item in _simulated(12)]
    # A network outside the table joins the first two publications and renames the third.
    renamed = {"publication 0": "joined", "publication 1": "joined", "publication 2": "another name"}
    joined = [item | {"group": renamed.get(item["group"], item["group"])} for item in data]
    joined[-1] = joined[-1] | {"group": "joined"}
    tested = [k for k, item in enumerate(data) if item["in_table"]]
    folds, others = (_folds(part, tested, 3, True, 0) for part in (data, joined))
    assert [test for _, test in folds] == [test for _, test in others]
    for train, test in others:
        assert not {joined[k]["group"] for k in train} & {joined[k]["group"] for k in test}


def test_report_names_every_method_and_the_paired_interval(rows):
    text = report(rows)
    assert "10 networks of 5 publications" in text
    ours = "enhancer, structure"
    for method in ("reachability only", BASELINE, ours, f"{ours} + 2 further networks", LEAKING):
        line = next(line for line in text.splitlines() if line.startswith(method + " "))
        assert line.rstrip().endswith("]")
    accuracy = accuracy_frame(rows)
    assert accuracy.shape == (10, 6)
    assert f"{accuracy['enhancer, structure'].mean():.3f}" in text


def test_figures_are_saved(rows, tmp_path):
    paths = save_figures(_simulated(12), rows, tmp_path / "figures")
    assert len(paths) == 4
    assert all(path.stat().st_size > 5000 for path in paths)


def test_methods_are_the_published_presets_and_ours():
    methods = enhancer_methods()
    assert [m.graph for m in methods.values() if m.target == "class"] == ["sparse", "full"]
    assert {m.features for m in methods.values() if m.target == "rank"} == {"sign", "structure"}


def test_the_number_of_models_is_that_of_our_ensembles():
    methods = enhancer_methods(n_models=2).values()
    assert [m.n_models for m in methods if m.target == "rank"] == [2, 2]
    assert [m.n_models for m in methods if m.target == "class"] == [1, 1]


@pytest.mark.parametrize(("kind", "n_tested"), [("dynamo", 10), ("relative", 12)])
def test_command_prints_the_table_and_writes_the_rows(monkeypatch, capsys, tmp_path, kind, n_tested):
    def small_methods(n_models, kind):
        params = {"kind": kind, "hidden_dim": 4, "n_layers": 1, "max_epochs": 1, "random_state": 0}
        return {"enhancer, structure": GCNEnhancer(n_models=n_models, **params)}

    asked = {}
    monkeypatch.setattr("skperturb.reproduce.enhancer.load_networks", lambda models, **how: asked.update(how) or data)
    monkeypatch.setattr("skperturb.reproduce.enhancer.enhancer_methods", small_methods)
    data = _simulated(12)
    out = tmp_path / "rows.json"
    options = {"all": True, "models": None, "data_home": None, "jobs": 1, "timeout": 5.0, "enhancer_figures": None}
    assert run(Namespace(**options, kind=kind, json=out, n_models=2)) == 0
    assert asked["kind"] == kind
    printed = capsys.readouterr()
    assert f"{n_tested} networks of" in printed.out
    assert "averages 2 models" in printed.out
    assert ("structural ensemble" in printed.out) == (kind != "dynamo")
    assert "fold 5 of 5" in printed.err
    # Without a published table for this truth, every network is tested.
    assert len(json.loads(out.read_text())) == n_tested


@pytest.mark.real_data
def test_oracle_bounds_on_some_networks(data_home):
    ids = pd.read_csv(data_home / "networks_reproduction.csv")["id"].head(4)
    data = load_networks(list(ids), data_home=data_home, n_jobs=1)
    assert all(10 <= item["network"].n_nodes <= 130 for item in data)
    bounds = oracle_bounds(data)
    means = {name: np.mean([row["scores"][name]["whole"] for row in bounds]) for name in ORACLES}
    # An oracle of the responses beats one of the Jacobian.
    assert means["ranks of |S|"] > means["scaled ranks of |A|"]
    text = report_oracles(bounds)
    assert "0.84" in text
    assert "0.80" in text


def test_truths_that_exist_in_part_are_kept_and_counted(monkeypatch):
    import skperturb.sbml
    from skperturb.exceptions import UndefinedSensitivityError
    from skperturb.reproduce import enhancer

    truth = np.full((12, 12), -0.25)
    truth[3, 4], truth[5, 6], truth[0, 1] = 40.0, np.inf, np.nan

    def sensitivity_matrix(network, kind, undefined="raise"):
        if undefined == "raise":
            raise UndefinedSensitivityError("undefined")
        return truth

    monkeypatch.setattr(skperturb.sbml, "sensitivity_matrix", sensitivity_matrix)
    network = InfluenceNetwork(np.eye(12))
    _, found = enhancer._with_truth(network, "steady_state")
    np.testing.assert_array_equal(found, np.abs(truth))
    assert enhancer._with_truth(InfluenceNetwork(np.eye(3)), "steady_state") is None
    item = {"id": "m", "group": "g", "truth": found}
    row = enhancer._row(item, {BASELINE: np.eye(12), "propagation signed": np.eye(12)})
    assert (row["n_nodes"], row["n_undefined"]) == (12, 1)
    text = report([row, row | {"id": "n", "n_undefined": 0}])
    assert "287 of 288 entries of the truths are defined; 1 models have undefined ones" in text
    truth[:] = np.nan
    with pytest.raises(UndefinedSensitivityError):
        enhancer._with_truth(network, "steady_state")
