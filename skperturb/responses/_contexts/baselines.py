"""What has to be beaten in a new context: the other contexts, and the context itself."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._conditions import PerturbationRegressorMixin, n_perturbed
from skperturb.responses._noise import RowNoise

__all__ = ["ContextMean", "OtherContextsMean"]

_CONTEXTS: dict[str, Any] = {"contexts": ["array-like", str, None]}


class _ContextBaseline(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    """Means over training conditions, chosen by genes and contexts."""

    _parameter_constraints: dict = _CONTEXTS

    def __init__(self, contexts: Any = None) -> None:
        self.contexts = contexts

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None) -> Any:
        """Keep the training conditions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_columns)
            Doses and contexts, as `PerturbationEncoder` makes them.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.
        sample_weight : array-like of shape (n_conditions,), default=None
            How much each condition counts; zero leaves it out.
        noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), default=None
            Variance of the noise of y, see `AdditiveRegressor`; conditions count by their weight over it and what else
            varies.

        Returns
        -------
        self : estimator

        Raises
        ------
        TypeError
            If X holds labels, which `PerturbationEncoder` turns into doses.
        ValueError
            If rows of X, y, weights and noise have different names, or weights or noise are negative or NaN.
        """
        X, y, noise = self._validate_fit(X, y, sample_weight, noise_variance)
        self.contexts_ = self._context_names
        self._genes, self._context = self._parts(X)
        perturbed = n_perturbed(self._genes) > 0
        # Controls have no change in any context, and are no perturbation that a mean should hold.
        rows = perturbed if perturbed.any() else np.ones(len(X), dtype=bool)
        self._genes, self._context, self._y = self._genes[rows], self._context[rows], y[rows]
        noise = RowNoise(*(None if part is None else part[rows] for part in (noise.weight, noise.variance)))
        self._weight = noise.precision(self._y - self._y.mean(axis=0))
        self.mean_ = self._mean(np.ones(len(self._y), dtype=bool))
        return self

    def predict(self, X: Any) -> Any:
        """Predict log-fold changes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_columns)
            Doses and contexts. A row without genes, a control, has no change.

        Returns
        -------
        ndarray or DataFrame of shape (n_conditions, n_outputs) or (n_conditions,)
        """
        check_is_fitted(self)
        X, rows = self._validate_predict(X)
        genes, context = self._parts(X)
        values = np.zeros((len(X), self._y.shape[1]))
        for k in np.flatnonzero(n_perturbed(genes)):
            values[k] = self._predict_row(genes[k], context[k])
        return self._label_output(values, rows)

    def _parts(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the doses of genes, and the context of each row."""
        if self._design is None:
            return X, np.zeros(len(X), dtype=int)
        return X[:, self._design.genes], self._design.context_of(X)

    def _mean(self, rows: np.ndarray) -> np.ndarray:
        return np.average(self._y[rows], axis=0, weights=self._weight[rows])

    def _predict_row(self, genes: np.ndarray, context: int) -> np.ndarray:
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A mean, whatever the doses, is what it is for.
        tags.regressor_tags.poor_score = True
        return tags


class OtherContextsMean(_ContextBaseline):
    r"""Predict the mean response to the same perturbation in the other contexts.

    .. math:: \hat y_{gc} = \frac{1}{|C_g|} \sum_{c' \in C_g} y_{gc'}

    with the contexts :math:`C_g` other than c in which g was perturbed in training: the baseline for a new cell line. A
    combination that no other context has is the sum of its genes; a gene that no other context has gets the mean of its
    own context, or of all conditions where that is new too.

    Parameters
    ----------
    contexts : sequence of str or int, or DataFrame, default=None
        Which columns of X are contexts, see `KernelPerturbationRegressor`. Without contexts the mean of all conditions
        is predicted.

    Attributes
    ----------
    contexts_ : list of str
        The contexts; empty without.
    mean_ : ndarray of shape (n_outputs,)
        Mean response.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    ContextMean : The mean of the context, whatever the gene.
    KernelPerturbationRegressor : Shares strength between genes and contexts.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import OtherContextsMean, PerturbationEncoder
    >>> table = pd.DataFrame({"gene": ["A", "A", "B", "A"], "line": ["K562", "Jurkat", "K562", "HepG2"]})
    >>> X = PerturbationEncoder(contexts="line").fit_transform(table)
    >>> OtherContextsMean().fit(X[:3], [[1.0], [2.0], [5.0]]).predict(X[3:])
    array([[1.5]])
    """

    def _predict_row(self, genes: np.ndarray, context: int) -> np.ndarray:
        elsewhere = self._context != context
        same = (self._genes == genes).all(axis=1)
        if (rows := same & elsewhere).any():
            return self._mean(rows)
        own = self._context == context
        usual = self._mean(own) if own.any() and self._design is not None else self.mean_
        single = n_perturbed(self._genes) == 1
        perturbed = np.flatnonzero(genes)
        found = [rows for gene in perturbed if (rows := elsewhere & single & (self._genes[:, gene] != 0)).any()]
        if not found or (len(perturbed) > 1 and len(found) < len(perturbed)):
            return usual
        doses = genes[perturbed]
        return sum(
            (dose * self._per_dose(rows, gene) for dose, rows, gene in zip(doses, found, perturbed, strict=True)),
            np.zeros(self._y.shape[1]),
        )

    def _per_dose(self, rows: np.ndarray, gene: Any) -> np.ndarray:
        return self._mean(rows) / np.average(self._genes[rows, gene], weights=self._weight[rows])


class ContextMean(_ContextBaseline):
    r"""Predict the mean response of the context, whatever the gene.

    .. math:: \hat y_{gc} = \frac{1}{|G_c|} \sum_{g' \in G_c} y_{g'c}

    The baseline for a new gene in a known cell line. In a new context it is the mean of all conditions.

    Parameters
    ----------
    contexts : sequence of str or int, or DataFrame, default=None
        Which columns of X are contexts, see `KernelPerturbationRegressor`. Without contexts the mean of all conditions
        is predicted.

    Attributes
    ----------
    contexts_ : list of str
        The contexts; empty without.
    mean_ : ndarray of shape (n_outputs,)
        Mean response.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    OtherContextsMean : The mean of the gene in the other contexts.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import ContextMean, PerturbationEncoder
    >>> table = pd.DataFrame({"gene": ["A", "B", "A", "C"], "line": ["K562", "K562", "Jurkat", "K562"]})
    >>> X = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(table)
    >>> ContextMean().fit(X[:3], [[1.0], [2.0], [9.0]]).predict(X[3:])
    array([[1.5]])
    """

    def _predict_row(self, genes: np.ndarray, context: int) -> np.ndarray:
        own = self._context == context
        return self._mean(own) if own.any() else self.mean_
