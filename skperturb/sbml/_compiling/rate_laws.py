"""The form of a rate law, read from its expression without any parameter value."""

from __future__ import annotations

from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME, ExpressionGraph

__all__ = ["RATE_FORMS", "monomial_orders", "rate_form"]

RATE_FORMS = (
    "constant",
    "mass_action",
    "reversible_mass_action",
    "power_law",
    "saturating",
    "conditional",
    "other",
)


def _factors(graph: ExpressionGraph, root: int) -> list[tuple[int, float | None]]:
    """Split a product into factors and their exponents; None marks an exponent that is not a literal."""
    found: list[tuple[int, float | None]] = []
    stack: list[tuple[int, float | None]] = [(root, 1.0)]
    while stack:
        node, exponent = stack.pop()
        operation, operands = graph.operation[node], graph.operands[node]
        if operation == "mul":
            stack += [(operands[0], exponent), (operands[1], exponent)]
        elif operation == "div":
            stack += [(operands[0], exponent), (operands[1], None if exponent is None else -exponent)]
        elif operation == "neg":
            stack.append((operands[0], exponent))
        elif operation in ("pow", "sqrt"):
            power = 0.5 if operation == "sqrt" else graph.value(operands[1])
            if operation == "pow" and graph.flags[operands[1]] & (HAS_STATE | HAS_TIME):
                found.append((node, exponent))
            else:
                stack.append((operands[0], None if exponent is None or power is None else exponent * power))
        else:
            found.append((node, exponent))
    return found


def _states_of(graph: ExpressionGraph, node: int) -> set[int]:
    return {graph.operands[n][0] for n in graph.reachable([node]) if graph.operation[n] == "state"}


def monomial_orders(graph: ExpressionGraph, flux: int) -> dict[int, float | None]:
    """Return, for each state the rate depends on, its exponent as a factor of the rate, or None.

    None stands where the state enters in another way, or with an exponent that is not a number literal.
    """
    orders: dict[int, float | None] = {}
    elsewhere: set[int] = set()
    for node, exponent in _factors(graph, flux):
        if graph.operation[node] == "state":
            index = graph.operands[node][0]
            before = orders.get(index, 0.0)
            orders[index] = None if exponent is None or before is None else before + exponent
        else:
            elsewhere |= _states_of(graph, node)
    return orders | dict.fromkeys(elsewhere)


def _is_monomial(graph: ExpressionGraph, node: int) -> bool:
    return all(
        graph.operation[factor] == "state" or not graph.flags[factor] & (HAS_STATE | HAS_TIME)
        for factor, _ in _factors(graph, node)
    )


def _is_mass_action(graph: ExpressionGraph, node: int) -> bool:
    if not _is_monomial(graph, node):
        return False
    orders = monomial_orders(graph, node).values()
    return all(order is not None and order > 0 and order == int(order) for order in orders)


def _is_reversible_mass_action(graph: ExpressionGraph, flux: int) -> bool:
    varying = [(n, e) for n, e in _factors(graph, flux) if graph.flags[n] & (HAS_STATE | HAS_TIME)]
    if len(varying) != 1 or varying[0][1] != 1.0:
        return False
    node = varying[0][0]
    parts = graph.operands[node]
    return graph.operation[node] == "sub" and all(_is_mass_action(graph, part) for part in parts)


def rate_form(graph: ExpressionGraph, flux: int) -> str:
    """Return the form of a rate, one of `RATE_FORMS`."""
    if not graph.flags[flux] & (HAS_STATE | HAS_TIME):
        return "constant"
    if _is_mass_action(graph, flux):
        return "mass_action"
    if _is_reversible_mass_action(graph, flux):
        return "reversible_mass_action"
    if _is_monomial(graph, flux):
        return "power_law"
    nodes = graph.reachable([flux])
    if any(graph.operation[node] == "piecewise" for node in nodes):
        return "conditional"
    denominators = [graph.operands[node][1] for node in nodes if graph.operation[node] == "div"]
    return "saturating" if any(graph.flags[node] & HAS_STATE for node in denominators) else "other"
