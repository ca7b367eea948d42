"""SBML models become differential equations, steady states, Jacobians and sensitivities."""

import importlib
from typing import Any

# Public name -> module that defines it, loaded on first use: importing this package loads no libsbml.
_PUBLIC = {
    "antimony_to_sbml": "_reading.antimony",
    "JacobianExtractor": "extractor",
    "KineticModel": "model",
    "NetworkStructure": "structure",
    "SteadyState": "_solving.steady_state",
    "conservation_laws": "_solving.moieties",
    "screen_models": "screen",
    "sensitivity_matrix": "sensitivity",
}

__all__ = [
    "JacobianExtractor",
    "KineticModel",
    "NetworkStructure",
    "SteadyState",
    "antimony_to_sbml",
    "conservation_laws",
    "screen_models",
    "sensitivity_matrix",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
