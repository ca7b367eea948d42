"""How far two tables of differential expression, measured and predicted, agree on which genes change, and how."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from skperturb._sklearn import Interval, StrOptions, validate_params
from skperturb.metrics._de_tables import ALPHA, DETables, pair_tables

__all__ = [
    "de_direction_match",
    "de_direction_reach",
    "de_direction_yield",
    "de_jaccard",
    "de_lfc_error",
    "de_overlap_at_k",
    "de_pr_auc",
    "de_precision_at_k",
    "de_recall",
    "de_roc_auc",
    "de_spearman_lfc",
]

_COMMON: dict[str, Any] = {
    "alpha": [Interval(Real, 0, 1, closed="both")],
    "reduce": [StrOptions({"mean"}), None],
}
_TOP = {**_COMMON, "k": [Interval(Integral, 1, None, closed="left"), None]}
# Share of right signs that a prefix of the ranking needs; the reference tool's for its `direction_reach_raw`.
_PURITY = 0.9


def _reduced(scores: Sequence[float], reduce: str | None) -> Any:
    """Return the mean of the scores that are defined, or all of them."""
    values = np.asarray(scores, dtype=float)
    if reduce is None:
        return values
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _per_condition(tables: DETables, score: Callable[[int], float], reduce: str | None) -> Any:
    return _reduced([score(row) for row in range(len(tables.conditions))], reduce)


def _ranked(change: np.ndarray, significant: np.ndarray) -> np.ndarray:
    """Return the significant genes, the largest change first."""
    genes = np.flatnonzero(significant)
    return genes[np.argsort(-np.abs(change[genes]), kind="stable")]


def _shared_at(tables: DETables, row: int, k: int | None, of: str) -> float:
    first = _ranked(tables.true_change[row], tables.true_significant[row])
    second = _ranked(tables.predicted_change[row], tables.predicted_significant[row])
    n_listed = len(first) if of == "truth" else len(second)
    k = n_listed if k is None else min(k, n_listed)
    return len(np.intersect1d(first[:k], second[:k])) / k if len(first) and len(second) else 0.0


@validate_params(_TOP, prefer_skip_nested_validation=True)
def de_overlap_at_k(
    de_true: Any, de_pred: Any, *, k: int | None = None, alpha: float = ALPHA, reduce: str | None = "mean"
) -> Any:
    r"""Compute the share of the most changed genes that are also predicted to be among as many most changed ones.

    .. math:: \frac{|T_k \cap P_k|}{k}, \qquad k \leq |T|

    with :math:`T_k` and :math:`P_k` the `k` significant genes of the largest absolute fold change, measured and
    predicted, and :math:`T` all significant ones.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    k : int, default=None
        Number of genes, at most the number of those that are significant in the truth; None takes that number.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `de_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        0 where one side has no significant gene.

    References
    ----------
    ``overlap_at_50`` and so on of cell-eval, with ``k=50``; its ``overlap_at_N`` is ``k=None``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_overlap_at_k
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.003], "p_adjusted": [0.01, 0.01, 0.01]})
    >>> de_overlap_at_k(table, table.assign(log2_fold_change=[1.0, -2.0, 3.0]), k=2)
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)
    return _per_condition(tables, lambda row: _shared_at(tables, row, k, "truth"), reduce)


@validate_params(_TOP, prefer_skip_nested_validation=True)
def de_precision_at_k(
    de_true: Any, de_pred: Any, *, k: int | None = None, alpha: float = ALPHA, reduce: str | None = "mean"
) -> Any:
    r"""Compute the share of the genes predicted to change most that are measured among as many most changed ones.

    As `de_overlap_at_k`, but at most as many genes as are *predicted* to be significant.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    k : int, default=None
        Number of genes, at most the number of those predicted to be significant; None takes that number.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition, in the order of `de_true`.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        0 where one side has no significant gene.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_precision_at_k
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.003], "p_adjusted": [0.01, 0.01, 0.01]})
    >>> de_precision_at_k(table, table.assign(p_adjusted=[0.9, 0.01, 0.01]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)
    return _per_condition(tables, lambda row: _shared_at(tables, row, k, "prediction"), reduce)


@validate_params(_COMMON, prefer_skip_nested_validation=True)
def de_recall(de_true: Any, de_pred: Any, *, alpha: float = ALPHA, reduce: str | None = "mean") -> Any:
    """Compute the share of the significant genes that are also predicted to be significant.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where no gene is significant in the truth.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_recall
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_recall(table, table.assign(p_adjusted=[0.9, 0.01, 0.01]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)

    def score(row: int) -> float:
        truth = tables.true_significant[row]
        return float(tables.predicted_significant[row][truth].mean()) if truth.any() else float("nan")

    return _per_condition(tables, score, reduce)


@validate_params({**_COMMON, "targets": ["array-like", None]}, prefer_skip_nested_validation=True)
def de_jaccard(
    de_true: Any,
    de_pred: Any,
    *,
    targets: Sequence[Sequence[str]] | None = None,
    alpha: float = ALPHA,
    reduce: str | None = "mean",
) -> Any:
    r"""Compute how far the significant genes and those predicted to be significant are the same.

    .. math:: \frac{|T \cap P|}{|T \cup P|}

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    targets : sequence of sequences of str, default=None
        The perturbed genes of each condition, in the order of `de_true`, which then do not count.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        1 where no gene is significant on either side.

    References
    ----------
    ``de_wilcoxon_sig_jaccard`` of cell-eval2.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_jaccard
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_jaccard(table, table.assign(p_adjusted=[0.9, 0.01, 0.5]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)
    counted = tables.without(targets)
    truth, prediction = tables.true_significant & counted, tables.predicted_significant & counted
    shared, either = (truth & prediction).sum(axis=1), (truth | prediction).sum(axis=1)
    return _reduced(list(np.where(either > 0, shared / np.maximum(either, 1), 1.0)), reduce)


@validate_params(_COMMON, prefer_skip_nested_validation=True)
def de_direction_match(de_true: Any, de_pred: Any, *, alpha: float = ALPHA, reduce: str | None = "mean") -> Any:
    """Compute the share of the significant genes whose predicted fold change has the right sign.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where no gene is significant in the truth.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_direction_match
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_direction_match(table, table.assign(log2_fold_change=[1.0, 1.0, 1.0]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)

    def score(row: int) -> float:
        genes = tables.true_significant[row]
        right = np.sign(tables.true_change[row][genes]) == np.sign(tables.predicted_change[row][genes])
        return float(right.mean()) if genes.any() else float("nan")

    return _per_condition(tables, score, reduce)


@validate_params({**_COMMON, "targets": ["array-like", None]}, prefer_skip_nested_validation=True)
def de_direction_yield(
    de_true: Any,
    de_pred: Any,
    *,
    targets: Sequence[Sequence[str]] | None = None,
    alpha: float = ALPHA,
    reduce: str | None = "mean",
) -> Any:
    r"""Compute how many genes are predicted to change, and in the right direction, of all that could be.

    .. math:: \frac{k}{\max(n, |T|)}

    with :math:`n` the genes that are predicted to be significant and have a measured direction, :math:`k` those of
    them with the right one, and :math:`T` the genes that are significant in the truth.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    targets : sequence of sequences of str, default=None
        The perturbed genes of each condition, in the order of `de_true`, which then do not count.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where neither side has such a gene.

    References
    ----------
    ``de_wilcoxon_direction_fidelity_yield_raw`` of cell-eval2.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_direction_yield
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_direction_yield(table, table.assign(log2_fold_change=[1.0, 1.0, 1.0]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)
    counted = tables.without(targets)
    committed = tables.predicted_significant & counted & (tables.true_change != 0)
    right = (committed & (np.sign(tables.true_change) == np.sign(tables.predicted_change))).sum(axis=1)
    possible = np.maximum(committed.sum(axis=1), (tables.true_significant & counted).sum(axis=1))
    return _reduced(list(np.where(possible > 0, right / np.maximum(possible, 1), np.nan)), reduce)


@validate_params(
    {**_COMMON, "targets": ["array-like", None], "purity": [Interval(Real, 0, 1, closed="both")]},
    prefer_skip_nested_validation=True,
)
def de_direction_reach(
    de_true: Any,
    de_pred: Any,
    *,
    purity: float = _PURITY,
    targets: Sequence[Sequence[str]] | None = None,
    alpha: float = ALPHA,
    reduce: str | None = "mean",
) -> Any:
    """Compute how many of the significant genes are reached before too many directions are wrong.

    The significant genes are ranked by how sure the prediction is of them (the smallest p-value first, then the
    largest absolute fold change); the longest beginning of that list in which at least the share `purity` has the
    right sign is divided by the length of the list.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    purity : float, default=0.9
        Share of right signs.
    targets : sequence of sequences of str, default=None
        The perturbed genes of each condition, in the order of `de_true`, which then do not count.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where no gene is significant in the truth.

    References
    ----------
    ``de_wilcoxon_direction_reach_raw`` of cell-eval2.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_direction_reach
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.003], "p_adjusted": [0.01, 0.01, 0.01]})
    >>> de_direction_reach(table, table.assign(log2_fold_change=[1.0, -1.0, -1.0]))
    0.666...
    """
    tables = pair_tables(de_true, de_pred, alpha)
    counted = tables.without(targets)

    def score(row: int) -> float:
        genes = np.flatnonzero(tables.true_significant[row] & counted[row])
        if not len(genes):
            return float("nan")
        predicted = tables.predicted_change[row][genes]
        order = np.lexsort((-np.abs(predicted), tables.predicted_p[row][genes]))
        right = (np.sign(predicted) == np.sign(tables.true_change[row][genes]))[order]
        pure = np.cumsum(right) / np.arange(1, len(genes) + 1) >= purity
        return float(np.flatnonzero(pure).max(initial=-1) + 1) / len(genes)

    return _per_condition(tables, score, reduce)


@validate_params(_COMMON, prefer_skip_nested_validation=True)
def de_spearman_lfc(de_true: Any, de_pred: Any, *, alpha: float = ALPHA, reduce: str | None = "mean") -> Any:
    """Compute the rank correlation of measured and predicted fold changes over the significant genes.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where fewer than two genes are significant in the truth, or one side has one fold change for all of them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_spearman_lfc
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.003], "p_adjusted": [0.01, 0.01, 0.01]})
    >>> de_spearman_lfc(table, table.assign(log2_fold_change=[1.0, -2.0, 3.0]))
    0.5
    """
    tables = pair_tables(de_true, de_pred, alpha)

    def score(row: int) -> float:
        genes = tables.true_significant[row]
        truth, prediction = tables.true_change[row][genes], tables.predicted_change[row][genes]
        if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(prediction) == 0:
            return float("nan")
        return float(spearmanr(truth, prediction).statistic)

    return _per_condition(tables, score, reduce)


@validate_params({**_COMMON, "targets": ["array-like", None]}, prefer_skip_nested_validation=True)
def de_lfc_error(
    de_true: Any,
    de_pred: Any,
    *,
    targets: Sequence[Sequence[str]] | None = None,
    alpha: float = ALPHA,
    reduce: str | None = "mean",
) -> Any:
    r"""Compute the error of the fold changes of the significant genes, as a part of their size.

    .. math:: \frac{\sum_{g \in T} |\hat l_g - l_g|}{\sum_{g \in T} |l_g|}

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    targets : sequence of sequences of str, default=None
        The perturbed genes of each condition, in the order of `de_true`, which then do not count.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value are significant.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        0 is perfect, 1 is as good as no change; NaN where no gene is significant in the truth.

    References
    ----------
    ``de_wilcoxon_lfc_nmae`` of cell-eval2.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_lfc_error
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_lfc_error(table, table.assign(log2_fold_change=[2.0, -1.0, 9.0]))
    0.4
    """
    tables = pair_tables(de_true, de_pred, alpha)
    counted = tables.true_significant & tables.without(targets) & np.isfinite(tables.true_change)
    errors = np.where(counted, np.abs(tables.predicted_change - np.where(counted, tables.true_change, 0.0)), 0.0)
    sizes = np.where(counted, np.abs(tables.true_change), 0.0).sum(axis=1)
    scores = np.where(sizes > 0, errors.sum(axis=1) / np.where(sizes > 0, sizes, 1.0), np.nan)
    return _reduced(list(scores), reduce)


@validate_params({**_COMMON, "floor": [Interval(Real, 0, 1, closed="both")]}, prefer_skip_nested_validation=True)
def de_pr_auc(
    de_true: Any, de_pred: Any, *, alpha: float = ALPHA, floor: float = 0.0, reduce: str | None = "mean"
) -> Any:
    """Compute the average precision of the predicted adjusted p-values in finding the significant genes.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value in the truth are to be found.
    floor : float, default=0
        Predicted p-values below it count as one and the same; cell-eval has 1e-10, cell-eval2 none.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        The area under precision and recall, without interpolation; NaN where all genes are significant in the truth,
        or none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_pr_auc
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_pr_auc(table, table.assign(p_adjusted=[0.01, 0.6, 0.5]))
    0.833...
    """
    return _area(de_true, de_pred, alpha, floor, average_precision_score, reduce)


@validate_params({**_COMMON, "floor": [Interval(Real, 0, 1, closed="both")]}, prefer_skip_nested_validation=True)
def de_roc_auc(
    de_true: Any, de_pred: Any, *, alpha: float = ALPHA, floor: float = 0.0, reduce: str | None = "mean"
) -> Any:
    """Compute the area under the ROC curve of the predicted adjusted p-values in finding the significant genes.

    Parameters
    ----------
    de_true, de_pred : DataFrame of n_conditions · n_genes rows, shape (n_rows, n_columns)
        As `differential_expression` returns them; aligned by the names of conditions and genes.
    alpha : float, default=0.05
        Genes with a smaller adjusted p-value in the truth are to be found.
    floor : float, default=0
        Predicted p-values below it count as one and the same; cell-eval has 1e-10, cell-eval2 none.
    reduce : {"mean"} or None, default="mean"
        Mean over the conditions for which the score is defined, or one value per condition.

    Returns
    -------
    float or ndarray of shape (n_conditions,)
        NaN where all genes are significant in the truth, or none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.metrics import de_roc_auc
    >>> table = pd.DataFrame({"condition": "A", "gene": ["x", "y", "z"], "log2_fold_change": [3.0, -2.0, 1.0],
    ...                       "p_value": [0.001, 0.002, 0.5], "p_adjusted": [0.01, 0.01, 0.5]})
    >>> de_roc_auc(table, table.assign(p_adjusted=[0.01, 0.6, 0.5]))
    0.5
    """
    return _area(de_true, de_pred, alpha, floor, roc_auc_score, reduce)


def _area(
    de_true: Any,
    de_pred: Any,
    alpha: float,
    floor: float,
    area: Callable[[np.ndarray, np.ndarray], float],
    reduce: str | None,
) -> Any:
    tables = pair_tables(de_true, de_pred, alpha)

    def score(row: int) -> float:
        truth = tables.true_significant[row]
        # The smallest p-value is the surest.
        scores = -np.maximum(tables.predicted_adjusted[row], floor)
        return float(area(truth, scores)) if 0 < truth.sum() < len(truth) else float("nan")

    return _per_condition(tables, score, reduce)
