"""Prediction by network propagation."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from skperturb._sklearn import Interval
from skperturb._validation import NetworkRecord
from skperturb.base import BaseEstimator
from skperturb.networks._predictor import NetworkPredictorMixin
from skperturb.networks._sign_pattern import Matrix, sign_pattern, symmetrized

__all__ = ["DynamoPropagation", "propagation"]

# Part of the largest entry of its column up to which an entry is what rounding leaves of paths that cancel: one unit in
# the last place of the largest. Without it, ranks would order the digits of zeros. A perturbation that halves at every
# step falls below it after 52 steps, at ten times as much after 48; a tenth would keep the rounding of single sums.
_ROUNDING = 2.2e-16

# Nodes from which a sparse factorization is considered: at 200 nodes it takes 1.1 ms against 1.6 ms of dense LAPACK
# (one edge for each node). At a tenth the overhead of a sparse solver decides, 0.3 ms against 0.04 ms; at ten times as
# many the dense one takes 650 ms against 140 ms and quadratic memory.
_SPARSE_NODES = 200

# Edges for each node up to which it is considered: with more the factors fill up. Measured on random, scale-free and
# tree-like graphs of 500 and 2,000 nodes, and again on random ones of 2,000: 140 against 650 ms with one edge, 710
# against 650 ms with two, 1,900 against 640 ms with three. At 0.2 edges networks like trees would lose the factor of
# five, at 20 dense ones would take eight times as long.
_SPARSE_DEGREE = 2


class DynamoPropagation(NetworkPredictorMixin, BaseEstimator):
    r"""Predict a perturbation pattern by propagation over the network.

    The PRINCE propagation [2]_ as used by DYNAMO [1]_. With W the sign pattern of the Jacobian,
    :math:`D_r, D_c` the diagonal matrices of the row and column sums of :math:`|W|`, and 0 in place of
    :math:`0^{-1/2}`,

    .. math::
        W' = D_r^{-1/2} W D_c^{-1/2}, \qquad P = (1 - \alpha) (I - \alpha W')^{-1} .

    Parameters
    ----------
    alpha : float, default=0.9
        Share of the perturbation that each node passes on, in [0, 1).
    directed : bool, default=True
        Whether influence runs along the direction of the edges only; otherwise
        :math:`W = [|\operatorname{sign} A| + |\operatorname{sign} A|^\top > 0]`.
    signed : bool, default=True
        Whether :math:`W = \operatorname{sign}(A)`, so that inhibition turns the sign of the prediction, or
        :math:`W = |\operatorname{sign}(A)|`. It has no effect when `directed` is False, which the paper
        defines without signs.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each in this order; None means every node. A name is looked up
        in labeled networks, an integer is a position from 0 (or a name, where the names are integers).
        A sequence of sequences has one entry per network of `X`. Ignored for empty networks.

    See Also
    --------
    DynamoDistance : Length of the shortest path.
    DynamoFirstNeighbor : Direct influence alone.

    Notes
    -----
    The estimator learns nothing: `predict` works before `fit`. Only the sign pattern of A is used, never the
    kinetic constants behind its magnitudes. Self-loops count. The matrix is factorized once, in sparse form
    where that is faster; the prediction is dense. Since the spectral norm of W' is at most 1, the inverse
    exists for every `alpha` below 1.

    With `sources` only their columns are solved for, to within rounding errors of the last digit.

    References
    ----------
    .. [1] Santolini, M. & Barabási, A.-L. (2018). Predicting perturbation patterns from the topology of
       biological networks. PNAS 115(27), E6375–E6383. doi:10.1073/pnas.1720589115.
    .. [2] Vanunu, O., Magger, O., Ruppin, E., Shlomi, T. & Sharan, R. (2010). Associating genes and protein
       complexes with disease via network propagation. PLoS Computational Biology 6(1), e1000641.
       doi:10.1371/journal.pcbi.1000641.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import DynamoPropagation
    >>> cascade = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, -0.5, 0.0]])
    >>> DynamoPropagation(alpha=0.5).predict([cascade])[0]
    array([[ 0.5  ,  0.   ,  0.   ],
           [ 0.25 ,  0.5  ,  0.   ],
           [-0.125, -0.25 ,  0.5  ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, 1, closed="left")],
        "directed": ["boolean"],
        "signed": ["boolean"],
        "sources": ["array-like", None],
    }

    def __init__(
        self, alpha: float = 0.9, directed: bool = True, signed: bool = True, sources: Sequence[Any] | None = None
    ) -> None:
        self.alpha = alpha
        self.directed = directed
        self.signed = signed
        self.sources = sources

    def _predict_network(self, record: NetworkRecord, columns: np.ndarray | None, detail: None) -> Any:
        directed = self.directed
        weights = sign_pattern(record, signed=self.signed) if directed else symmetrized(record, binary=True)
        values = propagation(weights, self.alpha, columns)
        values[np.abs(values) <= _ROUNDING * np.abs(values).max(axis=0, initial=0.0)] = 0.0
        return record.label(values, columns)


def propagation(weights: Matrix, alpha: float, columns: np.ndarray | None = None) -> np.ndarray:
    """Propagate over a network.

    Parameters
    ----------
    weights : ndarray or csr_array of shape (n_nodes, n_nodes)
        The matrix W, not yet normalized.
    alpha : float
        Share of the perturbation that each node passes on.
    columns : ndarray of int, default=None
        Positions of the sources; None means every node.

    Returns
    -------
    ndarray of shape (n_nodes, n_sources)
        The matrix P of `DynamoPropagation`, or some of its columns.
    """
    return (1 - alpha) * _resolvent(alpha, _normalized(weights), columns)


def _normalized(weights: Matrix) -> Matrix:
    """Divide each entry by the square roots of the absolute sums of its row and its column."""
    magnitudes = abs(weights)
    scales = []
    for axis in (1, 0):
        sums = np.asarray(magnitudes.sum(axis=axis)).ravel()
        scales.append(np.divide(1.0, np.sqrt(sums), out=np.zeros_like(sums), where=sums > 0))
    if isinstance(weights, np.ndarray):
        return scales[0][:, None] * weights * scales[1]
    return sp.csr_array(sp.diags_array(scales[0]) @ weights @ sp.diags_array(scales[1]))


def _resolvent(alpha: float, matrix: Matrix, columns: np.ndarray | None) -> np.ndarray:
    """Return columns of (I − alpha · matrix)^-1."""
    n_nodes = matrix.shape[0]
    if n_nodes == 0:
        return np.empty((0, 0))
    columns = np.arange(n_nodes) if columns is None else columns
    wanted = np.zeros((n_nodes, len(columns)))
    wanted[columns, np.arange(len(columns))] = 1.0
    if _sparse_is_faster(matrix):
        system = sp.csc_array(sp.eye_array(n_nodes) - alpha * sp.csr_array(matrix))
        return scipy.sparse.linalg.splu(system).solve(wanted)
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return scipy.linalg.solve(np.eye(n_nodes) - alpha * dense, wanted)


def _sparse_is_faster(matrix: Matrix) -> bool:
    # The choice depends on the network alone, so that the same network gives the same numbers from either storage.
    n_nodes = matrix.shape[0]
    n_edges = np.count_nonzero(matrix) if isinstance(matrix, np.ndarray) else matrix.nnz
    return n_nodes >= _SPARSE_NODES and n_edges <= _SPARSE_DEGREE * n_nodes
