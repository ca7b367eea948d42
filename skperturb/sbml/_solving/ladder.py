"""The ladder of methods that looks for the steady state which the trajectory itself reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from skperturb.sbml._solving.integrate import Trajectory, absolute_tolerance, scale_of
from skperturb.sbml._solving.newton import LawKeepingSystem

__all__ = ["Candidate", "Climb", "checkpoints", "climb"]

_LARGEST_MOVE = 0.1
_UNMOVED = 1e-7
_CHECKPOINTS_PER_DECADE_OF_MEANS = 16
_BUSY = 100  # evaluations in one leg, beyond which a trajectory is sampled within its legs
_SAMPLES_PER_LEG = 8
_EVALUATIONS_PER_STEP = 2
_SUSTAINED = 0.05  # change of range or mean of a cycle that goes on, relative to its range
_TURNS = 6

Check = Callable[..., "Candidate | None"]


@dataclass(frozen=True)
class Candidate:
    """A verified steady state in the making."""

    time: float
    x: np.ndarray
    residual: float
    max_real_part: float
    stable: bool
    method: str
    n_laws: int = 0


@dataclass
class Climb:
    """What the ladder found, or why it found nothing."""

    candidate: Candidate | None = None
    status: str = "oscillating"
    reason: str = ""
    time: float = 0.0
    states: list[np.ndarray] = field(default_factory=list)  # at the checkpoints, one per decade
    mean: np.ndarray | None = None  # over the last completed decade
    quarters: tuple[np.ndarray, np.ndarray] | None = (
        None  # samples of its third and its fourth quarter, where it is busy
    )


def climb(system: LawKeepingSystem, check: Check, *, t_max: float, rtol: float, max_steps: int) -> Climb:
    """Try the trajectory with a polish at each decade, then Newton from its mean, then continuation."""
    found = _follow(system, check, t_max=t_max, rtol=rtol, max_steps=max_steps)
    if found.candidate is not None or found.status == "diverged":
        return found
    starts = [("newton_mean", found.mean), ("newton_last", found.states[-1]), ("newton_initial", system.x0)]
    for method, start in starts:
        if start is not None:
            x = system.polish(found.time, start, limit=None, max_iterations=40)
            found.candidate = None if x is None else check(found.time, x, method)
            if found.candidate is not None:
                return found
    x = system.continue_pseudo_transient(found.time, system.x0)
    found.candidate = None if x is None else check(found.time, x, "pseudo_transient")
    return found


def _follow(system: LawKeepingSystem, check: Check, *, t_max: float, rtol: float, max_steps: int) -> Climb:
    found = Climb(states=[system.x0])
    trajectory = Trajectory(system.model, rtol=rtol, atol=absolute_tolerance(system.x0, rtol), max_steps=max_steps)
    unstable: Candidate | None = _polished(system, check, trajectory.time, system.x0, "initial")
    if unstable is not None and unstable.stable and _barely_moves(unstable.x, system.x0):
        found.candidate = unstable
        return found
    for time in checkpoints(t_max):
        if time <= trajectory.time:
            continue
        if not _advance(trajectory, found, time, max_steps):
            break
        system.allow_negative(trajectory.state)
        if _growing(found.states).any():
            continue  # what grows looks ever more at rest, measured by its own size
        candidate = _polished(system, check, time, trajectory.state, "trajectory")
        if candidate is not None and candidate.stable:
            found.candidate = candidate
            return found
        unstable = candidate or unstable
        found.candidate = _circled(system, check, time, found)
        if found.candidate is not None:
            return found
    found.time = trajectory.time
    found.candidate = _at_the_end(system, check, trajectory, found)
    if found.candidate is not None:
        return found
    _name_the_end(found, trajectory)
    if found.status != "diverged":
        # The trajectory passes or rests at this state although it is not attracting.
        found.candidate = unstable
    return found


def _at_the_end(system: LawKeepingSystem, check: Check, trajectory: Trajectory, found: Climb) -> Candidate | None:
    """Return the end of the trajectory if it has not moved over two decades of time.

    Where matter is used up the Jacobian may be so singular that no Newton step is defined, though nothing
    moves any more.
    """
    if trajectory.failure is not None or len(found.states) < 4:
        return None
    scale = scale_of(trajectory.state, system.x0)
    for before in found.states[-3:-1]:
        if np.any(np.abs(trajectory.state - before) > _UNMOVED * scale):
            return None
    return check(
        trajectory.time, system.without_rounding(trajectory.time, trajectory.state), "trajectory", at_rest=True
    )


def _polished(system: LawKeepingSystem, check: Check, time: float, x: np.ndarray, method: str) -> Candidate | None:
    polished = system.polish(time, x, limit=_LARGEST_MOVE)
    return None if polished is None else check(time, polished, method)


def _barely_moves(x: np.ndarray, x0: np.ndarray) -> bool:
    """Say whether the initial state is the steady state up to the digits in which a file gives it."""
    return bool(np.all(np.abs(x - x0) <= 1e-6 * scale_of(x0)))


def checkpoints(t_max: float) -> np.ndarray:
    """Return the decades of time up to `t_max`."""
    decades = np.arange(2.0, max(np.floor(np.log10(t_max)), 1.0) + 1.0)
    times = 10.0**decades
    return times if times.size and times[-1] == t_max else np.append(times[times < t_max], t_max)


def _advance(trajectory: Trajectory, found: Climb, time: float, max_steps: int) -> bool:
    """Integrate to `time` in several legs and keep their mean; sample what takes many steps more densely."""
    legs = np.linspace(trajectory.time, time, _CHECKPOINTS_PER_DECADE_OF_MEANS + 1)
    states: list[np.ndarray] = []
    quarters: list[list[np.ndarray]] = [[], [], [], []]
    busy = False
    for k, (begin, end) in enumerate(pairwise(legs)):
        evaluations = trajectory.n_evaluations
        for sample in np.linspace(begin, end, _SAMPLES_PER_LEG + 1)[1:] if busy else [end]:
            done = trajectory.advance(float(sample))
            quarters[k // 4].append(trajectory.state)
            if not done:
                break
            if trajectory.n_evaluations - evaluations > _EVALUATIONS_PER_STEP * max_steps:
                trajectory.failure = f"more than {max_steps} steps"
        states.append(trajectory.state)
        if trajectory.failure is not None:
            break
        busy = trajectory.n_evaluations - evaluations > _BUSY
    found.mean = np.mean(states, axis=0)
    found.states.append(trajectory.state)
    dense = len(quarters[2]) == len(quarters[3]) == 4 * _SAMPLES_PER_LEG
    found.quarters = (np.array(quarters[2]), np.array(quarters[3])) if dense else None
    return trajectory.failure is None


def _cycles(before: np.ndarray, after: np.ndarray) -> bool:
    """Say whether two stretches of a trajectory go up and down many times, in one range and about one mean."""
    scale = scale_of(after.mean(axis=0))
    range_before, range_after = np.ptp(before, axis=0), np.ptp(after, axis=0)
    moving = range_after > 1e-3 * scale
    if not moving.any():
        return False
    allowed = _SUSTAINED * np.maximum(range_after, 1e-3 * scale)
    if np.any(np.abs(range_after - range_before) > allowed):
        return False
    if np.any(np.abs(after.mean(axis=0) - before.mean(axis=0)) > allowed):
        return False
    turns = (np.diff(np.sign(np.diff(after[:, moving], axis=0)), axis=0) != 0).sum(axis=0)
    return bool(turns.max() >= _TURNS)


def _circled(system: LawKeepingSystem, check: Check, time: float, found: Climb) -> Candidate | None:
    """Return the unstable state that the trajectory circles, if it circles one: more decades would be the same."""
    if found.mean is None or found.quarters is None or not _cycles(*found.quarters):
        return None
    x = system.polish(time, found.mean, limit=None, max_iterations=40)
    candidate = None if x is None else check(time, x, "newton_mean")
    return candidate if candidate is not None and not candidate.stable else None


def _growing(states: list[np.ndarray]) -> np.ndarray:
    """Mark the variables that at least doubled over each of the last three decades."""
    count = np.zeros(states[0].size, dtype=int)
    for before, after in pairwise(states[1:]):
        largest = np.abs(after).max(initial=0.0)
        doubled = (np.abs(after) > 2.0 * np.abs(before)) & (np.abs(after) > 1e-3 * largest)
        count = np.where(doubled, count + 1, 0)
    return count >= 3


def _name_the_end(found: Climb, trajectory: Trajectory) -> None:
    names = np.asarray(trajectory.variables)
    growing = _growing(found.states)
    start = np.abs(found.states[0]).max(initial=0.0) or 1.0
    if growing.any():
        found.status = "diverged"
        listed = ", ".join(repr(str(name)) for name in names[growing][:5])
        found.reason = f"{listed} grow without bound up to t = {trajectory.time:g}"
    elif trajectory.failure == "the solution is not finite" or np.abs(trajectory.state).max(initial=0.0) > 1e30 * start:
        found.status = "diverged"
        found.reason = f"the trajectory leaves all bounds near t = {trajectory.time:g}"
    else:
        found.reason = f"the trajectory does not settle up to t = {trajectory.time:g}"
