"""Trajectories of a kinetic model from its initial state."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.integrate import Trajectory, too_slow

__all__ = ["IntegrationError", "simulate"]

_METHODS = ("LSODA", "BDF", "Radau")
_MAX_STEPS = 100_000
# A step of a method of variable order takes about so many evaluations of the right-hand side.
_EVALUATIONS_PER_STEP = 2
# Shortest time, as a part of the longest interval between two outputs, for which a trigger may be true unnoticed.
_TRIGGER_GAP = 1e-3


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
        If an event cannot be followed (its formulas use a delay, or contradict the model) and
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
    at within every step, at least a thousand times between two output times; one that is true for a shorter time
    can be missed.

    The number of steps is bounded: a run that has taken 100,000 of them (an event counts as ten) stops unless, at
    its pace so far, ten times as many bring it to the last time, and no interval between two outputs may take
    more than 100,000. A thousand events at one time, to rounding, are an error too.
    """
    grid = _check_times(times)
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ValueError(f"random_state={random_state!r} is not an integer >= 0.")
    states, constants = _follow(model, grid, rtol, atol, method, ignore_events, random_state)
    frame = model.evaluate(grid, states) if constants is None else model._evaluate(grid, states, constants.T)
    frame.index = pd.Index(grid, name="time")
    return frame


def state_at(model: Equations, time: float, *, ignore_events: bool) -> tuple[Equations, np.ndarray]:
    """Return the state at a time, and the model with the values that events have given its parameters by then."""
    states, constants = _follow(model, _check_times([time]), 1e-8, None, "LSODA", ignore_events)
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
    rtol, atol = _check_tolerances(model, rtol, atol, float(grid[-1]))
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is unknown; expected one of {list(_METHODS)}.")
    system = getattr(model, "_system", None)
    if model.event_ids and not ignore_events:
        refuse_events(model)
    start = np.asarray(model.rhs(0.0, model.x0))
    if not np.isfinite(start).all():
        bad = [name for name, value in zip(model.variables, start, strict=True) if not np.isfinite(value)]
        raise IntegrationError(
            f"{model.model_id}: the right-hand side is not finite at the initial state (d/dt of {name_some(bad)})."
        )
    if system is not None and (system.switches or (model.event_ids and not ignore_events)):
        return _follow_events(model, grid, rtol, atol, method, ignore_events, random_state)
    follow = _follow_lsoda if method == "LSODA" else _follow_solve_ivp
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


def _check_times(times: ArrayLike) -> np.ndarray:
    try:
        grid = np.asarray(times, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"times must be a sequence of numbers, got {times!r}.") from error
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
        return float(rtol), float(rtol) * 1e-8 * _sizes(model, end)
    values = np.asarray(atol, dtype=float)
    if values.shape not in ((), (len(model.variables),)) or not np.all(values > 0.0):
        raise ValueError(
            f"atol must be a positive number or one for each of the {len(model.variables)} variables, got {atol!r}."
        )
    return float(rtol), values


def _sizes(model: Equations, end: float) -> np.ndarray:
    """Return the size of each variable: the largest initial value, or else change, among those of its kind."""
    ruled = np.asarray(model.is_rate_rule, dtype=bool)
    values = np.abs(np.asarray(model.x0, dtype=float))
    changes = end * np.abs(np.asarray(model.rhs(0.0, model.x0), dtype=float))
    sizes = np.ones(values.size)
    everything = np.ones(values.size, dtype=bool)
    for kind in (~ruled, ruled):
        for source, where in ((values, kind), (changes, kind), (values, everything)):
            found = source[where & np.isfinite(source)].max(initial=0.0)
            if found > 0.0:
                sizes[kind] = found
                break
    return sizes


