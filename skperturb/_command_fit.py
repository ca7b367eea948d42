"""Command line: ``fit responses | interactions | networks … --save MODEL`` and ``predict MODEL FILE``."""

from __future__ import annotations

import argparse
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ._command_interactions import left_out
from ._command_responses import add_screen_options, fit_quietly, knowledge, known_genes, screen_of
from ._command_types import count_or_all, positive_integer, repetitions, seconds, seed
from ._command_words import refuse_unknown
from ._model_files import expand_folders
from ._near_names import nearest
from ._text_tables import check_repeated_header, read_cells
from ._user_screens import LABEL, encode, read_label_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["add_fit", "add_predict", "read_conditions"]

# Rows that are printed; all are in the file of --csv.
_SHOWN = 10
# What the column of labels is called.
_HEADS = ("perturbation", "condition", "label", "labels")
# Genes that respond most, named in each row.
_NAMED = 4


def add_fit(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "fit",
        help="fit a model of your responses, interactions or networks and save it, for 'predict'",
        description="Fit a model and save it as data without code (skops). "
        "Example: python -m skperturb fit responses screen.h5ad --save model.skops",
    )
    lines = parser.add_subparsers(title="lines of work", metavar="LINE", required=True)
    _add_responses(lines)
    _add_interactions(lines)
    _add_networks(lines)


def _add_responses(lines: Any) -> None:
    parser = lines.add_parser(
        "responses",
        help="perturbed genes become log-fold changes",
        description="Example: python -m skperturb fit responses screen.h5ad --graph graph.tsv --save model.skops",
    )
    parser.add_argument("screen", type=Path, metavar="SCREEN", help="cells as .h5ad, or a table of log-fold changes")
    add_screen_options(parser)
    parser.add_argument(
        "--model",
        choices=["kernel", "additive", "app"],
        default="kernel",
        help="kernel (default): KernelPerturbationRegressor; additive: the sum of single responses; app: APPRegressor, "
        "with networks where they could learn something",
    )
    _add_common(parser, _fit_responses)


def _add_interactions(lines: Any) -> None:
    parser = lines.add_parser(
        "interactions",
        help="known pairs become probabilities of new ones",
        description="Example: python -m skperturb fit interactions edges.csv --save model.skops",
    )
    parser.add_argument("edges", type=Path, metavar="EDGES", help="known interactions: table, BioGRID, STRING, SIF, …")
    parser.add_argument("--expression", type=Path, metavar="FILE", help="expression: genes in rows, names first")
    parser.add_argument(
        "--model", choices=["gne", "l3"], default="gne", help="gne (default): GNEEmbedder; l3: paths of length three"
    )
    _add_common(parser, _fit_interactions)


def _add_networks(lines: Any) -> None:
    parser = lines.add_parser(
        "networks",
        help="models with constants teach how far perturbations reach, for networks without",
        description="GCNEnhancer learns from the exact responses of models. "
        "Example: python -m skperturb fit networks models/*.xml --save model.skops",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="SBML models with constants, or folders of them")
    parser.add_argument(
        "--kind",
        choices=["relative", "steady_state"],
        default="relative",
        help="responses in per cent per per cent (default), or in the units of the model",
    )
    parser.add_argument(
        "--n-models", type=repetitions, default=5, metavar="N", help="networks that are averaged; default: 5"
    )
    parser.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    parser.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for one model; default: 60")
    _add_common(parser, _fit_networks)


