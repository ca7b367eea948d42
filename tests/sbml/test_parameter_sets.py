"""Many sets of parameters solved together agree with the same sets solved one by one."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.sbml import KineticModel, antimony_to_sbml, simulate_many, steady_states
from skperturb.sbml._compiling.batched import BatchedEquations, batched_start, why_not_batched
from skperturb.sbml._compiling.batched_lu import SparseLU
from skperturb.sbml._responding.batched_outcomes import BatchedOutcomes, share_size
from skperturb.sbml._responding.outcomes import observed
from skperturb.sbml._solving.batched_rest import RestingRun
from skperturb.sbml._solving.batched_steady import BatchedSteadyStates
from skperturb.sbml._solving.batched_trajectories import BatchedTrajectories
from skperturb.sbml._solving.rosenbrock import RosenbrockRun

NAMES = load_textbook_models().names


@cache
def model_of(text):
    return KineticModel.from_sbml(antimony_to_sbml(text))


@cache
def textbook(name):
    bunch = load_textbook_models()
    return KineticModel.from_sbml(dict(zip(bunch.names, bunch.data, strict=True))[name])


def sets_of(model, n_sets, sigma=0.3, seed=0):
    rng = np.random.default_rng(seed)
    taken = model._system.species | model._system.start.compartments
    values = {name: value for name, value in model.parameters.items() if value > 0.0 and name not in taken}
    return pd.DataFrame({name: value * np.exp(sigma * rng.standard_normal(n_sets)) for name, value in values.items()})


def together(model, sets, kind, *arguments):
    outcomes = BatchedOutcomes(model, observed(model), list(sets))
    assert outcomes.problem == ""
    return getattr(outcomes, kind)({name: sets[name].to_numpy() for name in sets}, *arguments)


BISTABLE = """
model bistable
  species x; x = 0.1;
  -> x; a + x^2 / (K^2 + x^2);
  x -> ; d * x;
  a = 0.02; K = 0.5; d = 0.8;
end"""
CYCLE = """
model cycle
  species A, B, C, AB; compartment cell = 2;
  A in cell; B in cell; AB in cell; C in cell;
  A = 2; B = 3; AB = 0.5; C = 1;
  J1: A + B -> AB; cell * (k1*A*B - k2*AB);
  J2: AB -> C + B; cell * k3*AB;
  J3: C -> A; cell * (Vm * C / (Km + C));
  k1 = 1.3; k2 = 0.7; k3 = 0.4; Vm = 2; Km = 0.5;
  total := A + AB + C;
end"""
STIFF = """
model stiff
  species A = 1, B = 0, C = 0;
  A -> B; k1*A;
  B -> C; k2*B^2;
  C + B -> A + B; k3*B*C;
  k1 = 0.04; k2 = 3e7; k3 = 1e4;
