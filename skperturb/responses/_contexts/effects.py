"""Effects of genes in contexts in which they were not perturbed alone."""

from typing import Any

import numpy as np

from skperturb.responses._conditions import SingleEffects, row_norms
from skperturb.responses._contexts.columns import ContextDesign
from skperturb.responses._contexts.kernels import ContextKernels
from skperturb.responses._kernels.gene_effects import EffectVariance
from skperturb.responses._kernels.multiple_kernels import (
    MultipleKernelFit,
    fit_multiple_kernels,
    refit_with_landmarks,
)
from skperturb.responses._kernels.sources import KernelSource, weighted_diagonal, weighted_sum
from skperturb.responses._noise import relative_noise

__all__ = ["ContextEffectModel", "fill_from_other_contexts", "means_of_others"]

#: Items that are predicted at once; bounds the memory (64 MB for 8,000 known ones).
_BLOCK = 1024


class ContextEffectModel:
    """Complete the table of the single effects of genes in contexts.

    Unlike for genes alone, nothing is chosen beside the kernels: the mean of a gene over the other contexts, that of a
    context over the other genes and the mean of all are what the kernels become at the ends of their weights.

    Parameters
    ----------
    effects : SingleEffects
        What the training conditions say about each gene in each context, context by context. The table is completed in
        place.
    genes : KernelSource
        Similarities of genes.
    design : ContextDesign
    **options
        ``robust``, ``max_iter`` and ``n_landmarks`` of `fit_multiple_kernels`.

    Attributes
    ----------
    effects : ndarray of shape (n_items, n_outputs)
    loo_error : dict of str to float
    weights : dict of str to float
    known : ndarray of int, shape (n_known,)
        Items that were observed alone.
    loo_residuals : ndarray of shape (n_known, n_outputs)
        Their effect minus its leave-one-out prediction.
    variance : EffectVariance
    n_iter : int
    n_landmarks : int
        Items that the others were compared with in place of all; zero for all.
    """

    def __init__(
        self,
        effects: SingleEffects,
        genes: KernelSource,
        design: ContextDesign,
        **options: Any,
    ) -> None:
        self.effects = effects.values
        self.known = np.flatnonzero(effects.observed)
        self.loo_error: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.n_iter, self.n_landmarks = 1, 0
        target = self.effects[self.known]
        self.loo_residuals = np.zeros_like(target)
        self._factor, self._scale = np.zeros(len(self.effects)), np.zeros(target.shape[1])
        if len(self.known):
            self._fit(target, effects, genes, design, options)
        # The errors are those of means over replicates; a new condition is one replicate.
        predicted = (~effects.known).astype(float)
        self.variance = EffectVariance(self._factor, self._scale, predicted, effects.replicate_variance, effects.noise)

    def _fit(
        self,
        target: np.ndarray,
        effects: SingleEffects,
        genes: KernelSource,
        design: ContextDesign,
        options: dict[str, Any],
    ) -> None:
        known, n_genes = self.known, len(design.genes)
        source = ContextKernels(genes, design, known)
        noise = effects.row_noise()
        given = relative_noise(
            None if effects.weight is None else effects.weight[known], None if noise is None else noise[known]
        )
        fitted = fit_multiple_kernels(source, target, items=known, given_noise=given, **options)
        self.n_iter, self.n_landmarks, self.loo_residuals = fitted.n_iter, fitted.n_landmarks, fitted.loo_residuals
        # Two lines say little about how much an output varies between lines: as if one more had the usual variance. An
        # output that is silent in both may speak in a third.
        share = 1.0 / (1.0 + len(np.unique(known // n_genes)))
        self._scale = (1.0 - share) * fitted.scale + share * fitted.scale.mean()
        self.weights = dict(zip(source.names, fitted.weights.tolist(), strict=True))
        others = target - means_of_others(target, known % n_genes, known // n_genes)
        self.loo_error["genes, mean of other contexts"] = float(row_norms(others).mean())
        self.loo_error["genes, kernels"] = float(row_norms(fitted.loo_residuals).mean())
        unknown = np.flatnonzero(~effects.known)
        is_new = ~np.isin(unknown // n_genes, known // n_genes)
        if fitted.n_landmarks:
            surprise = _surprise_with_landmarks(fitted, source, target, known, known // n_genes)
        else:
            surprise = _surprise_of_contexts(fitted.inverse, fitted.dual, fitted.scale, known // n_genes)
        for start in range(0, len(unknown), _BLOCK):
            items = unknown[start : start + _BLOCK]
            cross = weighted_sum(source, fitted.weights, items, fitted.items)
            prior = weighted_diagonal(source, fitted.weights, items)
            self.effects[items] = fitted.predict(cross, alone=False)
            self._factor[items] = fitted.relative_variance(cross, prior)
            self._factor[items] *= np.where(is_new[start : start + _BLOCK], surprise, 1.0)


def means_of_others(target: np.ndarray, gene: np.ndarray, context: np.ndarray) -> np.ndarray:
    """Return for each row the mean over the rows of the same gene in other contexts; zero where there are none.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_outputs)
    gene, context : ndarray of int, shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    found = np.zeros_like(target)
    for rows in np.split(np.argsort(gene, kind="stable"), np.cumsum(np.bincount(gene))[:-1]):
        elsewhere = context[rows][:, None] != context[rows]
        count = elsewhere.sum(axis=1, keepdims=True)
        found[rows] = elsewhere @ target[rows] / np.maximum(count, 1)
    return found


def fill_from_other_contexts(effects: np.ndarray, known: np.ndarray, n_genes: int) -> None:
    """Give genes in contexts where nothing is known about them the mean of their effects in other contexts, in place.

    Parameters
    ----------
    effects : ndarray of shape (n_contexts * n_genes, n_outputs)
        Context by context.
    known : ndarray of bool, shape (n_contexts * n_genes,)
    n_genes : int
    """
    by_context, is_known = effects.reshape(-1, n_genes, effects.shape[1]), known.reshape(-1, n_genes)
    count = is_known.sum(axis=0)[:, None]
    mean = np.einsum("cg,cgo->go", is_known.astype(float), by_context) / np.maximum(count, 1)
    by_context[~is_known] = np.broadcast_to(mean, by_context.shape)[~is_known]


def _surprise_of_contexts(inverse: np.ndarray, dual: np.ndarray, scale: np.ndarray, context: np.ndarray) -> float:
    """Return how much larger squared errors are than predicted where a whole context is left out, 1 at least.

    The weights were chosen by leaving single rows out, whose context is known. Leaving out a block of rows needs no
    refit either: its residuals are the dual coefficients, multiplied by the inverse of its block of the inverse.
    """
    contexts = np.unique(context)
    if len(contexts) < 2:
        return 1.0
    scale = np.where(scale > 0, scale, 1.0)
    ratios = []
    for one in contexts:
        rows = np.flatnonzero(context == one)
        covariance = np.linalg.inv(inverse[np.ix_(rows, rows)])
        residuals = covariance @ dual[rows]
        ratios.append(np.mean(residuals**2 / scale / np.diag(covariance)[:, None]))
    return max(1.0, float(np.mean(ratios)))


def _surprise_with_landmarks(
    fitted: MultipleKernelFit, source: KernelSource, target: np.ndarray, known: np.ndarray, context: np.ndarray
) -> float:
    """Return what `_surprise_of_contexts` does for a fit with landmarks: those of the context are left out with it."""
    scale = np.where(fitted.scale > 0, fitted.scale, 1.0)
    ratios = []
    for one in np.unique(context):
        inside = context == one
        if not np.isin(known[~inside], fitted.items).any():
            continue
        others = refit_with_landmarks(fitted, source, target[~inside], known[~inside])
        cross = weighted_sum(source, fitted.weights, known[inside], others.items)
        prior = weighted_diagonal(source, fitted.weights, known[inside])
        residuals = target[inside] - others.predict(cross, alone=False)
        ratios.append(np.mean(residuals**2 / scale / others.relative_variance(cross, prior)[:, None]))
    return max(1.0, float(np.mean(ratios))) if ratios else 1.0
