"""Whether a network could learn anything from what the baseline leaves over, without training one.

Training takes minutes and, on real screens, mostly ends with a correction that counts for nothing. What a network can
say about a condition that it has not seen it says through the vectors of its genes: their features and those of their
neighbors. Ridge regression on kernels of the same vectors says it in closed form, held-out errors included. Where
not even the best of several such regressions, chosen after the fact, lowers the error noticeably, networks are not
trained.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skperturb.responses._conditions import condition_groups, group_means, row_norms
from skperturb.responses._held_out import is_better
from skperturb.responses._kernels.multiple_kernels import rotated
from skperturb.responses._kernels.subsets import neighborhoods
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["could_learn"]

#: Conditions that are looked at: bounds the time (seconds). They are whole neighborhoods, since in an even subset of
#: many hardly any has a neighbor that could say something about it.
_MAX_ROWS = 1000
#: Share of the error that the best regression has to explain. A thousand conditions make any gain significant, and less
#: than this is not worth a long training: it overstates what networks gain, since it is the best of twenty. On
#: simulated screens (``benchmarks/bench_whole_genome.py``, 8,000 outputs) of 1,000 genes it is 1.9 %, of 2,000 and
#: 4,000 genes 4.2 %; an even subset would say 3.0 and 2.2 % there, and all rows of the 2,000 say 4.1 %.
_LEAST_GAIN = 0.02
#: Ridge penalties, where a condition is as similar to itself as 1: from hardly any shrinkage to hardly any effect.
_ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def could_learn(nodes: Any, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None) -> bool:
    """Tell whether held-out errors of the baseline fall when they are regressed on the vectors of the genes.

    Parameters
    ----------
    nodes : GeneNodes
    X : ndarray of shape (n_conditions, n_genes)
    target : ndarray of shape (n_conditions, n_outputs)
        What the baseline leaves over.
    weight : ndarray of shape (n_conditions,), default=None

    Returns
    -------
    bool
    """
    first, group = condition_groups(X)
    if len(first) < 2:
        return False
    # Replicates would predict one another.
    target = group_means(target, group, (np.ones(len(X)) if weight is None else weight)[:, None])
    vectors = _vectors(nodes, X[first])
    rows = neighborhoods(target, lambda centers: _similarity(vectors, centers), _MAX_ROWS)
    target = rotated(target[rows], [])[0]
    plain = row_norms(target)
    kernels = _kernels([values[rows] for values in vectors])
    enough = (1.0 - _LEAST_GAIN) * float(plain.mean())
    found = (errors for kernel in kernels for errors in _held_out(kernel, target))
    return any(errors.mean() < enough and is_better(errors, plain) for errors in found)


def _vectors(nodes: Any, X: np.ndarray) -> list[Any]:
    """Return the summed vectors of the genes of each condition, and those of their neighbors."""
    n_nodes = len(nodes.names)
    doses = sp.csr_array(X)
    doses.resize(len(X), n_nodes)
    weight = np.ones(nodes.edge_index.shape[1]) if nodes.edge_weight is None else nodes.edge_weight
    neighbors = sp.csr_array((weight, tuple(nodes.edge_index)), shape=(n_nodes, n_nodes)) + sp.eye_array(n_nodes)
    size = np.asarray(abs(neighbors).sum(axis=1)).ravel()
    neighbors = sp.diags_array(1.0 / size) @ neighbors
    features = nodes.features if nodes.features.shape[1] else sp.eye_array(n_nodes).tocsr()
    return [doses @ features, doses @ (neighbors @ features)]


def _similarity(vectors: list[Any], centers: np.ndarray) -> np.ndarray:
    """Return how similar some conditions are to all, where each kind of vectors counts alike."""
    similarity = np.zeros((len(centers), vectors[0].shape[0]))
    for values in vectors:
        size = float(np.mean(values.power(2).sum(axis=1) if sp.issparse(values) else np.sum(values**2, axis=1)))
        similarity += _inner(values[centers], values) / max(size, NEGLIGIBLE)
    return similarity


def _inner(left: Any, right: Any) -> np.ndarray:
    found = left @ right.T
    return found if isinstance(found, np.ndarray) else found.toarray()


def _kernels(vectors: list[Any]) -> list[np.ndarray]:
    """Return kernels between conditions, linear and Gaussian, for each kind of vectors."""
    found = []
    for values in vectors:
        gram = _inner(values, values)
        size = np.diag(gram)
        if size.mean() <= NEGLIGIBLE:
            continue
        squares = np.maximum(size[:, None] + size - 2 * gram, 0.0)
        positive = squares[squares > NEGLIGIBLE]
        found.append(gram / size.mean())
        if positive.size:
            found.append(np.exp(-0.5 * squares / np.median(positive)))
    return found


def _held_out(kernel: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Return the leave-one-out errors of ridge regression for each penalty."""
    values, vectors = np.linalg.eigh(kernel)
    turned = vectors.T @ target
    errors = []
    for alpha in _ALPHAS:
        inverse = 1.0 / (np.maximum(values, 0.0) + alpha)
        diagonal = vectors**2 @ inverse
        errors.append(row_norms((vectors * inverse) @ turned) / diagonal)
    return errors
