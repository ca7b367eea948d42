"""The benchmark of the SBML engine: its arithmetic, and one run beside a peer where one is installed."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.reproduce import _clamping, _engine_differences, _engine_peers, engine
from skperturb.reproduce._engine_peers import scaled_residual


def test_residual_is_relative_to_the_terms_that_balance():
    jacobian = np.array([[-2.0, 1.0], [0.0, -4.0]])
    assert scaled_residual(np.zeros(2), jacobian, np.ones(2), np.ones(2)) == 0.0
    assert scaled_residual(np.array([3e-6, 0.0]), jacobian, np.ones(2), np.ones(2)) == pytest.approx(1e-6)
    # what has decayed to nothing is measured against what it started from
    assert scaled_residual(np.array([1e-30]), -np.eye(1), np.array([1e-30]), np.ones(1)) < 1e-20
    assert scaled_residual(np.array([np.nan]), -np.eye(1), np.ones(1), np.ones(1)) == np.inf


def test_difference_is_relative_to_the_largest_entry_of_a_row():
    mine = np.array([[1e6, 1.0], [0.0, 0.0]])
    theirs = mine + np.array([[0.0, 1.0], [0.0, 0.0]])
    assert engine._jacobian_difference(mine, theirs, np.ones(2)) == pytest.approx(1e-6)
    assert engine._jacobian_difference(mine, mine * np.nan, np.ones(2)) == np.inf


@pytest.mark.filterwarnings("ignore:roadrunner is installed but can't be imported")  # see the fixture of that name
def test_run_on_textbook_models(tmp_path):
    paths = []
    for k, source in enumerate(load_textbook_models().data[:2]):
        paths.append(tmp_path / f"model{k}.xml")
        paths[-1].write_text(source if isinstance(source, str) else Path(source).read_text())
    rows = engine.benchmark_engine([*paths, tmp_path / "missing.xml"], timeout=120.0)
    assert [row["skperturb"]["finite"] for row in rows] == [True, True, None]
    assert rows[2]["skperturb"]["why"].startswith("raised: InvalidModelError")
    for tool in rows[0].keys() & {"copasi", "roadrunner"}:
        assert all(row[tool]["finite"] for row in rows[:2])
        assert all(row[tool]["initial_difference"] < 1e-9 for row in rows[:2])
        assert all(row[tool]["difference"] < 1e-3 for row in rows[:2])
    text = engine.report(rows)
    assert text.startswith("3 models")
    assert "file to steady state to Jacobian" in text


def test_sensitivities_of_textbook_models_against_holding_each_variable(tmp_path):
    errors = []
    for k, source in enumerate(load_textbook_models().data[:6]):
        path = tmp_path / f"model{k}.xml"
        path.write_text(source if isinstance(source, str) else Path(source).read_text())
        errors += _clamping.check_model(str(path)).get("errors", [])
    assert len(errors) >= 6
    assert max(errors) < 1e-5


@pytest.mark.real_data
def test_sensitivities_against_holding_each_variable(data_home):
    found = {}
    for number in (28, 148, 150, 390):
        found[number] = _clamping.check_model(str(data_home / "biomodels" / f"BIOMD{number:010d}.xml"))
    errors = [error for result in found.values() for error in result["errors"]]
    assert len(errors) >= 20
    assert max(errors) < 1e-5
    assert not any(result["odd"] for result in found.values())
    # What is marked as a slope of an unstable system goes elsewhere, what is undefined does not come to rest.
    for mark, outcome in (("flagged", "flagged_away"), ("undefined", "undefined_moving")):
        assert sum(result[mark] for result in found.values()) > 0
        assert all(result[mark] == result[outcome] for result in found.values())


def test_reason_of_a_difference_is_found_from_the_rates():
    def rates(x):
        return np.array([x[0] ** 3 - x[1], abs(x[0] - 1.0) + np.sqrt(abs(x[1])), 1e6 + abs(x[1]) ** 1.2])

    def reason(i, j, mine, theirs, x, scale=1.0, **keywords):
        sides = [_engine_differences._one_sided(rates, np.array(x), i, j, sign * scale) for sign in (-1.0, 1.0)]
        return _engine_differences._reason(mine, theirs, sides, 1e-4, possible=x[j] != 0.0, **keywords)

    assert reason(0, 0, 12.0, 12.1, [2.0, 1.0]) == "step"
    assert reason(0, 0, 11.9, 12.0, [2.0, 1.0]) == "theirs"
    assert reason(0, 0, 11.9, 12.1, [2.0, 1.0]) == "open"
    assert reason(1, 0, 1.0, 0.0, [1.0, 1.0]) == "kink"
    assert reason(1, 1, np.inf, 1e3, [2.0, 0.0]) == "infinite"
    assert reason(1, 1, np.inf, 1e3, [2.0, 1.0]) == "open"
    assert reason(2, 1, 0.0, 0.1, [2.0, 0.0]) == "power"
    assert reason(2, 1, 0.5, 0.1, [2.0, 0.0]) == "open"
    assert reason(2, 1, 0.5, 0.1, [2.0, 0.0], rounding=1e-3) == "rounding"


def test_counts_ask_what_the_rates_say():
    def row(finite, refused=False, **explained):
        ours = {"finite": finite, "refused": refused}
        return {"skperturb": ours} | {
            peer: {"finite": True, "explained": {"initial": [{"reason": reason} for reason in reasons]}}
            for peer, reasons in explained.items()
        }

    right = engine._is_right
    assert right(row(True, copasi=[]), "skperturb")
    assert right(row(True, copasi=[]), "copasi")
    # A step that is too large is the peer's fault, rates that have its derivative ours.
    assert right(row(True, copasi=["step", "kink"]), "skperturb")
    assert not right(row(True, copasi=["step", "kink"]), "copasi")
    assert not right(row(True, copasi=["theirs"]), "skperturb")
    assert not right(row(True, copasi=["open"], roadrunner=[]), "skperturb")
    # An infinite slope is right where the differences grow without bound, a missing Jacobian is not.
    assert right(row(False, copasi=["infinite"]), "skperturb")
    assert not right(row(False, copasi=[]), "skperturb")
    assert not right(row(None, refused=True, copasi=[]), "copasi")


@pytest.mark.usefixtures("roadrunner")
def test_our_states_are_tested_with_the_rates_of_another_engine(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(load_textbook_models().data[0])
    ours = _engine_peers.run_skperturb(str(path))
    assert _engine_differences.roadrunner_residual((str(path), ours)) < 1e-9
    name = ours["names"][0]
    ours["steady"][name] *= 2.0
    assert _engine_differences.roadrunner_residual((str(path), ours)) > 1e-3


class LinearModel:
    """x' = A (x - x*), as far as the brute-force check asks a model."""

    def __init__(self, matrix, rest):
        self.matrix, self.x = np.array(matrix), np.array(rest)

    def rhs(self, t, x):
        return self.matrix @ (x - self.x)

    def jacobian(self, t, x):
        return self.matrix


