"""The Gaussian process of interactions: its algebra, its invariances, and what it learns."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import ortho_group

from skperturb.responses._kernels import gaussian_process as process_module
from skperturb.responses._kernels.gaussian_process import InteractionGaussianProcess, best_gaussian_process


def test_gradient(dominance):
    X, y, effects = dominance(n_pairs=12)
    process = InteractionGaussianProcess(X, y - X @ effects, effects, metric=0.4, max_iter=2)
    data = process._data(np.arange(12), y - X @ effects)
    theta = process_module._CENTER + 0.3 * np.random.default_rng(0).normal(size=12)

    def loss(values):
        return process_module._solve(data, values).loss

    def gradient(values):
        return process_module._gradient(data, process_module._solve(data, values), values)

    assert check_grad(loss, gradient, theta) < 1e-4 * np.linalg.norm(gradient(theta))


def slots_of(data):
    """Which values a coefficient moves, and by how much."""
    slots = np.zeros((len(data.target), data.target.shape[1], len(data.row)))
    slots[data.row, :, np.arange(len(data.row))] = data.effects
    return slots.reshape(-1, len(data.row))


def covariance(process, data):
    """The covariance of all values of the training rows, as a matrix of (row, axis) pairs."""
    theta, n_axes = process._theta, data.target.shape[1]
    remainder = np.tensordot(np.exp(theta[7:10]), data.remainder, axes=1)
    remainder = remainder + np.diag(np.exp(theta[-2] + theta[-1] * data.sizes))
    coefficients = sum(process_module._coefficient_kernels(data.own, data.partners, theta))
    slots = slots_of(data)
    return np.kron(remainder, np.eye(n_axes)) + slots @ coefficients @ slots.T


def test_leave_one_out_and_likelihood_are_those_of_the_full_covariance(dominance):
    X, y, effects = dominance(n_pairs=10, n_outputs=4)
    target = y - X @ effects
    process = InteractionGaussianProcess(X, target, effects, metric=0.4, max_iter=5)
    data = process._data(np.arange(10), target)
    full, values = covariance(process, data), data.target.ravel()
    loss = process_module._solve(data, process._theta).loss
    assert loss == pytest.approx(0.5 * values @ np.linalg.solve(full, values) + 0.5 * np.linalg.slogdet(full)[1])
    # What the data take from the variance of the coefficients.
    taken = slots_of(data).T @ np.linalg.solve(full, slots_of(data))
    np.testing.assert_allclose(process._slot_precision, taken, rtol=1e-6, atol=1e-9 * np.abs(taken).max())
    for row in range(10):
        out = np.arange(4 * row, 4 * row + 4)
        rest = np.setdiff1d(np.arange(40), out)
        predicted = full[np.ix_(out, rest)] @ np.linalg.solve(full[np.ix_(rest, rest)], values[rest])
        residual = (values[out] - predicted) @ process._from_metric
        np.testing.assert_allclose(process.loo_residuals[row], residual, atol=1e-8)


def test_rotation_of_the_outputs(dominance):
    X, y, effects = dominance()
    rotation = ortho_group(8, seed=0).rvs()
    plain = InteractionGaussianProcess(X[:40], (y - X @ effects)[:40], effects, metric=0.4)
    rotated = InteractionGaussianProcess(X[:40], (y - X @ effects)[:40] @ rotation, effects @ rotation, metric=0.4)
    np.testing.assert_allclose(rotated.predict(X[40:]), plain.predict(X[40:]) @ rotation, atol=1e-4)


def test_rows_are_predicted_alone(dominance):
    X, y, effects = dominance()
    process = InteractionGaussianProcess(X[:40], (y - X @ effects)[:40], effects)
    together = process.predict(X[40:])
    np.testing.assert_array_equal(np.vstack([process.predict(row[None]) for row in X[40:]]), together)
    assert process.variance(X[40:]).shape == together.shape
    assert (process.variance(X[40:]) > 0).all()


def test_more_outputs_rows_and_genes_than_the_bounds(monkeypatch, dominance):
    """Bounds on axes, rows and slots approximate; on this problem hardly."""
    X, y, effects = dominance(n_pairs=80, n_outputs=30)
    target = y - X @ effects
    exact = InteractionGaussianProcess(X[:60], target[:60], effects)
    for name, value in (("_MAX_AXES", 12), ("_MAX_ROWS", 40), ("_MAX_SLOTS", 60)):
        monkeypatch.setattr(process_module, name, value)
    bounded = InteractionGaussianProcess(X[:60], target[:60], effects)
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
    process = best_gaussian_process(X[:20], target[:20], effects)
    assert np.linalg.norm(process.predict(X[20:]) - target[20:]) < 0.2 * np.linalg.norm(target[20:])
