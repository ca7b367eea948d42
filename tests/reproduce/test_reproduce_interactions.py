"""The interactions tables on a simulated network, through the command line."""

import gzip
import itertools
import json

import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import make_gene_network
from skperturb.reproduce._interaction_data import InteractionData, load_data, read_edges, read_expression
from skperturb.reproduce._interaction_models import build_model
from skperturb.reproduce._operons import operon_distances
from skperturb.reproduce.interactions import report, reproduce_interactions

NETWORK = make_gene_network(70, 4, n_interactions=500, expression_signal=0.7, random_state=0)
DATA = InteractionData(
    NETWORK.pairs, NETWORK.genes, NETWORK.expression, NETWORK.modules.rename("operon").rename_axis("gene").reset_index()
)


@pytest.fixture
def files(tmp_path):
    edges, expression = tmp_path / "edges.tsv", tmp_path / "expression.csv"
    pd.DataFrame(NETWORK.pairs, columns=["from", "to"]).to_csv(edges, sep="\t", index=False)
    NETWORK.expression.to_csv(expression)
    return edges, expression


def test_table_on_files(files, tmp_path, capsys):
    out = tmp_path / "rows.json"
    arguments = ["--edges", str(files[0]), "--expression", str(files[1]), "--json", str(out), "--repeats", "2"]
    models = "degree,l3,svd+,isomap,correlation+,gne-published-noise"
    assert main(["reproduce", "interactions", *arguments, "--models", models]) == 0
    rows = json.loads(out.read_text())
    assert len(rows) == 2 * 6 * 3
    assert {"model", "negatives", "repeat", "auroc", "aupr", "seconds"} <= set(rows[0])
    assert {row["negatives"] for row in rows} == {"uniform", "connected", "degree"}
    assert all(0 <= row["auroc"] <= 1 and row["seconds"] >= 0 for row in rows)
    mean = pd.DataFrame(rows).groupby(["model", "negatives"])["auroc"].mean()
    assert abs(mean["degree", "degree"] - 0.5) < 0.1
    assert mean["correlation+", "degree"] > 0.7
    printed = capsys.readouterr().out
    assert "500 interactions, 70 genes, expression of 70" in printed
    assert "0.537 / 0.557" in printed


def test_unseen_genes_need_expression():
    rows = reproduce_interactions(DATA, "unseen", models=["degree", "correlation+"], n_repeats=3)
    scores = pd.DataFrame(rows).groupby("model")["auroc"].mean()
    assert scores["correlation+"] > 0.65 > scores["degree"]
    with pytest.raises(ValueError, match="needs expression"):
        reproduce_interactions(InteractionData(DATA.pairs, DATA.genes), "unseen", models=["degree"])
    assert "gne+ minus" not in report(rows)
    shifted = [row | {"model": "gne+", "auroc": row["auroc"] + 0.1} for row in rows if row["model"] == "degree"]
    assert "gne+ minus degree: +0.100 [+0.100, +0.100]" in report(rows + shifted)
    shifted = [row | {"model": "gne-lookup+"} for row in shifted]
    assert "gne-lookup+ minus correlation+: " in report(rows + shifted)


def test_expression_reaches_unseen_genes():
    models = ["neighbors+", "gne-lookup+", "gne-lookup-noise"]
    rows = reproduce_interactions(DATA, "unseen", models=models, n_repeats=3, device="cpu")
    scores = pd.DataFrame(rows).groupby("model")["auroc"].mean()
    assert scores["neighbors+"] > scores["gne-lookup-noise"] + 0.1
    assert scores["gne-lookup+"] > scores["gne-lookup-noise"] + 0.1


def test_neighbors_share_their_partners():
    expression = pd.DataFrame([[0, 1, 2], [0, 2, 4], [2, 1, 0], [5, 0, 5], [0, 9, 0]], index=list("abcde"), dtype=float)
    model = build_model("neighbors+", expression, list("abcde"), 0).fit([("b", "d"), ("c", "e")])
    scores = model.transform([("a", "d"), ("a", "e"), ("d", "a")]).ravel()
    # a resembles b, whose partner is d, and is the opposite of c.
    assert scores[0] > scores[1] + 1
    assert scores[0] == scores[2]


