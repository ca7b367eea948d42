"""Effects of genes that were never perturbed, from their similarity to genes that were."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from skperturb.responses._conditions import SingleEffects, row_norms, sum_effects
from skperturb.responses._held_out import is_better
from skperturb.responses._kernels.multiple_kernels import compare_with_all, fit_with_squared_sum
from skperturb.responses._kernels.response_groups import MAX_GROUPED, ResponseGroups
from skperturb.responses._kernels.sources import FeatureKernels, weighted_diagonal, weighted_sum
from skperturb.responses._kernels.subsets import content_order
from skperturb.responses._noise import RowNoise, relative_noise
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["MIN_GENES", "EffectVariance", "GeneEffectModel"]

#: Fewer known genes than this cannot choose kernel weights.
MIN_GENES = 10
#: A kernel whose mean diagonal over the known genes is not above this says nothing about them and is left out. The
#: diagonal is one for a gene that the table holds and zero for others, so the mean is at least 1 / n_genes: ten times
#: more or less changes nothing below 1e8 genes.
_EMPTY_KERNEL = 1e-9
#: Genes that are predicted at once; bounds the memory (64 MB for 8,000 known ones).
_BLOCK = 1024
#: Up to so many known genes, kernels have to be better than the mean also on parts that had no part in the choice of
#: their weights; how many parts, and by how many standard errors. Where genes say nothing about one another (simulated,
#: 15 to 40 genes), leave-one-out alone takes the kernels in 98 % of the fits, with one standard error here it is 27 %.
#: At 0, kernels were worse than the mean by more than the interval on 1 of 5 such screens, at 0.5 on none; at 2 most of
#: the gain is lost on the 18 genes of the screen of Papalexi et al., whose gains are 0 to 2 standard errors.
_MAX_NESTED, _N_NESTED, _NESTED_ERRORS = 100, 5, 0.5
#: Kernel that is one for all genes: what they have in common.
_CONSTANT = "constant"


@dataclass(frozen=True)
class EffectVariance:
    r"""Variance of the errors of single effects, :math:`f_g s_o + p_g r_o + n_{go}`.

    Parameters
    ----------
    factor : ndarray of shape (n_genes,)
        Of predicted effects in units of `scale`, zero for others.
    scale : ndarray of shape (n_outputs,)
    predicted : ndarray of shape (n_genes,)
        One for predicted effects.
    replicate : ndarray of shape (n_outputs,)
        Variance of one replicate, which a new condition is.
    noise : ndarray of shape (n_genes,) or (n_genes, n_outputs), or None
        Of observed effects.
    """

    factor: np.ndarray
    scale: np.ndarray
    predicted: np.ndarray
    replicate: np.ndarray
    noise: np.ndarray | None

    def of_predicted(self, X: np.ndarray) -> np.ndarray:
        """Return what predicted effects add to the variance of conditions, shape (n_conditions, n_outputs)."""
        squares = X**2
        found = sum_effects(squares, self.factor)[:, None] * self.scale
        return found + sum_effects(squares, self.predicted)[:, None] * self.replicate

    def of_observed(self, X: np.ndarray) -> np.ndarray | float:
        """Return what the noise of observed effects adds."""
        if self.noise is None:
            return 0.0
        found = sum_effects(X**2, self.noise)
        return found if found.ndim == 2 else found[:, None]


class GeneEffectModel:
    """Complete the table of single effects.

    Parameters
    ----------
    effects : SingleEffects
        What the training conditions say. The table is completed in place.
    kernels : FeatureKernels
        Similarities of genes.
    **options
        ``robust``, ``max_iter`` and ``n_landmarks`` of `fit_with_squared_sum`.

    Attributes
    ----------
    effects : ndarray of shape (n_genes, n_outputs)
    loo_error : dict of str to float
    weights : dict of str to float
    group_share : float
        Share of the median within groups of responses in the predictions, see `ResponseGroups`.
    n_landmarks : int
        Genes that the others were compared with in place of all; zero for all.
    known : ndarray of int, shape (n_known,)
        Genes that were observed alone.
    loo_residuals : ndarray of shape (n_known, n_outputs)
        Their effect minus its leave-one-out prediction.
    variance : EffectVariance
    """

    def __init__(self, effects: SingleEffects, kernels: FeatureKernels, **options: Any) -> None:
        self.effects = effects.values
        self.loo_error: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.n_iter, self.n_landmarks, self.group_share = 1, 0, 0.0
        self.known = np.flatnonzero(effects.observed)
        unknown = np.flatnonzero(~effects.known)
        target = effects.values[self.known]
        self.loo_residuals = np.zeros_like(target)
        self._factor = np.zeros(len(effects.values))
        self._scale = np.zeros(target.shape[1])
        if len(self.known):
            self._fit_mean(target, effects, unknown)
        if len(self.known) >= MIN_GENES and kernels.names:
            self._fit_kernels(target, effects, unknown, kernels, options)
        # The errors are those of means over replicates; a new condition is one replicate.
        predicted = (~effects.known).astype(float)
        self.variance = EffectVariance(self._factor, self._scale, predicted, effects.replicate_variance, effects.noise)

    def _fit_mean(self, target: np.ndarray, effects: SingleEffects, unknown: np.ndarray) -> None:
        noise = RowNoise(*(None if part is None else part[self.known] for part in (effects.weight, effects.noise)))
        share = noise.precision(target - target.mean(axis=0))
        share = share / share.sum()
        mean = share @ target
        self.effects[unknown] = mean
        if len(self.known) < 2:
            return
        # Leaving one out of a mean multiplies its residual by n / (n - 1).
        self.loo_residuals = (target - mean) / (1.0 - share)[:, None]
        self.loo_error["genes, mean"] = float(row_norms(self.loo_residuals).mean())
        self._factor[unknown] = 1.0
        self._scale = np.einsum("go,go->o", self.loo_residuals, self.loo_residuals) / len(self.known)

    def _fit_kernels(
        self,
        target: np.ndarray,
        effects: SingleEffects,
        unknown: np.ndarray,
        kernels: FeatureKernels,
        options: dict[str, Any],
    ) -> None:
        known = self.known
        source = _scaled(kernels, known, len(self.effects))
        noise = effects.row_noise()
        given = relative_noise(
            None if effects.weight is None else effects.weight[known], None if noise is None else noise[known]
        )
        options = {"alone": (_CONSTANT,), **options}
        fitted = _KernelsAndGroups(source, target, known, given, options)
        self.n_iter, self.n_landmarks = fitted.fit.n_iter, fitted.fit.n_landmarks
        ours, plain = row_norms(fitted.loo_residuals), row_norms(self.loo_residuals)
        self.loo_error["genes, kernels"] = float(ours.mean())
        if not is_better(ours, plain):
            return
        if len(known) <= _MAX_NESTED:
            held_out = _nested_errors(source, target, known, given, options)
            if not is_better(*held_out, n_errors=_NESTED_ERRORS):
                return
        self.weights = dict(zip(fitted.squared.names, fitted.fit.weights.tolist(), strict=True))
        self.loo_residuals, self.group_share = fitted.loo_residuals, fitted.group_share
        self._scale = fitted.scale
        for start in range(0, len(unknown), _BLOCK):
            genes = unknown[start : start + _BLOCK]
            self.effects[genes], self._factor[genes] = fitted.predict(genes)


class _KernelsAndGroups:
    """Ridge regression on kernels, mixed with medians within groups of responses where these help.

    Parameters
    ----------
    source, target, known, given, options
        See `fit_with_squared_sum`; `known` are the items.

    Attributes
    ----------
    squared : WithSquaredSum
    fit : MultipleKernelFit
    group_share : float
    loo_residuals : ndarray of shape (n_known, n_outputs)
    scale : ndarray of shape (n_outputs,)
        Variance of each output for a kernel value of 1, such that the leave-one-out residuals have the predicted size.
    """

    def __init__(
        self,
        source: FeatureKernels,
        target: np.ndarray,
        known: np.ndarray,
        given: np.ndarray | None,
        options: dict[str, Any],
    ) -> None:
        self.squared, self.fit = fit_with_squared_sum(source, target, items=known, given_noise=given, **options)
        self.group_share, self.loo_residuals, self.scale = 0.0, self.fit.loo_residuals, self.fit.scale
        self._groups: ResponseGroups | None = None
        if self.fit.n_landmarks or len(known) > MAX_GROUPED:
            return
        kernel = weighted_sum(self.squared, self.fit.weights, known, known)
        self._groups = groups = ResponseGroups(self.fit, kernel, target, given)
        self.group_share, self.loo_residuals = groups.share, groups.loo_residuals
        if groups.share:
            squares, precision = self.loo_residuals**2, np.diag(self.fit.inverse)
            self.scale = np.einsum("no,n->o", squares, precision) / len(squares)

    def predict(self, genes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the effects of some genes, and their variance in units of `scale`."""
        fit, squared = self.fit, self.squared
        cross = weighted_sum(squared, fit.weights, genes, fit.items)
        prior = weighted_diagonal(squared, fit.weights, genes)
        values = fit.predict(cross, alone=False)
        if self._groups is not None:
            values = self._groups.mix(values, cross, prior)
        return values, fit.relative_variance(cross, prior)


