"""scikit-learn's estimator checks, with zero expected failures."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
)

ESTIMATORS = [
    AdditiveRegressor(),
    AdditiveRegressor(shrinkage="auto", fit_intercept=True),
    LinearPerturbationRegressor(),
    KernelPerturbationRegressor(max_iter=3),
    KernelPerturbationRegressor(baseline=AdditiveRegressor(), max_iter=2, robust=False),
    APPRegressor(baseline=KernelPerturbationRegressor(max_iter=3), n_models=2, max_epochs=2, hidden_dim=4),
    APPRegressor(n_models=1, max_epochs=2, hidden_dim=4, baseline="additive", embedding="random", decoder="mlp"),
]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_number_of_checks(estimator):
    assert len(list(estimator_checks_generator(estimator))) >= 50
