"""What a model holds, and what of it is supported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skperturb._html import some_of

if TYPE_CHECKING:
    from skperturb.sbml._compiling.equations import Equations

__all__ = ["overview"]


def overview(model: Equations, species: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return labels and texts: counts with the first names, what time and events do, what is refused."""
    system = model._system
    events = some_of(model.event_ids) if model.event_ids else None
    rules = int(model.is_rate_rule.sum())
    return [
        ("variables", some_of(model.variables, values=model.x0)),
        ("reactions", some_of(model.reaction_ids)),
        ("parameters", some_of(system.parameter_names, values=system.parameter_values)),
        ("species", str(len(species))),
        ("rate rules", str(rules) if rules else None),
        ("assignment rules", str(len(system.assigned)) if system.assigned else None),
        ("events", events),
        ("depends on time through", some_of(model.time_dependence) if model.time_dependence else None),
        ("refused", "; ".join(_refused(model)) or None),
    ]


def _refused(model: Equations) -> list[str]:
    """Return what of the analyses a model cannot have."""
    system = model._system
    found = []
    if system.event_problem:
        found.append(f"simulate with events ({system.event_problem})")
    if system.has_fast_reactions:
        found.append("control coefficients (fast reactions)")
    if system.graph.has_delays:
        found.append("sensitivities along time courses (delays)")
    if system.start is not None and system.start.problem:
        found.append(f"with_parameters and with_initial ({system.start.problem})")
    return found