def _follow_lsoda(model: Equations, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str) -> np.ndarray:
    longest = float(np.diff(grid, prepend=0.0).max())
    trajectory = Trajectory(
        model,
        rtol=rtol,
        atol=atol,
        max_steps=_MAX_STEPS,
        max_step=longest / 100.0 if model.time_dependence else 0.0,
    )
    states = np.empty((grid.size, len(model.variables)))
    for k, time in enumerate(grid):
        steps = trajectory.n_evaluations // _EVALUATIONS_PER_STEP
        if too_slow(steps, trajectory.time, float(grid[-1]), _MAX_STEPS):
            trajectory.failure = f"about {steps} steps have hardly brought it forward"
        if not trajectory.advance(float(time)):
            raise _stopped(model, trajectory.time, float(grid[-1]), str(trajectory.failure))
        states[k] = trajectory.state
    return states


def _follow_events(
    model: Equations,
    grid: np.ndarray,
    rtol: float,
    atol: float | np.ndarray,
    method: str,
    ignore_events: bool,
    random_state: int,
) -> tuple[np.ndarray, np.ndarray]:
    from skperturb.sbml._solving.event_run import EventTrajectory

    longest = float(np.diff(grid, prepend=0.0).max())
    trajectory = EventTrajectory(
        model,
        rtol=rtol,
        atol=atol,
        method=method,
        max_steps=_MAX_STEPS,
        max_step=longest / 100.0 if model.time_dependence else np.inf,
        max_gap=longest * _TRIGGER_GAP,
        ignore_events=ignore_events,
        random_state=random_state,
    )
    states = np.empty((grid.size, len(model.variables)))
    constants = np.empty((grid.size, len(trajectory.parameters)))
    for k, time in enumerate(grid):
        if not trajectory.advance(float(time), horizon=float(grid[-1])) or trajectory.failure is not None:
            raise _stopped(model, trajectory.time, float(grid[-1]), str(trajectory.failure))
        states[k], constants[k] = trajectory.state, trajectory.parameters
    return states, constants


def _follow_solve_ivp(
    model: Equations, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str
) -> np.ndarray:
    from scipy.integrate import solve_ivp

    n_calls = 0

    def rhs(t: float, x: np.ndarray) -> np.ndarray:
        # solve_ivp has no limit on its steps and would crawl towards a singularity for ever.
        nonlocal n_calls
        n_calls += 1
        derivative = model.rhs(t, x)
        if too_slow(n_calls // _EVALUATIONS_PER_STEP, t, float(grid[-1]), _MAX_STEPS):
            raise _stopped(model, t, float(grid[-1]), f"{n_calls} evaluations have hardly brought it forward")
        if not np.isfinite(derivative).all():
            raise _stopped(model, t, float(grid[-1]), "the right-hand side is not finite")
        return derivative

    if len(model.variables) == 0 or grid[-1] == 0.0:
        return np.tile(np.asarray(model.x0, dtype=float), (grid.size, 1))
    longest = float(np.diff(grid, prepend=0.0).max())
    solution = solve_ivp(
        rhs,
        (0.0, float(grid[-1])),
        np.asarray(model.x0, dtype=float),
        method=method,
        t_eval=grid,
        rtol=rtol,
        atol=atol,
        jac=lambda t, x: np.nan_to_num(model.jacobian(t, x), nan=0.0, posinf=0.0, neginf=0.0),
        max_step=longest / 100.0 if model.time_dependence else np.inf,
    )
    if not solution.success:
        raise _stopped(model, float(solution.t[-1]) if len(solution.t) else 0.0, float(grid[-1]), solution.message)
    return solution.y.T


def _stopped(model: Equations, time: float, end: float, why: str) -> IntegrationError:
    system = getattr(model, "_system", None)
    lost = [block.where for block in system.graph.blocks if block.is_lost] if system is not None else []
    if lost:
        why = f"{why} ({', '.join(lost)[:300]}: no solution continues there)"
    return IntegrationError(
        f"{model.model_id}: integration stopped at t = {time:g} before t = {end:g}: {why}. "
        "The solution may not exist up to that time; ask for earlier times or a larger rtol."
    )
