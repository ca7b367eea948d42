"""The events that an SBML model declares, and which of its formulas may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skperturb.exceptions import InvalidModelError

__all__ = ["DeclaredEvent", "has_formula", "read_events"]


@dataclass(frozen=True)
class DeclaredEvent:
    """An event with the syntax trees of its formulas; None where the file gives none."""

    id: str
    trigger: Any
    delay: Any
    priority: Any
    assignments: dict[str, Any]
    persistent: bool
    initial_value: bool
    from_trigger_time: bool


def has_formula(element: Any, where: str, warnings: list[str]) -> bool:
    """Say whether an element has a formula; since Level 3 Version 2 it need not, and then has no effect."""
    if element.getMath() is not None:
        return True
    if (element.getLevel(), element.getVersion()) < (3, 2):
        raise InvalidModelError(f"{where} has no formula; SBML before Level 3 Version 2 requires one")
    warnings.append(f"{where} has no formula and no effect")
    return False


def read_events(model: Any, warnings: list[str]) -> tuple[tuple[DeclaredEvent, ...], str]:
    """Return the events of a model, and why they cannot be followed (empty if nothing speaks against it)."""
    events: list[DeclaredEvent] = []
    problem = ""
    for index, event in enumerate(model.getListOfEvents()):
        name = event.getId() or f"event {index}"
        try:
            declared: DeclaredEvent | None = _read_event(event, name, warnings)
        except InvalidModelError as error:
            problem = str(error)
            declared = DeclaredEvent(name, None, None, None, {}, True, True, True)
        if declared is not None:
            events.append(declared)
    return tuple(events), problem


def _read_event(event: Any, name: str, warnings: list[str]) -> DeclaredEvent | None:
    trigger = event.getTrigger()
    if trigger is None:
        if (event.getLevel(), event.getVersion()) < (3, 2):
            raise InvalidModelError(f"event {name!r} has no trigger; SBML before Level 3 Version 2 requires one")
        warnings.append(f"event {name!r} has no trigger and never fires")
        return None
    if not has_formula(trigger, f"the trigger of event {name!r}", warnings):
        return None
    assignments = {}
    for item in event.getListOfEventAssignments():
        target = item.getVariable()
        if target in assignments:
            raise InvalidModelError(f"event {name!r} assigns to {target!r} twice; expected one assignment at most")
        if has_formula(item, f"the assignment to {target!r} of event {name!r}", warnings):
            assignments[target] = item.getMath()
    delay, priority = event.getDelay(), event.getPriority()
    # Levels 1 and 2 know neither attribute: an event then persists and does not fire at the start.
    level_3 = event.getLevel() >= 3
    return DeclaredEvent(
        name,
        trigger.getMath(),
        _formula_of(delay, f"the delay of event {name!r}", warnings),
        _formula_of(priority, f"the priority of event {name!r}", warnings),
        assignments,
        trigger.getPersistent() if level_3 else True,
        trigger.getInitialValue() if level_3 else True,
        event.getUseValuesFromTriggerTime(),
    )


def _formula_of(element: Any, where: str, warnings: list[str]) -> Any:
    return element.getMath() if element is not None and has_formula(element, where, warnings) else None
