"""The network behind `GNEEmbedder`, and its objective and batches where the softmax is over all genes."""

import itertools
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional

__all__ = ["GNENetwork", "GeneRows", "RowLoss", "inclusion_probabilities"]

# Standard deviation of the free vectors that are summed over partners: small, so that tanh starts linear. With ten
# times more it starts saturated, and the AUROC of a simulated network of 200 genes falls by 0.002; ten times less is as
# good there.
_SUMMED_VECTOR_SCALE = 0.05
# Factor on the sum of d partners over √d. A row of that length leaves sums small; the factor lets tanh bend from the
# start. Ten times more bends it at once, ten times less keeps it linear; training makes up for either (AUROC ± 0.002).
_SUM_GAIN = 3.0
# Edges added to each in-degree under the logarithm of the starting bias: a gene without any starts at half an edge,
# neither impossible nor as popular as one with an edge. Ten times more blurs rare genes, ten times less puts those
# without edges out of reach; training makes up for either (AUROC ± 0.001).
_BIAS_OFFSET = 0.5
# Logit of a drawn candidate that is the true partner itself. Beside any other logit its exp is 0 in float32 (below
# exp(−104)), while gradients stay finite. Ten times less does the same; ten times more is infinite in half precision.
_EXCLUDED_LOGIT = -1e4
# Least probability of a candidate under the logarithm; only guards log(0). An edge among m gives its genes 1 / 2m by
# degree, so ten times more would bias the correction from 5e7 edges on; ten times less gains nothing.
_LEAST_PROBABILITY = 1e-9
# Genes up to which the normalizer of the softmax is exact, and the expected number of sampled ones beyond. All 4,511
# genes of E. coli take half as long again and change no AUROC on its validation interactions by 0.001; the time of the
# exact one grows with the square of the number of genes.
_EXACT_GENES, _SAMPLED_GENES = 1024, 512
# Bounds the memory of encoding all genes; what comes out does not depend on it beyond rounding.
_GENES_PER_BLOCK = 1024


