"""Predicted log-fold changes become an AnnData again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import align_rows, is_default, name_positions
from skperturb._interchange import as_pandas

__all__ = ["to_anndata"]


def to_anndata(
    predicted: Any,
    obs: Any = None,
    *,
    condition: str = "condition",
    control_mean: Any = None,
    layers: Mapping[str, Any] | None = None,
) -> Any:
    r"""Write predicted log-fold changes as an AnnData, conditions × genes.

    Parameters
    ----------
    predicted : DataFrame of shape (n_conditions, n_genes)
        What ``predict`` returned for a y with names. Its index holds the conditions, and covariates as further levels.
    obs : DataFrame of shape (n_conditions, n_columns), default=None
        Further columns, such as ``bulk.data`` of `pseudobulk`; aligned by name where its index has names.
    condition : str, default="condition"
        Column of the result for the conditions, where their level in the index has no name and `obs` has no such
        column.
    control_mean : Series of shape (n_genes,) or DataFrame of shape (n_combinations, n_genes), default=None
        Mean of the controls, as `pseudobulk` returns it. The layer "expression" is then its sum with `predicted`.
    layers : dict of str to DataFrame or array-like of shape (n_conditions, n_genes), default=None
        Such as ``{"std": std}`` of ``predict(X, return_std=True)``; DataFrames are aligned by name.

    Returns
    -------
    AnnData of shape (n_conditions, n_genes)
        ``X`` holds the log-fold changes, ``obs`` the conditions and covariates, ``obs_names`` their values joined by
        "_" (numbered where they repeat), ``var_names`` the genes.

    Raises
    ------
    TypeError
        If `predicted` is no DataFrame.
    ValueError
        If names differ, or a combination of covariates has no controls.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import to_anndata
    >>> index = pd.MultiIndex.from_tuples([("KLF1", "x"), ("KLF1", "y")], names=["perturbation", "batch"])
    >>> adata = to_anndata(pd.DataFrame([[1.5, 0.0], [1.0, 0.5]], index=index, columns=["HBG1", "CD14"]))
    >>> adata.obs
           perturbation batch
    KLF1_x         KLF1     x
    KLF1_y         KLF1     y
    """
    predicted = as_pandas(predicted)
    if not isinstance(predicted, pd.DataFrame):
        raise TypeError(
            f"predicted is a {type(predicted).__name__}; expected a DataFrame, conditions × genes. Fit the model with "
            "a DataFrame y, or make one: pd.DataFrame(predicted, index=conditions, columns=genes)."
        )
    # Only this function needs it, and it takes a second to load.
    import anndata

    table = _observations(predicted, obs, condition)
    adata = anndata.AnnData(
        predicted.to_numpy(dtype=float),
        obs=table,
        var=pd.DataFrame(index=predicted.columns.astype(str)),
    )
    for name, values in (layers or {}).items():
        adata.layers[name] = _layer(values, predicted, name)
    if control_mean is not None:
        adata.layers["expression"] = adata.X + _control_values(control_mean, predicted, table)
    return adata


def _observations(predicted: pd.DataFrame, obs: Any, condition: str) -> pd.DataFrame:
    """Return the table of the rows: what their index says, and what `obs` adds."""
    table = _index_columns(predicted.index, condition)
    if obs is not None:
        added = _aligned(as_pandas(obs), predicted)
        # The levels of an index without names are the columns of the same values.
        named = [name is not None for name in predicted.index.names]
        kept = [
            name
            for k, name in enumerate(table.columns)
            if named[k] or not any(_same(table[name], added[column]) for column in added.columns)
        ]
        table = pd.concat(
            [table[[name for name in kept if name not in added.columns]], added.set_axis(table.index)], axis=1
        )
    table.index = _unique_texts(predicted.index, table)
    # AnnData wants texts as names of columns.
    return table.set_axis(table.columns.astype(str), axis=1)


def _index_columns(index: pd.Index, condition: str) -> pd.DataFrame:
    if is_default(index):
        return pd.DataFrame(index=pd.RangeIndex(len(index)))
    names = [
        name if name is not None else (condition if k == 0 else f"{condition}_{k}")
        for k, name in enumerate(index.names)
    ]
    return pd.DataFrame(
        {name: index.get_level_values(k).to_numpy() for k, name in enumerate(names)}, index=pd.RangeIndex(len(index))
    )


def _same(first: pd.Series, second: pd.Series) -> bool:
    return bool((first.astype(str).to_numpy() == second.astype(str).to_numpy()).all())


def _unique_texts(index: pd.Index, table: pd.DataFrame) -> pd.Index:
    parts = [index.get_level_values(k) for k in range(index.nlevels)]
    if is_default(index) and table.shape[1]:
        parts = [pd.Index(table[name]) for name in table.columns]
    texts = ["_".join(str(part) for part in row) for row in zip(*parts, strict=True)]
    seen: dict[str, int] = {}
    unique = []
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        unique.append(text if seen[text] == 1 else f"{text}-{seen[text] - 1}")
    return pd.Index(unique, dtype=object)


def _aligned(obs: Any, predicted: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(obs, pd.DataFrame):
        raise TypeError(f"obs is a {type(obs).__name__}; expected a DataFrame of {len(predicted)} rows.")
    if len(obs) != len(predicted):
        raise ValueError(f"obs has {len(obs)} rows and predicted {len(predicted)}; expected one for each condition.")
    order = align_rows(obs.index, predicted.index, ("obs", "predicted"))
    return obs if order is None else obs.iloc[order]


def _layer(values: Any, predicted: pd.DataFrame, name: str) -> np.ndarray:
    values = as_pandas(values)
    label = f"layers[{name!r}]"
    if np.shape(values) != predicted.shape:
        raise ValueError(f"{label} has shape {np.shape(values)}; expected {predicted.shape}, as predicted has.")
    if isinstance(values, pd.DataFrame):
        columns = name_positions(values.columns, predicted.columns, (f"{label}.columns", "predicted.columns"))
        rows = align_rows(values.index, predicted.index, (label, "predicted"))
        values = values.iloc[slice(None) if rows is None else rows, columns]
    return np.asarray(values, dtype=float)


def _control_values(control_mean: Any, predicted: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Return the mean of the controls of each row."""
    if isinstance(control_mean, pd.Series):
        positions = name_positions(control_mean.index, predicted.columns, ("control_mean.index", "predicted.columns"))
        return control_mean.to_numpy(dtype=float)[positions]
    if not isinstance(control_mean, pd.DataFrame):
        raise TypeError(
            f"control_mean is a {type(control_mean).__name__}; expected the Series or DataFrame that pseudobulk gives."
        )
    covariates = list(control_mean.index.names)
    missing = [name for name in covariates if name not in table.columns]
    if missing:
        raise ValueError(
            f"control_mean has one row for each combination of {covariates}, but predicted and obs lack {missing}; "
            "pass obs=bulk.data."
        )
    wanted = pd.MultiIndex.from_frame(table[covariates]) if len(covariates) > 1 else pd.Index(table[covariates[0]])
    rows = control_mean.index.get_indexer(wanted)
    if (rows < 0).any():
        raise ValueError(f"control_mean lacks {wanted[rows < 0][0]!r}, the covariates of a predicted condition.")
    columns = name_positions(control_mean.columns, predicted.columns, ("control_mean.columns", "predicted.columns"))
    return control_mean.to_numpy(dtype=float)[np.ix_(rows, columns)]
