"""Scores of several methods on the same networks: overall, two by two, and network by network."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._sklearn import MOST_DRAWS
from skperturb._validation import check_at_least
from skperturb.plotting._display import AxesDisplay
from skperturb.plotting._inputs import check_method_scores, predict_each

__all__ = ["MethodAccuracyDisplay", "PairedScoreDisplay", "PairwiseAccuracyDisplay"]

# Shares of the bootstrap means below the two bounds: the 95 % interval that the label of the axis promises.
_INTERVAL = (0.025, 0.975)


class MethodAccuracyDisplay(AxesDisplay):
    """Mean accuracy of each method as a bar, with a 95 % bootstrap interval over the networks.

    Parameters
    ----------
    scores : DataFrame of shape (n_networks, n_methods)
        Score of each network (row) under each method (column).
    score_name : str, default="Spearman correlation"
        The label of the axis.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Raises
    ------
    ValueError
        If `scores` is no DataFrame of at least one network and two methods.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import MethodAccuracyDisplay
    >>> scores = pd.DataFrame({"distance": [0.6, 0.7], "enhancer": [0.65, 0.8]})
    >>> MethodAccuracyDisplay(scores).summary().round(3)
               mean   low  high
    distance  0.650  0.60   0.7
    enhancer  0.725  0.65   0.8
    """

    def __init__(self, scores: pd.DataFrame, *, score_name: str = "Spearman correlation") -> None:
        self.scores = check_method_scores(scores, "network", min_rows=1)
        self.score_name = score_name

    def summary(self, n_resamples: int = 2000, random_state: int = 0) -> pd.DataFrame:
        """Return the mean of each method and the bounds of its interval.

        Parameters
        ----------
        n_resamples : int, default=2000
            Bootstrap samples of the networks.
        random_state : int, default=0
            Seed of the bootstrap.

        Returns
        -------
        DataFrame of shape (n_methods, 3)
            ``mean``, ``low`` and ``high``.
        """
        check_at_least(n_resamples, "n_resamples", 1, MOST_DRAWS)
        rng = np.random.default_rng(random_state)
        values = self.scores.to_numpy(dtype=float)
        drawn = values[rng.integers(len(values), size=(n_resamples, len(values)))].mean(axis=1)
        low, high = np.quantile(drawn, _INTERVAL, axis=0)
        return pd.DataFrame({"mean": values.mean(axis=0), "low": low, "high": high}, index=self.scores.columns)

    def _figure_size(self) -> tuple[float, float]:
        return 6.4, 0.45 * self.scores.shape[1] + 1.2

    def _draw(self, ax: Any) -> None:
        summary = self.summary()
        positions = np.arange(len(summary))[::-1]
        errors = [summary["mean"] - summary["low"], summary["high"] - summary["mean"]]
        ax.barh(positions, summary["mean"], xerr=errors, color="tab:blue", alpha=0.8, ecolor="0.3", capsize=3)
        for position, mean in zip(positions, summary["mean"], strict=True):
            ax.text(0.01, position, f"{mean:.3f}", va="center", color="white", fontsize=8)
        ax.set_yticks(positions, [str(label) for label in summary.index])
        ax.set_xlabel(f"{self.score_name} (mean of {len(self.scores)} networks, 95 % interval)")


class PairwiseAccuracyDisplay(AxesDisplay):
    """Share of the networks on which the method of the row is more accurate than that of the column.

    Parameters
    ----------
    scores : DataFrame of shape (n_networks, n_methods)
        Score of each network (row) under each method (column).

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Raises
    ------
    ValueError
        If `scores` is no DataFrame of at least one network and two methods.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import PairwiseAccuracyDisplay
    >>> scores = pd.DataFrame({"distance": [0.6, 0.7, 0.5], "enhancer": [0.65, 0.8, 0.5]})
    >>> PairwiseAccuracyDisplay(scores).win_rates().round(2)
              distance  enhancer
    distance      0.50      0.17
    enhancer      0.83      0.50
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.scores = check_method_scores(scores, "network", min_rows=1)

    def win_rates(self) -> pd.DataFrame:
        """Return the matrix; equal scores count one half."""
        values = self.scores.to_numpy(dtype=float)
        better = values[:, :, None] > values[:, None, :]
        equal = values[:, :, None] == values[:, None, :]
        rates = better.mean(axis=0) + 0.5 * equal.mean(axis=0)
        return pd.DataFrame(rates, index=self.scores.columns, columns=self.scores.columns)

    def _figure_size(self) -> tuple[float, float]:
        side = 0.6 * self.scores.shape[1] + 3
        return side + 1, side

    def _draw(self, ax: Any) -> None:
        rates = self.win_rates()
        image = ax.imshow(rates, cmap="RdBu_r", vmin=0, vmax=1)
        for (row, column), rate in np.ndenumerate(rates.to_numpy()):
            ax.text(column, row, f"{rate:.2f}", ha="center", va="center", fontsize=7)
        labels = [str(label) for label in rates.columns]
        ax.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        ax.set_yticks(range(len(labels)), labels)
        ax.figure.colorbar(image, ax=ax, label="share of networks on which the row is better", shrink=0.8)


class PairedScoreDisplay(AxesDisplay):
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
        self.scores = check_method_scores(scores, "sample")
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
        return cls.from_predictions(y, predict_each(estimators, X), metric=metric, **kwargs)

    def win_rate(self) -> pd.Series:
        """Share of samples on which each method beats the baseline (ties count one half)."""
        baseline = self.scores.iloc[:, 0]
        others = self.scores.iloc[:, 1:]
        return others.gt(baseline, axis=0).mean() + 0.5 * others.eq(baseline, axis=0).mean()

    def _figure_size(self) -> tuple[float, float]:
        return 1.7 * self.scores.shape[1] + 1.5, super()._figure_size()[1]

    def _draw(self, ax: Any) -> None:
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