class GNENetwork(nn.Module):
    """Encode genes as h, decode partners as ``h_i · v_j + b_j``.

    Parameters
    ----------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        Training graph; row i lists the partners of source i.
    expression : ndarray of shape (n_nodes, n_samples) or None
    encoder : {"gnn", "lookup"}
        "gnn" adds up vectors of the gene's partners, each partner being left out with probability `dropout`; "lookup"
        has a free vector for each gene.
    n_components, n_layers : int
    dropout, attribute_weight : float
    loss : {"softmax", "sampled_softmax", "bce"}
    n_negatives : int
        Candidates of each step ("sampled_softmax", shared by the batch) or of each pair ("bce").
    candidate_weights : ndarray of shape (n_nodes,)
        How often each gene is drawn as a candidate.
    """

    expression: torch.Tensor
    candidates: torch.Tensor
    inclusion: torch.Tensor

    def __init__(
        self,
        adjacency: sp.csr_array,
        expression: np.ndarray | None,
        *,
        encoder: str,
        n_components: int,
        n_layers: int,
        dropout: float,
        attribute_weight: float,
        loss: str,
        n_negatives: int,
        candidate_weights: np.ndarray,
    ) -> None:
        super().__init__()
        n_nodes = adjacency.shape[0]
        self.adjacency = adjacency
        self.encoder, self.loss = encoder, loss
        self.dropout, self.attribute_weight, self.n_negatives = dropout, attribute_weight, n_negatives
        if encoder == "lookup":
            # Long vectors turn slowly once they are scaled to length one: as in the authors' implementation.
            self.identity = nn.Parameter(torch.rand(n_nodes, n_components) * 2.0 - 1.0)
        else:
            self.identity = nn.Parameter(torch.randn(n_nodes, n_components) * _SUMMED_VECTOR_SCALE)
        self.output = nn.Parameter(torch.randn(n_nodes, n_components) * n_components**-0.5)
        # With the exact softmax, starting from the popularity spares the first epochs. Otherwise the vectors have to
        # learn it, because pair features such as Hadamard products do not see the bias.
        in_degrees = torch.from_numpy(np.bincount(adjacency.indices, minlength=n_nodes)).float()
        self.bias = nn.Parameter(torch.log(in_degrees + _BIAS_OFFSET) if loss == "softmax" else torch.zeros(n_nodes))
        width = n_components
        if expression is not None:
            self.register_buffer("expression", torch.from_numpy(expression).float())
            self.attribute = nn.Linear(expression.shape[1], n_components)
            width += n_components
        widths = [width, *[n_components] * n_layers]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        weights = torch.from_numpy(candidate_weights / candidate_weights.sum()).float()
        self.register_buffer("candidates", weights)
        self.register_buffer("inclusion", inclusion_probabilities(in_degrees, _SAMPLED_GENES, _EXACT_GENES))

    def _partners(self, genes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the partners of the genes one after the other, and where those of each gene begin and end."""
        rows = self.adjacency[genes.cpu().numpy()]
        device = self.output.device
        columns = torch.from_numpy(rows.indices.astype(np.int64)).to(device)
        return columns, torch.from_numpy(rows.indptr.astype(np.int64)).to(device)

    def encode(self, genes: torch.Tensor, partners: tuple[torch.Tensor, torch.Tensor] | None = None) -> torch.Tensor:
        """Return the vectors h of genes; `partners` are theirs if they are at hand."""
        if self.encoder == "gnn":
            columns, bounds = self._partners(genes) if partners is None else partners
            degrees = bounds.diff()
            weights = _SUM_GAIN * degrees.clamp_min(1).to(self.identity.dtype).rsqrt().repeat_interleave(degrees)
            weights = functional.dropout(weights, self.dropout, self.training)
            vectors = torch.tanh(_sum_rows(self.identity, columns, bounds, weights))
        else:
            vectors = functional.normalize(self.identity[genes])
        if hasattr(self, "attribute"):
            attribute = functional.elu(self.attribute(self.expression[genes]))
            vectors = torch.cat([vectors, self.attribute_weight * functional.normalize(attribute)], dim=1)
        for layer in self.layers:
            vectors = torch.tanh(layer(functional.dropout(vectors, self.dropout, self.training)))
        return vectors

    def encode_all(self) -> torch.Tensor:
        """Return the vectors h of all nodes, shape (n_nodes, n_components)."""
        genes = torch.arange(len(self.output), device=self.output.device)
        return torch.cat([self.encode(part) for part in genes.split(_GENES_PER_BLOCK)])

    def forward(self, source: torch.Tensor, target: torch.Tensor | None = None) -> Any:
        """Return what the loss needs.

        Logits that normalize, the number of true ones and their sum; or the logits of the pair and of candidates.
        """
        if self.loss == "softmax":
            columns, bounds = partners = self._partners(source)
            hidden = self.encode(source, partners)
            # Summed over the partners before the product: the same as one product for each edge.
            true = (hidden * _sum_rows(self.output, columns, bounds)).sum() + self.bias[columns].sum()
            return self._logits(hidden), bounds.diff(), true
        assert target is not None, "only the exact softmax needs no targets"
        hidden = self.encode(source)
        true = (hidden * self.output[target]).sum(dim=1) + self.bias[target]
        if self.loss == "sampled_softmax":
            return self._sampled(hidden, true, target)
        drawn = torch.multinomial(self.candidates, len(source) * self.n_negatives, replacement=True)
        drawn = drawn.view(len(source), self.n_negatives)
        return true, torch.einsum("bd,bkd->bk", hidden, self.output[drawn]) + self.bias[drawn]

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits whose exponentials sum to the softmax's denominator, or in training to an unbiased estimate.

        A gene that is drawn stands for 1 / π genes like it, π being the probability that it is drawn.
        """
        if not self.training or len(self.output) <= _EXACT_GENES:
            return hidden @ self.output.T + self.bias
        drawn = torch.nonzero(torch.rand_like(self.inclusion) < self.inclusion).squeeze(1)
        return hidden @ self.output[drawn].T + self.bias[drawn] - self.inclusion[drawn].log()

    def _sampled(
        self, hidden: torch.Tensor, true: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = torch.multinomial(self.candidates, self.n_negatives, replacement=True)
        logits = hidden @ self.output[drawn].T + self.bias[drawn]
        # Each logit is corrected by how often its gene is expected among the candidates.
        logits = logits - torch.log(self.n_negatives * self.candidates[drawn])
        logits = logits.masked_fill(target[:, None] == drawn[None, :], _EXCLUDED_LOGIT)
        return true - torch.log(self.n_negatives * self.candidates[target].clamp_min(_LEAST_PROBABILITY)), logits


def inclusion_probabilities(degrees: torch.Tensor, n_sampled: int, n_exact: int) -> torch.Tensor:
    """Return how probably each gene is drawn for the normalizer: in proportion to its degree, at most 1.

    Popular genes, whose share of the normalizer is large, are always drawn, which keeps its estimate steady; half of
    the weight is uniform, so that no gene stands for very many others.

    Parameters
    ----------
    degrees : tensor of shape (n_nodes,)
    n_sampled : int
        Sum of the probabilities.
    n_exact : int
        Number of nodes up to which all are drawn.

    Returns
    -------
    tensor of shape (n_nodes,)
    """
    n_nodes = len(degrees)
    if n_nodes <= n_exact:
        return torch.ones(n_nodes)
    weights = 0.5 / n_nodes + 0.5 * degrees.double() / degrees.sum().clamp_min(1)
    low, high = 0.0, n_sampled / float(weights.min())
    # Bisection for the factor at which the capped probabilities sum to what was asked for.
    for _ in range(60):
        factor = 0.5 * (low + high)
        low, high = (factor, high) if (factor * weights).clamp_max(1).sum() < n_sampled else (low, factor)
    return (high * weights).clamp_max(1).float()


def _sum_rows(
    table: torch.Tensor, columns: torch.Tensor, bounds: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Add up the rows of a table that belong to each gene; sparse rows make most of a dense product vain."""
    return functional.embedding_bag(
        columns, table, bounds, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


class RowLoss(nn.Module):
    """Cross-entropy of the softmax over all genes: the mean over edges of ``-log p(j | i)``."""

    def forward(self, prediction: Any, _target: Any) -> torch.Tensor:
        """Return the loss."""
        logits, degrees, true = prediction
        return ((degrees * logits.logsumexp(dim=1)).sum() - true) / degrees.sum().clamp_min(1)


class GeneRows(torch.utils.data.Dataset):
    """Genes with at least one partner, for the softmax over all genes."""

    def __init__(self, genes: np.ndarray) -> None:
        self.genes = torch.from_numpy(genes)

    def __len__(self) -> int:
        return len(self.genes)

    def __getitem__(self, index: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        genes = self.genes[index]
        return {"source": genes}, genes
