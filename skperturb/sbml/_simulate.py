"""Trajectories of a kinetic model from its initial state."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._integrate import Trajectory

if TYPE_CHECKING:
    from skperturb.sbml.model import KineticModel

__all__ = ["IntegrationError", "simulate"]

_METHODS = ("LSODA", "BDF", "Radau")
_MAX_STEPS = 100_000


class IntegrationError(ValueError):
    """A trajectory that cannot be followed to the requested time."""


def simulate(
    model: KineticModel,
    times: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float | ArrayLike | None = None,
    method: str = "LSODA",
    ignore_events: bool = False,
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
        Absolute tolerance; by default `rtol` times 1e-8 of the largest initial value (of 1 where all are zero):
        traces of one species can decide what the others do later.
    method : {"LSODA", "BDF", "Radau"}, default="LSODA"
        Integrator. All are for stiff systems and get the exact Jacobian.
    ignore_events : bool, default=False
        Integrate a model with events as if it had none.

    Returns
    -------
    trajectory : DataFrame of shape (n_times, n_symbols)
        All symbols of the model (variables, assigned symbols, parameters, compartments), index "time".

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
    among equals, whose order the specification leaves open, the first in the file comes first. An output at
    the time of an event shows the state after it.

    Where time appears explicitly in the model, a step never exceeds a hundredth of the interval between
    two output times, and the integration starts anew where a condition on time alone switches.
    """
    grid = _check_times(times)
    states, constants = _follow(model, grid, rtol, atol, method, ignore_events)
    frame = model.evaluate(grid, states) if constants is None else model._evaluate(grid, states, constants.T)
    frame.index = pd.Index(grid, name="time")
    return frame


def state_at(model: KineticModel, time: float, *, ignore_events: bool) -> tuple[KineticModel, np.ndarray]:
    """Return the state at a time, and the model with the values that events have given its parameters by then."""
    states, constants = _follow(model, _check_times([time]), 1e-8, None, "LSODA", ignore_events)
    if constants is None or ignore_events:
        return model, states[-1]
    return model.continued(time, states[-1], constants[-1]), states[-1]


def _follow(
    model: KineticModel,
    grid: np.ndarray,
    rtol: float,
    atol: float | ArrayLike | None,
    method: str,
    ignore_events: bool,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the states and, where events may change parameters, the values of all of them."""
    rtol, atol = _check_tolerances(model, rtol, atol)
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
        return _follow_events(model, grid, rtol, atol, method, ignore_events)
    follow = _follow_lsoda if method == "LSODA" else _follow_solve_ivp
    return follow(model, grid, rtol, atol, method), None


def refuse_events(model: KineticModel) -> None:
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
    model: KineticModel, rtol: float, atol: float | ArrayLike | None
) -> tuple[float, float | np.ndarray]:
    if not isinstance(rtol, Real) or not 0.0 < float(rtol) < 1.0:
        raise ValueError(f"rtol={rtol!r} must be a number between 0 and 1.")
    if atol is None:
        largest = float(np.max(np.abs(model.x0[np.isfinite(model.x0)]), initial=0.0))
        return float(rtol), float(rtol) * 1e-8 * (largest or 1.0)
    values = np.asarray(atol, dtype=float)
    if values.shape not in ((), (len(model.variables),)) or not np.all(values > 0.0):
        raise ValueError(
            f"atol must be a positive number or one for each of the {len(model.variables)} variables, got {atol!r}."
        )
    return float(rtol), values


def _follow_lsoda(
    model: KineticModel, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str
) -> np.ndarray:
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
        if not trajectory.advance(float(time)):
            raise _stopped(model, trajectory.time, float(grid[-1]), str(trajectory.failure))
        states[k] = trajectory.state
    return states


def _follow_events(
    model: KineticModel, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str, ignore_events: bool
) -> tuple[np.ndarray, np.ndarray]:
    from skperturb.sbml._event_run import EventTrajectory

    longest = float(np.diff(grid, prepend=0.0).max())
    trajectory = EventTrajectory(
        model,
        rtol=rtol,
        atol=atol,
        method=method,
        max_steps=_MAX_STEPS,
        max_step=longest / 100.0 if model.time_dependence else np.inf,
        ignore_events=ignore_events,
    )
    states = np.empty((grid.size, len(model.variables)))
    constants = np.empty((grid.size, len(trajectory.parameters)))
    for k, time in enumerate(grid):
        if not trajectory.advance(float(time), horizon=float(grid[-1])) or trajectory.failure is not None:
            raise _stopped(model, trajectory.time, float(grid[-1]), str(trajectory.failure))
        states[k], constants[k] = trajectory.state, trajectory.parameters
    return states, constants


def _follow_solve_ivp(
    model: KineticModel, grid: np.ndarray, rtol: float, atol: float | np.ndarray, method: str
) -> np.ndarray:
    from scipy.integrate import solve_ivp

    n_calls = 0

    def rhs(t: float, x: np.ndarray) -> np.ndarray:
        # solve_ivp has no limit on its steps and would crawl towards a singularity for ever.
        nonlocal n_calls
        n_calls += 1
        derivative = model.rhs(t, x)
        if n_calls > 10 * _MAX_STEPS or not np.isfinite(derivative).all():
            raise _stopped(model, t, float(grid[-1]), "the right-hand side is not finite or changes too fast")
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


def _stopped(model: KineticModel, time: float, end: float, why: str) -> IntegrationError:
    return IntegrationError(
        f"{model.model_id}: integration stopped at t = {time:g} before t = {end:g}: {why}. "
        "The solution may not exist up to that time; ask for earlier times or a larger rtol."
    )
