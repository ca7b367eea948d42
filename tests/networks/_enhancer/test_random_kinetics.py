"""Mean responses over random kinetics, against formulas and conservation."""

import numpy as np
import pytest

from skperturb.networks._enhancer.random_kinetics import _Magnitudes, sampled_responses
from skperturb.networks._enhancer.reactions import ReactionRoles


def test_sampled_responses_fade_along_a_chain():
    signs = np.diag([-1.0] * 4) + np.diag([1.0] * 3, -1)
    mean, deviation = sampled_responses(signs, None, location=-2.0)
    assert (np.diff(mean[:, 0]) < 0).all()
    np.testing.assert_allclose(np.diag(mean), 0, atol=1e-12)
    assert (deviation[1:, 0] > 0).all()


def test_sampled_responses_keep_what_a_reaction_moves():
    """A -> B and B -> A: what one loses the other gains, in every draw."""

    stoichiometry = np.array([[-1.0, 1.0], [1.0, -1.0]])
    roles = ReactionRoles(
        stoichiometry=stoichiometry,
        dependence=np.eye(2, dtype=bool),
        orders=np.eye(2),
        reversible=np.zeros(2, dtype=bool),
        forms=np.zeros((2, 7)),
        moieties=np.full((2, 2), 0.5),
        species=np.ones(2),
        boundary=np.zeros(2),
        compartment=np.zeros(2, dtype=int),
    )
    drawer = _Magnitudes(np.array([[-1.0, 1.0], [1.0, -1.0]]), roles, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        np.testing.assert_allclose(drawer.draw(rng).sum(axis=0), 0, atol=1e-12)


def test_sampled_responses_have_the_moments_of_their_formula():
    """One edge b between decaying nodes: |S_21| = b / (1 + a), both log-normal with a deviation of 1.5."""
    location = -0.5
    mean, deviation = sampled_responses(np.array([[-1.0, 0.0], [1.0, -1.0]]), None, location=location, n_draws=20_000)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    log_decay = np.log1p(np.exp(location + 1.5 * nodes))
    decay = weights @ log_decay
    variance = 1.5**2 + weights @ (log_decay - decay) ** 2
    assert mean[1, 0] == pytest.approx(location - decay, abs=0.05)
    assert deviation[1, 0] == pytest.approx(np.sqrt(variance), abs=0.05)
