"""Slides: the two sides of a jump push the state back to it, and it moves along the jump (Filippov's solution)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.switches import Conditions
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["Slide", "SlideFunctions", "Surface"]

# From the jump the state is taken aside by a rounding, twice as far each time until it is on the side that is asked
# for; in so many times it is as far as it is large.
_DOUBLINGS = 60
_ROUNDING = 2.0**-52


@dataclass(frozen=True)
class Surface:
    """The arguments that change their level at one jump, with their levels before and after it."""

    before: Mapping[int, float]
    after: Mapping[int, float]

    @classmethod
    def between(cls, before: Sequence[float], after: Sequence[float], conditions: Conditions) -> Surface:
        """Return what is crossed between two levels of all arguments."""
        crossed = {k: (old, new) for k, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
        for index, (old, new) in crossed.items():
            low, high = conditions.bounds(index, 0.0)
            if low == high:
                # At equality a sign is 0: the sides are those beside it.
                crossed[index] = old or -new, new or -old
        return cls({k: old for k, (old, _) in crossed.items()}, {k: new for k, (_, new) in crossed.items()})

    @property
    def sign(self) -> float:
        """Direction in which the first argument crosses."""
        first = next(iter(self.before))
        return math.copysign(1.0, self.after[first] - self.before[first])


class SlideFunctions:
    """What slides are made of, compiled once for each argument.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph of the equations.
    conditions : Conditions
        The conditions.
    rates : sequence of int
        Nodes of the arguments' rates, with the switches held.
    curved : sequence of int
        Arguments that are not linear in the state and time.
    watched : sequence of int
        Nodes of what is watched: arguments, rates, curvatures.
    n_states : int
        Number of states.
    build : callable
        Compiles nodes.
    """

    def __init__(
        self,
        graph: ExpressionGraph,
        conditions: Conditions,
        rates: Sequence[int],
        curved: Sequence[int],
        watched: Sequence[int],
        n_states: int,
        build: Callable,
    ) -> None:
        self.graph, self.conditions, self.curved, self.count = graph, conditions, list(curved), len(rates)
        self.along = ArrayEvaluator(graph, watched)
        self._rates, self._n_states, self._build = rates, n_states, build
        self._compiled: dict[int, tuple[Any, list[int], Any]] = {}

    def of(self, index: int) -> tuple[Any, list[int], Any]:
        """Return the rate of an argument, the states on which it depends, its derivatives by them and by time."""
        if index not in self._compiled:
            graph, rate = self.graph, self._rates[index]
            seeds: dict[int, Hashable] = {graph.state(k): k for k in range(self._n_states)}
            try:
                partials = differentiate(graph, [rate], seeds | {graph.time(): "time"})[0]
            except UnsupportedModelError:
                # The corrector of an integrator then takes more steps, and the margin is looked at more often.
                partials = {"time": graph.constant(math.nan)}
            by_time = partials.pop("time", graph.zero)
            states: list[Any] = list(partials)
            self._compiled[index] = self._build([rate]), states, self._build([*partials.values(), by_time])
        return self._compiled[index]


class Slide:
    r"""The equations of a state that slides along a jump.

    With the right-hand sides :math:`f_-, f_+` on the two sides and the rates :math:`r_-, r_+` of the argument that is
    zero on the jump, ``f = (1 - a) f_- + a f_+`` with ``a = r_- / (r_- - r_+)``: then the argument's rate is zero [1]_.
    The margin ``min(r_-, -r_+)``, with the sign of the direction in which the state came, is what holds it there.

    Parameters
    ----------
    functions : SlideFunctions
        What slides are made of.
    surface : Surface
        What is crossed.
    sides : tuple of list of float
        Values of parameters and switches before and after the jump.
    rhs, jacobian, watched : callable
        Compiled functions with the switches held; they are bound to the sides here.

    References
    ----------
    .. [1] A. F. Filippov, "Differential Equations with Discontinuous Righthand Sides", Kluwer, 1988.
    """

    def __init__(
        self,
        functions: SlideFunctions,
        surface: Surface,
        sides: tuple[list[float], list[float]],
        rhs: Any,
        jacobian: Any,
        watched: Any,
    ) -> None:
        self.surface = surface
        self._functions, self._numbers = functions, sides
        self._rhs = [rhs.rebound(side) for side in sides]
        self._jacobian = [jacobian.rebound(side) for side in sides]
        self._watched = [watched.rebound(side) for side in sides]
        self._first = next(iter(surface.before))
        rate, self._states, slopes = functions.of(self._first)
        self._rate = [rate.rebound(side) for side in sides]
        self._slopes = [slopes.rebound(side) for side in sides]

    def _rates(self, t: float, x: np.ndarray) -> tuple[float, float]:
        return float(self._rate[0](t, x)[0]), float(self._rate[1](t, x)[0])

    def _margin(self, t: float, x: np.ndarray) -> tuple[float, float]:
        """Return how fast the weaker of the two sides pushes the state to the jump, and how that changes."""
        before, after = self._rates(t, x)
        values = self.surface.sign * before, -self.surface.sign * after
        weaker = 0 if values[0] < values[1] else 1
        slopes = self._slopes[weaker](t, x)
        change = float(slopes[:-1] @ self.rhs(t, x)[self._states] + slopes[-1])
        return values[weaker], change * (self.surface.sign if weaker == 0 else -self.surface.sign)

    def holds(self, t: float, x: np.ndarray) -> bool:
        """Say whether both sides push the state to the jump, for all the arguments that are zero there."""
        before, after = (watched(t, x) for watched in self._watched)
        count = self._functions.count
        for index, level in self.surface.before.items():
            sign = math.copysign(1.0, self.surface.after[index] - level)
            if not sign * before[count + index] > 0.0 > sign * after[count + index]:
                return False
        return True

    def side_that_lets_go(self, t: float, x: np.ndarray) -> Mapping[int, float]:
        """Return the levels on the side of which the push to the jump is the weaker."""
        before, after = self._rates(t, x)
        leads_back = self.surface.sign * before < -self.surface.sign * after
        return self.surface.before if leads_back else self.surface.after

    # -- equations ------------------------------------------------------------------------------------
    def rhs(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return Filippov's right-hand side."""
        before, after = self._rhs[0](t, x), self._rhs[1](t, x)
        return before + _part(*self._rates(t, x)) * (after - before)

    def jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return its exact derivative."""
        rate, other = self._rates(t, x)
        first, second = (jacobian(t, x) for jacobian in self._jacobian)
        matrix = first + _part(rate, other) * (second - first)
        if self._states and rate != other:
            slopes, others = (function(t, x)[:-1] for function in self._slopes)
            change = (rate * others - other * slopes) / (rate - other) ** 2
            matrix[:, self._states] += np.outer(self._rhs[1](t, x) - self._rhs[0](t, x), change)
        return matrix

    # -- what is watched ------------------------------------------------------------------------------
    def look(self, t: float, x: np.ndarray) -> list[float]:
        """Return what is watched along the slide; in the place of the arguments of the jump stands the margin."""
        before, after = (watched(t, x) for watched in self._watched)
        numbers = (before + _part(*self._rates(t, x)) * (after - before)).tolist()
        count = self._functions.count
        numbers[:count] = before[:count].tolist()
        margin, rate = self._margin(t, x)
        for index, level in self.surface.after.items():
            numbers[index], slope = self._inside(index, level, margin)
            numbers[count + index] = slope * rate
            if index in self._functions.curved:
                numbers[2 * count + self._functions.curved.index(index)] = math.nan
        return numbers

    def along(self, times: np.ndarray, states: np.ndarray) -> list[np.ndarray]:
        """Return the same at many times."""
        columns = [self.look(float(t), x) for t, x in zip(times, states.T, strict=True)]
        return list(np.array(columns).T)

    def _inside(self, index: int, level: float, margin: float) -> tuple[float, float]:
        """Return a value that has the level while the margin is positive, and its slope by the margin."""
        low, high = self._functions.conditions.bounds(index, level)
        if math.isfinite(low):
            top = 0.5 * (high - low)
            return low + min(margin, top), 1.0 if margin < top else 0.0
        return high - margin, -1.0

    # -- the jump itself ------------------------------------------------------------------------------
    def beside(self, t: float, x: np.ndarray, levels: Mapping[int, float]) -> np.ndarray:
        """Return the state taken to the jump and aside from it by a rounding, so that its arguments have the levels."""
        across = self._rhs[1](t, x) - self._rhs[0](t, x)
        before, after = self._rates(t, x)
        size = float(np.abs(across).max(initial=0.0))
        if not (0.0 < size < math.inf and before != after):
            return x
        level = levels[self._first]
        low, high = self._functions.conditions.bounds(self._first, level)
        other = self.surface.before if levels == self.surface.after else self.surface.after
        bound = low if other[self._first] < level else high
        base = x + (bound - float(self._watched[0](t, x)[self._first])) / (after - before) * across
        step = (1.0 if other[self._first] < level else -1.0) * math.copysign(1.0, after - before)
        step *= _ROUNDING * float(np.abs(x).max(initial=0.0) or 1.0) / size
        for doublings in range(_DOUBLINGS):
            aside = base + step * 2.0**doublings * across
            known = self._functions.conditions.levels(self._watched[0](t, aside)[: self._functions.count].tolist())
            if all(known[index] == wanted for index, wanted in levels.items()):
                return aside
        return x


def _part(before: float, after: float) -> float:
    """Return the share of the side after the jump at which the argument rests."""
    return before / (before - after) if before != after else math.nan
