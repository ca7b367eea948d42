"""What each SBML construct means, on small models with known answers."""

import math
import pickle

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel

NAMESPACE = "http://www.sbml.org/sbml/level3/version2/core"


def math_of(formula):
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, libsbml.getLastParseL3Error()
    text = libsbml.writeMathMLToString(tree)
    return text.split("?>", 1)[1]


def species(name, amount=None, conc=None, *, compartment="c", hosu=False, boundary=False, constant=False, extra=""):
    value = "" if amount is None else f' initialAmount="{amount}"'
    value += "" if conc is None else f' initialConcentration="{conc}"'
    flags = f'hasOnlySubstanceUnits="{str(hosu).lower()}" boundaryCondition="{str(boundary).lower()}"'
    return (
        f'<species id="{name}" compartment="{compartment}"{value} {flags} constant="{str(constant).lower()}" {extra}/>'
    )


def side(references):
    return "".join(
        f'<speciesReference species="{name}" stoichiometry="{number}" constant="{"false" if ref else "true"}"'
        f"{f' id={chr(34)}{ref}{chr(34)}' if ref else ''}/>"
        for name, number, ref in ((*item, *(1, None)[len(item) - 1 :]) for item in references)
    )


def reaction(name, reactants, products, rate, *, modifiers=(), local=None, fast=False):
    parameters = "".join(f'<localParameter id="{k}" value="{v}"/>' for k, v in (local or {}).items())
    parts = [f'<reaction id="{name}" reversible="false"{" fast=" + chr(34) + "true" + chr(34) if fast else ""}>']
    if reactants:
        parts.append(f"<listOfReactants>{side(reactants)}</listOfReactants>")
    if products:
        parts.append(f"<listOfProducts>{side(products)}</listOfProducts>")
    if modifiers:
        inner = "".join(f'<modifierSpeciesReference species="{m}"/>' for m in modifiers)
        parts.append(f"<listOfModifiers>{inner}</listOfModifiers>")
    local_text = f"<listOfLocalParameters>{parameters}</listOfLocalParameters>" if parameters else ""
    if rate is not None:
        parts.append(f"<kineticLaw>{math_of(rate)}{local_text}</kineticLaw>")
    return "".join(parts) + "</reaction>"


def sbml(
    *,
    species=(),
    reactions=(),
    parameters=None,
    varying=None,
    rules=(),
    initial=(),
    functions=None,
    compartments=(("c", 1.0, True, 3),),
    model_extra="",
    tail="",
):
    def section(tag, content):
        return f"<{tag}>{content}</{tag}>" if content else ""

    cells = "".join(
        f'<compartment id="{i}" spatialDimensions="{d}" {"" if v is None else f"size={chr(34)}{v}{chr(34)}"} '
        f'constant="{str(k).lower()}"/>'
        for i, v, k, d in compartments
    )
    values = [(k, v, "true") for k, v in (parameters or {}).items()]
    values += [(k, v, "false") for k, v in (varying or {}).items()]
    quantities = "".join(
        f'<parameter id="{k}" constant="{c}"{"" if v is None else f" value={chr(34)}{v}{chr(34)}"}/>'
        for k, v, c in values
    )
    rule_text = "".join(
        f'<{kind}Rule variable="{target}">{math_of(formula)}</{kind}Rule>' for kind, target, formula in rules
    )
    initial_text = "".join(
        f'<initialAssignment symbol="{target}">{math_of(formula)}</initialAssignment>' for target, formula in initial
    )
    function_text = "".join(
        f'<functionDefinition id="{k}">{math_of(v)}</functionDefinition>' for k, v in (functions or {}).items()
    )
    body = (
        section("listOfFunctionDefinitions", function_text)
        + section("listOfCompartments", cells)
        + section("listOfSpecies", "".join(species))
        + section("listOfParameters", quantities)
        + section("listOfInitialAssignments", initial_text)
        + section("listOfRules", rule_text)
        + section("listOfReactions", "".join(reactions))
        + tail
    )
    return f'<sbml xmlns="{NAMESPACE}" level="3" version="2"><model id="m" {model_extra}>{body}</model></sbml>'