end"""


# -- generated source ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_equations_of_all_sets_are_those_of_single_models(name):
    model, n_sets = textbook(name), 7
    if why_not_batched(model):
        pytest.skip("solved one by one")
    sets = sets_of(model, n_sets)
    start = batched_start(model._system, {name: sets[name].to_numpy() for name in sets}, n_sets)
    equations = BatchedEquations(model, start.varying)
    constants = equations.prepare(start.values)
    n = equations.size
    x = (start.x0 + 0.1) * np.random.default_rng(1).uniform(0.5, 2.0, start.x0.shape)
    rates = np.empty_like(x)
    linear = np.empty((n + equations.n_entries, n_sets))
    equations.rhs(0.0, x, constants, rates)
    equations.linearization(0.0, x, constants, linear)
    for k in range(n_sets):
        single = model.with_parameters(sets.iloc[k].to_dict())
        assert start.x0[:, k] == pytest.approx(single.x0, rel=1e-14)
        size = np.abs(single.rhs(0.0, x[:, k])).max()
        assert rates[:, k] == pytest.approx(single.rhs(0.0, x[:, k]), rel=1e-11, abs=1e-13 * size)
        jacobian = np.zeros((n, n))
        for (i, j), value in zip(equations.entries, linear[n:, k], strict=True):
            jacobian[i, j] = value
        expected = single.jacobian(0.0, x[:, k])
        assert jacobian == pytest.approx(expected, rel=1e-11, abs=1e-13 * np.abs(expected).max())


def test_all_operations_have_source():
    model = model_of(
        """
        model operations
          x = 0.7; y = 1.3; z = 2.1;
          x' = piecewise(k*x, x > y, -y^2) + max(x, z) - abs(y - k) + exp(-x)*ln(z) - (x - (y - z));
          y' = -(-(k*x)/(y*m)) + x^n / (m^n + x^n) - sqrt(z) + tanh(x*m) - 2*(k/m)*x*0 - 3;
          z' = sin(x)*cos(y) - arctan(z) + log10(x + k) - x^3*y^4 + (-x)*(-y)*(-1) + 1/(1 + x/k)/(m*z);
          k = 1.1; m = 0.6; n = 2.5;
        end"""
    )
    sets = pd.DataFrame({"k": [1.1, 0.2], "m": [0.6, 2.0], "n": [2.5, 3.0], "x": [0.7, 1.9]})
    start = batched_start(model._system, {name: sets[name].to_numpy() for name in sets}, 2)
    equations = BatchedEquations(model, start.varying)
    out = np.empty((3 + equations.n_entries, 2))
    equations.linearization(0.0, start.x0, equations.prepare(start.values), out)
    for k, row in sets.iterrows():
        single = model.with_parameters(row[["k", "m", "n"]].to_dict()).with_initial({"x": row["x"]})
        assert out[:3, k] == pytest.approx(single.rhs(0.0, single.x0), rel=1e-13)
        expected = single.jacobian(0.0, single.x0)
        assert out[3:, k] == pytest.approx(np.array([expected[entry] for entry in equations.entries]), rel=1e-12)


@pytest.mark.parametrize("typical", [False, True])
def test_sparse_factorization(typical):
    rng = np.random.default_rng(0)
    n, n_sets = 12, 5
    pattern = sorted({(i, i) for i in range(n)} | {tuple(pair) for pair in rng.integers(0, n, (20, 2)).tolist()})
    entries = rng.standard_normal((len(pattern), n_sets))
    diagonal = [k for k, (i, j) in enumerate(pattern) if i == j]
    entries[diagonal] += 0.0 if typical else 8.0
    lu = SparseLU(n, pattern, entries[:, 0] if typical else None)
    rhs = rng.standard_normal((n, n_sets))
    solution = lu.solve(lu.factor(entries.copy()), rhs.copy())
    for k in range(n_sets):
        matrix = np.zeros((n, n))
        matrix[tuple(np.transpose(pattern))] = entries[:, k]
        assert matrix @ solution[:, k] == pytest.approx(rhs[:, k], abs=1e-8 * np.abs(solution[:, k]).max())


def test_a_matrix_that_is_singular_by_structure_is_known():
    lu = SparseLU(2, [(0, 0), (1, 0)], np.ones(2))
    assert not lu.is_regular


# -- steps --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("explicit", [True, False])
def test_errors_follow_the_tolerance(explicit):
    model = model_of("model m; x = 1; y = 0; x' = -w*y; y' = w*x; w = 2; end")
    sets = {"w": np.array([1.0, 2.0, 3.0])}
    start = batched_start(model._system, sets, 3)
    equations = BatchedEquations(model, start.varying)
    grid = np.linspace(0.0, 10.0, 23)
    exact = np.stack([np.cos(np.outer(sets["w"], grid)), np.sin(np.outer(sets["w"], grid))], axis=-1)
    errors = []
    for rtol in (1e-5, 1e-8):
        run = BatchedTrajectories(
            equations, equations.prepare(start.values), start.x0, rtol=rtol, atol=np.full(start.x0.shape, rtol)
        )
        run._explicit[:] = explicit
        out = run.advance(10.0, grid)
        assert run.n_steps[explicit] == 0
        assert run.alive.all()
        errors.append(np.abs(out - exact).max())
    assert errors[0] < 1e-3
    assert errors[1] < 1e-6


def test_explicit_time_has_its_slope():
    model = model_of("model m; x = 0; x' = k*(cos(time) - x); k = 100; end")
    times = np.array([1.0, 3.0, 7.5])
    table = simulate_many(model, pd.DataFrame({"k": [100.0, 1000.0]}), times, rtol=1e-9)
    for k, label in ((100.0, 0), (1000.0, 1)):
        exact = (k**2 * np.cos(times) + k * np.sin(times) - k**2 * np.exp(-k * times)) / (1 + k**2)
        assert table.loc[label]["value"]["x"].to_numpy() == pytest.approx(exact, rel=1e-7)


def test_stiff_sets_are_handed_to_the_implicit_method():
    model = model_of(STIFF)
    sets = pd.DataFrame({"k2": [3e7, 3e6, 1e8], "k3": [1e4, 1e4, 2e4]})
    values, found = together(model, sets, "courses", np.array([0.4, 40.0, 4e4]), 1e-8, None)
    assert found.all()
    for k, row in sets.iterrows():
        expected = model.with_parameters(row.to_dict()).simulate([0.4, 40.0, 4e4])[list(model.variables)]
        assert values[k] == pytest.approx(expected.to_numpy(), rel=1e-5, abs=1e-10)


def test_infinite_slopes_do_not_end_a_run():
    model = model_of("model m; x = 0; x' = 1 - x^n; n = 0.5; end")
    values, found = together(model, pd.DataFrame({"n": [0.5, 0.9]}), "courses", np.array([0.5, 2.0]), 1e-6, 1e-9)
    assert found.all()
    for k, n in enumerate([0.5, 0.9]):
        expected = model.with_parameters({"n": n}).simulate([0.5, 2.0])["x"]
        assert values[k, :, 0] == pytest.approx(expected.to_numpy(), rel=1e-4)


def test_the_last_slow_sets_can_be_left():
    model = model_of("model m; x = 1; y = 0; x' = -w*y; y' = w*x; w = 2; end")
    sets = {"w": np.array([1e-3] * 9 + [1e3])}
    start = batched_start(model._system, sets, 10)
    equations = BatchedEquations(model, start.varying)
    run = BatchedTrajectories(
        equations, equations.prepare(start.values), start.x0, rtol=1e-6, atol=np.full(start.x0.shape, 1e-6), fewest=1
    )
    run.advance(100.0)
    assert run.alive.tolist() == [True] * 9 + [False]
    assert sum(run.n_steps) < 1000


def test_the_method_has_the_order_that_it_claims():
    model = model_of("model m; x = 1; x' = -k*x^2 + sin(time); k = 1; end")
    start = batched_start(model._system, {"k": np.array([1.0])}, 1)
    equations = BatchedEquations(model, start.varying)
    constants = equations.prepare(start.values)
    exact = float(model.simulate([2.0], rtol=1e-12)["x"].iloc[0])
    errors = []
    for n_steps in (20, 40):
        run = RosenbrockRun(
            equations, constants, np.zeros(1), start.x0, 2.0, rtol=1.0, atol=np.ones((1, 1)), max_step=2.0 / n_steps
        )
        run.h[:] = 2.0 / n_steps
        run.go(n_steps + 5)
        errors.append(abs(run.last_x[0, 0] - exact))
    assert 4.3 < np.log2(errors[0] / errors[1]) < 6.5


# -- agreement with single sets -----------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_courses_agree_with_single_ones(name):
    model, times = textbook(name), np.array([0.0, 1.0, 7.0, 30.0])
    sets = sets_of(model, 6, seed=2)
    table = simulate_many(model, sets, times)
    for k in (0, 5):
        expected = model.with_parameters(sets.iloc[k].to_dict()).simulate(times)[table["value"].columns]
        size = expected.abs().to_numpy().max()
        assert table.loc[k]["value"].to_numpy() == pytest.approx(expected.to_numpy(), rel=2e-5, abs=1e-6 * size)


@pytest.mark.parametrize("text", [CYCLE, BISTABLE])
def test_steady_states_agree_with_single_ones(text):
    model = model_of(text)
    sets = sets_of(model, 40, seed=3)
    if text == CYCLE:
        sets["A"] = np.linspace(0.5, 4.0, 40)  # other totals
    _, found = together(model, sets, "steady_states", "trajectory")
    assert found.mean() > 0.9
    table = steady_states(model, sets)
    assert (table["outcome", "status"] == "steady").all()
    for k, row in sets.iterrows():
        parameters = row.drop("A", errors="ignore").to_dict()
        initial = row.filter(["A"]).to_dict()
        single = model.with_parameters(parameters).with_initial(initial).steady_state()
        assert table.loc[k, "value"][list(model.variables)].to_numpy(float) == pytest.approx(
            single.state.to_numpy(), rel=1e-7
        )


def near_a_fold():
    """Return a set of `BISTABLE` whose upper and middle state are 0.3 % apart, and the states."""
    states = np.array([0.03, 0.7345, 0.7367])
    total, pairs, product = states.sum(), states[0] * (states[1] + states[2]) + states[1] * states[2], states.prod()
    a = product / (total * pairs - product)
    return {"K": np.sqrt(pairs), "a": a, "d": (a + 1.0) / total}, states


def test_coarse_trajectories_decide_only_away_from_borders():
    model, (fold, states) = model_of(BISTABLE), near_a_fold()
    # On both sides of the border, coming ever closer; far from a fold and close to one.
    steps = np.array([-0.3, -1e-2, -1e-3, -1e-5, 1e-5, 1e-3, 1e-2, 0.3])
    far = pd.DataFrame({"x": 0.2629593 * (1.0 + steps), "K": 0.5, "a": 0.02, "d": 0.9})
    close = pd.DataFrame({"x": states[1] * (1.0 + steps), **fold})
    sets = pd.concat([far, close], ignore_index=True)
    outcomes = BatchedOutcomes(model, observed(model), list(sets))
    start = outcomes._start({name: sets[name].to_numpy() for name in sets})
    search = BatchedSteadyStates(model, outcomes._equations_for(start), outcomes._own_state, start)
    _, certain = search._coarsely(search._sets)
    assert certain[[0, 7]].all()
    assert not certain[8:][np.abs(steps) < 1e-4].any()
    table = steady_states(model, sets)
    for k, row in sets.iterrows():
        single = model.with_parameters(row[["K", "a", "d"]].to_dict()).with_initial({"x": row["x"]}).steady_state()
        assert table.loc[k, ("value", "x")] == pytest.approx(float(single.state["x"]), rel=1e-6)
    assert table["value", "x"].to_numpy()[[8, 15]] == pytest.approx(states[[0, 2]], rel=1e-6)


def test_coarse_trajectories_do_not_decide_what_they_cannot_see():
    # A switch of two variables that are a hundred-millionth of a third one.
    model = model_of("""
