"""Effects of genes that were never perturbed, from their similarity to genes that were."""

import numpy as np

from skperturb.responses._conditions import SingleEffects
from skperturb.responses._held_out import is_better
from skperturb.responses._kernels.multiple_kernels import fit_multiple_kernels
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["MIN_GENES", "GeneEffectModel"]

#: Fewer known genes than this cannot choose kernel weights.
MIN_GENES = 10
#: A kernel whose mean diagonal over the known genes is not above this says nothing about them and is left out. The
#: diagonal is one for a gene that the table holds and zero for others, so the mean is at least 1 / n_genes: ten times
#: more or less changes nothing below 1e8 genes.
_EMPTY_KERNEL = 1e-9


class GeneEffectModel:
    """Complete the table of single effects.

    Parameters
    ----------
    effects : SingleEffects
        What the training conditions say.
    kernels : dict of str to ndarray of shape (n_genes, n_genes)
        Similarities of genes.
    robust, max_iter
        See `fit_multiple_kernels`.

    Attributes
    ----------
    effects : ndarray of shape (n_genes, n_outputs)
    loo_error : dict of str to float
    weights : dict of str to float
    loo_residuals : ndarray of shape (n_genes, n_outputs)
        Effect minus its leave-one-out prediction; zero for genes that were not observed alone.
    variance : ndarray of shape (n_genes, n_outputs)
        Of the predicted effects; zero for observed ones.
    """

    def __init__(
        self, effects: SingleEffects, kernels: dict[str, np.ndarray], *, robust: bool = True, max_iter: int = 50
    ) -> None:
        self.effects = effects.values.copy()
        self.loo_error: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.loo_residuals = np.zeros_like(self.effects)
        self.variance = np.zeros_like(self.effects)
        self.n_iter = 1
        known = np.flatnonzero(effects.observed)
        unknown = np.flatnonzero(~effects.known)
        if not len(known):
            return
        target = effects.values[known]
        mean = target.mean(axis=0)
        self.effects[unknown] = mean
        if len(known) < 2:
            return
        # Leaving one out of a mean multiplies its residual by n / (n - 1).
        residuals = (target - mean) * len(known) / (len(known) - 1)
        self.loo_error["genes, mean"] = float(np.linalg.norm(residuals, axis=1).mean())
        self.loo_residuals[known] = residuals
        self.variance[unknown] = np.mean(residuals**2, axis=0)
        if kernels and len(known) >= MIN_GENES:
            self._fit_kernels(target, residuals, known, unknown, kernels, robust, max_iter)
        # The errors above are those of means over replicates; a new condition is one replicate.
        self.variance[unknown] += effects.replicate_variance

    def _fit_kernels(
        self,
        target: np.ndarray,
        residuals: np.ndarray,
        known: np.ndarray,
        unknown: np.ndarray,
        kernels: dict[str, np.ndarray],
        robust: bool,
        max_iter: int,
    ) -> None:
        n = len(next(iter(kernels.values())))
        named = {"constant": np.ones((n, n)), **kernels}
        scales = {name: max(float(np.mean(np.diag(kernel)[known])), NEGLIGIBLE) for name, kernel in named.items()}
        scaled = {name: kernel / scales[name] for name, kernel in named.items() if scales[name] > _EMPTY_KERNEL}
        fitted = fit_multiple_kernels(
            [kernel[np.ix_(known, known)] for kernel in scaled.values()], target, robust=robust, max_iter=max_iter
        )
        ours, plain = np.linalg.norm(fitted.loo_residuals, axis=1), np.linalg.norm(residuals, axis=1)
        self.n_iter = fitted.n_iter
        self.loo_error["genes, kernels"] = float(ours.mean())
        if not is_better(ours, plain):
            return
        self.weights = dict(zip(scaled, fitted.weights.tolist(), strict=True))
        self.loo_residuals[known] = fitted.loo_residuals
        cross = [kernel[np.ix_(unknown, known)] for kernel in scaled.values()]
        self.effects[unknown] = fitted.predict(cross)
        self.variance[unknown] = fitted.variance(cross, [np.diag(kernel)[unknown] for kernel in scaled.values()])
