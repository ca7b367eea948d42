"""``python -m skperturb labels FILE``: how the labels of a file are read."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ._user_screens import open_cells, read_text_table

__all__ = ["add_labels"]

# Doubtful labels that are printed with their reason; the file of --csv has all.
_SHOWN = 20


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
    labels.add_argument("--groupby", metavar="COL", help="the column that holds the labels")
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
    if arguments.groupby is None and cells.shape[1] != 1:
        raise ValueError(
            f"--groupby is needed; the columns of {arguments.file} are {list(map(str, cells.columns))[:10]}."
        )
    table = describe_labels(cells, arguments.groupby, **options)
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
        print(f"{len(table)} labels written to {arguments.csv}")
    else:
        print(table.drop(columns=["is_doubtful", "reason"]).to_string(index=False))
    print(_summary(table))
    return 0


def _observations(path: Path) -> Any:
    """Return the table of the cells; the expression stays on the disk."""
    if path.suffix == ".h5ad":
        cells = open_cells(path)
        try:
            return cells.obs.copy()
        finally:
            cells.file.close()
    if not any(suffix in (".csv", ".tsv", ".txt") for suffix in path.suffixes):
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .h5ad, .csv, .tsv or .txt.")
    # Only empty fields are missing: "NA" and "nan" are labels to look at.
    return read_text_table(path, keep_default_na=False, na_values=[""])


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
