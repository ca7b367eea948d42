"""Steady states of models with events: follow the events, then let the rest of the search do its work."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.event_run import EventTrajectory
from skperturb.sbml._solving.integrate import absolute_tolerance, where_left
from skperturb.sbml._solving.ladder import Candidate, checkpoints, out_of_bounds
from skperturb.sbml._solving.simulate import name_some

__all__ = ["find_after_events"]

# A treatment schedule has dozens of events; a thousand are a cycle. Each costs a restart of the integrator.
_MOST_EVENTS = 1_000
# The steps of one leg of the search, times this, are for the whole way through the events.
_LEGS = 12
# An event counts as so many of them: that is about what the start of an integrator takes.
_STEPS_PER_EVENT = 10
# Times after the trajectory's end at which no trigger may turn, over eight decades: 25 a decade.
_LATER_TIMES, _LATER_DECADES = 200, 8.0
_GOLDEN = 0.6180339887498949


def find_after_events(
    model: Equations,
    find: Callable[[Equations], Candidate],
    *,
    t_max: float,
    rtol: float,
    max_steps: int,
    deadline: float,
) -> tuple[Candidate, Equations]:
    """Return the steady state that is reached once no event fires any more, and the model with what they changed.

    Parameters
    ----------
    model : Equations
        A model with events.
    find : callable
        Finds the steady state of a model without events, from its `x0` and `start_time`; raises
        `NoSteadyStateError`.
    t_max, rtol, max_steps, deadline
        As in `find_steady_state`; twelve times `max_steps` in all are taken through the events.
    """
    run = EventTrajectory(
        model,
        rtol=rtol,
        atol=absolute_tolerance(np.asarray(model.x0, dtype=float), rtol),
        max_steps=_LEGS * max_steps,
        patience=1,
        seconds=max(deadline - process_time(), 0.0),
        step_per_event=_STEPS_PER_EVENT,
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
            if process_time() > deadline:
                break
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
    through = f"the trajectory through the events ({name_some(run.reasons() or list(model.event_ids))})"
    status = "oscillating"
    if run.gave_up:
        status = "diverged" if out_of_bounds(run.state, model.x0) else "integration_failed"
    raise NoSteadyStateError(
        f"{model.model_id}: no steady state: {through} stops at t = {run.time:g}: "
        f"{run.failure}{where_left(model.variables, run.left_at)}.",
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
    k = np.arange(1, _LATER_TIMES + 1)
    later = max(run.time, 1.0) * 10.0 ** (_LATER_DECADES * (k + (k * _GOLDEN) % 1.0) / (_LATER_TIMES + 1.0))
    turning = run.turning(np.append(run.time, later), found.x)
    return _may_fire(model, turning, found) if turning else None


def _may_fire(model: Equations, ids: list[str], found: Candidate) -> NoSteadyStateError:
    return NoSteadyStateError(
        f"{model.model_id}: no steady state: the state at which the equations come to rest (found at "
        f"t = {found.time:g}) lies where the events {name_some(list(dict.fromkeys(ids)))} fire, or may fire later.",
        status="unsupported",
    )
