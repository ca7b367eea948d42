"""``python -m skperturb biosimulators -i ARCHIVE -o DIR``: an OMEX archive run in the convention of BioSimulators."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import __version__

__all__ = ["add_biosimulators"]


def add_biosimulators(commands: Any) -> None:
    """Register the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "biosimulators",
        help="run the simulation experiments (SED-ML) of an OMEX archive, in the convention of BioSimulators",
        description="Writes reports.h5, plots.zip and log.yml; exit status 1 if anything in the archive failed. "
        "Example: python -m skperturb biosimulators -i archive.omex -o results",
    )
    parser.add_argument("-i", "--archive", type=Path, required=True, metavar="ARCHIVE", help="OMEX archive")
    parser.add_argument(
        "-o", "--out-dir", type=Path, default=Path(), metavar="DIR", help="where the files go; default: here"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument("-d", "--debug", action="store_true", help="stop at the first error, with the lines of code")
    parser.add_argument("-v", "--version", action="version", version=f"skperturb {__version__}")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .sbml import run_archive

    on_error = "raise" if arguments.debug else "log"
    try:
        log = run_archive(arguments.archive, arguments.out_dir, on_error=on_error)
    except ValueError:
        if not arguments.debug:
            raise
        traceback.print_exc()
        return 1
    for name, entry in _entries(log):
        if not arguments.quiet:
            failure = entry["exception"]
            text = f"{failure['type']}: {failure['message']}" if failure else entry["output"] or "written"
            print(f"{name}: {entry['status']}, {text}", file=sys.stderr if failure else sys.stdout)
    return int(log["status"] != "SUCCEEDED")


def _entries(log: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the files that can't be read, and all tasks and outputs of the others, with their names."""
    for document in log["sedDocuments"]:
        if document["exception"]:
            yield document["location"], document
        for entry in [*(document["tasks"] or []), *(document["outputs"] or [])]:
            yield f"{document['location']}/{entry['id']}", entry
