"""Responses of a linearised system to holding one variable at a shifted value, for all variables at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg as sla
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

__all__ = ["ClampResponse", "clamp_response", "reachable"]

_RANK_TOLERANCE = 1e-12
_NEARLY_SINGULAR = 1e-11
_SMALL_PIVOT = 1e-8
_ZERO_RATE = 1e-9
_LARGEST_COMPONENT = 120


@dataclass
class ClampResponse:
    """Response matrix (column = held variable) with what is wrong about it.

    `undefined` marks the entries that do not exist, `pools` holds for a column the combination of
    variables (a left null vector of the clamped system) that then grows without limit, and `unstable`
    marks the columns whose clamped system does not return to a steady state.
    """

    matrix: np.ndarray
    undefined: np.ndarray
    unstable: np.ndarray
    pools: dict[int, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class _Relaxation:
    response: np.ndarray
    undefined: np.ndarray
    pool: np.ndarray | None


def reachable(matrix: np.ndarray) -> np.ndarray:
    """Return the boolean matrix whose entry (i, j) says whether a directed path leads from j to i."""
    graph = csr_array((matrix != 0.0).T.astype(float))
    return np.isfinite(shortest_path(graph, method="D", unweighted=True)).T


def clamp_response(jacobian: np.ndarray, laws: np.ndarray | None, scale: np.ndarray) -> ClampResponse:
    """Compute the response of every variable to holding each variable, in the units of the Jacobian.

    Parameters
    ----------
    jacobian : ndarray of shape (n, n)
        ``A_ij = d f_i / d x_j``.
    laws : ndarray of shape (n_laws, n) or None
        Known conservation laws.
    scale : ndarray of shape (n,)
        Positive size of each variable, for the conditioning only.
    """
    n = len(jacobian)
    scaled = jacobian * scale / scale[:, None]
    sinks = _sinks(scaled)
    kept = np.setdiff1d(np.arange(n), sinks)
    result = ClampResponse(np.eye(n), np.zeros((n, n), dtype=bool), _unstable_columns(scaled))
    if kept.size:
        basis = _laws_of_kept(laws, scale, scaled, np.asarray(sinks, dtype=int), kept)
        _fill_kept(result, scaled, kept, basis)
    _fill_sinks(result, scaled, kept, sinks)
    connected = reachable(jacobian)
    result.matrix = np.where(connected, result.matrix * scale[:, None] / scale, 0.0)
    result.undefined &= connected
    np.fill_diagonal(result.matrix, 1.0)
    for j, pool in result.pools.items():
        result.pools[j] = pool / scale
    return result


def _sinks(matrix: np.ndarray) -> list[int]:
    """List the variables that influence nothing but earlier ones of the list."""
    influences = matrix != 0.0
    sinks: list[int] = []
    remaining = np.ones(len(matrix), dtype=bool)
    while True:
        new = np.flatnonzero(remaining & ~influences[remaining].any(axis=0))
        if not new.size:
            return sinks
        sinks.extend(int(i) for i in new)
        remaining[new] = False


def _laws_of_kept(
    laws: np.ndarray | None, scale: np.ndarray, matrix: np.ndarray, sinks: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """Return an orthonormal basis of the laws that hold among the kept variables alone."""
    if laws is None or not len(laws):
        return np.zeros((kept.size, 0))
    scaled = laws * scale
    scaled = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    moving = sinks[(matrix[sinks] != 0.0).any(axis=1)] if sinks.size else sinks
    combinations = sla.null_space(scaled[:, moving].T) if moving.size else np.eye(len(laws))
    return sla.orth((combinations.T @ scaled[:, kept]).T, rcond=1e-10)


def _row_sizes(matrix: np.ndarray) -> np.ndarray:
    size = np.abs(matrix).max(axis=1, initial=0.0)
    size[size == 0.0] = 1.0
    return size


def _null_spaces(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return orthonormal bases of the left and the right null space."""
    size = _row_sizes(matrix)
    u, singular, vt = np.linalg.svd(matrix / size[:, None])
    rank = int(np.sum(singular > _RANK_TOLERANCE * singular[0])) if singular.size and singular[0] > 0 else 0
    left = u[:, rank:] / size[:, None]
    left = np.linalg.qr(left)[0] if left.shape[1] else left
    return left, vt[rank:].T


