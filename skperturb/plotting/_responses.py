"""Pictures of predicted responses: predicted against observed, error per model, interactions, attention."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from skperturb.metrics._response import check_responses
from skperturb.plotting._display import AxesDisplay
from skperturb.plotting._inputs import predict_each, refuse_sequence

__all__ = [
    "AttentionDisplay",
    "InteractionDisplay",
    "ResponseErrorDisplay",
    "ResponseScatterDisplay",
]

# Smallest additive expectation that a response is divided by (Euclidean norm of log-fold changes). The mean changes of
# published screens have norms of 0.4 and more, so this only keeps an expectation of exactly zero, of genes without any
# effect alone, from dividing by zero; such a combination lies far outside all others, as it should. Ten times more or
# less moves that point only; a bound near 0.4 would shrink the ratios of real, weak combinations.
_SMALLEST_SIZE = 1e-12
# Smallest ratio whose logarithm orders the labels: a combination without any response has the ratio 0, and must come
# among the first and not as minus infinity. Ten times more or less changes the order only among ratios below it.
_SMALLEST_RATIO = 1e-12
# The diagonal ends this much beyond the largest ratio, so that the outermost point does not hide its end.
_HEADROOM = 1.05


_SHOWN = "one matrix, conditions × genes"


def _matrices(**arrays: Any) -> list[np.ndarray]:
    """Return matrices of equal shape, aligned by the names of the first DataFrame."""
    for name, values in arrays.items():
        refuse_sequence(values, name, _SHOWN)
    return check_responses(**arrays)


class ResponseScatterDisplay(AxesDisplay):
    """Predicted against observed log-fold changes, one point for each condition and gene.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_conditions, n_genes)
        Rows and columns of two DataFrames are aligned by name.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> from skperturb.plotting import ResponseScatterDisplay
    >>> ResponseScatterDisplay([[1.0, 2.0]], [[1.1, 1.9]]).correlation
    1.0
    """

    def __init__(self, y_true: Any, y_pred: Any) -> None:
        from ..metrics import pearson_delta

        self.y_true, self.y_pred = _matrices(y_true=y_true, y_pred=y_pred)
        self.correlation = round(float(pearson_delta(self.y_true, self.y_pred)), 3)

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any) -> "ResponseScatterDisplay":
        """Build the display from responses and predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.
        y_pred : array-like of shape (n_conditions, n_genes)
            Predicted ones.

        Returns
        -------
        ResponseScatterDisplay
        """
        return cls(y_true, y_pred)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any) -> "ResponseScatterDisplay":
        """Predict `X` with a fitted estimator and build the display.

        Parameters
        ----------
        estimator : fitted estimator
            Predicts log-fold changes.
        X : array-like of shape (n_conditions, n_perturbed_genes)
            Doses.
        y : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.

        Returns
        -------
        ResponseScatterDisplay
        """
        return cls(y, estimator.predict(X))

    def _draw(self, ax: Any) -> None:
        limit = float(np.abs(np.concatenate([self.y_true.ravel(), self.y_pred.ravel()])).max()) or 1.0
        ax.plot([-limit, limit], [-limit, limit], color="0.6", linewidth=0.8)
        ax.scatter(self.y_true.ravel(), self.y_pred.ravel(), s=4, alpha=0.4, color="tab:blue", rasterized=True)
        ax.set(xlabel="observed log-fold change", ylabel="predicted log-fold change")
        ax.set_title(f"mean Pearson correlation per condition {self.correlation:.2f}")


class ResponseErrorDisplay(AxesDisplay):
    """Error of each model, one point for each repeat and a mark for their mean; the worst model is at the top.

    Parameters
    ----------
    errors : DataFrame of shape (n_repeats, n_models)
        For example the ``l2`` column of ``reproduce responses``, pivoted.
    error_name : str, default="L2 distance"

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import ResponseErrorDisplay
    >>> ResponseErrorDisplay(pd.DataFrame({"additive": [2.0, 2.2], "kernel": [1.4, 1.5]})).errors.mean().round(2)
    additive    2.10
    kernel      1.45
    dtype: float64
    """

    def __init__(self, errors: pd.DataFrame, *, error_name: str = "L2 distance") -> None:
        if not isinstance(errors, pd.DataFrame) or errors.empty:
            raise ValueError("errors must be a DataFrame, one row for each repeat and one column for each model.")
        self.errors = errors
        self.error_name = error_name

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: dict[str, Any]) -> "ResponseErrorDisplay":
        """Build the display with one point for each condition from the predictions of several models.

        Parameters
        ----------
        y_true : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.
        y_pred : dict of str to array-like of shape (n_conditions, n_genes)
            Predictions by model.

        Returns
        -------
        ResponseErrorDisplay
        """
        from ..metrics import l2_distance

        for name, values in (("y_true", y_true), *((f"y_pred[{name!r}]", y) for name, y in y_pred.items())):
            refuse_sequence(values, name, _SHOWN)
        return cls(pd.DataFrame({name: l2_distance(y_true, y, reduce=None) for name, y in y_pred.items()}))

    @classmethod
    def from_estimator(cls, estimators: dict[str, Any], X: Any, y: Any) -> "ResponseErrorDisplay":
        """Predict `X` with several fitted estimators and build the display.

        Parameters
        ----------
        estimators : dict of str to fitted estimator
            Models by name.
        X : array-like of shape (n_conditions, n_perturbed_genes)
            Doses.
        y : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.

        Returns
        -------
        ResponseErrorDisplay
        """
        return cls.from_predictions(y, predict_each(estimators, X))

    def _figure_size(self) -> tuple[float, float]:
        return 6.0, 1.2 + 0.35 * self.errors.shape[1]

    def _draw(self, ax: Any) -> None:
        ordered = self.errors[self.errors.mean().sort_values().index]
        for position, model in enumerate(ordered):
            ax.scatter(ordered[model], np.full(len(ordered), position), s=14, alpha=0.6, color="tab:blue")
            ax.scatter(ordered[model].mean(), position, marker="|", s=250, linewidth=2.5, color="tab:red")
        ax.set_yticks(np.arange(ordered.shape[1]), [str(model) for model in ordered])
        ax.set_xlabel(self.error_name)
        ax.set_xlim(left=0)


class InteractionDisplay(AxesDisplay):
    """How far combinations are from addition, and how much of that a model sees: one point for each combination.

    Parameters
    ----------
    observed, predicted : array-like of shape (n_conditions,)
        Size of the response divided by the size of the additive expectation: above 1 synergistic, below 1 buffering.
    labels : sequence of str, default=None
        Names of the combinations.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> from skperturb.plotting import InteractionDisplay
    >>> InteractionDisplay.from_predictions([[3.0, 0.0]], [[2.0, 0.0]], [[1.0, 0.0]]).observed
    array([3.])
    """

    def __init__(self, observed: Any, predicted: Any, labels: Sequence[str] | None = None) -> None:
        self.observed, self.predicted = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
        self.labels = None if labels is None else list(labels)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any, y_additive: Any, labels: Sequence[str] | None = None
    ) -> "InteractionDisplay":
        """Build the display from responses, predictions and additive expectations of combinations.

        Parameters
        ----------
        y_true : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.
        y_pred : array-like of shape (n_conditions, n_genes)
            Predicted ones.
        y_additive : array-like of shape (n_conditions, n_genes)
            Sums of the single responses.
        labels : sequence of str, default=None
            Names of the combinations.

        Returns
        -------
        InteractionDisplay
        """
        matrices = _matrices(y_true=y_true, y_pred=y_pred, y_additive=y_additive)
        size = [np.linalg.norm(values, axis=1) for values in matrices]
        expected = np.maximum(size[2], _SMALLEST_SIZE)
        return cls(size[0] / expected, size[1] / expected, labels)

    @classmethod
    def from_estimator(cls, estimator: Any, additive: Any, X: Any, y: Any, labels: Any = None) -> "InteractionDisplay":
        """Predict `X` with a fitted estimator and a fitted `AdditiveRegressor` and build the display.

        Parameters
        ----------
        estimator : fitted estimator
            Predicts log-fold changes.
        additive : fitted AdditiveRegressor
            Predicts the additive expectation.
        X : array-like of shape (n_conditions, n_perturbed_genes)
            Doses.
        y : array-like of shape (n_conditions, n_genes)
            Observed log-fold changes.
        labels : sequence of str, default=None
            Names of the combinations.

        Returns
        -------
        InteractionDisplay
        """
        return cls.from_predictions(y, estimator.predict(X), additive.predict(X), labels)

    def plot(self, ax: Any = None, *, n_labels: int = 5) -> Self:
        """Draw what the display shows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.
        n_labels : int, default=5
            Name this many of the combinations farthest from addition.

        Returns
        -------
        self : InteractionDisplay
        """
        super().plot(ax)
        if self.labels:
            distance = np.abs(np.log(np.maximum(self.observed, _SMALLEST_RATIO)))
            for k in np.argsort(-distance)[:n_labels]:
                self.ax_.annotate(str(self.labels[k]), (self.observed[k], self.predicted[k]), fontsize=7)
        return self

    def _draw(self, ax: Any) -> None:
        ax.axhline(1, color="0.8", linewidth=0.8)
        ax.axvline(1, color="0.8", linewidth=0.8)
        top = float(max(self.observed.max(), self.predicted.max(), 1.0)) * _HEADROOM
        ax.plot([0, top], [0, top], color="0.6", linewidth=0.8)
        ax.scatter(self.observed, self.predicted, s=16, alpha=0.7, color="tab:blue")
        ax.set(xlabel="observed size / additive size", ylabel="predicted size / additive size")
        ax.set_title("buffering < 1 < synergistic")


class AttentionDisplay(AxesDisplay):
    """Genes with the largest attention weights of one condition.

    A line marks the weight that every gene would have if attention were uniform.

    Parameters
    ----------
    weights : Series
        Weight of each gene.
    n_genes : int, default=15
        Number of bars.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import AttentionDisplay
    >>> list(AttentionDisplay(pd.Series({"KLF1": 0.2, "CEBPA": 0.7, "SPI1": 0.1}), n_genes=2).weights.index)
    ['CEBPA', 'KLF1']
    """

    def __init__(self, weights: pd.Series, *, n_genes: int = 15) -> None:
        self.n_all = len(weights)
        self.weights = weights.sort_values(ascending=False, kind="stable")[:n_genes]

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, n_genes: int = 15) -> "AttentionDisplay":
        """Build the display from a fitted `APPRegressor`, for the mean over the conditions `X`.

        Parameters
        ----------
        estimator : fitted APPRegressor
            With attention.
        X : array-like of shape (n_conditions, n_perturbed_genes)
            Doses.
        n_genes : int, default=15
            Number of bars.

        Returns
        -------
        AttentionDisplay
        """
        return cls(estimator.attention_weights(X).mean(axis=0), n_genes=n_genes)

    def _figure_size(self) -> tuple[float, float]:
        return 5.0, 1.2 + 0.25 * len(self.weights)

    def _draw(self, ax: Any) -> None:
        positions = np.arange(len(self.weights))[::-1]
        ax.barh(positions, self.weights.to_numpy(), color="tab:blue")
        ax.set_yticks(positions, [str(gene) for gene in self.weights.index])
        ax.axvline(1.0 / self.n_all, color="tab:red", linewidth=1.0, label="uniform")
        ax.set_xlabel("attention weight")
        ax.legend()
