"""Kernel regression for unseen genes and for what combinations add to the sum of their genes."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator as _AnyEstimator, RegressorMixin, clone
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import Interval, StrOptions, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._conditions import (
    PerturbationRegressorMixin,
    SingleEffects,
    condition_groups,
    estimate_effects,
    group_means,
    n_perturbed,
    row_norms,
    sum_effects,
)
from skperturb.responses._contexts.effects import ContextEffectModel
from skperturb.responses._contexts.kernels import GeneOfContext
from skperturb.responses._gene_tables import gene_edges
from skperturb.responses._held_out import N_PARTS, fit_with_noise, is_better, predict_held_out
from skperturb.responses._kernels.combination_kernels import CombinationKernelModel
from skperturb.responses._kernels.gaussian_process import InteractionGaussianProcess, best_gaussian_process
from skperturb.responses._kernels.gene_effects import MIN_GENES, GeneEffectModel
from skperturb.responses._kernels.gene_kernels import gene_kernels
from skperturb.responses._kernels.sources import KernelSource
from skperturb.responses._noise import RowNoise, relative_noise

__all__ = ["KernelPerturbationRegressor"]

#: Fewer combinations than this cannot choose kernel weights; the prior of the process lets it do with fewer.
_MIN_COMBINATIONS, _MIN_PROCESS = 5, 2
#: Standard errors by which the leave-one-out error of the kernels has to be smaller than that of the process. 0.2 to 2
#: choose the same on Norman's and on simulated pairs; at 4 the process is kept on some simulated screens where its test
#: error is 3 % larger, at 20 on all of them, with errors up to 10 % larger.
_HANDICAP = 2.0
#: Effects up to which the kernel is exact, a matrix of 1.8 GB, two of which may be there at a time; and the landmarks
#: beyond, whose decomposition takes less than a minute.
_MAX_EXACT, _N_LANDMARKS = 15_000, 3_000


class KernelPerturbationRegressor(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    r"""Predict responses with kernels between genes and between combinations of genes.

    Two steps, both in closed form once the weights of their kernels are chosen:

    1. The effect of a gene that was never perturbed, from the genes that were: ridge regression on cosine kernels on
       `gene_features` and on the neighborhoods in `graph`, and on the square of their sum, in which genes are close
       that several of them find similar (not with contexts),

       .. math:: k(g, h) = w_0 + \sum_k w_k K_k(g, h) + w_s \Bigl(\sum_k v_k K_k(g, h)\Bigr)^2,

       where v are the weights that are best without the square. With 24 to 1,000 known genes (and no contexts), this is
       mixed with a weighted geometric median of the known effects; their groups, of which the kernels tell how probable
       each is, and the similarity of the genes give the weights, leave-one-out errors the share. Where kernels do not
       help, the mean of the known effects remains.
    2. What a combination adds to the sum of its single effects :math:`e_g`, the better of two models or nothing:
       a Gaussian process that scales each single effect by a coefficient that depends on the gene and its partners,

       .. math:: \hat y_c = \sum_g (1 + u_{cg})\, x_{cg}\, e_g + r_c,

       and ridge regression on linear and Gaussian kernels on the sum, on how far the single effects agree, on shared
       genes and on pairs of similar genes,

       .. math:: \hat y_c = \sum_p s_p B_p(c) + \sum_{c'} \sum_k w_k K_k(c, c')\, \alpha_{c'}.

    Which model, and whether to use one at all, is decided by the leave-one-out error on the training conditions, which
    costs no refit, and so are the weights :math:`w_k`, the ridge penalty and the slopes :math:`s_p`. The Gaussian
    process has few hyperparameters, which maximize its marginal likelihood.

    Parameters
    ----------
    baseline : {"auto", "additive", "mean"} or estimator or None, default="auto"
        What combinations are predicted relative to. "auto" lets leave-one-out choose between plain addition and a
        scaled sum whose coefficient depends on the agreement and the size of the effects; "additive" is plain
        addition; "mean" and None leave the sum out. An estimator is fitted, and what it leaves over out of fold is
        predicted.
    gene_features : DataFrame of shape (n_genes, n_features), or dict or list of such, default=None
        Genes × features, aligned by name with the columns of X: GO terms (0/1, weighted by their rarity), profiles of
        the same genes in other screens, embeddings.
    graph : DataFrame (pandas or polars), networkx or PyG graph, sparse matrix or sequence of pairs, default=None
        Edges between genes, undirected, aligned by name with the columns of X. A DataFrame has a gene in each of its
        first two columns and, optionally, edge types as text, each a kernel of its own, as are the edges that several
        types name, and weights as numbers. The nodes of a sparse matrix, and of a PyG graph without ``names``, are the
        positions of the columns of an X without names.
        Perturbed genes that the graph lacks get their effect from `gene_features` alone; one warning counts the genes
        that neither has.
    edge_weights : {"use", "ignore"} or float, default="use"
        What the numbers of `graph` do: a numeric column of a DataFrame, the attribute ``weight`` of networkx,
        ``edge_attr`` of PyG, the entries of a matrix. "use" weighs edges by them, relative to the largest absolute
        value; negative ones make neighbors opposite. "ignore" counts all edges alike. A number cuts: edges with a
        smaller absolute weight are left out, and the others count alike, with their sign.
    robust : bool, default=True
        Weigh down conditions that are far from their leave-one-out prediction. The weights of kernels between
        combinations, and with contexts, are chosen so as well; those for new genes count all genes alike.
    max_iter : int, default=50
        Iterations of the search for the kernel weights.
    contexts : sequence of str or int, or DataFrame of shape (n_contexts, n_features), default=None
        Columns of X that are no genes but one-hot contexts (cell lines, batches): their names, positions, or what
        comes before "=" in names such as "cell_line=K562". None takes the columns with such names, as
        `PerturbationEncoder` writes them, and () none. A DataFrame also says what is known about each context, such as
        ``control_mean`` of `pseudobulk`; its rows are the levels ("K562") or the names of the columns.
    dose_response : {"linear", "saturating"}, default="linear"
        What a dose d counts for. "saturating" replaces it by :math:`d\,(r + k) / (d + k)`, with the largest dose r of
        the gene or compound and the half-dose k that predicts its doses from one another best, no saturation included.
        So few doses of a compound inform all others.
    n_landmarks : int, "auto" or None, default="auto"
        Genes (with contexts, genes in contexts) that all others are compared with if more were perturbed alone, taken
        at even steps from weak to strong effects. The kernels are then approximated by the method of Nyström, with
        `sklearn.kernel_approximation.Nystroem`. "auto" does so above 15,000, where the matrix of the exact kernel takes
        1.8 GB, with 3,000 and a warning; None never does.

    Attributes
    ----------
    effects_ : ndarray of shape (n_genes, n_outputs)
        Known and predicted single effects; with contexts of shape (n_contexts * n_genes, n_outputs), context by
        context.
    contexts_ : list of str
        The contexts, "unknown" that of rows without one; empty without contexts.
    half_doses_ : ndarray of shape (n_genes,)
        k, infinite for linear responses.
    loo_error_ : dict of str to float
        Mean leave-one-out L2 error: "genes, mean", "genes, mean of other contexts", "genes, kernels", "combinations,
        baseline", "combinations, kernels", "combinations, process" as far as they apply.
    kernel_weights_ : Series
        Weight of each kernel in the chosen models, "squared sum" that of the square; empty when the fallbacks were
        chosen.
    loo_residuals_ : ndarray of shape (n_conditions, n_outputs)
        Training response minus its prediction from the other conditions (for a single: of the other genes).
    group_share_ : float
        Share of the median within groups of responses in the predictions for new genes; 0 where it does not help.
    n_landmarks_ : int
        Landmarks of the fit; 0 where the kernel is exact.
    n_iter_ : int
        Largest number of iterations of a search for kernel weights.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    AdditiveRegressor : The model that this one falls back to.
    APPRegressor : A graph neural network on top.

    Notes
    -----
    Effects of genes that are perturbed only in combinations are estimated from those by ridge regression. Such
    combinations are left out of the second step, whose leave-one-out error they would make too small; with fewer than
    two others (five, unless `baseline` is "auto") the baseline remains, and with fewer than five only the Gaussian
    process is tried. The additive model also remains for combinations of which no gene was perturbed alone: the
    second step learned from measured effects, and would correct estimated ones that are too small already.

    With contexts, a gene has an effect in each: a sum of what all contexts share and what is particular to one, with
    the kernels :math:`k(g, g')\, k(c, c')` for each kernel between genes (all alike, the same gene, `gene_features`,
    `graph`) and between contexts (all alike, the same level, their features), known as coregionalization. The weights
    say how much of each there is. So predictions exist for a known gene in a new context (a row without a level, or
    with one that was not trained), for a new gene in a known context, and for both; each combination starts from the
    effects in its context. An effect that was observed in a context is returned as it was measured there.

    References
    ----------
    Alvarez, M. A., Rosasco, L. & Lawrence, N. D. Kernels for vector-valued functions: a review. Foundations and Trends
    in Machine Learning 4, 195 (2012).

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
        "edge_weights": [StrOptions({"use", "ignore"}), Interval(Real, 0, None, closed="neither")],
        "robust": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "contexts": ["array-like", str, None],
        "dose_response": [StrOptions({"linear", "saturating"})],
        "n_landmarks": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
    }

    def __init__(
        self,
        baseline: Any = "auto",
        *,
        gene_features: Any = None,
        graph: Any = None,
        edge_weights: str | float = "use",
        robust: bool = True,
        max_iter: int = 50,
        contexts: Any = None,
        dose_response: str = "linear",
        n_landmarks: int | str | None = "auto",
    ) -> None:
        self.baseline = baseline
        self.gene_features = gene_features
        self.graph = graph
        self.edge_weights = edge_weights
        self.robust = robust
        self.max_iter = max_iter
        self.contexts = contexts
        self.dose_response = dose_response
        self.n_landmarks = n_landmarks

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None
    ) -> "KernelPerturbationRegressor":
        """Fit both steps.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses, as `PerturbationEncoder` makes them.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.
        sample_weight : array-like of shape (n_conditions,), default=None
            How much each condition counts, such as its number of cells. Only ratios matter. A Series is aligned by the
            names of the rows.
        noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), default=None
            Variance of the noise of each value of y, such as ``variance`` of `pseudobulk`, or their sum over the
            outputs, such as ``noise_variance`` of `fetch_norman2019`; aligned by name. An infinite one leaves the
            condition out, as a weight of zero does.

        Returns
        -------
        self : KernelPerturbationRegressor

        Raises
        ------
        TypeError
            If X holds labels, which `PerturbationEncoder` turns into doses.
        ValueError
            If rows of X, y, weights and noise have different names, or weights or noise are negative or NaN.
        """
        X, y, noise = self._validate_fit(X, y, sample_weight, noise_variance)
        noise = noise.without_equal_weights()
        names = np.asarray(getattr(self, "feature_names_in_", np.arange(X.shape[1])))
        names = names if self._design is None else names[self._design.genes]
        X, self.contexts_, self.half_doses_ = self._by_context(X), self._context_names, self._half_doses
        edges = None if self.graph is None else gene_edges(self.graph, self.edge_weights)
        kernels = gene_kernels(self.gene_features, edges, names)
        effects = estimate_effects(X, y, noise=noise, relative=True)
        genes: GeneEffectModel | ContextEffectModel
        options = {"robust": self.robust, "max_iter": self.max_iter, "n_landmarks": self._landmarks(effects)}
        if self._design is None:
            genes = GeneEffectModel(effects, kernels, **options)
        else:
            genes = ContextEffectModel(effects, kernels, self._design, **options)
        self.group_share_ = genes.group_share if isinstance(genes, GeneEffectModel) else 0.0
        self.n_landmarks_ = genes.n_landmarks
        if self.n_landmarks == "auto" and genes.n_landmarks:
            _warn_approximate(effects, genes.n_landmarks)
        if kernels.names and not genes.weights and not effects.known.all():
            _warn_unused(effects, tried="genes, kernels" in genes.loo_error, edges=edges)
        self.effects_ = genes.effects
        self._effect_variance = genes.variance
        # An effect that was measured in another context is no sum that was shrunk.
        self._observed = effects.observed if self._design is None else self._design.in_any_context(effects.observed)
        self.loo_residuals_ = _residuals_of_singles(X, genes)
        self.loo_error_ = dict(genes.loo_error)
        self.n_iter_ = max(genes.n_iter, 1)
        self.kernel_weights_ = pd.Series(genes.weights, dtype=float)
        pairs = kernels if self._design is None else GeneOfContext(kernels, len(names))
        self._fit_combinations(X, y, noise, pairs, effects)
        return self

    def _landmarks(self, effects: SingleEffects) -> int | None:
        """Return how many effects the others are compared with, None for all."""
        if not isinstance(self.n_landmarks, str):
            return self.n_landmarks
        return _N_LANDMARKS if effects.observed.sum() > _MAX_EXACT else None

    def _fit_combinations(
        self, X: np.ndarray, y: np.ndarray, noise: RowNoise, kernels: KernelSource, effects: SingleEffects
    ) -> None:
        combinations = n_perturbed(X) > 1
        self._combinations: CombinationKernelModel | InteractionGaussianProcess | None = None
        self.baseline_ = None
        target = y[combinations]
        if isinstance(self.baseline, _AnyEstimator):
            self.baseline_, expected = _out_of_fold(self.baseline, X, y, noise, combinations)
        elif self.baseline in ("auto", "additive"):
            expected = sum_effects(X[combinations], self.effects_)
        else:
            expected = np.zeros_like(target)
            self.baseline_ = "none"
        residual = target - expected
        self._combination_variance = np.mean(residual**2, axis=0) if len(residual) else np.zeros(y.shape[1])
        self.loo_residuals_[combinations] = residual
        # A gene that is seen only in combinations has an effect that was estimated from them: their sums would look
        # better than those of new combinations, and the leave-one-out error with them.
        usable = ~(X[combinations][:, ~effects.observed] != 0).any(axis=1)
        used, rows = X[combinations][usable], residual[usable]
        noise = noise.take(np.flatnonzero(combinations)[usable])
        # Replicates would predict one another: each combination counts once, with the mean of its replicates.
        first, group = condition_groups(used)
        residual = group_means(rows, group, noise.replicate_precision(0.0, len(rows)))
        if len(first) < (_MIN_PROCESS if self.baseline == "auto" and residual.any() else _MIN_COMBINATIONS):
            return
        model = self._choose(used[first], residual, kernels, _noise_of_groups(noise, effects, used[first], group))
        plain, ours = row_norms(residual), row_norms(model.loo_residuals)
        self.loo_error_["combinations, baseline"] = float(plain.mean())
        if is_better(ours, plain) or self.baseline_ == "none":
            self._combinations = model
            self.loo_residuals_[np.flatnonzero(combinations)[usable]] = rows + (model.loo_residuals - residual)[group]
            weights = pd.Series(model.weights, dtype=float)
            self.kernel_weights_ = pd.concat([self.kernel_weights_, weights]) if len(self.kernel_weights_) else weights

    def _choose(
        self, X: np.ndarray, residual: np.ndarray, kernels: KernelSource, given_noise: np.ndarray | None
    ) -> CombinationKernelModel | InteractionGaussianProcess:
        """Fit the models of what combinations add, and return the one with the smaller leave-one-out error."""
        auto = self.baseline == "auto"
        found: dict[str, Any] = {}
        if len(X) >= _MIN_COMBINATIONS:
            found["kernels"] = CombinationKernelModel(
                X,
                residual,
                self.effects_,
                kernels,
                slopes=auto,
                given_noise=given_noise,
                robust=self.robust,
                max_iter=self.max_iter,
            )
        if auto and residual.any():
            found["process"] = best_gaussian_process(
                X, residual, self.effects_, given_noise=given_noise, max_iter=self.max_iter
            )
        errors = {name: row_norms(model.loo_residuals) for name, model in found.items()}
        self.loo_error_ |= {f"combinations, {name}": float(values.mean()) for name, values in errors.items()}
        self.n_iter_ = max(self.n_iter_, *(model.n_iter for model in found.values()))
        if len(found) < 2:
            return next(iter(found.values()))
        # The error of the kernels is too small, since they were weighed by it: they have to be clearly better.
        return found["kernels" if is_better(errors["kernels"], errors["process"], n_errors=_HANDICAP) else "process"]

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict log-fold changes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses. A row of zeros, a control, has no change; one of NaN, of unknown genes, the mean response.
        return_std : bool, default=False
            Also return the standard deviation of the error of the prediction, scaled by the leave-one-out errors. It
            is zero for a gene that was observed alone, whose response is returned as it was measured; with
            ``noise_variance`` in `fit` it is the standard error of that measurement.

        Returns
        -------
        y : ndarray or DataFrame of shape (n_conditions, n_outputs) or (n_conditions,)
        std : like `y`
            Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X, rows = self._validate_predict(X)
        values = self._label_output(self.predict_values(X), rows)
        if not return_std:
            return values
        return values, self._label_output(np.sqrt(self.predict_variance(X)), rows, deviation=True)

    def predict_values(self, X: np.ndarray) -> np.ndarray:
        """Predict log-fold changes of doses that are validated already, as `APPRegressor` does for its baseline.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)
            Doses as finite float64, in the columns of `fit`; a DataFrame is for `predict`.

        Returns
        -------
        ndarray of shape (n_conditions, n_outputs)
            Without names, and with two dimensions also where y had one.
        """
        check_is_fitted(self)
        X = self._by_context(X)
        values = sum_effects(X, self.effects_)
        combinations = n_perturbed(X) > 1
        if isinstance(self.baseline_, _AnyEstimator) and combinations.any():
            values[combinations] = np.reshape(self.baseline_.predict(X[combinations]), (combinations.sum(), -1))
        elif self.baseline_ == "none":
            values[combinations] = 0.0
        corrected = self._corrected(X, combinations)
        if self._combinations is not None and corrected.any():
            values[corrected] += self._combinations.predict(X[corrected])
        return values

    def predict_variance(self, X: np.ndarray) -> np.ndarray:
        """Return the variance of the errors of `predict_values`, the square of the standard deviation of `predict`.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)
            As for `predict_values`.

        Returns
        -------
        ndarray of shape (n_conditions, n_outputs)
            In squared log-fold changes.
        """
        check_is_fitted(self)
        X = self._by_context(X)
        combinations = n_perturbed(X) > 1
        variance = self._effect_variance.of_predicted(X)
        # The errors of combinations, by which theirs is scaled, hold the noise of the single effects.
        variance[~combinations] += self._effect_variance.of_observed(X[~combinations])
        corrected = self._corrected(X, combinations)
        variance[combinations & ~corrected] += self._combination_variance
        if self._combinations is not None and corrected.any():
            variance[corrected] += self._combinations.variance(X[corrected])
        return variance

    def _corrected(self, X: np.ndarray, combinations: np.ndarray) -> np.ndarray:
        """Tell which rows the second step applies to: what it learned from measured effects, it says about them."""
        if self._combinations is None:
            return np.zeros(len(X), dtype=bool)
        if self.baseline_ is not None:
            return combinations
        return combinations & (X[:, self._observed] != 0).any(axis=1)


