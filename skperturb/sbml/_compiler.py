"""From the description of an SBML model to the expression graph of its differential equations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exceptions import UnsupportedModelError
from ._codegen import ArrayEvaluator
from ._document import Description, Participant, Quantity
from ._expression import HAS_STATE, HAS_TIME, ExpressionGraph
from ._initial import InitialValues
from ._mathml import Definition, Formula, Translator, definition_of
from ._time import time_dependence

__all__ = ["System", "compile_system"]


@dataclass
class System:
    """The equations of a model as nodes of one graph; holds nothing of libsbml."""

    graph: ExpressionGraph
    variables: tuple[str, ...]
    x0: np.ndarray
    rhs: list[int]
    reaction_ids: tuple[str, ...]
    fluxes: list[int]
    symbols: dict[str, int]  # value of every symbol
    rates: dict[str, int]  # time derivative of every state that is the symbol itself
    parameter_names: list[str]
    parameter_values: list[float]
    stoichiometry: dict[tuple[int, int], float]
    conversion: dict[int, float]
    is_rate_rule: np.ndarray
    volumes: np.ndarray
    amount_states: dict[str, int]  # species kept as an amount although its symbol is a concentration -> volume
    time_dependence: tuple[str, ...]
    assigned: frozenset[str]  # symbols that an assignment rule sets
    species: frozenset[str]
    reference_states: tuple[str, ...]  # all species in file order, then all parameters that are not constant


class _Compiler:
    def __init__(self, description: Description) -> None:
        self.description = description
        self.graph = ExpressionGraph()
        self.time = self.graph.time()
        self.translator = Translator(self.graph, description.functions, self.time)
        self.initial = InitialValues(description)
        self.parameter_names: list[str] = []
        self.parameter_values: list[float] = []
        self.amount_states: dict[str, int] = {}
        self.variables = self._find_variables()
        self.position = {name: index for index, name in enumerate(self.variables)}

    # -- symbols --------------------------------------------------------------------------------------
    def _find_variables(self) -> tuple[str, ...]:
        description = self.description
        moved = {
            participant.species for reaction in description.reactions.values() for participant in reaction.participants
        }
        order = [*description.of_kind("species")]
        order += [quantity for quantity in description.quantities.values() if quantity.kind != "species"]
        return tuple(
            quantity.id
            for quantity in order
            if quantity.id in description.rates or (quantity.id in moved and self.changes_by_reactions(quantity))
        )

    def changes_by_reactions(self, quantity: Quantity) -> bool:
        free = not quantity.constant and not quantity.boundary
        ruled = quantity.id in self.description.rates or quantity.id in self.description.assignments
        return quantity.kind == "species" and free and not ruled

    def varies(self, compartment: str) -> bool:
        return compartment in self.description.rates or compartment in self.description.assignments

    def declare(self) -> None:
        """Give every symbol of the model its node or its definition."""
        for quantity in self.description.quantities.values():
            self._declare(quantity)
        for reaction in self.description.reactions.values():
            local = {name: self._parameter(f"{reaction.id}.{name}", value) for name, value in reaction.local.items()}
            formula = Formula(reaction.math, f"reaction {reaction.id!r}", local)
            self.translator.definitions[reaction.id] = definition_of(formula, self.graph)

    def _declare(self, quantity: Quantity) -> None:
        name, translator = quantity.id, self.translator
        if name in self.description.assignments:
            formula = Formula(self.description.assignments[name], f"the rule for {name!r}")
            translator.definitions[name] = definition_of(formula, self.graph)
        elif name in self.position:
            self._declare_state(quantity)
        elif quantity.kind == "reference" and name not in self.description.initial:
            # A literal number of molecules: keeping it a number lets both sides of a reaction cancel.
            translator.nodes[name] = self.graph.constant(self.initial.value(name))
        else:
            translator.nodes[name] = self._parameter(name, self.initial.value(name))
        translator.definitions["rate of", name] = self._rate_definition(quantity)

    def _parameter(self, name: str, value: float) -> int:
        self.parameter_names.append(name)
        self.parameter_values.append(value)
        return self.graph.parameter(len(self.parameter_names) - 1)

    def _declare_state(self, quantity: Quantity) -> None:
        name = quantity.id
        state = self.graph.state(self.position[name])
        if self.kept_as_amount(quantity):
            self.translator.definitions[name] = Definition(
                (quantity.compartment,), lambda nodes: self.graph.div(state, nodes[0])
            )
        else:
            self.translator.nodes[name] = state

    def kept_as_amount(self, quantity: Quantity) -> bool:
        """Say whether the state is the amount although the symbol is the concentration."""
        concentration = quantity.kind == "species" and not quantity.is_amount
        return concentration and quantity.id not in self.description.rates and self.varies(quantity.compartment)

    # -- rates of change ------------------------------------------------------------------------------
    def _rate_definition(self, quantity: Quantity) -> Definition:
        name, graph = quantity.id, self.graph
        if name in self.description.rates:
            formula = Formula(self.description.rates[name], f"the rate rule for {name!r}")
            return definition_of(formula, graph)
        if name in self.description.assignments:
            return Definition((("refused rate of", name),), lambda nodes: nodes[0])
        if name not in self.position:
            return Definition((), lambda nodes: graph.zero)
        needs: tuple[Any, ...] = (("amount rate of", name),)
        if quantity.is_amount:
            return Definition(needs, lambda nodes: nodes[0])
        volume = quantity.compartment
        if not self.kept_as_amount(quantity):
            return Definition((*needs, volume), lambda nodes: graph.div(nodes[0], nodes[1]))
        # d(n/V)/dt = (dn/dt - (n/V) dV/dt) / V
        return Definition(
            (*needs, volume, name, ("rate of", volume)),
            lambda nodes: graph.div(graph.sub(nodes[0], graph.mul(nodes[2], nodes[3])), nodes[1]),
        )

    def declare_amount_rates(self) -> None:
        """Define the rate of change of each species' amount by the reactions."""
        moved: dict[str, dict[str, list[Participant]]] = {}
        for reaction in self.description.reactions.values():
            for participant in reaction.participants:
                moved.setdefault(participant.species, {}).setdefault(reaction.id, []).append(participant)
        for name in self.variables:
            if name not in self.description.rates:
                self._declare_amount_rate(name, moved[name])

    def _declare_amount_rate(self, name: str, by_reaction: dict[str, list[Participant]]) -> None:
        factor = self.description.quantities[name].conversion_factor
        needs: list[Any] = [factor] if factor else []
        shape: list[list[Participant]] = []
        for reaction, participants in by_reaction.items():
            needs.append(reaction)
            needs += [self.stoichiometry_need(p, reaction) for p in participants]
            shape.append(participants)

        def combine(nodes: list[int]) -> int:
            rest = iter(nodes)
            scale = next(rest) if factor else self.graph.one
            terms = []
            for participants in shape:
                flux = next(rest)
                coefficient = self._net([(p.sign, next(rest)) for p in participants])
                if coefficient != self.graph.zero:
                    terms.append(self.graph.mul(coefficient, flux))
            return self.graph.mul(scale, self._signed_sum(terms))

        self.translator.definitions["amount rate of", name] = Definition(tuple(needs), combine)

    def stoichiometry_need(self, participant: Participant, reaction: str) -> Any:
        """Return what the number of molecules of a participant is computed from."""
        if participant.math is not None:
            return Formula(participant.math, f"the stoichiometry of {participant.species!r} in {reaction!r}")
        return participant.id or ("literal", participant.stoichiometry)

    def _net(self, terms: list[tuple[float, int]]) -> int:
        values = [(sign, self.graph.value(node)) for sign, node in terms]
        known = [sign * value for sign, value in values if value is not None]
        if len(known) == len(terms):
            # Adding 0.0 turns -0.0 into the zero that leaves the reaction out.
            return self.graph.constant(math.fsum(known) + 0.0)
        return self.graph.sum(node if sign > 0 else self.graph.neg(node) for sign, node in terms)

    def _signed_sum(self, terms: list[int]) -> int:
        graph, total = self.graph, self.graph.zero
        for term in terms:
            if graph.operation[term] == "neg":
                total = graph.sub(total, graph.operands[term][0])
            else:
                total = graph.add(total, term)
        return total

    def declare_literals(self) -> None:
        for reaction in self.description.reactions.values():
            for participant in reaction.participants:
                value = participant.stoichiometry
                self.translator.nodes["literal", value] = self.graph.constant(value)

    # -- everything -----------------------------------------------------------------------------------
    def compile(self) -> System:
        description, translator = self.description, self.translator
        self.declare()
        self.declare_literals()
        self.declare_amount_rates()
        self._refuse_rates()
        rhs = [self._state_rate(name) for name in self.variables]
        names = [*description.quantities]
        symbols = {name: translator.resolve(name) for name in names}
        rates = {
            name: rate
            for name, rate in zip(self.variables, rhs, strict=True)
            if not self.kept_as_amount(description.quantities[name])
        }
        fluxes = [translator.resolve(name) for name in description.reactions]
        x0 = np.array([self._initial_state(name) for name in self.variables], dtype=float)
        entries, varying = self._stoichiometry(x0)
        ruled = np.array([name in description.rates or name in varying for name in self.variables], dtype=bool)
        factors = {name: description.quantities[name].conversion_factor for name in self.variables}
        return System(
            graph=self.graph,
            variables=self.variables,
            x0=x0,
            rhs=rhs,
            reaction_ids=tuple(description.reactions),
            fluxes=fluxes,
            symbols=symbols,
            rates=rates,
            parameter_names=self.parameter_names,
            parameter_values=self.parameter_values,
            stoichiometry=entries,
            conversion={self.position[name]: self.initial.value(factor) for name, factor in factors.items() if factor},
            is_rate_rule=ruled,
            volumes=np.array([self._volume(name) for name in self.variables], dtype=float),
            amount_states={
                name: symbols[description.quantities[name].compartment]
                for name in self.variables
                if self.kept_as_amount(description.quantities[name])
            },
            time_dependence=time_dependence(description, self.graph, rhs),
            assigned=frozenset(description.assignments),
            species=frozenset(quantity.id for quantity in description.of_kind("species")),
            reference_states=(
                *(quantity.id for quantity in description.of_kind("species")),
                *(quantity.id for quantity in description.of_kind("parameter") if not quantity.constant),
            ),
        )

    def _refuse_rates(self) -> None:
        for key in self.description.assignments:
            self.translator.definitions["refused rate of", key] = Definition((), _refuse_rate(key))

    def _state_rate(self, name: str) -> int:
        key = "amount rate of" if self.kept_as_amount(self.description.quantities[name]) else "rate of"
        return self.translator.resolve((key, name))

    def _initial_state(self, name: str) -> float:
        quantity = self.description.quantities[name]
        value = self.initial.value(name)
        return value * self.initial.value(quantity.compartment) if self.kept_as_amount(quantity) else value

    def _volume(self, name: str) -> float:
        quantity = self.description.quantities[name]
        concentration = quantity.kind == "species" and not quantity.is_amount
        return (
            self.initial.value(quantity.compartment) if concentration and not self.varies(quantity.compartment) else 1.0
        )

    def _stoichiometry(self, x0: np.ndarray) -> tuple[dict[tuple[int, int], float], set[str]]:
        entries: dict[tuple[int, int], float] = {}
        nodes: list[tuple[int, int, float, int]] = []
        varying: set[str] = set()
        for column, reaction in enumerate(self.description.reactions.values()):
            for participant in reaction.participants:
                row = self.position.get(participant.species)
                if row is None or participant.species in self.description.rates:
                    continue
                node = self.graph.as_number(self.translator.resolve(self.stoichiometry_need(participant, reaction.id)))
                if self.graph.flags[node] & (HAS_STATE | HAS_TIME):
                    varying.add(participant.species)
                nodes.append((row, column, participant.sign, node))
        evaluate = ArrayEvaluator(self.graph, [node for *_, node in nodes])
        values = evaluate(0.0, x0, self.parameter_values)
        for (row, column, sign, _), value in zip(nodes, values, strict=True):
            entries[row, column] = entries.get((row, column), 0.0) + sign * float(value)
        kept = {key: value for key, value in entries.items() if value != 0 and self.variables[key[0]] not in varying}
        return kept, varying


def _refuse_rate(name: str):
    def refuse(nodes: list[int]) -> int:
        raise UnsupportedModelError(
            f"the model needs rateOf({name}), but {name!r} is set by an assignment rule; expected the target of a "
            "rate rule or a species that reactions change"
        )

    return refuse


def compile_system(description: Description) -> System:
    """Build the equations of a described model."""
    return _Compiler(description).compile()
