"""Where a right-hand side jumps: its relations and integer steps, frozen between the times at which they change."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

import numpy as np

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._graph.code_generation import ScalarFunction
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME, ExpressionGraph

__all__ = ["UNDEFINED", "Conditions", "frozen", "jumps"]

_RELATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_ORDERED = frozenset({"lt", "le", "gt", "ge"})
_STEPS = frozenset({"floor", "ceil", "trunc"})
_CONNECTIVES = frozenset({"and", "or", "not", "piecewise", "true", "false"})

# Nodes of two branches up to which they are compared at the tie. A kink that is taken for a jump costs a few looks at
# it, no wrong result.
_LARGEST_BRANCH = 300
# Nodes of a rate up to which it is differentiated once more: a second derivative along a large model has thousands.
_LONGEST_RATE = 500

#: The level of a condition whose argument is NaN: one object, so that lists of levels compare equal by identity.
UNDEFINED = float("nan")


def jumps(graph: ExpressionGraph, roots: Iterable[int], moving: Collection[int] = ()) -> list[int]:
    """Return the relations and integer steps by which the roots may jump while time passes.

    Besides states and time the nodes `moving` move: parameters that stand for what was some time ago.

    A relation that only chooses between branches which agree where its sides are equal (a maximum, an absolute
    value) makes a kink, and an equality holds for no time unless its sides rest: neither is returned.
    """
    order = graph.reachable(roots)
    moves: set[int] = set(moving)
    for node in order:  # children come before what uses them
        if graph.flags[node] & (HAS_STATE | HAS_TIME) or (moving and not moves.isdisjoint(graph.children(node))):
            moves.add(node)
    moved = [node for node in order if node in moves]
    users: dict[int, list[int]] = {}
    for node in moved:
        for child in graph.children(node):
            users.setdefault(child, []).append(node)
    found = []
    for node in moved:
        operation = graph.operation[node]
        above = users.get(node, [-1])
        steps = operation in _STEPS or operation == "rem"
        if steps or (operation in _ORDERED and not all(_is_kink(graph, user, node) for user in above)):
            found.append(node)
    return found


def _is_kink(graph: ExpressionGraph, user: int, relation: int) -> bool:
    """Say whether a piecewise expression is continuous where the two sides of its last condition are equal."""
    if user < 0 or graph.operation[user] != "piecewise" or graph.operands[user][-2] != relation:
        return False
    *before, value, _, otherwise = graph.operands[user]
    if relation in before:
        return False
    first, second = graph.operands[relation]
    if {value, otherwise} == {first, second}:
        return True
    if _is_large(graph, (value, otherwise)):
        return False
    for old, new in ((first, second), (second, first)):
        if graph.value(old) is None and old not in graph.reachable([new]):
            ends = graph.rewritten([value, otherwise], {old: new})
            # Constants are compared as numbers: 0.0 and -0.0 are different nodes.
            if ends[0] == ends[1] or (
                graph.value(ends[0]) is not None and graph.value(ends[0]) == graph.value(ends[1])
            ):
                return True
    return False


def _is_large(graph: ExpressionGraph, roots: Iterable[int]) -> bool:
    """Say whether a rewriting of the roots, once for each relation, would take too long."""
    seen: set[int] = set()
    stack = list(roots)
    while stack and len(seen) <= _LARGEST_BRANCH:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(graph.children(node))
    return len(seen) > _LARGEST_BRANCH


def frozen(
    graph: ExpressionGraph, roots: Sequence[int], switches: Sequence[int], first: int, live: Collection[int] = ()
) -> list[int]:
    """Return the roots with each switch replaced by a parameter, numbered from `first` on; without those `live`.

    A relation is true where its parameter is not zero; the parameter of an integer step is its value, that of a
    remainder its quotient. With the parameters held, the roots do not jump any more: an integrator can step across
    the time of a switch and look back where it was.
    """
    replacements: dict[int, int] = {}
    for offset, node in enumerate(switches):
        if offset in live:
            continue
        parameter = graph.parameter(first + offset)
        if graph.operation[node] in _RELATIONS:
            replacements[node] = graph.call("ne", parameter, graph.zero)
        elif graph.operation[node] == "rem":
            # Its operands may hold other switches, which come before it in the list.
            dividend, divisor = graph.rewritten(graph.operands[node], dict(replacements))
            replacements[node] = graph.sub(dividend, graph.mul(divisor, parameter))
        else:
            replacements[node] = parameter
    return graph.rewritten(roots, replacements)


class Conditions:
    """Conditions over the levels of their arguments: the sign of a relation's difference, the value of a step.

    A relation ``a < b`` holds where the sign of ``a - b`` is -1, so the signs decide all conditions. Seen this way,
    a condition can also be asked for the instant at which a continuous difference passes zero, which no pair of
    floating-point times brackets.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph of the conditions; the arguments are added to it.
    triggers : sequence of int
        Boolean nodes.
    switches : sequence of int
        Nodes that `jumps` returned.
    moving : collection of int, default=()
        As for `jumps`.

    Attributes
    ----------
    arguments : list of int
        Nodes whose levels decide everything.
    members : list of frozenset of int
        Positions of the arguments that decide each trigger.
    """

    def __init__(
        self,
        graph: ExpressionGraph,
        triggers: Sequence[int],
        switches: Sequence[int],
        moving: Collection[int] = (),
    ) -> None:
        self.arguments: list[int] = []
        self._kinds: list[str] = []
        self._graph, self._logic = graph, ExpressionGraph()
        self._leaves: dict[tuple[int, str], int] = {}
        exact: set[int] = set()
        nodes: dict[int, int] = {}
        for node in sorted(_logical_nodes(graph, triggers)):
            nodes[node] = self._condition(node, nodes, exact)
        modes = [self._mode(node) for node in switches]
        self.members = [self._decided_by(nodes[node]) for node in triggers]
        # What makes an argument jump is watched too, so that no jump falls between two looks at it.
        for node in jumps(graph, self.arguments, moving):
            self._mode(node)
        self.n_triggers = len(triggers)
        roots = [*(nodes[node] for node in triggers), *modes]
        self._truth = ScalarFunction(self._logic, roots, len(self.arguments), [])
        self._sees_equality = [index in exact for index in range(len(self.arguments))]

    def _condition(self, node: int, nodes: dict[int, int], exact: set[int]) -> int:
        graph, logic = self._graph, self._logic
        operation, operands = graph.operation[node], graph.operands[node]
        if operation in _RELATIONS:
            leaf = self._leaf(graph.call("sub", *operands), "sign")
            if operation in ("eq", "ne"):
                exact.add(leaf)
            return logic.call(operation, logic.state(leaf), logic.zero)
        if operation in ("true", "false"):
            return logic.boolean(operation == "true")
        if operation == "piecewise":
            return logic.piecewise([nodes[child] for child in operands])
        return logic.call(operation, *(nodes[child] for child in operands))

    def _mode(self, node: int) -> int:
        """Return the value of a switch in terms of the levels."""
        graph, logic = self._graph, self._logic
        operation, operands = graph.operation[node], graph.operands[node]
        if operation in _RELATIONS:
            leaf = logic.state(self._leaf(graph.call("sub", *operands), "sign"))
            return logic.as_number(logic.call(operation, leaf, logic.zero))
        if operation == "rem":
            return logic.state(self._leaf(graph.div(*operands), "trunc"))
        return logic.state(self._leaf(operands[0], operation))

    def _leaf(self, argument: int, kind: str) -> int:
        key = (argument, kind)
        if key not in self._leaves:
            self._leaves[key] = len(self.arguments)
            self.arguments.append(argument)
            self._kinds.append(kind)
        return self._leaves[key]

    def _decided_by(self, node: int) -> frozenset[int]:
        logic = self._logic
        leaves = (child for child in logic.reachable([node]) if logic.operation[child] == "state")
        return frozenset(logic.operands[leaf][0] for leaf in leaves)

    # -- values ---------------------------------------------------------------------------------------
    def levels(self, values: Iterable[float]) -> list[float]:
        """Return the level of each argument's value."""
        return [_LEVEL[kind](value) for kind, value in zip(self._kinds, values, strict=False)]

    def levels_along(self, values: Iterable[np.ndarray]) -> np.ndarray:
        """Return the levels of arrays of values, as rows."""
        with np.errstate(invalid="ignore"):
            return np.array([_LEVELS[kind](value) for kind, value in zip(self._kinds, values, strict=False)])

    def bounds(self, index: int, level: float) -> tuple[float, float]:
        """Return between which values an argument keeps its level."""
        return _BOUNDS[self._kinds[index]](level)

    def truth(self, levels: Sequence[float]) -> tuple[list[bool], list[float]]:
        """Return which triggers hold, and the values of the switches."""
        values = self._truth.listed(0.0, list(levels))
        return [value != 0.0 for value in values[: self.n_triggers]], values[self.n_triggers :]

    def passing(self, before: Sequence[float], after: Sequence[float]) -> list[float] | None:
        """Return the levels at the instant of a passage through equality, None if no trigger can see it."""
        through = [sees and a * b == -1.0 for sees, a, b in zip(self._sees_equality, before, after, strict=True)]
        if not any(through):
            return None
        return [0.0 if passes else level for passes, level in zip(through, after, strict=True)]

    # -- derivatives ----------------------------------------------------------------------------------
    def rates(self, rhs: Sequence[int], time: int) -> tuple[list[int], dict[int, int]]:
        """Return the nodes of the arguments' time derivatives along the equations, and of some second derivatives.

        The latter are those of the arguments that are not linear in the state and time, by position. Where a
        derivative is not defined as a formula, or a second one too long, its node is NaN.
        """
        rates: list[int] = []
        curvatures: dict[int, int] = {}
        for index, argument in enumerate(self.arguments):
            rate, is_linear = self._along(argument, rhs, time)
            rates.append(rate)
            if not is_linear:
                is_long = len(self._graph.reachable([rate])) > _LONGEST_RATE
                curvatures[index] = self._undefined if is_long else self._along(rate, rhs, time)[0]
        return rates, curvatures

    @property
    def _undefined(self) -> int:
        return self._graph.constant(math.nan)

    def _along(self, node: int, rhs: Sequence[int], time: int) -> tuple[int, bool]:
        """Return the derivative of a node along the equations, and whether the node is linear in the state and time."""
        graph = self._graph
        seeds: dict[int, Hashable] = {graph.state(index): index for index in range(len(rhs))}
        seeds[time] = "time"
        try:
            partials = differentiate(graph, [node], seeds)[0]
        except UnsupportedModelError:
            return self._undefined, False
        flow: dict[Hashable, int] = {"time": graph.one, **dict(enumerate(rhs))}
        terms = [graph.mul(part, flow[key]) for key, part in partials.items()]
        is_linear = not any(graph.flags[part] & (HAS_STATE | HAS_TIME) for part in partials.values())
        return graph.sum(terms), is_linear


def _logical_nodes(graph: ExpressionGraph, conditions: Iterable[int]) -> set[int]:
    """Return the nodes above and including the outermost relations."""
    found: set[int] = set()
    stack = list(conditions)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            if graph.operation[node] in _CONNECTIVES:
                stack.extend(graph.children(node))
    return found


def _defined(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else UNDEFINED


def _sign(value: float) -> float:
    if value > 0.0:
        return 1.0
    if value < 0.0:
        return -1.0
    return 0.0 if value == 0.0 else UNDEFINED


_LEVEL: dict[str, Callable[[float], float]] = {
    "sign": _sign,
    "floor": _defined(math.floor),
    "ceil": _defined(math.ceil),
    "trunc": _defined(math.trunc),
}
_LEVELS: dict[str, Callable] = {"sign": np.sign, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}
_BOUNDS: dict[str, Callable[[float], tuple[float, float]]] = {
    "sign": lambda level: (0.0, math.inf) if level > 0.0 else (-math.inf, 0.0) if level < 0.0 else (0.0, 0.0),
    "floor": lambda level: (level, level + 1.0),
    "ceil": lambda level: (level - 1.0, level),
    "trunc": lambda level: (level - (level <= 0.0), level + (level >= 0.0)),
}
