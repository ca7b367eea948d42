"""Sensitivities along a trajectory: the variational equations, and what events and jumps do to their solution."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg as sla
from scipy.sparse import csr_array

from skperturb.sbml._compiling.compiled_events import CompiledEvent
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._compiling.switches import frozen
from skperturb.sbml._graph.code_generation import ArrayEvaluator, ScalarFunction
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._solving.crossings import Look
from skperturb.sbml._solving.event_run import EventTrajectory, Pending
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.sliding import Slide

__all__ = ["SensitivityTrajectory", "TotalDerivative"]

# Radau IIA with three stages (Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.5): order 5,
# and stiff parts are damped. The equations are linear in the sensitivities, so that a step needs no iteration.
_ROOT = np.sqrt(6.0)
_NODES = np.array([(4.0 - _ROOT) / 10.0, (4.0 + _ROOT) / 10.0, 1.0])
_WEIGHTS = np.array(
    [
        [(88.0 - 7.0 * _ROOT) / 360.0, (296.0 - 169.0 * _ROOT) / 1800.0, (-2.0 + 3.0 * _ROOT) / 225.0],
        [(296.0 + 169.0 * _ROOT) / 1800.0, (88.0 + 7.0 * _ROOT) / 360.0, (-2.0 - 3.0 * _ROOT) / 225.0],
        [(16.0 - _ROOT) / 36.0, (16.0 + _ROOT) / 36.0, 1.0 / 9.0],
    ]
)
# One step and two of half its length differ by 31 times the error of the two where the order is 5.
_DIFFERENCE_PER_ERROR = 31.0
# The next step from the last error, with the customary caution; the bounds keep one odd error from deciding much.
_CAUTION, _SHRINK, _GROW = 0.9, 0.2, 5.0
# An entry of a column is measured against itself, or this part of the largest, all relative to the sizes of the
# variables. Ten times less, responses that pass through zero cost steps; ten times more, weak responses lose a digit.
_WEAK = 1e-2
# Relative responses (per cent per per cent) below this are measured against it: from nothing they may grow without any
# derivative of their own, as with the exponent of a power of zero. Ten times less costs steps at such starts.
_NO_RESPONSE = 1e-4
# Steps shorter than this part of the time are rounding.
_RESOLVED = 1e-14
# Moments of two events, as slopes in what is changed, that agree to this part are one: both come from trajectories at
# rtol 1e-8, and from quotients of what these give.
_SAME_MOMENT = 1e-5
# A crossing within so many units in the last place of the start has not been approached by the trajectory.
_AT_START = 1e-15


@dataclass
class _MovingPending(Pending):
    """An event that waits, with the slopes of its execution time and of the values it will set."""

    moment: np.ndarray | None = None
    slopes: np.ndarray | None = None


class TotalDerivative:
    """Derivatives of some nodes along directions in which states, parameters and time move.

    Parameters
    ----------
    graph : ExpressionGraph
        Where the nodes live.
    nodes : sequence of int
        What is differentiated.
    n_states : int
        Number of states.
    n_parameters : int
        Number of parameters that move.

    Attributes
    ----------
    values : callable
        The values of the nodes at a time, a state and parameters.
    """

    def __init__(self, graph: Any, nodes: Sequence[int], n_states: int, n_parameters: int) -> None:
        seeds: dict[int, Hashable] = {graph.state(i): i for i in range(n_states)}
        seeds |= {graph.parameter(k): n_states + k for k in range(n_parameters)}
        seeds[graph.time()] = n_states + n_parameters
        rows = differentiate(graph, nodes, seeds)
        entries = [(i, int(key), node) for i, row in enumerate(rows) for key, node in row.items()]  # type: ignore[call-overload]
        self._rows = [i for i, _, _ in entries]
        self._columns = [j for _, j, _ in entries]
        self._evaluate = ArrayEvaluator(graph, [node for *_, node in entries])
        self.values = ArrayEvaluator(graph, nodes)
        self._shape = (len(nodes), n_states + n_parameters + 1)

    def matrix(self, time: float, state: np.ndarray, numbers: Sequence[float]) -> np.ndarray:
        """Return the partial derivatives: by the states, the parameters, and last by the time."""
        matrix = np.zeros(self._shape)
        matrix[self._rows, self._columns] = [float(value) for value in self._evaluate(time, state, numbers)]
        return matrix

    def along(
        self, time: float, state: np.ndarray, numbers: Sequence[float], moving: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Return the derivatives where states, parameters and time have the slopes `moving`.

        An infinite slope at what does not move counts for nothing.
        """
        matrix, slopes = self.matrix(time, state, numbers), np.vstack(moving)
        if np.isfinite(matrix).all():
            return matrix @ slopes
        found = np.zeros((len(matrix), slopes.shape[1]))
        for column in range(slopes.shape[1]):
            used = slopes[:, column] != 0.0
            found[:, column] = matrix[:, used] @ slopes[used, column]
        return found


