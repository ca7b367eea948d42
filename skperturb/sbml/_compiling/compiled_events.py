"""Events of an SBML model as nodes of its expression graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["CompiledAssignment", "CompiledEvent", "compile_events"]


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
