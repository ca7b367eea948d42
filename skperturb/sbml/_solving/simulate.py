"""Trajectories of a kinetic model from its initial state."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.delays import with_delays_as_parameters
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.domain import without_traces
from skperturb.sbml._solving.integrate import Budget, Trajectory, non_negative, too_slow, where_left
from skperturb.sbml._solving.stepper import Stepper

__all__ = ["IntegrationError", "bounds_of_run", "check_times", "simulate", "stopped", "tolerances"]

_METHODS = ("LSODA", "BDF", "Radau")
# Steps after which a run must be able to end in ten times as many (through events: in a hundred times, they start the
# integrator anew). At ten times less stiff oscillators fail, at ten times more a run that gets nowhere takes minutes.
_MAX_STEPS = 100_000
_PATIENCE, _PATIENCE_WITH_EVENTS = 10.0, 100.0
# A step of a method of variable order takes about so many evaluations of the right-hand side.
_EVALUATIONS_PER_STEP = 2
# Shortest time, as a part of the longest interval between two outputs, for which a trigger that is not linear in the
# state and time may be true unnoticed. A tenth of it costs ten times as many looks; they cost as much as the steps.
_TRIGGER_GAP = 1e-3
# Where time is explicit, no step is longer than this part of that interval: a pulse of one step's length is seen.
_LONGEST_STEP = 0.01
# The default absolute tolerance is `rtol` times this part of the largest size of a kind: traces of one species decide
# what the others do later. Ten times more misses them in models of blood clotting, ten times less meets rounding.
_TRACE = 1e-8
# A value below this part of the largest change is none: a state that has just left zero may be any tiny number, and
# tolerances of its size would stop every integrator.
_NOTHING = 1e-16


class IntegrationError(ValueError):
    """A trajectory that cannot be followed to the requested time."""


def simulate(
    model: Equations,
    times: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float | ArrayLike | None = None,
    method: str = "LSODA",
    ignore_events: bool = False,
    random_state: int = 0,
) -> pd.DataFrame:
    """Integrate a model from its initial state at time 0.

    Parameters
    ----------
    model : KineticModel
        The model.
    times : array-like of shape (n_times,)
        Strictly increasing, non-negative output times in the model's unit of time. The initial state
        belongs to time 0, whether or not 0 is among them.
    rtol : float, default=1e-8
        Relative tolerance.
    atol : float or array-like of shape (n_variables,), default=None
        Absolute tolerance; by default `rtol` times 1e-8 of the largest initial value (where all are zero, of the
        largest change) among what reactions change, and likewise among what rate rules change: traces of one
        species can decide what the others do later.
    method : {"LSODA", "BDF", "Radau"}, default="LSODA"
        Integrator. All are for stiff systems and get the exact Jacobian.
    ignore_events : bool, default=False
        Integrate a model with events as if it had none.
    random_state : int, default=0
        Decides the order of simultaneous events of equal priority, which the specification wants to be random.

    Returns
    -------
    trajectory : DataFrame of shape (n_times, n_symbols)
        All symbols and reaction rates of the model, see `KineticModel.evaluate`; index "time".

    Raises
    ------
    UnsupportedModelError
        If an event cannot be followed (its formulas contradict the model) and
        `ignore_events` is False.
    IntegrationError
        If the integrator stops before the last time.
    ValueError
        If `times` or a tolerance is not as described.

    Notes
    -----
    Events follow the specification of SBML Level 3 Version 2: a trigger fires when it turns from false to
    true, at time 0 only if its initial value is false; it is located to the last digit of the time.
    Simultaneous executions go by priority, evaluated anew after each; events without priority come last, and
    in the order of the file; among events of equal priority chance decides. An output at the time of an event
    shows the state after it. An event that changes the size of a compartment keeps
    the amounts in it; a concentration that it sets as well refers to the size before, as in other engines.

    Where time appears explicitly in the model, a step never exceeds a hundredth of the interval between
    two output times, and the integration starts anew where a condition on time alone switches. Triggers are looked
    at within every step, at least a thousand times between two output times (with delays, a hundred times); one that
    is true for a shorter time can be missed.

    The number of steps is bounded: a run that has taken 100,000 of them (an event counts as ten) stops unless, at
    its pace so far, ten times as many bring it to the last time, and no interval between two outputs may take
    more than 100,000. A thousand events at one time, to rounding, are an error too.
    The same bound holds for processor time, from 60 seconds on.
    """
    grid = check_times(times)
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ValueError(f"random_state={random_state!r} is not an integer >= 0.")
    model = with_delays_as_parameters(model)
    states, constants = _follow(model, grid, rtol, atol, method, ignore_events, random_state)
    frame = _evaluated(model, grid, states, constants)
    inside = _without_undefined_traces(model, frame, states)
    if inside is not None:
        frame = _evaluated(model, grid, inside, constants)
    frame.index = pd.Index(grid, name="time")
    return frame


def _evaluated(model: Equations, grid: np.ndarray, states: np.ndarray, constants: np.ndarray | None) -> pd.DataFrame:
    return model.evaluate(grid, states) if constants is None else model._evaluate(grid, states, constants.T)


def _without_undefined_traces(model: Equations, frame: pd.DataFrame, states: np.ndarray) -> np.ndarray | None:
    """Return the states with negative traces set to zero where a formula is undefined for these; None if nowhere."""
    amounts = non_negative(model)
    rows = np.flatnonzero(frame.isna().to_numpy().any(axis=1))
    found = {} if amounts is None else {row: without_traces(states[row], amounts) for row in rows.tolist()}
    found = {row: inside for row, inside in found.items() if inside}
    if not found:
        return None
    cleaned = states.copy()
    for row, inside in found.items():
        cleaned[row] = inside[0]
    return cleaned


def state_at(model: Equations, time: float, *, ignore_events: bool) -> tuple[Equations, np.ndarray]:
    """Return the state at a time, and the model with the values that events have given its parameters by then."""
    system = getattr(model, "_system", None)
    if system is not None and system.delays:
        raise UnsupportedModelError(
            f"{model.model_id}: at t = {time:g} the equations depend on the past (delay()), so that one state has no "
            "Jacobian; take it at the steady state or at the initial state."
        )
    states, constants = _follow(model, check_times([time]), 1e-8, None, "LSODA", ignore_events)
    if constants is None or ignore_events:
        return model, states[-1]
    return model.continued(time, states[-1], constants[-1]), states[-1]


def _follow(
    model: Equations,
    grid: np.ndarray,
    rtol: float,
    atol: float | ArrayLike | None,
    method: str,
    ignore_events: bool,
    random_state: int = 0,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the states and, where events may change parameters, the values of all of them."""
    by_default = atol is None
    rtol, atol = _check_tolerances(model, rtol, atol, float(grid[-1]))
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is unknown; expected one of {list(_METHODS)}.")
    system = getattr(model, "_system", None)
    if model.event_ids and not ignore_events:
        refuse_events(model)
    start = np.asarray(model.rhs(0.0, model.x0))
    if not np.isfinite(model.x0).all():
        bad = [f"{name} = {x:g}" for name, x in zip(model.variables, model.x0, strict=True) if not np.isfinite(x)]
        raise IntegrationError(
            f"{model.model_id}: the initial state is not finite ({', '.join(bad[:5])}); give a number in the file."
        )
    if not np.isfinite(start).all():
        bad = [name for name, value in zip(model.variables, start, strict=True) if not np.isfinite(value)]
        raise IntegrationError(
            f"{model.model_id}: the right-hand side is not finite at the initial state (d/dt of {name_some(bad)})."
        )
    if system is not None and (system.switches or system.delays or (model.event_ids and not ignore_events)):
        options = tolerances(model, grid, rtol, None if by_default else atol) | {"method": method}
        return _follow_events(model, grid, ignore_events=ignore_events, random_state=random_state, **options)
    follow = _follow_lsoda if method == "LSODA" else _follow_steps
    return follow(model, grid, rtol, atol, method), None


