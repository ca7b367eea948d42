"""Columns of a table that hold contexts become one-hot columns whose names say what they are."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skperturb._label_sources import observations
from skperturb.responses._contexts.columns import context_name

__all__ = ["ContextColumns", "label_and_context_columns"]


def _table(X: Any) -> Any:
    return observations(X)


def label_and_context_columns(
    X: Any, column: str | None, contexts: Any
) -> tuple[str | None, dict[str, Sequence[Any] | None]]:
    """Return the column of the labels, and the columns of the contexts with their levels if these are given.

    Parameters
    ----------
    X : object
        What `PerturbationEncoder` was given.
    column, contexts : see `PerturbationEncoder`

    Returns
    -------
    column : str or None
        The only other column of the table where none is given.
    contexts : dict of str to sequence or None

    Raises
    ------
    ValueError
        If `X` is no table, or a column of contexts is not there, twice, or that of the labels.
    """
    if contexts is None:
        return column, {}
    wanted: dict[str, Sequence[Any] | None]
    if isinstance(contexts, Mapping):
        wanted = {name: list(levels) for name, levels in contexts.items()}
    else:
        wanted = dict.fromkeys([contexts] if isinstance(contexts, str) else list(contexts))
    table = _table(X)
    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            f"contexts={contexts!r} names columns, and X is a {type(X).__name__}; expected a table or an AnnData with "
            "the labels in one column and the contexts in others."
        )
    for name in wanted:
        n_alike = int((table.columns == name).sum())
        if n_alike != 1 or name == column:
            what = "that of the labels" if name == column else f"the name of {n_alike} columns of X"
            raise ValueError(
                f"contexts holds {name!r}, which is {what}; expected one of {list(table.columns[:5])} beside the "
                "labels."
            )
    others = [name for name in table.columns if name not in wanted]
    return (others[0] if column is None and len(others) == 1 else column), wanted


@dataclass(frozen=True)
class ContextColumns:
    """The levels of each context.

    Parameters
    ----------
    levels : dict of str to list of str
        For each column of the table.
    """

    levels: dict[str, list[str]]

    @classmethod
    def learn(cls, X: Any, contexts: Mapping[str, Sequence[Any] | None]) -> "ContextColumns":
        """Find the levels that are not given.

        Parameters
        ----------
        X : DataFrame or AnnData
        contexts : dict of str to sequence or None

        Raises
        ------
        ValueError
            If a level is missing or given twice.
        """
        found = {}
        for name, given in contexts.items():
            if given is None:
                found[name] = sorted(set(_levels(X, name)))
                continue
            found[name] = [str(level) for level in given]
            repeated = sorted({level for level in found[name] if found[name].count(level) > 1})
            if repeated or not found[name]:
                raise ValueError(f"contexts[{name!r}] is {found[name][:5]}; expected each level once, at least one.")
        return cls(found)

    @property
    def names(self) -> list[str]:
        """Names of the columns, such as "cell_line=K562"."""
        return [context_name(name, level) for name, levels in self.levels.items() for level in levels]

    def encode(self, X: Any, handle_unknown: str) -> np.ndarray:
        """Return one column for each level.

        Parameters
        ----------
        X : DataFrame or AnnData
        handle_unknown : {"warn", "error", "ignore"}

        Returns
        -------
        ndarray of shape (n_conditions, n_levels)
            Of a row with another level, no column is 1.
        """
        blocks = []
        for name, levels in self.levels.items():
            own = np.array(_levels(X, name), dtype=object)
            blocks.append((own[:, None] == np.array(levels, dtype=object)).astype(float))
            unknown = np.flatnonzero(~blocks[-1].any(axis=1))
            if len(unknown) and handle_unknown != "ignore":
                _tell_unknown(name, levels, own, unknown, handle_unknown)
        return np.hstack(blocks)


def _levels(X: Any, name: str) -> list[str]:
    values = _table(X)[name]
    missing = np.flatnonzero(values.isna().to_numpy())
    if len(missing):
        raise ValueError(
            f"X has no {name!r} in its row {missing[0]} ({len(missing)} in all); expected a level in each row. Leave "
            "such rows out, or fill them with a level of their own."
        )
    return values.astype(str).tolist()


def _tell_unknown(name: str, levels: list[str], own: np.ndarray, unknown: np.ndarray, handle_unknown: str) -> None:
    found = f"X[{unknown[0]}] has the {name} {own[unknown[0]]!r}, which is none of the {len(levels)} known levels "
    n_levels = len(set(own[unknown]))
    if handle_unknown == "error":
        raise ValueError(
            f"{found}({n_levels} unknown levels in all). Fit on a table that holds it, pass contexts={{{name!r}: [all "
            "levels]}, or set handle_unknown='ignore'."
        )
    warnings.warn(
        f"{found}({n_levels} unknown levels in {len(unknown)} of {len(own)} rows). Models predict for it what they do "
        f"for any new context. Pass contexts={{{name!r}: [all levels]}} to give it a column, or set handle_unknown="
        "'error' or 'ignore'.",
        UserWarning,
        stacklevel=5,
    )
