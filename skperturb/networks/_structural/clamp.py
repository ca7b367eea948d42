r"""Relative responses to holding each node, for many draws of one network at once.

With `A_ij` the change of rate i per relative change of node j, holding node j and letting the rest relax gives
:math:`R_{ij} = X_{ij} / X_{jj}` with :math:`X = A^{-1}`, whatever factor each row of A has. Conserved totals L make A
singular: one row for each of them is replaced by :math:`L_i x_i`, the change of the total per relative change. A law
that contains the held node is broken by the clamp, so that its total, and no rate, is what drives the rest.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg as sla

__all__ = ["driven_responses", "relative_responses"]

# Responses below this share of a shift count as none: LAPACK leaves 1e-16 times the condition number, mostly 1e-12, of
# what cancels exactly. At a hundred times less such remains would be ranked by chance; at a hundred times more true
# responses of long chains vanish (mean rank correlation of 55 BioModels networks: .529, .532, .536).
_NO_RESPONSE = 1e-9
# Singular values, relative to the largest, below which a combination of laws is none.
_SAME_LAW = 1e-9
# Relative size of the random change that makes a singular draw regular. It shows in responses only where the structure
# leaves them open; at a hundred times less LAPACK may still call the matrix singular.
_NUDGE = 1e-11


def relative_responses(
    rates: np.ndarray, laws: np.ndarray, amounts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Compute the relative response of each node (row) to holding each node (column) at a shifted value.

    Parameters
    ----------
    rates : ndarray of shape (n_draws, n_nodes, n_nodes)
        Change of the rate of change of each node per relative change of each node, up to a factor for each row.
    laws : ndarray of shape (n_laws, n_nodes)
        Coefficients of conserved totals of the amounts.
    amounts : ndarray of shape (n_draws, n_nodes)
        Positive. Only the totals depend on them.
    rng : Generator
        For draws that are singular.

    Returns
    -------
    ndarray of shape (n_draws, n_nodes, n_nodes)
        The diagonal is 1. A node that influences nothing and accumulates responds with ±inf where its inflow stays
        changed.
    """
    n_nodes = rates.shape[1]
    responses = np.tile(np.eye(n_nodes), (len(rates), 1, 1))
    influences = (rates != 0.0).any(axis=0)
    sinks = _sinks(influences)
    kept = np.setdiff1d(np.arange(n_nodes), sinks)
    if kept.size:
        moving = [sink for sink in sinks if influences[sink].any()]
        inner = _responses(rates[:, kept[:, None], kept], _laws_among(laws, moving, kept), amounts[:, kept], rng)
        responses[:, kept[:, None], kept] = inner
    for sink in reversed(sinks):
        responses[:, sink] = _accumulated(rates[:, sink], responses)
        law = _law_of(laws, sink, sinks)
        if law is not None:
            # A total that does not hold the source stays what it is, so that no member can accumulate for ever.
            kept_by = law == 0.0
            responses[:, sink, kept_by] = _rest_of(law * amounts, responses, sink)[:, kept_by]
        responses[:, sink, sink] = 1.0
    return responses


