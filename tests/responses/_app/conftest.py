"""A simulated screen for the networks."""

import pytest

from skperturb.datasets import make_perturbation_screen
from skperturb.responses import PerturbationEncoder, pseudobulk


@pytest.fixture(scope="package")
def screen():
    cells = make_perturbation_screen(40, n_perturbed=12, n_doubles=40, n_cells=20, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control")
    X = PerturbationEncoder().set_output(transform="pandas").fit_transform(bulk.data).set_axis(bulk.target.index)
    return X, bulk.target, cells.uns["graph"]
