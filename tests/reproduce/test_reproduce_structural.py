"""The table of the structural ensemble."""

import json

import numpy as np
import pytest

from skperturb.__main__ import main
from skperturb.reproduce.structural import ENSEMBLE


@pytest.mark.real_data
def test_table_of_some_models(data_home, capsys, tmp_path):
    ids = ["BIOMD0000000028", "BIOMD0000000172", "BIOMD0000000003"]
    out = tmp_path / "rows.json"
    arguments = ["--models", *ids, "--kind", "relative", "--jobs", "1", "--json", str(out)]
    assert main(["reproduce", "networks", *arguments, "--data-home", str(data_home)]) == 0
    printed = capsys.readouterr().out
    assert "2 of 3 models scored, truth 'relative'" in printed
    assert "every entry defined: " in printed
    assert "entries of the truths are defined" in printed
    assert "left out: not 10 to 130 variables" in printed
    assert ENSEMBLE in printed
    rows = json.loads(out.read_text(encoding="utf-8"))
    scored = [row for row in rows if row["status"] == "scored"]
    gains = [row["scores"][ENSEMBLE]["reachable"] - row["scores"]["distance directed"]["reachable"] for row in scored]
    assert np.mean(gains) > 0.1
    assert all(0.0 <= row["covered"] <= 1.0 for row in scored)


def test_networks_are_kept_until_the_file_changes(tmp_path):
    from skperturb.reproduce._network_cache import cache_folder, kept

    home = tmp_path / "home"
    assert cache_folder(home) is None
    home.mkdir()
    folder = cache_folder(home)
    source = tmp_path / "model.xml"
    source.write_text("one")
    calls = []

    def compute(path):
        calls.append(path.read_text())
        return {"text": calls[-1]}

    assert [kept(folder, source, compute)["text"] for _ in range(3)] == ["one"] * 3
    source.write_text("two")
    assert kept(folder, source, compute)["text"] == "two"
    for file in folder.iterdir():
        file.write_bytes(b"half a file")
    assert kept(folder, source, compute)["text"] == "two"
    assert kept(None, source, compute)["text"] == "two"
    assert calls == ["one", "two", "two", "two"]
    home.chmod(0o555)
    assert cache_folder(home) is None
    home.chmod(0o755)


def test_the_second_run_reads_what_the_first_has_kept(tmp_path, monkeypatch):
    from skperturb.datasets import load_textbook_models
    from skperturb.reproduce import structural

    models = load_textbook_models()
    path = tmp_path / "model.xml"
    path.write_text(models.data[models.names.index("jak_stat_swameye")])
    first = structural.evaluate_structural((path, "relative", tmp_path / "kept"))
    assert first["status"] == "scored"
    monkeypatch.setattr(structural, "_at_rest", lambda path: "computed again")
    assert structural.evaluate_structural((path, "relative", tmp_path / "kept")) == first
    assert structural.evaluate_structural((path, "relative", None))["status"] == "left out: computed again"
