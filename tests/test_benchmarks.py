"""The script that runs the benchmarks notes what it ran, when and where."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "regenerate.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="not run from a checkout")


def load():
    specification = importlib.util.spec_from_file_location("regenerate", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def regenerate(tmp_path, monkeypatch):
    """The script, in a checkout with two small benchmarks."""
    module = load()
    for folder in ("benchmarks", "doc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "benchmarks" / "bench_good.py").write_text("import sys\nprint('table', *sys.argv[1:])\n")
    (tmp_path / "benchmarks" / "bench_bad.py").write_text("raise ValueError('no peers here')\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "RUNS", tmp_path / "benchmarks" / "runs.json")
    monkeypatch.setattr(module, "FRAGMENT", tmp_path / "doc" / "benchmark_runs.inc")
    monkeypatch.setattr(module, "BENCHMARKS", {"good": ("--data {data}", "--small"), "bad": ("", "")})
    return module


def test_runs_are_noted_and_replaced(regenerate, capsys):
    assert regenerate.main(["--data-home", "/some/where"]) == 1
    assert regenerate.main(["--quick", "good"]) == 0
    assert regenerate.main(["good", "--data-home", "/else"]) == 0
    runs = json.loads(regenerate.RUNS.read_text())
    assert [(run["name"], run["quick"], run["status"]) for run in runs] == [
        ("bad", False, 1),
        ("good", False, 0),
        ("good", True, 0),
    ]
    assert runs[1]["output"] == "table --data /else"
    assert runs[1]["command"] == "python benchmarks/bench_good.py --data $SKPERTURB_DATA"
    assert set(runs[0]) >= {"date", "commit", "machine", "versions", "seconds", "cpu_seconds"}
    page = regenerate.FRAGMENT.read_text()
    assert "failed: ValueError: no peers here" in page
    assert "   table --data /else" in page
    assert "table --small" not in page
    assert capsys.readouterr().out.count("status 0") == 3


def test_names_and_data_are_checked(regenerate, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        regenerate.main(["other"])
    assert "no benchmark 'other'; expected some of good, bad" in capsys.readouterr().err
    monkeypatch.delenv("SKPERTURB_DATA", raising=False)
    assert regenerate.main(["good"]) == 0
    assert "good: left out, it needs --data-home" in capsys.readouterr().out
    assert not regenerate.RUNS.exists()


def test_every_benchmark_is_there_and_takes_its_arguments():
    module = load()
    scripts = {path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")}
    # It needs a Python of its own, with PecanPy.
    assert set(module.BENCHMARKS) == scripts - {"pecanpy"}
    for name, sizes in module.BENCHMARKS.items():
        source = (ROOT / "benchmarks" / f"bench_{name}.py").read_text(encoding="utf-8")
        options = [word for size in sizes for word in size.split() if word.startswith("--")]
        assert all(f'"{option}"' in source for option in options), name


def test_fragment_of_the_page_is_that_of_the_runs():
    module = load()
    assert module.FRAGMENT.read_text(encoding="utf-8") == module.fragment(module.read_runs())
