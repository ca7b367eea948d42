"""The command line as a shell sees it: folders, pipes, versions, exit statuses."""

import subprocess
import sys

import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import load_textbook_models
from skperturb.sbml import JacobianExtractor, sensitivity_matrix


@pytest.fixture
def folder(tmp_path):
    for name, text in zip(("b.xml", "a.sbml"), load_textbook_models().data[:2], strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no model")
    return tmp_path


def test_a_folder_stands_for_its_models(folder, capsys):
    assert main(["screen", str(folder), "--csv", str(folder / "out.csv")]) == 0
    rows = (folder / "out.csv").read_text().splitlines()
    assert [line.split(",")[0].endswith(name) for line, name in zip(rows[1:], ("a.sbml", "b.xml"), strict=True)] == [
        True,
        True,
    ]


def test_a_folder_without_models_is_refused(tmp_path, capsys):
    assert main(["screen", str(tmp_path)]) == 2
    assert "folder without a model" in capsys.readouterr().err


def test_the_exit_status_is_1_when_no_model_could_be_read(tmp_path, capsys):
    (tmp_path / "broken.xml").write_text("<sbml>")
    assert main(["screen", str(tmp_path / "broken.xml")]) == 1
    assert "invalid" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_reader_that_leaves_early_is_no_error(folder):
    command = f"'{sys.executable}' -m skperturb screen '{folder}' | head -n 0"
    found = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120)
    assert found.returncode == 0
    assert found.stderr == ""


def test_networks_with_and_without_kinetics(folder, capsys):
    (folder / "edges.csv").write_text("source,target,sign\nA,B,+\nB,C,inhibition\n")
    out = folder / "out.csv"
    line = ["networks", str(folder / "b.xml"), str(folder / "edges.csv"), "--csv", str(out), "--figures", str(folder)]
    assert main(line) == 0
    table = pd.read_csv(out)
    assert set(table["basis"]) == {"constants of the model", "structure"}
    bare = table[table["basis"] == "structure"].set_index(["source", "target"])
    assert bare["sign"].to_dict() == {("A", "B"): 1, ("A", "C"): -1, ("B", "C"): -1}
    assert (folder / "b.png").stat().st_size > 1000
    assert "steady state reached" in capsys.readouterr().out


def test_networks_of_a_model_agree_with_its_sensitivities(folder, capsys):
    assert main(["networks", str(folder / "b.xml"), "--csv", str(folder / "out.csv")]) == 0
    network = JacobianExtractor().fit_transform([folder / "b.xml"])[0]
    expected = sensitivity_matrix(network, "relative")
    for row in pd.read_csv(folder / "out.csv").itertuples():
        assert row.response == pytest.approx(expected.loc[row.target, row.source], rel=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A,B,maybe\n", "as sign of edge 0"),
        ("A\nB\n", "expected source, target"),
        ("A,\nB,C\n", "lacks a name in row 0"),
    ],
)
def test_edges_that_cannot_be_read(tmp_path, capsys, text, message):
    (tmp_path / "edges.csv").write_text(text)
    assert main(["networks", str(tmp_path / "edges.csv")]) == 1
    assert message in capsys.readouterr().out


def test_known_concentrations(folder, capsys):
    (folder / "state.csv").write_text("u,-2\n")
    assert main(["networks", str(folder / "b.xml"), "--state", str(folder / "state.csv")]) == 2
    assert "expected a number ≥ 0" in capsys.readouterr().err
