"""The torch module of the default model: dense and sparse message passing, and the loss."""

from functools import partial

import numpy as np
import pytest
import torch

from skperturb._training import TensorTable, fit_net, gentle_training
from skperturb.networks._gcn_source import CorrelationLoss, SourceConv, SourceGCN


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
        torch.testing.assert_close(SourceConv(dense_nodes)(x, edges, weight), expected)


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
    module = SourceGCN(3, 2, 4, hidden_dim=6, n_layers=2, dropout=0.0).double().eval()
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
    module = SourceGCN(3, 2, 4, hidden_dim=5, n_layers=1, dropout=0.0).double().eval()
    assert torch.isfinite(module(**_inputs([(2, 0, 2)], generator))).all()


def test_loss_is_one_minus_the_correlation_of_each_network():
    rng = np.random.default_rng(0)
    score, rank, aside = rng.normal(size=(3, 12))
    offset, kind = rng.normal(size=12), np.array([2, 1, 1, 1, 0, 1] * 2)
    network = np.repeat([0, 1], 6)
    correlations = []
    for number in (0, 1):
        for target, keep in ((rank, kind > 0), (aside, kind == 1)):
            part = keep & (network == number)
            correlations.append(np.corrcoef(score[part] + offset[part], target[part])[0, 1])
    truth = torch.tensor(np.column_stack([rank, aside, offset, kind, network]))
    loss = CorrelationLoss()(torch.tensor(score), truth)
    assert loss.item() == pytest.approx(1 - np.mean(correlations), abs=1e-6)


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
