"""A network as the enhancement model sees it: features of its nodes, edges and (source, target) pairs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra

from skperturb._validation import NetworkRecord
from skperturb.metrics import rank_data
from skperturb.networks._enhancer_sampling import sampled_responses
from skperturb.networks._enhancer_structure import (
    EDGE_COLUMNS,
    NODE_COLUMNS,
    ReactionRoles,
    reaction_roles,
)
from skperturb.networks._propagation import DynamoPropagation

__all__ = ["EDGE_FEATURES", "NODE_FEATURES", "PAIR_FEATURES", "SourceGraph", "source_graph"]

# Columns of the pair features whose means over sources and over targets describe a node.
_SUMMARISED = (12, 13, 14, 15, 16, 17, 18)

NODE_FEATURES = 2 * (9 + NODE_COLUMNS) + 2 * len(_SUMMARISED)
EDGE_FEATURES = 3 + EDGE_COLUMNS
PAIR_FEATURES = 21

# Magnitudes of A around 0.1 (responses fade from edge to edge) and around 3 (the network is close to rest).
_LOCATIONS = (-2.0, 1.0)


@dataclass(frozen=True)
class SourceGraph:
    """Features of one network.

    Attributes
    ----------
    n_nodes : int
    edges : ndarray of int of shape (2, n_edges)
        Source and target of each edge, self-loops excluded.
    edge_features : ndarray of shape (n_edges, EDGE_FEATURES)
    node_features : ndarray of shape (n_nodes, NODE_FEATURES)
    pair_features : ndarray of shape (n_nodes, n_nodes, PAIR_FEATURES)
        Row is the target, column the source.
    """

    n_nodes: int
    edges: np.ndarray
    edge_features: np.ndarray
    node_features: np.ndarray
    pair_features: np.ndarray


def source_graph(record: NetworkRecord, structure: Any = None) -> SourceGraph:
    """Describe a network by its sign pattern and, where given, by its structure.

    Parameters
    ----------
    record : NetworkRecord
        Nothing of its matrix but the signs is read.
    structure : NetworkStructure, default=None
        What SBML says without any kinetic constant. Without it those features are 0.

    Returns
    -------
    SourceGraph
    """
    matrix = record.matrix
    signs = np.sign(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
    roles = None
    if structure is not None and record.names is not None:
        roles = reaction_roles(structure, list(record.names))
    targets, sources = np.nonzero(signs - np.diag(np.diag(signs)))
    lengths = dijkstra(sp.csr_array(np.abs(signs).T), unweighted=True).T
    pairs = _pair_features(signs, lengths, roles)
    return SourceGraph(
        n_nodes=len(signs),
        edges=np.stack([sources, targets]),
        edge_features=_edge_features(signs, targets, sources, roles),
        node_features=_relative(_node_features(signs, lengths, roles), pairs, lengths),
        pair_features=pairs,
    )


def _edge_features(
    signs: np.ndarray, targets: np.ndarray, sources: np.ndarray, roles: ReactionRoles | None
) -> np.ndarray:
    values = signs[targets, sources]
    own = np.column_stack([values > 0, values < 0, signs[sources, targets]])
    carried = np.zeros((len(values), EDGE_COLUMNS)) if roles is None else roles.edge_features(targets, sources)
    return np.hstack([own, carried]).astype(np.float32)


def _node_features(signs: np.ndarray, lengths: np.ndarray, roles: ReactionRoles | None) -> np.ndarray:
    n_nodes = len(signs)
    own = np.diag(signs)
    others = signs - np.diag(own)
    _, component = connected_components(sp.csr_array(signs != 0), connection="strong")
    share = np.bincount(component)[component] / max(n_nodes, 1)
    features = [
        own < 0,
        own > 0,
        np.log1p((others > 0).sum(axis=1)),
        np.log1p((others < 0).sum(axis=1)),
        np.log1p((others > 0).sum(axis=0)),
        np.log1p((others < 0).sum(axis=0)),
        np.isfinite(lengths).mean(axis=1) if n_nodes else own,
        np.isfinite(lengths).mean(axis=0) if n_nodes else own,
        share,
    ]
    structural = np.zeros((n_nodes, NODE_COLUMNS)) if roles is None else roles.node_features()
    return np.hstack([np.column_stack(features), structural]).astype(np.float32)


def _relative(own: np.ndarray, pairs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Add what tells a node from the others of its network, since ranks inside a network are to be learned."""
    if not len(own):
        return np.zeros((0, NODE_FEATURES), dtype=np.float32)
    aside = np.isfinite(lengths) & ~np.eye(len(lengths), dtype=bool)
    values = np.where(aside[..., None], pairs[..., _SUMMARISED], 0.0)
    means = [values.sum(axis=axis) / np.maximum(aside.sum(axis=axis), 1)[:, None] for axis in (1, 0)]
    return np.hstack([own, _standardised(own, 0.3), _standardised(np.hstack(means), 1e-3)]).astype(np.float32)


def _standardised(values: np.ndarray, floor: float) -> np.ndarray:
    """Centre and scale columns; the floor keeps columns that hardly vary from being blown up."""
    return (values - values.mean(axis=0)) / (values.std(axis=0) + floor)


def _pair_features(signs: np.ndarray, lengths: np.ndarray, roles: ReactionRoles | None) -> np.ndarray:
    n_nodes = len(signs)
    reachable = np.isfinite(lengths)
    mutual = np.minimum(lengths, lengths.T)
    features = [
        np.eye(n_nodes),
        1 / (1 + lengths),
        np.log1p(np.where(reachable, lengths, 0.0)),
        1 / (1 + lengths.T),
        1 / (1 + mutual),
        lengths == 1,
        lengths.T == 1,
        lengths == 2,
        signs,
        signs.T,
    ]
    record = NetworkRecord(signs, None)
    for alpha, signed in ((0.5, True), (0.9, True), (0.9, False)):
        propagated = DynamoPropagation(alpha=alpha, signed=signed)._predict_network(record, None)
        features.append(_relative_ranks(np.abs(propagated), reachable))
    for location in _LOCATIONS:
        mean, deviation = sampled_responses(signs, roles, location=location)
        features += [_relative_ranks(mean, reachable), np.where(reachable, mean, 0.0) / 5]
        features.append(np.where(reachable, deviation, 0.0) / 3)
    features += [np.zeros_like(lengths)] * 2 if roles is None else _shared(roles)
    return np.stack(features, axis=-1).astype(np.float32)


def _shared(roles: ReactionRoles) -> list[np.ndarray]:
    same = roles.compartment[:, None] == roles.compartment
    return [np.abs(roles.moieties) > 1e-9, same & (roles.compartment >= 0)[:, None]]


def _relative_ranks(values: np.ndarray, reachable: np.ndarray) -> np.ndarray:
    """Rank the values of the reachable pairs, from 0 to 1; 0 elsewhere."""
    ranks = rank_data(np.where(reachable, np.round(values, 9), np.nan), axis=None)
    return np.nan_to_num(ranks) / max(int(reachable.sum()), 1)
