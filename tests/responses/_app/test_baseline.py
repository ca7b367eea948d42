"""Baselines of `APPRegressor`: any regressor, and one that knows the variance of its errors."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

from skperturb.responses import AdditiveRegressor, APPRegressor, KernelPerturbationRegressor
from skperturb.responses._app.baseline import VarianceBaseline, fit_baseline

QUICK = {"n_models": 2, "max_epochs": 2, "hidden_dim": 4, "random_state": 0}


class Mean(RegressorMixin, BaseEstimator):
    """The mean of the training responses, by a stranger who imports nothing of skperturb."""

    def fit(self, X, y):
        self.n_features_in_ = np.shape(X)[1]
        self.mean_, self.variance_ = np.mean(y, axis=0), np.var(y, axis=0)
        return self

    def predict(self, X):
        return np.tile(self.mean_, (len(X), 1))

    def predict_values(self, X):
        return np.tile(self.mean_, (len(X), 1))

    def predict_variance(self, X):
        return np.outer(1.0 + X.sum(axis=1), self.variance_)


class MeanWithResiduals(Mean):
    """Says that it leaves nothing over."""

    def fit(self, X, y):
        super().fit(X, y)
        self.loo_residuals_ = np.zeros_like(np.asarray(y))
        return self


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    X = (rng.uniform(size=(40, 6)) < 0.5).astype(float)
    return X, rng.normal(size=(40, 3))


def test_who_knows_its_variance():
    assert isinstance(KernelPerturbationRegressor(), VarianceBaseline)
    assert isinstance(Mean(), VarianceBaseline)
    assert not isinstance(AdditiveRegressor(), VarianceBaseline)
    assert not isinstance(Ridge(), VarianceBaseline)


def test_variance_of_a_strangers_baseline(pairs):
    """The correction is useless here, so what is left is the baseline's own deviation."""
    X, y = pairs
    model = APPRegressor(baseline=Mean(), **QUICK).fit(X, y)
    assert model.correction_weight_ == 0.0
    mean, deviation = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, np.tile(y.mean(axis=0), (40, 1)))
    np.testing.assert_allclose(deviation**2, np.outer(1.0 + X.sum(axis=1), y.var(axis=0)))


def test_variance_of_any_other_baseline(pairs):
    """One for all conditions: the mean square of the held-out errors."""
    X, y = pairs
    model = APPRegressor(baseline=Ridge(), **QUICK).fit(X, y)
    deviation = model.predict(X, return_std=True)[1]
    assert model.correction_weight_ == 0.0
    residual = fit_baseline(Ridge(), None, None, X, y, range(6)).residual
    np.testing.assert_allclose(deviation, np.tile(np.sqrt(np.mean(residual**2, axis=0)), (40, 1)))


def test_held_out_errors_of_a_strangers_baseline(pairs):
    X, y = pairs
    fitted = fit_baseline(MeanWithResiduals(), None, None, X, y, range(6))
    assert fitted.mode == "combinations"
    np.testing.assert_array_equal(fitted.rows, np.flatnonzero(X.sum(axis=1) > 1))
    assert (fitted.residual == 0).all()
    refitted = fit_baseline(Mean(), None, None, X, y, range(6)).residual
    assert (np.abs(refitted - (y - y.mean(axis=0))[fitted.rows]).max(axis=1) > 0).all()


def test_values_of_the_kernel_model_are_its_predictions(pairs):
    X, y = pairs
    names = list("abcdef")
    model = KernelPerturbationRegressor(max_iter=3).fit(pd.DataFrame(X, columns=names), y)
    mean, deviation = model.predict(pd.DataFrame(X, columns=names), return_std=True)
    np.testing.assert_array_equal(model.predict_values(X), mean)
    np.testing.assert_array_equal(np.sqrt(model.predict_variance(X)), deviation)
