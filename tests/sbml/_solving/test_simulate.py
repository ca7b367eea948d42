"""Trajectories."""

import numpy as np
import pytest

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._solving.integrate import too_slow
from skperturb.sbml._solving.simulate import IntegrationError, simulate


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_linear_cascade_has_its_closed_form(hand, method):
    times = np.array([0.0, 0.3, 1.0, 7.0])
    frame = simulate(hand.cascade(), times, method=method)
    assert frame.index.name == "time"
    np.testing.assert_array_equal(frame.index, times)
    np.testing.assert_allclose(frame["A"], 2 * (1 - np.exp(-times)), rtol=1e-6, atol=1e-9)
    # B' = 3 A - 1.5 B
    b = 4 - 12 * (-np.exp(-times)) * -1 + (12 - 4) * np.exp(-1.5 * times)
    np.testing.assert_allclose(frame["B"], b, rtol=1e-5, atol=1e-7)


def test_first_time_need_not_be_zero(hand):
    late = simulate(hand.cascade(), [2.0])
    np.testing.assert_allclose(late, simulate(hand.cascade(), [0.0, 2.0]).iloc[[1]], rtol=1e-7)


def test_conserved_totals_are_kept(hand):
    frame = simulate(hand.binding(), np.linspace(0, 50, 6))
    np.testing.assert_allclose(frame["A"] + frame["AB"], 2.5, rtol=1e-9)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "non-empty"),
        ([[0.0, 1.0]], "1-D"),
        ([0.0, np.nan], r"times\[1\]"),
        ([-1.0, 1.0], r"times\[0\]"),
        ([0.0, 1.0, 1.0], "increase strictly"),
        (["a"], "sequence of numbers"),
        ([np.inf], r"times\[0\]"),
    ],
)
def test_bad_times(hand, times, message):
    with pytest.raises(ValueError, match=message):
        simulate(hand.cascade(), times)


