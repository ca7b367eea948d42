"""Time courses of constructs whose meaning is easy to get wrong, each against a solution worked out by hand."""

import pickle

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel

CORE = "http://www.sbml.org/sbml/level3/version2/core"
TIMES = np.array([0.0, 0.5, 1.0, 2.0])


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def many(tag, content):
    return f"<{tag}>{content}</{tag}>" if content else ""


def species(name, attributes, compartment="c"):
    flags = {"hasOnlySubstanceUnits": "false", "boundaryCondition": "false", "constant": "false"}
    given = dict(item.split("=") for item in attributes.split())
    text = " ".join(f'{key}="{value}"' for key, value in (flags | given).items())
    return f'<species id="{name}" compartment="{compartment}" {text}/>'


def reaction(name, reactants, products, rate):
    def side(tag, names):
        listed = "".join(f'<speciesReference species="{n}" stoichiometry="1" constant="true"/>' for n in names.split())
        return many(tag, listed)

    return (
        f'<reaction id="{name}" reversible="false">{side("listOfReactants", reactants)}'
        f"{side('listOfProducts', products)}<kineticLaw>{math_of(rate)}</kineticLaw></reaction>"
    )


def read(*, size=2, constant=True, parameters=None, species="", rules=(), initial=None, reactions="", tail=""):
    """A model with one compartment c and non-constant parameters; rules are (kind, symbol, formula)."""
    listed = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in (parameters or {}).items())
    ruled = "".join(
        f"<{kind}Rule{f' variable={chr(34)}{target}{chr(34)}' if target else ''}>{math_of(formula)}</{kind}Rule>"
        for kind, target, formula in rules
    )
    first = "".join(
        f'<initialAssignment symbol="{k}">{math_of(v)}</initialAssignment>' for k, v in (initial or {}).items()
    )
    compartment = f'<compartment id="c" size="{size}" spatialDimensions="3" constant="{str(constant).lower()}"/>'
    return KineticModel.from_sbml(
        f'<sbml xmlns="{CORE}" level="3" version="2"><model id="m">'
        f"<listOfCompartments>{compartment}</listOfCompartments>"
        f"{many('listOfSpecies', species)}{many('listOfParameters', listed)}{many('listOfInitialAssignments', first)}"
        f"{many('listOfRules', ruled)}{many('listOfReactions', reactions)}{tail}</model></sbml>"
    )


def expect(model, name, values, **options):
    np.testing.assert_allclose(model.simulate(TIMES, **options)[name], values, rtol=1e-6, atol=1e-9)


# -- volumes that change ---------------------------------------------------------------------------------
GROWS = ("rate", "c", "1")  # c = 2 + t


@pytest.mark.parametrize(
    "kind", ["constant=true", "boundaryCondition=true", "constant=true boundaryCondition=true", "constant=false"]
)
def test_nothing_changes_the_amount_of_an_idle_species_in_a_growing_compartment(kind):
    model = read(constant=False, rules=[GROWS], species=species("F", f"initialConcentration=5 {kind}"))
    expect(model, "F", 10 / (2 + TIMES))
    amount = read(
        constant=False, rules=[GROWS], species=species("F", f"initialAmount=5 hasOnlySubstanceUnits=true {kind}")
    )
    expect(amount, "F", np.full(4, 5.0))


def test_idle_species_in_a_growing_compartment_drives_a_reaction_by_its_concentration():
    fed = species("F", "initialConcentration=5 boundaryCondition=true") + species(
        "S", "initialAmount=0 hasOnlySubstanceUnits=true"
    )
    model = read(constant=False, rules=[GROWS], species=fed, reactions=reaction("r", "F", "S", "F"))
    expect(model, "S", 10 * np.log((2 + TIMES) / 2))


def test_rate_of_a_concentration_that_only_its_volume_changes():
    model = read(
        constant=False,
        parameters={"q": 0},
        rules=[GROWS, ("rate", "q", "rateOf(F)")],
        species=species("F", "initialConcentration=5 boundaryCondition=true"),
    )
    expect(model, "q", 10 / (2 + TIMES) - 5)


