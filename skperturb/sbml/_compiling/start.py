"""Initial values as functions of one another: what follows when some of them are changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["StartFormulas"]


@dataclass
class StartFormulas:
    """Formulas of initial values on a graph of its own, whose leaves are all variables and all parameters.

    A symbol without a formula has a value of its own. One that is given another value keeps it: its formula no
    longer counts.
    """

    names: tuple[str, ...]  # leaf k of the graph: the variables, then the parameters
    graph: ExpressionGraph
    formulas: dict[int, int]  # leaf -> the node of its value, those first that others need
    volumes: dict[int, int]  # variable -> the size of its compartment, where that can be changed
    conversion: dict[int, int]
    stoichiometry: dict[tuple[int, int], int]  # entries that depend on parameters
    compartments: frozenset[str]
    problem: str = ""  # why initial values cannot be made anew; empty if they can
    _needs: dict[int, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._needs = {leaf: self.leaves_of(node) for leaf, node in self.formulas.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_evaluators", "_slopes")}

    def leaves_of(self, node: int) -> frozenset[int]:
        """Return the leaves that a node is made of."""
        graph = self.graph
        reached = (child for child in graph.reachable([node]) if graph.operation[child] == "parameter")
        return frozenset(graph.operands[child][0] for child in reached)

    @cached_property
    def _evaluators(self) -> dict[int, ArrayEvaluator]:
        return {leaf: ArrayEvaluator(self.graph, [node]) for leaf, node in self.formulas.items()}

    def follow(self, values: np.ndarray, changed: set[int], fixed: set[int]) -> None:
        """Evaluate, in place, what depends on changed leaves and is not fixed itself."""
        changed = set(changed)
        for leaf in self.formulas:
            if leaf not in fixed and not changed.isdisjoint(self._needs[leaf]):
                values[leaf] = float(self._evaluators[leaf](0.0, (), values)[0])
                changed.add(leaf)

    def value_of(self, nodes: Mapping[Any, int], values: np.ndarray) -> dict[Any, float]:
        """Return the values of some nodes."""
        numbers = ArrayEvaluator(self.graph, list(nodes.values()))(0.0, (), values)
        return {key: float(number) for key, number in zip(nodes, numbers, strict=True)}

    @cached_property
    def _slopes(self) -> dict[int, tuple[list[int], ArrayEvaluator]]:
        seeds = {self.graph.parameter(leaf): leaf for leaf in range(len(self.names))}
        rows = differentiate(self.graph, self.formulas.values(), seeds)
        return {
            leaf: ([int(key) for key in row], ArrayEvaluator(self.graph, list(row.values())))  # type: ignore[call-overload]
            for leaf, row in zip(self.formulas, rows, strict=True)
        }

    def derivatives(self, values: np.ndarray, fixed: set[int], with_respect_to: Sequence[int]) -> np.ndarray:
        """Return the derivatives of all leaves with respect to some of them, formulas followed.

        Returns
        -------
        derivatives : ndarray of shape (n_leaves, n_chosen)
            Exactly zero where one initial value does not depend on the other.
        """
        result = np.zeros((len(self.names), len(with_respect_to)))
        result[with_respect_to, np.arange(len(with_respect_to))] = 1.0
        own = {leaf: column for column, leaf in enumerate(with_respect_to)}
        for leaf in self.formulas:
            if leaf in fixed:
                continue
            sources, evaluate = self._slopes[leaf]
            row = np.zeros(len(with_respect_to))
            for source, slope in zip(sources, evaluate(0.0, (), values), strict=True):
                used = result[source] != 0.0  # an infinite slope at what does not change is no NaN
                row[used] += float(slope) * result[source, used]
            if leaf in own:
                row[own[leaf]] = 1.0
            result[leaf] = row
        return result

    def slopes_of(self, nodes: Mapping[int, int], values: np.ndarray) -> dict[int, dict[int, float]]:
        """Return the derivatives of some nodes with respect to the leaves."""
        seeds = {self.graph.parameter(leaf): leaf for leaf in range(len(self.names))}
        found: dict[int, dict[int, float]] = {}
        for key, row in zip(nodes, differentiate(self.graph, nodes.values(), seeds), strict=True):
            numbers = ArrayEvaluator(self.graph, list(row.values()))(0.0, (), values)
            found[key] = {int(leaf): float(value) for leaf, value in zip(row, numbers, strict=True)}  # type: ignore[call-overload]
        return found
