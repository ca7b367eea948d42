"""``python -m skperturb labels FILE``: how the labels of a file are read."""

import argparse
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ._cell_files import open_cells
from ._command_words import with_options
from ._text_tables import check_repeated_header
from ._user_screens import LABEL, read_label_cells, without_column

__all__ = ["add_labels", "read_labels"]

# Doubtful labels that are printed with their reason; the file of --csv has all.
_SHOWN = 20
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
    cells, note = read_labels(arguments.file, arguments.groupby, arguments.sep or ())
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


def read_labels(path: Path, groupby: str | None = None, sep: Sequence[str] = ()) -> tuple[pd.DataFrame, str | None]:
    """Read the labels of cells with what else is known of each; their expression stays on the disk.

    Parameters
    ----------
    path : Path
        Ends in ``.h5ad``, or in ``.csv``, ``.tsv`` or ``.txt``, these perhaps compressed.
    groupby : str, default=None
        The column of the labels.
    sep : sequence of str, default=()
        Separators of genes that a user named.

    Returns
    -------
    cells : DataFrame
        Of a table, texts; empty cells are NaN, but "NA" and "nan" are labels to look at.
    note : str or None
        What has to be said of the first line.

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    if path.suffix.lower() == ".h5ad":
        cells = open_cells(path)
        try:
            return cells.obs.copy(), None
        finally:
            cells.file.close()
    if not any(suffix.lower() in (".csv", ".tsv", ".txt") for suffix in path.suffixes):
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .h5ad, .csv, .tsv or .txt, perhaps with .gz.")
    table = read_label_cells(path, sep, lambda word: word == groupby or _names_labels(word)).frame
    first, note = str(table.iloc[0, 0]), None
    # A single column whose name is empty has one.
    if groupby is None and table.shape[1] == 1 and first and not _names_labels(first):
        note = (
            f"the first line of {path}, {first!r}, was read as a label, because it does not look like the name of a "
            f"column; if it is one: --groupby {shlex.quote(first)}"
        )
        table = table.set_axis(["label"], axis=1)
    else:
        table = _headed(table, path)
    return table.astype(object).where(table != "", None).reset_index(drop=True), note


def _names_labels(word: str) -> bool:
    """Tell whether a word names a column of labels."""
    # Without numbers and single letters: "gene_1", "target A".
    words = re.findall("[a-z]{2,}", re.sub("(?<=[a-z])(?=[A-Z][a-z])", " ", word).lower())
    # ID1 to ID4 are genes.
    return bool(words) and all(_HEADER.fullmatch(part) for part in words) and not re.fullmatch(r"ID\d", word)


def _headed(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a table without its first row, which names the columns."""
    names = pd.Index(table.iloc[0], dtype=object)
    if not names.is_unique:
        name = names[names.duplicated()][0]
        raise ValueError(f"{path} has the column {name!r} twice; expected another name in every column.")
    if len(table) < 2:
        raise ValueError(f"{path} has names of columns and no row below them; expected a label in each row.")
    # Of a single column, a label may be called like it.
    if len(names) > 1:
        check_repeated_header(table, path)
    return table[1:].set_axis(names, axis=1)


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
