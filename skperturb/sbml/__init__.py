"""SBML models become differential equations, steady states, Jacobians and sensitivities."""

import importlib
from typing import Any

# Public name -> module that defines it, loaded on first use: importing this package loads no libsbml.
_PUBLIC = {
    "antimony_to_sbml": "_reading.antimony",
    "Intervention": "interventions",
    "InterventionTransformer": "intervention_transformer",
    "JacobianExtractor": "extractor",
    "KineticModel": "model",
    "NetworkStructure": "structure",
    "SteadyState": "_solving.steady_state",
    "conservation_laws": "_solving.moieties",
    "control_coefficients": "control",
    "elasticities": "control",
    "parameter_sensitivity": "control",
    "perturb": "interventions",
    "read_conditions": "parameter_tables",
    "read_parameters": "parameter_tables",
    "read_simulations": "simulation_files",
    "Simulation": "simulation_files",
    "run_archive": "archive_runs",
    "screen_models": "screen",
    "sensitivity_matrices": "sensitivity",
    "sensitivity_matrix": "sensitivity",
    "simulate_many": "parameter_sets",
    "steady_states": "parameter_sets",
    "time_course_sensitivity": "time_course",
}

__all__ = [
    "Intervention",
    "InterventionTransformer",
    "JacobianExtractor",
    "KineticModel",
    "NetworkStructure",
    "Simulation",
    "SteadyState",
    "antimony_to_sbml",
    "conservation_laws",
    "control_coefficients",
    "elasticities",
    "parameter_sensitivity",
    "perturb",
    "read_conditions",
    "read_parameters",
    "read_simulations",
    "run_archive",
    "screen_models",
    "sensitivity_matrices",
    "sensitivity_matrix",
    "simulate_many",
    "steady_states",
    "time_course_sensitivity",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
