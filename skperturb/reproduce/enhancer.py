"""The enhancement of topological predictions (Li & Gao 2019) on real BioModels.

Cross-validation is grouped by publication, with the same folds for every method; variants of one publication's model
are never on both sides. One row shows what a split that ignores publications would claim.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import fetch_biomodels, fetch_reproduction_set
from ..networks import GCNEnhancer, StructuralSensitivity
from ._network_properties import network_properties, property_correlations
from ._network_scores import (
    REACHABILITY,
    SCORES,
    count_defined,
    defined_truth,
    predict_topology,
    report_oracles,
    score_matrices,
    score_oracles,
    scores_to_frame,
)
from ._tables import bootstrap_interval, format_table
from .networks import map_models, write_json

__all__ = [
    "accuracy_frame",
    "cross_validate_enhancer",
    "enhancer_methods",
    "load_networks",
    "oracle_bounds",
    "report",
    "run",
    "save_figures",
]

MIN_NODES, MAX_NODES = 10, 130
BASELINE = "distance directed"
ENSEMBLE = "structural ensemble"
LEAKING = "enhancer, structure [LEAKS: folds ignore publications]"


def enhancer_methods(
    random_state: int = 0, n_models: int | None = None, kind: str = "dynamo"
) -> dict[str, GCNEnhancer]:
    """Return the learned methods of the table by name."""
    ensemble: dict[str, Any] = {"kind": kind} if n_models is None else {"kind": kind, "n_models": n_models}
    return {
        "published, sparse graph": GCNEnhancer.published(random_state=random_state),
        "published, full graph": GCNEnhancer.published(graph="full", random_state=random_state),
        "enhancer, signs": GCNEnhancer(features="sign", random_state=random_state, **ensemble),
        "enhancer, structure": GCNEnhancer(random_state=random_state, **ensemble),
    }


def load_networks(
    models: Sequence[str | int] | str = "all",
    *,
    kind: str = "dynamo",
    data_home: str | Path | None = None,
    n_jobs: int | None = None,
    timeout: float = 60.0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Load the networks of 10 to 130 nodes that have a defined truth.

    Parameters
    ----------
    models : "all" or sequence of ids, default="all"
        Models to load.
    kind : {"dynamo", "relative", "steady_state"}, default="dynamo"
        "dynamo": the reference protocol, the Jacobian at t = 10 of species and varying parameters. Otherwise the
        Jacobian of the dynamic variables at a verified steady state, and the response with one of them held, in per
        cent per per cent or in units.
    data_home, n_jobs, timeout, verbose
        As in `skperturb.reproduce.networks.reproduce_networks`.

    Returns
    -------
    list of dict
        ``id, group, family, network, truth, in_table``; models without a usable network are absent. ``group`` is the
        publication, ``family`` its name among the models of the table alone.
    """
    ids: Any = None if isinstance(models, str) and models == "all" else list(models)
    bunch = fetch_biomodels(ids, data_home=data_home)
    in_table = set(fetch_reproduction_set(data_home=data_home)["id"])
    table = fetch_biomodels([model_id for model_id in bunch.ids if model_id in in_table], data_home=data_home)
    families = dict(zip(table.ids, table.groups, strict=True))
    extract = {"dynamo": _dynamo_pair, "relative": _relative_pair, "steady_state": _steady_state_pair}[kind]
    outcomes = map_models(extract, bunch.data, n_jobs=n_jobs, timeout=timeout, verbose=verbose)
    return [
        {
            "id": model_id,
            "group": group,
            "family": families.get(model_id, group),
            "network": outcome.value[0],
            "truth": outcome.value[1],
            "in_table": model_id in in_table,
        }
        for model_id, group, outcome in zip(bunch.ids, bunch.groups, outcomes, strict=True)
        if outcome.error is None and outcome.value is not None
    ]


def _dynamo_pair(path: Path) -> tuple[Any, np.ndarray] | None:
    from ..sbml import JacobianExtractor

    return _with_truth(JacobianExtractor(at=10.0, variables="dynamo").fit_transform([path])[0], "dynamo")


def _steady_state_pair(path: Path) -> tuple[Any, np.ndarray] | None:
    from ..sbml import JacobianExtractor

    return _with_truth(JacobianExtractor().fit_transform([path])[0], "steady_state")


def _relative_pair(path: Path) -> tuple[Any, np.ndarray] | None:
    from ..sbml import JacobianExtractor

    return _with_truth(JacobianExtractor().fit_transform([path])[0], "relative")


def _with_truth(network: Any, kind: str) -> tuple[Any, np.ndarray] | None:
    if not MIN_NODES <= network.n_nodes <= MAX_NODES:
        return None
    return network, np.abs(defined_truth(network, kind))


