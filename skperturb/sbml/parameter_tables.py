"""Parameter and condition tables of PEtab: values for models, and sets of values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._text_tables import check_repeated_header, is_number, read_cells
from skperturb._validation import check_mapping, describe
from skperturb.sbml.model import KineticModel

__all__ = ["read_conditions", "read_parameters"]

_SCALES = ("lin", "log", "log10")


def read_parameters(path: str | os.PathLike[str], model: KineticModel | None = None) -> pd.Series:
    r"""Read the nominal values of a PEtab parameter table, for `KineticModel.with_parameters`.

    Parameters
    ----------
    path : str or path-like
        Tab-separated, with the columns ``parameterId`` and ``nominalValue``. Nominal values are on the linear scale
        whatever ``parameterScale`` says [1]_: that is the scale on which they are estimated.
    model : KineticModel, default=None
        Leave out what is no parameter of the model, such as scales and noises of observables; None keeps all.

    Returns
    -------
    Series
        Values by id. ``attrs["left_out"]`` lists the ids that the model lacks.

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If a column is missing, an id is empty or stands twice, a scale is unknown or a value is no finite number; the
        message names the row. Also if the model has none of the ids.

    See Also
    --------
    read_conditions : Sets of values.

    References
    ----------
    .. [1] Schmiester, L. et al. (2021). PEtab: interoperable specification of parameter estimation problems in systems
       biology. PLOS Computational Biology 17:e1008646. doi:10.1371/journal.pcbi.1008646.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skperturb.sbml import read_parameters
    >>> text = "parameterId\tparameterScale\tnominalValue\nk1\tlog10\t0.1\nsd_x\tlin\t1\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "parameters.tsv")
    ...     _ = path.write_text(text)
    ...     values = read_parameters(path)
    >>> values.to_dict()
    {'k1': 0.1, 'sd_x': 1.0}
    """
    table = _table(path, ("parameterId", "nominalValue"))
    ids = _ids(table["parameterId"], path)
    if "parameterScale" in table:
        for row, scale in enumerate(table["parameterScale"]):
            if scale not in (*_SCALES, ""):
                raise ValueError(f"{path}, row {row}: parameterScale is {scale!r}; expected one of {list(_SCALES)}.")
    numbers = [_number(text, f"{path}, row {row} ({ids[row]})") for row, text in enumerate(table["nominalValue"])]
    values = pd.Series(numbers, index=pd.Index(ids, dtype=object), name="value", dtype=float)
    if model is None:
        return values
    known = values.index.isin(_known(model))
    if not known.any():
        raise ValueError(
            f"{path} has no parameter of the model: its ids are {ids[:4]}, those of the model {_known(model)[:4]}; "
            "expected some in common. Pass no model to keep all."
        )
    kept = values[known]
    kept.attrs["left_out"] = list(values.index[~known])
    return kept


def read_conditions(
    path: str | os.PathLike[str], parameters: Mapping[str, float] | pd.Series | None = None
) -> pd.DataFrame:
    r"""Read a PEtab condition table as sets of parameters, for `steady_states` and `simulate_many`.

    Parameters
    ----------
    path : str or path-like
        Tab-separated, with the column ``conditionId`` and one for each id that is changed; a ``conditionName`` is left
        aside.
    parameters : mapping of str to float or Series, default=None
        Values of the parameters that stand in place of numbers, as `read_parameters` returns them.

    Returns
    -------
    DataFrame of shape (n_conditions, n_changed)
        Numbers, with the conditions as its index.

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If a column is missing, an id is empty or stands twice, or a value is neither a finite number nor a known
        parameter; the message names row and column. Empty values, which mean "as the model has it", are refused too: a
        set of parameters has a value for each column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skperturb.sbml import read_conditions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "conditions.tsv")
    ...     _ = path.write_text("conditionId\tk1\tk2\nhigh\t2\t1.5\nlow\tk_low\t1.5\n")
    ...     read_conditions(path, {"k_low": 0.1})
           k1   k2
    high  2.0  1.5
    low   0.1  1.5
    """
    table = _table(path, ("conditionId",))
    ids = _ids(table["conditionId"], path)
    given = check_mapping(parameters, "parameters")
    known = {str(name): _number(value, f"parameters[{name!r}]") for name, value in given.items()}
    columns = [name for name in table.columns if name not in ("conditionId", "conditionName")]
    if not columns:
        raise ValueError(f"{path} changes nothing; expected a column for each parameter that conditions differ in.")
    found = {
        name: [
            known[text] if text in known else _number(text, f"{path}, row {row} ({ids[row]}), column {name!r}")
            for row, text in enumerate(table[name])
        ]
        for name in columns
    }
    return pd.DataFrame(found, index=pd.Index(ids, dtype=object), dtype=float)


def _table(path: Any, needed: tuple[str, ...]) -> pd.DataFrame:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {describe(path)}; expected the path of a tab-separated table.")
    # As texts: an id may look like a number, and "NA" is one.
    cells = read_cells(Path(path), separator="\t")
    frame = cells.frame
    table = frame.iloc[1:].reset_index(drop=True).set_axis(list(frame.iloc[0]), axis=1)
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"{path} has two columns {twice!r}; expected each once.")
    if not len(table):
        raise ValueError(f"{path} has names of columns and no row below them; expected one for each id.")
    check_repeated_header(frame, Path(path))
    for name in needed:
        if name not in table:
            raise ValueError(f"{path} has the columns {list(table.columns)[:6]}; expected {name!r} among them.")
    return table


def _ids(column: pd.Series, path: Any) -> list[str]:
    ids = list(column)
    seen: set[str] = set()
    for row, name in enumerate(ids):
        if not name or name in seen:
            problem = "an empty id" if not name else f"{name!r} a second time"
            raise ValueError(f"{path}, row {row}: {problem}; expected another id in every row.")
        seen.add(name)
    return ids


def _number(text: Any, place: str) -> float:
    if isinstance(text, str):
        value = float(text) if is_number(text) else np.nan
    else:
        try:
            value = float(text)
        except (TypeError, ValueError):
            value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{place}: the value is {text!r}; expected a finite number.")
    return value


def _known(model: Any) -> list[str]:
    if not isinstance(model, KineticModel):
        raise TypeError(f"model is {describe(model)}; expected a KineticModel or None.")
    return list(model.parameters.index)
