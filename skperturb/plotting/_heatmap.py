"""True and predicted sensitivity patterns side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import name_positions
from skperturb.metrics import rank_data, spearman_correlation
from skperturb.plotting._inputs import refuse_sequence

__all__ = ["SensitivityHeatmapDisplay"]

_SHOWN = "one network"

# Names of 6 points that fit beside each other on a panel of 3.6 inches without touching; more cannot be read.
_MOST_NAMES = 30

# Color of undefined entries: a gray that no sequential color map holds.
_BLANK = "0.85"


class SensitivityHeatmapDisplay:
    """Heatmaps of one true sensitivity matrix and of its predictions.

    Every entry is shown as its rank inside the matrix divided by the number of entries (0 to 1, ties share their
    mean rank): that is what the Spearman score compares, and it makes predictors with different scales comparable.
    Entries that are undefined (NaN) in the truth are left blank in every panel. Rows respond, columns are perturbed.

    Parameters
    ----------
    ranks : dict of str to ndarray of shape (n, n)
        One matrix of relative ranks for each panel, the truth first; negative where a response is, if `signed`.
    names : sequence of str
        The variable names, in the order of rows and columns.
    scores : dict of str to float, default=None
        Rank correlation of each prediction with the truth, printed over its panel.
    signed : bool, default=False
        Whether colors tell the sign: blue positive, red negative.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    axes_ : list of matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.plotting import SensitivityHeatmapDisplay
    >>> truth = np.array([[1.0, 0.0], [-0.5, 1.0]])
    >>> display = SensitivityHeatmapDisplay.from_predictions(truth, {"distance": np.array([[1.0, 0.0], [0.5, 1.0]])})
    >>> sorted(display.ranks)
    ['distance', 'truth']
    """

    def __init__(
        self,
        ranks: dict[str, np.ndarray],
        names: Sequence[str],
        scores: dict[str, float] | None = None,
        signed: bool = False,
    ) -> None:
        self.ranks = ranks
        self.names = list(names)
        self.scores = scores or {}
        self.signed = signed

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, signed: bool = False) -> "SensitivityHeatmapDisplay":
        """Build the display from one true matrix and one or several predicted ones.

        Parameters
        ----------
        y_true : array-like or DataFrame of shape (n, n)
            Sensitivity matrix, column = source. Absolute values are compared; NaN is undefined, and infinite values
            rank highest.
        y_pred : array-like, DataFrame, or dict of str to either
            The prediction, or several by name; those with names are brought into the order of a truth with names.
        signed : bool, default=False
            Whether colors tell the signs, too.

        Returns
        -------
        SensitivityHeatmapDisplay

        Raises
        ------
        ValueError
            If a matrix is not square, a prediction has another shape or other names than the truth, or several
            matrices are passed where one is shown.
        """
        refuse_sequence(y_true, "y_true", _SHOWN)
        refuse_sequence(y_pred, "y_pred", _SHOWN)
        predictions = y_pred if isinstance(y_pred, dict) else {"prediction": y_pred}
        truth = np.asarray(y_true, dtype=float)
        names = y_true.columns if isinstance(y_true, pd.DataFrame) else range(len(truth))
        ranks, scores = {"truth": _relative_ranks(truth, signed)}, {}
        for label, matrix in predictions.items():
            refuse_sequence(matrix, f"y_pred[{label!r}]", _SHOWN)
            prediction = np.asarray(_in_order_of(y_true, matrix, f"y_pred[{label!r}]"), dtype=float)
            if prediction.shape != truth.shape:
                raise ValueError(
                    f"y_pred[{label!r}] has shape {prediction.shape}, but y_true has shape {truth.shape}; "
                    "pass predictions of the same network."
                )
            ranks[label] = _relative_ranks(np.where(np.isnan(truth), np.nan, prediction), signed)
            scores[label] = float(spearman_correlation(truth, prediction))
        return cls(ranks, [str(name) for name in names], scores, signed)

    @classmethod
    def from_estimator(cls, estimator: Any, network: Any, y_true: Any) -> "SensitivityHeatmapDisplay":
        """Build the display from a fitted estimator, one network and its true sensitivity matrix.

        Parameters
        ----------
        estimator : fitted estimator
            Predicts sensitivity matrices.
        network : InfluenceNetwork, DataFrame or array-like of shape (n, n)
            One network.
        y_true : DataFrame or array-like of shape (n, n)
            Its true sensitivity matrix.

        Returns
        -------
        SensitivityHeatmapDisplay
        """
        refuse_sequence(network, "network", _SHOWN)
        return cls.from_predictions(y_true, {type(estimator).__name__: estimator.predict([network])[0]})

    def plot(self, axes: Any = None, *, cmap: str | None = None) -> "SensitivityHeatmapDisplay":
        """Draw one panel for each matrix.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each panel; a new figure by default.
        cmap : str, default=None
            A sequential color map, "viridis", or with `signed` a diverging one, "RdBu".

        Returns
        -------
        self : SensitivityHeatmapDisplay

        Raises
        ------
        ValueError
            If `axes` are not as many as the panels.
        """
        import matplotlib.pyplot as plt

        cmap = cmap or ("RdBu" if self.signed else "viridis")
        if axes is None:
            n = len(self.ranks)
            _, axes = plt.subplots(1, n, figsize=(3.6 * n + 0.8, 4.2), layout="constrained", squeeze=False)
        self.axes_ = list(np.ravel(axes))
        self.figure_ = self.axes_[0].figure
        if len(self.axes_) != len(self.ranks):
            raise ValueError(f"axes has {len(self.axes_)} panels, but {len(self.ranks)} are needed.")
        for ax, (label, matrix) in zip(self.axes_, self.ranks.items(), strict=True):
            image = ax.imshow(matrix, cmap=cmap, vmin=-int(self.signed), vmax=1, interpolation="nearest")
            ax.set_facecolor(_BLANK)
            score = f"\nSpearman {self.scores[label]:.2f}" if label in self.scores else ""
            ax.set(title=f"{label}{score}", xlabel="perturbed variable")
            self._label_ticks(ax)
        self.axes_[0].set_ylabel("responding variable")
        self.figure_.colorbar(
            image, ax=self.axes_, label=f"relative rank of |sensitivity|{', signed' * self.signed}", shrink=0.8
        )
        return self

    def _label_ticks(self, ax: Any) -> None:
        if len(self.names) > _MOST_NAMES:
            return
        ticks = np.arange(len(self.names))
        ax.set_xticks(ticks, self.names, rotation=90, fontsize=6)
        ax.set_yticks(ticks, self.names, fontsize=6)


def _relative_ranks(matrix: np.ndarray, signed: bool = False) -> np.ndarray:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a square sensitivity matrix, got shape {matrix.shape}.")
    n_defined = np.count_nonzero(~np.isnan(matrix))
    if matrix.size and not n_defined:
        raise ValueError("expected a sensitivity matrix with a defined entry; all are NaN.")
    ranks = rank_data(np.abs(matrix), axis=None) / max(n_defined, 1)
    return ranks * np.sign(matrix) if signed else ranks


def _in_order_of(truth: Any, prediction: Any, label: str) -> Any:
    """Return the prediction with the rows and columns of the truth, if both have names."""
    if not (isinstance(truth, pd.DataFrame) and isinstance(prediction, pd.DataFrame)):
        return prediction
    rows = name_positions(prediction.index, truth.index, (f"{label}.index", "y_true.index"))
    columns = name_positions(prediction.columns, truth.columns, (f"{label}.columns", "y_true.columns"))
    return prediction.iloc[rows, columns]