def test_column_by_brute_force_is_that_of_a_linear_system():
    matrix = [[-2.0, 0.5, 0.0], [1.0, -3.0, 0.4], [0.3, 0.0, -0.2]]
    model = LinearModel(matrix, [2.0, 300.0, 0.5])
    for j in range(3):
        rest = np.delete(np.arange(3), j)
        expected = np.zeros(3)
        expected[j] = 1.0
        expected[rest] = np.linalg.solve(model.matrix[np.ix_(rest, rest)], -model.matrix[rest, j])
        np.testing.assert_allclose(_clamping.check_column(model, 0.0, model.x, j), expected, rtol=1e-6, atol=1e-7)


class Bistable:
    """x held, y between two stable states."""

    x = np.array([1.0, 2.0])

    def rhs(self, t, x):
        return np.array([1.0 - x[0], (x[1] - 2.0) - (x[1] - 2.0) ** 3 + 0.1 * (x[0] - 1.0)])

    def jacobian(self, t, x):
        return np.array([[-1.0, 0.0], [0.1, 1.0 - 3.0 * (x[1] - 2.0) ** 2]])


def test_columns_that_do_not_exist():
    away = Bistable()
    assert _clamping.check_column(away, 0.0, away.x, 0) == "elsewhere"
    circling = LinearModel([[-1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, -1.0, 0.0]], [1.0, 2.0, 3.0])
    assert _clamping.check_column(circling, 0.0, circling.x, 0) == "moving"


class Explosive(LinearModel):
    """y' = y² from a little above zero ends in infinity, and before that in steps of no length."""

    def rhs(self, t, x):
        return np.array([0.0, x[1] ** 2 + x[0] - 1.0])

    def jacobian(self, t, x):
        return np.array([[0.0, 0.0], [1.0, 2.0 * x[1]]])


def test_an_integration_that_does_not_end_fails():
    model = Explosive(np.eye(2), [1.0, 0.1])
    assert _clamping.check_column(model, 0.0, model.x, 0) == "fails"


