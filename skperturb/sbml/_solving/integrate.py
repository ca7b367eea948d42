"""One LSODA run over a kinetic model with its exact Jacobian, advanced checkpoint by checkpoint; what bounds a run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from time import process_time
from typing import Any

import numpy as np
from scipy.integrate import ode

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.domain import Domain
from skperturb.sbml._solving.stepper import Stepper

__all__ = ["Budget", "Trajectory", "absolute_tolerance", "non_negative", "scale_of", "too_slow", "where_left"]

# Parts of the largest variable; no unit. A variable below the first part is measured against it: species of one
# model differ by six decades where both matter. Ten times less and a trace's rounding keeps a state from resting, ten
# times more and rare species are not looked at. The second part is for what decays altogether: the rest of a pool
# that has faded by nine decades is nothing.
_TRACE = 1e-6
_TRACE_OF_START = 1e-9
# The search's absolute tolerance is `rtol` times these parts: of a variable's own initial value, and of the largest
# for those that start at zero, which may become as large as the others or stay much smaller. Ten times more blurs
# traces that decide where a bistable model goes, ten times less costs a fifth more steps.
_OWN_PART = 1e-2
_LARGEST_PART = 1e-4
# Seconds of processor time after which a run ends unless, at its pace, so many times as long suffice: models of users
# take less than a minute as a rule, and nobody waits for one that would take a day.
_MOST_SECONDS, _SECONDS_PATIENCE = 60.0, 10.0
# The clock is read once in so many steps.
_STEPS_PER_LOOK = 64
# LSODA runs through thousands of steps in one call: there the clock is read once in so many evaluations.
_EVALUATIONS_PER_LOOK = 256
# LSODA's return code for a call that used up its steps; the other negative ones mean that it cannot go on.
_EXCESS_WORK = -1
# A step of this part of the time or less, after thousands of others, leads nowhere.
_STANDSTILL = 1e-10
# So often LSODA is handed the work back where another integrator has helped it over a difficult spot.
_MOST_RESCUES = 5


def scale_of(x: np.ndarray, x0: np.ndarray | None = None) -> np.ndarray:
    """Return the size of each variable, never zero: ``max(|x|, 1e-6 max|x|)``.

    With `x0` the largest initial value counts a little as well, so that a system that decays to nothing
    is still measured against what it started from.
    """
    size = np.abs(x)
    largest = size.max(initial=0.0)
    floor = _TRACE * largest
    if x0 is not None:
        floor = max(floor, _TRACE_OF_START * np.abs(x0).max(initial=0.0))
    return np.maximum(size, floor if floor > 0.0 else 1.0)


def absolute_tolerance(x0: np.ndarray, rtol: float) -> np.ndarray:
    """Return the default absolute tolerance: `rtol` of a small fraction of the initial values."""
    size = np.abs(x0)
    largest = size[np.isfinite(size)].max(initial=0.0)
    return rtol * np.maximum(_OWN_PART * size, _LARGEST_PART * (largest if largest > 0.0 else 1.0))


def non_negative(model: Equations) -> np.ndarray | None:
    """Mark the variables that are amounts of something: changed by reactions, not by a rule, and not below zero."""
    ruled = getattr(model, "is_rate_rule", None)
    return None if ruled is None else ~np.asarray(ruled, dtype=bool) & (np.asarray(model.x0) >= 0.0)


def too_slow(steps: float, covered: float, asked: float, limit: float, patience: float = 10.0) -> bool:
    """Say whether a run of more than `limit` steps would need more than `patience` times as many for all the time."""
    return steps > limit and steps * asked > patience * limit * covered


def where_left(variables: Sequence[str], left_at: tuple[float, np.ndarray, np.ndarray] | None) -> str:
    """Say at which time and state the right-hand side was not finite; nothing if it was everywhere."""
    if left_at is None:
        return ""
    time, state, undefined = left_at
    rates = ", ".join(f"'{variables[k]}'" for k in np.flatnonzero(undefined)[:5])
    # What is negative or no number is the reason as a rule; then the others, in order.
    order = sorted(range(len(variables)), key=lambda k: bool(state[k] >= 0.0))
    values = ", ".join(f"{variables[k]} = {state[k]:.6g}" for k in order[:5])
    return f" (d/dt of {rates} is not finite at t = {time:.9g}, where {values})"


class Budget:
    """What a run may cost in steps and in seconds of processor time.

    Parameters
    ----------
    steps : int
        Number of steps after which a run ends unless `patience` times as many, at its pace, bring it to the end.
    patience : float
        See `steps`.
    start : float, default=0.0
        Time at which the run starts.
    seconds, patience_in_seconds : float, default=(60.0, 10.0)
        Likewise for the seconds.
    """

    def __init__(
        self,
        steps: int,
        patience: float,
        *,
        start: float = 0.0,
        seconds: float = _MOST_SECONDS,
        patience_in_seconds: float = _SECONDS_PATIENCE,
    ) -> None:
        self._steps, self._patience, self._start = steps, patience, start
        self._seconds, self._patience_in_seconds = seconds, patience_in_seconds
        self._began = process_time()

    def exceeded(self, steps: int, time: float, end: float) -> str | None:
        """Return which bound a run to `end` has met after `steps` steps at `time`; None if it may go on."""
        covered, asked = time - self._start, end - self._start
        if too_slow(steps, covered, asked, self._steps, self._patience):
            return f"about {steps} steps have hardly brought it forward"
        if steps % _STEPS_PER_LOOK == 0:
            seconds = process_time() - self._began
            if too_slow(seconds, covered, asked, self._seconds, self._patience_in_seconds):
                return f"{seconds:.0f} seconds have hardly brought it forward"
        return None


class _OutOfTimeError(Exception):
    """Ends an integrator in the midst of a call."""


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
    end : float, default=inf
        Time to which the run will go.
    seconds, patience : float, default=(60.0, 10.0)
        Seconds of processor time after which the run ends unless, at its pace, `patience` times as many bring it to
        the end.

    Attributes
    ----------
    time, state
        Where the trajectory stands.
    failure : str or None
        Why it cannot be followed any further.
    may_change_method : bool
        Whether other integrators go on where LSODA gives up.
    gave_up : bool
        Whether that is since no integrator could take another step, and not since a bound was met.
    left_at : tuple or None
        Time and state at which the right-hand side was last found not to be finite.
    """

    def __init__(
        self,
        model: Equations,
        *,
        rtol: float,
        atol: float | np.ndarray,
        max_steps: int,
        max_step: float = 0.0,
        end: float = np.inf,
        seconds: float = _MOST_SECONDS,
        patience: float = _SECONDS_PATIENCE,
    ) -> None:
        self.variables = tuple(model.variables)
        self.time = float(getattr(model, "start_time", 0.0))
        self.state = np.array(model.x0, dtype=float)
        self.failure: str | None = None
        self.gave_up = False
        self.may_change_method = True
        self.n_evaluations = 0
        self._model, self._max_steps = model, max_steps
        self._began, self._asked = process_time(), end - self.time
        self._start, self._seconds, self._patience = self.time, seconds, patience
        amounts = non_negative(model)
        self._rhs = Domain(self._counted_rhs, amounts)
        self._rhs.forbids = True
        self._solver = ode(self._rhs, self._finite_jacobian)
        self._solver.set_integrator(
            "lsoda", rtol=rtol, atol=atol, nsteps=max_steps, max_step=max_step, with_jacobian=True
        )
        self._solver.set_initial_value(self.state, self.time)
        options: dict[str, Any] = {"rtol": rtol, "atol": atol, "max_step": max_step or np.inf, "non_negative": amounts}
        self._new_stepper = lambda method: Stepper(self._counted_rhs, self._jacobian, method, **options)
        self._stepper = self._new_stepper("LSODA")
        self._rescues = 0

    @property
    def left_at(self) -> tuple[float, np.ndarray, np.ndarray] | None:
        return self._stepper.left_at or self._rhs.left_at

    def _counted_rhs(self, t: float, x: np.ndarray) -> np.ndarray:
        self.n_evaluations += 1
        if self.n_evaluations % _EVALUATIONS_PER_LOOK == 0:
            spent = process_time() - self._began
            if too_slow(spent, t - self._start, self._asked, self._seconds, self._patience):
                raise _OutOfTimeError
        return self._model.rhs(t, x)

    def _jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        return self._model.jacobian(t, x)

    def _finite_jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        # The derivative of x**0.5 at 0 is infinite. LSODA needs the Jacobian for its corrector only, so a
        # wrong entry costs steps, not accuracy, whereas a NaN ends the run.
        return np.nan_to_num(self._model.jacobian(t, x), copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def resume(self, max_steps: int) -> None:
        """Go on after a failure, with another limit for the steps in a call of `advance`."""
        self.failure, self._max_steps = None, max_steps
        self._solver._integrator.nsteps = max_steps
        self._solver.set_initial_value(self.state, self.time)

    def advance(self, time: float) -> bool:
        """Integrate to `time`; return False, and set `failure`, when that is impossible."""
        if self.failure is not None:
            return False
        try:
            return self._advance(time)
        except _OutOfTimeError:
            self.failure = f"more than {self._seconds:.0f} seconds of processor time have hardly brought it forward"
            return False

    def _advance(self, time: float) -> bool:
        if self.state.size == 0 or time == self.time:
            self.time = time
            return True
        if self._rescues > _MOST_RESCUES:
            return self._rescue(time)
        self._rhs.left_at, self._rhs.mended = None, 0
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            state = np.asarray(self._solver.integrate(time), dtype=float)
        reached = float(self._solver.t)
        finite = bool(np.isfinite(state).all())
        if finite and self._solver.successful() and (self._rhs.left_at is None or self._rhs.holds(time, state)):
            self.time, self.state = time, state.copy()
            return True
        if finite and self._rhs.holds(reached, state):
            self.time, self.state = reached, state.copy()
        if finite and self._solver.get_return_code() == _EXCESS_WORK:
            if self._rhs.mended and self.may_change_method:
                # Where an amount has run out its rates have a kink, at which LSODA's high orders go back and forth.
                self._stepper, self._rescues = self._new_stepper("BDF"), _MOST_RESCUES
                return self._rescue(time)
            self.failure = f"more than {self._max_steps} steps"
            self.gave_up = self._stands_still(time)
            return False
        if not self.may_change_method:
            self.failure = str(caught[-1].message) if caught else "LSODA failed"
            self.gave_up = True
            return False
        return self._rescue(time)

    def _stands_still(self, time: float) -> bool:
        """Say whether the next step is of the size of rounding errors of the time."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._solver.integrate(time, step=True)
        return float(self._solver.t) - self.time <= _STANDSTILL * abs(self.time)

    def _rescue(self, time: float) -> bool:
        """Go on where LSODA gave up: with a short step, a tighter tolerance, another method."""
        self._rescues += 1
        stepper = self._stepper
        stepper.restart()
        state = self.state
        for _ in range(self._max_steps):
            stepper.step(self.time, state, time)
            if stepper.failure is not None:
                break
            self.time = stepper.reach(self.time)
            state = self.state = np.array(stepper.solution(self.time), dtype=float)
            if self.time >= time:
                self._solver.set_initial_value(self.state, time)
                return True
        self.failure = stepper.failure or f"more than {self._max_steps} steps"
        self.gave_up = stepper.failure is not None
        return False
