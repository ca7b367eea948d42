"""Linear conservation laws that stoichiometry does not show: those between rate rules, found numerically."""

from __future__ import annotations

import numpy as np

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.moieties import conservation_laws

__all__ = ["independent_laws"]

_TOLERANCE = 1e-12
_CANCELLATION = 1e-9


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
    new = u[:, singular > 1e-6]
    return np.vstack([laws, new.T / scale])


def _common_left_null_space(model: Equations) -> np.ndarray:
    x0 = np.asarray(model.x0, dtype=float)
    scale = scale_of(x0)
    blocks = []
    for k in range(4):
        # Fixed irrational factors: the same states in every run, with no relation to the model.
        factors = 0.5 + np.modf(0.6180339887498949 * np.arange(1, x0.size + 1) * (k + 1) + 0.2 * k)[0]
        x = np.where(x0 == 0.0, scale, x0) * factors
        jacobian = np.asarray(model.jacobian(0.0, x), dtype=float) * scale / scale[:, None]
        if np.isfinite(jacobian).all():
            blocks.append(jacobian)
    if len(blocks) < 2:
        return np.zeros((x0.size, 0))
    f = np.asarray(model.rhs(0.0, x0), dtype=float) / scale
    stacked = np.hstack([*blocks, f[:, None]])
    # Rows of slow variables are small; without equilibration they look like laws beside fast ones.
    size = np.abs(stacked).max(axis=1)
    size[size == 0.0] = 1.0
    even = stacked / size[:, None]
    u, singular, _ = np.linalg.svd(even, full_matrices=True)
    rank = int(np.sum(singular > _TOLERANCE * singular[0])) if singular.size else 0
    vectors = u[:, rank:]
    # In a law the terms of every column cancel; a slow drift is no law.
    cancels = np.abs(vectors.T @ even) <= _CANCELLATION * (np.abs(vectors).T @ np.abs(even)) + 1e-14
    vectors = (vectors / size[:, None])[:, cancels.all(axis=1)]
    return np.linalg.qr(vectors)[0] if vectors.shape[1] else vectors