def rate_of(formula, **kwargs):
    """Right-hand side of dq/dt = formula at t = 2, q = 0.7, with k = 3."""
    text = sbml(parameters={"k": 3}, varying={"q": 0.7}, rules=[("rate", "q", formula)], **kwargs)
    model = KineticModel.from_sbml(text)
    return model.rhs(2.0, model.x0)[0], model.jacobian(2.0, model.x0)[0, 0]


# -- species symbols ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("declared", "dimensions", "x0", "slope", "volume"),
    [
        (species("A", amount=6), 3, 3.0, -3 * 5 / 2, 2.0),
        (species("A", conc=3), 3, 3.0, -3 * 5 / 2, 2.0),
        (species("A", amount=6, hosu=True), 3, 6.0, -6 * 5, 1.0),
        (species("A", conc=3, hosu=True), 3, 6.0, -6 * 5, 1.0),
        (species("A", amount=6), 0, 3.0, -3 * 5 / 2, 2.0),
        (species("A", amount=6), None, 6.0, -6 * 5, 1.0),
    ],
)
def test_concentration_and_amount(declared, dimensions, x0, slope, volume):
    # None stands for a point without dimensions and size: in Level 3 even one without dimensions may have a size
    text = sbml(
        species=[declared],
        reactions=[reaction("r", [("A",)], [], "5 * A")],
        compartments=[("c", None if dimensions is None else 2.0, True, dimensions or 0)],
    )
    model = KineticModel.from_sbml(text)
    assert model.x0 == pytest.approx([x0])
    values = model.evaluate([0.0], [model.x0])
    assert model.amounts(values)["A"].tolist() == pytest.approx([6.0])
    concentration = np.nan if dimensions is None else 3.0
    assert model.concentrations(values)["A"].tolist() == pytest.approx([concentration], nan_ok=True)
    assert values["r"].tolist() == pytest.approx([-slope * volume])
    assert model.rhs(0, model.x0) == pytest.approx([slope])
    assert model.jacobian(0, model.x0) == pytest.approx(np.array([[slope / x0]]))
    assert model.volumes == pytest.approx([volume])


def test_varying_compartment_keeps_amounts():
    text = sbml(
        species=[species("A", conc=3)],
        reactions=[reaction("r", [("A",)], [], "5 * A * c")],
        compartments=[("c", 2.0, False, 3)],
        rules=[("rate", "c", "0.5")],
    )
    model = KineticModel.from_sbml(text)
    assert model.variables == ("A", "c")
    assert model.x0 == pytest.approx([6.0, 2.0])
    assert model.rhs(0, [6.0, 2.0]) == pytest.approx([-30.0, 0.5])
    assert model.volumes == pytest.approx([1.0, 1.0])
    assert model.evaluate([0.0], [[6.0, 2.0]])["A"].iloc[0] == pytest.approx(3.0)
    # d[A]/dt = -5 [A] - [A] c'/c, so its slope in [A] is -5 - 0.25; c is no state of the convention
    names, jacobian = model.dynamo_jacobian(0.0, [6.0, 2.0])
    assert names == ("A",)
    assert jacobian == pytest.approx(np.array([[-5.25]]))


def test_compartment_under_an_assignment_rule():
    text = sbml(
        species=[species("A", amount=6), species("B", amount=1)],
        reactions=[reaction("r", [("A",)], [("B",)], "A")],
        compartments=[("c", None, False, 3)],
        rules=[("assignment", "c", "2 + time")],
    )
    model = KineticModel.from_sbml(text)
    assert model.x0 == pytest.approx([6.0, 1.0])
    assert model.rhs(1.0, [6.0, 1.0]) == pytest.approx([-2.0, 2.0])
    assert model.time_dependence == ("c",)


