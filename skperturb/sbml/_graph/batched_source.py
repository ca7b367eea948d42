"""From an expression graph to straight-line NumPy source that evaluates many sets of parameters at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME, OPERATIONS, ExpressionGraph

__all__ = ["BatchedFunction", "Constants", "specialized"]

_MOVING = HAS_STATE | HAS_TIME
# An expression used once is written inside its user; deeper nesting meets the limits of the Python parser.
_MAX_DEPTH = 24
# Exponents up to which a power is written as a product: a multiplication costs a tenth of np.power.
_LARGEST_EXPONENT = 4
_RELATIONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_GLOBALS: dict[str, Any] = {f"f_{name}": function for name, function in OPERATIONS.items()} | {
    "inf": np.inf,
    "nan": np.nan,
}


def specialized(
    graph: ExpressionGraph, roots: Sequence[int], values: Sequence[float], varying: Mapping[int, int]
) -> tuple[ExpressionGraph, list[int]]:
    """Return the roots in a graph of their own where the parameters that do not vary are numbers.

    Parameters
    ----------
    graph : ExpressionGraph
        Where the roots live.
    roots : sequence of int
        Nodes.
    values : sequence of float
        The values of all parameters.
    varying : mapping of int to int
        The parameters that vary, and their new numbers.
    """
    target = ExpressionGraph()
    leaves: dict[int, int] = {}
    for node in graph.reachable(roots):
        operation, operands = graph.operation[node], graph.operands[node]
        if operation == "state":
            leaves[node] = target.state(operands[0])
        elif operation == "time":
            leaves[node] = target.time()
        elif operation == "parameter":
            index = operands[0]
            leaves[node] = (
                target.parameter(varying[index]) if index in varying else target.constant(float(values[index]))
            )
    return target, graph.rewritten(roots, leaves, target)


class Constants:
    """Subexpressions without a state and without time: evaluated once for all sets.

    Parameters
    ----------
    graph : ExpressionGraph
        Where they live.
    """

    def __init__(self, graph: ExpressionGraph) -> None:
        self.graph = graph
        self.nodes: list[int] = []
        self._names: dict[int, str] = {}

    def text(self, node: int) -> str:
        """Return the source of a constant subexpression: a number, or its name."""
        value = self.graph.value(node)
        if value is not None:
            return repr(float(value)) if value >= 0 else f"({float(value)!r})"
        if self.graph.operation[node] in ("true", "false"):
            return self.graph.operation[node].capitalize()
        if node not in self._names:
            self._names[node] = f"c{len(self.nodes)}"
            self.nodes.append(node)
        return self._names[node]

    def evaluate(self, parameters: Sequence[np.ndarray]) -> list[Any]:
        """Return the constants for parameters of shape (n_sets,) each, in the order in which functions take them."""
        graph, values = self.graph, {}
        with np.errstate(all="ignore"):
            for node in graph.reachable(self.nodes):
                operation, operands = graph.operation[node], graph.operands[node]
                if operation == "constant":
                    values[node] = operands[0]
                elif operation in ("true", "false"):
                    values[node] = operation == "true"
                elif operation == "parameter":
                    values[node] = parameters[operands[0]]
                else:
                    values[node] = OPERATIONS[operation](*[values[operand] for operand in operands])
        return [values[node] for node in self.nodes]


class _Writer:
    """Source lines of nodes; products and sums are flattened, so that what is constant in them is one factor."""

    def __init__(self, constants: Constants, roots: Sequence[int]) -> None:
        self.graph, self.constants = constants.graph, constants
        graph = self.graph
        self.order = [node for node in graph.reachable(roots) if graph.flags[node] & _MOVING]
        self.uses = Counter(child for node in self.order for child in graph.children(node))
        self.uses.update(roots)
        self.lines: list[str] = []
        self.text: dict[int, str] = {}
        self.depth: dict[int, int] = {}
        inside = self._inside_chains(set(roots))
        for node in self.order:
            if node not in inside:
                self._write(node)

    def _inside_chains(self, roots: set[int]) -> set[int]:
        """Return the nodes that are written as a part of the sum or product that uses them."""
        graph, found = self.graph, set()
        for node in self.order:
            kind = _KIND.get(graph.operation[node])
            for child in graph.children(node) if kind else ():
                if self.uses[child] == 1 and child not in roots and self._joins(kind, child):
                    found.add(child)
        return found

    def _joins(self, kind: str | None, child: int) -> bool:
        inner = _KIND.get(self.graph.operation[child])
        return self._is_moving(child) and (inner == kind or (kind == "sum" and inner == "product"))

    def _write(self, node: int) -> None:
        graph = self.graph
        operation = graph.operation[node]
        if operation in ("state", "time"):
            self.text[node], self.depth[node] = "t" if operation == "time" else f"x{graph.operands[node][0]}", 0
            return
        source, level = self._expression(node)
        if self.uses[node] > 1 or level >= _MAX_DEPTH:
            self.lines.append(f" v{node} = {source}")
            source, level = f"v{node}", 0
        self.text[node], self.depth[node] = source, level

    def _expression(self, node: int) -> tuple[str, int]:
        kind = _KIND.get(self.graph.operation[node])
        if kind == "sum":
            return self._sum(node)
        return self._product(node) if kind == "product" else self._call(node)

    def _of(self, node: int) -> tuple[str, int]:
        if not self.graph.flags[node] & _MOVING:
            return self.constants.text(node), 0
        return self.text[node], self.depth[node]

    def _call(self, node: int) -> tuple[str, int]:
        graph = self.graph
        operation, operands = graph.operation[node], graph.operands[node]
        parts = [self._of(operand) for operand in operands]
        level = 1 + max(depth for _, depth in parts)
        texts = [text for text, _ in parts]
        if operation in _RELATIONS:
            return f"({texts[0]} {_RELATIONS[operation]} {texts[1]})", level
        exponent = graph.value(operands[1]) if operation == "pow" else None
        if exponent is not None and exponent in range(2, _LARGEST_EXPONENT + 1):
            base = texts[0]
            if not base.isidentifier():
                self.lines.append(f" w{node} = {base}")
                base, level = f"w{node}", 1
            return f"({' * '.join([base] * int(exponent))})", level
        return f"f_{operation}({', '.join(texts)})", level

    def _terms(self, node: int) -> list[tuple[int, bool]]:
        """Return the terms of a sum, each with whether it is subtracted."""
        found: list[tuple[int, bool]] = []
        stack = [(node, False)]
        while stack:
            member, minus = stack.pop()
            is_open = self._is_moving(member) and (member == node or member not in self.text)
            operation = self.graph.operation[member]
            if is_open and operation in ("add", "sub"):
                a, b = self.graph.operands[member]
                stack += [(b, minus ^ (operation == "sub")), (a, minus)]
            else:
                found.append((member, minus))
        return found

    def _unsigned(self, member: int) -> tuple[int, bool]:
        """Return a member without the signs before it."""
        negative = False
        while self.graph.operation[member] == "neg" and member not in self.text and self._is_moving(member):
            member, negative = self.graph.operands[member][0], not negative
        return member, negative

    def _is_moving(self, node: int) -> bool:
        return bool(self.graph.flags[node] & _MOVING)

    def _sum(self, node: int) -> tuple[str, int]:
        graph, constant = self.graph, self.graph.zero
        parts: list[tuple[bool, str]] = []
        level = 0
        for member, minus in self._terms(node):
            if not self._is_moving(member):
                constant = graph.sub(constant, member) if minus else graph.add(constant, member)
                continue
            member, negated = self._unsigned(member)
            text, depth, negative = self._signed(member)
            parts.append((minus ^ negated ^ negative, text))
            level = max(level, depth)
        if constant != graph.zero:
            parts.append((False, self.constants.text(constant)))
        parts.sort(key=lambda part: part[0])  # a term that is added comes first: it needs no negation
        head = f"-{parts[0][1]}" if parts[0][0] else parts[0][1]
        return f"({head}{''.join(f' {_SIGN[minus]} {text}' for minus, text in parts[1:])})", level + 1

    def _signed(self, member: int) -> tuple[str, int, bool]:
        """Return text and depth of the absolute value of a term, and whether it is negative."""
        if self._is_moving(member) and member not in self.text and _KIND.get(self.graph.operation[member]) == "product":
            return self._signed_product(member)
        return (*self._of_or_write(member), False)

    def _of_or_write(self, member: int) -> tuple[str, int]:
        if self._is_moving(member) and member not in self.text:
            return self._expression(member)
        return self._of(member)

    def _product(self, node: int) -> tuple[str, int]:
        text, level, negative = self._signed_product(node)
        return (f"(-{text})" if negative else text), level

    def _signed_product(self, node: int) -> tuple[str, int, bool]:
        negative, stack = False, [(node, False)]
        above: list[int] = []
        below: list[int] = []
        while stack:
            member, inverse = stack.pop()
            is_open = self._is_moving(member) and (member == node or member not in self.text)
            operation = self.graph.operation[member]
            if is_open and operation == "neg":
                negative = not negative
                stack.append((self.graph.operands[member][0], inverse))
            elif is_open and operation in ("mul", "div"):
                a, b = self.graph.operands[member]
                stack += [(b, inverse ^ (operation == "div")), (a, inverse)]
            else:
                (below if inverse else above).append(member)
        return self._fraction(above, below, negative)

    def _fraction(self, above: list[int], below: list[int], negative: bool) -> tuple[str, int, bool]:
        graph = self.graph
        factor = graph.one
        for node in above:
            if not self._is_moving(node):
                factor = graph.mul(factor, node)
        for node in below:
            if not self._is_moving(node):
                factor = graph.div(factor, node)
        if graph.operation[factor] == "neg":
            factor, negative = graph.operands[factor][0], not negative
        value = graph.value(factor)
        if value is not None and value < 0:
            factor, negative = graph.constant(-value), not negative
        tops = [self._of_or_write(node) for node in above if self._is_moving(node)]
        bottoms = [self._of_or_write(node) for node in below if self._is_moving(node)]
        if factor != graph.one or not tops:
            tops.insert(0, (self.constants.text(factor), 0))
        level = 1 + max(depth for _, depth in [*tops, *bottoms])
        source = " * ".join(text for text, _ in tops)
        if bottoms:
            product = " * ".join(text for text, _ in bottoms)
            source += f" / ({product})" if len(bottoms) > 1 else f" / {product}"
        return f"({source})", level, negative


_SIGN = {False: "+", True: "-"}
_KIND = {"add": "sum", "sub": "sum", "mul": "product", "div": "product", "neg": "product"}


class BatchedFunction:
    """Roots of a graph as functions of many states at a time.

    Parameters
    ----------
    constants : Constants
        What does not depend on state and time; grows by what these roots need.
    roots : sequence of int
        What is computed.
    n_states : int
        Length of a state.
    """

    def __init__(self, constants: Constants, roots: Sequence[int], n_states: int) -> None:
        graph = constants.graph
        writer = _Writer(constants, roots)
        results = [f" out[{row}] = {writer._of(root)[0]}" for row, root in enumerate(roots)]
        used = {graph.operands[node][0] for node in writer.order if graph.operation[node] == "state"}
        states = ", ".join(f"x{i}" if i in used else "_" for i in range(n_states))
        self._body = [f" [{states}] = x"] if used else []
        self._body += [*writer.lines, *results]
        self._constants = constants
        self._call: Callable | None = None

    def __call__(self, t: Any, x: np.ndarray, c: list[Any], out: np.ndarray) -> None:
        """Write the roots for times (n_sets,), states (n_states, n_sets) and constants into the rows of `out`."""
        if self._call is None:
            names = ", ".join(f"c{i}" for i in range(len(self._constants.nodes)))
            head = ["def function(t, x, c, out):", *([f" [{names}] = c"] if names else [])]
            namespace = dict(_GLOBALS)
            source = "\n".join([*head, *self._body, " return None"])
            exec(compile(source, "<skperturb generated code>", "exec"), namespace)  # only generated names
            self._call = namespace["function"]
        self._call(t, x, c, out)
