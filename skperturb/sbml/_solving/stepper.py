"""An integrator that goes step by step, knows the solution between its steps, and can start anew at any time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Stepper"]


class Stepper:
    """Steps of one of SciPy's integrators.

    Parameters
    ----------
    rhs, jacobian : callable
        Functions of time and state.
    method : {"LSODA", "BDF", "Radau"}
        Integrator.
    **options : dict
        Options of the integrator.

    Attributes
    ----------
    failure : str or None
        Why the last step failed.
    """

    def __init__(self, rhs: Callable, jacobian: Callable, method: str, **options: Any) -> None:
        self._rhs, self._jacobian, self._method, self._options = rhs, jacobian, method, options
        self._solver: Any = None
        self._dense: Any = None
        self.failure: str | None = None

    def restart(self) -> None:
        """Forget the solution: the state or the equations have changed."""
        self._solver = self._dense = None

    def reach(self, time: float) -> float:
        """Return the time up to which the solution is known; `time` where it is not."""
        return time if self._dense is None else self._dense.t_max

    def solution(self, time: float | np.ndarray) -> np.ndarray:
        """Return the state at a time within the last step, or at several as columns."""
        return self._dense(time)

    def step(self, time: float, state: np.ndarray, bound: float) -> None:
        """Take a step from where the last one ended, or from `time`; none goes beyond `bound`."""
        if not state.size:
            self._dense = _Constant(time, bound, state)
            return
        if self._solver is None or self._solver.status != "running":
            self._start(time, state, bound, self._method)
        if self.failure is not None or self._solver is None:
            return
        message = self._attempt()
        if self._solver.status == "failed":
            message = self._try_again(time, state, bound) or message
        if self._solver is None:
            return
        if self._solver.status == "failed":
            self.failure = message or "the integrator failed"
        elif not np.isfinite(self._solver.y).all():
            self.failure = "the solution is not finite"
        else:
            self._dense = self._solver.dense_output()

    def _attempt(self) -> str | None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            return self._solver.step() or (str(caught[-1].message) if caught else None)

    def _try_again(self, time: float, state: np.ndarray, bound: float) -> str | None:
        """Start anew where a step failed: the integrator's own guess of the first step may be far too long."""
        message = None
        cautious = max(1e-10 * (bound - time), 1e-14 * abs(time))
        for method, first_step in ((self._method, cautious), ("BDF", None)):
            self._start(time, state, bound, method, first_step=first_step)
            if self.failure is not None or self._solver is None:
                return self.failure
            message = self._attempt()
            if self._solver.status != "failed":
                return None
        return message

    def _start(
        self, time: float, state: np.ndarray, bound: float, method: str, *, first_step: float | None = None
    ) -> None:
        from scipy import integrate

        # What was known beyond this time belongs to the solver that is replaced.
        self._solver = None
        if not np.isfinite(self._rhs(time, state)).all():
            self.failure = "the right-hand side is not finite"
            return
        if bound - time <= 1e-14 * abs(bound):
            # No step fits between two times that differ by rounding only.
            self._dense = _Constant(time, bound, state)
            return
        options = self._options | {"first_step": first_step}
        self._solver = getattr(integrate, method)(self._rhs, time, state, bound, jac=self._finite_jacobian, **options)

    def _finite_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self._jacobian(t, x), copy=False, nan=0.0, posinf=0.0, neginf=0.0)


class _Constant:
    """The solution of a model without states, or over an interval too short for a step."""

    def __init__(self, start: float, end: float, state: np.ndarray) -> None:
        self.t_min, self.t_max = start, end
        self._state = state

    def __call__(self, time: float | np.ndarray) -> np.ndarray:
        return self._state if np.ndim(time) == 0 else np.repeat(self._state[:, None], np.size(time), axis=1)
