"""Splits that ask what the field asks: unseen combinations, and unseen genes."""

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from skperturb._alignment import equal_rows
from skperturb._interchange import as_pandas, is_anndata
from skperturb._sklearn import HasMethods, Interval, count, validate_params
from skperturb.responses._contexts.columns import marked_columns

__all__ = [
    "CONTROL",
    "LABEL_OPTIONS",
    "SEP",
    "CombinationSplit",
    "LabelReadingSplit",
    "UnseenPerturbationSplit",
    "warn_of_groups",
]

#: Options by which splitters read labels, and their defaults.
LABEL_OPTIONS = {
    "control": [str, "array-like"],
    "sep": [str, "array-like"],
    "genes": ["array-like", None],
    "guide_suffix": [str, None],
    "guide_prefix": [str, None],
    "column": [str, None],
    "encoder": [HasMethods(["fit_transform", "get_params"]), None],
}
CONTROL, SEP = ("control", "ctrl"), ("+", "_")


def warn_of_groups(splitter: Any, groups: Any) -> None:
    """Warn of groups that a splitter does not use, as scikit-learn's splitters do.

    Parameters
    ----------
    splitter : cross-validator
    groups : array-like or None
    """
    if groups is not None:
        warnings.warn(f"The groups parameter is ignored by {type(splitter).__name__}", UserWarning, stacklevel=3)


class LabelReadingSplit(BaseCrossValidator):
    """A splitter of conditions, which it reads as `PerturbationEncoder` does."""

    control: str | Sequence[str]
    sep: str | Sequence[str]
    genes: Sequence[str] | None
    guide_suffix: str | None
    guide_prefix: str | None
    column: str | None
    encoder: Any

    def _read_doses(self, X: Any) -> np.ndarray | None:
        """Return doses as an array, None where X holds labels.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_columns), or labels

        Returns
        -------
        ndarray of shape (n_conditions, n_columns) or None
        """
        X = as_pandas(X)
        named = isinstance(X, pd.DataFrame) and self._column() in X.columns
        doses = None if named or is_anndata(X) else _as_doses(X)
        if doses is None:
            return None
        bad = np.flatnonzero(~np.isfinite(doses).all(axis=1))
        if len(bad):
            raise ValueError(f"X[{bad[0]}] holds a dose that is NaN or infinite; expected finite doses, 0 for none.")
        return doses

    def _column(self) -> str | None:
        return self.column if self.encoder is None else getattr(self.encoder, "column", None)

    def _own_encoder(self) -> Any:
        """Return the encoder of the labels, not fitted.

        Returns
        -------
        PerturbationEncoder
        """
        from skperturb.responses import PerturbationEncoder

        options = {name: getattr(self, name) for name in LABEL_OPTIONS if name != "encoder"}
        own = PerturbationEncoder(**options)
        if self.encoder is None:
            return own.set_output(transform="default")
        defaults = PerturbationEncoder().get_params()
        changed = [name for name, value in options.items() if not _is_same(value, defaults[name])]
        if changed:
            raise ValueError(f"encoder and {changed} are both given; set {changed} in the encoder.")
        # A copy, because splitting must not fit what the caller holds; its matrix is needed as an array.
        return clone(self.encoder).set_output(transform="default")


class _PerturbationSplit(LabelReadingSplit):
    """A splitter of conditions, which are sets of perturbed genes; subclasses divide them in `_divide`."""

    n_splits: int

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test rows of each split.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes), or labels
            Doses, or what `PerturbationEncoder` reads: a sequence of labels, a table, an AnnData. Columns of doses
            whose names say that they are contexts ("cell_line=K562") are no genes and are not looked at.
        y : None
            Ignored.
        groups : None
            Ignored, with a warning.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            If labels have no certain reading, doses are not finite, or a split would have nothing to train or test.
        """
        warn_of_groups(self, groups)
        for train, test in self._divide(self._perturbed(X)):
            if not len(train):
                raise ValueError(
                    f"A split of {type(self).__name__} has {len(test)} rows to test and none to train; pass more "
                    "conditions."
                )
            yield train, test

    def _perturbed(self, X: Any) -> np.ndarray:
        """Return which gene (column) each row perturbs, from doses or from labels."""
        doses = self._read_doses(X)
        if doses is None:
            X = doses = self._own_encoder().fit_transform(X)
        return _without_contexts(doses, X) != 0

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    @abstractmethod
    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each split from a matrix of bool, rows × genes."""


