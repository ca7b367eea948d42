"""Sensitivities along time courses: closed forms, differences, conserved totals, events and jumps, what is refused."""

import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import UndefinedSensitivityError, UnsupportedModelError
from skperturb.sbml import KineticModel, antimony_to_sbml, parameter_sensitivity, time_course_sensitivity


def model_of(text):
    return KineticModel.from_sbml(antimony_to_sbml(text))


def differences(model, times, name, step=2e-3):
    """Return fourth-order central differences of the trajectories, at tight tolerance."""
    initial = name in model.variables
    value = model.x0[model.variables.index(name)] if initial else model.parameters[name]
    step = step * (abs(value) or 1.0)

    def states(shift):
        changed = {name: value + shift}
        other = model.with_initial(changed) if initial else model.with_parameters(changed)
        return other.simulate(times, rtol=1e-12)[list(model.variables)].to_numpy()

    def central(h):
        return (states(h) - states(-h)) / (2.0 * h)

    return (4.0 * central(step / 2.0) - central(step)) / 3.0


def assert_agrees_with_differences(model, times, names, *, rtol=1e-6, step=2e-3):
    initial = [name for name in names if name in model.variables]
    parameters = [name for name in names if name not in initial]
    table = time_course_sensitivity(model, times, parameters=parameters, initial=initial)
    # Where nothing responds, differences show the tolerance of the trajectories.
    least = rtol * np.abs(table.to_numpy()).max()
    for name in names:
        found = np.column_stack([table[variable, name] for variable in model.variables])
        assert found == pytest.approx(differences(model, times, name, step), rel=rtol, abs=least)


@pytest.fixture
def decay():
    return model_of("model decay; A = 3; B = 0; a: A -> B; k*A; b: B -> ; q*B; k = 2; q = 1; total := A + B; end")


# -- closed forms -------------------------------------------------------------------------------------
def test_two_steps_of_decay(decay):
    t = np.linspace(0.0, 4.0, 9)
    table = time_course_sensitivity(decay, t)
    k, q, start = 2.0, 1.0, 3.0
    assert table["A", "k"].to_numpy() == pytest.approx(-t * start * np.exp(-k * t), abs=1e-8)
    assert table["A", "A"].to_numpy() == pytest.approx(np.exp(-k * t), abs=1e-8)
    assert table["B", "A"].to_numpy() == pytest.approx(k / (q - k) * (np.exp(-k * t) - np.exp(-q * t)), abs=1e-8)
    assert table["B", "B"].to_numpy() == pytest.approx(np.exp(-q * t), abs=1e-8)
    # What does not act, does exactly nothing.
    assert (table["A"][["q", "B"]] == 0.0).all().all()
    assert table.index.tolist() == t.tolist()
    assert table["A"].columns.tolist() == [*decay.parameters.index, "A", "B"]


def test_scaled_and_long_tables_hold_the_same_numbers(decay):
    t = [0.0, 0.5, 2.0]
    options = {"parameters": ["k"], "initial": ["A"], "outputs": ["A", "total", "b"]}
    plain = time_course_sensitivity(decay, t, **options)
    scaled = time_course_sensitivity(decay, t, scaled=True, **options)
    values = decay.simulate(t, rtol=1e-10)
    for output in options["outputs"][:2]:
        assert scaled[output, "k"].to_numpy() == pytest.approx(plain[output, "k"] * 2.0 / values[output], abs=1e-7)
        assert scaled[output, "A"].to_numpy() == pytest.approx([1.0] * 3, rel=1e-7)
    both = time_course_sensitivity(decay, t, parameters=["k"], initial=["A"])
    assert plain["total"].to_numpy() == pytest.approx((both["A"] + both["B"]).to_numpy(), abs=1e-9)
    # The rate of b is q B, so at the start it is zero and stays so under any k.
    assert scaled["b", "k"].iloc[0] == 0.0
    long = time_course_sensitivity(decay, t, form="long", **options)
    assert long.columns.tolist() == ["time", "output", "with respect to", "kind", "sensitivity"]
    assert long["kind"].unique().tolist() == ["parameter", "initial"]
    pivoted = long.pivot(index="time", columns=["output", "with respect to"], values="sensitivity")
    pd.testing.assert_frame_equal(pivoted[plain.columns], plain)


