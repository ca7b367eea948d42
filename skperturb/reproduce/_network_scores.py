"""Topology-only methods and the scores at which they are compared."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import spearman_correlation
from ..networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation, enhancement_factor
from ._tables import format_table

__all__ = [
    "DEFINED_NOTE",
    "ORACLES",
    "ORACLE_MAX_NODES",
    "REACHABILITY",
    "SCORES",
    "count_defined",
    "defined_truth",
    "predict_topology",
    "report_oracles",
    "score_matrices",
    "score_oracles",
    "scores_to_frame",
    "topology_methods",
]

REACHABILITY = "reachability only"

# Upper bounds of Li & Gao, made from the truth: arguments of enhancement_factor, and the bound as printed in the paper.
ORACLES: dict[str, tuple[dict[str, Any], float | None]] = {
    "ranks of |S|": ({"scaled": False}, 0.84),
    "scaled ranks of |S|": ({}, 0.80),
    "scaled ranks of |S|, divided by the diagonal": ({"normalize": True}, None),
    "scaled ranks of |A|": ({"source": "jacobian"}, None),
}
ORACLE_MAX_NODES = 130  # the bounds were published on models of at most this size

# Score name -> arguments of spearman_correlation.
SCORES: dict[str, dict[str, Any]] = {
    "whole": {},
    "whole_jitter": {"ties": "jitter", "random_state": 0},
    "offdiag": {"diagonal": False},
    "reachable": {"diagonal": False, "reachable_only": True},
    "column": {"average": "column"},
}


DEFINED_NOTE = "(undefined ones are left out; infinite ones rank above all finite ones)"


def defined_truth(network: Any, kind: str) -> np.ndarray:
    """Return the true sensitivity matrix, NaN where it is undefined, or raise the error if nothing is defined."""
    from ..exceptions import UndefinedSensitivityError
    from ..sbml import sensitivity_matrix

    try:
        return np.asarray(sensitivity_matrix(network, kind=kind))
    except UndefinedSensitivityError:
        truth = np.asarray(sensitivity_matrix(network, kind=kind, undefined="nan"))
        if np.isnan(truth[~np.eye(len(truth), dtype=bool)]).all():
            raise
        return truth


def count_defined(rows: Sequence[dict[str, Any]]) -> str:
    """Say how many entries of the truths were scored, from rows of ``n_nodes, n_undefined``."""
    n_entries = sum(row["n_nodes"] ** 2 for row in rows)
    n_undefined = sum(row.get("n_undefined", 0) for row in rows)
    partial = sum(row.get("n_undefined", 0) > 0 for row in rows)
    text = f"{n_entries - n_undefined:,} of {n_entries:,} entries of the truths are defined"
    return f"{text}; {partial} models have undefined ones\n{DEFINED_NOTE}" if partial else text


def topology_methods() -> dict[str, Any]:
    """Return the published topology-only predictors by name."""
    return {
        "propagation signed": DynamoPropagation(directed=True, signed=True),
        "propagation directed": DynamoPropagation(directed=True, signed=False),
        "propagation undirected": DynamoPropagation(directed=False, signed=False),
        "distance directed": DynamoDistance(directed=True),
        "distance undirected": DynamoDistance(directed=False),
        "first neighbour signed": DynamoFirstNeighbor(directed=True, signed=True),
        "first neighbour directed": DynamoFirstNeighbor(directed=True, signed=False),
        "first neighbour undirected": DynamoFirstNeighbor(directed=False, signed=False),
    }


def predict_topology(networks: Sequence[Any]) -> dict[str, list[np.ndarray]]:
    """Predict every network with every method, and with reachability alone as the trivial baseline.

    The baseline says 1 where a directed path leads from the source to the target and 0 elsewhere: what is left above
    it is knowledge about *how far* a perturbation reaches.
    """
    predictions = {
        name: [np.asarray(matrix) for matrix in method.fit(networks).predict(networks)]
        for name, method in topology_methods().items()
    }
    reachability = [(distance > 0).astype(float) for distance in predictions["distance directed"]]
    return {REACHABILITY: reachability, **predictions}


def score_matrices(
    truth: Any, prediction: Any, scores: Sequence[str] = tuple(SCORES), *, jitter: bool = True
) -> dict[str, float]:
    """Score one predicted sensitivity matrix against the true one under each named protocol.

    The papers jitter the predictors whose values are full of ties (distance, first neighbour) and not the propagation;
    ``jitter=False`` makes ``whole_jitter`` the same as ``whole``.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    result = {}
    for name in scores:
        options = SCORES["whole"] if name == "whole_jitter" and not jitter else SCORES[name]
        result[name] = float(spearman_correlation(truth, prediction, **options))
    return result


def score_oracles(network: Any, truth: Any) -> dict[str, dict[str, float]]:
    """Score the products of true factors and the distance model: upper bounds, not predictions."""
    distance = np.asarray(DynamoDistance().predict([network])[0])
    return {
        name: score_matrices(
            truth, np.nan_to_num(np.asarray(enhancement_factor(network, truth, **options))) * distance, ("whole",)
        )
        for name, (options, _) in ORACLES.items()
    }


def report_oracles(rows: Sequence[dict[str, Any]]) -> str:
    """Format the table of the upper bounds from rows of ``id, scores``."""
    means = scores_to_frame(rows).groupby("method", sort=False)["value"].mean()
    table = [
        [name, float(means[name]), None if bound is None else f"{bound:.2f}"] for name, (_, bound) in ORACLES.items()
    ]
    title = f"Oracle upper bounds on {len(rows)} networks (factor made from the truth, times distance; whole matrix)"
    return "\n".join([title, "", format_table(["factor", "measured", "published"], table)])


def scores_to_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Turn per-model rows (``id, scores: {method: {score: value}}``) into one long table."""
    return pd.DataFrame(
        [
            {"id": row["id"], "method": method, "score": score, "value": value}
            for row in rows
            for method, scores in row["scores"].items()
            for score, value in scores.items()
        ],
        columns=["id", "method", "score", "value"],
    )
