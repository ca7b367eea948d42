"""HeaRT's negatives: close to the interaction's genes, and never known."""

import networkx as nx
import numpy as np
import pytest

from skperturb.datasets import make_gene_network
from skperturb.interactions import CommonNeighbors
from skperturb.metrics import hits_at_k, mean_reciprocal_rank
from skperturb.model_selection import sample_negative_pairs

NETWORK = make_gene_network(120, 4, n_interactions=700, random_state=0)
TRAIN, TEST = NETWORK.pairs[:500], NETWORK.pairs[500:]


def drawn(n_samples=10, **arguments):
    return sample_negative_pairs(
        NETWORK.pairs, n_samples, strategy="heart", ends=TEST, genes=NETWORK.genes, random_state=0, **arguments
    )


def test_half_keep_each_gene_and_none_is_known():
    sample = drawn(7)
    assert sample.shape == (len(TEST), 7, 2)
    assert (sample[:, :4, 0] == TEST[:, :1]).all()
    assert (sample[:, 4:, 0] == TEST[:, 1:]).all()
    known = {frozenset(pair) for pair in NETWORK.pairs.tolist()}
    for row in sample.tolist():
        found = {frozenset(pair) for pair in row}
        assert not found & known
        assert all(len(pair) == 2 for pair in found)
        assert len({tuple(pair) for pair in row}) == 7
    np.testing.assert_array_equal(sample, drawn(7))


def test_closest_by_one_of_three_scores_come_first():
    graph = nx.Graph(TRAIN.tolist())
    graph.add_nodes_from(NETWORK.genes)
    every = nx.Graph(NETWORK.pairs.tolist())
    for pair, row in zip(TEST[:20].tolist(), drawn(10)[:20].tolist(), strict=True):
        gene = pair[0]
        others = [other for other in NETWORK.genes if other != gene and not every.has_edge(gene, other)]
        common = {other: len(set(graph[gene]) & set(graph[other])) for other in others}
        # The gene with most common neighbors has rank 0 in one of three lists, so at most two others stand before it.
        best = max(common.values())
        if list(common.values()).count(best) == 1 and best > 0:
            assert next(other for other in others if common[other] == best) in [other for _, other in row[:3]]


def test_harder_than_uniform_negatives():
    model = CommonNeighbors(genes=NETWORK.genes, random_state=0).fit(TRAIN)
    hard = drawn(20)
    uniform = np.stack(
        [sample_negative_pairs(NETWORK.pairs, 20, genes=NETWORK.genes, random_state=seed) for seed in range(len(TEST))]
    )
    positive = model.decision_function(TEST)
    scores = [model.decision_function(sample.reshape(-1, 2)).reshape(len(TEST), 20) for sample in (hard, uniform)]
    assert mean_reciprocal_rank(positive, scores[0]) < mean_reciprocal_rank(positive, scores[1]) - 0.05
    assert hits_at_k(positive, scores[0], k=5) < hits_at_k(positive, scores[1], k=5)


def test_defaults_and_refusals():
    assert sample_negative_pairs(NETWORK.pairs[:30], 4, strategy="heart", random_state=0).shape == (30, 4, 2)
    with pytest.raises(ValueError, match="between is given"):
        drawn(between=(NETWORK.genes[:60], NETWORK.genes[60:]))
    with pytest.raises(ValueError, match="n_samples asks for 100 genes"):
        drawn(200)
    with pytest.raises(TypeError, match="hidden names genes by int"):
        sample_negative_pairs(NETWORK.pairs[:30], 4, strategy="heart", hidden=[(1, 2)])