def test_boundary_and_constant_species_are_parameters():
    text = sbml(
        species=[
            species("A", amount=1),
            species("B", amount=2, boundary=True),
            species("C", amount=3, constant=True, boundary=True),
            species("E", amount=4),
        ],
        reactions=[reaction("r", [("B",), ("C",)], [("A",)], "B * C * E", modifiers=["E"])],
    )
    model = KineticModel.from_sbml(text)
    assert model.variables == ("A",)
    assert model.rhs(0, model.x0) == pytest.approx([24.0])
    assert model.parameters[["B", "C", "E"]].tolist() == [2, 3, 4]
    assert model.structure.boundary.to_dict() == {"A": False, "B": True, "C": True, "E": False}


def test_boundary_species_under_a_rate_rule_is_a_state():
    text = sbml(
        species=[species("A", amount=1), species("B", amount=2, boundary=True)],
        reactions=[reaction("r", [("B",)], [("A",)], "B")],
        rules=[("rate", "B", "-3 * B")],
    )
    model = KineticModel.from_sbml(text)
    assert model.variables == ("A", "B")
    assert model.rhs(0, model.x0) == pytest.approx([2.0, -6.0])
    assert model.is_rate_rule.tolist() == [False, True]
    assert model.stoichiometry.toarray().tolist() == [[1.0], [0.0]]


def test_conversion_factors():
    text = sbml(
        species=[species("A", amount=1), species("B", amount=1, extra='conversionFactor="f"')],
        reactions=[reaction("r", [("A",)], [("B", 2)], "A")],
        parameters={"f": 10, "g": 3},
        model_extra='conversionFactor="g"',
    )
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, model.x0) == pytest.approx([-3.0, 20.0])
    assert model.stoichiometry.toarray().ravel().tolist() == [-3.0, 20.0]
    assert model.structure.stoichiometry["r"].tolist() == [-1.0, 2.0]


def test_species_on_both_sides_cancels():
    text = sbml(
        species=[species("A", amount=1), species("E", amount=2)],
        reactions=[reaction("r", [("A",), ("E",)], [("E",)], "A * E")],
    )
    model = KineticModel.from_sbml(text)
    assert model.variables == ("A", "E")
    assert model.rhs(0, model.x0).tolist() == [-2.0, 0.0]
    assert model.jacobian_pattern.toarray().tolist() == [[True, True], [False, False]]


def test_variable_stoichiometry():
    text = sbml(
        species=[species("A", amount=2), species("B", amount=0)],
        reactions=[reaction("r", [("A",)], [("B", 1, "n")], "A")],
        rules=[("assignment", "n", "2 * A")],
    )
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, model.x0) == pytest.approx([-2.0, 8.0])
    assert model.jacobian(0, model.x0) == pytest.approx(np.array([[-1.0, 0], [8.0, 0]]))
    # no constant stoichiometry: nothing that a conservation law could be read from
    assert model.is_rate_rule.tolist() == [False, True]
    assert model.stoichiometry.toarray().tolist() == [[-1.0], [0.0]]


def test_stoichiometry_from_an_initial_assignment():
    text = sbml(
        species=[species("A", amount=2), species("B", amount=0)],
        reactions=[reaction("r", [("A",)], [("B", 1, "n")], "A")],
        initial=[("n", "4 + 1")],
    )
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, model.x0) == pytest.approx([-2.0, 10.0])
    assert model.stoichiometry.toarray().ravel().tolist() == [-1.0, 5.0]


