"""Simulation experiments in SED-ML, alone or in OMEX archives, as far as they are uniform time courses."""

from __future__ import annotations

import os
import posixpath
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._reading.archives import Archive, is_zip
from skperturb.sbml.model import KineticModel

__all__ = ["Simulation", "read_simulations"]

_LIMIT = 2**27  # bytes, all files of an archive together
_MOST_POINTS = 1_000_000
# The id at the end of an XPath such as /sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='S1'].
_TARGET = re.compile(r"@(?:id|metaid)\s*=\s*['\"]([^'\"]+)['\"]\s*\]\s*$")
_TIME = ("urn:sedml:symbol:time", "KISAO:0000832")


@dataclass(frozen=True)
class Simulation:
    """One report of a SED-ML file: a model, times, and what is to be seen of it.

    Parameters
    ----------
    name : str
        Id of the report.
    model : KineticModel
    times : ndarray of shape (n_times,)
        In the unit of the model.
    outputs : dict of str to str
        Label of each data set, in order, and the symbol of the model that it shows, "time" for the time.

    See Also
    --------
    read_simulations : Read them from files.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, Simulation
    >>> toggle = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> simulation = Simulation("first", toggle, np.array([0.0, 1.0]), {"Time": "time", "repressor": "u"})
    >>> simulation.run().shape
    (2, 2)
    """

    name: str
    model: KineticModel
    times: np.ndarray
    outputs: dict[str, str]

    def run(self, **options: Any) -> pd.DataFrame:
        """Integrate the model.

        Parameters
        ----------
        **options : dict
            Of `KineticModel.simulate`.

        Returns
        -------
        DataFrame of shape (n_times, n_outputs)
            The data sets as its columns, in the units of the symbols in the file.
        """
        # A course begins at time 0, wherever its output does.
        times = self.times if self.times[0] == 0.0 else np.concatenate([[0.0], self.times])
        course = self.model.simulate(times, **options).iloc[-len(self.times) :]
        columns = {
            label: self.times if symbol == "time" else course[symbol].to_numpy()
            for label, symbol in self.outputs.items()
        }
        return pd.DataFrame(columns)


def read_simulations(path: str | os.PathLike[str]) -> list[Simulation]:
    """Read the reports of a SED-ML file or of an OMEX archive.

    Read are uniform time courses from time 0 of SBML models, and data sets that show one variable each. The algorithm
    that the file names is left aside: the solver of this package keeps its own tolerances. Everything else (changes of
    models, repeated tasks, calculations with variables) is refused by name.

    Parameters
    ----------
    path : str or path-like
        ``.sedml`` file, with its models beside it, or archive.

    Returns
    -------
    list of Simulation
        One for each report, in the order of the files.

    Raises
    ------
    OSError
        If the file can't be read.
    InvalidModelError
        If it is no SED-ML, refers to what is not there, or has a DOCTYPE declaration, which is never followed.
    UnsupportedModelError
        If it asks for something else than these.

    See Also
    --------
    KineticModel.from_sbml : The model of an archive alone.

    References
    ----------
    .. [1] Waltemath, D. et al. (2011). Reproducible computational biology experiments with SED-ML. BMC Systems Biology
       5:198. doi:10.1186/1752-0509-5-198.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import read_simulations
    >>> target = "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='u']"
    >>> text = f'''<sedML level="1" version="3">
    ... <listOfModels><model id="toggle" source="toggle.xml"/></listOfModels>
    ... <listOfSimulations><uniformTimeCourse id="course" initialTime="0" outputStartTime="0" outputEndTime="10"
    ...   numberOfPoints="5"/></listOfSimulations>
    ... <listOfTasks><task id="run" modelReference="toggle" simulationReference="course"/></listOfTasks>
    ... <listOfDataGenerators><dataGenerator id="shown"><listOfVariables>
    ...   <variable id="x" target="{target}" taskReference="run"/></listOfVariables></dataGenerator>
    ... </listOfDataGenerators>
    ... <listOfOutputs><report id="report"><listOfDataSets><dataSet label="u" dataReference="shown"/></listOfDataSets>
    ... </report></listOfOutputs></sedML>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "toggle.xml").write_text(load_textbook_models().data[0])
    ...     _ = pathlib.Path(folder, "course.sedml").write_text(text)
    ...     (simulation,) = read_simulations(pathlib.Path(folder, "course.sedml"))
    >>> simulation.times, simulation.run().columns.tolist()
    (array([ 0.,  2.,  4.,  6.,  8., 10.]), ['u'])
    """
    path = Path(path)
    content = path.read_bytes()
    if not is_zip(content):
        return _reports(content, path.name, lambda source: _beside(path, source))
    archive = Archive(content, path.name, _LIMIT)
    names = sorted(name for name in archive.members if name.lower().endswith((".sedml", ".sedx")))
    if not names:
        raise InvalidModelError(f"{path.name} holds no SED-ML (.sedml); read its model by KineticModel.from_sbml.")
    found = []
    for name in names:
        folder = posixpath.dirname(name)
        found += _reports(archive.read(name), name, lambda source, at=folder: _inside(archive, at, source))
    return found


