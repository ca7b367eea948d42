"""Fast reactions as the limit of infinite speed: they are in equilibrium, and slow reactions move the equilibrium."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml._compiling.implicit import adjugate
from skperturb.sbml._graph.code_generation import ArrayEvaluator, ScalarFunction
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph

__all__ = ["FastReaction", "equilibrated_rates"]

# Independent fast reactions that may depend on each other: the inverse of their derivatives is written out, and its
# length doubles with every one of them.
MOST_COUPLED = 8
# Rate at which the equilibrium attracts, as part of the fastest slow rate constant. In the limit it makes no
# difference; it holds the trajectory on the equilibrium against rounding errors, brings it there after an event, and
# lets the rest follow a variable that is held. Responses to a held variable are off by its reciprocal; ten times more
# of it costs a digit of the state in the balance of a steady state, ten times less a digit of the responses.
_PULL = 1e6
# Length of a Newton step, as part of the largest species of the fast reactions, from which Newton's method takes over
# the approach to the equilibrium. It then converges quadratically; ten times more might land on another equilibrium.
_NEAR = 1e-3
# The same at which the equilibrium is reached.
_REACHED = 1e-13
_MOST_NEWTON_STEPS = 30
# Steps of the integrator towards the equilibrium; a stiff relaxation takes some hundred.
_MOST_STEPS = 3_000
# Relative tolerance of the approach, which must only find the right equilibrium.
_APPROACH = 1e-6
# Time in which they surely come to rest, in any unit.
_FOR_EVER = 1e60
# Extent, as part of the largest species, at which the fast reactions run off.
_RUNS_OFF = 1e9
# Reciprocal condition number below which an equilibrium is not isolated.
_SINGULAR = 1e-12
# A stoichiometric number such as 1/3 is the nearest double of the simplest fraction that rounds to it.
_MAX_DENOMINATOR = 100_000


@dataclass(frozen=True)
class FastReaction:
    """A fast reaction: the node of its kinetic law, and how many units of each state one unit of extent makes."""

    id: str
    flux: int
    effect: dict[int, float]


def equilibrated_rates(
    graph: ExpressionGraph,
    slow: Sequence[int],
    reactions: Sequence[FastReaction],
    x0: np.ndarray,
    parameters: Sequence[float],
) -> tuple[list[int], np.ndarray]:
    r"""Return the rates of change of all states, and the initial state with the fast reactions in equilibrium.

    Parameters
    ----------
    graph : ExpressionGraph
        The graph; nodes are added to it.
    slow : sequence of int
        Rates of change by slow reactions and rate rules, one node for each state.
    reactions : sequence of FastReaction
        The fast reactions.
    x0 : ndarray
        Initial state.
    parameters : sequence of float
        Values of the parameters.

    Raises
    ------
    UnsupportedModelError
        If the fast reactions have no isolated equilibrium that they reach, or too many depend on each other.

    Notes
    -----
    Let R be independent columns of the fast stoichiometry and w the net rates along them, so that fast reactions
    change the state by R w. In equilibrium :math:`w(t, x) = 0`, and slow rates f move it by
    :math:`\dot x = f + R \lambda` with the extents :math:`\lambda` that keep :math:`\dot w = 0`,

    .. math:: (w_x R) \lambda = -(w_x f + w_t + \kappa w),

    which is the differential-algebraic system of index 2 after two derivatives of its constraint. Combinations
    that fast reactions don't change, :math:`B R = 0`, obey :math:`B \dot x = B f`. The last term vanishes in
    equilibrium; off it, w decays at the rate :math:`\kappa`.
    """
    columns = _independent(reactions)
    if not columns:
        return list(slow), x0
    where = ", ".join(repr(reaction.id) for reaction in reactions[:5])
    nets = [graph.sum(graph.mul(graph.constant(k), reactions[i].flux) for i, k in net) for _, net in columns]
    effects = [effect for effect, _ in columns]
    seeds: dict[int, Hashable] = {graph.state(index): index for index in range(len(slow))}
    slopes = differentiate(graph, nets, seeds | {graph.time(): "time"})
    moved = {row for effect in effects for row in effect}
    if not all(slope.keys() & moved for slope in slopes):
        raise _no_equilibrium(where, "their rates do not depend on what they change")
    x0 = _Equilibrium(graph, nets, slopes, effects, parameters, where).approached(x0)
    kappa = graph.constant(_PULL * _fastest(graph, slow, seeds, x0, parameters))
    rates = list(slow)
    for block in _blocks(slopes, effects):
        _refuse_large(block, where)
        extents = _extents(graph, slow, kappa, [(nets[k], slopes[k], effects[k]) for k in block], where)
        for k, extent in zip(block, extents, strict=True):
            for row, amount in effects[k].items():
                rates[row] = graph.add(rates[row], graph.mul(graph.constant(amount), extent))
    return rates, x0


def _independent(
    reactions: Sequence[FastReaction],
) -> list[tuple[dict[int, float], list[tuple[int, float]]]]:
    """Return independent effects, each with the reactions (and how often) that have it, by exact elimination."""
    pivots: list[tuple[int, dict[int, Fraction], dict[int, Fraction]]] = []
    chosen: list[tuple[dict[int, float], list[tuple[int, float]]]] = []
    for index, reaction in enumerate(reactions):
        rest = {row: _exact(value) for row, value in reaction.effect.items() if value != 0.0}
        # What of the reaction earlier ones do already: `rest` is its effect less that of the chosen columns.
        used: dict[int, Fraction] = {}
        for row, column, made_of in pivots:
            factor = rest.get(row, Fraction(0)) / column[row]
            if factor:
                _subtract(rest, column, factor)
                for k, part in made_of.items():
                    used[k] = used.get(k, Fraction(0)) + factor * part
        if rest:
            made_of = {k: -part for k, part in used.items()} | {len(chosen): Fraction(1)}
            pivots.append((min(rest), rest, made_of))
            chosen.append((dict(reaction.effect), [(index, 1.0)]))
        else:
            for k, part in used.items():
                if part:
                    chosen[k][1].append((index, float(part)))
    return chosen


def _exact(value: float) -> Fraction:
    simple = Fraction(value).limit_denominator(_MAX_DENOMINATOR)
    return simple if float(simple) == value else Fraction(value)


def _subtract(row: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction) -> None:
    for key, value in other.items():
        new = row.get(key, Fraction(0)) - factor * value
        if new:
            row[key] = new
        else:
            row.pop(key, None)


def _blocks(slopes: Sequence[dict], effects: Sequence[dict[int, float]]) -> list[list[int]]:
    """Return sets of independent fast reactions that change each other's rates."""
    from scipy.sparse.csgraph import connected_components

    coupled = np.array([[bool(slope.keys() & effect.keys()) for effect in effects] for slope in slopes])
    n_blocks, label = connected_components(coupled, directed=False)
    return [np.flatnonzero(label == block).tolist() for block in range(n_blocks)]


