"""The pairs that the classifier of `GNEEmbedder` learns from: interactions, and two kinds of negatives."""

from typing import Protocol

import numpy as np

__all__ = ["DEGREE", "POSITIVE", "UNIFORM", "degree_matched", "learned_from", "with_uniform_negatives"]

#: Kinds of pairs.
POSITIVE, UNIFORM, DEGREE = 0, 1, 2

# Negatives of each kind for an interaction: what sets the few negatives at the top of the order apart is learned from
# them. With four, no AUROC of simulated networks of 2,400 and 19,800 interactions is 0.001 better, and describing the
# pairs and learning from them takes nearly twice as long.
_NEGATIVES_EACH = 2
# Interactions of a fold below which its degree-matched negatives are drawn from the ends of all interactions: those of
# fewer make too few different pairs.
_LEAST_IN_FOLD = 30
# Pairs of each kind that the classifier learns from: with 240,000 pairs in all it is as good on validation interactions
# of E. coli as with 530,000, with 120,000 its degree-matched AUROC is 0.001 lower.
ENOUGH_OF_A_KIND = 80_000


class _Draw(Protocol):
    def __call__(
        self, n_samples: int, strategy: str, exclude: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> np.ndarray: ...


def with_uniform_negatives(
    positions: np.ndarray, labels: np.ndarray, *, n_interactions: int, draw: _Draw | None
) -> tuple[np.ndarray, np.ndarray]:
    """Add the uniform negatives that are still lacking.

    Negatives that were given count as uniform ones. If there are any, uniform ones join genes of the pairs alone:
    others may have been left out on purpose.

    Parameters
    ----------
    positions : ndarray of shape (n_pairs, 2)
    labels : ndarray of shape (n_pairs,)
        1 for an interaction, 0 for a negative.
    n_interactions : int
        Different ones among the pairs.
    draw : callable or None
        ``draw(n_samples, strategy, exclude, ends)`` returns new negatives, fewer if there are no more; None adds none.

    Returns
    -------
    positions : ndarray of shape (n_all, 2)
        The given pairs first.
    kinds : ndarray of shape (n_all,)
        `POSITIVE` or `UNIFORM`.
    """
    wanted = min(_NEGATIVES_EACH * n_interactions, ENOUGH_OF_A_KIND)
    given = positions[labels == 0]
    drawn = given[:0]
    if draw is not None and len(given) < wanted:
        strategy, ends = ("connected", positions) if len(given) else ("uniform", None)
        drawn = draw(wanted - len(given), strategy, given, ends)
    kinds = np.concatenate([np.where(labels == 1, POSITIVE, UNIFORM), np.full(len(drawn), UNIFORM)])
    return np.concatenate([positions, drawn]), kinds


def degree_matched(
    positions: np.ndarray, kinds: np.ndarray, folds: np.ndarray, *, n_interactions: int, draw: _Draw
) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw degree-matched negatives, those of a fold with the ends of the fold's interactions.

    The graph that describes a fold lacks the fold's interactions, and so do the degrees of their genes. Negatives with
    genes drawn by their degrees in the whole graph would keep theirs: by one partner more popular than the
    interactions that they should match, which a classifier takes for a sign of no interaction. New pairs have no such
    sign.

    Parameters
    ----------
    positions : ndarray of shape (n_pairs, 2)
    kinds : ndarray of shape (n_pairs,)
    folds : ndarray of int, shape (n_pairs,)
    n_interactions : int
        Different ones among the pairs.
    draw : callable
        As in `with_uniform_negatives`.

    Returns
    -------
    matched : ndarray of shape (n_matched, 2)
        None of the pairs.
    folds : ndarray of int, shape (n_matched,), or None
        None where the folds have too few interactions to draw from: any fold will do.
    """
    wanted = min(_NEGATIVES_EACH * n_interactions, ENOUGH_OF_A_KIND)
    taken = positions[kinds != POSITIVE]
    n_folds = int(folds.max()) + 1
    if n_interactions < _LEAST_IN_FOLD * n_folds:
        return draw(wanted, "degree", taken), None
    found: list[np.ndarray] = []
    for fold in range(n_folds):
        ends = positions[(folds == fold) & (kinds == POSITIVE)]
        found.append(draw(wanted // n_folds, "degree", np.concatenate([taken, *found]), ends))
    return np.concatenate(found), np.repeat(np.arange(n_folds), [len(pairs) for pairs in found])


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
