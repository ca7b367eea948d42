"""Steady states."""

import numpy as np
import pytest

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._solving import steady_state
from skperturb.sbml._solving.integrate import Trajectory
from skperturb.sbml._solving.steady_state import find_steady_state


def test_cascade(hand):
    steady = find_steady_state(hand.cascade())
    np.testing.assert_allclose(steady.state, [2.0, 4.0], rtol=1e-12)
    assert list(steady.state.index) == ["A", "B"]
    assert steady.stable
    assert steady.max_real_part == pytest.approx(-1.0)
    assert steady.residual < 1e-12
    assert steady.n_conservation_laws == 0
    assert steady.method == "trajectory"


@pytest.mark.parametrize("volumes", [None, (2.0, 2.0, 0.5)])
def test_totals_of_the_initial_state_are_kept(hand, volumes):
    model = hand.binding(volumes)
    steady = find_steady_state(model)
    amounts, start = steady.state.to_numpy() * model.volumes, model.x0 * model.volumes
    assert steady.n_conservation_laws == 2
    assert amounts[0] + amounts[2] == pytest.approx(start[0] + start[2], rel=1e-12)
    assert amounts[1] + amounts[2] == pytest.approx(start[1] + start[2], rel=1e-12)
    a, b, ab = steady.state
    assert 1.3 * a * b == pytest.approx(0.7 * ab, rel=1e-10)
    assert steady.stable
    assert steady.max_real_part < -0.1  # without the two zeros of the laws


def test_time_unit_changes_no_verdict(hand):
    slow = hand.Model("A", (0.0,), [[1, -1]], lambda t, x: np.array([2e-7, 1e-7 * x[0]]))
    steady = find_steady_state(slow)
    assert steady.state["A"] == pytest.approx(2.0)
    assert steady.max_real_part == pytest.approx(-1e-7)


def test_the_trajectory_decides_between_two_states(hand):
    # x' = x (1 - x) (x - 3): 0 unstable, 1 ... from 0.1 the trajectory goes to 0 (x' < 0), from 2 to 3.
    def model(start):
        return hand.Model("A", (start,), [[1]], lambda t, x: np.array([x[0] * (1 - x[0]) * (x[0] - 3)]))

    assert find_steady_state(model(0.1)).state["A"] == pytest.approx(0.0, abs=1e-9)
    assert find_steady_state(model(2.0)).state["A"] == pytest.approx(3.0)


def test_decay_to_nothing(hand):
    model = hand.Model("AB", (1.0, 0.0), [[-1, 0], [1, -1]], lambda t, x: np.array([0.1 * x[0], 0.2 * x[1]]))
    steady = find_steady_state(model)
    np.testing.assert_allclose(steady.state, 0.0, atol=1e-9)
    assert steady.stable


def test_initial_state_at_rest_is_returned_unchanged(hand):
    model = hand.cascade(x0=(2.0, 4.0))
    steady = find_steady_state(model)
    assert steady.method == "initial"
    np.testing.assert_array_equal(steady.state, [2.0, 4.0])


def test_limit_cycle_gives_its_unstable_focus(hand):
    steady = find_steady_state(hand.brusselator())
    np.testing.assert_allclose(steady.state, [1.0, 3.0], rtol=1e-9)
    assert not steady.stable
    assert steady.max_real_part > 0.1


def test_conservative_rotation_without_rest_state(hand):
    # On the circle x'' = -1 + nothing that stops: a rotating phase with constant speed never rests.
    model = hand.Model(
        "A", (0.0,), np.zeros((1, 0)), lambda t, x: np.zeros(0), rules={"A": lambda t, x: 2 + np.cos(x[0])}
    )
    with pytest.raises(NoSteadyStateError) as caught:
        find_steady_state(model)
    assert caught.value.status in ("diverged", "oscillating")


@pytest.mark.parametrize(
    "rate",
    [lambda t, x: np.array([0.3, 0.1 * x[0]]), lambda t, x: np.array([0.3 + 0.2 * x[0], 0.1 * x[0]]),
     lambda t, x: np.array([1 + 0.01 * x[0] ** 2, 0.0])],
    ids=["settles", "exponential", "finite time"],
)  # fmt: skip
def test_growth_is_told_from_rest(hand, rate):
    model = hand.Model("A", (1.0,), [[1, -1]], rate)
    if rate(0, [1.0])[0] == 0.3:
        assert find_steady_state(model).state["A"] == pytest.approx(3.0)
        return
    with pytest.raises(NoSteadyStateError) as caught:
        find_steady_state(model)
    assert caught.value.status == "diverged"


