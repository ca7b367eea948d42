"""From a description to the formulas of its initial values."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.initial_values import InitialValues
from skperturb.sbml._compiling.rates import define_rates, stoichiometry_need
from skperturb.sbml._compiling.start import StartFormulas
from skperturb.sbml._compiling.unknowns import define_unknowns
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.expression import HAS_PARAMETER, ExpressionGraph
from skperturb.sbml._reading.description import Description, Quantity
from skperturb.sbml._reading.mathml import Definition, Formula, Translator, definition_of

__all__ = ["compile_start"]


def compile_start(description: Description, initial: InitialValues, system: Any) -> StartFormulas:
    """Write the initial values of a compiled system as formulas.

    Parameters
    ----------
    description : Description
        The parts of the model.
    initial : InitialValues
        The initial values as numbers.
    system : System
        The equations, whose variables and parameters become the leaves.
    """
    return _StartCompiler(description, initial, system).compile()


class _StartCompiler:
    def __init__(self, description: Description, initial: InitialValues, system: Any) -> None:
        self.description, self.initial, self.system = description, initial, system
        self.graph = ExpressionGraph()
        self.translator = Translator(self.graph, description.functions, self.graph.zero)
        self.names = (*system.variables, *system.parameter_names)
        self.leaf = {name: self.graph.parameter(index) for index, name in enumerate(self.names)}
        self.values = [*system.x0.tolist(), *system.parameter_values]

    def compile(self) -> StartFormulas:
        description = self.description
        for quantity in description.quantities.values():
            self._declare(quantity)
        self._declare_reactions()
        define_rates(description, self.graph, self.translator)
        compartments = frozenset(place.id for place in description.of_kind("compartment"))
        empty = StartFormulas(self.names, self.graph, {}, {}, {}, {}, compartments)
        if any(getattr(reaction, "fast", False) for reaction in description.reactions.values()):
            empty.problem = "fast reactions move the initial state to their equilibrium, which is not computed again"
            return empty
        try:
            if description.algebraic:
                define_unknowns(self.graph, self.translator, description.algebraic, self._known)
            formulas = self._ordered(self._formulas())
        except (CycleError, UnsupportedModelError) as error:
            loop = "initial assignments and algebraic rules depend on each other"
            empty.problem = loop if isinstance(error, CycleError) else str(error)
            return empty
        return StartFormulas(
            names=self.names,
            graph=self.graph,
            formulas=formulas,
            volumes=self._volumes(),
            conversion=self._conversion(),
            stoichiometry=self._stoichiometry(),
            compartments=compartments,
        )

    def _declare(self, quantity: Quantity) -> None:
        name, description, graph = quantity.id, self.description, self.graph
        if name in description.algebraic:
            return
        if name in description.assignments:
            self.translator.definitions[name] = description.assigned(name, graph)
        elif name not in self.leaf:
            self.translator.nodes[name] = graph.constant(self.initial.value(name))
        elif description.kept_as_amount(quantity):
            self._declare_amount(quantity)
        else:
            self.translator.nodes[name] = self.leaf[name]

    def _declare_amount(self, quantity: Quantity) -> None:
        amount = self.leaf[quantity.id]
        self.translator.definitions[quantity.id] = Definition(
            (quantity.compartment,), lambda nodes: self.graph.div(amount, nodes[0])
        )

    def _declare_reactions(self) -> None:
        for reaction in self.description.reactions.values():
            if reaction.math is not None:
                local = {name: self.leaf[f"{reaction.id}.{name}"] for name in reaction.local}
                formula = Formula(reaction.math, f"reaction {reaction.id!r}", local)
                self.translator.definitions[reaction.id] = definition_of(formula, self.graph)

    def _known(self, names: Sequence[str], leaves: Sequence[int]) -> tuple[list[float], list[float]]:
        values = ArrayEvaluator(self.graph, leaves)(0.0, (), self.values)
        return [self.initial.value(name) for name in names], [float(value) for value in values]

    # -- formulas -------------------------------------------------------------------------------------
    def _formulas(self) -> dict[int, int]:
        found = {}
        for index, name in enumerate(self.names):
            quantity = self.description.quantities.get(name)
            if quantity is None:  # a local parameter of a reaction
                continue
            kept = self.description.kept_as_amount(quantity)
            if name in self.description.initial:
                tree = Formula(self.description.initial[name], f"the initial assignment for {name!r}")
                node = self.graph.as_number(self.translator.resolve(tree))
                size = self.translator.resolve(quantity.compartment) if kept else self.graph.one
                found[index] = self.graph.mul(node, size)
            elif quantity.kind == "species":
                self._convert(found, index, quantity, is_amount=kept or quantity.is_amount)
        return found

    def _convert(self, found: dict[int, int], index: int, quantity: Quantity, *, is_amount: bool) -> None:
        """Add the formula of a species that the file gives in the other unit."""
        if quantity.value_is_amount == is_amount or quantity.value is None:
            return
        convert = self.graph.div if quantity.value_is_amount else self.graph.mul
        found[index] = convert(self.graph.constant(quantity.value), self.translator.resolve(quantity.compartment))

    def _ordered(self, formulas: dict[int, int]) -> dict[int, int]:
        operation, operands = self.graph.operation, self.graph.operands
        needs = {
            leaf: {operands[child][0] for child in self.graph.reachable([node]) if operation[child] == "parameter"}
            for leaf, node in formulas.items()
        }
        return {leaf: formulas[leaf] for leaf in TopologicalSorter(needs).static_order() if leaf in formulas}

    # -- what else the equations take from the start --------------------------------------------------
    def _changeable(self, node: int) -> bool:
        return bool(self.graph.flags[node] & HAS_PARAMETER)

    def _volumes(self) -> dict[int, int]:
        description, found = self.description, {}
        for index, name in enumerate(self.system.variables):
            quantity = description.quantities[name]
            concentration = quantity.kind == "species" and not quantity.is_amount
            if concentration and not description.varies(quantity.compartment):
                node = self.translator.resolve(quantity.compartment)
                if self._changeable(node):
                    found[index] = node
        return found

    def _conversion(self) -> dict[int, int]:
        position = {name: index for index, name in enumerate(self.system.variables)}
        factors = {index: self.description.quantities[name].conversion_factor for name, index in position.items()}
        nodes = {index: self.translator.resolve(factor) for index, factor in factors.items() if factor}
        return {index: node for index, node in nodes.items() if self._changeable(node)}

    def _stoichiometry(self) -> dict[tuple[int, int], int]:
        graph, ruled = self.graph, self.system.is_rate_rule
        position = {name: index for index, name in enumerate(self.system.variables)}
        entries: dict[tuple[int, int], int] = {}
        for column, reaction in enumerate(self.description.reactions.values()):
            for participant in reaction.participants:
                row = position.get(participant.species)
                if row is None or ruled[row]:
                    continue
                node = graph.as_number(self.translator.resolve(stoichiometry_need(participant, reaction.id)))
                signed = node if participant.sign > 0 else graph.neg(node)
                entries[row, column] = graph.add(entries.get((row, column), graph.zero), signed)
        return {key: node for key, node in entries.items() if self._changeable(node)}
