"""Responses of a linearised system to holding one variable at a shifted value, for all variables at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg as sla
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, shortest_path

from skperturb.sbml._responding.relaxation import (
    LAW_DUST,
    PRECISION,
    all_laws,
    equilibrated,
    independent,
    inverse_of,
    law_rows,
    relax,
    sparse_basis,
)

__all__ = ["ClampResponse", "clamp_response", "reachable"]

# Part of the largest term of a row below which an entry is what rounding left of terms that cancel. A sum of some ten
# terms of one size keeps an error of some ten units in the last place (2e-16). Ten times less, such remains count as
# influences, and their reciprocals as strong responses; ten times more, true influences of a weak regulator vanish.
_CANCELLED = 1e-14
# Part of the largest entry of the scaled matrix below which a whole row is the remainder of a substance that has
# decayed to nothing: rates that differ by 1e22 within one model are no chemistry. Exponential decay passes any such
# bound in a moment, so that a factor of ten matters only for models stopped in that moment.
_DECAYED = 1e-22
# Part of the largest response to a variable by which rounding errors may change a response that is given. Ten times
# less, columns that are right to three digits are computed one by one, which is slow; ten times more, wrong digits
# would show in a comparison with a simulated clamp, which is right to about as many.
_LARGEST_ERROR = 1e-3
# Largest response in scaled coordinates; more is the reciprocal of something that cannot be told from zero, since the
# entries are right to about 1e-15. Ten times more, rounding errors turn up as finite responses.
_LARGEST_RESPONSE = 1e15
# So many times its error bound must an inflow into a sink be to count: the bound is one to first order, and of the
# sizes, not of the signs. Ten times more, slow true accumulation is left to the column-by-column computation.
_CLEAR = 10.0
# Part of the largest entry of a block that the real part of an eigenvalue must exceed to count as growth. A double
# zero (two conserved totals in one block) is found to about the root of the rounding error, 1e-8; a block of a model
# rarely comes so close. Ten times less, conserved totals are flagged as unstable; ten times more, slow growth is not.
_GROWS = 1e-9
# Largest strongly connected component of which each variable is left out in turn; this costs one spectrum of the
# component for each of its variables, that is the fourth power of their number.
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


def reachable(matrix: np.ndarray) -> np.ndarray:
    """Return the boolean matrix whose entry (i, j) says whether a directed path leads from j to i."""
    graph = csr_array((matrix != 0.0).T.astype(float))
    return np.isfinite(shortest_path(graph, method="D", unweighted=True)).T


def clamp_response(
    jacobian: np.ndarray, laws: np.ndarray | None, scale: np.ndarray, state: np.ndarray | None = None
) -> ClampResponse:
    """Compute the response of every variable to holding each variable, in the units of the Jacobian.

    Parameters
    ----------
    jacobian : ndarray of shape (n, n)
        ``A_ij = d f_i / d x_j``.
    laws : ndarray of shape (n_laws, n) or None
        Known conservation laws.
    scale : ndarray of shape (n,)
        Positive size of each variable, for the conditioning only.
    state : ndarray of shape (n,) or None
        The values of the variables, to tell weak influences from rounding errors; None for `scale`.
    """
    n = len(jacobian)
    scaled = jacobian * scale / scale[:, None]
    share = np.ones(n) if state is None else np.abs(state) / scale
    work = _Work(scaled, _resolved(scaled, share), laws, scale)
    result = ClampResponse(np.eye(n), np.zeros((n, n), dtype=bool), _unstable_columns(work.even))
    decided = _fill_kept(result, work)
    _fill_components(result, work, decided)
    decided = _fill_sinks(result, work, decided)
    for j in np.flatnonzero(~decided):
        _fill_column(result, work, int(j))
    connected = reachable(jacobian)
    result.matrix = np.where(connected, result.matrix * scale[:, None] / scale, 0.0)
    result.undefined &= connected
    np.fill_diagonal(result.matrix, 1.0)
    result.pools = {j: pool / scale for j, pool in result.pools.items()}
    return result


class _Work:
    """The system in scaled coordinates, as given (`matrix`) and without rounding errors (`even`)."""

    def __init__(self, matrix: np.ndarray, even: np.ndarray, laws: np.ndarray | None, scale: np.ndarray) -> None:
        self.matrix, self.even, self.scale = matrix, even, scale
        self.laws = np.zeros((scale.size, 0)) if laws is None else laws.T
        self.sinks = _sinks(even)
        self.kept = np.setdiff1d(np.arange(len(matrix)), self.sinks)
        self.error = np.zeros_like(matrix)  # bound of what rounding may change in the response
        self.graph = csr_array((even != 0.0).T.astype(float))

    def laws_without(self, members: list[int], among: np.ndarray) -> np.ndarray:
        """Return as columns, in scaled coordinates, the laws free of some variables, on the rows of others."""
        laws = self.laws
        if laws[members].any():
            # Combined before they are scaled: stoichiometric numbers are of one size.
            laws = laws @ sparse_basis(sla.null_space(laws[members]))
            laws = np.where(np.abs(laws) > LAW_DUST * np.abs(laws).max(axis=0, initial=0.0), laws, 0.0)
        return independent(laws[among] * self.scale[among, None])

    def reached_from(self, j: int) -> np.ndarray:
        """List what is influenced by variable j, directly or through others."""
        order = breadth_first_order(self.graph, j, return_predecessors=False)
        return np.sort(order[order != j])


def _resolved(matrix: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the matrix without the entries that are no more than rounding errors.

    At a steady state two terms of a derivative may cancel; what floating point leaves of them would count as a
    weak influence, and its reciprocal as a strong response. A whole row may be the remainder of a substance that
    has decayed to nothing. `share` is the part of its scale that a variable has at the state.
    """
    size = np.abs(matrix)
    noise = _CANCELLED * (size * share).max(axis=1, initial=0.0)
    dust = _DECAYED * size.max(initial=0.0)
    return np.where(size <= np.maximum(noise, dust)[:, None], 0.0, matrix)


