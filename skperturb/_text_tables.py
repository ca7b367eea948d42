"""Tables that users bring as text: a file becomes cells, all of them texts, or an error that names it."""

import bz2
import csv
import gzip
import io
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter, methodcaller
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._interchange import column_separator
from skperturb._label_patterns import spreadsheet_names
from skperturb._pairs import MISSING_NAMES

__all__ = [
    "Cells",
    "all_numbers",
    "as_numbers",
    "check_repeated_header",
    "clean_names",
    "converted",
    "count_numbers",
    "counts_rows",
    "heads_names",
    "is_number",
    "line_separator",
    "means_number",
    "named_rows",
    "parse",
    "read_cells",
    "read_text",
    "repeats_of_first",
    "split_cells",
    "split_lines",
    "warn_of_spreadsheet",
]

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# What compressed files begin with, whatever they are called.
_PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz"}
# A few kilobytes can be unpacked to terabytes. STRING's table of all human pairs with its channels is a fifth of this.
_MOST_BYTES = 2**32
# What other kinds of files begin with.
_OTHER_KINDS = {
    "[": "JSON",
    "{\\rtf": "RTF",
    "{": "JSON",
    "graph [": "GML",
    'creator "': "GML",
    "<html": "HTML",
    "<!doctype html": "HTML",
    "<?xml": "XML",
    "<sbml": "SBML",
    "%pdf": "PDF",
}
# Words of which the names of columns of names consist: "gene_symbol", "Ensembl ID", "perturbation".
_HEADING = {
    "accession", "compound", "compounds", "condition", "conditions", "drug", "drugs", "ensembl", "entrez", "feature",
    "features", "gene", "genes", "grna", "guide", "guides", "hgnc", "id", "identifier", "ids", "index", "key",
    "label", "labels", "locus", "metabolite", "metabolites", "name", "names", "node", "nodes", "official", "orf",
    "orfs", "parameter", "parameters", "perturbation", "perturbations", "perturbed", "probe", "probes", "protein",
    "proteins", "refseq", "row", "rows", "sgrna", "species", "symbol", "symbols", "systematic", "tag", "target",
    "targets", "transcript", "transcripts", "treatment", "uniprot", "unnamed", "variable", "variables",
}  # fmt: skip


@dataclass(frozen=True)
class Cells:
    r"""Cells of a file.

    Parameters
    ----------
    frame : DataFrame of str
        Without names of columns; blanks at the ends of cells are gone.
    separator : str
        What separated them; ``r"\s+"`` for blanks.
    path : Path
    lines : ndarray of int
        Number of the line in the file, from 1, of each row.
    short : bool
        Whether the first row lacked its first cell, which is empty now.
    named : bool
        Whether the first row consists of texts even where they look like numbers: it alone has quotes, as R writes it.
    further : DataFrame of float or None
        Columns below the first row that `frame` lacks, because all of their cells are numbers; columns of both are
        called by their positions.
    header : list of str
        The first row, of all columns.
    """

    frame: pd.DataFrame
    separator: str
    path: Path
    lines: np.ndarray
    short: bool = False
    named: bool = False
    further: pd.DataFrame | None = None
    header: Sequence[str] = ()


def read_text(path: str | PathLike[str], *, markup: bool = False) -> str:
    r"""Read a file of text, perhaps compressed.

    Parameters
    ----------
    path : str or path-like
        Compressed files end in ``.gz``, ``.bz2``, ``.xz`` or ``.zip`` (with a single file), or begin as the first three
        do.
    markup : bool, default=False
        Whether XML is expected.

    Returns
    -------
    str
        Decoded from UTF-8, from UTF-16 with a byte order mark, else from Windows-1252 or Latin-1; lines end with "\n".

    Raises
    ------
    OSError
        If the file can't be opened.
    ValueError
        If it is no text, or text of another kind, or larger than 4 GiB when it is unpacked.
    """
    path = Path(path)
    raw = _read_bytes(path)
    # Excel begins UTF-8 with a byte order mark, and writes "Unicode text" as UTF-16; old files are often Latin-1.
    is_wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = None if b"\0" in raw and not is_wide else _decoded(raw, is_wide)
    if text is None or "\0" in text:
        raise ValueError(f"{path} is no text (a workbook, or another binary file); expected a table as text.")
    start = text.lstrip()[:200].lower()
    kind = next((kind for word, kind in _OTHER_KINDS.items() if start.startswith(word)), None)
    if kind is not None and not (markup and kind == "XML"):
        raise ValueError(f"{path} is {kind}, which is not read here; expected a table as text.")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a file.")
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; expected a file.")
    try:
        return _member(path) if path.suffix.lower() == ".zip" else _unpacked(path)
    except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        # What the system refuses has a number: no permission.
        if getattr(error, "errno", None) is not None:
            raise
        raise ValueError(
            f"{path} is no whole file of its kind, {path.suffix!r} ({error}); copy it again, or rename it."
        ) from error


