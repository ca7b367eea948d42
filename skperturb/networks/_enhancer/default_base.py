"""The prediction that is enhanced by default: what is best without training, network by network."""

from typing import Any

import numpy as np

from skperturb._validation import as_sequence, ensure_networks, is_network
from skperturb.base import BaseEstimator
from skperturb.networks._distance import DynamoDistance
from skperturb.networks._predictor import as_object_array
from skperturb.networks._structural.estimator import StructuralSensitivity

__all__ = ["DefaultBase"]


class DefaultBase(BaseEstimator):
    """The structural ensemble where a network has a structure, the shortest path where it has none.

    Parameters
    ----------
    kind : {"relative", "steady_state", "dynamo"}, default="relative"
        What is predicted. The ensemble is about responses at rest: "dynamo" takes the shortest path for all networks.
    structural : bool, default=True
        Whether structures are read.
    """

    def __init__(self, kind: str = "relative", structural: bool = True) -> None:
        self.kind = kind
        self.structural = structural

    def fit(self, X, y=None):
        """Check the networks; there is nothing to learn.

        Parameters
        ----------
        X : sequence of n_networks networks
        y : ignored

        Returns
        -------
        self : object
        """
        ensure_networks(X)
        return self

    def predict(self, X):
        """Predict the sensitivity matrix of each network.

        Parameters
        ----------
        X : sequence of n_networks networks

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
        """
        return as_object_array([self.predict_signed(network)[0] for network in as_sequence(X)])

    def predict_signed(self, network: Any) -> tuple[Any, np.ndarray | None]:
        """Predict one network, with the signs; None where magnitudes only are predicted."""
        model = self._model_of(network)
        if isinstance(model, DynamoDistance):
            return model.predict([network])[0], None
        (found,) = model._found([network])
        return model._label(found, found.expected), found.signs[0]

    def _model_of(self, network: Any) -> Any:
        uses = self.structural and self.kind != "dynamo"
        if uses and is_network(network) and network.structure is not None:
            return StructuralSensitivity(kind=self.kind)
        return DynamoDistance()

    def __sklearn_is_fitted__(self):
        return True
