"""Coarse trajectories of many sets of parameters to where they come to rest, with an estimate of their global error."""

from __future__ import annotations

from typing import Any

import numpy as np

from skperturb.sbml._solving.rosenbrock import GAMMA, RosenbrockRun

__all__ = ["RestingRun"]

# A set rests once a step as long as this part of its time ...
_LONG_STEP = 0.3
# ... moves no variable by more than this part of its scale: a tenth of what a polish may move it.
_SMALL_MOVE = 0.01
# ... and that is later than so many first steps, each of which moved the fastest variable by a thousandth: rates have
# fallen to a hundredth by then, instead of being looked at before anything has had time to move.
_LATE = 1e3
# exp(z) as a polynomial of u = 1 / (1 - gamma z), right to second order and zero for z -> -inf: the errors of the past
# travel with the factors of the step itself.
_POWERS = np.linalg.solve([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [1.0, 3.0, 6.0]], [1.0, 1.0 / GAMMA, 0.5 / GAMMA**2])
# Scales are no smaller than this part of the largest variable.
_TRACE = 1e-6


class RestingRun(RosenbrockRun):
    """Implicit steps of low accuracy that end where nothing moves any more; see `BatchedRun`.

    Attributes
    ----------
    rests : ndarray of bool of shape (n_sets,)
        Sets that have come to rest.
    uncertainty : ndarray of shape (n_sets,)
        The largest global error on the way, in parts of the scale of the variable that has it: the local errors,
        carried along by the linearized equations. Where two trajectories on both sides of a border between basins part,
        it grows to the distance of the states that they go to.
    error : ndarray of shape (n_variables, n_sets)
        The global error at the end.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rests = np.zeros(self.last_t.size, dtype=bool)
        self.uncertainty = np.zeros(self.last_t.size)
        self.error = np.zeros_like(self.last_x)
        self._error = np.zeros_like(self.x)
        self._before = self.x.copy()
        self._earliest = _LATE * self.h

    def _attempt(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        after, error = super()._attempt(h)
        self._tried = h
        np.copyto(self._before, self.x)
        return after, error

    def _accept(self, accepted: np.ndarray) -> None:
        scale = self._scale()
        power, carried = self._error, np.zeros_like(self._error)
        for weight in _POWERS:
            power = self.equations.implicit_lu.solve(self._factors, power * (-1.0 / (GAMMA * self._tried)))
            carried += weight * power
        carried += self._stages[-1]
        np.copyto(self._error, carried, where=accepted)
        worst = np.max(np.abs(self._error) / scale, axis=0)
        at = self.sets
        self.uncertainty[at] = np.fmax(self.uncertainty[at], np.where(np.isnan(worst), np.inf, worst))
        long = accepted & (self._tried > _LONG_STEP * self.t) & (self.t > self._earliest[at])
        rests = long & (np.max(np.abs(self.x - self._before) / scale, axis=0) <= _SMALL_MOVE)
        self.rests[at] |= rests
        self.running &= ~rests

    def _store(self) -> None:
        super()._store()
        self.error[:, self.sets] = self._error

    def _scale(self) -> np.ndarray:
        size = np.maximum(np.abs(self.x), np.abs(self._before))
        return np.maximum(size, np.maximum(_TRACE * size.max(axis=0), 1e-300))

    def _kept(self, keep: np.ndarray) -> None:
        super()._kept(keep)
        self._error = np.ascontiguousarray(self._error[:, keep])
        self._before = self.x.copy()
