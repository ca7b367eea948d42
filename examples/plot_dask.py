"""
More machines: the same search on a cluster
===========================================

Every loop over models, folds and candidates in skperturb and scikit-learn goes through joblib, and joblib can hand its
tasks to a Dask cluster. The code stays as it is: one ``with`` line around it. Here the cluster is two processes on this
machine; with the address of a scheduler it is a cluster of any size.
"""

# %%
# A screen of models, a grid search and a ranking
# -----------------------------------------------
# The first job tabulates what SBML models yield, each model under its own time limit. The second one searches the
# parameters of a perturbation model over a whole pipeline. A third one ranks the untested pairs of a screen, block by
# block.
import logging
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from dask.distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skperturb.datasets import make_biochemical_models, make_perturbation_screen
from skperturb.exceptions import ModelWarning
from skperturb.metrics import spearman_scorer
from skperturb.networks import DynamoPropagation
from skperturb.responses import (
    AdditiveRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    rank_candidates,
    untested_combinations,
)
from skperturb.sbml import JacobianExtractor, screen_models, sensitivity_matrix


def two_jobs(files, X, y):
    """Return both results, and the seconds that each took."""
    start = time.perf_counter()
    table = screen_models(files, timeout=20)
    middle = time.perf_counter()
    pipeline = Pipeline([("network", JacobianExtractor(at="initial")), ("model", DynamoPropagation())])
    grid = {"model__alpha": [0.2, 0.5, 0.8], "model__directed": [True, False]}
    search = GridSearchCV(pipeline, grid, scoring=spearman_scorer, cv=2).fit(X, y)
    return table, search, (middle - start, time.perf_counter() - middle)


def best_pairs(**options):
    """Rank the untested pairs of a screen, in blocks if asked: of each block only the best come back."""
    screen = make_perturbation_screen(40, n_perturbed=20, n_doubles=30, n_cells=10, random_state=0)
    bulk = pseudobulk(screen, "perturbation", "control")
    labels = bulk.data["perturbation"]
    model, addition = (
        make_pipeline(PerturbationEncoder(), regressor).fit(labels, bulk.target)
        for regressor in (KernelPerturbationRegressor(), AdditiveRegressor())
    )
    ranked = rank_candidates(model, addition, untested_combinations(labels), top=5, **options)
    return ranked.round(9)  # blocks of other sizes round the last digits otherwise


# %%
# Here, and on the cluster
# ------------------------
# Dask starts its workers as processes that import the script, so a script needs the main guard.
if __name__ == "__main__":
    X = make_biochemical_models(10, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # no stable state while some variables are held
        y = [sensitivity_matrix(network).abs() for network in JacobianExtractor().fit_transform(X)]
    folder = Path(tempfile.mkdtemp())
    files = [folder / f"model{k:02d}.xml" for k in range(len(X))]
    for path, text in zip(files, X, strict=True):
        path.write_text(text, encoding="utf-8")

    table, search, seconds = two_jobs(files, X, y)
    candidates = best_pairs()
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR)
    with cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        far_table, far_search, far_seconds = two_jobs(files, X, y)
        far_candidates = best_pairs(block_size=50)
    shutil.rmtree(folder)

    columns = [name for name in table.columns if name != "seconds"]
    print("same table:", table[columns].equals(far_table[columns]))
    scores, far_scores = (one.cv_results_["mean_test_score"] for one in (search, far_search))
    print("same scores:", np.array_equal(scores, far_scores))
    # Jobs of seconds gain nothing, because a cluster has to start processes that import everything.
    print("seconds of the screen and of the search:", np.round(seconds, 1), "cluster:", np.round(far_seconds, 1))

    print("same candidates:", candidates.equals(far_candidates))
    print(candidates.round(2).to_string(index=False))

    results = pd.DataFrame(far_search.cv_results_)
    fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    axes[0].scatter(far_table["n_variables"], -far_table["max_real_part"])
    axes[0].set(xlabel="variables of the model", ylabel="slowest rate of relaxation", ylim=(0, None))
    axes[0].set_title("screen of models")
    for directed, rows in results.groupby("param_model__directed"):
        axes[1].plot(rows["param_model__alpha"], rows["mean_test_score"], marker="o", label=f"directed={directed}")
    axes[1].set(xlabel="alpha of DynamoPropagation", ylabel="Spearman correlation, two folds")
    axes[1].set_title("grid search")
    axes[1].legend()
    plt.show()

# %%
# A real cluster
# --------------
# ``Client("tcp://scheduler:8786")`` in place of the local cluster, or ``dask_jobqueue.SLURMCluster`` and the like. The
# files of a screen, the data home and a folder of :class:`~skperturb.callbacks.ResumableCheckpoint` must be seen by all
# workers, and the environment must be the same. Start workers with one thread each: the time limit of a model costs a
# process for each share of models, and networks are trained by one thread best.
