"""Kernels between genes from tables and graphs of them: the side of the data frames, where names are aligned.

What is fitted to these kernels sees plain arrays only, whose rows and columns are the perturbed genes.
"""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.responses._gene_tables import (
    GeneFeatures,
    align_table,
    as_tables,
    graph_features,
    is_membership,
    table_features,
    warn_absent,
)
from skperturb.responses._kernels.sources import FeatureKernels, weighted_sum
from skperturb.responses._kernels.subsets import nearest_rows
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["gene_kernels"]

#: Rows of a table, beside those of perturbed genes, that predict those it lacks; bounds the time of five matrix
#: inverses. They are the nearest ones of the genes to predict: of rows that are spread evenly, most have no neighbor
#: among the others, the penalty is chosen as if neighbors said nothing, and many genes have none to be predicted from.
_MAX_ROWS = 1000
#: Ridge penalties that leave-one-out chooses among, where a gene is as similar to itself as 1. On Replogle's screen a
#: grid that is ten times wider chooses the same.
_ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0)


def gene_kernels(gene_features: Any, graph: Any, names: Any) -> FeatureKernels:
    """Return kernels between all perturbed genes, one for each table and each edge type.

    Parameters
    ----------
    gene_features, graph : see `KernelPerturbationRegressor`
    names : sequence
        The perturbed genes.

    Returns
    -------
    FeatureKernels
        Cosine similarities; inner products for a table of measured values that lacks some of the genes. The rows of
        those are predicted from the memberships and the graph, and shorter the less these say.
    """
    tables = as_tables(gene_features)
    found: dict[str, Any] = {}
    present = np.zeros(len(names), dtype=bool)
    for name, features in _align(tables, graph, names).items():
        present |= features.present
        values = features.values
        if name in tables and not features.present.all() and isinstance(tables[name], pd.DataFrame):
            values = _complete(name, tables, graph, names)
        found[name] = values
    if tables or graph is not None:
        warn_absent(present, "gene_features or graph")
    return FeatureKernels(found)


def _align(tables: dict[str, Any], graph: Any, names: Any) -> dict[str, GeneFeatures]:
    found = {name: table_features(table, names, f"gene_features[{name!r}]") for name, table in tables.items()}
    return found if graph is None else {**found, **graph_features(graph, names)}


def _complete(name: str, tables: dict[str, Any], graph: Any, names: Any) -> np.ndarray:
    """Return the rows of a table of measured values; those it lacks are predicted from memberships and neighbors."""
    table = tables[name]
    memberships = {other: values for other, values in tables.items() if other != name and is_membership(values)}
    wanted = pd.Index(list(names), dtype=object)
    label = f"gene_features[{name!r}]"
    everything = wanted.append(_by_name(table.index.difference(wanted, sort=False)))
    present = np.asarray(everything.isin(table.index))
    others = {} if is_membership(table) else _align(memberships, graph, everything)
    if not others or not present.any():
        return table_features(table, names, label).values
    source = FeatureKernels({other: features.values for other, features in others.items()})
    shares = np.full(len(others), 1.0 / len(others))
    own, absent = np.flatnonzero(present[: len(wanted)]), np.flatnonzero(~present)
    further = np.arange(len(wanted), len(everything))
    train = np.r_[own, _further_rows(source, shares, absent[everything[absent].map(str).argsort()], further)]
    among = weighted_sum(source, shares, train, train)
    # Lengths are kept: a gene with a weak profile has a weak effect.
    target = align_table(table, everything[train], label).values
    target = target - (target if len(train) == len(table) else _spread_rows(table, label)).mean(axis=0)
    target /= max(float(np.sqrt(np.mean((target**2).sum(axis=1)))), NEGLIGIBLE)
    inverses = [np.linalg.inv(among + alpha * np.eye(len(train))) for alpha in _ALPHAS]
    errors = [float((((inverse @ target) / np.diag(inverse)[:, None]) ** 2).sum()) for inverse in inverses]
    values = np.empty((len(wanted), target.shape[1]))
    values[own] = target[: len(own)]
    values[absent] = weighted_sum(source, shares, absent, train) @ (inverses[int(np.argmin(errors))] @ target)
    return values


def _further_rows(source: FeatureKernels, shares: np.ndarray, absent: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows, of those that are no perturbed genes, from which absent ones are predicted.

    Both are given in the order of their names, so that the order of columns and of the table decides nothing.
    """
    if len(rows) <= _MAX_ROWS:
        return rows
    centers = absent[np.linspace(0, len(absent) - 1, min(len(absent), _MAX_ROWS)).round().astype(int)]
    return rows[nearest_rows(weighted_sum(source, shares, centers, rows), _MAX_ROWS)]


def _spread_rows(table: pd.DataFrame, label: str) -> np.ndarray:
    """Return an even subset of the rows, whose mean is that of the table; that of the nearest rows is another."""
    return align_table(table, _by_name(table.index)[:: -(-len(table) // _MAX_ROWS)], label).values


def _by_name(names: pd.Index) -> pd.Index:
    return names[names.map(str).argsort()]
