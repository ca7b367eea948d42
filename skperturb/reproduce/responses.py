"""Unseen pairs and unseen genes in perturbation screens, every model beside its baselines."""

import argparse
import json
import time
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from .._cell_files import open_cells
from .._command_types import repetitions
from ..metrics import (
    interaction_r2,
    pearson_delta,
    perturbation_discrimination_score,
    replicate_distance,
    scaled_score,
    win_rate,
)
from ..model_selection import CombinationSplit, UnseenPerturbationSplit
from ..responses import AdditiveRegressor, APPRegressor, KernelPerturbationRegressor, rank_candidates
from ..responses._candidates import RANKINGS
from ._options import check_names, refuse_unused
from ._response_contexts import load_cells, mirrored_lines, report_contexts, reproduce_contexts, simulated_screens
from ._response_data import MIRRORED, Screen, count_outside, load_mirrored, load_own
from ._response_models import models_for
from ._tables import bootstrap_interval, format_table

__all__ = ["add_arguments", "report", "report_attention", "report_interactions", "reproduce_responses", "run"]

_TOP = 1000
# Predictions that are printed; the file of --csv has all.
_SHOWN = 20
# Of a screen of your own, where nothing else is said.
_GROUPBY, _CONTROL = "perturbation", "control"
_REPEATS = 5
_NO_RESPONSE = 1e-12  # of a norm of log fold changes: a prediction of nothing divides as this, not as 0
_NO_WEIGHT = 1e-300  # 0 log 0 is 0: any positive double will do


