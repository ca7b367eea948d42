"""What users pass by mistake: refused by its name, or answered as what it is."""

import networkx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import ModelWarning
from skperturb.networks import (
    DynamoDistance,
    DynamoFirstNeighbor,
    DynamoPropagation,
    InfluenceNetwork,
    StructuralSensitivity,
    response_matrix,
    top_responses,
)
from skperturb.sbml import JacobianExtractor

MATRIX = np.array([[-1.0, 0.0, 0.0], [2.0, -1.0, 0.0], [0.0, -3.0, -1.0]])
NAMES = list("abc")
FRAME = pd.DataFrame(MATRIX, NAMES, NAMES)
LEVELS = pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("b", 2)])
PREDICTORS = [DynamoDistance(), DynamoPropagation(), DynamoFirstNeighbor(), StructuralSensitivity(4)]


@pytest.fixture(scope="module")
def network():
    """The toggle switch: u and v, four reactions."""
    return JacobianExtractor().fit_transform(load_textbook_models().data[:1])[0]


@pytest.mark.parametrize("model", PREDICTORS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (FRAME, ValueError, "single DataFrame"),
        ([np.ones(3)], ValueError, r"X\[0\] is 1-D"),
        ([MATRIX, np.ones((2, 3))], ValueError, r"X\[1\] has shape \(2, 3\)"),
        ([np.where(MATRIX == 2.0, np.nan, MATRIX)], ValueError, r"X\[0\] holds nan at position \(1, 0\)"),
        ([sp.csr_array(np.where(MATRIX == 2.0, np.inf, MATRIX))], ValueError, "holds inf"),
        ([MATRIX * 1j], TypeError, "complex128"),
        ([pd.DataFrame(MATRIX, list("aab"), list("aab"))], ValueError, "duplicate name 'a'"),
        ([pd.DataFrame(MATRIX, NAMES, list("xyz"))], ValueError, "index that differs from its columns"),
        ([FRAME[list("cba")]], ValueError, "in different orders"),
        ([pd.DataFrame(MATRIX, ["a", np.nan, "c"], ["a", np.nan, "c"])], ValueError, "missing name at position 1"),
        ([pd.DataFrame(MATRIX, LEVELS, LEVELS)], ValueError, "several levels"),
        ([np.ma.masked_array(MATRIX, MATRIX == 2.0)], TypeError, "masked array"),
        ({"a": MATRIX}, TypeError, "X is a dict"),
        (["model.xml"], TypeError, "JacobianExtractor"),
    ],
)
def test_predictors_refuse_what_is_no_network(model, X, error, message):
    with pytest.raises(error, match=message):
        model.predict(X)


@pytest.mark.parametrize("model", PREDICTORS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    ("item", "reached"),
    [
        (np.array([[0.0]]), 1),
        (np.zeros((4, 4)), 4),
        (-np.eye(4), 4),
        (np.kron(np.eye(2), MATRIX), 12),  # two parts
        (np.kron([[0.0, 1.0], [-1.0, 0.0]], np.ones((2, 2))), 16),  # bipartite
        (1e307 * MATRIX, 6),
        (5e-324 * MATRIX, 6),
        (sp.csr_array((np.array([0.0, 1.0]), (np.array([0, 1]), np.array([1, 0]))), shape=(2, 2)), 3),
        (networkx.DiGraph([(1, 2)]), 3),
    ],
)
def test_degenerate_networks_are_answered(model, item, reached):
    predicted = model.predict([item])[0]
    predicted = predicted.toarray() if sp.issparse(predicted) else np.asarray(predicted)
    assert np.isfinite(predicted).all()
    # First neighbors do not reach farther than an edge, nor themselves without one.
    assert np.count_nonzero(predicted) == reached or isinstance(model, DynamoFirstNeighbor)
    assert np.count_nonzero(predicted) <= reached


@pytest.mark.parametrize("model", [StructuralSensitivity(4), DynamoDistance()], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({"u": np.nan, "v": 1.0}, ValueError, r"the state of X\[0\] is nan for 'u'"),
        ({"u": 1.0}, ValueError, r"lacks 1 of 2 names \(\['v'\]\)"),
        ({"u": "1", "v": "2"}, TypeError, "state holds '1' for 'u'; expected numbers by name"),
        ({"u": True, "v": False}, TypeError, "state holds True for 'u'"),
        (pd.Series([1.0, 2.0]), ValueError, r"it has \[0, 1\]"),
        (pd.Series([1.0, 2.0, 3.0], ["u", "v", "u"]), ValueError, "repeats 'u'"),
        ({"toggle_switch": None}, TypeError, "state holds None for 'toggle_switch'"),
        ({"toggle_switch": {"u": "1", "v": 2.0}}, ValueError, r"the state of X\[0\] holds '1' for 'u'"),
        ({"other": {"u": 1.0, "v": 2.0}}, ValueError, r"no entry for X\[0\]"),
        ([1.0, 2.0], ValueError, "'state' parameter"),
    ],
)
def test_states_are_refused_by_name(network, model, state, error, message):
    with pytest.raises(error, match=message):
        model.set_params(state=state).predict([network])


