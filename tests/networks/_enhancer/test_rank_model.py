"""The default model: message passing, dense and sparse; the loss; training on sources and prediction in chunks."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skperturb._training import TensorTable, fit_net, gentle_training, seeded_torch
from skperturb._validation import ensure_networks
from skperturb.networks import DynamoDistance, GCNEnhancer
from skperturb.networks._enhancer import rank_model
from skperturb.networks._enhancer.examples import make_examples
from skperturb.networks._enhancer.rank_model import CorrelationLoss, PairConv, PairGCN

SMALL = {"hidden_dim": 8, "n_layers": 1, "max_epochs": 3, "n_models": 1, "random_state": 0}


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_dense_and_sparse_sums_agree_with_a_loop(generator):
    x = torch.randn(5, 3, 2, 4, generator=generator, dtype=torch.float64)
    edges = torch.tensor([[0, 1, 2, 4, 0], [1, 2, 0, 3, 3]])
    weight = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for (source, target), w in zip(edges.T, weight, strict=True):
        expected[target] += x[source] * w[None, :, None]
    for dense_nodes in (0, 100):
        torch.testing.assert_close(PairConv(dense_nodes)(x, edges, weight), expected)


def _inputs(sizes, generator):
    nodes, edges, pairs = (sum(size[k] for size in sizes) for k in (0, 1, 0))
    pairs = sum(n * s for n, _, s in sizes)
    index, first = [], 0
    for n, _, s in sizes:
        target, source = np.meshgrid(np.arange(n), np.arange(s), indexing="ij")
        index.append(np.stack([source.ravel(), target.ravel()]) + first)
        first += n
    return {
        "node_features": torch.randn(nodes, 3, generator=generator, dtype=torch.float64),
        "edge_features": torch.randn(edges, 2, generator=generator, dtype=torch.float64),
        "edge_index": torch.cat([torch.randint(n, (2, e), generator=generator) for n, e, _ in sizes], dim=1),
        "pair_features": torch.randn(pairs, 4, generator=generator, dtype=torch.float64),
        "pair_index": torch.as_tensor(np.concatenate(index, axis=1)),
        "sizes": torch.tensor(sizes),
    }


def test_networks_of_a_batch_do_not_influence_each_other(generator):
    torch.manual_seed(0)
    module = PairGCN(3, 2, 4, hidden_dim=6, n_layers=2, dropout=0.0).double().eval()
    inputs = _inputs([(4, 5, 4), (3, 2, 2)], generator)
    whole = module(**inputs)
    second = {
        "node_features": inputs["node_features"][4:],
        "edge_features": inputs["edge_features"][5:],
        "edge_index": inputs["edge_index"][:, 5:],
        "pair_features": inputs["pair_features"][16:],
        "pair_index": inputs["pair_index"][:, 16:] - 4,
        "sizes": inputs["sizes"][1:],
    }
    torch.testing.assert_close(module(**second), whole[16:])


def test_network_without_edges_is_scored(generator):
    module = PairGCN(3, 2, 4, hidden_dim=5, n_layers=1, dropout=0.0).double().eval()
    assert torch.isfinite(module(**_inputs([(2, 0, 2)], generator))).all()


def test_loss_is_one_minus_the_correlation_of_each_network():
    rng = np.random.default_rng(0)
    score, difference, rank, aside, in_column = rng.normal(size=(5, 12))
    offset, kind = rng.normal(size=12), np.array([2, 1, 1, 1, 0, 1] * 2)
    network = np.repeat([0, 1], 6)
    # Of the last column a single pair is reached, which has no order.
    column = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3])

    def correlation(x, y, keep):
        return np.corrcoef(x[keep], y[keep])[0, 1]

    total = score + offset
    whole = np.mean([correlation(total, rank, (kind > 0) & (network == k)) for k in (0, 1)])
    off_diagonal = np.mean([correlation(total, aside, (kind == 1) & (network == k)) for k in (0, 1)])
    in_columns = np.mean([correlation(total, in_column, (kind > 0) & (column == k)) for k in (0, 1, 2)])
    of_potentials = np.mean([correlation(difference, aside, (kind == 1) & (network == k)) for k in (0, 1)])
    truth = torch.tensor(np.column_stack([rank, aside, in_column, offset, kind, network, column]))
    loss = CorrelationLoss()(torch.tensor(np.column_stack([score, difference])), truth)
    assert loss.item() == pytest.approx(2 - (whole + off_diagonal + in_columns) / 3 - of_potentials, abs=1e-6)


def test_potentials_make_a_score_that_changes_sign_with_direction(generator):
    module = PairGCN(3, 2, 4, hidden_dim=6, n_layers=1, dropout=0.0).double().eval()
    score, difference = module(**_inputs([(4, 5, 4)], generator)).T
    table = difference.view(4, 4)
    assert table.abs().max() > 1e-3
    torch.testing.assert_close(table, -table.T)
    # Differences of one potential: two steps are the sum of both.
    torch.testing.assert_close(table[0, 1] + table[1, 2], table[0, 2])
    # All of it is part of the score.
    with torch.no_grad():
        module.potential.lins[-1].weight.mul_(2)
    torch.testing.assert_close(
        module(**_inputs([(4, 5, 4)], torch.Generator().manual_seed(0)))[:, 0], score + difference
    )


def test_learning_rate_warms_up_and_cools_down():
    torch.manual_seed(0)
    x = torch.randn(20, 2)
    net = fit_net(
        partial(torch.nn.Linear, 2, 1),
        TensorTable({"input": x}, x.sum(dim=1, keepdim=True)),
        criterion=torch.nn.MSELoss,
        lr=0.01,
        max_epochs=10,
        batch_size=10,
        random_state=0,
        device="cpu",
        callbacks=gentle_training(0.01, n_steps=20),
    )
    rates = [batch["event_lr"] for epoch in net.history for batch in epoch["batches"]]
    assert len(rates) == 20
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert int(np.argmax(rates)) < 5
    assert rates[-1] < 0.001


def test_loss_of_networks_without_a_correlation_is_finite():
    """Constant scores, and a network of which a single pair is reached, count as correlations of zero."""
    truth = np.zeros((9, 7))
    truth[:, :3] = np.random.default_rng(0).uniform(size=(9, 3))
    truth[:, 4], truth[8, 5], truth[8, 6] = 1, 1, 1
    score = torch.zeros(9, 2, dtype=torch.float64, requires_grad=True)
    loss = CorrelationLoss()(score, torch.tensor(truth))
    assert loss.item() == pytest.approx(CorrelationLoss()(score[:8], torch.tensor(truth[:8])).item())
    loss.backward()
    assert torch.isfinite(score.grad).all()
    # The same scores that say something in one network lose half of it beside one that says nothing. Its only column
    # of one pair has no order, and does not count.
    truth[:, 2] = np.where(truth[:, 5] == 0, 0.0, truth[:, 2])
    telling = torch.tensor(np.column_stack([truth[:, 0], truth[:, 0]]))
    alone, beside = (1 - CorrelationLoss()(telling[:n], torch.tensor(truth[:n])).item() for n in (8, 9))
    constant = 1 - loss.item()
    assert beside - constant == pytest.approx((alone - constant) / 2, abs=1e-6)


def test_large_networks_are_worked_on_in_chunks(data, monkeypatch):
    X, y = data
    fitted = GCNEnhancer(**SMALL).fit(X, y)
    whole = fitted.predict(X)
    monkeypatch.setattr(rank_model, "_MAX_PAIRS", 30)
    for one, other in zip(fitted.predict(X), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    chunked = GCNEnhancer(**SMALL).fit(X, y)
    assert np.isfinite(chunked.score(X, y))


def test_training_draws_a_bounded_number_of_sources(data, make_network, truth_of):
    rng = np.random.default_rng(2)
    X = [data[0][0], make_network(rng, 60)]
    examples = make_examples(X, ensure_networks(X), DynamoDistance(), "sign", "dynamo", [truth_of(A) for A in X])
    dataset = rank_model._Networks(examples)
    with seeded_torch(0):
        (_, all_sources, _), (graph, first, target), (_, second, _) = dataset[0], dataset[1], dataset[1]
    np.testing.assert_array_equal(all_sources, np.arange(len(X[0])))
    assert len(first) == len(set(first)) == rank_model._TRAINING_SOURCES < 60
    assert (np.diff(first) > 0).all()
    assert set(first) != set(second)
    # The ranks are those among all pairs, whichever sources are drawn.
    np.testing.assert_array_equal(target, rank_model._targets(examples[1])[:, first])
    assert graph.n_nodes == 60


@pytest.mark.parametrize(("n_nodes", "most_pairs"), [(1, 10), (7, 10_000), (60, 600), (60, 7), (101, 1_000)])
def test_chunks_hold_all_sources_once_and_a_bounded_number_of_pairs(n_nodes, most_pairs, monkeypatch):
    monkeypatch.setattr(rank_model, "_MAX_PAIRS", most_pairs)
    chunks = rank_model._source_chunks(n_nodes)
    assert sorted(np.concatenate(chunks)) == list(range(n_nodes))
    sizes = [len(chunk) for chunk in chunks]
    assert max(sizes) - min(sizes) <= 1
    # One source is the least, and the remainder of a division may add one.
    assert max(sizes) <= most_pairs / n_nodes + 1
    assert len(chunks) == 1 or n_nodes * n_nodes > most_pairs


def test_scores_are_standardized_over_the_reached_pairs(truth_of):
    A = np.array([[-1.0, 0, 0], [2.0, -1.0, 0], [0, 1.0, -1.0]])
    base = DynamoDistance().predict([A])
    (example,) = make_examples([A], ensure_networks([A]), DynamoDistance(), "sign", "dynamo", [truth_of(A)])

    def module(**inputs):
        score = torch.arange(9.0, dtype=torch.float64)
        return torch.stack([score, -score], dim=1)

    reached = np.tril(np.ones((3, 3), dtype=bool))
    raw = np.arange(9.0).reshape(3, 3) + np.log(np.where(reached, base[0], 1))
    expected = np.where(reached, (raw - raw[reached].mean()) / raw[reached].std(), 0)
    np.testing.assert_allclose(rank_model._standard_score(module, example), expected, rtol=1e-9)


def test_base_prediction_counts_beside_the_models(truth_of, monkeypatch):

    A = np.array([[-1.0, 0, 0], [2.0, -1.0, 0], [0, 1.0, -1.0]])
    base = DynamoDistance().predict([A])
    (example,) = make_examples([A], ensure_networks([A]), DynamoDistance(), "sign", "dynamo", [truth_of(A)])
    reached = np.tril(np.ones((3, 3), dtype=bool))
    scores = [np.arange(9.0).reshape(3, 3), np.ones((3, 3))]
    monkeypatch.setattr(rank_model, "_standard_score", lambda module, example: scores[module])
    factor = rank_model.predict_rank_factor([SimpleNamespace(module_=k) for k in range(2)], example)
    logarithm = np.log(base[0][reached])
    expected = np.mean(scores, axis=0)[reached] + 0.4 * (logarithm - logarithm.mean()) / logarithm.std()
    np.testing.assert_allclose((factor * base[0])[reached], np.exp(expected), rtol=1e-9)
