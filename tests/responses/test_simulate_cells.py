"""Counts drawn from predicted means."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import simulate_cells

MEAN = pd.DataFrame(
    [[0.0, 0.02, 0.5, 1.5, 4.0], [0.1, 0.3, 2.0, -0.5, 6.0]], index=["control", "KLF1"], columns=list("abcde")
)


@pytest.mark.parametrize(("library_size", "dispersion"), [(1e4, 0.0), (1e4, 0.7), (3e3, 0.3), (5e4, 2.0)])
def test_means_of_logarithms_are_the_given_ones(library_size, dispersion):
    cells = simulate_cells(MEAN, 20_000, library_size=library_size, dispersion=dispersion, random_state=0)
    logarithms = np.log1p(cells.X.toarray() * 1e4 / library_size)
    for name in MEAN.index:
        chosen = logarithms[(cells.obs["perturbation"] == name).to_numpy()]
        error = chosen.std(axis=0) / np.sqrt(len(chosen))
        expected = np.maximum(MEAN.loc[name], 0.0)
        # Five standard errors, and what is lost between the points of the table of means.
        assert (np.abs(chosen.mean(axis=0) - expected) <= 5 * error + 2e-3).all()


def test_distribution():
    counts = simulate_cells(MEAN.iloc[:1], 20_000, random_state=0).X.toarray()[:, 4]
    assert counts.var() == pytest.approx(counts.mean(), rel=0.05)
    counts = simulate_cells(MEAN.iloc[:1], 20_000, dispersion=0.5, random_state=0).X.toarray()[:, 4]
    assert counts.var() == pytest.approx(counts.mean() + 0.5 * counts.mean() ** 2, rel=0.1)


def test_names_numbers_and_seed():
    cells = simulate_cells(MEAN, [2, 3], groupby="guide", random_state=1)
    assert list(cells.obs["guide"]) == ["control"] * 2 + ["KLF1"] * 3
    assert list(cells.var_names) == list("abcde")
    assert cells.X.dtype == np.int64
    assert (cells.X != simulate_cells(MEAN, [2, 3], groupby="guide", random_state=1).X).nnz == 0
    assert (cells.X != simulate_cells(MEAN, [2, 3], groupby="guide", random_state=2).X).nnz > 0
    pairs = MEAN.set_axis(pd.MultiIndex.from_tuples([("A", "x"), ("A", "y")]))
    assert list(simulate_cells(pairs, 1, random_state=0).obs["perturbation"]) == ["A_x", "A_y"]


def test_refusals():
    with pytest.raises(TypeError, match="mean is a ndarray"):
        simulate_cells(MEAN.to_numpy())
    with pytest.raises(ValueError, match="NaN"):
        simulate_cells(MEAN * np.nan)
    with pytest.raises(ValueError, match="each of 2 conditions"):
        simulate_cells(MEAN, [1, 2, 3])
    with pytest.raises(ValueError, match="each of 2 conditions"):
        simulate_cells(MEAN, [1, 0])
