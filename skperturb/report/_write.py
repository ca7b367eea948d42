"""The function behind ``python -m skperturb report``."""

import datetime
import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from skperturb import __version__
from skperturb._model_files import MODEL_SUFFIXES
from skperturb._processes import Outcome, map_isolated
from skperturb._sklearn import N_JOBS, Interval, StrOptions, validate_params
from skperturb._validation import check_names
from skperturb.report._page import Section, note, page
from skperturb.report._parts import Parts

__all__ = ["write_report"]

_SCREENS = (".h5ad",)
_CONTROL = ("control", "ctrl")
_KINDS = {"model": "SBML model", "interactions": "interactions", "screen": "perturbation screen"}
# What a worker imports before the time of its first file begins.
_MODULES = {
    "model": ("skperturb.report._models", "skperturb.sbml.model", "skperturb.networks"),
    "interactions": (
        "skperturb.report._interactions",
        "skperturb.datasets",
        "skperturb.interactions._similarity_indices",
    ),
    "screen": ("skperturb.report._screens", "anndata", "skperturb.responses"),
}


@dataclass(frozen=True)
class _Job:
    """What a worker needs to know of a file."""

    path: str
    kind: str
    top: int
    groupby: str | None
    control: tuple[str, ...]
    seconds: float
    saved: str