def test_an_accumulating_sink_is_named(hand):
    model = hand.Model("AP", (0.0, 0.0), [[1, -1, 0], [0, 0, 1]], lambda t, x: np.array([1.0, x[0], x[0]]))
    with pytest.raises(NoSteadyStateError, match="'P'") as caught:
        find_steady_state(model)
    assert caught.value.status == "diverged"


def test_negative_root_is_never_returned(hand):
    # x' = (x + 1) (x - 5) x ... starts at 6 and explodes; Newton alone would find 5 or -1
    model = hand.Model("A", (6.0,), [[1]], lambda t, x: np.array([(x[0] + 1) * (x[0] - 5)]))
    with pytest.raises(NoSteadyStateError) as caught:
        find_steady_state(model)
    assert caught.value.status == "diverged"


def test_laws_between_rate_rules_are_found(hand):
    model = hand.Model(
        "AB", (2.0, 1.0), np.zeros((2, 0)), lambda t, x: np.zeros(0),
        rules={"A": lambda t, x: -x[0] ** 2 + x[1], "B": lambda t, x: x[0] ** 2 - x[1]},
    )  # fmt: skip
    steady = find_steady_state(model)
    assert steady.n_conservation_laws == 1
    assert steady.state.sum() == pytest.approx(3.0, rel=1e-10)
    assert steady.state["A"] ** 2 == pytest.approx(steady.state["B"], rel=1e-10)
    assert steady.max_real_part < -1


@pytest.mark.parametrize(
    ("inflow", "rests"),
    [
        (lambda t: np.where(np.real(t) > 3.0, 2.0, 7.0), True),
        (lambda t: 2.0 + np.exp(-0.1 * np.real(t)), True),
        (lambda t: 2.0 + np.sin(np.real(t)), False),
        (lambda t: np.where(np.real(t) > 2e4, 2.0, 7.0), True),
        (lambda t: np.where(np.mod(np.real(t), 24.0) < 12.0, 2.0, 7.0), False),
    ],
    ids=["early switch", "dying signal", "sine", "late switch", "day and night"],
)
def test_explicit_time(hand, inflow, rests):
    model = hand.Model("A", (0.0,), [[1, -1]], lambda t, x: np.array([inflow(t), x[0]]), time_dependence=("r0",))
    if rests:
        assert find_steady_state(model).state["A"] == pytest.approx(2.0)
        return
    with pytest.raises(NoSteadyStateError, match="'r0'") as caught:
        find_steady_state(model)
    assert caught.value.status == "unsupported"


def test_events_are_refused_by_name(hand):
    model = hand.cascade()
    model.event_ids = ("dose",)
    with pytest.raises(NoSteadyStateError, match="'dose'") as caught:
        find_steady_state(model)
    assert caught.value.status == "unsupported"
    assert find_steady_state(model, ignore_events=True).stable


def test_missing_initial_value_is_named(hand):
    with pytest.raises(NoSteadyStateError, match="'B'") as caught:
        find_steady_state(hand.cascade(x0=(0.0, np.nan)))
    assert caught.value.status == "unsupported"


@pytest.mark.parametrize(
    "bad", [{"tol": 0.0}, {"tol": "a"}, {"t_max": None}, {"tol": np.nan}, {"t_max": -1.0}, {"t_max": np.inf}]
)
def test_bad_options(hand, bad):
    with pytest.raises(ValueError, match="must be positive"):
        find_steady_state(hand.cascade(), **bad)


def test_repeated_calls_agree_exactly(hand):
    first, second = (find_steady_state(hand.binding()) for _ in range(2))
    np.testing.assert_array_equal(first.state, second.state)


def test_slow_variable_beside_a_fast_one_is_no_conservation_law(hand):
    model = hand.Model(
        "xy",
        (1.0, 0.0),
        np.zeros((2, 0)),
        lambda t, x: np.zeros(0),
        rules={"x": lambda t, x: 1e9 * (x[1] - x[0]), "y": lambda t, x: 1e-6 * (3.0 - x[1])},
    )
    rest = find_steady_state(model)
    assert rest.n_conservation_laws == 0
    np.testing.assert_allclose(rest.state, 3.0, rtol=1e-9)


