from itertools import pairwise

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


def test_network_is_drawn_in_layers_with_signed_edges_and_colored_responses():
    from matplotlib.colors import to_rgba

    from skperturb.networks import InfluenceNetwork
    from skperturb.plotting import NetworkDisplay

    names = ["inhibitor", "gene", "protein", "lonely"]
    matrix = np.array([[-1.0, 0, 0, 0], [-2, -1, 0, 0], [0, 3, -1, 0], [0, 0, 0, -1]])
    network = InfluenceNetwork(matrix, names=names)
    responses = pd.DataFrame(np.eye(4), names, names)
    responses.loc["gene", "inhibitor"], responses.loc["protein", "inhibitor"] = -0.5, -np.inf
    display = NetworkDisplay.from_network(network, responses=responses).plot()
    assert display.source == "inhibitor"
    assert display.layers() == [["inhibitor"], ["gene"], ["protein"], ["lonely"]]
    x = [display.positions_[name][0] for name in names[:3]]
    assert x == sorted(x)
    assert len(set(x)) == 3
    arrows = {tuple(patch.get_edgecolor()[:3]) for patch in display.ax_.patches}
    assert arrows == {to_rgba("tab:green")[:3], to_rgba("tab:red")[:3]}
    shown = display.ax_.collections[0].get_array()
    assert shown[0] > 0 > shown[1] >= shown[2]
    assert shown[3] == 0
    assert {text.get_text() for text in display.ax_.texts} >= set(names)
    bare = NetworkDisplay.from_network(matrix, source=1).plot()
    assert bare.response is None
    assert bare.layers()[0] == [1]
    with pytest.raises(ValueError, match="source is 'none', which the network lacks"):
        NetworkDisplay.from_network(network, source="none")
    with pytest.raises(ValueError, match="the display shows one network"):
        NetworkDisplay.from_network([matrix, matrix])


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(40) + np.eye(40, k=-1),  # a chain
        np.eye(40) + np.eye(40)[[0]],  # one node that drives all others
        np.eye(40) + np.eye(40)[[0]].T,  # one that all others drive
        np.eye(40),  # no edge at all
        np.roll(np.eye(30), 1, axis=0),  # one cycle
    ],
)
def test_the_drawing_of_a_network_fills_its_panel(matrix):
    from skperturb.plotting import NetworkDisplay

    display = NetworkDisplay.from_network(matrix).plot()
    places = np.array([display.positions_[node] for node in range(len(matrix))])
    width, height = np.ptp(places, axis=0) + 1.0
    assert 0.4 < width / height < 4.0
    assert len(np.unique(places, axis=0)) == len(matrix)
    assert width * height < 4 * len(matrix)


def test_what_a_node_drives_stands_to_its_right():
    from skperturb.plotting import NetworkDisplay

    display = NetworkDisplay.from_network(np.eye(40) + np.eye(40)[[0]]).plot()
    assert all(display.positions_[0][0] < display.positions_[node][0] for node in range(1, 40))


@pytest.mark.parametrize("matrix", [np.zeros((1, 1)), np.eye(2), np.zeros((3, 3))])
def test_networks_without_edges_are_drawn(matrix):
    from skperturb.plotting import NetworkDisplay

    display = NetworkDisplay.from_network(matrix).plot()
    assert len(display.positions_) == len(matrix)


def test_heatmaps_tell_signs_scores_and_what_is_undefined():
    from skperturb.plotting import SensitivityHeatmapDisplay

    truth = np.array([[1.0, np.nan, -0.2], [-0.5, 1.0, 0.3], [np.inf, 0.0, 1.0]])
    display = SensitivityHeatmapDisplay.from_predictions(truth, {"same": np.nan_to_num(truth)}, signed=True).plot()
    ranks = display.ranks["truth"]
    assert np.isnan(ranks[0, 1])
    assert np.isnan(display.ranks["same"][0, 1])
    assert ranks[2, 0] == 1.0
    assert ranks[1, 0] < 0 < ranks[1, 2]
    assert display.scores["same"] == pytest.approx(1.0)
    assert "Spearman 1.00" in display.axes_[1].get_title()
    assert display.axes_[0].images[0].get_clim() == (-1, 1)
    with pytest.raises(ValueError, match="all are NaN"):
        SensitivityHeatmapDisplay.from_predictions(np.full((2, 2), np.nan), np.eye(2))


def test_names_stand_beside_their_nodes_without_the_middle_of_long_ones():
    from skperturb.networks import InfluenceNetwork
    from skperturb.plotting import NetworkDisplay

    names = ["short", "receptor_bound_to_its_ligand", "complex_of_kinase_A_inhibited", "complex_of_kinase_B_inhibited"]
    network = InfluenceNetwork(np.eye(4) + np.eye(4, k=-1), names=names)
    display = NetworkDisplay.from_network(network).plot()
    # Two names that would look the same are written in full.
    assert [text.get_text() for text in display.ax_.texts] == ["short", "receptor…_ligand", *names[2:]]
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    places = display.ax_.transData.transform([display.positions_[name] for name in names])
    assert not any(box.contains(*place) for box in boxes for place in places)
    assert all(left.x1 < right.x0 or left.y1 < right.y0 for left, right in pairwise(boxes))
