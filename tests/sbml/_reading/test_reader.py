"""Everything that is not an SBML file is refused by name, before libsbml sees it."""

import gzip
import os
from pathlib import Path

import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel
from skperturb.sbml._reading import reader

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m" name="é">
<listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="3"/></listOfSpecies>
<listOfReactions><reaction id="decay"><listOfReactants><speciesReference species="A"/></listOfReactants>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>A</ci></math></kineticLaw></reaction>
</listOfReactions></model></sbml>"""


def test_path_text_and_encodings(tmp_path):
    path = tmp_path / "model.xml"
    for encoding in ("utf-8", "iso-8859-1", "utf-16", "utf-8-sig"):
        declared = "utf-8" if encoding == "utf-8-sig" else encoding
        path.write_bytes(MODEL.replace("UTF-8", declared).encode(encoding))
        for source in (path, str(path)):
            assert KineticModel.from_sbml(source).x0.tolist() == [3.0]
    for text in (MODEL, "\n  " + MODEL, "\ufeff" + MODEL, MODEL.replace("UTF-8", "ISO-8859-1"), MODEL[39:]):
        assert KineticModel.from_sbml(text).model_id == "m"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (MODEL.encode()[:300], "truncated"),
        (MODEL.encode()[:-7], "truncated"),
        (b"%PDF-1.4 ...", "is a PDF file"),
        (b"\x1f\x8b\x08\x00", "cannot be unpacked"),
        (b"PK\x03\x04rest", "no readable zip file"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "HTML page"),
        (b"<html><body><p>Not found<br></body></html>", "HTML page"),
        (b"A + B -> C", "is not XML"),
        (b"\x00\x01\x02\xff", "is not XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "XML but not SBML.*<svg>"),
        (b"<sbml xmlns='http://example.org'><model/></sbml>", "XML but not SBML"),
        (b"<sbml xmlns='http://www.sbml.org/sbml/level2/version4' level='2' version='4'/>", "without a <model>"),
        (MODEL.replace("<model", "<!-- <model").replace("</model>", "</model> -->").encode(), "without a <model>"),
        (MODEL.encode().replace(b"\xc3\xa9", b"\xff"), "well-formed"),
        (MODEL.replace("\n<sbml", '\n<!DOCTYPE sbml [<!ENTITY a "b">]>\n<sbml', 1).encode(), "DOCTYPE"),
        (
            MODEL.replace("\n<sbml", '\n<!DOCTYPE x SYSTEM "file:///etc/passwd">\n<sbml', 1).encode(),
            "DOCTYPE",
        ),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "bad.xml"
    path.write_bytes(content)
    with pytest.raises(InvalidModelError, match=message) as caught:
        KineticModel.from_sbml(path)
    assert "bad.xml" in str(caught.value)


def test_entity_bomb_is_refused_at_once():
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    bomb = MODEL.replace("\n<sbml", f'\n<!DOCTYPE sbml [<!ENTITY e0 "x">{entities}]>\n<sbml', 1)
    with pytest.raises(InvalidModelError, match="DOCTYPE"):
        KineticModel.from_sbml(bomb.replace('name="é"', 'name="&e11;"'))


def test_deep_nesting_is_refused():
    deep = "<apply><minus/>" * 5000 + "<ci>A</ci>" + "</apply>" * 5000
    with pytest.raises(InvalidModelError, match="deeper than"):
        KineticModel.from_sbml(MODEL.replace("<ci>A</ci>", deep))
    tolerable = "<apply><minus/>" * 900 + "<ci>A</ci>" + "</apply>" * 900
    assert KineticModel.from_sbml(MODEL.replace("<ci>A</ci>", tolerable)).rhs(0, [3.0]).tolist() == [-3.0]


@pytest.mark.parametrize("source", ["missing.xml", Path("no") / "such" / "file.xml", "a\x00b", "x" * 5000])
def test_missing_files(source):
    with pytest.raises(InvalidModelError, match=r"does not exist|cannot be read"):
        KineticModel.from_sbml(source)


def test_folder_pipe_and_empty_string(tmp_path):
    with pytest.raises(InvalidModelError, match=r"is a folder; expected the path of an SBML file$"):
        KineticModel.from_sbml(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidModelError, match="not a regular file"):
        KineticModel.from_sbml(tmp_path / "pipe")
    with pytest.raises(InvalidModelError, match="empty string"):
        KineticModel.from_sbml(" ")


@pytest.mark.parametrize("source", [None, 3, b"<sbml/>", ["a.xml"]])
def test_wrong_type(source):
    with pytest.raises(TypeError, match="source must be a path or SBML text"):
        KineticModel.from_sbml(source)


def test_required_packages_are_refused_by_name():
    text = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"
    xmlns:a="http://www.sbml.org/sbml/level3/version1/arrays/version1" a:required="true"><model id="m"/></sbml>"""
    with pytest.raises(UnsupportedModelError, match="'arrays'"):
        KineticModel.from_sbml(text)


