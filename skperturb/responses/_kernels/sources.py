"""Where kernels come from: something that computes blocks of them when they are asked for.

A screen of ten thousand genes has a dozen kernels of ten thousand rows, 800 MB each. None of them is needed as a whole:
weights are chosen on a few hundred rows, and the solution needs their weighted sum, which is added up block by block.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

__all__ = ["ArrayKernels", "FeatureKernels", "KernelSource", "WithSquaredSum", "weighted_diagonal", "weighted_sum"]

#: Rows that are added to a weighted sum at once: bounds the memory beside the sum (16 MB for 8,000 columns).
_BLOCK = 256
#: Rows of a task for another process: less would cost more to send than to compute.
_TASK = 8 * _BLOCK
#: Name of the square of a sum.
_SQUARED = "squared sum"


class KernelSource(Protocol):
    """Named kernels between items; a further factor, such as cell lines, is another source."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others, shape (n_rows, n_columns)."""

    def blocks(self, rows: np.ndarray, columns: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the blocks of all kernels, in their order."""
        return (self.block(name, rows, columns) for name in self.names)

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves, shape (n_rows,)."""


class ArrayKernels(KernelSource):
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


class FeatureKernels(KernelSource):
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


class WithSquaredSum(KernelSource):
    r"""Kernels, and as one more of them the square of their weighted sum, :math:`(\sum_k w_k K_k(i, j))^2`.

    That is the sum of all products of two kernels, which are kernels, too: items that several kernels find similar are
    close in it, items that one does are not. Only the weights are kept; a block is squared when it is asked for.

    Parameters
    ----------
    source : KernelSource
    weights : ndarray of shape (n_kernels,)
        Zero for kernels that are left out of the sum.
    items : ndarray of int, shape (n_items,)
        Items on whose diagonal the square is one, on average.

    Attributes
    ----------
    squared : str
        Name of the square.
    """

    def __init__(self, source: KernelSource, weights: np.ndarray, items: np.ndarray) -> None:
        self._source = source
        self._weights = {name: float(w) for name, w in zip(source.names, weights, strict=True) if w > 0}
        self.squared = _SQUARED
        while self.squared in source.names:
            self.squared += "'"
        size = np.sqrt(np.mean(self.diagonal(self.squared, items)))
        self._weights = {name: weight / size for name, weight in self._weights.items()}

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels, that of the square last."""
        return [*self._source.names, self.squared]

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others."""
        if name != self.squared:
            return self._source.block(name, rows, columns)
        return deque(self.blocks(rows, columns), maxlen=1)[0]

    def blocks(self, rows: np.ndarray, columns: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the blocks of all kernels, in their order; the square is made of those before it."""
        total = np.zeros((len(rows), len(columns)))
        for name in self._source.names:
            block = self._source.block(name, rows, columns)
            if name in self._weights:
                total += self._weights[name] * block
            yield block
        yield np.square(total, out=total)

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves."""
        if name != self.squared:
            return self._source.diagonal(name, rows)
        total = np.zeros(len(rows))
        for part, weight in self._weights.items():
            total += weight * self._source.diagonal(part, rows)
        return total**2


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


def weighted_diagonal(source: KernelSource, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Add up the kernels of some items with themselves.

    Parameters
    ----------
    source : KernelSource
    weights : ndarray of shape (n_kernels,)
    rows : ndarray of int
        Items.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    terms = (weight * source.diagonal(name, rows) for name, weight in zip(source.names, weights, strict=True))
    return sum(terms, np.zeros(len(rows)))


def _sum_rows(source: KernelSource, weights: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    total = np.zeros((len(rows), len(columns)))
    for start in range(0, len(rows), _BLOCK):
        part = total[start : start + _BLOCK]
        for weight, block in zip(weights, source.blocks(rows[start : start + _BLOCK], columns), strict=True):
            part += weight * block
    return total
