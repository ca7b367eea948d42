"""Steady states of delay differential equations: follow the trajectory, then let the rest of the search do its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import process_time

import numpy as np

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._compiling.delays import with_delays_as_parameters
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.delay_spectrum import rightmost_root
from skperturb.sbml._solving.delays import DelayedTrajectory
from skperturb.sbml._solving.integrate import absolute_tolerance, scale_of
from skperturb.sbml._solving.ladder import Candidate, checkpoints

__all__ = ["find_after_delays"]

# The trajectory rests where the state that the equations without memory come to from there is no farther, as part of
# its scale. Ten times more, a slow last approach would count that another state attracts; ten times less costs time.
_SETTLED = 1e-3
# The trajectory runs off where it is so many times as large as the state beside it and as its start.
_GONE = 1e6
# Real part, as part of the largest entry of the Jacobian, that rounding may give to a root that is zero.
_ZERO_ROOT = 1e-9


def find_after_delays(
    model: Equations,
    find: Callable[[Equations], Candidate],
    *,
    t_max: float,
    rtol: float,
    max_steps: int,
    deadline: float,
) -> Candidate:
    """Return the steady state that a model with delays comes to, or one that it circles.

    At rest what is delayed equals what is now, so that steady states are those of the equations without memory;
    which of them is reached, and whether it is stable, are not.

    Parameters
    ----------
    model : Equations
        A model with delays and without events.
    find : callable
        Finds the steady state of the equations without memory, from the model's `x0` and `start_time`; raises
        `NoSteadyStateError`.
    t_max, rtol, max_steps, deadline
        As in `find_steady_state`; twelve times `max_steps` in all are taken along the trajectory.
    """
    run = DelayedTrajectory(
        with_delays_as_parameters(model),
        horizon=t_max,
        rtol=rtol,
        atol=absolute_tolerance(np.asarray(model.x0, dtype=float), rtol),
        max_steps=12 * max_steps,
        patience=1.0,
        seconds=max(deadline - process_time(), 0.0),
    )
    refusal: NoSteadyStateError | None = None
    circled: Candidate | None = None
    for time in checkpoints(t_max):
        if not run.advance(float(time)):
            break
        own = run.parameters[: len(model._system.parameter_values)]
        try:
            found = find(model.continued(run.time, run.state, own))
        except NoSteadyStateError as error:
            refusal = error
            if process_time() > deadline:
                break
            continue
        found = _with_stability(model, found)
        distance = np.abs(found.x - run.state) / scale_of(found.x, np.asarray(model.x0, dtype=float))
        if distance.max(initial=0.0) <= _SETTLED and (found.stable or run.time >= t_max):
            return replace(found, time=run.time, method="trajectory")
        if np.abs(run.state).max() > _GONE * max(np.abs(found.x).max(), np.abs(model.x0).max()):
            raise NoSteadyStateError(
                f"{model.model_id}: no steady state: the trajectory with its delays runs off (up to t = {run.time:g}).",
                status="diverged",
            )
        if circled is not None and not circled.stable and not found.stable:
            break
        circled = circled or found
    if circled is not None and not circled.stable:
        return replace(circled, method="newton_last")
    raise refusal or NoSteadyStateError(
        f"{model.model_id}: no steady state: the trajectory with its delays does not settle up to t = {run.time:g}"
        f"{f' ({run.failure})' if run.failure else ''}.",
        status="oscillating",
    )


def _with_stability(model: Equations, found: Candidate) -> Candidate:
    """Replace the eigenvalues of the equations without memory by the roots of the characteristic equation."""
    root = rightmost_root(model, found.time, found.x, found.n_laws)
    rounding = _ZERO_ROOT * float(np.abs(model.jacobian(found.time, found.x)).max(initial=0.0))
    # Where the roots cannot be computed the trajectory alone says that the state attracts.
    stable = bool(root.real <= rounding) if not np.isnan(root.real) else True
    return replace(found, max_real_part=float(root.real), stable=stable)
