"""Prediction by the length of the shortest path."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from skperturb._sklearn import StrOptions
from skperturb._validation import NetworkRecord
from skperturb.base import BaseEstimator
from skperturb.networks._known import known_of, known_values
from skperturb.networks._predictor import NetworkPredictorMixin
from skperturb.networks._sign_pattern import sign_pattern, symmetrized

__all__ = ["DynamoDistance", "closeness_of"]

# Powers of the closeness and of the ratio of two concentrations, chosen together: neighbors of either lose little with
# responses of kind "dynamo" (rank correlation of 64 BioModels networks of the published table, all
# pairs: .822 with 3 and .3, .818 with 2 and .3, .816 with 3 and .5, .791 with 3 and .1; .666 with topology alone).
_CLOSENESS_POWER = 3
_RATIO_POWER = 0.3
# Least concentration, in shares of the largest: ratios to what has vanished would order all pairs.
_LEAST_CONCENTRATION = 1e-9


class DynamoDistance(NetworkPredictorMixin, BaseEstimator):
    r"""Predict that a perturbation fades with the length of the shortest path from its source.

    The distance model of DYNAMO [1]_. With :math:`d(j \to i)` the number of edges on the shortest path from
    source j to target i, where j → i is an edge wherever :math:`A_{ij} \neq 0`,

    .. math:: P_{ij} = \frac{1}{1 + d(j \to i)},

    1 on the diagonal and 0 where i can't be reached. With a known state x it is

    .. math:: P_{ij} = \left(\frac{1}{1 + d(j \to i)}\right)^3 \left|\frac{x_i}{x_j}\right|^{0.3},

    since the response :math:`dx_i / dx_j` of what is abundant to what is rare is large by its units alone.

    Parameters
    ----------
    directed : bool, default=True
        Whether paths follow the direction of the edges.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each in this order; None means every node. A name is looked up
        in labeled networks, an integer is a position from 0 (or a name, where the names are integers).
        A sequence of sequences has one entry per network of `X`. Ignored for empty networks.
    state : {"network"}, Series or mapping, default=None
        Known concentrations: "network" takes the `state` of each network; a Series or a mapping from names to numbers
        holds for every network; a mapping of those holds one for each ``model_id``. None uses topology alone.

    See Also
    --------
    DynamoPropagation : Diffusion over the network.
    DynamoFirstNeighbor : Direct influence alone.

    Notes
    -----
    The estimator learns nothing: `predict` works before `fit`. Only where A is zero matters, never the
    kinetic constants behind its magnitudes. The paths from one source take O(n_edges + n_nodes log n_nodes)
    time; with `sources`, memory is O(n_edges + n_nodes · n_sources), so large sparse networks never become
    dense.

    Only where A is zero matters, or with `state` that and the state; sensitivities of kind "relative" are free of
    units and gain nothing from it. Concentrations below 1e-9 of the largest count as that.

    References
    ----------
    .. [1] Santolini, M. & Barabási, A.-L. (2018). Predicting perturbation patterns from the topology of
       biological networks. PNAS 115(27), E6375–E6383. doi:10.1073/pnas.1720589115.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.networks import DynamoDistance
    >>> names = ["mRNA", "protein", "product"]
    >>> cascade = pd.DataFrame([[-1, 0, 0], [2, -1, 0], [0, 3, -1]], index=names, columns=names)
    >>> DynamoDistance().predict([cascade])[0].round(3)
              mRNA  protein  product
    mRNA     1.000      0.0      0.0
    protein  0.500      1.0      0.0
    product  0.333      0.5      1.0
    >>> DynamoDistance(sources=["protein"]).predict([cascade])[0]
             protein
    mRNA         0.0
    protein      1.0
    product      0.5
    >>> DynamoDistance(state={"mRNA": 1, "protein": 1024, "product": 1024}).predict([cascade])[0].round(3)
              mRNA  protein  product
    mRNA     1.000    0.000      0.0
    protein  1.000    1.000      0.0
    product  0.296    0.125      1.0
    """

    _parameter_constraints: ClassVar[dict] = {
        "directed": ["boolean"],
        "sources": ["array-like", None],
        "state": [StrOptions({"network"}), Mapping, pd.Series, None],
    }

    def __init__(self, directed: bool = True, sources: Sequence[Any] | None = None, state: Any = None) -> None:
        self.directed = directed
        self.sources = sources
        self.state = state

    def _details(self, items: list[Any], records: list[NetworkRecord]) -> list[Any]:
        """Return the sizes of the concentrations in the order of the nodes of each network."""
        return [self._sizes(item, record, i) for i, (item, record) in enumerate(zip(items, records, strict=True))]

    def _sizes(self, item: Any, record: NetworkRecord, i: int) -> np.ndarray | None:
        if self.state is None or record.n_nodes == 0:
            return None
        known = known_of("state", self.state, item, getattr(item, "model_id", None), i)
        if record.names is None:
            raise ValueError(f"state holds values by name, but X[{i}] has no names; pass a DataFrame or a network.")
        sizes = np.abs(known_values(known, list(record.names), f"the state of X[{i}]"))
        return np.maximum(sizes, _LEAST_CONCENTRATION * sizes.max() or 1.0)

    def _predict_network(self, record: NetworkRecord, columns: np.ndarray | None, detail: np.ndarray | None) -> Any:
        if record.n_nodes == 0:
            return record.label(np.empty((0, 0)))
        closeness = closeness_of(record, columns, directed=self.directed)
        if detail is not None:
            ratios = detail[:, None] / detail[columns if columns is not None else slice(None)]
            closeness = closeness**_CLOSENESS_POWER * ratios**_RATIO_POWER
        return record.label(closeness, columns)


def closeness_of(record: NetworkRecord, columns: np.ndarray | None = None, *, directed: bool = True) -> np.ndarray:
    """Return 1 / (1 + length of the shortest path) from each source, a column, to each node; 0 where no path leads."""
    # Row i of the Jacobian lists who influences i, so the edges j -> i are those of its transpose.
    pattern = sign_pattern(record, signed=False).T if directed else symmetrized(record)
    lengths = dijkstra(sp.csr_array(pattern), directed=True, indices=columns, unweighted=True)
    return np.ascontiguousarray((1 / (1 + lengths)).T)
