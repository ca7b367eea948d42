"""Sensitivity matrices."""

import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import solve_ivp
from scipy.sparse import csr_array

from skperturb._network import InfluenceNetwork
from skperturb.datasets import load_textbook_models
from skperturb.exceptions import ModelWarning, UndefinedSensitivityError
from skperturb.sbml import JacobianExtractor, KineticModel
from skperturb.sbml._responding.clamp import clamp_response
from skperturb.sbml._solving.moieties import conservation_laws
from skperturb.sbml._solving.steady_state import find_steady_state
from skperturb.sbml.sensitivity import sensitivity_matrices, sensitivity_matrix


def network_of(model, **keywords):
    steady = find_steady_state(model)
    x = steady.state.to_numpy()
    return InfluenceNetwork(
        model.jacobian(0.0, x), names=list(model.variables), state=steady.state,
        conservation_laws=conservation_laws(model), **keywords,
    )  # fmt: skip


def clamp_nonlinear(model, x, step=1e-4, t_end=1e4):
    """Hold each variable a little higher and lower and integrate the others from the steady state."""
    n = len(x)
    response = np.eye(n)
    for j in range(n):
        rest = np.delete(np.arange(n), j)
        ends = []
        for sign in (1, -1):
            shifted = x[j] + sign * step * max(abs(x[j]), 1e-3)

            def rhs(t, y, shifted=shifted, j=j, rest=rest):
                whole = np.empty(n)
                whole[rest], whole[j] = y, shifted
                return model.rhs(t, whole)[rest]

            # Near rest Radau goes in long steps; LSODA, whose error estimates are rounding there, may go on for ever.
            solution = solve_ivp(rhs, (0, t_end), x[rest], method="Radau", rtol=1e-9, atol=1e-11)
            assert solution.success
            ends.append(solution.y[:, -1])
        response[rest, j] = (ends[0] - ends[1]) / (2 * step * max(abs(x[j]), 1e-3))
    return response


def moiety_cycle(hand):
    """A phosphorylation cycle whose kinase is made and degraded and repressed by the product; one law."""
    return hand.Model(
        ("K", "S", "SP", "R"), (1.0, 2.0, 0.0, 0.2),
        [[1, -1, 0, 0, 0, 0], [0, 0, -1, 1, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, -1]],
        lambda t, x: np.array([
            1.5 / (1 + x[3] ** 2), 0.8 * x[0], 2.0 * x[0] * x[1] / (0.5 + x[1]), 1.7 * x[2] / (0.9 + x[2]),
            0.6 * x[2], 1.1 * x[3],
        ]),
    )  # fmt: skip


def two_laws(hand):
    """An enzyme with its complex, substrate and product turned back: two overlapping laws."""
    return hand.Model(
        ("E", "S", "C", "P"), (1.0, 3.0, 0.0, 0.0),
        [[-1, 1, 0], [-1, 0, 1], [1, -1, 0], [0, 1, -1]],
        lambda t, x: np.array([1.2 * x[0] * x[1] - 0.4 * x[2], 0.9 * x[2], 0.35 * x[3]]),
    )  # fmt: skip


@pytest.mark.parametrize("build", [moiety_cycle, two_laws], ids=lambda f: f.__name__)
@pytest.mark.parametrize("laws_known", [True, False])
def test_agrees_with_clamping_the_nonlinear_system(hand, build, laws_known):
    model = build(hand)
    network = network_of(model)
    brute = clamp_nonlinear(model, network.state.to_numpy())
    got = sensitivity_matrix(network if laws_known else network.jacobian)
    np.testing.assert_allclose(got, brute, rtol=2e-5, atol=2e-5)
    assert list(got.columns) == list(model.variables)


def test_open_cascade_by_hand(hand):
    got = sensitivity_matrix(network_of(hand.cascade()))
    np.testing.assert_allclose(got, [[1, 0], [2, 1]], rtol=1e-10)
    assert got.loc["A", "B"] == 0.0
    relative = sensitivity_matrix(network_of(hand.cascade()), kind="relative")
    np.testing.assert_allclose(relative, [[1, 0], [1, 1]], rtol=1e-10)


def test_relative_without_state_says_so():
    with pytest.raises(ValueError, match=r"network\.state is None"):
        sensitivity_matrix([[-1.0]], kind="relative")


