"""The default enhancement model: a graph network that scores every (target, source) pair, its loss and its training.

A perturbation spreads from one source, so each source has its own run of message passing in which it alone is marked.
All runs go through the same edges with the same weights; they are computed side by side, as one state per pair. What is
learned is the order of the pairs inside a network, since networks have no common scale: the loss is a correlation with
ranks, and predictions are standardized before models are averaged.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch_geometric.nn import MLP, MessagePassing

from skperturb._training import GraphBatch, fit_net, gentle_training
from skperturb.metrics import rank_data
from skperturb.networks._enhancer.examples import Example
from skperturb.networks._enhancer.features import EDGE_FEATURES, NODE_FEATURES, PAIR_FEATURES, NetworkFeatures

__all__ = ["fit_rank_model", "predict_rank_factor"]

# Pairs of one network that are in memory at a time in prediction: larger networks are cut into chunks of sources.
# One default model took 250 MB for a network of 450 nodes; with ten times as many pairs 900 MB and four times the
# time (15 s against 4 s), and with a tenth a quarter more time (5 s).
_MAX_PAIRS = 40_000

# Sources of one network in a training step, which bounds its time and memory; more teach little, since the network is
# the same. Learned from 30 networks of BioModels with at most 50 nodes, the correlation on 31 of other publications
# (reached pairs off the diagonal) is 0.397 to 0.415 for four seeds, 0.404 to 0.416 with ten times the sources (all of
# them), and 0.391 with two.
_TRAINING_SOURCES = 24

# Weight of the base estimator's standardized prediction beside that of the models. Networks of another kind than those
# that the models learned from are predicted better with it, and the others next to no worse. Inside the kind the weight
# hardly matters: on the networks just named the correlation is 0.397, with a tenth of the weight 0.396, and with ten
# times the weight, when the models do little more than break the ties of the base, 0.395.
_BASE_WEIGHT = 0.4

# The least magnitude of the base prediction whose logarithm is taken (1 is the response of the source itself). Entries
# of DynamoPropagation that are 0 but for rounding were below 1e-18, the others above 3e-11 (68 networks of BioModels).
# A hundred times more would make true differences equal; at 1e-18 rounding errors would become offsets of -41, which
# outweigh all other pairs of their network.
_LEAST_MAGNITUDE = 1e-12

# Standard deviation of the scores of a network (natural logarithms) below which they are all equal. Equal scores differ
# by rounding, 1e-14 for 3,000 pairs of size 30, and different offsets by 0.2 and more. Far less would standardize
# rounding errors to an order of pairs; far more would drop scores that a model gives on purpose.
_NO_SPREAD = 1e-12

# Added under the square root of the correlation, whose slope is infinite at constant scores. In the first two epochs
# on 40 networks the product of the two sums of squares was 0.6 or more, so that ten times more or less changes no
# correlation. It stands where single precision leaves the product for constant scores (2e-8 for 2,000 pairs of
# size 10): without it they would get a gradient made of rounding errors, and at 1 networks of few pairs would no longer
# count.
_NO_CORRELATION = 1e-8

# Nodes up to which messages are a product with a dense matrix, faster than gathering and scattering along edges in
# small networks: 0.5 against 0.9 ms at 40 nodes, 4 against 17 ms at 200; the two meet between 200 and 400 nodes
# (forward and backward, 24 sources, 3 edges for each node). Ten times more takes 2.6 s against 0.2 s, and memory
# that is quadratic in the nodes.
_DENSE_NODES = 400

# What a pair is to the loss.
_UNREACHED, _OFF_DIAGONAL, _DIAGONAL = 0, 1, 2

_Item = tuple[NetworkFeatures, np.ndarray, np.ndarray]


class _Networks(torch.utils.data.Dataset):
    """Networks with the true ranks of their pairs; each time with other sources, drawn from torch's random state."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.graphs = [example.graph for example in examples]
        self.targets = [_targets(example) for example in examples]

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: int) -> _Item:
        graph = self.graphs[index]
        sources = torch.randperm(graph.n_nodes)[:_TRAINING_SOURCES].sort().values.numpy()
        return graph, sources, self.targets[index][:, sources]


