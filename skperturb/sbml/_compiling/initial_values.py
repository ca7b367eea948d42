"""Initial values: the same formulas on a graph without variables, where folding leaves numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._compiling.implicit import NewtonSolver, first_solution
from skperturb.sbml._compiling.rates import define_rates
from skperturb.sbml._compiling.unknowns import residuals_of
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.description import Description, Quantity
from skperturb.sbml._reading.mathml import Definition, Formula, Translator, definition_of

__all__ = ["InitialValues"]


class InitialValues:
    """The value of every symbol at time 0, in dependency order of initial assignments and rules."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.graph = ExpressionGraph()
        self.translator = Translator(self.graph, description.functions, self.graph.zero)
        for quantity in description.quantities.values():
            self._declare(quantity)
        for reaction in description.reactions.values():
            if reaction.math is not None:
                local = {name: self.graph.constant(value) for name, value in reaction.local.items()}
                formula = Formula(reaction.math, f"reaction {reaction.id!r}", local)
                self.translator.definitions[reaction.id] = definition_of(formula, self.graph)
        define_rates(description, self.graph, self.translator)
        self._unknowns: dict[str, float] | None = None

    def value(self, name: str) -> float:
        """Return the value of a symbol at time 0."""
        value = self.graph.value(self.translator.resolve(name))
        if value is None:
            raise InvalidModelError(
                f"the initial value of {name!r} is missing or not a number; give it a value, an "
                "initial assignment or a rule"
            )
        if value < 0.0 and self.description.quantities[name].kind == "compartment":
            raise InvalidModelError(f"compartment {name!r} begins with the size {value:g}; expected a positive size")
        return value

    def _declare(self, quantity: Quantity) -> None:
        name, description = quantity.id, self.description
        if name in description.algebraic:
            self.translator.definitions[name] = Definition((), lambda nodes: self._unknown(name))
        elif name in description.initial:
            self._define(name, description.initial[name], f"the initial assignment for {name!r}")
        elif name in description.assignments:
            self.translator.definitions[name] = description.assigned(name, self.graph)
        else:
            self._declare_value(quantity)

    def _unknown(self, name: str) -> int:
        """Return what algebraic rules determine, all of them and the initial assignments at once."""
        if self._unknowns is None:
            rules = self.description.algebraic
            unknowns, residuals = residuals_of(self.graph, self.translator, rules)
            solver = NewtonSolver(self.graph, residuals, (), unknowns)
            where = ", ".join(rule.where for rule in rules.values())
            guess = np.array([self._guess(other) for other in rules])
            self._unknowns = dict(zip(rules, first_solution(solver, guess, where).tolist(), strict=True))
        return self.graph.constant(self._unknowns[name])

    def _guess(self, name: str) -> float:
        value = self.description.quantities[name].value
        return 1.0 if value is None or not np.isfinite(value) else value

    def _define(self, name: str, tree: Any, where: str) -> None:
        self.translator.definitions[name] = definition_of(Formula(tree, where), self.graph)

    def _declare_value(self, quantity: Quantity) -> None:
        value, graph = quantity.value, self.graph
        if value is None:
            value = 1.0 if quantity.kind == "compartment" else 0.0
            self.description.warnings.append(f"{quantity.kind} {quantity.id!r} has no initial value: {value:g} is used")
        node = graph.constant(value)
        if quantity.kind != "species" or quantity.value_is_amount == quantity.is_amount or quantity.value is None:
            self.translator.nodes[quantity.id] = node
            return
        convert = graph.div if quantity.value_is_amount else graph.mul
        self.translator.definitions[quantity.id] = Definition(
            (quantity.compartment,), lambda nodes: convert(node, nodes[0])
        )
