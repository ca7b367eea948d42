"""Networks are trained where they could learn something, and nowhere else."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import APPRegressor, KernelPerturbationRegressor
from skperturb.responses._app import estimator, signal
from skperturb.responses._app.nodes import GeneNodes
from skperturb.responses._app.signal import could_learn

QUICK = {"n_models": 2, "max_epochs": 5, "hidden_dim": 8, "random_state": 0}


@pytest.fixture
def groups(gene_table):
    """40 genes in 5 groups, the table that names them, and responses of the groups or of none."""
    rng = np.random.default_rng(0)
    of_gene, table = gene_table(rng, 40, 5)
    alike = rng.normal(size=(5, 6))[of_gene] + 0.3 * rng.normal(size=(40, 6))
    return pd.DataFrame(np.eye(40), columns=table.index), table, alike, rng.normal(size=(40, 6))


def test_signal_in_features_and_in_neighbors(groups):
    X, table, alike, unlike = groups
    by_table = GeneNodes(X.columns, None, None, table)
    graph = pd.DataFrame([(a, b) for a in X for b in X if a < b and (table.loc[a] == table.loc[b]).all()])
    graph = graph.set_axis(["a", "b"], axis=1).assign(source="graph", weight=1.0)
    by_graph = GeneNodes(X.columns, None, graph, None)
    for nodes in (by_table, by_graph):
        assert could_learn(nodes, X.to_numpy(), alike)
        assert not could_learn(nodes, X.to_numpy(), unlike)
    # Genes about which nothing is known say nothing about one another, but for what all have in common.
    nothing = GeneNodes(X.columns, None, None, None)
    assert not could_learn(nothing, X.to_numpy(), alike - alike.mean(axis=0))
    assert could_learn(nothing, X.to_numpy(), alike + 1.0)


def test_small_gain_is_not_worth_training(gene_table, monkeypatch):
    """Half a thousand conditions make a gain of one percent significant; no network is trained for it."""
    rng = np.random.default_rng(0)
    of_gene, table = gene_table(rng, 500, 5)
    target = 0.2 * rng.normal(size=(5, 20))[of_gene] + rng.normal(size=(500, 20))
    nodes = GeneNodes(table.index, None, None, table)
    assert not could_learn(nodes, np.eye(500), target)
    monkeypatch.setattr(signal, "_LEAST_GAIN", 0.0)
    assert could_learn(nodes, np.eye(500), target)


def test_conditions_are_looked_at_in_neighborhoods(gene_table, monkeypatch):
    """A hundred groups of five: of a hundred conditions that are spread evenly, none has a neighbor to learn from."""
    rng = np.random.default_rng(0)
    of_gene, table = gene_table(rng, 500, 100)
    target = rng.normal(size=(100, 6))[of_gene] + 0.5 * rng.normal(size=(500, 6))
    nodes = GeneNodes(table.index, None, None, table)
    monkeypatch.setattr(signal, "_MAX_ROWS", 100)
    assert could_learn(nodes, np.eye(500), target)
    assert not could_learn(nodes, np.eye(500), rng.normal(size=(500, 6)))
    order = np.argsort(of_gene, kind="stable")[::5]
    monkeypatch.setattr(signal, "neighborhoods", lambda target, similarity, n: order)
    assert not could_learn(nodes, np.eye(500), target)


def test_replicates_are_no_signal():
    rng = np.random.default_rng(0)
    X = np.repeat(np.eye(30), 3, axis=0)
    nodes = GeneNodes([f"gene{k}" for k in range(30)], None, None, None)
    assert not could_learn(nodes, X, X @ rng.normal(size=(30, 5)))


def test_training_is_skipped_where_nothing_can_be_learned(groups):
    X, table, _, unlike = groups
    model = APPRegressor(gene_features=table, **QUICK).fit(X.iloc[5:], unlike[5:])
    assert (model.correction_weight_, model.nets_, model.n_parameters_) == (0.0, [], 0)
    baseline = KernelPerturbationRegressor(gene_features=table).fit(X.iloc[5:], unlike[5:])
    for found, expected in zip(model.predict(X, return_std=True), baseline.predict(X, return_std=True), strict=True):
        np.testing.assert_allclose(found, expected)
    always = APPRegressor(gene_features=table, training="always", **QUICK).fit(X.iloc[5:], unlike[5:])
    assert len(always.nets_) == 2


def test_training_where_something_can_be_learned(groups):
    X, table, alike, _ = groups
    model = APPRegressor(gene_features=table, baseline="mean", **QUICK).fit(X, alike)
    assert len(model.nets_) == 2


def test_attention_is_there_without_training(groups):
    """One network is trained when somebody asks, always the same one."""
    X, table, _, unlike = groups
    model = APPRegressor(gene_features=table, **QUICK).fit(X, unlike)
    copy = pickle.loads(pickle.dumps(model))
    weights = model.attention_weights(X)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    pd.testing.assert_frame_equal(copy.attention_weights(X), weights)
    pd.testing.assert_frame_equal(model.attention_weights(X), weights)
    assert list(model.top_genes(X.iloc[:2], 3)["rank"]) == [1, 2, 3] * 2
    assert model.nets_ == []
    with pytest.raises(ValueError, match="attention=False"):
        APPRegressor(gene_features=table, attention=False, **QUICK).fit(X, unlike).attention_weights(X)


def test_weights_reach_the_networks(groups):
    """With all conditions in one batch, a weight of two is a row that is given twice, up to float32."""
    X, table, alike, _ = groups
    weight = np.r_[np.full(20, 2.0), np.ones(20)]
    rows = np.r_[:20, :40]
    model = APPRegressor(gene_features=table, baseline="additive", batch_size=-1, **QUICK | {"n_models": 1})
    y = alike + 1.0
    model.set_params(baseline=None)
    expected = model.fit(X.iloc[rows], y[rows]).predict(X)
    np.testing.assert_allclose(model.fit(X, y, sample_weight=weight).predict(X), expected, atol=0.02)
    assert np.abs(model.fit(X, y).predict(X) - expected).max() > 1e-4


def test_training_is_bounded_on_large_screens(groups, monkeypatch):
    """Fewer epochs, and attention over a part of the nodes while it learns; predictions look at all of them."""
    X, table, alike, _ = groups
    params = {"gene_features": table, "baseline": "mean", **QUICK, "batch_size": 5}
    usual = APPRegressor(**params).fit(X, alike)
    monkeypatch.setattr(estimator, "_MAX_BATCHES", 10)
    monkeypatch.setattr(estimator, "_MANY_PAIRS", 100)
    monkeypatch.setattr(estimator, "_N_ATTENDED", 7)
    bounded, asked = (APPRegressor(training=when, **params).fit(X, alike) for when in ("auto", "always"))
    # Of 20 conditions for each network, four batches are an epoch.
    assert (usual.n_iter_, bounded.n_iter_, asked.n_iter_) == (5, 3, 5)
    np.testing.assert_array_equal(asked.predict(X), usual.predict(X))
    module = bounded.nets_[0].module_
    weights = module.attention(module.embed(), module.embed()[:1])
    assert weights.shape == (1, 40)
    np.testing.assert_array_equal(bounded.attention_weights(X).shape, (40, 40))
    assert len(module.train()._attended(module.embed())) == 7
