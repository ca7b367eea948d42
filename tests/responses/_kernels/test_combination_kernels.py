"""Kernels between combinations: that they are kernels, and their summary by hand."""

import numpy as np

from skperturb.responses._kernels.combination_kernels import CombinationKernels
from skperturb.responses._kernels.sources import FeatureKernels


def test_kernels_of_combinations_are_kernels(dominance):
    """Symmetric and positive semidefinite, and of one row with itself what `diagonals` says."""
    X, _, effects = dominance(n_pairs=40)
    elsewhere = FeatureKernels({"elsewhere": np.random.default_rng(0).normal(size=(14, 30))})
    kernels = CombinationKernels(X, effects, elsewhere)
    diagonals = kernels.diagonals(X)
    for (name, kernel), diagonal in zip(kernels(X).items(), diagonals, strict=True):
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-12, err_msg=name)
        assert np.linalg.eigvalsh(kernel).min() > -1e-9 * np.trace(kernel), name
        np.testing.assert_allclose(np.diag(kernel), diagonal, rtol=1e-9, err_msg=name)


def test_summary_of_combinations_by_hand():
    effects = np.array([[3.0, 0.0], [0.0, 4.0], [6.0, 0.0]])
    kernels = CombinationKernels(np.array([[1.0, 1, 0], [1, 0, 1], [0, 1, 1]]), effects)
    summary = kernels._summary(np.array([[1.0, 1, 0], [1, 0, 1], [2, 0, 0]]))
    # Cosines 0 and 1, and none of one gene; sizes 5, 9, 6; shares (9 + 16) / 49, (9 + 36) / 81, 1.
    np.testing.assert_allclose(summary[:, 0], [0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(summary[:, 1], np.log([5.0, 9.0, 6.0]), atol=1e-5)
    np.testing.assert_allclose(summary[:, 2], [25 / 49, 45 / 81, 1.0])
