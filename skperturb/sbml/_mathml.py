"""From the formulas of an SBML model to nodes of an expression graph, without recursion."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libsbml

from ..exceptions import InvalidModelError, UnsupportedModelError
from ._expression import ExpressionGraph

__all__ = ["AVOGADRO", "Definition", "Formula", "Translator"]

AVOGADRO = 6.02214179e23  # the value that SBML Level 3 fixes


@dataclass(frozen=True)
class Formula:
    """A libsbml syntax tree and where it stands."""

    tree: Any
    where: str
    local: Mapping[str, int] = field(default_factory=dict)
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """A symbol that is computed: from `needs` (names or formulas), combined to one node."""

    needs: tuple[Any, ...]
    combine: Callable[[list[int]], int]


def _first(nodes: list[int]) -> int:
    return nodes[0]


def definition_of(formula: Formula, graph: ExpressionGraph) -> Definition:
    """Return the definition of a symbol that equals a formula."""
    return Definition((formula,), lambda nodes: graph.as_number(nodes[0]))


class Translator:
    """Turns formulas into nodes; symbols are resolved when first needed, in whatever order that takes.

    Parameters
    ----------
    graph : ExpressionGraph
        Where the nodes are made.
    functions : mapping of str to libsbml.FunctionDefinition
        Function definitions by id.
    time : int
        The node of the csymbol time.
    """

    def __init__(self, graph: ExpressionGraph, functions: Mapping[str, Any], time: int) -> None:
        self.graph = graph
        self.functions = functions
        self.time = time
        self.nodes: dict[Hashable, int] = {}
        self.definitions: dict[Hashable, Definition] = {}
        self._open: dict[Hashable, None] = {}
        self._called: dict[tuple, int] = {}

    def resolve(self, need: Any) -> int:
        """Return the node of a `Formula` or of the symbol of that name."""
        results: list[int] = []
        stack: list[tuple] = []
        self._push(need, stack, results, "")
        while stack:
            action, *payload = stack.pop()
            if action == "visit":
                self._visit(payload[0], stack, results)
            else:
                action(payload, stack, results)
        return results[0]

    # -- actions of the explicit stack ----------------------------------------------------------------
    def _push(self, need: Any, stack: list, results: list[int], where: str) -> None:
        if isinstance(need, Formula):
            stack.append(("visit", need))
        elif need in self.nodes:
            results.append(self.nodes[need])
        elif need in self.definitions:
            self._open_definition(need, stack)
        else:
            raise InvalidModelError(f"{where} uses {need!r}, which the model does not define")

    def _open_definition(self, name: Hashable, stack: list) -> None:
        if name in self._open:
            loop = " -> ".join(str(link) for link in [*self._open, name])
            raise InvalidModelError(f"the definitions form a loop: {loop}; expected formulas without a cycle")
        self._open[name] = None
        definition = self.definitions[name]
        stack.append((self._close_definition, name, len(definition.needs)))
        stack.extend((self._need, need, str(name)) for need in reversed(definition.needs))

    def _need(self, payload: list, stack: list, results: list[int]) -> None:
        self._push(payload[0], stack, results, payload[1])

    def _close_definition(self, payload: list, stack: list, results: list[int]) -> None:
        name, count = payload
        node = self.definitions[name].combine(_take(results, count))
        del self._open[name]
        self.nodes[name] = node
        results.append(node)

    def _build(self, payload: list, stack: list, results: list[int]) -> None:
        kind, count, where = payload
        results.append(_build(self.graph, kind, _take(results, count), where))

    def _call(self, payload: list, stack: list, results: list[int]) -> None:
        name, formula, count = payload
        arguments = tuple(_take(results, count))
        key = (name, arguments)
        if key in self._called:
            results.append(self._called[key])
            return
        body, names = self._function_body(name, formula)
        if len(names) != count:
            raise InvalidModelError(f"{formula.where} calls {name!r} with {count} arguments; expected {len(names)}")
        local = dict(zip(names, arguments, strict=True))
        stack.append((self._return, key))
        stack.append(("visit", Formula(body, f"function {name!r}", local, (*formula.calls, name))))

    def _return(self, payload: list, stack: list, results: list[int]) -> None:
        self._called[payload[0]] = results[-1]

    def _function_body(self, name: str, formula: Formula) -> tuple[Any, list[str]]:
        if name not in self.functions:
            raise InvalidModelError(f"{formula.where} calls the function {name!r}, which the model does not define")
        if name in formula.calls:
            raise InvalidModelError(f"function {name!r} calls itself; SBML functions may not be recursive")
        tree = self.functions[name].getMath()
        if tree is None or tree.getType() != libsbml.AST_LAMBDA:
            raise InvalidModelError(f"function {name!r} has no lambda expression")
        count = tree.getNumChildren()
        return tree.getChild(count - 1), [tree.getChild(index).getName() for index in range(count - 1)]

    def _visit(self, formula: Formula, stack: list, results: list[int]) -> None:
        tree = formula.tree
        kind = tree.getType()
        if kind == libsbml.AST_NAME:
            name = tree.getName()
            if name in formula.local:
                results.append(formula.local[name])
            else:
                self._push(name, stack, results, formula.where)
            return
        leaf = self._leaf(kind, tree)
        if leaf is not None:
            results.append(leaf)
            return
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            self._push_rate(formula, stack, results)
            return
        count = tree.getNumChildren()
        if kind == libsbml.AST_FUNCTION:
            stack.append((self._call, tree.getName(), formula, count))
        else:
            _check_kind(kind, tree, formula.where)
            stack.append((self._build, kind, count, formula.where))
        for index in range(count - 1, -1, -1):
            child = tree.getChild(index)
            stack.append(("visit", Formula(child, formula.where, formula.local, formula.calls)))

    def _push_rate(self, formula: Formula, stack: list, results: list[int]) -> None:
        tree = formula.tree
        if tree.getNumChildren() != 1 or tree.getChild(0).getType() != libsbml.AST_NAME:
            raise InvalidModelError(f"{formula.where}: rateOf expects one symbol")
        name = tree.getChild(0).getName()
        if name in formula.local:
            raise UnsupportedModelError(f"{formula.where}: rateOf of the local symbol {name!r} is not supported")
        self._push(("rate of", name), stack, results, formula.where)

    def _leaf(self, kind: int, tree: Any) -> int | None:
        graph = self.graph
        if kind in _NUMBERS:
            return graph.constant(tree.getValue())
        if kind == libsbml.AST_NAME_TIME:
            return self.time
        if kind in _CONSTANTS:
            return graph.constant(_CONSTANTS[kind])
        if kind in (libsbml.AST_CONSTANT_TRUE, libsbml.AST_CONSTANT_FALSE):
            return graph.boolean(kind == libsbml.AST_CONSTANT_TRUE)
        return None


def _take(results: list[int], count: int) -> list[int]:
    if not count:
        return []
    taken = results[-count:]
    del results[-count:]
    return taken


_NUMBERS = frozenset({libsbml.AST_INTEGER, libsbml.AST_REAL, libsbml.AST_REAL_E, libsbml.AST_RATIONAL})
_CONSTANTS = {
    libsbml.AST_NAME_AVOGADRO: AVOGADRO,
    libsbml.AST_CONSTANT_E: math.e,
    libsbml.AST_CONSTANT_PI: math.pi,
}
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
    def build(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
        best = nodes[0]
        for node in nodes[1:]:
            best = graph.piecewise((best, graph.call(relation, best, node), node))
        return best

    return build


def _quotient(graph: ExpressionGraph, nodes: Sequence[int]) -> int:
    return graph.call("trunc", graph.div(nodes[0], nodes[1]))


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
_KNOWN = {*_SIMPLE, *_RELATIONS, *_FOLDS, *_NUMERIC, *_LOGICAL, libsbml.AST_FUNCTION_PIECEWISE}


def _check_kind(kind: int, tree: Any, where: str) -> None:
    if kind == libsbml.AST_FUNCTION_DELAY:
        raise UnsupportedModelError(f"{where} uses delay(); delay differential equations are not supported")
    if kind not in _KNOWN:
        name = tree.getName() or libsbml.formulaToL3String(tree) or "unknown"
        raise UnsupportedModelError(f"{where} uses {name[:80]!r}, which is no function of SBML core that is supported")


def _check_count(nodes: Sequence[int], least: int, most: int | None, where: str) -> None:
    if len(nodes) < least or (most is not None and len(nodes) > most):
        expected = f"at least {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"
        raise InvalidModelError(f"{where}: an operator has {len(nodes)} arguments; expected {expected}")


def _build(graph: ExpressionGraph, kind: int, nodes: list[int], where: str) -> int:
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
    return _and(graph, [graph.call(operation, a, b) for a, b in zip(nodes, nodes[1:], strict=False)])


def _build_piecewise(graph: ExpressionGraph, nodes: list[int], where: str) -> int:
    _check_count(nodes, 1, None, where)
    if len(nodes) % 2 == 0:
        # Without <otherwise> the value is undefined where no condition holds.
        nodes = [*nodes, graph.constant(math.nan)]
    values, conditions = nodes[::2], [graph.as_condition(node) for node in nodes[1::2]]
    if not all(graph.is_boolean(value) for value in values):
        values = [graph.as_number(value) for value in values]
    operands = list(nodes)
    operands[::2], operands[1::2] = values, conditions
    return graph.piecewise(operands)