def test_level_2_stoichiometry_math():
    text = f"""<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
    <listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
    <listOfSpecies><species id="A" compartment="c" initialAmount="1"/></listOfSpecies>
    <listOfParameters><parameter id="n" value="3"/></listOfParameters>
    <listOfReactions><reaction id="r"><listOfProducts><speciesReference species="A"><stoichiometryMath>
    {math_of("2 * n")}</stoichiometryMath></speciesReference></listOfProducts>
    <kineticLaw>{math_of("5 + 0 * A")}</kineticLaw></reaction></listOfReactions></model></sbml>"""
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, model.x0) == pytest.approx([30.0])
    assert model.stoichiometry.toarray().tolist() == [[6.0]]


# -- initial values -----------------------------------------------------------------------------------
def test_initial_assignments_and_rules_in_dependency_order():
    text = sbml(
        species=[species("A", amount=1)],
        reactions=[reaction("r", [("A",)], [], "k * A")],
        parameters={"k": None, "a": 2},
        varying={"b": None, "d": None},
        initial=[("A", "b + 1"), ("k", "A * 10")],
        rules=[("assignment", "b", "d * a"), ("assignment", "d", "a + 1 + time")],
    )
    model = KineticModel.from_sbml(text)
    assert model.x0.tolist() == [7.0]
    assert model.parameters["k"] == 70.0
    assert model.rhs(0, model.x0).tolist() == [-490.0]


def test_missing_values_are_named_and_zero():
    text = sbml(
        species=[species("A")],
        reactions=[reaction("r", [("A",)], [], "k * A * u", local={})],
        parameters={"k": None, "u": 1},
        compartments=[("c", None, True, 3)],
    )
    model = KineticModel.from_sbml(text)
    assert model.x0.tolist() == [0.0]
    assert [word in " ".join(model.warnings) for word in ("'A'", "'k'", "compartment 'c'")] == [True] * 3
    assert "'u'" not in " ".join(model.warnings)


def test_nan_and_infinity_survive_folding():
    value, slope = rate_of("0 * inf + q")
    assert math.isnan(value)
    assert slope == 1.0
    value, _ = rate_of("-inf + q")
    assert value == -math.inf


# -- formulas -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("time * q", 1.4),
        ("avogadro * q", 6.02214179e23 * 0.7),
        ("log(2, q)", math.log2(0.7)),
        ("log10(q)", math.log10(0.7)),
        ("ln(q)", math.log(0.7)),
        ("root(3, q)", 0.7 ** (1 / 3)),
        ("sqrt(q)", 0.7**0.5),
        ("factorial(k) * q", 4.2),
        ("factorial(q)", math.gamma(1.7)),
        ("ceil(q) + floor(q) + q", 1.7),
        ("quotient(-7 * q, 2) + q", -2 + 0.7),
        ("rem(-7 * q, 2)", math.fmod(-4.9, 2)),
        ("min(q, k, 5)", 0.7),
        ("max(q, k * q, 2)", 2.1),
        ("abs(-q)", 0.7),
        ("q ^ k", 0.7**3),
        ("k ^ q", 3**0.7),
        ("q ^ q", 0.7**0.7),
        ("exp(q) * exponentiale * pi", math.exp(1.7) * math.pi),
        ("piecewise(1, q > 2, q * 2, q > 0.5, 9)", 1.4),
        ("piecewise(q, implies(q > 1, q > 2), 0)", 0.7),
        ("piecewise(q, xor(q > 0, q > 1, q > 2), 0)", 0.7),
        ("piecewise(q, (q != 1) && !(q < 0) || false, 0)", 0.7),
        ("q + (k > 2)", 1.7),
        ("piecewise(q, k, 0)", 0.7),
        ("piecewise(q, 0 < q < 1 , 0)", 0.7),
        *[(f"{name}(q)", getattr(math, name)(0.7)) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")],
        *[(f"arc{name}(q)", getattr(math, f"a{name}")(0.7)) for name in ("sin", "cos", "tan", "sinh", "tanh")],
        ("arccosh(1 + q)", math.acosh(1.7)),
        ("sec(q) + csc(q) + cot(q)", 1 / math.cos(0.7) + 1 / math.sin(0.7) + 1 / math.tan(0.7)),
        ("sech(q) + csch(q) + coth(q)", 1 / math.cosh(0.7) + 1 / math.sinh(0.7) + 1 / math.tanh(0.7)),
        ("arcsec(2 * q)", math.acos(1 / 1.4)),
        ("arccsc(2 * q)", math.asin(1 / 1.4)),
        ("arccot(q)", math.atan(1 / 0.7)),
        ("arcsech(q)", math.acosh(1 / 0.7)),
        ("arccsch(q)", math.asinh(1 / 0.7)),
        ("arccoth(2 * q)", math.atanh(1 / 1.4)),
    ],
)
def test_functions_and_their_slopes(formula, expected):
    text = sbml(parameters={"k": 3}, varying={"q": 0.7}, rules=[("rate", "q", formula)])
    model = KineticModel.from_sbml(text)
    assert model.rhs(2.0, [0.7]) == pytest.approx([expected], rel=1e-13)
    step = 1e-6
    slope = (model.rhs(2.0, [0.7 + step])[0] - model.rhs(2.0, [0.7 - step])[0]) / (2 * step)
    assert model.jacobian(2.0, [0.7])[0, 0] == pytest.approx(slope, rel=1e-7, abs=1e-9)