def driven_responses(
    rates: np.ndarray, drive: np.ndarray, laws: np.ndarray, amounts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Compute the relative response of each node to changes of the rates of change, conserved totals kept.

    Parameters
    ----------
    rates, laws, amounts, rng
        As for `relative_responses`.
    drive : ndarray of shape (n_draws, n_nodes, n_changes)
        What each change adds to the rate of change of each node; up to the factors for each row that `rates` has.

    Returns
    -------
    ndarray of shape (n_draws, n_nodes, n_changes)
        ±inf where a node that influences nothing accumulates for ever.
    """
    n_nodes = rates.shape[1]
    responses = np.zeros_like(drive)
    influences = (rates != 0.0).any(axis=0)
    sinks = _sinks(influences)
    kept = np.setdiff1d(np.arange(n_nodes), sinks)
    if kept.size:
        moving = [sink for sink in sinks if influences[sink].any()]
        matrix, _, replaced = _with_totals(
            rates[:, kept[:, None], kept], _laws_among(laws, moving, kept), amounts[:, kept]
        )
        size = np.abs(rates[:, kept[:, None], kept]).max(axis=2, keepdims=True)
        sources = -drive[:, kept] / np.where(size > 0.0, size, 1.0)
        sources[:, replaced] = 0.0
        found = _solve(matrix, sources, rng)
        responses[:, kept] = np.where(np.abs(found) >= _NO_RESPONSE, found, 0.0)
    for sink in reversed(sinks):
        law = _law_of(laws, sink, sinks)
        if law is None:
            responses[:, sink] = _accumulated(rates[:, sink], responses, drive[:, sink])
        else:
            responses[:, sink] = _rest_of(law * amounts, responses, sink)
    return responses


def _law_of(laws: np.ndarray, sink: int, sinks: list[int]) -> np.ndarray | None:
    """Return a combination of laws that holds the sink and no other one, None if there is none."""
    if not len(laws) or not laws[:, sink].any():
        return None
    wanted = (np.array(sinks) == sink).astype(float)
    weights, *_ = np.linalg.lstsq(laws[:, sinks].T, wanted, rcond=_SAME_LAW)
    if not np.allclose(laws[:, sinks].T @ weights, wanted, atol=_SAME_LAW):
        return None
    law = weights @ laws
    return np.where(np.abs(law) > _SAME_LAW * np.abs(law).max(), law, 0.0)


def _rest_of(total: np.ndarray, responses: np.ndarray, sink: int) -> np.ndarray:
    """Return the responses (n_draws, n_columns) of a node by which a total (n_draws, n_nodes) stays what it is."""
    others = total.copy()
    others[:, sink] = 0.0
    moved = np.matmul(others[:, None, :], np.where(np.isfinite(responses), responses, 0.0))[:, 0]
    return np.where(np.abs(moved) > _NO_RESPONSE * np.abs(total[:, sink, None]), -moved / total[:, sink, None], 0.0)


def _accumulated(rates: np.ndarray, responses: np.ndarray, drive: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the responses (n_draws, n_columns) of a node that influences nothing: ±inf where its inflow changes."""
    inflow = np.matmul(rates[:, None, :], np.where(np.isfinite(responses), responses, 0.0))[:, 0] + drive
    size = np.maximum(np.abs(rates).max(axis=1, initial=0.0, keepdims=True), np.abs(drive))
    return np.where(np.abs(inflow) > _NO_RESPONSE * size, np.copysign(np.inf, inflow), 0.0)


def _sinks(influences: np.ndarray) -> list[int]:
    """List the nodes that influence nothing but earlier ones of the list."""
    sinks: list[int] = []
    remaining = np.ones(len(influences), dtype=bool)
    while True:
        new = np.flatnonzero(remaining & ~influences[remaining].any(axis=0))
        if not new.size:
            return sinks
        sinks.extend(new.tolist())
        remaining[new] = False


def _laws_among(laws: np.ndarray, without: list[int], among: np.ndarray) -> np.ndarray:
    """Return independent laws in which some nodes have no part, on the columns of others."""
    if len(laws) and without:
        laws = sla.null_space(laws[:, without].T).T @ laws
    laws = laws[:, among]
    if not laws.any():
        return np.zeros((0, len(among)))
    _, singular, vectors = np.linalg.svd(laws, full_matrices=False)
    rank = int((singular > _SAME_LAW * singular[0]).sum())
    return laws if rank == len(laws) else vectors[:rank]


def _responses(rates: np.ndarray, laws: np.ndarray, amounts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n_draws, n_nodes, _ = rates.shape
    matrix, totals, replaced = _with_totals(rates, laws, amounts)
    sources = np.tile(np.eye(n_nodes), (n_draws, 1, 1))
    if len(laws):
        broken = (laws != 0.0).any(axis=0)
        sources[:, :, broken] = 0.0
        sources[:, replaced[:, None], np.flatnonzero(broken)] = totals[:, :, broken]
    solution = _solve(matrix, sources, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        responses = solution / np.diagonal(solution, axis1=1, axis2=2)[:, None, :]
    responses = np.where(np.abs(responses) >= _NO_RESPONSE, responses, 0.0)
    # Where the held node adapts perfectly its own entry is 0 / 0.
    responses[:, np.arange(n_nodes), np.arange(n_nodes)] = 1.0
    return responses


def _with_totals(rates: np.ndarray, laws: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bring the rows to one size and put a total in the place of each equation that follows from the others.

    Returns
    -------
    matrix : ndarray of shape (n_draws, n_nodes, n_nodes)
    totals : ndarray of shape (n_draws, n_laws, n_nodes)
    replaced : ndarray of int of shape (n_laws,)
    """
    size = np.abs(rates).max(axis=2, keepdims=True)
    matrix = rates / np.where(size > 0.0, size, 1.0)
    if not len(laws):
        return matrix, np.zeros((len(rates), 0, rates.shape[1])), np.zeros(0, dtype=int)
    totals = laws * amounts[:, None, :]
    totals = totals / np.abs(totals).max(axis=2, keepdims=True)
    # The equations that are left out are those of the nodes that hold most of each total.
    weight = laws * np.exp(np.log(amounts).mean(axis=0))
    replaced = np.sort(sla.qr(weight, mode="r", pivoting=True)[1][: len(laws)])
    matrix[:, replaced] = totals
    return matrix, totals, replaced


def _solve(matrix: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    try:
        solution = np.linalg.solve(matrix, sources)
    except np.linalg.LinAlgError:
        matrix = matrix + _NUDGE * rng.normal(size=matrix.shape)
        solution = np.linalg.solve(matrix, sources)
    # One step of refinement takes the error of the elimination down to that of the matrix.
    return solution + np.linalg.solve(matrix, sources - matrix @ solution)
