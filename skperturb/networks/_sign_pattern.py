"""The sign pattern of a Jacobian: all that the topology-only predictors see."""

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from skperturb._validation import NetworkRecord

__all__ = ["Matrix", "sign_pattern", "symmetrized"]

Matrix: TypeAlias = "np.ndarray | sp.csr_array"


def sign_pattern(record: NetworkRecord, *, signed: bool) -> Matrix:
    """Return sign(A), or |sign(A)|, in the storage of the network."""
    if not isinstance(record.matrix, np.ndarray):
        data = np.sign(record.matrix.data) if signed else np.ones_like(record.matrix.data)
        return sp.csr_array((data, record.matrix.indices, record.matrix.indptr), shape=record.matrix.shape)
    return np.sign(record.matrix) if signed else (record.matrix != 0).astype(np.float64)


def symmetrized(record: NetworkRecord, *, binary: bool = False) -> Matrix:
    """Return |sign(A)| + |sign(A)|ᵀ, whose entries are 0, 1 or 2; with `binary`, 2 becomes 1."""
    pattern = sign_pattern(record, signed=False)
    total = pattern + pattern.T
    if isinstance(total, np.ndarray):
        return np.minimum(total, 1) if binary else total
    total = sp.csr_array(total)
    if binary:
        total.data[:] = 1
    return total
