"""How the correction of the networks is weighed."""

import numpy as np
import pytest

from skperturb.responses import APPRegressor
from skperturb.responses._app import correction
from skperturb.responses._app.correction import choose_weight, mean_square, train_correction

QUICK = {"n_models": 2, "max_epochs": 5, "hidden_dim": 8, "random_state": 0}


def test_network_corrects_a_poor_baseline():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(8, 3))
    X = (rng.uniform(size=(200, 8)) < 0.4).astype(float)
    y = X @ effects
    model = APPRegressor(baseline="mean", n_models=2, max_epochs=40, lr=0.01, random_state=0, batch_size=16)
    model.fit(X[:150], y[:150])
    assert model.correction_weight_ > 0.5
    assert model.score(X[150:], y[150:]) > 0.7


def test_useless_correction_has_no_weight():
    rng = np.random.default_rng(0)
    X, y = np.eye(40), rng.normal(size=(40, 5))
    model = APPRegressor(baseline="mean", **QUICK).fit(X, y)
    assert model.correction_weight_ == 0.0
    np.testing.assert_allclose(model.predict(X), np.tile(y.mean(axis=0), (40, 1)))


def test_replicates_do_not_make_the_correction_look_good():
    """Three guides for each of 30 genes without any similarity: nothing can be said about a new gene."""
    rng = np.random.default_rng(0)
    X = np.repeat(np.eye(40), 3, axis=0)
    y = X @ (2.0 + rng.normal(size=(40, 5))) + 0.3 * rng.normal(size=(120, 5))
    model = APPRegressor(max_epochs=60, random_state=0).fit(X[:90], y[:90])
    ours, mean = (np.linalg.norm(p - y[90:], axis=1).mean() for p in (model.predict(X[90:]), y[:90].mean(axis=0)))
    assert ours < 1.02 * mean


def test_too_few_conditions_to_weigh_the_correction():
    X = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 1, 1, 0]]])
    y = X @ np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 2.0]])
    assert APPRegressor(**QUICK | {"n_models": 5}).fit(X, y).correction_weight_ == 0.0
    assert APPRegressor(**QUICK | {"n_models": 1}).fit(X, y).correction_weight_ == 1.0


def test_weight_by_hand():
    """Half of what the networks say is right, with an error that is smaller in every condition."""
    target = np.array([[1.0, 0.0], [0.0, 2.0], [1.5, 1.0], [-1.0, 0.5]])
    assert choose_weight(target, 2 * target) == pytest.approx(0.5)
    assert choose_weight(target, 0.5 * target) == 1.0
    assert choose_weight(target, -target) == 0.0
    assert choose_weight(target, np.zeros((4, 2))) == 0.0
    # Right about one condition of four: a gain of one standard error at most is no gain.
    assert choose_weight(target, target * np.array([[0.0], [1.0], [0.0], [0.0]])) == 0.0


@pytest.mark.parametrize("bound", ["_LARGE", "_MANY_OUTPUTS"])
def test_large_target_is_learned_along_its_main_axes(bound, monkeypatch):
    """Weight and errors are those of what is predicted of the outputs, what lies outside the axes included."""
    rng = np.random.default_rng(0)
    doses = rng.normal(size=(150, 5))
    target = doses @ rng.normal(size=(5, 100)) + rng.normal(size=(150, 100))
    monkeypatch.setattr(correction, bound, {"_LARGE": 1000, "_MANY_OUTPUTS": 99}[bound])
    monkeypatch.setattr(correction, "_ROWS", 40)
    monkeypatch.setattr(correction, "network_output", lambda net, rows: rows @ net)
    options = {"n_models": 5, "weighed": True}
    group = np.arange(150)

    def regression(rows, values, weight):
        return np.linalg.lstsq(rows, values, rcond=None)[0]

    found, whole = (
        train_correction(regression, doses, target, group, bounded=bounded, rng=np.random.RandomState(0), **options)
        for bounded in (True, False)
    )
    assert whole.axes is None
    assert found.axes.shape == (64, 100)
    held_out = np.zeros_like(target)
    for net, (_, testing) in zip(found.nets, correction._folds(group, 5, np.random.RandomState(0)), strict=True):
        held_out[testing] = found.scale * doses[testing] @ net @ found.axes
    assert found.weight == pytest.approx(choose_weight(target, held_out))
    np.testing.assert_allclose(found.error_variance, mean_square(target - found.weight * held_out))
    # The signal lies inside the axes: coefficients, whose errors are 1 / sqrt(120), hardly change.
    new = np.eye(5)
    np.testing.assert_allclose(found.predict(found.nets[0], new), whole.predict(whole.nets[0], new), atol=0.3)


def test_first_network_decides_whether_others_are_trained(monkeypatch):
    """By the conditions that it leaves out, if they are many, and unless training was asked for."""
    rng = np.random.default_rng(0)
    doses = rng.normal(size=(150, 5))
    noise = rng.normal(size=(150, 6))
    monkeypatch.setattr(correction, "network_output", lambda net, rows: rows @ net)
    trained = []

    def regression(rows, values, weight):
        trained.append(len(rows))
        return np.linalg.lstsq(rows, values, rcond=None)[0]

    def outcome(target, **options):
        trained.clear()
        rng = np.random.RandomState(0)
        return train_correction(regression, doses, target, np.arange(150), n_models=5, weighed=True, rng=rng, **options)

    for least, bounded, n_trained in ((30, True, 1), (31, True, 5), (30, False, 5)):
        monkeypatch.setattr(correction, "_LEAST_PILOT", least)
        found = outcome(noise, bounded=bounded)
        assert trained == [120] * n_trained
        assert found is None if n_trained == 1 else found.weight == 0.0
    monkeypatch.setattr(correction, "_LEAST_PILOT", 30)
    assert outcome(noise + doses @ rng.normal(size=(5, 6)), bounded=True).weight > 0.8
    assert len(trained) == 5


def test_model_is_its_baseline_where_the_first_network_does_not_help(monkeypatch):
    monkeypatch.setattr(correction, "_LEAST_PILOT", 10)
    rng = np.random.default_rng(0)
    X, y = np.eye(40), 2.0 + rng.normal(size=(40, 5))
    monkeypatch.setattr("skperturb.responses._app.estimator.could_learn", lambda *_: True)
    model = APPRegressor(baseline="mean", **QUICK).fit(X, y)
    assert (model.nets_, model.correction_weight_, model.n_iter_) == ([], 0.0, 0)
    np.testing.assert_allclose(model.predict(X), np.tile(y.mean(axis=0), (40, 1)))
    np.testing.assert_allclose(model.attention_weights(X).sum(axis=1), 1.0)
    assert len(APPRegressor(baseline="mean", training="always", **QUICK).fit(X, y).nets_) == 2
