"""One model under many sets of parameters: steady states and trajectories."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike

from skperturb._validation import check_n_jobs, describe
from skperturb.sbml._compiling.changes import check_changes, why_unknown
from skperturb.sbml._responding.batched_outcomes import BatchedOutcomes, share_size
from skperturb.sbml._responding.outcomes import Outcome, course, map_shares, observed, steady_outcome
from skperturb.sbml._solving.simulate import check_times, tolerances
from skperturb.sbml.many_models import as_model, is_several
from skperturb.sbml.model import KineticModel

__all__ = ["simulate_many", "steady_states"]


_FOLLOW = ("trajectory", "branch")

# Values (n_sets, n_times, n_observed), and for which sets they were found.
_Found = tuple[np.ndarray, np.ndarray]


def steady_states(
    model: KineticModel | str | os.PathLike,
    parameters: pd.DataFrame,
    *,
    follow: str = "trajectory",
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Find and verify the steady state of a model under each of many sets of parameters.

    Parameters
    ----------
    model : KineticModel, str or path-like
        The model, or what `KineticModel.from_sbml` reads.
    parameters : DataFrame of shape (n_sets, n_changed)
        One set per row. The columns are ids of parameters, or of variables for their initial values; what has no
        column keeps the value of the model.
    follow : {"trajectory", "branch"}, default="trajectory"
        Which steady state is returned where there are several: the one that the trajectory comes to from the initial
        state of the set, or the one that continues the steady state of the model's own parameters when these are
        changed into those of the set. The second is found many times faster. It keeps the conserved totals of the set
        but takes no other notice of its initial state, and Newton's method may step from one branch to another where
        they are close.
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
        value is missing, not finite or a negative amount; if `follow` is neither of the two.

    See Also
    --------
    perturb : Interventions of all kinds.
    KineticModel.with_parameters : One set; what follows from it.

    Notes
    -----
    Sets are solved together: one evaluation of NumPy code, generated for all of them, serves hundreds. Every state is
    verified by the conditions of `KineticModel.steady_state` and is stable. By default each trajectory is followed
    coarsely (Rodas5P, relative tolerance 1e-3) until it rests, together with an estimate of its global error: the local
    errors, carried along by the linearized equations. Where that stays below a tenth of each variable's scale, and the
    equations are linear around the state as far, Newton's method completes it; other sets, and those in which a
    variable is below 1e-8 of the largest, are followed with a tolerance of 1e-6. Sets for which no state is found
    together are searched one by one, along their trajectories, which also finds out why there is none. So are all sets
    of a model with events, delays, conditions at which the right-hand side jumps, explicit time, fast reactions,
    algebraic rules that are solved numerically, conserved totals between rate rules or more than 300 variables; with
    ``follow="branch"`` of one that has no stable steady state with its own parameters; and where a compartment or a
    stoichiometry varies that conserved totals depend on.

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
    if not isinstance(follow, str) or follow not in _FOLLOW:
        raise ValueError(f"follow={follow!r} is unknown; expected one of {list(_FOLLOW)}.")
    check_n_jobs(n_jobs)
    model, sets = _prepared(model, parameters)
    names = observed(model)
    together = BatchedOutcomes(model, names, list(sets))

    found = None if together.problem else _shared(_Solver(together, "steady_states", (follow,)), model, sets, n_jobs)
    return _table(_Sets(model, names, None, {}), "steady", parameters.index, sets, found, n_jobs)


def simulate_many(
    model: KineticModel | str | os.PathLike,
    parameters: pd.DataFrame,
    times: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float | ArrayLike | None = None,
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
    rtol : float, default=1e-8
        Relative tolerance.
    atol : float or array-like of shape (n_variables,), default=None
        Absolute tolerance, by default that of `KineticModel.simulate` for each set.
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
        As for `steady_states`; if `times` do not increase or a tolerance is not positive.

    Notes
    -----
    Sets are solved together, each with its own time and step: by the explicit method of Dormand and Prince [1]_, and
    from where its steps are bounded by stability by Rodas5P [2]_, an L-stable Rosenbrock method of order 5, with the
    exact Jacobian. The error of a step is the root mean square over the variables, as in CVODE. Sets that cannot be
    followed so, and all sets of a model with events, delays, conditions at which the right-hand side jumps, fast
    reactions, algebraic rules that are solved numerically or more than 300 variables, are integrated one by one.

    References
    ----------
    .. [1] J. R. Dormand and P. J. Prince, "A family of embedded Runge-Kutta formulae",
       J. Comput. Appl. Math. 6:19-26, 1980.
    .. [2] G. Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
       Differential Equations package", BIT Numer. Math. 63:27, 2023.

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
    check_n_jobs(n_jobs)
    model, sets = _prepared(model, parameters)
    names, grid = observed(model), check_times(times)
    tolerances(model, grid, rtol, atol)  # refuses what is none
    together = BatchedOutcomes(model, names, list(sets))
    solver = _Solver(together, "courses", (grid, float(rtol), atol))
    found = None if together.problem else _shared(solver, model, sets, n_jobs)
    return _table(
        _Sets(model, names, grid, {"rtol": rtol, "atol": atol}), "simulated", parameters.index, sets, found, n_jobs
    )


class _Solver:
    """A function of some sets; it pickles, so that a worker compiles once for each share."""

    def __init__(self, outcomes: BatchedOutcomes, kind: str, arguments: tuple[Any, ...]) -> None:
        self.outcomes, self.kind, self.arguments = outcomes, kind, arguments

    def __call__(self, sets: dict[str, np.ndarray]) -> _Found:
        return getattr(self.outcomes, self.kind)(sets, *self.arguments)


def _shared(
    solve: Callable[[dict[str, np.ndarray]], _Found],
    model: KineticModel,
    sets: dict[str, np.ndarray],
    n_jobs: int | None,
) -> _Found | None:
    """Solve sets in shares whose size does not depend on the number of workers; None if there are none."""
    n_sets = next((value.size for value in sets.values()), 0)
    if not n_sets:
        return None
    size = share_size(len(model.variables))
    shares = [{name: value[first : first + size] for name, value in sets.items()} for first in range(0, n_sets, size)]
    n = max(1, min(effective_n_jobs(n_jobs), len(shares)))
    try:
        parts = [solve(share) for share in shares] if n == 1 else Parallel(n_jobs=n)(delayed(solve)(s) for s in shares)
    except RecursionError:  # of Python's compiler, on formulas of thousands of terms: these are solved one by one
        return None
    return np.concatenate([values for values, _ in parts]), np.concatenate([found for _, found in parts])


class _Sets:
    """The outcome of one set; it pickles with the model, so that a worker compiles once."""

    def __init__(
        self, model: KineticModel, names: list[str], times: np.ndarray | None, options: dict[str, Any]
    ) -> None:
        self.model, self.names, self.times, self.options = model, names, times, options

    def __call__(self, changes: dict[str, float]) -> Outcome:
        model = self.model.compiled()
        variables = set(model.variables)
        model = model.with_parameters({name: value for name, value in changes.items() if name not in variables})
        model = model.with_initial({name: value for name, value in changes.items() if name in variables})
        if self.times is None:
            return steady_outcome(model, self.names)
        return course(model, self.times, self.names, **self.options)


def _table(
    one: _Sets,
    status: str,
    index: pd.Index,
    sets: dict[str, np.ndarray],
    solved: _Found | None,
    n_jobs: int | None,
) -> pd.DataFrame:
    """Return the table of all sets; those that were not solved together are solved one by one."""
    rows = 1 if one.times is None else one.times.size
    n_sets = len(index)
    statuses, reasons = np.full(n_sets, status, dtype=object), np.full(n_sets, "", dtype=object)
    if solved is None:
        solved = np.empty((n_sets, rows, len(one.names))), np.zeros(n_sets, dtype=bool)
    values, found = solved
    left = np.flatnonzero(~found)
    changes = [{name: float(value[k]) for name, value in sets.items()} for k in left]
    for k, outcome in zip(left, map_shares(one, changes, n_jobs), strict=True):
        statuses[k], reasons[k], values[k] = outcome.status, outcome.reason, outcome.values
    if one.times is not None:
        levels = [index.get_level_values(level).repeat(rows) for level in range(index.nlevels)]
        index = pd.MultiIndex.from_arrays([*levels, np.tile(one.times, n_sets)], names=[*index.names, "time"])
    texts = {"status": statuses.repeat(rows), "reason": reasons.repeat(rows)}
    return pd.concat(
        {
            "outcome": pd.DataFrame(texts, index=index, dtype=object),
            "value": pd.DataFrame(
                values.reshape(n_sets * rows, len(one.names)), index=index, columns=one.names, dtype=float
            ),
        },
        axis=1,
    )


def _prepared(model: Any, parameters: Any) -> tuple[KineticModel, dict[str, np.ndarray]]:
    if is_several(model):
        raise TypeError(f"model is {describe(model)}; expected one model. Call it for each of several models.")
    model = as_model(model)
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
    sets: dict[str, np.ndarray] = {}
    for name in parameters.columns:
        sets[str(name)] = _checked_column(model, parameters[name], initial=name in variables)
    return model, sets


def _checked_column(model: KineticModel, column: pd.Series, *, initial: bool) -> np.ndarray:
    """Return the values of one symbol in all sets; refuse the first that it cannot have."""
    values = column.to_numpy()
    if values.dtype.kind in "Mm":
        raise ValueError(f"parameters[{column.name!r}] holds times of the calendar ({values.dtype}); expected numbers.")
    name, system = str(column.name), model._system
    plain = values.dtype.kind in "fiu"
    if plain:
        lowest = 0.0 if name in system.species else -np.inf
        good = np.isfinite(values) & (values >= lowest)
        if system.start is not None and name in system.start.compartments:
            good &= values > 0.0
        suspects: Sequence[int] = np.flatnonzero(~good).tolist()
    else:
        suspects = range(len(values))
    for k in suspects:
        where = f"parameters, set {column.index[k]!r}"
        value = values[k].item() if isinstance(values[k], np.generic) else values[k]
        check_changes(system, {name: value}, initial=initial, where=where)
    return np.array([float(value) for value in values]) if not plain else values.astype(float)
