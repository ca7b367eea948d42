"""Trajectories of delay differential equations, by the method of steps.

In a step that is no longer than the shortest lag everything delayed lies in the past, whose solution is kept as the
integrator's own polynomials: there the equations are ordinary ones. A jump, or a derivative that jumps, comes back
one lag later one order smoother; the integration starts anew at these times until nothing of it is seen.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable
from typing import Any

import numpy as np

from skperturb.sbml._compiling.delays import Delay
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._graph.code_generation import ArrayEvaluator, ScalarFunction
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._solving.crossings import Look, Watch
from skperturb.sbml._solving.event_run import EventTrajectory

__all__ = ["DelayedTrajectory"]

# A jump of a derivative of this order is smooth for the integrators, whose order is 5 at most in stiff steps. Less
# costs digits after the first lags, more only starts the integration anew for nothing.
_SMOOTH = 6
# Times at which the integration will start anew; many lags that are no multiples of each other add up to ever more.
_MOST_BREAKS = 10_000
# Two times that differ by this part of the later one are one: a time less a lag is rounded.
_SAME_TIME = 1e-12
# Where a lag varies it may become shorter than any step: a step need not be shorter than this part of the whole time,
# and what lies within it is taken from the line through its ends, with an error of the square of it.
_SHORTEST_STEP = 1e-6
# A step along a varying lag is at most this part of the lag: it may shrink meanwhile.
_OF_LAG = 0.5
# Numbers in the past that is kept: 160 megabytes.
_MOST_NUMBERS = 20_000_000
# The rate of something delayed is a difference over this part of its lag; half of the digits are enough to say
# whether a condition may have changed in between.
_DIFFERENCE = 1e-6

# Looks at conditions, each of which looks back, are that many times farther apart than without delays: they cost a
# tenth of a millisecond. Steps are no longer than a lag, and there are eight looks in each of them.
_WIDER = 10.0


class _Past:
    """The solution so far, in stretches; before its start everything was what it is there."""

    def __init__(self, start: float, state: np.ndarray, numbers: list[float]) -> None:
        self.start, self._state, self._numbers = start, state.copy(), list(numbers)
        self.end = start
        self._begins: list[float] = []
        self._ends: list[float] = []
        self._stretches: list[tuple[Any, list[float]]] = []

    def add(self, begin: float, end: float, solution: Any, numbers: list[float]) -> None:
        self._begins.append(begin)
        self._ends.append(end)
        self._stretches.append((solution, numbers))
        self.end = end

    def forget(self, time: float) -> None:
        """Drop what lies before a time; seldom, as it moves the rest."""
        count = bisect_right(self._ends, time)
        if count > 1_000:
            del self._begins[:count], self._ends[:count], self._stretches[:count]

    @property
    def size(self) -> int:
        return len(self._begins) * (self._state.size + 1) * _SMOOTH

    def at(self, time: float, *, before: bool) -> tuple[np.ndarray, list[float]]:
        """Return state and parameters at a time; at the end of a stretch those `before` it or after it."""
        if time < self.start or not self._begins or (before and time <= self.start + _SAME_TIME * abs(time)):
            return self._state, self._numbers
        index = bisect_right(self._begins, time) - 1
        tolerance = _SAME_TIME * max(abs(time), abs(self.end))
        if before and index > 0 and time - self._begins[index] <= tolerance:
            index -= 1
        elif not before and index + 1 < len(self._begins) and self._begins[index + 1] - time <= tolerance:
            index += 1
        solution, numbers = self._stretches[index]
        moment = min(max(time, self._begins[index]), self._ends[index])
        return np.asarray(solution(moment), dtype=float), numbers


class DelayedTrajectory(EventTrajectory):
    """The solution of a model whose delayed expressions are parameters, see `with_delays_as_parameters`.

    Parameters
    ----------
    model : Equations
        The model.
    horizon : float
        Time at which the run will end.
    method : {"LSODA", "BDF", "Radau"}, default="LSODA"
        Integrator; LSODA is replaced by BDF where a lag varies, since it cannot be told how long its next step may be.
    **options : dict
        As for `EventTrajectory`.
    """

    def __init__(self, model: Equations, *, horizon: float, method: str = "LSODA", **options: Any) -> None:
        system = model._system
        self._delays: tuple[Delay, ...] = system.delays
        self._last = horizon
        self._from = float(model.start_time)
        self._breaks: list[tuple[float, int]] = []
        self._varying = [k for k, delay in enumerate(self._delays) if not delay.has_constant_lag]
        start = np.array(model.x0, dtype=float)
        self._snapshot = list(system.parameter_values)
        self._past = _Past(self._from, start, self._snapshot)
        n_states, graph = len(model.variables), system.graph
        self._then = list(system.parameter_values)  # parameters at the time that is looked back to
        self._expressions = [ScalarFunction(graph, [d.expression], n_states, self._then) for d in self._delays]
        self._lag_functions = [ScalarFunction(graph, [d.lag], n_states, self._then) for d in self._delays]
        self._constant_lags: list[float] = []
        self._bad_lag: str | None = None
        super().__init__(model, method="BDF" if self._varying and method == "LSODA" else method, **options)
        self._longest_step = self._stepper._options.get("max_step", np.inf)
        self._limit_steps()
        self._mark(self.time, 1)

    def _limit_steps(self) -> None:
        lags = [lag for lag in self._lags_now() if lag > 0.0]
        self._stepper._options["max_step"] = min([self._longest_step, *lags])

    def _lags_now(self) -> list[float]:
        """Return the constant lags with the parameters of now."""
        self._then[:] = self._snapshot
        self._constant_lags = []
        for delay, function in zip(self._delays, self._lag_functions, strict=True):
            function.refresh()
            lag = float(function(self.time, self.state)[0]) if delay.has_constant_lag else np.nan
            if lag < 0.0 or lag == np.inf:
                self._bad_lag = f"a delay of {lag:g} is asked for; expected a finite number >= 0"
            self._constant_lags.append(lag)
        return [lag for lag in self._constant_lags if not np.isnan(lag)]

    # -- equations ------------------------------------------------------------------------------------
    def _compile_equations(self, model: Equations, max_gap: float) -> None:
        super()._compile_equations(model, max_gap)
        graph, conditions = model._system.graph, self._conditions
        rates, curvatures = conditions.rates(list(model._system.rhs), graph.time())
        seeds: dict[int, Hashable] = {graph.parameter(delay.parameter): delay for delay in self._delays}
        partials = differentiate(graph, conditions.arguments, seeds)
        for index, row in enumerate(partials):
            if row:
                # What is delayed changes as well, and bends as it likes.
                terms = [graph.mul(row[d], graph.parameter(d.rate_parameter)) for d in self._delays if d in row]
                rates[index] = graph.sum([rates[index], *terms])
                curvatures[index] = graph.constant(np.nan)
        self._follows_rates = any(partials)
        watched = [*conditions.arguments, *rates, *curvatures.values()]
        self._watched = self._build(watched)
        self._along = ArrayEvaluator(graph, watched)
        gap = _WIDER * max_gap
        self._watch = Watch(conditions, self._watch_at, self._watch_along, len(rates), list(curvatures), gap)

    def _watch_at(self, time: float, state: np.ndarray) -> list[float]:
        self._look_back(time, state, with_rates=self._follows_rates)
        self._watched.refresh()
        return self._watched.listed(time, state.tolist())

    def _watch_along(self, times: np.ndarray, states: np.ndarray) -> list:
        columns = [self._watch_at(float(time), state) for time, state in zip(times, states.T, strict=True)]
        return list(np.array(columns).T)

    def _call_rhs(self, t: float, x: np.ndarray) -> np.ndarray:
        self._look_back(t, x)
        self._rhs.refresh()
        return self._rhs(t, x)

    def _call_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        self._look_back(t, x)
        self._jacobian.refresh()
        return self._jacobian(t, x)

    def _values(self, nodes: tuple[int, ...]) -> list[float]:
        self._look_back(self.time, self.state)
        if nodes in self._compiled:
            self._compiled[nodes].refresh()
        return super()._values(nodes)

    @property
    def parameters(self) -> list[float]:
        """Values of the model's parameters, delayed expressions included."""
        self._look_back(self.time, self.state)
        return self._numbers[: self._n_parameters]

    # -- the past -------------------------------------------------------------------------------------
    def _look_back(self, time: float, state: np.ndarray, *, with_rates: bool = False) -> None:
        """Put the values of the delayed expressions into the parameters."""
        for k, delay in enumerate(self._delays):
            value, lag = self._delayed(k, time, state, self._snapshot)
            self._numbers[delay.parameter] = value
            if with_rates:
                span = _DIFFERENCE * max(lag, self._last * _SHORTEST_STEP)
                earlier = self._delayed(k, time - span, self._state_at(time - span, time, state)[0], self._snapshot)[0]
                self._numbers[delay.rate_parameter] = (value - earlier) / span

    def _delayed(self, k: int, time: float, state: np.ndarray, numbers: list[float]) -> tuple[float, float]:
        """Return the value of a delayed expression at a time, and its lag."""
        delay = self._delays[k]
        lag = self._constant_lags[k] if self._constant_lags else np.nan
        if np.isnan(lag):
            lag = self._evaluated(self._lag_functions[k], delay, time, state, numbers)
            if not 0.0 <= lag < np.inf:
                self._bad_lag = f"a delay of {lag:g} is asked for; expected a finite number >= 0"
                return np.nan, 0.0
        if lag == 0.0:
            return self._evaluated(self._expressions[k], delay, time, state, numbers), 0.0
        then = time - lag
        past, constants = self._state_at(then, time, state)
        return self._evaluated(self._expressions[k], delay, then, past, constants), lag

    def _evaluated(
        self, function: ScalarFunction, delay: Delay, time: float, state: np.ndarray, numbers: list[float]
    ) -> float:
        inner = [(self._delays[j].parameter, self._delayed(j, time, state, numbers)[0]) for j in delay.inner]
        self._then[:] = numbers
        for parameter, value in inner:
            self._then[parameter] = value
        function.refresh()
        return float(function(time, state)[0])

    def _state_at(self, then: float, time: float, state: np.ndarray) -> tuple[np.ndarray, list[float]]:
        """Return state and parameters at an earlier time, seen from a trial state at a later one."""
        known = self._past.end
        if then <= known:
            return self._past.at(then, before=time > self._from)
        if then <= self._stepper.reach(self.time):
            return np.asarray(self._stepper.solution(then), dtype=float), self._snapshot
        last, _ = self._past.at(known, before=False) if known > self._from else (self.state, None)
        part = (then - known) / (time - known) if time > known else 0.0
        return last + part * (state - last), self._snapshot

    def _move(self, look: Look) -> None:
        if look.time > self.time and self.state.size:
            self._stepper.solution(0.5 * (self.time + look.time))  # makes the polynomial of this step
            self._past.add(self.time, look.time, self._stepper._dense, self._snapshot)
        elif look.time > self.time:
            self._past.add(self.time, look.time, lambda time, state=self.state: state, self._snapshot)
        super()._move(look)
        if not self._varying:
            self._past.forget(self.time - 2.0 * max(self._constant_lags, default=0.0))
        if self._past.size > _MOST_NUMBERS:
            self.failure = "the past that its delays look back to does not fit in memory"

    def _take_forward(self, look: Look, state: np.ndarray) -> None:
        if look.time > self.time:
            self._past.add(self.time, look.time, lambda time, state=self.state: state, self._snapshot)
        super()._take_forward(look, state)

    # -- times at which something jumps ---------------------------------------------------------------
    def _mark(self, time: float, order: int) -> None:
        """Note that a derivative of some order jumps at a time: a lag later that of the next order does."""
        if order >= _SMOOTH:
            return
        for lag in self._constant_lags:
            later = time + lag
            matters = lag > 0.0 and later < self._last and len(self._breaks) < _MOST_BREAKS
            if matters and not any(abs(later - known) <= _SAME_TIME * later for known, _ in self._breaks):
                insort(self._breaks, (later, order + 1))

    def _restart(self) -> None:
        self._snapshot = list(self._numbers[: self._n_parameters])
        if self._constant_lags:
            self._limit_steps()
            self._mark(self.time, 0)
        self._from = self.time
        super()._restart()

    def advance(self, time: float, *, horizon: float | None = None) -> bool:
        """Integrate to `time`, events at that time included; return False, and set `failure`, if impossible."""
        while self.failure is None and self.time < time:
            while self._breaks and self._breaks[0][0] <= self.time * (1.0 + _SAME_TIME):
                self._breaks.pop(0)
            bound, order = self._breaks[0] if self._breaks else (max(self._last, time), _SMOOTH)
            super().advance(min(time, bound), horizon=bound)
            if self.time >= bound and self.failure is None:
                self._from = self.time
                self._stepper.restart()
                self._mark(self.time, order)
        return self.failure is None

    def _over_budget(self, horizon: float) -> str | None:
        if self._bad_lag is not None:
            return self._bad_lag
        solver = self._stepper._solver
        if self._varying and solver is not None:
            lags = [self._delayed(k, self.time, self.state, self._snapshot)[1] for k in self._varying]
            constant = [lag for lag in self._constant_lags if lag > 0.0]
            shortest = min([_OF_LAG * lag for lag in lags] + constant)
            solver.max_step = max(shortest, _SHORTEST_STEP * self._last)
        return super()._over_budget(max(horizon, self._last))