def test_bound_at_zero_yields_where_the_trajectory_crosses_it(hand):
    model = hand.Model("V", (1.0,), [[1]], lambda t, x: np.array([-40.0 - x[0]]))
    assert find_steady_state(model).state["V"] == pytest.approx(-40.0)


def test_state_that_an_oscillator_circles_is_not_reached(hand):
    rest = find_steady_state(hand.brusselator())
    assert not rest.stable
    assert not rest.is_reached


def test_a_cycle_is_not_followed_for_ever(hand):
    model = hand.brusselator()
    calls = []
    rhs = model.rhs
    model.rhs = lambda t, x: (calls.append(t), rhs(t, x))[1]
    rest = find_steady_state(model)
    assert (rest.method, rest.stable) == ("newton_mean", False)
    assert max(calls) <= 1.5e3


def test_damped_oscillation_is_followed_to_its_rest(hand):
    # x'' = -x - 0.002 x': hundreds of turns of nearly one size before it rests.
    model = hand.Model(
        "xv", (1.0, 0.0), np.zeros((2, 0)), lambda t, x: np.zeros(0),
        rules={"x": lambda t, x: x[1], "v": lambda t, x: 1.0 - x[0] - 0.002 * x[1]},
    )  # fmt: skip
    model.x0 = np.array([3.0, 0.0])
    rest = find_steady_state(model)
    np.testing.assert_allclose(rest.state, [1.0, 0.0], atol=1e-9)
    assert rest.stable


def test_overflow_far_out_is_no_error(hand):
    model = hand.Model("A", (1.0,), [[1, -1]], lambda t, x: np.array([0.1 * x[0] ** 3, x[0] ** 2]))
    with pytest.raises(NoSteadyStateError):
        find_steady_state(hand.Model("A", (30.0,), [[1, -1]], model.rates))


def test_a_centre_is_not_stable():
    from skperturb.datasets import load_textbook_models
    from skperturb.sbml import KineticModel

    texts = load_textbook_models().data
    (text,) = [text for text in texts if 'id="lotka_volterra"' in text]
    steady = KineticModel.from_sbml(text).steady_state()
    assert steady.max_real_part == pytest.approx(0, abs=1e-12)
    assert not steady.stable
    assert not steady.is_reached


def system_of(model, laws=()):
    from skperturb.sbml._solving.newton import LawKeepingSystem

    return LawKeepingSystem(model, np.array(laws, dtype=float).reshape(len(laws), len(model.x0)))


def test_residual_is_relative_to_the_terms_of_a_row():
    from skperturb.sbml._solving.steady_state import _residual

    jacobian = np.array([[-3.0, 1.0], [0.0, 0.0]])
    assert _residual(np.array([0.02, 0.0]), jacobian) == pytest.approx(0.005)
    assert _residual(np.array([0.0, 1e-30]), jacobian) == np.inf
    assert _residual(np.zeros(2), jacobian) == 0.0


def test_spectrum_is_that_of_the_states_with_the_same_totals():
    from skperturb.sbml._solving.steady_state import _spectrum

    jacobian = np.array([[-2.0, 3.0, 0.0], [2.0, -3.0, 0.0], [1.0, 0.0, -7.0]])
    law = np.array([[1.0], [1.0], [0.0]]) / np.sqrt(2)
    np.testing.assert_allclose(np.sort(_spectrum(jacobian, law).real), [-7.0, -5.0])
    np.testing.assert_allclose(np.sort(_spectrum(jacobian, np.zeros((3, 0))).real), [-7.0, -5.0, 0.0], atol=1e-12)


def test_bounds_and_totals_of_a_candidate(hand):
    from skperturb.sbml._solving.steady_state import _keeps_bounds

    system = system_of(hand.binding(), [[1.0, 0.0, 1.0]])
    x0 = np.array(system.x0)
    scale = np.abs(x0) + 1.0
    size = np.maximum(np.abs(x0), scale)[[0, 2]].sum()
    assert _keeps_bounds(system, x0, scale)
    assert _keeps_bounds(system, x0 + np.array([0.9e-7 * size, 0.0, 0.0]), scale)
    assert not _keeps_bounds(system, x0 + np.array([1.2e-7 * size, 0.0, 0.0]), scale)
    assert not _keeps_bounds(system, np.array([-1e-12, x0[1], x0[0] + x0[2]]), scale)


