"""The classifier behind GNEEmbedder: two kinds of negatives, one order of pairs."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from skperturb.interactions._gne.classifier import PairClassifier
from skperturb.interactions._gne.perceptron import Perceptron
from skperturb.interactions._gne.training_pairs import DEGREE, POSITIVE, UNIFORM


def pairs_of_all_kinds(n, seed):
    """Draw a popularity, which sets uniform negatives apart, and a signal, which sets both kinds apart."""
    rng = np.random.RandomState(seed)
    popularity = np.concatenate([rng.normal(2, 1, n), rng.normal(0, 1, 2 * n), rng.normal(2, 1, n)])
    signal = np.concatenate([rng.normal(1, 1, n), rng.normal(0, 1, 3 * n)])
    return np.column_stack([popularity, signal]), np.repeat([POSITIVE, UNIFORM, DEGREE], [n, 2 * n, n])


def pairs_of_one_kind(features, kinds, negative):
    chosen = np.isin(kinds, (POSITIVE, negative))
    return features[chosen], kinds[chosen]


TRAIN, KINDS = pairs_of_all_kinds(800, 0)
TEST, TEST_KINDS = pairs_of_all_kinds(2000, 1)
MODEL = PairClassifier(0.7, 0).fit(TRAIN, KINDS)


def figures(model):
    """Return AUROC and average precision against uniform negatives and AUROC against degree-matched ones."""
    scores = model.decision_function(TEST)
    (uniform, kinds), (matched, other) = (pairs_of_one_kind(scores, TEST_KINDS, kind) for kind in (UNIFORM, DEGREE))
    truth = kinds == POSITIVE
    return roc_auc_score(truth, uniform), average_precision_score(truth, uniform), -roc_auc_score(other, matched) + 1


def test_share_trades_one_kind_of_negatives_for_the_other():
    found = np.array([figures(PairClassifier(share, 0).fit(TRAIN, KINDS)) for share in (0.0, 0.7, 1.0)])
    assert (np.diff(found[:, 0]) > 0).all()
    assert (np.diff(found[:, 1]) > 0).all()
    assert (np.diff(found[:, 2]) < 0).all()
    # Normal distributions at known distances: Φ(1 / √2) against degree-matched negatives, Φ(√5 / √2) against uniform.
    assert found[0, 2] == pytest.approx(0.760, abs=0.025)
    assert found[-1, 0] == pytest.approx(0.943, abs=0.012)


def test_rising_weight_buys_average_precision(monkeypatch):
    # At the same AUROC against degree-matched negatives, the order with one weight throughout is less precise.
    _, precision, matched = figures(MODEL)
    odds = MODEL._log_odds(TEST)
    plain = PairClassifier(0.5, 0)
    plain.kinds_, plain.curves_, plain.slope_, plain.intercept_ = MODEL.kinds_, [], 1.0, 0.0
    monkeypatch.setattr(plain, "_log_odds", lambda _: odds)
    found = []
    for share in np.linspace(0.4, 0.99, 60):
        plain.uniform_share = share
        found.append(figures(plain))
    found = np.array(found)
    assert precision > np.interp(-matched, -found[:, 2], found[:, 1]) + 2e-4


@pytest.mark.parametrize("kind", [UNIFORM, DEGREE])
def test_one_kind_of_negatives(kind):
    model = PairClassifier(0.5, 0).fit(*pairs_of_one_kind(TRAIN, KINDS, kind))
    features, kinds = pairs_of_one_kind(TEST, TEST_KINDS, kind)
    scores, truth = model.decision_function(features), kinds == POSITIVE
    assert roc_auc_score(truth, scores) > 0.7
    # Log-odds: half of the weight is the interactions'.
    weights = np.where(truth, 1.0, truth.sum() / (~truth).sum())
    assert np.average(expit(scores), weights=weights) == pytest.approx(0.5, abs=0.04)


def test_a_pair_alone_scores_as_among_others():
    np.testing.assert_allclose(MODEL.decision_function(TEST[5:8]), MODEL.decision_function(TEST)[5:8], rtol=1e-12)


def test_perceptron_counts_less_where_pairs_are_few():
    assert MODEL.perceptron_share_ == pytest.approx(800 / 2800)
    scaled = MODEL._scale(TEST)
    odds = [
        scores[:, :1] - scores[:, 1:]
        for scores in (MODEL.linear_.decision_function(scaled), MODEL.perceptron_.logits(scaled))
    ]
    np.testing.assert_allclose(MODEL._log_odds(TEST), (2000 * odds[0] + 800 * odds[1]) / 2800)
    # Forty interactions whose features say nothing are not learned by heart: new pairs get log-odds near zero.
    rng = np.random.RandomState(0)
    kinds = np.repeat([POSITIVE, UNIFORM, DEGREE], [40, 80, 40])
    few = PairClassifier(0.7, 0).fit(rng.standard_normal((160, 5)), kinds)
    assert few._log_odds(rng.standard_normal((500, 5))).std() < 1


def test_logits_of_a_perceptron_by_hand():
    hidden, out = (
        (np.array([[1.0, -2.0]]), np.array([0.5, 1.0])),
        (np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([4.0, -1.0])),
    )
    perceptron = Perceptron([hidden[0], out[0]], [hidden[1], out[1]])
    bent = np.array([2.5 / (1 + np.exp(-2.5)), -3.0 / (1 + np.exp(3.0))])
    np.testing.assert_allclose(perceptron.logits(np.array([[2.0]]))[0], [bent[0] + 3 * bent[1] + 4, 2 * bent[0] - 1])


def test_perceptron_learns_what_a_straight_line_cannot():
    rng = np.random.RandomState(0)
    features = rng.standard_normal((4000, 2))
    kinds = (features.prod(axis=1) > 0).astype(int)
    perceptron = Perceptron.fit(features[:3000], kinds[:3000], np.ones(2), 0)
    found = perceptron.logits(features[3000:]).argmax(axis=1)
    assert (found == kinds[3000:]).mean() > 0.9
    again = Perceptron.fit(features[:3000], kinds[:3000], np.ones(2), 0)
    np.testing.assert_array_equal(again.weights[0], perceptron.weights[0])


def test_features_far_from_the_training_count_as_at_its_border():
    far = np.array([[1e6, 1e6], [1e9, 1e9]])
    first, second = MODEL.decision_function(far)
    assert first == second
    assert abs(first) < 100
