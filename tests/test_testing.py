"""The checks of the contract find what is broken, and refuse what they cannot check."""

import numpy as np
import pytest
import scipy.sparse as sp
from estimator_registry import NETWORKS

from skperturb.base import BaseEstimator
from skperturb.networks import DynamoDistance
from skperturb.testing import (
    CONTRACT_CHECKS,
    MATRIX_CHECKS,
    assert_equal_values,
    check_name,
    contract_checks,
    parametrize_with_contract,
)


class _Broken(DynamoDistance):
    """Breaks one promise each, to show that the checks can fail."""

    def __init__(self, directed=True, sources=None, fault="none"):
        super().__init__(directed, sources)
        self.fault = fault

    _parameter_constraints = {**DynamoDistance._parameter_constraints, "fault": [str]}  # noqa: RUF012

    def fit(self, X, y=None):
        if self.fault == "attribute":
            self.seen = 1
        if self.fault == "parameter":
            self.directed = not self.directed
        if self.fault == "clone":
            return self
        super().fit(X, y)
        if self.fault == "input":
            X[0][0, 0] += 1
        return None if self.fault == "self" else self

    def predict(self, X):
        if self.fault == "accepts":
            return super().predict(list(X.values()) if isinstance(X, dict) else list(X))
        result = super().predict(X)
        if self.fault == "order":
            result[0] = result[0] * 2
        return list(result) if self.fault == "list" else result


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        ("none", set()),
        ("self", {"check_fit_returns_self"}),
        ("attribute", {"check_fit_sets_only_fitted_attributes"}),
        ("parameter", {"check_parameters_unchanged"}),
        ("input", {"check_input_unchanged"}),
        ("order", {"check_sample_order_invariance", "check_subset_invariance"}),
        ("list", {"check_returns_object_array"}),
        ("accepts", {"check_dict_refused", "check_generator_refused"}),
    ],
)
def test_checks_find_the_fault(fault, failing):
    failed = set()
    for check in contract_checks(_Broken(fault=fault), NETWORKS.X, NETWORKS.y):
        if check_name(check) not in {one.__name__ for one in (*CONTRACT_CHECKS, *MATRIX_CHECKS)}:
            continue
        try:
            check(_Broken(fault=fault))
        except (AssertionError, AttributeError, TypeError):
            failed.add(check_name(check))
    assert failing <= failed
    assert bool(failing) == bool(failed)


def test_stateful_estimator_must_raise_before_fit():
    class Careless(BaseEstimator):
        def fit(self, X, y=None):
            return self

        def predict(self, X):
            return np.array([None] * len(X))

    check = next(c for c in contract_checks(Careless(), NETWORKS.X) if check_name(c) == "check_unfitted")
    with pytest.raises(AssertionError, match="works before fit"):
        check(Careless())


def test_class_and_too_few_samples_are_refused():
    with pytest.raises(TypeError, match="expected an instance"):
        next(contract_checks(DynamoDistance, NETWORKS.X))
    with pytest.raises(ValueError, match="at least 3"):
        next(contract_checks(DynamoDistance(), NETWORKS.X[:2]))


def test_assert_equal_values_tells_differences():
    assert_equal_values([np.eye(2)], [np.eye(2)])
    with pytest.raises(AssertionError):
        assert_equal_values([np.eye(2)], [np.eye(2) * (1 + 1e-6)])
    with pytest.raises(AssertionError):
        assert_equal_values(np.eye(2), sp.eye_array(2))


def test_decorator_parametrizes_with_every_check():
    decorator = parametrize_with_contract([(DynamoDistance(), NETWORKS.X, NETWORKS.y)])
    names, parameters = decorator.args
    assert names == ("estimator", "check")
    assert len(parameters) == 31
    assert len({parameter.id for parameter in parameters}) == 31
    for parameter in parameters:
        estimator, check = parameter.values
        assert parameter.id == f"{estimator}-{check_name(check)}"