class SensitivityTrajectory(EventTrajectory):
    r"""A trajectory with its derivatives along some directions in the initial state and the parameters.

    Between events :math:`\dot S = J S + f_p P`. An event at the time :math:`\tau`, whose slope :math:`\tau'` follows
    from its trigger, takes :math:`D = S + f^- \tau'`, the slope of the state at the event, to that of the new state,
    and :math:`S^+ = D^+ - f^+ \tau'` goes on; likewise where the right-hand side jumps.

    Parameters
    ----------
    model : Equations
        The model.
    start : ndarray of shape (n_variables, n_directions)
        Slopes of the initial state.
    follows : ndarray of shape (n_parameters, n_directions)
        Slopes of the parameters.
    sizes : ndarray of shape (n_directions,)
        Size of what is changed, for the tolerance only.
    rtol : float
        Relative tolerance, of the sensitivities too.
    **options : dict
        As for `EventTrajectory`.

    Attributes
    ----------
    sensitivity, parameter_slopes : ndarray
        Derivatives of the state, and of the parameters, which events may change.
    lost : dict of int to str
        Directions in which no derivative exists any more, and why.
    """

    def __init__(
        self,
        model: Equations,
        start: np.ndarray,
        follows: np.ndarray,
        sizes: np.ndarray,
        *,
        rtol: float,
        **options: Any,
    ) -> None:
        self.sensitivity, self.parameter_slopes = start.copy(), follows.copy()
        self.lost: dict[int, str] = {}
        self._moment = np.zeros(start.shape[1])
        self._unsure: dict[int, str] = {}
        self._changed = False
        self._accuracy, self._stride = rtol, np.inf
        self._floor = np.zeros(start.shape[1])
        np.divide(_NO_RESPONSE, np.abs(sizes), out=self._floor, where=sizes != 0.0)
        self._totals: dict[tuple[int, ...], TotalDerivative] = {}
        super().__init__(model, rtol=rtol, **options)

    def _compile_equations(self, model: Equations, max_gap: float) -> None:
        super()._compile_equations(model, max_gap)
        system = model._system
        graph, switches, n = system.graph, system.switches, len(model.variables)
        self._graph, self._begin = graph, float(model.start_time)
        rhs = frozen(graph, list(system.rhs), switches, self._n_parameters) if switches else list(system.rhs)
        seeds: dict[int, Hashable] = {graph.parameter(k): k for k in range(self._n_parameters)}
        rows = differentiate(graph, rhs, seeds)
        entries = [(i, int(key), node) for i, row in enumerate(rows) for key, node in row.items()]  # type: ignore[call-overload]
        self._forced = ([i for i, _, _ in entries], [k for _, k, _ in entries])
        self._forcing = ScalarFunction(graph, [node for *_, node in entries], n, self._numbers)

    # -- between events -------------------------------------------------------------------------------
    def _move(self, look: Look) -> None:
        if look.time > self.time and self.state.size:
            self._follow(self.time, look.time)
        super()._move(look)

    def _follow(self, begin: float, end: float) -> None:
        """Bring the sensitivities from one time to another along the known solution."""
        scale = scale_of(self.state)
        scaled = self.sensitivity / scale[:, None]
        while begin < end and self.failure is None:
            step = min(self._stride, end - begin)
            stop = end if step >= end - begin else begin + step
            found, error = self._two_ways(scaled, begin, stop - begin, scale)
            self._stride = step * min(_GROW, max(_SHRINK, _CAUTION * max(error, 1e-30) ** (-1.0 / 6.0)))
            if error <= 1.0:
                begin, scaled = stop, found
            elif self._stride <= _RESOLVED * max(abs(begin), abs(end)):
                self.failure = "the steps of the sensitivities have come down to the rounding of the time"
        self.sensitivity = scaled * scale[:, None]

    def _two_ways(self, start: np.ndarray, begin: float, step: float, scale: np.ndarray) -> tuple[np.ndarray, float]:
        """Take two half steps, and a whole one to compare; return the error in units of what is allowed."""
        half = 0.5 * step
        times = begin + np.concatenate([step * _NODES, half * _NODES, half + half * _NODES[:2]])
        states = self._stepper.solution(np.minimum(times, self._stepper.reach(self.time))).T
        slopes = [self._slopes_at(float(time), state, scale) for time, state in zip(times, states, strict=True)]
        if self.failure is not None:
            return start, 1.0
        whole = _stage_step(start, step, slopes[:3])
        found = _stage_step(_stage_step(start, half, slopes[3:6]), half, [*slopes[6:], slopes[2]])
        size = np.abs(found)
        least = np.maximum(_WEAK * size.max(axis=0, initial=0.0), self._floor)
        allowed = self._accuracy * np.maximum(size, least)
        error = np.abs(found - whole) / _DIFFERENCE_PER_ERROR
        with np.errstate(divide="ignore", invalid="ignore"):
            return found, float(np.where(error == 0.0, 0.0, error / allowed).max(initial=0.0))

    def _slopes_at(self, time: float, state: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return Jacobian and forcing in scaled coordinates."""
        jacobian, entries = self._jacobian(time, state), self._forcing(time, state)
        if not (np.isfinite(jacobian).all() and np.isfinite(entries).all()):
            # Traces below zero are rounding; a root or logarithm of them is not.
            inside = np.where((state < 0.0) & (self._model.x0 >= 0.0), 0.0, state)
            jacobian, entries = self._jacobian(time, inside), self._forcing(time, inside)
            bad = ~np.isfinite(jacobian).all(axis=1)
            bad[np.array(self._forced[0], dtype=int)[~np.isfinite(entries)]] = True
            if bad.any():
                name = self.variables[int(np.flatnonzero(bad)[0])]
                self.failure = f"a derivative of the rate of {name!r} is not finite"
        shape = (len(self.variables), self._n_parameters)
        forcing = csr_array((entries, self._forced), shape=shape) @ self.parameter_slopes
        return jacobian * scale / scale[:, None], forcing / scale[:, None]

    # -- at events and jumps --------------------------------------------------------------------------
    def _happen(self, before: list[float], crossed: bool) -> None:
        self._moment, self._unsure = self._moment_of(before, crossed)
        self._changed = False
        outside = self.sensitivity
        self.sensitivity = outside + np.outer(self._rhs(self.time, self.state), self._moment)
        super()._happen(before, crossed)
        if self._changed:
            self._lose(self._unsure)
            self.sensitivity = self.sensitivity - np.outer(self._rhs(self.time, self.state), self._moment)
            self.sensitivity[:, list(self.lost)] = 0.0
            self.parameter_slopes[:, list(self.lost)] = 0.0
            self._stride = np.inf
        else:
            self.sensitivity = outside
        self._moment = np.zeros_like(self._moment)

    def _moment_of(self, before: list[float], crossed: bool) -> tuple[np.ndarray, dict[int, str]]:
        """Return the slope of the time at which something happens, and the directions in which it has none."""
        nothing = np.zeros_like(self._moment)
        if not crossed:
            limit = self.time + 1e-12 * abs(self.time)
            due = [pending for pending in self._pending if pending.time <= limit]
            return (nothing, {}) if not due else (_moving(due[0]).moment, {})  # type: ignore[return-value]
        crossings = [k for k, (old, new) in enumerate(zip(before, self._here.levels, strict=True)) if old != new]
        found: list[np.ndarray] = []
        unsure: dict[int, str] = {}
        for position in crossings:
            moment, reasons = self._crossing(position, from_equality=before[position] == 0.0)
            unsure |= reasons
            found.append(moment)
        for other in found[1:]:
            for column in _different(found[0], other):
                unsure[column] = f"two conditions change at t = {self.time:.9g}, where they coincide by chance"
        return (found[0] if found else nothing), unsure

    def _crossing(self, position: int, *, from_equality: bool) -> tuple[np.ndarray, dict[int, str]]:
        """Return the slope of the time at which an argument of a condition passes its level."""
        partial = self._total((self._conditions.arguments[position],)).matrix(self.time, self.state, self._numbers)[0]
        n, used = self.state.size, partial != 0.0
        slopes = np.vstack([self.sensitivity, self.parameter_slopes])
        moved = partial[:-1][used[:-1]] @ slopes[used[:-1]]
        rate = partial[:n][used[:n]] @ self._rhs(self.time, self.state)[used[:n]] + partial[-1]
        if not (np.isfinite(rate) and rate != 0.0):
            why = f"a condition is touched, not crossed, at t = {self.time:.9g}"
            return np.zeros_like(moved), {int(k): why for k in np.flatnonzero(moved)}
        if from_equality and self.time - self._begin <= _AT_START * max(abs(self._begin), abs(self.time)):
            why = "a condition holds with equality at the start, so that it changes on one side only"
            return np.zeros_like(moved), {int(k): why for k in np.flatnonzero(moved)}
        return -moved / rate, {}

    def _total(self, nodes: tuple[int, ...]) -> TotalDerivative:
        if nodes not in self._totals:
            self._totals[nodes] = TotalDerivative(self._graph, nodes, self.state.size, self._n_parameters)
        return self._totals[nodes]

    def _slopes_of(self, nodes: tuple[int, ...]) -> np.ndarray:
        """Return the slopes of some formulas at the event."""
        moving = (self.sensitivity, self.parameter_slopes, self._moment)
        return self._total(nodes).along(self.time, self.state, self._numbers, moving)

    def _lose(self, columns: dict[int, str]) -> None:
        for column, reason in columns.items():
            self.lost.setdefault(column, reason)

    def _triggered(self, index: int, event: CompiledEvent) -> Pending:
        pending = super()._triggered(index, event)
        self._lose({k: f"event {event.id!r}: {reason}" for k, reason in self._unsure.items()})
        moment, slopes = self._moment, None
        if event.delay is not None:
            moment = moment + self._slopes_of((event.delay,))[0]
        if event.from_trigger_time:
            slopes = self._slopes_of(tuple(item.value for item in event.assignments))
        return _MovingPending(pending.time, pending.event, pending.values, moment, slopes)

    def _execute(self, pending: Pending) -> None:
        event, moving = self.events[pending.event], _moving(pending)
        assert moving.moment is not None
        why = f"event {event.id!r} coincides at t = {self.time:.9g} with something else by chance"
        self._lose(dict.fromkeys(_different(moving.moment, self._moment), why))
        slopes, values = moving.slopes, pending.values
        nodes = tuple(item.value for item in event.assignments)
        if slopes is None:
            slopes, values = self._slopes_of(nodes), self._values(nodes)
        assert values is not None
        own = [item.volume for item in event.assignments if item.volume is not None]
        sizes, size_slopes = iter(self._values(tuple(own))), iter(self._slopes_of(tuple(own)))
        new = [
            slope if item.volume is None else slope * next(sizes) + value * next(size_slopes)
            for item, value, slope in zip(event.assignments, values, slopes, strict=True)
        ]
        diluting = tuple(volume for _, volume in self._diluted)
        before = (self._values(diluting), self._slopes_of(diluting))
        super()._execute(pending)
        self.sensitivity, self.parameter_slopes = self.sensitivity.copy(), self.parameter_slopes.copy()
        for item, slope in zip(event.assignments, new, strict=True):
            (self.sensitivity if item.is_state else self.parameter_slopes)[item.index] = slope
        if diluting:
            self._dilute_slopes(before, (self._values(diluting), self._slopes_of(diluting)))
        self._changed = True
        self._forcing.refresh()

    def _dilute_slopes(self, before: tuple[Any, np.ndarray], after: tuple[Any, np.ndarray]) -> None:
        """Follow the states, diluted already, in which an amount stays while a volume changes."""
        for k, (index, _) in enumerate(self._diluted):
            old, new = before[0][k], after[0][k]
            relative = before[1][k] / old - after[1][k] / new
            if old != new or relative.any():
                self.sensitivity[index] = self.sensitivity[index] * old / new + self.state[index] * relative

    def _switch(self, modes: list[float]) -> None:
        super()._switch(modes)
        self._changed = True
        self._forcing.refresh()
        if self._model._system.switches and not self._is_held:
            self._lose_all()

    def _begin_slide(self, slide: Slide) -> None:
        super()._begin_slide(slide)
        self._lose_all()

    def _lose_all(self) -> None:
        self._lose(dict.fromkeys(range(self._moment.size), f"the state slides along a jump at t = {self.time:.9g}"))


def _stage_step(start: np.ndarray, step: float, slopes: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return one Radau step of ``S' = A S + B`` with the matrices at the three nodes."""
    n, m = start.shape
    rates = np.array([jacobian @ start + forcing for jacobian, forcing in slopes])
    right = step * np.einsum("ij,jnm->inm", _WEIGHTS, rates).reshape(3 * n, m)
    matrix = np.eye(3 * n)
    for j, (jacobian, _) in enumerate(slopes):
        for i in range(3):
            matrix[i * n : (i + 1) * n, j * n : (j + 1) * n] -= step * _WEIGHTS[i, j] * jacobian
    stages = sla.lu_solve(sla.lu_factor(matrix, check_finite=False), right, check_finite=False)
    return start + stages[2 * n :]


def _different(first: np.ndarray, second: np.ndarray) -> list[int]:
    """Return where two slopes of moments differ."""
    size = np.maximum(np.abs(first), np.abs(second))
    return np.flatnonzero(np.abs(first - second) > _SAME_MOMENT * size).tolist()


def _moving(pending: Any) -> _MovingPending:
    return pending
