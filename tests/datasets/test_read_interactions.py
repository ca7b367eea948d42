"""Files of interactions as databases and users write them: right pairs, counted losses, clear refusals."""

import gzip
import zipfile

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import read_interactions
from skperturb.interactions import DegreeProduct

TAB3 = [
    "#BioGRID Interaction ID", "Entrez Gene Interactor A", "Entrez Gene Interactor B", "Systematic Name Interactor A",
    "Systematic Name Interactor B", "Official Symbol Interactor A", "Official Symbol Interactor B",
    "Experimental System", "Experimental System Type", "Organism ID Interactor A", "Organism ID Interactor B", "Score",
]  # fmt: skip
BIOGRID = [
    ["1", "11", "12", "YA", "YB", "AAA1", "BBB1", "Two-hybrid", "physical", "559292", "559292", "-"],
    ["2", "12", "11", "YB", "YA", "BBB1", "AAA1", "Synthetic Lethality", "genetic", "559292", "559292", "0.5"],
    ["3", "11", "11", "YA", "YA", "AAA1", "AAA1", "Two-hybrid", "physical", "559292", "559292", "-"],
    ["4", "11", "13", "YA", "-", "AAA1", "CCC1", "Affinity Capture-MS", "physical", "559292", "559292", "-3"],
    ["5", "11", "99", "YA", "-", "AAA1", "HUM1", "Two-hybrid", "physical", "559292", "9606", "-"],
    ["6", "11", "14", "YA", "YD", "AAA1", "-", "Two-hybrid", "physical", "559292", "559292", "-"],
]


@pytest.fixture
def write(tmp_path):
    def writer(text, name="network.txt"):
        path = tmp_path / name
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(text.encode()))
        elif name.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("inside.txt", text)
        else:
            path.write_bytes(text.encode("utf-8"))
        return path

    return writer


def biogrid_text(header=TAB3):
    return "\n".join("\t".join(row) for row in [header, *BIOGRID]) + "\n"


def pairs_of(data):
    return list(map(tuple, data.pairs.tolist()))


def test_biogrid(write):
    path = write(biogrid_text(), "BIOGRID-ALL.tab3.txt")
    with pytest.raises(ValueError, match=r"2 organisms \(559292 \(9\), 9606 \(1\)\).*species=559292"):
        read_interactions(path)
    data = read_interactions(path, species=559292)
    assert pairs_of(data) == [("AAA1", "BBB1"), ("AAA1", "CCC1")]
    assert data.n_rows.tolist() == [2, 1]
    # The scores of BioGRID have as many scales as sources.
    assert data.weights is None
    assert data.report.to_dict() == {
        "rows": 6,
        "missing names": 1,
        "species other than 559292": 1,
        "self-pairs": 1,
        "repeated rows": 1,
        "pairs": 2,
    }
    assert pairs_of(read_interactions(path, species=559292, evidence="genetic")) == [("BBB1", "AAA1")]
    assert pairs_of(read_interactions(path, species=559292, evidence=["affinity capture-ms"])) == [("AAA1", "CCC1")]
    assert pairs_of(read_interactions(path, species=559292, names="systematic", directed=True)) == [
        ("YA", "YB"), ("YB", "YA"), ("YA", "YD"),
    ]  # fmt: skip
    assert pairs_of(read_interactions(path, species=559292, names="entrez", self_pairs="keep")) == [
        ("11", "12"), ("11", "11"), ("11", "13"), ("11", "14"),
    ]  # fmt: skip
    strong = read_interactions(path, species=559292, weight="Score", min_weight=0)
    assert pairs_of(strong) == [("BBB1", "AAA1")]
    assert strong.report["weight below 0"] == 3


