"""Small models for the tags of the public semantic suite, two or three tags together, each with its closed form.

As a script it writes them in the layout of the suite: ``python tests/semantic_cases.py DIR``.
"""

import sys
from pathlib import Path

import libsbml
import numpy as np

CORE = "http://www.sbml.org/sbml/level3/version{}/core"
COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
STEPS = 10
T = np.linspace(0.0, 5.0, STEPS + 1)
DECAY, GROWN = np.exp(-T), 1 + T


def math_of(formula):
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, (formula, libsbml.getLastParseL3Error())
    return libsbml.writeMathMLToString(tree).split("?>")[1]


def block(tag, content):
    return f"<{tag}>{content}</{tag}>" if content else ""


def formula_in(tag, formula, attributes=""):
    """An element with a formula; without one where that is empty, and no element where it is None."""
    if formula is None:
        return ""
    inside = formula if formula.startswith("<") else math_of(formula) if formula else ""
    return f"<{tag} {attributes}>{inside}</{tag}>"


def species(name, value, *, amount=False, boundary=False, constant=False, factor="", place="c"):
    kind, factor = ("Amount" if amount else "Concentration"), f'conversionFactor="{factor}"' if factor else ""
    return (
        f'<species id="{name}" compartment="{place}" initial{kind}="{value}" {factor} '
        f'hasOnlySubstanceUnits="{str(amount).lower()}" boundaryCondition="{str(boundary).lower()}" '
        f'constant="{str(constant).lower()}"/>'
    )


def reaction(law, taken=(), given=(), *, name="r", fast="", local=""):
    def listed(tag, references):
        return block(tag, "".join(
            f'<speciesReference {f"id={chr(34)}{label}{chr(34)}" if label else ""} species="{target}" '
            f'stoichiometry="{count}" constant="{str(not label).lower()}"/>' for target, count, label in references
        ))  # fmt: skip

    inside = math_of(law) + block("listOfLocalParameters", local)
    content = f"{listed('listOfReactants', taken)}{listed('listOfProducts', given)}<kineticLaw>{inside}</kineticLaw>"
    return f'<reaction id="{name}" reversible="false" {fast}>{content}</reaction>'


def event(trigger, values, *, delay=None, priority=None, initial="true", persistent="true", at_trigger="true"):
    flags = f'initialValue="{initial}" persistent="{persistent}"'
    assigned = "".join(formula_in("eventAssignment", v, f'variable="{k}"') for k, v in values.items())
    content = formula_in("trigger", trigger, flags) + formula_in("priority", priority) + formula_in("delay", delay)
    return (
        f'<event useValuesFromTriggerTime="{at_trigger}">{content}{block("listOfEventAssignments", assigned)}</event>'
    )


def assigned(**formulas):
    return "".join(formula_in("assignmentRule", v, f'variable="{k}"') for k, v in formulas.items())


def rated(**formulas):
    return "".join(formula_in("rateRule", v, f'variable="{k}"') for k, v in formulas.items())


def algebraic(formula):
    return formula_in("algebraicRule", formula)


def content(
    *, size=1.0, place=None, species="", parameters=None, functions=None, initial=None, rules="", reactions="",
    events="", constants=None, more="",
):  # fmt: skip
    if place is None:
        given = "" if size is None else f'size="{size}"'
        place = f'<compartment id="c" {given} spatialDimensions="3" constant="false"/>'
    listed = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in (parameters or {}).items())
    listed += "".join(f'<parameter id="{k}" value="{v}" constant="true"/>' for k, v in (constants or {}).items())
    defined = "".join(
        f'<functionDefinition id="{k}">{math_of(v)}</functionDefinition>' for k, v in (functions or {}).items()
    )
    started = "".join(formula_in("initialAssignment", v, f'symbol="{k}"') for k, v in (initial or {}).items())
    parts = {
        "listOfFunctionDefinitions": defined, "listOfCompartments": place, "listOfSpecies": species,
        "listOfParameters": listed, "listOfInitialAssignments": started, "listOfRules": rules,
        "listOfReactions": reactions, "listOfEvents": events,
    }  # fmt: skip
    return "".join(block(tag, text) for tag, text in parts.items()) + more


