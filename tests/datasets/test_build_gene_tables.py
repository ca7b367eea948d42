"""Small files in the layouts of STRING, SIF, GAF and OBO, and what is built from them."""

import gzip

import pandas as pd
import pytest

from skperturb.datasets import DownloadError, build_gene_graph, build_gene_terms, fetch_gene_graph, fetch_gene_terms

OBO = """format-version: 1.2

[Term]
id: GO:1
name: root

[Term]
id: GO:2
is_a: GO:1 ! root

[Term]
id: GO:3
relationship: part_of GO:2 ! middle
relationship: regulates GO:9 ! not above

[Typedef]
id: part_of
is_a: GO:7 ! of another kind
"""


def annotation(gene, term, evidence="IDA", qualifier="involved_in"):
    columns = [
        "UniProtKB",
        "P",
        gene,
        qualifier,
        term,
        "PMID:1",
        evidence,
        "",
        "P",
        "a name with ! in it",
        "",
        "protein",
    ]
    return "\t".join([*columns, "taxon:9606", "20200101", "UniProt", "", ""]) + "\n"


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "goa_human.gaf.gz"
    rows = [("A", "GO:3"), ("B", "GO:3"), ("A", "GO:3"), ("C", "GO:2"), ("D", "GO:1", "IEA")]
    text = "!gaf-version: 2.2\n" + "".join(annotation(*row) for row in rows)
    text += annotation("E", "GO:3", qualifier="NOT|involved_in")
    with gzip.open(path, "wt") as file:
        file.write(text)
    return path


def test_terms_are_propagated_and_counted(annotations, tmp_path):
    ontology = tmp_path / "go-basic.obo"
    ontology.write_text(OBO)
    path = build_gene_terms(annotations, ontology, min_size=2, max_size=3, data_home=tmp_path)
    rows = pd.read_csv(path, sep="\t")
    # The root has four genes, and the annotation with NOT is none.
    expected = [("A", "GO:2", 3), ("A", "GO:3", 2), ("B", "GO:2", 3), ("B", "GO:3", 2), ("C", "GO:2", 3)]
    assert list(rows.itertuples(index=False, name=None)) == expected
    assert fetch_gene_terms(tmp_path).loc["C"].to_dict() == {"GO:2": True, "GO:3": False}


def test_evidence_and_genes_are_chosen(annotations, tmp_path):
    options = {"evidence": ["IDA"], "genes": ["A"], "min_size": 1, "data_home": tmp_path}
    rows = pd.read_csv(build_gene_terms(annotations, **options), sep="\t")
    assert rows.to_numpy().tolist() == [["A", "GO:3", 2]]
    with pytest.raises(ValueError, match="no term of 3 to 500 genes is left"):
        build_gene_terms(annotations, data_home=tmp_path / "other")


def test_edges_are_named_by_their_source(tmp_path):
    string = tmp_path / "9606.protein.links.v12.0.txt"
    string.write_text(
        "protein1 protein2 combined_score\n9606.P1 9606.P2 950\n9606.P2 9606.P1 950\n9606.P1 9606.P3 200\n"
    )
    sif = tmp_path / "signor.sif"
    sif.write_text("KLF1\tactivates\tGATA1\nGATA1\tactivates\tOTHER\n")
    build_gene_graph(
        {"StringDB": string, "SIGNOR": sif},
        symbols={"P1": "TAL1", "P2": "GATA1", "P3": "KLF1"},
        genes=["KLF1", "GATA1", "TAL1"],
        options={"StringDB": {"min_weight": 900}},
        data_home=tmp_path,
    )
    graph = fetch_gene_graph(tmp_path)
    assert graph.to_numpy().tolist() == [["GATA1", "KLF1", "SIGNOR"], ["GATA1", "TAL1", "StringDB"]]


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ({"own": [["A", "A"]]}, {}, r"sources\['own'\] holds no edge"),
        ({"own": [["A", "B", "C"]]}, {}, r"sources\['own'\] has the shape \(1, 3\)"),
        ({"own": [["A", "B"]]}, {"options": {"owm": {}}}, r"options names 'owm' \(did you mean 'own'\?\)"),
        ({}, {}, "sources is empty"),
    ],
)
def test_wrong_graphs_are_refused(tmp_path, sources, options, message):
    with pytest.raises(ValueError, match=message):
        build_gene_graph(sources, **options, data_home=tmp_path)


def test_other_files_are_refused(annotations, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("some text\n")
    with pytest.raises(ValueError, match="is no GAF 2"):
        build_gene_terms(text, data_home=tmp_path)
    text.write_text(annotation("A", "term"))
    with pytest.raises(ValueError, match="column 5 holds 'term'"):
        build_gene_terms(text, data_home=tmp_path)
    text.write_text("nothing\n")
    with pytest.raises(ValueError, match="expected an OBO file"):
        build_gene_terms(annotations, text, data_home=tmp_path)
    for fetch, builder in ((fetch_gene_graph, "build_gene_graph"), (fetch_gene_terms, "build_gene_terms")):
        with pytest.raises(DownloadError, match=builder):
            fetch(tmp_path)


@pytest.mark.real_data
def test_layout_is_that_of_the_mirror(annotations, tmp_path, data_home):
    paths = [build_gene_terms(annotations, min_size=1, data_home=tmp_path)]
    paths.append(build_gene_graph({"own": [["A", "B"]]}, data_home=tmp_path))
    for path in paths:
        own, mirrored = (pd.read_csv(file, sep="\t") for file in (path, data_home / "responses" / path.name))
        assert list(own) == list(mirrored)
        assert own.dtypes.equals(mirrored.dtypes)
