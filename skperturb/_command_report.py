"""Command line: ``python -m skperturb report FILES --html OUT``, one page about a user's files."""

import argparse
from pathlib import Path
from typing import Any

from ._command_types import count_or_all, positive_integer, seconds
from ._command_words import with_options
from ._model_files import expand_folders

__all__ = ["add_report"]


def add_report(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "report",
        help="one page to look at about models (SBML), interactions and screens (h5ad): drawings, tables, doubts",
        description="Example: python -m skperturb report model.xml edges.csv screen.h5ad --html report.html",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="SBML, a table of interactions, or cells as .h5ad")
    parser.add_argument("--html", type=Path, required=True, metavar="OUT", help="where the page goes")
    parser.add_argument(
        "--top", type=positive_integer, default=5, metavar="K", help="responses of each variable of a model; default: 5"
    )
    parser.add_argument(
        "--groupby", metavar="COL", help="column of a screen that holds the labels; default: found by name"
    )
    parser.add_argument("--control", nargs="+", metavar="LABEL", help="its controls; default: control ctrl")
    parser.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    parser.add_argument("--timeout", type=seconds, default=120.0, metavar="SECONDS", help="for one file; default: 120")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit status: 1 if no file could be read."""
    from .report import write_report

    named = {} if arguments.control is None else {"control": arguments.control}
    files = expand_folders(arguments.files)
    errors = write_report(
        files,
        arguments.html,
        top=arguments.top,
        groupby=arguments.groupby,
        n_jobs=arguments.jobs,
        timeout=arguments.timeout,
        verbose=1,
        **named,
    )
    for file, error in zip(files, errors, strict=True):
        if error is not None:
            print(f"{file}: {with_options(str(error), arguments)}")
    n_read = errors.count(None)
    print(f"{n_read} of {len(errors)} files read; page written to {arguments.html}")
    return int(not n_read)
