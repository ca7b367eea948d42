"""What an SBML model declares, as plain Python objects, checked for what is missing, doubled or refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import libsbml

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._reading.algebraic_rules import AlgebraicRule, match_unknowns
from skperturb.sbml._reading.declared_events import DeclaredEvent, has_formula, read_events
from skperturb.sbml._reading.mathml import Definition, Formula, definition_of

__all__ = ["Description", "Participant", "Quantity", "Reaction", "describe"]


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
        if quantity.id in self.quantities or quantity.id in self.reactions or quantity.id in self.functions:
            raise InvalidModelError(f"the id {quantity.id!r} is used twice; expected unique ids")
        self.quantities[quantity.id] = quantity


def describe(document: libsbml.SBMLDocument) -> Description:
    """Read the components of a document's model."""
    model = document.getModel()
    description = Description(model.getId() or model.getName() or "model")
    for function in model.getListOfFunctionDefinitions():
        if function.getId() in description.functions:
            raise InvalidModelError(f"the function {function.getId()!r} is defined twice; expected unique ids")
        description.functions[function.getId()] = function
    _read_quantities(model, description)
    for reaction in model.getListOfReactions():
        _read_reaction(reaction, description)
    algebraic = _read_rules(model, description)
    _read_initial_assignments(model, description)
    description.events, description.event_problem = read_events(model, description.warnings)
    _match_algebraic(algebraic, model, description)
    _check_events(description)
    if model.getNumConstraints():
        description.warnings.append("the constraints of the model are not checked")
    _refuse_without_dynamics(document, description)
    _warn_of_missing_stoichiometry(model, description)
    return description


def _read_quantities(model: Any, description: Description) -> None:
    for compartment in model.getListOfCompartments():
        size = compartment.getSize() if compartment.isSetSize() or model.getLevel() == 1 else None
        is_point = compartment.getSpatialDimensionsAsDouble() == 0 and not _has_size(compartment, model)
        description.add(
            Quantity(
                compartment.getId(),
                "compartment",
                1.0 if is_point and size is None else size,
                compartment.getConstant(),
                is_point=is_point,
            )
        )
    for species in model.getListOfSpecies():
        description.add(_read_species(species, model, description))
    for parameter in model.getListOfParameters():
        value = parameter.getValue() if parameter.isSetValue() else None
        description.add(Quantity(parameter.getId(), "parameter", value, parameter.getConstant()))


def _has_size(compartment: Any, model: Any) -> bool:
    """Say whether a compartment without dimensions has a size all the same, as Level 3 allows."""
    name = compartment.getId()
    by_formula = model.getInitialAssignmentBySymbol(name) is not None or model.getRuleByVariable(name) is not None
    return model.getLevel() >= 3 and (compartment.isSetSize() or by_formula)


def _read_species(species: Any, model: Any, description: Description) -> Quantity:
    compartment = description.quantities.get(species.getCompartment())
    if compartment is None or compartment.kind != "compartment":
        raise InvalidModelError(
            f"species {species.getId()!r} lies in compartment {species.getCompartment()!r}, which is not defined"
        )
    value, value_is_amount = None, False
    if species.isSetInitialAmount():
        value, value_is_amount = species.getInitialAmount(), True
    elif species.isSetInitialConcentration():
        value = species.getInitialConcentration()
    factor = species.getConversionFactor() or model.getConversionFactor()
    return Quantity(
        species.getId(),
        "species",
        value,
        species.getConstant(),
        compartment=compartment.id,
        is_amount=species.getHasOnlySubstanceUnits() or compartment.is_point,
        value_is_amount=value_is_amount,
        boundary=species.getBoundaryCondition(),
        conversion_factor=factor,
    )


def _read_reaction(reaction: Any, description: Description) -> None:
    name = reaction.getId()
    if reaction.isSetFast() and reaction.getFast():
        raise UnsupportedModelError(
            f"reaction {name!r} is declared fast; fast reactions are not supported. Remove fast='true' if the "
            "rate law is meant as it stands."
        )
    if name in description.reactions:
        raise InvalidModelError(f"the id {name!r} is used twice; expected unique ids")
    participants = [
        *_read_participants(reaction.getListOfReactants(), -1.0, name, description),
        *_read_participants(reaction.getListOfProducts(), 1.0, name, description),
    ]
    modifiers = tuple(modifier.getSpecies() for modifier in reaction.getListOfModifiers())
    law = reaction.getKineticLaw()
    description.reactions[name] = Reaction(
        name,
        reaction.getReversible(),
        tuple(participants),
        modifiers,
        law.getMath() if law is not None else None,
        _local_parameters(law, name, description),
    )
    if name in description.quantities:
        raise InvalidModelError(f"the id {name!r} is used twice; expected unique ids")


def _local_parameters(law: Any, reaction: str, description: Description) -> dict[str, float]:
    if law is None:
        return {}
    local = {}
    for parameter in (*law.getListOfParameters(), *law.getListOfLocalParameters()):
        value = parameter.getValue() if parameter.isSetValue() else 0.0
        if not parameter.isSetValue():
            description.warnings.append(
                f"local parameter {parameter.getId()!r} of reaction {reaction!r} has no value: 0 is used"
            )
        local[parameter.getId()] = value
    return local


