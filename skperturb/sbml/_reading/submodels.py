"""Models composed of submodels, also of such in other files: checked for what would not end, then flattened."""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import libsbml

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._reading.consistency import parsed

__all__ = ["Folder", "Source", "flattened"]

# Submodels of submodels multiply: a file of some kilobytes could ask for more copies than there is memory.
MAX_SUBMODELS = 20_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MAIN = ""
_RATE_OF = "sbml.org/sbml/symbols/rateOf"


class Folder(Protocol):
    """Where a document lies and what lies beside it; locations are relative and normalized, with forward slashes."""

    location: str

    def text(self, location: str) -> str:
        """Return the checked text of another file; the error says why it cannot be read."""


@dataclass(frozen=True)
class Source:
    """A checked text, its name in messages, and the folder in which it lies (None for a text without a file)."""

    text: str
    name: str
    folder: Folder | None = None


def flattened(document: Any, source: Source, external_models: bool) -> Any:
    """Replace the submodels of a document by what they stand for.

    Parameters
    ----------
    document : libsbml.SBMLDocument
        The document.
    source : Source
        What it was read from.
    external_models : bool
        Whether other files may be read.

    Raises
    ------
    InvalidModelError
        If submodels contain each other, or are so many that they exhaust the memory.
    UnsupportedModelError
        If a submodel lies in another file that may not or cannot be read, or a function of one with a time
        conversion factor uses rateOf.
    """
    plugin = document.getModel().getPlugin("comp")
    if plugin is None or not plugin.getNumSubmodels():
        return document
    composition = _Composition(document, source, external_models)
    composition.check()
    if composition.has_rates:
        composition.mark_rates()
    properties = libsbml.ConversionProperties()
    properties.addOption("flatten comp", True)
    properties.addOption("performValidation", False)
    with composition.on_disk() as location:
        if location:
            document.setLocationURI(location)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            raise UnsupportedModelError(
                f"{source.name} is composed of submodels that cannot be flattened (first one: "
                f"{plugin.getSubmodel(0).getId()!r}{_why(document)}); flatten the model before"
            )
    if composition.has_rates:
        _rewrite(document.getModel(), libsbml.AST_FUNCTION_DELAY, _factor_of_mark)
    return document


def _formulas(model: Any) -> Iterator[Any]:
    """Yield all elements of a model that have a formula of their own, function definitions apart."""
    for reaction in model.getListOfReactions():
        yield reaction.getKineticLaw()
    for event in model.getListOfEvents():
        yield from (event.getTrigger(), event.getDelay(), event.getPriority(), *event.getListOfEventAssignments())
    yield from model.getListOfInitialAssignments()
    yield from model.getListOfRules()


def _rewrite(model: Any, kind: int, replacement: Callable[[Any], Any]) -> None:
    """Replace the nodes of a kind in all formulas of a model where `replacement` returns another one."""
    for element in _formulas(model):
        if element is None or element.getMath() is None:
            continue
        # A node above the root, so that the root has a place as well.
        top = libsbml.ASTNode(libsbml.AST_PLUS)
        _adopt(top.addChild, element.getMath().deepCopy())
        stack, changed = [top], False
        while stack:
            node = stack.pop()
            for index in range(node.getNumChildren()):
                child = node.getChild(index)
                other = replacement(child) if child.getType() == kind else None
                if other is None:
                    stack.append(child)
                else:
                    changed = True
                    _adopt(partial(node.replaceChild, index), other, True)
        if changed:
            element.setMath(top.getChild(0))


def _adopt(place: Callable, node: Any, *rest: Any) -> None:
    place(node, *rest)
    node.thisown = False  # the tree frees it


def _marked(rate: Any) -> Any:
    """Return ``rateOf(x) * delay(NaN, 1)``.

    Flattening knows what a conversion of time does to a delay, and makes of its 1 the number of the model's units of
    time in one of the submodel's; it leaves rateOf as it is.
    """
    product = libsbml.parseL3Formula("1 * delay(NaN, 1)")
    _adopt(partial(product.replaceChild, 0), rate.deepCopy(), True)
    return product


def _factor_of_mark(delay: Any) -> Any:
    """Return what flattening has made of the 1 of a mark; None for any other delay."""
    is_mark = delay.getNumChildren() == 2 and delay.getChild(0).isNaN()
    return delay.getChild(1).deepCopy() if is_mark else None


def _why(document: Any) -> str:
    errors = [document.getError(index) for index in range(document.getNumErrors())]
    texts = [" ".join(e.getMessage().split()) for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]
    return f": {texts[-1][:200]}" if texts else ""


