"""States at which an equation has a kink or a jump, so that no derivative exists there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skperturb.sbml._graph.expression import HAS_STATE, OPERATIONS, ExpressionGraph

__all__ = ["nonsmooth_rows"]

# Relative difference of two sides that counts as a tie: a state that was computed is right to a few digits less than
# a double holds. Ten times less, the kink at a steady state that an iteration found is overlooked; ten times more,
# models are warned of that are smooth for any practical step.
_TIE = 1e-12
# Relative difference of what a tie's two sides make of an equation that counts as a kink. Branches that meet smoothly
# differ by the tie's own width times a slope; a kink that changes no derivative by 1e-9 changes no result.
_KINK = 1e-9
_RELATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_STEPS = frozenset({"floor", "ceil", "trunc"})


def nonsmooth_rows(
    graph: ExpressionGraph,
    rhs: Sequence[int],
    entries: dict[tuple[int, int], int],
    at: tuple[float, np.ndarray, Sequence[float]],
) -> list[int]:
    """Return the rows of a Jacobian that depend on which side of a tie is taken, `at` a time, state and parameters.

    A relation ties where its two sides agree to rounding; it matters only if the right-hand side or one of
    the derivatives differs between its two truth values. The sign of zero (the slope of ``|u|``) and the
    integer steps of floor, ceil and trunc are treated alike.
    """
    roots = [*rhs, *entries.values()]
    rows = [*range(len(rhs)), *(i for i, _ in entries)]
    order = [node for node in graph.reachable(roots) if graph.flags[node] & HAS_STATE]
    suspects = [node for node in order if graph.operation[node] in _RELATIONS | _STEPS | {"sign"}]
    if not suspects:
        return []
    values: dict[int, Any] = {}
    _evaluate(graph, graph.reachable(roots), at, values, {})
    found: set[int] = set()
    for node in suspects:
        sides = _sides(graph.operation[node], [values[operand] for operand in graph.operands[node]])
        if sides is None:
            continue
        results = []
        for side in sides:
            changed = dict(values)
            _evaluate(graph, [other for other in order if other >= node], at, changed, {node: side})
            results.append(np.array([changed[root] for root in roots], dtype=float))
        differ = ~np.isclose(results[0], results[1], rtol=_KINK, atol=0.0, equal_nan=True)
        found |= {row for row, different in zip(rows, differ, strict=True) if different}
    return sorted(found)


def _sides(operation: str, operands: list[Any]) -> tuple[Any, Any] | None:
    """Return what an operation is on both sides of a tie, None if there is no tie."""
    a = float(operands[0])
    if operation == "sign":
        return (-1.0, 1.0) if a == 0.0 else None
    if operation in _STEPS:
        near = round(a) if np.isfinite(a) else np.nan
        at_step = abs(a - near) <= _TIE * max(abs(a), 1.0) and not (operation == "trunc" and near == 0)
        below = near - 1.0 if operation == "floor" or (operation == "trunc" and near > 0) else near
        return (float(below), below + 1.0) if at_step else None
    b = float(operands[1])
    return (True, False) if abs(a - b) <= _TIE * max(abs(a), abs(b)) else None


def _evaluate(
    graph: ExpressionGraph, nodes: list[int], at: tuple[float, np.ndarray, Sequence[float]], values: dict, fixed: dict
) -> None:
    t, x, parameters = at
    with np.errstate(all="ignore"):
        for node in nodes:
            operation, operands = graph.operation[node], graph.operands[node]
            if node in fixed:
                values[node] = fixed[node]
            elif operation in OPERATIONS or operation == "unknown":
                values[node] = graph.function(node)(*(values[child] for child in graph.children(node)))
            elif operation == "state":
                values[node] = x[operands[0]]
            elif operation == "parameter":
                values[node] = parameters[operands[0]]
            else:
                values[node] = {"time": t, "true": True, "false": False}.get(operation, operands[0] if operands else 0)
