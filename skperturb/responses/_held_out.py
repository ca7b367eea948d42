"""Predictions of conditions that a model has not seen, and when one model's errors on them count as smaller."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skperturb.responses._noise import NO_NOISE, RowNoise

__all__ = ["N_PARTS", "fit_with_noise", "is_better", "name_columns", "predict_held_out"]

#: Parts of the training conditions of which each is predicted from the others. Ten leave out a tenth, so that a refit
#: is almost the final model; more would cost as many refits and change little.
N_PARTS = 10


def predict_held_out(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    parts: Iterable[np.ndarray],
    names: Any = (),
    noise: RowNoise = NO_NOISE,
) -> np.ndarray:
    """Predict some conditions part by part, each time with an estimator that was fitted to all conditions but the part.

    Parameters
    ----------
    estimator : estimator
        Cloned for each part.
    X : ndarray of shape (n_conditions, n_genes)
    y : ndarray of shape (n_conditions, n_outputs)
    rows : ndarray of int, shape (n_rows,)
        The conditions to predict; all others are in every training set.
    parts : iterable of ndarray of int
        Positions in `rows`, together all of them.
    names : sequence, default=()
        Genes, the columns of `X`, see `name_columns`.
    noise : RowNoise
        Of `y`.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    # Names are given after slicing: a slice of a table lies otherwise in memory, and BLAS would round otherwise.
    expected = np.zeros((len(rows), y.shape[1]))
    for part in parts:
        training = np.setdiff1d(np.arange(len(X)), rows[part])
        fitted = fit_with_noise(clone(estimator), name_columns(X[training], names), y[training], noise.take(training))
        expected[part] = np.reshape(fitted.predict(name_columns(X[rows[part]], names)), (len(part), -1))
    return expected


def fit_with_noise(estimator: Any, X: Any, y: np.ndarray, noise: RowNoise) -> Any:
    """Fit an estimator with what it can take of what is known about the noise.

    Parameters
    ----------
    estimator : estimator
        One that takes weights only gets weights that the noise lowers; one that takes none gets none.
    X : array-like of shape (n_conditions, n_genes)
    y : ndarray of shape (n_conditions, n_outputs)
    noise : RowNoise

    Returns
    -------
    estimator
        The same, fitted.
    """
    arguments = noise.arguments()
    if noise.variance is not None and not has_fit_parameter(estimator, "noise_variance"):
        arguments = {"sample_weight": noise.precision(y - y.mean(axis=0))}
    return estimator.fit(X, y, **{name: v for name, v in arguments.items() if has_fit_parameter(estimator, name)})


def name_columns(X: np.ndarray, names: Any) -> Any:
    """Give a matrix the names of the genes if there are any, because estimators align tables by them.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
    names : sequence
        Genes; empty, or no texts, for columns without names.

    Returns
    -------
    ndarray or DataFrame of shape (n_conditions, n_genes)
    """
    return pd.DataFrame(X, columns=list(names)) if len(names) and isinstance(names[0], str) else X


def is_better(errors: np.ndarray, reference: np.ndarray, n_errors: float = 1.0) -> bool:
    """Tell whether errors are smaller than those of another model by more than some standard errors.

    Parameters
    ----------
    errors, reference : ndarray of shape (n_conditions,)
        Held-out errors of two models on the same conditions.
    n_errors : float, default=1.0
        Standard errors of the mean difference that the gain has to exceed. At 0 the more complex model would be taken
        on half of all screens on which it is no better.

    Returns
    -------
    bool
    """
    gain = reference - errors
    return bool(gain.mean() > n_errors * gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else False
