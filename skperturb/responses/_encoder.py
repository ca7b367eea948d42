"""Labels of conditions become a perturbation × gene matrix."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._alignment import is_default, name_positions
from skperturb._interchange import as_pandas
from skperturb._label_sources import read_labels
from skperturb._labels import Condition, LabelReader
from skperturb._sklearn import StrOptions, fit_context
from skperturb.base import BaseEstimator
from skperturb.responses._conditions import LabeledDoses
from skperturb.responses._contexts.encoding import ContextColumns, label_and_context_columns

__all__ = ["PerturbationEncoder"]


class PerturbationEncoder(TransformerMixin, BaseEstimator):
    r"""Encode which genes each condition perturbs.

    .. math:: X_{cg} = \text{dose of gene } g \text{ in condition } c, \quad 0 \text{ where it is not perturbed}

    Parameters
    ----------
    control : str or sequence of str, default=("control", "ctrl")
        Labels, and parts of labels, that stand for no perturbation: "ctrl" and "ctrl+KLF1" are a control and a single.
        Other names that public files use for controls ("NT", "non-targeting", "NegCtrl0") are refused with their list.
    sep : str or sequence of str, default=("+", "_")
        Separators between genes. The first is trusted; the others join genes only where all parts look like genes. A
        label that holds two different ones is refused unless `genes` tells the genes apart.
    genes : sequence of str, default=None
        The genes that become the columns, in this order. None learns those of the data, sorted. With given genes, a
        name may contain a separator, and nothing else is a gene.
    guide_suffix, guide_prefix : str, default=None
        Regular expression of what follows (precedes) the gene in the name of a guide, such as ``r"g\d+"`` for
        "IFNGR2g1"; it is removed.
    column : str, default=None
        Column of ``adata.obs`` or of a DataFrame that holds the labels. None is allowed for a DataFrame of one column.
    handle_unknown : {"warn", "error", "ignore"}, default="warn"
        What `transform` does with genes that `fit` did not see: leave them out of the row with a warning, raise, or
        leave them out in silence. A row without one of its genes looks like the other alone. A row of which no gene is
        known would look like a control: with "warn" all its doses are NaN, for which models of this package predict the
        mean response and others raise; with "ignore" they are zeros, and no change is predicted. Give the genes that a
        splitter holds out in `genes`, and they have columns. Of a level of a context that `fit` did not see, no column
        is 1: models take it for a new context.
    contexts : str, sequence of str or dict of str to sequence, default=None
        Further columns of the table that say in which cell line, batch or other context a condition was measured, as
        ``covariates`` of `pseudobulk`. Behind the genes they become one column for each level, named such as
        "cell_line=K562", which models do not take for genes. A dict gives the levels of each column; otherwise those
        of the data are learned, sorted.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
        The genes, in the order of the columns.
    context_columns_ : dict of int to str
        Position and name of each column of a context; empty without `contexts`.

    See Also
    --------
    describe_labels : How each label is read, before anything is fitted.
    pseudobulk : The responses that belong to the labels.

    Notes
    -----
    A number is the dose of the name before it ("drug_0.1"), never a gene. Two spellings of one set of genes are one
    condition. Labels that have no certain reading are refused with what to set: numbers of guides ("STAT1_g1"),
    plasmids ("ASCC3_pDS051"), separators that are not in `sep`, dates of a spreadsheet ("1-Mar"). The splitters,
    `pseudobulk` and the command line read labels by the same rules.

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

    With cell lines:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"perturbation": ["KLF1", "KLF1"], "cell_line": ["K562", "Jurkat"]})
    >>> PerturbationEncoder(contexts="cell_line").set_output(transform="pandas").fit_transform(table)
       KLF1  cell_line=Jurkat  cell_line=K562
    0   1.0               0.0             1.0
    1   1.0               1.0             0.0
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "control": [str, "array-like"],
        "sep": [str, "array-like"],
        "genes": ["array-like", None],
        "guide_suffix": [str, None],
        "guide_prefix": [str, None],
        "column": [str, None],
        "handle_unknown": [StrOptions({"warn", "error", "ignore"})],
        "contexts": [str, "array-like", dict, None],
    }

    def __init__(
        self,
        control: str | Sequence[str] = ("control", "ctrl"),
        sep: str | Sequence[str] = ("+", "_"),
        *,
        genes: Sequence[str] | None = None,
        guide_suffix: str | None = None,
        guide_prefix: str | None = None,
        column: str | None = None,
        handle_unknown: str = "warn",
        contexts: Any = None,
    ) -> None:
        self.control = control
        self.sep = sep
        self.genes = genes
        self.guide_suffix = guide_suffix
        self.guide_prefix = guide_prefix
        self.column = column
        self.handle_unknown = handle_unknown
        self.contexts = contexts

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
        TypeError
            If a label is neither text nor dict, or `genes` is a set.
        ValueError
            If a label has no certain reading or names an unknown gene, or if `genes` repeats a name.
        """
        column, contexts = label_and_context_columns(X, self.column, self.contexts)
        conditions = self._reader().read_all(read_labels(X, column))
        if self.genes is None:
            found = sorted({gene for one in conditions for gene in one.doses}, key=str)
        else:
            if isinstance(self.genes, set | frozenset):
                raise TypeError("genes is a set, which has no order for the columns; pass sorted(genes).")
            # Texts of numpy would show their type.
            found = [str(gene) if isinstance(gene, str) else gene for gene in self.genes]
            repeated = sorted({str(gene) for gene in found if found.count(gene) > 1})
            if repeated:
                raise ValueError(f"genes repeats {len(repeated)} names ({repeated[:3]}); expected each gene once.")
        if not found:
            raise ValueError(
                f"X names no perturbed gene: all {len(conditions)} labels are controls; expected at least one "
                "perturbation. Pass genes= to encode controls alone."
            )
        self.genes_ = np.empty(len(found), dtype=object)
        self.genes_[:] = found
        self._columns = ContextColumns.learn(X, contexts)
        self.context_columns_ = {len(found) + k: name for k, name in enumerate(self._columns.names)}
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode conditions.

        Parameters
        ----------
        X : sequence of str or dict, Series, DataFrame or AnnData
            One label (or dict of doses) per condition.

        Returns
        -------
        ndarray of shape (n_conditions, n_columns)
            Doses, 1 for labels, and contexts behind them; a control has zeros for all genes, a condition of unknown
            genes NaN. A model of this package names the rows of its prediction after them.
        """
        check_is_fitted(self)
        column, _ = label_and_context_columns(X, self.column, self.contexts)
        labels = read_labels(X, column)
        # Learned genes must not change how a label is cut, only take doubt away: given ones alone may hold separators.
        conditions = self._reader().read_all(labels, known=self.genes_, allow_unknown=self.handle_unknown != "error")
        if self.handle_unknown != "ignore":
            self._check_known(conditions)
        position = {gene: k for k, gene in enumerate(self.genes_)}
        encoded = np.zeros((len(conditions), len(position) + len(self.context_columns_)))
        for row, one in zip(encoded, conditions, strict=True):
            for gene, dose in one.doses.items():
                if gene in position:
                    row[position[gene]] = dose
            if self.handle_unknown == "warn" and one.doses and not any(gene in position for gene in one.doses):
                row[: len(position)] = np.nan
        if self.context_columns_:
            encoded[:, len(position) :] = self._columns.encode(X, self.handle_unknown)
        named = LabeledDoses.of(encoded, X, labels)
        named.context_columns = dict(self.context_columns_)
        return named

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the labels (for doses other than 0 and 1: dicts) of encoded conditions.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_conditions, n_columns)
            Doses. The columns of a table are aligned by name.

        Returns
        -------
        ndarray of shape (n_conditions,), dtype object
            Without contexts.

        Raises
        ------
        ValueError
            If `X` has not one column for each gene, or holds NaN.
        """
        check_is_fitted(self)
        doses = np.asarray(self._in_order(X), dtype=float)
        n_columns = len(self.genes_) + len(self.context_columns_)
        if doses.ndim != 2 or doses.shape[1] != n_columns:
            raise ValueError(
                f"X has shape {doses.shape}; expected (n_conditions, {n_columns}), one column per gene"
                f"{' and context' if self.context_columns_ else ''}."
            )
        doses = doses[:, : len(self.genes_)]
        unknown = np.flatnonzero(np.isnan(doses).any(axis=1))
        if len(unknown):
            raise ValueError(
                f"X[{unknown[0]}] holds NaN, which stands for genes that the encoder does not know ({len(unknown)} "
                "rows in all); expected doses of the known ones."
            )
        as_labels = bool(np.isin(doses, (0.0, 1.0)).all())
        reader = self._reader()
        sep, control = reader.sep[0], reader.name_of({})
        result = np.empty(len(doses), dtype=object)
        for k, row in enumerate(doses):
            names = self.genes_[row != 0]
            result[k] = sep.join(names) or control if as_labels else dict(zip(names, row[row != 0], strict=True))
        return result

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the genes, and the names of the columns of contexts.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_columns,), dtype object
        """
        check_is_fitted(self)
        return np.append(self.genes_, np.array(list(self.context_columns_.values()), dtype=object))

    def _in_order(self, X: Any) -> Any:
        """Bring the columns of a table into the order of the encoder, and make a sparse matrix dense."""
        X, own = as_pandas(X), pd.Index(self.get_feature_names_out(), dtype=object)
        if sp.issparse(X):
            return X.toarray()
        if not isinstance(X, pd.DataFrame) or is_default(X.columns) or X.shape[1] != len(own):
            return X
        return X.iloc[:, name_positions(X.columns, own, ("X.columns", "get_feature_names_out()"))]

    def _reader(self) -> LabelReader:
        return LabelReader(self.control, self.sep, self.genes, self.guide_suffix, self.guide_prefix)

    def _check_known(self, conditions: list[Condition]) -> None:
        known = set(self.genes_)
        unknown = [(k, gene) for k, one in enumerate(conditions) for gene in one.doses if gene not in known]
        if not unknown:
            return
        position, gene = unknown[0]
        n_genes, n_rows = len({name for _, name in unknown}), len({row for row, _ in unknown})
        found = f"X[{position}] names the gene {gene!r}, which is none of the {len(known)} known genes "
        if self.handle_unknown == "error":
            raise ValueError(
                f"{found}({n_genes} unknown genes in all). Fit on labels that hold it, pass genes=, or set "
                "handle_unknown='ignore'."
            )
        warnings.warn(
            f"{found}({n_genes} unknown genes in {n_rows} of {len(conditions)} rows). They are left out, so that such "
            "a row looks like its other gene alone; where no gene is left, doses are NaN, and models predict the mean "
            "response. Pass genes= with all genes to give them columns, or set handle_unknown='error' or 'ignore'.",
            UserWarning,
            stacklevel=4,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