def _add_common(parser: Any, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--save", type=Path, required=True, metavar="MODEL", help="where the model goes: model.skops")
    parser.add_argument("--seed", type=seed, metavar="N", help="of what is drawn at random; default: 0")
    parser.set_defaults(run=run)


def add_predict(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "predict",
        help="predict with a model that 'fit' saved",
        description="The file holds what the model predicts: labels of perturbations (one a row), pairs of genes, or "
        "networks. Example: python -m skperturb predict model.skops labels.txt --csv predictions.csv",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="what 'fit' saved; pickles, which run code, are refused"
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="labels in the first column; pairs in two; or SBML, GraphML, edges",
    )
    parser.add_argument(
        "--top", type=positive_integer, metavar="K", help="of networks: responses to each variable; default: 5"
    )
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the whole table")
    parser.add_argument(
        "--trust", nargs="+", default=[], metavar="TYPE", help="further types that the file may hold, by full name"
    )
    parser.set_defaults(run=_predict)


# -- fit ----------------------------------------------------------------------------------------------
def _fit_responses(arguments: argparse.Namespace) -> int:
    from sklearn.pipeline import Pipeline

    from .reproduce._options import refuse_unused
    from .responses import AdditiveRegressor, APPRegressor, KernelPerturbationRegressor, PerturbationEncoder

    if arguments.model != "app":
        refuse_unused(arguments, ["--seed"], "with --model app, the others draw nothing")
    screen = screen_of(arguments)
    known, notes = knowledge(arguments, screen)
    if arguments.model == "additive" and any(value is not None for value in known.values()):
        raise ValueError("--model additive knows nothing of genes; leave --graph, --gene-features, --other-screen out.")
    models: dict[str, Callable[[], Any]] = {
        "kernel": lambda: KernelPerturbationRegressor(**known),
        "additive": AdditiveRegressor,
        "app": lambda: APPRegressor(**known, random_state=arguments.seed or 0),
    }
    # Genes of which something is known have columns too; others are refused when they are to be predicted.
    genes = sorted({*map(str, encode(screen)[2].genes_), *known_genes(known)})
    encoder = PerturbationEncoder(
        control=screen.control,
        column=LABEL,
        contexts=screen.contexts or None,
        genes=genes,
        handle_unknown="error",
        **screen.reading,
    ).set_output(transform="pandas")
    print("\n".join([f"{len(screen.conditions)} conditions, {len(genes)} genes with a column", *screen.notes, *notes]))
    X = encoder.fit_transform(screen.conditions).set_axis(screen.conditions.index)
    model = fit_quietly(models[arguments.model](), X, screen)
    pipeline = Pipeline([("encoder", encoder), ("model", model)])
    return _save(
        pipeline, arguments, line="responses", contexts=screen.contexts, outputs=list(screen.responses.columns)
    )


def _fit_interactions(arguments: argparse.Namespace) -> int:
    from .datasets import read_interactions
    from .interactions import GNEEmbedder, L3Paths
    from .reproduce._interaction_data import read_expression

    data = read_interactions(arguments.edges)
    expression = None if arguments.expression is None else read_expression(arguments.expression, data.genes)
    print(f"{len(data.pairs)} interactions of {len(data.genes)} genes{left_out(data)}", flush=True)
    build = GNEEmbedder if arguments.model == "gne" else L3Paths
    model = build(expression, random_state=arguments.seed or 0).fit(data.pairs)
    return _save(model, arguments, line="interactions")


def _fit_networks(arguments: argparse.Namespace) -> int:
    from .exceptions import ModelWarning
    from .networks import GCNEnhancer
    from .sbml import JacobianExtractor

    files = expand_folders(arguments.files)
    extractor = JacobianExtractor(on_error="skip", timeout=arguments.timeout, n_jobs=arguments.jobs, verbose=1)
    with warnings.catch_warnings():
        # They are named below.
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ models yield no network", ModelWarning)
        found = extractor.fit_transform(files)
    networks, truths = [], []
    for file, network in zip(files, found, strict=True):
        truth = None if network.is_empty else _truth(network, arguments.kind, file)
        if network.is_empty:
            print(f"left out: {file}: {network.reason}")
        if truth is not None:
            networks.append(network)
            truths.append(truth)
    if not networks:
        raise ValueError(
            f"none of the {len(files)} files has a steady state to learn from; expected SBML models with constants "
            "that come to rest. 'skperturb screen' says of each why it does not."
        )
    print(f"{len(networks)} of {len(files)} models to learn from", flush=True)
    model = GCNEnhancer(kind=arguments.kind, n_models=arguments.n_models, random_state=arguments.seed or 0)
    return _save(model.fit(networks, truths), arguments, line="networks")


def _truth(network: Any, kind: str, file: str) -> pd.DataFrame | None:
    """Return the responses that a model teaches, and print which it does not; None if it teaches none."""
    from .exceptions import ModelWarning
    from .sbml import sensitivity_matrix
    from .sbml.sensitivity import formal_sources

    with warnings.catch_warnings():
        # They are left out.
        warnings.filterwarnings("ignore", "With .* held, the other variables have no stable", ModelWarning)
        truth = pd.DataFrame(sensitivity_matrix(network, kind, undefined="nan"))
    formal = formal_sources(network)
    # The model would not come to rest so: what the Jacobian says there, no experiment finds.
    truth[formal] = np.nan
    if formal:
        shown = ", ".join(formal[:3]) + (", …" if len(formal) > 3 else "")
        whole = " and with it the model" if len(formal) == len(truth) else ""
        print(
            f"left out{whole}: {file}: responses to {len(formal)} of {len(truth)} variables ({shown}), since the "
            "others have no stable state when these are held"
        )
    return None if truth.isna().to_numpy().all() else truth


def _save(model: Any, arguments: argparse.Namespace, **about: Any) -> int:
    from .persistence import save_model

    save_model(model, arguments.save, **about)
    print(f"model saved: {arguments.save} ({arguments.save.stat().st_size / 1e6:.1f} MB)")
    return 0


# -- predict ------------------------------------------------------------------------------------------
def _predict(arguments: argparse.Namespace) -> int:
    from .persistence import load_model
    from .reproduce._options import refuse_unused

    model, about = load_model(arguments.model, trusted=arguments.trust)
    line = about.get("line")
    lines = {"responses": _predict_responses, "interactions": _predict_interactions, "networks": _predict_networks}
    if line not in lines:
        raise ValueError(f"{arguments.model} does not say what it predicts; expected what 'skperturb fit' saved.")
    if line != "networks":
        refuse_unused(arguments, ["--top"], "for networks")
        if len(arguments.files) > 1:
            raise ValueError(f"{arguments.model} predicts {line}, of one FILE; got {len(arguments.files)}. Pass one.")
    whole, shown = lines[line](model, about, arguments)
    print(shown.head(_SHOWN).to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    rest = "" if len(shown) <= _SHOWN else f", the first {_SHOWN} shown"
    print(f"{len(shown)} predictions{rest}" + ("" if arguments.csv is None else f", written to {arguments.csv}"))
    if arguments.csv is not None:
        whole.to_csv(arguments.csv, index=False)
    return 0


def _predict_responses(model: Any, about: dict[str, Any], arguments: argparse.Namespace) -> Any:
    contexts, outputs = list(about.get("contexts", [])), list(about["outputs"])
    encoder = model.named_steps["encoder"]
    sep = [encoder.sep] if isinstance(encoder.sep, str) else encoder.sep
    table = read_conditions(Path(arguments.files[0]), contexts, sep).rename(columns={"": LABEL})
    try:
        X = encoder.transform(table)
    except ValueError as error:
        unknown = re.search("names the gene '(.+?)', none of the [0-9]+ known genes$", str(error).rstrip("."))
        if unknown is None:
            raise
        alike = nearest(unknown[1], map(str, encoder.genes_))
        raise ValueError(f"{arguments.files[0]}: {str(error).rstrip('.')}{alike}.") from error
    regressor = model.named_steps["model"]
    try:
        mean, deviation = (np.asarray(part) for part in regressor.predict(X, return_std=True))
    except TypeError as error:
        if "return_std" not in str(error):
            raise
        mean = np.asarray(regressor.predict(X))
        deviation = np.full(mean.shape, np.nan)
    order = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :_NAMED]
    strongest = [
        ", ".join(f"{outputs[k]} {row[k]:+.2f}" for k in found) for row, found in zip(mean, order, strict=True)
    ]
    effects = {"effect": np.linalg.norm(mean, axis=1), "uncertainty": np.linalg.norm(deviation, axis=1)}
    table = table.rename(columns={LABEL: "condition"}).assign(**effects)
    print("effect: L2 norm of the response; uncertainty: that of its standard deviations; strongest: log-fold changes")
    wide = pd.DataFrame(mean, columns=outputs).join(pd.DataFrame(deviation, columns=outputs).add_suffix(" std"))
    return pd.concat([table, wide], axis=1), table.assign(strongest=strongest)


def read_conditions(path: Path, contexts: Sequence[str] = (), sep: Sequence[str] = ()) -> pd.DataFrame:
    """Read labels and their contexts.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.tsv`` or ``.txt``, perhaps compressed. The labels stand in the first column, or in the one
        that is called "perturbation", "condition" or "label" in the first line; then contexts are found by name too.
    contexts : sequence of str, default=()
    sep : sequence of str, default=()
        Separators of genes: without contexts, a line that holds them is one label, if no column is named.

    Returns
    -------
    DataFrame of str
        A column of labels, which is called "", and one for each context.

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    if not any(suffix.lower() in (".csv", ".tsv", ".txt") for suffix in path.suffixes):
        raise ValueError(f"{path} ends in {path.suffix!r}; expected labels as .csv, .tsv or .txt, perhaps with .gz.")
    cells = (
        read_cells(path, blanks=False) if contexts else read_label_cells(path, sep, lambda word: word.lower() in _HEADS)
    )
    table, first = cells.frame, [str(word) for word in cells.frame.iloc[0]]
    heads = [k for k, word in enumerate(first) if word.lower() in _HEADS]
    expected = f"expected {1 + len(contexts)} columns (labels, then contexts), and a row for each prediction."
    if heads:
        check_repeated_header(table, path)
        missing = [name for name in contexts if name not in first]
        if len(heads) > 1 or missing or len(set(first)) < len(first):
            raise ValueError(f"{path} has the columns {first[:6]}; {expected} Name the contexts {list(contexts)}.")
        table, columns = table.iloc[1:], [heads[0], *(first.index(name) for name in contexts)]
    else:
        columns = list(range(1 + len(contexts)))
    if not len(table) or table.shape[1] < len(columns) or (not heads and table.shape[1] > len(columns)):
        hint = (
            ""
            if heads
            else ' If there are more, call that of the labels "perturbation" in the first line; put labels that hold '
            f"{cells.separator!r} into quotes."
        )
        raise ValueError(f"{path} has {table.shape[1]} columns and {len(table)} rows; {expected}{hint}")
    table = table.iloc[:, columns].set_axis(["", *contexts], axis=1).reset_index(drop=True)
    if (table == "").to_numpy().any():
        row = int(np.argmax((table == "").to_numpy().any(axis=1)))
        raise ValueError(f"{path} has an empty cell in row {row}; expected a label and its contexts in every row.")
    return table


def _predict_interactions(model: Any, about: dict[str, Any], arguments: argparse.Namespace) -> Any:
    from .datasets import read_interactions

    data = read_interactions(arguments.files[0])
    pairs = data.pairs
    if left_out(data):
        print(f"{len(pairs)} pairs{left_out(data)}")
    _name_unknown(pairs, set(map(str, model.genes_)), arguments)
    table = pd.DataFrame(pairs, columns=["gene_a", "gene_b"])
    with warnings.catch_warnings():
        # They were named.
        warnings.filterwarnings("ignore", "X has [0-9]+ genes that neither the training pairs", UserWarning)
        table["score"] = model.decision_function(pairs)
    # As predict_proba, which would describe all pairs once more.
    table["probability"] = expit(table["score"])
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    print("probability: where half of the pairs interact, as in the fit; among untested pairs far fewer do")
    return table, table


def _name_unknown(pairs: np.ndarray, known: set[str], arguments: argparse.Namespace) -> None:
    """Print which genes of the pairs the model has never seen, or refuse pairs of nothing else."""
    found = list(dict.fromkeys(map(str, pairs.ravel())))
    missing = [gene for gene in found if gene not in known]
    if len(missing) == len(found):
        refuse_unknown(arguments.files[0], missing, known, f"genes that {arguments.model} knows")
    if missing:
        print(
            f"{len(missing)} of {len(found)} genes are unknown to the model, such as {missing[0]!r}"
            f"{nearest(missing[0], sorted(known))}: their pairs are scored as those of genes without interactions"
        )


def _predict_networks(model: Any, about: dict[str, Any], arguments: argparse.Namespace) -> Any:
    from ._command_networks import read_network
    from .networks import top_responses

    tables = []
    for file in arguments.files:
        network, said = read_network(file)
        print(f"{file}: {said}; responses are ordered, and have no unit")
        matrix = model.predict([network])[0]
        tables.append(top_responses(matrix, arguments.top or 5).assign(file=file))
    whole = pd.concat(tables, ignore_index=True)
    return whole, whole
