"""Responses at verified steady states, predicted from structure: the ensemble beside distance and propagation.

The truth is the exact sensitivity at a verified, stable steady state at which something flows; models with less than
10 or more than 130 variables, or at rest with all reactions stopped are left out, with the reason. Entries of a truth
that are undefined are left out and counted; infinite ones rank above all finite ones. Nothing is trained; the widths of
the intervals were measured on one half of the publications, so that their coverage is printed for the other half as
well.
"""

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import fetch_biomodels, fetch_reproduction_set
from ..exceptions import ModelWarning
from ..metrics import rank_data, spearman_correlation
from ..networks import DynamoDistance, DynamoPropagation, StructuralSensitivity
from ._network_cache import cache_folder, kept
from ._network_scores import count_defined, defined_truth
from ._tables import bootstrap_interval, format_table
from .networks import map_models

__all__ = ["evaluate_structural", "report_structural", "reproduce_structural", "run_structural"]

MIN_NODES, MAX_NODES = 10, 130
REACHABILITY = "reachability only"
DISTANCE = "distance directed"
ENSEMBLE = "structural ensemble"
SCORES: dict[str, dict[str, Any]] = {
    "whole": {},
    "reachable": {"diagonal": False, "reachable_only": True},
    "column": {"average": "column"},
}
# Flux, in shares of the largest term of the balance, below which all reactions have stopped: what an integrator leaves.
_STOPPED = 1e-6
# Responses below this share of a shift are what rounding leaves of nothing; they have no sign.
_NO_RESPONSE = 1e-12
# Certainty from which the accuracy of signs is printed apart, and nominal coverage of the intervals.
_CERTAIN, _COVERAGE = 0.95, 0.9


def _load(path: Path, kind: str, folder: Path | None) -> dict[str, Any] | str:
    """Return network, truth and fluxes of one model, or why it is left out."""
    from ..exceptions import UndefinedSensitivityError

    found = kept(folder, path, _at_rest)
    if isinstance(found, str):
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return found | {"truth": defined_truth(found["network"], kind)}
        except UndefinedSensitivityError:
            return "no sensitivity is defined"


def _at_rest(path: Path) -> dict[str, Any] | str:
    """Return network and fluxes of one model at its steady state, or why it is left out."""
    from ..exceptions import NoSteadyStateError
    from ..networks import InfluenceNetwork
    from ..sbml import KineticModel, conservation_laws

    model = KineticModel.from_sbml(path)
    if not MIN_NODES <= len(model.variables) <= MAX_NODES:
        return f"not {MIN_NODES} to {MAX_NODES} variables"
    try:
        steady = model.steady_state(ignore_events=True)
    except NoSteadyStateError as error:
        return f"no steady state ({error.status})"
    if not steady.stable:
        return "unstable steady state"
    state = steady.state
    jacobian = model.jacobian(steady.time, state.to_numpy())
    values = model.evaluate([steady.time], [state.to_numpy()]).iloc[0]
    fluxes = values[list(model.reaction_ids)].astype(float)
    terms = np.abs(jacobian * state.to_numpy()).max(initial=0.0)
    if not fluxes.abs().max() > _STOPPED * terms:
        return "all reactions have stopped"
    network = InfluenceNetwork(
        jacobian,
        names=list(model.variables),
        structure=model.structure,
        state=state,
        conservation_laws=conservation_laws(model),
        model_id=Path(path).stem,
    )
    return {"network": network, "fluxes": fluxes}


