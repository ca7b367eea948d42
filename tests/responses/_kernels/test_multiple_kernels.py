"""Ridge regression on weighted kernels: its closed forms against refits, its gradient, its robustness."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from skperturb.responses._kernels import multiple_kernels, subsets
from skperturb.responses._kernels.multiple_kernels import _Problem, fit_multiple_kernels, rotated
from skperturb.responses._kernels.sources import ArrayKernels, weighted_sum


def test_leave_one_out_error_is_that_of_refits():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(9, 3))
    kernels, target = np.stack([points @ points.T, np.ones((9, 9))]), rng.normal(size=(9, 4))
    logs = np.log([0.7, 2.0, 0.4])
    residuals = _Problem(kernels, target, [], np.ones(9)).solve(logs).residuals
    matrix = 0.7 * kernels[0] + 2.0
    for k in range(9):
        rest = np.delete(np.arange(9), k)
        dual = np.linalg.solve(matrix[np.ix_(rest, rest)] + 0.4 * np.eye(8), target[rest])
        np.testing.assert_allclose(residuals[k], target[k] - matrix[k, rest] @ dual)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("n_bases", [0, 2])
def test_gradient_of_the_leave_one_out_loss(n_bases, given):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 3))
    kernels = np.stack([points @ points.T, np.ones((12, 12))])
    bases = [rng.normal(size=(12, 4)) for _ in range(n_bases)]
    noise = rng.uniform(0.2, 3.0, 12) if given else None
    problem = _Problem(kernels, rng.normal(size=(12, 4)), bases, rng.uniform(0.5, 2.0, 12), noise)
    theta = rng.normal(size=3 + given)
    error = check_grad(problem.loss, lambda values: problem.loss_and_gradient(values)[1], theta)
    assert error < 1e-5 * np.linalg.norm(problem.loss_and_gradient(theta)[1])


@pytest.mark.parametrize("n_bases", [0, 2])
def test_many_outputs_arerotated_into_as_many_as_rows(n_bases):
    """The loss depends on norms and inner products of the rows only, and they stay."""
    rng = np.random.default_rng(0)
    target, bases = rng.normal(size=(6, 100)), [rng.normal(size=(6, 100)) for _ in range(n_bases)]
    axes, turned = rotated(target, bases)
    assert axes.shape == (6, 6 * (1 + n_bases))
    before, after = np.vstack([target, *bases]), np.vstack([axes, *turned])
    np.testing.assert_allclose(after @ after.T, before @ before.T)


def test_inverse_takes_the_place_of_the_matrix(monkeypatch):
    monkeypatch.setattr(multiple_kernels, "_BLOCK", 3)
    points = np.random.default_rng(0).normal(size=(8, 12))
    matrix = points @ points.T
    expected = np.linalg.inv(matrix)
    found = multiple_kernels._inverted(matrix)
    np.testing.assert_allclose(found, expected)
    assert np.shares_memory(found, matrix)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        multiple_kernels._inverted(-np.eye(3))


def two_kernels(seed=0, n=24):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    near = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(axis=2))
    target = points @ rng.normal(size=(3, 5)) + 0.3 * rng.standard_t(3, size=(n, 5))
    return ArrayKernels({"linear": points @ points.T, "near": near}), target


def combined(kernels, weights):
    everything = np.arange(24)
    return weighted_sum(kernels, weights, everything, everything)


@pytest.mark.parametrize("robust", [False, True])
def test_kernel_fit_is_the_same_in_other_units(robust):
    kernels, target = two_kernels()
    plain = fit_multiple_kernels(kernels, target, robust=robust)
    scaled = fit_multiple_kernels(kernels, 1000 * target, robust=robust)
    np.testing.assert_allclose(scaled.weights, plain.weights, rtol=1e-3)
    assert scaled.noise == pytest.approx(plain.noise, rel=1e-3)
    predicted = plain.predict(combined(kernels, plain.weights))
    np.testing.assert_allclose(
        scaled.predict(combined(kernels, scaled.weights)), 1000 * predicted, rtol=1e-3, atol=1e-2
    )
    np.testing.assert_allclose(scaled.scale, 1e6 * plain.scale, rtol=1e-2)


def test_kernel_fit_agrees_with_fits_that_leave_a_row_out():
    kernels, target = two_kernels()
    fit = fit_multiple_kernels(kernels, target, robust=False)
    prior = combined(kernels, fit.weights)
    noisy = prior + fit.noise * np.eye(len(prior))
    for row in range(len(target)):
        rest = np.delete(np.arange(len(target)), row)
        gain = np.linalg.solve(noisy[np.ix_(rest, rest)], prior[rest, row])
        np.testing.assert_allclose(fit.loo_residuals[row], target[row] - gain @ target[rest], rtol=1e-6, atol=1e-9)
    # Variance of new values: prior less what the training rows explain, plus noise, in units of the outputs' scale.
    explained = np.diag(prior @ np.linalg.inv(noisy) @ prior)
    expected = (np.diag(prior) - explained + fit.noise)[:, None] * fit.scale
    np.testing.assert_allclose(fit.variance(prior, np.diag(prior)), expected, rtol=1e-6)
    # That scale makes the squared residuals of the rows left out as large as their variances.
    variances = np.array([1 / value for value in np.diag(np.linalg.inv(noisy))])
    np.testing.assert_allclose((fit.loo_residuals**2 / variances[:, None]).mean(axis=0), fit.scale, rtol=1e-6)


def test_rows_far_from_their_prediction_count_less():
    """Their noise grows with the square root of the distance to the first fit's leave-one-out prediction."""
    kernels, target = two_kernels()
    target[3] *= 30
    norms = np.linalg.norm(fit_multiple_kernels(kernels, target, robust=False).loo_residuals, axis=1)
    fit = fit_multiple_kernels(kernels, target, robust=True)
    prior = combined(kernels, fit.weights)
    noise = np.diag(np.linalg.inv(fit.inverse) - prior) / fit.noise
    np.testing.assert_allclose(noise, np.clip(np.sqrt(norms / np.median(norms)), 0.3, 10.0), rtol=1e-6)
    assert noise[3] == noise.max() > 2


