"""OMEX archives run as the BioSimulators convention wants it: reports in HDF5, plots in PDF, and a log."""

from __future__ import annotations

import io
import json
import os
import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from skperturb._validation import check_path
from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml._reading.archives import Archive, is_zip
from skperturb.sbml._reading.sedml import (
    TIME_SYMBOLS,
    SedmlFile,
    calculated,
    children,
    local_name,
    located,
    number,
    symbol_of,
    time_grid,
)
from skperturb.sbml.model import KineticModel

__all__ = ["run_archive"]

_LIMIT = 2**27  # bytes, all files of an archive together
# Terms of KiSAO for methods that tend to the solution of the differential equations as their steps shrink.
_COURSES = {
    19, 20, 30, 31, 32, 33, 64, 71, 86, 87, 88, 89, 90, 91, 93, 94, 232, 233, 234, 261, 276, 279, 280, 281, 283,
    288, 289, 290, 296, 297, 299, 301, 302, 303, 304, 305, 318, 321, 355, 356, 364, 377, 378, 379, 380, 381, 382,
    383, 384, 432, 433, 434, 435, 436, 496, 535, 536, 537, 544, 560, 609, 612, 617, 668, 672, 694,
}  # fmt: skip
_RESTS = _COURSES | {282, 407, 408, 409, 410, 411, 412, 413, 568, 569, 630, 631, 675}
_OURS = "KISAO_0000088"  # LSODA
_PARTS = {"report": "dataSets", "plot2D": "curves"}
_AXES = ("xDataReference", "yDataReference")


@dataclass(frozen=True)
class _Values:
    """What a task yields: one value or one array for each symbol, and the times, None at a steady state."""

    symbols: dict[str, np.ndarray]
    times: np.ndarray | None


@dataclass(frozen=True)
class _Output:
    """A report or plot: rows of numbers, what they are called, and the curves that are drawn."""

    uri: str
    attributes: dict[str, Any]
    rows: list[np.ndarray]
    curves: list[tuple[Any, list[np.ndarray]]]


