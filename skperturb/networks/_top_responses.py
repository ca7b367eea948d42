"""The strongest responses of a matrix, as a table that can be read."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skperturb._sklearn import Interval, validate_params

__all__ = ["top_responses"]


@validate_params(
    {
        "sensitivity": ["array-like"],
        "k": [Interval(Integral, 1, None, closed="left")],
        "probability": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def top_responses(sensitivity: Any, k: int = 10, *, probability: Any = None) -> pd.DataFrame:
    """List the strongest responses to each source.

    Parameters
    ----------
    sensitivity : DataFrame or array-like of shape (n_nodes, n_sources)
        Column = source, row = responding variable, as `skperturb.sbml.sensitivity_matrix` and the predictors of this
        package return it. Entries that are NaN, infinite or zero, and the response of a source to itself, are left
        out and counted.
    k : int, default=10
        Most responses that are listed for one source.
    probability : DataFrame or array-like of the shape of `sensitivity`, default=None
        Certainty of each sign, as `StructuralSensitivity.predict_sign` returns it; a column ``certainty`` then.

    Returns
    -------
    table : DataFrame
        Columns ``source, target, rank`` (1 is the strongest), ``response, sign``, in the order of the sources;
        responses of one size share their rank and go in the order of the rows. ``table.attrs`` counts what was left
        out: "undefined", "infinite" and "none".

    Raises
    ------
    ValueError
        If `sensitivity` is no matrix of numbers, or `probability` has another shape or other labels.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.networks import top_responses
    >>> names = ["mRNA", "protein", "product"]
    >>> S = pd.DataFrame([[1, 0, 0], [2, 1, 0], [-6, -3, 1]], index=names, columns=names)
    >>> top_responses(S, 1)
        source   target  rank  response  sign
    0     mRNA  product     1      -6.0    -1
    1  protein  product     1      -3.0    -1
    """
    frame = _as_frame(sensitivity, "sensitivity")
    certainty = None if probability is None else _as_frame(probability, "probability")
    if certainty is not None and (
        certainty.shape != frame.shape
        or not (certainty.index.equals(frame.index) and certainty.columns.equals(frame.columns))
    ):
        raise ValueError(
            f"probability has shape {certainty.shape} and sensitivity {frame.shape}, or their labels differ; expected "
            "one certainty for each response."
        )
    values = frame.to_numpy()
    others = frame.index.to_numpy()[:, None] != frame.columns.to_numpy()[None, :]
    usable = others & np.isfinite(values) & (values != 0)
    parts = [_strongest(frame, column, usable[:, column], k, certainty) for column in range(frame.shape[1])]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))
    table.attrs = {
        "undefined": int((others & np.isnan(values)).sum()),
        "infinite": int((others & np.isinf(values)).sum()),
        "none": int((others & (values == 0)).sum()),
    }
    return table


_COLUMNS = ("source", "target", "rank", "response", "sign")


def _as_frame(matrix: Any, name: str) -> pd.DataFrame:
    frame = matrix if isinstance(matrix, pd.DataFrame) else pd.DataFrame(np.asarray(matrix))
    if frame.ndim != 2 or any(not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes):
        raise ValueError(f"{name} is no matrix of numbers; expected shape (n_nodes, n_sources), one matrix.")
    return frame.astype(np.float64)


def _strongest(
    frame: pd.DataFrame, column: int, usable: np.ndarray, k: int, certainty: pd.DataFrame | None
) -> pd.DataFrame:
    values = frame.iloc[:, column].to_numpy()
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(-np.abs(values[rows]), kind="stable")]
    ranks = pd.Series(-np.abs(values[rows])).rank(method="min").astype(int).to_numpy()
    rows, ranks = rows[:k], ranks[:k]
    found = pd.DataFrame(
        {
            "source": [frame.columns[column]] * len(rows),
            "target": frame.index[rows],
            "rank": ranks,
            "response": values[rows],
            "sign": np.sign(values[rows]).astype(int),
        }
    )
    return found if certainty is None else found.assign(certainty=certainty.iloc[rows, column].to_numpy())
