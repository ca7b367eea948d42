"""Newton's method that keeps totals, against linear algebra done by hand."""

import numpy as np
import pytest

from skperturb.sbml._solving.integrate import absolute_tolerance, scale_of
from skperturb.sbml._solving.newton import LawKeepingSystem, solve_safely


class Model:
    """Rates and Jacobian given as functions of the state."""

    def __init__(self, x0, rhs, jacobian, rate_rules=False):
        self.x0 = np.array(x0, dtype=float)
        self.is_rate_rule = np.full(self.x0.size, rate_rules)
        self._rhs, self._jacobian = rhs, jacobian

    def rhs(self, t, x):
        return np.array(self._rhs(x), dtype=float)

    def jacobian(self, t, x):
        return np.array(self._jacobian(x), dtype=float)


def system(x0, rhs, jacobian, laws=None, **options):
    laws = np.zeros((0, len(x0))) if laws is None else np.array(laws, dtype=float)
    return LawKeepingSystem(Model(x0, rhs, jacobian, **options), laws)


def exchange(x0=(3.0, 1.0, 5.0)):
    """A <-> B, where B counts twice, beside C that turns over: A + 2 B is kept."""
    matrix = np.array([[-0.6, 0.4, 0.0], [0.3, -0.2, 0.0], [0.0, 0.0, -7.0]])
    source = np.array([0.0, 0.0, 14.0])
    return system(x0, lambda x: matrix @ x + source, lambda x: matrix, [[1.0, 2.0, 0.0]])


def test_solution_of_rows_of_all_sizes():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix, solution = rng.normal(size=(5, 5)), rng.normal(size=5)
        rows = 10.0 ** rng.uniform(-150, 150, 5)
        np.testing.assert_allclose(
            solve_safely(matrix * rows[:, None], rows * (matrix @ solution)), solution, rtol=1e-8
        )


def test_singular_systems_are_solved_in_the_least_squares_sense():
    matrix, rhs = np.array([[1.0, 1.0], [2e8, 2e8]]), np.array([3.0, 6e8])
    np.testing.assert_allclose(solve_safely(matrix, rhs), [1.5, 1.5])
    np.testing.assert_allclose(solve_safely(np.zeros((2, 2)), np.zeros(2)), 0.0)
    assert solve_safely(np.array([[np.nan]]), np.ones(1)) is None
    assert solve_safely(np.eye(1), np.array([np.inf])) is None


def test_one_step_solves_a_linear_system_and_restores_its_totals():
    kept = exchange()
    # A + 2 B = 5 and 3 A = 2 B.
    goal = np.array([1.25, 1.875, 2.0])
    for x in (np.array([3.0, 1.0, 5.0]), np.array([100.0, 1e-3, 0.5]), np.array([0.1, 40.0, 1e3])):
        scale = scale_of(x)
        np.testing.assert_allclose(x + scale * kept.step(0.0, x, scale), goal, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("small", [1e-100, 1e-160, 1e-300])
def test_basis_of_laws_of_very_different_sizes(small):
    kept = system([1.0] * 4, lambda x: np.zeros(4), lambda x: np.zeros((4, 4)), [[1, 2, 0, 0], [0, 0, 3, 4]])
    basis = kept.basis(np.array([1.0, 1.0, small, small]))
    expected = np.array([[1 / np.sqrt(5), 2 / np.sqrt(5), 0, 0], [0, 0, 0.6, 0.8]])
    np.testing.assert_allclose(np.abs(basis.T), expected, atol=1e-12)


def test_basis_is_orthonormal_and_spans_the_scaled_laws():
    scale = np.array([1e-3, 5.0, 1e100])
    kept = system([1.0, 1.0, 1.0], None, None, [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])
    basis = kept.basis(scale)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-12)
    # A change along the states that both laws allow has no part in it.
    change = np.array([-2.0, 1.0, -1.0 / 3.0]) / scale
    np.testing.assert_allclose(basis.T @ (change / np.abs(change).max()), 0.0, atol=1e-9)


def test_damped_step_is_one_of_implicit_euler():
    matrix = np.array([[-2.0, 1.0], [0.5, -3.0]])
    free = system([1.0, 1.0], lambda x: matrix @ x + 1.0, lambda x: matrix)
    x, scale = np.array([2.0, 0.5]), np.array([2.0, 0.5])
    # (1 / h - A) dx = f, here with h = 1 / 4.
    expected = np.linalg.solve(4.0 * np.eye(2) - matrix, matrix @ x + 1.0)
    np.testing.assert_allclose(scale * free.step(0.0, x, scale, damping=4.0), expected, rtol=1e-12)