@pytest.mark.parametrize("ending", ["txt", "txt.gz", "zip"])
def test_tab2_and_archives(write, ending):
    tab2 = [name.replace("Organism ID Interactor", "Organism Interactor") for name in TAB3]
    data = read_interactions(write(biogrid_text(tab2), f"BIOGRID.tab2.{ending}"), species=559292)
    assert pairs_of(data) == [("AAA1", "BBB1"), ("AAA1", "CCC1")]


def test_quotes_in_free_text_swallow_no_line(write):
    rows = [[*row[:7], row[7] + ' 5"', *row[8:]] for row in BIOGRID[:3]]
    text = "\n".join("\t".join(row) for row in [TAB3, *rows])
    assert read_interactions(write(text)).report["rows"] == 3


STRING = (
    "protein1 protein2 neighborhood combined_score\n"
    "9606.ENSP1 9606.ENSP2 0 900\n9606.ENSP2 9606.ENSP1 0 900\n9606.ENSP1 9606.ENSP3 12 150\n"
)


def test_string(write):
    path = write(STRING, "9606.protein.links.detailed.v12.0.txt.gz")
    data = read_interactions(path)
    assert pairs_of(data) == [("ENSP1", "ENSP2"), ("ENSP1", "ENSP3")]
    assert data.weights.tolist() == [900, 150]
    cut = read_interactions(path, min_weight=700, species=9606)
    assert pairs_of(cut) == [("ENSP1", "ENSP2")]
    assert cut.report.to_dict() == {"rows": 3, "weight below 700": 1, "repeated rows": 1, "pairs": 1}
    assert pairs_of(read_interactions(path, weight="neighborhood", min_weight=1)) == [("ENSP1", "ENSP3")]


def test_string_of_two_species(write):
    path = write(STRING + "9606.ENSP1 10090.ENSMUSP9 0 800\n")
    with pytest.raises(ValueError, match="2 organisms"):
        read_interactions(path)
    assert "ENSMUSP9" not in read_interactions(path, species=9606).genes


def test_string_is_read_in_blocks(write, monkeypatch):
    path = write(STRING)
    whole = read_interactions(path, min_weight=500)
    monkeypatch.setattr("skperturb.datasets._read_interactions._ROWS_PER_BLOCK", 1)
    blocks = read_interactions(path, min_weight=500)
    assert pairs_of(blocks) == pairs_of(whole)
    pd.testing.assert_series_equal(blocks.report, whole.report)


def test_sif(write):
    path = write("a pp b c\nb pd a\nd\n\n", "network.sif")
    data = read_interactions(path)
    assert pairs_of(data) == [("a", "b"), ("a", "c")]
    assert data.report.to_dict() == {"rows": 4, "single genes": 1, "repeated rows": 1, "pairs": 2}
    assert pairs_of(read_interactions(path, evidence="PD")) == [("b", "a")]
    with pytest.raises(ValueError, match=r"evidence names \['xy'\].*pd, pp"):
        read_interactions(path, evidence="xy")
    tabbed = write("gene 1\tpp\tgene 2\tgene 3\n", "blanks.sif")
    assert pairs_of(read_interactions(tabbed)) == [("gene 1", "gene 2"), ("gene 1", "gene 3")]
    with pytest.raises(ValueError, match="'a b'; expected 'a relation b'"):
        read_interactions(write("a b\n", "wrong.sif"))


@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiDiGraph])
def test_graphml(tmp_path, kind):
    graph = kind()
    graph.add_nodes_from([("n0", {"name": "TP53"}), ("n1", {"name": "MDM2"}), ("n2", {"name": "ATM"})])
    graph.add_edge("n0", "n1", weight=0.5, confidence=3)
    graph.add_edge("n2", "n0", weight=0.25, confidence=4)
    nx.write_graphml(graph, tmp_path / "network.graphml")
    data = read_interactions(tmp_path / "network.graphml")
    assert {frozenset(pair) for pair in pairs_of(data)} == {frozenset(("TP53", "MDM2")), frozenset(("ATM", "TP53"))}
    assert sorted(data.weights) == [0.25, 0.5]
    strong = read_interactions(tmp_path / "network.graphml", weight="confidence", min_weight=4)
    assert set(strong.genes) == {"ATM", "TP53"}
    with pytest.raises(ValueError, match="no edge attribute 'score'"):
        read_interactions(tmp_path / "network.graphml", weight="score")


