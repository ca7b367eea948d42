"""APPRegressor: what it learns, what it falls back to, what it says about itself."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skperturb.datasets import make_perturbation_screen
from skperturb.model_selection import CombinationSplit
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
)

QUICK = {"n_models": 2, "max_epochs": 5, "hidden_dim": 8, "random_state": 0}


def test_default_is_not_worse_than_its_baseline(screen):
    X, y, graph = screen
    train, test = next(CombinationSplit(1, random_state=0).split(X))
    error = {}
    for name, model in {
        "app": APPRegressor(graph, **QUICK),
        "kernel": KernelPerturbationRegressor(graph=graph),
        "additive": AdditiveRegressor(),
        "no change": DummyRegressor(strategy="constant", constant=np.zeros(40)),
    }.items():
        predicted = np.asarray(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]))
        error[name] = np.linalg.norm(predicted - y.iloc[test].to_numpy(), axis=1).mean()
    assert error["app"] <= 1.02 * error["kernel"]
    assert error["app"] < 0.8 * error["additive"] < error["no change"]


def test_additive_screen_stays_additive():
    cells = make_perturbation_screen(40, n_perturbed=12, n_doubles=40, interaction=0.0, n_cells=20, random_state=1)
    bulk = pseudobulk(cells, "perturbation", "control")
    X, y = PerturbationEncoder().fit_transform(bulk.data), bulk.target.to_numpy()
    ratios = []
    for train, test in CombinationSplit(3, random_state=0).split(X):
        ours, additive = (
            np.linalg.norm(model.fit(X[train], y[train]).predict(X[test]) - y[test], axis=1).mean()
            for model in (APPRegressor(**QUICK), AdditiveRegressor())
        )
        ratios.append(ours / additive)
    assert np.mean(ratios) < 1.02


@pytest.mark.parametrize(
    "params",
    [
        {"baseline": None, "context": "mean", "skip": False, "n_models": 1},
        {"baseline": "linear", "attention": False},
        {"baseline": "additive", "embedding": "identity"},
        {"baseline": "scaled_additive", "embedding": "random"},
        {"baseline": AdditiveRegressor(shrinkage=0.8), "decoder": "mlp", "dropout": 0.1},
        {"baseline": "mean", "aggregation": "max", "single_effects": None},
        {"baseline": "kernel", "aggregation": "sum", "n_layers": 1},
    ],
    ids=str,
)
def test_every_option_fits_and_is_determined_by_the_seed(screen, params):
    X, y, graph = screen
    model = APPRegressor(graph, **{**QUICK, "max_epochs": 2, **params})
    before = torch.random.get_rng_state()
    first = model.fit(X, y).predict(X)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.isfinite(first.to_numpy()).all()
    pd.testing.assert_frame_equal(clone(model).fit(X, y).predict(X), first)
    pd.testing.assert_index_equal(first.index, X.index)
    pd.testing.assert_index_equal(first.columns, y.columns)


def test_published_preset():
    model = APPRegressor.published(attention=False)
    assert (model.baseline, model.context, model.skip, model.n_models) == (None, "mean", False, 1)
    assert model.attention is False


def test_published_size_at_two_thousand_genes():
    genes = [f"gene{k}" for k in range(2000)]
    rng = np.random.default_rng(0)
    graph = [(genes[a], genes[b]) for a, b in rng.integers(2000, size=(3000, 2))]
    X = pd.DataFrame(np.eye(20), columns=genes[:20])
    y = pd.DataFrame(rng.normal(size=(20, 2000)), columns=genes)
    table = pd.DataFrame(rng.normal(size=(2000, 64)), index=genes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = APPRegressor.published(graph, table, max_epochs=1).fit(X, y)
    # Decoder 256 * 2000 + 2000, layers 64 * 256 + 256 and 256 * 256 + 256, attention 2 * 256 * 256 + 2 * 256.
    assert model.n_parameters_ == 514_000 + 16_640 + 65_792 + 131_584
    assert len(model.node_names_) > 1800


def test_standard_deviation(screen):
    X, y, _ = screen
    train, test = next(CombinationSplit(1, random_state=1).split(X))
    for model in (APPRegressor(**QUICK), KernelPerturbationRegressor(), APPRegressor(baseline="mean", **QUICK)):
        mean, deviation = model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test], return_std=True)
        pd.testing.assert_frame_equal(mean, model.predict(X.iloc[test]))
        assert (deviation.to_numpy() > 0).all()
        inside = (np.abs(mean - y.iloc[test]) <= 1.96 * deviation).to_numpy().mean()
        assert 0.85 < inside <= 1.0


def test_composes_with_a_kernel_baseline_and_grid_search(screen):
    X, y, graph = screen
    model = APPRegressor(baseline=KernelPerturbationRegressor(graph=graph, max_iter=3), **QUICK)
    search = GridSearchCV(model, {"baseline__robust": [True, False]}, cv=CombinationSplit(2, random_state=0))
    assert search.fit(X, y).best_estimator_.baseline_.max_iter == 3
    labels = ["A", "B", "A+B"]
    piped = make_pipeline(PerturbationEncoder(), APPRegressor(**QUICK)).fit(labels, [[1.0], [2.0], [2.5]])
    np.testing.assert_allclose(piped.predict(["B"]), [[2.0]])


def test_genes_outside_the_graph_are_counted_once(screen):
    X, y, _ = screen
    for baseline in ("auto", "additive", "mean", None):
        with pytest.warns(UserWarning, match="10 of 12 perturbed genes are not in") as record:
            APPRegressor([("gene0", "gene1")], baseline=baseline, **QUICK).fit(X, y)
        # PyTorch Geometric adds deprecations of its own, which `pytest.warns` records whatever the configuration says.
        assert [warning.category for warning in record].count(UserWarning) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"context": "max"}, "context"),
        ({"baseline": "best"}, "baseline"),
        ({"graph": [("a",)]}, r"graph\[0\] is \('a',\)"),
        ({"device": "nonsense"}, "device='nonsense'"),
        ({"gene_features": np.ones((3, 2))}, "expected"),
    ],
)
def test_bad_parameters(screen, params, message):
    X, y, _ = screen
    with pytest.raises(ValueError, match=message):
        APPRegressor(**{**QUICK, **params}).fit(X, y)


def test_wrong_width(screen):
    X, y, _ = screen
    model = APPRegressor(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.iloc[:, :3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y.iloc[:5])
