"""Files of interactions that users bring: BioGRID, STRING, SIF, GraphML and plain tables."""

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skperturb._interchange import column_separator
from skperturb._pairs import MISSING_NAMES, in_order, is_header, is_header_word, pair_codes
from skperturb._sklearn import Interval, StrOptions, validate_params
from skperturb._text_tables import (
    Cells,
    as_numbers,
    check_repeated_header,
    clean_names,
    count_numbers,
    counts_rows,
    is_number,
    means_number,
    parse,
    read_text,
    repeats_of_first,
    split_cells,
    split_lines,
    warn_of_spreadsheet,
)

__all__ = ["read_interactions"]

_FORMATS = ("biogrid", "string", "sif", "graphml", "table")
# Bounds the memory alone, no result.
_ROWS_PER_BLOCK = 1_000_000
# Columns of BioGRID's TAB2 and TAB3 by what they are called for; "{}" is A or B.
_BIOGRID_NAMES = {
    "symbol": "Official Symbol Interactor {}",
    "systematic": "Systematic Name Interactor {}",
    "entrez": "Entrez Gene Interactor {}",
}
_BIOGRID_SPECIES = ("Organism ID Interactor {}", "Organism Interactor {}")
# Columns whose numbers weigh the pairs of a table without being asked for.
_WEIGHT_COLUMNS = ("weight", "score", "combined_score", "confidence")
# Words in a header beside the two names, none of which is a gene.
_FURTHER_WORDS = frozenset(
    (*_WEIGHT_COLUMNS, "type", "interaction", "interaction_type", "effect", "mor", "sign", "direction", "evidence")
    + ("pmid", "reference", "source_database", "database", "note", "notes", "n", "year")
)
# Words that head columns and are symbols of genes too.
_GENES_LIKE_HEADERS = frozenset(("ID1", "ID2", "ID3", "ID4", "Id1", "Id2", "Id3", "Id4", "TF"))
_COMMENTS = ("#", "%", "//", "!")
_STRING_ID = re.compile(r"(\d+)\.(.+)")


@dataclass
class _Rows:
    """Rows of a file as far as they were read.

    Parameters
    ----------
    table : DataFrame
        Columns ``a`` and ``b``; ``weight``, ``species_a``, ``species_b``, ``system`` and ``kind`` where the format has
        them.
    read_as : str
        How the file was read, for the report.
    left_out : dict of str to int
        Number of rows by the reason why they were left out.
    """

    table: pd.DataFrame
    read_as: str
    left_out: dict[str, int] = field(default_factory=dict)

    def keep(self, rows: Any, reason: str) -> None:
        """Leave out the other rows, and count them."""
        rows = np.asarray(rows, dtype=bool)
        self.left_out[reason] = self.left_out.get(reason, 0) + int((~rows).sum())
        if not rows.all():
            self.table = self.table[rows]


