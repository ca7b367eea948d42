"""Networks that the tests of the enhancer share: simulated ones, and those of the textbook models."""

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.sbml import JacobianExtractor


def _make_network(rng, n_nodes):
    """A sparse network whose inhibiting edges are weak: signs tell how far a perturbation reaches."""
    edge = rng.random((n_nodes, n_nodes)) < 1.6 / n_nodes
    negative = rng.random((n_nodes, n_nodes)) < 0.5
    matrix = np.where(edge, np.where(negative, -0.1, 3.0) * rng.uniform(0.8, 1.2, edge.shape), 0.0)
    np.fill_diagonal(matrix, -1.0)
    return matrix


def _truth_of(matrix):
    inverse = np.linalg.inv(np.eye(len(matrix)) - matrix)
    return inverse / np.diag(inverse)


@pytest.fixture
def make_network():
    return _make_network


@pytest.fixture
def truth_of():
    return _truth_of


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    networks = [_make_network(rng, n) for n in rng.integers(6, 14, size=24)]
    return networks, [_truth_of(A) for A in networks]


@pytest.fixture(scope="module")
def textbook():
    return [str(source) for source in load_textbook_models().data]


@pytest.fixture(scope="module")
def networks(textbook):
    return JacobianExtractor(at="initial").fit_transform(textbook)
