"""How accuracy goes with the properties of networks, against chance."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.plotting._display import AxesDisplay
from skperturb.plotting._inputs import check_columns

__all__ = ["PropertyCorrelationDisplay"]

_COLUMNS = ["correlation", "random_low", "random_high"]


class PropertyCorrelationDisplay(AxesDisplay):
    """Correlation of a method's accuracy with properties of the networks, beside the range that chance gives.

    Parameters
    ----------
    correlations : DataFrame of shape (n_properties, 3)
        One row for each property, with the columns ``correlation``, ``random_low`` and ``random_high``.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import PropertyCorrelationDisplay
    >>> table = pd.DataFrame(
    ...     {"correlation": [-0.4, 0.1], "random_low": [-0.2, -0.2], "random_high": [0.2, 0.2]},
    ...     index=["nodes", "reciprocity"],
    ... )
    >>> PropertyCorrelationDisplay(table).beyond_chance()
    ['nodes']
    """

    def __init__(self, correlations: pd.DataFrame) -> None:
        self.correlations = check_columns(correlations, "correlations", _COLUMNS, str(_COLUMNS))

    def beyond_chance(self) -> list[str]:
        """Return the properties whose correlation lies outside the range of chance."""
        table = self.correlations
        outside = (table["correlation"] < table["random_low"]) | (table["correlation"] > table["random_high"])
        return list(table.index[outside])

    def _figure_size(self) -> tuple[float, float]:
        return 6.4, 0.4 * len(self.correlations) + 1.2

    def _draw(self, ax: Any) -> None:
        table = self.correlations
        positions = np.arange(len(table))[::-1]
        width = table["random_high"] - table["random_low"]
        ax.barh(positions, width, left=table["random_low"], color="0.85", label="95 % of random assignments")
        ax.scatter(table["correlation"], positions, color="tab:red", zorder=2, label="observed")
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set_yticks(positions, [str(name) for name in table.index])
        ax.set_xlabel("Spearman correlation with the accuracy")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)
