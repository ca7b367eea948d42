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
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["gene_kernels"]

#: Rows of a table that predict those it lacks; bounds the time of five matrix inverses.
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
    known = table.index[:: -(-len(table) // _MAX_ROWS)]
    everything = wanted.append(known.difference(wanted, sort=False))
    rows = align_table(table, everything, f"gene_features[{name!r}]")
    others = {} if is_membership(table) else _align(memberships, graph, everything)
    if not others or not rows.present.any():
        return table_features(table, names, f"gene_features[{name!r}]").values
    train, absent = np.flatnonzero(rows.present), np.flatnonzero(~rows.present)
    source = FeatureKernels({other: features.values for other, features in others.items()})
    shares = np.full(len(others), 1.0 / len(others))
    among = weighted_sum(source, shares, train, train)
    # Lengths are kept: a gene with a weak profile has a weak effect.
    target = rows.values[train] - rows.values[train].mean(axis=0)
    target /= max(float(np.sqrt(np.mean((target**2).sum(axis=1)))), NEGLIGIBLE)
    inverses = [np.linalg.inv(among + alpha * np.eye(len(train))) for alpha in _ALPHAS]
    errors = [float((((inverse @ target) / np.diag(inverse)[:, None]) ** 2).sum()) for inverse in inverses]
    values = np.empty_like(rows.values)
    values[train] = target
    values[absent] = weighted_sum(source, shares, absent, train) @ (inverses[int(np.argmin(errors))] @ target)
    return values[: len(wanted)]