def refuse_events(model: Equations) -> None:
    """Raise if the events of a model cannot be followed."""
    system = getattr(model, "_system", None)
    problem = "they were not compiled" if system is None else system.event_problem
    if problem:
        raise UnsupportedModelError(
            f"{model.model_id}: the events ({name_some(model.event_ids)}) cannot be followed: {problem}. "
            "Pass ignore_events=True to integrate the model without them."
        )


def name_some(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    """Join the first few names and count the rest."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def check_times(times: ArrayLike) -> np.ndarray:
    """Return output times as an array; refuse what is not strictly increasing, finite and non-negative."""
    try:
        grid = np.asarray(times, dtype=float)
        is_text = np.asarray(times).dtype.kind in "USbMm"
    except (TypeError, ValueError) as error:
        raise ValueError(f"times must be a sequence of numbers, got {times!r}.") from error
    if is_text:
        raise ValueError(f"times must be a sequence of numbers, got {times!r}.")
    if grid.ndim != 1 or grid.size == 0:
        raise ValueError(f"times must be a non-empty 1-D sequence, got shape {grid.shape}.")
    bad = np.flatnonzero(~np.isfinite(grid) | (grid < 0.0))
    if bad.size:
        raise ValueError(f"times[{bad[0]}] = {grid[bad[0]]} is not a finite number >= 0.")
    bad = np.flatnonzero(np.diff(grid) <= 0.0)
    if bad.size:
        k = int(bad[0])
        raise ValueError(f"times must increase strictly, got times[{k}] = {grid[k]}, times[{k + 1}] = {grid[k + 1]}.")
    return grid


def _check_tolerances(
    model: Equations, rtol: float, atol: float | ArrayLike | None, end: float
) -> tuple[float, float | np.ndarray]:
    if not isinstance(rtol, Real) or not 0.0 < float(rtol) < 1.0:
        raise ValueError(f"rtol={rtol!r} must be a number between 0 and 1.")
    if atol is None:
        start = np.asarray(model.x0, dtype=float)
        return float(rtol), float(rtol) * _TRACE * _sizes(model, np.abs(start), model.rhs(0.0, start), end)
    try:
        values = np.asarray(atol, dtype=float)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.shape not in ((), (len(model.variables),)) or not np.all(values > 0.0):
        raise ValueError(
            f"atol must be a positive number or one for each of the {len(model.variables)} variables, got {atol!r}."
        )
    return float(rtol), values


def _sizes(model: Equations, values: np.ndarray, rates: np.ndarray, span: float | np.ndarray) -> np.ndarray:
    """Return the size of each variable: the largest value, or else change in a time, among those of its kind."""
    ruled = np.asarray(model.is_rate_rule, dtype=bool)
    changes = span * np.abs(np.asarray(rates, dtype=float))
    sizes = np.ones(values.size)
    everything = np.ones(values.size, dtype=bool)
    for kind in (~ruled, ruled):
        for source, where in ((values, kind), (changes, kind), (values, everything)):
            found = source[where & np.isfinite(source)].max(initial=0.0)
            if found > 0.0:
                sizes[kind] = found
                break
    return sizes


def _retolerated(model: Equations, rtol: float, end: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the default tolerance from what the variables have reached, or are about to reach, at a restart.

    Where everything is empty until a dose comes, nothing has a size at the start.
    """
    changes = np.zeros(len(model.variables))

    def tolerance(largest: np.ndarray, rates: np.ndarray) -> np.ndarray:
        np.fmax(changes, np.where(np.isfinite(rates), np.abs(rates), 0.0), out=changes)
        known = np.where(largest > _NOTHING * end * changes.max(initial=0.0), largest, 0.0)
        return rtol * _TRACE * _sizes(model, known, changes, end)

    return tolerance


def _follow_lsoda(model: Equations, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str) -> np.ndarray:
    longest = float(np.diff(grid, prepend=0.0).max())
    trajectory = Trajectory(
        model,
        rtol=rtol,
        atol=atol,
        max_steps=_MAX_STEPS,
        max_step=longest * _LONGEST_STEP if model.time_dependence else 0.0,
        end=float(grid[-1]),
    )
    states = np.empty((grid.size, len(model.variables)))
    for k, time in enumerate(grid):
        steps = trajectory.n_evaluations // _EVALUATIONS_PER_STEP
        if too_slow(steps, trajectory.time, float(grid[-1]), _MAX_STEPS, _PATIENCE):
            trajectory.failure = f"about {steps} steps have hardly brought it forward"
        if not trajectory.advance(float(time)):
            raise stopped(model, trajectory.time, float(grid[-1]), str(trajectory.failure), trajectory.left_at)
        states[k] = trajectory.state
    return states


def bounds_of_run(model: Equations, grid: np.ndarray) -> dict[str, Any]:
    """Return the bounds of a trajectory through events and jumps to some output times, as options."""
    longest = float(np.diff(grid, prepend=0.0).max())
    return {
        "max_steps": _MAX_STEPS,
        "patience": _PATIENCE_WITH_EVENTS,
        "max_step": longest * _LONGEST_STEP if model.time_dependence else np.inf,
        "max_gap": longest * _TRIGGER_GAP,
        "horizon": float(grid[-1]),
    }


def tolerances(model: Equations, grid: np.ndarray, rtol: float, atol: float | ArrayLike | None) -> dict[str, Any]:
    """Return the tolerances of such a trajectory as options."""
    by_default = atol is None
    rtol, atol = _check_tolerances(model, rtol, atol, float(grid[-1]))
    options: dict[str, Any] = {"rtol": rtol, "atol": atol}
    if by_default and not np.any(model.x0):
        options["retolerate"] = _retolerated(model, rtol, float(grid[-1]))
    return options


def _follow_events(model: Equations, grid: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    from skperturb.sbml._solving.event_run import EventTrajectory

    kind: Any = EventTrajectory
    if model._system.delays:
        from skperturb.sbml._solving.delays import DelayedTrajectory

        kind = DelayedTrajectory

    end = float(grid[-1])
    trajectory = kind(model, **bounds_of_run(model, grid), **options)
    states = np.empty((grid.size, len(model.variables)))
    constants = np.empty((grid.size, len(trajectory.parameters)))
    for k, time in enumerate(grid):
        if not trajectory.advance(float(time)) or trajectory.failure is not None:
            raise stopped(model, trajectory.time, end, str(trajectory.failure), trajectory.left_at)
        states[k], constants[k] = trajectory.state, trajectory.parameters
    return states, constants


def _follow_steps(model: Equations, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str) -> np.ndarray:
    longest, end = float(np.diff(grid, prepend=0.0).max()), float(grid[-1])
    stepper = Stepper(
        model.rhs,
        model.jacobian,
        method,
        non_negative=non_negative(model),
        rtol=rtol,
        atol=atol,
        max_step=longest * _LONGEST_STEP if model.time_dependence else np.inf,
    )
    budget = Budget(_MAX_STEPS, _PATIENCE)
    reached, state, steps = 0.0, np.array(model.x0, dtype=float), 0
    states = np.empty((grid.size, state.size))
    for k, time in enumerate(grid.tolist()):
        while reached < time:
            steps += 1
            failure = budget.exceeded(steps, reached, end)
            if failure is None:
                stepper.step(reached, state, end)
                failure = stepper.failure
            if failure is not None:
                raise stopped(model, reached, end, failure, stepper.left_at)
            reached = stepper.reach(reached)
            state = np.array(stepper.solution(reached), dtype=float)
        states[k] = stepper.solution(time) if time > 0.0 else state
    return states


def stopped(
    model: Equations, time: float, end: float, why: str, left_at: tuple[float, np.ndarray, np.ndarray] | None = None
) -> IntegrationError:
    system = getattr(model, "_system", None)
    lost = [block.where for block in system.graph.blocks if block.is_lost] if system is not None else []
    if lost:
        why = f"{why} ({', '.join(lost)[:300]}: no solution continues there)"
    why += where_left(model.variables, left_at)
    return IntegrationError(
        f"{model.model_id}: integration stopped at t = {time:.9g} before t = {end:g}: {why}. {_advice(why)}"
    )


def _advice(why: str) -> str:
    """Return what helps against a failure."""
    if "not finite" in why:
        return (
            "A formula is undefined there (a fractional power, root or logarithm of a negative number, or a division "
            "by zero), or the solution grows beyond all bounds; look at the formulas of the variables named, or ask "
            "for earlier times."
        )
    if "firing" in why or "events wait" in why:
        return "Give the trigger some distance from what its event sets, or ask for earlier times."
    if "hardly" in why:
        return "Something changes very fast or slides along a jump there; ask for earlier times or a larger rtol."
    return "The solution may not exist up to that time; ask for earlier times, a larger rtol or another method."
