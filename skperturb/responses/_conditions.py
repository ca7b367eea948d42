"""What the rows of a perturbation × gene matrix are, and the effect of each gene alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.utils.validation import validate_data

__all__ = ["PerturbationRegressorMixin", "SingleEffects", "condition_groups", "estimate_effects", "n_perturbed"]

#: Penalties that leave-one-out chooses among for genes that are perturbed only in combinations. A gene at dose 1 weighs
#: as much as the number of its combinations: from hardly any shrinkage (0.01) to hardly any effect (100).
_ALPHAS = np.logspace(-2, 2, 9)


def n_perturbed(X: np.ndarray) -> np.ndarray:
    """Return the number of perturbed genes of each condition."""
    return np.count_nonzero(X, axis=1)


def condition_groups(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find replicates: rows with the same doses.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)

    Returns
    -------
    first : ndarray of int, shape (n_groups,)
        The first row of each group, ascending.
    group : ndarray of int, shape (n_conditions,)
        Group of each row, in that order.
    """
    _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[group.ravel()]


@dataclass(frozen=True)
class SingleEffects:
    """Response to one unit of each gene alone.

    Parameters
    ----------
    values : ndarray of shape (n_genes, n_outputs)
        Zero where nothing is known.
    observed : ndarray of bool, shape (n_genes,)
        The gene was perturbed alone.
    known : ndarray of bool, shape (n_genes,)
        The gene was perturbed, alone or together with others.
    replicate_variance : ndarray of shape (n_outputs,)
        Of one replicate (another guide, another batch) around the mean of the replicates of a gene, less what the error
        of that mean has of it; zero without replicates.
    """

    values: np.ndarray
    observed: np.ndarray
    known: np.ndarray
    replicate_variance: np.ndarray


def estimate_effects(X: np.ndarray, Y: np.ndarray, alpha: float | None = None) -> SingleEffects:
    """Estimate single effects: observed ones exactly, the others by ridge regression on the combinations.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
        Doses.
    Y : ndarray of shape (n_conditions, n_outputs)
        Responses.
    alpha : float, default=None
        Ridge penalty for genes that are perturbed only together with others; None lets leave-one-out choose it.

    Returns
    -------
    SingleEffects
    """
    count = n_perturbed(X)
    singles = X[count == 1]
    weight = (singles**2).sum(axis=0)
    observed = weight > 0
    values = np.zeros((X.shape[1], Y.shape[1]))
    values[observed] = (singles.T @ Y[count == 1])[observed] / weight[observed, None]
    known = (X != 0).any(axis=0)
    rest = known & ~observed
    if rest.any():
        rows = count > 1
        residual = Y[rows] - X[rows] @ values
        ridge = Ridge(alpha=alpha, fit_intercept=False) if alpha is not None else RidgeCV(_ALPHAS, fit_intercept=False)
        ridge.fit(X[rows][:, rest], residual)
        values[rest] = np.reshape(ridge.coef_, (Y.shape[1], -1)).T
    return SingleEffects(values, observed, known, _replicate_variance(singles, Y[count == 1], values))


def _replicate_variance(singles: np.ndarray, Y: np.ndarray, effects: np.ndarray) -> np.ndarray:
    n_genes = np.count_nonzero((singles != 0).any(axis=0))
    if len(singles) <= n_genes:
        return np.zeros(Y.shape[1])
    variance = np.sum((Y - singles @ effects) ** 2, axis=0) / (len(singles) - n_genes)
    return variance * (1.0 - n_genes / len(singles))


class PerturbationRegressorMixin:
    """Validation, names and shapes that every response estimator shares; holds no model."""

    def _validate_fit(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        columns = y.columns if isinstance(y, pd.DataFrame) else None
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        self._output_names = columns
        self._flat_output = y.ndim == 1
        return X, y.reshape(len(y), -1)

    def _validate_predict(self, X: Any) -> tuple[np.ndarray, pd.Index | None]:
        index = X.index if isinstance(X, pd.DataFrame) else None
        return validate_data(self, X, dtype=np.float64, reset=False), index

    def _label_output(self, values: np.ndarray, index: pd.Index | None) -> Any:
        if self._flat_output:
            return values.ravel()
        if self._output_names is None:
            return values
        return pd.DataFrame(values, index=index, columns=self._output_names)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags
