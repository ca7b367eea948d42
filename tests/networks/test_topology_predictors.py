"""The three topology-only predictors against hand-computed cases and brute force."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation, InfluenceNetwork

# 0 -| 0, 0 -> 1, 1 -| 2, 3 isolated
CASCADE = np.array([[-2.0, 0, 0, 0], [3.0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 0, 0]])
ESTIMATORS = [
    DynamoDistance(),
    DynamoDistance(directed=False),
    DynamoPropagation(),
    DynamoPropagation(signed=False),
    DynamoPropagation(directed=False),
    DynamoFirstNeighbor(),
    DynamoFirstNeighbor(signed=False),
    DynamoFirstNeighbor(directed=False),
]
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
matrices = st.integers(1, 7).flatmap(
    lambda n: arrays(float, (n, n), elements=st.sampled_from([0.0, 0.0, 0.0, 0.3, -7.0, 1e-9, -1e8]))
)


def dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def predict(estimator, A):
    return dense(estimator.predict([A])[0])


def brute_distance(A, directed):
    n = len(A)
    edge = A != 0 if directed else (A != 0) | (A.T != 0)
    length = np.where(edge, 1.0, np.inf)  # length[i, j]: from j to i
    np.fill_diagonal(length, 0)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                length[i, j] = min(length[i, j], length[i, k] + length[k, j])
    return 1 / (1 + length)


def brute_propagation(A, alpha, directed, signed):
    n = len(A)
    W = np.sign(A) if signed else np.abs(np.sign(A))
    if not directed:
        W = ((A != 0) | (A.T != 0)).astype(float)
    scaled = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if W[i, j]:
                scaled[i, j] = W[i, j] / np.sqrt(np.abs(W[i]).sum() * np.abs(W[:, j]).sum())
    total, term = np.eye(n), np.eye(n)
    for _ in range(400):  # the Neumann series; 0.9**400 is 5e-19
        term = alpha * scaled @ term
        total += term
    return (1 - alpha) * total


def test_distance_by_hand():
    expected = [[1, 0, 0, 0], [1 / 2, 1, 0, 0], [1 / 3, 1 / 2, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(predict(DynamoDistance(), CASCADE), expected)
    undirected = [[1, 1 / 2, 1 / 3, 0], [1 / 2, 1, 1 / 2, 0], [1 / 3, 1 / 2, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(predict(DynamoDistance(directed=False), CASCADE), undirected)


def test_first_neighbor_by_hand():
    np.testing.assert_array_equal(predict(DynamoFirstNeighbor(), CASCADE), np.sign(CASCADE))
    np.testing.assert_array_equal(predict(DynamoFirstNeighbor(signed=False), CASCADE), np.abs(np.sign(CASCADE)))
    expected = [[2, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    for signed in (True, False):
        result = predict(DynamoFirstNeighbor(directed=False, signed=signed), CASCADE)
        np.testing.assert_array_equal(result, expected)


def test_propagation_by_hand():
    # Column sums of |W|: 2, 1, 0, 0; row sums: 1, 1, 1, 0. So W'00 = -1/√2, W'10 = 1/√2, W'21 = -1.
    root = np.sqrt(0.5)
    own = 1 / (1 + 0.5 * root)
    expected = 0.5 * np.array(
        [
            [own, 0, 0, 0],
            [0.5 * root * own, 1, 0, 0],
            [-0.25 * root * own, -0.5, 1, 0],
            [0, 0, 0, 1],
        ]
    )
    np.testing.assert_allclose(predict(DynamoPropagation(alpha=0.5), CASCADE), expected, rtol=1e-14, atol=0)
    np.testing.assert_array_equal(predict(DynamoPropagation(alpha=0), CASCADE), np.eye(4))


@given(matrices)
def test_distance_equals_floyd_warshall(A):
    for directed in (True, False):
        np.testing.assert_array_equal(predict(DynamoDistance(directed=directed), A), brute_distance(A, directed))


@given(matrices)
def test_propagation_equals_neumann_series(A):
    for directed, signed in [(True, True), (True, False), (False, True)]:
        estimator = DynamoPropagation(directed=directed, signed=signed)
        expected = brute_propagation(A, 0.9, directed, signed)
        np.testing.assert_allclose(predict(estimator, A), expected, rtol=1e-9, atol=1e-12)


@each_estimator
@given(A=matrices, data=st.data())
def test_node_permutation_permutes_the_prediction(estimator, A, data):
    order = np.array(data.draw(st.permutations(range(len(A)))), dtype=int)
    expected = predict(estimator, A)[np.ix_(order, order)]
    np.testing.assert_allclose(predict(estimator, A[np.ix_(order, order)]), expected, rtol=1e-10, atol=1e-13)


@each_estimator
@given(A=matrices)
def test_only_the_sign_pattern_is_used(estimator, A):
    np.testing.assert_array_equal(predict(estimator, A), predict(estimator, np.sign(A)))


@each_estimator
@given(networks=st.lists(matrices, min_size=2, max_size=4))
def test_sample_order(estimator, networks):
    forward, backward = estimator.predict(networks), estimator.predict(networks[::-1])
    for one, other in zip(forward, backward[::-1], strict=True):
        np.testing.assert_array_equal(one, other)


@each_estimator
def test_storage_and_names(estimator):
    A = np.random.RandomState(0).choice([0.0, 0.0, 1.5, -2.0], size=(6, 6))
    names = [f"v{i}" for i in range(6)]
    frame = pd.DataFrame(A, index=names, columns=names)
    expected = predict(estimator, A)
    for kind in (sp.csr_array, sp.csc_matrix, sp.coo_array):
        np.testing.assert_allclose(predict(estimator, kind(A)), expected, rtol=1e-12, atol=1e-15)
    for labeled in (frame, InfluenceNetwork(frame)):
        prediction = estimator.predict([labeled])[0]
        assert list(prediction.index) == list(prediction.columns) == names
        np.testing.assert_array_equal(prediction, expected)


def test_first_neighbor_of_sparse_is_sparse():
    for directed in (True, False):
        assert sp.issparse(DynamoFirstNeighbor(directed=directed).predict([sp.csr_array(CASCADE)])[0])


@pytest.mark.parametrize("n_nodes", [150, 300])
@pytest.mark.parametrize("edges_per_node", [1, 6])
def test_propagation_inverts_on_either_branch(n_nodes, edges_per_node):
    rng = np.random.default_rng(0)
    A = sp.random_array((n_nodes, n_nodes), density=edges_per_node / n_nodes, rng=rng, format="csr")
    P = predict(DynamoPropagation(), A)
    np.testing.assert_array_equal(P, predict(DynamoPropagation(), A.toarray()))
    np.testing.assert_allclose(P, brute_propagation_dense(A.toarray()), atol=1e-11)


def brute_propagation_dense(A):
    W = np.sign(A)
    rows, columns = np.abs(W).sum(1), np.abs(W).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.nan_to_num(W / np.sqrt(np.outer(rows, columns)), posinf=0, neginf=0)
    return 0.1 * np.linalg.inv(np.eye(len(A)) - 0.9 * scaled)


@each_estimator
def test_empty_network(estimator):
    X = [CASCADE, InfluenceNetwork.empty("m", "diverged")]
    y = [np.arange(16.0).reshape(4, 4), np.empty((0, 0))]
    assert estimator.fit(X, y).predict(X)[1].shape == (0, 0)
    assert estimator.score(X, y) == pytest.approx(estimator.score(X[:1], y[:1]) / 2)


@each_estimator
def test_score_is_the_mean_spearman(estimator):
    rng = np.random.RandomState(1)
    X = [rng.choice([0.0, 1.0, -1.0], size=(n, n)) for n in (4, 6)]
    y = [rng.normal(size=A.shape) for A in X]
    expected = np.mean([spearman_correlation(t, predict(estimator, A)) for A, t in zip(X, y, strict=True)])
    assert estimator.score(X, y) == pytest.approx(expected)


def test_score_aligns_by_name():
    names = list("abcd")
    X = [pd.DataFrame(CASCADE, index=names, columns=names)]
    y = [pd.DataFrame(np.arange(16.0).reshape(4, 4), index=names, columns=names)]
    shuffled = [y[0].loc[names[::-1], names[::-1]]]
    assert DynamoDistance().score(X, shuffled) == DynamoDistance().score(X, y)
    with pytest.raises(ValueError, match="lacks"):
        DynamoDistance().score(X, [y[0].rename(columns={"a": "z"})])


def test_sources():
    names = list("abcd")
    frame = pd.DataFrame(CASCADE, index=names, columns=names)
    full = DynamoDistance().predict([frame])[0]
    for sources in (["c", "a"], [2, 0], np.array([2, 0]), [["c", "a"]]):
        pd.testing.assert_frame_equal(DynamoDistance(sources=sources).predict([frame])[0], full[["c", "a"]])
    plain = DynamoDistance(sources=[[1], [0, 3]]).fit([CASCADE, CASCADE]).predict([CASCADE, CASCADE])
    np.testing.assert_array_equal(plain[0], full.to_numpy()[:, [1]])
    np.testing.assert_array_equal(plain[1], full.to_numpy()[:, [0, 3]])
    integers = pd.DataFrame(CASCADE, index=[3, 2, 1, 0], columns=[3, 2, 1, 0])
    assert list(DynamoDistance(sources=[3]).predict([integers])[0].columns) == [3]


def test_sources_score_takes_full_and_selected_truth():
    y = np.arange(16.0).reshape(4, 4)
    estimator = DynamoDistance(sources=[2, 0])
    expected = spearman_correlation(y[:, [2, 0]], predict(estimator, CASCADE))
    assert estimator.score([CASCADE], [y]) == expected
    assert estimator.score([CASCADE], [sp.csr_array(y)]) == expected
    assert estimator.score([CASCADE], [y[:, [2, 0]]]) == expected
    frame = pd.DataFrame(CASCADE)
    assert estimator.score([frame], [pd.DataFrame(y)]) == expected
    assert estimator.score([frame], [y]) == expected


@pytest.mark.parametrize(
    ("sources", "error", "message"),
    [
        (["q"], ValueError, r"sources names 'q', which X\[0\] lacks"),
        ([4], ValueError, "sources holds 4; expected positions from 0 to 3"),
        ([-1], ValueError, "sources holds -1"),
        ([True], TypeError, "sources holds True"),
        ([1.5], TypeError, "sources holds 1.5"),
        ([1, 1], ValueError, "more than once"),
        ([], ValueError, "sources is empty"),
        ([[0], [1]], ValueError, "sources has 2 sequences but there are 1 networks"),
        ([[0, 9]], ValueError, r"sources\[0\] holds 9"),
        ("a", ValueError, "'sources' parameter"),
        ({"a": 1}, TypeError, "sources is a dict"),
    ],
)
def test_bad_sources(sources, error, message):
    for call in (DynamoDistance(sources=sources).fit, DynamoDistance(sources=sources).predict):
        with pytest.raises(error, match=message):
            call([CASCADE])


def test_sources_scale_to_20_000_nodes():
    n_nodes, n_edges = 20_000, 100_000
    rng = np.random.default_rng(0)
    A = sp.csr_array((np.ones(n_edges), rng.integers(0, n_nodes, (2, n_edges))), shape=(n_nodes, n_nodes))
    estimator = DynamoDistance(sources=[0, 5, 7])
    tracemalloc.start()
    P = estimator.fit([A]).predict([A])[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert P.shape == (n_nodes, 3)
    assert peak < 60e6  # a dense matrix would be 3,200 MB
    frontier, reached = np.zeros(n_nodes, bool), np.zeros(n_nodes)
    frontier[5] = True
    for depth in range(n_nodes):
        new = frontier & (reached == 0)
        if not new.any():
            break
        reached[new] = 1 / (1 + depth)
        frontier = A @ new.astype(float) > 0
    np.testing.assert_array_equal(P[:, 1], reached)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([CASCADE], [np.eye(3)], r"y\[0\] has 3 rows but X\[0\] has 4 nodes"),
        ([CASCADE], [np.eye(4), np.eye(4)], "X has 1 elements but y has 2"),
        ([CASCADE, CASCADE], [np.eye(4), np.full((4, 4), np.nan)], r"y\[1\] has no defined entry"),
    ],
)
def test_fit_checks_targets(X, y, message):
    with pytest.raises(ValueError, match=message):
        DynamoDistance().fit(X, y)


def test_predict_checks_parameters():
    with pytest.raises(ValueError, match="'alpha' parameter"):
        DynamoPropagation(alpha=1.0).predict([CASCADE])


def test_paths_that_cancel_leave_exactly_nothing():
    """Rounding of a sum that is zero must not be ranked: the renumbered network leaves other digits."""
    rng = np.random.default_rng(0)
    left_over = 0
    for _ in range(30):
        # Two branches of opposite sign, side by side, behind random feedback.
        n = 6
        core = rng.choice([-1.0, 0.0, 0.0, 1.0], size=(n, n))
        network = np.block([[core, np.zeros((n, 3))], [np.zeros((3, n)), np.zeros((3, 3))]])
        network[n, :n] = network[n + 1, :n] = rng.choice([0.0, 1.0], size=n)
        network[n + 2, n : n + 2] = [1.0, -1.0]
        predicted = DynamoPropagation().predict([network])[0]
        scales = [1 / np.sqrt(np.maximum(np.abs(network).sum(axis=axis), 1)) for axis in (1, 0)]
        raw = 0.1 * np.linalg.inv(np.eye(n + 3) - 0.9 * scales[0][:, None] * network * scales[1])
        left_over += np.count_nonzero(raw[n + 2, :n])
        np.testing.assert_array_equal(predicted[n + 2, :n], 0.0)
        np.testing.assert_allclose(predicted, raw, atol=1e-12)
    assert left_over > 0


def test_targets_of_other_nodes_are_refused():
    named = pd.DataFrame(CASCADE, list("abcd"), list("abcd"))
    target = pd.DataFrame(np.eye(4), list("abcd"), list("abcd"))
    for estimator in ESTIMATORS:
        estimator.fit([named], [target.loc[list("dcba"), list("dcba")]])
        with pytest.raises(ValueError, match=r"X\[0\]\.index has the names \['d'\], which y\[0\]\.index lacks"):
            estimator.fit([named], [target.rename(index={"d": "e"}, columns={"d": "e"})])
