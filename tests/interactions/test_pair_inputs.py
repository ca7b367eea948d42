"""Bad and unusual pairs, labels and expression: one clear error each, or a documented rule."""

import re

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skperturb.datasets import make_gene_network
from skperturb.interactions import (
    DegreeProduct,
    ExpressionCorrelation,
    GNEEmbedder,
    IsomapGeneEmbedder,
    L3Paths,
    SpectralGeneEmbedder,
)

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
    with pytest.warns(UserWarning, match=r"1 genes that neither .* know \(zzz\); they count as.*unknown='zero'"):
        warned = model.decision_function([("a", "zzz")])
    with pytest.raises(ValueError, match=r"3 genes that neither .* know \(x1, x2, x3\)"):
        model.transform([("x1", "x2"), ("x3", "x1")])
    with pytest.raises(ValueError, match=r"1 genes that neither .* know \(zzz\).*unknown='zero'"):
        clone(model).set_params(unknown="error").fit(PAIRS).transform([("a", "zzz")])
    with pytest.raises(TypeError, match="genes by int"):
        model.transform([(0, 1)])
    lenient = type(model)(**{**model.get_params(), "unknown": "zero"}).fit(PAIRS)
    assert np.isfinite(lenient.decision_function([("a", "zzz"), ("yyy", "zzz")])).all()
    np.testing.assert_allclose(lenient.decision_function([("a", "zzz")]), warned)
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


def test_case_counts_and_is_warned_of():
    pairs = [("gene 1", "gene 2"), ("A", "b"), ("a", "gene 1"), ("B", "gene 2")]
    with pytest.warns(UserWarning, match=r"4 of 6 names of genes in X differ from another one in case only") as caught:
        model = DegreeProduct(random_state=0).fit(pairs)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.genes_.tolist() == ["A", "B", "a", "b", "gene 1", "gene 2"]


MISSING = ["-", "", "nan", "NaN", "NA", "N/A", "<NA>", "None", "NULL"]


@pytest.mark.parametrize(
    ("X", "words"),
    [
        *(([("a", "b"), ("b", name)], f"X[1] is ('b', {name!r}) with a missing id") for name in MISSING),
        # What numpy and pandas make of a missing name.
        (np.array([("a", "b"), ("b", np.nan)]), "X[1] is ('b', 'nan') with a missing id"),
        (pd.DataFrame([("a", "b"), ("b", pd.NA)], dtype="string"), "X[1] is ('b', <NA>) with a missing id"),
        (pd.DataFrame([("a", "b"), ("b", None)], dtype="category"), "X[1] is ('b', nan) with a missing id"),
        (pd.DataFrame({"a": [1, 2], "b": [2, pd.NA]}, dtype="Int64"), "X[1] is (2, <NA>) with a missing id"),
        (pd.DataFrame({"a": [1, 2], "b": [2.0, np.nan]}), "X[1] contains nan"),
        ([(0, 1), (1, -1)], "X[1] is (1, -1) with a negative id"),
        ([(0, 1), (1, -(2**70))], "with a negative id"),
        ([(0, 1), (1, 2**64)], f"X[1] is (1, {2**64}) with an id above {2**63 - 1}"),
        (np.array([[0, 1], [1, 2**64 - 1]], dtype=np.uint64), f"X[1] is (1, {2**64 - 1}) with an id above"),
        (np.array([[0, 1.0], [1, 2.0**63]]), "with an id above"),
        (np.array([[0.0, 1.0], [1.0, -1.0]]), "X[1] is (1, -1) with a negative id"),
        # Names that differ from those of every other table.
        ([("a", "b"), ("b ", "c")], "X[1] is ('b ', 'c') with blanks at the ends of 'b '"),
        ([("7157", "4193"), ("7157.0", "472")], "with '7157.0', a number that became a fraction"),
        # Headers.
        ([("source", "target"), ("a", "b")], "X[0] is ('source', 'target'), the header of a table"),
        ([("Gene A", "Gene B"), ("BRCA1", "b")], "the header of a table"),
        ([("#node1", "node2"), ("a", "b")], "the header of a table"),
        # Shapes.
        (np.array([[0, 1, 2, 3], [1, 2, 3, 4]]), "got 4: one pair of genes for each row. Pass X.T."),
        (pd.DataFrame([("a", "b", 0.3)] * 3), "pass the two columns of names, such as X.iloc[:, :2]"),
        ([("a", "b", 0.3)], "X[0] is a tuple of 3; expected a pair"),
        ([{"a", "b"}], "X[0] is a set; expected a pair"),
    ],
)
def test_ids_that_are_none(X, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        DegreeProduct(random_state=0).fit(X)
    fitted = DegreeProduct(random_state=0).fit(PAIRS)
    with pytest.raises(ValueError, match=re.escape(words)):
        fitted.transform(X)


@pytest.mark.parametrize("first", [("gene1", "gene2"), ("gene_a", "gene_b"), ("x", "y"), ("source", "b")])
def test_pairs_that_are_no_header(first):
    pairs = [first, ("gene3", "gene4"), ("gene_c", "b"), ("b", "gene5")]
    assert set(first) <= set(DegreeProduct(random_state=0).fit(pairs).genes_)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ({("a", "b")}, r"A set has no order; pass sorted\(X\)"),
        (np.ma.array([[0, 1], [1, 2]], mask=[[0, 0], [1, 0]]), "masked array"),
    ],
)
def test_containers_that_lose_something(X, words):
    with pytest.raises(TypeError, match=words):
        DegreeProduct().fit(X)


