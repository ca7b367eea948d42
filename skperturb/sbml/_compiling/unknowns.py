"""Unknowns that algebraic rules determine: formulas where a rule is linear, else blocks that Newton's method solves."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

import numpy as np

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.implicit import ImplicitBlock
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.algebraic_rules import AlgebraicRule
from skperturb.sbml._reading.mathml import Formula, Translator

__all__ = ["define_unknowns", "residuals_of"]

# Number of the first leaf that stands for an unknown while the rules are translated; no model has so many states.
_UNKNOWN = 10**9
# The derivatives of coupled unknowns are written out; their length doubles with every one of them.
MOST_COUPLED = 8


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
