"""What all models of interactions share: pairs in, graph of the positive training pairs, probabilities out."""

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import logit
from sklearn.base import ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skperturb._interchange import as_pandas
from skperturb._pair_sampling import STRATEGIES, count_negative_positions, sample_negative_positions
from skperturb._pairs import (
    GenePairs,
    as_genes,
    check_same_rows,
    encode_pairs,
    ensure_labels,
    ensure_pairs,
    index_of,
    refuse_self_pairs,
    symmetric_graph,
)
from skperturb._sklearn import StrOptions, fit_context
from skperturb.interactions._candidates import CandidateRankingMixin
from skperturb.interactions._expression import align_expression, ensure_expression, warn_uncovered
from skperturb.interactions._pair_scoring import PairScoringMixin
from skperturb.interactions._pair_weights import ensure_weights, without_weights

__all__ = ["SOLVER_STEPS", "PairModelMixin"]

# Iterations of the logistic regression. Standardized features take 5 to 25 until its own tolerance ends it; ten times
# less is scikit-learn's default, which warns on hard cases, and ten times more changes nothing.
SOLVER_STEPS = 1000


class PairModelMixin(CandidateRankingMixin, PairScoringMixin, ClassifierMixin, TransformerMixin):
    """Mixin of estimators whose samples are pairs of genes.

    A subclass learns from the graph of the positive training pairs in ``_fit_graph`` and describes pairs in
    ``_pair_features``; the features are the result of `transform`, and a logistic regression on them gives the
    probabilities.
    """

    _parameter_constraints: ClassVar[dict] = {
        "expression": ["array-like", dict, None],
        "genes": ["array-like", None],
        "unknown": [StrOptions({"warn", "error", "zero"})],
        "negatives": [StrOptions(set(STRATEGIES))],
        "self_pairs": [StrOptions({"error", "drop", "keep"})],
        "random_state": ["random_state"],
    }
    # Without expression some models have nothing to work with.
    _needs_expression = False

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn from known interactions.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
            Pairs of gene names (str) or integers. A pair may occur more than once with the same label, in either
            order; it is one edge, and counts once.
        y : array-like of shape (n_pairs,), default=None
            1 for an interaction, 0 for a pair without. If all labels are 1, or `y` is None, as many negative pairs as
            interactions are sampled.
        sample_weight : array-like of shape (n_pairs,), default=None
            How much each pair counts in the regression, such as the confidence in it; the graph has all interactions
            alike. A row of weight zero is as if it were not there. The mean over the rows of a pair is taken, and
            sampled negatives count as much as an interaction does on average. A third column of a DataFrame `X` that is
            named "weight", "confidence" or "score" is the same.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ids are no strings or integers, or kinds are mixed.
        ValueError
            If pairs are self-pairs (see `self_pairs`), labelled both 0 and 1, or none is positive, if ids are missing,
            or if `expression` does not fit.

        Warns
        -----
        UserWarning
            If `expression` has hardly any of the genes of `X`, or names them in another way, or if names differ in case
            only.
        """
        positions, labels = self._start(X, y, sample_weight)
        self._fit_graph()
        self._fit_head(self._pair_features(positions), labels)
        return self

    def fit_transform(self, X, y=None, **fit_params):
        """Fit, and return the features of the training pairs.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
        y : array-like of shape (n_pairs,), default=None
        **fit_params
            Of `fit`.

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
        """
        return self.fit(X, y, **fit_params).transform(X)

    def transform(self, X):
        """Describe pairs.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
            NaN for a pair of a gene with itself, unless the model was fitted with ``self_pairs="keep"``.
        """
        return self._describe(X)

    def _describe(self, X: Any) -> np.ndarray:
        """Describe pairs, as an array whatever users want transformers to return."""
        positions, unscored = self._locate(X)
        if len(positions) == 0:
            return np.empty((0, len(self._feature_names())))
        return _blank(self._pair_features(positions), unscored)

    def decision_function(self, X):
        """Return the log-odds of an interaction.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs,)
            Relative to the base rate of `predict_proba`. NaN for a pair of a gene with itself, unless the model was
            fitted with ``self_pairs="keep"``.
        """
        positions, unscored = self._locate(X)
        # Not through transform, whose result may be a DataFrame.
        if len(positions) == 0:
            return np.empty(0)
        return _blank(self._log_odds(self._pair_features(positions)), unscored)

    def predict_proba(self, X, prevalence=None):
        r"""Return the probabilities of no interaction and of an interaction.

        They hold for pairs of which a share `base_rate_` interacts, as in the training: with as many negatives as
        interactions, one half. Among candidates that nobody has tested interactions are far rarer, so there the
        probabilities are far too large, though their order is right. `prevalence` :math:`\pi` tells how many of the
        candidates are expected to interact, and shifts the log-odds by

        .. math:: \log\frac{\pi}{1 - \pi} - \log\frac{b}{1 - b}

        with the base rate b. It is right as far as the candidates that do not interact are like the negatives of the
        training.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
        prevalence : float, default=None
            Share of interactions that is expected among the candidates, between 0 and 1; `base_rate_` when None.

        Returns
        -------
        ndarray of shape (n_pairs, 2)
            NaN where `decision_function` is.

        Raises
        ------
        ValueError
            If `prevalence` is not between 0 and 1.
        """
        positive = 0.5 * (1.0 + np.tanh(0.5 * self._shifted(X, prevalence)))
        return np.column_stack([1.0 - positive, positive])

    def predict_log_proba(self, X, prevalence=None):
        """Return the logarithms of `predict_proba`, finite also where a probability is too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
        prevalence : float, default=None
            See `predict_proba`.

        Returns
        -------
        ndarray of shape (n_pairs, 2)
            NaN where `decision_function` is.
        """
        score = self._shifted(X, prevalence)
        return -np.logaddexp(0.0, np.column_stack([score, -score]))

    def _shifted(self, X: Any, prevalence: Any) -> np.ndarray:
        """Return log-odds at a prevalence."""
        score = self.decision_function(X)
        if prevalence is None:
            return score
        if not isinstance(prevalence, Real) or not 0 < float(prevalence) < 1:
            raise ValueError(
                f"prevalence is {prevalence!r}; expected a number between 0 and 1, the share of interactions among "
                "the candidates."
            )
        return score + logit(float(prevalence)) - logit(self.base_rate_)

    def predict(self, X):
        """Predict 1 for pairs that probably interact and 0 for others.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs,)

        Warns
        -----
        UserWarning
            If pairs of a gene with itself have no score, which counts as 0.
        """
        scores = self.decision_function(X)
        unscored = np.isnan(scores)
        if unscored.any():
            warnings.warn(
                f"{int(unscored.sum())} of {len(scores)} pairs are a gene with itself and, unscored, are called 0, "
                f"because of self_pairs={self.self_pairs!r}. Fit with self_pairs='keep' to score them.",
                UserWarning,
                stacklevel=2,
            )
        return (scores > 0).astype(np.int64)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of `transform`.

        Parameters
        ----------
        input_features : None
            Not used.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        return np.asarray(self._feature_names(), dtype=object)

    def _start(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Validate everything and set what every model knows; return the training positions and labels."""
        X, weights = ensure_weights(X, sample_weight)
        self._columns = column_names(X)
        kept = None if weights is None else weights > 0
        if kept is not None and not kept.all():
            X, y = _without_weightless(X, y, kept, self_pairs=self.self_pairs)
        self._rng = check_random_state(self.random_state)
        expression = ensure_expression(self.expression)
        extra = [] if expression is None else [expression.index]
        extra += [] if self.genes is None else [as_genes(self.genes, "genes")]
        rule = "error" if self.self_pairs == "error" else "keep"
        listed = encode_pairs(X, y, extra, directed=self._is_directed, self_pairs=rule)
        # An interaction that is listed twice, or in both orders, would else weigh twice what a sampled negative does.
        data, self._rows = listed.distinct(without_self=self.self_pairs == "drop")
        self._weights = None if weights is None else _mean_by_pair(weights[kept], self._rows, len(data.labels))
        if kept is not None:
            self._rows = _at_listed_rows(self._rows, kept)
        warn_case(data.genes[np.unique(data.positions)])
        self.genes_ = data.genes.to_numpy()
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = 2
        self._index = data.genes
        self._positives = data.positives
        # One isolated node more than genes: what position -1, an unknown gene, stands for.
        self._graph = self._build_graph()
        self._set_expression(expression, data)
        return self._with_negatives(data)

    @property
    def positive_pairs_(self):
        """The graph: the interacting training pairs, ndarray of shape (n_edges, 2)."""
        # Not kept beside the positions, because a file of names is far larger than one of numbers.
        return self.genes_[self._positives]

    @property
    def _is_directed(self) -> bool:
        return bool(getattr(self, "directed", False))

    def _build_graph(self) -> sp.csr_array:
        return symmetric_graph(self._positives, len(self.genes_) + 1)

    def _set_expression(self, expression: pd.DataFrame | None, data: GenePairs) -> None:
        if expression is None:
            if self._needs_expression:
                raise ValueError(
                    f"{type(self).__name__} needs expression; got None. Pass a DataFrame of shape (n_genes, n_samples)."
                )
            self._expression = None
            return
        paired = index_of(self.genes_[np.unique(data.positions)])
        if not expression.index.isin(paired).any():
            raise ValueError(
                f"expression knows none of the {len(paired)} genes of X (its genes: "
                f"{', '.join(map(str, expression.index[:3]))}, …; those of X: {', '.join(map(str, paired[:3]))}, …). "
                "Name genes alike in both."
            )
        warn_uncovered(expression.index, paired)
        self._expression = align_expression(expression, data.genes)

    def _with_negatives(self, data: GenePairs) -> tuple[np.ndarray, np.ndarray]:
        if not data.labels.all():
            return data.positions, data.labels
        sample = self._sample(len(self._positives))
        if len(sample) == 0:
            raise self._no_negatives(len(np.unique(self._positives)))
        positions = np.concatenate([data.positions, sample])
        return positions, np.repeat([1, 0], [len(data.positions), len(sample)])

    def _sample(self, n_samples: int) -> np.ndarray:
        return self._draw(n_samples, self.negatives)

    def _draw(
        self, n_samples: int, strategy: str, exclude: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw negatives, fewer than asked for where the graph is so dense that no more exist."""
        known: dict[str, Any] = {"strategy": strategy, "exclude": exclude, "ends": ends, "directed": self._is_directed}
        n_genes = len(self.genes_)
        available = count_negative_positions(self._positives, n_genes, **known)
        return sample_negative_positions(
            min(n_samples, available), self._positives, n_genes, **known, random_state=self._rng
        )

    @staticmethod
    def _no_negatives(n_genes: int) -> ValueError:
        return ValueError(
            f"X holds all pairs of its {n_genes} genes, so there is no negative to learn from. Pass negative pairs "
            "with label 0, or more genes in genes."
        )

    def _locate(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Translate pairs to positions (-1: an unknown gene, if that is allowed), and tell which ones have no score."""
        check_is_fitted(self)
        # A table of pairs that a filter left empty; a list without anything may be a slip, and is refused below.
        X = without_weights(X)
        self._refuse_turned(X)
        if getattr(X, "shape", None) == (0, 2):
            return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=bool)
        pairs = ensure_pairs(X)
        # Not by position, because all unknown genes share one.
        unscored = np.asarray(pairs[:, 0] == pairs[:, 1], dtype=bool) & (self.self_pairs != "keep")
        positions = self._positions_of(pairs.ravel(), "X").reshape(-1, 2)
        return positions if self._is_directed else np.sort(positions, axis=1), unscored

    def _refuse_turned(self, X: Any) -> None:
        """Raise ValueError for a table whose two columns stand in the other order than those of the training."""
        names = column_names(X) if self._is_directed else None
        if names is not None and self._columns is not None and names == self._columns[::-1]:
            raise ValueError(
                f"X has the columns {names}, and {self._columns} in fit; the first gene of a pair acts on the second. "
                f"Pass X[{self._columns}]."
            )

    def _positions_of(self, genes: np.ndarray, name: str) -> np.ndarray:
        if (genes.dtype == object) != (self._index.dtype == object):
            raise TypeError(
                f"{name} names genes by {'str' if genes.dtype == object else 'int'}, but the model was fitted on "
                f"{'str' if self._index.dtype == object else 'int'}; use the ids of the training."
            )
        positions = self._index.get_indexer(genes)
        if (positions < 0).any() and self.unknown != "zero":
            self._report_unknown(genes, positions, name)
        return positions

    def _report_unknown(self, genes: np.ndarray, positions: np.ndarray, name: str) -> None:
        missing = pd.unique(genes[positions < 0])
        found = (
            f"{name} has {len(missing)} genes that neither the training pairs nor expression know "
            f"({', '.join(map(str, missing[:3]))})"
        )
        # A single pair may be the fold of a cross-validation; a whole table without a known gene names them otherwise.
        is_foreign = len(genes) > 2 and not (positions >= 0).any()
        if self.unknown == "error" or name != "X" or is_foreign:
            raise ValueError(f"{found}. Leave them out, name them in genes, or set unknown='zero'.")
        warnings.warn(
            f"{found}; they count as genes without interactions. Name them in genes; or set unknown='zero', which is "
            "silent, or 'error'.",
            UserWarning,
            stacklevel=5,
        )

    def _fit_head(self, features: np.ndarray, labels: np.ndarray) -> None:
        # Plain arrays whatever users want transformers to return: set_config(transform_output="pandas").
        scaler = StandardScaler().set_output(transform="default")
        regression = LogisticRegression(max_iter=SOLVER_STEPS)
        # Step by step, because a pipeline passes weights on by routes that depend on enable_metadata_routing.
        regression.fit(scaler.fit_transform(features), labels, self._weights_of(labels))
        self._head = make_pipeline(scaler, regression)
        self.base_rate_ = float(labels.mean())

    def _weights_of(self, labels: np.ndarray) -> np.ndarray | None:
        """Return a weight for each training pair; negatives that were drawn have the mean of the interactions."""
        if self._weights is None:
            return None
        given = self._weights
        drawn = np.full(len(labels) - len(given), given[labels[: len(given)] == 1].mean())
        return np.concatenate([given, drawn])

    def _log_odds(self, features: np.ndarray) -> np.ndarray:
        return self._head.decision_function(features)

    def _fit_graph(self) -> None:
        """Learn from ``self._graph``, ``self._expression`` and ``self._rng``."""

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _feature_names(self) -> list[str]:
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        # Samples are pairs of names, not rows of numbers.
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.required = False
        tags.non_deterministic = False
        return tags


