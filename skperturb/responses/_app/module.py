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
    n_attended : int, default=None
        In training, attention ranges over so many nodes, drawn anew for each batch; None for all of them.
    n_levels : int, default=0
        Levels of contexts, of each of which a vector is learned; their columns stand behind the doses of the nodes.
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
        n_attended: int | None = None,
        n_levels: int = 0,
    ) -> None:
        super().__init__()
        self.n_attended = n_attended
        self.hidden_dim = hidden_dim
        self.context = context
        self.register_buffer("features", features)
        self.register_buffer("edge_index", edge_index)
        self.register_buffer("edge_weight", edge_weight)
        self.embedding = _Embedding(features, hidden_dim, n_layers, aggregation, embedding, dropout)
        # Zero for a level that is not trained, as for none.
        self.levels = nn.Parameter(torch.zeros(n_levels, hidden_dim)) if n_levels else None
        self.attention = _Attention(hidden_dim) if attention else None
        # Without attention the context is all that the decoder gets.
        self.skip = skip or not attention
        width = hidden_dim * (int(attention) + int(self.skip))
        self.decoder = _decoder(decoder, width, hidden_dim, n_outputs, dropout)
        if zero_init:
            for parameter in self.decoder[-1].parameters():
                nn.init.zeros_(parameter)

    def embed(self) -> torch.Tensor:
        """Return the vectors of the genes, shape (n_nodes, hidden_dim)."""
        return self.embedding(self.features, self.edge_index, self.edge_weight)

    def sum_context(self, genes: torch.Tensor, doses: torch.Tensor) -> torch.Tensor:
        """Return the context of each condition from the vectors of the genes."""
        doses, levels = doses[:, : len(genes)], doses[:, len(genes) :]
        context = doses @ genes
        if self.context == "mean":
            context = context / doses.abs().sum(dim=1, keepdim=True).clamp(min=_LEAST_DOSE)
        return context if self.levels is None else context + levels @ self.levels

    def forward(self, doses: torch.Tensor, genes: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the response to each row of doses, shape (n_conditions, n_nodes + n_levels)."""
        genes = self.embed() if genes is None else genes
        context = self.sum_context(genes, doses)
        parts = []
        if self.attention is not None:
            seen = self._attended(genes)
            parts.append(self.attention(seen, context) @ seen)
        if self.skip:
            parts.append(context)
        return self.decoder(torch.cat(parts, dim=1))

    def _attended(self, genes: torch.Tensor) -> torch.Tensor:
        if not self.training or self.n_attended is None or self.n_attended >= len(genes):
            return genes
        return genes[torch.randperm(len(genes), device=genes.device)[: self.n_attended]]


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
        self.first: torch.Tensor | None = None
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
        for depth, layer in enumerate(self.layers):
            assert self.convolution is not None
            if depth == 0 and self.free is None:
                vectors = self._first(features, edge_index, edge_weight)
            else:
                vectors = self.convolution(vectors, edge_index, edge_weight)
            vectors = self.dropout(torch.relu(layer(vectors)))
        return vectors

    def _first(
        self, features: torch.Tensor, edge_index: torch.Tensor, edge_weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Aggregate the features, which are the same in each batch: once for a device and a precision."""
        assert self.convolution is not None
        if self.first is None or self.first.dtype != features.dtype or self.first.device != features.device:
            # A tensor that is made while predicting could not be trained on later.
            with torch.inference_mode(False):
                self.first = self.convolution(features, edge_index, edge_weight)
        return self.first


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
