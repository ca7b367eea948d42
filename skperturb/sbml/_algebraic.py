"""Algebraic rules: which symbol each of them determines, and its formula where the rule is linear in it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import libsbml

from ..exceptions import UnsupportedModelError
from ._derivative import differentiate
from ._expression import ExpressionGraph
from ._mathml import Definition, Formula

__all__ = ["match_unknowns", "solved"]

# A leaf that stands for the unknown; no model has so many states.
_UNKNOWN = 10**9


def match_unknowns(rules: list[Any], free: set[str], assignments: Mapping[str, Any]) -> dict[str, Any]:
    """Assign to each algebraic rule a symbol that nothing else determines; refuse what is not of that kind.

    Parameters
    ----------
    rules : list of libsbml.ASTNode
        The formulas that are to be zero.
    free : set of str
        Symbols that may vary and that no other rule and no reaction determines.
    assignments : mapping of str to libsbml.ASTNode
        Assignment rules, through which a formula may depend on a symbol.
    """
    options = [sorted(_names(tree, assignments) & free) for tree in rules]
    owner: dict[str, int] = {}
    for index in range(len(rules)):
        if not _augment(index, options, owner, set()):
            raise UnsupportedModelError(
                f"the algebraic rule ({shown(rules[index])} = 0) determines no symbol of its own; expected one that "
                "may vary and is set by no rule and changed by no reaction"
            )
    return {name: rules[index] for name, index in owner.items()}


def _augment(index: int, options: list[list[str]], owner: dict[str, int], seen: set[str]) -> bool:
    for name in options[index]:
        if name not in seen:
            seen.add(name)
            if name not in owner or _augment(owner[name], options, owner, seen):
                owner[name] = index
                return True
    return False


def _names(tree: Any, assignments: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.getType() == libsbml.AST_NAME and node.getName() not in found:
            found.add(node.getName())
            if node.getName() in assignments:
                stack.append(assignments[node.getName()])
        stack.extend(node.getChild(index) for index in range(node.getNumChildren()))
    return found


def shown(tree: Any) -> str:
    return (libsbml.formulaToL3String(tree) or "no formula")[:80] if tree is not None else "no formula"


def solved(graph: ExpressionGraph, tree: Any, name: str) -> Definition:
    """Return the definition of the symbol that a rule ``a name + b = 0`` determines, ``-b / a``."""
    where = f"the algebraic rule ({shown(tree)} = 0)"
    unknown = graph.state(_UNKNOWN)
    needs = tuple(Formula(tree, where, {name: node}) for node in (unknown, graph.zero))

    def combine(nodes: list[int]) -> int:
        seeds: dict[int, Hashable] = {unknown: "unknown"}
        slope = differentiate(graph, [graph.as_number(nodes[0])], seeds)[0].get("unknown", graph.zero)
        if slope == graph.zero or unknown in graph.reachable([slope]):
            raise UnsupportedModelError(
                f"{where} is not linear in {name!r}; only rules linear in a symbol are supported"
            )
        return graph.neg(graph.div(graph.as_number(nodes[1]), slope))

    return Definition(needs, combine)
