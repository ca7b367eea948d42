"""Hash-consed expression graphs: every distinct subexpression is stored once, operands before their users."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from skperturb.exceptions import UnsupportedModelError

__all__ = ["HAS_STATE", "HAS_TIME", "OPERATIONS", "ExpressionGraph"]

HAS_STATE, HAS_TIME, HAS_PARAMETER = 1, 2, 4

# Nested function definitions can double their length with every level; the bound is on memory, not on time.
MAX_NODES = 5_000_000

BOOLEAN_OPERATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "true", "false"})


def _select(*args):
    """Evaluate a piecewise expression: value, condition, value, condition, ..., otherwise."""
    result = args[-1]
    for position in range(len(args) - 3, -1, -2):
        result = np.where(args[position + 1], args[position], result)
    return result


def _at_rest(value, lag):
    """Evaluate a delayed expression where nothing moves: it is what it was."""
    return value


# What each operation means on arrays. `float` scalars take the same path, so that constant folding, the
# evaluation of whole trajectories and the fallback of the scalar code cannot disagree.
OPERATIONS: dict[str, Callable] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "exp": np.exp,
    "ln": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rem": np.fmod,
    "gamma": special.gamma,
    "digamma": special.digamma,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "piecewise": _select,
    "delay": _at_rest,
}


class ExpressionGraph:
    """A growing directed acyclic graph of expressions, without repeated nodes.

    A node is an integer. Operands are always created before the node that uses them, so ascending node
    numbers are a topological order: no traversal of the graph ever needs recursion.

    Simplification is exact: whatever is folded has the same value for every operand, NaN and infinity
    included. In particular ``0 * x`` stays.
    """

    def __init__(self) -> None:
        self.operation: list[str] = []
        self.operands: list[tuple] = []
        self.flags: list[int] = []
        self._index: dict[tuple, int] = {}
        self.blocks: list[Any] = []
        self.has_delays = False
        self.zero = self.constant(0.0)
        self.one = self.constant(1.0)

    def __len__(self) -> int:
        return len(self.operation)

    def _node(self, operation: str, operands: tuple, flags: int, key: tuple | None = None) -> int:
        key = key or (operation, operands)
        node = self._index.get(key)
        if node is None:
            node = len(self.operation)
            if node >= MAX_NODES:
                raise UnsupportedModelError(f"the formulas of the model expand to more than {MAX_NODES} terms")
            self._index[key] = node
            self.operation.append(operation)
            self.operands.append(operands)
            self.flags.append(flags)
        return node

    # -- leaves ---------------------------------------------------------------------------------------
    def constant(self, value: float) -> int:
        """Return the node of a number; NaN equals NaN here, and 0.0 differs from -0.0."""
        value = float(value)
        return self._node("constant", (value,), 0, ("constant", value.hex()))

    def boolean(self, value: bool) -> int:
        return self._node("true" if value else "false", (), 0)

    def state(self, index: int) -> int:
        return self._node("state", (index,), HAS_STATE)

    def parameter(self, index: int) -> int:
        return self._node("parameter", (index,), HAS_PARAMETER)

    def time(self) -> int:
        return self._node("time", (), HAS_TIME)

    def add_block(self, block: Any, size: int, flags: int) -> list[int]:
        """Return the nodes of symbols that equations determine together; see `ImplicitBlock`."""
        self.blocks.append(block)
        return [self._node("unknown", (len(self.blocks) - 1, index), flags) for index in range(size)]

    # -- questions ------------------------------------------------------------------------------------
    def value(self, node: int) -> float | None:
        """Return the number that a node is, or None if it is not a constant."""
        return self.operands[node][0] if self.operation[node] == "constant" else None

    def is_boolean(self, node: int) -> bool:
        if self.operation[node] == "piecewise":
            return all(self.operation[child] in BOOLEAN_OPERATIONS for child in self.operands[node][::2])
        return self.operation[node] in BOOLEAN_OPERATIONS

    def children(self, node: int) -> tuple[int, ...]:
        operation = self.operation[node]
        if operation in ("constant", "state", "parameter"):
            return ()
        return self.operands[node] if operation != "unknown" else self.blocks[self.operands[node][0]].leaves

    def function(self, node: int) -> Callable:
        """Return the function of the children's values that a node is, for floats and arrays."""
        operation, operands = self.operation[node], self.operands[node]
        if operation == "unknown":
            return self.blocks[operands[0]].component(operands[1])
        return OPERATIONS[operation]

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that the roots are made of, operands first."""
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.children(node))
        return sorted(seen)

    # -- numbers and conditions -----------------------------------------------------------------------
    def as_number(self, node: int) -> int:
        """Read a condition as 1 (true) or 0 (false)."""
        return self.piecewise((self.one, node, self.zero)) if self.is_boolean(node) else node

    def as_condition(self, node: int) -> int:
        """Read a number as the condition that it differs from zero."""
        return node if self.is_boolean(node) else self.call("ne", node, self.zero)

    # -- operations -----------------------------------------------------------------------------------
    def call(self, operation: str, *operands: int) -> int:
        """Return the node of an operation, folded if all its operands are numbers."""
        flags = 0
        for operand in operands:
            flags |= self.flags[operand]
        if not flags:
            return self._fold(operation, operands)
        return self._node(operation, operands, flags)

    def _fold(self, operation: str, operands: Sequence[int]) -> int:
        with np.errstate(all="ignore"):
            result = OPERATIONS[operation](*(self._literal(operand) for operand in operands))
        return self.boolean(bool(result)) if operation in BOOLEAN_OPERATIONS else self.constant(float(result))

    def _literal(self, node: int) -> float | bool:
        operation = self.operation[node]
        return self.operands[node][0] if operation == "constant" else operation == "true"

    def add(self, a: int, b: int) -> int:
        if a == self.zero:
            return b
        return a if b == self.zero else self.call("add", a, b)

    def sub(self, a: int, b: int) -> int:
        if b == self.zero:
            return a
        return self.neg(b) if a == self.zero else self.call("sub", a, b)

    def mul(self, a: int, b: int) -> int:
        if a == self.one:
            return b
        if b == self.one:
            return a
        if self.value(a) == -1.0:
            return self.neg(b)
        return self.neg(a) if self.value(b) == -1.0 else self.call("mul", a, b)

    def div(self, a: int, b: int) -> int:
        return a if b == self.one else self.call("div", a, b)

    def neg(self, a: int) -> int:
        return self.operands[a][0] if self.operation[a] == "neg" else self.call("neg", a)

    def pow(self, a: int, b: int) -> int:
        exponent = self.value(b)
        if exponent == 1.0:
            return a
        return self.one if exponent == 0.0 else self.call("pow", a, b)

    def delay(self, value: int, lag: int) -> int:
        """Return the node of what an expression was a lag ago; by itself it is evaluated as if nothing moved.

        What a trajectory needs in its place is a matter of the integrator, which knows the past.
        """
        if not self.flags[value] or self.value(lag) == 0.0:
            return value
        self.has_delays = True
        return self.call("delay", value, lag)

    def piecewise(self, operands: Sequence[int]) -> int:
        """Return value, condition, ..., otherwise as one node; branches that cannot be taken are dropped."""
        kept: list[int] = []
        otherwise = operands[-1]
        for value, condition in zip(operands[:-1:2], operands[1:-1:2], strict=True):
            if self.operation[condition] == "false":
                continue
            if self.operation[condition] == "true":
                otherwise = value
                break
            kept += [value, condition]
        if not kept or all(value == otherwise for value in kept[::2]):
            return otherwise
        return self.call("piecewise", *kept, otherwise)

    def rewritten(
        self, roots: Iterable[int], replacements: Mapping[int, int], target: "ExpressionGraph | None" = None
    ) -> list[int]:
        """Return the roots with some nodes replaced, in the same graph or in another one.

        In another graph all states, parameters and the time must be replaced.
        """
        roots, target = list(roots), target or self
        new = dict(replacements)
        for node in self.reachable(roots):
            if node not in new:
                new[node] = self._rebuilt(node, new, target)
        return [new[root] for root in roots]

    def _rebuilt(self, node: int, new: dict[int, int], target: "ExpressionGraph") -> int:
        operation, operands = self.operation[node], self.operands[node]
        if operation == "constant":
            return target.constant(operands[0])
        if operation in ("true", "false"):
            return target.boolean(operation == "true")
        if operation in ("state", "parameter", "time", "unknown"):
            return node
        operands = tuple(new[operand] for operand in operands)
        if operation == "piecewise":
            return target.piecewise(operands)
        simplify = operation in ("add", "sub", "mul", "div", "neg", "pow", "delay")
        return getattr(target, operation)(*operands) if simplify else target.call(operation, *operands)

    def sum(self, terms: Iterable[int]) -> int:
        total = self.zero
        for term in terms:
            total = self.add(total, term)
        return total