def _beside(path: Path, source: str) -> bytes:
    """Return a model in the folder of the file or below; other places are not looked into."""
    wanted = (path.parent / source).resolve()
    if not wanted.is_relative_to(path.parent.resolve()) or not wanted.is_file():
        raise InvalidModelError(f"{path.name} refers to the model {source!r}, which is not in its folder.")
    return wanted.read_bytes()


def _inside(archive: Archive, folder: str, source: str) -> bytes:
    name = posixpath.normpath(posixpath.join(folder, source))
    if name not in archive:
        raise InvalidModelError(f"{archive.name} refers to the model {source!r}, which the archive lacks.")
    return archive.read(name)


class _Builder(ElementTree.TreeBuilder):
    """Refuse declarations of entities, which could name other files or grow without end."""

    def doctype(self, name: str, pubid: Any, system: Any) -> None:
        raise InvalidModelError("a SED-ML file has a DOCTYPE declaration, which is refused; remove it.")


def _reports(content: bytes, name: str, fetch: Any) -> list[Simulation]:
    try:
        root = ElementTree.fromstring(content, parser=ElementTree.XMLParser(target=_Builder()))
    except ElementTree.ParseError as error:
        raise InvalidModelError(f"{name} is no readable XML: {error}; expected SED-ML.") from None
    if _tag(root) != "sedML":
        raise InvalidModelError(f"{name} is <{_tag(root)}>; expected <sedML>.")
    experiment = _Experiment(root, name, fetch)
    return [experiment.report(element) for element in _children(root, "listOfOutputs", "report")]


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(element: Any, *tags: str) -> list[Any]:
    found = [element]
    for tag in tags:
        found = [child for one in found for child in one if _tag(child) == tag]
    return found


