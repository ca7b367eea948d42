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
