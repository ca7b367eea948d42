"""The public semantic suite of SBML, or a folder laid out as it is: trajectories of the engine beside given ones.

A case is a folder ``NNNNN`` with one model in several Levels and Versions (``NNNNN-sbml-lXvY.xml``), what to compute
and how exactly (``NNNNN-settings.txt``), the right values (``NNNNN-results.csv``) and its tags (``NNNNN-model.m``).
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .._processes import Outcome, map_isolated
from ..exceptions import SBMLError, UnsupportedModelError
from ..sbml import KineticModel
from ..sbml.extractor import ENGINE_MODULES
from ._tables import format_table

__all__ = [
    "Case",
    "CaseResult",
    "read_case",
    "report_suite",
    "run_case",
    "run_suite",
    "within_tolerance",
    "write_suite",
]

OUTCOMES = ("pass", "refused", "wrong", "crash", "timeout")
_TIME_COURSE = "timecourse"
_FILE = re.compile(r"-sbml-l(\d+)v(\d+)\.xml")
# The engine integrates more exactly than the comparison is, so that its own errors do not decide.
_MARGIN = 1e-3


@dataclass(frozen=True)
class Case:
    """One case of the suite.

    Parameters
    ----------
    name : str
        The number of the case.
    path : str
        The SBML file.
    results : str
        The file of the right values.
    times : tuple of float
        Begin, length and number of steps of the output.
    variables, amounts, concentrations : tuple of str
        What is compared, and which of it as amounts and as concentrations.
    absolute, relative : float
        The tolerances.
    tags : tuple of str
        What the case is about.
    """

    name: str
    path: str
    results: str
    times: tuple[float, float, int]
    variables: tuple[str, ...]
    amounts: tuple[str, ...]
    concentrations: tuple[str, ...]
    absolute: float
    relative: float
    tags: tuple[str, ...]


@dataclass(frozen=True)
class CaseResult:
    """What became of a case: one of `OUTCOMES`, why, after how many seconds, and the largest error in tolerances."""

    name: str
    outcome: str
    reason: str
    seconds: float
    error: float
    tags: tuple[str, ...]


def read_case(folder: Path, form: str | None = None) -> Case | None:
    """Read the files of a case.

    Parameters
    ----------
    folder : Path
        The folder of the case.
    form : str, default=None
        Level and Version, as ``"l2v4"``; by default the highest of the case.

    Returns
    -------
    case : Case or None
        None if the case is not written in that form.

    Raises
    ------
    ValueError
        If a file is missing or not as described; the message names it.
    UnsupportedModelError
        If the case is no time course.
    """
    name = folder.name
    forms = {}
    for path in sorted(folder.glob(f"{name}-sbml-l*v*.xml")):
        match = _FILE.fullmatch(path.name.removeprefix(name))
        if match:
            forms[int(match[1]), int(match[2])] = path
    if not forms:
        raise ValueError(f"{folder} has no file {name}-sbml-lXvY.xml; expected at least one.")
    if form is None:
        path = forms[max(forms)]
    else:
        wanted = [path for (level, version), path in forms.items() if f"l{level}v{version}" == form]
        if not wanted:
            return None
        path = wanted[0]
    settings_path, model = folder / f"{name}-settings.txt", _fields(folder / f"{name}-model.m")
    settings = _fields(settings_path)
    test_type = (settings.get("testType") or model.get("testType") or _TIME_COURSE).replace(" ", "")
    if test_type.lower() != _TIME_COURSE:
        raise UnsupportedModelError(f"{settings_path}: the test type is {test_type}; expected TimeCourse.")
    return Case(
        name,
        str(path),
        str(folder / f"{name}-results.csv"),
        (_number(settings, "start", settings_path), _number(settings, "duration", settings_path),
         int(_number(settings, "steps", settings_path))),
        _names(settings, "variables"),
        _names(settings, "amount"),
        _names(settings, "concentration"),
        _number(settings, "absolute", settings_path),
        _number(settings, "relative", settings_path),
        _tags(model),
    )  # fmt: skip


def _number(settings: dict[str, str], key: str, path: Path) -> float:
    try:
        value = float(settings[key])
        if not value >= 0.0 or value == float("inf"):
            raise ValueError(f"{key} is {settings[key]!r}, which")
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: {error} is missing or not a number >= 0; expected 'name: value' lines.") from None
    return value


def _fields(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; every case has one.") from None
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        # The first of a name counts: what follows may be a description that speaks of it.
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _names(fields: dict[str, str], key: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in fields.get(key, "").split(",") if name.strip())


def _tags(fields: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_names(fields, "componentTags"), *_names(fields, "testTags"))))


def run_suite(
    directory: str | Path,
    *,
    form: str | None = None,
    n_jobs: int | None = 2,
    timeout: float = 20.0,
    verbose: int = 0,
) -> list[CaseResult]:
    """Compute every case of a suite and compare it with the right values.

    Parameters
    ----------
    directory : str or Path
        The folder of the cases.
    form : str, default=None
        Level and Version of the files, as ``"l2v4"``; by default the highest of each case.
    n_jobs : int, default=2
        Number of worker processes.
    timeout : float, default=20.0
        Seconds for one case.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.

    Returns
    -------
    results : list of CaseResult
        In the order of the cases. A model that the engine refuses by name is "refused", and so is a case that is no
        time course; any other error, one of the integrator or of the case's files included, and the end of the
        process is a "crash".

    Raises
    ------
    ValueError
        If the folder holds no case in that form.
    """
    root = Path(directory)
    folders = sorted(path for path in root.glob("*") if path.is_dir() and re.fullmatch(r"\d+", path.name))
    read = [found for folder in folders if (found := _read(folder, form)) is not None]
    if not read:
        raise ValueError(
            f"{root} holds no case{f' in the form {form!r}' if form else ''}; expected folders NNNNN with "
            "NNNNN-sbml-lXvY.xml, -settings.txt, -results.csv and -model.m."
        )
    cases = [found for found in read if isinstance(found, Case)]
    modules = (*ENGINE_MODULES, "skperturb.sbml._solving.simulate")
    outcomes = map_isolated(run_case, cases, n_jobs=n_jobs, timeout=timeout, verbose=verbose, modules=modules)
    computed = iter([_result(case, outcome, timeout) for case, outcome in zip(cases, outcomes, strict=True)])
    return [next(computed) if isinstance(found, Case) else found for found in read]


def _read(folder: Path, form: str | None) -> Case | CaseResult | None:
    """Read a case, or return what is wrong with it as its result: one of thousands does not end the run."""
    nothing = float("nan")
    try:
        return read_case(folder, form)
    except SBMLError as refusal:
        outcome, reason = "refused", str(refusal)
    except ValueError as failure:
        outcome, reason = "crash", str(failure)
    try:
        tags = _tags(_fields(folder / f"{folder.name}-model.m"))
    except ValueError:
        tags = ()
    return CaseResult(folder.name, outcome, reason, nothing, nothing, tags)


def _result(case: Case, outcome: Outcome, timeout: float) -> CaseResult:
    if outcome.kind == "value":
        return outcome.value
    kind = "timeout" if outcome.kind == "timeout" else "crash"
    seconds = timeout if kind == "timeout" else float("nan")
    return CaseResult(case.name, kind, str(outcome.error), seconds, float("nan"), case.tags)


def run_case(case: Case) -> CaseResult:
    """Compute and compare one case; runs in a worker process."""
    start = time.process_time()
    error = float("nan")
    try:
        error, where = _compare(case)
        outcome, reason = ("pass", "") if error <= 1.0 else ("wrong", where)
    except SBMLError as refusal:
        outcome, reason = "refused", str(refusal)
    except ValueError as failure:
        outcome, reason = "crash", f"{type(failure).__name__}: {failure}"
    return CaseResult(case.name, outcome, reason, time.process_time() - start, error, case.tags)


def _compare(case: Case) -> tuple[float, str]:
    """Return the largest error in units of the tolerance, and where it is."""
    expected, n_rows = _expected(case)
    begin, duration, steps = case.times
    times = begin + duration * np.arange(steps + 1) / max(steps, 1)
    if n_rows != len(times):
        raise ValueError(f"{case.results} has {n_rows} rows; expected {len(times)}, one for each output time.")
    model = KineticModel.from_sbml(case.path)
    frame = model.simulate(times, rtol=min(1e-8, _MARGIN * case.relative) if case.relative else 1e-8)
    columns = {"amount": model.amounts(frame), "concentration": model.concentrations(frame)}
    worst, where = 0.0, ""
    for name in case.variables:
        source = frame
        if name in case.amounts and name in columns["amount"]:
            source = columns["amount"]
        elif name in case.concentrations and name in columns["concentration"]:
            source = columns["concentration"]
        if name not in source:
            raise ValueError(f"{case.path} gives no value of {name!r}, which the settings list.")
        values, right = source[name].to_numpy(dtype=float), expected[name]
        errors = within_tolerance(values, right, case.absolute, case.relative)
        row = int(np.argmax(errors))
        if errors[row] > worst:
            worst = float(errors[row])
            where = f"{name} at t = {times[row]:g} is {values[row]:.10g}; expected {right[row]:.10g}"
    return worst, where


def _expected(case: Case) -> tuple[dict[str, np.ndarray], int]:
    """Return the right values by name, and the number of rows."""
    try:
        with open(case.results, encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip().strip('"') for cell in row] for row in csv.reader(file, skipinitialspace=True)]
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{case.results} cannot be read: {error}") from None
    header, *content = [row for row in rows if any(row)] or [[]]
    missing = [name for name in case.variables if name not in header]
    if missing:
        raise ValueError(f"{case.results} has no column {missing[0]!r}, which the settings list.")
    positions = {name: header.index(name) for name in case.variables}
    try:
        # Python reads INF, -INF and NaN in any case.
        columns = {name: np.array([float(row[position]) for row in content]) for name, position in positions.items()}
    except (IndexError, ValueError) as error:
        raise ValueError(f"{case.results} cannot be read: {error}; expected a number for each column.") from None
    return columns, len(content)


def within_tolerance(values: np.ndarray, right: np.ndarray, absolute: float, relative: float) -> np.ndarray:
    """Return ``|a - b| / (absolute + relative |b|)``, at most 1 where a value `a` passes.

    Values that are not finite have to be the same.

    Examples
    --------
    >>> import numpy as np
    >>> within_tolerance(np.array([1.0001, np.nan, 2.0]), np.array([1.0, np.nan, np.inf]), 0.0, 1e-3)
    array([0.1, 0. , inf])
    """
    allowed = absolute + relative * np.abs(right)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.abs(values - right) / allowed
    same = (values == right) | (np.isnan(values) & np.isnan(right))
    errors[~np.isfinite(values) | ~np.isfinite(right) | np.isnan(errors)] = np.inf
    errors[same] = 0.0
    return errors


def report_suite(results: Sequence[CaseResult]) -> str:
    """Format the outcomes by tag, the slowest cases, and why the cases fail that do."""
    by_tag: dict[str, list[CaseResult]] = {}
    for result in results:
        for tag in result.tags:
            by_tag.setdefault(tag, []).append(result)
    rows = [_row(tag, by_tag[tag]) for tag in sorted(by_tag)]
    rows.append(_row("all", results))
    lines = [format_table(["tag", "cases", *OUTCOMES], rows), ""]
    slowest = sorted((r for r in results if np.isfinite(r.seconds)), key=lambda r: -r.seconds)[:5]
    lines.append("slowest: " + ", ".join(f"{r.name} {r.seconds:.1f} s" for r in slowest))
    lines += [f"{r.name}  {r.outcome}  {' '.join(r.reason.split())[:200]}" for r in results if r.outcome != "pass"]
    return "\n".join(lines)


def _row(tag: str, results: Sequence[CaseResult]) -> list[object]:
    counts = Counter(result.outcome for result in results)
    return [tag, len(results), *(counts[outcome] for outcome in OUTCOMES)]


def write_suite(results: Sequence[CaseResult], path: Path) -> None:
    """Write a list with one JSON object per case; numbers that are not finite become null."""
    rows = [{key: _finite(value) for key, value in asdict(result).items()} for result in results]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not np.isfinite(value) else value
