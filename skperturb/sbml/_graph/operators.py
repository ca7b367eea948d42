"""The operators of SBML's MathML in terms of the operations of an expression graph."""

import itertools
import math
from collections.abc import Callable, Sequence

import libsbml

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["KNOWN_KINDS", "build"]

_UNARY = {
    libsbml.AST_FUNCTION_ABS: "abs",
    libsbml.AST_FUNCTION_ARCCOS: "acos",
    libsbml.AST_FUNCTION_ARCCOSH: "acosh",
    libsbml.AST_FUNCTION_ARCSIN: "asin",
    libsbml.AST_FUNCTION_ARCSINH: "asinh",
    libsbml.AST_FUNCTION_ARCTAN: "atan",
    libsbml.AST_FUNCTION_ARCTANH: "atanh",
    libsbml.AST_FUNCTION_CEILING: "ceil",
    libsbml.AST_FUNCTION_COS: "cos",
    libsbml.AST_FUNCTION_COSH: "cosh",
    libsbml.AST_FUNCTION_EXP: "exp",
    libsbml.AST_FUNCTION_FLOOR: "floor",
    libsbml.AST_FUNCTION_LN: "ln",
    libsbml.AST_FUNCTION_SIN: "sin",
    libsbml.AST_FUNCTION_SINH: "sinh",
    libsbml.AST_FUNCTION_TAN: "tan",
    libsbml.AST_FUNCTION_TANH: "tanh",
}
# 1 / f(x)
_RECIPROCAL = {
    libsbml.AST_FUNCTION_COT: "tan",
    libsbml.AST_FUNCTION_COTH: "tanh",
    libsbml.AST_FUNCTION_CSC: "sin",
    libsbml.AST_FUNCTION_CSCH: "sinh",
    libsbml.AST_FUNCTION_SEC: "cos",
    libsbml.AST_FUNCTION_SECH: "cosh",
}
# f(1 / x)
_OF_RECIPROCAL = {
    libsbml.AST_FUNCTION_ARCCOT: "atan",
    libsbml.AST_FUNCTION_ARCCOTH: "atanh",
    libsbml.AST_FUNCTION_ARCCSC: "asin",
    libsbml.AST_FUNCTION_ARCCSCH: "asinh",
    libsbml.AST_FUNCTION_ARCSEC: "acos",
    libsbml.AST_FUNCTION_ARCSECH: "acosh",
}
_RELATIONS = {
    libsbml.AST_RELATIONAL_EQ: "eq",
    libsbml.AST_RELATIONAL_GEQ: "ge",
    libsbml.AST_RELATIONAL_GT: "gt",
    libsbml.AST_RELATIONAL_LEQ: "le",
    libsbml.AST_RELATIONAL_LT: "lt",
    libsbml.AST_RELATIONAL_NEQ: "ne",
}
_FOLDS = {
    libsbml.AST_PLUS: ("add", 0.0),
    libsbml.AST_TIMES: ("mul", 1.0),
}


