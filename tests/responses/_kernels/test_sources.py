"""Kernels that are computed block by block."""

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

from skperturb.responses._kernels import sources
from skperturb.responses._kernels.sources import ArrayKernels, FeatureKernels, WithSquaredSum, weighted_sum


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    dense, sparse = rng.normal(size=(9, 4)), rng.normal(size=(9, 6)) * (rng.random((9, 6)) < 0.3)
    return {"dense": dense, "sparse": sp.csr_array(sparse)}, {"dense": dense @ dense.T, "sparse": sparse @ sparse.T}


def test_blocks_diagonals_and_scales(features):
    given, whole = features
    source = FeatureKernels(given).scaled({"dense": 2.0, "sparse": 0.5})
    rows, columns = np.array([4, 0, 7]), np.array([1, 4])
    for name, scale in (("dense", 2.0), ("sparse", 0.5)):
        block = source.block(name, rows, columns)
        np.testing.assert_allclose(block, whole[name][np.ix_(rows, columns)] / scale, atol=1e-12)
        np.testing.assert_allclose(source.diagonal(name, rows), np.diag(whole[name])[rows] / scale, atol=1e-12)


@pytest.mark.parametrize("block", [2, 256])
def test_weighted_sum_is_that_of_the_matrices(block, features, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", block)
    given, whole = features
    rows, columns, weights = np.array([8, 0, 3, 2, 5]), np.arange(9), np.array([0.5, 3.0])
    expected = (0.5 * whole["dense"] + 3.0 * whole["sparse"])[rows]
    for source in (FeatureKernels(given), ArrayKernels(whole)):
        np.testing.assert_allclose(weighted_sum(source, weights, rows, columns), expected, atol=1e-12)


def test_square_of_a_sum_is_one_more_kernel(features, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 2)
    given, whole = features
    everything, items = np.arange(9), np.array([1, 4, 8])
    square = (0.5 * whole["dense"] + 3.0 * whole["sparse"]) ** 2
    square /= np.diag(square)[items].mean()
    given, whole = ({"squared sum": part["dense"] * 0 + 1, **part} for part in (given, whole))
    whole["squared sum"] = np.full((9, 9), 4.0)
    squared = WithSquaredSum(FeatureKernels(given), np.array([0.0, 0.5, 3.0]), items)
    assert squared.names == ["squared sum", "dense", "sparse", "squared sum'"]
    np.testing.assert_allclose(squared.block(squared.names[-1], everything, items), square[:, items], atol=1e-12)
    np.testing.assert_allclose(squared.diagonal(squared.names[-1], items), np.diag(square)[items], atol=1e-12)
    total = weighted_sum(squared, np.array([1.0, 2.0, 3.0, 4.0]), everything, items)
    expected = whole["squared sum"] + 2 * whole["dense"] + 3 * whole["sparse"] + 4 * square
    np.testing.assert_allclose(total, expected[:, items], atol=1e-12)


def test_tasks_of_workers_give_the_same_sum(features, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 2)
    monkeypatch.setattr(sources, "_TASK", 4)
    source, weights, items = FeatureKernels(features[0]), np.array([0.3, 0.7]), np.arange(9)
    here = weighted_sum(source, weights, items, items[:5])
    calls = []
    original = sources._sum_rows
    monkeypatch.setattr(sources, "_sum_rows", lambda *given: calls.append(len(given[2])) or original(*given))
    with joblib.parallel_config(backend="threading", n_jobs=2):
        there = weighted_sum(source, weights, items, items[:5])
    assert sorted(calls) == [1, 4, 4]
    np.testing.assert_array_equal(here, there)
