"""Which of two Jacobians is right: the peer's own right-hand side, differentiated from both sides.

The peer is asked for its rates only, at states beside the one in question. Where these differences run into our
entry, the formulas agree and the peer's derivative is at fault; where both sides run into different values, no
derivative exists. Every function runs in a worker process.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._engine_peers import copasi_rates_at, residual_of_ours

__all__ = ["explain", "roadrunner_residual"]

MOST = 3  # entries of one Jacobian that are looked at, the worst ones
_AGREES = 1e-4  # of the row's largest term; what twice extrapolated differences of doubles can show
_SAME = 1e-5  # of the row's largest term: the entries below are no differences, as in `skperturb.reproduce.engine`
_SIZE_FLOOR = 1e-6  # of the largest variable: a smaller one is moved by shares of this, as far as rates can show
_ROUNDING = 4e-15  # of a rate: the few roundings that a sum of some terms leaves in each of the two rates of a quotient
# From step to step, ten times shorter, the quotient at the zero of a power p changes by 10^(1 − p).
_GROWS = 1.5  # p = 0.82; where the derivative exists the factor is 1
_NEARER = 0.97  # p = 1.013; with a power nearer to 1 no step of a double comes near the derivative
_EVENLY = 0.05  # largest spread of these factors: those of a power are equal, those of rounding are not

_STEPS = np.array([1e-3, 1e-4, 1e-5, 1e-6])  # of the size of the variable

Rates = Callable[[np.ndarray], np.ndarray]


def explain(task: tuple[str, str, dict[str, Any], np.ndarray, str]) -> list[dict[str, Any]]:
    """Look at the entries that differ most.

    Parameters
    ----------
    task : tuple
        Path, "copasi" or "roadrunner", our results (see `run_skperturb`), the peer's Jacobian in our units, and
        "initial" or "steady": the state at which both were taken.

    Returns
    -------
    list of dict
        ``row``, ``column``, ``ours``, ``theirs``, the differences of the peer's rates from the ``left`` and from
        the ``right``, and ``reason``: "step" (the peer's rates have our derivative), "power" (they approach it
        slowly, as at the zero of a fractional power), "kink" (the two sides differ), "infinite" (the difference
        grows as the step shrinks), "rounding" (the entry is too small to show in rates of double precision),
        "theirs" (the peer's rates have the peer's derivative, not ours), "open" (none of these).
    """
    path, tool, ours, theirs, where = task
    names = ours["names"]
    x = np.array([ours[where][name] for name in names])
    mine = ours["jacobian" if where == "initial" else "jacobian_at_rest"]
    rates = _RATES[tool](path, ours, 0.0 if where == "initial" else ours["time"])
    scale = np.maximum(np.abs(x), _SIZE_FLOOR * np.abs(x).max(initial=0.0))
    scale[scale == 0.0] = 1.0
    row = np.maximum(
        np.abs(mine * scale).max(axis=1), np.where(np.isfinite(theirs), np.abs(theirs * scale), 0.0).max(axis=1)
    )
    row = np.where(np.isfinite(row) & (row > 0.0), row, 1.0)
    distance = np.abs((mine - theirs) * scale) / row[:, None]
    distance[~np.isfinite(distance)] = np.inf
    here = rates(x)
    entries = []
    for flat in np.argsort(-distance, axis=None)[:MOST]:
        i, j = (int(k) for k in np.unravel_index(flat, distance.shape))
        if distance[i, j] <= _SAME:
            break
        sides = [_one_sided(rates, x, i, j, sign * scale[j]) for sign in (-1.0, 1.0)]
        tolerance = _AGREES * row[i] / scale[j]
        entries.append(
            {
                "row": names[i], "column": names[j], "ours": mine[i, j], "theirs": theirs[i, j],
                "left": sides[0][-1], "right": sides[1][-1],
                "reason": _reason(
                    mine[i, j], theirs[i, j], sides, tolerance, possible=x[j] != 0.0,
                    rounding=_ROUNDING * abs(here[i]) / (_STEPS[0] * scale[j]),
                ),
            }
        )  # fmt: skip
    return entries


def _one_sided(rates: Rates, x: np.ndarray, i: int, j: int, size: float) -> list[float]:
    """Return difference quotients from one side, extrapolated, for shrinking steps."""

    def quotient(step: float) -> float:
        moved = x.copy()
        moved[j] += step
        return float((rates(moved)[i] - base) / (moved[j] - x[j]))

    base = rates(x)[i]
    found = []
    for step in size * _STEPS:
        # Richardson: the errors of first and of second order cancel.
        one, two, four = quotient(step), quotient(step / 2), quotient(step / 4)
        found.append((8.0 * four - 6.0 * two + one) / 3.0)
    return found


def _reason(
    mine: float, theirs: float, sides: list[list[float]], tolerance: float, *, possible: bool, rounding: float = 0.0
) -> str:
    """Classify an entry; `rounding` is what rounding of the rates alone does to the quotient of the largest step."""

    def near(values: list[float], target: float) -> bool:
        return bool(np.nanmin(np.abs(np.array(values) - target), initial=np.inf) <= tolerance)

    left, right = sides if possible or not np.isnan(sides[0]).all() else (sides[1], sides[1])
    if not np.isfinite(mine):
        growing = np.abs(right)
        return "infinite" if np.all(growing[1:] > _GROWS * growing[:-1]) or not np.isfinite(growing).all() else "open"
    if near(left, mine) and near(right, mine):
        return "step"
    if rounding > tolerance:
        return "rounding"
    if near(right, mine) != near(left, mine):
        return "kink" if possible else "step"
    if _approaches(right, mine) and (_approaches(left, mine) or not possible):
        return "power"
    return "theirs" if near(right, theirs) and near(left, theirs) else "open"


def _approaches(values: list[float], target: float) -> bool:
    """Say whether quotients draw near by one factor from step to step, as those of a fractional power do."""
    distance = np.abs(np.array(values) - target)
    if not np.all(distance > 0.0):
        return False
    factors = distance[1:] / distance[:-1]
    return bool(np.all(factors < _NEARER) and np.ptp(factors) < _EVENLY)


def _roadrunner_rates(path: str, ours: dict[str, Any], time: float) -> Rates:
    import roadrunner

    roadrunner.Logger.disableLogging()
    engine = roadrunner.RoadRunner(path)
    per_unit = {name: ours["per_unit"].get(name, (1.0,))[0] for name in ours["names"]}

    def rates(x: np.ndarray) -> np.ndarray:
        engine.reset()
        engine.model.setTime(time)
        values = dict(zip(ours["names"], x, strict=True))
        for name, value in values.items():
            engine[name] = value * per_unit[name]
        # Rates of amounts and of quantities under rate rules, as "S'".
        found = engine.getRatesOfChangeNamedArray()
        rate = dict(zip(found.colnames, np.asarray(found, dtype=float).ravel(), strict=True))
        return np.array([rate[f"{name}'"] / per_unit[name] for name in ours["names"]])

    return rates


def roadrunner_residual(task: tuple[str, dict[str, Any]]) -> float:
    """Return the scaled residual of our steady state under libRoadRunner's rates; the task is path and our results."""
    path, ours = task
    x = np.array([ours["steady"][name] for name in ours["names"]])
    rates = _roadrunner_rates(path, ours, ours.get("time", 0.0))
    return residual_of_ours(ours, rates(x))


_RATES: dict[str, Callable[[str, dict[str, Any], float], Rates]] = {
    "copasi": copasi_rates_at,
    "roadrunner": _roadrunner_rates,
}
