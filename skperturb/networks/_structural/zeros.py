"""Responses that are zero whatever the kinetics: an exact test by arithmetic modulo a prime number.

A response is a quotient of polynomials in the derivatives of the rates. It is zero for all kinetics exactly if the
polynomial is zero, and a polynomial that is not zero vanishes at random values in a field of p elements with a
probability of at most its degree over p. So one inverse over a prime field decides all pairs, without a tolerance.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

__all__ = ["structural_zeros"]

# A prime below 2**31, so that a product of two residues fits into 64 bits.
_PRIME = 2**31 - 1
# Independent tries. One is wrong with a probability of at most n_nodes / _PRIME for each pair, two with its square.
_TRIES = 2
_LARGEST_DENOMINATOR = 10**6


def structural_zeros(
    stoichiometry: np.ndarray, dependence: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Tell which responses to a held node are zero for all values of the derivatives of the rates.

    Parameters
    ----------
    stoichiometry : ndarray of shape (n_nodes, n_reactions)
    dependence : ndarray of bool of shape (n_reactions, n_nodes)
        Whether a rate depends on a node; each such derivative is free.
    other : ndarray of bool of shape (n_nodes, n_nodes)
        Influences that no reaction carries; each is free.
    rng : Generator

    Returns
    -------
    ndarray of bool of shape (n_nodes, n_nodes)
        Column = held node. False where the structure leaves the response open because the equations are singular.
    """
    zeros = np.ones((len(other), len(other)), dtype=bool)
    integers = _integers(stoichiometry)
    totals = _left_null_space(integers)
    for _ in range(_TRIES):
        derivatives = np.where(dependence, rng.integers(1, _PRIME, dependence.shape), 0)
        matrix = (_product(integers, derivatives) + np.where(other, rng.integers(1, _PRIME, other.shape), 0)) % _PRIME
        zeros &= _zeros_of(matrix, totals)
    return zeros


def _zeros_of(matrix: np.ndarray, totals: np.ndarray) -> np.ndarray:
    n_nodes = len(matrix)
    sources = np.eye(n_nodes, dtype=np.int64)
    if len(totals):
        # Each total holds one node that no other holds: the equation of that node follows from the rest.
        replaced = _own_nodes(totals)
        matrix = matrix.copy()
        matrix[replaced] = totals
        broken = np.flatnonzero((totals != 0).any(axis=0))
        sources[:, broken] = 0
        sources[replaced[:, None], broken] = totals[:, broken]
    solution = _solve(matrix, sources)
    if solution is None:
        return np.zeros((n_nodes, n_nodes), dtype=bool)
    zeros = solution == 0
    # Where the response of the held node itself vanishes, the clamp has no answer.
    zeros[:, np.diag(solution) == 0] = False
    np.fill_diagonal(zeros, False)
    return zeros


def _integers(values: np.ndarray) -> np.ndarray:
    """Return each row as coprime multiples: literal stoichiometric numbers are fractions."""
    rows = []
    for row in values:
        fractions = [Fraction(float(value)).limit_denominator(_LARGEST_DENOMINATOR) for value in row]
        common = lcm(*(value.denominator for value in fractions))
        rows.append([int(value * common) % _PRIME for value in fractions])
    return np.array(rows, dtype=np.int64).reshape(values.shape)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    result = np.zeros((left.shape[0], right.shape[1]), dtype=np.int64)
    for k in np.flatnonzero((left != 0).any(axis=0)):
        rows = np.flatnonzero(left[:, k])
        result[rows] = (result[rows] + left[rows, k, None] * right[k] % _PRIME) % _PRIME
    return result


def _own_nodes(totals: np.ndarray) -> np.ndarray:
    """Return for each total, as `_left_null_space` makes them, the node that it alone holds with the coefficient 1."""
    alone = (totals != 0).sum(axis=0) == 1
    return np.array([np.flatnonzero(alone & (row == 1))[0] for row in totals], dtype=int)


def _left_null_space(integers: np.ndarray) -> np.ndarray:
    """Return a basis of the totals that no reaction changes, modulo the prime, over the nodes that reactions change."""
    members = np.flatnonzero((integers != 0).any(axis=1))
    reduced = integers[members].T.copy()
    pivots: list[int] = []
    for column in range(len(members)):
        row = len(pivots)
        candidates = np.flatnonzero(reduced[row:, column])
        if candidates.size:
            _eliminate(reduced, row, row + int(candidates[0]), column)
            pivots.append(column)
    free = [column for column in range(len(members)) if column not in set(pivots)]
    totals = np.zeros((len(free), len(integers)), dtype=np.int64)
    for total, column in zip(totals, free, strict=True):
        total[members[column]] = 1
        total[members[pivots]] = -reduced[: len(pivots), column] % _PRIME
    return totals


def _eliminate(work: np.ndarray, row: int, pivot: int, column: int) -> None:
    """Bring the row `pivot` to its place with 1 in the column, and clear the column in all other rows."""
    work[[row, pivot]] = work[[pivot, row]]
    work[row] = work[row] * pow(int(work[row, column]), -1, _PRIME) % _PRIME
    others = np.flatnonzero(work[:, column])
    others = others[others != row]
    work[others] = (work[others] - work[others, column, None] * work[row] % _PRIME) % _PRIME


def _solve(matrix: np.ndarray, sources: np.ndarray) -> np.ndarray | None:
    """Solve modulo the prime by Gauss-Jordan elimination; None where the matrix is singular."""
    work = np.hstack([matrix % _PRIME, sources % _PRIME])
    n = len(matrix)
    for column in range(n):
        candidates = np.flatnonzero(work[column:, column])
        if not candidates.size:
            return None
        _eliminate(work, column, column + int(candidates[0]), column)
    return work[:, n:]
