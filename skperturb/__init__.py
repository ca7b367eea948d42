"""skperturb: predict what happens when a biological system is perturbed."""

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

_SUBMODULES = (
    "callbacks",
    "datasets",
    "exceptions",
    "interactions",
    "metrics",
    "model_selection",
    "networks",
    "persistence",
    "plotting",
    "report",
    "reproduce",
    "responses",
    "sbml",
    "testing",
)

# Public name -> module that defines it. Everything is loaded on first use (PEP 562), so that
# ``import skperturb`` costs no more than the imports that the user asks for.
_PUBLIC = {
    "APPRegressor": "responses",
    "AdditiveRegressor": "responses",
    "DynamoDistance": "networks",
    "DynamoFirstNeighbor": "networks",
    "DynamoPropagation": "networks",
    "GCNEnhancer": "networks",
    "GNEEmbedder": "interactions",
    "InfluenceNetwork": "networks",
    "Intervention": "sbml",
    "JacobianExtractor": "sbml",
    "KernelPerturbationRegressor": "responses",
    "KineticModel": "sbml",
    "LinearPerturbationRegressor": "responses",
    "PerturbationEncoder": "responses",
    "StructuralSensitivity": "networks",
    "perturb": "sbml",
    "pseudobulk": "responses",
    "screen_models": "sbml",
    "sensitivity_matrix": "sbml",
    "to_anndata": "responses",
}

__all__ = ["__version__", *_SUBMODULES, *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
