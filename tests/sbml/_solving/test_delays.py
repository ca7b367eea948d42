"""Delay differential equations against closed forms: the method of steps, state-dependent lags, events, stability."""

from math import factorial

import libsbml
import numpy as np
import pytest
from scipy.special import lambertw

from skperturb.exceptions import InvalidModelError, NoSteadyStateError, UnsupportedModelError
from skperturb.sbml import JacobianExtractor, KineticModel
from skperturb.sbml._solving.delay_spectrum import _chebyshev, _interpolation, rightmost_root
from skperturb.sbml._solving.simulate import IntegrationError

METHODS = ["LSODA", "BDF", "Radau"]


def math_of(formula):
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, libsbml.getLastParseL3Error()
    return libsbml.writeMathMLToString(tree).split("?>", 1)[1]


def model(values, rates=(), rules=(), events=(), functions=()):
    """Parameters under rules; an event is a trigger and what it assigns."""
    parameters = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in values.items())
    text = "".join(f'<rateRule variable="{k}">{math_of(f)}</rateRule>' for k, f in rates)
    text += "".join(f'<assignmentRule variable="{k}">{math_of(f)}</assignmentRule>' for k, f in rules)
    fired = "".join(
        '<event useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
        f"{math_of(trigger)}</trigger><listOfEventAssignments>"
        + "".join(f'<eventAssignment variable="{k}">{math_of(f)}</eventAssignment>' for k, f in assigned)
        + "</listOfEventAssignments></event>"
        for trigger, assigned in events
    )
    defined = "".join(f'<functionDefinition id="{k}">{math_of(f)}</functionDefinition>' for k, f in functions)
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="d">'
        f"{f'<listOfFunctionDefinitions>{defined}</listOfFunctionDefinitions>' if defined else ''}"
        f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{text}</listOfRules>"
        f"{f'<listOfEvents>{fired}</listOfEvents>' if fired else ''}</model></sbml>"
    )


def by_steps(times, a=1.0, lag=1.0):
    """x' = -a x(t - lag) with x = 1 before 0: a polynomial of a degree more in every lag."""
    terms = [(-a) ** k * np.maximum(times - (k - 1) * lag, 0.0) ** k / factorial(k) for k in range(1, 40)]
    return 1.0 + np.sum(terms, axis=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("a", "lag"), [(1.0, 1.0), (2.5, 0.3)])
def test_method_of_steps(method, a, lag):
    times = np.linspace(0.0, 6.0, 31)
    found = model({"x": 1}, [("x", f"-{a} * delay(x, {lag})")]).simulate(times, method=method)
    np.testing.assert_allclose(found["x"], by_steps(times, a, lag), atol=1e-7)


def test_assigned_symbols_show_the_past():
    """delay(x, 1) of x = t² from 0 on; before, x was what it is at the start, and time went on from below."""
    times = np.linspace(0.0, 5.0, 21)
    found = model(
        {"x": 0, "y": 0, "z": 0, "u": 0},
        [("x", "2 * time")],
        [("y", "delay(x, 1)"), ("z", "delay(delay(x, 1) + x, 0.5)"), ("u", "delay(time, 2)")],
    ).simulate(times)

    def before(lag):
        return np.maximum(times - lag, 0.0) ** 2

    np.testing.assert_allclose(found["y"], before(1.0), atol=1e-7)
    np.testing.assert_allclose(found["z"], before(1.5) + before(0.5), atol=1e-7)
    np.testing.assert_allclose(found["u"], times - 2.0, atol=1e-12)


