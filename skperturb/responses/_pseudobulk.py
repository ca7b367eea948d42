"""Mean log-fold change of each condition, streamed over the cells."""

import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize
from sklearn.utils import Bunch

from skperturb._interchange import is_anndata

__all__ = ["pseudobulk"]


def pseudobulk(
    adata: Any,
    groupby: str,
    control: str | Sequence[str],
    *,
    covariates: str | Sequence[str] | None = None,
    layer: str | None = None,
    genes: str | Sequence[str] | None = None,
    target_sum: float | None = None,
    min_cells: int = 1,
    chunk_size: int = 10_000,
    verbose: int = 0,
) -> Bunch:
    r"""Average the cells of each condition and subtract the mean of the controls.

    .. math:: Y_{cg} = \frac{1}{|c|}\sum_{k \in c} x_{kg} - \frac{1}{|0|}\sum_{k \in 0} x_{kg}

    With log-normalised expression x this is the log-fold change.

    Parameters
    ----------
    adata : AnnData
        Cells × genes; in memory, backed (``anndata.read_h5ad(path, backed="r")``) or with Dask arrays. `chunk_size`
        cells are in memory at a time.
    groupby : str
        Column of ``adata.obs`` that names the condition of each cell.
    control : str or sequence of str
        The condition (or conditions) of the unperturbed cells.
    covariates : str or sequence of str, default=None
        Further columns of ``adata.obs`` (cell line, batch): every combination is a group of its own, compared with
        the controls of the same combination.
    layer : str, default=None
        The layer to read; None reads ``adata.X``.
    genes : str or sequence of str, default=None
        Genes to keep: names, or the name of a boolean column of ``adata.var`` such as scanpy's "highly_variable".
    target_sum : float, default=None
        Scale each cell to this total and take log(1 + x), for raw counts; None takes the values as they are. The
        total is over all genes of the file, as in scanpy's ``normalize_total`` and ``log1p``.
    min_cells : int, default=1
        Conditions with fewer cells are left out.
    chunk_size : int, default=10000
        Number of cells read at a time; it bounds the memory and changes no result.
    verbose : int, default=0
        Show a progress bar when positive.

    Returns
    -------
    sklearn.utils.Bunch
        ``data`` (DataFrame, the condition and the covariates of each row), ``target`` (DataFrame, conditions × genes,
        log-fold change, with the index of ``data``: conditions, and covariates as further levels), ``n_cells``
        (ndarray), ``gene_names`` (ndarray) and ``control_mean`` (Series over the genes; with covariates a DataFrame,
        one row for each of their combinations). Controls are no rows of `data`.

    Raises
    ------
    ValueError
        If a column or gene is not there or named twice, no cell is a control, a condition has no controls with its
        covariates, no condition has `min_cells` cells, or the values are negative or not finite.
    TypeError
        If `adata` is no AnnData, or `control` no label.

    Warns
    -----
    UserWarning
        If the values look like raw counts and `target_sum` is None.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd
    >>> obs = pd.DataFrame({"perturbation": ["ctrl", "ctrl", "KLF1", "KLF1"]}, index=list("abcd"))
    >>> cells = anndata.AnnData(np.array([[0.5, 0.0], [0.5, 1.0], [1.5, 0.0], [2.5, 1.0]]), obs=obs)
    >>> bulk = pseudobulk(cells, "perturbation", "ctrl")
    >>> bulk.target.round(2)
             0    1
    KLF1   1.5  0.0
    """
    _check_arguments(adata, control, target_sum, chunk_size=chunk_size, min_cells=min_cells)
    covariate_names = [covariates] if isinstance(covariates, str) else list(covariates or [])
    keys, groups = _groups(adata.obs, [groupby, *covariate_names])
    controls = {control} if isinstance(control, str) else set(control)
    is_control = keys[groupby].isin(controls).to_numpy()
    if not is_control.any():
        raise ValueError(
            f"control={control!r} names no cell: adata.obs[{groupby!r}] has {keys[groupby].nunique()} conditions, "
            f"such as {list(keys[groupby].unique()[:3])}. Pass the label of the unperturbed cells."
        )
    selected = _select_genes(adata.var, genes)
    matrix = _matrix(adata, layer)
    sums = _group_sums(matrix, groups, len(keys), selected, target_sum, chunk_size, verbose)
    n_cells = np.bincount(groups[groups >= 0], minlength=len(keys))
    names = adata.var_names[selected].to_numpy(dtype=object)
    return _subtract_controls(keys, sums, n_cells, is_control, covariate_names, names, min_cells)