def test_ids_in_columns_of_different_kinds_are_one_id():
    expected = DegreeProduct(random_state=0).fit([(1, 2), (2, 3), (3, 4), (5, 1)])
    first, second = [1, 2, 3, 5], [2, 3, 4, 1]
    for table in (
        pd.DataFrame({"a": first, "b": np.array(second, dtype=float)}),
        pd.DataFrame({"a": pd.array(first, dtype="Int64"), "b": second}),
        pd.DataFrame({"a": pd.Categorical(first), "b": second}),
        np.array([first, second], dtype=np.uint8).T,
    ):
        model = DegreeProduct(random_state=0).fit(table)
        np.testing.assert_array_equal(model.decision_function([(1, 3)]), expected.decision_function([(1, 3)]))
    texts = [(str(a), str(b)) for a, b in zip(first, second, strict=True)]
    with pytest.raises(TypeError, match="X names genes by int, but the model was fitted on str"):
        DegreeProduct(random_state=0).fit(texts).decision_function([(1, 3)])


def test_rows_that_are_named_differently_are_refused():
    X = pd.DataFrame([*PAIRS, *NEGATIVES], columns=["a", "b"], index=list("uvwxyz") + ["t"])
    y = pd.Series([1] * 5 + [0] * 2, index=X.index)
    fitted = DegreeProduct().fit(X, y).decision_function(X)
    np.testing.assert_array_equal(DegreeProduct().fit(X, y.to_numpy()).decision_function(X), fitted)
    np.testing.assert_array_equal(DegreeProduct().fit(X, y.reset_index(drop=True)).decision_function(X), fitted)
    with pytest.raises(ValueError, match=r"row 0 is 'u' in X and 't' in y.*y\.loc\[X\.index\]"):
        DegreeProduct().fit(X, y[::-1])
    # Shuffled tables, whose index are integers.
    table = X.reset_index(drop=True).assign(y=y.to_numpy())
    with pytest.raises(ValueError, match="name their rows differently"):
        DegreeProduct().fit(table[["a", "b"]].sample(frac=1, random_state=0), table["y"].sample(frac=1, random_state=1))


@pytest.mark.parametrize(
    "graph",
    [
        nx.Graph([("a", "b"), ("b", "c"), ("c", "d")]),
        nx.MultiDiGraph([("a", "b"), ("a", "b"), ("b", "c"), ("c", "d")]),
        sp.csr_array(([1, 1, 1, 1], ([0, 1, 1, 2], [1, 0, 2, 1])), shape=(4, 4)),
    ],
    ids=["graph", "multigraph", "matrix"],
)
def test_the_advice_for_a_graph_works(graph):
    with pytest.raises(TypeError) as caught:
        L3Paths(random_state=0).fit(graph)
    advice = str(caught.value).split("Pass ")[1].removesuffix(".").removeprefix("its upper triangle: ")
    pairs = eval(advice, {"X": graph, "np": np, "scipy": scipy})
    assert len(L3Paths(genes=None, random_state=0).fit(pairs).positive_pairs_) == (3 if hasattr(graph, "nodes") else 2)


