"""Level 1: formulas are text, ids are names, and nothing can be declared constant."""

import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel


def model(parameters="", rules="", *, law="k*S", volume="1", reference="", law_parameters=""):
    ruled = f"<listOfRules>{rules}</listOfRules>" if rules else ""
    return f"""<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model name="m">
<listOfCompartments><compartment name="c" volume="{volume}"/></listOfCompartments>
<listOfSpecies><species name="S" compartment="c" initialAmount="1"/></listOfSpecies>
<listOfParameters><parameter name="k" value="2"/>{parameters}</listOfParameters>{ruled}
<listOfReactions><reaction name="r" reversible="false"><listOfReactants>
<speciesReference species="S" {reference}/></listOfReactants>
<kineticLaw formula="{law}">{law_parameters}</kineticLaw></reaction></listOfReactions></model></sbml>"""


def algebraic(formula):
    return f'<algebraicRule formula="{formula}"/>'


def run(text, name):
    return KineticModel.from_sbml(text).simulate([0.0, 1.0])[name].to_numpy()


DECAY = np.array([1.0, np.exp(-2.0)])


@pytest.mark.parametrize(
    ("parameters", "rule", "expected"),
    [
        ('<parameter name="p"/>', "p - 3*S", 3 * DECAY),
        # The one without a value is determined, whatever the order.
        ('<parameter name="q" value="3"/><parameter name="p"/>', "q*S - p", 3 * DECAY),
        ('<parameter name="p"/><parameter name="q" value="3"/>', "p*q - S", DECAY / 3),
        # The only candidate may have a value, which the rule replaces.
        ('<parameter name="p" value="99"/>', "p - 3*S", 3 * DECAY),
        ('<parameter name="p"/>', "p*p*p - 8*S", 2 * DECAY ** (1 / 3)),
    ],
)
def test_algebraic_rule_determines_a_parameter(parameters, rule, expected):
    np.testing.assert_allclose(run(model(parameters, algebraic(rule)), "p"), expected, rtol=1e-6)


def test_algebraic_rule_determines_a_compartment():
    # No parameter stands in the rule, and the compartment has no rule of its own.
    values = run(model("", algebraic("c - 3*k*0.5")), "c")
    np.testing.assert_allclose(values, [3.0, 3.0])


def test_determined_parameter_acts_on_the_reaction():
    text = model('<parameter name="p"/>', algebraic("p - 3*k"), law="p*S")
    np.testing.assert_allclose(run(text, "S"), [1.0, np.exp(-6.0)], rtol=1e-6)


def test_ambiguous_rule_says_what_to_do_in_level_1():
    text = model('<parameter name="p" value="1"/><parameter name="q" value="1"/>', algebraic("p - q*S"))
    with pytest.raises(UnsupportedModelError, match=r"'p' or 'q'.*in Level 1.*leave out its value"):
        KineticModel.from_sbml(text)


def test_parameters_without_a_rule_stay_constant():
    loaded = KineticModel.from_sbml(model('<parameter name="p" value="1"/>'))
    assert loaded.dynamo_jacobian(0.0, loaded.x0)[0] == ("S",)
    ruled = KineticModel.from_sbml(
        model('<parameter name="p" value="1"/>', '<parameterRule name="p" formula="S" type="rate"/>')
    )
    assert ruled.variables == ("S", "p")


@pytest.mark.parametrize(
    ("reference", "slope"),
    [("", -2.0), ('stoichiometry="3"', -6.0), ('stoichiometry="3" denominator="2"', -3.0)],
)
def test_stoichiometry_is_a_ratio(reference, slope):
    loaded = KineticModel.from_sbml(model(reference=reference))
    assert loaded.rhs(0.0, loaded.x0).tolist() == [slope]
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (model(reference='stoichiometry="3" denominator="0"'), "'S' in reaction 'r' has the denominator 0"),
        (model(law="k*S*1e400"), "1e400, which is larger than any floating-point number"),
        (model(law="k*S*"), r"kinetic law of reaction 'r' is 'k\*S\*', which is no formula"),
        (model('<parameter value="1"/>'), "line 4: a <parameter> has no name"),
        (model(volume="-1"), "compartment 'c' has the size -1"),
        (model(rules='<speciesConcentrationRule species="S" formula="2"/>'), "'S'.*'r'.*20610"),
        (model(law_parameters='<listOfParameters><parameter name="a" value="1"/><parameter name="a" value="2"/>'
               "</listOfParameters>"), "two local parameters 'a'"),
    ],
)  # fmt: skip
def test_faults(text, message):
    with pytest.raises(InvalidModelError, match=message):
        KineticModel.from_sbml(text)


def test_large_integers_in_a_formula():
    loaded = KineticModel.from_sbml(model(law="S*3000000000"))
    assert loaded.rhs(0.0, loaded.x0).tolist() == [-3e9]
