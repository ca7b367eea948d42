"""Counts of single cells, drawn from predicted means, for tools that demand whole numbers."""

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import nbinom, poisson
from sklearn.utils import check_random_state

from skperturb._interchange import as_pandas
from skperturb._sklearn import Interval, count, validate_params
from skperturb._validation import check_size

__all__ = ["simulate_cells"]

# Points at which the mean logarithm of drawn counts is known; between them it is interpolated with a relative error
# below a thousandth of the expected count, a tenth of what a hundred cells of a gene with a hundred counts tell.
_GRID = 300
_SMALLEST_COUNT = 1e-6
# Counts whose share is computed one by one, and groups of larger ones, whose logarithms differ by some per cent.
_SINGLE = 200
_GROUPS = 200


@validate_params(
    {
        "mean": "no_validation",
        "n_cells": [count(), "array-like"],
        "library_size": [Interval(Real, 0, None, closed="neither")],
        "target_sum": [Interval(Real, 0, None, closed="neither")],
        "dispersion": [Interval(Real, 0, None, closed="left")],
        "groupby": [str],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def simulate_cells(
    mean: Any,
    n_cells: Any = 100,
    *,
    library_size: float = 10_000.0,
    target_sum: float = 10_000.0,
    dispersion: float = 0.0,
    groupby: str = "perturbation",
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    r"""Draw counts of single cells whose log-normalised means are the given ones.

    .. math:: n_{kg} \sim \mathrm{NB}(\mu_{cg}, \phi), \qquad
              \mathrm{E} \log\Bigl(1 + \frac{t}{l} n_{kg}\Bigr) = m_{cg}

    for every cell k of condition c, with variance :math:`\mu + \phi \mu^2`; a Poisson distribution for
    :math:`\phi = 0`. Genes are drawn independently of each other. Models predict means of logarithms, and the logarithm
    of a mean lies above them; so :math:`\mu` is found from m, instead of setting :math:`\mu = (l / t) (e^m - 1)`.

    Parameters
    ----------
    mean : DataFrame of shape (n_conditions, n_genes)
        Log-normalised expression m, log(1 + x): ``bulk.control_mean + predicted`` of `pseudobulk` and a model. Negative
        values, which a sum can have, count as 0. The rows are the conditions; the control may be one of them.
    n_cells : int or array-like of shape (n_conditions,), default=100
        Number of cells of each condition.
    library_size : float, default=10000
        Counts l of a cell over all genes, those that are not in `mean` too.
    target_sum : float, default=10000
        The total t that cells were scaled to before the logarithm.
    dispersion : float, default=0
        :math:`\phi`; 0.1 to 1 in many screens.
    groupby : str, default="perturbation"
        Column of ``obs`` for the conditions.
    random_state : int, RandomState instance or None, default=None
        Seed of the counts.

    Returns
    -------
    AnnData of shape (n_cells, n_genes)
        ``X`` sparse whole numbers, ``obs`` the condition, ``var_names`` the genes.

    Raises
    ------
    TypeError
        If `mean` is no DataFrame.
    ValueError
        If a mean is not finite, or there is not one number of cells for each condition.

    Notes
    -----
    A tool that divides each cell by the sum of its counts takes the sum of *these* genes: with all genes of the
    measurement it is `library_size` up to sampling, with some of them it is not.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skperturb.responses import simulate_cells
    >>> mean = pd.DataFrame([[0.5, 2.0], [0.5, 3.0]], index=["control", "KLF1"], columns=["CD14", "HBG1"])
    >>> cells = simulate_cells(mean, 4000, random_state=0)
    >>> cells.X.dtype, cells.shape
    (dtype('int64'), (8000, 2))
    >>> np.log1p(cells.X[4000:].toarray()).mean(axis=0).round(1).tolist()
    [0.5, 3.0]
    """
    mean = as_pandas(mean, index=True)
    if not isinstance(mean, pd.DataFrame):
        raise TypeError(
            f"mean is a {type(mean).__name__}; expected a DataFrame of log-normalised expression, conditions × genes."
        )
    values = mean.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("mean holds NaN or infinite values; expected the log-normalised expression of every gene.")
    numbers = _numbers(n_cells, len(mean))
    check_size(f"n_cells={numbers.max(initial=0)}", numbers.max(initial=0), values.shape[1])
    rng = check_random_state(random_state)
    expected = _expected_counts(np.maximum(values, 0.0), target_sum / library_size, dispersion)
    # Only this function needs it, and it takes a second to load.
    import anndata

    parts = [_draw(row, number, dispersion, rng) for row, number in zip(expected, numbers, strict=True)]
    names = ["_".join(map(str, label)) if isinstance(label, tuple) else str(label) for label in mean.index]
    labels = np.repeat(np.array(names, dtype=object), numbers)
    obs = pd.DataFrame({groupby: labels}, index=[f"cell{k}" for k in range(len(labels))])
    return anndata.AnnData(sp.vstack(parts, format="csr"), obs=obs, var=pd.DataFrame(index=mean.columns.astype(str)))


def _numbers(n_cells: Any, n_conditions: int) -> np.ndarray:
    numbers = np.broadcast_to(n_cells, n_conditions) if np.ndim(n_cells) == 0 else np.asarray(n_cells)
    if numbers.shape != (n_conditions,) or numbers.dtype.kind not in "iu" or (numbers < 1).any():
        raise ValueError(
            f"n_cells has shape {numbers.shape} and type {numbers.dtype}; expected one positive whole number for each "
            f"of {n_conditions} conditions."
        )
    return numbers


def _expected_counts(mean: np.ndarray, scale: float, dispersion: float) -> np.ndarray:
    """Return the expected counts of which the logarithm of 1 + scale · count has the given means."""
    largest = max(np.expm1(mean.max(initial=0.0)) / scale, 1.0)
    # The mean of the logarithm lies below the logarithm of the mean, for wide distributions far below.
    while _mean_logarithm(np.array([largest]), scale, dispersion)[0] < mean.max(initial=0.0):
        largest *= 2.0
    grid = np.concatenate([[0.0], np.geomspace(_SMALLEST_COUNT, largest, _GRID)])
    return np.interp(mean, _mean_logarithm(grid, scale, dispersion), grid)


def _mean_logarithm(expected: np.ndarray, scale: float, dispersion: float) -> np.ndarray:
    """Return the mean of log(1 + scale · count) for some expected counts."""
    means = np.zeros(len(expected))
    for k, value in enumerate(expected):
        if value == 0:
            continue
        law = poisson(value) if dispersion == 0 else nbinom(1 / dispersion, 1 / (1 + dispersion * value))
        # One by one where the logarithm is steep, then in growing groups.
        low, high = law.ppf(1e-12), law.ppf(1 - 1e-12)
        single = np.arange(low, min(low + _SINGLE, high + 1))
        edges = np.unique(np.append(single, np.floor(np.geomspace(single[-1] + 1, max(high, single[-1] + 1), _GROUPS))))
        edges = edges[edges <= high]
        # Counts between two edges have nearly one logarithm: that of the middle.
        upper = np.append(edges[1:] - 1, high)
        share = law.cdf(upper) - law.cdf(edges - 1)
        means[k] = (share * np.log1p(scale * (edges + upper) / 2)).sum()
    return means


def _draw(expected: np.ndarray, n_cells: int, dispersion: float, rng: np.random.RandomState) -> sp.csr_matrix:
    rates = np.broadcast_to(expected, (n_cells, len(expected)))
    if dispersion > 0:
        rates = rates * rng.gamma(1 / dispersion, dispersion, size=rates.shape)
    return sp.csr_matrix(rng.poisson(rates).astype(np.int64))
