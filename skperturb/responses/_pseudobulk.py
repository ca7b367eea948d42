"""Mean log-fold change of each condition, streamed over the cells."""

import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize
from sklearn.utils import Bunch

from skperturb._interchange import is_anndata
from skperturb._label_patterns import dates_among
from skperturb._labels import LabelReader
from skperturb._near_names import listed, nearest
from skperturb.responses._describe_labels import levels_within

__all__ = [
    "LARGEST",
    "MISSING_TEXTS",
    "check_layout",
    "check_target_sum",
    "check_values",
    "plain_values",
    "pseudobulk",
    "values_of",
    "warn_of_dates",
]

#: Values whose fourth power, in weighted sums of squares, is still finite.
LARGEST = 1e75

# Largest value that a logarithm of expression has: log2 of a million counts per million is 19.9, the natural logarithm
# of them 13.8. At 10, the natural logarithms of strongly expressed genes would be taken for something else; at 100,
# many a table of counts per ten thousand for logarithms.
_LARGEST_LOGARITHM = 20.0
# Cells whose totals say whether logarithms were taken: totals of normalized cells are equal up to single precision,
# and never by chance in so many cells of so many genes.
_CELLS_LOOKED_AT, _FEWEST, _EQUAL = 200, 10, 1e-4
#: What a missing value becomes as text. Not "None" or "-": these may be levels of a treatment.
MISSING_TEXTS = ("", "nan", "NaN", "NA", "N/A", "<NA>", "NaT")
_MISSING = "missing"