@each_model
@pytest.mark.parametrize("y", [None, [1, 1, 1, 1, 1, 0, 0]])
def test_both_orders_give_the_model_of_one(model, y):
    pairs = PAIRS if y is None else [*PAIRS, *NEGATIVES]
    turned = [pair[::-1] for pair in pairs]
    once = model.fit(pairs, y)
    expected, described = once.predict_proba(pairs), clone(model).fit_transform(pairs, y)
    for repeated in (
        [*pairs, *turned],
        [*pairs, *pairs],
        turned,
        [pair for two in zip(turned, pairs, strict=True) for pair in two],
    ):
        labels = y and (y if len(repeated) == len(pairs) else [*y, *y])
        if repeated[:2] == [turned[0], pairs[0]]:
            labels = y and np.repeat(y, 2)
        again = clone(model)
        features = again.fit_transform(repeated, labels)
        np.testing.assert_array_equal(again.predict_proba(pairs), expected)
        np.testing.assert_array_equal(again.predict_proba(turned), expected)
        assert features.shape == (len(repeated), described.shape[1])
        np.testing.assert_array_equal(again.positive_pairs_, once.positive_pairs_)
    np.testing.assert_array_equal(
        clone(model).fit_transform([*pairs, *turned], y and [*y, *y])[: len(pairs)], described
    )


def test_a_directed_model_knows_both_orders():
    model = GNEEmbedder(n_components=3, max_epochs=1, directed=True, pair_features="native", device="cpu")
    assert len(model.fit([*PAIRS, *(pair[::-1] for pair in PAIRS)]).positive_pairs_) == 10


SELF = [*PAIRS, ("a", "a"), ("e", "e")]


@each_model
def test_self_pairs(model):
    asked = [("a", "b"), ("c", "c"), ("a", "a"), ("b", "e")]
    scores = {}
    with pytest.raises(ValueError, match=r"2 self-pairs .* set self_pairs"):
        model.fit(SELF)
    for rule in ("error", "drop", "keep"):
        fitted = clone(model).set_params(self_pairs=rule).fit(PAIRS if rule == "error" else SELF)
        scores[rule] = fitted.decision_function(asked)
        assert not any(a == b for a, b in fitted.positive_pairs_)
        unscored = [False, rule != "keep", rule != "keep", False]
        for values in (scores[rule], fitted.predict_proba(asked)[:, 1], fitted.transform(asked)[:, 0]):
            np.testing.assert_array_equal(np.isnan(values), unscored)
        described = clone(fitted).fit_transform(PAIRS if rule == "error" else SELF)
        assert len(described) == (5 if rule == "error" else 7)
        assert np.isnan(described).any() == (rule == "drop")
        if rule == "keep":
            assert set(fitted.predict(asked)) <= {0, 1}
            continue
        with pytest.warns(UserWarning, match=r"2 of 4 pairs are a gene with itself .* self_pairs='keep'"):
            assert fitted.predict(asked)[[1, 2]].tolist() == [0, 0]
    np.testing.assert_array_equal(scores["drop"], scores["error"])
    # Two genes that nobody knows are not one gene.
    lenient = clone(model).set_params(unknown="zero").fit(PAIRS)
    np.testing.assert_array_equal(np.isnan(lenient.decision_function([("x", "y"), ("x", "x")])), [False, True])


def test_self_pairs_that_are_kept_are_learned_from():
    correlated = {"expression": EXPRESSION, "self_pairs": "keep", "random_state": 0}
    plain = ExpressionCorrelation(**correlated).fit([*PAIRS, *NEGATIVES], [1] * 5 + [0] * 2)
    binding = ExpressionCorrelation(**correlated).fit([*SELF, *NEGATIVES], [1] * 7 + [0] * 2)
    free = ExpressionCorrelation(**correlated).fit([*SELF, *NEGATIVES], [1] * 5 + [0] * 4)
    scores = [float(model.decision_function([("c", "c")])[0]) for model in (free, plain, binding)]
    assert scores == sorted(scores)
    assert scores[0] < scores[1] < scores[2]


def test_nothing_but_self_pairs():
    for rule in ("drop", "keep"):
        with pytest.raises(ValueError, match="no interaction of two different genes"):
            DegreeProduct(self_pairs=rule).fit([("a", "a"), ("b", "b")])


def test_expression_that_hardly_matches():
    pairs = [(f"G{k}", f"G{k + 1}") for k in range(20)]
    values = np.random.RandomState(0).normal(size=(21, 4))

    def warned(names):
        with pytest.warns(UserWarning, match=r"expression has \d+ of the 21 genes") as caught:
            DegreeProduct(pd.DataFrame(values[: len(names)], index=names), random_state=0).fit(pairs)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        return str(caught[0].message)

    assert "has 1 of the 21 genes of X; the other 20" in warned(["G0", *(f"g{k}" for k in range(1, 21))])
    assert "'G1' and 'g1'" in warned(["G0", *(f"g{k}" for k in range(1, 21))])
    assert "10 of the 21" in warned([f"G{k}" for k in range(10)])
    # Most genes are there, but a few are spelled in another way.
    assert "20 of the 21" in warned([*(f"G{k}" for k in range(20)), "G20 "])
    # Half of the genes without others that could be meant: as usual, no warning.
    DegreeProduct(pd.DataFrame(values[:11], index=[f"G{k}" for k in range(11)]), random_state=0).fit(pairs)
    ensembl = [(f"ENSG0{a[1:]}.{k % 3}", f"ENSG0{b[1:]}.{(k + 1) % 3}") for k, (a, b) in enumerate(pairs)]
    with pytest.warns(UserWarning, match=r"20 of them differ only in .* version .* 'ENSG01.1' and 'ENSG01'"):
        DegreeProduct(
            pd.DataFrame(values, index=["ENSG00.0", *(f"ENSG0{k}" for k in range(1, 21))]), random_state=0
        ).fit(ensembl)