def column_names(X: Any) -> list[str] | None:
    """Return the names of the two columns of a table, None for everything else and for columns without names."""
    frame = as_pandas(X)
    if not isinstance(frame, pd.DataFrame) or frame.shape[1] != 2:
        return None
    first, second = frame.columns
    return [first, second] if isinstance(first, str) and isinstance(second, str) and first != second else None


def _without_weightless(X: Any, y: Any, kept: np.ndarray, *, self_pairs: str) -> tuple[np.ndarray, np.ndarray]:
    """Validate all rows, so that error texts count from the first, and return the pairs and labels of those kept."""
    check_same_rows(X, y)
    pairs = ensure_pairs(X)
    labels = ensure_labels(y, len(pairs))
    if self_pairs == "error":
        refuse_self_pairs(pairs, "X")
    for label, kind in ((1, "interactions"), (0, "pairs without an interaction")):
        if (labels == label).any() and not kept[labels == label].any():
            raise ValueError(f"The weights of all {kind} are zero; expected at least one that counts.")
    return pairs[kept], labels[kept]


def _mean_by_pair(weights: np.ndarray, rows: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return the mean weight of the rows of each pair; rows at -1 were left out."""
    kept = rows >= 0
    return np.bincount(rows[kept], weights[kept], minlength=n_pairs) / np.bincount(rows[kept])


def _at_listed_rows(rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the pair of each listed row, -1 for rows that were not kept."""
    listed = np.full(len(kept), -1)
    listed[kept] = rows
    return listed


def _blank(values: np.ndarray, unscored: np.ndarray) -> np.ndarray:
    """Set rows to NaN."""
    values[unscored] = np.nan
    return values


def warn_case(genes: pd.Index) -> None:
    """Warn once, with the count, of names that differ in case only: two genes for some, a slip for most."""
    if genes.dtype != object:
        return
    folded = pd.Index([gene.casefold() for gene in genes])
    alike = folded.duplicated(keep=False)
    if alike.any():
        example = genes[folded == folded[alike][0]]
        warnings.warn(
            f"{int(alike.sum())} of {len(genes)} names of genes in X differ from another one in case only, such as "
            f"{example[0]!r} and {example[1]!r}; here they are different genes. If they are not, write them alike.",
            UserWarning,
            stacklevel=5,
        )