def _nested_errors(
    source: FeatureKernels,
    target: np.ndarray,
    known: np.ndarray,
    given: np.ndarray | None,
    options: dict[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Return errors on genes that had no part in the choice of the weights: of the kernels, and of the mean.

    A dozen weights that minimize the leave-one-out error of a few tens of genes make it too small.
    """
    ours, plain = np.empty(len(known)), np.empty(len(known))
    # Drawn with a seed that nothing else uses, since the model has no `random_state`, from an order that is not that of
    # the columns of X.
    order = content_order(target, compare_with_all(source, known))
    for parts in KFold(_N_NESTED, shuffle=True, random_state=0).split(order):
        train, test = (np.sort(order[part]) for part in parts)
        noise = None if given is None else given[train]
        fitted = _KernelsAndGroups(source, target[train], known[train], noise, options)
        ours[test] = row_norms(target[test] - fitted.predict(known[test])[0])
        plain[test] = row_norms(target[test] - target[train].mean(axis=0))
    return ours, plain


def _scaled(kernels: FeatureKernels, known: np.ndarray, n_genes: int) -> FeatureKernels:
    """Add the constant kernel, and bring all to one on the diagonal of the known genes, on average."""
    named = FeatureKernels({_CONSTANT: np.ones((n_genes, 1)), **kernels.features})
    scales = {name: max(float(named.diagonal(name, known).mean()), NEGLIGIBLE) for name in named.names}
    return named.scaled({name: scale for name, scale in scales.items() if scale > _EMPTY_KERNEL})