def _sinks(matrix: np.ndarray) -> list[int]:
    """List the variables that influence nothing but earlier ones of the list."""
    influences = matrix != 0.0
    sinks: list[int] = []
    remaining = np.ones(len(matrix), dtype=bool)
    while True:
        new = np.flatnonzero(remaining & ~influences[remaining].any(axis=0))
        if not new.size:
            return sinks
        sinks.extend(new.tolist())
        remaining[new] = False


def _fill_kept(result: ClampResponse, work: _Work) -> np.ndarray:
    """Fill the columns that one factorization decides; return which these are."""
    decided = np.ones(len(work.matrix), dtype=bool)
    result.matrix[np.ix_(work.kept, work.kept)] = np.eye(work.kept.size)
    if work.kept.size:
        decided[work.kept] = _fill_block(result, work, np.arange(len(work.matrix)), work.kept)
    return decided


def _fill_components(result: ClampResponse, work: _Work, decided: np.ndarray) -> None:
    """Decide what variables of one strongly connected component influence, all of them with one factorization.

    They reach the same variables, and what lies elsewhere (a total that feeds another one, say) cannot disturb them.
    """
    label = connected_components(work.graph, connection="strong")[1]
    for component in np.unique(label[~decided]):
        columns = np.flatnonzero((label == component) & ~decided)
        if columns.size > 1:
            reached = np.union1d(work.reached_from(int(columns[0])), columns[:1])
            if not np.isin(work.kept, reached).all():
                decided[columns] = _fill_block(result, work, reached, columns)


