"""Formulas of an expression graph as text and as LaTeX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["LatexStyle", "TextStyle", "write_formulas"]

# A part that occurs twice and has more characters than this gets a name and a line of its own; without, nested
# function definitions could double the text with every level.
_LONG_PART = 1_000
# So many operations within one another are one formula; deeper ones are cut, since parsers nest as deep.
_DEEPEST = 60

# What LaTeX reads as a command, for `re.sub`.
_SPECIAL, _ESCAPED = re.compile(r"([_#$%&{}])"), r"\\\1"

_OR, _AND, _NOT, _RELATION, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)
_LEVELS = {
    "or": _OR,
    "and": _AND,
    "not": _NOT,
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), _RELATION),
    "add": _SUM,
    "sub": _SUM,
    "mul": _PRODUCT,
    "div": _PRODUCT,
    "neg": _SIGN,
    "pow": _POWER,
}


class Part(NamedTuple):
    """A written formula and how tightly its outermost operation binds."""

    text: str
    level: int


class TextStyle:
    """Formulas in the infix notation of SBML Level 3: ``k*S^2``, ``a && b``, ``piecewise(value, test, otherwise)``."""

    _signs = {  # noqa: RUF012  a table
        "or": " || ",
        "and": " && ",
        "lt": " < ",
        "le": " <= ",
        "gt": " > ",
        "ge": " >= ",
        "eq": " == ",
        "ne": " != ",
        "add": " + ",
        "sub": " - ",
        "mul": "*",
        "div": "/",
        "pow": "^",
    }

    def name(self, name: str) -> str:
        """Return a symbol."""
        return name

    def time(self) -> str:
        """Return the time."""
        return "time"

    def number(self, value: float) -> Part:
        """Return a number with all its digits."""
        text = repr(int(value)) if value == int_or_nan(value) and abs(value) < 1e15 else repr(value)
        return Part(text, _SIGN if text.startswith("-") else _ATOM)

    def operation(self, operation: str, parts: Sequence[Part]) -> Part:
        """Return an operation on written operands."""
        if operation == "neg":
            return Part(f"-{self.tight(parts[0], _POWER)}", _SIGN)
        if operation == "not":
            return Part(f"!{self.tight(parts[0], _ATOM)}", _NOT)
        if operation in self._signs:
            return self._infix(operation, *parts)
        return Part(f"{operation}({', '.join(part.text for part in parts)})", _ATOM)

    def _infix(self, operation: str, first: Part, second: Part) -> Part:
        level = _LEVELS[operation]
        # Sums and products group from the left, all others are written with parentheses.
        left = level if level in (_SUM, _PRODUCT) or operation in ("and", "or") else level + 1
        # A sign in front of the first factor binds as tightly as it has to; behind an operator it is set apart.
        return Part(f"{self.tight(first, left)}{self._signs[operation]}{self.tight(second, level + 1, _SIGN)}", level)

    def tight(self, part: Part, least: int, *apart: int) -> str:
        """Return an operand, in parentheses if it binds less tightly than that."""
        return f"({part.text})" if part.level < least or part.level in apart else part.text


class LatexStyle:
    r"""Formulas for a LaTeX math environment: ``\frac{V\,S}{K + S}``, ``\begin{cases}``."""

    _signs = {  # noqa: RUF012  a table
        "or": r" \lor ",
        "and": r" \land ",
        "lt": " < ",
        "le": r" \le ",
        "gt": " > ",
        "ge": r" \ge ",
        "eq": " = ",
        "ne": r" \ne ",
        "add": " + ",
        "sub": " - ",
        "mul": r" \cdot ",
    }
    _brackets = {  # noqa: RUF012  a table
        "abs": (r"\left|", r"\right|"),
        "floor": (r"\left\lfloor ", r"\right\rfloor "),
        "ceil": (r"\left\lceil ", r"\right\rceil "),
        "gamma": (r"\Gamma\left(", r"\right)"),
        "log10": (r"\log_{10}\left(", r"\right)"),
    }
    _known = frozenset({"ln", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"})

    def name(self, name: str) -> str:
        """Return a symbol, upright, with what LaTeX reads as a command escaped."""
        return rf"\mathrm{{{_SPECIAL.sub(_ESCAPED, name)}}}"

    def time(self) -> str:
        """Return the time."""
        return "t"

    def number(self, value: float) -> Part:
        """Return a number, with a power of ten where it has an exponent."""
        if value != value or value in (float("inf"), float("-inf")):
            text = r"\mathrm{NaN}" if value != value else r"\infty" if value > 0.0 else r"-\infty"
            return Part(text, _SIGN if text.startswith("-") else _ATOM)
        text, level = TextStyle().number(value)
        mantissa, mark, exponent = text.partition("e")
        if not mark:
            return Part(text, level)
        power = rf"10^{{{int(exponent)}}}"
        return Part(power, _POWER) if mantissa == "1" else Part(rf"{mantissa} \cdot {power}", _PRODUCT)

    def operation(self, operation: str, parts: Sequence[Part]) -> Part:
        """Return an operation on written operands."""
        writer = getattr(self, f"_{operation}", None)
        if writer is not None:
            return writer(parts)
        if operation in self._signs:
            level = _LEVELS[operation]
            left = level if level in (_SUM, _PRODUCT) or operation in ("and", "or") else level + 1
            first, second = self.tight(parts[0], left), self.tight(parts[1], level + 1, _SIGN)
            return Part(f"{first}{self._signs[operation]}{second}", level)
        inside = ", ".join(part.text for part in parts)
        if operation in self._brackets:
            opening, closing = self._brackets[operation]
            return Part(f"{opening}{inside}{closing}", _ATOM)
        command = rf"\{operation}" if operation in self._known else rf"\operatorname{{{operation}}}"
        return Part(rf"{command}\left({inside}\right)", _ATOM)

    def _neg(self, parts: Sequence[Part]) -> Part:
        return Part(f"-{self.tight(parts[0], _PRODUCT, _SIGN)}", _SIGN)

    def _not(self, parts: Sequence[Part]) -> Part:
        return Part(rf"\lnot {self.tight(parts[0], _ATOM)}", _NOT)

    def _div(self, parts: Sequence[Part]) -> Part:
        # It needs parentheses under an exponent only.
        return Part(rf"\frac{{{parts[0].text}}}{{{parts[1].text}}}", _POWER)

    def _pow(self, parts: Sequence[Part]) -> Part:
        return Part(f"{self.tight(parts[0], _ATOM)}^{{{parts[1].text}}}", _POWER)

    def _sqrt(self, parts: Sequence[Part]) -> Part:
        return Part(rf"\sqrt{{{parts[0].text}}}", _ATOM)

    def _piecewise(self, parts: Sequence[Part]) -> Part:
        rows = [
            rf"{value.text} & \text{{if }} {test.text}" for value, test in zip(parts[:-1:2], parts[1:-1:2], strict=True)
        ]
        rows.append(rf"{parts[-1].text} & \text{{otherwise}}")
        return Part(r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}", _SUM)

    def tight(self, part: Part, least: int, *apart: int) -> str:
        """Return an operand, in parentheses if it binds less tightly than that."""
        return rf"\left({part.text}\right)" if part.level < least or part.level in apart else part.text


def int_or_nan(value: float) -> float:
    """Return the whole part; NaN where there is none."""
    return float(int(value)) if value - value == 0.0 else float("nan")


def write_formulas(
    graph: ExpressionGraph,
    defined: Sequence[int],
    used: Sequence[int],
    names: Mapping[int, str],
    style: TextStyle | LatexStyle,
    fresh: Callable[[int], str],
) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Return formulas, and names and formulas of parts that stand in several of them.

    Parameters
    ----------
    graph : ExpressionGraph
        Where the nodes live.
    defined : sequence of int
        What is written out, even where it has a name.
    used : sequence of int
        What is written by its name where it has one.
    names : mapping of int to str
        Written names of nodes; every state, parameter and unknown has one.
    style : TextStyle or LatexStyle
        The notation.
    fresh : callable
        Returns the written name of the k-th part that gets one.
    """
    leaves = ("state", "parameter", "unknown")
    expanded = {node for node in defined if graph.operation[node] not in leaves}
    order = _below(graph, expanded, used, names)
    open_nodes = [node for node in order if node in expanded or node not in names]
    uses = Counter(child for node in open_nodes for child in graph.children(node))
    written: dict[int, Part] = {node: Part(name, _ATOM) for node, name in names.items()}
    depth: dict[int, int] = {}
    own: dict[int, str] = {}
    parts: list[tuple[str, str]] = []
    for node in open_nodes:
        part = _written(graph, node, written, style)
        own[node] = part.text
        level = 1 + max((depth.get(child, 0) for child in graph.children(node)), default=-1)
        if node in names:
            continue
        if (uses[node] > 1 and len(part.text) > _LONG_PART) or level > _DEEPEST:
            name = fresh(len(parts))
            parts.append((name, part.text))
            part, level = Part(name, _ATOM), 0
        written[node], depth[node] = part, level
    return (
        [own[node] if node in own else written[node].text for node in defined],
        [written[node].text for node in used],
        parts,
    )


def _below(graph: ExpressionGraph, expanded: set[int], used: Sequence[int], names: Mapping[int, str]) -> list[int]:
    """Return what has to be written, operands first; named nodes end it."""
    seen: set[int] = set()
    stack = [*expanded, *used]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node in expanded or node not in names:
                stack.extend(graph.children(node))
    return sorted(seen)


def _written(graph: ExpressionGraph, node: int, written: Mapping[int, Part], style: TextStyle | LatexStyle) -> Part:
    operation, operands = graph.operation[node], graph.operands[node]
    if operation == "constant":
        return style.number(operands[0])
    if operation == "time":
        return Part(style.time(), _ATOM)
    if operation in ("true", "false"):
        return Part(operation if isinstance(style, TextStyle) else rf"\mathrm{{{operation}}}", _ATOM)
    return style.operation(operation, [written[child] for child in operands])
