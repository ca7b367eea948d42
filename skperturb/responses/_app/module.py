"""The torch module of AdaptivePerturbPredictor: gene embedding, perturbation context, attention, decoder."""

from itertools import pairwise

import torch
from torch import nn
from torch_geometric.nn import SimpleConv

__all__ = ["AdaptivePerturbModule", "WeightedSquares"]

#: Least sum of doses that the mean context is divided by: a control gets 0 / this = 0, not 0 / 0. It lies far below any
#: dose and far above the smallest float32 (1e-38), so that ten times more or less changes nothing.
_LEAST_DOSE = 1e-12


class AdaptivePerturbModule(nn.Module):
    """Predict responses from doses of genes that are nodes of a graph.

    Parameters
    ----------
    features : tensor of shape (n_nodes, n_features)
        Input features of the nodes; with no column, and for ``embedding="identity"``, a vector per node is learned.
    edge_index : tensor of shape (2, n_edges)
        Both directions of each edge.
    n_outputs, hidden_dim, n_layers : int
    dropout : float
    context, aggregation, embedding, decoder : str
    attention, skip, zero_init : bool
        See `APPRegressor`; `zero_init` starts with the prediction 0.
    edge_weight : tensor of shape (n_edges,), default=None
        Of the messages along edges; a gene's message to itself weighs 1.
    """

    features: torch.Tensor
    edge_index: torch.Tensor
    edge_weight: torch.Tensor | None

    def __init__(
        self,
        features: torch.Tensor,
        edge_index: torch.Tensor,
        n_outputs: int,
        *,
        hidden_dim: int,
        n_layers: int,
        dropout: float,
        context: str,
        aggregation: str,
        embedding: str,
        decoder: str,
        attention: bool,
        skip: bool,
        zero_init: bool,
        edge_weight: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.context = context
        self.register_buffer("features", features)
        self.register_buffer("edge_index", edge_index)
        self.register_buffer("edge_weight", edge_weight)
        self.embedding = _Embedding(features, hidden_dim, n_layers, aggregation, embedding, dropout)
        self.attention = _Attention(hidden_dim) if attention else None
        # Without attention the context is all that the decoder gets.
        self.skip = skip or not attention
        width = hidden_dim * (int(attention) + int(self.skip))
        self.decoder = _decoder(decoder, width, hidden_dim, n_outputs, dropout)
        if zero_init:
            for parameter in self.decoder[-1].parameters():
                nn.init.zeros_(parameter)

    def embed(self, doses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors of the genes and the context of each condition."""
        genes = self.embedding(self.features, self.edge_index, self.edge_weight)
        context = doses @ genes
        if self.context == "mean":
            context = context / doses.abs().sum(dim=1, keepdim=True).clamp(min=_LEAST_DOSE)
        return genes, context

    def forward(self, doses: torch.Tensor) -> torch.Tensor:
        """Predict the response to each row of doses, shape (n_conditions, n_nodes)."""
        genes, context = self.embed(doses)
        parts = [] if self.attention is None else [self.attention(genes, context) @ genes]
        if self.skip:
            parts.append(context)
        return self.decoder(torch.cat(parts, dim=1))


class WeightedSquares(nn.Module):
    """Mean squared error in which conditions count by a weight, the last column of the target."""

    def forward(self, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean of the squared errors."""
        weight = target[:, -1:]
        squares = weight * (predicted - target[:, :-1]) ** 2
        return squares.sum() / (weight.sum() * predicted.shape[1])


class _Embedding(nn.Module):
    """Layers of aggregation over a gene and its neighbors, a linear map and a rectifier."""

    fixed: torch.Tensor

    def __init__(
        self,
        features: torch.Tensor,
        hidden_dim: int,
        n_layers: int,
        aggregation: str,
        kind: str,
        dropout: float,
    ) -> None:
        super().__init__()
        n_nodes, n_features = features.shape
        self.free = None
        self.convolution = None
        self.layers = nn.ModuleList()
        if kind == "random":
            self.register_buffer("fixed", torch.randn(n_nodes, hidden_dim))
        elif kind == "identity" or n_features == 0:
            self.free = nn.Parameter(torch.randn(n_nodes, hidden_dim))
        self.kind = kind
        if kind == "gnn":
            first = hidden_dim if n_features == 0 else n_features
            widths = [first] + [hidden_dim] * n_layers
            self.convolution = SimpleConv(aggr=aggregation, combine_root="self_loop")
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, features: torch.Tensor, edge_index: torch.Tensor, edge_weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        if self.kind == "random":
            return self.fixed
        vectors = features if self.free is None else self.free
        for layer in self.layers:
            assert self.convolution is not None
            vectors = self.dropout(torch.relu(layer(self.convolution(vectors, edge_index, edge_weight))))
        return vectors


class _Attention(nn.Module):
    """Additive attention of a context over all genes."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.of_context = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.of_gene = nn.Linear(hidden_dim, hidden_dim)
        self.score = nn.Linear(hidden_dim, 1, bias=False)

    def forward(self, genes: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Return weights of shape (n_conditions, n_genes) that sum to one for each condition."""
        mixed = torch.tanh(self.of_context(context)[:, None, :] + self.of_gene(genes)[None, :, :])
        return torch.softmax(self.score(mixed).squeeze(-1), dim=1)


def _decoder(kind: str, width: int, hidden_dim: int, n_outputs: int, dropout: float) -> nn.Sequential:
    if kind == "linear":
        return nn.Sequential(nn.Linear(width, n_outputs))
    return nn.Sequential(nn.Linear(width, hidden_dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_dim, n_outputs))
