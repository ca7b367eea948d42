"""Seconds to fit the three deep estimators on the CPU and on a GPU, small and large.

    python benchmarks/bench_device.py [--repeats N] [--small]

Without a GPU it says so and times the CPU alone. The data are simulated.
"""

import argparse
import time

import numpy as np
import torch

from skperturb.datasets import make_gene_network, make_perturbation_screen
from skperturb.interactions import GNEEmbedder
from skperturb.networks import GCNEnhancer
from skperturb.responses import APPRegressor, PerturbationEncoder, pseudobulk


def networks(n_networks, n_nodes):
    """Return sparse stable networks, and their responses."""
    rng = np.random.default_rng(0)
    X = []
    for _ in range(n_networks):
        links = rng.normal(size=(n_nodes, n_nodes)) * (rng.random((n_nodes, n_nodes)) < 2 / n_nodes)
        X.append(links - np.eye(n_nodes) * (1 + np.abs(links).sum(axis=1).max()))
    return X, [np.abs(np.linalg.inv(A)) for A in X]


def pairs(n_genes):
    """Return the interactions of a simulated network."""
    network = make_gene_network(n_genes, n_modules=max(8, n_genes // 100), random_state=0)
    return network.pairs, None


def screen(n_genes, n_perturbed, n_doubles):
    """Return perturbations and responses of a simulated screen."""
    cells = make_perturbation_screen(n_genes, n_perturbed=n_perturbed, n_doubles=n_doubles, n_cells=3, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control")
    return PerturbationEncoder().fit_transform(bulk.data), bulk.target.to_numpy()


CASES = {
    "GCNEnhancer, 20 networks of 20 nodes": (lambda: networks(20, 20), GCNEnhancer(n_models=1), True),
    "GCNEnhancer, 60 networks of 120 nodes": (lambda: networks(60, 120), GCNEnhancer(n_models=1, max_epochs=3), False),
    "GNEEmbedder, 300 genes": (lambda: pairs(300), GNEEmbedder(max_epochs=5), True),
    "GNEEmbedder, 5,000 genes": (lambda: pairs(5000), GNEEmbedder(max_epochs=2, n_folds=2), False),
    "APPRegressor, 30 × 200 genes": (lambda: screen(200, 30, 100), APPRegressor(baseline=None, n_models=1), True),
    "APPRegressor.published, 200 × 5,000 genes": (
        lambda: screen(5000, 200, 600),
        APPRegressor.published(max_epochs=10),
        False,
    ),
}


def seconds(model, X, y, repeats):
    """Return the shortest of some fits, after one that warms the device up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main():
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="the small sizes only")
    arguments = parser.parse_args()
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append("cuda")
        print(f"GPU: {torch.cuda.get_device_name()}; CPU threads: {torch.get_num_threads()}")
    else:
        print(f"there is no GPU here; CPU threads: {torch.get_num_threads()}")
    for name, (make, model, is_small) in CASES.items():
        if arguments.small and not is_small:
            continue
        X, y = make()
        found = {}
        for device in devices:
            found[device] = seconds(model.set_params(device=device, random_state=0), X, y, arguments.repeats)
        ratio = f", {found['cpu'] / found['cuda']:.2f} times as fast on the GPU" if "cuda" in found else ""
        print(f"{name}: " + ", ".join(f"{device} {value:.2f} s" for device, value in found.items()) + ratio)


if __name__ == "__main__":
    main()
