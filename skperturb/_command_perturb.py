"""``python -m skperturb perturb MODEL``: what interventions do to a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._command_types import count_or_all, real_number

if TYPE_CHECKING:
    import pandas as pd

    from .sbml.interventions import Intervention

__all__ = ["add_perturb"]


def add_perturb(commands: argparse._SubParsersAction) -> None:
    """Register the command.

    Parameters
    ----------
    commands : argparse._SubParsersAction
        The commands of the main parser.
    """
    parser = commands.add_parser(
        "perturb",
        help="new steady states of an SBML model after interventions",
        description="One row for each change. "
        "Example: python -m skperturb perturb model.xml --knock-out X --scale k1=0.5",
    )
    parser.add_argument("model", metavar="MODEL", help="SBML file")
    parser.add_argument(
        "--knock-out", nargs="+", action="extend", default=[], metavar="ID", help="species, reactions or parameters"
    )
    for option, what in (
        ("--scale", "multiply a parameter, the rate of a reaction or an initial value"),
        ("--set", "another value of a parameter, or initial value of a variable"),
        ("--hold", "hold a variable at a value"),
    ):
        parser.add_argument(
            option, nargs="+", action="extend", default=[], type=_assignment, metavar="ID=NUMBER", help=what
        )
    parser.add_argument("--together", action="store_true", help="all changes at once, in place of one row for each")
    parser.add_argument("--at-steady-state", action="store_true", help="begin at the steady state of the model")
    parser.add_argument(
        "--times",
        nargs="+",
        type=real_number,
        metavar="T",
        help="the course at these times, in place of the steady state",
    )
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the table as CSV")
    parser.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    parser.set_defaults(run=_run)


def _assignment(text: str) -> tuple[str, float]:
    name, sign, number = text.partition("=")
    try:
        return name.strip(), real_number(number.strip())
    except argparse.ArgumentTypeError as error:
        problem = str(error) if sign else "no '='"
        raise argparse.ArgumentTypeError(f"{text!r}: {problem}; expected ID=NUMBER, such as k1=0.5") from None


def _run(arguments: argparse.Namespace) -> int:
    from .sbml import perturb

    response = "steady_state" if arguments.times is None else arguments.times
    table = perturb(arguments.model, _interventions(arguments), response=response, n_jobs=arguments.jobs)
    flat = _flat(table)
    if arguments.csv:
        flat.to_csv(arguments.csv)
        print(f"{len(flat)} rows written to {arguments.csv}")
    else:
        # Long rows break on a terminal: variables go down where there are more of them than changes.
        upright = arguments.times is None and table["value"].shape[1] > len(table)
        print(_upright(table) if upright else _text(flat.assign(reason=flat["reason"].str.slice(0, 60))))
    print(flat["status"].value_counts().to_string())
    return 0


def _text(table: pd.DataFrame) -> str:
    return table.to_string(float_format=lambda value: f"{value:.4g}")


def _upright(table: pd.DataFrame) -> str:
    """Return a line on each change, then variables × changes."""
    outcomes = [
        f"{name}: {status}" + (f", {reason}" if reason else "")
        for name, (status, reason) in zip(table.index, table["outcome"][["status", "reason"]].to_numpy(), strict=True)
    ]
    values, folds = (_text(table[block].T.rename_axis(columns=None)) for block in ("value", "log2_fold_change"))
    parts = ["\n".join(outcomes), f"values, in the units of the model:\n{values}"]
    return "\n\n".join([*parts, f"log2 fold changes against {table.index[0]!r}:\n{folds}\n"])


def _interventions(arguments: argparse.Namespace) -> list[Intervention]:
    from .sbml import Intervention

    at = "steady_state" if arguments.at_steady_state else None
    changes = [("knock_out", name) for name in arguments.knock_out]
    changes += [(kind, pair) for kind in ("scale", "set", "hold") for pair in getattr(arguments, kind)]
    if not changes:
        raise ValueError("no intervention was given; use --knock-out, --scale, --set or --hold.")
    if not arguments.together:
        options: list[dict[str, Any]] = [
            {kind: change if kind == "knock_out" else dict([change])} for kind, change in changes
        ]
        return [Intervention(at=at, **option) for option in options]
    _refuse_repeated("knock-out", arguments.knock_out)
    for kind in ("scale", "set", "hold"):
        _refuse_repeated(kind, [name for name, _ in getattr(arguments, kind)])
    return [
        Intervention(
            knock_out=arguments.knock_out,
            scale=dict(arguments.scale),
            set=dict(arguments.set),
            hold=dict(arguments.hold),
            at=at,
        )
    ]


def _refuse_repeated(option: str, names: list[str]) -> None:
    """Raise ValueError for two changes of one name: only the last one would be made."""
    repeated = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if repeated is not None:
        raise ValueError(f"--{option} names {repeated} twice, and --together makes one change of each; name it once.")


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    flat = table.copy()
    flat.columns = [
        name if block == "outcome" else f"log2_fold_change:{name}" if block == "log2_fold_change" else name
        for block, name in table.columns
    ]
    return flat
