"""screen_models."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skperturb._processes import map_isolated
from skperturb.sbml import JacobianExtractor, screen_models
from skperturb.sbml.screen import _row, died_out

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">'
# dA/dt = -A, and dB/dt = 1 - B.
DECAY = f"""<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="decay">
<listOfParameters><parameter id="A" value="1" constant="false"/><parameter id="B" value="0" constant="false"/>
</listOfParameters><listOfRules><rateRule variable="A">{MATH}<apply><minus/><ci>A</ci></apply></math></rateRule>
<rateRule variable="B">{MATH}<apply><minus/><cn>1</cn><ci>B</ci></apply></math></rateRule></listOfRules></model></sbml>
"""


@pytest.fixture
def files(tmp_path, sbml_text):
    (tmp_path / "steady.xml").write_text(sbml_text("steady"))
    (tmp_path / "grows.xml").write_text(sbml_text("grows", grows=True))
    (tmp_path / "page.xml").write_text("<html><body>404</body></html>")
    return [tmp_path / name for name in ("steady.xml", "grows.xml", "page.xml", "absent.xml")]


def test_table(files):
    table = screen_models(files)
    assert table["path"].tolist() == [str(path) for path in files]
    assert table["status"].tolist() == ["steady", "diverged", "invalid", "invalid"]
    assert table["jacobian"].tolist() == ["steady_state", "initial", "none", "none"]
    row = table.iloc[0]
    assert (row["model_id"], row["n_variables"], row["n_reactions"], row["n_nonzeros"]) == ("steady", 2, 2, 4)
    assert row["stable"]
    assert row["max_real_part"] == pytest.approx(-3.0)
    assert row["n_conservation_laws"] == 1
    assert row["n_died_out"] == 0
    assert row["residual"] < 1e-9
    assert row["seconds"] > 0
    assert row["reason"] is None
    assert "'B'" in table["reason"][1]
    assert table["stable"].isna().tolist() == [False, True, True, True]


def test_one_pass_yields_states_and_networks_too(files):
    found = screen_models(files, return_networks=True)
    pd.testing.assert_frame_equal(found.table.drop(columns="seconds"), screen_models(files).drop(columns="seconds"))
    assert [network.is_empty for network in found.networks] == [False, False, True, True]
    assert found.networks[3].reason == found.table["reason"][3]
    (expected,) = JacobianExtractor().fit_transform(files[:1])
    pd.testing.assert_frame_equal(found.networks[0].jacobian, expected.jacobian)
    assert found.networks[0].conservation_laws.equals(expected.conservation_laws)
    assert found.networks[1].steady_state is None
    assert found.states["path"].unique().tolist() == [str(files[0])]
    values = found.states.set_index("variable")["value"]
    pd.testing.assert_series_equal(values, expected.steady_state.state, check_names=False)
    assert found.states["is_reached"].all()


def test_n_jobs_changes_nothing(files):
    first, second = (screen_models(files, n_jobs=n).drop(columns="seconds") for n in (1, 2))
    pd.testing.assert_frame_equal(first, second)


def test_a_worker_that_hangs_costs_its_own_row_only():
    start = time.perf_counter()
    outcomes = map_isolated(time.sleep, [0, 60, 0], timeout=2.0)
    assert time.perf_counter() - start < 30
    assert [outcome.kind for outcome in outcomes] == ["value", "timeout", "value"]
    row = _row("slow.xml", outcomes[1], 2.0)
    assert (row["status"], row["jacobian"], row["reason"]) == ("timeout", "none", "no result within 2 s")


def test_a_worker_that_dies_costs_its_own_row_only():
    outcomes = map_isolated(os._exit, [7])
    assert [outcome.kind for outcome in outcomes] == ["died"]
    row = _row("crash.xml", outcomes[0], 60.0)
    assert row["status"] == "invalid"
    assert "worker process died" in row["reason"]
    outcomes = map_isolated(eval, ["1 + 1", "__import__('os').abort()", "2 + 2"])
    assert [outcome.value for outcome in outcomes] == [2, None, 4]


def test_variables_that_died_out_are_counted(tmp_path):
    (tmp_path / "decay.xml").write_text(DECAY)
    row = screen_models([tmp_path / "decay.xml"]).iloc[0]
    assert (row["status"], row["n_variables"], row["n_died_out"]) == ("steady", 2, 1)
    assert died_out(pd.Series({"a": -1.0, "b": 1e-19, "c": 1e-21, "d": 0.0})) == ["c", "d"]


def test_hanging_model_is_cut(files):
    # A named pipe that nobody writes to: reading it never ends.
    pipe = files[0].parent / "pipe.xml"
    os.mkfifo(pipe)
    table = screen_models([files[0], pipe, files[0]], timeout=6.0)
    assert table["status"][0] == table["status"][2] == "steady"
    assert table["status"][1] in ("timeout", "invalid")  # invalid where the reader refuses what is no file


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_bar(files, capsys, monkeypatch, is_terminal):
    """On a terminal only: a log file would hold a line for each model."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    screen_models(files[3:], verbose=1)
    assert ("1/1" in capsys.readouterr().err) == is_terminal


@pytest.mark.parametrize(
    ("paths", "keywords", "error", "message"),
    [
        ("a.xml", {}, TypeError, "Wrap it in a list"),
        (Path("a.xml"), {}, TypeError, "Wrap it in a list"),
        ({"a.xml"}, {}, TypeError, "set"),
        (["a.xml", 3], {}, TypeError, r"paths\[1\]"),
        (["a.xml"], {"timeout": 0.0}, ValueError, "timeout=0.0"),
        (["a.xml"], {"timeout": np.nan}, ValueError, "timeout=nan"),
        (["a.xml"], {"return_networks": 2}, TypeError, "return_networks=2"),
    ],
)
def test_bad_input(paths, keywords, error, message):
    with pytest.raises(error, match=message):
        screen_models(paths, **keywords)


def test_no_paths():
    assert screen_models([]).shape == (0, 15)


@pytest.mark.real_data
def test_curated_models(data_home):
    ids = (3, 9, 10, 18, 26, 51, 84, 112, 172)
    table = screen_models([data_home / "biomodels" / f"BIOMD{i:010d}.xml" for i in ids], n_jobs=2)
    # 3 and 10 oscillate: their unstable state is found, but the trajectory circles it.
    expected = dict.fromkeys(ids, "steady") | {3: "oscillating", 10: "oscillating", 18: "diverged", 112: "diverged"}
    assert dict(zip(ids, table["status"], strict=True)) == expected
    steady = table[table["status"].isin(["steady", "oscillating"])]
    assert (steady["residual"] < 1e-9).all()
    assert (steady["jacobian"] == "steady_state").all()
    assert (table["jacobian"] != "none").all()
