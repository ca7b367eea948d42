"""What is compiled from the equations of a model: the right-hand side, its exact Jacobian, and kinks."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System

__all__ = ["Equations"]

# What depends on the values of the parameters, and what does not pickle.
_FROM_CONSTANTS = frozenset({"_rhs", "_jacobian", "_dynamo", "structure"})
_FROM_EQUATIONS = _FROM_CONSTANTS | {"_jacobian_entries", "jacobian_pattern", "_slopes", "_symbol_evaluator"}
_FROM_EQUATIONS = frozenset({"stoichiometry", "jacobian_pattern", "_jacobian_entries"})
_COMPILED = frozenset({"_rhs", "_jacobian", "_dynamo", "_symbol_evaluator", "_slopes"})


class Equations:
    """Functions of time and state, compiled from the expression graph of a system when first used.

    All that trajectories and steady states need to know of a model; `KineticModel` documents the attributes.

    Parameters
    ----------
    model_id : str
        Name of the model in messages.
    system : System
        The compiled equations.
    """

    def __init__(self, model_id: str, system: System) -> None:
        self.model_id = model_id
        self._system = system
        self.variables = system.variables
        self.x0 = system.x0
        self.reaction_ids = system.reaction_ids
        self.is_rate_rule = system.is_rate_rule
        self.volumes = system.volumes
        self.time_dependence = system.time_dependence
        self.event_ids = system.event_ids
        self.start_time = 0.0
        for array in (self.x0, self.is_rate_rule, self.volumes):
            array.setflags(write=False)

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions do not pickle; they are built again from the graph when next needed.
        return {key: value for key, value in self.__dict__.items() if key not in _COMPILED}

    # -- constants ------------------------------------------------------------------------------------
    @property
    def parameters(self) -> pd.Series:
        """Values of everything that stays constant."""
        return pd.Series(self._system.parameter_values, index=self._system.parameter_names, dtype=float)

    @cached_property
    def stoichiometry(self) -> csr_array:
        """Matrix `N` of d(amount)/dt = N v."""
        system = self._system
        entries = {(i, j): system.conversion.get(i, 1.0) * value for (i, j), value in system.stoichiometry.items()}
        rows, columns = np.array(list(entries), dtype=int).reshape(-1, 2).T
        shape = (len(self.variables), len(self.reaction_ids))
        return csr_array((np.array(list(entries.values()), dtype=float), (rows, columns)), shape=shape)

    def continued(self, time: float, state: ArrayLike, parameters: Sequence[float]) -> Self:
        """Return the model without its events that starts at another time and state, with other constants.

        Parameters
        ----------
        time : float
            The time of `state`.
        state : array-like of shape (n_variables,)
            Initial state of the new model.
        parameters : sequence of float
            Values for `parameters`, all of them.

        Returns
        -------
        model : KineticModel
            The new model; this one is left as it is.
        """
        values = [float(value) for value in parameters]
        x0 = self._checked_state(state).copy()
        x0.setflags(write=False)
        # Initial assignments have acted; from here on every symbol has a value of its own.
        own = frozenset({*self.variables, *self._system.parameter_names})
        system = replace(self._system, x0=x0, parameter_values=values, event_ids=(), events=(), overrides=own)
        other = self._on(system)
        other.start_time, other.event_ids = float(time), ()
        return other

    def _with(self, system: System) -> Self:
        """Return a model of the same variables with other equations."""
        other = copy.copy(self)
        for name in _FROM_EQUATIONS:
            other.__dict__.pop(name, None)
        other._system = system
        return other

    def _on(self, system: System) -> Self:
        """Return the model with other values in the same equations; what is compiled already is shared."""
        other = copy.copy(self)
        for name in _FROM_CONSTANTS:
            other.__dict__.pop(name, None)
        if system.stoichiometry is not self._system.stoichiometry or system.conversion is not self._system.conversion:
            other.__dict__.pop("stoichiometry", None)
        for name in {"_rhs", "_jacobian"} & self.__dict__.keys():
            other.__dict__[name] = getattr(self, name).rebound(system.parameter_values)
        for name in {"_symbol_evaluator", "_slopes"} & self.__dict__.keys():
            other.__dict__[name] = getattr(self, name)
        other._system, other.x0, other.volumes = system, system.x0, system.volumes
        return other

    def _rewritten(self, system: System) -> Self:
        """Return the model with other equations of the same variables; nothing that is compiled is shared."""
        other = copy.copy(self)
        for name in _FROM_CONSTANTS | _COMPILED | _FROM_EQUATIONS:
            other.__dict__.pop(name, None)
        other._system, other.x0, other.is_rate_rule = system, system.x0, system.is_rate_rule
        return other

    # -- equations ------------------------------------------------------------------------------------
    @cached_property
    def _rhs(self):
        return self._compile(self._system.rhs)

    def _compile(self, roots):
        from skperturb.sbml._graph.code_generation import ScalarFunction

        return ScalarFunction(self._system.graph, roots, len(self.variables), self._system.parameter_values)

    @cached_property
    def _jacobian_entries(self) -> dict[tuple[int, int], int]:
        from skperturb.sbml._graph.derivative import differentiate

        graph = self._system.graph
        seeds = {graph.state(index): index for index in range(len(self.variables))}
        rows = differentiate(graph, self._system.rhs, seeds)
        return {(i, j): row[j] for i, row in enumerate(rows) for j in sorted(row)}  # type: ignore[type-var, misc]

    @cached_property
    def _jacobian(self):
        from skperturb.sbml._graph.code_generation import MatrixFunction

        return MatrixFunction(self._compile, self._jacobian_entries, len(self.variables))

    def rhs(self, t: float, x: ArrayLike) -> np.ndarray:
        """Return dx/dt.

        Parameters
        ----------
        t : float
            Time.
        x : array-like of shape (n_variables,)
            State, in the order of `variables`.

        Returns
        -------
        derivative : ndarray of shape (n_variables,)
            Where the arithmetic is not finite, infinities and NaN are returned as values.
        """
        return self._rhs(t, self._checked_state(x))

    def jacobian(self, t: float, x: ArrayLike) -> np.ndarray:
        """Return the exact Jacobian, ``J[i, j]`` = d f_i / d x_j.

        Parameters
        ----------
        t : float
            Time.
        x : array-like of shape (n_variables,)
            State, in the order of `variables`.

        Returns
        -------
        jacobian : ndarray of shape (n_variables, n_variables)
            Structural zeros are exactly 0.
        """
        return self._jacobian(t, self._checked_state(x))

    def nonsmooth_variables(self, t: float, x: ArrayLike) -> tuple[str, ...]:
        """Return the variables whose equations have a kink or a jump exactly at a state.

        There, where two branches of a piecewise function meet with different slopes or values, where an
        argument of an absolute value is zero or two arguments of a maximum are equal, no derivative exists:
        the Jacobian holds that of the branch which the formulas take.

        Parameters
        ----------
        t : float
            Time.
        x : array-like of shape (n_variables,)
            State, in the order of `variables`.

        Returns
        -------
        names : tuple of str
            Empty at a smooth point.
        """
        from skperturb.sbml._graph.kinks import nonsmooth_rows

        system = self._system
        at = (t, self._checked_state(x), system.parameter_values)
        rows = nonsmooth_rows(system.graph, system.rhs, self._jacobian_entries, at)
        return tuple(self.variables[row] for row in rows)

    @cached_property
    def jacobian_pattern(self) -> csr_array:
        """Where the Jacobian is not zero by structure."""
        pairs = np.array(list(self._jacobian_entries), dtype=int).reshape(-1, 2)
        shape = (len(self.variables),) * 2
        return csr_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=shape)

    def _checked_state(self, x: ArrayLike) -> np.ndarray:
        try:
            state = np.asarray(x, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"x is not numeric ({error}); expected one number for each of the {self.x0.size} model.variables"
            ) from error
        if state.shape != self.x0.shape:
            raise ValueError(
                f"x has shape {state.shape}; expected {self.x0.shape}, one value for each of model.variables"
            )
        return state

    # -- symbols along states -------------------------------------------------------------------------
    def evaluate(self, t: ArrayLike, X: ArrayLike) -> pd.DataFrame:
        """Return the value of every symbol along states.

        Parameters
        ----------
        t : array-like of shape (n_times,)
            Times.
        X : array-like of shape (n_times, n_variables)
            States, in the order of `variables`.

        Returns
        -------
        values : DataFrame of shape (n_times, n_symbols)
            Variables first, then all other species, compartments, parameters and named stoichiometries; each
            as its SBML symbol (a species' concentration also where the state is its amount). Then the rates of
            the reactions (extent / time) under the reactions' ids. Index "time".

        Raises
        ------
        ValueError
            If `X` has another shape.

        See Also
        --------
        amounts, concentrations : Species in one unit, whatever their symbols mean.
        """
        times = np.atleast_1d(np.asarray(t, dtype=float))
        states = np.atleast_2d(np.asarray(X, dtype=float))
        expected = (len(times), len(self.variables))
        if states.shape != expected:
            raise ValueError(f"X has shape {states.shape}; expected {expected}, (n_times, n_variables)")
        return self._evaluate(times, states, self._system.parameter_values)

    def _evaluate(self, times: np.ndarray, states: np.ndarray, parameters: Any) -> pd.DataFrame:
        names, evaluator = self._symbol_evaluator
        columns = evaluator(times, states.T, parameters)
        data = {name: np.broadcast_to(column, times.shape) for name, column in zip(names, columns, strict=True)}
        return pd.DataFrame(data, index=pd.Index(times, name="time"), dtype=float)

    @cached_property
    def _symbol_evaluator(self):
        from skperturb.sbml._graph.code_generation import ArrayEvaluator

        system = self._system
        names = [*self.variables, *(name for name in system.symbols if name not in set(self.variables))]
        roots = [*(system.symbols[name] for name in names), *system.fluxes]
        return [*names, *self.reaction_ids], ArrayEvaluator(system.graph, roots)

    # -- the reference convention ---------------------------------------------------------------------
    @cached_property
    def _dynamo(self):
        from skperturb.sbml._compiling.dynamo import dynamo_system
        from skperturb.sbml._graph.code_generation import MatrixFunction

        names, entries = dynamo_system(self._system)
        return tuple(names), MatrixFunction(self._compile, entries, len(names))

    @property
    def dynamo_variables(self) -> tuple[str, ...]:
        """Names of `dynamo_jacobian`'s rows."""
        return self._dynamo[0]

    def dynamo_jacobian(self, t: float, x: ArrayLike) -> tuple[tuple[str, ...], np.ndarray]:
        """Return names and Jacobian under the convention of the DYNAMO reference code.

        States are all species in file order and then all parameters that are not constant. The row of a
        species under an assignment rule is the Jacobian of its rule's time derivative, its column is zero.
        Symbols that nothing changes count as numbers, parameters under assignment rules as if they did not
        change. Rows that depend on no state are dropped once, with their columns. Events are ignored.

        Parameters
        ----------
        t : float
            Time.
        x : array-like of shape (n_variables,)
            State, in the order of `variables`.

        Returns
        -------
        names : tuple of str
            Names of the rows.
        jacobian : ndarray of shape (n_names, n_names)
            The Jacobian.

        References
        ----------
        Santolini and Barabási, PNAS 115(27):E6375, 2018.
        """
        names, function = self._dynamo
        return names, function(t, self._checked_state(x))
