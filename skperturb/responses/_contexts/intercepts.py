"""What is common to all conditions of a context, drawn towards what is common to all contexts."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

__all__ = ["fit_intercepts"]


def fit_intercepts(
    levels: Sequence[np.ndarray], y: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    r"""Fit one value for each output, and what each level of each covariate adds to it.

    .. math:: \min_{b, o} \sum_c w_c \lVert y_c - b - \sum_l z_{cl}\, o_l \rVert^2 +
              \sum_l \frac{\sigma^2}{\tau^2} \lVert o_l \rVert^2

    with the variance :math:`\sigma^2` within a level and :math:`\tau^2` between the levels of a covariate, both from an
    analysis of variance: a level of n conditions keeps the share :math:`n / (n + \sigma^2 / \tau^2)` of its mean.

    Parameters
    ----------
    levels : sequence of ndarray of shape (n_conditions, n_levels)
        For each covariate, 1 for the level of a condition; a condition without a level has none.
    y : ndarray of shape (n_conditions, n_outputs)
    weight : ndarray of shape (n_conditions,)
        How often each condition counts.

    Returns
    -------
    common : ndarray of shape (n_outputs,)
    offsets : list of ndarray of shape (n_levels, n_outputs)
        Zero for levels without conditions, and where levels differ no more than conditions do.
    """
    penalties = [_ratio_of_variances(member, y, weight) for member in levels]
    design = np.hstack([np.ones((len(y), 1)), *levels])
    penalty = np.concatenate([[0.0], *(np.full(z.shape[1], p) for z, p in zip(levels, penalties, strict=True))])
    used = np.flatnonzero(np.isfinite(penalty) & (weight @ design > 0))
    weighted = design[:, used] * weight[:, None]
    found = np.zeros((design.shape[1], y.shape[1]))
    found[used] = np.linalg.solve(weighted.T @ design[:, used] + np.diag(penalty[used]), weighted.T @ y)
    ends = np.cumsum([1] + [member.shape[1] for member in levels])
    return found[0], [found[start:end] for start, end in pairwise(ends)]


def _ratio_of_variances(member: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """Return the variance within a level relative to that between the levels of a covariate, the means over outputs."""
    rows = member.any(axis=1)
    member, y, weight = member[rows][:, weight @ member > 0], y[rows], weight[rows]
    count = weight @ member
    total, n_levels = float(count.sum()), len(count)
    if n_levels < 2 or total <= n_levels:
        return np.inf
    means = (member.T * weight) @ y / count[:, None]
    within = float(weight @ ((y - member @ means) ** 2).mean(axis=1)) / (total - n_levels)
    spread = float(count @ ((means - count @ means / total) ** 2).mean(axis=1))
    between = (spread - (n_levels - 1) * within) / (total - float(count @ count) / total)
    return within / between if between > 0.0 else np.inf
