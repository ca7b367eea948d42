"""What the rows of a perturbation × gene matrix are, and the effect of each gene alone."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from skperturb._alignment import check_rows, check_same_names, equal_rows, is_default, name_positions, row_names
from skperturb._interchange import as_pandas, is_anndata
from skperturb._validation import describe
from skperturb.responses._contexts.columns import ContextDesign, marked_columns, read_contexts, warn_of_unmarked
from skperturb.responses._doses import DoseCurves
from skperturb.responses._noise import NO_NOISE, RowNoise, read_noise
from skperturb.responses._unknown_genes import UsualResponse, take_unknown_rows

__all__ = [
    "LabeledDoses",
    "PerturbationRegressorMixin",
    "SingleEffects",
    "condition_groups",
    "estimate_effects",
    "group_means",
    "n_perturbed",
    "row_norms",
    "sum_effects",
]

#: Penalties that leave-one-out chooses among for genes that are perturbed only in combinations. A gene at dose 1 weighs
#: as much as the number of its combinations: from hardly any shrinkage (0.01) to hardly any effect (100).
_ALPHAS = np.logspace(-2, 2, 9)


def n_perturbed(X: np.ndarray) -> np.ndarray:
    """Return the number of perturbed genes of each condition."""
    return np.count_nonzero(X, axis=1)


def condition_groups(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find replicates: rows with the same doses.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)

    Returns
    -------
    first : ndarray of int, shape (n_groups,)
        The first row of each group, ascending.
    group : ndarray of int, shape (n_conditions,)
        Group of each row, in that order.
    """
    return equal_rows(X)


def group_means(values: np.ndarray, group: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean of the rows of each group.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_outputs)
    group : ndarray of int, shape (n_rows,)
        From 0 on, each at least once.
    weight : ndarray of shape (n_rows, 1) or (n_rows, n_outputs)

    Returns
    -------
    ndarray of shape (n_groups, n_outputs)
    """
    n_groups = int(group.max()) + 1 if len(group) else 0
    if n_groups == len(values) and np.array_equal(group, np.arange(n_groups)):
        # Replicates are rare, and copies of large screens are large.
        return values
    member = sp.csr_array((np.ones(len(group)), (group, np.arange(len(group)))), shape=(n_groups, len(group)))
    return (member @ (weight * values)) / (member @ weight)


def sum_effects(X: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return the sum of the effects of the perturbed genes of each condition, times their doses.

    Each row is summed alone, gene by gene, so that it does not depend on the others, as it would with BLAS; and only
    the few genes that are perturbed are.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
    effects : ndarray of shape (n_genes, n_outputs) or (n_genes,)

    Returns
    -------
    ndarray of shape (n_conditions, n_outputs) or (n_conditions,)
    """
    return sp.csr_array(X) @ effects


def row_norms(values: np.ndarray) -> np.ndarray:
    """Return the length of each row without a copy of the matrix."""
    return np.sqrt(np.einsum("ij,ij->i", values, values))


@dataclass(frozen=True)
class SingleEffects:
    """Response to one unit of each gene alone.

    Parameters
    ----------
    values : ndarray of shape (n_genes, n_outputs)
        Zero where nothing is known.
    observed : ndarray of bool, shape (n_genes,)
        The gene was perturbed alone.
    known : ndarray of bool, shape (n_genes,)
        The gene was perturbed, alone or together with others.
    replicate_variance : ndarray of shape (n_outputs,)
        Of one replicate (another guide, another batch) around the mean of the replicates of a gene, less what the error
        of that mean has of it; zero without replicates.
    weight : ndarray of shape (n_genes,) or None
        Sum of the weights of the conditions behind an observed effect; None without weights.
    noise : ndarray of shape (n_genes,) or (n_genes, n_outputs), or None
        Variance of the noise of observed effects, zero for others; None where no noise was given.
    """

    values: np.ndarray
    observed: np.ndarray
    known: np.ndarray
    replicate_variance: np.ndarray
    weight: np.ndarray | None = None
    noise: np.ndarray | None = None

    def row_noise(self) -> np.ndarray | None:
        """Return the variance of the noise of each effect, the mean over the outputs."""
        return self.noise if self.noise is None or self.noise.ndim == 1 else self.noise.mean(axis=1)


