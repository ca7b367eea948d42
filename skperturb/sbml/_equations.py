"""What is compiled from the equations of a model: the right-hand side, its exact Jacobian, and kinks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from ._compiler import System

__all__ = ["COMPILED", "FROM_CONSTANTS", "Equations"]

# What depends on the values of the parameters, and what does not pickle.
FROM_CONSTANTS = frozenset({"_rhs", "_jacobian", "_dynamo", "structure"})
COMPILED = frozenset({"_rhs", "_jacobian", "_dynamo", "_symbol_evaluator"})


class Equations:
    """Functions of time and state, compiled from the expression graph of a system when first used."""

    _system: System
    variables: tuple[str, ...]
    x0: np.ndarray

    # -- equations ------------------------------------------------------------------------------------
    @cached_property
    def _rhs(self):
        return self._compile(self._system.rhs)

    def _compile(self, roots):
        from ._codegen import ScalarFunction

        return ScalarFunction(self._system.graph, roots, len(self.variables), self._system.parameter_values)

    @cached_property
    def _jacobian_entries(self) -> dict[tuple[int, int], int]:
        from ._derivative import differentiate

        graph = self._system.graph
        seeds = {graph.state(index): index for index in range(len(self.variables))}
        rows = differentiate(graph, self._system.rhs, seeds)
        return {(i, j): row[j] for i, row in enumerate(rows) for j in sorted(row)}  # type: ignore[type-var, misc]

    @cached_property
    def _jacobian(self):
        from ._codegen import MatrixFunction

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
        from ._nonsmooth import nonsmooth_rows

        rows = nonsmooth_rows(self._system, self._jacobian_entries, t, self._checked_state(x))
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

    # -- the reference convention ---------------------------------------------------------------------
    @cached_property
    def _dynamo(self):
        from ._codegen import MatrixFunction
        from ._dynamo import dynamo_system

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
