"""A map of genes."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import align_vectors
from skperturb._interchange import as_pandas
from skperturb.plotting._display import AxesDisplay

__all__ = ["EmbeddingMapDisplay"]


class EmbeddingMapDisplay(AxesDisplay):
    """Genes as points of a map, the largest groups in color.

    Parameters
    ----------
    places : array-like of shape (n_genes, 2)
        Coordinates, for example of t-SNE.
    groups : sequence of n_genes labels
        Operon or module of each gene; a Series is aligned by name with a DataFrame of places.
    n_groups : int, default=8
        Number of groups in color; all other genes are gray.

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
        groups = align_vectors(places, groups, ("places", "groups"))
        places = np.asarray(as_pandas(places), dtype=float)
        if places.ndim != 2 or places.shape[1] != 2 or len(places) != len(groups):
            raise ValueError(
                f"places has shape {places.shape} and groups {groups.shape}; expected (n_genes, 2) and (n_genes,)."
            )
        self.places = places
        self.groups = groups
        self.n_groups = n_groups

    def largest_groups(self) -> list[Any]:
        """Return the labels of the groups in color, the largest first."""
        return pd.Series(self.groups).value_counts(sort=True).index[: self.n_groups].tolist()

    def _draw(self, ax: Any) -> None:
        ax.scatter(*self.places.T, s=4, color="lightgray")
        for group in self.largest_groups():
            ax.scatter(*self.places[self.groups == group].T, s=14, label=str(group))
        ax.set(xticks=[], yticks=[])
        ax.legend(fontsize="small")