def run_archive(
    archive: str | os.PathLike[str], directory: str | os.PathLike[str], *, on_error: str = "log"
) -> dict[str, Any]:
    """Run the simulation experiments of an OMEX archive and write what they ask for.

    Parameters
    ----------
    archive : str or path-like
        OMEX archive with SED-ML files. Where its manifest names a master, that one is run, else all.
    directory : str or path-like
        Where ``reports.h5``, ``plots.zip`` (if there are plots) and ``log.yml`` are written [1]_; made if it is not
        there. In ``reports.h5`` the data set ``location/of/file.sedml/id`` holds a report or plot, one row for each of
        its data sets or data generators, padded with NaN to equal lengths.
    on_error : {"log", "raise"}, default="log"
        What to do with a task or output that fails: go on with the others, or raise its error.

    Returns
    -------
    log : dict
        What ``log.yml`` says: "status" ("SUCCEEDED", or "FAILED" if anything failed) of the archive, and below
        "sedDocuments" of each file, task and output, with "exception" (type and message) where one failed.

    Raises
    ------
    OSError
        If the archive can't be read, or the directory can't be written to.
    InvalidModelError
        If it is no archive, or holds no SED-ML.
    ValueError
        If `on_error` is unknown.

    See Also
    --------
    read_simulations : The time courses of an archive as Python objects.

    Notes
    -----
    Run are uniform time courses, single steps and steady states of SBML models; attributes of models are changed, and
    data generators calculated. Algorithms for ordinary differential equations and for steady states are all replaced by
    those of this package, with its tolerances; the log says which was asked for. Other algorithms (stochastic ones,
    flux balances), repeated tasks, other changes of models and plots of three dimensions fail with their names.

    References
    ----------
    .. [1] Shaikh, B. et al. (2022). BioSimulators: a central registry of simulation engines and services for
       recommending specific tools. Nucleic Acids Research 50:W108–W114. doi:10.1093/nar/gkac331.

    Examples
    --------
    >>> import pathlib, tempfile, zipfile
    >>> from skperturb.sbml import run_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with zipfile.ZipFile(pathlib.Path(folder, "empty.omex"), "w") as archive:
    ...         archive.writestr("course.sedml", "<sedML level='1' version='3'/>")
    ...     log = run_archive(pathlib.Path(folder, "empty.omex"), pathlib.Path(folder, "out"))
    ...     sorted(path.name for path in pathlib.Path(folder, "out").iterdir())
    ['log.yml', 'reports.h5']
    >>> log["status"], [document["location"] for document in log["sedDocuments"]]
    ('SUCCEEDED', ['course.sedml'])
    """
    if not isinstance(on_error, str) or on_error not in ("log", "raise"):
        raise ValueError(f"on_error={on_error!r} is unknown; expected 'log' or 'raise'.")
    path, target = check_path(archive, "archive"), check_path(directory, "directory")
    content = path.read_bytes()
    if not is_zip(content):
        raise InvalidModelError(f"{path.name} is no zip file; expected an OMEX archive.")
    files = Archive(content, path.name, _LIMIT)
    locations = files.experiments()
    target.mkdir(parents=True, exist_ok=True)
    outputs: list[_Output] = []
    caught: tuple[type[Exception], ...] = (ValueError, ArithmeticError) if on_error == "log" else ()
    start = perf_counter()
    documents = [_run_file(files, location, outputs, caught) for location in locations]
    log = _fresh(sedDocuments=documents) | {"duration": perf_counter() - start}
    _fail_with(log, documents)
    _write_reports(target / "reports.h5", outputs)
    _write_plots(target / "plots.zip", [output for output in outputs if output.curves])
    # Every JSON text is one in YAML.
    (target / "log.yml").write_text(json.dumps(log, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return log


def _run_file(archive: Archive, location: str, outputs: list[_Output], caught: Any) -> dict[str, Any]:
    """Run a SED-ML file, collect its outputs, and return its part of the log."""
    found: list[_Run] = []
    start = perf_counter()
    log = _attempt(caught, lambda: found.append(_Run(archive, location)), location=location, tasks=None, outputs=None)
    for run in found:
        log["tasks"] = [
            _attempt(caught, partial(run.task, task), id=task.get("id"), algorithm=_OURS, simulatorDetails=None)
            for task in run.file.all_of("listOfTasks")
        ]
        log["outputs"] = [
            _attempt(caught, partial(run.output, one, outputs), id=one.get("id"))
            for one in run.file.all_of("listOfOutputs")
        ]
        for one, entry in zip(run.file.all_of("listOfOutputs"), log["outputs"], strict=True):
            parts = [{"id": part.get("id"), "status": entry["status"]} for below in one for part in below]
            entry[_PARTS.get(local_name(one), "surfaces")] = parts
        _fail_with(log, log["tasks"] + log["outputs"])
    return log | {"duration": perf_counter() - start}


def _fresh(**about: Any) -> dict[str, Any]:
    return {"status": "SUCCEEDED", "exception": None, "skipReason": None, "output": None, **about}


def _attempt(caught: Any, action: Callable[[], str | None], **about: Any) -> dict[str, Any]:
    """Return the log of one element; what the action returns is its output in words."""
    entry, start = _fresh(**about), perf_counter()
    try:
        entry["output"] = action()
    except caught as error:
        entry |= {"status": "FAILED", "exception": {"type": type(error).__name__, "message": str(error)}}
    return entry | {"duration": perf_counter() - start}


def _fail_with(log: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    if any(part["status"] == "FAILED" for part in parts):
        log["status"] = "FAILED"


class _Run:
    """A SED-ML file with its tasks, and the outputs that they fill."""

    def __init__(self, archive: Archive, location: str) -> None:
        fetch = partial(archive.read_beside, folder=posixpath.dirname(location), asking=location)
        self.file = SedmlFile(archive.read(location), location, fetch)
        self._models: dict[str, KineticModel] = {}
        self._values: dict[str, _Values] = {}

    def task(self, task: Any) -> str:
        """Run a task, keep its values, and say which algorithm was asked for."""
        self.file.part(task.get("id"), "task")
        simulation = self.file.part(task.get("simulationReference"), *_KINDS)
        source, kind = task.get("modelReference"), local_name(simulation)
        text, _ = self.file.model(source)
        where = f"{self.file.name}: {simulation.get('id')!r}"
        asked = _algorithm(simulation, where)
        if source not in self._models:
            self._models[source] = KineticModel.from_sbml(text)
        self._values[task.get("id")] = _KINDS[kind](self._models[source], simulation, text, where)
        return asked

    def output(self, element: Any, outputs: list[_Output]) -> None:
        """Add a report or a plot of two dimensions to the outputs."""
        kind, name = local_name(element), str(element.get("id"))
        where, uri = f"{self.file.name}: the {kind} {name!r}", f"{self.file.name}/{name}"
        if kind not in ("report", "plot2D"):
            raise UnsupportedModelError(f"{where} is not written; expected a report or a plot2D.")
        if "/" in name or not name.strip(".") or uri in [other.uri for other in outputs]:
            raise InvalidModelError(f"{where} has no id of its own; expected one for each output.")
        curves = _curves(element, where) if kind == "plot2D" else []
        if kind == "report":
            items = children(element, "listOfDataSets", "dataSet")
            labels = [str(item.get("label") or item.get("id")) for item in items]
            rows = [self._row(item.get("dataReference")) for item in items]
        else:
            items = self._generators(curves)
            labels = [str(item.get("id")) for item in items]
            rows = [self._row(label) for label in labels]
        if not items:
            raise InvalidModelError(f"{where} shows nothing; expected a data set or a curve.")
        attributes = {
            "_type": f"Sed{kind[0].upper()}{kind[1:]}",
            "uri": uri,
            "sedmlId": name,
            "sedmlName": element.get("name") or "",
            "sedmlDataSetIds": [str(item.get("id") or label) for item, label in zip(items, labels, strict=True)],
            "sedmlDataSetNames": [item.get("name") or "" for item in items],
            "sedmlDataSetLabels": labels,
            "sedmlDataSetDataTypes": [row.dtype.name for row in rows],
            "sedmlDataSetShapes": [",".join(map(str, row.shape)) for row in rows],
        }
        shown = dict(zip(labels, rows, strict=True))
        drawn = [(curve, [shown[curve.get(axis)] for axis in _AXES]) for curve in curves]
        outputs.append(_Output(uri, attributes, rows, drawn))

    def _generators(self, curves: list[Any]) -> list[Any]:
        """Return the data generators of curves in the order of the file."""
        used = {self.file.part(curve.get(axis), "dataGenerator").get("id") for curve in curves for axis in _AXES}
        return [one for one in self.file.all_of("listOfDataGenerators") if one.get("id") in used]

    def _row(self, name: Any) -> np.ndarray:
        """Return what a data generator shows."""
        generator = self.file.part(name, "dataGenerator")
        where = f"{self.file.name}: the data generator {name!r}"
        values: dict[str, Any] = {
            one.get("id"): self._variable(one, f"{where}, variable {one.get('id')!r}")
            for one in children(generator, "listOfVariables", "variable")
        }
        for one in children(generator, "listOfParameters", "parameter"):
            values[one.get("id")] = number(one, "value", str(one.get("id")))
        shapes = {np.shape(value) for value in values.values()} - {()}
        if len(shapes) > 1:
            raise UnsupportedModelError(f"{where} combines tasks of {sorted(shapes)} points; expected as many in each.")
        formulas = children(generator, "math")
        if len(formulas) != 1:
            raise InvalidModelError(f"{where} has {len(formulas)} formulas; expected one element math.")
        # A constant has the length of what else the formula names.
        return np.array(np.broadcast_to(calculated(formulas[0], values, where), shapes.pop() if shapes else ()))

    def _variable(self, variable: Any, where: str) -> np.ndarray:
        task, symbol = self.file.part(variable.get("taskReference"), "task"), variable.get("symbol")
        values = self._values.get(task.get("id"))
        if values is None:
            raise InvalidModelError(f"{where} needs the task {task.get('id')!r}, which failed; see there.")
        if symbol in TIME_SYMBOLS and values.times is not None:
            return values.times
        if symbol is not None or variable.get("term") is not None:
            shown = symbol or variable.get("term")
            raise UnsupportedModelError(f"{where} shows {shown!r}; expected a target, or the time of a course.")
        _, root = self.file.model(task.get("modelReference"))
        target = str(variable.get("target"))
        where = f"{where}, {target!r}"
        name = symbol_of(root, located(root, target, where), where)
        if name not in values.symbols:
            raise InvalidModelError(f"{where}: {name!r} has no value in the task {task.get('id')!r}.")
        return values.symbols[name]


def _algorithm(simulation: Any, where: str) -> str:
    """Say which algorithm a simulation asks for; one that solves another problem is refused."""
    algorithms = children(simulation, "algorithm")
    asked = str(algorithms[0].get("kisaoID")) if algorithms else "no algorithm"
    known = _RESTS if local_name(simulation) == "steadyState" else _COURSES
    term = re.search(r"\bKISAO[:_](\d{7})$", asked)
    if algorithms and (term is None or int(term[1]) not in known):
        raise UnsupportedModelError(
            f"{where} asks for the algorithm {asked}; expected one for ordinary differential equations, such as "
            "KISAO:0000019, or for steady states."
        )
    parameters = [
        f"{one.get('kisaoID')}={one.get('value')}"
        for algorithm in algorithms
        for one in children(algorithm, "listOfAlgorithmParameters", "algorithmParameter")
    ]
    unread = f"; not read: {', '.join(parameters)}" if parameters else ""
    return f"asked for {asked}, run by the solver of skperturb with its own tolerances{unread}"


def _course(model: KineticModel, simulation: Any, text: str, where: str) -> _Values:
    start, times = time_grid(simulation, where)
    # The engine starts at 0; that is a shift where no formula knows the time.
    if start != 0.0 and ("symbols/time" in text or "symbols/delay" in text):
        raise UnsupportedModelError(f"{where} has initialTime {start:g}, and the model depends on time; expected 0.")
    return _followed(model, times - start, times)


def _one_step(model: KineticModel, simulation: Any, text: str, where: str) -> _Values:
    step = number(simulation, "step", where)
    if step <= 0.0:
        raise InvalidModelError(f"{where} has step {step:g}; expected a positive number.")
    return _followed(model, np.array([0.0, step]), np.array([0.0, step]))


def _followed(model: KineticModel, elapsed: np.ndarray, times: np.ndarray) -> _Values:
    grid = elapsed if elapsed[0] == 0.0 else np.concatenate([[0.0], elapsed])
    course = model.simulate(grid).iloc[-len(times) :]
    # Parameters of reactions are no columns, and stay as they are.
    fixed = {name: np.full(len(times), value) for name, value in model.parameters.items() if name not in course}
    return _Values(fixed | {name: course[name].to_numpy() for name in course}, times)


def _rest(model: KineticModel, simulation: Any, text: str, where: str) -> _Values:
    rest = model.steady_state()
    at = model.after_events(rest)
    values = dict(at.parameters) | dict(at.evaluate([rest.time], [rest.state.to_numpy()]).iloc[0])
    return _Values({name: np.array(value) for name, value in values.items()}, None)


_KINDS = {"uniformTimeCourse": _course, "oneStep": _one_step, "steadyState": _rest}


def _curves(plot: Any, where: str) -> list[Any]:
    curves = [one for parts in children(plot, "listOfCurves") for one in parts]
    for one in curves:
        if local_name(one) != "curve":
            raise UnsupportedModelError(f"{where} has a {local_name(one)}; only curves are drawn.")
        # From version 4 on the scale belongs to the axis.
        for axis, key in (("xAxis", "logX"), ("yAxis", "logY")):
            if any(found.get("type") == "log10" for found in children(plot, axis)):
                one.set(key, "true")
    return curves


def _write_reports(path: Path, outputs: list[_Output]) -> None:
    import h5py

    # The older formats of HDF5 hold no attributes above 64 KiB, which a few thousand labels are.
    with h5py.File(path, "w", libver="latest") as file:
        for output in outputs:
            file.create_dataset(output.uri, data=_padded(output.rows), compression="gzip")
            file[output.uri].attrs.update(output.attributes)
            folders = output.uri.split("/")[:-1]
            for depth in range(1, len(folders) + 1):
                location = "/".join(folders[:depth])
                file[location].attrs.update({"uri": location, "combineArchiveLocation": location})


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    """Return rows of several lengths as one table, with NaN behind the shorter ones; numbers alone as one row."""
    if not any(row.ndim for row in rows):
        return np.array(rows)
    table = np.full((len(rows), max(row.size for row in rows)), np.nan)
    for line, row in zip(table, rows, strict=True):
        line[: row.size] = row
    return table


def _write_plots(path: Path, outputs: list[_Output]) -> None:
    from matplotlib.figure import Figure

    # What an earlier run has left would pass for one of this run.
    path.unlink(missing_ok=True)
    if not outputs:
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for output in outputs:
            figure, content = Figure(layout="constrained"), io.BytesIO()
            axes = figure.subplots()
            for curve, (x, y) in output.curves:
                x, y = np.broadcast_arrays(np.atleast_1d(x), y)
                label = curve.get("name") or curve.get("yDataReference")
                axes.plot(x, y, "-" if x.size > 1 else "o", label=label)
                for values, key, scale in ((x, "logX", axes.set_xscale), (y, "logY", axes.set_yscale)):
                    if curve.get(key) in ("true", "1") and (values > 0.0).any():
                        scale("log")
            axes.set(title=output.attributes["sedmlName"] or output.attributes["sedmlId"])
            axes.legend()
            figure.savefig(content, format="pdf", metadata={"CreationDate": None})
            archive.writestr(f"{output.uri}.pdf", content.getvalue())
