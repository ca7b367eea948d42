"""Bad and unusual pairs, labels and expression: one clear error each, or a documented rule."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb.interactions import DegreeProduct, ExpressionCorrelation, GNEEmbedder, L3Paths, SpectralGeneEmbedder

PAIRS = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("d", "e")]
NEGATIVES = [("a", "c"), ("b", "e")]
EXPRESSION = pd.DataFrame(np.random.RandomState(0).normal(size=(5, 4)), index=list("abcde"))

MODELS = [
    L3Paths(random_state=0),
    SpectralGeneEmbedder(n_components=2, random_state=0),
    GNEEmbedder(n_components=3, max_epochs=2, device="cpu", random_state=0),
    GNEEmbedder(n_components=3, max_epochs=2, pair_features="native", device="cpu", random_state=0),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@each_model
@pytest.mark.parametrize(
    ("X", "y", "error", "words"),
    [
        ([*PAIRS, ("a", "a")], None, ValueError, "1 self-pairs (a; first at row 5)"),
        ([*PAIRS, ("b", "a")], [1, 1, 1, 1, 1, 0], ValueError, "labelled both 0 and 1"),
        (PAIRS, [0] * 5, ValueError, "no label 1"),
        (PAIRS, [1, 1], ValueError, "y has shape (2,); expected (5,)"),
        (PAIRS, [1, 2, 1, 1, 1], ValueError, "labels ['1', '2']"),
        ([("a", 1), ("b", 2)], None, TypeError, "mixes ids of type str and int"),
        ([("a", None), ("b", "c")], None, ValueError, "X[0] is ('a', None) with a missing id"),
        ([("a", "b", "c")], None, ValueError, "exactly 2 columns"),
        (np.zeros((3, 4)), None, ValueError, "exactly 2 columns, got 4"),
        (np.array([[0.0, 1.5]]), None, ValueError, "X[0] contains 1.5"),
        ([], None, ValueError, "X is empty"),
        ({"a": "b"}, None, TypeError, "X is a dict"),
        (sp.eye_array(3), None, TypeError, "upper triangle"),
        ([("a", "b"), ("b", "c"), ("a", "c")], None, ValueError, "all pairs of its 3 genes"),
    ],
)
def test_refused(model, X, y, error, words):
    with pytest.raises(error) as caught:
        model.fit(X, y)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "error", "words"),
    [
        (EXPRESSION.mask(EXPRESSION.iloc[1, 2] == EXPRESSION), ValueError, "NaN or infinity in 1 genes (b)"),
        (EXPRESSION.set_axis(list("vwxyz")), ValueError, "knows none of the 5 genes of X"),
        (EXPRESSION.set_axis(list("aacde")), ValueError, "repeats 1 genes (a)"),
        (EXPRESSION.set_axis(range(5)), TypeError, "X names genes by str"),
        (EXPRESSION.astype(str) + "x", TypeError, "not numeric"),
        (EXPRESSION.iloc[:, :0], ValueError, "(5, 0)"),
        ([[1.0, 2.0], [2.0, 1.0]], TypeError, "X names genes by str"),
        (None, ValueError, "needs expression"),
    ],
)
def test_bad_expression(expression, error, words):
    with pytest.raises(error) as caught:
        ExpressionCorrelation(expression).fit(PAIRS)
    assert words in str(caught.value)


@each_model
def test_unknown_gene(model):
    model = model.fit(PAIRS)
    with pytest.raises(ValueError, match=r"1 genes that neither .* know \(zzz\).*unknown='zero'"):
        model.transform([("a", "zzz")])
    with pytest.raises(TypeError, match="genes by int"):
        model.transform([(0, 1)])
    with pytest.raises(ValueError, match="self-pairs"):
        model.transform([("a", "a")])
    lenient = type(model)(**{**model.get_params(), "unknown": "zero"}).fit(PAIRS)
    assert np.isfinite(lenient.decision_function([("a", "zzz"), ("yyy", "zzz")])).all()
    np.testing.assert_allclose(lenient.decision_function(PAIRS), model.decision_function(PAIRS))
    named = type(model)(**{**model.get_params(), "genes": ["zzz"]}).fit(PAIRS)
    assert np.isfinite(named.decision_function([("a", "zzz")])).all()


@each_model
def test_containers_agree(model):
    X, y = [*PAIRS, *NEGATIVES], [1] * 5 + [0] * 2
    expected = model.fit(X, y).decision_function(X)
    for container in (
        np.array(X),
        np.array(X, dtype=object),
        pd.DataFrame(X),
        pd.DataFrame(X, dtype="string"),
        tuple(X),
    ):
        np.testing.assert_allclose(model.fit(container, np.array(y)).decision_function(container), expected)
    integers = np.array([["abcde".index(a), "abcde".index(b)] for a, b in X])
    for container in (integers, integers.astype(float), integers.astype(np.int32), integers.tolist()):
        np.testing.assert_allclose(model.fit(container, pd.Series(y)).decision_function(container), expected)


def test_names_are_literal():
    pairs = [("gene 1", "gene 2"), ("gene 1", " gene 1"), ("A", "a")]
    model = DegreeProduct(random_state=0).fit(pairs)
    assert model.genes_.tolist() == [" gene 1", "A", "a", "gene 1", "gene 2"]


def test_repeated_pairs_are_one_edge():
    once = L3Paths(random_state=0).fit(PAIRS).transform(PAIRS)
    again = L3Paths(random_state=0).fit([*PAIRS, ("b", "a"), ("a", "b")])
    np.testing.assert_allclose(again.transform(PAIRS), once)
    assert len(again.positive_pairs_) == 5
