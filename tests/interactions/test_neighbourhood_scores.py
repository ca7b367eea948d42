"""Neighbourhood scores against their definitions, computed naively with networkx."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from skperturb.interactions import (
    AdamicAdar,
    CommonNeighbors,
    DegreeProduct,
    ExpressionCorrelation,
    JaccardIndex,
    L3Paths,
    ResourceAllocation,
)

GRAPH = nx.gnm_random_graph(18, 50, seed=3)
EDGES = [(int(u), int(v)) for u, v in GRAPH.edges]
PAIRS = list(itertools.combinations(range(18), 2))


def paths(u, v, power):
    total = 0.0
    for x in set(GRAPH[u]) - {v}:
        for y in set(GRAPH[v]) - {u, x}:
            if GRAPH.has_edge(x, y):
                total += (GRAPH.degree(x) * GRAPH.degree(y)) ** -power
    return total


def jaccard(u, v):
    first, second = set(GRAPH[u]) - {v}, set(GRAPH[v]) - {u}
    return len(first & second) / len(first | second) if first | second else 0.0


def degree_product(u, v):
    own = GRAPH.has_edge(u, v)
    return np.log1p(GRAPH.degree(u) - own) + np.log1p(GRAPH.degree(v) - own)


def symmetric_paths(u, v):
    own = GRAPH.has_edge(u, v)
    return paths(u, v, 1.0) / np.sqrt(max(GRAPH.degree(u) - own, 1) * max(GRAPH.degree(v) - own, 1))


def common(weight):
    return lambda u, v: sum(weight(GRAPH.degree(x)) for x in set(GRAPH[u]) & set(GRAPH[v]))


@pytest.mark.parametrize(
    ("model", "definition"),
    [
        (CommonNeighbors(), common(lambda d: 1.0)),
        (AdamicAdar(), common(lambda d: 1 / np.log(d))),
        (ResourceAllocation(), common(lambda d: 1 / d)),
        (JaccardIndex(), jaccard),
        (DegreeProduct(), degree_product),
        (L3Paths(), lambda u, v: paths(u, v, 0.5)),
        (L3Paths(normalization="degree"), lambda u, v: paths(u, v, 1.0)),
        (L3Paths(normalization="symmetric"), symmetric_paths),
    ],
    ids=repr,
)
def test_equals_definition(model, definition):
    model.set_params(random_state=0, genes=range(18)).fit(EDGES)
    expected = [definition(u, v) for u, v in PAIRS]
    np.testing.assert_allclose(model.transform(PAIRS).ravel(), expected, atol=1e-12)
    np.testing.assert_allclose(model.transform([(v, u) for u, v in PAIRS]).ravel(), expected, atol=1e-12)


def test_adding_the_pair_itself_changes_nothing():
    free = next(pair for pair in PAIRS if not GRAPH.has_edge(*pair))
    for model in (L3Paths(), JaccardIndex(), DegreeProduct(), CommonNeighbors()):
        model.set_params(random_state=0, genes=range(18))
        before = model.fit(EDGES).transform([free])
        np.testing.assert_allclose(model.fit([*EDGES, free]).transform([free]), before, atol=1e-12)


def test_correlation():
    values = np.random.RandomState(0).normal(size=(18, 7))
    model = ExpressionCorrelation(values, random_state=0).fit(EDGES)
    expected = [abs(np.corrcoef(values[u], values[v])[0, 1]) for u, v in PAIRS]
    np.testing.assert_allclose(model.transform(PAIRS).ravel(), expected)


def test_expression_adds_a_feature():
    expression = pd.DataFrame(np.random.RandomState(0).normal(size=(10, 5)))
    model = L3Paths(expression, random_state=0).fit(EDGES)
    assert model.get_feature_names_out().tolist() == ["l3paths", "absolute_correlation"]
    features = model.transform([(0, 1), (0, 17)])
    assert features[0, 1] == pytest.approx(abs(np.corrcoef(expression.loc[0], expression.loc[1])[0, 1]))
    assert features[1, 1] == 0.0  # gene 17 has no expression


def test_probabilities_rank_like_the_score():
    model = L3Paths(random_state=0).fit(EDGES)
    score, probability = model.transform(PAIRS).ravel(), model.predict_proba(PAIRS)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    order = np.argsort(score)
    steps = np.diff(model.decision_function(PAIRS)[order])
    assert (steps >= -1e-12).all() or (steps <= 1e-12).all()
    np.testing.assert_array_equal(model.predict(PAIRS), probability[:, 1] > 0.5)


def test_constant_expression_is_uncorrelated():
    expression = np.random.RandomState(0).normal(size=(18, 5))
    expression[0] = 0.1
    model = ExpressionCorrelation(expression, random_state=0).fit(EDGES)
    assert model.transform([(0, 1), (0, 5)]).ravel().tolist() == [0.0, 0.0]


def test_features_of_a_fold_by_their_definitions():
    """What `GNEEmbedder` says of a pair: its network's probability, degrees, neighbours and singular vectors."""
    from skperturb._pairs import symmetric_graph
    from skperturb.interactions._cross_fit import FEATURES, FoldModel
    from skperturb.interactions._gne_training import GeneVectors

    rng = np.random.default_rng(0)
    h, v, b = rng.normal(size=(18, 4)), rng.normal(size=(18, 4)), rng.normal(size=18)
    pairs = np.array([*PAIRS, *[pair[::-1] for pair in PAIRS[:40]]])
    found = FoldModel(GeneVectors(h, v, b, []), symmetric_graph(np.array(EDGES), 18)).features(pairs)
    found = dict(zip(FEATURES, found.T, strict=False))
    logits = h @ v.T + b
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    first, second = pairs.T
    own = np.array([GRAPH.has_edge(*pair) for pair in pairs.tolist()], dtype=float)
    degree = np.array([GRAPH.degree(k) for k in range(18)], dtype=float)
    low, high = np.sort([degree[first] - own, degree[second] - own], axis=0)
    forth, back = (h @ v.T)[first, second], (h @ v.T)[second, first]
    popularity = np.log(low + 0.1) + np.log(high + 0.1)
    expected = {
        "score": forth + back,
        "weaker_direction": np.minimum(forth, back),
        "log_probability": log_p[first, second] + log_p[second, first] + popularity,
        "bias": b[first] + b[second],
        "log_degrees": popularity,
        "smaller_log_degree": np.log(1 + low),
        "larger_log_degree": np.log(1 + high),
    }
    definitions = {
        "common_neighbors": common(lambda d: 1.0),
        "resource_allocation": common(lambda d: 1 / d),
        "l3_sqrt": lambda x, y: paths(x, y, 0.5),
        "l3_degree": lambda x, y: 100 * paths(x, y, 1.0),
        "l3_symmetric": lambda x, y: 1000 * symmetric_paths(x, y),
    }
    for name, definition in definitions.items():
        expected[name] = np.log(np.array([definition(*pair) for pair in pairs.tolist()]) + 1e-3)
    of_partners = np.array([np.mean([np.log(1 + degree[x]) for x in GRAPH[k]]) for k in range(18)])
    even = degree[first] == degree[second]
    rarer = np.where(degree[first] < degree[second], first, second)
    mean = of_partners[pairs].mean(axis=1)
    expected["partners_of_rarer"] = np.where(even, mean, of_partners[rarer])
    expected["partners_of_commoner"] = np.where(even, mean, of_partners[first + second - rarer])
    scaled = nx.to_numpy_array(GRAPH, nodelist=range(18)) / np.sqrt(np.outer(degree, degree))
    left, values, right = np.linalg.svd(scaled)
    for start, stop in ((0, 4), (4, 8)):
        band = (left[:, start:stop] * values[start:stop]) @ right[start:stop]
        expected[f"spectral{start}_{stop}"] = 0.5 * (band + band.T)[first, second]
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-6, atol=1e-6, err_msg=name)
