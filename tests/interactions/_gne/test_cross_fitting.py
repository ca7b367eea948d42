"""Cross-fitting: no model describes what it has seen."""

import numpy as np
import pytest

from skperturb.interactions._gne.cross_fitting import CrossFitting
from skperturb.interactions._gne.training_pairs import DEGREE, POSITIVE, UNIFORM

RNG = np.random.RandomState(0)
CODES = RNG.permutation(20 * 19 // 2)[:120]
PAIRS = np.column_stack(np.triu_indices(20, k=1))[CODES]
# The last ten pairs repeat others, in the other order.
PAIRS[110:] = PAIRS[:10, ::-1]
KINDS = np.repeat([POSITIVE, UNIFORM, DEGREE, POSITIVE], [40, 40, 30, 10])


def fit(n_folds, seed=0):
    graphs = []

    def train(graph, seed):
        graphs.append(graph.toarray())
        return len(graphs) - 1

    def describe(model, pairs):
        return np.column_stack([np.full(len(pairs), model), graphs[model][pairs[:, 0], pairs[:, 1]], pairs])

    models, features = CrossFitting(train, describe, n_folds, np.random.RandomState(seed)).fit(PAIRS, KINDS, 20)
    return graphs, models, features


@pytest.mark.parametrize("n_folds", [2, 5, 40])
def test_no_model_describes_an_edge_that_it_was_trained_on(n_folds):
    graphs, models, features = fit(n_folds)
    assert models == list(range(n_folds))
    np.testing.assert_array_equal(features[:, 2:], PAIRS)
    assert not features[:, 1].any()
    whole = np.zeros((20, 20))
    whole[tuple(PAIRS[KINDS == POSITIVE].T)] = 1
    whole = np.maximum(whole, whole.T)
    # All the other edges are in its graph, so that each is missing once.
    np.testing.assert_array_equal(sum(whole - graph for graph in graphs), whole)


def test_folds_hold_each_kind_alike_and_both_orders_of_a_pair():
    folds = fit(5)[2][:, 0]
    np.testing.assert_array_equal(folds[110:], folds[:10])
    for kind, size in ((POSITIVE, 8), (UNIFORM, 8), (DEGREE, 6)):
        np.testing.assert_array_equal(np.bincount(folds[:110][KINDS[:110] == kind].astype(int)), [size] * 5)


def test_random_state_decides_the_folds():
    np.testing.assert_array_equal(fit(4)[2], fit(4)[2])
    assert (fit(4)[2] != fit(4, seed=1)[2]).any()


def test_only_wanted_pairs_are_described():
    asked = []

    def describe(model, pairs):
        asked.append(len(pairs))
        return pairs.astype(float)

    wanted = np.arange(len(PAIRS)) % 3 == 0
    fitting = CrossFitting(lambda graph, seed: graph, describe, 4, np.random.RandomState(0))
    _, features = fitting.fit(PAIRS, KINDS, 20, wanted)
    assert sum(asked) == wanted.sum()
    np.testing.assert_array_equal(features[wanted], PAIRS[wanted])
    assert np.isnan(features[~wanted]).all()


def test_given_folds_are_kept():
    folds = np.arange(len(PAIRS)) % 3
    asked = []

    def describe(model, pairs):
        asked.append(pairs)
        return pairs.astype(float)

    fitting = CrossFitting(lambda graph, seed: graph, describe, 3, np.random.RandomState(0))
    fitting.fit(PAIRS, KINDS, 20, folds=folds)
    for fold, pairs in enumerate(asked):
        np.testing.assert_array_equal(pairs, PAIRS[folds == fold])