@pytest.mark.parametrize(("bound", "value"), [("MAX_STEPS", 3), ("MAX_SECONDS", 0.0)])
def test_bounds_of_an_integration(monkeypatch, bound, value):
    model = LinearModel([[-1.0, 0.0], [0.5, -1.0]], [1.0, 2.0])
    np.testing.assert_allclose(_clamping.check_column(model, 0.0, model.x, 0), [1.0, 0.5], rtol=1e-6)
    monkeypatch.setattr(_clamping, bound, value)
    assert _clamping.check_column(model, 0.0, model.x, 0) == "fails"


def test_an_integration_takes_no_more_memory_for_more_steps(monkeypatch):
    """Oscillators, a hundred states that never rest: 1,300 steps."""
    monkeypatch.setattr(_clamping, "_WAITS", (30.0, 9000.0))
    frequencies = np.linspace(1.0, 2.0, 50)
    matrix = np.kron(np.diag(frequencies), [[0.0, 1.0], [-1.0, 0.0]])
    model = LinearModel(np.pad(matrix, (1, 0)), np.ones(101))
    model.matrix[0, 0], model.matrix[1:, 0] = -1.0, 1.0
    tracemalloc.start()
    try:
        assert _clamping.check_column(model, 0.0, model.x, 0) == "moving"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The solver's matrices take 1.2 MB; all states kept, and made one array in the end, 2.7 MB.
    assert peak < 2e6


@pytest.mark.parametrize(("fades", "found"), [(0.05, True), (0.002, False)])
def test_rest_is_waited_for_three_times_ten_times_as_long(fades, found):
    """A push fades with time; the spectrum, whose slowest mode is 1, does not know of it."""

    class Pushed(LinearModel):
        def rhs(self, t, x):
            return super().rhs(t, x) + np.array([0.0, np.exp(-fades * t)])

    model = Pushed([[-1.0, 0.0], [0.5, -1.0]], [1.0, 2.0])
    column = _clamping.check_column(model, 0.0, model.x, 0)
    if found:
        np.testing.assert_allclose(column, [1.0, 0.5], rtol=1e-6)
    else:
        # 30 + 300 + 3,000 units of time are not enough.
        assert column == "moving"


def test_brute_force_is_compared_per_cent_by_per_cent():
    result = {"errors": [], "worst": None, "odd": []}
    x = np.array([1.0, 100.0, 1e-9])
    column = np.array([1.0, 50.0, 0.0])
    # Per cent by per cent the largest entry is 1; the second differs by .02, the third (size 1e-4 at least) by .03.
    _clamping._compare(result, "a", np.array([1.0, 52.0, 0.0]), column, x, 0)
    assert result["errors"][-1] == pytest.approx(0.02)
    assert result["worst"] == "a"
    _clamping._compare(result, "b", np.array([1.0, 50.0, 3e-6]), column, x, 0)
    assert result["errors"][-1] == pytest.approx(0.03)
    assert result["worst"] == "b"
    _clamping._compare(result, "c", np.array([1.0, 51.0, 0.0]), column, x, 0)
    assert result["worst"] == "b"
    _clamping._compare(result, "d", "moving", column, x, 0)
    # 1 per cent of the first variable is then 400 per cent of the second.
    _clamping._compare(result, "e", "moving", np.array([1.0, 4.0e4, 0.0]), x, 0)
    _clamping._compare(result, "f", "moving", np.array([1.0, 2.0e4, 0.0]), x, 0)
    assert result["odd"] == [("d", "moving"), ("e", "steep"), ("f", "moving")]


@pytest.mark.parametrize("size", [2.0, -2.0])
def test_quotients_are_exact_for_cubic_rates(size):
    def rates(x):
        return np.array([0.0, x[1] ** 3 - 4 * x[1] ** 2 + x[0]])

    quotients = _engine_differences._one_sided(rates, np.array([1.0, 3.0]), 1, 1, size)
    # 3 · 3² − 8 · 3; the smaller the step, the more rounding.
    np.testing.assert_allclose(quotients, 3.0, rtol=1e-6)
    assert abs(quotients[0] - 3.0) < 1e-10


def with_skperturb(tmp_path, k=0):
    path = tmp_path / "model.xml"
    path.write_text(load_textbook_models().data[k])
    return str(path), _engine_peers.run_skperturb(str(path))


