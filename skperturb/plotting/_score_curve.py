"""A score over a setting."""

from typing import Any

import pandas as pd

from skperturb.plotting._display import AxesDisplay
from skperturb.plotting._inputs import check_columns

__all__ = ["ScoreCurveDisplay"]

_COLUMNS = ("model", "score", "x")


class ScoreCurveDisplay(AxesDisplay):
    """A score over a setting, such as the share of training interactions, one curve for each model.

    The curve is the mean over repeats, a band beside it is their range.

    Parameters
    ----------
    curves : DataFrame of shape (n_scores, 3)
        Columns ``model``, ``x`` and ``score``; several rows with the same model and x are repeats.
    x_name : str, default="setting"
        Label of the x axis.
    score_name : str, default="AUROC"
        Label of the y axis.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import ScoreCurveDisplay
    >>> curves = pd.DataFrame({"model": ["l3", "l3"], "x": [0.1, 0.5], "score": [0.8, 0.9]})
    >>> ScoreCurveDisplay(curves).means().loc["l3", 0.5]
    np.float64(0.9)
    """

    def __init__(self, curves: pd.DataFrame, *, x_name: str = "setting", score_name: str = "AUROC") -> None:
        self.curves = check_columns(curves, "curves", _COLUMNS, "model, x and score")
        self.x_name = x_name
        self.score_name = score_name

    @classmethod
    def from_rows(
        cls, rows: Any, *, negatives: str = "degree", score: str = "auroc", x_name: str = "setting"
    ) -> "ScoreCurveDisplay":
        """Build the display from the rows of ``reproduce interactions``.

        Parameters
        ----------
        rows : sequence of dict
            Of the protocols "sparsity" or "lambda", whose settings end with a number.
        negatives : str, default="degree"
            Which negatives.
        score : {"auroc", "aupr"}, default="auroc"
        x_name : str, default="setting"

        Returns
        -------
        ScoreCurveDisplay

        Raises
        ------
        ValueError
            If no row has these negatives.
        """
        frame = pd.DataFrame(rows)
        frame = frame[frame["negatives"] == negatives]
        if frame.empty:
            raise ValueError(f"rows has none with negatives={negatives!r}.")
        x = frame["setting"].str.extract(r"([0-9.]+)%?$")[0].astype(float)
        curves = pd.DataFrame({"model": frame["model"], "x": x, "score": frame[score]})
        return cls(curves, x_name=x_name, score_name=f"{score.upper()} ({negatives} negatives)")

    def means(self) -> pd.DataFrame:
        """Return the mean score of each model (row) at each x (column)."""
        return self.curves.pivot_table(index="model", columns="x", values="score", sort=False).sort_index(axis=1)

    def _draw(self, ax: Any) -> None:
        for model, part in self.curves.groupby("model", sort=False):
            by_x = part.groupby("x")["score"]
            line = ax.plot(by_x.mean().index, by_x.mean(), marker="o", label=model)[0]
            ax.fill_between(by_x.min().index, by_x.min(), by_x.max(), color=line.get_color(), alpha=0.15, linewidth=0)
        ax.set(xlabel=self.x_name, ylabel=self.score_name)
        ax.legend()
