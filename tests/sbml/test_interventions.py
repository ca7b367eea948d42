"""Interventions: closed forms, changed files, small changes against sensitivities, and what is refused."""

import libsbml
import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.datasets import load_textbook_models
from skperturb.exceptions import UndefinedSensitivityError, UnsupportedModelError
from skperturb.sbml import (
    Intervention,
    InterventionTransformer,
    KineticModel,
    antimony_to_sbml,
    parameter_sensitivity,
    perturb,
    sensitivity_matrix,
    simulate_many,
    steady_states,
)


def model_of(text):
    return KineticModel.from_sbml(antimony_to_sbml(text))


TEXTBOOK = {KineticModel.from_sbml(source).model_id: source for source in load_textbook_models().data}
RESTING = [name for name in TEXTBOOK if name not in ("selkov_glycolysis", "lotka_volterra")]


@pytest.fixture
def pathway():
    return model_of(
        """model pathway
        species $X; S1 = 0; S2 = 0; X = 1;
        v1: X -> S1; k1*X;
        v2: S1 -> S2; k2*S1 - k3*S2;
        v3: S2 -> ; k4*S2;
        total := S1 + S2;
        k1 = 6; k2 = 2; k3 = 1; k4 = 3;
        end"""
    )


@pytest.fixture
def binding():
    return model_of(
        """model binding
        A = 3; B = 2; AB = 0;
        on: A + B -> AB; kon*A*B; off: AB -> A + B; koff*AB;
        kon = 1; koff = 2;
        end"""
    )


# -- closed forms -------------------------------------------------------------------------------------
def test_one_row_for_each_question(pathway):
    table = perturb(
        pathway,
        [
            Intervention(scale={"v3": 0.5}, name="enzyme halved"),
            Intervention(scale={"k1": 2.0}, name="inflow doubled"),
            Intervention(knock_out="S2", name="S2 removed"),
            Intervention(knock_out="v3", name="no outflow"),
            Intervention(set={"X": 0.0}),
        ],
    )
    assert table.index.tolist() == [
        "unperturbed",
        "enzyme halved",
        "inflow doubled",
        "S2 removed",
        "no outflow",
        "X = 0",
    ]
    assert table["outcome", "status"].tolist() == ["steady", "steady", "steady", "steady", "diverged", "steady"]
    assert table["outcome", "reason"].iloc[:4].tolist() == [""] * 4
    values = table["value"]
    assert values.columns.tolist() == ["S1", "S2"]
    expected = [[4.0, 2.0], [5.0, 4.0], [8.0, 4.0], [3.0, 0.0], [np.nan] * 2, [0.0, 0.0]]
    assert values[["S1", "S2"]].to_numpy() == pytest.approx(np.array(expected), rel=1e-8, abs=1e-9, nan_ok=True)
    change = table["log2_fold_change"]
    assert change.loc["inflow doubled", ["S1", "S2"]].to_numpy() == pytest.approx([1.0, 1.0], abs=1e-8)
    assert change.loc["S2 removed", "S2"] == -np.inf
    assert (change.loc["unperturbed"] == 0.0).all()
    assert change.loc["no outflow"].isna().all()


def test_conserved_totals_move_only_when_asked(binding):
    table = perturb(
        binding,
        [
            Intervention(scale={"A": 2.0}),
            Intervention(scale={"kon": 2.0}),
            Intervention(hold={"A": 3.0}),
            Intervention(knock_out="A"),
        ],
    )["value"]
    assert (table["A"] + table["AB"]).tolist()[:3] == pytest.approx([3.0, 6.0, 3.0])
    assert (table["B"] + table["AB"]).to_numpy() == pytest.approx(2.0)
    held = table.loc["hold A = 3"]
    assert held["AB"] == pytest.approx(2.0 * 3.0 / (3.0 + 2.0))  # B total * A / (A + K)
    assert table.loc["knock_out A"].tolist() == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)


def test_beginning_at_the_steady_state(binding):
    table = perturb(binding, [Intervention(knock_out="A"), Intervention(knock_out="A", at="steady_state")])["value"]
    # In the complex, A survives until it falls apart.
    assert table.iloc[2].tolist() == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)
    course = perturb(binding, Intervention(knock_out="A", at="steady_state"), response=[0.0, 1.0])
    rest = perturb(binding, [])["value"].iloc[0]
    first = course.loc[("knock_out A at steady_state", 0.0), "value"]
    assert first["AB"] == pytest.approx(rest["AB"])
    assert first["A"] == 0.0
    later = course.loc[("knock_out A at steady_state", 1.0), "value"]
    assert later["AB"] == pytest.approx(rest["AB"] * np.exp(-2.0), rel=1e-6)


