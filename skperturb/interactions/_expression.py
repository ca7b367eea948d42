"""Expression as an attribute of genes, aligned by name."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import as_pandas, is_anndata
from skperturb._pairs import as_genes
from skperturb._validation import describe

__all__ = ["align_expression", "ensure_expression"]


def ensure_expression(expression: Any) -> pd.DataFrame | None:
    """Return expression as a finite float64 DataFrame whose rows are genes, or None.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), array, AnnData or None
        The index of a DataFrame (of a polars one: a first column of texts) names the genes; row k of an array is the
        gene with the integer id k. An AnnData object has its genes in the columns, as usual.

    Returns
    -------
    DataFrame or None

    Raises
    ------
    TypeError
        If it is neither DataFrame nor array, or not numeric.
    ValueError
        If it is not 2-D, has no column, repeats a gene or is not finite.
    """
    if expression is None:
        return None
    expression = expression.to_df().T if is_anndata(expression) else as_pandas(expression, index=True)
    if not isinstance(expression, pd.DataFrame):
        expression = _from_array(expression)
    if expression.shape[0] == 0 or expression.shape[1] == 0:
        raise ValueError(f"expression has shape {expression.shape}; expected at least one gene and one sample.")
    genes = as_genes(expression.index, "expression")
    try:
        values = expression.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"expression is not numeric ({error}); expected numbers, genes in rows.") from error
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        shown = ", ".join(map(str, genes[bad][:3]))
        raise ValueError(
            f"expression has NaN or infinity in {int(bad.sum())} genes ({shown}); expected finite numbers. Drop these "
            "genes or impute them."
        )
    return pd.DataFrame(values, index=genes)


def _from_array(expression: Any) -> pd.DataFrame:
    if sp.issparse(expression):
        expression = expression.toarray()
    array = np.asarray(expression)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise TypeError(
            f"expression is a {describe(expression)}; expected a DataFrame of shape (n_genes, n_samples) whose index "
            "names the genes, or a numeric array whose row k is gene k."
        )
    return pd.DataFrame(array, index=pd.Index(np.arange(len(array))))


def align_expression(expression: pd.DataFrame, genes: pd.Index) -> np.ndarray:
    """Return one standardised row for each gene.

    Parameters
    ----------
    expression : DataFrame of shape (n_rows, n_samples)
        From `ensure_expression`.
    genes : Index of length n_genes

    Returns
    -------
    ndarray of shape (n_genes + 1, n_samples)
        Each gene scaled to mean 0 and variance 1, so that two rows' mean product is their Pearson correlation. Zeros
        for genes without expression, for constant ones, and in the last row, which stands for an unknown gene.
    """
    rows = expression.index.get_indexer(genes)
    measured = np.append(rows >= 0, False)
    values = np.zeros((len(genes) + 1, expression.shape[1]))
    values[measured] = expression.to_numpy()[rows[rows >= 0]]
    values -= values.mean(axis=1, keepdims=True)
    deviation = values.std(axis=1, keepdims=True)
    # A constant row may be left with rounding errors, which would be blown up to noise.
    varies = deviation > 1e-12 * (1 + np.abs(values).max(initial=0.0))
    return np.where(varies, values / np.where(varies, deviation, 1.0), 0.0)
