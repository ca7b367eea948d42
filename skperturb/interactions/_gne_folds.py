"""The part of `GNEEmbedder` that trains one network without each fold and a classifier on what they say of it."""

from typing import Any

import numpy as np

from skperturb._pairs import pair_codes, symmetric_graph
from skperturb.interactions._cross_fit import FEATURES, FoldModel, PairClassifier, fold_of_pairs

__all__ = ["CrossFitMixin"]


class CrossFitMixin:
    """Mixin of `GNEEmbedder`; relies on its parameters, and on ``_train`` and ``_sample``."""

    _rng: np.random.RandomState
    _positives: np.ndarray
    _expression: np.ndarray | None
    genes_: np.ndarray
    n_folds: int
    negatives: str
    pair_features: str
    uniform_share: float
    _train: Any
    _sample: Any

    def _fit_folds(self, positions: np.ndarray, labels: np.ndarray, n_pairs: int) -> np.ndarray:
        positions, labels, weights = self._classifier_pairs(positions, labels)
        n_genes = len(self.genes_)
        n_folds = min(self.n_folds, len(self._positives))
        if n_folds < 2:
            raise ValueError(
                f"X has {len(self._positives)} interaction; pair_features={self.pair_features!r} needs at least 2 to "
                "cross-fit. Use pair_features='native'."
            )
        folds = np.empty(len(positions), dtype=int)
        for value in (0, 1):
            chosen = labels == value
            folds[chosen] = fold_of_pairs(positions[chosen], n_genes, n_folds, self._rng)
        self._folds = []
        features = np.empty((len(positions), len(FEATURES) + (self._expression is not None)))
        for fold in range(n_folds):
            kept = positions[(labels == 1) & (folds != fold)]
            graph = symmetric_graph(kept, n_genes + 1)
            model = FoldModel(self._train(graph), graph, self._expression)
            features[folds == fold] = model.features(positions[folds == fold])
            self._folds.append(model)
        seed = int(self._rng.randint(np.iinfo(np.int32).max))
        self._head = PairClassifier(seed).fit(features, labels, weights)
        if self.pair_features == "structural":
            return features[:n_pairs]
        return self._head.decision_function(features[:n_pairs])[:, None]

    def _classifier_pairs(self, positions: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add the negatives that the cross-fitted classifier still lacks; return pairs, labels and weights."""
        given = labels == 0
        drawn = np.empty((0, 2), dtype=np.int64)
        if self.negatives != "uniform":
            drawn = self._sample(len(self._positives), "degree", may_be_empty=True)
            codes = pair_codes(positions, len(self.genes_))
            drawn = drawn[~np.isin(pair_codes(drawn, len(self.genes_)), codes)]
        weights = np.ones(len(positions) + len(drawn))
        share = {"uniform": 1.0, "degree": 0.0, "mixed": self.uniform_share}[self.negatives] if len(drawn) else 1.0
        # Half of the total weight is the negatives', divided among the two kinds.
        weights[: len(positions)][given] = share * (~given).sum() / max(given.sum(), 1)
        weights[len(positions) :] = (1.0 - share) * (~given).sum() / max(len(drawn), 1)
        return np.concatenate([positions, drawn]), np.append(labels, np.zeros(len(drawn), dtype=labels.dtype)), weights
