"""Exact responses of a steady state to interventions of each kind, in per cent per per cent."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from skperturb._network import InfluenceNetwork
from skperturb.exceptions import ModelWarning
from skperturb.sbml._responding.coefficients import control_coefficients, elasticities, parameter_sensitivity
from skperturb.sbml._solving.moieties import conservation_laws
from skperturb.sbml.sensitivity import sensitivity_matrix

__all__ = ["exact_responses"]

_TO = ("enzymes", "variables", "parameters")


def exact_responses(model: Any, to: str, kind: str) -> pd.DataFrame:
    """Return the table that `KineticModel.response_matrix` documents."""
    if to not in _TO:
        raise ValueError(f"to={to!r} is unknown; expected one of {list(_TO)}.")
    if to == "enzymes":
        return control_coefficients(model, kind=kind, undefined="nan")
    if to == "parameters":
        return parameter_sensitivity(model, kind=kind, scaled=True, undefined="nan")
    steady = model.steady_state()
    settled = model if steady.changed_parameters.empty else model.after_events(steady)
    network = InfluenceNetwork(
        settled.jacobian(steady.time, steady.state.to_numpy()),
        names=list(model.variables),
        state=steady.state,
        conservation_laws=conservation_laws(settled),
    )
    with warnings.catch_warnings():
        # Columns that are formal slopes are part of the table; `sensitivity_matrix` names them.
        warnings.simplefilter("ignore", ModelWarning)
        moved = sensitivity_matrix(network, kind="relative", undefined="nan")
    assert isinstance(moved, pd.DataFrame)
    moved = moved.rename_axis(index="variable", columns="variable held")
    if kind == "concentration":
        return moved
    slopes = elasticities(model, steady)
    table = np.zeros((len(slopes), moved.shape[1]))
    for slope, responses in zip(slopes.to_numpy().T, moved.to_numpy(), strict=True):
        # What does not depend on a variable does not mind that its response is undefined or infinite.
        with np.errstate(invalid="ignore"):
            table += np.where(slope[:, None] == 0.0, 0.0, slope[:, None] * responses)
    return pd.DataFrame(table, index=slopes.index, columns=moved.columns)
