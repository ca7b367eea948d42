"""Groups of similar responses: a gene that was never perturbed probably has one of those that were seen.

Ridge regression mixes the responses of similar genes. Where a gene may belong to one of several programs, the mixture
lies between them, like no response that exists. So responses are grouped, the same ridge regression tells how probably
a gene belongs to each group, and the prediction is a weighted geometric median of the responses that were seen: it
minimizes a sum of distances, which is the error that counts, not of their squares. Alone it is worse than ridge
regression; a part of it makes that better, and leave-one-out errors say how large a part.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from skperturb.responses._kernels.multiple_kernels import MultipleKernelFit, rotated
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["MAX_GROUPED", "ResponseGroups"]

#: Above this number of rows there are no groups: their time grows with its cube, and with 1,600 simulated genes they
#: gain 0.02 points for a third more time (with 800 genes 0.9 points for a fifth).
MAX_GROUPED = 1000
#: Numbers of groups into which the tree of the responses is cut, all of which count. With 16 or 24 groups alone errors
#: on new genes (Replogle, Nadig, Norman) change by 0.1 points of the error of the mean, either way; with 8 alone they
#: grow by 0.2 to 1.1. Without groups they grow by 0.4 (Nadig) to 1.3 points.
_CUTS = (8, 16, 32)
#: Rows in a group on average; cuts with fewer are left out. With 2, groups are tried on the 18 genes of the screen of
#: Papalexi et al., which adds 0.6 ± 0.8 points to the error there; 3 to 5 do alike on Norman's screen.
_MIN_ROWS = 3
#: How much more the responses of similar genes count inside a group: by exp of this times the correlation of their
#: kernel. At 2 and at 5 errors on new genes grow by up to 0.3 points, at 8 by 0.2 to 0.5.
_SIMILARITY = 3.0
#: Least probability of a group: regression predicts negative ones, too. A tenth of it is the same to 0.01 points; with
#: ten times more, errors on Replogle's genes grow by 0.3.
_LEAST_GATE = 1e-3
#: Iterations of the median. With 5 or 20 errors change by 0.01 to 0.04 points, either way.
_N_STEPS = 10
#: Least squared distance of a response from the median, relative to the mean square of all responses, since its weight
#: is one over the distance. Ten times more or less is the same in all digits.
_LEAST_SQUARE = 1e-12
#: Shares of the median that are tried.
_SHARES = np.arange(13) / 20.0


class ResponseGroups:
    r"""Predict :math:`(1 - a)\, K\alpha + a \sum_j v_j\, y_j`, where v is non-negative and adds up to one.

    Parameters
    ----------
    fit : MultipleKernelFit
        The ridge regression, without landmarks.
    kernel : ndarray of shape (n_rows, n_rows)
        Its weighted kernels between the training rows.
    target : ndarray of shape (n_rows, n_outputs)
    given_noise : ndarray of shape (n_rows,), default=None
        Noise of each row relative to the median one; noisy rows count less.

    Attributes
    ----------
    share : float
        The a that has the smallest mean norm of the leave-one-out residuals; zero where the median does not help.
    loo_residuals : ndarray of shape (n_rows, n_outputs)
        Target minus its leave-one-out prediction.
    """

    def __init__(
        self, fit: MultipleKernelFit, kernel: np.ndarray, target: np.ndarray, given_noise: np.ndarray | None = None
    ) -> None:
        self.share, self.loo_residuals = 0.0, fit.loo_residuals
        self._target = target
        # Distances are all that counts: no more axes than rows are needed.
        axes = rotated(target, [])[0]
        self._products = axes @ axes.T
        self._size = np.sqrt(np.maximum(np.diag(kernel), NEGLIGIBLE))
        self._trust = np.ones(len(target)) if given_noise is None else 1.0 / (1.0 + given_noise)
        self._groups = _cut(axes)
        members = [np.equal.outer(group, np.arange(group.max() + 1)).astype(float) for group in self._groups]
        if not members or not axes.any():
            return
        self._counts = [values.sum(axis=0)[group] for values, group in zip(members, self._groups, strict=True)]
        self._duals = [fit.inverse @ values for values in members]
        diagonal = np.diag(fit.inverse)[:, None]
        gates = [values - dual / diagonal for values, dual in zip(members, self._duals, strict=True)]
        weights = self._weights(gates, kernel / self._size[:, None])
        np.fill_diagonal(weights, 0.0)
        missed = target - self._median(weights) @ target
        self.share = _best_share(fit.loo_residuals, missed)
        if self.share:
            self.loo_residuals = (1.0 - self.share) * fit.loo_residuals + self.share * missed

    def mix(self, predicted: np.ndarray, cross: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """Mix the prediction of the ridge regression with the medians.

        Parameters
        ----------
        predicted : ndarray of shape (n_new, n_outputs)
        cross : ndarray of shape (n_new, n_rows)
            Weighted kernels of the new rows with the training rows.
        prior : ndarray of shape (n_new,)
            Weighted kernels of each with itself.

        Returns
        -------
        ndarray of shape (n_new, n_outputs)
        """
        if not self.share:
            return predicted
        correlation = cross / np.sqrt(np.maximum(prior, NEGLIGIBLE))[:, None]
        weights = self._weights([cross @ dual for dual in self._duals], correlation)
        return (1.0 - self.share) * predicted + self.share * (self._median(weights) @ self._target)

    def _weights(self, gates: list[np.ndarray], similarity: np.ndarray) -> np.ndarray:
        """Return how much each response counts: by the probability of its group and the similarity of its gene."""
        total = np.zeros_like(similarity)
        for gate, group, count in zip(gates, self._groups, self._counts, strict=True):
            gate = np.maximum(gate, _LEAST_GATE)
            total += (gate / gate.sum(axis=1, keepdims=True))[:, group] / count
        return total * np.exp(_SIMILARITY * similarity / self._size) * self._trust

    def _median(self, weights: np.ndarray) -> np.ndarray:
        """Return the coefficients of the responses in their weighted geometric median (Weiszfeld's algorithm)."""
        own = np.diag(self._products)
        found = weights / weights.sum(axis=1, keepdims=True)
        for _ in range(_N_STEPS):
            between = found @ self._products
            squares = own - 2.0 * between + (found * between).sum(axis=1, keepdims=True)
            found = weights / np.sqrt(np.maximum(squares, _LEAST_SQUARE * own.mean()))
            found /= found.sum(axis=1, keepdims=True)
        return found


def _best_share(ridge: np.ndarray, median: np.ndarray) -> float:
    """Return the share of the median with the smallest mean norm of the mixed residuals."""
    squares = [np.einsum("no,no->n", *pair) for pair in ((ridge, ridge), (ridge, median), (median, median))]
    errors = []
    for share in _SHARES:
        rest = 1.0 - share
        mixed = rest**2 * squares[0] + 2.0 * rest * share * squares[1] + share**2 * squares[2]
        errors.append(np.sqrt(np.maximum(mixed, 0.0)).mean())
    return float(_SHARES[int(np.argmin(errors))])


def _cut(points: np.ndarray) -> list[np.ndarray]:
    """Return the group of each row, counted from zero, for each number of groups."""
    numbers = [n_groups for n_groups in _CUTS if _MIN_ROWS * n_groups <= len(points)]
    if not numbers:
        return []
    tree = linkage(points, "ward")
    return [fcluster(tree, n_groups, "maxclust") - 1 for n_groups in numbers]
