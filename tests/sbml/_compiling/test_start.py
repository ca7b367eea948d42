"""Other parameters and initial values by name: what follows from them, and what is refused."""

import pickle

import libsbml
import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml import KineticModel, antimony_to_sbml


def model_of(text):
    return KineticModel.from_sbml(antimony_to_sbml(text))


@pytest.fixture
def dependent():
    antimony = """
    model dependent
      compartment cell = 2;
      species A in cell, B in cell, $S in cell;
      A = total - B; B = 1; S = 4;
      total = 10; base = 0.5; k = 2 * base;
      ruled := k + S;
      J1: A -> B; k*A*S;
      J2: B -> A; q*B*ruled;
      q = 3;
    end
    """
    return model_of(antimony)


def test_initial_assignments_are_evaluated_anew(dependent):
    assert dict(zip(dependent.variables, dependent.x0, strict=True)) == {"A": 9.0, "B": 1.0}
    changed = dependent.with_parameters({"total": 20.0, "base": 3.0})
    assert dict(zip(changed.variables, changed.x0, strict=True)) == {"A": 19.0, "B": 1.0}
    assert changed.parameters["k"] == 6.0
    assert dependent.parameters["k"] == 1.0, "the model itself has changed"
    assert changed.with_initial({"B": 5.0}).x0.tolist() == [15.0, 5.0]


def test_a_value_of_its_own_replaces_an_initial_assignment(dependent):
    changed = dependent.with_parameters({"k": 7.0}).with_parameters({"base": 100.0})
    assert changed.parameters["k"] == 7.0
    own = dependent.with_initial({"A": 3.0}).with_parameters({"total": 50.0})
    assert own.x0[own.variables.index("A")] == 3.0


def test_rules_and_rates_follow(dependent):
    changed = dependent.with_parameters({"S": 6.0})
    row = changed.evaluate([0.0], [changed.x0]).iloc[0]
    assert row["ruled"] == 7.0
    assert row["J1"] == 1.0 * 9.0 * 6.0
    assert changed.rhs(0.0, changed.x0) == pytest.approx(
        np.array([-1.0, 1.0]) * (1.0 * 9.0 * 6.0 - 3.0 * 1.0 * 7.0) / 2.0
    )


def test_the_size_of_a_compartment_acts_on_laws_and_concentrations():
    text = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
    <listOfCompartments><compartment id="c" size="2"/></listOfCompartments>
    <listOfSpecies><species id="A" compartment="c" initialAmount="6"/>
    <species id="B" compartment="c" initialConcentration="1"/></listOfSpecies>
    <listOfReactions><reaction id="r"><listOfReactants><speciesReference species="A"/></listOfReactants>
    <listOfProducts><speciesReference species="B"/></listOfProducts>
    <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>A</ci></math></kineticLaw></reaction>
    </listOfReactions></model></sbml>"""
    model = KineticModel.from_sbml(text)
    changed = model.with_parameters({"c": 3.0})
    assert model.x0.tolist() == [3.0, 1.0]
    assert changed.x0.tolist() == [2.0, 1.0]
    assert changed.volumes.tolist() == [3.0, 3.0]
    assert model.volumes.tolist() == [2.0, 2.0]
    assert changed.rhs(0.0, changed.x0) == pytest.approx([-2.0 / 3.0, 2.0 / 3.0])


def test_stoichiometry_and_conversion_factors_follow():
    text = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    <model id="m"><listOfCompartments><compartment id="c" size="1" constant="true"/></listOfCompartments>
    <listOfSpecies><species id="A" compartment="c" initialAmount="6" hasOnlySubstanceUnits="true"
     boundaryCondition="false" constant="false" conversionFactor="f"/></listOfSpecies>
    <listOfParameters><parameter id="f" value="2" constant="true"/><parameter id="n" value="3" constant="true"/>
    </listOfParameters>
    <listOfInitialAssignments><initialAssignment symbol="sr"><math xmlns="http://www.w3.org/1998/Math/MathML">
    <ci>n</ci></math></initialAssignment></listOfInitialAssignments>
    <listOfReactions><reaction id="r" reversible="false" fast="false"><listOfProducts>
    <speciesReference id="sr" species="A" stoichiometry="1" constant="true"/></listOfProducts>
    <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>1</cn></math></kineticLaw></reaction>
    </listOfReactions></model></sbml>"""
    model = KineticModel.from_sbml(text)
    assert model.stoichiometry.toarray().tolist() == [[6.0]]
    changed = model.with_parameters({"n": 5.0, "f": 10.0})
    assert changed.stoichiometry.toarray().tolist() == [[50.0]]
    assert changed.rhs(0.0, changed.x0).tolist() == [50.0]
    assert changed.structure.stoichiometry.to_numpy().tolist() == [[5.0]]
    assert model.with_parameters({"n": 0.0}).stoichiometry.nnz == 0
    assert model.stoichiometry.toarray().tolist() == [[6.0]]


