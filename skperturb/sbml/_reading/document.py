"""From a libsbml document to the description of a model, checked for what is missing, doubled or refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import libsbml

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._reading.algebraic_rules import AlgebraicRule, match_unknowns, names_in
from skperturb.sbml._reading.declared_events import has_formula, read_events
from skperturb.sbml._reading.description import Description, Participant, Quantity, Reaction, check_contradictions

__all__ = ["describe"]

# What editors call a model that nobody has named.
_NO_NAMES = ("untitled",)


def describe(document: libsbml.SBMLDocument, file_name: str | None = None) -> Description:
    """Read the components of a document's model; one without an id of its own is called as its file."""
    model = document.getModel()
    given = [name for name in (model.getId(), file_name, model.getName()) if name and name.lower() not in _NO_NAMES]
    description = Description(given[0] if given else "model")
    for function in model.getListOfFunctionDefinitions():
        description.check_id(function.getId())
        description.functions[function.getId()] = function
    _read_quantities(model, description)
    for reaction in model.getListOfReactions():
        _read_reaction(reaction, description)
    algebraic = _read_rules(model, description)
    _read_initial_assignments(model, description)
    check_contradictions(description)
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
                _is_constant(compartment, model),
                is_point=is_point,
            )
        )
    for species in model.getListOfSpecies():
        description.add(_read_species(species, model, description))
    for parameter in model.getListOfParameters():
        value = parameter.getValue() if parameter.isSetValue() else None
        description.add(Quantity(parameter.getId(), "parameter", value, _is_constant(parameter, model)))


def _is_constant(element: Any, model: Any) -> bool:
    """Say whether a symbol is declared constant; Level 1 cannot say so, and means what no rule sets."""
    return element.getConstant() if model.getLevel() > 1 else model.getRuleByVariable(element.getId()) is None


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
    if species.isSetInitialAmount() and species.isSetInitialConcentration():
        raise InvalidModelError(
            f"species {species.getId()!r} has an initial amount ({species.getInitialAmount():g}) and an initial "
            f"concentration ({species.getInitialConcentration():g}); expected one of them (libsbml error 20609)"
        )
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
    description.check_id(name)
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
        _rate(law, name),
        _local_parameters(law, name, description),
        fast=bool(reaction.isSetFast() and reaction.getFast()),
    )
    if name in description.quantities:
        raise InvalidModelError(f"the id {name!r} is used twice; expected unique ids")


def _rate(law: Any, reaction: str) -> Any:
    if law is None:
        return None
    if law.getMath() is None and law.getFormula():
        raise InvalidModelError(
            f"the kinetic law of reaction {reaction!r} is {law.getFormula()[:80]!r}, which is no formula of Level 1"
        )
    return law.getMath()


def _local_parameters(law: Any, reaction: str, description: Description) -> dict[str, float]:
    if law is None:
        return {}
    local = {}
    # In Level 3 libsbml lists a parameter of an older converter in both.
    for parameter in law.getListOfLocalParameters() if law.getLevel() >= 3 else law.getListOfParameters():
        value = parameter.getValue() if parameter.isSetValue() else 0.0
        if not parameter.isSetValue():
            description.warnings.append(
                f"local parameter {parameter.getId()!r} of reaction {reaction!r} has no value: 0 is used"
            )
        if parameter.getId() in local:
            raise InvalidModelError(
                f"reaction {reaction!r} has two local parameters {parameter.getId()!r}; expected unique ids "
                "(libsbml error 10303)"
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
        formula = reference.getStoichiometryMath()
        value, name = _stoichiometry(reference, reaction), reference.getId()
        if name and reference.getLevel() >= 3:
            description.add(Quantity(name, "reference", value, reference.getConstant()))
        tree = formula.getMath() if formula is not None else None
        found.append(Participant(species.id, sign, name if reference.getLevel() >= 3 else "", value, tree))
    return found


def _stoichiometry(reference: Any, reaction: str) -> float:
    """Return the number of molecules; 1 where the file gives none, which Level 3 warns of elsewhere."""
    if not reference.isSetStoichiometry():
        return 1.0
    value = reference.getStoichiometry()
    where = f"the stoichiometry of {reference.getSpecies()!r} in reaction {reaction!r}"
    if reference.getLevel() == 1:
        if reference.getDenominator() == 0:
            raise InvalidModelError(f"{where} has the denominator 0; expected another number")
        return value / reference.getDenominator()
    # With an id something else may set it.
    if not math.isfinite(value) and not reference.getId():
        raise InvalidModelError(f"{where} is {value}; expected a finite number")
    return value


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
    # What a rule names itself is likelier to be meant than what stands in a rate law that it refers to.
    named = set().union(*(names_in(rule.tree) for rule in rules))
    ranks = {}
    for quantity in description.quantities.values():
        name = quantity.id
        fixed = quantity.constant and model.getLevel() > 1
        if fixed or name in description.assignments or description.is_variable(quantity):
            continue
        has_value = quantity.value is not None or name in description.initial
        place = kinds.index(quantity.kind) if quantity.kind in kinds else 0
        ranks[name] = (name in description.event_targets, name not in named, place, has_value)
    laws = {reaction.id: reaction.math for reaction in description.reactions.values()}
    description.algebraic = match_unknowns(rules, ranks, laws | description.assignments)
    for name, rule in description.algebraic.items():
        description.assignments[name] = rule.tree
        description.quantities[name] = replace(description.quantities[name], constant=False)


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
    ids = Counter(event.id for event in description.events)
    for event in description.events:
        if ids[event.id] > 1:
            raise InvalidModelError(f"two events have the id {event.id!r}; expected unique ids (libsbml error 10301)")
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
