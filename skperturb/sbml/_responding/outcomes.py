"""What becomes of a model: where it comes to rest, or its course, or why there is neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs

from skperturb.exceptions import NoSteadyStateError
from skperturb.sbml._solving.simulate import IntegrationError

__all__ = ["Outcome", "course", "log2_fold_change", "map_shares", "observed", "outcome_table", "steady_outcome"]

# Part of the largest value below which a value is nothing: steady states are verified to 1e-9 of scales that are at
# least 1e-6 of the largest variable. Ten times less, quotients of rounding errors show as strong responses; ten times
# more, traces that are right to a digit count as gone.
_NOTHING = 1e-15


@dataclass(frozen=True)
class Outcome:
    """Values of what is observed, one row per time; NaN with a status and a reason where there are none."""

    status: str
    reason: str
    values: np.ndarray


def observed(model: Any) -> list[str]:
    """Return what responds: the variables, then all species under assignment rules."""
    system = model._system
    ruled = [name for name in system.symbols if name in system.species and name in system.assigned]
    return [*model.variables, *(name for name in ruled if name not in set(model.variables))]


def steady_outcome(model: Any, names: list[str]) -> Outcome:
    """Return the steady state that a model reaches."""
    nothing = np.full((1, len(names)), np.nan)
    try:
        steady = model.steady_state()
    except NoSteadyStateError as error:
        return Outcome(error.status, str(error), nothing)
    except ValueError as error:
        return Outcome("unsupported", f"{type(error).__name__}: {error}", nothing)
    if not steady.is_reached:
        reason = f"the trajectory does not come to the steady state that was found ({steady.method})"
        return Outcome("oscillating", reason, nothing)
    settled = model.after_events(steady)
    frame = settled.evaluate([steady.time], [steady.state.to_numpy()])
    return Outcome("steady", "", frame[names].to_numpy(dtype=float))


def course(model: Any, times: np.ndarray, names: list[str], **options: Any) -> Outcome:
    """Return the values at some times; the options are those of `simulate`."""
    try:
        frame = model.simulate(times, **options)
    except IntegrationError as error:
        return Outcome("integration_failed", str(error), np.full((times.size, len(names)), np.nan))
    except ValueError as error:
        reason = f"{type(error).__name__}: {error}"
        return Outcome("unsupported", reason, np.full((times.size, len(names)), np.nan))
    return Outcome("simulated", "", frame[names].to_numpy(dtype=float))


def log2_fold_change(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return ``log2(values / reference)`` row by row.

    Zero where both are nothing beside the largest value of their row, infinite where one of them is; NaN for values
    of different signs.
    """
    values, reference = _without_dust(values), _without_dust(reference)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log2(values / reference)
    change[(values == 0.0) & (reference == 0.0)] = 0.0
    return change


def _without_dust(values: np.ndarray) -> np.ndarray:
    size = np.abs(values)
    largest = np.where(np.isfinite(size), size, 0.0).max(axis=1, initial=0.0, keepdims=True)
    return np.where(size <= _NOTHING * largest, 0.0, values)


def map_shares(function: Callable[[Any], Outcome], items: Sequence[Any], n_jobs: int | None) -> list[Outcome]:
    """Call a function for each item, in one share for each worker: what is compiled there serves the whole share."""
    n = max(1, min(effective_n_jobs(n_jobs), len(items)))
    if n == 1:
        return [function(item) for item in items]
    results: list[Any] = [None] * len(items)
    done = Parallel(n_jobs=n)(delayed(_each)(function, items[k::n]) for k in range(n))
    for k, part in enumerate(done):
        results[k::n] = part
    return results


def _each(function: Callable[[Any], Outcome], share: Sequence[Any]) -> list[Outcome]:
    return [function(item) for item in share]


def outcome_table(
    index: pd.Index, times: np.ndarray | None, names: Sequence[str], outcomes: Sequence[Outcome]
) -> pd.DataFrame:
    """Return status, reason and values, one row for each outcome or for each of its times."""
    rows = 1 if times is None else times.size
    if times is not None:
        levels = [index.get_level_values(level).repeat(rows) for level in range(index.nlevels)]
        index = pd.MultiIndex.from_arrays([*levels, np.tile(times, len(outcomes))], names=[*index.names, "time"])
    status = pd.DataFrame(
        {
            "status": [outcome.status for outcome in outcomes for _ in range(rows)],
            "reason": [outcome.reason for outcome in outcomes for _ in range(rows)],
        },
        index=index,
        dtype=object,
    )
    values = np.vstack([outcome.values for outcome in outcomes]) if outcomes else np.empty((0, len(names)))
    return pd.concat(
        {"outcome": status, "value": pd.DataFrame(values, index=index, columns=list(names), dtype=float)}, axis=1
    )
