"""Steps of an explicit Runge-Kutta method for many initial value problems at a time, until they become stiff."""

from __future__ import annotations

import numpy as np
from scipy.integrate import RK45

from skperturb.sbml._solving.batched_run import BatchedRun

__all__ = ["DormandPrinceRun"]

# The method is unstable for steps longer than 3.3 over the largest eigenvalue. Where stability decides the step and not
# accuracy, the controller goes back and forth around that; two thirds of it in ten steps more than steps that were
# clearly shorter say so. A non-stiff set that is handed on loses a factor of five at most, a stiff one that is not may
# take any number of steps.
_UNSTABLE = 2.0
_STIFF_STEPS = 10


class DormandPrinceRun(BatchedRun):
    """Explicit steps of order 5; a set whose steps are bounded by stability stops, with its time before the end.

    See `BatchedRun`. The coefficients are those of Dormand and Prince (J. Comput. Appl. Math. 6:19-26, 1980), the test
    for stiffness is that of Hairer and Wanner (Solving Ordinary Differential Equations II, 1996, chapter IV.2).
    """

    def _allocate(self) -> None:
        n, m = self.x.shape
        self._slopes = np.empty((7, n, m))
        self._moved, self._after, self._error, self._scratch = (np.empty((n, m)) for _ in range(4))
        self._weights = [np.array(RK45.A[stage, :stage]) for stage in range(6)]
        self._stiff = np.zeros(m, dtype=int)
        self._fresh = True

    def _attempt(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        equations, x, t, slopes = self.equations, self.x, self.t, self._slopes
        n, m = x.shape
        flat = slopes.reshape(7, n * m)
        if self._fresh:
            equations.rhs(t, x, self.constants, slopes[0])
            self._fresh = False
        moved, after, error, scratch = self._moved, self._after, self._error, self._scratch
        for stage in range(1, 6):
            np.dot(self._weights[stage], flat[:stage], out=moved.reshape(-1))
            moved *= h
            moved += x
            equations.rhs(t + RK45.C[stage] * h, moved, self.constants, slopes[stage])
        np.dot(RK45.B, flat[:6], out=after.reshape(-1))
        after *= h
        after += x
        equations.rhs(t + h, after, self.constants, slopes[6])
        # How fast the right-hand side changes between two points of one time, in scaled coordinates: the largest
        # eigenvalue, where that is what bounds the step.
        np.dot(RK45.E, flat, out=error.reshape(-1))
        error *= h
        np.abs(x, out=scratch)
        scratch *= self.rtol
        scratch += self.atol
        moved -= after
        moved /= scratch
        moved *= moved
        growth = np.subtract(slopes[6], slopes[5], out=self._buffer)
        growth /= scratch
        growth *= growth
        self._fastest = h * np.sqrt(growth.sum(axis=0) / moved.sum(axis=0))
        return after, error

    def _accept(self, accepted: np.ndarray) -> None:
        self._stiff = np.where(self._fastest > _UNSTABLE, self._stiff + 1, np.maximum(self._stiff - 1, 0))
        # The last slope of a step is the first of the next one.
        self._slopes[0] = np.where(accepted, self._slopes[6], self._slopes[0])
        self.running &= self._stiff < _STIFF_STEPS

    def _kept(self, keep: np.ndarray) -> None:
        first, stiff = self._slopes[0][:, keep], self._stiff[keep]
        self._allocate()
        self._slopes[0], self._stiff, self._fresh = first, stiff, False

    def _between(self, columns: np.ndarray, part: np.ndarray, h: np.ndarray, after: np.ndarray) -> np.ndarray:
        weights = RK45.P @ part ** np.arange(1, RK45.P.shape[1] + 1)[:, None]
        total = np.einsum("sc,snc->nc", weights, self._slopes[:, :, columns])
        return self.x[:, columns] + h[columns] * total
