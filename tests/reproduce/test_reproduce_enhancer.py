import numpy as np
import pandas as pd
import pytest

from skperturb.networks import GCNEnhancer, InfluenceNetwork
from skperturb.reproduce._network_scores import ORACLES, report_oracles
from skperturb.reproduce.enhancer import (
    BASELINE,
    LEAKING,
    accuracy_frame,
    cross_validate_enhancer,
    enhancer_methods,
    load_networks,
    oracle_bounds,
    report,
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
    methods = {"enhancer, structure": _Recorder(hidden_dim=4, n_layers=1, max_epochs=1, n_models=1, random_state=0)}
    return cross_validate_enhancer(_simulated(12), methods, n_splits=3)


def test_folds_are_grouped_but_for_the_labelled_row(rows):
    group = {item["id"]: item["group"] for item in _simulated(12)}
    folds = [({group[k] for k in learned}, {group[k] for k in tested}) for learned, tested in _Recorder.log]
    assert len(folds) == 6
    assert not any(learned & tested for learned, tested in folds[:3])
    assert any(learned & tested for learned, tested in folds[3:])
    # Networks outside the table are learned from and never tested.
    assert all("m11" in learned and "m11" not in tested for learned, tested in _Recorder.log)
    assert {row["id"] for row in rows} == {f"m{k}" for k in range(10)}


def test_report_names_every_method_and_the_paired_interval(rows):
    text = report(rows)
    assert "10 networks of 5 publications" in text
    for method in ("reachability only", BASELINE, "enhancer, structure", LEAKING):
        line = next(line for line in text.splitlines() if line.startswith(method + " "))
        assert line.rstrip().endswith("]")
    accuracy = accuracy_frame(rows)
    assert accuracy.shape == (10, 5)
    assert f"{accuracy['enhancer, structure'].mean():.3f}" in text


def test_figures_are_saved(rows, tmp_path):
    paths = save_figures(_simulated(12), rows, tmp_path / "figures")
    assert len(paths) == 4
    assert all(path.stat().st_size > 5000 for path in paths)


def test_methods_are_the_published_presets_and_ours():
    methods = enhancer_methods()
    assert [m.graph for m in methods.values() if m.target == "class"] == ["sparse", "full"]
    assert {m.features for m in methods.values() if m.target == "rank"} == {"sign", "structure"}


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
