"""Linear responses of a steady state to parameters and to reaction rates, with conserved totals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._responding.relaxation import equilibrated, inverse_of, law_rows, null_space, relax, sparse_basis
from skperturb.sbml._solving.hidden_laws import independent_laws
from skperturb.sbml._solving.integrate import scale_of

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System
    from skperturb.sbml._compiling.equations import Equations

__all__ = ["Disturbance", "Response", "Slopes", "by_parameters", "by_reactions", "responses"]

# Rounds of iterative refinement after the factorization, with residuals in extended precision. Each takes away as many
# digits of error as rounding times the condition number leaves: in published models that is 1e13 at worst, three digits
# a round. Two rounds do for nearly all; a round costs one product.
_REFINEMENTS = 5


class _SparseFunction:
    """The non-zero derivatives of some nodes as a function that returns a dense matrix."""

    def __init__(self, graph: Any, roots: Sequence[int], seeds: dict[int, Hashable]) -> None:
        rows = differentiate(graph, roots, seeds)
        entries = [(i, int(key), node) for i, row in enumerate(rows) for key, node in row.items()]  # type: ignore[call-overload]
        self._rows = np.array([i for i, _, _ in entries], dtype=int)
        self._columns = np.array([j for _, j, _ in entries], dtype=int)
        self._evaluate = ArrayEvaluator(graph, [node for *_, node in entries])
        self._shape = (len(roots), len(seeds))

    def extended(self, t: float, x: np.ndarray, p: Sequence[float]) -> np.ndarray:
        """Return the matrix in extended precision, which is that of doubles on some machines."""
        matrix = np.zeros(self._shape, dtype=np.longdouble)
        values = self._evaluate(np.longdouble(t), x.astype(np.longdouble), np.array(p, dtype=np.longdouble))
        matrix[self._rows, self._columns] = [np.longdouble(value) for value in values]
        return matrix

    def __call__(self, t: float, x: np.ndarray, p: Sequence[float]) -> np.ndarray:
        matrix = np.zeros(self._shape)
        matrix[self._rows, self._columns] = [float(value) for value in self._evaluate(t, x, p)]
        return matrix


class Slopes:
    """Derivatives of the right-hand side and of the reaction rates that the Jacobian does not hold."""

    def __init__(self, system: System) -> None:
        self._graph, self._rhs, self._fluxes = system.graph, system.rhs, system.fluxes
        self._states: dict[int, Hashable] = {self._graph.state(i): i for i in range(len(system.variables))}
        self._parameters: dict[int, Hashable] = {
            self._graph.parameter(i): i for i in range(len(system.parameter_names))
        }

    @cached_property
    def rhs_by_state(self) -> _SparseFunction:
        """The Jacobian, for evaluation in extended precision."""
        return _SparseFunction(self._graph, self._rhs, self._states)

    @cached_property
    def rates(self) -> ArrayEvaluator:
        """Reaction rates."""
        return ArrayEvaluator(self._graph, self._fluxes)

    @cached_property
    def rates_by_state(self) -> _SparseFunction:
        """Derivatives of the reaction rates with respect to the variables."""
        return _SparseFunction(self._graph, self._fluxes, self._states)

    @cached_property
    def rates_by_parameter(self) -> _SparseFunction:
        """Derivatives of the reaction rates with respect to the parameters."""
        return _SparseFunction(self._graph, self._fluxes, self._parameters)

    @cached_property
    def rhs_by_parameter(self) -> _SparseFunction:
        """Derivatives of the right-hand side with respect to the parameters."""
        return _SparseFunction(self._graph, self._rhs, self._parameters)


@dataclass
class Disturbance:
    """Small changes of the equations, one per column.

    `forcing` is what they add to the right-hand side, `start` what they add to the initial state, and `totals` what
    they add to the conserved totals `laws @ x` (beside what `start` does). In `undefined` columns a law itself changes.
    """

    forcing: np.ndarray
    start: np.ndarray
    totals: np.ndarray
    laws: np.ndarray
    undefined: np.ndarray


@dataclass
class Response:
    """What becomes of a state: `moved` holds a column per disturbance.

    `free` marks the variables that may take other values at rest beside the state, all conserved totals being equal:
    none where the state is isolated. `through_start` marks the entries that are undefined since such a variable
    depends on its history, and the disturbance begins at the initial values.
    """

    moved: np.ndarray
    free: np.ndarray
    through_start: np.ndarray


def by_reactions(model: Equations) -> Disturbance:
    """Return the disturbance that adds one unit to the rate of each reaction in turn."""
    laws = independent_laws(model)
    # Rounding of the quotients would count as much as that of the Jacobian.
    forcing = model.stoichiometry.toarray().astype(np.longdouble) / model.volumes[:, None]
    n, m = forcing.shape
    return Disturbance(forcing, np.zeros((n, m)), np.zeros((len(laws), m)), laws, np.zeros(m, dtype=bool))


def by_parameters(
    model: Equations, slopes: Slopes, time: float, x: np.ndarray, chosen: Sequence[int], *, at_start: bool
) -> Disturbance:
    """Return the disturbance that adds one unit to some parameters.

    Parameters
    ----------
    model : Equations
        The model.
    slopes : Slopes
        Its derivatives.
    time : float
        Model time.
    x : ndarray of shape (n_variables,)
        The steady state.
    chosen : sequence of int
        Indices of the parameters.
    at_start : bool
        Whether the parameters act on the initial values too.
    """
    system, n = model._system, len(model.variables)
    laws = independent_laws(model)
    columns = [n + index for index in chosen]
    follows = np.zeros((n + len(system.parameter_names), len(columns)))
    follows[columns, np.arange(len(columns))] = 1.0
    volumes: dict[int, dict[int, float]] = {}
    changes_laws = np.zeros(len(columns), dtype=bool)
    start = system.start
    if start is not None and not start.problem:
        values = np.array([*system.x0, *system.parameter_values], dtype=float)
        if at_start:
            fixed = {leaf for leaf, name in enumerate(start.names) if name in system.overrides}
            follows = start.derivatives(values, fixed, columns)
        volumes = start.slopes_of(start.volumes, values)
        changes_laws = _changes_laws(start, laws, follows)
    forcing = slopes.rhs_by_parameter(time, x, system.parameter_values) @ follows[n:]
    totals = -_changed_laws(volumes, follows, model.volumes) * (x - model.x0)[:, None]
    return Disturbance(forcing, follows[:n], laws @ totals, laws, changes_laws)


def _changes_laws(start: Any, laws: np.ndarray, follows: np.ndarray) -> np.ndarray:
    """Mark the columns that change the number of molecules of a variable under a conservation law."""
    changes = np.zeros(follows.shape[1], dtype=bool)
    nodes = [(row, node) for (row, _), node in start.stoichiometry.items()] + list(start.conversion.items())
    for row, node in nodes:
        if laws[:, row].any():
            changes |= (follows[sorted(start.leaves_of(node))] != 0.0).any(axis=0)
    return changes


def _changed_laws(volumes: Mapping[int, Mapping[int, float]], follows: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return by how much, relatively, the coefficients of each variable in the laws change with its volume."""
    changed = np.zeros((len(sizes), follows.shape[1]))
    for variable, row in volumes.items():
        for leaf, slope in row.items():
            changed[variable] += slope * follows[leaf] / sizes[variable]
    return changed


