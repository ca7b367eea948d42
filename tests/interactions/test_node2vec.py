"""node2vec: the walks themselves, and the vectors where gensim is installed."""

import importlib.util

import numpy as np
import pytest

from skperturb._pairs import symmetric_graph
from skperturb.datasets import make_gene_network
from skperturb.interactions import Node2VecGeneEmbedder
from skperturb.interactions._node2vec import random_walks

needs_gensim = pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason="gensim is not installed")
# A triangle 0-1-2 with a tail 2-3, and a node without partners.
GRAPH = symmetric_graph(np.array([(0, 1), (0, 2), (1, 2), (2, 3)]), 5)


def test_walks_follow_edges():
    walks = random_walks(GRAPH, 3, 20, 0.5, 2.0, np.random.RandomState(0))
    assert walks.shape == (4 * 3, 20)
    assert (GRAPH[walks[:, :-1].ravel(), walks[:, 1:].ravel()] == 1).all()
    np.testing.assert_array_equal(np.bincount(walks[:, 0]), [3, 3, 3, 3])


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (4.0, 0.5), (0.25, 2.0)])
def test_walks_have_the_second_order_probabilities(p, q):
    walks = random_walks(GRAPH, 200, 60, p, q, np.random.RandomState(1))
    steps = np.lib.stride_tricks.sliding_window_view(walks, 3, axis=1).reshape(-1, 3)
    came = steps[(steps[:, 0] == 0) & (steps[:, 1] == 2), 2]
    # From 0 over 2: back to 0, to 1 (a partner of 0), or to 3 (none).
    weights = np.array([1 / p, 1.0, 1 / q])
    found = np.array([(came == node).mean() for node in (0, 1, 3)])
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.03)


@pytest.mark.skipif(importlib.util.find_spec("gensim") is not None, reason="gensim is installed")
def test_missing_gensim_names_the_extra():
    with pytest.raises(ImportError, match=r"skperturb\[node2vec\]"):
        Node2VecGeneEmbedder().fit([("a", "b"), ("b", "c"), ("c", "d")])


@needs_gensim
def test_vectors_of_modules():
    network = make_gene_network(60, 2, n_interactions=400, within=0.95, degree_exponent=0.2, random_state=0)
    model = Node2VecGeneEmbedder(n_components=16, max_epochs=3, genes=[*network.genes, "alone"], random_state=0)
    vectors = model.fit(network.pairs).embed(network.genes)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    modules = network.modules[network.genes].to_numpy()
    same = modules[:, None] == modules[None, :]
    similarity = vectors @ vectors.T
    assert similarity[same].mean() > similarity[~same].mean() + 0.1
    assert not model.embed(["alone"]).any()
    again = Node2VecGeneEmbedder(n_components=16, max_epochs=3, genes=[*network.genes, "alone"], random_state=0)
    np.testing.assert_array_equal(again.fit(network.pairs).embedding_, model.embedding_)
