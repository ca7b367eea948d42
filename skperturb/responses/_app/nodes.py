"""The genes that the network sees as nodes: names, input features, edges."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.decomposition import PCA

from skperturb._persistence import PlainStateMixin
from skperturb.responses._gene_tables import (
    align_table,
    as_tables,
    is_membership,
    mean_weights,
    membership_rows,
    warn_absent,
)
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["GeneNodes"]

#: Wider tables are reduced to this many principal components: twice the default width of the hidden layers, which
#: bounds the weights of the first layer however wide the table is.
_MAX_FEATURES = 64
#: Numbers in a table above which only the wanted components are computed. Below, all of them take seconds.
_LARGE = 10_000_000


class GeneNodes(PlainStateMixin):
    """Nodes of the network: the perturbed genes first, then read-out genes that the graph holds.

    Parameters
    ----------
    names : sequence
        Perturbed genes, the columns of X.
    output_names : sequence or None
        Read-out genes.
    edges : DataFrame or None
        From `gene_edges`.
    gene_features : see `APPRegressor`
    effects : ndarray of shape (n_genes, n_outputs) or None
        Single effects, an input of the perturbed genes.

    Attributes
    ----------
    names : Index
    features : ndarray of shape (n_nodes, n_features)
    edge_index : ndarray of int, shape (2, n_edges)
        Both directions of each edge, each once.
    edge_weight : ndarray of shape (n_edges,) or None
        None if all edges weigh the same.
    """

    def __init__(
        self,
        names: Any,
        output_names: Any,
        edges: pd.DataFrame | None,
        gene_features: Any,
        effects: np.ndarray | None = None,
    ) -> None:
        names = pd.Index(list(names), dtype=object)
        self.edge_index = np.zeros((2, 0), dtype=np.int64)
        self.edge_weight = None
        if edges is not None:
            inside = _genes_of(edges)
            if output_names is not None:
                extra = (
                    pd.Index(output_names, dtype=object).intersection(inside, sort=False).difference(names, sort=False)
                )
                names = names.append(extra.unique())
            adjacency = mean_weights(edges, names).tocoo()
            order = np.lexsort((adjacency.col, adjacency.row))
            self.edge_index = np.vstack([adjacency.row, adjacency.col])[:, order].astype(np.int64)
            # Without weights the network sums plain messages, as in the paper.
            if not (adjacency.data == 1).all():
                self.edge_weight = adjacency.data[order]
        self.names = names
        blocks = [_reduced(table, names, f"gene_features[{key!r}]") for key, table in as_tables(gene_features).items()]
        if effects is not None:
            block = np.zeros((len(names), effects.shape[1]))
            block[: len(effects)] = effects
            blocks.append(_reduced(block, names, "effects", center=False))
        self.features = np.hstack(blocks) if blocks else np.zeros((len(names), 0))

    def widen(self, X: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
        """Return doses of all nodes: read-out genes that are not perturbed get zero."""
        doses = np.zeros((len(X), len(self.names)), dtype=dtype)
        doses[:, : X.shape[1]] = X
        return doses


def _genes_of(edges: pd.DataFrame) -> pd.Index:
    return pd.Index(pd.unique(pd.concat([edges["a"], edges["b"]])), dtype=object)


def _reduced(table: Any, names: pd.Index, argument: str, center: bool = True) -> np.ndarray:
    """Align a table, reduce it, and give it unit mean square."""
    if isinstance(table, pd.DataFrame) and table.size > _LARGE and is_membership(table):
        # As dense numbers, terms of all genes would take gigabytes, and all their components minutes.
        return _unit(_components(membership_rows(table, names, argument)[0]))
    if not isinstance(table, pd.DataFrame) and len(table) < len(names):
        # A table without names belongs to the perturbed genes; the other nodes have none.
        table = np.vstack([np.asarray(table, dtype=float), np.zeros((len(names) - len(table), np.shape(table)[1]))])
    aligned = align_table(table, names, argument)
    values, present = aligned.values, aligned.present
    if center and present.any():
        values = np.where(present[:, None], values - values[present].mean(axis=0), 0.0)
    if values.shape[1] > _MAX_FEATURES:
        values = _components(values)
    return _unit(values)


def _components(values: Any) -> np.ndarray:
    """Return the main components of a dense or sparse matrix, none where all rows are equal."""
    n_components = min(_MAX_FEATURES, *values.shape)
    few = n_components == min(values.shape)
    if sp.issparse(values) and few:
        # The solver for sparse matrices finds fewer components than there are rows, and few rows are no large matrix.
        values = values.toarray()
    spread = values.max(axis=0) - values.min(axis=0)
    if not (spread.nnz if sp.issparse(spread) else spread.any()):
        return np.zeros((values.shape[0], 0))
    solver = "arpack" if sp.issparse(values) else "full" if few or values.size <= _LARGE else "randomized"
    return np.asarray(PCA(n_components, svd_solver=solver, random_state=0).fit_transform(values))


def _unit(values: np.ndarray) -> np.ndarray:
    """Scale to unit mean square."""
    size = np.sqrt(np.mean(values**2)) if values.size else 0.0
    return values / size if size > NEGLIGIBLE else values


def warn_genes_outside(nodes: GeneNodes, n_perturbed: int, edges: pd.DataFrame | None) -> None:
    """Warn once, with the count, about perturbed genes that the graph lacks."""
    if edges is not None:
        warn_absent(np.isin(nodes.names[:n_perturbed], _genes_of(edges)), "graph")
