"""Ranking of candidates: the same as scoring every pair, and cheaper."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from skperturb.__main__ import main
from skperturb.datasets import make_gene_network
from skperturb.interactions import (
    AdamicAdar,
    CommonNeighbors,
    DegreeProduct,
    ExpressionCorrelation,
    GNEEmbedder,
    JaccardIndex,
    L3Paths,
    ResourceAllocation,
    SpectralGeneEmbedder,
    _candidates,
)
from skperturb.interactions._neighborhood_rows import NeighborhoodRows
from skperturb.interactions._neighborhoods import Neighborhoods

NETWORK = make_gene_network(80, 4, n_interactions=600, expression_signal=0.7, random_state=0)
LARGE = make_gene_network(700, 6, n_interactions=9000, random_state=0)


def quick(**parameters):
    return GNEEmbedder(**{"n_components": 8, "max_epochs": 8, "n_folds": 2, "random_state": 0, **parameters})


def exhaustive(model, genes, without=()):
    """Score all pairs and order them."""
    left_out = {frozenset(pair) for pair in [*model.positive_pairs_.tolist(), *without]}
    pairs = np.array([pair for pair in itertools.combinations(sorted(genes), 2) if frozenset(pair) not in left_out])
    scores = model.decision_function(pairs)
    order = np.argsort(-scores, kind="stable")
    return pairs[order].tolist(), scores[order]


MODELS = [
    AdamicAdar(),
    CommonNeighbors(),
    DegreeProduct(),
    JaccardIndex(),
    L3Paths(),
    L3Paths(NETWORK.expression, normalization="symmetric"),
    ResourceAllocation(),
    ExpressionCorrelation(NETWORK.expression),
    SpectralGeneEmbedder(n_components=4),
    quick(expression=NETWORK.expression),
    quick(pair_features="native", encoder="lookup"),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_small_networks_are_ranked_like_all_their_pairs(model):
    model.set_params(random_state=0).fit(NETWORK.pairs)
    table = model.rank_candidates(top=50)
    pairs, scores = exhaustive(model, model.genes_)
    assert table[["gene_a", "gene_b"]].to_numpy().tolist() == pairs[:50]
    np.testing.assert_allclose(table["score"], scores[:50])
    assert table["probability"].is_monotonic_decreasing
    assert table.attrs["n_candidates"] == len(pairs) == 80 * 79 // 2 - 600


# The least overlap that is promised; the models whose log-odds can be written for rows reach 1.
@pytest.mark.parametrize(
    ("model", "least"), [(L3Paths(), 1.0), (JaccardIndex(), 1.0), (SpectralGeneEmbedder(), 1.0), (quick(), 0.95)]
)
def test_best_thousand_are_found_although_few_pairs_are_scored(monkeypatch, model, least):
    # A network that is small enough to score all pairs, with chunks that are small beside it.
    monkeypatch.setattr(_candidates, "_LEAST_SCORED", 5000)
    monkeypatch.setattr(_candidates, "_SCORED_FOR_EACH", 5)
    genes = [*LARGE.genes, "alone"]  # a gene without interactions, whose degree is 0
    model.set_params(random_state=0, genes=genes).fit(LARGE.pairs)
    table = model.rank_candidates(top=1000)
    _, scores = exhaustive(model, genes)
    assert table.attrs["n_scored"] < 0.2 * table.attrs["n_candidates"]
    assert (table["score"] >= scores[999] - 1e-9).mean() >= least


def test_chunks_are_scored_until_one_brings_nothing_new(monkeypatch):
    monkeypatch.setattr(_candidates, "_LEAST_SCORED", 5)
    monkeypatch.setattr(_candidates, "_SCORED_FOR_EACH", 1)
    search = _candidates._Search(SimpleNamespace(n_pairs=1000, n_genes=100), None, lambda pairs: worth[pairs[:, 1]])
    search._shortlist = lambda size: np.arange(22)
    # Each chunk of five brings better ones, to the last, which is not full.
    worth = np.arange(22.0)
    pairs, scores = search.best_pairs(3)
    assert scores.tolist() == [21.0, 20.0, 19.0]
    assert pairs.tolist() == [[0, 21], [0, 20], [0, 19]]
    # The second brings none.
    worth, search.n_scored = -np.arange(22.0), 0
    assert search.best_pairs(3)[1].tolist() == [0.0, -1.0, -2.0]
    assert search.n_scored == 10


@pytest.mark.parametrize("listed", [None, 10])
def test_partners_of_genes(monkeypatch, listed):
    if listed is not None:
        # Fewer than all partners are scored: those that are cheaply the best.
        monkeypatch.setattr(_candidates, "_LEAST_PARTNERS", listed)
    model = quick().fit(NETWORK.pairs)
    genes = [NETWORK.genes[5], NETWORK.genes[2]]
    table = model.rank_candidates(genes, top=4)
    assert table["gene_a"].tolist() == [genes[0]] * 4 + [genes[1]] * 4
    known = {frozenset(pair) for pair in NETWORK.pairs.tolist()}
    for gene, part in table.groupby("gene_a", sort=False):
        others = [other for other in NETWORK.genes if other != gene and frozenset((gene, other)) not in known]
        scores = model.decision_function([(gene, other) for other in others])
        best = np.array(others)[np.argsort(-scores, kind="stable")]
        assert len(set(best[:4]) & set(part["gene_b"])) >= (4 if listed is None else 3)
    assert len(model.rank_candidates([genes[1]], top=1000)) == len(others)


def test_what_is_left_out():
    model = L3Paths(random_state=0).fit(NETWORK.pairs)
    first = model.rank_candidates(top=20)
    tested = first[["gene_b", "gene_a"]].to_numpy()[:5]
    second = model.rank_candidates(top=15, exclude=[*tested.tolist(), ["gene01", "nobody knows it"]])
    pd.testing.assert_frame_equal(second, first.iloc[5:].reset_index(drop=True))
    everything = model.rank_candidates(top=10**6, exclude_known=False)
    assert len(everything) == 80 * 79 // 2
    assert {frozenset(pair) for pair in NETWORK.pairs.tolist()} < {
        frozenset(pair) for pair in everything[["gene_a", "gene_b"]].to_numpy().tolist()
    }


def test_probability_shared_partners_and_reason():
    model = L3Paths(random_state=0).fit(NETWORK.pairs)
    table = model.rank_candidates(top=30, prevalence=0.2)
    partners = {gene: set() for gene in NETWORK.genes}
    for first, second in NETWORK.pairs.tolist():
        partners[first].add(second)
        partners[second].add(first)
    for row in table.itertuples():
        shared = sorted(partners[row.gene_a] & partners[row.gene_b], key=lambda gene: (len(partners[gene]), gene))
        assert row.n_shared_partners == len(shared)
        # The rarest ones are named first.
        assert row.shared_partners == ", ".join(shared[:3])
    assert table["n_shared_partners"].max() > 3
    assert set(table["reason"]) == {"l3paths"}
    pairs = table[["gene_a", "gene_b"]].to_numpy()
    np.testing.assert_allclose(table["probability"], model.predict_proba(pairs, prevalence=0.2)[:, 1])
    default = model.rank_candidates(top=30)["probability"]
    density = 600 / (80 * 79 // 2 + 1)
    np.testing.assert_allclose(default, model.predict_proba(pairs, prevalence=density)[:, 1])


def test_evidence_of_the_network():
    model = quick(expression=NETWORK.expression).fit(NETWORK.pairs)
    table = model.rank_candidates(top=40)
    kinds = ["popularity", "shared_partners", "paths_of_three", "communities", "network", "expression"]
    parts = table[[f"from_{kind}" for kind in kinds]]
    assert table["reason"].tolist() == [name.removeprefix("from_") for name in parts.idxmax(axis=1)]
    # The best pairs are better than average ones in the sum of what speaks for them.
    assert (parts.sum(axis=1) > 0).mean() > 0.9
    without = quick().fit(NETWORK.pairs).rank_candidates(top=5)
    assert "from_expression" not in without


def test_directed_pairs_are_ranked_in_both_orders():
    rng = np.random.RandomState(0)
    pairs = [(i, j) for i in range(20) for j in range(20, 40) if rng.rand() < 0.6]
    model = quick(directed=True, pair_features="native", max_epochs=30).fit(pairs)
    table = model.rank_candidates(top=40)
    assert table.attrs["n_candidates"] == 40 * 39 - len(pairs)
    assert (table["gene_a"] < 20).mean() > 0.9


def test_refused_arguments():
    model = L3Paths(random_state=0, unknown="zero").fit(NETWORK.pairs)
    with pytest.raises(ValueError, match="does not know"):
        model.rank_candidates(["somebody"])
    with pytest.raises(ValueError, match="genes is empty"):
        model.rank_candidates([])
    with pytest.raises(ValueError, match="top is 0"):
        model.rank_candidates(top=0)
    with pytest.raises(ValueError, match="prevalence is 2"):
        model.rank_candidates(prevalence=2)
    with pytest.raises(TypeError, match="sequence of names"):
        model.rank_candidates("gene01")
    with pytest.raises(TypeError, match="exclude names genes by int"):
        model.rank_candidates(exclude=[(1, 2)])
    with pytest.raises(TypeError, match="exclude_known is 'no'"):
        model.rank_candidates(exclude_known="no")


def test_network_without_candidates():
    pairs = list(itertools.combinations(range(5), 2))
    model = CommonNeighbors(genes=range(6), random_state=0).fit(pairs)
    table = model.rank_candidates(exclude=[(k, 5) for k in range(5)])
    assert len(table) == 0
    assert "probability" in table


def test_rows_are_the_scores_of_all_pairs(naive):
    from skperturb._pairs import symmetric_graph

    near = Neighborhoods(symmetric_graph(np.array(naive.edges), 18))
    sources, weights = np.array([3, 0, 11]), np.linspace(0.5, 2, 18)
    pairs = np.array([(source, node) for source in sources for node in range(18)])
    different = pairs[:, 0] != pairs[:, 1]
    rows = NeighborhoodRows(near)
    for name, arguments in {
        "linked": (),
        "pair_degrees": (),
        "common": (weights,),
        "paths_of_three": (weights,),
    }.items():
        expected = getattr(near, name)(pairs, *arguments)
        found = getattr(rows, name)(sources, *arguments).reshape(expected.shape)
        np.testing.assert_allclose(found[different], expected[different], atol=1e-12)


@pytest.mark.parametrize("model", ["gne", "l3"])
def test_command(tmp_path, capsys, model):
    edges, expression, out = tmp_path / "edges.tsv", tmp_path / "expression.csv", tmp_path / "ranking.csv"
    few = NETWORK.pairs[(NETWORK.pairs < "gene30").all(axis=1)]
    pd.DataFrame(few, columns=["from", "to"]).to_csv(edges, sep="\t", index=False)
    NETWORK.expression.to_csv(expression)
    arguments = ["--top", "25", "--model", model, "--csv", str(out)]
    tables = []
    for more in ([], ["--expression", str(expression)]):
        assert main(["interactions", str(edges), *arguments, *more]) == 0
        tables.append(pd.read_csv(out))
        assert len(tables[-1]) == 25
        known = {frozenset(pair) for pair in few.tolist()}
        assert not {frozenset(pair) for pair in tables[-1][["gene_a", "gene_b"]].to_numpy().tolist()} & known
    # Expression is not only read.
    assert not tables[0][["gene_a", "gene_b", "score"]].equals(tables[1][["gene_a", "gene_b", "score"]])
    gene = few[0, 0]
    assert main(["interactions", str(edges), "--gene", gene, "--model", "l3", "--exclude", str(edges)]) == 0
    assert "scored in full" in capsys.readouterr().out
    assert main(["interactions", str(edges), "--gene", "nobody", "--model", "l3"]) == 2


def test_rows_without_any_edge_have_no_paths():
    near = Neighborhoods(
        csr_array(np.eye(5, k=1) + np.eye(5, k=-1) - np.diag([0, 0, 0, 1], 1) - np.diag([0, 0, 0, 1], -1))
    )
    assert near.linked(np.zeros((0, 2), dtype=int)).shape == (0,)
    np.testing.assert_array_equal(NeighborhoodRows(near).paths_of_three(np.array([4]), np.ones(5)), np.zeros((1, 5)))


def test_the_pilot_learns_from_terms_and_their_squares():
    columns = [np.array([1.0, 2.0, 6.0]), np.array([0.0, 1.0, 0.0]), np.array([5.0, 5.0, 5.0])]
    design = _candidates._Design.of(columns)
    terms = design.standardized[:, ::2]
    np.testing.assert_allclose(terms[:, :2].T, [(x - x.mean()) / x.std() for x in columns[:2]])
    np.testing.assert_array_equal(terms[:, 2], 0.0)
    np.testing.assert_allclose(design.standardized[:, 1::2], terms**2)
    assert _candidates._Design.of(columns[:2]).standardized.shape == (3, 2)
