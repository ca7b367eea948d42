"""Networks and counts as pictures inside the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skperturb.report._page import text

if TYPE_CHECKING:
    import networkx

__all__ = ["histogram", "network_figure"]

# More nodes than these can't be told apart on a page.
_MOST_NODES = 80
# Beyond so many nodes a layout by all shortest paths would take seconds.
_MOST_BY_PATHS = 120
_SPACING, _RADIUS, _MARGIN = 75.0, 9.0, 45.0
# Parts are packed into rows of about this ratio of width to height.
_ASPECT = 1.9
_LONGEST_LABEL = 16
_LEAST_FRAME = (800.0, 260.0)


def network_figure(graph: networkx.DiGraph | networkx.Graph, values: Mapping[Any, str], what: str) -> str:
    """Return a drawing of a network that can be zoomed and asked.

    Parameters
    ----------
    graph : networkx.DiGraph or networkx.Graph
        Edges have a ``sign`` where their influence has one; loops are not drawn.
    values : mapping
        What is said of each node.
    what : str
        Below the drawing.
    """
    import networkx

    graph = graph.copy()
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    kept = _most_connected(graph)
    left_out = [node for node in graph if node not in kept]
    graph = graph.subgraph([node for node in graph if node in kept])
    places = _positions(graph)
    index = {node: k for k, node in enumerate(graph)}
    edges = [
        _edge(places[a], places[b], index[a], index[b], sign, graph.is_directed())
        for a, b, sign in graph.edges(data="sign", default=0)
    ]
    nodes = [_node(node, places, index[node], values, graph) for node in graph]
    corner, size = _frame(places)
    return (
        '<figure class="network"><div class="tools"><button type="button" data-action="closer" aria-label="zoom in">+'
        '</button><button type="button" data-action="farther" aria-label="zoom out">−</button>'
        '<button type="button" data-action="whole">whole</button>'
        "<span>drag moves; the wheel zooms after a click into the drawing, or with Ctrl</span></div>"
        f'<svg viewBox="{corner[0]:.0f} {corner[1]:.0f} {size[0]:.0f} {size[1]:.0f}" tabindex="0" role="group" '
        'aria-label="network">'
        f'{"".join(edges)}{"".join(nodes)}</svg><p class="readout" aria-live="polite">Point at a node for its name, '
        f"its value and its neighbors.</p><figcaption>{text(what)}{_said_of(left_out)}</figcaption></figure>"
    )


def _frame(places: Mapping[Any, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corner and the size of what is shown: no smaller than `_LEAST_FRAME`, or two nodes would fill it."""
    drawn = np.max(list(places.values()), axis=0) + _MARGIN if places else np.zeros(2)
    size = np.maximum(drawn, _LEAST_FRAME)
    return (drawn - size) / 2.0, size


def _most_connected(graph: Any) -> set[Any]:
    degrees = dict(graph.degree())
    return set(sorted(graph, key=lambda node: -degrees[node])[:_MOST_NODES])


def _said_of(left_out: Sequence[Any]) -> str:
    if not left_out:
        return ""
    named = ", ".join(text(node) for node in left_out[:20])
    more = ", …" if len(left_out) > 20 else ""
    return f" Left out, having the fewest neighbors: {len(left_out)} nodes ({named}{more})."


def _positions(graph: Any) -> dict[Any, tuple[float, float]]:
    """Return positions, connected parts side by side in rows, the largest first."""
    import networkx

    undirected = networkx.Graph(graph.to_undirected())
    parts = sorted(networkx.connected_components(undirected), key=len, reverse=True)
    # In the order of the graph: that of sets differs from run to run.
    boxes = [_laid_out(undirected.subgraph([node for node in graph if node in part])) for part in parts]
    area = sum(np.prod(size + _SPACING) for _, size in boxes)
    widest = max([math.sqrt(area * _ASPECT), *(size[0] for _, size in boxes)], default=0.0)
    places: dict[Any, tuple[float, float]] = {}
    corner, row_height = np.array([_MARGIN, _MARGIN]), 0.0
    for points, size in boxes:
        if corner[0] > _MARGIN and corner[0] + size[0] > widest + _MARGIN:
            corner, row_height = np.array([_MARGIN, corner[1] + row_height + _SPACING]), 0.0
        places |= {node: (float(x), float(y)) for node, (x, y) in ((n, p + corner) for n, p in points.items())}
        corner[0] += size[0] + _SPACING
        row_height = max(row_height, size[1])
    return places


def _laid_out(part: Any) -> tuple[dict[Any, np.ndarray], np.ndarray]:
    """Return positions of a connected part from (0, 0) on, and its width and height."""
    import networkx

    n = len(part)
    if n == 1:
        return {node: np.zeros(2) for node in part}, np.zeros(2)
    placed = (
        networkx.kamada_kawai_layout(part, weight=None) if n <= _MOST_BY_PATHS else networkx.spring_layout(part, seed=0)
    )
    points = np.array([placed[node] for node in part])
    points = (points - points.mean(axis=0)) @ np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2].T
    points -= points.min(axis=0)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(n, np.inf))
    # The closest neighbors are on average a spacing apart.
    points *= _SPACING / max(float(distances.min(axis=1).mean()), 1e-9)
    return dict(zip(part, points, strict=True)), points.max(axis=0)