def pseudobulk(
    adata: Any,
    groupby: str,
    control: str | Sequence[str],
    *,
    covariates: str | Sequence[str] | None = None,
    missing: str = "drop",
    sep: str | Sequence[str] = ("+", "_"),
    perturbed_genes: Sequence[str] | None = None,
    guide_suffix: str | None = None,
    guide_prefix: str | None = None,
    layer: str | None = None,
    genes: str | Sequence[str] | None = None,
    target_sum: float | None = None,
    min_cells: int = 1,
    chunk_size: int = 10_000,
    verbose: int = 0,
) -> Bunch:
    r"""Average the cells of each condition and subtract the mean of the controls.

    .. math:: Y_{cg} = \frac{1}{|c|}\sum_{k \in c} x_{kg} - \frac{1}{|0|}\sum_{k \in 0} x_{kg}

    With log-normalised expression x this is the log-fold change. Labels that name the same perturbed genes, such as
    "KLF1+ctrl" and "ctrl+KLF1", or "A+B" and "B+A", are one condition.

    Parameters
    ----------
    adata : AnnData
        Cells × genes; in memory, backed (``anndata.read_h5ad(path, backed="r")``) or with Dask arrays. `chunk_size`
        cells are in memory at a time.
    groupby : str
        Column of ``adata.obs`` that names the condition of each cell. Cells without a label belong to none.
    control : str or sequence of str
        The condition (or conditions) of the unperturbed cells.
    covariates : str or sequence of str, default=None
        Further columns of ``adata.obs`` (cell line, batch): every combination is a group of its own, compared with
        the controls of the same combination.
    missing : {"drop", "keep"}, default="drop"
        Leave cells without one of the covariates out, with a warning that counts them, or keep them as the level
        "missing" of that covariate. The texts "", "nan", "NaN", "NA", "N/A", "<NA>" and "NaT" are missing too.
    sep, guide_suffix, guide_prefix
        How labels are read, as for `PerturbationEncoder`. With `guide_suffix` or `guide_prefix` the guides of a gene
        are one condition.
    perturbed_genes : sequence of str, default=None
        The genes that labels may name, `genes` of `PerturbationEncoder`.
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
        (ndarray), ``variance`` (DataFrame like ``target``: of the mean over the cells of the condition,
        :math:`s_{cg}^2 / |c|`; NaN for a single cell), ``gene_names`` (ndarray), ``control_mean`` and
        ``control_variance`` (Series over the genes; with covariates DataFrames, one row for each of their
        combinations), ``n_control_cells`` (Series over these combinations, or an int), ``labels`` (Series of tuples,
        the labels that became each condition), ``n_unlabeled`` (int, cells without a label) and ``varying`` (list,
        columns of ``adata.obs`` with a few levels that vary inside a condition and are no covariates). Controls are no
        rows of `data`. The variance of a log-fold change is the sum of both variances.

        A condition is named by its label; one that has several by its genes, in the order of the alphabet.

    Raises
    ------
    ValueError
        If a column, layer or gene is not there or named twice, one of the controls names no cell or all cells are
        controls, a condition has no controls with its covariates, no condition has `min_cells` cells, a label cannot
        be read, or the values are no real numbers, masked, negative or not finite.
    TypeError
        If `adata` is no AnnData, or `control` or a label is no text.

    Warns
    -----
    UserWarning
        If the values look like raw counts, are too large for logarithms, or add up to one total in every cell without
        or after a second logarithm, and `target_sum` is None; if they look like logarithms and it is given; if cells
        without a covariate are left out; if levels of a covariate differ in case only; or if names of genes are dates.

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
    if missing not in ("drop", "keep"):
        raise ValueError(f"missing={missing!r}; expected 'drop' or 'keep'.")
    covariate_names = [covariates] if isinstance(covariates, str) else list(covariates or [])
    _check_columns(adata.obs, groupby, covariate_names)
    reader = LabelReader(
        control=control, sep=sep, genes=perturbed_genes, guide_suffix=guide_suffix, guide_prefix=guide_prefix
    )
    named = _name_conditions(adata.obs[groupby], control, reader)
    table = _group_table(adata.obs, groupby, covariate_names, named)
    if missing == "keep":
        table[covariate_names] = table[covariate_names].where(table[covariate_names].notna(), _MISSING)
    keys, groups = _groups(table)
    if (groups < 0).any():
        _warn_left_out(table, named.controls)
    is_control = keys[groupby].isin(named.controls).to_numpy()
    _check_controls(is_control, keys, control, groupby, adata.n_obs)
    selected = _select_genes(adata.var, genes)
    matrix = _matrix(adata, layer)
    sums = _group_sums(
        matrix, groups, len(keys), selected, target_sum, chunk_size, verbose, negative_hint=_raw_hint(adata)
    )
    _warn_of_scale(sums, target_sum)
    names = adata.var_names[selected].to_numpy(dtype=object)
    n_cells = np.bincount(groups[groups >= 0], minlength=len(keys))
    bulk = _subtract_controls(keys, sums, n_cells, is_control, covariate_names, names, min_cells)
    bulk.labels = pd.Series([named.labels[name] for name in bulk.data[groupby]], index=bulk.data.index, dtype=object)
    bulk.n_unlabeled = int(adata.obs[groupby].isna().sum())
    further = adata.obs[adata.obs.columns.difference([groupby, *covariate_names], sort=False)]
    inside = groups >= 0
    bulk.varying = list(levels_within(further[inside], groups[inside]))
    return bulk


def _check_arguments(adata: Any, control: Any, target_sum: Any, **sizes: Any) -> None:
    if isinstance(adata, str | os.PathLike):
        raise TypeError(
            f"adata is the path {os.fspath(adata)!r}; expected an AnnData. Open it first: "
            f"anndata.read_h5ad({os.fspath(adata)!r}, backed='r')."
        )
    if not is_anndata(adata):
        raise TypeError(f"adata is a {type(adata).__name__}; expected an AnnData.")
    _check_size(adata)
    if isinstance(control, Mapping) or not hasattr(control, "__len__"):
        raise TypeError(
            f"control={control!r}; expected the label (text) of the unperturbed cells, or a sequence of labels."
        )
    if len(control) == 0:
        raise ValueError(f"control={control!r} is empty; expected the label of the unperturbed cells.")
    check_target_sum(target_sum)
    for name, value in sizes.items():
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r}; expected an integer, 1 or more.")


def check_target_sum(target_sum: Any) -> None:
    """Refuse a total that is no positive number.

    Parameters
    ----------
    target_sum : float or None

    Raises
    ------
    ValueError
    """
    known = target_sum is None or (isinstance(target_sum, Real) and not isinstance(target_sum, bool))
    if not known or (target_sum is not None and not 0 < float(target_sum) < np.inf):
        raise ValueError(
            f"target_sum={target_sum!r}; expected a positive number, or None for values that are log-normalised."
        )


def _check_size(adata: Any) -> None:
    for n, what in zip(adata.shape, ("cells", "genes"), strict=True):
        if n == 0:
            raise ValueError(f"adata has no {what} (shape {adata.shape}); expected at least one.")


def _check_columns(obs: pd.DataFrame, groupby: str, covariates: list[str]) -> None:
    for column in (groupby, *covariates):
        if column not in obs.columns:
            parameter = "groupby" if column == groupby else "covariates"
            raise ValueError(
                f"{parameter}={column!r} is no column of adata.obs{nearest(str(column), map(str, obs.columns))}; "
                f"expected one of {listed(obs.columns)}."
            )
        if int((obs.columns == column).sum()) > 1:
            raise ValueError(f"adata.obs has several columns {column!r}; expected one. Rename or drop the others.")
    repeated = [column for k, column in enumerate(covariates) if column in (groupby, *covariates[:k])]
    if repeated:
        raise ValueError(f"covariates={covariates!r} names {repeated[0]!r} twice or as groupby; expected each once.")


@dataclass(frozen=True)
class _Named:
    """The conditions that labels stand for.

    Parameters
    ----------
    conditions : dict of label to str
        The name of the condition of each label; a control is named by its label.
    controls : set of str
        Names of the controls.
    labels : dict of str to tuple
        The labels of each condition.
    """

    conditions: dict[Any, Any]
    controls: set[Any]
    labels: dict[Any, tuple[Any, ...]]


def _name_conditions(column: pd.Series, control: str | Collection[str], reader: LabelReader) -> _Named:
    """Read the labels of a column, and give those that mean the same one name."""
    try:
        labels = sorted(column.dropna().unique(), key=str)
    except TypeError as error:
        raise TypeError(
            f"adata.obs[{column.name!r}] holds labels that are no texts ({error}); expected texts."
        ) from error
    other = next((label for label in labels if not isinstance(label, str)), None)
    if other is not None:
        raise TypeError(
            f"adata.obs[{column.name!r}] holds the label {other} ({type(other).__name__}); expected texts. Convert it: "
            f"adata.obs[{column.name!r}].astype(str). A number is a gene only if perturbed_genes= names it."
        )
    # Texts of numpy would show their type.
    wanted = [str(control)] if isinstance(control, str) else [str(name) for name in control]
    # "NegCtrl0" may stand in pairs such as "KLF1+NegCtrl0" only.
    found = {label.strip() for label in labels}.union(reader.controls_in(labels))
    unknown = [name for name in wanted if name not in found]
    if unknown:
        shown = f"{wanted[0]!r} names no cell" if len(wanted) == 1 else f"{wanted}: {unknown} name no cell"
        raise ValueError(
            f"control={shown}: adata.obs[{column.name!r}] has {len(labels)} conditions, such as {labels[:3]}. Pass the "
            "label of the unperturbed cells."
        )
    read = dict(zip(labels, reader.read_all(labels, f"adata.obs[{column.name!r}]"), strict=True))
    spellings: dict[Any, list[Any]] = {}
    for label in labels:
        spellings.setdefault(_identity(label, read), []).append(label)
    conditions, controls = {}, {label for label, condition in read.items() if condition.is_control}
    for group in spellings.values():
        name = group[0] if len(group) == 1 else read[group[0]].name
        conditions.update(dict.fromkeys(group, name))
    members: dict[Any, list[Any]] = {}
    for label, name in conditions.items():
        members.setdefault(name, []).append(label)
    return _Named(conditions, controls, {name: tuple(group) for name, group in members.items()})


def _identity(label: Any, read: dict[str, Any]) -> tuple[str, Any]:
    if read[label].is_control:
        return "label", label
    return "genes", read[label].key


def _group_table(obs: pd.DataFrame, groupby: str, covariates: list[str], named: _Named) -> pd.DataFrame:
    # Without its index, whose name may be that of a column.
    table = obs[[groupby, *covariates]].astype(object).reset_index(drop=True)
    for name in covariates:
        table[name] = _clean_levels(table[name])
    table[groupby] = table[groupby].map(named.conditions)
    return table


def _clean_levels(column: pd.Series) -> pd.Series:
    """Return a covariate whose texts have no blanks at their ends, and are missing where they say so."""
    texts = column.map(lambda level: level.strip() if isinstance(level, str) else level)
    column = texts.where(~texts.isin(MISSING_TEXTS), None)
    spellings: dict[str, set[str]] = {}
    for level in column.dropna().unique():
        if isinstance(level, str):
            spellings.setdefault(level.casefold(), set()).add(level)
    alike = next((sorted(group) for group in spellings.values() if len(group) > 1), None)
    if alike:
        warnings.warn(
            f"The covariate {column.name!r} has levels that differ in case only, {alike}; each is compared with its "
            "own controls. Spell them alike if they are one level.",
            UserWarning,
            stacklevel=4,
        )
    return column


def _groups(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of groups, and the group of each cell (-1 where a label is missing)."""
    columns = list(table.columns)
    complete = table.notna().all(axis=1).to_numpy()
    groups = np.full(len(table), -1)
    grouped = table[complete].groupby(columns, sort=True)
    groups[complete] = grouped.ngroup().to_numpy()
    return grouped.size().index.to_frame(index=False).infer_objects(), groups


