"""Curves and maps of interaction models."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.plotting._axes import axes_or_new

__all__ = ["EmbeddingMapDisplay", "ScoreCurveDisplay"]


class ScoreCurveDisplay:
    """A score over a setting, such as the share of training interactions, one curve for each model.

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
        missing = {"model", "x", "score"} - set(getattr(curves, "columns", ()))
        if missing:
            raise ValueError(
                f"curves lacks the columns {sorted(missing)}; expected a DataFrame with model, x and score."
            )
        self.curves = curves
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

    def plot(self, ax: Any = None) -> "ScoreCurveDisplay":
        """Draw the curves, with the range over repeats as a band.

        Parameters
        ----------
        ax : matplotlib axes, default=None

        Returns
        -------
        ScoreCurveDisplay
        """
        ax = axes_or_new(ax)
        for model, part in self.curves.groupby("model", sort=False):
            by_x = part.groupby("x")["score"]
            line = ax.plot(by_x.mean().index, by_x.mean(), marker="o", label=model)[0]
            ax.fill_between(by_x.min().index, by_x.min(), by_x.max(), color=line.get_color(), alpha=0.15, linewidth=0)
        ax.set(xlabel=self.x_name, ylabel=self.score_name)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


class EmbeddingMapDisplay:
    """Genes as points of a map, the largest groups in colour.

    Parameters
    ----------
    places : array-like of shape (n_genes, 2)
        Coordinates, for example of t-SNE.
    groups : sequence of n_genes labels
        Operon or module of each gene.
    n_groups : int, default=8
        Number of groups in colour; all other genes are grey.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> from skperturb.plotting import EmbeddingMapDisplay
    >>> EmbeddingMapDisplay([[0, 0], [1, 1], [2, 0]], ["lac", "lac", "trp"]).largest_groups()
    ['lac', 'trp']
    """

    def __init__(self, places: Any, groups: Any, *, n_groups: int = 8) -> None:
        places = np.asarray(places, dtype=float)
        groups = np.asarray(groups)
        if places.ndim != 2 or places.shape[1] != 2 or len(places) != len(groups):
            raise ValueError(
                f"places has shape {places.shape} and groups {groups.shape}; expected (n_genes, 2) and (n_genes,)."
            )
        self.places = places
        self.groups = groups
        self.n_groups = n_groups

    def largest_groups(self) -> list[Any]:
        """Return the labels of the groups in colour, the largest first."""
        return pd.Series(self.groups).value_counts(sort=True).index[: self.n_groups].tolist()

    def plot(self, ax: Any = None) -> "EmbeddingMapDisplay":
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib axes, default=None

        Returns
        -------
        EmbeddingMapDisplay
        """
        ax = axes_or_new(ax)
        ax.scatter(*self.places.T, s=4, color="lightgrey")
        for group in self.largest_groups():
            ax.scatter(*self.places[self.groups == group].T, s=14, label=str(group))
        ax.set(xticks=[], yticks=[])
        ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
