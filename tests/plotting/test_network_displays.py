import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skperturb.plotting import MethodAccuracyDisplay, PairwiseAccuracyDisplay, PropertyCorrelationDisplay
from skperturb.reproduce._network_properties import network_properties, property_correlations

mpl.use("Agg")

SCORES = pd.DataFrame({"distance": [0.5, 0.6, 0.7, 0.4], "enhancer": [0.6, 0.7, 0.6, 0.4]})


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_bars_have_means_and_intervals_that_hold_them():
    display = MethodAccuracyDisplay(SCORES).plot()
    summary = display.summary()
    np.testing.assert_allclose(summary["mean"], SCORES.mean())
    assert (summary["low"] <= summary["mean"]).all()
    assert (summary["high"] >= summary["mean"]).all()
    assert [bar.get_width() for bar in display.ax_.patches] == pytest.approx(list(SCORES.mean()))


def test_pairwise_win_rates_count_ties_half():
    rates = PairwiseAccuracyDisplay(SCORES).win_rates()
    assert rates.loc["enhancer", "distance"] == pytest.approx((2 + 0.5) / 4)
    np.testing.assert_allclose(rates + rates.T, 1)
    assert len(PairwiseAccuracyDisplay(SCORES).plot().ax_.texts) == 4


@pytest.mark.parametrize("display", [MethodAccuracyDisplay, PairwiseAccuracyDisplay])
@pytest.mark.parametrize("scores", [SCORES[["distance"]], SCORES.iloc[:0], [1, 2]])
def test_scores_of_one_method_or_no_network_are_refused(display, scores):
    with pytest.raises(ValueError, match="at least two methods"):
        display(scores)


def test_property_correlations_stand_out_against_permutations():
    rng = np.random.default_rng(0)
    accuracy = rng.random(60)
    properties = pd.DataFrame({"related": -accuracy, "unrelated": rng.random(60), "constant": np.ones(60)})
    table = property_correlations(properties, accuracy, n_permutations=200)
    assert table.loc["related", "correlation"] == pytest.approx(-1)
    assert table.loc["constant", "correlation"] == 0
    display = PropertyCorrelationDisplay(table).plot()
    assert "related" in display.beyond_chance()
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == list(properties)


def test_property_table_needs_its_columns():
    with pytest.raises(ValueError, match="random_low"):
        PropertyCorrelationDisplay(pd.DataFrame({"correlation": [0.1]}))


def test_properties_of_a_cascade_and_of_a_cycle():
    cascade = np.diag([-2.0] * 4) + np.diag([1.0] * 3, -1)
    cycle = np.roll(np.eye(4), 1, axis=0)
    of_cascade, of_cycle = network_properties(cascade), network_properties(cycle)
    assert of_cascade["nodes"] == 4
    assert of_cascade["edges per node"] == pytest.approx(3 / 4)
    assert of_cascade["reachable share"] == pytest.approx(10 / 16)
    assert of_cascade["share of negative entries"] == pytest.approx(4 / 7)
    assert (of_cascade["strong components per node"], of_cycle["strong components per node"]) == (1, 0.25)
    assert of_cycle["log mean |J|"] == 0
    assert of_cycle["Burt's constraint"] == pytest.approx(0.5)
    assert network_properties(np.zeros((3, 3)))["Burt's constraint"] == 0
