"""What the attention of a fitted network looks at."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

__all__ = ["AttentionMixin"]


class AttentionMixin:
    """Attention weights of `APPRegressor`; holds no model."""

    nets_: list[Any]
    node_names_: np.ndarray
    _nodes: Any
    _validate_predict: Any

    def attention_weights(self, X: Any) -> pd.DataFrame:
        """Return how much each gene contributes to the cell state of each condition.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes)
            Doses.

        Returns
        -------
        DataFrame of shape (n_conditions, n_nodes)
            Softmax weights a, averaged over the ensemble; rows sum to one. (The name ``attention`` is taken by the
            parameter.)

        Raises
        ------
        ValueError
            If the network was built with ``attention=False``.
        """
        import torch

        check_is_fitted(self)
        X, index = self._validate_predict(X)
        if self.nets_[0].module_.attention is None:
            raise ValueError("attention=False: the network has no attention weights; fit it with attention=True.")
        doses = torch.from_numpy(self._nodes.widen(X))
        weights = np.zeros(tuple(doses.shape))
        with torch.inference_mode():
            for net in self.nets_:
                module = net.module_
                weights += module.attention(*module.embed(doses)).numpy() / len(self.nets_)
        return pd.DataFrame(weights, index=index, columns=self.node_names_)

    def top_genes(self, X: Any, n_genes: int = 10) -> pd.DataFrame:
        """Return the genes with the largest attention weights of each condition.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes)
            Doses.
        n_genes : int, default=10

        Returns
        -------
        DataFrame
            One row for each condition and rank: ``condition``, ``rank``, ``gene`` and ``weight``.
        """
        weights = self.attention_weights(X)
        rows = []
        for condition, row in zip(weights.index, weights.to_numpy(), strict=True):
            order = np.argsort(-row, kind="stable")[:n_genes]
            rows += [(condition, rank + 1, self.node_names_[k], row[k]) for rank, k in enumerate(order)]
        return pd.DataFrame(rows, columns=["condition", "rank", "gene", "weight"])