def responses(jacobian: np.ndarray, x: np.ndarray, disturbance: Disturbance) -> Response:
    r"""Return what becomes of the steady state, ``dx`` per unit of each disturbance.

    Parameters
    ----------
    jacobian : ndarray of shape (n, n)
        The Jacobian at the steady state, in extended precision where the digits matter.
    x : ndarray of shape (n,)
        The steady state, for the scales.
    disturbance : Disturbance
        What changes.

    Returns
    -------
    response : Response
        Its `moved`, of shape (n, n_columns), is NaN where a variable does not come to rest; exactly zero where no
        directed path of the Jacobian leads from what is disturbed to the variable.

    Notes
    -----
    The equations that follow from the others are replaced by the laws, ``M = [J; L]``, and
    ``M dx = [-forcing; L start + totals]`` is solved with one factorization and iterative refinement.
    """
    scale = scale_of(x)
    scaled = jacobian * scale / scale[:, None]
    forcing, start = disturbance.forcing / scale[:, None], disturbance.start / scale[:, None]
    laws = disturbance.laws * scale
    size = np.abs(laws).max(axis=1, initial=0.0, keepdims=True)
    laws, totals = laws / size, disturbance.totals / size
    replaced = law_rows(laws.T, equilibrated(scaled.astype(float))[1])
    matrix, right = scaled.copy(), -forcing.astype(np.result_type(scaled, forcing))
    matrix[replaced], right[replaced] = laws, laws @ start + totals
    inverse = inverse_of(matrix.astype(float)) if len(matrix) else np.zeros((0, 0))
    free = np.zeros(len(matrix), dtype=bool)
    if inverse is None:
        free = _free(scaled.astype(float), laws.astype(float))
        found = _one_by_one(*(part.astype(float) for part in (scaled, forcing, start, laws, totals)))
    else:
        found = np.zeros(right.shape, dtype=np.result_type(matrix, right))
        for _ in range(_REFINEMENTS + 1):
            found = found + inverse @ (right - matrix @ found).astype(float)
        found = found.astype(float)
    found = np.where(_reached(jacobian, disturbance), found * scale[:, None], 0.0)
    found[:, disturbance.undefined] = np.nan
    begins_before = (disturbance.start != 0.0).any(axis=0) | (disturbance.totals != 0.0).any(axis=0)
    through_start = free[:, None] & begins_before & ~np.isnan(found) & (found != 0.0)
    found[through_start] = np.nan
    return Response(found, free, through_start)


