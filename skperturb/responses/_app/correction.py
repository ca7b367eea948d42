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

from skperturb.responses._app.attention import main_axes
from skperturb.responses._conditions import row_norms
from skperturb.responses._held_out import is_better
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["Correction", "can_be_weighed", "choose_weight", "mean_square", "network_output", "train_correction"]

#: Numbers that the attention of a batch of predictions may take: 16 MB, which are kept for the next batch. Larger
#: pieces of memory are returned and asked for again, which takes longer than to fill them.
_MAX_NUMBERS = 2_000_000
#: Outputs, and values of a target, above which networks are trained in its main axes. A decoder of thousands of outputs
#: learns little in a thousand batches: on the simulated screen of 1,000 genes of ``benchmarks/bench_whole_genome.py``
#: networks gain nothing on 8,000 outputs, and 2.4 points of the error of the mean along the axes; on 300 outputs of a
#: screen of 500 genes both gain alike. A large target is copied as often as it takes, 80 MB each.
_MANY_OUTPUTS, _LARGE = 1000, 10_000_000
#: Conditions that are looked at together beyond.
_ROWS = 500
#: Conditions left out by the first network of an ensemble from which on they decide whether others are trained: those
#: of 500 at the default size. Fewer would often miss a gain of a few per cent, and their networks take seconds.
_LEAST_PILOT = 100
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
    axes : ndarray of shape (n_axes, n_outputs), default=None
        Along which they predict; None for the outputs themselves.
    """

    nets: list[Any]
    weight: float
    scale: float
    error_variance: np.ndarray
    axes: np.ndarray | None = None

    def predict(self, net: Any, doses: np.ndarray) -> np.ndarray:
        """Return what one network adds, shape (n_conditions, n_outputs)."""
        found = self.weight * self.scale * network_output(net, doses)
        return found if self.axes is None else found @ self.axes


def train_correction(
    train: Callable[[np.ndarray, np.ndarray, np.ndarray | None], Any],
    doses: np.ndarray,
    target: np.ndarray,
    group: np.ndarray,
    *,
    n_models: int,
    weighed: bool,
    bounded: bool = False,
    rng: np.random.RandomState,
    weight: np.ndarray | None = None,
) -> Correction | None:
    """Train the ensemble and weigh what it says.

    Parameters
    ----------
    train : callable
        Of doses, of a target in units of its root mean square and of weights; returns a trained network.
    doses : ndarray of shape (n_conditions, n_nodes + n_levels)
    target : ndarray of shape (n_conditions, n_outputs)
        What the baseline leaves over.
    group : ndarray of int, shape (n_conditions,)
        Conditions that are left out together, from 0 on.
    n_models : int
    weighed : bool
        Whether the correction counts only as far as it helps on held-out conditions. Otherwise it counts in full.
    bounded : bool, default=False
        Whether a target of many outputs is learned along its main axes, and whether the other networks of a large
        ensemble are trained only if the first one helps on the part that it leaves out.
    rng : RandomState
    weight : ndarray of shape (n_conditions,), default=None
        How much each condition counts.

    Returns
    -------
    Correction or None
        None if the first network does not help.
    """
    is_large = target.shape[1] > _MANY_OUTPUTS or target.size > _LARGE
    axes = main_axes(target) if bounded and is_large else None
    wanted = target if axes is None else target @ axes.T
    size = float(np.sqrt(np.mean(wanted**2))) if wanted.size else 0.0
    scale = size if size > NEGLIGIBLE else 1.0
    folds = _folds(group, n_models, rng) if weighed else [(np.arange(len(doses)), None)] * n_models
    nets = []
    held_out = np.zeros_like(wanted)
    for training, testing in folds:
        net = train(doses[training], wanted[training] / scale, None if weight is None else weight[training])
        nets.append(net)
        if testing is None:
            continue
        held_out[testing] = network_output(net, doses[testing]) * scale
        is_pilot = bounded and len(nets) == 1 and len(testing) >= _LEAST_PILOT
        if is_pilot and not _factor(target, wanted, held_out, weight, axes, testing):
            return None
    # A correction that cannot be weighed on held-out conditions does not count, unless it was asked for.
    if folds[0][1] is None:
        return Correction(nets, float(not weighed), scale, mean_square(target), axes)
    factor = _factor(target, wanted, held_out, weight, axes)
    if axes is None:
        return Correction(nets, factor, scale, mean_square(target - factor * held_out))
    return Correction(nets, factor, scale, _mean_square_left(target, factor * held_out, axes), axes)


def _factor(
    target: np.ndarray,
    wanted: np.ndarray,
    held_out: np.ndarray,
    weight: np.ndarray | None,
    axes: np.ndarray | None,
    rows: np.ndarray | slice = slice(None),
) -> float:
    """Return the factor of what was predicted, along the axes if there are any, as some rows choose it."""
    wanted, held_out, weight = wanted[rows], held_out[rows], None if weight is None else weight[rows]
    if axes is None:
        return choose_weight(wanted, held_out, weight)
    # What lies outside the axes stays as it is: one more output, of which nothing is predicted.
    outside = np.sqrt(np.maximum(row_norms(target[rows]) ** 2 - row_norms(wanted) ** 2, 0.0))
    nothing = np.zeros(len(held_out))
    return choose_weight(np.column_stack([wanted, outside]), np.column_stack([held_out, nothing]), weight)


def mean_square(residual: np.ndarray) -> np.ndarray:
    """Return the mean square of each output, zero without conditions."""
    return np.einsum("co,co->o", residual, residual) / max(len(residual), 1)


def _mean_square_left(target: np.ndarray, along: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return the mean square of a target less what is predicted along axes, without a copy of the whole."""
    total = np.zeros(target.shape[1])
    for start in range(0, len(target), _ROWS):
        left = target[start : start + _ROWS] - along[start : start + _ROWS] @ axes
        total += np.einsum("co,co->o", left, left)
    return total / max(len(target), 1)


