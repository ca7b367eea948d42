"""Coercion of networks."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb import sbml
from skperturb._validation import check_at_least, check_mapping, check_names, check_path, ensure_networks
from skperturb.datasets import make_biochemical_models, make_gene_network, make_perturbation_screen
from skperturb.interactions import GNEEmbedder, LINEGeneEmbedder, Node2VecGeneEmbedder
from skperturb.model_selection import CombinationSplit
from skperturb.networks import GCNEnhancer, InfluenceNetwork, StructuralSensitivity, response_matrix
from skperturb.plotting import MethodAccuracyDisplay, ReliabilityDisplay
from skperturb.responses import APPRegressor, rank_candidates, simulate_cells

EYE = np.eye(2)


NO_MODEL, NOTHING = "no_such_file.xml", pd.DataFrame({"k": [1.0]})
PARALLEL = {
    "simulate_many": lambda n: sbml.simulate_many(NO_MODEL, NOTHING, [0.0, 1.0], n_jobs=n),
    "steady_states": lambda n: sbml.steady_states(NO_MODEL, NOTHING, n_jobs=n),
    "perturb": lambda n: sbml.perturb(NO_MODEL, sbml.Intervention(knock_out="k"), n_jobs=n),
    "time_course_sensitivity": lambda n: sbml.time_course_sensitivity(NO_MODEL, [0.0, 1.0], n_jobs=n),
    "elasticities": lambda n: sbml.elasticities(NO_MODEL, n_jobs=n),
    "parameter_sensitivity": lambda n: sbml.parameter_sensitivity([NO_MODEL], n_jobs=n),
    "control_coefficients": lambda n: sbml.control_coefficients(NO_MODEL, n_jobs=n),
    "sensitivity_matrices": lambda n: sbml.sensitivity_matrices([EYE], n_jobs=n),
    "screen_models": lambda n: sbml.screen_models([NO_MODEL], n_jobs=n),
    "JacobianExtractor": lambda n: sbml.JacobianExtractor(n_jobs=n).fit([NO_MODEL]),
    "GNEEmbedder": lambda n: GNEEmbedder(n_jobs=n).fit([("a", "b"), ("b", "c")]),
    "rank_candidates": lambda n: rank_candidates(None, None, ["A"], n_jobs=n),
}


@pytest.mark.parametrize("name", PARALLEL)
@pytest.mark.parametrize("n_jobs", [0, "two", 10**30])
def test_numbers_of_jobs_that_are_none(name, n_jobs):
    """Before anything is read, and not by joblib, which does not know who asked."""
    with pytest.raises(ValueError, match=rf"n_jobs={n_jobs!r}; expected|'n_jobs' parameter of {name} must be .*None"):
        PARALLEL[name](n_jobs)


MANY = 10**30
NETWORK = pd.DataFrame([[-1.0, 0.5], [0.0, -1.0]], index=["a", "b"], columns=["a", "b"])
COUNTS = {
    "n_draws": lambda: StructuralSensitivity(n_draws=MANY).fit([NETWORK]),
    "n_draws of response_matrix": lambda: response_matrix(InfluenceNetwork(NETWORK), n_draws=MANY),
    "n_draws=10000000 of 200 nodes": lambda: StructuralSensitivity(n_draws=10**7).predict([-np.eye(200)]),
    "n_models": lambda: APPRegressor(n_models=MANY).fit(EYE, EYE),
    "hidden_dim": lambda: GCNEnhancer(hidden_dim=MANY).fit([EYE], [EYE]),
    "batch_size": lambda: GCNEnhancer(batch_size=MANY).fit([EYE], [EYE]),
    "n_folds": lambda: GNEEmbedder(n_folds=MANY).fit([("a", "b"), ("b", "c")]),
    "n_negatives": lambda: LINEGeneEmbedder(n_negatives=10**7).fit([("a", "b"), ("b", "c")]),
    "n_components": lambda: Node2VecGeneEmbedder(n_components=MANY).fit([("a", "b"), ("b", "c")]),
    "n_splits": lambda: CombinationSplit(MANY),
    "n_cells": lambda: make_perturbation_screen(n_cells=MANY),
    "n_cells=10000000": lambda: simulate_cells(pd.DataFrame(np.zeros((1, 20_000))), 10**7),
    "n_cells=10000000 of each": lambda: make_perturbation_screen(n_cells=10**7),
    "n_perturbed": lambda: make_perturbation_screen(n_perturbed=MANY),
    "n_perturbed=30000": lambda: make_perturbation_screen(n_perturbed=30_000),
    "n_samples=10000000": lambda: make_gene_network(10_000, n_samples=10**7),
    "n_models must be": lambda: make_biochemical_models(MANY),
    "n_species must be": lambda: make_biochemical_models(1, n_species=MANY),
    "n_bins": lambda: ReliabilityDisplay([0, 1], [0.1, 0.9], n_bins=MANY),
    "n_resamples": lambda: MethodAccuracyDisplay(pd.DataFrame({"a": [0.5], "b": [0.4]})).summary(MANY),
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_would_not_end_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name.split(" of response_matrix")[0]):
        COUNTS[name]()


@pytest.mark.parametrize("container", [list, tuple, pd.Series])
def test_mixed_kinds(container):
    frame = pd.DataFrame(EYE, index=["a", "b"], columns=["a", "b"])
    items = [
        EYE,
        frame,
        sp.coo_matrix(EYE),
        sp.csc_array(EYE),
        InfluenceNetwork(frame),
        EYE.astype(int),
        [[1, 0], [0, 1]],
    ]
    records = ensure_networks(container(items))
    assert [record.names is not None for record in records] == [False, True, False, False, True, False, False]
    for record in records:
        matrix = record.matrix.toarray() if sp.issparse(record.matrix) else record.matrix
        assert matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix, EYE)


def test_object_array_and_stack():
    items = np.empty(2, dtype=object)
    items[0], items[1] = np.eye(2), np.eye(3)
    assert [record.n_nodes for record in ensure_networks(items)] == [2, 3]
    assert [record.n_nodes for record in ensure_networks(np.zeros((3, 2, 2)))] == [2, 2, 2]


def test_dense_input_is_not_copied():
    matrix = np.ones((3, 3))
    assert ensure_networks([matrix])[0].matrix is matrix


def test_explicit_zeros_are_no_edges_and_input_stays():
    matrix = sp.csr_array((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    assert ensure_networks([matrix])[0].matrix.nnz == 1
    assert matrix.nnz == 2
    doubled = sp.coo_array((np.array([1.0, -1.0]), (np.array([0, 0]), np.array([1, 1]))), shape=(2, 2))
    assert ensure_networks([doubled])[0].matrix.nnz == 0


def test_sparse_is_cheap():
    n_nodes = 20_000
    matrix = sp.random_array((n_nodes, n_nodes), density=5 / n_nodes, rng=np.random.default_rng(0), format="csr")
    tracemalloc.start()
    ensure_networks([matrix])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


class _Model:
    def jacobian(self, t, x):
        return EYE


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ({0: EYE}, TypeError, "X is a dict.*values"),
        ((m for m in [EYE]), TypeError, r"X is a generator.*Pass list\(X\)"),
        ({1, 2}, TypeError, "X is a set"),
        ("model.xml", TypeError, "X is the str 'model.xml'"),
        (None, TypeError, "X is a NoneType"),
        (5, TypeError, "X is a int 5"),
        ([], ValueError, "X is empty"),
        (EYE, ValueError, r"2-D array of shape \(2, 2\).*Wrap it in a list: \[X\]"),
        (pd.DataFrame(EYE), ValueError, "single DataFrame"),
        (sp.eye_array(2), ValueError, "Wrap it in a list"),
        (InfluenceNetwork(EYE), ValueError, "single InfluenceNetwork"),
        (np.zeros((1, 2, 2, 2)), ValueError, "4-D"),
        ([EYE, np.ones((2, 3))], ValueError, r"X\[1\] has shape \(2, 3\); expected a square"),
        ([EYE, sp.csr_array(np.ones((2, 3)))], ValueError, r"X\[1\] has shape \(2, 3\)"),
        ([EYE, np.ones(3)], ValueError, r"X\[1\] is 1-D"),
        ([EYE, np.full((2, 2), np.nan)], ValueError, r"X\[1\] holds nan at position \(0, 0\)"),
        ([sp.csr_array([[0, np.inf], [0, 0]])], ValueError, r"X\[0\] holds inf at position \(0, 1\)"),
        ([EYE * 1j], TypeError, r"X\[0\] has dtype complex128"),
        ([sp.csr_array(EYE * 1j)], TypeError, r"X\[0\] has dtype complex128"),
        ([np.array([["a", "b"], ["c", "d"]])], TypeError, r"X\[0\] has dtype <U1"),
        ([np.array([[1, "b"], [3, 4]], dtype=object)], TypeError, r"X\[0\] is not numeric"),
        ([[[1, 2], [3]]], ValueError, r"X\[0\].*no rectangular matrix"),
        (["model.xml"], TypeError, r"X\[0\] is a str 'model.xml'.*JacobianExtractor"),
        ([_Model()], TypeError, r"X\[0\] is a _Model.*JacobianExtractor"),
        ([None], TypeError, r"X\[0\] is a NoneType"),
        ([np.ma.masked_array(EYE, mask=EYE > 0)], TypeError, r"X\[0\] is a masked array"),
        ([pd.DataFrame(EYE, index=["a", "b"], columns=["a", "c"])], ValueError, r"X\[0\].*differs.*'b', 'c'"),
        ([pd.DataFrame(EYE, index=["a", "b"], columns=["b", "a"])], ValueError, "different orders"),
        ([pd.DataFrame(EYE, index=["a", "a"], columns=["a", "a"])], ValueError, "duplicate name 'a'"),
    ],
)
def test_errors(X, error, message):
    with pytest.raises(error, match=message):
        ensure_networks(X)


@pytest.mark.parametrize(
    "value", [None, 3, True, 1.5, [], b"x", np.array("a"), pd.Series(["a"]), (path for path in "a")]
)
def test_paths_are_texts_or_paths(value):
    with pytest.raises(TypeError, match=r"^home is a .*; expected a path"):
        check_path(value, "home")


def test_paths_mappings_and_names_that_are_taken():
    assert check_path("a", "home") == check_path(Path("a"), "home") == Path("a")
    with pytest.raises(ValueError, match="home='' is empty"):
        check_path("", "home")
    assert check_mapping(None, "options") == {}
    assert check_mapping(pd.Series([1], ["a"]), "options") == {"a": 1}
    with pytest.raises(ValueError, match="options has 'a' twice"):
        check_mapping(pd.Series([1, 2], ["a", "a"]), "options")
    assert check_names(pd.Index(["a", "b"]), "genes") == check_names({"a": 1, "b": 2}, "genes") == ["a", "b"]


@pytest.mark.parametrize("value", ["ab", 3, [("a", 1)], {"a"}, np.zeros((2, 2)), pd.DataFrame({"a": [1]})])
def test_what_is_no_mapping(value):
    with pytest.raises(TypeError, match=r"^options is a .*; expected a mapping"):
        check_mapping(value, "options")


@pytest.mark.parametrize("value", ["ab", b"ab", 3, None, np.array("a"), np.array([["a"]]), pd.DataFrame({"a": ["b"]})])
def test_what_is_no_sequence_of_names(value):
    with pytest.raises(TypeError, match=r"^genes is a .*; expected a sequence of names"):
        check_names(value, "genes")
    with pytest.raises(TypeError, match=r"^genes\[1\] is a int 3"):
        check_names(["a", 3], "genes")


@pytest.mark.parametrize("value", [None, 1.0, True, 1, "3", np.nan, np.array([3])])
def test_what_is_no_whole_number(value):
    with pytest.raises(ValueError, match=r"n_genes=.*; expected an integer, 2 or more"):
        check_at_least(value, "n_genes", 2)
    check_at_least(np.int64(2), "n_genes", 2)
