"""A user's own screen, as the commands read it: responses, the doses behind them, and what is known about the genes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._cell_files import open_cells
from ._gene_files import TABLES, read_named_rows
from ._labels import LabelReader
from ._near_names import listed, nearest
from ._text_tables import Cells, as_numbers, line_separator, read_cells

__all__ = [
    "LABEL",
    "UserScreen",
    "check_labels",
    "encode",
    "read_label_cells",
    "read_screen",
    "screen_profiles",
    "without_column",
]

#: The column of the labels in `UserScreen.conditions`.
LABEL = "perturbation"
_CONTROLS = ("control", "ctrl")
_NOISE = "noise_variance"


@dataclass
class UserScreen:
    """Responses of a user's screen.

    Parameters
    ----------
    name : str
    conditions : DataFrame
        The label of each condition, in the column `LABEL`, and its contexts.
    responses : DataFrame of shape (n_conditions, n_outputs)
        Log-fold changes.
    noise : DataFrame or Series or None
        Variance of each response, or their sum over the outputs; None where it is unknown.
    control : tuple of str
        Labels of controls.
    contexts : list of str
    reading : dict
        How labels are read, the options of `PerturbationEncoder`.
    notes : list of str
        What has to be said about the file.
    """

    name: str
    conditions: pd.DataFrame
    responses: pd.DataFrame
    noise: pd.DataFrame | pd.Series | None
    control: tuple[str, ...]
    contexts: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_screen(
    path: Path,
    *,
    groupby: str | None = None,
    control: Sequence[str] | None = None,
    contexts: Sequence[str] = (),
    target_sum: float | None = None,
    skip_doubtful: bool = False,
    **reading: Any,
) -> UserScreen:
    """Read cells, or a table of log-fold changes.

    Parameters
    ----------
    path : Path
        Cells as ``.h5ad``; or ``.csv``, ``.tsv``, ``.txt``, also compressed: labels in the first column, one condition
        in a row, and perhaps columns of `contexts` and "noise_variance".
    groupby : str, default=None
        Column of the labels of cells; None takes "perturbation".
    control : sequence of str, default=None
        Labels of controls; None takes "control" and "ctrl".
    contexts : sequence of str, default=()
        Columns of the cell lines or batches.
    target_sum : float, default=None
        For raw counts, see `pseudobulk`.
    skip_doubtful : bool, default=False
        Leave out cells whose label has no certain reading, in place of an error.
    **reading
        Options of `PerturbationEncoder` on how labels are read; None stands for its default.

    Returns
    -------
    UserScreen

    Raises
    ------
    ValueError
        If the file is neither, or `groupby` or `target_sum` is given for a table.
    """
    options = {name: value for name, value in reading.items() if value is not None}
    named: dict[str, Any] = {"control": control, "contexts": list(contexts), "skip_doubtful": skip_doubtful}
    named["options"] = options
    if path.suffix.lower() == ".h5ad":
        return _read_cells(path, groupby or LABEL, target_sum, **named)
    for name, value in (("--groupby", groupby), ("--target-sum", target_sum)):
        if value is not None:
            raise ValueError(f"{name} is only read for cells (.h5ad), and {path} is a table; leave it out.")
    return _read_table(path, **named)


def _read_cells(
    path: Path,
    groupby: str,
    target_sum: float | None,
    control: Sequence[str] | None,
    contexts: list[str],
    skip_doubtful: bool,
    options: dict[str, Any],
) -> UserScreen:
    from .responses import pseudobulk

    cells = open_cells(path)
    try:
        labels = check_labels(cells, groupby, path)
        notes: list[str] = []
        names = tuple(control) if control else _controls_in(labels, options)
        if skip_doubtful:
            kept, notes = _without_doubtful(labels, names, options)
            cells.obs[groupby] = kept
        bulk = pseudobulk(
            cells, groupby, list(names), covariates=contexts or None, target_sum=target_sum, **_pseudobulk(options)
        )
    finally:
        cells.file.close()
    index = [f"{label}#{k}" for k, label in enumerate(bulk.data[groupby])]
    if bulk.varying:
        notes = [*notes, _averaged(bulk.varying)]
    return UserScreen(
        path.name.split(".")[0],
        bulk.data.rename(columns={groupby: LABEL}).set_axis(index),
        bulk.target.set_axis(index),
        _known_noise(bulk.variance.set_axis(index), np.asarray(bulk.n_cells)),
        names,
        contexts,
        options,
        [f"{cells.n_obs} cells, {int(np.sum(bulk.n_control_cells))} of them controls", *notes],
    )


def check_labels(cells: Any, groupby: str, path: Path) -> pd.Series:
    """Return the labels of cells, and refuse a column that holds none.

    Parameters
    ----------
    cells : AnnData
    groupby : str
    path : Path
        Of the cells, for the error text.

    Returns
    -------
    Series of object

    Raises
    ------
    ValueError
        If the column is not there or there twice, or holds anything but texts.
    """
    columns = list(cells.obs.columns)
    if columns.count(groupby) != 1:
        raise ValueError(without_column(path, groupby, columns))
    labels = cells.obs[groupby].astype(object)
    other = next((label for label in labels.dropna() if not isinstance(label, str)), None)
    if other is not None:
        raise ValueError(
            f"--groupby {groupby}: the column of {path} holds {other!r} ({type(other).__name__}); expected labels, "
            "which are texts."
        )
    return labels


def without_column(path: Path, groupby: str, columns: Sequence[Any]) -> str:
    """Say that a file has no column of labels of that name, or more than one.

    Parameters
    ----------
    path : Path
    groupby : str
    columns : sequence
        The names of its columns.
    """
    names = list(map(str, columns))
    found = "more than one column" if groupby in names else "no column"
    alike = "" if groupby in names else nearest(groupby, names)
    return f"{path} has {found} {groupby!r}{alike}; pass --groupby with one of {listed(names)}."


def _controls_in(labels: pd.Series, options: dict[str, Any]) -> tuple[str, ...]:
    """Return our names of controls that labels hold: those that no cell has are refused where a user wrote them."""
    reader = LabelReader(control=_CONTROLS, **options)
    return tuple(reader.controls_in(labels.dropna().unique())) or _CONTROLS


def read_label_cells(path: Path, sep: Sequence[str], heads: Callable[[str], bool]) -> Cells:
    """Read a table with a column of labels, or a list of labels, in which genes may be joined by what joins columns.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.tsv`` or ``.txt``, perhaps compressed.
    sep : sequence of str
        Separators of genes.
    heads : callable
        Tells whether a word names a column of labels.

    Returns
    -------
    Cells
        Where the first line names no column of labels, a line is one label if the signs in it are among `sep`, or do
        not separate columns in files of its ending. Tabs always do.

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() in TABLES]

    def separator(line: str) -> str | None:
        found = line_separator(line)
        if found is None or found == "\t" or any(heads(word.strip(' "')) for word in line.split(found)):
            return found
        return "\t" if kinds[-1:] != [".csv"] or any(found in one for one in sep) else found

    return read_cells(path, blanks=False, separator=separator)