@pytest.mark.parametrize(
    "bad", [{"rtol": 0.0}, {"rtol": np.nan}, {"atol": -1.0}, {"atol": [1.0] * 3}, {"method": "x"}, {"random_state": -1}]
)
def test_bad_options(hand, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        simulate(hand.cascade(), [1.0], **bad)


@pytest.mark.parametrize("method", ["LSODA", "BDF"])
def test_blow_up_in_finite_time_is_an_error(hand, method):
    model = hand.Model("A", (1.0,), [[1]], lambda t, x: np.array([x[0] ** 2]))
    with pytest.raises(IntegrationError, match="hand: integration stopped"):
        simulate(model, [2.0], method=method)


def test_right_hand_side_that_is_nan_at_the_start(hand):
    model = hand.Model("A", (0.0,), [[1]], lambda t, x: np.array([x[0] / x[0]]))
    with pytest.raises(IntegrationError, match="'A'"):
        simulate(model, [1.0])


def test_infinite_slope_at_the_start_is_no_obstacle(hand):
    # x' = 1 - sqrt(x) has an infinite derivative at 0
    model = hand.Model("A", (0.0,), [[1, -1]], lambda t, x: np.array([1.0, np.sqrt(x[0])]))
    assert simulate(model, [40.0])["A"].iloc[0] == pytest.approx(1.0, abs=1e-6)


def test_events_are_refused_by_name(hand):
    model = hand.cascade()
    model.event_ids = ("dose", "wash")
    with pytest.raises(UnsupportedModelError, match="'dose', 'wash'"):
        simulate(model, [1.0])
    assert len(simulate(model, [1.0], ignore_events=True)) == 1


def test_a_pulse_is_not_stepped_over(hand):
    model = hand.Model(
        "A", (0.0,), [[1]], lambda t, x: np.array([1.0 if 5.0 < np.real(t) < 5.5 else 0.0]), time_dependence=("r0",)
    )
    assert simulate(model, [10.0])["A"].iloc[0] == pytest.approx(0.5, abs=0.01)


def test_small_amounts_beside_a_large_variable_of_another_kind_are_exact(hand):
    model = hand.Model(
        ("A", "B", "clock"), (3e-21, 0.0, 1e3), [[-1], [1], [0]], lambda t, x: np.array([5 * x[0]]),
        rules={"clock": lambda t, x: 1.0},
    )  # fmt: skip
    np.testing.assert_allclose(simulate(model, [1.0])["B"], 3e-21 * (1 - np.exp(-5)), rtol=1e-6)


def test_small_amounts_that_all_start_from_nothing_are_exact(hand):
    model = hand.Model(("A",), (0.0,), [[1, -1]], lambda t, x: np.array([2e-21, x[0]]))
    np.testing.assert_allclose(simulate(model, [1.0])["A"], 2e-21 * (1 - np.exp(-1)), rtol=1e-6)


@pytest.mark.parametrize(
    ("steps", "covered", "stops"), [(99, 1e-9, False), (101, 1.0, True), (101, 1.1, False), (1001, 9.9, True)]
)
def test_number_of_steps_is_bounded_by_the_pace(steps, covered, stops):
    assert too_slow(steps, covered, 10.0, 100) is stops


def test_a_solution_that_comes_to_a_halt_at_a_jump_is_an_error(hand, monkeypatch):
    # x falls to 0 and is driven back and forth across it
    monkeypatch.setattr("skperturb.sbml._solving.simulate._MAX_STEPS", 2_000)
    model = hand.Model("A", (1.0,), [[1]], lambda t, x: np.array([1.0 if np.real(x[0]) < 0 else -1.0]))
    with pytest.raises(IntegrationError, match="stopped at t = 1 before t = 5"):
        simulate(model, [5.0])


def test_many_steps_are_no_error_where_they_lead_to_the_end(hand, monkeypatch):
    monkeypatch.setattr("skperturb.sbml._solving.simulate._MAX_STEPS", 400)
    model = hand.Model(
        "xy", (1.0, 0.0), [[0], [0]], lambda t, x: np.array([0.0]),
        rules={"x": lambda t, x: x[1], "y": lambda t, x: -x[0]},
    )  # fmt: skip
    times = np.linspace(0, 40, 21)
    np.testing.assert_allclose(simulate(model, times)["x"], np.cos(times), atol=1e-5)


def test_message_has_the_times_that_do_not_increase(hand):
    with pytest.raises(ValueError, match=r"got times\[2\] = 3\.0, times\[3\] = 2\.5\.$"):
        simulate(hand.cascade(), [0.0, 1.0, 3.0, 2.5, 4.0])


@pytest.mark.parametrize(("n", "text"), [(1, "'a'"), (3, "'a', 'b', 'c'"), (5, "'a', 'b', 'c' and 2 more")])
def test_names_are_listed_and_counted(n, text):
    from skperturb.sbml._solving.simulate import name_some

    assert name_some(list("abcde")[:n], most=3) == text


def test_default_tolerance_is_relative_to_the_variables_of_a_kind(hand):
    from types import SimpleNamespace

    from skperturb.sbml._solving.simulate import _check_tolerances

    model = SimpleNamespace(
        variables=("A", "B", "r", "s"),
        x0=np.array([4.0, 0.0, 0.0, np.nan]),
        is_rate_rule=np.array([False, False, True, True]),
        rhs=lambda t, x: np.array([100.0, 1.0, -3.0, 0.5]),
    )
    # Species are as large as the largest of them, and what rules start at zero as what it gains in ten seconds.
    rtol, atol = _check_tolerances(model, 1e-6, None, 10.0)
    assert rtol == 1e-6
    np.testing.assert_allclose(atol, 1e-14 * np.array([4.0, 4.0, 30.0, 30.0]))


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_no_method_steps_over_a_pulse(hand, method):
    model = hand.Model(
        "A", (1.0,), [[1]], lambda t, x: np.array([np.exp(-(((t - 5.0) / 0.1) ** 2))]), time_dependence=("r0",)
    )
    # The integral of the pulse is 0.1 sqrt(pi).
    assert simulate(model, [10.0], method=method)["A"].iloc[0] == pytest.approx(1.0 + 0.1 * np.sqrt(np.pi), rel=1e-5)


def test_a_step_is_counted_as_two_evaluations(hand, monkeypatch):
    counted, calls = [], []

    def count(steps, covered, asked, limit, patience):
        if limit == 100_000:
            counted.append(steps)
        return False

    model = hand.brusselator()
    rhs = model.rhs
    monkeypatch.setattr("skperturb.sbml._solving.simulate.too_slow", count)
    monkeypatch.setattr(model, "rhs", lambda t, x: (calls.append(t), rhs(t, x))[1])
    simulate(model, [5.0, 5.0 + 1e-9])
    assert len(calls) > 50
    # A few evaluations check the start, and a few come after the last count.
    assert 0.4 * len(calls) < counted[-1] <= 0.5 * len(calls)
