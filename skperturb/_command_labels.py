"""``python -m skperturb labels FILE``: how the labels of a file are read."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from ._command_words import with_options
from ._user_screens import LABEL, open_cells, read_text_table, without_column

__all__ = ["add_labels"]

# Doubtful labels that are printed with their reason; the file of --csv has all.
_SHOWN = 20
# Only empty fields are missing: "NA" and "nan" are labels to look at.
_READING: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}
# What the names of columns of labels consist of: "perturbation", "target_gene", "sgRNA", "guide_identity", "pert_id".
_HEADER = re.compile(
    r"(perturb(ation|ed)?|pert|conditions?|labels?|genes?|guides?|(sg|g)?rnas?|targets?|targeted|treatments?|drugs?"
    r"|compounds?|samples?|groups?|class(es)?|crispr|knock(out|down)|kos?|barcodes?|constructs?|symbols?"
    r"|identit(y|ies)|ids?|i?names?|calls?|assignments?|types?|obs|cells?|index)"
)


def add_labels(commands: argparse._SubParsersAction) -> None:
    """Register the command.

    Parameters
    ----------
    commands : argparse._SubParsersAction
        The commands of the main parser.
    """
    labels = commands.add_parser(
        "labels",
        help="how the labels of a screen are read: genes, doses, controls, doubts",
        description="Example: python -m skperturb labels screen.h5ad --groupby perturbation --csv labels.csv",
    )
    labels.add_argument("file", type=Path, metavar="FILE", help="cells as .h5ad, or a table as .csv, .tsv or .txt")
    labels.add_argument("--groupby", metavar="COL", help="the column that holds the labels; default: perturbation")
    labels.add_argument("--control", nargs="+", metavar="LABEL", help="names of controls; default: control ctrl")
    labels.add_argument("--sep", nargs="+", metavar="SEP", help="separators, the trusted one first; default: + _")
    labels.add_argument("--genes", nargs="+", metavar="GENE", help="the only names that are genes")
    labels.add_argument("--guide-suffix", metavar="REGEX", help="what follows the gene in the name of a guide")
    labels.add_argument("--guide-prefix", metavar="REGEX", help="what precedes the gene in the name of a guide")
    labels.add_argument("--csv", type=Path, metavar="OUT", help="write the table as CSV")
    labels.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .responses import describe_labels

    names = ("control", "sep", "genes", "guide_suffix", "guide_prefix")
    options = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    cells = _observations(arguments.file)
    note = None
    if arguments.groupby is None and cells.shape[1] == 1 and arguments.file.suffix.lower() != ".h5ad":
        cells, note = _without_header(cells, arguments.file)
    column = arguments.groupby
    if column is None and cells.shape[1] != 1:
        column = LABEL
    if column is not None and list(cells.columns).count(column) != 1:
        raise ValueError(without_column(arguments.file, column, cells.columns))
    table = describe_labels(cells, column, **options)
    table["reason"] = [with_options(text, arguments) for text in table["reason"]]
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
        print(f"{len(table)} labels written to {arguments.csv}")
    else:
        print(table.drop(columns=["is_doubtful", "reason"]).to_string(index=False))
    print(_summary(table))
    if note is not None:
        print(note)
    return 0


def _observations(path: Path) -> Any:
    """Return the table of the cells; the expression stays on the disk."""
    if path.suffix.lower() == ".h5ad":
        cells = open_cells(path)
        try:
            return cells.obs.copy()
        finally:
            cells.file.close()
    if not any(suffix in (".csv", ".tsv", ".txt") for suffix in path.suffixes):
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .h5ad, .csv, .tsv or .txt.")
    return read_text_table(path, **_READING)


def _without_header(cells: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, str | None]:
    """Return the labels of a single column, its first line included if that names no column, and a note on it."""
    first = str(cells.columns[0])
    # Without numbers and single letters: "gene_1", "target A".
    words = re.findall("[a-z]{2,}", re.sub("(?<=[a-z])(?=[A-Z][a-z])", " ", first).lower())
    is_header = bool(words) and all(_HEADER.fullmatch(word) for word in words)
    # pandas names a column so whose name is empty. ID1 to ID4 are genes.
    if first.startswith("Unnamed: ") or (is_header and not re.fullmatch(r"ID\d", first)):
        return cells, None
    note = (
        f"the first line of {path}, {first!r}, was read as a label, because it does not look like the name of a "
        f"column; if it is one: --groupby {shlex.quote(first)}"
    )
    return read_text_table(path, header=None, names=["label"], **_READING), note


def _summary(table: pd.DataFrame) -> str:
    doubtful = table[table["is_doubtful"]]
    clear = table[~table["is_doubtful"]]
    perturbed = clear[~clear["is_control"]]
    genes = {gene for genes in perturbed["genes"] for gene in genes.split(", ")}
    lines = [
        "",
        f"{len(table)} labels of {table['n_cells'].sum()} cells: {perturbed['condition'].nunique()} perturbed "
        f"conditions of {len(genes)} genes, {clear['is_control'].sum()} labels of controls, {len(doubtful)} doubtful",
    ]
    shown = doubtful.head(_SHOWN)
    lines += [f"doubtful: {label!r}, {reason}" for label, reason in zip(shown["label"], shown["reason"], strict=True)]
    if len(doubtful) > len(shown):
        lines.append(f"… and {len(doubtful) - len(shown)} more doubtful labels; --csv OUT writes all")
    if "varies" in table and table["varies"].any():
        columns = sorted({part.rsplit(" (", 1)[0] for words in table["varies"] if words for part in words.split(", ")})
        lines.append(
            f"{', '.join(columns)}: vary inside conditions, so pseudobulk averages over them unless they are covariates"
        )
    return "\n".join(lines)
