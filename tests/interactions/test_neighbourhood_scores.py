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
