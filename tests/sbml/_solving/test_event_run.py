"""Events: each rule of the specification on a case small enough to be worked out by hand."""

import re

import libsbml
import numpy as np
import pandas as pd
import pytest

from skperturb.exceptions import NoSteadyStateError, UnsupportedModelError
from skperturb.sbml import JacobianExtractor, KineticModel, screen_models
from skperturb.sbml._solving import after_events
from skperturb.sbml._solving.simulate import IntegrationError


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def event(name, trigger, assignments, *, delay=None, priority=None, initial=True, persistent=True, at_trigger=True):
    def wrapped(tag, formula):
        return f"<{tag}>{math_of(formula)}</{tag}>" if formula else ""

    listed = "".join(
        f'<eventAssignment variable="{target}">{math_of(formula)}</eventAssignment>'
        for target, formula in assignments.items()
    )
    return (
        f'<event id="{name}" useValuesFromTriggerTime="{str(at_trigger).lower()}">'
        f'<trigger initialValue="{str(initial).lower()}" persistent="{str(persistent).lower()}">{math_of(trigger)}'
        f"</trigger>{wrapped('priority', priority)}{wrapped('delay', delay)}"
        f"<listOfEventAssignments>{listed}</listOfEventAssignments></event>"
    )


def model(*events, values=None, rates=None, rules=None, extra="", compartment=False):
    """A model of parameters `values` under rate rules `rates` and assignment rules `rules`, with events."""
    rates, rules = rates or {}, rules or {}
    parameters = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in (values or {}).items())
    listed = "".join(f'<rateRule variable="{k}">{math_of(v)}</rateRule>' for k, v in rates.items())
    listed += "".join(f'<assignmentRule variable="{k}">{math_of(v)}</assignmentRule>' for k, v in rules.items())
    return KineticModel.from_sbml(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        '<listOfCompartments><compartment id="c" size="2" spatialDimensions="3"'
        f' constant="{str(not compartment).lower()}"'
        f"/></listOfCompartments>{extra}<listOfParameters>{parameters}</listOfParameters>"
        f"<listOfRules>{listed}</listOfRules><listOfEvents>{''.join(events)}</listOfEvents></model></sbml>"
    )


CLOCK = {"x": "1"}