@validate_params(
    {
        "files": "no_validation",
        "path": [str, os.PathLike],
        "title": [str],
        "kinds": ["array-like", StrOptions({"auto"})],
        "top": [Interval(Integral, 1, None, closed="left")],
        "groupby": [str, None],
        "control": [str, "array-like"],
        "n_jobs": N_JOBS,
        "timeout": [Interval(Real, 0, None, closed="neither")],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def write_report(
    files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    title: str = "skperturb report",
    kinds: str | Sequence[str] = "auto",
    top: int = 5,
    groupby: str | None = None,
    control: str | Sequence[str] = _CONTROL,
    n_jobs: int | None = None,
    timeout: float = 120.0,
    verbose: int = 0,
) -> list[str | None]:
    """Write one page of HTML about models, interactions and screens.

    A section for each file: of an SBML model what was read and what is doubtful, the steady state, the network, the
    strongest responses and control coefficients, beside what the structure alone says and the baseline; of interactions
    the report of the reader, the degrees and the best candidates of `L3Paths` beside the product of degrees; of a
    screen its labels, the doubtful ones first, the responses, and the pairs that nobody tested, beside baselines.

    Parameters
    ----------
    files : sequence of str or path-like
        SBML models (``.xml``, ``.sbml``, also with ``.gz`` or in a ``.zip``, ``.omex``), screens (``.h5ad``), and files
        of interactions (all others), as `KineticModel.from_sbml`, anndata and `read_interactions` read them.
    path : str or path-like
        Where the page goes.
    title : str, default="skperturb report"
        Its heading.
    kinds : {"auto"} or sequence of {"model", "interactions", "screen"}, default="auto"
        What each file is; by default its ending tells.
    top : int, default=5
        Responses that are listed for each variable of a model.
    groupby : str, default=None
        The column of the cells of a screen that holds their labels; by default "perturbation", "condition", "gene" or
        "guide", the first that is there.
    control : str or sequence of str, default=("control", "ctrl")
        Labels of the unperturbed cells of a screen.
    n_jobs : int, default=None
        Number of worker processes, as in joblib.
    timeout : float, default=120
        Seconds for one file. Parts that would begin after six tenths of it are left out; a part that is not done in
        time ends the section, and what was done before it stays. The page says both.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.

    Returns
    -------
    list of str or None
        Of each file, None or why it could not be read.

    Raises
    ------
    TypeError
        If `files` is no sequence of paths.
    ValueError
        If there are no files, `kinds` does not fit them, or `groupby` or `control` is given and no file is a screen.
    OSError
        If the page can't be written; that its folder is there is looked at first.

    See Also
    --------
    skperturb.sbml.screen_models : One row for each of many models.

    Notes
    -----
    The page loads nothing: styles, script and drawings are inside, and a policy in its head forbids the rest. Files are
    read in worker processes, so that one that hangs or kills its process costs its own section.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.report import write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model, html = pathlib.Path(folder, "toggle.xml"), pathlib.Path(folder, "report.html")
    ...     _ = model.write_text(load_textbook_models().data[0])
    ...     errors = write_report([model], html)
    ...     text = html.read_text()
    >>> errors, "steady state, stable" in text
    ([None], True)
    """
    _check_folder(Path(path))
    listed = _listed(files)
    named = (control,) if isinstance(control, str) else tuple(check_names(control, "control"))
    found = list(zip(listed, _kinds(listed, kinds), strict=True))
    if not any(kind == "screen" for _, kind in found):
        _refuse_screen_options(groupby, named)
    modules = sorted({module for _, kind in found for module in _MODULES[kind]})
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            _Job(file, kind, int(top), groupby, named, float(timeout), str(Path(folder, str(k))))
            for k, (file, kind) in enumerate(found)
        ]
        outcomes = map_isolated(_section, jobs, n_jobs=n_jobs, timeout=timeout, verbose=verbose, modules=modules)
        sections = [_of_outcome(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    made = f"made by skperturb {__version__} on {datetime.date.today().isoformat()}"
    Path(path).write_text(page(title, sections, made), encoding="utf-8")
    return [None if section.is_read else section.outcome for section in sections]


def _check_folder(path: Path) -> None:
    # Before the files are read, which may take minutes.
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of path={str(path)!r} is not there; make it first.")


def _refuse_screen_options(groupby: str | None, control: tuple[str, ...]) -> None:
    """Say of options that only a screen has that nothing would read them."""
    given = {"groupby": groupby, "control": None if control == _CONTROL else list(control)}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name}={value!r} is about screens, and none of the files is one; expected a file that ends in "
                f"{_SCREENS[0]}, or kinds= that names the screens. Leave {name} out otherwise."
            )


def _listed(files: Any) -> list[str]:
    if isinstance(files, (str, os.PathLike)) or not isinstance(files, Iterable):
        raise TypeError(f"files is {files!r}; expected a sequence of paths. Wrap one path in a list: [path].")
    listed = list(files)
    if not listed:
        raise ValueError("files is empty; expected at least one path.")
    other = next((k for k, file in enumerate(listed) if not isinstance(file, (str, os.PathLike))), None)
    if other is not None:
        raise TypeError(f"files[{other}] is a {type(listed[other]).__name__}; expected str or path-like.")
    return [str(os.fspath(file)) for file in listed]


def _kinds(files: Sequence[str], kinds: str | Sequence[str]) -> list[str]:
    if isinstance(kinds, str):
        return [_guess(file) for file in files]
    listed = list(kinds)
    if len(listed) != len(files):
        raise ValueError(f"kinds has {len(listed)} elements and files {len(files)}; expected one for each file.")
    other = next((k for k, kind in enumerate(listed) if kind not in _KINDS), None)
    if other is not None:
        raise ValueError(f"kinds[{other}] is {listed[other]!r}; expected one of {', '.join(_KINDS)}.")
    return listed


def _guess(file: str) -> str:
    name = file.lower()
    if name.endswith(".zip"):
        return "model" if _holds_model(file) else "interactions"
    if name.endswith(_SCREENS):
        return "screen"
    return "model" if name.endswith(MODEL_SUFFIXES) else "interactions"


def _holds_model(file: str) -> bool:
    """Tell whether an archive has a model inside; one that is none is refused by its reader, with a reason."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(member.lower().endswith((".xml", ".sbml")) for member in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _section(job: _Job) -> Section:
    """Return the section of a file; runs in a worker process."""
    parts = Parts(job.seconds, job.saved)
    if job.kind == "model":
        from skperturb.report._models import model_section

        return model_section(job.path, parts, top=job.top)
    if job.kind == "interactions":
        from skperturb.report._interactions import interactions_section

        return interactions_section(job.path, parts)
    from skperturb.report._screens import screen_section

    return screen_section(job.path, parts, groupby=job.groupby, control=job.control)


def _of_outcome(job: _Job, outcome: Outcome) -> Section:
    if outcome.error is None:
        return outcome.value
    error = str(outcome.error)
    if not Path(job.saved).exists():
        return Section(job.path, _KINDS[job.kind], error, "", is_read=False)
    # Made by the worker that was ended a moment ago.
    grown = pickle.loads(Path(job.saved).read_bytes())
    said = note(f"The rest is missing: {error}.")
    return replace(grown, outcome=f"{grown.outcome}; then {error}", body=grown.body + said)
