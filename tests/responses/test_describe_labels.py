"""A look before the fit."""

import anndata
import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.responses import PerturbationEncoder, describe_labels


@pytest.fixture
def cells():
    obs = pd.DataFrame(
        {
            "perturbation": ["ctrl", "ctrl", "KLF1+ctrl", "ctrl+KLF1", "KLF1", "A+B", "STAT1_g1", "nan"],
            "cell_type": ["k562", "rpe1", "k562", "rpe1", "hek", "k562", "k562", "k562"],
            "constant": "x",
            "n_counts": np.arange(8.0),
        },
        index=[f"cell{k}" for k in range(8)],
    )
    return anndata.AnnData(np.ones((8, 2), dtype=np.float32), obs=obs)


def test_table(cells):
    table = describe_labels(cells, "perturbation").set_index("label")
    assert table["n_cells"].to_dict() == {
        "ctrl": 2,
        "KLF1+ctrl": 1,
        "ctrl+KLF1": 1,
        "KLF1": 1,
        "A+B": 1,
        "STAT1_g1": 1,
        "nan": 1,
    }
    assert table["condition"].tolist() == ["control", "KLF1", "KLF1", "KLF1", "A+B", "STAT1_g1", "nan"]
    assert table["genes"].tolist() == ["", "KLF1", "KLF1", "KLF1", "A, B", "", ""]
    assert table["dose"].tolist() == ["", "1", "1", "1", "1, 1", "", ""]
    assert table.index[table["is_control"]].tolist() == ["ctrl"]
    assert table.index[table["is_doubtful"]].tolist() == ["STAT1_g1", "nan"]
    assert "guide_suffix" in table.loc["STAT1_g1", "reason"]
    assert "control=" in table.loc["nan", "reason"]
    assert table.loc["ctrl+KLF1", "how"] == "one gene, joined by '+', with a control"


def test_columns_that_vary_inside_a_condition(cells):
    table = describe_labels(cells, "perturbation").set_index("label")
    # All spellings of KLF1 together have three cell types, though each alone has one.
    assert table.loc[["KLF1", "ctrl+KLF1", "KLF1+ctrl"], "varies"].tolist() == ["cell_type (3)"] * 3
    assert table.loc["ctrl", "varies"] == "cell_type (2)"
    assert table.loc["A+B", "varies"] == ""
    assert "varies" not in describe_labels(cells.obs["perturbation"])


def test_options_and_containers(cells):
    options = {"control": ["ctrl", "nan"], "guide_suffix": r"_g\d+"}
    table = describe_labels(cells.obs, "perturbation", **options)
    assert not table["is_doubtful"].any()
    genes = {gene for genes in table["genes"] if genes for gene in genes.split(", ")}
    encoder = PerturbationEncoder(column="perturbation", **options).fit(cells)
    assert sorted(genes) == encoder.genes_.tolist() == ["A", "B", "KLF1", "STAT1"]
    doses = describe_labels([{"A": 0.5, "B": 1}, {"A": 0.5, "B": 1}, {}])
    assert doses[["genes", "dose", "n_cells"]].to_numpy().tolist() == [["A, B", "0.5, 1", 2], ["", "", 1]]
    with pytest.raises(ValueError, match="column is 'x'"):
        describe_labels(cells, "x")


def test_labels_that_are_no_text():
    table = describe_labels(["A", np.nan, None, 7, float("nan")])
    assert table["is_doubtful"].tolist() == [False, True, True, True]
    assert table["n_cells"].tolist() == [1, 2, 1, 1]
    assert "no label" in table["reason"][1]
    assert "astype(str)" in table["reason"][3]