class _Composition:
    """All documents that a model is composed of, by location, and how often each model in them is needed."""

    def __init__(self, document: Any, source: Source, external_models: bool) -> None:
        self.name, self.folder, self.external_models = source.name, source.folder, external_models
        self.location = source.folder.location if source.folder is not None else "model.xml"
        self.documents: dict[str, Any] = {self.location: document}
        self.texts = {self.location: source.text}
        self._counts: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str], None] = {}
        self.has_rates = False  # whether rateOf stands in a submodel with a unit of time of its own

    def check(self) -> None:
        """Refuse circles, too many submodels, and files that may not be read."""
        self._count((self.location, _MAIN))

    def _count(self, key: tuple[str, str]) -> int:
        """Return how many submodels a model has, those of its submodels included."""
        if key in self._counts:
            return self._counts[key]
        if key in self._open:
            names = [model or f"the model of {location}" for location, model in [*self._open, key]]
            raise InvalidModelError(f"{self.name}: submodels contain each other: {' -> '.join(names)}")
        self._open[key] = None
        if len(self._open) > 100:
            raise InvalidModelError(f"{self.name} nests submodels deeper than 100 levels")
        model = self._model(key)
        plugin = model.getPlugin("comp")
        total = 0
        for submodel in plugin.getListOfSubmodels() if plugin is not None else ():
            target = self._target(key[0], submodel.getModelRef(), submodel.getId())
            total += 1 + self._count(target)
            if submodel.isSetTimeConversionFactor():
                self.has_rates = self._reads_rates(target, submodel.getId()) or self.has_rates
            if total > MAX_SUBMODELS:
                raise InvalidModelError(f"{self.name} is composed of more than {MAX_SUBMODELS} submodels")
        del self._open[key]
        self._counts[key] = total
        return total

    def _reads_rates(self, key: tuple[str, str], submodel: str) -> bool:
        """Say whether formulas of a model that was counted before, or of its submodels, use rateOf."""
        model = self._model(key)
        for function in model.getListOfFunctionDefinitions():
            if _RATE_OF in function.toSBML():
                raise UnsupportedModelError(
                    f"{self.name}: submodel {submodel!r} has a time conversion factor, and its function "
                    f"{function.getId()!r} uses rateOf, which flattening cannot convert; write rateOf where the "
                    "function is called, or flatten the model before"
                )
        if _RATE_OF in model.toSBML():
            return True
        plugin = model.getPlugin("comp")
        submodels = plugin.getListOfSubmodels() if plugin is not None else ()
        targets = (self._target(key[0], each.getModelRef(), each.getId()) for each in submodels)
        return any(self._reads_rates(target, submodel) for target in targets)

    def mark_rates(self) -> None:
        """Mark every rateOf in the documents, so that flattening converts it to the unit of time of its submodel."""
        for location, document in self.documents.items():
            models = [document.getModel()]
            plugin = document.getPlugin("comp")
            models += list(plugin.getListOfModelDefinitions()) if plugin is not None else []
            for model in filter(None, models):
                _rewrite(model, libsbml.AST_FUNCTION_RATE_OF, _marked)
            if location != self.location:
                self.texts[location] = libsbml.writeSBMLToString(document)

    def _model(self, key: tuple[str, str]) -> Any:
        location, name = key
        document = self.documents[location]
        main = document.getModel()
        if name in (_MAIN, main.getId()):
            return main
        return document.getPlugin("comp").getModelDefinition(name)

    def _target(self, location: str, reference: str, submodel: str) -> tuple[str, str]:
        """Return where the model that a submodel refers to is written."""
        for _ in range(100):
            plugin = self.documents[location].getPlugin("comp")
            if reference in (_MAIN, self.documents[location].getModel().getId()):
                return location, _MAIN
            if plugin is not None and plugin.getModelDefinition(reference) is not None:
                return location, reference
            external = plugin.getExternalModelDefinition(reference) if plugin is not None else None
            if external is None:
                raise InvalidModelError(
                    f"{self.name}: submodel {submodel!r} refers to the model {reference!r}, which {location!r} does "
                    "not define"
                )
            location, reference = self._opened(location, external, submodel), external.getModelRef()
        raise InvalidModelError(f"{self.name}: the definition of submodel {submodel!r} leads from file to file")

    def _opened(self, location: str, external: Any, submodel: str) -> str:
        source = external.getSource()
        what = f"{self.name}: submodel {submodel!r} lies in another file ({source!r})"
        if not self.external_models:
            raise UnsupportedModelError(f"{what}; pass external_models=True to read it, or flatten the model before")
        if self.folder is None:
            raise UnsupportedModelError(
                f"{what}, and a text has no place beside which to look; give the path of the file instead of its text"
            )
        target = _beside(location, source)
        if target is None:
            raise UnsupportedModelError(
                f"{what}; only files in the folder of the model or below are read, by their relative path, never an "
                "address. Put it there, or flatten the model before"
            )
        if target not in self.documents:
            try:
                self.texts[target] = self.folder.text(target)
            except InvalidModelError as error:
                raise UnsupportedModelError(f"{what}, which cannot be read: {error}") from None
            self.documents[target] = parsed(self.texts[target], f"{target!r} ({what})")
        self._normalize(location, external, target)
        return target

    def _normalize(self, location: str, external: Any, target: str) -> None:
        """Name another file as it will be found: without detours through folders that exist only in the original."""
        source, path = external.getSource(), posixpath.relpath(target, posixpath.dirname(location) or ".")
        external.setSource(path)
        for quote in "\"'":
            self.texts[location] = self.texts[location].replace(f"{quote}{source}{quote}", f"{quote}{path}{quote}")

    @contextmanager
    def on_disk(self) -> Iterator[str]:
        """Write what was checked to a folder of its own, from which libsbml reads nothing else; yield the address."""
        if len(self.texts) == 1:
            yield ""
            return
        with tempfile.TemporaryDirectory(prefix="skperturb-") as directory:
            for location, text in self.texts.items():
                path = Path(directory, location)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            yield f"file:{Path(directory, self.location).as_posix()}"


def _beside(location: str, source: str) -> str | None:
    """Return the location of a file that another one names, or None if it is no place in the same folder or below.

    Examples
    --------
    >>> _beside("models/main.xml", "parts/gene.xml"), _beside("main.xml", "../other.xml")
    ('models/parts/gene.xml', None)
    """
    source = source.removeprefix("file:") if source.startswith("file:") and "//" not in source else source
    path = source.replace("\\", "/")
    if not path or _SCHEME.match(path) or path.startswith("/") or "\0" in path or os.path.isabs(source):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(location), path))
    return None if target == ".." or target.startswith("../") else target
