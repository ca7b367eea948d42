"""CPU seconds, peak memory and AUROC against the number of interactions, beside other packages, each in a process.

    python benchmarks/bench_interactions_scale.py [--sizes 10000 100000 1000000] [--models gne l3 gae sknetwork pecanpy]
        [--peers PYTHON] [--jobs 1] [--figure OUT.png]

Networks come from ``make_gene_network`` with 20 genes for the root of each interaction: 2,000 genes at 10,000 and
20,000 at a million. A tenth of the interactions is held out, with as many uniform negatives. PyG's graph auto-encoder
runs where it is installed. PecanPy asks for NumPy below 2, so it and scikit-network run in an environment of their own:

    python -m venv peers && peers/bin/pip install pecanpy scikit-network "numpy<2"

Their vectors are behind a logistic regression on Hadamard products. No seconds are those of imports or compilation.
"""

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
from bench_pecanpy import PECANPY, SCIKIT_NETWORK


def network(size, seed=0):
    """Return training and held-out pairs, as positions, and the number of genes."""
    from skperturb.datasets import make_gene_network

    n_genes = round(20 * size**0.5)
    n_modules = max(4, n_genes // 200)
    data = make_gene_network(n_genes, n_modules, n_interactions=size, n_samples=2, within=0.5, random_state=seed)
    position = {gene: k for k, gene in enumerate(data.genes)}
    pairs = np.array([[position[a], position[b]] for a, b in data.pairs])
    return pairs[size // 10 :], pairs[: size // 10], n_genes


def products(vectors, train, n_genes):
    """Return the scores of a logistic regression on Hadamard products, learned with as many uniform negatives."""
    from sklearn.linear_model import LogisticRegression

    from skperturb.model_selection import sample_negative_pairs

    few = train[:50_000]
    negatives = sample_negative_pairs(train, len(few), genes=np.arange(n_genes), random_state=0)
    pairs, labels = np.concatenate([few, negatives]), np.repeat([1, 0], [len(few), len(negatives)])
    head = LogisticRegression(max_iter=1000).fit(vectors[pairs[:, 0]] * vectors[pairs[:, 1]], labels)
    return lambda X: head.decision_function(vectors[X[:, 0]] * vectors[X[:, 1]])


def fit_gne(train, n_genes, arguments):
    """Fit the default."""
    from skperturb.interactions import GNEEmbedder

    model = GNEEmbedder(genes=np.arange(n_genes), n_jobs=arguments["jobs"], random_state=0)
    return model.fit(train).decision_function


def fit_l3(train, n_genes, arguments):
    """Fit paths of length three."""
    from skperturb.interactions import L3Paths

    return L3Paths(genes=np.arange(n_genes), random_state=0).fit(train).decision_function


def fit_gae(train, n_genes, arguments):
    """Train PyG's graph auto-encoder: two convolutions on free vectors, 100 steps on the whole graph."""
    import torch
    from torch_geometric.nn import GAE, GCNConv

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vectors = torch.nn.Parameter(torch.randn(n_genes, 64) * 0.1)
            self.first, self.second = GCNConv(64, 64), GCNConv(64, 32)

        def forward(self, edges):
            return self.second(self.first(self.vectors, edges).relu(), edges)

    torch.manual_seed(0)
    positive = torch.from_numpy(train.T.copy())
    edges = torch.cat([positive, positive.flip(0)], dim=1)
    model = GAE(Encoder())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        model.recon_loss(model.encode(edges), positive).backward()
        optimizer.step()
    vectors = model.encode(edges).detach().numpy()
    return lambda X: np.einsum("ij,ij->i", vectors[X[:, 0]], vectors[X[:, 1]])


def fit_peer(script):
    """Return the function that learns the vectors of a peer in its own process."""

    def fit(train, n_genes, arguments):
        from bench_pecanpy import peer_vectors

        vectors, arguments["seconds"], arguments["gigabytes"] = peer_vectors(arguments["peers"], script, train, n_genes)
        arguments["start"] = time.process_time()
        return products(vectors, train, n_genes)

    return fit


PEERS = {"sknetwork": SCIKIT_NETWORK, "pecanpy": PECANPY}
MODELS = {"gne": fit_gne, "l3": fit_l3, "gae": fit_gae, **{name: fit_peer(script) for name, script in PEERS.items()}}
# What is imported before the clock starts.
NEEDED = {"gne": ["torch", "skorch"], "gae": ["torch_geometric.nn"]}


def measure(name, size, arguments):
    """Fit one model in this process and return its figures."""
    from sklearn.metrics import roc_auc_score

    import skperturb.interactions  # noqa: F401
    from skperturb.model_selection import sample_negative_pairs

    for module in NEEDED.get(name, []):
        importlib.import_module(module)
    train, held_out, n_genes = network(size)
    known = np.concatenate([train, held_out])
    negatives = sample_negative_pairs(known, len(held_out), genes=np.arange(n_genes), random_state=1)
    pairs, labels = np.concatenate([held_out, negatives]), np.repeat([1, 0], [len(held_out), len(negatives)])
    wall, before = time.perf_counter(), cpu_seconds()
    scores = MODELS[name](train, n_genes, arguments)
    seconds, wall = cpu_seconds() - before, time.perf_counter() - wall
    gigabytes = max(peak(resource.RUSAGE_SELF), peak(resource.RUSAGE_CHILDREN))
    if name in PEERS:
        seconds = arguments["seconds"] + time.process_time() - arguments["start"]
        gigabytes = arguments["gigabytes"]
    return {
        "model": name,
        "n_interactions": size,
        "n_genes": n_genes,
        "cpu_seconds": round(seconds, 1),
        "wall_seconds": round(wall, 1),
        "peak_gigabytes": round(gigabytes, 2),
        "auroc": round(float(roc_auc_score(labels, scores(pairs))), 4),
    }


def cpu_seconds():
    """Return the CPU seconds of this process and of those that it waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak(who):
    """Return the largest memory of a process, in gigabytes."""
    return resource.getrusage(who).ru_maxrss / 1e6


def draw(rows, path):
    """Draw seconds and memory against size."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    for ax, column in zip(axes, ("cpu_seconds", "peak_gigabytes"), strict=True):
        for name in dict.fromkeys(row["model"] for row in rows):
            chosen = [row for row in rows if row["model"] == name]
            ax.loglog([row["n_interactions"] for row in chosen], [row[column] for row in chosen], "o-", label=name)
        ax.set(xlabel="interactions", ylabel=column.replace("_", " "))
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    """Print one line for each model and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--models", nargs="+", choices=[*MODELS], default=[*MODELS])
    parser.add_argument("--peers", help="python of the environment that has PecanPy and scikit-network")
    parser.add_argument("--jobs", type=int, default=1, help="processes that train folds of the default")
    parser.add_argument("--figure", help="draw seconds and memory")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    options = {"peers": arguments.peers, "jobs": arguments.jobs}
    if arguments.one:
        print(json.dumps(measure(*json.loads(arguments.one))))
        return
    rows = []
    for name in arguments.models:
        if (name in PEERS and not arguments.peers) or (name == "gae" and not find_spec("torch_geometric")):
            print(f"{name}: not installed", flush=True)
            continue
        for size in arguments.sizes:
            command = [sys.executable, os.path.abspath(__file__), "--one", json.dumps([name, size, options])]
            rows.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
            print(json.dumps(rows[-1]), flush=True)
    if arguments.figure:
        draw(rows, arguments.figure)


if __name__ == "__main__":
    main()
