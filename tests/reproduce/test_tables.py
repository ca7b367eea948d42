import math

import numpy as np
import pytest

from skperturb.reproduce._tables import bootstrap_interval, format_table


def test_bootstrap_interval_covers_the_mean_and_is_reproducible():
    values = np.random.default_rng(0).normal(1.0, 0.2, size=50)
    low, high = bootstrap_interval(values)
    assert low < values.mean() < high
    # For 50 normal values the interval is close to mean +- 1.96 s / sqrt(n).
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(50), rel=0.1)
    assert (low, high) == bootstrap_interval(values)


def test_bootstrap_interval_of_one_value_and_of_equal_values():
    assert all(math.isnan(bound) for bound in bootstrap_interval([1.0]))
    assert bootstrap_interval([0.5, 0.5]) == (0.5, 0.5)


def test_format_table_aligns_columns():
    lines = format_table(["method", "a"], [["x", 1.0], ["longer name", None]]).splitlines()
    assert lines[0].startswith("method")
    assert lines[2].endswith("1.000")
    assert lines[3].endswith("-")
    assert len({len(line) for line in lines}) == 1
