"""Degree-matched AUROC and precision at k."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skperturb.datasets import make_gene_network
from skperturb.interactions import DegreeProduct, ExpressionCorrelation, L3Paths
from skperturb.metrics import degree_matched_auroc, precision_at_k
from skperturb.model_selection import link_prediction_split

NETWORK = make_gene_network(300, 4, n_interactions=1500, degree_exponent=0.8, expression_signal=0.8, random_state=0)
SPLIT = link_prediction_split(NETWORK.pairs, validation_size=0.0, train_size=0.5, genes=NETWORK.genes, random_state=0)
COMMON = {"genes": NETWORK.genes, "random_state": 0}


def test_popularity_is_worthless_and_information_is_not():
    degree = DegreeProduct(**COMMON).fit(SPLIT.X_train, SPLIT.y_train)
    correlation = ExpressionCorrelation(NETWORK.expression, **COMMON).fit(SPLIT.X_train, SPLIT.y_train)
    matched = [degree_matched_auroc(model, SPLIT.X_test, SPLIT.y_test) for model in (degree, correlation)]
    assert abs(matched[0] - 0.5) < 0.08
    assert matched[1] > 0.75


class _Spy:
    def __init__(self, known):
        self.positive_pairs_ = known

    def decision_function(self, X):
        self.asked = [tuple(sorted(pair)) for pair in X.tolist()]
        return np.zeros(len(X))


def test_negatives_are_no_known_interactions():
    known = {tuple(sorted(pair)) for pair in NETWORK.pairs.tolist()}
    test = SPLIT.X_test[SPLIT.y_test == 1]
    spy = _Spy(SPLIT.X_train[SPLIT.y_train == 1])
    assert degree_matched_auroc(spy, SPLIT.X_test, SPLIT.y_test) == 0.5
    assert len(spy.asked) == len(set(spy.asked)) == 2 * len(test)
    assert not set(spy.asked[len(test) :]) & known
    alone = _Spy(test[:0])
    del alone.positive_pairs_
    degree_matched_auroc(alone, SPLIT.X_test, SPLIT.y_test, known_pairs=NETWORK.pairs)
    assert not set(alone.asked[len(test) :]) & known


def test_is_a_scorer():
    pipeline = Pipeline([("pairs", L3Paths(unknown="zero", **COMMON)), ("lr", LogisticRegression())])
    scoring = {"matched": degree_matched_auroc, "auroc": "roc_auc"}
    scores = cross_validate(pipeline, SPLIT.X_train, SPLIT.y_train, scoring=scoring, cv=2, error_score="raise")
    assert (np.abs(scores["test_matched"] - 0.5) < 0.5).all()
    search = GridSearchCV(L3Paths(**COMMON), {"normalization": ["sqrt", "degree"]}, scoring=degree_matched_auroc, cv=2)
    search.fit(SPLIT.X_train, SPLIT.y_train)
    assert np.isfinite(degree_matched_auroc(search, SPLIT.X_test, SPLIT.y_test))


def test_refuses_what_gives_no_scores_and_dense_graphs():
    class Mute:
        pass

    with pytest.raises(TypeError, match="Mute with neither"):
        degree_matched_auroc(Mute(), SPLIT.X_test, SPLIT.y_test)
    assert np.isnan(degree_matched_auroc(LinearSVC(), [(0, 1), (1, 2), (0, 2)], [1, 1, 1]))


def test_precision_at_k():
    assert precision_at_k([1, 1, 0, 0], [4, 3, 2, 1], k=2) == 1.0
    assert precision_at_k([1, 1, 0, 0], [4, 3, 2, 1], k=3) == pytest.approx(2 / 3)
    assert precision_at_k([1, 1, 0, 0], [4, 3, 2, 1], k=100) == 0.5
    # Two of three tied pairs are taken, whichever.
    assert precision_at_k([1, 0, 1, 0], [1, 1, 1, 0], k=2) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="two vectors"):
        precision_at_k([1, 0], [1.0])
    with pytest.raises(ValueError, match="finite"):
        precision_at_k([1, 0], [1.0, np.nan])
    with pytest.raises(ValueError, match="'k' parameter"):
        precision_at_k([1, 0], [1.0, 0.0], k=0)


def test_probabilities_rank_like_decisions():
    class OnlyProbabilities:
        def __init__(self, model):
            self.positive_pairs_, self.model = model.positive_pairs_, model

        def predict_proba(self, pairs):
            return self.model.predict_proba(pairs)

    model = ExpressionCorrelation(NETWORK.expression, **COMMON).fit(SPLIT.X_train, SPLIT.y_train)
    expected = degree_matched_auroc(model, SPLIT.X_test, SPLIT.y_test)
    assert degree_matched_auroc(OnlyProbabilities(model), SPLIT.X_test, SPLIT.y_test) == pytest.approx(expected)
    with pytest.raises(TypeError, match="neither decision_function nor predict_proba"):
        degree_matched_auroc(object(), SPLIT.X_test, SPLIT.y_test, known_pairs=NETWORK.pairs)
