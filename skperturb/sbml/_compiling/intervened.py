"""Equations in which reactions run at another pace, or variables are held at a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.rates import net_coefficient, signed_sum
from skperturb.sbml._compiling.switches import jumps

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System

__all__ = ["intervened_system"]


def intervened_system(system: System, factors: Mapping[str, float], held: Mapping[str, float]) -> System:
    """Return the system with the rates of some reactions multiplied and some variables held.

    Parameters
    ----------
    system : System
        The equations; new nodes are added to their graph.
    factors : mapping of str to float
        Reaction -> factor of its rate. At 0 the reaction is gone from the equations, with its dependences.
    held : mapping of str to float
        Variable -> the value at which it stays. Events no longer set it.

    Raises
    ------
    UnsupportedModelError
        If a formula reads a rate that would change, or fast reactions have a part in it.
    """
    _refuse_readers(system, factors, held)
    graph, rhs, fluxes = system.graph, list(system.rhs), list(system.fluxes)
    position = {name: index for index, name in enumerate(system.variables)}
    column = {name: index for index, name in enumerate(system.reaction_ids)}
    paces = {column[name]: factor for name, factor in factors.items()}
    for reaction, factor in paces.items():
        fluxes[reaction] = graph.mul(graph.constant(factor), fluxes[reaction]) if factor else graph.zero
    for row in sorted({row for row, reaction, *_ in system.reaction_terms if reaction in paces}):
        if _rate(system, row, system.fluxes, {}) != rhs[row]:
            raise UnsupportedModelError(
                f"the rate of change of {system.variables[row]!r} is no sum over the reactions alone (fast reactions "
                "have a part in it), so one of them cannot be changed by itself"
            )
        rhs[row] = _rate(system, row, fluxes, paces)
    x0, ruled = system.x0.copy(), system.is_rate_rule.copy()
    fixed = {position[name] for name in held}
    for name, value in held.items():
        rhs[position[name]], x0[position[name]], ruled[position[name]] = graph.zero, value, True
    for array in (x0, ruled):
        array.setflags(write=False)
    return replace(
        system,
        x0=x0,
        rhs=rhs,
        fluxes=fluxes,
        is_rate_rule=ruled,
        rates={name: rhs[position[name]] for name in system.rates},
        stoichiometry={key: value for key, value in system.stoichiometry.items() if key[0] not in fixed},
        events=tuple(
            replace(
                event,
                assignments=tuple(a for a in event.assignments if not (a.is_state and a.index in fixed)),
            )
            for event in system.events
        ),
        switches=jumps(graph, rhs),
        reaction_terms=tuple(term for term in system.reaction_terms if term[0] not in fixed),
        overrides=system.overrides | held.keys(),
    )


def _refuse_readers(system: System, factors: Mapping[str, float], held: Mapping[str, float]) -> None:
    for name in factors:
        if name in system.rates_read:
            raise UnsupportedModelError(
                f"a formula of the model reads the rate of reaction {name!r}, which would change with it; scale a "
                "parameter of its rate law"
            )
    if (factors or held) and system.delays:
        raise UnsupportedModelError(
            "the model has delays, whose past would change with the reaction or variable; change parameters"
        )
    if (factors or held) and "rateOf" in system.rates_read:
        raise UnsupportedModelError(
            "a formula of the model reads a rate of change (rateOf), which would change with the reaction or variable; "
            "change parameters"
        )


def _rate(system: System, row: int, fluxes: list[int], paces: Mapping[int, float]) -> int:
    """Return the rate of change of a variable as the sum over its reactions, without those that do not run."""
    graph = system.graph
    by_reaction: dict[int, list[tuple[float, int]]] = {}
    for other, reaction, sign, node in system.reaction_terms:
        if other == row and paces.get(reaction, 1.0) != 0.0:
            by_reaction.setdefault(reaction, []).append((sign, node))
    terms = []
    for reaction, participants in by_reaction.items():
        coefficient = net_coefficient(graph, participants)
        if coefficient != graph.zero:
            terms.append(graph.mul(coefficient, fluxes[reaction]))
    factor, volume = system.row_factors[row]
    amount = graph.mul(graph.one if factor is None else factor, signed_sum(graph, terms))
    return amount if volume is None else graph.div(amount, volume)
