"""The part of `GNEEmbedder` that trains one network without each fold and a classifier on what they say of it."""

from typing import Any

import numpy as np

from skperturb._pairs import symmetric_graph
from skperturb.interactions._cross_fit import FEATURES, FoldModel, fold_of_pairs
from skperturb.interactions._pair_classifier import DEGREE, POSITIVE, UNIFORM, PairClassifier

__all__ = ["CrossFitMixin"]

# Negatives of each kind for an interaction, and the number of negatives beyond which one for each is enough.
_NEGATIVES_EACH = 4
_ENOUGH_NEGATIVES = 250_000


class CrossFitMixin:
    """Mixin of `GNEEmbedder`; relies on its parameters, and on ``_train`` and ``_draw``."""

    _rng: np.random.RandomState
    _positives: np.ndarray
    _expression: np.ndarray | None
    genes_: np.ndarray
    n_folds: int
    negatives: str
    pair_features: str
    uniform_share: float
    _train: Any
    _draw: Any
    _no_negatives: Any

    def _fit_folds(self, positions: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Train all networks and the classifier, and describe the pairs without what was learned from them."""
        n_pairs, n_genes = len(positions), len(self.genes_)
        n_folds = min(self.n_folds, len(self._positives))
        if n_folds < 2:
            raise ValueError(
                f"X has {len(self._positives)} interaction; pair_features={self.pair_features!r} needs at least 2 to "
                "cross-fit. Use pair_features='native'."
            )
        positions, kinds = self._classifier_pairs(positions, labels)
        folds = np.empty(len(positions), dtype=int)
        for kind in np.unique(kinds):
            chosen = kinds == kind
            folds[chosen] = fold_of_pairs(positions[chosen], n_genes, n_folds, self._rng)
        self._folds = []
        features = np.empty((len(positions), len(FEATURES) + (self._expression is not None)))
        for fold in range(n_folds):
            kept = positions[(kinds == POSITIVE) & (folds != fold)]
            graph = symmetric_graph(kept, n_genes + 1)
            model = FoldModel(self._train(graph), graph, self._expression)
            features[folds == fold] = model.features(positions[folds == fold])
            self._folds.append(model)
        seed = int(self._rng.randint(np.iinfo(np.int32).max))
        share = {"uniform": 1.0, "degree": 0.0, "mixed": self.uniform_share}[self.negatives]
        self._head = PairClassifier(share, seed).fit(features, kinds)
        if self.pair_features == "structural":
            return features[:n_pairs]
        return self._head.decision_function(features[:n_pairs])[:, None]

    def _classifier_pairs(self, positions: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add the negatives that the cross-fitted classifier still lacks; return pairs and their kinds.

        Negatives that were given count as uniform ones. If there are any, uniform ones join genes of the pairs alone:
        others may have been left out on purpose.
        """
        n_positives = len(self._positives)
        wanted = min(_NEGATIVES_EACH * n_positives, max(n_positives, _ENOUGH_NEGATIVES))
        given = positions[labels == 0]
        uniform, matched = given, given[:0]
        if self.negatives != "degree" and len(given) < wanted:
            strategy, ends = ("connected", positions) if len(given) else ("uniform", None)
            uniform = np.concatenate([given, self._draw(wanted - len(given), strategy, given, ends)])
        if self.negatives != "uniform":
            matched = self._draw(wanted, "degree", uniform)
        drawn = np.concatenate([uniform[len(given) :], matched])
        if len(given) + len(drawn) == 0:
            raise self._no_negatives(len(np.unique(positions)))
        kinds = np.where(labels == 1, POSITIVE, UNIFORM)
        added = np.repeat([UNIFORM, DEGREE], [len(uniform) - len(given), len(matched)])
        return np.concatenate([positions, drawn]), np.concatenate([kinds, added])
