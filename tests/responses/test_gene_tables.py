"""Weights, signs and types of a gene graph: used, cut, ignored on demand, or refused; never overlooked."""

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from torch_geometric.data import Data

from skperturb.responses import APPRegressor, KernelPerturbationRegressor
from skperturb.responses._app.nodes import GeneNodes
from skperturb.responses._gene_tables import gene_edges, graph_features, mean_weights

GENES = ["a", "b", "c", "d"]
NAMES = pd.Index(GENES, dtype=object)
PAIRS = [("a", "b"), ("b", "c"), ("a", "d")]
WEIGHTS = [500, 1000, -250]
TABLE = pd.DataFrame(PAIRS, columns=["a", "b"]).assign(score=WEIGHTS)


def matrix_of(graph, edge_weights="use"):
    return mean_weights(gene_edges(graph, edge_weights), NAMES).toarray()


EXPECTED = np.zeros((4, 4))
for (first, second), value in zip(PAIRS, [0.5, 1.0, -0.25], strict=True):
    EXPECTED[GENES.index(first), GENES.index(second)] = EXPECTED[GENES.index(second), GENES.index(first)] = value


def networkx_graph(kind=nx.Graph, name="weight"):
    graph = kind()
    graph.add_edges_from((a, b, {name: weight}) for (a, b), weight in zip(PAIRS, WEIGHTS, strict=True))
    return graph


def pyg_graph(**weights):
    edges = torch.tensor([[GENES.index(a) for a, _ in PAIRS], [GENES.index(b) for _, b in PAIRS]])
    return Data(edge_index=edges, num_nodes=4, names=GENES, **weights)


@pytest.mark.parametrize(
    "graph",
    [
        TABLE,
        TABLE[["b", "a", "score"]],
        TABLE.assign(score=TABLE["score"].astype("Int64")),
        TABLE.assign(score=TABLE["score"].astype(object)),
        TABLE.assign(score=TABLE["score"] / 1000),
        pl.DataFrame({"a": TABLE["a"].tolist(), "b": TABLE["b"].tolist(), "score": WEIGHTS}),
        pd.concat([TABLE, TABLE]),
        pd.concat([TABLE, TABLE.set_axis(["b", "a", "score"], axis=1)]),
        [(a, b, weight) for (a, b), weight in zip(PAIRS, WEIGHTS, strict=True)],
        networkx_graph(),
        networkx_graph(nx.MultiDiGraph),
        pyg_graph(edge_attr=torch.tensor(WEIGHTS)[:, None]),
        pyg_graph(edge_weight=torch.tensor(WEIGHTS)),
    ],
)
def test_weights_are_used_however_they_are_given(graph):
    np.testing.assert_allclose(matrix_of(graph), EXPECTED)
    np.testing.assert_array_equal(matrix_of(graph, "ignore"), EXPECTED != 0)
    largest = np.abs(gene_edges(graph)["weight"]).max()
    assert largest == 1


def test_weights_of_a_matrix():
    names = pd.Index(range(4), dtype=object)
    for matrix in (sp.csr_array(EXPECTED * 7), sp.coo_matrix(np.triu(EXPECTED))):
        np.testing.assert_allclose(mean_weights(gene_edges(matrix), names).toarray(), EXPECTED)
        np.testing.assert_array_equal(mean_weights(gene_edges(matrix, "ignore"), names).toarray(), EXPECTED != 0)


def test_cut():
    scores = TABLE.assign(score=[150, 999, 700])
    np.testing.assert_array_equal(matrix_of(scores, 700), matrix_of([PAIRS[1], PAIRS[2]]))
    # Negative edges keep their sign.
    np.testing.assert_array_equal(matrix_of(TABLE, 300), np.sign(np.where(np.abs(EXPECTED) > 0.3, EXPECTED, 0)))
    with pytest.raises(ValueError, match="edge_weights=1500 leaves no edge of graph: no weight is above 1000"):
        gene_edges(TABLE, 1500)
    for unweighted in (PAIRS, TABLE[["a", "b"]], nx.Graph(PAIRS)):
        with pytest.raises(ValueError, match="edge_weights=700, but graph has no weights to cut by"):
            gene_edges(unweighted, 700)