def reproduce_responses(
    screen: Screen,
    task: str = "double",
    *,
    repeats: int = 5,
    models: str | Sequence[str] | None = None,
    ablations: bool = False,
    degradation: bool = False,
    use_noise: bool = False,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Fit every model on the same splits of one screen.

    Parameters
    ----------
    screen : Screen
    task : {"double", "single"}, default="double"
        "double": all singles and half of the pairs train, the other pairs are tested, a new half for each repeat.
        "single": pairs are dropped; the genes are cut into `repeats` parts (at least two), each tested once.
    repeats : int, default=5
    models : str or sequence of str, default=None
        Names of the models, in a text separated by commas; None runs all.
    ablations, degradation : bool, default=False
        See `models_for`.
    use_noise : bool, default=False
        Tell the models that take `noise_variance` what is known of it; the mean of the training perturbations and the
        other baselines of scikit-learn do not.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.

    Returns
    -------
    list of dict
        ``task, dataset, model, repeat, l2, pearson_delta, discrimination, seconds`` and, beside these,
        ``predict_milliseconds`` (of one condition), ``parameters``, ``coverage`` (of the 95 % interval),
        ``baseline_l2`` (of addition, or the mean of the training perturbations), ``replicate_l2`` (of a second
        measurement, None where the noise is unknown), and for pairs ``win_rate`` and ``interaction_r2`` against
        addition.
    """
    from tqdm import tqdm

    if task == "single":
        screen = screen.singles()
    available = models_for(task, screen, ablations=ablations, degradation=degradation)
    if isinstance(models, str):
        models = _split_names(models, available)
    chosen = list(available) if models is None else list(models)
    check_names(chosen, available, "models")
    splitter: Any = (
        CombinationSplit(repeats, random_state=0)
        if task == "double"
        else UnseenPerturbationSplit(max(repeats, 2), random_state=0)
    )
    jobs = [(k, split, name) for k, split in enumerate(splitter.split(screen.X)) for name in chosen]
    rows = []
    for repeat, (train, test), name in tqdm(jobs, disable=None if verbose else True, desc="fits", unit="fit"):
        rows.append({"task": task, "dataset": screen.name, "model": name, "repeat": repeat})
        rows[-1] |= _score(available[name](repeat), screen, train, test, task, use_noise)
    return rows


def _known_noise(screen: Screen, rows: np.ndarray) -> dict[str, Any]:
    """Return the noise of some conditions as an argument of ``fit``; where it is unknown, it is the largest known."""
    noise = screen.noise
    if noise is None or not np.isfinite(values := noise.to_numpy(dtype=float)).any():
        raise ValueError(
            f"use_noise=True, but the noise of the screen {screen.name!r} is not known; expected cells (--h5ad), a "
            "table with a column 'noise_variance', or a mirrored screen that has one. Leave use_noise out."
        )
    return {"noise_variance": noise.where(np.isfinite(values), values[np.isfinite(values)].max()).iloc[rows]}


def _score(
    model: Any, screen: Screen, train: np.ndarray, test: np.ndarray, task: str, use_noise: bool
) -> dict[str, Any]:
    X, y = screen.X, screen.y
    start = time.perf_counter()
    with warnings.catch_warnings():
        # The number of genes outside the graph is a property of the screen, the same for every fit.
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ perturbed genes are not in", UserWarning)
        takes_noise = use_noise and has_fit_parameter(model, "noise_variance")
        model.fit(X.iloc[train], y.iloc[train], **(_known_noise(screen, train) if takes_noise else {}))
    seconds = time.perf_counter() - start
    truth = y.iloc[test].to_numpy()
    start = time.perf_counter()
    for row in range(min(5, len(test))):
        model.predict(X.iloc[test[row : row + 1]])
    single_prediction = (time.perf_counter() - start) / min(5, len(test))
    predicted = np.asarray(model.predict(X.iloc[test]))
    columns = _readout(screen)
    scores: dict[str, Any] = {
        "l2": float(np.linalg.norm(truth[:, columns] - predicted[:, columns], axis=1).mean()),
        "pearson_delta": pearson_delta(truth, predicted),
        "discrimination": perturbation_discrimination_score(truth, predicted),
        "seconds": seconds,
        "predict_milliseconds": 1000 * single_prediction,
        "parameters": getattr(model, "n_parameters_", None),
        "coverage": _coverage(model, X.iloc[test], truth),
        "replicate_l2": _replicate(screen, test, columns),
    }
    baseline = np.tile(y.iloc[train].to_numpy().mean(axis=0), (len(test), 1))
    if task == "double":
        baseline = np.asarray(AdditiveRegressor().fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]))
        scores["win_rate"] = win_rate(truth, predicted, baseline)
        scores["interaction_r2"] = interaction_r2(truth, predicted, baseline)
    scores["baseline_l2"] = float(np.linalg.norm(truth[:, columns] - baseline[:, columns], axis=1).mean())
    return scores


def _replicate(screen: Screen, test: np.ndarray, columns: np.ndarray) -> float | None:
    """Return the distance of a second measurement of the tested conditions, or None where the noise is unknown."""
    if screen.noise is None:
        return None
    noise = screen.noise.iloc[test].to_numpy(dtype=float)
    noise = noise[:, columns] if noise.ndim == 2 else noise
    # The mean over a single cell has no known noise.
    known = noise[np.isfinite(noise).all(axis=1) if noise.ndim == 2 else np.isfinite(noise)]
    return float(replicate_distance(known)) if len(known) else None


def _readout(screen: Screen) -> np.ndarray:
    """Return the 1,000 read-out genes with the highest expression in the control, or all."""
    if screen.control_mean is None or screen.y.shape[1] <= _TOP:
        return np.arange(screen.y.shape[1])
    return np.argsort(-screen.control_mean.to_numpy(), kind="stable")[:_TOP]


def _coverage(model: Any, X: pd.DataFrame, truth: np.ndarray) -> float | None:
    if not isinstance(model, APPRegressor | KernelPerturbationRegressor):
        return None
    mean, deviation = (np.asarray(part) for part in model.predict(X, return_std=True))
    return float((np.abs(truth - mean) <= 1.96 * deviation).mean())


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Format one table for each task and dataset: means over repeats, L2 with a 95 % bootstrap interval."""
    frame = pd.DataFrame(list(rows))
    parts = []
    for (task, dataset), group in frame.groupby(["task", "dataset"], sort=False):
        title = f"{dataset}, {task}: {group['repeat'].nunique()} repeats"
        parts += [title, _table(group, str(task)), _ceiling(group, str(task)), ""]
    return "\n".join(parts + [_NOTES])


_NOTES = (
    "L2: mean distance of predicted and observed response; vs: against the mean of the training perturbations (single)"
    "\nor addition (double), the mean of the ratios of the same repeats; delta: Pearson correlation of the changes;\n"
    "discrim.: share of other conditions that are farther from the prediction than the right one (0.5 is chance);\n"
    "wins, inter. R2: against addition; cover: share of responses inside the predicted 95 % interval; s: one fit."
)


def _table(group: pd.DataFrame, task: str) -> str:
    reference_name = "additive" if task == "double" else "mean"
    reference = group[group["model"] == reference_name].set_index("repeat")["l2"]
    header = ["model", "L2", "95 %", "vs", "95 %", "scaled", "delta", "discrim."]
    header += ["wins", "inter. R2"] if task == "double" else []
    header += ["cover", "parameters", "s", "ms"]
    table = []
    for model, part in group.groupby("model", sort=False):
        errors = part.set_index("repeat")["l2"]
        low, high = bootstrap_interval(errors.to_list())
        interval = f"[{low:.3f}, {high:.3f}]" if len(errors) > 1 else None
        ratio = (errors / reference - 1).dropna() if len(reference) else pd.Series(dtype=float)
        row: list[object] = [model, errors.mean(), interval, *_ratio(ratio)]
        row += [_scaled(part), part["pearson_delta"].mean(), part["discrimination"].mean()]
        row += [part["win_rate"].mean(), part["interaction_r2"].mean()] if task == "double" else []
        row += [_mean(part["coverage"]), _count(part["parameters"]), part["seconds"].mean()]
        table.append([*row, part["predict_milliseconds"].mean()])
    return format_table(header, table)


def _scaled(part: pd.DataFrame) -> float | None:
    """Return how far the error lies on the way from the baseline to a replicate, means over repeats first."""
    error, baseline, ceiling = (_mean(part[name]) for name in ("l2", "baseline_l2", "replicate_l2"))
    return None if ceiling is None or error is None or baseline is None else scaled_score(error, baseline, ceiling)


def _ceiling(group: pd.DataFrame, task: str) -> str:
    """Say what the scaled score is measured between."""
    name = "addition" if task == "double" else "the mean of the training perturbations"
    baseline, ceiling = _mean(group["baseline_l2"]), _mean(group["replicate_l2"])
    if ceiling is None:
        return f"scaled: unknown, the noise of this screen is not known (baseline: {name}, L2 {baseline:.3f})"
    return f"scaled: 0 is {name} (L2 {baseline:.3f}), 1 a second measurement of the same noise (L2 {ceiling:.3f})"


def _ratio(ratio: pd.Series) -> list[object]:
    if ratio.empty:
        return [None, None]
    low, high = bootstrap_interval(ratio.to_list())
    interval = f"[{100 * low:+.1f}, {100 * high:+.1f}]" if len(ratio) > 1 else None
    return [f"{100 * ratio.mean():+.1f} %", interval]


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.astype(float).mean())


