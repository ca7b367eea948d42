"""Simulation experiments in SED-ML, alone or in OMEX archives, as far as they are uniform time courses."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._validation import check_path
from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._reading.archives import Archive, is_zip
from skperturb.sbml._reading.sedml import TIME_SYMBOLS, SedmlFile, children, local_name, located, symbol_of, time_grid
from skperturb.sbml.model import KineticModel

__all__ = ["Simulation", "read_simulations"]

_LIMIT = 2**27  # bytes, all files of an archive together


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
            label: self.times if symbol == "time" else self._values(symbol, course)
            for label, symbol in self.outputs.items()
        }
        return pd.DataFrame(columns)

    def _values(self, symbol: str, course: pd.DataFrame) -> np.ndarray:
        # A parameter of a reaction is no column: nothing changes it.
        return course[symbol].to_numpy() if symbol in course else np.full(len(course), self.model.parameters[symbol])


def read_simulations(path: str | os.PathLike[str]) -> list[Simulation]:
    """Read the reports of a SED-ML file or of an OMEX archive.

    Read are uniform time courses from time 0 of SBML models, and data sets that show one variable each. The algorithm
    that the file names is left aside: the solver of this package keeps its own tolerances. Attributes of models are
    changed where the file says so; everything else (other changes, repeated tasks, calculations with variables) is
    refused by name.

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
        If it asks for something else than these, or for no report.

    See Also
    --------
    KineticModel.from_sbml : The model of an archive alone.
    run_archive : Run whole archives, with calculations, several tasks and plots.

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
    path = check_path(path, "path")
    content = path.read_bytes()
    if not is_zip(content):
        return _some(_reports(content, path.name, lambda source: _beside(path, source)), path)
    archive = Archive(content, path.name, _LIMIT)
    names = sorted(name for name in archive.members if name.lower().endswith((".sedml", ".sedx")))
    if not names:
        raise InvalidModelError(f"{path.name} holds no SED-ML (.sedml); read its model by KineticModel.from_sbml.")
    found = []
    for name in names:
        fetch = partial(archive.read_beside, folder=posixpath.dirname(name), asking=archive.name)
        found += _reports(archive.read(name), name, fetch)
    return _some(found, path)


def _some(found: list[Simulation], path: Path) -> list[Simulation]:
    if not found:
        raise UnsupportedModelError(f"{path.name} asks for no report; only reports are read, other than plots.")
    return found


def _beside(path: Path, source: str) -> bytes:
    """Return a model in the folder of the file or below; other places are not looked into."""
    wanted = (path.parent / source).resolve()
    if not wanted.is_relative_to(path.parent.resolve()) or not wanted.is_file():
        raise InvalidModelError(f"{path.name} refers to the model {source!r}, which is not in its folder.")
    return wanted.read_bytes()


def _reports(content: bytes, name: str, fetch: Callable[[str], bytes]) -> list[Simulation]:
    experiment = _Experiment(SedmlFile(content, name, fetch))
    return [experiment.report(element) for element in children(experiment.file.root, "listOfOutputs", "report")]


class _Experiment:
    """What the reports of a SED-ML file ask for."""

    def __init__(self, file: SedmlFile) -> None:
        self.file, self._name = file, file.name
        self._models: dict[str, KineticModel] = {}

    def report(self, element: Any) -> Simulation:
        """Return what one report asks for."""
        symbols, tasks = {}, []
        for data in children(element, "listOfDataSets", "dataSet"):
            symbol, task = self._symbol(self.file.part(data.get("dataReference"), "dataGenerator"))
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
        task = self.file.part(tasks[0], "task")
        model, times = self._model(task.get("modelReference")), self._times(task.get("simulationReference"))
        known = {*model.variables, *model.parameters.index, *model.simulate([0.0]).columns, "time"}
        for label, symbol in symbols.items():
            if symbol not in known:
                raise InvalidModelError(f"report {name}, {label!r}: the model has no {symbol!r}.")
        return Simulation(str(element.get("id")), model, times, symbols)

    def _symbol(self, generator: Any) -> tuple[str, str]:
        """Return the symbol of the model that a data generator shows, and the task."""
        variables = children(generator, "listOfVariables", "variable")
        formula = [one for one in generator.iter() if local_name(one) in ("apply", "cn", "csymbol", "piecewise")]
        if len(variables) != 1 or formula:
            raise UnsupportedModelError(
                f"{self._name}: the data generator {generator.get('id')!r} calculates; only those that show one "
                "variable are read."
            )
        (variable,) = variables
        if variable.get("symbol") in TIME_SYMBOLS:
            return "time", variable.get("taskReference")
        task = self.file.part(variable.get("taskReference"), "task")
        _, root = self.file.model(task.get("modelReference"))
        target = str(variable.get("target"))
        where = f"{self._name}: the variable {variable.get('id')!r} has the target {target!r}"
        return symbol_of(root, located(root, target, where), where), variable.get("taskReference")

    def _model(self, name: Any) -> KineticModel:
        if name not in self._models:
            self._models[name] = KineticModel.from_sbml(self.file.model(name)[0])
        return self._models[name]

    def _times(self, name: Any) -> np.ndarray:
        start, times = time_grid(self.file.part(name, "uniformTimeCourse"), self._name)
        if start != 0.0:
            raise UnsupportedModelError(f"{self._name}: {name!r} has initialTime {start:g}; expected 0.")
        return times
