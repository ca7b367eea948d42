"""The strongest responses of a matrix, as a table that can be read."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skperturb._sklearn import Interval, validate_params
from skperturb._validation import check_node_names, coerce_matrix, is_network
from skperturb.networks._known import known_values

__all__ = ["top_responses"]


@validate_params(
    {
        "sensitivity": "no_validation",
        "k": [Interval(Integral, 1, None, closed="left")],
        "probability": "no_validation",
        "state": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def top_responses(sensitivity: Any, k: int = 10, *, probability: Any = None, state: Any = None) -> pd.DataFrame:
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
    state : Series or dict, default=None
        Values of the variables, such as ``network.state``. Responses of and to variables that have died out, those
        below 1e-20 of the largest absolute value, are left out then: per cent of nothing say nothing.

    Returns
    -------
    table : DataFrame
        Columns ``source, target, rank`` (1 is the strongest), ``response, sign``, in the order of the sources;
        responses of one size share their rank and go in the order of the rows. ``table.attrs`` counts what was left
        out: "undefined", "infinite" and "none", and with `state` "vanishing".

    Raises
    ------
    TypeError
        If `sensitivity` or `probability` holds no numbers, or is a network, or `state` has no names.
    ValueError
        If `sensitivity` is no matrix or repeats a name, or `probability` has another shape, other labels, or a value
        that is no probability, or `state` lacks a variable, or has two values or no finite number for one.

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
    if certainty is not None and (certainty.min(axis=None) < 0.0 or certainty.max(axis=None) > 1.0):
        raise ValueError("probability has values below 0 or above 1; expected the certainty of each sign.")
    values = frame.to_numpy()
    others = frame.index.to_numpy()[:, None] != frame.columns.to_numpy()[None, :]
    usable = others & np.isfinite(values) & (values != 0)
    lost = {} if state is None else _vanishing(frame, state)
    for axis, names in ((0, frame.index), (1, frame.columns)):
        usable &= np.expand_dims(~np.asarray(names.isin(list(lost))), 1 - axis)
    parts = [_strongest(frame, column, usable[:, column], k, certainty) for column in range(frame.shape[1])]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))
    table.attrs = {
        "undefined": int((others & np.isnan(values)).sum()),
        "infinite": int((others & np.isinf(values)).sum()),
        "none": int((others & (values == 0)).sum()),
    }
    if state is not None:
        table.attrs["vanishing"] = int((others & np.isfinite(values) & (values != 0) & ~usable).sum())
    return table


_COLUMNS = ("source", "target", "rank", "response", "sign")
# Of the largest value, as `skperturb.sbml.screen_models` has it: what decays for ever falls below any bound; units
# alone, such as a few molecules in mole beside a concentration in molar, make no more than some 1e-16.
_DIED_OUT = 1e-20


def _vanishing(frame: pd.DataFrame, state: Any) -> dict[Any, float]:
    """Return the variables that have died out, with their values."""
    if not isinstance(state, (pd.Series, dict)):
        raise TypeError(f"state is a {type(state).__name__}; expected a Series or dict, value by name.")
    names = frame.index.union(frame.columns, sort=False)
    sizes = pd.Series(np.abs(known_values(state, list(names), "state")), index=names)
    return sizes[sizes <= _DIED_OUT * sizes.max()].to_dict()


def _as_frame(matrix: Any, name: str) -> pd.DataFrame:
    if is_network(matrix):
        raise TypeError(f"{name} is an InfluenceNetwork; pass its sensitivities, as sensitivity_matrix returns them.")
    if isinstance(matrix, pd.DataFrame) and all(pd.api.types.is_numeric_dtype(kind) for kind in matrix.dtypes):
        # Missing values of nullable dtypes are undefined responses; complex ones are refused below.
        nullable = {name: np.float64 for name, kind in matrix.dtypes.items() if not isinstance(kind, np.dtype)}
        matrix = matrix.astype(nullable)
    values, index, columns = coerce_matrix(matrix, name, finite=False)
    for axis, labels in (("index", index), ("columns", columns)):
        if labels is not None:
            check_node_names(labels, None, f"{name}.{axis}")
    return pd.DataFrame(values if isinstance(values, np.ndarray) else values.toarray(), index, columns)


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