def test_beginning_at_a_time():
    model = model_of("model m; A = 8; d: A -> ; k*A; k = 1; end")
    times = [0.0, 1.0, 2.0, 3.0]
    table = perturb(model, Intervention(scale={"k": 0.0}, at=1.5, name="stop"), response=times)
    assert table.index.names == ["intervention", "time"]
    assert table.loc["unperturbed"]["value", "A"].to_numpy() == pytest.approx(8.0 * np.exp(-np.array(times)), rel=1e-6)
    expected = 8.0 * np.exp(-np.minimum(times, 1.5))
    assert table.loc["stop"]["value", "A"].to_numpy() == pytest.approx(expected, rel=1e-6)
    change = table.loc["stop"]["log2_fold_change", "A"].to_numpy()
    assert change == pytest.approx([0.0, 0.0, 0.5 / np.log(2), 1.5 / np.log(2)], abs=1e-6)
    assert set(table["outcome", "status"]) == {"simulated"}


def test_a_state_that_oscillates_says_so():
    # The Brusselator leaves its steady state where b > 1 + a**2.
    model = model_of(
        """model brusselator
        X = 1; Y = 1; a = 1; b = 1.5;
        r1: -> X; a; r2: X -> Y; b*X; r3: 2 X + Y -> 3 X; X^2*Y; r4: X -> ; X;
        end"""
    )
    table = perturb(model, [Intervention(set={"b": 3.0}), Intervention(scale={"r2": 2.0})])
    assert table["outcome", "status"].tolist() == ["steady", "oscillating", "oscillating"]
    assert table["value"].iloc[1:].isna().to_numpy().all()
    assert table["outcome", "reason"].iloc[1]


def test_a_knocked_out_reaction_leaves_no_trace(pathway):
    without = pathway._intervened({"v2": 0.0}, {})
    assert without.jacobian_pattern.toarray().tolist() == [[False, False], [False, True]]
    assert without.jacobian(0.0, [1.0, 1.0]).tolist() == [[0.0, 0.0], [0.0, -3.0]]
    assert pathway.jacobian(0.0, [1.0, 1.0]).tolist() == [[-2.0, 1.0], [2.0, -4.0]]


