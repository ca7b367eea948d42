"""Command line: ``python -m skperturb [screen | networks | perturb | report | interactions | labels | score | …]``."""

import argparse
import importlib
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from ._command_biosimulators import add_biosimulators
from ._command_fit import add_fit, add_predict
from ._command_interactions import add_interactions
from ._command_labels import add_labels
from ._command_networks import add_networks
from ._command_perturb import add_perturb
from ._command_report import add_report
from ._command_responses import add_responses
from ._command_score import add_score
from ._command_types import count_or_all, repetitions, seconds
from ._command_words import with_options
from ._model_files import expand_folders

__all__ = ["main"]

_FIGURES = Path("skperturb-figures")

# What a screen says of a model that it could read.
_READ = ("steady", "oscillating", "diverged", "sliding")

# Options that name files to read.
_INPUTS: tuple[str, ...] = ("graph", "gene_features", "other_screen", "expression", "exclude", "later_edges")
_INPUTS += ("train", "state", "h5ad", "pseudobulk")

# Modules of skperturb.reproduce that bring their own arguments.
_LINES = {
    "interactions": "new gene interactions from known ones, with all baselines",
    "responses": "unseen pairs and unseen genes in perturbation screens",
    "engine": "the SBML engine beside libRoadRunner and COPASI",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(argv).parse_args(argv)
    formatted = warnings.formatwarning
    warnings.formatwarning = lambda message, category, *place, **more: (
        # Without the line of code that warned, which says nothing at a command line.
        f"skperturb: {category.__name__}: {with_options(str(message), arguments)}\n"
    )
    try:
        if arguments.run is not _main_job:
            from .reproduce._options import refuse_unused

            refuse_unused(arguments, ["--figures"], "without a command, or behind 'reproduce networks'")
        _check_inputs(arguments)
        _check_outputs(arguments)
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        return _reader_has_gone()
    except (ValueError, OSError, ImportError, MemoryError) as error:
        print(f"skperturb: {type(error).__name__}: {with_options(str(error), arguments)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skperturb: interrupted", file=sys.stderr)
        return 130
    finally:
        warnings.formatwarning = formatted


def _check_inputs(arguments: argparse.Namespace) -> None:
    """Refuse files behind options that aren't there, with the name of the option."""
    for name in _INPUTS:
        given = getattr(arguments, name, None)
        option = f"--{name.replace('_', '-')}"
        for path in given if isinstance(given, list) else [given]:
            if isinstance(path, Path) and not path.exists():
                raise FileNotFoundError(f"{option} {path} is not there; expected a file.")
            if isinstance(path, Path) and path.is_dir():
                raise IsADirectoryError(f"{option} {path} is a folder; expected a file.")
    home = getattr(arguments, "data_home", None)
    if home is not None and home.exists() and not home.is_dir():
        raise NotADirectoryError(f"--data-home {home} is a file; expected a folder.")


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse files that can't be written before the work begins, not after it."""
    for name in ("csv", "json", "html", "save"):
        path = getattr(arguments, name, None)
        if isinstance(path, Path) and str(path) == "-":
            raise ValueError(f"--{name} -: standard output holds what is printed; expected the name of a file.")
        if isinstance(path, Path) and not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"--{name} {path}: the folder is not there; make it first.")
        if isinstance(path, Path) and path.is_dir():
            raise IsADirectoryError(f"--{name} {path} is a folder; expected the name of a file.")
    for name in ("figures", "drawings", "enhancer_figures", "export"):
        path = getattr(arguments, name, None)
        if isinstance(path, Path) and path.exists() and not path.is_dir():
            option = "export" if name == "export" else "figures"
            raise FileExistsError(f"--{option} {path} is a file; expected a folder.")


def _reader_has_gone() -> int:
    """End quietly when the reader of a pipe has seen enough, as in ``… | head``."""
    # Python flushes standard output once more when it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skperturb",
        description="Without a command: the main job, predictions of all three lines of work on embedded and simulated "
        "data, beside baselines. 'skperturb COMMAND --help' explains a command and shows an example.",
    )
    parser.add_argument("--figures", type=Path, metavar="DIR", help=f"where the figures go; default: {_FIGURES}")
    parser.add_argument("--version", action="version", version=f"skperturb {__version__}")
    parser.set_defaults(run=_main_job)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_screen(commands)
    add_networks(commands)
    add_perturb(commands)
    add_report(commands)
    add_interactions(commands)
    add_responses(commands)
    add_fit(commands)
    add_predict(commands)
    add_labels(commands)
    add_score(commands)
    add_biosimulators(commands)
    _add_reproduce(commands, argv)
    return parser


