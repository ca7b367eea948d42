"""Algebraic rules: which symbol each of them determines, and in what order they are solved."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import libsbml
import numpy as np

from ..exceptions import UnsupportedModelError
from ._derivative import differentiate
from ._expression import ExpressionGraph
from ._implicit import ImplicitBlock
from ._mathml import Formula, Translator

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AlgebraicRule", "define_unknowns", "match_unknowns", "residuals_of"]

# Leaves that stand for the unknowns while the rules are translated; no model has so many states.
_UNKNOWN = 10**9
# The derivatives of coupled unknowns are written out; their length doubles with every one of them.
MOST_COUPLED = 8


class AlgebraicRule:
    """A formula that is to be zero, and how messages name it."""

    def __init__(self, tree: Any, index: int, meta_id: str) -> None:
        formula = (libsbml.formulaToL3String(tree) or "no formula")[:80]
        name = f" {meta_id!r}" if meta_id else f" {index}"
        self.tree = tree
        self.where = f"algebraic rule{name} (0 = {formula})"


def match_unknowns(
    rules: Sequence[AlgebraicRule], candidates: Mapping[str, Any], formulas: Mapping[str, Any]
) -> dict[str, AlgebraicRule]:
    """Assign to each algebraic rule a symbol that nothing else determines.

    Parameters
    ----------
    rules : sequence of AlgebraicRule
        The rules.
    candidates : mapping of str to rank
        Symbols that may vary and that no other rule and no reaction determines; those of lower rank are taken
        first.
    formulas : mapping of str to libsbml.ASTNode
        Assignment rules and kinetic laws, through which a rule may depend on a symbol.

    Raises
    ------
    UnsupportedModelError
        If a rule is left without a symbol, or if two choices are equally good.
    """
    options: dict[str, list[int]] = {name: [] for name in candidates}
    for index, rule in enumerate(rules):
        for name in _names(rule.tree, formulas) & candidates.keys():
            options[name].append(index)
    owner: dict[int, str] = {}
    for name in sorted(candidates, key=lambda name: candidates[name]):
        _augment(name, options, owner, set())
    for index, rule in enumerate(rules):
        if index not in owner:
            raise UnsupportedModelError(
                f"{rule.where} determines no symbol of its own; expected one that may vary and is set by no other "
                "rule and changed by no reaction"
            )
    _refuse_ambiguity(rules, candidates, options, owner)
    return {owner[index]: rule for index, rule in enumerate(rules)}


def _augment(name: str, options: dict[str, list[int]], owner: dict[int, str], seen: set[int]) -> bool:
    for index in options[name]:
        if index not in seen:
            seen.add(index)
            if index not in owner or _augment(owner[index], options, owner, seen):
                owner[index] = name
                return True
    return False


def _refuse_ambiguity(
    rules: Sequence[AlgebraicRule], candidates: Mapping[str, Any], options: dict, owner: dict[int, str]
) -> None:
    for name in candidates.keys() - set(owner.values()):
        stack, seen = [name], {name}
        while stack:
            for index in options[stack.pop()]:
                other = owner[index]
                if candidates[other] == candidates[name]:
                    first, second = sorted((name, other))
                    raise UnsupportedModelError(
                        f"{rules[index].where} may determine {first!r} or {second!r}, both of which nothing else "
                        "changes; declare one of them constant"
                    )
                if other not in seen:
                    seen.add(other)
                    stack.append(other)


def _names(tree: Any, formulas: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.getType() == libsbml.AST_NAME and node.getName() not in found:
            found.add(node.getName())
            if formulas.get(node.getName()) is not None:
                stack.append(formulas[node.getName()])
        stack.extend(node.getChild(index) for index in range(node.getNumChildren()))
    return found


def residuals_of(
    graph: ExpressionGraph, translator: Translator, rules: Mapping[str, AlgebraicRule]
) -> tuple[list[int], list[int]]:
    """Return leaves that stand for the unknowns, and the rules as nodes in terms of these."""
    unknowns = [graph.state(_UNKNOWN + index) for index in range(len(rules))]
    inner = translator.knowing(dict(zip(rules, unknowns, strict=True)))
    return unknowns, [graph.as_number(inner.resolve(Formula(rule.tree, rule.where))) for rule in rules.values()]


def define_unknowns(
    graph: ExpressionGraph,
    translator: Translator,
    rules: Mapping[str, AlgebraicRule],
    start: Callable[[Sequence[str], Sequence[int]], tuple[list[float], list[float]]],
) -> None:
    """Give the unknowns their nodes: a formula where a rule is linear, or a block of rules that Newton solves.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph; all states and parameters are nodes of it already.
    translator : Translator
        Where the symbols are defined.
    rules : mapping of str to AlgebraicRule
        The rules by the symbols that they determine.
    start : callable
        From names and leaves of the graph to the initial values of both.
    """
    names = list(rules)
    unknowns, residuals = residuals_of(graph, translator, rules)
    known: dict[int, int] = {}
    for block in _blocks(graph, unknowns, residuals):
        wanted = [unknowns[index] for index in block]
        equations = graph.rewritten([residuals[index] for index in block], known)
        where = ", ".join(rules[names[index]].where for index in block)
        formula = _linear_solution(graph, wanted[0], equations[0]) if len(block) == 1 else None
        if formula is not None:
            nodes = [formula]
        else:
            if len(block) > MOST_COUPLED:
                raise UnsupportedModelError(
                    f"{len(block)} algebraic rules depend on each other ({where[:300]}); at most {MOST_COUPLED} may. "
                    "Write some of them as assignment rules."
                )
            initial = partial(start, [names[index] for index in block])
            nodes = ImplicitBlock.define(graph, wanted, equations, where, initial)
        for index, node in zip(block, nodes, strict=True):
            known[unknowns[index]] = node
            translator.nodes[names[index]] = node


def _blocks(graph: ExpressionGraph, unknowns: list[int], residuals: list[int]) -> list[list[int]]:
    """Return sets of unknowns that depend on each other, those first that the others need."""
    position = {node: index for index, node in enumerate(unknowns)}
    reach = np.eye(len(unknowns), dtype=bool)
    for row, residual in enumerate(residuals):
        reach[row, [position[node] for node in graph.reachable([residual]) if node in position]] = True
    for _ in range(len(unknowns).bit_length()):
        reach = reach @ reach
    blocks = {tuple(np.flatnonzero(reach[index] & reach[:, index]).tolist()) for index in range(len(unknowns))}
    return [list(block) for block in sorted(blocks, key=lambda block: (int(reach[block[0]].sum()), block))]


def _linear_solution(graph: ExpressionGraph, unknown: int, equation: int) -> int | None:
    """Return ``-b / a`` for an equation ``a unknown + b = 0``, None if it is not of that form."""
    seeds: dict[int, Hashable] = {unknown: "unknown"}
    slope = differentiate(graph, [equation], seeds)[0].get("unknown")
    if slope is None or unknown in graph.reachable([slope]):
        return None
    return graph.neg(graph.div(graph.rewritten([equation], {unknown: graph.zero})[0], slope))
