"""The equations of a model for many sets of parameters at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from skperturb.sbml._compiling.batched_lu import SparseLU
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._graph.batched_source import BatchedFunction, Constants, specialized
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import HAS_TIME

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System

__all__ = ["BatchedEquations", "BatchedStart", "batched_start", "why_not_batched"]


def why_not_batched(model: Equations) -> str:
    """Return why a model has to be solved set by set; empty if many sets can be solved at a time."""
    system = model._system
    if model.event_ids:
        return "events"
    if system.delays or system.graph.has_delays:
        return "delays"
    if system.switches:
        return "conditions at which the right-hand side jumps"
    if system.graph.blocks or system.has_fast_reactions:
        return "equations that are solved in each evaluation"
    if system.start is None or system.start.problem:
        return "initial values that cannot be evaluated anew"
    if not system.variables:
        return "no variables"
    return ""


class BatchedStart:
    """Initial states and parameters of many sets.

    Parameters
    ----------
    x0 : ndarray of shape (n_variables, n_sets)
        Initial states.
    values : list
        The value of each parameter: a float, or an array of shape (n_sets,) where it varies.
    moves_totals : bool
        Whether sizes of compartments, stoichiometries or conversion factors vary, and with them the conservation laws.
    """

    def __init__(self, x0: np.ndarray, values: list[Any], moves_totals: bool) -> None:
        self.x0, self.values, self.moves_totals = x0, values, moves_totals

    def part(self, sets: slice) -> BatchedStart:
        """Return some of the sets."""
        values = [value[sets] if isinstance(value, np.ndarray) else value for value in self.values]
        return BatchedStart(self.x0[:, sets], values, self.moves_totals)

    @property
    def varying(self) -> list[int]:
        """Positions of the parameters that vary."""
        return [index for index, value in enumerate(self.values) if isinstance(value, np.ndarray)]


def batched_start(system: System, changes: Mapping[str, np.ndarray], n_sets: int) -> BatchedStart:
    """Return what `changed_system` computes, for many sets: initial assignments are followed.

    Parameters
    ----------
    system : System
        The equations.
    changes : mapping of str to ndarray of shape (n_sets,)
        New values by name.
    n_sets : int
        Number of sets.
    """
    start = system.start
    assert start is not None
    index = {name: leaf for leaf, name in enumerate(start.names)}
    values: list[Any] = [*system.x0.tolist(), *system.parameter_values]
    changed = {index[name] for name in changes}
    for name, value in changes.items():
        values[index[name]] = np.asarray(value, dtype=float)
    fixed = {index[name] for name in system.overrides | changes.keys()}
    for leaf in start.formulas:
        if leaf not in fixed and not changed.isdisjoint(start._needs[leaf]):
            with np.errstate(all="ignore"):
                value = start._evaluators[leaf](0.0, (), values)[0]
            values[leaf] = np.broadcast_to(np.asarray(value, dtype=float), (n_sets,)).copy()
            changed.add(leaf)
    nodes = [*start.volumes.values(), *start.conversion.values(), *start.stoichiometry.values()]
    moves = any(not changed.isdisjoint(start.leaves_of(node)) for node in nodes)
    n = len(system.variables)
    x0 = np.array([np.broadcast_to(value, (n_sets,)) for value in values[:n]], dtype=float).reshape(n, n_sets)
    return BatchedStart(x0, values[n:], moves)


class BatchedEquations:
    """Right-hand side, Jacobian and linear solvers of many sets of parameters, compiled once for all of them.

    Parameters
    ----------
    model : Equations
        The model; parameters that do not vary become numbers of the source.
    varying : sequence of int
        Positions of the parameters that vary.
    """

    def __init__(self, model: Equations, varying: Sequence[int]) -> None:
        system = model._system
        self.size = n = len(system.variables)
        numbers = {index: number for number, index in enumerate(varying)}
        self._varying = list(varying)
        self.graph, self._rhs_roots = specialized(system.graph, system.rhs, system.parameter_values, numbers)
        graph = self.graph
        seeds: dict[int, Any] = {graph.state(index): index for index in range(n)}
        has_time = any(graph.flags[root] & HAS_TIME for root in self._rhs_roots)
        if has_time:
            seeds[graph.time()] = "time"
        rows = differentiate(graph, self._rhs_roots, seeds)
        self.has_time = has_time
        self._slopes = [row.pop("time", graph.zero) for row in rows]
        entries = {(i, int(j)): node for i, row in enumerate(rows) for j, node in row.items()}  # type: ignore[call-overload]
        # The diagonal first, whether or not it is zero: steps of implicit methods change it.
        diagonal = {(i, i): entries.pop((i, i), graph.zero) for i in range(n)}
        self.entries = {**diagonal, **entries}
        self.n_entries = len(self.entries)
        self._constants = Constants(graph)

    @cached_property
    def rhs(self) -> BatchedFunction:
        """The right-hand side."""
        return BatchedFunction(self._constants, self._rhs_roots, self.size)

    @cached_property
    def linearization(self) -> BatchedFunction:
        """The right-hand side followed by the entries of the Jacobian, and by its slope in time where it has any."""
        roots = [*self._rhs_roots, *self.entries.values(), *(self._slopes if self.has_time else [])]
        return BatchedFunction(self._constants, roots, self.size)

    def prepare(self, values: Sequence[Any]) -> list[Any]:
        """Return the constants of the functions for the parameters of some sets."""
        _ = self.rhs, self.linearization
        return self._constants.evaluate([values[index] for index in self._varying])

    @cached_property
    def implicit_lu(self) -> SparseLU:
        """Factorization of the Jacobian minus a multiple of the identity."""
        return SparseLU(self.size, list(self.entries))
