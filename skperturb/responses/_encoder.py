"""Labels of conditions become a perturbation × gene matrix."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import StrOptions, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._labels import LabelParser

__all__ = ["PerturbationEncoder"]


class PerturbationEncoder(TransformerMixin, BaseEstimator):
    r"""Encode which genes each condition perturbs.

    .. math:: X_{cg} = \text{dose of gene } g \text{ in condition } c, \quad 0 \text{ where it is not perturbed}

    Parameters
    ----------
    control : str or sequence of str, default=("control", "ctrl")
        Labels, and parts of labels, that stand for no perturbation: "ctrl" and "ctrl+KLF1" are a control and a single.
    sep : str or sequence of str, default=("+", "_")
        Separators between genes. A label that holds two different ones is refused unless `genes` tells the genes apart.
    genes : sequence of str, default=None
        The genes that become the columns, in this order. None learns those of the data, sorted. With given genes, a
        name may contain a separator.
    guide_suffix : str, default=None
        Regular expression of what follows the gene in the name of a guide, such as ``r"g\d+"`` for "IFNGR2g1"; it is
        removed.
    column : str, default=None
        Column of ``adata.obs`` or of a DataFrame that holds the labels. None is allowed for a DataFrame of one column.
    handle_unknown : {"error", "ignore"}, default="error"
        What `transform` does with genes that `fit` did not see: raise, or leave them out of the row.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
        The genes, in the order of the columns.

    See Also
    --------
    pseudobulk : The responses that belong to the labels.

    Examples
    --------
    >>> from skperturb.responses import PerturbationEncoder
    >>> encoder = PerturbationEncoder().set_output(transform="pandas")
    >>> encoder.fit_transform(["KLF1", "CEBPA+KLF1", "ctrl"])
       CEBPA  KLF1
    0    0.0   1.0
    1    1.0   1.0
    2    0.0   0.0
    >>> encoder.inverse_transform([[1.0, 1.0], [0.0, 0.0]])
    array(['CEBPA+KLF1', 'control'], dtype=object)
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "control": [str, "array-like"],
        "sep": [str, "array-like"],
        "genes": ["array-like", None],
        "guide_suffix": [str, None],
        "column": [str, None],
        "handle_unknown": [StrOptions({"error", "ignore"})],
    }

    def __init__(
        self,
        control: str | Sequence[str] = ("control", "ctrl"),
        sep: str | Sequence[str] = ("+", "_"),
        *,
        genes: Sequence[str] | None = None,
        guide_suffix: str | None = None,
        column: str | None = None,
        handle_unknown: str = "error",
    ) -> None:
        self.control = control
        self.sep = sep
        self.genes = genes
        self.guide_suffix = guide_suffix
        self.column = column
        self.handle_unknown = handle_unknown

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "PerturbationEncoder":
        """Learn the genes.

        Parameters
        ----------
        X : sequence of str or dict, Series, DataFrame or AnnData
            One label (or dict of doses) per condition.
        y : None
            Ignored.

        Returns
        -------
        self : PerturbationEncoder

        Raises
        ------
        ValueError
            If a label cannot be read or names an unknown gene, or if `genes` repeats a name.
        """
        parser = self._parser(self.genes)
        conditions = self._parse(X, parser)
        if self.genes is None:
            found = sorted({gene for doses in conditions for gene in doses}, key=str)
        else:
            found = list(self.genes)
            repeated = sorted({str(gene) for gene in found if found.count(gene) > 1})
            if repeated:
                raise ValueError(f"genes repeats {len(repeated)} names ({repeated[:3]}); expected each gene once.")
        if not found:
            raise ValueError(
                f"X names no perturbed gene: all {len(conditions)} labels are controls; expected at least one "
                "perturbation. Pass genes= to encode controls alone."
            )
        self.genes_ = np.array(found, dtype=object)
        self._check_known(conditions)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode conditions.

        Parameters
        ----------
        X : sequence of str or dict, Series, DataFrame or AnnData
            One label (or dict of doses) per condition.

        Returns
        -------
        ndarray of shape (n_conditions, n_genes)
            Doses, 1 for labels; a control is a row of zeros.
        """
        check_is_fitted(self)
        conditions = self._parse(X, self._parser(self.genes_))
        if self.handle_unknown == "error":
            self._check_known(conditions)
        position = {gene: k for k, gene in enumerate(self.genes_)}
        encoded = np.zeros((len(conditions), len(position)))
        for row, doses in zip(encoded, conditions, strict=True):
            for gene, dose in doses.items():
                if gene in position:
                    row[position[gene]] = dose
        return encoded

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the labels (for doses other than 0 and 1: dicts) of encoded conditions.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_genes)
            Doses.

        Returns
        -------
        ndarray of shape (n_conditions,), dtype object

        Raises
        ------
        ValueError
            If `X` has not one column for each gene.
        """
        check_is_fitted(self)
        doses = np.asarray(X, dtype=float)
        if doses.ndim != 2 or doses.shape[1] != len(self.genes_):
            raise ValueError(
                f"X has shape {doses.shape}; expected (n_conditions, {len(self.genes_)}), one column per gene."
            )
        as_labels = bool(np.isin(doses, (0.0, 1.0)).all())
        sep, control = _as_tuple(self.sep)[0], _as_tuple(self.control)[0]
        result = np.empty(len(doses), dtype=object)
        for k, row in enumerate(doses):
            names = self.genes_[row != 0]
            result[k] = sep.join(names) or control if as_labels else dict(zip(names, row[row != 0], strict=True))
        return result

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the genes.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_genes,), dtype object
        """
        check_is_fitted(self)
        return self.genes_.copy()

    def _parser(self, vocabulary: Any) -> LabelParser:
        # A learned vocabulary must not change how a label is cut: only given gene names may hold separators.
        known = None if self.genes is None or vocabulary is None else frozenset(vocabulary)
        sep = _as_tuple(self.sep)
        if not sep or not all(isinstance(item, str) and item for item in sep):
            raise ValueError(f"sep={self.sep!r}; expected one or more separators, none of them empty.")
        try:
            re.compile(self.guide_suffix or "")
        except re.error as error:
            raise ValueError(
                f"guide_suffix={self.guide_suffix!r} is no regular expression ({error}); expected one such "
                "as '_sg[0-9]+'."
            ) from error
        return LabelParser(_as_tuple(self.control), sep, known, self.guide_suffix)

    def _parse(self, X: Any, parser: LabelParser) -> list[dict[Hashable, float]]:
        return [parser.parse(label, k) for k, label in enumerate(read_labels(X, self.column))]

    def _check_known(self, conditions: list[dict[Hashable, float]]) -> None:
        known = set(self.genes_)
        unknown = [(k, gene) for k, doses in enumerate(conditions) for gene in doses if gene not in known]
        if unknown:
            position, gene = unknown[0]
            raise ValueError(
                f"X[{position}] names the gene {gene!r}, which is none of the {len(known)} known genes "
                f"({len({name for _, name in unknown})} unknown genes in all). Fit on labels that hold it, pass "
                "genes=, or set handle_unknown='ignore'."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _as_tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def read_labels(X: Any, column: str | None = None) -> list[Any]:
    """Return the labels in what a user passes as conditions.

    Parameters
    ----------
    X : sequence of str or dict, Series, DataFrame or AnnData
        One label per condition.
    column : str, default=None
        The column of a table with several.

    Returns
    -------
    list
    """
    table = getattr(X, "obs", X)
    if isinstance(table, pd.DataFrame):
        return list(table[_label_column(table, column)])
    if isinstance(X, str | Mapping) or not hasattr(X, "__len__"):
        raise TypeError(f"X is a {type(X).__name__}; expected a sequence of labels: pass [X] for one condition.")
    array = X if isinstance(X, list | tuple) else np.asarray(X, dtype=object)
    if isinstance(array, np.ndarray):
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(f"X has shape {array.shape}; expected one label per condition.")
    labels = list(array)
    if not labels:
        raise ValueError("X is empty; expected at least one condition.")
    return labels


def _label_column(table: pd.DataFrame, column: str | None) -> str:
    if column is None and table.shape[1] == 1:
        return table.columns[0]
    if column is None or column not in table.columns:
        raise ValueError(
            f"column is {column!r}; expected one of the columns of the table: {list(table.columns[:3])} "
            f"({table.shape[1]} in all)."
        )
    return column
