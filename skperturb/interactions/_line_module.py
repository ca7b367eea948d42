"""The vectors behind `LINEGeneEmbedder`."""

import numpy as np
import torch
from torch import nn

__all__ = ["LINENetwork"]


class LINENetwork(nn.Module):
    """Vectors of first-order and of second-order proximity, side by side.

    Parameters
    ----------
    n_nodes, n_components, n_negatives : int
    weights : ndarray of shape (n_nodes,)
        How often each node is drawn as a negative.
    """

    weights: torch.Tensor

    def __init__(self, n_nodes: int, n_components: int, n_negatives: int, weights: np.ndarray) -> None:
        super().__init__()
        self.n_negatives = n_negatives
        first = n_components // 2
        # Short vectors, as word2vec starts: longer ones saturate the sigmoid, and zero ones have no gradient.
        self.first = nn.Parameter((torch.rand(n_nodes, first) - 0.5) / first)
        self.second = nn.Parameter((torch.rand(n_nodes, n_components - first) - 0.5) / first)
        self.context = nn.Parameter(torch.zeros(n_nodes, n_components - first))
        self.register_buffer("weights", torch.from_numpy(weights / weights.sum()).float())

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores of the pairs and of drawn ones, the two orders one after the other."""
        drawn = torch.multinomial(self.weights, len(source) * self.n_negatives, replacement=True)
        drawn = drawn.view(len(source), self.n_negatives)
        true, candidates = [], []
        for vectors, partners in ((self.first, self.first), (self.second, self.context)):
            true.append((vectors[source] * partners[target]).sum(dim=1))
            candidates.append(torch.einsum("bd,bkd->bk", vectors[source], partners[drawn]))
        return torch.cat(true), torch.cat(candidates)

    def vectors(self) -> np.ndarray:
        """Return both halves, each scaled to rows of length one."""
        halves = [nn.functional.normalize(half.detach()).numpy() for half in (self.first, self.second)]
        return np.hstack(halves)
