"""What displays are built from: tables of scores, and the predictions of several models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._validation import describe

__all__ = ["check_columns", "check_method_scores", "predict_each", "refuse_sequence"]


def refuse_sequence(value: Any, name: str, shown: str) -> None:
    """Raise ValueError if `value` is a sequence of matrices where one is shown.

    Parameters
    ----------
    value : object
    name : str
        How the error text calls it.
    shown : str
        What a display shows, such as "one network".
    """
    is_sequence = isinstance(value, list | tuple | pd.Series) or (
        isinstance(value, np.ndarray) and (value.ndim == 3 or value.dtype == object)
    )
    if is_sequence and len(value) and (sp.issparse(value[0]) or np.ndim(value[0]) == 2):
        raise ValueError(
            f"{name} is a {type(value).__name__} of {len(value)} matrices, but the display shows {shown}; pass one of "
            f"them, such as {name}[0]."
        )


def check_columns(table: Any, name: str, columns: Sequence[str], expected: str) -> pd.DataFrame:
    """Return `table` if it has the columns; otherwise an error names it, the missing ones, and what is `expected`."""
    present = set(getattr(table, "columns", ()))
    missing = [column for column in columns if column not in present]
    if missing:
        raise ValueError(f"{name} lacks the columns {missing}; expected a DataFrame with {expected}.")
    return table


def check_method_scores(scores: Any, row: str, *, min_rows: int = 0) -> pd.DataFrame:
    """Return the scores of at least two methods (columns) if it is a DataFrame of at least `min_rows` rows."""
    if not isinstance(scores, pd.DataFrame) or scores.shape[1] < 2 or len(scores) < min_rows:
        raise ValueError(
            f"scores must be a DataFrame with one row for each {row} and at least two methods as columns; "
            f"got {type(scores).__name__} of shape {np.shape(scores)}."
        )
    return scores


def predict_each(estimators: dict[str, Any], X: Any) -> dict[str, Any]:
    """Return the predictions of `X` by each fitted estimator, under its name; refuse an estimator alone."""
    if not isinstance(estimators, Mapping):
        raise TypeError(
            f"estimators is a {describe(estimators)}; expected a dict of fitted estimators by their names, such as "
            "{'model': model}."
        )
    return {name: estimator.predict(X) for name, estimator in estimators.items()}
