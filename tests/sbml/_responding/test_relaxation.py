"""Limits of linear systems with conservation laws, against the exponential of the matrix."""

import numpy as np
import pytest
from scipy.linalg import expm

from skperturb.sbml._responding.relaxation import all_laws, equilibrated, independent, law_rows, relax, sparse_basis


def solution(matrix, forcing, time):
    """y(time) of y' = matrix y + forcing, y(0) = 0: the last column of the exponential of the augmented matrix."""
    n = len(matrix)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n], augmented[:n, n] = matrix, forcing
    return expm(time * augmented)[:n, n]


def random_network(seed, n=5):
    """First-order conversions among n species: their sum is kept."""
    rates = np.random.default_rng(seed).lognormal(sigma=1.0, size=(n, n))
    np.fill_diagonal(rates, 0.0)
    return rates - np.diag(rates.sum(axis=0))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("known", [True, False])
def test_limit_of_a_closed_network(seed, known):
    matrix = random_network(seed)
    forcing = np.random.default_rng(seed + 100).normal(size=5)
    forcing -= forcing.mean()  # feeds no total
    laws = np.ones((5, 1)) if known else np.zeros((5, 0))
    found = relax(matrix, forcing, laws)
    np.testing.assert_allclose(found.response, solution(matrix, forcing, 200.0), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(found.growth, 0.0)


def test_fed_total_grows_at_the_rate_of_its_supply():
    # 0 <-> 1 exchange and are fed; 2 turns over by itself.
    matrix = np.array([[-2.0, 1.0, 0.0], [2.0, -1.0, 0.0], [0.0, 0.0, -4.0]])
    forcing = np.array([0.9, 0.0, 2.0])
    found = relax(matrix, forcing, np.array([[1.0], [1.0], [0.0]]))
    late, later = (solution(matrix, forcing, time) for time in (1000.0, 1001.0))
    np.testing.assert_allclose(found.growth, later - late, atol=1e-9)
    np.testing.assert_allclose(found.growth, [0.3, 0.6, 0.0], rtol=1e-12)
    assert found.response[2] == pytest.approx(0.5)
    assert np.isnan(found.response[:2]).all()


def test_speed_of_reactions_does_not_matter():
    """Reactions a billion times faster than others, and back."""
    slow = random_network(1, 3)
    matrix = np.zeros((5, 5))
    matrix[:3, :3] = 1e-3 * slow
    matrix[3:, 3:] = 1e6 * np.array([[-1.0, 2.0], [1.0, -2.0]])
    forcing = np.array([1e-3, -2e-3, 1e-3, 5e5, -5e5])
    found = relax(matrix, forcing, np.zeros((5, 0)))
    np.testing.assert_allclose(found.response[:3], solution(1e3 * matrix[:3, :3], 1e3 * forcing[:3], 500.0), rtol=1e-7)
    np.testing.assert_allclose(found.response[3:], [0.5 / 3, -0.5 / 3], rtol=1e-9)


def test_equation_that_a_law_replaces_is_the_fastest():
    law = np.array([[1.0], [1.0], [0.0]])
    matrix = np.array([[-1.0, 2.0, 0.0], [3e6, -1.0, 0.0], [0.0, 0.0, -1e9]])
    _, rows, _ = equilibrated(matrix)
    assert law_rows(law, rows).tolist() == [1]
    _, rows, _ = equilibrated(matrix[[1, 0, 2]])
    assert law_rows(law, rows).tolist() == [0]
    two = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert sorted(law_rows(two, np.array([1e-3, 1.0, 1e-3])).tolist()) == [0, 2]


def test_equilibration_undone_is_the_matrix():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 4)) * 10.0 ** rng.uniform(-9, 9, (4, 1)) * 10.0 ** rng.uniform(-9, 9, 4)
    even, rows, columns = equilibrated(matrix)
    np.testing.assert_allclose(even, rows[:, None] * matrix * columns, rtol=1e-12)
    assert np.abs(even).max(axis=1).min() > 0.05
    assert np.abs(even).max() <= 1.0 + 1e-12


def test_sparse_basis_spans_the_same_space():
    basis = np.linalg.qr(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [0, 0]]) @ np.array([[0.6, 0.8], [-0.8, 0.6]]))[0]
    sparse = sparse_basis(basis)
    assert (sparse != 0).sum() == 4
    np.testing.assert_allclose(basis @ (basis.T @ sparse), sparse, atol=1e-12)
    assert np.linalg.matrix_rank(sparse) == 2


