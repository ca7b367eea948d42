"""skperturb: predict what happens when a biological system is perturbed."""

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

_SUBMODULES = (
    "datasets",
    "exceptions",
    "metrics",
    "model_selection",
    "networks",
    "plotting",
    "reproduce",
    "sbml",
    "testing",
)

# Public name -> module that defines it. Everything is loaded on first use (PEP 562), so that
# ``import skperturb`` costs no more than the imports that the user asks for.
_PUBLIC = {
    "DynamoDistance": "networks",
    "DynamoFirstNeighbor": "networks",
    "DynamoPropagation": "networks",
    "InfluenceNetwork": "networks",
    "JacobianExtractor": "sbml",
    "KineticModel": "sbml",
    "screen_models": "sbml",
    "sensitivity_matrix": "sbml",
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
