"""Seconds to fit the three deep estimators on the CPU and on a GPU, at two sizes and in three precisions.

    python benchmarks/bench_device.py [--devices cpu cuda] [--repeats N] [--small] [--seconds LIMIT] [--markdown OUT]

Without a GPU it says so and times the CPU alone. TF32 multiplies matrices with ten bits of mantissa; bf16 runs the
forward pass under ``torch.autocast``. The last column compares the predictions with those of the CPU in float32: time
that is bought with another answer is not saved. The data are simulated.
"""

import argparse
import contextlib
import platform
import time
from pathlib import Path

import numpy as np
import torch

from skperturb.datasets import make_gene_network, make_perturbation_screen
from skperturb.interactions import GNEEmbedder
from skperturb.networks import GCNEnhancer
from skperturb.responses import APPRegressor, PerturbationEncoder, pseudobulk

PRECISIONS = ("float32", "tf32", "bf16")
HEADER = ("estimator and data", "device", "precision", "seconds", "times as fast", "correlation with the CPU's answer")


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


# Name: data, model, method that answers, whether it belongs to the small size.
CASES = {
    "GCNEnhancer, 20 networks of 20 nodes": (
        lambda: networks(20, 20),
        GCNEnhancer(n_models=1, max_epochs=20),
        "predict",
        True,
    ),
    "GNEEmbedder.published, 300 genes": (
        lambda: pairs(300),
        GNEEmbedder.published(max_epochs=5),
        "decision_function",
        True,
    ),
    "APPRegressor.published, 30 × 200 genes": (
        lambda: screen(200, 30, 100),
        APPRegressor.published(max_epochs=20),
        "predict",
        True,
    ),
    "GCNEnhancer, 60 networks of 120 nodes": (
        lambda: networks(60, 120),
        GCNEnhancer(n_models=1, max_epochs=3),
        "predict",
        False,
    ),
    "GNEEmbedder.published, 8,000 genes": (
        lambda: pairs(8000),
        GNEEmbedder.published(max_epochs=2),
        "decision_function",
        False,
    ),
    "APPRegressor.published, 200 × 5,000 genes": (
        lambda: screen(5000, 200, 600),
        APPRegressor.published(max_epochs=10),
        "predict",
        False,
    ),
}


@contextlib.contextmanager
def arithmetic(device, precision):
    """Compute in a precision inside the block."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    casting = torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    try:
        with casting:
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def fit(model, X, y, repeats):
    """Return the shortest of some fits after one that warms the device up; the CPU needs none."""
    times = []
    for _ in range(repeats + (model.device != "cpu")):
        start = time.perf_counter()
        model.fit(X, y)
        if model.device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[-repeats:])


def answers(model, X, method):
    """Return the predictions as one vector."""
    return np.concatenate([np.ravel(part) for part in getattr(model, method)(X)])


def correlation(first, second):
    """Return Pearson's correlation of two vectors of predictions."""
    return float(np.corrcoef(first, second)[0, 1])


def settings(devices):
    """Return device and precision of each row; TF32 is a format of GPUs."""
    return [
        (device, precision)
        for device in devices
        for precision in PRECISIONS
        if device != "cpu" or precision == "float32" or devices == ["cpu"]
    ]


def rows(name, devices, repeats, deadline):
    """Yield one row for each device and precision of a case."""
    make, model, method, _ = CASES[name]
    X, y = make()
    reference = None
    for device, precision in settings(devices):
        if time.monotonic() > deadline:
            yield name, device, precision, "not measured: out of time", "–", "–"
            continue
        model.set_params(device=device, random_state=0)
        try:
            with arithmetic(device, precision):
                seconds = fit(model, X, y, repeats)
        except (RuntimeError, ValueError, TypeError) as error:
            yield name, device, precision, f"{type(error).__name__}: {str(error).splitlines()[0][:80]}", "–", "–"
            continue
        found = answers(model, X, method)
        if reference is None:
            reference = seconds, found
        yield (
            name,
            device,
            precision,
            f"{seconds:.2f}",
            f"{reference[0] / seconds:.2f}",
            f"{correlation(reference[1], found):.5f}",
        )


def machine(devices):
    """Return in one line what the times were measured on."""
    parts = [f"torch {torch.__version__}", f"Python {platform.python_version()}"]
    parts.append(f"{torch.get_num_threads()} CPU threads")
    parts.append(torch.cuda.get_device_name() if "cuda" in devices else "no GPU")
    return ", ".join(parts)


def main():
    """Time everything, print it and write it as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="+", choices=["cpu", "cuda"], help="default: the CPU, and a GPU if there")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="the small sizes only")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further row after that time")
    parser.add_argument("--markdown", type=Path, help="write the table there too, row by row")
    arguments = parser.parse_args()
    devices = arguments.devices or (["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
    deadline = time.monotonic() + arguments.seconds
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(arguments.markdown.open("w")) if arguments.markdown else None

        def show(line):
            print(line, flush=True)
            if file:
                print(line, file=file, flush=True)

        show(f"{machine(devices)}\n")
        show("| " + " | ".join(HEADER) + " |")
        show("|---" * len(HEADER) + "|")
        for name, (*_, is_small) in CASES.items():
            if is_small or not arguments.small:
                for row in rows(name, devices, arguments.repeats, deadline):
                    show("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
