"""Kernels from tables and graphs of genes."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses._kernels import gene_kernels as module
from skperturb.responses._kernels.gene_kernels import gene_kernels


def test_rows_that_a_table_of_values_lacks_are_predicted_from_the_other_tables(gene_table):
    """Profiles of half of the genes; groups say which other genes are like them."""
    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 60, 6)
    profiles = rng.normal(size=(6, 5))[groups] + 0.1 * rng.normal(size=(60, 5))
    measured = pd.DataFrame(profiles, index=table.index).iloc[np.arange(60) % 12 < 6]
    kernels = gene_kernels({"groups": table, "profiles": measured}, None, list(table.index))
    absent = ~table.index.isin(measured.index)
    found = kernels.block("profiles", np.arange(60), np.arange(60))
    same = groups[:, None] == groups[None, :]
    assert found[absent][:, absent][same[absent][:, absent]].min() > 0.2
    np.testing.assert_allclose(
        np.corrcoef(found[absent].ravel(), (profiles @ profiles.T)[absent].ravel())[0, 1], 1, atol=0.1
    )
    # Nothing is known about rows without any other information.
    with pytest.warns(UserWarning, match="30 of 60 perturbed genes"):
        alone = gene_kernels({"profiles": measured}, None, list(table.index))
    assert (alone.diagonal("profiles", np.flatnonzero(absent)) == 0).all()


def test_rows_are_predicted_from_their_neighbors_in_a_large_table(gene_table, monkeypatch):
    """A hundred groups of five, and room for forty rows: an even subset has no row of most groups."""
    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 500, 100)
    profiles = rng.normal(size=(100, 8))[groups]
    # The perturbed genes: one of each of twenty groups, whose profile is not there.
    absent = np.arange(0, 100, 5)
    measured = pd.DataFrame(profiles, index=table.index).drop(index=table.index[absent])
    monkeypatch.setattr(module, "_MAX_ROWS", 40)
    kernels = gene_kernels({"groups": table, "profiles": measured}, None, list(table.index[absent]))
    found, everything = kernels.block("profiles", np.arange(20), np.arange(20)), profiles[absent] @ profiles[absent].T
    assert np.corrcoef(found.ravel(), everything.ravel())[0, 1] > 0.95
    # Penalties are chosen by rows that have neighbors: not the largest, which halves a group of two.
    assert np.mean(np.diag(found)) > 0.7
