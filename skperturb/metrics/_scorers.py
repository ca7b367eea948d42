"""Ready scorers for model selection: of interactions, sensitivities and log-fold changes."""

from collections.abc import Callable
from typing import Any

from sklearn.metrics import make_scorer

from skperturb._validation import describe
from skperturb.metrics._auroc import auroc
from skperturb.metrics._discrimination import perturbation_discrimination_score
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._response import (
    interaction_r2,
    pearson_delta,
    top_de_error,
    win_rate,
)
from skperturb.metrics._spearman import spearman_correlation

__all__ = [
    "auroc_scorer",
    "discrimination_scorer",
    "interaction_scorer",
    "l2_scorer",
    "pearson_delta_scorer",
    "spearman_scorer",
    "top_de_scorer",
    "win_rate_scorer",
]

spearman_scorer = make_scorer(spearman_correlation)
# Classifiers are judged by their scores, network predictors by what they predict.
auroc_scorer = make_scorer(auroc, response_method=("decision_function", "predict_proba", "predict"))
l2_scorer = make_scorer(l2_distance, greater_is_better=False)
pearson_delta_scorer = make_scorer(pearson_delta)
top_de_scorer = make_scorer(top_de_error, greater_is_better=False)
discrimination_scorer = make_scorer(perturbation_discrimination_score)


class _AgainstBaseline:
    """A scorer that needs the predictions of a second, fitted model."""

    def __init__(self, name: str, score: Callable[..., float], baseline: Any) -> None:
        if not callable(getattr(baseline, "predict", None)):
            raise TypeError(f"baseline is a {describe(baseline)}; expected a fitted estimator, which predicts.")
        self.name = name
        self.score = score
        self.baseline = baseline

    def __repr__(self) -> str:
        return f"{self.name}({self.baseline!r})"

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        return self.score(y, estimator.predict(X), self.baseline.predict(X))


def win_rate_scorer(baseline: Any) -> Callable[[Any, Any, Any], float]:
    """Make a scorer of the share of conditions on which an estimator beats a baseline.

    Parameters
    ----------
    baseline : fitted estimator
        Fitted on training conditions only.

    Returns
    -------
    callable
        ``scorer(estimator, X, y) -> float``

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.metrics import win_rate_scorer
    >>> from skperturb.responses import AdditiveRegressor
    >>> X = np.array([[1, 0], [0, 1], [1, 1]])
    >>> y = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.8]])
    >>> additive = AdditiveRegressor().fit(X[:2], y[:2])
    >>> shrunken = AdditiveRegressor(shrinkage=0.8).fit(X[:2], y[:2])
    >>> win_rate_scorer(additive)(shrunken, X[2:], y[2:])
    1.0
    """
    return _AgainstBaseline("win_rate_scorer", win_rate, baseline)


def interaction_scorer(additive: Any) -> Callable[[Any, Any, Any], float]:
    """Make a scorer of the explained share of what combinations do beyond addition.

    Parameters
    ----------
    additive : fitted AdditiveRegressor
        Fitted on training conditions only.

    Returns
    -------
    callable
        ``scorer(estimator, X, y) -> float``

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.metrics import interaction_scorer
    >>> from skperturb.responses import AdditiveRegressor
    >>> X = np.array([[1, 0], [0, 1], [1, 1]])
    >>> y = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.8]])
    >>> additive = AdditiveRegressor().fit(X[:2], y[:2])
    >>> shrunken = AdditiveRegressor(shrinkage=0.8).fit(X[:2], y[:2])
    >>> interaction_scorer(additive)(shrunken, X[2:], y[2:])
    1.0
    """
    return _AgainstBaseline("interaction_scorer", interaction_r2, additive)
