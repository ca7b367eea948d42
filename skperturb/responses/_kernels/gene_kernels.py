"""Kernels between genes from tables and graphs of them: the side of the data frames, where names are aligned.

What is fitted to these kernels sees plain arrays only, whose rows and columns are the perturbed genes.
"""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.responses._gene_tables import (
    AlignedTable,
    align_table,
    as_tables,
    graph_tables,
    is_membership,
    table_features,
    warn_absent,
)
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["gene_kernels"]

#: Rows of a table that predict those it lacks; bounds the time of five matrix inverses.
_MAX_ROWS = 1000
#: Ridge penalties that leave-one-out chooses among, where a gene is as similar to itself as 1. On Replogle's screen a
#: grid that is ten times wider chooses the same.
_ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0)


def gene_kernels(gene_features: Any, graph: Any, names: Any) -> dict[str, np.ndarray]:
    """Return a kernel between all perturbed genes for each table and each edge type.

    Parameters
    ----------
    gene_features, graph : see `KernelPerturbationRegressor`
    names : sequence
        The perturbed genes.

    Returns
    -------
    dict of str to ndarray of shape (n_genes, n_genes)
        Cosine similarities; inner products for a table of measured values that lacks some of the genes. The rows of
        those are predicted from the memberships and the graph, and shorter the less these say.
    """
    tables = as_tables(gene_features)
    kernels: dict[str, np.ndarray] = {}
    present = np.zeros(len(names), dtype=bool)
    for name, features in _align(tables, graph, names).items():
        present |= features.present
        values = features.values
        if name in tables and not features.present.all() and isinstance(tables[name], pd.DataFrame):
            values = _complete(name, tables, graph, names)
        kernels[name] = values @ values.T
    if tables or graph is not None:
        warn_absent(present, "gene_features or graph")
    return kernels


def _align(tables: dict[str, Any], graph: Any, names: Any) -> dict[str, AlignedTable]:
    neighbors = {} if graph is None else graph_tables(graph, names)
    arguments = {name: f"gene_features[{name!r}]" for name in tables} | {name: name for name in neighbors}
    return {name: table_features(table, names, arguments[name]) for name, table in {**tables, **neighbors}.items()}


def _complete(name: str, tables: dict[str, Any], graph: Any, names: Any) -> np.ndarray:
    """Return the rows of a table of measured values; those it lacks are predicted from memberships and neighbors."""
    table = tables[name]
    memberships = {other: values for other, values in tables.items() if other != name and is_membership(values)}
    wanted = pd.Index(list(names), dtype=object)
    known = table.index[:: -(-len(table) // _MAX_ROWS)]
    everything = wanted.append(known.difference(wanted, sort=False))
    rows = align_table(table, everything, f"gene_features[{name!r}]")
    others = {} if is_membership(table) else _align(memberships, graph, everything)
    if not others or not rows.present.any():
        return table_features(table, names, f"gene_features[{name!r}]").values
    kernel = np.mean([other.values @ other.values.T for other in others.values()], axis=0)
    train, absent = np.flatnonzero(rows.present), np.flatnonzero(~rows.present)
    # Lengths are kept: a gene with a weak profile has a weak effect.
    target = rows.values[train] - rows.values[train].mean(axis=0)
    target /= max(float(np.sqrt(np.mean((target**2).sum(axis=1)))), NEGLIGIBLE)
    inverses = [np.linalg.inv(kernel[np.ix_(train, train)] + alpha * np.eye(len(train))) for alpha in _ALPHAS]
    errors = [float((((inverse @ target) / np.diag(inverse)[:, None]) ** 2).sum()) for inverse in inverses]
    values = np.empty_like(rows.values)
    values[train] = target
    values[absent] = kernel[np.ix_(absent, train)] @ (inverses[int(np.argmin(errors))] @ target)
    return values[: len(wanted)]
