"""One pass over the XML of a source, before libsbml sees it: what it would not refuse, misread or not survive."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.parsers import expat

from skperturb.exceptions import InvalidModelError, SBMLError, UnsupportedModelError
from skperturb.sbml._reading.antimony import looks_like_antimony
from skperturb.sbml._reading.literals import literal_value, rewritten_literal

__all__ = ["scanned_text"]

# libsbml reads nested XML by recursion in C: a deeper file could end the process.
MAX_DEPTH = 1000

_SBML_NAMESPACE = re.compile(r"http://www\.sbml\.org/sbml/level(\d+)(?:/version(\d+))?(?:/core)?")
_VERSIONS = {1: (1, 2), 2: (1, 2, 3, 4, 5), 3: (1, 2)}
_SUPPORTED_PACKAGES = frozenset({"comp", "layout", "render", "groups", "fbc"})
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)
# An empty <piecewise/> is undefined. Inside another element libsbml refuses it, or takes its neighbor for its content.
_EMPTY_PIECEWISE = re.compile(r"<((?:[\w.-]+:)?)piecewise(?:\s[^<>]*)?(?:/>|>\s*</\1piecewise\s*>)")
_END_TAG = re.compile(rb"</(?:[^\s<>:]+:)?(?:notes|annotation)\s*>")
_BYTE_ORDER_MARK = "\ufeff"
_NEW_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_LITERAL = re.compile(r"(?<![\w.])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MATHML = "http://www.w3.org/1998/Math/MathML"
# Elements without an id; libsbml takes the empty id for one, or says "missing a required XML attribute".
_NAMED = ("compartment", "functionDefinition", "localParameter", "parameter", "reaction", "species", "specie")
# Of two such elements with one parent libsbml takes the last, or the first, in silence.
_SINGLE = (
    "delay", "kineticLaw", "listOfCompartments", "listOfEventAssignments", "listOfEvents", "listOfFunctionDefinitions",
    "listOfInitialAssignments", "listOfLocalParameters", "listOfParameters", "listOfProducts", "listOfReactants",
    "listOfReactions", "listOfRules", "listOfSpecies", "model", "priority", "stoichiometryMath", "trigger",
)  # fmt: skip
# Tags as expat gives them, with the namespace in front.
_CN, _SEP = f"{_MATHML} cn", f"{_MATHML} sep"
_SINGLE_IN_MATHML = frozenset({f"{_MATHML} math", f"{_MATHML} otherwise"})
_FOREIGN = frozenset({f"{_MATHML} annotation", f"{_MATHML} annotation-xml"})


def scanned_text(content: bytes, name: str, encoding: str | None) -> str:
    """Return the text of an SBML file whose XML is sound.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What messages call it.
    encoding : str or None
        The encoding if it is known; None for what the file declares.

    Returns
    -------
    text : str
        For libsbml: as Unicode, and with numbers that it would clip written as real numbers.

    Raises
    ------
    InvalidModelError
        If it is no well-formed SBML, holds an element twice or without id, or a number that is none.
    UnsupportedModelError
        If it requires a package that is not supported.
    """
    scanner = _Scanner(name)
    scanner.run(content, encoding)
    encoding = encoding or scanner.encoding or _bom_encoding(content)
    try:
        if scanner.edits and "16" in encoding:
            # Positions in the file are those of its bytes, of which a character then has two.
            content, encoding = content.decode(encoding).encode(), "utf-8"
            scanner = _Scanner(name)
            scanner.run(content, encoding)
        text = _edited(content, scanner.edits).decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise InvalidModelError(f"{name} cannot be decoded: {error}") from None
    text = _EMPTY_PIECEWISE.sub(_undefined, text)
    # The declared encoding no longer holds: the text is handed to libsbml as Unicode. To a text without declaration
    # libsbml adds a line, and all its line numbers would be wrong by one.
    return f"{_NEW_DECLARATION}{_DECLARATION.sub('', text.lstrip(_BYTE_ORDER_MARK), count=1)}"


def _undefined(found: re.Match) -> str:
    lines = "\n" * found[0].count("\n")
    return f"<{found[1]}notanumber/>{lines}"


def _bom_encoding(content: bytes) -> str:
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"


def _edited(content: bytes, edits: list[tuple[int, int, float | None]]) -> bytes:
    """Return a file without its notes and annotations, and with literals that libsbml misreads in other words."""
    pieces, position = [], 0
    for begin, end, value in edits:
        if value is None:
            # The position of an end tag is its begin, that of an element without content is behind it.
            tag = _END_TAG.match(content, end)
            end = tag.end() if tag else end
            new = b"\n" * content.count(b"\n", begin, end)
        else:
            new = rewritten_literal(content[begin:end].decode("latin-1"), value).encode("latin-1")
        pieces += [content[position:begin], new]
        position = end
    return b"".join([*pieces, content[position:]])


class _Scanner:
    """Well-formed, one <sbml> root with one model, no entities, bounded depth, known packages, numbers, ids."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.encoding: str | None = None
        # What libsbml shall not see: begin, end tag, and the value of a literal that it misreads, or None for what it
        # would read at length and nobody asks for.
        self.edits: list[tuple[int, int, float | None]] = []
        self._depth = 0
        self._ignored = 0  # the depth of the annotation or note that is being passed over, and where it begins
        self._ignored_begin = 0
        self._parent = ""
        self._model_seen = False
        self._seen: dict[int, set[str]] = {}  # by depth of the parent: elements that may occur once
        self._passed_over: frozenset[str] = frozenset()
        self._dropped: frozenset[str] = frozenset()
        self._function = ""
        self._single: frozenset[str] = frozenset()
        self._named: dict[str, str] = {}
        self._formulas_are_text = False
        self._number: tuple[str, int, int] | None = None  # type, line and begin of the literal that is being read
        self._parts: list[str] = []

    def run(self, content: bytes, encoding: str | None) -> None:
        parser = self._parser = expat.ParserCreate(encoding, namespace_separator=" ")
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
        except SBMLError:
            raise
        except ValueError as error:
            raise InvalidModelError(
                f"{self.name} has an encoding that cannot be read ({error}); expected UTF-8"
            ) from None
        finally:
            # The handlers refer to this object and it to the parser.
            del self._parser
        if not self._model_seen:
            raise InvalidModelError(f"{self.name} is SBML without a <model>; expected a file with one model")

    def _describe(self, content: bytes, error: expat.ExpatError) -> str:
        if re.match(rb"\s*<(!doctype\s+html|html)", content[:200], re.IGNORECASE):
            return "is an HTML page"
        if b"<" not in content[:2000]:
            hint = ", but looks like Antimony; translate it with skperturb.sbml.antimony_to_sbml"
            return f"is not XML{hint if looks_like_antimony(content[:2000].decode('utf-8', 'replace')) else ''}"
        if error.code in (3, 5) or error.lineno > content.count(b"\n"):
            return f"is truncated or not well-formed XML ({error})"
        return f"is not well-formed XML ({error})"

    def _fail(self, what: str) -> InvalidModelError:
        return InvalidModelError(f"{self.name}, line {self._parser.CurrentLineNumber}: {what}")

    # -- handlers of the parser -----------------------------------------------------------------------
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
        elif self._ignored:
            return
        elif tag in self._passed_over:
            self._ignored, self._ignored_begin = self._depth, self._parser.CurrentByteIndex
        elif self._number is not None:
            self._inside_number(tag)
        elif tag == _CN:
            self._begin_number(attributes)
        else:
            self._element(tag, attributes)

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        self._parent = tag
        if tag in self._single:
            self._once(tag)
        if tag in self._named and self._named[tag] not in attributes:
            kind = tag.rpartition(" ")[2]
            raise self._fail(
                f"a <{kind}> has no {self._named[tag]} (attributes: {attributes or 'none'}); "
                f"expected {self._named[tag]}='...', which every {kind} must have"
            )
        if self._formulas_are_text and "formula" in attributes:
            self._check_formula(attributes["formula"])

    def _check_formula(self, formula: str) -> None:
        """Refuse numbers of Level 1 that are larger than what a floating-point number can be."""
        for match in _LITERAL.finditer(formula):
            if math.isinf(float(match[0])):
                raise self._fail(
                    f"the formula {formula[:80]!r} has the number {match[0]}, which is larger than any floating-point "
                    "number; expected at most 1.8e308"
                )

    def _once(self, tag: str) -> None:
        seen = self._seen.setdefault(self._depth, set())
        local = tag.rpartition(" ")[2]
        if tag in seen:
            raise self._fail(f"a second <{local}> in the same element; expected one")
        seen.add(tag)
        self._model_seen = self._model_seen or (self._depth == 2 and local == "model")

    def _end(self, tag: str) -> None:
        # What follows at the depth below this element has another parent.
        self._seen.pop(self._depth + 1, None)
        if self._depth == self._ignored:
            self._ignored = 0
            # In a function definition an annotation may say what the function stands for.
            if tag in self._dropped and self._parent != self._function:
                self.edits.append((self._ignored_begin, self._parser.CurrentByteIndex, None))
        elif self._number is not None and tag == _CN:
            self._end_number(*self._number)
        self._depth -= 1

    # -- numbers --------------------------------------------------------------------------------------
    def _begin_number(self, attributes: dict[str, str]) -> None:
        if attributes.get("base", "10") != "10":
            raise self._fail(f"a <cn> has the base {attributes['base']!r}; SBML has numbers of base 10 only")
        self._number = (attributes.get("type", "real"), self._parser.CurrentLineNumber, self._parser.CurrentByteIndex)
        self._parts = [""]
        self._parser.CharacterDataHandler = self._characters

    def _characters(self, text: str) -> None:
        self._parts[-1] += text

    def _inside_number(self, tag: str) -> None:
        if tag != _SEP:
            raise self._fail(f"a <cn> holds a <{tag.rpartition(' ')[2]}>; expected a number")
        self._parts.append("")

    def _end_number(self, kind: str, line: int, begin: int) -> None:
        self._number = None
        self._parser.CharacterDataHandler = None
        try:
            value, is_clipped = literal_value(kind, self._parts)
        except InvalidModelError as error:
            raise InvalidModelError(f"{self.name}, line {line}: a number in a formula (<cn>) {error}") from None
        if is_clipped:
            self.edits.append((begin, self._parser.CurrentByteIndex, value))

    # -- root -----------------------------------------------------------------------------------------
    def _root(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, local = tag.rpartition(" ")
        if local.lower() == "html":
            raise InvalidModelError(f"{self.name} is an HTML page; expected SBML")
        match = _SBML_NAMESPACE.match(namespace)
        if local != "sbml" or not match:
            raise InvalidModelError(
                f"{self.name} is XML but not SBML: its root element is <{local[:50]}> in namespace "
                f"{namespace[:100]!r}; expected <sbml xmlns='http://www.sbml.org/sbml/level...'>"
            )
        level = self._level(match, attributes)
        self._dropped = frozenset({f"{namespace} annotation", f"{namespace} notes"})
        self._passed_over = _FOREIGN.union(self._dropped, {f"{namespace} message"})
        self._function = f"{namespace} functionDefinition"
        self._single = _SINGLE_IN_MATHML.union(f"{namespace} {kind}" for kind in _SINGLE)
        self._formulas_are_text = level == 1
        self._named = {f"{namespace} {kind}": "name" if level == 1 else "id" for kind in _NAMED}
        for key, value in attributes.items():
            package = re.fullmatch(r"http://www\.sbml\.org/sbml/level3/version\d+/(\w+)/\S* required", key)
            if package and value in ("true", "1") and package[1] not in _SUPPORTED_PACKAGES:
                raise UnsupportedModelError(
                    f"{self.name} requires the SBML package {package[1]!r}, which changes what its formulas mean; "
                    f"only core SBML and 'comp' are supported"
                )

    def _level(self, match: re.Match, attributes: dict[str, str]) -> int:
        for key in ("level", "version"):
            if key not in attributes:
                # libsbml takes such a file for one of Level 3 Version 1, whatever its namespace is.
                raise InvalidModelError(f"the <sbml> element of {self.name} has no {key}; expected {key}='...'")
        level = int(match[1])
        for number in (match[1], attributes["level"]):
            if not number.isdecimal() or int(number) not in _VERSIONS:
                raise InvalidModelError(f"{self.name} is of SBML Level {number[:20]}; expected Level 1, 2 or 3")
        if int(attributes["level"]) != level:
            raise InvalidModelError(
                f"{self.name} says level={attributes['level']!r}, but its namespace {match[0]!r} is that of Level "
                f"{level}; the Levels differ in what is assumed where nothing is said; expected the same Level in both"
            )
        for number in (match[2] or "1", attributes["version"]):
            if not number.isdecimal() or int(number) not in _VERSIONS[level]:
                expected = ", ".join(map(str, _VERSIONS[level]))
                raise InvalidModelError(
                    f"{self.name} is of SBML Level {level} Version {number[:20]}; expected Version {expected}"
                )
        return level
