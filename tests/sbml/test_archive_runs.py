"""OMEX archives in the convention of BioSimulators, against closed forms and `KineticModel.simulate`."""

import json
import re
import zipfile

import h5py
import numpy as np
import pytest

from skperturb.__main__ import main
from skperturb.exceptions import InvalidModelError
from skperturb.sbml import KineticModel, run_archive

# A decays with the rate k (0.5) of its reaction and is made at the rate s (0); in all B = 2 A.
MODEL = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
<listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialConcentration="3"/>
<species id="B" compartment="c"/></listOfSpecies>
<listOfParameters><parameter id="s" value="0"/></listOfParameters>
<listOfRules><assignmentRule variable="B"><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><cn>2</cn><ci>A</ci></apply></math></assignmentRule></listOfRules>
<listOfReactions><reaction id="decay"><listOfReactants><speciesReference species="A"/></listOfReactants><kineticLaw>
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>k</ci><ci>A</ci></apply></math>
<listOfParameters><parameter id="k" value="0.5"/></listOfParameters></kineticLaw></reaction>
<reaction id="made"><listOfProducts><speciesReference species="A"/></listOfProducts><kineticLaw>
<math xmlns="http://www.w3.org/1998/Math/MathML"><ci>s</ci></math></kineticLaw></reaction></listOfReactions></model></sbml>"""
IN_MODEL = "/sbml:sbml/sbml:model/sbml:listOf"
A = f"{IN_MODEL}Species/sbml:species[@id='A']"
K = f"{IN_MODEL}Reactions/sbml:reaction[@id='decay']/sbml:kineticLaw/sbml:listOfParameters/sbml:parameter[@id='k']"
DECAY = "/sbml:sbml/sbml:model/descendant::*[@id='k']"
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
KISAO = '<algorithm kisaoID="KISAO:0000019"><listOfAlgorithmParameters/></algorithm>'


def generator(name, formula, **variables):
    """A data generator of variables: a target and its task, or the task of a time."""
    listed = "".join(
        f'<variable id="{key}" taskReference="{what[-1]}" '
        + (f'target="{what[0]}"/>' if len(what) == 2 else 'symbol="urn:sedml:symbol:time"/>')
        for key, what in variables.items()
    )
    return (
        f'<dataGenerator id="{name}"><listOfVariables>{listed}</listOfVariables><listOfParameters>'
        f'<parameter id="two" value="2"/></listOfParameters><math {MATH}>{formula}</math></dataGenerator>'
    )


SEDML = f"""<?xml version="1.0"?><sedML xmlns="http://sed-ml.org/sed-ml/level1/version3" level="1" version="3">
<listOfModels><model id="m" language="urn:sedml:language:sbml" source="../model.xml"/>
<model id="changed" source="#m"><listOfChanges>
<changeAttribute target="{A}/@initialAmount" newValue="7"/><changeAttribute target="{K}/@value" newValue="1.25"/>
<changeAttribute target=" {IN_MODEL}Parameters/sbml:parameter[@id='s']/@value " newValue="5"/>
</listOfChanges></model></listOfModels>
<listOfSimulations>
<uniformTimeCourse id="late" initialTime="10" outputStartTime="11" outputEndTime="13" numberOfSteps="8">
{KISAO}</uniformTimeCourse>
<oneStep id="step" step="0.75"><algorithm kisaoID="KISAO_0000088"/></oneStep>
<steadyState id="rest"><algorithm kisaoID="KISAO:0000407"/></steadyState></listOfSimulations>
<listOfTasks><task id="course" modelReference="m" simulationReference="late"/>
<task id="stepped" modelReference="m" simulationReference="step"/>
<task id="resting" modelReference="changed" simulationReference="rest"/></listOfTasks>
<listOfDataGenerators>
{generator("time", "<ci>t</ci>", t=["course"])}
{generator("a", "<ci>x</ci>", x=[A, "course"])}
{generator("sum", "<apply><plus/><apply><times/><ci>two</ci><ci>x</ci></apply><ci>y</ci><ci>k</ci></apply>",
           x=[A, "course"], y=[f"{IN_MODEL}Species/sbml:species[@id='B']", "course"], k=[f"{DECAY} ", "course"])}
{generator("one", "<ci>x</ci>", x=[A, "stepped"])}
{generator("limit", "<ci>x</ci>", x=[A, "resting"])}
</listOfDataGenerators>
<listOfOutputs>
<report id="all" name="Everything"><listOfDataSets><dataSet id="d0" label="Time" dataReference="time"/>
<dataSet id="d1" label="A" name="the species" dataReference="a"/><dataSet id="d2" label="A" dataReference="sum"/>
<dataSet id="d3" label="step" dataReference="one"/><dataSet id="d4" label="rest" dataReference="limit"/>
</listOfDataSets></report>
<report id="resting"><listOfDataSets><dataSet id="d5" label="rest" dataReference="limit"/></listOfDataSets></report>
<plot2D id="plot"><listOfCurves><curve id="c" logX="false" logY="true" xDataReference="time" yDataReference="a"/>
</listOfCurves></plot2D></listOfOutputs></sedML>"""  # fmt: skip


def archive(path, sedml=SEDML, model=MODEL, manifest=None):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.xml", model)
        file.writestr("sub/sim.sedml", sedml)
        if manifest:
            file.writestr("manifest.xml", f"<omexManifest>{manifest}</omexManifest>")
    return path


def failures(log):
    """The messages of what failed."""
    (document,) = log["sedDocuments"]
    entries = [document, *(document["tasks"] or []), *(document["outputs"] or [])]
    return [entry["exception"]["message"] for entry in entries if entry["exception"]]


def test_values_layout_and_log(tmp_path):
    log = run_archive(archive(tmp_path / "a.omex"), tmp_path / "new" / "out")
    assert log["status"] == "SUCCEEDED", failures(log)
    out = tmp_path / "new" / "out"
    assert json.loads((out / "log.yml").read_text()) == log
    with h5py.File(out / "reports.h5") as file:
        assert {key: dict(file[key].attrs) for key in ("sub", "sub/sim.sedml")} == {
            key: {"uri": key, "combineArchiveLocation": key} for key in ("sub", "sub/sim.sedml")
        }
        report, resting, plot = (file[f"sub/sim.sedml/{name}"] for name in ("all", "resting", "plot"))
        about = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in report.attrs.items()}
        assert about == {
            "_type": "SedReport",
            "uri": "sub/sim.sedml/all",
            "sedmlId": "all",
            "sedmlName": "Everything",
            "sedmlDataSetIds": ["d0", "d1", "d2", "d3", "d4"],
            "sedmlDataSetNames": ["", "the species", "", "", ""],
            "sedmlDataSetLabels": ["Time", "A", "A", "step", "rest"],
            "sedmlDataSetDataTypes": ["float64"] * 5,
            "sedmlDataSetShapes": ["9", "9", "9", "2", ""],
        }
        time, a, total, step, limit = report[()]
        # The course begins at 10; nothing in the model depends on time.
        np.testing.assert_array_equal(time, np.linspace(11, 13, 9))
        np.testing.assert_allclose(a, 3 * np.exp(-0.5 * (time - 10)), rtol=1e-7)
        engine = KineticModel.from_sbml(MODEL).simulate([0.0, *(time - 10)])["A"].to_numpy()[1:]
        np.testing.assert_array_equal(a, engine)
        np.testing.assert_allclose(total, 4 * a + 0.5, rtol=1e-12)
        np.testing.assert_allclose(step, [3, 3 * np.exp(-0.5 * 0.75), *[np.nan] * 7], rtol=1e-7)
        # Production over decay, both as changed.
        np.testing.assert_allclose(limit, [5 / 1.25, *[np.nan] * 8], rtol=1e-7)
        np.testing.assert_array_equal(resting[()], limit[:1])
        assert (plot.attrs["_type"], plot.attrs["sedmlDataSetIds"].tolist()) == ("SedPlot2D", ["time", "a"])
        np.testing.assert_array_equal(plot[()], [time, a])
    with zipfile.ZipFile(out / "plots.zip") as plots:
        assert plots.namelist() == ["sub/sim.sedml/plot.pdf"]
        assert plots.read("sub/sim.sedml/plot.pdf").startswith(b"%PDF")
    (document,) = log["sedDocuments"]
    assert [task["id"] for task in document["tasks"]] == ["course", "stepped", "resting"]
    assert "asked for KISAO:0000019" in document["tasks"][0]["output"]
    assert document["outputs"][2]["curves"] == [{"id": "c", "status": "SUCCEEDED"}]


CHANGE = f'<changeAttribute target="{A}/@initialAmount" newValue="7"/>'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('<task id="course" ', '<repeatedTask id="course"/><task id="x" ', "'course' is a repeatedTask"),
        ("KISAO:0000019", "KISAO:0000029", "algorithm KISAO:0000029"),
        ("KISAO_0000088", "KISAO:0000407", "algorithm KISAO:0000407"),
        ("<oneStep", "<analysis", "'step' is a oneStep|'step' is a analysis"),
        ("<sedML ", "<!DOCTYPE x><sedML ", "DOCTYPE"),
        ('urn:sedml:language:sbml"', 'urn:sedml:language:cellml"', "expected SBML"),
        ('source="../model.xml"', 'source="../../model.xml"', "which the archive lacks"),
        ('source="#m"', 'source="#changed"', "a change of itself"),
        (CHANGE, f'<removeXML target="{A}"/>', "a removeXML; only changeAttribute"),
        (CHANGE, CHANGE.replace("'A'", "'Q'"), "has 0 such elements"),
        (CHANGE, CHANGE.replace("'A'", "'B'"), "'B' has an assignmentRule"),
        (CHANGE, CHANGE.replace("initialAmount", "amount"), "no attribute"),
        (CHANGE, CHANGE.replace('"7"', '"many"'), "newValue='many'"),
        (CHANGE, CHANGE.replace("[@id=", "[last()-@id="), "expected steps from the root"),
        (f'target="{A}"', 'target="["', "expected steps from the root"),
        ('step="0.75"', 'step="-1"', "step -1"),
        ("<ci>two</ci>", "<ci>three</ci>", "uses 'three'"),
        ("<ci>two</ci>", "<csymbol definitionURL='http://sed-ml.org/#max'>max</csymbol>", "uses 'http://sed-ml.org/#max'"),
        (f'id="y" taskReference="course" target="{IN_MODEL}Species/sbml:species[@id=\'B\']"',
         f'id="y" taskReference="stepped" target="{A}"', "combines tasks"),
        ('symbol="urn:sedml:symbol:time"', 'symbol="urn:sedml:symbol:rate"', "symbol:rate"),
        ("plot2D", "plot3D", "the plot3D 'plot' is not written"),
        ("<curve ", "<shadedArea ", "has a shadedArea"),
        ('<report id="resting"', '<report id="all"', "no id of its own"),
        ('<dataSet id="d5" label="rest" dataReference="limit"/>', "", "shows nothing"),
        ('<oneStep id="step"', '<oneStep id="late"', "the id 'late' twice"),
    ],
)  # fmt: skip
def test_what_is_not_run_is_named_and_the_rest_is_run(tmp_path, old, new, message):
    assert old in SEDML
    pairs = [(old, new)] + ([(f"</{old}", f"</{new}")] if old in ("plot2D",) else [])
    text = SEDML
    for pair in pairs:
        text = text.replace(*pair)
    if new == "<analysis":
        text = text.replace("</oneStep>", "</analysis>")
    path = archive(tmp_path / "a.omex", text)
    log = run_archive(path, tmp_path)
    assert log["status"] == "FAILED"
    assert any(re.search(message, text) for text in failures(log)), failures(log)
    with pytest.raises(ValueError, match=message):
        run_archive(path, tmp_path, on_error="raise")


def test_a_time_that_the_model_knows_is_not_shifted(tmp_path):
    timed = MODEL.replace("<ci>s</ci>", '<csymbol definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>')
    log = run_archive(archive(tmp_path / "a.omex", model=timed), tmp_path)
    assert "initialTime 10, and the model depends on time" in failures(log)[0]
    assert [task["status"] for task in log["sedDocuments"][0]["tasks"]][:2] == ["FAILED", "SUCCEEDED"]


def test_the_master_alone_is_run(tmp_path):
    content = '<content location="./{}" format="http://identifiers.org/combine.specifications/{}" master="{}"/>'
    sedml = content.format("sub/sim.sedml", "sed-ml.level-1.version-3", "{}")
    model = content.format("model.xml", "sbml", "{}")
    log = run_archive(archive(tmp_path / "a.omex", manifest=sedml.format("true") + model.format("false")), tmp_path)
    assert log["status"] == "SUCCEEDED"
    with pytest.raises(InvalidModelError, match=r"the master of b.omex, 'model.xml', is no SED-ML"):
        run_archive(archive(tmp_path / "b.omex", manifest=sedml.format("false") + model.format("true")), tmp_path)
    with pytest.raises(InvalidModelError, match="holds no SED-ML"):
        run_archive(archive(tmp_path / "c.omex", manifest=model.format("false")), tmp_path)


def test_the_command(tmp_path, capsys):
    good = archive(tmp_path / "a.omex")
    bad = archive(tmp_path / "b.omex", SEDML.replace("KISAO:0000019", "KISAO:0000029"))
    assert main(["biosimulators", "-i", str(good), "-o", str(tmp_path / "out")]) == 0
    assert "sub/sim.sedml/all: SUCCEEDED" in capsys.readouterr().out
    assert main(["biosimulators", "--archive", str(bad), "--out-dir", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "sub/sim.sedml/course: FAILED, UnsupportedModelError" in printed.err
    assert "sub/sim.sedml/resting: SUCCEEDED" in printed.out
    # What the first run drew is not there any more.
    assert not (tmp_path / "out" / "plots.zip").exists()
    assert main(["biosimulators", "-q", "-i", str(bad), "-o", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("", "")
    assert main(["biosimulators", "-d", "-i", str(bad), "-o", str(tmp_path)]) == 1
    assert "Traceback" in capsys.readouterr().err
    (tmp_path / "c.omex").write_text("no archive")
    assert main(["biosimulators", "-i", str(tmp_path / "c.omex"), "-o", str(tmp_path)]) == 2
