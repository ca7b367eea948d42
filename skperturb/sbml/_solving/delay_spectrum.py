r"""Stability with delays: the rightmost roots of the characteristic equation.

Near a rest :math:`\dot y(t) = A_0\, y(t) + \sum_m A_m\, y(t - \tau_m)`, and deviations grow as
:math:`e^{\lambda t}` with :math:`\det(\lambda I - A_0 - \sum_m A_m e^{-\lambda \tau_m}) = 0`, which has
infinitely many roots. The derivative along time acts on pieces of the past, and its matrix on polynomials through
Chebyshev points has the rightmost roots as eigenvalues; Newton's method gives them their last digits.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from skperturb.sbml._compiling.delays import with_delays_as_parameters
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.derivative import differentiate

__all__ = ["rightmost_root"]

# Points in the past on which polynomials rest. They resolve roots up to about so many radians per longest lag; the
# rightmost roots are the slow ones, as a rule. More points cost the third power of time.
_FEWEST_POINTS, _MOST_POINTS = 10, 40
# Order of the largest matrix: some seconds.
_LARGEST = 1_500
# Roots that are polished, from the right: those that were found are off by far less than their distances.
_POLISHED = 6
_NEWTON_STEPS = 10
# Relative size of a Newton step that ends the polishing.
_CONVERGED = 1e-13


def rightmost_root(model: Equations, time: float, x: np.ndarray, n_laws: int) -> complex:
    """Return the root with the largest real part; those of conserved totals, which are zero, are left out.

    Parameters
    ----------
    model : Equations
        A model with delays.
    time : float
        Time of the state.
    x : ndarray of shape (n_variables,)
        A state at which nothing moves.
    n_laws : int
        Number of conserved totals.

    Returns
    -------
    root : complex
        NaN where the system is too large to tell or its derivatives are not finite, -inf without any root.

    References
    ----------
    .. [1] D. Breda, S. Maset and R. Vermiglio, "Pseudospectral differencing methods for characteristic roots of delay
       differential equations", SIAM J. Sci. Comput. 27:482-495, 2005.
    """
    now, past = _linearized(model, time, x)
    if not all(np.isfinite(matrix).all() for matrix in (now, *past.values())):
        return complex(np.nan)
    n = len(now)
    if not past:
        roots = np.linalg.eigvals(now)
    else:
        count = min(_MOST_POINTS, _LARGEST // n - 1)
        if count < _FEWEST_POINTS:
            return complex(np.nan)
        roots = np.linalg.eigvals(_generator(now, past, count))
    order = np.argsort(np.abs(roots))
    roots = roots[order[n_laws:]]
    best = roots[np.argsort(-roots.real)][:_POLISHED]
    polished = [_polished(now, past, root) for root in best]
    return max(polished, key=lambda root: root.real, default=complex(-np.inf))


def _linearized(model: Equations, time: float, x: np.ndarray) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """Return the matrix of the present and, by lag, those of the past."""
    system = with_delays_as_parameters(model)._system
    graph, n = system.graph, x.size
    seeds: dict[int, Hashable] = {graph.state(index): index for index in range(n)}
    for k, delay in enumerate(system.delays):
        seeds[graph.parameter(delay.parameter)] = ("delay", k)
    rows = differentiate(graph, [*system.rhs, *(delay.expression for delay in system.delays)], seeds)
    numbers = _at_rest(system, time, x)
    nodes = [node for row in rows for node in row.values()]
    values = iter(ArrayEvaluator(graph, nodes)(time, x, numbers))
    slopes = [{key: float(next(values)) for key in row} for row in rows]
    lags = [float(v) for v in ArrayEvaluator(graph, [delay.lag for delay in system.delays])(time, x, numbers)]
    now = np.zeros((n, n))
    past: dict[float, np.ndarray] = {}
    for i, row in enumerate(slopes[:n]):
        _spread(row, 0.0, 1.0, i, slopes[n:], lags, now, past)
    return now, past


def _at_rest(system, time: float, x: np.ndarray) -> list[float]:
    """Return the parameters with what is delayed as it is at the state."""
    numbers = list(system.parameter_values)
    for delay in system.delays:
        numbers[delay.parameter] = float(ArrayEvaluator(system.graph, [delay.expression])(time, x, numbers)[0])
    return numbers


def _spread(
    row: dict, lag: float, weight: float, i: int, inner: list[dict], lags: list[float], now: np.ndarray, past: dict
) -> None:
    """Add what a formula that is looked at a lag ago does to variable i; delays within delays add up."""
    for key, slope in row.items():
        if isinstance(key, tuple):
            _spread(inner[key[1]], lag + lags[key[1]], weight * slope, i, inner, lags, now, past)
        elif lag == 0.0:
            now[i, key] += weight * slope
        else:
            past.setdefault(lag, np.zeros_like(now))[i, key] += weight * slope


def _generator(now: np.ndarray, past: dict[float, np.ndarray], count: int) -> np.ndarray:
    """Return the matrix of the derivative along time, on values at Chebyshev points of the past."""
    n, longest = len(now), max(past)
    points, derivative = _chebyshev(count)
    matrix = np.zeros((n * (count + 1), n * (count + 1)))
    # The first point is the present, where the equation gives the derivative; elsewhere it is the polynomial's.
    matrix[n:] = np.kron(derivative[1:] * (2.0 / longest), np.eye(n))
    matrix[:n, :n] = now
    for lag, part in past.items():
        weights = _interpolation(points, 1.0 - 2.0 * lag / longest)
        matrix[:n] += np.kron(weights, part)
    return matrix


def _chebyshev(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points on [-1, 1], from 1 down, and the matrix that differentiates a polynomial through them."""
    points = np.cos(np.pi * np.arange(count + 1) / count)
    weights = np.ones(count + 1)
    weights[[0, -1]] = 2.0
    weights *= (-1.0) ** np.arange(count + 1)
    distance = points[:, None] - points + np.eye(count + 1)
    matrix = np.outer(weights, 1.0 / weights) / distance
    matrix -= np.diag(matrix.sum(axis=1))
    return points, matrix


def _interpolation(points: np.ndarray, at: float) -> np.ndarray:
    """Return by which sums of its values at Chebyshev points a polynomial has its value at another one."""
    distance = at - points
    if (np.abs(distance) < np.finfo(float).eps).any():
        return (np.abs(distance) < np.finfo(float).eps).astype(float)[None]
    weights = (-1.0) ** np.arange(points.size) / distance
    weights[[0, -1]] *= 0.5
    return (weights / weights.sum())[None]


def _polished(now: np.ndarray, past: dict[float, np.ndarray], root: complex) -> complex:
    """Return the root next to a number, by Newton's method on the smallest singular value."""
    start = root
    for _ in range(_NEWTON_STEPS):
        matrix = root * np.eye(len(now)) - now
        slope = np.eye(len(now), dtype=complex)
        for lag, part in past.items():
            delayed = part * np.exp(-root * lag)
            matrix = matrix - delayed
            slope = slope + lag * delayed
        left, singular, right = np.linalg.svd(matrix)
        change = left[:, -1].conj() @ slope @ right[-1].conj()
        if change == 0.0:
            return start
        step = singular[-1] / change
        root = root - step
        if abs(step) <= _CONVERGED * max(abs(root), 1.0):
            break
    # A step to another root would count one twice and lose one.
    return root if abs(root - start) <= 0.1 * max(abs(start), 1.0) else start
