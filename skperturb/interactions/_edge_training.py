"""What networks that train on single edges share: the edges as a dataset, and the loss against drawn negatives."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

__all__ = ["EdgeBatches", "PairLoss"]


class EdgeBatches(torch.utils.data.Dataset):
    """Directed edges: source, target."""

    def __init__(self, edges: np.ndarray) -> None:
        self.edges = torch.from_numpy(edges)

    def __len__(self) -> int:
        return len(self.edges)

    def __getitem__(self, index: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        source, target = self.edges[index].unbind(-1)
        return {"source": source, "target": target}, target


class PairLoss(nn.Module):
    """Cross-entropy of a true pair against its candidates, or of each of them alone."""

    def __init__(self, binary: bool = False) -> None:
        super().__init__()
        self.binary = binary

    def forward(self, prediction: Any, _target: Any) -> torch.Tensor:
        """Return the loss."""
        true, candidates = prediction
        if self.binary:
            return (functional.softplus(-true) + functional.softplus(candidates).mean(dim=1)).mean()
        return (torch.cat([true[:, None], candidates], dim=1).logsumexp(dim=1) - true).mean()