def test_weights_that_disagree_are_averaged_and_zeros_are_no_edges():
    table = pd.DataFrame([("a", "b", 1.0), ("b", "a", 0.5), ("c", "d", 1.0), ("d", "c", -1.0), ("b", "d", 0.0)])
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 0.75
    np.testing.assert_allclose(matrix_of(table), expected)


def test_equal_weights_are_no_weights():
    plain, weighed = (graph_features(graph, GENES) for graph in (PAIRS, TABLE.assign(score=0.3)))
    assert list(plain) == list(weighed) == ["graph"]
    np.testing.assert_allclose(plain["graph"].values.toarray(), weighed["graph"].values.toarray())
    assert GeneNodes(GENES, None, gene_edges(TABLE.assign(score=0.3)), None).edge_weight is None


def test_types_beside_weights():
    typed = TABLE.assign(kind=["STRING_x", "GO", "GO_y"])
    for columns in (["a", "b", "score", "kind"], ["a", "b", "kind", "score"]):
        tables = graph_features(typed[columns], GENES)
        assert list(tables) == ["graph", "graph: GO", "graph: STRING"]
        np.testing.assert_allclose(matrix_of(typed[columns]), EXPECTED)


def test_edges_of_several_types_are_one_kind_more():
    """Whatever their direction: a–b and b–c; c–d is given twice by one type."""
    pairs = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("b", "c"), ("b", "c")]
    edges = pd.DataFrame(pairs, columns=["first", "second"]).assign(type=["GO", "PC_x", "GO", "GO", "PC_x", "PC_y"])
    tables = graph_features(edges, GENES)
    assert list(tables) == ["graph", "graph: GO", "graph: PC", "graph, several types"]
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(tables["graph, several types"].values.toarray() > 0, expected)
    assert list(graph_features(edges[:5:2], GENES)) == ["graph", "graph: GO", "graph: PC"]


MANY = pd.DataFrame({"a": ["x"] * 300, "b": [f"g{k}" for k in range(300)]})


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (MANY.assign(paper=[f"PMID:{k}" for k in range(300)]), "300 different edge types in its column 'paper'"),
        (TABLE.assign(score=["500", "1000", "-250"]), "numbers as text in its column 'score', such as '500'"),
        (np.array([(*pair, "0.5") for pair in PAIRS]), r"graph\[0\] is array"),
        (TABLE.assign(other=1.0), r"2 columns that could be weights \(score, other\)"),
        (TABLE.assign(k="x", l="y"), r"2 columns that could be edge types \(k, l\)"),
        (TABLE.assign(score=[1.0, np.nan, 2.0]), r"graph\[1\] has the weight nan"),
        (TABLE.assign(score=[1.0, np.inf, 2.0]), r"graph\[1\] has the weight inf"),
        (TABLE.assign(score=pd.array([1, None, 2], dtype="Int64")), r"graph\[1\] has the weight nan"),
        (networkx_graph(name="combined_score"), "has the numbers combined_score but no weight"),
        (nx.Graph([("a", "b", {"weight": 2}), ("b", "c", {})]), "a weight at 1 of 2 edges"),
        (pyg_graph(edge_attr=torch.ones(3, 4)), r"edge_attr of shape \(3, 4\) for 3 edges"),
        ([*PAIRS, ("c", "-")], r"graph\[3\] is \('c', '-'\); expected two gene names"),
        (TABLE.replace("d", "NA"), r"graph\[2\] is \('a', 'NA'\)"),
    ],
)
def test_refused(graph, words):
    with pytest.raises(ValueError, match=words):
        gene_edges(graph)


@pytest.mark.parametrize(
    "graph", [TABLE.assign(other=1.0), networkx_graph(name="year"), pyg_graph(edge_attr=torch.ones(3, 4))]
)
def test_numbers_that_are_no_weights_can_be_ignored(graph):
    np.testing.assert_array_equal(matrix_of(graph, "ignore"), EXPECTED != 0)


@pytest.fixture(scope="module")
def screen():
    """Genes whose effects follow the strong edges of a graph, and weak edges that mean nothing."""
    rng = np.random.default_rng(0)
    groups = np.arange(40) % 5
    genes = [f"g{k}" for k in range(40)]
    effects = rng.normal(size=(5, 6))[groups] + 0.1 * rng.normal(size=(40, 6))
    rows = []
    for i in range(40):
        for j in range(i):
            if groups[i] == groups[j]:
                rows.append((genes[i], genes[j], 900))
            elif rng.random() < 0.4:
                rows.append((genes[i], genes[j], 150))
    return pd.DataFrame(np.eye(40), columns=genes), effects, pd.DataFrame(rows, columns=["a", "b", "score"])


