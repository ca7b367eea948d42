"""Draws of the kinetics of one network, and their relative responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg as sla

from skperturb.networks._structural.clamp import relative_responses
from skperturb.networks._structural.fluxes import draw_fluxes, draw_gross_fluxes
from skperturb.networks._structural.one_way import OneWayReactions

__all__ = ["StructuralEnsemble"]

# Standard deviation of the natural logarithm of an unknown concentration, which enters through conserved totals only.
# On 55 BioModels networks 0.5 and 3 change the mean rank correlation by less than .006.
_LOG_CONCENTRATION = 1.5
# The same for the size of an influence of which the sign alone is known; .3 changes it by .001.
_LOG_INFLUENCE = 1.0
# Least concentration, in shares of the largest: a substance that has vanished still counts in its total.
_LEAST_CONCENTRATION = 1e-9
# Numbers that the arrays of one block of draws may hold; a block needs about eight such arrays of 8 bytes.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class StructuralEnsemble:
    """What is known of one network.

    Attributes
    ----------
    signs : ndarray of shape (n_nodes, n_nodes)
        Sign pattern of the Jacobian.
    reactions : OneWayReactions or None
        None for a network of which only the signs are known.
    laws : ndarray of shape (n_laws, n_nodes)
    concentrations : ndarray of shape (n_nodes,) or None
    fluxes : ndarray of shape (n_reactions,) or None
    """

    signs: np.ndarray
    reactions: OneWayReactions | None
    laws: np.ndarray
    concentrations: np.ndarray | None = None
    fluxes: np.ndarray | None = None

    @property
    def by_signs_only(self) -> np.ndarray:
        """Tell which nodes no reaction changes, so that their row is drawn from the signs alone."""
        if self.reactions is None:
            return np.ones(len(self.signs), dtype=bool)
        return ~(self.reactions.stoichiometry != 0.0).any(axis=1)

    def draw(
        self, n_draws: int, rng: np.random.Generator, *, only_stable: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks of relative responses (n_block, n_nodes, n_nodes) and of the concentrations behind them."""
        n_nodes = len(self.signs)
        block = max(1, min(n_draws, _BLOCK // max(n_nodes**2, 1)))
        for start in range(0, n_draws, block):
            count = min(block, n_draws - start)
            rates, amounts = self._rates(count, rng), self._concentrations(count, rng)
            if only_stable:
                stable = _is_stable(rates, amounts, self.laws)
                rates, amounts = rates[stable], amounts[stable]
            if len(rates):
                yield relative_responses(rates, self.laws, amounts, rng), amounts

    def _concentrations(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        if self.concentrations is None:
            return np.exp(rng.normal(0.0, _LOG_CONCENTRATION, (n_draws, len(self.signs))))
        known = np.abs(self.concentrations)
        floor = _LEAST_CONCENTRATION * known.max(initial=0.0) or 1.0
        return np.tile(np.maximum(known, floor), (n_draws, 1))

    def _rates(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        n_nodes = len(self.signs)
        rates = np.zeros((n_draws, n_nodes, n_nodes))
        if self.reactions is not None and self.reactions.parent.size:
            self._add_reactions(rates, self.reactions, rng)
        free = np.flatnonzero(self.by_signs_only)
        size = np.exp(rng.normal(0.0, _LOG_INFLUENCE, (n_draws, free.size, n_nodes)))
        rates[:, free] = size * self.signs[free]
        if self.reactions is None:
            # Where nothing is said of what a node does to itself it decays; without, a chain would never rest.
            diagonal = np.diagonal(rates, axis1=1, axis2=2)
            decay = -np.where(diagonal == 0.0, size[:, np.arange(free.size), free], -diagonal)
            rates[:, np.arange(n_nodes), np.arange(n_nodes)] = decay
        return rates

    def _add_reactions(self, rates: np.ndarray, reactions: OneWayReactions, rng: np.random.Generator) -> None:
        n_draws = len(rates)
        if self.fluxes is None:
            fluxes = draw_fluxes(reactions, n_draws, rng)
        else:
            fluxes = draw_gross_fluxes(reactions, self.fluxes, n_draws, rng)
        steps, nodes = np.nonzero((reactions.lowest != 0.0) | (reactions.highest != 0.0))
        low, high = reactions.lowest[steps, nodes], reactions.highest[steps, nodes]
        slopes = fluxes[:, steps] * (low + (high - low) * rng.random((n_draws, len(steps))))
        # One product of a sparse matrix with all draws: entry (i, j) collects the steps that j drives
        # and that change i.
        changed, entry = np.nonzero(reactions.stoichiometry[:, steps])
        values = reactions.stoichiometry[changed, steps[entry]]
        for i, j, k, value in zip(changed, nodes[entry], entry, values, strict=True):
            rates[:, i, j] += value * slopes[:, k]


def _is_stable(rates: np.ndarray, amounts: np.ndarray, laws: np.ndarray) -> np.ndarray:
    """Tell for which draws small deviations fade, with all conserved totals kept."""
    jacobians = rates / amounts[:, None, :]
    basis = sla.null_space(laws) if len(laws) else np.eye(rates.shape[1])
    if not basis.shape[1]:
        return np.ones(len(rates), dtype=bool)
    return np.linalg.eigvals(basis.T @ jacobians @ basis).real.max(axis=1) < 0.0
