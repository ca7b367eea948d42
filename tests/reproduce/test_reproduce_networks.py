import json

import numpy as np
import pytest

from skperturb.__main__ import main
from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation
from skperturb.reproduce.networks import evaluate_model, report, reproduce_networks, write_json
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

DROPPED = {"asp", "ni", "Z", "species_1", "Bias", "parameter_2"}


@pytest.fixture(scope="module")
def model_404(data_home):
    path = data_home / "biomodels" / "BIOMD0000000404.xml"
    network = JacobianExtractor(at=10.0, variables="dynamo").fit_transform([path])[0]
    return network, np.abs(np.asarray(sensitivity_matrix(network, kind="dynamo")))


@pytest.mark.real_data
def test_oracle_network_has_the_published_size(model_404):
    network, _ = model_404
    assert network.n_nodes == 25
    assert not DROPPED & set(network.names)
    # The Jacobian of all 31 species and parameters has 144 non-zeros; two are in the column of Z, which is dropped.
    assert np.count_nonzero(np.asarray(network)) == 142


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("estimator", "expected", "tolerance"),
    [
        (DynamoPropagation(directed=True, signed=True), 0.886529, 1e-4),
        (DynamoPropagation(directed=True, signed=False), 0.904516, 1e-4),
        # Many entries are equal in exact arithmetic here, and round-off alone moves the score by 5e-4.
        (DynamoPropagation(directed=False, signed=False), 0.485652, 1e-3),
        (DynamoDistance(directed=True), 0.898537, 1e-4),
        (DynamoFirstNeighbor(directed=True, signed=True), 0.610414, 1e-4),
        (DynamoFirstNeighbor(directed=True, signed=False), 0.610414, 1e-4),
        (DynamoFirstNeighbor(directed=False, signed=False), 0.487655, 1e-4),
    ],
    ids=lambda value: str(value),
)
def test_oracle_scores(model_404, estimator, expected, tolerance):
    network, truth = model_404
    prediction = np.asarray(estimator.fit([network]).predict([network])[0])
    assert spearman_correlation(truth, prediction) == pytest.approx(expected, abs=tolerance)
    assert estimator.score([network], [truth]) == pytest.approx(expected, abs=tolerance)


@pytest.mark.real_data
def test_every_model_gets_scores_or_a_reason(data_home):
    rows = reproduce_networks([404, 3, "BIOMD0000000001"], data_home=data_home, n_jobs=2)
    assert [row["id"] for row in rows] == ["BIOMD0000000404", "BIOMD0000000003", "BIOMD0000000001"]
    assert rows[0]["status"] == rows[2]["status"] == "scored"
    assert set(rows[0]["scores"]["distance directed"]) == {
        "whole",
        "whole_jitter",
        "offdiag",
        "reachable",
        "column",
    }
    assert "fewer than 10" in rows[1]["status"]
    assert rows[1]["scores"] == {}
    text = report(rows)
    assert "2 of 3 models scored" in text
    assert "reachability only" in text


def test_evaluate_model_gives_a_reason_for_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "BIOMD9.xml"
    path.write_text("not SBML")
    row = evaluate_model(path)
    assert row["id"] == "BIOMD9"
    assert row["status"].startswith("left out: ")
    assert len(row["status"]) > len("left out: ")
    assert row["scores"] == {}


@pytest.mark.real_data
def test_json_and_command_line(tmp_path, data_home, capsys):
    target = tmp_path / "rows.json"
    assert main(["reproduce", "networks", "--models", "404", "--data-home", str(data_home), "--json", str(target)]) == 0
    assert "published" in capsys.readouterr().out
    (row,) = json.loads(target.read_text())
    assert row["id"] == "BIOMD0000000404"
    assert row["n_nodes"] == 25
    write_json([], target)
    assert json.loads(target.read_text()) == []


def test_an_unknown_id_is_one_clear_line(capsys):
    assert main(["reproduce", "networks", "--models", "no-such-model"]) == 2
    assert "no-such-model" in capsys.readouterr().err


@pytest.mark.real_data
def test_the_published_table_reproduces(data_home):
    rows = reproduce_networks(data_home=data_home, n_jobs=2)
    assert [row["status"] for row in rows] == ["scored"] * 136

    def mean(method, score):
        return np.mean([row["scores"][method][score] for row in rows])

    # Measured once with an independent implementation under the same protocol.
    expected = {
        ("propagation signed", "whole_jitter"): 0.665,
        ("propagation directed", "whole_jitter"): 0.658,
        ("propagation undirected", "whole_jitter"): 0.450,
        ("distance directed", "whole_jitter"): 0.633,
        ("distance undirected", "whole_jitter"): 0.416,
        ("first neighbour signed", "whole_jitter"): 0.31,
        ("first neighbour directed", "whole_jitter"): 0.31,
        ("first neighbour undirected", "whole_jitter"): 0.28,
        ("distance directed", "whole"): 0.676,
        ("propagation signed", "reachable"): 0.430,
        ("propagation directed", "reachable"): 0.411,
        ("distance directed", "reachable"): 0.445,
    }
    measured = {key: mean(*key) for key in expected}
    assert measured == pytest.approx(expected, abs=0.01)
    bounds = [row["oracles"] for row in rows if "oracles" in row]
    assert np.mean([bound["ranks of |S|"]["whole"] for bound in bounds]) == pytest.approx(0.84, abs=0.01)
    assert np.mean([bound["scaled ranks of |S|"]["whole"] for bound in bounds]) == pytest.approx(0.80, abs=0.01)
