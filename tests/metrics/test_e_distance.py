"""The E-distance against loops over all pairs of cells."""

import numpy as np
import pandas as pd
import pytest

from skperturb.metrics import e_distance

rng = np.random.default_rng(0)
FIRST, SECOND = rng.normal(size=(9, 4)), 0.5 + 2.0 * rng.normal(size=(6, 4))


def brute_force(X, Y, correct):
    cross = np.mean([np.sum((x - y) ** 2) for x in X for y in Y])
    within = []
    for group in (X, Y):
        total = sum(np.sum((a - b) ** 2) for a in group for b in group)
        within.append(total / (len(group) * (len(group) - correct)))
    return 2 * cross - sum(within)


@pytest.mark.parametrize("correct", [True, False])
def test_formula(correct):
    assert e_distance(FIRST, SECOND, correct=correct) == pytest.approx(brute_force(FIRST, SECOND, correct))
    assert e_distance(SECOND, FIRST, correct=correct) == pytest.approx(e_distance(FIRST, SECOND, correct=correct))
    shifted = e_distance(FIRST + 1e4, SECOND + 1e4, correct=correct)
    assert shifted == pytest.approx(e_distance(FIRST, SECOND, correct=correct))


def test_groups_that_do_not_differ():
    assert e_distance(FIRST, FIRST, correct=False) == 0.0
    draws = [e_distance(rng.normal(size=(20, 3)), rng.normal(size=(30, 3))) for _ in range(400)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(400)
    assert min(draws) < 0 < max(draws)


def test_columns_are_aligned_by_name():
    a = pd.DataFrame(FIRST, columns=list("abcd"))
    b = pd.DataFrame(SECOND, columns=list("abcd"))
    assert e_distance(a, b[list("dbca")]) == pytest.approx(e_distance(a, b))
    with pytest.raises(ValueError, match=r"different columns, such as \['d', 'e'\]"):
        e_distance(a, b.rename(columns={"d": "e"}))


@pytest.mark.parametrize(
    ("X", "Y", "message"),
    [
        (FIRST[:1], SECOND, "minimum of 2 is required"),
        (FIRST, SECOND[:, :2], "X has 4 features and Y 2"),
        (FIRST, [[np.nan] * 4, [0.0] * 4], "Y contains NaN"),
    ],
)
def test_bad_input(X, Y, message):
    with pytest.raises(ValueError, match=message):
        e_distance(X, Y)


def test_one_cell_without_the_correction():
    assert e_distance([[0.0, 0.0]], [[3.0, 4.0]], correct=False) == 50.0
