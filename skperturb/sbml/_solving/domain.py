"""Right-hand sides that are not finite at some states, for integrators that cannot be told to take a step back.

CVODE rejects a trial step whose right-hand side is not finite and shortens it. SciPy's BDF and Radau do so as well, by
themselves; LSODA does not: the NaN passes its norms and ends the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["Domain", "without_traces"]

# What LSODA gets in place of a rate that is not finite, times one plus the state: no step of any length that it may
# still try has so small an error that it passes, and its square does not overflow for weights up to 1e50.
_FORBIDDING = 1e100
# A negative amount down to this part of the largest variable is an integrator's error, a trace of something that has
# run out: its rates are those of nothing. Below it, a model's own rates have taken an amount out of the domain.
_TRACE = 1e-6


def without_traces(x: np.ndarray, non_negative: np.ndarray) -> list[np.ndarray]:
    """Return a state with negative traces of amounts taken for nothing, and for as much above it; empty if none is."""
    traces = non_negative & (x < 0.0) & (x > -_TRACE * np.abs(x).max(initial=0.0))
    return [np.where(traces, 0.0, x), np.where(traces, -x, x)] if traces.any() else []


class Domain:
    """A right-hand side with the states at which it is defined.

    Parameters
    ----------
    rhs : callable
        Function of time and state.
    non_negative : ndarray of bool or None
        Variables that are amounts of something.

    Attributes
    ----------
    forbids : bool
        Whether a rate that is not finite is replaced by one that no step passes.
    mended : int
        How often traces below zero were taken for nothing.
    left_at : tuple or None
        Time and state of the last call at which no finite rates were found, and which rates were not finite.
    """

    def __init__(self, rhs: Callable, non_negative: np.ndarray | None = None) -> None:
        self._rhs = rhs
        self._non_negative = non_negative
        self.forbids = False
        self.mended = 0
        self.left_at: tuple[float, np.ndarray, np.ndarray] | None = None

    def raw(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return the rates as they are."""
        return self._rhs(t, x)

    def __call__(self, t: float, x: np.ndarray) -> np.ndarray:
        f = self._rhs(t, x)
        # One product says whether all is finite; it may overflow by itself, so a "no" is looked into.
        return f if math.isfinite(f.dot(f)) else self._mended(t, x, f)

    def _mended(self, t: float, x: np.ndarray, f: np.ndarray) -> np.ndarray:
        if np.isfinite(f).all():
            return f
        inside = self._without_traces(t, x)
        if inside is not None:
            self.mended += 1
            return inside
        self.left_at = (float(t), np.array(x), ~np.isfinite(f))
        return _FORBIDDING * (1.0 + np.abs(np.nan_to_num(x))) if self.forbids else f

    def _without_traces(self, t: float, x: np.ndarray) -> np.ndarray | None:
        """Return the rates with negative traces of amounts taken for nothing, None where they are not finite either."""
        if self._non_negative is None or not np.isfinite(x).all():
            return None
        # Nothing may be undefined itself, as the ratio of two amounts that have both run out.
        for inside in without_traces(x, self._non_negative):
            f = np.asarray(self._rhs(t, inside), dtype=float)
            if np.isfinite(f).all():
                return f
        return None

    def holds(self, t: float, x: np.ndarray) -> bool:
        """Say whether the rates at a state are finite."""
        return bool(np.isfinite(self._rhs(t, x)).all()) or self._without_traces(t, x) is not None