def _minus(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    return graph.neg(nodes[0]) if len(nodes) == 1 else graph.sub(nodes[0], nodes[1])


def _log(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    if len(nodes) == 1 or graph.value(nodes[0]) == 10.0:
        return graph.call("log10", nodes[-1])
    return graph.div(graph.call("ln", nodes[1]), graph.call("ln", nodes[0]))


def _root(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    if len(nodes) == 1 or graph.value(nodes[0]) == 2.0:
        return graph.call("sqrt", nodes[-1])
    return graph.pow(nodes[1], graph.div(graph.one, nodes[0]))


def _factorial(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    return graph.call("gamma", graph.add(nodes[0], graph.one))


def _extreme(relation: str) -> Callable[[ExpressionGraph, Sequence[int]], int]:
    def combine(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
        best = nodes[0]
        for node in nodes[1:]:
            best = graph.piecewise((best, graph.call(relation, best, node), node))
        return best

    return combine


def _quotient(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    return graph.call("trunc", graph.div(nodes[0], nodes[1]))


def _delay(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    lag = graph.value(nodes[1])
    if lag is not None and not lag >= 0.0:
        raise InvalidModelError(f"delay() is given the time {lag:g}; expected a number >= 0")
    return graph.delay(nodes[0], nodes[1])


# kind -> (builder on number nodes, smallest and largest number of arguments)
_NUMERIC: dict[int, tuple[Callable[[ExpressionGraph, Sequence[int]], int], int, int | None]] = {
    libsbml.AST_MINUS: (_minus, 1, 2),
    libsbml.AST_DIVIDE: (lambda g, a: g.div(a[0], a[1]), 2, 2),
    libsbml.AST_POWER: (lambda g, a: g.pow(a[0], a[1]), 2, 2),
    libsbml.AST_FUNCTION_POWER: (lambda g, a: g.pow(a[0], a[1]), 2, 2),
    libsbml.AST_FUNCTION_LOG: (_log, 1, 2),
    libsbml.AST_FUNCTION_ROOT: (_root, 1, 2),
    libsbml.AST_FUNCTION_FACTORIAL: (_factorial, 1, 1),
    libsbml.AST_FUNCTION_MAX: (_extreme("ge"), 1, None),
    libsbml.AST_FUNCTION_MIN: (_extreme("le"), 1, None),
    libsbml.AST_FUNCTION_QUOTIENT: (_quotient, 2, 2),
    libsbml.AST_FUNCTION_DELAY: (_delay, 2, 2),
    libsbml.AST_FUNCTION_REM: (lambda g, a: g.call("rem", a[0], a[1]), 2, 2),
}


def _and(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    result = graph.boolean(True)
    for node in nodes:
        result = node if graph.operation[result] == "true" else graph.call("and", result, node)
    return result


def _or(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    result = graph.boolean(False)
    for node in nodes:
        result = node if graph.operation[result] == "false" else graph.call("or", result, node)
    return result


def _xor(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    total = graph.zero
    for node in nodes:
        total = graph.call("ne", total, graph.as_number(node))
        total = graph.as_number(total)
    return graph.as_condition(total)


_LOGICAL: dict[int, tuple[Callable[[ExpressionGraph, Sequence[int]], int], int, int | None]] = {
    libsbml.AST_LOGICAL_AND: (_and, 0, None),
    libsbml.AST_LOGICAL_OR: (_or, 0, None),
    libsbml.AST_LOGICAL_XOR: (_xor, 0, None),
    libsbml.AST_LOGICAL_NOT: (lambda g, a: g.call("not", a[0]), 1, 1),
    libsbml.AST_LOGICAL_IMPLIES: (lambda g, a: _or(g, [g.call("not", a[0]), a[1]]), 2, 2),
}
_SIMPLE = {**_UNARY, **_RECIPROCAL, **_OF_RECIPROCAL}
KNOWN_KINDS = {*_SIMPLE, *_RELATIONS, *_FOLDS, *_NUMERIC, *_LOGICAL, libsbml.AST_FUNCTION_PIECEWISE}


def _check_count(nodes: Sequence[int], least: int, most: int | None, where: str) -> None:
    if len(nodes) < least or (most is not None and len(nodes) > most):
        expected = f"at least {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"
        raise InvalidModelError(f"{where}: an operator has {len(nodes)} arguments; expected {expected}")


def build(graph: ExpressionGraph, kind: int, nodes: list[int], where: str) -> int:
    """Return the node of an operator of a libsbml kind on operand nodes."""
    if kind == libsbml.AST_FUNCTION_PIECEWISE:
        return _build_piecewise(graph, nodes, where)
    if kind in _LOGICAL:
        builder, least, most = _LOGICAL[kind]
        _check_count(nodes, least, most, where)
        return builder(graph, [graph.as_condition(node) for node in nodes])
    if kind in _RELATIONS:
        return _build_relation(graph, _RELATIONS[kind], nodes, where)
    nodes = [graph.as_number(node) for node in nodes]
    if kind in _FOLDS:
        return _build_fold(graph, kind, nodes)
    if kind in _SIMPLE:
        _check_count(nodes, 1, 1, where)
        return _build_simple(graph, kind, nodes[0])
    builder, least, most = _NUMERIC[kind]
    _check_count(nodes, least, most, where)
    return builder(graph, nodes)


def _build_simple(graph: ExpressionGraph, kind: int, node: int) -> int:
    if kind in _UNARY:
        return graph.call(_UNARY[kind], node)
    if kind in _RECIPROCAL:
        return graph.div(graph.one, graph.call(_RECIPROCAL[kind], node))
    return graph.call(_OF_RECIPROCAL[kind], graph.div(graph.one, node))


def _build_fold(graph: ExpressionGraph, kind: int, nodes: list[int]) -> int:
    operation, empty = _FOLDS[kind]
    if not nodes:
        return graph.constant(empty)
    combine = graph.add if operation == "add" else graph.mul
    result = nodes[0]
    for node in nodes[1:]:
        result = combine(result, node)
    return result


def _build_relation(graph: ExpressionGraph, operation: str, nodes: list[int], where: str) -> int:
    _check_count(nodes, 2, 2 if operation == "ne" else None, where)
    nodes = [graph.as_number(node) for node in nodes]
    return _and(graph, [graph.call(operation, a, b) for a, b in itertools.pairwise(nodes)])


def _build_piecewise(graph: ExpressionGraph, nodes: list[int], where: str) -> int:
    if len(nodes) % 2 == 0:
        # Without <otherwise> the value is undefined where no condition holds; without any piece it always is.
        nodes = [*nodes, graph.constant(math.nan)]
    values, conditions = nodes[::2], [graph.as_condition(node) for node in nodes[1::2]]
    if not all(graph.is_boolean(value) for value in values):
        values = [graph.as_number(value) for value in values]
    operands = list(nodes)
    operands[::2], operands[1::2] = values, conditions
    return graph.piecewise(operands)
