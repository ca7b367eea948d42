"""The additive model: a combination does what its genes do alone, added up."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import Interval, StrOptions, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._conditions import PerturbationRegressorMixin, estimate_effects, n_perturbed, sum_effects
from skperturb.responses._contexts.effects import fill_from_other_contexts

__all__ = ["AdditiveRegressor"]


class AdditiveRegressor(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    r"""Predict a combination by adding the responses to its genes alone.

    .. math:: \hat y_c = b + s \sum_g x_{cg} e_g

    for combinations, with the single effects :math:`e_g`; a single keeps its own effect (:math:`s = 1, b = 0`).

    Parameters
    ----------
    shrinkage : float or "auto", default=1.0
        The coefficient s. 1 is plain addition; "auto" fits one coefficient to the training combinations.
    fit_intercept : bool, default=False
        Fit b, one value for each output, to the training combinations.
    alpha : float, default=1.0
        Ridge penalty on the effects of genes that are perturbed only in combinations.
    contexts : sequence of str or int, or DataFrame, default=None
        Which columns of X are contexts, see `KernelPerturbationRegressor`. A gene then has an effect in each context:
        the one observed there, and the mean over the other contexts where there is none.
    dose_response : {"linear", "saturating"}, default="linear"
        What a dose d counts for. "saturating" replaces it by :math:`d\,(r + k) / (d + k)`, with the largest dose r of
        the gene or compound and the half-dose k that predicts its doses from one another best, no saturation included.
        So few doses of a compound inform all others.

    Attributes
    ----------
    effects_ : ndarray of shape (n_genes, n_outputs)
        Single effects; zero for genes that were never perturbed. With contexts of shape (n_contexts * n_genes,
        n_outputs), context by context.
    contexts_ : list of str
        The contexts, "unknown" that of rows without one; empty without contexts.
    half_doses_ : ndarray of shape (n_genes,)
        k, infinite for linear responses.
    shrinkage_ : float
    intercept_ : ndarray of shape (n_outputs,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    KernelPerturbationRegressor : Predicts what the additive model leaves over.

    References
    ----------
    Ahlmann-Eltze, C., Huber, W. & Anders, S. Deep-learning-based gene perturbation effect prediction does not yet
    outperform simple linear baselines. Nature Methods 22, 1657 (2025). doi:10.1038/s41592-025-02772-6.

    Examples
    --------
    >>> from skperturb.responses import AdditiveRegressor
    >>> X, y = [[1, 0], [0, 1], [1, 1]], [[1.0, 0.0], [0.5, 2.0], [1.2, 1.6]]
    >>> AdditiveRegressor().fit(X, y).predict([[1, 1]])
    array([[1.5, 2. ]])
    >>> AdditiveRegressor(shrinkage="auto").fit(X, y).predict([[1, 1]])
    array([[1.2, 1.6]])
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "shrinkage": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "fit_intercept": ["boolean"],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "contexts": ["array-like", str, None],
        "dose_response": [StrOptions({"linear", "saturating"})],
    }

    def __init__(
        self,
        shrinkage: float | str = 1.0,
        *,
        fit_intercept: bool = False,
        alpha: float = 1.0,
        contexts: Any = None,
        dose_response: str = "linear",
    ) -> None:
        self.shrinkage = shrinkage
        self.fit_intercept = fit_intercept
        self.alpha = alpha
        self.contexts = contexts
        self.dose_response = dose_response

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None) -> "AdditiveRegressor":
        """Fit the effects and the coefficient.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses, as `PerturbationEncoder` makes them.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.
        sample_weight : array-like of shape (n_conditions,), default=None
            How often each condition counts; zero leaves it out. A Series is aligned by the names of the rows.
        noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), default=None
            Variance of the noise of each value of y, such as ``variance`` of `pseudobulk`, or their sum over the
            outputs, such as ``noise_variance`` of `fetch_norman2019`; aligned by name. Conditions count by their weight
            over it and what else varies; an infinite one leaves the condition out.

        Returns
        -------
        self : AdditiveRegressor

        Raises
        ------
        TypeError
            If X holds labels, which `PerturbationEncoder` turns into doses.
        ValueError
            If rows of X, y, weights and noise have different names, or weights or noise are negative or NaN.
        """
        X, y, noise = self._validate_fit(X, y, sample_weight, noise_variance)
        X, self.contexts_, self.half_doses_ = self._by_context(X), self._context_names, self._half_doses
        effects = estimate_effects(X, y, self.alpha, noise)
        self.effects_ = effects.values
        if self._design is not None:
            fill_from_other_contexts(self.effects_, effects.known, len(self._design.genes))
        combinations = n_perturbed(X) > 1
        sums, target = sum_effects(X[combinations], self.effects_), y[combinations]
        weight = noise.take(combinations).precision(target - sums)
        self.intercept_ = np.zeros(y.shape[1])
        center, target_center = self.intercept_, self.intercept_
        if self.fit_intercept and len(sums):
            center, target_center = (np.average(values, axis=0, weights=weight) for values in (sums, target))
        power = float(weight @ ((sums - center) ** 2).sum(axis=1))
        if self.shrinkage != "auto":
            self.shrinkage_ = float(self.shrinkage)
        else:
            product = float(weight @ ((sums - center) * (target - target_center)).sum(axis=1))
            self.shrinkage_ = product / power if power > 0 else 1.0
        self.intercept_ = target_center - self.shrinkage_ * center
        return self

    def predict(self, X: Any) -> Any:
        """Predict log-fold changes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.

        Returns
        -------
        ndarray or DataFrame of shape (n_conditions, n_outputs) or (n_conditions,)
        """
        check_is_fitted(self)
        X, rows = self._validate_predict(X)
        X = self._by_context(X)
        combinations = (n_perturbed(X) > 1)[:, None]
        total = sum_effects(X, self.effects_)
        values = np.where(combinations, self.intercept_ + self.shrinkage_ * total, total)
        return self._label_output(values, rows)
