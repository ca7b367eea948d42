"""How a trajectory is sampled on its way to a steady state, and how it is judged."""

import numpy as np
import pytest

from skperturb.sbml._solving.integrate import Trajectory
from skperturb.sbml._solving.ladder import Climb, _advance, _barely_moves, _cycles, _growing, checkpoints


@pytest.mark.parametrize(
    ("t_max", "expected"),
    [(1e4, [1e2, 1e3, 1e4]), (5e3, [1e2, 1e3, 5e3]), (100.0, [100.0]), (50.0, [50.0]), (0.5, [0.5])],
)
def test_checkpoints_are_the_decades(t_max, expected):
    np.testing.assert_allclose(checkpoints(t_max), expected)


def wave(amplitude=1.0, mean=3.0, turns=5, phase=0.0):
    return mean + amplitude * np.sin(2 * np.pi * turns * np.linspace(0, 1, 97)[:, None] + phase)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (wave(), wave(phase=1.0), True),
        (wave(), wave(amplitude=1.04), True),
        (wave(), wave(amplitude=1.2), False),
        (wave(), wave(amplitude=0.8), False),
        (wave(), wave(mean=3.08), True),
        (wave(), wave(mean=3.3), False),
        (wave(), wave(mean=2.7), False),
        # Three turning points are no cycle yet, and the ripple of an integrator is none.
        (wave(turns=1.5), wave(turns=1.5), False),
        (wave(amplitude=1e-4), wave(amplitude=1e-4), False),
        (wave(amplitude=1e-2), wave(amplitude=1e-2), True),
    ],
)
def test_cycles_keep_their_range_and_mean(before, after, expected):
    assert _cycles(before, after) is expected
    still = np.full_like(before, 2.0)
    assert _cycles(np.hstack([before, still]), np.hstack([after, still])) is expected


def test_growth_is_doubling_over_three_decades():
    states = [np.array([1.0, 1.0, 1.0, 1e-9]), *(np.array([2.5**k, 1.9**k, -(3.0**k), 1e-9 * 3**k]) for k in range(4))]
    np.testing.assert_array_equal(_growing(states), [True, False, True, False])
    assert not _growing(states[:4]).any()
    # One decade without doubling starts the count anew.
    assert not _growing([*states, states[-1]]).any()


def test_digits_of_a_file_are_no_movement():
    start = np.array([2.0, 1e-3])
    assert _barely_moves(start * (1 + 9e-7), start)
    assert not _barely_moves(start * (1 + 2e-6), start)


class Clock:
    """x' = 1, and a vibration if asked for."""

    variables = ("x", "y")
    x0 = np.array([0.0, 1.0])

    def __init__(self, speed=0.0):
        self.speed = speed

    def rhs(self, t, x):
        return np.array([1.0, -self.speed * np.sin(self.speed * t)])

    def jacobian(self, t, x):
        return np.zeros((2, 2))


def test_mean_of_a_decade_is_that_of_its_sixteen_ends():
    trajectory = Trajectory(Clock(), rtol=1e-9, atol=1e-9, max_steps=500)
    found = Climb(states=[Clock.x0])
    assert _advance(trajectory, found, 32.0, 500)
    assert found.mean[0] == pytest.approx(np.arange(2, 34, 2).mean(), rel=1e-6)
    assert found.states[-1][0] == pytest.approx(32.0)
    assert found.quarters is None


def test_busy_trajectories_are_sampled_densely():
    trajectory = Trajectory(Clock(40.0), rtol=1e-6, atol=1e-9, max_steps=5000)
    found = Climb(states=[Clock.x0])
    assert _advance(trajectory, found, 32.0, 5000)
    third, fourth = found.quarters
    np.testing.assert_allclose(third[:, 0], np.linspace(16, 24, 33)[1:], rtol=1e-6)
    np.testing.assert_allclose(fourth[:, 0], np.linspace(24, 32, 33)[1:], rtol=1e-6)
    trajectory = Trajectory(Clock(4000.0), rtol=1e-9, atol=1e-9, max_steps=50)
    assert not _advance(trajectory, Climb(states=[Clock.x0]), 32.0, 50)
    assert trajectory.failure is not None


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    ("states", "rests"),
    [
        ([[5.0, 1.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]], True),
        ([[5.0, 1.0], [2.0 + 1e-9, 1.0], [2.0, 1.0], [2.0, 1.0]], True),
        ([[5.0, 1.0], [2.0, 1.0], [2.0, 1.1], [2.0, 1.0]], False),
        ([[5.0, 1.0], [2.0, 1.0], [2.1, 1.0], [2.0, 1.0]], False),
        ([[5.0, 1.0], [2.0, 1.1], [2.0, 1.0], [2.0, 1.0]], False),
        # One decade is not enough.
        ([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]], False),
    ],
)
def test_end_of_a_trajectory_that_has_not_moved_over_two_decades(states, rests, unit):
    from types import SimpleNamespace

    from skperturb.sbml._solving.ladder import _at_the_end

    states = [unit * np.array(state) for state in states]
    trajectory = SimpleNamespace(time=1e5, state=states[-1], failure=None)
    system = SimpleNamespace(x0=states[0], without_rounding=lambda time, x: x)
    found = _at_the_end(
        system, lambda time, x, method, at_rest: (time, method, at_rest), trajectory, Climb(states=states)
    )
    assert found == ((1e5, "trajectory", True) if rests else None)
    trajectory.failure = "more than 10 steps"
    assert _at_the_end(system, None, trajectory, Climb(states=states)) is None


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_cycles_are_cycles_in_any_unit(unit):
    for amplitude, expected in ((1e-4, False), (1e-2, True), (1.0, True)):
        before, after = unit * wave(amplitude=amplitude), unit * wave(amplitude=amplitude, phase=1.0)
        assert _cycles(before, after) is expected


