"""Rates of change of the symbols of a model, defined on any graph that knows the symbols themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.document import Description, Participant, Quantity
from skperturb.sbml._reading.mathml import Definition, Formula, Translator, definition_of

__all__ = ["define_rates", "stoichiometry_need"]


def define_rates(
    description: Description,
    graph: ExpressionGraph,
    translator: Translator,
    rate_of_assigned: Callable[[str], Definition] | None = None,
) -> None:
    """Define ("rate of", symbol) for every symbol and ("amount rate of", species) for what reactions change.

    `rate_of_assigned` gives the rate of a symbol under an assignment rule; by default it is refused.
    """
    definer = _Rates(description, graph, translator, rate_of_assigned or _refuse_rate)
    for quantity in description.quantities.values():
        translator.definitions["rate of", quantity.id] = definer.of_symbol(quantity)
    for name, by_reaction in definer.moved().items():
        if description.is_variable(description.quantities[name]) and name not in description.rates:
            translator.definitions["amount rate of", name] = definer.of_amount(name, by_reaction)


def stoichiometry_need(participant: Participant, reaction: str) -> Any:
    """Return what the number of molecules of a participant is computed from."""
    if participant.math is not None:
        return Formula(participant.math, f"the stoichiometry of {participant.species!r} in {reaction!r}")
    return participant.id or ("literal", participant.stoichiometry)


def _refuse_rate(name: str) -> Definition:
    def refuse(nodes: list[int]) -> int:
        raise UnsupportedModelError(
            f"the model needs rateOf({name}) for an initial value, but {name!r} is set by an assignment rule; expected "
            "the target of a rate rule or a species that reactions change"
        )

    return Definition((), refuse)


class _Rates:
    def __init__(
        self,
        description: Description,
        graph: ExpressionGraph,
        translator: Translator,
        rate_of_assigned: Callable[[str], Definition],
    ) -> None:
        self.description, self.graph, self.rate_of_assigned = description, graph, rate_of_assigned
        for reaction in description.reactions.values():
            for participant in reaction.participants:
                value = participant.stoichiometry
                translator.nodes["literal", value] = graph.constant(value)

    def moved(self) -> dict[str, dict[str, list[Participant]]]:
        """Return the participants of each species by reaction."""
        found: dict[str, dict[str, list[Participant]]] = {}
        for reaction in self.description.reactions.values():
            for participant in reaction.participants:
                found.setdefault(participant.species, {}).setdefault(reaction.id, []).append(participant)
        return found

    def of_symbol(self, quantity: Quantity) -> Definition:
        name, graph = quantity.id, self.graph
        if name in self.description.rates:
            return definition_of(Formula(self.description.rates[name], f"the rate rule for {name!r}"), graph)
        if name in self.description.assignments:
            return self.rate_of_assigned(name)
        if not self.description.is_variable(quantity):
            return self._of_unmoved(quantity)
        needs: tuple[Any, ...] = (("amount rate of", name),)
        if quantity.is_amount:
            return Definition(needs, lambda nodes: nodes[0])
        volume = quantity.compartment
        if not self.description.kept_as_amount(quantity):
            return Definition((*needs, volume), lambda nodes: graph.div(nodes[0], nodes[1]))
        # d(n/V)/dt = (dn/dt - (n/V) dV/dt) / V
        return Definition(
            (*needs, volume, name, ("rate of", volume)),
            lambda nodes: graph.div(graph.sub(nodes[0], graph.mul(nodes[2], nodes[3])), nodes[1]),
        )

    def _of_unmoved(self, quantity: Quantity) -> Definition:
        graph, volume = self.graph, quantity.compartment
        if not self.description.kept_as_amount(quantity):
            return Definition((), lambda nodes: graph.zero)
        # Nothing changes the amount, but the volume changes under it.
        return Definition(
            (volume, quantity.id, ("rate of", volume)),
            lambda nodes: graph.div(graph.neg(graph.mul(nodes[1], nodes[2])), nodes[0]),
        )

    def of_amount(self, name: str, by_reaction: dict[str, list[Participant]]) -> Definition:
        factor = self.description.quantities[name].conversion_factor
        needs: list[Any] = [factor] if factor else []
        shape: list[list[Participant]] = []
        for reaction, participants in by_reaction.items():
            needs.append(reaction)
            needs += [stoichiometry_need(p, reaction) for p in participants]
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

        return Definition(tuple(needs), combine)

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
