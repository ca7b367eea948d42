"""Shared fixtures: real data, hypothesis profile, one torch thread, and a count of the real-data tests."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "skperturb",
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
settings.load_profile("skperturb")


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread():
    """Keep two test processes on two cores from fighting for threads."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The data home that SKPERTURB_DATA points at, or a skip that says why."""
    value = os.environ.get("SKPERTURB_DATA")
    if not value:
        pytest.skip("SKPERTURB_DATA is not set: no real data to test on")
    path = Path(value)
    if not path.is_dir():
        pytest.skip(f"SKPERTURB_DATA={value!r} is not a folder: no real data to test on")
    return path


@pytest.fixture(scope="session")
def roadrunner():
    """libRoadRunner, or a skip that says why: its wheel asks for libpython, which not every build of Python has."""
    return pytest.importorskip("roadrunner", exc_type=ImportError)


def pytest_runtest_setup():
    # What is given no random_state gets the same numbers in whatever order and process the tests run.
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def pytest_terminal_summary(terminalreporter):
    # From the reports, which reach the terminal from every worker process.
    passed = terminalreporter.stats.get("passed", [])
    count = sum("real_data" in report.keywords for report in passed if report.when == "call")
    terminalreporter.write_line(f"real-data tests passed: {count}")
