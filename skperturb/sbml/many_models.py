"""Sources that become models, one or several, and what is computed for each of several."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from skperturb._validation import as_sequence, check_n_jobs, describe
from skperturb.exceptions import ModelWarning
from skperturb.sbml.model import KineticModel

__all__ = ["as_model", "is_several", "map_each", "map_models", "model_labels", "with_place"]

_ON_ERROR = ("raise", "skip")
_SHOWN = 3
_EXPECTED = (
    "a KineticModel, a source that KineticModel.from_sbml reads (a path, or SBML text), or a sequence (list, tuple, "
    "1-D object array, Series) of these"
)


def is_several(model: Any) -> bool:
    """Say whether this is a sequence of models or sources."""
    return isinstance(model, (list, tuple, np.ndarray, pd.Series))


def as_model(model: Any, where: str = "model") -> KineticModel:
    """Return a model as it is, or what is read from a source.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(model, KineticModel):
        return model
    if isinstance(model, (str, os.PathLike)):
        return KineticModel.from_sbml(model)
    raise TypeError(f"{where} is {describe(model)}; expected {_EXPECTED}.")


def model_labels(models: list[Any]) -> list[str]:
    """Return a label for each model: its id, or the name of its file, with the position where that is not unique."""
    names = []
    for position, model in enumerate(models):
        if isinstance(model, KineticModel):
            names.append(model.model_id)
        elif isinstance(model, os.PathLike) or not model.lstrip().startswith("<"):
            names.append(os.path.basename(os.fspath(model)).split(".")[0])
        else:
            names.append(f"model {position}")
    return [name if names.count(name) == 1 else f"{name} ({position})" for position, name in enumerate(names)]


def _tried(function: Callable[..., Any], source: Any) -> Any:
    """Return the result for one source, or the error that took its place."""
    try:
        return function(as_model(source))
    except (ValueError, OSError) as error:
        return error


def map_each(function: Callable[..., Any], models: Any, *, n_jobs: int | None, verbose: int) -> tuple[list, list]:
    """Return the models of a sequence, and result or error for each."""
    from tqdm import tqdm

    check_n_jobs(n_jobs)
    items = as_sequence(models, "model", _EXPECTED)
    for position, item in enumerate(items):
        if not isinstance(item, (KineticModel, str, os.PathLike)):
            raise TypeError(f"model[{position}] is {describe(item)}; expected {_EXPECTED}.")
    progress = tqdm(items, disable=None if verbose else True, desc="models", unit="model")
    return items, Parallel(n_jobs=n_jobs)(delayed(_tried)(function, item) for item in progress)


def map_models(
    compute: Callable[..., pd.DataFrame],
    models: Any,
    state: Any,
    *,
    on_error: str,
    n_jobs: int | None,
    verbose: int,
) -> np.ndarray:
    """Return a table for each of several models, as a 1-D object array.

    Parameters
    ----------
    compute : callable
        Returns the table of a model.
    models : sequence
        Models or sources.
    state : None
        A state belongs to one model.
    on_error : {"raise", "skip"}
        Whether the error of a model is raised with its index, or costs its own table, which is then empty.
    n_jobs, verbose : int
        As in joblib, and whether progress is shown.
    """
    if state is not None:
        raise ValueError("state was passed with several models, but it belongs to one; pass one model, or no state.")
    if on_error not in _ON_ERROR:
        raise ValueError(f"on_error={on_error!r} is unknown; expected one of {list(_ON_ERROR)}.")
    items, found = map_each(compute, models, n_jobs=n_jobs, verbose=verbose)
    labels, failed = model_labels(items), []
    tables = np.empty(len(items), dtype=object)
    for position, result in enumerate(found):
        if isinstance(result, Exception):
            if on_error == "raise":
                raise with_place(result, f"model[{position}] ({labels[position]})") from result
            failed.append(f"model[{position}] ({labels[position]}): {result}")
            result = pd.DataFrame()
        tables[position] = result
    if failed:
        more = f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        message = f"{len(failed)} of {len(items)} models have no table: {'; '.join(failed[:_SHOWN])}{more}"
        warnings.warn(message, ModelWarning, stacklevel=3)
    return tables


def with_place(error: Exception, place: str) -> Exception:
    """Return an error of the same kind that begins with where it happened."""
    text = f"{place}: {error}"
    if not isinstance(error, ValueError) or isinstance(error, UnicodeError):
        return OSError(text)
    placed = type(error)(text)
    placed.__dict__.update(error.__dict__)  # such as the status of what has no steady state
    return placed