def _count(values: pd.Series) -> str | None:
    known = values.dropna()
    return None if known.empty else f"{int(known.iloc[0]):,}"


def report_interactions(screen: Screen, model: Any = None, *, n_conditions: int = 5) -> str:
    """Say which tested pairs are most synergistic and most buffering, and what a model makes of them.

    Parameters
    ----------
    screen : Screen
    model : estimator, default=None
        The default `APPRegressor`.
    n_conditions : int, default=5
        From each end.
    """
    train, test = next(CombinationSplit(1, random_state=0).split(screen.X))
    X, y = screen.X, screen.y
    model = APPRegressor(random_state=0) if model is None else model
    predicted = np.asarray(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]))
    additive = np.asarray(AdditiveRegressor().fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]))
    truth = y.iloc[test].to_numpy()
    sizes = [np.linalg.norm(values, axis=1) for values in (truth, predicted, additive)]
    additive_size = np.maximum(sizes[2], _NO_RESPONSE)
    observed, seen = sizes[0] / additive_size, sizes[1] / additive_size
    order = np.argsort(observed, kind="stable")
    shown = [*order[::-1][:n_conditions], *order[:n_conditions][::-1]]
    table: list[list[object]] = []
    for k in dict.fromkeys(shown):
        kind = "synergistic" if observed[k] > 1 else "buffering"
        errors = [np.linalg.norm(truth[k] - values[k]) for values in (additive, predicted)]
        table.append([str(X.index[test[k]]).split("#")[0], kind, observed[k], seen[k], *errors])
    header = ["pair", "kind", "size / additive", "predicted", "L2 additive", "L2 model"]
    return format_table(header, table)


