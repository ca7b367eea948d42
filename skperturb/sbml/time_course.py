"""Sensitivities of a time course to parameters and initial values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb._near_names import nearest
from skperturb._validation import check_n_jobs
from skperturb.exceptions import UndefinedSensitivityError, UnsupportedModelError
from skperturb.sbml._compiling.changes import why_unknown
from skperturb.sbml._responding.asked import check_flag, listed_ids
from skperturb.sbml._responding.variational import SensitivityTrajectory, TotalDerivative
from skperturb.sbml._solving.simulate import bounds_of_run, check_times, refuse_events, stopped, tolerances
from skperturb.sbml.many_models import as_model, is_several, map_models
from skperturb.sbml.model import KineticModel

__all__ = ["time_course_sensitivity"]

_FORMS = ("wide", "long")
_UNDEFINED = ("raise", "nan")


class _Course(NamedTuple):
    """What was found at the output times."""

    values: np.ndarray  # of shape (n_times, n_outputs)
    slopes: np.ndarray  # of shape (n_times, n_outputs, n_directions)


def time_course_sensitivity(
    model: Any,
    times: ArrayLike,
    *,
    parameters: Sequence[str] | None = None,
    initial: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    scaled: bool = False,
    undefined: str = "raise",
    form: str = "wide",
    rtol: float = 1e-8,
    random_state: int = 0,
    on_error: str = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Any:
    r"""Compute how a time course depends on parameters and initial values, exactly.

    Parameters
    ----------
    model : KineticModel, str, path-like or a sequence of these
        The model, what `KineticModel.from_sbml` reads, or several of either.
    times : array-like of shape (n_times,)
        Strictly increasing, non-negative output times.
    parameters : sequence of str, default=None
        Ids of parameters; by default all of `KineticModel.parameters`.
    initial : sequence of str, default=None
        Ids of variables whose initial values count; by default all of `KineticModel.variables`.
    outputs : sequence of str, default=None
        What responds: any symbol of the model, or reactions for their rates; by default the variables.
    scaled : bool, default=False
        Return :math:`(p_j / x_i(t))\, dx_i(t) / dp_j`, in per cent per per cent.
    undefined : {"raise", "nan"}, default="raise"
        What to do where a derivative does not exist, see Notes.
    form : {"wide", "long"}, default="wide"
        Shape of the table.
    rtol : float, default=1e-8
        Relative tolerance of the trajectory and of the sensitivities.
    random_state : int, default=0
        Decides the order of simultaneous events, as in `KineticModel.simulate`.
    on_error : {"raise", "skip"}, default="raise"
        For several models, what to do with one that has no such table: raise its error with its index, or put an empty
        table in its place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs for several models, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar over several models when positive.

    Returns
    -------
    sensitivity : DataFrame
        Wide: index "time"; columns with the levels "output" and "with respect to" (parameters, then initial
        values), so that ``table["S"]`` is a table of times × parameters. Long: columns "time", "output",
        "with respect to", "kind" ("parameter" or "initial") and "sensitivity". For several models a 1-D object array
        of tables.

    Raises
    ------
    ValueError
        If an id is unknown (the nearest ones are named) or an option is not as described.
    UndefinedSensitivityError
        If a derivative does not exist and `undefined` is "raise".
    UnsupportedModelError
        If the model has delays or fast reactions, its events cannot be followed, or its initial values cannot be
        evaluated anew.
    IntegrationError
        If the integrator stops before the last time.

    See Also
    --------
    parameter_sensitivity : The limit for long times where the model comes to rest.

    Notes
    -----
    The derivatives :math:`S = dx/dp` obey the variational equations [1]_

    .. math:: \dot S = \frac{\partial f}{\partial x} S + \frac{\partial f}{\partial p}, \qquad
              S(0) = \frac{dx_0}{dp},

    whose matrices are the exact derivatives from the expression graph; initial assignments are followed, as
    `KineticModel.with_parameters` does. They are linear, and are solved by an implicit method of order 5 along the
    trajectory, with one factorization for all columns.

    An event moves with what triggers it. If the trigger :math:`g(x, p, t)` passes zero at :math:`\tau`,

    .. math:: \tau' = -\frac{g_x S^- + g_p}{g_x f^- + g_t}, \qquad
              S^+ = h_x (S^- + f^- \tau') + h_p + h_t \tau' - f^+ \tau'

    with the new state h [2]_; delays, values from the time of the trigger, changed parameters and compartments, and
    right-hand sides that jump are followed likewise. There is no derivative where a condition is touched but not
    crossed, where independent conditions change at one moment, and where a solution slides along a jump.

    At the moment of an event itself the values after it are given.

    References
    ----------
    .. [1] R. P. Dickinson and R. J. Gelinas, "Sensitivity analysis of ordinary differential equation systems: a direct
       method", J. Comput. Phys. 21:123-143, 1976.
    .. [2] E. N. Rozenwasser and R. M. Yusupov, "Sensitivity of Automatic Control Systems", CRC Press, 2000.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, time_course_sensitivity
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> name = model.variables[0]
    >>> table = time_course_sensitivity(model, [0.0, 1.0], parameters=[], initial=[name])
    >>> float(table[name, name].iloc[0])
    1.0
    """
    grid = check_times(times)
    check_n_jobs(n_jobs)
    _check("undefined", undefined, _UNDEFINED)
    _check("form", form, _FORMS)
    check_flag(scaled=scaled)
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ValueError(f"random_state={random_state!r} is not an integer >= 0.")
    compute = partial(
        _of_one,
        grid=grid,
        asked=(parameters, initial, outputs),
        scaled=scaled,
        undefined=undefined,
        form=form,
        options={"rtol": rtol, "random_state": random_state},
    )
    if is_several(model):
        return map_models(compute, model, None, on_error=on_error, n_jobs=n_jobs, verbose=verbose)
    return compute(as_model(model))


def _of_one(
    model: KineticModel,
    *,
    grid: np.ndarray,
    asked: tuple[Any, Any, Any],
    scaled: bool,
    undefined: str,
    form: str,
    options: dict[str, Any],
) -> pd.DataFrame:
    parameters, initial, outputs = asked
    _refuse(model)
    by_parameters = _chosen(model, parameters, initial=False)
    chosen = by_parameters + _chosen(model, initial, initial=True)
    wanted = _outputs(model, outputs)
    course = _follow(model, grid, chosen, wanted, undefined, **options)
    slopes = _scaled(course, _values(model, chosen)) if scaled else course.slopes
    return _table(grid, wanted, chosen, slopes, len(by_parameters), form)


# -- what is asked for --------------------------------------------------------------------------------
def _check(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; expected one of {list(choices)}.")


def _refuse(model: KineticModel) -> None:
    system = model._system
    if system.graph.has_delays:
        raise UnsupportedModelError(
            f"{model.model_id}: the model has delays (delay()), along which sensitivities are not followed; compare "
            "time courses of model.with_parameters(...) instead."
        )
    if system.has_fast_reactions:
        raise UnsupportedModelError(
            f"{model.model_id}: the model has fast reactions, whose equilibrium decides the initial state; declare "
            "them not fast."
        )
    if system.start is None or system.start.problem:
        why = "the model was made without them" if system.start is None else system.start.problem
        raise UnsupportedModelError(f"{model.model_id}: the initial values cannot be evaluated anew: {why}")
    if model.event_ids:
        refuse_events(model)


def _chosen(model: KineticModel, names: Any, *, initial: bool) -> list[str]:
    known = list(model.variables if initial else model._system.parameter_names)
    where = "initial" if initial else "parameters"
    if names is None:
        return known
    names = listed_ids(names, where)
    members = set(known)
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in members:
            raise ValueError(why_unknown(model._system, name, initial=initial, where=f"{where}[{index}]"))
    return names


def _outputs(model: KineticModel, names: Any) -> list[str]:
    if names is None:
        return list(model.variables)
    names = listed_ids(names, "outputs")
    known = {*model._system.symbols, *model.reaction_ids}
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in known:
            offered = nearest(str(name), sorted(known))
            raise ValueError(f"outputs[{index}]: {name!r} is no symbol or reaction of the model{offered}.")
    return names


def _values(model: KineticModel, chosen: list[str]) -> np.ndarray:
    values = dict(zip(model.variables, model.x0.tolist(), strict=True))
    values |= dict(zip(model._system.parameter_names, model._system.parameter_values, strict=True))
    return np.array([values[name] for name in chosen])


# -- computation --------------------------------------------------------------------------------------
def _follow(
    model: KineticModel, grid: np.ndarray, chosen: list[str], wanted: list[str], undefined: str, **options: Any
) -> _Course:
    system, n = model._system, len(model.variables)
    start = system.start
    assert start is not None
    position = {name: leaf for leaf, name in enumerate(start.names)}
    fixed = {leaf for leaf, name in enumerate(start.names) if name in system.overrides}
    values = np.array([*system.x0, *system.parameter_values], dtype=float)
    follows = start.derivatives(values, fixed, [position[name] for name in chosen])
    options |= bounds_of_run(model, grid) | tolerances(model, grid, options.pop("rtol"), None)
    trajectory = SensitivityTrajectory(model, follows[:n], follows[n:], _values(model, chosen), **options)
    rates = dict(zip(model.reaction_ids, system.fluxes, strict=True))
    nodes = tuple(rates[name] if name in rates else system.symbols[name] for name in wanted)
    total = TotalDerivative(system.graph, nodes, n, len(system.parameter_names))
    found = _Course(np.empty((grid.size, len(wanted))), np.empty((grid.size, len(wanted), len(chosen))))
    for k, time in enumerate(grid.tolist()):
        if not trajectory.advance(time) or trajectory.failure is not None:
            end = float(grid[-1])
            raise stopped(model, trajectory.time, end, str(trajectory.failure), trajectory.left_at)
        _refuse_lost(trajectory, chosen, undefined)
        at = (time, trajectory.state, trajectory.parameters)
        moving = (trajectory.sensitivity, trajectory.parameter_slopes, np.zeros(len(chosen)))
        found.slopes[k] = total.along(*at, moving)
        found.slopes[k][:, list(trajectory.lost)] = np.nan
        found.values[k] = total.values(*at)
    return found


def _refuse_lost(trajectory: SensitivityTrajectory, chosen: list[str], undefined: str) -> None:
    if undefined == "raise" and trajectory.lost:
        column, reason = next(iter(trajectory.lost.items()))
        raise UndefinedSensitivityError(
            f"the sensitivity to {chosen[column]!r} does not exist from some time on: {reason} ({len(trajectory.lost)} "
            f"of {len(chosen)} parameters and initial values). Pass undefined='nan' to get NaN there."
        )


def _scaled(course: _Course, sources: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = course.slopes * sources / course.values[:, :, None]
    # No response stays none, and a per cent of nothing is nothing, whatever the target is.
    scaled[(course.slopes == 0.0) | (np.broadcast_to(sources == 0.0, scaled.shape) & ~np.isnan(course.slopes))] = 0.0
    scaled[np.isinf(scaled)] = np.nan
    return scaled


def _table(
    grid: np.ndarray, wanted: list[str], chosen: list[str], slopes: np.ndarray, n_parameters: int, form: str
) -> pd.DataFrame:
    if form == "wide":
        columns = pd.MultiIndex.from_product([wanted, chosen], names=["output", "with respect to"])
        table = slopes.reshape(grid.size, len(wanted) * len(chosen))
        return pd.DataFrame(table, index=pd.Index(grid, name="time"), columns=columns, dtype=float)
    kinds = ["parameter"] * n_parameters + ["initial"] * (len(chosen) - n_parameters)
    index = pd.MultiIndex.from_product([grid, wanted, chosen], names=["time", "output", "with respect to"])
    frame = pd.DataFrame({"sensitivity": slopes.ravel()}, index=index).reset_index()
    frame.insert(3, "kind", np.tile(np.array(kinds, dtype=object), grid.size * len(wanted)))
    return frame
