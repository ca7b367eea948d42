"""The ladder of methods that looks for the steady state which the trajectory itself reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from time import process_time

import numpy as np

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.event_run import EventTrajectory
from skperturb.sbml._solving.integrate import Trajectory, absolute_tolerance, scale_of, where_left
from skperturb.sbml._solving.newton import LawKeepingSystem

__all__ = ["MOST_SECONDS", "Candidate", "Climb", "checkpoints", "climb", "out_of_bounds"]

# The trajectory decides which of several states is the answer; Newton's method only sharpens it. So a polish counts
# while no variable moves by more than this part of its scale: at ten times less slow models go on for decades for
# nothing, at ten times more the polish jumps to another branch of a bistable model.
_LARGEST_MOVE = 0.1
# Over two decades of time a trajectory at rest moves by its tolerance (rtol 1e-7) and no more.
_UNMOVED = 1e-7
# Digits in which files give initial values that their authors took from a steady state.
_DIGITS_OF_A_FILE = 1e-6
# Legs of a decade: their ends give the mean from which Newton's method finds the state inside a cycle; the mean of
# fewer is off by tenths where the period is long.
_CHECKPOINTS_PER_DECADE_OF_MEANS = 16
_BUSY = 100  # evaluations in one leg, beyond which a trajectory is sampled within its legs
_SAMPLES_PER_LEG = 8
# LSODA takes one evaluation to predict and about one to correct.
_EVALUATIONS_PER_STEP = 2
# A cycle that goes on keeps its range and its mean to this part of its range; a tenth of it is what 32 samples at
# unlike phases resolve, ten times it also holds for one that fades. A range below a thousandth is ripple of the
# integrator.
_SUSTAINED = 0.05
_RIPPLE = 1e-3
# Turning points of a quarter: a settling transient has two or three, a cycle that was caught busy has dozens.
_TURNS = 6
# Where a leg takes too many steps the trajectory is looked at for as many samples as this, so many of its steps apart:
# a cycle has turned at least so often by then, unless it takes more than a thousand steps.
# Steps that have become that much shorter than in the last leg are no cycle.
_SAMPLES_AT_THE_END, _STEPS_PER_SAMPLE, _TURNS_AT_THE_END, _SHORTER = 200, 10, 3, 20
# Iterations of a Newton search from afar (a mean, an end, the start), where steps are damped at zero.
_FAR_ITERATIONS = 40
# Growth: doubling over each of three decades of time. A power law t**0.3 doubles in each; slow saturation does not,
# three times in a row. Variables below a thousandth of the largest do not count: their growth may be rounding.
_GROWTH, _GROWING_DECADES = 2.0, 3
_NOTICED = 1e-3
# In units of the initial size: nothing real is 1e30 times what it was; an integrator overflows at 1e300. Where the
# integrators give up, a millionfold growth is the reason: a solution that ends in finite time stops them at about
# (rounding of the time)**-1 at most, and no state that they fail at for another reason is that far out.
_OUT_OF_BOUNDS = 1e30
_ESCAPED = 1e6
# Seconds of processor time for one search, all of its methods together; most take a hundredth of one.
MOST_SECONDS = 30.0
_NO_LIMIT = 10**12  # steps, where those of each leg are limited

OUT_OF_TIME = f"more than {MOST_SECONDS:.0f} seconds of processor time"

# Ends of a trajectory at which no other method looks for a state that it does not come to.
_KNOWN_ENDS = ("diverged", "sliding")

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
    pace: float = 0.0  # time per step in the last leg
    deadline: float = np.inf  # processor time
    states: list[np.ndarray] = field(default_factory=list)  # at the checkpoints, one per decade
    mean: np.ndarray | None = None  # over the last completed decade
    quarters: tuple[np.ndarray, np.ndarray] | None = (
        None  # samples of its third and its fourth quarter, where it is busy
    )


def climb(
    system: LawKeepingSystem, check: Check, *, t_max: float, rtol: float, max_steps: int, deadline: float
) -> Climb:
    """Try the trajectory with a polish at each decade, then Newton from its mean, then continuation.

    `deadline` is the processor time at which the search ends with what it has.
    """
    system.deadline = deadline
    found = _follow(system, check, t_max=t_max, rtol=rtol, max_steps=max_steps)
    if found.candidate is not None or found.status in _KNOWN_ENDS:
        return found
    starts = [("newton_mean", found.mean), ("newton_last", found.states[-1]), ("newton_initial", system.x0)]
    for method, start in starts:
        if start is not None:
            x = system.polish(found.time, start, limit=None, max_iterations=_FAR_ITERATIONS)
            found.candidate = None if x is None else check(found.time, x, method)
            if found.candidate is not None:
                return found
    x = system.continue_pseudo_transient(found.time, system.x0)
    found.candidate = None if x is None else check(found.time, x, "pseudo_transient")
    return found


def _follow(system: LawKeepingSystem, check: Check, *, t_max: float, rtol: float, max_steps: int) -> Climb:
    found = Climb(states=[system.x0], deadline=system.deadline)
    seconds = max(system.deadline - process_time(), 0.0)
    trajectory = _start(system.model, t_max, rtol, absolute_tolerance(system.x0, rtol), max_steps, seconds)
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
            trajectory.may_change_method = False
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
    _tell_from_cycles(found, trajectory, system.model)
    if found.status not in _KNOWN_ENDS:
        # The trajectory passes or rests at this state although it is not attracting.
        found.candidate = unstable
    return found


def _start(
    model: Equations, t_max: float, rtol: float, atol: np.ndarray, max_steps: int, seconds: float
) -> Trajectory | EventTrajectory:
    """Return the trajectory; one that locates the jumps of the right-hand side where it has any."""
    system = getattr(model, "_system", None)
    if system is None or not system.switches:
        return Trajectory(model, rtol=rtol, atol=atol, max_steps=max_steps, seconds=seconds, patience=1.0)
    return EventTrajectory(
        model,
        rtol=rtol,
        atol=atol,
        max_steps=_NO_LIMIT,
        seconds=seconds,
        max_steps_each=max_steps,
        horizon=t_max,
        ignore_events=True,
    )


def _at_the_end(
    system: LawKeepingSystem, check: Check, trajectory: Trajectory | EventTrajectory, found: Climb
) -> Candidate | None:
    """Return the end of the trajectory if it has not moved over two decades of time.

    Where matter is used up the Jacobian may be so singular that no Newton step is defined, though nothing
    moves any more.
    """
    if trajectory.failure is not None or not _has_not_moved(found.states):
        return None
    return check(
        trajectory.time, system.without_rounding(trajectory.time, trajectory.state), "trajectory", at_rest=True
    )


def _has_not_moved(states: list[np.ndarray]) -> bool:
    """Say whether the last of the states, at the checkpoints, is that of two decades before."""
    last = states[-1]
    allowed = _UNMOVED * scale_of(last, states[0])
    return len(states) >= 4 and all(bool(np.all(np.abs(last - before) <= allowed)) for before in states[-3:-1])


def _polished(system: LawKeepingSystem, check: Check, time: float, x: np.ndarray, method: str) -> Candidate | None:
    polished = system.polish(time, x, limit=_LARGEST_MOVE)
    return None if polished is None else check(time, polished, method)


def _barely_moves(x: np.ndarray, x0: np.ndarray) -> bool:
    """Say whether the initial state is the steady state up to the digits in which a file gives it."""
    return bool(np.all(np.abs(x - x0) <= _DIGITS_OF_A_FILE * scale_of(x0)))


def checkpoints(t_max: float) -> np.ndarray:
    """Return the decades of time up to `t_max`."""
    decades = np.arange(2.0, max(np.floor(np.log10(t_max)), 1.0) + 1.0)
    times = 10.0**decades
    return times if times.size and times[-1] == t_max else np.append(times[times < t_max], t_max)


def _advance(trajectory: Trajectory | EventTrajectory, found: Climb, time: float, max_steps: int) -> bool:
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
            elif process_time() > found.deadline:
                trajectory.failure = OUT_OF_TIME
        states.append(trajectory.state)
        steps = (trajectory.n_evaluations - evaluations) / _EVALUATIONS_PER_STEP
        found.pace = (trajectory.time - begin) / max(steps, 1.0)
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
    moving = range_after > _RIPPLE * scale
    if not moving.any():
        return False
    allowed = _SUSTAINED * np.maximum(range_after, _RIPPLE * scale)
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
    x = system.polish(time, found.mean, limit=None, max_iterations=_FAR_ITERATIONS)
    candidate = None if x is None else check(time, x, "newton_mean")
    return candidate if candidate is not None and not candidate.stable else None


def _growing(states: list[np.ndarray]) -> np.ndarray:
    """Mark the variables that at least doubled over each of the last three decades."""
    count = np.zeros(states[0].size, dtype=int)
    for before, after in pairwise(states[1:]):
        largest = np.abs(after).max(initial=0.0)
        doubled = (np.abs(after) > _GROWTH * np.abs(before)) & (np.abs(after) > _NOTICED * largest)
        count = np.where(doubled, count + 1, 0)
    return count >= _GROWING_DECADES


def _tell_from_cycles(found: Climb, trajectory: Trajectory | EventTrajectory, model: Equations) -> None:
    """Correct the status where a trajectory takes too many steps though it does not go up and down."""
    why = trajectory.failure
    if found.status != "oscillating" or why is None or model.time_dependence:
        return
    if not _goes_up_and_down(trajectory, found):
        found.status = "integration_failed"
        found.reason = f"the trajectory comes no farther than t = {trajectory.time:g} ({why}), and does not cycle there"


def _goes_up_and_down(trajectory: Trajectory | EventTrajectory, found: Climb) -> bool:
    """Say whether a trajectory that takes too many steps turns again and again, by following it a little further."""
    if found.pace <= 0.0:
        return False
    failure = trajectory.failure
    trajectory.may_change_method = False
    trajectory.resume(_SHORTER * _STEPS_PER_SAMPLE)
    time, span, states = trajectory.time, _STEPS_PER_SAMPLE * found.pace, [trajectory.state]
    last = trajectory.n_evaluations + 2 * _EVALUATIONS_PER_STEP * _STEPS_PER_SAMPLE * _SAMPLES_AT_THE_END
    for k in range(_SAMPLES_AT_THE_END):
        if trajectory.n_evaluations > last or not trajectory.advance(time + (k + 1) * span):
            break
        states.append(trajectory.state)
    trajectory.failure, trajectory.time, trajectory.state = failure, time, states[0]
    samples = np.array(states)
    part = np.linspace(0.0, 1.0, len(samples))[:, None]
    # A phase that goes round and round grows steadily but for its ups and downs.
    bends = samples - (1.0 - part) * samples[0] - part * samples[-1]
    moves = np.ptp(samples, axis=0)
    cycling = (moves > _RIPPLE * scale_of(samples.mean(axis=0))) & (np.ptp(bends, axis=0) > _RIPPLE * moves)
    turns = np.abs(np.diff(np.sign(np.diff(bends[:, cycling], axis=0)), axis=0)) > 1.0
    return bool(turns.sum(axis=0).max(initial=0) >= _TURNS_AT_THE_END)


def out_of_bounds(x: np.ndarray, x0: np.ndarray) -> bool:
    """Say whether a state at which the integrators gave up is one that has run away."""
    return bool(np.abs(x).max(initial=0.0) > _ESCAPED * (np.abs(x0).max(initial=0.0) or 1.0))


def _name_the_end(found: Climb, trajectory: Trajectory | EventTrajectory) -> None:
    names = np.asarray(trajectory.variables)
    growing = _growing(found.states)
    start = np.abs(found.states[0]).max(initial=0.0) or 1.0
    escaped = np.abs(trajectory.state).max(initial=0.0) > _OUT_OF_BOUNDS * start
    if growing.any():
        found.status = "diverged"
        listed = ", ".join(repr(str(name)) for name in names[growing][:5])
        found.reason = f"{listed} grow without bound up to t = {trajectory.time:g}"
    elif escaped or (trajectory.gave_up and out_of_bounds(trajectory.state, found.states[0])):
        found.status = "diverged"
        found.reason = f"the trajectory leaves all bounds near t = {trajectory.time:g}"
    elif trajectory.gave_up:
        found.status = "integration_failed"
        where = where_left(trajectory.variables, trajectory.left_at)
        found.reason = f"no integrator comes beyond t = {trajectory.time:.9g}: {trajectory.failure}{where}"
    elif isinstance(trajectory, EventTrajectory) and trajectory.sliding and _has_not_moved(found.states):
        found.status = "sliding"
        found.reason = (
            f"the trajectory rests at t = {trajectory.time:g} on a jump of the right-hand side, whose two sides push "
            "it against each other; on neither side are the rates zero"
        )
    else:
        why = "" if trajectory.failure is None else f" ({trajectory.failure})"
        found.reason = f"the trajectory does not settle up to t = {trajectory.time:g}{why}"
