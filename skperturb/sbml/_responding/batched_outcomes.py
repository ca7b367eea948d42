"""Steady states and courses of one model under many sets of parameters, solved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._compiling.batched import BatchedEquations, BatchedStart, batched_start, why_not_batched
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving import simulate as single
from skperturb.sbml._solving.batched_steady import FEW, BatchedSteadyStates
from skperturb.sbml._solving.batched_trajectories import BatchedTrajectories
from skperturb.sbml._solving.hidden_laws import independent_laws
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.moieties import conservation_laws
from skperturb.sbml._solving.steady_state import find_steady_state

__all__ = ["BatchedOutcomes", "share_size"]

# Numbers in one array of states: a thousand sets of a model of a hundred variables. More do not fit the cache that the
# arithmetic lives in; ten times less, and most of the time is the interpreter's.
_NUMBERS, _MOST_SETS, _FEWEST_SETS = 100_000, 1000, 50
# Above so many variables the source of a factorization takes longer to compile than the sets to solve one by one.
_MOST_VARIABLES = 300


def share_size(n_variables: int) -> int:
    """Return how many sets are solved together."""
    return int(np.clip(_NUMBERS // max(n_variables, 1), _FEWEST_SETS, _MOST_SETS))


class BatchedOutcomes:
    """What becomes of a model under many sets of parameters.

    Parameters
    ----------
    model : Equations
        The model.
    names : sequence of str
        What is observed.
    changed : sequence of str
        The parameters and initial values that the sets give.
    """

    def __init__(self, model: Equations, names: Sequence[str], changed: Sequence[str]) -> None:
        self._model, self._names, self._changed = model, list(names), list(changed)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_equations"}

    @cached_property
    def problem(self) -> str:
        """Why the sets have to be solved one by one; empty if they need not."""
        if len(self._model.variables) > _MOST_VARIABLES:
            return "too many variables"
        return why_not_batched(self._model)

    def _start(self, sets: Mapping[str, np.ndarray]) -> BatchedStart:
        return batched_start(self._model._system, sets, next(iter(sets.values())).size)

    @cached_property
    def _equations(self) -> dict[tuple[int, ...], BatchedEquations]:
        return {}

    def _equations_for(self, start: BatchedStart) -> BatchedEquations:
        key = tuple(start.varying)
        if key not in self._equations:
            self._equations[key] = BatchedEquations(self._model, key)
        return self._equations[key]

    # -- courses --------------------------------------------------------------------------------------
    def courses(
        self, sets: Mapping[str, np.ndarray], times: np.ndarray, rtol: float, atol: float | np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return values (n_sets, n_times, n_observed), and for which sets they were computed."""
        with threadpool_limits(1), np.errstate(all="ignore"):
            start = self._start(sets)
            equations = self._equations_for(start)
            constants = equations.prepare(start.values)
            rates = np.empty_like(start.x0)
            equations.rhs(0.0, start.x0, constants, rates)
            tolerance = self._absolute(start.x0, rates, rtol, atol, float(times[-1]))
            run = BatchedTrajectories(
                equations,
                constants,
                start.x0,
                rtol=rtol,
                atol=tolerance,
                max_step=float(np.diff(times, prepend=0.0).max()) * single._LONGEST_STEP
                if self._model.time_dependence
                else np.inf,
            )
            run.alive &= np.isfinite(rates).all(axis=0)
            states = run.advance(float(times[-1]), times)
            assert states is not None
            values = self._observed(start, times, states)
        return values, run.alive & np.isfinite(values).all(axis=(1, 2))

    def _absolute(
        self, x0: np.ndarray, rates: np.ndarray, rtol: float, atol: float | np.ndarray | None, end: float
    ) -> np.ndarray:
        if atol is not None:
            return np.broadcast_to(np.asarray(atol, dtype=float).reshape(-1, 1), x0.shape)
        sizes = [single._sizes(self._model, np.abs(x), f, end) for x, f in zip(x0.T, rates.T, strict=True)]
        return rtol * single._TRACE * np.stack(sizes, axis=1)

    def _observed(self, start: BatchedStart, times: Any, states: np.ndarray) -> np.ndarray:
        """Return what is observed at states (n_sets, n_times, n_variables)."""
        from skperturb.sbml._graph.code_generation import ArrayEvaluator

        system = self._model._system
        position = {name: index for index, name in enumerate(self._model.variables)}
        values = np.empty((*states.shape[:2], len(self._names)))
        derived: list[int] = []
        for column, name in enumerate(self._names):
            index = position.get(name)
            if index is not None and system.symbols[name] == system.graph.state(index):
                values[..., column] = states[..., index]
            else:
                derived.append(column)
        if derived:
            evaluate = ArrayEvaluator(system.graph, [system.symbols[self._names[column]] for column in derived])
            parameters = [value[:, None] if isinstance(value, np.ndarray) else value for value in start.values]
            for column, value in zip(derived, evaluate(times, np.moveaxis(states, -1, 0), parameters), strict=True):
                values[..., column] = value
        return values

    # -- steady states --------------------------------------------------------------------------------
    @cached_property
    def _own_state(self) -> np.ndarray | None:
        """The steady state of the model's own parameters, None if the trajectory comes to none."""
        try:
            steady = find_steady_state(self._model)
        except (NoSteadyStateError, ValueError):
            return None
        return steady.state.to_numpy() if steady.stable else None

    @cached_property
    def _keeps_hidden_totals(self) -> bool:
        return len(independent_laws(self._model)) > len(conservation_laws(self._model))

    def steady_states(self, sets: Mapping[str, np.ndarray], follow: str) -> tuple[np.ndarray, np.ndarray]:
        """Return values (n_sets, 1, n_observed), and for which sets a verified steady state was found."""
        start = self._start(sets)
        n_sets = start.x0.shape[1]
        own = self._own_state
        stays = start.moves_totals or self._model.time_dependence or self._keeps_hidden_totals
        if stays or (own is None and follow == "branch"):
            return np.full((n_sets, 1, len(self._names)), np.nan), np.zeros(n_sets, dtype=bool)
        with threadpool_limits(1), np.errstate(all="ignore"):
            # Any state with all variables serves to choose pivots by, that of rest is the best.
            typical = scale_of(self._model.x0) if own is None else own
            search = BatchedSteadyStates(self._model, self._equations_for(start), typical, start)
            if not search.is_regular:
                return np.full((n_sets, 1, len(self._names)), np.nan), np.zeros(n_sets, dtype=bool)
            if follow == "branch" and own is not None:
                states, found = search.by_continuation(own)
            else:
                states, found = np.full(start.x0.shape, np.nan), np.zeros(n_sets, dtype=bool)
            left = np.flatnonzero(~found)
            if left.size > (FEW if follow == "branch" else 0):
                states[:, left], found[left] = search.by_trajectories(left)
            values = self._observed(start, 0.0, states.T[:, None, :])
        return values, found & np.isfinite(values).all(axis=(1, 2))