def _add_screen(commands: argparse._SubParsersAction) -> None:
    screen = commands.add_parser(
        "screen",
        help="what each SBML model yields, as a table or CSV",
        description="Status of each model (steady, oscillating, diverged, sliding, integration_failed, unsupported, "
        "invalid or timeout), its reason, its steady state. Example: python -m skperturb screen models --csv out.csv",
    )
    screen.add_argument("files", nargs="+", metavar="FILE", help="SBML files, archives, or folders of them")
    screen.add_argument("--csv", type=Path, metavar="OUT", help="write the table as CSV")
    screen.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    screen.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for one model; default: 60")
    screen.set_defaults(run=_screen)


def _add_reproduce(commands: argparse._SubParsersAction, argv: Sequence[str]) -> None:
    reproduce = commands.add_parser(
        "reproduce",
        help="the tables of the papers on real data, with baselines",
        description="Example: python -m skperturb reproduce responses --task double --dataset norman2019",
    )
    lines = reproduce.add_subparsers(title="lines of work", metavar="LINE", required=True)
    networks = lines.add_parser(
        "networks",
        help="perturbation patterns of BioModels from topology alone",
        description="Example: python -m skperturb reproduce networks --kind relative --json rows.json",
    )
    which = networks.add_mutually_exclusive_group()
    which.add_argument(
        "--models",
        nargs="+",
        type=_model_id,
        metavar="ID",
        help="BioModels ids; by default the 136 of the published table",
    )
    which.add_argument(
        "--all",
        action="store_true",
        help="every curated model of the data home; with --enhancer, further networks to learn from",
    )
    networks.add_argument("--json", type=Path, metavar="OUT", help="write the per-model rows as JSON")
    networks.add_argument(
        "--data-home", type=Path, metavar="DIR", help="default: SKPERTURB_DATA, else ~/skperturb_data"
    )
    networks.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    networks.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for one model")
    networks.add_argument(
        "--enhancer", action="store_true", help="grouped cross-validation of the learned models instead (minutes)"
    )
    networks.add_argument(
        "--kind",
        choices=["dynamo", "relative", "steady_state"],
        default="dynamo",
        help="the truth. dynamo (default): that of the papers; relative, steady_state: relative or absolute responses "
        "at verified steady states (the structural ensemble beside its baselines)",
    )
    networks.add_argument(
        "--n-models",
        type=repetitions,
        metavar="N",
        help="models in each of our ensembles, with --enhancer (fewer are faster)",
    )
    networks.add_argument(
        "--figures", dest="enhancer_figures", type=Path, metavar="DIR", help="save figures there, with --enhancer"
    )
    networks.set_defaults(run=_reproduce_networks)
    for name, help_text in _LINES.items():
        line = lines.add_parser(name, help=help_text, description=f"Example: python -m skperturb reproduce {name}")
        # The modules are heavy to import: only the one that is asked for brings its options.
        if name in argv:
            module = importlib.import_module(f"{__package__}.reproduce.{name}")
            module.add_arguments(line)
            line.set_defaults(run=module.run)


def _model_id(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _main_job(arguments: argparse.Namespace) -> int:
    from .reproduce.simulated import interactions_in_short, responses_in_short
    from .reproduce.textbook import run_textbook_models

    start = time.perf_counter()
    results = run_textbook_models()
    print(f"{results[0].report()}\n\n{results[0].examples()}\n")
    for result in results[1:]:
        print(f"{result.report()}\n")
    print(f"{interactions_in_short()}\n{responses_in_short()}\n", flush=True)
    for path in results[0].save_figures(arguments.figures or _FIGURES):
        print(f"figure saved: {path.resolve()}")
    print(f"{time.perf_counter() - start:.1f} s")
    return 0


def _screen(arguments: argparse.Namespace) -> int:
    from .sbml import screen_models

    table = screen_models(expand_folders(arguments.files), n_jobs=arguments.jobs, timeout=arguments.timeout, verbose=1)
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
        print(f"{len(table)} rows written to {arguments.csv}")
    else:
        reasons = [text if len(text) <= 60 else f"{text[:59]}…" for text in table["reason"].fillna("")]
        shown = table.assign(reason=reasons)
        print(shown.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(table["status"].value_counts().to_string())
    return int(not table["status"].isin(_READ).any())


def _reproduce_networks(arguments: argparse.Namespace) -> int:
    if arguments.enhancer:
        from .reproduce.enhancer import run

        return run(arguments)
    from .reproduce._options import refuse_unused

    refuse_unused(arguments, {"--n-models": "n_models", "--figures": "enhancer_figures"}, "with --enhancer")
    if arguments.kind != "dynamo":
        from .reproduce.structural import run_structural

        return run_structural(arguments)
    from .reproduce.networks import report, reproduce_networks, write_json

    models = "all" if arguments.all else (arguments.models or "reproduction")
    rows = reproduce_networks(
        models, data_home=arguments.data_home, n_jobs=arguments.jobs, timeout=arguments.timeout, verbose=1
    )
    print(report(rows))
    if arguments.json:
        write_json(rows, arguments.json)
        print(f"\nper-model rows written to {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
