"""Newton's method and pseudo-transient continuation that keep every conserved total."""

from __future__ import annotations

import warnings
from time import process_time

import numpy as np
import scipy.linalg as sla

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.integrate import scale_of

__all__ = ["LawKeepingSystem", "solve_safely"]

# All numbers below are parts of a variable's scale or of a matrix's largest entry; they have no unit.
#
# Singular values under this part of the largest are zero in a least-squares step. Rows are equilibrated, so rounding
# leaves a few 1e-16: ten times less takes rounding for a direction and steps along it without bound, ten times more
# drops the slow direction of models whose time scales span 13 decades.
_SINGULAR = 1e-13
# Steps: a polish ends at a step of rounding size (1e-12, a few thousand roundings: with ten times less it never ends
# where rates nearly cancel), or at a short one (1e-8) that no longer shrinks by half, which is where rounding of the
# rates themselves begins. With ten times more than 1e-8 slow linear convergence at a singular root would count.
_ROUNDING_STEP = 1e-12
_SHORT_STEP = 1e-8
_STAGNATION = 0.5
# After so many iterations a step that is ten times the last one is divergence; before, a first long step is normal.
_FIRST_ITERATIONS = 8
_DIVERGING = 10.0
# The last step of an iteration that used up its count may be this long; the check that follows is far stricter.
_LAST_STEP = 1e-6
# Negative amounts above this part of the largest variable are rounding of sums of large fluxes, not matter owed; it is
# the relative accuracy that a polished state has. Ten times more would set real negative roots of bad models to 0.
_DUST = 1e-9
# A variable that the trajectory itself has taken below this part of the largest one really is negative: far above the
# integrator's error (1e-7), far below what a signed quantity shows.
_CLEARLY_NEGATIVE = 1e-3
# A full Newton step that would pass zero stops a tenth short of it.
_TOWARDS_ZERO = 0.9
# Pseudo-transient continuation: damping is an inverse time step, in 1 / time of the scaled equations. It starts at the
# fastest rate, is quartered after a step that moves little (below 0.3 of a scale: linear theory holds) and eased by
# 1.5 otherwise; four times more after a step that leaves the allowed region. Its floor, 1e-14 of the start, is a time
# step at which damping is below rounding; its ceiling only says that no step is short enough.
_LITTLE_MOVED = 0.3
_QUICKER, _SLOWER = 4.0, 1.5
_WEAKEST_DAMPING = 1e-14
_STRONGEST_DAMPING = 1e20
# A variable may grow tenfold in one step; what is below a thousandth of the largest is measured against that.
_LARGEST_GROWTH = 10.0
_SMALL_VARIABLE = 1e-3


def solve_safely(matrix: np.ndarray, rhs: np.ndarray) -> np.ndarray | None:
    """Solve ``matrix @ d = rhs``, in the least-squares sense if singular; None if not finite.

    Some LAPACK drivers do not return on non-finite input, so that never reaches them.
    """
    if not (np.isfinite(matrix).all() and np.isfinite(rhs).all()):
        return None
    # Rates of different speed stand in different rows: equilibration keeps them from looking singular.
    size = np.abs(matrix).max(axis=1, initial=0.0)
    size[size == 0.0] = 1.0
    matrix, rhs = matrix / size[:, None], rhs / size
    with warnings.catch_warnings():
        warnings.simplefilter("error", sla.LinAlgWarning)
        try:
            solution = sla.solve(matrix, rhs, check_finite=False)
        except (sla.LinAlgError, sla.LinAlgWarning):
            try:
                solution = sla.lstsq(matrix, rhs, cond=_SINGULAR, check_finite=False)[0]
            except sla.LinAlgError:
                return None
    return solution if np.isfinite(solution).all() else None