def model(*, version=2, attributes="", **parts):
    inside = f'<model id="m" {attributes}>{content(**parts)}</model>'
    return f'<sbml xmlns="{CORE.format(version)}" level="3" version="{version}">{inside}</sbml>'


def composed(inner, submodel, **parts):
    """A model with one submodel A, whose attributes and content are given."""
    attributes, inside = submodel
    parts["more"] = block(
        "comp:listOfSubmodels",
        f'<comp:submodel comp:id="A" comp:modelRef="inner" {attributes}>{inside}</comp:submodel>',
    )
    return (
        f'<sbml xmlns="{CORE.format(2)}" xmlns:comp="{COMP}" comp:required="true" level="3" version="2"><model id="m">'
        f'{content(**parts)}</model><comp:listOfModelDefinitions><comp:modelDefinition id="inner">{inner}'
        "</comp:modelDefinition></comp:listOfModelDefinitions></sbml>"
    )


def after(time, before, value):
    return np.where(time <= T, value, before)


S = species("S", 2)
LOSS, GAIN = reaction("c * S", [("S", 1, "")]), reaction("1", given=[("S", 1, "")])
MADE = reaction("1", given=[("S", 1, "n")])  # with a stoichiometry that may change
FAST = 'fast="true"'
# Relaxation of A <-> B is infinitely fast, with B = 2 A; B decays.
PAIR = {"version": 1, "species": species("A", 3) + species("B", 0)}
SWAP = reaction("c * (2 * A - B)", [("A", 1, "")], [("B", 1, "")], name="swap", fast=FAST)
OUT = reaction("c * B", [("B", 1, "")], name="out", fast='fast="false"')
SLOW = np.exp(-2 * T / 3)
DELAYED = np.maximum(T - 1, 0.0)
# x' = -x(t - 1) from 1, by the method of steps
STEPPED = sum(
    np.where(k - 1 <= T, (-1.0) ** k * np.maximum(T - k + 1, 0.0) ** k / np.prod(np.arange(1, k + 1)), 0.0)
    for k in range(7)
)
X0 = {"x": 0}
CLOCK = rated(x="1")