def evaluate_structural(job: tuple[Path, str, Path | None]) -> dict[str, Any]:
    """Score all methods on one SBML file.

    Parameters
    ----------
    job : tuple of path, {"relative", "steady_state"}, and folder or None
        The folder keeps networks between runs.

    Returns
    -------
    dict
        ``status`` ("scored" or the reason), and if scored ``n_nodes, n_undefined, scores, signs, certain, covered``.
    """
    path, kind, folder = job
    loaded = _load(path, kind, folder)
    if isinstance(loaded, str):
        return {"status": f"left out: {loaded}"}
    network, truth = loaded["network"], loaded["truth"]
    models = _methods(kind, {network.model_id: loaded["fluxes"]})
    with warnings.catch_warnings():
        # Fluxes that have decayed to 1e-30 no longer balance.
        warnings.simplefilter("ignore", ModelWarning)
        predictions = {name: np.asarray(model.predict([network])[0]) for name, model in models.items()}
    predictions = {REACHABILITY: (predictions[DISTANCE] > 0.0).astype(float), **predictions}
    if not _reached(predictions[DISTANCE]).any():
        return {"status": "left out: no pair is reached"}
    scores = {
        name: {score: float(spearman_correlation(truth, matrix, **options)) for score, options in SCORES.items()}
        for name, matrix in predictions.items()
    }
    row = {"status": "scored", "n_nodes": network.n_nodes, "n_undefined": int(np.isnan(truth).sum()), "scores": scores}
    (responses,) = models[ENSEMBLE].predict_responses([network], coverage=_COVERAGE)
    return row | _signs(responses, truth, predictions) | _covered(responses, truth, predictions[DISTANCE])


def _methods(kind: str, fluxes: dict[str, Any]) -> dict[str, Any]:
    methods: dict[str, Any] = {
        DISTANCE: DynamoDistance(),
        "propagation signed": DynamoPropagation(),
        ENSEMBLE: StructuralSensitivity(kind=kind),
        "… state known": StructuralSensitivity(kind=kind, state="network"),
    }
    return methods | {"… state and fluxes known": StructuralSensitivity(kind=kind, state="network", fluxes=fluxes)}


def _reached(distance: np.ndarray) -> np.ndarray:
    return (distance > 0.0) & ~np.eye(len(distance), dtype=bool)


