"""The classifier behind `GNEEmbedder`: one order of pairs against two kinds of negatives."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperturb.interactions._common import SOLVER_STEPS
from skperturb.interactions._gne.training_pairs import POSITIVE, UNIFORM

__all__ = ["PairClassifier"]

# Number of interactions with which trees and regression count the same. With a tenth of it the trees, which learn small
# networks by heart, decide there: on a simulated network of 1,500 interactions the AUROC falls by 0.01. With ten times
# as many the regression, straight as it is, decides nearly alone on networks of some thousand interactions.
_HALF_TREES = 2000
# Number of trees, leaves of each, and the penalty on a leaf's value in pairs. Ten times as many trees learn training
# pairs by heart: the same AUROC falls by 0.005, and by 0.008 against degree-matched negatives. A tenth makes them
# coarse, which a network of that size does not mind (0.002 higher).
_TREES, _LEAVES, _LEAF_PENALTY = 150, 15, 1.0
# A leaf holds at least a hundredth of the pairs, within bounds: leaves of one or two pairs would learn networks of some
# dozens of interactions by heart, and beyond a hundred pairs a leaf is an average that needs no more.
_LEAVES_FILLED, _LEAST_IN_LEAF, _ENOUGH_IN_LEAF = 100, 5, 100
# Passes in which order and weights settle to each other: the first starts from the constant weight.
_PASSES = 2
# Quantiles of the order at which its weight is kept; between them it is interpolated. A tenth changes no AUROC by 1e-4.
_CURVE_POINTS = 513
# Share of the interactions that is counted as found above the very first pair. It bounds the cost κ there by 1 / 0.003,
# where T and F go to zero. Ten times more or less changes no AUROC by 1e-4; zero would divide by zero.
_LEAST_FOUND = 0.003


class PairClassifier:
    r"""Tell interactions from uniform and from degree-matched negatives, and order pairs by both answers.

    A mean of multinomial logistic regression and boosted trees gives the log-odds :math:`f_1` and :math:`f_0` of an
    interaction against a uniform and against a degree-matched negative. Against the mixture of both with the weights
    w and 1 − w they are

    .. math:: f = -\log\bigl(w\, e^{-f_1} + (1 - w)\, e^{-f_0}\bigr),

    and ordering by f is best for that mixture's AUROC. The average precision against uniform negatives is the mean of
    T / (T + F) over the interactions (T, F: the shares of interactions and of uniform negatives above one), so a
    uniform negative costs :math:`\kappa = T / (T + F)^2` in it where it costs 1 in the AUROC: most at the top of the
    order. Therefore :math:`w = \kappa / (\kappa + \lambda)` with :math:`\lambda = (1 - u) / u`; T and F come from the
    training pairs, in the order of the constant weight u first.

    The regression extrapolates smoothly where the trees are constant, and the trees bend where it is straight. They
    need more pairs for it, so their share grows with the number of interactions.

    Parameters
    ----------
    uniform_share : float
        u; 1 considers uniform negatives alone, 0 degree-matched ones.
    seed : int
        Of the trees.
    """

    def __init__(self, uniform_share: float, seed: int) -> None:
        self.uniform_share = uniform_share
        self.seed = seed

    def fit(self, features: np.ndarray, kinds: np.ndarray) -> "PairClassifier":
        """Learn from the cross-fitted features of pairs of all kinds; one kind of negatives may be missing."""
        self.kinds_, counts = np.unique(kinds, return_counts=True)
        # The kinds weigh the same, however many pairs they have.
        weights = (len(kinds) / len(counts) / counts)[np.searchsorted(self.kinds_, kinds)]
        # Step by step, because a Pipeline passes weights on in another way where metadata routing is enabled.
        scaler = StandardScaler().set_output(transform="default").fit(features)
        linear = LogisticRegression(max_iter=SOLVER_STEPS).fit(scaler.transform(features), kinds, sample_weight=weights)
        self.linear_ = make_pipeline(scaler, linear)
        self.trees_ = HistGradientBoostingClassifier(
            max_iter=_TREES,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=int(np.clip(len(features) // _LEAVES_FILLED, _LEAST_IN_LEAF, _ENOUGH_IN_LEAF)),
            l2_regularization=_LEAF_PENALTY,
            early_stopping=False,
            random_state=self.seed,
        )
        self.trees_.fit(features, kinds, sample_weight=weights)
        self.tree_share_ = counts[0] / (counts[0] + _HALF_TREES)
        self.curves_: list[tuple[np.ndarray, np.ndarray]] = []
        if self._is_mixed():
            self._fit_curves(self._log_odds(features), kinds)
        return self

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Return the log-odds of an interaction against the mixture of negatives."""
        odds = self._log_odds(features)
        if not self._is_mixed():
            return odds[:, 0] if len(self.kinds_) == 2 or self.uniform_share == 1 else odds[:, 1]
        order = _mix(odds, self.uniform_share)
        for levels, shares in self.curves_:
            order = _mix(odds, np.interp(order, levels, shares))
        return order

    def _is_mixed(self) -> bool:
        return len(self.kinds_) == 3 and 0 < self.uniform_share < 1

    def _log_odds(self, features: np.ndarray) -> np.ndarray:
        """Return the log-odds against each kind of negatives, shape (n_pairs, n_kinds - 1)."""
        scores = (1.0 - self.tree_share_) * self.linear_.decision_function(features)
        scores += self.tree_share_ * self.trees_.decision_function(features)
        # With two classes scikit-learn scores the second one.
        return -scores[:, None] if scores.ndim == 1 else scores[:, :1] - scores[:, 1:]

    def _fit_curves(self, odds: np.ndarray, kinds: np.ndarray) -> None:
        relative = (1.0 - self.uniform_share) / self.uniform_share
        order = _mix(odds, self.uniform_share)
        for _ in range(_PASSES):
            positive, uniform = np.sort(order[kinds == POSITIVE]), np.sort(order[kinds == UNIFORM])
            levels = np.unique(np.quantile(order, np.linspace(0, 1, _CURVE_POINTS)))
            found = 1.0 + _LEAST_FOUND - np.searchsorted(positive, levels) / len(positive)
            false = 1.0 - np.searchsorted(uniform, levels) / len(uniform)
            cost = found / (found + false) ** 2
            self.curves_.append((levels, cost / (cost + relative)))
            order = _mix(odds, np.interp(order, *self.curves_[-1]))


def _mix(odds: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return the log-odds against a mixture of both kinds of negatives."""
    return -np.logaddexp(np.log(share) - odds[:, 0], np.log1p(-share) - odds[:, 1])