def test_reaction_in_a_compartment_under_an_assignment_rule():
    model = read(
        constant=False,
        rules=[("assignment", "c", "2 + time")],
        species=species("S", "initialConcentration=3"),
        reactions=reaction("r", "S", "", "c * S"),
    )
    expect(model, "S", 6 * np.exp(-TIMES) / (2 + TIMES))


def test_concentration_under_a_rate_rule_is_not_diluted():
    model = read(
        constant=False,
        rules=[GROWS, ("rate", "S", "1")],
        species=species("S", "initialConcentration=3 boundaryCondition=true"),
    )
    expect(model, "S", 3 + TIMES)


# -- rateOf ----------------------------------------------------------------------------------------------
def test_rate_of_an_assigned_symbol_is_its_total_derivative():
    model = read(
        parameters={"x": 1, "y": 0, "z": 0},
        rules=[("rate", "x", "-x"), ("assignment", "y", "x^2 + time"), ("rate", "z", "rateOf(y)")],
    )
    expect(model, "z", np.exp(-2 * TIMES) - 1 + TIMES)
    np.testing.assert_allclose(model.jacobian(0.0, model.x0)[list(model.variables).index("z")].max(), 0.0, atol=1e-12)


def test_rate_of_a_symbol_that_depends_on_the_rate_is_a_loop():
    with pytest.raises(InvalidModelError, match="loop"):
        read(parameters={"x": 1, "y": 0}, rules=[("rate", "x", "rateOf(y)"), ("assignment", "y", "2 * x")])


def test_rate_of_in_an_initial_assignment():
    model = read(
        parameters={"q": 0, "p": 0},
        initial={"q": "rateOf(S) + rateOf(p)"},
        rules=[("rate", "p", "7"), ("rate", "q", "0")],
        species=species("S", "initialConcentration=3"),
        reactions=reaction("r", "S", "", "c * S"),
    )
    expect(model, "q", np.full(4, -3.0 + 7.0))


# -- algebraic rules -------------------------------------------------------------------------------------
def test_algebraic_rule_determines_what_nothing_else_does():
    model = read(
        parameters={"total": 4, "free": 0},
        rules=[("algebraic", "", "S + 2 * free - 10")],
        species=species("S", "initialConcentration=3"),
        reactions=reaction("r", "S", "", "c * S * free"),
    )
    free = model.simulate(TIMES)
    np.testing.assert_allclose(free["S"] + 2 * free["free"], 10.0)
    # S' = -S (10 - S) / 2
    expect(model, "S", 10 / (1 + 7 / 3 * np.exp(5 * TIMES)))


def test_what_an_algebraic_rule_names_goes_before_what_a_rate_law_names():
    model = read(
        constant=False,
        parameters={"a": 0},
        rules=[("algebraic", "", "a - r")],
        species=species("S", "initialConcentration=3"),
        reactions=reaction("r", "S", "", "c * S"),
    )
    expect(model, "a", 2 * 3 * np.exp(-TIMES))


def test_two_algebraic_rules_share_their_unknowns():
    model = read(
        parameters={"x": 1, "y": 0, "z": 0},
        rules=[("rate", "x", "-x"), ("algebraic", "", "y + z - 5"), ("algebraic", "", "2 * z - x")],
    )
    expect(model, "y", 5 - np.exp(-TIMES) / 2)


def slopes(model, t, x):
    """Central differences of the right-hand side."""
    steps = 1e-6 * np.maximum(np.abs(x), 1e-3)
    columns = [
        (model.rhs(t, x + h * e) - model.rhs(t, x - h * e)) / (2 * h)
        for h, e in zip(steps, np.eye(len(x)), strict=True)
    ]
    return np.array(columns).T


@pytest.mark.parametrize(("guess", "sign"), [(0.7, 1), (-3, -1)])
def test_nonlinear_algebraic_rule_follows_the_branch_of_the_initial_value(guess, sign):
    model = read(parameters={"x": 1, "y": guess}, rules=[("rate", "x", "-x"), ("algebraic", "", "x * y^2 - 1")])
    expect(model, "y", sign * np.exp(TIMES / 2))
    assert model.variables == ("x",)
    values = model.evaluate([0.0, 0.0], [[1.0], [1e-6]])
    np.testing.assert_allclose(values["y"], [sign, sign * 1e3])