def estimate_effects(
    X: np.ndarray, Y: np.ndarray, alpha: float | None = None, noise: RowNoise = NO_NOISE, *, relative: bool = False
) -> SingleEffects:
    """Estimate single effects: observed ones exactly, the others by ridge regression on the combinations.

    Parameters
    ----------
    X : ndarray of shape (n_conditions, n_genes)
        Doses.
    Y : ndarray of shape (n_conditions, n_outputs)
        Responses.
    alpha : float, default=None
        Ridge penalty for genes that are perturbed only together with others; None lets leave-one-out choose it.
    noise : RowNoise
        Of the responses. Replicates count by it.
    relative : bool, default=False
        Whether only ratios of the weights and of the numbers of replicates count, and not how large they are beside the
        penalty.

    Returns
    -------
    SingleEffects
    """
    count = n_perturbed(X)
    known = (X != 0).any(axis=0)
    found = _observed_effects(X, Y, count, noise, known)
    rest = known & ~found.observed
    if rest.any():
        rows = np.flatnonzero(count > 1)
        first, group = condition_groups(X[rows])
        precision = noise.take(rows).precision(Y[rows] - Y[rows].mean(axis=0))
        # Replicates count by their number or weight, and leave-one-out leaves all of them out.
        residual = group_means(Y[rows] - sum_effects(X[rows], found.values), group, precision[:, None])
        ridge = Ridge(alpha=alpha, fit_intercept=False) if alpha is not None else RidgeCV(_ALPHAS, fit_intercept=False)
        total = np.bincount(group, weights=precision)
        total = total / total.mean() if relative else total
        weighted = noise.is_known or len(first) < len(rows)
        ridge.fit(X[rows[first]][:, rest], residual, sample_weight=total if weighted else None)
        found.values[rest] = np.reshape(ridge.coef_, (Y.shape[1], -1)).T
    return found


def _observed_effects(
    X: np.ndarray, Y: np.ndarray, count: np.ndarray, noise: RowNoise, known: np.ndarray
) -> SingleEffects:
    """Average the conditions of each gene that was perturbed alone."""
    rows, gene = np.nonzero(X)
    alone = count[rows] == 1
    rows, gene = rows[alone], gene[alone]
    dose = X[rows, gene]
    noise = noise.take(rows)
    observed = np.zeros(X.shape[1], dtype=bool)
    observed[gene] = True
    values, _ = _average(gene, dose, Y, rows, noise.counts(len(rows))[:, None], X.shape[1])
    replicate = _replicate_variance(dose, gene, Y, rows, values, noise.counts(len(rows)))
    total = None if noise.weight is None else np.bincount(gene, noise.weight * dose**2, minlength=X.shape[1])
    if noise.variance is None:
        return SingleEffects(values, observed, known, replicate, total)
    # Of the variance around the means, the noise is known; what is left are differences between guides.
    extra = max(float(replicate.mean() - np.mean(noise.variance)), 0.0) if replicate.any() else 0.0
    precision = noise.replicate_precision(extra, len(rows))
    values, power = _average(gene, dose, Y, rows, precision, X.shape[1])
    variance = noise.variance if noise.variance.ndim == 2 else noise.variance[:, None]
    spread = _by_gene(gene, dose**2, X.shape[1]) @ (precision**2 * variance / noise.counts(len(rows))[:, None])
    spread = np.divide(spread, power**2, out=np.zeros_like(power), where=observed[:, None])
    spread = spread if noise.variance.ndim == 2 else spread[:, 0]
    return SingleEffects(values, observed, known, replicate, total, spread)


def _by_gene(gene: np.ndarray, values: np.ndarray, n_genes: int) -> sp.csr_array:
    return sp.csr_array((values, (gene, np.arange(len(gene)))), shape=(n_genes, len(gene)))


