"""Gaussian process for what combinations of genes add to the sum of their single effects.

Why a process of its own, where kernels between combinations already exist: those predict each output from scratch, and
few pairs say little about hundreds of outputs. Yet most of what pairs do is that one gene scales the effect of another
(it buffers, silences or amplifies it), which is one number for each gene of a pair, shared by all outputs. The process
learns these numbers, the coefficients, and leaves to a remainder what has another direction.

Coefficients couple the outputs, so that the covariance of all values of all rows would be a matrix of the size
rows × outputs. It is a Kronecker product (remainder and noise, equal for all outputs) plus one term for each slot, a
gene of a combination; the Woodbury identity inverts that with matrices of the size of rows and of slots. The
hyperparameters maximize the marginal likelihood with its exact gradient; leave-one-out residuals come from the same
matrices, so that `KernelPerturbationRegressor` can compare the process with other models without a refit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from skperturb.responses._conditions import sum_effects
from skperturb.responses._kernels.combination_kernels import pair_kernel
from skperturb.responses._kernels.subsets import spread_rows
from skperturb.responses._kernels.widths import median_square
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["InteractionGaussianProcess", "best_gaussian_process"]

#: Names of the kernels of the coefficients and of the remainder, in the order of their weights.
_COEFFICIENT = ("coefficients, constant", "coefficients, own", "coefficients, partners", "coefficients, both")
_REMAINDER = ("shared genes", "pairs of effects", "pairs of directions")
#: Center of the prior of the logarithms: four weights and three lengths of the coefficients, three weights of the
#: remainder (relative to the mean square of the target), level of the noise and its growth with the size of the sum.
_CENTER = np.array([-3.0] * 4 + [0.0] * 3 + [-1.5] * 3 + [-1.0, 1.0])
#: Where they stand in the vector of hyperparameters; the last two are the noise.
_COEFFICIENT_WEIGHTS, _LENGTHS, _REMAINDER_WEIGHTS = slice(0, 4), slice(4, 7), slice(7, 10)
#: Strength of that prior for each value of the target. Its choice matters little: 0.0005 to 0.005 do alike. At a tenth
#: of 0.0015 the error on Norman's pairs grows by 1 %, at ten times it is the same and deviations are a little wider.
_PULL = 0.0015
#: Metrics that `best_gaussian_process` compares: outputs as they are, and evened out by less than half, see `_metric`.
_METRICS = (0.0, 0.4)
#: Least power of an axis relative to the mean over the axes, before the axes are evened out: weaker ones are mostly
#: noise and are not blown up further. At ten times more or less the error on Norman's pairs grows by 0.3 %.
_LEAST_SHARE = 0.1
#: Axes whose singular value, relative to the largest, is not above this are dropped: outputs that are sums of others
#: leave 1e-16 there, the weakest of 50 axes of Norman's screen has 1e-2. Ten times more or less drops the same.
_LEAST_AXIS = 1e-6
#: Power (squared log-fold changes) of an axis along which nothing happens, against 0 / 0 when no effect is there at
#: all. Any number does that is positive and below the square of rounding.
_LEAST_POWER = 1e-30
#: Added to the size of a sum, relative to the median size, before the logarithm that the noise grows with: the noise of
#: a sum of zero is that of one at 5 % of the median. At 0.5 % or 50 % the error on Norman's pairs changes by 0.01 %.
_SIZE_OFFSET = 0.05
#: Bounds of the logarithms of all hyperparameters: 1e-4 to 400. They only keep the line search from matrices that are
#: singular in double precision: the prior holds the solution inside, also with bounds ten times narrower.
_BOUNDS = (-9.0, 6.0)
#: Principal axes of the outputs that determine the coefficients, rows that determine the weights, and slots that a
#: leave-one-out residual looks at. All only bound the time on large screens.
_MAX_AXES, _MAX_ROWS, _MAX_SLOTS = 64, 150, 256


@dataclass(frozen=True)
class _Slots:
    """One row for each perturbed gene of each combination.

    Parameters
    ----------
    row : ndarray of int, shape (n_slots,)
        The combination.
    own, partners : ndarray of shape (n_slots, n_outputs)
        Effect of the gene, and the sum of the effects of the others.
    """

    row: np.ndarray
    own: np.ndarray
    partners: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, effects: np.ndarray) -> "_Slots":
        row, gene = np.nonzero(X)
        own = X[row, gene][:, None] * effects[gene]
        return cls(row, own, sum_effects(X, effects)[row] - own)


@dataclass(frozen=True)
class _Data:
    """Training rows in the metric of the outputs, their slots, and what kernels are made of.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_axes)
    effects : ndarray of shape (n_slots, n_axes)
    row : ndarray of int, shape (n_slots,)
    own, partners : ndarray of shape (n_slots, n_slots)
        Squared distances between the effects of the genes, and between those of their partners.
    remainder : ndarray of shape (n_kernels, n_rows, n_rows)
    sizes : ndarray of shape (n_rows,)
        Logarithm of the size of the sum, zero on average.
    noise_factor : ndarray of shape (n_rows,)
        What the noise of each row is multiplied by.
    """

    target: np.ndarray
    effects: np.ndarray
    row: np.ndarray
    own: np.ndarray
    partners: np.ndarray
    remainder: np.ndarray
    sizes: np.ndarray
    noise_factor: np.ndarray


@dataclass(frozen=True)
class _Solution:
    """The process on the training rows.

    Parameters
    ----------
    inverse : ndarray of shape (n_rows, n_rows)
        Of the kernel of the remainder with its noise.
    inner : ndarray of shape (n_slots, n_slots)
        Correction of that inverse by the coefficients (the matrix W of the Woodbury identity).
    gram : ndarray of shape (n_slots, n_slots)
        Inner products of the slots under `inverse`.
    coefficients : ndarray of shape (n_slots,)
        Posterior mean.
    dual : ndarray of shape (n_rows, n_axes)
    noise : ndarray of shape (n_rows,)
    loss : float
        Negative logarithm of the marginal likelihood, without constants.
    """

    inverse: np.ndarray
    inner: np.ndarray
    gram: np.ndarray
    coefficients: np.ndarray
    dual: np.ndarray
    noise: np.ndarray
    loss: float


class InteractionGaussianProcess:
    r"""Predict :math:`y_c - \sum_g x_{cg} e_g` as :math:`\sum_g u_{cg}\, x_{cg} e_g + r_c`.

    Both the coefficients u, one for each gene of a combination, and the remainder r are Gaussian processes. The
    coefficient of a gene depends on its own effect and on that of its partners, since a gene may silence or amplify
    another; the remainder depends on shared genes and on similar pairs of effects. All kernels depend on lengths,
    distances and angles only, so that the model does not change with the basis of the outputs. Weights and lengths
    maximize the marginal likelihood, with a prior that holds where there is little data.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
        Training combinations.
    target : ndarray of shape (n_conditions, n_outputs)
        Their responses minus the sum of the single effects.
    effects : ndarray of shape (n_genes, n_outputs)
        Single effects.
    metric : float, default=0.0
        How far the axes of the outputs are evened out while the coefficients are estimated, see `_metric`.
    max_iter : int, default=50
        Iterations of the search for the hyperparameters.
    given_noise : ndarray of shape (n_conditions,), default=None
        Noise of each condition relative to the median one. Half of the noise of the process is taken to be that of the
        measurement, the other half to be how conditions differ from what the process says.

    Attributes
    ----------
    weights : dict of str to float
        Prior variance of each part: of a coefficient, or of a value of the remainder relative to one of the target.
    loo_residuals : ndarray of shape (n_conditions, n_outputs)
        Target minus its prediction from the other combinations.
    n_iter : int

    References
    ----------
    Rasmussen, C. E. & Williams, C. K. I. Gaussian Processes for Machine Learning, chapters 2 and 5. MIT Press (2006).
    """

    def __init__(
        self,
        X: np.ndarray,
        target: np.ndarray,
        effects: np.ndarray,
        *,
        metric: float = 0.0,
        max_iter: int = 50,
        given_noise: np.ndarray | None = None,
    ) -> None:
        self._X, self._effects = X, effects
        self._noise_factor = np.ones(len(X)) if given_noise is None else (1.0 + given_noise) / 2.0
        self._slots = _Slots.of(X, effects)
        acting = effects[(X != 0).any(axis=0)]
        sums = sum_effects(X, effects)
        self._width = median_square(acting)
        self._typical = float(np.median(np.linalg.norm(sums, axis=1))) or 1.0
        self._center = 0.0
        self._center = float(self._log_sizes(X).mean())
        self._scales = np.ones(len(_REMAINDER))
        self._scales = np.array([max(float(np.mean(np.diag(k))), NEGLIGIBLE) for k in self._remainder(X)])
        to_metric, from_metric = _metric(np.vstack([acting, target + sums]), metric)
        unit = float(np.sqrt(np.mean((target @ to_metric) ** 2))) or 1.0
        self._to_metric, self._from_metric = to_metric / unit, from_metric * unit
        self._theta, self.n_iter = _search(self._data(spread_rows(target, _MAX_ROWS), target), max_iter)
        self.weights = dict(
            zip(
                (*_COEFFICIENT, *_REMAINDER),
                np.exp(np.r_[self._theta[_COEFFICIENT_WEIGHTS], self._theta[_REMAINDER_WEIGHTS]]),
                strict=True,
            )
        )
        self._finish(target)

    def _finish(self, target: np.ndarray) -> None:
        data = self._data(np.arange(len(target)), target)
        solved = _solve(data, self._theta)
        self._inverse = solved.inverse
        self._size_range = data.sizes.min(), data.sizes.max()
        # What predicts a coefficient and a remainder; the latter in all outputs, not only along the axes of the metric.
        self._slot_dual = (data.effects * solved.dual[data.row]).sum(axis=1)
        explained = np.zeros_like(target)
        np.add.at(explained, data.row, solved.coefficients[:, None] * self._slots.own)
        self._dual = solved.inverse @ (target - explained)
        self._slot_precision = solved.gram - solved.gram @ solved.inner @ solved.gram
        inside, variance = _leave_one_out(data, solved)
        # The process is conditioned in the metric, whose axes may span less than the outputs. Across them there are no
        # coefficients, and the closed form of ridge regression holds.
        outside = self._dual - self._dual @ self._to_metric @ self._from_metric
        self.loo_residuals = inside @ self._from_metric + outside / np.diag(solved.inverse)[:, None]
        # The predicted variance of a row is right on average over the rows, output by output.
        self._output_variance = np.mean(self.loo_residuals**2 / variance[:, None], axis=0)

    def _data(self, rows: np.ndarray, target: np.ndarray) -> _Data:
        inside = np.isin(self._slots.row, rows)
        own, partners = self._slots.own[inside], self._slots.partners[inside]
        return _Data(
            target=target[rows] @ self._to_metric,
            effects=own @ self._to_metric,
            row=np.searchsorted(rows, self._slots.row[inside]),
            own=cdist(own, own, "sqeuclidean") / self._width,
            partners=cdist(partners, partners, "sqeuclidean") / self._width,
            remainder=np.stack(self._remainder(self._X[rows], self._X[rows])),
            sizes=self._log_sizes(self._X[rows]),
            noise_factor=self._noise_factor[rows],
        )

    def _log_sizes(self, X: np.ndarray) -> np.ndarray:
        norms = np.linalg.norm(sum_effects(X, self._effects), axis=1)
        return np.log(norms / self._typical + _SIZE_OFFSET) - self._center

    def _remainder(self, X: np.ndarray, other: np.ndarray | None = None) -> list[np.ndarray]:
        """Return the kernels of the remainder of some rows with the training rows, or with other ones."""
        other = self._X if other is None else other
        used = np.flatnonzero((X != 0).any(axis=0) | (other != 0).any(axis=0))
        left, right, effects = X[:, used], other[:, used], self._effects[used]
        near = np.exp(-np.sqrt(cdist(effects, effects, "sqeuclidean") / self._width))
        directions = effects / np.maximum(np.linalg.norm(effects, axis=1, keepdims=True), NEGLIGIBLE)
        aligned = np.exp(-cdist(directions, directions, "sqeuclidean"))
        shared = left @ right.T
        kernels = [shared, pair_kernel(left, right, near), pair_kernel(left, right, aligned)]
        return [kernel / scale for kernel, scale in zip(kernels, self._scales, strict=True)]

    def _cross(self, slots: _Slots) -> np.ndarray:
        """Return the kernel of the coefficients of some slots with those of the training slots."""
        own = cdist(slots.own, self._slots.own, "sqeuclidean") / self._width
        partners = cdist(slots.partners, self._slots.partners, "sqeuclidean") / self._width
        return sum(_coefficient_kernels(own, partners, self._theta), np.zeros_like(own))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict what combinations add to the sum of their single effects.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_genes)

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        slots = _Slots.of(X, self._effects)
        weights = np.exp(self._theta[_REMAINDER_WEIGHTS])
        cross = sum((w * k for w, k in zip(weights, self._remainder(X), strict=True)), np.zeros((len(X), len(self._X))))
        # einsum sums each row alone, so that a prediction does not depend on the other rows.
        values = np.einsum("nt,to->no", cross, self._dual)
        coefficients = np.einsum("st,t->s", self._cross(slots), self._slot_dual)
        np.add.at(values, slots.row, coefficients[:, None] * slots.own)
        return values

    def variance(self, X: np.ndarray) -> np.ndarray:
        """Return the variance of the error of `predict`, of the same shape."""
        return np.array([self._row_variance(row[None]) for row in X])[:, None] * self._output_variance

    def _row_variance(self, X: np.ndarray) -> float:
        """Return the variance of one row, the mean over the axes of the metric."""
        weights = np.exp(self._theta[_REMAINDER_WEIGHTS])
        cross = np.tensordot(weights, np.stack(self._remainder(X)), axes=1)[0]
        prior = float(weights @ np.array([kernel.item() for kernel in self._remainder(X, X)]))
        size = float(np.clip(self._log_sizes(X)[0], *self._size_range))
        slots = _Slots.of(X, self._effects)
        own, partners = (cdist(part, part, "sqeuclidean") / self._width for part in (slots.own, slots.partners))
        between = sum(_coefficient_kernels(own, partners, self._theta), np.zeros_like(own))
        to_training = self._cross(slots)
        covariance = between - to_training @ self._slot_precision @ to_training.T
        effects = slots.own @ self._to_metric
        along = max(float(np.sum(covariance * (effects @ effects.T))), 0.0) / effects.shape[1]
        return max(prior - float(cross @ self._inverse @ cross), 0.0) + along + float(_noise(self._theta, size))


def best_gaussian_process(
    X: np.ndarray, target: np.ndarray, effects: np.ndarray, **options: Any
) -> InteractionGaussianProcess:
    """Return the `InteractionGaussianProcess` with the metric of the smaller mean leave-one-out error."""
    found = [InteractionGaussianProcess(X, target, effects, metric=metric, **options) for metric in _METRICS]
    return min(found, key=lambda process: float(np.linalg.norm(process.loo_residuals, axis=1).mean()))


def _metric(points: np.ndarray, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return maps into and out of a space in which strong and weak axes of the outputs are less unequal.

    In the outputs as they are, the few axes along which everything varies would decide alone about the coefficients;
    in whitened outputs noise would.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_outputs)
    exponent : float
        0 compares outputs as they are, 1 would whiten them.

    Returns
    -------
    ndarray of shape (n_outputs, n_axes), ndarray of shape (n_axes, n_outputs)
    """
    _, sizes, axes = np.linalg.svd(points, full_matrices=False)
    kept = min(_MAX_AXES, max(int((sizes > _LEAST_AXIS * sizes[0]).sum()), 1))
    power, axes = np.maximum(sizes[:kept] ** 2, _LEAST_POWER), axes[:kept]
    power = np.maximum(power / np.mean(power), _LEAST_SHARE)
    return axes.T * power ** (-exponent / 2), power[:, None] ** (exponent / 2) * axes


