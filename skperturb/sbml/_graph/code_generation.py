"""From an expression graph to straight-line Python source, and an array evaluator that never raises."""

from __future__ import annotations

import copy
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skperturb.sbml._graph.expression import OPERATIONS, ExpressionGraph

__all__ = ["ArrayEvaluator", "MatrixFunction", "ScalarFunction", "scalar_source"]

# An expression used once is written inside its user; deeper nesting than this would meet the limits of
# the Python parser (200 parentheses) and of its compiler's stack.
MAX_DEPTH = 24
# So many branches of a piecewise function stand in one pair of parentheses; then another pair is opened, since a chain
# of conditionals is nested in the parser as well.
_BRANCHES_IN_A_ROW = 8

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "and",
    "or": "or",
}


def _digamma(value: float) -> float:
    return float(OPERATIONS["digamma"](value))


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0)) if value == value else value


# Scalar functions by operation. They raise where IEEE arithmetic gives NaN or infinity; the caller then
# evaluates again with functions that return these. `math.pow` and not `**`: the latter turns (-1.0) ** 0.5
# into a complex number.
_SCALAR: dict[str, Callable] = {
    "pow": math.pow,
    "exp": math.exp,
    "ln": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "abs": abs,
    "sign": _sign,
    "floor": lambda value: float(math.floor(value)),
    "ceil": lambda value: float(math.ceil(value)),
    "trunc": lambda value: float(math.trunc(value)),
    "rem": math.fmod,
    "gamma": math.gamma,
    "digamma": _digamma,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "delay": lambda value, lag: value,
}
_NUMBERS: dict[str, object] = {"inf": math.inf, "nan": math.nan}
_GLOBALS = _NUMBERS | {f"f_{name}": function for name, function in _SCALAR.items()}


def _with_ieee_values(function: Callable, on_arrays: Callable) -> Callable:
    """Return the function with the value of IEEE arithmetic where it raises."""

    def call(*operands: float) -> float:
        try:
            return function(*operands)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                return float(on_arrays(*operands))

    return call


_SAFE_GLOBALS = _NUMBERS | {
    f"f_{name}": _with_ieee_values(function, OPERATIONS[name])
    for name, function in (_SCALAR | {"div": operator.truediv}).items()
}


def scalar_source(
    graph: ExpressionGraph, roots: Sequence[int], n_states: int, *, safe: bool = False
) -> tuple[str, list[int]]:
    """Return the source of ``function(t, x, p)`` that lists the roots, and which parameters `p` holds.

    Every name in the source is generated (``x3``, ``p0``, ``v12``), never taken from the model. With `safe` a
    function of the namespace also divides.
    """
    infix = {name: sign for name, sign in _INFIX.items() if not (safe and name == "div")}
    order = graph.reachable(roots)
    uses = Counter(child for node in order for child in graph.children(node))
    uses.update(roots)
    used_states = {graph.operands[node][0] for node in order if graph.operation[node] == "state"}
    used_parameters = [graph.operands[node][0] for node in order if graph.operation[node] == "parameter"]
    lines = ["def function(t, x, p):"]
    if used_states:
        lines.append(f" [{', '.join(f'x{i}' if i in used_states else '_' for i in range(n_states))}] = x")
    if used_parameters:
        lines.append(f" [{', '.join(f'p{i}' for i in used_parameters)}] = p")
    text: dict[int, str] = {}
    depth: dict[int, int] = {}
    for node in order:
        children = graph.children(node)
        level = 1 + max((depth[child] for child in children), default=-1)
        source = _expression_text(graph, node, text, infix)
        if children and (uses[node] > 1 or level >= MAX_DEPTH):
            lines.append(f" v{node} = {source}")
            source, level = f"v{node}", 0
        text[node], depth[node] = source, level
    lines.append(f" return [{', '.join(text[root] for root in roots)}]")
    return "\n".join(lines), used_parameters


def _expression_text(graph: ExpressionGraph, node: int, text: dict[int, str], infix: dict[str, str]) -> str:
    operation, operands = graph.operation[node], graph.operands[node]
    if operation in _LEAF_TEXT:
        return _LEAF_TEXT[operation](operands)
    if operation == "unknown":
        return f"f_unknown{node}({', '.join(text[child] for child in graph.children(node))})"
    arguments = [text[operand] for operand in operands]
    if operation in infix:
        return f"({arguments[0]} {infix[operation]} {arguments[1]})"
    if operation == "piecewise":
        return _piecewise_text(arguments)
    if operation == "pow" and graph.value(operands[1]) == 2.0 and arguments[0].isidentifier():
        return f"({arguments[0]} * {arguments[0]})"
    if operation in ("neg", "not"):
        return f"(-{arguments[0]})" if operation == "neg" else f"(not {arguments[0]})"
    return f"f_{operation}({', '.join(arguments)})"


def _piecewise_text(arguments: list[str]) -> str:
    # One flat chain of conditionals: nested parentheses would hit the parser's limit in long piecewise.
    parts = [f"{value} if {test} else " for value, test in zip(arguments[:-1:2], arguments[1:-1:2], strict=True)]
    if len(parts) <= _BRANCHES_IN_A_ROW:
        return f"({''.join(parts)}{arguments[-1]})"
    head = "".join(parts[:_BRANCHES_IN_A_ROW])
    return f"({head}{_piecewise_text(arguments[2 * _BRANCHES_IN_A_ROW :])})"


