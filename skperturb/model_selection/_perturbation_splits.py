"""Splits that ask what the field asks: unseen combinations, and unseen genes."""

from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from skperturb._sklearn import Interval, validate_params

__all__ = ["CombinationSplit", "UnseenPerturbationSplit"]


def _perturbed(X: Any) -> Any:
    """Return which gene (column) each condition (row) perturbs, from doses or from labels."""
    if sp.issparse(X):
        return X.toarray() != 0
    if isinstance(X, pd.DataFrame) and all(pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes):
        return X.to_numpy() != 0
    array = X if isinstance(X, pd.DataFrame | list | tuple) else np.asarray(X)
    if isinstance(array, np.ndarray) and array.ndim == 2 and array.dtype.kind in "biuf":
        return array != 0
    if isinstance(array, list | tuple) and not (len(array) and isinstance(array[0], str | dict)):
        numeric = np.asarray(array)
        if numeric.ndim == 2 and numeric.dtype.kind in "biuf":
            return numeric != 0
    from skperturb.responses import PerturbationEncoder

    return PerturbationEncoder().fit_transform(X) != 0


class _PerturbationSplit(BaseCrossValidator):
    """A splitter that looks only at which genes a condition perturbs; subclasses divide that matrix in `_divide`."""

    n_splits: int

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test rows of each split.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes), or sequence of labels
            Doses, or labels that `PerturbationEncoder` reads with its default parameters.
        y, groups : None
            Ignored.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            If a split would have nothing to test.
        """
        yield from self._divide(_perturbed(X))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    @abstractmethod
    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each split from a matrix of bool, conditions × genes."""


class CombinationSplit(_PerturbationSplit):
    """Train on single perturbations and a part of the combinations, test on the other combinations.

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
            "n_splits": [Interval(Integral, 1, None, closed="left")],
            "train_size": [Interval(Real, 0, 1, closed="both")],
            "unseen_genes": [Interval(Real, 0, 1, closed="left")],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self, n_splits: int = 5, *, train_size: float = 0.5, unseen_genes: float = 0.0, random_state: Any = None
    ) -> None:
        self.n_splits = n_splits
        self.train_size = train_size
        self.unseen_genes = unseen_genes
        self.random_state = random_state

    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        combinations = np.flatnonzero(perturbed.sum(axis=1) > 1)
        n_train = round(self.train_size * len(combinations))
        if n_train >= len(combinations):
            raise ValueError(
                f"X has {len(combinations)} combinations, of which train_size={self.train_size} trains {n_train}: "
                "none is left to test."
            )
        rng = check_random_state(self.random_state)
        genes = np.flatnonzero(perturbed.any(axis=0))
        for _ in range(self.n_splits):
            order = rng.permutation(combinations)
            hidden = rng.permutation(genes)[: round(self.unseen_genes * len(genes))]
            held_out = np.asarray(perturbed[:, hidden].any(axis=1))
            tested = np.zeros(len(perturbed), dtype=bool)
            tested[order[n_train:]] = True
            tested[combinations] |= held_out[combinations]
            yield np.flatnonzero(~tested & ~held_out), np.flatnonzero(tested)

    def n_genes_seen(self, X: Any, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Count for each test row how many of its genes are perturbed, alone or together, in the training rows.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes), or sequence of labels
        train, test : ndarray of int
            As `split` yields them.

        Returns
        -------
        ndarray of int, shape (len(test),)
        """
        perturbed = _perturbed(X)
        seen = perturbed[train].any(axis=0)
        return (perturbed[test] & seen).sum(axis=1)


class UnseenPerturbationSplit(_PerturbationSplit):
    """Folds in which no gene of the test set is perturbed in training.

    Guides and doses of one gene stay together. A combination of a training gene and a test gene is in neither part.
    Controls always train.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds of the genes.
    shuffle : bool, default=True
        Draw the folds at random.
    random_state : int, RandomState instance or None, default=None
        Determines the folds when `shuffle` is True.

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
            "n_splits": [Interval(Integral, 2, None, closed="left")],
            "shuffle": ["boolean"],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, n_splits: int = 5, *, shuffle: bool = True, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def _divide(self, perturbed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        genes = np.flatnonzero(perturbed.any(axis=0))
        if len(genes) < self.n_splits:
            raise ValueError(f"X perturbs {len(genes)} genes; expected at least n_splits={self.n_splits}.")
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