@pytest.mark.parametrize(
    ("text", "pairs", "weights"),
    [
        ("a\tb\nb\tc\n", [("a", "b"), ("b", "c")], None),
        ("source,target\na,b\n", [("a", "b")], None),
        ("#node1\tnode2\tcombined_score\na\tb\t0.9\n", [("a", "b")], [0.9]),
        ("# made by hand\ngene_a;gene_b;year\na;b;1999\n", [("a", "b")], None),
        ("left right weight\na b 2\nb a 3\n", [("a", "b")], [3.0]),
        ("a b 2\nb c 1\n", [("a", "b"), ("b", "c")], [2.0, 1.0]),
        ("\ufeffgene1,gene2\r\n a ,b\r\nb,c\r\n", [("a", "b"), ("b", "c")], None),
        ("a,b\n-,c\n,d\na,NA\nb,nan\n", [("a", "b")], None),
        ('"a"\t"b"\n"b"\t"c"\n', [("a", "b"), ("b", "c")], None),
        # A first pair whose genes never occur again is a pair, not a header.
        ("x y\na b\nb c\n", [("x", "y"), ("a", "b"), ("b", "c")], None),
        ("gene1 gene2\ngene3 gene4\n", [("gene1", "gene2"), ("gene3", "gene4")], None),
        ("Ärz\tb\n", [("Ärz", "b")], None),
        # Comments of other programs, UTF-16, identifiers that were floats, weights with gaps.
        ("% made by hand\na b\n", [("a", "b")], None),
        ("// made by hand\na b\n", [("a", "b")], None),
        ("1.0 2.0\n2.0 3.0\n", [("1", "2"), ("2", "3")], None),
        ("a b 0.5\nb c NA\n", [("a", "b"), ("b", "c")], [0.5, None]),
        # Headers of many kinds, also behind or between other columns.
        ("Regulator,Target gene,Effect\na,b,+\n", [("a", "b")], None),
        ("Interactor one\tInteractor two\na\tb\n", [("a", "b")], None),
        ("PARTICIPANT_A\tINTERACTION_TYPE\tPARTICIPANT_B\na\tin-complex-with\tb\n", [("a", "b")], None),
        (",source,target,weight\n0,a,b,1\n1,b,c,2\n", [("a", "b"), ("b", "c")], [1.0, 2.0]),
        (",gene_a,gene_b\n0,a,b\n1,b,c\n", [("a", "b"), ("b", "c")], None),
        ('gene,note,gene2\na,"x,y",b\n', [("a", "b")], None),
        ("protein1,protein2,combined_score\n9606.a,9606.b,900\n", [("a", "b")], [900.0]),
        # Decimal commas of a spreadsheet, and columns whose names tell their order.
        ("a;b;score\nx;y;0,5\n", [("x", "y")], [0.5]),
        ("target,source\na,b\n", [("b", "a")], None),
        ("source,target,\na,b,\n", [("a", "b")], None),
        ("source,target\ra,b\rb,c\r", [("a", "b"), ("b", "c")], None),
        # Case is kept: these are two genes of Drosophila.
        ("Dl\tdl\n", [("Dl", "dl")], None),
    ],
)
def test_tables(write, text, pairs, weights):
    data = read_interactions(write(text))
    assert pairs_of(data) == pairs
    if weights is None:
        assert data.weights is None
    else:
        np.testing.assert_array_equal(data.weights, np.array(weights, dtype=float))
    assert data.report["rows"] == data.report.iloc[1:].sum()
    assert data.genes.tolist() == sorted({gene for pair in pairs for gene in pair})


