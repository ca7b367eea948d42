"""One LSODA run over a kinetic model with its exact Jacobian, advanced checkpoint by checkpoint."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.integrate import ode

from skperturb.sbml._compiling.equations import Equations

__all__ = ["Trajectory", "absolute_tolerance", "scale_of", "too_slow"]


def scale_of(x: np.ndarray, x0: np.ndarray | None = None) -> np.ndarray:
    """Return the size of each variable, never zero: ``max(|x|, 1e-6 max|x|)``.

    With `x0` the largest initial value counts a little as well, so that a system that decays to nothing
    is still measured against what it started from.
    """
    size = np.abs(x)
    largest = size.max(initial=0.0)
    floor = 1e-6 * largest
    if x0 is not None:
        floor = max(floor, 1e-9 * np.abs(x0).max(initial=0.0))
    return np.maximum(size, floor if floor > 0.0 else 1.0)


def absolute_tolerance(x0: np.ndarray, rtol: float) -> np.ndarray:
    """Return the default absolute tolerance: `rtol` of a small fraction of the initial values."""
    size = np.abs(x0)
    largest = size[np.isfinite(size)].max(initial=0.0)
    # A variable that starts at zero may become as large as the others or stay much smaller.
    return rtol * np.maximum(1e-2 * size, 1e-4 * largest if largest > 0.0 else 1e-4)


def too_slow(steps: int, covered: float, asked: float, limit: int, patience: int = 10) -> bool:
    """Say whether a run of more than `limit` steps would need more than `patience` times as many for all the time."""
    return steps > limit and steps * asked > patience * limit * covered


class Trajectory:
    """The solution of an initial value problem, from its initial state onwards.

    Parameters
    ----------
    model : Equations
        The model.
    rtol : float
        Relative tolerance.
    atol : float or ndarray
        Absolute tolerance.
    max_steps : int
        Largest number of internal steps between two calls of `advance`.
    max_step : float, default=0.0
        Largest internal step; 0 for no limit.
    """

    def __init__(
        self,
        model: Equations,
        *,
        rtol: float,
        atol: float | np.ndarray,
        max_steps: int,
        max_step: float = 0.0,
    ) -> None:
        self.variables = tuple(model.variables)
        self.time = float(getattr(model, "start_time", 0.0))
        self.state = np.array(model.x0, dtype=float)
        self.failure: str | None = None
        self.n_evaluations = 0
        self._model = model
        self._solver = ode(self._counted_rhs, self._finite_jacobian)
        self._solver.set_integrator(
            "lsoda", rtol=rtol, atol=atol, nsteps=max_steps, max_step=max_step, with_jacobian=True
        )
        self._solver.set_initial_value(self.state, self.time)

    def _counted_rhs(self, t: float, x: np.ndarray) -> np.ndarray:
        self.n_evaluations += 1
        return self._model.rhs(t, x)

    def _finite_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        # The derivative of x**0.5 at 0 is infinite. LSODA needs the Jacobian for its corrector only, so a
        # wrong entry costs steps, not accuracy, whereas a NaN ends the run.
        return np.nan_to_num(self._model.jacobian(t, x), copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def advance(self, time: float) -> bool:
        """Integrate to `time`; return False, and set `failure`, when that is impossible."""
        if self.failure is not None:
            return False
        if self.state.size == 0 or time == self.time:
            self.time = time
            return True
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            state = np.asarray(self._solver.integrate(time), dtype=float)
        if not np.isfinite(state).all():
            self.failure = "the solution is not finite"
        elif not self._solver.successful():
            self.failure = str(caught[-1].message) if caught else "LSODA failed"
            self.time, self.state = float(self._solver.t), state.copy()
        else:
            self.time, self.state = time, state.copy()
        return self.failure is None