def test_damped_step_restores_totals_at_once():
    kept = exchange()
    x = np.array([4.0, 2.0, 5.0])  # three more than at the start
    scale = scale_of(x)
    after = x + scale * kept.step(0.0, x, scale, damping=50.0)
    assert after[0] + 2 * after[1] == pytest.approx(5.0, rel=1e-12)


def square_root(limit_of=2.0, x0=1.0):
    return system([x0], lambda x: [limit_of - x[0] ** 2], lambda x: [[-2 * x[0]]])


def test_polish_finds_roots_to_the_last_digit():
    assert square_root().polish(0.0, np.array([1.0]), limit=None)[0] == pytest.approx(np.sqrt(2), rel=1e-15)
    assert square_root().polish(0.0, np.array([1.4]), limit=0.1)[0] == pytest.approx(np.sqrt(2), rel=1e-15)


@pytest.mark.parametrize(("start", "limit"), [(1.0, 0.1), (1.0, 0.4), (2.0, 0.2)])
def test_polish_goes_no_farther_than_allowed(start, limit):
    assert square_root().polish(0.0, np.array([start]), limit=limit) is None


def test_polish_stops_where_there_is_no_root():
    nowhere = system([1.0], lambda x: [-1.0 - x[0] ** 2], lambda x: [[-2 * x[0]]], rate_rules=True)
    assert nowhere.polish(0.0, np.array([0.7]), limit=None) is None
    broken = system([1.0], lambda x: [np.nan], lambda x: [[1.0]])
    assert broken.polish(0.0, np.array([1.0]), limit=None) is None
    assert broken.continue_pseudo_transient(0.0, np.array([1.0])) is None


def test_step_through_zero_stops_a_tenth_short_of_it():
    free = system([1.0, 2.0, 1.0], None, None)
    x, step = np.array([1.0, 2.0, 0.0]), np.array([-3.0, 0.5, 1.0])
    np.testing.assert_allclose(free._moved(x, step, damp=True), [0.1, 2.15, 0.3])
    np.testing.assert_allclose(free._moved(x, step, damp=False), x + step)
    # The variable that would fall farthest below zero decides.
    np.testing.assert_allclose(free._moved(x, np.array([-3.0, -20.0, 0.0]), damp=True), [0.73, 0.2, 0.0])
    # A step that ends at zero is a full one; variables of rate rules may change their sign.
    np.testing.assert_allclose(free._moved(x, np.array([-1.0, 0.5, 1.0]), damp=True), [0.0, 2.5, 1.0])
    ruled = system([1.0, 2.0, 1.0], None, None, rate_rules=True)
    np.testing.assert_allclose(ruled._moved(x, step, damp=True), x + step)


def test_rounding_below_zero_is_removed():
    free = system([1.0, 1.0], lambda x: -x, lambda x: -np.eye(2))
    np.testing.assert_array_equal(free.without_rounding(0.0, np.array([-1e-12, 2.0])), [0.0, 2.0])
    np.testing.assert_array_equal(free.without_rounding(0.0, np.array([-1e-8, 2.0])), [-1e-8, 2.0])
    # In any unit: relative to the largest amount.
    np.testing.assert_array_equal(free.without_rounding(0.0, np.array([-1e-4, 1e6])), [0.0, 1e6])
    np.testing.assert_array_equal(free.without_rounding(0.0, np.array([-1e-12, 1e-6])), [-1e-12, 1e-6])
    # Not where the rates at zero are undefined.
    logarithm = system([1.0, 1.0], lambda x: [np.log(abs(x[0])) if x[0] else np.nan, 0.0], None)
    np.testing.assert_array_equal(logarithm.without_rounding(0.0, np.array([-1e-12, 2.0])), [-1e-12, 2.0])


def test_variables_that_the_trajectory_takes_below_zero_may_stay_there():
    free = system([1.0, 1.0, 1.0], None, None)
    free.allow_negative(np.array([-1e-2, -1e-4, 1.0]))
    np.testing.assert_array_equal(free.non_negative, [False, True, True])


def test_pseudo_transient_continuation_ends_at_rest():
    """A fast variable beside a slow one that comes to rest at the square root of two."""
    stiff = {
        "rhs": lambda x: [1e6 * (x[1] - x[0]), 2.0 - x[1] ** 2],
        "jacobian": lambda x: [[-1e6, 1e6], [0.0, -2.0 * x[1]]],
    }
    for start in ([0.0, 0.1], [5.0, 1.0], [1.0, 300.0]):
        found = system(start, **stiff).continue_pseudo_transient(0.0, np.array(start))
        np.testing.assert_allclose(found, np.sqrt(2), rtol=1e-12)
    kept = exchange()
    np.testing.assert_allclose(kept.continue_pseudo_transient(0.0, kept.x0), [1.25, 1.875, 2.0], rtol=1e-9)