class _Chunks(torch.utils.data.Dataset):
    """All sources of networks, in chunks, with the true ranks of their pairs."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.items = [
            (example.graph, sources, _targets(example)[:, sources])
            for example in examples
            for sources in _source_chunks(example.graph.n_nodes)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> _Item:
        return self.items[index]


def fit_rank_model(
    examples: Sequence[Example], validation: Sequence[Example] | None, params: dict[str, Any], random_state: Any
) -> Any:
    """Train one model.

    Parameters
    ----------
    examples, validation : sequence of Example
        With their truths.
    params : dict
        Parameters of the estimator.
    random_state : int or RandomState

    Returns
    -------
    skorch.NeuralNet
    """
    dataset = _Networks(examples)
    n_steps = params["max_epochs"] * -(-len(dataset) // params["batch_size"])
    return fit_net(
        # Not a lambda: the net is pickled with what built its module.
        partial(
            PairGCN,
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
        label=params.get("label", ""),
        callbacks=[*gentle_training(params["lr"], n_steps), *(params["callbacks"] or [])],
    )


def predict_rank_factor(models: Sequence[Any], example: Example) -> np.ndarray:
    """Return the factor of each reached pair, from the mean of the models' standardized scores and the base's own."""
    if not example.reached.any():
        return np.zeros_like(example.base)
    score = np.mean([_standard_score(net.module_, example) for net in models], axis=0)
    score += _BASE_WEIGHT * _standardize(_offsets(example), example.reached)
    return np.exp(score) / np.where(example.reached, example.base, 1.0)


def _standard_score(module: Any, example: Example) -> np.ndarray:
    """Return a model's score of each pair: mean 0 and variance 1 over the reached pairs, 0 elsewhere."""
    score = np.zeros_like(example.base)
    with torch.no_grad():
        for sources in _source_chunks(example.graph.n_nodes):
            inputs = _inputs([(example.graph, sources)], torch.float64)
            score[:, sources] = module(**inputs)[:, 0].numpy().reshape(len(score), len(sources))
    return _standardize(score + _offsets(example), example.reached)


def _standardize(score: np.ndarray, reached: np.ndarray) -> np.ndarray:
    values, standard = score[reached], np.zeros_like(score)
    spread = values.std()
    if spread > _NO_SPREAD:
        standard[reached] = (values - values.mean()) / spread
    return standard