def test_columns_of_a_table(write):
    path = write("id,tf,gene,mor\n1,A,B,1\n2,B,A,-1\n")
    data = read_interactions(path, columns=["tf", "gene"], weight="mor", directed=True)
    assert pairs_of(data) == [("A", "B"), ("B", "A")]
    assert data.weights.tolist() == [1.0, -1.0]
    assert pairs_of(read_interactions(path, columns=[1, 2])) == [("A", "B")]
    with pytest.raises(ValueError, match=r"no column 'TF'; expected one of id, tf, gene, mor"):
        read_interactions(path, columns=["TF", "gene"])
    assert pairs_of(read_interactions(write("Entrez A,Entrez B\n1,2\n3,4\n", "ids.csv"))) == [("1", "2"), ("3", "4")]
    # Commas beside points are a list, or stand between thousands.
    lists = write("gene1;gene2;weight;papers\nA;B;0.5;12,34\nA;C;0.7;56,78\n", "lists.csv")
    assert read_interactions(lists).weights.tolist() == [0.5, 0.7]
    twice = write("gene1,gene2,score,score,n,n\nA,B,1,2,3,3\n", "twice.csv")
    with pytest.raises(ValueError, match=r"twice\.csv has the column 'score' twice"):
        read_interactions(twice)
    assert read_interactions(write("gene1,gene2,n,n\nA,B,1,2\n", "unread.csv")).weights is None
    odd = write("Locus X,Locus Y\na,b\n", "odd.csv")
    assert pairs_of(read_interactions(odd, header=True)) == [("a", "b")]
    assert len(read_interactions(odd).pairs) == 2


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "is empty"),
        ("# nothing\n! but comments\n", {}, "is empty"),
        ("a\nb\n", {}, "has 1 column"),
        ("a a\n", {}, r"holds no pair .* of 1 rows, 1 self-pairs"),
        ("a b\nb b\n", {"self_pairs": "error"}, "1 rows pair a gene with itself, such as 'b'"),
        ("a b\n", {"min_weight": 3}, "no column of weights"),
        ("a b x\n", {"weight": 2}, "not numbers"),
        ("a b\n", {"species": 9606}, "species was given, but the file was read as 'table'"),
        ("a b\n", {"evidence": "physical"}, "evidence was given"),
        ("a b\n", {"names": "entrez"}, "names was given"),
        (STRING, {"columns": [0, 1]}, "columns was given, but the file was read as 'string'"),
        ("#ID(s) interactor A\tID(s) interactor B\nx:1\ty:2\n", {}, "PSI-MI TAB"),
        ("<graphml", {}, "no GraphML"),
        ("a b\nb c x\n", {}, "lines of different length"),
        ("a -> b\nb -> c\n", {}, "'->' in its second column, which is no gene"),
        ("a pp b\nc pp d\n", {}, "format='sif'"),
        ("gene\ta\tb\na\t0\t1\nb\t1\t0\n", {}, "adjacency matrix"),
        ("0,a,b\n1,b,c\n", {}, "column of row numbers"),
        ("a,b,score\nx,y,high\n", {}, "not numbers"),
        ("a;b;score\nx;y;1.000,5\n", {}, "not numbers"),
        ("a\tb\tscore\nx\ty\tinf\n", {}, "expected finite numbers"),
        ("source\ttarget\tweight\na\t0.5\nb\tc\t1\n", {}, "lines of different length: 2 columns in line 2, 3"),
        ("source,target\na,b\nsource,target\nb,c\n", {}, "its first line again in row 2"),
        ('source,target\na,"b\nb,"c\n', {}, "a quote in line 2 that is not closed"),
        ("0,7157,672\n1,672,1050\n2,1050,578\n", {}, "counts its rows in the first column"),
        ("2 1050 578\n0 7157 672\n1 672 1E5\n", {}, "counts its rows in the first column"),
        ("0,0,A,B\n1,1,B,C\n2,2,C,D\n", {}, "counts its rows in both of its first columns"),
        ("0.5,7157,672\n0.7,672,1050\n", {}, "'0.5' in a column of genes"),
        ("<?xml version='1.0'?><sbml/>", {}, "is XML, but no GraphML"),
        (STRING + "9606.ENSP1 9606.ENSP2\n", {}, "fewer columns in row"),
        (STRING + "9606.ENSP1 9606.ENSP2 1 2 3 4 5 6\n", {}, "lines of different length"),
        ("source\ttarget\n", {}, "holds no pair"),
        ("ID1\tID2\na\tb\n", {}, "header=True or header=False"),
        ("a b\n", {"columns": ["a"]}, "expected two different columns"),
        ("a b\n", {"columns": [0, 0]}, "expected two different columns"),
        ('[["a", "b"]]', {}, "is JSON"),
        ("graph [ node [ id 0 ] ]", {}, "is GML"),
        ("<html><body>not found</body></html>", {}, "is HTML"),
        ("PK\0\0", {}, "is no text"),
        (STRING, {"min_weight": 0.7}, "expected 700"),
    ],
)
def test_refused(write, text, options, words):
    with pytest.raises(ValueError, match=words):
        read_interactions(write(text), **options)


