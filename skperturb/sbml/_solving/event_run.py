"""Trajectories through events: integration by steps, location of crossings, execution in order of priority."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb.sbml._compiling.compiled_events import CompiledEvent, TriggerLogic
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._solving.integrate import too_slow
from skperturb.sbml._solving.stepper import Stepper

__all__ = ["EventTrajectory"]

# Between two steps the triggers are looked at so many times, or more where `max_gap` asks for it.
_SAMPLES_PER_STEP = 8
_SAMPLES_WITHOUT_STATES = 200
_MOST_SAMPLES = 10_000
# So many events within a span of time that is no longer than rounding errors fire without end.
_MOST_AT_ONE_TIME = 1_000
_NO_TIME = 1e-9
# An event restarts the integrator, which costs about as much as this many steps.
_STEPS_PER_EVENT = 10
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
    model : Equations
        The model; it is left as it is, the values that events change are kept here.
    rtol : float
        Relative tolerance.
    atol : float or ndarray
        Absolute tolerance.
    method : {"LSODA", "BDF", "Radau"}, default="LSODA"
        Integrator.
    max_steps : int, default=100_000
        Number of integration steps, with ten for each event, after which the trajectory stops unless it comes to
        the horizon of `advance` in `patience` times as many.
    patience : int, default=10
        See `max_steps`.
    max_step : float, default=inf
        Largest step.
    max_gap : float, default=inf
        Largest distance of two times at which the triggers are looked at.
    max_events : int, default=100_000
        Largest number of executed events.
    ignore_events : bool, default=False
        Restart at the switching times of the right-hand side only.
    random_state : int, default=0
        Decides the order of simultaneous events of equal priority.

    Attributes
    ----------
    time, state, parameters
        Where the trajectory stands.
    steps : int
        Number of integration steps so far, with ten for each event.
    fired : list of str
        Ids of the executed events, in order.
    failure : str or None
        Why the trajectory cannot be followed any further.
    """

    def __init__(
        self,
        model: Equations,
        *,
        rtol: float,
        atol: float | np.ndarray,
        method: str = "LSODA",
        max_steps: int = 100_000,
        patience: int = 10,
        max_step: float = np.inf,
        max_gap: float = np.inf,
        max_events: int = 100_000,
        ignore_events: bool = False,
        random_state: int = 0,
    ) -> None:
        system = model._system
        self._max_steps, self._max_events = max_steps, max_events
        self._max_gap, self._patience = max_gap, patience
        self._rng = np.random.default_rng(random_state)
        self.steps = 0
        self.time = 0.0
        self.state = np.array(model.x0, dtype=float)
        self.parameters = list(system.parameter_values)
        self.fired: list[str] = []
        self.failure: str | None = None
        self.events: tuple[CompiledEvent, ...] = () if ignore_events else system.events
        self._diluted = system.diluted
        self._rhs = model._rhs.rebound(self.parameters)
        self._jacobian = model._jacobian.rebound(self.parameters)
        self._stepper = Stepper(self._rhs, self._jacobian, method, rtol=rtol, atol=atol, max_step=max_step)
        self._logic = TriggerLogic(system.graph, [*(event.trigger for event in self.events), *system.switches])
        self._differences = model._compile(self._logic.differences).rebound(self.parameters)
        self._differences_along = ArrayEvaluator(system.graph, self._logic.differences)
        self._moments: deque[float] = deque(maxlen=_MOST_AT_ONE_TIME)
        self._pending: list[_Pending] = []
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
        horizon = max(time, horizon or time)
        while self.failure is None and self.time < time:
            target = min([time, *(pending.time for pending in self._pending)])
            self._integrate(target, horizon)
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

    def _integrate(self, target: float, horizon: float) -> None:
        """Go on to `target` or to the first crossing before it, and do what happens there."""
        while self.failure is None:
            reach = self._stepper.reach(self.time)
            if reach <= self.time and self.time < target:
                self.steps += 1
                if too_slow(self.steps, self.time, horizon, self._max_steps, self._patience):
                    self.failure = f"about {self.steps} steps have hardly brought it forward"
                    break
                self._stepper.step(self.time, self.state, horizon)
                self.failure = self._stepper.failure
                continue
            end = min(reach, target)
            crossed = self._first_crossing(end)
            if crossed or end == target:
                self._happen(crossed)
                break

    # -- crossings ------------------------------------------------------------------------------------
    def _first_crossing(self, end: float) -> bool:
        """Move to the first time up to `end` at which a sign has changed; return whether there is one."""
        if not self._signs.size:
            self._move(end, self._signs)
            return False
        times = self._samples(end)
        known = self._signs[:, None]
        signs = self._signs_along(times)
        differ = ~((signs == known) | (np.isnan(signs) & np.isnan(known))).all(axis=0)
        differ[-1] = True  # where the next interval starts the scalar code decides, as it will there
        last = self.time
        for index in np.flatnonzero(differ):
            sample = float(times[index])
            found = self._signs_at(sample, self._dense_state(sample))
            if not np.array_equal(found, self._signs, equal_nan=True):
                before = float(times[index - 1]) if index else last
                self._move(*self._bisect(before, sample, found))
                return True
        self._move(end, self._signs)
        return False

    def _samples(self, end: float) -> np.ndarray:
        least = _SAMPLES_PER_STEP if self.state.size else _SAMPLES_WITHOUT_STATES
        count = int(min(max(least, np.ceil((end - self.time) / self._max_gap)), _MOST_SAMPLES))
        times = np.linspace(self.time, end, count + 1)[1:]
        times[-1] = end
        return times

    def _signs_along(self, times: np.ndarray) -> np.ndarray:
        states = self._stepper.solution(times)
        signs = np.empty((self._signs.size, times.size))
        for row, value in zip(signs, self._differences_along(times, states, self.parameters), strict=True):
            row[:] = np.sign(value)
        return signs

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
        return self.state if time == self.time else self._stepper.solution(time)

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
            self._stepper.restart()

    def _settle(self, signs: np.ndarray) -> None:
        """Fire what the signs fire and execute what is due, until nothing more happens at this time."""
        self._fire(self._logic.truth(signs))
        while self.failure is None:
            limit = self.time + _SAME_TIME * abs(self.time)
            due = [pending for pending in self._pending if pending.time <= limit]
            if not due:
                return
            self._execute(self._most_urgent(due))
            if self._fires_without_end():
                self.failure = f"the events {', '.join(map(repr, self.reasons()[:3]))} keep firing"
            self._signs = self._signs_at(self.time, self.state)
            self._fire(self._logic.truth(self._signs))

    def _fires_without_end(self) -> bool:
        self.steps += _STEPS_PER_EVENT
        self._moments.append(self.time)
        at_once = self.time - self._moments[0] <= _NO_TIME * abs(self.time)
        return (len(self._moments) == _MOST_AT_ONE_TIME and at_once) or len(self.fired) > self._max_events

    def _fire(self, truth: np.ndarray) -> None:
        for index, event in enumerate(self.events):
            if truth[index] and not self._truth[index]:
                self._pending.append(self._triggered(index, event))
            elif self._truth[index] and not truth[index] and not event.persistent:
                self._pending = [pending for pending in self._pending if pending.event != index]
        self._truth = truth

    def _triggered(self, index: int, event: CompiledEvent) -> _Pending:
        delay = 0.0 if event.delay is None else self._values((event.delay,))[0]
        if not 0.0 <= delay < np.inf:
            self.failure = f"the delay of event {event.id!r} is {delay:g}; expected a finite number >= 0"
        values = self._values(tuple(item.value for item in event.assignments)) if event.from_trigger_time else None
        # A trigger such as "time > 1" turns true after that time: then its execution, too, comes after the sum.
        left_equality = bool(((self._before == 0.0) & (self._signs != 0.0)).any())
        later = 4.0 * _SAME_TIME * abs(self.time + delay) if left_equality and delay > 0.0 else 0.0
        return _Pending(self.time + delay + later, index, values)

    def _most_urgent(self, due: list[_Pending]) -> _Pending:
        """Return a pending event of the highest priority now; those without one come last, in file order."""
        ranked: list[_Pending] = []
        nodes: list[int] = []
        for pending in due:
            node = self.events[pending.event].priority
            if node is not None:
                ranked.append(pending)
                nodes.append(node)
        if not ranked:
            return min(due, key=lambda pending: pending.event)
        priorities = self._values(tuple(nodes))
        values = np.nan_to_num(np.array(priorities), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        first = np.flatnonzero(values == values.max())
        return ranked[first[0] if len(first) == 1 else self._rng.choice(first)]

    def _execute(self, pending: _Pending) -> None:
        event = self.events[pending.event]
        self._pending.remove(pending)
        values = pending.values
        if values is None:
            values = self._values(tuple(item.value for item in event.assignments))
        # A concentration that is set refers to the volume before the event. Amounts are what the event leaves
        # behind: where it changes the volume too, the new concentration is another one.
        own = tuple(item.volume for item in event.assignments if item.volume is not None)
        volumes = iter(self._values(own))
        amounts = [
            value if item.volume is None else value * next(volumes)
            for item, value in zip(event.assignments, values, strict=True)
        ]
        diluting = tuple(volume for _, volume in self._diluted)
        before = self._values(diluting)
        for item, value in zip(event.assignments, amounts, strict=True):
            self._write(item, value)
        self._dilute(before, self._values(diluting))
        self.fired.append(event.id)
        self._stepper.restart()

    def _dilute(self, before: list[float], after: list[float]) -> None:
        for (index, _), old, new in zip(self._diluted, before, after, strict=True):
            if old != new:
                self.state = self.state.copy()
                self.state[index] *= old / new

    def _write(self, item: Any, value: float) -> None:
        if item.is_state:
            self.state = self.state.copy()
            self.state[item.index] = value
        else:
            self.parameters[item.index] = value
            for function in (self._rhs, self._jacobian, self._differences, *self._compiled.values()):
                function.refresh()

    def _values(self, nodes: tuple[int, ...]) -> list[float]:
        if nodes not in self._compiled:
            self._compiled[nodes] = self._compile(list(nodes)).rebound(self.parameters)
        return self._compiled[nodes](self.time, self.state).tolist()
