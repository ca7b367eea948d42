"""Kinetic models: the differential equations of an SBML model and their exact Jacobian."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb._html import html_card
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml.structure import NetworkStructure, build_structure

if TYPE_CHECKING:
    from skperturb.sbml._compiling.compiler import System
    from skperturb.sbml._responding.control import Slopes
    from skperturb.sbml._solving.steady_state import SteadyState

__all__ = ["KineticModel"]


class KineticModel(Equations):
    r"""Differential equations :math:`\dot x = f(t, x)` of an SBML model, with the exact Jacobian.

    Made by `KineticModel.from_sbml`. Every formula of the file becomes a node of one expression graph; the
    right-hand side and its derivatives are compiled from it to plain Python functions when first used.

    Attributes
    ----------
    model_id : str
        The id of the model in the file; without one (or with "untitled") the name of the file without its ending, or
        of a text the name of the model.
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

    Algebraic rules determine the symbols that nothing else does. Where a rule is linear in its symbol it becomes a
    formula; else Newton's method solves it, together with the rules that it depends on, in each evaluation, and the
    derivatives are those of the implicit function. Among several solutions the one that continues from the values
    in the file is followed; where it ends, the result is NaN.

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
        super().__init__(model_id, system)
        self._declared = declared
        self.warnings: tuple[str, ...] = declared["warnings"]

    @classmethod
    def from_sbml(cls, source: str | os.PathLike, *, external_models: bool = True) -> KineticModel:
        """Read a model from SBML: a text, a file, a compressed file or an archive.

        Parameters
        ----------
        source : str or path-like
            Path of an SBML file, or the SBML text itself (a string that starts with ``<``). A file may be compressed
            with gzip, a zip file that holds one model, or an OMEX archive, whose manifest names the model.
        external_models : bool, default=True
            Whether submodels (package 'comp') are read from other files. Only files in the folder of the model or
            below are, by the relative paths that the model gives; network addresses and other folders never are.

        Returns
        -------
        model : KineticModel
            The model.

        Raises
        ------
        InvalidModelError
            If the source is not readable SBML, contradicts itself, or has algebraic rules without a solution at the
            start. Where libsbml knows the contradiction, the message gives the number of its error.
        UnsupportedModelError
            If the model uses fast reactions without an equilibrium, algebraic rules that leave open what they
            determine, or submodels in files that may not be read, or has no kinetics.

        Notes
        -----
        What is not valid SBML but leaves no doubt about the equations is read, and mentioned in `warnings`.

        ``delay()`` is followed by `simulate` and in the search for steady states; `rhs` and `jacobian` take what is
        delayed for what is now, as it is at rest. Fast reactions are taken to their equilibrium: the initial state is
        that which they reach alone, and every rate is one along the equilibrium.
        """
        # libsbml is heavy; importing this module must not load it.
        from skperturb.sbml._compiling.compiler import compile_system
        from skperturb.sbml._reading.consistency import consistency_warnings
        from skperturb.sbml._reading.document import describe
        from skperturb.sbml._reading.reader import read_document, read_source

        origin = read_source(source)
        document = read_document(origin, external_models=external_models)
        of_file = None if origin.folder is None else Path(Path(source).name.removesuffix(".gz")).stem
        description = describe(document, of_file)
        description.warnings += consistency_warnings(document, origin.name)
        system = compile_system(description)
        species = description.of_kind("species")
        declared = {
            "warnings": tuple(dict.fromkeys(description.warnings)),
            "species": [quantity.id for quantity in species],
            "boundary": [quantity.boundary for quantity in species],
            "compartment": [quantity.compartment for quantity in species],
            "is_amount": [quantity.is_amount for quantity in species],
            "points": {place.id for place in description.of_kind("compartment") if place.is_point},
            "reversible": [reaction.reversible for reaction in description.reactions.values()],
            "modifiers": [reaction.modifiers for reaction in description.reactions.values()],
        }
        return cls(description.model_id, system, declared)

    def __repr__(self) -> str:
        return f"KineticModel({self.model_id!r}, {len(self.variables)} variables, {len(self.reaction_ids)} reactions)"

    def _repr_html_(self) -> str:
        from skperturb.sbml._compiling.overview import overview

        return html_card(
            f"KineticModel {self.model_id}", overview(self, self._declared["species"]), warnings=self.warnings
        )

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

    def with_parameters(self, values: Mapping[str, float] | pd.Series) -> Self:
        """Return the model with other values of parameters, and all that follows from them.

        Parameters
        ----------
        values : mapping of str to float or Series
            New values by id, in the units of `parameters`: parameters, compartments, constant and boundary species,
            and local parameters as "reaction.parameter".

        Returns
        -------
        model : KineticModel
            The new model, with its events and rules; this one is left as it is. What is compiled is shared.

        Raises
        ------
        ValueError
            If an id is unknown (the nearest ones are named), determined by a rule or a variable; if a value is not a
            finite number, a negative amount or a compartment without a size.
        UnsupportedModelError
            If initial values cannot be evaluated anew: fast reactions, or initial assignments and algebraic rules
            that depend on each other.

        Notes
        -----
        Initial assignments that use what is changed are evaluated anew, and so are concentrations that the file gives
        as amounts, and the other way round. A parameter that has an initial assignment itself takes the new value,
        and its assignment counts no longer.

        Examples
        --------
        >>> from skperturb.datasets import load_textbook_models
        >>> from skperturb.sbml import KineticModel
        >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
        >>> name = model.parameters.index[-1]
        >>> changed = model.with_parameters({name: 2.0 * model.parameters[name]})
        >>> float(changed.parameters[name] / model.parameters[name])
        2.0
        """
        return self._with_values(values, initial=False, where="values")

    def with_initial(self, values: Mapping[str, float] | pd.Series) -> Self:
        """Return the model with another initial state.

        Parameters
        ----------
        values : mapping of str to float or Series
            New values by id, in the units of `x0`; other variables keep theirs, unless an initial assignment computes
            them from what is changed.

        Returns
        -------
        model : KineticModel
            The new model, with its events and rules; this one is left as it is. What is compiled is shared.

        Raises
        ------
        ValueError
            If an id is unknown (the nearest ones are named), determined by a rule or a constant; if a value is not a
            finite number or a negative amount.
        UnsupportedModelError
            As for `with_parameters`.

        Examples
        --------
        >>> from skperturb.datasets import load_textbook_models
        >>> from skperturb.sbml import KineticModel
        >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
        >>> changed = model.with_initial({model.variables[0]: 7.0})
        >>> float(changed.x0[0])
        7.0
        """
        return self._with_values(values, initial=True, where="values")

    def _with_values(self, values: Any, *, initial: bool, where: str) -> Self:
        from skperturb.sbml._compiling.changes import changed_system, check_changes

        checked = check_changes(self._system, values, initial=initial, where=where)
        return self._on(changed_system(self._system, checked)) if checked else self

    def compiled(self) -> Self:
        """Return the model itself with its functions compiled, for copies with other values to share them.

        Returns
        -------
        model : KineticModel
            This model.
        """
        _ = self._rhs, self._jacobian, self._symbol_evaluator
        return self

    def _intervened(self, factors: Mapping[str, float], held: Mapping[str, float]) -> Self:
        from skperturb.sbml._compiling.intervened import intervened_system

        return self._rewritten(intervened_system(self._system, factors, held))

    @cached_property
    def structure(self) -> NetworkStructure:
        """What the file says without any kinetic constant, see `NetworkStructure`."""
        return build_structure(self._system, self._declared)

    @cached_property
    def _slopes(self) -> Slopes:
        from skperturb.sbml._responding.control import Slopes

        return Slopes(self._system)

    def equations(self, *, format: str = "text") -> str:
        r"""Write the equations of the model.

        Parameters
        ----------
        format : {"text", "latex"}, default="text"
            The infix notation of SBML Level 3 (``^`` is a power), or LaTeX (an ``aligned`` environment for math mode).

        Returns
        -------
        equations : str
            One line for each variable (``dS/dt = v1 - v2``), the rate of each reaction, each rule, and what events do.
            Symbols have the names that they have in the file, local parameters are "reaction.parameter"; functions
            that the file defines are written out. The variable of a species in a compartment whose size varies is
            ``amount(S)``. A long part that occurs several times gets a name and a line of its own.

        Raises
        ------
        ValueError
            If `format` is unknown.

        Examples
        --------
        >>> from skperturb.datasets import load_textbook_models
        >>> from skperturb.sbml import KineticModel
        >>> models = load_textbook_models()
        >>> model = KineticModel.from_sbml(models.data[models.names.index("lotka_volterra")])
        >>> print(model.equations())
        dprey/dt = (reaction_1 - reaction_2)/cell
        dpredator/dt = (reaction_3 - reaction_4)/cell
        reaction_1 = cell*birth*prey
        reaction_2 = cell*predation*prey*predator
        reaction_3 = cell*efficiency*predation*prey*predator
        reaction_4 = cell*death*predator
        """
        from skperturb.sbml._compiling.written import written_equations
        from skperturb.sbml._graph.printing import LatexStyle, TextStyle

        if format not in ("text", "latex"):
            raise ValueError(f"format={format!r} is unknown; expected one of ['text', 'latex'].")
        if format == "text":
            written = written_equations(self._system, TextStyle())
            return "\n".join(" ".join(part for part in line if part) for line in written)
        lines = [rf"{left} &{sign} {right}" for left, sign, right in written_equations(self._system, LatexStyle())]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    # -- states ---------------------------------------------------------------------------------------
    def amounts(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return the amounts of all species.

        Parameters
        ----------
        values : DataFrame of shape (n_times, n_symbols)
            A result of `simulate` or `evaluate`.

        Returns
        -------
        amounts : DataFrame of shape (n_times, n_species)
            Species in file order, in the unit of substance.
        """
        return self._species(values, want_amount=True)

    def concentrations(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return the concentrations of all species.

        Parameters
        ----------
        values : DataFrame of shape (n_times, n_symbols)
            A result of `simulate` or `evaluate`.

        Returns
        -------
        concentrations : DataFrame of shape (n_times, n_species)
            Species in file order, amount per size of the compartment; NaN in compartments without a size.
        """
        return self._species(values, want_amount=False)

    def _species(self, values: pd.DataFrame, *, want_amount: bool) -> pd.DataFrame:
        declared = self._declared
        columns = {}
        for name, place, is_amount in zip(
            declared["species"], declared["compartment"], declared["is_amount"], strict=True
        ):
            size = np.nan if place in declared["points"] and not want_amount else values[place]
            if is_amount == want_amount:
                columns[name] = values[name]
            else:
                columns[name] = values[name] * size if want_amount else values[name] / size
        return pd.DataFrame(columns, index=values.index, dtype=float)

    def simulate(self, times: ArrayLike, **options: Any) -> pd.DataFrame:
        """Integrate the model from its initial state.

        Parameters
        ----------
        times : array-like of shape (n_times,)
            Increasing times, in the unit of the model.
        **options : dict
            ``rtol``, ``atol``, ``method``, ``ignore_events`` and ``random_state``.

        Returns
        -------
        trajectory : DataFrame of shape (n_times, n_symbols)
            Values of all symbols and rates of all reactions, see `evaluate`; `amounts` and `concentrations` give
            all species in one unit.
        """
        from skperturb.sbml._solving.simulate import simulate

        return simulate(self, times, **options)

    def response_matrix(self, *, to: str = "enzymes", kind: str = "concentration") -> pd.DataFrame:
        """Compute how the steady state that the model reaches responds to interventions, in per cent per per cent.

        Parameters
        ----------
        to : {"enzymes", "variables", "parameters"}, default="enzymes"
            What is changed: the activity of each reaction (`control_coefficients`), each variable, which is then held
            (`sensitivity_matrix`), or each parameter (`parameter_sensitivity`).
        kind : {"concentration", "flux"}, default="concentration"
            Whether the variables or the rates of the reactions respond.

        Returns
        -------
        responses : DataFrame of shape (n_variables or n_reactions, n_changes)
            Column = what is changed. NaN where a response is undefined.

        Raises
        ------
        NoSteadyStateError
            If the model reaches no steady state.
        ValueError
            If an option is unknown.

        See Also
        --------
        skperturb.networks.response_matrix : The same, and what the structure says where no constant is known.
        """
        from skperturb.sbml.exact_responses import exact_responses

        return exact_responses(self, to, kind)

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
        from skperturb.sbml._solving.steady_state import find_steady_state

        return find_steady_state(self, **options)
