"""Accuracy of several methods: overall bars, and who beats whom on how many networks."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.plotting._axes import axes_or_new

__all__ = ["MethodAccuracyDisplay", "PairwiseAccuracyDisplay"]


def _checked(scores: Any) -> pd.DataFrame:
    if not isinstance(scores, pd.DataFrame) or scores.shape[1] < 2 or not len(scores):
        raise ValueError(
            "scores must be a DataFrame with one row for each network and at least two methods as columns; "
            f"got {type(scores).__name__} of shape {np.shape(scores)}."
        )
    return scores


class MethodAccuracyDisplay:
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
        self.scores = _checked(scores)
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
        rng = np.random.default_rng(random_state)
        values = self.scores.to_numpy(dtype=float)
        drawn = values[rng.integers(len(values), size=(n_resamples, len(values)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        return pd.DataFrame({"mean": values.mean(axis=0), "low": low, "high": high}, index=self.scores.columns)

    def plot(self, ax: Any = None) -> "MethodAccuracyDisplay":
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        self : MethodAccuracyDisplay
        """
        ax = axes_or_new(ax, 6.4, 0.45 * self.scores.shape[1] + 1.2)
        summary = self.summary()
        positions = np.arange(len(summary))[::-1]
        errors = [summary["mean"] - summary["low"], summary["high"] - summary["mean"]]
        ax.barh(positions, summary["mean"], xerr=errors, color="tab:blue", alpha=0.8, ecolor="0.3", capsize=3)
        for position, mean in zip(positions, summary["mean"], strict=True):
            ax.text(0.01, position, f"{mean:.3f}", va="center", color="white", fontsize=8)
        ax.set_yticks(positions, [str(label) for label in summary.index])
        ax.set_xlabel(f"{self.score_name} (mean of {len(self.scores)} networks, 95 % interval)")
        self.ax_, self.figure_ = ax, ax.figure
        return self


class PairwiseAccuracyDisplay:
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
        self.scores = _checked(scores)

    def win_rates(self) -> pd.DataFrame:
        """Return the matrix; equal scores count one half."""
        values = self.scores.to_numpy(dtype=float)
        better = values[:, :, None] > values[:, None, :]
        equal = values[:, :, None] == values[:, None, :]
        rates = better.mean(axis=0) + 0.5 * equal.mean(axis=0)
        return pd.DataFrame(rates, index=self.scores.columns, columns=self.scores.columns)

    def plot(self, ax: Any = None) -> "PairwiseAccuracyDisplay":
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        self : PairwiseAccuracyDisplay
        """
        rates = self.win_rates()
        size = 0.6 * len(rates) + 3
        ax = axes_or_new(ax, size + 1, size)
        image = ax.imshow(rates, cmap="RdBu_r", vmin=0, vmax=1)
        for (row, column), rate in np.ndenumerate(rates.to_numpy()):
            ax.text(column, row, f"{rate:.2f}", ha="center", va="center", fontsize=7)
        labels = [str(label) for label in rates.columns]
        ax.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        ax.set_yticks(range(len(labels)), labels)
        ax.figure.colorbar(image, ax=ax, label="share of networks on which the row is better", shrink=0.8)
        self.ax_, self.figure_ = ax, ax.figure
        return self
