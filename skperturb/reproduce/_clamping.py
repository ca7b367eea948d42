"""Sensitivities against brute force: hold a variable at a shifted value, integrate to rest, compare."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from .._processes import map_isolated

__all__ = ["check_column", "check_model", "screen_clamps"]

STEP = 1e-4
STEEP = 300.0  # per cent per per cent, beyond which the step is no small one
AGREES = 1e-3  # of the column's largest response
LARGEST = 25  # states
_AWAY = 0.1  # a state that has moved by more than this share of a variable has gone elsewhere
_RATES = 1e-9  # relative rates below which a state rests


def check_column(model: Any, time: float, x: np.ndarray, j: int) -> np.ndarray | str:
    """Hold variable `j` at ``x_j (1 ± 1e-4)``, integrate the others and return the difference quotient.

    Parameters
    ----------
    model : KineticModel
        The model.
    time : float
        When the state was found; the integration starts then.
    x : ndarray of shape (n_variables,)
        A steady state.
    j : int
        The held variable; ``x[j]`` is not zero.

    Returns
    -------
    column : ndarray of shape (n_variables,) or str
        ``dx_i / dx_j``, or why there is none: "elsewhere" (the others leave the state), "moving" (they do not
        come to rest in the time that the slowest mode allows), "fails" (the integration).
    """
    rest = np.delete(np.arange(x.size), j)
    ends = []
    for sign in (1.0, -1.0):
        start = x.copy()
        start[j] *= 1.0 + sign * STEP
        end = _rest(model, time, start, rest)
        if isinstance(end, str):
            return end
        if np.any(np.abs(end - x) > _AWAY * np.maximum(np.abs(x), 1e-3 * np.abs(x).max())):
            return "elsewhere"
        ends.append(end)
    return (ends[0] - ends[1]) / (2.0 * STEP * x[j])


def _rest(model: Any, time: float, start: np.ndarray, rest: np.ndarray) -> np.ndarray | str:
    def embedded(function: Callable) -> Callable:
        def of_rest(t: float, y: np.ndarray) -> np.ndarray:
            state = start.copy()
            state[rest] = y
            value = function(t, state)[rest]
            return value if value.ndim == 1 else value[:, rest]

        return of_rest

    rhs, jacobian = embedded(model.rhs), embedded(model.jacobian)
    y = start[rest]
    scale = np.maximum(np.abs(y), 1e-6 * np.abs(start).max())
    now = time
    slowest = np.abs(np.linalg.eigvals(jacobian(time, y)).real)
    slowest = slowest[slowest > 1e-12 * slowest.max(initial=0.0)].min(initial=np.inf)
    span = 30.0 / slowest if 0.0 < slowest < np.inf else 1.0
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solution = solve_ivp(
                rhs, (now, now + span), y, method="LSODA", jac=jacobian, rtol=1e-10, atol=1e-12 * scale
            )
        if not solution.success or not np.isfinite(solution.y[:, -1]).all():
            return "fails"
        moved = np.abs(solution.y[:, -1] - y).max(initial=0.0)
        y, now, span = solution.y[:, -1], now + span, 10.0 * span
        state = start.copy()
        state[rest] = y
        terms = (np.abs(model.jacobian(now, state)) @ np.maximum(np.abs(state), scale.min(initial=np.inf)))[rest]
        if np.all(np.abs(rhs(now, y)) <= _RATES * terms) or moved == 0.0:
            return state
    return "moving"


def check_model(path: str) -> dict[str, Any]:
    """Compare every column of one model; runs in a worker process.

    Returns
    -------
    dict
        ``skipped`` (why there is nothing to compare) or, for the columns of the variables that are not zero:
        ``errors`` (largest difference, relative to the column's largest response, of the columns without any
        flag), ``worst`` (name of the variable of the largest), ``flagged`` and ``flagged_away`` (columns marked as
        formal slopes of an unstable subsystem, and how many of these leave the state), ``undefined`` and
        ``undefined_moving`` (columns with undefined or infinite entries, and how many of these do not come to
        rest), ``odd`` (unflagged columns that do not come back, with the reason; "steep" if more than 300 per cent
        per per cent).
    """
    from skperturb.sbml import KineticModel
    from skperturb.sbml._clamp import clamp_response
    from skperturb.sbml._integrate import scale_of
    from skperturb.sbml._moieties import conservation_laws

    model = KineticModel.from_sbml(path)
    steady = _stable_state(model)
    if isinstance(steady, str):
        return {"skipped": steady}
    x, time = steady.state.to_numpy(), steady.time
    response = clamp_response(model.jacobian(time, x), conservation_laws(model).to_numpy(), scale_of(x), x)
    result: dict[str, Any] = {"n": x.size, "errors": [], "worst": None, "odd": []}
    result |= dict.fromkeys(("flagged", "flagged_away", "undefined", "undefined_moving"), 0)
    for j in np.flatnonzero(np.abs(x) > 1e-9 * np.abs(x).max()):
        found = check_column(model, time, x, int(j))
        column = response.matrix[:, j]
        if response.unstable[j]:
            result["flagged"] += 1
            result["flagged_away"] += isinstance(found, str)
        elif response.undefined[:, j].any() or not np.isfinite(column).all():
            result["undefined"] += 1
            result["undefined_moving"] += isinstance(found, str)
        else:
            _compare(result, model.variables[j], found, column, x, int(j))
    return result


def _stable_state(model: Any) -> Any:
    """Return the steady state, or why the model is not compared."""
    from skperturb.exceptions import NoSteadyStateError

    if not 2 <= len(model.variables) <= LARGEST:
        return "size"
    try:
        steady = model.steady_state(ignore_events=True)
    except NoSteadyStateError as error:
        return error.status
    x = steady.state.to_numpy()
    if not steady.stable:
        return "unstable"
    if np.abs(x).max() <= 1e-12 * np.abs(model.x0).max():
        return "decayed"
    return "kink" if model.nonsmooth_variables(steady.time, x) else steady


def _compare(
    result: dict[str, Any], name: str, found: np.ndarray | str, column: np.ndarray, x: np.ndarray, j: int
) -> None:
    if isinstance(found, str):
        with np.errstate(divide="ignore", invalid="ignore"):
            steepest = np.abs(np.where(x == 0.0, 0.0, column * x[j] / x)).max()
        result["odd"].append((name, "steep" if steepest > STEEP else found))
        return
    size = np.maximum(np.abs(x), 1e-6 * np.abs(x).max())
    difference = float(np.max(np.abs(found - column) / size) / np.max(np.abs(column) / size))
    if difference > max(result["errors"], default=-1.0):
        result["worst"] = name
    result["errors"].append(difference)


def screen_clamps(paths: list[str], *, timeout: float, verbose: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """Check models in worker processes; a model that takes too long is skipped with that reason."""
    outcomes = map_isolated(check_model, paths, n_jobs=1, timeout=timeout, verbose=verbose)
    return [
        (path, outcome.value if outcome.kind == "value" else {"skipped": f"{outcome.kind}: {outcome.error}"})
        for path, outcome in zip(paths, outcomes, strict=True)
    ]
