"""Coercion of pairs of genes, and all of its error texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import as_pandas, is_networkx, is_pyg
from skperturb._validation import describe

__all__ = ["GenePairs", "as_genes", "encode_pairs", "ensure_labels", "ensure_pairs", "pair_codes", "symmetric_graph"]

_EXPECTED = "an array-like of shape (n_pairs, 2) of gene names (str) or of integers"


@dataclass(frozen=True, slots=True, eq=False)
class GenePairs:
    """Labelled pairs as positions in one index of genes.

    Parameters
    ----------
    genes : Index
        The genes, sorted.
    positions : ndarray of shape (n_pairs, 2)
        Positions of each pair's genes in `genes`.
    labels : ndarray of shape (n_pairs,)
        1 for an interaction, 0 for a pair without.
    directed : bool, default=False
        Whether the order of a pair counts.
    """

    genes: pd.Index
    positions: np.ndarray
    labels: np.ndarray
    directed: bool = False

    @property
    def positives(self) -> np.ndarray:
        """Positions of the interacting pairs, each once; undirected ones with the smaller position first."""
        codes = np.unique(pair_codes(self.positions[self.labels == 1], len(self.genes), self.directed))
        return np.column_stack(np.divmod(codes, len(self.genes)))


def ensure_pairs(X: Any, name: str = "X") -> np.ndarray:
    """Return the pairs as an array of shape (n_pairs, 2), of int64 or of str objects.

    Parameters
    ----------
    X : array, DataFrame or sequence of pairs
        Names are taken literally: blanks and case count. All ids are strings or all are integers.
    name : str, default="X"
        Name of the argument in error messages.

    Returns
    -------
    ndarray of shape (n_pairs, 2)

    Raises
    ------
    TypeError
        If ids are neither strings nor integers, or both kinds are mixed.
    ValueError
        If `X` has not exactly two columns, is empty or has missing ids.
    """
    array = _as_two_columns(X, name)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return _whole_numbers(array, name)
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind != "O":
        raise TypeError(f"{name} has ids of dtype {array.dtype}; expected {_EXPECTED}.")
    return _check_objects(array, name)


def _as_two_columns(X: Any, name: str) -> np.ndarray:
    X = as_pandas(X)
    if sp.issparse(X):
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}. Pass np.argwhere of its upper triangle.")
    if is_networkx(X):
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}. Pass list({name}.edges).")
    if is_pyg(X):
        raise TypeError(f"{name} is a PyG graph; expected {_EXPECTED}. Pass {name}.edge_index.T.numpy().")
    if isinstance(X, dict | str | bytes) or not hasattr(X, "__len__"):
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}.")
    # A 1-D object array or a Series holds one pair in each element.
    array = X if isinstance(X, np.ndarray) and not (X.ndim == 1 and X.dtype == object) else _to_array(X, name)
    if array.ndim == 2 and array.shape[0] > 0 and array.shape[1] != 2:
        raise ValueError(f"{name} must have exactly 2 columns, got {array.shape[1]}: one pair of genes for each row.")
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(
            f"{name} is {'empty' if array.size == 0 else f'of shape {array.shape}'}; expected {_EXPECTED}."
        )
    return array


def _to_array(X: Any, name: str) -> np.ndarray:
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(dtype=object) if any(kind not in "iu" for kind in _kinds(X)) else X.to_numpy()
    items = list(X)
    for row, item in enumerate(items):
        if isinstance(item, str) or not hasattr(item, "__len__") or len(item) != 2:
            raise ValueError(
                f"{name} must have exactly 2 columns, but {name}[{row}] is a {describe(item)}; expected a pair."
            )
    # Through objects, because numpy turns the mixture of names and numbers into names.
    array = np.empty((len(items), 2), dtype=object)
    for row, item in enumerate(items):
        array[row, 0], array[row, 1] = item[0], item[1]
    return array


def _kinds(frame: pd.DataFrame) -> list[str]:
    return [getattr(dtype, "kind", "O") for dtype in frame.dtypes]


def _whole_numbers(array: np.ndarray, name: str) -> np.ndarray:
    wrong = ~np.isfinite(array) | (array != np.round(array))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name}[{row}] contains {array[row, column]}; expected {_EXPECTED}, without NaN, infinity or fractions."
        )
    return array.astype(np.int64)


def _check_objects(array: np.ndarray, name: str) -> np.ndarray:
    kinds = {type(value) for value in array.ravel()}
    texts = {kind for kind in kinds if issubclass(kind, str)}
    numbers = {kind for kind in kinds if issubclass(kind, Integral) and not issubclass(kind, bool)}
    if kinds == numbers:
        return array.astype(np.int64)
    if kinds != texts:
        _refuse_ids(array, name, bool(texts), bool(numbers))
    return array


def _refuse_ids(array: np.ndarray, name: str, has_text: bool, has_numbers: bool) -> None:
    for row, pair in enumerate(array.tolist()):
        for value in pair:
            if value is None or value != value:
                raise ValueError(f"{name}[{row}] is {tuple(pair)} with a missing id; expected {_EXPECTED}.")
            if isinstance(value, bool) or not isinstance(value, str | Integral):
                raise TypeError(
                    f"{name}[{row}] is {tuple(pair)} with an id of type {type(value).__name__}; expected {_EXPECTED}."
                )
    raise TypeError(f"{name} mixes ids of type str and int; expected {_EXPECTED}. Turn all of them into str.")


def ensure_labels(y: Any, n_pairs: int) -> np.ndarray:
    """Return labels as 0/1 integers; None stands for all 1.

    Parameters
    ----------
    y : array-like of shape (n_pairs,) or None
    n_pairs : int

    Returns
    -------
    ndarray of shape (n_pairs,), int64

    Raises
    ------
    ValueError
        If the number or the values of the labels are wrong, or none of them is 1.
    """
    if y is None:
        return np.ones(n_pairs, dtype=np.int64)
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (n_pairs,):
        raise ValueError(f"y has shape {labels.shape}; expected ({n_pairs},), one label for each pair of X.")
    known = labels.dtype.kind in "biuf" or all(isinstance(value, bool | Integral) for value in labels.tolist())
    if not known or not np.isin(labels.astype(float), (0.0, 1.0)).all():
        found = [str(value) for value in pd.unique(labels)[:3]]
        raise ValueError(f"y holds the labels {found}; expected 1 for an interaction and 0 for a pair without.")
    labels = labels.astype(np.int64)
    if not labels.any():
        raise ValueError("y has no label 1: the graph of known interactions is empty. Pass at least one interaction.")
    return labels


def as_genes(genes: Any, name: str) -> pd.Index:
    """Return names of genes as an index, refusing duplicates and missing names.

    Parameters
    ----------
    genes : sequence of str or of int
    name : str
        Name of the argument in error messages.

    Returns
    -------
    Index
    """
    index = pd.Index(genes)
    if isinstance(index, pd.RangeIndex) or index.dtype.kind in "iu":
        index = pd.Index(index.to_numpy(dtype=np.int64))
    else:
        index = pd.Index(index.to_numpy(dtype=object), dtype=object)
    if not index.is_unique:
        repeated = list(index[index.duplicated()].unique())
        raise ValueError(
            f"{name} repeats {len(repeated)} genes ({', '.join(map(str, repeated[:3]))}); names once each."
        )
    if index.dtype == object and not all(isinstance(value, str) for value in index):
        raise TypeError(f"{name} has names that are not all str; expected all str or all int.")
    return index


def encode_pairs(X: Any, y: Any, extra_genes: Sequence[pd.Index] = (), directed: bool = False) -> GenePairs:
    """Validate labelled pairs and translate genes to positions.

    Parameters
    ----------
    X : array-like of shape (n_pairs, 2)
    y : array-like of shape (n_pairs,) or None
    extra_genes : sequence of Index, default=()
        Genes that are known besides those of `X`.
    directed : bool, default=False
        Whether (a, b) and (b, a) are two pairs.

    Returns
    -------
    GenePairs
        A pair that occurs more than once with one label stays as often as it occurs.

    Raises
    ------
    TypeError, ValueError
        See `ensure_pairs`; also for self-pairs and for duplicates (in either order) with both labels.
    """
    pairs = ensure_pairs(X)
    labels = ensure_labels(y, len(pairs))
    refuse_self_pairs(pairs, "X")
    genes = _union(pairs, extra_genes)
    positions = genes.get_indexer(pairs.ravel()).reshape(-1, 2)
    _refuse_conflicts(pairs, labels, pair_codes(positions, len(genes), directed))
    return GenePairs(genes, positions, labels, directed)


def _union(pairs: np.ndarray, extra_genes: Sequence[pd.Index]) -> pd.Index:
    genes = pd.Index(pd.unique(pairs.ravel()))
    for extra in extra_genes:
        if (extra.dtype == object) != (genes.dtype == object):
            raise TypeError(
                f"X names genes by {'str' if genes.dtype == object else 'int'} but expression or genes by "
                f"{'str' if extra.dtype == object else 'int'}; use one kind of id."
            )
        genes = genes.union(extra, sort=False)
    return pd.Index(np.sort(genes.to_numpy()))


def refuse_self_pairs(pairs: np.ndarray, name: str) -> None:
    """Raise ValueError if a gene is paired with itself."""
    same = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(same):
        shown = ", ".join(str(value) for value in pairs[same[:3], 0])
        raise ValueError(
            f"{name} has {len(same)} self-pairs ({shown}; first at row {same[0]}); expected two different genes. "
            "Remove them."
        )


def _refuse_conflicts(pairs: np.ndarray, labels: np.ndarray, codes: np.ndarray) -> None:
    if labels.all():
        return
    conflicts = np.flatnonzero(np.isin(codes, codes[labels == 1]) & (labels == 0))
    if len(conflicts):
        first, second = pairs[conflicts[0]]
        raise ValueError(
            f"X has {len(conflicts)} pairs that are labelled both 0 and 1 (the first: {first!r}, {second!r}; "
            "without directed=True the order of a pair does not count). Keep one label for each pair."
        )


def pair_codes(positions: np.ndarray, n_genes: int, directed: bool = False) -> np.ndarray:
    """Return one integer for each pair of positions; by default the same for both orders."""
    if directed:
        return positions[:, 0].astype(np.int64) * n_genes + positions[:, 1]
    low, high = np.minimum(positions[:, 0], positions[:, 1]), np.maximum(positions[:, 0], positions[:, 1])
    return low.astype(np.int64) * n_genes + high


def symmetric_graph(positives: np.ndarray, n_genes: int) -> sp.csr_array:
    """Return the symmetric 0/1 adjacency matrix of unordered pairs, each given once."""
    both = np.concatenate([positives, positives[:, ::-1]])
    values = np.ones(len(both))
    graph = sp.csr_array((values, (both[:, 0], both[:, 1])), shape=(n_genes, n_genes))
    graph.sum_duplicates()
    graph.data[:] = 1.0
    return graph
