"""Right-hand sides that jump: every jump is located, however short the time between two of them; closed forms."""

import math

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml import KineticModel
from skperturb.sbml._compiling.switches import frozen, jumps
from skperturb.sbml._solving.event_run import EventTrajectory
from skperturb.sbml._solving.simulate import IntegrationError

METHODS = ["LSODA", "BDF", "Radau"]


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def model(values, rates, rules=None, functions=None):
    """A model of parameters under rate rules and assignment rules, with function definitions."""
    parameters = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in values.items())
    listed = "".join(f'<rateRule variable="{k}">{math_of(v)}</rateRule>' for k, v in rates.items())
    for name, formula in (rules or {}).items():
        listed += f'<assignmentRule variable="{name}">{math_of(formula)}</assignmentRule>'
    defined = "".join(
        f'<functionDefinition id="{k}">{math_of(v)}</functionDefinition>' for k, v in (functions or {}).items()
    )
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        f"<listOfFunctionDefinitions>{defined}</listOfFunctionDefinitions>"
        f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{listed}</listOfRules></model></sbml>"
    )


def reactions(initial, laws):
    """Species and reactions ``{name: (reactant or "", product or "", law)}`` in one compartment of volume 1."""
    species = "".join(
        f'<species id="{k}" compartment="cell" initialConcentration="{v}" hasOnlySubstanceUnits="false"'
        ' boundaryCondition="false" constant="false"/>'
        for k, v in initial.items()
    )

    def side(tag, name):
        inner = f'<speciesReference species="{name}" stoichiometry="1" constant="true"/>'
        return f"<{tag}>{inner}</{tag}>" if name else ""

    def modifiers(law, *others):
        used = [name for name in initial if name in law and name not in others]
        inner = "".join(f'<modifierSpeciesReference species="{name}"/>' for name in used)
        return f"<listOfModifiers>{inner}</listOfModifiers>" if used else ""

    listed = "".join(
        f'<reaction id="{k}" reversible="false">{side("listOfReactants", a)}{side("listOfProducts", b)}'
        f"{modifiers(law, a, b)}<kineticLaw>{math_of(law)}</kineticLaw></reaction>"
        for k, (a, b, law) in laws.items()
    )
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        '<listOfCompartments><compartment id="cell" size="1" spatialDimensions="3" constant="true"/>'
        "</listOfCompartments>"
        f"<listOfSpecies>{species}</listOfSpecies><listOfReactions>{listed}</listOfReactions></model></sbml>"
    )


# -- windows of a state ----------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [0.2, 1e-3, 1e-7])
@pytest.mark.parametrize("times", [[0.0, 20.0], np.linspace(0, 20, 101)])
def test_a_window_narrower_than_a_step_is_passed_through(method, width, times):
    law = f"piecewise(1, A > 5 && A < {5 + width!r}, 0)"
    made = reactions({"A": 10, "z": 0}, {"decay": ("A", "", "0.1 * A"), "r": ("", "z", law)})
    # A is in the window for ln((5 + width) / 5) / 0.1; the times of its ends are known to the tolerance over A's rate.
    expected = 10 * np.log1p(width / 5)
    assert made.simulate(times, method=method)["z"].iloc[-1] == pytest.approx(expected, abs=1e-6)
    tight = made.simulate(times, method=method, rtol=1e-12)["z"].iloc[-1]
    assert tight == pytest.approx(expected, rel=1e-3, abs=1e-11)


WINDOWS = {
    "product": "(A > 5) * (A < 5.2) * 3",
    "nested": "piecewise(piecewise(3, A < 5.2, 0), A > 5, 0)",
    "not": "3 * !(A <= 5 || A >= 5.2)",
    "xor": "3 * xor(A > 5, A > 5.2)",
    "difference of steps": "3 * (floor(A / 5) - floor(A / 5.2))",
    "user function": "inside(A, 5, 5.2)",
    "assigned": "3 * D",
    "condition on a condition": "piecewise(3, D > 0.5, 0)",
}


