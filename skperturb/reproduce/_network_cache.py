"""Networks at steady states, kept in the data home between runs: most of the time goes into finding them."""

import functools
import hashlib
import os
import pickle
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..datasets import get_data_home

__all__ = ["cache_folder", "kept"]


def cache_folder(data_home: str | Path | None) -> Path | None:
    """Return where networks are kept; None for a data home that is not there or that nobody may write to."""
    home = get_data_home(data_home)
    # By the mode, and not by os.access: a superuser may write anywhere, and should not.
    if not home.is_dir() or not home.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        return None
    return home / "cache" / "networks"


def kept(folder: Path | None, path: Path, compute: Callable[[Path], Any]) -> Any:
    """Return what was computed of a file before, or compute and keep it.

    What is kept belongs to the content of the file and to the code of the engine: a change of either computes anew.

    Parameters
    ----------
    folder : Path or None
        None keeps nothing.
    path : Path
        The SBML file.
    compute : callable
        Takes the path; the result is pickled.

    Returns
    -------
    object
    """
    if folder is None:
        return compute(path)
    digest = hashlib.sha256(Path(path).read_bytes() + _engine().encode()).hexdigest()[:20]
    target = folder / f"{Path(path).stem}-{digest}.pickle"
    try:
        with target.open("rb") as stream:
            return pickle.load(stream)
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        result = compute(path)
    _write(target, result)
    return result


def _write(target: Path, result: Any) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as stream:
            pickle.dump(result, stream)
        # At once, so that another process never reads half a file.
        os.replace(stream.name, target)
    except OSError:
        # A full or locked disk costs the next run its head start, not this one its result.
        return


@functools.cache
def _engine() -> str:
    """Return a digest of the code that turns files into networks."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for source in (root / "_network.py", *sorted((root / "sbml").rglob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()
