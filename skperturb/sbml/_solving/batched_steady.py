"""Verified steady states of many sets of parameters at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import qr
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from skperturb.sbml._compiling.batched import BatchedEquations, BatchedStart
from skperturb.sbml._compiling.batched_lu import SparseLU
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving import ladder, newton, steady_state
from skperturb.sbml._solving.batched_rest import RestingRun
from skperturb.sbml._solving.batched_run import subset
from skperturb.sbml._solving.batched_trajectories import BatchedTrajectories
from skperturb.sbml._solving.integrate import absolute_tolerance, scale_of
from skperturb.sbml._solving.moieties import conservation_laws

__all__ = ["FEW", "BatchedSteadyStates"]

_TOLERANCE = 1e-9  # that of `find_steady_state`, as are the last time and the iterations of a polish
_LAST_TIME, _POLISH = 1e10, 20
# Relative tolerance of trajectories: their errors are then those of LSODA at the 1e-7 of `find_steady_state`, since the
# methods here stay within their tolerance where LSODA exceeds it tenfold. Ten times more, and trajectories that pass
# near the border between two states may end in the other one.
_RTOL = 1e-6
# Most sets are far from such a border, and a coarse trajectory shows that it is one of them: its own estimate of its
# global error, which grows to the distance of the states where trajectories part, stays below this part of each
# variable's scale. What is less certain, or takes many times the usual number of steps, is followed with the other
# tolerance. Ten times as much also went to no other state in tests with bistable models.
_COARSE_RTOL, _CERTAIN = 1e-3, 0.1
_COARSE_STEPS = 200
# Between these parts of the largest variable one is there, but a coarse trajectory counts as resting while it moves by
# all of its size, and may end in another state: 2 of 1,660 sets of a switch of 1e-8, none of 600 of one of 3e-8. Units
# alone make no variable smaller than the first.
_NOTHING, _UNSEEN = 1e-20, 1e-8
# A Newton step from as far away as this leads back to the state up to this part of the distance, which is about the
# distance over that of the next state: the border is ten times as far.
_NOT_LINEAR = 0.1
# A trajectory from one steady state to the next only has to come near it.
_LOOSE_RTOL = 1e-3
# Newton's method from a state nearby converges in five to eight iterations or goes astray.
_SHORT_POLISH = 15
# Trajectories that take more steps to a decade of time are left to the search for single models, which knows
# oscillations. Most come to rest in a tenth of it.
_MOST_STEPS = 1_000
FEW = 10  # so few sets are searched one by one in less time than together
_SLOW = 50  # one set in so many may be slow; a search of its own costs less than arrays that are kept up for it


def _scales(x: np.ndarray, x0: np.ndarray) -> np.ndarray:
    """Return `scale_of` for each column."""
    size = np.abs(x)
    floor = np.maximum(1e-6 * size.max(axis=0), 1e-9 * np.abs(x0).max(axis=0))
    return np.maximum(size, np.where(floor > 0.0, floor, 1.0))


class _Sets:
    """The sets that a search is about: their start, constants and totals."""

    def __init__(self, x0: np.ndarray, constants: list[Any], totals: np.ndarray, non_negative: np.ndarray) -> None:
        self.x0, self.constants, self.totals, self.non_negative = x0, constants, totals, non_negative

    def part(self, which: np.ndarray) -> _Sets:
        return _Sets(
            self.x0[:, which], subset(self.constants, which), self.totals[:, which], self.non_negative[:, which]
        )


class BatchedSteadyStates:
    """Search and verification; what is not found here is left to the search for single models.

    Parameters
    ----------
    model : Equations
        The model.
    equations : BatchedEquations
        Its equations.
    typical : ndarray of shape (n_variables,)
        A state near those that are looked for, which decides the order of pivots.
    start : BatchedStart
        All sets.
    """

    def __init__(self, model: Equations, equations: BatchedEquations, typical: np.ndarray, start: BatchedStart) -> None:
        self._model, self._equations, self._start = model, equations, start
        self._laws = conservation_laws(model).to_numpy()
        self._pattern = list(equations.entries)
        self._rows = np.array([i for i, _ in self._pattern])
        self._columns = np.array([j for _, j in self._pattern])
        self._by_row = np.argsort(self._rows, kind="stable")
        self._first = np.searchsorted(self._rows[self._by_row], np.arange(equations.size))
        self._sets = self._all_sets(start)
        self._make_lu(typical)
        self._make_blocks()

    def _all_sets(self, start: BatchedStart) -> _Sets:
        ruled = np.asarray(self._model.is_rate_rule, dtype=bool)
        constants = self._equations.prepare(start.values)
        return _Sets(start.x0, constants, self._laws @ start.x0, ~ruled[:, None] & (start.x0 >= 0.0))

    def _make_lu(self, typical: np.ndarray) -> None:
        """Choose the equations that conservation laws replace, and the order of pivots."""
        scale = scale_of(typical)
        n, k = self._equations.size, len(self._laws)
        replaced = qr(self._laws * scale, pivoting=True, mode="economic")[2][:k] if k else np.empty(0, dtype=int)
        self._replaced = np.asarray(replaced, dtype=int)
        kept = ~np.isin(self._rows, self._replaced)
        self._kept = np.flatnonzero(kept)
        law, member = np.nonzero(self._laws)
        self._law_entries = self._laws[law, member][:, None]
        pattern = [*(self._pattern[e] for e in self._kept), *zip(self._replaced[law], member, strict=True)]
        linear = self._linearize(typical[:, None], self._sets.part(np.array([0])))[1][:, 0]
        matrix = np.zeros((n, n))
        values = np.concatenate([linear[self._kept], self._law_entries[:, 0]])
        rows, columns = (np.array(part, dtype=int) for part in zip(*pattern, strict=True))
        np.add.at(matrix, (rows, columns), np.nan_to_num(values) * scale[columns])
        size = np.abs(matrix).max(axis=1)
        size[size == 0.0] = 1.0
        self._lu = SparseLU(n, [(int(i), int(j)) for i, j in pattern], (matrix / size[:, None])[rows, columns])

    def _make_blocks(self) -> None:
        """Find the variables that act on each other: the spectrum is that of their blocks together."""
        n = self._equations.size
        graph = csr_array((np.ones(len(self._rows)), (self._rows, self._columns)), shape=(n, n))
        count, labels = connected_components(graph, directed=True, connection="strong")
        self._blocks: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
        sizes = np.bincount(labels, minlength=count)
        self._singles = np.flatnonzero(sizes[labels] == 1)
        for block in np.flatnonzero(sizes > 1):
            inside = np.flatnonzero((labels[self._rows] == block) & (labels[self._columns] == block))
            place = np.zeros(n, dtype=int)
            place[labels == block] = np.arange(sizes[block])
            rows, columns = place[self._rows[inside]], place[self._columns[inside]]
            self._blocks.append((int(sizes[block]), inside, rows, columns))

    @property
    def is_regular(self) -> bool:
        """Whether the structure of the equations allows one steady state; nothing is found if not."""
        return self._lu.is_regular

    # -- linear algebra -------------------------------------------------------------------------------
    def _linearize(self, x: np.ndarray, sets: _Sets) -> tuple[np.ndarray, np.ndarray]:
        equations = self._equations
        n = equations.size
        out = np.zeros((n + equations.n_entries, x.shape[1]))
        equations.linearization(0.0, x, sets.constants, out)
        return out[:n], out[n:]

    def _sums(self, entries: np.ndarray) -> np.ndarray:
        """Return the sums over the rows of matrices with these entries."""
        return np.add.reduceat(entries[self._by_row], self._first, axis=0)

    def _newton_step(self, f: np.ndarray, entries: np.ndarray, drift: np.ndarray) -> np.ndarray:
        m = f.shape[1]
        matrix = np.concatenate([entries[self._kept], np.repeat(self._law_entries, m, axis=1)])
        side = -f
        side[self._replaced] = drift
        return self._lu.solve(self._lu.factor(matrix), side)

    def _polish(
        self, x: np.ndarray, sets: _Sets, *, limit: float | None, max_iterations: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Iterate Newton's method; return where it settles, and for which sets it does. See `LawKeepingSystem`."""
        result, settled = x.copy(), np.zeros(x.shape[1], dtype=bool)
        active, start, scale = np.arange(x.shape[1]), x, _scales(x, sets.x0)
        last = np.full(x.shape[1], np.inf)
        for iteration in range(max_iterations):
            f, entries = self._linearize(x, sets)
            step = self._newton_step(f, entries, sets.totals - self._laws @ x)
            length = np.abs(step / _scales(x, sets.x0)).max(axis=0)
            x = x + (step if limit is not None else _damped(x, step, sets.non_negative))
            lost = ~np.isfinite(length)
            if limit is not None:
                lost |= np.any(np.abs(x - start) > limit * scale, axis=0)
            if iteration > newton._FIRST_ITERATIONS:
                lost |= length > newton._DIVERGING * last
            short = (length < newton._SHORT_STEP) & (length > newton._STAGNATION * last)
            done = ~lost & ((length < newton._ROUNDING_STEP) | short)
            result[:, active[done]], settled[active[done]] = x[:, done], True
            go = ~(done | lost)
            if not go.any():
                break
            if not go.all():
                active, sets, x = active[go], sets.part(go), x[:, go]
                start, scale = start[:, go], scale[:, go]
            last = length[go]
        else:
            done = last < newton._LAST_STEP
            result[:, active[done]], settled[active[done]] = x[:, done], True
        return result, settled

    def _without_rounding(self, x: np.ndarray, sets: _Sets) -> np.ndarray:
        dust = sets.non_negative & (x < 0.0) & (x > -newton._DUST * _scales(x, sets.x0).max(axis=0))
        return np.where(dust, 0.0, x) if dust.any() else x

    # -- verification ---------------------------------------------------------------------------------
    def _verified(self, x: np.ndarray, sets: _Sets) -> np.ndarray:
        """Say which states are stable steady states, by the conditions of `find_steady_state`."""
        scale = _scales(x, sets.x0)
        f, entries = self._linearize(x, sets)
        raw = entries.copy()
        entries *= scale[self._columns] / scale[self._rows]
        size = np.abs(entries)
        balance = self._sums(size)
        scaled = f / scale
        good = np.isfinite(x).all(axis=0) & np.isfinite(f).all(axis=0) & np.isfinite(entries).all(axis=0)
        good &= np.where(f == 0.0, 0.0, np.abs(scaled) / balance).max(axis=0) <= _TOLERANCE
        good &= ~np.any(sets.non_negative & (x < 0.0), axis=0)
        total = np.abs(self._laws) @ np.maximum(np.abs(sets.x0), scale)
        good &= np.all(np.abs(self._laws @ x - sets.totals) <= steady_state._TOTALS * total, axis=0)
        step = self._newton_step(f, raw, np.zeros_like(sets.totals)) / scale
        good &= np.abs(step).max(axis=0) <= steady_state._LONGEST_REST_STEP
        product = entries * step[self._columns]
        rounding = steady_state._ROUNDING_OF_RATES * balance
        rounding += steady_state._ROUNDING_OF_PRODUCT * self._sums(np.abs(product))
        left = np.abs(self._sums(product) + scaled)
        good &= np.all(left <= np.maximum(steady_state._REMOVED * np.abs(scaled), rounding), axis=0)
        chosen = np.flatnonzero(good)
        good[chosen] = self._stable(entries[:, chosen])
        return good

    def _stable(self, entries: np.ndarray) -> np.ndarray:
        if not entries.shape[1]:
            return np.zeros(0, dtype=bool)
        rounding = steady_state._ZERO_EIGENVALUE * np.abs(entries).max(axis=0)
        stable = np.all(entries[self._singles] <= rounding, axis=0)
        for size, inside, rows, columns in self._blocks:
            chosen = np.flatnonzero(stable)
            matrices = np.zeros((chosen.size, size, size))
            matrices[:, rows, columns] = entries[inside][:, chosen].T
            spectrum = np.linalg.eigvals(matrices)
            circles = np.abs(spectrum.real) <= steady_state._CIRCLING * np.abs(spectrum.imag)
            circles &= np.abs(spectrum.imag) > rounding[chosen, None]
            grows = spectrum.real > rounding[chosen, None]
            stable[chosen] = ~np.any(circles | grows, axis=1)
        return stable

    def _checked(
        self, x: np.ndarray, sets: _Sets, *, limit: float | None, max_iterations: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Polish states; return them, and which are verified."""
        polished, good = self._polish(x, sets, limit=limit, max_iterations=max_iterations)
        chosen = np.flatnonzero(good)
        if chosen.size:
            inner = sets.part(chosen)
            polished[:, chosen] = self._without_rounding(polished[:, chosen], inner)
            good[chosen] = self._verified(polished[:, chosen], inner)
        return polished, good

    # -- searches -------------------------------------------------------------------------------------
    def by_trajectories(self, which: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return states (n_variables, n_chosen) to which trajectories come, and which of them are verified.

        The ladder of `find_steady_state` in its first rung: the trajectory to each decade, and a polish that moves no
        variable by more than a tenth of its scale. Before that, the same from where a coarse trajectory comes to rest,
        for sets on which it is certain.
        """
        sets = self._sets.part(np.asarray(which, dtype=int))
        result, found = self._coarsely(sets)
        left = np.flatnonzero(~found)
        if left.size > FEW:
            result[:, left], found[left] = self._along(sets.x0[:, left], sets.part(left), _RTOL, ladder._LARGEST_MOVE)
        return result, found

    def _coarsely(self, sets: _Sets) -> tuple[np.ndarray, np.ndarray]:
        """Return the states near which coarse trajectories come to rest, and which are certain and verified."""
        n_sets = sets.x0.shape[1]
        run = RestingRun(
            self._equations,
            sets.constants,
            np.zeros(n_sets),
            sets.x0,
            _LAST_TIME,
            rtol=_COARSE_RTOL,
            atol=np.stack([absolute_tolerance(x, _COARSE_RTOL) for x in sets.x0.T], axis=1),
        )
        run.go(_COARSE_STEPS, max(FEW, n_sets // _SLOW))
        result, found = np.full(sets.x0.shape, np.nan), np.zeros(n_sets, dtype=bool)
        near = np.flatnonzero(run.rests & (run.uncertainty < _CERTAIN))
        if near.size:
            inner = sets.part(near)
            states, good = self._checked(run.last_x[:, near], inner, limit=ladder._LARGEST_MOVE, max_iterations=_POLISH)
            good &= self._is_wide(states, run.error[:, near], run.uncertainty[near], inner) & _are_seen(states)
            result[:, near], found[near] = states, good
        return result, found

    def _is_wide(self, x: np.ndarray, error: np.ndarray, uncertainty: np.ndarray, sets: _Sets) -> np.ndarray:
        """Say at which states the equations are linear as far as the trajectories are uncertain.

        Close to where a stable and an unstable state meet, the border is no farther from the state than that.
        """
        scale = _scales(x, sets.x0)
        size = np.max(np.abs(error) / scale, axis=0)
        away = error * np.where(size > 0.0, uncertainty / np.where(size > 0.0, size, 1.0), 0.0)
        f, entries = self._linearize(x + away, sets)
        back = away + self._newton_step(f, entries, sets.totals - self._laws @ (x + away))
        return np.max(np.abs(back) / scale, axis=0) <= _NOT_LINEAR * uncertainty

    def by_continuation(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return states (n_variables, n_sets) to which that of the own parameters leads, and which are verified.

        Newton's method starts from the state; where it fails, the trajectory does.
        """
        x = np.repeat(state[:, None], self._sets.x0.shape[1], axis=1)
        result, found = self._checked(x, self._sets, limit=None, max_iterations=_SHORT_POLISH)
        left = np.flatnonzero(~found)
        if left.size:
            result[:, left], found[left] = self._along(x[:, left], self._sets.part(left), _LOOSE_RTOL, None)
        return result, found

    def _along(self, start: np.ndarray, sets: _Sets, rtol: float, limit: float | None) -> tuple[np.ndarray, np.ndarray]:
        """Follow trajectories; return where their ends lead, and which of these states are verified."""
        n_sets = start.shape[1]
        run = BatchedTrajectories(
            self._equations,
            sets.constants,
            start,
            rtol=rtol,
            atol=np.stack([absolute_tolerance(x, rtol) for x in start.T], axis=1),
            max_steps=_MOST_STEPS,
            fewest=max(1, n_sets // _SLOW),
        )
        result, found = np.full(start.shape, np.nan), np.zeros(n_sets, dtype=bool)
        doubled, before = np.zeros(start.shape, dtype=int), None
        for time in ladder.checkpoints(_LAST_TIME):
            run.advance(float(time))
            x = run.state
            largest = np.abs(x).max(axis=0)
            sets.non_negative &= ~(x < -newton._CLEARLY_NEGATIVE * largest)
            if before is not None:
                more = (np.abs(x) > ladder._GROWTH * np.abs(before)) & (np.abs(x) > ladder._NOTICED * largest)
                doubled = np.where(more, doubled + 1, 0)
            before = x.copy()
            chosen = np.flatnonzero(run.alive & ~np.any(doubled >= ladder._GROWING_DECADES, axis=0))
            if not chosen.size:
                break
            polished, good = self._checked(x[:, chosen], sets.part(chosen), limit=limit, max_iterations=_POLISH)
            result[:, chosen[good]], found[chosen[good]] = polished[:, good], True
            run.alive[chosen[good]] = False
        return result, found


def _are_seen(x: np.ndarray) -> np.ndarray:
    """Say in which states no variable is too small beside the largest for a coarse trajectory."""
    size = np.abs(x)
    part = size / np.maximum(size.max(axis=0), 1e-300)
    return ~np.any((part > _NOTHING) & (part < _UNSEEN), axis=0)


def _damped(x: np.ndarray, step: np.ndarray, non_negative: np.ndarray) -> np.ndarray:
    """Return steps that stop short of zero, as in `LawKeepingSystem`."""
    falling = non_negative & (x > 0.0) & (step < -newton._TOWARDS_ZERO * x)
    passes = np.any(falling & (np.abs(step) > x * (1 + 1e-9)), axis=0)
    if not passes.any():
        return step
    ratio = np.where(falling, -newton._TOWARDS_ZERO * x / np.where(falling, step, 1.0), np.inf).min(axis=0)
    return step * np.where(passes, ratio, 1.0)