def test_sparsity_and_lambda():
    rows = reproduce_interactions(DATA, "sparsity", models=["l3"], n_repeats=1)
    frame = pd.DataFrame(rows).query("negatives == 'uniform'")
    assert frame["setting"].tolist() == [f"training on {share}%" for share in (10, 30, 50, 70, 90)]
    assert frame["auroc"].iloc[-1] > frame["auroc"].iloc[0]
    assert "training on 10%" in report(rows)
    rows = reproduce_interactions(DATA, "lambda", models=["gne-published+", "l3"], n_repeats=1)
    assert {row["model"] for row in rows} == {"gne-published+"}
    assert len({row["setting"] for row in rows}) == 6


def test_temporal():
    data = InteractionData(NETWORK.pairs[:300], NETWORK.genes)
    rows = reproduce_interactions(data, "temporal", models=["l3"], n_repeats=1, later_pairs=NETWORK.pairs)
    assert len(rows) == 3
    with pytest.raises(ValueError, match="needs later_pairs"):
        reproduce_interactions(data, "temporal", models=["l3"])


def test_operons():
    result = operon_distances(DATA, "svd+")
    assert result["within"].mean() < result["random"].mean()
    assert result["p_value"] < 1e-6
    assert len(result["map"]) == len(set(DATA.pairs.ravel()))
    with pytest.raises(ValueError, match="needs operons"):
        operon_distances(InteractionData(DATA.pairs, DATA.genes))
    with pytest.raises(ValueError, match="no vectors"):
        operon_distances(DATA, "l3")


@pytest.mark.parametrize("separator", ["\t", ",", " "])
def test_edge_lists_of_all_kinds(tmp_path, separator):
    lines = [("source", "target"), ("a", "b"), ("b", "a"), ("c", "c"), ("nan", "b"), ("1", "b")]
    path = tmp_path / "edges.txt.gz"
    with gzip.open(path, "wt") as stream:
        stream.write("# a comment\n" + "\n".join(separator.join(line) for line in lines) + "\n")
    pairs, notes = read_edges(path)
    assert pairs.tolist() == [["a", "b"], ["1", "b"]]
    assert set(notes) == {"1 self-pairs left out", "1 repeated rows left out", "1 missing names left out"}


