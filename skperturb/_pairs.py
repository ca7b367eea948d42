"""Coercion of pairs of genes, and all of its error texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._interchange import as_pandas, is_networkx, is_pyg
from skperturb._validation import describe

__all__ = [
    "MISSING_NAMES",
    "GenePairs",
    "as_genes",
    "check_same_rows",
    "encode_pairs",
    "ensure_labels",
    "ensure_pairs",
    "in_order",
    "index_of",
    "is_header",
    "is_header_word",
    "pair_codes",
    "refuse_self_pairs",
    "symmetric_graph",
]

_EXPECTED = "an array-like of shape (n_pairs, 2) of gene names (str) or of integers"

#: What files write where a name is missing (BioGRID "-"), and what a missing value becomes as text. Spellings count:
#: "na" is a gene of Drosophila.
MISSING_NAMES = frozenset(
    ("", "-", "--", ".", "?", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "<NA>", "None", "NaT", "null", "NULL")
)
_LARGEST_ID = int(np.iinfo(np.int64).max)
# Words that head a column of names: "source", "Gene A", "protein1", "#node2", "Interactor_B", "Target gene".
_ROLE = "source|target|from|to|bait|prey|regulator|tf|partner|ligand|receptor|participant"
_KIND = "gene|protein|node|interactor|symbol|id|name|vertex"
_HEADER_WORD = re.compile(
    rf"#?(?=({_ROLE}|{_KIND}|official))(official)?({_ROLE})?({_KIND})?(name|symbol|id)?(1|2|a|b|one|two)?"
)


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
        """Positions of the interacting pairs of two genes, each once; undirected ones with the smaller one first."""
        chosen = (self.labels == 1) & (self.positions[:, 0] != self.positions[:, 1])
        codes = np.unique(pair_codes(self.positions[chosen], len(self.genes), self.directed))
        return np.column_stack(np.divmod(codes, len(self.genes)))

    def distinct(self, *, without_self: bool = False) -> tuple["GenePairs", np.ndarray]:
        """Return each pair once, in the order of the rows, and which of these each row is.

        Parameters
        ----------
        without_self : bool, default=False
            Leave out pairs of a gene with itself.

        Returns
        -------
        pairs : GenePairs
            Undirected ones with the smaller position first, for what is computed of a pair must not depend on the order
            of its genes, not even in the last digit.
        rows : ndarray of shape (n_pairs,)
            Positions in `pairs`; -1 for a pair that was left out.
        """
        kept = np.ones(len(self.labels), dtype=bool)
        if without_self:
            kept = self.positions[:, 0] != self.positions[:, 1]
        codes = pair_codes(self.positions[kept], len(self.genes), self.directed)
        _, first, place = np.unique(codes, return_index=True, return_inverse=True)
        # In the order of the rows, so that pairs without repetitions stay as they are.
        order = np.argsort(first)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        rows = np.full(len(kept), -1)
        rows[kept] = rank[place]
        chosen = np.flatnonzero(kept)[first[order]]
        positions = self.positions[chosen]
        positions = positions if self.directed else np.sort(positions, axis=1)
        return GenePairs(self.genes, positions, self.labels[chosen], self.directed), rows


def ensure_pairs(X: Any, name: str = "X") -> np.ndarray:
    """Return the pairs as an array of shape (n_pairs, 2), of int64 or of str objects.

    Parameters
    ----------
    X : array, DataFrame or sequence of pairs
        Names are taken literally: case counts. All ids are strings or all are whole numbers.
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
        If `X` has not exactly two columns, is empty, or has missing ids, a header, or ids that are no names: with
        blanks at their ends, negative, or whole numbers written as fractions ("7157.0").
    """
    array = _as_two_columns(X, name)
    kind = array.dtype.kind
    if kind in "iuf":
        return _whole_numbers(array, name)
    if kind not in "OU":
        raise TypeError(f"{name} has ids of dtype {array.dtype}; expected {_EXPECTED}.")
    # numpy's own strings are all texts, but where they came from None or NaN they say so.
    return _check_texts(array.astype(object), name) if kind == "U" else _check_objects(array, name)


def _as_two_columns(X: Any, name: str) -> np.ndarray:
    X = as_pandas(X)
    _refuse_graphs(X, name)
    if isinstance(X, dict | str | bytes | set | frozenset) or not hasattr(X, "__len__"):
        hint = f" A set has no order; pass sorted({name})." if isinstance(X, set | frozenset) else ""
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}.{hint}")
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; expected {_EXPECTED}. Leave out its masked rows: {name}.data[…].")
    # A 1-D object array or a Series holds one pair in each element.
    array = X if isinstance(X, np.ndarray) and not (X.ndim == 1 and X.dtype == object) else _to_array(X, name)
    if array.ndim == 2 and array.shape[0] > 0 and array.shape[1] != 2:
        raise ValueError(
            f"{name} must have exactly 2 columns, got {array.shape[1]}: one pair of genes for each row."
            f"{_column_hint(X, array.shape, name)}"
        )
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(
            f"{name} is {'empty' if array.size == 0 else f'of shape {array.shape}'}; expected {_EXPECTED}."
        )
    return array


def _refuse_graphs(X: Any, name: str) -> None:
    """Raise TypeError for graphs, and say how each becomes pairs."""
    if sp.issparse(X):
        pairs = f"np.column_stack(scipy.sparse.triu({name}).nonzero())"
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}. Pass its upper triangle: {pairs}.")
    if is_networkx(X):
        # Called, because the attribute lists the edges of a multigraph with their keys.
        raise TypeError(f"{name} is a {describe(X)}; expected {_EXPECTED}. Pass list({name}.edges()).")
    if is_pyg(X):
        raise TypeError(f"{name} is a PyG graph; expected {_EXPECTED}. Pass {name}.edge_index.T.numpy().")


def _column_hint(X: Any, shape: tuple[int, ...], name: str) -> str:
    if shape[0] == 2:
        return f" Pass {name}.T." if shape[1] > 2 else ""
    if shape[1] < 2:
        return ""
    chosen = f"{name}.iloc[:, :2]" if isinstance(X, pd.DataFrame) else f"{name}[:, :2]"
    return f" Scores and types are not used; pass the two columns of names, such as {chosen}."


def _to_array(X: Any, name: str) -> np.ndarray:
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(dtype=object) if any(kind not in "iu" for kind in _kinds(X)) else X.to_numpy()
    items = list(X)
    for row, item in enumerate(items):
        if isinstance(item, str | set | frozenset | dict) or not hasattr(item, "__len__") or len(item) != 2:
            size = f" of {len(item)}" if isinstance(item, tuple | list) else ""
            raise ValueError(
                f"{name} must have exactly 2 columns, but {name}[{row}] is a {describe(item)}{size}; expected a pair."
            )
    # Through objects, because numpy turns the mixture of names and numbers into names.
    array = np.empty((len(items), 2), dtype=object)
    for row, item in enumerate(items):
        array[row, 0], array[row, 1] = item[0], item[1]
    return array


def _kinds(frame: pd.DataFrame) -> list[str]:
    return [getattr(dtype, "kind", "O") for dtype in frame.dtypes]


def _whole_numbers(array: np.ndarray, name: str) -> np.ndarray:
    wrong = np.zeros(array.shape, dtype=bool)
    if array.dtype.kind == "f":
        wrong = ~np.isfinite(array) | (array != np.round(array))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name}[{row}] contains {array[row, column]}; expected {_EXPECTED}, without NaN, infinity or fractions."
        )
    # An unsigned id above the range would come out negative; 2**63 itself is the first float that is too large.
    large = array >= 2.0**63 if array.dtype.kind == "f" else array > _LARGEST_ID
    if large.any():
        raise _too_large(array, int(np.argmax(large.any(axis=1))), name)
    whole = array.astype(np.int64)
    if whole.min() < 0:
        row = int(np.argmax((whole < 0).any(axis=1)))
        raise ValueError(
            f"{name}[{row}] is {tuple(whole[row].tolist())} with a negative id, which pandas writes for a missing one; "
            "expected integers from 0. Drop such rows."
        )
    return whole


def _too_large(array: np.ndarray, row: int, name: str) -> ValueError:
    return ValueError(
        f"{name}[{row}] is {tuple(array[row].tolist())} with an id above {_LARGEST_ID}, the largest integer of 64 "
        "bits; expected smaller ones. Pass such ids as text (str)."
    )


def _from_integers(array: np.ndarray, name: str) -> np.ndarray:
    """Return integers of Python, whose size has no limit, as those of numpy; negative ones are refused later."""
    large = np.asarray(array > _LARGEST_ID, dtype=bool)
    if large.any():
        raise _too_large(array, int(np.argmax(large.any(axis=1))), name)
    return np.maximum(array, -_LARGEST_ID).astype(np.int64)


def _check_objects(array: np.ndarray, name: str) -> np.ndarray:
    kinds = {type(value) for value in array.ravel()}
    if all(issubclass(kind, str) for kind in kinds):
        return _check_texts(array, name)
    if all(issubclass(kind, Integral) and not issubclass(kind, bool) for kind in kinds):
        return _whole_numbers(_from_integers(array, name), name)
    if all(issubclass(kind, Real) and not issubclass(kind, bool) for kind in kinds):
        # A column that once had a missing id holds floats beside the integers of the other column.
        return _whole_numbers(array.astype(np.float64), name)
    _refuse_ids(array, name)
    return array


def _refuse_ids(array: np.ndarray, name: str) -> None:
    for row, pair in enumerate(array.tolist()):
        for value in pair:
            if pd.api.types.is_scalar(value) and pd.isna(value):
                raise ValueError(f"{name}[{row}] is {tuple(pair)} with a missing id; expected {_EXPECTED}.")
            if isinstance(value, bool) or not isinstance(value, str | Real):
                raise TypeError(
                    f"{name}[{row}] is {tuple(pair)} with an id of type {type(value).__name__}; expected {_EXPECTED}."
                )
    raise TypeError(f"{name} mixes ids of type str and int; expected {_EXPECTED}. Turn all of them into str.")


def _check_texts(array: np.ndarray, name: str) -> np.ndarray:
    """Refuse texts that are no names of genes."""
    for text in pd.unique(array.ravel()):
        if text in MISSING_NAMES or text != text.strip() or (text.endswith(".0") and text[:-2].isdigit()):
            row = int(np.argmax((array == text).any(axis=1)))
            raise ValueError(f"{name}[{row}] is {tuple(array[row].tolist())} {_why_no_name(text)}")
    if is_header(array):
        raise ValueError(
            f"{name}[0] is {tuple(array[0].tolist())}, the header of a table; expected names of genes. Leave it out: "
            f"pass {name}[1:]."
        )
    return array


def _why_no_name(text: str) -> str:
    if text in MISSING_NAMES or not text.strip():
        return f"with a missing id ({text!r}); expected {_EXPECTED}. Drop such rows."
    if text != text.strip():
        return f"with blanks at the ends of {text!r}; expected plain names. Strip all of them: str.strip."
    return (
        f"with {text!r}, a number that became a fraction before it became text; expected {text[:-2]!r}. Read the ids "
        "as text (dtype=str)."
    )


def is_header_word(word: str) -> bool:
    """Tell whether a word heads a column of names of genes.

    Parameters
    ----------
    word : str
    """
    return _HEADER_WORD.fullmatch(re.sub(r"[\s_.-]", "", word.lower())) is not None


def in_order(first: str, second: str) -> bool:
    """Tell whether the names of two columns do not say that the second one comes first, as "target" and "source" do.

    Parameters
    ----------
    first, second : str

    Examples
    --------
    >>> from skperturb._pairs import in_order
    >>> [in_order(*words) for words in (("source", "target"), ("target", "source"), ("gene_b", "gene_a"), ("a", "b"))]
    [True, False, False, True]
    """
    words = [re.sub(r"[\s_.#-]", "", word.lower()) for word in (first, second)]
    if re.match("target|to|prey|receptor", words[0]) and re.match("source|from|bait|regulator|tf|ligand", words[1]):
        return False
    numbered = [re.fullmatch(r"(.*?)(1|2|a|b|one|two)", word) for word in words]
    if not all(numbered):
        return True
    (stem, number), (other, following) = (found.groups() for found in numbered if found)
    return not (stem == other and (number, following) in (("2", "1"), ("b", "a"), ("two", "one")))


def is_header(array: np.ndarray) -> bool:
    """Tell whether the first of many pairs of texts names the columns, such as ("source", "target").

    Parameters
    ----------
    array : ndarray of shape (n_pairs, 2) of str

    Returns
    -------
    bool
        False if either word occurs again, or others that are numbered alike ("gene1", "gene2", "gene3").
    """
    first, rest = [str(word) for word in array[0]], array[1:]
    if len(rest) == 0 or not all(is_header_word(word) for word in first):
        return False
    stems = {word[:-1] for word in first if word[-1] in "12abAB"}
    others = pd.unique(rest.ravel())
    return first[0] != first[1] and not any(
        word in first or re.sub(r"(\d+|[a-zA-Z])$", "", str(word)) in stems for word in others
    )


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
    if sp.issparse(y):
        raise TypeError(f"y is a {describe(y)}; expected one label for each pair of X. Pass y.toarray().ravel().")
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
    if isinstance(genes, str | bytes) or not hasattr(genes, "__len__"):
        hint = f" Pass [{genes!r}]." if isinstance(genes, str | Integral) else ""
        raise TypeError(f"{name} is the {describe(genes)}; expected a sequence of names of genes.{hint}")
    index = pd.Index(genes)
    if index.dtype.kind == "u" and len(index) and index.max() > _LARGEST_ID:
        raise ValueError(
            f"{name} holds {index.max()}, above the largest integer of 64 bits; pass such ids as text (str)."
        )
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


def check_same_rows(X: Any, y: Any, name: str = "y") -> None:
    """Raise ValueError if `X` and `y` name their rows and do it differently; a default index is no name.

    Parameters
    ----------
    X : object
    y : object
    name : str, default="y"
        Name of `y` in the error message.
    """
    indices = [getattr(as_pandas(rows), "index", None) for rows in (X, y)]
    first, second = indices
    if not isinstance(first, pd.Index) or not isinstance(second, pd.Index) or len(first) != len(second):
        return
    default = pd.RangeIndex(len(first))
    if first.equals(second) or any(isinstance(index, pd.RangeIndex) and index.equals(default) for index in indices):
        return
    row = int(np.argmax(first.to_numpy(dtype=object) != second.to_numpy(dtype=object)))
    raise ValueError(
        f"X and {name} name their rows differently: row {row} is {first[row]!r} in X and {second[row]!r} in {name}. "
        f"Bring them into one order, as with {name}.loc[X.index], or drop the index of one of them."
    )


def encode_pairs(
    X: Any,
    y: Any,
    extra_genes: Sequence[pd.Index] = (),
    directed: bool = False,
    *,
    self_pairs: str = "error",
    name: str = "X",
) -> GenePairs:
    """Validate labelled pairs and translate genes to positions.

    Parameters
    ----------
    X : array-like of shape (n_pairs, 2)
    y : array-like of shape (n_pairs,) or None
    extra_genes : sequence of Index, default=()
        Genes that are known besides those of `X`.
    directed : bool, default=False
        Whether (a, b) and (b, a) are two pairs.
    self_pairs : {"error", "keep"}, default="error"
        Whether pairs of a gene with itself are refused.
    name : str, default="X"
        Name of `X` in error messages.

    Returns
    -------
    GenePairs
        A pair that occurs more than once with one label stays as often as it occurs.

    Raises
    ------
    TypeError, ValueError
        See `ensure_pairs`; also for self-pairs, for duplicates (in either order) with both labels, and for rows of `X`
        and `y` that are named differently.
    """
    check_same_rows(X, y)
    pairs = ensure_pairs(X, name)
    labels = ensure_labels(y, len(pairs))
    if self_pairs == "error":
        refuse_self_pairs(pairs, name)
    elif not (pairs[labels == 1, 0] != pairs[labels == 1, 1]).any():
        raise ValueError(f"{name} has no interaction of two different genes, only self-pairs; expected at least one.")
    genes = _union(pairs, extra_genes)
    positions = genes.get_indexer(pairs.ravel()).reshape(-1, 2)
    _refuse_conflicts(pairs, labels, pair_codes(positions, len(genes), directed))
    return GenePairs(genes, positions, labels, directed)


def _union(pairs: np.ndarray, extra_genes: Sequence[pd.Index]) -> pd.Index:
    genes = index_of(pairs)
    for extra in extra_genes:
        if (extra.dtype == object) != (genes.dtype == object):
            raise TypeError(
                f"X names genes by {'str' if genes.dtype == object else 'int'} but expression or genes by "
                f"{'str' if extra.dtype == object else 'int'}; use one kind of id."
            )
        genes = genes.union(extra, sort=False)
    names = np.sort(genes.to_numpy())
    return pd.Index(names, dtype=names.dtype)


def index_of(pairs: np.ndarray) -> pd.Index:
    """Return the distinct genes of pairs, in order of appearance.

    Parameters
    ----------
    pairs : ndarray

    Returns
    -------
    Index
        Of the dtype of the pairs, which tells text from integers: pandas 3 would infer a type of its own for text.
    """
    return pd.Index(pd.unique(pairs.ravel()), dtype=pairs.dtype)


def refuse_self_pairs(pairs: np.ndarray, name: str) -> None:
    """Raise ValueError if a gene is paired with itself."""
    same = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(same):
        shown = ", ".join(str(value) for value in pairs[same[:3], 0])
        raise ValueError(
            f"{name} has {len(same)} self-pairs ({shown}; first at row {same[0]}); expected two different genes. "
            "Remove them, or set self_pairs."
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
    """Return the symmetric 0/1 adjacency matrix of unordered pairs, without the diagonal."""
    positives = positives[positives[:, 0] != positives[:, 1]]
    both = np.concatenate([positives, positives[:, ::-1]])
    values = np.ones(len(both))
    graph = sp.csr_array((values, (both[:, 0], both[:, 1])), shape=(n_genes, n_genes))
    graph.sum_duplicates()
    graph.data[:] = 1.0
    return graph
