"""How a trajectory is sampled on its way to a steady state, and how it is judged."""

import numpy as np
import pytest

from skperturb.sbml._integrate import Trajectory
from skperturb.sbml._ladder import Climb, _advance, _barely_moves, _cycles, _growing, checkpoints


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
