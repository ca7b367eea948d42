"""The classifier behind `GNEEmbedder`: one order of pairs against two kinds of negatives."""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skperturb.interactions._common import SOLVER_STEPS
from skperturb.interactions._gne.perceptron import Perceptron
from skperturb.interactions._gne.training_pairs import POSITIVE, UNIFORM

__all__ = ["PairClassifier"]

# Number of interactions with which perceptron and regression count the same: on networks of some hundred interactions
# the regression, straight as it is, is better, on those of ten thousand the perceptron.
_HALF_PERCEPTRON = 2000
# Pairs of each kind that the regression learns from: its twenty coefficients need no more.
_ENOUGH_FOR_REGRESSION = 8_000
# Pairs of each kind that the curves and the calibration are read from; their noise is that of a share of 30,000.
_ENOUGH_FOR_CURVES = 30_000
# Pairs of a kind below which the log-odds are left as they are: two numbers fitted to fewer would be their noise.
_ENOUGH_FOR_CALIBRATION = 30
# Standard deviations beyond which a standardized feature counts as this many. A network of three genes has features
# that are nearly constant on the training pairs, by which new pairs would lie thousands of them away.
_FARTHEST = 8.0
# Passes in which order and weights settle to each other: the first starts from the constant weight.
_PASSES = 2
# Quantiles of the order at which its weight is kept; between them it is interpolated. A tenth changes no AUROC by 1e-4.
_CURVE_POINTS = 513
# Share of the interactions that is counted as found above the very first pair. It bounds the cost κ there by 1 / 0.003,
# where T and F go to zero. Ten times more or less changes no AUROC by 1e-4; zero would divide by zero.
_LEAST_FOUND = 0.003


