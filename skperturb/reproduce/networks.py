"""The DYNAMO table (Santolini & Barabási 2018) on real BioModels.

The protocol is the reference's: the state at t = 10 from the initial state, events ignored, every species and every
non-constant parameter a node, rows without any dependence dropped, truth ``|S|`` with ``S = (I - A)^-1`` and each
column divided by its diagonal. Models with fewer than ten nodes or a singular ``I - A`` are left out, with the reason.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import fetch_biomodels, fetch_reproduction_set
from ._network_scores import (
    ORACLE_MAX_NODES,
    count_defined,
    defined_truth,
    predict_topology,
    report_oracles,
    score_matrices,
    score_oracles,
    scores_to_frame,
)
from ._tables import bootstrap_interval, format_table

__all__ = ["PUBLISHED", "evaluate_model", "map_models", "report", "reproduce_networks", "write_json"]

MIN_NODES = 10

# Whole-matrix Spearman as printed in the paper (87 models whose ids were never published).
PUBLISHED = {
    "propagation signed": 0.66,
    "propagation directed": 0.65,
    "propagation undirected": 0.40,
    "distance directed": 0.63,
    "distance undirected": 0.36,
    "first neighbour signed": 0.27,
    "first neighbour directed": 0.27,
    "first neighbour undirected": 0.27,
}


def evaluate_model(path: str | Path) -> dict[str, Any]:
    """Score every topology-only method on one SBML file under the reference protocol.

    Parameters
    ----------
    path : str or Path
        The SBML file.

    Returns
    -------
    dict
        ``id, n_nodes, n_undefined, status, scores``; ``status`` is "scored" or "left out: <reason>", and ``scores``
        maps each method to ``{whole, whole_jitter, offdiag, reachable, column}``. Networks of at most 130 nodes also
        have ``oracles``: the upper bounds of Li & Gao, which are made from the truth.
    """
    from ..sbml import JacobianExtractor

    row: dict[str, Any] = {"id": Path(path).stem, "n_nodes": None, "status": "scored", "scores": {}}
    try:
        network = JacobianExtractor(at=10.0, variables="dynamo").fit_transform([path])[0]
        row["n_nodes"] = network.n_nodes
        if network.n_nodes < MIN_NODES:
            return row | {"status": f"left out: {network.n_nodes} nodes, fewer than {MIN_NODES}"}
        truth = np.abs(defined_truth(network, "dynamo"))
        row["n_undefined"] = int(np.isnan(truth).sum())
    except ValueError as error:
        # The row has the id already.
        return row | {"status": f"left out: {re.sub(r'^X.0. [^:]*: ', '', str(error))}"}
    predictions = predict_topology([network])
    row["scores"] = {
        method: score_matrices(truth, matrices[0], jitter=not method.startswith("propagation"))
        for method, matrices in predictions.items()
    }
    if network.n_nodes <= ORACLE_MAX_NODES:
        row["oracles"] = score_oracles(network, truth)
    return row


def map_models(function: Callable[[Any], Any], paths: Sequence[Any], **options: Any) -> list[Any]:
    """Call `function`, which extracts a network, for SBML files by `map_isolated`; the engine's import is not timed."""
    from .._processes import map_isolated
    from ..sbml.extractor import ENGINE_MODULES

    return map_isolated(function, paths, modules=(*ENGINE_MODULES, "skperturb.sbml.extractor"), **options)


def reproduce_networks(
    models: Sequence[str | int] | str = "reproduction",
    *,
    data_home: str | Path | None = None,
    n_jobs: int | None = None,
    timeout: float = 60.0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Score the topology-only methods on BioModels, one row for each model.

    Parameters
    ----------
    models : "reproduction", "all" or sequence of ids, default="reproduction"
        The 136 models that reproduce the published table, every model of the data home, or BioModels ids.
    data_home : str or Path, default=None
        As in `skperturb.datasets.fetch_biomodels`.
    n_jobs : int, default=None
        Number of worker processes; the rows do not depend on it.
    timeout : float, default=60.0
        Seconds after which a model is given up and left out.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.

    Returns
    -------
    list of dict
        See `evaluate_model`.
    """
    if isinstance(models, str) and models == "reproduction":
        ids: Any = list(fetch_reproduction_set(data_home=data_home)["id"])
    elif isinstance(models, str) and models == "all":
        ids = None
    else:
        ids = [models] if isinstance(models, str | int) else list(models)
    paths = fetch_biomodels(ids, data_home=data_home).data
    outcomes = map_models(evaluate_model, paths, n_jobs=n_jobs, timeout=timeout, verbose=verbose)
    return [
        outcome.value
        if outcome.error is None
        else {"id": Path(path).stem, "n_nodes": None, "status": f"left out: {outcome.error}", "scores": {}}
        for path, outcome in zip(paths, outcomes, strict=True)
    ]


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Format the table: mean over models with a 95 % bootstrap interval, the published figure beside it."""
    scored = [row for row in rows if row["status"] == "scored"]
    lines = [f"{len(scored)} of {len(rows)} models scored (mean Spearman over models [95 % bootstrap interval])"]
    if scored:
        lines += ["", _score_table(scores_to_frame(scored)), "", _TABLE_NOTES, count_defined(scored)]
    bounded = [{"id": row["id"], "scores": row["oracles"]} for row in scored if "oracles" in row]
    if bounded:
        lines += ["", report_oracles(bounded)]
    left_out = [row for row in rows if row["status"] != "scored"]
    if left_out:
        lines += ["", f"{len(left_out)} models left out:"]
        lines += [f"  {count:4d}  {reason}" for reason, count in _reasons(left_out)]
    return "\n".join(lines)


_TABLE_NOTES = (
    "whole: all n x n pairs, ties share their mean rank; jitter: the paper's uniform +-0.01 against ties, mean of 10\n"
    "draws (not for propagation, as in the paper); offdiag: without the diagonal; reachable: off-diagonal pairs that\n"
    "a perturbation reaches at all; column: inside each source column; published: as printed in the paper, on 87\n"
    "models whose ids were never published."
)


def _score_table(frame: pd.DataFrame) -> str:
    header = ["method", "whole", "95 %", "jitter", "offdiag", "reachable", "column", "published"]
    table = []
    for method, group in frame.groupby("method", sort=False):
        values = {score: part["value"].to_numpy() for score, part in group.groupby("score")}
        low, high = bootstrap_interval(values["whole"])
        means = {score: float(np.mean(part)) for score, part in values.items()}
        table.append(
            [
                method,
                means["whole"],
                f"[{low:.3f}, {high:.3f}]",
                means["whole_jitter"],
                means["offdiag"],
                means["reachable"],
                means["column"],
                None if method not in PUBLISHED else f"{PUBLISHED[method]:.2f}",
            ]
        )
    return format_table(header, table)


def _reasons(rows: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    # Reasons name elements and numbers of one model; what is left without them is what models have in common.
    def common(status: str) -> str:
        return re.sub(r"'[^']*'|\d[\d.e+-]*", "…", status.removeprefix("left out: ").split("; ")[0])[:110]

    return Counter(common(row["status"]) for row in rows).most_common()


def write_json(rows: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Write the per-model rows as JSON."""
    Path(path).write_text(json.dumps(list(rows), indent=1, allow_nan=False) + "\n", encoding="utf-8")
