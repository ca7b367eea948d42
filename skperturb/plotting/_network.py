"""A network with its signed edges, and what a perturbation of one node does to the others."""

import math
from collections import Counter
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
# Characters of a name that stand beside a node; of a longer one the middle is left out. The size of the letters and the
# area of a node are in points; an inch between two columns holds that many letters.
_LONGEST_NAME, _FONT, _NODE = 16, 7, 160
_LETTERS_PER_INCH = 16.0
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
    chain goes back and forth in several rows, so that the drawing fills its panel. Up to 60 nodes have their names
    beside them; the middle of one longer than 16 characters is left out.

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
        longest = max((len(label) for label in _labels(list(self.signs.index)).values()), default=0)
        column = max(0.9, (longest + 2) / _LETTERS_PER_INCH)
        return max(4.0, 2.0 + column * width), max(3.0, 1.6 + 0.7 * height)

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
                connectionstyle="arc3, rad=0.12", node_size=_NODE,
            )  # fmt: skip
        nodes = networkx.draw_networkx_nodes(
            graph, self.positions_, ax=ax, node_size=_NODE, edgecolors="0.3", **self._node_colors(graph)
        )
        if len(graph) <= _MOST_NAMES:
            self._write_names(ax)
        ax.set_axis_off()
        n_columns, n_rows = (
            (len(set(along)) for along in zip(*self.positions_.values(), strict=True)) if graph else (1, 1)
        )
        ax.margins(x=min(0.12, 0.7 / n_columns), y=min(0.12, 0.7 / n_rows))
        if self.response is not None:
            ax.set_title(f"response to {self.source}")
            ax.figure.colorbar(nodes, ax=ax, label="response", shrink=0.7)

    def _write_names(self, ax: Any) -> None:
        from matplotlib.patheffects import withStroke

        # Most edges come along the rows or the columns: the corner between them hides the fewest arrowheads.
        corner = math.sqrt(_NODE) / 2.0 * math.sqrt(0.5) + 0.5
        for node, label in _labels(list(self.positions_)).items():
            # A seam of white, or edges would strike names out.
            ax.annotate(
                label, self.positions_[node], (corner, -corner), textcoords="offset points", ha="left", va="top",
                fontsize=_FONT, zorder=5, path_effects=[withStroke(linewidth=2.0, foreground="white")],
            )  # fmt: skip

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


def _labels(nodes: Sequence[Any]) -> dict[Any, str]:
    """Return what stands at nodes: their names without the middle of long ones, unless two would be the same."""
    half = _LONGEST_NAME // 2
    short = {
        node: name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[1 - half :]}"
        for node, name in ((node, str(node)) for node in nodes)
    }
    counts = Counter(short.values())
    return {node: label if counts[label] == 1 else str(node) for node, label in short.items()}


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