def test_algebraic_rule_through_an_assignment_rule_in_a_reaction():
    model = read(
        parameters={"y": 0, "a": 0},
        rules=[("algebraic", "", "a - S"), ("assignment", "a", "y^3 + y")],
        species=species("S", "initialConcentration=10"),
        reactions=reaction("r", "S", "", "c * y"),
    )
    values = model.simulate(TIMES)
    np.testing.assert_allclose(values["y"] ** 3 + values["y"], values["S"], rtol=1e-12)
    # S' = -y gives (3 y^2 + 1) y' = -y: 3/2 y^2 + ln y + t is constant
    first_integral = 1.5 * values["y"] ** 2 + np.log(values["y"]) + TIMES
    np.testing.assert_allclose(first_integral, 6 + np.log(2), rtol=1e-7)
    np.testing.assert_allclose(model.jacobian(0.0, model.x0), [[-1 / 13]])


def test_coupled_algebraic_rules_have_the_exact_jacobian_and_its_zeros():
    # (u, v) from a, then w from u and b: a does not depend on b, nor c on anything but itself
    model = read(
        parameters={"a": 4, "b": 2, "d": 1, "u": 1, "v": 3, "w": 1},
        rules=[
            ("rate", "a", "u * v"),
            ("rate", "b", "w - b"),
            ("rate", "d", "-d^2"),
            ("algebraic", "", "w * exp(w) - u * b - time"),
            ("algebraic", "", "u + v - a"),
            ("algebraic", "", "u * v - 3 - sin(time)"),
        ],
    )
    expected = np.array([[True, False, False], [True, True, False], [False, False, True]])
    # a' = u v is 3 + sin(t) along the rules; the formula still depends on a
    assert (model.jacobian_pattern.toarray() == expected).all()
    for time, state in ((0.0, model.x0), (0.7, np.array([5.0, 0.4, 0.2]))):
        np.testing.assert_allclose(model.jacobian(time, state), slopes(model, time, state), rtol=1e-6, atol=1e-8)
    values = model.simulate([0.0, 0.1, 0.2])
    np.testing.assert_allclose(values["u"] + values["v"], values["a"])
    np.testing.assert_allclose(values["w"] * np.exp(values["w"]), values["u"] * values["b"] + values.index, rtol=1e-9)
    assert model.time_dependence


def test_algebraic_rules_and_initial_assignments_are_solved_together():
    model = read(
        parameters={"x": 1, "z": 1},
        initial={"x": "2 * z"},
        rules=[("rate", "x", "-1"), ("algebraic", "", "x + z^2 - 8")],
    )
    np.testing.assert_allclose(model.x0, [4.0])
    expect(model, "z", np.sqrt(4 + TIMES))


def test_coupled_algebraic_rules_far_from_the_values_in_the_file():
    model = read(
        parameters={"x": 1, "y": 1, "z": 1},
        rules=[("rate", "x", "-y"), ("algebraic", "", "y^3 + z - x - 1"), ("algebraic", "", "z^3 + y - x")],
    )
    values = model.simulate(TIMES)
    np.testing.assert_allclose(values["y"] ** 3 + values["z"], values["x"] + 1, rtol=1e-9)
    np.testing.assert_allclose(values["z"] ** 3 + values["y"], values["x"], rtol=1e-9)


def test_size_of_a_compartment_under_an_algebraic_rule():
    model = read(
        constant=False,
        size=1,
        rules=[("algebraic", "", "c^2 - 4 - time")],
        species=species("S", "initialAmount=3"),
        reactions=reaction("r", "S", "", "c * S"),
    )
    expect(model, "c", np.sqrt(4 + TIMES))
    expect(model, "S", 3 * np.exp(-TIMES) / np.sqrt(4 + TIMES))


def test_rate_of_a_symbol_under_an_algebraic_rule():
    model = read(
        parameters={"x": 4, "y": 1, "z": 0},
        rules=[("rate", "x", "1"), ("algebraic", "", "y^2 - x"), ("rate", "z", "rateOf(y)")],
    )
    expect(model, "z", np.sqrt(4 + TIMES) - 2)
    np.testing.assert_allclose(model.jacobian(0.0, model.x0), [[0, 0], [-1 / 32, 0]])


