"""A network with its signed edges, and what a perturbation of one node does to the others."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from skperturb._validation import ensure_networks
from skperturb.plotting._display import AxesDisplay
from skperturb.plotting._inputs import refuse_sequence

__all__ = ["NetworkDisplay"]

_SHOWN = "one network"
_COLORS = {1: "tab:green", -1: "tab:red"}
# Nodes whose names fit into a figure; more cannot be read.
_MOST_NAMES = 60
# Colors of responses are symmetric about none; a few strong ones would leave the others pale.
_CLIPPED = 0.95
# Width of the panel that a layout is folded into, over its height: that of most axes.
_ASPECT = 1.4
# A layout longer than so many times its width is folded: below, one row of layers is easier to read.
_STRIP = 5.0


class NetworkDisplay(AxesDisplay):
    """A drawing of a network: green arrows for positive influences, red ones with a bar for negative ones.

    Nodes are drawn in layers by the length of the shortest path from a source; with `response` they are colored by
    it, red where it is negative and blue where it is positive. A layer of many nodes takes several columns, and a long
    chain goes back and forth in several rows, so that the drawing fills its panel.

    Parameters
    ----------
    signs : DataFrame of shape (n_nodes, n_nodes)
        Sign pattern, entry (i, j) the influence of j on i.
    source : str, default=None
        The node in the first layer; by default the one that reaches most others.
    response : Series of shape (n_nodes,), default=None
        Signed response of each node.

    Attributes
    ----------
    positions_ : dict of str to tuple of float
        Where each node is drawn.
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Set by `plot`, with `positions_`.

    Examples
    --------
    >>> from skperturb.networks import InfluenceNetwork
    >>> from skperturb.plotting import NetworkDisplay
    >>> network = InfluenceNetwork([[-1, 0, 0], [1, -1, 0], [0, -1, -1]], names=["a", "b", "c"])
    >>> display = NetworkDisplay.from_network(network)
    >>> display.source, display.layers()
    ('a', [['a'], ['b'], ['c']])
    """

    positions_: dict[str, tuple[float, float]]

    def __init__(self, signs: pd.DataFrame, source: Any = None, response: pd.Series | None = None) -> None:
        if source is not None and source not in signs.columns:
            raise ValueError(f"source is {source!r}, which the network lacks: it has {list(signs.columns[:5])}, …")
        self.signs = signs
        self.response = None if response is None else response.reindex(signs.index)
        self.source = self._farthest_reaching() if source is None and len(signs) else source

    @classmethod
    def from_network(cls, network: Any, *, source: Any = None, responses: Any = None) -> "NetworkDisplay":
        """Build the display from a network and, where wanted, a sensitivity matrix of it.

        Parameters
        ----------
        network : InfluenceNetwork, DataFrame or array-like of shape (n_nodes, n_nodes)
            The network, column = source.
        source : str, default=None
            The perturbed node; by default the one that reaches most others.
        responses : DataFrame or array-like of shape (n_nodes, n_nodes), default=None
            True or predicted sensitivities, whose column of the source colors the nodes.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        ValueError
            If the network lacks the source, or several networks are passed where one is shown.
        """
        refuse_sequence(network, "network", _SHOWN)
        refuse_sequence(responses, "responses", _SHOWN)
        record = ensure_networks([network], "network")[0]
        names = pd.Index(range(record.n_nodes)) if record.names is None else record.names
        matrix = record.matrix if isinstance(record.matrix, np.ndarray) else record.matrix.toarray()
        display = cls(pd.DataFrame(np.sign(matrix), index=names, columns=names), source)
        if responses is None:
            return display
        table = responses if isinstance(responses, pd.DataFrame) else pd.DataFrame(responses, names, names)
        return cls(display.signs, display.source, table[display.source])

    def layers(self) -> list[list[Any]]:
        """Return the nodes by the length of the shortest path from the source; those it does not reach stand last."""
        lengths = self._lengths()[list(self.signs.columns).index(self.source)] if len(self.signs) else np.zeros(0)
        names = np.array(self.signs.index, dtype=object)
        return [list(names[lengths == length]) for length in np.unique(lengths)]

    def _lengths(self) -> np.ndarray:
        return dijkstra(sp.csr_array(np.abs(self.signs.to_numpy(dtype=float)).T), unweighted=True)

    def _farthest_reaching(self) -> Any:
        return self.signs.columns[int(np.isfinite(self._lengths()).sum(axis=1).argmax())]

    def _figure_size(self) -> tuple[float, float]:
        places = np.array(list(_folded(self.layers()).values()) or [(0.0, 0.0)])
        width, height = np.ptp(places, axis=0)
        return max(4.0, 2.0 + 0.9 * width), max(3.0, 1.6 + 0.7 * height)

    def _graph(self) -> Any:
        import networkx

        graph = networkx.DiGraph()
        for number, layer in enumerate(self.layers()):
            graph.add_nodes_from(layer, layer=number)
        values = self.signs.to_numpy()
        names = list(self.signs.index)
        for target, source in np.argwhere(values).tolist():
            if target != source:
                graph.add_edge(names[source], names[target], sign=int(values[target, source]))
        return graph

    def _draw(self, ax: Any) -> None:
        import networkx

        graph = self._graph()
        self.positions_ = _positions(graph, self.layers())
        for sign, style in ((1, "-|>"), (-1, "|-|, widthA=0, widthB=0.3")):
            edges = [(a, b) for a, b, kind in graph.edges(data="sign") if kind == sign]
            networkx.draw_networkx_edges(
                graph, self.positions_, edges, ax=ax, edge_color=_COLORS[sign], arrowstyle=style, alpha=0.7,
                connectionstyle="arc3, rad=0.12", node_size=500,
            )  # fmt: skip
        nodes = networkx.draw_networkx_nodes(
            graph, self.positions_, ax=ax, node_size=500, edgecolors="0.3", **self._node_colors(graph)
        )
        if len(graph) <= _MOST_NAMES:
            networkx.draw_networkx_labels(graph, self.positions_, ax=ax, font_size=7)
        ax.set_axis_off()
        ax.margins(0.12)
        if self.response is not None:
            ax.set_title(f"response to {self.source}")
            ax.figure.colorbar(nodes, ax=ax, label="response", shrink=0.7)

    def _node_colors(self, graph: Any) -> dict[str, Any]:
        if self.response is None:
            return {"node_color": ["tab:orange" if node == self.source else "0.9" for node in graph]}
        values = self.response.loc[list(graph)].to_numpy(dtype=float)
        known = np.abs(values[np.isfinite(values)])
        largest = float(np.quantile(known, _CLIPPED)) if known.size else 0.0
        largest = largest or float(known.max(initial=0.0)) or 1.0
        # What is undefined is shown as no response; what grows for ever has the strongest color.
        shown = np.clip(np.nan_to_num(values, nan=0.0), -largest, largest)
        return {"node_color": shown, "cmap": "RdBu", "vmin": -largest, "vmax": largest}


def _positions(graph: Any, layers: Sequence[Sequence[Any]]) -> dict[Any, tuple[float, float]]:
    """Return positions in layers: by graphviz where it is installed, which crosses fewer edges, but draws strips."""
    import networkx

    try:
        found = networkx.nx_agraph.graphviz_layout(graph, prog="dot", args="-Grankdir=LR")
    except (ImportError, OSError, ValueError):
        return _folded(layers)
    width, height = np.ptp(np.array(list(found.values()) or [(0.0, 0.0)]), axis=0)
    return _folded(layers) if max(width, height) > _STRIP * min(width, height) else found


def _folded(layers: Sequence[Sequence[Any]]) -> dict[Any, tuple[float, float]]:
    """Return positions in columns, at most as high as the panel; rows of columns go to the right and back in turn."""
    tallest = max(1, math.ceil(math.sqrt(sum(map(len, layers)) / _ASPECT)))
    columns = [layer[start : start + tallest] for layer in layers for start in range(0, len(layer), tallest)]
    height = max(map(len, columns), default=1)
    n_rows = 1
    if len(columns) > _STRIP * height:
        n_rows = max(1, round(math.sqrt(len(columns) / (_ASPECT * height))))
    of_row = math.ceil(len(columns) / n_rows)
    places = {}
    for k, column in enumerate(columns):
        row, step = divmod(k, max(of_row, 1))
        x = step if row % 2 == 0 else of_row - 1 - step
        for rank, node in enumerate(column):
            # One empty line between two rows.
            places[node] = (float(x), (len(column) - 1) / 2.0 - rank - row * (height + 1.0))
    return places
