"""Graphs and tables of other libraries become what the validators read. None of these libraries is imported here."""

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

__all__ = [
    "as_pandas",
    "column_separator",
    "graph_edges",
    "graph_matrix",
    "is_anndata",
    "is_networkx",
    "is_polars",
    "is_pyg",
]


def column_separator(line: str) -> str | None:
    r"""Return what separates the columns of a line of a text file.

    Parameters
    ----------
    line : str
        The first one that is no comment.

    Returns
    -------
    str or None
        A tab if there is any; else the more frequent one of semicolon and comma, and the semicolon of equally many,
        for the commas may be those of decimal numbers. None: blanks.

    Examples
    --------
    >>> from skperturb._interchange import column_separator
    >>> [column_separator(line) for line in ("a,b", "a;b;0,5", "a, b;c,d", "a\tb,c", "a b")]
    [',', ';', ',', '\t', None]
    """
    if "\t" in line:
        return "\t"
    semicolons, commas = line.count(";"), line.count(",")
    if not semicolons and not commas:
        return None
    return ";" if semicolons >= commas else ","


def is_polars(value: Any) -> bool:
    """Tell whether `value` is a polars DataFrame or Series."""
    return type(value).__module__.partition(".")[0] == "polars" and hasattr(value, "to_numpy")


def is_anndata(value: Any) -> bool:
    """Tell whether `value` looks like an AnnData object."""
    return all(hasattr(value, name) for name in ("obs", "var", "obs_names", "to_df"))


def is_networkx(value: Any) -> bool:
    """Tell whether `value` looks like a networkx graph."""
    return all(hasattr(value, name) for name in ("edges", "nodes", "is_directed", "is_multigraph"))


def is_pyg(value: Any) -> bool:
    """Tell whether `value` looks like a PyTorch Geometric graph."""
    return hasattr(value, "edge_index") and hasattr(value, "num_nodes")


def as_pandas(table: Any, *, index: bool = False) -> Any:
    """Return a polars table as a DataFrame and everything else as it is.

    Parameters
    ----------
    table : object
    index : bool, default=False
        A first column of texts names the rows: polars has no index.

    Returns
    -------
    DataFrame or object
    """
    if not is_polars(table):
        return table
    # Column by column, because polars' own conversion needs pyarrow.
    if not hasattr(table, "columns"):
        return pd.Series(table.to_numpy(), name=table.name)
    frame = pd.DataFrame({name: table[name].to_numpy() for name in table.columns})
    if index and frame.shape[1] > 1 and pd.api.types.is_string_dtype(frame.iloc[:, 0]):
        frame = frame.set_index(frame.columns[0])
    return frame


def graph_matrix(graph: Any, label: str = "graph") -> Any:
    r"""Return the weighted adjacency matrix of a networkx or PyG graph, :math:`A_{ij}` for an edge j → i.

    Parameters
    ----------
    graph : networkx graph or torch_geometric.data.Data
        Weights: the attribute ``weight`` of networkx; ``edge_attr`` (one column) or ``edge_weight`` of PyG; else 1. An
        undirected edge counts in both directions. Edges given more than once add up.
    label : str, default="graph"
        How error messages call it.

    Returns
    -------
    DataFrame or ndarray of shape (n_nodes, n_nodes)
        A DataFrame for a networkx graph, and for a PyG graph that has ``names``.

    Raises
    ------
    TypeError, ValueError
        If weights are not numeric or not one for each edge, or names are not one for each node.
    """
    return _networkx_matrix(graph, label) if is_networkx(graph) else _pyg_matrix(graph, label)


def _networkx_matrix(graph: Any, label: str) -> pd.DataFrame:
    names = pd.Index(list(graph.nodes), dtype=object, tupleize_cols=False)
    position = {name: k for k, name in enumerate(names)}
    values = np.zeros((len(names), len(names)))
    for source, target, weight in graph.edges(data="weight", default=1.0):
        try:
            weight = float(weight)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{label} has the weight {weight!r} at the edge {source!r} → {target!r}; expected a number."
            ) from error
        values[position[target], position[source]] += weight
        if not graph.is_directed() and source != target:
            values[position[source], position[target]] += weight
    return pd.DataFrame(values, index=names, columns=names)