@pytest.mark.parametrize("name", TEXTBOOK)
def test_knock_outs_are_what_changed_files_give(name):
    source = TEXTBOOK[name]
    model = KineticModel.from_sbml(source)
    document = libsbml.readSBMLFromString(source)
    reaction = document.getModel().getReaction(len(model.reaction_ids) // 2)
    other = document.getModel().getReaction(0)
    for changed, factor in ((reaction, 0.0), (other, 0.5)):
        law = changed.getKineticLaw()
        tree = libsbml.ASTNode(libsbml.AST_TIMES)
        number = libsbml.ASTNode(libsbml.AST_REAL)
        number.setValue(factor)
        tree.addChild(number)
        tree.addChild(law.getMath().deepCopy())
        law.setMath(tree)
    factors = {reaction.getId(): 0.0, other.getId(): 0.5}
    expected = KineticModel.from_sbml(libsbml.writeSBMLToString(document))
    got = model._intervened(factors, {})
    x = model.x0 + 0.37 * np.abs(model.x0).max()
    assert got.rhs(0.0, x) == pytest.approx(expected.rhs(0.0, x), rel=1e-12, abs=1e-12)
    assert got.jacobian(0.0, x) == pytest.approx(expected.jacobian(0.0, x), rel=1e-12, abs=1e-12)
    rates = got.evaluate([0.0], [x])[list(got.reaction_ids)]
    assert rates.to_numpy() == pytest.approx(
        expected.evaluate([0.0], [x])[list(got.reaction_ids)].to_numpy(), rel=1e-12
    )


def test_knock_outs_beside_libroadrunner(roadrunner):
    compared = 0
    for name in ("mapk_cascade_kholodenko", "linear_pathway_feedback", "lac_operon", "nf_kappa_b_lipniacki"):
        source = TEXTBOOK[name]
        model = KineticModel.from_sbml(source)
        peer = roadrunner.RoadRunner(source)
        # Where the size of a compartment is set, the peer keeps amounts although the file gives concentrations.
        parameter = next(
            p for p in peer.model.getGlobalParameterIds() if model.parameters.get(p, 0.0) not in (0.0, 1.0)
        )
        times = [0.0, 5.0, 20.0]
        ours = perturb(model, Intervention(scale={parameter: 0.5}), response=times)["value"].iloc[3:]
        peer.integrator.relative_tolerance, peer.integrator.absolute_tolerance = 1e-10, 1e-14
        peer.setValue(parameter, 0.5 * model.parameters[parameter])
        peer.reset()
        species = [name for name in model.variables if name in peer.model.getFloatingSpeciesIds()]
        theirs = peer.simulate(times=times, selections=["time", *(f"[{name}]" for name in species)])[:, 1:]
        size = np.abs(theirs).max(axis=0, keepdims=True) + 1e-300
        assert np.abs(ours[species].to_numpy() - theirs).max() / size.max() < 1e-5
        compared += len(species)
    assert compared >= 20


# -- small changes ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", RESTING)
def test_small_changes_are_the_sensitivity(name):
    model = KineticModel.from_sbml(TEXTBOOK[name])
    chosen = [p for p in model.parameters.index if model.parameters[p] > 0.0][:3]
    try:
        slopes = parameter_sensitivity(model, parameters=chosen)
    except UndefinedSensitivityError:
        pytest.skip("a small change has no steady state")
    step = 1e-4
    table = perturb(model, [Intervention(scale={p: 1.0 + step}, name=p) for p in chosen])
    assert (table["outcome", "status"] == "steady").all()
    values = table["value"][list(model.variables)]
    if model._system.amount_states:
        pytest.skip("states are not the symbols")
    size = np.maximum(values.iloc[0].abs(), 1e-3 * values.iloc[0].abs().max())
    for parameter in chosen:
        linear = slopes[parameter] * step * model.parameters[parameter]
        difference = (values.loc[parameter] - values.iloc[0] - linear).abs() / size
        # Second order in the step, times the curvature, plus the accuracy of the states.
        assert difference.max() < 1e-2 * (linear.abs() / size).max() + 1e-8, parameter


def test_held_variables_are_the_clamp_response(pathway):
    from skperturb.sbml import JacobianExtractor

    network = JacobianExtractor().fit_transform([pathway])[0]
    slopes = sensitivity_matrix(network)
    rest = pathway.steady_state().state
    table = perturb(pathway, Intervention(hold={"S2": rest["S2"] + 1e-4}, name="up"))["value"]
    measured = (table.loc["up", "S1"] - table.loc["unperturbed", "S1"]) / 1e-4
    assert measured == pytest.approx(slopes.loc["S1", "S2"], rel=1e-5)


# -- what is refused ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        ({"knock_out": "S3"}, r"interventions\[1\].knock_out: 'S3' is no variable.*did you mean .*'S[12]'"),
        ({"set": {"total": 1.0}}, r"interventions\[1\].set: 'total' is determined by a rule"),
        ({"set": {"S1": -1.0}}, r"interventions\[1\].set\['S1'\] is -1, a negative amount"),
        ({"set": {"v1": 1.0}}, "but a reaction"),
        ({"scale": {"v1": -1.0}}, "expected a factor >= 0"),
        ({"hold": {"k1": 1.0}}, "'k1' is no variable, so it cannot be held"),
    ],
)
def test_bad_ids_are_named(pathway, intervention, message):
    with pytest.raises(ValueError, match=message):
        perturb(pathway, [Intervention(scale={"k1": 2.0}), Intervention(**intervention)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "changes nothing"),
        ({"scale": {"k": np.inf}}, "expected a finite number"),
        ({"scale": {"k": "2"}}, "expected a finite number"),
        ({"knock_out": "k", "set": {"k": 1.0}}, "'k' in two ways"),
        ({"knock_out": "k", "at": "later"}, "expected None, 'steady_state' or a finite time"),
        ({"knock_out": "k", "at": -1.0}, "expected None, 'steady_state' or a finite time"),
        ({"knock_out": {"k": 0.5}}, "knock_out=...\\) is a dict; expected an id"),
        ({"knock_out": 3}, "knock_out=...\\) is a int"),
        ({"knock_out": "", "scale": {"k": 2.0}}, "knock_out=''\\) names nothing"),
        ({"knock_out": ["k", " "]}, r"\[1\] is ' ', which names nothing"),
        ({"knock_out": ["k", 3]}, r"\[1\] is 3; expected an id"),
        ({"knock_out": "k", "name": 3}, "name=3.*expected a text or None"),
    ],
)
def test_bad_interventions_are_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Intervention(**arguments)


