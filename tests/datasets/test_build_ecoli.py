"""Small files in the layouts of BioGRID, DREAM5, PRECISE and DOOR, and what is built from them."""

import csv
import zipfile

import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import ChecksumWarning, DownloadError, build_ecoli_interactions, fetch_ecoli_interactions

GENES = ["yneL", "thrA", "thrB", "nan", "insB", "decoy1"]
BIOGRID = (
    "#BioGRID Interaction ID\tOfficial Symbol Interactor A\tOfficial Symbol Interactor B\t"
    "Organism Interactor A\tOrganism Interactor B\n"
)


def biogrid(rows, organism):
    return BIOGRID + "".join(f"{k}\t{a}\t{b}\t{organism}\t{organism}\n" for k, (a, b) in enumerate(rows))


@pytest.fixture
def files(tmp_path):
    """Files as one downloads them."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    archive = folder / "BIOGRID-ORGANISM-3.4.163.tab2.zip"
    with zipfile.ZipFile(archive, "w") as members:
        rows = [("thrB", "thrA"), ("thrA", "thrB"), ("thrA", "thrA"), ("insB", "yneL"), ("other", "thrA")]
        members.writestr("BIOGRID-ORGANISM-Escherichia_coli_K12_W3110-3.4.163.tab2.txt", biogrid(rows, 316407))
        members.writestr("BIOGRID-ORGANISM-Homo_sapiens-3.4.163.tab2.txt", biogrid([("thrA", "yneL")], 9606))
    (folder / "gene_ids.tsv").write_text("#ID\tName\n" + "".join(f"G{k}\t{gene}\n" for k, gene in enumerate(GENES, 1)))
    # b0003 has a newer name in PRECISE, two loci are called insB, and one row does not vary.
    values = {"b0002": [1, 2, 6], "b0003": [3, 1, 2], "b0021": [5, 7, 6], "b0264": [0, 1, 0], "b9999": [4, 4, 4]}
    pd.DataFrame(values, index=["ctrl__1", "ctrl__2", "heat__1"], dtype=float).T.to_csv(folder / "log_tpm.csv")
    names = ["thrA", "zapD", "insB1", "insB", "yneL"]
    pd.DataFrame({"start": 1, "gene_name": names}, index=list(values)).to_csv(folder / "gene_info.csv")
    (folder / "operons.txt").write_text(
        '"ID" "Species" "Size" "Synonyms" "Symbols" "Descriptions"\n'
        '"2996" "E. coli : NC_000913" 2 "b0002; b0003" "thrA; thrB" "kinase I; kinase II"\n'
        '"3003" "E. coli : NC_000913" 2 "b0021" "insB; nan" "unequal"\n'
    )
    return {
        "interactions": archive,
        "genes": folder / "gene_ids.tsv",
        "expression": folder / "log_tpm.csv",
        "gene_info": folder / "gene_info.csv",
        "operons": folder / "operons.txt",
    }


def test_built_files_are_read_by_the_loader(files, tmp_path):
    home = tmp_path / "home"
    build_ecoli_interactions(**files, data_home=home)
    network = fetch_ecoli_interactions(home)
    # Once each, the gene that the list names first is first, in the order of the list.
    assert network.pairs.tolist() == [["yneL", "insB"], ["thrA", "thrB"]]
    assert network.genes.tolist() == GENES
    assert network.expression.index.tolist() == ["thrA", "thrB", "insB"]
    assert network.expression.columns.tolist() == ["0", "1", "2"]
    row = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(network.expression.loc["thrA"], (row - 3) / row.std(), atol=5e-5)
    # The operon with unequal lists gives no names, so that insB is the locus that PRECISE calls so.
    np.testing.assert_allclose(network.expression.loc["insB"], [-0.7071, 1.4142, -0.7071])
    assert network.operons.to_numpy().tolist() == [[2996, "thrA"], [2996, "thrB"], [3003, "insB"], [3003, "nan"]]


def test_the_same_files_give_the_same_bytes_and_a_change_is_noticed(files, tmp_path):
    first, second = (build_ecoli_interactions(**files, data_home=tmp_path / name) for name in "ab")
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes()
    first["genes"].write_text("gene\nthrA\n")
    with pytest.warns(ChecksumWarning, match=r"ecoli_genes\.tsv is not the registered version"):
        fetch_ecoli_interactions(tmp_path / "a")
    with pytest.raises(ValueError, match="overwrite=True"):
        build_ecoli_interactions(**files, data_home=tmp_path / "a")
    build_ecoli_interactions(**files, data_home=tmp_path / "a", overwrite=True)
    assert len(fetch_ecoli_interactions(tmp_path / "a").genes) == len(GENES)


def test_an_edge_list_of_names_serves_too(files, tmp_path):
    edges = tmp_path / "edgelist_biogrid_name.csv"
    edges.write_text("thrA,thrA\nthrB,thrA\ninsB,other\n")
    build_ecoli_interactions(**{**files, "interactions": edges}, data_home=tmp_path)
    assert fetch_ecoli_interactions(tmp_path).pairs.tolist() == [["thrA", "thrB"]]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("interactions", "x\ty\n", r"holds no pair of the 6 genes, but names such as \['x', 'y'\]"),
        ("genes", "#ID\tgene\nG1\tthrA\n", r"has no column 'Name'; found \['#ID', 'gene'\]"),
        ("genes", "#ID\tName\nG1\tthrA\nG2\tthrA\n", "names 'thrA' twice"),
        ("expression", ",s1\nb0002,1\n", "no varying row"),
        ("gene_info", ",name\nb0002,thrA\n", "has no column 'gene_name'"),
        ("operons", "OperonID\tGI\n1\t2\n", "has no column 'ID'"),
    ],
)
def test_another_layout_is_refused(files, tmp_path, name, text, message):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(text)
    with pytest.raises(ValueError, match=message):
        build_ecoli_interactions(**{**files, name: wrong}, data_home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_missing_files_are_named(files, tmp_path):
    with pytest.raises(ValueError, match=r"operons='[^']*none\.txt': no such file"):
        build_ecoli_interactions(**{**files, "operons": tmp_path / "none.txt"}, data_home=tmp_path)
    with pytest.raises(DownloadError, match=r"build_ecoli_interactions\(\.\.\.\)"):
        fetch_ecoli_interactions(tmp_path)


@pytest.mark.real_data
def test_the_mirrored_tables_come_back_from_public_layouts(tmp_path, data_home):
    """The mirror's own content, in the layouts of the sources and in another order, builds the mirror's files."""

    def mirrored(name):
        return pd.read_csv(data_home / "interactions" / name, sep="\t", keep_default_na=False)

    pairs, genes = mirrored("ecoli_interactions.tsv.gz"), mirrored("ecoli_genes.tsv")
    operons, expression = mirrored("ecoli_operons.tsv"), mirrored("ecoli_expression.tsv.gz")
    rng = np.random.default_rng(0)
    turned = pairs.to_numpy()[rng.permutation(len(pairs))]
    turned[::2] = turned[::2, ::-1]
    pd.DataFrame(turned).to_csv(tmp_path / "edges.csv", header=False, index=False)
    ids = [f"G{k}" for k in range(1, len(genes) + 1)]
    pd.DataFrame({"#ID": ids, "Name": genes["gene"]}).to_csv(tmp_path / "ids.tsv", sep="\t", index=False)
    columns = {"ID": operons["operon"], "Size": operons["size"], "Synonyms": "b1", "Symbols": operons["genes"]}
    pd.DataFrame(columns).to_csv(tmp_path / "operons.txt", sep=" ", index=False, quoting=csv.QUOTE_NONNUMERIC)
    values = expression.set_index("gene").set_axis([f"b{k:04d}" for k in range(len(expression))])
    values.iloc[rng.permutation(len(values))].to_csv(tmp_path / "log_tpm.csv")
    pd.DataFrame({"gene_name": expression["gene"].to_numpy()}, index=values.index).to_csv(tmp_path / "info.csv")
    names = ("edges.csv", "ids.tsv", "log_tpm.csv", "info.csv", "operons.txt")
    paths = build_ecoli_interactions(*(tmp_path / name for name in names), data_home=tmp_path)
    built = {name: pd.read_csv(path, sep="\t", keep_default_na=False) for name, path in paths.items()}
    assert built["interactions"].equals(pairs)
    assert built["genes"].equals(genes)
    assert built["operons"].equals(operons)
    # Values that were rounded to four digits are scaled and rounded again.
    pd.testing.assert_frame_equal(built["expression"], expression, rtol=0, atol=1.5e-4)
