"""Simulated screens."""

import numpy as np
import pytest

from skperturb.datasets import make_perturbation_screen
from skperturb.responses import pseudobulk


def test_shape_and_seed():
    first, second = (make_perturbation_screen(30, n_perturbed=6, n_doubles=5, n_cells=4, random_state=3) for _ in "ab")
    assert first.shape == (40 + 11 * 4, 30)
    np.testing.assert_array_equal(first.X.toarray(), second.X.toarray())
    assert (first.X.toarray() >= 0).all()
    assert {"gene_a", "gene_b"} == set(first.uns["graph"].columns)


def test_interaction_zero_is_additive():
    for interaction, additive in ((0.0, True), (2.0, False)):
        response = make_perturbation_screen(interaction=interaction, n_cells=1, random_state=0).uns["response"]
        gaps = [
            np.abs(response.loc[name] - response.loc[name.split("+")].sum()).max()
            for name in response.index
            if "+" in name
        ]
        assert bool(max(gaps) < 1e-12) is additive


def test_pseudobulk_recovers_the_response():
    cells = make_perturbation_screen(50, n_perturbed=5, n_doubles=4, n_cells=400, noise=0.1, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control")
    truth = cells.uns["response"].loc[bulk.target.index]
    high = bulk.control_mean.to_numpy() > 2.0
    assert np.abs((bulk.target - truth).to_numpy()[:, high]).mean() < 0.05


@pytest.mark.parametrize(
    ("params", "message"),
    [({"n_perturbed": 300}, "n_perturbed=300"), ({"n_doubles": 10**6}, "at most 435"), ({"noise": -1}, "noise")],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        make_perturbation_screen(**params)
