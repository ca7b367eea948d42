"""The benchmark of the SBML engine: its arithmetic, and one run beside a peer where one is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.reproduce import engine
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
