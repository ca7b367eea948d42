"""Tables and graphs of genes, aligned by name with the perturbed genes, and the kernels they give."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from skperturb._interchange import as_pandas, graph_edges

__all__ = ["AlignedTable", "align_table", "as_tables", "gene_edges", "graph_tables", "is_membership", "table_features"]


@dataclass(frozen=True)
class AlignedTable:
    """Rows of a table in the order of the wanted genes.

    Parameters
    ----------
    values : ndarray of shape (n_genes, n_features)
        Zero for genes without a row.
    present : ndarray of bool, shape (n_genes,)
    """

    values: np.ndarray
    present: np.ndarray


def align_table(table: Any, names: Iterable[Any], argument: str) -> AlignedTable:
    """Bring the rows of a gene table into the order of `names`.

    Parameters
    ----------
    table : DataFrame or array-like of shape (n_genes, n_features)
        A DataFrame is aligned by name; an array must have one row for each name.
    names : iterable
        The wanted genes.
    argument : str
        Name of the argument, for the error text.

    Returns
    -------
    AlignedTable
    """
    wanted = pd.Index(list(names), dtype=object)
    if not isinstance(table, pd.DataFrame):
        values = _numbers(table, argument)
        if values.ndim != 2 or len(values) != len(wanted):
            raise ValueError(
                f"{argument} has shape {values.shape}; expected ({len(wanted)}, n_features), one row per gene, or a "
                "DataFrame with gene names."
            )
        _check_finite(values, argument, wanted)
        return AlignedTable(values, np.ones(len(wanted), dtype=bool))
    repeated = table.index[table.index.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{argument} names {len(repeated)} genes more than once, such as {list(repeated[:3])}; expected each gene "
            "once. Drop or average the repeated rows."
        )
    positions = table.index.get_indexer(wanted)
    present = positions >= 0
    values = np.zeros((len(wanted), table.shape[1]))
    values[present] = _numbers(table.iloc[positions[present]], argument)
    _check_finite(values, argument, wanted)
    return AlignedTable(values, present)


def _numbers(table: Any, argument: str) -> np.ndarray:
    try:
        return np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument} is not numeric ({error}); expected numbers, one row per gene.") from error


def _check_finite(values: np.ndarray, argument: str, rows: Any) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{argument} holds NaN or infinite values for {len(bad)} of {len(values)} genes, such as {rows[bad[0]]!r}; "
            "expected finite numbers. Impute them or drop these genes."
        )


def as_tables(gene_features: Any) -> dict[str, Any]:
    """Return gene feature tables by name."""
    if gene_features is None:
        return {}
    if isinstance(gene_features, Mapping):
        return {name: as_pandas(table, index=True) for name, table in gene_features.items()}
    if isinstance(gene_features, list | tuple):
        tables = [as_pandas(table, index=True) for table in gene_features]
        if all(isinstance(table, pd.DataFrame) for table in tables):
            return {f"table {k}": table for k, table in enumerate(tables)}
    return {"table": as_pandas(gene_features, index=True)}


def gene_edges(graph: Any) -> pd.DataFrame:
    """Return a gene graph as a table with the columns ``a``, ``b`` and ``source``.

    Parameters
    ----------
    graph : DataFrame (pandas or polars), networkx or PyG graph, sparse matrix, or sequence of pairs
        A DataFrame holds two gene columns first and an edge type third (optional). The nodes of a sparse matrix, and of
        a PyG graph without ``names``, are integers: the positions of the columns of an X without names.

    Returns
    -------
    DataFrame
    """
    graph = as_pandas(graph)
    converted = graph_edges(graph)
    if isinstance(graph, pd.DataFrame):
        if graph.shape[1] < 2:
            raise ValueError(f"graph has {graph.shape[1]} columns; expected two genes and, optionally, an edge type.")
        typed = graph.shape[1] > 2 and not pd.api.types.is_numeric_dtype(graph.iloc[:, 2])
        edges = pd.DataFrame({"a": graph.iloc[:, 0].to_numpy(), "b": graph.iloc[:, 1].to_numpy()})
        edges["source"] = graph.iloc[:, 2].to_numpy() if typed else "graph"
    elif converted is not None:
        edges = converted.assign(source="graph")
    else:
        edges = _listed_edges(graph).assign(source="graph")
    nameless = np.flatnonzero(edges[["a", "b"]].isna().any(axis=1))
    if len(nameless):
        raise ValueError(
            f"graph[{nameless[0]}] is {tuple(edges.iloc[nameless[0], :2])}; expected two gene names. Drop such edges."
        )
    return edges[edges["a"] != edges["b"]]


def _listed_edges(graph: Any) -> pd.DataFrame:
    if isinstance(graph, str) or not isinstance(graph, Iterable):
        raise TypeError(
            f"graph is a {type(graph).__name__}; expected pairs of genes, a table, a networkx or PyG graph, or a "
            "sparse matrix."
        )
    if isinstance(graph, np.ndarray) and graph.dtype.kind == "f" and graph.shape == (len(graph), len(graph)):
        raise TypeError(
            f"graph is an array of shape {graph.shape}; expected pairs of genes. Pass an adjacency matrix as "
            "scipy.sparse.csr_array(graph)."
        )
    pairs = list(graph)
    for k, pair in enumerate(pairs):
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
            raise ValueError(f"graph[{k}] is {pair!r}; expected a pair of genes.")
    return pd.DataFrame(pairs, columns=["a", "b"])


def graph_tables(graph: Any, names: Sequence[Any]) -> dict[str, pd.DataFrame]:
    """Return, for each edge type (and all together), which genes are the neighbors of each wanted gene.

    Edges are undirected; an edge given twice counts once; a gene is its own neighbor, so that neighbors share it.

    Parameters
    ----------
    graph : see `gene_edges`
    names : sequence
        The wanted genes.

    Returns
    -------
    dict of str to DataFrame
        Binary membership tables: wanted genes that the graph holds × nodes.
    """
    edges = gene_edges(graph)
    nodes = pd.Index(pd.unique(pd.concat([edges["a"], edges["b"]])), dtype=object)
    wanted = nodes.get_indexer(pd.Index(list(names), dtype=object))
    if len(nodes) == 0 or not (wanted >= 0).any():
        return {}
    families = _families(edges["source"])
    kinds = {"graph": np.ones(len(edges), dtype=bool)}
    if families.nunique() > 1:
        kinds |= {f"graph: {kind}": (families == kind).to_numpy() for kind in sorted(families.unique())}
    tables = {}
    for name, selected in kinds.items():
        adjacency = _adjacency(edges[selected], nodes)
        rows = wanted[wanted >= 0]
        degree = np.asarray(adjacency.sum(axis=0)).ravel()
        table = pd.DataFrame(adjacency[rows].toarray(), index=nodes[rows])
        # The rarity of a neighbor is counted over the whole graph, not over the perturbed genes.
        tables[name] = table * np.log(len(nodes) / degree)
    return tables


def _families(source: pd.Series) -> pd.Series:
    """Return the database of each edge: types of one database ("PC_in-complex-with") are one family."""
    return source.astype(str).str.split("_").str[0]


def _adjacency(edges: pd.DataFrame, nodes: pd.Index) -> sp.csr_array:
    first, second = nodes.get_indexer(edges["a"]), nodes.get_indexer(edges["b"])
    ones = np.ones(2 * len(edges))
    matrix = sp.csr_array((ones, (np.r_[first, second], np.r_[second, first])), shape=(len(nodes), len(nodes)))
    matrix = (matrix + sp.eye_array(len(nodes))).tocsr()
    matrix.data[:] = 1.0
    return matrix


def table_features(table: Any, names: Iterable[Any], argument: str) -> AlignedTable:
    """Return rows of length 1 whose inner products are the similarity of genes.

    Binary tables (GO terms × genes) are weighted by the rarity of their columns, others are centerd first.
    """
    aligned = align_table(table, names, argument)
    values = aligned.values
    if argument.startswith("graph"):
        return AlignedTable(normalize(values), aligned.present)
    if is_membership(table):
        everything = np.asarray(table)
        # Counted over the whole table: a term is as rare as it is among all genes, perturbed or not.
        count = np.maximum(everything.sum(axis=0), 1)
        values = values * np.log(len(everything) / count)
    elif aligned.present.any():
        values = np.where(aligned.present[:, None], values - values[aligned.present].mean(axis=0), 0.0)
    return AlignedTable(normalize(values), aligned.present)


def is_membership(table: Any) -> bool:
    """Tell whether a table says which sets a gene belongs to, rather than holding measured values."""
    values = np.asarray(table)
    return values.dtype.kind == "b" or bool(np.isin(values, (0, 1)).all())


def warn_absent(present: np.ndarray, what: str) -> None:
    """Warn once, with the count, about perturbed genes of which a table or graph knows nothing."""
    absent = int((~present).sum())
    if absent:
        warnings.warn(
            f"{absent} of {len(present)} perturbed genes are not in {what}; their response is predicted as the mean.",
            UserWarning,
            stacklevel=4,
        )
