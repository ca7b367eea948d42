import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from skperturb.datasets import make_biochemical_models


def libsbml_model(sbml):
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    document.checkConsistency()
    errors = [document.getError(i) for i in range(document.getNumErrors())]
    assert [e.getMessage() for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR] == []
    return document, document.getModel()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31 - 1), n_species=st.integers(2, 25))
def test_valid_and_of_the_size_asked_for(seed, n_species):
    (sbml,) = make_biochemical_models(1, n_species=n_species, random_state=seed)
    _, model = libsbml_model(sbml)
    assert model.getNumSpecies() == n_species


def test_deterministic_under_a_seed_and_different_across_seeds():
    assert make_biochemical_models(4, random_state=3) == make_biochemical_models(4, random_state=3)
    assert set(make_biochemical_models(4, random_state=3)).isdisjoint(make_biochemical_models(4, random_state=4))


def test_first_models_do_not_depend_on_the_number():
    assert make_biochemical_models(5, random_state=0)[:2] == make_biochemical_models(2, random_state=0)


def test_global_random_state_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_biochemical_models(2)
    make_biochemical_models(2, random_state=1)
    # check_random_state(None) is numpy's global generator: only there may it advance.
    np.random.set_state(("MT19937", before, *np.random.get_state()[2:]))  # noqa: NPY002
    position = np.random.get_state()[2]  # noqa: NPY002
    make_biochemical_models(2, random_state=1)
    assert np.random.get_state()[2] == position  # noqa: NPY002


def test_sizes_span_the_range():
    sizes = {sbml.count("<species ") for sbml in make_biochemical_models(60, n_species=(3, 6), random_state=0)}
    assert sizes == {3, 4, 5, 6}


def test_variety_of_structure():
    texts = make_biochemical_models(20, n_species=(10, 20), random_state=0)
    assert any("modifierSpeciesReference" in text for text in texts)
    assert any('reversible="true"' in text for text in texts)
    assert any('stoichiometry="2"' in text for text in texts)


def test_some_models_conserve_moieties():
    from scipy.linalg import null_space

    counts = []
    for sbml in make_biochemical_models(10, n_species=(8, 16), random_state=0):
        document, model = libsbml_model(sbml)
        index = {s.getId(): i for i, s in enumerate(model.getListOfSpecies())}
        stoichiometry = np.zeros((len(index), model.getNumReactions()))
        for column, reaction in enumerate(model.getListOfReactions()):
            for sign, side in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
                for reference in side:
                    stoichiometry[index[reference.getSpecies()], column] += sign * reference.getStoichiometry()
        counts.append(null_space(stoichiometry.T).shape[1])
        del document
    assert max(counts) >= 1
    assert 0 < sum(counts) < sum(16 for _ in counts)


def stoichiometry_of(model):
    """Matrix of species by reactions, and whether each reaction has reactants, and products."""
    index = {s.getId(): i for i, s in enumerate(model.getListOfSpecies())}
    matrix = np.zeros((len(index), model.getNumReactions()))
    ends = np.zeros((2, model.getNumReactions()), dtype=bool)
    for column, reaction in enumerate(model.getListOfReactions()):
        sides = (reaction.getListOfReactants(), reaction.getListOfProducts())
        for row, (sign, side) in enumerate(zip((-1, 1), sides, strict=True)):
            ends[row, column] = len(side) > 0
            for reference in side:
                matrix[index[reference.getSpecies()], column] += sign * reference.getStoichiometry()
    return matrix, ends


def test_conversions_conserve_mass():
    from scipy.optimize import linprog

    n_conversions = 0
    for sbml in make_biochemical_models(40, n_species=(6, 16), random_state=0):
        document, model = libsbml_model(sbml)
        matrix, ends = stoichiometry_of(model)
        closed = matrix[:, ends.all(axis=0)]
        # Masses >= 1 that every conversion conserves exist.
        assert linprog(np.ones(len(matrix)), A_eq=closed.T, b_eq=np.zeros(closed.shape[1]), bounds=(1, 100)).success
        n_conversions += closed.shape[1]
        del document
    assert n_conversions > 80


def test_cycles_are_the_conserved_moieties():
    n_cycles = []
    for sbml in make_biochemical_models(60, n_species=12, random_state=0):
        document, model = libsbml_model(sbml)
        matrix, ends = stoichiometry_of(model)
        degraded = (matrix[:, ends[0] & ~ends[1]] < 0).any(axis=1)
        cycling = np.flatnonzero(~degraded)
        n_cycles.append(12 - np.linalg.matrix_rank(matrix))
        assert len(cycling) == 2 * n_cycles[-1]
        del document
    # Each of 12 // 4 chances is taken with the probability .6.
    assert max(n_cycles) == 3
    assert np.mean(n_cycles) == pytest.approx(1.8, abs=0.4)


def test_constants_and_initial_values_are_log_normal():
    initial, thresholds = [], []
    for sbml in make_biochemical_models(60, random_state=0):
        document, model = libsbml_model(sbml)
        initial += [species.getInitialConcentration() for species in model.getListOfSpecies()]
        thresholds += [p.getValue() for p in model.getListOfParameters() if p.getId().startswith("K_")]
        del document
    for values, median in ((initial, 0.7), (thresholds, 1.0)):
        logarithms = np.log(values)
        assert logarithms.mean() == pytest.approx(np.log(median), abs=0.06)
        assert logarithms.std() == pytest.approx(0.5, abs=0.05)


def test_conversions_are_a_third_to_half_of_the_open_species():
    for sbml in make_biochemical_models(8, n_species=(12, 20), random_state=0):
        document, model = libsbml_model(sbml)
        sides = [
            [{reference.getSpecies() for reference in side} for side in (r.getListOfReactants(), r.getListOfProducts())]
            for r in model.getListOfReactions()
        ]
        degraded = set().union(*(reactants for reactants, products in sides if not products))
        conversions = sum(bool(products) and reactants <= degraded and bool(reactants) for reactants, products in sides)
        assert len(degraded) // 3 <= conversions <= len(degraded) // 2
        del document


def test_most_models_reach_a_steady_state(roadrunner):
    steady = 0
    models = make_biochemical_models(20, random_state=0)
    for sbml in models:
        runner = roadrunner.RoadRunner(sbml)
        runner.simulate(0, 5000, 2)
        state = np.array(runner.model.getFloatingSpeciesConcentrations())
        assert np.all(np.isfinite(state))
        assert state.max() < 1e4
        steady += np.max(np.abs(runner.model.getFloatingSpeciesConcentrationRates())) < 1e-4
    assert steady >= 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_models": 0}, r"n_models must be an integer from 1 to 10000000, got 0"),
        ({"n_models": 2.5}, r"n_models .* got 2\.5"),
        ({"n_species": 1}, r"n_species .* got 1"),
        ({"n_species": (5, 4)}, r"n_species .* got \(5, 4\)"),
        ({"n_species": (5, 6, 7)}, r"n_species .* got \(5, 6, 7\)"),
        ({"n_species": "many"}, r"n_species .* got 'many'"),
        ({"random_state": "seed"}, r"'seed' cannot be used to seed"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_biochemical_models(**arguments)
