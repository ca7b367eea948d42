"""Displays of responses."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skperturb.plotting import (
    AttentionDisplay,
    InteractionDisplay,
    PairedScoreDisplay,
    ResponseErrorDisplay,
    ResponseScatterDisplay,
)
from skperturb.responses import AdditiveRegressor, APPRegressor

mpl.use("Agg")
X = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]])
Y = X @ np.random.default_rng(0).normal(size=(4, 5))
Y[4:] *= 0.5


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_scatter():
    display = ResponseScatterDisplay.from_estimator(AdditiveRegressor().fit(X, Y), X, Y).plot()
    assert display.ax_.collections[0].get_offsets().shape == (35, 2)
    assert display.ax_.get_xlabel() == "observed log-fold change"
    # The line of equality reaches the largest value of both.
    largest = np.abs([display.y_true, display.y_pred]).max()
    np.testing.assert_allclose(display.ax_.lines[0].get_xdata(), [-largest, largest])


def test_errors():
    models = {"additive": AdditiveRegressor().fit(X, Y), "scaled": AdditiveRegressor("auto").fit(X, Y)}
    display = ResponseErrorDisplay.from_estimator(models, X, Y).plot()
    assert display.errors["scaled"].mean() < display.errors["additive"].mean()
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == ["scaled", "additive"]
    with pytest.raises(ValueError, match="errors must be a DataFrame"):
        ResponseErrorDisplay([1.0])
    for display in (ResponseErrorDisplay, PairedScoreDisplay):
        with pytest.raises(TypeError, match=r"estimators is a AdditiveRegressor; expected a dict of fitted estimators"):
            display.from_estimator(models["additive"], X, Y)


def test_interaction():
    model, additive = AdditiveRegressor("auto").fit(X, Y), AdditiveRegressor().fit(X, Y)
    display = InteractionDisplay.from_estimator(model, additive, X[4:], Y[4:], ["a+b", "b+c", "c+d"]).plot(n_labels=2)
    np.testing.assert_allclose(display.observed, 0.5)
    np.testing.assert_allclose(display.predicted, 0.5)
    assert len(display.ax_.texts) == 2


@pytest.mark.parametrize(
    ("observed", "predicted", "largest"), [([0.5, 2.0], [1.0, 3.0], 3), ([0.2, 0.4], [0.1, 0.3], 1)]
)
def test_line_of_equality_reaches_beyond_the_points(observed, predicted, largest):
    line = InteractionDisplay(observed, predicted).plot().ax_.lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    assert line.get_xdata()[0] == 0
    assert largest < line.get_xdata()[1] < 1.2 * largest


def test_combinations_farthest_from_addition_are_named():
    # ln: a factor of 4 below is farther than one of 3 above.
    display = InteractionDisplay([0.25, 3.0, 1.1, 0.9], [1, 1, 1, 1], ["a", "b", "c", "d"]).plot(n_labels=2)
    assert {text.get_text() for text in display.ax_.texts} == {"a", "b"}
    assert {text.get_text() for text in display.plot(n_labels=1).ax_.texts} == {"a"}


def test_attention():
    model = APPRegressor(n_models=1, max_epochs=1, hidden_dim=4, baseline="additive", random_state=0).fit(X, Y)
    display = AttentionDisplay.from_estimator(model, X, n_genes=3).plot()
    assert len(display.ax_.patches) == 3
    assert display.weights.is_monotonic_decreasing
    assert display.n_all == 4
    assert isinstance(display.weights, pd.Series)


def test_several_matrices_where_one_is_shown():
    single, several = np.ones((2, 3)), [np.ones((2, 3)), np.zeros((2, 3))]
    for call, name in (
        (lambda: ResponseScatterDisplay(several, single), "y_true"),
        (lambda: ResponseErrorDisplay.from_predictions(single, {"kernel": several}), r"y_pred\['kernel'\]"),
        (lambda: InteractionDisplay.from_predictions(single, single, several), "y_additive"),
    ):
        with pytest.raises(ValueError, match=f"{name} is a list of 2 matrices, but the display shows one matrix"):
            call()
