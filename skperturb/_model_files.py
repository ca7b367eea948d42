"""Which files hold models: their endings, and folders that stand for the models inside."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["MODEL_SUFFIXES", "expand_folders"]

#: Endings of the files that `KineticModel.from_sbml` reads. A ``.zip`` may also hold something else.
MODEL_SUFFIXES = (".xml", ".sbml", ".omex", ".sbex", ".xml.gz", ".sbml.gz", ".zip")


def expand_folders(files: Sequence[str]) -> list[str]:
    """Put the models of a folder, in the order of their names, in the place of the folder.

    Parameters
    ----------
    files : sequence of str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a folder holds no model.
    """
    found: list[str] = []
    for file in files:
        found += _models_inside(Path(file)) if Path(file).is_dir() else [file]
    return found


def _models_inside(folder: Path) -> list[str]:
    paths = sorted(str(path) for path in folder.iterdir() if path.name.lower().endswith(MODEL_SUFFIXES))
    if not paths:
        raise ValueError(f"{str(folder)!r} is a folder without a model; files end in {', '.join(MODEL_SUFFIXES)}.")
    return paths
