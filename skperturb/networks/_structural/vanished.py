"""Reactions that have to stop and variables that have to vanish at rest, from structure and sign pattern alone."""

from __future__ import annotations

import numpy as np
from scipy import sparse as sp
from scipy.optimize import linprog

from skperturb.networks._structural.one_way import OneWayReactions

__all__ = ["stopped_steps", "vanished_nodes"]

# Flux that counts as none where fluxes up to 1 are asked for; the solver's tolerance is a tenth of it.
_NO_FLUX = 1e-6
# One variable that vanishes stops others; chains of BioModels networks end after four rounds.
_ROUNDS = 10


def stopped_steps(stoichiometry: np.ndarray, off: np.ndarray) -> np.ndarray:
    r"""Tell which steps carry nothing in every balance.

    As many steps as can are given a flux at once: the largest sum of :math:`t` with :math:`N (t + s) = 0`,
    :math:`0 \le t \le 1` and :math:`s \ge 0` has :math:`t = 1` wherever any balance has a flux.

    Parameters
    ----------
    stoichiometry : ndarray of shape (n_nodes, n_steps)
    off : ndarray of bool of shape (n_steps,)
        Steps that are known to have stopped.

    Returns
    -------
    ndarray of bool of shape (n_steps,)
        Steps that change nothing do not count.
    """
    moving = (stoichiometry != 0.0).any(axis=0)
    rows = stoichiometry[(stoichiometry != 0.0).any(axis=1)]
    if not len(rows):
        return np.zeros(len(moving), dtype=bool)
    n_steps = len(moving)
    balance = sp.csr_array(np.hstack([rows, rows]))
    most = np.concatenate([np.where(off, 0.0, 1.0), np.where(off, 0.0, np.inf)])
    gain = np.concatenate([-np.ones(n_steps), np.zeros(n_steps)])
    bounds = np.stack([np.zeros(2 * n_steps), most], axis=1)
    found = linprog(gain, A_eq=balance, b_eq=np.zeros(len(rows)), bounds=bounds, method="highs")
    return moving & (off if found.status != 0 else found.x[:n_steps] < _NO_FLUX)


def vanished_nodes(reactions: OneWayReactions, signs: np.ndarray) -> tuple[np.ndarray, bool]:
    """Tell which variables are zero at rest.

    A step that has stopped lacks one of the factors of its rate. With a single factor that is the one; of several,
    those on which the rate does not depend at this state, by the sign pattern, are not.

    Parameters
    ----------
    reactions : OneWayReactions
    signs : ndarray of shape (n_nodes, n_nodes)
        Sign pattern of the Jacobian.

    Returns
    -------
    vanished : ndarray of bool of shape (n_nodes,)
    stops : bool
        Whether any step has stopped.
    """
    vanished = np.zeros(len(signs), dtype=bool)
    if not reactions.parent.size or reactions.can_only_rest:
        return vanished, False
    factors, silent = _factors(reactions, signs)
    one_way = np.bincount(reactions.parent)[reactions.parent] == 1
    stopped = stopped_steps(reactions.stoichiometry, one_way & (silent & factors).any(axis=1))
    for _ in range(_ROUNDS):
        found = vanished | _only_factors(factors, silent, stopped, vanished)
        more = stopped_steps(reactions.stoichiometry, stopped | (factors & found).any(axis=1))
        if (found == vanished).all() and (more == stopped).all():
            break
        vanished, stopped = found, more
    return vanished, bool(stopped.any())


def _factors(reactions: OneWayReactions, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which nodes a rate vanishes with, and which it does not depend on by the sign pattern, (step, node)."""
    low, high = reactions.lowest, reactions.highest
    uses = (low != 0.0) | (high != 0.0)
    consumed = (reactions.stoichiometry.T < 0.0) & (low >= 0.0)
    changed = (reactions.stoichiometry != 0.0).T.astype(float)
    seen = (changed @ (signs != 0.0).astype(float)) > 0.0
    silent = uses & ~seen & changed.any(axis=1)[:, None]
    return uses & (consumed | ((low == high) & (low > 0.0))), silent


def _only_factors(factors: np.ndarray, silent: np.ndarray, stopped: np.ndarray, vanished: np.ndarray) -> np.ndarray:
    """Return the nodes that alone can have stopped a step that no node known to have vanished explains."""
    open_steps = stopped & ~(factors & vanished).any(axis=1)
    tells = (silent & factors).any(axis=1)
    candidates = np.where(tells[:, None], factors & ~silent, factors)[open_steps]
    return candidates[candidates.sum(axis=1) == 1].any(axis=0)
