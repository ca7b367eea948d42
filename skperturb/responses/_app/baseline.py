"""What the network corrects: a baseline, and its error on each training condition when that is held out."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GroupKFold

from skperturb.responses._additive import AdditiveRegressor
from skperturb.responses._conditions import LabeledDoses, n_perturbed
from skperturb.responses._contexts.baselines import ContextMean
from skperturb.responses._contexts.columns import ContextDesign
from skperturb.responses._held_out import N_PARTS, fit_with_noise, name_columns, predict_held_out
from skperturb.responses._kernels.estimator import KernelPerturbationRegressor
from skperturb.responses._linear import LinearPerturbationRegressor
from skperturb.responses._noise import NO_NOISE, RowNoise

__all__ = ["FittedBaseline", "VarianceBaseline", "baseline_values", "fit_baseline"]

#: Fewer combinations than this do not train a network of their own: below it the networks are trained on the singles.
#: With the default five networks a part then holds two combinations, the fewest on which a correction is weighed.
_MIN_COMBINATIONS = 10


@runtime_checkable
class VarianceBaseline(Protocol):
    """What a baseline of `APPRegressor` may have beside ``fit`` and ``predict``: the variance of its errors.

    Any scikit-learn regressor is a baseline. One with these two methods is asked for the variance of each prediction,
    in place of one variance for all conditions, and its values are taken without a second validation of X, which takes
    longer than the prediction of one condition. `KernelPerturbationRegressor` has them.

    A fitted baseline may also hold ``loo_residuals_``, an array of shape (n_conditions, n_outputs): training responses
    minus their prediction from the other conditions. The networks are then trained on these. Without it, the baseline
    is fitted again without each of ten parts of the conditions.
    """

    def predict_values(self, X: np.ndarray) -> np.ndarray:
        """Return the predicted log-fold changes of conditions.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)
            Doses as finite float64, with the columns of ``fit`` in their order; not to be validated again.

        Returns
        -------
        ndarray of shape (n_conditions, n_outputs)
        """

    def predict_variance(self, X: np.ndarray) -> np.ndarray:
        """Return the variance of the errors of `predict_values`, in squared log-fold changes.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)
            As for `predict_values`.

        Returns
        -------
        ndarray of shape (n_conditions, n_outputs)
        """


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
    baseline: Any,
    graph: Any,
    gene_features: Any,
    X: np.ndarray,
    y: np.ndarray,
    names: Any,
    *,
    edge_weights: Any = "use",
    noise: RowNoise = NO_NOISE,
    contexts: Any = None,
    design: ContextDesign | None = None,
) -> FittedBaseline:
    """Fit the baseline of `APPRegressor` and compute its held-out errors.

    Parameters
    ----------
    baseline, graph, gene_features : see `APPRegressor`
    X : ndarray of shape (n_conditions, n_columns)
    y : ndarray of shape (n_conditions, n_outputs)
    names : sequence
        Genes and contexts, the columns of `X`.
    edge_weights : see `APPRegressor`
    noise : RowNoise
        Of `y`.
    contexts : see `APPRegressor`
    design : ContextDesign or None
        Which columns are contexts.

    Returns
    -------
    FittedBaseline
    """
    everything = np.arange(len(X))
    if baseline is None:
        return FittedBaseline(None, "all", everything, y)
    model = _make(baseline, graph, gene_features, edge_weights, contexts, design)
    genes = X if design is None else X[:, design.genes]
    X = _marked(X, design)
    fit_with_noise(model, name_columns(X, names), y, noise)
    mode = "all" if baseline in ("mean", "linear") else _mode(genes)
    count = n_perturbed(genes)
    rows = {"all": everything, "combinations": np.flatnonzero(count > 1), "singles": np.flatnonzero(count == 1)}[mode]
    if hasattr(model, "loo_residuals_"):
        return FittedBaseline(model, mode, rows, model.loo_residuals_[rows])
    return FittedBaseline(model, mode, rows, y[rows] - _held_out(model, X, y, rows, names, noise))


def baseline_values(baseline: Any, X: np.ndarray, names: Any) -> np.ndarray:
    """Return what a fitted baseline predicts, as an array of shape (n_conditions, n_outputs).

    Parameters
    ----------
    baseline : estimator
    X : ndarray of shape (n_conditions, n_genes)
        Validated doses.
    names : sequence
        Genes, the columns of `X`.

    Returns
    -------
    ndarray of shape (n_conditions, n_outputs)
    """
    if isinstance(baseline, VarianceBaseline):
        return baseline.predict_values(X)
    return np.reshape(baseline.predict(name_columns(X, names)), (len(X), -1))


def _make(
    baseline: Any, graph: Any, gene_features: Any, edge_weights: Any, contexts: Any, design: ContextDesign | None
) -> Any:
    if not isinstance(baseline, str):
        return clone(baseline)
    if baseline in ("auto", "kernel"):
        return KernelPerturbationRegressor(
            graph=graph, gene_features=gene_features, edge_weights=edge_weights, contexts=contexts
        )
    return {
        "scaled_additive": AdditiveRegressor(shrinkage="auto", fit_intercept=True, contexts=contexts),
        "additive": AdditiveRegressor(contexts=contexts),
        "mean": DummyRegressor() if design is None else ContextMean(contexts),
        "linear": LinearPerturbationRegressor(contexts=contexts),
    }[baseline]


def _marked(X: np.ndarray, design: ContextDesign | None) -> np.ndarray:
    """Say which columns are contexts: where columns have no names, nothing else would."""
    if design is None:
        return X
    marked = X.view(LabeledDoses)
    marked.context_columns = design.column_names
    return marked


def _mode(X: np.ndarray) -> str:
    count = n_perturbed(X)
    if (count > 1).sum() >= _MIN_COMBINATIONS:
        return "combinations"
    return "singles" if (count == 1).any() else "all"


def _held_out(model: Any, X: np.ndarray, y: np.ndarray, rows: np.ndarray, names: Any, noise: RowNoise) -> np.ndarray:
    """Predict the rows from the other conditions, in parts that keep replicates of a condition together."""
    # Sets of genes in the order of their rows, compared as bytes: ``np.unique(axis=0)`` compares column by column.
    sets = np.packbits(X[rows] != 0, axis=1)
    groups = np.unique(sets.view(f"V{sets.shape[1]}").ravel(), return_inverse=True)[1]
    n_parts = min(N_PARTS, groups.max() + 1 if len(groups) else 0)
    if n_parts < 2:
        return np.reshape(model.predict(name_columns(X[rows], names)), (len(rows), -1))
    parts = [part for _, part in GroupKFold(n_parts).split(rows, groups=groups)]
    return predict_held_out(model, X, y, rows, parts, names, noise)
