"""Symbols that equations determine without a formula: Newton's method, and derivatives by the implicit function."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._graph.code_generation import ScalarFunction
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import HAS_PARAMETER, ExpressionGraph

__all__ = ["ImplicitBlock", "NewtonSolver", "adjugate", "first_solution"]

# Newton's steps; as many contractions at the slowest rate that is let pass bring a step below `_CONVERGED`.
_MOST_ITERATIONS = 25
# Steps that shrink less than this lead to another solution, or to one where the equations are singular: towards
# a double root they shrink by half.
_CONTRACTION = 0.4
# A solution is followed along the segment to new arguments in steps no shorter than this part of it.
# Shorter, a fold costs more time before it is reported; longer, steep branches are lost.
_SHORTEST = 1e-9
_MOST_SEGMENTS = 300
# A segment that fails is cut to this part; after one that succeeds the next one is so many times as long.
_CUT, _GROW = 0.25, 2.0
# Size of an unknown in its own unit that can't be told from zero; it ends the iteration for unknowns that are zero.
# Amounts in mol that matter are larger by far (one molecule in a cell: 2e-24 mol, but no model mixes the two).
_TINY = 1e-12
# An unknown that passes through zero is solved to the digits of this part of the largest value it has had.
_PASSING_ZERO = 1e-3
# Length of a step, as part of the unknown, after which it is as good as the arithmetic: the next step would be its
# square, 1e-20. Ten times more would still do; ten times less, ill-conditioned blocks never get there.
_CONVERGED = 1e-10
# The same where steps have ceased to shrink, because rounding errors are all that is left of the residual.
_STAGNATED = 1e-9
# Starting points that are tried beside the values in the file.
_MOST_STARTS = 24


class NewtonSolver:
    """Equations ``g(a, u) = 0`` in the unknowns `u`, with their exact derivatives.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph of the equations.
    equations, arguments, unknowns : sequence of int
        Nodes; `arguments` and `unknowns` are the leaves of the equations that have no fixed value.
    """

    def __init__(
        self, graph: ExpressionGraph, equations: Sequence[int], arguments: Sequence[int], unknowns: Sequence[int]
    ) -> None:
        own = ExpressionGraph()
        leaves = {node: own.state(index) for index, node in enumerate([*arguments, *unknowns])}
        roots = graph.rewritten(equations, leaves, own)
        seeds: dict[int, Hashable] = {leaves[node]: column for column, node in enumerate(unknowns)}
        rows = differentiate(own, roots, seeds)
        self.size = len(unknowns)
        self._largest = 0.0
        slopes = [row.get(column, own.zero) for row in rows for column in range(self.size)]
        self._sources = own, [*roots, *slopes], len(leaves)

    @cached_property
    def _evaluate(self) -> ScalarFunction:
        return ScalarFunction(*self._sources, [])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_evaluate"}

    def linearized(self, arguments: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals and their derivatives with respect to the unknowns."""
        values = self._evaluate(0.0, np.concatenate([arguments, u]))
        return values[: self.size], values[self.size :].reshape(self.size, self.size)

    def polish(self, arguments: np.ndarray, u: np.ndarray) -> np.ndarray | None:
        """Return the solution next to `u`; None if Newton's steps do not shrink from the first one on."""
        last = np.inf
        for _ in range(_MOST_ITERATIONS):
            residual, slopes = self.linearized(arguments, u)
            step = _solve(slopes, -residual)
            if step is None:
                return None
            length = float(np.abs(step).max())
            size = max(float(np.abs(u).max()), _PASSING_ZERO * self._largest, _TINY)
            if length > _CONTRACTION * last:
                # Either rounding errors are all that is left, or the iteration wanders to another solution.
                return u if last <= _STAGNATED * size else None
            u, last = u + step, length
            if length <= _CONVERGED * size:
                self._largest = max(self._largest, float(np.abs(u).max()))
                return u
        return None


def _solve(matrix: np.ndarray, rhs: np.ndarray) -> np.ndarray | None:
    if not (np.isfinite(matrix).all() and np.isfinite(rhs).all()):
        return None
    if rhs.size == 1:
        return rhs / matrix[0] if matrix[0, 0] != 0.0 else None
    try:
        return np.linalg.solve(matrix, rhs)
    except np.linalg.LinAlgError:
        return None


