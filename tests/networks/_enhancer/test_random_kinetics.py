"""What the ensemble says of pairs, against formulas, conservation and the order of the nodes."""

import numpy as np
import pytest

from skperturb._validation import ensure_networks
from skperturb.networks._enhancer.random_kinetics import _dynamo_draws, ensemble_features

CHAIN = np.diag([-1.0] * 4) + np.diag([1.0] * 3, -1)


def features(matrix, kind, network=None):
    reachable = np.linalg.matrix_power(np.abs(np.sign(matrix)) + np.eye(len(matrix)), len(matrix)) > 0
    return ensemble_features(ensure_networks([matrix])[0], network, kind, reachable)


def test_responses_fade_along_a_chain_where_little_is_passed_on():
    values = features(CHAIN, "dynamo")
    assert (np.diff(values[:, 0, 1]) < 0).all()
    np.testing.assert_allclose(np.diagonal(values[..., 1]), 0, atol=1e-12)
    assert (values[1:, 0, 2] > 0).all()
    assert (values[np.triu_indices(4, 1)] == 0).all()


def test_signs_and_shares_of_a_chain():
    signed = CHAIN.copy()
    signed[2, 1] = -1.0
    for kind in ("relative", "steady_state"):
        values = features(signed, kind)
        np.testing.assert_array_equal(values[:, 0, 4], [1, 1, -1, -1])
        np.testing.assert_array_equal(values[:, 0, 5], np.ones(4))


def test_dynamo_draws_are_inverses_with_unit_diagonal():
    draws = _dynamo_draws(ensure_networks([CHAIN])[0], None, -2.0)
    np.testing.assert_allclose(np.diagonal(draws, axis1=1, axis2=2), 1.0)
    # Along a chain the response two steps away is the product of the responses of the steps.
    np.testing.assert_allclose(draws[:, 2, 0], draws[:, 1, 0] * draws[:, 2, 1], rtol=1e-9)


@pytest.mark.parametrize("kind", ["relative", "steady_state", "dynamo"])
def test_order_of_the_nodes_does_not_matter(kind):
    rng = np.random.default_rng(0)
    for n_nodes in (5, 9, 14):
        matrix = np.where(rng.random((n_nodes, n_nodes)) < 1.5 / n_nodes, rng.choice([-1.0, 1.0], (n_nodes,) * 2), 0.0)
        order = rng.permutation(n_nodes)
        first, second = features(matrix, kind), features(matrix[np.ix_(order, order)], kind)
        # The second deviation is the root of a difference, which leaves the square root of the rounding errors.
        np.testing.assert_allclose(first[np.ix_(order, order)], second, atol=1e-6)
