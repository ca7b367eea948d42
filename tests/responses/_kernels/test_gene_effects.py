"""Effects of genes that were never perturbed: when kernels are believed."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import KernelPerturbationRegressor


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
