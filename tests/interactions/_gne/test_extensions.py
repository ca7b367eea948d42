"""Attributes of genes without partners, several tables, progress, calibration, and networks of few interactions."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import ExpressionCorrelation, GNEEmbedder
from skperturb.interactions._gne import poisson_factors
from skperturb.interactions._gne.classifier import PairClassifier
from skperturb.interactions._gne.features import described_by_all
from skperturb.interactions._gne.training_pairs import DEGREE, POSITIVE, UNIFORM
from skperturb.model_selection import link_prediction_split

NETWORK = make_gene_network(90, 4, n_interactions=600, expression_signal=0.8, random_state=0)
QUICK = {"n_components": 8, "n_folds": 2, "max_epochs": 20, "device": "cpu", "random_state": 0}


def test_unseen_genes_are_told_by_their_attributes():
    held_out = NETWORK.genes[::9]
    split = link_prediction_split(
        NETWORK.pairs,
        genes=NETWORK.genes,
        train_size=1.0,
        validation_size=0.0,
        hold_out_genes=held_out,
        negatives="degree",
        random_state=0,
    )
    X, y = split.X_train, split.y_train
    model = GNEEmbedder(NETWORK.expression, genes=NETWORK.genes, **QUICK).fit(X, y)
    without = GNEEmbedder(genes=NETWORK.genes, **QUICK).fit(X, y)
    scores = [roc_auc_score(split.y_test, m.decision_function(split.X_test)) for m in (model, without)]
    assert scores[0] > scores[1] + 0.1
    # Pairs of genes that are known are told by the graph.
    np.testing.assert_array_equal(
        model._head.decision_function(described_by_all(model._folds, model._surroundings, model._locate(X)[0])),
        model.decision_function(X),
    )


def test_no_second_network_without_unseen_genes():
    model = GNEEmbedder(NETWORK.expression, **{**QUICK, "max_epochs": 1}).fit(NETWORK.pairs)
    assert model._unseen is None


def test_tables_count_alike_and_may_miss_genes():
    table = NETWORK.expression
    first, second = table.iloc[:60, :30], table.iloc[30:, 30:]
    model = ExpressionCorrelation({"bulk": first, "single cell": second}, random_state=0).fit(NETWORK.pairs)
    both = first.index.intersection(second.index)[:2]
    signed = [np.corrcoef(part.loc[both[0]], part.loc[both[1]])[0, 1] for part in (first, second)]
    assert model.transform([tuple(both)]).item() == pytest.approx(abs(np.mean(signed)))
    # Genes that no table shares have nothing to correlate.
    assert model.transform([(first.index[0], second.index[-1])]).item() == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match=r"expression\['GO'\]: expression has NaN"):
        ExpressionCorrelation({"GO": table * np.nan}).fit(NETWORK.pairs)
    with pytest.raises(ValueError, match="empty dict"):
        ExpressionCorrelation({}).fit(NETWORK.pairs)


def test_progress_is_a_line_for_each_epoch(capsys):
    GNEEmbedder(**{**QUICK, "max_epochs": 2}, verbose=1).fit(NETWORK.pairs)
    lines = capsys.readouterr().out.splitlines()
    starts = [f"fold {fold} of 2, epoch {epoch} of 2: train_loss " for fold in (1, 2) for epoch in (1, 2)]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=True)] == [True] * 4
    assert "\x1b" not in "".join(lines)
    GNEEmbedder(**{**QUICK, "max_epochs": 2}).fit(NETWORK.pairs)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("n_interactions", [3, 4, 5, 10, 30, 100, 300])
def test_few_interactions_give_log_odds_of_ordinary_size(n_interactions):
    n_genes = max(4, n_interactions // 2 + 2)
    every = np.array(list(itertools.combinations(range(n_genes), 2)))
    pairs = every[np.random.RandomState(0).permutation(len(every))[:n_interactions]]
    model = GNEEmbedder(random_state=0, max_epochs=4, n_folds=3, genes=range(n_genes)).fit(pairs)
    genes = model.genes_.tolist()
    scores = model.decision_function([(a, b) for k, a in enumerate(genes) for b in genes[:k]])
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() < 30


def test_log_odds_are_calibrated_against_uniform_negatives():
    rng = np.random.RandomState(0)
    means = {POSITIVE: (2.0, 1.0), UNIFORM: (0.0, 0.0), DEGREE: (2.0, 0.0)}

    def draw(n_each):
        kinds = np.repeat(list(means), n_each)
        return np.array([means[kind] for kind in kinds]) + rng.standard_normal((len(kinds), 2)), kinds

    model = PairClassifier(0.7, 0).fit(*draw(3000))
    features, kinds = draw(6000)
    chosen = kinds != DEGREE
    probabilities = 1 / (1 + np.exp(-model.decision_function(features[chosen])))
    truth = kinds[chosen] == POSITIVE
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        rows = (probabilities >= low) & (probabilities < high)
        # Two numbers cannot bend the curve; 0.06 is above what they leave and six standard errors of a bin.
        assert truth[rows].mean() == pytest.approx(probabilities[rows].mean(), abs=0.06)


def test_both_ways_to_factorize_agree(monkeypatch):
    from skperturb._pairs import symmetric_graph

    position = {gene: k for k, gene in enumerate(NETWORK.genes)}
    graph = symmetric_graph(np.array([[position[a], position[b]] for a, b in NETWORK.pairs]), 91)
    monkeypatch.setattr(poisson_factors, "_EDGES_PER_BLOCK", 100)
    rng = np.random.RandomState(0)
    left, right = rng.rand(91, 4).astype(np.float32), rng.rand(91, 4).astype(np.float32)
    expected = (np.where(graph.toarray() > 0, 1.0 / (left @ right.T), 0.0)) @ right
    for fast in (True, False):
        np.testing.assert_allclose(poisson_factors._ratios(graph, fast)(left, right), expected, rtol=1e-4)


def test_named_third_column_of_candidates():
    frame = pd.DataFrame(NETWORK.pairs, columns=["a", "b"]).assign(weight=1.0)
    model = ExpressionCorrelation(NETWORK.expression, random_state=0).fit(frame)
    assert model.predict(frame).shape == (600,)
