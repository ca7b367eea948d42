"""The Jacobian under the reference convention of Santolini and Barabási (2018)."""

from __future__ import annotations

from collections.abc import Hashable

from skperturb.sbml._compiling.compiler import System
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["dynamo_system"]


def dynamo_system(system: System) -> tuple[list[str], dict[tuple[int, int], int]]:
    """Return the names that stay and the nodes of the Jacobian's structural non-zeros.

    The states of the convention are all species in file order, then all parameters that are not constant.
    Whatever nothing changes counts as a number. Rows that then depend on no state are dropped once, with
    their columns.
    """
    graph, names = system.graph, system.reference_states
    seeds = _seeds(system)
    roots = [_rate(system, name) for name in names]
    rows = _without_zeros(system, differentiate(graph, roots, seeds))
    kept = [name for name, row in zip(names, rows, strict=True) if row]
    position = {name: index for index, name in enumerate(kept)}
    entries = {}
    for name, row in zip(names, rows, strict=True):
        if not row:
            continue
        for source, node in row.items():
            if source in position:
                # The state of a species in a varying volume is its amount: d/d(n/V) = V d/dn.
                volume = system.amount_states.get(str(source))
                scaled = node if volume is None else graph.mul(node, volume)
                entries[position[name], position[source]] = scaled
    return kept, entries


def _without_zeros(system: System, rows: list[dict]) -> list[dict]:
    """Leave out the entries that vanish because a constant is 0.

    The reference code puts the constants into its formulas before it looks at what they depend on, so a
    reaction that is switched off by a constant of 0 ties no variables together. (Node counts of 136 published
    models agree only under this reading.)
    """
    graph = system.graph
    zeros: set[int] = set()
    for node in graph.reachable([node for row in rows for node in row.values()]):
        if _is_zero(graph, node, system.parameter_values, zeros):
            zeros.add(node)
    return [{key: node for key, node in row.items() if node not in zeros} for row in rows]


def _is_zero(graph: ExpressionGraph, node: int, parameters: list[float], zeros: set[int]) -> bool:
    operation, operands = graph.operation[node], graph.operands[node]
    if operation == "constant":
        return operands[0] == 0
    if operation == "parameter":
        return parameters[operands[0]] == 0
    if operation == "mul":
        return operands[0] in zeros or operands[1] in zeros
    if operation in ("add", "sub"):
        return operands[0] in zeros and operands[1] in zeros
    if operation == "div":
        return operands[0] in zeros and operands[1] not in zeros
    if operation == "neg":
        return operands[0] in zeros
    return operation == "pow" and operands[0] in zeros and (graph.value(operands[1]) or 0) > 0


def _seeds(system: System) -> dict[int, Hashable]:
    states = set(system.reference_states)
    return {system.graph.state(index): name for index, name in enumerate(system.variables) if name in states}


def _rate(system: System, name: str) -> int:
    if name in system.rates:
        return system.rates[name]
    # The reference code gives rules on species a rate, but treats rules on parameters as if nothing changed
    # them: their rows are empty, whatever their formula.
    if name not in system.amount_states and name not in system.assigned & system.species:
        return system.graph.zero
    return _total_derivative(system.graph, system, system.symbols[name])


def _total_derivative(graph: ExpressionGraph, system: System, node: int) -> int:
    """Return d(node)/dt by the chain rule over states and explicit time."""
    seeds: dict[int, Hashable] = {graph.state(index): index for index in range(len(system.variables))}
    seeds[graph.time()] = "time"
    terms = []
    for key, partial in differentiate(graph, [node], seeds)[0].items():
        rate = graph.one if key == "time" else system.rhs[int(key)]  # type: ignore[call-overload]
        if rate != graph.zero:
            terms.append(graph.mul(partial, rate))
    return graph.sum(terms)
