"""Run the benchmarks, all or some, and note what they print with date, commit, machine and versions.

    python benchmarks/regenerate.py --list
    python benchmarks/regenerate.py events whole_genome        # the full sizes: minutes to hours
    python benchmarks/regenerate.py --quick                    # all of them at the smallest sizes

The runs are kept in ``benchmarks/runs.json``, the last one of each name and size, and written as a page fragment,
``doc/benchmark_runs.inc``, which the page of benchmarks includes. A quick run says that the script works; it replaces
no figure of a full one.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "benchmarks" / "runs.json"
FRAGMENT = ROOT / "doc" / "benchmark_runs.inc"
PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch")
# The arguments of a full run and of a quick one. "{data}" is the data home, without which a benchmark is left out.
BENCHMARKS = {
    "control": ("--data-home {data}", "--data-home {data} --part 1/200"),
    "device": ("", "--small --repeats 1"),
    "enhancer_training": ("", "--networks 8 --repeats 1 --epochs 1"),
    "events": ("", ""),
    "gne_training": ("", "--genes 300 --interactions 1000 --epochs 1 --rounds 1"),
    "interactions": ("", "--genes 300 --interactions 1000 --samples 20 --scales 1 --models l3"),
    "interactions_scale": ("--models gne l3", "--sizes 2000 --models l3"),
    "large_model": ("", "--sizes 50 --chains"),
    "linear_response": ("", "--reactions 1 --variables 1"),
    "parameter_sets": ("", "--sets 20 --each 1 --only courses"),
    "proposed_pairs": ("", "--networks modules --genes 300 --interactions 2000 --top 200 --seeds 0"),
    "response_bounds": ("--data-home {data}", "--data-home {data} --screens norman"),
    "scale": ("", "--models 4 --candidates 1"),
    "whole_genome": ("", "--sizes 200 --outputs 100"),
}


def cpu_model() -> str:
    """Return the name of the processor, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """Return the short hash of the checkout, with "+" where files were changed since."""
    git = ["git", "-C", str(ROOT)]
    try:
        found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "")


def environment() -> dict[str, str]:
    """Return date, commit, machine and versions."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": f"{cpu_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }


def run(name: str, is_quick: bool, data_home: str | None, timeout: float) -> dict[str, object]:
    """Run one benchmark and return what there is to note of it."""
    arguments = BENCHMARKS[name][is_quick].format(data=data_home)
    command = ["benchmarks/bench_" + name + ".py", *arguments.split()]
    noted: dict[str, object] = {"name": name, "quick": is_quick, "command": " ".join(["python", *command])}
    noted |= environment()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
        noted |= {"status": done.returncode, "output": done.stdout.strip()}
        if done.returncode:
            noted["error"] = done.stderr.strip().splitlines()[-1:]
    except subprocess.TimeoutExpired:
        noted |= {"status": -1, "output": "", "error": [f"no end after {timeout:g} s"]}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return noted | {"seconds": round(time.monotonic() - start, 1), "cpu_seconds": round(cpu, 1)}


def fragment(runs: list[dict]) -> str:
    """Return the runs as reStructuredText: a table of all, and what each full run printed."""
    if not runs:
        return "No run is noted yet.\n"
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 12 12 34 24", ""]
    rows = [("benchmark", "date", "commit", "machine", "seconds (CPU)")]
    for noted in runs:
        size = ", quick" if noted["quick"] else ""
        result = f"{noted['seconds']} ({noted['cpu_seconds']})"
        if noted["status"]:
            result = f"failed: {' '.join(noted['error'])}"
        rows.append((f"{noted['name']}{size}", noted["date"], f"``{noted['commit']}``", noted["machine"], result))
    for row in rows:
        lines += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(row)]
    for noted in runs:
        if noted["status"] or noted["quick"]:
            continue
        lines += ["", f"``{noted['command']}``, {noted['versions']}:", "", ".. code-block:: text", ""]
        lines += [f"   {line}".rstrip() for line in str(noted["output"]).splitlines()]
    return "\n".join(lines) + "\n"


def read_runs() -> list[dict]:
    """Return the runs that are noted."""
    return json.loads(RUNS.read_text(encoding="utf-8")) if RUNS.exists() else []


def keep(runs: list[dict], noted: dict) -> list[dict]:
    """Return the runs with a new one in the place of the last of its name and size."""
    key = (noted["name"], noted["quick"])
    others = [run for run in runs if (run["name"], run["quick"]) != key]
    return sorted([*others, noted], key=lambda run: (run["name"], run["quick"]))


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; return how many failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks; all by default")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes")
    parser.add_argument("--list", action="store_true", help="print the names and the arguments, and run nothing")
    parser.add_argument("--data-home", default=os.environ.get("SKPERTURB_DATA"), help="default: SKPERTURB_DATA")
    parser.add_argument("--timeout", type=float, default=7200.0, help="seconds for each benchmark")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; expected some of {', '.join(BENCHMARKS)}")
    if given.list:
        for name, sizes in BENCHMARKS.items():
            print(f"{name}: {sizes[given.quick] or '(no arguments)'}")
        return 0
    failed = 0
    for name in given.names or BENCHMARKS:
        if "{data}" in BENCHMARKS[name][given.quick] and given.data_home is None:
            print(f"{name}: left out, it needs --data-home", flush=True)
            continue
        noted = run(name, given.quick, given.data_home, given.timeout)
        if given.data_home is not None:
            # Where the data lies is nobody's business.
            noted["command"] = str(noted["command"]).replace(given.data_home, "$SKPERTURB_DATA")
        # Written after each, so that a run that is ended keeps what it has.
        runs = keep(read_runs(), noted)
        RUNS.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
        FRAGMENT.write_text(fragment(runs), encoding="utf-8")
        failed += bool(noted["status"])
        print(f"{name}: status {noted['status']}, {noted['seconds']} s, {noted['cpu_seconds']} s of CPU", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
