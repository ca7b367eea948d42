"""Simulated networks hold what they promise; E. coli is read as it is."""

import numpy as np
import pytest

from skperturb.datasets import DownloadError, fetch_ecoli_interactions, make_gene_network


def mean_correlations(network):
    correlation = np.corrcoef(network.expression.to_numpy())
    same = network.modules.to_numpy()[:, None] == network.modules.to_numpy()[None, :]
    off = ~np.eye(len(same), dtype=bool)
    return correlation[same & off].mean(), correlation[~same].mean()


@pytest.mark.parametrize("signal", [0.0, 0.4, 0.8])
def test_expression_correlates_as_asked(signal):
    network = make_gene_network(200, 10, n_samples=400, expression_signal=signal, random_state=0)
    within, between = mean_correlations(network)
    assert within == pytest.approx(signal, abs=0.05)
    assert between == pytest.approx(0.0, abs=0.05)


def test_interactions_prefer_modules_and_popular_genes():
    network = make_gene_network(200, 5, n_interactions=800, within=0.75, degree_exponent=1.0, random_state=0)
    modules = network.modules
    inside = modules[network.pairs[:, 0]].to_numpy() == modules[network.pairs[:, 1]].to_numpy()
    assert inside.mean() == 0.75
    assert len({frozenset(pair) for pair in network.pairs.tolist()}) == 800
    _, degrees = np.unique(network.pairs, return_counts=True)
    assert degrees.max() > 4 * np.median(degrees)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_degrees_follow_the_popularity(exponent):
    network = make_gene_network(300, 1, n_interactions=1500, within=1.0, degree_exponent=exponent, random_state=0)
    _, degrees = np.unique(network.pairs, return_counts=True)
    popularity = np.arange(1, 301) ** -exponent
    # Two ends of each edge; few enough that drawing without replacement hardly matters. Sorted as the degrees are.
    expected = 3000 * popularity / popularity.sum()
    drawn = np.random.default_rng(0).poisson(expected, (200, 300))
    top = np.sort(drawn, axis=1)[:, -30:].sum(axis=1).mean()
    assert np.sort(degrees)[-30:].sum() == pytest.approx(top, rel=0.08)


def test_five_interactions_for_each_gene():
    network = make_gene_network(120, 4, random_state=0)
    assert len(network.pairs) == 600
    assert list(network.genes[[0, 9, 119]]) == ["gene001", "gene010", "gene120"]


def test_seed_and_refusals():
    first, second = (make_gene_network(30, 3, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(first.pairs, second.pairs)
    np.testing.assert_array_equal(first.expression, second.expression)
    with pytest.raises(ValueError, match="asks for 160 pairs inside modules, but there are 57"):
        make_gene_network(20, 3, n_interactions=200)
    with pytest.raises(ValueError, match="'within' parameter"):
        make_gene_network(20, 3, within=2.0)


def test_ecoli_without_data_home(tmp_path):
    with pytest.raises(DownloadError, match="SKPERTURB_DATA"):
        fetch_ecoli_interactions(data_home=tmp_path)


@pytest.mark.real_data
def test_ecoli(data_home):
    data = fetch_ecoli_interactions(data_home=data_home)
    assert data.pairs.shape == (147476, 2)
    assert len(data.genes) == len(set(data.genes)) == 4511
    assert set(data.pairs.ravel()) <= set(data.genes)
    assert data.expression.shape == (3661, 278)
    np.testing.assert_allclose(data.expression.mean(axis=1), 0, atol=1e-3)
    assert data.operons.columns.tolist() == ["operon", "gene"]
    assert data.operons["operon"].nunique() > 500


@pytest.mark.parametrize("listed", [4000, 10])
def test_interfaces_join_modules_in_pairs(listed, monkeypatch):
    from skperturb.datasets import _make_gene_network

    monkeypatch.setattr(_make_gene_network, "_LISTED", listed)
    network = make_gene_network(150, 5, n_interactions=600, structure="interfaces", within=0.8, random_state=0)
    first, second = (network.modules[network.pairs[:, side]].to_numpy() for side in (0, 1))
    # Modules 0 and 1, 2 and 3 belong together, and the last one of an odd number to itself.
    mates = np.array([1, 0, 3, 2, 4])
    assert (mates[first] == second).mean() == 0.8
    assert len({frozenset(pair) for pair in network.pairs.tolist()}) == 600


@pytest.mark.parametrize("structure", ["modules", "interfaces"])
def test_large_networks_are_drawn_like_small_ones(structure, monkeypatch):
    from skperturb.datasets import _make_gene_network

    counts = []
    for listed in (4000, 10):
        monkeypatch.setattr(_make_gene_network, "_LISTED", listed)
        found = np.zeros((4, 4))
        for seed in range(300):
            network = make_gene_network(24, 4, n_interactions=30, structure=structure, random_state=seed)
            assert (network.pairs[:, 0] != network.pairs[:, 1]).all()
            np.add.at(found, tuple(network.modules[network.pairs.ravel()].to_numpy().reshape(-1, 2).T), 1)
        counts.append(found + found.T)
    # 9,000 pairs in 16 cells: five standard errors of the difference of two counts of about 500.
    assert np.abs(counts[0] - counts[1]).max() < 5 * np.sqrt(2 * counts[0].max())


def test_too_dense_for_draws(monkeypatch):
    from skperturb.datasets import _make_gene_network

    monkeypatch.setattr(_make_gene_network, "_LISTED", 10)
    with pytest.raises(ValueError, match="rounds of draws only"):
        make_gene_network(24, 4, n_interactions=200, within=0.9, random_state=0)
