"""Which columns a user wants: names or positions of source nodes become positions."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skperturb._validation import NetworkRecord

__all__ = ["resolve_sources"]


def resolve_sources(sources: Any, records: list[NetworkRecord]) -> list[np.ndarray]:
    """Return the positions of the wanted sources in each network.

    Parameters
    ----------
    sources : sequence of names or positions, or sequence of n_networks such sequences
        The sources of every network, or of each.
    records : list of n_networks NetworkRecord
        The networks. Empty ones have no sources.

    Returns
    -------
    list of n_networks ndarray of int
        The positions, in the order of `sources`.

    Raises
    ------
    TypeError
        If a source is neither a name nor an integer.
    ValueError
        If `sources` is empty or repeats a source, or a network lacks one.
    """
    _check_kind(sources)
    entries = list(sources)
    if any(_is_list(entry) for entry in entries):
        if len(entries) != len(records):
            raise ValueError(
                f"sources has {len(entries)} sequences but there are {len(records)} networks; expected one "
                "per network, or a single sequence of names or positions for all."
            )
        pairs = zip(entries, records, strict=True)
        return [_positions(entry, record, f"sources[{i}]", i) for i, (entry, record) in enumerate(pairs)]
    return [_positions(entries, record, "sources", i) for i, record in enumerate(records)]


def _check_kind(sources: Any) -> None:
    if isinstance(sources, dict | pd.DataFrame) or sp.issparse(sources):
        raise TypeError(f"sources is a {type(sources).__name__}; expected a sequence of names or positions.")


def _is_list(entry: Any) -> bool:
    return isinstance(entry, list | tuple | np.ndarray | pd.Series | pd.Index) and np.ndim(entry) > 0


def _positions(entries: Any, record: NetworkRecord, label: str, i: int) -> np.ndarray:
    if not _is_list(entries):
        raise TypeError(f"{label} is {entries!r}; expected a sequence of names or positions.")
    if record.n_nodes == 0:
        return np.empty(0, dtype=np.intp)
    if len(entries) == 0:
        raise ValueError(f"{label} is empty; expected at least one source, or sources=None for all.")
    positions = np.array([_position(entry, record, label, i) for entry in entries], dtype=np.intp)
    if len(np.unique(positions)) != len(positions):
        raise ValueError(f"{label} names the same node of X[{i}] more than once: {list(entries)}.")
    return positions


def _position(entry: Any, record: NetworkRecord, label: str, i: int) -> int:
    if record.names is not None and entry in record.names:
        return int(record.names.get_loc(entry))
    if isinstance(entry, str):
        known = "has no names" if record.names is None else f"has {list(record.names[:5])}, …"
        raise ValueError(f"{label} names {entry!r}, which X[{i}] lacks: it {known}.")
    if not isinstance(entry, Integral) or isinstance(entry, bool | np.bool_):
        raise TypeError(f"{label} holds {entry!r}; expected names (str) or positions (int).")
    entry = int(entry)
    if not 0 <= entry < record.n_nodes:
        raise ValueError(f"{label} holds {entry}; expected positions from 0 to {record.n_nodes - 1} for X[{i}].")
    return entry
