"""Composed files of users: from a known truth, changes that keep it and changes that must be noticed.

As a script it goes on for as long as it is told: ``python tests/test_fuzz_tables.py --minutes 15 --seed 1``.
"""

import argparse
import bz2
import collections
import gzip
import io
import itertools
import lzma
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

import skperturb
from skperturb._command_fit import read_conditions as read_labels
from skperturb._command_labels import read_labels as read_looked_at
from skperturb._command_networks import _read_state, read_network
from skperturb._command_score import _read as read_scored
from skperturb._gene_files import read_gene_features, read_graph
from skperturb._user_screens import read_screen, without_column
from skperturb.datasets import load_textbook_models, read_interactions
from skperturb.reproduce._interaction_data import read_expression
from skperturb.responses._gene_tables import gene_edges
from skperturb.sbml import read_conditions, read_parameters, read_simulations

PACKAGE = str(Path(skperturb.__file__).parent)
SEPARATORS = ("\t", ",", ";", " ")
# What pandas, a spreadsheet or Python would make something else of, and ordinary names beside them.
POOLS = {
    "symbols": ["TP53", "KLF1", "CEBPA", "MYC", "EGR1", "BAK1", "STAT1", "IRF1", "JUN", "FOS", "SPI1", "RB1"],
    "entrez": ["7157", "672", "10661", "1050", "4609", "1958", "578", "6772", "3659", "3725", "2353", "6688"],
    "zeros": ["0012", "0120", "00007", "0451", "0810", "0911", "01", "0002", "0300", "0044", "0599", "0606"],
    "exponents": ["1E5", "2E7", "3E1", "10E2", "5E05", "7E3", "1E10", "9E9", "4E4", "6E2", "8E8", "2E5"],
    "booleans": ["TRUE", "FALSE", "True", "False", "T", "F", "yes", "no", "true", "false", "Y", "N"],
    "months": ["MARCH1", "SEPT2", "DEC1", "MARCHF1", "SEPTIN2", "OCT4", "NOV", "APR2", "FEB1", "MAR10", "JUNB", "MAY1"],
    "infinite": ["INF", "inf", "Infinity", "TP53", "KLF1", "INF2", "infA", "MYC", "EGR1", "BAK1", "STAT1", "IRF1"],
    "unicode": ["αSyn", "β2m", "Ärz", "naïve", "γH2AX", "Łódź", "TP53", "κB", "δ", "µ-calpain", "Ωmega", "ñ1"],
    "marks": ["HLA-A", "HLA#1", "5'UTR", "AT1G01010.1", "T27A10.3", "a/b", "p.G12D", "NKX2-5", "x:y", "c(1)", "d*",
              "e%f"],
    "case": ["Dl", "dl", "DL", "Abc", "abc", "ABC", "Hh", "hh", "HH", "Wg", "wg", "WG"],
    "missing": ["NA", "nan", "None", "null", "TP53", "KLF1", "MYC", "EGR1", "BAK1", "STAT1", "IRF1", "JUN"],
    "ensembl": [f"ENSG0000014151{k}.{k + 1}" for k in range(9)] + ["ENSG00000105610.6", "ENSG1.1", "ENSG2.2"],
}  # fmt: skip


@dataclass
class Table:
    """Cells of a file before they are written, and how they will be."""

    header: list[str]
    rows: list[list[str]]
    separator: str = "\t"
    has_header: bool = True
    decimal: str = "."
    numbers: tuple[int, ...] = ()
    names: tuple[int, ...] = (0,)
    comments: list[str] = field(default_factory=list)
    newline: str = "\n"
    quote: str = ""
    trailing: bool = False
    blank: bool = False
    encoding: str = "utf-8"
    suffix: str = ".tsv"
    ending: str = ""
    packed: str = ""
    finish: Callable[[bytes], bytes] | None = None
    write: Callable[["Table", Path], Path] | None = None
    short_header: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    layout: Callable[["Table"], str] | None = None
    done: list[str] = field(default_factory=list)
    must_be_noticed: bool = False

    def text(self) -> str:
        """Write the cells."""
        if self.layout is not None:
            return self.layout(self).replace("\n", self.newline)
        lines = list(self.comments)
        rows = ([self.header[1:] if self.short_header else self.header] if self.has_header else []) + self.rows
        for k, row in enumerate(rows):
            cells = [self._cell(value, column, k) for column, value in enumerate(row)]
            lines.append(self.separator.join(cells) + (self.separator if self.trailing else ""))
            if self.blank and k in (1, len(rows) - 1):
                lines.append("")
        return self.newline.join(lines) + self.newline

    def _cell(self, value: str, column: int, row: int) -> str:
        if self.decimal == "," and column in self.numbers and (row or not self.has_header):
            value = value.replace(".", ",")
        needed = self.separator in value or '"' in value
        if self.quote or needed:
            return '"' + value.replace('"', '""') + '"'
        return value

    def save(self, folder: Path) -> Path:
        """Write the file and return its path."""
        path = folder / f"table{self.ending or self.suffix}"
        if self.write is not None:
            return self.write(self, path)
        content = self.text().encode(self.encoding)
        content = self.finish(content) if self.finish is not None else content
        if self.packed == ".zip":
            path = Path(f"{path}.zip")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("table" + (self.ending or self.suffix), content)
            return path
        pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[self.packed]
        path = Path(f"{path}{self.packed}")
        path.write_bytes(pack(content))
        return path


