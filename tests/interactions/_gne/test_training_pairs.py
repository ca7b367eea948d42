"""The pairs that the classifier of GNEEmbedder learns from."""

import numpy as np

from skperturb.interactions import GNEEmbedder
from skperturb.interactions._gne.training_pairs import DEGREE, POSITIVE, UNIFORM

RNG = np.random.RandomState(0)


def pairs_of(n_genes, n_interactions, n_folds):
    """Return the classifier's pairs of a random graph, with their kinds and folds."""
    every = np.column_stack(np.triu_indices(n_genes, k=1))
    edges = every[RNG.permutation(len(every))[:n_interactions]]
    model = GNEEmbedder(random_state=0, genes=range(n_genes))
    positions, labels = model._start(edges, None)
    return model._classifier_pairs(positions, labels, n_folds)


def test_degree_matched_negatives_lose_what_the_interactions_of_their_fold_lose():
    n_folds = 4
    positions, kinds, folds = pairs_of(300, 1800, n_folds)
    means = []
    for fold in range(n_folds):
        rest = positions[(kinds == POSITIVE) & (folds != fold)]
        degrees = np.bincount(rest.ravel(), minlength=300)
        means.append([degrees[positions[(kinds == kind) & (folds == fold)]].mean() for kind in (POSITIVE, DEGREE)])
    interactions, matched = np.mean(means, axis=0)
    # Genes drawn by their degrees in the whole graph would be more popular by the partner that the interactions lost,
    # less the quarter of it that they lose by chance: 0.75. The noise of the means is 0.1.
    assert abs(matched - interactions) < 0.3


def test_kinds_are_disjoint_and_every_fold_has_its_share():
    positions, kinds, folds = pairs_of(200, 900, 5)
    codes = np.sort(positions, axis=1) @ np.array([200, 1])
    assert len(np.unique(codes)) == len(codes)
    for kind, number in ((POSITIVE, 900), (UNIFORM, 1800), (DEGREE, 1800)):
        np.testing.assert_array_equal(np.bincount(folds[kinds == kind]), [number // 5] * 5)


def test_few_interactions_share_their_degree_matched_negatives():
    _, kinds, folds = pairs_of(40, 30, 10)
    assert (kinds == DEGREE).sum() == 60
    assert (np.bincount(folds[kinds == DEGREE]) == 6).all()
