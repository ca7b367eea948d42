"""Trajectories of many sets of parameters at a time, each with its own time and step."""

from __future__ import annotations

from typing import Any

import numpy as np

from skperturb.sbml._compiling.batched import BatchedEquations

__all__ = ["BatchedRun", "subset"]

# Steps: the estimate of the next one is shortened by a tenth, so that nine of ten are accepted; none is more than six
# times as long or five times as short as the last, as in the codes of Hairer and Wanner.
_SAFETY, _LONGEST_RATIO, _SHORTEST_RATIO = 0.9, 6.0, 0.2
_ERROR_ORDER = 5.0  # both methods: the estimate is of order 4
_SMALLEST_ERROR = 1e-10
# The first step moves no variable by more than this part of its size; it grows quickly from there.
_FIRST_MOVE = 1e-3
# A step of this part of the time does not move it: rounding.
_STANDSTILL = 1e-14
# Sets that have ended are taken out of the arrays when they are so many: until then they cost less than the copy.
_IDLE_PART = 0.2
# Most sets have arrived after so many steps; the last few are slow, alone in arrays that were made for many.
_PATIENCE = 200


def subset(constants: list[Any], which: Any) -> list[Any]:
    """Return the constants of some of the sets."""
    return [value[which] if isinstance(value, np.ndarray) and value.ndim else value for value in constants]


