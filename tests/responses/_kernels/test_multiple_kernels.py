"""Ridge regression on weighted kernels: its closed forms against refits, its gradient, its robustness."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from skperturb.responses._kernels.multiple_kernels import _Problem, fit_multiple_kernels


def test_leave_one_out_error_is_that_of_refits():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(9, 3))
    kernels, target = np.stack([points @ points.T, np.ones((9, 9))]), rng.normal(size=(9, 4))
    logs = np.log([0.7, 2.0, 0.4])
    residuals = _Problem(kernels, target, [], np.ones(9)).solve(logs)[2]
    matrix = 0.7 * kernels[0] + 2.0
    for k in range(9):
        rest = np.delete(np.arange(9), k)
        dual = np.linalg.solve(matrix[np.ix_(rest, rest)] + 0.4 * np.eye(8), target[rest])
        np.testing.assert_allclose(residuals[k], target[k] - matrix[k, rest] @ dual)


def test_gradient_of_the_leave_one_out_loss():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 3))
    kernels = np.stack([points @ points.T, np.ones((12, 12))])
    problem = _Problem(kernels, rng.normal(size=(12, 4)), [], rng.uniform(0.5, 2.0, 12))
    theta = rng.normal(size=3)
    assert problem.loss_and_gradient(theta)[0] == pytest.approx(problem.loss(theta))
    error = check_grad(problem.loss, lambda values: problem.loss_and_gradient(values)[1], theta)
    assert error < 1e-5 * np.linalg.norm(problem.loss_and_gradient(theta)[1])


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
