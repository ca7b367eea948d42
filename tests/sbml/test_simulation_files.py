"""SED-ML files and archives."""

import zipfile

import numpy as np
import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel, read_simulations

SPECIES = "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='A']"
SEDML = """<?xml version="1.0" encoding="utf-8"?>
<sedML xmlns="http://sed-ml.org/sed-ml/level1/version3" level="1" version="3">
<listOfSimulations><uniformTimeCourse id="course" initialTime="0" outputStartTime="1" outputEndTime="2"
 numberOfPoints="4"><algorithm kisaoID="KISAO:0000019"/></uniformTimeCourse></listOfSimulations>
<listOfModels><model id="m" language="urn:sedml:language:sbml" source="model.xml"/></listOfModels>
<listOfTasks><task id="t" modelReference="m" simulationReference="course"/></listOfTasks>
<listOfDataGenerators>
<dataGenerator id="dt"><listOfVariables><variable id="v0" symbol="urn:sedml:symbol:time" taskReference="t"/>
</listOfVariables><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>v0</ci></math></dataGenerator>
<dataGenerator id="da"><listOfVariables><variable id="v1" target="TARGET" taskReference="t"/>
</listOfVariables><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>v1</ci></math></dataGenerator>
</listOfDataGenerators>
<listOfOutputs><report id="r"><listOfDataSets><dataSet id="d0" label="Time" dataReference="dt"/>
<dataSet id="d1" label="[A]" dataReference="da"/></listOfDataSets></report></listOfOutputs>
</sedML>""".replace("TARGET", SPECIES)


@pytest.fixture
def model(sbml_text):
    return sbml_text("chain")


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as found:
        for name, text in files.items():
            found.writestr(name.replace("__", "/").replace("_", "."), text)
    return path


def test_times_and_outputs_of_a_file_and_of_an_archive(model, tmp_path):
    (tmp_path / "model.xml").write_text(model)
    (tmp_path / "sim.sedml").write_text(SEDML)
    (one,) = read_simulations(tmp_path / "sim.sedml")
    (other,) = read_simulations(archive(tmp_path / "a.omex", sub__sim_sedml=SEDML, sub__model_xml=model))
    for found in (one, other):
        assert (found.name, found.outputs) == ("r", {"Time": "time", "[A]": "A"})
        np.testing.assert_allclose(found.times, [1.0, 1.25, 1.5, 1.75, 2.0])
        table = found.run()
        assert list(table.columns) == ["Time", "[A]"]
        expected = KineticModel.from_sbml(model).simulate([0.0, *found.times])["A"].to_numpy()[1:]
        np.testing.assert_allclose(table["[A]"], expected, rtol=1e-8)
        np.testing.assert_array_equal(table["Time"], found.times)


def test_changed_models_and_parameters_of_reactions(model, tmp_path):
    (tmp_path / "model.xml").write_text(model)
    change = f'<listOfChanges><changeAttribute target="{SPECIES}/@initialConcentration" newValue="8"/></listOfChanges>'
    text = SEDML.replace('source="model.xml"/>', f'source="model.xml">{change}</model>')
    (tmp_path / "sim.sedml").write_text(text)
    (changed,) = read_simulations(tmp_path / "sim.sedml")
    assert changed.model.simulate([0.0])["A"].item() == 8.0
    assert KineticModel.from_sbml(model).simulate([0.0])["A"].item() != 8.0


@pytest.mark.parametrize(
    "target",
    [
        "/s:sbml/s:model/s:listOfSpecies/s:species[@s:id='A']",
        "/sbml/model/listOfSpecies/species[ @id = &quot;A&quot; ]",
        "//sbml:species[@id='A']",
        "/sbml:sbml//sbml:listOfSpecies/*[@id='A']",
        "/sbml:sbml/descendant::sbml:species[@id='A']",
        "/sbml:sbml/child::sbml:model/sbml:listOfSpecies/sbml:species[@metaid='m [/] and 1']",
        "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@sbml:name='the first' and @sbml:id='A']",
        "/sbml:sbml[1]/sbml:model/sbml:listOfSpecies[1]/sbml:species[@name='the first'][1]",
    ],
)
def test_common_forms_of_targets(model, tmp_path, target):
    assert model.count('<species id="A"') == 1
    named = model.replace('<species id="A"', '<species metaid="m [/] and 1" name="the first" id="A"')
    (tmp_path / "model.xml").write_text(named)
    (tmp_path / "sim.sedml").write_text(SEDML.replace(SPECIES, target))
    assert read_simulations(tmp_path / "sim.sedml")[0].outputs == {"Time": "time", "[A]": "A"}


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("<sedML", "<sbml", InvalidModelError, "no readable XML"),
        ('<?xml version="1.0" encoding="utf-8"?>', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
         InvalidModelError, "DOCTYPE"),
        ('source="model.xml"', 'source="http://somewhere/model.xml"', UnsupportedModelError, "is elsewhere"),
        ('source="model.xml"', 'source="../model.xml"', InvalidModelError, "not in its folder"),
        ('initialTime="0"', 'initialTime="1"', UnsupportedModelError, "initialTime 1"),
        ('outputEndTime="2"', 'outputEndTime="0.5"', InvalidModelError, "expected 0 ≤ start < end"),
        ('numberOfPoints="4"', 'numberOfPoints="many"', InvalidModelError, "numberOfPoints='many'"),
        ('numberOfPoints="4"', 'numberOfPoints="1e12"', InvalidModelError, "from 1 to 1000000"),
        ("uniformTimeCourse", "steadyState", UnsupportedModelError, "is a steadyState"),
        ('dataReference="da"', 'dataReference="dx"', InvalidModelError, "refers to 'dx'"),
        ("<ci>v1</ci>", "<apply><plus/><ci>v1</ci><cn>1</cn></apply>", UnsupportedModelError, "calculates"),
        ("@id='A'", "@id='Z'", InvalidModelError, "the model has 0 such elements"),
        ("@id='A'", "@id='a'", InvalidModelError, r"0 such elements \(did you mean 'A'"),
        ("sbml:species[@id", "sbml:parameter[@id", InvalidModelError, "has 0 such elements; expected one"),
        ("/sbml:species[@id='A']", "", InvalidModelError, "the element has no id"),
        ('label="Time"', 'label="[A]"', UnsupportedModelError, "two data sets of the label"),
        ("[@id='A']", "", InvalidModelError, "such elements; expected one"),
        ("[@id='A']", "[1 to 2]", UnsupportedModelError, "has the target"),
        ("[@id='A']", "[@id='A' or @id='B']", UnsupportedModelError, r"\[@metaid='A'\].* or a position"),
    ],
)  # fmt: skip
def test_what_is_not_simple_is_refused(model, tmp_path, old, new, error, message):
    (tmp_path / "model.xml").write_text(model)
    assert old in SEDML
    (tmp_path / "sim.sedml").write_text(SEDML.replace(old, new))
    with pytest.raises(error, match=message):
        read_simulations(tmp_path / "sim.sedml")


def test_archives_that_lack_something(model, tmp_path):
    with pytest.raises(InvalidModelError, match="holds no SED-ML"):
        read_simulations(archive(tmp_path / "a.omex", model_xml=model))
    with pytest.raises(InvalidModelError, match="the archive lacks"):
        read_simulations(archive(tmp_path / "b.omex", sim_sedml=SEDML))
