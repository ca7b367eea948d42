"""Kernels between combinations of perturbed genes, from the effects of the genes alone."""

import numpy as np
from scipy.spatial.distance import cdist

from skperturb.responses._conditions import sum_effects
from skperturb.responses._kernels.multiple_kernels import fit_multiple_kernels
from skperturb.responses._kernels.sources import ArrayKernels, FeatureKernels, KernelSource
from skperturb.responses._kernels.widths import median_distance
from skperturb.responses._tolerances import NEGLIGIBLE, NEGLIGIBLE_SQUARE

__all__ = ["CombinationKernelModel", "CombinationKernels", "pair_kernel"]

#: Width of the narrow Gaussian kernel on sums, relative to the median distance. The weights choose between the two, so
#: that the model can follow what varies faster; at 0.25 or 1 the error on Norman's pairs grows by 1 to 2 %.
_NARROW = 0.5
#: Widths, in standard deviations over the training conditions, of the kernels on the whole summary and on the agreement
#: alone: the first is wider as its distance adds up three numbers. Twice or half as much changes errors by 0.2 %.
_ALIKE, _AGREEMENT = 1.5, 1.0
#: Added to the size of a sum before its logarithm, relative to 1 + the median distance (log-fold changes): a sum of
#: zero is then small, not minus infinity. It is below the noise of any screen; ten times more or less changes no digit
#: on Norman's pairs, far more would flatten the logarithm, far less would put a zero sum many deviations away.
_LEAST_SUM = 1e-6


