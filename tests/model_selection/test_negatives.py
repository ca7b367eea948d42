"""Negative pairs: exact, without replacement, never a known interaction."""

import itertools
import time

import numpy as np
import pytest

from skperturb.model_selection import sample_negative_pairs

KNOWN = [(0, 1), (1, 0), (1, 2), (1, 3), (4, 5)]
STRATEGIES = ("uniform", "connected", "degree")


def unordered(pairs):
    return [tuple(sorted(pair)) for pair in np.asarray(pairs).tolist()]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("n_samples", [0, 1, 5, 11])
def test_exact_and_new(strategy, n_samples):
    sample = unordered(sample_negative_pairs(KNOWN, n_samples, strategy=strategy, random_state=0))
    assert len(sample) == len(set(sample)) == n_samples
    assert not set(sample) & set(unordered(KNOWN))
    assert all(a != b for a, b in sample)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_pairs_can_be_asked_but_no_more(strategy):
    everything = set(itertools.combinations(range(6), 2)) - set(unordered(KNOWN))
    assert set(unordered(sample_negative_pairs(KNOWN, len(everything), strategy=strategy))) == everything
    with pytest.raises(ValueError, match=r"n_samples=12 .* only 11 pairs of the 6 candidate genes"):
        sample_negative_pairs(KNOWN, 12, strategy=strategy)


def test_uniform_reaches_isolated_genes_and_is_uniform():
    known, genes = [(0, 1), (1, 2)], range(5)
    counts = dict.fromkeys(set(itertools.combinations(range(5), 2)) - {(0, 1), (1, 2)}, 0)
    for seed in range(2000):
        (pair,) = unordered(sample_negative_pairs(known, 1, genes=genes, random_state=seed))
        counts[pair] += 1
    # 8 cells of expectation 250: the 99.9 % quantile of chi-square with 7 degrees of freedom is 24.3.
    assert sum((count - 250) ** 2 / 250 for count in counts.values()) < 24.3


def test_connected_leaves_isolated_genes_out():
    sample = sample_negative_pairs([(0, 1), (2, 3)], 4, strategy="connected", genes=range(50), random_state=0)
    assert sample.max() <= 3


def test_degree_matches_popularity():
    rng = np.random.RandomState(0)
    weights = 1.0 / np.arange(1, 401)
    ends = rng.choice(400, size=(3000, 2), p=weights / weights.sum())
    known = ends[ends[:, 0] != ends[:, 1]]
    sample = sample_negative_pairs(known[:50], 500, strategy="degree", ends=known, random_state=0)
    wanted = np.bincount(known.ravel(), minlength=400) / known.size
    got = np.bincount(sample.ravel(), minlength=400) / sample.size
    assert np.corrcoef(wanted, got)[0, 1] > 0.95
    # The popular half of the ends stays about as popular.
    assert abs(wanted[:20].sum() - got[:20].sum()) < 0.12


def test_names_seed_and_global_state():
    known = [("b", "a"), ("c", "a"), ("d", "e")]
    np.random.seed(7)  # noqa: NPY002
    first = sample_negative_pairs(known, 5, random_state=3)
    np.testing.assert_array_equal(first, sample_negative_pairs(known, 5, random_state=3))
    assert {type(value) for value in first.ravel()} == {str}
    expected = np.random.RandomState(7).rand()
    assert np.random.rand() == expected  # noqa: NPY002


def test_large_sample_is_fast():
    rng = np.random.RandomState(0)
    known = rng.randint(20_000, size=(1_000_000, 2))
    known = known[known[:, 0] != known[:, 1]]
    start = time.perf_counter()
    sample = sample_negative_pairs(known, 1_000_000, strategy="degree", random_state=0)
    assert len(sample) == 1_000_000
    # Seconds on a free core; the bound leaves room for a busy one.
    assert time.perf_counter() - start < 60


DRUGS, TARGETS = [f"d{k}" for k in range(6)], [f"t{k}" for k in range(9)]
BINDS = [(f"d{k % 6}", f"t{(k * k) % 9}") for k in range(12)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("known", [BINDS, [(b, a) for a, b in BINDS], [*BINDS, *((b, a) for a, b in BINDS)]])
def test_between_two_sides(strategy, known):
    everything = {(a, b) for a in DRUGS for b in TARGETS} - set(BINDS)
    if strategy != "uniform":
        bound = {gene for pair in BINDS for gene in pair}
        everything = {pair for pair in everything if set(pair) <= bound}
    drawn = sample_negative_pairs(
        known, len(everything), between=(DRUGS, TARGETS), strategy=strategy, random_state=0
    ).tolist()
    assert set(map(tuple, drawn)) == everything
    with pytest.raises(ValueError, match=f"only {len(everything)} pairs of one of"):
        sample_negative_pairs(known, len(everything) + 1, between=(DRUGS, TARGETS), strategy=strategy)
    few = sample_negative_pairs(known, 5, between=(DRUGS, TARGETS), strategy=strategy, random_state=1)
    assert {tuple(pair) for pair in few.tolist()} <= everything
    assert len(np.unique(few.astype(str), axis=0)) == 5


def test_genes_on_both_sides_are_one_pair():
    """Regulators are genes too: (r0, r1) and (r1, r0) are one pair, and (r0, r0) none."""
    regulators, genes = ["r0", "r1", "r2"], ["r0", "r1", "g0", "g1"]
    known = [("r0", "g0"), ("r2", "r1")]
    expected = {
        tuple(sorted((a, b))) for a in regulators for b in genes if a != b and (a, b) not in known
    }  # fmt: skip
    drawn = sample_negative_pairs(known, len(expected), between=(regulators, genes), random_state=0)
    assert sorted(unordered(drawn)) == sorted(expected)
    assert all(a in regulators and b in genes for a, b in drawn.tolist())


def test_between_by_degree():
    known = [("d0", f"t{k}") for k in range(8)] + [("d1", "t0"), ("d2", "t8"), ("d2", "t1")]
    counts = {"d1": 0, "d2": 0}
    for seed in range(900):
        ((drug, _),) = sample_negative_pairs(
            known, 1, between=(["d1", "d2"], ["t0", "t4", "t5"]), strategy="degree", random_state=seed
        )
        counts[drug] += 1
    # Products of degrees: 1 + 1 for d1, which binds t0, and 2 · 2 + 2 + 2 for d2. So 720 of 900, standard deviation 12.
    assert abs(counts["d2"] - 720) < 60


@pytest.mark.parametrize(
    ("between", "words"),
    [
        ((DRUGS,), "between has 1 entries"),
        ((DRUGS, "t0"), "expected two sequences"),
        ((DRUGS, []), r"between\[1\] is empty"),
        ((["D0", "D1"], ["T0"]), "none of the 10 known pairs .* joins the two sides"),
        ((DRUGS, DRUGS), "joins the two sides"),
    ],
)
def test_sides_that_are_none(between, words):
    with pytest.raises(ValueError, match=words):
        sample_negative_pairs(BINDS, 1, between=between)


def test_known_self_pairs():
    with pytest.raises(ValueError, match="known_pairs has 1 self-pairs"):
        sample_negative_pairs([*KNOWN, (3, 3)], 3)
    everything = set(itertools.combinations(range(6), 2)) - set(unordered(KNOWN))
    drawn = sample_negative_pairs([*KNOWN, (3, 3)], len(everything), self_pairs="drop", random_state=0)
    assert set(unordered(drawn)) == everything