def _warn_left_out(table: pd.DataFrame, controls: set[Any]) -> None:
    groupby, *covariates = table.columns
    labeled = table[groupby].notna()
    without = labeled & table[covariates].isna().any(axis=1)
    if not without.any():
        return
    n_controls = int(table.loc[without, groupby].isin(controls).sum())
    counts = ", ".join(f"{column!r} {int((labeled & table[column].isna()).sum())}" for column in covariates)
    warnings.warn(
        f"{int(without.sum())} of {int(labeled.sum())} cells are left out, {n_controls} of them controls, because a "
        f"covariate is missing ({counts}). Pass missing='keep' to keep them as a level of their own.",
        UserWarning,
        stacklevel=3,
    )


def _check_controls(is_control: np.ndarray, keys: pd.DataFrame, control: Any, groupby: str, n_cells: int) -> None:
    if not is_control.any():
        raise ValueError(
            f"control={control!r} names no cell that has all covariates: {len(keys)} groups are left, none of them a "
            "control. Leave out a covariate, or pass missing='keep'."
        )
    if is_control.all():
        raise ValueError(
            f"all {n_cells} cells are controls: adata.obs[{groupby!r}] holds only {list(keys[groupby].unique()[:3])}, "
            f"which control={control!r} names; expected at least one perturbed condition."
        )