def _unpacked(path: Path) -> bytes:
    ending = path.suffix.lower()
    if ending not in _OPENERS:
        with path.open("rb") as stream:
            raw = stream.read()
        ending = next((kind for start, kind in _PACKED.items() if raw.startswith(start)), "")
        if not ending:
            return raw
        with _OPENERS[ending](io.BytesIO(raw), "rb") as stream:
            return _bounded(stream, path)
    with _OPENERS[ending](path, "rb") as stream:
        return _bounded(stream, path)


def _member(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        # What macOS adds to every archive is no file of the user's.
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise ValueError(f"{path} holds {len(names)} files; expected one. Unpack it and pass one of them.")
        with archive.open(names[0]) as stream:
            return _bounded(stream, path)


def _bounded(stream: Any, path: Path) -> bytes:
    content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MiB when unpacked; expected less.")
    return content


def _decoded(raw: bytes, is_wide: bool) -> str | None:
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def read_cells(
    path: str | PathLike[str],
    *,
    blanks: bool = True,
    separator: str | Callable[[str], str | None] | None = None,
    short_header: bool = False,
    texts: Collection[str] | None = None,
) -> Cells:
    """Read the cells of a table.

    Parameters
    ----------
    path : str or path-like
    blanks : bool, default=True
        Whether blanks separate columns where nothing else does; else there is one column then.
    separator : str or callable, default=None
        What separates the columns, or what says so of the first line that is no comment; None takes what is most
        frequent there.
    short_header : bool, default=False
        Whether the first row may lack the name of the first column, as R writes it; its first cell is empty then.
    texts : collection of str, default=None
        Columns that stay texts, with the first two, where all others hold numbers; None: all do.

    Returns
    -------
    Cells
        Without blank lines, lines that begin with "#", and empty last columns; but the last of these lines above the
        table stays if it names its columns, such as "#gene" and as many others as the table has. Decimal commas between
        semicolons have become points, unless some number of the file has a point.

    Raises
    ------
    OSError, ValueError
        See `read_text` and `split_cells`.
    """
    path = Path(path)
    lines, numbers = split_lines(read_text(path))
    rows = [k for k, line in enumerate(lines) if line[0] != "#"]
    if not rows:
        raise ValueError(f"{path} is empty; expected a table.")
    above = rows[0] - 1
    if above >= 0 and _names_columns_of(lines[above], lines[rows[0]]):
        lines[above] = lines[above].lstrip("#")
        rows = [above, *rows]
    if len(rows) < len(lines):
        lines, numbers = [lines[k] for k in rows], numbers[rows]
    separator = separator(lines[0]) if callable(separator) else separator
    return split_cells(lines, numbers, path, blanks=blanks, separator=separator, short_header=short_header, texts=texts)


def split_lines(text: str) -> tuple[list[str], np.ndarray]:
    r"""Split a text into its lines that are not blank.

    Parameters
    ----------
    text : str

    Returns
    -------
    lines : list of str
    numbers : ndarray of int
        The number of each in the text, from 1.

    Examples
    --------
    >>> split_lines("a\n\nb\n")
    (['a', 'b'], array([1, 3]))
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if all(map(str.strip, lines)):
        return lines, np.arange(1, len(lines) + 1)
    rows = [k for k, line in enumerate(lines) if line.strip()]
    return [lines[k] for k in rows], np.array(rows, dtype=int) + 1


def _names_columns_of(comment: str, line: str) -> bool:
    """Tell whether a comment names the columns of a table, whose first line does not."""
    separator = column_separator(line)
    if separator is None or comment.count(separator) != line.count(separator):
        return False
    above, below = (text.lstrip("#").split(separator)[0].strip(' "') for text in (comment, line))
    return heads_names(above) and not heads_names(below)


def line_separator(line: str) -> str | None:
    """Return what separates the columns of a line outside of quotes, None where nothing but blanks does.

    Parameters
    ----------
    line : str

    Examples
    --------
    >>> line_separator('"A; B; C",x')
    ','
    """
    return column_separator(re.sub('"[^"]*"', "", line))


def split_cells(
    lines: Sequence[str],
    numbers: np.ndarray,
    path: Path,
    *,
    blanks: bool = True,
    separator: str | None = None,
    short_header: bool = False,
    texts: Collection[str] | None = None,
) -> Cells:
    """Split lines into cells.

    Parameters
    ----------
    lines : sequence of str
        None of them blank.
    numbers : ndarray of int
        Their numbers in the file.
    path : Path
        What error messages name.
    blanks, separator, short_header, texts
        See `read_cells`.

    Returns
    -------
    Cells

    Raises
    ------
    ValueError
        If lines have different lengths, or a quote is not closed on its line.
    """
    lines = list(lines)
    if separator is None:
        separator = line_separator(lines[0]) or (r"\s+" if blanks else "\t")
    if separator == "," and all(re.search(r"\s[+-]?\d+,\d", line) for line in lines[1:3]) and len(lines) > 1:
        raise ValueError(f"{path} has decimal commas between blanks; expected points, or semicolons between columns.")
    is_short = _has_short_header(lines, numbers, separator, path, short_header)
    named = is_short and _has_quotes_in_header_alone(lines, separator)
    if is_short:
        lines[0] = (separator if separator != r"\s+" else '"" ') + lines[0].lstrip(" ")
    regular = None if texts is None else _regular_numbers(lines, separator, texts)
    if regular is not None:
        frame, further, header = regular
        return Cells(frame, separator, path, numbers, is_short, named, further, header)
    text = "\n".join(lines)
    frame = _frame_of(text, numbers, separator, path)
    # Slow in large tables, most of which have no blanks; a spreadsheet leaves those that do not break.
    if any(blank in text for blank in {" ", "\t", "\xa0"} - {separator}):
        frame = frame.apply(lambda column: column.str.strip())
    if is_short and (frame.iloc[1:, -1] == "").all():
        # Not the name of the first column lacks, but the rows end with a separator.
        frame.iloc[0] = [*frame.iloc[0, 1:], ""]
        is_short = False
    while frame.shape[1] > 1 and (frame.iloc[:, -1] == "").all():
        frame = frame.iloc[:, :-1]
    if separator == ";" and "," in text:
        frame = _with_points(frame)
    return Cells(frame, separator, path, numbers, is_short, named and is_short, None, list(frame.iloc[0]))


def _has_short_header(lines: list[str], numbers: np.ndarray, separator: str, path: Path, allowed: bool) -> bool:
    """Tell whether the first line is shorter by one than the others, and refuse lines of any other lengths."""
    widths = _widths(lines, numbers, separator, path)
    less = len(widths) > 1 and bool(widths[0] + 1 == widths[1])
    is_short = allowed and less
    usual = widths[1] if is_short else widths[0]
    odd = np.flatnonzero(widths[is_short:] != usual)
    if len(odd):
        k = int(odd[0]) + is_short
        by_r = " If R wrote it: row.names=FALSE leaves the names of rows out, col.names=NA heads them."
        advice = by_r if less and not allowed else ""
        raise ValueError(
            f"{path} has lines of different length: {widths[k]} columns in line {numbers[k]}, {usual} in those "
            f"before; expected one table, as many columns in each line.{advice}"
        )
    return is_short


def _has_quotes_in_header_alone(lines: list[str], separator: str) -> bool:
    """Tell whether quotes make names of what stands in the first line, above values without quotes."""
    head, first = (_plain_cells(line, separator) for line in lines[:2])
    quoted = re.compile('"[^"]*"')
    return all(map(quoted.fullmatch, head)) and '"' not in "".join(first[1:])


def _plain_cells(line: str, separator: str) -> list[str]:
    """Split a line without regard to quotes; what a quote holds is no whole cell then."""
    return line.split() if separator == r"\s+" else [cell.strip() for cell in line.split(separator)]


def _regular_numbers(
    lines: list[str], separator: str, texts: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]] | None:
    """Read a table whose columns hold numbers from the third on, but for `texts`; None if any of it is irregular.

    Texts, which are looked at one by one later, take more than twice as long.
    """
    if separator == r"\s+" or (separator == ";" and any("," in line for line in lines)):
        return None
    rows = _rows(lines, separator)
    names: list[list[str]] = []
    values: list[np.ndarray] = []
    try:
        header = [word.strip() for word in next(rows)]
        kept = [k for k, name in enumerate(header) if k < 2 or name in texts]
        rest = [k for k in range(len(header)) if k not in kept]
        if len(lines) < 2 or len(rest) < 2:
            return None
        # A slice is faster where it suffices.
        chosen = itemgetter(slice(2, None)) if len(kept) == 2 else itemgetter(*rest)
        for row in rows:
            cells = chosen(row)
            joined = "".join(cells)
            # What Python takes for numbers and nobody else does.
            if "_" in joined or not joined.isascii() or row[0] == header[0]:
                return None
            values.append(np.array([float(cell) for cell in cells]))
            names.append([row[k].strip() for k in kept])
    except (ValueError, csv.Error):
        return None
    # Fewer rows than lines: a quote is open.
    if len(names) + 1 != len(lines) or not all(np.isfinite(row).all() for row in values):
        return None
    frame = pd.DataFrame([[header[k] for k in kept], *names], columns=kept, dtype=str)
    further = pd.DataFrame(np.array(values), columns=rest, index=range(1, len(lines)))
    return frame, further, header


def _rows(lines: list[str], separator: str) -> Iterator[list[str]]:
    """Yield the cells of each line; blanks are one separator."""
    if separator == r"\s+":
        lines = [re.sub(r"\s+", " ", line.strip()) for line in lines]
    if any('"' in line for line in lines):
        delimiter = " " if separator == r"\s+" else separator
        return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    return map(str.split, lines) if separator == r"\s+" else map(methodcaller("split", separator), lines)


def _widths(lines: list[str], numbers: np.ndarray, separator: str, path: Path) -> np.ndarray:
    """Return the number of cells in each line, and refuse quotes that are not those of a cell."""
    text = "\n".join(lines)
    if separator != r"\s+" and '"' not in text:
        codes = np.frombuffer(text.encode(), dtype=np.uint8)
        ends = codes[np.flatnonzero((codes == ord(separator)) | (codes == ord("\n")))] == ord("\n")
        return np.diff(np.flatnonzero(ends), prepend=-1, append=len(ends))
    try:
        widths = [len(row) for row in _rows(lines, separator)]
    except csv.Error:
        widths = []
    # A quote that is not closed joins lines.
    if len(widths) < len(lines):
        widths = []
        for number, line in zip(numbers, lines, strict=True):
            # Blanks behind a quote do no harm.
            line = re.sub(r'"[ \xa0]+(?=$|[,;\t])', '"', line)
            try:
                widths.append(len(next(_rows([line], separator))))
            except csv.Error as error:
                raise ValueError(
                    f"{path} has a quote in line {number} that is not closed there, or has text behind it ({error}); "
                    "expected one row in each line, and quotes around whole cells."
                ) from error
    return np.array(widths)


def _frame_of(text: str, numbers: np.ndarray, separator: str, path: Path) -> pd.DataFrame:
    try:
        frame = parse(text, separator)
    except ValueError as error:
        raise ValueError(f"{path} can't be read as a table: {str(error).strip()}.") from error
    # A quote that is not closed joins lines.
    if len(frame) != len(numbers):
        joined = frame.apply(lambda column: column.str.contains("\n", regex=False)).to_numpy(dtype=bool)
        line = numbers[int(np.argmax(joined.any(axis=1)))]
        raise ValueError(f"{path} has a quote in line {line} that is not closed there; expected one row in each line.")
    return frame


def _with_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return cells with a point in the numbers of columns that have commas there, if no number has a point."""
    found = frame.copy()
    for k, column in frame.items():
        values = column[1:][~column[1:].isin(MISSING_NAMES)]
        # The first line may name the columns.
        changed = column.str.replace(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$", r"\1.\2", regex=True)
        if len(values) and values.str.contains(",", regex=False).any() and changed[values.index].map(is_number).all():
            found[k] = changed
        if values.str.contains(".", regex=False).any() and values.map(is_number).all():
            # Commas stand between thousands or the items of a list then, or points between thousands.
            return frame
    commas = [k for k in frame if not found[k].equals(frame[k])]
    mixed = any("." in value and "," not in value and is_number(value) for k in commas for value in frame[k])
    return frame if mixed else found


def parse(text: str, separator: str, **options: Any) -> Any:
    """Parse a text as a table of texts; nothing is taken for a number or for missing.

    Parameters
    ----------
    text : str
    separator : str
    **options
        Of `pandas.read_csv`.

    Returns
    -------
    DataFrame of str
        Cells that a line lacks are empty.
    """
    if "quoting" not in options and '"' not in text:
        options["quoting"] = csv.QUOTE_NONE
    return pd.read_csv(
        io.StringIO(text),
        sep=separator,
        header=None,
        dtype=str,
        keep_default_na=False,
        index_col=False,
        skipinitialspace=separator != "\t",
        **options,
    )


# -- names ---------------------------------------------------------------------------------------------
def heads_names(word: str, partly: bool = False) -> bool:
    """Tell whether a word is the name of a column of names, such as "gene_symbol", or empty.

    Parameters
    ----------
    word : str
    partly : bool, default=False
        Whether one part of it suffices, as in "Gene stable ID".

    Examples
    --------
    >>> from skperturb._text_tables import heads_names
    >>> [heads_names(word) for word in ("Gene ID", "ensembl_gene_id", "", "TP53", "C9orf72")]
    [True, True, True, False, False]
    """
    parts = re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", word).lower())
    known = [part in _HEADING for part in parts]
    return word == "" or (any(known) if partly else bool(parts) and all(known))


def clean_names(names: pd.Series) -> pd.Series:
    """Return names without what pandas makes of whole numbers with a gap, "7157.0".

    Parameters
    ----------
    names : Series of str or category
    """
    # Each stands in many rows of a large table.
    known = names.cat.categories if names.dtype == "category" else pd.unique(names)
    whole = {name: name[:-2] for name in known if name.endswith(".0") and name[:-2].isdecimal()}
    names = names.astype(object) if names.dtype == "category" else names
    return names.map(lambda name: whole.get(name, name)) if whole else names


def warn_of_spreadsheet(names: Any, path: Path, stacklevel: int = 3) -> None:
    """Warn if names look like what spreadsheets make of symbols of genes.

    Parameters
    ----------
    names : array-like of str
    path : Path
    stacklevel : int, default=3
    """
    odd = spreadsheet_names(pd.unique(np.asarray(names, dtype=object)))
    if odd:
        warnings.warn(
            f"{len(odd)} names look like what a spreadsheet makes of gene symbols, such as {odd[0]!r}, in {path}. "
            "Take the file from its source, without opening it in a spreadsheet.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def named_rows(cells: Cells, *, repeated: bool = False) -> pd.DataFrame:
    """Return a table whose first row names the columns and whose first column names the rows.

    Parameters
    ----------
    cells : Cells
    repeated : bool, default=False
        Whether names of rows may stand more than once.

    Returns
    -------
    DataFrame of str
        Its index is called as its column is. What was read as numbers stays so, see `read_cells`.

    Raises
    ------
    ValueError
        If there is one column, no row, no names of columns, a name is missing, a column stands twice, the first line
        stands again (two tables in one file), or the first column counts the rows.
    """
    frame, path = cells.frame, cells.path
    if frame.shape[1] < 2:
        raise ValueError(
            f"{path} has one column; expected names first and then values, separated by tabs, commas or semicolons."
        )
    header, body = list(cells.header), frame.iloc[1:]
    if not len(body):
        raise ValueError(f"{path} has one line; expected names of columns, and rows below them.")
    # A first line that lacks a cell may be a row of numbers that does.
    behind = header[2:] if cells.short else header[1:]
    # But "0", "1", "2" is what pandas calls columns, whatever stands before them.
    counted = not cells.short and len(behind) > 2 and counts_rows(pd.Series(behind))
    if (cells.short or not heads_names(header[0])) and all(map(is_number, behind)) and not (counted or cells.named):
        raise ValueError(
            f"{path} begins with {header[cells.short]!r} and {len(behind)} numbers; expected names of the columns in "
            f"its first line.{_advice_on_numbers(cells)}"
        )
    check_repeated_header(frame, path)
    _check_columns(header, path)
    names = clean_names(body[0])
    _check_row_names(names, body, header, cells)
    if not repeated and not names.is_unique:
        raise ValueError(f"{path} has {names[names.duplicated()].iloc[0]!r} twice; expected one row for each name.")
    warn_of_spreadsheet(names, path)
    index = pd.Index(names.to_numpy(dtype=object), dtype=object, name=header[0])
    table = body.iloc[:, 1:].set_axis(index, axis=0)
    if cells.further is not None:
        table = pd.concat([table, cells.further.set_axis(index, axis=0)], axis=1)
        # Behind the texts, which may stand between the numbers.
        table = table if list(table) == sorted(table) else table[sorted(table)]
    return table.set_axis(header[1:], axis=1)


def _advice_on_numbers(cells: Cells) -> str:
    """Say how names that are numbers are written, where the first line may hold such."""
    if not cells.short:
        return ""
    return (
        " If they are names, such as numbers of genes, put the name of the first column in front of them (col.names=NA "
        "of R), or quotes around them."
    )


def check_repeated_header(frame: pd.DataFrame, path: Path) -> None:
    """Raise ValueError if the first row, the names of the columns, stands again.

    Parameters
    ----------
    frame : DataFrame of str
    path : Path
    """
    again = repeats_of_first(frame)
    if len(again):
        raise ValueError(f"{path} has its first line again in row {again[0]}; expected one table in a file.")


def repeats_of_first(frame: pd.DataFrame) -> list[int]:
    """Return the positions of the rows that equal the first.

    Parameters
    ----------
    frame : DataFrame of str
    """
    alike = np.flatnonzero(frame.iloc[:, 0].to_numpy() == frame.iloc[0, 0])[1:]
    equal = frame.iloc[alike].to_numpy(dtype=object) == frame.iloc[0].to_numpy(dtype=object)
    return alike[equal.all(axis=1)].tolist()


def _check_columns(header: list[str], path: Path) -> None:
    names = pd.Index(header[1:])
    if not names.is_unique:
        name = names[names.duplicated()][0]
        raise ValueError(f"{path} has the column {name!r} twice; expected another name in every column.")
    if "" in names:
        raise ValueError(f"{path} has a column without a name, number {header.index('', 1)} from 0; expected a name.")


def _check_row_names(names: pd.Series, body: pd.DataFrame, header: list[str], cells: Cells) -> None:
    path = cells.path
    missing = names.isin(MISSING_NAMES).to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(
            f"{path} lacks a name in row {row} (line {cells.lines[row + 1]}: {names.iloc[row]!r}); expected one in "
            "every row."
        )
    is_named = heads_names(header[1]) and header[1] != ""
    if counts_rows(names) and (is_named or not all(map(is_number, body.iloc[:, 1]))):
        raise ValueError(
            f"{path} counts its rows in the first column, before names such as {body.iloc[0, 1]!r}; expected names "
            "first. Write it without row numbers."
        )


# -- numbers -------------------------------------------------------------------------------------------
def is_number(text: str) -> bool:
    """Tell whether a text is a finite number, other than Python without "1_000" and digits of other scripts.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> from skperturb._text_tables import is_number
    >>> [is_number(text) for text in ("1", "-.5e3", "inf", "1_000", "0,5", "")]
    [True, True, False, False, False, False]
    """
    try:
        return text.isascii() and "_" not in text and bool(np.isfinite(float(text)))
    except ValueError:
        return False


def means_number(text: str) -> bool:
    """Tell whether a text is a number or was meant for one: "0,5", "5 %", "<0.1", "1_000", "inf".

    Such a column is refused as numbers, and not taken for names or kinds.

    Parameters
    ----------
    text : str
    """
    return (
        is_number(text) or re.fullmatch(r"[<>~≤≥]?[+-−]?[\d.,_'  ]*\d\s*%?|[+-−]?inf(inity)?", text, re.I) is not None
    )


def count_numbers(column: pd.Series, meant: bool = False) -> int:
    """Return how many cells are numbers.

    Parameters
    ----------
    column : Series of str
    meant : bool, default=False
        Count what was meant for one too, see `means_number`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb._text_tables import count_numbers
    >>> column = pd.Series(["1", "0,5", "TP53"])
    >>> count_numbers(column), count_numbers(column, meant=True)
    (1, 2)
    """
    # Most columns hold nothing else, and a text costs more to look at alone.
    if converted(column.to_numpy(dtype=object)) is not None:
        return len(column)
    test = means_number if meant else is_number
    return sum(int(count) for text, count in column.value_counts().items() if test(str(text)))


def all_numbers(column: pd.Series) -> bool:
    """Tell whether all cells of a column are numbers.

    Parameters
    ----------
    column : Series of str or float
    """
    return column.dtype.kind == "f" or count_numbers(column) == len(column)


def converted(texts: np.ndarray) -> np.ndarray | None:
    """Return texts as finite numbers, None if any is none in the sense of `is_number`.

    Parameters
    ----------
    texts : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb._text_tables import converted
    >>> converted(np.array(["1", "2e3"], dtype=object)).tolist(), converted(np.array(["1", "nan"], dtype=object))
    ([1.0, 2000.0], None)
    """
    joined = "".join(texts)
    if "_" in joined or not joined.isascii():
        return None
    try:
        values = np.fromiter(map(float, texts), dtype=float, count=len(texts))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def counts_rows(column: pd.Series) -> bool:
    """Tell whether a column numbers its rows from 0 or from 1, each once, in whatever order.

    Parameters
    ----------
    column : Series of str
    """
    return column.is_unique and set(column) in ({str(k + start) for k in range(len(column))} for start in (0, 1))


def as_numbers(table: pd.DataFrame, path: Path, *, missing: bool = False) -> pd.DataFrame:
    """Return texts as finite numbers.

    Parameters
    ----------
    table : DataFrame of str
        Columns of numbers, as `read_cells` may have read them, stay as they are.
    path : Path
    missing : bool, default=False
        Whether values may be missing ("", "NA", …); they become NaN.

    Returns
    -------
    DataFrame of float

    Raises
    ------
    ValueError
        Names the first value that is none.
    """
    done = np.array([dtype.kind == "f" for dtype in table.dtypes], dtype=bool)
    if done.any():
        # Read as numbers already.
        values = np.empty(table.shape)
        values[:, done] = table.loc[:, done].to_numpy()
        values[:, ~done] = as_numbers(table.loc[:, ~done], path, missing=missing).to_numpy()
        return pd.DataFrame(values, index=table.index, columns=table.columns)
    lacking = table.isin(MISSING_NAMES).to_numpy() if missing else np.zeros(table.shape, dtype=bool)
    texts = table.to_numpy(dtype=object)
    known = converted(texts[~lacking])
    if known is None:
        row, column = next(k for k in np.ndindex(texts.shape) if not lacking[k] and not is_number(str(texts[k])))
        value = table.iloc[row, column]
        hint = " Decimal commas are read between semicolons, where no number has a point." if "," in value else ""
        raise ValueError(
            f"{path} has {value!r} in row {str(table.index[row])!r}, column {str(table.columns[column])!r}; expected "
            f"finite numbers there, and some are not numbers.{hint}"
        )
    values = np.full(table.shape, np.nan)
    values[~lacking] = known
    return pd.DataFrame(values, index=table.index, columns=table.columns)
