"""The same results on a cluster as in one process."""

import time

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skperturb._processes import map_isolated
from skperturb.callbacks import ResumableCheckpoint
from skperturb.datasets import load_textbook_models, make_gene_network, make_perturbation_screen
from skperturb.interactions import GNEEmbedder, L3Paths
from skperturb.model_selection import sample_negative_pairs
from skperturb.networks import GCNEnhancer
from skperturb.responses import (
    AdditiveRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    rank_candidates,
    untested_combinations,
)
from skperturb.responses._kernels.sources import FeatureKernels, weighted_sum
from skperturb.sbml import Intervention, JacobianExtractor, perturb, screen_models, sensitivity_matrix

distributed = pytest.importorskip("distributed", reason="Dask is not installed")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine, and joblib told to use them in the ``with`` block of a test."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as local, distributed.Client(local):
        yield


def on_the_cluster():
    return joblib.parallel_config(backend="dask")


def labelled_pairs():
    network = make_gene_network(60, n_interactions=150, random_state=0)
    negatives = sample_negative_pairs(network.pairs, random_state=0)
    X = np.concatenate([network.pairs, negatives])
    return X, np.repeat([1, 0], [len(network.pairs), len(negatives)]), network.genes


def test_grid_search_over_a_pipeline_of_pairs(cluster):
    X, y, genes = labelled_pairs()
    embedder = GNEEmbedder(max_epochs=2, n_folds=2, genes=genes, random_state=0, device="cpu")
    model = make_pipeline(embedder, LogisticRegression())
    grid = {"gneembedder__n_components": [4, 8]}
    search = GridSearchCV(model, grid, scoring="roc_auc", cv=2, error_score="raise")
    here = search.fit(X, y).cv_results_
    with on_the_cluster():
        there = search.fit(X, y).cv_results_
    np.testing.assert_array_equal(here["mean_test_score"], there["mean_test_score"])
    assert len(set(here["mean_test_score"])) > 1


def networks_and_truths():
    extracted = JacobianExtractor().fit_transform(load_textbook_models().data[:6])
    return list(extracted), [sensitivity_matrix(network) for network in extracted]


def test_grid_search_over_networks_with_one_folder_of_checkpoints(cluster, tmp_path):
    X, y = networks_and_truths()
    model = GCNEnhancer(max_epochs=2, n_models=2, random_state=0, device="cpu")
    search = GridSearchCV(model, {"hidden_dim": [4, 8]}, cv=2, error_score="raise")
    here = search.fit(X, y)
    expected, predictions = here.cv_results_["mean_test_score"], list(here.predict(X))
    search.set_params(estimator__callbacks=[ResumableCheckpoint(tmp_path)])
    for _ in range(2):  # trained on the cluster, then taken from the files
        with on_the_cluster():
            search.fit(X, y)
        np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected, rtol=1e-12)
        for one, other in zip(predictions, search.predict(X), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
        # Two networks for each of two candidates on two folds, and for the best one on all.
        assert len(list(tmp_path.iterdir())) == 2 * (2 * 2 + 1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models = load_textbook_models()
    for name, text in list(zip(models.names, models.data, strict=True))[:5]:
        (folder / f"{name}.xml").write_text(text, encoding="utf-8")
    (folder / "nothing.xml").write_text("", encoding="utf-8")
    return sorted(folder.iterdir())


def test_screen_of_models(cluster, files):
    here = screen_models(files).drop(columns="seconds")
    with on_the_cluster():
        there = screen_models(files).drop(columns="seconds")
    assert here["status"].nunique() > 1
    assert here.equals(there)


def test_the_limit_for_one_model_holds_on_the_cluster(cluster):
    with on_the_cluster():
        outcomes = map_isolated(time.sleep, [0, 60, 0, 0], timeout=5.0)
    assert [outcome.kind for outcome in outcomes] == ["value", "timeout", "value", "value"]
    with on_the_cluster():
        assert map_isolated(abs, []) == []
        assert [outcome.value for outcome in map_isolated(abs, range(-40, 0))] == list(range(40, 0, -1))


def test_jacobians_are_extracted_on_the_cluster(cluster):
    models = load_textbook_models().data[:4]
    here = JacobianExtractor().fit_transform(models)
    with on_the_cluster():
        there = JacobianExtractor().fit_transform(models)
        assert joblib.effective_n_jobs(None) == 2
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_of_scores_needs_nothing_special(cluster):
    X, y, genes = labelled_pairs()
    search = GridSearchCV(L3Paths(genes=genes), {"negatives": ["uniform", "degree"]}, cv=2, scoring="roc_auc")
    with on_the_cluster():
        search.fit(X, y)
    assert search.best_score_ > 0.5


def test_blocks_of_a_kernel_are_the_same(cluster):
    rng = np.random.default_rng(0)
    terms = scipy.sparse.random_array((5000, 300), density=0.02, rng=rng).tocsr()
    features = {"GO": terms, "x": rng.normal(size=(5000, 4))}
    source, rows = FeatureKernels(features), np.arange(5000)
    here = weighted_sum(source, np.array([0.3, 0.7]), rows, rows[:200])
    with on_the_cluster():
        there = weighted_sum(source, np.array([0.3, 0.7]), rows, rows[:200])
    np.testing.assert_array_equal(here, there)
    assert np.abs(here).min() < np.abs(here).max()


def test_candidates_in_blocks_are_ranked_alike(cluster):
    screen = make_perturbation_screen(20, n_perturbed=8, n_doubles=10, n_cells=5, random_state=0)
    bulk = pseudobulk(screen, "perturbation", "control")
    encoder = PerturbationEncoder().set_output(transform="pandas")
    X = encoder.fit_transform(bulk.data)
    model, addition = KernelPerturbationRegressor().fit(X, bulk.target), AdditiveRegressor().fit(X, bulk.target)
    names = untested_combinations(bulk.data)
    candidates = encoder.transform(names).set_axis(names)
    here = rank_candidates(model, addition, candidates, top=7)
    assert here.equals(rank_candidates(model, addition, candidates).head(7))
    with on_the_cluster():
        there = rank_candidates(model, addition, candidates, top=7, block_size=4)
        blocks = (candidates.iloc[k : k + 5] for k in range(0, len(candidates), 5))
        streamed = rank_candidates(model, addition, blocks, top=7, n_jobs=2)
    # Products of other shapes are rounded otherwise.
    pd.testing.assert_frame_equal(here, there, rtol=1e-10)
    pd.testing.assert_frame_equal(here, streamed, rtol=1e-10)


def test_interventions_on_many_models(cluster, files):
    held = [Intervention(hold={"u": 1.0})]  # a variable of one of them
    here = perturb(files, held, on_error="nan")
    with on_the_cluster():
        there = perturb(files, held, on_error="nan")
    assert here.equals(there)
    assert here["outcome", "status"].nunique() > 1
