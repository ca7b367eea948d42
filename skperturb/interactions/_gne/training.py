"""Training of one network of `GNEEmbedder` on one graph, and the vectors that it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["GNEParameters", "GeneVectors", "train_vectors"]

# Genes whose logits against all genes are held at a time: 80 MB with 10,000 genes.
_ROWS_PER_BLOCK = 1024
# Share of uniform ones among the mixed candidates of a sampled loss.
_UNIFORM_CANDIDATES = 0.5
# Steps of an epoch below which a network of few genes is cut into smaller batches, down to this size.
_STEPS, _LEAST_IN_BATCH = 8, 32


@dataclass(frozen=True)
class GNEParameters:
    """What decides the training besides the data."""

    encoder: str
    n_components: int
    attribute_weight: float
    n_layers: int
    dropout: float
    n_negatives: int
    negatives: str
    loss: str
    early_stopping: bool
    validation_fraction: float
    patience: int
    lr: float
    max_epochs: int
    batch_size: int
    weight_decay: float
    device: str
    verbose: int
    callbacks: Sequence[Any] | None


@dataclass(frozen=True, eq=False)
class GeneVectors:
    """Learned vectors; the last row stands for a gene that nothing is known about.

    Parameters
    ----------
    hidden, output : ndarray of shape (n_nodes, n_components)
        h and ṽ, in single precision, in which they were trained.
    bias : ndarray of shape (n_nodes,)
    history : list of dict
        One entry for each epoch.
    """

    hidden: np.ndarray
    output: np.ndarray
    bias: np.ndarray
    history: list[dict[str, Any]]

    def directed(self, sources: np.ndarray, targets: np.ndarray, bias: bool = True) -> np.ndarray:
        """Return the scores ``h_i · ṽ_j`` of pairs, with b_j or without."""
        scores = np.einsum("ij,ij->i", self.hidden[sources], self.output[targets], dtype=np.float64)
        return scores + self.bias[targets] if bias else scores

    def log_normalizer(self) -> np.ndarray:
        """Return the logarithm of the softmax's denominator of each gene."""
        result = np.empty(len(self.hidden))
        for start in range(0, len(result), _ROWS_PER_BLOCK):
            # In single precision, as the vectors are: the exponentials of doubles take three times as long.
            logits = self.hidden[start : start + _ROWS_PER_BLOCK] @ self.output.T
            logits += self.bias.astype(np.float32)
            top = logits.max(axis=1)
            logits -= top[:, None]
            result[start : start + _ROWS_PER_BLOCK] = top + np.log(np.exp(logits, out=logits).sum(axis=1))
        return result


def train_vectors(
    graph: sp.csr_array, expression: np.ndarray | None, parameters: GNEParameters, seed: int, progress: Any = None
) -> GeneVectors:
    """Train the network on a graph.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
        Row i lists the partners of source i.
    expression : ndarray of shape (n_nodes, n_samples) or None
    parameters : GNEParameters
    seed : int
        Decides the result.
    progress : EpochProgress, default=None
        Shows the epochs.

    Returns
    -------
    GeneVectors
    """
    import torch

    from skperturb._training import TensorBatches, fit_net, warm_and_cool
    from skperturb.interactions._gne.early_stopping import ValidationAUROC, hold_out
    from skperturb.interactions._gne.module import GNENetwork

    rng = np.random.RandomState(seed)
    train, held_out = graph, None
    if parameters.early_stopping:
        train, held_out = hold_out(graph, parameters.validation_fraction, rng)
    weights = candidate_weights(train, parameters.negatives)
    dataset, criterion = _samples_and_loss(train, parameters.loss)

    def build() -> Any:
        return GNENetwork(
            train.astype(np.float32),
            expression,
            encoder=parameters.encoder,
            n_components=parameters.n_components,
            n_layers=parameters.n_layers,
            dropout=parameters.dropout,
            attribute_weight=parameters.attribute_weight,
            loss=parameters.loss,
            n_negatives=parameters.n_negatives,
            candidate_weights=weights,
        )

    callbacks = list(parameters.callbacks or [])
    batch_size = parameters.batch_size
    if held_out is not None:
        # First, so that the others find what it writes.
        callbacks.insert(0, ValidationAUROC(*held_out))
    elif parameters.loss == "softmax":
        batch_size = int(np.clip(len(dataset) // _STEPS, min(_LEAST_IN_BATCH, batch_size), batch_size))
        n_steps = parameters.max_epochs * -(-len(dataset) // batch_size)
        callbacks.insert(0, warm_and_cool(parameters.lr, n_steps))
    net = fit_net(
        build,
        dataset,
        **criterion,
        lr=parameters.lr,
        max_epochs=parameters.max_epochs,
        batch_size=batch_size,
        weight_decay=parameters.weight_decay,
        early_stopping=held_out is not None,
        patience=parameters.patience,
        monitor="valid_auroc",
        lower_is_better=False,
        device=parameters.device,
        random_state=rng,
        progress=progress,
        callbacks=callbacks,
        iterator_train=TensorBatches,
        iterator_valid=TensorBatches,
        iterator_train__shuffle=True,
        optimizer__fused=True,
    )
    module = net.module_
    with torch.no_grad():
        if parameters.encoder == "lookup":
            # A gene without partners kept its random start: its attribute branch alone speaks for it.
            module.identity[torch.from_numpy(np.flatnonzero(np.diff(train.indptr) == 0))] = 0.0
        hidden = module.encode_all().numpy()
    output, bias = module.output.detach().numpy().astype(np.float32), module.bias.detach().numpy().copy()
    # Nothing was learned about the node behind all genes.
    output[-1] = 0.0
    history = [{key: row[key] for key in ("train_loss", "valid_auroc", "dur") if key in row} for row in net.history]
    return GeneVectors(hidden.astype(np.float32), output, bias, history)


def _samples_and_loss(graph: sp.csr_array, loss: str) -> tuple[Any, dict[str, Any]]:
    """Return the training samples, genes or edges, and the parameters of the net that set the loss on them."""
    from skperturb.interactions._edge_training import EdgeBatches, PairLoss
    from skperturb.interactions._gne.module import GeneRows, RowLoss

    sources = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    if loss == "softmax":
        return GeneRows(np.unique(sources)), {"criterion": RowLoss}
    edges = np.column_stack([sources, graph.indices]).astype(np.int64)
    return EdgeBatches(edges), {"criterion": PairLoss, "criterion__binary": loss == "bce"}


def candidate_weights(graph: sp.csr_array, negatives: str) -> np.ndarray:
    """Return how often each node is drawn as a negative candidate; the node behind all genes never is."""
    uniform = np.ones(graph.shape[0])
    uniform[-1] = 0.0
    uniform /= max(uniform.sum(), 1.0)
    if negatives == "uniform":
        return uniform
    degrees = np.bincount(graph.indices, minlength=graph.shape[0]).astype(float)
    degrees /= degrees.sum()
    return degrees if negatives == "degree" else _UNIFORM_CANDIDATES * uniform + (1 - _UNIFORM_CANDIDATES) * degrees