def _select_genes(var: pd.DataFrame, genes: str | Sequence[str] | None) -> np.ndarray:
    if not var.index.is_unique:
        repeated = list(var.index[var.index.duplicated()].unique())
        raise ValueError(
            f"adata.var_names repeats {len(repeated)} names, such as {repeated[:3]}; call "
            "adata.var_names_make_unique()."
        )
    if genes is None or isinstance(genes, str):
        positions = np.arange(len(var)) if genes is None else np.flatnonzero(_flags(var, genes))
        warn_of_dates(var.index[positions], "adata.var_names", stacklevel=4)
        return positions
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


def warn_of_dates(names: Collection[Any], label: str, stacklevel: int = 3) -> None:
    """Warn of names of genes that a spreadsheet made dates of: they meet no other table.

    Parameters
    ----------
    names : collection
    label : str
        How the warning calls them.
    stacklevel : int, default=3
    """
    dates = dates_among(names)
    if dates:
        warnings.warn(
            f"{label} holds {len(dates)} dates that a spreadsheet made of symbols (MARCHF1, SEPTIN2), such as "
            f"{dates[:3]}; restore them, they meet the genes of no other table.",
            UserWarning,
            stacklevel=stacklevel,
        )


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


def values_of(adata: Any) -> Any:
    """Return the matrix X of an AnnData, None where it has none.

    Parameters
    ----------
    adata : AnnData
    """
    try:
        matrix = adata.X
        return matrix if matrix is None or matrix.shape else None
    except KeyError:  # of a file without it
        return None
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise OSError(f"the values of adata can't be read: {error}") from error


