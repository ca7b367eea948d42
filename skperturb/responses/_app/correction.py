"""The networks that correct a baseline, and the factor by which their correction is weighed.

A network that is trained on a few hundred conditions lowers the training error whether or not it knows anything, so its
gain says nothing. Each network of the ensemble therefore leaves out one part of the training conditions. What the
networks say about their own part is a correction of conditions that they have not seen, and how much of it to believe
is a regression with one coefficient: of what the baseline leaves over on what the networks say. The coefficient is kept
between nothing and all, and counts only if it lowers the held-out errors by more than chance would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from skperturb.responses._conditions import condition_groups
from skperturb.responses._held_out import is_better
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["Correction", "choose_weight", "network_output", "train_correction"]

#: Conditions for each network below which the correction is not weighed: some part would hold a single one, and at the
#: default size `is_better` would judge by a standard error from fewer than ten errors.
_MIN_CONDITIONS_EACH = 2


@dataclass(frozen=True)
class Correction:
    """Trained networks and what their held-out predictions are worth.

    Parameters
    ----------
    nets : list of skorch.NeuralNet
    weight : float
        Factor between 0 and 1 of what they predict.
    scale : float
        Unit of what they predict: root mean square of what the baseline leaves over.
    error_variance : ndarray of shape (n_outputs,)
        Mean square of what is left after the correction.
    """

    nets: list[Any]
    weight: float
    scale: float
    error_variance: np.ndarray


def train_correction(
    train: Callable[[np.ndarray, np.ndarray], Any],
    doses: np.ndarray,
    target: np.ndarray,
    *,
    n_models: int,
    weighed: bool,
    rng: np.random.RandomState,
) -> Correction:
    """Train the ensemble and weigh what it says.

    Parameters
    ----------
    train : callable
        Of doses and of a target in units of its root mean square; returns a trained network.
    doses : ndarray of shape (n_conditions, n_nodes)
    target : ndarray of shape (n_conditions, n_outputs)
        What the baseline leaves over.
    n_models : int
    weighed : bool
        Whether the correction counts only as far as it helps on held-out conditions. Otherwise it counts in full.
    rng : RandomState

    Returns
    -------
    Correction
    """
    size = float(np.sqrt(np.mean(target**2))) if target.size else 0.0
    scale = size if size > NEGLIGIBLE else 1.0
    folds = _folds(doses, n_models, rng) if weighed else [(np.arange(len(doses)), None)] * n_models
    nets = []
    held_out = np.zeros_like(target)
    for training, testing in folds:
        net = train(doses[training], target[training] / scale)
        nets.append(net)
        if testing is not None:
            held_out[testing] = network_output(net, doses[testing]) * scale
    # A correction that cannot be weighed on held-out conditions does not count, unless it was asked for.
    weight, left_over = float(not weighed), target
    if folds[0][1] is not None:
        weight = choose_weight(target, held_out)
        left_over = target - weight * held_out
    error_variance = np.mean(left_over**2, axis=0) if len(left_over) else np.zeros(target.shape[1])
    return Correction(nets, weight, scale, error_variance)


def _folds(doses: np.ndarray, n_models: int, rng: np.random.RandomState) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Return what each network is trained on and what it leaves out; nothing is left out of too few conditions."""
    everything = np.arange(len(doses))
    # Replicates stay together: otherwise they would predict one another, and the correction would look good.
    first, group = condition_groups(doses)
    if len(first) < _MIN_CONDITIONS_EACH * n_models:
        return [(everything, None)] * n_models
    splitter = GroupKFold(n_models, shuffle=True, random_state=rng.randint(np.iinfo(np.int32).max))
    return [(training, testing) for training, testing in splitter.split(everything, groups=group)]


def network_output(net: Any, doses: np.ndarray) -> np.ndarray:
    """Return what a trained network predicts, shape (n_conditions, n_outputs), in the unit of its training."""
    import torch

    with torch.inference_mode():
        return net.module_(torch.from_numpy(doses)).numpy()


def choose_weight(target: np.ndarray, held_out: np.ndarray) -> float:
    """Return the factor of the correction with the smallest held-out error, zero if it does not help.

    Parameters
    ----------
    target : ndarray of shape (n_conditions, n_outputs)
        What the baseline leaves over.
    held_out : ndarray of shape (n_conditions, n_outputs)
        What networks that have not seen the condition predict of it.

    Returns
    -------
    float
        Between 0 (the baseline remains as it is) and 1 (no network may exaggerate what it learned).
    """
    power = float((held_out**2).sum())
    if power == 0.0:
        return 0.0
    weight = float(np.clip((held_out * target).sum() / power, 0.0, 1.0))
    errors = np.linalg.norm(target - weight * held_out, axis=1)
    return weight if is_better(errors, np.linalg.norm(target, axis=1)) else 0.0