def _average(
    gene: np.ndarray, dose: np.ndarray, Y: np.ndarray, rows: np.ndarray, precision: np.ndarray, n_genes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the effect of each gene from the conditions in which it was alone, and the sum of their precisions."""
    if precision.shape[1] == 1:
        selected = sp.csr_array((dose * precision[:, 0], (gene, rows)), shape=(n_genes, len(Y)))
        total = selected @ Y
    else:
        total = _by_gene(gene, dose, n_genes) @ (precision * Y[rows])
    power = _by_gene(gene, dose**2, n_genes) @ precision
    return np.divide(total, power, out=total, where=power > 0), power


def _replicate_variance(
    dose: np.ndarray, gene: np.ndarray, Y: np.ndarray, rows: np.ndarray, effects: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    n_genes = len(np.unique(gene))
    if len(gene) <= n_genes:
        return np.zeros(Y.shape[1])
    relative = (weight / weight.mean())[:, None]
    variance = np.sum(relative * (Y[rows] - dose[:, None] * effects[gene]) ** 2, axis=0) / (len(gene) - n_genes)
    return variance * (1.0 - n_genes / len(gene))


class LabeledDoses(np.ndarray):
    """Doses that still know which conditions they are, on their way from the encoder to a model.

    It is an array like any other. Only the array that the encoder returns has the names, also in a cache or in another
    process: rows that are copied, selected or computed from it may be other rows. Copied and selected rows still know
    which columns are contexts.

    Attributes
    ----------
    condition_names : Index or None
        Names of the rows.
    are_index : bool
        The names come from an index, as those of a DataFrame; otherwise they are the labels themselves, which may be
        spelled otherwise than the names of the responses.
    context_columns : dict of int to str, or None
        Position and name of the columns that are contexts.
    """

    condition_names: pd.Index | None = None
    are_index: bool = False
    context_columns: dict[int, str] | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.condition_names = None
        self.context_columns = None

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        further = key[1:] if isinstance(key, tuple) else ()
        # Some of the rows have the same columns.
        whole_rows = all(k is ... or (isinstance(k, slice) and k == slice(None)) for k in further)
        if isinstance(found, LabeledDoses) and found.ndim == 2 and whole_rows:
            found.context_columns = self.context_columns
        return found

    def copy(self, order: Any = "C") -> Any:
        return self._same_columns(super().copy(order))

    def astype(self, *args: Any, **kwargs: Any) -> Any:
        return self._same_columns(super().astype(*args, **kwargs))

    def take(self, indices: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Any:
        # How scikit-learn selects rows where arrays of other libraries are allowed (array_api_dispatch).
        found = super().take(indices, axis, *args, **kwargs)
        return self._same_columns(found) if axis == 0 and np.ndim(found) == self.ndim else found

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def _same_columns(self, found: Any) -> Any:
        if isinstance(found, LabeledDoses):
            found.context_columns = self.context_columns
        return found

    def __reduce__(self) -> Any:
        reduced: Any = super().__reduce__()
        build, arguments, state = reduced
        return build, arguments, (state, self.condition_names, self.are_index, self.context_columns)

    def __setstate__(self, state: Any) -> None:
        array, self.condition_names, self.are_index, self.context_columns = state
        super().__setstate__(array)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    @classmethod
    def of(cls, doses: np.ndarray, conditions: Any, labels: Sequence[Any]) -> "LabeledDoses":
        """Name the rows after what was encoded.

        Parameters
        ----------
        doses : ndarray of shape (n_conditions, n_genes)
        conditions : sequence of str or dict, Series, DataFrame or AnnData
            What the encoder read.
        labels : sequence of str or dict
            The labels in it.

        Returns
        -------
        LabeledDoses of shape (n_conditions, n_genes)
            A view; without names where some label is no text.
        """
        index = row_names(conditions)
        are_index = index is not None and not is_default(index)
        if not are_index:
            index = pd.Index(list(labels), dtype=object) if all(isinstance(label, str) for label in labels) else None
        named = doses.view(cls)
        named.condition_names, named.are_index = index, are_index
        return named


def _is_named(index: pd.Index | None) -> bool:
    """Tell whether rows have names and not only numbers."""
    return index is not None and (index.nlevels > 1 or index.dtype.kind not in "iu")


def refuse_labels(X: Any) -> None:
    """Raise TypeError if `X` holds what `PerturbationEncoder` reads, and not what it returns.

    Parameters
    ----------
    X : object
    """
    what = _kind_of_labels(X)
    if what:
        raise TypeError(
            f"X is {what}; expected a matrix of doses, (n_conditions, n_genes). Labels become doses by "
            "PerturbationEncoder().fit_transform(X); both in one model: make_pipeline(PerturbationEncoder(), model)."
        )


def _refuse_sparse(y: Any) -> None:
    """Raise TypeError for sparse responses, of which numpy would make a single object."""
    if sp.issparse(y):
        raise TypeError(f"y is a {describe(y)}; expected dense log-fold changes. Pass y.toarray().")


def _kind_of_labels(X: Any) -> str | None:
    if is_anndata(X):
        return "an AnnData"
    X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        texts = [name for k, name in enumerate(X.columns) if _begins_with_text(X.iloc[:, k])]
        return f"a DataFrame with text in its column {texts[0]!r}" if texts else None
    if isinstance(X, str):
        return f"the text {X!r}"
    if isinstance(X, pd.Series | list | tuple | np.ndarray) and _begins_with_text(X):
        return f"a {type(X).__name__} of texts, such as {str(next(iter(X)))!r}"
    return None


def _begins_with_text(values: Any) -> bool:
    return np.ndim(values) > 0 and len(values) > 0 and isinstance(next(iter(values)), str)


@dataclass(frozen=True)
class PredictedRows:
    """What the rows of a prediction are.

    Parameters
    ----------
    index : Index or None
        Their names.
    unknown : ndarray of int
        Those of unknown genes.
    contexts : ndarray of int, of the same shape
        Their contexts.
    """

    index: pd.Index | None
    unknown: np.ndarray
    contexts: np.ndarray


class PerturbationRegressorMixin:
    """Validation, names and shapes that every response estimator shares; holds no model."""

    contexts: Any

    def _validate_fit(
        self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None
    ) -> tuple[np.ndarray, np.ndarray, RowNoise]:
        """Return doses, responses and noise of the conditions that count."""
        refuse_labels(X)
        _refuse_sparse(y)
        self._learn_row_names(X, y)
        given = X, y
        columns = y.columns if isinstance(y, pd.DataFrame) else None
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, multi_output=True, y_numeric=True)
        X = X.toarray() if sp.issparse(X) else X
        y = np.asarray(y, dtype=np.float64)
        self._output_names = columns
        self._flat_output = y.ndim == 1
        y = y.reshape(len(y), -1)
        self._design = self._find_contexts(given[0], X)
        noise, kept = read_noise(sample_weight, noise_variance, *given, y.shape)
        if kept is not None:
            X, y = X[kept], y[kept]
        self._curves = self._learn_curves(X, y, noise)
        self._usual = UsualResponse.of(X[:, self._gene_columns], self._context_codes(X), y, noise)
        return X, y, noise

    @property
    def _gene_columns(self) -> Any:
        return slice(None) if self._design is None else self._design.genes

    def _context_codes(self, X: np.ndarray) -> np.ndarray:
        """Return the context of each row, zero without contexts."""
        return np.zeros(len(X), dtype=int) if self._design is None else self._design.context_of(X)

    def _find_contexts(self, given: Any, X: np.ndarray) -> ContextDesign | None:
        """Tell which columns are contexts."""
        names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))
        if self.contexts is None and not marked_columns(given):
            warn_of_unmarked(X, names)
            return None
        return read_contexts(self.contexts, given, names)

    def _learn_curves(self, X: np.ndarray, y: np.ndarray, noise: RowNoise) -> DoseCurves | None:
        """Learn what doses count for, if that was asked for."""
        if getattr(self, "dose_response", "linear") == "linear":
            return None
        weight = noise.precision(y - y.mean(axis=0))
        if self._design is None:
            return DoseCurves.learn(X, y, np.zeros(len(X), dtype=int), weight)
        return DoseCurves.learn(X[:, self._design.genes], y, self._design.context_of(X), weight)

    @property
    def _half_doses(self) -> np.ndarray:
        n_genes = self.n_features_in_ if self._design is None else len(self._design.genes)  # type: ignore[attr-defined]
        return np.full(n_genes, np.inf) if self._curves is None else self._curves.half_doses

    def _by_context(self, X: np.ndarray) -> np.ndarray:
        """Return effective doses of each gene in each context; the doses themselves if they are linear, and all."""
        if self._curves is not None:
            genes = slice(None) if self._design is None else self._design.genes
            X = X.copy()
            X[:, genes] = self._curves.apply(X[:, genes])
        return X if self._design is None else self._design.expand(X)

    @property
    def _context_names(self) -> list[str]:
        return [] if self._design is None else self._design.names

    def _learn_row_names(self, X: Any, y: Any) -> None:
        """Refuse rows that have different names, and keep what the names of predicted rows may be."""
        index = row_names(y)
        self._targets_are_named = _is_named(index)
        self._level_names = [] if index is None else list(index.names)
        self._labels_are_names = _check_conditions(X, y)

    def _validate_predict(self, X: Any) -> tuple[np.ndarray, PredictedRows]:
        """Return doses, those of a control for unknown genes, and what the rows are."""
        refuse_labels(X)
        index = self._prediction_index(X)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        X, unknown = take_unknown_rows(X.toarray() if sp.issparse(X) else X, self._gene_columns)
        assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        if len(unknown):
            warnings.warn(
                f"The doses of X[{unknown[0]}] are all NaN, as PerturbationEncoder gives them to genes that it does "
                f"not know ({len(unknown)} of {len(X)} rows): the mean response of the training conditions is "
                "predicted. Genes in PerturbationEncoder(genes=) have columns, and graph and gene_features can tell "
                "them apart.",
                UserWarning,
                stacklevel=3,
            )
        return X, PredictedRows(index, unknown, self._context_codes(X[unknown]))

    def _prediction_index(self, X: Any) -> pd.Index | None:
        """Return the names of the rows of a prediction, None where a score would look for them in vain."""
        if isinstance(X, LabeledDoses):
            index = X.condition_names if self._labels_are_names or X.are_index else None
        else:
            index = row_names(X)
        if index is None or (self._targets_are_named and not _is_named(index)):
            # Where the responses had names and the doses only numbers, the numbers are no names of responses.
            return None
        unnamed = all(name is None for name in index.names) and index.nlevels == len(self._level_names)
        return index.set_names(self._level_names) if unnamed else index

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination, the mean over the outputs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes; the columns of a DataFrame are aligned by name.
        sample_weight : array-like of shape (n_conditions,), default=None

        Returns
        -------
        float
            Of ``sklearn.metrics.r2_score``: 1 is perfect, 0 as good as the mean.

        Raises
        ------
        ValueError
            If X and y have rows, or y and the model outputs, of different names.
        """
        _refuse_sparse(y)
        y = as_pandas(y)
        _check_conditions(X, y)
        prediction = self.predict(X)  # type: ignore[attr-defined]
        if isinstance(prediction, pd.DataFrame) and isinstance(y, pd.DataFrame):
            y = y.iloc[:, name_positions(y.columns, prediction.columns, ("y.columns", "the columns of y in fit"))]
        return r2_score(np.asarray(y), np.asarray(prediction), sample_weight=sample_weight)

    def _label_output(self, values: np.ndarray, rows: PredictedRows, *, deviation: bool = False) -> Any:
        """Name predictions, or their standard deviations, and fill in those of unknown genes."""
        if len(rows.unknown):
            values[rows.unknown] = self._usual.values(rows.contexts, deviation)
        if self._flat_output:
            return values.ravel()
        if self._output_names is None:
            return values
        return pd.DataFrame(values, index=rows.index, columns=self._output_names)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.sparse = True
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags


def _check_conditions(X: Any, y: Any) -> bool:
    """Refuse rows of X and y with different names; tell whether labels that were encoded are names of responses."""
    X, y = as_pandas(X), as_pandas(y)
    if not isinstance(X, LabeledDoses):
        check_rows(X, y)
        return True
    names, index = X.condition_names, row_names(y)
    if names is None or not _is_named(index):
        return True
    if X.are_index or Counter(names) == Counter(index):
        check_same_names(names, index, ("X", "y"))
        return True
    # The same conditions in another spelling, or other names altogether: they say nothing about the order.
    return False