@pytest.mark.parametrize(("where", "key"), [("initial", "jacobian"), ("steady", "jacobian_at_rest")])
@pytest.mark.usefixtures("roadrunner")
def test_the_wrong_one_of_two_jacobians_is_named(tmp_path, where, key):
    path, ours = with_skperturb(tmp_path)
    right = ours[key]
    wrong = right.copy()
    wrong[0, 1] *= 1.1
    (entry,) = _engine_differences.explain((path, "roadrunner", ours, wrong, where))
    assert (entry["row"], entry["column"], entry["reason"]) == (*ours["names"], "step")
    assert entry["left"] == pytest.approx(right[0, 1], rel=1e-6)
    assert entry["right"] == pytest.approx(right[0, 1], rel=1e-6)
    assert (entry["ours"], entry["theirs"]) == (right[0, 1], wrong[0, 1])
    (entry,) = _engine_differences.explain((path, "roadrunner", ours | {key: wrong}, right, where))
    assert entry["reason"] == "theirs"
    assert _engine_differences.explain((path, "roadrunner", ours, right, where)) == []


SIZED = """
model sized()
  compartment big = 4
  compartment small = 0.5
  species A in big = 3
  species $S in big = 2
  substanceOnly species B in small = 0.2
  -> A; big * 0.7 * S
  A -> 2 B; 0.3 * A * big
  B -> ; 0.9 * B
end
"""
WITH_RULE = SIZED.replace("end", "  k = 1\n  k' = 0.2 - 0.1 * k * A\nend")


def run_peer(tool, tmp_path, text):
    pytest.importorskip(engine._MODULES[tool], exc_type=ImportError)
    pytest.importorskip("antimony")
    from skperturb.sbml import antimony_to_sbml

    path = tmp_path / "model.xml"
    path.write_text(antimony_to_sbml(text))
    ours = _engine_peers.run_skperturb(str(path))
    runs = {"copasi": _engine_peers.run_copasi, "roadrunner": _engine_peers.run_roadrunner}
    return str(path), ours, runs[tool]((str(path), ours))


@pytest.mark.parametrize("tool", ["copasi", "roadrunner"])
def test_peers_answer_in_our_units(tmp_path, tool):
    """A concentration, an amount and two sizes: Jacobians and states are ours."""
    path, ours, theirs = run_peer(tool, tmp_path, SIZED)
    assert ours["names"] == ["A", "B"]
    at_ours = theirs["at_ours"]
    assert at_ours["initial"] == pytest.approx(ours["initial"])
    np.testing.assert_allclose(at_ours["jacobian"], [[-0.3, 0.0], [2.4, -0.9]], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(ours["jacobian"], [[-0.3, 0.0], [2.4, -0.9]], rtol=1e-12)
    # .7 · 2 = .3 A; what leaves A, four litres of it, enters B twice.
    state = {"A": 1.4 / 0.3, "B": 2.4 * 1.4 / 0.3 / 0.9}
    assert ours["steady"] == pytest.approx(state, rel=1e-9)
    assert theirs["steady"] == pytest.approx(state, rel=1e-5)
    for row in (ours, theirs):
        assert 0.0 < row["t_jacobian"] < 60.0
        assert 0.0 < row["t_steady"] < 120.0
    assert 0.0 < ours["t_load"] <= ours["t_jacobian"]
    judged = _engine_peers.judge((path, {tool: theirs["steady"], "half": state | {"B": state["B"] / 2}}))
    assert judged[tool] < 1e-5
    # Half of B's loss is missing, of 2.4 A + .9 B / 2.
    assert judged["half"] == pytest.approx(0.5 / 1.5, rel=1e-6)


def test_copasi_has_the_rates_of_quantities_under_rules(tmp_path):
    path, ours, theirs = run_peer("copasi", tmp_path, WITH_RULE)
    assert ours["names"] == ["A", "B", "k"]
    jacobian = [[-0.3, 0.0, 0.0], [2.4, -0.9, 0.0], [-0.1, 0.0, -0.3]]
    np.testing.assert_allclose(theirs["at_ours"]["jacobian"], jacobian, rtol=1e-5, atol=1e-8)
    by_hand = [0.7 * 2 - 0.3 * 3, 2.4 * 3 - 0.9 * 0.2, 0.2 - 0.1 * 3]
    np.testing.assert_allclose(theirs["at_ours"]["jacobian_rhs"], by_hand, rtol=1e-9)
    np.testing.assert_allclose(_engine_peers.copasi_rates_at(path, ours, 0.0)(np.array([3.0, 0.2, 1.0])), by_hand)
    assert _engine_peers.residual_of_ours(ours, theirs["at_ours"]["rest_rhs"]) < 1e-9


def test_variables_that_a_peer_lacks_are_named(tmp_path):
    _, _, theirs = run_peer("roadrunner", tmp_path, WITH_RULE)
    assert theirs["at_ours"]["names"] == "other variables: k"


def test_differences_of_states_by_hand():
    assert engine._largest_difference({"a": 2.0, "b": 5.0}, {"a": 1.0, "b": 4.0, "c": 9.0}) == 1.0
    # Against the size of a value, or 1e-9 of the largest.
    assert engine._largest_difference({"a": 1e-12, "b": 1.0}, {"a": 0.0, "b": 1.0}) == pytest.approx(1e-3)
    ours = {"names": ["a", "b"], "steady": {"a": 1.0, "b": 1e-3}}
    for state, same in (
        ({"a": 1.0005, "b": 1e-3}, True),
        ({"a": 1.002, "b": 1e-3}, False),
        ({"a": 1.0, "b": 1.0005e-3}, True),
        ({"a": 1.0, "b": 1.002e-3}, False),
        ({"a": 1.0}, False),
    ):
        assert engine._same_state(ours, {"steady": state}) is same
    assert engine._same_state(ours, {"steady": None}) is None


def test_difference_of_jacobians_in_units_of_the_state():
    mine, theirs = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[1.0, 2.1], [3.0, 0.0]])
    # Terms of the first row are 10 and 2; where ours has none, theirs counts.
    assert engine._jacobian_difference(mine, mine + [[0.0, 0.1], [0.0, 0.0]], np.array([10.0, 1.0])) == pytest.approx(
        0.01
    )
    assert engine._jacobian_difference(mine, theirs, np.array([10.0, 1.0])) == pytest.approx(1.0)
    # A variable at zero is measured as a millionth of the largest.
    assert engine._jacobian_difference(mine, mine + [[0.0, 0.1], [0.0, 0.0]], np.array([10.0, 0.0])) == pytest.approx(
        1e-7
    )
    assert engine._jacobian_difference(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0)) == 0.0


