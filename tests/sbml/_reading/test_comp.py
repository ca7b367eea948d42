"""Constructs of the package 'comp' in one file, each against a solution worked out by hand."""

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml import KineticModel

CORE = "http://www.sbml.org/sbml/level3/version2/core"
COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
TIMES = np.array([0.0, 0.3, 0.9, 1.6, 2.0])


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def parameter(name, value="", *, constant=False, inside=""):
    given = f'value="{value}" ' if value != "" else ""
    return f'<parameter id="{name}" {given}constant="{str(constant).lower()}">{inside}</parameter>'


def rate(name, formula, meta=""):
    return f'<rateRule variable="{name}"{meta}>{math_of(formula)}</rateRule>'


def assignment(name, formula):
    return f'<assignmentRule variable="{name}">{math_of(formula)}</assignmentRule>'


def event(trigger, delay, name, value):
    late = f"<delay>{math_of(delay)}</delay>" if delay else ""
    return (
        f'<event id="e" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
        f"{math_of(trigger)}</trigger>{late}<listOfEventAssignments>"
        f'<eventAssignment variable="{name}">{math_of(value)}</eventAssignment></listOfEventAssignments></event>'
    )


def content(*, parameters="", rules="", events="", ports="", submodels="", more=""):
    parts = {
        "listOfParameters": parameters, "listOfRules": rules, "listOfEvents": events,
        "comp:listOfSubmodels": submodels, "comp:listOfPorts": ports,
    }  # fmt: skip
    return more + "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts.items() if text)


def submodel(name, definition, attributes="", deletions=""):
    inside = f"<comp:listOfDeletions>{deletions}</comp:listOfDeletions>" if deletions else ""
    return f'<comp:submodel comp:id="{name}" comp:modelRef="{definition}" {attributes}>{inside}</comp:submodel>'


def read(definitions, main):
    listed = "".join(f'<comp:modelDefinition id="{k}">{v}</comp:modelDefinition>' for k, v in definitions.items())
    return KineticModel.from_sbml(
        f'<sbml xmlns="{CORE}" xmlns:comp="{COMP}" comp:required="true" level="3" version="2">'
        f'<model id="m">{main}</model><comp:listOfModelDefinitions>{listed}</comp:listOfModelDefinitions></sbml>'
    )


def replaced(*pairs):
    inside = "".join(
        f'<comp:replacedElement comp:submodelRef="{place}" {reference}/>' for place, reference in pairs
    )  # fmt: skip
    return f"<comp:listOfReplacedElements>{inside}</comp:listOfReplacedElements>"


def expect(model, values):
    found = model.simulate(TIMES)
    for name, right in values.items():
        np.testing.assert_allclose(found[name], np.broadcast_to(right, TIMES.shape), rtol=1e-6, atol=1e-9)


def test_two_copies_are_apart():
    inner = content(parameters=parameter("x", 1), rules=rate("x", "-x"))
    model = read({"inner": inner}, content(submodels=submodel("A", "inner") + submodel("B", "inner")))
    expect(model, {"A__x": np.exp(-TIMES), "B__x": np.exp(-TIMES)})


def test_nested_submodels_and_ports():
    leaf = content(
        parameters=parameter("x", 1) + parameter("k", 5, constant=True),
        rules=rate("x", "k"),
        ports='<comp:port comp:id="k_port" comp:idRef="k"/>',
    )
    middle = content(
        parameters=parameter("k2", 7, constant=True, inside=replaced(("L", 'comp:portRef="k_port"'))),
        submodels=submodel("L", "leaf"),
        ports='<comp:port comp:id="k2_port" comp:idRef="k2"/>',
    )
    main = content(
        parameters=parameter("k3", 2, constant=True, inside=replaced(("M", 'comp:portRef="k2_port"'))),
        submodels=submodel("M", "middle"),
    )
    expect(read({"leaf": leaf, "middle": middle}, main), {"M__L__x": 1 + 2 * TIMES})


def test_deletion_of_a_rule_and_of_an_event():
    inner = content(
        parameters=parameter("x", 1) + parameter("y", 1),
        rules=rate("x", "1", ' metaid="rule"') + rate("y", "2"),
        events=event("time >= 0.5", "", "y", "7"),
    )
    deletions = '<comp:deletion comp:metaIdRef="rule"/><comp:deletion comp:idRef="e"/>'
    expect(
        read({"inner": inner}, content(submodels=submodel("A", "inner", deletions=deletions))),
        {"A__x": 1.0, "A__y": 1 + 2 * TIMES},
    )


def test_replaced_by_what_a_submodel_has():
    inner = content(parameters=parameter("x", 3), rules=rate("x", "-x"))
    by = '<comp:replacedBy comp:submodelRef="A" comp:idRef="x"/>'
    main = content(
        parameters=parameter("z", 1, inside=by) + parameter("q", 0),
        rules=rate("q", "z"),
        submodels=submodel("A", "inner"),
    )
    expect(read({"inner": inner}, main), {"q": 3 - 3 * np.exp(-TIMES)})


