"""Seconds of a screen of models and of a grid search: in this process, and on one and two workers of a Dask cluster.

    python benchmarks/bench_scale.py [--models N] [--candidates N]

The models are simulated. Run it on a machine that has nothing else to do.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from skperturb.datasets import make_biochemical_models, make_perturbation_screen
from skperturb.responses import APPRegressor, PerturbationEncoder, pseudobulk
from skperturb.sbml import screen_models


def jobs(folder, n_models, n_candidates):
    """Return the two jobs as functions without arguments that return what must be the same everywhere."""
    files = []
    for k, text in enumerate(make_biochemical_models(n_models, random_state=0)):
        files.append(Path(folder, f"{k}.xml"))
        files[-1].write_text(text, encoding="utf-8")
    cells = make_perturbation_screen(200, n_perturbed=30, n_doubles=100, n_cells=10, random_state=0)
    screen = pseudobulk(cells, "perturbation", "control")
    X, y = PerturbationEncoder().fit_transform(screen.data), screen.target.to_numpy()
    model = APPRegressor(max_epochs=40, random_state=0, device="cpu")
    grid = {"weight_decay": np.logspace(-5, -1, n_candidates)}
    search = GridSearchCV(model, grid, cv=4, scoring="neg_mean_squared_error", refit=False)
    return {
        f"screen_models, {n_models} models": lambda: screen_models(files).drop(columns="seconds").to_csv(),
        f"GridSearchCV(APPRegressor), {4 * n_candidates} fits": lambda: search.fit(X, y).cv_results_["mean_test_score"],
    }


def timed(job):
    """Return the seconds that a job takes, and its result."""
    start = time.perf_counter()
    result = job()
    return time.perf_counter() - start, result


def main():
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--candidates", type=int, default=6)
    arguments = parser.parse_args()
    from dask.distributed import Client, LocalCluster

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as folder:
        tasks = jobs(folder, arguments.models, arguments.candidates)
        here = {name: timed(job) for name, job in tasks.items()}
        for name, (seconds, _) in here.items():
            print(f"{name}: in this process {seconds:.1f} s")
        for workers in (1, 2):
            options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": ":0"}
            with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config(backend="dask"):
                # The workers import everything now, so that both numbers of workers are measured warm.
                for job in jobs(folder, 2 * workers, 1).values():
                    job()
                for name, job in tasks.items():
                    seconds, result = timed(job)
                    same = np.array_equal(result, here[name][1])
                    ratio = here[name][0] / seconds
                    print(f"{name}: {workers} workers {seconds:.1f} s, {ratio:.2f} times as fast, same result: {same}")


if __name__ == "__main__":
    main()
