"""Elasticities, parameter sensitivities and control coefficients of one model at a steady state, as tables."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb.exceptions import ModelWarning, UndefinedSensitivityError, UnsupportedModelError
from skperturb.sbml._compiling.changes import why_unknown
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._responding.asked import check_flag, check_moment, check_values, listed_ids
from skperturb.sbml._responding.control import Disturbance, Response, by_parameters, by_reactions, responses
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.simulate import name_some
from skperturb.sbml._solving.steady_state import SteadyState

__all__ = ["control_coefficients", "elasticities", "parameter_sensitivity"]

# Largest part of the rates that balance each other which may be left at a state that is given as numbers. Control
# coefficients are wrong by about this part times the condition number; states printed with seven digits pass.
_AT_REST = 1e-6
# Part of what the variables contribute to a rate below which their contributions cancel. Rounding leaves some 1e-16 of
# them, times the number of terms; a net rate of a millionth of a millionth would have four digits at best.
_BALANCED = 1e-12
_STACK_LEVEL = 4  # of a warning: the caller of the public function
_KINDS = ("concentration", "flux")
_UNDEFINED = ("raise", "nan")


class _Point(NamedTuple):
    model: Any  # a KineticModel, which offers these tables itself and so cannot be imported here
    time: float
    x: np.ndarray
    at_start: bool  # whether parameters act on the initial values, too


def elasticities(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    wrt: str = "variables",
    scaled: bool = True,
    time: float = 0.0,
) -> pd.DataFrame:
    """Return what `skperturb.sbml.elasticities` documents."""
    _check("wrt", wrt, ("variables", "parameters"))
    check_flag(scaled=scaled)
    check_moment(time)
    point = _point(model, state, time=time, rests=False)
    slopes, parameters = point.model._slopes, point.model._system.parameter_values
    if wrt == "variables":
        table = slopes.rates_by_state(point.time, point.x, parameters)
        names, values = list(model.variables), point.x
    else:
        table = slopes.rates_by_parameter(point.time, point.x, parameters)
        names, values = list(model.parameters.index), np.array(parameters)
    _check_finite(point, table, model.reaction_ids, names)
    if scaled:
        table = _scaled(table, values, _rates(point))
    return _labelled(table, model.reaction_ids, names, "reaction", wrt.removesuffix("s"))


def parameter_sensitivity(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    kind: str = "concentration",
    scaled: bool = False,
    parameters: Sequence[str] | None = None,
    undefined: str = "raise",
) -> pd.DataFrame:
    """Return what `skperturb.sbml.parameter_sensitivity` documents."""
    _check("kind", kind, _KINDS)
    check_flag(scaled=scaled)
    _check("undefined", undefined, _UNDEFINED)
    point = _point(model, state)
    chosen = _chosen(model, parameters)
    names = [model._system.parameter_names[index] for index in chosen]
    disturbance = by_parameters(point.model, point.model._slopes, point.time, point.x, chosen, at_start=point.at_start)
    _check_finite(point, disturbance.forcing, model.variables, names)
    response = responses(_extended_jacobian(point), point.x, disturbance)
    _refuse_undefined(response, disturbance, model.variables, names, undefined)
    _warn_of_neighbors(model, response)
    moved = response.moved
    values = np.array([point.model._system.parameter_values[index] for index in chosen])
    if kind == "concentration":
        rows, level, basis, table = model.variables, "variable", point.x, moved
    else:
        rows, level, basis = model.reaction_ids, "reaction", _rates(point)
        table = _rates_follow(point, moved) + _direct_rates(point, chosen, names)
    return _labelled(_scaled(table, values, basis) if scaled else table, rows, names, level, "parameter")


def control_coefficients(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    kind: str = "concentration",
    scaled: bool = True,
    undefined: str = "raise",
) -> pd.DataFrame:
    """Return what `skperturb.sbml.control_coefficients` documents."""
    _check("kind", kind, _KINDS)
    check_flag(scaled=scaled)
    _check("undefined", undefined, _UNDEFINED)
    _refuse_varying(model)
    point = _point(model, state)
    disturbance = by_reactions(point.model)
    reactions = list(model.reaction_ids)
    response = responses(_extended_jacobian(point), point.x, disturbance)
    _refuse_undefined(response, disturbance, model.variables, reactions, undefined)
    _warn_of_neighbors(model, response)
    moved = response.moved
    rates = _rates(point)
    if kind == "concentration":
        rows, level, basis, table = model.variables, "variable", point.x, moved
    else:
        rows, level, basis = model.reaction_ids, "reaction", rates
        table = _rates_follow(point, moved) + np.eye(len(reactions))
    return _labelled(_scaled(table, rates, basis) if scaled else table, rows, reactions, level, "reaction changed")


# -- the point ----------------------------------------------------------------------------------------
def _point(model: Any, state: Any, *, time: float = 0.0, rests: bool = True) -> _Point:
    if not _is_model(model):
        raise TypeError(
            f"model is a {type(model).__name__}; expected a KineticModel. Make one with KineticModel.from_sbml."
        )
    _ = model._slopes  # made once here, so that every copy of the model shares what is compiled
    if state is None:
        state = model.steady_state()
    if isinstance(state, SteadyState):
        names = list(state.state.index)
        if names != list(model.variables):
            raise ValueError(f"state is that of another model: its variables are {names[:5]}, not model.variables.")
        x = state.state.to_numpy(dtype=float)
        if not model.event_ids:
            return _Point(model, state.time, x, at_start=True)
        settled = model.after_events(state)
        return _Point(_resting(settled, state.time, x), state.time, x, at_start=False)
    if isinstance(state, pd.Series):
        missing = [name for name in model.variables if name not in state.index]
        if missing or not state.index.is_unique:
            raise ValueError(
                f"state has no single value of {name_some(missing or list(state.index[state.index.duplicated()]))}; "
                "expected one for each of model.variables."
            )
        state = state[list(model.variables)]
    check_values(state, "state")
    x = model._checked_state(state)
    point = _Point(_resting(model, time, x), time, x, at_start=False)
    if rests:
        _refuse_motion(point)
    return point


def _is_model(value: Any) -> bool:
    return isinstance(value, Equations)


def _resting(model: Any, time: float, x: np.ndarray) -> Any:
    return model.continued(time, x, model._system.parameter_values)


def _refuse_motion(point: _Point) -> None:
    f = np.asarray(point.model.rhs(point.time, point.x))
    balance = np.abs(_jacobian(point)) @ scale_of(point.x)
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.where(f == 0.0, 0.0, np.abs(f) / balance)
    if not residual.size or not residual.max() > _AT_REST:
        return
    worst = int(residual.argmax())
    raise ValueError(
        f"state is not a steady state: d/dt of {point.model.variables[worst]!r} is {f[worst]:.3g} there, "
        f"{residual[worst]:.1e} of the rates that balance each other; expected at most {_AT_REST:g}. "
        "Take model.steady_state()."
    )


def _jacobian(point: _Point) -> np.ndarray:
    jacobian = point.model.jacobian(point.time, point.x)
    _check_finite(point, jacobian, point.model.variables, point.model.variables)
    return jacobian


def _extended_jacobian(point: _Point) -> np.ndarray:
    _jacobian(point)
    return point.model._slopes.rhs_by_state.extended(point.time, point.x, point.model._system.parameter_values)


def _rates(point: _Point) -> np.ndarray:
    """Return the reaction rates, zero where forward and backward rate cancel: what rounding leaves has no per cent."""
    slopes, at = point.model._slopes, (point.time, point.x, point.model._system.parameter_values)
    rates = np.array([float(value) for value in slopes.rates(*at)])
    with np.errstate(invalid="ignore"):
        gross = np.abs(slopes.rates_by_state(*at)) @ scale_of(point.x)
    return np.where(np.abs(rates) <= _BALANCED * gross, 0.0, rates)


def _rates_follow(point: _Point, moved: np.ndarray) -> np.ndarray:
    """Return the changes of the rates through the variables; what no variable passes on is exactly zero."""
    slopes = point.model._slopes.rates_by_state(point.time, point.x, point.model._system.parameter_values)
    _check_finite(point, slopes, point.model.reaction_ids, point.model.variables)
    # A variable that does not come to rest is NaN, which must not spread to rates that do not depend on it.
    lost = np.isnan(moved)
    found = slopes @ np.where(lost, 0.0, moved)
    found[((slopes != 0.0).astype(float) @ lost.astype(float)) > 0.0] = np.nan
    return found


def _direct_rates(point: _Point, chosen: list[int], names: list[str]) -> np.ndarray:
    model, system = point.model, point.model._system
    slopes = model._slopes.rates_by_parameter(point.time, point.x, system.parameter_values)
    if point.at_start and system.start is not None and not system.start.problem:
        n = len(model.variables)
        fixed = {leaf for leaf, name in enumerate(system.start.names) if name in system.overrides}
        values = np.array([*system.x0, *system.parameter_values], dtype=float)
        slopes = slopes @ system.start.derivatives(values, fixed, [n + index for index in chosen])[n:]
    else:
        slopes = slopes[:, chosen]
    _check_finite(point, slopes, model.reaction_ids, names)
    return slopes


# -- tables -------------------------------------------------------------------------------------------
def _scaled(table: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = table * sources / targets[:, None]
    # No response stays none, and a per cent of nothing is nothing, whatever the target is.
    scaled[(table == 0.0) | (sources == 0.0)] = 0.0
    scaled[np.isinf(scaled)] = np.nan
    return scaled


def _labelled(table: np.ndarray, rows: Any, columns: Any, row_name: str, column_name: str) -> pd.DataFrame:
    return pd.DataFrame(
        table, index=pd.Index(list(rows), name=row_name), columns=pd.Index(list(columns), name=column_name), dtype=float
    )


# -- checks -------------------------------------------------------------------------------------------
def _check(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; expected one of {list(choices)}.")


def _chosen(model: Any, parameters: Any) -> list[int]:
    known = model._system.parameter_names
    if parameters is None:
        return list(range(len(known)))
    names = listed_ids(parameters, "parameters")
    position = {name: index for index, name in enumerate(known)}
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in position:
            raise ValueError(why_unknown(model._system, name, initial=False, where=f"parameters[{index}]"))
    return [position[name] for name in names]


def _check_finite(point: _Point, table: np.ndarray, rows: Any, columns: Any) -> None:
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        i, j = bad[0]
        raise UnsupportedModelError(
            f"{point.model.model_id}: the derivative of {list(rows)[i]!r} with respect to {list(columns)[j]!r} is "
            f"{table[i, j]} at the state ({len(bad)} such entries)."
        )


def _refuse_undefined(
    response: Response, disturbance: Disturbance, variables: Sequence[str], names: Sequence[str], undefined: str
) -> None:
    moved = response.moved
    bad = np.argwhere(np.isnan(moved))
    if undefined == "nan" or not len(bad):
        return
    i, j = bad[0]
    why = "the Jacobian is singular beyond the conservation laws, and the change drives the variable for ever"
    if disturbance.undefined[j]:
        why = "it changes a conservation law itself"
    elif response.through_start[i, j]:
        why = (
            "the state is not isolated, the variable depends on its history there, and the change begins with the "
            "initial values"
        )
    raise UndefinedSensitivityError(
        f"the response of {variables[i]!r} to {names[j]!r} does not exist: {why} ({len(bad)} undefined entries). "
        "Pass undefined='nan' to get NaN there."
    )


def _warn_of_neighbors(model: Any, response: Response) -> None:
    """Say it where finite responses are given of variables that may rest at other values beside the state."""
    told = response.free & np.isfinite(response.moved).any(axis=1)
    if not told.any():
        return
    names = [name for name, free in zip(model.variables, told, strict=True) if free]
    warnings.warn(
        f"{model.model_id}: the steady state is not isolated: with the same conserved totals, neighboring states rest "
        f"too, in {name_some(names)}. Where the model comes to rest depends on its history. The responses are those of "
        "a change at the state, as of Intervention(at='steady_state'); a change from the beginning may lead elsewhere, "
        "see time_course_sensitivity.",
        ModelWarning,
        stacklevel=_STACK_LEVEL,
    )


def _refuse_varying(model: Any) -> None:
    if not _is_model(model):
        return
    if not model.reaction_ids:
        raise UnsupportedModelError(
            f"{model.model_id}: the model has no reactions, which control coefficients are about; "
            "parameter_sensitivity works for rate rules too."
        )
    if model._system.has_fast_reactions:
        raise UnsupportedModelError(
            f"{model.model_id}: the model has fast reactions, whose rates follow from their equilibrium, so that none "
            "can be changed by itself; use parameter_sensitivity, or declare them not fast."
        )
    moved = {row for row, *_ in model._system.reaction_terms}
    varying = [model.variables[row] for row in sorted(moved) if model.is_rate_rule[row]]
    if varying:
        raise UnsupportedModelError(
            f"{model.model_id}: reactions change {varying[0]!r} with a stoichiometry that varies, so a rate has no "
            "constant effect on it; use parameter_sensitivity."
        )
