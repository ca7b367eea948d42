"""Splits: disjoint parts, clean negatives, three protocols."""

import networkx as nx
import numpy as np
import pytest

from skperturb.model_selection import link_prediction_split

EDGES = np.array(nx.gnm_random_graph(60, 300, seed=1).edges)


def codes(pairs):
    return {tuple(sorted(pair)) for pair in np.asarray(pairs).tolist()}


def parts(split):
    return [
        (split.X_train, split.y_train),
        (split.X_validation, split.y_validation),
        (split.X_test, split.y_test),
    ]


@pytest.mark.parametrize("negatives", ["uniform", "connected", "degree"])
@pytest.mark.parametrize("extra", [{}, {"hold_out_genes": 0.1}, {"later_pairs": [(0, 59), (1, 58), (2, 57)]}])
def test_no_pair_is_in_two_parts(negatives, extra):
    both_ways = np.concatenate([EDGES, EDGES[:, ::-1]])
    split = link_prediction_split(both_ways, negatives=negatives, genes=range(70), random_state=0, **extra)
    known = codes(EDGES) | codes(extra.get("later_pairs", []) or EDGES)
    all_pairs = [codes(X) for X, _ in parts(split)]
    assert sum(map(len, all_pairs)) == len(set().union(*all_pairs)) == sum(len(X) for X, _ in parts(split))
    for X, y in parts(split):
        assert y.sum() * 2 == len(y)
        assert codes(X[y == 1]) <= known
        assert not codes(X[y == 0]) & known


def test_fractions():
    split = link_prediction_split(EDGES, train_size=0.5, validation_size=0.2, n_negatives=2, random_state=0)
    assert [int(y.sum()) for _, y in parts(split)] == [150, 60, 90]
    assert [len(y) for _, y in parts(split)] == [450, 180, 270]


def test_genes_held_out():
    split = link_prediction_split(EDGES, hold_out_genes=[3, 5, 8], negatives="degree", random_state=0)
    assert split.held_out_genes.tolist() == [3, 5, 8]
    for X in (split.X_train, split.X_validation):
        assert not np.isin(X, [3, 5, 8]).any()
    assert (np.isin(split.X_test, [3, 5, 8]).sum(axis=1) == 1).all()


def test_temporal():
    split = link_prediction_split(EDGES[:200], later_pairs=EDGES, random_state=0)
    assert codes(split.X_test[split.y_test == 1]) == codes(EDGES[200:])
    assert int(split.y_train.sum()) == 160


def test_refused():
    with pytest.raises(ValueError, match="sum to more than 1"):
        link_prediction_split(EDGES, train_size=0.9, validation_size=0.2)
    with pytest.raises(ValueError, match="both given"):
        link_prediction_split(EDGES, later_pairs=EDGES, hold_out_genes=0.1)
    with pytest.raises(ValueError, match=r"names 1 genes without a known pair \(99\)"):
        link_prediction_split(EDGES, hold_out_genes=[99])
    with pytest.raises(ValueError, match="test part has no interaction"):
        link_prediction_split(EDGES, later_pairs=EDGES)
    with pytest.raises(ValueError, match="were asked"):
        link_prediction_split(EDGES, n_negatives=100)


def test_partners_of_unseen_genes_that_run_out():
    """Gene 0 is bound to all others but one."""
    edges = np.array([(0, k) for k in range(1, 9)] + [(k, k + 1) for k in range(1, 9)])
    with pytest.raises(ValueError, match=r"Only 1 of 8 negatives exist between the 1 unseen genes"):
        link_prediction_split(edges, hold_out_genes=[0], negatives="uniform", random_state=0)
