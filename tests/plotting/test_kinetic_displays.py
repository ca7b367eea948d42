"""Displays of what kinetic models answer: what is drawn is what was computed."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skperturb.plotting import (
    ControlCoefficientDisplay,
    DoseResponseDisplay,
    InterventionResponseDisplay,
    TrajectoryBandDisplay,
)
from skperturb.sbml import (
    Intervention,
    KineticModel,
    antimony_to_sbml,
    control_coefficients,
    perturb,
    simulate_many,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def pathway():
    return KineticModel.from_sbml(
        antimony_to_sbml(
            """model pathway
            species $X; S1 = 0; S2 = 0; X = 1;
            v1: X -> S1; k1*X; v2: S1 -> S2; k2*S1 - k3*S2; v3: S2 -> ; k4*S2;
            k1 = 6; k2 = 2; k3 = 1; k4 = 3;
            end"""
        )
    )


def numbers(ax):
    return [text.get_text() for text in ax.texts]


def test_responses_keep_signs_infinities_and_reasons(pathway):
    interventions = [
        Intervention(scale={"k1": 2.0}, name="doubled"),
        Intervention(knock_out="S2", name="removed"),
        Intervention(knock_out="v3", name="no outflow"),
    ]
    display = InterventionResponseDisplay.from_model(pathway, interventions).plot()
    ax = display.ax_
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["doubled", "removed", "no outflow (diverged)"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["S1", "S2"]
    assert numbers(ax) == ["1.00", "1.00", "−0.42", "−∞"]  # S1 from 4 to 3; no numbers where nothing is
    image = ax.images[0]
    assert image.get_clim() == (-1.0, 1.0)
    assert image.get_array().mask.tolist() == [[False, False], [False, False], [True, True]]
    assert float(image.get_array()[1, 1]) == -1.0
    table = perturb(pathway, interventions)
    chosen = InterventionResponseDisplay.from_responses(table, species=["S2"])
    assert chosen.table.columns.tolist() == ["S2"]
    course = perturb(pathway, interventions[:1], response=[1.0, 2.0])
    at_two = InterventionResponseDisplay.from_responses(course.xs(2.0, level="time"))
    assert at_two.table.to_numpy() == pytest.approx(np.ones((1, 2)))


def test_responses_of_other_tables_are_refused(pathway):
    with pytest.raises(ValueError, match="without the column groups"):
        InterventionResponseDisplay.from_responses(pd.DataFrame({"a": [1.0]}))
    course = perturb(pathway, [Intervention(scale={"k1": 2.0})], response=[1.0, 2.0])
    with pytest.raises(ValueError, match="is a course"):
        InterventionResponseDisplay.from_responses(course)
    with pytest.raises(ValueError, match="'S9' is none of the columns"):
        InterventionResponseDisplay.from_model(pathway, [Intervention(scale={"k1": 2.0})], species=["S9"])
    with pytest.raises(TypeError, match="Wrap it in a list"):
        InterventionResponseDisplay.from_model(pathway, [Intervention(scale={"k1": 2.0})], species="S1")


def test_control_coefficients_and_what_is_exactly_zero(pathway):
    display = ControlCoefficientDisplay.from_model(pathway, kind="concentration").plot()
    pd.testing.assert_frame_equal(display.table, control_coefficients(pathway))
    assert numbers(display.ax_)[:3] == ["1.00", "−0.75", "−0.25"]
    assert display.ax_.get_xlabel() == "reaction changed"
    table = pd.DataFrame([[0.0, -1e-9], [np.nan, 1.0]])
    assert numbers(ControlCoefficientDisplay.from_coefficients(table).plot().ax_) == ["0", "0.00", "1.00"]
    with pytest.raises(ValueError, match="coefficients is a ndarray"):
        ControlCoefficientDisplay.from_coefficients(np.eye(2))


def test_large_tables_have_neither_numbers_nor_names():
    display = ControlCoefficientDisplay(pd.DataFrame(np.eye(70))).plot()
    assert not numbers(display.ax_)
    width, height = display.figure_.get_size_inches()
    assert width <= 14.0
    assert height <= 12.0


def test_doses_are_steady_states_and_gaps_are_marked(pathway):
    display = DoseResponseDisplay.from_model(pathway, "k4", [3.0, 0.0, 6.0], outputs=["S2"]).plot()
    assert display.responses.index.tolist() == [0.0, 3.0, 6.0]
    assert display.responses["S2"].tolist() == pytest.approx([np.nan, 2.0, 1.0], nan_ok=True)
    assert not display.log
    labels = [line.get_label() for line in display.ax_.lines]
    assert labels == ["S2", "no steady state"]
    assert display.ax_.lines[1].get_xdata().tolist() == [0.0]
    wide = DoseResponseDisplay.from_model(pathway, "k4", np.geomspace(0.1, 10.0, 5)).plot()
    assert wide.log
    assert wide.ax_.get_xscale() == "log"
    assert "2" in [tick.get_text() for tick in wide.ax_.get_xticklabels()]


def test_bands_are_quantiles_over_the_sets(pathway):
    sets = pd.DataFrame({"k1": [3.0, 6.0, 9.0, 12.0, 15.0]})
    times = [0.0, 1.0, 50.0]
    display = TrajectoryBandDisplay.from_model(pathway, sets, times, outputs=["S2"], coverage=0.5).plot()
    band = display.bands["S2"]
    assert band.loc[50.0].tolist() == pytest.approx([2.0, 3.0, 4.0], rel=1e-5)
    assert display.n_sets == 5
    assert "50 % of 5 sets" in display.ax_.get_title()
    trajectories = simulate_many(pathway, sets, times)
    assert sorted(TrajectoryBandDisplay.from_trajectories(trajectories).bands) == ["S1", "S2"]
    for coverage in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match=f"coverage={coverage}"):
            TrajectoryBandDisplay.from_trajectories(trajectories, coverage=coverage)
    with pytest.raises(ValueError, match="without the column groups"):
        TrajectoryBandDisplay.from_trajectories(sets)


def test_displays_draw_on_given_axes(pathway):
    import matplotlib.pyplot as plt

    ax = plt.subplots()[1]
    assert ControlCoefficientDisplay.from_model(pathway).plot(ax=ax).ax_ is ax
