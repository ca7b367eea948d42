"""Command line: ``python -m skperturb interactions EDGES``, the best candidates for new interactions of a file."""

import argparse
from pathlib import Path
from typing import Any

from ._command_types import positive_integer
from ._command_words import refuse_unknown

__all__ = ["add_interactions", "left_out"]

# Rows that are printed; all are in the file.
_SHOWN = 10


def add_interactions(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "interactions",
        help="rank the pairs of a network that are not known to interact, as a table or CSV",
        description="Example: python -m skperturb interactions edges.csv --top 100 --csv candidates.csv",
    )
    parser.add_argument("edges", type=Path, metavar="EDGES", help="known interactions: table, BioGRID, STRING, SIF, …")
    parser.add_argument("--expression", type=Path, metavar="FILE", help="expression: genes in rows, names first")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="pairs that were tested already, as EDGES")
    parser.add_argument(
        "--top", type=positive_integer, default=100, metavar="N", help="pairs, or partners of each --gene; default: 100"
    )
    parser.add_argument("--gene", action="append", metavar="G", help="rank the partners of this gene; may be repeated")
    parser.add_argument(
        "--model",
        choices=["gne", "l3"],
        default="gne",
        help="gne (default): GNEEmbedder, seconds to minutes; l3: paths of length three, in seconds",
    )
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the ranking")
    parser.set_defaults(run=run)


def left_out(data: Any) -> str:
    """Return what rows of a file were left out, for a line that begins with what was read.

    Parameters
    ----------
    data : Bunch
        Of `read_interactions`.
    """
    found = data.report.drop(["rows", "pairs", "repeated rows"], errors="ignore")
    return "; left out: " + ", ".join(f"{count} {reason}" for reason, count in found.items()) if len(found) else ""


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from .datasets import read_interactions
    from .interactions import GNEEmbedder, L3Paths
    from .reproduce._interaction_data import read_expression
    from .reproduce._options import refuse_repeated

    data = read_interactions(arguments.edges)
    expression = None if arguments.expression is None else read_expression(arguments.expression, data.genes)
    n_measured = 0 if expression is None else int(expression.index.isin(data.genes).sum())
    measured = "no expression" if expression is None else f"expression of {n_measured}"
    print(f"{len(data.pairs)} interactions, {len(data.genes)} genes, {measured} of them{left_out(data)}", flush=True)
    if arguments.gene is not None:
        refuse_repeated(arguments.gene, "--gene")
        known = {*map(str, data.genes), *(() if expression is None else map(str, expression.index))}
        refuse_unknown("--gene", arguments.gene, known, "genes with an interaction or an expression")
    exclude = None if arguments.exclude is None else read_interactions(arguments.exclude).pairs
    build = GNEEmbedder if arguments.model == "gne" else L3Paths
    model = build(expression, random_state=0).fit(data.pairs)
    table = model.rank_candidates(arguments.gene, top=arguments.top, exclude=exclude)
    print(table.head(_SHOWN).to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    print("probability: if as many interactions are unknown as known; 'report' counts how many hidden ones it finds")
    scored = f"{table.attrs['n_candidates']} candidates, {table.attrs['n_scored']} of them scored in full"
    if arguments.csv is None:
        print(f"{scored}; --csv OUT writes all {len(table)} rows")
        return 0
    table.to_csv(arguments.csv, index=False)
    print(f"{scored}; {len(table)} pairs written to {arguments.csv}")
    return 0