def test_piecewise_without_otherwise_is_undefined():
    assert math.isnan(rate_of("piecewise(q, q > 5)")[0])
    assert rate_of("piecewise(q, q < 5)") == (0.7, 1.0)


def test_infinite_slope_of_a_branch_not_taken_does_no_harm():
    text = sbml(varying={"q": 0.0}, rules=[("rate", "q", "3 * piecewise(sqrt(q), q > 0, q * 2)")])
    model = KineticModel.from_sbml(text)
    assert model.jacobian(0, [0.0]).tolist() == [[6.0]]
    assert model.jacobian(0, [4.0]).tolist() == [[0.75]]


@pytest.mark.parametrize(
    ("formula", "state", "expected"),
    [
        ("1 / q", 0.0, math.inf),
        ("ln(q)", 0.0, -math.inf),
        ("ln(q)", -1.0, math.nan),
        ("exp(1000 * q)", 1.0, math.inf),
        ("q ^ 0.5", -1.0, math.nan),
        ("q ^ (-2)", 0.0, math.inf),
        ("sin(1 / q)", 0.0, math.nan),
        ("factorial(1000 * q)", 1.0, math.inf),
    ],
)
def test_non_finite_arithmetic_gives_values(formula, state, expected):
    text = sbml(varying={"q": 0.7}, rules=[("rate", "q", formula)])
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, [state])[0] == pytest.approx(expected, nan_ok=True)
    assert model.jacobian(0, [state]).shape == (1, 1)


def test_power_at_zero():
    text = sbml(parameters={"n": 2}, varying={"q": 0, "h": 3}, rules=[("rate", "q", "q^n + q^h"), ("rate", "h", "0*h")])
    model = KineticModel.from_sbml(text)
    assert model.jacobian(0, [0.0, 3.0])[0].tolist() == [0.0, 0.0]


def test_function_definitions_and_local_parameters_are_environments():
    text = sbml(
        species=[species("A", amount=2)],
        reactions=[
            reaction("r1", [("A",)], [], "f(k, A)", local={"k": 5}),
            reaction("r2", [("A",)], [], "f(A, k)"),
        ],
        parameters={"k": 7},
        functions={"f": "lambda(A, k, g(A) - k)", "g": "lambda(x, x * x)"},
    )
    model = KineticModel.from_sbml(text)
    # f's own A and k hide the model's; r1's k hides the global one
    assert model.rhs(0, [2.0]) == pytest.approx([-(25 - 2) - (4 - 7)])
    assert model.parameters[["k", "r1.k"]].tolist() == [7, 5]


