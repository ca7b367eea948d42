"""InfluenceNetwork."""

import contextlib
import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb.networks import InfluenceNetwork

A = np.array([[-1.0, 0.0, 0.0], [2.0, -3.0, 0.0], [0.0, -0.5, 0.0]])
NAMES = ("a", "b", "c")


@pytest.fixture
def network():
    return InfluenceNetwork(
        A,
        names=NAMES,
        structure={"form": "mass action"},
        state=[1.0, 2.0, 3.0],
        steady_state="steady",
        conservation_laws=pd.DataFrame([[1.0, 0.0, 1.0]], columns=["c", "b", "a"]),
        model_id="toy",
    )


def test_attributes(network):
    assert network.names == NAMES
    assert network.n_nodes == 3
    assert not network.is_empty
    assert network.reason is None
    expected = pd.DataFrame(A, index=NAMES, columns=NAMES)
    pd.testing.assert_frame_equal(network.jacobian, expected, check_index_type=False, check_column_type=False)
    assert network.state["b"] == 2
    assert list(network.conservation_laws.columns) == list(NAMES)
    assert repr(network) == "InfluenceNetwork(model_id='toy', n_nodes=3, n_edges=4)"
    assert not hasattr(network, "__len__")


def test_array_protocol(network):
    np.testing.assert_array_equal(np.asarray(network), A)
    assert np.asarray(network, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(network)[0, 0] = 5
    copied = np.array(network)
    copied[0, 0] = 5
    assert np.asarray(network)[0, 0] == -1


def test_constructor_copies():
    values = A.copy()
    network = InfluenceNetwork(values)
    values[0, 0] = 99
    assert np.asarray(network)[0, 0] == -1
    assert network.names == ("x0", "x1", "x2")
    np.testing.assert_array_equal(np.asarray(InfluenceNetwork(sp.csr_array(A))), A)


@pytest.mark.parametrize("name", ["jacobian", "names", "state", "model_id", "reason", "anything"])
def test_immutable(network, name):
    with pytest.raises(AttributeError, match="immutable"):
        setattr(network, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        delattr(network, name)


def test_values_and_labels_are_protected(network):
    for name in ("jacobian", "state", "conservation_laws"):
        labelled = getattr(network, name)
        before = labelled.to_numpy().copy()
        # pandas 2 refuses to write; pandas 3 writes to a copy.
        with contextlib.suppress(ValueError):
            labelled.iloc[(0,) * labelled.ndim] = 5.0
        np.testing.assert_array_equal(getattr(network, name), before)
        assert not getattr(network, name).to_numpy().flags.writeable
    network.jacobian.index = list("xyz")
    frame = network.jacobian
    frame["new"] = 1.0
    assert list(network.jacobian.index) == list(network.jacobian.columns) == list(NAMES)


def test_pickle_and_copy(network):
    for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        pd.testing.assert_frame_equal(twin.jacobian, network.jacobian)
        pd.testing.assert_series_equal(twin.state, network.state)
        pd.testing.assert_frame_equal(twin.conservation_laws, network.conservation_laws)
        assert (twin.structure, twin.model_id) == (network.structure, network.model_id)
        assert twin != network
        with pytest.raises(ValueError, match="read-only"):
            np.asarray(twin)[0, 0] = 5
    assert copy.copy(network) is network


def test_empty():
    empty = InfluenceNetwork.empty("m", "diverged")
    assert empty.is_empty
    assert empty.n_nodes == 0
    assert np.asarray(empty).shape == (0, 0)
    assert empty.reason == "diverged"
    assert pickle.loads(pickle.dumps(empty)).reason == "diverged"
    assert empty.to_networkx().number_of_nodes() == 0
    assert "empty" in repr(empty)
    with pytest.raises(ValueError, match="needs a reason"):
        InfluenceNetwork(np.empty((0, 0)))
    with pytest.raises(ValueError, match="reason='x'"):
        InfluenceNetwork(A, reason="x")


def test_to_networkx(network):
    graph = network.to_networkx()
    edges = {(u, v): (d["weight"], d["sign"]) for u, v, d in graph.edges(data=True)}
    assert edges == {("a", "a"): (-1, -1), ("a", "b"): (2, 1), ("b", "b"): (-3, -1), ("b", "c"): (-0.5, -1)}
    assert list(graph) == list(NAMES)


def test_signs(network):
    signs = network.signs()
    assert (signs.dtypes == np.int8).all()
    np.testing.assert_array_equal(signs, np.sign(A))


@pytest.mark.filterwarnings("default")  # importing torch_geometric may warn about its own dependencies
def test_to_pyg(network):
    data = network.to_pyg()
    assert data.edge_index.tolist() == [[0, 0, 1, 1], [0, 1, 1, 2]]
    assert data.edge_attr.tolist() == [[-1.0], [2.0], [-3.0], [-0.5]]
    assert data.num_nodes == 3
    assert data.names == list(NAMES)
    assert InfluenceNetwork.empty("m", "r").to_pyg().num_nodes == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"jacobian": np.ones((2, 3))}, ValueError, r"jacobian has shape \(2, 3\)"),
        ({"jacobian": [[1, np.nan], [0, 1]]}, ValueError, r"jacobian holds nan at position \(0, 1\)"),
        ({"jacobian": [["a"]]}, TypeError, "real numbers"),
        ({"jacobian": A, "names": ["a", "b"]}, ValueError, "names has 2 elements; expected 3"),
        ({"jacobian": A, "names": "abc"}, TypeError, "names is the str"),
        ({"jacobian": A, "names": ["a", "b", "a"]}, ValueError, "duplicate name 'a'"),
        ({"jacobian": A, "names": ["a", None, "c"]}, ValueError, "missing name at position 1"),
        ({"jacobian": pd.DataFrame(A, index=NAMES)}, ValueError, "differs from its columns"),
        ({"jacobian": InfluenceNetwork(A)}, TypeError, "InfluenceNetwork already"),
        ({"jacobian": A, "state": [1.0]}, ValueError, r"state has shape \(1,\)"),
        ({"jacobian": A, "state": {"x0": 1.0}}, ValueError, "state lacks"),
        ({"jacobian": A, "conservation_laws": np.ones((1, 3))}, TypeError, "expected a DataFrame"),
        (
            {"jacobian": A, "conservation_laws": pd.DataFrame([[1.0]], columns=["q"])},
            ValueError,
            r"has the columns \['q'\]",
        ),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        InfluenceNetwork(**arguments)