def test_report_has_medians_percentiles_and_ratios():
    def row(k, ours, theirs):
        timed = {"finite": True, "steady": True, "residual": 1e-9, "reached": True}
        return {
            "path": f"m{k}.xml",
            "skperturb": timed | {"t_jacobian": ours, "t_steady": 10 * ours},
            "roadrunner": timed | {"t_jacobian": theirs, "t_steady": None if k == 2 else theirs, "residual": 1.0},
        }

    text = engine.report([row(0, 0.001, 0.004), row(1, 0.003, 0.006), row(2, 0.002, 0.008)])
    lines = [" ".join(line.split()) for line in text.splitlines()]
    first = lines.index("file to Jacobian, median ms (3 models) 2.000 6.000")
    assert lines[first + 1] == "90th percentile, ms 2.800 7.600"
    assert lines[first + 2] == "ours / theirs 1.000 0.333"
    # Of the third there is no time of the peer.
    assert lines[first + 3] == "file to steady state to Jacobian, median ms (2 models) 20.000 5.000"
    assert lines[first + 5] == "ours / theirs 1.000 4.000"
    assert any(line.startswith("its residual under another engine") and line.endswith("3 0") for line in lines)


def test_report_of_brute_force():
    found = {
        "n": 3, "errors": [1e-8, 2e-3], "worst": "b", "flagged": 2, "flagged_away": 1, "undefined": 1,
        "undefined_moving": 1, "odd": [("c", "steep")],
    }  # fmt: skip
    text = engine.report_clamps([("m.xml", found), ("n.xml", {"skipped": "timeout: 3 s"})])
    (line,) = [" ".join(line.split()) for line in text.splitlines() if line.startswith("m ")]
    assert line == "m 3 2 1.0e-03 2.0e-03 b 1/2 1/1 c steep"
    assert text.endswith("2 columns of 1 models: median 1.0e-03, 1 within 0.001; skipped: {'timeout': 1}")