def _averaged(varying: Sequence[str]) -> str:
    """Say which columns differ between cells of one condition: their effect looks like one of the perturbation."""
    return f"averaged over: {', '.join(map(str, varying))}, which vary inside conditions; cell lines go into --contexts"


def _pseudobulk(options: dict[str, Any]) -> dict[str, Any]:
    return {"perturbed_genes" if name == "genes" else name: value for name, value in options.items()}


def _without_doubtful(labels: pd.Series, control: Sequence[str], options: dict[str, Any]) -> tuple[Any, list[str]]:
    from .responses import describe_labels

    table = describe_labels(pd.DataFrame({LABEL: labels}), LABEL, control=list(control), **options)
    doubtful = table[table["is_doubtful"]]
    kept = labels.where(~labels.isin(list(doubtful["label"])), None)
    shown = ", ".join(repr(label) for label in doubtful["label"][:5])
    return kept, [f"left out: {len(doubtful)} doubtful labels, {shown}"] if len(doubtful) else []


def _known_noise(variance: pd.DataFrame, n_cells: np.ndarray) -> pd.DataFrame | None:
    """Give conditions of a single cell, whose variance is unknown, that of a cell in the other conditions."""
    counts = n_cells.astype(float)
    several = counts > 1
    if not several.any():
        return None
    # Weighted by the degrees of freedom, as variances are pooled.
    freedom = counts[several] - 1
    of_a_cell = (variance.to_numpy()[several] * (counts[several] * freedom)[:, None]).sum(axis=0) / freedom.sum()
    values = np.where(several[:, None], variance.to_numpy(), of_a_cell / counts[:, None])
    return pd.DataFrame(values, variance.index, variance.columns)


