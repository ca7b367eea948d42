"""Scores for the prediction of interactions."""

import copy
from typing import Any

import numpy as np

from skperturb._pair_sampling import sample_negative_positions
from skperturb._pairs import encode_pairs, ensure_pairs, index_of
from skperturb.metrics._auroc import auroc

__all__ = ["degree_matched_auroc"]


def degree_matched_auroc(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    known_pairs: Any = None,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    r"""Compute the AUROC of an estimator against negatives whose genes are as popular as those of the positives.

    Random pairs of genes mostly join unpopular genes, so a model that knows nothing but how often a gene interacts
    separates them from interactions. Here both genes of a negative are drawn in proportion to how often they occur in
    the positive pairs of `X`, as many negatives as positives; knowing the popularity alone gives about 0.5.

    Parameters
    ----------
    estimator : fitted estimator
        With `decision_function` or `predict_proba`; a Pipeline or a search too.
    X : array-like of shape (n_pairs, 2)
        Pairs. Of those labeled 0 nothing is used but that they exist. A gene that a model of pairs does not know counts
        as one without interactions, whatever its `unknown` says: folds of a cross-validation have such genes.
    y : array-like of shape (n_pairs,), default=None
        1 for an interaction, 0 for a pair without; None if all are interactions.
    known_pairs : array-like of shape (n_known, 2), default=None
        Further interactions, none of which becomes a negative. The positive pairs of `X`, and those that the estimator
        was fitted on, never do.
    random_state : int, RandomState or None, default=0
        Decides the negatives. An int gives every candidate of a search the same ones.

    Returns
    -------
    float
        From 0 to 1; 0.5 is chance. NaN if every pair of the genes is an interaction.

    Raises
    ------
    TypeError
        If the estimator gives no scores.

    Notes
    -----
    The signature is that of a scorer: ``scoring={"matched": degree_matched_auroc}``.

    Examples
    --------
    >>> from skperturb.interactions import DegreeProduct
    >>> from skperturb.metrics import degree_matched_auroc
    >>> pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("d", "e"), ("e", "f")]
    >>> model = DegreeProduct(random_state=0).fit(pairs)
    >>> 0 <= degree_matched_auroc(model, pairs, [1] * 6) <= 1
    True
    """
    known = [] if known_pairs is None else [ensure_pairs(known_pairs, "known_pairs")]
    fitted_on = _training_pairs(estimator)
    known += [] if fitted_on is None else [fitted_on]
    data = encode_pairs(X, y, [index_of(pairs) for pairs in known])
    positives = data.positives
    exclude = [data.genes.get_indexer(pairs.ravel()).reshape(-1, 2) for pairs in known]
    try:
        negatives = sample_negative_positions(
            len(positives),
            positives,
            len(data.genes),
            strategy="degree",
            exclude=np.concatenate(exclude) if exclude else None,
            random_state=random_state,
        )
    except ValueError:  # a dense graph has too few pairs left
        return float("nan")
    pairs = data.genes.to_numpy()[np.concatenate([positives, negatives])]
    labels = np.repeat([1, 0], [len(positives), len(negatives)])
    return float(auroc(labels, _scores(_forgiving(estimator), pairs)))


def _scores(estimator: Any, pairs: np.ndarray) -> np.ndarray:
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(pairs), dtype=float)
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(pairs), dtype=float)[:, 1]
    raise TypeError(
        f"estimator is a {type(estimator).__name__} with neither decision_function nor predict_proba; add a classifier."
    )


def _forgiving(estimator: Any) -> Any:
    """Return the estimator with genes that it does not know counted as without interactions; what was given stays."""
    if hasattr(estimator, "best_estimator_"):
        return _forgiving(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        pipeline = copy.copy(estimator)
        pipeline.steps = [(name, _forgiving(step)) for name, step in estimator.steps]
        return pipeline
    if hasattr(estimator, "positive_pairs_") and getattr(estimator, "unknown", None) in ("warn", "error"):
        estimator = copy.copy(estimator)
        estimator.unknown = "zero"
    return estimator


def _training_pairs(estimator: Any) -> np.ndarray | None:
    """Return the positive pairs that an estimator, a pipeline's step or a search's best estimator was fitted on."""
    if hasattr(estimator, "positive_pairs_"):
        return estimator.positive_pairs_
    if hasattr(estimator, "best_estimator_"):
        return _training_pairs(estimator.best_estimator_)
    for _, step in getattr(estimator, "steps", []):
        pairs = _training_pairs(step)
        if pairs is not None:
            return pairs
    return None
