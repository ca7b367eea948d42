"""The network estimators inside scikit-learn's own machinery."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate, learning_curve
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skperturb.metrics import auroc_scorer, l2_scorer, spearman_scorer
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation, InfluenceNetwork
from skperturb.testing import assert_equal_values

SCORING = {"spearman": spearman_scorer, "auroc": auroc_scorer, "l2": l2_scorer}
RNG = np.random.RandomState(0)
MATRICES = [RNG.choice([0.0, 0.0, 1.0, -2.0], size=(n, n)) for n in (4, 6, 5, 4, 7, 5, 6, 4)]
TRUTHS = [RNG.normal(size=A.shape) * (RNG.rand(*A.shape) < 0.7) for A in MATRICES]


def frame(A):
    names = [f"v{i}" for i in range(len(A))]
    return pd.DataFrame(A, index=names, columns=names)


def object_array(items):
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


INPUTS = {
    "list": (MATRICES, TRUTHS),
    "tuple": (tuple(MATRICES), tuple(TRUTHS)),
    "object array": (object_array(MATRICES), object_array(TRUTHS)),
    "equal sizes": (object_array([A[:4, :4] for A in MATRICES]), [y[:4, :4] for y in TRUTHS]),
    "frames": ([frame(A) for A in MATRICES], [frame(y) for y in TRUTHS]),
    "sparse": ([sp.csr_array(A) for A in MATRICES], [sp.csr_array(y) for y in TRUTHS]),
    "networks": ([InfluenceNetwork(frame(A)) for A in MATRICES], [frame(y) for y in TRUTHS]),
}
each_input = pytest.mark.parametrize("kind", INPUTS)


def pipeline(model):
    return Pipeline([("pass", FunctionTransformer()), ("model", model)])


@each_input
def test_grid_search(kind):
    X, y = INPUTS[kind]
    grid = {"model__alpha": [0.3, 0.9], "model__directed": [True, False]}
    search = GridSearchCV(pipeline(DynamoPropagation()), grid, scoring=SCORING, refit="spearman", cv=3)
    search.fit(X, y)
    results = search.cv_results_
    for name in SCORING:
        assert np.isfinite(results[f"mean_test_{name}"]).all()
    assert (results["mean_test_l2"] < 0).all()
    assert search.best_score_ == results["mean_test_spearman"].max()
    assert len(search.predict(X)) == len(X)
    restored = pickle.loads(pickle.dumps(search))
    assert_equal_values(restored.predict(X), search.predict(X), rtol=0)
    clone(search)


def test_default_scoring_and_pipeline_score():
    model = pipeline(DynamoDistance()).fit(MATRICES, TRUTHS)
    assert model.score(MATRICES, TRUTHS) == DynamoDistance().score(MATRICES, TRUTHS)
    search = GridSearchCV(DynamoDistance(), {"directed": [True, False]}, cv=2).fit(MATRICES, TRUTHS)
    scores = [DynamoDistance(directed=d).score(MATRICES, TRUTHS) for d in (True, False)]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores)


@each_input
@pytest.mark.parametrize("model", [DynamoDistance(), DynamoPropagation(), DynamoFirstNeighbor()], ids=repr)
def test_cross_val_predict_equals_predict(kind, model):
    X, y = INPUTS[kind]
    predictions = cross_val_predict(model, X, y, cv=3)
    assert predictions.shape == (len(X),)
    assert_equal_values(list(predictions), list(model.predict(X)), rtol=0)


@each_input
def test_cross_validate_and_learning_curve(kind):
    X, y = INPUTS[kind]
    scores = cross_validate(DynamoDistance(), X, y, scoring=SCORING, cv=4, error_score="raise")
    expected = [DynamoDistance().score(X[i : i + 2], y[i : i + 2]) for i in range(0, 8, 2)]
    np.testing.assert_allclose(scores["test_spearman"], expected)
    sizes, _, test = learning_curve(DynamoDistance(), X, y, cv=2, train_sizes=[2, 4], error_score="raise")
    assert sizes.tolist() == [2, 4]
    assert np.isfinite(test).all()


def test_n_jobs_changes_nothing():
    grid = {"alpha": [0.3, 0.9]}
    results = [
        GridSearchCV(DynamoPropagation(), grid, scoring=SCORING, refit="l2", cv=2, n_jobs=n_jobs)
        .fit(MATRICES, TRUTHS)
        .cv_results_
        for n_jobs in (1, 2)
    ]
    for name in SCORING:
        np.testing.assert_array_equal(results[0][f"mean_test_{name}"], results[1][f"mean_test_{name}"])


@pytest.mark.parametrize("scorer", SCORING.values(), ids=SCORING)
def test_scorers_pickle(scorer):
    model = DynamoDistance()
    assert pickle.loads(pickle.dumps(scorer))(model, MATRICES, TRUTHS) == scorer(model, MATRICES, TRUTHS)


def test_scorers_on_tables():
    X = RNG.normal(size=(40, 3))
    labels = (X[:, 0] + 0.3 * RNG.normal(size=40) > 0).astype(int)
    assert auroc_scorer(LogisticRegression().fit(X, labels), X, labels) > 0.8
    Y = X @ RNG.normal(size=(3, 2))
    ridge = Ridge().fit(X, Y)
    assert l2_scorer(ridge, X, Y) == pytest.approx(-np.linalg.norm(Y - ridge.predict(X), axis=1).mean())
