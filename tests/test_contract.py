"""The estimator contract, over every estimator of the registry."""

from collections import Counter

import numpy as np
import pytest
from estimator_registry import ARRAYS, BATCHES, MODELS, REGISTRY, cases, need_optional, public_estimators

from skperturb._sklearn import data_free_checks
from skperturb.sbml import JacobianExtractor, KineticModel
from skperturb.testing import CONTRACT_CHECKS, MATRIX_CHECKS, check_name, contract_checks


@pytest.mark.parametrize(("estimator", "check"), cases())
def test_contract(estimator, check):
    need_optional(estimator)
    check(estimator)


def test_no_public_estimator_is_left_out():
    public = public_estimators()
    assert len(public) >= 23
    assert {type(estimator).__name__ for estimator, _ in REGISTRY} == set(public)


def test_number_of_checks():
    (marker,) = test_contract.pytestmark
    ran = Counter(id(parameter.values[0]) for parameter in marker.args[1])
    assert sum(ran.values()) >= 1056
    # 11 of scikit-learn and 17 of ours, 3 more for matrices.
    assert (len(data_free_checks()), len(CONTRACT_CHECKS), len(MATRIX_CHECKS)) == (11, 17, 3)
    for estimator, inputs in REGISTRY:
        if inputs in (ARRAYS, BATCHES):
            assert ran[id(estimator)] >= 50  # scikit-learn's own, their number depends on its version
            continue
        names = [check_name(check) for check in contract_checks(estimator, inputs.X, inputs.y)]
        assert len(names) == len(set(names)) == (31 if hasattr(inputs.X[0], "shape") else 28)
        assert set(inputs.exempt) <= set(names)
        assert ran[id(estimator)] == len(names) - len(inputs.exempt)


def test_exceptions_are_few_and_have_a_reason():
    exempt = {name: reason for _, inputs in REGISTRY for name, reason in inputs.exempt.items()}
    assert set(exempt) == {"check_returns_object_array", *BATCHES.exempt}
    assert list(BATCHES.exempt) == [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
    assert all(exempt.values())


def test_pathway_models_are_what_they_claim():
    expected = np.diag([-1.0] * 4) + np.diag([1.0] * 3, -1)
    model = KineticModel.from_sbml(MODELS.X[1])
    np.testing.assert_allclose(model.jacobian(0.0, model.x0), expected)
    np.testing.assert_allclose(np.asarray(JacobianExtractor().fit_transform(MODELS.X)[1]), expected, atol=1e-6)
