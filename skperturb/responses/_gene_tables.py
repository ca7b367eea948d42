"""Tables and graphs of genes, aligned by name with the perturbed genes, and the kernels they give."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from skperturb._interchange import as_pandas, graph_edges
from skperturb._pairs import MISSING_NAMES

__all__ = [
    "AlignedTable",
    "GeneFeatures",
    "align_table",
    "as_tables",
    "gene_edges",
    "graph_features",
    "is_membership",
    "mean_weights",
    "membership_rows",
    "table_features",
]

#: Types of edges, each of which becomes a kernel with a weight to choose. The graph that `fetch_gene_graph` loads has
#: six, BioGRID less than thirty experimental systems; hundreds are identifiers of papers or scores in disguise.
_MAX_TYPES = 50
#: Name of the kind of edges that several types name.
_SEVERAL = "graph, several types"


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


@dataclass(frozen=True)
class GeneFeatures:
    """Rows whose inner products are the similarity of genes.

    Parameters
    ----------
    values : csr_array or ndarray of shape (n_genes, n_features)
        Sparse for memberships and neighborhoods, of which a gene has few among thousands.
    present : ndarray of bool, shape (n_genes,)
    """

    values: Any
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
    positions = _row_positions(table, wanted, argument)
    present = positions >= 0
    values = np.zeros((len(wanted), table.shape[1]))
    values[present] = _numbers(table.iloc[positions[present]], argument)
    _check_finite(values, argument, wanted)
    return AlignedTable(values, present)


def _row_positions(table: pd.DataFrame, wanted: pd.Index, argument: str) -> np.ndarray:
    """Return the row of each gene, -1 for those without one."""
    repeated = table.index[table.index.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{argument} names {len(repeated)} genes more than once, such as {list(repeated[:3])}; expected each gene "
            "once. Drop or average the repeated rows."
        )
    return table.index.get_indexer(wanted)


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


def gene_edges(graph: Any, edge_weights: Any = "use") -> pd.DataFrame:
    """Return a gene graph as a table with the columns ``a``, ``b``, ``source`` and ``weight``.

    Parameters
    ----------
    graph : DataFrame (pandas or polars), networkx or PyG graph, sparse matrix, or sequence of pairs
        A DataFrame holds two gene columns first; then, optionally, an edge type (text) and a weight (numbers). Pairs of
        a sequence may have a weight as third. The nodes of a sparse matrix, and of a PyG graph without ``names``, are
        integers: the positions of the columns of an X without names.
    edge_weights : {"use", "ignore"} or float, default="use"
        See `KernelPerturbationRegressor`.

    Returns
    -------
    DataFrame
        Weights are divided by their largest absolute value, so all are 1 where they are equal. Edges of weight zero and
        of a gene with itself are left out.

    Raises
    ------
    TypeError
        If `graph` is none of these.
    ValueError
        If genes are missing, columns are ambiguous, weights are not finite, none reaches the cut, or there is none to
        cut by.
    """
    graph = as_pandas(graph)
    edges = graph_edges(graph, weights=edge_weights != "ignore")
    if edges is None:
        edges = _tabled_edges(graph if isinstance(graph, pd.DataFrame) else _listed_edges(graph), edge_weights)
    else:
        edges = edges.assign(source="graph")
    missing = (edges[["a", "b"]].isna() | edges[["a", "b"]].isin(MISSING_NAMES)).any(axis=1)
    nameless = np.flatnonzero(missing)
    if len(nameless):
        names = tuple(edges.iloc[nameless[0]][["a", "b"]])
        raise ValueError(f"graph[{nameless[0]}] is {names}; expected two gene names. Drop such edges.")
    edges = edges.assign(weight=_weights(edges["weight"], edge_weights))[["a", "b", "source", "weight"]]
    return edges[(edges["a"] != edges["b"]) & (edges["weight"] != 0)]


def _tabled_edges(table: pd.DataFrame, edge_weights: Any) -> pd.DataFrame:
    """Tell the columns of a table apart: two genes, then at most one type and one weight."""
    if table.shape[1] < 2:
        raise ValueError(f"graph has {table.shape[1]} columns; expected two genes and, optionally, an edge type.")
    edges = pd.DataFrame({"a": table.iloc[:, 0].to_numpy(), "b": table.iloc[:, 1].to_numpy()})
    further = [(str(table.columns[k]), table.iloc[:, k]) for k in range(2, table.shape[1])]
    numeric = [(name, column) for name, column in further if _is_numeric(column, name)]
    typed = [(name, column) for name, column in further if not any(column is other for _, other in numeric)]
    if edge_weights == "ignore":
        numeric = []
    for found, what in ((typed, "edge types"), (numeric, "weights")):
        if len(found) > 1:
            raise ValueError(
                f"graph has {len(found)} columns that could be {what} ({', '.join(name for name, _ in found[:4])}); "
                "expected at most one beside the two genes. Select the columns: graph[[gene_a, gene_b, column]]."
            )
    source = typed[0][1].to_numpy() if typed else "graph"
    edges["source"] = source
    n_types = edges["source"].map(_family).nunique() if typed else 1
    if n_types > _MAX_TYPES:
        raise ValueError(
            f"graph has {n_types} different edge types in its column {typed[0][0]!r}, such as {source[0]!r}; expected "
            f"at most {_MAX_TYPES}. Leave the column out, or turn it into numbers if it holds weights."
        )
    return edges.assign(weight=numeric[0][1].to_numpy() if numeric else 1.0)


def _is_numeric(column: pd.Series, name: str) -> bool:
    """Tell whether a column holds numbers, and refuse one that holds them as text."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    values = column.astype(object)
    if len(values) == 0 or pd.to_numeric(values, errors="coerce").isna().any():
        return False
    if any(isinstance(value, str) for value in values):
        raise ValueError(
            f"graph has numbers as text in its column {name!r}, such as {values.iloc[0]!r}; expected numbers, which "
            "weigh the edges, or types. Convert them: pandas.to_numeric."
        )
    return True


