"""A network as the enhancement model sees it: features of its nodes, edges and (source, target) pairs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra

from skperturb._validation import NetworkRecord
from skperturb.networks._enhancer.random_kinetics import ENSEMBLE_COLUMNS, ensemble_features, relative_ranks
from skperturb.networks._enhancer.reactions import EDGE_COLUMNS, NODE_COLUMNS, ReactionRoles, reaction_roles
from skperturb.networks._propagation import propagation
from skperturb.networks._sign_pattern import sign_pattern

__all__ = [
    "EDGE_FEATURES",
    "NODE_FEATURES",
    "PAIR_FEATURES",
    "SIGN_COLUMNS",
    "NetworkFeatures",
    "network_features",
]

# Share that a node passes on, and whether signs count. DynamoPropagation's default with and without signs, and one in
# which a perturbation halves at every step, so that the neighborhood decides. The share lies below 1 by definition.
_PROPAGATIONS = ((0.5, True), (0.9, True), (0.9, False))

# Columns of the features, in their order: what the sign pattern says of a node, and of a pair, in single steps.
SIGN_COLUMNS = 9
_STEP_COLUMNS = 10
# Columns of the pair features whose means over sources and over targets describe a node: propagation without signs,
# and what the ensemble says.
_FIRST_SUMMARIZED = _STEP_COLUMNS + len(_PROPAGATIONS) - 1
_SUMMARIZED = tuple(range(_FIRST_SUMMARIZED, _FIRST_SUMMARIZED + 1 + ENSEMBLE_COLUMNS))
# The column with 1 / (1 + length of the shortest path), which is positive where there is a path.
_CLOSENESS = 1

NODE_FEATURES = 2 * (SIGN_COLUMNS + NODE_COLUMNS) + 2 * len(_SUMMARIZED)
EDGE_FEATURES = 3 + EDGE_COLUMNS
PAIR_FEATURES = _STEP_COLUMNS + len(_PROPAGATIONS) + ENSEMBLE_COLUMNS + 2

# Decimals to which values are rounded before they are ranked, so that equal values that differ in rounding tie.
# Numbering the nodes of a network in another way left the ranks of propagation as they were up to 14 decimals and
# moved them at 16. Of its different values 9 decimals keep 99.6 % apart, 8 decimals 98.7 %, 10 decimals 99.9 %
# (40 networks of BioModels).
_TIE_DECIMALS = 9

# The next four bring inputs to a size of one, as the optimizer's equal steps on all weights ask for. None is critical:
# learned from 30 networks of BioModels, the correlation on 31 of other publications (reached pairs off the diagonal) is
# 0.397, other seeds give up to 0.415, and either floor or both scales ten times larger or smaller 0.396 to 0.416.

# Added to the standard deviation of a node feature within its network (no unit). Deviations above 0 are 0.27 in the
# median: for most columns the floor halves the contrast. It is there for rare flags: the one node of 70 that has it
# stands at 2.3; with a tenth of the floor at 6.6, which no other column reaches, and with ten times the floor at 0.3.
_OWN_FLOOR = 0.3
# The same for means over sources and targets, which vary by 0.017 at least: ten times more takes a third of the
# contrast of the flattest, and far less (1e-6) blows up the rounding of single precision where all nodes are alike.
_SUMMARY_FLOOR = 1e-3


@dataclass(frozen=True)
class NetworkFeatures:
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

    @property
    def reachable(self) -> np.ndarray:
        """Tell which pairs a directed path connects: shape (n_nodes, n_nodes)."""
        return self.pair_features[..., _CLOSENESS] > 0


def network_features(record: NetworkRecord, network: Any = None, kind: str = "relative") -> NetworkFeatures:
    """Describe a network by its sign pattern and, where given, by its structure.

    Parameters
    ----------
    record : NetworkRecord
        Nothing of its matrix but the signs is read.
    network : InfluenceNetwork, default=None
        The network, of which the structure is read: what SBML says without any kinetic constant. Without it those
        features are 0.
    kind : {"relative", "steady_state", "dynamo"}, default="relative"
        What is to be predicted; decides what is drawn at random.

    Returns
    -------
    NetworkFeatures
    """
    matrix = record.matrix
    signs = np.sign(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
    roles, structure = None, getattr(network, "structure", None)
    if structure is not None and record.names is not None:
        roles = reaction_roles(structure, list(record.names))
    targets, sources = np.nonzero(signs - np.diag(np.diag(signs)))
    lengths = dijkstra(sp.csr_array(np.abs(signs).T), unweighted=True).T
    sampled = ensemble_features(record, None if structure is None else network, kind, np.isfinite(lengths))
    pairs = _pair_features(signs, lengths, roles, sampled)
    return NetworkFeatures(
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
    values = np.where(aside[..., None], pairs[..., _SUMMARIZED], 0.0)
    means = [values.sum(axis=axis) / np.maximum(aside.sum(axis=axis), 1)[:, None] for axis in (1, 0)]
    return np.hstack([own, _standardized(own, _OWN_FLOOR), _standardized(np.hstack(means), _SUMMARY_FLOOR)]).astype(
        np.float32
    )


def _standardized(values: np.ndarray, floor: float) -> np.ndarray:
    """Center and scale columns; the floor keeps columns that hardly vary from being blown up."""
    return (values - values.mean(axis=0)) / (values.std(axis=0) + floor)


def _pair_features(
    signs: np.ndarray, lengths: np.ndarray, roles: ReactionRoles | None, sampled: np.ndarray
) -> np.ndarray:
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
    for alpha, signed in _PROPAGATIONS:
        propagated = propagation(sign_pattern(record, signed=signed), alpha)
        features.append(relative_ranks(np.round(np.abs(propagated), _TIE_DECIMALS), reachable))
    features += list(np.moveaxis(sampled, -1, 0))
    features += [np.zeros_like(lengths)] * 2 if roles is None else _shared(roles)
    return np.stack(features, axis=-1).astype(np.float32)


def _shared(roles: ReactionRoles) -> list[np.ndarray]:
    same = roles.compartment[:, None] == roles.compartment
    return [roles.share_moiety, same & (roles.compartment >= 0)[:, None]]
