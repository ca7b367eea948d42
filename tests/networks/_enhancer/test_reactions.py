"""What the enhancer reads of the reactions behind a network, matched by name."""

import numpy as np

from skperturb.networks._enhancer.reactions import ReactionRoles, _moiety_projector, reaction_roles


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


def roles_of(stoichiometry, orders, reversible):

    n_nodes, n_reactions = stoichiometry.shape
    return ReactionRoles(
        stoichiometry=stoichiometry,
        dependence=orders != 0,
        orders=orders,
        reversible=reversible,
        forms=np.zeros((n_reactions, 7)),
        moieties=_moiety_projector(stoichiometry),
        species=np.ones(n_nodes),
        boundary=np.zeros(n_nodes),
        compartment=np.zeros(n_nodes, dtype=int),
    )


def test_edges_and_nodes_describe_their_reactions():
    """A -> C, first order; 2 A -> C, second order and reversible; E catalyzes the first and is nowhere changed."""
    roles = roles_of(
        np.array([[-1.0, -2.0], [1.0, 1.0], [0.0, 0.0]]),  # A, C, E
        np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 0.0]]),
        np.array([False, True]),
    )
    edges = roles.edge_features(np.array([1, 1, 2]), np.array([0, 2, 0]))
    # consumes and produces the target; consumes, produces, leaves the source; order unknown, 1, > 1, < 0; reversible
    np.testing.assert_allclose(edges[0, :10], [0, 1, 1, 0, 0, 0, 0.5, 0.5, 0, 0.5])
    np.testing.assert_allclose(edges[1, :10], [0, 1, 0, 0, 1, 0, 1, 0, 0, 0])
    np.testing.assert_allclose(edges[:, -2:], [[1, np.log(3)], [1, np.log(2)], [0, 0]])
    ln2, ln3 = np.log(2), np.log(3)
    nodes = roles.node_features()
    # consumed, produced, enters rates, catalyzes; in a moiety; only produced; only consumed; never changed
    np.testing.assert_allclose(nodes[0, 2:], [ln3, 0, ln3, 0, 0, 0, 1, 0])
    np.testing.assert_allclose(nodes[1, 2:], [0, ln3, 0, 0, 0, 1, 0, 0])
    np.testing.assert_allclose(nodes[2, 2:], [0, 0, ln2, ln2, 0, 0, 0, 1])


def test_moieties_are_projections_onto_conservation_laws():
    # A <-> B, and C -> nothing: A + B is conserved, and nothing else.
    roles = roles_of(np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0]]), np.eye(2, 3), np.zeros(2, dtype=bool))
    np.testing.assert_allclose(roles.moieties, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]], atol=1e-12)
