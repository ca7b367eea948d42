"""An integrator that goes step by step, knows the solution between its steps, and can start anew at any time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from skperturb.sbml._solving.domain import Domain

__all__ = ["Stepper"]

# The first step after a failure: this part of the interval, but no less than the time itself resolves a hundredfold.
# An integrator's own guess may be far too long where rates rise by many decades at once.
_CAUTIOUS = 1e-10
_RESOLVED = 1e-14
# Where a step fails, the errors that pass as small are made a hundred times smaller: Newton's iteration starts closer.
_TIGHTER = 1e-2
_TIGHTEST = 1e-12  # relative tolerance; at ten times less SciPy's integrators only meet rounding
# So many steps in a row that leave the time where it is are a standstill; one or two happen after a restart.
_STANDSTILL = 50


class Stepper:
    """Steps of one of SciPy's integrators, and of the others where that one gives up.

    Parameters
    ----------
    rhs, jacobian : callable
        Functions of time and state.
    method : {"LSODA", "BDF", "Radau"}
        Integrator.
    non_negative : ndarray of bool or None, default=None
        Variables that are amounts: where the right-hand side is undefined at traces below zero, it is that at zero.
    **options : dict
        Options of the integrator.

    Attributes
    ----------
    failure : str or None
        Why the last step failed.
    left_at : tuple or None
        Time and state at which the right-hand side was last found not to be finite, and where it was not.
    """

    def __init__(
        self,
        rhs: Callable,
        jacobian: Callable,
        method: str,
        *,
        non_negative: np.ndarray | None = None,
        **options: Any,
    ) -> None:
        self._rhs, self._jacobian, self._method, self._options = Domain(rhs, non_negative), jacobian, method, options
        self._solver: Any = None
        self._dense: Any = None
        self._last_step: float | None = None
        self._still = 0
        self.failure: str | None = None

    @property
    def left_at(self) -> tuple[float, np.ndarray, np.ndarray] | None:
        return self._rhs.left_at

    @property
    def last_step(self) -> float:
        """Length of the last step, 0 before the first."""
        return self._last_step or 0.0

    def restart(self, *, atol: float | np.ndarray | None = None) -> None:
        """Forget the solution: the state or the equations have changed; with `atol` errors are measured by that."""
        self._solver = self._dense = None
        if atol is not None:
            self._options["atol"] = atol

    def reach(self, time: float) -> float:
        """Return the time up to which the solution is known; `time` where it is not."""
        if self._dense is not None:
            return self._dense.t_max
        return time if self._solver is None or self._solver.t_old is None else self._solver.t

    def solution(self, time: float | np.ndarray) -> np.ndarray:
        """Return the state at a time within the last step, or at several as columns."""
        if self._dense is None:
            if isinstance(time, float) and time == self._solver.t:
                return self._solver.y
            self._dense = self._solver.dense_output()
        return self._dense(time)

    def step(self, time: float, state: np.ndarray, bound: float) -> None:
        """Take a step from where the last one ended, or from `time`; none goes beyond `bound`."""
        if not state.size:
            self._dense = _Constant(time, bound, state)
            return
        self._dense = None
        if self._solver is None or self._solver.status != "running":
            self._start(time, state, bound, self._method, first_step=self._last_step)
        if self.failure is not None or self._solver is None:
            return
        message = self._attempt(time)
        if message is not None:
            message = self._try_again(time, state, bound, message)
        if self._solver is None:
            return
        if message is not None:
            self.failure = message
        else:
            self._last_step = self._solver.step_size or None

    def _attempt(self, time: float) -> str | None:
        """Take a step; return why it is none."""
        self._rhs.left_at = None
        solver = self._solver
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                message = solver.step()
            except (ArithmeticError, ValueError) as error:
                # SciPy's linear algebra raises where a step meets numbers that are not finite.
                return str(error)
        if solver.status == "failed":
            # LSODA names its trouble in a warning, the others in what the step returns.
            return str(caught[-1].message) if caught else message or "the integrator failed"
        if not np.isfinite(solver.y).all():
            return "the solution is not finite"
        if self._rhs.left_at is not None and not self._rhs.holds(solver.t, solver.y):
            return "the right-hand side is not finite"
        self._still = self._still + 1 if solver.t == solver.t_old else 0
        return "its steps have come down to the rounding of the time" if self._still >= _STANDSTILL else None

    def _try_again(self, time: float, state: np.ndarray, bound: float, message: str) -> str | None:
        """Start anew where a step failed: more cautiously, with tighter tolerances, then with other methods.

        Whatever succeeds goes on from there until the next restart.
        """
        cautious = max(min(_CAUTIOUS * (bound - time), self._last_step or np.inf), _RESOLVED * abs(time))
        others = [method for method in ("BDF", "Radau") if method != self._method]
        rungs = [(self._method, cautious, 1.0), (self._method, cautious, _TIGHTER), *((m, None, 1.0) for m in others)]
        for method, first_step, part in rungs:
            try:
                self._start(time, state, bound, method, first_step=first_step, part=part)
            except (ArithmeticError, ValueError):
                continue
            if self.failure is not None or self._solver is None:
                return self.failure
            self._still = 0
            failed = self._attempt(time)
            if failed is None:
                return None
        return message

    def _start(
        self,
        time: float,
        state: np.ndarray,
        bound: float,
        method: str,
        *,
        first_step: float | None = None,
        part: float = 1.0,
    ) -> None:
        from scipy import integrate

        # What was known beyond this time belongs to the solver that is replaced.
        self._solver = self._dense = None
        self._rhs.forbids = method == "LSODA"
        if not self._rhs.holds(time, state):
            self.failure = "the right-hand side is not finite"
            self._rhs.left_at = (time, state, ~np.isfinite(self._rhs.raw(time, state)))
            return
        if bound - time <= _RESOLVED * abs(bound):
            # No step fits between two times that differ by rounding only.
            self._dense = _Constant(time, bound, state)
            return
        options = self._options | {"first_step": None if first_step is None else min(first_step, bound - time)}
        if part != 1.0:
            options |= {name: options[name] * part for name in ("rtol", "atol") if name in options}
            options["rtol"] = max(options.get("rtol", 0.0), _TIGHTEST)
        # The guess of a first step measures rates by a norm, which overflows where these are huge.
        with np.errstate(over="ignore", invalid="ignore"):
            solver = getattr(integrate, method)(self._rhs, time, state, bound, jac=self._finite_jacobian, **options)
        self._solver = solver

    def _finite_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        # An infinite slope costs the corrector some steps, not accuracy; a NaN would end the run.
        return np.nan_to_num(self._jacobian(t, x), copy=False, nan=0.0, posinf=0.0, neginf=0.0)


class _Constant:
    """The solution of a model without states, or over an interval too short for a step."""

    def __init__(self, start: float, end: float, state: np.ndarray) -> None:
        self.t_min, self.t_max = start, end
        self._state = state

    def __call__(self, time: float | np.ndarray) -> np.ndarray:
        return self._state if np.ndim(time) == 0 else np.repeat(self._state[:, None], np.size(time), axis=1)