def _weights(weights: pd.Series, edge_weights: Any) -> np.ndarray:
    """Return weights of which the largest is 1, cut if that is wanted."""
    values = weights.astype(object).where(weights.notna(), np.nan).astype(float).to_numpy()
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"graph[{bad[0]}] has the weight {values[bad[0]]}; expected finite numbers. Drop such edges, or set "
            "edge_weights='ignore'."
        )
    largest = float(np.abs(values).max(initial=0.0))
    if not isinstance(edge_weights, str):
        if len(values) and (values == values[0]).all() and values[0] == 1:
            raise ValueError(f"edge_weights={edge_weights}, but graph has no weights to cut by; expected 'use'.")
        if edge_weights > largest:
            raise ValueError(f"edge_weights={edge_weights} leaves no edge of graph: no weight is above {largest:g}.")
        return np.where(np.abs(values) >= edge_weights, np.sign(values), 0.0)
    return values / largest if largest > 0 else values


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
    width = len(pairs[0]) if pairs and hasattr(pairs[0], "__len__") else 2
    for k, pair in enumerate(pairs):
        known = not isinstance(pair, str) and hasattr(pair, "__len__") and len(pair) == width and width in (2, 3)
        if not known or (width == 3 and not isinstance(pair[2], Real)):
            raise ValueError(f"graph[{k}] is {pair!r}; expected a pair of genes, or each with a weight as third.")
    return pd.DataFrame(pairs, columns=["a", "b", "third"][:width])


def graph_features(graph: Any, names: Sequence[Any]) -> dict[str, GeneFeatures]:
    """Return, for each edge type (and all together), which genes are the neighbors of each wanted gene.

    Edges that several types name are one kind more: what two sources say is less often wrong. Edges are undirected; an
    edge given twice counts once, with the mean of its weights; a gene is its own neighbor with the largest weight, so
    that neighbors share it.

    Parameters
    ----------
    graph : see `gene_edges`
        Or what it returned.
    names : sequence
        The wanted genes.

    Returns
    -------
    dict of str to GeneFeatures
        Wanted genes × nodes of the graph, rows of length 1 for genes that the graph holds.
    """
    edges = gene_edges(graph)
    nodes = pd.Index(pd.unique(pd.concat([edges["a"], edges["b"]])), dtype=object)
    wanted = nodes.get_indexer(pd.Index(list(names), dtype=object))
    present = wanted >= 0
    if len(nodes) == 0 or not present.any():
        return {}
    families = _families(edges["source"])
    kinds = {"graph": np.ones(len(edges), dtype=bool)}
    if families.nunique() > 1:
        kinds |= {f"graph: {kind}": (families == kind).to_numpy() for kind in sorted(families.unique())}
    if (several := _of_several_types(edges)).any():
        kinds[_SEVERAL] = several
    place = sp.csr_array(
        (np.ones(present.sum()), (np.flatnonzero(present), wanted[present])), shape=(len(wanted), len(nodes))
    )
    found = {}
    for name, selected in kinds.items():
        adjacency = _adjacency(edges[selected], nodes)
        degree = np.asarray(abs(adjacency).sum(axis=0)).ravel()
        # The rarity of a neighbor is counted over the whole graph, not over the perturbed genes.
        weighted = (place @ adjacency) * np.log(len(nodes) / degree)
        found[name] = GeneFeatures(normalize(sp.csr_array(weighted)), present)
    return found


