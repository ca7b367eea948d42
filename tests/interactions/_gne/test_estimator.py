"""GNEEmbedder: learns, uses expression where it carries information, and works inside scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import Pipeline

from skperturb.datasets import make_gene_network
from skperturb.interactions import ExpressionCorrelation, GNEEmbedder
from skperturb.metrics import degree_matched_auroc
from skperturb.model_selection import link_prediction_split

NETWORK = make_gene_network(80, 4, n_interactions=600, expression_signal=0.7, random_state=0)
SPLIT = link_prediction_split(NETWORK.pairs, train_size=0.6, validation_size=0.0, genes=NETWORK.genes, random_state=0)
SCORING = {"auroc": "roc_auc", "aupr": "average_precision", "matched": degree_matched_auroc}


def quick(**parameters):
    defaults = {"n_components": 8, "max_epochs": 10, "n_folds": 2, "device": "cpu", "random_state": 0, "lr": 0.02}
    return GNEEmbedder(**{**defaults, **parameters})


VARIANTS = {
    "default": {},
    "structural": {"pair_features": "structural"},
    "native": {"pair_features": "native", "encoder": "lookup", "max_epochs": 60},
    "cross": {"pair_features": "cross", "loss": "bce", "max_epochs": 60, "encoder": "lookup"},
    "hadamard": {"pair_features": "hadamard", "loss": "sampled_softmax", "encoder": "lookup", "max_epochs": 60},
    "directed": {"pair_features": "native", "directed": True},
    "expression": {"expression": NETWORK.expression, "pair_features": "cross"},
    "deep": {"n_layers": 2, "pair_features": "native", "negatives": "degree", "loss": "sampled_softmax"},
}
each_variant = pytest.mark.parametrize("name", VARIANTS)


@each_variant
def test_learns_and_keeps_the_contract(name):
    model = quick(**VARIANTS[name])
    state = torch.random.get_rng_state()
    np.random.seed(5)  # noqa: NPY002
    features = model.fit_transform(SPLIT.X_train, SPLIT.y_train)
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.random.rand() == np.random.RandomState(5).rand()  # noqa: NPY002
    assert features.shape == (len(SPLIT.X_train), len(model.get_feature_names_out()))
    scores = model.decision_function(SPLIT.X_test)
    assert roc_auc_score(SPLIT.y_test, scores) > 0.6
    again = clone(model).fit(SPLIT.X_train, SPLIT.y_train)
    np.testing.assert_array_equal(again.decision_function(SPLIT.X_test), scores)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).decision_function(SPLIT.X_test), scores)
    np.testing.assert_allclose(model.decision_function(SPLIT.X_test[5:7]), scores[5:7])
    assert scores.dtype == np.float64
    flipped = model.decision_function(SPLIT.X_test[:, ::-1])
    assert np.allclose(flipped, scores) is (name != "directed")
    assert model.embed(NETWORK.genes[:3]).shape == (3, 8)
    assert model.embedding_.shape == (len(model.genes_), 8)


def test_default_beats_chance_against_popular_negatives():
    model = quick(max_epochs=30).fit(SPLIT.X_train, SPLIT.y_train)
    known = NETWORK.pairs
    assert degree_matched_auroc(model, SPLIT.X_test, SPLIT.y_test, known_pairs=known) > 0.6


def test_features_of_training_pairs_are_cross_fitted():
    model = quick(pair_features="structural")
    inside = model.fit_transform(SPLIT.X_train, SPLIT.y_train)
    seen = model.transform(SPLIT.X_train)
    names = model.get_feature_names_out().tolist()
    score = names.index("score")
    positive = SPLIT.y_train == 1
    # A network knows the edges it was trained on: descriptions without cross-fitting look better than they are.
    assert roc_auc_score(SPLIT.y_train, seen[:, score]) > roc_auc_score(SPLIT.y_train, inside[:, score]) + 0.02
    assert seen[positive, score].mean() > inside[positive, score].mean()


def unseen_gene_auroc(expression):
    split = link_prediction_split(
        NETWORK.pairs, train_size=1.0, validation_size=0.0, hold_out_genes=0.2, negatives="degree", random_state=1
    )
    model = quick(expression=expression, pair_features="native", max_epochs=40, genes=NETWORK.genes)
    model.fit(split.X_train, split.y_train)
    return roc_auc_score(split.y_test, model.decision_function(split.X_test))


def test_expression_tells_about_unseen_genes_if_it_knows():
    silent = make_gene_network(80, 4, n_interactions=600, expression_signal=0.0, random_state=3).expression
    with_signal, without = unseen_gene_auroc(NETWORK.expression), unseen_gene_auroc(silent)
    assert with_signal > 0.7
    assert with_signal > without + 0.1


def test_gene_that_only_expression_knows():
    model = quick(expression=NETWORK.expression, pair_features="native")
    pairs = [pair for pair in NETWORK.pairs.tolist() if "gene01" not in pair]
    model.fit(pairs)
    assert np.isfinite(model.embed(["gene01"])).all()
    assert np.abs(model.embed(["gene01"])).max() > 0
    assert np.isfinite(model.decision_function([("gene01", "gene02")])).all()


def test_pipeline_grid_search_with_three_scorers():
    # Without cross-fitting, which trains several networks for each fit.
    gne = quick(expression=NETWORK.expression, max_epochs=2, pair_features="native")
    pipeline = Pipeline([("gne", gne), ("lr", LogisticRegression())])
    grid = [{"gne__attribute_weight": [0.0]}, {"gne__n_components": [4], "gne__negatives": ["uniform"]}]
    results = []
    for n_jobs in (1, 2):
        search = GridSearchCV(
            pipeline, grid, scoring=SCORING, refit="matched", cv=2, n_jobs=n_jobs, error_score="raise"
        )
        search.set_params(estimator__gne__unknown="zero").fit(SPLIT.X_train, SPLIT.y_train)
        results.append([search.cv_results_[f"mean_test_{name}"] for name in SCORING])
    np.testing.assert_array_equal(results[0], results[1])
    assert np.isfinite(results[0]).all()
    assert search.predict(SPLIT.X_test).shape == SPLIT.y_test.shape


def test_published_preset_in_a_pipeline_of_names_and_frames():
    published = GNEEmbedder.published(NETWORK.expression, max_epochs=5, device="cpu", random_state=0)
    assert (published.encoder, published.loss, published.pair_features) == ("lookup", "sampled_softmax", "hadamard")
    pipeline = Pipeline([("gne", published), ("lr", LogisticRegression(max_iter=500))])
    expected = pipeline.fit(SPLIT.X_train, SPLIT.y_train).predict_proba(SPLIT.X_test)
    frame = pd.DataFrame(SPLIT.X_train, columns=["a", "b"])
    got = clone(pipeline).fit(frame, pd.Series(SPLIT.y_train)).predict_proba(SPLIT.X_test.tolist())
    np.testing.assert_array_equal(got, expected)
    assert roc_auc_score(SPLIT.y_test, expected[:, 1]) > 0.55


def test_grouped_by_gene():
    groups = [pair[0] for pair in SPLIT.X_train]
    model = quick(expression=NETWORK.expression, max_epochs=3)
    scores = cross_validate(
        model, SPLIT.X_train, SPLIT.y_train, groups=groups, cv=GroupKFold(3), scoring=SCORING, error_score="raise"
    )
    assert np.isfinite(scores["test_auroc"]).all()


def test_pandas_output():
    model = quick(pair_features="native", max_epochs=2).set_output(transform="pandas")
    result = model.fit(SPLIT.X_train).transform(SPLIT.X_test)
    assert result.columns.tolist() == ["score", "log_degrees"]


def test_directed_learns_the_direction():
    sources, targets = range(20), range(20, 40)
    rng = np.random.RandomState(0)
    pairs = [(i, j) for i in sources for j in targets if rng.rand() < 0.6]
    model = quick(directed=True, pair_features="native", max_epochs=30).fit(pairs)
    forth = model.transform(pairs)[:, 0]
    back = model.transform([(j, i) for i, j in pairs])[:, 0]
    assert (forth > back).mean() > 0.95
    named = pd.DataFrame(pairs, columns=["regulator", "target"])
    model = quick(directed=True, pair_features="native", max_epochs=1).fit(named)
    turned = named[["target", "regulator"]]
    for call in (model.predict, model.score):
        with pytest.raises(ValueError, match=r"\['target', 'regulator'\], and \['regulator', 'target'\] in fit"):
            call(turned)
    np.testing.assert_array_equal(
        model.transform(turned.set_axis(["a", "b"], axis=1)), model.transform(turned.to_numpy())
    )
    with pytest.raises(ValueError, match="undirected pairs only"):
        quick(directed=True).fit(pairs)


def test_known_edge_limits():
    with pytest.raises(ValueError, match="at least 2 to"):
        quick(genes=["a", "b", "c"], negatives="uniform").fit([("a", "b")])
    quick(genes=["a", "b", "c"], pair_features="native", negatives="uniform").fit([("a", "b")])
    with pytest.raises(ValueError, match="device='quantum' cannot be used"):
        quick(device="quantum").fit(SPLIT.X_train)


def test_correlation_baseline_works_on_the_same_network():
    model = ExpressionCorrelation(NETWORK.expression, random_state=0).fit(SPLIT.X_train, SPLIT.y_train)
    assert roc_auc_score(SPLIT.y_test, model.decision_function(SPLIT.X_test)) > 0.7


def test_negatives_of_the_classifier():
    genes = [*NETWORK.genes, "left out"]
    for y, everyone in ((SPLIT.y_train, False), (None, True)):
        X = SPLIT.X_train if y is not None else SPLIT.X_train[SPLIT.y_train == 1]
        model = quick(genes=genes, max_epochs=1).fit(X, y)
        labels = np.ones(len(X), dtype=int) if y is None else y
        positions, kinds, _ = model._classifier_pairs(model._locate(X)[0], labels, 2)
        np.testing.assert_array_equal(kinds[: len(X)], 1 - labels)
        known = {frozenset(pair) for pair in model._positives.tolist()}
        drawn = [frozenset(pair) for pair in positions[len(X) :].tolist()]
        assert not known & set(drawn)
        assert len(drawn) == len(set(drawn))
        # Two of each kind for an interaction.
        assert len(kinds) == 5 * len(known)
        # A gene may be missing from the given negatives on purpose.
        assert (model._index.get_loc("left out") in set().union(*drawn)) is everyone


@pytest.mark.parametrize("n_genes", [4, 6])
def test_scores_of_a_path_of_few_genes_are_of_ordinary_size(n_genes):
    # Features that hold nothing but rounding errors on the training pairs must not decide.
    pairs = [(f"g{k}", f"g{k + 1}") for k in range(n_genes - 1)]
    model = GNEEmbedder(max_epochs=2, random_state=0).fit(pairs)
    assert np.abs(model.decision_function(pairs)).max() < 100


def test_vector_of_a_gene_is_the_sum_of_its_two():
    model = quick(pair_features="hadamard", encoder="lookup", max_epochs=2).fit(SPLIT.X_train, SPLIT.y_train)
    vectors = model._folds[0].vectors
    np.testing.assert_array_equal(model.embed(model.genes_), (vectors.hidden.astype(float) + vectors.output)[:-1])
    pairs = SPLIT.X_test[:20]
    embedded = pd.DataFrame(model.embed(model.genes_), index=model.genes_)
    products = embedded.loc[pairs[:, 0]].to_numpy() * embedded.loc[pairs[:, 1]].to_numpy()
    np.testing.assert_allclose(model.transform(pairs), products, rtol=1e-12)
    # Other features have the same vectors.
    model = quick(n_components=4, max_epochs=1).fit(SPLIT.X_train, SPLIT.y_train)
    vectors = model._folds[0].vectors
    np.testing.assert_array_equal(model.embed(model.genes_), (vectors.hidden.astype(float) + vectors.output)[:-1])
    np.testing.assert_array_equal(model.embedding_, model.embed(model.genes_))


def test_probability_is_the_logistic_function_of_the_log_odds():
    model = quick(pair_features="native", encoder="lookup", max_epochs=20).fit(SPLIT.X_train, SPLIT.y_train)
    expected = 1.0 / (1.0 + np.exp(-model.decision_function(SPLIT.X_test)))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(
        model.predict_proba(SPLIT.X_test), np.column_stack([1.0 - expected, expected]), atol=1e-12
    )
