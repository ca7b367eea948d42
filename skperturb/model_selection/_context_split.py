"""Splits that ask what a model knows about a cell line that it never saw."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import as_pandas
from skperturb._sklearn import validate_params
from skperturb.model_selection._perturbation_splits import (
    CONTROL,
    LABEL_OPTIONS,
    SEP,
    LabelReadingSplit,
    warn_of_groups,
)
from skperturb.responses._contexts.columns import read_contexts

__all__ = ["LeaveContextOut"]


class LeaveContextOut(LabelReadingSplit):
    """Folds that each test all conditions of one context, such as a cell line, and train on those of the others.

    Whether the genes of the test rows are perturbed in the other contexts is up to the data: genes that are ask for a
    known gene in a new cell line, others for a new gene in a new one. Controls are rows like others. Rows without a
    context, which all columns of contexts leave at 0, always train.

    Parameters
    ----------
    contexts : str or sequence of str or int, default=None
        The columns that say in which context a condition was measured: columns of a table beside the labels
        ("cell_line"), or columns of doses, by name, by position or by what comes before "=" in names such as
        "cell_line=K562". None takes the columns of doses that have such names. Of several, each combination of levels
        is a fold.
    control, sep, genes, guide_suffix, guide_prefix, column
        How labels are read: see `PerturbationEncoder`. `column` is needed for tables with several columns beside
        `contexts`.
    encoder : PerturbationEncoder, default=None
        Reads the labels and the contexts, instead of these options. It is copied, not fitted.

    Raises
    ------
    ValueError
        By `split`, if there are no columns of contexts, or fewer than two contexts have rows.

    See Also
    --------
    UnseenPerturbationSplit : Test on genes that were never perturbed; all contexts of a gene stay together.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.model_selection import LeaveContextOut
    >>> table = pd.DataFrame({"gene": ["A", "B", "A", "B"], "line": ["K562", "K562", "Jurkat", "Jurkat"]})
    >>> for train, test in LeaveContextOut("line").split(table):
    ...     print(train, test)
    [0 1] [2 3]
    [2 3] [0 1]
    """

    @validate_params(
        {"contexts": [str, "array-like", None], **LABEL_OPTIONS},
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        contexts: Any = None,
        *,
        control: str | Sequence[str] = CONTROL,
        sep: str | Sequence[str] = SEP,
        genes: Sequence[str] | None = None,
        guide_suffix: str | None = None,
        guide_prefix: str | None = None,
        column: str | None = None,
        encoder: Any = None,
    ) -> None:
        self.contexts = contexts
        self.control = control
        self.sep = sep
        self.genes = genes
        self.guide_suffix = guide_suffix
        self.guide_prefix = guide_prefix
        self.column = column
        self.encoder = encoder

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test rows of each context.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_columns), or a table of labels and contexts
            Doses, or what `PerturbationEncoder` reads with ``contexts``: a table, an AnnData.
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
            If there are no contexts to leave out, or labels have no certain reading.
        """
        warn_of_groups(self, groups)
        context = self._context_of(X)
        for one in self._left_out(context):
            yield np.flatnonzero(context != one), np.flatnonzero(context == one)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of contexts in X.

        Parameters
        ----------
        X : array-like of shape (n_conditions, n_columns), or a table of labels and contexts
            See `split`.
        y, groups : None
            Ignored.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            If X is None, or fewer than two contexts have rows.
        """
        if X is None:
            raise ValueError("X is None; expected the conditions, whose contexts are the folds.")
        return len(self._left_out(self._context_of(X)))

    def _context_of(self, X: Any) -> np.ndarray:
        """Return the context of each row, -1 for rows without one."""
        X, contexts = as_pandas(X), self.contexts
        doses = self._read_doses(X)
        if doses is None:
            X = doses = self._context_encoder().fit_transform(X)
            contexts = None
        names = X.columns if isinstance(X, pd.DataFrame) else np.arange(np.shape(doses)[1])
        design = read_contexts(contexts, X, names)
        if design is None:
            raise ValueError(
                "X has no columns of contexts; expected names such as 'cell_line=K562', or contexts= to say which "
                "columns they are."
            )
        context = design.context_of(np.asarray(doses, dtype=float))
        unknown = [len(levels) - 1 for levels in design.levels]
        return np.where((design.contexts[context] == unknown).all(axis=1), -1, context)

    def _context_encoder(self) -> Any:
        encoder = self._own_encoder()
        if self.encoder is None:
            return encoder.set_params(contexts=self.contexts)
        if self.contexts is not None:
            raise ValueError("encoder and contexts are both given; set contexts in the encoder.")
        return encoder

    def _left_out(self, context: np.ndarray) -> np.ndarray:
        found = np.unique(context[context >= 0])
        if len(found) < 2:
            raise ValueError(f"X has rows of {len(found)} context; expected two or more, one to test and one to train.")
        return found