_LEAF_TEXT: dict[str, Callable[[tuple], str]] = {
    "constant": lambda operands: f"({operands[0]!r})" if operands[0] < 0 else repr(operands[0]),
    "state": lambda operands: f"x{operands[0]}",
    "parameter": lambda operands: f"p{operands[0]}",
    "time": lambda operands: "t",
    "true": lambda operands: "True",
    "false": lambda operands: "False",
}


class ArrayEvaluator:
    """Evaluates nodes on floats or arrays with IEEE arithmetic: NaN and infinity are values, not errors."""

    def __init__(self, graph: ExpressionGraph, roots: Sequence[int]) -> None:
        self._roots = list(roots)
        self._leaves: list[tuple[int, str, tuple]] = []
        self._steps: list[tuple[int, Callable, tuple[int, ...]]] = []
        for node in graph.reachable(self._roots):
            operation, operands = graph.operation[node], graph.operands[node]
            if operation in OPERATIONS or operation == "unknown":
                self._steps.append((node, graph.function(node), graph.children(node)))
            else:
                self._leaves.append((node, operation, operands))

    def __call__(self, t, x, p) -> list:
        """Return the value of each root; `t`, the rows of `x` and the entries of `p` broadcast."""
        sources = {"state": x, "parameter": p}
        values: dict = {}
        for node, operation, operands in self._leaves:
            if operation in sources:
                values[node] = sources[operation][operands[0]]
            elif operation == "constant":
                values[node] = operands[0]
            else:
                values[node] = {"time": t, "true": True, "false": False}[operation]
        with np.errstate(all="ignore"):
            for node, function, operands in self._steps:
                values[node] = function(*[values[operand] for operand in operands])
        return [values[root] for root in self._roots]


class ScalarFunction:
    """The roots of a graph as a compiled function of time and states; parameters are read at each call.

    Parameters
    ----------
    graph : ExpressionGraph
        Where the roots live.
    roots : sequence of int
        What the function returns.
    n_states : int
        Length of the state vector.
    parameters : list of float
        All parameter values, shared with the model.
    """

    def __init__(self, graph: ExpressionGraph, roots: Sequence[int], n_states: int, parameters: list[float]) -> None:
        source, self._used = scalar_source(graph, roots, n_states)
        self._function = _compiled(source, _GLOBALS, graph)
        self._parameters = parameters
        self.refresh()
        self._graph, self._roots, self._n_states = graph, list(roots), n_states
        self._fallback: Any = None

    def rebound(self, parameters: list[float]) -> ScalarFunction:
        """Return the same function on another list of parameter values; see `refresh`."""
        other = copy.copy(self)
        other._parameters = parameters
        other.refresh()
        return other

    def refresh(self) -> None:
        """Take the current values from the list of parameters."""
        self._values = [self._parameters[index] for index in self._used]

    def __call__(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return the roots as a float array; never raises on non-finite arithmetic."""
        try:
            return np.array(self._function(float(t), x.tolist(), self._values), dtype=float)
        except (ArithmeticError, ValueError):
            return np.array(self._safe(float(t), x.tolist()), dtype=float)

    def listed(self, t: float, x: list[float]) -> list[float]:
        """Return the roots as a list of floats, for few of them: an array takes longer to make than they do."""
        try:
            return list(map(float, self._function(t, x, self._values)))
        except (ArithmeticError, ValueError):
            return list(map(float, self._safe(t, x)))

    def _safe(self, t: float, x: list[float]) -> Sequence[float]:
        if self._fallback is None:
            source, _ = scalar_source(self._graph, self._roots, self._n_states, safe=True)
            self._fallback = _compiled(source, _SAFE_GLOBALS, self._graph)
        return self._fallback(t, x, self._values)


def _compiled(source: str, names: dict[str, object], graph: ExpressionGraph) -> Any:
    namespace = dict(names)
    for block in graph.blocks:
        namespace.update({f"f_unknown{node}": graph.function(node) for node in block.unknowns})
    exec(compile(source, "<skperturb generated code>", "exec"), namespace)  # only generated names
    return namespace["function"]


class MatrixFunction:
    """A square matrix whose structural non-zeros are computed by one compiled function."""

    def __init__(self, build, entries: dict[tuple[int, int], int], size: int) -> None:
        pairs = np.array(list(entries), dtype=int).reshape(-1, 2)
        self._flat = pairs[:, 0] * size + pairs[:, 1]
        self._size = size
        self._function = build(list(entries.values()))

    def rebound(self, parameters: list[float]) -> MatrixFunction:
        other = copy.copy(self)
        other._function = self._function.rebound(parameters)
        return other

    def refresh(self) -> None:
        self._function.refresh()

    def __call__(self, t: float, x: np.ndarray) -> np.ndarray:
        matrix = np.zeros(self._size * self._size)
        matrix[self._flat] = self._function(t, x)
        return matrix.reshape(self._size, self._size)