def test_events_change_what_algebraic_rules_depend_on_and_wait_for_what_they_determine():
    trigger = '<trigger initialValue="true" persistent="true">'
    step = f'<event id="step" useValuesFromTriggerTime="true">{trigger}{math_of("y > 1.5")}</trigger>'
    step += f'<listOfEventAssignments><eventAssignment variable="k">{math_of("y * 16")}</eventAssignment>'
    tail = f"<listOfEvents>{step}</listOfEventAssignments></event></listOfEvents>"
    model = read(
        parameters={"x": 1, "k": 1, "y": 1},
        rules=[("rate", "x", "1"), ("algebraic", "", "y^2 - k * x")],
        tail=tail,
    )
    # y = sqrt(1 + t) until t = 1.25, then sqrt(24 (1 + t))
    np.testing.assert_allclose(model.simulate([1.2, 1.3])["y"], [np.sqrt(2.2), np.sqrt(24 * 2.3)], rtol=1e-7)
    np.testing.assert_allclose(model.simulate([1.2, 1.3], ignore_events=True)["y"], np.sqrt([2.2, 2.3]), rtol=1e-7)


def test_steady_state_with_an_algebraic_rule():
    model = read(
        parameters={"free": 0.1},
        rules=[("algebraic", "", "free + free^2 - A")],
        species=species("A", "initialConcentration=6") + species("B", "initialConcentration=1"),
        reactions=reaction("r", "A", "B", "c * free") + reaction("s", "B", "A", "c * B / 5"),
    )
    model = pickle.loads(pickle.dumps(model))
    rest = model.steady_state()
    # A + B = 7 and free = B / 5: 6 free + free^2 = 7
    np.testing.assert_allclose(rest.state, [2.0, 5.0], rtol=1e-8)
    assert rest.n_conservation_laws == 1
    np.testing.assert_allclose(model.jacobian(0.0, rest.state)[0], [-1 / 3, 1 / 5], rtol=1e-8)


@pytest.mark.parametrize(
    ("formulas", "error", "message"),
    [
        (["x - 1"], UnsupportedModelError, r"algebraic rule 1 \(0 = x - 1\) determines no symbol"),
        (["y - x", "y^2 - x"], UnsupportedModelError, "algebraic rule 2 .* determines no symbol"),
        (["y * z - x"], UnsupportedModelError, "'y' or 'z'"),
        (["y + z - x", "2 * x - 2 * y - 2 * z"], InvalidModelError, "cannot be solved at the start"),
        (["y^2 + x", "z - 1"], InvalidModelError, "cannot be solved at the start"),
    ],
)
def test_algebraic_rules_that_cannot_be_solved_are_refused(formulas, error, message):
    rules = [("algebraic", "", formula) for formula in formulas]
    with pytest.raises(error, match=message):
        read(parameters={"x": 1, "y": 0, "z": 0}, rules=[("rate", "x", "-x"), *rules])


def test_where_algebraic_rules_lose_their_solution_the_run_stops():
    model = read(parameters={"x": 1, "y": 1}, rules=[("rate", "x", "-1 - 0 * y"), ("algebraic", "", "y^2 - x")])
    with pytest.raises(ValueError, match=r"integration stopped.*algebraic rule 1 \(0 = y\^2 - x\): no solution"):
        model.simulate([2.0])
    assert np.isnan(model.rhs(0.0, [-1.0])).all()


# -- models without differential equations ---------------------------------------------------------------
def test_assigned_symbols_alone_make_a_time_course():
    model = read(parameters={"y": 0}, rules=[("assignment", "y", "2 * time")])
    assert model.variables == ()
    expect(model, "y", 2 * TIMES)
    with pytest.raises(ValueError, match="no variables"):
        model.steady_state()


# -- switches in time ------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_a_short_pulse_is_integrated_exactly(method):
    model = read(parameters={"x": 0}, rules=[("rate", "x", "piecewise(1e3, time >= 0.7 && time < 0.7001, 0)")])
    np.testing.assert_allclose(model.simulate([0.0, 100.0], method=method)["x"], [0.0, 0.1], rtol=1e-6)