def _refuse_large(block: list[int], where: str) -> None:
    if len(block) > MOST_COUPLED:
        raise UnsupportedModelError(
            f"{len(block)} independent fast reactions (of {where}) depend on each other; at most {MOST_COUPLED} may. "
            "Remove fast='true' from some of them and give them large constants."
        )


def _extents(
    graph: ExpressionGraph, slow: Sequence[int], kappa: int, block: list[tuple[int, dict, dict[int, float]]], where: str
) -> list[int]:
    """Return the nodes of the net rates that keep a block of fast reactions in equilibrium."""
    matrix: list[list[int | None]] = []
    forcing = []
    for net, slope, _ in block:
        row: list[int | None] = []
        for *_, effect in block:
            terms = [graph.mul(graph.constant(effect[i]), slope[i]) for i in effect if i in slope]
            row.append(graph.sum(terms) if terms else None)
        matrix.append(row)
        moved = [graph.mul(node, graph.one if i == "time" else slow[i]) for i, node in slope.items()]
        forcing.append(graph.add(graph.sum(moved), graph.mul(kappa, net)))
    whole, inverse = adjugate(graph, matrix)
    if graph.value(whole) == 0.0:
        raise _no_equilibrium(where, "their rates depend on the same combination of what they change")
    return [graph.neg(graph.div(graph.sum(_products(graph, inverse, forcing, k)), whole)) for k in range(len(block))]


def _products(graph: ExpressionGraph, inverse: dict, forcing: list[int], k: int) -> list[int]:
    return [graph.mul(inverse[k, i], node) for i, node in enumerate(forcing) if (k, i) in inverse]


def _no_equilibrium(where: str, why: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"the fast reactions ({where}) have no isolated equilibrium: {why}. Remove fast='true' if their rate laws are "
        "meant as they stand."
    )


