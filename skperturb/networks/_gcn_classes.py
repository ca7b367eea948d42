"""The torch module of the published enhancement model: node classification by graph convolutions."""

import itertools

import torch
from torch_geometric.nn import GCNConv, global_mean_pool

__all__ = ["ClassGCN"]


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
