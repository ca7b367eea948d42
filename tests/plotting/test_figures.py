"""What every display has in common: where it draws, and that the figure grows with what it shows."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from skperturb.plotting import (
    AttentionDisplay,
    EmbeddingMapDisplay,
    InteractionDisplay,
    MethodAccuracyDisplay,
    PairedScoreDisplay,
    PairwiseAccuracyDisplay,
    PropertyCorrelationDisplay,
    ResponseErrorDisplay,
    ResponseScatterDisplay,
    ScoreCurveDisplay,
    SensitivityHeatmapDisplay,
)

mpl.use("Agg")
RNG = np.random.default_rng(0)


def scores(n_methods):
    return pd.DataFrame(RNG.uniform(0.2, 0.9, (6, n_methods)), columns=[f"m{k}" for k in range(n_methods)])


def correlations(n):
    values = RNG.uniform(-0.5, 0.5, n)
    table = {"correlation": values, "random_low": -0.3, "random_high": 0.3}
    return pd.DataFrame(table, index=[f"p{k}" for k in range(n)])


# Display of n items, and the inches by which the figure grows for each of them: (width, height).
GROWING = {
    "methods": (lambda n: MethodAccuracyDisplay(scores(n)), (0, 0.45), (6.4, 1.2)),
    "pairwise": (lambda n: PairwiseAccuracyDisplay(scores(n)), (0.6, 0.6), (4, 3)),
    "paired": (lambda n: PairedScoreDisplay(scores(n)), (1.7, 0), (1.5, 4.5)),
    "properties": (lambda n: PropertyCorrelationDisplay(correlations(n)), (0, 0.4), (6.4, 1.2)),
    "errors": (lambda n: ResponseErrorDisplay(scores(n)), (0, 0.35), (6, 1.2)),
    "attention": (lambda n: AttentionDisplay(pd.Series(np.ones(n) / n)), (0, 0.25), (5, 1.2)),
    "heatmap": (
        lambda n: SensitivityHeatmapDisplay.from_predictions(np.eye(3), {str(k): np.eye(3) for k in range(n - 1)}),
        (3.6, 0),
        (0.8, 4.2),
    ),
}
ONE_PANEL = {
    **{name: make for name, (make, _, _) in GROWING.items() if name != "heatmap"},
    "scatter": lambda n: ResponseScatterDisplay(RNG.normal(size=(2, n)), RNG.normal(size=(2, n))),
    "interaction": lambda n: InteractionDisplay(RNG.uniform(0.5, 2, n), RNG.uniform(0.5, 2, n)),
    "curve": lambda n: ScoreCurveDisplay(pd.DataFrame({"model": "m", "x": range(n), "score": np.ones(n)})),
    "map": lambda n: EmbeddingMapDisplay(RNG.normal(size=(n, 2)), ["a"] * n),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("n", [3, 9])
def test_figure_grows_with_its_items(name, n):
    make, slope, start = GROWING[name]
    size = make(n).plot().figure_.get_size_inches()
    np.testing.assert_allclose(size, np.add(start, np.multiply(slope, n)))


@pytest.mark.parametrize("name", ONE_PANEL)
def test_given_axes_are_drawn_on(name):
    figure, ax = pyplot.subplots()
    display = ONE_PANEL[name](4)
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]


def test_paired_scores_fill_the_axes():
    assert PairedScoreDisplay(scores(3)).plot().ax_.get_xlim() == (-0.5, 2.5)


def test_uniform_attention_is_marked():
    display = AttentionDisplay(pd.Series([0.5, 0.3, 0.1, 0.1]), n_genes=2).plot()
    assert list(display.ax_.lines[0].get_xdata()) == [0.25, 0.25]
    assert [bar.get_width() for bar in display.ax_.patches] == [0.5, 0.3]
