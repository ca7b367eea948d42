"""Newton's method for symbols that equations determine, on equations whose solutions are known."""

import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._compiling.implicit import ImplicitBlock, NewtonSolver, _starts, first_solution
from skperturb.sbml._graph.expression import ExpressionGraph


def equation(build, n_arguments=1):
    """A solver of one equation, built from the nodes of its arguments and of its unknown."""
    graph = ExpressionGraph()
    arguments = [graph.state(k) for k in range(n_arguments)]
    unknown = graph.state(n_arguments)
    return NewtonSolver(graph, [build(graph, *arguments, unknown)], arguments, [unknown])


def square(graph, a, u):
    return graph.sub(graph.mul(u, u), a)


def test_polish_finds_the_next_solution():
    solver = equation(square)
    residual, slopes = solver.linearized(np.array([4.0]), np.array([3.0]))
    assert residual.tolist() == [5.0]
    assert slopes.tolist() == [[6.0]]
    assert solver.polish(np.array([4.0]), np.array([3.0]))[0] == pytest.approx(2.0, rel=1e-15)
    assert solver.polish(np.array([4.0]), np.array([-1.5]))[0] == pytest.approx(-2.0, rel=1e-15)
    # Tiny and huge solutions are found to the same digits.
    for size in (1e-9, 1e9):
        found = equation(square).polish(np.array([size**2]), np.array([1.2 * size]))
        assert found[0] == pytest.approx(size, rel=1e-12)


def test_polish_finds_nothing_where_the_slope_vanishes_or_nothing_is():
    solver = equation(square)
    assert solver.polish(np.array([4.0]), np.array([0.0])) is None
    assert solver.polish(np.array([-1.0]), np.array([0.7])) is None
    # Towards a double root the steps shrink by half only.
    assert solver.polish(np.array([0.0]), np.array([1.0])) is None
    assert solver.polish(np.array([np.nan]), np.array([1.0])) is None


def test_coupled_equations_are_solved_together():
    graph = ExpressionGraph()
    total, u, v = (graph.state(k) for k in range(3))
    equations = [graph.sub(graph.add(u, v), total), graph.sub(graph.mul(u, v), graph.constant(6.0))]
    solver = NewtonSolver(graph, equations, [total], [u, v])
    np.testing.assert_allclose(solver.polish(np.array([5.0]), np.array([1.8, 3.3])), [2.0, 3.0], rtol=1e-12)
    _, slopes = solver.linearized(np.array([5.0]), np.array([1.8, 3.3]))
    np.testing.assert_array_equal(slopes, [[1.0, 1.0], [3.3, 1.8]])


def test_starts_are_of_both_signs_and_several_sizes():
    starts = _starts(np.array([0.0, -3.0]))
    expected = [[0.0, -3.0], [1.0, 3.0], [0.1, 0.3], [10.0, 30.0], [-1.0, -3.0]]
    np.testing.assert_allclose(starts[:5], expected)
    spread = np.array(starts[5:]) / [1.0, 3.0]
    assert len(spread) == 24
    assert 0.5 < spread.std() < 1.5
    np.testing.assert_array_equal(starts, _starts(np.array([0.0, -3.0])))


def test_first_solution_is_searched_from_several_starts():
    # ln u = 3 is not to be had from a negative guess by Newton's steps.
    solver = equation(lambda graph, u: graph.sub(graph.call("ln", u), graph.constant(3.0)), 0)
    assert first_solution(solver, np.array([-0.5]), "rule")[0] == pytest.approx(np.exp(3.0), rel=1e-12)
    nowhere = equation(lambda graph, u: graph.add(graph.mul(u, u), graph.one), 0)
    with pytest.raises(InvalidModelError, match="the rule 'r' cannot be solved at the start"):
        first_solution(nowhere, np.array([1.0]), "rule 'r'")


def block_of(build, start, argument):
    graph = ExpressionGraph()
    a, u = graph.state(0), graph.state(1)
    (unknown,) = ImplicitBlock.define(graph, [u], [build(graph, a, u)], "rule", lambda leaves: ([start], [argument]))
    block = graph.blocks[-1] if not isinstance(graph.blocks[-1], tuple) else graph.blocks[-1][0]
    assert block.unknowns == [unknown]
    return block


def test_solution_is_followed_from_the_start():
    """u³ − 3 u = a has three solutions for |a| < 2: the upper one is followed from where it begins."""
    cubic = block_of(
        lambda g, a, u: g.sub(g.sub(g.mul(u, g.mul(u, u)), g.mul(g.constant(3.0), u)), a), start=2.0, argument=2.0
    )
    value = cubic.component(0)
    for a in (2.0, 1.0, -1.0, -1.9, 1.5, 50.0, 1e6, -1.5):
        largest = np.roots([1.0, 0.0, -3.0, -a]).real.max()
        assert value(a) == pytest.approx(largest, rel=1e-9)
        assert not cubic.is_lost
    np.testing.assert_allclose(value(np.array([[1.0, -1.0]])), [[1.87938524157182, 1.53208888623796]], rtol=1e-9)
    # Beyond the fold there is nothing to follow to; what is asked then is found from the start again.
    assert np.isnan(value(-2.5))
    assert cubic.is_lost
    assert value(1.0) == pytest.approx(1.87938524157182, rel=1e-9)
    assert np.isnan(value(np.inf))