@pytest.mark.parametrize("name", ["a.gz", "a.bz2", "a.xz", "a.zip"])
def test_files_that_are_not_what_their_name_says(tmp_path, name):
    (tmp_path / name).write_text("a\tb\n")
    with pytest.raises(ValueError, match="no whole file of its kind"):
        read_interactions(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_interactions(tmp_path / f"no{name}")


def test_an_archive_of_two_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.txt", "a b")
        archive.writestr("b.txt", "a b")
    with pytest.raises(ValueError, match="holds 2 files"):
        read_interactions(tmp_path / "two.zip")


@pytest.mark.parametrize("name", ["2-Sep", "Mar-01", "2.31E+13"])
def test_names_that_a_spreadsheet_wrote(write, name):
    path = write(f"{name},b\nb,c\n")
    with pytest.warns(UserWarning, match="1 names look like what a spreadsheet makes"):
        read_interactions(path)


def test_what_is_read_can_be_fitted(write):
    rng = np.random.default_rng(0)
    lines = [f"g{a}\tg{b}" for a, b in rng.integers(0, 12, size=(40, 2))]
    data = read_interactions(write("\n".join([*lines, "g1\t-", "g2\tNA"])))
    model = DegreeProduct(genes=data.genes, random_state=0).fit(data.pairs)
    assert len(model.positive_pairs_) == len(data.pairs) == data.report["pairs"]


def test_genes_that_are_called_like_columns_are_kept_when_asked(write):
    path = write("ID1\tID2\na\tb\n")
    assert pairs_of(read_interactions(path, header=False)) == [("ID1", "ID2"), ("a", "b")]
    assert pairs_of(read_interactions(path, header=True)) == [("a", "b")]


def test_files_of_excel_and_of_cytoscape(tmp_path, write):
    wide = tmp_path / "unicode.txt"
    wide.write_bytes("a\tb\r\nb\tc\r\n".encode("utf-16"))
    assert pairs_of(read_interactions(wide)) == [("a", "b"), ("b", "c")]
    sif = write("# session\nsource\tinteraction\ttarget\na\tpp\tb\n", "x.sif")
    assert pairs_of(read_interactions(sif)) == [("a", "b")]
    assert pairs_of(read_interactions(write("a pp b\nc pp d\n"), format="sif")) == [("a", "b"), ("c", "d")]


def test_comments_above_biogrid(write):
    assert pairs_of(
        read_interactions(write("# downloaded today\n" + biogrid_text(), "x.txt"), species=559292)
    ) == pairs_of(read_interactions(write(biogrid_text()), species=559292))
