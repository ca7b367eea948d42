"""Training of the network behind `GNEEmbedder`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["GNEParameters", "GeneVectors", "train_vectors"]


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
        h and ṽ.
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
        scores = np.einsum("ij,ij->i", self.hidden[sources], self.output[targets])
        return scores + self.bias[targets] if bias else scores

    def log_normalizer(self) -> np.ndarray:
        """Return the logarithm of the softmax's denominator of each gene."""
        result = np.empty(len(self.hidden))
        for start in range(0, len(result), 1024):
            logits = self.hidden[start : start + 1024] @ self.output.T + self.bias
            top = logits.max(axis=1)
            result[start : start + 1024] = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        return result


def train_vectors(
    graph: sp.csr_array, expression: np.ndarray | None, parameters: GNEParameters, seed: int
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

    Returns
    -------
    GeneVectors
    """
    import torch

    from skperturb._training import TensorBatches, fit_net
    from skperturb.interactions._gne_module import EdgeBatches, GeneRows, GNENetwork, PairLoss, RowLoss

    rng = np.random.RandomState(seed)
    train, held_out = _hold_out(graph, parameters, rng)
    weights = candidate_weights(train, parameters.negatives)
    exact = parameters.loss == "softmax"
    sources = np.repeat(np.arange(train.shape[0]), np.diff(train.indptr))
    dataset: Any
    criterion: Any
    if exact:
        dataset, criterion = GeneRows(np.unique(sources)), RowLoss
    else:
        dataset = EdgeBatches(np.column_stack([sources, train.indices]).astype(np.int64))
        criterion = PairLoss

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

    extra: dict[str, Any] = {} if exact else {"criterion__binary": parameters.loss == "bce"}
    callbacks = list(parameters.callbacks or [])
    if held_out is not None:
        from skperturb.interactions._gne_validation import ValidationAUROC

        callbacks.append(ValidationAUROC(*held_out))
    net = fit_net(
        build,
        dataset,
        criterion=criterion,
        lr=parameters.lr,
        max_epochs=parameters.max_epochs,
        batch_size=parameters.batch_size,
        weight_decay=parameters.weight_decay,
        early_stopping=held_out is not None,
        patience=parameters.patience,
        monitor="valid_auroc",
        lower_is_better=False,
        device=parameters.device,
        random_state=rng,
        verbose=parameters.verbose,
        callbacks=callbacks,
        iterator_train=TensorBatches,
        iterator_valid=TensorBatches,
        iterator_train__shuffle=True,
        optimizer__fused=True,
        **extra,
    )
    module = net.module_
    with torch.no_grad():
        hidden = _encode_all(module)
    output, bias = module.output.detach().numpy().copy(), module.bias.detach().numpy().copy()
    # Nothing was learned about the node behind all genes.
    output[-1] = 0.0
    history = [{key: row[key] for key in ("train_loss", "valid_auroc", "dur") if key in row} for row in net.history]
    return GeneVectors(hidden, output, bias, history)


def _encode_all(module: Any) -> np.ndarray:
    import torch

    if module.encoder == "lookup":
        # A gene without partners kept its random start: its attribute branch alone speaks for it.
        isolated = np.flatnonzero(np.diff(module.adjacency.indptr) == 0)
        module.identity[torch.from_numpy(isolated)] = 0.0
    genes = torch.arange(module.adjacency.shape[0])
    return np.concatenate([module.encode(part).numpy() for part in genes.split(1024)])


def candidate_weights(graph: sp.csr_array, negatives: str) -> np.ndarray:
    """Return how often each node is drawn as a negative candidate; the node behind all genes never is."""
    uniform = np.ones(graph.shape[0])
    uniform[-1] = 0.0
    uniform /= max(uniform.sum(), 1.0)
    if negatives == "uniform":
        return uniform
    degrees = np.bincount(graph.indices, minlength=graph.shape[0]).astype(float)
    degrees /= degrees.sum()
    return degrees if negatives == "degree" else 0.5 * uniform + 0.5 * degrees


def _hold_out(
    graph: sp.csr_array, parameters: GNEParameters, rng: np.random.RandomState
) -> tuple[sp.csr_array, tuple[np.ndarray, np.ndarray] | None]:
    """Take pairs out of the graph for early stopping, with as many uniform negatives."""
    from skperturb._pair_sampling import sample_negative_positions
    from skperturb._pairs import pair_codes

    if not parameters.early_stopping:
        return graph, None
    n_nodes = graph.shape[0]
    sources = np.repeat(np.arange(n_nodes), np.diff(graph.indptr))
    edges = np.column_stack([sources, graph.indices])
    codes = pair_codes(edges, n_nodes)
    pairs = np.unique(codes)
    chosen = rng.permutation(pairs)[: round(parameters.validation_fraction * len(pairs))]
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
