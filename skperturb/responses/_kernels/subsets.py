"""Parts of the rows, chosen by what rows hold: the order of genes and conditions is that of a file, and says nothing.

Where there are too many rows to look at, some stand for all. Even steps through the rows as they lie in memory would
choose others when columns of X are sorted otherwise, and with them other weights and other predictions. Here the
steps are taken through the rows sorted by their length, so that weak and strong ones are there in their proportion.
"""

from collections.abc import Callable

import numpy as np

from skperturb.responses._conditions import row_norms

__all__ = ["content_order", "nearest_rows", "neighborhoods", "spread_rows"]

#: Neighborhoods consist of this many rows. In a subset that is spread evenly no row would have its neighbors, and
#: kernels would look as if they said nothing: on simulated screens of 2,000 genes and more they gain little or nothing
#: then. On subsets of Replogle's and Nadig's genes, which are close to one another, 5 to 20 rows and an even subset do
#: alike.
_NEIGHBORHOOD = 20
#: Decimals, in units of the largest value, up to which lengths and similarities are told apart: sums over rows or genes
#: in another order differ in the sixteenth, real screens differ long before the tenth. 8 to 12 do alike.
_DECIMALS = 10
#: Rows whose similarities to all others are summed at once: bounds the memory (64 MB for 16,000 rows).
_BLOCK = 512
#: Irrational, so that multiples of it, less their whole part, give each output a weight of its own.
_GOLDEN = (5**0.5 - 1) / 2


def content_order(values: np.ndarray, similarity: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
    """Sort rows by their length; of rows as long as another, by a weighted sum, and then by their similarity to all.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_outputs)
        Finite.
    similarity : callable, default=None
        Of positions of some rows, returns their similarity to all rows, shape (n_some, n_rows). It is asked only about
        rows that the values do not tell apart.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Positions. Rows in another order give the same rows in the same order, but for those that nothing tells apart.
    """
    lengths = row_norms(values)
    unit = float(lengths.max(initial=0.0)) or 1.0
    weights = np.arange(1, values.shape[1] + 1) * _GOLDEN % 1.0
    keys = [_rounded(values @ weights, unit), _rounded(lengths, unit)]
    order = np.lexsort(keys)
    same = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    if similarity is None or not same.any():
        return order
    tied = order[np.r_[False, same] | np.r_[same, False]]
    total = np.zeros(len(values))
    for start in range(0, len(tied), _BLOCK):
        total[tied[start : start + _BLOCK]] = similarity(tied[start : start + _BLOCK]).sum(axis=1)
    return np.lexsort([_rounded(total, float(np.abs(total).max()) or 1.0), *keys])


def _rounded(values: np.ndarray, unit: float) -> np.ndarray:
    return np.round(values / unit, _DECIMALS)


def spread_rows(
    values: np.ndarray, n_wanted: int, similarity: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Return rows at even steps through `content_order`, or all.

    Parameters
    ----------
    values, similarity
        See `content_order`.
    n_wanted : int
        Number of rows, one at least.

    Returns
    -------
    ndarray of int, shape (min(n_wanted, n_rows),)
        In ascending order.
    """
    if len(values) <= n_wanted:
        return np.arange(len(values))
    return np.sort(content_order(values, similarity)[_even_steps(len(values), n_wanted)])


def neighborhoods(values: np.ndarray, similarity: Callable[[np.ndarray], np.ndarray], n_wanted: int) -> np.ndarray:
    """Return whole neighborhoods of rows at even steps through `content_order`, or all rows.

    Parameters
    ----------
    values, similarity
        See `content_order`.
    n_wanted : int
        Number of rows.

    Returns
    -------
    ndarray of int, shape (min(n_wanted, n_rows),)
        In ascending order.
    """
    if len(values) <= n_wanted:
        return np.arange(len(values))
    order = content_order(values, similarity)
    centers = order[_even_steps(len(values), max(n_wanted // _NEIGHBORHOOD, 1))]
    # The order of centers and rows counts, so that they have to come in one of their own.
    return np.sort(order[nearest_rows(similarity(centers)[:, order], n_wanted)])


def _even_steps(n_rows: int, n_wanted: int) -> np.ndarray:
    """Return the middles of so many equal parts, so that neither end, an extreme, is among them."""
    return ((np.arange(n_wanted) + 0.5) * n_rows / n_wanted).astype(int)


def nearest_rows(similarity: np.ndarray, n_wanted: int) -> np.ndarray:
    """Return rows in neighborhoods of some centers, as many of each as it gets.

    Parameters
    ----------
    similarity : ndarray of shape (n_centers, n_rows)
        Not more centers than rows are wanted. The first centers choose first, and of rows that are equally similar the
        first is taken.
    n_wanted : int
        Number of rows, not more than there are.

    Returns
    -------
    ndarray of int, shape (n_wanted,)
        In ascending order.
    """
    unit = float(np.abs(similarity).max(initial=0.0)) or 1.0
    taken = np.zeros(similarity.shape[1], dtype=bool)
    for k, row in enumerate(similarity):
        wanted = (n_wanted - int(taken.sum())) // (len(similarity) - k)
        taken[np.argsort(np.where(taken, np.inf, -_rounded(row, unit)), kind="stable")[:wanted]] = True
    return np.flatnonzero(taken)
