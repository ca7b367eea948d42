"""Ten cases of our own in the layout of the public semantic suite, with results from closed forms."""

import json
import math

import libsbml
import numpy as np
import pytest
from semantic_cases import write_cases

from skperturb.__main__ import main
from skperturb.reproduce import _semantic_suite as suite
from skperturb.reproduce._semantic_suite import read_case, report_suite, run_case, run_suite, within_tolerance

CORE = "http://www.sbml.org/sbml/level3/version2/core"
STEPS = 20


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>")[1]


def model(parameters, rates=(), *, species="", reactions="", events="", size=1.0):
    """Parameters under rate rules, and whatever else is given, as Level 3."""
    listed = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in parameters.items())
    ruled = "".join(f'<rateRule variable="{k}">{math_of(v)}</rateRule>' for k, v in rates)
    parts = {
        "listOfCompartments": f'<compartment id="c" size="{size}" spatialDimensions="3" constant="true"/>',
        "listOfSpecies": species,
        "listOfParameters": listed,
        "listOfRules": ruled,
        "listOfReactions": reactions,
        "listOfEvents": events,
    }
    content = "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts.items() if text)
    return f'<sbml xmlns="{CORE}" level="3" version="2"><model id="m">{content}</model></sbml>'


def decaying_species(*, is_amount):
    return (
        f'<species id="S" compartment="c" initialAmount="6" hasOnlySubstanceUnits="{str(is_amount).lower()}" '
        'boundaryCondition="false" constant="false"/>'
    )


def decay(rate):
    return (
        '<reaction id="r" reversible="false"><listOfReactants><speciesReference species="S" stoichiometry="1" '
        f'constant="true"/></listOfReactants><kineticLaw>{math_of(rate)}</kineticLaw></reaction>'
    )


def reset(trigger, assignments):
    listed = "".join(
        f'<eventAssignment variable="{name}">{math_of(formula)}</eventAssignment>'
        for name, formula in assignments.items()
    )
    return (
        f'<event useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">{math_of(trigger)}'
        f"</trigger><listOfEventAssignments>{listed}</listOfEventAssignments></event>"
    )


T = np.linspace(0.0, 5.0, STEPS + 1)
DECAY = {"species": decaying_species(is_amount=False), "reactions": decay("c * S"), "size": 2.0}
SPINNING = model({"x": 0, "n": 0}, [("x", "1e5")], events=reset("x > 1", {"x": "0", "n": "n + 1"}))
# name -> text, right values, settings, tags, outcome
CASES = {
    "00001": (model({"x": 2}, [("x", "-x")]), {"x": 2 * np.exp(-T)}, {}, ("RateRule", ""), "pass"),
    "00002": (model({}, **DECAY), {"S": 6 * np.exp(-T)}, {"amount": "S"}, ("Species", "Amount"), "pass"),
    "00003": (
        model({}, **DECAY),
        {"S": 3 * np.exp(-T)},
        {"concentration": "S"},
        ("Species", "Concentration"),
        "pass",
    ),
    "00004": (
        model({}, **{**DECAY, "species": decaying_species(is_amount=True), "reactions": decay("S")}),
        {"S": 3 * np.exp(-T)},
        {"concentration": "S"},
        ("Species", "Concentration"),
        "pass",
    ),
    "00005": (
        model({"x": 0}, [("x", "1")], events=reset("x >= 1.1", {"x": "0"})),
        {"x": np.mod(T, 1.1)},
        {},
        ("EventNoDelay", "RateRule"),
        "pass",
    ),
    "00006": (
        model({"x": 1, "y": math.inf}, [("x", "2 * x")]),
        {"x": np.exp(2 * T), "y": np.full(STEPS + 1, np.inf)},
        {},
        ("RateRule", ""),
        "pass",
    ),
    # The given values are those of another rate.
    "00007": (model({"x": 2}, [("x", "-1.01 * x")]), {"x": 2 * np.exp(-T)}, {}, ("RateRule", ""), "wrong"),
    # The amount was asked for, the given values are concentrations.
    "00008": (model({}, **DECAY), {"S": 3 * np.exp(-T)}, {"amount": "S"}, ("Species", "Amount"), "wrong"),
    "00009": (
        model({}, species=decaying_species(is_amount=True), reactions=decay("S").replace(math_of("S"), "")).replace(
            "<kineticLaw></kineticLaw>", ""
        ),
        {"S": 6 * np.exp(-T)},
        {},
        ("Reaction", "Amount"),
        "refused",
    ),
    "00010": (SPINNING, {"n": np.floor(1e5 * T)}, {}, ("EventNoDelay", "RateRule"), "timeout"),
}


