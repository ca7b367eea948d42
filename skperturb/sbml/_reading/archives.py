"""Compressed sources: one gzip-compressed file, a zip file with one model, and OMEX archives with a manifest."""

from __future__ import annotations

import gzip
import io
import posixpath
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO
from xml.parsers import expat

from skperturb.exceptions import InvalidModelError

__all__ = ["Archive", "gunzipped", "is_gzip", "is_zip"]

# An archive of models has no more; of each file in its directory Python makes an object, before one is asked for.
MAX_FILES = 10_000
MAX_DIRECTORY = 2**22
_MANIFEST = "manifest.xml"


def is_gzip(content: bytes) -> bool:
    return content.startswith(b"\x1f\x8b")


def is_zip(content: bytes) -> bool:
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def gunzipped(content: bytes, name: str, limit: int) -> bytes:
    """Return what a gzip-compressed file holds, at most `limit` bytes: a bomb is not unpacked."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return _bounded(file, name, limit)


def _bounded(file: IO[bytes] | io.BufferedIOBase, name: str, limit: int) -> bytes:
    try:
        content = file.read(limit + 1)
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, *_DAMAGED) as error:
        raise InvalidModelError(f"{name} cannot be unpacked: {error}; expected a complete file") from None
    if len(content) > limit:
        raise InvalidModelError(f"{name} is larger than {-(-limit >> 20)} MiB when unpacked, the limit for SBML files")
    return content


_DAMAGED = (zlib.error, zipfile.BadZipFile)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The files of a zip archive by normalized name; nothing is ever written to where a name points.

    Parameters
    ----------
    content : bytes
        The archive.
    name : str
        What messages call it.
    limit : int
        Bytes that may be unpacked from it, all files together.
    """

    def __init__(self, content: bytes, name: str, limit: int) -> None:
        self.name, self.limit = name, limit
        if _directory_size(content) > MAX_DIRECTORY:
            raise InvalidModelError(f"{name} has a directory of many files; expected at most {MAX_FILES}")
        try:
            self._file = zipfile.ZipFile(io.BytesIO(content))
        except (*_DAMAGED, OSError, ValueError, NotImplementedError) as error:
            raise InvalidModelError(f"{name} is no readable zip file: {error}") from None
        members = [item for item in self._file.infolist() if not item.is_dir()]
        if len(members) > MAX_FILES:
            raise InvalidModelError(f"{name} holds {len(members)} files; expected at most {MAX_FILES}")
        self.members: Mapping[str, zipfile.ZipInfo] = {
            posixpath.normpath(item.filename.replace("\\", "/")): item for item in members
        }

    def __contains__(self, location: str) -> bool:
        return location in self.members

    def read(self, location: str) -> bytes:
        """Return the content of one file."""
        item = self.members[location]
        where = f"{location!r} in {self.name}"
        if item.flag_bits & 1:
            raise InvalidModelError(f"{where} is encrypted; expected files without a password")
        if item.compress_type not in _METHODS:
            raise InvalidModelError(f"{where} is compressed by method {item.compress_type}; expected deflate or none")
        try:
            with self._file.open(item) as file:
                content = _bounded(file, where, self.limit)
        except (*_DAMAGED, OSError, NotImplementedError) as error:
            raise InvalidModelError(f"{where} cannot be unpacked: {error}; expected a complete file") from None
        self.limit -= len(content)
        return content

    def read_beside(self, source: str, *, folder: str, asking: str) -> bytes:
        """Return the model that a file in `folder` refers to; messages call that file `asking`."""
        location = posixpath.normpath(posixpath.join(folder, source))
        if location not in self:
            raise InvalidModelError(f"{asking} refers to the model {source!r}, which the archive lacks.")
        return self.read(location)

    def master(self) -> str:
        """Return the location of the model: the one that the manifest names, or the only one."""
        if _MANIFEST not in self:
            return self._only([name for name in self.members if _may_be_sbml(name)], "file that may be SBML")
        listed = _contents(self.read(_MANIFEST), self.name)
        models = {location: is_master for location, kind, is_master in listed if "sbml" in kind.lower().rsplit("/")[-1]}
        for location in models:
            if location not in self:
                raise InvalidModelError(f"the manifest of {self.name} lists {location!r}, which the archive lacks")
        masters = [location for location, is_master in models.items() if is_master]
        return masters[0] if len(masters) == 1 else self._only(list(models), "SBML file in its manifest")

    def experiments(self) -> list[str]:
        """Return the locations of the SED-ML files: the master alone if the manifest names one."""
        if _MANIFEST not in self:
            found = sorted(name for name in self.members if name.lower().endswith((".sedml", ".sedx")))
        else:
            listed = _contents(self.read(_MANIFEST), self.name)
            masters = [(location, kind) for location, kind, is_master in listed if is_master]
            chosen = masters or [(location, kind) for location, kind, _ in listed]
            # A file that is listed twice is run once.
            found = list(dict.fromkeys(location for location, kind in chosen if "sed-ml" in kind.lower()))
            if masters and not found:
                raise InvalidModelError(f"the master of {self.name}, {masters[0][0]!r}, is no SED-ML: nothing to run")
        lacking = [name for name in found if name not in self]
        if not found or lacking:
            what = f"lists {lacking[0]!r}, which is not in it" if lacking else "holds no SED-ML (.sedml)"
            raise InvalidModelError(f"{self.name} {what}; expected a simulation experiment")
        return found

    def _only(self, found: list[str], what: str) -> str:
        if len(found) == 1:
            return found[0]
        shown = ", ".join(map(repr, sorted(found)[:5])) or "none"
        hint = "; unpack it and give the path of one file" if found else ""
        raise InvalidModelError(f"{self.name} has {len(found)} of what should be the one {what} ({shown}){hint}")


def _directory_size(content: bytes) -> int:
    """Return the size of the directory that a zip file declares in its end record (or in that of zip64)."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0:
        return 0
    if content[end - 20 : end - 16] == b"PK\x06\x07":
        return int.from_bytes(content[end - 36 : end - 28], "little")
    return int.from_bytes(content[end + 12 : end + 16], "little")


def _may_be_sbml(name: str) -> bool:
    return name.lower().endswith((".xml", ".sbml")) and not name.startswith("__MACOSX/")


def _contents(manifest: bytes, name: str) -> list[tuple[str, str, bool]]:
    """Return location, format and whether it is the master of every content of an OMEX manifest."""
    found: list[tuple[str, str, bool]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "content":
            location = posixpath.normpath(attributes.get("location", "").lstrip("/"))
            found.append((location, attributes.get("format", ""), attributes.get("master") in ("true", "1")))

    def refuse(*_: object) -> None:
        raise InvalidModelError(f"the manifest of {name} has a DOCTYPE declaration, which is refused; remove it")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(manifest, True)
    except expat.ExpatError as error:
        raise InvalidModelError(f"the manifest of {name} is not well-formed XML ({error})") from None
    return found
