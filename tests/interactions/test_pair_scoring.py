"""Score and cross-validation of models of pairs on interactions alone."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skperturb.datasets import make_gene_network
from skperturb.interactions import CommonNeighbors, DegreeProduct, GNEEmbedder, L3Paths, SpectralGeneEmbedder
from skperturb.metrics import degree_matched_auroc
from skperturb.model_selection import InteractionKFold, sample_negative_pairs

NETWORK = make_gene_network(60, 4, n_interactions=300, random_state=0)


def quick(**parameters):
    return GNEEmbedder(**{"n_components": 8, "max_epochs": 4, "n_folds": 2, "random_state": 0, **parameters})


def test_score_is_the_accuracy_on_as_many_negatives():
    model = L3Paths(random_state=0).fit(NETWORK.pairs[:200])
    tested = NETWORK.pairs[200:]
    known = np.isin(tested, model.genes_).all(axis=1)
    score = model.score(tested[known])
    negatives = sample_negative_pairs(NETWORK.pairs, 4 * known.sum(), genes=model.genes_, random_state=1)
    right = 0.5 * (model.predict(tested[known]) == 1).mean() + 0.5 * (model.predict(negatives) == 0).mean()
    assert score == pytest.approx(right, abs=0.1)
    assert score == model.score(tested[known], np.ones(known.sum()))
    labels = np.repeat([1, 0], [known.sum(), len(negatives)])
    pairs = np.concatenate([tested[known], negatives])
    assert model.score(pairs, labels) == pytest.approx((model.predict(pairs) == labels).mean())
    weights = np.where(labels == 1, 2.0, 1.0)
    expected = np.average(model.predict(pairs) == labels, weights=weights)
    assert model.score(pairs, labels, sample_weight=weights) == pytest.approx(expected)
    with pytest.raises(ValueError, match="sample_weight has shape"):
        model.score(pairs, labels, sample_weight=[1.0])


def test_score_takes_genes_that_the_model_does_not_know():
    model = CommonNeighbors(random_state=0).fit(NETWORK.pairs)
    assert 0 <= model.score([(NETWORK.genes[0], "nobody knows it")]) <= 1


def test_score_without_a_pair_for_a_negative():
    pairs = [(0, 1), (0, 2), (1, 2)]
    model = CommonNeighbors(genes=range(4), random_state=0).fit(pairs)
    with pytest.raises(ValueError, match="no negative to score against"):
        model.score([(0, 3), (1, 3), (2, 3)])


@pytest.mark.parametrize("model", [L3Paths(random_state=0), quick(max_epochs=2)])
def test_cross_validation_of_interactions_alone(model):
    scores = cross_val_score(model, NETWORK.pairs, cv=InteractionKFold(3, random_state=0), error_score="raise")
    assert scores.mean() > 0.6
    matched = cross_val_score(model, NETWORK.pairs, cv=3, scoring=degree_matched_auroc, error_score="raise")
    assert np.isfinite(matched).all()


def test_grid_search_of_interactions_alone():
    pairs = np.concatenate([NETWORK.pairs, [["only here", NETWORK.genes[0]], ["there", NETWORK.genes[1]]]])
    search = GridSearchCV(quick(max_epochs=1), {"n_components": [2, 4]}, cv=3, error_score="raise").fit(pairs)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("steps", [[], [LogisticRegression()]])
def test_matched_score_takes_genes_that_the_model_does_not_know(steps):
    pairs = np.concatenate([NETWORK.pairs, [["only here", NETWORK.genes[0]], ["there", NETWORK.genes[1]]]])
    model = make_pipeline(L3Paths(random_state=0), *steps)
    labels = np.repeat([1, 0], [len(pairs), 40])
    pairs = np.concatenate([pairs, sample_negative_pairs(pairs, 40, random_state=0)])
    scores = cross_val_score(model, pairs, labels, cv=3, scoring=degree_matched_auroc, error_score="raise")
    assert np.isfinite(scores).all()
    model.fit(NETWORK.pairs[:200], np.r_[np.ones(150), np.zeros(50)])
    degree_matched_auroc(model, pairs, labels)
    with pytest.warns(UserWarning, match="neither the training pairs"):
        model.decision_function(pairs)


@pytest.mark.filterwarnings("ignore:X has .* genes that neither:UserWarning")
@pytest.mark.parametrize("model", [L3Paths(random_state=0), DegreeProduct(random_state=0)])
def test_scorers_of_scikit_learn_work_by_default(model):
    """Folds of a plain splitter test genes that they do not train; a search must not end in NaN."""
    pairs = [(f"g{k:02d}", f"g{k + step:02d}") for k in range(16) for step in (1, 2)]
    negatives = sample_negative_pairs(pairs, random_state=0)
    X, y = np.concatenate([pairs, negatives]), np.repeat([1, 0], [len(pairs), len(negatives)])
    grid = {"negatives": ["uniform", "degree"]}
    search = GridSearchCV(model, grid, cv=KFold(8, shuffle=True, random_state=0), scoring=["roc_auc", "f1"], refit="f1")
    found = search.fit(X, y).cv_results_
    assert np.isfinite([found["mean_test_roc_auc"], found["mean_test_f1"]]).all()


def test_folds():
    pairs = np.concatenate([NETWORK.pairs, NETWORK.pairs[:20, ::-1]])
    tested = np.zeros(len(pairs), dtype=int)
    for train, test in InteractionKFold(4, random_state=0).split(pairs):
        assert len(np.intersect1d(train, test)) == 0
        assert len(train) + len(test) == len(pairs)
        assert np.isin(pairs[test], pairs[train]).all()
        inside = {frozenset(pair) for pair in pairs[train].tolist()}
        assert not inside & {frozenset(pair) for pair in pairs[test].tolist()}
        tested[test] += 1
    assert tested.max() == 1
    counts = pd.Series(NETWORK.pairs.ravel()).value_counts()
    often = counts[NETWORK.pairs.ravel()].to_numpy().reshape(-1, 2).min(axis=1) > 4
    assert tested[: len(often)][often].mean() > 0.95
    with pytest.raises(ValueError, match="has no pair whose genes other pairs have"):
        list(InteractionKFold(2).split([("a", "b"), ("c", "d")]))


def test_folds_hold_both_labels_alike():
    negatives = sample_negative_pairs(NETWORK.pairs, 60, random_state=0)
    pairs, labels = np.concatenate([NETWORK.pairs, negatives]), np.repeat([1, 0], [300, 60])
    splitter = InteractionKFold(3, random_state=0)
    assert splitter.get_n_splits() == 3
    for _, test in splitter.split(pairs, labels):
        assert abs((labels[test] == 0).sum() - 20) <= 4
    scores = cross_val_score(L3Paths(), pairs, labels, cv=splitter, scoring="roc_auc", error_score="raise")
    assert (scores > 0.5).all()


@pytest.mark.parametrize(
    "model", [L3Paths(random_state=0), SpectralGeneEmbedder(n_components=4, random_state=0), quick()]
)
def test_no_pairs_have_no_predictions(model):
    model.fit(NETWORK.pairs)
    for empty in (NETWORK.pairs[:0], pd.DataFrame(NETWORK.pairs[:0], columns=["a", "b"])):
        assert model.decision_function(empty).shape == (0,)
        assert model.predict(empty).shape == (0,)
        assert model.predict_proba(empty).shape == (0, 2)
        assert model.transform(empty).shape == (0, len(model.get_feature_names_out()))


# Networks from a single triangle to some hundred interactions, the sparsest of which join nothing.
SMALL = {
    "path": [("a", "b"), ("b", "c")],
    "apart": [("a", "b"), ("c", "d"), ("e", "f")],
    "star": [("hub", f"x{k}") for k in range(30)],
    "matching": [(f"a{k}", f"b{k}") for k in range(20)],
    "chain": [(f"g{k}", f"g{k + 1}") for k in range(100)],
    "two sides": [(f"a{i}", f"b{j}") for i in range(10) for j in range(10) if (i * j) % 3],
    "modules": NETWORK.pairs.tolist(),
}


@pytest.mark.parametrize("name", SMALL)
def test_log_odds_of_small_networks_are_of_ordinary_size(name):
    with config_context(transform_output="pandas"):
        model = GNEEmbedder(random_state=0, max_epochs=5).fit(SMALL[name])
        genes = model.genes_.tolist()
        scores = model.decision_function([(a, b) for k, a in enumerate(genes) for b in genes[:k]])
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() < 30


@pytest.mark.parametrize(
    "model",
    [
        L3Paths(random_state=0),
        GNEEmbedder(n_components=2, max_epochs=1, device="cpu", random_state=0),
        SpectralGeneEmbedder(n_components=2, random_state=0),
    ],
)
def test_a_gene_that_a_fold_does_not_train_makes_no_score_nan(model):
    """A chain of genes under a plain KFold: the pairs at its ends are all that is known of some genes."""
    pairs = [(f"g{k:02d}", f"g{k + 1:02d}") for k in range(18)] + [(f"g{k:02d}", f"g{k + 2:02d}") for k in range(17)]
    pairs.append(("only here", "g00"))
    search = GridSearchCV(model, {"random_state": [0, 1]}, cv=KFold(3), error_score="raise").fit(pairs)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # One pair alone has this gene, so that the fold that tests it does not train it.
    negatives = sample_negative_pairs(pairs[:-1], random_state=0)
    X, y = np.concatenate([pairs, negatives]), np.repeat([1, 0], [len(pairs), len(negatives)])
    splitter = KFold(3, shuffle=True, random_state=0)
    known = model.set_params(unknown="zero")
    assert np.isfinite(cross_val_score(known, X, y, cv=splitter, scoring="roc_auc", error_score="raise")).all()
    with pytest.raises(ValueError, match="unknown='zero'"):
        cross_val_score(model.set_params(unknown="error"), X, y, cv=splitter, scoring="roc_auc", error_score="raise")