def test_reaction_id_and_rate_of():
    text = sbml(
        species=[species("A", amount=2)],
        reactions=[reaction("r", [("A",)], [], "3 * A")],
        compartments=[("c", 4.0, True, 3)],
        varying={"q": 0, "s": 0},
        rules=[("rate", "q", "r + 1"), ("rate", "s", "rateOf(A) + rateOf(q)")],
    )
    model = KineticModel.from_sbml(text)
    assert model.variables == ("A", "q", "s")
    assert model.rhs(0, [2.0, 0, 0]) == pytest.approx([-1.5, 7.0, 5.5])


def test_hostile_ids():
    names = ["x0", "p0", "v3", "lambda_", "exec", "__import__", "t", "nan", "inf", "f_exp", "def", "None", "return"]
    text = sbml(
        species=[species(name, amount=index + 1) for index, name in enumerate(names)],
        reactions=[reaction(f"r_{name}", [(name,)], [], f"2 * {name}") for name in names if name not in ("nan", "inf")],
    )
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, model.x0) == pytest.approx(-2 * model.x0)
    assert model.jacobian(0, model.x0) == pytest.approx(np.diag([-2.0] * len(model.x0)))


# -- time, events, structure --------------------------------------------------------------------------
def test_time_dependence_names_only_what_acts():
    text = sbml(
        species=[species("A", amount=2)],
        reactions=[reaction("r", [("A",)], [], "A * f(w)"), reaction("r2", [("A",)], [], "A")],
        varying={"w": 0, "unused": 0},
        rules=[("assignment", "w", "2"), ("assignment", "unused", "time")],
        functions={"f": "lambda(x, x * time)"},
    )
    assert KineticModel.from_sbml(text).time_dependence == ("r",)
    text = sbml(
        species=[species("A", amount=2)],
        reactions=[reaction("r", [("A",)], [], "A * w")],
        varying={"w": 0, "unused": 0},
        rules=[("assignment", "w", "sin(time)"), ("assignment", "unused", "time")],
    )
    assert KineticModel.from_sbml(text).time_dependence == ("w",)
    text = sbml(
        species=[species("A", amount=2)],
        reactions=[reaction("r", [("A",)], [], "A")],
        varying={"unused": 0},
        rules=[("assignment", "unused", "time")],
    )
    assert KineticModel.from_sbml(text).time_dependence == ()


def test_events_are_named():
    event = (
        '<listOfEvents><event id="e" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
        f"{math_of('time > 3')}</trigger></event></listOfEvents>"
    )
    text = sbml(species=[species("A", amount=2)], reactions=[reaction("r", [("A",)], [], "A")], tail=event)
    assert KineticModel.from_sbml(text).event_ids == ("e",)


@pytest.fixture
def forms():
    def build(k=1.0):
        rates = {
            "ma": "k * A * B^2",
            "rev": "c * (k * A - k2 * B)",
            "mm": "k * A / (k2 + A)",
            "hill": "k * A^h",
            "flat": "k",
            "cond": "piecewise(k, A > 1, 0)",
            "exp": "exp(k * A)",
        }
        return KineticModel.from_sbml(
            sbml(
                species=[species("A", amount=1), species("B", amount=2)],
                reactions=[reaction(name, [("A",)], [("B",)], rate, modifiers=["B"]) for name, rate in rates.items()],
                parameters={"k": k, "k2": 3 * k, "h": 2 * k},
            )
        )

    return build


def test_structure(forms):
    structure = forms().structure
    assert structure.rate_form.to_dict() == {
        "ma": "mass_action",
        "rev": "reversible_mass_action",
        "mm": "saturating",
        "hill": "power_law",
        "flat": "constant",
        "cond": "conditional",
        "exp": "other",
    }
    assert structure.orders.loc["ma"].tolist() == [1.0, 2.0]
    assert structure.orders.loc["flat"].tolist() == [0.0, 0.0]
    assert np.isnan(structure.orders.loc[["rev"]].to_numpy()).all()
    assert np.isnan(structure.orders.loc[["mm", "hill", "exp", "cond"], "A"]).all()
    assert structure.rate_dependence.loc["cond"].tolist() == [True, False]
    assert structure.modifiers.loc["B"].all()
    assert not structure.modifiers.loc["A"].any()
    assert structure.compartment.tolist() == ["c", "c"]


