"""The expression graph, its derivatives and its generated code, against mpmath and sympy."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st

from skperturb.sbml._graph.code_generation import _SCALAR, ArrayEvaluator, ScalarFunction, scalar_source
from skperturb.sbml._graph.derivative import differentiate
from skperturb.sbml._graph.expression import ExpressionGraph

UNARY = ("exp", "ln", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "asinh", "neg", "abs", "log10")
BINARY = ("add", "sub", "mul", "div", "pow")
MP = {
    "ln": mpmath.log,
    "neg": lambda a: -a,
    "abs": abs,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
}

leaves = st.one_of(
    st.sampled_from([("state", 0), ("state", 1), ("parameter", 0), ("time",)]),
    st.sampled_from([("constant", value) for value in (0.5, 1.0, 2.0, 3.0, -1.0, 0.0)]),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(UNARY), inner),
        st.tuples(st.sampled_from(BINARY), inner, inner),
        st.tuples(st.just("select"), inner, inner, inner),
    ),
    max_leaves=12,
)


def build(graph, expression):
    operation, *rest = expression
    if operation in ("state", "parameter", "constant"):
        return getattr(graph, operation)(rest[0])
    if operation == "time":
        return graph.time()
    nodes = [build(graph, part) for part in rest]
    if operation == "select":
        return graph.piecewise((nodes[0], graph.call("lt", nodes[1], nodes[2]), nodes[2]))
    if operation in BINARY or operation == "neg":
        return getattr(graph, operation)(*nodes)
    return graph.call(operation, *nodes)


def precise(expression, x, p, t):
    """The expression in mpmath, straight from the tree; complex results count as undefined."""
    operation, *rest = expression
    if operation in ("state", "parameter"):
        return (x if operation == "state" else p)[rest[0]]
    if operation == "constant":
        return mpmath.mpf(rest[0])
    if operation == "time":
        return t
    values = [precise(part, x, p, t) for part in rest]
    if operation == "select":
        return values[0] if values[1] < values[2] else values[2]
    value = (MP.get(operation) or getattr(mpmath, operation))(*values)
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value) or abs(value) > 1e100:
        raise ArithmeticError("outside the real, representable range")
    return value


X, P, T = np.array([0.83, 1.37]), [0.61], 0.29


@settings(max_examples=150)
@given(expressions)
def test_values_and_derivatives_against_mpmath(expression):
    graph = ExpressionGraph()
    root = build(graph, expression)
    slopes = differentiate(graph, [root], {graph.state(0): 0, graph.state(1): 1})[0]
    roots = [root, *slopes.values()]
    got = ScalarFunction(graph, roots, 2, P)(T, X)
    again = np.array(ArrayEvaluator(graph, roots)(T, X, P), dtype=float)
    np.testing.assert_allclose(got, again, rtol=1e-9, atol=1e-300)
    with mpmath.workdps(60):
        point = [mpmath.mpf(value) for value in X]
        rest = ([mpmath.mpf(P[0])], mpmath.mpf(T))
        try:
            value = precise(expression, point, *rest)
            exact = [_slope(expression, point, rest, key) for key in (0, 1)]
        except (ArithmeticError, ValueError):
            return
    if not np.isfinite(got).all() or any(entry is not None and abs(entry) > 1e12 for entry in [value, *exact]):
        return
    scale = 1 + max(abs(float(entry)) for entry in [value, *exact] if entry is not None)
    assert got[0] == pytest.approx(float(value), rel=1e-6, abs=1e-9 * scale)
    # a kink has no slope: only compare where both sides agree to many digits
    for key in (0, 1):
        got_slope = dict(zip(slopes, got[1:], strict=True)).get(key, 0.0)
        if exact[key] is not None:
            assert got_slope == pytest.approx(float(exact[key]), rel=1e-6, abs=1e-7 * scale)


def _slope(expression, point, rest, key):
    sides = []
    for sign in (1, -1):
        step = mpmath.mpf(10) ** -25 * sign
        shifted = list(point)
        shifted[key] += step
        sides.append((precise(expression, shifted, *rest) - precise(expression, point, *rest)) / step)
    kink = abs(sides[0] - sides[1]) > mpmath.mpf(10) ** -8 * (1 + abs(sides[0]))
    return None if kink else sides[0]


@pytest.mark.parametrize("operation", ["asin", "acos", "acosh", "atanh", "gamma", "sign", "floor", "ceil", "rem"])
def test_slopes_of_rare_functions_against_sympy(operation):
    symbol = sympy.Symbol("x", real=True)
    formula = {
        "asin": sympy.asin(symbol / 3),
        "acos": sympy.acos(symbol / 3),
        "acosh": sympy.acosh(symbol),
        "atanh": sympy.atanh(symbol / 3),
        "gamma": sympy.gamma(symbol),
        "sign": sympy.Integer(0),
        "floor": sympy.Integer(0),
        "ceil": sympy.Integer(0),
        "rem": symbol,
    }[operation]
    graph = ExpressionGraph()
    x = graph.state(0)
    inner = graph.div(x, graph.constant(3.0)) if operation in ("asin", "acos", "atanh") else x
    operands = (inner, graph.constant(1.0)) if operation == "rem" else (inner,)
    slopes = differentiate(graph, [graph.call(operation, *operands)], {x: "x"})[0]
    expected = float(formula.diff(symbol).subs(symbol, 1.7))
    got = ArrayEvaluator(graph, [slopes["x"]])(0.0, [1.7], [])[0] if slopes else 0.0
    assert got == pytest.approx(expected, rel=1e-12)


def test_equal_expressions_are_one_node():
    graph = ExpressionGraph()
    x, y = graph.state(0), graph.state(1)
    assert graph.mul(x, y) == graph.mul(x, y)
    assert graph.constant(math.nan) == graph.constant(math.nan)
    assert graph.constant(0.0) != graph.constant(-0.0)


def test_only_exact_simplification():
    graph = ExpressionGraph()
    x = graph.state(0)
    assert graph.add(x, graph.zero) == graph.mul(graph.one, x) == graph.div(x, graph.one) == x
    assert graph.neg(graph.neg(x)) == x
    # 0 * inf and inf - inf are NaN: these must stay
    assert graph.operation[graph.mul(graph.zero, x)] == "mul"
    assert graph.operation[graph.sub(x, x)] == "sub"
    product = ArrayEvaluator(graph, [graph.mul(graph.zero, x)])(0.0, [math.inf], [])
    assert math.isnan(product[0])
    assert graph.value(graph.div(graph.one, graph.zero)) == math.inf
    assert math.isnan(graph.value(graph.sub(graph.constant(math.inf), graph.constant(math.inf))))


def test_structural_zeros_are_left_out():
    graph = ExpressionGraph()
    x, y = graph.state(0), graph.state(1)
    root = graph.add(graph.mul(graph.zero, x), graph.call("floor", y))
    assert differentiate(graph, [root, x], {x: "x", y: "y"}) == [{}, {"x": graph.one}]


def test_source_holds_generated_names_only():
    graph = ExpressionGraph()
    root = graph.pow(graph.call("exp", graph.parameter(4)), graph.state(1))
    source, used = scalar_source(graph, [root], 3)
    assert used == [4]
    assert source.splitlines() == [
        "def function(t, x, p):",
        " [_, x1, _] = x",
        " [p4] = p",
        " return [f_pow(f_exp(p4), x1)]",
    ]


def test_deep_and_long_expressions_compile():
    graph = ExpressionGraph()
    x = graph.state(0)
    deep = x
    for _ in range(20_000):
        deep = graph.call("sin", graph.add(deep, graph.one))
    branches = []
    for index in range(500):
        branches += [graph.constant(index), graph.call("lt", x, graph.constant(index + 0.5))]
    long = graph.piecewise((*branches, graph.constant(-1.0)))
    value, step = ScalarFunction(graph, [deep, long], 1, [])(0.0, np.array([42.0]))
    expected = 42.0
    for _ in range(20_000):
        expected = math.sin(expected + 1)
    assert value == expected
    assert step == 42.0
    assert set(differentiate(graph, [deep], {x: 0})[0]) == {0}


def test_arrays_broadcast():
    graph = ExpressionGraph()
    root = graph.piecewise((graph.state(0), graph.call("gt", graph.time(), graph.constant(1.0)), graph.parameter(0)))
    values = ArrayEvaluator(graph, [root])(np.array([0.0, 2.0]), np.array([[5.0, 6.0]]), [9.0])
    assert values[0].tolist() == [9.0, 6.0]


AWKWARD = [-1e308, -2.0, -0.5, 0.0, 0.5, 1.0, 1e308, np.inf, np.nan]


@pytest.mark.parametrize("operation", ["div", *sorted(_SCALAR)])
def test_scalar_code_has_the_values_of_ieee_arithmetic(operation):
    graph = ExpressionGraph()
    leaves = [graph.state(0), graph.state(1)]
    count = 2 if operation in ("div", "pow", "rem", "delay") else 1
    root = graph.call(operation, *leaves[:count])
    scalar, arrays = ScalarFunction(graph, [root], 2, []), ArrayEvaluator(graph, [root])
    for x in itertools.product(AWKWARD, AWKWARD if count == 2 else [1.0]):
        point = np.array(x)
        expected = np.array(arrays(0.0, point, []), dtype=float)
        np.testing.assert_allclose(scalar(0.0, point), expected, rtol=1e-14, err_msg=f"{operation}{x[:count]}")


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_determinant_and_adjugate_are_those_of_linear_algebra(size):
    from skperturb.sbml._compiling.implicit import adjugate

    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, size)) * (rng.uniform(size=(size, size)) < 0.8) + np.eye(size)
    graph = ExpressionGraph()
    rows = [[graph.constant(value) if value else None for value in row] for row in matrix.tolist()]
    whole, inverse = adjugate(graph, rows)
    found = np.zeros((size, size))
    for place, node in inverse.items():
        found[place] = graph.value(node)
    determinant = np.linalg.det(matrix)
    assert graph.value(whole) == pytest.approx(determinant, rel=1e-12)
    np.testing.assert_allclose(found, determinant * np.linalg.inv(matrix), rtol=1e-9, atol=1e-12)
