"""The published enhancement model: graph convolutions that classify nodes, and their training."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch_geometric.nn import GCNConv, global_mean_pool

from skperturb._training import GraphBatch, fit_net
from skperturb.networks._enhancer.examples import Example
from skperturb.networks._enhancer.factor import rank_classes
from skperturb.networks._enhancer.features import SIGN_COLUMNS, NetworkFeatures
from skperturb.networks._enhancer.reactions import NODE_COLUMNS

__all__ = ["ClassModel", "fit_class_model", "node_classes", "predict_class_factor"]

# Node features that the model reads: with a structure also its columns, never those that compare nodes.
_N_FEATURES = {"sign": SIGN_COLUMNS, "structure": SIGN_COLUMNS + NODE_COLUMNS}
# The class that torch's cross-entropy leaves out.
_IGNORED = -100


@dataclass(frozen=True)
class ClassModel:
    """A trained published model.

    Attributes
    ----------
    net : skorch.NeuralNet
    graphs : list of NetworkFeatures
        With the full graph, the training networks: a new network is joined to them through the center node.
    full : bool
    n_features : int
    """

    net: Any
    graphs: list[NetworkFeatures]
    full: bool
    n_features: int


class _OneGraph(torch.utils.data.Dataset):
    """All networks as a single example: the published model trains on one batch."""

    def __init__(self, inputs: dict[str, torch.Tensor], target: torch.Tensor) -> None:
        self.example = GraphBatch(inputs, 1), target

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[GraphBatch, torch.Tensor]:
        return self.example


def node_classes(truth: np.ndarray) -> np.ndarray:
    r"""Return the class of each node: the median over all sources of its scaled rank.

    Parameters
    ----------
    truth : ndarray of shape (n_nodes, n_nodes)
        Magnitudes of the sensitivities; NaN is left out.

    Returns
    -------
    ndarray of int of shape (n_nodes,)
        From 1; 0 for a node without a defined response.
    """
    classes = rank_classes(truth)
    known = ~np.isnan(classes).all(axis=1)
    result = np.zeros(len(classes), dtype=int)
    result[known] = np.round(np.nanmedian(classes[known], axis=1)).astype(int)
    return result


def fit_class_model(
    examples: Sequence[Example], validation: Sequence[Example] | None, params: dict[str, Any], random_state: Any
) -> ClassModel:
    """Train one model on all networks as one batch.

    Parameters
    ----------
    examples, validation : sequence of Example
        With their truths.
    params : dict
        Parameters of the estimator.
    random_state : int or RandomState

    Returns
    -------
    ClassModel
    """
    full = params["graph"] == "full"
    n_features = _N_FEATURES[params["features"]]
    classes = [node_classes(np.asarray(example.truth)) for example in examples]
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
        _dataset(examples, full, n_features, n_classes),
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
        label=params.get("label", ""),
        callbacks=params["callbacks"],
    )
    return ClassModel(net, [example.graph for example in examples] if full else [], full, n_features)


def predict_class_factor(models: Sequence[ClassModel], example: Example) -> np.ndarray:
    """Return the factor of each pair: the class of the node that responds, averaged over the models."""
    if example.graph.n_nodes == 0:
        return np.zeros((0, 0))
    return np.mean([_class_factor(model, example) for model in models], axis=0)


def _class_factor(model: ClassModel, example: Example) -> np.ndarray:
    n_nodes = example.graph.n_nodes
    inputs = _joined([*model.graphs, example.graph], model.full, model.n_features, torch.float64)
    with torch.no_grad():
        logits = model.net.module_(**inputs).numpy()
    last = len(logits) - int(model.full)
    own = logits[last - n_nodes : last]
    # Class 0 does not exist; it keeps the index of a class equal to its number.
    predicted = own[:, 1:].argmax(axis=1) + 1.0
    return np.repeat(predicted[:, None], n_nodes, axis=1)


def _dataset(examples: Sequence[Example], full: bool, n_features: int, n_classes: int) -> _OneGraph:
    inputs = _joined([example.graph for example in examples], full, n_features, torch.float32)
    classes = [np.minimum(node_classes(np.asarray(example.truth)), n_classes - 1) for example in examples]
    # The center node has no class, nor has one whose responses are all undefined.
    target = np.concatenate([*classes, [0] * int(full)]).astype(np.int64)
    target[target == 0] = _IGNORED
    return _OneGraph(inputs, torch.as_tensor(target))


def _only(items: Sequence[Any]) -> Any:
    return items[0]


def _joined(
    graphs: Sequence[NetworkFeatures], full: bool, n_features: int, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """Join the networks: block-diagonal, or with one more node linked to the hub of each."""
    first = np.cumsum([0] + [graph.n_nodes for graph in graphs])
    edges = [graph.edges + start for graph, start in zip(graphs, first, strict=False)]
    features = [graph.node_features[:, :n_features] for graph in graphs]
    network = [np.full(graph.n_nodes, number) for number, graph in enumerate(graphs)]
    if full:
        center = first[-1]
        hubs = [start + _hub(graph) for graph, start in zip(graphs, first, strict=False) if graph.n_nodes]
        edges.append(np.stack([np.full(len(hubs), center), hubs]))
        features.append(np.zeros((1, n_features)))
        network.append(np.array([len(graphs)]))
    index = np.concatenate(edges, axis=1)
    both = np.unique(np.concatenate([index, index[::-1]], axis=1), axis=1)
    return {
        "x": torch.as_tensor(np.concatenate(features), dtype=dtype),
        "edge_index": torch.as_tensor(both.astype(np.int64)),
        "network": torch.as_tensor(np.concatenate(network)),
    }


def _hub(graph: NetworkFeatures) -> int:
    return int(np.bincount(graph.edges.ravel(), minlength=graph.n_nodes).argmax())


class ClassGCN(torch.nn.Module):
    r"""Classify the nodes of a graph.

    Each layer is :math:`\operatorname{ReLU}(\hat D^{-1/2} (A + I) \hat D^{-1/2} H W)`.

    Parameters
    ----------
    n_features, hidden_dim, n_classes, n_layers : int
    dropout : float
    pooled : bool
        Whether the last layer also sees the mean state of each network.
    """

    def __init__(
        self, n_features: int, hidden_dim: int, n_classes: int, n_layers: int, dropout: float, pooled: bool
    ) -> None:
        super().__init__()
        widths = [n_features, *[hidden_dim] * (n_layers - 1)]
        self.hidden = torch.nn.ModuleList(GCNConv(a, b) for a, b in itertools.pairwise(widths))
        self.out = GCNConv(widths[-1] * (2 if pooled else 1), n_classes)
        self.dropout = torch.nn.Dropout(dropout)
        self.pooled = pooled

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor, network: torch.Tensor) -> torch.Tensor:
        """Return the logits of the classes.

        Parameters
        ----------
        x : tensor of shape (n_nodes, n_features)
        edge_index : tensor of shape (2, n_edges)
            Both directions of each edge.
        network : tensor of shape (n_nodes,)
            Number of the network that each node belongs to.

        Returns
        -------
        tensor of shape (n_nodes, n_classes)
        """
        for conv in self.hidden:
            x = torch.relu(conv(self.dropout(x), edge_index))
        if self.pooled:
            x = torch.cat([x, global_mean_pool(x, network)[network]], dim=1)
        return self.out(self.dropout(x), edge_index)
