"""What the attention of trained networks looks at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD

__all__ = ["largest_weights", "main_axes", "mean_attention"]

#: Main axes of what the baseline leaves over in which a network is trained on a large screen, and where only its
#: attention is asked for: twice the default width of its layers, which bound what it can say.
_N_AXES = 64

#: Conditions whose attention is computed at once: 160 MB for 10,000 genes and 32 hidden dimensions.
_ROWS = 64


def mean_attention(nets: Sequence[Any], doses: np.ndarray) -> np.ndarray:
    """Return the attention weights of each condition, averaged over networks.

    Parameters
    ----------
    nets : sequence of skorch.NeuralNet
        Whose modules are an `AdaptivePerturbModule` with attention.
    doses : ndarray of shape (n_conditions, n_nodes + n_levels)

    Returns
    -------
    ndarray of shape (n_conditions, n_nodes)
    """
    import torch

    weights = np.zeros((len(doses), len(nets[0].module_.features)))
    with torch.inference_mode():
        for net in nets:
            module = net.module_
            genes = module.embed()
            for start in range(0, len(doses), _ROWS):
                context = module.sum_context(genes, torch.from_numpy(doses[start : start + _ROWS]))
                part = weights[start : start + _ROWS]
                part += module.attention(genes, context).numpy() / len(nets)
    return weights


def main_axes(values: np.ndarray) -> np.ndarray | None:
    """Return the main axes of values, in which a network learns as well as in all outputs.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_outputs)

    Returns
    -------
    ndarray of shape (n_axes, n_outputs) or None
        Orthonormal; None where there are no more outputs than axes.
    """
    if values.shape[1] <= _N_AXES:
        return None
    return TruncatedSVD(_N_AXES, algorithm="randomized", random_state=0).fit(values).components_


def largest_weights(weights: pd.DataFrame, n_genes: int) -> pd.DataFrame:
    """Return the columns with the largest weights of each row, one row for each of them.

    Parameters
    ----------
    weights : DataFrame of shape (n_conditions, n_nodes)
    n_genes : int

    Returns
    -------
    DataFrame
        ``condition``, ``rank`` (from 1), ``gene`` and ``weight``; none where weights are NaN.
    """
    rows = []
    weights = weights.dropna()
    for condition, row in zip(weights.index, weights.to_numpy(), strict=True):
        order = np.argsort(-row, kind="stable")[:n_genes]
        rows += [(condition, rank + 1, weights.columns[k], row[k]) for rank, k in enumerate(order)]
    return pd.DataFrame(rows, columns=["condition", "rank", "gene", "weight"])
