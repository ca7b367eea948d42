"""How well each condition was measured: sample weights and the variance of the noise of each mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skperturb._alignment import align_rows, is_default, name_positions, row_names
from skperturb._interchange import as_pandas

__all__ = ["NO_NOISE", "RowNoise", "read_noise", "relative_noise"]

#: Least share of the variance between conditions that is no noise. A noise that is stated too large would otherwise
#: leave nothing, and a condition without noise would decide alone; at half or twice the share, weights of conditions
#: whose noise differs tenfold differ by 5 %.
_LEAST_SIGNAL = 0.1
#: Least noise of a row relative to the median: a row that is said to be exact counts a thousand times, not infinitely
#: often. Ten times more or less is the same unless exact rows have replicates.
_LEAST_NOISE = 1e-3


@dataclass(frozen=True)
class RowNoise:
    """What is known about the noise of some conditions.

    Parameters
    ----------
    weight : ndarray of shape (n_conditions,) or None
        Positive. A condition of weight 2 is one that is given twice.
    variance : ndarray of shape (n_conditions,) or (n_conditions, n_outputs), or None
        Of the noise of one output, or of each.
    """

    weight: np.ndarray | None = None
    variance: np.ndarray | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything was given."""
        return self.weight is not None or self.variance is not None

    def without_equal_weights(self) -> "RowNoise":
        """Return the same, without weights if they say nothing."""
        alike = self.weight is not None and np.ptp(self.weight) == 0.0
        return RowNoise(None, self.variance) if alike else self

    def take(self, rows: Any) -> "RowNoise":
        """Return what is known about some of the conditions."""
        return RowNoise(*(None if part is None else part[rows] for part in (self.weight, self.variance)))

    def arguments(self) -> dict[str, np.ndarray]:
        """Return what was given as keyword arguments of ``fit``."""
        named = {"sample_weight": self.weight, "noise_variance": self.variance}
        return {name: value for name, value in named.items() if value is not None}

    def row_variance(self) -> np.ndarray | None:
        """Return the variance of each condition, the mean over its outputs."""
        if self.variance is None or self.variance.ndim == 1:
            return self.variance
        return self.variance.mean(axis=1)

    def counts(self, n_rows: int) -> np.ndarray:
        """Return the weights, ones where none are given."""
        return np.ones(n_rows) if self.weight is None else self.weight

    def precision(self, deviations: np.ndarray) -> np.ndarray:
        r"""Return weights for a mean or a regression over conditions that differ by more than noise.

        .. math:: w_c / (\tau^2 + v_c)

        relative to the mean of the second factor, where :math:`\tau^2` is the mean square of the deviations less the
        mean noise. Without `variance` they are the weights.

        Parameters
        ----------
        deviations : ndarray of shape (n_conditions, n_outputs)
            Of the responses from what is expected of them.

        Returns
        -------
        ndarray of shape (n_conditions,)
        """
        weight, variance = self.counts(len(deviations)), self.row_variance()
        if variance is None or len(deviations) == 0:
            return weight
        total = float(np.average((deviations**2).mean(axis=1), weights=weight))
        signal = max(total - float(np.average(variance, weights=weight)), _LEAST_SIGNAL * total)
        if signal <= 0.0:
            return weight
        precision = 1.0 / (signal + variance)
        return weight * precision / np.average(precision, weights=weight)

    def replicate_precision(self, extra: float, n_rows: int) -> np.ndarray:
        """Return weights for means over replicates, which differ by noise and by a variance of their own.

        Parameters
        ----------
        extra : float
            That variance.
        n_rows : int

        Returns
        -------
        ndarray of shape (n_rows, 1) or (n_rows, n_outputs)
        """
        weight = self.counts(n_rows)[:, None]
        if self.variance is None:
            return weight
        variance = (self.variance[:, None] if self.variance.ndim == 1 else self.variance) + extra
        floor = _LEAST_NOISE * float(np.median(variance)) if variance.size else 0.0
        if floor <= 0.0:
            # Most rows are exact. If all are, they count alike.
            floor = _LEAST_NOISE * float(variance.max(initial=0.0)) or 1.0
        return weight / np.maximum(variance, floor)


#: Nothing is known, and all conditions count alike.
NO_NOISE = RowNoise()


