"""The bilinear model of Ahlmann-Eltze and colleagues."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import Interval, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._conditions import PerturbationRegressorMixin, sum_effects
from skperturb.responses._contexts.intercepts import fit_intercepts
from skperturb.responses._gene_tables import AlignedTable, align_table

__all__ = ["LinearPerturbationRegressor"]

#: Singular value, relative to the largest, that is more than rounding (1e-15); real screens have none below 1e-4.
_LEAST_AXIS = 1e-10
#: Difference of two singular values, relative to the first of them, that is rounding (1e-14 for 1,500 rows). On the
#: screen of Norman et al. they differ by 1e-3 or are equal, so that a thousand times more or less is the same.
_TIE = 1e-9


class LinearPerturbationRegressor(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    r"""Predict responses from an embedding of the read-out genes and one of the perturbed genes.

    .. math:: Y^\top \approx G W P^\top + b, \qquad
              W = (G^\top G + \lambda I)^{-1} G^\top (Y^\top - b) P (P^\top P + \lambda I)^{-1}

    G holds one row for each read-out gene, P one for each condition: the sum of the embeddings of its perturbed genes;
    b is the mean response of each read-out gene over the training conditions. With contexts,

    .. math:: b_l = b + \frac{n_l}{n_l + \sigma^2 / \tau^2}\, (\bar y_l - b)

    is the mean response in the context l, of which there are :math:`n_l` training conditions, drawn towards the common
    mean by how much conditions of a context differ (:math:`\sigma^2`) and how much contexts do (:math:`\tau^2`); the
    effects of genes are the same in all contexts. A context without training conditions gets the common mean.

    Parameters
    ----------
    n_components : int, default=10
        Dimension of the embeddings that are learned; more where further axes of the data are exactly as long as the
        last one, as all of them are in a screen of single genes. Which of these come first is up to the order of rows.
    alpha : float, default=0.1
        Ridge penalty λ on both sides.
    gene_embedding : DataFrame of shape (n_genes, n_dimensions), default=None
        G, one row for each read-out gene, aligned by name with the columns of y (for a y without names: in their
        order). None takes the principal components of the training responses.
    perturbation_embedding : DataFrame of shape (n_genes, n_dimensions), default=None
        Embedding of the perturbed genes, aligned by name with the columns of X, for example of scGPT, Geneformer,
        scFoundation or ESM. Genes without a row get zeros. None takes the rows of G for perturbed genes that are read
        out; where none is (or there are no names), the principal components of X.
    contexts : sequence of str or int, or DataFrame, default=None
        Which columns of X are contexts, see `KernelPerturbationRegressor`. Of a DataFrame only the names count.

    Attributes
    ----------
    coef_ : ndarray of shape (n_outputs, n_features) or (n_features,)
        What one unit of each column of X adds, columns of contexts included: the prediction is
        ``X @ coef_.T + intercept_``.
    embedding_coef_ : ndarray of shape (n_dimensions, n_outputs)
        Response to one unit of each embedding dimension of P.
    intercept_ : ndarray of shape (n_outputs,)
        b, with contexts the common mean.
    context_effects_ : ndarray of shape (n_contexts, n_outputs)
        What each context adds to b; no rows without contexts. With several covariates it is the sum of what their
        levels add.
    contexts_ : list of str
        The contexts, "unknown" that of rows without one; empty without contexts.
    perturbation_embedding_ : ndarray of shape (n_genes, n_dimensions)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    References
    ----------
    Ahlmann-Eltze, C., Huber, W. & Anders, S. Deep-learning-based gene perturbation effect prediction does not yet
    outperform simple linear baselines. Nature Methods 22, 1657 (2025). doi:10.1038/s41592-025-02772-6.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import LinearPerturbationRegressor
    >>> X = pd.DataFrame([[1, 0, 0], [0, 1, 0]], columns=["KLF1", "CEBPA", "SPI1"])
    >>> y = pd.DataFrame([[1.0, 0.0], [0.0, 2.0]], columns=["HBG1", "CD14"])
    >>> table = pd.DataFrame([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], index=["KLF1", "CEBPA", "SPI1"])
    >>> model = LinearPerturbationRegressor(n_components=1, alpha=1e-6, perturbation_embedding=table).fit(X, y)
    >>> model.predict(X).round(2)
       HBG1  CD14
    0   1.0   0.0
    1   0.0   2.0
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "gene_embedding": ["array-like", None],
        "perturbation_embedding": ["array-like", None],
        "contexts": ["array-like", str, None],
    }

    def __init__(
        self,
        n_components: int = 10,
        *,
        alpha: float = 0.1,
        gene_embedding: Any = None,
        perturbation_embedding: Any = None,
        contexts: Any = None,
    ) -> None:
        self.n_components = n_components
        self.alpha = alpha
        self.gene_embedding = gene_embedding
        self.perturbation_embedding = perturbation_embedding
        self.contexts = contexts

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None
    ) -> "LinearPerturbationRegressor":
        """Fit W and b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.
        sample_weight : array-like of shape (n_conditions,), default=None
            How often each condition counts; zero leaves it out. A Series is aligned by the names of the rows. The more
            conditions count, the less is drawn towards zero (`alpha`) and contexts towards what they share.
        noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), default=None
            Variance of the noise of each value of y, such as ``variance`` of `pseudobulk`, or their sum over the
            outputs, such as ``noise_variance`` of `fetch_norman2019`; aligned by name. Conditions count by their weight
            over it and what else varies; an infinite one leaves the condition out.

        Returns
        -------
        self : LinearPerturbationRegressor

        Raises
        ------
        TypeError
            If X holds labels, which `PerturbationEncoder` turns into doses.
        ValueError
            If rows of X, y, weights and noise have different names, weights or noise are negative or NaN, or an
            embedding names none of the genes.

        Warns
        -----
        UserWarning
            If an embedding names fewer than half of the genes.
        """
        X, y, noise = self._validate_fit(X, y, sample_weight, noise_variance)
        weight = noise.precision(y - np.average(y, axis=0, weights=noise.weight))
        self.contexts_ = self._context_names
        names = getattr(self, "feature_names_in_", None)
        centerd = y - self._fit_intercepts(X, y, weight)
        if self._design is not None:
            X, names = X[:, self._design.genes], None if names is None else names[self._design.genes]
        readout = self._readout_embedding(centerd, weight)
        self.perturbation_embedding_ = self._perturbation_embedding(X, names, readout, weight)
        conditions = X @ self.perturbation_embedding_
        weighted = weight[:, None] * conditions
        left = readout.T @ readout + self.alpha * np.eye(readout.shape[1])
        right = conditions.T @ weighted + self.alpha * np.eye(conditions.shape[1])
        inner = np.linalg.solve(left, readout.T @ centerd.T @ weighted)
        weights = np.linalg.solve(right, inner.T).T
        self.embedding_coef_ = (readout @ weights).T
        return self

    @property
    def coef_(self) -> np.ndarray:
        """Response to one unit of each column of X."""
        # Not kept, because for a whole genome it is larger than all else that is known.
        by_gene = self.perturbation_embedding_ @ self.embedding_coef_
        coef = np.zeros((self.n_features_in_, by_gene.shape[1]))
        coef[slice(None) if self._design is None else self._design.genes] = by_gene
        for own, offsets in zip(() if self._design is None else self._design.columns, self._offsets, strict=True):
            coef[own] = offsets
        return coef[:, 0] if self._flat_output else coef.T

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
        genes, intercept = X, self.intercept_
        if self._design is not None:
            genes = X[:, self._design.genes]
            intercept = self.intercept_ + self.context_effects_[self._design.context_of(X)]
        conditions = sum_effects(genes, self.perturbation_embedding_)
        values = intercept + np.einsum("ck,ko->co", conditions, self.embedding_coef_)
        return self._label_output(values, rows)

    def _fit_intercepts(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Set the common intercept and what contexts add, and return the sum of both for each condition."""
        if self._design is None:
            self.intercept_ = np.average(y, axis=0, weights=weight)
            self.context_effects_ = np.zeros((0, y.shape[1]))
            self._offsets: list[np.ndarray] = []
            return self.intercept_
        # A condition has one level at most.
        self._design.context_of(X)
        self.intercept_, self._offsets = fit_intercepts([X[:, own] for own in self._design.columns], y, weight)
        # The level "unknown", the last, adds nothing.
        padded = [np.vstack([values, np.zeros(y.shape[1])]) for values in self._offsets]
        codes = self._design.contexts
        self.context_effects_ = np.sum([values[codes[:, k]] for k, values in enumerate(padded)], axis=0)
        return self.intercept_ + self.context_effects_[self._design.context_of(X)]

    def _readout_embedding(self, centerd: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if self.gene_embedding is not None:
            names = self._output_names if self._output_names is not None else range(centerd.shape[1])
            return _covering(align_table(self.gene_embedding, names, "gene_embedding"), "gene_embedding", names)
        return _principal_components(centerd, weight, self.n_components)

    def _perturbation_embedding(
        self, X: np.ndarray, names: np.ndarray | None, readout: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        if self.perturbation_embedding is not None:
            wanted = range(X.shape[1]) if names is None else names
            table = align_table(self.perturbation_embedding, wanted, "perturbation_embedding")
            return _covering(table, "perturbation_embedding", wanted)
        if names is not None and self._output_names is not None:
            positions = pd.Index(self._output_names).get_indexer(pd.Index(names))
            if (positions >= 0).any():
                return np.where(positions[:, None] >= 0, readout[positions], 0.0)
        # No perturbed gene is read out: the only embedding left is that of the conditions themselves.
        return _principal_components(X - np.average(X, axis=0, weights=weight), weight, self.n_components)


def _covering(table: AlignedTable, argument: str, names: Any) -> np.ndarray:
    """Return the rows of a table that has a row for some gene; warn, with the count, if it lacks most of them."""
    n_present, n_genes = int(table.present.sum()), len(table.present)
    if n_present == 0:
        raise ValueError(
            f"{argument} has a row for none of the {n_genes} genes, such as {list(names)[:3]}. Its index must hold "
            "their names."
        )
    if 2 * n_present < n_genes:
        warnings.warn(
            f"{argument} has a row for {n_present} of the {n_genes} genes; the others count as zeros.",
            UserWarning,
            stacklevel=5,
        )
    return table.values


def _principal_components(centerd: np.ndarray, weight: np.ndarray, n_components: int) -> np.ndarray:
    """Return the loadings, one row for each column of the data, with a sign that does not depend on the platform."""
    _, sizes, rows = np.linalg.svd(centerd * np.sqrt(weight)[:, None], full_matrices=False)
    # Along which nothing varies any direction will do, so that none is a component; and of axes that are equally long
    # any rotation will do, so that all or none are.
    last = sizes[min(n_components, len(sizes)) - 1]
    rows = rows[(sizes >= (1.0 - _TIE) * last) & (sizes > _LEAST_AXIS * sizes[0])]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return (rows * np.where(largest < 0, -1.0, 1.0)).T
