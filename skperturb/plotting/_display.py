"""What every display on one axes has in common: the axes it draws on, and what it remembers of them."""

from abc import ABC, abstractmethod
from typing import Any, Self

__all__ = ["AxesDisplay"]


class AxesDisplay(ABC):
    """A display on one axes.

    A display computes in its constructor, says in `_figure_size` how large a new figure has to be, and draws in
    `_draw`. Where it draws, and what it keeps of that, is the same for all of them and is here.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.
    """

    ax_: Any
    figure_: Any

    def plot(self, ax: Any = None) -> Self:
        """Draw what the display shows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default, as large as what it shows needs.

        Returns
        -------
        self : object
            The display, with `ax_` and `figure_` set.
        """
        if ax is None:
            # Matplotlib takes most of a second to load, so only drawing loads it.
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=self._figure_size(), layout="constrained")[1]
        self._draw(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _figure_size(self) -> tuple[float, float]:
        """Return width and height of a new figure, in inches."""
        return 5.0, 4.5

    @abstractmethod
    def _draw(self, ax: Any) -> None:
        """Draw on `ax`."""