def _noise(theta: np.ndarray, sizes: np.ndarray | float) -> np.ndarray:
    return np.exp(theta[-2] + theta[-1] * np.asarray(sizes))


def _coefficient_kernels(own: np.ndarray, partners: np.ndarray, theta: np.ndarray) -> list[np.ndarray]:
    """Return the weighted kernels of the coefficients from the squared distances of the slots."""
    weights, lengths = np.exp(theta[_COEFFICIENT_WEIGHTS]), np.exp(-theta[_LENGTHS])
    return [
        np.full_like(own, weights[0]),
        weights[1] * np.exp(-0.5 * own * lengths[0] ** 2),
        weights[2] * np.exp(-0.5 * partners * lengths[1] ** 2),
        weights[3] * np.exp(-np.sqrt(own + partners) * lengths[2]),
    ]


def _coefficient_slopes(data: _Data, kernels: list[np.ndarray], theta: np.ndarray) -> list[np.ndarray]:
    """Return the derivatives of the kernels of the coefficients by the logarithms of their weights and lengths."""
    lengths = np.exp(-theta[_LENGTHS])
    return [
        *kernels,
        kernels[1] * data.own * lengths[0] ** 2,
        kernels[2] * data.partners * lengths[1] ** 2,
        kernels[3] * np.sqrt(data.own + data.partners) * lengths[2],
    ]