def _free(matrix: np.ndarray, laws: np.ndarray) -> np.ndarray:
    """Mark the variables that the null vectors of equations and laws move."""
    both = np.vstack([matrix, laws])
    even, _, columns = equilibrated(both)
    null = sparse_basis(null_space(even)) * columns[:, None]
    return np.any(null != 0.0, axis=1)


def _one_by_one(
    matrix: np.ndarray, forcing: np.ndarray, start: np.ndarray, laws: np.ndarray, totals: np.ndarray
) -> np.ndarray:
    """Follow each disturbance where laws are hidden, or some variables do not come to rest at all."""
    if totals.any():
        # Any change of the variables that has these totals does: where it begins, the end does not depend on it.
        start = start + np.linalg.lstsq(laws, totals, rcond=None)[0]
    found = np.zeros_like(forcing)
    for column in range(forcing.shape[1]):
        begin = start[:, column]
        answer = relax(matrix, matrix @ begin + forcing[:, column], laws.T)
        found[:, column] = begin + answer.response
    return found


def _reached(jacobian: np.ndarray, disturbance: Disturbance) -> np.ndarray:
    """Say which variables each disturbance reaches along directed paths."""
    n = len(jacobian)
    sources = (disturbance.forcing != 0.0) | (disturbance.start != 0.0)
    with_totals = (disturbance.laws != 0.0).astype(float).T @ (disturbance.totals != 0.0).astype(float)
    sources |= with_totals != 0.0
    graph = csr_array((jacobian != 0.0).T.astype(float))
    reached = np.zeros((n, n), dtype=bool)
    for j in np.flatnonzero(sources.any(axis=1)):
        reached[breadth_first_order(graph, int(j), return_predecessors=False), j] = True
    return (reached.astype(float) @ sources.astype(float)) > 0.0
