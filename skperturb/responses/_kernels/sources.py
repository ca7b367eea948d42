"""Where kernels come from: something that computes blocks of them when they are asked for.

A screen of ten thousand genes has a dozen kernels of ten thousand rows, 800 MB each. None of them is needed as a whole:
weights are chosen on a few hundred rows, and the solution needs their weighted sum, which is added up block by block.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

__all__ = ["ArrayKernels", "FeatureKernels", "KernelSource", "weighted_sum"]

#: Rows that are added to a weighted sum at once: bounds the memory beside the sum (16 MB for 8,000 columns).
_BLOCK = 256
#: Rows of a task for another process: less would cost more to send than to compute.
_TASK = 8 * _BLOCK


class KernelSource(Protocol):
    """Named kernels between items; a further factor, such as cell lines, is another source."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others, shape (n_rows, n_columns)."""

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves, shape (n_rows,)."""


class ArrayKernels:
    """Kernels that are there as matrices.

    Parameters
    ----------
    kernels : dict of str to ndarray of shape (n_items, n_items)
    """

    def __init__(self, kernels: Mapping[str, np.ndarray]) -> None:
        self._kernels = dict(kernels)

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""
        return list(self._kernels)

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others."""
        return self._kernels[name][np.ix_(rows, columns)]

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves."""
        return np.diag(self._kernels[name])[rows]


class FeatureKernels:
    """Kernels that are inner products of features.

    Parameters
    ----------
    features : dict of str to csr_array or ndarray of shape (n_items, n_features)
    scales : dict of str to float, default=None
        What the kernels are divided by.

    Attributes
    ----------
    features : dict
    """

    def __init__(self, features: Mapping[str, Any], scales: Mapping[str, float] | None = None) -> None:
        self.features = dict(features)
        self._scales = dict(scales or {})

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""
        return list(self.features)

    def scaled(self, scales: Mapping[str, float]) -> "FeatureKernels":
        """Return the kernels that `scales` names, divided by it."""
        return FeatureKernels({name: self.features[name] for name in scales}, scales)

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others."""
        features = self.features[name]
        found = features[rows] @ features[columns].T
        dense = found if isinstance(found, np.ndarray) else found.toarray()
        return dense / self._scales.get(name, 1.0)

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves."""
        features = self.features[name][rows]
        squares = (features**2).sum(axis=1) if isinstance(features, np.ndarray) else features.power(2).sum(axis=1)
        return np.asarray(squares).ravel() / self._scales.get(name, 1.0)


def weighted_sum(source: KernelSource, weights: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Add up the kernels between some items and others, block by block.

    Many rows are shared between the workers that ``joblib.parallel_config`` names, such as those of a Dask cluster. The
    blocks are the same, so the sum is the same to the last bit.

    Parameters
    ----------
    source : KernelSource
    weights : ndarray of shape (n_kernels,)
    rows, columns : ndarray of int
        Items.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    if len(rows) > _TASK and effective_n_jobs(None) > 1:
        parts = [rows[start : start + _TASK] for start in range(0, len(rows), _TASK)]
        return np.vstack(Parallel()(delayed(_sum_rows)(source, weights, part, columns) for part in parts))
    return _sum_rows(source, weights, rows, columns)


def _sum_rows(source: KernelSource, weights: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    total = np.zeros((len(rows), len(columns)))
    for start in range(0, len(rows), _BLOCK):
        part = total[start : start + _BLOCK]
        for name, weight in zip(source.names, weights, strict=True):
            part += weight * source.block(name, rows[start : start + _BLOCK], columns)
    return total
