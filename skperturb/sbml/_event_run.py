"""Trajectories through events: integration by steps, location of crossings, execution in order of priority."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skperturb.sbml._events import Event, TriggerLogic

if TYPE_CHECKING:
    from skperturb.sbml.model import KineticModel

__all__ = ["EventTrajectory"]

_SAMPLES_PER_STEP = 5
_SAMPLES_WITHOUT_STATES = 200
_MOST_AT_ONE_TIME = 1_000
# Execution times that differ by rounding are one time: 0.1 + 0.2 is meant to be 0.3.
_SAME_TIME = 1e-12


@dataclass
class _Pending:
    """An event that has fired and waits for its execution."""

    time: float
    event: int
    values: list[float] | None


class EventTrajectory:
    """The solution of a model with events, from its initial state onwards.

    Parameters
    ----------
    model : KineticModel
        The model; it is left as it is, the values that events change are kept here.
    rtol : float
        Relative tolerance.
    atol : float or ndarray
        Absolute tolerance.
    method : {"LSODA", "BDF", "Radau"}, default="LSODA"
        Integrator.
    max_steps : int, default=100_000
        Largest number of integration steps between two calls of `advance`.
    max_step : float, default=inf
        Largest step.
    max_events : int, default=100_000
        Largest number of executed events.
    ignore_events : bool, default=False
        Restart at the switching times of the right-hand side only.

    Attributes
    ----------
    time, state, parameters
        Where the trajectory stands.
    fired : list of str
        Ids of the executed events, in order.
    failure : str or None
        Why the trajectory cannot be followed any further.
    """

    def __init__(
        self,
        model: KineticModel,
        *,
        rtol: float,
        atol: float | np.ndarray,
        method: str = "LSODA",
        max_steps: int = 100_000,
        max_step: float = np.inf,
        max_events: int = 100_000,
        ignore_events: bool = False,
    ) -> None:
        system = model._system
        self._options: dict[str, Any] = {"rtol": rtol, "atol": atol, "max_step": max_step}
        self._method, self._max_steps, self._max_events = method, max_steps, max_events
        self.time = 0.0
        self.state = np.array(model.x0, dtype=float)
        self.parameters = list(system.parameter_values)
        self.fired: list[str] = []
        self.failure: str | None = None
        self.events: tuple[Event, ...] = () if ignore_events else system.events
        self._graph = system.graph
        self._rhs = model._rhs.rebound(self.parameters)
        self._jacobian = model._jacobian.rebound(self.parameters)
        self._logic = TriggerLogic(system.graph, [*(event.trigger for event in self.events), *system.switches])
        self._differences = model._compile(self._logic.differences).rebound(self.parameters)
        self._pending: list[_Pending] = []
        self._solver: Any = None
        self._dense: Any = None
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._compile = model._compile
        self._signs = self._before = self._signs_at(self.time, self.state)
        n_switches = len(system.switches)
        self._truth = np.array([*(event.initial_value for event in self.events), *[False] * n_switches], dtype=bool)
        self._settle(self._signs)

    # -- what the outside asks for --------------------------------------------------------------------
    @property
    def waiting(self) -> bool:
        """Whether an event has fired that is not executed yet."""
        return bool(self._pending)

    def advance(self, time: float, *, horizon: float | None = None) -> bool:
        """Integrate to `time`, events at that time included; return False, and set `failure`, if impossible.

        With `horizon` the integrator may look ahead to that time.
        """
        steps_left = self._max_steps
        while self.failure is None and self.time < time:
            target = min([time, *(pending.time for pending in self._pending)])
            steps_left = self._integrate(target, max(time, horizon or time), steps_left)
        return self.failure is None

    def turning(self, times: np.ndarray, x: np.ndarray) -> list[str]:
        """Return the ids of the events that could fire if the state went to `x` and stayed through the times."""
        n_events = len(self.events)
        truth = np.array([self._logic.truth(self._signs_at(float(time), x))[:n_events] for time in times])
        rising = (truth & ~np.vstack([self._truth[:n_events], truth[:-1]])).any(axis=0)
        # A trigger may be true for a moment between two of the times: then the signs of its parts differ.
        first, last = self._signs_at(float(times[0]), x), self._signs_at(float(times[-1]), x)
        moving = not (rising.any() or np.array_equal(first, last, equal_nan=True))
        return [event.id for event, fires in zip(self.events, rising | moving, strict=True) if fires]

    def reasons(self) -> list[str]:
        """Return the ids of the last few events, each once."""
        return list(dict.fromkeys(self.fired[-20:]))

    # -- integration ----------------------------------------------------------------------------------
    def _signs_at(self, time: float, x: np.ndarray) -> np.ndarray:
        return np.sign(self._differences(time, x))

    def _integrate(self, target: float, bound: float, steps_left: int) -> int:
        """Go on to `target` or to the first crossing before it, and do what happens there."""
        while self.failure is None:
            if self._reach() <= self.time and self.time < target:
                if steps_left <= 0:
                    self.failure = f"more than {self._max_steps} integration steps"
                    break
                steps_left -= 1
                self._step(bound)
                continue
            end = min(self._reach(), target)
            crossed = self._first_crossing(end)
            if crossed or end == target:
                self._happen(crossed)
                break
        return steps_left

    def _reach(self) -> float:
        """Return the time up to which the solution is known."""
        return self.time if self._dense is None else self._dense.t_max

    def _step(self, bound: float) -> None:
        if not self.state.size:
            self._dense = _Constant(self.time, bound)
            return
        if self._solver is None or self._solver.status != "running":
            self._start(bound, self._method)
        if self.failure is not None or self._solver is None:
            return
        message = self._attempt()
        if self._solver.status == "failed":
            message = self._try_again(bound) or message
        if self._solver.status == "failed":
            self.failure = message or "the integrator failed"
        elif not np.isfinite(self._solver.y).all():
            self.failure = "the solution is not finite"
        else:
            self._dense = self._solver.dense_output()

    def _attempt(self) -> str | None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            return self._solver.step() or (str(caught[-1].message) if caught else None)

    def _try_again(self, bound: float) -> str | None:
        """Start anew where a step failed: the integrator's own guess of the first step may be far too long."""
        message = None
        cautious = max(1e-10 * (bound - self.time), 1e-14 * abs(self.time))
        for method, first_step in ((self._method, cautious), ("BDF", None)):
            self._start(bound, method, first_step=first_step)
            if self.failure is not None or self._solver is None:
                return self.failure
            message = self._attempt()
            if self._solver.status != "failed":
                return None
        return message

    def _start(self, bound: float, method: str, *, first_step: float | None = None) -> None:
        from scipy import integrate

        # What was known beyond this time belongs to the solver that is replaced.
        self._solver = None
        if not np.isfinite(self._rhs(self.time, self.state)).all():
            self.failure = "the right-hand side is not finite"
            return
        if bound - self.time <= 1e-14 * abs(bound):
            # No step fits between two times that differ by rounding only.
            self._dense = _Constant(self.time, bound, self.state)
            return
        solver = getattr(integrate, method)
        options = self._options | {"first_step": first_step}
        self._solver = solver(self._rhs, self.time, self.state, bound, jac=self._finite_jacobian, **options)

    def _finite_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self._jacobian(t, x), copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    # -- crossings ------------------------------------------------------------------------------------
    def _first_crossing(self, end: float) -> bool:
        """Move to the first time up to `end` at which a sign has changed; return whether there is one."""
        if not self._signs.size:
            self._move(end, self._signs)
            return False
        n_samples = _SAMPLES_PER_STEP if self.state.size else _SAMPLES_WITHOUT_STATES
        last = self.time
        for sample in np.linspace(self.time, end, n_samples + 1)[1:]:
            signs = self._signs_at(sample, self._dense_state(sample))
            if not np.array_equal(signs, self._signs, equal_nan=True):
                self._move(*self._bisect(last, float(sample), signs))
                return True
            last = float(sample)
        self._move(end, self._signs)
        return False

    def _bisect(self, before: float, after: float, signs: np.ndarray) -> tuple[float, np.ndarray]:
        while True:
            middle = 0.5 * (before + after)
            if not before < middle < after:
                return after, signs
            found = self._signs_at(middle, self._dense_state(middle))
            if np.array_equal(found, self._signs, equal_nan=True):
                before = middle
            else:
                after, signs = middle, found

    def _dense_state(self, time: float) -> np.ndarray:
        return self.state if time == self.time or not self.state.size else self._dense(time)

    def _move(self, time: float, signs: np.ndarray) -> None:
        if time > self.time:
            self.state = np.array(self._dense_state(time), dtype=float)
            self.time = time
        self._before, self._signs = self._signs, signs

    # -- events ---------------------------------------------------------------------------------------
    def _happen(self, crossed: bool) -> None:
        truth = self._truth
        if crossed:
            through = self._logic.passing(self._before, self._signs)
            if through is not None:
                self._fire(self._logic.truth(through))
        n_events = len(self.events)
        self._settle(self._signs)
        if not np.array_equal(truth[n_events:], self._truth[n_events:]):
            # The right-hand side jumps here: what the integrator knows of the past misleads it.
            self._restart()

    def _settle(self, signs: np.ndarray) -> None:
        """Fire what the signs fire and execute what is due, until nothing more happens at this time."""
        self._fire(self._logic.truth(signs))
        executed = 0
        while self.failure is None:
            limit = self.time + _SAME_TIME * abs(self.time)
            due = [pending for pending in self._pending if pending.time <= limit]
            if not due:
                return
            self._execute(self._most_urgent(due))
            executed += 1
            if executed > _MOST_AT_ONE_TIME or len(self.fired) > self._max_events:
                self.failure = f"the events {', '.join(map(repr, self.reasons()[:3]))} keep firing"
            self._signs = self._signs_at(self.time, self.state)
            self._fire(self._logic.truth(self._signs))

    def _fire(self, truth: np.ndarray) -> None:
        for index, event in enumerate(self.events):
            if truth[index] and not self._truth[index]:
                self._pending.append(self._triggered(index, event))
            elif self._truth[index] and not truth[index] and not event.persistent:
                self._pending = [pending for pending in self._pending if pending.event != index]
        self._truth = truth

    def _triggered(self, index: int, event: Event) -> _Pending:
        delay = 0.0 if event.delay is None else self._values((event.delay,))[0]
        if not 0.0 <= delay < np.inf:
            self.failure = f"the delay of event {event.id!r} is {delay:g}; expected a finite number >= 0"
        values = self._values(tuple(item.value for item in event.assignments)) if event.from_trigger_time else None
        return _Pending(self.time + delay, index, values)

    def _most_urgent(self, due: list[_Pending]) -> _Pending:
        """Return the pending event of the highest priority now; the first in the file among equals."""

        def rank(pending: _Pending) -> tuple[float, int]:
            node = self.events[pending.event].priority
            priority = -np.inf if node is None else self._values((node,))[0]
            return (np.inf if np.isnan(priority) else -priority, pending.event)

        return min(due, key=rank)

    def _execute(self, pending: _Pending) -> None:
        event = self.events[pending.event]
        self._pending.remove(pending)
        values = pending.values
        if values is None:
            values = self._values(tuple(item.value for item in event.assignments))
        pairs = list(zip(event.assignments, values, strict=True))
        for item, value in pairs:
            if item.volume is None:
                self._write(item, value)
        for item, value in pairs:
            if item.volume is not None:
                # A concentration refers to the volume after the event, which may have set it as well.
                self._write(item, value * self._values((item.volume,))[0])
        self.fired.append(event.id)
        self._restart()

    def _write(self, item: Any, value: float) -> None:
        if item.is_state:
            self.state = self.state.copy()
            self.state[item.index] = value
        else:
            self.parameters[item.index] = value
            for function in (self._rhs, self._jacobian, self._differences, *self._compiled.values()):
                function.refresh()

    def _restart(self) -> None:
        self._solver = self._dense = None

    def _values(self, nodes: tuple[int, ...]) -> list[float]:
        if nodes not in self._compiled:
            self._compiled[nodes] = self._compile(list(nodes)).rebound(self.parameters)
        return self._compiled[nodes](self.time, self.state).tolist()


class _Constant:
    """The solution of a model without states, or over an interval too short for a step."""

    def __init__(self, start: float, end: float, state: np.ndarray | None = None) -> None:
        self.t_min, self.t_max = start, end
        self._state = np.zeros(0) if state is None else state

    def __call__(self, time: float) -> np.ndarray:
        return self._state