def test_structure_sees_no_kinetic_constant(forms):
    one, other = forms(1.0).structure, forms(37.5).structure
    assert one.species == other.species
    for name in ("stoichiometry", "modifiers", "rate_dependence", "orders"):
        assert getattr(one, name).equals(getattr(other, name))
    for name in ("reversible", "rate_form", "boundary", "compartment"):
        assert getattr(one, name).equals(getattr(other, name))


# -- the reference convention -------------------------------------------------------------------------
def test_dynamo_convention():
    text = sbml(
        species=[
            species("A", amount=1),
            species("S", amount=0),
            species("B", amount=2),
            species("F", amount=5, boundary=True),
            species("G", amount=0),
        ],
        reactions=[
            reaction("r1", [("A",)], [("B",)], "2 * A"),
            reaction("r2", [("B",)], [], "3 * B * F"),
            reaction("r3", [("F",)], [("G",)], "off * A"),
        ],
        parameters={"off": 0},
        varying={"w": 1, "y": 0},
        rules=[("assignment", "S", "A * B"), ("assignment", "y", "A + B"), ("rate", "w", "-4 * w + A")],
    )
    model = KineticModel.from_sbml(text)
    names, jacobian = model.dynamo_jacobian(0.0, [1.0, 2.0, 0.0, 1.0])
    assert model.variables == ("A", "B", "G", "w")
    # F is constant; y is a parameter under an assignment rule; G's only reaction is switched off by a zero
    assert names == model.dynamo_variables == ("A", "S", "B", "w")
    # dS/dt = B (-2 A) + A (2 A - 15 B)
    slope = [-2 * 2 + 4 * 1 - 15 * 2, 0.0, -2 * 1 - 15 * 1, 0.0]
    expected = [[-2, 0, 0, 0], slope, [2, 0, -15, 0], [1, 0, 0, -4]]
    assert jacobian == pytest.approx(np.array(expected, dtype=float))


# -- the object ---------------------------------------------------------------------------------------
def test_pickle_keeps_everything(forms):
    model = forms()
    model.jacobian(0, model.x0)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.jacobian(0, model.x0).tolist() == model.jacobian(0, model.x0).tolist()
    assert copy.structure.rate_form.equals(model.structure.rate_form)
    assert copy.dynamo_variables == model.dynamo_variables