def can_be_weighed(group: np.ndarray, n_models: int) -> bool:
    """Tell whether there are enough groups of conditions to hold some out for each network."""
    return len(np.unique(group)) >= _MIN_CONDITIONS_EACH * n_models


def _folds(group: np.ndarray, n_models: int, rng: np.random.RandomState) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Return what each network is trained on and what it leaves out; nothing is left out of too few conditions."""
    everything = np.arange(len(group))
    if not can_be_weighed(group, n_models):
        return [(everything, None)] * n_models
    splitter = GroupKFold(n_models, shuffle=True, random_state=rng.randint(np.iinfo(np.int32).max))
    return [(training, testing) for training, testing in splitter.split(everything, groups=group)]


def network_output(net: Any, doses: np.ndarray) -> np.ndarray:
    """Return what a trained network predicts, shape (n_conditions, n_outputs), in the unit of its training."""
    import torch

    module = net.module_
    size = max(_MAX_NUMBERS // max(doses.shape[1] * module.hidden_dim, 1), 1)
    with torch.inference_mode():
        genes = module.embed()
        parts = [
            module(torch.from_numpy(np.asarray(doses[start : start + size], dtype=np.float64)), genes).numpy()
            for start in range(0, max(len(doses), 1), size)
        ]
    return np.concatenate(parts)


def choose_weight(target: np.ndarray, held_out: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the factor of the correction with the smallest held-out error, zero if it does not help.

    Parameters
    ----------
    target : ndarray of shape (n_conditions, n_outputs)
        What the baseline leaves over.
    held_out : ndarray of shape (n_conditions, n_outputs)
        What networks that have not seen the condition predict of it.
    weight : ndarray of shape (n_conditions,), default=None
        How much each condition counts in the factor.

    Returns
    -------
    float
        Between 0 (the baseline remains as it is) and 1 (no network may exaggerate what it learned).
    """
    counts = np.ones(len(target)) if weight is None else weight
    power = float(counts @ np.einsum("co,co->c", held_out, held_out))
    if power == 0.0:
        return 0.0
    factor = float(np.clip(counts @ np.einsum("co,co->c", held_out, target) / power, 0.0, 1.0))
    return factor if is_better(row_norms(target - factor * held_out), row_norms(target)) else 0.0
