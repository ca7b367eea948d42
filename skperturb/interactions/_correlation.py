"""Co-expression as a predictor of interactions."""

from typing import Any

import numpy as np

from skperturb.base import BaseEstimator
from skperturb.interactions._common import PairModelMixin
from skperturb.interactions._expression import absolute_correlation, correlation_rows
from skperturb.interactions._neighborhoods import Neighborhoods

__all__ = ["ExpressionCorrelation"]


class ExpressionCorrelation(PairModelMixin, BaseEstimator):
    """Score a pair by the absolute Pearson correlation of its genes' expression.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), default=None
        Genes in rows, aligned by name. A pair with a gene that has no expression scores 0.
    genes : sequence of str or int, default=None
        Genes that are known besides those of the pairs.
    unknown : {"warn", "error", "zero"}, default="warn"
        What becomes of a pair with a gene that neither training nor expression knows, as folds of a cross-validation
        have. The gene is scored 0: with a warning, or without one ("zero"); or the
        pairs are refused ("error", and with "warn" a table without any known gene).
    negatives : {"uniform", "connected", "degree"}, default="uniform"
        How negatives are sampled when `fit` gets interactions only; they matter for probabilities alone.
    self_pairs : {"error", "drop", "keep"}, default="error"
        Whether `fit` refuses pairs of a gene with itself, leaves them out, or learns from them. They never enter the
        graph. Unless they are kept, their score is NaN.
    random_state : int, RandomState or None, default=None
        Decides these negatives.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
    positive_pairs_ : ndarray of shape (n_edges, 2)
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.interactions import ExpressionCorrelation
    >>> expression = pd.DataFrame([[1, 2, 3], [2, 4, 6], [3, 2, 3]], index=["a", "b", "c"])
    >>> model = ExpressionCorrelation(expression, random_state=0).fit([("a", "b")])
    >>> model.transform([("a", "b"), ("a", "c")]).ravel().round(6)
    array([1., 0.])
    """

    _needs_expression = True

    def __init__(
        self,
        expression: Any = None,
        *,
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.expression = expression
        self.genes = genes
        self.unknown = unknown
        self.negatives = negatives
        self.self_pairs = self_pairs
        self.random_state = random_state

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        assert self._expression is not None
        return absolute_correlation(self._expression, positions)[:, None]

    def _candidate_columns(self, near: Neighborhoods, sources: np.ndarray) -> list[np.ndarray]:
        assert self._expression is not None
        return [correlation_rows(self._expression, sources)]

    def _feature_names(self) -> list[str]:
        return ["absolute_correlation"]
