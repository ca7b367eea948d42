"""Names for nodes that have none: what the pattern around a node tells of it, in whatever order the nodes stand."""

from __future__ import annotations

import numpy as np

__all__ = ["edge_classes", "node_colors"]

# Rounds of refinement. Each tells nodes apart by what lies one step further away; more cost time in long chains.
_ROUNDS = 16


def node_colors(signs: np.ndarray) -> np.ndarray:
    """Give the nodes numbers by their surroundings (color refinement), so that only symmetric ones share a number.

    Parameters
    ----------
    signs : ndarray of shape (n_nodes, n_nodes)
        Sign pattern, entry (i, j) the influence of j on i.

    Returns
    -------
    ndarray of int of shape (n_nodes,)
        Reordered nodes have the same numbers.
    """
    colors = np.zeros(len(signs), dtype=np.intp)
    positive, negative = (signs > 0.0).astype(np.float64), (signs < 0.0).astype(np.float64)
    n_colors = 1
    for _ in range(_ROUNDS):
        members = np.eye(n_colors)[colors]
        counts = [colors[:, None], np.sign(np.diag(signs))[:, None]]
        counts += [pattern @ members for pattern in (positive, negative, positive.T, negative.T)]
        # Rows are sorted by their contents, which no order of the nodes changes.
        colors = np.unique(np.hstack(counts), axis=0, return_inverse=True)[1].reshape(-1)
        if colors.max(initial=0) + 1 == n_colors:
            break
        n_colors = int(colors.max(initial=0)) + 1
    return colors


def edge_classes(signs: np.ndarray) -> np.ndarray:
    """Give the pairs (i, j) numbers by the colors of both, from 0 without gaps: shape (n_nodes, n_nodes)."""
    colors = node_colors(signs)
    # The diagonal is a class of its own: what a node does to itself is not what it does to its twin.
    pairs = (colors[:, None] * (int(colors.max(initial=0)) + 1) + colors) * 2 + np.eye(len(signs), dtype=np.intp)
    return np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape)
