"""Scores of rankings: what stands at the top of a list, of all pairs or of each gene."""

from numbers import Integral
from typing import Any

import numpy as np

from skperturb._alignment import align_vectors
from skperturb._sklearn import Interval, validate_params

__all__ = ["hits_at_k", "mean_reciprocal_rank", "ndcg_at_k", "precision_at_k", "recall_at_k"]

_TOP = {
    "y_true": ["array-like"],
    "y_score": ["array-like"],
    "k": [Interval(Integral, 1, None, closed="left")],
    "genes": ["array-like", None],
}


@validate_params(_TOP, prefer_skip_nested_validation=True)
def precision_at_k(y_true: Any, y_score: Any, k: int = 100, *, genes: Any = None) -> float:
    """Compute the share of interactions among the k best scores.

    Parameters
    ----------
    y_true : array-like of shape (n_pairs,)
        1 for an interaction, 0 for a pair without.
    y_score : array-like of shape (n_pairs,)
        Scores, larger for more probable interactions. Two Series with names are aligned by them.
    k : int, default=100
        Number of pairs; all of them if there are fewer.
    genes : array-like of shape (n_pairs,) or (n_pairs, 2), default=None
        The gene whose partners a pair ranks, or both genes of it. If given, each gene's pairs are a list of their own,
        and the mean over the genes with an interaction is returned.

    Returns
    -------
    float
        From 0 to 1. Pairs that share the k-th best score count by their mean, so that the order does not matter. NaN if
        no gene has an interaction.

    Raises
    ------
    ValueError
        If the lengths differ, or labels or scores are no finite numbers.

    Examples
    --------
    >>> from skperturb.metrics import precision_at_k
    >>> precision_at_k([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    >>> precision_at_k([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=1, genes=["x", "x", "y", "y"])
    1.0
    """
    return _of_lists(_precision, y_true, y_score, k, genes)


@validate_params(_TOP, prefer_skip_nested_validation=True)
def recall_at_k(y_true: Any, y_score: Any, k: int = 100, *, genes: Any = None) -> float:
    """Compute the share of all interactions that the k best scores hold.

    Parameters
    ----------
    y_true : array-like of shape (n_pairs,)
        1 for an interaction, 0 for a pair without.
    y_score : array-like of shape (n_pairs,)
        Scores, larger for more probable interactions. Two Series with names are aligned by them.
    k : int, default=100
        Number of pairs.
    genes : array-like of shape (n_pairs,) or (n_pairs, 2), default=None
        As in `precision_at_k`.

    Returns
    -------
    float
        From 0 to 1; at most k over the number of interactions. Ties count by their mean. NaN without an interaction.

    Raises
    ------
    ValueError
        If the lengths differ, or labels or scores are no finite numbers.

    Examples
    --------
    >>> from skperturb.metrics import recall_at_k
    >>> recall_at_k([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    """
    return _of_lists(_recall, y_true, y_score, k, genes)


@validate_params(_TOP, prefer_skip_nested_validation=True)
def ndcg_at_k(y_true: Any, y_score: Any, k: int = 100, *, genes: Any = None) -> float:
    r"""Compute the normalized discounted cumulative gain of the k best scores.

    .. math:: \frac{\sum_{r=1}^{k} y_r / \log_2(r + 1)}{\sum_{r=1}^{\min(k, m)} 1 / \log_2(r + 1)}

    with the label y of the pair at rank r and m interactions in all.

    Parameters
    ----------
    y_true : array-like of shape (n_pairs,)
        1 for an interaction, 0 for a pair without.
    y_score : array-like of shape (n_pairs,)
        Scores, larger for more probable interactions. Two Series with names are aligned by them.
    k : int, default=100
        Number of pairs.
    genes : array-like of shape (n_pairs,) or (n_pairs, 2), default=None
        As in `precision_at_k`.

    Returns
    -------
    float
        From 0 to 1. Each of several pairs with one score counts by their mean. NaN without an interaction.

    Raises
    ------
    ValueError
        If the lengths differ, or labels or scores are no finite numbers.

    Examples
    --------
    >>> from skperturb.metrics import ndcg_at_k
    >>> ndcg_at_k([1, 0, 0], [0.9, 0.8, 0.7], k=2)
    1.0
    """
    return _of_lists(_ndcg, y_true, y_score, k, genes)


def mean_reciprocal_rank(positive_scores: Any, negative_scores: Any) -> float:
    r"""Compute the mean of one over the rank of each interaction among negatives of its own.

    The rank is one plus the number of negatives that score higher, plus half of those that score the same.

    Parameters
    ----------
    positive_scores : array-like of shape (n_interactions,)
    negative_scores : array-like of shape (n_interactions, n_negatives)
        Row k holds the negatives of interaction k, such as those of
        ``sample_negative_pairs(…, strategy="heart")``. NaN stands for a negative that is lacking.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If shapes do not fit, or a score of an interaction is not finite.

    References
    ----------
    .. [1] Li, J. et al. (2023). Evaluating graph neural networks for link prediction: current pitfalls and new
       benchmarking. Advances in Neural Information Processing Systems 36. arXiv:2306.10453.

    Examples
    --------
    >>> from skperturb.metrics import mean_reciprocal_rank
    >>> mean_reciprocal_rank([0.9, 0.4], [[0.1, 0.2], [0.8, 0.3]])
    0.75
    """
    return float((1.0 / _own_ranks(positive_scores, negative_scores)).mean())