def test_totals_are_kept_and_moved_by_initial_values_alone():
    model = model_of(
        """model cycle
        species A, B; A = total - B; B = 0.5; total = 4;
        up: A -> B; k1*A; down: B -> A; k2*B; k1 = 3; k2 = 1;
        end"""
    )
    table = time_course_sensitivity(model, np.linspace(0.0, 5.0, 6))
    total = table["A"] + table["B"]
    assert total[["k1", "k2"]].abs().to_numpy().max() < 1e-9
    assert total["total"].to_numpy() == pytest.approx(np.ones(6), rel=1e-9)
    assert total["A"].to_numpy() == pytest.approx(np.ones(6), rel=1e-9)  # with_initial({"A": ...}) leaves B alone
    assert total["B"].to_numpy() == pytest.approx(np.zeros(6), abs=1e-9)  # where A follows B
    late = time_course_sensitivity(model, [60.0], initial=[])
    rest = parameter_sensitivity(model)
    for name in ("k1", "k2", "total"):
        assert [late["A", name].iloc[0], late["B", name].iloc[0]] == pytest.approx(rest[name].to_numpy(), rel=1e-6)


@pytest.mark.parametrize("index", range(len(load_textbook_models().data)))
def test_textbook_models_agree_with_differences(index):
    model = KineticModel.from_sbml(load_textbook_models().data[index])
    name = next(name for name in model.parameters.index if name != "cell" and model.parameters[name] > 0.0)
    start = [name for name, value in zip(model.variables, model.x0, strict=True) if value > 0.0][:1]
    # Parameters of traces change the state by less than the trajectories of the differences resolve.
    assert_agrees_with_differences(model, [1.0, 4.0], [name, *start], rtol=2e-5)


# -- events -------------------------------------------------------------------------------------------
def test_a_dose_at_a_time():
    model = model_of(
        """model injection
        A = 1; loss: A -> ; k*A; k = 0.5; dose = 2; begin = 3;
        E: at time >= begin: A = A + dose;
        end"""
    )
    t = np.array([1.0, 2.9, 3.5, 6.0])
    table = time_course_sensitivity(model, t)["A"]
    after = t > 3.0
    expected = np.where(after, np.exp(-0.5 * (t - 3.0)), 0.0)
    assert table["dose"].to_numpy() == pytest.approx(expected, abs=1e-8)
    assert table["begin"].to_numpy() == pytest.approx(2.0 * 0.5 * expected, abs=1e-8)
    slope = -t * np.exp(-0.5 * t) - np.where(after, (t - 3.0) * 2.0 * np.exp(-0.5 * (t - 3.0)), 0.0)
    assert table["k"].to_numpy() == pytest.approx(slope, abs=1e-7)


def test_a_bouncing_ball():
    # height h - g t**2 / 2 until sqrt(2 h / g), then up again with e times the speed.
    model = model_of(
        """model ball
        h = 2; v = 0; h' = v; v' = -g; g = 9.81; e = 0.8;
        bounce: at h < 0: v = -e*v, h = 0;
        end"""
    )
    g, e, start, t = 9.81, 0.8, 2.0, 1.0
    fall = np.sqrt(2.0 * start / g)

    def height(start, g, e):
        fall = np.sqrt(2.0 * start / g)
        return e * g * fall * (t - fall) - 0.5 * g * (t - fall) ** 2

    assert fall < t < (1.0 + 2.0 * e) * fall
    table = time_course_sensitivity(model, [t])
    complex_step = 1e-30j
    assert table["h", "h"].iloc[0] == pytest.approx(height(start + complex_step, g, e).imag / 1e-30, rel=1e-7)
    assert table["h", "g"].iloc[0] == pytest.approx(height(start, g + complex_step, e).imag / 1e-30, rel=1e-7)
    assert table["h", "e"].iloc[0] == pytest.approx(height(start, g, e + complex_step).imag / 1e-30, rel=1e-7)