def test_kernels_use_scores(screen):
    X, effects, graph = screen
    errors = {}
    for rule in ("use", "ignore", 700):
        model = KernelPerturbationRegressor(graph=graph, edge_weights=rule).fit(X[:30], effects[:30])
        errors[rule] = np.linalg.norm(model.predict(X[30:]) - effects[30:], axis=1).mean()
    plain = KernelPerturbationRegressor(graph=graph[["a", "b"]]).fit(X[:30], effects[:30])
    error = np.linalg.norm(plain.predict(X[30:]) - effects[30:], axis=1).mean()
    assert errors["ignore"] == pytest.approx(error, rel=1e-12)
    assert errors[700] < errors["use"] < errors["ignore"]


def test_signs_make_neighbors_opposite():
    """Each hub acts on two groups of genes, in opposite directions."""
    rng = np.random.default_rng(1)
    genes = [f"g{k}" for k in range(40)]
    hub, sign = np.arange(40) % 4, np.where(np.arange(40) % 8 < 4, 1.0, -1.0)
    effects = sign[:, None] * rng.normal(size=(4, 6))[hub] + 0.1 * rng.normal(size=(40, 6))
    graph = pd.DataFrame({"a": [f"hub{k}" for k in hub], "b": genes, "mode": sign})
    X = pd.DataFrame(np.eye(40), columns=genes)
    errors = [
        np.linalg.norm(
            KernelPerturbationRegressor(graph=graph, edge_weights=rule).fit(X[:30], effects[:30]).predict(X[30:])
            - effects[30:]
        )
        for rule in ("use", "ignore")
    ]
    assert errors[0] < 0.5 * errors[1]


def test_too_few_genes_to_use_a_graph_is_said(screen):
    X, effects, graph = screen
    chosen = X.columns[:9]
    with pytest.warns(UserWarning, match="not used for the 3 genes .* 9 genes were perturbed alone, .* from 10 on"):
        KernelPerturbationRegressor(graph=graph).fit(X.iloc[:9, :12], effects[:9])
    KernelPerturbationRegressor(graph=graph).fit(X.loc[:8, chosen], effects[:9])


@pytest.mark.parametrize("aggregation", ["mean", "sum", "max"])
def test_network_uses_scores(screen, aggregation):
    X, effects, graph = screen
    quick = {
        "baseline": None, "aggregation": aggregation, "n_models": 1, "max_epochs": 3, "device": "cpu", "random_state": 0
    }  # fmt: skip
    use, ignore, plain, cut = (
        APPRegressor(edges, edge_weights=rule, **quick).fit(X[:30], effects[:30]).predict(X[30:])
        for edges, rule in ((graph, "use"), (graph, "ignore"), (graph[["a", "b"]], "use"), (graph, 700))
    )
    np.testing.assert_array_equal(ignore, plain)
    assert np.abs(use - ignore).max() > 1e-4
    strong = graph.loc[graph["score"] >= 700, ["a", "b"]]
    np.testing.assert_array_equal(cut, APPRegressor(strong, **quick).fit(X[:30], effects[:30]).predict(X[30:]))


def test_the_baseline_of_the_network_uses_scores(screen):
    X, effects, graph = screen
    model = APPRegressor(graph, edge_weights=700, n_models=1, max_epochs=1, device="cpu").fit(X[:30], effects[:30])
    alone = KernelPerturbationRegressor(graph=graph, edge_weights=700).fit(X[:30], effects[:30])
    np.testing.assert_allclose(model.baseline_.predict(X[30:]), alone.predict(X[30:]))


@pytest.mark.parametrize("wrong", ["cut", 0, -3, None])
def test_bad_rules(screen, wrong):
    X, effects, graph = screen
    for model in (KernelPerturbationRegressor(graph=graph), APPRegressor(graph)):
        with pytest.raises(ValueError, match="'edge_weights' parameter"):
            model.set_params(edge_weights=wrong).fit(X, effects)
