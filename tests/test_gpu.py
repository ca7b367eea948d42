"""Training on a CUDA device; skipped where there is none."""

import pickle

import numpy as np
import pytest
import torch

from skperturb.callbacks import ResumableCheckpoint
from skperturb.datasets import make_gene_network, make_perturbation_screen
from skperturb.interactions import GNEEmbedder, LINEGeneEmbedder
from skperturb.networks import GCNEnhancer
from skperturb.responses import APPRegressor, PerturbationEncoder, pseudobulk

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def networks():
    rng = np.random.default_rng(0)
    X = [np.tril(rng.normal(size=(n, n)), 1) - 3 * np.eye(n) for n in (4, 5, 6, 5, 7, 6)]
    return X, [np.abs(np.linalg.inv(-A)) for A in X]


def pairs():
    network = make_gene_network(60, n_interactions=150, random_state=0)
    return network.pairs, None


def conditions():
    cells = make_perturbation_screen(40, n_perturbed=10, n_doubles=25, n_cells=10, random_state=0)
    screen = pseudobulk(cells, "perturbation", "control")
    return PerturbationEncoder().fit_transform(screen.data), screen.target.to_numpy()


def expression():
    return make_gene_network(60, n_interactions=150, random_state=0).expression


CASES = {
    "GCNEnhancer": (GCNEnhancer(max_epochs=3, n_models=2), networks, "predict"),
    "GCNEnhancer, early stopping": (GCNEnhancer(max_epochs=5, n_models=1, early_stopping=True), networks, "predict"),
    "GCNEnhancer.published": (GCNEnhancer.published(max_epochs=5), networks, "predict"),
    "GCNEnhancer.published, full": (GCNEnhancer.published(graph="full", max_epochs=5), networks, "predict"),
    "GNEEmbedder": (GNEEmbedder(expression(), max_epochs=3), pairs, "decision_function"),
    "GNEEmbedder, early stopping": (GNEEmbedder(max_epochs=4, early_stopping=True), pairs, "decision_function"),
    "GNEEmbedder, bce": (GNEEmbedder(max_epochs=3, loss="bce"), pairs, "decision_function"),
    "GNEEmbedder.published": (GNEEmbedder.published(expression(), max_epochs=3), pairs, "decision_function"),
    "LINEGeneEmbedder": (LINEGeneEmbedder(max_epochs=3), pairs, "decision_function"),
    "APPRegressor": (APPRegressor(max_epochs=3, n_models=2, training="always"), conditions, "predict"),
    "APPRegressor.published": (APPRegressor.published(max_epochs=3, dropout=0.1), conditions, "predict"),
}


def flat(values):
    return np.concatenate([np.ravel(part) for part in values])


@pytest.mark.parametrize("name", CASES)
def test_a_model_from_the_gpu_predicts_on_the_cpu(name, monkeypatch):
    model, data, method = CASES[name]
    X, y = data()
    model = type(model)(**model.get_params(deep=False)).set_params(device="cuda", random_state=0)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    state = torch.cuda.get_rng_state()
    model.fit(X, y)
    assert torch.cuda.max_memory_allocated() > before, "nothing was computed on the GPU"
    assert torch.equal(torch.cuda.get_rng_state(), state)
    expected = flat(getattr(model, method)(X))
    blob = pickle.dumps(model)
    # As on a machine without a GPU: whoever asks for one gets an error.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "_lazy_init", _no_gpu)
    np.testing.assert_allclose(flat(getattr(pickle.loads(blob), method)(X)), expected, rtol=1e-6, atol=1e-9)


def _no_gpu():
    raise AssertionError("a fitted model asks for the GPU")


@pytest.mark.parametrize("name", CASES)
def test_the_seed_decides_the_result_on_the_gpu(name):
    model, data, method = CASES[name]
    X, y = data()
    model = type(model)(**model.get_params(deep=False)).set_params(device="cuda", random_state=0)
    first, second = (flat(getattr(model.fit(X, y), method)(X)) for _ in range(2))
    # Sums over edges are added up in any order there, so that results agree but for rounding errors, which grow.
    np.testing.assert_allclose(first, second, rtol=1e-2, atol=1e-3)


def test_a_training_begun_on_the_gpu_ends_on_the_cpu(tmp_path):
    X, y = conditions()
    model = APPRegressor(max_epochs=3, n_models=1, random_state=0, callbacks=[ResumableCheckpoint(tmp_path)])
    on_gpu = model.set_params(device="cuda").fit(X, y).predict(X)
    on_cpu = model.set_params(device="cpu").fit(X, y).predict(X)
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_allclose(on_cpu, on_gpu, rtol=1e-6, atol=1e-9)


def test_auto_takes_the_gpu():
    X, y = conditions()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    APPRegressor(max_epochs=1, n_models=1, random_state=0).fit(X, y)
    assert torch.cuda.max_memory_allocated() > before
