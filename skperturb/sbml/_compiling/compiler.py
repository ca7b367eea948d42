"""From the description of an SBML model to the expression graph of its differential equations."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skperturb.exceptions import SBMLError, UnsupportedModelError
from skperturb.sbml._compiling.compiled_events import CompiledEvent, compile_events
from skperturb.sbml._compiling.delays import Delay, find_delays
from skperturb.sbml._compiling.fast_reactions import FastReaction, equilibrated_rates
from skperturb.sbml._compiling.initial_values import InitialValues
from skperturb.sbml._compiling.rates import define_rates, stoichiometry_need
from skperturb.sbml._compiling.start import StartFormulas
from skperturb.sbml._compiling.start_compiler import compile_start
from skperturb.sbml._compiling.switches import jumps
from skperturb.sbml._compiling.time_dependence import time_dependence
from skperturb.sbml._compiling.unknowns import define_unknowns
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME, ExpressionGraph
from skperturb.sbml._reading.description import Description, Quantity, Reaction
from skperturb.sbml._reading.mathml import Definition, Formula, Translator, definition_of

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
    event_ids: tuple[str, ...]  # of all events that the file declares
    events: tuple[CompiledEvent, ...]
    diluted: tuple[tuple[int, int], ...]  # states that are divided by a volume which events may change, and that volume
    event_problem: str  # why the events cannot be followed; empty if they can
    switches: list[int]  # relations and integer steps at which the right-hand side jumps
    reference_states: tuple[str, ...]  # all species in file order, then all parameters that are not constant
    reaction_terms: tuple[tuple[int, int, float, int], ...] = ()  # variable, reaction, sign, number of molecules
    has_fast_reactions: bool = False
    row_factors: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)  # conversion factor, volume
    rates_read: frozenset[str] = frozenset()  # reactions whose rates formulas read; "rateOf" if any reads such a rate
    start: StartFormulas | None = None
    delays: tuple[Delay, ...] = ()  # what was some time ago, inner ones first
    overrides: frozenset[str] = frozenset()  # symbols that were given a value in place of their initial assignment


class _Compiler:
    def __init__(self, description: Description) -> None:
        self.description = description
        self.graph = ExpressionGraph()
        self.time = self.graph.time()
        self.translator = _NotingTranslator(self.graph, description.functions, self.time)
        self.initial = InitialValues(description)
        self.parameter_names: list[str] = []
        self.parameter_values: list[float] = []
        self.amount_states: dict[str, int] = {}
        self.variables = self._find_variables()
        self.position = {name: index for index, name in enumerate(self.variables)}
        self._moved_fast = {self.position[name] for name in description.moved_fast if name in self.position}
        self._equilibrated: list[int] | None = None

    # -- symbols --------------------------------------------------------------------------------------
    def _find_variables(self) -> tuple[str, ...]:
        description = self.description
        order = [*description.of_kind("species")]
        order += [quantity for quantity in description.quantities.values() if quantity.kind != "species"]
        return tuple(
            quantity.id for quantity in order if quantity.id in description.rates or description.is_variable(quantity)
        )

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
        if name in self.description.algebraic:
            return
        if name in self.description.assignments:
            translator.definitions[name] = self.description.assigned(name, self.graph)
        elif name in self.position:
            self._declare_state(quantity)
        elif self._is_literal(quantity):
            # A literal number of molecules: keeping it a number lets both sides of a reaction cancel.
            translator.nodes[name] = self.graph.constant(self.initial.value(name))
        elif self.description.kept_as_amount(quantity):
            amount = self._parameter(name, self._initial_state(name))
            translator.definitions[name] = Definition(
                (quantity.compartment,), lambda nodes: self.graph.div(amount, nodes[0])
            )
        else:
            translator.nodes[name] = self._parameter(name, self.initial.value(name))

    def _is_literal(self, quantity: Quantity) -> bool:
        changed = quantity.id in self.description.initial or quantity.id in self.description.event_targets
        return quantity.kind == "reference" and not changed

    def _parameter(self, name: str, value: float) -> int:
        self.parameter_names.append(name)
        self.parameter_values.append(value)
        return self.graph.parameter(len(self.parameter_names) - 1)

    def _declare_state(self, quantity: Quantity) -> None:
        name = quantity.id
        state = self.graph.state(self.position[name])
        if self.description.kept_as_amount(quantity):
            self.translator.definitions[name] = Definition(
                (quantity.compartment,), lambda nodes: self.graph.div(state, nodes[0])
            )
        else:
            self.translator.nodes[name] = state

    def _rate_of_assigned(self, name: str) -> Definition:
        """Return the total derivative of an assigned symbol along the equations."""
        return Definition((name,), lambda nodes: self._total_rate(nodes[0]))

    def _total_rate(self, node: int) -> int:
        graph = self.graph
        seeds: dict[int, Hashable] = {graph.state(index): index for index in range(len(self.variables))}
        seeds[self.time] = "time"
        if graph.has_delays:
            seeds |= {n: ("delay", n) for n in graph.reachable([node]) if graph.operation[n] == "delay"}
        partials = differentiate(graph, [node], seeds)[0]
        return graph.sum(graph.mul(partial, self._rate_of_seed(key)) for key, partial in partials.items())

    def _rate_of_seed(self, key: Hashable) -> int:
        graph = self.graph
        if key == "time":
            return graph.one
        if isinstance(key, tuple):
            value, lag = graph.operands[key[1]]
            # d/dt of e(t - lag) is the rate of e then, slower where the lag grows.
            slowed = graph.sub(graph.one, self._total_rate(lag))
            return graph.mul(graph.delay(self._total_rate(value), lag), slowed)
        return self._rate_of_state(int(key))  # type: ignore[call-overload]

    def _start(self, names: Sequence[str], leaves: Sequence[int]) -> tuple[list[float], list[float]]:
        """Return the initial values of symbols under algebraic rules, and of leaves of the graph."""
        x0 = [self._initial_state(name) for name in self.variables]
        values = ArrayEvaluator(self.graph, leaves)(0.0, x0, self.parameter_values)
        return [self.initial.value(name) for name in names], [float(value) for value in values]

    # -- everything -----------------------------------------------------------------------------------
    def compile(self) -> System:
        description, translator = self.description, self.translator
        self.declare()
        define_rates(description, self.graph, translator, self._rate_of_assigned)
        if description.algebraic:
            define_unknowns(self.graph, translator, description.algebraic, self._start)
        x0 = np.array([self._initial_state(name) for name in self.variables], dtype=float)
        rhs, x0 = self._rates_of_states(x0)
        names = [*description.quantities]
        symbols = {name: translator.resolve(name) for name in names}
        rates = {
            name: rate
            for name, rate in zip(self.variables, rhs, strict=True)
            if not self.description.kept_as_amount(description.quantities[name])
        }
        fluxes = [translator.resolve(name) for name in description.reactions]
        events, problem = self._compile_events()
        entries, varying, terms = self._stoichiometry(x0)
        ruled = np.array([name in description.rates or name in varying for name in self.variables], dtype=bool)
        factors = {name: description.quantities[name].conversion_factor for name in self.variables}
        system = System(
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
                if self.description.kept_as_amount(description.quantities[name])
            },
            event_ids=tuple(event.id for event in self.description.events),
            events=events,
            diluted=self._diluted(),
            event_problem=problem,
            switches=jumps(self.graph, rhs),
            time_dependence=time_dependence(description, self.graph, rhs),
            assigned=frozenset(description.assignments),
            species=frozenset(quantity.id for quantity in description.of_kind("species")),
            reference_states=(
                *(quantity.id for quantity in description.of_kind("species")),
                *(quantity.id for quantity in description.of_kind("parameter") if not quantity.constant),
            ),
            reaction_terms=terms,
            has_fast_reactions=any(reaction.fast for reaction in self.description.reactions.values()),
            row_factors=self._row_factors({row for row, *_ in terms}),
            rates_read=frozenset(translator.read & {*description.reactions, "rateOf"}),
        )
        delays = find_delays(system) if self.graph.has_delays else ()
        return replace(system, delays=delays, start=compile_start(description, self.initial, system))

    # -- events ---------------------------------------------------------------------------------------
    def _compile_events(self) -> tuple[tuple[CompiledEvent, ...], str]:
        if self.description.event_problem:
            return (), self.description.event_problem
        resolve = self.translator.resolve
        try:
            return (
                compile_events(
                    self.description.events,
                    lambda tree, where: resolve(Formula(tree, where)),
                    self._event_target,
                    self.graph,
                ),
                "",
            )
        except SBMLError as error:
            return (), str(error)

    def _diluted(self) -> tuple[tuple[int, int], ...]:
        description = self.description
        found = []
        for name in self.variables:
            quantity = description.quantities[name]
            if quantity.kind != "species" or quantity.is_amount or description.kept_as_amount(quantity):
                continue
            volume = quantity.compartment
            if volume in description.event_targets or volume in description.assignments:
                found.append((self.position[name], self.translator.resolve(volume)))
        return tuple(found)

    def _event_target(self, name: str, where: str) -> tuple[bool, int, int | None]:
        quantity = self.description.quantities[name]
        is_state = name in self.position
        index = self.position[name] if is_state else self.parameter_names.index(name)
        volume = self.translator.resolve(quantity.compartment) if self.description.kept_as_amount(quantity) else None
        return is_state, index, volume

    def _state_rate(self, name: str) -> int:
        """Return the rate of change of a state by all but fast reactions."""
        is_fast = name in self.description.moved_fast
        key = "slow rate of" if is_fast else "rate of"
        if self.description.kept_as_amount(self.description.quantities[name]):
            key = "amount rate of"
        return self.translator.resolve((key, name))

    def _rates_of_states(self, x0: np.ndarray) -> tuple[list[int], np.ndarray]:
        """Return the rates of change of all states, and the initial state with fast reactions in equilibrium."""
        rhs = [self._state_rate(name) for name in self.variables]
        fast = [reaction for reaction in self.description.reactions.values() if reaction.fast]
        if fast:
            reactions = [self._fast_reaction(reaction) for reaction in fast]
            rhs, x0 = equilibrated_rates(self.graph, rhs, reactions, x0, self.parameter_values)
            for index in self._moved_fast:
                name = self.variables[index]
                if not self.description.kept_as_amount(self.description.quantities[name]):
                    # From here on the rate has a value; formulas that needed it before were refused.
                    self.translator.nodes["rate of", name] = rhs[index]
        self._equilibrated = rhs
        return rhs, x0

    def _rate_of_state(self, index: int) -> int:
        if self._equilibrated is not None:
            return self._equilibrated[index]
        name = self.variables[index]
        return self.translator.resolve(("rate of", name)) if index in self._moved_fast else self._state_rate(name)

    def _fast_reaction(self, reaction: Reaction) -> FastReaction:
        effect: dict[int, float] = {}
        for participant in reaction.participants:
            row = self.position.get(participant.species)
            if row is None or participant.species in self.description.rates:
                continue
            node = self.graph.as_number(self.translator.resolve(stoichiometry_need(participant, reaction.id)))
            if self.graph.flags[node] & (HAS_STATE | HAS_TIME) or self._set_by_events(node):
                raise UnsupportedModelError(
                    f"the stoichiometry of {participant.species!r} in the fast reaction {reaction.id!r} varies; "
                    "expected a constant number, or a reaction that is not declared fast"
                )
            number = float(ArrayEvaluator(self.graph, [node])(0.0, (), self.parameter_values)[0])
            factor = self.description.quantities[participant.species].conversion_factor
            scale = (self.initial.value(factor) if factor else 1.0) / self._volume(participant.species)
            effect[row] = effect.get(row, 0.0) + participant.sign * number * scale
        return FastReaction(reaction.id, self.translator.resolve(reaction.id), effect)

    def _initial_state(self, name: str) -> float:
        quantity = self.description.quantities[name]
        value = self.initial.value(name)
        return value * self.initial.value(quantity.compartment) if self.description.kept_as_amount(quantity) else value

    def _volume(self, name: str) -> float:
        quantity = self.description.quantities[name]
        concentration = quantity.kind == "species" and not quantity.is_amount
        return (
            self.initial.value(quantity.compartment)
            if concentration and not self.description.varies(quantity.compartment)
            else 1.0
        )

    def _set_by_events(self, node: int) -> bool:
        targets = self.description.event_targets
        if not targets:
            return False
        leaves = (child for child in self.graph.reachable([node]) if self.graph.operation[child] == "parameter")
        return any(self.parameter_names[self.graph.operands[leaf][0]] in targets for leaf in leaves)

    def _row_factors(self, rows: set[int]) -> dict[int, tuple[int | None, int | None]]:
        """Return what the sum over the reactions is multiplied with and divided by, for each variable."""
        found: dict[int, tuple[int | None, int | None]] = {}
        for row in rows:
            quantity = self.description.quantities[self.variables[row]]
            factor, resolve = quantity.conversion_factor, self.translator.resolve
            divided = not quantity.is_amount and not self.description.kept_as_amount(quantity)
            found[row] = (resolve(factor) if factor else None, resolve(quantity.compartment) if divided else None)
        return found

    def _stoichiometry(
        self, x0: np.ndarray
    ) -> tuple[dict[tuple[int, int], float], set[str], tuple[tuple[int, int, float, int], ...]]:
        entries: dict[tuple[int, int], float] = {}
        nodes: list[tuple[int, int, float, int]] = []
        varying: set[str] = set()
        for column, reaction in enumerate(self.description.reactions.values()):
            for participant in reaction.participants:
                row = self.position.get(participant.species)
                if row is None or participant.species in self.description.rates:
                    continue
                node = self.graph.as_number(self.translator.resolve(stoichiometry_need(participant, reaction.id)))
                if self.graph.flags[node] & (HAS_STATE | HAS_TIME) or self._set_by_events(node):
                    varying.add(participant.species)
                nodes.append((row, column, participant.sign, node))
        evaluate = ArrayEvaluator(self.graph, [node for *_, node in nodes])
        values = evaluate(0.0, x0, self.parameter_values)
        for (row, column, sign, _), value in zip(nodes, values, strict=True):
            entries[row, column] = entries.get((row, column), 0.0) + sign * float(value)
        kept = {key: value for key, value in entries.items() if value != 0 and self.variables[key[0]] not in varying}
        return kept, varying, tuple(nodes)


class _NotingTranslator(Translator):
    """A translator that remembers which names formulas read, and whether they read rates of change."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: set[str] = set()

    def knowing(self, nodes: Mapping[str, int]) -> Translator:
        other = _NotingTranslator(self.graph, self.functions, self.time)
        other.nodes = dict(self.nodes)
        other.nodes.update(nodes)
        other.definitions, other.read = self.definitions, self.read
        return other

    def _push(self, need: Any, stack: list, results: list[int], where: str) -> None:
        # Definitions push their needs under their name, an id or a tuple; formulas say in words where they stand.
        if isinstance(need, str) and " " in where and not where.startswith("("):
            self.read.add(need)
        super()._push(need, stack, results, where)

    def _push_rate(self, formula: Formula, stack: list, results: list[int]) -> None:
        self.read.add("rateOf")
        super()._push_rate(formula, stack, results)


def compile_system(description: Description) -> System:
    """Build the equations of a described model."""
    return _Compiler(description).compile()
