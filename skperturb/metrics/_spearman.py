"""Spearman rank correlation of sensitivity matrices."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skperturb._sklearn import Interval, StrOptions, count, validate_params
from skperturb.metrics._matrix_pairs import REDUCE, MatrixPair, matrix_pairs, reduce_scores
from skperturb.metrics._ranks import rank_data

__all__ = ["spearman_correlation"]


@validate_params(
    {
        "average": [StrOptions({"matrix", "column"})],
        "ties": [StrOptions({"average", "jitter"})],
        "diagonal": ["boolean"],
        "reachable_only": ["boolean"],
        "absolute": ["boolean"],
        **REDUCE,
        "n_draws": [count()],
        "jitter": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def spearman_correlation(
    y_true: Any,
    y_pred: Any,
    *,
    average: str = "matrix",
    ties: str = "average",
    diagonal: bool = True,
    reachable_only: bool = False,
    absolute: bool = True,
    reduce: str | None = "mean",
    n_draws: int = 10,
    jitter: float = 0.01,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    r"""Compute the Spearman rank correlation between true and predicted sensitivity matrices.

    With :math:`R` and :math:`\hat R` the ranks of the entries of :math:`|S|` and :math:`|P|`,

    .. math::
        \rho = \frac{\sum_{ij} (R_{ij} - \bar R)(\hat R_{ij} - \bar R)}
                    {\sqrt{\sum_{ij} (R_{ij} - \bar R)^2 \sum_{ij} (\hat R_{ij} - \bar R)^2}}.

    Parameters
    ----------
    y_true : matrix of shape (n_nodes, n_sources) or sequence of n_samples matrices
        The true sensitivities S: arrays, sparse matrices or DataFrames. Row i responds, column j is the
        perturbed source. A 1-D array of numbers counts as one column. Entries that are NaN are undefined and
        left out; ±inf is larger in magnitude than all finite numbers, and one infinite entry is tied with another.
    y_pred : matrix of shape (n_nodes, n_sources) or sequence of n_samples matrices
        The predictions P. DataFrames are aligned by name if both are labeled; columns of the truth that
        were not predicted are then not scored. Values that are equal up to rounding (1e-10 of their size, see
        `rank_data`) are tied.
    average : {"matrix", "column"}, default="matrix"
        Rank all entries of a matrix together, or rank inside each source column and take the mean over the
        columns. A column with fewer than two defined entries left by `diagonal` and `reachable_only` is left out.
    ties : {"average", "jitter"}, default="average"
        Give tied predictions the mean of their ranks, or break ties by uniform noise in
        (−`jitter`, `jitter`) and take the mean over `n_draws` draws.
    diagonal : bool, default=True
        Whether the response of a node to its own perturbation counts.
    reachable_only : bool, default=False
        Whether to keep only the pairs whose true sensitivity is not zero.
    absolute : bool, default=True
        Whether to compare magnitudes; otherwise signed values are ranked.
    reduce : {"mean"} or None, default="mean"
        Mean over the samples, or one score per sample.
    n_draws : int, default=10
        Number of noise draws; used with ``ties="jitter"``.
    jitter : float, default=0.01
        Half-width of the noise, in the units of the predictions; used with ``ties="jitter"``.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise; used with ``ties="jitter"``.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        The correlation, from −1 to 1. It is 0, never NaN, where it is undefined: for constant input, for
        fewer than two entries and for the 0 × 0 matrices of empty networks.

    Raises
    ------
    TypeError
        If a matrix is not numeric.
    ValueError
        If the samples differ in number, shape or names, a truth has no defined entry, or a prediction is NaN.

    Notes
    -----
    ``ties="jitter"`` is the protocol of [1]_ for predictors with many equal values; it lowers their score
    for nothing and exists for comparison with the paper.

    References
    ----------
    .. [1] Santolini, M. & Barabási, A.-L. (2018). Predicting perturbation patterns from the topology of
       biological networks. PNAS 115(27), E6375–E6383. doi:10.1073/pnas.1720589115.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.metrics import spearman_correlation
    >>> truth = np.array([[1.0, 0.0], [-0.5, 1.0]])
    >>> spearman_correlation(truth, [[1.0, 0.0], [0.2, 1.0]] * np.ones((2, 2)))
    1.0
    >>> spearman_correlation([truth, truth], [truth, np.ones((2, 2))], reduce=None)
    array([1., 0.])

    Part of a truth may be undefined; what grows without limit responds most strongly:

    >>> spearman_correlation([3.0, np.inf, 1.0, np.nan], [0.3, 0.9, 0.1, 0.0])
    1.0
    """
    rng = check_random_state(random_state) if ties == "jitter" else None
    scores = []
    for pair in matrix_pairs(y_true, y_pred, partial=True):
        keep = _kept(pair, diagonal, reachable_only)
        truth, prediction = pair.truth, pair.prediction
        if absolute:
            truth, prediction = np.abs(truth), np.abs(prediction)
        truth, prediction = _ranked_layout(truth, prediction, keep, average)
        if rng is None:
            scores.append(_mean_correlation(rank_data(truth), rank_data(prediction)))
        else:
            noise = (rng.uniform(-jitter, jitter, prediction.shape) for _ in range(n_draws))
            scores.append(_jittered(truth, prediction, noise))
    return reduce_scores(scores, reduce)


def _kept(pair: MatrixPair, diagonal: bool, reachable_only: bool) -> np.ndarray:
    keep = ~np.isnan(pair.truth) if diagonal else pair.off_diagonal() & ~np.isnan(pair.truth)
    return keep & (pair.truth != 0) if reachable_only else keep


def _ranked_layout(
    truth: np.ndarray, prediction: np.ndarray, keep: np.ndarray, average: str
) -> tuple[np.ndarray, np.ndarray]:
    """Arrange the values so that everything ranked together forms one column; NaN marks what is left out."""
    if average == "matrix":
        return truth[keep][:, None], prediction[keep][:, None]
    return np.where(keep, truth, np.nan), np.where(keep, prediction, np.nan)


def _jittered(truth: np.ndarray, prediction: np.ndarray, noise: Any) -> float:
    true_ranks = rank_data(truth)
    return float(np.mean([_mean_correlation(true_ranks, rank_data(prediction + draw)) for draw in noise]))


def _mean_correlation(ranks: np.ndarray, other: np.ndarray) -> float:
    """Return the mean over the columns of the Pearson correlation of their ranks."""
    n_kept = np.isfinite(ranks).sum(axis=0)  # NaN ranks are left out
    ranks, other, n_kept = ranks[:, n_kept > 1], other[:, n_kept > 1], n_kept[n_kept > 1]
    if n_kept.size == 0:
        return 0.0
    # The mean of n average ranks is exactly (n + 1) / 2, so a constant column has a variance of exactly 0.
    center = (n_kept + 1) / 2
    ranks, other = np.nan_to_num(ranks - center), np.nan_to_num(other - center)
    variances = (ranks**2).sum(axis=0) * (other**2).sum(axis=0)
    covariances = (ranks * other).sum(axis=0)
    defined = variances > 0
    return float(np.mean(np.where(defined, covariances / np.sqrt(np.where(defined, variances, 1)), 0)))