def report_attention(screen: Screen, *, n_conditions: int = 5, n_genes: int = 3) -> str:
    """Fit the published architecture and list the genes it attends to, beside what uniform attention would be.

    Parameters
    ----------
    screen : Screen
    n_conditions, n_genes : int
    """
    features = dict(list(screen.features.items())[:1]) or None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ perturbed genes are not in", UserWarning)
        model = APPRegressor.published(screen.graph, features, random_state=0).fit(screen.X, screen.y)
    weights = model.attention_weights(screen.X)
    top = model.top_genes(screen.X.iloc[:n_conditions], n_genes)
    entropy = -(weights * np.log(weights.clip(lower=_NO_WEIGHT))).sum(axis=1).mean() / np.log(weights.shape[1])
    table = [
        [str(condition).split("#")[0], ", ".join(f"{row.gene} {row.weight:.3f}" for row in part.itertuples())]
        for condition, part in top.groupby("condition", sort=False)
    ]
    title = f"attention: uniform weight {1 / weights.shape[1]:.4f}, entropy {entropy:.3f} of the largest possible"
    return "\n".join([title, format_table(["condition", "largest weights"], table)])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reproduce responses``."""
    parser.add_argument(
        "--task",
        choices=["double", "single", "context"],
        help="unseen pairs (double, the default), unseen genes, or unseen cell lines",
    )
    parser.add_argument("--dataset", choices=sorted(MIRRORED), help="default: norman2019 or, for single, all")
    parser.add_argument(
        "--repeats",
        type=repetitions,
        metavar="N",
        help=f"splits, the same for all models; of genes at least two; default: {_REPEATS}",
    )
    parser.add_argument("--models", metavar="A,B", help="names of the table, separated by commas; default: all")
    parser.add_argument("--ablations", action="store_true", help="add the four ablations of the published model")
    parser.add_argument("--degradation", action="store_true", help="add the published model on degraded graphs")
    parser.add_argument("--attention", action="store_true", help="add the genes that the published model attends to")
    parser.add_argument("--use-noise", action="store_true", help="tell the models how noisy each response is")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--h5ad", type=Path, metavar="FILE", help="your own cells, log-normalised")
    own.add_argument("--pseudobulk", type=Path, metavar="TSV", help="your own log-fold changes, one row a condition")
    parser.add_argument("--groupby", metavar="COL", help=f"column of the conditions, for --h5ad; default: {_GROUPBY}")
    parser.add_argument("--contexts", nargs="+", metavar="COL", help="columns of the cell lines, for --task context")
    parser.add_argument("--control", metavar="NAME", help=f"the control of your own screen; default: {_CONTROL}")
    parser.add_argument(
        "--graph", type=Path, metavar="FILE", help="gene graph: two genes in a row, for your own screen"
    )
    parser.add_argument(
        "--gene-features",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="tables genes × features, or rows gene, term, for your own screen",
    )
    parser.add_argument("--sep", nargs="+", metavar="SEP", help="separators of genes in your labels; default: + _")
    parser.add_argument("--guide-suffix", metavar="REGEX", help="what follows the gene in the names of your guides")
    parser.add_argument(
        "--predict",
        nargs="+",
        metavar="LABEL",
        help="instead of the table of models: predict these perturbations from your own screen; 'pairs' for all pairs "
        "that nobody tested",
    )
    parser.add_argument("--rank-by", choices=RANKINGS, help="order of the predictions; default: surprise")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the predictions, one row a perturbation")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write one row per model and repeat as JSON")
    parser.add_argument("--data-home", type=Path, metavar="DIR", help="default: SKPERTURB_DATA, else ~/skperturb_data")


def run(arguments: argparse.Namespace) -> int:
    """Run ``reproduce responses`` and print its tables."""
    _refuse_unused_options(arguments)
    arguments.task = arguments.task or "double"
    arguments.repeats = arguments.repeats or _REPEATS
    if arguments.task == "context":
        return _run_contexts(arguments)
    rows = []
    screens = _screens(arguments)
    for screen in screens:
        use_noise = arguments.use_noise and (screen.noise is not None or len(screens) == 1)
        if screen.caveat:
            print(screen.caveat + "\n")
        if outside := count_outside(screen):
            print(outside + "\n")
        if use_noise != arguments.use_noise:
            print(f"the noise of {screen.name} is not known: no model is told of it\n")
        if screen.candidates is not None:
            _print_candidates(screen, arguments)
            continue
        found = reproduce_responses(
            screen,
            arguments.task,
            repeats=arguments.repeats,
            models=arguments.models,
            ablations=arguments.ablations,
            degradation=arguments.degradation,
            use_noise=use_noise,
            verbose=1,
        )
        rows += found
        print(report(found) + "\n")
        if arguments.task == "double" and arguments.models is None:
            print(report_interactions(screen) + "\n")
        if arguments.attention:
            print(report_attention(screen) + "\n")
    _write_rows(arguments, rows)
    return 0


def _write_rows(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    if arguments.json:
        arguments.json.write_text(json.dumps(_finite(rows), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        print(f"rows written to {arguments.json}")


def _run_contexts(arguments: argparse.Namespace) -> int:
    """Leave out lines of one's own screen, or of the mirrored cells and of simulated screens."""
    rows = []
    if arguments.h5ad is None:
        for screen in (mirrored_lines(arguments.data_home), *simulated_screens(arguments.repeats)):
            rows += reproduce_contexts(screen, models=arguments.models)
    else:
        screen = load_cells(
            open_cells(arguments.h5ad, in_memory=True),
            arguments.groupby or _GROUPBY,
            arguments.control or _CONTROL,
            arguments.contexts,
            name=arguments.h5ad.stem,
            **{name: value for name in ("sep", "guide_suffix") if (value := getattr(arguments, name)) is not None},
        )
        rows = reproduce_contexts(screen, models=arguments.models, n_folds=max(arguments.repeats, 2))
    print(report_contexts(rows))
    _write_rows(arguments, rows)
    return 0