def _without_contexts(doses: np.ndarray, X: Any) -> np.ndarray:
    """Leave the columns out whose names say that they are cell lines or other contexts, not genes."""
    contexts = marked_columns(X)
    return np.delete(np.asarray(doses), list(contexts), axis=1) if contexts else np.asarray(doses)


def _is_same(value: Any, default: Any) -> bool:
    """Tell whether an option has its default, also where it is an array."""
    if value is None or default is None or isinstance(value, str):
        return value is default
    return tuple(value) == tuple(default)


def _as_doses(X: Any) -> np.ndarray | None:
    """Return a matrix of doses as an array, and None for labels."""
    if sp.issparse(X):
        return X.toarray()
    if isinstance(X, pd.DataFrame):
        numeric = all(pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes)
        return X.to_numpy(dtype=float, na_value=np.nan) if numeric and X.shape[1] else None
    if isinstance(X, list | tuple) and (not len(X) or isinstance(X[0], str | dict)):
        return None
    array = np.asarray(X)
    if array.ndim == 2 and array.dtype.kind == "O" and all(isinstance(value, Real) for value in array.ravel()):
        array = array.astype(float)
    return array if array.ndim == 2 and array.dtype.kind in "biuf" else None


class CombinationSplit(_PerturbationSplit):
    """Train on single perturbations and a part of the combinations, test on the other combinations.

    What is divided are combinations as sets of genes: all rows that perturb the same genes, in whatever order or
    spelling, with whatever guides, doses, batches or cell lines, are in the same part. So no combination of the test
    part stands in the training part. A fold tests the rows of ``1 - train_size`` of the combinations, drawn at random;
    singles and controls always train, unless `unseen_genes` hides them.

    Parameters
    ----------
    n_splits : int, default=5
        Number of random repeats.
    train_size : float, default=0.5
        Fraction of the combinations that train.
    unseen_genes : float, default=0.0
        Fraction of the genes that are kept out of training altogether: their singles are in neither part, and their
        combinations can only be tested. Then test combinations have 0, 1 or 2 seen genes, see `n_genes_seen`.
    random_state : int, RandomState instance or None, default=None
        Determines the repeats.
    control, sep, genes, guide_suffix, guide_prefix, column
        How labels are read: see `PerturbationEncoder`. `column` is needed for tables with several columns.
    encoder : PerturbationEncoder, default=None
        Reads the labels, instead of these options. It is copied, not fitted.

    Raises
    ------
    ValueError
        By `split`, if no combination would be left to test.

    See Also
    --------
    UnseenPerturbationSplit : Test on genes that were never perturbed.

    Examples
    --------
    >>> from skperturb.model_selection import CombinationSplit
    >>> labels = ["A", "B", "C", "A+B", "B+C", "A+C", "ctrl"]
    >>> for train, test in CombinationSplit(n_splits=1, train_size=0.7, random_state=0).split(labels):
    ...     print([labels[k] for k in train], [labels[k] for k in test])
    ['A', 'B', 'C', 'B+C', 'A+C', 'ctrl'] ['A+B']
    """

    @validate_params(
        {
            "n_splits": [count()],
            "train_size": [Interval(Real, 0, 1, closed="both")],
            "unseen_genes": [Interval(Real, 0, 1, closed="left")],
            "random_state": ["random_state"],
            **LABEL_OPTIONS,
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        n_splits: int = 5,
        *,
        train_size: float = 0.5,
        unseen_genes: float = 0.0,
        random_state: Any = None,
        control: str | Sequence[str] = CONTROL,
        sep: str | Sequence[str] = SEP,
        genes: Sequence[str] | None = None,
        guide_suffix: str | None = None,
        guide_prefix: str | None = None,
        column: str | None = None,
        encoder: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.train_size = train_size
        self.unseen_genes = unseen_genes
        self.random_state = random_state
        self.control = control
        self.sep = sep
        self.genes = genes
        self.guide_suffix = guide_suffix
        self.guide_prefix = guide_prefix
        self.column = column
        self.encoder = encoder

    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        first, set_of_row = equal_rows(perturbed)
        sets = perturbed[first]
        combinations = np.flatnonzero(sets.sum(axis=1) > 1)
        n_train = round(self.train_size * len(combinations))
        if n_train >= len(combinations):
            raise ValueError(
                f"X has {len(combinations)} combinations, of which train_size={self.train_size} trains {n_train}: "
                "none is left to test. Lower train_size, or pass more combinations."
            )
        rng = check_random_state(self.random_state)
        genes = np.flatnonzero(sets.any(axis=0))
        for _ in range(self.n_splits):
            order = rng.permutation(combinations)
            hidden = rng.permutation(genes)[: round(self.unseen_genes * len(genes))]
            held_out = np.asarray(sets[:, hidden].any(axis=1))
            tested = np.zeros(len(sets), dtype=bool)
            tested[order[n_train:]] = True
            tested[combinations] |= held_out[combinations]
            yield np.flatnonzero((~tested & ~held_out)[set_of_row]), np.flatnonzero(tested[set_of_row])

    def n_genes_seen(self, X: Any, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Count for each test row how many of its genes are perturbed, alone or together, in the training rows.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes), or labels
            See `split`.
        train, test : ndarray of int
            As `split` yields them.

        Returns
        -------
        ndarray of int, shape (len(test),)
        """
        perturbed = self._perturbed(X)
        seen = perturbed[train].any(axis=0)
        return (perturbed[test] & seen).sum(axis=1)


class UnseenPerturbationSplit(_PerturbationSplit):
    """Folds in which no gene of the test set is perturbed in training.

    What is divided are genes. A fold tests the rows that perturb genes of the fold and no others, and trains on the
    rows that perturb none of them: guides, doses, batches and cell lines of one gene stay together, a combination of a
    training gene and a test gene is in neither part, and controls always train.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds of the genes.
    shuffle : bool, default=True
        Draw the folds at random.
    random_state : int, RandomState instance or None, default=None
        Determines the folds when `shuffle` is True.
    control, sep, genes, guide_suffix, guide_prefix, column
        How labels are read: see `PerturbationEncoder`. `column` is needed for tables with several columns.
    encoder : PerturbationEncoder, default=None
        Reads the labels, instead of these options. It is copied, not fitted.

    Raises
    ------
    ValueError
        By `split`, if there are fewer genes than folds, or a fold has no condition to test.

    Examples
    --------
    >>> from skperturb.model_selection import UnseenPerturbationSplit
    >>> labels = ["A", "B", "C", "A+B", "ctrl"]
    >>> for train, test in UnseenPerturbationSplit(n_splits=3, shuffle=False).split(labels):
    ...     print([labels[k] for k in train], [labels[k] for k in test])
    ['B', 'C', 'ctrl'] ['A']
    ['A', 'C', 'ctrl'] ['B']
    ['A', 'B', 'A+B', 'ctrl'] ['C']
    """

    @validate_params(
        {
            "n_splits": [count(2)],
            "shuffle": ["boolean"],
            "random_state": ["random_state"],
            **LABEL_OPTIONS,
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = True,
        random_state: Any = None,
        control: str | Sequence[str] = CONTROL,
        sep: str | Sequence[str] = SEP,
        genes: Sequence[str] | None = None,
        guide_suffix: str | None = None,
        guide_prefix: str | None = None,
        column: str | None = None,
        encoder: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.control = control
        self.sep = sep
        self.genes = genes
        self.guide_suffix = guide_suffix
        self.guide_prefix = guide_prefix
        self.column = column
        self.encoder = encoder

    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        genes = np.flatnonzero(perturbed.any(axis=0))
        if len(genes) < self.n_splits:
            raise ValueError(
                f"X perturbs {len(genes)} genes; expected at least n_splits={self.n_splits}. Lower n_splits, or pass "
                "more conditions."
            )
        if self.shuffle:
            genes = check_random_state(self.random_state).permutation(genes)
        for fold in np.array_split(genes, self.n_splits):
            held_out = np.zeros(perturbed.shape[1], dtype=bool)
            held_out[fold] = True
            inside, outside = perturbed[:, held_out].any(axis=1), perturbed[:, ~held_out].any(axis=1)
            test = np.flatnonzero(inside & ~outside)
            if not len(test):
                raise ValueError(
                    f"A fold of {len(fold)} genes has no condition that perturbs only those; use fewer splits."
                )
            yield np.flatnonzero(~inside), test
