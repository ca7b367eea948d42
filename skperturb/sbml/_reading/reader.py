"""From a path or a text to an SBML document; everything that is not SBML is refused before libsbml sees it."""

import os
import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

import libsbml

from skperturb.exceptions import InvalidModelError, UnsupportedModelError

__all__ = ["read_document", "read_text"]

MAX_BYTES = 256 * 2**20
# libsbml reads nested XML by recursion in C: a deeper file could end the process.
MAX_DEPTH = 1000

_SBML_NAMESPACE = re.compile(r"http://www\.sbml\.org/sbml/level\d")
_SUPPORTED_PACKAGES = frozenset({"comp", "layout", "render", "groups", "fbc"})
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)


def read_text(source: str | os.PathLike) -> tuple[str, str]:
    """Return the text of an SBML source and a name for it in messages.

    A ``str`` whose first visible character is ``<`` is SBML text, any other one a path.
    """
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("<"):
        return _checked(source.lstrip("\ufeff \t\r\n").encode(), "the SBML text", "utf-8"), "the SBML text"
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"source must be a path or SBML text, got {type(source).__name__}; expected a str or pathlib.Path"
        )
    if isinstance(source, str) and not source.strip():
        raise InvalidModelError("source is an empty string; expected a path or SBML text")
    name = repr(os.fspath(source))
    return _checked(_read_bytes(Path(source), name), name, None), name


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise InvalidModelError(f"source={name} is a folder; expected the path of an SBML file")
        if path.exists() and not path.is_file():
            raise InvalidModelError(f"source={name} is not a regular file; expected an SBML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidModelError(f"source={name} does not exist; expected a path or SBML text") from None
    except (OSError, ValueError) as error:
        shown = name if len(name) < 200 else f"{name[:200]}..."
        raise InvalidModelError(f"source={shown} cannot be read: {error}") from None
    if len(content) > MAX_BYTES:
        raise InvalidModelError(
            f"source={name} is larger than {MAX_BYTES >> 20} MiB, the limit for SBML files; split the model or "
            "leave out annotations"
        )
    return content


def _checked(content: bytes, name: str, encoding: str | None) -> str:
    if not content.strip():
        raise InvalidModelError(f"{name} is empty; expected SBML")
    if len(content) > MAX_BYTES:
        raise InvalidModelError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB, the limit for SBML files; split the model or "
            "leave out annotations"
        )
    for signature, kind in ((b"%PDF", "a PDF file"), (b"\x1f\x8b", "gzip-compressed"), (b"PK\x03\x04", "a zip file")):
        if content.startswith(signature):
            raise InvalidModelError(f"{name} is {kind}; expected an SBML file (XML)")
    scanner = _Scanner(name)
    scanner.run(content, encoding)
    try:
        text = content.decode(encoding or scanner.encoding or _bom_encoding(content))
    except (UnicodeDecodeError, LookupError) as error:
        raise InvalidModelError(f"{name} cannot be decoded: {error}") from None
    # The declared encoding no longer holds: the text is handed to libsbml as Unicode.
    return _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)


def _bom_encoding(content: bytes) -> str:
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"


class _Scanner:
    """One pass over the XML: well-formed, an <sbml> root, no entities, bounded depth, known packages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.encoding: str | None = None
        self._depth = 0
        self._model_seen = False

    def run(self, content: bytes, encoding: str | None) -> None:
        parser = expat.ParserCreate(encoding, namespace_separator=" ")
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            what = self._describe(content, error)
            raise InvalidModelError(f"{self.name} {what}; expected a complete SBML file") from None
        if not self._model_seen:
            raise InvalidModelError(f"{self.name} is SBML without a <model>; expected a file with one model")

    def _describe(self, content: bytes, error: expat.ExpatError) -> str:
        if re.match(rb"\s*<(!doctype\s+html|html)", content[:200], re.IGNORECASE):
            return "is an HTML page"
        if b"<" not in content[:2000]:
            return "is not XML"
        if error.code in (3, 5) or error.lineno > content.count(b"\n"):
            return f"is truncated or not well-formed XML ({error})"
        return f"is not well-formed XML ({error})"

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = encoding

    def _doctype(self, doctype: str, *rest: Any) -> None:
        if doctype.lower() == "html":
            raise InvalidModelError(f"{self.name} is an HTML page; expected SBML")
        raise InvalidModelError(
            f"{self.name} has a DOCTYPE declaration ({doctype[:50]!r}); SBML has none, and it is refused because "
            "entities can exhaust the memory or read other files; remove it"
        )

    def _entity(self, entity: str, *rest: Any) -> None:
        raise InvalidModelError(f"{self.name} declares the entity {entity[:50]!r}; entities are refused. Remove it.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidModelError(f"{self.name} nests XML elements deeper than {MAX_DEPTH} levels")
        if self._depth == 1:
            self._root(tag, attributes)
        elif self._depth == 2 and tag.endswith(" model"):
            self._model_seen = True

    def _end(self, tag: str) -> None:
        self._depth -= 1

    def _root(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, local = tag.rpartition(" ")
        if local.lower() == "html":
            raise InvalidModelError(f"{self.name} is an HTML page; expected SBML")
        if local != "sbml" or not _SBML_NAMESPACE.match(namespace):
            raise InvalidModelError(
                f"{self.name} is XML but not SBML: its root element is <{local[:50]}> in namespace "
                f"{namespace[:100]!r}; expected <sbml xmlns='http://www.sbml.org/sbml/level...'>"
            )
        for key, value in attributes.items():
            package = re.fullmatch(r"http://www\.sbml\.org/sbml/level3/version\d+/(\w+)/\S* required", key)
            if package and value in ("true", "1") and package[1] not in _SUPPORTED_PACKAGES:
                raise UnsupportedModelError(
                    f"{self.name} requires the SBML package {package[1]!r}, which changes what its formulas mean; "
                    f"only core SBML and 'comp' are supported"
                )


def read_document(text: str, name: str) -> "libsbml.SBMLDocument":
    """Return the libsbml document of a checked text, with submodels flattened."""
    document = libsbml.readSBMLFromString(text)
    for index in range(document.getNumErrors()):
        error = document.getError(index)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_FATAL or error.isXML():
            raise InvalidModelError(f"{name} cannot be read (line {error.getLine()}): {error.getMessage().strip()}")
    if document.getModel() is None:
        raise InvalidModelError(f"{name} holds no model that libsbml can read")
    return _flattened(document, name)


def _flattened(document: "libsbml.SBMLDocument", name: str) -> "libsbml.SBMLDocument":
    plugin = document.getModel().getPlugin("comp")
    if plugin is None or not plugin.getNumSubmodels():
        return document
    properties = libsbml.ConversionProperties()
    properties.addOption("flatten comp", True)
    properties.addOption("performValidation", False)
    if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
        submodel = plugin.getSubmodel(0).getId()
        raise UnsupportedModelError(
            f"{name} is composed of submodels that cannot be flattened (first one: {submodel!r}), for example "
            "because they lie in other files; flatten the model before"
        )
    return document