def test_conversion_factor_of_a_replacement():
    # The value of what replaces is the factor times the value of what is replaced: x = z / 1000.
    inner = content(parameters=parameter("x", 1) + parameter("w", 0), rules=rate("w", "x"))
    main = content(
        parameters=parameter("f", 1000, constant=True)
        + parameter("z", 2, inside=replaced(("A", 'comp:idRef="x" comp:conversionFactor="f"'))),
        rules=rate("z", "1"),
        submodels=submodel("A", "inner"),
    )
    expect(read({"inner": inner}, main), {"A__w": (2 * TIMES + TIMES**2 / 2) / 1000})


# A unit of the submodel's time is `T` units of the model's.
T = 4.0


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        ({"parameters": parameter("x", 1), "rules": rate("x", "3")}, {"A__x": 1 + 3 * TIMES / T}),
        ({"parameters": parameter("x", 1), "rules": rate("x", "time")}, {"A__x": 1 + (TIMES / T) ** 2 / 2}),
        ({"parameters": parameter("x", 1), "rules": assignment("x", "2 * time")}, {"A__x": 2 * TIMES / T}),
        (
            {"parameters": parameter("x", 1), "events": event("time >= 0.1", "0.25", "x", "5")},
            {"A__x": np.where(TIMES >= 0.35 * T, 5.0, 1.0)},
        ),
        (
            {
                "parameters": parameter("x", 1) + parameter("y"),
                "rules": rate("x", "3") + assignment("y", "delay(x, 0.25)"),
            },
            {"A__y": 1 + 3 * np.maximum(TIMES / T - 0.25, 0)},
        ),
    ],
)
def test_time_conversion_factor(parts, values):
    main = content(
        parameters=parameter("tcf", T, constant=True),
        submodels=submodel("A", "inner", 'comp:timeConversionFactor="tcf"'),
    )
    expect(read({"inner": content(**parts)}, main), values)


@pytest.mark.parametrize("deep", [False, True])
def test_a_rate_in_a_submodel_with_its_own_time_is_in_the_unit_of_that(deep):
    """The equations of a submodel hold in its own unit of time; libsbml's flattening leaves rateOf as it is."""
    parts = {
        "parameters": parameter("x", 1) + parameter("y") + parameter("z", 0),
        "rules": rate("x", "3 + time") + assignment("y", "rateOf(x)") + rate("z", "2 * rateOf(x)"),
        "events": event("time >= 0.2", "rateOf(x) / 64", "x", "rateOf(x)"),
    }
    definitions = {"inner": content(**parts)}
    if deep:
        definitions["middle"] = content(submodels=submodel("B", "inner"))
    target = "middle" if deep else "inner"
    factor = 'comp:timeConversionFactor="tcf"'
    main = content(parameters=parameter("tcf", T, constant=True), submodels=submodel("A", target, factor))
    prefix = "A__B__" if deep else "A__"
    for model, own in ((main, TIMES / T), (content(submodels=submodel("A", target)), TIMES)):
        before = own < 0.25
        expect(
            read(definitions, model),
            {
                f"{prefix}x": np.where(
                    before, 1 + 3 * own + own**2 / 2, 3.2 + 3 * (own - 0.25) + (own**2 - 0.25**2) / 2
                ),
                f"{prefix}y": 3 + own,
                f"{prefix}z": 6 * own + own**2,
            },
        )


def test_a_rate_in_a_function_of_a_submodel_with_its_own_time_is_refused():
    function = f'<functionDefinition id="f">{math_of("lambda(a, rateOf(a))")}</functionDefinition>'
    parts = {"parameters": parameter("x", 1) + parameter("y"), "rules": rate("x", "3") + assignment("y", "f(x)")}
    inner = content(**parts, more=f"<listOfFunctionDefinitions>{function}</listOfFunctionDefinitions>")
    factor = 'comp:timeConversionFactor="tcf"'
    main = content(parameters=parameter("tcf", T, constant=True), submodels=submodel("A", "inner", factor))
    with pytest.raises(UnsupportedModelError, match="'A' has a time conversion factor, and its function 'f' uses"):
        read({"inner": inner}, main)
    expect(read({"inner": inner}, content(submodels=submodel("A", "inner"))), {"A__y": 3.0})


def test_time_and_extent_conversion_factors_of_a_reaction():
    more = (
        '<listOfCompartments><compartment id="c" size="1" spatialDimensions="3" constant="true"/></listOfCompartments>'
        '<listOfSpecies><species id="S" compartment="c" initialAmount="6" hasOnlySubstanceUnits="true" '
        'boundaryCondition="false" constant="false"/></listOfSpecies>'
    )
    law = (
        '<listOfReactions><reaction id="r" reversible="false"><listOfReactants><speciesReference species="S" '
        f'stoichiometry="1" constant="true"/></listOfReactants><kineticLaw>{math_of("0.5 * S")}</kineticLaw>'
        "</reaction></listOfReactions>"
    )
    inner = more + content(parameters=parameter("q", 0), rules=rate("q", "r")) + law
    main = content(
        parameters=parameter("tcf", T, constant=True) + parameter("xcf", 10, constant=True),
        submodels=submodel("A", "inner", 'comp:timeConversionFactor="tcf" comp:extentConversionFactor="xcf"'),
    )
    amount = 6 * np.exp(-0.5 * 10 / T * TIMES)
    # The rate r is seen by q in the units of the submodel.
    expect(read({"inner": inner}, main), {"A__S": amount, "A__q": (6 - amount) / 10})