@pytest.mark.parametrize(("amplitude", "rests"), [(0.0, True), (1e-11, True), (1e-6, False)])
def test_forced_states_rest_only_if_they_do_so_later(amplitude, rests):
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _holds_later

    moments = []

    def rhs(t, x):
        moments.append(t)
        return np.array([amplitude * np.sin(2 * np.pi * t / 24) * 3.0])

    model = SimpleNamespace(x0=np.ones(1), is_rate_rule=np.zeros(1, dtype=bool), time_dependence={"x"}, rhs=rhs)
    ones = np.ones(1)
    assert _holds_later(system_of(model), 50.0, ones, 3.0 * ones, ones, 1e-9) is rests
    if rests:
        # Hundreds of moments over the next eight decades, none of them in step with a day.
        assert len(moments) == 400
        assert 50.0 < min(moments) < 60.0
        assert 4e9 < max(moments) <= 5e9 * 1.05
        assert np.all(np.diff(moments) > 0)


def test_a_slow_drift_is_no_rest():
    """Of two rates that nearly cancel the small difference is the question."""
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _rests

    model = SimpleNamespace(x0=np.ones(2), is_rate_rule=np.zeros(2, dtype=bool))
    ones, jacobian = np.ones(2), np.array([[-1.0, 0.0], [0.0, 0.0]])
    assert _rests(system_of(model), 0.0, ones, ones, jacobian, np.array([1e-9, 0.0]))
    assert not _rests(system_of(model), 0.0, ones, ones, jacobian, np.array([1e-4, 0.0]))
    # No step removes a rate of the second variable, on which nothing depends.
    assert not _rests(system_of(model), 0.0, ones, ones, jacobian, np.array([1e-9, 1e-9]))


@pytest.mark.parametrize(("n", "steps"), [(1, 3000), (100, 3000), (200, 1500), (1000, 1000)])
def test_large_models_get_fewer_steps(monkeypatch, n, steps):
    from types import SimpleNamespace

    from skperturb.sbml._solving.ladder import Candidate

    asked = []

    def climb(model, tol, limits):
        asked.append(limits["max_steps"])
        return Candidate(0.0, model.x0, 0.0, -1.0, True, "initial", 0)

    monkeypatch.setattr(steady_state, "_climb", climb)
    model = SimpleNamespace(
        variables=tuple(f"x{k}" for k in range(n)), x0=np.zeros(n), event_ids=(), rhs=lambda t, x: np.zeros(n)
    )
    find_steady_state(model)
    assert asked == [steps]


@pytest.mark.parametrize("speed", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    ("jacobian", "stable"),
    [
        ([[-1.0, 0.0], [0.0, 0.5e-10]], True),
        ([[-1.0, 0.0], [0.0, 2e-10]], False),
        # A spiral that needs a thousand million turns to fade is a centre.
        ([[-2e-9, -1.0], [1.0, -2e-9]], True),
        ([[-0.5e-9, -1.0], [1.0, -0.5e-9]], False),
    ],
)
def test_stability_is_decided_beyond_rounding_in_any_unit_of_time(jacobian, stable, speed):
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _verify

    matrix = speed * np.array(jacobian)
    model = SimpleNamespace(
        x0=np.ones(2), is_rate_rule=np.zeros(2, dtype=bool), time_dependence=(), rhs=lambda t, x: np.zeros(2),
        jacobian=lambda t, x: matrix,
    )  # fmt: skip
    found = _verify(system_of(model), 0.0, np.ones(2), "trajectory", 1e-9)
    assert found.stable is stable
    assert found.max_real_part == pytest.approx(np.linalg.eigvals(matrix).real.max(), rel=1e-6)


