"""One command for a bare machine with a GPU: install what is missing, run the GPU tests, time CPU against GPU.

    python benchmarks/gpu_check.py --wheels FOLDER [--device cuda] [--minutes 8] --out REPORT.md

PyTorch, PyTorch Geometric and scikit-learn are expected to be there; what else is missing is taken from a folder of
wheels, without a network and without touching the installation (``pip install --target``). It ends within the minutes
given, whatever hangs, and writes one Markdown page, of which each part is there as soon as it is known. ``--device
cpu`` rehearses the same steps on a machine without a GPU. On a machine with a network, collect the wheels with::

    python benchmarks/gpu_check.py --list-requirements
    pip download --only-binary=:all: --no-deps --python-version 3.12 -d FOLDER …
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What a machine with PyTorch, PyTorch Geometric and scikit-learn may lack: requirements of the package and of its
# tests, and theirs. Module to import: name of the distribution.
REQUIREMENTS = {
    "anndata": "anndata",
    "annotated_types": "annotated-types",
    "array_api_compat": "array-api-compat",
    "donfig": "donfig",
    "google_crc32c": "google-crc32c",
    "h5py": "h5py",
    "hypothesis": "hypothesis",
    "legacy_api_wrap": "legacy-api-wrap",
    "libsbml": "python-libsbml",
    "matplotlib": "matplotlib",
    "msgspec": "msgspec",
    "natsort": "natsort",
    "networkx": "networkx",
    "numcodecs": "numcodecs",
    "pandas": "pandas",
    "pebble": "pebble",
    "platformdirs": "platformdirs",
    "pooch": "pooch",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic-core",
    "typing_inspection": "typing-inspection",
    "pydantic_settings": "pydantic-settings",
    "dotenv": "python-dotenv",
    "pytest": "pytest",
    "pytest_timeout": "pytest-timeout",
    "scverse_misc": "scverse-misc",
    "sklearn": "scikit-learn",
    "skorch": "skorch",
    "tabulate": "tabulate",
    "torch": "torch",
    "torch_geometric": "torch-geometric",
    "tqdm": "tqdm",
    "yaml": "PyYAML",
    "zarr": "zarr",
}


def missing(python, environment):
    """Return the modules that an interpreter does not find, without importing them."""
    code = (
        "import importlib.util, sys\nprint(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])"
    )
    found = subprocess.run(
        [python, "-c", code, *REQUIREMENTS], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return found.stdout.split()


def wheels_of(names, folder):
    """Return the wheels of some distributions, and the names for which there is none."""
    by_name = {}
    for path in sorted(folder.glob("*.whl")):
        by_name.setdefault(_canonical(path.name.split("-")[0]), path)
    wanted = {name: by_name.get(_canonical(REQUIREMENTS[name])) for name in names}
    return [path for path in wanted.values() if path], [name for name, path in wanted.items() if path is None]


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def install(python, folder, target, environment):
    """Install missing requirements from wheels into a folder of their own; return what was done, for the report."""
    lacking = missing(python, environment)
    if not lacking:
        return "Nothing was missing."
    paths, without = wheels_of(lacking, folder) if folder else ([], lacking)
    if paths:
        command = [python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", target]
        subprocess.run([*command, *map(str, paths)], env=environment, check=True, timeout=180)
    said = f"Installed from wheels: {', '.join(path.name for path in paths) or 'nothing'}."
    # A module that nothing needs in the installed versions of the others may stay away: the tests will tell.
    return said + (f" Not found, and no wheel: {', '.join(without)}." if without else "")


def bounded(command, seconds, environment):
    """Run a command for at most some seconds; return its exit status (None: stopped) and its output."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=max(seconds, 1.0))
        except subprocess.TimeoutExpired:
            _stop(process)
            status = None
        output.seek(0)
        return status, output.read()


def _stop(process):
    """End a process and those that it began."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_tests(python, device, seconds, environment):
    """Run the GPU tests; on a CPU they are collected and skipped, which shows that they can be imported."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", "tests/test_gpu.py"]
    status, output = bounded(command, seconds, environment)
    last = output.strip().splitlines()[-1] if output.strip() else "no output"
    verdict = "stopped: out of time" if status is None else f"exit status {status}"
    tail = "" if status == 0 and device == "cuda" else "\n\n```\n" + "\n".join(output.splitlines()[-40:]) + "\n```"
    return f"`pytest -m gpu tests/test_gpu.py`: {verdict}; {last}{tail}", status


def run_table(python, device, small, seconds, environment):
    """Time the three deep estimators."""
    devices = ["cpu"] if device == "cpu" else ["cpu", device]
    command = [python, "benchmarks/bench_device.py", "--devices", *devices, "--repeats", "1"]
    # The last row that begins may take as long as the longest seen, about a minute; it is cut off otherwise.
    command += ["--seconds", str(max(seconds - 75, 5.0)), *(["--small"] if small else [])]
    status, output = bounded(command, seconds, environment)
    note = {0: "", None: "\n\nStopped: out of time."}.get(status, f"\n\nExit status {status}.")
    return output.strip() + note, status


def main():
    """Run everything within the time given; exit status 0 when tests and table came through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="wheels of what may be missing")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: a rehearsal")
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything together")
    parser.add_argument("--small", action="store_true", help="the small sizes only")
    parser.add_argument("--out", type=Path, default=Path("gpu_check.md"), metavar="REPORT")
    parser.add_argument("--list-requirements", action="store_true", help="print the distributions that may be missing")
    arguments = parser.parse_args()
    if arguments.list_requirements:
        print(*REQUIREMENTS.values(), sep="\n")
        return 0
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as target:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), target, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "PYTHONUNBUFFERED": "1",
            "MPLBACKEND": "Agg",
        }
        return _report(arguments, end, target, environment)


def _report(arguments, end, target, environment):
    parts = ["# GPU check"]

    def add(heading, text):
        parts.append(f"## {heading}\n\n{text}")
        arguments.out.write_text("\n\n".join(parts) + "\n")
        print(parts[-1] + "\n", flush=True)

    python = sys.executable
    add("Installation", install(python, arguments.wheels, target, environment))
    # Five minutes of eight for the table: the tests take about one.
    share = 0.375 * (end - time.monotonic())
    text, tests = run_tests(python, arguments.device, share, environment)
    add("Tests", text)
    text, table = run_table(python, arguments.device, arguments.small, end - time.monotonic() - 5, environment)
    add("CPU against GPU", text)
    return int(tests != 0 or table != 0)


if __name__ == "__main__":
    sys.exit(main())
