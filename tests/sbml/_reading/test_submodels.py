"""Submodels in other files: which are read, and which never are."""

import zipfile

import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel

CORE = "http://www.sbml.org/sbml/level3/version1/core"
COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
INNER = f"""<sbml xmlns="{CORE}" level="3" version="1"><model id="inner">
<listOfCompartments><compartment id="c" size="2" constant="true" spatialDimensions="3"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="3" hasOnlySubstanceUnits="true"
boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfReactions><reaction id="decay" reversible="false" fast="false"><listOfReactants>
<speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn type="integer">3000000000</cn>
<ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions></model></sbml>"""


def outer(source, *, copies=1, reference="", more=""):
    subs = "".join(f'<comp:submodel comp:id="s{k}" comp:modelRef="part"/>' for k in range(copies))
    model_reference = f'comp:modelRef="{reference}"' if reference else ""
    return f"""<sbml xmlns="{CORE}" level="3" version="1" xmlns:comp="{COMP}" comp:required="true"><model id="outer">
<comp:listOfSubmodels>{subs}</comp:listOfSubmodels></model>{more}<comp:listOfExternalModelDefinitions>
<comp:externalModelDefinition comp:id="part" comp:source="{source}" {model_reference}/>
</comp:listOfExternalModelDefinitions></sbml>"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outside.xml").write_text(INNER, encoding="utf-8")
    root = tmp_path / "models"
    (root / "parts").mkdir(parents=True)
    (root / "parts" / "inner one.xml").write_text(INNER, encoding="utf-8")
    return root


def read(root, source, **options):
    path = root / "main.xml"
    path.write_text(outer(source, **options), encoding="utf-8")
    return KineticModel.from_sbml(path)


@pytest.mark.parametrize(
    "source", ["parts/inner one.xml", "./parts/../parts/inner one.xml", "nowhere/../parts/inner one.xml"]
)
def test_files_below_the_folder_are_read(folder, source, monkeypatch):
    model = read(folder, source, copies=2)
    assert model.variables == ("s0__A", "s1__A")
    # The number shows that what libsbml read had passed our own reading.
    assert model.rhs(0.0, model.x0).tolist() == [-9e9, -9e9]
    monkeypatch.chdir(folder)
    assert KineticModel.from_sbml("main.xml").variables == ("s0__A", "s1__A")


def test_files_that_name_files(folder):
    (folder / "parts" / "middle.xml").write_text(outer("inner one.xml", copies=2), encoding="utf-8")
    assert read(folder, "parts/middle.xml", copies=2).variables == ("s0__s0__A", "s0__s1__A", "s1__s0__A", "s1__s1__A")


def test_definition_inside_another_file(folder):
    definitions = INNER.split("<model", 1)[1].rsplit("</model>", 1)[0].replace('id="inner"', 'id="deep"', 1)
    more = f"<comp:listOfModelDefinitions><comp:modelDefinition{definitions}</comp:modelDefinition>"
    library = outer("inner one.xml", copies=0, more=f"{more}</comp:listOfModelDefinitions>")
    (folder / "parts" / "library.xml").write_text(library, encoding="utf-8")
    assert read(folder, "parts/library.xml", reference="deep").variables == ("s0__A",)
    with pytest.raises(InvalidModelError, match=r"'s0' refers to the model 'absent', which 'parts/library.xml'"):
        read(folder, "parts/library.xml", reference="absent")


def test_a_parameter_forbids_other_files(folder):
    read(folder, "parts/inner one.xml")
    with pytest.raises(UnsupportedModelError, match=r"'parts/inner one.xml'.*external_models=True"):
        KineticModel.from_sbml(folder / "main.xml", external_models=False)


@pytest.mark.parametrize(
    "source",
    [
        "../outside.xml",
        "parts/../../outside.xml",
        "http://example.org/inner.xml",
        "https://example.org/inner.xml",
        "ftp://example.org/inner.xml",
        "//example.org/inner.xml",
        "file:///etc/passwd",
        "file:../outside.xml",
        "/etc/passwd",
        "urn:miriam:biomodels.db:BIOMD0000000001",
        "",
    ],
)
def test_other_places_are_never_looked_at(folder, source):
    with pytest.raises(UnsupportedModelError, match=r"'s0' lies in another file.*by their relative path, never"):
        read(folder, source)


def test_links_out_of_the_folder(folder):
    (folder / "link.xml").symlink_to(folder.parent / "outside.xml")
    with pytest.raises(UnsupportedModelError, match="link that leads out"):
        read(folder, "link.xml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("<html/>", "HTML page"),
        (f"<!DOCTYPE sbml>{INNER}", "DOCTYPE"),
        (INNER.replace("3000000000", "many"), "'many'; expected an integer"),
        (INNER[:300], "truncated"),
    ],
)
def test_other_files_are_read_with_the_same_care(folder, content, message):
    if content is not None:
        (folder / "part.xml").write_text(content, encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match=f"'s0' lies in another file .'part.xml'.*{message}"):
        read(folder, "part.xml")


def test_a_text_has_no_place():
    with pytest.raises(UnsupportedModelError, match="give the path of the file"):
        KineticModel.from_sbml(outer("inner.xml"))


def test_circles_and_multiplication(folder):
    with pytest.raises(InvalidModelError, match="contain each other"):
        read(folder, "main.xml")
    (folder / "there.xml").write_text(outer("back.xml"), encoding="utf-8")
    (folder / "back.xml").write_text(outer("there.xml"), encoding="utf-8")
    with pytest.raises(InvalidModelError, match="contain each other"):
        read(folder, "there.xml")
    # Each file holds two copies of the next: 2 ** 30 of the last.
    for k in range(30):
        (folder / f"p{k}.xml").write_text(outer(f"p{k + 1}.xml", copies=2), encoding="utf-8")
    (folder / "p30.xml").write_text(INNER, encoding="utf-8")
    with pytest.raises(InvalidModelError, match="more than 20000 submodels"):
        read(folder, "p0.xml")


def test_files_of_an_archive_name_each_other(tmp_path):
    path = tmp_path / "models.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.xml", '<omexManifest><content location="./m/main.xml" format="x/sbml"/></omexManifest>')
        file.writestr("m/main.xml", outer("../shared/inner.xml"))
        file.writestr("shared/inner.xml", INNER)
    assert KineticModel.from_sbml(path).variables == ("s0__A",)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("main.xml", outer("../inner.xml"))
    with pytest.raises(UnsupportedModelError, match=r"'\.\./inner.xml'.*never"):
        KineticModel.from_sbml(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("main.xml", outer("inner.xml.xsd"))
    with pytest.raises(UnsupportedModelError, match=r"has no file 'inner.xml.xsd'"):
        KineticModel.from_sbml(path)
