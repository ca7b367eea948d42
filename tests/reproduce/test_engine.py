"""The benchmark of the SBML engine: its arithmetic, and one run beside a peer where one is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.reproduce import _clamping, _engine_differences, _engine_peers, engine
from skperturb.reproduce._engine_peers import scaled_residual


def test_residual_is_relative_to_the_terms_that_balance():
    jacobian = np.array([[-2.0, 1.0], [0.0, -4.0]])
    assert scaled_residual(np.zeros(2), jacobian, np.ones(2), np.ones(2)) == 0.0
    assert scaled_residual(np.array([3e-6, 0.0]), jacobian, np.ones(2), np.ones(2)) == pytest.approx(1e-6)
    # what has decayed to nothing is measured against what it started from
    assert scaled_residual(np.array([1e-30]), -np.eye(1), np.array([1e-30]), np.ones(1)) < 1e-20
    assert scaled_residual(np.array([np.nan]), -np.eye(1), np.ones(1), np.ones(1)) == np.inf


def test_difference_is_relative_to_the_largest_entry_of_a_row():
    mine = np.array([[1e6, 1.0], [0.0, 0.0]])
    theirs = mine + np.array([[0.0, 1.0], [0.0, 0.0]])
    assert engine._jacobian_difference(mine, theirs, np.ones(2)) == pytest.approx(1e-6)
    assert engine._jacobian_difference(mine, mine * np.nan, np.ones(2)) == np.inf


def test_run_on_textbook_models(tmp_path):
    paths = []
    for k, source in enumerate(load_textbook_models().data[:2]):
        paths.append(tmp_path / f"model{k}.xml")
        paths[-1].write_text(source if isinstance(source, str) else Path(source).read_text())
    rows = engine.benchmark_engine([*paths, tmp_path / "missing.xml"], timeout=120.0)
    assert [row["skperturb"]["finite"] for row in rows] == [True, True, None]
    assert rows[2]["skperturb"]["why"].startswith("raised: InvalidModelError")
    for tool in ("copasi", "roadrunner"):
        if importlib.util.find_spec(engine._MODULES[tool]) is None:
            continue
        assert all(row[tool]["finite"] for row in rows[:2])
        assert all(row[tool]["initial_difference"] < 1e-9 for row in rows[:2])
        assert all(row[tool]["difference"] < 1e-3 for row in rows[:2])
    text = engine.report(rows)
    assert text.startswith("3 models")
    assert "file to steady state to Jacobian" in text


def test_sensitivities_of_textbook_models_against_holding_each_variable(tmp_path):
    errors = []
    for k, source in enumerate(load_textbook_models().data[:6]):
        path = tmp_path / f"model{k}.xml"
        path.write_text(source if isinstance(source, str) else Path(source).read_text())
        errors += _clamping.check_model(str(path)).get("errors", [])
    assert len(errors) >= 6
    assert max(errors) < 1e-5


@pytest.mark.real_data
def test_sensitivities_against_holding_each_variable(data_home):
    found = {}
    for number in (28, 148, 150, 390):
        found[number] = _clamping.check_model(str(data_home / "biomodels" / f"BIOMD{number:010d}.xml"))
    errors = [error for result in found.values() for error in result["errors"]]
    assert len(errors) >= 20
    assert max(errors) < 1e-5
    assert not any(result["odd"] for result in found.values())
    # What is marked as a slope of an unstable system goes elsewhere, what is undefined does not come to rest.
    for mark, outcome in (("flagged", "flagged_away"), ("undefined", "undefined_moving")):
        assert sum(result[mark] for result in found.values()) > 0
        assert all(result[mark] == result[outcome] for result in found.values())


def test_reason_of_a_difference_is_found_from_the_rates():
    def rates(x):
        return np.array([x[0] ** 3 - x[1], abs(x[0] - 1.0) + np.sqrt(abs(x[1])), 1e6 + abs(x[1]) ** 1.2])

    def reason(i, j, mine, theirs, x, scale=1.0, **keywords):
        sides = [_engine_differences._one_sided(rates, np.array(x), i, j, sign * scale) for sign in (-1.0, 1.0)]
        return _engine_differences._reason(mine, theirs, sides, 1e-4, possible=x[j] != 0.0, **keywords)

    assert reason(0, 0, 12.0, 12.1, [2.0, 1.0]) == "step"
    assert reason(0, 0, 11.9, 12.0, [2.0, 1.0]) == "theirs"
    assert reason(0, 0, 11.9, 12.1, [2.0, 1.0]) == "open"
    assert reason(1, 0, 1.0, 0.0, [1.0, 1.0]) == "kink"
    assert reason(1, 1, np.inf, 1e3, [2.0, 0.0]) == "infinite"
    assert reason(1, 1, np.inf, 1e3, [2.0, 1.0]) == "open"
    assert reason(2, 1, 0.0, 0.1, [2.0, 0.0]) == "power"
    assert reason(2, 1, 0.5, 0.1, [2.0, 0.0]) == "open"
    assert reason(2, 1, 0.5, 0.1, [2.0, 0.0], rounding=1e-3) == "rounding"


def test_counts_ask_what_the_rates_say():
    def row(finite, refused=False, **explained):
        ours = {"finite": finite, "refused": refused}
        return {"skperturb": ours} | {
            peer: {"finite": True, "explained": {"initial": [{"reason": reason} for reason in reasons]}}
            for peer, reasons in explained.items()
        }

    right = engine._is_right
    assert right(row(True, copasi=[]), "skperturb")
    assert right(row(True, copasi=[]), "copasi")
    # A step that is too large is the peer's fault, rates that have its derivative ours.
    assert right(row(True, copasi=["step", "kink"]), "skperturb")
    assert not right(row(True, copasi=["step", "kink"]), "copasi")
    assert not right(row(True, copasi=["theirs"]), "skperturb")
    assert not right(row(True, copasi=["open"], roadrunner=[]), "skperturb")
    # An infinite slope is right where the differences grow without bound, a missing Jacobian is not.
    assert right(row(False, copasi=["infinite"]), "skperturb")
    assert not right(row(False, copasi=[]), "skperturb")
    assert not right(row(None, refused=True, copasi=[]), "copasi")


def test_our_states_are_tested_with_the_rates_of_another_engine(tmp_path):
    pytest.importorskip("roadrunner")
    path = tmp_path / "model.xml"
    path.write_text(load_textbook_models().data[0])
    ours = _engine_peers.run_skperturb(str(path))
    assert _engine_differences.roadrunner_residual((str(path), ours)) < 1e-9
    name = ours["names"][0]
    ours["steady"][name] *= 2.0
    assert _engine_differences.roadrunner_residual((str(path), ours)) > 1e-3