COMP = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"
xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true">
<model id="outer"><comp:listOfSubmodels><comp:submodel comp:id="sub" comp:modelRef="inner"/>
</comp:listOfSubmodels></model>{definitions}</sbml>"""
INNER = """<comp:listOfModelDefinitions><comp:modelDefinition id="inner">
<listOfCompartments><compartment id="c" size="2" constant="true" spatialDimensions="3"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="3" hasOnlySubstanceUnits="true"
boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfReactions><reaction id="decay" reversible="false" fast="false"><listOfReactants>
<speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>A</ci></math></kineticLaw></reaction>
</listOfReactions></comp:modelDefinition></comp:listOfModelDefinitions>"""
OUTSIDE = """<comp:listOfExternalModelDefinitions><comp:externalModelDefinition comp:id="inner"
comp:source="elsewhere.xml"/></comp:listOfExternalModelDefinitions>"""


def test_submodels_are_flattened_or_refused():
    model = KineticModel.from_sbml(COMP.format(definitions=INNER))
    assert model.variables == ("sub__A",)
    assert model.rhs(0, model.x0).tolist() == [-3.0]
    with pytest.raises(UnsupportedModelError, match="'sub'"):
        KineticModel.from_sbml(COMP.format(definitions=OUTSIDE))


@pytest.mark.parametrize(
    "text", ["A -> B; k*A; k = 1", "model oscillator\n  A -> B\nend", "x' = -x; x = 1", "S := 2*k;"]
)
def test_antimony_is_recognized(tmp_path, text):
    with pytest.raises(InvalidModelError, match=r"looks like Antimony.*antimony_to_sbml"):
        KineticModel.from_sbml(text)
    path = tmp_path / "model.ant"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidModelError, match=r"looks like Antimony.*antimony_to_sbml"):
        KineticModel.from_sbml(path)


@pytest.mark.parametrize("name", ["model.xml", "models/cell cycle=2.xml", "a-b.sbml"])
def test_a_path_that_does_not_exist_is_no_antimony(name):
    with pytest.raises(InvalidModelError, match=r"does not exist; expected a path or SBML text"):
        KineticModel.from_sbml(name)


def test_size_is_bounded(tmp_path, monkeypatch):

    path = tmp_path / "model.xml"
    path.write_text(MODEL, encoding="utf-8")
    monkeypatch.setattr(reader, "MAX_BYTES", len(MODEL.encode()))
    for source in (path, MODEL):
        assert KineticModel.from_sbml(source).model_id == "m"
    monkeypatch.setattr(reader, "MAX_BYTES", len(MODEL.encode()) - 1)
    for source in (path, MODEL):
        with pytest.raises(InvalidModelError, match="is larger than"):
            KineticModel.from_sbml(source)


def test_limit_is_256_mebibytes():
    assert reader.MAX_BYTES >> 20 == 256


def test_error_without_a_rest_keeps_its_status_in_another_process():
    import pickle

    from skperturb.exceptions import NoSteadyStateError

    error = pickle.loads(pickle.dumps(NoSteadyStateError("grows", status="diverged")))
    assert (str(error), error.status) == ("grows", "diverged")


def test_an_encoding_that_cannot_be_read(tmp_path):
    path = tmp_path / "model.xml"
    path.write_bytes(MODEL.replace("UTF-8", "utf-16-be").encode("utf-16"))
    with pytest.raises(InvalidModelError, match="encoding that cannot be read"):
        KineticModel.from_sbml(path)


@pytest.mark.parametrize(
    ("given", "file", "expected"),
    [
        ('id="m" name="a b"', "file.v2.xml", "m"),
        ('id="untitled" name="a b"', "file.v2.xml", "file.v2"),
        ('name="a b"', "file.xml.gz", "file"),
        ('id="Untitled" name="a b"', None, "a b"),
        ("", None, "model"),
    ],
)
def test_a_model_without_an_id_of_its_own_is_called_as_its_file(tmp_path, given, file, expected):
    text = (
        f'<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model {given}>'
        '<listOfParameters><parameter id="k" value="1" constant="false"/></listOfParameters><listOfRules>'
        '<rateRule variable="k"><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>1</cn></math></rateRule>'
        "</listOfRules></model></sbml>"
    )
    source = text if file is None else tmp_path / file
    if file:
        source.write_bytes(gzip.compress(text.encode()) if file.endswith(".gz") else text.encode())
    assert KineticModel.from_sbml(source).model_id == expected
