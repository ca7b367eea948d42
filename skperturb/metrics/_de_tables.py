"""Two tables of differential expression, measured and predicted, become matrices of one shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import name_positions
from skperturb._interchange import as_pandas

__all__ = ["ALPHA", "DETables", "pair_tables"]

#: Of the adjusted p-value, below which a gene counts as changed.
ALPHA = 0.05
_NEEDED = ("condition", "gene", "log2_fold_change", "p_value", "p_adjusted")


@dataclass(frozen=True, eq=False)
class DETables:
    """Fold changes and p-values of two tables, conditions × genes.

    Parameters
    ----------
    conditions, genes : Index
        Of the truth, in its order.
    true_change, predicted_change : ndarray of shape (n_conditions, n_genes)
        Logarithmic fold changes.
    true_adjusted, predicted_adjusted : ndarray of the same shape
    predicted_p : ndarray of the same shape
    alpha : float
    """

    conditions: pd.Index
    genes: pd.Index
    true_change: np.ndarray
    predicted_change: np.ndarray
    true_adjusted: np.ndarray
    predicted_adjusted: np.ndarray
    predicted_p: np.ndarray
    alpha: float

    @cached_property
    def true_significant(self) -> np.ndarray:
        """Which genes are measured as changed."""
        return self.true_adjusted < self.alpha

    @cached_property
    def predicted_significant(self) -> np.ndarray:
        """Which genes are predicted as changed."""
        return self.predicted_adjusted < self.alpha

    def without(self, targets: Sequence[Sequence[str]] | None) -> np.ndarray:
        """Return which genes of each condition count: all but its own targets."""
        counted = np.ones(self.true_change.shape, dtype=bool)
        if targets is None:
            return counted
        if len(targets) != len(self.conditions):
            raise ValueError(
                f"targets has {len(targets)} entries for {len(self.conditions)} conditions; expected one list of genes "
                f"for each, in the order {list(self.conditions[:3])} …"
            )
        for row, names in enumerate(targets):
            counted[row, self.genes.isin([names] if isinstance(names, str) else list(names))] = False
        return counted


def pair_tables(de_true: Any, de_pred: Any, alpha: float = ALPHA) -> DETables:
    """Return two tables as matrices, aligned by the names of conditions and genes.

    Parameters
    ----------
    de_true, de_pred : DataFrame
        As `differential_expression` returns them; both with the same conditions and genes.
    alpha : float, default=0.05

    Returns
    -------
    DETables

    Raises
    ------
    TypeError, ValueError
        If a table is none, lacks a column, names a gene of a condition twice, or the names differ.
    """
    true, predicted = _matrices(de_true, "de_true"), _matrices(de_pred, "de_pred")
    first, second = true["log2_fold_change"], predicted["log2_fold_change"]
    rows, columns = (
        _positions(first.index, second.index, "condition"),
        _positions(first.columns, second.columns, "gene"),
    )
    ordered = {name: values.to_numpy()[np.ix_(rows, columns)] for name, values in predicted.items()}
    return DETables(
        first.index,
        first.columns,
        first.to_numpy(),
        ordered["log2_fold_change"],
        true["p_adjusted"].to_numpy(),
        ordered["p_adjusted"],
        ordered["p_value"],
        alpha,
    )


def _matrices(table: Any, name: str) -> dict[str, pd.DataFrame]:
    table = as_pandas(table)
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{name} is a {type(table).__name__}; expected the DataFrame that differential_expression returns."
        )
    missing = [column for column in _NEEDED if column not in table.columns]
    if missing:
        raise ValueError(f"{name} lacks the columns {missing}; expected those of differential_expression.")
    repeated = table.duplicated(["condition", "gene"])
    if repeated.any():
        condition, gene = table.loc[repeated, ["condition", "gene"]].iloc[0]
        raise ValueError(f"{name} has gene {gene!r} of condition {condition!r} twice; expected one row for each.")
    # In the order of their first appearance, as the tables list them.
    conditions, genes = pd.unique(table["condition"]), pd.unique(table["gene"])
    if len(table) != len(conditions) * len(genes):
        raise ValueError(
            f"{name} has {len(table)} rows for {len(conditions)} conditions and {len(genes)} genes; expected every "
            "gene of every condition."
        )
    wide = table.set_index(["condition", "gene"])[list(_NEEDED[2:])].astype(float)
    return {column: wide[column].unstack().reindex(index=conditions, columns=genes) for column in _NEEDED[2:]}


def _positions(want: pd.Index, have: pd.Index, kind: str) -> np.ndarray:
    extra = have.difference(want)
    if len(extra):
        raise ValueError(
            f"de_pred has {len(extra)} names of {kind}s that de_true lacks, such as {list(extra[:3])}; expected the "
            f"same {kind}s. Leave these rows out of de_pred."
        )
    return name_positions(have, want, (f"the {kind}s of de_pred", f"the {kind}s of de_true"))
