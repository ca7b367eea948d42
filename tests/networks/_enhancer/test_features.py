"""What the enhancer reads of a network: structure by name, nothing that depends on a kinetic constant."""

import libsbml
import numpy as np
import pytest

from skperturb._validation import ensure_networks
from skperturb.networks import GCNEnhancer, InfluenceNetwork
from skperturb.networks._enhancer.class_model import _hub
from skperturb.networks._enhancer.features import (
    EDGE_FEATURES,
    NODE_FEATURES,
    PAIR_FEATURES,
    network_features,
)
from skperturb.networks._enhancer.random_kinetics import ensemble_features
from skperturb.networks._enhancer.reactions import NODE_COLUMNS
from skperturb.sbml import JacobianExtractor, sensitivity_matrix


def rescaled(path, rng):
    """The SBML text with every constant parameter, global and local, times a random positive factor."""
    document = libsbml.readSBMLFromString(path if path.lstrip().startswith("<") else open(path).read())  # noqa: SIM115
    model = document.getModel()
    changed = 0
    parameters = [p for p in model.getListOfParameters() if p.getConstant()]
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        parameters += [] if law is None else list(law.getListOfParameters())
    for parameter in parameters:
        parameter.setValue(parameter.getValue() * float(np.exp(rng.uniform(-1, 1))))
        changed += 1
    return libsbml.writeSBMLToString(document), changed


@pytest.fixture(scope="module")
def fitted(networks):
    truths = [sensitivity_matrix(network, "dynamo", undefined="nan").fillna(1.0) for network in networks]
    return GCNEnhancer(hidden_dim=8, max_epochs=2, n_models=1, random_state=0).fit(networks, truths)


def test_predictions_do_not_change_when_kinetic_constants_do(textbook, networks, fitted):
    rng = np.random.default_rng(0)
    texts, counts = zip(*(rescaled(path, rng) for path in textbook), strict=True)
    assert sum(counts) > 50
    others = JacobianExtractor(at="initial").fit_transform(list(texts))
    magnitudes_differ = same_signs = 0
    for network, other in zip(networks, others, strict=True):
        magnitudes_differ += not np.allclose(network.jacobian, other.jacobian)
        # Where two reactions pull in opposite directions, the sign itself depends on the constants.
        if not (network.signs() == other.signs()).all(axis=None):
            continue
        same_signs += 1
        np.testing.assert_array_equal(fitted.predict([network])[0], fitted.predict([other])[0])
    assert magnitudes_differ > 0.8 * len(networks)
    assert same_signs > 0.7 * len(networks)


@pytest.mark.parametrize("kind", ["relative", "steady_state", "dynamo"])
def test_shapes_and_finite_features(networks, kind):
    for network in [*networks, InfluenceNetwork([[0.0]]), InfluenceNetwork(np.zeros((3, 3)))]:
        graph = network_features(ensure_networks([network])[0], network, kind)
        n_nodes, n_edges = network.n_nodes, graph.edges.shape[1]
        assert graph.node_features.shape == (n_nodes, NODE_FEATURES)
        assert graph.edge_features.shape == (n_edges, EDGE_FEATURES)
        assert graph.pair_features.shape == (n_nodes, n_nodes, PAIR_FEATURES)
        parts = (graph.node_features, graph.edge_features, graph.pair_features)
        assert all(np.isfinite(part).all() for part in parts)


# A_ij is the influence of j on i: 0 activates 1, 1 represses 2, 2 activates 1; 3 stands alone.
SMALL_NETWORK = np.array([[-2.0, 0, 0, 0], [3.0, 0, 0.5, 0], [0, -1.0, 0, 0], [0, 0, 0, 0.1]])
# Steps from the column to the row.
STEPS = np.array([[0, np.inf, np.inf, np.inf], [1, 0, 1, np.inf], [2, 1, 0, np.inf], [np.inf, np.inf, np.inf, 0]])


def small_graph():
    return network_features(ensure_networks([SMALL_NETWORK])[0])


def test_node_features_by_hand():
    features = small_graph().node_features
    ln2, ln3 = np.log(2), np.log(3)
    by_hand = np.array(
        [
            # self-inhibition, self-activation, activators, repressors, activated, repressed,
            # shares of nodes that reach it, that it reaches, that share its cycle
            [1, 0, 0, 0, ln2, 0, 1 / 4, 3 / 4, 1 / 4],
            [0, 0, ln3, 0, 0, ln2, 3 / 4, 2 / 4, 2 / 4],
            [0, 0, 0, ln2, ln2, 0, 3 / 4, 2 / 4, 2 / 4],
            [0, 1, 0, 0, 0, 0, 1 / 4, 1 / 4, 1 / 4],
        ]
    )
    np.testing.assert_allclose(features[:, :9], by_hand, rtol=1e-6)
    start = 9 + NODE_COLUMNS
    relative = (by_hand - by_hand.mean(axis=0)) / (by_hand.std(axis=0) + 0.3)
    np.testing.assert_allclose(features[:, start : start + 9], relative, rtol=1e-5, atol=1e-6)


def test_pair_features_by_hand():
    from scipy.stats import rankdata

    pairs = small_graph().pair_features
    reachable = np.isfinite(STEPS)
    signs = np.sign(SMALL_NETWORK)
    mutual = np.minimum(STEPS, STEPS.T)
    by_hand = [
        np.eye(4),
        1 / (1 + STEPS),
        np.log(1 + np.where(reachable, STEPS, 0)),
        1 / (1 + STEPS.T),
        1 / (1 + mutual),
        STEPS == 1,
        STEPS.T == 1,
        STEPS == 2,
        signs,
        signs.T,
    ]
    np.testing.assert_allclose(pairs[..., :10], np.stack(by_hand, axis=-1), rtol=1e-6)
    sampled = ensemble_features(ensure_networks([SMALL_NETWORK])[0], None, "relative", reachable)
    np.testing.assert_allclose(pairs[..., 13:19], sampled, rtol=1e-6)
    assert (pairs[~reachable][:, 13:19] == 0).all()
    assert sorted(pairs[reachable][:, 13] * reachable.sum()) == sorted(rankdata(pairs[reachable][:, 14]))


def test_nodes_know_their_mean_pairs():
    graph = small_graph()
    columns = graph.pair_features[..., 12:19].astype(float)
    own = np.zeros((4, 14))
    for node in range(4):
        sources = [j for j in range(4) if j != node and np.isfinite(STEPS[node, j])]
        targets = [i for i in range(4) if i != node and np.isfinite(STEPS[i, node])]
        own[node, :7] = np.mean([columns[node, j] for j in sources], axis=0) if sources else 0
        own[node, 7:] = np.mean([columns[i, node] for i in targets], axis=0) if targets else 0
    expected = (own - own.mean(axis=0)) / (own.std(axis=0) + 1e-3)
    np.testing.assert_allclose(graph.node_features[:, -14:], expected, rtol=1e-4, atol=1e-5)


def test_hub_has_most_edges():
    star = np.eye(5)
    star[3] = 1.0
    assert _hub(network_features(ensure_networks([star], "X")[0])) == 3