def _signs(responses: Any, truth: np.ndarray, predictions: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the accuracy of signs of each method, over the pairs that respond."""
    largest = np.abs(truth[np.isfinite(truth)]).max()
    counted = _reached(predictions[DISTANCE]) & (np.abs(truth) > _NO_RESPONSE * largest)
    if not counted.any():
        return {"signs": {}, "certain": None}
    right = np.sign(truth[counted])
    ours = np.asarray(responses.sign)[counted] == right
    sure = np.asarray(responses.certainty)[counted] >= _CERTAIN
    accuracy = {
        "always positive": right > 0.0,
        "propagation signed": np.sign(predictions["propagation signed"][counted]) == right,
        ENSEMBLE: ours,
    }
    return {
        "signs": {name: float(hits.mean()) for name, hits in accuracy.items()},
        "certain": float(ours[sure].mean()) if sure.any() else None,
    }


def _covered(responses: Any, truth: np.ndarray, distance: np.ndarray) -> dict[str, float | None]:
    """Return the share of the true ranks that lie in their intervals."""
    known = ~np.isnan(truth)
    reached = _reached(distance) & known
    if not reached.any():
        return {"covered": None}
    rank = (rank_data(np.abs(truth), axis=None) / known.sum())[reached]
    inside = (np.asarray(responses.lower)[reached] <= rank) & (rank <= np.asarray(responses.upper)[reached])
    return {"covered": float(inside.mean())}


def reproduce_structural(
    models: Sequence[str | int] | str = "reproduction",
    *,
    kind: str = "relative",
    data_home: str | Path | None = None,
    n_jobs: int | None = None,
    timeout: float = 60.0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Score the ensemble and its baselines on BioModels, one row for each model.

    Parameters
    ----------
    models, data_home, n_jobs, timeout, verbose
        As in `skperturb.reproduce.networks.reproduce_networks`.
    kind : {"relative", "steady_state"}, default="relative"
        The truth.

    Returns
    -------
    list of dict
        ``id, group`` (its publication) and what `evaluate_structural` returns.
    """
    ids: Any = models
    if isinstance(models, str):
        ids = list(fetch_reproduction_set(data_home=data_home)["id"]) if models == "reproduction" else None
    bunch = fetch_biomodels(ids, data_home=data_home)
    folder = cache_folder(data_home)
    jobs = [(Path(path), kind, folder) for path in bunch.data]
    outcomes = map_models(evaluate_structural, jobs, n_jobs=n_jobs, timeout=timeout, verbose=verbose)
    return [
        {"id": model_id, "group": group}
        | (outcome.value if outcome.error is None else {"status": f"left out: {outcome.error[:80]}"})
        for model_id, group, outcome in zip(bunch.ids, bunch.groups, outcomes, strict=True)
    ]


def report_structural(rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Format the tables; intervals are over publications."""
    scored = [row for row in rows if row["status"] == "scored"]
    reasons = Counter(row["status"].removeprefix("left out: ") for row in rows if row["status"] != "scored")
    lines = [
        f"{len(scored)} of {len(rows)} models scored, truth {kind!r}",
        f"(mean Spearman over models, {len({row['group'] for row in scored})} publications; whole: all pairs,",
        "reachable: off-diagonal pairs that a perturbation reaches, column: inside each source column)",
        "",
    ]
    whole = [row for row in scored if not row["n_undefined"]]
    partial = [row for row in scored if row["n_undefined"]]
    for title, part in (("every entry defined", whole), ("defined in part", partial)):
        if part:
            n_groups = len({row["group"] for row in part})
            lines += [f"{title}: {len(part)} models of {n_groups} publications", "", _score_table(part), ""]
            lines += [*_sign_lines(part), ""]
    if scored:
        lines += [count_defined(scored)]
    lines += ["", *(f"  {count:4d}  left out: {reason}" for reason, count in reasons.most_common())]
    return "\n".join(lines)


def _score_table(scored: Sequence[dict[str, Any]]) -> str:
    table = []
    for name in scored[0]["scores"]:
        means = [float(np.mean([row["scores"][name][score] for row in scored])) for score in SCORES]
        difference = "–" if name == DISTANCE else _difference(scored, name)
        table.append([name, *means, difference])
    return format_table(["method", *SCORES, "reachable against distance [95 %]"], table)


def _difference(scored: Sequence[dict[str, Any]], name: str) -> str:
    values = [row["scores"][name]["reachable"] - row["scores"][DISTANCE]["reachable"] for row in scored]
    low, high = bootstrap_interval(_by_group(scored, values))
    return f"{np.mean(values):+.3f} [{low:+.3f}, {high:+.3f}]"


def _by_group(scored: Sequence[dict[str, Any]], values: Sequence[float]) -> list[float]:
    """Return the mean of each publication: variants of one model are no independent samples."""
    groups: dict[str, list[float]] = {}
    for row, value in zip(scored, values, strict=True):
        groups.setdefault(row["group"], []).append(value)
    return [float(np.mean(group)) for group in groups.values()]


def _sign_lines(scored: Sequence[dict[str, Any]]) -> list[str]:
    signed = [row for row in scored if row["signs"]]
    if not signed:
        return []
    names = list(signed[0]["signs"])
    accuracy = [f"{name} {np.mean([row['signs'][name] for row in signed]):.3f}" for name in names]
    certain = [row["certain"] for row in signed if row["certain"] is not None]
    lines = [f"accuracy of signs, mean over models: {', '.join(accuracy)}"]
    if certain:
        lines += [f"where {_CERTAIN:.0%} of the draws agree: {np.mean(certain):.3f}"]
    judged = [row for row in scored if row["covered"] is not None]
    if not judged:
        return lines
    low, high = bootstrap_interval(_by_group(judged, [row["covered"] for row in judged]))
    covered = np.mean([row["covered"] for row in judged])
    return [*lines, f"intervals of nominal {_COVERAGE:.0%} cover {covered:.3f} [{low:.3f}, {high:.3f}]"]


def run_structural(arguments: Any) -> int:
    """Run the command ``reproduce networks --kind relative | steady_state``."""
    models = "all" if arguments.all else (arguments.models or "reproduction")
    rows = reproduce_structural(
        models,
        kind=arguments.kind,
        data_home=arguments.data_home,
        n_jobs=arguments.jobs,
        timeout=arguments.timeout,
        verbose=1,
    )
    print(report_structural(rows, arguments.kind))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        print(f"\nper-model rows written to {arguments.json}")
    return 0
