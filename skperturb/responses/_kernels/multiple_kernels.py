"""Ridge regression on a weighted sum of kernels, chosen by its closed-form leave-one-out error.

The weights of a dozen kernels cannot be chosen on a grid, and with a hundred rows no part of them can be spared for
validation. But for ridge regression the prediction of each row from all others follows from the inverse of one matrix,
so the leave-one-out error is a smooth function of the weights whose gradient costs about as much as the error itself:
the weights minimize it directly. Its mean is taken over norms, not squares, because that is the error that counts in
the end and because few conditions with strong effects would decide alone otherwise.

The chosen error is too small, as any minimum is: whoever compares it with that of another model asks for a margin
(`is_better`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

__all__ = ["MultipleKernelFit", "fit_multiple_kernels"]

#: Above this number of rows the weights are chosen on an evenly spaced subset; the solution always uses all rows.
_MAX_ROWS = 400
#: A weak pull of the logarithms of the weights to zero, so that unneeded kernels do not drift.
#: At ten times the strength errors grow by 0.2 to 0.4 % (Norman, Replogle); at a tenth they shrink by 0.04 %, and
#: the search takes a third longer on Norman's pairs.
_PENALTY = 1e-4
#: Where the search starts, and bounds, all natural logarithms of weights of kernels that are about one on the diagonal:
#: 1e-4 to 150 for a kernel, 0.0025 to 20 for the noise. Their sum and the noise can be scaled together without any
#: effect, so only ratios count. With bounds ten times wider the errors agree to 1e-4; ten times narrower they grow by
#: 0.1 %, since a kernel can no longer be switched off; noise near zero would make the matrix singular.
_START = -1.0
_WEIGHT_BOUNDS, _NOISE_BOUNDS = (-9.0, 5.0), (-6.0, 3.0)
#: Smallest and largest noise of a row relative to the others. A row that the first fit predicts exactly would have
#: none, and decide alone; one that is far off would not count at all. Neither bound is met on
#: Norman's and Replogle's screens (ten times wider: same predictions); close to 1 the search is not robust, which costs
#: 0.3 to 0.7 %.
_ROW_NOISE = (0.3, 10.0)
#: Ridge on the slopes of the mean functions, relative to the trace of their Gram matrix: two mean functions that are
#: proportional, as where all sums agree alike, make it singular, and the fit would raise without it. It holds the
#: condition number to 1e8. Ten times more or less changes errors by less than 1e-5.
_SLOPE_RIDGE = 1e-8
#: Added to the error (units of the target) before its logarithm is taken, so that an exact fit has a finite loss. Any
#: size below all real errors does: ten times more or less is the same in all digits.
_LEAST_ERROR = 1e-12
#: A row that is predicted exactly has the direction 0 / this = 0 in the gradient. Any positive number does.
_LEAST_NORM = 1e-300


@dataclass(frozen=True)
class MultipleKernelFit:
    """The solution for one set of kernels.

    Parameters
    ----------
    weights : ndarray of shape (n_kernels,)
        Weight of each kernel.
    noise : float
        Ridge penalty.
    slopes : ndarray of shape (n_bases,)
        Coefficient of each given mean function.
    dual : ndarray of shape (n_rows, n_outputs)
        Dual coefficients.
    inverse : ndarray of shape (n_rows, n_rows)
        Inverse of the kernel matrix with its penalty.
    scale : ndarray of shape (n_outputs,)
        Variance of each output for a kernel value of 1, such that the leave-one-out residuals have the predicted size.
    loo_residuals : ndarray of shape (n_rows, n_outputs)
        Target minus its leave-one-out prediction.
    n_iter : int
        Iterations of the search for the weights.
    """

    weights: np.ndarray
    noise: float
    slopes: np.ndarray
    dual: np.ndarray
    inverse: np.ndarray
    scale: np.ndarray
    loo_residuals: np.ndarray
    n_iter: int

    def predict(self, kernels: Sequence[np.ndarray], bases: Sequence[np.ndarray] = ()) -> np.ndarray:
        """Predict new rows from their kernels with the training rows and their mean functions."""
        # einsum sums each row alone, so that a prediction does not depend on the other rows.
        values = np.einsum("nt,to->no", self._combine(kernels), self.dual)
        for slope, basis in zip(self.slopes, bases, strict=True):
            values = values + slope * basis
        return values

    def variance(self, kernels: Sequence[np.ndarray], diagonals: Sequence[np.ndarray]) -> np.ndarray:
        """Return the variance of the outputs of new rows, noise included."""
        cross = self._combine(kernels)
        prior = sum(weight * diagonal for weight, diagonal in zip(self.weights, diagonals, strict=True))
        explained = np.einsum("nt,ts,ns->n", cross, self.inverse, cross)
        return (np.maximum(prior - explained, 0.0) + self.noise)[:, None] * self.scale

    def _combine(self, kernels: Sequence[np.ndarray]) -> np.ndarray:
        return sum(weight * kernel for weight, kernel in zip(self.weights, kernels, strict=True))


@dataclass
class _Problem:
    kernels: np.ndarray
    target: np.ndarray
    bases: list[np.ndarray]
    row_noise: np.ndarray

    def solve(self, log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the inverse, the slopes and the leave-one-out residuals."""
        weights = np.exp(log_weights)
        matrix = np.tensordot(weights[:-1], self.kernels, axes=1) + weights[-1] * np.diag(self.row_noise)
        inverse = np.linalg.inv(matrix)
        diagonal = np.diag(inverse)[:, None]
        target = inverse @ self.target / diagonal
        if not self.bases:
            return inverse, np.zeros(0), target
        # The leave-one-out residual is linear in the target, so the best slopes for it have a closed form.
        bases = np.stack([(inverse @ basis / diagonal).ravel() for basis in self.bases])
        gram = bases @ bases.T
        gram += _SLOPE_RIDGE * np.trace(gram) * np.eye(len(gram)) + np.finfo(float).tiny * np.eye(len(gram))
        slopes = np.linalg.solve(gram, bases @ target.ravel())
        return inverse, slopes, target - np.tensordot(slopes, bases, axes=1).reshape(target.shape)

    def loss(self, log_weights: np.ndarray) -> float:
        residuals = self.solve(log_weights)[2]
        error = np.linalg.norm(residuals, axis=1).mean()
        return float(np.log(error + _LEAST_ERROR) + _PENALTY * np.sum(log_weights**2))

    def loss_and_gradient(self, log_weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient, for problems without mean functions."""
        inverse, _, residuals = self.solve(log_weights)
        norms = np.maximum(np.linalg.norm(residuals, axis=1), _LEAST_NORM)
        total = float(norms.mean()) + _LEAST_ERROR
        diagonal = np.diag(inverse)
        outer = residuals / norms[:, None] / (len(norms) * total * diagonal[:, None])
        inner = (outer * residuals).sum(axis=1)
        dual = residuals * diagonal[:, None]
        by_matrix = (inverse * inner) @ inverse - (inverse @ outer) @ dual.T
        weights = np.exp(log_weights)
        by_weight = np.tensordot(self.kernels, by_matrix, axes=([1, 2], [0, 1]))
        slopes = weights * np.append(by_weight, float(np.diag(by_matrix) @ self.row_noise))
        loss = float(np.log(total) + _PENALTY * np.sum(log_weights**2))
        return loss, slopes + 2 * _PENALTY * log_weights

    def subset(self, rows: np.ndarray) -> "_Problem":
        return _Problem(
            self.kernels[:, rows][:, :, rows], self.target[rows], [b[rows] for b in self.bases], self.row_noise[rows]
        )


def fit_multiple_kernels(
    kernels: Sequence[np.ndarray],
    target: np.ndarray,
    bases: Sequence[np.ndarray] = (),
    *,
    max_iter: int = 50,
    robust: bool = True,
) -> MultipleKernelFit:
    r"""Fit :math:`\sum_p s_p B_p + K\alpha` with :math:`K = \sum_k w_k K_k`.

    The weights and the penalty minimize the mean norm of the leave-one-out residuals,
    :math:`[C^{-1} r]_i / [C^{-1}]_{ii}` with :math:`C = K + \lambda N`.

    Parameters
    ----------
    kernels : sequence of ndarray of shape (n_rows, n_rows)
        Positive semidefinite, on a scale of about one.
    target : ndarray of shape (n_rows, n_outputs)
    bases : sequence of ndarray of shape (n_rows, n_outputs), default=()
        Mean functions.
    max_iter : int, default=50
        Iterations of the search for the weights.
    robust : bool, default=True
        Search a second time with the rows weighed down that were far from their leave-one-out prediction: the error is
        a norm, and least squares would let a few strong rows decide.

    Returns
    -------
    MultipleKernelFit
    """
    problem = _Problem(np.stack(list(kernels)), target, list(bases), np.ones(len(target)))
    log_weights = np.full(len(problem.kernels) + 1, _START)
    bounds = [_WEIGHT_BOUNDS] * len(problem.kernels) + [_NOISE_BOUNDS]
    rows = np.unique(np.linspace(0, len(target) - 1, min(len(target), _MAX_ROWS)).round().astype(int))
    for second in (False, True)[: 1 + robust]:
        if second:
            norms = np.linalg.norm(problem.solve(log_weights)[2], axis=1)
            middle = np.median(norms)
            if middle > 0:
                # In full proportion, as a spatial median would have it, the errors of unseen rows are larger.
                problem.row_noise = np.clip(np.sqrt(norms / middle), *_ROW_NOISE)
        part = problem.subset(rows)
        # The slopes of mean functions minimize squares, so their share in the gradient has no short form.
        exact = not part.bases
        found = minimize(
            part.loss_and_gradient if exact else part.loss,
            log_weights,
            jac=exact,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": max_iter},
        )
        log_weights = found.x
    inverse, slopes, residuals = problem.solve(log_weights)
    remainder = target - sum((s * b for s, b in zip(slopes, bases, strict=True)), np.zeros_like(target))
    dual = inverse @ remainder
    return MultipleKernelFit(
        weights=np.exp(log_weights[:-1]),
        noise=float(np.exp(log_weights[-1])),
        slopes=slopes,
        dual=dual,
        inverse=inverse,
        scale=np.mean(residuals**2 * np.diag(inverse)[:, None], axis=0),
        loo_residuals=residuals,
        n_iter=int(found.nit),
    )