def first_solution(solver: NewtonSolver, guess: np.ndarray, where: str) -> np.ndarray:
    """Return the solution that is found from a guess, of equations without arguments."""
    for start in _starts(guess):
        found = solver.polish(np.zeros(0), start)
        if found is None:
            found = _from_far(solver, start)
        if found is not None:
            return found
    raise InvalidModelError(
        f"the {where} cannot be solved at the start: Newton's method from the values in the file and from a few "
        "others does not converge to an isolated solution; give initial values close to one"
    )


def _starts(guess: np.ndarray) -> list[np.ndarray]:
    """Return the guess and points around it, of both signs and several sizes, the same ones every time."""
    size = np.where(guess == 0.0, 1.0, np.abs(guess))
    draws = np.random.default_rng(0).normal(size=(_MOST_STARTS, guess.size))
    return [guess, size, 0.1 * size, 10.0 * size, -size, *(scale * size for scale in draws)]


def _from_far(solver: NewtonSolver, start: np.ndarray) -> np.ndarray | None:
    from scipy.optimize import root

    nothing = np.zeros(0)

    def finite(part: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda u: np.nan_to_num(solver.linearized(nothing, u)[part])

    with np.errstate(all="ignore"):
        result = root(finite(0), start, jac=finite(1))
    return solver.polish(nothing, result.x)


class ImplicitBlock:
    """Nodes of a graph that equations determine; it remembers the last solution and follows it.

    Where the equations have several solutions, the one that continues from the initial values is followed
    along a straight line from the arguments of the last call. The value is NaN where none can be reached.
    """

    def __init__(self, leaves: tuple[int, ...], where: str) -> None:
        self.leaves, self.where = leaves, where
        self.is_lost = False  # whether the last call with other arguments found no solution
        self.unknowns: list[int] = []
        self.equations: list[int] = []
        self._start = self._last = (np.zeros(0), np.zeros(0))
        self._last_call: tuple[tuple, list[float]] = ((), [])
        self._solver: Any = None
        self._partials: dict[tuple[int, int], int] | None = None

    @classmethod
    def define(
        cls,
        graph: ExpressionGraph,
        wanted: Sequence[int],
        equations: Sequence[int],
        where: str,
        start: Callable[[Sequence[int]], tuple[list[float], list[float]]],
    ) -> list[int]:
        """Return the nodes of the unknowns, which replace the leaves `wanted` of the equations.

        `start` returns the initial values of the unknowns and of the leaves of the graph that it gets.
        """
        leaves = _leaves_of(graph, equations, wanted)
        block = cls(leaves, where)
        flags = HAS_PARAMETER
        for leaf in leaves:
            flags |= graph.flags[leaf]
        block.unknowns = graph.add_block(block, len(wanted), flags)
        block.equations = graph.rewritten(equations, dict(zip(wanted, block.unknowns, strict=True)))
        values, arguments = start(leaves)
        block._start = block._last = (np.array(arguments, dtype=float), np.array(values, dtype=float))
        block._solver = NewtonSolver(graph, block.equations, leaves, block.unknowns)
        return block.unknowns

    # -- values ---------------------------------------------------------------------------------------
    def component(self, index: int) -> Callable:
        """Return the function of the leaves' values whose value is an unknown."""

        def value(*arguments: Any) -> Any:
            if all(np.ndim(item) == 0 for item in arguments):
                return self._solve(arguments)[index]
            columns = np.broadcast_arrays(*arguments)
            points = zip(*(column.ravel().tolist() for column in columns), strict=True)
            return np.array([self._solve(point)[index] for point in points]).reshape(columns[0].shape)

        return value

    def _solve(self, arguments: tuple) -> list[float]:
        if self._last_call[0] == arguments:
            return self._last_call[1]
        goal = np.array(arguments, dtype=float)
        found = None
        if np.isfinite(goal).all():
            found = self._follow(*self._last, goal)
            if found is None:
                found = self._follow(*self._start, goal)
        self.is_lost = found is None
        if found is None:
            return [np.nan] * len(self.unknowns)
        self._last, self._last_call = (goal, found), (arguments, found.tolist())
        return self._last_call[1]

    def _follow(self, arguments: np.ndarray, u: np.ndarray, goal: np.ndarray) -> np.ndarray | None:
        # Newton's method from the last solution may land on another branch where the arguments have moved far; it is
        # believed only where its steps shrink from the first one on, and else the way there is cut into segments.
        done, step = 0.0, 1.0
        for _ in range(_MOST_SEGMENTS):
            target = min(1.0, done + step)
            point = goal if target == 1.0 else arguments + target * (goal - arguments)
            found = self._solver.polish(point, u)
            if found is None:
                step *= _CUT
            elif target == 1.0:
                return found
            else:
                done, u, step = target, found, _GROW * step
            if step < _SHORTEST:
                break
        return None

    # -- derivatives ----------------------------------------------------------------------------------
    def partial(self, graph: ExpressionGraph, index: int, leaf: int) -> int:
        """Return the node of the derivative of an unknown with respect to a leaf, ``-(dg/du)^-1 dg/da``."""
        if self._partials is None:
            self._partials = self._all_partials(graph)
        return self._partials.get((index, leaf), graph.zero)

    def _all_partials(self, graph: ExpressionGraph) -> dict[tuple[int, int], int]:
        seeds: dict[int, Hashable] = {node: node for node in (*self.unknowns, *self.leaves)}
        rows = differentiate(graph, self.equations, seeds)
        slopes = [[row.get(node) for node in self.unknowns] for row in rows]
        # Cramer's rule and no elimination: which entries of the matrix are zero is known by structure only, a pivot
        # could vanish at run time.
        whole, inverse = adjugate(graph, slopes)
        found = {}
        for leaf in self.leaves:
            for index in range(len(self.unknowns)):
                terms = [
                    graph.mul(inverse[index, k], row[leaf])
                    for k, row in enumerate(rows)
                    if leaf in row and (index, k) in inverse
                ]
                if terms:
                    found[index, leaf] = graph.neg(graph.div(graph.sum(terms), whole))
        return found


def _leaves_of(graph: ExpressionGraph, equations: Sequence[int], unknowns: Sequence[int]) -> tuple[int, ...]:
    """Return what the equations depend on beside their unknowns; an unknown of other equations is a leaf here."""
    found: set[int] = set()
    seen: set[int] = set(unknowns)
    stack = [node for node in equations if node not in seen]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if graph.operation[node] in ("state", "parameter", "time", "unknown"):
            found.add(node)
        else:
            stack.extend(graph.children(node))
    return tuple(sorted(found))


def adjugate(graph: ExpressionGraph, rows: list[list[int | None]]) -> tuple[int, dict[tuple[int, int], int]]:
    """Return the determinant of a small matrix and the entries of its adjugate; None and missing ones are zero."""
    size = len(rows)
    minors: dict[tuple[tuple[int, ...], tuple[int, ...]], int | None] = {((), ()): graph.one}

    def minor(chosen: tuple[int, ...], columns: tuple[int, ...]) -> int | None:
        key = (chosen, columns)
        if key not in minors:
            terms = []
            for position, column in enumerate(columns):
                entry = rows[chosen[0]][column]
                rest = minor(chosen[1:], columns[:position] + columns[position + 1 :]) if entry is not None else None
                if entry is not None and rest is not None:
                    term = graph.mul(entry, rest)
                    terms.append(graph.neg(term) if position % 2 else term)
            minors[key] = graph.sum(terms) if terms else None
        return minors[key]

    everything = tuple(range(size))
    adjugate = {}
    for rest in combinations(everything, size - 1):
        row = next(index for index in everything if index not in rest)
        for column in everything:
            value = minor(rest, tuple(index for index in everything if index != column))
            if value is not None:
                adjugate[column, row] = graph.neg(value) if (row + column) % 2 else value
    whole = minor(everything, everything)
    return (graph.zero if whole is None else whole), adjugate
