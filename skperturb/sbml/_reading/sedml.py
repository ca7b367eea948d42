"""Experiments in SED-ML: a file by its parts, the texts of its models with their changes, and its calculations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skperturb._near_names import listed, nearest
from skperturb._text_tables import is_number
from skperturb.exceptions import InvalidModelError, UnsupportedModelError

__all__ = [
    "TIME_SYMBOLS",
    "SedmlFile",
    "calculated",
    "children",
    "local_name",
    "located",
    "number",
    "read_xml",
    "symbol_of",
    "time_grid",
]

_MOST_POINTS = 1_000_000
#: What a variable names that shows the time.
TIME_SYMBOLS = ("urn:sedml:symbol:time", "KISAO:0000832")
_MATHML = "http://www.w3.org/1998/Math/MathML"
# What gives an element its value; the attributes of one element exclude each other.
_VALUES = {
    "species": ("initialConcentration", "initialAmount"),
    "parameter": ("value",),
    "localParameter": ("value",),
    "compartment": ("size", "volume"),
    "speciesReference": ("stoichiometry",),
}

_QUOTED = r"""'[^']*'|"[^"]*\""""
# A step of an XPath, in whose quotes anything may stand.
_STEP = re.compile(
    rf"(?P<slashes>//?)(?:[\w.-]+:)?(?P<name>[\w.-]+|\*)(?P<conditions>(?:\s*\[(?:[^][\"']|{_QUOTED})*\])*)"
)
_PREDICATE = re.compile(rf"\[((?:[^][\"']|{_QUOTED})*)\]")
_AND = re.compile(rf"\s+and\s+(?=(?:[^\"']|{_QUOTED})*$)")
_CONDITION = re.compile(rf"\s*@(?:[\w.-]+:)?(?P<name>[\w.-]+)\s*=\s*(?P<value>{_QUOTED})\s*")
_POSITION = re.compile(r"\s*[1-9]\d{0,8}\s*", re.ASCII)


class _Builder(ElementTree.TreeBuilder):
    """Refuse declarations of entities, which could name other files or grow without end."""

    def doctype(self, name: str, pubid: Any, system: Any) -> None:
        raise InvalidModelError("has a DOCTYPE declaration, which is refused; remove it.")


def read_xml(content: bytes | str, name: str, expected: str) -> Any:
    """Return the root of a file that should be one of `expected`."""
    try:
        root = ElementTree.fromstring(content, parser=ElementTree.XMLParser(target=_Builder()))
    except ElementTree.ParseError as error:
        raise InvalidModelError(f"{name} is no readable XML: {error}; expected {expected}.") from None
    except InvalidModelError as error:
        raise InvalidModelError(f"{name} {error}") from None
    except (LookupError, ValueError) as error:  # an encoding that Python lacks
        raise InvalidModelError(f"{name} is no readable XML: {error}; expected {expected}.") from None
    if local_name(root) != expected:
        raise InvalidModelError(f"{name} is <{local_name(root)}>; expected <{expected}>.")
    return root


