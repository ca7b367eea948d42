"""Score functions against brute force and hand-computed cases."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata, spearmanr

from skperturb.metrics import auroc, l2_distance, rank_data, spearman_correlation

RNG = np.random.RandomState(0)
S = RNG.choice([0.0, 0.1, -0.4, 1.0, 2.0], size=(6, 6))
P = RNG.choice([0.0, 0.2, 0.5, -1.0], size=(6, 6))


@given(arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.sampled_from([0.0, 1.0, 2.5, -3.0])))
def test_rank_data_equals_a_loop(values):
    for axis in (0, 1, None):
        expected = rankdata(values) if axis is None else np.apply_along_axis(rankdata, axis, values)
        np.testing.assert_allclose(rank_data(values, axis=axis), expected.reshape(values.shape), rtol=0, atol=1e-12)


def test_rank_data_leaves_nan_out():
    np.testing.assert_array_equal(rank_data([3.0, np.nan, 1.0]), [2, np.nan, 1])
    with pytest.raises(TypeError, match="values has dtype"):
        rank_data(["a"])


def brute_spearman(truth, prediction):
    n = len(truth)
    ranks = [[sum(b < a for b in v) + (sum(b == a for b in v) + 1) / 2 for a in v] for v in (truth, prediction)]
    x, y = (np.array(r) - (n + 1) / 2 for r in ranks)
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def test_spearman_matrix_equals_brute_force():
    expected = brute_spearman(np.abs(S).ravel(), np.abs(P).ravel())
    assert spearman_correlation(S, P) == pytest.approx(expected, abs=1e-12)
    assert spearman_correlation(S, P) == pytest.approx(spearmanr(np.abs(S).ravel(), np.abs(P).ravel()).statistic)
    assert spearman_correlation(S, P, absolute=False) == pytest.approx(brute_spearman(S.ravel(), P.ravel()))


def test_spearman_options_equal_brute_force():
    off = ~np.eye(6, dtype=bool)
    reach = S != 0
    magnitude, guess = np.abs(S), np.abs(P)
    for options, keep in [
        ({"diagonal": False}, off),
        ({"reachable_only": True}, reach),
        ({"diagonal": False, "reachable_only": True}, off & reach),
    ]:
        assert spearman_correlation(S, P, **options) == pytest.approx(brute_spearman(magnitude[keep], guess[keep]))
        columns = [brute_spearman(magnitude[k, j], guess[k, j]) for j, k in enumerate(keep.T) if k.sum() > 1]
        assert spearman_correlation(S, P, average="column", **options) == pytest.approx(np.mean(columns))


def test_spearman_sequences_and_kinds():
    expected = np.array([spearman_correlation(S, P), spearman_correlation(S[:3, :3], P[:3, :3])])
    truths, predictions = [S, sp.csr_array(S[:3, :3])], (pd.DataFrame(P), P[:3, :3])
    np.testing.assert_array_equal(spearman_correlation(truths, predictions, reduce=None), expected)
    assert spearman_correlation(truths, predictions) == pytest.approx(expected.mean())
    assert spearman_correlation([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)


@pytest.mark.parametrize("options", [{}, {"average": "column"}, {"ties": "jitter", "random_state": 0}])
def test_spearman_undefined_is_zero(options):
    constant, empty = np.full((4, 4), 0.3), np.empty((0, 0))
    assert spearman_correlation(constant, RNG.rand(4, 4), **options) == 0
    assert spearman_correlation([empty], [empty], **options) == 0
    assert spearman_correlation([[[2.0]]], [[[1.0]]], **options) == 0
    assert spearman_correlation(np.zeros((3, 3)), np.eye(3), reachable_only=True, **options) == 0
    if "ties" not in options:
        assert spearman_correlation(RNG.rand(4, 4), constant, **options) == 0


@pytest.mark.parametrize("average", ["matrix", "column"])
def test_spearman_uses_what_is_defined(average):
    truth = S.copy()
    truth[0, 1], truth[2, 2], truth[3, 4], truth[5, 4] = np.nan, np.nan, np.inf, -np.inf
    known, size = ~np.isnan(truth), np.where(np.isinf(truth), 1e9, np.abs(truth))
    if average == "matrix":
        expected = brute_spearman(size[known], np.abs(P)[known])
    else:
        columns = [(size[known[:, j], j], np.abs(P)[known[:, j], j]) for j in range(6)]
        expected = np.mean([brute_spearman(*pair) for pair in columns])
    assert spearman_correlation(truth, P, average=average) == pytest.approx(expected)
    assert spearman_correlation(sp.csr_array(truth), P, average=average) == pytest.approx(expected)
    signed = np.where(np.isinf(truth), np.sign(truth) * 1e9, truth)[known]
    found = spearman_correlation(truth, P, absolute=False)
    assert found == pytest.approx(brute_spearman(signed, P[known]))


def test_jitter_is_the_mean_over_draws():
    score = spearman_correlation(S, P, ties="jitter", n_draws=3, jitter=0.02, random_state=5)
    rng = np.random.RandomState(5)
    draws = [
        brute_spearman(np.abs(S).ravel(), np.abs(P).ravel() + rng.uniform(-0.02, 0.02, (36, 1)).ravel())
        for _ in range(3)
    ]
    assert score == pytest.approx(np.mean(draws))
    assert score == spearman_correlation(S, P, ties="jitter", n_draws=3, jitter=0.02, random_state=5)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    spearman_correlation(S, P, ties="jitter", random_state=0)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_alignment_by_name():
    names = list("abcdef")
    truth = pd.DataFrame(S, index=names, columns=names)
    prediction = pd.DataFrame(P, index=names, columns=names)
    shuffled = prediction.loc[names[::-1], list("cabfed")]
    for metric in (spearman_correlation, auroc, l2_distance):
        assert metric([truth], [shuffled]) == pytest.approx(metric([truth], [prediction]))
    diagonal_free = spearman_correlation(truth, shuffled, diagonal=False)
    assert diagonal_free == pytest.approx(spearman_correlation(S, P, diagonal=False))
    some = spearman_correlation(truth, prediction[["c", "a"]])
    assert some == pytest.approx(spearman_correlation(S[:, [2, 0]], P[:, [2, 0]]))


@pytest.mark.parametrize(
    ("y_true", "y_pred", "error", "message"),
    [
        ([S], [S, S], ValueError, "y_true has 1 elements but y_pred has 2"),
        (S, [S], ValueError, "y_true is a single matrix but y_pred is a sequence"),
        ([S, S], [S, S[:3]], ValueError, r"y_true\[1\] has shape \(6, 6\) but y_pred\[1\] has shape \(3, 6\)"),
        ([S, S * np.nan], [S, S], ValueError, r"y_true\[1\] (has no defined entry: all 36 are NaN|holds nan)"),
        ([S], [np.full((6, 6), np.nan)], ValueError, r"y_pred\[0\] holds nan at position \(0, 0\)"),
        ({0: S}, [S], TypeError, "y_true is a dict"),
        ([], [], ValueError, "y_true is empty"),
        ([np.array([["a"]])], [S], TypeError, r"y_true\[0\] has dtype <U1"),
        (
            [pd.DataFrame(S)],
            [pd.DataFrame(S, columns=list("abcdef"))],
            ValueError,
            r"y_pred\[0\].columns has the names",
        ),
        ([pd.DataFrame(S)], [pd.DataFrame(S).iloc[:4]], ValueError, r"y_pred\[0\].index lacks \[4, 5\]"),
    ],
)
@pytest.mark.parametrize("metric", [spearman_correlation, auroc, l2_distance])
def test_errors(metric, y_true, y_pred, error, message):
    with pytest.raises(error, match=message):
        metric(y_true, y_pred)


def test_bad_options():
    with pytest.raises(ValueError, match="'ties' parameter"):
        spearman_correlation(S, P, ties="none")
    with pytest.raises(ValueError, match="neither square nor labelled"):
        spearman_correlation(S[:, :2], P[:, :2], diagonal=False)


def test_auroc_equals_counting_pairs():
    off = ~np.eye(6, dtype=bool)
    positive, score = (S != 0)[off], np.abs(P)[off]
    wins = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert auroc(S, P) == pytest.approx(np.mean(wins))
    np.testing.assert_allclose(auroc([S, np.eye(6)], [P, P], reduce=None), [np.mean(wins), 0.5])
    assert auroc([np.empty((0, 0))], [np.empty((0, 0))]) == 0.5


def test_auroc_of_labels():
    assert auroc([0, 1, 1], [0.1, 0.3, 0.2]) == 1
    assert auroc(pd.Series([1, 1]), [0.1, 0.3]) == 0.5
    assert auroc(np.array(["no", "yes"]), np.array([0.9, 0.1])) == 0
    with pytest.raises(ValueError, match="3 classes"):
        auroc([0, 1, 2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"y_pred\[1\] is nan"):
        auroc([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match="y_true has 2 elements"):
        auroc([0, 1], [0.1])


def test_l2_distance():
    expected = [np.sqrt(sum((a - b) ** 2 for a, b in zip(r, q, strict=True))) for r, q in zip(S, P, strict=True)]
    np.testing.assert_allclose(l2_distance(S, P, reduce=None), expected)
    assert l2_distance(S.tolist(), P) == pytest.approx(np.mean(expected))
    assert l2_distance([S, S], [P, S]) == pytest.approx(np.sqrt(((S - P) ** 2).sum()) / 2)
    assert l2_distance([1.0, 2.0], [1.0, 5.0]) == 1.5


def test_rows_of_a_prediction_that_are_only_numbered_keep_their_order():
    truth = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], index=["KLF1", "CEBPA"], columns=["g1", "g2"])
    prediction = pd.DataFrame([[2.0, 1.0], [5.0, 4.0]], columns=["g2", "g1"])
    np.testing.assert_allclose(l2_distance(truth, prediction, reduce=None), [0.0, 1.0])
    with pytest.raises(ValueError, match="lacks; expected the same names"):
        l2_distance(truth, prediction.set_axis([3, 4]))


def test_ranks_of_values_that_are_equal_up_to_rounding():
    np.testing.assert_array_equal(rank_data([0.1 + 0.2, 0.3, 0.2]), [2.5, 2.5, 1.0])
    np.testing.assert_array_equal(rank_data([0.1 + 0.2, 0.3, 0.2], tolerance=0), [3.0, 2.0, 1.0])
    # Of their size: small values stay apart beside large ones, and far apart only if they differ by more than 1e-10.
    np.testing.assert_array_equal(rank_data([1e-30, 2e-30, 1e30, 1e30 * (1 + 1e-9), 0.0]), [2, 3, 4, 5, 1])
    np.testing.assert_array_equal(rank_data([1.0, 1 + 1e-11, -1.0, -1 - 1e-11]), [3.5, 3.5, 1.5, 1.5])
    np.testing.assert_array_equal(rank_data([np.inf, 1.0, np.nan, -np.inf, np.inf]), [3.5, 2, np.nan, 1, 3.5])


@given(
    arrays(
        float, st.tuples(st.integers(2, 6), st.integers(2, 5)), elements=st.sampled_from([0.0, 1e-7, 0.3, 1.0, 40.0])
    ),
    st.integers(0, 2**31),
)
def test_the_last_digits_decide_nothing(values, seed):
    """A jitter of some units in the last place changes no rank and no score."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (2, *values.shape))
    moved, other = values * (1 + 1e-15 * noise[0]), values[::-1] * (1 + 1e-15 * noise[1])
    for axis in (0, 1, None):
        np.testing.assert_array_equal(rank_data(moved, axis=axis), rank_data(values, axis=axis))
    for score in (spearman_correlation, auroc):
        truth, prediction = np.pad(values, (0, 3)), np.pad(values[::-1], (0, 3))
        size = min(truth.shape)
        expected = score(truth[:size, :size], prediction[:size, :size])
        moved_truth, moved_prediction = np.pad(moved, (0, 3)), np.pad(other, (0, 3))
        assert score(moved_truth[:size, :size], moved_prediction[:size, :size]) == expected


def test_a_constant_prediction_scores_zero_also_when_it_is_rounded():
    truth = np.random.default_rng(0).normal(size=(8, 8))
    constant = np.full((8, 8), 0.1) * (1 + 3e-16 * np.random.default_rng(1).normal(size=(8, 8)))
    assert len(np.unique(constant)) > 1
    assert spearman_correlation(truth, constant) == 0.0
    assert spearman_correlation(truth, truth) == pytest.approx(1.0)


def test_columns_that_were_not_predicted_make_no_smaller_distance():
    truth = pd.DataFrame([[3.0, 4.0]], index=["KLF1"], columns=["a", "b"])
    with pytest.raises(ValueError, match=r"y_pred lacks 1 of the 2 columns of y_true, such as \['b'\]"):
        l2_distance(truth, truth[["a"]] * 0)
    assert l2_distance(truth, truth[["a"]] * 0, genes=["a"]) == 3.0
    with pytest.raises(ValueError, match=r"genes has the names \['b'\], which y_pred lacks"):
        l2_distance(truth, truth[["a"]] * 0, genes=["a", "b"])