@validate_params(
    {
        "path": [str, PathLike],
        "format": [StrOptions({"auto", *_FORMATS})],
        "columns": ["array-like", None],
        "names": [StrOptions(set(_BIOGRID_NAMES))],
        "species": [Interval(Integral, 1, None, closed="left"), None],
        "header": [StrOptions({"auto"}), "boolean"],
        "weight": [str, Integral, None],
        "min_weight": [Real, None],
        "evidence": [str, "array-like", None],
        "self_pairs": [StrOptions({"drop", "keep", "error"})],
        "directed": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def read_interactions(
    path: str | PathLike[str],
    *,
    format: str = "auto",
    columns: Sequence[str | int] | None = None,
    header: str | bool = "auto",
    names: str = "symbol",
    species: int | None = None,
    weight: str | int | None = None,
    min_weight: float | None = None,
    evidence: str | Sequence[str] | None = None,
    self_pairs: str = "drop",
    directed: bool = False,
) -> Bunch:
    r"""Read pairs of interacting genes from a file, each pair once, with a report of what was left out.

    Parameters
    ----------
    path : str or path-like
        A text file, also compressed (``.gz``, ``.bz2``, ``.xz``, ``.zip`` with a single file).
    format : {"auto", "biogrid", "string", "sif", "graphml", "table"}, default="auto"
        BioGRID's TAB2 or TAB3; STRING's ``protein.links``, also detailed; SIF (``a relation b c …``); GraphML; or a
        table whose columns are separated by tabs, commas, semicolons or blanks. "auto" looks at the ending and at the
        first line.
    columns : pair of str or int, default=None
        The two columns with the genes of a table, by name or position from 0; the first two when None.
    header : {"auto"} or bool, default="auto"
        Whether the first line of a table names its columns; see Notes for "auto".
    names : {"symbol", "systematic", "entrez"}, default="symbol"
        Which names of the genes BioGRID has are taken.
    species : int, default=None
        NCBI taxonomy id; rows of other organisms are left out. BioGRID and STRING only, and needed where their file has
        several, because names of different organisms coincide.
    weight : str or int, default=None
        Column (GraphML: attribute) with the weight of a pair. When None, the combined score of STRING, a column that is
        called "weight", "score", "combined_score" or "confidence", and numbers in the last of three columns without a
        header; but not BioGRID's "Score", which mixes the scales of its sources.
    min_weight : float, default=None
        Rows with a smaller weight, or none, are left out. STRING's scores go to 1000; 700 is its "high confidence".
    evidence : str or sequence of str, default=None
        Rows with other evidence are left out: experimental systems or "physical" and "genetic" of BioGRID, relations
        of SIF. Case does not count.
    self_pairs : {"drop", "keep", "error"}, default="drop"
        What happens to pairs of a gene with itself.
    directed : bool, default=False
        Whether (a, b) and (b, a) are different. Otherwise both orders are merged.

    Returns
    -------
    data : Bunch
        ``pairs``: ndarray of shape (n_pairs, 2) of names, in the order and direction of their first row; ``genes``:
        their sorted names; ``weights``: ndarray of shape (n_pairs,), the largest of each pair, or None; ``n_rows``:
        ndarray of shape (n_pairs,), how many rows say so; ``report``: Series of numbers of rows, read, left out by
        reason, and merged, whose last entry is the number of pairs; ``format``: how the file was read.

    Raises
    ------
    ValueError
        If the file is none of these, holds no pair, has several organisms and `species` is not given, or an option does
        not apply to its format.

    Warns
    -----
    UserWarning
        If names look like what spreadsheets make of gene symbols ("2-Sep").

    See Also
    --------
    fetch_ecoli_interactions : A network to begin with.

    Notes
    -----
    Names are read as text without the blanks at their ends. A first line is a header if it names columns ("source",
    "gene_a", "#node1") or has a word where the other lines have numbers. Columns that are called target and source, or
    b and a, change places. Between semicolons, numbers may have decimal commas. Lines of different length are refused,
    as are weights that are infinite or no numbers. Missing names ("-", "NA", …) are left out.
    STRING's ids lose the prefix of their species. A GraphML node is called by its attribute "name" where all nodes have
    one, else by its id; its ``edgedefault`` does not decide `directed`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skperturb.datasets import read_interactions
    >>> lines = ["protein1 protein2 combined_score"]
    >>> lines += ["9606.P1 9606.P2 900", "9606.P2 9606.P1 900", "9606.P1 9606.P3 200"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "9606.protein.links.v12.0.txt")
    ...     _ = path.write_text("\n".join(lines))
    ...     data = read_interactions(path, min_weight=700)
    >>> data.pairs.tolist(), data.weights.tolist()
    ([['P1', 'P2']], [900.0])
    >>> data.report
    rows                  3
    weight below 700      1
    repeated rows         1
    pairs                 1
    dtype: int64
    """
    path = Path(path)
    text = _read_text(path)
    chosen = _guess_format(path, text) if format == "auto" else format
    _refuse_options(chosen, columns, header, names, species, weight, evidence)
    options = {"columns": columns, "header": header, "weight": weight, "names": names, "min_weight": min_weight}
    rows = _READERS[chosen](text, path, options)
    n_read = len(rows.table) + sum(rows.left_out.values())
    _clean_names(rows, path)
    _filter_species(rows, species, chosen, path)
    _filter_evidence(rows, evidence)
    _filter_weight(rows, min_weight)
    _filter_self_pairs(rows, self_pairs)
    if len(rows.table) == 0:
        found = ", ".join(f"{count} {reason}" for reason, count in rows.left_out.items() if count) or "no rows"
        raise ValueError(f"{path} holds no pair of genes as asked for: of {n_read} rows, {found}. Widen the filters.")
    return _merged(rows, n_read, directed)


def _read_text(path: Path) -> str:
    text = read_text(path, markup=True)
    if not _first_line(text):
        raise ValueError(f"{path} is empty; expected interactions.")
    if text.lstrip().startswith("<") and "<graphml" not in text[:2000]:
        raise ValueError(f"{path} is XML, but no GraphML; expected BioGRID, STRING, SIF, GraphML or a table.")
    return text


def _first_line(text: str) -> str:
    """Return the first line that is neither blank nor a comment; a commented header is one of names."""
    for line in _lazy_lines(text):
        words = re.split(r"[\t,; ]+", line.strip().lstrip("#").strip())
        named = len(words) >= 2 and is_header(np.array([words[:2], ["", ""]], dtype=object))
        if line.strip() and (not line.startswith(_COMMENTS) or named or line.startswith("#BioGRID")):
            return line
    return ""


def _lazy_lines(text: str) -> Iterator[str]:
    """Yield the lines of a text, of which there may be millions, one by one."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _guess_format(path: Path, text: str) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    line = _first_line(text)
    if ".graphml" in endings or "<graphml" in text[:2000]:
        return "graphml"
    if ".sif" in endings:
        return "sif"
    if "Official Symbol Interactor A" in line:
        return "biogrid"
    if re.search(r"ID\(?s?\)? interactor A", text[:2000], re.IGNORECASE) and "BioGRID" not in line:
        raise ValueError(f"{path} is PSI-MI TAB, which is not read; download TAB2 or TAB3, or pass two columns of it.")
    if re.split(r"[\s,]+", line)[:2] == ["protein1", "protein2"] and "combined_score" in line:
        return "string"
    return "table"


def _refuse_options(
    chosen: str, columns: Any, header: Any, names: str, species: Any, weight: Any, evidence: Any
) -> None:
    """Raise ValueError for an option that the format would not use."""
    given = {
        "columns": (columns is not None, ("table",)),
        "header": (header != "auto", ("table",)),
        "names": (names != "symbol", ("biogrid",)),
        "species": (species is not None, ("biogrid", "string")),
        "weight": (weight is not None, ("biogrid", "string", "graphml", "table")),
        "evidence": (evidence is not None, ("biogrid", "sif")),
    }
    for name, (is_given, formats) in given.items():
        if is_given and chosen not in formats:
            raise ValueError(
                f"{name} was given, but the file was read as {chosen!r}; it applies to {' and '.join(formats)} only. "
                "Leave it out, or set format."
            )


def _numbers(column: pd.Series, name: Any, path: Path) -> np.ndarray:
    """Return weights, NaN where they are missing."""
    return as_numbers(column.to_frame(f"{name} (weights)"), path, missing=True).to_numpy()[:, 0]


def _headed(text: str, separator: str, path: Path, **options: Any) -> Iterator[pd.DataFrame]:
    """Yield a table with the names of its columns in the first line, in blocks."""
    names = None
    try:
        # Without a header: pandas drops cells of rows that are longer than the header.
        for block in parse(text, separator, chunksize=_ROWS_PER_BLOCK, **options):
            if names is None:
                names, block = [str(name).strip() for name in block.iloc[0]], block.iloc[1:]
            if (block.iloc[:, -1] == "").any():
                _check_widths(text, len(names), separator, path)
            yield block.set_axis(names, axis=1).reset_index(drop=True)
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} has lines of different length: {str(error).strip()}; expected one table.") from error


def _check_widths(text: str, n_columns: int, separator: str, path: Path) -> None:
    """Refuse rows that are shorter than others; pandas fills them up."""
    for row, line in enumerate(io.StringIO(text)):
        found = len(line.split()) if separator == " " else line.count(separator) + 1
        if line.strip() and found != n_columns:
            raise ValueError(f"{path} has fewer columns in row {row} than in its header; expected a whole table.")


def _column(table: pd.DataFrame, wanted: Any, path: Path) -> Any:
    """Return the label of a column that was named, or numbered from 0."""
    found = wanted
    if wanted not in table.columns and isinstance(wanted, Integral) and 0 <= int(wanted) < table.shape[1]:
        found = table.columns[int(wanted)]
    if list(table.columns).count(found) > 1:
        raise ValueError(f"{path} has the column {found!r} twice; expected another name in every column that is read.")
    if found in table.columns:
        return found
    shown = ", ".join(map(str, table.columns[:8]))
    raise ValueError(f"{path} has no column {wanted!r}; expected one of {shown}, or its position from 0.")


def _read_biogrid(text: str, path: Path, options: dict[str, Any]) -> _Rows:
    header = _first_line(text)
    body = text[text.index(header) :].lstrip("#")
    table = pd.concat(_headed(body, "\t", path, quoting=csv.QUOTE_NONE), ignore_index=True)
    template = _BIOGRID_NAMES[options["names"]]
    result = {end: table[_column(table, template.format(end.upper()), path)] for end in ("a", "b")}
    species = next((name for name in _BIOGRID_SPECIES if name.format("A") in table), None)
    if species is not None:
        result |= {f"species_{end}": table[species.format(end.upper())] for end in ("a", "b")}
    for name, label in (("system", "Experimental System"), ("kind", "Experimental System Type")):
        if label in table:
            result[name] = table[label]
    if options["weight"] is not None:
        label = _column(table, options["weight"], path)
        result["weight"] = pd.Series(_numbers(table[label], label, path))
    return _Rows(pd.DataFrame(result), "biogrid")


def _read_string(text: str, path: Path, options: dict[str, Any]) -> _Rows:
    label = "combined_score" if options["weight"] is None else options["weight"]
    cut = options["min_weight"]
    if label == "combined_score" and cut is not None and 0 < cut < 1:
        raise ValueError(f"min_weight={cut}, but STRING's scores go to 1000; expected {cut * 1000:g}.")
    separator = column_separator(_first_line(text)) or " "
    parts, n_below = [], 0
    # In blocks, because the pairs of a genome are millions, and a cut leaves a few of them.
    for table in _headed(text[text.index(_first_line(text)) :], separator, path):
        label = _column(table, label, path)
        weights = _numbers(table[label], label, path)
        strong = np.ones(len(table), dtype=bool) if options["min_weight"] is None else weights >= options["min_weight"]
        n_below += int((~strong).sum())
        parts.append(_string_block(table[strong], weights[strong]))
    rows = _Rows(pd.concat(parts, ignore_index=True), "string")
    if n_below:
        rows.left_out[f"weight below {options['min_weight']:g}"] = n_below
    return rows


def _string_block(table: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Return pairs without the prefix of their species, and this beside them."""
    result = {"weight": weights}
    for end, column in (("a", "protein1"), ("b", "protein2")):
        parts = table[column].str.extract(_STRING_ID)
        has_prefix = parts[0].notna()
        result[end] = parts[1].where(has_prefix, table[column]).to_numpy(dtype=object)
        result[f"species_{end}"] = parts[0].where(has_prefix, "").to_numpy(dtype=object)
    return pd.DataFrame(result)


def _read_sif(text: str, path: Path, options: dict[str, Any]) -> _Rows:
    # Cytoscape: tabs separate where the file has any, so that names may hold blanks; else blanks do.
    separator = "\t" if "\t" in text else None
    found, lonely = [], 0
    lines = [line for line in text.split("\n") if not line.startswith(_COMMENTS)]
    for k, line in enumerate(lines):
        words = [word.strip() for word in line.split(separator)]
        words = [word for word in words if word]
        if k == 0 and len(words) == 3 and is_header_word(words[0]) and is_header_word(words[2]):
            continue
        if len(words) == 2:
            raise ValueError(f"{path} has the line {line!r}; expected 'a relation b', as SIF has it.")
        lonely += len(words) == 1
        found += [(words[0], target, words[1]) for target in words[2:]]
    rows = _Rows(pd.DataFrame(found, columns=["a", "b", "system"]), "sif")
    rows.left_out["single genes"] = lonely
    return rows


def read_graphml(text: str, path: Path) -> tuple[Any, dict[Any, str]]:
    """Read a GraphML file.

    Parameters
    ----------
    text : str
    path : Path
        What an error names.

    Returns
    -------
    graph : networkx graph
    names : dict
        Of each node: its attribute "name" where all have another one, else its id.

    Raises
    ------
    ValueError
        If it is none that networkx reads.
    """
    import networkx

    if "<!ENTITY" in text:
        raise ValueError(f"{path} declares entities, which can grow without end; expected GraphML without them.")
    try:
        graph = networkx.parse_graphml(text)
        odd = _odd_number(ElementTree.fromstring(text))
    except Exception as error:  # whatever an XML parser and networkx raise
        raise ValueError(f"{path} is no GraphML that networkx reads: {error}.") from error
    if odd is not None:
        raise ValueError(f"{path} has {odd!r} as the value of an attribute that is a number; expected finite numbers.")
    titles = {node: str(data["name"]).strip() for node, data in graph.nodes(data=True) if "name" in data}
    if len(titles) == graph.number_of_nodes() == len(set(titles.values())):
        return graph, titles
    return graph, {node: str(node) for node in graph}


def _odd_number(root: Any) -> str | None:
    """Return the first value of a numeric attribute that Python reads and that is none, such as "1_000"."""
    tags = [(str(element.tag).rpartition("}")[2], element) for element in root.iter()]
    kinds = ("float", "double", "int", "integer", "long")
    numeric = {one.get("id") for tag, one in tags if tag == "key" and str(one.get("attr.type")).lower() in kinds}
    texts = [(one.text or "").strip() for tag, one in tags if tag == "data" and one.get("key") in numeric]
    return next((text for text in texts if text and text not in MISSING_NAMES and not is_number(text)), None)


def _read_graphml(text: str, path: Path, options: dict[str, Any]) -> _Rows:
    graph, names = read_graphml(text, path)
    name = "weight" if options["weight"] is None else str(options["weight"])
    edges = list(graph.edges(data=True))
    table = pd.DataFrame([(names[a], names[b]) for a, b, _ in edges], columns=["a", "b"])
    weights = [data.get(name) for _, _, data in edges]
    if any(value is not None for value in weights):
        texts = pd.Series(["" if value is None else str(value) for value in weights], dtype=object)
        table["weight"] = _numbers(texts, name, path)
    elif options["weight"] is not None:
        raise ValueError(f"{path} has no edge attribute {name!r}; expected one of its attributes as weight.")
    return _Rows(table, "graphml")


def _read_table(text: str, path: Path, options: dict[str, Any]) -> _Rows:
    table, header = _named_columns(text, path, options)
    columns = options["columns"]
    if columns is not None and (isinstance(columns, str) or len(columns) != 2 or columns[0] == columns[1]):
        raise ValueError(f"columns={columns!r}; expected two different columns, by name or position.")
    first, second = (_column(table, name, path) for name in columns or gene_columns(table, header))
    result = {"a": table[first], "b": table[second]}
    if columns is None:
        check_gene_columns(table, result, path)
    label = options["weight"]
    if label is None:
        label = _weight_column(table, header)
    if label is not None:
        label = _column(table, label, path)
        result["weight"] = pd.Series(_numbers(table[label], label, path), index=table.index)
    read_as = f"table, {'with' if header else 'without'} header"
    return _Rows(pd.DataFrame(result), read_as + ("" if label is None else f", weight {label!r}"))


def read_edge_table(path: str | PathLike[str]) -> tuple[pd.DataFrame, dict[Any, pd.Series]]:
    """Read a table of pairs of genes with all of its columns.

    Parameters
    ----------
    path : str or path-like
        A table as `read_interactions` reads it.

    Returns
    -------
    table : DataFrame of str
        Without its header, whose words name the columns; their positions do where there is none.
    genes : dict of two Series
        Names in each column of genes, by that of the column; the one that acts first.

    Raises
    ------
    OSError, ValueError
        Names the file; also where a name is missing.
    """
    path = Path(path)
    table, header = _named_columns(_read_text(path), path, {"columns": None, "weight": None, "header": "auto"})
    if not table.columns.is_unique:
        raise ValueError(
            f"{path} has the column {table.columns[table.columns.duplicated()][0]!r} twice; expected once."
        )
    if len(table) == 0:
        raise ValueError(f"{path} has names of columns and no row below them; expected one for each edge.")
    kinds = {name: _kinds(table[name]) for name in gene_columns(table, header)}
    advice = "Let the two columns of names come first, or call them source and target."
    check_gene_columns(table, dict(zip("ab", kinds.values(), strict=True)), path, advice)
    missing = np.any([_are_missing(column) for column in kinds.values()], axis=0)
    if missing.any():
        raise ValueError(
            f"{path} lacks a name in row {int(np.argmax(missing))}; expected two in every row. Drop such rows."
        )
    warn_of_spreadsheet(np.concatenate([_known(column) for column in kinds.values()]), path)
    return table, {name: clean_names(column) for name, column in kinds.items()}


def _named_columns(text: str, path: Path, options: dict[str, Any]) -> tuple[pd.DataFrame, bool]:
    """Return a table, and whether the file names its columns."""
    table = _cells(text, path).frame
    if table.shape[1] < 2:
        raise ValueError(
            f"{path} has {table.shape[1]} column; expected at least two, separated by tabs, commas, semicolons or "
            "blanks."
        )
    header = has_header(table, options, path)
    if header:
        check_repeated_header(table, path)
        table = table[1:].set_axis(list(table.iloc[0]), axis=1)
    return table, header


def _cells(text: str, path: Path) -> Cells:
    """Split a table of interactions into cells; a commented header loses its mark, other comments are left out."""
    line = _first_line(text)
    lines, numbers = split_lines(text)
    if text.startswith(_COMMENTS) or any(
        # A single sign is found faster, and most files have none.
        mark in text and f"\n{mark}" in text
        for mark in _COMMENTS
    ):
        rows = [k for k, other in enumerate(lines) if other == line or not other.startswith(_COMMENTS)]
        lines, numbers = [lines[k] for k in rows], numbers[rows]
    if line.startswith("#"):
        lines = [other.lstrip("#") if other == line else other for other in lines]
    words = [word.strip('"') for word in re.split(r"[\t,; ]+", line.strip().lstrip("#").strip())]
    short = len(words) > 1 and is_header_word(words[0]) and is_header_word(words[1])
    return split_cells(lines, numbers, path, short_header=short)


def _weight_column(table: pd.DataFrame, header: bool) -> Any:
    """Return the column that weighs the pairs without being asked for, or None."""
    if header:
        return next((name for name in table.columns if str(name).lower() in _WEIGHT_COLUMNS), None)
    last = table.columns[-1]
    values = table[last][~table[last].isin(MISSING_NAMES)]
    # One that is a number in most rows is refused where it is none.
    return int(last) if table.shape[1] == 3 and 2 * count_numbers(values, meant=True) > len(values) else None


def gene_columns(table: pd.DataFrame, header: bool) -> list[Any]:
    """Return the two columns whose header says that they hold genes, else the first two."""
    named = [name for name in table.columns if header and is_header_word(str(name))]
    # "protein1 protein2 gene1 gene2": nobody knows which are meant, and the first two are what was promised.
    if len(named) != 2 or named[0] == named[1]:
        return list(table.columns[:2])
    return named if in_order(*map(str, named)) else named[::-1]


def check_gene_columns(
    table: pd.DataFrame,
    chosen: dict[str, pd.Series],
    path: Path,
    advice: str = "Name the two columns of genes: columns=[...].",
) -> None:
    """Refuse columns that were not asked for by name and hold something else than two genes."""
    first, second = (_kinds(column) for column in chosen.values())
    missing = _are_missing(first) | _are_missing(second)
    if missing.all():
        return
    if missing.any():
        # As texts in between: categories that are left out would stay known.
        first, second = (_kinds(column[~missing].astype(object)) for column in (first, second))
        table = table[~missing]
    numeric = [bool(pd.to_numeric(_known(column), errors="coerce").notna().all()) for column in (first, second)]
    if numeric[0] != numeric[1]:
        odd, names = (first, second) if numeric[0] else (second, first)
        raise ValueError(
            f"{path} pairs names such as {names.iloc[0]!r} with numbers such as {odd.iloc[0]!r}, as a table with a "
            f"column of row numbers or an adjacency matrix does; expected two columns of genes. {advice}"
        )
    if all(numeric):
        _check_identifiers(table, first, second, path, advice)
    signs = next((name for name in _known(second) if not any(char.isalnum() for char in name)), None)
    if signs is not None:
        raise ValueError(f"{path} has {signs!r} in its second column, which is no gene. {advice}")
    if _is_sif(table, first, second):
        raise ValueError(
            f"{path} has {len(_known(second))} different names in its second column ({second.iloc[0]!r}), which look "
            "like kinds of interactions between the first and the third. Pass format='sif', or columns=[0, 1] if not."
        )


def _kinds(column: pd.Series) -> pd.Series:
    """Return names without the blanks at their ends as categories: each stands in many rows, and is looked at once."""
    found = column.astype(object).astype("category") if column.dtype != "category" else column
    names = found.cat.categories
    if any(name != name.strip() for name in names):
        found = column.astype(object).str.strip().astype("category")
    return found


def _known(column: pd.Series) -> pd.Series:
    """Return the names among categories, each once."""
    return pd.Series(column.cat.categories.to_numpy(dtype=object), dtype=object)


def _are_missing(column: pd.Series) -> np.ndarray:
    """Tell of each of the categories whether it is a missing name."""
    return _known(column).isin(MISSING_NAMES).to_numpy()[column.cat.codes.to_numpy()]


def _check_identifiers(table: pd.DataFrame, first: pd.Series, second: pd.Series, path: Path, advice: str) -> None:
    """Refuse numbers that are no identifiers: those with a fraction, and a first column that counts the rows."""
    names = clean_names(pd.concat([_known(first), _known(second)]))
    odd = names[~names.str.fullmatch(r"\d+([eE]\+?\d+)?|[+-]?inf(inity)?", case=False)]
    if len(odd):
        raise ValueError(f"{path} has {odd.iloc[0]!r} in a column of genes; expected names or whole numbers. {advice}")
    if counts_rows(first) and len(first) > 2 and first.astype(object).equals(second.astype(object)):
        raise ValueError(
            f"{path} counts its rows in both of its first columns; expected two columns of genes. {advice}"
        )
    if counts_rows(first) and len(first) > 2 and table.shape[1] > 2 and _are_identifiers(table.iloc[:, 2]):
        raise ValueError(
            f"{path} counts its rows in the first column, before whole numbers such as {second.iloc[0]!r} and "
            f"{table.iloc[0, 2]!r}; expected two columns of genes. {advice}"
        )


def _are_identifiers(column: pd.Series) -> bool:
    """Tell whether a column may hold identifiers of genes: whole numbers, some of which have several digits."""
    names = clean_names(column)
    return bool(names.str.fullmatch(r"\d+([eE]\+?\d+)?").all() and (names.str.len() > 1).any())


def _is_sif(table: pd.DataFrame, first: pd.Series, second: pd.Series) -> bool:
    """Tell whether a table of three columns looks like "a relation b": a few names between many."""
    relations = set(_known(second))
    few = len(relations) <= max(1, len(second) // 10) and relations.isdisjoint(_known(first))
    if table.shape[1] != 3 or not few:
        return False
    third = pd.Series(pd.unique(table.iloc[:, 2]))
    return bool(pd.to_numeric(third, errors="coerce").isna().all()) and len(third) > len(relations)


def has_header(table: pd.DataFrame, options: dict[str, Any], path: Path) -> bool:
    """Tell whether the first row of a table names its columns."""
    if options["header"] != "auto":
        return bool(options["header"])
    first = [str(word).strip() for word in table.iloc[0]]
    # A header that stands again, above a second table, is refused later.
    again = repeats_of_first(table)
    table = table.drop(index=table.index[again]) if again else table
    asked = [name for name in [*(options["columns"] or []), options["weight"]] if isinstance(name, str)]
    if asked and all(name in first for name in asked):
        return True
    if _names_columns(table, first, path) or all(_heads_identifiers(first[k], table.iloc[1:, k]) for k in (0, 1)):
        return True
    # A word above numbers, unless the genes beside it occur again, or it was meant for a number.
    rest = table.iloc[1:, 2:]
    again = table.iloc[1:, :2].isin(first[:1]).to_numpy().any() or table.iloc[1:, 1].isin(first[1:2]).any()
    return len(rest) > 0 and not again and any(_heads_numbers(first[k], rest[k]) for k in rest.columns)


def _heads_numbers(word: str, below: pd.Series) -> bool:
    return not means_number(word) and word not in MISSING_NAMES and 2 * count_numbers(below) > len(below)


def _heads_identifiers(word: str, below: pd.Series) -> bool:
    """Tell whether a word stands above whole numbers, as "Entrez A" does."""
    decimal = len(below) > 1 and not means_number(word) and str(below.iloc[0]).isdecimal()
    return decimal and all(map(str.isdecimal, pd.unique(below)))


def _names_columns(table: pd.DataFrame, first: list[str], path: Path) -> bool:
    """Tell whether the words of the first row are those that head columns."""
    further = {word.lower() for word in first[2:]}
    if further & _FURTHER_WORDS and not any(
        str(word).strip().lower() in further for k in table.columns[2:] for word in pd.unique(table[k][1:])
    ):
        return True
    named = [k for k, word in enumerate(first) if is_header_word(word)]
    if len(named) < 2 or not is_header(_below(table, named[:2])):
        return False
    if table.shape[1] == 2 and all(word in _GENES_LIKE_HEADERS for word in first):
        raise ValueError(
            f"{path} begins with {first[0]} and {first[1]}, which may be the names of its columns or two genes. Pass "
            "header=True or header=False."
        )
    return True


def _below(table: pd.DataFrame, columns: list[int]) -> np.ndarray:
    """Return two columns as an array, with a row below the first one also where the file has a header only."""
    values = table.iloc[:, columns].fillna("").to_numpy(dtype=object)
    return values if len(values) > 1 else np.vstack([values, [["", ""]]])


_READERS = {
    "biogrid": _read_biogrid,
    "string": _read_string,
    "sif": _read_sif,
    "graphml": _read_graphml,
    "table": _read_table,
}


def _clean_names(rows: _Rows, path: Path) -> None:
    kinds = {end: _kinds(rows.table[end]) for end in ("a", "b")}
    missing = np.any([_are_missing(column) for column in kinds.values()], axis=0)
    warn_of_spreadsheet(np.concatenate([_known(column) for column in kinds.values()]), path, stacklevel=4)
    rows.table = rows.table.assign(**{end: clean_names(column) for end, column in kinds.items()})
    rows.keep(~missing, "missing names")


def _filter_species(rows: _Rows, species: int | None, chosen: str, path: Path) -> None:
    if "species_a" not in rows.table:
        if species is not None:
            raise ValueError(f"species={species}, but {path} has no column of organisms; leave species out.")
        return
    both = [rows.table[name].astype(str) for name in ("species_a", "species_b")]
    if species is not None:
        rows.keep((both[0] == str(species)) & (both[1] == str(species)), f"species other than {species}")
        return
    found = both[0].value_counts().add(both[1].value_counts(), fill_value=0).sort_values(ascending=False).astype(int)
    if len(found) > 1:
        shown = ", ".join(f"{name or 'none'} ({count})" for name, count in found.head(3).items())
        raise ValueError(
            f"{path} has {len(found)} organisms ({shown}), whose names may coincide; expected one. Set "
            f"species={found.index[0]}, or another one."
        )


def _filter_evidence(rows: _Rows, evidence: str | Sequence[str] | None) -> None:
    if evidence is None:
        return
    wanted = {kind.casefold() for kind in ([evidence] if isinstance(evidence, str) else evidence)}
    kinds = [rows.table[name].astype(str).str.casefold() for name in ("system", "kind") if name in rows.table]
    known = {kind for column in kinds for kind in column.unique()}
    if wanted - known:
        raise ValueError(
            f"evidence names {sorted(wanted - known)}, which the file does not have; expected some of "
            f"{', '.join(sorted(known)[:40])}."
        )
    rows.keep(np.any([column.isin(wanted) for column in kinds], axis=0), "other evidence")


def _filter_weight(rows: _Rows, min_weight: float | None) -> None:
    if min_weight is None:
        return
    if "weight" not in rows.table:
        raise ValueError(f"min_weight={min_weight}, but no column of weights was read; name it with weight.")
    rows.keep(rows.table["weight"] >= min_weight, f"weight below {min_weight:g}")


def _filter_self_pairs(rows: _Rows, self_pairs: str) -> None:
    same = rows.table["a"] == rows.table["b"]
    if self_pairs == "drop":
        rows.keep(~same, "self-pairs")
    elif self_pairs == "error" and same.any():
        raise ValueError(f"{int(same.sum())} rows pair a gene with itself, such as {rows.table['a'][same].iloc[0]!r}.")


def _merged(rows: _Rows, n_read: int, directed: bool) -> Bunch:
    """Give each pair one entry, and say what became of all rows."""
    values = rows.table[["a", "b"]].to_numpy(dtype=object)
    found, genes = pd.factorize(values.ravel())
    order = np.argsort(genes)
    positions, genes = np.argsort(order)[found].reshape(-1, 2), genes[order]
    group, codes = pd.factorize(pair_codes(positions, len(genes), directed))
    first = np.unique(group, return_index=True)[1]
    weights = None
    if "weight" in rows.table:
        weights = rows.table["weight"].groupby(group).max().to_numpy(dtype=float)
    merged = "repeated rows"
    report = {"rows": n_read, **{reason: count for reason, count in rows.left_out.items() if count}}
    report |= {merged: len(values) - len(codes)} if len(values) > len(codes) else {}
    report["pairs"] = len(codes)
    return Bunch(
        pairs=values[first],
        genes=genes,
        weights=weights,
        n_rows=np.bincount(group),
        report=pd.Series(report, dtype=np.int64),
        format=rows.read_as,
    )