EVENTFUL = {
    "delayed": """model m; A = 1; B = 0.2; a: A -> B; k*A; b: B -> ; q*B; k = 1; q = 0.6; lag = 0.3; top = 0.45;
        E: at lag*(1 + A) after B > top: A = A + B*q; end""",
    "values of the trigger": """model m; A = 1; B = 0.2; a: A -> B; k*A; b: B -> ; q*B; k = 1; q = 0.6; top = 0.45;
        E: at 0.4*q after B > top, fromTrigger = true: A = 2*B + time; end""",
    "values of the execution": """model m; A = 1; B = 0.2; a: A -> B; k*A; b: B -> ; q*B; k = 1; q = 0.6; top = 0.45;
        E: at 0.4*q after B > top, fromTrigger = false: A = 2*B + time; end""",
    "a parameter that is set": """model m; A = 1; make: -> A; p; loss: A -> ; k*A; p = 3; k = 1; s = 0.2; top = 2;
        E: at A > top: p = s*A*k; end""",
    "a cascade": """model m; A = 1; B = 0.1; make: -> A; p; loss: A -> ; k*A; r: -> B; A; p = 3; k = 1; top = 2;
        q = 0.5; E: at A > top: A = q*A, B = B + 1; F: at B > 1.5 after 0: B = B*k; end""",
    "a compartment": """model m; compartment c = 2; species A in c; A = 1.5; make: -> A; p*c; loss: A -> ; k*A*c; p = 3;
        k = 1; top = 2; f = 1.5; E: at A > top: c = c*f; end""",
    "a jump": """model m; A = 1; make: -> A; piecewise(p, A < top, s); loss: A -> ; k*A; p = 3; s = 0.2; k = 0.09;
        top = 2; end""",
    "a pulse": """model m; A = 1; make: -> A; piecewise(p, time < stop, 0); loss: A -> ; k*A; p = 3; k = 1; stop = 0.8;
        end""",
    "integer steps": """model m; A = 1; make: -> A; p*(1 + floor(time/period)); loss: A -> ; k*A; p = 1; k = 1;
        period = 0.7; end""",
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTFUL)
def test_events_and_jumps_agree_with_differences(name):
    model = model_of(EVENTFUL[name])
    times = np.linspace(0.05, 2.5, 5)
    if name == "a parameter that is set":
        times = times[:2]
    names = [*(p for p in model.parameters.index if p != "default_compartment"), *model.variables]
    # The step keeps every event on its side of the output times.
    assert_agrees_with_differences(model, times, names, rtol=2e-6, step=1e-3)


def test_an_output_at_an_event_shows_what_comes_after():
    model = model_of("model m; A = 1; k = 2; loss: A -> ; 0*A; E: at time >= 1: A = k*A; end")
    table = time_course_sensitivity(model, [0.5, 1.0, 2.0])["A"]
    assert table["k"].tolist() == pytest.approx([0.0, 1.0, 1.0])
    assert table["A"].tolist() == pytest.approx([1.0, 2.0, 2.0])


# -- what does not exist, and what is refused ---------------------------------------------------------
def test_coincidences_are_named():
    model = model_of(
        """model m; A = 0; B = 0; a: -> A; p; b: -> B; q; p = 1; q = 1;
        E: at A > 1: A = 0; F: at B > 1: B = 2*A; end"""
    )
    with pytest.raises(UndefinedSensitivityError, match=r"'p' does not exist from some time on: .*by chance"):
        time_course_sensitivity(model, [2.0])
    table = time_course_sensitivity(model, [0.5, 2.0], undefined="nan")
    assert np.isfinite(table.loc[0.5]).all()
    assert table["A"].loc[2.0, ["p", "q"]].isna().all()


def test_models_and_ids_that_cannot_be_taken(decay):
    with pytest.raises(ValueError, match=r"parameters\[0\]: 'kk' is not a parameter .*did you mean 'k'"):
        time_course_sensitivity(decay, [1.0], parameters=["kk"])
    with pytest.raises(ValueError, match=r"initial\[0\]: 'total' is determined by a rule"):
        time_course_sensitivity(decay, [1.0], initial=["total"])
    with pytest.raises(ValueError, match=r"outputs\[1\]: 'C' is no symbol or reaction"):
        time_course_sensitivity(decay, [1.0], outputs=["A", "C"])
    with pytest.raises(TypeError, match="Wrap it in a list"):
        time_course_sensitivity(decay, [1.0], parameters="k")
    with pytest.raises(ValueError, match="form='tall' is unknown"):
        time_course_sensitivity(decay, [1.0], form="tall")
    with pytest.raises(ValueError, match="random_state=-1"):
        time_course_sensitivity(decay, [1.0], random_state=-1)
    delayed = model_of("model m; A = 1; a: A -> ; k*delay(A, 1); k = 0.1; end")
    with pytest.raises(UnsupportedModelError, match="delays"):
        time_course_sensitivity(delayed, [1.0])