# -- changes that keep the answer -----------------------------------------------------------------------
def _separator(table: Table, rng: random.Random) -> None:
    table.separator = rng.choice(SEPARATORS)
    if table.separator == " " and any(not cell or " " in cell for row in [table.header, *table.rows] for cell in row):
        table.separator = ","
    table.suffix = {",": ".csv", ";": ".csv", " ": ".txt"}.get(table.separator, rng.choice([".tsv", ".txt"]))


def _decimal_comma(table: Table, rng: random.Random) -> None:
    table.separator, table.decimal, table.suffix = ";", ",", ".csv"


def _comment(table: Table, rng: random.Random) -> None:
    table.comments += [rng.choice(["# made by hand", "#date: 2024-01-02", "# a, b; c\td"])]


def _packed(table: Table, rng: random.Random) -> None:
    table.packed = rng.choice([".gz", ".bz2", ".xz", ".zip"])


def _mark(table: Table, rng: random.Random) -> None:
    table.encoding = "utf-8-sig"


def _newline(table: Table, rng: random.Random) -> None:
    table.newline = rng.choice(["\r\n", "\r"])


def _quoted(table: Table, rng: random.Random) -> None:
    table.quote = '"'


def _trailing(table: Table, rng: random.Random) -> None:
    table.trailing = table.separator != " "


def _blank(table: Table, rng: random.Random) -> None:
    table.blank = True


def _no_header(table: Table, rng: random.Random) -> None:
    # Of more than three columns without names, none is taken for weights; of three, whatever numbers the last holds.
    table.has_header = len(table.header) > 3 or not {"column_order", "extra_text"}.isdisjoint(table.done)


def _row_order(table: Table, rng: random.Random) -> None:
    rng.shuffle(table.rows)


def _extra_text(table: Table, rng: random.Random) -> None:
    if not table.has_header:
        return
    table.header.append(rng.choice(["note", "pmid", "evidence"]))
    for row in table.rows:
        row.append(rng.choice(["x1", "seen twice", "12345678"]).replace(" ", "_"))


def _column_order(table: Table, rng: random.Random) -> None:
    if not table.has_header:
        return
    order = list(range(len(table.header)))
    rng.shuffle(order)
    _reorder(table, order)


def _reorder(table: Table, order: list[int]) -> None:
    table.header = [table.header[k] for k in order]
    table.rows = [[row[k] for k in order] for row in table.rows]
    table.names = tuple(order.index(k) for k in table.names)
    table.numbers = tuple(order.index(k) for k in table.numbers)


def _columns_behind_the_names(table: Table, rng: random.Random) -> None:
    order = list(range(1, len(table.header)))
    rng.shuffle(order)
    _reorder(table, [0, *order])


def _row_numbers(table: Table, rng: random.Random) -> None:
    table.header.insert(0, rng.choice(["", "Unnamed: 0", "index"]))
    for k, row in enumerate(table.rows):
        row.insert(0, str(k))
    table.names, table.numbers = (tuple(k + 1 for k in part) for part in (table.names, table.numbers))


def _repeated_row(table: Table, rng: random.Random) -> None:
    table.rows.append(list(rng.choice(table.rows)))


def _other_direction(table: Table, rng: random.Random) -> None:
    first, second = table.names[:2]
    row = list(rng.choice(table.rows))
    row[first], row[second] = row[second], row[first]
    table.rows.append(row)


def _self_pair(table: Table, rng: random.Random) -> None:
    row = list(rng.choice(table.rows))
    row[table.names[1]] = row[table.names[0]]
    table.rows.append(row)


def _fractions(table: Table, rng: random.Random) -> None:
    """Write whole numbers as what pandas makes of a column with a gap."""
    if all(row[k].isdigit() and not row[k].startswith("0") for row in table.rows for k in table.names):
        for row in table.rows:
            for k in table.names:
                row[k] += ".0"


def _blanks_around(table: Table, rng: random.Random) -> None:
    if table.separator != " ":
        for row in table.rows:
            row[table.names[0]] = f" {row[table.names[0]]} "


def _short_header(table: Table, rng: random.Random) -> None:
    """Leave the name of the first column out, as R does."""
    table.short_header = table.separator != " "


def _wide(table: Table, rng: random.Random) -> None:
    table.encoding = "utf-16"


def _old(table: Table, rng: random.Random) -> None:
    try:
        table.text().encode("latin-1")
    except UnicodeEncodeError:
        return
    table.encoding = "latin-1"


