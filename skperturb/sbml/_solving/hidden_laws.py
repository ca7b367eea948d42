"""Linear conservation laws that stoichiometry does not show: those between rate rules, found numerically."""

from __future__ import annotations

import numpy as np

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._compiling.switches import frozen
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.moieties import conservation_laws

__all__ = ["independent_laws"]

# Parts of the largest singular value, of a sum of absolute terms, or of a unit vector; no units.
#
# Singular values below this are zero. Equilibrated rows leave a few 1e-15 of rounding, times the number of variables:
# ten times less misses laws of models with a hundred variables, ten times more takes a slow variable for a law.
_TOLERANCE = 1e-12
# The terms of a law cancel in every column to this part of their absolute sum; what is added for columns without terms
# is a few roundings. A drift of a rate 1e-8 of the others must not pass, rounding of unlike rates must.
_CANCELLATION = 1e-9
_ROUNDING = 1e-14
# What is left of a hidden law without the known ones: both bases are orthonormal to 1e-12, so 1e-6 is far from either
# side (a law that is new has a part near 1).
_NEW = 1e-6
# States at which the Jacobian is looked at: a law must hold at all of them; one where it is not finite is no loss.
_STATES = 4
# Any two must be finite for a combination to count as a law for its own sake, not for one state's.
_FEWEST_STATES = 2


def independent_laws(model: Equations) -> np.ndarray:
    """Return the laws of the stoichiometry, followed by laws among rate rules that hold at any state.

    A model that is written as rate rules (``dA/dt = -v``, ``dB/dt = v``) has no stoichiometry to read
    them from. A combination is a law if it is orthogonal to the Jacobian at several unrelated states and
    to the right-hand side at the initial one.
    """
    laws = conservation_laws(model).to_numpy()
    if not np.any(model.is_rate_rule) or model.time_dependence:
        return laws
    hidden = _common_left_null_space(model)
    if hidden.shape[1] <= len(laws):
        return laws
    scale = scale_of(np.asarray(model.x0, dtype=float))
    known = np.linalg.qr((laws * scale).T)[0] if len(laws) else np.zeros((scale.size, 0))
    rest = hidden - known @ (known.T @ hidden)
    u, singular, _ = np.linalg.svd(rest, full_matrices=False)
    new = u[:, singular > _NEW]
    return np.vstack([laws, new.T / scale])


def _common_left_null_space(model: Equations) -> np.ndarray:
    x0 = np.asarray(model.x0, dtype=float)
    scale = scale_of(x0)
    blocks = []
    columns = []
    for k in range(_STATES):
        # Fixed irrational factors: the same states in every run, with no relation to the model.
        factors = 0.5 + np.modf(0.6180339887498949 * np.arange(1, x0.size + 1) * (k + 1) + 0.2 * k)[0]
        x = np.where(x0 == 0.0, scale, x0) * factors
        jacobian = np.asarray(model.jacobian(0.0, x), dtype=float) * scale / scale[:, None]
        if np.isfinite(jacobian).all():
            blocks.append(jacobian)
        columns += [f / scale for f in _on_sides_of_jumps(model, x, k) if np.isfinite(f).all()]
    if len(blocks) < _FEWEST_STATES:
        return np.zeros((x0.size, 0))
    f = np.asarray(model.rhs(0.0, x0), dtype=float) / scale
    stacked = np.hstack([*blocks, f[:, None], *(column[:, None] for column in columns)])
    # Rows of slow variables are small; without equilibration they look like laws beside fast ones.
    size = np.abs(stacked).max(axis=1)
    size[size == 0.0] = 1.0
    even = stacked / size[:, None]
    u, singular, _ = np.linalg.svd(even, full_matrices=True)
    rank = int(np.sum(singular > _TOLERANCE * singular[0])) if singular.size else 0
    vectors = u[:, rank:]
    # In a law the terms of every column cancel; a slow drift is no law.
    cancels = np.abs(vectors.T @ even) <= _CANCELLATION * (np.abs(vectors).T @ np.abs(even)) + _ROUNDING
    vectors = (vectors / size[:, None])[:, cancels.all(axis=1)]
    return np.linalg.qr(vectors)[0] if vectors.shape[1] else vectors


def _on_sides_of_jumps(model: Equations, x: np.ndarray, k: int) -> list[np.ndarray]:
    """Return the right-hand side with the conditions at which it jumps held one way, and the other way.

    A rate that is zero on this side of a jump, at all the states looked at, is no law.
    """
    system = getattr(model, "_system", None)
    if system is None or not system.switches:
        return []
    constants = system.parameter_values
    held = ArrayEvaluator(system.graph, frozen(system.graph, system.rhs, system.switches, len(constants)))
    first = [float((position >> k) & 1) for position in range(len(system.switches))]
    sides = (first, [1.0 - value for value in first])
    return [np.array(held(0.0, x, [*constants, *side]), dtype=float) for side in sides]
