"""Time courses of constructs whose meaning is easy to get wrong, each against a solution worked out by hand."""

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


def test_two_algebraic_rules_share_their_unknowns():
    model = read(
        parameters={"x": 1, "y": 0, "z": 0},
        rules=[("rate", "x", "-x"), ("algebraic", "", "y + z - 5"), ("algebraic", "", "2 * z - x")],
    )
    expect(model, "y", 5 - np.exp(-TIMES) / 2)


@pytest.mark.parametrize("formula", ["x * y^2 - 1", "x - 1", "sin(y) - x"])
def test_algebraic_rules_that_cannot_be_solved_are_refused(formula):
    with pytest.raises(UnsupportedModelError, match="algebraic rule"):
        read(parameters={"x": 1, "y": 0}, rules=[("rate", "x", "-x"), ("algebraic", "", formula)])


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
