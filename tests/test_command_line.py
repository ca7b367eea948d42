"""The command line as a shell sees it: folders, pipes, versions, exit statuses."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb._command_networks import _files
from skperturb.datasets import load_textbook_models
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/>'
# dA/dt = A - 2 B, and dB/dt = A - 1.5 B - 1 + 0.5: stable together, but A alone runs away.
FEEDBACK = f"""<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="feedback">
<listOfParameters><parameter id="A" value="2" constant="false"/><parameter id="B" value="1" constant="false"/>
</listOfParameters><listOfRules>
<rateRule variable="A">{MATH}<ci>A</ci><apply><times/><cn>2</cn><ci>B</ci></apply></apply></math></rateRule>
<rateRule variable="B">{MATH}<ci>A</ci><apply><plus/><apply><times/><cn>1.5</cn><ci>B</ci></apply><cn>0.5</cn></apply>
</apply></math></rateRule></listOfRules></model></sbml>
"""


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
    assert main([*line, "--export", str(folder / "out")]) == 0
    assert _files(["a/m.xml.gz", "b/m.csv", "n.xml"], folder, ".png") == [
        folder / name for name in ("m_0.png", "m_1.png", "n.png")
    ]
    table = pd.read_csv(out)
    assert set(table["basis"]) == {"constants of the model", "structure"}
    bare = table[table["basis"] == "structure"].set_index(["source", "target"])
    assert bare["sign"].to_dict() == {("A", "B"): 1, ("A", "C"): -1, ("B", "C"): -1}
    assert (folder / "b.png").stat().st_size > 1000
    assert json.loads((folder / "out" / "edges.cyjs").read_text())["elements"]["edges"][0]["data"]["target"] == "B"
    assert "activation" in (folder / "out" / "b.graphml").read_text() + (folder / "out" / "edges.graphml").read_text()
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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "argument COMMAND: invalid choice: 'nonsense'"),
        ("networks a.xml --top 0", "argument --top: '0' is no whole number from 1"),
        ("screen a.xml --timeout nan", "argument --timeout: 'nan' is no positive number of seconds"),
        ("screen a.xml --jobs 0", "argument --jobs: '0' is no number of processes"),
        ("score a.csv b.csv --target-sum -1", "argument --target-sum: '-1' is no positive number"),
        ("screen a.xml --csv nowhere/out.csv", "--csv nowhere/out.csv: the folder is not there"),
        ("screen a.xml --csv .", "--csv . is a folder"),
        ("networks a.xml --figures b.xml", "--figures b.xml is a file"),
        ("screen a.xml --tiemout 3", "unrecognized arguments: --tiemout 3"),
        ("labels edges.csv", "--groupby is needed; the columns of edges.csv are ['a', 'b']"),
        ("labels edges.csv --groupby a --guide-suffix (", "--guide-suffix '(' is no regular expression"),
        ("responses nowhere.h5ad", "nowhere.h5ad is not there"),
        ("score edges.csv a.xml", "edges.csv has texts in the column 'b'"),
        ("networks header.csv", "names of columns and no row"),
    ],
)
def test_what_is_wrong_is_named_before_the_work_begins(tmp_path, monkeypatch, capsys, line, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.xml").write_text("")
    (tmp_path / "edges.csv").write_text("a,b\nA,B\n")
    (tmp_path / "header.csv").write_text("source,target\n")
    try:
        status = main(line.split())
    except SystemExit as end:
        status = end.code
    assert status in (1, 2)
    found = capsys.readouterr()
    assert message in found.out + found.err
    assert "Traceback" not in found.err


def test_doubts_stand_with_their_file(tmp_path, capfd):
    # A positive feedback that only the held variable keeps in check: the other one has no stable state.
    (tmp_path / "model.xml").write_text(FEEDBACK)
    assert main(["networks", str(tmp_path / "model.xml")]) == 0
    found = capfd.readouterr()
    assert "doubtful: With 'B' held, the other variables have no stable steady state" in found.out
    assert found.err == ""


def test_an_interrupted_command_says_so(monkeypatch, capsys, tmp_path):
    def interrupted(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("skperturb.sbml.screen_models", interrupted)
    assert main(["screen", "a.xml"]) == 130
    assert capsys.readouterr().err == "skperturb: interrupted\n"


def test_warnings_do_not_show_code(tmp_path, capfd):
    (tmp_path / "bulk.csv").write_text("label,x\nA,1\nB,2\n")
    (tmp_path / "graph.csv").write_text("a,b,w\nA,B,1\nA,C,2\n")
    command = [sys.executable, "-m", "skperturb", "responses", str(tmp_path / "bulk.csv"), "--predict", "C"]
    command += ["--graph", str(tmp_path / "graph.csv"), "--repeats", "0"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0
    assert found.stderr.startswith("skperturb: UserWarning: graph (with its weights)")
    assert ".py" not in found.stderr


def test_known_concentrations(folder, capsys):
    (folder / "state.csv").write_text("u,-2\n")
    assert main(["networks", str(folder / "b.xml"), "--state", str(folder / "state.csv")]) == 2
    assert "expected a number ≥ 0" in capsys.readouterr().err