def _matrix(adata: Any, layer: str | None) -> Any:
    if layer is None:
        matrix = values_of(adata)
        if matrix is None:
            raise ValueError(f"adata.X is empty (None); pass the layer to read as layer=, one of {list(adata.layers)}.")
    elif layer not in adata.layers:
        raise ValueError(f"layer={layer!r} is no layer of adata; expected one of {list(adata.layers)}, or None for X.")
    else:
        matrix = adata.layers[layer]
    # AnnData does not look at what stays on the disk.
    if tuple(matrix.shape) != (len(adata.obs), len(adata.var)):
        raise ValueError(
            f"adata has values of {matrix.shape[0]} cells × {matrix.shape[1]} genes, and names of {len(adata.obs)} × "
            f"{len(adata.var)}: the file is damaged. Write it again."
        )
    return matrix


def _chunks(matrix: Any, chunk_size: int, verbose: int) -> Iterator[tuple[slice, Any]]:
    from tqdm import tqdm

    n = matrix.shape[0]
    check_layout(matrix)
    for start in tqdm(range(0, n, chunk_size), disable=None if verbose else True, desc="cells", unit="chunk"):
        rows = slice(start, min(start + chunk_size, n))
        try:
            chunk = matrix[rows]
        except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
            # What is wrong with a file on the disk may show as late as here.
            raise OSError(f"the cells {rows.start} to {rows.stop - 1} of adata can't be read: {error}") from error
        yield rows, plain_values(chunk, rows.start)


def check_layout(matrix: Any, start: int = 0) -> None:
    """Refuse a sparse matrix with entries outside of it, as a damaged file has: compiled code would read any memory.

    Parameters
    ----------
    matrix : object
        What is no compressed sparse matrix passes.
    start : int, default=0
        Where its cells stand, for the error text.

    Raises
    ------
    ValueError
    """
    if not sp.issparse(matrix) or matrix.format not in ("csr", "csc"):
        return
    n_lines, n_places = matrix.shape if matrix.format == "csr" else matrix.shape[::-1]
    starts, places = matrix.indptr, matrix.indices
    # Not scipy's check_format, which takes starts for sound that end at 0 or below.
    is_sound = (
        len(starts) == n_lines + 1
        and starts[0] == 0
        and bool((np.diff(starts) >= 0).all())
        and starts[-1] <= min(len(places), len(matrix.data))
        and (not len(places) or (places.min() >= 0 and places.max() < n_places))
    )
    if not is_sound:
        raise ValueError(
            f"adata has sparse entries outside its {matrix.shape[1]} genes or in no order in the cells {start} to "
            f"{start + matrix.shape[0] - 1}: the file is damaged. Write it again."
        )


def plain_values(chunk: Any, start: int = 0) -> Any:
    """Return an array, or a sparse matrix with one entry a place; refuse what holds no real numbers.

    Parameters
    ----------
    chunk : array-like or sparse matrix of shape (n_cells, n_genes)
    start : int, default=0
        Where the cells stand, for the error text.

    Returns
    -------
    ndarray or sparse array

    Raises
    ------
    ValueError
        If values are masked or no real numbers, or entries stand outside of the matrix.
    """
    chunk = chunk.compute() if hasattr(chunk, "compute") else chunk
    where = f"in the cells {start} to {start + chunk.shape[0] - 1}"
    if np.ma.is_masked(chunk):
        raise ValueError(f"adata holds masked values {where}; leave these cells or genes out.")
    chunk = chunk if sp.issparse(chunk) else np.asarray(chunk)
    if chunk.dtype.kind not in "fiub":
        raise ValueError(
            f"adata holds values of the type {chunk.dtype}; expected real numbers. If they are: X.astype(float)."
        )
    if not sp.issparse(chunk):
        # Totals of counts above 65504 would be infinite in half precision, and what is divided by them zero.
        return chunk.astype(np.float32) if chunk.dtype == np.float16 else chunk
    check_layout(chunk, start)
    chunk = sp.csr_array(chunk)
    # Squares and logarithms of parts are not those of their sum.
    if not chunk.has_canonical_format:
        chunk = chunk.copy()
        chunk.sum_duplicates()
    return chunk


def _raw_hint(adata: Any) -> str:
    raw = getattr(adata, "raw", None)
    return "" if raw is None else f" adata.raw holds {raw.n_vars} genes: pass adata.raw.to_adata()."


@dataclass
class _Sums:
    """What is summed over the cells of each group, and what the values looked like.

    Parameters
    ----------
    total, squares : ndarray of shape (n_groups, n_genes)
        Sums of the values and of their squares.
    is_integral : bool
        All values that were read are whole numbers.
    largest : float
        The largest of them.
    constant : tuple of bool
        Whether the first cells add up to one total: as they are, with one logarithm undone, and with two.
    """

    total: np.ndarray
    squares: np.ndarray
    is_integral: bool = True
    largest: float = 0.0
    constant: tuple[bool, ...] = ()