def test_delay_in_a_function_and_as_a_parameter():
    times = np.linspace(0.0, 4.0, 9)
    found = model({"x": 1, "tau": 1}, [("x", "-ago(x, tau)")], functions=[("ago", "lambda(s, d, delay(s, d))")])
    np.testing.assert_allclose(found.simulate(times)["x"], by_steps(times), atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_lag_that_grows_with_time(method):
    """The pantograph equation x' = -x(t / 2), whose lag is zero at the start, has a power series."""
    times = np.linspace(0.0, 6.0, 13)
    exact = sum((-times) ** k / (factorial(k) * 2.0 ** (k * (k - 1) / 2)) for k in range(40))
    found = model({"x": 1}, [("x", "-delay(x, time / 2)")]).simulate(times, method=method)
    np.testing.assert_allclose(found["x"], exact, atol=1e-6)


def test_lag_that_depends_on_the_state():
    """y' = y y(ln y - 1) / (1 + t) with y = 1 before 0: 1 + t up to e - 1, then exp((1 + t) / e) up to e² - 1."""
    times = np.linspace(0.0, 6.0, 25)
    exact = np.where(times <= np.e - 1.0, 1.0 + times, np.exp((1.0 + times) / np.e))
    found = model({"y": 1}, [("y", "y * delay(y, time + 1 - ln(y)) / (1 + time)")]).simulate(times)
    np.testing.assert_allclose(found["y"], exact, rtol=2e-6)


def test_what_an_event_sets_acts_a_lag_later():
    times = np.linspace(0.0, 6.0, 25)
    found = model({"x": 0, "u": 0}, [("x", "delay(u, 1.3)")], events=[("time > 2", [("u", "1")])]).simulate(times)
    np.testing.assert_allclose(found["x"], np.maximum(times - 3.3, 0.0), atol=1e-9)
    # A state that jumps: its past has two values at one time.
    found = model({"x": 0, "y": 1}, [("x", "delay(y, 1)"), ("y", "0")], events=[("time > 2", [("y", "y + 2")])])
    expected = times + 2.0 * np.maximum(times - 3.0, 0.0)
    np.testing.assert_allclose(found.simulate(times)["x"], expected, atol=1e-9)


def test_a_short_past_is_met_between_late_outputs():
    """A pulse of 0.05 that acts 50 later, when the steps are long: they have to end where it begins and ends."""
    events = [("time > 2", [("u", "1")]), ("time > 2.05", [("u", "0")])]
    found = model({"x": 0, "u": 0}, [("x", "delay(u, 50)")], events=events).simulate([30.0, 51.0, 60.0])
    np.testing.assert_allclose(found["x"], [0.0, 0.0, 0.05], atol=1e-8)


def test_lag_that_an_event_changes():
    """The value before is forgotten at once: what counts is the lag of now."""
    found = model({"x": 0, "y": 0, "d": 1}, [("x", "1")], [("y", "delay(x, d)")], [("time > 2", [("d", "3")])])
    np.testing.assert_allclose(found.simulate([1.5, 2.5, 6.0])["y"], [0.5, 0.0, 3.0], atol=1e-9)


def test_trigger_on_the_past():
    """x(t - 1) is above 0.8 for a short while only, shorter than the steps elsewhere."""
    events = [("delay(sin(x), 1) > 0.999", [("n", "n + 1"), ("t1", "time")])]
    found = model({"x": 0, "n": 0, "t1": 0}, [("x", "1")], events=events).simulate([2.0, 10.0])
    assert found["n"].tolist() == [0.0, 2.0]
    assert found["t1"].iloc[-1] == pytest.approx(1.0 + 2.0 * np.pi + np.arcsin(0.999), abs=1e-7)


def test_jump_of_the_past_is_located():
    """A condition on x inside the delayed expression: x = exp(-t) falls below 0.5 at ln 2."""
    found = model({"x": 1, "u": 0}, [("x", "-x"), ("u", "delay(piecewise(1, x < 0.5, 0), 1)")]).simulate([5.0])
    assert found["u"].iloc[0] == pytest.approx(4.0 - np.log(2.0), abs=1e-7)


def test_rate_of_something_delayed():
    """y = x(t - 1) with x = t²: its rate is 2 (t - 1), half of it if the lag grows by half of the time."""
    rate = '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf">rateOf</csymbol>'
    text = (
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="d">'
        "<listOfParameters>"
        + "".join(f'<parameter id="{k}" value="0" constant="false"/>' for k in ("x", "y", "z", "v", "w"))
        + f'</listOfParameters><listOfRules><rateRule variable="x">{math_of("2 * time")}</rateRule>'
        f'<assignmentRule variable="y">{math_of("delay(x, 1)")}</assignmentRule>'
        f'<assignmentRule variable="z">{math_of("delay(x, 1 + time / 2)")}</assignmentRule>'
        + "".join(
            f'<assignmentRule variable="{k}"><math xmlns="http://www.w3.org/1998/Math/MathML">{rate}<ci>{of}</ci></apply>'
            "</math></assignmentRule>"
            for k, of in (("v", "y"), ("w", "z"))
        )
        + "</listOfRules></model></sbml>"
    )
    found = KineticModel.from_sbml(text).simulate([3.0, 5.0])
    np.testing.assert_allclose(found["v"], [4.0, 8.0], rtol=1e-7)
    np.testing.assert_allclose(found["w"], [0.5, 1.5], rtol=1e-6)  # x(t / 2 - 1)' = (t / 2 - 1)


def test_negative_lags_are_refused():
    with pytest.raises(InvalidModelError, match=r"delay\(\) is given the time -1; expected a number >= 0"):
        model({"x": 1}, [("x", "-delay(x, -1)")])
    with pytest.raises(IntegrationError, match=r"a delay of -\S+ is asked for; expected a finite number >= 0"):
        model({"x": 1}, [("x", "-delay(x, 2 - time)")]).simulate([5.0])


# -- at rest ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [-0.95, 0.1, 1.0])
def test_a_polynomial_through_chebyshev_points_has_its_values_and_slopes(at):
    points, derivative = _chebyshev(6)
    np.testing.assert_allclose(_interpolation(points, at) @ points**5, at**5, atol=1e-12)
    np.testing.assert_allclose(derivative @ points**5, 5 * points**4, atol=1e-12)


@pytest.mark.parametrize("a", [0.2, 1.0, 1.5, 1.6, 3.0])
def test_rightmost_root_is_that_of_the_characteristic_equation(a):
    """Lambda = -a exp(-lambda) is solved by Lambert's function; stable up to a = pi / 2."""
    whole, split = model({"x": 1}, [("x", f"-{a} * delay(x, 1)")]), "delay(delay(x, 0.3), 0.7)"
    exact = max((complex(lambertw(-a, k)) for k in range(-3, 4)), key=lambda root: root.real)
    for found in (whole, model({"x": 1}, [("x", f"-{a} * {split}")])):
        root = rightmost_root(found, 0.0, np.zeros(1), 0)
        assert root.real == pytest.approx(exact.real, abs=1e-10)
        assert abs(root.imag) == pytest.approx(abs(exact.imag), abs=1e-10)


def test_steady_state_and_its_stability():
    """1 - a x(t - 1): at rest x = 1 / a; without the memory it would be stable for any a."""
    rest = model({"x": 0.3}, [("x", "1 - 1.2 * delay(x, 1)")]).steady_state()
    assert rest.state["x"] == pytest.approx(1.0 / 1.2, rel=1e-9)
    assert rest.stable
    assert rest.is_reached
    assert rest.max_real_part == pytest.approx(max(complex(lambertw(-1.2, k)).real for k in range(-2, 3)), rel=1e-9)
    with pytest.raises(NoSteadyStateError, match="runs off") as caught:
        model({"x": 0.3}, [("x", "1 - 2 * delay(x, 1)")]).steady_state()
    assert caught.value.status == "diverged"


def test_oscillator_circles_its_state():
    """The equation of Mackey and Glass: x = 1 at rest, stable for a short lag and circled for a long one."""
    law = "0.2 * delay(x, {0}) / (1 + delay(x, {0})^10) - 0.1 * x"
    short, long = (model({"x": 1.2}, [("x", law.format(lag))]).steady_state() for lag in (2, 17))
    for rest in (short, long):
        assert rest.state["x"] == pytest.approx(1.0, rel=1e-9)
    assert short.is_reached
    assert not long.stable
    assert not long.is_reached
    network = JacobianExtractor().fit_transform([model({"x": 1.2}, [("x", law.format(2))])])[0]
    # d/dx of 0.2 x / (1 + x^10) - 0.1 x at 1: 0.1 - 0.5 - 0.1
    assert network.jacobian.iloc[0, 0] == pytest.approx(-0.5, rel=1e-9)


def test_what_is_on_its_way_counts():
    """A leaves and becomes B two units of time later: A + B + 0.4 A is 1.9 for ever, and 0.2 A = 0.3 B at rest."""
    rates = [("A", "0.3 * B - 0.2 * A"), ("B", "delay(0.2 * A, 2) - 0.3 * B")]
    found = model({"A": 1, "B": 0.5}, rates)
    rest = found.steady_state()
    a = 1.9 / (1.0 + 2.0 / 3.0 + 0.4)
    np.testing.assert_allclose(rest.state, [a, 2.0 * a / 3.0], rtol=1e-6)
    np.testing.assert_allclose(found.simulate([200.0])[["A", "B"]].iloc[0], rest.state, rtol=1e-6)


def test_state_on_the_way_has_no_jacobian():
    with pytest.raises(UnsupportedModelError, match="depend on the past"):
        JacobianExtractor(at=3.0).fit_transform([model({"x": 1}, [("x", "-delay(x, 1)")])])


def test_parameter_that_is_not_delayed_stays_what_it_is():
    """delay of a constant is the constant, and a lag of 0 is none: nothing is followed with a memory."""
    found = model({"x": 1, "k": 2}, [("x", "-delay(2, 1) * delay(x, 0)")])
    assert found._system.delays == ()
    np.testing.assert_allclose(found.simulate([1.0])["x"], np.exp(-2.0), rtol=1e-7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [0.3, 1e-4])
def test_a_condition_on_something_delayed_is_a_switch(method, width):
    window = f"delay(x, 2) > 1 && delay(x, 2) < 1 + {width!r}"
    made = model({"x": 0, "z": 0}, [("x", "1"), ("z", f"piecewise({1 / width!r}, {window}, 0)")])
    found = made.simulate([0.0, 2.9, 3.0 + width / 2, 10.0], method=method)
    np.testing.assert_allclose(found["z"], [0.0, 0.0, 0.5, 1.0], atol=1e-6)
