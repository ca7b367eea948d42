"""The compiler on the curated BioModels: node counts of the reference, oracles, another simulator."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.sparse.csgraph import shortest_path
from scipy.stats import spearmanr

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml import KineticModel

pytestmark = pytest.mark.real_data


def load(data_home, number):
    return KineticModel.from_sbml(data_home / "biomodels" / f"BIOMD{number:010d}.xml")


def test_node_counts_of_the_reference(data_home):
    expected = pd.read_csv(data_home / "networks_reproduction.csv", index_col="id")["n_nodes"]
    assert len(expected) == 136
    got = {
        name: len(KineticModel.from_sbml(data_home / "biomodels" / f"{name}.xml").dynamo_variables)
        for name in expected.index
    }
    assert got == expected.to_dict()


def test_distance_oracle(data_home):
    model = load(data_home, 404)
    end = solve_ivp(model.rhs, (0, 10), model.x0, method="LSODA", rtol=1e-10, atol=1e-14, jac=model.jacobian).y[:, -1]
    names, jacobian = model.dynamo_jacobian(10.0, end)
    assert len(names) == 25
    assert not {"asp", "ni", "Z", "species_1", "Bias", "parameter_2"} & set(names)
    response = np.linalg.inv(np.eye(25) - jacobian)
    response /= np.diag(response)
    steps = shortest_path((jacobian != 0).T.astype(float), unweighted=True).T
    pattern = np.where(np.isfinite(steps), 1 / (1 + steps), 0.0)
    assert spearmanr(np.abs(response).ravel(), pattern.ravel())[0] == pytest.approx(0.898537, abs=5e-7)


def test_every_file_is_compiled_or_refused_by_name(data_home):
    counts = Counter()
    files = sorted((data_home / "biomodels").glob("*.xml"))
    for path in files:
        try:
            model = KineticModel.from_sbml(path)
        except UnsupportedModelError:  # any other error fails the test
            counts["refused"] += 1
            continue
        assert model.rhs(0.0, model.x0).shape == model.x0.shape
        jacobian = model.jacobian(0.0, model.x0)
        assert not jacobian[~model.jacobian_pattern.toarray()].any()
        counts["compiled"] += 1
    assert counts["compiled"] >= 0.96 * len(files)


@pytest.mark.parametrize("number", [1, 3, 10, 22, 26, 48, 51, 64, 72, 98, 171, 206, 300, 404])
def test_jacobian_against_differences_of_the_right_hand_side(data_home, number):
    model = load(data_home, number)
    state = np.abs(model.x0) * 1.1 + 0.01 * max(1e-6, np.abs(model.x0).max())
    jacobian = model.jacobian(0.5, state)
    for column, value in enumerate(state):
        slopes = []
        for step in (1e-4 * value, 5e-5 * value):
            up, down = state.copy(), state.copy()
            up[column] += step
            down[column] -= step
            slopes.append((model.rhs(0.5, up) - model.rhs(0.5, down)) / (up[column] - down[column]))
        # Richardson: the error falls from h^2 to h^4
        estimate = (4 * slopes[1] - slopes[0]) / 3
        rounding = np.abs(model.rhs(0.5, state)).max() * 1e-10 / value + 1e-7 * np.abs(jacobian[:, column]).max()
        np.testing.assert_allclose(jacobian[:, column], estimate, rtol=1e-6, atol=rounding + 1e-12)


# Each model in turn, one line per model, so that a crash loses only what follows it.
ROADRUNNER = """
import json, sys, roadrunner
roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
def rate(model, name):
    try:
        return float(model[name + "'"])
    except RuntimeError:  # species under rules have no rate here
        return None
for path in sys.argv[1:]:
    r = roadrunner.RoadRunner(path)
    ids = list(r.model.getFloatingSpeciesIds())
    print(json.dumps({"ids": ids, "rates": [rate(r.model, name) for name in ids],
                      "amounts": [float(v) for v in r.model.getFloatingSpeciesAmounts()]}), flush=True)
"""


def other_simulator(paths):
    """Amounts and their rates of change at the initial state, from libRoadRunner in its own process."""
    command = [sys.executable, "-c", ROADRUNNER, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.usefixtures("roadrunner")
def test_against_libroadrunner(data_home):
    numbers = [*range(2, 24), 26, 27, 28, 29, 30, 31, 35, 36, 38, 40, 48, 51, 59, 64, 70, 86, 98]
    others = other_simulator([data_home / "biomodels" / f"BIOMD{number:010d}.xml" for number in numbers])
    compared = 0
    assert len(others) == len(numbers)
    for number, found in zip(numbers, others, strict=True):
        model = load(data_home, number)
        amounts = dict(zip(model.variables, model.x0 * model.volumes, strict=True))
        rates = dict(zip(model.variables, model.rhs(0.0, model.x0) * model.volumes, strict=True))
        ruled = {name for name, flag in zip(model.variables, model.is_rate_rule, strict=True) if flag}
        shared = [index for index, name in enumerate(found["ids"]) if name in rates and name not in ruled]
        shared = [index for index in shared if found["rates"][index] is not None]
        scale = 1e-12 * max([1e-300, *(abs(found["rates"][index]) for index in shared)])
        for index in shared:
            name = found["ids"][index]
            assert amounts[name] == pytest.approx(found["amounts"][index], rel=1e-10), (number, name)
            assert rates[name] == pytest.approx(found["rates"][index], rel=1e-9, abs=scale), (number, name)
        compared += bool(shared)
    assert compared >= 30
