"""The Gaussian process of interactions: its algebra, its invariances, and what it learns."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import ortho_group

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor
from skperturb.responses import _interaction_process as process_module
from skperturb.responses._combination_kernels import CombinationKernels
from skperturb.responses._interaction_process import InteractionProcess, best_process
from skperturb.responses._multiple_kernels import _Problem, fit_multiple_kernels


def dominance(seed=0, n_genes=14, n_outputs=8, n_pairs=60, noise=0.05):
    """In every pair the stronger gene prevails."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=(n_genes, n_outputs)) * np.exp(0.5 * rng.normal(size=(n_genes, 1)))
    pairs = [(g, h) for g in range(n_genes) for h in range(g)]
    pairs = [pairs[k] for k in rng.permutation(len(pairs))[:n_pairs]]
    X = np.zeros((n_pairs, n_genes))
    X[np.arange(n_pairs)[:, None], pairs] = 1
    power = X * np.sum(effects**2, axis=1)
    y = 1.4 * (power / power.sum(axis=1, keepdims=True)) @ effects
    return X, y + noise * rng.normal(size=y.shape), effects


def test_gradient():
    X, y, effects = dominance(n_pairs=12)
    process = InteractionProcess(X, y - X @ effects, effects, metric=0.4, max_iter=2)
    data = process._data(np.arange(12), y - X @ effects)
    theta = process_module._CENTRE + 0.3 * np.random.default_rng(0).normal(size=12)

    def loss(values):
        return process_module._solve(data, values).loss

    def gradient(values):
        return process_module._gradient(data, process_module._solve(data, values), values)

    assert check_grad(loss, gradient, theta) < 1e-4 * np.linalg.norm(gradient(theta))


def test_gradient_of_the_leave_one_out_loss():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 3))
    kernels = np.stack([points @ points.T, np.ones((12, 12))])
    problem = _Problem(kernels, rng.normal(size=(12, 4)), [], rng.uniform(0.5, 2.0, 12))
    theta = rng.normal(size=3)
    assert problem.loss_and_gradient(theta)[0] == pytest.approx(problem.loss(theta))
    error = check_grad(problem.loss, lambda values: problem.loss_and_gradient(values)[1], theta)
    assert error < 1e-5 * np.linalg.norm(problem.loss_and_gradient(theta)[1])


def covariance(process, data):
    """The covariance of all values of the training rows, as a matrix of (row, axis) pairs."""
    theta, n_axes = process._theta, data.target.shape[1]
    remainder = np.tensordot(np.exp(theta[7:10]), data.remainder, axes=1)
    remainder = remainder + np.diag(np.exp(theta[-2] + theta[-1] * data.sizes))
    coefficients = sum(process_module._coefficient_kernels(data.own, data.partners, theta))
    slots = np.zeros((len(data.target), n_axes, len(data.row)))
    slots[data.row, :, np.arange(len(data.row))] = data.effects
    slots = slots.reshape(-1, len(data.row))
    return np.kron(remainder, np.eye(n_axes)) + slots @ coefficients @ slots.T


def test_leave_one_out_and_likelihood_are_those_of_the_full_covariance():
    X, y, effects = dominance(n_pairs=10, n_outputs=4)
    target = y - X @ effects
    process = InteractionProcess(X, target, effects, metric=0.4, max_iter=5)
    data = process._data(np.arange(10), target)
    full, values = covariance(process, data), data.target.ravel()
    loss = process_module._solve(data, process._theta).loss
    assert loss == pytest.approx(0.5 * values @ np.linalg.solve(full, values) + 0.5 * np.linalg.slogdet(full)[1])
    for row in range(10):
        out = np.arange(4 * row, 4 * row + 4)
        rest = np.setdiff1d(np.arange(40), out)
        predicted = full[np.ix_(out, rest)] @ np.linalg.solve(full[np.ix_(rest, rest)], values[rest])
        residual = (values[out] - predicted) @ process._from_metric
        np.testing.assert_allclose(process.loo_residuals[row], residual, atol=1e-8)


def test_rotation_of_the_outputs():
    X, y, effects = dominance()
    rotation = ortho_group(8, seed=0).rvs()
    plain = InteractionProcess(X[:40], (y - X @ effects)[:40], effects, metric=0.4)
    rotated = InteractionProcess(X[:40], (y - X @ effects)[:40] @ rotation, effects @ rotation, metric=0.4)
    np.testing.assert_allclose(rotated.predict(X[40:]), plain.predict(X[40:]) @ rotation, atol=1e-4)


def test_rows_are_predicted_alone():
    X, y, effects = dominance()
    process = InteractionProcess(X[:40], (y - X @ effects)[:40], effects)
    together = process.predict(X[40:])
    np.testing.assert_array_equal(np.vstack([process.predict(row[None]) for row in X[40:]]), together)
    assert process.variance(X[40:]).shape == together.shape
    assert (process.variance(X[40:]) > 0).all()


