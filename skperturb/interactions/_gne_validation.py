"""Early stopping of `GNEEmbedder`: the AUROC of held-out pairs."""

from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback

__all__ = ["ValidationAUROC"]


class ValidationAUROC(Callback):
    """Write ``valid_auroc`` into the history after each epoch: dot products of y = h + ṽ, as the paper's authors do.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2)
    labels : ndarray of shape (n_pairs,)
    """

    def __init__(self, pairs: np.ndarray, labels: np.ndarray) -> None:
        self.pairs = pairs
        self.labels = labels

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Score the held-out pairs."""
        module = net.module_
        was_training = module.training
        module.eval()
        with torch.no_grad():
            genes = torch.arange(len(module.output), device=module.output.device)
            hidden = torch.cat([module.encode(part) for part in genes.split(1024)])
            vectors = (hidden + module.output).cpu().numpy()
        module.train(was_training)
        scores = np.einsum("ij,ij->i", vectors[self.pairs[:, 0]], vectors[self.pairs[:, 1]])
        value = float(roc_auc_score(self.labels, scores))
        net.history.record("valid_auroc", value)
        best = max(row.get("valid_auroc", -np.inf) for row in net.history)
        net.history.record("valid_auroc_best", bool(value >= best))
