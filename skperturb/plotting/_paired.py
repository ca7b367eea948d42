"""Accuracy of two or more methods on the same networks."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.plotting._axes import axes_or_new

__all__ = ["PairedScoreDisplay"]


class PairedScoreDisplay:
    """Scores of several methods on the same samples, one line for each sample.

    Because the samples are the same, the picture shows the paired difference: a line that rises from the baseline to
    a method is a sample on which the method is better.

    Parameters
    ----------
    scores : DataFrame of shape (n_samples, n_methods)
        Score of each sample (row) under each method (column), the baseline first.
    score_name : str, default="Spearman correlation"
        The label of the y axis.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import PairedScoreDisplay
    >>> scores = pd.DataFrame({"reachability": [0.5, 0.6], "distance": [0.7, 0.65]}, index=["goodwin", "toggle"])
    >>> PairedScoreDisplay(scores).win_rate().round(2)
    distance    1.0
    dtype: float64
    """

    def __init__(self, scores: pd.DataFrame, *, score_name: str = "Spearman correlation") -> None:
        if not isinstance(scores, pd.DataFrame) or scores.shape[1] < 2:
            raise ValueError(
                "scores must be a DataFrame with one row for each sample and at least two methods as columns; "
                f"got {type(scores).__name__} of shape {np.shape(scores)}."
            )
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: dict[str, Any], *, metric: Any = None, **kwargs: Any
    ) -> "PairedScoreDisplay":
        """Score the predictions of each method with `metric` and build the display.

        Parameters
        ----------
        y_true : sequence of matrices
            True sensitivity matrices.
        y_pred : dict of str to sequence of matrices
            Predictions by method, the baseline first.
        metric : callable, default=None
            ``metric(true, predicted) -> float`` on one matrix; the whole-matrix Spearman correlation by default.
        **kwargs
            Passed on to the constructor.
        """
        from ..metrics import spearman_correlation

        metric = metric or spearman_correlation
        columns = {
            label: [metric(true, predicted) for true, predicted in zip(y_true, predictions, strict=True)]
            for label, predictions in y_pred.items()
        }
        return cls(pd.DataFrame(columns), **kwargs)

    @classmethod
    def from_estimator(
        cls, estimators: dict[str, Any], X: Any, y: Any, *, metric: Any = None, **kwargs: Any
    ) -> "PairedScoreDisplay":
        """Predict `X` with each fitted estimator (by name, baseline first), score against `y`, build the display.

        Parameters
        ----------
        estimators : dict of str to fitted estimator
            Models by name, the baseline first.
        X : sequence of networks
            What to predict.
        y : sequence of matrices
            True sensitivity matrices.
        metric : callable, default=None
            ``metric(true, predicted) -> float``; the whole-matrix Spearman correlation by default.
        **kwargs
            Passed on to the constructor.

        Returns
        -------
        PairedScoreDisplay
        """
        predictions = {label: estimator.predict(X) for label, estimator in estimators.items()}
        return cls.from_predictions(y, predictions, metric=metric, **kwargs)

    def win_rate(self) -> pd.Series:
        """Share of samples on which each method beats the baseline (ties count one half)."""
        baseline = self.scores.iloc[:, 0]
        others = self.scores.iloc[:, 1:]
        return others.gt(baseline, axis=0).mean() + 0.5 * others.eq(baseline, axis=0).mean()

    def plot(self, ax: Any = None) -> "PairedScoreDisplay":
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        self : PairedScoreDisplay
        """
        ax = axes_or_new(ax, 1.7 * self.scores.shape[1] + 1.5)
        positions = np.arange(self.scores.shape[1])
        for values in self.scores.to_numpy():
            ax.plot(positions, values, color="0.75", linewidth=0.7, zorder=1)
        for position, label in zip(positions, self.scores.columns, strict=True):
            values = self.scores[label]
            ax.scatter(np.full(len(values), position), values, s=12, color="tab:blue", alpha=0.7, zorder=2)
        means = self.scores.mean()
        ax.scatter(positions, means, marker="_", s=900, color="tab:red", linewidth=2.5, zorder=3, label="mean")
        ax.set_xticks(positions, [str(label) for label in self.scores.columns], rotation=20, ha="right")
        ax.set_xlim(-0.5, len(positions) - 0.5)
        ax.set_ylabel(self.score_name)
        ax.set_title(f"{len(self.scores)} networks; each line is one network")
        ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self
