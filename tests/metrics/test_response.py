"""Scores of responses on cases worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.model_selection import KFold, ShuffleSplit, cross_val_score

from skperturb.metrics import (
    discrimination_scorer,
    interaction_r2,
    interaction_scorer,
    l2_distance,
    l2_scorer,
    pearson_delta,
    pearson_delta_scorer,
    perturbation_discrimination_score,
    top_de_error,
    top_de_scorer,
    win_rate,
    win_rate_scorer,
)
from skperturb.responses import AdditiveRegressor, PerturbationEncoder

rng = np.random.default_rng(0)
TRUE, PRED = rng.normal(size=(6, 30)), rng.normal(size=(6, 30))


def test_pearson_delta():
    expected = [pearsonr(a, b)[0] for a, b in zip(TRUE, PRED, strict=True)]
    np.testing.assert_allclose(pearson_delta(TRUE, PRED, reduce=None), expected)
    assert pearson_delta(TRUE, PRED) == pytest.approx(np.mean(expected))
    top = np.argsort(-np.abs(TRUE[0]))[:5]
    assert pearson_delta(TRUE[:1], PRED[:1], top=5) == pytest.approx(pearsonr(TRUE[0, top], PRED[0, top])[0])
    assert pearson_delta(TRUE, np.ones_like(TRUE)) == 0.0
    assert pearson_delta(TRUE, TRUE * 3) == pytest.approx(1.0)


def test_top_de_error():
    assert top_de_error([[3.0, 0.0, 1.0]], [[1.0, 9.0, 1.0]], top=1) == 4.0
    assert top_de_error(TRUE, PRED, top=None) == pytest.approx(((TRUE - PRED) ** 2).mean())


def test_discrimination():
    assert perturbation_discrimination_score(TRUE, TRUE) == 1.0
    assert perturbation_discrimination_score(TRUE, np.zeros_like(TRUE)) == pytest.approx(0.5)
    assert perturbation_discrimination_score([[1.0], [1.0]], [[1.0], [1.0]]) == 0.5
    assert perturbation_discrimination_score([[0.0], [1.0]], [[1.0], [0.0]]) == 0.0
    assert np.isnan(perturbation_discrimination_score([[0.0]], [[1.0]]))


def test_interaction_and_win_rate():
    additive = TRUE + 1.0
    assert interaction_r2(TRUE, additive, additive) == 0.0
    assert interaction_r2(TRUE, TRUE, additive) == 1.0
    assert np.isnan(interaction_r2(TRUE, PRED, TRUE))
    assert win_rate(TRUE, TRUE, additive) == 1.0
    assert win_rate(TRUE, additive, additive) == 0.5


def test_columns_are_aligned_by_name():
    a, b = pd.DataFrame(TRUE, columns=[f"g{k}" for k in range(30)]), None
    b = a[a.columns[::-1]]
    assert pearson_delta(a, b) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="different columns"):
        pearson_delta(a, b.rename(columns={"g3": "x"}))


@pytest.mark.parametrize("score", [pearson_delta, top_de_error, perturbation_discrimination_score])
def test_bad_input(score):
    with pytest.raises(ValueError, match="equal shapes"):
        score(TRUE, PRED[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        score(TRUE, np.full_like(TRUE, np.nan))
    with pytest.raises(ValueError, match=r"y_true has shape \(\d+,\); expected two dimensions"):
        score(TRUE[:, 0], PRED[:, 0])


def test_scorers():
    X = np.vstack([np.eye(3), [[1, 1, 0], [0, 1, 1]]])
    y = X @ rng.normal(size=(3, 4))
    model, worse = AdditiveRegressor().fit(X, y), AdditiveRegressor(shrinkage=0.5).fit(X, y)
    assert pearson_delta_scorer(model, X, y) == pytest.approx(1.0)
    assert top_de_scorer(model, X, y) == pytest.approx(0.0)
    assert discrimination_scorer(model, X, y) == 1.0
    assert win_rate_scorer(worse)(model, X[3:], y[3:]) == 1.0
    assert interaction_scorer(worse)(model, X[3:], y[3:]) == pytest.approx(1.0)


def test_l2_over_selected_genes():
    expected = np.linalg.norm(TRUE[:, [3, 5]] - PRED[:, [3, 5]], axis=1)
    np.testing.assert_allclose(l2_distance(TRUE, PRED, genes=[3, 5], reduce=None), expected)
    control = np.zeros(30)
    control[[5, 3]] = [1.0, 2.0]
    np.testing.assert_allclose(l2_distance(TRUE, PRED, top=2, control_mean=control, reduce=None), expected)
    names = [f"g{k}" for k in range(30)]
    true, pred = pd.DataFrame(TRUE, columns=names), pd.DataFrame(PRED, columns=names)[names[::-1]]
    np.testing.assert_allclose(l2_distance(true, pred, genes=["g5", "g3"], reduce=None), expected)
    with pytest.raises(ValueError, match=r"top=2 needs control_mean with 30 values"):
        l2_distance(TRUE, PRED, top=2)
    with pytest.raises(ValueError, match="genes holds 1 columns"):
        l2_distance(true, pred, genes=["g5", "x"])
    with pytest.raises(ValueError, match="expected one of them"):
        l2_distance(TRUE, PRED, top=2, genes=[1], control_mean=control)


def test_nothing_to_score_is_refused():
    empty = np.empty((0, 3))
    with pytest.raises(ValueError, match="y_true is empty; expected at least one sample"):
        l2_distance(empty, empty)
    for score in (pearson_delta, perturbation_discrimination_score):
        with pytest.raises(ValueError, match="empty; expected at least one condition"):
            score(empty, empty)


def test_genes_are_columns_of_a_matrix_only():
    with pytest.raises(ValueError, match="genes and top need a 2-D y_true"):
        l2_distance([TRUE, TRUE], [PRED, PRED], genes=[0, 1])
    with pytest.raises(ValueError, match="duplicate name 'a'"):
        l2_distance(pd.DataFrame(TRUE[:, :2], columns=["a", "a"]), pd.DataFrame(PRED[:, :2], columns=["a", "b"]))


LABELS = ["A", "B", "C", "A+B", "B+C", "A+C"]
INDICES = {
    "names": lambda: pd.Index(LABELS),
    "default": lambda: pd.RangeIndex(6),
    "numbers": lambda: pd.Index([10, 12, 14, 16, 18, 20]),
    "batches": lambda: pd.MultiIndex.from_product([LABELS[:3], ["x", "y"]]),
}


@pytest.mark.parametrize("scorer", [l2_scorer, pearson_delta_scorer, top_de_scorer, None], ids=str)
@pytest.mark.parametrize("of_y", INDICES)
@pytest.mark.parametrize("of_X", INDICES)
@pytest.mark.parametrize("cv", [KFold(2), ShuffleSplit(3, test_size=0.5, random_state=0)], ids=["folds", "shuffled"])
def test_scorers_do_not_depend_on_what_numbers_the_rows(scorer, of_X, of_y, cv):
    """Rows whose names do not contradict one another give the scores of plain arrays; all others are refused."""
    y = np.random.default_rng(0).normal(size=(6, 4))
    X = PerturbationEncoder().fit_transform(LABELS)
    genes = pd.Index(list("ABC"))
    expected = cross_val_score(AdditiveRegressor(), X, y, cv=cv, scoring=scorer)
    tables = pd.DataFrame(np.asarray(X), INDICES[of_X](), genes), pd.DataFrame(y, INDICES[of_y]())
    contradict = {of_X, of_y} == {"names", "batches"}
    # Selected rows of a default index are numbers, and the other side has other numbers.
    contradict = contradict or {of_X, of_y} == {"default", "numbers"}
    if contradict:
        with pytest.raises(ValueError, match="X and y have different row names: row 0 is"):
            cross_val_score(AdditiveRegressor(), *tables, cv=cv, scoring=scorer, error_score="raise")
    else:
        found = cross_val_score(AdditiveRegressor(), *tables, cv=cv, scoring=scorer, error_score="raise")
        np.testing.assert_array_equal(found, expected)


def test_results_have_the_order_of_the_truth():
    truth = pd.DataFrame(TRUE, index=list("abcdef"))
    prediction = pd.DataFrame(PRED, index=list("abcdef"))
    for score in (l2_distance, pearson_delta, top_de_error, perturbation_discrimination_score):
        expected = score(TRUE, PRED, reduce=None)
        np.testing.assert_allclose(score(truth, prediction.iloc[[3, 1, 5, 0, 2, 4]], reduce=None), expected)


def test_control_means_are_aligned_with_the_columns():
    genes = [f"g{k}" for k in range(30)]
    truth, control = pd.DataFrame(TRUE, columns=genes), pd.Series(np.arange(30.0), index=genes)
    expected = np.linalg.norm((TRUE - PRED)[:, -4:], axis=1)
    for series in (control, control[::-1], control.sample(frac=1, random_state=0)):
        np.testing.assert_allclose(l2_distance(truth, PRED, top=4, control_mean=series, reduce=None), expected)
    with pytest.raises(ValueError, match=r"y_true.columns has the names \['g0'"):
        l2_distance(truth, PRED, top=4, control_mean=control.add_prefix("x"))


def test_columns_of_polars_are_aligned_by_name():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    genes = [f"g{k}" for k in range(30)]
    truth = pd.DataFrame(TRUE, columns=genes)
    prediction = polars.DataFrame({gene: PRED[:, k] for k, gene in enumerate(genes[::-1])})
    for score in (pearson_delta, top_de_error, l2_distance):
        assert score(truth, prediction) == pytest.approx(score(TRUE, PRED[:, ::-1]))


@pytest.mark.parametrize("score", [pearson_delta, top_de_error, win_rate])
def test_no_genes_have_no_score(score):
    arguments = [np.zeros((3, 0))] * (3 if score is win_rate else 2)
    with pytest.raises(ValueError, match="y_true has 3 conditions and no gene"):
        score(*arguments)


@pytest.mark.parametrize("make", [win_rate_scorer, interaction_scorer])
def test_scorers_against_a_baseline_say_what_they_are(make):
    assert repr(make(AdditiveRegressor())) == f"{make.__name__}(AdditiveRegressor())"
    with pytest.raises(TypeError, match=r"baseline is a ndarray of shape .*; expected a fitted estimator"):
        make(PRED)