def _solve(data: _Data, theta: np.ndarray) -> _Solution:
    r"""Condition the process on the training rows.

    The covariance of the target is :math:`R^{-1} \otimes I + E K E^\top` with the kernel K of the coefficients and
    the effects E of the slots; the Woodbury identity keeps all matrices at the number of rows or slots.
    """
    noise = _noise(theta, data.sizes) * data.noise_factor
    matrix = np.tensordot(np.exp(theta[_REMAINDER_WEIGHTS]), data.remainder, axes=1)
    matrix += np.diag(noise)
    inverse = np.linalg.inv(matrix)
    simple = inverse @ data.target
    gram = inverse[np.ix_(data.row, data.row)] * (data.effects @ data.effects.T)
    kernel = sum(_coefficient_kernels(data.own, data.partners, theta), np.zeros_like(data.own))
    mixed = np.eye(len(kernel)) + gram @ kernel
    inner = np.linalg.solve(mixed.T, kernel).T
    inner = (inner + inner.T) / 2
    coefficients = inner @ (data.effects * simple[data.row]).sum(axis=1)
    explained = np.zeros_like(data.target)
    np.add.at(explained, data.row, coefficients[:, None] * data.effects)
    dual = simple - inverse @ explained
    determinants = data.target.shape[1] * np.linalg.slogdet(matrix)[1] + np.linalg.slogdet(mixed)[1]
    loss = 0.5 * float((data.target * dual).sum()) + 0.5 * float(determinants)
    return _Solution(inverse, inner, gram, coefficients, dual, noise, loss)