def _source_chunks(n_nodes: int) -> list[np.ndarray]:
    # Every k-th source, so that each chunk shows all parts of the network.
    n_chunks = max(1, -(-n_nodes * n_nodes // _MAX_PAIRS))
    return [np.arange(first, n_nodes, n_chunks) for first in range(min(n_chunks, n_nodes))]


def _offsets(example: Example) -> np.ndarray:
    """Return the logarithm of the base prediction, to which the model adds that of the factor."""
    return np.log(np.where(example.reached, np.maximum(example.base, _LEAST_MAGNITUDE), 1.0))


def _targets(example: Example) -> np.ndarray:
    """Return true ranks (all, off the diagonal, in the column), offsets and kinds: shape (n_nodes, n_nodes, 5)."""
    truth = np.asarray(example.truth)
    # What is undefined is nothing to learn from, like pairs that are not reached.
    known = example.reached & ~np.isnan(truth)
    diagonal = np.eye(example.graph.n_nodes, dtype=bool)
    ranks = [_ranks(truth, known), _ranks(truth, known & ~diagonal), _column_ranks(truth, known)]
    kind = np.where(known, np.where(diagonal, _DIAGONAL, _OFF_DIAGONAL), _UNREACHED)
    return np.stack([*ranks, _offsets(example), kind], axis=-1).astype(np.float32)


def _ranks(values: Any, keep: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rank_data(np.where(keep, values, np.nan), axis=None)) / max(int(keep.sum()), 1)


def _column_ranks(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    ranks = np.nan_to_num(rank_data(np.where(keep, values, np.nan)))
    return ranks / np.maximum(keep.sum(axis=0), 1)


def _collate(items: Sequence[_Item]) -> tuple[GraphBatch, torch.Tensor]:
    targets, first = [], 0
    for number, (_, sources, target) in enumerate(items):
        flat = target.reshape(-1, target.shape[-1])
        column = first + np.tile(np.arange(len(sources)), len(target))
        targets.append(np.column_stack([flat, np.full(len(flat), number), column]))
        first += len(sources)
    inputs = _inputs([(graph, sources) for graph, sources, _ in items], torch.float32)
    return GraphBatch(inputs, len(items)), torch.as_tensor(np.concatenate(targets), dtype=torch.float32)


def _inputs(chunks: Sequence[tuple[NetworkFeatures, np.ndarray]], dtype: torch.dtype) -> dict[str, torch.Tensor]:
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


class PairConv(MessagePassing):
    """Pass messages along the edges of one network, for many sources at once.

    Parameters
    ----------
    dense_nodes : int
        Number of nodes up to which the sum over neighbors is a product with a dense matrix.
    """

    def __init__(self, dense_nodes: int = _DENSE_NODES) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.dense_nodes = dense_nodes

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Sum the weighted features of the neighbors.

        Parameters
        ----------
        x : tensor of shape (n_nodes, n_sources, n_heads, n_channels)
        edge_index : tensor of shape (2, n_edges)
        weight : tensor of shape (n_edges, n_heads)

        Returns
        -------
        tensor of the shape of `x`
        """
        n_nodes, n_sources, n_heads, n_channels = x.shape
        if n_nodes > self.dense_nodes:
            return self.propagate(edge_index, x=x, weight=weight)
        dense = x.new_zeros(n_heads, n_nodes, n_nodes)
        dense[:, edge_index[1], edge_index[0]] = weight.T.to(x.dtype)  # under autocast they differ
        columns = x.permute(2, 0, 1, 3).reshape(n_heads, n_nodes, n_sources * n_channels)
        return torch.bmm(dense, columns).view(n_heads, n_nodes, n_sources, n_channels).permute(1, 2, 0, 3)

    def message(self, x_j: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Weight the features of the node that an edge starts at."""
        return x_j * weight[:, None, :, None]


class PairGCN(torch.nn.Module):
    """Score every (target, source) pair of every network of a batch.

    One state for each pair is passed along the edges, forwards and backwards, with weights that are learned from the
    edge and its two nodes; the features of the pair mark the source. To what the messages say, a difference of node
    potentials is added: where a substance is abundant, it answers strongly and acts weakly, as far as these are
    questions of scale.

    Parameters
    ----------
    n_node_features, n_edge_features, n_pair_features : int
    hidden_dim : int
        Width of the state of a pair.
    n_layers : int
        Number of rounds of message passing.
    dropout : float
        Share of the features of nodes and edges, and of the hidden units of the read-outs, that is dropped in training.
    n_heads : int, default=8
        Number of learned weights of an edge in each direction and round, reduced to a divisor of
        `hidden_dim`.
    """

    def __init__(
        self,
        n_node_features: int,
        n_edge_features: int,
        n_pair_features: int,
        hidden_dim: int,
        n_layers: int,
        dropout: float,
        n_heads: int = 8,
    ) -> None:
        super().__init__()
        self.n_layers = n_layers
        self.dropout = torch.nn.Dropout(dropout)
        # Every head has the same number of channels.
        self.n_heads = math.gcd(hidden_dim, n_heads)
        self.node = torch.nn.Linear(n_node_features, 2 * hidden_dim)
        self.pair = torch.nn.Linear(n_pair_features, hidden_dim)
        self.edge = MLP(
            [n_edge_features + 2 * n_node_features, hidden_dim, 2 * n_layers * self.n_heads], norm=None, act="relu"
        )
        self.conv = PairConv()
        self.update = torch.nn.ModuleList(torch.nn.Linear(3 * hidden_dim, hidden_dim) for _ in range(n_layers))
        self.norm = torch.nn.ModuleList(torch.nn.LayerNorm(hidden_dim) for _ in range(n_layers))
        self.readout = MLP(
            [hidden_dim * (n_layers + 1) + n_pair_features, 2 * hidden_dim, 1], norm=None, act="relu", dropout=dropout
        )
        self.potential = MLP([n_node_features, hidden_dim, 1], norm=None, act="relu", dropout=dropout)

    def forward(
        self,
        node_features: torch.Tensor,
        edge_features: torch.Tensor,
        edge_index: torch.Tensor,
        pair_features: torch.Tensor,
        pair_index: torch.Tensor,
        sizes: torch.Tensor,
    ) -> torch.Tensor:
        """Return the score of each pair, and the part of it that is a difference of potentials.

        Parameters
        ----------
        node_features : tensor of shape (n_nodes, n_node_features)
        edge_features : tensor of shape (n_edges, n_edge_features)
        edge_index : tensor of shape (2, n_edges)
            Numbered inside each network.
        pair_features : tensor of shape (n_pairs, n_pair_features)
            Target-major inside each network.
        pair_index : tensor of shape (2, n_pairs)
            Source and target of each pair, numbered through the batch.
        sizes : tensor of shape (n_networks, 3)
            Numbers of nodes, edges and sources of each network.

        Returns
        -------
        tensor of shape (n_pairs, 2)
        """
        counts = sizes.tolist()
        node_features, edge_features = self.dropout(node_features), self.dropout(edge_features)
        weights = self._edge_weights(node_features, edge_features, edge_index, counts)
        of_source, of_target = self.node(node_features).chunk(2, dim=1)
        state = self.pair(pair_features) + of_source[pair_index[0]] + of_target[pair_index[1]]
        states = [torch.relu(state)]
        for layer in range(self.n_layers):
            received = self._messages(states[-1], edge_index, weights[:, layer], counts)
            change = self.update[layer](torch.cat([states[-1], *received], dim=1))
            states.append(states[-1] + torch.relu(self.norm[layer](change)))
        potential = self.potential(node_features).squeeze(1)
        difference = potential[pair_index[1]] - potential[pair_index[0]]
        score = self.readout(torch.cat([*states, pair_features], dim=1)).squeeze(1)
        return torch.stack([score + difference, difference], dim=1)

    def _edge_weights(self, nodes, edges, edge_index, counts):
        """Return the weights of shape (n_edges, n_layers, 2, n_heads)."""
        ends, first = [], 0
        for (n_nodes, _, _), part in zip(counts, edge_index.split([c[1] for c in counts], dim=1), strict=True):
            ends.append(part + first)
            first += n_nodes
        source, target = torch.cat(ends, dim=1)
        weights = self.edge(torch.cat([edges, nodes[source], nodes[target]], dim=1))
        weights = weights.view(-1, self.n_layers, 2, self.n_heads)
        # Many neighbors would otherwise drown the state of a node.
        scale = [
            torch.zeros(len(nodes), dtype=nodes.dtype, device=nodes.device)
            .index_add_(0, end, torch.ones_like(end, dtype=nodes.dtype))[end]
            .rsqrt()
            for end in (target, source)
        ]
        return weights * torch.stack(scale, dim=1)[:, None, :, None]

    def _messages(self, state, edge_index, weights, counts):
        """Return what each pair receives along and against the edges."""
        along, against, pair, edge = [], [], 0, 0
        for n_nodes, n_edges, n_sources in counts:
            x = state[pair : pair + n_nodes * n_sources].view(n_nodes, n_sources, self.n_heads, -1)
            index, weight = edge_index[:, edge : edge + n_edges], weights[edge : edge + n_edges]
            along.append(self.conv(x, index, weight[:, 0]).reshape(n_nodes * n_sources, -1))
            against.append(self.conv(x, index.flip(0), weight[:, 1]).reshape(n_nodes * n_sources, -1))
            pair, edge = pair + n_nodes * n_sources, edge + n_edges
        return torch.cat(along), torch.cat(against)


class CorrelationLoss(torch.nn.Module):
    """One minus the Pearson correlation of scores and true ranks, in each network, averaged over the networks.

    The mean of three correlations counts: over all reachable pairs, over those off the diagonal, and inside each source
    column, which is what a person who perturbs one thing reads. The differences of potentials have a loss of their own,
    off the diagonal, so that they learn what nodes have in common over all pairs before the messages fit it pair by
    pair.
    """

    def forward(self, score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Compute the loss.

        Parameters
        ----------
        score : tensor of shape (n_pairs, 2)
            From `PairGCN`.
        truth : tensor of shape (n_pairs, 7)
            True rank, rank off the diagonal, rank in the column, offset of the score, kind of the pair (0 where none
            is reached, 1, or 2 on the diagonal), and the numbers of the network and of the column.
        """
        # Under autocast the scores come in bfloat16, whose sums over a network would be off in the third digit.
        score = score.to(truth.dtype)
        rank, rank_aside, rank_column, offset, kind, number, of_column = truth.unbind(dim=1)
        network, column = number.long(), of_column.long()
        reached, aside = (kind != _UNREACHED).to(score.dtype), (kind == _OFF_DIAGONAL).to(score.dtype)
        offset_score, difference = score[:, 0] + offset, score[:, 1]
        whole = _correlations(offset_score, rank, reached, network)
        off_diagonal = _correlations(offset_score, rank_aside, aside, network)
        in_columns = _correlations(offset_score, rank_column, reached, column, least=2)
        of_potentials = _correlations(difference, rank_aside, aside, network)
        return (1 - (whole + off_diagonal + in_columns) / 3) + (1 - of_potentials)


def _correlations(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, network: torch.Tensor, least: int = 0
) -> torch.Tensor:
    """Return the mean correlation over the groups that have at least so many pairs."""
    n_networks = int(network.max()) + 1

    def total(values):
        return torch.zeros(n_networks, dtype=x.dtype, device=x.device).index_add_(0, network, values * weight)

    pairs = total(torch.ones_like(x))
    count, large = pairs.clamp(min=1), (pairs >= least).to(x.dtype)
    x, y = x - (total(x) / count)[network], y - (total(y) / count)[network]
    correlations = total(x * y) / (total(x * x) * total(y * y) + _NO_CORRELATION).sqrt()
    return (correlations * large).sum() / large.sum().clamp(min=1)