# tags, text, right values
CASES = [
    # rules, initial values
    ("AssignmentRule, CSymbolTime", model(parameters=X0, rules=assigned(x="2 * time")), {"x": 2 * T}),
    ("AssignmentRule, CSymbolAvogadro", model(parameters=X0, rules=assigned(x="avogadro / 6.02214179e23")), {"x": 1}),
    ("RateRule, BoolNumericSwap", model(parameters=X0, rules=rated(x="time > 1")), {"x": DELAYED}),
    ("RateRule, InitialAssignment", model(parameters={"x": 1, "k": 1}, initial={"k": "x + 2", "x": "4"},
     rules=rated(x="k")), {"x": 4 + 6 * T}),
    ("InitialAssignment, Reaction", model(species=S, parameters=X0, initial={"x": "r"}, reactions=LOSS), {"x": 2}),
    ("InitialAssignment, CSymbolRateOf", model(parameters={"x": 0, "y": 0}, initial={"x": "rateOf(y)"},
     rules=rated(y="4")), {"x": 4}),
    ("FunctionDefinition, BoolNumericSwap", model(functions={"f": "lambda(a, b, a && b)"}, parameters=X0,
     rules=assigned(x="f(2, time >= 1.25) + 1")), {"x": after(1.25, 1, 2)}),
    ("FunctionDefinition, RateRule", model(functions={"g": "lambda(a, f(a) + 1)", "f": "lambda(a, 2 * a)"},
     parameters=X0, rules=rated(x="g(2)")), {"x": 5 * T}),
    ("DefaultValue, RateRule", model(parameters={"x": "NaN", "y": "INF", "z": 1}, rules=rated(z="2")),
     {"x": np.nan, "y": np.inf, "z": 1 + 2 * T}),
    # algebraic rules
    ("AlgebraicRule, RateRule", model(parameters={"x": 0, "y": 1}, rules=rated(y="1") + algebraic("x + y - 5")),
     {"x": 4 - T}),
    ("AlgebraicRule, Reaction", model(species=S + species("B", 1, boundary=True), reactions=LOSS,
     rules=algebraic("S + B - 5")), {"B": 5 - 2 * DECAY}),
    ("AlgebraicRule, NonConstantCompartment", model(species=S, rules=algebraic("c - 1 - time")),
     {"c": GROWN, "S": 2 / GROWN}),
    ("AlgebraicRule, AssignedVariableStoichiometry", model(species=S, reactions=MADE, rules=algebraic("n - 2 - time")),
     {"n": 2 + T, "S": 2 + 2 * T + T**2 / 2}),
    ("AlgebraicRule, EventNoDelay", model(parameters={"x": 0, "y": 1}, rules=algebraic("x + y - 5"),
     events=event("time >= 2", {"y": "3"})), {"x": after(2, 4, 2)}),
    ("AlgebraicRule, CSymbolDelay", model(parameters={"x": 0, "y": 1, "z": 0},
     rules=rated(y="1") + algebraic("x + y - 5") + assigned(z="delay(x, 1)")), {"z": 4 - DELAYED}),
    ("AlgebraicRule, CSymbolRateOf", model(parameters={"x": 0, "y": 1},
     rules=rated(y="2") + algebraic("x - rateOf(y)")),
     {"x": 2}),
    ("AlgebraicRule, Reaction, InitialAssignment", model(species=S, parameters=X0, reactions=LOSS,
     rules=algebraic("x - r")), {"x": 2 * DECAY}),
    # species, compartments
    ("NonConstantCompartment, AssignmentRule", model(species=S, rules=assigned(c="1 + time")), {"S": 2 / GROWN}),
    ("NonConstantCompartment, RateRule, VolumeConcentrationRates", model(species=S, rules=rated(c="1"), reactions=LOSS),
     {"S": 2 * DECAY / GROWN}),
    ("NonConstantCompartment, EventNoDelay", model(species=S, events=event("time >= 2", {"c": "4"})),
     {"S": after(2, 2, 0.5)}),
    ("NonConstantCompartment, EventNoDelay, HasOnlySubstanceUnits", model(species=species("S", 2, amount=True),
     events=event("time >= 2", {"c": "4"})), {"S": 2}),
    ("NonConstantCompartment, RateRule, BoundaryCondition", model(species=species("S", 2, boundary=True),
     rules=rated(c="1", S="1")), {"S": 2 + T}),
    ("NonConstantCompartment, CSymbolRateOf", model(species=S, parameters=X0,
     rules=rated(c="3") + assigned(x="rateOf(c) + rateOf(S)")), {"x": 3 - 6 / (1 + 3 * T) ** 2}),
    ("NonConstantCompartment, RateRule", model(rules=rated(c="-1")), {"c": 1 - T}),
    ("NonUnityCompartment, InitialAssignment", model(size=2, species=S, initial={"S": "6"},
     reactions=reaction("S", [("S", 1, "")])), {"S": 6 * np.exp(-T / 2)}),
    ("NonUnityCompartment, AssignmentRule", model(size=None, species=species("S", 2, amount=True),
     rules=assigned(c="4"),
     reactions=LOSS), {"S": 2 * np.exp(-4 * T)}),
    ("0D-Compartment", model(place='<compartment id="c" spatialDimensions="0" constant="true"/>',
     species=species("S", 2, amount=True), reactions=reaction("S", [("S", 1, "")])), {"S": 2 * DECAY}),
    ("1D-Compartment", model(place='<compartment id="c" size="3" spatialDimensions="1" constant="true"/>', species=S,
     reactions=LOSS), {"S": 2 * DECAY}),
    ("2D-Compartment, ConversionFactors",
     model(place='<compartment id="c" size="3" spatialDimensions="2" constant="true"/>',
     species=species("S", 2, factor="k"), constants={"k": 2}, reactions=LOSS), {"S": 2 * np.exp(-2 * T)}),
    ("MultiCompartment, Reaction", model(
     place='<compartment id="c" size="1" constant="true"/><compartment id="d" size="4" constant="true"/>',
     species=S + species("P", 0, place="d"), reactions=reaction("c * S", [("S", 1, "")], [("P", 1, "")])),
     {"S": 2 * DECAY, "P": (1 - DECAY) / 2}),
    ("ConstantSpecies, BoundaryCondition", model(species=species("S", 2, boundary=True,
     constant=True) + species("P", 0),
     reactions=reaction("c * S", [("S", 1, "")], [("P", 1, "")])), {"S": 2, "P": 2 * T}),
    ("BoundaryCondition, EventNoDelay", model(species=species("S", 2, boundary=True) + species("P", 0),
     reactions=reaction("c * S", [("S", 1, "")], [("P", 1, "")]), events=event("time >= 2", {"S": "1"})),
     {"S": after(2, 2, 1), "P": after(2, 2 * T, T + 2)}),
    # reactions, stoichiometries, conversion factors
    ("LocalParameters, Reaction", model(species=S, parameters={"k": 9},
     reactions=reaction("c * k * S", [("S", 1, "")], local='<localParameter id="k" value="0.5"/>')),
     {"S": 2 * np.exp(-T / 2)}),
    ("NonUnityStoichiometry, ReversibleReaction", model(species=species("S", 5),
     reactions=reaction("1", [("S", 2, "")], [("S", 1, ""), ("S", 0.5, "")])), {"S": 5 - T / 2}),
    ("AssignedVariableStoichiometry, RateRule", model(species=S, reactions=MADE, rules=rated(n="1")),
     {"n": 1 + T, "S": 2 + T + T**2 / 2}),
    ("AssignedVariableStoichiometry, AssignmentRule", model(species=S, reactions=MADE, rules=assigned(n="2 * time")),
     {"S": 2 + T**2}),
    ("AssignedVariableStoichiometry, EventNoDelay", model(species=S, reactions=MADE,
     events=event("time >= 2", {"n": "3"})), {"n": after(2, 1, 3), "S": after(2, 2 + T, 4 + 3 * (T - 2))}),
    ("AssignedConstantStoichiometry, InitialAssignment", model(species=S, parameters={"k": 3}, reactions=MADE,
     initial={"n": "2 * k"}), {"S": 2 + 6 * T}),
    ("SpeciesReferenceInMath, AssignmentRule", model(species=S, parameters=X0, reactions=MADE,
     rules=assigned(x="3 * n")),
     {"x": 3}),
    ("SpeciesReferenceInMath, CSymbolRateOf", model(species=S, parameters=X0, reactions=MADE,
     rules=rated(n="3") + assigned(x="rateOf(n)")), {"x": 3}),
    ("ConversionFactors, EventNoDelay", model(species=species("S", 2, factor="k"), constants={"k": 3}, reactions=GAIN,
     events=event("time >= 2", {"S": "0"})), {"S": after(2, 2 + 3 * T, 3 * (T - 2)), "r": 1}),
    ("ConversionFactors, Reaction", model(attributes='conversionFactor="k"', species=S, constants={"k": 3},
     reactions=GAIN), {"S": 2 + 3 * T}),
    ("ConversionFactors, NonConstantCompartment", model(species=species("S", 2, factor="k"), constants={"k": 3},
     rules=rated(c="1"), reactions=GAIN), {"S": (2 + 3 * T) / GROWN}),
    ("Reaction, EventNoDelay", model(species=S, parameters=X0, reactions=LOSS, events=event("r < 1", {"x": "r"})),
     {"x": after(np.log(2), 0, 1)}),
    ("Reaction, CSymbolRateOf", model(species=S + species("P", 1),
     reactions=LOSS + reaction("-rateOf(S)", given=[("P", 1, "")], name="q")), {"P": 3 - 2 * DECAY}),
    ("Reaction, BoolNumericSwap", model(species=S, reactions=reaction("time >= 1", given=[("S", 1, "")])),
     {"S": 2 + DELAYED}),
    ("InitialValueReassigned, InitialAssignment", model(size=2, species=S, initial={"c": "4", "S": "c"}), {"c": 4,
     "S": 4}),
    # events
    ("EventT0Firing, EventNoDelay", model(parameters=X0, events=event("time >= 0", {"x": "1"}, initial="false")),
     {"x": 1}),
    ("EventNoDelay, CSymbolTime", model(parameters=X0, events=event("time >= 0", {"x": "1"})), {"x": 0}),
    ("EventT0Firing, EventWithDelay", model(parameters=X0, events=event("true", {"x": "1"}, delay="1.25",
     initial="false")), {"x": after(1.25, 0, 1)}),
    ("EventT0Firing, InitialAssignment", model(parameters={"x": 0, "b": 1}, initial={"b": "5"},
     events=event("b >= 4", {"x": "b"}, initial="false")), {"x": 5}),
    ("EventT0Firing, EventNoDelay, RateRule", model(parameters={"x": 0, "y": 0}, rules=rated(y="x"),
     events=event("true", {"x": "1"}, initial="false") + event("x > 0", {"y": "y + 7"})), {"y": 7 + T}),
    ("EventWithDelay, EventUsesTriggerTimeValues", model(parameters={"x": 0, "y": 0}, rules=CLOCK,
     events=event("time >= 1.25", {"y": "x"}, delay="1")), {"y": after(2.25, 0, 1.25)}),
    ("EventWithDelay, EventUsesAssignmentTimeValues", model(parameters={"x": 0, "y": 0}, rules=CLOCK,
     events=event("time >= 1.25", {"y": "x"}, delay="1", at_trigger="false")), {"y": after(2.25, 0, 2.25)}),
    ("EventWithDelay, EventIsNotPersistent", model(parameters=X0,
     events=event("time >= 1 && time < 1.5", {"x": "1"}, delay="1", persistent="false")), {"x": 0}),
    ("EventWithDelay, EventIsPersistent", model(parameters=X0,
     events=event("time >= 1 && time < 1.5", {"x": "1"}, delay="1")), {"x": after(2, 0, 1)}),
    ("EventWithDelay, BoolNumericSwap", model(parameters=X0, events=event("time >= 1.25", {"x": "true"}, delay="true",
     priority="false")), {"x": after(2.25, 0, 1)}),
    ("EventPriority, EventUsesAssignmentTimeValues", model(parameters={"x": 1},
     events=event("time >= 1.25", {"x": "2 * x"}, priority="-2", at_trigger="false")
     + event("time >= 1.25", {"x": "x + 5"}, priority="-1", at_trigger="false")), {"x": after(1.25, 1, 12)}),
    ("EventPriority, NonConstantParameter", model(parameters={"x": 0, "p": 1},
     events=event("time >= 1.25", {"x": "2 * x + 1"}, priority="p", at_trigger="false")
     + event("time >= 1.25", {"x": "x + 5", "p": "7"}, priority="2", at_trigger="false")
     + event("time >= 1.25", {"x": "10 * x"}, priority="1.5", at_trigger="false")), {"x": after(1.25, 0, 110)}),
    ("EventNoDelay, RateRule", model(parameters={"x": 0, "n": 0}, rules=CLOCK,
     events=event("x >= 1.25", {"x": "0", "n": "n + 1"})), {"n": T // 1.25}),
    ("EventWithDelay, EventNoDelay", model(parameters={"x": 0, "n": 0},
     events=event("time >= 1.25 && x == 0", {"x": "1", "n": "n + 1"}, delay="0.5")
     + event("x == 1", {"x": "0"}, delay="0.5")), {"n": np.where(T < 1.75, 0, np.floor(T - 1.75) + 1)}),
    ("EventNoDelay, AssignmentRule", model(parameters={"x": 0, "y": 0, "z": 0}, rules=CLOCK + assigned(y="2 * x"),
     events=event("y >= 2.5", {"z": "y"})), {"z": after(1.25, 0, 2.5)}),
    ("EventNoDelay, CSymbolRateOf", model(parameters={"x": 0, "z": 0}, rules=rated(x="2 * time"),
     events=event("rateOf(x) >= 2.5", {"z": "rateOf(x)"}, delay="rateOf(x)", priority="rateOf(x)")),
     {"z": after(3.75, 0, 2.5)}),
    ("EventNoDelay, FunctionDefinition", model(functions={"f": "lambda(a, b, a >= b)"}, parameters={"x": 0, "z": 0},
     rules=CLOCK, events=event("f(x, 1.25)", {"z": "2"})), {"z": after(1.25, 0, 2)}),
    ("EventNoDelay, UncommonMathML", model(parameters=X0, events=event("xor(time >= 1.25, time >= 3.25)",
     {"x": "x + 1"})),
     {"x": after(1.25, 0, 1)}),
    ("RandomEventExecution, EventPriority", model(parameters={"x": 0, "y": 0},
     events="".join(event("time >= 1.25", {"x": f"x + {k}", "y": "y + 1"}, priority="1", at_trigger="false")
     for k in range(4))), {"x": after(1.25, 0, 6), "y": after(1.25, 0, 4)}),
    # missing formulas
    ("NoMathML, AssignmentRule, RateRule", model(parameters={"x": 2, "y": 1}, rules=assigned(x="") + rated(y="")),
     {"x": 2, "y": 1}),
    ("NoMathML, AlgebraicRule, RateRule", model(parameters=X0, rules=CLOCK + algebraic("")), {"x": T}),
    ("NoMathML, InitialAssignment", model(parameters={"x": 2}, initial={"x": ""}, rules=CLOCK), {"x": 2 + T}),
    ("NoMathML, EventNoDelay", model(parameters=X0, events=event("", {"x": "3"})), {"x": 0}),
    ("NoMathML, EventWithDelay", model(parameters=X0, events=event("time >= 1.25", {"x": "3"}, delay="")),
     {"x": after(1.25, 0, 3)}),
    ("NoMathML, EventPriority", model(parameters=X0, events=event("time >= 1.25", {"x": "3"}, priority="")
     + event("time >= 1.25", {"x": "4"}, priority="1")), {"x": after(1.25, 0, 3)}),
    # delay()
    ("CSymbolDelay, AssignmentRule", model(parameters={"x": 1, "y": 0},
     rules=rated(x="-0.5") + assigned(y="delay(x, 1)")),
     {"y": 1 - DELAYED / 2}),
    ("CSymbolDelay, RateRule", model(parameters={"x": 1}, rules=rated(x="-delay(x, 1)")), {"x": STEPPED}),
    ("CSymbolDelay, CSymbolTime", model(parameters=X0, rules=assigned(x="delay(time, 1)")), {"x": T - 1}),
    ("CSymbolDelay, EventNoDelay", model(parameters={"x": 0, "z": 0}, rules=CLOCK,
     events=event("delay(x, 1) >= 1.25", {"z": "delay(x, 0.5)"})), {"z": after(2.25, 0, 1.75)}),
    ("CSymbolDelay, EventWithDelay", model(parameters={"x": 0, "z": 0}, rules=CLOCK,
     events=event("time >= 1.25", {"z": "3"}, delay="delay(x, 0.5)")), {"z": after(2, 0, 3)}),
    ("CSymbolDelay, EventNoDelay, NonConstantParameter", model(parameters={"p": 1, "z": 0},
     rules=assigned(z="delay(p, 1)"), events=event("time >= 1.25", {"p": "5"})), {"z": after(2.25, 1, 5)}),
    ("CSymbolDelay, Reaction", model(species=S, parameters=X0, reactions=LOSS, rules=assigned(x="delay(r, 1)")),
     {"x": 2 * np.exp(-DELAYED)}),
    ("CSymbolDelay, NonConstantCompartment", model(species=S, parameters=X0,
     rules=rated(c="1") + assigned(x="delay(S, 1)")),
     {"x": 2 / (1 + DELAYED)}),
    ("CSymbolDelay, CSymbolRateOf", model(parameters={"x": 0, "y": 0},
     rules=rated(x="time") + assigned(y="delay(rateOf(x), 1)")), {"y": T - 1}),
    ("CSymbolDelay, AssignedVariableStoichiometry", model(species=S, parameters=X0, reactions=MADE,
     rules=rated(n="1") + assigned(x="delay(n, 1)")), {"x": 1 + DELAYED}),
    ("CSymbolDelay, UncommonMathML", model(parameters={"x": 0, "y": 0},
     rules=CLOCK + assigned(y="delay(delay(x, 1), piecewise(1, time < 2, 0.5))")),
     {"y": np.where(T < 2, 0, np.maximum(T - 1.5, 0))}),
    # fast reactions
    ("FastReaction, Reaction", model(**PAIR, reactions=SWAP + OUT), {"A": SLOW, "B": 2 * SLOW}),
    ("FastReaction, EventNoDelay", model(**PAIR, reactions=SWAP + OUT, events=event("time >= 1.25", {"A": "0"})),
     {"A": after(1.25, SLOW, 2 / 3 * SLOW)}),
    ("FastReaction, AssignmentRule", model(**PAIR, parameters=X0, rules=assigned(x="A + B"), reactions=SWAP + OUT),
     {"x": 3 * SLOW}),
    ("FastReaction, NonConstantCompartment", model(**PAIR, rules=rated(c="1"), reactions=SWAP + OUT),
     {"A": SLOW / GROWN}),
    ("FastReaction, BoundaryCondition", model(version=1, species=species("A", 3, boundary=True) + species("B", 0)
     + species("P", 0), reactions=SWAP + reaction("c * B", [("B", 1, "")], [("P", 1, "")], name="out",
     fast='fast="false"')),
     {"B": 6, "P": 6 * T}),
    # packages: submodels
    ("comp:Submodel, RateRule", composed(content(parameters={"x": 1}, rules=rated(x="-x")), ("", "")), {"A__x": DECAY}),
    ("comp:Submodel, comp:Deletion, EventNoDelay", composed(
     content(parameters={"x": 1}, rules=rated(x="1"),
     events=event("time >= 2", {"x": "0"}).replace("<event ", '<event id="e" ')),
     ("", '<comp:listOfDeletions><comp:deletion comp:idRef="e"/></comp:listOfDeletions>')), {"A__x": 1 + T}),
    ("comp:Submodel, comp:TimeConversionFactor, CSymbolTime", composed(
     content(parameters={"x": 1, "y": 0}, rules=rated(x="3") + assigned(y="2 * time")),
     ('comp:timeConversionFactor="k"', ""), constants={"k": 4}), {"A__x": 1 + 3 * T / 4, "A__y": T / 2}),
    ("comp:Submodel, comp:TimeConversionFactor, CSymbolRateOf", composed(
     content(parameters={"x": 1, "y": 0}, rules=rated(x="3") + assigned(y="2 * rateOf(x)")),
     ('comp:timeConversionFactor="k"', ""), constants={"k": 4}), {"A__y": 6}),
    ("comp:Submodel, comp:ExtentConversionFactor, Reaction", composed(
     content(species=species("S", 2, amount=True), reactions=reaction("S", [("S", 1, "")])),
     ('comp:extentConversionFactor="k"', ""), constants={"k": 2}), {"A__S": 2 * np.exp(-2 * T)}),
    ("comp:Submodel, comp:TimeConversionFactor, CSymbolDelay", composed(
     content(parameters={"x": 0, "y": 0}, rules=CLOCK + assigned(y="delay(x, 0.25)")),
     ('comp:timeConversionFactor="k"', ""), constants={"k": 4}), {"A__y": DELAYED / 4}),
]  # fmt: skip

# operators of MathML that no text formula has, with their values
_NUMBERS = {
    "plus": ("", 0), "times": ("", 1), "or": ("", 0), "and": ("", 1), "xor": ("<true/><true/><true/>", 1),
    "eq": ("<true/><cn>1</cn><cn>1</cn>", 1), "lt": ("<cn>1</cn><cn>2</cn><cn>2</cn>", 0),
    "leq": ("<cn>1</cn><cn>2</cn><cn>2</cn><cn>5</cn>", 1), "not": ("<cn>0</cn>", 1), "neq": ("<true/><false/>", 1),
    "implies": ("<true/><false/>", 0), "max": ("<cn>2</cn>", 2), "min": ("<cn>2</cn><cn>7</cn><cn>-1</cn>", -1),
    "rem": ("<cn>-7.5</cn><cn>2</cn>", -1.5), "quotient": ("<cn>-7</cn><cn>2</cn>", -3), "factorial": ("<cn>4</cn>",
    24),
    "arccot": ("<cn>-2</cn>", np.arctan(-0.5)), "arccoth": ("<cn>2</cn>", np.arctanh(0.5)),
    "arcsech": ("<cn>0.5</cn>", np.arccosh(2)), "arccsch": ("<cn>0.5</cn>", np.arcsinh(2)),
    "arccsc": ("<cn>2</cn>", np.arcsin(0.5)), "arcsec": ("<cn>2</cn>", np.arccos(0.5)), "sech": ("<cn>2</cn>",
    1 / np.cosh(2)),
    "csch": ("<cn>2</cn>", 1 / np.sinh(2)), "coth": ("<cn>2</cn>", 1 / np.tanh(2)), "ln": ("<cn>0</cn>", -np.inf),
    "divide": ("<cn>0</cn><cn>0</cn>", np.nan), "power": ("<cn>0</cn><cn>0</cn>", 1),
}  # fmt: skip
for _name, (_arguments, _value) in _NUMBERS.items():
    _formula = f'<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><{_name}/>{_arguments}</apply></math>'
    _tag = "L3v2MathML" if _name in ("max", "min", "rem", "quotient", "implies") else "UncommonMathML"
    CASES.append((f"{_tag}, AssignmentRule", model(parameters=X0, rules=assigned(x=_formula)), {"x": _value}))


def write_cases(root):
    """Write the cases as folders of the suite."""
    for number, (tags, text, right) in enumerate(CASES, 1):
        name = f"{number:05d}"
        folder = Path(root) / name
        folder.mkdir(parents=True)
        form = "l3v1" if 'level="3" version="1"' in text else "l3v2"
        (folder / f"{name}-sbml-{form}.xml").write_text(text, encoding="utf-8")
        variables = ", ".join(right)
        (folder / f"{name}-settings.txt").write_text(
            f"start: 0\nduration: 5\nsteps: {STEPS}\nvariables: {variables}\nabsolute: 1e-6\nrelative: 1e-4\n"
            "amount:\nconcentration:\n",
            encoding="utf-8",
        )
        columns = [T, *(np.broadcast_to(np.asarray(value, dtype=float), T.shape) for value in right.values())]
        rows = [
            ",".join(["time", *right]),
            *(",".join(repr(float(x)) for x in row) for row in zip(*columns, strict=True)),
        ]
        (folder / f"{name}-results.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (folder / f"{name}-model.m").write_text(f"componentTags: {tags}\ntestTags:\n", encoding="utf-8")


if __name__ == "__main__":
    write_cases(sys.argv[1])