model small_toggle
  species u, v, B; u = 1.2e-8; v = 0.9e-8; B = 1;
  -> u; a * s / (1 + (v / s)^2); u -> ; u;
  -> v; b * s / (1 + (u / s)^2); v -> ; v;
  -> B; 1; B -> ; B;
  a = 5; b = 5; s = 1e-8;
end""")
    rng = np.random.default_rng(0)
    sets = pd.DataFrame(5.0 * np.exp(0.4 * rng.standard_normal((60, 2))), columns=["a", "b"])
    outcomes = BatchedOutcomes(model, observed(model), list(sets))
    start = outcomes._start({name: sets[name].to_numpy() for name in sets})
    search = BatchedSteadyStates(model, outcomes._equations_for(start), outcomes._own_state, start)
    assert not search._coarsely(search._sets)[1].any()
    late = simulate_many(model, sets, [0.0, 200.0], atol=1e-17).xs(200.0, level="time")["value"]
    found = steady_states(model, sets)["value"]
    np.testing.assert_allclose(found[["u", "v"]], late[["u", "v"]], rtol=1e-4)


def test_the_estimated_error_of_a_coarse_trajectory_is_of_the_size_of_its_error():
    model, sets = model_of(CYCLE), sets_of(model_of(CYCLE), 20, seed=6)
    start = batched_start(model._system, {name: sets[name].to_numpy() for name in sets}, 20)
    equations = BatchedEquations(model, start.varying)
    constants, atol = equations.prepare(start.values), np.full(start.x0.shape, 1e-6)
    coarse, fine = (
        RestingRun(equations, constants, np.zeros(20), start.x0, 0.7, rtol=rtol, atol=part * atol)
        for rtol, part in ((1e-2, 1.0), (1e-9, 1e-7))
    )
    coarse.go(1000)
    fine.go(1000)
    error = np.abs(coarse.last_x - fine.last_x).max(axis=0)
    estimate = np.abs(coarse.error).max(axis=0)
    assert np.all(error <= estimate)
    assert np.all(estimate <= 0.02 * np.abs(fine.last_x).max(axis=0))
    assert not coarse.rests.any()


def test_a_branch_goes_on_where_trajectories_change_sides():
    model = model_of(BISTABLE)
    sets = pd.DataFrame({"x": [0.0, 0.1, 2.0]})
    followed = steady_states(model, sets)["value", "x"].to_numpy()
    branch = steady_states(model, sets, follow="branch")["value", "x"].to_numpy()
    assert followed[2] > 2 * followed[0]
    assert branch == pytest.approx(np.full(3, followed[1]))


def test_a_branch_keeps_the_totals_of_each_set():
    model = model_of(CYCLE)
    sets = pd.DataFrame({"A": [0.5, 2.0, 8.0], "k1": [1.0, 2.0, 0.5]})
    table = steady_states(model, sets, follow="branch")["value"]
    assert table[["A", "AB", "C"]].sum(axis=1).to_numpy() == pytest.approx([2.0, 3.5, 9.5], rel=1e-9)
    assert table.to_numpy() == pytest.approx(steady_states(model, sets)["value"].to_numpy(), rel=1e-7)


def test_unstable_states_are_not_returned():
    model = model_of("model b; X = 1; Y = 1; X' = A + X^2*Y - (B + 1)*X; Y' = B*X - X^2*Y; A = 1; B = 1.5; end")
    table = steady_states(model, pd.DataFrame({"B": [1.5, 3.0, 1.0]}), follow="branch")
    assert table["outcome", "status"].tolist() == ["steady", "oscillating", "steady"]
    assert table["value", "Y"].to_numpy() == pytest.approx([1.5, np.nan, 1.0], nan_ok=True, rel=1e-8)


@pytest.mark.parametrize("follow", ["trajectory", "branch"])
def test_order_changes_no_row(follow):
    model = textbook("goodwin_oscillator")
    sets = sets_of(model, 80, seed=4)
    table = steady_states(model, sets, follow=follow)
    backwards = steady_states(model, sets.iloc[::-1], follow=follow).loc[table.index]
    assert table["outcome"].equals(backwards["outcome"])
    assert backwards["value"].to_numpy() == pytest.approx(table["value"].to_numpy(), rel=1e-8)


def test_order_does_not_change_courses():
    model, times = textbook("repressilator"), [0.0, 3.0, 20.0]
    sets = sets_of(model, 60, seed=5)
    table = simulate_many(model, sets, times)["value"]
    backwards = simulate_many(model, sets.iloc[::-1], times)["value"]
    for k in (0, 31, 59):
        assert backwards.loc[k].to_numpy() == pytest.approx(table.loc[k].to_numpy(), rel=1e-6, abs=1e-8)


def test_shares_do_not_depend_on_the_number_of_workers():
    model = model_of("model m; x = 1; x' = -k*x; k = 1; end")
    sets = pd.DataFrame({"k": np.linspace(0.5, 2.0, share_size(1) + 20)})
    one = simulate_many(model, sets, [1.0])
    pd.testing.assert_frame_equal(one, simulate_many(model, sets, [1.0], n_jobs=2))
    assert one["value", "x"].to_numpy() == pytest.approx(np.exp(-sets["k"].to_numpy()), rel=1e-7)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model m; x = 1; x' = -k*x; k = 1; E: at time > 1: x = 5; end", "events"),
        ("model m; x = 1; x' = -k*x + piecewise(1, time > 1, 0); k = 1; end", "jumps"),
    ],
)
def test_what_is_solved_one_by_one(text, reason):
    model = model_of(text)
    assert reason in why_not_batched(model)
    table = simulate_many(model, pd.DataFrame({"k": [1.0, 2.0]}), [0.5, 2.0])
    expected = model.with_parameters({"k": 2.0}).simulate([0.5, 2.0])
    assert table.loc[1]["value"]["x"].to_numpy() == pytest.approx(expected["x"].to_numpy())


def test_compartments_that_vary():
    model = model_of(CYCLE)
    sets = pd.DataFrame({"cell": [1.0, 2.0, 4.0]})
    table = steady_states(model, sets)["value"]
    course = simulate_many(model, sets, [3.0])["value"]
    for k, row in sets.iterrows():
        single = model.with_parameters(row.to_dict())
        state = single.steady_state().state
        assert table.loc[k, list(model.variables)].to_numpy(float) == pytest.approx(state.to_numpy(), rel=1e-7)
        expected = single.simulate([3.0])[list(model.variables)].to_numpy()
        assert course.loc[k][list(model.variables)].to_numpy() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, s: steady_states(m, s, follow="nothing"), "expected one of"),
        (lambda m, s: simulate_many(m, s, [1.0], rtol=2.0), "rtol=2.0"),
        (lambda m, s: simulate_many(m, s, [1.0], atol=-1.0), "atol must be"),
        (lambda m, s: steady_states(m, s.assign(k1="a")), r"\['k1'\] is 'a'"),
        (lambda m, s: steady_states(m, s.assign(cell=0.0)), "size of a compartment"),
        (lambda m, s: steady_states(m, s.assign(k1=True)), r"\['k1'\] is True"),
        (lambda m, s: steady_states(m, s.assign(k1=["1", "2"])), r"set 0\['k1'\] is '1'"),
        (lambda m, s: steady_states(m, s.assign(k1=pd.to_datetime(["2020", "2021"]))), "times of the calendar"),
        (
            lambda m, s: steady_states(m, s.assign(k1=pd.Series([1, 10**400], dtype=object))),
            r"set 1\['k1'\] is 1000.*expected a finite",
        ),
        (lambda m, s: steady_states(m, s.assign(k1=pd.array([1, None], dtype="Int64"))), r"set 1\['k1'\] is nan"),
        (lambda m, s: steady_states(m, s.assign(label="a")), "'label' is not a parameter"),
        (lambda m, s: steady_states(m, s.assign(total=1.0)), "'total' is determined by a rule"),
        (lambda m, s: steady_states(m, s.assign(J1=1.0)), "but a reaction"),
        (lambda m, s: steady_states(m, s.assign(A=-1.0)), "a negative amount"),
        (lambda m, s: steady_states(m, pd.concat([s, s], axis=1)), "two columns 'k1'"),
        (lambda m, s: steady_states([m], s), "expected one model"),
        (lambda m, s: steady_states(m, s.to_dict()), "expected a DataFrame"),
        (lambda m, s: simulate_many(m, s, ["1", "2"]), "sequence of numbers"),
        (lambda m, s: simulate_many(m, s, [False, True]), "sequence of numbers"),
        (lambda m, s: simulate_many(m, s, [1.0], atol="a"), "atol must be"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(model_of(CYCLE), pd.DataFrame({"k1": [1.0, 2.0]}))


def test_a_structure_without_a_steady_state_is_left_to_the_search():
    model = model_of("model m; x = 1; y = 1; x' = k - x; y' = (x - k)*y; k = 1; end")
    table = steady_states(model, pd.DataFrame({"k": [1.0, 1.0]}))
    single = model.steady_state()
    assert table["value", "x"].to_numpy() == pytest.approx(np.full(2, single.state["x"]))


def test_no_sets():
    model = model_of(CYCLE)
    assert steady_states(model, pd.DataFrame({"k1": np.empty(0)})).shape == (0, 6)
    assert simulate_many(model, pd.DataFrame({"k1": np.empty(0)}), [1.0]).shape == (0, 6)
