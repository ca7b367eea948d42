"""What every predictor of the registry that takes networks means by sources and by truths that exist in part."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from estimator_registry import NETWORKS, REGISTRY
from sklearn.base import clone

from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, GCNEnhancer, StructuralSensitivity

PREDICTORS = [estimator for estimator, inputs in REGISTRY if inputs is NETWORKS]
each_predictor = pytest.mark.parametrize("estimator", PREDICTORS, ids=lambda e: type(e).__name__)
X = [item if not sp.issparse(item) else item.toarray() for item in NETWORKS.X]
Y = NETWORKS.y


def dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def test_all_network_estimators_are_here():
    assert len({type(estimator) for estimator in PREDICTORS}) >= 5


@each_predictor
def test_sources_select_columns(estimator):
    whole = clone(estimator).set_params(sources=None).fit(X, Y)
    chosen = [[2, 0]] * len(X)
    some = clone(estimator).set_params(sources=chosen).fit(X, Y)
    for full, part in zip(whole.predict(X), some.predict(X), strict=True):
        np.testing.assert_allclose(dense(part), dense(full)[:, [2, 0]], rtol=1e-9, atol=1e-14)
    names = [list("abcde"[: len(item)]) for item in map(np.asarray, X)]
    frames = [pd.DataFrame(np.asarray(item), name, name) for item, name in zip(X, names, strict=True)]
    labeled = clone(estimator).set_params(sources=["c", "a"]).fit(frames, Y)
    assert all(list(part.columns) == ["c", "a"] for part in labeled.predict(frames))
    # The truth has a column for each node or for each source.
    parts = [truth[:, [2, 0]] for truth in Y]
    assert labeled.score(frames, Y) == pytest.approx(labeled.score(frames, parts), abs=1e-12)
    with pytest.raises(ValueError, match=r"sources names 'q', which X\[0\] lacks"):
        clone(estimator).set_params(sources=["q"]).fit(frames, Y).predict(frames)


@each_predictor
def test_undefined_entries_are_left_out_and_infinite_ones_rank_highest(estimator):
    partial = [truth.copy() for truth in Y]
    partial[1][0, 1] = np.nan
    partial[3][2, 1], partial[3][1, 2] = -np.inf, np.nan
    fitted = clone(estimator).set_params(sources=None).fit(X, partial)
    expected = []
    for truth, prediction in zip(partial, fitted.predict(X), strict=True):
        known = ~np.isnan(truth)
        largest = np.abs(truth[np.isfinite(truth)]).max()
        size = np.where(np.isfinite(truth), np.abs(truth), 2 * largest)
        expected.append(spearman_correlation(size[known], np.abs(dense(prediction))[known]))
    assert fitted.score(X, partial) == pytest.approx(np.mean(expected))
    nothing = [*Y[:2], np.full_like(Y[2], np.nan), Y[3]]
    with pytest.raises(ValueError, match=r"y\[2\] has no defined entry"):
        clone(estimator).set_params(sources=None).fit(X, nothing)
    with pytest.raises(ValueError, match=r"y_true\[2\] has no defined entry"):
        fitted.score(X, nothing)


def test_undefined_entries_teach_nothing():
    chain = np.tril(np.ones((5, 5))) - 2 * np.eye(5)
    truth = np.tril(np.random.default_rng(0).uniform(1.0, 2.0, (5, 5)))
    make = GCNEnhancer(hidden_dim=4, n_layers=1, max_epochs=2, n_models=1, random_state=0)
    predictions = []
    for value in (np.nan, np.nan, 1e6):
        known = truth.copy()
        known[3, 1] = value
        predictions.append(clone(make).fit([chain], [known]).predict([chain])[0])
    np.testing.assert_array_equal(predictions[0], predictions[1])
    assert not np.array_equal(predictions[0], predictions[2])


STATE = pd.Series({"a": 1.0, "b": 100.0, "c": 0.0, "unused": 3.0})
CHAIN = pd.DataFrame([[-1.0, 0, 0], [2, -1, 0], [0, 3, -1]], list("abc"), list("abc"))


@pytest.mark.parametrize("form", ["series", "mapping", "by id", "network"])
def test_distance_with_a_state_follows_its_formula(form):
    from skperturb.networks import InfluenceNetwork

    network = InfluenceNetwork(CHAIN, state=STATE, model_id="m")
    state = {"series": STATE, "mapping": dict(STATE), "by id": {"m": STATE}, "network": "network"}[form]
    found = DynamoDistance(state=state).predict([network])[0]
    x = {"a": 1.0, "b": 100.0, "c": 1e-9 * 100}  # what has vanished counts as 1e-9 of the largest
    for target, source, steps in (("b", "a", 1), ("c", "a", 2), ("c", "b", 1)):
        expected = (1 / (1 + steps)) ** 3 * (x[target] / x[source]) ** 0.3
        assert found.loc[target, source] == pytest.approx(expected)
    assert found.loc["a", "b"] == 0
    np.testing.assert_allclose(np.diag(found), 1.0)
    some = DynamoDistance(state=state, sources=["b"]).predict([network])[0]
    pd.testing.assert_frame_equal(some, found[["b"]])


@pytest.mark.parametrize("make", [DynamoDistance, StructuralSensitivity])
def test_a_state_that_is_missing_is_named(make):
    for bad, message in (
        ({"other": STATE}, r"state has no entry for X\[0\]"),
        (STATE[["a", "b"]], r"the state of X\[0\] lacks 1 of 3 names \(\['c'\]\)"),
        ("network", r"X\[0\] has no state"),
    ):
        with pytest.raises(ValueError, match=message):
            make(state=bad).predict([CHAIN])
    with pytest.raises(ValueError, match=r"X\[0\] has no names"):
        make(state=STATE).predict([CHAIN.to_numpy()])
