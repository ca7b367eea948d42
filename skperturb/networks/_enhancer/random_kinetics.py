"""What an ensemble of all kinetics that a network allows says of its pairs: the random features of the enhancer.

Which of two nodes responds more strongly depends on constants that no structure holds. Yet most choices of the
constants agree on much of the order. So kinetics are drawn as `StructuralSensitivity` draws them, the responses that
are to be predicted are computed for each draw, and what the draws have in common describes a pair.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from skperturb._validation import NetworkRecord
from skperturb.metrics import rank_data
from skperturb.networks._structural.estimator import StructuralSensitivity

__all__ = ["ENSEMBLE_COLUMNS", "ensemble_features", "relative_ranks"]

ENSEMBLE_COLUMNS = 6

# Number of draws: the ranks of their means are nearly settled (see `StructuralSensitivity`).
_N_DRAWS = 48
# Responses beyond this many decades count as none or as infinite.
_MOST_DECADES = 9.0
# For kind "dynamo": means of the natural logarithm of the entries of A in units of one over time, around 0.1, where
# responses fade from edge to edge, and around 3, where the network is close to rest; each tells what the other does
# not. The means of log |S| correlate with |S| (Spearman, 20 networks of BioModels) by 0.40 and 0.31, at -20, where the
# shortest path alone counts, by 0.32, and at 10, where nothing but I - A = -A is left, by 0.22.
_LOCATIONS = (-2.0, 1.0)
# Divide means and deviations of log-responses, which then vary within a network by 0.3 to 0.5 and stand at 0.5.
_MEAN_SCALE = 5.0
_DEVIATION_SCALE = 3.0


def ensemble_features(record: NetworkRecord, network: Any, kind: str, reachable: np.ndarray) -> np.ndarray:
    """Describe each pair by the draws of the ensemble.

    Parameters
    ----------
    record : NetworkRecord
        Nothing of its matrix but the signs is read.
    network : InfluenceNetwork or None
        With its structure; None for the signs alone.
    kind : {"relative", "steady_state", "dynamo"}
        What is to be predicted.
    reachable : ndarray of bool of shape (n_nodes, n_nodes)
        Pairs that a path connects; all others have zeros.

    Returns
    -------
    ndarray of shape (n_nodes, n_nodes, ENSEMBLE_COLUMNS)
        Twice the relative rank of a mean, with two columns that vary about as much. "dynamo": mean log-response, its
        mean and deviation, at each of two locations. Other kinds: mean log-response, its mean and deviation; mean rank
        inside the source column, mean sign, and share of the draws that respond.
    """
    if kind == "dynamo":
        columns = [
            column
            for location in _LOCATIONS
            for column in _log_columns(_dynamo_draws(record, network, location), reachable)
        ]
    else:
        model = StructuralSensitivity(_N_DRAWS, kind=kind)
        draws = model._draw(record, network, np.arange(record.n_nodes), 0).draws
        columns = [*_log_columns(draws, reachable), *_column_columns(draws, reachable)]
    return np.where(reachable[..., None], np.stack(columns, axis=-1), 0.0)


def relative_ranks(values: np.ndarray, reachable: np.ndarray) -> np.ndarray:
    """Rank the values of the reachable pairs, from 0 to 1; 0 elsewhere."""
    ranks = rank_data(np.where(reachable, values, np.nan), axis=None)
    return np.nan_to_num(ranks) / max(int(reachable.sum()), 1)


def _log_columns(draws: np.ndarray, reachable: np.ndarray) -> list[np.ndarray]:
    with np.errstate(divide="ignore"):
        decades = np.clip(np.log10(np.abs(draws)), -_MOST_DECADES, _MOST_DECADES)
    logs = np.log(10.0) * decades
    mean, deviation = logs.mean(axis=0), logs.std(axis=0)
    return [relative_ranks(mean, reachable), mean / _MEAN_SCALE, deviation / _DEVIATION_SCALE]


def _column_columns(draws: np.ndarray, reachable: np.ndarray) -> list[np.ndarray]:
    ranks = np.mean([rank_data(np.abs(draw)) for draw in draws], axis=0)
    return [relative_ranks(ranks, reachable), np.sign(draws).mean(axis=0), (draws != 0.0).mean(axis=0)]


def _dynamo_draws(record: NetworkRecord, network: Any, location: float) -> np.ndarray:
    """Draw (I − A)^-1 with each column divided by its diagonal: shape (n_draws, n_nodes, n_nodes)."""
    n_nodes = record.n_nodes
    rng = np.random.default_rng(0)
    ensemble, order, _ = StructuralSensitivity(_N_DRAWS)._ensemble_of(record, network, rng)
    # This kind looks at a model on its way to rest, where elasticities are not those of a steady state.
    jacobians = replace(ensemble, flat=True).draw_jacobians(_N_DRAWS, rng)
    back = np.argsort(order)
    jacobians = jacobians[:, back[:, None], back]
    there = jacobians != 0.0
    logs = np.log(np.abs(np.where(there, jacobians, 1.0))).sum(axis=(1, 2)) / np.maximum(there.sum(axis=(1, 2)), 1)
    matrices = np.eye(n_nodes) - jacobians * np.exp(location - logs)[:, None, None]
    inverses = np.stack([_inverse(matrix) for matrix in matrices])
    own = np.diagonal(inverses, axis1=1, axis2=2)
    return inverses / np.where(own != 0.0, own, 1.0)[:, None, :]


def _inverse(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(matrix)
