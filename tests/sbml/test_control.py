"""Elasticities, parameter sensitivities and control coefficients: closed forms, theorems, differences, a peer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.linalg as sla

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import (
    InvalidModelError,
    ModelWarning,
    NoSteadyStateError,
    SBMLError,
    UndefinedSensitivityError,
    UnsupportedModelError,
)
from skperturb.sbml import (
    Intervention,
    KineticModel,
    antimony_to_sbml,
    conservation_laws,
    control_coefficients,
    elasticities,
    parameter_sensitivity,
    perturb,
    time_course_sensitivity,
)
from skperturb.sbml._solving.integrate import scale_of


def model_of(text):
    return KineticModel.from_sbml(antimony_to_sbml(text))


def textbook():
    return {model.model_id: model for model in map(KineticModel.from_sbml, load_textbook_models().data)}


STABLE = {name: model for name, model in textbook().items() if name not in ("selkov_glycolysis", "lotka_volterra")}
each_model = pytest.mark.parametrize("model", STABLE.values(), ids=STABLE.keys())


@pytest.fixture
def pathway():
    """A constant inflow, a reversible step and an outflow."""
    return model_of(
        """model pathway
        species $X; S1 = 0; S2 = 0; X = 1;
        v1: X -> S1; k1*X;
        v2: S1 -> S2; k2*S1 - k3*S2;
        v3: S2 -> ; k4*S2;
        k1 = 6; k2 = 2; k3 = 1; k4 = 3;
        end"""
    )


@pytest.fixture
def cycle():
    """A total in two forms, which an initial assignment sets."""
    return model_of(
        """model cycle
        species A, B; A = total - B; B = 0.5;
        total = 4;
        up: A -> B; k1*A;
        down: B -> A; k2*B;
        k1 = 3; k2 = 1;
        end"""
    )


# -- closed forms -------------------------------------------------------------------------------------
def test_elasticities_of_a_pathway(pathway):
    table = elasticities(pathway)
    s1, s2 = 4.0, 2.0  # k4 s2 = k1 and k2 s1 - k3 s2 = k1
    expected = [[0.0, 0.0], [2.0 * s1 / 6.0, -1.0 * s2 / 6.0], [0.0, 1.0]]
    assert table.to_numpy() == pytest.approx(np.array(expected), rel=1e-12)
    assert list(table.index) == ["v1", "v2", "v3"]
    assert list(table.columns) == ["S1", "S2"]
    by_parameter = elasticities(pathway, wrt="parameters")
    assert by_parameter.loc["v1", "k1"] == 1.0
    assert by_parameter.loc["v2", "k2"] == pytest.approx(8.0 / 6.0)
    assert by_parameter.loc["v3", "k2"] == 0.0
    assert elasticities(pathway, [1.0, 5.0], scaled=False).loc["v2"].tolist() == [2.0, -1.0]


def test_control_of_a_pathway(pathway):
    # Only the inflow carries flux control; S2 = k1/k4, S1 = (k1 + k3 S2)/k2.
    flux = control_coefficients(pathway, kind="flux")
    assert flux.to_numpy() == pytest.approx(np.array([[1.0, 0, 0]] * 3), abs=1e-12)
    control = control_coefficients(pathway)
    # Scaling v2 by a: a (k2 S1 - k3 S2) = k1; scaling v3 by c: S2 = k1/(c k4).
    assert control.loc["S2"].to_numpy() == pytest.approx([1.0, 0.0, -1.0], rel=1e-12)
    assert control.loc["S1"].to_numpy() == pytest.approx([1.0, -0.75, -0.25], rel=1e-12)
    assert control.loc["S2", "v2"] == 0.0 or abs(control.loc["S2", "v2"]) < 1e-15
    unscaled = control_coefficients(pathway, scaled=False)
    assert unscaled.loc["S1"].to_numpy() == pytest.approx(np.array([1.0, -0.75, -0.25]) * 4.0 / 6.0, rel=1e-12)


def test_sensitivities_of_a_pathway(pathway):
    table = parameter_sensitivity(pathway, parameters=["k1", "k2", "k4", "X"])
    s2 = np.array([1 / 3, 0.0, -6 / 9, 2.0])
    s1 = np.array([(1 + 1 / 3) / 2, -4.0 / 2, -6 / 9 / 2, 4.0])
    assert table.loc["S2"].to_numpy() == pytest.approx(s2, rel=1e-12, abs=1e-15)
    assert table.loc["S1"].to_numpy() == pytest.approx(s1, rel=1e-12)
    fluxes = parameter_sensitivity(pathway, kind="flux", scaled=True)
    assert fluxes["k1"].to_numpy() == pytest.approx([1.0, 1.0, 1.0], rel=1e-12)
    assert np.abs(fluxes["k4"].to_numpy()).max() < 1e-14


def test_totals_change_through_initial_values_only(cycle):
    table = parameter_sensitivity(cycle)
    # A = total k2/(k1+k2), B = total k1/(k1+k2)
    assert table["total"].to_numpy() == pytest.approx([0.25, 0.75], rel=1e-12)
    assert table["k1"].to_numpy() == pytest.approx([-4.0 / 16.0, 4.0 / 16.0], rel=1e-12)
    assert table["k1"].sum() == pytest.approx(0.0, abs=1e-15)
    rest = cycle.steady_state().state
    held = parameter_sensitivity(cycle, rest)
    assert held["total"].tolist() == [0.0, 0.0]
    assert held["k1"].to_numpy() == pytest.approx(table["k1"].to_numpy(), rel=1e-9)
    control = control_coefficients(cycle, kind="flux")
    assert control.loc["up"].to_numpy() == pytest.approx([0.25, 0.75], rel=1e-9)


def test_a_parameter_that_others_follow(cycle):
    text = """model m; species A; A = 0; inflow: -> A; k; decay: A -> ; q*A; k = 2*b; b = 3; q = 1.5; end"""
    table = parameter_sensitivity(model_of(text))
    assert table.loc["A", "b"] == pytest.approx(2 / 1.5, rel=1e-12)
    assert table.loc["A", "k"] == pytest.approx(1 / 1.5, rel=1e-12)
    assert parameter_sensitivity(model_of(text), kind="flux").loc["inflow", "b"] == pytest.approx(2.0, rel=1e-12)


def test_structural_zeros_are_exact():
    # A feeds B, nothing comes back; C and D are a conserved pair beside it.
    model = model_of(
        """model zeros
        A = 1; B = 1; C = 3; D = 1;
        a: -> A; p; b: A -> B; q*A; c: B -> ; r*B; d: C -> D; s*C; e: D -> C; u*D;
        p = 1.1; q = 0.7; r = 0.3; s = 0.13; u = 0.29;
        end"""
    )
    zero = parameter_sensitivity(model) == 0.0
    assert zero.loc["A"].to_dict() | {"default_compartment": True} == {
        "p": False, "q": False, "r": True, "s": True, "u": True, "default_compartment": True,
    }  # fmt: skip
    assert zero.loc[["C", "D"], ["p", "q", "r"]].to_numpy().all()
    assert not zero.loc[["C", "D"], ["s", "u"]].to_numpy().any()
    control = control_coefficients(model, scaled=False) == 0.0
    assert control.loc["A"].tolist() == [False, False, True, True, True]
    assert (control_coefficients(model, kind="flux").loc["d", ["a", "b", "c"]] == 0.0).all()


# -- theorems -----------------------------------------------------------------------------------------
def theorem_errors(model, steady):
    """Return the errors of the four theorems, each relative to what its terms add up to without signs."""
    control = control_coefficients(model, steady, scaled=False, undefined="nan").to_numpy()
    flux = control_coefficients(model, steady, kind="flux", scaled=False, undefined="nan").to_numpy()
    slopes = elasticities(model, steady, scaled=False).to_numpy()
    settled, x = model.after_events(steady), steady.state.to_numpy()
    rates = settled.evaluate([steady.time], [x])[list(model.reaction_ids)].to_numpy()[0]
    scale = scale_of(x, model.x0)
    laws = conservation_laws(settled).to_numpy() * scale
    keeping = (sla.null_space(laws) if len(laws) else np.eye(len(x))) * scale[:, None]
    # A rate is right to 1e-15 of the forward and backward rates that it is the balance of; 1e-8 of this is that.
    rounding = 1e-7 * np.abs(slopes) @ scale
    fine, running = ~np.isnan(control).any(axis=1), ~np.isnan(flux).any(axis=1)
    errors = {
        "concentration summation": relative(control[fine], rates, 0.0, scale[fine]),
        "flux summation": relative(
            flux[running], rates, rates[running], np.maximum(rounding[running], np.abs(rates).max())
        ),
    }
    if not model.is_rate_rule.any():
        moved = slopes @ keeping
        errors["concentration connectivity"] = relative(control[fine], moved, -keeping[fine], scale[fine, None])
        gross = np.abs(slopes) @ np.abs(keeping)
        errors["flux connectivity"] = relative(flux[running], moved, 0.0, gross[running].max(initial=0.0))
    return errors, fine.all()


def relative(matrix, factor, expected, size):
    terms = np.abs(matrix) @ np.abs(factor)
    return float(np.max(np.abs(matrix @ factor - expected) / np.maximum(np.maximum(terms, size), 1e-300), initial=0.0))


def has_flux(model, steady):
    """Whether a reaction runs: its rate is more than what rounding leaves of a balance of forward and backward."""
    slopes = elasticities(model, steady, scaled=False).to_numpy()
    settled = model.after_events(steady)
    rates = settled.evaluate([steady.time], [steady.state])[list(model.reaction_ids)].to_numpy()[0]
    gross = np.abs(slopes) @ scale_of(steady.state.to_numpy(), model.x0)
    # States are verified to 1e-9 of the gross rates: less than 1e-7 of them is a decay that has not ended, right to a
    # per cent at best. What was injected and has decayed to 1e-30 of anything is gone.
    return bool(np.any((np.abs(rates) > 1e-7 * gross) & (np.abs(rates) > 1e-30)))


@each_model
def test_theorems_on_textbook_models(model):
    steady = model.steady_state()
    errors, _ = theorem_errors(model, steady)
    assert len(errors) == (2 if model.is_rate_rule.any() else 4)
    assert max(errors.values()) < 1e-8, errors


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:.*the steady state is not isolated:skperturb.exceptions.ModelWarning")
def test_theorems_on_published_models(data_home):
    n_models, worst = 0, {}
    for path in sorted((data_home / "biomodels").glob("*.xml"))[::12]:
        try:
            model = KineticModel.from_sbml(path)
            if not 0 < len(model.variables) <= 120 or not model.reaction_ids:
                continue
            steady = model.steady_state(max_steps=300)
            if not steady.stable or not has_flux(model, steady):
                continue
            errors, _ = theorem_errors(model, steady)
        except (SBMLError, NoSteadyStateError):
            continue
        n_models += 1
        worst[path.stem] = max(errors.values())
    assert n_models >= 15
    assert max(worst.values()) < 1e-8, worst


# -- differences and a peer ---------------------------------------------------------------------------
@each_model
def test_sensitivities_against_differences(model):
    steady = model.steady_state()
    table = parameter_sensitivity(model, steady, undefined="nan")
    names = [name for name in model.parameters.index if model.parameters[name] > 0.0][:4]
    x = steady.state.to_numpy()
    size = np.maximum(np.abs(x), 1e-4 * np.abs(x).max())
    checked = 0
    for name in names:
        value = model.parameters[name]
        ends = []
        for factor in (1.0 + 1e-4, 1.0 - 1e-4):
            moved = model.with_parameters({name: factor * value}).steady_state()
            ends.append(moved.state.to_numpy())
        slope = (ends[0] - ends[1]) / (2e-4 * value)
        error = np.abs(slope - table[name].to_numpy()) * value / size
        allowed = 1e-3 * (1.0 + np.abs(table[name].to_numpy()) * value / size)
        fine = np.isfinite(error)
        assert (error <= allowed)[fine].all(), (name, error.max())
        checked += int(fine.sum())
    assert checked > 0


PEER_MODELS = ("linear_pathway_feedback", "upper_glycolysis", "mapk_cascade_kholodenko", "goldbeter_koshland_switch")


@pytest.mark.parametrize("name", PEER_MODELS)
def test_control_coefficients_beside_libroadrunner(name, roadrunner):
    source = next(text for text in load_textbook_models().data if f'id="{name}"' in text)
    model = KineticModel.from_sbml(source)
    peer = roadrunner.RoadRunner(source)
    peer.conservedMoietyAnalysis = True
    ours = control_coefficients(model, kind="flux")
    peer.simulate(0, 1e6, 11)
    peer.steadyState()
    table = peer.getScaledFluxControlCoefficientMatrix()
    theirs = pd.DataFrame(np.array(table), index=table.rownames, columns=table.colnames)
    # A flux that is zero has no relative change; theirs is a quotient of rounding errors.
    running = ours.notna().all(axis=1)
    assert running.sum() >= 4
    difference = theirs.loc[ours.index, ours.columns] - ours
    # Theirs are finite differences: right to about five digits of the largest.
    assert difference[running].abs().to_numpy().max() < 1e-4 * theirs.abs().to_numpy().max()
    table = peer.getScaledConcentrationControlCoefficientMatrix()
    theirs = pd.DataFrame(np.array(table), index=table.rownames, columns=table.colnames)
    control = control_coefficients(model).loc[theirs.index]
    assert (theirs[control.columns] - control).abs().to_numpy().max() < 1e-4 * theirs.abs().to_numpy().max()


# -- what is refused ----------------------------------------------------------------------------------
def test_a_state_that_moves_is_refused(pathway):
    with pytest.raises(ValueError, match=r"state is not a steady state: d/dt of 'S1' is"):
        parameter_sensitivity(pathway, [1.0, 1.0])
    assert parameter_sensitivity(pathway, [4.0, 2.0]).shape == (2, len(pathway.parameters))


def test_states_of_other_models_and_shapes_are_refused(pathway, cycle):
    with pytest.raises(ValueError, match="state is that of another model"):
        control_coefficients(pathway, cycle.steady_state())
    with pytest.raises(ValueError, match="x has shape"):
        elasticities(pathway, [1.0])
    with pytest.raises(TypeError, match=r"model is int 3; expected a KineticModel"):
        elasticities(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: parameter_sensitivity(model, parameters=["k11"]), r"parameters\[0\]: 'k11'.*did you mean 'k1'"),
        (lambda model: parameter_sensitivity(model, kind="fluxes"), "kind='fluxes' is unknown"),
        (lambda model: control_coefficients(model, undefined="drop"), "undefined='drop' is unknown"),
        (lambda model: elasticities(model, wrt="reactions"), "wrt='reactions' is unknown"),
    ],
)
def test_unknown_options_are_refused(pathway, call, message):
    with pytest.raises(ValueError, match=message):
        call(pathway)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: parameter_sensitivity(m, parameters={"k1": 2.0}), "values would be ignored"),
        (lambda m: parameter_sensitivity(m, parameters=3), "parameters is 3; expected a sequence of ids"),
        (lambda m: parameter_sensitivity(m, scaled="no"), "scaled='no' must be True or False"),
        (lambda m: control_coefficients(m, ["4", "2"]), "state holds '4'; expected numbers"),
        (lambda m: control_coefficients(m, [True, False]), "state holds True"),
        (lambda m: control_coefficients(m, [4.0, np.nan]), r"state\[1\] is nan"),
        (lambda m: control_coefficients(m, pd.Series({"S1": 4.0, "B": 2.0})), "no single value of 'S2'"),
        (lambda m: control_coefficients(m, pd.Series([4.0, 2.0, 1.0], index=["S1", "S2", "S2"])), "value of 'S2'"),
        (lambda m: elasticities(m, [4.0, 2.0], time=np.nan), "time=nan must be a finite number"),
        (lambda m: time_course_sensitivity(m, [1.0], outputs=3), "outputs is 3; expected a sequence of ids"),
        (lambda m: time_course_sensitivity(m, [1.0], scaled="no"), "scaled='no'"),
        (lambda m: m.with_parameters(pd.Series([1.0, 2.0], index=["k1", "k1"])), "two values for 'k1'"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(pathway, call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(pathway)


def test_one_parameter_is_no_list(pathway):
    with pytest.raises(TypeError, match="Wrap it in a list"):
        parameter_sensitivity(pathway, parameters="k1")


def test_what_never_comes_to_rest_is_undefined():
    # The source of W is off; turned on, W would grow for ever.
    model = model_of("model m; A = 0; W = 1; a: -> A; p; b: A -> ; q*A; w: -> W; z*A; p = 1; q = 2; z = 0; end")
    with pytest.raises(UndefinedSensitivityError, match=r"the response of 'W' to 'z' does not exist"):
        parameter_sensitivity(model, parameters=["p", "z"])
    with pytest.warns(ModelWarning, match="not isolated.* in 'W'. Where"):
        table = parameter_sensitivity(model, undefined="nan")
    assert table.loc["A", "p"] == pytest.approx(0.5)
    assert np.isnan(table.loc["W", "z"])
    assert table.loc["W", "p"] == 0.0


BRANCHING = """
model branching
  species A, P = 0, Q = 0, R = 0, X = 0; A = dose; dose = 2;
  to_P: A -> P; k1*A;
  to_Q: A -> Q; k2*A*(1 + P);
  turn: Q -> R; k3*Q - k4*R;
  made: -> X; k5;
  lost: X -> ; k6*X;
  k1 = 1; k2 = 0.5; k3 = 3; k4 = 2; k5 = 1; k6 = 2;
