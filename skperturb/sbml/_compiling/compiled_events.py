"""Events of an SBML model as nodes of its expression graph, and the logic of their triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skperturb.sbml._graph.code_generation import ScalarFunction
from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME, ExpressionGraph

__all__ = ["CompiledAssignment", "CompiledEvent", "TriggerLogic", "switching_times"]

_RELATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_CONNECTIVES = frozenset({"and", "or", "not", "piecewise", "true", "false"})


@dataclass(frozen=True)
class CompiledAssignment:
    """What an event writes: a state or a parameter by its index, times `volume` where an amount is kept."""

    is_state: bool
    index: int
    value: int
    volume: int | None


@dataclass(frozen=True)
class CompiledEvent:
    """An event whose formulas are nodes of the model's graph."""

    id: str
    trigger: int
    delay: int | None
    priority: int | None
    assignments: tuple[CompiledAssignment, ...]
    persistent: bool
    initial_value: bool
    from_trigger_time: bool


class TriggerLogic:
    """Conditions over the signs of their relations' two sides.

    A relation ``a < b`` holds where the sign of ``a - b`` is -1, so the signs decide all conditions. Seen
    this way, a condition can also be asked for the instant at which a continuous difference passes zero,
    which no pair of floating-point times brackets.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph of the conditions; the differences are added to it.
    conditions : sequence of int
        Boolean nodes.
    """

    def __init__(self, graph: ExpressionGraph, conditions: Sequence[int]) -> None:
        logic = ExpressionGraph()
        self.differences: list[int] = []
        self._exact: list[bool] = []
        leaves: dict[tuple[int, int], int] = {}
        nodes: dict[int, int] = {}
        for node in sorted(_logical_nodes(graph, conditions)):
            operation = graph.operation[node]
            if operation in _RELATIONS:
                leaf = self._leaf(graph, node, leaves)
                nodes[node] = logic.call(operation, logic.state(leaf), logic.zero)
            elif operation in ("true", "false"):
                nodes[node] = logic.boolean(operation == "true")
            elif operation == "piecewise":
                nodes[node] = logic.piecewise([nodes[child] for child in graph.operands[node]])
            else:
                nodes[node] = logic.call(operation, *(nodes[child] for child in graph.operands[node]))
        self._truth = ScalarFunction(logic, [nodes[node] for node in conditions], len(self.differences), [])
        self._sees_equality = np.array(self._exact, dtype=bool)

    def _leaf(self, graph: ExpressionGraph, node: int, leaves: dict) -> int:
        operands = graph.operands[node]
        if operands not in leaves:
            leaves[operands] = len(self.differences)
            self.differences.append(graph.call("sub", *operands))
            self._exact.append(False)
        self._exact[leaves[operands]] |= graph.operation[node] in ("eq", "ne")
        return leaves[operands]

    def truth(self, signs: np.ndarray) -> np.ndarray:
        """Return which conditions hold."""
        return self._truth(0.0, signs) != 0.0

    def passing(self, before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
        """Return the signs at the instant of a passage through equality, None if no condition can see it."""
        through = self._sees_equality & (before * after == -1.0)
        return np.where(through, 0.0, after) if through.any() else None


def _logical_nodes(graph: ExpressionGraph, conditions: Iterable[int]) -> set[int]:
    """Return the nodes above and including the outermost relations."""
    found: set[int] = set()
    stack = list(conditions)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            if graph.operation[node] in _CONNECTIVES:
                stack.extend(graph.children(node))
    return found


def switching_times(graph: ExpressionGraph, roots: Iterable[int]) -> list[int]:
    """Return the relations among the roots' subexpressions that depend on time and on no state."""
    return [
        node
        for node in graph.reachable(roots)
        if graph.operation[node] in _RELATIONS and graph.flags[node] & HAS_TIME and not graph.flags[node] & HAS_STATE
    ]


def compile_events(
    declared: Iterable[Any],
    formula: Callable[[Any, str], int],
    target: Callable[[str, str], tuple[bool, int, int | None]],
    graph: ExpressionGraph,
) -> tuple[CompiledEvent, ...]:
    """Translate declared events; `formula` turns a syntax tree into a node, `target` finds what is written."""
    events = []
    for event in declared:
        where = f"event {event.id!r}"
        assignments = []
        for name, tree in event.assignments.items():
            is_state, index, volume = target(name, where)
            value = graph.as_number(formula(tree, f"the assignment to {name!r} of {where}"))
            assignments.append(CompiledAssignment(is_state, index, value, volume))
        events.append(
            CompiledEvent(
                event.id,
                graph.as_condition(formula(event.trigger, f"the trigger of {where}")),
                _optional(event.delay, f"the delay of {where}", formula, graph),
                _optional(event.priority, f"the priority of {where}", formula, graph),
                tuple(assignments),
                event.persistent,
                event.initial_value,
                event.from_trigger_time,
            )
        )
    return tuple(events)


def _optional(tree: Any, where: str, formula: Callable[[Any, str], int], graph: ExpressionGraph) -> int | None:
    return None if tree is None else graph.as_number(formula(tree, where))
