"""Which genes a perturbation changes, cell by cell: a rank-sum test of each condition against the control."""

from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import false_discovery_control, norm

from skperturb._interchange import is_anndata
from skperturb._sklearn import Interval, StrOptions, validate_params

__all__ = ["differential_expression"]

# Values of one chunk of genes, over all cells: 160 MB as float64.
_VALUES_PER_CHUNK = 20_000_000


@validate_params(
    {
        "adata": "no_validation",
        "groupby": [str],
        "control": [str],
        "conditions": ["array-like", None],
        "layer": [str, None],
        "continuity": ["boolean"],
        "fold_change": [StrOptions({"geometric", "arithmetic"})],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "min_cells": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def differential_expression(
    adata: Any,
    groupby: str,
    control: str,
    *,
    conditions: Sequence[str] | None = None,
    layer: str | None = None,
    continuity: bool = True,
    fold_change: str = "geometric",
    epsilon: float = 1e-9,
    min_cells: int = 2,
) -> pd.DataFrame:
    r"""Test every gene of every condition against the control cells: Wilcoxon rank-sum, Benjamini–Hochberg.

    The p-value is that of the normal approximation of the Mann–Whitney U, two-sided, corrected for ties. The
    logarithmic fold change is :math:`\log_2 \frac{m_1 + \epsilon}{m_0 + \epsilon}` of the mean expression :math:`m` of
    the condition and the control, back on the scale of counts.

    Parameters
    ----------
    adata : AnnData
        Cells × genes, log-normalised (natural logarithm of 1 + x); in memory or backed.
    groupby : str
        Column of ``adata.obs`` that names the condition of each cell. Cells without a label are left out.
    control : str
        The label of the unperturbed cells.
    conditions : sequence of str, default=None
        The labels to test; None tests all others.
    layer : str, default=None
        The layer to read; None reads ``adata.X``.
    continuity : bool, default=True
        Whether the approximation is corrected for continuity, as pdex (the tests of cell-eval) does; scanpy does not.
    fold_change : {"geometric", "arithmetic"}, default="geometric"
        Mean of the logarithms, back on the scale of counts (pdex, scanpy), or mean of the values on that scale.
    epsilon : float, default=1e-9
        Added to both means, so that a gene that one side never expresses has a finite fold change; 0, which cell-eval
        takes, makes it infinite.
    min_cells : int, default=2
        Conditions with fewer cells are left out.

    Returns
    -------
    DataFrame of n_conditions · n_genes rows
        ``condition, gene, n_cells, mean, control_mean`` (of the values), ``log2_fold_change, statistic`` (U),
        ``p_value`` and ``p_adjusted`` (over the genes of one condition).

    Raises
    ------
    TypeError
        If `adata` is no AnnData.
    ValueError
        If a column, layer or label is not there, values are negative or not finite, or no condition has `min_cells`
        cells.

    References
    ----------
    Mann, H. B. & Whitney, D. R. On a test of whether one of two random variables is stochastically larger than the
    other. Annals of Mathematical Statistics 18, 50 (1947).

    Benjamini, Y. & Hochberg, Y. Controlling the false discovery rate. Journal of the Royal Statistical Society B 57,
    289 (1995).

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd
    >>> from skperturb.metrics import differential_expression
    >>> obs = pd.DataFrame({"perturbation": ["ctrl"] * 6 + ["KLF1"] * 6}, index=[str(k) for k in range(12)])
    >>> values = np.column_stack([np.arange(12.0), np.tile([1.0, 2.0], 6)])
    >>> cells = anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=["HBG1", "CD14"]))
    >>> table = differential_expression(cells, "perturbation", "ctrl")
    >>> table[["condition", "gene", "statistic", "p_adjusted"]].round(3)
      condition  gene  statistic  p_adjusted
    0      KLF1  HBG1       36.0        0.01
    1      KLF1  CD14       18.0        1.00
    """
    if not is_anndata(adata):
        raise TypeError(f"adata is a {type(adata).__name__}; expected an AnnData of cells × genes.")
    rows = _rows_of(adata, groupby, control, conditions, min_cells)
    matrix = _values(adata, layer)
    chunks = [
        _test_genes(matrix, genes, rows, control, continuity, fold_change)
        for genes in _gene_chunks(adata.n_vars, adata.n_obs)
    ]
    names = [name for name in rows if name != control]
    joined = {key: np.concatenate([chunk[key] for chunk in chunks], axis=1) for key in chunks[0]}
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = np.log2((joined.pop("level") + epsilon) / (joined.pop("control_level") + epsilon))
    return pd.DataFrame(
        {
            "condition": np.repeat(np.array(names, dtype=object), adata.n_vars),
            "gene": np.tile(adata.var_names.to_numpy(dtype=object), len(names)),
            "n_cells": np.repeat([len(rows[name]) for name in names], adata.n_vars),
            "mean": joined["mean"].ravel(),
            "control_mean": joined["control_mean"].ravel(),
            # Without epsilon, 0 / 0: neither side expresses the gene, so nothing changed.
            "log2_fold_change": np.nan_to_num(changes, nan=0.0, posinf=np.inf, neginf=-np.inf).ravel(),
            "statistic": joined["statistic"].ravel(),
            "p_value": joined["p_value"].ravel(),
            "p_adjusted": np.array([false_discovery_control(row) for row in joined["p_value"]]).ravel(),
        }
    )


def _rows_of(
    adata: Any, groupby: str, control: str, conditions: Sequence[str] | None, min_cells: int
) -> dict[str, np.ndarray]:
    """Return the cells of the control and of each condition."""
    if groupby not in adata.obs.columns:
        raise ValueError(
            f"groupby={groupby!r} is no column of adata.obs; expected one of {list(adata.obs.columns[:3])} …"
        )
    codes, labels = pd.factorize(adata.obs[groupby].astype(object), sort=True)
    found = {str(label): np.flatnonzero(codes == k) for k, label in enumerate(labels)}
    wanted = [name for name in found if name != control] if conditions is None else [str(name) for name in conditions]
    missing = [name for name in [control, *wanted] if name not in found]
    if missing:
        parameter = "control" if missing[0] == control else "conditions"
        raise ValueError(
            f"{parameter} names {missing[:3]}, which adata.obs[{groupby!r}] lacks; it has {len(found)} labels, such as "
            f"{list(found)[:3]}."
        )
    kept = [name for name in wanted if len(found[name]) >= min_cells]
    if not kept:
        raise ValueError(
            f"min_cells={min_cells}: none of {len(wanted)} conditions has that many cells, the largest has "
            f"{max((len(found[name]) for name in wanted), default=0)}; a test needs several. Lower min_cells."
        )
    return {name: found[name] for name in [control, *kept]}


def _values(adata: Any, layer: str | None) -> Any:
    """Return the matrix, by columns where it is sparse and in memory."""
    if layer is not None and layer not in adata.layers:
        raise ValueError(f"layer={layer!r} is no layer of adata; expected one of {list(adata.layers)}, or None for X.")
    matrix = adata.X if layer is None else adata.layers[layer]
    if matrix is None:
        raise ValueError(f"adata.X is empty (None); pass the layer to read as layer=, one of {list(adata.layers)}.")
    return matrix.tocsc() if sp.issparse(matrix) else matrix


def _gene_chunks(n_genes: int, n_cells: int) -> Iterator[slice]:
    size = max(1, _VALUES_PER_CHUNK // n_cells)
    for start in range(0, n_genes, size):
        yield slice(start, min(start + size, n_genes))


def _test_genes(
    matrix: Any, genes: slice, rows: dict[str, np.ndarray], control: str, continuity: bool, fold_change: str
) -> dict[str, np.ndarray]:
    """Return means, levels on the scale of counts, statistics and p-values, each of shape (n_conditions, n_genes)."""
    block = _dense(matrix[:, genes])
    if not np.isfinite(block).all() or block.min(initial=0.0) < 0:
        raise ValueError(
            "adata holds NaN, infinite or negative values; expected log-normalised expression, before any scaling. "
            "Pass the layer that holds it as layer=."
        )
    reference = block[rows[control]]
    names = [name for name in rows if name != control]
    means = np.array([block[rows[name]].mean(axis=0) for name in names])
    found: dict[str, np.ndarray] = {
        "mean": means,
        "control_mean": np.broadcast_to(reference.mean(axis=0), means.shape),
        "level": np.array([_level(block[rows[name]], fold_change) for name in names]),
        "control_level": np.broadcast_to(_level(reference, fold_change), means.shape),
    }
    codes = np.full(len(block), -1)
    for code, name in enumerate(names):
        codes[rows[name]] = code
    tests = [_rank_sums(block[:, gene], codes, reference[:, gene], len(names)) for gene in range(block.shape[1])]
    statistic, ties = (np.array(part).T for part in zip(*tests, strict=True))
    sizes = np.array([len(rows[name]) for name in names], dtype=float)[:, None]
    found["statistic"] = statistic
    found["p_value"] = _p_values(statistic, ties, sizes, float(len(reference)), continuity)
    return found


def _dense(block: Any) -> np.ndarray:
    block = block.compute() if hasattr(block, "compute") else block
    return np.asarray(block.todense() if sp.issparse(block) else block, dtype=np.float64)


def _level(values: np.ndarray, fold_change: str) -> np.ndarray:
    return np.expm1(values.mean(axis=0)) if fold_change == "geometric" else np.expm1(values).mean(axis=0)


def _rank_sums(
    values: np.ndarray, codes: np.ndarray, reference: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return Mann–Whitney's U of each group against the reference, and the sum of t³ − t over ties of t values.

    The reference is sorted once for all groups; ranking each group together with it would sort it for every group.
    """
    ordered = np.sort(reference)
    inside = np.flatnonzero(codes >= 0)
    # Groups one after the other, and equal values of a group side by side.
    order = inside[np.lexsort((values[inside], codes[inside]))]
    sorted_values, groups = values[order], codes[order]
    below = np.searchsorted(ordered, sorted_values, side="left").astype(float)
    equal = np.searchsorted(ordered, sorted_values, side="right") - below
    statistic = np.bincount(groups, weights=below + 0.5 * equal, minlength=n_groups)
    starts = np.flatnonzero(np.r_[True, (np.diff(sorted_values) != 0) | (np.diff(groups) != 0)])
    own = np.diff(np.r_[starts, len(order)])
    there = equal[starts]
    # What a group adds to the ties that the reference has by itself.
    added = _cubic(there + own) - _cubic(there)
    counts = np.diff(np.flatnonzero(np.r_[True, np.diff(ordered) != 0, True]))
    return statistic, _cubic(counts).sum() + np.bincount(groups[starts], weights=added, minlength=n_groups)


def _cubic(ties: np.ndarray) -> np.ndarray:
    ties = ties.astype(float)
    return ties**3 - ties


def _p_values(
    statistic: np.ndarray, ties: np.ndarray, sizes: np.ndarray, n_reference: float, continuity: bool
) -> np.ndarray:
    """Return the two-sided p-values of the normal approximation; 1 where all cells are the same."""
    product, total = sizes * n_reference, sizes + n_reference
    variance = product / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)))
    # Where all cells are the same, rounding may leave less or more than the 0 that is right.
    varies = (ties < total**3 - total) & (variance > 0)
    distance = np.maximum(statistic, product - statistic) - product / 2.0 - 0.5 * continuity
    score = distance / np.sqrt(np.where(varies, variance, 1.0))
    return np.where(varies, np.minimum(2.0 * norm.sf(score), 1.0), 1.0)
