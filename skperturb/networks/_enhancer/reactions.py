"""What the reactions of an SBML model say about the edges of its network, free of kinetic constants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["EDGE_COLUMNS", "NODE_COLUMNS", "ReactionRoles", "reaction_roles"]

_FORMS = ("constant", "mass_action", "reversible_mass_action", "power_law", "saturating", "conditional", "other")

# Ten roles of an edge, the form of the rate law, whether any reaction carries the edge, and how many do.
EDGE_COLUMNS = 10 + len(_FORMS) + 2
NODE_COLUMNS = 10

# Singular values of the stoichiometry, relative to the largest, that count as 0: each is a conserved moiety. On 74
# networks of BioModels and textbooks those that are 0 came out below 1e-15 and all others above 1e-2, so that ten
# times more or less changes nothing; near 1e-15 rounding would hide moieties, near 1e-2 a reaction would be ignored.
_ZERO_SINGULAR_VALUE = 1e-9

# Entries of the projector onto the moieties (between -1 and 1) that count as 0. On the same networks rounding left at
# most 1e-15, and the smallest entry of two nodes that do share a moiety was 3e-5: nothing lies within a factor of ten.
_NO_SHARED_MOIETY = 1e-9


@dataclass(frozen=True)
class ReactionRoles:
    """Roles of the nodes of one network in the reactions behind it.

    Attributes
    ----------
    stoichiometry : ndarray of shape (n_nodes, n_reactions)
        Zero for nodes that are no species of a reaction.
    dependence : ndarray of bool of shape (n_reactions, n_nodes)
        Whether the node enters the rate.
    orders : ndarray of shape (n_reactions, n_nodes)
        Reaction orders; NaN where the node enters in another way than as a factor.
    reversible : ndarray of bool of shape (n_reactions,)
    forms : ndarray of shape (n_reactions, n_forms)
        One-hot forms of the rate laws.
    moieties : ndarray of shape (n_nodes, n_nodes)
        Orthogonal projector onto the conserved moieties; its entry is not zero where two nodes share one.
    species, boundary : ndarray of shape (n_nodes,)
    compartment : ndarray of int of shape (n_nodes,)
        Number of the compartment, −1 where there is none.
    """

    stoichiometry: np.ndarray
    dependence: np.ndarray
    orders: np.ndarray
    reversible: np.ndarray
    forms: np.ndarray
    moieties: np.ndarray
    species: np.ndarray
    boundary: np.ndarray
    compartment: np.ndarray

    @property
    def share_moiety(self) -> np.ndarray:
        """Tell for each pair of nodes whether a conserved moiety holds both: shape (n_nodes, n_nodes)."""
        return np.abs(self.moieties) > _NO_SHARED_MOIETY

    def edge_features(self, targets: np.ndarray, sources: np.ndarray) -> np.ndarray:
        """Describe the reactions that carry each edge, as an array of shape (n_edges, EDGE_COLUMNS)."""
        change = self.stoichiometry[targets] != 0
        carries = change & self.dependence[:, sources].T
        count = np.maximum(carries.sum(axis=1), 1)
        own = self.stoichiometry[sources]
        order = self.orders[:, sources].T
        known = np.nan_to_num(order)
        flags = [
            self.stoichiometry[targets] < 0,
            self.stoichiometry[targets] > 0,
            own < 0,
            own > 0,
            own == 0,
            np.isnan(order),
            known == 1,
            known > 1,
            known < 0,
            np.broadcast_to(self.reversible, carries.shape),
            *(np.broadcast_to(form, carries.shape) for form in self.forms.T > 0),
        ]
        means = [(flag & carries).sum(axis=1) / count for flag in flags]
        direct = carries.any(axis=1)
        return np.column_stack([*means, direct, np.log1p(carries.sum(axis=1))]).astype(np.float64)

    def node_features(self) -> np.ndarray:
        """Describe each node, as an array of shape (n_nodes, NODE_COLUMNS)."""
        consumed = (self.stoichiometry < 0).sum(axis=1)
        produced = (self.stoichiometry > 0).sum(axis=1)
        enters = self.dependence.sum(axis=0)
        catalyzes = (self.dependence.T & (self.stoichiometry == 0)).sum(axis=1)
        return np.column_stack(
            [
                self.species,
                self.boundary,
                np.log1p(consumed),
                np.log1p(produced),
                np.log1p(enters),
                np.log1p(catalyzes),
                np.diag(self.share_moiety),
                (consumed == 0) & (produced > 0),
                (produced == 0) & (consumed > 0),
                (consumed == 0) & (produced == 0),
            ]
        ).astype(np.float64)


def reaction_roles(structure: Any, names: Sequence[Any]) -> ReactionRoles:
    """Bring the structure of a model into the order of a network's nodes, matched by name.

    Parameters
    ----------
    structure : NetworkStructure
    names : sequence of str
        The nodes. Names that the structure does not know (such as parameters) take part in no reaction.

    Returns
    -------
    ReactionRoles
    """
    names = list(names)
    stoichiometry = structure.stoichiometry.reindex(names).fillna(0.0).to_numpy(dtype=float)
    dependence = structure.rate_dependence.reindex(columns=names)
    forms = np.array([[form == known for known in _FORMS] for form in structure.rate_form], dtype=float)
    compartment = structure.compartment.reindex(names)
    return ReactionRoles(
        stoichiometry=stoichiometry,
        dependence=dependence.eq(True).to_numpy(dtype=bool),
        orders=structure.orders.reindex(columns=names, fill_value=0.0).to_numpy(dtype=float),
        reversible=structure.reversible.to_numpy(dtype=bool),
        forms=forms.reshape(len(structure.rate_form), len(_FORMS)),
        moieties=_moiety_projector(stoichiometry),
        species=np.array([name in set(structure.species) for name in names], dtype=float),
        boundary=structure.boundary.reindex(names).eq(True).to_numpy(dtype=float),
        compartment=_codes(compartment),
    )


def _codes(compartment: Any) -> np.ndarray:
    codes, _ = compartment.factorize(use_na_sentinel=True)
    return np.asarray(codes)


def _moiety_projector(stoichiometry: np.ndarray) -> np.ndarray:
    """Project onto the left null space of the stoichiometry, among the nodes that take part in a reaction."""
    n_nodes = len(stoichiometry)
    takes_part = np.flatnonzero((stoichiometry != 0).any(axis=1))
    projector = np.zeros((n_nodes, n_nodes))
    if takes_part.size:
        left, singular, _ = np.linalg.svd(stoichiometry[takes_part], full_matrices=True)
        rank = int((singular > _ZERO_SINGULAR_VALUE * singular[0]).sum())
        laws = left[:, rank:]
        projector[np.ix_(takes_part, takes_part)] = laws @ laws.T
    return projector
