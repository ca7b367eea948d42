"""The features of pairs against their definitions."""

import networkx as nx
import numpy as np

from skperturb._pairs import symmetric_graph
from skperturb.interactions._gne.features import FEATURES, NeighborhoodFeatures, PairFeatures, described_by_all
from skperturb.interactions._gne.training import GeneVectors


def test_features_by_their_definitions(naive):
    """What `GNEEmbedder` says of a pair: its network's probability, degrees, neighbors and singular vectors."""
    rng = np.random.default_rng(0)
    h, v, b = rng.normal(size=(18, 4)), rng.normal(size=(18, 4)), rng.normal(size=18)
    pairs = np.array([*naive.pairs, *[pair[::-1] for pair in naive.pairs[:40]]])
    found = PairFeatures(GeneVectors(h, v, b, []), symmetric_graph(np.array(naive.edges), 18)).structural(pairs)
    found = dict(zip(FEATURES, found.T, strict=False))
    logits = h @ v.T + b
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    first, second = pairs.T
    own = np.array([naive.graph.has_edge(*pair) for pair in pairs.tolist()], dtype=float)
    degree = np.array([naive.graph.degree(k) for k in range(18)], dtype=float)
    low, high = np.sort([degree[first] - own, degree[second] - own], axis=0)
    forth, back = (h @ v.T)[first, second], (h @ v.T)[second, first]
    popularity = np.log(low + 0.1) + np.log(high + 0.1)
    expected = {
        "score": forth + back,
        "log_probability": log_p[first, second] + log_p[second, first] + popularity,
        "log_degrees": popularity,
        "smaller_log_degree": np.log(1 + low),
        "larger_log_degree": np.log(1 + high),
    }
    definitions = {
        "common_neighbors": naive.common,
        "resource_allocation": lambda x, y: naive.common(x, y, lambda d: 1 / d),
        "l3_sqrt": lambda x, y: naive.paths(x, y, 0.5),
        "l3_degree": lambda x, y: 100 * naive.paths(x, y, 1.0),
        "l3_symmetric": lambda x, y: 1000 * naive.symmetric_paths(x, y),
    }
    for name, definition in definitions.items():
        expected[name] = np.log(np.array([definition(*pair) for pair in pairs.tolist()]) + 1e-3)
    similar = np.sort([[naive.similarity(*pair), naive.similarity(*pair[::-1])] for pair in pairs.tolist()], axis=1)
    expected["l3_less_similar"], expected["l3_more_similar"] = np.log(similar + 0.01).T
    of_partners = np.array([np.mean([np.log(1 + degree[x]) for x in naive.graph[k]]) for k in range(18)])
    even = degree[first] == degree[second]
    rarer = np.where(degree[first] < degree[second], first, second)
    mean = of_partners[pairs].mean(axis=1)
    expected["partners_of_rarer"] = np.where(even, mean, of_partners[rarer])
    expected["partners_of_commoner"] = np.where(even, mean, of_partners[first + second - rarer])
    scaled = nx.to_numpy_array(naive.graph, nodelist=range(18)) / np.sqrt(np.outer(degree, degree))
    left, values, right = np.linalg.svd(scaled)
    for start, stop in ((0, 4), (4, 8)):
        band = (left[:, start:stop] * values[start:stop]) @ right[start:stop]
        expected[f"spectral{start}_{stop}"] = 0.5 * (band + band.T)[first, second]
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-6, atol=1e-6, err_msg=name)


def test_new_pairs_are_described_by_all_folds_and_the_whole_graph(naive):
    rng = np.random.default_rng(0)
    edges = np.array(naive.edges)
    vectors = [GeneVectors(*(rng.normal(size=(18, 4)) for _ in range(2)), rng.normal(size=18), []) for _ in range(2)]
    folds = [PairFeatures(part, symmetric_graph(edges[k::2], 18)) for k, part in enumerate(vectors)]
    pairs = np.array(naive.pairs)
    found = described_by_all(folds, NeighborhoodFeatures(symmetric_graph(edges, 18)), pairs)
    mean = np.mean([fold.structural(pairs) for fold in folds], axis=0)
    whole = PairFeatures(vectors[0], symmetric_graph(edges, 18)).structural(pairs)
    first, last = FEATURES.index("log_degrees"), FEATURES.index("l3_less_similar")
    for k, name in enumerate(FEATURES):
        expected = whole if first <= k <= last else mean
        np.testing.assert_allclose(found[:, k], expected[:, k], atol=1e-12, err_msg=name)