@pytest.mark.parametrize(
    "state",
    [
        {"u": 0.0, "v": 0.0},
        {"u": 1e300, "v": 1e-300},
        {"u": 1, "v": 2, "w": 3},
        pd.Series({"u": 1, "v": 2.0}, dtype=object),
    ],
)
def test_states_of_any_size_are_answered(network, state):
    assert np.isfinite(StructuralSensitivity(4, state=state).predict([network])[0]).all(axis=None)


def test_fluxes_are_refused_or_doubted(network):
    rates = list(network.structure.reactions)
    with pytest.warns(ModelWarning, match=r"the fluxes of X\[0\] do not balance: 'u' changes by -2 where 4 flows"):
        StructuralSensitivity(4, fluxes=dict(zip(rates, [1.0, 2.0, 3.0, 2.0], strict=True))).predict([network])
    for fluxes, error, message in (
        ({rates[0]: 1.0}, ValueError, "lacks 3 of 4 names"),
        (dict.fromkeys(rates, np.inf), ValueError, "is inf for"),
        ([1.0] * 4, ValueError, "'fluxes' parameter"),
    ):
        with pytest.raises(error, match=message):
            StructuralSensitivity(4, fluxes=fluxes).predict([network])
    with pytest.raises(ValueError, match=r"fluxes are those of reactions, but X\[0\] has no structure"):
        StructuralSensitivity(4, fluxes={"r": 1.0}).predict([FRAME])
    for option in ({"fluxes": "network"}, {"state": "measured"}):
        with pytest.raises(ValueError, match="is no value by name"):
            response_matrix(network, n_draws=4, **option)
    with pytest.raises(TypeError, match="state is a int"):
        response_matrix(network, n_draws=4, state=5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"structure": "mass action"}, TypeError, r"the structure of X\[0\] is a str 'mass action'"),
        ({"names": {"a", "b", "c"}}, TypeError, "names is the set .*; expected a sequence of 3 names"),
        ({"names": [["a"], "b", "c"]}, TypeError, r"names\[0\] is \['a'\]; expected a str"),
        ({"names": 5}, TypeError, "names is the int 5"),
        ({"state": ["high", "low", "low"]}, TypeError, "state is a list that holds no real numbers"),
        ({"state": [1j, 0, 0]}, TypeError, "holds no real numbers"),
    ],
)
def test_parts_of_a_network_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        StructuralSensitivity(4).predict([InfluenceNetwork(MATRIX, **options)])


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.ones(3), ValueError, "sensitivity is 1-D"),
        (np.ones((2, 2, 2)), ValueError, "sensitivity is 3-D"),
        ([[1.0], [1.0, 2.0]], ValueError, "no rectangular matrix"),
        (1j * MATRIX, TypeError, "complex128"),
        ([["high"]], TypeError, "expected real numbers"),
        ({"a": 1.0}, TypeError, "sensitivity is a dict"),
        (pd.DataFrame(MATRIX, list("aab"), list("aab")), ValueError, "sensitivity.index has the duplicate name 'a'"),
        (pd.DataFrame(MATRIX, NAMES, ["a", None, "c"]), ValueError, "sensitivity.columns has a missing name"),
        (np.ma.masked_array(MATRIX, MATRIX == 2.0), TypeError, "masked array"),
        (InfluenceNetwork(FRAME), TypeError, "is an InfluenceNetwork; pass its sensitivities"),
    ],
)
def test_top_responses_refuses_what_is_no_matrix(values, error, message):
    with pytest.raises(error, match=message):
        top_responses(values)


def test_top_responses_reads_missing_values_as_undefined():
    values = FRAME.astype("Float64").mask(FRAME == 2.0)
    assert top_responses(values).attrs["undefined"] == 1
    assert top_responses(sp.csr_array(MATRIX))["target"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="below 0 or above 1"):
        top_responses(FRAME, probability=2.0 * FRAME.abs())
