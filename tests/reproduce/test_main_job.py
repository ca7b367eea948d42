import re

import numpy as np
import pytest

from skperturb.__main__ import main
from skperturb.datasets import load_textbook_models
from skperturb.reproduce._network_scores import REACHABILITY
from skperturb.reproduce.textbook import ENSEMBLE, run_textbook_models


@pytest.fixture(scope="module")
def results():
    return run_textbook_models()


def test_every_embedded_model_is_scored_or_left_out_with_a_reason(results):
    assert [result.kind for result in results] == ["relative", "dynamo"]
    for result in results:
        assert sorted(result.names + list(result.left_out)) == sorted(load_textbook_models().names)
        assert len(result.names) >= 18
        assert all(result.left_out.values())


def test_the_baseline_is_the_first_row_of_the_table(results):
    result = results[0]
    text = result.report()
    assert text.index(REACHABILITY) < text.index("distance directed")
    assert next(iter(result.scores)) == REACHABILITY
    assert text.index(ENSEMBLE) < text.index("distance directed")
    gain = result.scores[ENSEMBLE].mean() - result.scores["distance directed"].mean()
    assert (gain > 0.05).all()
    # Among reachable pairs, reachability is constant: it knows nothing there by construction.
    assert (result.scores[REACHABILITY]["reachable"] == 0).all()


def test_command_line_prints_the_table_and_saves_the_figures(tmp_path, capsys):
    assert main(["--figures", str(tmp_path / "figures")]) == 0
    out = capsys.readouterr().out
    assert "distance directed" in out
    assert out.index("structural ensemble") < out.index("works: ") < out.index("fails: ") < out.index("GNEEmbedder 0.")
    errors = [float(word) for word in re.findall(r"(?:no change|addition|kernel model) (\d+\.\d+)", out)]
    assert errors[0] > errors[1] > errors[2] > 0
    areas = [float(word) for word in re.findall(r"(?:popularity|length three|GNEEmbedder) (0\.\d+)", out)]
    assert 0.4 < areas[0] < areas[1] < areas[2] < 1
    for model in ("wnt_beta_catenin", "linear_pathway_feedback"):
        assert str(tmp_path / "figures" / f"heatmaps_{model}.png") in out
    for name in ("heatmaps_wnt_beta_catenin.png", "accuracy_per_model.png", "network.png"):
        path = tmp_path / "figures" / name
        assert str(path) in out
        assert path.read_bytes().startswith(b"\x89PNG")


def test_screen_command_writes_csv(tmp_path, capsys):
    import pandas as pd

    files = []
    for name, text in list(zip(load_textbook_models().names, load_textbook_models().data, strict=True))[:2]:
        files.append(str(tmp_path / f"{name}.xml"))
        (tmp_path / f"{name}.xml").write_text(text)
    (tmp_path / "empty.xml").write_text("")
    files.append(str(tmp_path / "empty.xml"))
    assert main(["screen", *files, "--csv", str(tmp_path / "out.csv")]) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table["path"]) == files
    assert table["status"].iloc[2] == "invalid"
    assert "3 rows written" in capsys.readouterr().out


def test_report_counts_the_models_and_shortens_reasons(results):
    from skperturb.reproduce.textbook import _shorten

    for result in results:
        lines = result.report().splitlines()
        n_models = len(load_textbook_models().names)
        assert f"over {n_models - len(result.left_out)} of {n_models} embedded models" in lines[1]
        assert len([line for line in lines if line.startswith("left out: ")]) == len(result.left_out)
    assert _shorten("abcdef", 6) == "abcdef"
    assert _shorten("abcdefg", 6) == "abcde…"


def test_one_model_works_and_one_fails(results):
    result = results[0]
    works, _, fails, _ = result.examples().splitlines()
    scores = result.scores[ENSEMBLE]["whole"]
    assert works.startswith(f"wnt_beta_catenin, structural ensemble {scores['wnt_beta_catenin']:.2f}, works")
    assert scores["wnt_beta_catenin"] > 0.6
    # The page says why: the response of the first variable to the last one is the largest of all to others.
    truth = result.truths[result.names.index("linear_pathway_feedback")].abs().to_numpy()
    assert fails.startswith("linear_pathway_feedback")
    assert scores["linear_pathway_feedback"] < 0.2
    assert truth[0, -1] == (truth * (1 - np.eye(len(truth)))).max()


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.6, "0.60, works: nothing acts back"),
        (0.59, "0.59, works in part"),
        (0.21, "0.21, works in part"),
        (0.2, "0.20, fails"),
    ],
)
def test_what_is_said_of_an_example_follows_its_score(results, monkeypatch, score, text):
    changed = results[0].scores[ENSEMBLE].copy()
    changed.loc["wnt_beta_catenin", "whole"] = score
    monkeypatch.setitem(results[0].scores, ENSEMBLE, changed)
    line = results[0].examples().splitlines()[0]
    assert line.startswith(f"wnt_beta_catenin, structural ensemble {text}")
    assert ("Dsh" in line) == (score >= 0.6)