def _gradient(data: _Data, solved: _Solution, theta: np.ndarray) -> np.ndarray:
    """Return the derivative of the loss by the hyperparameters."""
    indicator = np.equal(data.row, np.arange(len(data.target))[:, None]).astype(float)
    spread = indicator @ (solved.inner * (data.effects @ data.effects.T)) @ indicator.T
    by_row = data.target.shape[1] * solved.inverse - solved.inverse @ spread @ solved.inverse
    by_row -= solved.dual @ solved.dual.T
    slot_dual = (data.effects * solved.dual[data.row]).sum(axis=1)
    by_slot = solved.gram - solved.gram @ solved.inner @ solved.gram - np.outer(slot_dual, slot_dual)
    kernels = _coefficient_kernels(data.own, data.partners, theta)
    slopes = [float(np.sum(by_slot * slope)) for slope in _coefficient_slopes(data, kernels, theta)]
    weights = np.exp(theta[_REMAINDER_WEIGHTS])
    slopes += [float(w * np.sum(by_row * kernel)) for w, kernel in zip(weights, data.remainder, strict=True)]
    noisy = np.diag(by_row) * solved.noise
    return 0.5 * np.array([*slopes, noisy.sum(), float(noisy @ data.sizes)])


def _search(data: _Data, max_iter: int) -> tuple[np.ndarray, int]:
    """Return the hyperparameters with the largest posterior density, and the number of iterations."""

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        solved = _solve(data, theta)
        away = theta - _CENTER
        value = solved.loss / data.target.size + _PULL * float(away @ away)
        return value, _gradient(data, solved, theta) / data.target.size + 2 * _PULL * away

    bounds = [_BOUNDS] * len(_CENTER)
    found = minimize(loss, _CENTER, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iter})
    return found.x, int(found.nit)


def _leave_one_out(data: _Data, solved: _Solution) -> tuple[np.ndarray, np.ndarray]:
    """Return the leave-one-out residuals in the metric and their predicted variance, the mean over the axes."""
    n_axes = data.target.shape[1]
    residuals, variance = np.empty_like(data.target), np.empty(len(data.target))
    for k, dual in enumerate(solved.dual):
        weights = solved.inverse[k, data.row]
        near = np.argsort(-np.abs(weights), kind="stable")[:_MAX_SLOTS]
        rows = weights[near, None] * data.effects[near]
        own = solved.inverse[k, k] * np.eye(n_axes) - rows.T @ solved.inner[np.ix_(near, near)] @ rows
        covariance = np.linalg.inv(own)
        residuals[k], variance[k] = covariance @ dual, np.trace(covariance) / n_axes
    return residuals, variance