class PairClassifier:
    r"""Tell interactions from uniform and from degree-matched negatives, and order pairs by both answers.

    A mean of multinomial logistic regression and a perceptron gives the log-odds :math:`f_1` and :math:`f_0` of an
    interaction against a uniform and against a degree-matched negative. Against the mixture of both with the weights
    w and 1 − w they are

    .. math:: f = -\log\bigl(w\, e^{-f_1} + (1 - w)\, e^{-f_0}\bigr),

    and ordering by f is best for that mixture's AUROC. The average precision against uniform negatives is the mean of
    T / (T + F) over the interactions (T, F: the shares of interactions and of uniform negatives above one), so a
    uniform negative costs :math:`\kappa = T / (T + F)^2` in it where it costs 1 in the AUROC: most at the top of the
    order. Therefore :math:`w = \kappa / (\kappa + \lambda)` with :math:`\lambda = (1 - u) / u`; T and F come from the
    training pairs, in the order of the constant weight u first.

    Log-odds against a weight that changes are no log-odds, so the order is calibrated at the end: :math:`a f + b` with
    a > 0 are the log-odds of an interaction among as many uniform negatives.

    The perceptron bends where the regression is straight. It needs more pairs for it, so its share grows with the
    number of interactions.

    Parameters
    ----------
    uniform_share : float
        u; 1 considers uniform negatives alone, 0 degree-matched ones.
    seed : int
        Of the perceptron and of the regression's sample.
    """

    def __init__(self, uniform_share: float, seed: int) -> None:
        self.uniform_share = uniform_share
        self.seed = seed

    def fit(self, features: np.ndarray, kinds: np.ndarray, sample_weight: np.ndarray | None = None) -> "PairClassifier":
        """Learn from the cross-fitted features of pairs of all kinds; one kind of negatives may be missing.

        Parameters
        ----------
        features : ndarray of shape (n_pairs, n_features)
        kinds : ndarray of shape (n_pairs,)
        sample_weight : ndarray of shape (n_pairs,), default=None
            Relative to the other pairs of a kind.

        Returns
        -------
        self
        """
        self.kinds_, counts = np.unique(kinds, return_counts=True)
        place = np.searchsorted(self.kinds_, kinds)
        # The kinds weigh the same, however many pairs they have.
        weights = len(kinds) / len(counts) / counts
        own = np.ones(len(kinds)) if sample_weight is None else _relative(sample_weight, place)
        # Plain arrays whatever users want transformers to return: set_config(transform_output="pandas").
        self.scaler_ = StandardScaler().set_output(transform="default").fit(features)
        scaled = self._scale(features)
        sample = _at_most(place, _ENOUGH_FOR_REGRESSION, np.random.RandomState(self.seed))
        self.linear_ = LogisticRegression(max_iter=SOLVER_STEPS).fit(
            scaled[sample], kinds[sample], sample_weight=weights[place[sample]] * own[sample]
        )
        self.perceptron_ = Perceptron.fit(scaled, place, weights, self.seed, None if sample_weight is None else own)
        self.perceptron_share_ = counts[0] / (counts[0] + _HALF_PERCEPTRON)
        self.curves_: list[tuple[np.ndarray, np.ndarray]] = []
        self.slope_, self.intercept_ = 1.0, 0.0
        read = _at_most(place, _ENOUGH_FOR_CURVES, np.random.RandomState(self.seed))
        odds = self._log_odds(features[read])
        if self._is_mixed():
            self._fit_curves(odds, kinds[read])
        self._calibrate(self._order(odds), kinds[read], own[read])
        return self

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Return the log-odds of an interaction against the mixture of negatives."""
        return self.slope_ * self._order(self._log_odds(features)) + self.intercept_

    def _order(self, odds: np.ndarray) -> np.ndarray:
        if not self._is_mixed():
            return odds[:, 0] if len(self.kinds_) == 2 or self.uniform_share == 1 else odds[:, 1]
        order = _mix(odds, self.uniform_share)
        for levels, shares in self.curves_:
            order = _mix(odds, np.interp(order, levels, shares))
        return order

    def _is_mixed(self) -> bool:
        return len(self.kinds_) == 3 and 0 < self.uniform_share < 1

    def _calibrate(self, order: np.ndarray, kinds: np.ndarray, weights: np.ndarray) -> None:
        """Fit slope and intercept to interactions and uniform negatives, or to the others if there are no such."""
        negative = self.kinds_[1] if UNIFORM not in self.kinds_ else UNIFORM
        chosen = (kinds == POSITIVE) | (kinds == negative)
        labels = kinds[chosen] == POSITIVE
        if min(labels.sum(), (~labels).sum()) < _ENOUGH_FOR_CALIBRATION:
            return
        share = np.where(labels, 1.0 / labels.sum(), 1.0 / (~labels).sum())
        weights = weights[chosen] * share * len(labels) / 2
        with warnings.catch_warnings():
            # scikit-learn 1.8 reads C=inf as penalty=None, and warns that this ignores C.
            warnings.filterwarnings("ignore", "Setting penalty=None will ignore the C", UserWarning)
            model = LogisticRegression(C=np.inf, max_iter=SOLVER_STEPS).fit(order[chosen][:, None], labels, weights)
        # A slope below zero would turn the order around; then nothing was learned that could be calibrated.
        if model.coef_[0, 0] > 0:
            self.slope_, self.intercept_ = float(model.coef_[0, 0]), float(model.intercept_[0])

    def _scale(self, features: np.ndarray) -> np.ndarray:
        return np.clip(self.scaler_.transform(features), -_FARTHEST, _FARTHEST)

    def _log_odds(self, features: np.ndarray) -> np.ndarray:
        """Return the log-odds against each kind of negatives, shape (n_pairs, n_kinds - 1)."""
        scaled = self._scale(features)
        linear = self.linear_.decision_function(scaled)
        # With two classes scikit-learn scores the second one.
        linear = -linear[:, None] if linear.ndim == 1 else linear[:, :1] - linear[:, 1:]
        logits = self.perceptron_.logits(scaled)
        bent = logits[:, :1] - logits[:, 1:]
        return (1.0 - self.perceptron_share_) * linear + self.perceptron_share_ * bent

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


def _relative(weights: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Scale weights to a mean of 1 in each kind."""
    counts = np.bincount(place)
    return weights * (counts / np.bincount(place, weights))[place]


def _at_most(place: np.ndarray, n_each: int, rng: np.random.RandomState) -> np.ndarray:
    """Return rows with at most `n_each` of each kind."""
    order = rng.permutation(len(place))
    chosen = [order[place[order] == kind][:n_each] for kind in np.unique(place)]
    return np.sort(np.concatenate(chosen))
