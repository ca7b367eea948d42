"""Where time appears explicitly in the right-hand side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import libsbml

from skperturb.sbml._graph.expression import HAS_TIME, ExpressionGraph
from skperturb.sbml._reading.description import Description

__all__ = ["time_dependence"]


def time_dependence(description: Description, graph: ExpressionGraph, rhs: Iterable[int]) -> tuple[str, ...]:
    """Return the ids of the reactions and rules that contain time and act on the right-hand side."""
    if not any(graph.flags[node] & HAS_TIME for node in rhs):
        return ()
    formulas = {
        **description.assignments,
        **description.rates,
        **{reaction.id: reaction.math for reaction in description.reactions.values()},
    }
    uses = {name: _names(tree, description.functions) for name, tree in formulas.items()}
    reached: set[str] = set()
    pending = [*description.rates, *description.reactions]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(other for other in uses.get(name, ()) if other in formulas)
    found = tuple(name for name in formulas if name in reached and None in uses[name])
    # Time may also enter through a compartment that a rule changes or a stoichiometry.
    return found or tuple(name for name in formulas if None in uses[name])


def _names(tree: Any, functions: Mapping[str, Any]) -> set[str | None]:
    """Return the names in a formula, with None for time; bodies of called functions included."""
    found: set[str | None] = set()
    stack = [tree]
    called: set[str] = set()
    while stack:
        node = stack.pop()
        if node is None:
            continue
        kind = node.getType()
        if kind == libsbml.AST_NAME_TIME:
            found.add(None)
        elif kind == libsbml.AST_NAME:
            found.add(node.getName())
        elif kind == libsbml.AST_FUNCTION and node.getName() in functions and node.getName() not in called:
            called.add(node.getName())
            stack.append(functions[node.getName()].getMath())
        stack.extend(node.getChild(index) for index in range(node.getNumChildren()))
    return found
