"""One network on its way through the enhancer: its features, what is to be enhanced, and the truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb._validation import NetworkRecord, as_sequence, check_same_length, is_network
from skperturb.networks._enhancer.factor import aligned_target
from skperturb.networks._enhancer.features import NetworkFeatures, network_features

__all__ = ["Example", "make_examples", "target_matrices"]


@dataclass(frozen=True)
class Example:
    """One network with what its prediction starts from.

    Attributes
    ----------
    record : NetworkRecord
    graph : NetworkFeatures
    base : ndarray of shape (n_nodes, n_nodes)
        Magnitudes that the base estimator predicts.
    reached : ndarray of bool of shape (n_nodes, n_nodes)
        Pairs that a path connects and to which the base estimator gives a magnitude: all others stay 0.
    truth : ndarray of shape (n_nodes, n_nodes) or None
    """

    record: NetworkRecord
    graph: NetworkFeatures
    base: np.ndarray
    reached: np.ndarray
    truth: np.ndarray | None = None

    @property
    def is_informative(self) -> bool:
        """Tell whether there are pairs off the diagonal whose order can be learned."""
        aside = self.reached & ~np.eye(len(self.reached), dtype=bool)
        return self.truth is not None and np.unique(self.truth[aside]).size > 1


def make_examples(
    X: Any, records: list[NetworkRecord], base: Any, features: str, truths: list[np.ndarray] | None = None
) -> list[Example]:
    """Describe each network.

    Parameters
    ----------
    X : sequence of networks
        Only the structure is taken from here.
    records : list of NetworkRecord
    base : sequence of matrices
        The base estimator's predictions.
    features : {"sign", "structure"}
    truths : list of ndarray, default=None

    Returns
    -------
    list of Example
    """
    examples = []
    for i, (item, record) in enumerate(zip(as_sequence(X), records, strict=True)):
        structure = item.structure if features == "structure" and is_network(item) else None
        graph = network_features(record, structure)
        magnitude = _base_magnitudes(base[i], record, i)
        reached = (magnitude > 0) & graph.reachable
        examples.append(Example(record, graph, magnitude, reached, None if truths is None else truths[i]))
    return examples


def _base_magnitudes(prediction: Any, record: NetworkRecord, i: int) -> np.ndarray:
    dense = prediction.toarray() if hasattr(prediction, "toarray") else np.asarray(prediction, dtype=float)
    if dense.shape != (record.n_nodes, record.n_nodes):
        raise ValueError(
            f"estimator predicts a matrix of shape {dense.shape} for X[{i}], which has {record.n_nodes} nodes; "
            "expected a column for every node: set its parameter sources to None."
        )
    return np.abs(dense)


def target_matrices(records: list[NetworkRecord], y: Any) -> list[np.ndarray]:
    """Return |y| in the order of the nodes of each network, or say what does not fit."""
    if y is None:
        raise ValueError("y is None; expected one sensitivity matrix per network (skperturb.sbml.sensitivity_matrix).")
    targets = as_sequence(y, "y", "a sequence of sensitivity matrices")
    check_same_length(records, targets, ("X", "y"))
    return [
        aligned_target(record, target, f"y[{i}]", f"X[{i}]")
        for i, (record, target) in enumerate(zip(records, targets, strict=True))
    ]
