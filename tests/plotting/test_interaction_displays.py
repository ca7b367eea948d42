"""Displays of interaction models draw what they are given."""

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from skperturb.plotting import EmbeddingMapDisplay, ScoreCurveDisplay

ROWS = [
    {"model": model, "setting": f"training on {x}%", "negatives": "degree", "auroc": x / 100, "repeat": repeat}
    for model in ("l3", "gne")
    for x in (10, 90)
    for repeat in (0, 1)
]


def test_curves():
    display = ScoreCurveDisplay.from_rows(ROWS, x_name="share").plot()
    assert display.means().to_numpy().tolist() == [[0.1, 0.9], [0.1, 0.9]]
    assert [line.get_label() for line in display.ax_.get_lines()] == ["l3", "gne"]
    assert display.ax_.get_lines()[0].get_xdata().tolist() == [10.0, 90.0]
    assert display.ax_.get_xlabel() == "share"
    pyplot.close(display.figure_)
    with pytest.raises(ValueError, match="negatives='uniform'"):
        ScoreCurveDisplay.from_rows(ROWS, negatives="uniform")
    with pytest.raises(ValueError, match=r"lacks the columns \['score', 'x'\]"):
        ScoreCurveDisplay(pd.DataFrame({"model": []}))


def test_map():
    places = np.random.RandomState(0).normal(size=(10, 2))
    _, ax = pyplot.subplots()
    display = EmbeddingMapDisplay(places, list("aaaabbbccd"), n_groups=2).plot(ax)
    assert display.ax_ is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert len(ax.collections[1].get_offsets()) == 4
    pyplot.close(display.figure_)
    with pytest.raises(ValueError, match=r"expected \(n_genes, 2\)"):
        EmbeddingMapDisplay(places, ["a"])
