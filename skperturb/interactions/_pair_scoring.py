"""Score of a model of pairs, also where interactions are all that is given."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from skperturb._pair_sampling import count_negative_positions, sample_negative_positions
from skperturb._pairs import ensure_labels, ensure_pairs, pair_codes
from skperturb.interactions._pair_weights import ensure_weights

__all__ = ["PairScoringMixin"]


class PairScoringMixin:
    """Mixin of models of pairs: brings the negatives that a score needs."""

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the share of pairs that are told right.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
            A gene that the model does not know counts as one without interactions, whatever `unknown` says: parts that
            are held out in a cross-validation have such genes.
        y : array-like of shape (n_pairs,), default=None
            1 for an interaction, 0 for a pair without. If all are 1, or `y` is None, as many negatives are added, drawn
            uniformly from the known genes; they are neither in `X` nor among the interactions of the training. The same
            call draws the same ones.
        sample_weight : array-like of shape (n_pairs,), default=None
            Weights of the pairs, times those in a third column of `X`; a negative that was added weighs what they weigh
            in the mean.

        Returns
        -------
        float
            From 0 to 1. One half is chance if there are as many negatives as interactions.

        Raises
        ------
        TypeError
            If weights are no numbers.
        ValueError
            If `X`, `y` and `sample_weight` differ in length, a weight is negative or not finite, all are zero, or no
            pair is left for a negative.
        """
        check_is_fitted(self)
        X, column = ensure_weights(X, sample_weight)
        self._refuse_turned(X)  # type: ignore[attr-defined]
        pairs = ensure_pairs(X)
        labels = ensure_labels(y, len(pairs)) if y is None or np.any(np.asarray(y)) else np.zeros(len(pairs), dtype=int)
        weights = np.ones(len(pairs)) if column is None else column
        positions = self._index.get_indexer(pairs.ravel()).reshape(-1, 2)  # type: ignore[attr-defined]
        if labels.all():
            negatives = self._negatives_for(positions)
            positions = np.concatenate([positions, negatives])
            labels = np.concatenate([labels, np.zeros(len(negatives), dtype=int)])
            weights = np.concatenate([weights, np.full(len(negatives), weights.mean())])
        ordered = positions if self._is_directed else np.sort(positions, axis=1)  # type: ignore[attr-defined]
        scores = self._log_odds(self._pair_features(ordered))  # type: ignore[attr-defined]
        return float(accuracy_score(labels, scores > 0, sample_weight=weights))

    def _negatives_for(self, positions: np.ndarray) -> np.ndarray:
        n_genes = len(self.genes_)  # type: ignore[attr-defined]
        known = self._positives  # type: ignore[attr-defined]
        tested = positions[(positions >= 0).all(axis=1)]
        available = count_negative_positions(known, n_genes, exclude=tested)
        n_distinct = len(np.unique(pair_codes(np.maximum(positions, 0), n_genes)))
        if available == 0:
            raise ValueError(
                f"X holds interactions only, and all other pairs of the {n_genes} genes are known interactions, so "
                "there is no negative to score against. Pass negative pairs with label 0, or more genes in genes."
            )
        return sample_negative_positions(
            min(n_distinct, available), known, n_genes, exclude=tested if len(tested) else None, random_state=0
        )
