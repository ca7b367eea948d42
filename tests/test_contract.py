"""The estimator contract, for every estimator whose samples are no rows of a 2-D array."""

import numpy as np
import pytest
import scipy.sparse as sp

from skperturb._sklearn import data_free_checks
from skperturb.base import BaseEstimator
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation, GCNEnhancer, InfluenceNetwork
from skperturb.testing import (
    CONTRACT_CHECKS,
    MATRIX_CHECKS,
    assert_equal_values,
    check_name,
    contract_checks,
    parametrize_with_contract,
)

rng = np.random.RandomState(0)


def _networks():
    values = [rng.choice([-1.0, 0.0, 0.5], size=(n, n)) for n in (3, 5, 4, 5)]
    return [values[0], InfluenceNetwork(values[1], model_id="m"), sp.csr_array(values[2]), values[3]]


def _targets():
    return [rng.normal(size=(n, n)) for n in (3, 5, 4, 5)]


CASES = [
    (estimator, _networks(), _targets())
    for estimator in (
        DynamoDistance(),
        DynamoDistance(directed=False, sources=[0, 2]),
        DynamoPropagation(),
        DynamoPropagation(directed=False),
        DynamoFirstNeighbor(),
        DynamoFirstNeighbor(signed=False),
        GCNEnhancer(hidden_dim=4, n_layers=1, max_epochs=1, n_models=1, random_state=0),
        GCNEnhancer.published(graph="full", max_epochs=2, random_state=0),
    )
]


def _sbml(n_species):
    """A linear pathway with constant influx: dx_0/dt = 1 - x_0, dx_k/dt = x_(k-1) - x_k."""
    species = [f"s{k}" for k in range(n_species)]
    head = '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core"'
    head += f' level="3" version="1"><model id="pathway{n_species}"><listOfCompartments>'
    head += '<compartment id="cell" size="1" constant="true" spatialDimensions="3"/></listOfCompartments>'
    listed = "".join(
        f'<species id="{s}" compartment="cell" initialConcentration="0.5" boundaryCondition="false"'
        ' constant="false" hasOnlySubstanceUnits="false"/>'
        for s in species
    )
    reactions = _reaction("influx", None, species[0])
    for source, target in zip(species, [*species[1:], None], strict=True):
        reactions += _reaction(f"from_{source}", source, target)
    return f"{head}<listOfSpecies>{listed}</listOfSpecies><listOfReactions>{reactions}</listOfReactions></model></sbml>"


def _reaction(name, source, target):
    def side(kind, species):
        reference = f'<speciesReference species="{species}" stoichiometry="1" constant="true"/>'
        return f"<listOf{kind}>{reference}</listOf{kind}>" if species else ""

    factors = "<apply><times/><ci> cell </ci>" + (f"<ci> {source} </ci>" if source else "<cn> 1 </cn>") + "</apply>"
    law = f'<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">{factors}</math></kineticLaw>'
    sides = side("Reactants", source) + side("Products", target)
    return f'<reaction id="{name}" reversible="false" fast="false">{sides}{law}</reaction>'


MODELS = [_sbml(n) for n in (2, 4, 3)]
try:
    from skperturb.sbml import JacobianExtractor, KineticModel
except ImportError:  # the SBML part is being built
    EXTRACTORS = []
else:
    EXTRACTORS = [(JacobianExtractor(), MODELS, None)]


@parametrize_with_contract(CASES + EXTRACTORS)
def test_contract(estimator, check):
    check(estimator)


def test_number_of_checks():
    names = [check_name(check) for check in contract_checks(*CASES[0])]
    assert len(data_free_checks()) == 11
    assert len(CONTRACT_CHECKS) == 17
    assert len(MATRIX_CHECKS) == 3
    assert len(names) == len(set(names)) == 31
    assert len(test_contract.pytestmark[0].args[1]) == 31 * len(CASES) + 28 * len(EXTRACTORS)


@pytest.mark.skipif(not EXTRACTORS, reason="skperturb.sbml has no JacobianExtractor yet")
def test_pathway_models_are_what_they_claim():
    expected = np.diag([-1.0] * 4) + np.diag([1.0] * 3, -1)
    model = KineticModel.from_sbml(MODELS[1])
    np.testing.assert_allclose(model.jacobian(0.0, model.x0), expected)
    np.testing.assert_allclose(np.asarray(JacobianExtractor().fit_transform(MODELS)[1]), expected, atol=1e-6)


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
    for check in contract_checks(_Broken(fault=fault), _networks(), _targets()):
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

    check = next(c for c in contract_checks(Careless(), _networks()) if check_name(c) == "check_unfitted")
    with pytest.raises(AssertionError, match="works before fit"):
        check(Careless())


def test_class_and_too_few_samples_are_refused():
    with pytest.raises(TypeError, match="expected an instance"):
        next(contract_checks(DynamoDistance, _networks()))
    with pytest.raises(ValueError, match="at least 3"):
        next(contract_checks(DynamoDistance(), _networks()[:2]))


def test_assert_equal_values_tells_differences():
    assert_equal_values([np.eye(2)], [np.eye(2)])
    with pytest.raises(AssertionError):
        assert_equal_values([np.eye(2)], [np.eye(2) * (1 + 1e-6)])
    with pytest.raises(AssertionError):
        assert_equal_values(np.eye(2), sp.eye_array(2))
