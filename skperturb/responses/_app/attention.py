"""What the attention of trained networks looks at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["largest_weights", "mean_attention"]


def mean_attention(nets: Sequence[Any], doses: np.ndarray) -> np.ndarray:
    """Return the attention weights of each condition, averaged over networks.

    Parameters
    ----------
    nets : sequence of skorch.NeuralNet
        Whose modules are an `AdaptivePerturbModule` with attention.
    doses : ndarray of shape (n_conditions, n_nodes)

    Returns
    -------
    ndarray of shape (n_conditions, n_nodes)
    """
    import torch

    tensor = torch.from_numpy(doses)
    weights = np.zeros(doses.shape)
    with torch.inference_mode():
        for net in nets:
            module = net.module_
            weights += module.attention(*module.embed(tensor)).numpy() / len(nets)
    return weights


def largest_weights(weights: pd.DataFrame, n_genes: int) -> pd.DataFrame:
    """Return the columns with the largest weights of each row, one row for each of them.

    Parameters
    ----------
    weights : DataFrame of shape (n_conditions, n_nodes)
    n_genes : int

    Returns
    -------
    DataFrame
        ``condition``, ``rank`` (from 1), ``gene`` and ``weight``.
    """
    rows = []
    for condition, row in zip(weights.index, weights.to_numpy(), strict=True):
        order = np.argsort(-row, kind="stable")[:n_genes]
        rows += [(condition, rank + 1, weights.columns[k], row[k]) for rank, k in enumerate(order)]
    return pd.DataFrame(rows, columns=["condition", "rank", "gene", "weight"])
