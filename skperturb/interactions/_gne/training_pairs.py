"""The pairs that the classifier of `GNEEmbedder` learns from: interactions, and two kinds of negatives."""

from typing import Protocol

import numpy as np

__all__ = ["DEGREE", "POSITIVE", "UNIFORM", "learned_from", "with_negatives"]

#: Kinds of pairs.
POSITIVE, UNIFORM, DEGREE = 0, 1, 2

# Negatives of each kind for an interaction: what sets the few negatives at the top of the order apart is learned from
# them. Ten times more takes ten times as long in the classifier. One for each is enough for a simulated network of
# 1,500 interactions (AUROC 0.006 higher).
_NEGATIVES_EACH = 4
# Pairs of each kind that the classifier learns from: with 240,000 pairs in all it is as good on validation interactions
# of E. coli as with 530,000, with 120,000 its degree-matched AUROC is 0.001 lower.
ENOUGH_OF_A_KIND = 80_000


class _Draw(Protocol):
    def __call__(
        self, n_samples: int, strategy: str, exclude: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> np.ndarray: ...


def with_negatives(
    positions: np.ndarray, labels: np.ndarray, *, n_interactions: int, negatives: str, draw: _Draw
) -> tuple[np.ndarray, np.ndarray]:
    """Add the negatives that are still lacking.

    Negatives that were given count as uniform ones. If there are any, uniform ones join genes of the pairs alone:
    others may have been left out on purpose.

    Parameters
    ----------
    positions : ndarray of shape (n_pairs, 2)
    labels : ndarray of shape (n_pairs,)
        1 for an interaction, 0 for a negative.
    n_interactions : int
        Different ones among the pairs.
    negatives : {"uniform", "degree", "mixed"}
        Kinds to draw.
    draw : callable
        ``draw(n_samples, strategy, exclude, ends)`` returns new negatives, fewer if there are no more.

    Returns
    -------
    positions : ndarray of shape (n_all, 2)
        The given pairs first.
    kinds : ndarray of shape (n_all,)
        `POSITIVE`, `UNIFORM` or `DEGREE`.
    """
    wanted = min(_NEGATIVES_EACH * n_interactions, ENOUGH_OF_A_KIND)
    given = positions[labels == 0]
    uniform, matched = given, given[:0]
    if negatives != "degree" and len(given) < wanted:
        strategy, ends = ("connected", positions) if len(given) else ("uniform", None)
        uniform = np.concatenate([given, draw(wanted - len(given), strategy, given, ends)])
    if negatives != "uniform":
        matched = draw(wanted, "degree", uniform)
    drawn = np.concatenate([uniform[len(given) :], matched])
    kinds = np.where(labels == 1, POSITIVE, UNIFORM)
    added = np.repeat([UNIFORM, DEGREE], [len(uniform) - len(given), len(matched)])
    return np.concatenate([positions, drawn]), np.concatenate([kinds, added])


def learned_from(kinds: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Return the rows of the pairs that the classifier learns from: of each kind no more than are enough.

    Parameters
    ----------
    kinds : ndarray of shape (n_pairs,)
    rng : RandomState

    Returns
    -------
    ndarray of bool, shape (n_pairs,)
    """
    chosen = np.ones(len(kinds), dtype=bool)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        chosen[rng.permutation(rows)[ENOUGH_OF_A_KIND:]] = False
    return chosen
