"""Plain-text tables and intervals that every reproduction shares."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import bootstrap

__all__ = ["bootstrap_interval", "format_table"]


def bootstrap_interval(
    values: Sequence[float], *, random_state: int = 0, n_resamples: int = 2000
) -> tuple[float, float]:
    """Compute the 95 % percentile bootstrap interval of the mean.

    Parameters
    ----------
    values : sequence of float
        One value for each model, or each repeat.
    random_state : int, default=0
        Seed of the resampling.
    n_resamples : int, default=2000
        Number of resamples.

    Returns
    -------
    low, high : float
        NaN when there are fewer than two values: one value has no spread.

    Examples
    --------
    >>> low, high = bootstrap_interval([0.5, 0.6, 0.7, 0.8])
    >>> low < 0.65 < high
    True
    """
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        return float("nan"), float("nan")
    if np.ptp(sample) == 0.0:
        return float(sample[0]), float(sample[0])
    rng = np.random.default_rng(random_state)
    result = bootstrap((sample,), np.mean, method="percentile", n_resamples=n_resamples, rng=rng)
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table with the first column left-aligned and the others right-aligned.

    Floats get three decimals; None is a dash.

    Examples
    --------
    >>> print(format_table(["method", "score"], [["distance", 0.6761], ["none", None]]))
    method    score
    --------  -----
    distance  0.676
    none          -
    """
    cells = [list(header)] + [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    lines = [_line(row, widths) for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float | np.floating) else str(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    return "  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]).rstrip()