def _read_table(
    path: Path, control: Sequence[str] | None, contexts: list[str], skip_doubtful: bool, options: dict[str, Any]
) -> UserScreen:
    table = read_named_rows(path, contexts)
    missing = [name for name in contexts if name not in table]
    if missing:
        alike = nearest(missing[0], map(str, table.columns))
        raise ValueError(
            f"--contexts names {missing[0]!r}{alike}, no column of {path}; it has {listed(table.columns)}."
        )
    names = tuple(control) if control else _CONTROLS
    labels = pd.Series(table.index.astype(object), dtype=object)
    notes: list[str] = []
    if skip_doubtful:
        labels, notes = _without_doubtful(labels, names, options)
    kept = (labels.notna() & ~labels.isin(names)).to_numpy()
    if not kept.any():
        raise ValueError(f"{path} has no row of a perturbation; expected labels in its first column.")
    table, labels = table[kept], labels[kept]
    _check_levels(table[contexts], path)
    index = [f"{label}#{k}" for k, label in enumerate(labels)]
    conditions = pd.DataFrame({LABEL: labels.to_list(), **{name: table[name].to_list() for name in contexts}}, index)
    table = table.drop(columns=contexts)
    named = table.set_axis(labels.to_list())
    numbers = as_numbers(named.drop(columns=_NOISE, errors="ignore"), path).set_axis(index)
    noise = as_numbers(named[[_NOISE]], path).set_axis(index)[_NOISE] if _NOISE in named else None
    return UserScreen(path.name.split(".")[0], conditions, numbers, noise, names, contexts, options, notes)


def _check_levels(contexts: pd.DataFrame, path: Path) -> None:
    """Raise ValueError if a condition has no level of a context."""
    from .responses._pseudobulk import MISSING_TEXTS

    for name, levels in contexts.items():
        missing = levels.isin(MISSING_TEXTS).to_numpy()
        if missing.any():
            row = int(np.argmax(missing))
            raise ValueError(
                f"{path} has {levels.iloc[row]!r} as the {name!r} of {levels.index[row]!r} ({missing.sum()} in all); "
                "expected a level in each row. Leave such rows out, or fill them with a level of their own."
            )


def encode(screen: UserScreen, candidates: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame | None, Any]:
    """Return the doses of the conditions and of candidates, and the encoder that made them.

    Parameters
    ----------
    screen : UserScreen
    candidates : DataFrame, default=None
        As `UserScreen.conditions`; its genes get columns too.

    Returns
    -------
    X : DataFrame
    wanted : DataFrame or None
    encoder : PerturbationEncoder
    """
    from .responses import PerturbationEncoder

    encoder = PerturbationEncoder(
        control=screen.control, column=LABEL, contexts=screen.contexts or None, **screen.reading
    ).set_output(transform="pandas")
    encoder.fit(screen.conditions if candidates is None else pd.concat([screen.conditions, candidates]))
    wanted = None if candidates is None else encoder.transform(candidates).set_axis(candidates.index)
    return encoder.transform(screen.conditions).set_axis(screen.conditions.index), wanted, encoder


def screen_profiles(screen: UserScreen) -> pd.DataFrame:
    """Return the responses to single genes, genes × outputs: what another screen says about them.

    Parameters
    ----------
    screen : UserScreen

    Raises
    ------
    ValueError
        If it has no single genes.
    """
    X, _, encoder = encode(screen)
    doses = X.to_numpy()[:, : len(encoder.genes_)]
    alone = (doses != 0).sum(axis=1) == 1
    if not alone.any():
        raise ValueError(f"the screen {screen.name!r} has no gene that was perturbed alone; it says nothing of genes.")
    genes = np.asarray(encoder.genes_, dtype=str)[doses[alone].argmax(axis=1)]
    return screen.responses[alone].groupby(genes).mean()
