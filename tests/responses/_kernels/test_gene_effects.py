"""Effects of genes that were never perturbed: when kernels are believed."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import KernelPerturbationRegressor
from skperturb.responses._kernels import gene_effects
from skperturb.responses._kernels.multiple_kernels import fit_multiple_kernels


def small_screen(seed):
    """15 to 40 genes whose terms say nothing about their effects."""
    rng = np.random.default_rng(seed)
    n_genes = int(rng.integers(15, 41))
    names = [f"gene{k}" for k in range(n_genes)]
    tables = {f"table {k}": pd.DataFrame(rng.random((n_genes, 40)) < 0.1, index=names) for k in range(4)}
    y = rng.normal(size=20) + rng.normal(size=(n_genes, 20)) * np.exp(0.3 * rng.normal(size=(n_genes, 1)))
    return pd.DataFrame(np.eye(n_genes), columns=names), y, tables


@pytest.mark.parametrize("seed", range(5))
def test_small_screens_are_not_worse_than_the_mean(seed):
    """By more than the interval of the difference, over all genes, each predicted from four fifths of the others."""
    X, y, tables = small_screen(seed)
    gain = np.empty(len(y))
    for test in np.array_split(np.random.default_rng(seed).permutation(len(y)), 5):
        train = np.setdiff1d(np.arange(len(y)), test)
        predicted = KernelPerturbationRegressor(gene_features=tables).fit(X.iloc[train], y[train]).predict(X.iloc[test])
        errors = [np.linalg.norm(y[test] - values, axis=1) for values in (y[train].mean(axis=0), predicted)]
        gain[test] = errors[0] - errors[1]
    assert gain.mean() > -1.96 * gain.std(ddof=1) / np.sqrt(len(gain)) - 1e-12


def test_errors_that_chose_the_weights_do_not_choose_the_kernels():
    """Leave-one-out prefers the kernels on nearly all of these screens, though they know nothing."""
    preferred = chosen = 0
    for seed in range(100, 120):
        X, y, tables = small_screen(seed)
        model = KernelPerturbationRegressor(gene_features=tables).fit(X.iloc[3:], y[3:])
        preferred += model.loo_error_["genes, kernels"] < model.loo_error_["genes, mean"]
        chosen += len(model.kernel_weights_) > 0
    assert preferred > 15
    assert chosen <= 0.6 * preferred


def test_order_of_genes_does_not_decide_whether_kernels_are_believed():
    """On screens where kernels help a little, so that another parting of the genes could decide otherwise."""
    believed = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y, tables = small_screen(100 + seed)
        y = y + 0.3 * tables["table 0"].to_numpy() @ rng.normal(size=(40, 20))
        for _ in range(3):
            order = rng.permutation(len(y))
            model = KernelPerturbationRegressor(gene_features=tables).fit(X.iloc[order, order], y[order])
            believed.append(len(model.kernel_weights_) > 0)
    believed = np.reshape(believed, (6, 3))
    assert (believed == believed[:, :1]).all()
    assert 0 < believed.sum() < believed.size


@pytest.fixture(scope="module")
def crossed_screen():
    """180 genes in six groups of one table and six of another; those alike in both respond alike, others do not."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(6, size=(2, 180))
    names = [f"gene{k}" for k in range(180)]
    tables = {
        name: pd.DataFrame(group[:, None] == np.arange(6), index=names)
        for name, group in (("first", first), ("second", second))
    }
    y = rng.normal(size=(6, 6, 20))[first, second] + 0.3 * rng.normal(size=(180, 20))
    return pd.DataFrame(np.eye(180), columns=names), y, tables


def fit_crossed(X, y, tables, **options):
    model = KernelPerturbationRegressor(gene_features=tables, **options).fit(X[:140], y[:140])
    return model, model.predict(X[140:])


def test_genes_alike_in_both_tables_respond_alike(crossed_screen, monkeypatch):
    X, y, tables = crossed_screen
    model, predicted = fit_crossed(X, y, tables)
    assert list(model.kernel_weights_.index) == ["constant", "first", "second", "squared sum"]

    def without_square(source, target, alone, **options):
        return source, fit_multiple_kernels(source, target, **options)

    monkeypatch.setattr(gene_effects, "fit_with_squared_sum", without_square)
    sums = fit_crossed(X, y, tables)[1]
    ours, plain = (np.linalg.norm(values - y[140:], axis=1).mean() for values in (predicted, sums))
    assert ours < 0.6 * plain


def test_order_of_genes_and_rotation_of_outputs_change_nothing(crossed_screen):
    X, y, tables = crossed_screen
    expected = fit_crossed(X, y, tables)[1]
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    order, columns = np.r_[rng.permutation(140), 140:180], rng.permutation(180)
    found = fit_crossed(X.iloc[order, columns], y[order] @ rotation, dict(reversed(tables.items())))[1]
    # The search stops where its steps gain little, so weights agree to some digits only.
    np.testing.assert_allclose(found @ rotation.T, expected, atol=1e-3)


@pytest.mark.parametrize("robust", [False, True])
def test_landmarks_that_span_the_square_are_exact(robust, crossed_screen, monkeypatch):
    """It has rank 36 here, one for each pair of groups."""
    X, y, tables = crossed_screen
    monkeypatch.setattr(gene_effects, "MAX_GROUPED", 0)
    exact, expected = fit_crossed(X, y, tables, robust=robust)
    few, found = fit_crossed(X, y, tables, robust=robust, n_landmarks=136)
    assert (exact.n_landmarks_, few.n_landmarks_) == (0, 136)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(few.loo_residuals_, exact.loo_residuals_, atol=1e-5)
    deviations = [model.predict(X[140:], return_std=True)[1] for model in (few, exact)]
    np.testing.assert_allclose(*deviations, rtol=1e-4)