def _read_participants(
    references: Iterable[Any], sign: float, reaction: str, description: Description
) -> list[Participant]:
    found = []
    for reference in references:
        species = description.quantities.get(reference.getSpecies())
        if species is None or species.kind != "species":
            raise InvalidModelError(
                f"reaction {reaction!r} refers to species {reference.getSpecies()!r}, which is not defined"
            )
        math = reference.getStoichiometryMath()
        value, name = _stoichiometry(reference, reaction), reference.getId()
        if name and reference.getLevel() >= 3:
            description.add(Quantity(name, "reference", value, reference.getConstant()))
        tree = math.getMath() if math is not None else None
        found.append(Participant(species.id, sign, name if reference.getLevel() >= 3 else "", value, tree))
    return found


def _stoichiometry(reference: Any, reaction: str) -> float:
    value = reference.getStoichiometry()
    if reference.getLevel() == 1:
        return value / (reference.getDenominator() or 1)
    return 1.0 if value != value else value


def _warn_of_missing_stoichiometry(model: Any, description: Description) -> None:
    if model.getLevel() < 3:
        return
    ruled = {*description.assignments, *description.rates, *description.initial}
    for reaction in model.getListOfReactions():
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            if not reference.isSetStoichiometry() and reference.getId() not in ruled:
                description.warnings.append(
                    f"{reference.getSpecies()!r} in reaction {reaction.getId()!r} has no stoichiometry: 1 is used"
                )


def _read_rules(model: Any, description: Description) -> list[AlgebraicRule]:
    algebraic = []
    for index, rule in enumerate(model.getListOfRules()):
        if rule.isAlgebraic():
            if has_formula(rule, f"algebraic rule {index}", description.warnings):
                algebraic.append(AlgebraicRule(rule.getMath(), index, rule.getMetaId()))
            continue
        target = rule.getVariable()
        if target not in description.quantities:
            raise InvalidModelError(f"a rule sets {target!r}, which the model does not define")
        if target in description.assignments or target in description.rates:
            raise InvalidModelError(f"two rules set {target!r}; expected at most one per symbol")
        if not has_formula(rule, f"the rule for {target!r}", description.warnings):
            continue
        (description.assignments if rule.isAssignment() else description.rates)[target] = rule.getMath()
    return algebraic


def _match_algebraic(rules: list[AlgebraicRule], model: Any, description: Description) -> None:
    """Find what the algebraic rules determine; once known, such a symbol is an assigned one."""
    if not rules:
        return
    # In Level 1 nothing can be declared constant: there, what has a place in a reaction is likelier to be meant.
    kinds = ("species", "compartment", "parameter") if model.getLevel() == 1 else ()
    ranks = {}
    for quantity in description.quantities.values():
        name = quantity.id
        if quantity.constant or name in description.assignments or description.is_variable(quantity):
            continue
        has_value = quantity.value is not None or name in description.initial
        place = kinds.index(quantity.kind) if quantity.kind in kinds else 0
        ranks[name] = (name in description.event_targets, place, has_value)
    laws = {reaction.id: reaction.math for reaction in description.reactions.values()}
    description.algebraic = match_unknowns(rules, ranks, laws | description.assignments)
    description.assignments.update({name: rule.tree for name, rule in description.algebraic.items()})


def _read_initial_assignments(model: Any, description: Description) -> None:
    for assignment in model.getListOfInitialAssignments():
        target = assignment.getSymbol()
        if target not in description.quantities:
            raise InvalidModelError(f"an initial assignment sets {target!r}, which the model does not define")
        if target in description.initial:
            raise InvalidModelError(f"two initial assignments set {target!r}; expected at most one per symbol")
        if has_formula(assignment, f"the initial assignment for {target!r}", description.warnings):
            description.initial[target] = assignment.getMath()


def _check_events(description: Description) -> None:
    for event in description.events:
        for target in event.assignments:
            quantity = description.quantities.get(target)
            if quantity is None:
                why = "the model does not define"
            elif quantity.constant:
                why = "is declared constant"
            elif target in description.algebraic:
                why = "is set by an algebraic rule"
            elif target in description.assignments:
                why = "is set by an assignment rule"
            else:
                continue
            description.event_problem = f"event {event.id!r} assigns to {target!r}, which {why}"


def _refuse_without_dynamics(document: Any, description: Description) -> None:
    model = document.getModel()
    without = [reaction.id for reaction in description.reactions.values() if reaction.math is None]
    if description.rates or len(without) < len(description.reactions):
        if without:
            raise UnsupportedModelError(
                f"reaction {without[0]!r} has no kinetic law (one of {len(without)}); expected a rate for each"
            )
        return
    for package, text in (("qual", "a qualitative (logical) model"), ("fbc", "a flux-balance model")):
        if model.getPlugin(package) is not None:
            raise UnsupportedModelError(f"the model is {text} without kinetics; expected kinetic laws or rate rules")
    if without:
        raise UnsupportedModelError(
            f"no reaction has a kinetic law (first one: {without[0]!r}); expected kinetic laws or rate rules"
        )