def _pyg_matrix(graph: Any, label: str) -> Any:
    edges = _pyg_edges(graph, label)
    names = _pyg_names(graph, label)
    n_nodes, n_edges = int(graph.num_nodes), edges.shape[1]
    weights = _pyg_weights(graph, n_edges, label)
    values = np.zeros((n_nodes, n_nodes))
    np.add.at(values, (edges[1], edges[0]), weights)
    return values if names is None else pd.DataFrame(values, index=names, columns=names)


def _pyg_edges(graph: Any, label: str) -> np.ndarray:
    if graph.edge_index is None:
        raise ValueError(f"{label} is a PyG graph without edge_index; expected one of shape (2, n_edges).")
    return np.asarray(graph.edge_index.detach().cpu(), dtype=np.int64)


def _pyg_names(graph: Any, label: str) -> pd.Index | None:
    names = getattr(graph, "names", None)
    if names is None:
        return None
    if len(names) != graph.num_nodes:
        raise ValueError(f"{label} has {len(names)} names for {graph.num_nodes} nodes; expected one for each.")
    return pd.Index(list(names), dtype=object)


def graph_edges(graph: Any, label: str = "graph", *, weights: bool = True) -> pd.DataFrame | None:
    """Return the edges of a graph that is an object, or None for everything else.

    Parameters
    ----------
    graph : networkx graph, torch_geometric.data.Data or sparse matrix
        Nodes of a PyG graph without ``names``, and of a sparse matrix, are the integers 0, 1, …. Weights are the
        attribute ``weight`` of networkx, ``edge_attr`` (one column) or ``edge_weight`` of PyG, and the entries of a
        matrix; 1 where there are none.
    label : str, default="graph"
        How error messages call it.
    weights : bool, default=True
        Whether weights are read; all are 1 otherwise.

    Returns
    -------
    DataFrame of shape (n_edges, 3) or None
        Columns ``a``, ``b`` and ``weight``.

    Raises
    ------
    ValueError
        If a matrix is not square, or weights are not one number for each edge.
    """
    if is_networkx(graph):
        return _networkx_edges(graph, label, weights)
    if sp.issparse(graph):
        if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
            raise ValueError(f"{label} is a sparse matrix of shape {graph.shape}; expected a square adjacency matrix.")
        coo = sp.coo_array(graph)
        kept = coo.data != 0
        return pd.DataFrame(
            {"a": coo.row[kept], "b": coo.col[kept], "weight": coo.data[kept].astype(float) if weights else 1.0}
        )
    if not is_pyg(graph):
        return None
    edges, names = _pyg_edges(graph, label), _pyg_names(graph, label)
    first, second = edges if names is None else (names[edges[0]], names[edges[1]])
    values = _pyg_weights(graph, edges.shape[1], label) if weights else 1.0
    return pd.DataFrame({"a": first, "b": second, "weight": values})


def _networkx_edges(graph: Any, label: str, weights: bool) -> pd.DataFrame:
    # Called, because the edges of a multigraph have keys otherwise.
    rows = [(first, second, data.get("weight")) for first, second, data in graph.edges(data=True)]
    edges = pd.DataFrame(rows, columns=["a", "b", "weight"], dtype=object)
    lacking = edges["weight"].isna()
    if not weights or lacking.all():
        if weights:
            _refuse_other_numbers(graph, label)
        return edges.assign(weight=1.0)
    if lacking.any():
        raise ValueError(
            f"{label} has a weight at {int((~lacking).sum())} of {len(edges)} edges; expected one at each or at none."
        )
    return edges


def _refuse_other_numbers(graph: Any, label: str) -> None:
    """Raise ValueError if edges have numbers that are not called weight: they would be ignored."""
    for first, second, data in graph.edges(data=True):
        found = [str(name) for name, value in data.items() if isinstance(value, Real) and not isinstance(value, bool)]
        if found:
            raise ValueError(
                f"{label} has the numbers {', '.join(found)} but no weight at the edge {first!r}, {second!r}; expected "
                "weights as the attribute 'weight'. Rename them, or set edge_weights='ignore'."
            )


def _pyg_weights(graph: Any, n_edges: int, label: str) -> np.ndarray:
    found = (getattr(graph, name, None) for name in ("edge_attr", "edge_weight"))
    given = [weights for weights in found if weights is not None]
    weights = np.asarray(given[0].detach().cpu(), dtype=np.float64) if given else np.ones(n_edges)
    if weights.size != n_edges:
        raise ValueError(
            f"{label} has edge_attr of shape {weights.shape} for {n_edges} edges; expected one number for each edge, "
            "the influence of its source on its target."
        )
    return weights.ravel()
