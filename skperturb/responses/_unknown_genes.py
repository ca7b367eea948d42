"""What is predicted for conditions whose genes no model has heard of: the usual response, never that of a control.

An encoder that learned its columns has none for a gene that it did not see. A row of zeros would be a control, and
every model would predict no change for it, a number that nobody could tell from a finding. So `PerturbationEncoder`
marks such rows: all their doses are NaN. Models know no more about them than that something was perturbed, and predict
the mean response to one gene; other estimators refuse NaN.
"""

from dataclasses import dataclass

import numpy as np

from skperturb._alignment import equal_rows
from skperturb.responses._noise import RowNoise

__all__ = ["UsualResponse", "take_unknown_rows"]


def take_unknown_rows(X: np.ndarray, genes: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
    """Find rows whose genes are unknown, and give them the doses of a control.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_columns)
        NaN in all columns of genes stands for unknown genes. Other NaN are left.
    genes : ndarray of int or slice
        These columns.

    Returns
    -------
    ndarray of shape (n_conditions, n_columns)
        The same array where there are none.
    ndarray of int
        The rows.
    """
    if not np.isnan(X.sum()):
        return X, np.zeros(0, dtype=int)
    unknown = np.flatnonzero(np.isnan(X[:, genes]).all(axis=1))
    X = X.copy()
    doses = X[unknown]
    doses[:, genes] = 0.0
    X[unknown] = doses
    return X, unknown


@dataclass(frozen=True)
class UsualResponse:
    """Mean response to one gene and how much a single one differs from it, in all and in each context.

    Parameters
    ----------
    mean, variance : dict of int to ndarray of shape (n_outputs,)
        For each context of which there are such conditions; -1 is all together.
    """

    mean: dict[int, np.ndarray]
    variance: dict[int, np.ndarray]

    @classmethod
    def of(cls, genes: np.ndarray, context: np.ndarray, y: np.ndarray, noise: RowNoise) -> "UsualResponse":
        """Average over single perturbations, over all perturbations if there are none.

        Parameters
        ----------
        genes : ndarray of shape (n_conditions, n_genes)
        context : ndarray of int, shape (n_conditions,)
        y : ndarray of shape (n_conditions, n_outputs)
        noise : RowNoise
            Replicates count by their weights, and each gene once.

        Returns
        -------
        UsualResponse
        """
        number = np.count_nonzero(genes, axis=1)
        rows = np.flatnonzero(number == 1) if (number == 1).any() else np.flatnonzero(number > 0)
        weight = noise.counts(len(y))
        mean, variance = {-1: np.zeros(y.shape[1])}, {-1: np.zeros(y.shape[1])}
        for one in (-1, *np.unique(context[rows]).tolist()):
            chosen = rows if one < 0 else rows[context[rows] == one]
            if len(chosen):
                mean[one], variance[one] = _mean_and_variance(genes[chosen], y, chosen, weight[chosen])
        return cls(mean, variance)

    def values(self, context: np.ndarray, deviation: bool = False) -> np.ndarray:
        """Return the response to an unknown gene in each of some contexts, or its standard deviation.

        Parameters
        ----------
        context : ndarray of int, shape (n_rows,)
        deviation : bool, default=False

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        found = self.variance if deviation else self.mean
        rows = np.array([found.get(int(one), found[-1]) for one in context]).reshape(-1, len(found[-1]))
        return np.sqrt(rows) if deviation else rows


def _mean_and_variance(
    genes: np.ndarray, y: np.ndarray, rows: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of some rows of y, in which each gene counts once, and the variance of one more around it."""
    group = equal_rows(genes)[1]
    total = np.bincount(group, weights=weight)
    # Of all rows of y, so that large screens are not copied.
    share = np.zeros(len(y))
    share[rows] = weight / total[group] / len(total)
    mean = share @ y
    if len(total) < 2:
        return mean, np.zeros_like(mean)
    square = np.einsum("c,co,co->o", share, y, y) - mean**2
    return mean, np.maximum(square, 0.0) * (len(total) + 1) / (len(total) - 1)