def _factor(matrix: np.ndarray, basis: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, float]:
    """Factorise ``matrix - sigma Q Q^T`` after equilibration of its rows; return its condition too."""
    sigma = np.abs(matrix).max(initial=0.0) or 1.0
    whole = matrix - sigma * (basis @ basis.T)
    size = _row_sizes(whole)
    whole /= size[:, None]
    norm = np.abs(whole).sum(axis=0).max()
    getrf, gecon = sla.get_lapack_funcs(("getrf", "gecon"), (whole,))
    lu, pivots, _ = getrf(whole)
    rcond, _ = gecon(lu, norm)
    return (lu, pivots), size, float(rcond)


def _fill_kept(result: ClampResponse, scaled: np.ndarray, kept: np.ndarray, basis: np.ndarray) -> None:
    matrix = scaled[np.ix_(kept, kept)]
    factors, size, rcond = _factor(matrix, basis)
    if rcond < _NEARLY_SINGULAR:
        # Some law is not known from the stoichiometry: take all of them from the matrix itself.
        basis = _null_spaces(matrix)[0]
        factors, size, rcond = _factor(matrix, basis)
    n = kept.size
    suspicious = np.ones(n, dtype=bool)
    if rcond > _RANK_TOLERANCE:
        sources = np.eye(n)
        broken = np.linalg.norm(basis, axis=1) > 1e-9
        sources[:, broken] = (basis @ basis.T)[:, broken]
        response = sla.lu_solve(factors, sources / size[:, None], check_finite=False)
        pivot = np.abs(np.diag(response))
        suspicious = ~(pivot > _SMALL_PIVOT * np.abs(response).max(axis=0)) | ~np.isfinite(response).all(axis=0)
        good = np.flatnonzero(~suspicious)
        result.matrix[np.ix_(kept, kept[good])] = response[:, good] / np.diag(response)[good]
    for j in np.flatnonzero(suspicious):
        _fill_column(result, matrix, kept, int(j))


def _fill_column(result: ClampResponse, matrix: np.ndarray, kept: np.ndarray, j: int) -> None:
    """Fill a column that the common factorisation cannot decide."""
    rest = np.delete(np.arange(kept.size), j)
    relaxed = _relax(matrix[np.ix_(rest, rest)], matrix[rest, j])
    result.matrix[kept[rest], kept[j]] = relaxed.response
    result.undefined[kept[rest], kept[j]] = relaxed.undefined
    if relaxed.pool is not None:
        pool = np.zeros(len(result.matrix))
        pool[kept[rest]] = relaxed.pool
        result.pools[int(kept[j])] = pool


def _relax(matrix: np.ndarray, forcing: np.ndarray) -> _Relaxation:
    r"""Return the limit of ``y' = matrix y + forcing``, ``y(0) = 0``, where it exists.

    With the projection :math:`E = V (U^T V)^{-1} U^T` on the null space, :math:`y \to -A^\# a` for the
    variables with :math:`(E a)_i = 0`, and the others grow like :math:`(E a)_i t`.
    """
    n = len(matrix)
    left, right = _null_spaces(matrix) if n else (np.zeros((0, 0)), np.zeros((0, 0)))
    if not left.shape[1]:
        return _Relaxation(np.linalg.solve(matrix, -forcing) if n else np.zeros(0), np.zeros(n, dtype=bool), None)
    overlap = left.T @ right
    if np.linalg.svd(overlap, compute_uv=False)[-1] < 1e-9:
        # A zero eigenvalue of higher order: what it drives grows faster than any clamp can tell.
        return _Relaxation(np.full(n, np.nan), np.ones(n, dtype=bool), None)
    projection = right @ np.linalg.solve(overlap, left.T)
    drift = projection @ forcing
    size = np.abs(projection) @ np.abs(forcing)
    undefined = np.abs(drift) > _ZERO_RATE * np.maximum(size, np.abs(forcing).max(initial=0.0))
    sigma = np.abs(matrix).max(initial=0.0) or 1.0
    response = -np.linalg.solve(matrix + sigma * projection, forcing - drift)
    pool = None
    if undefined.any():
        pool = left @ (left.T @ forcing)
    return _Relaxation(np.where(undefined, np.nan, response), undefined, pool)


