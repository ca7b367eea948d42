"""The torch module of the default enhancement model: message passing with the source marked."""

import math

import torch
from torch_geometric.nn import MLP, MessagePassing

__all__ = ["CorrelationLoss", "SourceConv", "SourceGCN"]

# Up to this size a dense product is faster than gathering and scattering along edges.
_DENSE_NODES = 400


class SourceConv(MessagePassing):
    """Pass messages along the edges of one network, for many sources at once.

    Parameters
    ----------
    dense_nodes : int
        Number of nodes up to which the sum over neighbours is a product with a dense matrix.
    """

    def __init__(self, dense_nodes: int = _DENSE_NODES) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.dense_nodes = dense_nodes

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Sum the weighted features of the neighbours.

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
        dense[:, edge_index[1], edge_index[0]] = weight.T
        columns = x.permute(2, 0, 1, 3).reshape(n_heads, n_nodes, n_sources * n_channels)
        return torch.bmm(dense, columns).view(n_heads, n_nodes, n_sources, n_channels).permute(1, 2, 0, 3)

    def message(self, x_j: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Weight the features of the node that an edge starts at."""
        return x_j * weight[:, None, :, None]


class SourceGCN(torch.nn.Module):
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
        self.conv = SourceConv()
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
        # Many neighbours would otherwise drown the state of a node.
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

    The mean of two correlations counts: over all reachable pairs, and over those off the diagonal. The differences of
    potentials have a loss of their own, off the diagonal, so that they learn what nodes have in common over all pairs
    before the messages fit it pair by pair.
    """

    def forward(self, score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Compute the loss.

        Parameters
        ----------
        score : tensor of shape (n_pairs, 2)
            From `SourceGCN`.
        truth : tensor of shape (n_pairs, 5)
            True rank, rank off the diagonal, offset of the score, whether the pair counts (2 on the diagonal), and
            the number of the network.
        """
        network = truth[:, 4].long()
        reached, aside = (truth[:, 3] > 0).to(score.dtype), (truth[:, 3] == 1).to(score.dtype)
        offset_score, difference = score[:, 0] + truth[:, 2], score[:, 1]
        whole = _correlations(offset_score, truth[:, 0], reached, network)
        off_diagonal = _correlations(offset_score, truth[:, 1], aside, network)
        of_potentials = _correlations(difference, truth[:, 1], aside, network)
        return (1 - (whole + off_diagonal) / 2) + (1 - of_potentials)


def _correlations(x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, network: torch.Tensor) -> torch.Tensor:
    n_networks = int(network.max()) + 1

    def total(values):
        return torch.zeros(n_networks, dtype=x.dtype, device=x.device).index_add_(0, network, values * weight)

    count = total(torch.ones_like(x)).clamp(min=1)
    x, y = x - (total(x) / count)[network], y - (total(y) / count)[network]
    return (total(x * y) / (total(x * x) * total(y * y) + 1e-8).sqrt()).mean()
