"""JacobianExtractor."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skperturb._network import InfluenceNetwork
from skperturb._processes import Outcome
from skperturb.exceptions import InvalidModelError, ModelWarning, NoSteadyStateError, UnsupportedModelError
from skperturb.networks import DynamoDistance
from skperturb.sbml import JacobianExtractor, extractor as extractor_module, sensitivity_matrix


def test_steady_state_networks_carry_everything(sbml_text):
    networks = JacobianExtractor().fit_transform([sbml_text("one"), sbml_text("two", 3.0)])
    assert networks.shape == (2,)
    assert networks.dtype == object
    network = networks[1]
    assert isinstance(network, InfluenceNetwork)
    assert network.model_id == "two"
    np.testing.assert_allclose(network.jacobian, [[-3, 1], [3, -1]])
    assert list(network.jacobian.index) == ["A", "B"]
    np.testing.assert_allclose(network.state[["A", "B"]], [0.25, 0.75], rtol=1e-9)
    assert network.steady_state.stable
    np.testing.assert_array_equal(network.conservation_laws, [[1, 1]])
    assert network.structure is not None
    np.testing.assert_allclose(sensitivity_matrix(network), [[1, 1 / 3], [3, 1]], rtol=1e-9)


@pytest.mark.parametrize("at", ["t=0.5", "t = 0.5", 0.5])
def test_at_a_time(hand, at):
    network = JacobianExtractor(at=at).fit_transform([hand.cascade()])[0]
    assert network.state["A"] == pytest.approx(2 * (1 - np.exp(-0.5)), rel=1e-6)
    assert network.steady_state is None


def test_at_initial(hand):
    network = JacobianExtractor(at="initial").fit_transform([hand.brusselator()])[0]
    np.testing.assert_allclose(network.jacobian, [[2 - 4, 1], [3 - 2, -1]])


@pytest.mark.parametrize("at", ["now", "t=-1", -1.0, "t=x", np.inf, np.nan, True])
def test_bad_at(hand, at):
    with pytest.raises(ValueError, match="at"):
        JacobianExtractor(at=at).fit([hand.cascade()])


def test_events_matter_except_for_dynamo(hand):
    model = hand.cascade()
    model.event_ids = ("dose",)
    with pytest.raises(NoSteadyStateError, match=r"^X\[0\] \(hand\): .*'dose'") as caught:
        JacobianExtractor().fit_transform([model])
    assert caught.value.status == "unsupported"
    with pytest.raises(UnsupportedModelError, match="'dose'"):
        JacobianExtractor(at="t=10").fit_transform([model])
    network = JacobianExtractor(at="t=10", variables="dynamo").fit_transform([model])[0]
    assert network.names == ("A", "B")
    assert network.conservation_laws is None


def test_error_names_the_index(sbml_text):
    with pytest.raises(NoSteadyStateError, match=r"^X\[1\]: .*'B'") as caught:
        JacobianExtractor().fit_transform([sbml_text(), sbml_text(grows=True)])
    assert caught.value.status == "diverged"


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidModelError, match=r"^X\[0\] \(absent\)"):
        JacobianExtractor().fit_transform([tmp_path / "absent.xml"])


def test_skip_leaves_empty_networks_and_warns_once(sbml_text, tmp_path):
    bad = [sbml_text("g", grows=True), tmp_path / "a.xml", tmp_path / "b.xml", tmp_path / "c.xml"]
    with pytest.warns(ModelWarning, match=r"4 of 5 models .*X\[0\].*X\[2\].*and 1 more") as caught:
        networks = JacobianExtractor(on_error="skip").fit_transform([bad[0], sbml_text(), *bad[1:]])
    assert len(caught) == 1
    assert [network.is_empty for network in networks] == [True, False, True, True, True]
    assert networks[2].model_id == "a"
    assert "'B'" in networks[0].reason


def test_n_jobs_changes_nothing(sbml_text):
    texts = [sbml_text(f"m{k}", k + 1.0) for k in range(4)]
    serial = JacobianExtractor().fit_transform(texts)
    parallel = JacobianExtractor(n_jobs=2).fit_transform(texts)
    for one, two in zip(serial, parallel, strict=True):
        pd.testing.assert_frame_equal(one.jacobian, two.jacobian)
        assert one.model_id == two.model_id


@pytest.mark.parametrize("make", [list, tuple, pd.Series, lambda x: np.array(x, dtype=object)])
def test_accepted_collections(sbml_text, make):
    assert JacobianExtractor(at="initial").fit_transform(make([sbml_text(), sbml_text()])).shape == (2,)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("model.xml", TypeError, "Wrap|expected a sequence"),
        (Path("model.xml"), TypeError, "Wrap it in a list"),
        ({"a": "b"}, TypeError, "dict"),
        ((path for path in ["a.xml"]), TypeError, "generator"),
        ([], ValueError, "empty"),
        ([Path("a.xml"), 3], TypeError, r"X\[1\]"),
    ],
)
def test_refused_collections(X, error, message):
    with pytest.raises(error, match=message):
        JacobianExtractor().fit(X)
    if not hasattr(X, "send"):
        with pytest.raises(error, match=message):
            JacobianExtractor().transform(X)


def test_non_finite_jacobian_is_named(hand):
    model = hand.cascade()
    model.jacobian = lambda t, x: np.array([[np.inf, 0.0], [1.0, -1.0]])
    with pytest.raises(UnsupportedModelError, match=r"^X\[0\].*d/d\[A\] of d\[A\]/dt"):
        JacobianExtractor(at="initial").fit_transform([model])


def test_estimator_conventions(sbml_text):
    extractor = JacobianExtractor(at="initial", n_jobs=1)
    assert clone(extractor).get_params() == extractor.get_params()
    assert not get_tags(extractor).requires_fit
    assert extractor.fit([sbml_text()]) is extractor
    assert not [name for name in vars(extractor) if name.endswith("_")]
    assert pickle.loads(pickle.dumps(extractor)).transform([sbml_text()]).shape == (1,)


def test_verbose_shows_progress(sbml_text, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        JacobianExtractor(at="initial", verbose=1).fit_transform([sbml_text()])
    assert "1/1" in capsys.readouterr().err


def test_a_time_limit_changes_no_result(sbml_text):
    sources = [sbml_text("one"), "<sbml/>", sbml_text("grows", grows=True)]
    with pytest.warns(ModelWarning, match="2 of 3 models yield no network"):
        found = JacobianExtractor(on_error="skip", timeout=60).fit_transform(sources)
    with pytest.warns(ModelWarning, match="2 of 3 models yield no network"):
        expected = JacobianExtractor(on_error="skip").fit_transform(sources)
    pd.testing.assert_frame_equal(found[0].jacobian, expected[0].jacobian)
    assert [network.reason for network in found] == [network.reason for network in expected]
    with pytest.raises(NoSteadyStateError, match=r"^X\[0\]: no result within 0\.001 s") as caught:
        JacobianExtractor(timeout=0.001).fit_transform(sources[:1])
    assert caught.value.status == "timeout"


def test_warnings_of_workers_are_heard(hand, monkeypatch):
    outcome = Outcome((InfluenceNetwork([[1.0]]), ["a kink"]))
    monkeypatch.setattr(extractor_module, "map_isolated", lambda *given, **named: [outcome])
    with pytest.warns(ModelWarning, match="a kink"):
        JacobianExtractor(timeout=60).fit_transform(["<sbml/>"])


@pytest.mark.real_data
def test_reference_convention_at_time_ten(data_home):
    path = data_home / "biomodels" / "BIOMD0000000404.xml"
    network = JacobianExtractor(at="t=10", variables="dynamo").fit_transform([path])[0]
    assert network.n_nodes == 25
    assert not {"asp", "ni", "Z", "species_1", "Bias", "parameter_2"} & set(network.names)


def test_a_pipeline_may_ask_for_tables(sbml_text):
    pipe = make_pipeline(JacobianExtractor(at="initial"), DynamoDistance()).set_output(transform="pandas")
    assert isinstance(pipe.fit([sbml_text()])[:-1].transform([sbml_text()])[0], InfluenceNetwork)