def test_dominance_is_learned_and_chosen():
    X, y, effects = dominance()
    n_genes = len(effects)
    singles = np.eye(n_genes)
    model = KernelPerturbationRegressor().fit(np.vstack([singles, X[:40]]), np.vstack([effects, y[:40]]))
    additive = AdditiveRegressor("auto").fit(np.vstack([singles, X[:40]]), np.vstack([effects, y[:40]]))
    errors = [np.linalg.norm(m.predict(X[40:]) - y[40:], axis=1).mean() for m in (model, additive)]
    assert errors[0] < 0.5 * errors[1]
    assert isinstance(model._combinations, InteractionProcess)
    assert model.loo_error_["combinations, process"] < model.loo_error_["combinations, kernels"]
    assert set(model.kernel_weights_.index) == set(model._combinations.weights)


@pytest.mark.parametrize("n_pairs", [2, 3, 4])
def test_few_pairs_that_all_buffer(n_pairs):
    """The process alone is tried where there are too few pairs for kernel weights, and one pair says nothing."""
    X, y, effects = dominance()
    y = 0.6 * X @ effects
    singles = np.eye(len(effects))

    def fit(rows):
        return KernelPerturbationRegressor().fit(np.vstack([singles, X[rows]]), np.vstack([effects, y[rows]]))

    model = fit(slice(n_pairs))
    assert isinstance(model._combinations, InteractionProcess)
    assert "combinations, kernels" not in model.loo_error_
    error = np.linalg.norm(model.predict(X[5:]) - y[5:], axis=1).mean()
    assert error < 0.5 * np.linalg.norm(X[5:] @ effects - y[5:], axis=1).mean()
    np.testing.assert_allclose(fit(slice(1)).predict(X[5:]), X[5:] @ effects)


def test_more_outputs_rows_and_genes_than_the_bounds(monkeypatch):
    """Bounds on axes, rows and slots approximate; on this problem hardly."""
    X, y, effects = dominance(n_pairs=80, n_outputs=30)
    target = y - X @ effects
    exact = InteractionProcess(X[:60], target[:60], effects)
    for name, value in (("_MAX_AXES", 12), ("_MAX_ROWS", 40), ("_MAX_SLOTS", 60)):
        monkeypatch.setattr(process_module, name, value)
    bounded = InteractionProcess(X[:60], target[:60], effects)
    assert bounded._to_metric.shape == (30, 12)
    errors = [np.linalg.norm(p.predict(X[60:]) - target[60:], axis=1).mean() for p in (exact, bounded)]
    assert errors[1] < 1.2 * errors[0]
    sizes = [np.linalg.norm(p.loo_residuals, axis=1).mean() for p in (exact, bounded)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)


def test_three_genes_and_doses():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 1.5, size=(30, 8)) * (rng.permuted(np.tile(np.arange(8), (30, 1)), axis=1) < 3)
    effects = rng.normal(size=(8, 5))
    target = -0.4 * X @ effects + 0.01 * rng.normal(size=(30, 5))
    process = best_process(X[:20], target[:20], effects)
    assert np.linalg.norm(process.predict(X[20:]) - target[20:]) < 0.2 * np.linalg.norm(target[20:])


def test_nothing_is_corrected_without_a_measured_effect():
    """Neither gene of the last pairs was perturbed alone."""
    X, y, effects = dominance()
    hidden = [0, 1]
    both = (X[:, hidden] != 0).all(axis=1)
    singles = np.eye(len(effects))[2:]
    rows = ~both
    model = KernelPerturbationRegressor().fit(np.vstack([singles, X[rows]]), np.vstack([effects[2:], y[rows]]))
    assert model._combinations is not None
    pair = np.zeros((1, len(effects)))
    pair[0, hidden] = 1
    np.testing.assert_allclose(model.predict(pair), pair @ model.effects_)
    one = np.zeros((1, len(effects)))
    one[0, [0, 5]] = 1
    assert not np.allclose(model.predict(one), one @ model.effects_)
    assert (model.predict(pair, return_std=True)[1] > 0).all()


def test_replicates_of_a_pair_do_not_predict_one_another():
    """The leave-one-out error of pairs that are given twice is about that of pairs that are given once."""
    X, y, effects = dominance(noise=0.3, n_pairs=30)
    twice = y + 0.3 * np.random.default_rng(1).normal(size=y.shape)
    singles = np.eye(len(effects))
    once = KernelPerturbationRegressor().fit(np.vstack([singles, X]), np.vstack([effects, y]))
    doubled = KernelPerturbationRegressor().fit(np.vstack([singles, X, X]), np.vstack([effects, y, twice]))
    assert len(doubled.loo_residuals_) == len(singles) + 60
    errors = [model.loo_error_["combinations, process"] for model in (once, doubled)]
    assert errors[1] > 0.7 * errors[0]