def test_totals_that_other_totals_feed():
    """Nothing changes x; y and z exchange at any speed, and their sum grows in proportion to x."""
    from skperturb.sbml._responding.relaxation import _fed_by

    total = np.array([[1.0], [0.0], [0.0]])
    for speed in (1e-6, 1.0, 1e6):
        matrix = np.array([[0.0, 0.0, 0.0], [speed, 5.0, -3.0], [0.0, -5.0, 3.0]])
        found = _fed_by(matrix, total)
        assert found.shape == (3, 1)
        np.testing.assert_allclose(found[:, 0] / found[1, 0], [0.0, 1.0, 1.0], atol=1e-9)
    assert _fed_by(np.diag([0.0, -1.0, -2.0]), total).shape == (3, 0)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_unit_of_time_changes_no_verdict(unit):
    """The fed total of above, which has to be found first, with rates in any unit."""
    matrix = unit * np.array([[-2.0, 1.0, 0.0], [2.0, -1.0, 0.0], [0.0, 0.0, -4.0]])
    found = relax(matrix, unit * np.array([0.9, 0.0, 2.0]), np.zeros((3, 0)))
    np.testing.assert_allclose(found.growth, unit * np.array([0.3, 0.6, 0.0]), rtol=1e-12)
    assert found.response[2] == pytest.approx(0.5)
    # A supply that the total cannot see: what floating point leaves of 0.1 + 0.2 - 0.3 is no growth.
    found = relax(matrix[:2, :2], unit * np.array([0.1 + 0.2, -0.3]), np.zeros((2, 0)))
    np.testing.assert_array_equal(found.growth, 0.0)
    # 2 y_0 - y_1 = 0.3 on y_0 + y_1 = 0
    np.testing.assert_allclose(found.response, [0.1, -0.1], rtol=1e-9)


def test_laws_of_equal_rates_are_all_found():
    """Thirty variables that change alike: all differences are kept, and one largest entry of a law is one."""
    matrix = -np.outer(np.linspace(1.0, 2.0, 30), np.linspace(1.0, 3.0, 30))
    laws, n_known = all_laws(matrix, np.zeros((30, 0)))
    assert n_known == 0
    assert laws.shape == (30, 29)
    assert np.linalg.matrix_rank(laws) == 29
    np.testing.assert_allclose(laws.T @ matrix, 0.0, atol=1e-10)
    known = np.array([[3.0], [4.0]])
    laws, n_known = all_laws(np.array([[-4.0, 8.0], [3.0, -6.0]]), known)
    assert n_known == 1
    np.testing.assert_allclose(laws, [[0.75], [1.0]], rtol=1e-12)


def test_independence_is_one_of_directions():
    short_and_long = np.array([[1e-8, 0.0], [0.0, 1e8], [1e-8, 0.0]])
    assert independent(short_and_long).shape == (3, 2)
    # Two vectors of any length that differ in the thirteenth digit are one.
    alike = 1e8 * np.array([[1.0, 1.0], [1.0, 1.0 + 1e-13]])
    assert independent(alike).shape == (2, 1)
    assert independent(np.array([[0.0, 2.0], [0.0, 0.0]])).shape == (2, 1)
    assert independent(np.zeros((2, 0))).shape == (2, 0)


def test_size_in_which_a_law_is_written_does_not_choose_its_equation():
    laws = np.array([[0, 0, 1], [0, 1, 2], [0, 2, 0], [2, 2, 1], [1, 1, 0], [2, 0, 2]], dtype=float)
    rows = np.array([0.0408, 28.7, 0.01, 26.5, 4.32, 11.1])
    chosen = sorted(law_rows(laws, rows).tolist())
    for sizes in ([1e-4, 1e3, 0.1], [1e5, 1.0, 1e-5], [10.0, 1e-3, 1e2]):
        assert sorted(law_rows(laws * sizes, rows).tolist()) == chosen


def test_totals_beside_one_that_is_known():
    from skperturb.sbml._responding.relaxation import _fed_by

    matrix = -np.outer(np.linspace(1.0, 2.0, 30), np.linspace(1.0, 3.0, 30))
    laws, _ = all_laws(matrix, np.zeros((30, 0)))
    found = _fed_by(matrix, laws[:, :1])
    assert found.shape == (30, 28)
    np.testing.assert_allclose(found.T @ matrix, 0.0, atol=1e-10)