@pytest.mark.parametrize("speed", [1e-9, 1e9])
def test_unit_of_time_changes_neither_result_nor_work(speed):
    def run(factor):
        calls = []

        def rhs(x):
            calls.append(x[0])
            return [factor * (2.0 - x[0] ** 2)]

        found = system([40.0], rhs, lambda x: [[-2 * factor * x[0]]]).continue_pseudo_transient(0.0, np.array([40.0]))
        return found[0], len(calls)

    assert run(speed) == (pytest.approx(np.sqrt(2), rel=1e-12), run(1.0)[1])


def test_polish_stops_where_rounding_is_all_that_is_left():
    """Rates with an error of 1e-10 that no step removes: the steps stop shrinking, and then Newton stops."""
    calls = []

    def rhs(x):
        calls.append(x[0])
        return [2.0 - x[0] ** 2 + 1e-10 * (-1) ** len(calls)]

    noisy = system([1.0], rhs, lambda x: [[-2 * x[0]]])
    assert noisy.polish(0.0, np.array([1.0]), limit=None)[0] == pytest.approx(np.sqrt(2), abs=1e-9)
    assert len(calls) < 12


def test_trial_states_are_bounded():
    free = system([1.0, 1.0], lambda x: -x, None)
    scale = np.array([1.0, 2.0])
    for trial, accepted in (
        ([9.9, 2.0], True),
        ([10.1, 2.0], False),
        ([1.0, -1e-9], True),
        ([1.0, -3e-9], False),
        ([1.0, 19.0], True),
    ):
        assert free._acceptable(0.0, np.array(trial), scale) is accepted
    # A small variable may grow to a hundredth of the largest.
    scale = np.array([1e-9, 2.0])
    assert free._acceptable(0.0, np.array([0.019, 2.0]), scale)
    assert not free._acceptable(0.0, np.array([0.021, 2.0]), scale)


def test_sizes_and_tolerances():
    np.testing.assert_allclose(scale_of(np.array([-4.0, 1e-9, 0.0])), [4.0, 4e-6, 4e-6])
    np.testing.assert_allclose(scale_of(np.array([1e-12, 0.0]), np.array([5.0, -7.0])), [7e-9, 7e-9])
    np.testing.assert_array_equal(scale_of(np.zeros(2)), [1.0, 1.0])
    np.testing.assert_allclose(absolute_tolerance(np.array([-2.0, 0.0, 1e-3]), 1e-6), [2e-8, 2e-10, 2e-10])
    np.testing.assert_allclose(absolute_tolerance(np.array([0.0, np.nan]), 1e-6)[:1], [1e-10])


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_clearly_below_zero_is_relative_to_the_largest_amount(unit):
    free = system([1.0, 1.0, 1.0], None, None)
    free.allow_negative(unit * np.array([-1e-2, -1e-4, 1.0]))
    np.testing.assert_array_equal(free.non_negative, [False, True, True])


def test_long_steps_are_no_sign_of_divergence():
    """x^(-1/5) = 1/100 from one: every step makes x six times as large, up to 10^10."""
    far = system([1.0], lambda x: [x[0] ** -0.2 - 1e-2], lambda x: [[-0.2 * x[0] ** -1.2]])
    assert far.polish(0.0, np.array([1.0]), limit=None, max_iterations=40)[0] == pytest.approx(1e10, rel=1e-9)


@pytest.mark.parametrize(("start", "rest"), [(0.46, 0.0), (2.2, 3.0), (10.0, 3.0)])
def test_pseudo_transient_continuation_follows_the_flow(start, rest):
    """x' = x (1 - x) (x - 3): Newton's method from near the turning points, .45 and 2.2, leads elsewhere."""
    free = system([start], lambda x: [x[0] * (1 - x[0]) * (x[0] - 3)], lambda x: [[-3 * x[0] ** 2 + 8 * x[0] - 3]])
    assert free.continue_pseudo_transient(0.0, np.array([start]))[0] == pytest.approx(rest, abs=1e-9)


def test_steps_lengthen_until_slow_variables_have_followed():
    """The same slow variable beside one that follows it a million times faster and decides the first steps."""
    stiff = system(
        [2.2, 2.2],
        lambda x: [1e6 * (x[1] - x[0]), x[1] * (1 - x[1]) * (x[1] - 3)],
        lambda x: [[-1e6, 1e6], [0.0, -3 * x[1] ** 2 + 8 * x[1] - 3]],
    )
    np.testing.assert_allclose(stiff.continue_pseudo_transient(0.0, np.array([2.2, 2.2])), 3.0, rtol=1e-9)