def two_kernels(seed=0, n=24):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    near = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(axis=2))
    target = points @ rng.normal(size=(3, 5)) + 0.3 * rng.standard_t(3, size=(n, 5))
    return [points @ points.T, near], target


@pytest.mark.parametrize("robust", [False, True])
def test_kernel_fit_is_the_same_in_other_units(robust):
    kernels, target = two_kernels()
    plain = fit_multiple_kernels(kernels, target, robust=robust)
    scaled = fit_multiple_kernels(kernels, 1000 * target, robust=robust)
    np.testing.assert_allclose(scaled.weights, plain.weights, rtol=1e-3)
    assert scaled.noise == pytest.approx(plain.noise, rel=1e-3)
    np.testing.assert_allclose(scaled.predict(kernels), 1000 * plain.predict(kernels), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(scaled.scale, 1e6 * plain.scale, rtol=1e-2)


def test_kernel_fit_agrees_with_fits_that_leave_a_row_out():
    kernels, target = two_kernels()
    fit = fit_multiple_kernels(kernels, target, robust=False)
    prior = sum(weight * kernel for weight, kernel in zip(fit.weights, kernels, strict=True))
    noisy = prior + fit.noise * np.eye(len(prior))
    for row in range(len(target)):
        rest = np.delete(np.arange(len(target)), row)
        gain = np.linalg.solve(noisy[np.ix_(rest, rest)], prior[rest, row])
        np.testing.assert_allclose(fit.loo_residuals[row], target[row] - gain @ target[rest], rtol=1e-6, atol=1e-9)
    # Variance of new values: prior less what the training rows explain, plus noise, in units of the outputs' scale.
    explained = np.diag(prior @ np.linalg.inv(noisy) @ prior)
    expected = (np.diag(prior) - explained + fit.noise)[:, None] * fit.scale
    np.testing.assert_allclose(fit.variance(kernels, [np.diag(k) for k in kernels]), expected, rtol=1e-6)
    # That scale makes the squared residuals of the rows left out as large as their variances.
    variances = np.array([1 / value for value in np.diag(np.linalg.inv(noisy))])
    np.testing.assert_allclose((fit.loo_residuals**2 / variances[:, None]).mean(axis=0), fit.scale, rtol=1e-6)


def test_rows_far_from_their_prediction_count_less():
    """Their noise grows with the square root of the distance to the first fit's leave-one-out prediction."""
    kernels, target = two_kernels()
    target[3] *= 30
    norms = np.linalg.norm(fit_multiple_kernels(kernels, target, robust=False).loo_residuals, axis=1)
    fit = fit_multiple_kernels(kernels, target, robust=True)
    prior = sum(weight * kernel for weight, kernel in zip(fit.weights, kernels, strict=True))
    noise = np.diag(np.linalg.inv(fit.inverse) - prior) / fit.noise
    np.testing.assert_allclose(noise, np.clip(np.sqrt(norms / np.median(norms)), 0.3, 10.0), rtol=1e-6)
    assert noise[3] == noise.max() > 2


def test_kernels_of_combinations_are_kernels():
    """Symmetric and positive semidefinite, and of one row with itself what `diagonals` says."""
    X, _, effects = dominance(n_pairs=40)
    kernels = CombinationKernels(X, effects, {"elsewhere": np.cov(np.random.default_rng(0).normal(size=(14, 30)))})
    diagonals = kernels.diagonals(X)
    for (name, kernel), diagonal in zip(kernels(X).items(), diagonals, strict=True):
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-12, err_msg=name)
        assert np.linalg.eigvalsh(kernel).min() > -1e-9 * np.trace(kernel), name
        np.testing.assert_allclose(np.diag(kernel), diagonal, rtol=1e-9, err_msg=name)


def test_summary_of_combinations_by_hand():
    effects = np.array([[3.0, 0.0], [0.0, 4.0], [6.0, 0.0]])
    kernels = CombinationKernels(np.array([[1.0, 1, 0], [1, 0, 1], [0, 1, 1]]), effects)
    summary = kernels._summary(np.array([[1.0, 1, 0], [1, 0, 1], [2, 0, 0]]))
    # Cosines 0 and 1, and none of one gene; sizes 5, 9, 6; shares (9 + 16) / 49, (9 + 36) / 81, 1.
    np.testing.assert_allclose(summary[:, 0], [0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(summary[:, 1], np.log([5.0, 9.0, 6.0]), atol=1e-5)
    np.testing.assert_allclose(summary[:, 2], [25 / 49, 45 / 81, 1.0])