def relative_noise(weight: np.ndarray | None, variance: np.ndarray | None) -> np.ndarray | None:
    """Return the noise of each row relative to the median row, None where all are alike.

    Parameters
    ----------
    weight, variance : ndarray of shape (n_rows,) or None

    Returns
    -------
    ndarray of shape (n_rows,) or None
    """
    if variance is None:
        if weight is None:
            return None
        variance = 1.0 / weight
    if len(variance) == 0 or variance.max() <= 0.0 or np.ptp(variance) <= 1e-9 * variance.max():
        return None
    middle = float(np.median(variance))
    return variance / (middle if middle > 0.0 else float(variance.mean()))


def read_noise(
    sample_weight: Any, noise_variance: Any, X: Any, y: Any, shape: tuple[int, int]
) -> tuple[RowNoise, np.ndarray | None]:
    """Validate what was said about the noise, and bring it into the order of the conditions.

    Parameters
    ----------
    sample_weight : array-like of shape (n_conditions,) or None
    noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), or None
        The sum over the outputs, or of each.
    X, y : what ``fit`` was given
        A Series or DataFrame of noise is aligned by the names of their rows, and with the columns of `y`.
    shape : tuple of int
        Number of conditions and of outputs.

    Returns
    -------
    noise : RowNoise
        Of the conditions that count.
    kept : ndarray of bool, shape (n_conditions,), or None
        Conditions with a positive weight and a finite noise; None if these are all.

    Raises
    ------
    ValueError
        If shapes or names do not fit, values are negative or NaN, or no condition is left.
    """
    if sample_weight is None and noise_variance is None:
        return RowNoise(), None
    X, y, n_rows = as_pandas(X), as_pandas(y), shape[0]
    weight = None if sample_weight is None else _read(sample_weight, "sample_weight", X, y, [shape[:1]])
    variance = None if noise_variance is None else _read(noise_variance, "noise_variance", X, y, [shape[:1], shape])
    kept = np.ones(n_rows, dtype=bool)
    if weight is not None:
        _refuse_infinite(weight)
        kept &= weight > 0
    if variance is not None:
        infinite = np.isinf(variance.reshape(n_rows, -1))
        partly = np.flatnonzero(infinite.any(axis=1) & ~infinite.all(axis=1))
        if len(partly):
            raise ValueError(
                f"noise_variance[{partly[0]}] is infinite for some of the outputs; expected finite values, or infinite "
                "ones for all outputs of a condition, which then does not count."
            )
        kept &= ~infinite.all(axis=1)
        if variance.ndim == 1:
            variance = variance / shape[1]
    if not kept.any():
        raise ValueError(
            "sample_weight is zero or noise_variance infinite for all conditions; expected one that counts, at least."
        )
    noise = RowNoise(weight, variance)
    return (noise, None) if kept.all() else (noise.take(kept), kept)


def _refuse_infinite(weight: np.ndarray) -> None:
    bad = np.flatnonzero(np.isinf(weight))
    if len(bad):
        raise ValueError(f"sample_weight[{bad[0]}] is infinite; expected finite weights.")


def _read(value: Any, argument: str, X: Any, y: Any, shapes: list[tuple[int, ...]]) -> np.ndarray:
    value = as_pandas(value)
    labels = row_names(y)
    if labels is None or is_default(labels):
        labels = row_names(X)
    array = np.asarray(value, dtype=np.float64)
    n_rows = shapes[0][0]
    if array.shape not in shapes:
        raise ValueError(f"{argument} has shape {array.shape}; expected {' or '.join(str(shape) for shape in shapes)}.")
    bad = np.flatnonzero(~(array.reshape(n_rows, -1) >= 0).all(axis=1))
    if len(bad):
        raise ValueError(f"{argument}[{bad[0]}] is negative or NaN; expected numbers that are not.")
    order = align_rows(row_names(value), labels, (argument, "y"))
    if order is not None:
        array = array[order]
    named = isinstance(value, pd.DataFrame) and isinstance(y, pd.DataFrame) and array.ndim == 2
    if named and not is_default(value.columns):
        array = array[:, name_positions(value.columns, y.columns, ("noise_variance.columns", "y.columns"))]
    return array
