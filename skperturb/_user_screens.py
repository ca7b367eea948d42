"""A user's own screen, as the commands read it: responses, the doses behind them, and what is known about the genes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "LABEL",
    "UserScreen",
    "encode",
    "open_cells",
    "read_gene_features",
    "read_graph",
    "read_screen",
    "read_text_table",
    "screen_profiles",
]

#: The column of the labels in `UserScreen.conditions`.
LABEL = "perturbation"
_CONTROLS = ("control", "ctrl")
_NOISE = "noise_variance"
_TABLES = (".csv", ".tsv", ".txt")


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
        if groupby not in cells.obs:
            raise ValueError(
                f"{path} has no column {groupby!r} in obs; pass --groupby with one of {list(cells.obs.columns)[:10]}."
            )
        if pd.api.types.is_numeric_dtype(cells.obs[groupby]) and cells.obs[groupby].notna().any():
            raise ValueError(f"--groupby {groupby}: the column of {path} holds numbers; expected one with labels.")
        labels = cells.obs[groupby].astype(object)
        notes: list[str] = []
        # Names that no cell has are refused where a user wrote them, and not where they are ours.
        names = tuple(control) if control else tuple(name for name in _CONTROLS if (labels == name).any()) or _CONTROLS
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


def open_cells(path: Path, *, in_memory: bool = False) -> Any:
    """Open cells on the disk.

    Parameters
    ----------
    path : Path
    in_memory : bool, default=False
        Read all of them.

    Returns
    -------
    AnnData

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    import anndata

    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected cells as .h5ad.")
    try:
        return anndata.read_h5ad(path, backed=None if in_memory else "r")
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} can't be read as .h5ad: {str(error).strip() or type(error).__name__}") from error


def read_text_table(path: Path, **options: Any) -> pd.DataFrame:
    """Read a table with a header, separated by commas (.csv) or tabs.

    Parameters
    ----------
    path : Path
    **options
        Of `pandas.read_csv`.

    Returns
    -------
    DataFrame

    Raises
    ------
    OSError, ValueError
        Names the file; also where a column stands twice, which pandas would rename.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a table.")
    kinds = [suffix for suffix in path.suffixes if suffix.lower() in _TABLES]
    separator = "," if kinds and kinds[-1].lower() == ".csv" else "\t"
    try:
        header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str).iloc[0].dropna()
        table = pd.read_csv(path, sep=separator, **options)
    except ValueError as error:  # also what is no text, has no columns or is ragged
        raise ValueError(f"{path} can't be read as a table: {str(error).strip()}") from error
    if not header.is_unique:
        name = header[header.duplicated()].iloc[0]
        raise ValueError(f"{path} has the column {name!r} twice; expected another name in every column.")
    return table


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
    table = _table(path)
    missing = [name for name in contexts if name not in table]
    if missing:
        raise ValueError(f"--contexts names {missing[0]!r}, no column of {path}; it has {list(table.columns)[:5]}.")
    names = tuple(control) if control else _CONTROLS
    labels = pd.Series(table.index.astype(object), dtype=object)
    notes: list[str] = []
    if skip_doubtful:
        labels, notes = _without_doubtful(labels, names, options)
    kept = (labels.notna() & ~labels.isin(names)).to_numpy()
    if not kept.any():
        raise ValueError(f"{path} has no row of a perturbation; expected labels in its first column.")
    table, labels = table[kept], labels[kept]
    index = [f"{label}#{k}" for k, label in enumerate(labels)]
    conditions = pd.DataFrame({LABEL: labels.to_list(), **{name: table[name].to_list() for name in contexts}}, index)
    table = table.drop(columns=contexts).set_axis(index)
    noise = _numbers(table.pop(_NOISE).to_frame(), path)[_NOISE] if _NOISE in table else None
    return UserScreen(
        path.name.split(".")[0], conditions, _numbers(table, path), noise, names, contexts, options, notes
    )


def _table(path: Path) -> pd.DataFrame:
    kinds = [suffix for suffix in path.suffixes if suffix.lower() in _TABLES]
    if not kinds:
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .h5ad, .csv, .tsv or .txt, perhaps with .gz.")
    table = read_text_table(path, index_col=0)
    if not table.shape[1]:
        raise ValueError(
            f"{path} has one column; expected names first and then values, separated by commas (.csv) or tabs."
        )
    if table.index.isna().any():
        raise ValueError(f"{path} lacks a name in row {int(np.argmax(table.index.isna()))}; expected one in every row.")
    return table.set_axis(table.index.astype(str))


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the table as numbers, or name the first value that is none."""
    found = table.apply(pd.to_numeric, errors="coerce").astype(float)
    bad = np.argwhere(~np.isfinite(found.to_numpy()))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{path} has '{table.iloc[row, column]}' in row '{str(table.index[row]).partition('#')[0]}', column "
            f"{str(table.columns[column])!r}; expected numbers behind the names."
        )
    return found


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


def read_graph(path: Path) -> pd.DataFrame:
    """Read the edges of a gene graph: two columns of genes, and perhaps a kind and a weight.

    Parameters
    ----------
    path : Path
        With a header; separated by commas (.csv) or tabs.
    """
    table = read_text_table(path)
    if table.shape[1] < 2:
        raise ValueError(f"{path} has one column; expected two genes in a row, separated by commas (.csv) or tabs.")
    return table


def read_gene_features(path: Path) -> pd.DataFrame:
    """Read a table genes × features, or the rows "gene, term" of an ontology.

    Parameters
    ----------
    path : Path
        With a header and the genes in the first column; separated by commas (.csv) or tabs. Where the second column is
        text, each row gives a gene one of its terms.
    """
    table = _table(path)
    first = table.iloc[:, 0]
    if pd.api.types.is_numeric_dtype(first) or pd.api.types.is_bool_dtype(first):
        if not table.index.is_unique:
            gene = table.index[table.index.duplicated()][0]
            raise ValueError(f"{path} has {gene!r} twice; expected one row of features for each gene.")
        return _numbers(table, path)
    genes, terms = pd.factorize(table.index, sort=True), pd.factorize(first.astype(str), sort=True)
    member = np.zeros((len(genes[1]), len(terms[1])), dtype=bool)
    member[genes[0], terms[0]] = True
    return pd.DataFrame(member, index=genes[1].to_numpy(dtype=object), columns=terms[1])


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