# -- changes that must be noticed -----------------------------------------------------------------------
def _long_row(table: Table, rng: random.Random) -> None:
    rng.choice(table.rows).append("0.25")


def _short_row(table: Table, rng: random.Random) -> None:
    row = rng.choice(table.rows)
    if len(row) > 1:
        row.pop(rng.choice([table.names[-1], -1]))


def _missing_name(table: Table, rng: random.Random) -> None:
    rng.choice(table.rows)[rng.choice(table.names)] = "" if table.separator != " " else "NA"


def _bad_number(table: Table, rng: random.Random) -> None:
    rng.choice(table.rows)[rng.choice(table.numbers)] = rng.choice(
        ["inf", "-inf", "high", "1_000", "1.2.3", "0x1A", "1,234,5x", "5%", "<0.1", "３"]
    )


def _other_value(table: Table, rng: random.Random) -> None:
    row = list(rng.choice(table.rows))
    k = rng.choice(table.numbers)
    row[k] = str(float(row[k]) * -3)
    table.rows.append(row)


def _date(table: Table, rng: random.Random) -> None:
    rng.choice(table.rows)[rng.choice(table.names)] = rng.choice(
        ["2-Sep", "Mar-01", "2024-03-01", "01/03/2024", "1-Mar-24", "2.31E+13"]
    )


def _page(table: Table, rng: random.Random) -> None:
    start = rng.choice([b"<!DOCTYPE html>\n<html>", b"\n<HTML>", b"<!doctype html>", b"<html lang='en'>"])
    table.finish = lambda content: start + b"<body><table><tr><td>" + content + b"</td></tr></table></body></html>"


def _workbook(table: Table, rng: random.Random) -> None:
    def write(content: bytes) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("xl/worksheets/sheet1.xml", content)
        return stream.getvalue()

    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200)
    table.finish = rng.choice([write, lambda content: old, lambda content: b"\x89HDF\r\n\x1a\n" + bytes(64)])


def _empty(table: Table, rng: random.Random) -> None:
    table.finish = rng.choice([lambda content: b"", lambda content: b"\n\n", lambda content: b"# nothing\n"])


def _header_only(table: Table, rng: random.Random) -> None:
    table.rows, table.has_header = [], True