@pytest.mark.parametrize("size", [1e-6, 1e6])
@pytest.mark.usefixtures("roadrunner")
def test_steps_of_the_quotients_are_as_large_as_the_variable(tmp_path, size):
    """A' = v - k A², where A is far from one in its unit."""
    pytest.importorskip("antimony")
    from skperturb.sbml import antimony_to_sbml

    path = tmp_path / "model.xml"
    path.write_text(antimony_to_sbml(f"model m(); A = {size / 2}; -> A; {size}; A -> ; {1 / size} * A * A; end"))
    ours = _engine_peers.run_skperturb(str(path))
    assert ours["steady"]["A"] == pytest.approx(size)
    for where, key, slope in (("initial", "jacobian", -1.0), ("steady", "jacobian_at_rest", -2.0)):
        np.testing.assert_allclose(ours[key], [[slope]], rtol=1e-6)
        (entry,) = _engine_differences.explain((str(path), "roadrunner", ours, 1.1 * ours[key], where))
        assert entry["reason"] == "step"
        assert [entry["left"], entry["right"]] == pytest.approx([slope, slope], rel=1e-4)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_states_are_compared_in_any_unit(unit):
    ours = {"names": ["a", "b"], "steady": {"a": unit, "b": 0.0}}
    # What is zero is measured as a millionth of the largest.
    for b, same in ((0.9e-9, True), (1.1e-9, False), (-1.1e-9, False)):
        assert engine._same_state(ours, {"steady": {"a": unit, "b": b * unit}}) is same
    before, after = {"a": 0.0, "b": unit}, {"a": 1e-12 * unit, "b": unit}
    assert engine._largest_difference(after, before) == pytest.approx(1e-3)
    x, x0 = unit * np.array([1.0, 0.0]), unit * np.array([5.0, 2e4])
    jacobian = np.array([[-2.0, 0.0], [0.0, -4.0]])
    # The second variable is as large as 1e-9 of what the state started from: 2e-5, times four.
    assert scaled_residual(unit * np.array([0.0, 8e-11]), jacobian, x, x0) == pytest.approx(1e-6)
    assert scaled_residual(unit * np.array([4e-6, 0.0]), jacobian, x, x0) == pytest.approx(2e-6)


class Scaled:
    """Another model in other units of amount and of time."""

    def __init__(self, model, unit, speed):
        self.model, self.unit, self.speed, self.x = model, unit, speed, unit * np.asarray(model.x)

    def rhs(self, t, x):
        return self.unit * self.speed * self.model.rhs(t * self.speed, x / self.unit)

    def jacobian(self, t, x):
        return self.speed * self.model.jacobian(t * self.speed, x / self.unit)


@pytest.mark.parametrize(("unit", "speed"), [(1e-6, 1.0), (1e6, 1.0), (1.0, 1e-6), (1.0, 1e6)])
def test_columns_by_brute_force_are_the_same_in_any_unit(unit, speed):
    matrix = [[-2.0, 0.5, 0.0], [1.0, -3.0, 0.4], [0.3, 0.0, -0.2]]
    model = LinearModel(matrix, [2.0, 300.0, 0.5])
    expected = _clamping.check_column(model, 0.0, model.x, 0)
    scaled = Scaled(model, unit, speed)
    np.testing.assert_allclose(_clamping.check_column(scaled, 0.0, scaled.x, 0), expected, rtol=1e-5, atol=1e-7)
    away = Scaled(Bistable(), unit, speed)
    assert _clamping.check_column(away, 0.0, away.x, 0) == "elsewhere"


@pytest.mark.parametrize(("block", "sizes"), [(2, [2, 2, 1]), (5, [5]), (7, [5])])
def test_files_are_run_in_blocks(monkeypatch, block, sizes):
    asked, seen = [], []

    def run(paths, peer_tools, timeout, verbose):
        asked.append(paths)
        return [{"path": path} for path in paths]

    monkeypatch.setattr(engine, "_MODULES", {})
    monkeypatch.setattr(engine, "_run_block", run)
    rows = engine.benchmark_engine(list("abcde"), block=block, after_block=lambda rows: seen.append(len(rows)))
    assert [len(paths) for paths in asked] == sizes
    assert [row["path"] for row in rows] == list("abcde")
    assert seen == np.cumsum(sizes).tolist()


def test_a_peer_that_cannot_be_imported_is_left_out(monkeypatch, tmp_path):
    (tmp_path / "halfway.py").write_text("raise ImportError('libpython.so: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(engine, "_MODULES", {"copasi": "halfway", "roadrunner": "no_such_package"})
    with pytest.warns(UserWarning, match=r"copasi is installed but can't be imported, .* libpython\.so: cannot open"):
        (row,) = engine.benchmark_engine([tmp_path / "missing.xml"])
    assert "skperturb" in row
    assert not row.keys() & {"copasi", "roadrunner"}