def test_other_types_are_refused(pathway):
    with pytest.raises(TypeError, match=r"expected (ids mapped|a mapping of ids) to numbers"):
        Intervention(scale=2.0)
    with pytest.raises(TypeError, match=r"interventions\[0\] is a str"):
        perturb(pathway, ["k1"])
    with pytest.raises(TypeError, match="expected a sequence of Intervention"):
        perturb(pathway, {"k1": 2.0})
    with pytest.raises(ValueError, match="the name 'knock_out v1' is taken"):
        perturb(pathway, [Intervention(knock_out="v1"), Intervention(knock_out="v1")])
    with pytest.raises(ValueError, match="response='rest' is unknown"):
        perturb(pathway, [], response="rest")


def test_rates_that_formulas_read_cannot_be_changed():
    model = model_of("model m; A = 1; B = 1; B' = v*1 - B; v: -> A; k; w: A -> ; A; k = 2; end")
    with pytest.raises(UnsupportedModelError, match="reads the rate of reaction 'v'"):
        perturb(model, Intervention(scale={"v": 0.5}))
    assert perturb(model, Intervention(scale={"w": 0.5}))["value"].iloc[1].tolist() == pytest.approx([4.0, 2.0])


def test_events_allow_interventions_from_the_start_only():
    model = model_of("model m; A = 1; v: -> A; k; w: A -> ; A; k = 2; E: at time > 1: A = 5, k = 3; end")
    table = perturb(model, [Intervention(hold={"A": 0.5}), Intervention(scale={"w": 0.5})])["value"]
    assert table["A"].tolist() == pytest.approx([3.0, 0.5, 6.0])
    with pytest.raises(UnsupportedModelError, match="the model has events"):
        perturb(model, Intervention(scale={"k": 2.0}, at="steady_state"))


