"""Kernel regression for unseen genes and for what combinations add to the sum of their genes."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator as _AnyEstimator
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import Interval, StrOptions, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._combination_kernels import CombinationKernels
from skperturb.responses._conditions import PerturbationRegressorMixin, estimate_effects, n_perturbed
from skperturb.responses._gene_effects import GeneEffectModel, gene_kernels
from skperturb.responses._multiple_kernels import MultipleKernelFit, fit_multiple_kernels, is_better

__all__ = ["KernelPerturbationRegressor"]

#: Fewer combinations than this cannot choose kernel weights.
_MIN_COMBINATIONS = 5


class KernelPerturbationRegressor(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    r"""Predict responses with kernels between genes and between combinations of genes.

    Two steps, both closed-form ridge regressions on a weighted sum of kernels,

    .. math:: \hat y_c = \sum_p s_p B_p(c) + \sum_{c'} \sum_k w_k K_k(c, c')\, \alpha_{c'}

    1. The effect of a gene that was never perturbed, from the genes that were: cosine kernels on `gene_features` and on
       the neighbourhoods in `graph`. Where they do not help, the mean of the known effects remains.
    2. What a combination adds to the sum of its single effects: linear and Gaussian kernels on that sum, on how far the
       single effects agree, on shared genes and on pairs of similar genes. Where they do not help, the additive model
       remains.

    The weights :math:`w_k`, the ridge penalty, the slopes :math:`s_p` and whether to use the kernels at all are chosen
    by the leave-one-out error on the training conditions, which costs no refit.

    Parameters
    ----------
    baseline : {"auto", "additive", "mean"} or estimator or None, default="auto"
        What combinations are predicted relative to. "auto" lets leave-one-out choose between plain addition and a
        scaled sum whose coefficient depends on the agreement and the size of the effects; "additive" is plain
        addition; "mean" and None leave the sum out. An estimator is fitted, and what it leaves over out of fold is
        predicted.
    gene_features : DataFrame, or dict or list of DataFrames, default=None
        Genes × features, aligned by name with the columns of X: GO terms (0/1, weighted by their rarity), profiles of
        the same genes in other screens, embeddings.
    graph : DataFrame, networkx graph or sequence of pairs, default=None
        Edges between genes; a third column of a DataFrame holds edge types, each a kernel of its own. Undirected.
    robust : bool, default=True
        Weigh down conditions that are far from their leave-one-out prediction.
    max_iter : int, default=50
        Iterations of the search for the kernel weights.

    Attributes
    ----------
    effects_ : ndarray of shape (n_genes, n_outputs)
        Known and predicted single effects.
    loo_error_ : dict of str to float
        Mean leave-one-out L2 error: "genes, mean", "genes, kernels", "combinations, baseline", "combinations, kernels"
        as far as they apply.
    kernel_weights_ : Series
        Weight of each kernel in the chosen models; empty when the fallbacks were chosen.
    loo_residuals_ : ndarray of shape (n_conditions, n_outputs)
        Training response minus its prediction from the other conditions (for a single: of the other genes).
    n_iter_ : int
        Largest number of iterations of a search for kernel weights.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    AdditiveRegressor : The model that this one falls back to.
    APPRegressor : A graph neural network on top.

    Notes
    -----
    Effects of genes that are perturbed only in combinations are estimated from those by ridge regression. Such
    combinations are left out of the second step, whose leave-one-out error they would make too small; with fewer than
    five others the additive model remains.

    References
    ----------
    Rasmussen, C. E. & Williams, C. K. I. Gaussian Processes for Machine Learning, section 5.4.2. MIT Press (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.responses import KernelPerturbationRegressor
    >>> X = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 1, 1, 0]]])
    >>> y = X @ np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 2.0]])
    >>> KernelPerturbationRegressor().fit(X, y).predict([[0, 0, 1, 1]])
    array([[1.5, 3. ]])
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "baseline": [StrOptions({"auto", "additive", "mean"}), _AnyEstimator, None],
        "gene_features": ["array-like", dict, list, None],
        "graph": "no_validation",
        "robust": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        baseline: Any = "auto",
        *,
        gene_features: Any = None,
        graph: Any = None,
        robust: bool = True,
        max_iter: int = 50,
    ) -> None:
        self.baseline = baseline
        self.gene_features = gene_features
        self.graph = graph
        self.robust = robust
        self.max_iter = max_iter

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> "KernelPerturbationRegressor":
        """Fit both steps.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes)
            Doses, as `PerturbationEncoder` makes them.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.

        Returns
        -------
        self : KernelPerturbationRegressor
        """
        X, y = self._validate_fit(X, y)
        names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))
        kernels = gene_kernels(self.gene_features, self.graph, names)
        effects = estimate_effects(X, y)
        genes = GeneEffectModel(effects, kernels, robust=self.robust, max_iter=self.max_iter)
        self.effects_ = genes.effects
        self._effect_variance = genes.variance
        self.loo_residuals_ = np.where(n_perturbed(X)[:, None] == 1, (X != 0) @ genes.loo_residuals, 0.0)
        self.loo_error_ = dict(genes.loo_error)
        self.n_iter_ = max(genes.n_iter, 1)
        self.kernel_weights_ = pd.Series(genes.weights, dtype=float)
        self._fit_combinations(X, y, kernels, effects.observed)
        return self

    def _fit_combinations(
        self, X: np.ndarray, y: np.ndarray, kernels: dict[str, np.ndarray], observed: np.ndarray
    ) -> None:
        combinations = n_perturbed(X) > 1
        self._combinations: MultipleKernelFit | None = None
        self._kernels: CombinationKernels | None = None
        self.baseline_ = None
        target = y[combinations]
        if isinstance(self.baseline, _AnyEstimator):
            self.baseline_, expected = _out_of_fold(self.baseline, X, y, combinations)
        elif self.baseline in ("auto", "additive"):
            expected = np.einsum("cg,go->co", X[combinations], self.effects_)
        else:
            expected = np.zeros_like(target)
            self.baseline_ = "none"
        residual = target - expected
        self._combination_variance = np.mean(residual**2, axis=0) if len(residual) else np.zeros(y.shape[1])
        self.loo_residuals_[combinations] = residual
        # A gene that is seen only in combinations has an effect that was estimated from them: their sums would look
        # better than those of new combinations, and the leave-one-out error with them.
        usable = ~(X[combinations][:, ~observed] != 0).any(axis=1)
        if usable.sum() < _MIN_COMBINATIONS:
            return
        used, residual = X[combinations][usable], residual[usable]
        built = CombinationKernels(used, self.effects_, kernels)
        bases = built.bases(used) if self.baseline == "auto" else []
        fitted = fit_multiple_kernels(
            list(built(used).values()),
            residual,
            bases,
            max_iter=self.max_iter,
            robust=self.robust,
        )
        self.n_iter_ = max(self.n_iter_, fitted.n_iter)
        plain, ours = np.linalg.norm(residual, axis=1), np.linalg.norm(fitted.loo_residuals, axis=1)
        self.loo_error_["combinations, baseline"] = float(plain.mean())
        self.loo_error_["combinations, kernels"] = float(ours.mean())
        if is_better(ours, plain) or self.baseline_ == "none":
            self._kernels, self._combinations = built, fitted
            self.loo_residuals_[np.flatnonzero(combinations)[usable]] = fitted.loo_residuals
            weights = pd.Series(dict(zip(built.scales, fitted.weights, strict=True)), dtype=float)
            self.kernel_weights_ = pd.concat([self.kernel_weights_, weights]) if len(self.kernel_weights_) else weights

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict log-fold changes.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes)
            Doses. A row of zeros, a control, has no change.
        return_std : bool, default=False
            Also return the standard deviation of the error of the prediction, scaled by the leave-one-out errors. It
            is zero for a gene that was observed alone, whose response is returned as it was measured.

        Returns
        -------
        y : ndarray or DataFrame of shape (n_conditions, n_outputs) or (n_conditions,)
        std : like `y`
            Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X, index = self._validate_predict(X)
        values = np.einsum("cg,go->co", X, self.effects_)
        combinations = n_perturbed(X) > 1
        if combinations.any():
            rows = X[combinations]
            if isinstance(self.baseline_, _AnyEstimator):
                values[combinations] = np.reshape(self.baseline_.predict(rows), (len(rows), -1))
            elif self.baseline_ == "none":
                values[combinations] = 0.0
            if self._combinations is not None and self._kernels is not None:
                bases = self._kernels.bases(rows) if len(self._combinations.slopes) else []
                values[combinations] += self._combinations.predict(list(self._kernels(rows).values()), bases)
        if return_std:
            deviation = np.sqrt(self._variance(X, combinations))
            return self._label_output(values, index), self._label_output(deviation, index)
        return self._label_output(values, index)

    def _variance(self, X: np.ndarray, combinations: np.ndarray) -> np.ndarray:
        variance = np.einsum("cg,go->co", X**2, self._effect_variance)
        if combinations.any():
            rows = X[combinations]
            if self._combinations is None or self._kernels is None:
                variance[combinations] += self._combination_variance
            else:
                kernels = list(self._kernels(rows).values())
                variance[combinations] += self._combinations.variance(kernels, self._kernels.diagonals(rows))
        return variance


def _out_of_fold(estimator: Any, X: np.ndarray, y: np.ndarray, combinations: np.ndarray) -> tuple[Any, np.ndarray]:
    """Fit an estimator, and predict each combination from the others and all single perturbations."""
    rows = np.flatnonzero(combinations)
    expected = np.zeros((len(rows), y.shape[1]))
    if len(rows) >= _MIN_COMBINATIONS:
        for _, held_out in KFold(min(10, len(rows)), shuffle=True, random_state=0).split(rows):
            training = np.setdiff1d(np.arange(len(X)), rows[held_out])
            model = clone(estimator).fit(X[training], y[training])
            expected[held_out] = np.reshape(model.predict(X[rows[held_out]]), (len(held_out), -1))
    return clone(estimator).fit(X, y), expected
