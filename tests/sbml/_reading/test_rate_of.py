"""The csymbol rateOf: of symbols, of local parameters, of arguments, and as the function that stands for it."""

import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError
from skperturb.sbml import KineticModel

CORE = "http://www.sbml.org/sbml/level3/version2/core"
MATHML = "http://www.w3.org/1998/Math/MathML"
DERIVATIVE = (
    '<annotation><symbols xmlns="http://sbml.org/annotations/symbols" '
    'definition="http://en.wikipedia.org/wiki/Derivative"/></annotation>'
)


def math_of(content):
    return f'<math xmlns="{MATHML}">{content}</math>'


def rate_of(name):
    symbol = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf">rateOf</csymbol>'
    return f"<apply>{symbol}<ci>{name}</ci></apply>"


def call(name, *arguments):
    return f"<apply><ci>{name}</ci>{''.join(arguments)}</apply>"


def function(name, body, annotation=""):
    content = math_of(f"<lambda><bvar><ci>x</ci></bvar>{body}</lambda>")
    return f'<functionDefinition id="{name}">{annotation}{content}</functionDefinition>'


def model(assigned, *, law="<apply><times/><ci>k</ci><ci>A</ci></apply>", functions="", local=False):
    """A' = -2 A (with a local q: -5 A), and p is assigned."""
    listed = '<listOfLocalParameters><localParameter id="q" value="5"/></listOfLocalParameters>' if local else ""
    defined = f"<listOfFunctionDefinitions>{functions}</listOfFunctionDefinitions>" if functions else ""
    return f"""<sbml xmlns="{CORE}" level="3" version="2"><model id="m">{defined}
<listOfCompartments><compartment id="c" size="1" constant="true"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="3" hasOnlySubstanceUnits="false"
boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="k" value="2" constant="true"/><parameter id="p" constant="false"/></listOfParameters>
<listOfRules><assignmentRule variable="p">{math_of(assigned)}</assignmentRule></listOfRules>
<listOfReactions><reaction id="r" reversible="false"><listOfReactants>
<speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
<kineticLaw>{math_of(law)}{listed}</kineticLaw></reaction></listOfReactions></model></sbml>"""


def value(text, name="p"):
    loaded = KineticModel.from_sbml(text)
    return loaded.evaluate(np.array([0.0]), loaded.x0[None, :])[name].iloc[0]


def test_of_a_symbol():
    assert value(model(rate_of("A"))) == -6.0
    assert value(model(rate_of("k"))) == 0.0


def test_of_a_local_parameter_is_zero():
    law = f"<apply><plus/><apply><times/><ci>q</ci><ci>A</ci></apply>{rate_of('q')}</apply>"
    loaded = KineticModel.from_sbml(model("<ci>A</ci>", law=law, local=True))
    assert loaded.rhs(0.0, loaded.x0).tolist() == [-15.0]
    assert loaded.jacobian(0.0, loaded.x0).tolist() == [[-5.0]]


def test_of_a_local_parameter_that_hides_a_variable():
    # Outside, A varies; in the law, A is the local parameter.
    law = f"<apply><plus/><apply><times/><ci>k</ci><ci>A</ci></apply>{rate_of('A')}</apply>"
    text = model("<ci>k</ci>", law=law, local=True).replace('localParameter id="q"', 'localParameter id="A"')
    loaded = KineticModel.from_sbml(text)
    assert loaded.rhs(0.0, loaded.x0).tolist() == [-10.0]


def test_of_an_argument_is_that_of_the_symbol_it_stands_for():
    slope = function("slope", rate_of("x"))
    nested = slope + function("outer", call("slope", "<ci>x</ci>"))
    both = f"<apply><plus/>{call('slope', '<ci>A</ci>')}{call('slope', '<ci>k</ci>')}</apply>"
    assert value(model(call("slope", "<ci>A</ci>"), functions=slope)) == -6.0
    assert value(model(call("outer", "<ci>A</ci>"), functions=nested)) == -6.0
    assert value(model(both, functions=slope)) == -6.0
    law = f"<apply><plus/><apply><times/><ci>q</ci><ci>A</ci></apply>{call('slope', '<ci>q</ci>')}</apply>"
    loaded = KineticModel.from_sbml(model("<ci>A</ci>", law=law, functions=slope, local=True))
    assert loaded.rhs(0.0, loaded.x0).tolist() == [-15.0]


def test_calls_with_equal_values_of_different_symbols_are_kept_apart():
    # At the start, k and A are the same number: the rates of the two still differ.
    slope = function("slope", rate_of("x"))
    both = f"<apply><minus/>{call('slope', '<ci>k</ci>')}{call('slope', '<ci>A</ci>')}</apply>"
    text = model(both, functions=slope).replace('initialAmount="3"', 'initialAmount="2"')
    assert value(text) == 4.0


def test_of_an_argument_that_is_a_formula():
    doubled = "<apply><times/><cn>2</cn><ci>A</ci></apply>"
    with pytest.raises(InvalidModelError, match=r"function 'slope': rateOf\(x\) is called with a formula"):
        KineticModel.from_sbml(model(call("slope", doubled), functions=function("slope", rate_of("x"))))


@pytest.mark.parametrize("name", ["rateOf", "derivative"])
@pytest.mark.parametrize("level", [2, 3])
def test_annotated_function_stands_for_it(name, level):
    annotated = function(name, "<notanumber/>", DERIVATIVE)
    text = model(call(name, "<ci>A</ci>"), functions=annotated)
    if level == 2:
        text = text.replace(CORE, "http://www.sbml.org/sbml/level2/version4")
        text = text.replace('level="3" version="2"', 'level="2" version="4"').replace('stoichiometry="1" constant', "a")
        text = text.replace(' a="true"', "")
    assert value(text) == -6.0
    # Without the annotation it is what it says: not a number.
    assert np.isnan(value(text.replace(DERIVATIVE, "")))
    other = DERIVATIVE.replace("Derivative", "Integral")
    assert np.isnan(value(text.replace(DERIVATIVE, other)))
