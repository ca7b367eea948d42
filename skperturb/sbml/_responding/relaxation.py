"""Where a linear system with conserved totals, known or not, comes to rest under a constant forcing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg as sla

__all__ = [
    "LAW_DUST",
    "PRECISION",
    "Relaxation",
    "equilibrated",
    "independent",
    "inverse_of",
    "law_rows",
    "null_space",
    "relax",
    "row_sizes",
    "sparse_basis",
]

# Relative error of an entry of the Jacobian: some units in the last place (2e-16). Ten times less, results that hold
# on rounding errors are given as numbers; ten times more, responses of stiff systems are called undefined.
PRECISION = 1e-15
# Smallest singular value, as part of the largest, that counts for the rank of an equilibrated matrix. Rounding leaves
# about n times 1e-16 of an exact zero. Ten times less, totals are missed and their variables respond by 1e15; ten
# times more, slow reactions beside fast ones (1e13 apart) pass for conserved totals.
_RANK_TOLERANCE = 1e-14
# Part of the first diagonal entry of a triangular factor with pivoting above which an entry counts for the rank beyond
# doubt: null vectors are then right to 1e-11, the size that `LAW_DUST` forgives. Ten times less, entries of laws that
# are zero come out as not; ten times more, the singular values are asked more often, which takes four times as long.
_CLEAR_RANK = 1e-5
# Reciprocal condition number of an equilibrated matrix at which it counts as singular; the same size for the same
# reason, so that a matrix that has lost rank above is not inverted.
_NEARLY_SINGULAR = 1e-14
# Part of the sum of its absolute terms below which a product is zero. The factors are themselves solutions of linear
# systems, right to about 1e-16 times a condition number of up to 1e7. Ten times less, totals that nothing feeds grow
# by rounding errors and the variables in them have no limit; ten times more, a slowly fed total counts as kept.
_CANCELLATION = 1e-9
# Part of the largest coefficient below which a coefficient of a conservation law is zero: laws come out of singular
# vectors right to about 1e-14, their sparse form divides by minors of these. Stoichiometric numbers differ by less
# than 1e4. Ten times less, laws seem to hold variables that they don't, so that a clamp of these breaks them.
LAW_DUST = 1e-11
# So many times its error bound must an entry of a growing mode be: the bound forgets that errors of the inverse are
# correlated, and what counts as growth by mistake takes away a limit. It may be large, as true entries are near 1.
_CERTAIN = 1e3
# Part of its length by which a vector must stick out of the span of others to be independent. Given laws are
# integers times volumes, right to 1e-16; two laws in one plane to ten digits are one law written twice.
_INDEPENDENT = 1e-10
# The same for vectors that come from two singular value decompositions in a row, each of which halves the digits
# where singular values are close: more than 1e-8 of error, far less than the angle of true vectors.
_INDEPENDENT_FOUND = 1e-6
# Length of a vector that is exactly zero, so that nothing is divided by zero.
_NOT_ZERO = 1e-300


@dataclass(frozen=True)
class Relaxation:
    """Limit of each variable; where it grows instead, the rate of growth (NaN: unknown); a total that is fed."""

    response: np.ndarray
    growth: np.ndarray
    pool: np.ndarray | None

    @property
    def undefined(self) -> np.ndarray:
        """Which variables have no limit."""
        return self.growth != 0.0


def row_sizes(matrix: np.ndarray) -> np.ndarray:
    """Return the largest entry of each row, 1 where a row is empty."""
    size = np.abs(matrix).max(axis=1, initial=0.0)
    size[size == 0.0] = 1.0
    return size


def equilibrated(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``r A c``, whose rows and columns have largest entries near one, and the diagonals r and c."""
    rows, columns = np.ones(len(matrix)), np.ones(matrix.shape[1])
    # Rows and columns in turn, as each pass undoes a part of the other; a rank needs sizes, not their exact equality.
    for _ in range(3):
        size = row_sizes(matrix)
        matrix, rows = matrix / size[:, None], rows / size
        size = row_sizes(matrix.T)
        matrix, columns = matrix / size, columns / size
    return matrix, rows, columns


