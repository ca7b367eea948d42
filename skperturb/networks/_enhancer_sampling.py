"""How strongly nodes answer on average over random kinetics: what signs and structure alone say about S."""

import numpy as np

from skperturb.networks._enhancer_structure import ReactionRoles

__all__ = ["sampled_responses"]

# Entries below this share of the source's own response cannot be told from rounding errors.
_FLOOR = 1e-9


def sampled_responses(
    signs: np.ndarray,
    roles: ReactionRoles | None,
    *,
    location: float,
    n_draws: int = 48,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Average :math:`\log |S|` over random magnitudes of the entries of A.

    .. math:: S = (I - A)^{-1}, \qquad |A_{ij}| \sim \text{log-normal}

    each column of S divided by its diagonal entry. With `roles`, the magnitudes come from random fluxes, elasticities
    and concentrations of the reactions, so that what one reaction takes from a substrate it gives to its product.

    Parameters
    ----------
    signs : ndarray of shape (n_nodes, n_nodes)
        Sign pattern of A.
    roles : ReactionRoles or None
    location : float
        Mean of the logarithm of the magnitudes.
    n_draws : int, default=48
    seed : int, default=0
        The draws are always the same, so that a prediction depends on its network alone.

    Returns
    -------
    mean, deviation : ndarray of shape (n_nodes, n_nodes)
        Mean and standard deviation of log |S|.
    """
    n_nodes = len(signs)
    rng = np.random.default_rng(seed)
    drawer = _Magnitudes(signs, roles, location)
    total, squares = np.zeros((n_nodes, n_nodes)), np.zeros((n_nodes, n_nodes))
    identity = np.eye(n_nodes)
    for _ in range(n_draws):
        matrix = drawer.draw(rng)
        try:
            inverse = np.linalg.inv(identity - matrix)
        except np.linalg.LinAlgError:
            inverse = np.linalg.pinv(identity - matrix)
        own = np.abs(np.diag(inverse))
        response = np.abs(inverse) / np.where(own > 0, own, 1.0)
        logs = np.log(np.clip(response, _FLOOR, 1 / _FLOOR))
        total += logs
        squares += logs**2
    mean = total / n_draws
    return mean, np.sqrt(np.maximum(squares / n_draws - mean**2, 0.0))


class _Magnitudes:
    """Draws matrices with a given sign pattern."""

    def __init__(self, signs: np.ndarray, roles: ReactionRoles | None, location: float) -> None:
        self.signs = signs
        self.location = location
        self.roles = roles
        if roles is not None:
            self.slopes = roles.dependence * _slope_signs(signs, roles)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        free = np.exp(self.location + 1.5 * rng.standard_normal(self.signs.shape))
        if self.roles is None:
            return self.signs * free
        n_reactions, n_nodes = self.slopes.shape
        flux = rng.standard_normal((n_reactions, 1))
        level = rng.standard_normal((1, n_nodes))
        slope = np.exp(self.location + flux - 0.7 * level + 0.7 * rng.standard_normal((n_reactions, n_nodes)))
        carried = np.abs(self.roles.stoichiometry @ (self.slopes * slope))
        return self.signs * np.where(carried > 0, carried, free)


def _slope_signs(signs: np.ndarray, roles: ReactionRoles) -> np.ndarray:
    """Guess the sign of each derivative of a rate: by its order, else by the edges that it carries."""
    votes = np.sign(roles.stoichiometry).T @ signs
    guess = np.where(votes < 0, -1.0, 1.0)
    return np.where(np.isnan(roles.orders), guess, np.sign(roles.orders))
