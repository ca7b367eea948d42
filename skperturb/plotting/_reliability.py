"""Whether probabilities of interactions are as often true as they say."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._sklearn import MOST_DRAWS
from skperturb._validation import check_at_least
from skperturb.plotting._display import AxesDisplay

__all__ = ["ReliabilityDisplay"]

# Standard deviations on either side of a 95 % interval.
_TWO_SIDED = 1.959964


class ReliabilityDisplay(AxesDisplay):
    """Observed shares of interactions against predicted probabilities.

    A point for each bin of probabilities; its bar is the 95 % interval of the share (Wilson's), its size grows with the
    number of pairs. Calibrated probabilities lie on the diagonal.

    Parameters
    ----------
    y_true : array-like of shape (n_pairs,)
        1 for an interaction, 0 for a pair without.
    y_prob : array-like of shape (n_pairs,)
        Probabilities of an interaction.
    n_bins : int, default=10
        Number of bins of equal width.

    Attributes
    ----------
    bins : DataFrame
        Columns ``predicted`` (mean probability), ``observed`` (share of interactions), ``low``, ``high``, ``n_pairs``
        of each bin that has a pair.
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Raises
    ------
    ValueError
        If lengths differ, labels are not 0 or 1, probabilities not from 0 to 1, or `n_bins` is not from 1 to 10^7.

    Examples
    --------
    >>> from skperturb.plotting import ReliabilityDisplay
    >>> ReliabilityDisplay([0, 1, 1, 1], [0.1, 0.9, 0.9, 0.9], n_bins=2).bins["observed"].tolist()
    [0.0, 1.0]
    """

    def __init__(self, y_true: Any, y_prob: Any, *, n_bins: int = 10) -> None:
        labels, probabilities = np.asarray(y_true, dtype=float), np.asarray(y_prob, dtype=float)
        if labels.ndim != 1 or labels.shape != probabilities.shape or len(labels) == 0:
            raise ValueError(
                f"y_true has shape {labels.shape} and y_prob {probabilities.shape}; expected two vectors of one "
                "positive length."
            )
        if not np.isin(labels, (0.0, 1.0)).all():
            raise ValueError("y_true has other values than 0 and 1.")
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise ValueError("y_prob has values that are no probabilities; expected numbers from 0 to 1.")
        check_at_least(n_bins, "n_bins", 1, MOST_DRAWS)
        place = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
        table = pd.DataFrame({"bin": place, "predicted": probabilities, "observed": labels})
        groups = table.groupby("bin")
        bins = groups.mean()
        n_pairs = groups.size()
        low, high = _wilson(bins["observed"].to_numpy(), n_pairs.to_numpy())
        self.bins = bins.assign(low=low, high=high, n_pairs=n_pairs).reset_index(drop=True)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, n_bins: int = 10) -> "ReliabilityDisplay":
        """Build the display from a model and held-out pairs.

        Parameters
        ----------
        estimator : fitted estimator
            With `predict_proba`.
        X : array-like of shape (n_pairs, 2)
            Pairs that it was not fitted on, as many interactions among them as `base_rate_` says: half.
        y : array-like of shape (n_pairs,)
        n_bins : int, default=10

        Returns
        -------
        ReliabilityDisplay
        """
        return cls(y, estimator.predict_proba(X)[:, 1], n_bins=n_bins)

    def _draw(self, ax: Any) -> None:
        bins = self.bins
        ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="calibrated")
        bars = np.stack([bins["observed"] - bins["low"], bins["high"] - bins["observed"]])
        ax.errorbar(bins["predicted"], bins["observed"], yerr=np.maximum(bars, 0.0), fmt="none", color="C0")
        sizes = 20 + 120 * np.sqrt(bins["n_pairs"] / bins["n_pairs"].max())
        ax.scatter(bins["predicted"], bins["observed"], s=sizes, color="C0", label="pairs")
        ax.set(xlabel="predicted probability", ylabel="share of interactions", xlim=(0, 1), ylim=(0, 1))
        ax.legend()


def _wilson(share: np.ndarray, n_pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of a share."""
    square = _TWO_SIDED**2 / n_pairs
    middle = (share + square / 2) / (1 + square)
    half = _TWO_SIDED * np.sqrt(share * (1 - share) / n_pairs + square / (4 * n_pairs)) / (1 + square)
    return middle - half, middle + half