@pytest.mark.parametrize("speed", [1e-3, 1.0, 1e3])
def test_rounding_that_no_step_removes_is_no_drift(speed):
    """Two rates that depend on the first variable alone: half of their difference stays in each."""
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _rests

    model = SimpleNamespace(x0=np.ones(2), is_rate_rule=np.zeros(2, dtype=bool))
    ones, jacobian = np.ones(2), speed * np.array([[-1.0, 0.0], [-1.0, 0.0]])
    assert _rests(system_of(model), 0.0, ones, ones, jacobian, speed * np.array([0.0, 1e-13]))
    assert not _rests(system_of(model), 0.0, ones, ones, jacobian, speed * np.array([0.0, 4e-13]))
    # With a law the rate of its total is a drift, and the rest is none.
    law = system_of(model, [[1.0, 1.0]])
    jacobian = speed * np.array([[-1.0, 1.0], [1.0, -1.0]])
    assert _rests(law, 0.0, ones, ones, jacobian, speed * np.array([1e-7, -1e-7]))


@pytest.mark.parametrize(("part", "rests"), [(0.9, True), (1.1, False)])
@pytest.mark.parametrize(("size", "balance"), [(1.0, 1.0), (1e-3, 1e3), (1e3, 1e3), (1e3, 1e-3)])
def test_later_rates_are_measured_as_the_residual_is(part, rests, size, balance):
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _holds_later

    # Ten times the tolerance of the terms that balance, each of which is this large.
    rate = part * 1e-8 * balance * size
    model = SimpleNamespace(
        x0=np.ones(1), is_rate_rule=np.zeros(1, dtype=bool), time_dependence={"x"}, rhs=lambda t, x: np.array([-rate])
    )
    ones = np.ones(1)
    assert _holds_later(system_of(model), 50.0, size * ones, size * ones, balance * ones, 1e-9) is rests


def test_slow_variable_in_balance_rests_beside_fast_ones():
    """A fast exchange that is 1e-6 away from its balance; two slow members of the same total are in theirs."""
    from types import SimpleNamespace

    from skperturb.sbml._solving.steady_state import _rests

    model = SimpleNamespace(x0=np.ones(4), is_rate_rule=np.zeros(4, dtype=bool))
    law = system_of(model, [[1.0, 0.3, 0.7, 1.9]])
    slow = 1e-11
    # Rows of the fast pair balance each other in the law; the slow ones follow the first and pay with the second.
    jacobian = np.array(
        [[-1.9, 0.0, 0.0, 1.9], [slow, -slow, 0.0, 0.0], [slow, 0.0, -slow, 0.0], [1.0, 0.0, 0.0, -1.0]]
    )
    jacobian[3] -= (0.3 * jacobian[1] + 0.7 * jacobian[2]) / 1.9
    for part in (1.0, 0.7, 0.3, 0.123):
        rates = part * 1e-6 * np.array([1.9, 0.0, 0.0, -1.0])
        assert _rests(law, 0.0, np.ones(4), np.ones(4), jacobian, rates)
    assert not _rests(law, 0.0, np.ones(4), np.ones(4), jacobian, 1e-6 * np.array([1.9, 0.1, 0.0, -1.0]))


@pytest.mark.parametrize(("method", "stable"), [("trajectory", True), ("newton_mean", False)])
def test_beside_a_line_of_states_only_the_trajectory_decides(hand, method, stable):
    # B keeps whatever value it has: Newton's method may come to one that no trajectory comes to.
    model = hand.Model("AB", (2.0, 1.0), [[1], [0]], lambda t, x: np.array([2.0 - x[0]]))
    system = steady_state.LawKeepingSystem(model, np.empty((0, 2)))
    found = steady_state._verify(system, 0.0, np.array([2.0, 5.0]), method, 1e-9)
    assert found.stable == stable


def test_a_search_ends_when_its_processor_time_is_over(hand, monkeypatch):
    """Also in the midst of one long call of the integrator, and no other method begins then."""
    monkeypatch.setattr(steady_state, "MOST_SECONDS", 0.0)
    model, calls = hand.brusselator(), []
    monkeypatch.setattr(model, "jacobian", lambda t, x, own=model.jacobian: calls.append(t) or own(t, x))
    with pytest.raises(NoSteadyStateError, match="seconds of processor time") as caught:
        find_steady_state(model)
    assert caught.value.status == "integration_failed"
    assert len(calls) < 256

    trajectory = Trajectory(hand.brusselator(), rtol=1e-8, atol=1e-10, max_steps=10**6, end=1e6, seconds=0.0)
    assert not trajectory.advance(1e6)
    assert trajectory.n_evaluations == 256
