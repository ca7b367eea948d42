"""From real single cells to unseen pairs."""

import numpy as np
import pytest

from skperturb.datasets import fetch_norman2019_cells
from skperturb.responses import AdditiveRegressor, APPRegressor, PerturbationEncoder, pseudobulk


@pytest.mark.real_data
def test_pairs_of_the_mirrored_cells(data_home):
    """Leave one of 15 pairs out; 7 of them hold a gene that is seen nowhere else."""
    cells = fetch_norman2019_cells(data_home)
    bulk = pseudobulk(cells[cells.obs["dataset"] == "norman19"], "perturbation", "control", chunk_size=1000)
    X, y = PerturbationEncoder().fit_transform(bulk.data), bulk.target.to_numpy()
    error = {}
    for model in (AdditiveRegressor(), APPRegressor(n_models=2, max_epochs=5, random_state=0)):
        errors = []
        for pair in np.flatnonzero((X != 0).sum(axis=1) == 2):
            rest = np.delete(np.arange(len(X)), pair)
            errors.append(np.linalg.norm(model.fit(X[rest], y[rest]).predict(X[[pair]]) - y[pair]))
        error[type(model).__name__] = np.mean(errors)
    assert error["APPRegressor"] < error["AdditiveRegressor"] < 1.35
