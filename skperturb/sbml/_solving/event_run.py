"""Trajectories through events and jumps: integration by steps, location of crossings, execution by priority."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb.sbml._compiling.compiled_events import CompiledEvent
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._compiling.switches import Conditions, frozen
from skperturb.sbml._graph.code_generation import MatrixFunction, ScalarFunction
from skperturb.sbml._graph.expression import HAS_TIME
from skperturb.sbml._solving.crossings import Look, Watch
from skperturb.sbml._solving.integrate import Budget, non_negative
from skperturb.sbml._solving.sliding import Slide, SlideFunctions, Surface
from skperturb.sbml._solving.stepper import Stepper

__all__ = ["EventTrajectory", "Pending"]

# So many events within a span of time that is no longer than rounding errors fire without end. A cascade of events at
# one time has as many members as the model has events; a ball that comes to rest bounces without end.
_MOST_AT_ONE_TIME = 1_000
# So many changes of switches within such a span are a slide along a jump.
_MOST_SWITCHES_AT_ONE_TIME = 100
# An argument that has just passed its bound may come back by rounding, again and again, since each restart begins where
# rounding has put it. From so many changes on the state is taken forward along its rates, twice as far each time but
# never farther than this part of the time: what lies in between is less than any tolerance.
_FLICKERS = 4
_LONGEST_LEAP = 1e-12
_ROUNDING = 2.0**-52
# A switch that was left to itself since the state slides along it is held again where it changes after a rest as long
# as this part of the time, and as so many steps: along the jump every few steps cross it.
_REST, _STEPS_OF_REST = 1e-6, 50
# So often, each time twice as far, the state is taken forward before a change by rounding counts as one: up to 1e-10 of
# the time, which is what a threshold that is met almost tangentially needs.
_MOST_PASSES = 19
# Restarts from which sizes of variables are learned; after so many they are known.
_RESTARTS_THAT_TEACH = 20
# The span, as a part of the time: a few million roundings. Ten times more would forbid events of a fast part of a model
# late in its life, ten times less lets a bouncing ball run for another four bounces.
_NO_TIME = 1e-9
# So many events that have fired and are not executed hold a hundred megabytes.
_MOST_WAITING = 100_000
# Execution times that differ by rounding, as a part of the time, are one time: 0.1 + 0.2 is meant to be 0.3. The sum
# of a trigger's time and a delay is off by a few 1e-16; a schedule of millions of sums by 1e-12.
_SAME_TIME = 1e-12


@dataclass
class Pending:
    """An event that has fired and waits for its execution."""

    time: float
    event: int
    values: list[float] | None


class EventTrajectory:
    """The solution of a model with events or switches, from its initial state onwards.

    A right-hand side that jumps where a condition changes is integrated with its conditions held, so that the
    integrator sees a smooth one and steps across the jump; the solution inside the step says when each condition
    changed. There the integration starts anew, with the conditions of that moment. Where both sides of a jump push the
    state back to it, it slides along, see `Slide`.

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
        Number of integration steps after which the trajectory stops unless it comes to the horizon of `advance` in
        `patience` times as many.
    patience : float, default=10
        See `max_steps`.
    seconds : float or None, default=None
        Seconds of processor time after which the trajectory stops; by default those of `Budget`, with its patience.
    step_per_event : int, default=0
        As how many steps an event counts.
    max_steps_each : int or None, default=None
        Number of integration steps in one call of `advance` after which the trajectory stops.
    horizon : float, default=0.0
        Time to which the integrator may look ahead, if that is later than the time asked for.
    max_step : float, default=inf
        Largest step, where time acts on the right-hand side otherwise than through conditions.
    max_gap : float, default=inf
        Largest distance of two times at which conditions that are not linear in the state are looked at.
    max_events : int or None, default=None
        Largest number of executed events.
    ignore_events : bool, default=False
        Restart where the right-hand side jumps only.
    random_state : int, default=0
        Decides the order of simultaneous events of equal priority.
    retolerate : callable or None, default=None
        Returns the absolute tolerance at a restart, from the states at all restarts so far (largest size of each
        variable) and the right-hand side.

    Attributes
    ----------
    time, state, parameters
        Where the trajectory stands.
    steps : int
        Number of integration steps so far, with `step_per_event` for each event.
    fired : list of str
        Ids of the executed events, in order.
    failure : str or None
        Why the trajectory cannot be followed any further.
    gave_up : bool
        Whether that is since no integrator could take another step.
    """

    def __init__(
        self,
        model: Equations,
        *,
        rtol: float,
        atol: float | np.ndarray,
        method: str = "LSODA",
        max_steps: int = 100_000,
        patience: float = 10.0,
        seconds: float | None = None,
        step_per_event: int = 0,
        max_steps_each: int | None = None,
        horizon: float = 0.0,
        max_step: float = np.inf,
        max_gap: float = np.inf,
        max_events: int | None = None,
        ignore_events: bool = False,
        random_state: int = 0,
        retolerate: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:
        system = model._system
        self.variables = tuple(model.variables)
        self._max_events, self._step_per_event = max_events, step_per_event
        self._max_steps_each, self._horizon = max_steps_each, horizon
        self._rng = np.random.default_rng(random_state)
        self.steps = 0
        self.time = float(model.start_time)
        self.state = np.array(model.x0, dtype=float)
        self.fired: list[str] = []
        self.failure: str | None = None
        self.events: tuple[CompiledEvent, ...] = () if ignore_events else system.events
        limit = {} if seconds is None else {"seconds": seconds, "patience_in_seconds": 1.0}
        self._budget = Budget(max_steps, patience, start=self.time, **limit)
        self._diluted = system.diluted
        self._may_slide = bool(system.switches) and not system.delays
        self._compile_equations(model, max_gap)
        self._stepper = Stepper(
            self._call_rhs, self._call_jacobian, method,
            non_negative=non_negative(model), rtol=rtol, atol=atol,
            max_step=max_step if self._has_time else np.inf,
        )  # fmt: skip
        self.may_change_method = True
        self._restarts = 0
        self._retolerate, self._largest = retolerate, np.abs(self.state)
        self._moments: deque[float] = deque(maxlen=_MOST_AT_ONE_TIME)
        self._switched: deque[tuple[float, frozenset[int]]] = deque(maxlen=_MOST_SWITCHES_AT_ONE_TIME)
        self._pending: list[Pending] = []
        self._truth = [event.initial_value for event in self.events]
        self._left: frozenset[int] = frozenset()
        self._slide: Slide | None = None
        self._changed_at, self._passes = self.time, 0
        self._here = self._watch.look(self.time, self.state)
        self._settle()

    def _compile_equations(self, model: Equations, max_gap: float) -> None:
        """Compile the equations with their switches as parameters, and what is watched."""
        system = model._system
        graph, switches, n_states = system.graph, system.switches, len(model.variables)
        self._n_parameters = len(system.parameter_values)
        # The values of the switches come after those of the parameters.
        self._numbers = [*system.parameter_values, *[0.0] * len(switches)]
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._build = lambda roots: ScalarFunction(graph, list(roots), n_states, self._numbers)
        delayed = [graph.parameter(delay.parameter) for delay in system.delays]
        self._conditions = Conditions(graph, [event.trigger for event in self.events], switches, delayed)
        self._model = model
        self._live: frozenset[int] = frozenset()
        self._last_change: dict[int, float] = {}
        self._forms: dict[frozenset[int], Any] = {}
        self._rhs, self._jacobian, rhs = self._equations()
        self._has_time = any(graph.flags[node] & HAS_TIME for node in rhs)
        rates, curvatures = self._conditions.rates(rhs, graph.time())
        watched = [*self._conditions.arguments, *rates, *curvatures.values()]
        self._watched = self._build(watched)
        self._slides = SlideFunctions(graph, self._conditions, rates, list(curvatures), watched, n_states, self._build)
        self._watch = Watch(self._conditions, self._watch_at, self._watch_along, len(rates), list(curvatures), max_gap)

    def _watch_at(self, time: float, state: np.ndarray) -> list[float]:
        return self._watched.listed(time, state.tolist()) if self._slide is None else self._slide.look(time, state)

    def _watch_along(self, times: np.ndarray, states: np.ndarray) -> list:
        if self._slide is not None:
            return self._slide.along(times, states)
        return self._slides.along(times, states, self._numbers)

    def _equations(self) -> tuple[Any, Any, list[int]]:
        """Return right-hand side and Jacobian with all switches held but the live ones, and the nodes of the former."""
        model = self._model
        system, switches = model._system, model._system.switches
        if not switches:
            return model._rhs.rebound(self._numbers), model._jacobian.rebound(self._numbers), list(system.rhs)
        if self._live not in self._forms:
            entries, n_states = model._jacobian_entries, len(system.rhs)
            nodes = [*system.rhs, *entries.values()]
            nodes = frozen(system.graph, nodes, switches, self._n_parameters, self._live)
            rhs, slopes = nodes[:n_states], nodes[n_states:]
            jacobian = MatrixFunction(self._build, dict(zip(entries, slopes, strict=True)), n_states)
            self._forms[self._live] = self._build(rhs), jacobian, rhs
        return self._forms[self._live]

    @property
    def _is_held(self) -> bool:
        return not self._live

    def _let(self, live: frozenset[int]) -> None:
        """Leave other switches to themselves than before."""
        if live != self._live:
            self._live = live
            self._rhs, self._jacobian, _ = self._equations()
            self._rhs.refresh()
            self._jacobian.refresh()

    def _call_rhs(self, t: float, x: np.ndarray) -> np.ndarray:
        return self._rhs(t, x) if self._slide is None else self._slide.rhs(t, x)

    def _call_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        return self._jacobian(t, x) if self._slide is None else self._slide.jacobian(t, x)

    # -- what the outside asks for --------------------------------------------------------------------
    @property
    def parameters(self) -> list[float]:
        """Values of the model's parameters, those that events have changed included."""
        return self._numbers[: self._n_parameters]

    @property
    def waiting(self) -> bool:
        """Whether an event has fired that is not executed yet."""
        return bool(self._pending)

    @property
    def sliding(self) -> bool:
        """Whether the state slides along a jump."""
        return self._slide is not None

    @property
    def gave_up(self) -> bool:
        return self._stepper.failure is not None

    @property
    def left_at(self) -> tuple[float, np.ndarray, np.ndarray] | None:
        return self._stepper.left_at

    @property
    def n_evaluations(self) -> int:
        """About how often the right-hand side was evaluated: twice in a step."""
        return 2 * self.steps

    def resume(self, max_steps: int) -> None:
        """Go on after a failure, with another limit for the steps in a call of `advance`."""
        self.failure, self._max_steps_each = None, max_steps

    def advance(self, time: float, *, horizon: float | None = None) -> bool:
        """Integrate to `time`, events at that time included; return False, and set `failure`, if impossible.

        With `horizon` the integrator may look ahead to that time.
        """
        horizon = max(time, horizon or time, self._horizon)
        self._stop_at = None if self._max_steps_each is None else self.steps + self._max_steps_each
        while self.failure is None and self.time < time:
            target = min([time, *(pending.time for pending in self._pending)]) if self._pending else time
            self._integrate(target, horizon)
        return self.failure is None

    def turning(self, times: np.ndarray, x: np.ndarray) -> list[str]:
        """Return the ids of the events that could fire if the state went to `x` and stayed through the times."""
        levels = [self._watch.look(float(time), x).levels for time in times]
        truth = np.array([self._conditions.truth(level)[0] for level in levels], dtype=bool)
        rising = (truth & ~np.vstack([self._truth, truth[:-1]])).any(axis=0)
        # A trigger may be true for a moment between two of the times: then the signs of its parts differ.
        moving = not rising.any() and levels[0] != levels[-1]
        return [event.id for event, fires in zip(self.events, rising | moving, strict=True) if fires]

    def reasons(self) -> list[str]:
        """Return the ids of the last few events, each once."""
        return list(dict.fromkeys(self.fired[-20:]))

    # -- integration ----------------------------------------------------------------------------------
    def _integrate(self, target: float, horizon: float) -> None:
        """Go on to `target` or to the first crossing before it, and do what happens there."""
        stepper = self._stepper
        while self.failure is None:
            reach = stepper.reach(self.time)
            if reach <= self.time and self.time < target:
                self.steps += 1
                self.failure = self._over_budget(horizon)
                if self.failure is None:
                    stepper.step(self.time, self.state, horizon)
                    self.failure = stepper.failure
                continue
            end = min(reach, target)
            known = self._here.levels
            crossed = False
            if end > self.time:
                if known:
                    look, crossed = self._watch.first(self._dense_state, self._here, end, self.state.size)
                else:
                    look = Look(end, [], [], [], [])
                self._move(look)
            if crossed or end == target:
                self._happen(known, crossed or self._reaches_equality())
                break

    def _reaches_equality(self) -> bool:
        """Say whether a trigger that is true at equality turns true within rounding, and go there if so.

        A clock that is reset at 0.1 shows 0.1 again at 0.2, or a rounding later: an output at 0.2 is then one at that
        event, as an execution at 0.2 would be simultaneous with it.
        """
        span = _SAME_TIME * abs(self.time)
        if not self.events or not span or self._slide is not None:
            return False
        state = self.state + span * self._call_rhs(self.time, self.state)
        look = self._watch.look(self.time + span, state)
        known = self._here.levels
        if look.levels == known:
            return False
        at_equality = [
            old if old == 0.0 else 0.0 if old * new == -1.0 else new
            for old, new in zip(known, look.levels, strict=True)
        ]
        truth = self._conditions.truth(at_equality)[0]
        if not any(now and not before for now, before in zip(truth, self._truth, strict=True)):
            return False
        self._take_forward(look, state)
        return True

    def _over_budget(self, horizon: float) -> str | None:
        if self._stop_at is not None and self.steps > self._stop_at:
            return f"more than {self._max_steps_each} steps"
        return self._budget.exceeded(self.steps, self.time, horizon)

    def _dense_state(self, time: float | np.ndarray) -> np.ndarray:
        if isinstance(time, float) and time == self.time:
            return self.state
        return self._stepper.solution(time)

    def _move(self, look: Look) -> None:
        if look.time > self.time:
            self.state = np.array(self._dense_state(look.time), dtype=float)
            self.time = look.time
        self._here = look

    # -- events ---------------------------------------------------------------------------------------
    def _happen(self, before: list[float], crossed: bool) -> None:
        if crossed and self._is_rounding(before) and self._pass_rounding(before):
            self._settle()
            return
        self._passes = 0
        if crossed:
            self._changed_at = self.time
        slide, after, fired = self._slide, self._here.levels, len(self.fired)
        modes = None if slide is None else self._modes
        if crossed:
            through = self._conditions.passing(before, after)
            if through is not None:
                self._fire(self._conditions.truth(through)[0])
            pairs = enumerate(zip(before, after, strict=True))
            self._left = frozenset(index for index, (old, new) in pairs if old == 0.0 != new)
        if crossed and slide is not None and any(before[k] != after[k] for k in slide.surface.after):
            self._end_slide(slide, slide.side_that_lets_go(self.time, self.state))
            crossed = False
        self._settle()
        if crossed and self._may_slide and self.failure is None and len(self.fired) == fired:
            if slide is None:
                self._slide_along(Surface.between(before, after, self._conditions))
            elif self._modes != modes:
                self._slide_on(slide, Surface.between(before, after, self._conditions))

    def _is_rounding(self, before: list[float]) -> bool:
        """Say whether all that has changed since a restart or another change a moment ago went against its own rate.

        A restart begins next to the bound that was crossed, and the solution rounds otherwise than before; near a
        turn one solution rounds to both sides of it. An argument may then come back to its bound although it moves
        away, and its trigger would fire.
        """
        if self._slide is not None or self.time - self._changed_at > _NO_TIME * abs(self.time):
            return False
        changes = zip(before, self._here.levels, self._here.rates, strict=True)
        return all(old == new or (new - old) * rate < 0.0 for old, new, rate in changes)

    def _pass_rounding(self, before: list[float]) -> bool:
        """Take the state forward along its rates to where no argument has gone against its own; say if there is one."""
        rates = self._call_rhs(self.time, self.state)
        if not np.isfinite(rates).all():
            return False
        while self._passes < _MOST_PASSES:
            self._passes += 1
            span = _ROUNDING * 2.0**self._passes * abs(self.time)
            time, state = self.time + span, self.state + span * rates
            look = self._watch.look(time, state)
            changes = list(zip(before, look.levels, look.rates, strict=True))
            if all(old == new or (new - old) * rate > 0.0 for old, new, rate in changes):
                self._left = frozenset(k for k, (old, new, _) in enumerate(changes) if old == 0.0 != new)
                self._take_forward(look, state)
                self._restart()
                return True
        return False

    def _settle(self) -> None:
        """Fire what the levels fire and execute what is due, until nothing more happens at this time."""
        truth, modes = self._conditions.truth(self._here.levels)
        self._fire(truth)
        self._left = frozenset()
        while self.failure is None and self._pending:
            limit = self.time + _SAME_TIME * abs(self.time)
            due = [pending for pending in self._pending if pending.time <= limit]
            if not due:
                break
            self._execute(self._most_urgent(due))
            self.failure = self._fires_without_end()
            self._here = self._watch.look(self.time, self.state)
            truth, modes = self._conditions.truth(self._here.levels)
            self._fire(truth)
        if modes != self._numbers[self._n_parameters :]:
            self._switch(modes)

    def _switch(self, modes: list[float]) -> None:
        """Go on with other values of the switches: the right-hand side jumps here."""
        pairs = enumerate(zip(self._numbers[self._n_parameters :], modes, strict=True))
        changed = frozenset(k for k, (old, new) in pairs if old != new)
        self._numbers[self._n_parameters :] = modes
        for function in (self._rhs, self._jacobian, self._watched):
            function.refresh()
        rest = max(_REST * abs(self.time), _STEPS_OF_REST * self._stepper.last_step)
        rested = {k for k in changed & self._live if self.time - self._last_change[k] > rest}
        self._last_change.update(dict.fromkeys(changed, self.time))
        if changed <= self._live and not rested:
            return
        self._let(self._live - rested)
        self._switched.append((self.time, changed))
        recent = [change for change in self._switched if self.time - change[0] <= _NO_TIME * abs(self.time)]
        if len(recent) == _MOST_SWITCHES_AT_ONE_TIME:
            # The two sides of a jump push the state back to it from both sides, and it slides along: nothing smooth
            # is there to be followed. The jump itself, within the tolerances, is the best that is left.
            self._let(self._live.union(*(which for _, which in recent)))
            self._switched.clear()
        self._restart()
        if len(recent) > _FLICKERS:
            self._leap(len(recent))

    # -- slides ---------------------------------------------------------------------------------------
    @property
    def _modes(self) -> list[float]:
        return self._numbers[self._n_parameters :]

    def _slide_along(self, surface: Surface) -> None:
        """Slide along what was crossed, if both of its sides push the state there."""
        slide = None if self._live else self._made_slide(surface)
        if slide is not None and slide.holds(self.time, self.state):
            self._begin_slide(slide)

    def _slide_on(self, old: Slide, other: Surface) -> None:
        """Go on sliding after another jump, or end the slide if that has changed what holds the state there."""
        slide = self._made_slide(old.surface)
        if slide is None or not slide.holds(self.time, self.state):
            side = old.surface.after if slide is None else slide.side_that_lets_go(self.time, self.state)
            self._end_slide(slide or old, side)
            self._settle()
            return
        self._begin_slide(slide)
        rates = self._here.rates
        if any((other.after[k] - other.before[k]) * rates[k] < 0.0 for k in other.after):
            self.failure = "the state slides along two jumps at once, where the equations leave open how it goes on"

    def _made_slide(self, surface: Surface) -> Slide | None:
        sides = []
        for levels in (surface.before, surface.after):
            known = [levels.get(index, level) for index, level in enumerate(self._here.levels)]
            sides.append([*self._numbers[: self._n_parameters], *self._conditions.truth(known)[1]])
        if sides[0] == sides[1]:
            return None
        return Slide(self._slides, surface, (sides[0], sides[1]), self._rhs, self._jacobian, self._watched)

    def _begin_slide(self, slide: Slide) -> None:
        self._slide = slide
        self._here = self._watch.look(self.time, self.state)
        self._restart()

    def _end_slide(self, slide: Slide, side: Mapping[int, float]) -> None:
        """End a slide; the state goes on from one side of the jump."""
        self.state = slide.beside(self.time, self.state, side)
        self._slide = None
        self._here = self._watch.look(self.time, self.state)
        self._restart()

    def _leap(self, doublings: int) -> None:
        """Take the state forward along its rates, by hardly more than the rounding of the time."""
        scale = max(abs(self.time), self._stepper.last_step)
        rates = self._call_rhs(self.time, self.state)
        if not (scale and np.isfinite(rates).all()):
            return
        time = self.time + scale * min(_ROUNDING * 2.0**doublings, _LONGEST_LEAP)
        state = self.state + (time - self.time) * rates
        self._take_forward(self._watch.look(time, state), state)
        self._settle()

    def _take_forward(self, look: Look, state: np.ndarray) -> None:
        """Go on, without a step, to a time that differs by rounding."""
        self.time, self.state, self._here = look.time, state, look

    def _restart(self) -> None:
        self._changed_at = self.time
        if self._retolerate is None or self._restarts >= _RESTARTS_THAT_TEACH:
            self._stepper.restart()
            return
        self._restarts += 1
        self._largest = np.fmax(self._largest, np.abs(self.state))
        self._stepper.restart(atol=self._retolerate(self._largest, self._rhs(self.time, self.state)))

    def _fires_without_end(self) -> str | None:
        self.steps += self._step_per_event
        self._moments.append(self.time)
        at_once = self.time - self._moments[0] <= _NO_TIME * abs(self.time)
        too_many = self._max_events is not None and len(self.fired) > self._max_events
        if too_many or (len(self._moments) == _MOST_AT_ONE_TIME and at_once):
            return f"the events {', '.join(map(repr, self.reasons()[:3]))} keep firing"
        return f"more than {_MOST_WAITING} events wait" if len(self._pending) > _MOST_WAITING else self.failure

    def _fire(self, truth: list[bool]) -> None:
        if truth == self._truth:
            return
        for index, event in enumerate(self.events):
            if truth[index] and not self._truth[index]:
                self._pending.append(self._triggered(index, event))
            elif self._truth[index] and not truth[index] and not event.persistent:
                self._pending = [pending for pending in self._pending if pending.event != index]
        self._truth = truth

    def _triggered(self, index: int, event: CompiledEvent) -> Pending:
        delay = 0.0 if event.delay is None else self._values((event.delay,))[0]
        if not 0.0 <= delay < np.inf:
            self.failure = f"the delay of event {event.id!r} is {delay:g}; expected a finite number >= 0"
        values = self._values(tuple(item.value for item in event.assignments)) if event.from_trigger_time else None
        # A trigger such as "time > 1" turns true after that time: then its execution, too, comes after the sum. Only
        # what decides this trigger counts, and only what time has moved: an event that sets a value does so at once.
        left_equality = not self._left.isdisjoint(self._conditions.members[index])
        later = 4.0 * _SAME_TIME * abs(self.time + delay) if left_equality and delay > 0.0 else 0.0
        return Pending(self.time + delay + later, index, values)

    def _most_urgent(self, due: list[Pending]) -> Pending:
        """Return a pending event of the highest priority now; those without one come last, in file order."""
        if len(due) == 1:
            return due[0]
        ranked: list[Pending] = []
        nodes: list[int] = []
        for pending in due:
            node = self.events[pending.event].priority
            if node is not None:
                ranked.append(pending)
                nodes.append(node)
        if not ranked:
            return min(due, key=lambda pending: pending.event)
        priorities = self._values(tuple(nodes))
        values = [-math.inf if math.isnan(value) else value for value in priorities]
        highest = max(values)
        first = [pending for pending, value in zip(ranked, values, strict=True) if value == highest]
        return first[0] if len(first) == 1 else first[int(self._rng.integers(len(first)))]

    def _execute(self, pending: Pending) -> None:
        if self._slide is not None:
            self._end_slide(self._slide, self._slide.surface.after)
        event = self.events[pending.event]
        self._pending.remove(pending)
        values = pending.values
        if values is None:
            values = self._values(tuple(item.value for item in event.assignments))
        # A concentration that is set refers to the volume before the event. Amounts are what the event leaves
        # behind: where it changes the volume too, the new concentration is another one.
        own = tuple(item.volume for item in event.assignments if item.volume is not None)
        volumes = iter(self._values(own)) if own else iter(())
        amounts = [
            value if item.volume is None else value * next(volumes)
            for item, value in zip(event.assignments, values, strict=True)
        ]
        diluting = tuple(volume for _, volume in self._diluted)
        before = self._values(diluting) if diluting else []
        self.state = self.state.copy()
        changed = False
        for item, value in zip(event.assignments, amounts, strict=True):
            if item.is_state:
                self.state[item.index] = value
            else:
                self._numbers[item.index] = value
                changed = True
        if changed:
            for function in (self._rhs, self._jacobian, self._watched, *self._compiled.values()):
                function.refresh()
        if diluting:
            self._dilute(before, self._values(diluting))
        self.fired.append(event.id)
        self._restart()

    def _dilute(self, before: list[float], after: list[float]) -> None:
        for (index, _), old, new in zip(self._diluted, before, after, strict=True):
            if old != new:
                self.state[index] *= old / new

    def _values(self, nodes: tuple[int, ...]) -> list[float]:
        if nodes not in self._compiled:
            self._compiled[nodes] = self._build(nodes)
        return self._compiled[nodes].listed(self.time, self.state.tolist())
