"""Weights of pairs count in every model; a named third column is the same as the argument."""

import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder, L3Paths, SpectralGeneEmbedder
from skperturb.model_selection import InteractionKFold, sample_negative_pairs

NETWORK = make_gene_network(60, 3, n_interactions=250, random_state=0)
RNG = np.random.RandomState(0)
WEIGHTS = RNG.rand(250) + 0.05
QUICK = {"n_components": 4, "max_epochs": 2, "n_folds": 2, "device": "cpu"}
MODELS = [L3Paths, lambda **c: SpectralGeneEmbedder(n_components=4, **c), lambda **c: GNEEmbedder(**QUICK, **c)]


@pytest.mark.parametrize("build", MODELS)
def test_weights_count_and_a_named_column_is_the_same(build):
    model = build(random_state=0).fit(NETWORK.pairs, sample_weight=WEIGHTS)
    scores = model.decision_function(NETWORK.pairs)
    for name in ("weight", "Confidence", "score") if build is L3Paths else ("weight",):
        frame = pd.DataFrame(NETWORK.pairs, columns=["a", "b"]).assign(**{name: WEIGHTS})
        again = build(random_state=0).fit(frame)
        np.testing.assert_array_equal(again.decision_function(frame), scores)
    assert not np.allclose(build(random_state=0).fit(NETWORK.pairs).decision_function(NETWORK.pairs), scores)
    if build is not L3Paths:
        return
    even = build(random_state=0).fit(NETWORK.pairs, sample_weight=np.full(250, 3.0)).decision_function(NETWORK.pairs)
    plain = build(random_state=0).fit(NETWORK.pairs).decision_function(NETWORK.pairs)
    # Three times the weight is a third of the regression's penalty.
    assert np.corrcoef(even, plain)[0, 1] > 0.99


def test_doubtful_pairs_count_less():
    """Interactions of one module that are all in doubt lose against those that are not."""
    genes = [f"{side}{k}" for side in "abcd" for k in range(12)]
    pairs = np.array(
        [(f"{x}{i}", f"{y}{j}") for x, y in ("ab", "cd") for i in range(12) for j in range(12) if (i + j) % 3]
    )
    negatives = sample_negative_pairs(pairs, len(pairs), genes=genes, random_state=0)
    X, y = np.concatenate([pairs, negatives]), np.repeat([1, 0], [len(pairs), len(negatives)])
    expression = pd.DataFrame(np.random.RandomState(0).standard_normal((48, 5)), index=genes)
    doubt = np.where([pair[0][0] in "ab" and pair[1][0] in "ab" for pair in X], 0.01, 1.0)
    weighted, plain = (
        L3Paths(expression, random_state=0).fit(X, y, sample_weight=weights)
        for weights in (np.where(y, doubt, 1.0), None)
    )
    assert weighted.decision_function(pairs).mean() < plain.decision_function(pairs).mean() - 0.1


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (WEIGHTS[:-1], ValueError, r"sample_weight has shape \(249,\)"),
        (np.r_[WEIGHTS[:-1], -1], ValueError, "sample_weight is -1.0 in row 249"),
        (np.r_[np.nan, WEIGHTS[1:]], ValueError, "sample_weight is nan in row 0"),
        (np.zeros(250), ValueError, "sample_weight is zero for all 250 pairs"),
        (["x"] * 250, TypeError, "sample_weight is not numeric"),
    ],
)
def test_refusals(weights, error, message):
    with pytest.raises(error, match=message):
        L3Paths(random_state=0).fit(NETWORK.pairs, sample_weight=weights)


def test_interactions_without_weight_are_refused():
    X, y = np.concatenate([NETWORK.pairs[:5], [["x", "y"]]]), [1] * 5 + [0]
    with pytest.raises(ValueError, match="weights of all interactions are zero"):
        L3Paths(random_state=0).fit(X, y, sample_weight=[0.0] * 5 + [1.0])


def test_repeated_rows_count_by_their_mean():
    twice = np.concatenate([NETWORK.pairs, NETWORK.pairs[:, ::-1]])
    weights = np.concatenate([WEIGHTS * 0.5, WEIGHTS * 1.5])
    once = L3Paths(random_state=0).fit(NETWORK.pairs, sample_weight=WEIGHTS)
    model = L3Paths(random_state=0).fit(twice, sample_weight=weights)
    np.testing.assert_allclose(model.decision_function(twice), once.decision_function(twice))


@pytest.mark.parametrize("scale", [1e-300, 1e308])
def test_only_ratios_of_weights_count(scale):
    model = L3Paths(random_state=0).fit(NETWORK.pairs, sample_weight=np.full(250, scale))
    assert np.isfinite(model.decision_function(NETWORK.pairs)).all()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (-WEIGHTS, ValueError, "not negative"),
        (np.full(250, np.nan), ValueError, "expected finite weights"),
        (np.zeros(250), ValueError, "at least one pair that counts"),
        (["a"] * 250, TypeError, "sample_weight is not numeric"),
    ],
)
def test_a_score_refuses_weights_that_a_fit_refuses(weights, error, message):
    model = L3Paths(random_state=0).fit(NETWORK.pairs)
    with pytest.raises(error, match=message):
        model.score(NETWORK.pairs, np.ones(250), sample_weight=weights)


def test_a_row_without_weight_is_described_all_the_same():
    """What a later step trains on has a row for each pair, and folds take pairs with their weights."""
    frame = pd.DataFrame(NETWORK.pairs, columns=["a", "b"]).assign(weight=np.where(np.arange(250) % 5, WEIGHTS, 0.0))
    for model in (L3Paths(random_state=0, unknown="zero"), GNEEmbedder(**QUICK, random_state=0, unknown="zero")):
        described = model.fit_transform(frame)
        assert np.isfinite(described).all()
        lacking = frame["weight"] == 0
        np.testing.assert_array_equal(described[lacking], model.transform(frame[lacking]))
        assert len(model.positive_pairs_) == 200
    weighed = model.score(frame, sample_weight=WEIGHTS)
    assert weighed == model.score(NETWORK.pairs, sample_weight=WEIGHTS * frame["weight"].to_numpy())
    folds = [test.tolist() for _, test in InteractionKFold(3, random_state=0).split(frame)]
    assert folds == [test.tolist() for _, test in InteractionKFold(3, random_state=0).split(NETWORK.pairs)]


def test_weights_in_another_order_than_the_pairs_are_refused():
    pairs = pd.DataFrame(NETWORK.pairs, index=[f"row{k}" for k in range(250)])
    weights = pd.Series(WEIGHTS, index=pairs.index)
    model = L3Paths(random_state=0).fit(pairs, sample_weight=weights)
    for call in (model.fit, model.score):
        with pytest.raises(
            ValueError, match=r"row 0 is 'row0' in X and 'row249' in sample_weight\. Bring .* into one order"
        ):
            call(pairs, sample_weight=weights[::-1])
