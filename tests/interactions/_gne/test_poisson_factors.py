"""Poisson factors of graphs whose communities are known."""

import networkx as nx
import numpy as np
import pytest

from skperturb._pairs import symmetric_graph
from skperturb.interactions._gne import poisson_factors
from skperturb.interactions._gne.poisson_factors import PoissonFactors

# Two separate bipartite blocks of unequal size, and a node without edges.
BLOCKS = nx.disjoint_union(nx.complete_bipartite_graph(4, 6), nx.complete_bipartite_graph(3, 9))
GRAPH = symmetric_graph(np.array(BLOCKS.edges), 23)
DEGREES = np.diff(GRAPH.indptr).astype(float)
ALL = np.column_stack(np.triu_indices(23, k=1))
MODEL = PoissonFactors.fit(GRAPH, 4)


def test_explains_bipartite_blocks():
    linked = np.asarray(GRAPH[ALL[:, 0], ALL[:, 1]]).ravel() > 0
    expected = MODEL.expected(ALL)
    assert expected[linked] == pytest.approx(1.0, abs=0.05)
    assert expected[~linked].max() < 0.05


def test_communities_keep_the_degrees():
    # One community is the maximum of the likelihood given the degrees alone.
    single = PoissonFactors.fit(GRAPH, 1)
    by_degree = DEGREES[ALL].prod(axis=1) / DEGREES.sum()
    np.testing.assert_allclose(single.expected(ALL), by_degree, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(single.features(ALL, DEGREES)[1], 0.0, atol=1e-3)


def test_ratio_leaves_popularity_out():
    _, ratio = MODEL.features(ALL, DEGREES)
    same = (ALL[:, 0] < 4) & (ALL[:, 1] >= 4) & (ALL[:, 1] < 10)
    # An edge of the first block is 2m / (d_u d_v) times as frequent as the degrees say.
    assert ratio[same] == pytest.approx(np.log(DEGREES.sum() / 24), abs=0.06)
    assert (ratio[ALL[:, 1] == 22] == 0).all()


@pytest.mark.parametrize("fast", [True, False])
def test_ratios_are_those_of_dense_matrices(monkeypatch, fast):
    monkeypatch.setattr(poisson_factors, "_EDGES_PER_BLOCK", 50)  # several blocks, the last one not full
    rng = np.random.default_rng(0)
    left, right = (rng.uniform(0.1, 1.0, (23, 4)).astype(np.float32) for _ in range(2))
    expected = GRAPH.toarray() / (left @ right.T) @ right
    np.testing.assert_allclose(poisson_factors._ratios(GRAPH, fast)(left, right), expected, rtol=1e-4)


def test_order_of_a_pair_does_not_count():
    np.testing.assert_array_equal(MODEL.expected(ALL), MODEL.expected(ALL[:, ::-1]))


def test_more_communities_than_nodes():
    assert np.isfinite(PoissonFactors.fit(symmetric_graph(np.array([[0, 1]]), 3), 64).expected(np.array([[0, 2]])))
