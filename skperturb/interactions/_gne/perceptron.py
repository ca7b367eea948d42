"""A small multilayer perceptron that tells kinds of pairs apart, trained through skorch and kept as arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

__all__ = ["Perceptron"]

# Two hidden layers of this width. Half of it loses 0.001 of the degree-matched AUROC on validation interactions of
# E. coli.
_WIDTH, _HIDDEN_LAYERS = 64, 2
# Passes over the pairs, and the learning rate at its highest. Twelve passes take half as long again and change no AUROC
# on validation interactions of E. coli by more than 0.0003.
_EPOCHS, _LR = 8, 0.01
_WEIGHT_DECAY = 1e-4
# Steps of a pass, within bounds of the batch: few pairs are cut into small batches, or too few steps would be made.
_STEPS, _LEAST_IN_BATCH, _MOST_IN_BATCH = 60, 64, 2048


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Weights of layers; between two of them is x · σ(x).

    Parameters
    ----------
    weights : list of ndarray of shape (n_inputs, n_outputs)
    biases : list of ndarray of shape (n_outputs,)
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        kinds: np.ndarray,
        class_weights: np.ndarray,
        seed: int,
        sample_weight: np.ndarray | None = None,
    ) -> "Perceptron":
        """Minimize the cross-entropy.

        Parameters
        ----------
        features : ndarray of shape (n_pairs, n_features)
            Standardized.
        kinds : ndarray of int, shape (n_pairs,)
            From 0 to n_kinds - 1.
        class_weights : ndarray of shape (n_kinds,)
        seed : int
        sample_weight : ndarray of shape (n_pairs,), default=None

        Returns
        -------
        Perceptron
        """
        import torch

        from skperturb._training import TensorTable, fit_net, gentle_training

        target = torch.from_numpy(kinds)
        if sample_weight is not None:
            target = torch.from_numpy(np.column_stack([kinds, sample_weight]).astype(np.float32))
        table = TensorTable({"input": torch.from_numpy(features.astype(np.float32))}, target)
        batch_size = int(np.clip(len(kinds) // _STEPS, _LEAST_IN_BATCH, _MOST_IN_BATCH))
        n_steps = _EPOCHS * -(-len(kinds) // batch_size)
        net = fit_net(
            lambda: _layers(features.shape[1], len(class_weights)),
            table,
            criterion=torch.nn.CrossEntropyLoss if sample_weight is None else _weighted_loss(),
            criterion__weight=torch.from_numpy(class_weights.astype(np.float32)),
            lr=_LR,
            max_epochs=_EPOCHS,
            batch_size=batch_size,
            weight_decay=_WEIGHT_DECAY,
            # A network of two thousand weights trains in seconds anywhere.
            device="cpu",
            random_state=seed,
            callbacks=gentle_training(_LR, n_steps),
            iterator_train__shuffle=True,
            optimizer__fused=True,
        )
        linear = [layer for layer in net.module_ if isinstance(layer, torch.nn.Linear)]
        return cls(
            [layer.weight.detach().numpy().T.copy() for layer in linear],
            [layer.bias.detach().numpy().copy() for layer in linear],
        )

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return one logit for each kind, shape (n_pairs, n_kinds)."""
        values = features
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = values @ weight + bias
            values *= expit(values)
        return values @ self.weights[-1] + self.biases[-1]


def _weighted_loss() -> Any:
    """Return the class of a cross-entropy whose targets have the weight of each pair in a second column."""
    import torch

    class WeightedCrossEntropy(torch.nn.CrossEntropyLoss):
        def forward(self, input: Any, target: Any) -> Any:
            kinds, weights = target[:, 0].long(), target[:, 1]
            assert self.weight is not None
            losses = torch.nn.functional.cross_entropy(input, kinds, self.weight, reduction="none")
            return (losses * weights).sum() / (self.weight[kinds] * weights).sum()

    return WeightedCrossEntropy


def _layers(n_features: int, n_kinds: int) -> Any:
    from torch import nn

    layers: list[Any] = []
    width = n_features
    for _ in range(_HIDDEN_LAYERS):
        layers += [nn.Linear(width, _WIDTH), nn.SiLU()]
        width = _WIDTH
    return nn.Sequential(*layers, nn.Linear(width, n_kinds))
