"""Reactions as one-way steps with the elasticities that the structure allows each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

__all__ = ["OneWayReactions", "one_way_reactions"]

# Rate forms whose variables enter as factors with literal exponents: such a law has one direction.
_ONE_DIRECTION = frozenset({"constant", "mass_action", "power_law"})


@dataclass(frozen=True)
class OneWayReactions:
    """One-way reactions, a reversible one being two.

    Attributes
    ----------
    stoichiometry : ndarray of shape (n_nodes, n_steps)
        Molecules of each node that a step makes (negative: uses up).
    lowest, highest : ndarray of shape (n_steps, n_nodes)
        Bounds of the elasticity d ln(rate) / d ln(node); both 0 where the rate does not depend on the node.
    parent : ndarray of int of shape (n_steps,)
        The reaction that a step belongs to.
    direction : ndarray of int of shape (n_steps,)
        1, or −1 for the backward step of a reversible reaction.
    opposite : ndarray of int of shape (n_steps,)
        A step that undoes this one, −1 where there is none.
    """

    stoichiometry: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    parent: np.ndarray
    direction: np.ndarray
    opposite: np.ndarray

    @property
    def can_only_rest(self) -> bool:
        """Whether nothing flows at rest: every step can be undone, and no matter enters or leaves."""
        moving = (self.stoichiometry != 0.0).any(axis=0)
        return bool(moving.any()) and bool((self.opposite[moving] >= 0).all()) and _is_closed(self.stoichiometry)


def one_way_reactions(structure: Any, names: Sequence[Any], signs: np.ndarray) -> OneWayReactions:
    """Split the reactions of a network into one-way steps.

    Parameters
    ----------
    structure : NetworkStructure
    names : sequence of str
        The nodes of the network, in its order.
    signs : ndarray of shape (n_nodes, n_nodes)
        Sign pattern of the network, which decides whether a modifier activates or inhibits.
    """
    names = list(names)
    stoichiometry = structure.stoichiometry.reindex(names).fillna(0.0).to_numpy(dtype=float)
    dependence = structure.rate_dependence.reindex(columns=names).eq(True).to_numpy(dtype=bool)
    orders = structure.orders.reindex(columns=names, fill_value=0.0).to_numpy(dtype=float)
    steps: list[tuple[np.ndarray, np.ndarray, np.ndarray, int, int]] = []
    for k, (form, declared) in enumerate(zip(structure.rate_form, structure.reversible, strict=True)):
        change, enters = stoichiometry[:, k], dependence[k]
        modifier = _modifier_signs(change, signs)
        if not _goes_both_ways(form, bool(declared), change, enters):
            low, high = _bounds(change, enters, orders[k], modifier)
            steps.append((change, low, high, k, 1))
            continue
        for direction in (1, -1):
            known = np.full(len(names), np.nan)
            if form == "reversible_mass_action":
                # The rate of one direction: the molecules that it uses up are its orders.
                known = np.where(change != 0.0, np.maximum(-direction * change, 0.0), np.nan)
            low, high = _bounds(direction * change, enters, known, modifier)
            steps.append((direction * change, low, high, k, direction))
    if not steps:
        empty = np.zeros((0, len(names)))
        none = np.zeros(0, dtype=int)
        return OneWayReactions(empty.T, empty, empty, none, none, none)
    columns, lowest, highest, parents, directions = (np.array(item) for item in zip(*steps, strict=True))
    return OneWayReactions(columns.T, lowest, highest, parents, directions, _opposites(columns))


def _goes_both_ways(form: str, declared: bool, change: np.ndarray, enters: np.ndarray) -> bool:
    if form == "reversible_mass_action":
        return True
    # Files call reactions reversible by default: a rate that no product enters cannot turn round.
    return (
        declared
        and form not in _ONE_DIRECTION
        and bool((enters & (change > 0)).any() and (enters & (change < 0)).any())
    )


def _modifier_signs(change: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return for each node how it acts on a rate as a modifier: the vote of its influences on what the rate changes."""
    rows = np.flatnonzero(change)
    votes = signs[rows] * np.sign(change[rows])[:, None]
    votes[np.arange(len(rows)), rows] = 0.0  # what a node does to itself is mostly its own consumption
    return np.sign(votes.sum(axis=0))


def _bounds(
    change: np.ndarray, enters: np.ndarray, orders: np.ndarray, modifier: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of each elasticity: the order where it is known, else what saturation and inhibition allow."""
    positive = (change < 0.0) | ((change == 0.0) & (modifier > 0.0))
    negative = (change > 0.0) | ((change == 0.0) & (modifier < 0.0))
    low = np.where(positive, 0.0, -1.0)
    high = np.where(negative, 0.0, 1.0)
    known = np.isfinite(orders)
    low, high = np.where(known, orders, low), np.where(known, orders, high)
    return np.where(enters, low, 0.0), np.where(enters, high, 0.0)


def _opposites(columns: np.ndarray) -> np.ndarray:
    waiting: dict[tuple[float, ...], list[int]] = {}
    opposite = np.full(len(columns), -1)
    for step, column in enumerate(columns + 0.0):  # no negative zeros, which are other keys
        partners = waiting.get(tuple(-column + 0.0), [])
        if partners:
            other = partners.pop()
            opposite[step], opposite[other] = other, step
        else:
            waiting.setdefault(tuple(column), []).append(step)
    return opposite


def _is_closed(stoichiometry: np.ndarray) -> bool:
    """Say whether positive weights exist with which every step keeps the total: then no matter enters or leaves."""
    taking_part = stoichiometry[(stoichiometry != 0.0).any(axis=1)]
    n_nodes, n_steps = taking_part.shape
    result = linprog(np.zeros(n_nodes), A_eq=taking_part.T, b_eq=np.zeros(n_steps), bounds=(1.0, None), method="highs")
    return result.status == 0
