"""The equations of a model as lines that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from skperturb.sbml._graph.printing import LatexStyle, TextStyle, write_formulas

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System

__all__ = ["written_equations"]


def written_equations(system: System, style: TextStyle | LatexStyle) -> list[tuple[str, str, str]]:
    """Return left side, sign and right side of each equation; what an event does has no sign.

    Rates of change are in terms of the rates of the reactions, which follow; then the rules, the parts that occur
    several times, and what events do.
    """
    graph = system.graph
    leaves = _leaves(system)
    names = _names(system, style, leaves)
    moved = [_rate(style, names[graph.state(index)], name) for index, name in enumerate(system.variables)]
    defined = [(style.name(name), node) for name, node in zip(system.reaction_ids, system.fluxes, strict=True)]
    defined += [
        (style.name(name), node)
        for name, node in system.symbols.items()
        if (name in system.assigned and graph.operation[node] != "unknown") or _is_quotient(system, name, leaves)
    ]
    defined += [("0", node) for block in graph.blocks for node in block.equations]
    moments = [event.trigger for event in system.events]
    lags = [event.delay for event in system.events if event.delay is not None]
    values = [item.value for event in system.events for item in event.assignments]
    taken = {*system.symbols, *system.parameter_names, *system.reaction_ids}
    definitions, uses, parts = write_formulas(
        graph,
        [node for _, node in defined],
        [*system.rhs, *moments, *lags, *values],
        names,
        style,
        _fresh(taken, style),
    )
    rest = iter(uses)
    written = [(left, "=", next(rest)) for left in moved]
    written += [(left, "=", right) for (left, _), right in zip(defined, definitions, strict=True)]
    written += [(name, "=", formula) for name, formula in parts]
    return written + _events(system, style, rest)


def _leaves(system: System) -> dict[str, int]:
    """Return the leaf that keeps the value of each variable and parameter."""
    graph = system.graph
    leaves = {name: graph.state(index) for index, name in enumerate(system.variables)}
    return leaves | {name: graph.parameter(k) for k, name in enumerate(system.parameter_names)}


def _is_quotient(system: System, name: str, leaves: Mapping[str, int]) -> bool:
    """Say whether a symbol is a concentration while its amount is kept."""
    return name in leaves and name not in system.assigned and system.symbols.get(name, leaves[name]) != leaves[name]


def _names(system: System, style: TextStyle | LatexStyle, leaves: Mapping[str, int]) -> dict[int, str]:
    names = {}
    for name, leaf in leaves.items():
        written = style.name(name)
        if _is_quotient(system, name, leaves):
            written = f"amount({written})" if isinstance(style, TextStyle) else rf"\operatorname{{amount}}({written})"
        names[leaf] = written
    rates = zip(system.reaction_ids, system.fluxes, strict=True)
    for name, node in chain(system.symbols.items(), rates):
        if system.graph.operation[node] != "constant" and node not in names:
            names[node] = style.name(name)
    return names


def _rate(style: TextStyle | LatexStyle, written: str, name: str) -> str:
    if isinstance(style, TextStyle):
        return f"d{written}/dt" if written == name else f"d {written}/dt"
    return rf"\frac{{d\,{written}}}{{dt}}"


def _fresh(taken: set[str], style: TextStyle | LatexStyle) -> Callable[[int], str]:
    prefix = "part"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    return lambda k: style.name(f"{prefix}{k + 1}")


def _events(system: System, style: TextStyle | LatexStyle, formulas: Iterator[str]) -> list[tuple[str, str, str]]:
    moments = [next(formulas) for _ in system.events]
    lags = {event.id: next(formulas) for event in system.events if event.delay is not None}
    lines = []
    for event, moment in zip(system.events, moments, strict=True):
        changes = []
        for item in event.assignments:
            name = system.variables[item.index] if item.is_state else system.parameter_names[item.index]
            changes.append(f"{style.name(name)} = {next(formulas)}")
        if isinstance(style, TextStyle):
            after = f"{lags[event.id]} after " if event.id in lags else ""
            lines.append((f"at {after}({moment}):", "", ", ".join(changes)))
        else:
            after = rf"{lags[event.id]} \text{{ after }} " if event.id in lags else ""
            lines.append((rf"\text{{at }} {after}{moment}:", "", r",\ ".join(changes)))
    return lines
