"""Rates of change of the symbols of a model, defined on any graph that knows the symbols themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.description import Description, Participant, Quantity
from skperturb.sbml._reading.mathml import Definition, Formula, Translator, definition_of

__all__ = ["define_rates", "net_coefficient", "signed_sum", "stoichiometry_need"]


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
        if quantity.id in description.moved_fast:
            translator.definitions["slow rate of", quantity.id] = definer.of_symbol(quantity)
            translator.definitions["rate of", quantity.id] = _refuse_rate(quantity.id, "moved by fast reactions")
    for name, by_reaction in definer.moved().items():
        if description.is_variable(description.quantities[name]) and name not in description.rates:
            translator.definitions["amount rate of", name] = definer.of_amount(name, by_reaction)


def stoichiometry_need(participant: Participant, reaction: str) -> Any:
    """Return what the number of molecules of a participant is computed from."""
    if participant.math is not None:
        return Formula(participant.math, f"the stoichiometry of {participant.species!r} in {reaction!r}")
    return participant.id or ("literal", participant.stoichiometry)


def _refuse_rate(name: str, why: str = "set by an assignment rule") -> Definition:
    def refuse(nodes: list[int]) -> int:
        what = "" if why.startswith("moved") else "for an initial value, "
        raise UnsupportedModelError(
            f"the model needs rateOf({name}) {what}but {name!r} is {why}; expected the target of a rate rule or a "
            "species that reactions change"
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
        """Return the participants of each species by reaction; fast ones set no rate."""
        found: dict[str, dict[str, list[Participant]]] = {}
        for reaction in self.description.reactions.values():
            for participant in reaction.participants:
                by_reaction = found.setdefault(participant.species, {})
                if not reaction.fast:
                    by_reaction.setdefault(reaction.id, []).append(participant)
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
                coefficient = net_coefficient(self.graph, [(p.sign, next(rest)) for p in participants])
                if coefficient != self.graph.zero:
                    terms.append(self.graph.mul(coefficient, flux))
            return self.graph.mul(scale, signed_sum(self.graph, terms))

        return Definition(tuple(needs), combine)


def net_coefficient(graph: ExpressionGraph, terms: Sequence[tuple[float, int]]) -> int:
    """Return the molecules that a reaction makes, from sign and number of each participant; zero if they cancel."""
    values = [(sign, graph.value(node)) for sign, node in terms]
    known = [sign * value for sign, value in values if value is not None]
    if len(known) == len(terms):
        # Adding 0.0 turns -0.0 into the zero that leaves the reaction out.
        return graph.constant(math.fsum(known) + 0.0)
    return graph.sum(node if sign > 0 else graph.neg(node) for sign, node in terms)


def signed_sum(graph: ExpressionGraph, terms: Sequence[int]) -> int:
    """Return the sum, with differences in place of negated terms."""
    total = graph.zero
    for term in terms:
        is_negated = graph.operation[term] == "neg"
        total = graph.sub(total, graph.operands[term][0]) if is_negated else graph.add(total, term)
    return total