end"""


def test_a_state_that_depends_on_its_history_is_named():
    model = model_of(BRANCHING)
    with pytest.warns(ModelWarning, match="branching: the steady state is not isolated.*'P', 'Q', 'R'. Where"):
        control = control_coefficients(model, undefined="nan")
    assert control.loc["X"].to_dict() == pytest.approx({"to_P": 0, "to_Q": 0, "turn": 0, "made": 1, "lost": -1})
    with pytest.raises(UndefinedSensitivityError, match=r"'P' to 'dose' .* not isolated.* begins with the initial"):
        parameter_sensitivity(model, parameters=["k3", "dose"])
    with pytest.warns(ModelWarning, match="not isolated"):
        table = parameter_sensitivity(model, undefined="nan", scaled=True)
    assert table["dose"].isna().to_dict() == {"A": False, "P": True, "Q": True, "R": True, "X": False}
    # All other responses are those of a change that is made at the state.
    changes = [Intervention(set={"k3": 3 * factor}, at="steady_state") for factor in (1.001, 0.999)]
    values = perturb(model, changes)["value"].to_numpy()
    rates = (values[1] - values[2])[1:4] / (0.002 * values[0, 1:4])
    assert table.loc[["P", "Q", "R"], "k3"].to_numpy() == pytest.approx(rates, rel=1e-5, abs=1e-9)
    # Without the second way there is one place to rest, and nothing is said.
    parameter_sensitivity(model_of(BRANCHING.replace("to_P: A -> P", "to_P: A -> Q")))


def test_models_without_reactions_have_no_control():
    model = model_of("model m; x = 1; x' = k - x; k = 2; end")
    with pytest.raises(UnsupportedModelError, match="no reactions"):
        control_coefficients(model)
    assert parameter_sensitivity(model).loc["x", "k"] == pytest.approx(1.0)


def test_events_have_acted():
    text = "model m; A = 4; B = 0; k = 1; up: A -> B; k*A; down: B -> A; B; E: at time > 1: k = 3, A = 8; end"
    model = model_of(text)
    steady = model.steady_state()
    assert steady.changed_parameters["k"] == 3.0
    total = steady.state.sum()
    table = parameter_sensitivity(model, steady)
    assert table.loc["B", "k"] == pytest.approx(total / 16.0, rel=1e-9)  # B = total k/(1+k)
    assert control_coefficients(model, replace(steady, method="trajectory")).loc["B"].sum() == pytest.approx(
        0, abs=1e-9
    )


# -- sources, several models --------------------------------------------------------------------------
FUNCTIONS = [
    elasticities,
    lambda model, *state, **options: parameter_sensitivity(model, *state, undefined="nan", **options),
    lambda model, *state, **options: control_coefficients(model, *state, undefined="nan", **options),
    lambda model, **options: time_course_sensitivity(model, [0.5, 2.0], **options),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_models_paths_texts_and_lists_give_the_same_tables(function, tmp_path):
    texts = [text for text in load_textbook_models().data if 'id="upper_glycolysis"' in text or 'id="toggle' in text]
    path = tmp_path / "first.xml"
    path.write_text(texts[0], encoding="utf-8")
    models = [KineticModel.from_sbml(text) for text in texts]
    expected = [function(model) for model in models]
    pd.testing.assert_frame_equal(function(texts[0]), expected[0])
    pd.testing.assert_frame_equal(function(path), expected[0])
    for several in (models, tuple(texts), [path, models[1]], np.array(models, dtype=object), pd.Series(texts)):
        found = function(several)
        assert found.shape == (2,)
        for table, other in zip(found, expected, strict=True):
            pd.testing.assert_frame_equal(table, other)
    for table, other in zip(function(texts, n_jobs=2), expected, strict=True):
        pd.testing.assert_frame_equal(table, other)


def test_a_model_of_several_that_fails(pathway, cycle):
    grows = model_of("model grows; A = 0; in1: -> A; p; p = 1; end")
    with pytest.raises(NoSteadyStateError, match=r"^model\[1\] \(grows\): grows: no steady state") as caught:
        control_coefficients([pathway, grows, cycle])
    assert caught.value.status == "diverged"
    with pytest.warns(ModelWarning, match=r"1 of 3 models have no table: model\[1\] \(grows\)"):
        tables = control_coefficients([pathway, grows, cycle], on_error="skip")
    assert [table.shape for table in tables] == [(2, 3), (0, 0), (2, 2)]
    with pytest.raises(ValueError, match=r"^model\[0\] \(model 0\): "):
        elasticities(["<sbml>", pathway])
    with pytest.raises(InvalidModelError, match=r"^model\[1\] \(no_such_file\)"):
        elasticities([pathway, "no_such_file.xml"])
    with pytest.raises(TypeError, match=r"model\[1\] is .*; expected a KineticModel"):
        elasticities([pathway, 3])
    with pytest.raises(ValueError, match="on_error='nan' is unknown"):
        elasticities([pathway], on_error="nan")
    delayed = model_of("model delayed; A = 1; a: A -> ; k*delay(A, 1); k = 0.1; end")
    with pytest.raises(UnsupportedModelError, match=r"^model\[1\] \(delayed\): .* delays"):
        time_course_sensitivity([pathway, delayed], [1.0])
    with pytest.warns(ModelWarning, match=r"1 of 2 models have no table: model\[1\] \(delayed\)"):
        assert time_course_sensitivity([pathway, delayed], [1.0], on_error="skip")[1].empty
    with pytest.raises(ValueError, match="it belongs to one"):
        elasticities([pathway], [1.0, 2.0])