def _split_names(text: str, available: Collection[str]) -> list[str]:
    """Split at commas, except at those inside the name of a model."""
    pieces = [piece.strip() for piece in text.split(",")]
    names = []
    while pieces:
        lengths = range(len(pieces), 1, -1)
        length = next((k for k in lengths if ", ".join(pieces[:k]) in available), 1)
        names.append(", ".join(pieces[:length]))
        pieces = pieces[length:]
    return names


def _screens(arguments: argparse.Namespace) -> list[Screen]:
    if arguments.h5ad or arguments.pseudobulk:
        return [
            load_own(
                h5ad=arguments.h5ad,
                groupby=_GROUPBY if arguments.groupby is None else arguments.groupby,
                control=_CONTROL if arguments.control is None else arguments.control,
                pseudobulk_table=arguments.pseudobulk,
                graph=arguments.graph,
                gene_features=arguments.gene_features or (),
                sep=arguments.sep,
                guide_suffix=arguments.guide_suffix,
                candidates=arguments.predict,
            )
        ]
    if arguments.dataset:
        names = [arguments.dataset]
    else:
        names = ["norman2019"] if arguments.task == "double" else list(MIRRORED)
    return [load_mirrored(name, arguments.data_home) for name in names]


def _print_candidates(screen: Screen, arguments: argparse.Namespace) -> None:
    """Predict perturbations that nobody tested, and print them in the order in which to test them."""
    assert screen.candidates is not None
    if not len(screen.candidates):
        raise ValueError("--predict pairs: all pairs of genes that were perturbed alone were tested together.")
    with warnings.catch_warnings():
        # Their number stands above.
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ perturbed genes are not in", UserWarning)
        model = KernelPerturbationRegressor(graph=screen.graph, gene_features=screen.features or None)
        noise = _known_noise(screen, np.arange(len(screen.X))) if arguments.use_noise else {}
        model.fit(screen.X, screen.y, **noise)
    additive = AdditiveRegressor().fit(screen.X, screen.y)
    ranked = rank_candidates(model, additive, screen.candidates, by=arguments.rank_by or RANKINGS[0])
    print(f"{len(ranked)} predictions; interaction: distance to the sum of the known single effects")
    asked = screen.candidates.columns[(screen.candidates != 0).any(axis=0)]
    alone = screen.X[(screen.X != 0).sum(axis=1) == 1]
    if new := sorted(set(asked) - set(alone.columns[(alone != 0).any(axis=0)])):
        print(
            f"{len(new)} of the {len(asked)} genes to predict were never perturbed alone, such as {', '.join(new[:3])}"
        )
    shown = ranked.head(_SHOWN)
    print(format_table(list(shown.columns), [list(row) for row in shown.itertuples(index=False)]))
    if arguments.csv is not None:
        mean, deviation = (
            pd.DataFrame(np.asarray(part), screen.candidates.index, screen.y.columns)
            for part in model.predict(screen.candidates, return_std=True)
        )
        wide = mean.join(deviation.add_suffix(" std")).loc[ranked["condition"]].reset_index(drop=True)
        pd.concat([ranked, wide], axis=1).to_csv(arguments.csv, index=False)
        print(f"{len(ranked)} rows written to {arguments.csv}")