def _check_arguments(adata: Any, control: Any, target_sum: Any, **sizes: Any) -> None:
    if not is_anndata(adata):
        raise TypeError(f"adata is a {type(adata).__name__}; expected an AnnData.")
    if not isinstance(control, str) and (not isinstance(control, Sequence | set | frozenset | np.ndarray)):
        raise TypeError(f"control={control!r}; expected the label of the unperturbed cells, or a sequence of labels.")
    if target_sum is not None and not (isinstance(target_sum, Real) and 0 < float(target_sum) < np.inf):
        raise ValueError(
            f"target_sum={target_sum!r}; expected a positive number, or None for values that are log-normalised."
        )
    for name, value in sizes.items():
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r}; expected an integer, 1 or more.")


def _groups(obs: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of groups, and the group of each cell (-1 where a label is missing)."""
    for column in columns:
        if column not in obs.columns:
            parameter = "groupby" if column == columns[0] else "covariates"
            raise ValueError(
                f"{parameter}={column!r} is no column of adata.obs; expected one of {list(obs.columns[:3])} …"
            )
    table = obs[columns].astype(object)
    complete = table.notna().all(axis=1).to_numpy()
    groups = np.full(len(table), -1)
    grouped = table[complete].groupby(columns, sort=True)
    groups[complete] = grouped.ngroup().to_numpy()
    keys = pd.DataFrame([key if isinstance(key, tuple) else (key,) for key in grouped.groups], columns=columns)
    return keys, groups


def _select_genes(var: pd.DataFrame, genes: str | Sequence[str] | None) -> np.ndarray:
    if not var.index.is_unique:
        repeated = list(var.index[var.index.duplicated()].unique())
        raise ValueError(
            f"adata.var_names repeats {len(repeated)} names, such as {repeated[:3]}; call "
            "adata.var_names_make_unique()."
        )
    if genes is None:
        return np.arange(len(var))
    if isinstance(genes, str):
        return np.flatnonzero(_flags(var, genes))
    wanted = pd.Index(list(genes))
    if not len(wanted):
        raise ValueError("genes is empty; expected at least one name, or None for all genes.")
    if not wanted.is_unique:
        repeated = list(wanted[wanted.duplicated()].unique())
        raise ValueError(f"genes repeats {len(repeated)} names, such as {repeated[:3]}; expected each gene once.")
    positions = var.index.get_indexer(wanted)
    missing = list(wanted[positions < 0])
    if missing:
        raise ValueError(
            f"genes holds {len(missing)} names that adata.var_names lacks, such as {missing[:3]} (there: "
            f"{list(var.index[:3])} …). Leave them out or rename them."
        )
    return positions


def _flags(var: pd.DataFrame, column: str) -> np.ndarray:
    if column not in var.columns:
        raise ValueError(f"genes={column!r} is no column of adata.var; expected one of {list(var.columns[:3])} …")
    # Any text, "False" too, and NaN would count as True.
    if not var[column].isin([True, False]).all():
        raise ValueError(
            f"genes={column!r} is a column of adata.var that holds {var[column].unique()[:3].tolist()}; expected True "
            "and False only."
        )
    return var[column].to_numpy(dtype=bool)


def _matrix(adata: Any, layer: str | None) -> Any:
    if layer is None:
        return adata.X
    if layer not in adata.layers:
        raise ValueError(f"layer={layer!r} is no layer of adata; expected one of {list(adata.layers)}, or None for X.")
    return adata.layers[layer]


def _chunks(matrix: Any, chunk_size: int, verbose: int) -> Iterator[tuple[slice, Any]]:
    from tqdm import tqdm

    n = matrix.shape[0]
    for start in tqdm(range(0, n, chunk_size), disable=not verbose, desc="cells", unit="chunk"):
        rows = slice(start, min(start + chunk_size, n))
        chunk = matrix[rows]
        yield rows, chunk.compute() if hasattr(chunk, "compute") else chunk


def _group_sums(
    matrix: Any,
    groups: np.ndarray,
    n_groups: int,
    selected: np.ndarray,
    target_sum: float | None,
    chunk_size: int,
    verbose: int,
) -> np.ndarray:
    sums = np.zeros((n_groups, len(selected)))
    looks_raw = True
    for rows, chunk in _chunks(matrix, chunk_size, verbose):
        chunk = chunk if sp.issparse(chunk) else np.asarray(chunk)
        values: Any = chunk.data if sp.issparse(chunk) else chunk
        _check_values(values, rows)
        looks_raw = looks_raw and _is_integral(values)
        if target_sum is not None:
            chunk = normalize(chunk, norm="l1")
            chunk = (chunk * target_sum).log1p() if sp.issparse(chunk) else np.log1p(chunk * target_sum)
        inside = groups[rows]
        cells = np.flatnonzero(inside >= 0)
        indicator = sp.csr_array((np.ones(len(cells)), (inside[cells], cells)), shape=(n_groups, len(inside)))
        total = indicator @ chunk
        sums += np.asarray(total.todense() if sp.issparse(total) else total)[:, selected]
    if looks_raw and target_sum is None and matrix.shape[0]:
        warnings.warn(
            "All values are whole numbers, so they look like raw counts; differences of means are log-fold changes for "
            "log-normalised values only. Pass target_sum=10_000 to normalise.",
            UserWarning,
            stacklevel=3,
        )
    return sums


def _check_values(values: np.ndarray, rows: slice) -> None:
    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        raise ValueError(
            f"adata holds NaN or infinite values in the cells {rows.start} to {rows.stop - 1}; leave them out."
        )
    if values.size and values.min() < 0:
        raise ValueError(
            f"adata holds negative values (smallest {values.min():.3g}) in the cells {rows.start} to {rows.stop - 1}; "
            "expected counts or log-normalised expression, not scaled values."
        )


def _is_integral(values: np.ndarray) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


def _subtract_controls(
    keys: pd.DataFrame,
    sums: np.ndarray,
    n_cells: np.ndarray,
    is_control: np.ndarray,
    covariates: list[str],
    gene_names: np.ndarray,
    min_cells: int,
) -> Bunch:
    # Without covariates every group has one and the same stratum.
    strata = pd.MultiIndex.from_frame(keys[covariates]) if covariates else pd.Index(np.zeros(len(keys)))
    codes, labels = pd.factorize(strata)
    control_mean = np.full((len(labels), sums.shape[1]), np.nan)
    for code in range(len(labels)):
        rows = is_control & (codes == code)
        if rows.any():
            control_mean[code] = sums[rows].sum(axis=0) / n_cells[rows].sum()
    kept = ~is_control & (n_cells >= min_cells)
    if not kept.any():
        raise ValueError(
            f"min_cells={min_cells}: no condition has that many cells (the most: "
            f"{n_cells[~is_control].max(initial=0)})."
        )
    without = np.flatnonzero(kept & np.isnan(control_mean[codes]).any(axis=1))
    if len(without):
        raise ValueError(
            f"{len(without)} conditions have no control cells with the same covariates, such as "
            f"{tuple(keys.iloc[without[0]])}; drop them or leave out a covariate."
        )
    data = keys[kept]
    index = pd.MultiIndex.from_frame(data) if covariates else pd.Index(data.iloc[:, 0].to_list())
    target = pd.DataFrame(sums[kept] / n_cells[kept, None] - control_mean[codes[kept]], index=index, columns=gene_names)
    # Without names of its levels: those are the names of the columns already.
    data = data.set_axis(index.set_names([None] * index.nlevels))
    means = pd.DataFrame(control_mean, index=labels, columns=gene_names)
    return Bunch(
        data=data,
        target=target,
        n_cells=n_cells[kept],
        gene_names=gene_names,
        control_mean=means if covariates else means.iloc[0].rename("control"),
    )
