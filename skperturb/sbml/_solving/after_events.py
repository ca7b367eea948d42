"""Steady states of models with events: follow the events, then let the rest of the search do its work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.event_run import EventTrajectory
from skperturb.sbml._solving.integrate import absolute_tolerance
from skperturb.sbml._solving.ladder import Candidate, checkpoints
from skperturb.sbml._solving.simulate import name_some

__all__ = ["find_after_events"]

_MOST_EVENTS = 1_000


def find_after_events(
    model: Equations,
    find: Callable[[Equations], Candidate],
    *,
    t_max: float,
    rtol: float,
    max_steps: int,
) -> tuple[Candidate, Equations]:
    """Return the steady state that is reached once no event fires any more, and the model with what they changed.

    Parameters
    ----------
    model : Equations
        A model with events.
    find : callable
        Finds the steady state of a model without events, from its `x0` and `start_time`; raises
        `NoSteadyStateError`.
    t_max, rtol, max_steps
        As in `find_steady_state`; twelve times `max_steps` in all are taken through the events.
    """
    run = EventTrajectory(
        model,
        rtol=rtol,
        atol=absolute_tolerance(np.asarray(model.x0, dtype=float), rtol),
        max_steps=12 * max_steps,
        patience=1,
        max_events=_MOST_EVENTS,
    )
    refusal: NoSteadyStateError | None = None
    tried = -1
    for time in checkpoints(t_max):
        if time <= run.time:
            continue
        before = len(run.fired)
        _advance(model, run, float(time))
        if len(run.fired) > before or run.waiting or tried == len(run.fired):
            continue
        settled = model.continued(run.time, run.state, run.parameters)
        try:
            found = find(settled)
        except NoSteadyStateError as error:
            refusal, tried = error, len(run.fired)
            continue
        refusal = _check_silence(model, run, found)
        if refusal is None:
            return found, settled
    raise refusal or NoSteadyStateError(
        f"{model.model_id}: no steady state: the events {name_some(run.reasons())} fire again and again up to "
        f"t = {run.time:g}.",
        status="oscillating",
    )


def _advance(model: Equations, run: EventTrajectory, time: float) -> None:
    if run.advance(time) and run.failure is None:
        return
    status = "diverged" if run.failure == "the solution is not finite" else "oscillating"
    raise NoSteadyStateError(
        f"{model.model_id}: no steady state: the trajectory through the events "
        f"({name_some(run.reasons() or list(model.event_ids))}) stops at t = {run.time:g}: {run.failure}.",
        status=status,
    )


def _check_silence(model: Equations, run: EventTrajectory, found: Candidate) -> NoSteadyStateError | None:
    """Return None if no event can fire between the trajectory's end, the candidate and any later time."""
    if found.method not in ("initial", "trajectory") and not found.stable:
        return NoSteadyStateError(
            f"{model.model_id}: no steady state: the trajectory through the events "
            f"({name_some(model.event_ids)}) does not settle.",
            status="oscillating",
        )
    before = len(run.fired)
    _advance(model, run, max(found.time, run.time))
    if len(run.fired) > before or run.waiting:
        return _may_fire(model, run.fired[before:] or list(model.event_ids), found)
    # Golden-ratio jitter: no period of a trigger can be in step with all of the times.
    k = np.arange(1, 201)
    later = max(run.time, 1.0) * 10.0 ** (8.0 * (k + (k * 0.6180339887498949) % 1.0) / 201.0)
    turning = run.turning(np.append(run.time, later), found.x)
    return _may_fire(model, turning, found) if turning else None


def _may_fire(model: Equations, ids: list[str], found: Candidate) -> NoSteadyStateError:
    return NoSteadyStateError(
        f"{model.model_id}: no steady state: the state at which the equations come to rest (found at "
        f"t = {found.time:g}) lies where the events {name_some(list(dict.fromkeys(ids)))} fire, or may fire later.",
        status="unsupported",
    )
