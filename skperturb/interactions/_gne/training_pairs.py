"""The pairs that the classifier of `GNEEmbedder` learns from: interactions, and two kinds of negatives."""

from typing import Protocol

import numpy as np

__all__ = ["DEGREE", "POSITIVE", "UNIFORM", "with_negatives"]

#: Kinds of pairs.
POSITIVE, UNIFORM, DEGREE = 0, 1, 2

# Negatives of each kind for an interaction: what sets the few negatives at the top of the order apart is learned from
# them. Ten times more takes ten times as long in the classifier. One for each is enough for a simulated network of
# 1,500 interactions (AUROC 0.006 higher).
_NEGATIVES_EACH = 4
# Number of negatives of a kind beyond which one for each interaction is enough: time and memory of the classifier grow
# with the pairs (28 features of 8 bytes: 60 MB at this number), the accuracy no more.
_ENOUGH_NEGATIVES = 250_000


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
    wanted = min(_NEGATIVES_EACH * n_interactions, max(n_interactions, _ENOUGH_NEGATIVES))
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
