"""Neighborhood scores against their definitions, computed naively with networkx."""

import numpy as np
import pandas as pd
import pytest

from skperturb.interactions import (
    AdamicAdar,
    CommonNeighbors,
    DegreeProduct,
    JaccardIndex,
    L3Paths,
    ResourceAllocation,
)


@pytest.mark.parametrize(
    ("model", "definition"),
    [
        (CommonNeighbors(), lambda naive, *pair: naive.common(*pair)),
        (AdamicAdar(), lambda naive, *pair: naive.common(*pair, lambda d: 1 / np.log(d))),
        (ResourceAllocation(), lambda naive, *pair: naive.common(*pair, lambda d: 1 / d)),
        (JaccardIndex(), lambda naive, *pair: naive.jaccard(*pair)),
        (DegreeProduct(), lambda naive, *pair: naive.degree_product(*pair)),
        (L3Paths(), lambda naive, *pair: naive.paths(*pair, 0.5)),
        (L3Paths(normalization="degree"), lambda naive, *pair: naive.paths(*pair, 1.0)),
        (L3Paths(normalization="symmetric"), lambda naive, *pair: naive.symmetric_paths(*pair)),
    ],
    ids=lambda value: "definition" if callable(value) else repr(value),
)
def test_equals_definition(model, definition, naive):
    model.set_params(random_state=0, genes=range(18)).fit(naive.edges)
    expected = [definition(naive, u, v) for u, v in naive.pairs]
    np.testing.assert_allclose(model.transform(naive.pairs).ravel(), expected, atol=1e-12)
    np.testing.assert_allclose(model.transform([(v, u) for u, v in naive.pairs]).ravel(), expected, atol=1e-12)


@pytest.mark.parametrize("normalization", ["sqrt", "degree", "symmetric"])
def test_rounding_is_no_path(normalization):
    tree = [("a", "d"), ("g", "h"), ("c", "f"), ("a", "e"), ("b", "d"), ("c", "h")]
    model = L3Paths(normalization=normalization, random_state=0).fit(tree)
    # In a tree, no path of length three joins two genes that are linked.
    assert not model.transform(tree).any()
    assert np.abs(model.decision_function([("a", "b"), ("a", "h"), ("e", "b"), *tree])).max() < 10


def test_adding_the_pair_itself_changes_nothing(naive):
    free = next(pair for pair in naive.pairs if not naive.graph.has_edge(*pair))
    for model in (L3Paths(), JaccardIndex(), DegreeProduct(), CommonNeighbors()):
        model.set_params(random_state=0, genes=range(18))
        before = model.fit(naive.edges).transform([free])
        np.testing.assert_allclose(model.fit([*naive.edges, free]).transform([free]), before, atol=1e-12)


def test_expression_adds_a_feature(naive):
    expression = pd.DataFrame(np.random.RandomState(0).normal(size=(10, 5)))
    model = L3Paths(expression, random_state=0).fit(naive.edges)
    assert model.get_feature_names_out().tolist() == ["l3paths", "absolute_correlation"]
    features = model.transform([(0, 1), (0, 17)])
    assert features[0, 1] == pytest.approx(abs(np.corrcoef(expression.loc[0], expression.loc[1])[0, 1]))
    assert features[1, 1] == 0.0  # gene 17 has no expression


def test_probabilities_rank_like_the_score(naive):
    model = L3Paths(random_state=0).fit(naive.edges)
    score, probability = model.transform(naive.pairs).ravel(), model.predict_proba(naive.pairs)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    order = np.argsort(score)
    steps = np.diff(model.decision_function(naive.pairs)[order])
    assert (steps >= -1e-12).all() or (steps <= 1e-12).all()
    np.testing.assert_array_equal(model.predict(naive.pairs), probability[:, 1] > 0.5)
