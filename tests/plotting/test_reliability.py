"""The reliability figure counts what it says."""

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pytest
from matplotlib import pyplot
from scipy.stats import binomtest

from skperturb.datasets import make_gene_network
from skperturb.interactions import L3Paths
from skperturb.model_selection import link_prediction_split
from skperturb.plotting import ReliabilityDisplay


def test_bins_and_intervals():
    display = ReliabilityDisplay([0, 1, 0, 1, 1, 1], [0.0, 0.1, 0.2, 0.6, 0.9, 1.0], n_bins=2).plot()
    assert display.bins["n_pairs"].tolist() == [3, 3]
    assert display.bins["predicted"].tolist() == pytest.approx([0.1, 2.5 / 3])
    assert display.bins["observed"].tolist() == pytest.approx([1 / 3, 1.0])
    expected = binomtest(1, 3).proportion_ci(method="wilson")
    assert display.bins.loc[0, ["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])
    np.testing.assert_allclose(display.ax_.collections[-1].get_offsets()[:, 1], [1 / 3, 1.0])
    pyplot.close(display.figure_)


def test_of_a_model():
    network = make_gene_network(150, 5, n_interactions=900, random_state=0)
    split = link_prediction_split(network.pairs, genes=network.genes, random_state=0)
    model = L3Paths(genes=network.genes, random_state=0).fit(split.X_train, split.y_train)
    display = ReliabilityDisplay.from_estimator(model, split.X_test, split.y_test, n_bins=5)
    assert display.bins["n_pairs"].sum() == len(split.y_test)
    assert display.bins["observed"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("labels", "probabilities", "n_bins", "message"),
    [
        ([0, 1], [0.5], 10, r"y_true has shape \(2,\) and y_prob \(1,\)"),
        ([0, 2], [0.5, 0.5], 10, "y_true has other values"),
        ([0, 1], [0.5, 1.5], 10, "y_prob has values that are no probabilities"),
        ([0, 1], [0.5, 0.5], 0, "n_bins=0; expected"),
    ],
)
def test_refusals(labels, probabilities, n_bins, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay(labels, probabilities, n_bins=n_bins)
