"""What the network corrects: a fitted baseline, and its error on each training condition when that is held out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GroupKFold

from skperturb.responses._additive import AdditiveRegressor
from skperturb.responses._conditions import n_perturbed
from skperturb.responses._kernel import KernelPerturbationRegressor
from skperturb.responses._linear import LinearPerturbationRegressor
from skperturb.responses._multiple_kernels import is_better

__all__ = ["FittedBaseline", "choose_weight", "fit_baseline"]

#: Fewer combinations than this do not train a network of their own.
_MIN_COMBINATIONS = 10


@dataclass(frozen=True)
class FittedBaseline:
    """A baseline and what it leaves over.

    Parameters
    ----------
    estimator : estimator or None
        Fitted on all training conditions.
    mode : {"all", "combinations", "singles"}
        Kind of conditions that the network is trained on and corrects.
    rows : ndarray of int
        These training conditions.
    residual : ndarray of shape (n_rows, n_outputs)
        Their response minus its prediction from the other conditions.
    """

    estimator: Any
    mode: str
    rows: np.ndarray
    residual: np.ndarray


def fit_baseline(
    baseline: Any, graph: Any, gene_features: Any, X: np.ndarray, y: np.ndarray, names: Any
) -> FittedBaseline:
    """Fit the baseline of `APPRegressor` and compute its held-out errors.

    Parameters
    ----------
    baseline, graph, gene_features : see `APPRegressor`
    X : ndarray of shape (n_conditions, n_genes)
    y : ndarray of shape (n_conditions, n_outputs)
    names : sequence
        Genes, the columns of `X`.

    Returns
    -------
    FittedBaseline
    """
    everything = np.arange(len(X))
    if baseline is None:
        return FittedBaseline(None, "all", everything, y)
    model = _make(baseline, graph, gene_features)
    named = _Named(names)
    model.fit(named(X), y)
    mode = "all" if baseline in ("mean", "linear") else _mode(X)
    count = n_perturbed(X)
    rows = {"all": everything, "combinations": np.flatnonzero(count > 1), "singles": np.flatnonzero(count == 1)}[mode]
    if isinstance(model, KernelPerturbationRegressor):
        return FittedBaseline(model, mode, rows, model.loo_residuals_[rows])
    return FittedBaseline(model, mode, rows, y[rows] - _held_out(model, X, y, rows, named))


class _Named:
    """Give matrices the names of the genes if there are any, because baselines align tables by them."""

    def __init__(self, names: Any) -> None:
        self.names = list(names) if len(names) and isinstance(names[0], str) else None

    def __call__(self, X: np.ndarray) -> Any:
        return X if self.names is None else pd.DataFrame(X, columns=self.names)


def _make(baseline: Any, graph: Any, gene_features: Any) -> Any:
    if not isinstance(baseline, str):
        return clone(baseline)
    if baseline in ("auto", "kernel"):
        return KernelPerturbationRegressor(graph=graph, gene_features=gene_features)
    return {
        "scaled_additive": AdditiveRegressor(shrinkage="auto", fit_intercept=True),
        "additive": AdditiveRegressor(),
        "mean": DummyRegressor(),
        "linear": LinearPerturbationRegressor(),
    }[baseline]


def _mode(X: np.ndarray) -> str:
    count = n_perturbed(X)
    if (count > 1).sum() >= _MIN_COMBINATIONS:
        return "combinations"
    return "singles" if (count == 1).any() else "all"


def _held_out(model: Any, X: np.ndarray, y: np.ndarray, rows: np.ndarray, named: _Named) -> np.ndarray:
    """Predict the rows from the other conditions, in ten parts that keep replicates of a condition together."""
    groups = np.unique(X[rows] != 0, axis=0, return_inverse=True)[1].ravel()
    n_splits = min(10, groups.max() + 1 if len(groups) else 0)
    if n_splits < 2:
        return np.reshape(model.predict(named(X[rows])), (len(rows), -1))
    expected = np.zeros((len(rows), y.shape[1]))
    for _, part in GroupKFold(n_splits).split(rows, groups=groups):
        training = np.setdiff1d(np.arange(len(X)), rows[part])
        fitted = clone(model).fit(named(X[training]), y[training])
        expected[part] = np.reshape(fitted.predict(named(X[rows[part]])), (len(part), -1))
    return expected


def choose_weight(target: np.ndarray, held_out: np.ndarray) -> float:
    """Return the factor of the correction with the smallest held-out error, zero if it does not help."""
    power = float((held_out**2).sum())
    if power == 0.0:
        return 0.0
    weight = float(np.clip((held_out * target).sum() / power, 0.0, 1.0))
    errors = np.linalg.norm(target - weight * held_out, axis=1)
    return weight if is_better(errors, np.linalg.norm(target, axis=1)) else 0.0