def _edge(
    start: tuple[float, float], end: tuple[float, float], source: int, target: int, sign: float, is_directed: bool
) -> str:
    a, b = np.array(start), np.array(end)
    along = b - a
    length = max(float(np.hypot(*along)), 1e-9)
    along /= length
    across = np.array([-along[1], along[0]])
    # Opposite edges bend apart; a drawing without directions has straight ones.
    middle = (a + b) / 2 + across * (0.12 * length if is_directed else 0.0)
    arrives = b - middle
    tip = b - arrives / max(float(np.hypot(*arrives)), 1e-9) * (_RADIUS + 3.0)
    kind = {1.0: "plus", -1.0: "minus"}.get(float(np.sign(sign or 0)), "unsigned")
    head = {"plus": ' marker-end="url(#point)"', "minus": ' marker-end="url(#bar)"'}.get(kind, "")
    return (
        f'<path class="edge {kind}" data-from="{source}" data-to="{target}"{head if is_directed else ""} '
        f'd="M{a[0]:.1f},{a[1]:.1f} Q{middle[0]:.1f},{middle[1]:.1f} {tip[0]:.1f},{tip[1]:.1f}"></path>'
    )


def _node(
    node: Any, places: Mapping[Any, tuple[float, float]], index: int, values: Mapping[Any, str], graph: Any
) -> str:
    x, y = places[node]
    name, half = str(node), _LONGEST_LABEL // 2
    # The beginning and the end: in the names of complexes each of them may be what differs.
    label = name if len(name) <= _LONGEST_LABEL else f"{name[:half]}…{name[1 - half :]}"
    said = f"{name}: {values[node]}" if node in values else name
    return (
        f'<g class="node" data-node="{index}" tabindex="0" role="img"><title>{text(said)}{_neighbors(node, graph)}'
        f'</title><circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:.0f}"></circle>'
        f'<text x="{x:.1f}" y="{y + _beside(node, places, graph):.1f}">{text(label)}</text></g>'
    )


def _beside(node: Any, places: Mapping[Any, tuple[float, float]], graph: Any) -> float:
    """Return where the line of a name stands: above the node, or below if more edges come from above."""
    neighbors = [*graph[node], *(graph.predecessors(node) if graph.is_directed() else ())]
    offsets = np.array([np.subtract(places[other], places[node]) for other in neighbors]).reshape(-1, 2)
    # In a drawing, down is positive.
    from_above = (offsets[:, 1] / np.maximum(np.hypot(*offsets.T), 1e-9)).sum() < -0.5
    return _RADIUS + 13.0 if from_above else -_RADIUS - 4.0


def _neighbors(node: Any, graph: Any) -> str:
    if not graph.is_directed():
        return f"; interacts with {_named(list(graph[node]))}"
    return (
        f"; influenced by {_named(list(graph.predecessors(node)))}; influences {_named(list(graph.successors(node)))}"
    )


def _named(nodes: Sequence[Any]) -> str:
    shown = ", ".join(text(node) for node in nodes[:12])
    return (shown + (f" and {len(nodes) - 12} more" if len(nodes) > 12 else "")) or "none"


def histogram(values: np.ndarray, edges: Sequence[int], what: str) -> str:
    """Return a chart of how many whole numbers lie in each range.

    Parameters
    ----------
    values : ndarray
    edges : sequence of int
        Least number of each range; the last one is open. Empty ranges below and above all values are not drawn.
    what : str
        Below the chart.
    """
    low = max((edge for edge in edges if edge <= min(values, default=0)), default=edges[0])
    begins = [edge for edge in edges if low <= edge <= max(values, default=0)] or [edges[0]]
    wide, high = 64, 120
    ends = [_end_of(begin, edges) for begin in begins]
    counts = [int(((values >= low) & (values < end)).sum()) for low, end in zip(begins, ends, strict=True)]
    columns = []
    for k, (low, count) in enumerate(zip(begins, counts, strict=True)):
        height, middle = high * count / max(max(counts), 1), k * wide + wide / 2
        columns.append(
            f'<rect x="{k * wide + 6}" y="{20 + high - height:.1f}" width="{wide - 12}" height="{height:.1f}"></rect>'
            f'<text x="{middle:.0f}" y="{14 + high - height:.1f}" text-anchor="middle">{count}</text>'
            f'<text x="{middle:.0f}" y="{high + 36}" text-anchor="middle">{_range(low, ends[k])}</text>'
        )
    return (
        f'<figure><svg class="bars" viewBox="0 0 {wide * len(counts)} {high + 44}" width="{wide * len(counts)}" '
        f'role="img" aria-label="{text(what)}">{"".join(columns)}</svg><figcaption>{text(what)}</figcaption></figure>'
    )


def _end_of(begin: int, edges: Sequence[int]) -> float:
    return next((edge for edge in edges if edge > begin), np.inf)


def _range(low: int, end: float) -> str:
    if end == low + 1:
        return f"{low}"
    return f"{low}–{end - 1:g}" if np.isfinite(end) else f"≥ {low}"