def test_algebraic_rules_are_solved_with_the_new_values():
    text = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    <model id="m"><listOfParameters><parameter id="y" value="1" constant="false"/>
    <parameter id="a" value="8" constant="true"/><parameter id="z" constant="false"/></listOfParameters>
    <listOfInitialAssignments><initialAssignment symbol="z"><math xmlns="http://www.w3.org/1998/Math/MathML">
    <apply><times/><ci>y</ci><cn>2</cn></apply></math></initialAssignment></listOfInitialAssignments>
    <listOfRules><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/>
    <apply><power/><ci>y</ci><cn>3</cn></apply><ci>a</ci></apply></math></algebraicRule>
    <rateRule variable="z"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/><ci>z</ci></apply></math>
    </rateRule></listOfRules></model></sbml>"""
    model = KineticModel.from_sbml(text)
    assert model.x0 == pytest.approx([4.0])
    changed = model.with_parameters({"a": 27.0})
    assert changed.x0 == pytest.approx([6.0])
    assert changed.evaluate([0.0], [changed.x0])["y"][0] == pytest.approx(3.0)
    with pytest.raises(ValueError, match=r"'y' is determined by a rule.*'a'"):
        model.with_parameters({"y": 1.0})


def test_events_stay_and_use_the_new_values():
    model = model_of("model m; x = 1; d = 2; x' = 0*x; E: at time > 1: x = d; end")
    changed = model.with_parameters({"d": 5.0})
    assert changed.event_ids == model.event_ids
    assert changed.simulate([2.0])["x"].iloc[0] == 5.0
    assert model.simulate([2.0])["x"].iloc[0] == 2.0


def test_everything_given_is_the_identity():
    for source in load_textbook_models().data:
        model = KineticModel.from_sbml(source)
        same = model.with_parameters(model.parameters).with_initial(dict(zip(model.variables, model.x0, strict=True)))
        assert np.array_equal(same.x0, model.x0)
        assert same.parameters.equals(model.parameters)
        assert np.array_equal(same.rhs(0.0, same.x0), model.rhs(0.0, model.x0))
        assert (same.stoichiometry != model.stoichiometry).nnz == 0


def test_compiled_functions_are_shared_and_pickles_work(dependent):
    dependent.rhs(0.0, dependent.x0)
    changed = dependent.with_parameters({"S": 6.0})
    assert changed._rhs._function is dependent._rhs._function
    again = pickle.loads(pickle.dumps(changed)).with_parameters({"base": 3.0})
    assert again.parameters[["S", "k"]].tolist() == [6.0, 6.0]
    assert again.rhs(0.0, again.x0) == pytest.approx(changed.with_parameters({"base": 3.0}).rhs(0.0, again.x0))


def test_a_model_that_goes_on_keeps_its_state(dependent):
    later = dependent.continued(5.0, [4.0, 6.0], dependent.parameters.to_list())
    changed = later.with_parameters({"total": 100.0, "base": 9.0})
    assert changed.x0.tolist() == [4.0, 6.0]
    assert changed.parameters["k"] == dependent.parameters["k"]
    assert changed.start_time == 5.0


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        ("with_parameters", {"bose": 1.0}, r"'bose' is not a parameter of the model \(did you mean 'base'\?\)"),
        ("with_parameters", {"ruled": 1.0}, r"'ruled' is determined by a rule.*change what it is computed from: .*'k'"),
        ("with_parameters", {"A": 1.0}, r"'A' is not a parameter of the model but a variable.*with_initial"),
        ("with_parameters", {"J1": 1.0}, r"'J1' is not a parameter of the model but a reaction.*Intervention"),
        ("with_parameters", {"S": -1.0}, r"\['S'\] is -1, a negative amount"),
        ("with_parameters", {"cell": 0.0}, r"\['cell'\] is 0, the size of a compartment"),
        ("with_parameters", {"k": np.nan}, r"\['k'\] is nan; expected a finite number"),
        ("with_parameters", {"k": "2"}, r"\['k'\] is '2'; expected a finite number"),
        ("with_parameters", {3: 1.0}, r"3 is not a parameter.*expected an id"),
        ("with_initial", {"S": 1.0}, r"'S' is not a variable of the model but stays constant.*with_parameters"),
        ("with_initial", {"ruled": 1.0}, "'ruled' is determined by a rule"),
        ("with_initial", {"A": -1.0}, "negative amount"),
        ("with_initial", {"a": 1.0}, r"did you mean 'A'"),
    ],
)
def test_bad_changes_are_named(dependent, method, values, message):
    with pytest.raises(ValueError, match=message):
        getattr(dependent, method)(values)


def test_local_parameters_are_found_by_their_own_name():
    source = load_textbook_models().data[0]
    document = libsbml.readSBMLFromString(source)
    law = document.getModel().getReaction(0).getKineticLaw()
    parameter = law.createLocalParameter() if document.getLevel() > 2 else law.createParameter()
    parameter.setId("own_rate")
    parameter.setValue(2.0)
    reaction = document.getModel().getReaction(0).getId()
    model = KineticModel.from_sbml(libsbml.writeSBMLToString(document))
    with pytest.raises(ValueError, match=f"did you mean '{reaction}.own_rate'"):
        model.with_parameters({"own_rate": 1.0})
    assert model.with_parameters({f"{reaction}.own_rate": 1.0}).parameters[f"{reaction}.own_rate"] == 1.0


def test_what_is_no_mapping_is_refused(dependent):
    with pytest.raises(TypeError, match="expected a mapping of names to numbers"):
        dependent.with_parameters([1.0])


def test_derivatives_of_initial_values_against_differences(dependent):
    start = dependent._system.start
    values = np.array([*dependent.x0, *dependent.parameters])
    chosen = [start.names.index(name) for name in ("total", "base", "B", "k")]
    exact = start.derivatives(values, set(), chosen)
    for column, leaf in enumerate(chosen):
        ends = []
        for step in (1e-6, -1e-6):
            moved = values.copy()
            moved[leaf] += step
            start.follow(moved, {leaf}, {leaf})
            ends.append(moved)
        assert exact[:, column] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


@pytest.mark.real_data
def test_changed_files_and_changed_models_agree(data_home):
    n_models = n_followed = 0
    for path in sorted((data_home / "biomodels").glob("*.xml"))[::9]:
        document = libsbml.readSBMLFromFile(str(path))
        try:
            model = KineticModel.from_sbml(path)
        except UnsupportedModelError:
            continue
        if model._system.start.problem:
            continue
        changes = {}
        start = model._system.start
        needed = {start.names[leaf] for node in start.formulas.values() for leaf in start.leaves_of(node)}
        # Those first from which others follow.
        for parameter in sorted(document.getModel().getListOfParameters(), key=lambda item: item.getId() not in needed):
            name = parameter.getId()
            if name in model.parameters.index and parameter.isSetValue() and len(changes) < 8:
                changes[name] = 1.25 * model.parameters[name] + 0.125
                parameter.setValue(changes[name])
                document.getModel().removeInitialAssignment(name)
        if not changes:
            continue
        expected = KineticModel.from_sbml(libsbml.writeSBMLToString(document))
        got = model.with_parameters(changes)
        assert got.parameters.to_numpy() == pytest.approx(expected.parameters.to_numpy(), rel=1e-14, nan_ok=True)
        assert got.x0 == pytest.approx(expected.x0, rel=1e-14, nan_ok=True)
        assert got.volumes == pytest.approx(expected.volumes, rel=1e-14)
        n_models += 1
        n_followed += int((got.parameters != model.parameters).sum() + (got.x0 != model.x0).sum() > len(changes))
    assert n_models >= 15
    assert n_followed >= 2