@validate_params(
    {
        "positive_scores": ["array-like"],
        "negative_scores": ["array-like"],
        "k": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def hits_at_k(positive_scores: Any, negative_scores: Any, k: int = 20) -> float:
    """Compute the share of interactions that are among the k best of themselves and their negatives.

    Parameters
    ----------
    positive_scores : array-like of shape (n_interactions,)
    negative_scores : array-like of shape (n_interactions, n_negatives)
        As in `mean_reciprocal_rank`.
    k : int, default=20
        Highest rank that counts.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If shapes do not fit, or a score of an interaction is not finite.

    Examples
    --------
    >>> from skperturb.metrics import hits_at_k
    >>> hits_at_k([0.9, 0.4], [[0.1, 0.2], [0.8, 0.3]], k=1)
    0.5
    """
    return float((_own_ranks(positive_scores, negative_scores) <= k).mean())


def _own_ranks(positive_scores: Any, negative_scores: Any) -> np.ndarray:
    positive = np.asarray(positive_scores, dtype=float)
    negative = np.asarray(negative_scores, dtype=float)
    if positive.ndim != 1 or negative.ndim != 2 or len(positive) != len(negative) or len(positive) == 0:
        raise ValueError(
            f"positive_scores has shape {positive.shape} and negative_scores {negative.shape}; expected a vector and a "
            "row of negatives for each of its entries."
        )
    if not np.isfinite(positive).all():
        row = int(np.argmin(np.isfinite(positive)))
        raise ValueError(f"positive_scores is {positive[row]} in row {row}; expected finite scores.")
    above = (negative > positive[:, None]).sum(axis=1)
    return 1.0 + above + 0.5 * (negative == positive[:, None]).sum(axis=1)


def _of_lists(measure: Any, y_true: Any, y_score: Any, k: int, genes: Any) -> float:
    labels, scores = _ensure_list(y_true, y_score)
    if genes is None:
        return float(measure(labels, scores, k))
    groups = np.asarray(genes)
    if groups.ndim not in (1, 2) or len(groups) != len(labels):
        raise ValueError(
            f"genes has shape {groups.shape}; expected ({len(labels)},) or ({len(labels)}, 2), the genes of each pair."
        )
    groups = groups[:, None] if groups.ndim == 1 else groups
    _, group = np.unique(groups.ravel(), return_inverse=True)
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    lists = [rows // groups.shape[1] for rows in np.split(order, bounds)]
    values = [measure(labels[rows], scores[rows], k) for rows in lists if labels[rows].any()]
    return float(np.mean(values)) if values else float("nan")


def _ensure_list(y_true: Any, y_score: Any) -> tuple[np.ndarray, np.ndarray]:
    labels = np.asarray(y_true, dtype=float)
    scores = np.asarray(align_vectors(y_true, y_score, ("y_true", "y_score")), dtype=float)
    if labels.ndim != 1 or labels.shape != scores.shape or len(labels) == 0:
        raise ValueError(
            f"y_true has shape {labels.shape} and y_score {scores.shape}; expected two vectors of one positive length."
        )
    known = np.isin(labels, (0.0, 1.0))
    for name, values, right, expected in (
        ("y_true", labels, known, "1 for an interaction and 0 for a pair without"),
        ("y_score", scores, np.isfinite(scores), "finite scores"),
    ):
        if not right.all():
            row = int(np.argmin(right))
            raise ValueError(f"{name}[{row}] is {values[row]}; expected {expected}. Repair it, or leave the pair out.")
    return labels, scores


def _found(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    """Return the number of interactions among the k best, those that share the k-th score by their mean."""
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    above, tied = scores > threshold, scores == threshold
    return float(labels[above].sum() + (k - above.sum()) * labels[tied].mean())


def _precision(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    k = min(k, len(scores))
    return _found(labels, scores, k) / k


def _recall(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    n_interactions = labels.sum()
    return _found(labels, scores, min(k, len(scores))) / n_interactions if n_interactions else float("nan")


def _ndcg(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    n_interactions, k = int(labels.sum()), min(k, len(scores))
    if n_interactions == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    _, tie = np.unique(-scores[order], return_inverse=True)
    gains = (np.bincount(tie, labels[order]) / np.bincount(tie))[tie][:k]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    return float(gains @ discounts / discounts[: min(k, n_interactions)].sum())
