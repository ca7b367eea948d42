"""New cell lines, new genes in known lines, and both: models with contexts beside their baselines."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import fetch_norman2019_cells, make_perturbation_screen
from ..metrics import replicate_distance, scaled_score
from ..model_selection import LeaveContextOut, UnseenPerturbationSplit
from ..responses import (
    ContextMean,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    OtherContextsMean,
    PerturbationEncoder,
    pseudobulk,
)
from ._options import check_names
from ._tables import bootstrap_interval, format_table

__all__ = [
    "ContextScreen",
    "load_cells",
    "mirrored_lines",
    "report_contexts",
    "reproduce_contexts",
    "simulated_screens",
]

_LINES = (3, 5, 10)
_NO_CHANGE, _OTHERS, _LINE = "no change", "mean of other lines", "mean of the line"
#: The baseline that the table is relative to: what is left of it where the gene is new is the mean of the line.
_REFERENCE = _OTHERS
_TASKS = ("new line", "new gene", "both new")


@dataclass
class ContextScreen:
    """Responses in several contexts.

    Parameters
    ----------
    name : str
    repeat : int
        Number of the simulation, 0 for a measured screen.
    X : DataFrame of shape (n_conditions, n_genes + n_contexts)
    y : DataFrame of shape (n_conditions, n_outputs)
    noise : DataFrame of shape (n_conditions, n_outputs)
        Variance of each mean.
    graph : DataFrame or None
    features : DataFrame or None
        Of the contexts.
    """

    name: str
    repeat: int
    X: pd.DataFrame
    y: pd.DataFrame
    noise: pd.DataFrame
    graph: pd.DataFrame | None = None
    features: pd.DataFrame | None = None


def load_cells(
    adata: Any,
    groupby: str,
    control: str,
    contexts: str | Sequence[str],
    *,
    name: str,
    repeat: int = 0,
    **labels: Any,
) -> ContextScreen:
    """Average cells by condition and context.

    Parameters
    ----------
    adata : AnnData
    groupby, control : str
    contexts : str or sequence of str
        Columns of ``obs``.
    name : str
    repeat : int, default=0
    **labels
        Options of `PerturbationEncoder`.
    """
    columns = [contexts] if isinstance(contexts, str) else list(contexts)
    bulk = pseudobulk(adata, groupby, control, covariates=columns, **labels)
    encoder = PerturbationEncoder(control=control, column=groupby, contexts=columns, **labels)
    X = encoder.set_output(transform="pandas").fit_transform(bulk.data)
    return ContextScreen(name, repeat, X, bulk.target, bulk.variance)


def mirrored_lines(data_home: Any = None) -> ContextScreen:
    """Load nine kinases in three glioblastoma lines.

    Parameters
    ----------
    data_home : path-like, default=None
    """
    cells = fetch_norman2019_cells(data_home)
    cells = cells[cells.obs["dataset"] == "mcfaline23"]
    return load_cells(cells, "perturbation", "control", "cell_type", name="mcfaline2023")


def simulated_screens(repeats: int, n_lines: Sequence[int] = _LINES) -> Iterator[ContextScreen]:
    """Simulate screens of twenty genes in several lines.

    Parameters
    ----------
    repeats : int
        Screens of each size.
    n_lines : sequence of int, default=(3, 5, 10)
    """
    for n_contexts in n_lines:
        for seed in range(repeats):
            cells = make_perturbation_screen(
                60, n_perturbed=20, n_doubles=0, n_cells=20, n_contexts=n_contexts, random_state=seed
            )
            name = f"simulated, {n_contexts} lines"
            screen = load_cells(cells, "perturbation", "control", "cell_line", name=name, repeat=seed)
            screen.graph, screen.features = cells.uns["graph"], cells.uns["context_features"]
            yield screen


def _models(screen: ContextScreen) -> dict[str, Callable[[], Any]]:
    models: dict[str, Callable[[], Any]] = {
        _NO_CHANGE: lambda: None,
        _OTHERS: OtherContextsMean,
        _LINE: ContextMean,
        "linear": LinearPerturbationRegressor,
        "kernel": lambda: KernelPerturbationRegressor(graph=screen.graph),
    }
    if screen.features is not None:
        models["kernel with line features"] = lambda: KernelPerturbationRegressor(
            graph=screen.graph, contexts=screen.features
        )
    return models


def _splits(task: str, X: pd.DataFrame, n_folds: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    genes = UnseenPerturbationSplit(n_folds, random_state=0)
    if task == "new gene":
        yield from genes.split(X)
        return
    for known, new in LeaveContextOut().split(X):
        if task == "new line":
            yield known, new
            continue
        for train, test in genes.split(X):
            if len(rows := np.intersect1d(new, test)):
                yield np.intersect1d(known, train), rows


def reproduce_contexts(
    screen: ContextScreen,
    *,
    models: str | Sequence[str] | None = None,
    n_folds: int = 3,
    tasks: Sequence[str] = _TASKS,
) -> list[dict[str, Any]]:
    """Fit every model on the same splits of one screen, for a new line, a new gene, and both.

    Parameters
    ----------
    screen : ContextScreen
    models : str or sequence of str, default=None
        Names of the models, in a text separated by commas; None runs all. The reference, the mean of the other
        lines, is always among them.
    n_folds : int, default=3
        Folds of the genes.
    tasks : sequence of {"new line", "new gene", "both new"}
        What is held out.

    Returns
    -------
    list of dict
        ``task, dataset, model, repeat, condition, l2, replicate_l2, coverage, seconds``, one for each tested condition.
    """
    available = _models(screen)
    wanted = [name.strip() for name in models.split(",")] if isinstance(models, str) else models
    chosen = list(available) if wanted is None else list(wanted)
    check_names(chosen, available, "models")
    chosen += [_REFERENCE] if _REFERENCE not in chosen else []
    rows = []
    for task in tasks:
        for train, test in _splits(task, screen.X, n_folds):
            for name in chosen:
                about = {"task": task, "dataset": screen.name, "model": name, "repeat": screen.repeat}
                rows += [about | row for row in _score(available[name](), screen, train, test)]
    return rows


def _score(model: Any, screen: ContextScreen, train: np.ndarray, test: np.ndarray) -> list[dict[str, Any]]:
    truth, noise = screen.y.iloc[test].to_numpy(), screen.noise.iloc[test].to_numpy()
    start = time.perf_counter()
    predicted = np.zeros_like(truth)
    covered = np.full(len(test), np.nan)
    if model is not None:
        model.fit(screen.X.iloc[train], screen.y.iloc[train])
        predicted = np.asarray(model.predict(screen.X.iloc[test]))
    seconds = time.perf_counter() - start
    if isinstance(model, KernelPerturbationRegressor):
        deviation = np.asarray(model.predict(screen.X.iloc[test], return_std=True)[1])
        covered = (np.abs(truth - predicted) <= 1.96 * deviation).mean(axis=1)
    errors = np.linalg.norm(truth - predicted, axis=1)
    replicate = np.asarray(replicate_distance(noise, reduce=None))
    return [
        {
            "condition": ", ".join(map(str, np.atleast_1d(screen.y.index[row]))),
            "l2": float(errors[k]),
            "replicate_l2": float(replicate[k]),
            "coverage": float(covered[k]),
            "seconds": seconds,
        }
        for k, row in enumerate(test)
    ]


def report_contexts(rows: Sequence[dict[str, Any]]) -> str:
    """Format one table for each task and dataset, with 95 % bootstrap intervals.

    Parameters
    ----------
    rows : list of dict
        As `reproduce_contexts` returns them; of several screens, all together.
    """
    frame = pd.DataFrame(list(rows))
    parts = []
    for (dataset, task), group in frame.groupby(["dataset", "task"], sort=False):
        repeats = group["repeat"].nunique()
        unit = f"{repeats} screens" if repeats > 1 else f"{group['condition'].nunique()} conditions"
        parts += [f"{dataset}, {task}: {unit}", _table(group, "repeat" if repeats > 1 else "condition"), ""]
    return "\n".join([*parts, _NOTES])


_NOTES = (
    f"L2: mean distance of predicted and observed response; vs: against the {_REFERENCE} (of the own line where the\n"
    "gene is new), the mean over screens or conditions, with its interval; scaled: 0 is that baseline, 1 a second\n"
    "measurement of the same noise (- where that is no better); cover: share of responses inside the predicted 95 %\n"
    "interval; s: one fit."
)


def _table(group: pd.DataFrame, unit: str) -> str:
    errors = group.pivot_table(index=unit, columns="model", values="l2", sort=False)
    reference = errors[_REFERENCE]
    ceiling = float(group["replicate_l2"].mean())
    table = []
    for model, part in group.groupby("model", sort=False):
        gain = (errors[model] - reference) / reference.mean()
        low, high = bootstrap_interval(gain.to_list())
        covered = part["coverage"].dropna()
        table.append(
            [
                model,
                float(part["l2"].mean()),
                f"{100 * gain.mean():+.1f} %",
                f"[{100 * low:+.1f}, {100 * high:+.1f}]",
                _scaled(float(part["l2"].mean()), float(reference.mean()), ceiling),
                float(covered.mean()) if len(covered) else None,
                float(part["seconds"].mean()),
            ]
        )
    return format_table(["model", "L2", "vs", "95 %", "scaled", "cover", "s"], table)


def _scaled(error: float, baseline: float, ceiling: float) -> float | None:
    """Return the scaled score, None where a replicate, which has the noise twice, is no better than the baseline."""
    return scaled_score(error, baseline, ceiling) if ceiling < baseline else None