def _fill_sinks(result: ClampResponse, scaled: np.ndarray, kept: np.ndarray, sinks: list[int]) -> None:
    """Fill the rows of the variables that accumulate: finite, or ±inf where the inflow stays changed."""
    upstream = list(kept)
    for sink in reversed(sinks):
        weights = scaled[sink, upstream]
        used = np.asarray(upstream)[weights != 0.0]
        for j in range(len(scaled)):
            if j != sink and used.size:
                _fill_sink(result, scaled, kept, sink, used, j)
        upstream.append(sink)


def _fill_sink(
    result: ClampResponse, scaled: np.ndarray, kept: np.ndarray, sink: int, used: np.ndarray, j: int
) -> None:
    terms = np.zeros(used.size)
    response = result.matrix[used, j]
    active = response != 0.0
    terms[active] = scaled[sink, used[active]] * response[active]
    unknown = result.undefined[used, j].any() or np.isnan(terms).any()
    infinite = np.sign(terms[np.isinf(terms)])
    if unknown or (infinite.size and np.ptp(infinite) > 0):
        result.matrix[sink, j], result.undefined[sink, j] = np.nan, True
    elif infinite.size:
        result.matrix[sink, j] = infinite[0] * np.inf
    elif abs(terms.sum()) > _ZERO_RATE * np.abs(terms).sum():
        result.matrix[sink, j] = np.sign(terms.sum()) * np.inf
    else:
        _fill_sink_transient(result, scaled, kept, sink, used[active], j)


def _fill_sink_transient(
    result: ClampResponse, scaled: np.ndarray, kept: np.ndarray, sink: int, active: np.ndarray, j: int
) -> None:
    """Fill in what flowed into the sink until its inflow returned to zero, ``a_p A^# y``."""
    result.matrix[sink, j] = 0.0
    if not active.size:
        return
    rest = kept[kept != j]
    if np.setdiff1d(active, kept).size:
        # What a sink gains from another sink's transient needs the transient itself.
        result.matrix[sink, j], result.undefined[sink, j] = np.nan, True
        return
    relaxed = _relax(scaled[np.ix_(rest, rest)], -np.nan_to_num(result.matrix[rest, j]))
    feeding = scaled[sink, rest] != 0.0
    if relaxed.undefined[feeding].any():
        result.matrix[sink, j], result.undefined[sink, j] = np.nan, True
    else:
        result.matrix[sink, j] = scaled[sink, rest][feeding] @ relaxed.response[feeding]


def _unstable_columns(matrix: np.ndarray) -> np.ndarray:
    """Mark the columns j for which the system without variable j has a growing mode.

    The spectrum is that of the strongly connected components, of which only the one that holds j changes.
    """
    n_components, label = connected_components(csr_array((matrix != 0.0).astype(float)), connection="strong")
    growth = np.full(n_components, -np.inf)
    without = np.full(len(matrix), -np.inf)
    for component in range(n_components):
        members = np.flatnonzero(label == component)
        block = matrix[np.ix_(members, members)]
        growth[component] = _growth_rate(block)
        if members.size <= _LARGEST_COMPONENT:
            for k, j in enumerate(members):
                rest = np.delete(np.arange(members.size), k)
                without[j] = _growth_rate(block[np.ix_(rest, rest)])
    order = np.argsort(growth)
    highest = growth[order[-1]] if n_components else -np.inf
    second = growth[order[-2]] if n_components > 1 else -np.inf
    others = np.where(label == (order[-1] if n_components else -1), second, highest)
    return np.maximum(others, without) > 0.0


def _growth_rate(block: np.ndarray) -> float:
    """Return the largest real part of the spectrum, or 0 where it cannot be told from 0."""
    if not block.size:
        return -np.inf
    largest = float(np.linalg.eigvals(block).real.max())
    return largest if largest > 1e-9 * np.abs(block).max() else min(largest, 0.0)