def _fill_block(result: ClampResponse, work: _Work, reached: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Fill columns of variables that reach no others than these; return which of the columns are decided."""
    kept = np.intersect1d(reached, work.kept)
    moving = [sink for sink in np.intersect1d(reached, work.sinks).tolist() if work.even[sink].any()]
    matrix, even, laws = work.matrix[np.ix_(kept, kept)], work.even[np.ix_(kept, kept)], work.laws_without(moving, kept)
    inverse, replaced = _inverse_with(matrix, laws)
    if inverse is None:
        # Not all laws are known, or some variables have no steady state of their own.
        laws = all_laws(even, laws)[0]
        inverse, replaced = _inverse_with(matrix, laws)
    if inverse is None:
        return np.zeros(columns.size, dtype=bool)
    # A clamp breaks the laws that contain its variable: it changes their totals, and no rate. The response to holding
    # j is the response to any forcing of j alone, divided by what becomes of j itself: one factorization for all.
    broken = laws.any(axis=1)
    response = np.where(broken, inverse[:, replaced] @ laws.T, inverse)
    pivot = np.diag(response)
    cancelled = (np.abs(inverse[:, replaced]) * np.abs(laws)).sum(axis=1)
    lost = broken & ~(np.abs(pivot) * _LARGEST_ERROR > PRECISION * cancelled)
    inverse[:, replaced] = 0.0
    with np.errstate(all="ignore"):
        response = response / pivot
        error = _error(matrix, even, inverse, response)
        largest = np.abs(response).max(axis=0)
        good = ~lost & (largest <= _LARGEST_RESPONSE) & (error.max(axis=0) <= _LARGEST_ERROR * largest)
    good &= np.isin(kept, columns)
    result.matrix[np.ix_(kept, kept[good])] = response[:, good]
    work.error[np.ix_(kept, kept[good])] = error[:, good]
    return good[np.isin(kept, columns)]


def _inverse_with(matrix: np.ndarray, laws: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Replace the equations that follow from others by the totals and invert; return which these are."""
    replaced = law_rows(laws, equilibrated(matrix)[1])
    system = matrix.copy()
    system[replaced] = laws.T
    return inverse_of(system), replaced


def _error(matrix: np.ndarray, even: np.ndarray, inverse: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Bound what the rounding errors of the matrix change in each response.

    A change `D` of the matrix changes column s by ``-N D s`` with ``N = A^-1 - s (A^-1)_j`` (to first order), which
    is bounded entry by entry and therefore in any units. What is no more than rounding error is uncertain as a whole.
    """
    noise = np.where(even == 0.0, 1.0, PRECISION) * np.abs(matrix)
    forcing = noise @ np.abs(response)
    error = np.abs(inverse) @ forcing + np.abs(response) * np.einsum("ji,ij->j", np.abs(inverse), forcing)
    # That forgets what cancels between the two terms of N.
    for j in np.flatnonzero(~(error.max(axis=0) <= _LARGEST_ERROR * np.abs(response).max(axis=0))):
        error[:, j] = np.abs(inverse - np.outer(response[:, j], inverse[j])) @ forcing[:, j]
    return error


def _fill_sinks(result: ClampResponse, work: _Work, decided: np.ndarray) -> np.ndarray:
    """Fill the rows of what accumulates: ±inf where the inflow stays changed; return which columns are still decided.

    Where an inflow returns to zero, the sink keeps what came in until then; such columns are left to `_fill_column`.
    """
    decided = decided.copy()
    columns = np.flatnonzero(decided)
    for sink in reversed(work.sinks):
        weights = work.even[sink]
        feeding = np.flatnonzero(weights)
        values = result.matrix[np.ix_(feeding, columns)]
        infinite = np.where(np.isinf(values), np.sign(values), 0.0) * np.sign(weights[feeding])[:, None]
        finite = np.where(np.isfinite(values), values, 0.0)
        terms = np.abs(weights[feeding]) @ np.abs(finite)
        rate = weights[feeding] @ finite
        error = np.abs(weights[feeding]) @ work.error[np.ix_(feeding, columns)] + PRECISION * terms
        inflow = np.where(
            infinite.any(axis=0), infinite.sum(axis=0), np.where(np.abs(rate) > _CLEAR * error, rate, 0.0)
        )
        unclear = (infinite.any(axis=0) & (np.abs(infinite).sum(axis=0) > np.abs(inflow))) | (
            (inflow == 0.0) & (terms > 0.0)
        )
        other = columns != sink
        decided[columns[unclear & other]] = False
        result.matrix[sink, columns[other]] = np.copysign(np.where(inflow == 0.0, 0.0, np.inf), inflow)[other]
    return decided


def _fill_column(result: ClampResponse, work: _Work, j: int) -> None:
    """Fill a column that the common factorization cannot decide, from what the variable reaches."""
    others = work.reached_from(j)
    found = relax(work.even[np.ix_(others, others)], work.even[others, j], work.laws_without([j], others))
    result.matrix[:, j] = 0.0
    result.matrix[others, j] = found.response
    result.undefined[others, j] = np.abs(found.response) > _LARGEST_RESPONSE
    grows = others[found.undefined]
    sinks = np.isin(grows, work.sinks) & ~np.isnan(found.growth[found.undefined])
    result.matrix[grows[sinks], j] = np.sign(found.growth[found.undefined][sinks]) * np.inf
    result.undefined[grows[~sinks], j] = True
    if found.pool is not None and not sinks.all():
        pool = np.zeros(len(result.matrix))
        pool[others] = found.pool
        result.pools[j] = pool


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
    return largest if largest > _GROWS * np.abs(block).max() else min(largest, 0.0)
