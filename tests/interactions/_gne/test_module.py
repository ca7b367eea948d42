"""The network behind GNEEmbedder: sums over partners equal the dense formulas of its docstring."""

import numpy as np
import pytest
import torch

from skperturb._pairs import symmetric_graph
from skperturb.interactions._gne.module import GNENetwork, RowLoss, inclusion_probabilities

PAIRS = np.array([(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)])
N = 7  # two genes without partners


def network(**parameters):
    torch.manual_seed(0)
    return GNENetwork(
        symmetric_graph(PAIRS, N),
        None,
        encoder="gnn",
        n_components=3,
        n_layers=1,
        dropout=0.5,
        attribute_weight=1.0,
        **{"loss": "softmax", "n_negatives": 1, "candidate_weights": np.ones(N), **parameters},
    ).double()


def test_exact_softmax_equals_the_dense_formula():
    module = network().eval()
    genes = torch.arange(N)
    with torch.no_grad():
        rows = torch.from_numpy(symmetric_graph(PAIRS, N).toarray())
        degrees = rows.sum(dim=1)
        scaled = rows / degrees.clamp_min(1).sqrt()[:, None]
        hidden = torch.tanh(module.layers[0](torch.tanh(3.0 * scaled @ module.identity)))
        torch.testing.assert_close(module.encode(genes), hidden)
        logits = hidden @ module.output.T + module.bias
        expected = -(rows * logits.log_softmax(dim=1)).sum() / rows.sum()
        assert RowLoss()(module(genes), None).item() == pytest.approx(expected.item(), rel=1e-12)
        # In parts, weighted by their edges, the same.
        parts = [(RowLoss()(module(part), None), degrees[part].sum()) for part in genes.split(3)]
        assert sum(loss * n for loss, n in parts) / rows.sum() == pytest.approx(expected.item(), rel=1e-12)


def test_sampled_softmax_corrects_each_logit_by_its_expected_draws():
    module = network(loss="sampled_softmax", n_negatives=5, candidate_weights=np.arange(1.0, N + 1)).eval()
    source, target = torch.tensor([0, 1, 3]), torch.tensor([2, 3, 4])
    with torch.no_grad():
        true, _ = module(source, target)
        raw = (module.encode(source) * module.output[target]).sum(dim=1) + module.bias[target]
    drawn = 5 * (target + 1.0) / (N * (N + 1) / 2)
    torch.testing.assert_close(true, raw - torch.log(drawn.double()), rtol=1e-6, atol=0.0)


def test_dropout_leaves_partners_out_and_keeps_the_mean():
    module = network().train()
    torch.manual_seed(1)
    columns, bounds = module._partners(torch.tensor([3]))
    assert columns.tolist() == [1, 2, 4]
    assert bounds.tolist() == [0, 3]
    seen = torch.stack([module.encode(torch.tensor([3])) for _ in range(50)])
    assert len(torch.unique(seen[:, 0, 0])) > 3
    loss = RowLoss()(module(torch.arange(N)), None)
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())


def test_genes_without_partners_are_finite():
    module = network().eval()
    with torch.no_grad():
        assert torch.isfinite(module.encode(torch.tensor([5, 6]))).all()
        assert RowLoss()(module(torch.tensor([5, 6])), None).item() == 0.0


@pytest.mark.parametrize("encoder", ["lookup", "gnn"])
def test_training_starts_from_the_popularity_and_all_directions(encoder):
    torch.manual_seed(0)
    pairs = np.array([(0, k) for k in range(1, 300)])
    graph = symmetric_graph(pairs, 301)
    shared = {"n_layers": 1, "dropout": 0.0, "attribute_weight": 1.0, "n_negatives": 1}
    module = GNENetwork(
        graph, None, encoder=encoder, n_components=16, loss="softmax", candidate_weights=np.ones(301), **shared
    )
    with torch.no_grad():
        start = module.identity
        directions = torch.nn.functional.normalize(start)
        # The mean of 301 independent directions is about 301 ** -.5 long.
        assert directions.mean(dim=0).norm() < 0.15
        # Long rows turn slowly: uniform numbers from -1 to 1 there, small ones here.
        assert start.std().item() == pytest.approx({"lookup": 3**-0.5, "gnn": 0.05}[encoder], rel=0.05)
        assert module.output.std().item() == pytest.approx(0.25, rel=0.05)
        np.testing.assert_allclose(module.bias[:2], np.log([299.5, 1.5]), rtol=1e-6)
        assert module.bias[300].item() == pytest.approx(np.log(0.5))
    np.testing.assert_allclose(module.candidates.sum(), 1.0, rtol=1e-6)


def test_sampled_normalizer_is_unbiased(monkeypatch):
    from skperturb.interactions._gne import module

    degrees = torch.tensor([50.0, 20.0, *[1.0] * 58])
    probabilities = inclusion_probabilities(degrees, 20, 30)
    assert probabilities.sum().item() == pytest.approx(20, rel=1e-5)
    # The popular ones are always drawn.
    assert probabilities[0] == probabilities[1] == 1
    assert (probabilities > 0).all()
    assert (inclusion_probabilities(degrees, 20, 60) == 1).all()
    monkeypatch.setattr(module, "_EXACT_GENES", 4)
    monkeypatch.setattr(module, "_SAMPLED_GENES", 4)
    net = network()
    net.train()
    hidden = torch.randn(5, 3, dtype=torch.float64)
    exact = (hidden @ net.output.T + net.bias).exp().sum(dim=1)
    estimates = torch.stack([net._logits(hidden).exp().sum(dim=1) for _ in range(4000)])
    error = estimates.std(dim=0) / 4000**0.5
    assert (error > 0).all()
    assert ((estimates.mean(dim=0) - exact).abs() < 4 * error).all()
    # Predictions are exact.
    net.eval()
    torch.testing.assert_close(net._logits(hidden).exp().sum(dim=1), exact)
