"""Compressed files and archives as sources, and what is refused before it exhausts the memory."""

import gzip
import zipfile

import pytest

from skperturb.exceptions import InvalidModelError
from skperturb.sbml import JacobianExtractor, KineticModel, screen_models
from skperturb.sbml._reading import archives, reader

MANIFEST = (
    '<?xml version="1.0"?><omexManifest xmlns="http://identifiers.org/combine.specifications/omex-manifest">'
    '<content location="." format="http://identifiers.org/combine.specifications/omex"/>{}</omexManifest>'
)
FORMAT = "http://identifiers.org/combine.specifications"


def manifest(*contents):
    """Contents are (location, format, further attributes)."""
    return MANIFEST.format("".join(f'<content location="{a}" format="{FORMAT}/{b}" {c}/>' for a, b, c in contents))


def archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def test_every_door_takes_compressed_files(tmp_path, sbml_text):
    gz = tmp_path / "chain.xml.gz"
    gz.write_bytes(gzip.compress(sbml_text().encode()))
    omex = archive(tmp_path / "chain.omex", {"manifest.xml": manifest(("./m.xml", "sbml", "")), "m.xml": sbml_text()})
    plain = archive(tmp_path / "chain.zip", {"deep/m.xml": sbml_text(), "read.me": "", "__MACOSX/m.xml": "x"})
    for path in (gz, omex, plain):
        assert KineticModel.from_sbml(path).variables == ("A", "B")
        assert KineticModel.from_sbml(str(path)).variables == ("A", "B")
    networks = JacobianExtractor().fit_transform([gz, str(omex)])
    assert [network.n_nodes for network in networks] == [2, 2]
    assert screen_models([gz, omex, plain])["status"].tolist() == ["steady"] * 3


@pytest.mark.parametrize(
    "contents",
    [
        [("./b.xml", "sbml.level-3.version-1.core", 'master="true"'), ("a.xml", "sbml.level-2", "")],
        [("b.xml", "sbml", 'master="true"'), ("a.xml", "sbml", 'master="false"'), ("s.xml", "sed-ml.level-1", "")],
        # The master is a simulation, and one model belongs to it.
        [("b.xml", "sbml", ""), ("s.xml", "sed-ml.level-1.version-3", 'master="true"'), ("a.xml", "sbgn", "")],
    ],
)
def test_manifest_names_the_model(tmp_path, sbml_text, contents):
    files = {"manifest.xml": manifest(*contents), "a.xml": sbml_text("other"), "b.xml": sbml_text("right"), "s.xml": ""}
    assert KineticModel.from_sbml(archive(tmp_path / "a.omex", files)).model_id == "right"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.xml": "<sbml/>", "b.xml": "<sbml/>"}, "2 of what should be the one file.*'a.xml', 'b.xml'"),
        ({"readme.txt": "x"}, "0 of what should be the one file"),
        ({"manifest.xml": manifest(("a.xml", "sbml", ""), ("b.xml", "sbml", "")), "a.xml": "", "b.xml": ""}, "2 of"),
        ({"manifest.xml": manifest(("a.xml", "sbml", ""))}, "lists 'a.xml', which the archive lacks"),
        ({"manifest.xml": manifest(("../../etc/passwd", "sbml", ""))}, "'../../etc/passwd', which the archive lacks"),
        ({"manifest.xml": "<omexManifest>", "a.xml": ""}, "not well-formed"),
        ({"manifest.xml": '<!DOCTYPE a [<!ENTITY b "c">]>' + manifest(), "a.xml": ""}, "DOCTYPE"),
        ({"a.xml": "no model"}, "'a.xml' in .*is not XML"),
        ({"a.xml": b"PK\x03\x04"}, "'a.xml' in .*is a zip file"),
    ],
)
def test_archives_without_one_model(tmp_path, files, message):
    with pytest.raises(InvalidModelError, match=message) as caught:
        KineticModel.from_sbml(archive(tmp_path / "bad.omex", files))
    assert "bad.omex" in str(caught.value)


def test_damaged_files(tmp_path, sbml_text):
    path = tmp_path / "damaged"
    whole = gzip.compress(sbml_text().encode())
    path.write_bytes(whole[:-20])
    with pytest.raises(InvalidModelError, match="cannot be unpacked"):
        KineticModel.from_sbml(path)
    path.write_bytes(gzip.compress(whole))
    with pytest.raises(InvalidModelError, match="compressed twice"):
        KineticModel.from_sbml(path)
    content = archive(path, {"m.xml": sbml_text()}).read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(InvalidModelError, match="no readable zip file"):
        KineticModel.from_sbml(path)
    # One byte of what is compressed.
    path.write_bytes(content[:60] + bytes([content[60] ^ 255]) + content[61:])
    with pytest.raises(InvalidModelError, match=r"'m.xml' in .* cannot be unpacked"):
        KineticModel.from_sbml(path)


def test_encrypted_member(tmp_path, sbml_text):
    path = archive(tmp_path / "secret.zip", {"m.xml": sbml_text()})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(InvalidModelError, match="encrypted"):
        KineticModel.from_sbml(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_compression(tmp_path, sbml_text, method):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("m.xml", sbml_text())
    with pytest.raises(InvalidModelError, match=f"compressed by method {method}; expected deflate"):
        KineticModel.from_sbml(path)


def test_bombs_are_not_unpacked(tmp_path, sbml_text, monkeypatch):
    limit = 1 << 20
    monkeypatch.setattr(reader, "MAX_BYTES", limit)
    blank = sbml_text().replace("<model", " " * (limit + 1) + "<model")
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(blank.encode()))
    assert path.stat().st_size < 10_000
    with pytest.raises(InvalidModelError, match="larger than 1 MiB when unpacked"):
        KineticModel.from_sbml(path)
    with pytest.raises(InvalidModelError, match="larger than 1 MiB when unpacked"):
        KineticModel.from_sbml(archive(tmp_path / "bomb.zip", {"m.xml": blank}))
    # What is read of an archive counts together.
    holder = archives.Archive(archive(path, {"a": "x" * 600, "b": "y" * 600}).read_bytes(), "it", 1000)
    assert holder.read("a") == b"x" * 600
    with pytest.raises(InvalidModelError, match="larger than"):
        holder.read("b")


def test_number_of_files_is_bounded(tmp_path, sbml_text, monkeypatch):
    path = archive(tmp_path / "many.zip", {"m.xml": sbml_text()} | {f"{n}.txt": "" for n in range(20)})
    assert KineticModel.from_sbml(path).variables == ("A", "B")
    monkeypatch.setattr(archives, "MAX_FILES", 20)
    with pytest.raises(InvalidModelError, match="holds 21 files; expected at most 20"):
        KineticModel.from_sbml(path)
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 500)
    with pytest.raises(InvalidModelError, match="directory of many files"):
        KineticModel.from_sbml(path)
