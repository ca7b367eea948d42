"""Early stopping of `GNEEmbedder`: which pairs are held out, and how they are scored after each epoch."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback

from skperturb._pair_sampling import sample_negative_positions
from skperturb._pairs import pair_codes

__all__ = ["ValidationAUROC", "hold_out"]


def hold_out(
    graph: sp.csr_array, fraction: float, rng: np.random.RandomState
) -> tuple[sp.csr_array, tuple[np.ndarray, np.ndarray] | None]:
    """Take pairs out of the graph, with both of their directions, and add as many uniform negatives.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
    fraction : float
        Of the pairs that have an edge.
    rng : RandomState

    Returns
    -------
    train : csr_array of shape (n_nodes, n_nodes)
    held_out : (pairs, labels) or None
        None, and the whole graph, if it is too small to hold anything out or too dense for a negative.
    """
    n_nodes = graph.shape[0]
    sources = np.repeat(np.arange(n_nodes), np.diff(graph.indptr))
    edges = np.column_stack([sources, graph.indices])
    codes = pair_codes(edges, n_nodes)
    pairs = np.unique(codes)
    chosen = rng.permutation(pairs)[: round(fraction * len(pairs))]
    if len(chosen) == 0 or len(chosen) == len(pairs):
        return graph, None
    kept = edges[~np.isin(codes, chosen)]
    train = sp.csr_array((np.ones(len(kept)), (kept[:, 0], kept[:, 1])), shape=graph.shape)
    positives = np.column_stack(np.divmod(chosen, n_nodes))
    known = np.column_stack(np.divmod(pairs, n_nodes))
    n_genes = n_nodes - 1
    n_negatives = min(len(chosen), n_genes * (n_genes - 1) // 2 - len(pairs))
    if n_negatives == 0:
        return graph, None
    negatives = sample_negative_positions(n_negatives, known, n_genes, random_state=rng)
    labels = np.repeat([1, 0], [len(positives), len(negatives)])
    return train, (np.concatenate([positives, negatives]), labels)


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
            vectors = (module.encode_all() + module.output).cpu().numpy()
        module.train(was_training)
        scores = np.einsum("ij,ij->i", vectors[self.pairs[:, 0]], vectors[self.pairs[:, 1]])
        value = float(roc_auc_score(self.labels, scores))
        net.history.record("valid_auroc", value)
        best = max(row.get("valid_auroc", -np.inf) for row in net.history)
        net.history.record("valid_auroc_best", bool(value >= best))
