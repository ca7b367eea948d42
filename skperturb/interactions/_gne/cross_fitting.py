"""Cross-fitting: each pair is described by a model that has not seen it.

A classifier of pairs learns from descriptions: what a trained network and its graph say of the pair. A network knows
the edges that it was trained on by heart, and the two genes of an edge of the graph lie close together because of that
edge. Described by a model that has seen them, the training pairs look better than any new pair will; the classifier
would learn to trust a memory that new pairs are not in. The simplest description shows it: "the graph has this edge".

>>> import numpy as np
>>> from skperturb._pairs import symmetric_graph
>>> from skperturb.interactions._gne.training_pairs import POSITIVE, UNIFORM
>>> pairs = np.array([(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (1, 3)])
>>> kinds = np.array(4 * [POSITIVE] + 2 * [UNIFORM])
>>> def train(graph, seed=0):
...     return graph
>>> def has_edge(graph, pairs):
...     return np.asarray(graph[pairs[:, 0], pairs[:, 1]]).reshape(-1, 1)
>>> has_edge(train(symmetric_graph(pairs[:4], 5)), pairs).ravel()
array([1., 1., 1., 1., 0., 0.])

On the training pairs it is the label, and of a new pair it says nothing. So the pairs are divided into folds; for each
fold a model is trained on the graph without the fold's edges, and describes the pairs of the fold:

>>> models, described = CrossFitting(train, has_edge, n_folds=2, random_state=np.random.RandomState(0)).fit(
...     pairs, kinds, n_nodes=5
... )
>>> described.ravel()
array([0., 0., 0., 0., 0., 0.])

Three details keep other leaks shut. Both orders and all repetitions of a pair share a fold, or the copy would tell. The
negatives have folds too: models differ in scale, and a classifier that met the edges of a fold through one model but
the negatives through all of them would tell the models apart in place of the pairs. And each kind of pairs is divided
on its own, so that every fold holds the same share of each.

A new pair is in no fold and seen by no model: the mean of what all models say of it describes it, with less noise than
a single model's word. Each model lacks one fold of the edges, so few folds understate what the whole graph knows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from skperturb._epoch_progress import FoldProgress
from skperturb._pairs import pair_codes, symmetric_graph
from skperturb.interactions._gne.training_pairs import POSITIVE

__all__ = ["CrossFitting", "divided"]

Model = TypeVar("Model")


@dataclass(frozen=True)
class CrossFitting(Generic[Model]):
    """Trains a model without each fold of the edges, and describes each pair by the model that has not seen it.

    Parameters
    ----------
    train : callable
        ``train(graph, seed)`` returns a model of a symmetric graph.
    describe : callable
        ``describe(model, positions)`` returns one row of features for each pair.
    n_folds : int
        At most the number of different edges.
    random_state : RandomState
        Decides the folds, and the seed of each training.
    n_jobs : int or None, default=None
        Processes that train folds at the same time, as joblib counts them. Then both functions have to be picklable.
    max_epochs : int, default=0
        If positive, the epochs are shown: ``train(graph, seed, progress=…)`` gets what shows those of a fold.
    """

    train: Callable[..., Model]
    describe: Callable[[Model, np.ndarray], np.ndarray]
    n_folds: int
    random_state: np.random.RandomState
    n_jobs: int | None = None
    max_epochs: int = 0

    def fit(
        self,
        positions: np.ndarray,
        kinds: np.ndarray,
        n_nodes: int,
        wanted: np.ndarray | None = None,
        folds: np.ndarray | None = None,
    ) -> tuple[list[Model], np.ndarray]:
        """Train the models and describe the pairs.

        Parameters
        ----------
        positions : ndarray of shape (n_pairs, 2)
        kinds : ndarray of shape (n_pairs,)
            Those of the kind `POSITIVE` are the edges.
        n_nodes : int
        wanted : ndarray of bool, shape (n_pairs,), default=None
            Pairs to describe; all when None.
        folds : ndarray of int, shape (n_pairs,), default=None
            The fold of each pair; `divided` when None.

        Returns
        -------
        models : list of n_folds models
        features : ndarray of shape (n_pairs, n_features)
            NaN where no description is wanted.
        """
        wanted = np.ones(len(positions), dtype=bool) if wanted is None else wanted
        if folds is None:
            folds = divided(positions, kinds, n_nodes, self.n_folds, self.random_state)
        seeds = [int(self.random_state.randint(np.iinfo(np.int32).max)) for _ in range(self.n_folds)]
        progress = None
        if self.max_epochs:
            progress = FoldProgress(self.n_folds, self.max_epochs, effective_n_jobs(self.n_jobs) > 1)
        tasks = (
            delayed(_train_and_describe)(
                self.train if progress is None else progress.bind(self.train, fold),
                self.describe,
                positions[(kinds == POSITIVE) & (folds != fold)],
                n_nodes,
                seeds[fold],
                positions[(folds == fold) & wanted],
            )
            for fold in range(self.n_folds)
        )
        results = self._run(tasks, progress)
        features = np.full((len(positions), max(described.shape[1] for _, described in results)), np.nan)
        for fold, (_, described) in enumerate(results):
            features[(folds == fold) & wanted] = described
        return [model for model, _ in results], features

    def _run(self, tasks: Iterable[Any], progress: FoldProgress | None) -> list[Any]:
        if progress is None or progress.bar is None:
            return list(Parallel(n_jobs=self.n_jobs)(tasks))
        results = []
        try:
            for fold, result in enumerate(Parallel(n_jobs=self.n_jobs, return_as="generator")(tasks)):
                progress.done(fold)
                results.append(result)
        finally:
            progress.close()
        return results


def divided(
    positions: np.ndarray, kinds: np.ndarray, n_nodes: int, n_folds: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Assign each kind of pairs to folds of equal size, the repetitions of a pair to the same one.

    Parameters
    ----------
    positions : ndarray of shape (n_pairs, 2)
    kinds : ndarray of shape (n_pairs,)
    n_nodes, n_folds : int
    random_state : RandomState

    Returns
    -------
    ndarray of int, shape (n_pairs,)
    """
    folds = np.empty(len(positions), dtype=int)
    for kind in np.unique(kinds):
        chosen = kinds == kind
        _, pair = np.unique(pair_codes(positions[chosen], n_nodes), return_inverse=True)
        folds[chosen] = (random_state.permutation(int(pair.max()) + 1) % n_folds)[pair]
    return folds


def _train_and_describe(
    train: Callable[..., Model],
    describe: Callable[[Model, np.ndarray], np.ndarray],
    edges: np.ndarray,
    n_nodes: int,
    seed: int,
    positions: np.ndarray,
) -> tuple[Model, np.ndarray]:
    model = train(symmetric_graph(edges, n_nodes), seed)
    return model, describe(model, positions)