def _group_sums(
    matrix: Any,
    groups: np.ndarray,
    n_groups: int,
    selected: np.ndarray,
    target_sum: float | None,
    chunk_size: int,
    verbose: int,
    negative_hint: str,
) -> _Sums:
    shape = (n_groups, len(selected))
    sums = _Sums(np.zeros(shape), np.zeros(shape))
    first: list[np.ndarray] = []
    for rows, chunk in _chunks(matrix, chunk_size, verbose):
        values: Any = chunk.data if sp.issparse(chunk) else chunk
        check_values(values, rows.start, chunk.shape[0], negative_hint)
        if rows.start < _CELLS_LOOKED_AT:
            first.append(_dense(chunk[: _CELLS_LOOKED_AT - rows.start]).copy())
        sums.is_integral = sums.is_integral and _is_integral(values)
        sums.largest = max(sums.largest, float(values.max(initial=0.0)))
        if target_sum is not None:
            chunk = normalize(chunk, norm="l1")
            chunk = (chunk * target_sum).log1p() if sp.issparse(chunk) else np.log1p(chunk * target_sum)
        inside = groups[rows]
        cells = np.flatnonzero(inside >= 0)
        indicator = sp.csr_array((np.ones(len(cells)), (inside[cells], cells)), shape=(n_groups, len(inside)))
        sums.total += _dense(indicator @ chunk)[:, selected]
        squares = chunk.astype(np.float64).power(2) if sp.issparse(chunk) else np.square(chunk, dtype=np.float64)
        sums.squares += _dense(indicator @ squares)[:, selected]
    sums.constant = _constant_totals(np.vstack(first)) if first else ()
    return sums


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.todense() if sp.issparse(matrix) else matrix)


def _warn_of_scale(sums: _Sums, target_sum: float | None) -> None:
    text = None
    if target_sum is None and sums.is_integral:
        text = (
            "All values are whole numbers, so they look like raw counts; differences of means are log-fold changes for "
            "log-normalised values only. Pass target_sum=10_000 to normalise."
        )
    elif target_sum is None and sums.largest > _LARGEST_LOGARITHM:
        text = (
            f"The largest value is {sums.largest:.4g}, so the values are no logarithms (log(1 + x) of counts stays "
            "below about 15); differences of means are log-fold changes for log-normalised values only. Pass "
            "target_sum=10_000 to normalise and take logarithms, or np.log1p of the values."
        )
    elif target_sum is None and sums.constant == (True, False, False):
        text = (
            "The values of every cell add up to one total, so they are normalized and no logarithms; differences of "
            "means are log-fold changes for logarithms only. Pass np.log1p of the values."
        )
    elif target_sum is None and sums.constant == (False, False, True):
        text = (
            "The values of every cell add up to one total after two logarithms are undone, so the logarithm was taken "
            "twice. Pass np.expm1 of the values."
        )
    elif target_sum is not None and not sums.is_integral and sums.largest <= _LARGEST_LOGARITHM:
        text = (
            f"The values are no whole numbers and none is above {sums.largest:.4g}, so they look like logarithms, and "
            f"target_sum={target_sum} takes the logarithm again. Pass target_sum=None, or the layer of the counts."
        )
    if text:
        warnings.warn(text, UserWarning, stacklevel=3)


def _constant_totals(cells: np.ndarray) -> tuple[bool, ...]:
    """Tell whether cells add up to one total: as they are, and with one and two logarithms undone."""
    values = cells[cells.any(axis=1)].astype(float)
    if min(values.shape) < _FEWEST or values.max() > _LARGEST_LOGARITHM:
        return (False, False, False)
    found = []
    for _ in range(3):
        totals = values.sum(axis=1)
        found.append(bool(totals.max() < LARGEST and np.ptp(totals) <= _EQUAL * totals.mean()))
        with np.errstate(over="ignore"):
            values = np.minimum(np.expm1(values), LARGEST)
    return tuple(found)