class CombinationKernels:
    """Kernels between conditions, scaled by constants of the training conditions.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
        Training combinations.
    effects : ndarray of shape (n_genes, n_outputs)
        Single effects.
    gene_kernels : KernelSource, default=None
        Similarities of genes from elsewhere.
    """

    def __init__(self, X: np.ndarray, effects: np.ndarray, gene_kernels: KernelSource | None = None) -> None:
        self.X = X
        self.effects = effects
        self.gene_kernels: KernelSource = FeatureKernels({}) if gene_kernels is None else gene_kernels
        sums = sum_effects(X, effects)
        self.width = median_distance(sums)
        # Only genes that act somewhere set the width: the others may be many and all alike.
        self.gene_width = median_distance(effects[(X != 0).any(axis=0)])
        summary = self._summary(X)
        self.center = summary.mean(axis=0)
        self.spread = np.where(summary.std(axis=0) > NEGLIGIBLE, summary.std(axis=0), 1.0)
        # What the training conditions contribute to every kernel is kept: predictions of one condition are frequent.
        self._trained = (sums, (summary - self.center) / self.spread)
        self.scales: dict[str, float] = {}
        self.scales = {name: _scale(kernel) for name, kernel in self(X).items()}

    def sums(self, X: np.ndarray) -> np.ndarray:
        """Return the sum of the single effects of each condition."""
        return sum_effects(X, self.effects)

    def bases(self, X: np.ndarray) -> list[np.ndarray]:
        """Return mean functions: the sum, and the sum as far as the single effects point the same way or are large."""
        sums = self.sums(X)
        summary = (self._summary(X) - self.center) / self.spread
        return [sums, sums * summary[:, [0]], sums * summary[:, [1]]]

    def diagonals(self, X: np.ndarray) -> list[np.ndarray]:
        """Return each kernel of each row with itself."""
        rows = [self(row[None], row[None]) for row in X]
        return [np.array([row[name].item() for row in rows]) for name in self.scales]

    def __call__(self, X: np.ndarray, other: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return the kernels of `X` with the training conditions, or with other ones.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_genes)
        other : ndarray of shape (n_conditions, n_genes), default=None

        Returns
        -------
        dict of str to ndarray of shape (n_rows, n_conditions)
        """
        sums, mine = self.sums(X), (self._summary(X) - self.center) / self.spread
        if other is None:
            other, (trained, theirs) = self.X, self._trained
        else:
            trained, theirs = self.sums(other), (self._summary(other) - self.center) / self.spread
        linear = sums @ trained.T
        gaussian = _gaussian(sums, trained, self.width)
        alike = _gaussian(mine, theirs, _ALIKE)
        kernels = {
            "constant": np.ones(linear.shape),
            "sum, linear": linear,
            "sum, Gaussian": gaussian,
            "sum, narrow Gaussian": _gaussian(sums, trained, self.width * _NARROW),
            "sum and agreement, Gaussian": gaussian * _gaussian(mine[:, :1], theirs[:, :1], _AGREEMENT),
            "sum, linear where alike": linear * alike,
        }
        used = np.flatnonzero((X != 0).any(axis=0) | (other != 0).any(axis=0))
        left, right = X[:, used], other[:, used]
        kernels["shared genes"] = left @ right.T
        by_effect = _gaussian(self.effects[used], self.effects[used], self.gene_width)
        kernels["pairs of effects"] = pair_kernel(left, right, by_effect)
        for name in self.gene_kernels.names:
            kernels[f"pairs of {name}"] = pair_kernel(left, right, self.gene_kernels.block(name, used, used))
        return {name: kernel / self.scales.get(name, 1.0) for name, kernel in kernels.items()}

    def _summary(self, X: np.ndarray) -> np.ndarray:
        """Agreement of the single effects (mean cosine), log size of their sum, and how unequal they are."""
        sizes = np.abs(X) * np.linalg.norm(self.effects, axis=1)
        total = np.linalg.norm(self.sums(X), axis=1)
        squares, whole = (sizes**2).sum(axis=1), sizes.sum(axis=1)
        crossed = whole**2 - squares
        safe = np.where(crossed > NEGLIGIBLE_SQUARE, crossed, 1.0)
        agreement = np.where(crossed > NEGLIGIBLE_SQUARE, (total**2 - squares) / safe, 0.0)
        unequal = squares / np.where(whole > NEGLIGIBLE, whole, 1.0) ** 2
        return np.column_stack([agreement, np.log(total + _LEAST_SUM * (1.0 + self.width)), unequal])


class CombinationKernelModel:
    """Ridge regression on `CombinationKernels`.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
        Training combinations.
    target : ndarray of shape (n_conditions, n_outputs)
        What they add to their baseline.
    effects : ndarray of shape (n_genes, n_outputs)
        Single effects.
    gene_kernels : KernelSource
        Similarities of genes from elsewhere.
    slopes : bool
        Whether the sum of the single effects enters as a mean function.
    given_noise, robust, max_iter
        See `fit_multiple_kernels`.

    Attributes
    ----------
    weights : dict of str to float
    loo_residuals : ndarray of shape (n_conditions, n_outputs)
    n_iter : int
    """

    def __init__(
        self,
        X: np.ndarray,
        target: np.ndarray,
        effects: np.ndarray,
        gene_kernels: KernelSource,
        *,
        slopes: bool,
        given_noise: np.ndarray | None = None,
        robust: bool,
        max_iter: int,
    ) -> None:
        self._kernels = CombinationKernels(X, effects, gene_kernels)
        self._rows = X
        bases = self._kernels.bases(X) if slopes else []
        self._fit = fit_multiple_kernels(
            ArrayKernels(self._kernels(X)), target, bases, given_noise=given_noise, max_iter=max_iter, robust=robust
        )
        self.weights = dict(zip(self._kernels.scales, self._fit.weights.tolist(), strict=True))
        self.loo_residuals = self._fit.loo_residuals
        self.n_iter = self._fit.n_iter

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict what combinations add, shape (n_rows, n_outputs)."""
        bases = self._kernels.bases(X) if len(self._fit.slopes) else []
        return self._fit.predict(self._cross(X), bases)

    def variance(self, X: np.ndarray) -> np.ndarray:
        """Return the variance of the error of `predict`, of the same shape."""
        prior = self._fit.weights @ np.array(self._kernels.diagonals(X))
        return self._fit.variance(self._cross(X), prior)

    def _cross(self, X: np.ndarray) -> np.ndarray:
        none = np.zeros((len(X), len(self._rows)))
        return sum((w * k for w, k in zip(self._fit.weights, self._kernels(X).values(), strict=True)), none)


def pair_kernel(left: np.ndarray, right: np.ndarray, gene_kernel: np.ndarray) -> np.ndarray:
    r"""Sum :math:`k(g, h)\,k(g', h')` over distinct genes of the one and distinct genes of the other condition."""
    once = left @ gene_kernel
    other = right @ gene_kernel.T
    all_pairs = (once @ right.T) ** 2
    same_left = left**2 @ (other**2).T
    same_right = once**2 @ (right**2).T
    same_both = (left**2 @ gene_kernel**2) @ (right**2).T
    return all_pairs - same_left - same_right + same_both


def _gaussian(left: np.ndarray, right: np.ndarray, width: float) -> np.ndarray:
    # cdist computes each distance alone; a matrix product would round differently for different numbers of rows.
    return np.exp(-cdist(left, right, "sqeuclidean") / (2.0 * width**2))


def _scale(kernel: np.ndarray) -> float:
    mean = float(np.mean(np.diag(kernel)))
    return mean if mean > NEGLIGIBLE else 1.0