def test_a_file_and_jobs_give_the_same(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(TEXTBOOK["lac_operon"], encoding="utf-8")
    model = KineticModel.from_sbml(path)
    chosen = [Intervention(scale={name: 1.5}) for name in model.parameters.index[:3]]
    one = perturb(path, chosen)
    pd.testing.assert_frame_equal(one, perturb(model, chosen, n_jobs=2))


# -- the command and the transformer ------------------------------------------------------------------
@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.xml"
    text = "model m; A = 1; B = 0; v: -> A; k; w: A -> B; A; x: B -> ; 2*B; k = 4; end"
    path.write_text(antimony_to_sbml(text), encoding="utf-8")
    return path


def test_the_command_writes_a_row_for_each_change(model_file, tmp_path, capsys):
    out = tmp_path / "table.csv"
    assert main(["perturb", str(model_file), "--knock-out", "v", "x", "--scale", "k=0.5", "--csv", str(out)]) == 0
    table = pd.read_csv(out, index_col="intervention")
    assert table.index.tolist() == ["unperturbed", "knock_out v", "knock_out x", "k * 0.5"]
    assert table["status"].tolist() == ["steady", "steady", "diverged", "steady"]
    assert table["B"].tolist() == pytest.approx([2.0, 0.0, np.nan, 1.0], abs=1e-8, nan_ok=True)
    assert table.loc["k * 0.5", "log2_fold_change:A"] == pytest.approx(-1.0)
    assert "4 rows written" in capsys.readouterr().out


def test_the_command_prints_many_variables_one_below_the_other(tmp_path, capsys):
    path = tmp_path / "chain.xml"
    path.write_text(antimony_to_sbml("model m; species A, B, C; -> A; k; A -> B; A; B -> C; B; C -> ; C; k = 2; end"))
    assert main(["perturb", str(path), "--scale", "k=0.5"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["C", "2", "1"] in lines
    assert ["C", "0", "-1"] in lines


def test_the_command_combines_changes_and_follows_courses(model_file, capsys):
    arguments = ["--set", "k=8", "--hold", "B=1", "--together", "--at-steady-state", "--times", "0", "50"]
    assert main(["perturb", str(model_file), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "k = 8, hold B = 1 at steady_state" in printed
    assert "simulated    4" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "kk=2"], "did you mean 'k'"),
        ([], "no intervention was given"),
        (["--knock-out", "v", "v"], "the name 'knock_out v' is taken"),
        (["--together", "--set", "k=1", "k=2"], "--set names k twice"),
        (["--together", "--scale", "k=1", "--scale", "k=1"], "--scale names k twice"),
        (["--together", "--knock-out", "v", "v"], "--knock-out names v twice"),
    ],
)
def test_the_command_names_what_is_wrong(model_file, capsys, arguments, message):
    assert main(["perturb", str(model_file), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_command_refuses_what_is_no_assignment(model_file, capsys):
    with pytest.raises(SystemExit):
        main(["perturb", str(model_file), "--scale", "k"])
    assert "expected ID=NUMBER" in capsys.readouterr().err


def test_the_transformer_makes_one_row_for_each_model(pathway):
    models = [pathway, pathway.with_parameters({"k3": 0.0}), pathway.with_parameters({"k4": 6.0})]
    chosen = [Intervention(scale={"k1": 2.0}), Intervention(knock_out="v3")]
    transformer = InterventionTransformer(chosen, species=["S1", "S2"], quantity="value")
    table = transformer.fit_transform(models)
    assert transformer.get_feature_names_out().tolist() == [
        "k1 * 2: S1", "k1 * 2: S2", "knock_out v3: S1", "knock_out v3: S2",
    ]  # fmt: skip
    expected = [[8.0, 4.0], [6.0, 4.0], [7.0, 2.0]]
    assert table[:, :2] == pytest.approx(np.array(expected), rel=1e-8)
    assert np.isnan(table[:, 2:]).all()
    frame = InterventionTransformer(chosen, species=["S1"]).set_output(transform="pandas").fit_transform(models)
    assert frame.columns.tolist() == ["k1 * 2: S1", "knock_out v3: S1"]
    assert frame["k1 * 2: S1"].tolist() == pytest.approx([1.0, 1.0, 1.0], abs=1e-8)


def test_the_transformer_names_the_model_that_fails(pathway, binding):
    transformer = InterventionTransformer([Intervention(scale={"k1": 2.0})], species=["S1"]).fit([pathway])
    with pytest.raises(ValueError, match=r"X\[1\]: ValueError: interventions\[0\].scale: 'k1' is no"):
        transformer.transform([pathway, binding])
    table = transformer.set_params(on_error="nan").transform([pathway, binding])
    assert np.isnan(table[:, 0]).tolist() == [False, True]
    missing = InterventionTransformer([Intervention(scale={"k1": 2.0})], species=["S9"]).fit([pathway])
    with pytest.raises(ValueError, match=r"X\[0\]: .*no species 'S9'"):
        missing.transform([pathway])
    with pytest.raises(ValueError, match="interventions or species is empty"):
        InterventionTransformer().fit([pathway])
    with pytest.raises(TypeError, match=r"interventions\[0\] is a str"):
        InterventionTransformer(["k1"], ["S1"]).fit([pathway])
    with pytest.raises(TypeError, match=r"X\[0\] is a int"):
        transformer.transform([3])


# -- parameter sets -----------------------------------------------------------------------------------
def test_steady_states_of_many_sets(pathway):
    sets = pd.DataFrame({"k1": [6.0, 3.0, 9.0], "k4": [3.0, 0.0, 1.5], "S1": [0.0, 1.0, 2.0]}, index=["a", "b", "c"])
    table = steady_states(pathway, sets)
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["outcome", "status"].tolist() == ["steady", "diverged", "steady"]
    assert table["value", "S2"].to_numpy() == pytest.approx([2.0, np.nan, 6.0], nan_ok=True, rel=1e-8)
    assert table["value", "S1"].to_numpy() == pytest.approx([4.0, np.nan, 7.5], nan_ok=True, rel=1e-8)
    pd.testing.assert_frame_equal(table, steady_states(pathway, sets, n_jobs=2))


def test_courses_of_many_sets(pathway):
    sets = pd.DataFrame({"k1": [6.0, 3.0], "S2": [0.0, 4.0]})
    table = simulate_many(pathway, sets, [0.0, 2.0, 5.0])
    assert table.index.get_level_values("time").tolist() == [0.0, 2.0, 5.0] * 2
    for label, row in sets.iterrows():
        model = pathway.with_parameters({"k1": row["k1"]}).with_initial({"S2": row["S2"]})
        expected = model.simulate([0.0, 2.0, 5.0])
        assert table.loc[label]["value"][["S1", "S2"]].to_numpy() == pytest.approx(expected[["S1", "S2"]].to_numpy())


def test_a_set_that_fails_costs_its_own_rows():
    model = model_of("model m; x = 1; x' = k*x^2; k = 1; end")  # x = 1 / (1 - k t)
    table = simulate_many(model, pd.DataFrame({"k": [0.1, 1.0]}), [0.5, 5.0])
    assert table["outcome", "status"].tolist() == ["simulated"] * 2 + ["integration_failed"] * 2
    assert table["value", "x"].to_numpy()[:2] == pytest.approx([1 / 0.95, 2.0], rel=1e-6)
    assert table["value", "x"].iloc[2:].isna().all()


def test_sets_do_not_compile_again(pathway, monkeypatch):
    from skperturb.sbml._graph import code_generation

    calls = []
    original = code_generation.scalar_source
    monkeypatch.setattr(code_generation, "scalar_source", lambda *a, **k: calls.append(1) or original(*a, **k))
    steady_states(pathway, pd.DataFrame({"k1": np.linspace(1.0, 2.0, 10)}))
    assert len(calls) <= 2


@pytest.mark.parametrize(
    ("sets", "error", "message"),
    [
        ({"k1": [1.0]}, TypeError, "expected a DataFrame"),
        (pd.DataFrame({"K1": [1.0]}), ValueError, "did you mean 'k1'"),
        (pd.DataFrame({"total": [1.0]}), ValueError, "determined by a rule"),
        (pd.DataFrame({"k1": [1.0, np.nan]}, index=["a", "b"]), ValueError, r"set 'b'\['k1'\] is nan"),
        (pd.DataFrame({"S1": [-1.0]}), ValueError, "negative amount"),
        (pd.DataFrame([[1.0, 2.0]], columns=["k1", "k1"]), ValueError, "two columns 'k1'"),
    ],
)
def test_bad_sets_are_refused(pathway, sets, error, message):
    with pytest.raises(error, match=message):
        steady_states(pathway, sets)


# -- several models -----------------------------------------------------------------------------------
def test_several_models_in_one_table(pathway, binding, tmp_path):
    path = tmp_path / "cascade.xml"
    path.write_text(TEXTBOOK["upper_glycolysis"], encoding="utf-8")
    change = Intervention(scale={"X": 2.0})
    table = perturb([pathway, pathway], change)
    assert table.index.names == ["model", "intervention"]
    assert table.index.get_level_values("model").unique().tolist() == ["pathway (0)", "pathway (1)"]
    pd.testing.assert_frame_equal(table.loc["pathway (1)"], perturb(pathway, change))
    with pytest.raises(ValueError, match=r"^model\[1\] \(binding\): interventions\[0\].*'X' is no variable"):
        perturb([pathway, binding], change)
    table = perturb([pathway, binding, path], change, on_error="nan", n_jobs=2)
    assert table.index.get_level_values("model").unique().tolist() == ["pathway", "binding", "cascade"]
    assert table["outcome", "status"].tolist() == ["steady", "steady", "refused", "refused"]
    assert "'X' is no variable" in table.loc["binding", ("outcome", "reason")].iloc[0]
    assert table.loc["pathway", ("log2_fold_change", "S2")].tolist() == pytest.approx([0.0, 1.0])
    course = perturb([pathway, binding], change, response=[1.0, 2.0], on_error="nan")
    assert course.index.names == ["model", "intervention", "time"]
    with pytest.raises(ValueError, match="on_error='skip' is unknown"):
        perturb([pathway], change, on_error="skip")


def test_perturbed_states_that_oscillate_or_diverge_say_so():
    # The Brusselator rests below b = 1 + a**2 and circles above it; without its outflow it grows.
    brusselator = model_of(
        """model brusselator
        x = 1; y = 1; a = 1; b = 1.5; k = 1;
        feed: -> x; a; turn: x -> y; b*x; back: y -> x; x^2*y; out1: x -> ; k*x;
        end"""
    )
    table = perturb(
        brusselator,
        [
            Intervention(set={"b": 3.0}, name="above the bifurcation"),
            Intervention(scale={"b": 1.1}, name="below it"),
            Intervention(knock_out="out1", name="no outflow"),
        ],
    )
    assert table["outcome", "status"].tolist() == ["steady", "oscillating", "steady", "diverged"]
    assert all(table["outcome", "reason"].iloc[[1, 3]])
    assert table["value"].iloc[[1, 3]].isna().all().all()
    assert table["value"].loc["below it"].tolist() == pytest.approx([1.0, 1.65], rel=1e-8)


# -- a peer and bad input -----------------------------------------------------------------------------
def without_reaction(source, reaction):
    """Return the file with the rate of a reaction times zero."""
    document = libsbml.readSBMLFromString(source)
    law = document.getModel().getReaction(reaction).getKineticLaw()
    tree, zero = libsbml.ASTNode(libsbml.AST_TIMES), libsbml.ASTNode(libsbml.AST_REAL)
    zero.setValue(0.0)
    tree.addChild(zero)
    tree.addChild(law.getMath().deepCopy())
    law.setMath(tree)
    return libsbml.writeSBMLToString(document)


@pytest.mark.parametrize("name", list(TEXTBOOK)[:24])
def test_knock_outs_of_textbook_models_beside_libroadrunner(name, roadrunner):
    model = KineticModel.from_sbml(TEXTBOOK[name])
    reaction = model.reaction_ids[len(model.reaction_ids) // 2]
    times = [0.0, 3.0, 30.0]
    table = perturb(model, Intervention(knock_out=reaction, name="off"), response=times)["value"]
    peer = roadrunner.RoadRunner(without_reaction(TEXTBOOK[name], reaction))
    peer.integrator.relative_tolerance, peer.integrator.absolute_tolerance = 1e-10, 1e-14
    species = [name for name in model.variables if name in peer.model.getFloatingSpeciesIds()]
    theirs = peer.simulate(times=times, selections=["time", *(f"[{name}]" for name in species)])[:, 1:]
    ours = table.loc["off", species].to_numpy()
    # Oscillators lose a digit in their phase; both integrate at 1e-8 or better.
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()
    before = table.loc["unperturbed", species].to_numpy()
    assert np.abs(ours - before).max() > 1e-3 * np.abs(before).max() or name == "toggle_switch"


@pytest.fixture
def ruled():
    return model_of(
        """model ruled
        species A = 1, B = 2, T; T := A + B; c := 2*k; k = 1.5;
        up: A -> B; k*A; down: B -> A; c*B;
        end"""
    )


BAD_INPUT = [
    ("K", 1.0, r"'K'.*did you mean 'k'"),
    ("c", 1.0, r"'c' is determined by a rule, so it has no value of its own; change what it is computed from: 'k'"),
    ("T", 1.0, r"'T' is determined by a rule, so it has no value of its own"),
    ("A", -1.0, r"\['A'\] is -1, a negative amount; expected a number >= 0"),
    ("k", np.nan, "expected a finite number|is nan"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_INPUT)
@pytest.mark.parametrize(
    "call",
    [
        lambda model, name, value: (model.with_initial if name == "A" else model.with_parameters)({name: value}),
        lambda model, name, value: perturb(model, Intervention(set={name: value})),
        lambda model, name, value: steady_states(model, pd.DataFrame({name: [value]})),
        lambda model, name, value: simulate_many(model, pd.DataFrame({name: [value]}), [1.0]),
    ],
    ids=["with_parameters", "perturb", "steady_states", "simulate_many"],
)
def test_bad_input_has_one_clear_error(ruled, call, name, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        call(ruled, name, value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("name", "message"), [(name, message) for name, _, message in BAD_INPUT[:3]])
def test_bad_names_in_sensitivities_have_one_clear_error(ruled, name, message):
    from skperturb.sbml import time_course_sensitivity

    with pytest.raises(ValueError, match=message):
        parameter_sensitivity(ruled, parameters=["k", name])
    with pytest.raises(ValueError, match=message):
        time_course_sensitivity(ruled, [1.0], parameters=["k", name])


def test_sets_with_missing_values_are_refused(ruled):
    # Without a column the value of the model stays; a column that some sets lack leaves holes.
    assert steady_states(ruled, pd.DataFrame(index=[0, 1]))["outcome", "status"].tolist() == ["steady"] * 2
    with pytest.raises(ValueError, match=r"\['k'\] is nan"):
        steady_states(ruled, pd.concat([pd.DataFrame({"k": [1.0]}), pd.DataFrame({"A": [2.0]})], ignore_index=True))