def _two_tables(table: Table, rng: random.Random) -> None:
    middle = max(1, len(table.rows) // 2)
    table.rows.insert(middle, list(table.header))
    table.has_header = True


def _two_members(table: Table, rng: random.Random) -> None:
    def write(table: Table, path: Path) -> Path:
        path = Path(f"{path}.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("a.csv", "b.csv"):
                archive.writestr(name, table.text())
        return path

    table.write = write


def _folder(table: Table, rng: random.Random) -> None:
    def write(table: Table, path: Path) -> Path:
        path.mkdir()
        return path

    table.write = write


def _nowhere(table: Table, rng: random.Random) -> None:
    table.write = lambda table, path: path


def _cut(table: Table, rng: random.Random) -> None:
    def write(table: Table, path: Path) -> Path:
        path = Path(f"{path}.gz")
        content = gzip.compress(table.text().encode())
        path.write_bytes(content[: len(content) * 2 // 3])
        return path

    table.write = write


def _wide_without_mark(table: Table, rng: random.Random) -> None:
    table.encoding = rng.choice(["utf-16-le", "utf-16-be"])


def _open_quote(table: Table, rng: random.Random) -> None:
    def finish(content: bytes) -> bytes:
        lines = content.decode().split("\n")
        k = max(1, len(lines) // 3)
        lines[k] = '"' + lines[k]
        return "\n".join(lines).encode()

    table.finish, table.quote, table.newline, table.encoding = finish, "", "\n", "utf-8"


def _zero_bytes(table: Table, rng: random.Random) -> None:
    table.finish = lambda content: content[:-4] + b"\0\0" + content[-4:]


def _other_names(table: Table, rng: random.Random) -> None:
    table.header = [f"column{k}" for k in range(len(table.header))]


FORM = [_separator, _comment, _packed, _mark, _newline, _quoted, _trailing, _blank, _row_order, _blanks_around]
NOTICED = [
    _long_row, _short_row, _missing_name, _page, _workbook, _empty, _header_only, _two_members, _folder,
    _nowhere, _cut, _wide_without_mark, _open_quote, _zero_bytes, _date, _two_tables,
]  # fmt: skip


# -- kinds of files ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is made, read, and what may be changed in it."""

    make: Callable[[random.Random], tuple[Table, Any]]
    read: Callable[[Path], tuple[Any, bool]]
    kept: list[Any]
    noticed: list[Any]
    either: list[Any] = field(default_factory=lambda: [_wide, _old])


def _names(rng: random.Random, n: int) -> list[str]:
    pool = rng.choice(list(POOLS)) if rng.random() < 0.6 else "symbols"
    return rng.sample(POOLS[pool], n)


def _weight(rng: random.Random) -> str:
    return f"{rng.uniform(0.05, 3):.3f}"


def _make_edges(rng: random.Random, *, weighted: bool | None = None, signed: bool = False) -> tuple[Table, Any]:
    genes = _names(rng, 8)
    pairs = rng.sample(list(itertools.combinations(genes, 2)), 9)
    weighted = rng.random() < 0.5 if weighted is None else weighted
    header = list(rng.choice([("source", "target"), ("gene_a", "gene_b"), ("protein1", "protein2"), ("from", "to")]))
    rows = [list(pair) for pair in pairs]
    numbers: tuple[int, ...] = ()
    if weighted:
        header.append("weight")
        rows = [[*row, ("-" if signed and rng.random() < 0.5 else "") + _weight(rng)] for row in rows]
        numbers = (2,)
    truth = {tuple(row[:2]): float(row[2]) if weighted else None for row in rows}
    return Table(header, rows, numbers=numbers, names=(0, 1)), truth


def _undirected(pairs: Any) -> dict[frozenset[str], Any]:
    return {frozenset(pair): value for pair, value in pairs.items()}


def _make_pairs(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_edges(rng)
    return table, _undirected(truth)


def _read_pairs(path: Path) -> tuple[Any, bool]:
    data = read_interactions(path)
    weights = [None] * len(data.pairs) if data.weights is None else data.weights.tolist()
    found = {frozenset(pair): weight for pair, weight in zip(data.pairs.tolist(), weights, strict=True)}
    # What the report counts has been said.
    return found, bool(set(data.report.index) - {"rows", "pairs", "repeated rows", "self-pairs"})


def _make_signs(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_edges(rng, weighted=True, signed=True)
    table.header[2] = rng.choice(["sign", "weight", "effect"])
    if rng.random() < 0.5:
        for row in table.rows:
            row[2] = rng.choice(["activation", "+"]) if float(row[2]) > 0 else rng.choice(["inhibition", "-"])
        table.numbers = ()
    return table, {pair: 1.0 if weight > 0 else -1.0 for pair, weight in truth.items()}


def _read_signs(path: Path) -> tuple[Any, bool]:
    network, said = read_network(str(path))
    matrix = network.jacobian
    return {(b, a): matrix.loc[a, b] for a in matrix.index for b in matrix.columns if matrix.loc[a, b]}, (
        "left out" in said
    )


def _make_values(rng: random.Random) -> tuple[Table, Any]:
    genes = _names(rng, 6)
    columns = [f"s{k}" for k in range(3)]
    rows = [[gene, *(f"{rng.gauss(0, 2):.3f}" for _ in columns)] for gene in genes]
    truth = {row[0]: {name: float(value) for name, value in zip(columns, row[1:], strict=True)} for row in rows}
    return Table([rng.choice(["gene", "", "symbol"]), *columns], rows, numbers=(1, 2, 3)), truth


def _plain(frame: Any) -> Any:
    return {
        str(row): {str(column): float(value) for column, value in values.items()}
        for row, values in frame.to_dict("index").items()
    }


def _make_terms(rng: random.Random) -> tuple[Table, Any]:
    genes = _names(rng, 5)
    terms = rng.choice([["GO:0002020", "GO:0004867", "GO:1"], ["04110", "04115", "00010"], ["2020", "4867", "31"]])
    rows = [[gene, term] for gene in genes for term in rng.sample(terms, rng.randint(1, 3))]
    table = Table(["gene", rng.choice(["term", "go_id", "pathway"])], rows)
    if rng.random() < 0.3:
        table.header.append("term_size")
        table.rows = [[*row, "12"] for row in table.rows]
    return table, {tuple(row[:2]) for row in rows}


def _read_terms(path: Path) -> tuple[Any, bool]:
    frame = read_gene_features(path)
    return {(str(a), str(b)) for a in frame.index for b in frame.columns if frame.loc[a, b] == 1}, False


def _make_graph(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_edges(rng)
    largest = max(filter(None, truth.values()), default=1.0)
    expected = {pair: (1.0 if weight is None else weight) / largest for pair, weight in truth.items()}
    return table, {frozenset(pair): round(value, 9) for pair, value in expected.items()}


def _read_graph_edges(path: Path) -> tuple[Any, bool]:
    edges = gene_edges(read_graph(path))
    return {frozenset((a, b)): round(w, 9) for a, b, w in zip(edges["a"], edges["b"], edges["weight"], strict=True)}, (
        False
    )


def _make_state(rng: random.Random) -> tuple[Table, Any]:
    rows = [[name, _weight(rng)] for name in _names(rng, 6)]
    return Table(["name", "value"], rows, numbers=(1,)), {name: float(value) for name, value in rows}


def _make_parameters(rng: random.Random) -> tuple[Table, Any]:
    rows = [[name, "lin", _weight(rng)] for name in _names(rng, 6)]
    header = ["parameterId", "parameterScale", "nominalValue"]
    return Table(header, rows, numbers=(2,)), {row[0]: float(row[2]) for row in rows}


def _make_conditions(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_values(rng)
    table.header[0] = "conditionId"
    return table, truth


def _make_labels(rng: random.Random) -> tuple[Table, Any]:
    genes = _names(rng, 6)
    rows = [["+".join(rng.sample(genes, rng.choice([1, 2])))] for _ in range(5)]
    return Table(["perturbation"], rows), [row[0] for row in rows]


def _make_cells(rng: random.Random) -> tuple[Table, Any]:
    table, labels = _make_labels(rng)
    batches = rng.choice([["01", "02"], ["1E5", "NA"], ["TRUE", "FALSE"], ["a", "b;c"]])
    table.header = [rng.choice(["perturbation", "gene"]), "batch"]
    table.rows = [[label, rng.choice(batches)] for label in labels]
    return table, set(map(tuple, table.rows))


def _read_looked_at(path: Path) -> tuple[Any, bool]:
    cells, note = read_looked_at(path)
    return cells.iloc[:, 0].tolist(), note is not None


def _read_looked_at_cells(path: Path) -> tuple[Any, bool]:
    cells, note = read_looked_at(path)
    label = next((name for name in ("perturbation", "gene") if name in cells), None)
    if label is None or "batch" not in cells:
        # What the command says of a table without its column.
        raise ValueError(without_column(path, "perturbation", cells.columns))
    return set(zip(cells[label], cells["batch"], strict=True)), note is not None


def _make_changes(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_values(rng)
    table.header[0] = rng.choice(["perturbation", "label", ""])
    return table, truth


def _read_changes(path: Path) -> tuple[Any, bool]:
    screen = read_screen(path)
    frame = screen.responses.set_axis(screen.conditions["perturbation"])
    return _plain(frame) if frame.index.is_unique else frame.to_csv(), False


def _make_relations(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_edges(rng, weighted=False)
    table.rows = [[a, rng.choice(["pp", "pd"]), b] for a, b in table.rows]
    table.header, table.names, table.ending = ["source", "interaction", "target"], (0, 2), ".sif"
    table.has_header = rng.random() < 0.5
    return table, _undirected(truth)


def _make_string(rng: random.Random) -> tuple[Table, Any]:
    names = [f"ENSP{k:011d}" for k in rng.sample(range(10**6), 6)]
    pairs = rng.sample(list(itertools.combinations(names, 2)), 9)
    rows = [[f"9606.{a}", f"9606.{b}", str(rng.randint(150, 999))] for a, b in pairs]
    table = Table(["protein1", "protein2", "combined_score"], rows, " ", numbers=(2,), names=(0, 1), suffix=".txt")
    return table, {frozenset(pair): float(row[2]) for pair, row in zip(pairs, rows, strict=True)}


BIOGRID = ["Entrez Gene Interactor A", "Entrez Gene Interactor B", "Official Symbol Interactor A",
           "Official Symbol Interactor B", "Experimental System", "Organism ID Interactor A",
           "Organism ID Interactor B"]  # fmt: skip


def _make_biogrid(rng: random.Random) -> tuple[Table, Any]:
    table, truth = _make_edges(rng, weighted=False)
    table.rows = [[str(k), str(k + 90), a, b, "Two-hybrid", "9606", "9606"] for k, (a, b) in enumerate(table.rows)]
    table.header, table.names = ["#BioGRID Interaction ID", *BIOGRID], (3, 4)
    table.rows = [[str(k + 1000), *row] for k, row in enumerate(table.rows)]
    return table, _undirected(truth)


def _graphml(table: Table) -> str:
    nodes = {name: f"n{k}" for k, name in enumerate(dict.fromkeys(name for row in table.rows for name in row[:2]))}
    named = table.options.get("named", True)
    lines = ["<?xml version='1.0' encoding='utf-8'?>"] if table.encoding == "utf-8" else []
    lines += [table.options.get("doctype", ""), '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    lines += ['<key id="w" for="edge" attr.name="weight" attr.type="double"/>'] if table.numbers else []
    lines += ['<key id="t" for="node" attr.name="name" attr.type="string"/>'] if named else []
    lines += ["<!-- made by hand -->" if table.comments else "", '<graph edgedefault="directed">']
    for name, key in nodes.items():
        title = f'<data key="t">{escape(name)}</data>' if named else ""
        lines.append(f"<node id={quoteattr(key if named else name)}>{title}</node>")
    for row in table.rows:
        ends = [quoteattr(nodes[name] if named else name) for name in row[:2]]
        weight = f'<data key="w">{escape(row[2])}</data>' if table.numbers else ""
        lines.append(f"<edge source={ends[0]} target={ends[1]}>{weight}</edge>")
    return "\n".join([*lines, "</graph></graphml>"])


def _by_id(table: Table, rng: random.Random) -> None:
    table.options["named"] = False


def _doctype(table: Table, rng: random.Random) -> None:
    bomb = "".join(f'<!ENTITY l{k + 1} "{f"&l{k};" * 10}">' for k in range(12))
    table.options["doctype"] = f'<!DOCTYPE g [<!ENTITY l0 "lol">{bomb}]>'
    table.options["bomb"] = "&l12;"


def _make_graphml(rng: random.Random, *, signed: bool = False) -> tuple[Table, Any]:
    table, truth = _make_edges(rng, weighted=signed or rng.random() < 0.5, signed=signed)
    table.layout, table.ending = _graphml, ".graphml"
    if signed:
        return table, {pair: 1.0 if weight > 0 else -1.0 for pair, weight in truth.items()}
    return table, _undirected(truth)


MODEL = load_textbook_models().data[0]


def _sedml(table: Table) -> str:
    """Lay out an experiment: the rows are its data sets, label and symbol."""
    option = {"source": "toggle.xml", "initial": "0", "start": "0", "end": "10", "steps": "5", **table.options}
    key = option.get("key", "numberOfPoints")
    generators, sets = [], []
    for k, (label, symbol) in enumerate(table.rows):
        target = f"/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='{symbol}']"
        shown = 'symbol="urn:sedml:symbol:time"' if symbol == "time" else f"target={quoteattr(target)}"
        calculation = option.get("calculation", "")
        generators.append(
            f'<dataGenerator id="g{k}"><listOfVariables><variable id="v{k}" {shown} taskReference="run"/>'
            f"</listOfVariables>{calculation}</dataGenerator>"
        )
        sets.append(f'<dataSet id="d{k}" label={quoteattr(label)} dataReference="{option.get("reference", "g")}{k}"/>')
    kind = option.get("output", "report")
    return "\n".join(
        [
            option.get("doctype", ""),
            '<sedML xmlns="http://sed-ml.org/sed-ml/level1/version3" level="1" version="3">',
            "<!-- made by hand -->" if table.comments else "",
            f'<listOfModels><model id="m" source={quoteattr(option["source"])}>{option.get("changes", "")}</model>',
            f'</listOfModels><listOfSimulations><{option.get("simulation", "uniformTimeCourse")} id="s" ',
            f'initialTime="{option["initial"]}" outputStartTime="{option["start"]}" outputEndTime="{option["end"]}" ',
            f'{key}="{option["steps"]}"/></listOfSimulations>',
            f'<listOfTasks><{option.get("task", "task")} id="run" modelReference="m" simulationReference="s"/>',
            f"</listOfTasks><listOfDataGenerators>{''.join(generators)}</listOfDataGenerators>",
            f'<listOfOutputs><{kind} id="r"><listOfDataSets>{"".join(sets)}</listOfDataSets></{kind}></listOfOutputs>',
            "</sedML>",
        ]
    )


def _experiment(table: Table, path: Path) -> Path:
    content = table.text().encode(table.encoding)
    content = table.finish(content) if table.finish is not None else content
    if not table.options.get("archive"):
        (path.parent / "toggle.xml").write_text(MODEL, encoding="utf-8")
        path.write_bytes(content)
        return path
    path = path.with_suffix(".omex")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sub/run.sedml", content)
        archive.writestr(table.options.get("place", "sub/toggle.xml"), MODEL)
    return path


def _make_experiment(rng: random.Random) -> tuple[Table, Any]:
    rows = [["Time", "time"], *rng.sample([["u", "u"], ["second", "v"]], rng.randint(1, 2))]
    table = Table([], rows, layout=_sedml, write=_experiment, ending=".sedml")
    return table, [([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], dict(rows))]


def _read_experiment(path: Path) -> tuple[Any, bool]:
    return [(one.times.tolist(), one.outputs) for one in read_simulations(path)], False


def _option(**options: Any) -> Callable[[Table, random.Random], None]:
    def change(table: Table, rng: random.Random) -> None:
        table.options |= options

    change.__name__ = "_" + "_".join(f"{name}={str(value)[:20]}" for name, value in options.items())
    return change


def _cells_separator(table: Table, rng: random.Random) -> None:
    table.separator = rng.choice(SEPARATORS[:3])
    table.suffix = {"\t": ".tsv"}.get(table.separator, rng.choice([".csv", ".txt"]))


GENE_FIRST = [*FORM, _columns_behind_the_names, _fractions]
NUMBERS = [*NOTICED, _bad_number]
IDENTIFIERS = [*(one for one in NUMBERS if one is not _date), _other_value, _other_names]
PLAIN = [_separator, _mark, _newline, _quoted, _row_order, _column_order]
KINDS = {
    "pairs": Kind(
        _make_pairs, _read_pairs,
        [*FORM, _decimal_comma, _column_order, _extra_text, _no_header, _row_numbers, _repeated_row, _other_direction,
         _self_pair, _fractions], [*NOTICED, _bad_number],
    ),
    "signs": Kind(
        _make_signs, _read_signs,
        [*FORM, _decimal_comma, _no_header, _row_numbers, _repeated_row, _fractions],
        [*NOTICED, _bad_number, _other_value],
        [_wide, _old, _column_order, _extra_text, _other_names],
    ),
    "expression": Kind(
        _make_values, lambda path: (_plain(read_expression(path)), False),
        [*GENE_FIRST, _decimal_comma, _short_header], [*NUMBERS, _other_value], [_wide, _old, _repeated_row],
    ),
    "features": Kind(
        _make_values, lambda path: (_plain(read_gene_features(path)), False),
        [*GENE_FIRST, _decimal_comma, _short_header], [*NUMBERS, _other_value],
        [_wide, _old, _repeated_row, _row_numbers],
    ),
    "terms": Kind(
        _make_terms, _read_terms, [*FORM, _repeated_row, _fractions], NOTICED, [_wide, _old, _row_numbers, _no_header],
    ),
    "graph": Kind(
        _make_graph, _read_graph_edges, [*FORM, _decimal_comma, _repeated_row, _self_pair, _fractions],
        NUMBERS, [_wide, _old, _row_numbers, _column_order, _no_header],
    ),
    "state": Kind(
        _make_state, lambda path: (_read_state(path).to_dict(), False),
        [*FORM, _decimal_comma, _no_header], [*NUMBERS, _other_value], [_wide, _old, _repeated_row, _row_numbers],
    ),
    "parameters": Kind(
        _make_parameters, lambda path: (read_parameters(path).to_dict(), False),
        PLAIN, IDENTIFIERS, [_wide, _old, _comment, _packed, _blank, _row_numbers],
    ),
    "conditions": Kind(
        _make_conditions, lambda path: (_plain(read_conditions(path)), False),
        PLAIN, IDENTIFIERS, [_wide, _old, _comment, _packed, _blank],
    ),
    "labels": Kind(
        _make_labels, lambda path: (read_labels(path).iloc[:, 0].tolist(), False),
        [_packed, _mark, _newline, _quoted, _blank, _no_header, _comment],
        [_page, _workbook, _empty, _header_only, _two_members, _folder, _nowhere, _cut, _wide_without_mark,
         _open_quote, _zero_bytes], [_wide, _old],
    ),
    "looked at": Kind(
        _make_labels, _read_looked_at, [_packed, _mark, _newline, _quoted, _blank, _no_header, _comment],
        [_page, _workbook, _empty, _header_only, _two_members, _folder, _nowhere, _cut, _wide_without_mark,
         _open_quote, _zero_bytes], [_wide, _old],
    ),
    "looked at, cells": Kind(
        _make_cells, _read_looked_at_cells,
        [_cells_separator, _packed, _mark, _newline, _quoted, _blank, _comment, _column_order, _row_order, _trailing,
         _repeated_row],
        [one for one in NOTICED if one not in (_missing_name, _date)], [_wide, _old, _row_numbers],
    ),
    "changes": Kind(
        _make_changes, _read_changes, [*GENE_FIRST, _decimal_comma, _short_header],
        [one for one in NUMBERS if one is not _date], [_wide, _old, _row_numbers],
    ),
    "scored": Kind(
        _make_changes, lambda path: (_plain(read_scored(path)), False), [*GENE_FIRST, _decimal_comma, _short_header],
        [one for one in NUMBERS if one is not _date], [_wide, _old, _row_numbers],
    ),
    "sif": Kind(
        _make_relations, _read_pairs, [_comment, _packed, _mark, _newline, _blank, _row_order, _other_direction,
         _self_pair],
        [_page, _workbook, _empty, _two_members, _folder, _nowhere, _cut, _wide_without_mark, _zero_bytes, _date,
         _missing_name],
    ),
    "string": Kind(
        _make_string, _read_pairs,
        [_packed, _mark, _newline, _row_order, _repeated_row, _other_direction, _self_pair],
        [one for one in NUMBERS if one not in (_date, _missing_name)],
    ),
    "biogrid": Kind(
        _make_biogrid, _read_pairs,
        [_comment, _packed, _mark, _newline, _row_order, _repeated_row, _other_direction, _self_pair],
        [one for one in NOTICED if one not in (_open_quote,)],
    ),
    "graphml": Kind(
        _make_graphml, _read_pairs,
        [_by_id, _comment, _packed, _mark, _newline, _row_order, _repeated_row, _other_direction, _self_pair],
        [_page, _workbook, _empty, _two_members, _folder, _nowhere, _cut, _wide_without_mark, _zero_bytes, _date,
         _missing_name, _bad_number, _doctype],
    ),
    "graphml signs": Kind(
        lambda rng: _make_graphml(rng, signed=True), _read_signs,
        [_by_id, _comment, _packed, _mark, _newline, _row_order],
        [_page, _workbook, _empty, _two_members, _folder, _nowhere, _cut, _zero_bytes, _bad_number, _other_value],
    ),
    "experiments": Kind(
        _make_experiment, _read_experiment,
        [_comment, _mark, _newline, _option(key="numberOfSteps"), _option(archive=True), _option(source="./toggle.xml"),
         _option(end="1e1"), _option(steps="5.0")],
        [_page, _empty, _folder, _nowhere, _zero_bytes, _option(doctype="<!DOCTYPE sedML [<!ENTITY a 'b'>]>"),
         _option(source="../toggle.xml"), _option(source="/etc/passwd"), _option(source="http://localhost/a.xml"),
         _option(source="other.xml"), _option(archive=True, place="../toggle.xml"),
         _option(archive=True, place="sub/other.xml"), _option(initial="1"), _option(steps="0"), _option(steps="nan"),
         _option(steps="1e12"), _option(end="inf"), _option(end="0"), _option(start="-1"), _option(steps="2.5"),
         _option(changes="<listOfChanges><changeAttribute target='x' newValue='2'/></listOfChanges>"),
         _option(task="repeatedTask"), _option(simulation="oneStep"), _option(reference="h"), _option(output="plot2D"),
         _option(calculation="<math><apply><ci>v0</ci></apply></math>"), _option(end="１０"), _option(steps="1_0")],
        [_wide],
    ),
}  # fmt: skip


# -- running -------------------------------------------------------------------------------------------
def compose(kind: Kind, rng: random.Random) -> tuple[Table, Any]:
    """Return a file of a kind after one to four changes, and its truth."""
    table, truth = kind.make(rng)
    table.done = []
    wanted = [rng.choice(kind.kept) for _ in range(rng.randint(1, 3))]
    draw = rng.random()
    if draw < 0.35:
        wanted.append(rng.choice(kind.noticed))
        table.must_be_noticed = True
    elif draw < 0.5 and kind.either:
        wanted.append(rng.choice(kind.either))
    for change in wanted:
        if change in (_bad_number, _other_value) and not table.numbers:
            continue
        before = repr(vars(table))
        change(table, rng)
        if repr(vars(table)) != before:
            table.done.append(change.__name__.strip("_"))
    if table.must_be_noticed:
        last = wanted[-1].__name__.strip("_")
        table.must_be_noticed = last in table.done
    return table, truth


def judge(kind: Kind, table: Table, truth: Any, folder: Path) -> tuple[str, str]:
    """Read the file; return "right", "refused", "warned", "WRONG" or "DEEP", and what was found."""
    path = table.save(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found, said = kind.read(path)
        except (ValueError, OSError) as error:
            return ("refused" if _is_named(error, path) else "DEEP"), f"{type(error).__name__}: {error}"
        except Exception:
            return "DEEP", traceback.format_exc(limit=-3)
    warned = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    if warned or said:
        return ("right" if found == truth and not table.must_be_noticed else "warned"), "; ".join(warned)
    return ("right" if found == truth and not table.must_be_noticed else "WRONG"), f"{found}\nnot {truth}"


def _is_named(error: BaseException, path: Path) -> bool:
    """Tell whether the error says which file, or which element of it, and is raised by the package."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = frames[-1].filename.startswith(PACKAGE) or isinstance(error, OSError)
    # A file of an archive, or an edge, is a place too.
    place = any(word in str(error) for word in (path.name, path.stem, "graph[", "run.sedml"))
    return ours and place and type(error).__name__ != "UnicodeDecodeError"


def run(name: str, seed: int) -> tuple[str, list[str], str]:
    """Make and read one file."""
    rng = random.Random(f"{name} {seed}")
    table, truth = compose(KINDS[name], rng)
    folder = Path(tempfile.mkdtemp())
    try:
        outcome, what = judge(KINDS[name], table, truth, folder)
    finally:
        shutil.rmtree(folder)
    return outcome, table.done, what


@pytest.mark.parametrize("name", KINDS)
def test_files_are_read_right_or_refused_by_name(name):
    bad = []
    for seed in range(70):
        outcome, done, what = run(name, seed)
        if outcome in ("WRONG", "DEEP"):
            bad.append((seed, outcome, done, what))
    assert not bad


def main() -> None:
    """Make and read files until the time is over, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--show", type=int, default=3, help="examples of each kind of failure")
    arguments = parser.parse_args()
    counts: Any = collections.defaultdict(collections.Counter)
    failures: Any = collections.defaultdict(list)
    refused: Any = collections.Counter()
    seed = arguments.seed * 10**7
    while time.process_time() < 60 * arguments.minutes:
        seed += 1
        for name in arguments.kinds:
            outcome, done, what = run(name, seed)
            counts[name][outcome] += 1
            if outcome in ("WRONG", "DEEP"):
                failures[name, outcome, done[-1] if done else ""].append((seed, done, what))
            elif outcome == "refused" and not set(done) & {one.__name__.strip("_") for one in KINDS[name].noticed}:
                refused[name, *sorted(set(done)), what.split("table")[-1]] += 1
    for key, found in sorted(failures.items()):
        print(*key, len(found))  # noqa: T201
        for one in found[: arguments.show]:
            print("   ", *one)  # noqa: T201
    for key, n in refused.most_common(40):
        print("refused though nothing is wrong:", n, *key)  # noqa: T201
    for name, found in counts.items():
        print(name, dict(found))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
