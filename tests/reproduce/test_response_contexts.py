"""The table of new lines and new genes."""

import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import make_perturbation_screen
from skperturb.reproduce._response_contexts import (
    load_cells,
    mirrored_lines,
    report_contexts,
    reproduce_contexts,
    simulated_screens,
)


@pytest.fixture(scope="module")
def rows():
    return [row for screen in simulated_screens(2, (3, 5)) for row in reproduce_contexts(screen, n_folds=2)]


def _gain(rows, task):
    """Error relative to the mean of the other lines, one row for each screen."""
    frame = pd.DataFrame(rows)
    errors = frame[frame["task"] == task].pivot_table(index=["dataset", "repeat"], columns="model", values="l2")
    return errors.div(errors["mean of other lines"], axis=0) - 1


def test_the_model_is_below_the_means_on_simulated_screens(rows):
    """Measured on five screens each, with features of the lines: -6.6 % (3 lines), -12.4 % (5), -20.1 % (10)."""
    gain = _gain(rows, "new line")
    assert len(gain) == 4
    # Without features nothing but shrinkage can be gained, and the less the more lines there are.
    assert (gain["kernel"] < 0).all()
    assert (gain["kernel with line features"] < -0.02).all()
    for task, at_most in (("new gene", -0.1), ("both new", -0.05)):
        assert (_gain(rows, task)[["kernel", "kernel with line features"]] < at_most).all(axis=None)


def test_ten_lines():
    (screen,) = simulated_screens(1, [10])
    rows = reproduce_contexts(screen, tasks=["new line"])
    gain = _gain(rows, "new line")
    assert gain["kernel with line features"].item() < -0.15 < gain["kernel"].item() < 0


def test_intervals_cover_what_is_measured(rows):
    frame = pd.DataFrame(rows).dropna(subset=["coverage"])
    assert 0.92 < frame["coverage"].mean() < 0.97
    assert frame.groupby(["task", "dataset"])["coverage"].mean().between(0.9, 0.98).all()


def test_report(rows):
    text = report_contexts(rows)
    assert text.count("2 screens") == 6
    assert "simulated, 5 lines, both new" in text
    assert "nan" not in text


def test_no_score_where_a_replicate_is_no_better_than_the_baseline(rows):
    """A replicate has the noise twice, a mean only once."""
    frame = pd.DataFrame(rows)
    far, near = (report_contexts(frame.assign(replicate_l2=size).to_dict("records")) for size in (100.0, 0.0))
    scores = [[line.split()[-3] for line in text.splitlines() if line.startswith("no change")] for text in (far, near)]
    assert scores[0] == ["-"] * 6
    assert "-" not in scores[1]


def test_unknown_models_are_refused():
    screen = next(iter(simulated_screens(1)))
    with pytest.raises(ValueError, match="models names 'transformer'"):
        reproduce_contexts(screen, models="transformer")
    assert {row["model"] for row in reproduce_contexts(screen, models="no change", n_folds=2)} == {
        "no change",
        "mean of other lines",
    }


def test_own_cells_from_the_command_line(tmp_path, capsys):
    cells = make_perturbation_screen(20, n_perturbed=6, n_doubles=3, n_cells=4, n_contexts=2, random_state=0)
    screen = load_cells(cells, "perturbation", "control", "cell_line", name="own")
    assert list(screen.X.columns[-2:]) == ["cell_line=line0", "cell_line=line1"]
    del cells.uns["response"]
    cells.write_h5ad(tmp_path / "own.h5ad")
    arguments = ["reproduce", "responses", "--h5ad", str(tmp_path / "own.h5ad"), "--task", "context"]
    assert main([*arguments, "--contexts", "cell_line", "--repeats", "2"]) == 0
    assert "own, new line: 18 conditions" in capsys.readouterr().out


@pytest.mark.real_data
def test_new_glioblastoma_line(data_home):
    """Nine kinases in three lines: 2.080 against 2.525, -17.6 % [-19.6, -15.5]."""
    gain = _gain(reproduce_contexts(mirrored_lines(data_home)), "new line")
    assert gain["kernel"].item() < -0.15
    assert np.isclose(gain["kernel"].item(), -0.176, atol=0.01)