def _of_several_types(edges: pd.DataFrame) -> np.ndarray:
    """Tell which edges join two genes that edges of another type join, too."""
    codes = pd.factorize(pd.concat([edges["a"], edges["b"]]))[0].reshape(2, -1)
    pairs = pd.DataFrame({"low": codes.min(axis=0), "high": codes.max(axis=0), "type": edges["source"].to_numpy()})
    return (pairs.groupby(["low", "high"])["type"].transform("nunique") > 1).to_numpy()


def _families(source: pd.Series) -> pd.Series:
    """Return the database of each edge: types of one database ("PC_in-complex-with") are one family."""
    return source.map(_family)


def _family(kind: Any) -> str:
    return str(kind).split("_")[0]


def _adjacency(edges: pd.DataFrame, nodes: pd.Index) -> sp.csr_array:
    return (mean_weights(edges, nodes) + sp.eye_array(len(nodes))).tocsr()


def mean_weights(edges: pd.DataFrame, nodes: pd.Index) -> sp.csr_array:
    """Return the symmetric adjacency matrix of the nodes; edges given more than once have the mean of their weights.

    Parameters
    ----------
    edges : DataFrame
        From `gene_edges`. Edges of other genes are left out.
    nodes : Index of length n_nodes

    Returns
    -------
    csr_array of shape (n_nodes, n_nodes)
    """
    first, second = nodes.get_indexer(edges["a"]), nodes.get_indexer(edges["b"])
    inside = (first >= 0) & (second >= 0)
    first, second, weights = first[inside], second[inside], edges["weight"].to_numpy()[inside]
    places = np.r_[first, second], np.r_[second, first]
    shape = (len(nodes), len(nodes))
    total = sp.csr_array((np.r_[weights, weights], places), shape=shape)
    times = sp.csr_array((np.ones(2 * len(weights)), places), shape=shape)
    for matrix in (total, times):
        matrix.sum_duplicates()
    # Both have entries at the same places; those whose weights cancel are no edges.
    total.data /= times.data
    total.eliminate_zeros()
    return total


def table_features(table: Any, names: Iterable[Any], argument: str) -> GeneFeatures:
    """Return rows of length 1 whose inner products are the similarity of genes.

    Binary tables (GO terms × genes) are weighted by the rarity of their columns, others are centerd first.
    """
    if is_membership(table):
        return _membership_features(table, pd.Index(list(names), dtype=object), argument)
    aligned = align_table(table, names, argument)
    values = aligned.values
    if aligned.present.any():
        values = np.where(aligned.present[:, None], values - values[aligned.present].mean(axis=0), 0.0)
    return GeneFeatures(normalize(values), aligned.present)


def _membership_features(table: Any, wanted: pd.Index, argument: str) -> GeneFeatures:
    # Counted over the whole table: a term is as rare as it is among all genes, perturbed or not.
    rarity = np.log(len(table) / np.maximum(np.asarray(table).sum(axis=0), 1))
    values, present = membership_rows(table, wanted, argument)
    return GeneFeatures(normalize(sp.csr_array(values * rarity)), present)


def membership_rows(table: Any, wanted: pd.Index, argument: str) -> tuple[sp.csr_array, np.ndarray]:
    """Bring the rows of a table of memberships into the order of some genes, without a dense copy of numbers.

    Parameters
    ----------
    table : DataFrame or array-like of shape (n_genes, n_sets)
        See `align_table`.
    wanted : Index
    argument : str

    Returns
    -------
    csr_array of shape (n_wanted, n_sets), ndarray of bool of shape (n_wanted,)
        Rows, and which of them the table has.
    """
    if not isinstance(table, pd.DataFrame):
        aligned = align_table(table, wanted, argument)
        return sp.csr_array(aligned.values), aligned.present
    positions = _row_positions(table, wanted, argument)
    present = positions >= 0
    row, column = np.nonzero(np.asarray(table)[positions[present]])
    places = np.flatnonzero(present)[row], column
    return sp.csr_array((np.ones(len(row)), places), shape=(len(wanted), table.shape[1])), present


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
            stacklevel=5,
        )
