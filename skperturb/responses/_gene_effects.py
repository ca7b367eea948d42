"""Effects of genes that were never perturbed, from their similarity to genes that were."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb.responses._conditions import SingleEffects
from skperturb.responses._gene_tables import (
    AlignedTable,
    align_table,
    as_tables,
    graph_tables,
    is_membership,
    table_features,
    warn_absent,
)
from skperturb.responses._multiple_kernels import fit_multiple_kernels, is_better

__all__ = ["GeneEffectModel", "gene_kernels"]

#: Fewer known genes than this cannot choose kernel weights.
_MIN_GENES = 10
#: Rows of a table that predict those it lacks, and the ridge penalties that leave-one-out chooses among.
_MAX_ROWS = 1000
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
    neighbours = {} if graph is None else graph_tables(graph, names)
    arguments = {name: f"gene_features[{name!r}]" for name in tables} | {name: name for name in neighbours}
    return {name: table_features(table, names, arguments[name]) for name, table in {**tables, **neighbours}.items()}


def _complete(name: str, tables: dict[str, Any], graph: Any, names: Any) -> np.ndarray:
    """Return the rows of a table of measured values; those it lacks are predicted from memberships and neighbours."""
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
    target /= max(float(np.sqrt(np.mean((target**2).sum(axis=1)))), 1e-12)
    inverses = [np.linalg.inv(kernel[np.ix_(train, train)] + alpha * np.eye(len(train))) for alpha in _ALPHAS]
    errors = [float((((inverse @ target) / np.diag(inverse)[:, None]) ** 2).sum()) for inverse in inverses]
    values = np.empty_like(rows.values)
    values[train] = target
    values[absent] = kernel[np.ix_(absent, train)] @ (inverses[int(np.argmin(errors))] @ target)
    return values[: len(wanted)]


class GeneEffectModel:
    """Complete the table of single effects.

    Parameters
    ----------
    effects : SingleEffects
        What the training conditions say.
    kernels : dict of str to ndarray of shape (n_genes, n_genes)
        Similarities of genes.
    robust, max_iter
        See `fit_multiple_kernels`.

    Attributes
    ----------
    effects : ndarray of shape (n_genes, n_outputs)
    loo_error : dict of str to float
    weights : dict of str to float
    loo_residuals : ndarray of shape (n_genes, n_outputs)
        Effect minus its leave-one-out prediction; zero for genes that were not observed alone.
    variance : ndarray of shape (n_genes, n_outputs)
        Of the predicted effects; zero for observed ones.
    """

    def __init__(
        self, effects: SingleEffects, kernels: dict[str, np.ndarray], *, robust: bool = True, max_iter: int = 50
    ) -> None:
        self.effects = effects.values.copy()
        self.loo_error: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.loo_residuals = np.zeros_like(self.effects)
        self.variance = np.zeros_like(self.effects)
        self.n_iter = 1
        known = np.flatnonzero(effects.observed)
        unknown = np.flatnonzero(~effects.known)
        if not len(known):
            return
        target = effects.values[known]
        mean = target.mean(axis=0)
        self.effects[unknown] = mean
        if len(known) < 2:
            return
        # Leaving one out of a mean multiplies its residual by n / (n - 1).
        residuals = (target - mean) * len(known) / (len(known) - 1)
        self.loo_error["genes, mean"] = float(np.linalg.norm(residuals, axis=1).mean())
        self.loo_residuals[known] = residuals
        self.variance[unknown] = np.mean(residuals**2, axis=0)
        if kernels and len(known) >= _MIN_GENES:
            self._fit_kernels(target, residuals, known, unknown, kernels, robust, max_iter)
        # The errors above are those of means over replicates; a new condition is one replicate.
        self.variance[unknown] += effects.replicate_variance

    def _fit_kernels(
        self,
        target: np.ndarray,
        residuals: np.ndarray,
        known: np.ndarray,
        unknown: np.ndarray,
        kernels: dict[str, np.ndarray],
        robust: bool,
        max_iter: int,
    ) -> None:
        n = len(next(iter(kernels.values())))
        named = {"constant": np.ones((n, n)), **kernels}
        scales = {name: max(float(np.mean(np.diag(kernel)[known])), 1e-12) for name, kernel in named.items()}
        scaled = {name: kernel / scales[name] for name, kernel in named.items() if scales[name] > 1e-9}
        fitted = fit_multiple_kernels(
            [kernel[np.ix_(known, known)] for kernel in scaled.values()], target, robust=robust, max_iter=max_iter
        )
        ours, plain = np.linalg.norm(fitted.loo_residuals, axis=1), np.linalg.norm(residuals, axis=1)
        self.n_iter = fitted.n_iter
        self.loo_error["genes, kernels"] = float(ours.mean())
        if not is_better(ours, plain):
            return
        self.weights = dict(zip(scaled, fitted.weights.tolist(), strict=True))
        self.loo_residuals[known] = fitted.loo_residuals
        cross = [kernel[np.ix_(unknown, known)] for kernel in scaled.values()]
        self.effects[unknown] = fitted.predict(cross)
        self.variance[unknown] = fitted.variance(cross, [np.diag(kernel)[unknown] for kernel in scaled.values()])
