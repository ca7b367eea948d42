"""Other values for the parameters or the initial state of a compiled system, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skperturb._near_names import nearest
from skperturb.exceptions import UnsupportedModelError

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System

__all__ = ["changed_system", "check_changes", "why_unknown"]


def check_changes(system: System, changes: Any, *, initial: bool, where: str) -> dict[str, float]:
    """Return changes by name after a check of every name and value.

    Parameters
    ----------
    system : System
        The equations.
    changes : mapping of str to float or Series
        New values.
    initial : bool
        Whether they belong to variables, and else to parameters.
    where : str
        What the messages call `changes`.
    """
    if isinstance(changes, pd.Series):
        if not changes.index.is_unique:
            twice = changes.index[changes.index.duplicated()][0]
            raise ValueError(f"{where} has two values for {twice!r}; expected each id once.")
        changes = changes.to_dict()
    if not isinstance(changes, Mapping):
        raise TypeError(f"{where} is a {type(changes).__name__}; expected a mapping of names to numbers or a Series.")
    members = set(system.variables if initial else system.parameter_names)
    for name, value in changes.items():
        if not isinstance(name, str) or name not in members:
            raise ValueError(why_unknown(system, name, initial=initial, where=where))
        _check_value(system, name, value, where)
    return {name: float(value) for name, value in changes.items()}


def why_unknown(system: System, name: Any, *, initial: bool, where: str) -> str:
    """Return the message for a name that is no variable, or no parameter, of a system."""
    known = system.variables if initial else system.parameter_names
    kind = "variable" if initial else "parameter"
    problem = f"{where}: {name!r} is not a {kind} of the model"
    if not isinstance(name, str):
        return f"{problem}; expected an id (a string)."
    if name in system.assigned:
        return f"{where}: {name!r} is determined by a rule, so it has no value of its own; {_sources(system, name)}."
    if name in system.reaction_ids:
        return f"{problem} but a reaction; to change its rate use Intervention(scale={{{name!r}: 0.5}})."
    if initial and name in system.parameter_names:
        return f"{problem} but stays constant; set it with with_parameters({{{name!r}: ...}})."
    if not initial and name in system.variables:
        return f"{problem} but a variable; set its initial value with with_initial({{{name!r}: ...}})."
    if name in system.symbols:
        return f"{problem} but a number that the file writes into the equations; change it there."
    return f"{problem}{nearest(name, known)}; expected one of model.{'variables' if initial else 'parameters.index'}."


def _sources(system: System, name: str) -> str:
    graph = system.graph
    leaves = graph.reachable([system.symbols[name]])
    names = [system.parameter_names[graph.operands[node][0]] for node in leaves if graph.operation[node] == "parameter"]
    if not names:
        return "change what it is computed from in the file"
    shown = ", ".join(repr(other) for other in names[:5])
    return f"change what it is computed from: {shown}{' and others' if len(names) > 5 else ''}"


def _is_finite(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except OverflowError:  # of an integer beyond all floats
        return False


def _check_value(system: System, name: str, value: Any, where: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not _is_finite(value):
        raise ValueError(f"{where}[{name!r}] is {value!r}; expected a finite number.")
    if name in system.species and float(value) < 0.0:
        raise ValueError(f"{where}[{name!r}] is {float(value):g}, a negative amount; expected a number >= 0.")
    if system.start is not None and name in system.start.compartments and not float(value) > 0.0:
        raise ValueError(f"{where}[{name!r}] is {float(value):g}, the size of a compartment; expected a number > 0.")


def changed_system(system: System, changes: Mapping[str, float]) -> System:
    """Return the system with other values, and everything that follows from them at the start.

    Initial assignments and conversions between amounts and concentrations that depend on what is changed are
    evaluated anew, except for what has been given a value of its own.
    """
    start = system.start
    if start is None or start.problem:
        reason = "the model was made without them" if start is None else start.problem
        raise UnsupportedModelError(f"the initial values cannot be evaluated anew: {reason}")
    index = {name: leaf for leaf, name in enumerate(start.names)}
    overrides = system.overrides | changes.keys()
    values = np.array([*system.x0.tolist(), *system.parameter_values], dtype=float)
    changed = {index[name] for name in changes}
    for name, value in changes.items():
        values[index[name]] = value
    start.follow(values, changed, {index[name] for name in overrides})
    n = len(system.variables)
    x0 = values[:n].copy()
    x0.setflags(write=False)
    volumes, conversion, entries = system.volumes, system.conversion, system.stoichiometry
    if start.volumes:
        volumes = volumes.copy()
        for variable, size in start.value_of(start.volumes, values).items():
            volumes[variable] = size
        volumes.setflags(write=False)
    if start.conversion:
        conversion = conversion | start.value_of(start.conversion, values)
    if start.stoichiometry:
        merged = entries | start.value_of(start.stoichiometry, values)
        entries = {key: value for key, value in merged.items() if value != 0.0}
    return replace(
        system,
        x0=x0,
        parameter_values=values[n:].tolist(),
        volumes=volumes,
        conversion=conversion,
        stoichiometry=entries,
        overrides=overrides,
    )