def _warn_approximate(effects: SingleEffects, n_landmarks: int) -> None:
    warnings.warn(
        f"The kernels between {int(effects.observed.sum())} measured effects are approximated by those with "
        f"{n_landmarks} of them (the method of Nyström), since there are more than {_MAX_EXACT}. Set n_landmarks=None "
        "for exact kernels, if you have the memory, or a number to choose the accuracy.",
        UserWarning,
        stacklevel=4,
    )


def _warn_unused(effects: SingleEffects, tried: bool, edges: pd.DataFrame | None) -> None:
    """Warn that the graph and the tables were read, but predict no effect."""
    weighted = edges is not None and edges["weight"].nunique() > 1
    if tried and not weighted:
        # The usual answer to features that say nothing; `kernel_weights_` is empty then.
        return
    reason = f"{int(effects.observed.sum())} genes were perturbed alone, and similarity is learned from {MIN_GENES} on"
    if tried:
        reason = "similarity predicts known effects that are left out no better than their mean"
    warnings.warn(
        f"graph (with its weights) and gene_features are not used for the {int((~effects.known).sum())} genes without "
        f"a known effect: {reason}. The mean of the known effects is predicted.",
        UserWarning,
        stacklevel=4,
    )


def _residuals_of_singles(X: np.ndarray, genes: GeneEffectModel | ContextEffectModel) -> np.ndarray:
    """Return the leave-one-out residual of the gene of each single perturbation, zero for other conditions."""
    residuals = np.zeros((len(X), genes.effects.shape[1]))
    row, gene = np.nonzero(X)
    alone = n_perturbed(X)[row] == 1
    place = np.full(X.shape[1], -1)
    place[genes.known] = np.arange(len(genes.known))
    residuals[row[alone]] = genes.loo_residuals[place[gene[alone]]]
    return residuals