@each_model
def test_prevalence(model):
    model = model.fit([*PAIRS, *NEGATIVES], [1] * 5 + [0] * 2)
    assert model.base_rate_ == pytest.approx(0.5 if getattr(model, "pair_features", "") == "log_odds" else 5 / 7)
    before = model.predict_proba(PAIRS)[:, 1]
    np.testing.assert_allclose(model.predict_proba(PAIRS, prevalence=model.base_rate_)[:, 1], before, rtol=1e-12)
    rare = model.predict_proba(PAIRS, prevalence=0.01)
    np.testing.assert_allclose(rare.sum(axis=1), 1)
    # The odds change by the ratio of the odds of the two base rates.
    ratio = (0.01 / 0.99) / (model.base_rate_ / (1 - model.base_rate_))
    np.testing.assert_allclose(rare[:, 1] / rare[:, 0], before / (1 - before) * ratio)
    for wrong in (0, 1, -0.1, "0.1"):
        with pytest.raises(ValueError, match=r"prevalence is .* between 0 and 1"):
            model.predict_proba(PAIRS, prevalence=wrong)


def test_prevalence_counts_the_interactions_of_a_network():
    """Candidates of which a known share interacts: the probabilities add up to that share, roughly."""
    network = make_gene_network(80, 5, n_interactions=400, random_state=0)
    share = len(network.pairs) / (80 * 79 / 2)
    first, second = np.triu_indices(80, k=1)
    genes = np.asarray(network.genes)
    candidates = np.column_stack([genes[first], genes[second]])
    model = L3Paths(genes=genes, random_state=0).fit(network.pairs)
    total = model.predict_proba(candidates)[:, 1].sum()
    shifted = model.predict_proba(candidates, prevalence=share)[:, 1].sum()
    assert total > 2 * len(network.pairs)
    # A logistic regression on one feature is calibrated on its training pairs alone.
    assert 0.6 < shifted / len(network.pairs) < 1.6


@pytest.mark.parametrize("model", [SpectralGeneEmbedder, IsomapGeneEmbedder])
def test_more_dimensions_than_the_graph_has(model):
    most = 5 if model is SpectralGeneEmbedder else 4
    with pytest.warns(UserWarning, match=rf"n_components=50, but .* no more than {most} dimensions") as caught:
        fitted = model(n_components=50, random_state=0).fit(PAIRS)
    assert caught[0].filename == __file__
    assert fitted.embedding_.shape == (5, most)
    assert model(n_components=most, random_state=0).fit(PAIRS).embedding_.shape == (5, most)


@pytest.mark.parametrize("model", MODELS[1:3], ids=lambda model: type(model).__name__)
def test_embed_a_single_name(model):
    fitted = clone(model).fit(PAIRS)
    assert fitted.embed(["a"]).shape == (1, fitted.embedding_.shape[1])
    with pytest.raises(TypeError, match=r"genes is the str 'a'; expected a sequence of names of genes\. Pass \['a'\]"):
        fitted.embed("a")
    with pytest.raises(TypeError, match=r"genes is the int 3; .* Pass \[3\]"):
        fitted.embed(3)
    with pytest.raises(NotFittedError):
        clone(model).embed(["a"])


@each_model
@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_output_of_transformers_does_not_matter_inside(model, output):
    expected = clone(model).fit(PAIRS).decision_function(PAIRS)
    with config_context(transform_output=output):
        fitted = clone(model).fit(PAIRS)
        np.testing.assert_array_equal(fitted.decision_function(PAIRS), expected)
        assert hasattr(fitted.transform(PAIRS), "columns")
    np.testing.assert_array_equal(fitted.decision_function(PAIRS), expected)


def test_repeated_pairs_are_one_edge():
    once = L3Paths(random_state=0).fit(PAIRS).transform(PAIRS)
    again = L3Paths(random_state=0).fit([*PAIRS, ("b", "a"), ("a", "b")])
    np.testing.assert_allclose(again.transform(PAIRS), once)
    assert len(again.positive_pairs_) == 5