def oracle_bounds(data: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Score the products of true factors and the distance model on the networks of the published table.

    These factors are made from the truth: they are upper bounds, not predictions.
    """
    return [
        {"id": item["id"], "scores": score_oracles(item["network"], item["truth"])} for item in data if item["in_table"]
    ]


def cross_validate_enhancer(
    data: Sequence[dict[str, Any]],
    methods: dict[str, Any] | None = None,
    *,
    n_splits: int = 5,
    extra_training: bool = True,
    leaking: bool = True,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Cross-validate the learned methods on the networks of the published table, beside the topology-only ones.

    Parameters
    ----------
    data : list of dict
        From `load_networks`.
    methods : dict of str to estimator, default=None
        `enhancer_methods` when None.
    n_splits : int, default=5
        Number of folds, grouped by publication.
    extra_training : bool, default=True
        Add a row for each of our own methods that learns from the networks outside the table, too, unless their
        publication is in the test fold.
    leaking : bool, default=True
        Add a row for folds that ignore publications.
    random_state : int, default=0
        Seed of the folds.
    progress : callable, default=None
        Called with a line of text after each fit.

    Returns
    -------
    list of dict
        One row per tested network: ``id, group, n_nodes, n_undefined, scores`` with ``scores[method][score]``, and
        ``predictions[method]``.
    """
    methods = enhancer_methods() if methods is None else methods
    tested = [k for k, item in enumerate(data) if item["in_table"]]
    predictions: dict[int, dict[str, np.ndarray]] = {k: {} for k in tested}
    topology = predict_topology([data[k]["network"] for k in tested])
    kind = next((estimator.kind for estimator in methods.values() if estimator.target == "rank"), "dynamo")
    if kind != "dynamo":
        ensemble = StructuralSensitivity(kind=kind).predict([data[k]["network"] for k in tested])
        topology[ENSEMBLE] = [np.asarray(matrix) for matrix in ensemble]
    for method in (REACHABILITY, BASELINE, "propagation signed", ENSEMBLE):
        for k, matrix in zip(tested, topology.get(method, []), strict=False):
            predictions[k][method] = matrix
    jobs = _jobs(methods, len(data) - len(tested) if extra_training else 0, leaking)
    for name, estimator, grouped, further in jobs:
        for fold, (train, test) in enumerate(_folds(data, tested, n_splits, grouped, random_state)):
            train = [k for k in train if further or data[k]["in_table"]]
            fitted = _fitted(estimator, [data[k] for k in train])
            for k, matrix in zip(test, fitted.predict([data[k]["network"] for k in test]), strict=True):
                predictions[k][name] = np.asarray(matrix)
            if progress is not None:
                progress(f"{name}: fold {fold + 1} of {n_splits}, {len(train)} networks learned from")
    return [_row(data[k], predictions[k]) for k in tested]


def _jobs(methods: dict[str, Any], n_further: int, leaking: bool) -> list[tuple[str, Any, bool, bool]]:
    """Return for each row of the table its name, estimator, and whether folds are grouped and further networks used."""
    jobs = [(name, estimator, True, False) for name, estimator in methods.items()]
    if n_further:
        jobs += [
            (f"{name} + {n_further} further networks", estimator, True, True)
            for name, estimator in methods.items()
            if estimator.target == "rank"
        ]
    if leaking and "enhancer, structure" in methods:
        jobs.append((LEAKING, methods["enhancer, structure"], False, False))
    return jobs


def _fitted(estimator: Any, items: Sequence[dict[str, Any]]) -> Any:
    from sklearn.base import clone

    return clone(estimator).fit([item["network"] for item in items], [item["truth"] for item in items])


def _row(item: dict[str, Any], predictions: dict[str, np.ndarray]) -> dict[str, Any]:
    scores = {
        method: score_matrices(item["truth"], matrix, jitter=not method.startswith("propagation"))
        for method, matrix in predictions.items()
    }
    return {
        "id": item["id"],
        "group": item["group"],
        "n_nodes": len(item["truth"]),
        "n_undefined": int(np.isnan(item["truth"]).sum()),
        "scores": scores,
        "predictions": predictions,
    }


def _folds(
    data: Sequence[dict[str, Any]], tested: Sequence[int], n_splits: int, grouped: bool, random_state: int
) -> list[tuple[list[int], list[int]]]:
    from sklearn.model_selection import GroupKFold, KFold

    groups = np.array([item["group"] for item in data])
    candidates = np.asarray(tested)
    splitter = (GroupKFold if grouped else KFold)(n_splits, shuffle=True, random_state=random_state)
    # Networks outside the table may rename a group or join two; they are not to move the folds.
    families = [data[k].get("family", data[k]["group"]) for k in tested]
    folds = []
    for _, part in splitter.split(candidates, groups=families if grouped else None):
        test = candidates[part]
        out = set(groups[test]) if grouped else set()
        train = [k for k in range(len(data)) if k not in set(test) and groups[k] not in out]
        folds.append((train, list(test)))
    return folds


def report(rows: Sequence[dict[str, Any]], *, kind: str = "dynamo") -> str:
    """Format the table: average ranks first, the paper's jittered score beside, paired difference to the distance."""
    frame = scores_to_frame(rows)
    wide = frame.pivot_table(index="id", columns=["method", "score"], values="value")
    header = ["method", *SCORES, f"difference to {BASELINE}", "95 %"]
    table = []
    for method in dict.fromkeys(frame["method"]):
        difference = (wide[method]["whole"] - wide[BASELINE]["whole"]).to_numpy()
        low, high = bootstrap_interval(difference)
        means = [float(wide[method][score].mean()) for score in SCORES]
        table.append([method, *means, float(difference.mean()), f"[{low:+.3f}, {high:+.3f}]"])
    n_groups = len({row["group"] for row in rows})
    lines = [
        f"{len(rows)} networks of {n_groups} publications, truth kind={kind!r}, folds grouped by publication",
        "",
        format_table(header, table),
        "",
        "mean Spearman over networks; whole: all pairs, ties share their mean rank; whole_jitter: with the papers'",
        "uniform +-0.01 against ties; offdiag: without the diagonal; reachable: off-diagonal pairs that a perturbation",
        "reaches.",
        count_defined(rows),
    ]
    return "\n".join(lines)


def run(arguments: Any) -> int:
    """Print the tables of ``reproduce networks --enhancer`` and return the exit status."""
    models = "all" if arguments.all else arguments.models or list(fetch_reproduction_set(arguments.data_home)["id"])
    data = load_networks(
        models,
        kind=arguments.kind,
        data_home=arguments.data_home,
        n_jobs=arguments.jobs,
        timeout=arguments.timeout,
        verbose=1,
    )
    if arguments.kind == "dynamo":
        print(report_oracles(oracle_bounds(data)), end="\n\n")
    elif arguments.all:
        # No table of this truth was published: every network is tested.
        data = [item | {"in_table": True} for item in data]
    methods = enhancer_methods(n_models=arguments.n_models, kind=arguments.kind)
    rows = cross_validate_enhancer(data, methods, progress=lambda line: print(line, file=sys.stderr, flush=True))
    print(report(rows, kind=arguments.kind))
    print(f"Each of our rows averages {methods['enhancer, structure'].n_models} models.")
    if arguments.json:
        kept = [{key: value for key, value in row.items() if key != "predictions"} for row in rows]
        write_json(kept, arguments.json)
    if arguments.enhancer_figures:
        for path in save_figures(data, rows, arguments.enhancer_figures):
            print(f"figure saved: {path.resolve()}")
    return 0


def save_figures(data: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], folder: str | Path) -> list[Path]:
    """Save the figures of the paper as PNG files: bars, pairwise accuracy, heatmaps, network properties."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from ..plotting import (
        MethodAccuracyDisplay,
        PairwiseAccuracyDisplay,
        PropertyCorrelationDisplay,
        SensitivityHeatmapDisplay,
    )

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    accuracy = accuracy_frame(rows)
    best = accuracy.drop(columns=[LEAKING], errors="ignore").mean().idxmax()
    network = {item["id"]: item["network"] for item in data}
    properties = pd.DataFrame([network_properties(network[row["id"]]) for row in rows], index=accuracy.index)
    # A network of some twenty nodes shows a pattern whose names can be read.
    shown = min(rows, key=lambda row: abs(row["n_nodes"] - 20))
    truth = next(item["truth"] for item in data if item["id"] == shown["id"])
    heatmaps = {method: shown["predictions"][method] for method in dict.fromkeys((BASELINE, str(best)))}
    displays: dict[str, Any] = {
        "accuracy_of_methods": MethodAccuracyDisplay(accuracy),
        "pairwise_accuracy": PairwiseAccuracyDisplay(accuracy),
        "true_and_predicted": SensitivityHeatmapDisplay.from_predictions(truth, heatmaps),
        "network_properties": PropertyCorrelationDisplay(property_correlations(properties, accuracy[best])),
    }
    paths = []
    for name, display in displays.items():
        paths.append(folder / f"{name}.png")
        FigureCanvasAgg(display.plot().figure_).print_png(paths[-1])
    return paths


def accuracy_frame(rows: Sequence[dict[str, Any]], score: str = "whole") -> pd.DataFrame:
    """Return one row per network and one column per method."""
    return pd.DataFrame(
        [{method: scores[score] for method, scores in row["scores"].items()} for row in rows],
        index=[row["id"] for row in rows],
    )
