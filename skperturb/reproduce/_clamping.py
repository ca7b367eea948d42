"""Sensitivities against brute force: hold a variable at a shifted value, integrate to rest, compare."""

import warnings
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from scipy.integrate import Radau

from .._processes import map_isolated

__all__ = ["check_column", "check_model", "screen_clamps"]

# The difference quotient: its step in shares of the held variable. The curvature leaves an error of STEP², 1e-8 of a
# response of ordinary curvature; what the integration leaves of the state is divided by STEP.
STEP = 1e-4
STEEP = 300.0  # per cent per per cent: beyond, STEP moves another variable by 3 per cent and is no small step
AGREES = 1e-3  # of the column's largest response; ten times less and the curvature of steep models counts as ours
LARGEST = 25  # states; a dense brute-force integration per column and sign

# One integration, from look to look. Most take some hundred steps and a tenth of a second; a tenth of these bounds
# would end some that arrive (BIOMD 120: 507 steps), ten times as much waits a minute for one that never does
# (BIOMD 249).
MAX_STEPS = 5_000
MAX_SECONDS = 5.0  # of processor time, so that a busy machine changes nothing

# Radau solves the equations of a stage to 1e-4 of what it may err: with these to 1e-12 and 1e-13 of a variable's size,
# hundreds of roundings. At a tenth of both that is rounding itself: some runs then depend on the machine and never end
# (BIOMD 291). At ten times both the median column is off by four times as much, as a quotient multiplies by 1 / STEP.
_RTOL = 1e-8
_ATOL = 1e-9  # of the size of the variable at the start

_WAITS = (30.0, 300.0, 3000.0)  # from look to look, in time constants of the slowest mode: e⁻³⁰ is 1e-13, below _RATES
_NO_MODE = 1e-12  # of the fastest rate: a conserved total's eigenvalue, zero but for rounding (1e-15), is no mode
_RATES = 1e-9  # of the terms that balance, below which a state rests: what is left moves it by less than STEP² allows
_AWAY = 0.1  # a state that has moved by more than this share of a variable has gone elsewhere; STEP · STEEP is .03
_AWAY_FLOOR = 1e-3  # of the largest variable: smaller ones may move by more and still belong to the same state
_SIZE_FLOOR = 1e-6  # of the largest variable: what is smaller is measured against this
_ZERO = 1e-9  # of the largest variable: such a variable is zero, and a share of it is no step
_DECAYED = 1e-12  # of the largest initial value: a state so small is what rounding leaves of nothing


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
        come to rest in the time that the slowest mode allows), "fails" (the integration, or it needs more steps or
        time than it is allowed).
    """
    rest = np.delete(np.arange(x.size), j)
    ends = []
    for sign in (1.0, -1.0):
        start = x.copy()
        start[j] *= 1.0 + sign * STEP
        end = _rest(model, time, start, rest)
        if isinstance(end, str):
            return end
        if np.any(np.abs(end - x) > _AWAY * np.maximum(np.abs(x), _AWAY_FLOOR * np.abs(x).max())):
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
    scale = np.maximum(np.abs(y), _SIZE_FLOOR * np.abs(start).max())
    now, unit = time, 1.0 / _slowest(jacobian(time, y))
    for wait in _WAITS:
        before = y
        end = _integrate(rhs, jacobian, (now, now + wait * unit), y, _ATOL * scale)
        if end is None:
            return "fails"
        y, now = end, now + wait * unit
        state = start.copy()
        state[rest] = y
        terms = (np.abs(model.jacobian(now, state)) @ np.maximum(np.abs(state), scale.min(initial=np.inf)))[rest]
        if np.all(np.abs(rhs(now, y)) <= _RATES * terms) or np.array_equal(y, before):
            return state
    return "moving"


def _slowest(jacobian: np.ndarray) -> float:
    """Return the rate of the slowest mode that moves; of none, what makes the first look one unit of time away."""
    rates = np.abs(np.linalg.eigvals(jacobian).real)
    slowest = float(rates[rates > _NO_MODE * rates.max(initial=0.0)].min(initial=np.inf))
    return slowest if 0.0 < slowest < np.inf else _WAITS[0]


def _integrate(
    rhs: Callable, jacobian: Callable, times: tuple[float, float], y: np.ndarray, atol: np.ndarray
) -> np.ndarray | None:
    """Return the state at the second time; None where a step fails or too many are needed. Only the last is kept."""
    latest = process_time() + MAX_SECONDS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Not LSODA: so near rest its error estimates are rounding, and it may never leave its non-stiff method.
            solver = Radau(rhs, times[0], y, times[1], rtol=_RTOL, atol=atol, jac=jacobian)
            for _ in range(MAX_STEPS):
                solver.step()
                if solver.status != "running" or process_time() > latest:
                    break
        except ValueError:  # the Jacobian is not finite
            return None
    return solver.y if solver.status == "finished" and np.isfinite(solver.y).all() else None


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
    from skperturb.sbml._responding.clamp import clamp_response
    from skperturb.sbml._solving.integrate import scale_of
    from skperturb.sbml._solving.moieties import conservation_laws

    model = KineticModel.from_sbml(path)
    steady = _stable_state(model)
    if isinstance(steady, str):
        return {"skipped": steady}
    x, time = steady.state.to_numpy(), steady.time
    response = clamp_response(model.jacobian(time, x), conservation_laws(model).to_numpy(), scale_of(x), x)
    result: dict[str, Any] = {"n": x.size, "errors": [], "worst": None, "odd": []}
    result |= dict.fromkeys(("flagged", "flagged_away", "undefined", "undefined_moving"), 0)
    for j in np.flatnonzero(np.abs(x) > _ZERO * np.abs(x).max()):
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
    if np.abs(x).max() <= _DECAYED * np.abs(model.x0).max():
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
    size = np.maximum(np.abs(x), _SIZE_FLOOR * np.abs(x).max())
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