def local_name(element: Any) -> str:
    """Return the tag of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Any, *tags: str) -> list[Any]:
    """Return what lies below an element along a path of tags."""
    found = [element]
    for tag in tags:
        found = [child for one in found for child in one if local_name(child) == tag]
    return found


def number(part: Any, key: str, name: str) -> float:
    """Return an attribute that is a finite number."""
    text = str(part.get(key)).strip()
    if not is_number(text):
        raise InvalidModelError(f"{name!r} has {key}={part.get(key)!r}; expected a finite number.")
    return float(text)


def time_grid(part: Any, where: str) -> tuple[float, np.ndarray]:
    """Return the time at which a uniform time course begins, and those of its output."""
    name = part.get("id")
    what = f"{where}: {name}"
    start, first, last = (number(part, key, what) for key in ("initialTime", "outputStartTime", "outputEndTime"))
    key = "numberOfSteps" if part.get("numberOfSteps") is not None else "numberOfPoints"
    steps = number(part, key, what)
    if not (start <= first < last and 1 <= steps <= _MOST_POINTS and steps == int(steps)):
        raise InvalidModelError(
            f"{where}: {name!r} has initialTime {start:g}, outputStartTime {first:g}, outputEndTime {last:g} and {key} "
            f"{steps:g}; expected {start:g} ≤ start < end and a whole number from 1 to {_MOST_POINTS}."
        )
    return start, np.linspace(first, last, int(steps) + 1)


def located(root: Any, path: str, where: str) -> Any:
    """Return the one element of a model that an XPath names; prefixes stand for whatever namespace."""
    document = ElementTree.Element("document")
    document.append(root)
    steps = _steps(path.strip().replace("/descendant::", "//").replace("/child::", "/"))
    if not steps:
        raise UnsupportedModelError(
            f"{where}: expected steps from the root, with prefixes or without, and behind them [@id='A'], "
            "[@metaid='A'], [@name='A'], some of these joined by 'and', or a position, [1]; such as "
            "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='A']."
        )
    found = [document]
    for is_deep, name, conditions in steps:
        parents = list(dict.fromkeys(one for start in found for one in start.iter())) if is_deep else found
        found = [child for parent in parents for child in _chosen(parent, name, conditions)]
    if len(found) != 1:
        alike = "" if found else _alike(document, steps[-1][2])
        raise InvalidModelError(f"{where}: the model has {len(found)} such elements{alike}; expected one.")
    return found[0]


def _alike(document: Any, conditions: list[list[str]]) -> str:
    """Return the ids of a model that are like the last one of an XPath."""
    asked = [_CONDITION.fullmatch(one) for part in conditions for one in part]
    wanted = next((one["value"][1:-1] for one in asked if one is not None and one["name"] == "id"), None)
    ids = [one.get("id") for one in document.iter() if one.get("id")]
    # One that is there stands elsewhere than the path looks.
    return "" if wanted is None or wanted in ids else nearest(wanted, ids)


def _steps(path: str) -> list[tuple[bool, str, list[list[str]]]] | None:
    """Split an XPath: whether a step goes any way down, the name of the element, and its conditions; None if it can't.

    The conditions of one pair of brackets hold together; those of the next choose among what they left.
    """
    steps: list[tuple[bool, str, list[list[str]]]] = []
    end = 0
    while end < len(path):
        step = _STEP.match(path, end)
        if step is None:
            return None
        conditions = [_AND.split(one) for one in _PREDICATE.findall(step["conditions"])]
        if not all(_CONDITION.fullmatch(one) or _POSITION.fullmatch(one) for part in conditions for one in part):
            return None
        steps.append((step["slashes"] == "//", step["name"], conditions))
        end = step.end()
    return steps


def _chosen(parent: Any, name: str, conditions: list[list[str]]) -> list[Any]:
    """Return the children of a name that meet the conditions."""
    found = [child for child in parent if name in ("*", local_name(child))]
    for part in conditions:
        found = [child for k, child in enumerate(found, 1) if all(_holds(child, k, one) for one in part)]
    return found


def _holds(element: Any, position: int, condition: str) -> bool:
    """Tell whether an element meets a condition; it and its attributes may be of any namespace."""
    wanted = _CONDITION.fullmatch(condition)
    if wanted is None:
        return int(condition) == position
    return any(
        key.rpartition("}")[2] == wanted["name"] and value == wanted["value"][1:-1]
        for key, value in element.attrib.items()
    )


def symbol_of(root: Any, element: Any, where: str) -> str:
    """Return the symbol of an element; a parameter of a reaction is named "reaction.parameter"."""
    name = element.get("id") or element.get("name")
    if name is None:
        raise InvalidModelError(f"{where}: the element has no id; expected a variable, a parameter or a reaction.")
    if local_name(element) in ("parameter", "localParameter"):
        owners = [one for one in root.iter() if local_name(one) == "reaction" and any(e is element for e in one.iter())]
        return f"{owners[0].get('id')}.{name}" if owners else str(name)
    return str(name)


class SedmlFile:
    """The parts of a SED-ML file by id, and its models.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What messages call it.
    fetch : callable
        Returns what a source of a model holds.
    """

    def __init__(self, content: bytes, name: str, fetch: Callable[[str], bytes]) -> None:
        self.name, self._fetch = name, fetch
        self.root = read_xml(content, name, "sedML")
        kinds = ("listOfModels", "listOfSimulations", "listOfTasks", "listOfDataGenerators")
        parts = [part for kind in kinds for part in self.all_of(kind)]
        self._parts = {part.get("id"): part for part in parts}
        if len(self._parts) < len(parts):
            ids = [part.get("id") for part in parts]
            twice = next(one for one in ids if ids.count(one) > 1)
            raise InvalidModelError(f"{name} gives the id {twice!r} twice; expected another one for each part.")
        self._models: dict[Any, Any] = {}

    def all_of(self, kind: str) -> list[Any]:
        """Return the elements of one of the lists."""
        return [part for one in children(self.root, kind) for part in one]

    def part(self, name: Any, *tags: str) -> Any:
        """Return the element of an id, one of the kinds `tags`."""
        part, expected = self._parts.get(name), " or ".join(tags)
        if part is None:
            raise InvalidModelError(f"{self.name} refers to {name!r}, which it lacks; expected a {expected}.")
        if local_name(part) not in tags:
            raise UnsupportedModelError(f"{self.name}: {name!r} is a {local_name(part)}; only a {expected} is read.")
        return part

    def model(self, name: Any, _open: tuple[Any, ...] = ()) -> tuple[str, Any]:
        """Return the text of a model after its changes, and its root."""
        if name not in self._models:
            part = self.part(name, "model")
            source, language = str(part.get("source")), str(part.get("language", "sbml"))
            if "sbml" not in language.lower():
                raise UnsupportedModelError(f"{self.name}: the model {name!r} is in {language!r}; expected SBML.")
            text = self._derived(source, (*_open, name)) if source.startswith("#") else self._text(source)
            root = read_xml(text, f"the model {name!r}", "sbml")
            changes = [change for one in children(part, "listOfChanges") for change in one]
            for change in changes:
                self._change(root, change, f"{self.name}: the change of {change.get('target')!r} in model {name!r}")
            self._models[name] = (_written(root, name) if changes else text, root)
        return self._models[name]

    def _derived(self, source: str, names: tuple[Any, ...]) -> str:
        if source[1:] in names:
            raise InvalidModelError(f"{self.name}: the model {names[0]!r} is a change of itself; expected a file.")
        return self.model(source[1:], names)[0]

    def _text(self, source: str) -> str:
        if ":" in source or source.startswith("/"):
            raise UnsupportedModelError(f"{self.name}: the model {source!r} is elsewhere; expected a file beside it.")
        try:
            return self._fetch(source).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidModelError(f"the model {source!r} is no text in UTF-8: {error.reason}.") from error

    def _change(self, root: Any, change: Any, where: str) -> None:
        if local_name(change) != "changeAttribute":
            raise UnsupportedModelError(f"{where} is a {local_name(change)}; only changeAttribute is made.")
        path, _, attribute = str(change.get("target")).strip().rpartition("/@")
        attribute = attribute.rpartition(":")[2]
        element = located(root, path, where)
        values = _VALUES.get(local_name(element), ())
        if attribute not in (*values, *element.attrib):
            known = list(dict.fromkeys([*values, *element.attrib]))
            raise InvalidModelError(
                f"{where}: the element has no attribute {attribute!r}{nearest(attribute, known)}; expected one of "
                f"{listed(known)}."
            )
        if attribute in values:
            number(change, "newValue", where)
            _refuse_overridden(root, element.get("id"), where)
            for other in values:
                element.attrib.pop(other, None)
        element.set(attribute, str(change.get("newValue")))


def _refuse_overridden(root: Any, name: Any, where: str) -> None:
    for one in root.iter():
        if local_name(one) in ("initialAssignment", "assignmentRule") and name in (
            one.get("symbol"),
            one.get("variable"),
        ):
            raise UnsupportedModelError(f"{where} has no effect: {name!r} has an {local_name(one)}.")


def _written(root: Any, name: Any) -> str:
    try:
        return ElementTree.tostring(root, encoding="unicode")
    except RecursionError:
        raise InvalidModelError(f"{name!r} is nested too deeply; expected formulas of some hundred levels.") from None


def calculated(math: Any, values: Mapping[str, Any], where: str) -> np.ndarray:
    """Return what a formula in MathML is for values of its names.

    Parameters
    ----------
    math : Element
        The element ``math``; its tags lose their namespaces.
    values : mapping of str to float or array
        Numbers or arrays of one length.
    where : str
        What messages call the formula.
    """
    import libsbml

    from skperturb.sbml._graph.code_generation import ArrayEvaluator
    from skperturb.sbml._graph.expression import ExpressionGraph
    from skperturb.sbml._reading.mathml import Formula, Translator

    for one in math.iter():
        one.tag = local_name(one)
        name = (one.text or "").strip()
        if one.tag == "csymbol":
            raise UnsupportedModelError(f"{where} uses {one.get('definitionURL') or name!r}, which is not calculated.")
        if one.tag == "ci" and name not in values:
            raise InvalidModelError(f"{where} uses {name!r}; expected one of its variables: {', '.join(values)}.")
    math.set("xmlns", _MATHML)
    tree = libsbml.readMathMLFromString(_written(math, where))
    if tree is None:
        raise InvalidModelError(f"{where} has no readable MathML; expected one formula.")
    graph = ExpressionGraph()
    translator = Translator(graph, {}, graph.time())
    translator.nodes = {name: graph.state(index) for index, name in enumerate(values)}
    root = graph.as_number(translator.resolve(Formula(tree, where)))
    (result,) = ArrayEvaluator(graph, [root])(0.0, list(values.values()), [])
    return np.asarray(result, dtype=float)
