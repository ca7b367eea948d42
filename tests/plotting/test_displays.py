import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skperturb.networks import DynamoDistance
from skperturb.plotting import PairedScoreDisplay, SensitivityHeatmapDisplay

mpl.use("Agg")

TRUTH = np.array([[1.0, 0.0, 0.2], [-0.5, 1.0, 0.1], [0.2, 0.4, 1.0]])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_heatmap_shows_ranks_of_absolute_values_with_names():
    names = ["A", "B", "C"]
    truth = pd.DataFrame(TRUTH, index=names, columns=names)
    display = SensitivityHeatmapDisplay.from_predictions(truth, {"one": TRUTH**2, "two": TRUTH}).plot()
    assert [ax.get_title() for ax in display.axes_] == ["truth", "one\nSpearman 1.00", "two\nSpearman 1.00"]
    assert [tick.get_text() for tick in display.axes_[0].get_xticklabels()] == names
    # Squaring is monotone in the absolute value, so the picture is the same.
    np.testing.assert_array_equal(display.ranks["truth"], display.ranks["one"])
    assert display.ranks["truth"][0, 1] == pytest.approx(1 / 9)


def test_heatmap_from_estimator_and_errors():
    estimator = DynamoDistance().fit([TRUTH])
    display = SensitivityHeatmapDisplay.from_estimator(estimator, TRUTH, TRUTH)
    assert list(display.ranks) == ["truth", "DynamoDistance"]
    with pytest.raises(ValueError, match="has shape"):
        SensitivityHeatmapDisplay.from_predictions(TRUTH, np.eye(2))
    with pytest.raises(ValueError, match="square"):
        SensitivityHeatmapDisplay.from_predictions(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="panels"):
        display.plot(axes=[display.plot().axes_[0]])


@pytest.mark.parametrize(
    ("signed", "given", "shown"), [(False, None, "viridis"), (True, None, "RdBu"), (True, "PiYG", "PiYG")]
)
def test_colors_of_heatmaps(signed, given, shown):
    display = SensitivityHeatmapDisplay.from_predictions(TRUTH, TRUTH, signed=signed).plot(cmap=given)
    images = [ax.images[0] for ax in display.axes_]
    assert {(image.get_cmap().name, image.get_clim()) for image in images} == {(shown, (-1.0 if signed else 0.0, 1.0))}


def test_paired_scores_and_win_rate():
    scores = pd.DataFrame({"baseline": [0.1, 0.2, 0.3], "better": [0.2, 0.2, 0.4]})
    display = PairedScoreDisplay(scores).plot()
    assert display.win_rate()["better"] == pytest.approx((2 + 0.5) / 3)
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["baseline", "better"]
    with pytest.raises(ValueError, match="at least two methods"):
        PairedScoreDisplay(scores[["baseline"]])


def test_paired_scores_from_estimators():
    first, second = DynamoDistance().fit([TRUTH]), DynamoDistance(directed=False).fit([TRUTH])
    display = PairedScoreDisplay.from_estimator(
        {"directed": first, "undirected": second}, [TRUTH, TRUTH.T], [TRUTH, TRUTH]
    )
    assert display.scores.shape == (2, 2)


@pytest.mark.parametrize(("n", "n_names"), [(30, 30), (31, 0)])
def test_names_are_left_out_where_they_cannot_be_read(n, n_names):
    names = [f"v{k:02d}" for k in range(n)]
    truth = pd.DataFrame(np.eye(n), index=names, columns=names)
    axes = SensitivityHeatmapDisplay.from_predictions(truth, {"one": np.eye(n)}).plot().axes_
    for ticks in (axes[0].get_xticklabels(), axes[0].get_yticklabels()):
        assert sum(tick.get_text() in names for tick in ticks) == n_names


@pytest.mark.parametrize("pair", [[TRUTH, TRUTH], (TRUTH, TRUTH), np.stack([TRUTH, TRUTH]), [pd.DataFrame(TRUTH)] * 2])
def test_several_matrices_where_one_is_shown(pair):
    kind = type(pair).__name__
    for call, name in (
        (lambda: SensitivityHeatmapDisplay.from_predictions(pair, TRUTH), "y_true"),
        (lambda: SensitivityHeatmapDisplay.from_predictions(TRUTH, pair), "y_pred"),
        (lambda: SensitivityHeatmapDisplay.from_predictions(TRUTH, {"one": pair}), r"y_pred\['one'\]"),
        (lambda: SensitivityHeatmapDisplay.from_estimator(DynamoDistance(), pair, TRUTH), "network"),
    ):
        with pytest.raises(ValueError, match=rf"{name} is a {kind} of 2 matrices.*shows one network.*{name}\[0\]"):
            call()


def test_predictions_of_a_network_are_aligned_by_name():
    names = ["A", "B", "C"]
    truth = pd.DataFrame(TRUTH, index=names, columns=names)
    prediction = truth.loc[["C", "A", "B"], ["B", "C", "A"]]
    display = SensitivityHeatmapDisplay.from_predictions(truth, prediction)
    np.testing.assert_array_equal(display.ranks["prediction"], display.ranks["truth"])
    with pytest.raises(ValueError, match=r"y_true\.index has the names \['A'\], which y_pred.*lacks"):
        SensitivityHeatmapDisplay.from_predictions(truth, prediction.rename(index={"A": "X"}))
