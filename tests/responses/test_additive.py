"""Additive model: known answers."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor


def test_additive_adds(additive_screen):
    X, y, effects = additive_screen()
    model = AdditiveRegressor().fit(X[:14], y[:14])
    np.testing.assert_allclose(model.effects_, effects)
    pd.testing.assert_frame_equal(model.predict(X), y)


def test_additive_averages_replicates_and_scales_doses():
    model = AdditiveRegressor().fit([[1.0, 0], [1.0, 0], [0, 2.0]], [[1.0], [3.0], [4.0]])
    np.testing.assert_allclose(model.predict([[1, 0], [0, 1], [1, 1], [0, 0]]), [[2], [2], [4], [0]])


def test_additive_shrinkage_and_intercept(additive_screen):
    X, y, _ = additive_screen(slope=0.6)
    assert AdditiveRegressor("auto").fit(X, y).shrinkage_ == pytest.approx(0.6)
    y.iloc[14:] += np.arange(6.0)
    model = AdditiveRegressor("auto", fit_intercept=True).fit(X, y)
    assert model.shrinkage_ == pytest.approx(0.6)
    np.testing.assert_allclose(model.intercept_, np.arange(6.0), atol=1e-9)
    np.testing.assert_allclose(model.predict(X), y)


def test_additive_solves_for_genes_seen_only_in_pairs(additive_screen):
    X, y, effects = additive_screen()
    model = AdditiveRegressor(alpha=1e-8).fit(X.iloc[2:], y.iloc[2:])
    np.testing.assert_allclose(model.effects_, effects, atol=1e-6)
