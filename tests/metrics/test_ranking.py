"""Scores of rankings against their definitions, worked by hand or naively."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from skperturb.metrics import hits_at_k, mean_reciprocal_rank, ndcg_at_k, precision_at_k, recall_at_k

RNG = np.random.RandomState(0)
LABELS, SCORES = RNG.randint(2, size=40), np.round(RNG.rand(40), 1)
GENES = RNG.randint(6, size=(40, 2))


def naive(measure, labels, scores, k):
    """Average over many orders of ties."""
    values = []
    for seed in range(3000):
        shuffled = np.random.RandomState(seed).permutation(len(labels))
        order = shuffled[np.argsort(-scores[shuffled], kind="stable")][:k]
        found, total = labels[order].sum(), labels.sum()
        values.append({"precision": found / min(k, len(labels)), "recall": found / total}[measure])
    return np.mean(values)


@pytest.mark.parametrize("k", [1, 7, 25, 100])
def test_precision_and_recall_count_ties_by_their_mean(k):
    # A mean of 3,000 orders has a standard error below 0.01.
    assert precision_at_k(LABELS, SCORES, k) == pytest.approx(naive("precision", LABELS, SCORES, k), abs=0.03)
    assert recall_at_k(LABELS, SCORES, k) == pytest.approx(naive("recall", LABELS, SCORES, k), abs=0.03)


@pytest.mark.parametrize("k", [1, 5, 40, 90])
def test_ndcg_is_scikit_learns(k):
    expected = ndcg_score(LABELS[None, :], SCORES[None, :], k=k)
    # scikit-learn shares ties among all ranks of theirs, of which those behind k are worth nothing.
    if k >= 40:
        assert ndcg_at_k(LABELS, SCORES, k) == pytest.approx(expected)
    distinct = SCORES + 1e-6 * np.arange(40)
    assert ndcg_at_k(LABELS, distinct, k) == pytest.approx(ndcg_score(LABELS[None, :], distinct[None, :], k=k))


@pytest.mark.parametrize("measure", [precision_at_k, recall_at_k, ndcg_at_k])
def test_per_gene_is_the_mean_of_the_genes_lists(measure):
    values = []
    for gene in range(6):
        rows = np.concatenate([np.flatnonzero(GENES[:, 0] == gene), np.flatnonzero(GENES[:, 1] == gene)])
        if LABELS[rows].any():
            values.append(measure(LABELS[rows], SCORES[rows], 3))
    assert measure(LABELS, SCORES, 3, genes=GENES) == pytest.approx(np.mean(values))
    assert np.isnan(measure([0, 0], [1.0, 2.0], 1, genes=["a", "b"]))
    with pytest.raises(ValueError, match=r"genes has shape \(3,\)"):
        measure([0, 1], [1.0, 2.0], 1, genes=["a", "b", "c"])


def test_no_interaction_has_no_recall():
    assert np.isnan(recall_at_k([0, 0], [1.0, 2.0]))
    assert np.isnan(ndcg_at_k([0, 0], [1.0, 2.0]))


def test_ranks_among_own_negatives():
    positive, negative = [3.0, 1.0, 2.0], [[1.0, 2.0], [2.0, 1.0], [np.nan, 5.0]]
    # Ranks 1, 2.5 (one above, one tied) and 2.
    assert mean_reciprocal_rank(positive, negative) == pytest.approx((1 + 1 / 2.5 + 1 / 2) / 3)
    assert hits_at_k(positive, negative, k=1) == pytest.approx(1 / 3)
    assert hits_at_k(positive, negative, k=2) == pytest.approx(2 / 3)


@pytest.mark.parametrize("measure", [mean_reciprocal_rank, hits_at_k])
def test_shapes_of_own_negatives(measure):
    with pytest.raises(ValueError, match=r"positive_scores has shape \(2,\) and negative_scores \(3, 1\)"):
        measure([1.0, 2.0], [[1.0], [2.0], [3.0]])
    with pytest.raises(ValueError, match="positive_scores is nan in row 1"):
        measure([1.0, np.nan], [[1.0], [2.0]])