def write_case(root, name, text, right, settings, tags):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / f"{name}-sbml-l3v2.xml").write_text(text, encoding="utf-8")
    fields = {
        "start": 0, "duration": 5, "steps": STEPS, "variables": ", ".join(right), "absolute": 1e-7, "relative": 1e-4,
        "amount": "", "concentration": "", "output": "", "testType": "TimeCourse", "generatedBy": "Analytic",
    } | settings  # fmt: skip
    (folder / f"{name}-settings.txt").write_text("".join(f"{k}: {v}\n" for k, v in fields.items()), encoding="utf-8")
    rows = [", ".join(["time", *right])]
    rows += [
        ",".join(f"{value!r}".replace("inf", "INF") for value in map(float, row))
        for row in zip(T, *right.values(), strict=True)
    ]
    (folder / f"{name}-results.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    component, test = tags
    (folder / f"{name}-model.m").write_text(
        f"(*\n\ncategory:      Test\nsynopsis:      one: of ours\ncomponentTags: {component}\ntestTags:      {test}\n"
        "testType:      TimeCourse\nlevels:        3.2\n\n*)\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    quick, slow = tmp_path_factory.mktemp("quick"), tmp_path_factory.mktemp("slow")
    for name, (text, right, settings, tags, outcome) in CASES.items():
        write_case(slow if outcome == "timeout" else quick, name, text, right, settings, tags)
    (quick / "README").write_text("no case", encoding="utf-8")
    (quick / "figures").mkdir()
    # The quick ones may wait for a busy machine; half a million events take longer than .2 s on any.
    return [*run_suite(quick, n_jobs=2, timeout=60.0), *run_suite(slow, n_jobs=1, timeout=0.2)]


def test_every_case_has_its_outcome(results):
    assert {r.name: r.outcome for r in results} == {name: case[-1] for name, case in CASES.items()}
    by_name = {r.name: r for r in results}
    assert all(r.error <= 1.0 for r in results if r.outcome == "pass")
    # |b exp(-.01 t) - b| / (1e-7 + 1e-4 b) is largest at the last time: 0.0488 / 1e-4 where b is far above 1e-3.
    right = 2 * math.exp(-5)
    assert by_name["00007"].error == pytest.approx(right * (1 - math.exp(-0.05)) / (1e-7 + 1e-4 * right), rel=1e-3)
    assert by_name["00007"].reason.startswith("x at t = 5 is 0.0128")
    assert "'r'" in by_name["00009"].reason
    assert by_name["00010"].seconds == 0.2


def test_table_counts_by_tag(results):
    lines = [line.split() for line in report_suite(results).splitlines()]
    table = {line[0]: line[1:] for line in lines if line}
    assert table["tag"] == ["cases", "pass", "refused", "wrong", "crash", "timeout"]
    assert table["all"] == ["10", "6", "1", "2", "0", "1"]
    assert table["RateRule"] == ["5", "3", "0", "1", "0", "1"]
    assert table["Amount"] == ["3", "1", "1", "1", "0", "0"]
    assert table["Concentration"] == ["2", "2", "0", "0", "0", "0"]
    # Why, for those alone that do not pass.
    assert {line[0] for line in lines if line and line[0].isdigit()} == {"00007", "00008", "00009", "00010"}


def test_command_line(tmp_path, capsys):
    for name in ("00001", "00007"):
        text, right, settings, tags, _ = CASES[name]
        write_case(tmp_path / "suite", name, text, right, settings, tags)
    out = tmp_path / "out.json"
    options = ["--suite", str(tmp_path / "suite"), "--jobs", "1", "--json", str(out)]
    assert main(["reproduce", "engine", *options]) == 0
    assert "00007  wrong  x at t = 5" in capsys.readouterr().out
    rows = json.loads(out.read_text(encoding="utf-8"))
    assert [row["outcome"] for row in rows] == ["pass", "wrong"]
    assert main(["reproduce", "engine", "--suite", str(tmp_path)]) == 2
    assert "holds no case" in capsys.readouterr().err


def test_highest_level_and_version_unless_another_is_asked_for(tmp_path):
    folder = write_case(tmp_path, "00001", *CASES["00001"][:4])
    for other in ("l2v4", "l1v2", "l3v1"):
        (folder / f"00001-sbml-{other}.xml").write_text("<sbml/>", encoding="utf-8")
    (folder / "00001-sbml-l3v2-sedml.xml").write_text("<sedML/>", encoding="utf-8")
    assert read_case(folder).path.endswith("00001-sbml-l3v2.xml")
    assert read_case(folder, "l2v4").path.endswith("00001-sbml-l2v4.xml")
    assert read_case(folder, "l2v3") is None
    case = read_case(folder)
    assert (case.times, case.absolute, case.relative) == ((0.0, 5.0, STEPS), 1e-7, 1e-4)
    assert case.tags == ("RateRule",)


@pytest.mark.parametrize(("lost", "message"), [("settings.txt", "settings.txt"), ("model.m", "model.m")])
def test_missing_files_are_named(tmp_path, lost, message):
    folder = write_case(tmp_path, "00001", *CASES["00001"][:4])
    (folder / f"00001-{lost}").unlink()
    with pytest.raises(ValueError, match=message):
        read_case(folder)
    (folder / "00001-sbml-l3v2.xml").unlink()
    with pytest.raises(ValueError, match="no file 00001-sbml"):
        read_case(folder)


@pytest.mark.parametrize("line", ["steps: many", "absolute:", "relative: 1e-4x"])
def test_settings_that_are_no_numbers(tmp_path, line):
    folder = write_case(tmp_path, "00001", *CASES["00001"][:4])
    path = folder / "00001-settings.txt"
    kept = [kept for kept in path.read_text().splitlines() if not kept.startswith(line.split(":")[0])]
    path.write_text("\n".join([*kept, line]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"settings\.txt"):
        read_case(folder)


def test_results_that_do_not_fit_are_no_silent_pass(tmp_path):
    text, right, settings, tags, _ = CASES["00001"]
    folder = write_case(tmp_path, "00001", text, right, settings, tags)
    path = folder / "00001-results.csv"
    whole = path.read_text()
    path.write_text("\n".join(whole.splitlines()[:-3]), encoding="utf-8")
    short = suite.run_case(read_case(folder))
    assert (short.outcome, "18 rows; expected 21" in short.reason) == ("crash", True)
    path.write_text(whole.replace("x", "y", 1), encoding="utf-8")
    assert "no column 'x'" in suite.run_case(read_case(folder)).reason


def test_tolerance_is_absolute_plus_relative():
    right = np.array([10.0, 10.0, 0.0, np.nan, np.inf, -np.inf, 1.0])
    values = np.array([10.011, 10.0109, 0.0009, np.nan, np.inf, np.inf, np.nan])
    errors = within_tolerance(values, right, 1e-3, 1e-3)
    np.testing.assert_allclose(errors[:5], [1.0, 0.0109 / 0.011, 0.9, 0.0, 0.0], rtol=1e-9)
    assert np.isinf(errors[5:]).all()
    assert within_tolerance(np.array([2.0]), np.array([2.0]), 0.0, 0.0).tolist() == [0.0]


def test_files_as_the_suite_has_them(tmp_path):
    """Blanks, byte order marks, empty lists, infinities in capitals, one step, and words that look like fields."""
    text, right, settings, tags, _ = CASES["00006"]
    folder = write_case(tmp_path, "00006", text, right, settings, tags)
    path = folder / "00006-settings.txt"
    path.write_text(
        "start: 0\nduration: 5.0\nsteps: 1\nvariables: x , y,\nabsolute: 1.000000e-007\nrelative: 0.0001\n\n"
        "amount:\nconcentration: \n",
        encoding="utf-8-sig",
    )
    rows = f"time , x,  y \n0,1, INF\n5 , {math.exp(10)!r} ,INF\n,,\n\n"
    (folder / "00006-results.csv").write_text(rows, encoding="utf-8-sig")
    with (folder / "00006-model.m").open("a", encoding="utf-8") as file:
        file.write("What follows are componentTags: none\ncomponentTags: Other\n")
    case = read_case(folder)
    assert (case.times, case.variables, case.amounts, case.tags) == ((0.0, 5.0, 1), ("x", "y"), (), ("RateRule",))
    assert suite.run_case(case).outcome == "pass"
    (folder / "00006-results.csv").write_text(rows.replace(" INF", "-INF", 1), encoding="utf-8")
    assert suite.run_case(case).reason == "y at t = 0 is inf; expected -inf"
    (folder / "00006-results.csv").write_text("time,x,y\n0,1,INF\n5,many,INF\n", encoding="utf-8")
    assert "expected a number" in suite.run_case(case).reason


def test_one_bad_case_does_not_end_the_run(tmp_path):
    text, right, settings, tags, _ = CASES["00001"]
    write_case(tmp_path, "00001", text, right, settings, tags)
    write_case(tmp_path, "00002", text, right, {"testType": "FluxBalanceSteadyState", "steps": ""}, tags)
    (write_case(tmp_path, "00003", text, right, settings, tags) / "00003-settings.txt").unlink()
    (write_case(tmp_path, "00004", text, right, settings, tags) / "00004-model.m").unlink()
    found = run_suite(tmp_path, n_jobs=1, timeout=60.0)
    assert [r.outcome for r in found] == ["pass", "refused", "crash", "crash"]
    assert "FluxBalanceSteadyState" in found[1].reason
    assert found[1].tags == ("RateRule",)
    assert "00003-settings.txt" in found[2].reason
    assert "4" in report_suite(found)


def test_cases_by_tag(tmp_path):
    """Models for every tag, two or three tags together, see `semantic_cases`."""
    write_cases(tmp_path)
    results = [run_case(read_case(folder)) for folder in sorted(tmp_path.iterdir())]
    assert {r.name: r.reason for r in results if r.outcome != "pass"} == {}
    assert max(r.seconds for r in results) < 10.0