def test_landmarks_are_exact_where_they_span_the_kernel():
    """A kernel of rank three is that of any of its rows: solution, leave-one-out and variance must be those of all."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3))
    target = points @ rng.normal(size=(3, 5)) + 0.3 * rng.normal(size=(40, 5))
    kernels, items = ArrayKernels({"linear": points @ points.T}), np.arange(10, 40)
    given = rng.uniform(0.3, 3.0, 30)
    options = {"items": items, "given_noise": given, "robust": True}
    exact = fit_multiple_kernels(kernels, target[items], **options)
    few = fit_multiple_kernels(kernels, target[items], n_landmarks=8, **options)
    assert (exact.n_landmarks, few.n_landmarks) == (0, 8)
    assert set(few.items) < set(items)
    np.testing.assert_allclose(few.loo_residuals, exact.loo_residuals, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(few.scale, exact.scale, rtol=1e-6)
    new, prior = np.arange(10), exact.weights[0] * np.diag(points @ points.T)[:10]
    cross = [weighted_sum(kernels, fit.weights, new, fit.items) for fit in (exact, few)]
    np.testing.assert_allclose(few.predict(cross[1]), exact.predict(cross[0]), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(few.variance(cross[1], prior), exact.variance(cross[0], prior), rtol=1e-5)


def test_left_out_landmark_is_that_of_a_refit_without_it():
    """Its own feature goes with it: with the feature and without the value, nothing would say what the feature does."""
    rng = np.random.default_rng(0)
    points, given = rng.normal(size=(30, 2)), rng.uniform(0.5, 2.0, 30)
    near = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(axis=2))
    target = near @ rng.normal(size=(30, 4)) + 0.3 * rng.normal(size=(30, 4))
    kernels = ArrayKernels({"near": near})
    fit = fit_multiple_kernels(kernels, target, given_noise=given, robust=False, n_landmarks=9)
    kernel, noise = fit.weights[0] * near, fit.noise + fit.noise_slope * given
    variance = np.empty(30)
    for row in range(30):
        rest, kept = np.delete(np.arange(30), row), fit.items[fit.items != row]
        # The model with the landmarks that are left: a kernel of their rank, and what it lacks is no covariance.
        gain = kernel[:, kept] @ np.linalg.inv(kernel[np.ix_(kept, kept)])
        approximate = gain @ kernel[kept]
        inverse = np.linalg.inv(approximate[np.ix_(rest, rest)] + np.diag(noise[rest]))
        expected = approximate[row, rest] @ inverse @ target[rest]
        np.testing.assert_allclose(fit.loo_residuals[row], target[row] - expected, rtol=1e-6, atol=1e-8)
        variance[row] = kernel[row, row] + noise[row] - approximate[row, rest] @ inverse @ approximate[rest, row]
    assert set(fit.items) < set(range(30))
    np.testing.assert_allclose(fit.scale, (fit.loo_residuals**2 / variance[:, None]).mean(axis=0), rtol=1e-6)


def test_weights_are_chosen_on_whole_neighborhoods(monkeypatch):
    """A hundred groups of five, of which an even subset has one row each: there one grouping is as good as another."""
    rng = np.random.default_rng(0)
    group, other = (rng.permutation(np.repeat(np.arange(100), 5)) for _ in range(2))
    target = rng.normal(size=(100, 4))[group] + rng.normal(size=(500, 4))
    kernels = ArrayKernels({name: (g[:, None] == g).astype(float) for name, g in (("group", group), ("other", other))})
    full = fit_multiple_kernels(kernels, target, robust=False)
    monkeypatch.setattr(multiple_kernels, "_MAX_ROWS", 100)
    monkeypatch.setattr(subsets, "_NEIGHBORHOOD", 10)
    fit = fit_multiple_kernels(kernels, target, robust=False)
    assert fit.weights[0] > 12 * fit.weights[1]
    errors = [np.linalg.norm(found.loo_residuals, axis=1).mean() for found in (fit, full)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    # The same number of rows, spread evenly.
    monkeypatch.setattr(multiple_kernels, "neighborhoods", lambda target, similarity, n: np.arange(0, len(target), 5))
    even = fit_multiple_kernels(kernels, target, robust=False)
    assert even.weights[0] < 8 * even.weights[1]


def test_noise_is_set_by_all_rows(monkeypatch):
    """A subset that is told to hold no neighbors says that there is no noise; all rows say how much there is."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(20), 20)
    target = rng.normal(size=(20, 4))[group] + 2.0 * rng.normal(size=(400, 4))
    kernels = ArrayKernels({"group": (group[:, None] == group).astype(float)})
    monkeypatch.setattr(multiple_kernels, "_MAX_ROWS", 20)
    monkeypatch.setattr(multiple_kernels, "neighborhoods", lambda target, similarity, n: np.arange(0, 400, 20))
    with_steps = fit_multiple_kernels(kernels, target, robust=False)
    monkeypatch.setattr(multiple_kernels, "_MAX_NOISE_STEPS", 0)
    without = fit_multiple_kernels(kernels, target, robust=False)
    np.testing.assert_allclose(with_steps.weights, without.weights)
    assert with_steps.noise >= 3 * without.noise
    errors = [np.linalg.norm(fit.loo_residuals, axis=1).mean() for fit in (with_steps, without)]
    assert errors[0] < errors[1]