def _fastest(
    graph: ExpressionGraph, slow: Sequence[int], seeds: dict, x0: np.ndarray, parameters: Sequence[float]
) -> float:
    """Return the largest slow rate constant at the start: what a variable's rate loses as it grows; 1 if none does."""
    slopes = [row[i] for i, row in enumerate(differentiate(graph, slow, seeds)) if i in row]
    values = np.abs(np.array(ArrayEvaluator(graph, slopes)(0.0, x0, parameters), dtype=float))
    largest = float(values[np.isfinite(values)].max(initial=0.0))
    return largest if largest > 0.0 else 1.0


class _Equilibrium:
    """Where the fast reactions come to rest when nothing else happens."""

    def __init__(
        self,
        graph: ExpressionGraph,
        nets: list[int],
        slopes: list[dict],
        effects: list[dict[int, float]],
        parameters: Sequence[float],
        where: str,
    ) -> None:
        self.where = where
        self.rows = sorted({row for effect in effects for row in effect})
        self._size = len(nets)
        self._entries = [(k, i) for k, slope in enumerate(slopes) for i in slope if i in self.rows]
        self._effects = np.array([[effect.get(row, 0.0) for effect in effects] for row in self.rows])
        roots = [*nets, *(slopes[k][i] for k, i in self._entries)]
        self._roots, self._graph, self._parameters = roots, graph, list(parameters)

    def approached(self, x0: np.ndarray) -> np.ndarray:
        """Return the state that the fast reactions alone reach from a state."""
        self._start = np.array(x0, dtype=float)
        self._evaluate = ScalarFunction(self._graph, self._roots, x0.size, self._parameters)
        nothing = np.zeros(self._size)
        self._unit = float(np.abs(self._start[self.rows]).max()) or self._size_to_come()
        found = self._polished(nothing)
        if found is None:
            found = self._followed(nothing)
        if found is None:
            raise _no_equilibrium(self.where, "they do not come to rest from the initial state")
        return self._state(found)

    def _size_to_come(self) -> float:
        """Return how far the rates at the start lead, where everything that fast reactions change begins with zero."""
        rates, slopes = self._rates(np.zeros(self._size))
        if not (np.isfinite(rates).all() and np.isfinite(slopes).all()):
            return 1.0
        step = np.linalg.lstsq(slopes, -rates)[0]
        return float(np.abs(self._effects @ step).max()) or 1.0

    def _followed(self, extents: np.ndarray) -> np.ndarray | None:
        """Let the fast reactions run: where there are several equilibria, their own rates lead to the one meant."""
        from scipy.integrate import BDF

        if not np.isfinite(self._rates(extents)[0]).all():
            return None
        # Rates that run off overflow in the norms of the solver before they are looked at.
        with np.errstate(all="ignore"):
            solver = BDF(
                lambda t, u: np.nan_to_num(self._rates(u)[0]),
                0.0,
                extents,
                _FOR_EVER,
                rtol=_APPROACH,
                atol=_APPROACH * self._unit,
                jac=lambda t, u: np.nan_to_num(self._rates(u)[1]),
            )
            for _ in range(_MOST_STEPS):
                try:
                    solver.step()
                except ValueError:  # a matrix that has overflowed cannot be factorized
                    return None
                if solver.status != "running" or not np.abs(solver.y).max() < _RUNS_OFF * self._unit:
                    return None
                found = self._polished(solver.y)
                if found is not None:
                    return found
        return None

    def _state(self, extents: np.ndarray) -> np.ndarray:
        x = self._start.copy()
        x[self.rows] += self._effects @ extents
        return x

    def _rates(self, extents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the net rates and their derivatives with respect to the extents."""
        values = self._evaluate(0.0, self._state(extents))
        slopes = np.zeros((self._size, len(self.rows)))
        for (k, i), value in zip(self._entries, values[self._size :], strict=True):
            slopes[k, self.rows.index(i)] = value
        return values[: self._size], slopes @ self._effects

    def _polished(self, extents: np.ndarray) -> np.ndarray | None:
        """Return the equilibrium next to a point, None if it is not near or not isolated."""
        for attempt in range(_MOST_NEWTON_STEPS):
            rates, slopes = self._rates(extents)
            if not (np.isfinite(rates).all() and np.isfinite(slopes).all()):
                return None
            sizes = np.abs(slopes).max(axis=1, keepdims=True)
            if (sizes == 0.0).any() or not 1.0 / np.linalg.cond(slopes / sizes) > _SINGULAR:
                return None
            step = np.linalg.solve(slopes, -rates)
            length = float(np.abs(self._effects @ step).max()) / self._unit
            if attempt == 0 and length > _NEAR:
                return None
            extents = extents + step
            if length <= _REACHED:
                return extents
        return None
