"""Draws of the kinetics of one network, and their relative responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg as sla

from skperturb._validation import check_size
from skperturb.networks._structural.clamp import driven_responses, relative_responses
from skperturb.networks._structural.colors import edge_classes
from skperturb.networks._structural.fluxes import (
    draw_balanced_fluxes,
    draw_fluxes,
    draw_gross_fluxes,
    exactly_balanced,
    with_tracer,
)
from skperturb.networks._structural.one_way import OneWayReactions

__all__ = ["StructuralEnsemble", "flux_responses"]

# Standard deviation of the natural logarithm of an unknown concentration, which enters through conserved totals only.
# On 55 BioModels networks 0.5 and 3 change the mean rank correlation by less than .006.
_LOG_CONCENTRATION = 1.5
# The same for the size of an influence of which the sign alone is known; .3 changes it by .001.
_LOG_INFLUENCE = 1.0
# A substrate acts on a rate with nearly its whole order and all else with little of it: the elasticities of saturating
# laws of 78 BioModels networks have the medians .85 (substrates), -.23 (products), .26 and -.03 (modifiers). Uniform
# draws to these powers have .79, -.25 and .25; they tell 82.0 % of the signs, uniform draws 79.7 %, other powers from 2
# to 6 and from 1 to 3 between 81.7 and 82.8 %.
_SUBSTRATE_POWER, _OTHER_POWER = 1.0 / 3.0, 2.0
# Least concentration, in shares of the largest: a substance that has vanished still counts in its total.
_LEAST_CONCENTRATION = 1e-9
# Numbers that the arrays of one block of draws may hold; a block needs about eight such arrays of 8 bytes.
_BLOCK = 4_000_000
# Net flux of a reaction, in shares of what it carries in both directions, that counts as none: rounding of the balance.
_NO_NET = 1e-9


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
    flat : bool
        Draw elasticities uniformly from their ranges, not as they are distributed in models.
    """

    signs: np.ndarray
    reactions: OneWayReactions | None
    laws: np.ndarray
    concentrations: np.ndarray | None = None
    fluxes: np.ndarray | None = None
    flat: bool = False

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
        check_size(f"n_draws={n_draws} of {n_nodes} nodes", n_draws, n_nodes, n_nodes)
        block = max(1, min(n_draws, _BLOCK // max(n_nodes**2, 1)))
        for start in range(0, n_draws, block):
            count = min(block, n_draws - start)
            rates, amounts = self._rates(count, rng), self._concentrations(count, rng)
            if only_stable:
                stable = _is_stable(rates, amounts, self.laws)
                rates, amounts = rates[stable], amounts[stable]
            if len(rates):
                yield relative_responses(rates, self.laws, amounts, rng), amounts

    def draw_jacobians(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Return Jacobians of shape (n_draws, n_nodes, n_nodes), in an arbitrary unit of time."""
        rates = self._rates(n_draws, rng)
        if self.reactions is None:
            return rates * (self.signs != 0.0)
        return rates / self._concentrations(n_draws, rng)[:, None, :]

    def _concentrations(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        if self.concentrations is None and self.reactions is None:
            # There are no totals that they would weigh.
            return np.ones((n_draws, len(self.signs)))
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
        self._add_signs(rates, rng)
        return rates

    def _add_signs(self, rates: np.ndarray, rng: np.random.Generator) -> None:
        """Draw the rows that no reaction explains."""
        n_draws, n_nodes, _ = rates.shape
        free = np.flatnonzero(self.by_signs_only)
        if self.reactions is None:
            # By what surrounds a pair, so that the order of the nodes does not matter.
            classes = edge_classes(self.signs)
            size = np.exp(rng.normal(0.0, _LOG_INFLUENCE, (n_draws, int(classes.max(initial=-1)) + 1)))[:, classes]
        else:
            size = np.exp(rng.normal(0.0, _LOG_INFLUENCE, (n_draws, free.size, n_nodes)))
        rates[:, free] = size * self.signs[free]
        if self.reactions is None:
            # Where nothing is said of what a node does to itself it decays; without, a chain would never rest.
            diagonal = np.diagonal(rates, axis1=1, axis2=2)
            decay = -np.where(diagonal == 0.0, size[:, np.arange(free.size), free], -diagonal)
            rates[:, np.arange(n_nodes), np.arange(n_nodes)] = decay

    def draw_control(
        self, n_draws: int, rng: np.random.Generator, *, held: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks of relative responses of the nodes and of the net fluxes.

        To one per cent more activity of each reaction in both directions, or with `held` to one per cent more of each
        node: shapes (n_block, n_nodes, n_changes) and (n_block, n_reactions, n_changes). NaN for the fluxes of
        reactions without a net flux.
        """
        reactions = self.reactions
        assert reactions is not None, "control is about reactions"
        n_nodes, n_steps = reactions.stoichiometry.shape
        check_size(f"n_draws={n_draws} of {n_nodes} nodes", n_draws, n_nodes, n_nodes)
        block = max(1, min(n_draws, _BLOCK // max(max(n_nodes, n_steps) ** 2, 1)))
        for start in range(0, n_draws, block):
            count = min(block, n_draws - start)
            rates, amounts = np.zeros((count, n_nodes, n_nodes)), self._concentrations(count, rng)
            fluxes = self._balanced_fluxes(reactions, count, rng)
            steps, nodes, slopes = self._slopes(reactions, with_tracer(fluxes) if self.fluxes is None else fluxes, rng)
            _add_slopes(rates, reactions, steps, nodes, slopes)
            self._add_signs(rates, rng)
            n_reactions = int(reactions.parent.max(initial=-1)) + 1
            belongs = (reactions.parent[:, None] == np.arange(n_reactions)).astype(float)
            if held:
                nodes_moved, own = relative_responses(rates, self.laws, amounts, rng), np.zeros((n_steps, 0))
            else:
                drive = (reactions.stoichiometry * fluxes[:, None, :]) @ belongs
                nodes_moved, own = driven_responses(rates, drive, self.laws, amounts, rng), belongs
            entries = (steps, nodes, slopes)
            yield nodes_moved, flux_responses(reactions, fluxes, entries, nodes_moved, own)

    def _balanced_fluxes(self, reactions: OneWayReactions, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        if self.fluxes is not None:
            fluxes = draw_gross_fluxes(reactions, self.fluxes, n_draws, rng)
        else:
            fluxes = draw_balanced_fluxes(reactions, n_draws, rng)
        return fluxes if reactions.can_only_rest else exactly_balanced(fluxes, reactions.stoichiometry)

    def _slopes(
        self, reactions: OneWayReactions, fluxes: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the changes of the rates: steps, nodes that they depend on, and values of shape (n_draws, n_entries)."""
        steps, nodes = np.nonzero((reactions.lowest != 0.0) | (reactions.highest != 0.0))
        low, high = reactions.lowest[steps, nodes], reactions.highest[steps, nodes]
        share = rng.random((len(fluxes), len(steps)))
        values = low + (high - low) * share
        # A range that begins or ends at none; where a modifier may do both, its sign is as open as its size.
        one_sign = (low * high == 0.0) & (not self.flat)
        power = np.where(reactions.stoichiometry[nodes, steps] < 0.0, _SUBSTRATE_POWER, _OTHER_POWER)
        return steps, nodes, fluxes[:, steps] * np.where(one_sign, (low + high) * share**power, values)

    def _add_reactions(self, rates: np.ndarray, reactions: OneWayReactions, rng: np.random.Generator) -> None:
        n_draws = len(rates)
        if self.fluxes is None:
            fluxes = draw_fluxes(reactions, n_draws, rng)
        else:
            fluxes = draw_gross_fluxes(reactions, self.fluxes, n_draws, rng)
        _add_slopes(rates, reactions, *self._slopes(reactions, fluxes, rng))


def _add_slopes(
    rates: np.ndarray, reactions: OneWayReactions, steps: np.ndarray, nodes: np.ndarray, slopes: np.ndarray
) -> None:
    # One product of a sparse matrix with all draws: entry (i, j) collects the steps that j drives
    # and that change i.
    changed, entry = np.nonzero(reactions.stoichiometry[:, steps])
    values = reactions.stoichiometry[changed, steps[entry]]
    for i, j, k, value in zip(changed, nodes[entry], entry, values, strict=True):
        rates[:, i, j] += value * slopes[:, k]


def flux_responses(
    reactions: OneWayReactions,
    fluxes: np.ndarray,
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray],
    moved: np.ndarray,
    own: np.ndarray,
) -> np.ndarray:
    """Compute the relative responses of the net fluxes of reactions from those of the nodes.

    Parameters
    ----------
    reactions : OneWayReactions
    fluxes : ndarray of shape (n_draws, n_steps)
    slopes : tuple of steps, nodes, and changes of shape (n_draws, n_entries)
        Change of the rate of a step per relative change of a node.
    moved : ndarray of shape (n_draws, n_nodes, n_changes)
        Relative responses of the nodes.
    own : ndarray of shape (n_steps, n_changes) or (n_steps, 0)
        Relative change of each step itself.

    Returns
    -------
    ndarray of shape (n_draws, n_reactions, n_changes)
    """
    steps, nodes, values = slopes
    n_reactions = int(reactions.parent.max(initial=-1)) + 1
    net, gross = np.zeros((len(fluxes), n_reactions)), np.zeros((len(fluxes), n_reactions))
    changes = np.zeros((len(fluxes), n_reactions, moved.shape[2]))
    for step, (parent, direction) in enumerate(zip(reactions.parent, reactions.direction, strict=True)):
        net[:, parent] += direction * fluxes[:, step]
        gross[:, parent] += np.abs(fluxes[:, step])
        if own.shape[1]:
            changes[:, parent] += direction * fluxes[:, step, None] * own[step]
    with np.errstate(invalid="ignore"):
        for entry, (step, node) in enumerate(zip(steps, nodes, strict=True)):
            share = reactions.direction[step] * values[:, entry, None]
            changes[:, reactions.parent[step]] += np.where(share == 0.0, 0.0, share * moved[:, node])
        flows = np.abs(net) > _NO_NET * gross
        return np.where(flows[..., None], changes / np.where(flows, net, 1.0)[..., None], np.nan)


def _is_stable(rates: np.ndarray, amounts: np.ndarray, laws: np.ndarray) -> np.ndarray:
    """Tell for which draws small deviations fade, with all conserved totals kept."""
    jacobians = rates / amounts[:, None, :]
    basis = sla.null_space(laws) if len(laws) else np.eye(rates.shape[1])
    if not basis.shape[1]:
        return np.ones(len(rates), dtype=bool)
    return np.linalg.eigvals(basis.T @ jacobians @ basis).real.max(axis=1) < 0.0
