"""What an SBML model says without any kinetic constant or concentration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["NetworkStructure"]


@dataclass(frozen=True, eq=False)
class NetworkStructure:
    """Structure of a reaction network, free of kinetic constants and concentrations.

    Nothing here changes when kinetic constants or initial values are replaced by other positive ones, so a
    predictor that reads only this object cannot see what it is to predict.

    Attributes
    ----------
    species : tuple of str
        Ids of all species in file order, constant and boundary species included.
    reactions : tuple of str
        Ids of all reactions in file order.
    stoichiometry : DataFrame of shape (n_variables, n_reactions)
        Molecules of each variable that a reaction makes (negative: uses up). Rows of variables under a rate
        rule, and of species whose stoichiometry is not constant, are zero. Conversion factors are left out.
    modifiers : DataFrame of bool of shape (n_variables, n_reactions)
        Whether the variable is declared a modifier of the reaction.
    reversible : Series of bool
        Whether the reaction is declared reversible.
    rate_dependence : DataFrame of bool of shape (n_reactions, n_variables)
        Whether the variable appears in the rate, directly or through rules.
    orders : DataFrame of float of shape (n_reactions, n_variables)
        Exponent of a variable that enters the rate only as a factor with a number literal as exponent; 0 if
        the rate does not depend on the variable, NaN if it does in any other way.
    rate_form : Series of str
        "constant", "mass_action", "reversible_mass_action", "power_law", "saturating" (a variable in a
        denominator), "conditional" (a piecewise function) or "other".
    boundary : Series of bool
        Whether each species is a boundary species.
    compartment : Series of str
        The compartment of each species.

    Examples
    --------
    >>> from skperturb.sbml import KineticModel
    >>> text = '''<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
    ... <listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
    ... <listOfSpecies><species id="A" compartment="c" initialAmount="1"/></listOfSpecies>
    ... <listOfReactions><reaction id="decay"><listOfReactants><speciesReference species="A"/>
    ... </listOfReactants><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
    ... <apply><times/><cn>2</cn><ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions>
    ... </model></sbml>'''
    >>> KineticModel.from_sbml(text).structure.rate_form
    decay    mass_action
    dtype: object
    """

    species: tuple[str, ...]
    reactions: tuple[str, ...]
    stoichiometry: pd.DataFrame
    modifiers: pd.DataFrame
    reversible: pd.Series
    rate_dependence: pd.DataFrame
    orders: pd.DataFrame
    rate_form: pd.Series
    boundary: pd.Series
    compartment: pd.Series

    def __repr__(self) -> str:
        n_variables = len(self.stoichiometry)
        return (
            f"NetworkStructure({len(self.species)} species, {n_variables} variables, {len(self.reactions)} reactions)"
        )


def build_structure(system, declared: dict) -> NetworkStructure:
    """Collect the structure from the compiled equations and the declarations of the file."""
    from skperturb.sbml._compiling.rate_laws import monomial_orders, rate_form

    graph, variables, reactions = system.graph, list(system.variables), list(system.reaction_ids)
    stoichiometry = np.zeros((len(variables), len(reactions)))
    for (row, column), value in system.stoichiometry.items():
        stoichiometry[row, column] = value
    dependence = np.zeros((len(reactions), len(variables)), dtype=bool)
    orders = np.zeros((len(reactions), len(variables)))
    for row, flux in enumerate(system.fluxes):
        for column, order in monomial_orders(graph, flux).items():
            dependence[row, column] = True
            orders[row, column] = np.nan if order is None else order
    modifiers = np.zeros((len(variables), len(reactions)), dtype=bool)
    position = {name: index for index, name in enumerate(variables)}
    for column, names in enumerate(declared["modifiers"]):
        modifiers[[position[name] for name in names if name in position], column] = True
    species = declared["species"]
    forms = [rate_form(graph, flux) for flux in system.fluxes]
    return NetworkStructure(
        species=tuple(species),
        reactions=tuple(reactions),
        stoichiometry=pd.DataFrame(stoichiometry, index=variables, columns=reactions),
        modifiers=pd.DataFrame(modifiers, index=variables, columns=reactions),
        reversible=pd.Series(declared["reversible"], index=reactions, dtype=bool),
        rate_dependence=pd.DataFrame(dependence, index=reactions, columns=variables),
        orders=pd.DataFrame(orders, index=reactions, columns=variables),
        rate_form=pd.Series(forms, index=reactions, dtype=object),
        boundary=pd.Series(declared["boundary"], index=species, dtype=bool),
        compartment=pd.Series(declared["compartment"], index=species, dtype=object),
    )