class _Experiment:
    """The parts of a SED-ML file by id."""

    def __init__(self, root: Any, name: str, fetch: Any) -> None:
        self._name, self._fetch = name, fetch
        self._models: dict[str, KineticModel] = {}
        self._parts = {
            child.get("id"): child
            for part in ("listOfModels", "listOfSimulations", "listOfTasks", "listOfDataGenerators")
            for one in _children(root, part)
            for child in one
        }

    def report(self, element: Any) -> Simulation:
        """Return what one report asks for."""
        symbols, tasks = {}, []
        for data in _children(element, "listOfDataSets", "dataSet"):
            symbol, task = self._symbol(self._part(data.get("dataReference"), "dataGenerator"))
            label = data.get("label") or data.get("id")
            if label in symbols:
                raise UnsupportedModelError(
                    f"report {element.get('id')!r} of {self._name} has two data sets of the label {label!r}; expected "
                    "another label for each, since they name the columns."
                )
            symbols[label] = symbol
            tasks.append(task)
        name = f"{element.get('id')!r} of {self._name}"
        if not tasks or len(set(tasks)) != 1:
            raise UnsupportedModelError(f"report {name} shows {len(set(tasks))} tasks; expected data sets of one.")
        task = self._part(tasks[0], "task")
        model, times = self._model(task.get("modelReference")), self._times(task.get("simulationReference"))
        known = {*model.variables, *model.parameters.index, *model.simulate([0.0]).columns, "time"}
        for label, symbol in symbols.items():
            if symbol not in known:
                raise InvalidModelError(f"report {name}, {label!r}: the model has no {symbol!r}.")
        return Simulation(str(element.get("id")), model, times, symbols)

    def _part(self, name: Any, tag: str) -> Any:
        part = self._parts.get(name)
        if part is None:
            raise InvalidModelError(f"{self._name} refers to {name!r}, which it lacks; expected a {tag}.")
        if _tag(part) != tag:
            raise UnsupportedModelError(f"{self._name}: {name!r} is a {_tag(part)}; only a {tag} is read.")
        return part

    def _symbol(self, generator: Any) -> tuple[str, str]:
        """Return the symbol of the model that a data generator shows, and the task."""
        variables = _children(generator, "listOfVariables", "variable")
        formula = [one for one in generator.iter() if _tag(one) in ("apply", "cn", "csymbol", "piecewise")]
        if len(variables) != 1 or formula:
            raise UnsupportedModelError(
                f"{self._name}: the data generator {generator.get('id')!r} calculates; only those that show one "
                "variable are read."
            )
        (variable,) = variables
        if variable.get("symbol") in _TIME:
            return "time", variable.get("taskReference")
        target = _TARGET.search(variable.get("target") or "")
        if target is None:
            raise UnsupportedModelError(
                f"{self._name}: the variable {variable.get('id')!r} has the target {variable.get('target')!r}; "
                "expected one that ends in [@id='…'], or the time."
            )
        return target.group(1), variable.get("taskReference")

    def _model(self, name: Any) -> KineticModel:
        if name not in self._models:
            part = self._part(name, "model")
            if _children(part, "listOfChanges") and len(_children(part, "listOfChanges")[0]):
                raise UnsupportedModelError(f"{self._name}: the model {name!r} is changed, which is not read.")
            source = str(part.get("source"))
            if ":" in source or source.startswith(("/", "#")):
                raise UnsupportedModelError(
                    f"{self._name}: the model {source!r} is elsewhere; expected a file beside it."
                )
            self._models[name] = KineticModel.from_sbml(_text(self._fetch(source), source))
        return self._models[name]

    def _times(self, name: Any) -> np.ndarray:
        part = self._part(name, "uniformTimeCourse")
        start, first, last = (_number(part, key, name) for key in ("initialTime", "outputStartTime", "outputEndTime"))
        key = "numberOfSteps" if part.get("numberOfSteps") is not None else "numberOfPoints"
        steps = _number(part, key, name)
        if start != 0.0:
            raise UnsupportedModelError(f"{self._name}: {name!r} has initialTime {start:g}; expected 0.")
        if not (0.0 <= first < last and 1 <= steps <= _MOST_POINTS and steps == int(steps)):
            raise InvalidModelError(
                f"{self._name}: {name!r} has outputStartTime {first:g}, outputEndTime {last:g} and {key} {steps:g}; "
                f"expected 0 ≤ start < end and a whole number from 1 to {_MOST_POINTS}."
            )
        return np.linspace(first, last, int(steps) + 1)


def _number(part: Any, key: str, name: str) -> float:
    try:
        value = float(part.get(key))
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise InvalidModelError(f"{name!r} has {key}={part.get(key)!r}; expected a number.")
    return value


def _text(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidModelError(f"the model {source!r} is no text in UTF-8: {error.reason}.") from error
