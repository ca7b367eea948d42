"""Folds of interactions for scikit-learn's cross-validation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skperturb._pairs import encode_pairs, pair_codes
from skperturb._sklearn import count, validate_params
from skperturb.interactions._pair_weights import without_weights
from skperturb.model_selection._perturbation_splits import warn_of_groups

__all__ = ["InteractionKFold"]


class InteractionKFold:
    """Divide pairs of genes into folds such that every gene of a test pair is known from the training.

    For ``cv=``: interactions alone are enough, because models of pairs draw the negatives that training and score need,
    none of which is a known interaction.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    random_state : int, RandomState or None, default=None
        Decides the folds.

    See Also
    --------
    link_prediction_split : One split with its negatives.

    Notes
    -----
    All repetitions of a pair, in either order, share a fold, and each label is divided on its own. A test pair with a
    gene that no training pair has is trained on instead: without it nothing would be known about the gene. So a pair
    that is all that is known of a gene is never tested.

    Other splitters, such as scikit-learn's ``KFold``, test pairs of genes that no training pair has. The models' own
    ``score`` counts such genes as genes without interactions; a scorer such as ``scoring="roc_auc"`` does so with a
    warning, without one if the model has ``unknown="zero"``, and gives NaN with ``unknown="error"``.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from skperturb.interactions import L3Paths
    >>> from skperturb.model_selection import InteractionKFold
    >>> pairs = [(f"a{i}", f"b{j}") for i in range(6) for j in range(6) if (i + j) % 4]
    >>> cross_val_score(L3Paths(random_state=0), pairs, cv=InteractionKFold(3, random_state=0)).shape
    (3,)
    """

    @validate_params(
        {
            "self": "no_validation",
            "n_splits": [count(2)],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, n_splits: int = 5, *, random_state: int | np.random.RandomState | None = None) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Not used.

        Returns
        -------
        int
        """
        return int(self.n_splits)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of the training and of the test pairs of each fold.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
            A third column of weights, as the models of pairs take it, is not used.
        y : array-like of shape (n_pairs,), default=None
            1 for an interaction, 0 for a pair without; None if all are interactions.
        groups : object
            Not used, with a warning.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            If a fold has no pair whose genes are known from the others.
        """
        warn_of_groups(self, groups)
        data = encode_pairs(without_weights(X), y, self_pairs="keep")
        codes = pair_codes(data.positions, len(data.genes))
        rng = check_random_state(self.random_state)
        folds = np.empty(len(codes), dtype=np.int64)
        for label in np.unique(data.labels):
            chosen = data.labels == label
            _, pair = np.unique(codes[chosen], return_inverse=True)
            folds[chosen] = (rng.permutation(int(pair.max()) + 1) % self.n_splits)[pair]
        for fold in range(self.n_splits):
            test = folds == fold
            known = np.unique(data.positions[~test])
            test &= np.isin(data.positions, known).all(axis=1)
            if not test.any():
                raise ValueError(
                    f"Fold {fold} of n_splits={self.n_splits} has no pair whose genes other pairs have ({len(codes)} "
                    f"pairs of {len(data.genes)} genes). Use fewer folds, or link_prediction_split with hold_out_genes."
                )
            yield np.flatnonzero(~test), np.flatnonzero(test)

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"{type(self).__name__}(n_splits={self.n_splits}, random_state={self.random_state})"
