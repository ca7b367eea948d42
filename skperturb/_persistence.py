"""State of fitted objects as plain data: arrays, numbers, texts, lists and dicts.

Pickle can keep anything and run anything; ``skops.io`` keeps only what it knows, and can therefore promise that loading
runs no code. It knows neither pandas nor torch, so that their objects stand in the state of ours as arrays.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["PlainStateMixin", "decode", "encode"]

_MARK = "__skperturb__"


class PlainStateMixin:
    """Mixin of objects whose state, also the pickled one, is plain data."""

    def __getstate__(self):
        return encode(super().__getstate__())

    def __setstate__(self, state):
        state = decode(state)
        parent: Any = super()
        if hasattr(parent, "__setstate__"):
            parent.__setstate__(state)
        else:
            self.__dict__.update(state)


def encode(value: Any) -> Any:
    """Replace pandas objects and tensors in a nest of dicts, lists and tuples.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        Of which `decode` makes an equal one; what is no nest and none of these is returned as it is.
    """
    kind = type(value)
    if kind is dict:
        return {name: encode(item) for name, item in value.items()}
    if kind is list or kind is tuple:
        return kind(encode(item) for item in value)
    if isinstance(value, np.ndarray):
        return _encode_texts(value)
    if isinstance(value, pd.DataFrame):
        return _encode_frame(value)
    if isinstance(value, pd.Series):
        return {_MARK: "series", **_encode_array(value.array), "index": encode(value.index), "name": value.name}
    if isinstance(value, pd.MultiIndex):
        return {_MARK: "multi", "values": [list(row) for row in value], "names": list(value.names)}
    if isinstance(value, pd.Index):
        return {_MARK: "index", **_encode_array(value.array), "name": value.name}
    # A tensor tells by its module, so that torch is not imported here.
    if kind.__module__ == "torch" and hasattr(value, "detach"):
        return {_MARK: "tensor", "values": value.detach().cpu().numpy()}
    return value


def _encode_texts(array: np.ndarray) -> Any:
    """Replace an array of texts by numbers and one text: skops describes every object in some 300 bytes."""
    if array.dtype != object or not array.size or any(type(item) is not str for item in array.flat):
        return array
    codes, names = pd.factorize(array.ravel())
    places = codes.astype(np.int32).reshape(array.shape)
    return {_MARK: "texts", "names": json.dumps(names.tolist()), "places": places}


def _decode_texts(parts: dict[str, Any]) -> np.ndarray:
    names = json.loads(parts["names"])
    array = np.empty(len(names), dtype=object)
    array[:] = names
    return array[parts["places"]]


def _encode_frame(frame: pd.DataFrame) -> dict[str, Any]:
    labels = {"index": encode(frame.index), "columns": encode(frame.columns)}
    kinds = set(frame.dtypes)
    if len(kinds) == 1 and isinstance(next(iter(kinds)), np.dtype):
        return {_MARK: "table", "values": _encode_texts(frame.to_numpy()), **labels}
    return {_MARK: "frame", "values": [_encode_array(frame.iloc[:, k].array) for k in range(frame.shape[1])], **labels}


def _encode_array(array: Any) -> dict[str, Any]:
    dtype = str(array.dtype)
    if dtype == "category":
        categories = {"categories": encode(array.categories), "ordered": bool(array.ordered)}
        return {"values": np.asarray(array.codes), "dtype": dtype, **categories}
    is_plain = isinstance(array.dtype, np.dtype)
    values = array.to_numpy() if is_plain else array.to_numpy(dtype=object)
    return {"values": _encode_texts(values), "dtype": dtype}


def _decode_array(parts: Mapping[str, Any]) -> Any:
    parts = {**parts, "values": decode(parts["values"])}
    if parts["dtype"] == "category":
        return pd.Categorical.from_codes(parts["values"], decode(parts["categories"]), ordered=parts["ordered"])
    # Copied, because what was memory-mapped or read from a file may be read-only.
    return pd.array(parts["values"].tolist(), dtype=parts["dtype"]) if _is_extension(parts) else parts["values"].copy()


def _decode_series(parts: Mapping[str, Any], index: pd.Index | None, name: Any = None) -> pd.Series:
    array = _decode_array(parts)
    # The dtype is said, because pandas 3 makes its own type of text of an array of str.
    return pd.Series(array, index=index, name=name, dtype=array.dtype)


def _decode_index(parts: Mapping[str, Any]) -> pd.Index:
    array = _decode_array(parts)
    return pd.Index(array, name=parts["name"], dtype=array.dtype)


def _is_extension(parts: Mapping[str, Any]) -> bool:
    return parts["dtype"] != str(parts["values"].dtype)


def decode(value: Any) -> Any:
    """Undo `encode`."""
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(decode(item) for item in value)
    if kind is not dict:
        return value
    if _MARK not in value:
        return {name: decode(item) for name, item in value.items()}
    return _DECODERS[value[_MARK]](value)


def _decode_frame(parts: dict[str, Any]) -> pd.DataFrame:
    index, columns = decode(parts["index"]), decode(parts["columns"])
    # By position, because the names of columns need not be unique.
    frame = pd.DataFrame({k: _decode_series(part, index) for k, part in enumerate(parts["values"])}, index=index)
    return frame.set_axis(columns, axis=1)


def _decode_table(parts: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(decode(parts["values"]).copy(), index=decode(parts["index"]), columns=decode(parts["columns"]))


def _decode_tensor(parts: dict[str, Any]) -> Any:
    import torch

    return torch.from_numpy(np.array(parts["values"]))


_DECODERS = {
    "frame": _decode_frame,
    "table": _decode_table,
    "series": lambda parts: _decode_series(parts, decode(parts["index"]), parts["name"]),
    "multi": lambda parts: pd.MultiIndex.from_tuples([tuple(row) for row in parts["values"]], names=parts["names"]),
    "index": _decode_index,
    "tensor": _decode_tensor,
    "texts": _decode_texts,
}
