"""Prediction by direct influence alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from skperturb._validation import NetworkRecord
from skperturb.base import BaseEstimator
from skperturb.networks._predictor import NetworkPredictorMixin
from skperturb.networks._sign_pattern import sign_pattern, symmetrized

__all__ = ["DynamoFirstNeighbor"]


class DynamoFirstNeighbor(NetworkPredictorMixin, BaseEstimator):
    r"""Predict that a perturbation reaches the direct neighbors of its source and nothing else.

    The simplest DYNAMO model [1]_. With A the Jacobian, whose entry :math:`A_{ij}` is the influence of j on
    i, the prediction is

    .. math::
        P = \operatorname{sign}(A), \quad P = |\operatorname{sign}(A)| \quad\text{or}\quad
        P = |\operatorname{sign}(A)| + |\operatorname{sign}(A)|^\top .

    Parameters
    ----------
    directed : bool, default=True
        Whether influence runs along the direction of the edges only; otherwise the third formula.
    signed : bool, default=True
        Whether the prediction has the sign of the influence (first formula) or not (second). It has no
        effect when `directed` is False, which the paper defines without signs.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each in this order; None means every node. A name is looked up
        in labeled networks, an integer is a position from 0 (or a name, where the names are integers).
        A sequence of sequences has one entry per network of `X`. Ignored for empty networks.

    See Also
    --------
    DynamoDistance : Length of the shortest path.
    DynamoPropagation : Diffusion over the network.

    Notes
    -----
    The estimator learns nothing: `predict` works before `fit`. Only the sign pattern of A is used, never the
    kinetic constants behind its magnitudes. The prediction for a sparse network is sparse.

    References
    ----------
    .. [1] Santolini, M. & Barabási, A.-L. (2018). Predicting perturbation patterns from the topology of
       biological networks. PNAS 115(27), E6375–E6383. doi:10.1073/pnas.1720589115.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import DynamoFirstNeighbor
    >>> cascade = np.array([[-1.0, 0.0, 0.0], [2.0, -1.0, 0.0], [0.0, -0.5, -1.0]])
    >>> DynamoFirstNeighbor().predict([cascade])[0]
    array([[-1.,  0.,  0.],
           [ 1., -1.,  0.],
           [ 0., -1., -1.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "directed": ["boolean"],
        "signed": ["boolean"],
        "sources": ["array-like", None],
    }

    def __init__(self, directed: bool = True, signed: bool = True, sources: Sequence[Any] | None = None) -> None:
        self.directed = directed
        self.signed = signed
        self.sources = sources

    def _predict_network(self, record: NetworkRecord, columns: np.ndarray | None, detail: None) -> Any:
        pattern = sign_pattern(record, signed=self.signed) if self.directed else symmetrized(record)
        return record.label(pattern if columns is None else pattern[:, columns], columns)
