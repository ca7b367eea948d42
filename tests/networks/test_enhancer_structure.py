"""What the enhancer reads of a network: structure by name, nothing that depends on a kinetic constant."""

import libsbml
import numpy as np
import pytest

from skperturb._validation import ensure_networks
from skperturb.datasets import load_textbook_models
from skperturb.networks import GCNEnhancer, InfluenceNetwork
from skperturb.networks._enhancer_graph import (
    EDGE_FEATURES,
    NODE_FEATURES,
    PAIR_FEATURES,
    source_graph,
)
from skperturb.networks._enhancer_sampling import sampled_responses
from skperturb.networks._enhancer_structure import reaction_roles
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
def textbook():
    return [str(source) for source in load_textbook_models().data]


@pytest.fixture(scope="module")
def networks(textbook):
    return JacobianExtractor(at="initial").fit_transform(textbook)


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


def test_structure_is_read_by_name(networks):
    network = max(networks, key=lambda item: item.n_nodes)
    order = np.random.default_rng(0).permutation(network.n_nodes)
    names = [network.names[k] for k in order]
    roles, shuffled = (reaction_roles(network.structure, part) for part in (network.names, names))
    np.testing.assert_array_equal(shuffled.stoichiometry, roles.stoichiometry[order])
    np.testing.assert_array_equal(shuffled.node_features(), roles.node_features()[order])
    np.testing.assert_allclose(shuffled.moieties, roles.moieties[np.ix_(order, order)], atol=1e-9)


def test_names_that_the_structure_does_not_know_take_part_in_nothing(networks):
    roles = reaction_roles(networks[0].structure, [*networks[0].names, "stranger"])
    assert (roles.stoichiometry[-1] == 0).all()
    assert not roles.dependence[:, -1].any()
    assert roles.compartment[-1] == -1
    assert roles.species[-1] == 0


def test_shapes_and_finite_features(networks):
    for network in [*networks, InfluenceNetwork([[0.0]]), InfluenceNetwork(np.zeros((3, 3)))]:
        graph = source_graph(ensure_networks([network])[0], network.structure)
        n_nodes, n_edges = network.n_nodes, graph.edges.shape[1]
        assert graph.node_features.shape == (n_nodes, NODE_FEATURES)
        assert graph.edge_features.shape == (n_edges, EDGE_FEATURES)
        assert graph.pair_features.shape == (n_nodes, n_nodes, PAIR_FEATURES)
        parts = (graph.node_features, graph.edge_features, graph.pair_features)
        assert all(np.isfinite(part).all() for part in parts)


def test_sampled_responses_fade_along_a_chain():
    signs = np.diag([-1.0] * 4) + np.diag([1.0] * 3, -1)
    mean, deviation = sampled_responses(signs, None, location=-2.0)
    assert (np.diff(mean[:, 0]) < 0).all()
    np.testing.assert_allclose(np.diag(mean), 0, atol=1e-12)
    assert (deviation[1:, 0] > 0).all()


def test_sampled_responses_keep_what_a_reaction_moves():
    """A -> B and B -> A: what one loses the other gains, in every draw."""
    from skperturb.networks._enhancer_sampling import _Magnitudes
    from skperturb.networks._enhancer_structure import ReactionRoles

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
