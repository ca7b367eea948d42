"""The parts of an SBML model as plain Python objects, and what contradicts what among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.algebraic_rules import AlgebraicRule
from skperturb.sbml._reading.declared_events import DeclaredEvent
from skperturb.sbml._reading.mathml import Definition, Formula, definition_of

__all__ = ["Description", "Participant", "Quantity", "Reaction", "check_contradictions"]


@dataclass(frozen=True)
class Quantity:
    """A compartment, species, parameter or species reference; `value` is None where the file gives none."""

    id: str
    kind: str
    value: float | None
    constant: bool
    compartment: str = ""
    is_amount: bool = False  # what the symbol means
    value_is_amount: bool = False  # what the file gives
    boundary: bool = False
    conversion_factor: str = ""
    is_point: bool = False  # a compartment without a size: what it holds has an amount only


@dataclass(frozen=True)
class Participant:
    """A species on one side of a reaction; `sign` is -1 for reactants and 1 for products."""

    species: str
    sign: float
    id: str
    stoichiometry: float
    math: Any = None


@dataclass(frozen=True)
class Reaction:
    """A reaction with the syntax tree of its rate."""

    id: str
    reversible: bool
    participants: tuple[Participant, ...]
    modifiers: tuple[str, ...]
    math: Any
    local: dict[str, float]
    fast: bool = False


@dataclass
class Description:
    """The parts of a model by id, in file order."""

    model_id: str
    quantities: dict[str, Quantity] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    assignments: dict[str, Any] = field(default_factory=dict)
    algebraic: dict[str, AlgebraicRule] = field(default_factory=dict)  # by determined symbol; these are assigned too
    rates: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    reactions: dict[str, Reaction] = field(default_factory=dict)
    events: tuple[DeclaredEvent, ...] = ()
    event_problem: str = ""  # why the events cannot be read; equations that ignore them still can be made
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def event_targets(self) -> frozenset[str]:
        """Symbols that events assign to."""
        return frozenset(name for event in self.events for name in event.assignments)

    def of_kind(self, kind: str) -> list[Quantity]:
        return [quantity for quantity in self.quantities.values() if quantity.kind == kind]

    @cached_property
    def _moved(self) -> frozenset[str]:
        return frozenset(p.species for reaction in self.reactions.values() for p in reaction.participants)

    @cached_property
    def moved_fast(self) -> frozenset[str]:
        """Species that fast reactions change."""
        fast = (reaction for reaction in self.reactions.values() if reaction.fast)
        names = {p.species for reaction in fast for p in reaction.participants}
        return frozenset(name for name in names if name not in self.rates and self.is_variable(self.quantities[name]))

    def is_variable(self, quantity: Quantity) -> bool:
        """Say whether reactions or a rate rule change a symbol."""
        if quantity.id in self.rates:
            return True
        free = not quantity.constant and not quantity.boundary and quantity.id not in self.assignments
        return quantity.kind == "species" and free and quantity.id in self._moved

    def varies(self, compartment: str) -> bool:
        """Say whether the size of a compartment may change."""
        return any(compartment in group for group in (self.rates, self.assignments, self.event_targets))

    def kept_as_amount(self, quantity: Quantity) -> bool:
        """Say whether the amount is kept although the symbol is the concentration, since the volume changes."""
        concentration = quantity.kind == "species" and not quantity.is_amount
        return concentration and quantity.id not in self.rates and self.varies(quantity.compartment)

    def assigned(self, name: str, graph: ExpressionGraph) -> Definition:
        """Return the definition of a symbol under an assignment rule."""
        return definition_of(Formula(self.assignments[name], f"the rule for {name!r}"), graph)

    def add(self, quantity: Quantity) -> None:
        self.check_id(quantity.id)
        self.quantities[quantity.id] = quantity

    def check_id(self, name: str) -> None:
        """Refuse an id that something else has; one name space holds all but the local parameters."""
        if name in self.quantities or name in self.reactions or name in self.functions:
            raise InvalidModelError(f"the id {name!r} is used twice; expected unique ids (libsbml error 10301)")


def check_contradictions(description: Description) -> None:
    """Refuse what a file says twice in different ways; libsbml would take one of them in silence.

    Raises
    ------
    InvalidModelError
        With the number of libsbml's error where it has one.
    """
    moved = {p.species: reaction.id for reaction in description.reactions.values() for p in reaction.participants}
    for name, quantity in description.quantities.items():
        ruled = name in description.assignments or name in description.rates
        if ruled and quantity.constant:
            number = 20903 if name in description.assignments else 20904
            raise InvalidModelError(
                f"a rule sets {name!r}, which is declared constant (in Level 2 whatever does not say otherwise is); "
                f"expected constant='false' or no rule (libsbml error {number})"
            )
        if name in description.assignments and name in description.initial:
            raise InvalidModelError(
                f"an assignment rule and an initial assignment set {name!r}; expected one of them (libsbml error 20803)"
            )
        if name in moved and not quantity.boundary and (ruled or quantity.constant):
            what, number = ("is set by a rule", 20610) if ruled else ("is declared constant", 20611)
            raise InvalidModelError(
                f"species {name!r} {what}, and reaction {moved[name]!r} changes it; expected boundaryCondition='true', "
                f"which keeps reactions from changing it, or one of the two (libsbml error {number})"
            )
        _check_value(quantity, is_replaced=ruled or name in description.initial)


def _check_value(quantity: Quantity, *, is_replaced: bool) -> None:
    value = quantity.value
    if value is None or is_replaced:
        return
    if quantity.kind == "compartment" and value < 0.0:
        raise InvalidModelError(f"compartment {quantity.id!r} has the size {value:g}; expected a positive size")
    if quantity.kind == "reference" and quantity.constant and not math.isfinite(value):
        raise InvalidModelError(f"the stoichiometry {quantity.id!r} is {value}; expected a finite number")