def test_a_trajectory_that_was_busy_long_ago_is_not_sampled_densely():
    trajectory = Trajectory(Clock(), rtol=1e-6, atol=1e-9, max_steps=500)
    trajectory.n_evaluations = 10**6
    found = Climb(states=[Clock.x0])
    assert _advance(trajectory, found, 32.0, 500)
    assert found.quarters is None
    assert found.mean[0] == pytest.approx(np.arange(2, 34, 2).mean(), rel=1e-6)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize(("drift", "expected"), [(4e-5, True), (6e-5, False)])
def test_variables_beside_a_cycle_may_hardly_drift(unit, drift, expected):
    before, after = np.hstack([wave(), wave(amplitude=0.0)]), np.hstack([wave(), wave(amplitude=0.0)])
    after[:, 1] += drift * 3.0
    assert _cycles(unit * before, unit * after) is expected


@pytest.mark.parametrize("start", [1e-6, 1.0, 1e6])
def test_bounds_are_those_of_the_initial_size(start):
    from types import SimpleNamespace

    from skperturb.sbml._solving.ladder import _name_the_end

    def verdict(end, failure=None, gave_up=False):
        found = Climb(states=[np.array([start, 0.0])])
        trajectory = SimpleNamespace(
            variables=("x", "y"), state=np.array([0.0, -end]), failure=failure, time=1e3, gave_up=gave_up, left_at=None
        )
        _name_the_end(found, trajectory)
        return found.status, found.reason

    assert verdict(0.9e30 * start)[0] == "oscillating"
    assert verdict(1.1e30 * start)[0] == "diverged"
    assert verdict(start, "more than 7 steps") == (
        "oscillating", "the trajectory does not settle up to t = 1000 (more than 7 steps)",
    )  # fmt: skip
    # Where no integrator goes on, a state that has run away is the reason, or the reason is told.
    assert verdict(1.1e6 * start, "too much", gave_up=True)[0] == "diverged"
    assert verdict(0.9e6 * start, "too much", gave_up=True) == (
        "integration_failed", "no integrator comes beyond t = 1000: too much",
    )  # fmt: skip


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(
    ("rate", "status"),
    [
        (lambda phase: 1.0, "integration_failed"),
        (lambda phase: 1.0 / (1.0 + phase), "integration_failed"),
        (lambda phase: 2.0 + np.cos(phase), "oscillating"),
    ],
)
def test_too_many_steps_are_no_cycle(hand, unit, rate, status):
    """A trajectory that only takes too many steps is not called oscillating, one that goes round and round is."""
    from skperturb.exceptions import NoSteadyStateError
    from skperturb.sbml._solving.steady_state import find_steady_state

    model = hand.Model(
        "A", (0.0,), np.zeros((1, 0)), lambda t, x: np.zeros(0), rules={"A": lambda t, x: unit * rate(x[0] / unit)}
    )
    with pytest.raises(NoSteadyStateError, match=r"t = \d.* \(more than \d+ steps\)") as caught:
        find_steady_state(model, max_steps=60 if status == "oscillating" else 1)
    assert caught.value.status == status


def test_where_lsoda_gives_up_another_method_goes_on(hand, monkeypatch):
    from scipy.integrate import ode

    from skperturb.sbml._solving import integrate

    model = hand.cascade()
    monkeypatch.setattr(ode, "successful", lambda self: self.t < 5.0)
    trajectory = Trajectory(model, rtol=1e-9, atol=1e-12, max_steps=500)
    for time in (1.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0):
        assert trajectory.advance(time)
    assert trajectory._rescues > integrate._MOST_RESCUES
    assert trajectory.state[0] == pytest.approx(2 * (1 - np.exp(-17.0)), rel=1e-6)
    trajectory = Trajectory(model, rtol=1e-9, atol=1e-12, max_steps=500)
    trajectory.may_change_method = False
    assert not trajectory.advance(10.0)
    assert trajectory.gave_up


def test_failure_of_all_integrators_has_its_own_status(monkeypatch):
    from skperturb.exceptions import NoSteadyStateError
    from skperturb.sbml._solving.stepper import Stepper
    from tests.sbml._solving.test_event_run import CLOCK, model

    def fail(self, time, state, bound):
        self.failure = "repeated convergence failures"

    monkeypatch.setattr(Stepper, "step", fail)
    monkeypatch.setattr("scipy.integrate.ode.successful", lambda self: False)
    with pytest.raises(NoSteadyStateError, match=r"no integrator comes beyond t = .*: repeated convergence") as caught:
        model(values={"x": 0}, rates=CLOCK).steady_state()
    assert caught.value.status == "integration_failed"
