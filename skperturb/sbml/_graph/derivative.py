"""Sparse forward derivatives on an expression graph."""

from collections.abc import Callable, Hashable, Iterable, Mapping

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["differentiate"]


def differentiate(
    graph: ExpressionGraph, roots: Iterable[int], seeds: Mapping[int, Hashable]
) -> list[dict[Hashable, int]]:
    """Return, for each root, the nodes of its derivatives that are not zero by structure.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph; the nodes of the derivatives are added to it.
    roots : iterable of int
        What is differentiated.
    seeds : mapping of int to hashable
        Leaf nodes -> the keys under which the derivatives with respect to them are returned.

    Returns
    -------
    list of dict
        One ``{key: node}`` per root. A key that is missing is a derivative that is exactly zero everywhere.
    """
    roots = list(roots)
    derivatives: dict[int, dict[Hashable, int]] = {}
    for node in graph.reachable(roots):
        if node in seeds:
            derivatives[node] = {seeds[node]: graph.one}
            continue
        found = _chain_rule(graph, node, derivatives)
        if found:
            derivatives[node] = {key: value for key, value in found.items() if value != graph.zero}
    return [derivatives.get(root, {}) for root in roots]


def _chain_rule(graph: ExpressionGraph, node: int, derivatives: dict) -> dict[Hashable, int]:
    operands = graph.children(node)
    if not any(derivatives.get(operand) for operand in operands):
        return {}
    operation = graph.operation[node]
    if operation == "piecewise":
        return _of_piecewise(graph, operands, derivatives)
    result: dict[Hashable, int] = {}
    for position, operand in enumerate(operands):
        inner = derivatives.get(operand)
        if not inner:
            continue
        outer = _PARTIAL[operation](graph, node, operands, position)
        if outer == graph.zero:
            continue
        for key, value in inner.items():
            term = graph.mul(outer, value)
            result[key] = graph.add(result[key], term) if key in result else term
    return result


def _of_piecewise(graph: ExpressionGraph, operands: tuple[int, ...], derivatives: dict) -> dict[Hashable, int]:
    # Branch by branch with the condition outermost: a sum of condition * derivative would be inf * 0
    # where a branch that is not taken has an infinite slope.
    branches = [derivatives.get(value, {}) for value in operands[::2]]
    keys = dict.fromkeys(key for branch in branches for key in branch)
    result = {}
    for key in keys:
        parts = list(operands)
        parts[::2] = [branch.get(key, graph.zero) for branch in branches]
        result[key] = graph.piecewise(parts)
    return result


def _of_power(graph: ExpressionGraph, node: int, operands: tuple[int, ...], position: int) -> int:
    base, exponent = operands
    if position == 0:
        lowered = graph.sub(exponent, graph.one)
        return graph.mul(exponent, graph.pow(base, lowered))
    # 0**n has slope 0 in a positive exponent n; the formula alone would give 0 * log(0) = NaN.
    at_zero = graph.call("and", graph.call("eq", base, graph.zero), graph.call("gt", exponent, graph.zero))
    return graph.piecewise((graph.zero, at_zero, graph.mul(node, graph.call("ln", base))))


def _of_remainder(graph: ExpressionGraph, node: int, operands: tuple[int, ...], position: int) -> int:
    return graph.one if position == 0 else graph.neg(graph.call("trunc", graph.div(*operands)))


def _of_gamma(graph: ExpressionGraph, node: int, operands: tuple[int, ...], position: int) -> int:
    return graph.mul(node, graph.call("digamma", operands[0]))


def _unary(formula: Callable[[ExpressionGraph, int, int], int]) -> Callable:
    return lambda graph, node, operands, position: formula(graph, node, operands[0])


def _square(graph: ExpressionGraph, node: int) -> int:
    return graph.mul(node, node)


def _reciprocal(graph: ExpressionGraph, node: int) -> int:
    return graph.div(graph.one, node)


def _over_root(graph: ExpressionGraph, radicand: int) -> int:
    return _reciprocal(graph, graph.call("sqrt", radicand))


def _refuse(graph: ExpressionGraph, node: int, operands: tuple[int, ...], position: int) -> int:
    raise UnsupportedModelError(
        "a formula holds the factorial of a variable, whose second derivative is not supported; "
        "hold that variable constant, or write the formula without a factorial"
    )


def _zero(graph: ExpressionGraph, node: int, operands: tuple[int, ...], position: int) -> int:
    return graph.zero


# operation -> derivative of the node with respect to the operand at a position
_PARTIAL: dict[str, Callable[[ExpressionGraph, int, tuple[int, ...], int], int]] = {
    "add": lambda g, n, a, k: g.one,
    "sub": lambda g, n, a, k: g.constant(-1.0) if k else g.one,
    "mul": lambda g, n, a, k: a[1 - k],
    "div": lambda g, n, a, k: g.neg(g.div(n, a[1])) if k else _reciprocal(g, a[1]),
    "neg": lambda g, n, a, k: g.constant(-1.0),
    "pow": _of_power,
    "rem": _of_remainder,
    "gamma": _of_gamma,
    "digamma": _refuse,
    "exp": _unary(lambda g, n, u: n),
    "ln": _unary(lambda g, n, u: _reciprocal(g, u)),
    "log10": _unary(lambda g, n, u: _reciprocal(g, g.mul(u, g.call("ln", g.constant(10.0))))),
    "sqrt": _unary(lambda g, n, u: g.div(g.constant(0.5), n)),
    "abs": _unary(lambda g, n, u: g.call("sign", u)),
    "sin": _unary(lambda g, n, u: g.call("cos", u)),
    "cos": _unary(lambda g, n, u: g.neg(g.call("sin", u))),
    "tan": _unary(lambda g, n, u: g.add(g.one, _square(g, n))),
    "asin": _unary(lambda g, n, u: _over_root(g, g.sub(g.one, _square(g, u)))),
    "acos": _unary(lambda g, n, u: g.neg(_over_root(g, g.sub(g.one, _square(g, u))))),
    "atan": _unary(lambda g, n, u: _reciprocal(g, g.add(g.one, _square(g, u)))),
    "sinh": _unary(lambda g, n, u: g.call("cosh", u)),
    "cosh": _unary(lambda g, n, u: g.call("sinh", u)),
    "tanh": _unary(lambda g, n, u: g.sub(g.one, _square(g, n))),
    "asinh": _unary(lambda g, n, u: _over_root(g, g.add(_square(g, u), g.one))),
    "acosh": _unary(lambda g, n, u: _over_root(g, g.sub(_square(g, u), g.one))),
    "atanh": _unary(lambda g, n, u: _reciprocal(g, g.sub(g.one, _square(g, u)))),
    # Where nothing moves, a later value follows an earlier one; how long ago that was makes no difference.
    "delay": lambda g, n, a, k: g.zero if k else g.one,
    "unknown": lambda g, n, a, k: g.blocks[g.operands[n][0]].partial(g, g.operands[n][1], a[k]),
    **dict.fromkeys(("sign", "floor", "ceil", "trunc"), _zero),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"), _zero),
}
