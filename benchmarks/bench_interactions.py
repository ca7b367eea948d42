"""Time and peak memory of the default GNEEmbedder and of L3Paths at 1, 4 and 16 times a base size, each in a process.

    python benchmarks/bench_interactions.py [--genes 4511] [--interactions 59000] [--scales 1 4 16] [--samples 200]

Genes grow with the square root of the scale and interactions in proportion, so that the density stays.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time


def network(n_genes, n_interactions, n_samples, seed=0):
    """Draw interactions in proportion to popularities of a power law; fast enough for a million."""
    import numpy as np

    rng = np.random.RandomState(seed)
    weights = np.arange(1, n_genes + 1) ** -0.7
    cumulative = np.cumsum(weights / weights.sum())
    codes = np.empty(0, dtype=np.int64)
    while len(codes) < n_interactions:
        ends = np.minimum(np.searchsorted(cumulative, rng.rand(2 * n_interactions, 2)), n_genes - 1)
        ends = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
        codes = np.unique(np.concatenate([codes, ends[:, 0] * n_genes + ends[:, 1]]))
    chosen = rng.choice(codes, n_interactions, replace=False)
    return np.column_stack(np.divmod(chosen, n_genes)), rng.standard_normal((n_genes, n_samples))


def measure(model, n_genes, n_interactions, n_samples):
    """Fit one model in this process and return seconds and peak memory."""
    from skperturb.interactions import GNEEmbedder, L3Paths

    pairs, expression = network(n_genes, n_interactions, n_samples)
    common = {"genes": range(n_genes), "random_state": 0}
    estimator = L3Paths(**common) if model == "l3" else GNEEmbedder(expression, **common)
    start = time.perf_counter()
    estimator.fit(pairs)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    estimator.decision_function(pairs[:10_000])
    return {
        "model": model,
        "n_genes": n_genes,
        "n_interactions": n_interactions,
        "fit_seconds": round(seconds, 1),
        "score_10000_seconds": round(time.perf_counter() - start, 2),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def main():
    """Print one line for each model and scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=4511)
    parser.add_argument("--interactions", type=int, default=59_000)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--models", nargs="+", default=["l3", "gne"], choices=["l3", "gne"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*json.loads(arguments.one))))
        return
    for model in arguments.models:
        for scale in arguments.scales:
            size = [model, round(arguments.genes * scale**0.5), arguments.interactions * scale, arguments.samples]
            command = [sys.executable, os.path.abspath(__file__), "--one", json.dumps(size)]
            print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