def sparse_basis(basis: np.ndarray) -> np.ndarray:
    """Return a basis of the same column space with as many exact zeros as a reduced echelon form has."""
    if not basis.shape[1]:
        return basis
    lead = sla.qr(basis.T, mode="r", pivoting=True)[-1][: basis.shape[1]]
    sparse = np.linalg.solve(basis[lead].T, basis.T).T
    return np.where(np.abs(sparse) > LAW_DUST, sparse, 0.0)


def law_rows(laws: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Choose one equation per law that follows from the others, the fastest where there is a choice."""
    if not laws.shape[1]:
        return np.zeros(0, dtype=int)
    weights = laws / rows[:, None]
    weights = weights / np.linalg.norm(weights, axis=0)
    return sla.qr(weights.T, mode="r", pivoting=True)[-1][: laws.shape[1]]


def relax(matrix: np.ndarray, forcing: np.ndarray, laws: np.ndarray) -> Relaxation:
    r"""Return the limit of ``y' = matrix y + forcing``, ``y(0) = 0``, for the variables that have one.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        The system; it may be singular.
    forcing : ndarray of shape (n,)
        Constant forcing.
    laws : ndarray of shape (n, n_laws)
        Known left null vectors, which may be linearly dependent.

    Notes
    -----
    All left null vectors U are found, and the equations that follow from the others are replaced by the
    totals, ``M = [A; U^T]``. The forcing feeds the totals at the rates :math:`p = U^T a`; the variables then
    grow at the rates :math:`d` with :math:`M d = [0; p]`, and where :math:`d_i = 0` the limit is that of
    :math:`M y = [d - a; 0]`, the group inverse. No equation is added to another one: that would spread the
    rounding errors of fast reactions over slow ones.
    """
    n = len(matrix)
    if not n:
        return Relaxation(np.zeros(0), np.zeros(0), None)
    _, rows, _ = equilibrated(matrix)
    totals, n_known = all_laws(matrix, laws)
    fed = _without_cancellation(totals.T, forcing)
    # A law that was found has rounding errors in all of its entries.
    dust = LAW_DUST * np.abs(totals / rows[:, None]).max(axis=0, initial=0.0) * np.abs(rows * forcing).max()
    fed[(np.abs(fed) <= dust) & (np.arange(fed.size) >= n_known)] = 0.0
    replaced = law_rows(totals, rows)
    system = matrix.copy()
    system[replaced] = totals.T
    inverse = inverse_of(system)
    if inverse is None:
        return _relax_degenerate(matrix, forcing, totals)
    growth = np.zeros(n)
    if fed.any():
        modes = inverse[:, replaced]
        error = np.abs(inverse) @ (PRECISION * np.abs(system) @ np.abs(modes))
        growth = _without_cancellation(np.where(np.abs(modes) > _CERTAIN * error, modes, 0.0), fed)
    right_side = growth - forcing
    right_side[replaced] = 0.0
    response = np.where(growth == 0.0, inverse @ right_side, np.nan)
    return Relaxation(response, growth, totals @ fed if growth.any() else None)


def all_laws(matrix: np.ndarray, laws: np.ndarray) -> tuple[np.ndarray, int]:
    """Return independent left null vectors: the known ones, whose number is returned too, and others."""
    known = independent(laws)
    rest = np.setdiff1d(np.arange(len(matrix)), law_rows(known, equilibrated(matrix)[1]))
    even, scale, _ = equilibrated(matrix[rest])
    basis = _left_null_basis(even)
    found = np.zeros((len(matrix), basis.shape[1]))
    found[rest] = sparse_basis(basis) * scale[:, None]
    both = np.hstack([known, found])
    return both / np.abs(both).max(axis=0, initial=0.0), known.shape[1]


def _left_null_basis(matrix: np.ndarray) -> np.ndarray:
    """Return orthonormal left null vectors as columns, at the rank that the singular values show.

    A triangular factorization with pivoting costs a fraction of the singular values. It decides where its diagonal
    falls by more than all doubt; the smallest singular value that counts and the largest that does not are between.
    """
    if not matrix.size:
        return np.eye(len(matrix))
    triangle, order = sla.qr(matrix.T, mode="r", pivoting=True, check_finite=False)
    size = np.abs(np.diag(triangle))
    rank = int(np.sum(size > _CLEAR_RANK * size[0])) if size[0] > 0.0 else 0
    rest = np.linalg.norm(triangle[rank : size.size, rank:])
    if rest > _RANK_TOLERANCE * size[0]:
        u, singular, _ = np.linalg.svd(matrix)
        return u[:, int(np.sum(singular > _RANK_TOLERANCE * singular[0])) :]
    if rank == len(matrix):
        return np.zeros((rank, 0))
    basis = np.zeros((len(matrix), len(matrix) - rank))
    basis[order[:rank]] = -sla.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:], check_finite=False)
    basis[order[rank:]] = np.eye(len(matrix) - rank)
    return np.linalg.qr(basis)[0]


def null_space(matrix: np.ndarray) -> np.ndarray:
    """Return orthonormal right null vectors of an equilibrated matrix as columns."""
    return _left_null_basis(matrix.T)


def independent(vectors: np.ndarray) -> np.ndarray:
    """Choose columns that are neither zero nor combinations of others."""
    size = np.linalg.norm(vectors, axis=0)
    vectors = vectors[:, size > 0.0] / size[size > 0.0]
    if not vectors.shape[1]:
        return vectors
    triangle, order = sla.qr(vectors, mode="r", pivoting=True)
    return vectors[:, order[: int(np.sum(np.abs(np.diag(triangle)) > _INDEPENDENT))]]


def inverse_of(matrix: np.ndarray) -> np.ndarray | None:
    """Invert after equilibration; None where the matrix is singular to working precision."""
    even, rows, columns = equilibrated(matrix)
    getrf, gecon, getri = sla.get_lapack_funcs(("getrf", "gecon", "getri"), (even,))
    lu, pivots, info = getrf(even)
    rcond = gecon(lu, np.abs(even).sum(axis=0).max())[0] if info == 0 else 0.0
    if not rcond > _NEARLY_SINGULAR:
        return None
    return columns[:, None] * getri(lu, pivots)[0] * rows


def _relax_degenerate(matrix: np.ndarray, forcing: np.ndarray, totals: np.ndarray) -> Relaxation:
    """Treat a zero eigenvalue of higher order: a total that feeds another makes it grow faster and faster."""
    n = len(matrix)
    totals = _with_fed(matrix, totals)
    modes = _with_fed(matrix.T, all_laws(matrix.T, np.zeros((n, 0)))[0])
    overlap = inverse_of(totals.T @ modes) if totals.shape == modes.shape else None
    if overlap is None:
        return Relaxation(np.full(n, np.nan), np.full(n, np.nan), None)
    fed = _without_cancellation(totals.T, forcing)
    drift = _without_cancellation(modes, _without_cancellation(overlap, fed))
    right_side = np.append(drift - forcing, np.zeros(totals.shape[1]))
    growth = np.zeros(n)
    for _ in range(totals.shape[1]):
        growth = np.where(drift != 0.0, drift, growth)  # the highest power of time decides the sign
        drift = _without_cancellation(matrix, drift)
    # No square system is left: equations and totals together determine the rest of the response, which starts where
    # the totals are zero.
    even, rows, columns = equilibrated(np.vstack([matrix, totals.T]))
    response = columns * np.linalg.lstsq(even, right_side * rows, rcond=None)[0]
    return Relaxation(np.where(growth == 0.0, response, np.nan), growth, totals @ fed if growth.any() else None)


def _with_fed(matrix: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Add the totals that change at rates which are combinations of totals, until there are no more."""
    for _ in range(len(matrix)):
        feeding = _fed_by(matrix, totals)
        if not feeding.shape[1]:
            break
        totals = np.hstack([totals, feeding])
    return totals


def _fed_by(matrix: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the vectors, independent of `totals`, whose rate of change is a combination of `totals`."""
    both = np.vstack([matrix, totals.T])
    even, rows, _ = equilibrated(both)
    candidates = (_left_null_basis(even) * rows[:, None])[: len(matrix)]
    candidates = candidates / np.maximum(np.linalg.norm(candidates, axis=0), _NOT_ZERO)
    basis = np.linalg.qr(totals)[0]
    rest = candidates - basis @ (basis.T @ candidates)
    u, singular, _ = np.linalg.svd(rest, full_matrices=False)
    return u[:, singular > _INDEPENDENT_FOUND]


def _without_cancellation(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the product with exact zeros where its terms cancel."""
    product = matrix @ vector
    return np.where(np.abs(product) > _CANCELLATION * (np.abs(matrix) @ np.abs(vector)), product, 0.0)
