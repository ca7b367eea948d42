"""From a path or a text to an SBML document; everything that is not SBML is refused before libsbml sees it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skperturb.exceptions import InvalidModelError
from skperturb.sbml._reading.antimony import looks_like_antimony
from skperturb.sbml._reading.archives import Archive, gunzipped, is_gzip, is_zip
from skperturb.sbml._reading.consistency import parsed
from skperturb.sbml._reading.scanner import scanned_text
from skperturb.sbml._reading.submodels import Source, flattened

__all__ = ["Source", "read_document", "read_source"]

MAX_BYTES = 256 * 2**20

_BLANK = "\ufeff \t\r\n"


class _Directory:
    """The folder of a file."""

    def __init__(self, path: Path) -> None:
        self._root = path.parent
        self.location = path.name

    def text(self, location: str) -> str:
        path = self._root / location
        # A link may lead out of the folder, which a path may not.
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise InvalidModelError(f"{location!r} is a link that leads out of the folder of the model")
        name = repr(os.fspath(path))
        return _checked(_unpacked(_read_bytes(path, name), name), name, None)


class _ArchiveFolder:
    """A zip file, as the folder of one of its files."""

    def __init__(self, archive: Archive, location: str) -> None:
        self._archive, self.location = archive, location

    def text(self, location: str) -> str:
        if location not in self._archive:
            raise InvalidModelError(f"{self._archive.name} has no file {location!r}")
        return _checked(self._archive.read(location), f"{location!r} in {self._archive.name}", None)


def read_source(source: str | os.PathLike) -> Source:
    """Return the text of an SBML source: text, a file, a gzip-compressed file or an archive.

    A ``str`` whose first visible character is ``<`` is SBML text, any other one a path.
    """
    if isinstance(source, str) and source.lstrip(_BLANK).startswith("<"):
        return Source(_checked(source.lstrip(_BLANK).encode(), "the SBML text", "utf-8"), "the SBML text")
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"source must be a path or SBML text, got {type(source).__name__}; expected a str or pathlib.Path"
        )
    if isinstance(source, str) and not source.strip():
        raise InvalidModelError("source is an empty string; expected a path or SBML text")
    path, name = Path(source), repr(os.fspath(source))
    content = _unpacked(_read_bytes(path, name), name)
    if not is_zip(content):
        return Source(_checked(content, name, None), name, _Directory(path))
    archive = Archive(content, name, MAX_BYTES)
    location = archive.master()
    folder = _ArchiveFolder(archive, location)
    return Source(folder.text(location), f"{location!r} in {name}", folder)


def _unpacked(content: bytes, name: str) -> bytes:
    return gunzipped(content, name, MAX_BYTES) if is_gzip(content) else content


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise InvalidModelError(f"source={name} is a folder; expected the path of an SBML file")
        if path.exists() and not path.is_file():
            raise InvalidModelError(f"source={name} is not a regular file; expected an SBML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except InvalidModelError:
        raise
    except FileNotFoundError:
        raise InvalidModelError(f"source={_shown(name)} does not exist; {_expected(str(path))}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidModelError(f"source={_shown(name)} cannot be read: {reason}; {_expected(str(path))}") from None
    if len(content) > MAX_BYTES:
        raise _too_large(f"source={name}")
    return content


def _shown(name: str) -> str:
    return name if len(name) < 200 else f"{name[:200]}..."


def _expected(path: str) -> str:
    if looks_like_antimony(path):
        return "it looks like Antimony; translate it with skperturb.sbml.antimony_to_sbml"
    return "expected a path or SBML text"


def _too_large(what: str) -> InvalidModelError:
    return InvalidModelError(
        f"{what} is larger than {MAX_BYTES >> 20} MiB, the limit for SBML files; split the model or leave out "
        "annotations"
    )


def _checked(content: bytes, name: str, encoding: str | None) -> str:
    if not content.strip():
        raise InvalidModelError(f"{name} is empty; expected SBML")
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    for signature, kind in ((b"%PDF", "a PDF file"), (b"\x1f\x8b", "compressed twice"), (b"PK\x03\x04", "a zip file")):
        if content.startswith(signature):
            raise InvalidModelError(f"{name} is {kind}; expected an SBML file (XML)")
    return scanned_text(content, name, encoding)


def read_document(source: Source, *, external_models: bool = True) -> Any:
    """Return the libsbml document of a checked text, with submodels flattened."""
    return flattened(parsed(source.text, source.name), source, external_models)
