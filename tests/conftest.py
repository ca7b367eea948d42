"""Shared fixtures: real data, hypothesis profile, one torch thread, and a count of the real-data tests."""

import os
import sys
from pathlib import Path

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

_REAL_DATA_RAN = pytest.StashKey[int]()


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


def pytest_configure(config):
    config.stash[_REAL_DATA_RAN] = 0


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.passed and item.get_closest_marker("real_data"):
        item.config.stash[_REAL_DATA_RAN] += 1


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line(f"real-data tests passed: {config.stash[_REAL_DATA_RAN]}")
