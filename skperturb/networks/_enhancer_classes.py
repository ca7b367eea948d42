"""Training and prediction of the published enhancement model, which classifies nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from skperturb._training import GraphBatch, fit_net
from skperturb.metrics import rank_data
from skperturb.networks._enhancer_graph import SourceGraph
from skperturb.networks._enhancer_sample import Sample
from skperturb.networks._enhancer_structure import NODE_COLUMNS
from skperturb.networks._gcn_classes import ClassGCN

__all__ = ["ClassModel", "fit_class_model", "node_classes", "predict_class_factor"]

# Features that the sign pattern gives; the rest of the node features needs a structure.
_N_SIGN_FEATURES = 9
_N_STRUCTURE_FEATURES = _N_SIGN_FEATURES + NODE_COLUMNS
_IGNORED = -100


@dataclass(frozen=True)
class ClassModel:
    """A trained published model.

    Attributes
    ----------
    net : skorch.NeuralNet
    graphs : list of SourceGraph
        With the full graph, the training networks: a new network is joined to them through the centre node.
    full : bool
    n_features : int
    """

    net: Any
    graphs: list[SourceGraph]
    full: bool
    n_features: int


class _OneGraph(torch.utils.data.Dataset):
    """All networks as a single sample: the published model trains on one batch."""

    def __init__(self, inputs: dict[str, torch.Tensor], target: torch.Tensor) -> None:
        self.sample = GraphBatch(inputs, 1), target

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[GraphBatch, torch.Tensor]:
        return self.sample


def node_classes(truth: np.ndarray) -> np.ndarray:
    r"""Return the class of each node: the median over all sources of its scaled rank.

    Parameters
    ----------
    truth : ndarray of shape (n_nodes, n_nodes)
        Magnitudes of the sensitivities.

    Returns
    -------
    ndarray of int of shape (n_nodes,)
        From 1.
    """
    scaled = np.ceil(np.log2(rank_data(truth))) + 1
    return np.round(np.median(scaled, axis=1)).astype(int)


def fit_class_model(
    samples: Sequence[Sample], validation: Sequence[Sample] | None, params: dict[str, Any], random_state: Any
) -> ClassModel:
    """Train one model on all networks as one batch.

    Parameters
    ----------
    samples, validation : sequence of Sample
        With their truths.
    params : dict
        Parameters of the estimator.
    random_state : int or RandomState

    Returns
    -------
    ClassModel
    """
    full = params["graph"] == "full"
    n_features = _N_STRUCTURE_FEATURES if params["features"] == "structure" else _N_SIGN_FEATURES
    classes = [node_classes(np.asarray(sample.truth)) for sample in samples]
    n_classes = max(int(part.max()) for part in classes) + 1
    net = fit_net(
        # Not a lambda: the net is pickled with what built its module.
        partial(
            ClassGCN,
            n_features,
            params["hidden_dim"],
            n_classes,
            params["n_layers"],
            params["dropout"],
            pooled=not full,
        ),
        _dataset(samples, full, n_features, n_classes),
        criterion=torch.nn.CrossEntropyLoss,
        lr=params["lr"],
        max_epochs=params["max_epochs"],
        batch_size=1,
        weight_decay=params["weight_decay"],
        collate_fn=_only,
        validation=None if validation is None else _dataset(validation, full, n_features, n_classes),
        early_stopping=params["early_stopping"],
        patience=params["patience"],
        device=params["device"],
        random_state=random_state,
        verbose=params["verbose"],
        callbacks=params["callbacks"],
    )
    return ClassModel(net, [sample.graph for sample in samples] if full else [], full, n_features)


def predict_class_factor(models: Sequence[ClassModel], sample: Sample) -> np.ndarray:
    """Return the factor of each pair: the class of the node that responds, averaged over the models."""
    if sample.graph.n_nodes == 0:
        return np.zeros((0, 0))
    return np.mean([_class_factor(model, sample) for model in models], axis=0)


def _class_factor(model: ClassModel, sample: Sample) -> np.ndarray:
    n_nodes = sample.graph.n_nodes
    inputs = _joined([*model.graphs, sample.graph], model.full, model.n_features, torch.float64)
    with torch.no_grad():
        logits = model.net.module_(**inputs).numpy()
    last = len(logits) - int(model.full)
    own = logits[last - n_nodes : last]
    # Class 0 does not exist; it keeps the index of a class equal to its number.
    predicted = own[:, 1:].argmax(axis=1) + 1.0
    return np.repeat(predicted[:, None], n_nodes, axis=1)


def _dataset(samples: Sequence[Sample], full: bool, n_features: int, n_classes: int) -> _OneGraph:
    inputs = _joined([sample.graph for sample in samples], full, n_features, torch.float32)
    classes = [np.minimum(node_classes(np.asarray(sample.truth)), n_classes - 1) for sample in samples]
    # The centre node has no class.
    target = np.concatenate([*classes, [_IGNORED] * int(full)]).astype(np.int64)
    return _OneGraph(inputs, torch.as_tensor(target))


def _only(items: Sequence[Any]) -> Any:
    return items[0]


def _joined(graphs: Sequence[SourceGraph], full: bool, n_features: int, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Join the networks: block-diagonal, or with one more node linked to the hub of each."""
    first = np.cumsum([0] + [graph.n_nodes for graph in graphs])
    edges = [graph.edges + start for graph, start in zip(graphs, first, strict=False)]
    features = [graph.node_features[:, :n_features] for graph in graphs]
    network = [np.full(graph.n_nodes, number) for number, graph in enumerate(graphs)]
    if full:
        centre = first[-1]
        hubs = [start + _hub(graph) for graph, start in zip(graphs, first, strict=False) if graph.n_nodes]
        edges.append(np.stack([np.full(len(hubs), centre), hubs]))
        features.append(np.zeros((1, n_features)))
        network.append(np.array([len(graphs)]))
    index = np.concatenate(edges, axis=1)
    both = np.unique(np.concatenate([index, index[::-1]], axis=1), axis=1)
    return {
        "x": torch.as_tensor(np.concatenate(features), dtype=dtype),
        "edge_index": torch.as_tensor(both.astype(np.int64)),
        "network": torch.as_tensor(np.concatenate(network)),
    }


def _hub(graph: SourceGraph) -> int:
    return int(np.bincount(graph.edges.ravel(), minlength=graph.n_nodes).argmax())
