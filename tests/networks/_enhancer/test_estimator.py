"""GCNEnhancer: what it learns, what it may not see, what it refuses, and how it composes."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from skperturb.exceptions import ModelWarning
from skperturb.metrics import spearman_correlation
from skperturb.networks import (
    DynamoDistance,
    DynamoFirstNeighbor,
    DynamoPropagation,
    GCNEnhancer,
    InfluenceNetwork,
)

SMALL = {"hidden_dim": 8, "n_layers": 1, "max_epochs": 3, "n_models": 1, "random_state": 0}
VARIANTS = {
    "rank": GCNEnhancer(**SMALL),
    "class, sparse": GCNEnhancer.published(max_epochs=5, random_state=0),
    "class, full": GCNEnhancer.published(graph="full", max_epochs=5, random_state=0),
}
each_variant = pytest.mark.parametrize("enhancer", VARIANTS.values(), ids=VARIANTS)


def test_learns_what_distance_cannot_see(data):
    X, y = data
    enhancer = GCNEnhancer(dropout=0.0, max_epochs=30, lr=0.01, n_models=1, random_state=0).fit(X[:18], y[:18])
    options = {"diagonal": False, "reachable_only": True}
    learned = spearman_correlation(y[18:], enhancer.predict(X[18:]), **options)
    distance = spearman_correlation(y[18:], DynamoDistance().predict(X[18:]), **options)
    assert learned > distance + 0.1
    assert enhancer.score(X[18:], y[18:]) > DynamoDistance().score(X[18:], y[18:])


@each_variant
def test_unreachable_pairs_are_exactly_zero(enhancer, data):
    X, y = data
    for base in (None, DynamoDistance(directed=False), DynamoPropagation()):
        fitted = enhancer.__class__(**enhancer.get_params() | {"estimator": base}).fit(X[:6], y[:6])
        for matrix, prediction in zip(X, fitted.predict(X), strict=True):
            expected = DynamoDistance().predict([matrix])[0] > 0
            if isinstance(base, DynamoPropagation):
                # Along paths of opposite signs the propagation can cancel, and nothing times a factor is nothing.
                expected &= base.predict([matrix])[0] != 0
            np.testing.assert_array_equal(prediction != 0, expected)


@each_variant
def test_pattern_is_factor_times_base(enhancer, data):
    X, y = data
    fitted = enhancer.__class__(**enhancer.get_params()).fit(X[:6], y[:6])
    for matrix, factor, pattern in zip(X, fitted.predict_factor(X), fitted.predict(X), strict=True):
        np.testing.assert_allclose(factor * DynamoDistance().predict([matrix])[0], np.abs(pattern))


@each_variant
def test_signs_are_all_that_is_read(enhancer, data):
    X, y = data
    signs = [np.sign(A) for A in X]
    fitted = enhancer.__class__(**enhancer.get_params()).fit(X, y)
    from_signs = enhancer.__class__(**enhancer.get_params()).fit(signs, y)
    for one, other, third in zip(fitted.predict(X), fitted.predict(signs), from_signs.predict(X), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)


def test_models_are_averaged_and_seeded(data):
    X, y = data
    pair = GCNEnhancer(**SMALL | {"n_models": 2}).fit(X, y)
    again = GCNEnhancer(**SMALL | {"n_models": 2}).fit(X, y)
    single = GCNEnhancer(**SMALL).fit(X, y)
    assert len(pair.models_) == 2
    np.testing.assert_array_equal(pair.predict(X)[0], again.predict(X)[0])
    assert not np.array_equal(pair.predict(X)[0], single.predict(X)[0])


def test_training_leaves_the_global_random_states(data):
    X, y = data
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    GCNEnhancer(**SMALL).fit(X[:4], y[:4])
    assert (torch.rand(1), np.random.rand()) == before  # noqa: NPY002


@each_variant
def test_early_stopping_holds_networks_out(enhancer, data):
    X, y = data
    fitted = enhancer.__class__(**enhancer.get_params() | {"early_stopping": True, "patience": 1}).fit(X, y)
    model = fitted.models_[0]
    history = getattr(model, "net", model).history
    assert np.isfinite(history[:, "valid_loss"]).all()


def test_names_align_the_targets(data):
    X, y = data
    rng = np.random.default_rng(1)
    networks, truths = [], []
    for matrix, truth in zip(X, y, strict=True):
        names = [f"v{k}" for k in range(len(matrix))]
        networks.append(InfluenceNetwork(matrix, names=names))
        frame = pd.DataFrame(truth, index=names, columns=names)
        order = rng.permutation(names)
        truths.append(frame.loc[order, rng.permutation(names)])
    labeled = GCNEnhancer(**SMALL).fit(networks, truths).predict(networks)
    plain = GCNEnhancer(**SMALL).fit(X, y).predict(X)
    assert list(labeled[0].columns) == list(networks[0].names)
    np.testing.assert_array_equal(labeled[0].to_numpy(), plain[0])


def test_grid_search_and_grouped_folds(data):
    X, y = data
    groups = np.repeat(np.arange(8), 3)
    search = GridSearchCV(
        GCNEnhancer(DynamoPropagation(), **SMALL),
        {"estimator__alpha": [0.5, 0.9], "n_layers": [1, 2]},
        cv=GroupKFold(2),
    )
    search.fit(X, y, groups=groups)
    assert set(search.best_params_) == {"estimator__alpha", "n_layers"}
    predictions = cross_val_predict(GCNEnhancer(**SMALL), X, y, groups=groups, cv=GroupKFold(3))
    assert [len(p) for p in predictions] == [len(A) for A in X]


def test_composes_with_the_extractor():
    from skperturb.datasets import load_textbook_models
    from skperturb.sbml import JacobianExtractor, sensitivity_matrix

    models = load_textbook_models().data[:4]
    extractor = JacobianExtractor(at="initial")
    networks = extractor.fit_transform(models)
    truths = [sensitivity_matrix(network, "dynamo", undefined="nan").fillna(1.0) for network in networks]
    pipeline = make_pipeline(extractor, GCNEnhancer(**SMALL)).fit(models, truths)
    prediction = pipeline.predict(models)
    assert [list(p.columns) for p in prediction] == [list(network.names) for network in networks]
    sign_only = GCNEnhancer(**SMALL, features="sign").fit(networks, truths)
    bare = [InfluenceNetwork(network.jacobian) for network in networks]
    np.testing.assert_array_equal(sign_only.predict(networks)[0], sign_only.predict(bare)[0])
    with pytest.warns(ModelWarning, match=r"X\[0\], X\[1\], X\[2\] and 1 more have no structure, but the model has"):
        without = pipeline[-1].predict(bare)
    assert not np.array_equal(pipeline[-1].predict(networks)[0], without[0])


@pytest.mark.parametrize("kind", ["relative", "steady_state", "dynamo"])
def test_predictions_do_not_depend_on_the_order_of_the_nodes(kind, data):
    from skperturb.datasets import load_textbook_models
    from skperturb.sbml import JacobianExtractor

    rng = np.random.default_rng(0)
    networks = JacobianExtractor(at="initial").fit_transform(load_textbook_models().data[:6])
    truths = [rng.lognormal(size=(network.n_nodes,) * 2) for network in networks]
    fitted = GCNEnhancer(**SMALL, kind=kind).fit(networks, truths)
    for network, prediction in zip(networks, fitted.predict(networks), strict=True):
        names = list(rng.permutation(network.names))
        other = InfluenceNetwork(
            network.jacobian.loc[names, names],
            structure=network.structure,
            conservation_laws=network.conservation_laws,
            model_id=network.model_id,
        )
        moved = fitted.predict([other])[0].loc[prediction.index, prediction.columns]
        np.testing.assert_allclose(moved, prediction, rtol=1e-4, atol=1e-6)
    matrix = data[0][0]
    order = rng.permutation(len(matrix))
    plain = GCNEnhancer(**SMALL, kind=kind).fit(*data)
    first, second = plain.predict([matrix])[0], plain.predict([matrix[np.ix_(order, order)]])[0]
    np.testing.assert_allclose(first[np.ix_(order, order)], second, rtol=1e-4, atol=1e-6)


def test_signs_are_those_of_the_base_or_of_propagation(data):
    from skperturb.datasets import load_textbook_models
    from skperturb.networks import StructuralSensitivity
    from skperturb.sbml import JacobianExtractor

    X, y = data
    found = GCNEnhancer(**SMALL).fit(X, y).predict(X[:3])
    for matrix, propagated in zip(found, DynamoPropagation().predict(X[:3]), strict=True):
        there = (matrix != 0) & (propagated != 0)
        assert (matrix < 0).any()
        np.testing.assert_array_equal(np.sign(matrix[there]), np.sign(propagated[there]))
    networks = JacobianExtractor(at="initial").fit_transform(load_textbook_models().data[:4])
    truths = [np.random.default_rng(0).lognormal(size=(network.n_nodes,) * 2) for network in networks]
    found = GCNEnhancer(**SMALL).fit(networks, truths).predict(networks)
    signs, _ = StructuralSensitivity().predict_sign(networks)
    for matrix, sign in zip(found, signs, strict=True):
        there = (matrix != 0) & (sign != 0)
        np.testing.assert_array_equal(np.sign(matrix)[there].fillna(0), sign[there].astype(float).fillna(0))
    published = GCNEnhancer.published(max_epochs=2, random_state=0).fit(X, y)
    assert (published.predict(X[:1])[0] >= 0).all()


@each_variant
def test_odd_networks_have_documented_answers(enhancer, data):
    X, y = data
    fitted = enhancer.__class__(**enhancer.get_params()).fit(
        [*X, np.zeros((3, 3)), np.empty((0, 0))], [*y, np.eye(3), np.empty((0, 0))]
    )
    assert fitted.n_networks_ == len(X)
    disconnected = np.kron(np.eye(2), np.array([[-1.0, 0], [1, -1]]))
    odd = [np.zeros((4, 4)), np.array([[-2.0]]), np.array([[0.0]]), np.empty((0, 0)), disconnected]
    no_edge, one, lone, empty, parts = fitted.predict([*odd])
    assert (no_edge[~np.eye(4, dtype=bool)] == 0).all()
    assert np.ptp(np.diag(no_edge)) == 0
    assert one.shape == lone.shape == (1, 1)
    assert one[0, 0] > 0
    assert empty.shape == (0, 0)
    assert (parts[:2, 2:] == 0).all()
    assert (parts[2:, :2] == 0).all()


def test_sparse_networks_are_taken(data):
    X, y = data
    fitted = GCNEnhancer(**SMALL).fit([sp.csr_array(A) for A in X], y)
    np.testing.assert_array_equal(fitted.predict([sp.csr_array(X[0])])[0], fitted.predict(X[:1])[0])
    fitted = GCNEnhancer(DynamoFirstNeighbor(), **SMALL).fit([sp.csr_array(A) for A in X], y)
    assert isinstance(fitted.predict([sp.csr_array(X[0])])[0], np.ndarray)


NAMED = pd.DataFrame(np.ones((3, 3)), index=list("abc"), columns=list("abc"))
OTHER = pd.DataFrame(np.ones((3, 3)), index=list("abd"), columns=list("abd"))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([np.eye(3)], None, "y is None"),
        ([np.eye(3), np.eye(3)], [np.eye(3)], "X has 2 elements but y has 1"),
        ([np.eye(3)], [np.eye(4)], r"y\[0\] has shape \(4, 4\); expected \(3, 3\)"),
        ([np.eye(3)], [np.full((3, 3), np.nan)], r"y\[0\] has no defined entry: all 9 are NaN"),
        ([np.eye(3), np.full((2, 2), np.inf)], [np.eye(3), np.eye(2)], r"X\[1\] holds inf"),
        ([NAMED], [OTHER], r"y\[0\] and X\[0\] have different names: y\[0\] lacks 1, for example \['c'\]"),
        ([np.zeros((3, 3))], [np.eye(3)], "none of the 1 networks in X has pairs to learn from"),
        ([np.array([[-1.0]])], [np.array([[1.0]])], "none of the 1 networks"),
    ],
)
def test_bad_input_is_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        GCNEnhancer(**SMALL).fit(X, y)


def test_base_with_selected_sources_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="set its parameter sources to None"):
        GCNEnhancer(DynamoDistance(sources=[0, 1]), **SMALL).fit(X, y)


def test_early_stopping_needs_two_networks(data):
    X, y = data
    with pytest.raises(ValueError, match="only one to learn from"):
        GCNEnhancer(**SMALL, early_stopping=True).fit(X[:1], y[:1])
