"""Time and memory of the response models on screens of up to a whole genome.

Simulated: every condition is one perturbed gene, responses follow the modules of a gene graph with six types of edges
and GO-like terms. Each size runs in a process of its own, so that its peak of memory is its own. Data included, which
are the same for all models: at 9,800 conditions the doses take 0.8 GB and the responses 0.6 GB.

    python benchmarks/bench_whole_genome.py --sizes 1000 2000 4000 9800 --models kernel app
    python benchmarks/bench_whole_genome.py --sizes 4000 --landmarks 1000
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd

N_TESTED = 500  # genes whose response is predicted
MODULE = 40  # genes of a module
FAMILIES = ("CORUM", "GO", "HuMAP", "Reactome", "SIGNOR", "StringDB")
EDGES_EACH = 12  # of one gene, over all types
TERMS_EACH = 40  # of one gene


def simulate(n_conditions: int, n_outputs: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, dict]:
    """Return doses, responses, and the graph and the terms as arguments of an estimator."""
    rng = np.random.default_rng(seed)
    names = np.array([f"gene{k}" for k in range(n_conditions)], dtype=object)
    module = rng.integers(max(n_conditions // MODULE, 2), size=n_conditions)
    programs = rng.normal(size=(20, n_outputs)) * (rng.random((20, n_outputs)) < 0.2)
    pushes = rng.normal(size=(module.max() + 1, 20))[module] + 0.7 * rng.normal(size=(n_conditions, 20))
    y = pushes @ programs
    y += 0.5 * rng.normal(size=y.shape)
    order = np.argsort(module, kind="stable")
    first = rng.integers(n_conditions, size=n_conditions * EDGES_EACH // 2)
    place = np.argsort(order)
    near = order[(place[first] + rng.integers(1, MODULE // 2, len(first))) % n_conditions]
    second = np.where(rng.random(len(first)) < 0.7, near, rng.integers(n_conditions, size=len(first)))
    kinds = np.array(FAMILIES)[rng.integers(len(FAMILIES), size=len(first))]
    graph = pd.DataFrame({"a": names[first], "b": names[second], "kind": kinds})[first != second]
    n_terms = n_conditions
    terms = np.zeros((n_conditions, n_terms), dtype=bool)
    genes = np.repeat(np.arange(n_conditions), TERMS_EACH)
    own = (module[genes] * 13 + rng.integers(20, size=len(genes))) % n_terms
    terms[genes, np.where(rng.random(len(genes)) < 0.4, own, rng.integers(n_terms, size=len(genes)))] = True
    X = pd.DataFrame(np.eye(n_conditions), columns=names)
    return X, y, {"graph": graph, "gene_features": {"GO terms": pd.DataFrame(terms, index=names)}}


def measure(model: str, n_conditions: int, n_outputs: int, n_landmarks: int | str | None) -> dict:
    """Fit one model to one screen, in a process of its own."""
    from skperturb.responses import APPRegressor, KernelPerturbationRegressor

    X, y, known = simulate(n_conditions, n_outputs)
    n_test = min(N_TESTED, n_conditions // 5)
    data_peak = _peak()
    estimator = {
        "kernel": lambda: KernelPerturbationRegressor(**known, n_landmarks=n_landmarks),
        "app": lambda: APPRegressor(**known, random_state=0),
    }[model]()
    start, clock = time.process_time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X.iloc[:-n_test], y[:-n_test])
    fitted, fit_seconds = time.process_time() - start, time.perf_counter() - clock
    start = time.process_time()
    predicted = estimator.predict(X.iloc[-n_test:])
    seconds = time.process_time() - start
    truth = y[-n_test:]
    errors = [np.linalg.norm(truth - values, axis=1).mean() for values in (predicted, y[:-n_test].mean(axis=0))]
    return {
        "model": model,
        "conditions": n_conditions,
        "outputs": n_outputs,
        "landmarks": getattr(estimator, "n_landmarks_", 0),
        "fit CPU s": round(fitted, 1),
        "fit s": round(fit_seconds, 1),
        f"predict {n_test} CPU s": round(seconds, 2),
        "data GB": round(data_peak, 2),
        "peak GB": round(_peak(), 2),
        "vs mean": f"{100 * (errors[0] / errors[1] - 1):+.1f} %",
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print one line for each model and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000, 9800])
    parser.add_argument("--models", nargs="+", default=["kernel"], choices=["kernel", "app"])
    parser.add_argument("--outputs", type=int, default=8000)
    parser.add_argument("--landmarks", type=int, metavar="N", help="of the kernel model; default: its own choice")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        landmarks = arguments.landmarks or "auto"
        print(json.dumps(measure(arguments.one, arguments.sizes[0], arguments.outputs, landmarks)))
        return
    for model in arguments.models:
        for size in arguments.sizes:
            command = [sys.executable, __file__, "--one", model, "--sizes", str(size)]
            command += ["--outputs", str(arguments.outputs)]
            command += ["--landmarks", str(arguments.landmarks)] if arguments.landmarks else []
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
