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


@pytest.mark.parametrize("interaction", [0.5, 2.0])
def test_response_saturates_with_the_size_of_the_push(interaction):
    linear, bent = (
        make_perturbation_screen(60, interaction=k, n_cells=1, random_state=0).uns["response"]
        for k in (0.0, interaction)
    )
    changed = linear.abs() > 1e-9
    # y = u W / (1 + κ s): one factor for all genes of a condition, and the sizes s of the singles have the mean 1.
    excess = (linear / bent - 1).where(changed)
    assert (excess.max(axis=1) - excess.min(axis=1)).max() < 1e-9
    size = excess.mean(axis=1) / interaction
    single = ~size.index.str.contains("+", regex=False)
    assert size[single].mean() == pytest.approx(1)
    assert (size > 0).all()


def test_cells_scatter_about_the_response_as_asked():
    cells = make_perturbation_screen(80, n_perturbed=6, n_doubles=4, n_cells=60, noise=0.1, random_state=0)
    values, labels = cells.X.toarray(), cells.obs["perturbation"]
    assert (labels == "control").sum() == 600
    for label in ("control", *cells.uns["response"].index):
        own = values[labels == label]
        uncut = own.min(axis=0) > 0
        assert own[:, uncut].std(axis=0, ddof=1).mean() == pytest.approx(0.1, rel=0.05)


def test_network_links_its_modules():
    n_genes, n_programs = 400, 8
    graph = make_perturbation_screen(n_genes, n_cells=1, n_programs=n_programs, random_state=0).uns["graph"]
    first, second = (graph[column].str.removeprefix("gene").astype(int) for column in ("gene_a", "gene_b"))
    inside = (first % n_programs == second % n_programs).sum() * 2 / n_genes
    across = (first % n_programs != second % n_programs).sum() * 2 / n_genes
    # About six partners in the module, and one across it for every second gene.
    assert 5 < inside < 7.5
    assert 0.3 < across < 0.6


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


def test_one_context_is_the_screen_without():
    first, second = (
        make_perturbation_screen(20, n_perturbed=4, n_doubles=2, n_cells=3, random_state=1, **options)
        for options in ({}, {"n_contexts": 1, "context_effect": 3.0})
    )
    np.testing.assert_array_equal(first.X.toarray(), second.X.toarray())
    assert list(second.obs.columns) == ["perturbation"]


def test_contexts_share_what_they_share():
    def responses(**options):
        cells = make_perturbation_screen(
            40, n_perturbed=12, n_doubles=0, n_cells=2, n_contexts=3, interaction=0.0, random_state=0, **options
        )
        return cells, np.stack([table.to_numpy() for table in cells.uns["response"].values()])

    cells, alike = responses(context_effect=0.0)
    np.testing.assert_allclose(alike, alike[:1].repeat(3, axis=0))
    assert cells.obs.groupby("cell_line", observed=True)["perturbation"].nunique().tolist() == [13] * 3
    assert cells.uns["context_features"].shape == (3, 3)
    # The particular part grows with its size, and the shared part is the same.
    small, large = (responses(context_effect=size)[1] for size in (0.5, 1.0))
    np.testing.assert_allclose(large - alike, 2 * (small - alike), atol=1e-12)
