"""The integrator that goes step by step: dense solutions, and what it does where a step fails."""

import numpy as np
import pytest
import scipy.integrate

from skperturb.sbml._solving.stepper import Stepper


def decay(t, x):
    return -2.0 * x


def slope(t, x):
    return np.array([[-2.0]])


def run(stepper, end, state=1.0):
    time, state = 0.0, np.array([state])
    while time < end:
        stepper.step(time, state, end)
        assert stepper.failure is None
        time = stepper.reach(time)
        state = stepper.solution(time)
    return state


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_solution_is_known_inside_a_step(method):
    stepper = Stepper(decay, slope, method, rtol=1e-8, atol=1e-10)
    assert stepper.reach(0.0) == 0.0
    stepper.step(0.0, np.array([1.0]), 3.0)
    reached = stepper.reach(0.0)
    assert 0.0 < reached <= 3.0
    inside = np.linspace(0.0, reached, 5)
    np.testing.assert_allclose(stepper.solution(inside)[0], np.exp(-2.0 * inside), rtol=1e-6)
    stepper.restart()
    assert stepper.reach(0.7) == 0.7
    assert run(stepper, 1.5)[0] == pytest.approx(np.exp(-3.0), rel=1e-5)


def test_undefined_rates_are_the_reason():
    stepper = Stepper(lambda t, x: x * np.nan, slope, "LSODA")
    stepper.step(0.0, np.array([1.0]), 1.0)
    assert stepper.failure == "the right-hand side is not finite"


def test_interval_of_rounding_size_needs_no_step():
    stepper = Stepper(decay, slope, "LSODA")
    stepper.step(1e3, np.array([4.0]), 1e3 + 2e-13)
    assert stepper.failure is None
    assert stepper.reach(0.0) == 1e3 + 2e-13
    np.testing.assert_array_equal(stepper.solution(np.array([1e3, 1e3])), [[4.0, 4.0]])
    empty = Stepper(decay, slope, "LSODA")
    empty.step(0.0, np.zeros(0), 7.0)
    assert empty.reach(0.0) == 7.0
    assert empty.solution(3.0).shape == (0,)


def failing(most, log):
    """LSODA as it is where its own first step is far too long: it fails unless the first step is at most `most`."""

    class Failing(scipy.integrate.LSODA):
        def __init__(self, *given, first_step=None, **options):
            super().__init__(*given, first_step=first_step, **options)
            log.append(first_step)
            self.fails = first_step is None or first_step > most

        def step(self):
            if self.fails:
                self.status = "failed"
                return "too much accuracy requested"
            return super().step()

    return Failing


def test_failed_step_is_tried_again_with_a_short_one(monkeypatch):
    log = []
    monkeypatch.setattr(scipy.integrate, "LSODA", failing(1e-6, log))
    stepper = Stepper(decay, slope, "LSODA", rtol=1e-8, atol=1e-10)
    assert run(stepper, 2.0)[0] == pytest.approx(np.exp(-4.0), rel=1e-5)
    # Then a ten thousand millionth of what is left, but no less than the time itself resolves.
    assert log == [None, pytest.approx(2e-10)]
    stepper.restart()
    stepper.step(1e6, np.array([1.0]), 1e6 + 1.0)
    # What was the last step is the first guess after a restart.
    assert log[2:] == [pytest.approx(log[2]), pytest.approx(1e-8)]
    assert 1e-3 < log[2] < 1.0


def test_another_method_is_tried_last(monkeypatch):
    log = []
    monkeypatch.setattr(scipy.integrate, "LSODA", failing(0.0, log))
    stepper = Stepper(decay, slope, "LSODA", rtol=1e-8, atol=1e-10)
    assert run(stepper, 2.0)[0] == pytest.approx(np.exp(-4.0), rel=1e-5)
    # Once as it is, once with a short step, once with a tighter tolerance; then the others.
    assert len(log) == 3
    monkeypatch.setattr(scipy.integrate, "BDF", failing(0.0, log))
    monkeypatch.setattr(scipy.integrate, "Radau", failing(0.0, log))
    stepper.restart()
    stepper.step(0.0, np.array([1.0]), 1.0)
    assert stepper.failure == "too much accuracy requested"


def test_solution_that_leaves_the_numbers_is_a_failure():
    stepper = Stepper(lambda t, x: x**2, lambda t, x: np.diag(2 * x), "BDF")
    time, state = 0.0, np.array([1.0])
    for _ in range(2000):
        stepper.step(time, state, 2.0)
        if stepper.failure is not None:
            break
        time = stepper.reach(time)
        state = stepper.solution(time)
    # x = 1 / (1 - t)
    assert stepper.failure is not None
    assert time == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_rates_whose_squares_overflow_start_without_a_warning(method):
    stepper = Stepper(lambda t, x: 1e200 * np.ones_like(x), lambda t, x: np.zeros((2, 2)), method, rtol=1e-8, atol=1.0)
    stepper.step(0.0, np.zeros(2), 1e-190)
    assert stepper.failure is None or stepper.left_at is None
    assert stepper.reach(0.0) <= 1e-190
