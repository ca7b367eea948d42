"""What a user knows of networks beside their structure: concentrations and fluxes, for one network or for many."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from skperturb._validation import describe

__all__ = ["known_of", "known_values"]


def known_of(name: str, option: Any, network: Any, model_id: Any, position: int) -> Any:
    """Return what is known of one network.

    Parameters
    ----------
    name : str
        Name of the parameter in error messages.
    option : {"network"}, Series, mapping or None
        "network": the state of the network itself. A Series, or a mapping of numbers, holds for every network; a
        mapping of those holds one for each ``model_id``.
    network : object
        The network as it was passed.
    model_id : object
        Its identifier, None without one.
    position : int
        Where it stands in X.

    Returns
    -------
    Series, mapping or None

    Raises
    ------
    TypeError
        If the option holds something else.
    ValueError
        If there is nothing for this network.
    """
    if option is None or _is_one(option):
        return option
    if isinstance(option, str):
        if name != "state" or option != "network":
            raise ValueError(f"{name}={option!r} is no value by name; expected a Series or a mapping, or None.")
        state = getattr(network, "state", None)
        if state is None:
            raise ValueError(
                f"{name}={option!r}, but X[{position}] has no state; make it with JacobianExtractor, pass "
                f"InfluenceNetwork(..., state=...), or use {name}=None."
            )
        return state
    _check_several(name, option)
    if model_id not in option:
        raise ValueError(
            f"{name} has no entry for X[{position}] (model_id={model_id!r}); expected one for each network, got "
            f"{list(option)[:3]}."
        )
    return option[model_id]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_one(option: Any) -> bool:
    """Tell whether the option is what is known of one network, and not of each by its id."""
    if isinstance(option, pd.Series):
        # A row of a mixed table holds its numbers as objects.
        return option.dtype.kind in "iuf" or (len(option) > 0 and all(map(_is_number, option)))
    return isinstance(option, Mapping) and bool(option) and all(_is_number(value) for value in option.values())


def _check_several(name: str, option: Any) -> None:
    """Raise unless the option holds what is known of several networks."""
    if not isinstance(option, Mapping | pd.Series):
        raise TypeError(f"{name} is a {describe(option)}; expected a Series or a mapping from names to numbers.")
    for key, value in option.items():
        if not isinstance(value, Mapping | pd.Series):
            raise TypeError(
                f"{name} holds {value!r} for {key!r}; expected numbers by name, or for each model_id a Series or a "
                "mapping of those."
            )


def known_values(known: Any, names: Sequence[Any], where: str) -> np.ndarray:
    """Return the values in the order of names, each of which has to be there."""
    series = known if isinstance(known, pd.Series) else pd.Series(known, dtype=object)
    odd = [key for key, value in series.items() if not _is_number(value)]
    if odd:
        raise ValueError(f"{where} holds {series[odd[0]]!r} for {odd[0]!r}; expected numbers.")
    if not series.index.is_unique:
        raise ValueError(f"{where} repeats {series.index[series.index.duplicated()][0]!r}; expected one value each.")
    missing = [name for name in names if name not in series.index]
    if missing:
        raise ValueError(
            f"{where} lacks {len(missing)} of {len(names)} names ({missing[:3]}); it has {list(series.index[:3])}."
        )
    values = series.reindex(list(names)).to_numpy(dtype=float)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{where} is {values[bad[0]]} for {names[bad[0]]!r}; expected finite numbers.")
    return values
