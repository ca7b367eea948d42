"""A user's own screen, as the commands read it: responses, the doses behind them, and what is known about the genes."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._labels import LabelReader
from ._near_names import listed, nearest
from ._pairs import MISSING_NAMES
from ._text_tables import (
    as_numbers,
    counts_rows,
    heads_names,
    is_number,
    means_number,
    named_rows,
    read_cells,
    read_text,
)

__all__ = [
    "LABEL",
    "UserScreen",
    "check_labels",
    "encode",
    "open_cells",
    "read_gene_features",
    "read_graph",
    "read_named_rows",
    "read_screen",
    "read_text_table",
    "screen_profiles",
    "without_column",
]

#: The column of the labels in `UserScreen.conditions`.
LABEL = "perturbation"
_CONTROLS = ("control", "ctrl")
_NOISE = "noise_variance"
_TABLES = (".csv", ".tsv", ".txt")
# Words of which the name of a column of terms consists: "GO term", "pathway_id".
_TERM_WORDS = {
    "go", "term", "terms", "id", "ids", "name", "accession", "pathway", "pathways", "set", "sets", "gene", "geneset",
    "ontology", "annotation", "category", "complex", "domain", "family", "process", "keyword", "kegg", "reactome",
}  # fmt: skip


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
    except Exception as error:  # a damaged file makes the libraries raise anything
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
        text = read_text(path)
        header = pd.read_csv(io.StringIO(text), sep=separator, header=None, nrows=1, dtype=str).iloc[0].dropna()
        table = pd.read_csv(io.StringIO(text), sep=separator, **options)
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
    table = read_named_rows(path)
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


def read_named_rows(path: Path) -> pd.DataFrame:
    """Read a table with names of columns in its first line and of rows in its first column.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.tsv`` or ``.txt``, and perhaps that of a compressed file.

    Returns
    -------
    DataFrame of str
        Names of rows may stand more than once.
    """
    if not any(suffix.lower() in _TABLES for suffix in path.suffixes):
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .h5ad, .csv, .tsv or .txt, perhaps with .gz.")
    return named_rows(read_cells(path, short_header=True), repeated=True)


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
        A table, also compressed, with a header or without.

    Returns
    -------
    DataFrame
        The genes in the first two columns.

    Raises
    ------
    OSError, ValueError
        Names the file; also where a name is missing.
    """
    from .datasets._read_interactions import read_edge_table

    table, genes = read_edge_table(path)
    found = {str(name): names for name, names in genes.items()}
    first = table.columns[0]
    rows = [first] if first not in genes and counts_rows(table[first]) else []
    for name in table.columns.drop([*genes, *rows]):
        # What is a number in most rows that have it is refused where it is none, and not taken for a kind of edges.
        values = table[name][~table[name].isin(MISSING_NAMES)]
        numeric = 2 * sum(map(means_number, values)) > len(values)
        values = as_numbers(table[[name]], path)[name] if numeric else table[name]
        found[str(name)] = values
    return pd.DataFrame(found)


def read_gene_features(path: Path) -> pd.DataFrame:
    """Read a table genes × features, or the rows "gene, term" of an ontology.

    Parameters
    ----------
    path : Path
        With a header and the genes in the first column, also compressed. Where the second column is text, or is called
        a term or set, each row gives a gene one of its terms.

    Returns
    -------
    DataFrame
        Numbers, or whether a gene has a term.

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    table = read_named_rows(path)
    is_boolean = table.isin(["TRUE", "FALSE", "True", "False"]).to_numpy().all()
    if not is_boolean and _are_terms(table, path):
        genes, terms = pd.factorize(table.index, sort=True), pd.factorize(table.iloc[:, 0], sort=True)
        member = np.zeros((len(genes[1]), len(terms[1])), dtype=bool)
        member[genes[0], terms[0]] = True
        return pd.DataFrame(member, index=genes[1].to_numpy(dtype=object), columns=terms[1].to_numpy(dtype=object))
    if not table.index.is_unique:
        gene = table.index[table.index.duplicated()][0]
        raise ValueError(f"{path} has {gene!r} twice; expected one row of features for each gene.")
    table = table.rename_axis(index=None)
    return table.isin(["TRUE", "True"]) if is_boolean else as_numbers(table, path)


def _are_terms(table: pd.DataFrame, path: Path) -> bool:
    """Tell whether a table gives genes their terms, and refuse one with texts of another kind."""
    first, name = table.iloc[:, 0], str(table.columns[0])
    numeric = first.map(means_number)
    words = re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())
    called = bool(words) and not re.search(r"\d", name) and set(words) <= _TERM_WORDS
    # Identifiers of KEGG are numbers with zeros in front.
    called = called and not (numeric.all() and first.str.contains(".", regex=False).any())
    if not called and 2 * numeric.sum() > len(first) and not first.str.fullmatch(r"0\d+").any():
        return False
    other = next((str(column) for column in table.columns[1:] if table[column].map(is_number).all()), None)
    if not called and other is not None:
        raise ValueError(
            f"{path} has texts in its column {name!r}, such as {first.iloc[0]!r}, and numbers in {other!r}; expected "
            "numbers behind the genes, or a second column called 'term'. Leave the column out."
        )
    if not called and not heads_names(str(table.index.name), partly=True) and not heads_names(name):
        raise ValueError(
            f"{path} begins with {table.index.name!r} and {name!r}; expected names of the columns in its first line, "
            "such as gene and term."
        )
    missing = first.isin(MISSING_NAMES).to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(f"{path} lacks a term in row {row} ({table.index[row]!r}); expected one in every row.")
    return True


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
