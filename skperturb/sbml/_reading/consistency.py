"""What libsbml finds wrong with a document: refused where it changes the mathematics, else a warning."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

import libsbml

from skperturb.exceptions import InvalidModelError

__all__ = ["consistency_warnings", "parsed"]

# Numbers of libsbml for what leaves open, or says twice, what the equations are. All others concern units, style,
# metadata, or what other errors say already (undefined symbols, loops, doubled ids).
_REFUSED = frozenset(
    {
        10201,  # malformed MathML, of which libsbml keeps a part
        10205,  # a csymbol that SBML does not know, which libsbml takes for an ordinary name
        10218,  # a wrong number of arguments
        10303,  # two local parameters of one name
        20609,  # amount and concentration
        20610,  # a species that a rule sets and a reaction changes
        20611,  # a constant species that a reaction changes
        20803,  # an initial assignment and an assignment rule for one symbol
        20903,  # an assignment rule for what is constant
        20904,  # a rate rule for what is constant
        99220,  # numbers that are none
        99221,
        99222,
        99223,
    }
)
# libsbml's checks need time that grows with the square of the size: half a second for 4,000 reactions. What is
# refused is found without them, by `describe`; what they add for a larger model are warnings.
_LARGEST = 2000
_OF_NAMESPACES = frozenset({20101, 20102, 20103, 99101})
_CHECKS = (libsbml.LIBSBML_CAT_GENERAL_CONSISTENCY, libsbml.LIBSBML_CAT_IDENTIFIER_CONSISTENCY)
# Checks of units and of formulas are slow, and have ended the process on real models.
_OMITTED = (
    libsbml.LIBSBML_CAT_MATHML_CONSISTENCY,
    libsbml.LIBSBML_CAT_MODELING_PRACTICE,
    libsbml.LIBSBML_CAT_OVERDETERMINED_MODEL,
    libsbml.LIBSBML_CAT_SBO_CONSISTENCY,
    libsbml.LIBSBML_CAT_UNITS_CONSISTENCY,
)


class _Error(NamedTuple):
    """An entry of libsbml's log."""

    number: int
    severity: int
    is_xml: bool
    line: int
    message: str


def parsed(text: str, name: str) -> Any:
    """Return the libsbml document of a checked text.

    Raises
    ------
    InvalidModelError
        If libsbml cannot read it, or reads something else than it says.
    """
    document = libsbml.readSBMLFromString(text)
    for error in _errors(document):
        if error.severity >= libsbml.LIBSBML_SEV_FATAL or error.is_xml or error.number in _REFUSED:
            raise InvalidModelError(f"{name} cannot be read ({_described(error)})")
    if document.getModel() is None:
        raise InvalidModelError(f"{name} holds no model that libsbml can read")
    return document


def consistency_warnings(document: Any, name: str) -> list[str]:
    """Return what libsbml finds wrong with a document without changing its equations, once for each kind of error.

    Raises
    ------
    InvalidModelError
        For the first error that changes the equations.
    """
    found = _errors(document)
    if _may_be_checked(document, found):
        document.getErrorLog().clearLog()
        for category in _CHECKS:
            document.setConsistencyChecks(category, True)
        for category in _OMITTED:
            document.setConsistencyChecks(category, False)
        document.checkConsistency()
        found += _errors(document)
    found = [error for error in found if error.severity >= libsbml.LIBSBML_SEV_ERROR]
    for error in found:
        if error.number in _REFUSED:
            raise InvalidModelError(f"{name} contradicts itself ({_described(error)})")
    times = Counter(error.number for error in found)
    first = {error.number: error for error in reversed(found)}
    return [
        f"not valid SBML, read all the same: {_described(first[number])}"
        + (f"; {count - 1} more of this kind" if count > 1 else "")
        for number, count in times.items()
    ]


def _may_be_checked(document: Any, found: list[_Error]) -> bool:
    # Where Version and namespace differ, an exception that nobody catches ends the process.
    if any(error.number in _OF_NAMESPACES for error in found):
        return False
    model = document.getModel()
    size = model.getNumReactions() + model.getNumSpecies() + model.getNumParameters() + model.getNumRules()
    return size <= _LARGEST


def _errors(document: Any) -> list[_Error]:
    # Copies: the log is cleared, and its entries with it.
    errors = (document.getError(index) for index in range(document.getNumErrors()))
    return [
        _Error(e.getErrorId(), e.getSeverity(), e.isXML(), e.getLine(), " ".join(e.getMessage().split()))
        for e in errors
    ]


def _described(error: _Error) -> str:
    # First the rule of the specification, then where it is written, and last what breaks it.
    text = re.sub(r"^.*Reference: \S+ (?:Section|Appendix)s? [\w.]+(?:, [\w.]+)*\s*(?=\S)", "", error.message)
    return f"line {error.line}, libsbml error {error.number}: {text[:400]}"
