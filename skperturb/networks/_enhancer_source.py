"""Training and prediction of the default enhancement model, which scores (target, source) pairs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from skperturb._training import GraphBatch, fit_net, gentle_training
from skperturb.metrics import rank_data
from skperturb.networks._enhancer_graph import EDGE_FEATURES, NODE_FEATURES, PAIR_FEATURES, SourceGraph
from skperturb.networks._enhancer_sample import Sample
from skperturb.networks._gcn_source import CorrelationLoss, SourceGCN

__all__ = ["fit_source_model", "predict_source_factor"]

# Pairs of one network that are in memory at a time in prediction: larger networks are cut into chunks of sources.
_MAX_PAIRS = 40_000

# Sources of one network in a training step: more teach little, since the network is the same.
_TRAINING_SOURCES = 24

# Weight of the base estimator's standardised prediction beside that of the models. Networks of another kind than those
# that the models learned from are predicted better with it, and the others next to no worse.
_BASE_WEIGHT = 0.4

_Item = tuple[SourceGraph, np.ndarray, np.ndarray]


class _Networks(torch.utils.data.Dataset):
    """Networks with the true ranks of their pairs; each time with other sources, drawn from torch's random state."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.graphs = [sample.graph for sample in samples]
        self.targets = [_targets(sample) for sample in samples]

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: int) -> _Item:
        graph = self.graphs[index]
        sources = torch.randperm(graph.n_nodes)[:_TRAINING_SOURCES].sort().values.numpy()
        return graph, sources, self.targets[index][:, sources]


class _Chunks(torch.utils.data.Dataset):
    """All sources of networks, in chunks, with the true ranks of their pairs."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.items = [
            (sample.graph, sources, _targets(sample)[:, sources])
            for sample in samples
            for sources in _source_chunks(sample.graph.n_nodes)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> _Item:
        return self.items[index]


def fit_source_model(
    samples: Sequence[Sample], validation: Sequence[Sample] | None, params: dict[str, Any], random_state: Any
) -> Any:
    """Train one model.

    Parameters
    ----------
    samples, validation : sequence of Sample
        With their truths.
    params : dict
        Parameters of the estimator.
    random_state : int or RandomState

    Returns
    -------
    skorch.NeuralNet
    """
    dataset = _Networks(samples)
    n_steps = params["max_epochs"] * -(-len(dataset) // params["batch_size"])
    return fit_net(
        # Not a lambda: the net is pickled with what built its module.
        partial(
            SourceGCN,
            NODE_FEATURES,
            EDGE_FEATURES,
            PAIR_FEATURES,
            params["hidden_dim"],
            params["n_layers"],
            params["dropout"],
        ),
        dataset,
        criterion=CorrelationLoss,
        lr=params["lr"],
        max_epochs=params["max_epochs"],
        batch_size=params["batch_size"],
        weight_decay=params["weight_decay"],
        collate_fn=_collate,
        validation=None if validation is None else _Chunks(validation),
        early_stopping=params["early_stopping"],
        patience=params["patience"],
        device=params["device"],
        random_state=random_state,
        verbose=params["verbose"],
        callbacks=[*gentle_training(params["lr"], n_steps), *(params["callbacks"] or [])],
    )


def predict_source_factor(models: Sequence[Any], sample: Sample) -> np.ndarray:
    """Return the factor of each reached pair, from the mean of the models' standardised scores and the base's own."""
    if not sample.reached.any():
        return np.zeros_like(sample.base)
    score = np.mean([_standard_score(net.module_, sample) for net in models], axis=0)
    score += _BASE_WEIGHT * _standardise(_offsets(sample), sample.reached)
    return np.exp(score) / np.where(sample.reached, sample.base, 1.0)


def _standard_score(module: Any, sample: Sample) -> np.ndarray:
    """Return a model's score of each pair: mean 0 and variance 1 over the reached pairs, 0 elsewhere."""
    score = np.zeros_like(sample.base)
    with torch.no_grad():
        for sources in _source_chunks(sample.graph.n_nodes):
            inputs = _inputs([(sample.graph, sources)], torch.float64)
            score[:, sources] = module(**inputs)[:, 0].numpy().reshape(len(score), len(sources))
    return _standardise(score + _offsets(sample), sample.reached)


def _standardise(score: np.ndarray, reached: np.ndarray) -> np.ndarray:
    values, standard = score[reached], np.zeros_like(score)
    spread = values.std()
    if spread > 1e-12:
        standard[reached] = (values - values.mean()) / spread
    return standard


def _source_chunks(n_nodes: int) -> list[np.ndarray]:
    # Every k-th source, so that each chunk shows all parts of the network.
    n_chunks = max(1, -(-n_nodes * n_nodes // _MAX_PAIRS))
    return [np.arange(first, n_nodes, n_chunks) for first in range(min(n_chunks, n_nodes))]


def _offsets(sample: Sample) -> np.ndarray:
    """Return the logarithm of the base prediction, to which the model adds that of the factor."""
    return np.log(np.where(sample.reached, np.maximum(sample.base, 1e-12), 1.0))


def _targets(sample: Sample) -> np.ndarray:
    """Return true ranks (all, off the diagonal), offsets and kinds of the pairs: shape (n_nodes, n_nodes, 4)."""
    truth = sample.truth
    diagonal = np.eye(sample.graph.n_nodes, dtype=bool)
    ranks = [_ranks(truth, sample.reached), _ranks(truth, sample.reached & ~diagonal)]
    kind = np.where(sample.reached, np.where(diagonal, 2, 1), 0)
    return np.stack([*ranks, _offsets(sample), kind], axis=-1).astype(np.float32)


def _ranks(values: Any, keep: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rank_data(np.where(keep, values, np.nan), axis=None)) / max(int(keep.sum()), 1)


def _collate(items: Sequence[_Item]) -> tuple[GraphBatch, torch.Tensor]:
    targets = []
    for number, (_, _, target) in enumerate(items):
        flat = target.reshape(-1, target.shape[-1])
        targets.append(np.column_stack([flat, np.full(len(flat), number)]))
    inputs = _inputs([(graph, sources) for graph, sources, _ in items], torch.float32)
    return GraphBatch(inputs, len(items)), torch.as_tensor(np.concatenate(targets), dtype=torch.float32)


def _inputs(chunks: Sequence[tuple[SourceGraph, np.ndarray]], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Join chunks of sources to the inputs of one block-diagonal batch."""
    first = np.cumsum([0] + [graph.n_nodes for graph, _ in chunks])
    indices, features = [], []
    for (graph, sources), start in zip(chunks, first, strict=False):
        target, source = np.meshgrid(np.arange(graph.n_nodes), sources, indexing="ij")
        indices.append(np.stack([source.ravel(), target.ravel()]) + start)
        features.append(graph.pair_features[:, sources].reshape(-1, PAIR_FEATURES))
    return {
        "node_features": torch.as_tensor(np.concatenate([g.node_features for g, _ in chunks]), dtype=dtype),
        "edge_features": torch.as_tensor(np.concatenate([g.edge_features for g, _ in chunks]), dtype=dtype),
        "edge_index": torch.as_tensor(np.concatenate([g.edges for g, _ in chunks], axis=1)),
        "pair_features": torch.as_tensor(np.concatenate(features), dtype=dtype),
        "pair_index": torch.as_tensor(np.concatenate(indices, axis=1)),
        "sizes": torch.tensor([[g.n_nodes, len(g.edge_features), len(s)] for g, s in chunks]),
    }
