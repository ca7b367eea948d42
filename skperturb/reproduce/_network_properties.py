"""Properties of networks, and how the accuracy of a prediction goes with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

__all__ = ["network_properties", "property_correlations"]


def network_properties(network: Any) -> dict[str, float]:
    """Compute the properties that are compared with the accuracy.

    Parameters
    ----------
    network : InfluenceNetwork or array-like of shape (n_nodes, n_nodes)
        The Jacobian, column = source.

    Returns
    -------
    dict of str to float
        Number of nodes, edges per node, mean magnitude of the non-zero entries (as its logarithm), share of negative
        entries, strongly connected components per node, share of pairs that a path connects, reciprocity, mean
        clustering coefficient and mean of Burt's constraint (nodes without neighbours left out).

    Examples
    --------
    >>> from skperturb.reproduce._network_properties import network_properties
    >>> network_properties([[-1.0, 0.0], [2.0, -1.0]])["strong components per node"]
    1.0
    """
    import networkx as nx
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    from ..networks import DynamoDistance

    matrix = np.asarray(network, dtype=float)
    n_nodes = len(matrix)
    edge = (matrix != 0) & ~np.eye(n_nodes, dtype=bool)
    values = np.abs(matrix[matrix != 0])
    graph = nx.from_numpy_array(edge | edge.T)
    constraint = [value for value in nx.constraint(graph).values() if np.isfinite(value)]
    n_components, _ = connected_components(csr_array(edge), connection="strong")
    return {
        "nodes": float(n_nodes),
        "edges per node": edge.sum() / n_nodes,
        "log mean |J|": float(np.log(values.mean())) if values.size else 0.0,
        "share of negative entries": float((matrix < 0).sum() / max(values.size, 1)),
        "strong components per node": n_components / n_nodes,
        "reachable share": float((DynamoDistance().predict([matrix])[0] > 0).mean()),
        "reciprocity": float((edge & edge.T).sum() / max(edge.sum(), 1)),
        "clustering": float(nx.average_clustering(graph)),
        "Burt's constraint": float(np.mean(constraint)) if constraint else 0.0,
    }


def property_correlations(
    properties: pd.DataFrame, accuracy: Sequence[float], *, n_permutations: int = 1000, random_state: int = 0
) -> pd.DataFrame:
    """Correlate the accuracy with each property, beside what chance gives.

    Parameters
    ----------
    properties : DataFrame of shape (n_networks, n_properties)
    accuracy : sequence of n_networks float
    n_permutations : int, default=1000
        Number of random assignments of accuracies to networks.
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row per property: ``correlation`` (Spearman), ``random_low`` and ``random_high`` (the range that holds 95 %
        of the permutations).
    """
    rng = np.random.default_rng(random_state)
    scores = np.asarray(accuracy, dtype=float)
    shuffled = np.column_stack([rng.permutation(scores) for _ in range(n_permutations)])
    rows = []
    for name in properties.columns:
        values = properties[name].to_numpy()
        if np.ptp(values) == 0 or np.ptp(scores) == 0:
            rows.append({"property": name, "correlation": 0.0, "random_low": 0.0, "random_high": 0.0})
            continue
        random = spearmanr(np.column_stack([values, shuffled])).statistic[0, 1:]
        low, high = np.quantile(random, [0.025, 0.975])
        rows.append(
            {
                "property": name,
                "correlation": float(spearmanr(values, scores).statistic),
                "random_low": float(low),
                "random_high": float(high),
            }
        )
    return pd.DataFrame(rows).set_index("property")
