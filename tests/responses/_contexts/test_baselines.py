"""Means over contexts."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor, ContextMean, OtherContextsMean, PerturbationEncoder

TABLE = pd.DataFrame(
    {
        "gene": ["A", "B", "A", "B", "A+B", "A", "ctrl", "A_0.5"],
        "line": ["x", "x", "y", "y", "y", "z", "z", "w"],
    }
)
Y = np.array([[1.0], [2.0], [3.0], [6.0], [7.0], [8.0], [50.0], [1.0]])
ENCODER = PerturbationEncoder(contexts={"line": list("xyzwv")}, genes=["A", "B", "C"]).set_output(transform="pandas")
X = ENCODER.fit_transform(TABLE)


def _predict(model, gene, line, **options):
    return model.fit(X, Y, **options).predict(ENCODER.transform(pd.DataFrame({"gene": [gene], "line": [line]})))[0, 0]


@pytest.mark.parametrize(
    ("gene", "line", "expected"),
    [
        ("A", "x", (3 + 8) / 2),
        ("A", "v", (1 + 3 + 8) / 3),
        ("B", "z", 4.0),
        ("A+B", "v", 7.0),
        ("A+B", "y", (1 + 8 + 1) / (1 + 1 + 0.5) + 2),
        ("C", "y", (3 + 6 + 7) / 3),
        ("C", "v", (1 + 2 + 3 + 6 + 7 + 8 + 1) / 7),
        ("A+C", "x", 1.5),
        ("ctrl", "y", 0.0),
    ],
)
def test_mean_of_the_other_contexts(gene, line, expected):
    assert _predict(OtherContextsMean(), gene, line) == pytest.approx(expected)


@pytest.mark.parametrize(("gene", "line", "expected"), [("C", "x", 1.5), ("A", "y", 16 / 3), ("C", "v", 28 / 7)])
def test_mean_of_the_context(gene, line, expected):
    assert _predict(ContextMean(), gene, line) == pytest.approx(expected)


def test_weights_count_and_noise_lowers_them():
    weight = np.array([1.0, 1, 3, 1, 1, 0, 1, 1])
    assert _predict(OtherContextsMean(), "A", "v", sample_weight=weight) == pytest.approx((1 + 3 * 3) / 4)
    # Of seven perturbed rows, with the mean 4 and the variance 52 / 7, of which 7 / 7 is noise.
    noisy = _predict(OtherContextsMean(), "A", "v", noise_variance=np.array([0, 0, 0, 0, 0, 7.0, 0, 0]))
    exact, inexact = 1 / (45 / 7), 1 / (45 / 7 + 7)
    assert noisy == pytest.approx(((1 + 3) * exact + 8 * inexact) / (2 * exact + inexact))


def test_without_contexts_both_are_the_mean():
    doses = np.eye(3)
    for model in (OtherContextsMean(), ContextMean()):
        np.testing.assert_allclose(model.fit(doses, doses).predict(doses[:1]), [[1 / 3] * 3])
        assert model.contexts_ == []


def test_addition_takes_the_effects_of_the_context():
    model = AdditiveRegressor().fit(X, Y)
    rows = ENCODER.transform(pd.DataFrame({"gene": ["A+B", "A+B", "A", "C"], "line": ["x", "z", "v", "x"]}))
    # In z only A was perturbed; B has its mean over x and y there. A has the effect 2 per dose in w.
    expected = [3.0, 8 + 4, (1 + 3 + 8 + 2) / 4, 0.0]
    np.testing.assert_allclose(model.predict(rows).ravel(), expected)
    assert model.effects_.shape == (6 * 3, 1)
    assert model.contexts_ == [*"xyzwv", "unknown"]
