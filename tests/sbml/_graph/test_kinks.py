"""Kinks and jumps at the state are named; smooth points are not."""

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import ModelWarning
from skperturb.sbml import JacobianExtractor, KineticModel


def model(formula, value):
    math = libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        f'<listOfParameters><parameter id="x" value="{value}" constant="false"/></listOfParameters>'
        f'<listOfRules><rateRule variable="x">{math}</rateRule></listOfRules></model></sbml>'
    )


@pytest.mark.parametrize(
    ("formula", "kink", "smooth"),
    [
        ("abs(x - 1)", 1.0, 2.0),
        ("max(x, 2)", 2.0, 2.1),
        ("min(x, 2) - x", 2.0, 1.9),
        ("piecewise(x, x < 3, 3)", 3.0, 2.9),
        ("piecewise(1, x > 3, 0)", 3.0, 3.1),
        ("floor(x)", 4.0, 4.5),
        ("ceil(x / 2)", 4.0, 4.5),
    ],
)
def test_kinks_and_jumps_are_named(formula, kink, smooth):
    assert model(formula, kink).nonsmooth_variables(0.0, [kink]) == ("x",)
    assert model(formula, kink).nonsmooth_variables(0.0, [smooth]) == ()


@pytest.mark.parametrize("formula", ["piecewise(x^2, x > 0, -x^2)", "piecewise(2 * x - 1, x < 1, x^2)", "x * abs(x)"])
def test_branches_that_meet_smoothly_are_smooth(formula):
    for value in (0.0, 1.0):
        assert model(formula, value).nonsmooth_variables(0.0, [value]) == ()


def test_extractor_warns_of_a_kink_at_the_state():
    with pytest.warns(ModelWarning, match="m: at t = 0 the equations of 'x' have a kink"):
        network = JacobianExtractor(at="initial").fit_transform([model("-abs(x)", 0)])[0]
    assert np.isfinite(network.jacobian.to_numpy()).all()


@pytest.mark.parametrize(
    ("operation", "operands", "sides"),
    [
        ("floor", [4.0], (3.0, 4.0)),
        ("floor", [-4.0], (-5.0, -4.0)),
        ("ceil", [4.0], (4.0, 5.0)),
        ("trunc", [4.0], (3.0, 4.0)),
        ("trunc", [-4.0], (-4.0, -3.0)),
        ("trunc", [0.0], None),
        ("floor", [1e9 + 5e-4], (1e9 - 1.0, 1e9)),
        ("floor", [1e9 + 5e-3], None),
        ("floor", [5e-13], (-1.0, 0.0)),
        ("floor", [5e-12], None),
        ("floor", [np.inf], None),
        ("lt", [1e9, 1e9 + 5e-4], (True, False)),
        ("lt", [1e9, 1e9 + 5e-3], None),
        ("ge", [1e-9, 1e-9 * (1 + 5e-13)], (True, False)),
        ("ge", [1e-9, 1e-9 * (1 + 5e-12)], None),
        ("eq", [0.0, 0.0], (True, False)),
        ("eq", [1.0, -1.0], None),
        ("sign", [0.0], (-1.0, 1.0)),
        ("sign", [1e-300], None),
    ],
)
def test_sides_of_a_tie(operation, operands, sides):
    from skperturb.sbml._graph.kinks import _sides

    assert _sides(operation, operands) == sides
