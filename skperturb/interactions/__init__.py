"""Known interactions of genes become new ones: embeddings, and similarity indices as their baselines."""

import importlib
from typing import Any

# Public name -> module that defines it, loaded on first use.
_PUBLIC = {
    "AdamicAdar": "_similarity_indices",
    "CommonNeighbors": "_similarity_indices",
    "DegreeProduct": "_similarity_indices",
    "ExpressionCorrelation": "_correlation",
    "GNEEmbedder": "_gne.estimator",
    "IsomapGeneEmbedder": "_embeddings",
    "JaccardIndex": "_similarity_indices",
    "LINEGeneEmbedder": "_line",
    "L3Paths": "_similarity_indices",
    "Node2VecGeneEmbedder": "_node2vec",
    "ResourceAllocation": "_similarity_indices",
    "SpectralGeneEmbedder": "_embeddings",
}

__all__ = [
    "AdamicAdar",
    "CommonNeighbors",
    "DegreeProduct",
    "ExpressionCorrelation",
    "GNEEmbedder",
    "IsomapGeneEmbedder",
    "JaccardIndex",
    "L3Paths",
    "LINEGeneEmbedder",
    "Node2VecGeneEmbedder",
    "ResourceAllocation",
    "SpectralGeneEmbedder",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