def test_relative_where_a_variable_is_zero():
    jacobian = [[-1.0, 0.0, 0.0], [2.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
    network = InfluenceNetwork(jacobian, names=list("abc"), state={"a": 2.0, "b": 0.0, "c": 0.0})
    with pytest.raises(UndefinedSensitivityError, match="'b' to 'a'"):
        sensitivity_matrix(network, kind="relative")
    got = sensitivity_matrix(network, kind="relative", undefined="nan")
    np.testing.assert_array_equal(got, [[1, 0, 0], [np.nan, 1, 0], [0, 0, 1]])


def test_perfect_adaptation_is_undefined_and_named():
    # z integrates the deviation of y; with y held, z grows for ever.
    network = pd.DataFrame([[-1.0, -1.0], [1.0, 0.0]], index=["y", "z"], columns=["y", "z"])
    with pytest.raises(UndefinedSensitivityError, match=r"'z' to 'y' .*z = const"):
        sensitivity_matrix(network)
    got = sensitivity_matrix(network, undefined="nan")
    np.testing.assert_allclose(got, [[1, -1], [np.nan, 1]])


def test_fed_closed_pool_is_undefined_with_its_law():
    # j makes A, A <-> B has no exit except through j's own balance: holding j feeds A + B for ever.
    jacobian = pd.DataFrame(
        [[-1.0, -0.5, 0.0], [1.0, -2.0, 3.0], [0.0, 2.0, -3.0]], index=list("jAB"), columns=list("jAB")
    )
    with pytest.raises(UndefinedSensitivityError, match=r"A \+ B = const"):
        sensitivity_matrix(jacobian)
    got = sensitivity_matrix(jacobian, undefined="nan")
    assert got["j"].isna().tolist() == [False, True, True]
    assert np.isfinite(got[["A", "B"]].to_numpy()).all()


def test_sink_accumulates():
    jacobian = np.array([[-1.0, 0.0, 0.0], [1.0, -2.0, 0.0], [0.0, -0.5, 0.0]])
    np.testing.assert_allclose(sensitivity_matrix(jacobian), [[1, 0, 0], [0.5, 1, 0], [-np.inf, -np.inf, 1]])


def test_sink_whose_inflow_returns_keeps_what_came_in():
    # p' = b - a/2 while b' = a - 2 b: after a is shifted b relaxes to a/2, p has lost int(b - a/2) = -1/4.
    jacobian = np.array([[-1.0, 0.0, 0.0], [1.0, -2.0, 0.0], [-0.5, 1.0, 0.0]])
    got = sensitivity_matrix(jacobian)
    assert got[2, 0] == pytest.approx(-0.25)
    assert got[2, 1] == np.inf


def test_closed_chain_that_ends_in_a_sink(hand):
    model = hand.Model(
        "ABC", (1.0, 0.5, 0.1), [[-1, 0], [1, -1], [0, 1]], lambda t, x: np.array([0.3 * x[0], 0.7 * x[1]])
    )
    network = network_of(model)
    got = sensitivity_matrix(network)
    np.testing.assert_allclose(got, [[1, 0, 0], [3 / 7, 1, 0], [np.inf, np.inf, 1]], rtol=1e-9)


def test_degenerate_zero_eigenvalue_is_not_given_a_number():
    # With a held, x2 integrates x1 and x1 keeps its value: a zero eigenvalue of order two.
    jacobian = np.array([[-1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    got = sensitivity_matrix(jacobian, undefined="nan")
    assert np.isnan(got[1, 0])
    assert np.isnan(got[2, 0])


def test_unstable_clamped_system_is_flagged_once():
    # x is stable only through its feedback on y.
    jacobian = pd.DataFrame([[-3.0, -4.0], [2.0, 1.0]], index=["x", "y"], columns=["x", "y"])
    assert np.linalg.eigvals(jacobian).real.max() < 0
    with pytest.warns(ModelWarning, match="With 'x' held") as caught:
        sensitivity_matrix(jacobian)
    assert len(caught) == 1


def test_stable_system_gives_no_warning(hand):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sensitivity_matrix(network_of(two_laws(hand)))


def test_dynamo_by_hand():
    jacobian = np.array([[-1.0, 0.5], [2.0, -3.0]])
    inverse = np.linalg.inv(np.eye(2) - jacobian)
    np.testing.assert_allclose(sensitivity_matrix(jacobian, kind="dynamo"), inverse / np.diag(inverse))


def test_dynamo_depends_on_the_time_unit():
    jacobian = np.array([[-1.0, 0.5], [2.0, -3.0]])
    assert not np.allclose(sensitivity_matrix(jacobian, "dynamo"), sensitivity_matrix(60 * jacobian, "dynamo"))


def test_dynamo_of_a_singular_matrix():
    with pytest.raises(UndefinedSensitivityError, match="singular to working precision"):
        sensitivity_matrix(np.eye(2), kind="dynamo")
    assert np.isnan(sensitivity_matrix(np.eye(2), kind="dynamo", undefined="nan")).all()


def test_dynamo_zero_diagonal_of_the_inverse():
    jacobian = np.array([[0.0, 1.0], [1.0, 1.0]])  # I - A = [[1, -1], [-1, 0]]
    with pytest.raises(UndefinedSensitivityError, match="'0'"):
        sensitivity_matrix(jacobian, kind="dynamo")


def test_empty_network():
    assert sensitivity_matrix(InfluenceNetwork.empty("m", "none")).shape == (0, 0)


def test_sparse_and_plain_input_agree():
    jacobian = np.array([[-1.0, 0.5], [2.0, -3.0]])
    plain = sensitivity_matrix(jacobian)
    np.testing.assert_array_equal(plain, sensitivity_matrix(csr_array(jacobian)))
    np.testing.assert_array_equal(plain, sensitivity_matrix(jacobian.tolist()))


@pytest.mark.parametrize(
    ("network", "keywords", "error", "message"),
    [
        ([[1.0, 2.0]], {}, ValueError, "one square matrix"),
        (np.zeros((2, 2, 2)), {}, ValueError, "For several networks"),
        ([[np.nan]], {}, ValueError, "network"),
        ({"a": 1}, {}, TypeError, "dict"),
        (None, {}, TypeError, "NoneType"),
        ([[1.0]], {"kind": "static"}, ValueError, "kind='static'"),
        ([[1.0]], {"undefined": "zero"}, ValueError, "undefined='zero'"),
    ],
)
def test_bad_input(network, keywords, error, message):
    with pytest.raises(error, match=message):
        sensitivity_matrix(network, **keywords)


@st.composite
def stable_matrices(draw):
    """Diagonally dominant sparse matrices: stable, and so are all of their principal submatrices."""
    n = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    matrix = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.4)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -np.abs(matrix).sum(axis=1) - rng.uniform(0.1, 2.0, n))
    return matrix


@given(stable_matrices())
def test_columns_solve_the_clamped_system(matrix):
    got = sensitivity_matrix(matrix)
    for j in range(len(matrix)):
        rest = np.delete(np.arange(len(matrix)), j)
        expected = -np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[rest, j])
        np.testing.assert_allclose(got[rest, j], expected, atol=1e-10)


@given(stable_matrices(), st.floats(1e-4, 1e4), st.randoms(use_true_random=False))
def test_time_unit_and_order_of_variables_do_not_matter(matrix, unit, random):
    got = sensitivity_matrix(matrix)
    np.testing.assert_allclose(sensitivity_matrix(unit * matrix), got, rtol=1e-8, atol=1e-12)
    order = list(range(len(matrix)))
    random.shuffle(order)
    shuffled = sensitivity_matrix(matrix[np.ix_(order, order)])
    np.testing.assert_allclose(shuffled, got[np.ix_(order, order)], rtol=1e-8, atol=1e-12)
    for kind in ("steady_state", "dynamo"):
        zeros = sensitivity_matrix(matrix, kind) == 0.0
        assert zeros[~paths(matrix)].all()


def paths(matrix):
    """Reachability by powers of the adjacency matrix."""
    step = (matrix != 0).astype(int) + np.eye(len(matrix), dtype=int)
    return np.linalg.matrix_power(step, len(matrix)) > 0


@given(st.integers(0, 10**6))
def test_the_basis_of_the_laws_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    stoichiometry = np.array([[-1, 1, 0], [-1, 0, 1], [1, -1, 0], [0, 1, -1]], dtype=float)
    rates = np.abs(rng.normal(size=(3, 4))) * np.array([[1, 1, -1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    jacobian = stoichiometry @ rates
    laws = np.array([[1.0, 0, 1, 0], [0, 1, 1, 1]])
    mixed = rng.normal(size=(2, 2)) @ laws
    first = clamp_response(jacobian, laws, np.ones(4)).matrix
    np.testing.assert_allclose(clamp_response(jacobian, mixed, np.ones(4)).matrix, first, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(clamp_response(jacobian, None, np.ones(4)).matrix, first, rtol=1e-6, atol=1e-8)
    scale = np.exp(rng.normal(size=4))
    np.testing.assert_allclose(clamp_response(jacobian, laws, scale).matrix, first, rtol=1e-6, atol=1e-8)


def test_influence_of_rounding_error_size_is_none():
    # y' = u (z - 1) at z = 1: the derivative with respect to y cancels to 2e-16 instead of 0.
    jacobian = np.array([[-1.0, -1.0], [1.0, 2e-16]])
    got = sensitivity_matrix(jacobian, undefined="nan")
    np.testing.assert_allclose(got, [[1, -1], [np.nan, 1]])
    # A slow variable of its own is something else: no term of its row is larger.
    slow = np.array([[-1.0, -1.0], [1e-16, -2e-16]])
    np.testing.assert_allclose(sensitivity_matrix(slow), [[1, -1], [0.5, 1]])


def test_substance_that_has_decayed_to_nothing_feeds_no_sink():
    # X has decayed to 1e-40 and turns into P with help of E: holding E higher makes 1e-40 of P.
    jacobian = pd.DataFrame(
        [[-1.0, 1e-30, 0.0], [-1.0, -1e-40, 0.0], [1.0, 1e-40, 0.0]], index=list("EXP"), columns=list("EXP")
    )
    network = InfluenceNetwork(jacobian, state={"E": 1.0, "X": 1e-40, "P": 2.0})
    got = sensitivity_matrix(network, undefined="nan")
    assert got.loc["P", "X"] == 0.0


@given(st.integers(0, 10**6))
def test_fast_reactions_beside_slow_ones_against_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    n = 6
    fast, slow = 10.0 ** rng.uniform(5, 9), 10.0 ** rng.uniform(-3, 0)
    # A -> B -> C -> A exchange fast and are fed and drained slowly; D, E, F depend on them and feed back.
    exchange = np.array([[-1.0, 0, 1], [1, -1, 0], [0, 1, -1]]) * rng.uniform(0.5, 2.0, 3)
    jacobian = -np.diag(slow * rng.uniform(0.5, 2.0, n))
    jacobian[:3, :3] += fast * exchange
    jacobian[3:, :3] = slow * rng.uniform(0.1, 1.0, (3, 3))
    jacobian[0, 3:] = -slow * rng.uniform(0.1, 1.0, 3)
    got = sensitivity_matrix(jacobian)
    with mpmath.workdps(60):
        for j in range(n):
            rest = np.delete(np.arange(n), j)
            a = mpmath.matrix(jacobian[np.ix_(rest, rest)].tolist())
            exact = mpmath.lu_solve(a, mpmath.matrix((-jacobian[rest, j]).tolist()))
            # The entries themselves are rounded to this share of the slow rates.
            rtol = 1e-9 + 10.0 * np.finfo(float).eps * fast / slow
            np.testing.assert_allclose(got[rest, j], [float(value) for value in exact], rtol=rtol)


@given(st.integers(0, 10**6), st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_units_change_no_verdict(seed, unit, time_unit):
    rng = np.random.default_rng(seed)
    stoichiometry = np.array([[-1, 1, 0, 0], [-1, 0, 1, 0], [1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 0, 1]], dtype=float)
    rates = np.abs(rng.normal(size=(4, 5))) * np.array(
        [[1, 1, -1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 0]]
    )
    jacobian = stoichiometry @ rates
    laws = np.array([[1.0, 0, 1, 0, 0], [0, 1, 1, 1, 0]])
    units = unit ** rng.uniform(-1, 1, 5)
    first = clamp_response(jacobian, laws, np.ones(5))
    changed = clamp_response(time_unit * jacobian * units[:, None] / units, laws / units, units)
    np.testing.assert_array_equal(first.undefined, changed.undefined)
    np.testing.assert_allclose(changed.matrix * units / units[:, None], first.matrix, rtol=1e-7)


def test_variables_that_are_not_reached_do_not_matter():
    # u and v have no steady state of their own (a zero eigenvalue of second order); nothing of x and y reaches them.
    jacobian = np.zeros((4, 4))
    jacobian[:2, :2] = [[-1.0, -0.5], [2.0, -4.0]]
    jacobian[2:, 2:] = [[-1.0, 1.0], [-1.0, 1.0]]
    jacobian[0, 2] = 0.3
    got = clamp_response(jacobian, None, np.ones(4))
    np.testing.assert_allclose(got.matrix[:2, :2], [[1, -0.5], [0.5, 1]])
    assert (got.matrix[2:, :2] == 0.0).all()
    assert not got.undefined[:, :2].any()


def test_total_that_a_total_feeds_is_named_by_its_growth():
    # With y held, p is fed at a constant rate and feeds q: both grow; r follows y alone.
    jacobian = np.array([[-1.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, -2.0]])
    got = clamp_response(jacobian, None, np.ones(4))
    assert got.undefined[:, 0].tolist() == [False, True, True, False]
    assert got.matrix[3, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("coefficients", "text"),
    [
        ([0.5, 1.0, -0.5, 0.0], "A + 2 B - C"),
        ([-1.0, -2.0, 1.0, 0.0], "A + 2 B - C"),
        ([0.0, 3.0, 0.0, -1e-9], "B"),
        ([1.0, -1.0, 0.0, 2.5], "A - B + 2.5 D"),
    ],
)
def test_totals_are_written_as_equations(coefficients, text):
    from skperturb.sbml.sensitivity import _equation

    assert _equation(np.array(coefficients), list("ABCD")) == text


def test_long_totals_are_cut():
    from skperturb.sbml.sensitivity import _equation

    text = _equation(np.ones(12), [f"x{k}" for k in range(12)])
    assert text == " + ".join(f"x{k}" for k in range(8)) + " + … (12 terms)"


@pytest.mark.parametrize(("n_unstable", "listed"), [(2, "'a', 'b' held"), (5, "'a', 'b', 'c' and 2 more held")])
def test_unstable_columns_are_named(n_unstable, listed):
    from types import SimpleNamespace

    from skperturb.sbml.sensitivity import _report

    response = SimpleNamespace(unstable=np.arange(5) < n_unstable, undefined=np.zeros((5, 5), dtype=bool))
    with pytest.warns(ModelWarning, match=listed):
        _report(response, list("abcde"), "raise")


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_weak_influences_are_told_from_rounding_errors_in_any_unit(unit):
    # y' = u (z - 1) at z = 1, where the derivative with respect to y leaves a few digits of rounding.
    jacobian, size = np.array([[-1.0, -1.0], [1.0, 5e-15]]), unit * np.ones(2)
    got = clamp_response(jacobian, None, size, size)
    assert got.undefined.tolist() == [[False, False], [True, False]]
    # A hundred times as much is no rounding error.
    jacobian[1, 1] = -5e-13
    got = clamp_response(jacobian, None, size, size)
    assert not got.undefined.any()
    assert got.matrix[1, 0] == pytest.approx(2e12, rel=1e-3)


def test_total_that_is_fed_is_given_in_the_units_of_its_variables():
    # As above: holding j feeds A + B for ever; here B is counted in another unit, b = B / 4.
    jacobian = np.array([[-1.0, -0.5, 0.0], [1.0, -2.0, 12.0], [0.0, 0.5, -3.0]])
    got = clamp_response(jacobian, None, np.array([2.0, 0.5, 3.0]))
    pool = got.pools[0]
    np.testing.assert_allclose(pool / pool[1], [0.0, 1.0, 4.0], atol=1e-12)


def test_laws_without_a_variable_are_their_combinations():
    from skperturb.sbml._responding.clamp import _Work

    def without(laws, member, scale):
        n = len(scale)
        work = _Work(-np.eye(n), -np.eye(n), np.array(laws, dtype=float), np.array(scale))
        others = np.delete(np.arange(n), member)
        return work.laws_without([member], others)

    laws, scale = [[1, 0, 1, 0], [0, 1, 1, 1]], [2.0, 3.0, 5.0, 7.0]
    for member, expected in ((0, [3.0, 5.0, 7.0]), (2, [2.0, -3.0, -7.0]), (1, [2.0, 5.0, 0.0])):
        found = without(laws, member, scale)
        assert found.shape == (3, 1)
        np.testing.assert_allclose(found[:, 0] / found[0, 0], np.array(expected) / expected[0], rtol=1e-12)
    # Three times the first minus the second has neither of the first two variables, to the last digit.
    found = without([[1e5, 3e5, 1e6, 0], [3e5, 9e5, 0, 1e6]], 0, [1.0] * 4)
    assert found.shape == (3, 1)
    assert found[0, 0] == 0.0
    assert found[1, 0] / found[2, 0] == pytest.approx(-3.0)


def test_error_of_a_response_bounds_what_changed_entries_change():
    from skperturb.sbml._responding.clamp import _error

    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(4, 4)) - 3.0 * np.eye(4)
    inverse = np.linalg.inv(matrix)
    response = inverse / np.diag(inverse)
    error = _error(matrix, matrix, inverse, response)
    for j in range(4):
        for i in range(4):
            # |A^-1| D |s| + |s| (|A^-1|_j D |s|) with D = 1e-15 |A|, term by term
            own = sum(abs(inverse[i, k] * matrix[k, m] * response[m, j]) for k in range(4) for m in range(4))
            pivot = sum(abs(inverse[j, k] * matrix[k, m] * response[m, j]) for k in range(4) for m in range(4))
            assert error[i, j] == pytest.approx(1e-15 * (own + abs(response[i, j]) * pivot), rel=1e-9, abs=0.0)
    # A response of 1e8 and its error: 1e8 and 2e8 of the first term, 1e8 of the second.
    matrix = np.array([[-1.0, 0.0], [1e8, -1.0]])
    strong = _error(matrix, matrix, np.linalg.inv(matrix), np.array([[1.0, 0.0], [1e8, 1.0]]))
    assert strong[1, 0] == pytest.approx(4e-7, rel=1e-6)
    matrix = rng.normal(size=(4, 4)) - 3.0 * np.eye(4)
    inverse = np.linalg.inv(matrix)
    response = inverse / np.diag(inverse)
    # Where entries are uncertain as a whole, what cancels between both terms does not count.
    even = np.where(np.abs(matrix) < 0.5, 0.0, matrix)
    assert (even == 0.0).any()
    error = _error(matrix, even, inverse, response)
    uncertain = np.where(even == 0.0, 1.0, 1e-15) * np.abs(matrix)
    for j in range(4):
        exact = np.abs(inverse - np.outer(response[:, j], inverse[j])) @ uncertain @ np.abs(response[:, j])
        np.testing.assert_allclose(error[:, j], exact, rtol=1e-9, atol=1e-15)


def test_strong_responses_are_decided_by_one_factorisation():
    from skperturb.sbml._responding.clamp import ClampResponse, _fill_kept, _Work

    for jacobian in ([[-1.0, 0.0], [1e8, -1.0]], [[-1.0, 1e-8], [1e8, -3.0]]):
        matrix = np.array(jacobian)
        result = ClampResponse(np.eye(2), np.zeros((2, 2), dtype=bool), np.zeros(2, dtype=bool))
        work = _Work(matrix, matrix, None, np.ones(2))
        work.kept, work.sinks = np.arange(2), []
        assert _fill_kept(result, work).tolist() == [True, True]
        assert result.matrix[1, 0] == pytest.approx(-matrix[1, 0] / matrix[1, 1], rel=1e-6)
        assert 0.0 < work.error[1, 0] < 1e-3 * abs(result.matrix[1, 0])


def test_sinks_of_columns_that_are_decided_one_by_one():
    # u and v, as above, have no steady state of their own; p collects what x makes and y uses.
    jacobian = np.zeros((5, 5))
    jacobian[:2, :2] = [[-1.0, -0.5], [2.0, -4.0]]
    jacobian[2:4, 2:4] = [[-1.0, 1.0], [-1.0, 1.0]]
    jacobian[0, 2], jacobian[4, :2] = 0.3, [1.0, -1.0]
    got = clamp_response(jacobian, None, np.ones(5))
    # Holding x raises y by a half, so p gains; holding y lowers x by a half, so p loses.
    np.testing.assert_allclose(got.matrix[:2, :2], [[1, -0.5], [0.5, 1]])
    assert got.matrix[4, :2].tolist() == [np.inf, -np.inf]
    assert not got.undefined[:, :2].any()


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_totals_are_written_alike_in_any_unit(unit):
    from skperturb.sbml.sensitivity import _equation

    assert _equation(unit * np.array([0.5, 1.0, -0.5, -1e-9]), list("ABCD")) == "A + 2 B - C"
    assert _equation(unit * np.array([1.0, 0.0, 0.0, 1e-7]), list("ABCD")) == "1e+07 A + D"


def test_defect_elsewhere_does_not_send_a_component_column_by_column():
    """A chain of 60 variables beside a total that feeds another one: the chain is decided by one factorization."""
    rng = np.random.default_rng(0)
    n = 60
    matrix = np.zeros((n + 3, n + 3))
    matrix[:n, :n] = rng.uniform(0.1, 1.0, (n, n)) * (rng.uniform(size=(n, n)) < 0.1)
    matrix[np.arange(n), (np.arange(n) + 1) % n] = 0.5  # one component
    np.fill_diagonal(matrix[:n, :n], -5.0)
    # z stays what it is and feeds y1 and y2, which exchange; no total of this part has a limit once z is held.
    matrix[n + 1, n], matrix[n + 2, n] = 0.3, 0.0
    matrix[n + 1 :, n + 1 :] = [[-1.0, 2.0], [1.0, -2.0]]
    matrix[n + 1, 0] = 0.7
    matrix[n + 2, 0] = -0.7
    response = clamp_response(matrix, None, np.ones(n + 3))
    assert response.undefined[n + 1 :, n].all()
    for j in (0, 7):
        rest = np.delete(np.arange(n), j)
        expected = np.linalg.solve(matrix[np.ix_(rest, rest)], -matrix[rest, j])
        np.testing.assert_allclose(response.matrix[rest, j], expected, rtol=1e-12)
    # Held by one more, x_0 shifts y1 and y2 by what solves their exchange at the total that it does not feed.
    np.testing.assert_allclose(response.matrix[n + 1 :, 0], [0.7 / 3.0, -0.7 / 3.0], rtol=1e-12)


def test_a_model_is_no_network():
    model = KineticModel.from_sbml(load_textbook_models(return_X_y=True)[0][0])
    with pytest.raises(TypeError, match=r"network is a KineticModel.*JacobianExtractor\(\)\.fit_transform"):
        sensitivity_matrix(model)
    # The advice works.
    assert sensitivity_matrix(JacobianExtractor().fit_transform([model])[0]).shape[0] > 0


def test_matrices_of_several_networks():
    networks = JacobianExtractor(on_error="skip").fit_transform(load_textbook_models().data[:6])
    found = sensitivity_matrices(networks, undefined="nan")
    again = sensitivity_matrices(list(networks), undefined="nan", n_jobs=2)
    for network, matrix, same in zip(networks, found, again, strict=True):
        pd.testing.assert_frame_equal(matrix, sensitivity_matrix(network, undefined="nan"))
        pd.testing.assert_frame_equal(matrix, same)
    swap = InfluenceNetwork([[-1.0, 1.0, 0], [1.0, -1.0, 0], [1.0, 0, -1.0]], model_id="open")
    feeding = InfluenceNetwork([[0.0, 0, 0], [1.0, -1.0, 2.0], [0.0, 1.0, -2.0]], model_id="fed")
    with pytest.raises(UndefinedSensitivityError, match=r"^networks\[1\] \(fed\): the response"):
        sensitivity_matrices([swap, feeding])
    with pytest.warns(ModelWarning, match=r"1 of 2 networks have no sensitivity matrix: networks\[1\] \(fed\)"):
        kept, empty = sensitivity_matrices([swap, feeding], on_error="skip")
    assert kept.shape == (3, 3)
    assert empty.shape == (0, 0)
    with pytest.raises(TypeError, match=r"networks\[1\].*KineticModel"):
        sensitivity_matrices([swap, KineticModel.from_sbml(load_textbook_models().data[0])])
    with pytest.raises(ValueError, match="kind='odd'"):
        sensitivity_matrices([swap], "odd", on_error="skip")


def test_a_list_is_refused_with_the_name_of_the_function_for_lists():
    network = InfluenceNetwork(-np.eye(2))
    other = np.empty(2, dtype=object)
    other[:] = [network, -np.eye(3)]
    for several in ([network], (network, network), other, pd.Series([network, network]), [np.eye(2), np.eye(3)]):
        with pytest.raises(TypeError, match=r"of \d networks; expected one.*sensitivity_matrices\(networks\)"):
            sensitivity_matrix(several)
