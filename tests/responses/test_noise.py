"""Weights and noise of conditions: what they must not change, and what they must."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline

from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    PerturbationEncoder,
)
from skperturb.responses._conditions import estimate_effects
from skperturb.responses._noise import RowNoise, relative_noise

APP = {"n_models": 2, "max_epochs": 2, "hidden_dim": 4, "random_state": 0}
MODELS = [
    AdditiveRegressor(),
    AdditiveRegressor("auto", fit_intercept=True),
    LinearPerturbationRegressor(3),
    KernelPerturbationRegressor(max_iter=5),
    KernelPerturbationRegressor("mean", max_iter=5),
    APPRegressor(**APP),
    APPRegressor(baseline="mean", **APP),
]
# Where a row that is given twice counts like one of weight 2. In the kernel model replicates of a gene are averaged and
# are one gene, however often it was measured.
EXACT = MODELS[:3]


@pytest.fixture
def screen(dominance):
    """Singles, some measured twice, and pairs, with the number of cells of each."""
    X, y, effects = dominance(n_pairs=30)
    rng = np.random.default_rng(1)
    X = np.vstack([np.eye(14), np.eye(14)[:5], X])
    y = np.vstack([effects, effects[:5] + 0.3 * rng.normal(size=(5, 8)), y])
    return X, y, rng.integers(1, 5, len(X)).astype(float)


def predictions(model, X):
    return np.hstack([model.predict(X), *([model.predict(X, return_std=True)[1]] if has_std(model) else [])])


def has_std(model):
    return isinstance(model, APPRegressor | KernelPerturbationRegressor)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_conditions_that_do_not_count_are_absent(model, screen):
    X, y, weight = screen
    absent = np.arange(len(X)) % 6 == 5
    expected = predictions(model.fit(X[~absent], y[~absent], sample_weight=weight[~absent]), X)
    found = predictions(model.fit(X, y, sample_weight=np.where(absent, 0.0, weight)), X)
    np.testing.assert_array_equal(found, expected)
    noise = 0.1 * weight
    expected = predictions(model.fit(X[~absent], y[~absent], noise_variance=noise[~absent]), X)
    found = predictions(model.fit(X, y, noise_variance=np.where(absent, np.inf, noise)), X)
    np.testing.assert_array_equal(found, expected)
    each = np.tile(noise[:, None] / 8, 8)
    each[absent] = np.inf
    if isinstance(model, APPRegressor):
        return  # rounding decides how batches of networks are learned
    np.testing.assert_allclose(predictions(model.fit(X, y, noise_variance=each), X), expected, rtol=1e-4, atol=1e-6)


def test_what_all_responses_share_moves_the_intercept_alone(screen):
    X, y, weight = screen
    model = LinearPerturbationRegressor()
    plain = model.fit(X, y, noise_variance=weight).predict(X)
    shifted = model.fit(X, y + 7.0, noise_variance=weight).predict(X)
    np.testing.assert_allclose(shifted, plain + 7.0, rtol=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_equal_weights_and_equal_noise_change_nothing(model, screen):
    X, y, _ = screen
    plain = model.fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, y, sample_weight=np.ones(len(X))).predict(X), plain, rtol=1e-4, atol=1e-6)
    # The mean of replicates has less noise, so that it is the same for all only where there are none.
    X, y = np.delete(X, slice(14, 19), axis=0), np.delete(y, slice(14, 19), axis=0)
    plain = model.fit(X, y).predict(X)
    found = model.fit(X, y, noise_variance=np.full(len(X), 0.2)).predict(X)
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", EXACT, ids=str)
def test_twice_the_weight_is_twice_the_row(model, screen):
    X, y, weight = screen
    repeats = weight.astype(int)
    expected = model.fit(X.repeat(repeats, axis=0), y.repeat(repeats, axis=0)).predict(X)
    np.testing.assert_allclose(model.fit(X, y, sample_weight=weight).predict(X), expected)


def test_equal_weights_of_unequal_replicates(gene_table):
    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 30, 5)
    X = pd.DataFrame(np.eye(30)[np.r_[:30, :9, :4]], columns=table.index)
    y = X.to_numpy() @ rng.normal(size=(5, 4))[groups] + 0.3 * rng.normal(size=(43, 4))
    model = KernelPerturbationRegressor(gene_features=table)
    plain = model.fit(X.iloc[4:], y[4:]).predict(X)
    np.testing.assert_array_equal(model.fit(X.iloc[4:], y[4:], sample_weight=np.full(39, 7.0)).predict(X), plain)


def test_kernels_share_the_weight_of_replicates(screen):
    """A row of weight 4 is two equal rows of weights 1 and 3."""
    X, y, weight = screen
    weight[[3, 20]] = 4.0
    rows = np.r_[np.arange(len(X)), 3, 20]
    parts = weight[rows]
    parts[[3, 20]], parts[-2:] = 1.0, 3.0
    model = KernelPerturbationRegressor(max_iter=5)
    expected = model.fit(X, y, sample_weight=weight).predict(X)
    np.testing.assert_allclose(model.fit(X[rows], y[rows], sample_weight=parts).predict(X), expected, rtol=1e-4)


def test_replicates_are_averaged_by_weight_and_by_noise():
    X, Y = np.array([[1.0], [1.0], [2.0]]), np.array([[1.0, 5.0], [2.0, 6.0], [8.0, 2.0]])
    by_weight = estimate_effects(X, Y, noise=RowNoise(np.array([3.0, 1.0, 2.0])))
    # Doses weigh twice: once in the response, once in the power.
    np.testing.assert_allclose(by_weight.values, [[(3 + 2 + 32) / 12, (15 + 6 + 8) / 12]])
    variance = np.array([[1.0, 2.0], [2.0, 1.0]])
    found = estimate_effects(X[:2], 0.01 * Y[:2], noise=RowNoise(None, variance))
    np.testing.assert_allclose(found.values, [[0.01 * 4 / 3, 0.01 * 17 / 3]])
    np.testing.assert_allclose(found.noise, [[2 / 3, 2 / 3]])


def test_noise_that_tells_bad_conditions_from_good_ones():
    """Half of the conditions were measured ten times worse: what is predicted of new genes is better for knowing it."""
    gains = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        groups = np.arange(120) % 8
        names = [f"gene{k}" for k in range(120)]
        truth = rng.normal(size=(8, 20))[groups] + 0.3 * rng.normal(size=(120, 20))
        variance = np.where(rng.random(120) < 0.5, 0.05, 5.0)
        y = truth + np.sqrt(variance)[:, None] * rng.normal(size=truth.shape)
        X = pd.DataFrame(np.eye(120), columns=names)
        table = pd.DataFrame(np.eye(8, dtype=bool)[groups], index=names)
        model = KernelPerturbationRegressor(gene_features=table)
        errors = [
            np.linalg.norm(model.fit(X[:80], y[:80], **known).predict(X[80:]) - truth[80:], axis=1).mean()
            for known in ({}, {"noise_variance": 20 * variance[:80]}, {"sample_weight": 1 / variance[:80]})
        ]
        gains.append(np.array(errors[1:]) / errors[0])
    assert (np.mean(gains, axis=0) < 0.9).all()


def test_standard_error_of_a_measured_effect():
    X = np.vstack([np.eye(5), np.eye(5)[:1]])
    rng = np.random.default_rng(0)
    y, variance = rng.normal(size=(6, 3)), rng.uniform(0.5, 1.0, size=(6, 3))
    model = KernelPerturbationRegressor().fit(X, y, noise_variance=variance)
    deviation = model.predict(np.eye(5)[1:], return_std=True)[1]
    np.testing.assert_allclose(deviation, np.sqrt(variance[1:5]))
    assert (KernelPerturbationRegressor().fit(X, y).predict(np.eye(5), return_std=True)[1] == 0).all()


def test_interval_covers_with_noise():
    """Responses of new genes have their own noise, that of a typical condition."""
    rng = np.random.default_rng(0)
    groups = np.arange(300) % 10
    names = [f"gene{k}" for k in range(300)]
    variance = rng.lognormal(0.0, 0.5, 300)
    y = rng.normal(size=(10, 20))[groups] + rng.normal(size=(300, 20)) * (0.5 + np.sqrt(variance))[:, None]
    X = pd.DataFrame(np.eye(300), columns=names)
    table = pd.DataFrame(np.eye(10, dtype=bool)[groups], index=names)
    model = KernelPerturbationRegressor(gene_features=table).fit(X[:200], y[:200], noise_variance=20 * variance[:200])
    mean, deviation = model.predict(X[200:], return_std=True)
    assert 0.92 < (np.abs(mean - y[200:]) <= 1.96 * deviation).mean() < 0.97


def test_noise_is_aligned_by_name(screen):
    X, y, weight = screen
    names = [f"condition{k}" for k in range(len(X))]
    outputs = [f"out{k}" for k in range(8)]
    X, y = pd.DataFrame(X, index=names), pd.DataFrame(y, index=names, columns=outputs)
    X.columns = [f"gene{k}" for k in range(14)]
    noise = pd.DataFrame(np.outer(weight, np.arange(1.0, 9.0)), index=names, columns=outputs)
    model = AdditiveRegressor("auto")
    expected = model.fit(X, y, noise_variance=noise.to_numpy()).predict(X)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = noise.iloc[order, ::-1]
    pd.testing.assert_frame_equal(model.fit(X, y, noise_variance=shuffled).predict(X), expected)
    by_weight = model.fit(X, y, sample_weight=weight).predict(X)
    series = pd.Series(weight, index=names).iloc[order]
    pd.testing.assert_frame_equal(model.fit(X, y, sample_weight=series).predict(X), by_weight)
    with pytest.raises(ValueError, match=r"y.index has the names .'condition0'.*sample_weight.index lacks"):
        model.fit(X, y, sample_weight=series.rename(index={"condition0": "else"}))


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\); expected \(49,\)"),
        ({"sample_weight": np.ones((49, 8))}, r"sample_weight has shape \(49, 8\); expected \(49,\)"),
        ({"noise_variance": np.ones((49, 3))}, r"expected \(49,\) or \(49, 8\)"),
        ({"sample_weight": -np.ones(49)}, r"sample_weight\[0\] is negative or NaN"),
        ({"noise_variance": np.r_[np.ones(48), np.nan]}, r"noise_variance\[48\] is negative or NaN"),
        ({"sample_weight": np.r_[np.ones(48), np.inf]}, r"sample_weight\[48\] is infinite"),
        ({"noise_variance": np.where(np.arange(8) < 3, np.inf, 1.0) * np.ones((49, 1))}, r"\[0\] is infinite for some"),
        ({"noise_variance": np.full(49, np.inf)}, "noise_variance infinite for all conditions"),
    ],
)
def test_noise_that_cannot_be(known, message, screen):
    X, y, _ = screen
    with pytest.raises(ValueError, match=message):
        AdditiveRegressor().fit(X, y, **known)


def test_cross_validation_cuts_weights_and_noise(screen):
    X, y, weight = screen
    noise = np.outer(weight, np.ones(8))
    for known in ({"sample_weight": weight}, {"noise_variance": noise}):
        model = AdditiveRegressor("auto")
        scores = cross_validate(model, X, y, cv=KFold(3), params=known)["test_score"]
        (name, values), (train, test) = next(iter(known.items())), next(KFold(3).split(X))
        assert scores[0] == pytest.approx(
            model.fit(X[train], y[train], **{name: values[train]}).score(X[test], y[test])
        )


def test_metadata_routing_through_a_pipeline():
    labels, y = ["A", "A", "B", "A+B", "B+C", "A+C"], np.array([[1.0], [3.0], [2.0], [2.5], [4.0], [1.0]])
    weight = np.array([1.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    with config_context(enable_metadata_routing=True):
        model = AdditiveRegressor().set_fit_request(sample_weight=True, noise_variance=False)
        piped = make_pipeline(PerturbationEncoder(), model).fit(labels, y, sample_weight=weight)
        np.testing.assert_allclose(piped.predict(["A"]), [[2.5]])


def test_relative_noise():
    np.testing.assert_allclose(relative_noise(None, np.array([1.0, 2.0, 8.0])), [0.5, 1.0, 4.0])
    np.testing.assert_allclose(relative_noise(np.array([4.0, 1.0, 2.0]), None), [0.5, 2.0, 1.0])
    assert relative_noise(None, np.full(4, 0.3)) is None
    assert relative_noise(None, None) is None


@pytest.mark.parametrize("model", [MODELS[0], MODELS[3]], ids=str)
def test_noise_of_combinations_without_any_single(model):
    """Where no gene was perturbed alone, noise of each output says as much as its sum does."""
    X = np.array([np.eye(5)[i] + np.eye(5)[j] for i in range(5) for j in range(i)])
    y = X @ np.random.default_rng(0).normal(size=(5, 3))
    noise = np.linspace(0.1, 1.0, len(X))
    each = clone(model).fit(X, y, noise_variance=np.outer(noise, np.ones(3))).predict(X)
    np.testing.assert_allclose(each, clone(model).fit(X, y, noise_variance=3 * noise).predict(X))


def test_only_ratios_of_weights_count_in_the_kernel_model():
    """Also for genes that are perturbed together with others only, whose effects a ridge regression shares out."""
    X = np.array([np.eye(5)[i] + np.eye(5)[j] for i in range(5) for j in range(i)] + list(np.eye(5)[:3]))
    rng = np.random.default_rng(0)
    y, weight = X @ rng.normal(size=(5, 3)) + 0.3 * rng.normal(size=(len(X), 3)), rng.uniform(0.5, 2.0, len(X))
    model = KernelPerturbationRegressor(max_iter=5)
    expected = clone(model).fit(X, y, sample_weight=weight).predict(X)
    for scale in (1e-3, 1e3):
        np.testing.assert_allclose(clone(model).fit(X, y, sample_weight=scale * weight).predict(X), expected, rtol=1e-6)
    alike = clone(model).fit(X, y, sample_weight=np.full(len(X), 7.0)).predict(X)
    np.testing.assert_allclose(alike, clone(model).fit(X, y).predict(X), rtol=1e-6)
