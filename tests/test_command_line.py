"""The command line as a shell sees it: folders, pipes, versions, exit statuses."""

import json
import subprocess
import sys

import networkx
import numpy as np
import pandas as pd
import pytest
from feedback_model import FEEDBACK

import skperturb.interactions
import skperturb.responses
from skperturb.__main__ import main
from skperturb._command_networks import _files, read_network
from skperturb.datasets import load_textbook_models
from skperturb.sbml import JacobianExtractor, sensitivity_matrix


def no_work(*given, **named):
    """Stand in for a model that takes minutes."""
    raise AssertionError("the work began")


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
        ("A\nB\n", "expected at least two"),
        ("A,\nB,C\n", "lacks a name in row 0"),
        ("A,B,1\nA,B,-1\n", "'A' → 'B' with different signs"),
        ("source,target,n,year\nA,B,1,2001\n", "the columns n, year beside the names"),
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
        ("screen a.xml --csv -", "--csv -: standard output"),
        ("fit interactions edges.csv --save -", "--save -: standard output"),
        ("labels edges.csv", "edges.csv has no column 'perturbation'; pass --groupby with one of ['a', 'b']"),
        ("labels edges.csv --groupby ab", "no column 'ab' (did you mean 'b', 'a'?); pass --groupby with one of"),
        ("interactions edges.csv --gene A1", "--gene names 'A1' (did you mean 'a'?), none of the 4 genes"),
        ("interactions edges.csv --gene A --gene A", "--gene names 'A' twice"),
        ("responses tabs.tsv --predict A A1", "--predict names 'A1' (did you mean 'A'?), none of the 2 genes"),
        ("responses tabs.tsv --predict A_g1", "--predict 'A_g1', where 'g1' looks like the name of a guide"),
        ("responses tabs.tsv --contexts xx", "--contexts names 'xx' (did you mean 'x'?), no column of tabs.tsv"),
        ("networks model.xml --state state.csv", "--state lacks 1 of the 2 variables: ['u']; the network has none of"),
        ("labels edges.csv --groupby a --guide-suffix (", "--guide-suffix '(' is no regular expression"),
        ("responses nowhere.h5ad", "nowhere.h5ad is not there"),
        ("score edges.csv a.xml", "edges.csv has 'B' in row 'A', column 'b'"),
        ("networks header.csv", "names of columns and no row"),
        ("perturb a.xml --scale k", "argument --scale: 'k': no '='"),
        ("perturb a.xml --set k=x", "argument --set: 'k=x': 'x' is no finite number"),
        ("score tabs.tsv tabs.tsv --no-tests", "--no-tests is only read for cells"),
        ("score tabs.tsv tabs.tsv tabs.tsv", "PREDICTED names 'tabs.tsv' twice"),
        ("score tabs.tsv tabs.tsv --seed -1", "argument --seed: '-1' is no seed"),
        ("responses tabs.tsv --repeats 0 --predict pairs A", "'pairs' beside labels"),
        ("perturb model.xml --knock-out nothing", "--knock-out: 'nothing' is no variable"),
        ("perturb model.xml --scale u=nan", "'nan' is no finite number"),
        ("perturb model.xml --knock-out u --times 2 1", "--times must increase strictly"),
        ("responses edges.csv --graph nowhere.tsv", "--graph nowhere.tsv is not there"),
        ("networks edges.csv --state .", "--state . is a folder"),
        ("reproduce networks --data-home edges.csv", "--data-home edges.csv is a file"),
        ("reproduce networks --models x", "--models 'x' is not a BioModels id"),
        ("reproduce engine --sample -1", "argument --sample: '-1' is no whole number from 0"),
        ("reproduce engine --suite . --form 3", "argument --form: '3' is no Level and Version"),
        ("reproduce interactions --edges edges.csv --models l3,l3", "--models names 'l3' twice"),
        ("reproduce interactions --edges edges.csv --protocol lambda", "--protocol 'lambda' varies the weight"),
        ("reproduce responses --pseudobulk edges.csv", "edges.csv has 'B' in row 'A', column 'b'; expected finite"),
        ("reproduce responses --h5ad edges.csv", "edges.csv can't be read as .h5ad"),
        ("reproduce responses --pseudobulk tabs.tsv --predict pairs A", "'pairs' beside labels"),
        ("reproduce responses --pseudobulk tabs.tsv --predict pairs --repeats 2", "--repeats is only read without"),
        ("reproduce responses --pseudobulk tabs.tsv --graph tabs.tsv", "tabs.tsv pairs names such as 'A' with numbers"),
        (
            "reproduce responses --pseudobulk tabs.tsv --gene-features edges.csv edges.csv",
            "--gene-features names 'edges'",
        ),
        ("reproduce responses --pseudobulk tabs.tsv --gene-features edges.csv", "edges.csv begins with 'a' and 'b'"),
        (
            "reproduce responses --pseudobulk tabs.tsv --models best",
            "--models names 'best'; expected some of ['no change', 'mean', ",
        ),
    ],
)
def test_what_is_wrong_is_named_before_the_work_begins(tmp_path, monkeypatch, capsys, line, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.xml").write_text("")
    (tmp_path / "model.xml").write_text(load_textbook_models().data[0], encoding="utf-8")
    (tmp_path / "edges.csv").write_text("a,b\nA,B\n")
    (tmp_path / "header.csv").write_text("source,target\n")
    (tmp_path / "tabs.tsv").write_text("\tx\nA\t1\nB\t2\nA+B\t3\n")
    (tmp_path / "state.csv").write_text("U,1\nv,2\n")
    for name in ("GNEEmbedder", "L3Paths"):
        monkeypatch.setattr(skperturb.interactions, name, no_work)
    monkeypatch.setattr(skperturb.responses, "KernelPerturbationRegressor", no_work)
    try:
        status = main(line.split())
    except SystemExit as end:
        status = end.code
    assert status in (1, 2)
    found = capsys.readouterr()
    assert message in found.out + found.err
    assert "Traceback" not in found.err


def test_advice_names_options(tmp_path, capsys):
    path = tmp_path / "cells.csv"
    path.write_text("perturbation,batch\nSTAT1_g1,1\nA;B,1\nNT,1\nA_1,2\n")
    assert main(["labels", str(path), "--csv", str(tmp_path / "out.csv")]) == 0
    reasons = pd.read_csv(tmp_path / "out.csv")["reason"].tolist()
    printed = capsys.readouterr().out
    for found, expected in zip(
        reasons,
        (
            r"Pass --guide-suffix '_g\d+', or pass --genes GENE …",
            "none of --sep ['+', '_']. Pass --sep ';' if it joins genes, or the gene names as --genes GENE …",
            "a missing label; pass it in --control",
            r"Pass --sep '_' if it is a dose, or --guide-suffix '_\d+' if it is a guide",
        ),
        strict=True,
    ):
        assert found.endswith(expected)
        assert expected in printed
    # Where no option takes genes, nobody is told to pass them.
    (tmp_path / "bulk.csv").write_text("label,x\nSTAT1_g1,1\n")
    assert main(["responses", str(tmp_path / "bulk.csv")]) == 2
    assert capsys.readouterr().err.endswith("Pass --guide-suffix '_g\\d+'.\n")


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u,-2\n", "expected a number ≥ 0"),
        # Not the names of the columns.
        ("u,high\nv,2\n", "has 'high' in row 'u'"),
        ("u,1\nu,2\n", "has 'u' a second time in row 1"),
        ("u 0,5\nv 1,5\n", "decimal commas between blanks"),
        ("name,value\n", "no row below them"),
    ],
)
def test_known_concentrations(folder, capsys, text, message):
    (folder / "state.csv").write_text(text)
    assert main(["networks", str(folder / "b.xml"), "--state", str(folder / "state.csv")]) == 2
    assert message in capsys.readouterr().err


def test_other_networks_are_named(tmp_path):
    (tmp_path / "edges.sif").write_text("A pp B\n")
    with pytest.raises(ValueError, match=r"edges\.sif.*Bare networks end in \.csv, \.tsv, \.txt, \.graphml"):
        read_network(str(tmp_path / "edges.sif"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("edges.csv", ",target,source,weight\n0,B,A,2\n1,C,B,-1\n"),
        ("edges.txt", "A B activation\nB C inhibition\n"),
        ("edges.csv", "source;target;weight\nA;B;0,5\nB;C;-1,5\n"),
        ("edges.graphml", ""),
    ],
)
def test_edges_keep_their_direction_and_sign(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    if not text:
        graph = networkx.DiGraph()
        graph.add_nodes_from([(k, {"name": name}) for k, name in enumerate("ABC")])
        graph.add_edge(0, 1, interaction="pp")
        graph.add_edge(1, 2, interaction="inhibition")
        networkx.write_graphml(graph, tmp_path / name)
    network, _ = read_network(str(tmp_path / name))
    assert network.jacobian.loc["B", "A"] == 1
    assert network.jacobian.loc["C", "B"] == -1
    assert np.count_nonzero(network) == 2
