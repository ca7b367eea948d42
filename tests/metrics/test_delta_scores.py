"""Errors, discrimination and scaled scores of changes, on cases worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from skperturb.metrics import (
    centroid_accuracy,
    de_weights,
    e_distance,
    l2_distance,
    mae_delta,
    mse_delta,
    pearson_delta,
    perturbation_discrimination_score,
    replicate_distance,
    scaled_score,
    split_half_distance,
    weighted_mse_delta,
    weighted_r2_delta,
)

rng = np.random.default_rng(0)
TRUE, PRED = rng.normal(size=(6, 30)), rng.normal(size=(6, 30))
NAMED = pd.DataFrame(TRUE, index=list("ABCDEF"), columns=[*"ABC", *(f"g{k}" for k in range(27))])


def test_errors():
    assert mae_delta(TRUE, PRED) == pytest.approx(np.abs(TRUE - PRED).mean())
    np.testing.assert_allclose(mse_delta(TRUE, PRED, reduce=None), ((TRUE - PRED) ** 2).mean(axis=1))
    shuffled = pd.DataFrame(PRED, NAMED.index, NAMED.columns).sample(frac=1, random_state=0).iloc[:, ::-1]
    assert mae_delta(NAMED, shuffled) == pytest.approx(mae_delta(TRUE, PRED))


def test_reference_of_the_correlation():
    mean = TRUE.mean(axis=0)
    expected = np.corrcoef(TRUE[0] - mean, PRED[0] - mean)[0, 1]
    assert pearson_delta(TRUE, PRED, reference=mean, reduce=None)[0] == pytest.approx(expected)
    # Predicting the reference says nothing.
    assert pearson_delta(TRUE, np.tile(mean, (6, 1)), reference=mean) == 0.0
    named = pd.Series(mean, index=NAMED.columns)
    assert pearson_delta(NAMED, PRED, reference=named[::-1], reduce=None)[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="reference has shape \\(29,\\)"):
        pearson_delta(TRUE, PRED, reference=mean[1:])


@pytest.mark.parametrize(("metric", "scipy_name"), [("l1", "cityblock"), ("l2", "euclidean"), ("cosine", "cosine")])
def test_discrimination(metric, scipy_name):
    distances = cdist(PRED, TRUE, scipy_name)
    ranks = np.array([(distances[k] < distances[k, k]).sum() for k in range(6)])
    for denominator, n in (("n-1", 5), ("n", 6)):
        scores = perturbation_discrimination_score(TRUE, PRED, metric=metric, denominator=denominator, reduce=None)
        np.testing.assert_allclose(scores, 1 - ranks / n)
    assert perturbation_discrimination_score(TRUE, np.zeros_like(TRUE), metric="cosine") == pytest.approx(0.5)


@pytest.mark.parametrize("exclude", ["own", "all"])
def test_targets_are_left_out(exclude):
    # Without the targets all conditions are alike, so that nothing but chance is left.
    truth = pd.DataFrame(np.zeros((3, 5)), index=["A", "B", "C"], columns=[*"ABC", "x", "y"])
    for gene in "ABC":
        truth.loc[gene, gene] = -2.0
    assert perturbation_discrimination_score(truth, truth) == 1.0
    assert perturbation_discrimination_score(truth, truth, exclude_targets="all") == 0.5
    if exclude == "own":
        # The predicted zeros of the other genes still tell the own condition from the others.
        assert perturbation_discrimination_score(truth, truth, exclude_targets="own") == 1.0
    pairs = NAMED.set_axis(["A+B", "B", "C", "D", "E", "F"])
    keep = NAMED.columns.difference(["A", "B"]) if exclude == "own" else NAMED.columns.difference(list("ABC"))
    distances = np.abs(
        PRED[:1, NAMED.columns.isin(keep)] - NAMED[NAMED.columns[NAMED.columns.isin(keep)]].to_numpy()
    ).sum(axis=1)
    expected = 1 - (distances < distances[0]).sum() / 5
    prediction = pd.DataFrame(PRED, pairs.index, pairs.columns)
    assert perturbation_discrimination_score(pairs, prediction, exclude_targets=exclude, reduce=None)[0] == expected
    named = [["A", "B"], ["B"], ["C"], "D", "E", "F"]
    assert (
        perturbation_discrimination_score(NAMED, PRED, exclude_targets=exclude, targets=named, reduce=None)[0]
        == expected
    )


def test_targets_that_are_not_there():
    with pytest.raises(ValueError, match="needs the names of the genes"):
        perturbation_discrimination_score(TRUE, PRED, exclude_targets="own")
    with pytest.raises(ValueError, match="nothing to exclude"):
        perturbation_discrimination_score(NAMED.iloc[3:], NAMED.iloc[3:], exclude_targets="own")
    with pytest.raises(ValueError, match="targets has 1 entries"):
        perturbation_discrimination_score(NAMED, NAMED, exclude_targets="own", targets=[["A"]])
    with pytest.raises(ValueError, match="leaves no gene for condition 0"):
        perturbation_discrimination_score(NAMED.iloc[:3, :1], NAMED.iloc[:3, :1], exclude_targets="all")


def test_centroid_accuracy():
    distances = cdist(PRED, TRUE)
    expected = [(distances[k] > distances[k, k]).sum() / 5 for k in range(6)]
    np.testing.assert_allclose(centroid_accuracy(TRUE, PRED, reduce=None), expected)
    # Ties count nothing.
    assert centroid_accuracy([[1.0], [1.0]], [[1.0], [1.0]]) == 0.0
    assert np.isnan(centroid_accuracy([[1.0]], [[1.0]]))


def test_weighted_scores():
    weights = de_weights(NAMED)
    assert list(weights.columns) == list(NAMED.columns)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(de_weights([[2.0, -2.0]]), 0.5)
    uniform = np.ones_like(TRUE)
    assert weighted_mse_delta(TRUE, PRED, uniform) == pytest.approx(mse_delta(TRUE, PRED))
    assert weighted_r2_delta(TRUE, TRUE, uniform) == 1.0
    mean = np.repeat(TRUE.mean(axis=1, keepdims=True), 30, axis=1)
    assert weighted_r2_delta(TRUE, mean, uniform) == pytest.approx(0.0)
    assert np.isnan(weighted_r2_delta([[1.0, 5.0]], [[1.0, 5.0]], [[1.0, 0.0]]))
    with pytest.raises(ValueError, match="negative values"):
        weighted_mse_delta(TRUE, PRED, -uniform)
    with pytest.raises(ValueError, match="all 0 for condition 2"):
        weighted_mse_delta(TRUE, PRED, np.arange(6)[:, None] * uniform != 2)


def test_e_distance_without_square():
    X, Y = rng.normal(size=(7, 3)), rng.normal(size=(9, 3)) + 1
    within = [cdist(values, values).sum() / (len(values) * (len(values) - 1)) for values in (X, Y)]
    assert e_distance(X, Y, squared=False) == pytest.approx(2 * cdist(X, Y).mean() - sum(within))
    biased = 2 * cdist(X, Y).mean() - cdist(X, X).mean() - cdist(Y, Y).mean()
    assert e_distance(X, Y, squared=False, correct=False) == pytest.approx(biased)
    assert e_distance(X, X, squared=False, correct=False) == pytest.approx(0.0, abs=1e-12)


def test_scaled_score():
    assert scaled_score(1.0, 2.0, 1.0) == 1.0
    assert scaled_score(2.0, 2.0, 1.0) == 0.0
    assert scaled_score(3.0, 2.0, 1.0) == -1.0
    # The same for scores of which more is better.
    assert scaled_score(0.6, 0.5, 0.9) == pytest.approx(0.25)
    np.testing.assert_array_equal(scaled_score([1.0, 1.0], [2.0, 1.0], [0.0, 1.0]), [0.5, np.nan])
    with pytest.raises(ValueError, match="baseline is infinite"):
        scaled_score(1.0, np.inf, 0.0)


def test_ceilings_are_the_distance_of_a_replicate():
    cells = rng.normal(size=(2, 400, 1000))
    halves = [cells[0, :200].mean(axis=0), cells[0, 200:].mean(axis=0)]
    from_halves = split_half_distance([halves[0]], [halves[1]])
    from_noise = replicate_distance([cells[0].var(axis=0, ddof=1) / 400])
    measured = l2_distance(cells[:1].mean(axis=1), cells[1:].mean(axis=1))
    # A thousand genes leave a relative error of 1 / sqrt(2 · 1000), 2 %, of a distance.
    assert from_halves == pytest.approx(measured, rel=0.1)
    assert from_noise == pytest.approx(measured, rel=0.1)
    assert replicate_distance([8.0, 32.0], reduce=None).tolist() == [4.0, 8.0]
    with pytest.raises(ValueError, match="has shape"):
        replicate_distance(1.0)
    with pytest.raises(ValueError, match="single cell"):
        replicate_distance([[np.nan]])