def test_edge_list_without_header(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("a,b,0.5\nb,c,0.7\n")
    assert read_edges(path)[0].tolist() == [["a", "b"], ["b", "c"]]
    # A first pair whose genes never occur again is a pair.
    path.write_text("x,y,0.5\na,b,0.5\nb,c,0.7\n")
    assert read_edges(path)[0].tolist() == [["x", "y"], ["a", "b"], ["b", "c"]]


def test_bad_files(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        read_edges(path)
    path.write_text("a\nb\n")
    with pytest.raises(ValueError, match="at least two"):
        read_edges(path)
    path.write_text("a\ta\n")
    with pytest.raises(ValueError, match="holds no pair"):
        read_edges(path)
    path.write_text("gene\ts1\na\tx\n")
    with pytest.raises(ValueError, match="not numbers"):
        read_expression(path)
    with pytest.raises(ValueError, match="without edges"):
        load_data(None, path)
    assert main(["reproduce", "interactions", "--edges", str(tmp_path / "missing.tsv")]) == 2


def test_expression_with_gaps_and_repeated_genes(tmp_path):
    path = tmp_path / "expression.tsv"
    path.write_text("gene\ts1\ts2\na\t1\t2\na\t3\t4\nb\t\t1\n")
    with (
        pytest.warns(UserWarning, match=r"1 genes of .* have missing values and are left out, such as 'b'"),
        pytest.warns(UserWarning, match=r"1 genes of .* stand more than once with different values"),
    ):
        assert read_expression(path).to_dict("index") == {"a": {"s1": 2.0, "s2": 3.0}}
    path.write_text("sample\ta\tb\ns1\t1\t2\ns2\t3\t4\n")
    with pytest.raises(ValueError, match="genes in its columns, not in its rows"):
        read_expression(path, ["a", "b", "c"])


def test_unknown_model():
    with pytest.raises(ValueError, match="models names 'magic'"):
        reproduce_interactions(DATA, models=["magic"])
    with pytest.raises(ValueError, match="needs expression"):
        reproduce_interactions(InteractionData(DATA.pairs, DATA.genes), models=["gne+"])


@pytest.mark.real_data
def test_ecoli_baselines_equal_the_known_figures(data_home):
    rows = reproduce_interactions(load_data(data_home=data_home), models=["degree", "l3"], n_repeats=1)
    auroc = {(row["model"], row["negatives"]): row["auroc"] for row in rows}
    assert auroc["degree", "uniform"] == pytest.approx(0.959, abs=0.005)
    assert auroc["degree", "degree"] == pytest.approx(0.554, abs=0.015)
    assert auroc["l3", "uniform"] > 0.96
    assert np.isfinite(list(auroc.values())).all()


def test_operon_distances_are_those_of_the_map():
    from scipy.spatial.distance import cdist

    from skperturb.reproduce._operons import operon_report

    result = operon_distances(DATA, "svd+")
    places = result["map"]
    distances = cdist(places[["x", "y"]], places[["x", "y"]])
    same = places["operon"].to_numpy()[:, None] == places["operon"].to_numpy()
    above = np.triu(np.ones_like(same), 1)
    np.testing.assert_allclose(np.sort(result["within"]), np.sort(distances[same & above]), rtol=1e-4)
    np.testing.assert_allclose(np.sort(result["random"]), np.sort(distances[~same & above]), rtol=1e-4)
    line = operon_report(DATA, ["svd+"]).splitlines()[-1].split()
    assert line[:2] == ["svd+", "70"]
    medians = [np.median(distances[same & above]), np.median(distances[~same & above])]
    assert [float(cell) for cell in line[2:4]] == pytest.approx(medians, abs=1e-3)


@pytest.mark.filterwarnings("ignore:n_components=16, but the graph of 9 genes")
def test_operons_of_few_genes():
    """The neighbourhood of the map shrinks with the number of genes."""
    genes = [f"g{k}" for k in range(9)]
    pairs = np.array([(a, b) for k, a in enumerate(genes) for b in genes[k + 1 : k + 4]], dtype=object)
    operons = pd.DataFrame({"operon": ["x"] * 4 + ["y"] * 4 + ["z"], "gene": genes})
    result = operon_distances(InteractionData(pairs, np.array(genes, dtype=object), operons=operons), "svd")
    # The gene that is alone in its operon is left out.
    assert len(result["map"]) == 8
    assert len(result["within"]) == 12
    assert len(result["random"]) == 16


def test_unseen_genes_are_a_tenth_of_the_measured_ones():
    from skperturb.reproduce.interactions import _measured_tenth

    drawn = _measured_tenth(DATA, 0)
    assert len(drawn) == len(set(drawn)) == 7
    assert set(drawn) <= set(DATA.genes)
    few = InteractionData(DATA.pairs, DATA.genes, DATA.expression.iloc[:25])
    assert len(_measured_tenth(few, 0)) == 2
    assert set(_measured_tenth(few, 0)) <= set(few.expression.index)


def test_sparse_training_sets_are_nested_and_as_large_as_said():
    from skperturb.reproduce.interactions import SPARSITY, _sparsity

    parts = [part for _, part, _ in _sparsity(DATA, 0, None)]
    sizes = [int((part.y_train == 1).sum()) for part in parts]
    # Nine tenths of 500 interactions are there to train on.
    assert sizes == [round(share * 450) for share in SPARSITY]
    assert all((part.y_train == 0).sum() == size for part, size in zip(parts, sizes, strict=True))
    inside = [{frozenset(pair) for pair in part.X_train[part.y_train == 1].tolist()} for part in parts]
    assert all(small < large for small, large in itertools.pairwise(inside))


def test_interval_is_that_of_the_kind_that_the_header_names():
    about = {
        "protocol": "sparsity",
        "setting": "",
        "model": "l3",
        "aupr": 0.5,
        "precision_at_1000": 0.1,
        "seconds": 1.0,
    }
    areas = {"uniform": [0.9, 0.91], "degree": [0.6, 0.61]}
    rows = [
        about | {"negatives": kind, "repeat": k, "auroc": area} for kind in areas for k, area in enumerate(areas[kind])
    ]
    text = report(rows)
    assert "95 % (degree AUROC)" in text
    assert "[0.600, 0.610]" in text
