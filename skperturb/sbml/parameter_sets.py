"""One model under many sets of parameters: steady states and trajectories."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb.sbml._compiling.changes import check_changes, why_unknown
from skperturb.sbml._responding.outcomes import Outcome, course, map_shares, observed, outcome_table, steady_outcome
from skperturb.sbml._solving.simulate import check_times
from skperturb.sbml.model import KineticModel

__all__ = ["simulate_many", "steady_states"]


def steady_states(
    model: KineticModel | str | os.PathLike, parameters: pd.DataFrame, *, n_jobs: int | None = None
) -> pd.DataFrame:
    """Find and verify the steady state of a model under each of many sets of parameters.

    Parameters
    ----------
    model : KineticModel, str or path-like
        The model, or what `KineticModel.from_sbml` reads.
    parameters : DataFrame of shape (n_sets, n_changed)
        One set per row. The columns are ids of parameters, or of variables for their initial values; what has no
        column keeps the value of the model.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib. It changes no result.

    Returns
    -------
    table : DataFrame of shape (n_sets, 2 + n_observed)
        Index of `parameters`; columns ("outcome", "status"), ("outcome", "reason") and ("value", name) as in
        `perturb`. A set without a steady state costs its own row only.

    Raises
    ------
    TypeError, ValueError
        If `parameters` is no DataFrame, a column is unknown (the nearest ids are named) or determined by a rule, or a
        value is missing, not finite or a negative amount.

    See Also
    --------
    perturb : Interventions of all kinds.
    KineticModel.with_parameters : One set; what follows from it.

    Notes
    -----
    The equations are compiled once. Every state is verified as by `KineticModel.steady_state`, and is the one that the
    trajectory comes to from the initial state of its set.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, steady_states
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> name = model.parameters.index[-1]
    >>> table = steady_states(model, pd.DataFrame({name: [1.0, 2.0, 4.0]}))
    >>> table["outcome"]["status"].tolist()
    ['steady', 'steady', 'steady']
    """
    model, rows = _prepared(model, parameters)
    names = observed(model)
    outcomes = map_shares(_Sets(model, names, None), rows, n_jobs)
    return outcome_table(parameters.index, None, names, outcomes)


def simulate_many(
    model: KineticModel | str | os.PathLike,
    parameters: pd.DataFrame,
    times: ArrayLike,
    *,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Integrate a model under each of many sets of parameters.

    Parameters
    ----------
    model : KineticModel, str or path-like
        The model, or what `KineticModel.from_sbml` reads.
    parameters : DataFrame of shape (n_sets, n_changed)
        As for `steady_states`.
    times : array-like of shape (n_times,)
        Output times, see `KineticModel.simulate`.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib. It changes no result.

    Returns
    -------
    table : DataFrame of shape (n_sets * n_times, 2 + n_observed)
        Index levels: those of `parameters`, and "time". Columns as in `steady_states`; a set that cannot be
        integrated to the last time has the status "integration_failed" and NaN in its own rows.

    Raises
    ------
    TypeError, ValueError
        As for `steady_states`; if `times` do not increase.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, simulate_many
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> name = model.parameters.index[-1]
    >>> simulate_many(model, pd.DataFrame({name: [1.0, 2.0]}), [0.0, 1.0, 5.0]).shape[0]
    6
    """
    model, rows = _prepared(model, parameters)
    names, grid = observed(model), check_times(times)
    outcomes = map_shares(_Sets(model, names, grid), rows, n_jobs)
    return outcome_table(parameters.index, grid, names, outcomes)


class _Sets:
    """The outcome of one set; it pickles with the model, so that a worker compiles once."""

    def __init__(self, model: KineticModel, names: list[str], times: np.ndarray | None) -> None:
        self.model, self.names, self.times = model, names, times

    def __call__(self, changes: dict[str, float]) -> Outcome:
        model = self.model.compiled()
        variables = set(model.variables)
        model = model.with_parameters({name: value for name, value in changes.items() if name not in variables})
        model = model.with_initial({name: value for name, value in changes.items() if name in variables})
        return steady_outcome(model, self.names) if self.times is None else course(model, self.times, self.names)


def _prepared(model: Any, parameters: Any) -> tuple[KineticModel, list[dict[str, float]]]:
    model = model if isinstance(model, KineticModel) else KineticModel.from_sbml(model)
    if not isinstance(parameters, pd.DataFrame):
        raise TypeError(
            f"parameters is a {type(parameters).__name__}; expected a DataFrame: one set per row, ids as columns."
        )
    if not parameters.columns.is_unique:
        twice = parameters.columns[parameters.columns.duplicated()][0]
        raise ValueError(f"parameters has two columns {twice!r}; expected each id once.")
    variables = set(model.variables)
    known = variables | set(model._system.parameter_names)
    for name in parameters.columns:
        if name not in known:
            raise ValueError(why_unknown(model._system, name, initial=False, where="parameters"))
    rows = []
    for label, row in zip(parameters.index, parameters.to_dict("records"), strict=True):
        for initial in (False, True):
            part = {str(name): value for name, value in row.items() if (name in variables) is initial}
            check_changes(model._system, part, initial=initial, where=f"parameters, set {label!r}")
        rows.append({str(name): float(value) for name, value in row.items()})
    return model, rows
