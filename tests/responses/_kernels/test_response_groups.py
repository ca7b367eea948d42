"""Medians within groups of responses: where they help, what they are, and when they are left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from skperturb.responses import KernelPerturbationRegressor
from skperturb.responses._kernels import gene_effects, response_groups
from skperturb.responses._kernels.multiple_kernels import fit_multiple_kernels
from skperturb.responses._kernels.response_groups import ResponseGroups
from skperturb.responses._kernels.sources import ArrayKernels


@pytest.fixture(scope="module")
def programs():
    """200 genes in eight programs, of which a table of noisy terms tells a part; effects are the program and noise."""
    rng = np.random.default_rng(0)
    program, names = rng.integers(8, size=200), [f"gene{k}" for k in range(200)]
    terms = rng.random((200, 160)) < np.where(program[:, None] == np.arange(160) % 8, 0.25, 0.08)
    y = 2.0 * rng.normal(size=(8, 30))[program] + 0.3 * rng.normal(size=(200, 30))
    return pd.DataFrame(np.eye(200), columns=names), y, pd.DataFrame(terms, index=names)


def fitted(X, y, table):
    model = KernelPerturbationRegressor(gene_features=table).fit(X[:150], y[:150])
    return model, model.predict(X[150:])


def test_genes_of_programs(programs, monkeypatch):
    X, y, table = programs
    model, predicted = fitted(X, y, table)
    assert model.group_share_ > 0.3
    monkeypatch.setattr(gene_effects, "MAX_GROUPED", 149)
    plain, ridge = fitted(X, y, table)
    assert plain.group_share_ == 0.0
    errors = [np.linalg.norm(values - y[150:], axis=1).mean() for values in (predicted, ridge)]
    assert errors[0] < 0.95 * errors[1]
    # What is left out is predicted as well as what is new: the choice of the share costs little.
    assert model.loo_error_["genes, kernels"] == pytest.approx(errors[0], rel=0.15)


def test_order_of_genes_and_rotation_of_outputs_change_nothing(programs):
    X, y, table = programs
    expected = fitted(X, y, table)[1]
    order = np.r_[np.random.default_rng(1).permutation(150), 150:200]
    np.testing.assert_allclose(fitted(X.iloc[order], y[order], table)[1], expected, rtol=1e-5, atol=1e-6)
    turned = np.linalg.qr(np.random.default_rng(2).normal(size=(30, 30)))[0]
    np.testing.assert_allclose(fitted(X, y @ turned, table)[1], expected @ turned, rtol=1e-5, atol=1e-6)


def test_standard_deviations_have_the_size_of_the_errors(programs):
    X, y, table = programs
    model = KernelPerturbationRegressor(gene_features=table).fit(X[:150], y[:150])
    predicted, deviation = model.predict(X[150:], return_std=True)
    assert 0.9 < np.mean(np.abs(predicted - y[150:]) < 1.96 * deviation) < 0.98


def example(n_rows=40, n_outputs=5):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n_rows, 3))
    kernel = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(axis=2))
    target = rng.normal(size=(n_rows, n_outputs))
    fit = fit_multiple_kernels(ArrayKernels({"near": kernel}), target, robust=False)
    return fit, fit.weights[0] * kernel, target


def test_median_minimizes_the_weighted_sum_of_distances(monkeypatch):
    monkeypatch.setattr(response_groups, "_N_STEPS", 200)
    fit, kernel, target = example()
    groups = ResponseGroups(fit, kernel, target)
    weights = np.random.default_rng(1).random((3, 40))
    for row, found in zip(weights, groups._median(weights) @ target, strict=True):

        def total(point, row=row):
            return row @ np.linalg.norm(target - point, axis=1)

        best = minimize(total, target.mean(axis=0))
        assert total(found) == pytest.approx(best.fun, rel=1e-6)


def test_left_out_response_says_nothing_about_its_own_prediction():
    """Beside the groups themselves, which are those of all responses: the gate and the median do without it."""
    fit, kernel, target = example()
    groups = ResponseGroups(fit, kernel, target)
    row, rest = 7, np.delete(np.arange(40), 7)
    inverse = np.linalg.inv(kernel[np.ix_(rest, rest)] + fit.noise * np.eye(39))
    gates = [kernel[row, rest] @ inverse @ np.equal.outer(g[rest], np.arange(g.max() + 1)) for g in groups._groups]
    similarity = np.where(np.arange(40) == row, -np.inf, kernel[row] / np.sqrt(kernel[row, row]))
    median = groups._median(groups._weights([gate[None] for gate in gates], similarity[None]))[0] @ target
    plain = target[row] - fit.loo_residuals[row]
    expected = target[row] - (1.0 - groups.share) * plain - groups.share * median
    np.testing.assert_allclose(groups.loo_residuals[row], expected, atol=1e-9)


def test_noisy_responses_count_less():
    fit, kernel, target = example()
    noisy = np.where(np.arange(40) == 3, 99.0, 1.0)
    plain, weighed = (ResponseGroups(fit, kernel, target, given)._trust for given in (None, noisy))
    assert set(plain) == {1.0}
    assert weighed[3] == pytest.approx(weighed[0] / 50.0)


@pytest.mark.parametrize(("n_rows", "numbers"), [(23, []), (24, [8]), (60, [8, 16]), (96, [8, 16, 32])])
def test_groups_have_three_rows_on_average(n_rows, numbers):
    fit, kernel, target = example(n_rows)
    groups = ResponseGroups(fit, kernel, target)
    assert [group.max() + 1 for group in groups._groups] == numbers
    if not numbers:
        assert groups.mix(target, kernel, np.diag(kernel)) is target


def test_equal_responses_are_predicted():
    fit, kernel, target = example()
    groups = ResponseGroups(fit, kernel, np.ones_like(target))
    assert np.isfinite(groups.loo_residuals).all()