@pytest.mark.parametrize("formula", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("method", ["LSODA", "BDF"])
def test_windows_in_every_kind_of_formula(formula, method):
    made = model(
        {"A": 10, "z": 0, "D": 0}, {"A": "-0.1 * A", "z": formula},
        rules={"D": "piecewise(1, A > 5 && A < 5.2, 0)"},
        functions={"inside": "lambda(x, a, b, piecewise(3, x > a && x < b, 0))"},
    )  # fmt: skip
    assert made.simulate([20.0], method=method)["z"].iloc[0] == pytest.approx(30 * np.log(5.2 / 5), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("clock", ["time", "t"])
def test_short_doses_by_a_clock(method, clock):
    on = f"{clock} >= 3 && {clock} < 3.001"
    made = model({"t": 0, "b": 0}, {"t": "1", "b": f"piecewise(1000, {on}, 0) - 0.5 * b"})
    frame = made.simulate([2.0, 3.0, 10.0], method=method)["b"]
    after = 2000 * (1 - np.exp(-0.0005))
    np.testing.assert_allclose(frame, [0, 0, after * np.exp(-0.5 * (10 - 3.001))], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("peak", [1e-2, 1e-4])
def test_a_threshold_that_is_hit_from_below_and_left_again(method, peak):
    # x = sin t passes 1 - peak for 2 arccos(1 - peak) around each maximum.
    made = model({"x": 0, "y": 1, "z": 0}, {"x": "y", "y": "-x", "z": f"piecewise(1, x > {1 - peak!r}, 0)"})
    frame = made.simulate([10.0], method=method, rtol=1e-10)
    assert frame["z"].iloc[0] == pytest.approx(4 * np.arccos(1 - peak), rel=1e-4)


def test_a_threshold_that_is_not_reached_is_not_hit():
    made = model({"x": 0, "y": 1, "z": 0}, {"x": "y", "y": "-x", "z": "piecewise(1, x > 1.0001, 0)"})
    assert made.simulate([50.0])["z"].iloc[0] == 0.0


def test_jumps_at_every_integer():
    made = model({"x": 0.0, "z": 0, "w": 0}, {"x": "1", "z": "floor(x)", "w": "rem(time, 0.7)"})
    frame = made.simulate([3.5])
    assert frame["z"].iloc[0] == pytest.approx(0 + 1 + 2 + 3 * 0.5, rel=1e-6)
    assert frame["w"].iloc[0] == pytest.approx(5 * 0.7**2 / 2, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_relay_with_hysteresis(method):
    # h is kept by a fast variable: x rises to 2, falls to 1, ...; each leg takes 1.
    made = model(
        {"x": 1, "h": 1, "z": 0},
        {"x": "piecewise(1, h > 0, -1)", "h": "piecewise(-1e6, x >= 2 && h > 0, 1e6, x <= 1 && h <= 0, 0)", "z": "x"},
    )
    assert made.simulate([20.0], method=method)["z"].iloc[0] == pytest.approx(30.0, rel=1e-4)


# -- what does not jump is not watched -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("max(x, 1)", 0), ("min(x, y, 1)", 0), ("abs(x)", 0), ("piecewise(x, x > 0, -x)", 0),
        ("piecewise(x - 1, x >= 1, 0)", 0), ("piecewise(x, x > 1, 0)", 1), ("x == 1", 0), ("max(x, 1) * (y < 2)", 1),
        ("floor(x)", 1), ("rem(x, 2)", 1), ("time > 3", 1), ("k > 3", 0),
    ],
)  # fmt: skip
def test_kinks_are_no_jumps(formula, expected):
    made = model({"x": 0, "y": 0, "k": 1}, {"x": f"1 * ({formula})", "y": "1"})
    assert len(made._system.switches) == expected


def test_frozen_formulas_do_not_jump():
    from skperturb.sbml._graph.code_generation import ArrayEvaluator
    from skperturb.sbml._graph.expression import ExpressionGraph

    graph = ExpressionGraph()
    x, two = graph.state(0), graph.constant(2.0)
    root = graph.add(
        graph.piecewise((x, graph.call("gt", x, graph.one), graph.zero)),
        graph.add(graph.call("rem", x, two), graph.call("floor", x)),
    )
    switches = jumps(graph, [root])
    assert sorted(graph.operation[node] for node in switches) == ["floor", "gt", "rem"]
    order = {graph.operation[node]: position for position, node in enumerate(switches)}
    values = [0.0, 0.0, 0.0]
    values[order["gt"]], values[order["rem"]], values[order["floor"]] = 1.0, 3.0, 7.0
    (held,) = frozen(graph, [root], switches, 0)
    for state in (0.5, 6.9, 7.1):
        (value,) = ArrayEvaluator(graph, [held])(0.0, [state], values)
        assert value == pytest.approx(state + (state - 6.0) + 7.0)


# -- steady states ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("upper", [8.0, 7.001])
def test_a_steady_state_knows_the_window_that_was_passed(upper):
    made = model({"T": 0, "z": 0}, {"T": "10 - T", "z": f"piecewise(1, T > 7 && T < {upper!r}, 0)"})
    rest = made.steady_state()
    # T = 10 (1 - exp(-t)): the window lasts ln(3 / (10 - upper))
    assert rest.state["z"] == pytest.approx(np.log(3 / (10 - upper)), rel=1e-5, abs=1e-6)
    assert rest.stable
    assert rest.is_reached
    assert made.simulate([100.0])["z"].iloc[0] == pytest.approx(rest.state["z"], rel=1e-5, abs=1e-6)


def test_a_bistable_model_pushed_over_by_a_short_dose():
    # x' = x (x - 1) (2 - x) from 0.5 goes to 0; a dose of 1 within a thousandth of time takes it to 2.
    free = {"x": "x * (x - 1) * (2 - x)", "t": "1 - 0.1 * t"}
    dosed = free | {"x": free["x"] + " + piecewise(1000, t > 0.4 && t < 0.401, 0)"}
    assert model({"x": 0.5, "t": 0}, free).steady_state().state["x"] == pytest.approx(0.0, abs=1e-8)
    assert model({"x": 0.5, "t": 0}, dosed).steady_state().state["x"] == pytest.approx(2.0, rel=1e-6)


# -- doses into nothing ----------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dose", "loss"), [(100.0, 10.0), (1e6, 0.1), (1e-9, 3.0), (1e8, 1e4)])
def test_a_dose_into_an_empty_species(method, dose, loss):
    made = reactions(
        {"b": 0}, {"r0": ("", "b", f"piecewise({dose!r}, time >= 5, 0)"), "r1": ("b", "", f"{loss!r} * b")}
    )
    times = np.array([4.9, 5.0, 6.0, 10.0])
    expected = dose / loss * -np.expm1(-loss * np.maximum(times - 5, 0))
    np.testing.assert_allclose(made.simulate(times, method=method)["b"], expected, rtol=1e-6)


def test_dose_upon_dose():
    law = "piecewise(10, time >= 1 && time < 2, 20, time >= 3 && time < 3.5, 5, time > 7, 0)"
    made = reactions({"b": 0}, {"r0": ("", "b", law)})
    np.testing.assert_allclose(
        made.simulate([1.0, 2.0, 3.25, 7.0, 9.0])["b"], [0, 10, 15, 20, 30], rtol=1e-8, atol=1e-12
    )


# -- right-hand sides that are undefined beside the solution ---------------------------------------------
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("power", ["b^1.5", "b * sqrt(b)", "b * exp(0.5 * ln(b))"])
def test_a_fractional_power_of_what_runs_out(method, power):
    made = reactions(
        {"b": 1, "c": 0},
        {"r1": ("b", "", "b"), "r2": ("", "c", f"{power} / (0.1 + {power})"), "r3": ("c", "", "0.5 * c")},
    )
    frame = made.simulate([1.0, 10.0, 100.0], method=method)
    np.testing.assert_allclose(frame["b"], np.exp([-1.0, -10.0, -100.0]), rtol=1e-5, atol=1e-12)
    # c' = g(t) - c / 2 by quadrature
    s = np.linspace(0, 10, 200_001)
    g = np.exp(-1.5 * s) / (0.1 + np.exp(-1.5 * s))
    assert np.isfinite(frame).all(axis=None)
    assert frame["c"].iloc[1] == pytest.approx(np.trapezoid(g * np.exp(-0.5 * (10 - s)), s), rel=1e-6)


def test_what_runs_out_comes_to_rest():
    made = reactions(
        {"b": 1, "c": 0}, {"r1": ("b", "", "b"), "r2": ("", "c", "b^1.5 / (0.1 + b^1.5)"), "r3": ("c", "", "0.5 * c")}
    )
    rest = made.steady_state()
    assert rest.stable
    np.testing.assert_allclose(rest.state, [0.0, 0.0], atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_an_undefined_formula_is_named_with_time_and_state(method):
    # ln(1 - x) ends at t = 1
    made = model({"x": 0, "z": 0}, {"x": "1", "z": "ln(1 - x)"})
    with pytest.raises(IntegrationError, match=r"stopped at t = (1|0\.99999\d*) before t = 3: .*not finite") as caught:
        made.simulate([3.0], method=method)
    assert "x = 1" in str(caught.value)
    assert "logarithm" in str(caught.value)
    with pytest.raises(NoSteadyStateError, match=r"no integrator comes beyond t = (1|0\.9999\d*):") as caught:
        made.steady_state()
    assert caught.value.status == "integration_failed"


def test_a_solution_that_ends_in_finite_time_has_diverged():
    with pytest.raises(NoSteadyStateError, match=r"leaves all bounds near t = (1|0\.999\d*)\.") as caught:
        model({"x": 1}, {"x": "x^2"}).steady_state()
    assert caught.value.status == "diverged"


@pytest.mark.parametrize("method", METHODS)
def test_a_state_that_slides_along_a_jump_ends_with_a_reason_or_stays_there(method):
    made = model({"x": 1}, {"x": "piecewise(1, x < 0, -1)"})
    reason = ""
    try:
        x = made.simulate([5.0], method=method)["x"].iloc[0]
    except IntegrationError as error:
        x, reason = 0.0, str(error)
    assert abs(x) < 1e-6
    assert not reason or ("t = 1" in reason and ("slides along a jump" in reason or "another method" in reason))


def test_only_the_jump_along_which_a_state_slides_is_left_to_itself():
    # x rises to 0.5 and slides there for a moment; the window of the clock comes later.
    slide = "piecewise(1 - 2 * piecewise(1, x > 0.5, 0), time < 0.50000001, 1)"
    rates = {"x": slide, "q": "1", "z": "piecewise(1e5, q > 5 && q < 5.00001, 0)"}
    found = model({"x": 0, "q": 0, "z": 0}, rates).simulate([0.0, 4.0, 9.0])
    np.testing.assert_allclose(found["x"], [0.0, 4.0, 9.0], atol=1e-6)
    np.testing.assert_allclose(found["z"], [0.0, 0.0, 1.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("start", "rate", "level"),
    [
        (2.0211154525823076, 0.2945813208049022, 1.3185749231578145),
        (4.962384096402241, 0.26502080529334804, 4.182229514776959),
        (7.222197296458847, 0.2042815808824707, 6.493437011038675),
        (3.127783604098064, 0.12777287221378672, 2.8917445164224453),
        (5.480360939058001, 0.12847432716027443, 4.193243603761743),
    ],
)
def test_rounding_after_a_crossing_is_no_slide(start, rate, level):
    """Just after a restart the solution may fall back across the level by rounding, from one restart to the next."""
    law = f"2.3 * piecewise(1, A > {level!r}, 0) - 0.9 * z"
    made = reactions({"A": start, "z": 0}, {"decay": ("A", "", f"{rate!r} * A"), "r": ("", "z", law)})
    run = EventTrajectory(made, rtol=1e-8, atol=1e-15, horizon=8.0)
    assert run.advance(8.0)
    assert not run._live
    assert len(run._switched) <= 20
    crossed = math.log(start / level) / rate
    assert run.state[1] == pytest.approx(2.3 / 0.9 * (1 - math.exp(-0.9 * crossed)) * math.exp(-0.9 * (8 - crossed)))