def _refuse_unused_options(arguments: argparse.Namespace) -> None:
    _refuse_own_options(arguments)
    _refuse_context_options(arguments)
    if arguments.predict is None:
        refuse_unused(arguments, ["--rank-by", "--csv"], "with --predict")
    else:
        others = ["--task", "--repeats", "--models", "--ablations", "--degradation", "--attention", "--json"]
        refuse_unused(arguments, others, "without --predict")
    if arguments.models is not None and "published" not in arguments.models:
        refuse_unused(arguments, ["--ablations", "--degradation"], "where --models names 'APP published, …'")


def _refuse_own_options(arguments: argparse.Namespace) -> None:
    if arguments.h5ad is None:
        refuse_unused(arguments, ["--groupby"], "with --h5ad")
    if arguments.h5ad is None and arguments.pseudobulk is None:
        own = ["--control", "--graph", "--gene-features", "--sep", "--guide-suffix", "--predict"]
        refuse_unused(arguments, own, "with --h5ad or --pseudobulk")
    else:
        refuse_unused(arguments, ["--dataset", "--data-home"], "without --h5ad and --pseudobulk")
        if arguments.graph is None:
            refuse_unused(arguments, ["--degradation"], "with a --graph to take edges from")


def _refuse_context_options(arguments: argparse.Namespace) -> None:
    if arguments.task != "context":
        refuse_unused(arguments, ["--contexts"], "with --task context")
        return
    others = ["--dataset", "--pseudobulk", "--graph", "--gene-features", "--predict", "--use-noise"]
    refuse_unused(arguments, [*others, "--ablations", "--degradation", "--attention"], "without --task context")
    if arguments.h5ad is None:
        refuse_unused(arguments, ["--contexts"], "with --h5ad")
    elif arguments.contexts is None:
        raise ValueError("--task context needs --contexts, the columns of the cell lines in your cells.")


def _finite(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace NaN, which JSON lacks, by null."""
    return [
        {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
        for row in rows
    ]
