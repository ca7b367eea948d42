"""One network on its way through the enhancer: its features, what is to be enhanced, and the truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb._validation import NetworkRecord, as_sequence, check_same_length, is_network
from skperturb.networks._distance import DynamoDistance
from skperturb.networks._enhancer.default_base import DefaultBase
from skperturb.networks._enhancer.factor import aligned_target
from skperturb.networks._enhancer.features import NetworkFeatures, network_features
from skperturb.networks._propagation import DynamoPropagation

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
    sign : ndarray of shape (n_nodes, n_nodes)
        −1 or 1: what the base estimator says, or signed propagation where it predicts magnitudes only.
    reached : ndarray of bool of shape (n_nodes, n_nodes)
        Pairs that a path connects and to which the base estimator gives a magnitude: all others stay 0.
    truth : ndarray of shape (n_nodes, n_nodes) or None
        NaN where it is undefined.
    """

    record: NetworkRecord
    graph: NetworkFeatures
    base: np.ndarray
    sign: np.ndarray
    reached: np.ndarray
    truth: np.ndarray | None = None

    @property
    def is_informative(self) -> bool:
        """Tell whether there are pairs off the diagonal whose order can be learned."""
        aside = self.reached & ~np.eye(len(self.reached), dtype=bool)
        if self.truth is None:
            return False
        known = self.truth[aside & ~np.isnan(self.truth)]
        return np.unique(known).size > 1


def make_examples(
    X: Any,
    records: list[NetworkRecord],
    estimator: Any,
    features: str,
    kind: str,
    truths: list[np.ndarray] | None = None,
) -> list[Example]:
    """Describe each network.

    Parameters
    ----------
    X : sequence of networks
        Only the structure is taken from here.
    records : list of NetworkRecord
    estimator : estimator
        The fitted base estimator.
    features : {"sign", "structure"}
    kind : {"relative", "steady_state", "dynamo"}
    truths : list of ndarray, default=None

    Returns
    -------
    list of Example
    """
    items, examples = as_sequence(X), []
    if isinstance(estimator, DefaultBase):
        base = [estimator.predict_signed(item) for item in items]
    else:
        own = not isinstance(estimator, DynamoDistance)
        base = [(prediction, prediction if own else None) for prediction in estimator.predict(X)]
    for i, (item, record) in enumerate(zip(items, records, strict=True)):
        graph = network_features(record, item if features == "structure" and is_network(item) else None, kind)
        predicted = _dense_base(base[i][0], record, i)
        reached = (predicted != 0) & graph.reachable
        sign = _signs(base[i][1], record)
        examples.append(Example(record, graph, np.abs(predicted), sign, reached, None if truths is None else truths[i]))
    return examples


def _signs(known: Any, record: NetworkRecord) -> np.ndarray:
    if known is None:
        known = DynamoPropagation().predict([record.matrix])[0]
    known = known.toarray() if hasattr(known, "toarray") else np.asarray(known)
    return np.where(known < 0, -1.0, 1.0)


def _dense_base(prediction: Any, record: NetworkRecord, i: int) -> np.ndarray:
    dense = prediction.toarray() if hasattr(prediction, "toarray") else np.asarray(prediction, dtype=float)
    if dense.shape != (record.n_nodes, record.n_nodes):
        raise ValueError(
            f"estimator predicts a matrix of shape {dense.shape} for X[{i}], which has {record.n_nodes} nodes; "
            "expected a column for every node: set its parameter sources to None."
        )
    return dense


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