def final(made, name, times=(0.0, 10.0)):
    return made.simulate(times)[name].iloc[-1]


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_a_threshold_is_located_exactly(method):
    made = model(event("reset", "x <= 0.5", {"x": "1", "n": "n + 1"}), values={"x": 1, "n": 0}, rates={"x": "-x"})
    times = np.array([0.0, 0.5, 1.0, 2.0, 5.0])
    frame = made.simulate(times, method=method)
    np.testing.assert_allclose(frame["x"], np.exp(-(times % np.log(2))), rtol=1e-6)
    np.testing.assert_array_equal(frame["n"], times // np.log(2))


@pytest.mark.parametrize(
    ("trigger", "at_5"), [("time >= 5", 1.0), ("time > 5", 0.0), ("x >= 5", None), ("5 <= time", 1.0)]
)
def test_output_at_the_time_of_an_event_shows_the_state_after_it(trigger, at_5):
    frame = model(event("e", trigger, {"n": "1"}), values={"x": 0, "n": 0}, rates=CLOCK).simulate([4.999, 5.0, 5.001])
    assert frame["n"].iloc[0] == 0.0
    assert frame["n"].iloc[2] == 1.0
    assert at_5 is None or frame["n"].iloc[1] == at_5


@pytest.mark.parametrize(
    ("trigger", "at_the_sum"), [("time >= 3", 1.0), ("time > 3", 0.0), ("time >= 5", 1.0), ("time > 5", 0.0)]
)
def test_delay_counts_from_the_moment_after_a_strict_trigger(trigger, at_the_sum):
    start = float(trigger.split()[-1])
    made = model(event("e", trigger, {"n": "1"}, delay="3"), values={"x": 0, "n": 0}, rates=CLOCK)
    frame = made.simulate([start, start + 2.999, start + 3.0, start + 3.001])
    assert list(frame["n"]) == [0.0, 0.0, at_the_sum, 1.0]


@pytest.mark.parametrize(("initial", "fires"), [(True, 0.0), (False, 1.0)])
def test_initial_value_of_the_trigger_decides_at_time_zero(initial, fires):
    made = model(event("e", "x >= 0", {"n": "n + 1"}, initial=initial), values={"x": 0, "n": 0}, rates=CLOCK)
    frame = made.simulate([0.0, 1.0])
    assert list(frame["n"]) == [fires, fires]


def test_a_trigger_must_turn_true_again_to_fire_again():
    made = model(event("e", "sin(x) > 0.5", {"n": "n + 1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    assert final(made, "n", np.linspace(0, 20, 5)) == 4.0  # pi/6 + 2 pi k below 20: 0.52, 6.81, 13.09, 19.37


def test_equality_fires_though_no_floating_point_time_meets_it():
    made = model(event("e", "x == 1 / 3", {"n": "n + 1"}), values={"x": 0, "n": 0}, rates={"x": "0.7"})
    assert final(made, "n") == 1.0


@pytest.mark.parametrize(("at_trigger", "expected"), [(True, 2.0), (False, 4.0)])
def test_delayed_assignment_uses_values_of_the_trigger_or_of_the_execution(at_trigger, expected):
    made = model(
        event("e", "x >= 2", {"n": "x"}, delay="2", at_trigger=at_trigger), values={"x": 0, "n": 0}, rates=CLOCK
    )
    frame = made.simulate([3.9, 4.1, 9.0])
    assert list(frame["n"]) == pytest.approx([0.0, expected, expected])


def test_the_delay_is_a_formula_of_the_time_of_firing():
    made = model(event("e", "x >= 1", {"n": "1"}, delay="2 * x"), values={"x": 0, "n": 0}, rates=CLOCK)
    assert list(made.simulate([2.9, 3.1])["n"]) == [0.0, 1.0]


def test_an_event_fires_again_while_it_waits():
    made = model(
        event("e", "sin(x) > 0.5", {"n": "n + 1"}, delay="8", at_trigger=False), values={"x": 0, "n": 0}, rates=CLOCK
    )
    assert list(made.simulate([8.4, 8.6, 14.7, 14.9])["n"]) == [0.0, 1.0, 1.0, 2.0]


@pytest.mark.parametrize(("persistent", "executed"), [(True, 1.0), (False, 0.0)])
def test_a_trigger_that_turns_false_calls_a_waiting_event_off(persistent, executed):
    made = model(
        event("e", "x >= 1 && x < 2", {"n": "1"}, delay="3", persistent=persistent),
        values={"x": 0, "n": 0},
        rates=CLOCK,
    )
    assert final(made, "n") == executed


def test_persistent_trigger_of_an_event_that_stays_true_is_executed():
    made = model(event("e", "x >= 1", {"n": "1"}, delay="3", persistent=False), values={"x": 0, "n": 0}, rates=CLOCK)
    assert final(made, "n") == 1.0


def test_simultaneous_events_go_by_priority():
    first = event("low", "x >= 1", {"n": "10 * n + 1"}, priority="1", at_trigger=False)
    second = event("high", "x >= 1", {"n": "10 * n + 2"}, priority="2", at_trigger=False)
    none = event("none", "x >= 1", {"n": "10 * n + 3"}, at_trigger=False)
    assert final(model(none, first, second, values={"x": 0, "n": 0}, rates=CLOCK), "n") == 213.0


def test_chance_decides_between_equal_priorities():
    often = {"persistent": False, "at_trigger": False, "priority": "5"}
    first = event("a", "armed > 0.5 && x > 0", {"armed": "0", "m": "m + 1"}, **often)
    second = event("b", "armed > 0.5 && x > 0", {"armed": "0", "n": "n + 1"}, **often)
    arm = event("arm", "sin(20 * x) > 0", {"armed": "1"})
    made = model(first, second, arm, values={"x": 0, "n": 0, "m": 0, "armed": 0}, rates=CLOCK)
    counts = [tuple(made.simulate([20.0], random_state=seed)[["m", "n"]].iloc[0]) for seed in (0, 0, 1)]
    assert counts[0] == counts[1] != counts[2]
    assert all(m + n == 64 and min(m, n) > 15 for m, n in counts)


def test_priorities_are_evaluated_again_after_each_execution():
    first = event("a", "x >= 1", {"n": "10 * n + 1", "p": "0"}, priority="3", at_trigger=False)
    second = event("b", "x >= 1", {"n": "10 * n + 2"}, priority="p", at_trigger=False)
    third = event("c", "x >= 1", {"n": "10 * n + 3"}, priority="1", at_trigger=False)
    assert final(model(first, second, third, values={"x": 0, "n": 0, "p": 2}, rates=CLOCK), "n") == 132.0


def test_values_from_the_trigger_time_are_those_before_any_simultaneous_event():
    first = event("a", "x >= 1", {"n": "n + 1"}, priority="2")
    second = event("b", "x >= 1", {"m": "n"}, priority="1")
    assert final(model(first, second, values={"x": 0, "n": 5, "m": 0}, rates=CLOCK), "m") == 5.0


def test_assignments_of_one_event_are_simultaneous():
    made = model(event("swap", "x >= 1", {"n": "m", "m": "n"}), values={"x": 0, "n": 1, "m": 2}, rates=CLOCK)
    frame = made.simulate([2.0])
    assert (frame["n"].iloc[0], frame["m"].iloc[0]) == (2.0, 1.0)


def test_an_event_triggers_another_at_the_same_time():
    first = event("a", "x >= 1", {"n": "1"})
    second = event("b", "n >= 1", {"m": "n + x"})
    assert final(model(first, second, values={"x": 0, "n": 0, "m": 0}, rates=CLOCK), "m") == pytest.approx(2.0)


def test_an_execution_calls_off_a_simultaneous_event_that_is_not_persistent():
    first = event("a", "x >= 1", {"armed": "0"}, priority="2")
    second = event("b", "x >= 1 && armed > 0", {"n": "1"}, priority="1", persistent=False)
    assert final(model(first, second, values={"x": 0, "n": 0, "armed": 1}, rates=CLOCK), "n") == 0.0
    second = event("b", "x >= 1 && armed > 0", {"n": "1"}, priority="1")
    assert final(model(first, second, values={"x": 0, "n": 0, "armed": 1}, rates=CLOCK), "n") == 1.0


def test_execution_times_that_differ_by_rounding_are_one_time():
    first = event("a", "time >= 0.1", {"n": "10 * n + 1"}, delay="0.2", priority="1", at_trigger=False)
    second = event("b", "time >= 0.3", {"n": "10 * n + 2"}, priority="2", at_trigger=False)
    assert final(model(first, second, values={"x": 0, "n": 0}, rates=CLOCK), "n") == 21.0


def test_a_clock_that_is_late_by_rounding_is_in_time_for_an_output():
    reset = event("e", "x >= 1.25", {"x": "0", "n": "n + 1"})
    times = np.arange(0.0, 20.1, 0.5)
    values = model(reset, values={"x": 0, "n": 0}, rates=CLOCK).simulate(times)["n"]
    np.testing.assert_array_equal(values, times // 1.25)


@pytest.mark.parametrize(("trigger", "expected"), [("time >= 0.1", 1.0), ("time > 0.1", 0.0)])
def test_execution_after_an_open_interval_is_later_than_an_output_at_its_end(trigger, expected):
    # 0.1 + 0.2 > 0.3 in floating-point numbers
    made = model(event("e", trigger, {"n": "1"}, delay="0.2"), values={"x": 0, "n": 0}, rates=CLOCK)
    assert list(made.simulate([0.3, 0.31])["n"]) == [expected, 1.0]


def test_events_without_differential_equations():
    made = model(event("e", "time >= 3", {"n": "7"}), values={"n": 1}, rules={})
    assert list(made.simulate([0.0, 2.9, 3.0, 4.0])["n"]) == [1.0, 1.0, 7.0, 7.0]


def test_assigned_symbols_follow_what_an_event_changes():
    made = model(
        event("e", "time >= 3", {"n": "7"}), values={"n": 1, "y": 0, "x": 0}, rates=CLOCK, rules={"y": "2 * n + x"}
    )
    assert list(made.simulate([0.0, 2.0, 4.0])["y"]) == pytest.approx([2.0, 4.0, 18.0])


def test_events_change_parameters_for_the_equations_but_not_in_the_model():
    made = model(event("e", "time >= 1", {"k": "2"}), values={"x": 0, "k": 1}, rates={"x": "k"})
    assert final(made, "x", [0.0, 3.0]) == pytest.approx(5.0)
    assert made.parameters["k"] == 1.0
    assert final(made, "x", [0.0, 3.0]) == pytest.approx(5.0)


SPECIES = (
    '<listOfSpecies><species id="S" compartment="c" initialConcentration="3" hasOnlySubstanceUnits="false"'
    ' boundaryCondition="false" constant="false"/>'
    '<species id="F" compartment="c" initialConcentration="5" hasOnlySubstanceUnits="false"'
    ' boundaryCondition="true" constant="true"/></listOfSpecies>'
)
DECAY = (
    '<listOfReactions><reaction id="r" reversible="false"><listOfReactants><speciesReference id="s" species="S"'
    ' stoichiometry="1" constant="false"/></listOfReactants><kineticLaw><math'
    ' xmlns="http://www.w3.org/1998/Math/MathML"><cn>0.5</cn></math></kineticLaw></reaction></listOfReactions>'
)


def test_a_compartment_that_grows_dilutes_what_it_holds():
    made = model(event("grow", "time >= 1", {"c": "2 * c"}), extra=SPECIES + DECAY, compartment=True)
    frame = made.simulate([0.5, 1.0, 2.0])
    # amounts: 6 - 0.5 t; concentrations over 2, then over 4
    np.testing.assert_allclose(frame["S"], [5.75 / 2, 5.5 / 4, 5.0 / 4])
    np.testing.assert_allclose(frame["F"], [5.0, 2.5, 2.5])
    np.testing.assert_allclose(frame["c"], [2.0, 4.0, 4.0])


def test_a_concentration_that_is_set_refers_to_the_volume_before_the_event():
    made = model(event("e", "time >= 1", {"c": "4", "S": "10"}), extra=SPECIES + DECAY, compartment=True)
    np.testing.assert_allclose(made.simulate([1.0, 2.0])["S"], [5.0, 19.5 / 4])
    made = model(event("e", "time >= 1", {"S": "10"}), extra=SPECIES + DECAY, compartment=True)
    np.testing.assert_allclose(made.simulate([1.0, 2.0])["S"], [10.0, 19.5 / 2])


@pytest.mark.parametrize(("also", "amount"), [({}, 8.0), ({"S": "10"}, 20.0)])
def test_a_concentration_under_a_rate_rule_is_diluted_when_an_event_changes_the_volume(also, amount):
    # S = 3 + t in a volume of 2, then of 4
    made = model(event("e", "time >= 1", {"c": "4"} | also), extra=SPECIES, rates={"S": "1"}, compartment=True)
    np.testing.assert_allclose(made.simulate([0.5, 1.0, 2.0])["S"], [3.5, amount / 4, amount / 4 + 1])


def test_what_has_no_formula_has_no_effect_since_level_3_version_2():
    def strip(text, tag):
        return re.sub(rf"(<{tag}[^>]*>)\s*<math.*?</math>", r"\1", text, flags=re.DOTALL)

    kept = event("kept", "x >= 1", {"n": "n + 1", "m": "7"}, delay="2", priority="1")
    kept = strip(strip(kept, "delay"), "priority").replace(f'variable="m">{math_of("7")}', 'variable="m">')
    never = strip(event("never", "x >= 1", {"m": "8"}), "trigger")
    none = re.sub("(?s)<trigger.*</trigger>", "", event("none", "x >= 1", {"m": "9"}))
    made = model(kept, never, none, values={"x": 0, "n": 0, "m": 0}, rates=CLOCK)
    assert made.event_ids == ("kept",)
    np.testing.assert_allclose(made.simulate([1.5])[["n", "m"]], [[1.0, 0.0]])
    for what in ("the delay of event 'kept'", "the trigger of event 'never'", "event 'none' has no trigger"):
        assert any(what in text for text in made.warnings)


def test_an_event_changes_a_stoichiometry():
    made = model(event("e", "time >= 1", {"s": "3"}), extra=SPECIES + DECAY)
    np.testing.assert_allclose(made.simulate([1.0, 2.0])["S"], [5.5 / 2, 4.0 / 2])
    assert made.is_rate_rule.all()


# -- what cannot be followed -----------------------------------------------------------------------------
def test_events_that_fire_without_end_are_an_error():
    first, second = event("a", "n > 0", {"n": "-1"}), event("b", "n < 0", {"n": "1"})
    made = model(first, second, event("c", "x >= 1", {"n": "1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    with pytest.raises(IntegrationError, match=r"'[ab]', '[ab]'.* keep firing"):
        made.simulate([2.0])


def test_events_that_fire_faster_and_faster_are_an_error():
    bounce = event("bounce", "x < 0", {"v": "-0.5 * v", "x": "0"})
    made = model(bounce, values={"x": 1, "v": 0}, rates={"x": "v", "v": "-9.81"})
    # falls for 0.45, then bounces for half as long each time
    with pytest.raises(IntegrationError, match=r"stopped at t = 1\.35457\d* .* 'bounce' keep firing"):
        made.simulate([5.0])


def test_a_trigger_that_is_true_for_a_short_time_is_seen_between_distant_steps():
    made = model(event("e", "time > 3.3 && time < 3.31", {"n": "n + 1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    assert final(made, "n") == 1.0
    made = model(event("e", "x > 3.3 && x < 3.31", {"n": "n + 1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    assert final(made, "n") == 1.0


def test_negative_delay_is_an_error():
    made = model(event("e", "x >= 1", {"n": "1"}, delay="-1"), values={"x": 0, "n": 0}, rates=CLOCK)
    with pytest.raises(IntegrationError, match="delay of event 'e' is -1"):
        made.simulate([2.0])


@pytest.mark.parametrize(
    ("target", "message"), [("c", "'c', which is declared constant"), ("y", "assignment rule"), ("z", "not define")]
)
def test_events_that_contradict_the_model_are_refused_by_name(target, message):
    made = model(event("e", "x >= 1", {target: "1"}), values={"x": 0, "y": 0}, rates=CLOCK, rules={"y": "x"})
    with pytest.raises(UnsupportedModelError, match=f"event 'e' assigns to .*{message}"):
        made.simulate([2.0])
    with pytest.raises(NoSteadyStateError, match="event 'e'"):
        made.steady_state()
    assert made.simulate([2.0], ignore_events=True)["x"].iloc[0] == pytest.approx(2.0)


# -- steady states ---------------------------------------------------------------------------------------
def test_steady_state_after_the_last_event():
    made = model(event("dose", "time >= 50", {"k": "4"}), values={"x": 0, "k": 1}, rates={"x": "k - 2 * x"})
    rest = made.steady_state()
    assert rest.state["x"] == pytest.approx(2.0)
    pd.testing.assert_series_equal(rest.changed_parameters, pd.Series({"k": 4.0}))
    after = made.after_events(rest)
    assert after.rhs(0.0, rest.state)[0] == pytest.approx(0.0, abs=1e-9)
    assert made.steady_state(ignore_events=True).state["x"] == pytest.approx(0.5)


def test_network_of_a_model_with_events_has_the_values_after_them():
    made = model(event("dose", "time >= 50", {"k": "4"}), values={"x": 0, "k": 1}, rates={"x": "k - k * x^2"})
    network = JacobianExtractor().fit_transform([made])[0]
    assert network.jacobian.to_numpy() == pytest.approx(np.array([[-8.0]]))
    network = JacobianExtractor(at=60.0).fit_transform([made])[0]
    assert network.jacobian.to_numpy() == pytest.approx(np.array([[-8.0]]))


def test_an_event_late_in_time_is_not_missed():
    made = model(event("dose", "time >= 1e6", {"k": "4"}), values={"x": 0, "k": 1}, rates={"x": "k - 2 * x"})
    assert made.steady_state().state["x"] == pytest.approx(2.0)


def test_rest_beyond_a_threshold_is_no_rest(monkeypatch):
    monkeypatch.setattr("skperturb.sbml._solving.after_events._MOST_EVENTS", 100)
    # x rises to 2, but is reset at 1 for ever
    made = model(event("reset", "x >= 1", {"x": "0"}), values={"x": 0}, rates={"x": "2 - x"})
    with pytest.raises(NoSteadyStateError, match="'reset'") as caught:
        made.steady_state()
    assert caught.value.status == "oscillating"


def test_slow_approach_to_a_threshold_is_followed():
    made = model(event("e", "x >= 1", {"x": "0", "k": "0"}), values={"x": 0, "k": 2}, rates={"x": "1e-4 * (k - x)"})
    rest = made.steady_state()
    assert rest.state["x"] == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("trigger", ["sin(time) > 0.5", "rem(time, 24) < 1"])
def test_periodic_events_have_no_rest(trigger, monkeypatch):
    monkeypatch.setattr("skperturb.sbml._solving.after_events._MOST_EVENTS", 100)
    made = model(event("pulse", trigger, {"x": "x + 1"}), values={"x": 0}, rates={"x": "-x"})
    with pytest.raises(NoSteadyStateError, match="'pulse'"):
        made.steady_state()


def test_screen_of_models_with_events(tmp_path):
    text = '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
    text += '<listOfParameters><parameter id="x" value="0" constant="false"/></listOfParameters>'
    text += f'<listOfRules><rateRule variable="x">{math_of("2 - x")}</rateRule></listOfRules><listOfEvents>'
    rests, resets = tmp_path / "rests.xml", tmp_path / "resets.xml"
    rests.write_text(text + event("e", "x >= 3", {"x": "0"}) + "</listOfEvents></model></sbml>")
    resets.write_text(text + event("e", "x >= 1", {"x": "0"}) + "</listOfEvents></model></sbml>")
    table = screen_models([rests, resets])
    assert list(table["status"]) == ["steady", "oscillating"]


@pytest.mark.parametrize(("turning", "silent"), [([], True), (["e"], False)])
def test_triggers_are_asked_over_the_next_eight_decades(turning, silent):
    from types import SimpleNamespace

    from skperturb.sbml._solving.after_events import _check_silence

    asked = []

    def ask(times, x):
        asked.append(times)
        return turning

    run = SimpleNamespace(fired=[], waiting=False, time=50.0, failure=None, advance=lambda time: True, turning=ask)
    found = SimpleNamespace(method="trajectory", stable=True, time=50.0, x=np.zeros(1))
    refusal = _check_silence(SimpleNamespace(model_id="m", event_ids=("e",)), run, found)
    assert (refusal is None) is silent
    (times,) = asked
    assert len(times) == 201
    assert times[0] == 50.0
    assert 4e9 < times[-1] <= 5e9 * 1.1
    # Denser in early decades as in late ones, and never in step with one period.
    steps = np.diff(np.log10(times))
    assert 0 < steps.min() < steps.max() < 0.1


def test_a_smooth_pulse_before_a_threshold_is_not_stepped_over():
    # The integral of exp(-((t - 5) / 0.1)^2) is 0.1 sqrt(pi).
    made = model(event("e", "x >= 0.1", {"n": "1"}), values={"x": 0, "n": 0}, rates={"x": "exp(-((time - 5) / 0.1)^2)"})
    frame = made.simulate([10.0])
    assert frame["x"].iloc[0] == pytest.approx(0.1 * np.sqrt(np.pi), rel=1e-5)
    assert frame["n"].iloc[0] == 1.0


def test_triggers_are_looked_at_no_farther_apart_than_asked():
    from skperturb.sbml._solving.event_run import EventTrajectory

    made = model(event("e", "sin(x) >= 9", {"n": "1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    watch = EventTrajectory(made, rtol=1e-8, atol=1e-10, max_gap=0.1)._watch
    np.testing.assert_allclose(watch._times(0.0, 2.05, 2), 2.05 * np.arange(1, 22) / 21, rtol=1e-12)
    assert watch._times(0.0, 2.05, 2)[-1] == 2.05
    # At least eight times in a step, more where no step resolves anything, and ten thousand at most.
    np.testing.assert_allclose(watch._times(0.0, 0.4, 2), 0.05 * np.arange(1, 9), rtol=1e-12)
    assert len(watch._times(0.0, 1e5, 2)) == 10_000
    assert len(watch._times(0.0, 1.0, 0)) == 200
    # What is linear in the state cannot turn unless its rate does.
    made = model(event("e", "x >= 9", {"n": "1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    assert EventTrajectory(made, rtol=1e-8, atol=1e-10, max_gap=0.1)._watch._times(0.0, 2.05, 2) == [2.05]


@pytest.mark.parametrize("frequency", [20.0, 2 * np.pi, 1000.0])
def test_fast_oscillations_of_a_slow_clock_are_not_aliased(frequency):
    # The integrator's steps of x' = 1 are as long as the whole run.
    from skperturb.sbml._solving.event_run import EventTrajectory

    made = model(event("e", f"cos({frequency!r} * x) < 0", {"n": "n + 1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    run = EventTrajectory(made, rtol=1e-8, atol=1e-10, max_gap=0.5 / frequency)
    assert run.advance(10.0)
    assert len(run.fired) == np.floor((10.0 * frequency + np.pi / 2) / (2 * np.pi) + 0.5)


DELAYED = {"P": 1, "Q": 0, "y": 0}


@pytest.mark.parametrize("trigger", ["Q == 1", "Q >= 1", "Q > 0", "P != 1", "P < 1"])
@pytest.mark.parametrize("delay", [5.0, 0.1, 1 / 3])
def test_a_delay_counts_from_the_event_that_set_the_trigger_off(trigger, delay):
    first = event("E0", "P == 1", {"P": "0", "Q": "1"}, initial=False)
    second = event("E1", trigger, {"y": "1"}, delay=repr(delay), initial=False)
    made = model(first, second, values=DELAYED)
    early = np.nextafter(delay, 0.0) * (1 - 1e-9)
    assert list(made.simulate([early, delay])["y"]) == [0.0, 1.0]


@pytest.mark.parametrize(("trigger", "at_the_sum"), [("time >= 2", 1.0), ("time > 2", 0.0)])
def test_a_delay_does_not_count_the_equalities_of_other_conditions(trigger, at_the_sum):
    # "other" leaves an equality at the very moment at which the first event is triggered.
    other = event("other", "time > 2", {"n": "1"})
    made = model(event("e", trigger, {"y": "1"}, delay="3"), other, values={"y": 0, "n": 0})
    assert list(made.simulate([4.999, 5.0, 5.001])["y"]) == [0.0, at_the_sum, 1.0]


def test_ten_thousand_events_are_within_the_budget():
    made = model(event("tick", "x >= 1", {"x": "0", "n": "n + 1"}), values={"x": 0, "n": 0}, rates=CLOCK)
    frame = made.simulate([10_000.5])
    assert frame["n"].iloc[0] == 10_000
    assert frame["x"].iloc[0] == pytest.approx(0.5, abs=1e-9)


def test_a_bouncing_ball():
    # Falls from 1, keeps 0.9 of its speed: bounce k is at t0 (1 + 2 (0.9 + ... + 0.9**k)) with t0 = sqrt(2 / g).
    bounce = event("bounce", "x < 0 && v < 0", {"v": "-0.9 * v", "n": "n + 1"})
    made = model(bounce, values={"x": 1, "v": 0, "n": 0}, rates={"x": "v", "v": "-9.81"})
    start = np.sqrt(2 / 9.81)
    moments = start * (1 + 2 * np.cumsum(np.r_[0.0, 0.9 ** np.arange(1, 60)]))
    times = 0.5 * (moments[:-1] + moments[1:])
    frame = made.simulate(times[::6])
    np.testing.assert_array_equal(frame["n"], np.arange(1, 60)[::6])
    # Halfway between two bounces the ball is at its highest.
    np.testing.assert_allclose(frame["x"], (0.81 ** np.arange(1, 60))[::6], rtol=1e-5)


def test_steps_through_the_events_are_twelve_times_those_of_a_leg(monkeypatch):

    asked = {}

    def stop(model, **options):
        asked.update(options)
        raise InterruptedError

    monkeypatch.setattr(after_events, "EventTrajectory", stop)
    made = model(event("dose", "time >= 50", {"k": "4"}), values={"x": 0, "k": 1}, rates={"x": "k - 2 * x"})
    with pytest.raises(InterruptedError):
        made.steady_state(max_steps=70)
    assert asked["max_steps"] == 840