class BatchedRun:
    """One method on its way to a time: the arrays of the sets that have not come there.

    Parameters
    ----------
    equations : BatchedEquations
        The equations.
    constants : list
        What `BatchedEquations.prepare` returned for the sets.
    t : ndarray of shape (n_sets,)
        Times of the states.
    x : ndarray of shape (n_variables, n_sets)
        States.
    end : float
        The time to come to.
    rtol : float
        Relative tolerance.
    atol : ndarray of shape (n_variables, n_sets)
        Absolute tolerances.
    max_step : float, default=inf
        Longest step.
    first_step : ndarray of shape (n_sets,), default=None
        First steps; NaN where they are to be found.
    grid : ndarray of shape (n_times,), default=None
        Times of output.
    out : ndarray of shape (n_sets, n_times, n_variables), default=None
        Where the states at these times are written.

    Notes
    -----
    The error of a step is measured as in CVODE: the root mean square over the variables of the error over
    ``atol + rtol * |x|``.
    """

    def __init__(
        self,
        equations: BatchedEquations,
        constants: list[Any],
        t: np.ndarray,
        x: np.ndarray,
        end: float,
        *,
        rtol: float,
        atol: np.ndarray,
        max_step: float = np.inf,
        first_step: np.ndarray | None = None,
        grid: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> None:
        self.equations, self.end, self.rtol, self._max_step = equations, end, rtol, max_step
        self.last_t, self.last_x = t.copy(), x.copy()
        self.last_h = np.full(t.size, np.nan) if first_step is None else first_step.copy()
        self._grid, self._out = grid, out
        self.sets = np.flatnonzero(t < end)
        self.t, self.x = t[self.sets], np.ascontiguousarray(x[:, self.sets])
        self.atol = np.ascontiguousarray(atol[:, self.sets])
        self.constants = subset(constants, self.sets)
        self.running = np.ones(self.sets.size, dtype=bool)
        self._next = np.zeros(t.size, dtype=int) if grid is None else np.searchsorted(grid, self.t, side="right")
        self._make_room()
        self._allocate()
        self.h = self.last_h[self.sets]
        fresh = np.isnan(self.h)
        if fresh.any():
            self.h = np.where(fresh, self._first_step(), self.h)

    # -- what a method is -----------------------------------------------------------------------------
    def _allocate(self) -> None:
        """Make room for the present sets."""

    def _attempt(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the states after steps `h`, and estimates of their errors."""
        raise NotImplementedError

    def _between(self, columns: np.ndarray, part: np.ndarray, h: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return states within the last attempt, at parts of the steps of some columns."""
        raise NotImplementedError

    def _accept(self, accepted: np.ndarray) -> None:
        """Note which steps of the attempt count."""

    def _kept(self, keep: np.ndarray) -> None:
        """Make room anew for those sets that are kept."""
        self._allocate()

    def _make_room(self) -> None:
        # Arrays of this size are returned to the system when they are freed, and cost more to get than to fill.
        self._weight, self._buffer = np.empty_like(self.x), np.empty_like(self.x)

    # -- steps ----------------------------------------------------------------------------------------
    def _first_step(self) -> np.ndarray:
        f = np.empty_like(self.x)
        self.equations.rhs(self.t, self.x, self.constants, f)
        size = np.maximum(np.abs(self.x), self.atol / self.rtol)
        with np.errstate(all="ignore"):
            step = _FIRST_MOVE * np.min(np.where(f == 0.0, np.inf, size / np.abs(f)), axis=0, initial=np.inf)
        return np.fmin(step, self.end - self.t)

    def go(self, max_steps: int, fewest: int = 0) -> int:
        """Take steps until all sets have come to the end or stopped; return how many.

        After 200 steps, no more than `fewest` sets that are still on their way are left where they are.
        """
        taken = 0
        with np.errstate(all="ignore"):
            while taken < max_steps:
                self._step()
                taken += 1
                n_running = np.count_nonzero(self.running)
                if n_running <= (fewest if taken >= _PATIENCE else 0):
                    break
                if n_running < (1.0 - _IDLE_PART) * self.sets.size:
                    self._compact()
        self._store()
        return taken

    def _store(self) -> None:
        self.last_t[self.sets], self.last_x[:, self.sets], self.last_h[self.sets] = self.t, self.x, self.h

    def _compact(self) -> None:
        self._store()
        keep = self.running
        self.sets, self.t, self.h, self._next = self.sets[keep], self.t[keep], self.h[keep], self._next[keep]
        self.x, self.atol = np.ascontiguousarray(self.x[:, keep]), np.ascontiguousarray(self.atol[:, keep])
        self.constants = subset(self.constants, keep)
        self.running = np.ones(self.sets.size, dtype=bool)
        self._make_room()
        self._kept(keep)

    def _step(self) -> None:
        rest = self.end - self.t
        # A last step that would leave a rest of rounding size goes to the end; two short ones replace a tiny one.
        h = np.minimum(self.h, self._max_step)
        h = np.where(h >= rest * (1.0 - _STANDSTILL), rest, np.where(2.0 * h > rest, 0.5 * rest, h))
        h = np.where(self.running, h, 1.0)
        after, error = self._attempt(h)
        weight = np.maximum(np.abs(self.x, out=self._weight), np.abs(after, out=self._buffer), out=self._weight)
        weight *= self.rtol
        weight += self.atol
        error /= weight
        error *= error
        size = np.sqrt(error.mean(axis=0))  # a NaN stays one
        accepted = (size <= 1.0) & self.running
        reached = np.where(accepted, np.where(h == rest, self.end, self.t + h), self.t)
        if self._grid is not None:
            self._interpolate(h, reached, after)
        self.t = reached
        if accepted.all():
            self.x[...] = after
        else:
            np.copyto(self.x, after, where=accepted)
        self._accept(accepted)
        self._choose(h, size, accepted)
        self.running &= (self.t < self.end) & (self.h > _STANDSTILL * np.abs(self.t))

    def _choose(self, h: np.ndarray, size: np.ndarray, accepted: np.ndarray) -> None:
        """Choose the next steps."""
        ratio = _SAFETY * np.maximum(size, _SMALLEST_ERROR) ** (-1.0 / _ERROR_ORDER)
        ratio = np.where(np.isfinite(size), np.clip(ratio, _SHORTEST_RATIO, _LONGEST_RATIO), _SHORTEST_RATIO)
        proposed = h * np.where(accepted, ratio, np.minimum(ratio, 1.0))
        # A step that was cut at the end says nothing against a longer one.
        proposed = np.where(accepted & (h < self.h), np.maximum(proposed, self.h), proposed)
        self.h = np.where(self.running, proposed, self.h)

    def _interpolate(self, h: np.ndarray, reached: np.ndarray, after: np.ndarray) -> None:
        grid = self._grid
        assert grid is not None
        assert self._out is not None
        counts = np.maximum(np.searchsorted(grid, reached, side="right") - self._next, 0)
        total = int(counts.sum())
        if not total:
            return
        columns = np.repeat(np.arange(counts.size), counts)
        times = np.arange(total) - (np.cumsum(counts) - counts)[columns] + self._next[columns]
        part = (grid[times] - self.t[columns]) / h[columns]
        self._out[self.sets[columns], times] = self._between(columns, part, h, after).T
        self._next = self._next + counts
