"""Correlation of expression as a predictor, against numpy's."""

import numpy as np

from skperturb.interactions import ExpressionCorrelation


def test_correlation(naive):
    values = np.random.RandomState(0).normal(size=(18, 7))
    model = ExpressionCorrelation(values, random_state=0).fit(naive.edges)
    expected = [abs(np.corrcoef(values[u], values[v])[0, 1]) for u, v in naive.pairs]
    np.testing.assert_allclose(model.transform(naive.pairs).ravel(), expected)


def test_constant_expression_is_uncorrelated(naive):
    expression = np.random.RandomState(0).normal(size=(18, 5))
    expression[0] = 0.1
    model = ExpressionCorrelation(expression, random_state=0).fit(naive.edges)
    assert model.transform([(0, 1), (0, 5)]).ravel().tolist() == [0.0, 0.0]
