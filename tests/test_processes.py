import os
import subprocess
import sys
import time

import pytest

from skperturb._processes import map_isolated


def test_a_hanging_and_a_dying_worker_cost_only_their_own_item():
    assert [outcome.value for outcome in map_isolated(abs, [-1, 2, -3], n_jobs=2)] == [1, 2, 3]
    hung, fine = map_isolated(time.sleep, [60, 0], n_jobs=2, timeout=1.0)
    assert (hung.kind, fine.kind) == ("timeout", "value")
    assert "no result within 1 s" in hung.error
    (died,) = map_isolated(os._exit, [3])
    assert died.kind == "died"
    assert "exit code" in died.error
    (raised,) = map_isolated(int, ["x"])
    assert raised.kind == "raised"
    assert "ValueError" in raised.error


def test_no_items():
    assert map_isolated(abs, []) == []


def test_a_script_without_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from skperturb._processes import map_isolated\nmap_isolated(abs, [1, 2])\n")
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    assert "if __name__ == '__main__':" in result.stderr.splitlines()[-1]


def test_a_script_from_a_pipe_works():
    script = "from skperturb._processes import map_isolated\nprint([one.value for one in map_isolated(abs, [-1, 2])])\n"
    result = subprocess.run([sys.executable], input=script, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[1, 2]", result.stderr


def test_the_command_line_imports_only_what_it_runs():
    code = (
        "import sys; from skperturb.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'sklearn', 'libsbml', 'skperturb.reproduce') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "[]"
    for line in ("networks", "interactions", "responses", "engine"):
        command = [sys.executable, "-m", "skperturb", "reproduce", line, "--help"]
        assert "--json" in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_result_that_comes_too_late_by_little_is_none():
    """Whatever the moments at which the pool looks for workers that are too late."""
    assert {one.kind for one in map_isolated(time.sleep, [0.02] * 8, timeout=0.01)} == {"timeout"}


@pytest.mark.parametrize("n_jobs", [0, "a", 1.5])
def test_impossible_numbers_of_workers(n_jobs):
    with pytest.raises(ValueError, match=f"n_jobs={n_jobs!r}; expected an integer other than 0"):
        map_isolated(abs, [1], n_jobs=n_jobs)


def test_imports_of_a_worker_are_not_time_of_an_item(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(4)\n")
    (tmp_path / "lazy.py").write_text("def double(x):\n    import slow_to_import\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lazy

    (outcome,) = map_isolated(lazy.double, [3], timeout=2)
    assert outcome.kind == "timeout"
    (outcome,) = map_isolated(lazy.double, [3], timeout=2, modules=["slow_to_import"])
    assert outcome.value == 6