def check_values(values: np.ndarray, start: int, n_cells: int, negative_hint: str = "") -> None:
    """Refuse values that are no expression.

    Parameters
    ----------
    values : ndarray
        Of some cells; the entries of a sparse matrix suffice.
    start, n_cells : int
        Where these cells stand, and how many they are, for the error text.
    negative_hint : str, default=""
        What to do about negative values.

    Raises
    ------
    ValueError
        If they are negative, not finite or too large for sums of their powers.
    """
    if not values.size:
        return
    smallest, largest = float(values.min()), float(values.max())
    where = f"in the cells {start} to {start + n_cells - 1}"
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise ValueError(f"adata holds NaN or infinite values {where}; leave them out.")
    if smallest < 0:
        raise ValueError(
            f"adata holds negative values (smallest {smallest:.3g}) {where}; expected counts or log-normalised "
            f"expression, not scaled values or differences.{negative_hint}"
        )
    if largest > LARGEST:
        raise ValueError(
            f"adata holds {largest:g} {where}, whose powers have no finite sum; expected counts or log-normalised "
            "expression. Correct or drop it."
        )


def _is_integral(values: np.ndarray) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


def _subtract_controls(
    keys: pd.DataFrame,
    sums: _Sums,
    n_cells: np.ndarray,
    is_control: np.ndarray,
    covariates: list[str],
    gene_names: np.ndarray,
    min_cells: int,
) -> Bunch:
    # Without covariates every group has one and the same stratum.
    strata = pd.MultiIndex.from_frame(keys[covariates]) if covariates else pd.Index(np.zeros(len(keys)))
    codes, labels = pd.factorize(strata)
    if covariates:
        labels = labels.set_names(covariates)
        labels = labels if len(covariates) > 1 else labels.get_level_values(0)
    control_mean = np.full((len(labels), len(gene_names)), np.nan)
    control_variance = control_mean.copy()
    n_controls = np.bincount(codes[is_control], weights=n_cells[is_control], minlength=len(labels)).astype(int)
    for code in np.flatnonzero(n_controls):
        rows = is_control & (codes == code)
        control_mean[code] = sums.total[rows].sum(axis=0) / n_controls[code]
        control_variance[code] = _variance_of_mean(
            sums.total[rows].sum(axis=0), sums.squares[rows].sum(axis=0), n_controls[code]
        )
    kept = ~is_control & (n_cells >= min_cells)
    if not kept.any():
        raise ValueError(
            f"min_cells={min_cells}: no condition has that many cells (the most: "
            f"{n_cells[~is_control].max(initial=0)})."
        )
    without = np.flatnonzero(kept & (n_controls[codes] == 0))
    if len(without):
        raise ValueError(
            f"{len(without)} conditions have no control cells with the same covariates, such as "
            f"{tuple(keys.iloc[without[0]])}; drop them or leave out a covariate."
        )
    data = keys[kept]
    index = pd.MultiIndex.from_frame(data) if covariates else pd.Index(data.iloc[:, 0].to_list())
    target = pd.DataFrame(
        sums.total[kept] / n_cells[kept, None] - control_mean[codes[kept]], index=index, columns=gene_names
    )
    variance = _variance_of_mean(sums.total[kept], sums.squares[kept], n_cells[kept, None])
    # Without names of its levels: those are the names of the columns already.
    data = data.set_axis(index.set_names([None] * index.nlevels))
    means, variances = (
        pd.DataFrame(values, index=labels, columns=gene_names) for values in (control_mean, control_variance)
    )
    return Bunch(
        data=data,
        target=target,
        n_cells=n_cells[kept],
        variance=pd.DataFrame(variance, index=index, columns=gene_names),
        gene_names=gene_names,
        control_mean=means if covariates else means.iloc[0].rename("control"),
        control_variance=variances if covariates else variances.iloc[0].rename("control"),
        n_control_cells=pd.Series(n_controls, index=labels) if covariates else int(n_controls[0]),
    )


def _variance_of_mean(total: np.ndarray, squares: np.ndarray, n: Any) -> np.ndarray:
    """Return the unbiased variance of the values divided by their number, NaN for a single one."""
    # The difference of two nearly equal sums can come out just below zero.
    scatter = np.maximum(squares - total**2 / n, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(n) > 1, scatter / (n * (np.asarray(n) - 1.0)), np.nan)