class LawKeepingSystem:
    r"""The equations ``f(t, x) = 0`` together with the totals of the initial state.

    Parameters
    ----------
    model : Equations
        The model.
    laws : ndarray of shape (n_laws, n_variables)
        Conservation laws in the units of the variables.

    Notes
    -----
    With scaled coordinates :math:`z = x / s` and an orthonormal basis :math:`W` of the scaled laws, a
    step solves :math:`(J_s - \sigma W W^T) d = -f_s + \sigma W W^T (z - z_0)`. Since :math:`W^T J_s = 0`,
    the step restores the totals of the initial state and no variable has to be eliminated.
    """

    def __init__(self, model: Equations, laws: np.ndarray) -> None:
        self.model = model
        self.laws = laws
        self.x0 = np.asarray(model.x0, dtype=float)
        # Amounts of matter that start non-negative stay so; a voltage under a rate rule need not.
        self.non_negative = ~np.asarray(model.is_rate_rule, dtype=bool) & (self.x0 >= 0.0)
        # Processor time after which no step is taken any more.
        self.deadline = np.inf

    def allow_negative(self, x: np.ndarray) -> None:
        """Drop the bound of the variables that the trajectory itself has taken clearly below zero."""
        self.non_negative = self.non_negative & ~(x < -_CLEARLY_NEGATIVE * np.abs(x).max(initial=0.0))

    def basis(self, scale: np.ndarray) -> np.ndarray:
        """Return an orthonormal basis (n_variables, n_laws) of the laws in scaled coordinates."""
        if not len(self.laws):
            return np.zeros((scale.size, 0))
        # Each law in units of its own largest variable: no overflow in the norm, however far a state has gone, and no
        # underflow, however small the variables of one law are beside the others.
        support = self.laws != 0
        largest = np.where(support, scale, 0.0).max(axis=1, keepdims=True)
        ratio = np.divide(scale, largest, out=np.zeros(self.laws.shape), where=support)
        scaled = self.laws * ratio
        scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
        return np.linalg.qr(scaled.T)[0]

    def linearize(self, t: float, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scaled right-hand side and Jacobian, which may be non-finite."""
        f = np.asarray(self.model.rhs(t, x), dtype=float) / scale
        jacobian = np.asarray(self.model.jacobian(t, x), dtype=float) * scale / scale[:, None]
        return f, jacobian

    def step(self, t: float, x: np.ndarray, scale: np.ndarray, *, damping: float = 0.0) -> np.ndarray | None:
        """Return the Newton step at `x` in scaled coordinates, shortened by ``damping`` on the diagonal."""
        if process_time() > self.deadline:
            return None
        f, jacobian = self.linearize(t, x, scale)
        if not (np.isfinite(f).all() and np.isfinite(jacobian).all()):
            return None
        basis = self.basis(scale)
        sigma = np.abs(jacobian).max(initial=0.0) or 1.0
        drift = basis @ (basis.T @ ((x - self.x0) / scale))
        matrix = jacobian - sigma * (basis @ basis.T)
        if damping:
            matrix[np.diag_indices_from(matrix)] -= damping
        return solve_safely(matrix, -f + (sigma + damping) * drift)

    def polish(self, t: float, x: np.ndarray, *, limit: float | None, max_iterations: int = 20) -> np.ndarray | None:
        """Iterate Newton from `x`; return where it settles, None where it does not.

        With `limit` no variable may move farther than that fraction of its scale at the start.
        """
        start, scale = x, scale_of(x, self.x0)
        last = np.inf
        for iteration in range(max_iterations):
            here = scale_of(x, self.x0)
            step = self.step(t, x, here)
            if step is None:
                return None
            length = float(np.abs(step).max(initial=0.0))
            x = self._moved(x, here * step, damp=limit is None)
            if limit is not None and np.any(np.abs(x - start) > limit * scale):
                return None
            if length < _ROUNDING_STEP or (length < _SHORT_STEP and length > _STAGNATION * last):
                return self.without_rounding(t, x)
            if iteration > _FIRST_ITERATIONS and length > _DIVERGING * last:
                return None
            last = length
        return self.without_rounding(t, x) if last < _LAST_STEP else None

    def _moved(self, x: np.ndarray, step: np.ndarray, *, damp: bool) -> np.ndarray:
        if damp:
            # A full step through zero usually leads to a meaningless root: stop a tenth short of it.
            falling = self.non_negative & (x > 0.0) & (step < -_TOWARDS_ZERO * x)
            if falling.any() and not np.all(np.abs(step[falling]) <= x[falling] * (1 + 1e-9)):
                step = step * np.min(-_TOWARDS_ZERO * x[falling] / step[falling])
        return x + step

    def without_rounding(self, t: float, x: np.ndarray) -> np.ndarray:
        """Replace negative amounts of the size of rounding errors by zero."""
        dust = self.non_negative & (x < 0.0) & (x > -_DUST * scale_of(x, self.x0).max(initial=0.0))
        if not dust.any():
            return x
        cleaned = np.where(dust, 0.0, x)
        return cleaned if np.isfinite(self.model.rhs(t, cleaned)).all() else x

    def continue_pseudo_transient(self, t: float, x: np.ndarray, *, max_iterations: int = 200) -> np.ndarray | None:
        """Follow implicit Euler steps that lengthen as the residual falls, then finish with Newton."""
        scale = scale_of(x, self.x0)
        f, jacobian = self.linearize(t, x, scale)
        if not (np.isfinite(f).all() and np.isfinite(jacobian).all()):
            return None
        damping = max(np.abs(jacobian).max(initial=0.0), np.abs(f).max(initial=0.0)) or 1.0
        weakest = _WEAKEST_DAMPING * damping
        for _ in range(max_iterations):
            scale = scale_of(x, self.x0)
            step = self.step(t, x, scale, damping=damping)
            if step is None or not self._acceptable(t, x + scale * step, scale):
                damping *= _QUICKER
                if damping > _STRONGEST_DAMPING:
                    return None
                continue
            x = x + scale * step
            damping = max(damping / (_QUICKER if np.abs(step).max(initial=0.0) < _LITTLE_MOVED else _SLOWER), weakest)
            if damping <= weakest:
                break
        return self.polish(t, x, limit=None)

    def _acceptable(self, t: float, trial: np.ndarray, scale: np.ndarray) -> bool:
        if np.any(trial[self.non_negative] < -_DUST * scale[self.non_negative].max(initial=0.0)):
            return False
        growth = np.abs(trial) / np.maximum(scale, scale.max(initial=0.0) * _SMALL_VARIABLE)
        return bool(growth.max(initial=0.0) < _LARGEST_GROWTH and np.isfinite(self.model.rhs(t, trial)).all())
