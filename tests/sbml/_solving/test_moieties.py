"""Conservation laws."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from skperturb.sbml._solving.moieties import conservation_laws


def bare(stoichiometry, volumes=None, is_rate_rule=None):
    matrix = np.asarray(stoichiometry, dtype=float)
    n = len(matrix)
    return SimpleNamespace(
        variables=tuple(f"s{i}" for i in range(n)),
        stoichiometry=csr_array(matrix),
        is_rate_rule=np.zeros(n, dtype=bool) if is_rate_rule is None else np.asarray(is_rate_rule),
        volumes=np.ones(n) if volumes is None else np.asarray(volumes, dtype=float),
        jacobian_pattern=csr_array(np.ones((n, n), dtype=bool)),
        time_dependence=(),
    )


@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(-2, 2)))
def test_laws_span_the_left_null_space(stoichiometry):
    laws = conservation_laws(bare(stoichiometry)).to_numpy()
    rank = sympy.Matrix(stoichiometry).rank()
    assert laws.shape == (len(stoichiometry) - rank, len(stoichiometry))
    assert np.array_equal(laws @ stoichiometry, np.zeros((len(laws), stoichiometry.shape[1])))
    assert np.array_equal(laws, np.round(laws))
    if len(laws):
        assert np.linalg.matrix_rank(laws) == len(laws)


def test_binding_in_concentrations_of_two_compartments(hand):
    model = hand.binding(volumes=(2.0, 2.0, 0.5))
    laws = conservation_laws(model)
    assert list(laws.columns) == ["A", "B", "AB"]
    np.testing.assert_array_equal(laws.to_numpy(), [[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
    np.testing.assert_allclose(laws.to_numpy() @ model.rhs(0.0, model.x0), 0.0, atol=1e-15)


def test_non_negative_vectors_are_preferred():
    # 2 s0 <-> s1, s1 + s2 <-> s3: the plain echelon basis holds a negative entry for some pivot orders.
    laws = conservation_laws(bare([[-2, 0], [1, -1], [0, -1], [0, 1]])).to_numpy()
    assert len(laws) == 2
    assert (laws >= 0).all()


def test_fractions_as_written_in_files():
    laws = conservation_laws(bare([[-1 / 3], [0.1]])).to_numpy()
    ratio = Fraction(1, 10) / Fraction(1, 3)
    np.testing.assert_array_equal(laws, [[ratio.numerator, ratio.denominator]])


def test_rate_rules_take_no_part():
    laws = conservation_laws(bare([[-1], [1], [0]], is_rate_rule=[False, False, True]))
    np.testing.assert_array_equal(laws.to_numpy(), [[1, 1, 0]])


def test_rate_rule_that_is_identically_zero(hand):
    model = hand.Model("AB", (1, 2), np.zeros((2, 0)), lambda t, x: np.zeros(0), rules={"A": lambda t, x: 0.0 * x[0],
                       "B": lambda t, x: x[0] - x[1]})  # fmt: skip
    np.testing.assert_array_equal(conservation_laws(model).to_numpy(), [[1, 0]])


def test_no_law(hand):
    assert conservation_laws(hand.cascade()).shape == (0, 2)


def test_long_chain_is_fast():
    n = 800
    stoichiometry = np.zeros((n, n - 1))
    stoichiometry[np.arange(n - 1), np.arange(n - 1)] = -1
    stoichiometry[np.arange(1, n), np.arange(n - 1)] = 1
    laws = conservation_laws(bare(stoichiometry)).to_numpy()
    np.testing.assert_array_equal(laws, np.ones((1, n)))


@pytest.mark.parametrize("power", ["0.5", "1.7", "1"])
def test_totals_between_rate_rules_are_found(power):
    """A ring of six quantities, each of which passes on what it gets; powers are undefined below zero."""
    pytest.importorskip("antimony")
    from skperturb.sbml import KineticModel, antimony_to_sbml
    from skperturb.sbml._solving.hidden_laws import independent_laws

    names, weights = "abcdef", np.array([1.0, 2.0, 0.5, 1.0, 4.0, 1.0])
    flow = [f"{0.3 * (k + 1)} * {name}^{power}" for k, name in enumerate(names)]
    rules = [f"{name} = {k + 1}; {name}' = ({flow[k - 1]} - {flow[k]}) / {weights[k]};" for k, name in enumerate(names)]
    model = KineticModel.from_sbml(antimony_to_sbml(f"model m(); {' '.join(rules)} g = 1; g' = 0.1 - g; end"))
    (law,) = independent_laws(model)
    # g turns over by itself.
    order = [model.variables.index(name) for name in (*names, "g")]
    np.testing.assert_allclose(law[order] / law[order][0], [*weights, 0.0], rtol=1e-8, atol=1e-9)
    rest = model.steady_state().state
    assert weights @ rest[list(names)] == pytest.approx(weights @ np.arange(1, 7), rel=1e-9)


def ruled(hand, x0, /, **rules):
    """A model of rate rules alone."""
    return hand.Model(tuple(rules), x0, np.zeros((len(rules), 0)), lambda t, x: np.zeros(0), rules=rules)


def test_a_drift_is_no_law_however_small_its_term_is(hand):
    """x + y loses a part in 10^8 of what z, small beside the other terms, moves from one to the other."""
    from skperturb.sbml._solving.hidden_laws import independent_laws

    def model(part):
        return ruled(
            hand, (1.0, 1.0, 1.0),
            x=lambda t, x: x[1] - x[0] - 1e-4 * x[2], y=lambda t, x: x[0] - x[1] + 1e-4 * part * x[2],
            z=lambda t, x: 1.0 - x[2] ** 2,
        )  # fmt: skip

    assert len(independent_laws(model(1.0 + 1e-8))) == 0
    (law,) = independent_laws(model(1.0))
    np.testing.assert_allclose(law / law[0], [1.0, 1.0, 0.0], atol=1e-12)


def test_a_set_point_of_a_large_variable_breaks_a_law(hand):
    """b and c exchange, but c also follows how far a, which is large, is from a million."""
    from skperturb.sbml._solving.hidden_laws import independent_laws

    def model(gain):
        return ruled(
            hand, (1e6, 1.0, 1.0),
            a=lambda t, x: 1e6 - x[0] ** 2 / 1e6, b=lambda t, x: x[2] - x[1],
            c=lambda t, x: x[1] - x[2] + gain * (x[0] - 1e6),
        )  # fmt: skip

    assert len(independent_laws(model(1e-9))) == 0
    assert len(independent_laws(model(0.0))) == 1


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_totals_of_reactions_and_of_rules_stand_side_by_side(hand, size):
    """A and B exchange by a reaction, x and y by rules; c turns over."""
    from skperturb.sbml._solving.hidden_laws import independent_laws

    model = hand.Model(
        ("A", "B", "x", "y", "c"), (size, 2.0, 3.0, 0.0, 1.0), [[-1], [1], [0], [0], [0]],
        lambda t, x: np.array([x[0] - size * x[1] ** 2]),
        rules={
            "x": lambda t, x: x[3] - x[2] ** 2, "y": lambda t, x: 2.0 * x[2] ** 2 - 2.0 * x[3],
            "c": lambda t, x: 1.0 - x[4] ** 2,
        },
    )  # fmt: skip
    laws = independent_laws(model)
    assert laws.shape == (2, 5)
    np.testing.assert_array_equal(laws[0], [1.0, 1.0, 0.0, 0.0, 0.0])
    # 2 x + y
    np.testing.assert_allclose(laws[1] / laws[1, 3], [0.0, 0.0, 2.0, 1.0, 0.0], atol=1e-9)


def test_rounding_in_many_laws_hides_none(hand):
    """A hundred quantities that change in proportion to each other."""
    from skperturb.sbml._solving.hidden_laws import independent_laws

    speeds = np.linspace(1.0, 3.0, 100)
    rules = {f"x{k}": (lambda t, x, speed=speed: speed * (60.0 - (x**1.5).sum())) for k, speed in enumerate(speeds)}
    model = ruled(hand, np.linspace(0.5, 1.5, 100), **rules)
    exact, rng = model.jacobian, np.random.default_rng(0)
    # Long formulas leave more rounding errors than these short ones.
    model.jacobian = lambda t, x: exact(t, x) * (1.0 + 3e-13 * rng.normal(size=(100, 100)))
    laws = independent_laws(model)
    assert laws.shape == (99, 100)
    np.testing.assert_allclose(laws @ speeds, 0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ({0: "1/2", 1: "-1/3", 2: "-1/6"}, {0: -3, 1: 2, 2: 1}),
        ({0: "4", 3: "-6"}, {0: 2, 3: -3}),
        ({0: "-4", 1: "-6"}, {0: 2, 1: 3}),
        ({0: "1/4", 1: "1/6", 2: "-1/10"}, {0: 15, 1: 10, 2: -6}),
        ({5: "-7/3"}, {5: 1}),
    ],
)
def test_laws_are_written_in_the_smallest_whole_numbers(vector, expected):
    from skperturb.sbml._solving.moieties import _coprime

    assert _coprime({k: Fraction(value) for k, value in vector.items()}) == expected