# -- functions of MathML ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("quotient(-7, 2)", -3.0),
        ("rem(-7, 2)", -1.0),
        ("rem(7, -2)", 1.0),
        ("factorial(5)", 120.0),
        ("log(2, 8)", 3.0),
        ("log10(1000)", 3.0),
        ("root(3, 27)", 3.0),
        ("piecewise(1, time < 1, 2, time < 3, 4)", 1.0),
        ("max(1, 5, 3) - min(4, 2, 9)", 3.0),
        ("piecewise(1, implies(true, false), 0)", 0.0),
        ("piecewise(1, xor(true, true, true), 0)", 1.0),
        ("arccot(-2) + arcsec(2) + arccsc(2)", np.arctan(-0.5) + np.arccos(0.5) + np.arcsin(0.5)),
        ("arccoth(2) + arcsech(0.5) + arccsch(2)", np.arctanh(0.5) + np.arccosh(2) + np.arcsinh(0.5)),
        ("ceil(-1.5) + floor(-1.5)", -3.0),
        ("avogadro / 6.02214179e23", 1.0),
        ("exponentiale - exp(1)", 0.0),
        ("piecewise(1, 1 < 2 < 2, 0)", 0.0),
    ],
)
def test_value_of_a_formula(formula, value):
    model = read(parameters={"y": 0}, rules=[("assignment", "y", formula)])
    assert model.simulate([0.0])["y"].iloc[0] == pytest.approx(value)


def test_no_branch_of_a_piecewise_is_not_a_number():
    model = read(parameters={"y": 0}, rules=[("assignment", "y", "piecewise(1, time > 5)")])
    assert np.isnan(model.simulate([0.0])["y"].iloc[0])


# -- what may be left out --------------------------------------------------------------------------------
def without_formulas(level_version):
    text = (
        '<parameter id="x" value="1" constant="false"/><parameter id="y" value="2" constant="false"/>'
        '<parameter id="z" value="3" constant="false"/>'
    )
    rules = '<assignmentRule variable="x"/><rateRule variable="y"/><algebraicRule/>'
    level, version = level_version
    return KineticModel.from_sbml(
        f'<sbml xmlns="http://www.sbml.org/sbml/level{level}/version{version}/core" level="{level}"'
        f' version="{version}"><model><listOfParameters>{text}</listOfParameters><listOfInitialAssignments>'
        f'<initialAssignment symbol="z"/></listOfInitialAssignments><listOfRules>{rules}</listOfRules></model></sbml>'
    )


def test_rules_without_a_formula_have_no_effect_since_level_3_version_2():
    model = without_formulas((3, 2))
    assert model.simulate([0.0, 1.0])[["x", "y", "z"]].to_numpy().tolist() == 2 * [[1.0, 2.0, 3.0]]
    assert len(model.warnings) == 4
    with pytest.raises(InvalidModelError, match="rule for 'x' has no formula"):
        without_formulas((3, 1))


def test_a_model_in_which_nothing_changes_is_a_time_course_of_constants():
    model = read(parameters={"p": 2}, initial={"p": "c * 3"}, species=species("S", "initialAmount=5"))
    values = model.simulate([0.0, 7.0])
    assert values[["p", "c", "S"]].to_numpy().tolist() == 2 * [[6.0, 2.0, 2.5]]
    assert model.amounts(values)["S"].tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match="no variables"):
        model.steady_state()


# -- what is not silently ignored ------------------------------------------------------------------------
def test_constraints_are_mentioned():
    tail = f"<listOfConstraints><constraint>{math_of('y > 1')}</constraint></listOfConstraints>"
    model = read(parameters={"y": 0}, rules=[("assignment", "y", "time")], tail="")
    assert not any("constraint" in text for text in model.warnings)
    model = read(parameters={"y": 0}, rules=[("rate", "y", "1")], tail=tail)
    assert any("constraint" in text for text in model.warnings)


def test_missing_stoichiometry_is_mentioned():
    references = '<listOfReactants><speciesReference species="S" constant="true"/></listOfReactants>'
    model = read(
        species=species("S", "initialConcentration=3"),
        reactions=f'<reaction id="r" reversible="false">{references}'
        f"<kineticLaw>{math_of('c * S')}</kineticLaw></reaction>",
    )
    assert any("'S' in reaction 'r' has no stoichiometry: 1 is used" in text for text in model.warnings)
