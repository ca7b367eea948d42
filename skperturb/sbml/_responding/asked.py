"""Checks of what is asked for: ids, numbers and options that say yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["check_flag", "check_moment", "check_values", "listed_ids"]


def listed_ids(names: Any, where: str) -> list[Any]:
    """Return a sequence of ids, each once, as a list; refuse one id, a mapping and what is no sequence."""
    if isinstance(names, str):
        raise TypeError(f"{where} is one id ({names!r}); expected a sequence of ids. Wrap it in a list.")
    if isinstance(names, Mapping):
        raise TypeError(
            f"{where} is a {type(names).__name__}, whose values would be ignored; expected a sequence of ids. Other "
            "values are set with with_parameters."
        )
    try:
        return list(dict.fromkeys(names))
    except TypeError:
        raise TypeError(f"{where} is {names!r}; expected a sequence of ids.") from None


def check_flag(**flags: Any) -> None:
    """Refuse options that are neither True nor False: the text "no" counts as true."""
    for name, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name}={value!r} must be True or False.")


def check_moment(time: Any) -> None:
    """Refuse a time that is no finite number."""
    if not isinstance(time, Real) or isinstance(time, bool) or not np.isfinite(float(time)):
        raise ValueError(f"time={time!r} must be a finite number.")


def check_values(values: Any, where: str) -> None:
    """Refuse texts, truth values and what is not finite where numbers are expected."""
    array = np.asarray(values)
    if array.dtype.kind in "USbMm":
        raise ValueError(f"{where} holds {array.ravel()[:1].tolist()[0]!r}; expected numbers.")
    if array.dtype.kind in "iuf":
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = ", ".join(str(k) for k in bad[0])
            raise ValueError(f"{where}[{place}] is {array[tuple(bad[0])]}; expected finite numbers.")