def _noise_of_groups(noise: RowNoise, effects: SingleEffects, X: np.ndarray, group: np.ndarray) -> np.ndarray | None:
    """Return the relative noise of what combinations add to the sum of their single effects, which have noise too."""
    if noise.variance is None:
        return relative_noise(None if noise.weight is None else np.bincount(group, noise.weight), None)
    # Of a mean that is weighted by precision.
    precision = np.bincount(group, noise.replicate_precision(0.0, len(group)).mean(axis=1))
    of_effects = effects.row_noise()
    return relative_noise(None, 1.0 / precision + (0.0 if of_effects is None else sum_effects(X**2, of_effects)))


def _out_of_fold(
    estimator: Any, X: np.ndarray, y: np.ndarray, noise: RowNoise, combinations: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Fit an estimator, and predict each combination from the others and all single perturbations."""
    rows = np.flatnonzero(combinations)
    expected = np.zeros((len(rows), y.shape[1]))
    if len(rows) >= _MIN_COMBINATIONS:
        # The partition is the same in every fit, with a seed that nothing else uses: the model has no `random_state`.
        splitter = KFold(min(N_PARTS, len(rows)), shuffle=True, random_state=0)
        expected = predict_held_out(estimator, X, y, rows, [part for _, part in splitter.split(rows)], noise=noise)
    return fit_with_noise(clone(estimator), X, y, noise), expected
