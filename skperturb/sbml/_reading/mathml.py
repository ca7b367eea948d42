"""From the formulas of an SBML model to nodes of an expression graph, without recursion."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import libsbml

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._graph.expression import ExpressionGraph
from skperturb.sbml._graph.operators import KNOWN_KINDS, build

__all__ = ["AVOGADRO", "Definition", "Formula", "Translator"]

AVOGADRO = 6.02214179e23  # the value that SBML Level 3 fixes


@dataclass(frozen=True)
class Formula:
    """A libsbml syntax tree and where it stands."""

    tree: Any
    where: str
    local: Mapping[str, int] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    # What the arguments of a function are that have a rate: symbols of the model, or None for local parameters.
    names: Mapping[str, str | None] = field(default_factory=dict)


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
        self._rates: dict[str, bool] = {}

    def knowing(self, nodes: Mapping[str, int]) -> Translator:
        """Return a translator with the same definitions for which some symbols are nodes."""
        other = Translator(self.graph, self.functions, self.time)
        other.nodes = dict(self.nodes)
        other.nodes.update(nodes)
        other.definitions = self.definitions
        return other

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
            hint = _HINTS.get(need.lower(), "") if isinstance(need, str) else ""
            raise InvalidModelError(f"{where} uses {need!r}, which the model does not define{hint}")

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
        results.append(build(self.graph, kind, _take(results, count), where))

    def _call(self, payload: list, stack: list, results: list[int]) -> None:
        name, formula, given = payload
        count = len(given)
        arguments = tuple(_take(results, count))
        key = (name, arguments, given)
        if key in self._called:
            results.append(self._called[key])
            return
        body, names = self._function_body(name, formula)
        if len(names) != count:
            raise InvalidModelError(f"{formula.where} calls {name!r} with {count} arguments; expected {len(names)}")
        local = dict(zip(names, arguments, strict=True))
        symbols = {name: symbol for name, symbol in zip(names, given, strict=True) if symbol != ""}
        stack.append((self._return, key))
        stack.append(("visit", Formula(body, f"function {name!r}", local, (*formula.calls, name), symbols)))

    def _return(self, payload: list, stack: list, results: list[int]) -> None:
        self._called[payload[0]] = results[-1]

    def _function_body(self, name: str, formula: Formula) -> tuple[Any, list[str]]:
        if name not in self.functions:
            raise InvalidModelError(f"{formula.where} calls the function {name!r}, which the model does not define")
        if name in formula.calls:
            raise InvalidModelError(f"function {name!r} calls itself; SBML functions may not be recursive")
        tree = self.functions[name].getMath()
        if tree is None or tree.getType() != libsbml.AST_LAMBDA:
            raise InvalidModelError(f"function {name!r} is not defined by a <lambda>; expected one with its arguments")
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
        if kind == libsbml.AST_FUNCTION_RATE_OF or (kind == libsbml.AST_FUNCTION and self._is_rate(tree.getName())):
            self._push_rate(formula, stack, results)
            return
        count = tree.getNumChildren()
        if kind == libsbml.AST_FUNCTION:
            stack.append((self._call, tree.getName(), formula, _symbols(tree, formula)))
        else:
            _check_kind(kind, tree, formula.where)
            stack.append((self._build, kind, count, formula.where))
        for index in range(count - 1, -1, -1):
            child = tree.getChild(index)
            stack.append(("visit", Formula(child, formula.where, formula.local, formula.calls, formula.names)))

    def _push_rate(self, formula: Formula, stack: list, results: list[int]) -> None:
        tree = formula.tree
        if tree.getNumChildren() != 1 or tree.getChild(0).getType() != libsbml.AST_NAME:
            raise InvalidModelError(
                f"{formula.where}: rateOf got {tree.getNumChildren()} arguments or a formula; expected one symbol"
            )
        name = tree.getChild(0).getName()
        symbol = _symbol(name, formula)
        if symbol is None:
            # Nothing can change a local parameter of a reaction.
            results.append(self.graph.zero)
        elif symbol:
            self._push(("rate of", symbol), stack, results, formula.where)
        else:
            raise InvalidModelError(f"{formula.where}: rateOf({name}) is called with a formula; expected one symbol")

    def _is_rate(self, name: str) -> bool:
        """Say whether a function stands for the csymbol rateOf, as COPASI and libsbml write it before Level 3."""
        if name not in self._rates:
            function = self.functions.get(name)
            annotation = function.getAnnotationString() if function is not None else ""
            self._rates[name] = _RATE_ANNOTATION.search(annotation) is not None
        return self._rates[name]

    def _leaf(self, kind: int, tree: Any) -> int | None:
        graph = self.graph
        if kind == libsbml.AST_REAL_E:
            # The product of mantissa and power that libsbml forms may be off by a rounding, or overflow.
            return graph.constant(float(f"{tree.getMantissa()!r}e{tree.getExponent()}"))
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


_NUMBERS = frozenset({libsbml.AST_INTEGER, libsbml.AST_REAL, libsbml.AST_RATIONAL})
_CONSTANTS = {
    libsbml.AST_NAME_AVOGADRO: AVOGADRO,
    libsbml.AST_CONSTANT_E: math.e,
    libsbml.AST_CONSTANT_PI: math.pi,
}


def _symbol(name: str, formula: Formula) -> str | None:
    """Return the symbol of the model that a name in a formula is, None for a local parameter, "" for a formula."""
    if name not in formula.local:
        return name
    return formula.names.get(name, "") if formula.calls else None


def _symbols(tree: Any, formula: Formula) -> tuple[str | None, ...]:
    """Return for each argument of a call what `_symbol` says."""
    children = (tree.getChild(index) for index in range(tree.getNumChildren()))
    return tuple(_symbol(c.getName(), formula) if c.getType() == libsbml.AST_NAME else "" for c in children)


_RATE_ANNOTATION = re.compile(
    r"<(?:\w+:)?symbols\b[^>]*\bdefinition\s*=\s*[\"']https?://en\.wikipedia\.org/wiki/Derivative[\"']"
)
# What other formats write for a csymbol.
_HINTS = dict.fromkeys(
    ("time", "t"),
    "; if the time of the simulation is meant, expected "
    "<csymbol encoding='text' definitionURL='http://www.sbml.org/sbml/symbols/time'>",
)


def _check_kind(kind: int, tree: Any, where: str) -> None:
    if kind not in KNOWN_KINDS:
        name = tree.getName() or libsbml.formulaToL3String(tree) or "unknown"
        raise UnsupportedModelError(f"{where} uses {name[:80]!r}, which is no function of SBML core that is supported")
