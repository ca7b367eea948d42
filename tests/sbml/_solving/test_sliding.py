"""States that slide along a jump of the right-hand side: Filippov's solutions, in closed form."""

import math

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml import KineticModel
from skperturb.sbml._solving.event_run import EventTrajectory
from skperturb.sbml._solving.simulate import IntegrationError

METHODS = ["LSODA", "BDF", "Radau"]
RELAY = {"x": "1 - 2 * piecewise(1, x > 1, 0)"}
THERMOSTAT = {"x": "2 * piecewise(1, x < 1, 0) - x", "y": "piecewise(1, x < 1, 0)"}


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def model(values, rates, event=""):
    parameters = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in values.items())
    listed = "".join(f'<rateRule variable="{k}">{math_of(v)}</rateRule>' for k, v in rates.items())
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{listed}</listOfRules>{event}</model></sbml>"
    )


def event(trigger, target, value):
    return (
        '<listOfEvents><event useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
        f'{math_of(trigger)}</trigger><listOfEventAssignments><eventAssignment variable="{target}">{math_of(value)}'
        "</eventAssignment></listOfEventAssignments></event></listOfEvents>"
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [0.0, 1.0, 2.5])
def test_a_relay_stays_at_its_level(method, start):
    times = np.array([0.25, 1.0, 1.5, 10.0, 1e6])
    x = model({"x": start}, RELAY).simulate(times, method=method)["x"]
    np.testing.assert_allclose(x, 1 + np.sign(start - 1) * np.maximum(abs(start - 1) - times, 0), atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_a_thermostat_is_on_for_the_part_of_the_time_that_balances_its_loss(method):
    frame = model({"x": 0, "y": 0}, THERMOSTAT).simulate([0.5, 10.0], method=method)
    # x = 2 (1 - exp(-t)) until ln 2; then on for a half of the time.
    np.testing.assert_allclose(frame["x"], [2 * -math.expm1(-0.5), 1], rtol=1e-7)
    np.testing.assert_allclose(frame["y"], [0.5, math.log(2) + (10 - math.log(2)) / 2], rtol=1e-7)


@pytest.mark.parametrize("written", ["x > 1", "1 < x", "x >= 1", "!(x <= 1)"])
def test_the_jump_may_be_written_in_several_ways_at_once(written):
    rates = {"x": f"1 - piecewise(1, x > 1, 0) - piecewise(1, {written}, 0)", "y": f"piecewise(1, {written}, 0)"}
    frame = model({"x": 0, "y": 0}, rates).simulate([1.0, 11.0])
    np.testing.assert_allclose(frame, [[1, 0], [1, 5]], atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_a_slide_is_left_where_one_side_no_longer_pushes_back(method):
    # Below 1 x' = 2 - t, above x' = -t: the slide begins at 2 - sqrt(2) and ends at 2, downwards; y is on for t / 2.
    rates = {"x": "2 * piecewise(1, x < 1, 0) - u", "u": "1", "y": "piecewise(1, x < 1, 0)"}
    times = np.array([0.5, 1.0, 2.0, 3.0])
    frame = model({"x": 0, "u": 0, "y": 0}, rates).simulate(times, method=method)
    begin = 2 - math.sqrt(2)
    slid = begin + (np.minimum(times, 2) ** 2 - begin**2) / 4
    np.testing.assert_allclose(frame["x"], [0.875, 1, 1, 0.5], rtol=1e-6)
    np.testing.assert_allclose(frame["y"], [0.5, slid[1], slid[2], slid[2] + 1], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_slide_is_left_upwards(method):
    # Below x' = 1, above x' = t / 2 - 1: it slides from 1 to 2 and rises then by (t - 2)^2 / 4.
    rates = {"x": "piecewise(1, x < 1, u / 2 - 1)", "u": "1"}
    frame = model({"x": 0, "u": 0}, rates).simulate([0.5, 1.5, 2.0, 4.0], method=method)
    np.testing.assert_allclose(frame["x"], [0.5, 1, 1, 2], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_dry_friction_sticks_and_slips(method):
    # v' = 1.5 sin t - sign(v), from rest: v sticks until sin t = 2 / 3, then slips forward.
    rates = {"v": "1.5 * sin(time) - piecewise(1, v > 0, -1)"}
    sticks = math.asin(2 / 3)
    times = np.array([0.3, sticks, 1.5, 2.5])
    v = model({"v": 0}, rates).simulate(times, method=method, rtol=1e-10)["v"]
    expected = np.where(times > sticks, 1.5 * (math.cos(sticks) - np.cos(times)) - (times - sticks), 0)
    np.testing.assert_allclose(v, expected, atol=1e-7)


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
def test_a_slide_along_a_curve(method):
    # The radius grows inside the unit circle and shrinks outside; the angle is t.
    side = "piecewise(1, x^2 + y^2 < 1, -1)"
    rates = {"x": f"-y + x * {side}", "y": f"x + y * {side}"}
    frame = model({"x": 0.5, "y": 0}, rates).simulate([0.5, 20.0], method=method)
    radius = np.array([0.5 * math.exp(0.5), 1])
    np.testing.assert_allclose(frame, radius[:, None] * [[math.cos(t), math.sin(t)] for t in (0.5, 20)], atol=3e-6)


def test_a_slide_between_two_integers():
    # x' = 1.5 - floor(x) comes to 2, between the rates 0.5 and -0.5.
    frame = model({"x": 0.5, "y": 0}, {"x": "1.5 - floor(x)", "y": "floor(x)"}).simulate([5.0])
    crossed = (0.5 / 1.5, 0.5 / 1.5 + 1 / 0.5)
    expected = (crossed[1] - crossed[0]) + 1.5 * (5 - crossed[1])
    np.testing.assert_allclose(frame.iloc[0], [2, expected], rtol=1e-7)


def test_what_happens_during_a_slide():
    # The push changes at 3, from 1 and -1 to 2 and 0.5: the slide ends there. A window of the clock is passed as well.
    rates = {
        "x": "piecewise(1, time < 3, 2) - piecewise(2, x > 0.5 && time < 3, 1.5, x > 0.5, 0)",
        "q": "1",
        "z": "piecewise(1e5, q > 2 && q < 2.00001, 0)",
    }
    frame = model({"x": 0, "q": 0, "z": 0}, rates).simulate([2.5, 3.0, 5.0])
    np.testing.assert_allclose(frame["x"], [0.5, 0.5, 1.5], rtol=1e-7)
    np.testing.assert_allclose(frame["z"], 1, rtol=1e-5)


def test_the_exact_derivative_along_a_slide():
    rates = {"x": "2 * k * piecewise(1, x * y < 1, 0) - x * k", "y": "-0.1 * y^2 * x", "k": "0.1 * (1 - k) * y"}
    run = EventTrajectory(model({"x": 0, "y": 0.9, "k": 1}, rates), rtol=1e-8, atol=1e-12, horizon=3.0)
    assert run.advance(3.0)
    assert run.sliding
    h = 1e-6
    numeric = [
        (run._slide.rhs(3.0, run.state + h * e) - run._slide.rhs(3.0, run.state - h * e)) / (2 * h) for e in np.eye(3)
    ]
    np.testing.assert_allclose(run._slide.jacobian(3.0, run.state), np.transpose(numeric), rtol=1e-6, atol=1e-8)
    assert run.state[0] * run.state[1] == pytest.approx(1, rel=1e-7)
    assert run.steps < 300


def test_two_slides_at_once_are_refused_by_name_and_quickly():
    rates = {
        "x": "-2 * piecewise(1, x > 0, -1) + piecewise(1, y > 0, -1)",
        "y": "-piecewise(1, x > 0, -1) - 2 * piecewise(1, y > 0, -1)",
    }
    with pytest.raises(IntegrationError, match=r"stopped at t = 0\.6\d* before t = 4: .*two jumps at once"):
        model({"x": 1, "y": 1}, rates).simulate([4.0])


@pytest.mark.parametrize(
    "made", [model({"x": 0}, RELAY), model({"x": 0, "y": 0}, {"x": THERMOSTAT["x"], "y": "1 - y"})]
)
def test_a_state_that_rests_sliding_is_no_steady_state(made):
    with pytest.raises(NoSteadyStateError, match=r"rests at t = 1e\+10 on a jump of the right-hand side") as caught:
        made.steady_state()
    assert caught.value.status == "sliding"


def test_a_slide_on_the_way_to_a_steady_state():
    # u' = (5 - u) / 10 rises from 0: x slides at 1 from u = 1 on and is let go, upwards, at u = 2.
    rates = {"x": "piecewise(u, x < 1, u - 1) - x", "u": "0.1 * (5 - u)"}
    rest = model({"x": 0, "u": 0}, rates).steady_state()
    np.testing.assert_allclose(rest.state, [4, 5], rtol=1e-8)
    assert rest.stable


def test_an_event_on_the_level_fires_once_in_a_slide():
    made = model({"x": 0, "n": 0}, RELAY | {"n": "0"}, event("x > 1", "n", "n + 1"))
    frame = made.simulate([0.5, 2.0, 9.0])
    np.testing.assert_allclose(frame, [[0.5, 0], [1, 1], [1, 1]], atol=1e-7)


def test_an_event_takes_the_state_out_of_a_slide():
    # Each time that q comes to 3 the level is left for 0.4, downwards.
    taken = event("q >= 3", "x", "0.4").replace(
        "</listOfEventAssignments>",
        f'<eventAssignment variable="q">{math_of("0")}</eventAssignment></listOfEventAssignments>',
    )
    made = model({"x": 0, "q": 0}, RELAY | {"q": "1"}, taken)
    frame = made.simulate([2.9, 3.1, 3.3, 4.0, 6.1, 8.9])
    np.testing.assert_allclose(frame["x"], [1, 0.5, 0.7, 1, 0.5, 1], atol=1e-7)
