"""Kinetic models: the differential equations of an SBML model and their exact Jacobian."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .structure import NetworkStructure, build_structure

if TYPE_CHECKING:
    from ._compiler import System
    from ._steady_state import SteadyState

__all__ = ["KineticModel"]


class KineticModel:
    r"""Differential equations :math:`\dot x = f(t, x)` of an SBML model, with the exact Jacobian.

    Made by `KineticModel.from_sbml`. Every formula of the file becomes a node of one expression graph; the
    right-hand side and its derivatives are compiled from it to plain Python functions when first used.

    Attributes
    ----------
    model_id : str
        The id of the model in the file.
    variables : tuple of str
        Ids of the states, the order of `x` everywhere: species that reactions change and species under rate
        rules, then other symbols under rate rules. A species' state is its SBML symbol: the concentration, or
        the amount if ``hasOnlySubstanceUnits`` or in a compartment without dimensions. In a compartment whose
        size varies the state is the amount.
    x0 : ndarray of shape (n_variables,)
        Initial state.
    reaction_ids : tuple of str
        Ids of the reactions.
    stoichiometry : csr_array of shape (n_variables, n_reactions)
        `N` in d(amount)/dt = N v, conversion factors included. Rows of `is_rate_rule` states are zero.
    is_rate_rule : ndarray of bool of shape (n_variables,)
        Where d(amount)/dt is not a constant matrix times the reaction rates: states under rate rules and
        species whose stoichiometry varies.
    volumes : ndarray of shape (n_variables,)
        ``x_i = amount_i / volumes_i`` for concentrations; 1 for all other states.
    parameters : Series
        Values of everything that stays constant: parameters, compartments, constant and boundary species;
        local parameters as "reaction.parameter".
    time_dependence : tuple of str
        Ids of the reactions and rules through which time acts explicitly; empty for an autonomous model.
    event_ids : tuple of str
        Ids of the events. `rhs` and `jacobian` know nothing of them.
    warnings : tuple of str
        What had to be assumed.

    Notes
    -----
    Species that no reaction and no rule changes are parameters, whether or not they are declared constant; in a
    compartment whose size varies the parameter is their amount.

    Examples
    --------
    >>> from skperturb.sbml import KineticModel
    >>> text = '''<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
    ... <listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
    ... <listOfSpecies><species id="A" compartment="c" initialAmount="3"/></listOfSpecies>
    ... <listOfReactions><reaction id="decay"><listOfReactants><speciesReference species="A"/>
    ... </listOfReactants><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
    ... <apply><times/><cn>2</cn><ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions>
    ... </model></sbml>'''
    >>> model = KineticModel.from_sbml(text)
    >>> model.rhs(0.0, model.x0), model.jacobian(0.0, model.x0)
    (array([-6.]), array([[-2.]]))
    """

    def __init__(self, model_id: str, system: System, declared: dict[str, Any]) -> None:
        self.model_id = model_id
        self._system = system
        self._declared = declared
        self.variables = system.variables
        self.x0 = system.x0
        self.reaction_ids = system.reaction_ids
        self.is_rate_rule = system.is_rate_rule
        self.volumes = system.volumes
        self.time_dependence = system.time_dependence
        self.event_ids: tuple[str, ...] = declared["event_ids"]
        self.start_time = 0.0
        self.warnings: tuple[str, ...] = declared["warnings"]
        for array in (self.x0, self.is_rate_rule, self.volumes):
            array.setflags(write=False)

    @classmethod
    def from_sbml(cls, source: str | os.PathLike) -> KineticModel:
        """Read a model from an SBML file or text.

        Parameters
        ----------
        source : str or path-like
            Path of an SBML file, or the SBML text itself (a string that starts with ``<``).

        Returns
        -------
        model : KineticModel
            The model.

        Raises
        ------
        InvalidModelError
            If the source is not readable SBML or contradicts itself.
        UnsupportedModelError
            If the model uses delays, fast reactions, nonlinear algebraic rules or submodels in other files, or has no
            kinetics.
        """
        # libsbml is heavy; importing this module must not load it.
        from ._compiler import compile_system
        from ._document import describe
        from ._reader import read_document, read_text

        text, name = read_text(source)
        document = read_document(text, name)
        description = describe(document)
        system = compile_system(description)
        species = description.of_kind("species")
        declared = {
            "event_ids": tuple(event.id for event in description.events),
            "warnings": tuple(dict.fromkeys(description.warnings)),
            "species": [quantity.id for quantity in species],
            "boundary": [quantity.boundary for quantity in species],
            "compartment": [quantity.compartment for quantity in species],
            "reversible": [reaction.reversible for reaction in description.reactions.values()],
            "modifiers": [reaction.modifiers for reaction in description.reactions.values()],
        }
        return cls(description.model_id, system, declared)

    def __repr__(self) -> str:
        return f"KineticModel({self.model_id!r}, {len(self.variables)} variables, {len(self.reaction_ids)} reactions)"

    def continued(self, time: float, state: ArrayLike, parameters: Sequence[float]) -> KineticModel:
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
        other = copy.copy(self)
        for name in _FROM_CONSTANTS:
            other.__dict__.pop(name, None)
        values = [float(value) for value in parameters]
        for name in {"_rhs", "_jacobian"} & self.__dict__.keys():
            other.__dict__[name] = getattr(self, name).rebound(values)
        x0 = self._checked_state(state).copy()
        x0.setflags(write=False)
        other._system = replace(self._system, x0=x0, parameter_values=values, events=())
        other.x0, other.start_time, other.event_ids = x0, float(time), ()
        return other

    def after_events(self, steady_state: SteadyState) -> KineticModel:
        """Return the model that rests at a steady state: without events, with the values that they left behind.

        Parameters
        ----------
        steady_state : SteadyState
            A result of `steady_state`.

        Returns
        -------
        model : KineticModel
            This model itself if its events changed no parameter.
        """
        changed = steady_state.changed_parameters
        if changed.empty:
            return self
        values = self.parameters
        values[changed.index] = changed
        return self.continued(steady_state.time, steady_state.state.to_numpy(), values.to_list())

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

    @cached_property
    def structure(self) -> NetworkStructure:
        """What the file says without any kinetic constant, see `NetworkStructure`."""
        return build_structure(self._system, self._declared)

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
        state = np.asarray(x, dtype=float)
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

    # -- states ---------------------------------------------------------------------------------------
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
            as its SBML symbol (a species' concentration also where the state is its amount). Index "time".
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
        from ._codegen import ArrayEvaluator

        symbols = self._system.symbols
        names = [*self.variables, *(name for name in symbols if name not in set(self.variables))]
        return names, ArrayEvaluator(self._system.graph, [symbols[name] for name in names])

    def simulate(self, times: ArrayLike, **options: Any) -> pd.DataFrame:
        """Integrate the model from its initial state.

        Parameters
        ----------
        times : array-like of shape (n_times,)
            Increasing times, in the unit of the model.
        **options : dict
            ``rtol``, ``atol``, ``method`` and ``ignore_events``.

        Returns
        -------
        trajectory : DataFrame of shape (n_times, n_symbols)
            Values of all symbols, see `evaluate`.
        """
        from ._simulate import simulate

        return simulate(self, times, **options)

    def steady_state(self, **options: Any) -> SteadyState:
        """Find and verify the steady state that the model reaches from its initial state.

        Parameters
        ----------
        **options : dict
            ``tol``, ``t_max`` and the other options of the search.

        Returns
        -------
        steady_state : SteadyState
            State, residual and stability.

        Raises
        ------
        NoSteadyStateError
            If no steady state could be verified.
        """
        from ._steady_state import find_steady_state

        return find_steady_state(self, **options)


_FROM_CONSTANTS = frozenset({"_rhs", "_jacobian", "_dynamo", "structure"})
_COMPILED = frozenset({"_rhs", "_jacobian", "_dynamo", "_symbol_evaluator"})