def test_command(cells, tmp_path, capsys):
    path = tmp_path / "screen.h5ad"
    cells.write_h5ad(path)
    assert main(["labels", str(path), "--groupby", "perturbation"]) == 0
    shown = capsys.readouterr().out
    assert "7 labels of 8 cells: 2 perturbed conditions of 3 genes, 1 labels of controls, 2 doubtful" in shown
    assert "doubtful: 'STAT1_g1', where 'g1' looks like the name of a guide" in shown
    assert "cell_type: vary inside conditions" in shown
    out = tmp_path / "labels.csv"
    options = ["--control", "ctrl", "nan", "--guide-suffix", r"_g\d+", "--csv", str(out)]
    assert main(["labels", str(path), "--groupby", "perturbation", *options]) == 0
    written = pd.read_csv(out, keep_default_na=False)
    assert not (written["is_doubtful"] == "True").any()
    assert written["condition"].tolist() == ["ctrl", "KLF1", "KLF1", "KLF1", "A+B", "STAT1", "ctrl"]


# Each option with labels on which it changes what is read.
OPTIONS = [
    (["--control", "NT"], ["NT", "A"]),
    (["--sep", ";"], ["A;B", "A", "B"]),
    (["--genes", "A_B", "C"], ["A_B", "C"]),
    (["--guide-suffix", r"_g\d+"], ["A_g1", "A_g2"]),
    (["--guide-prefix", "sg"], ["sgKLF1", "A"]),
    (["--groupby", "other"], ["A", "B"]),
]


@pytest.mark.parametrize(("option", "labels"), OPTIONS)
def test_every_option_of_the_command_is_used(option, labels, tmp_path, capsys):
    path = tmp_path / "labels.tsv"
    pd.DataFrame({"perturbation": labels, "other": "Z"}).to_csv(path, sep="\t", index=False)
    base = ["labels", str(path), "--groupby", "perturbation"]
    main(base)
    without = capsys.readouterr().out
    assert main(base + option) == 0
    assert capsys.readouterr().out != without


@pytest.mark.parametrize(
    ("first", "n_labels"), [("KLF1", 3), ("ctrl", 3), ("ID1", 3), ("guide_identity", 2), ("TargetGene", 2)]
)
def test_no_row_of_a_file_without_a_header_is_lost(first, n_labels, tmp_path, capsys):
    path = tmp_path / "labels.csv"
    path.write_text(f"{first}\nCEBPA\nA+B\n", encoding="utf-8")
    assert main(["labels", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"{n_labels} labels of {n_labels} cells" in shown
    assert (f"{first!r}, was read as a label" in shown) == (n_labels == 3)
    assert main(["labels", str(path), "--groupby", first]) == 0
    assert "2 labels of 2 cells" in capsys.readouterr().out


def test_command_refuses(tmp_path, capsys):
    path = tmp_path / "labels.tsv"
    pd.DataFrame({"a": ["A"], "b": ["B"]}).to_csv(path, sep="\t", index=False)
    assert main(["labels", str(path)]) == 2
    words = capsys.readouterr().err
    assert "has no column 'perturbation'; pass --groupby with one of ['a', 'b']" in words
    assert main(["labels", str(tmp_path / "labels.xlsx")]) == 2
    assert "expected .h5ad, .csv, .tsv or .txt" in capsys.readouterr().err


def test_a_column_called_obs_is_a_column():
    table = pd.DataFrame({"perturbation": ["KLF1", "ctrl"], "obs": ["x", "y"]})
    assert describe_labels(table, "perturbation")["condition"].tolist() == ["KLF1", "control"]
    encoder = PerturbationEncoder(column="perturbation", contexts="obs").fit(table)
    assert encoder.get_feature_names_out().tolist() == ["KLF1", "obs=x", "obs=y"]


@pytest.mark.real_data
def test_mirrored_cells(data_home, capsys):
    path = data_home / "responses" / "norman2019_mcfaline2023_500hvg.h5ad"
    assert main(["labels", str(path), "--groupby", "perturbation"]) == 0
    shown = capsys.readouterr().out
    # Two studies, four cell types, activation and interference in one file.
    assert "cell_type, dataset, perturbation_type: vary inside conditions" in shown
    assert "34 labels of 5961 cells: 33 perturbed conditions" in shown
    # Labels that hold the cell line are refused and not averaged into pairs of genes.
    assert main(["labels", str(path), "--groupby", "condition_cell_type"]) == 0
    assert "64 doubtful" in capsys.readouterr().out
