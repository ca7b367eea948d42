"""``python -m skperturb score TRUTH PREDICTED``: predictions of any model beside the baselines, with intervals."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ._cell_files import open_cells
from ._command_types import positive_number, seed
from ._gene_files import read_named_rows
from ._text_tables import as_numbers
from ._user_screens import check_labels

__all__ = ["add_score"]


def add_score(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "score",
        help="score predicted responses of any model, beside baselines, with intervals, as a table or CSV",
        description="Example: python -m skperturb score measured.h5ad predicted.h5ad --csv scores.csv",
    )
    parser.add_argument(
        "truth", type=Path, metavar="TRUTH", help="measured: cells as .h5ad, or log-fold changes as .csv, .tsv or .txt"
    )
    parser.add_argument(
        "predicted", nargs="+", type=Path, metavar="PREDICTED", help="predicted, in the same way; one file a model"
    )
    parser.add_argument("--groupby", default="perturbation", metavar="COL", help="column of obs; default: perturbation")
    parser.add_argument("--control", nargs="+", metavar="LABEL", help="names of controls; default: control ctrl")
    parser.add_argument("--train", type=Path, metavar="FILE", help="what baselines learn from; default: the other rows")
    parser.add_argument(
        "--genes",
        choices=["all", "shared"],
        default="all",
        help="all (default): those of TRUTH; shared: those that all files have",
    )
    parser.add_argument("--own-control", action="store_true", help="compare predicted cells with their own control")
    parser.add_argument("--no-tests", action="store_true", help="no differential expression of cells, the slowest part")
    parser.add_argument(
        "--target-sum", type=positive_number, metavar="N", help="for raw counts: scale cells to this total, and log"
    )
    parser.add_argument(
        "--sep", nargs="+", metavar="SEP", help="separators of genes, the trusted one first; default: + _"
    )
    parser.add_argument("--guide-suffix", metavar="REGEX", help="what follows the gene in the name of a guide")
    parser.add_argument("--guide-prefix", metavar="REGEX", help="what precedes the gene in the name of a guide")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the intervals and halves; default: 0")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write all columns, one row a model and metric")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from .reproduce._options import refuse_repeated, refuse_unused
    from .responses import score_responses

    files = [arguments.truth, *arguments.predicted]
    if not any(path.suffix.lower() == ".h5ad" for path in files):
        refuse_unused(arguments, ["--own-control", "--no-tests", "--target-sum"], "for cells (.h5ad)")
    refuse_repeated([str(path) for path in arguments.predicted], "PREDICTED")
    names = ("control", "sep", "guide_suffix", "guide_prefix")
    options = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    table = score_responses(
        _read(arguments.truth, arguments.groupby),
        _models(arguments.predicted, arguments.groupby),
        groupby=arguments.groupby,
        train=None if arguments.train is None else _read(arguments.train, arguments.groupby),
        genes=arguments.genes,
        control_source="predicted" if arguments.own_control else "truth",
        differential_expression=not arguments.no_tests,
        target_sum=arguments.target_sum,
        random_state=arguments.seed,
        **options,
    )
    print(_shown(table))
    for note in table.attrs["notes"]:
        print(note)
    if arguments.csv is not None:
        table.reset_index().to_csv(arguments.csv, index=False)
        print(f"{len(table)} rows written to {arguments.csv}")
    return 0


def _models(paths: list[Path], groupby: str) -> dict[str, Any]:
    names = [path.name.split(".")[0] for path in paths]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        names = [str(path) for path in paths]
    return {name: _read(path, groupby) for name, path in zip(names, paths, strict=True)}


def _read(path: Path, groupby: str = "perturbation") -> Any:
    if path.suffix.lower() == ".h5ad":
        cells = open_cells(path, in_memory=True)
        check_labels(cells, groupby, path)
        return cells
    table = read_named_rows(path).drop(columns="noise_variance", errors="ignore")
    return as_numbers(table.rename_axis(index=None), path)


def _shown(table: pd.DataFrame) -> str:
    """Return metrics × models, each with its interval, and what of the way to a replicate is gone."""
    from .reproduce._tables import format_table
    from .responses._score_responses import _ERRORS

    models = list(table.index.get_level_values("model").unique())
    metrics = list(table.index.get_level_values("metric").unique())
    counts = {model: int(table.loc[model, "n"].max()) for model in models}
    header = ["metric", *(f"{model} ({counts[model]})" for model in models)]
    rows = [[metric, *(_cell(table, model, metric) for model in models)] for metric in metrics]
    lower = ", ".join(metric for metric in metrics if metric in _ERRORS)
    lines = [
        "means over conditions (their number), with 95 % bootstrap intervals",
        f"lower is better: {lower}; of the others higher is",
        format_table(header, rows),
    ]
    baseline = table["baseline"].iloc[0]
    if table["scaled"].notna().any():
        scaled = [
            [metric, *(_scaled(table, model, metric) for model in models)]
            for metric in metrics
            if any(_scaled(table, model, metric) is not None for model in models)
        ]
        lines += ["", f"scaled: 0 is the baseline {baseline!r}, 1 a replicate", format_table(header, scaled)]
    return "\n".join([*lines, ""])


def _cell(table: pd.DataFrame, model: str, metric: str) -> str | None:
    if (model, metric) not in table.index or not table.loc[(model, metric), "n"]:
        return None
    score, low, high = table.loc[(model, metric), ["score", "low", "high"]].astype(float)
    return f"{score:.3f}" if pd.isna(low) else f"{score:.3f} [{low:.3f}, {high:.3f}]"


def _scaled(table: pd.DataFrame, model: str, metric: str) -> float | None:
    if (model, metric) not in table.index or pd.isna(table.loc[(model, metric), "scaled"]):
        return None
    return float(table.loc[(model, metric), "scaled"])
