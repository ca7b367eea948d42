"""Ridge regression on a weighted sum of kernels, chosen by its closed-form leave-one-out error.

The weights of a dozen kernels cannot be chosen on a grid, and with a hundred rows no part of them can be spared for
validation. But for ridge regression the prediction of each row from all others follows from the inverse of one matrix,
so the leave-one-out error is a smooth function of the weights whose gradient costs about as much as the error itself:
the weights minimize it directly. Its mean is taken over norms, not squares, because that is the error that counts in
the end and because few conditions with strong effects would decide alone otherwise.

The chosen error is too small, as any minimum is: whoever compares it with that of another model asks for a margin
(`is_better`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, lapack, qr
from scipy.optimize import minimize
from sklearn.kernel_approximation import Nystroem

from skperturb.responses._conditions import row_norms
from skperturb.responses._kernels.sources import KernelSource, WithSquaredSum, weighted_diagonal, weighted_sum
from skperturb.responses._kernels.subsets import neighborhoods, spread_rows

__all__ = [
    "MultipleKernelFit",
    "compare_with_all",
    "fit_multiple_kernels",
    "fit_with_squared_sum",
    "refit_with_landmarks",
    "rotated",
]

#: Above this number of rows the weights are chosen on neighborhoods of some; the solution always uses all rows.
_MAX_ROWS = 1000
#: Factor by which the noise is raised as long as that lowers the leave-one-out error of all rows, which lie even closer
#: to one another than those of the subset; and how often at most.
_NOISE_STEP, _MAX_NOISE_STEPS = 3.0, 4
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
#: Rows whose other triangle is filled at once, so that no copy of the matrix is needed.
_BLOCK = 512
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
    noise_slope : float
        What is added to it for a row whose given noise is that of the median row; zero where none was given.
    slopes : ndarray of shape (n_bases,)
        Coefficient of each given mean function.
    dual : ndarray of shape (n_items, n_outputs)
        Dual coefficients.
    inverse : ndarray of shape (n_items, n_items)
        Inverse of the kernel matrix with its penalty, or what stands for it with landmarks.
    items : ndarray of int, shape (n_items,)
        What new rows are compared with: the training rows, or the landmarks among them.
    scale : ndarray of shape (n_outputs,)
        Variance of each output for a kernel value of 1, such that the leave-one-out residuals have the predicted size.
    loo_residuals : ndarray of shape (n_rows, n_outputs)
        Target minus its leave-one-out prediction.
    n_iter : int
        Iterations of the search for the weights.
    """

    weights: np.ndarray
    noise: float
    noise_slope: float
    slopes: np.ndarray
    dual: np.ndarray
    inverse: np.ndarray
    items: np.ndarray
    scale: np.ndarray
    loo_residuals: np.ndarray
    n_iter: int

    @property
    def n_landmarks(self) -> int:
        """Number of landmarks, zero if all rows are compared with."""
        return len(self.items) if len(self.items) < len(self.loo_residuals) else 0

    def predict(self, cross: np.ndarray, bases: Sequence[np.ndarray] = (), *, alone: bool = True) -> np.ndarray:
        """Predict new rows.

        Parameters
        ----------
        cross : ndarray of shape (n_new, n_items)
            Their weighted kernels with `items`.
        bases : sequence of ndarray of shape (n_new, n_outputs), default=()
            Their mean functions.
        alone : bool, default=True
            Sum each row alone, so that its prediction does not depend on the others in the last digit, as with BLAS.

        Returns
        -------
        ndarray of shape (n_new, n_outputs)
        """
        values = np.einsum("nt,to->no", cross, self.dual) if alone else cross @ self.dual
        for slope, basis in zip(self.slopes, bases, strict=True):
            values += slope * basis
        return values

    def relative_variance(self, cross: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """Return the variance of new rows, noise included, in units of `scale`.

        Parameters
        ----------
        cross : ndarray of shape (n_new, n_items)
            Their weighted kernels with `items`.
        prior : ndarray of shape (n_new,)
            Weighted kernels of each with itself.

        Returns
        -------
        ndarray of shape (n_new,)
        """
        explained = np.einsum("nt,nt->n", cross @ self.inverse, cross)
        return np.maximum(prior - explained, 0.0) + self.noise + self.noise_slope

    def variance(self, cross: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """Return the variance of the outputs of new rows, noise included, shape (n_new, n_outputs)."""
        return self.relative_variance(cross, prior)[:, None] * self.scale


@dataclass
class _Problem:
    """Rows on which weights are tried.

    Parameters
    ----------
    kernels : ndarray of shape (n_kernels, n_rows, n_rows)
    target : ndarray of shape (n_rows, n_outputs)
    bases : list of ndarray of shape (n_rows, n_outputs)
    row_noise : ndarray of shape (n_rows,)
        Relative noise of the rows, from how far they are from a first fit.
    given_noise : ndarray of shape (n_rows,) or None
        Noise that was given, relative to the median row. It has a weight of its own, the last.
    """

    kernels: np.ndarray
    target: np.ndarray
    bases: list[np.ndarray]
    row_noise: np.ndarray
    given_noise: np.ndarray | None = None

    def matrix(self, log_weights: np.ndarray) -> np.ndarray:
        """Return the weighted sum of the kernels with the noise on its diagonal."""
        n_kernels, n_rows = self.kernels.shape[:2]
        weights = np.exp(log_weights)
        total = (weights[:n_kernels] @ self.kernels.reshape(n_kernels, -1)).reshape(n_rows, n_rows)
        total[np.diag_indices(n_rows)] += _diagonal(weights[n_kernels:], self.row_noise, self.given_noise)
        return total

    def solve(self, log_weights: np.ndarray) -> "_LeaveOneOut":
        return _leave_one_out(_inverted(self.matrix(log_weights)), self.target, self.bases)

    def loss(self, log_weights: np.ndarray) -> float:
        return self.loss_and_gradient(log_weights)[0]

    def loss_and_gradient(self, log_weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient."""
        solved = self.solve(log_weights)
        residuals = solved.residuals
        share = _shares(self.given_noise, len(residuals))
        norms = np.maximum(row_norms(residuals), _LEAST_NORM)
        total = float(share @ norms) + _LEAST_ERROR
        outer = residuals / norms[:, None] * (share / total)[:, None]
        by_matrix = _pull_back(solved, outer)
        by_weight = self.kernels.reshape(len(self.kernels), -1) @ by_matrix.ravel()
        noisy = np.diag(by_matrix)
        by_noise = [noisy @ self.row_noise] + ([] if self.given_noise is None else [noisy @ self.given_noise])
        slopes = np.exp(log_weights) * np.r_[by_weight, by_noise]
        loss = float(np.log(total) + _PENALTY * np.sum(log_weights**2))
        return loss, slopes + 2 * _PENALTY * log_weights


@dataclass(frozen=True)
class _LeaveOneOut:
    """Inverse, slopes of the mean functions, and what leave-one-out makes of the target and of them."""

    inverse: np.ndarray
    diagonal: np.ndarray
    slopes: np.ndarray
    residuals: np.ndarray
    bases: list[np.ndarray]
    gram: np.ndarray


def _leave_one_out(inverse: np.ndarray, target: np.ndarray, bases: Sequence[np.ndarray]) -> _LeaveOneOut:
    diagonal = np.diag(inverse).copy()

    def held_out(values: np.ndarray) -> np.ndarray:
        found = inverse @ values
        found /= diagonal[:, None]
        return found

    residuals, changed = held_out(target), [held_out(basis) for basis in bases]
    # The leave-one-out residual is linear in the target, so the best slopes for it have a closed form.
    gram = np.array([[np.vdot(one, other) for other in changed] for one in changed]).reshape(len(changed), len(changed))
    gram += (_SLOPE_RIDGE * np.trace(gram) + np.finfo(float).tiny) * np.eye(len(gram))
    slopes = np.linalg.solve(gram, [np.vdot(basis, residuals) for basis in changed]) if changed else np.zeros(0)
    for slope, basis in zip(slopes, changed, strict=True):
        residuals -= slope * basis
    return _LeaveOneOut(inverse, diagonal, slopes, residuals, changed, gram)


def _pull_back(solved: _LeaveOneOut, outer: np.ndarray) -> np.ndarray:
    r"""Turn the derivative of a loss by the residuals into that by the matrix.

    The residuals are :math:`t - \sum_p s_p b_p`, each of t and b of the form :math:`D^{-1} C^{-1} z`, and the slopes
    solve :math:`G s = \langle b, t \rangle`: what the loss loses by them goes back through G.
    """
    pulled = [(outer, solved.residuals)]
    if solved.bases:
        slopes = solved.slopes
        back = np.linalg.solve(solved.gram, [-np.vdot(outer, basis) for basis in solved.bases])
        whole = outer + sum(u * basis for u, basis in zip(back, solved.bases, strict=True))
        fitted = sum(slope * basis for slope, basis in zip(slopes, solved.bases, strict=True))
        ridge = 2.0 * _SLOPE_RIDGE * float(back @ slopes)
        pulled = [(whole, solved.residuals + fitted)]
        for slope, u, basis in zip(slopes, back, solved.bases, strict=True):
            pulled.append((u * solved.residuals - slope * whole - ridge * basis, basis))
    by_matrix = np.zeros_like(solved.inverse)
    inner = np.zeros(len(outer))
    for slope, value in pulled:
        scaled = slope / solved.diagonal[:, None]
        inner += np.einsum("ij,ij->i", scaled, value)
        by_matrix -= (solved.inverse @ scaled) @ (value * solved.diagonal[:, None]).T
    by_matrix += (solved.inverse * inner) @ solved.inverse
    return by_matrix


def _diagonal(weights: np.ndarray, row_noise: np.ndarray, given_noise: np.ndarray | None) -> np.ndarray:
    return weights[0] * row_noise + (0.0 if given_noise is None else weights[1] * given_noise)


def _shares(given_noise: np.ndarray | None, n_rows: int) -> np.ndarray:
    """Return how much the error of each row counts: that of one that is mostly noise says little."""
    share = np.ones(n_rows) if given_noise is None else 1.0 / (1.0 + given_noise)
    return share / share.sum()


def _inverted(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a positive definite matrix, in its memory."""
    factor, failed = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1, clean=0)
    if failed:
        raise LinAlgError("the kernel matrix with its noise is not positive definite.")
    inverse, _ = lapack.dpotri(factor, lower=0, overwrite_c=1)
    inverse = inverse.T
    for start in range(0, len(inverse), _BLOCK):
        stop = start + _BLOCK
        corner = inverse[start:stop, start:stop]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    return inverse


def rotated(target: np.ndarray, bases: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rotate the outputs so that no more of them are left than there are rows: only norms and products count.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_outputs)
    bases : sequence of ndarray of shape (n_rows, n_outputs)

    Returns
    -------
    ndarray of shape (n_rows, n_axes), list of ndarray of shape (n_rows, n_axes)
        The same if there are not more outputs than rows of all together.
    """
    stacked = np.vstack([target, *bases])
    if stacked.shape[1] <= len(stacked):
        return target, list(bases)
    lower = qr(stacked.T, mode="r", check_finite=False, overwrite_a=True)[0][: len(stacked)].T
    parts = np.split(np.ascontiguousarray(lower), 1 + len(bases))
    return parts[0], parts[1:]


def fit_multiple_kernels(
    source: KernelSource,
    target: np.ndarray,
    bases: Sequence[np.ndarray] = (),
    *,
    items: np.ndarray | None = None,
    given_noise: np.ndarray | None = None,
    max_iter: int = 50,
    robust: bool = True,
    n_landmarks: int | None = None,
) -> MultipleKernelFit:
    r"""Fit :math:`\sum_p s_p B_p + K\alpha` with :math:`K = \sum_k w_k K_k`.

    The weights and the penalty minimize the mean norm of the leave-one-out residuals,
    :math:`[C^{-1} r]_i / [C^{-1}]_{ii}` with :math:`C = K + \lambda N`.

    Parameters
    ----------
    source : KernelSource
        Positive semidefinite kernels, on a scale of about one.
    target : ndarray of shape (n_rows, n_outputs)
    bases : sequence of ndarray of shape (n_rows, n_outputs), default=()
        Mean functions.
    items : ndarray of int, shape (n_rows,), default=None
        Which items of `source` the rows are; None takes the first ones.
    given_noise : ndarray of shape (n_rows,), default=None
        Noise of each row relative to the median row. How much of it there is, beside the penalty, is chosen as well.
    max_iter : int, default=50
        Iterations of the search for the weights.
    robust : bool, default=True
        Search a second time with the rows weighed down that were far from their leave-one-out prediction: the error is
        a norm, and least squares would let a few strong rows decide.
    n_landmarks : int, default=None
        Approximate the kernel by that with so many rows, if there are more; not together with `bases`.

    Returns
    -------
    MultipleKernelFit
    """
    items = np.arange(len(target)) if items is None else items
    search = _Search(source, target, bases, items, given_noise, max_iter)
    search.run()
    whole = _whole(source, items, target, bases, n_landmarks)
    if robust:
        search.weigh_rows(whole)
        search.run()
    return search.solve(whole)


def fit_with_squared_sum(
    source: KernelSource,
    target: np.ndarray,
    *,
    alone: Sequence[str] = (),
    items: np.ndarray,
    given_noise: np.ndarray | None = None,
    max_iter: int = 50,
    robust: bool = True,
    n_landmarks: int | None = None,
) -> tuple[WithSquaredSum, MultipleKernelFit]:
    r"""Fit :math:`K = \sum_k w_k K_k + w_s\, (\sum_k v_k K_k)^2`, squared entry by entry.

    A first search, without the square, finds the weights :math:`v_k`; a second one starts from them and finds all
    :math:`w`.

    Parameters
    ----------
    source, target, items, given_noise, max_iter, n_landmarks
        See `fit_multiple_kernels`.
    alone : sequence of str, default=()
        Kernels that are left out of the square, such as a constant.
    robust : bool, default=True
        Weigh down the rows that are far from their leave-one-out prediction: in the solution, not in the search.

    Returns
    -------
    WithSquaredSum
        The kernels that new rows are compared by.
    MultipleKernelFit
    """
    search = _Search(source, target, (), items, given_noise, max_iter)
    search.run()
    weights = search.weights * ~np.isin(source.names, list(alone))
    squared = WithSquaredSum(source, weights, items)
    search.add_kernel(squared.block(squared.squared, items[search.rows], items[search.rows]), weights.sum() / 2)
    search.run()
    whole = _whole(squared, items, target, (), n_landmarks)
    # Were they also weighed down in a search, the square would gain less: .28 ± .10 in place of .40 ± .17 points of the
    # error of the mean on Replogle's new genes, .09 ± .03 in place of .18 ± .07 on Nadig's.
    if robust:
        search.weigh_rows(whole)
    return squared, search.solve(whole)


def refit_with_landmarks(
    fitted: MultipleKernelFit, source: KernelSource, target: np.ndarray, items: np.ndarray
) -> MultipleKernelFit:
    """Fit fewer rows with the weights, the noise and the landmarks of a fit, as far as these are among the rows.

    Parameters
    ----------
    fitted : MultipleKernelFit
    source, target, items
        See `fit_multiple_kernels`. Some landmark is among the items.

    Returns
    -------
    MultipleKernelFit
    """
    noise = fitted.noise + fitted.noise_slope
    part = _Landmarks(source, items, target, np.flatnonzero(np.isin(items, fitted.items)))
    return part.fit(fitted.weights, np.array([noise]), np.full(len(items), noise), fitted.n_iter)


class _Search:
    """The search for the weights of kernels and noise.

    Parameters
    ----------
    source, target, bases, items, given_noise, max_iter
        See `fit_multiple_kernels`.

    Attributes
    ----------
    rows : ndarray of int
        The rows on which weights are tried.
    """

    def __init__(
        self,
        source: KernelSource,
        target: np.ndarray,
        bases: Sequence[np.ndarray],
        items: np.ndarray,
        given_noise: np.ndarray | None,
        max_iter: int,
    ) -> None:
        self.rows = rows = neighborhoods(target, compare_with_all(source, items), _MAX_ROWS)
        self._n_kernels, self._given_noise, self._max_iter = len(source.names), given_noise, max_iter
        self._n_noises = 1 if given_noise is None else 2
        self._log_weights = np.full(self._n_kernels + self._n_noises, _START)
        self._row_noise = np.ones(len(target))
        self._n_iter = 0
        self._part = _Problem(
            np.stack(list(source.blocks(items[rows], items[rows]))),
            *rotated(target[rows], [basis[rows] for basis in bases]),
            np.ones(len(rows)),
            None if given_noise is None else given_noise[rows],
        )

    @property
    def weights(self) -> np.ndarray:
        """Weights of the kernels."""
        return np.exp(self._log_weights[: self._n_kernels])

    @property
    def _noises(self) -> np.ndarray:
        return np.exp(self._log_weights[self._n_kernels :])

    def run(self) -> None:
        """Minimize the leave-one-out error, from the weights of the last search."""
        found = minimize(
            self._part.loss_and_gradient,
            self._log_weights,
            jac=True,
            method="L-BFGS-B",
            bounds=[_WEIGHT_BOUNDS] * self._n_kernels + [_NOISE_BOUNDS, _WEIGHT_BOUNDS][: self._n_noises],
            options={"maxiter": self._max_iter},
        )
        self._log_weights, self._n_iter = found.x, max(self._n_iter, int(found.nit))

    def add_kernel(self, kernel: np.ndarray, weight: float) -> None:
        """Add a kernel between `rows`, the last one from now on, and the weight with which its search starts.

        Any weight ends in the same place: half of that of all others takes a seventh fewer steps than `_START`.
        """
        start = np.log(np.clip(weight, *np.exp(_WEIGHT_BOUNDS)))
        self._part.kernels = np.concatenate([self._part.kernels, kernel[None]])
        self._log_weights = np.insert(self._log_weights, self._n_kernels, start)
        self._n_kernels += 1

    def weigh_rows(self, whole: "_AllRows | _Landmarks") -> None:
        """Give rows more noise that are far from their leave-one-out prediction."""
        norms = row_norms(whole.residuals(self.weights, _diagonal(self._noises, self._row_noise, self._given_noise)))
        middle = np.median(norms)
        if middle > 0:
            # In full proportion, as a spatial median would have it, the errors of unseen rows are larger.
            self._row_noise = np.clip(np.sqrt(norms / middle), *_ROW_NOISE)
            self._part.row_noise = self._row_noise[self.rows]

    def solve(self, whole: "_AllRows | _Landmarks") -> MultipleKernelFit:
        """Return the solution for all rows."""
        weights, noises, given = self.weights, self._noises, self._given_noise
        if len(self.rows) < len(self._row_noise):
            noises = noises * _noise_factor(whole, weights, _diagonal(noises, self._row_noise, given), given)
        return whole.fit(weights, noises, _diagonal(noises, self._row_noise, given), self._n_iter)


def _whole(
    source: KernelSource,
    items: np.ndarray,
    target: np.ndarray,
    bases: Sequence[np.ndarray],
    n_landmarks: int | None,
) -> "_AllRows | _Landmarks":
    if n_landmarks is None or n_landmarks >= len(target):
        return _AllRows(source, items, target, bases)
    return _Landmarks(source, items, target, spread_rows(target, n_landmarks, compare_with_all(source, items)))


def compare_with_all(source: KernelSource, items: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of some rows that compares them with all, by the sum of the kernels."""

    def similarity(rows: np.ndarray) -> np.ndarray:
        return weighted_sum(source, np.ones(len(source.names)), items[rows], items)

    return similarity


def _noise_factor(
    whole: "_AllRows | _Landmarks", weights: np.ndarray, noise: np.ndarray, given_noise: np.ndarray | None
) -> float:
    """Return by how much to raise the noise that was chosen on a subset of the rows."""
    share = _shares(given_noise, len(noise))
    factor, least = 1.0, float(share @ row_norms(whole.residuals(weights, noise)))
    for _ in range(_MAX_NOISE_STEPS):
        error = float(share @ row_norms(whole.residuals(weights, noise * factor * _NOISE_STEP)))
        if error >= least:
            break
        factor, least = factor * _NOISE_STEP, error
    return factor


class _AllRows:
    """The kernel matrix of all rows.

    Parameters
    ----------
    source, items, target, bases
        See `fit_multiple_kernels`.
    """

    def __init__(
        self, source: KernelSource, items: np.ndarray, target: np.ndarray, bases: Sequence[np.ndarray]
    ) -> None:
        self._source, self._items, self._target, self._bases = source, items, target, bases

    def residuals(self, weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return the leave-one-out residuals for weights of the kernels and the noise of each row."""
        return self._solve(weights, noise).residuals

    def _solve(self, weights: np.ndarray, noise: np.ndarray) -> _LeaveOneOut:
        matrix = weighted_sum(self._source, weights, self._items, self._items)
        matrix[np.diag_indices(len(matrix))] += noise
        return _leave_one_out(_inverted(matrix), self._target, self._bases)

    def fit(self, weights: np.ndarray, noises: np.ndarray, noise: np.ndarray, n_iter: int) -> MultipleKernelFit:
        """Return the solution."""
        solved = self._solve(weights, noise)
        residuals, diagonal = solved.residuals, solved.diagonal
        return MultipleKernelFit(
            weights=weights,
            noise=float(noises[0]),
            noise_slope=float(noises[1:].sum()),
            slopes=solved.slopes,
            # The dual coefficients are the residuals of leave-one-out without their denominators.
            dual=residuals * diagonal[:, None],
            inverse=solved.inverse,
            items=self._items,
            scale=np.einsum("no,no,n->o", residuals, residuals, diagonal) / len(residuals),
            loo_residuals=residuals,
            n_iter=n_iter,
        )


class _Landmarks:
    r"""The kernel of all rows, approximated by that with some of them, the landmarks: the method of Nyström.

    With features :math:`Z = K_{nm} K_{mm}^{-1/2}` the matrix :math:`K \approx Z Z^\top` is never there; that of the
    features, :math:`A = I + Z^\top N^{-1} Z`, is solved, and leaving a row out has a closed form there, too. With a
    landmark its own feature is left out. A new row has none; and that of a landmark that hardly any row resembles is
    fitted to the noise of all others, and would say anything about the landmark.

    Parameters
    ----------
    source, items, target
        See `fit_multiple_kernels`.
    rows : ndarray of int, shape (n_landmarks,)
        The landmarks.
    """

    def __init__(self, source: KernelSource, items: np.ndarray, target: np.ndarray, rows: np.ndarray) -> None:
        self._source, self._items, self._target, self._rows = source, items, target, rows
        self._mapped: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def residuals(self, weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return the leave-one-out residuals for weights of the kernels and the noise of each row."""
        return self._solve(weights, noise)[0]

    def _map(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the map from kernels to features, and the features."""
        if self._mapped is None or not np.array_equal(self._mapped[0], weights):
            landmarks = self._items[self._rows]
            # The seed orders the features, and nothing else.
            nystroem = Nystroem(kernel="precomputed", n_components=len(landmarks), random_state=0)
            nystroem.fit(weighted_sum(self._source, weights, landmarks, landmarks))
            to_features = nystroem.normalization_.T
            features = weighted_sum(self._source, weights, self._items, landmarks) @ to_features
            self._mapped = weights, to_features, features
        return self._mapped[1:]

    def _solve(self, weights: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return residuals, their variance, coefficients, the map to features, and the inverse of A."""
        to_features, features = self._map(weights)
        scaled = features / noise[:, None]
        inner = features.T @ scaled
        inner[np.diag_indices(len(inner))] += 1.0
        inverse = _inverted(inner)
        coefficients = inverse @ (scaled.T @ self._target)
        free = 1.0 - np.einsum("nm,nm->n", features @ inverse, scaled)
        residuals = self._target - features @ coefficients
        self._leave_out_landmarks(residuals, free, noise, coefficients, inverse)
        residuals /= free[:, None]
        return residuals, noise / free, coefficients, to_features, inverse

    def _leave_out_landmarks(
        self, residuals: np.ndarray, free: np.ndarray, noise: np.ndarray, coefficients: np.ndarray, inverse: np.ndarray
    ) -> None:
        r"""Change residuals and their share of freedom, in place, to those without the feature of the own landmark.

        With :math:`B = M A^{-1} M^\top`, where M maps kernels to features, and the coefficients :math:`\beta` of the
        kernels, setting that of landmark j to zero changes its fitted value by :math:`-k_j^\top B_j \beta_j / B_{jj}`.
        """
        assert self._mapped is not None
        _, to_features, features = self._mapped
        turned = to_features @ inverse
        own = np.einsum("mk,mk->m", turned, to_features)
        moved = np.einsum("mk,mk->m", turned, features[self._rows])
        residuals[self._rows] += (moved / own)[:, None] * (to_features @ coefficients)
        free[self._rows] += moved**2 / own / noise[self._rows]

    def fit(self, weights: np.ndarray, noises: np.ndarray, noise: np.ndarray, n_iter: int) -> MultipleKernelFit:
        """Return the solution."""
        residuals, variance, coefficients, to_features, inverse = self._solve(weights, noise)
        # What no landmark says about a row is uncertain, for new rows (`relative_variance`) and so for these.
        features = self._map(weights)[1]
        prior = weighted_diagonal(self._source, weights, self._items)
        unexplained = np.maximum(prior - np.einsum("nm,nm->n", features, features), 0.0)
        # Given the other landmarks.
        unexplained[self._rows] = 1.0 / np.einsum("mk,mk->m", to_features, to_features)
        variance = variance + unexplained
        explained = np.eye(len(inverse)) - inverse
        return MultipleKernelFit(
            weights=weights,
            noise=float(noises[0]),
            noise_slope=float(noises[1:].sum()),
            slopes=np.zeros(0),
            dual=to_features @ coefficients,
            inverse=to_features @ explained @ to_features.T,
            items=self._items[self._rows],
            scale=np.einsum("no,no,n->o", residuals, residuals, 1.0 / variance) / len(residuals),
            loo_residuals=residuals,
            n_iter=n_iter,
        )
