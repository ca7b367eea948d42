"""Known interactions of genes become new ones: embeddings, neighbourhood scores and their baselines."""

import importlib
from typing import Any

# Public name -> module that defines it, loaded on first use.
_PUBLIC = {
    "AdamicAdar": "_neighbourhood_scores",
    "CommonNeighbors": "_neighbourhood_scores",
    "DegreeProduct": "_neighbourhood_scores",
    "ExpressionCorrelation": "_expression_models",
    "GNEEmbedder": "_gne",
    "IsomapGeneEmbedder": "_embeddings",
    "JaccardIndex": "_neighbourhood_scores",
    "LINEGeneEmbedder": "_line",
    "L3Paths": "_neighbourhood_scores",
    "Node2VecGeneEmbedder": "_node2vec",
    "ResourceAllocation": "_neighbourhood_scores",
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
