"""The solutions of many initial value problems, explicit steps first and implicit ones where these become short."""

from __future__ import annotations

from typing import Any

import numpy as np

from skperturb.sbml._compiling.batched import BatchedEquations
from skperturb.sbml._solving.batched_run import BatchedRun, subset
from skperturb.sbml._solving.dormand_prince import DormandPrinceRun
from skperturb.sbml._solving.rosenbrock import RosenbrockRun

__all__ = ["BatchedTrajectories"]


class BatchedTrajectories:
    """Trajectories of many sets.

    Parameters
    ----------
    equations : BatchedEquations
        The equations.
    constants : list
        What `BatchedEquations.prepare` returned for the sets.
    x0 : ndarray of shape (n_variables, n_sets)
        Initial states.
    rtol : float
        Relative tolerance.
    atol : ndarray of shape (n_variables, n_sets)
        Absolute tolerances.
    max_step : float, default=inf
        Longest step.
    max_steps : int, default=10000
        Largest number of steps of each kind in one call of `advance`.
    fewest : int, default=0
        So many slow sets are given up.

    Attributes
    ----------
    state : ndarray of shape (n_variables, n_sets)
        Where the trajectories stand.
    time : ndarray of shape (n_sets,)
        The times of these states.
    alive : ndarray of bool of shape (n_sets,)
        Sets that could be followed so far, and are to be followed further.
    """

    def __init__(
        self,
        equations: BatchedEquations,
        constants: list[Any],
        x0: np.ndarray,
        *,
        rtol: float,
        atol: np.ndarray,
        max_step: float = np.inf,
        max_steps: int = 10_000,
        fewest: int = 0,
    ) -> None:
        self._fewest = fewest
        self._equations, self._constants = equations, constants
        self._rtol, self._atol, self._max_step, self._max_steps = rtol, atol, max_step, max_steps
        self.state, self.time = x0.copy(), np.zeros(x0.shape[1])
        self.alive = np.isfinite(x0).all(axis=0)
        self._explicit = self.alive.copy()
        self._step = np.full(x0.shape[1], np.nan)
        self.n_steps = [0, 0]

    def advance(self, end: float, grid: np.ndarray | None = None) -> np.ndarray | None:
        """Integrate all sets to a time; return the states (n_sets, n_times, n_variables) at the times of `grid`."""
        out = None if grid is None else np.full((self.time.size, grid.size, self._equations.size), np.nan)
        if out is not None and grid is not None:
            out[:, grid <= 0.0] = self.state.T[:, None, :]
        self._run(DormandPrinceRun, self.alive & self._explicit, end, grid, out)
        # What stopped on its way, for whatever reason, goes on with the method that is stable for all.
        self._explicit &= self.time >= end
        self._run(RosenbrockRun, self.alive & ~self._explicit, end, grid, out)
        self.alive &= self.time >= end
        return out

    def _run(
        self, kind: type[BatchedRun], which: np.ndarray, end: float, grid: np.ndarray | None, out: np.ndarray | None
    ) -> None:
        sets = np.flatnonzero(which & (self.time < end))
        if not sets.size:
            return
        part = None if out is None else out[sets]
        run = kind(
            self._equations,
            subset(self._constants, sets),
            self.time[sets],
            self.state[:, sets],
            end,
            rtol=self._rtol,
            atol=self._atol[:, sets],
            max_step=self._max_step,
            first_step=self._step[sets],
            grid=grid,
            out=part,
        )
        self.n_steps[kind is RosenbrockRun] += run.go(self._max_steps, self._fewest)
        self.time[sets], self.state[:, sets], self._step[sets] = run.last_t, run.last_x, run.last_h
        if out is not None:
            out[sets] = part