def test_evaluate(forms):
    model = forms()
    frame = model.evaluate([0.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    assert frame.columns.tolist() == ["A", "B", "c", "k", "k2", "h", *model.reaction_ids]
    assert frame["A"].tolist() == [1.0, 3.0]
    assert frame["k2"].tolist() == [3.0, 3.0]
    assert frame.index.name == "time"
    with pytest.raises(ValueError, match=r"X has shape \(1, 3\)"):
        model.evaluate([0.0], [[1.0, 2.0, 3.0]])


def test_wrong_state_length(forms):
    with pytest.raises(ValueError, match=r"x has shape \(1,\); expected \(2,\)"):
        forms().rhs(0, [1.0])
    with pytest.raises(ValueError, match=r"x is not numeric .*; expected one number for each of the 2"):
        forms().jacobian(0, ["a", "b"])


def test_x0_is_read_only(forms):
    with pytest.raises(ValueError, match="read-only"):
        forms().x0[0] = 5


def test_large_model_compiles_without_recursion():
    n = 1000
    total = "+".join(f"S{i}" for i in range(n))
    tree = libsbml.parseL3Formula(f"plus({','.join(f'S{i}' for i in range(n))})")
    assert tree is not None
    reactions = [reaction(f"r{i}", [(f"S{i}",)], [(f"S{(i + 1) % n}",)], f"S{i} * q") for i in range(n)]
    text = sbml(
        species=[species(f"S{i}", amount=1) for i in range(n)],
        reactions=reactions,
        varying={"q": 0},
        rules=[("assignment", "q", f"1 / ({total})")],
    )
    model = KineticModel.from_sbml(text)
    assert np.abs(model.rhs(0, model.x0)).max() == 0.0
    assert model.jacobian_pattern.nnz == n * n


# -- refusals -----------------------------------------------------------------------------------------
A = species("A", amount=1)
DECAY = reaction("r", [("A",)], [], "A")


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"reactions": [reaction("r", [("A",)], [], None)]}, UnsupportedModelError, "no reaction has a kinetic law"),
        ({"reactions": [DECAY, reaction("s", [("A",)], [], None)]}, UnsupportedModelError, "'s' has no kinetic law"),
        ({"reactions": [reaction("r", [("A",)], [], "A * zz")]}, InvalidModelError, "'r' uses 'zz'"),
        ({"reactions": [reaction("r", [("A",)], [], "ff(A)")]}, InvalidModelError, "function 'ff'"),
        ({"reactions": [reaction("r", [("Q",)], [], "1")]}, InvalidModelError, "'r' refers to species 'Q'"),
        ({"reactions": [DECAY, DECAY]}, InvalidModelError, "'r' is used twice"),
        ({"species": [A, A]}, InvalidModelError, "'A' is used twice"),
        ({"species": [species("A", amount=1, compartment="zz")]}, InvalidModelError, "compartment 'zz'"),
        ({"rules": [("rate", "zz", "1")]}, InvalidModelError, "rule sets 'zz'"),
        ({"initial": [("zz", "1")]}, InvalidModelError, "initial assignment sets 'zz'"),
        (
            {"varying": {"a": 1, "b": 1}, "rules": [("assignment", "a", "b"), ("assignment", "b", "a")]},
            InvalidModelError,
            "loop: a -> b -> a",
        ),
        (
            {"varying": {"a": 1}, "rules": [("rate", "a", "1"), ("assignment", "a", "1")]},
            InvalidModelError,
            "two rules",
        ),
        (
            {"functions": {"f": "lambda(x, f(x))"}, "reactions": [reaction("r", [("A",)], [], "f(A)")]},
            InvalidModelError,
            "'f' calls itself",
        ),
        (
            {"functions": {"f": "lambda(x, x)"}, "reactions": [reaction("r", [("A",)], [], "f(A, A)")]},
            InvalidModelError,
            "'f' with 2 arguments; expected 1",
        ),
    ],
)
def test_refusals_name_the_element(kwargs, error, message):
    with pytest.raises(error, match=message):
        KineticModel.from_sbml(sbml(**{"species": [A], "reactions": [DECAY], **kwargs}))


def test_algebraic_rules_on_what_a_rule_sets_are_refused():
    text = sbml(species=[A], reactions=[DECAY], rules=[("rate", "A", "1")])
    algebraic = text.replace('<rateRule variable="A">', "<algebraicRule>").replace("</rateRule>", "</algebraicRule>")
    with pytest.raises(UnsupportedModelError, match="algebraic rule"):
        KineticModel.from_sbml(algebraic)


def test_doubling_functions_do_not_explode():
    functions = {"f0": "lambda(x, x + 1)"}
    functions |= {f"f{i}": f"lambda(x, f{i - 1}(x) * f{i - 1}(x))" for i in range(1, 60)}
    text = sbml(species=[A], reactions=[reaction("r", [("A",)], [], "f59(A)")], functions=functions)
    model = KineticModel.from_sbml(text)
    assert model.rhs(0, [0.0]).tolist() == [-1.0]
