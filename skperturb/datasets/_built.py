"""Files of the data home that are built from public ones, and the record of what they were built from."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from skperturb._validation import describe

__all__ = ["RECORD", "advice", "built_checksum", "check_target", "file_checksum", "write_built"]

#: The record, beside the folders of the data home.
RECORD = "built_files.json"

# What makes a file that has no public address as it stands.
_BUILDERS = {
    "interactions/": "build_ecoli_interactions(...)",
    "responses/norman2019_pc50": "fetch_norman2019(path=...)",
    "responses/replogle2022_k562_pc50": "fetch_replogle2022(path=...)",
    "responses/nadig2025_jurkat_pc50": "fetch_nadig2025(path=...)",
    "responses/frangieh2021_pc50": "fetch_frangieh2021(path=...)",
    "responses/papalexi2021_pc50": "fetch_papalexi2021(path=...)",
    "responses/tian2021_crispri_pc50": "fetch_tian2021(path=...)",
    "responses/gene_graph_edges": "build_gene_graph(...)",
    "responses/gene_go_terms": "build_gene_terms(...)",
}
_BY_HAND = {
    "responses/norman2019_mcfaline2023_500hvg": (
        "it is src/perturbench/data/resources/devel.h5ad of the repository altoslabs/perturbench on GitHub, under "
        "another name"
    ),
}


def advice(relative_path: str) -> str:
    """Say how a file of the data home without a public address comes about."""
    for start, builder in _BUILDERS.items():
        if relative_path.startswith(start):
            return f"build it from public files with skperturb.datasets.{builder}, see the page 'Data of the tables'"
    return next((text for start, text in _BY_HAND.items() if relative_path.startswith(start)), "nothing to download")


def file_checksum(path: Path) -> str:
    """Return the SHA-256 sum of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def built_checksum(home: Path, relative_path: str) -> str | None:
    """Return the checksum that a file had when it was built in this data home, or None."""
    found = _read(home).get(relative_path)
    return None if found is None else str(found["sha256"])


def check_target(relative_path: str, home: Path, overwrite: Any) -> Path:
    """Tell whether a file may be written into the data home, before the work that makes it.

    Parameters
    ----------
    relative_path : str
        Path of the file below the data home, with forward slashes.
    home : pathlib.Path
        The data home; it need not exist.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    target : pathlib.Path
        Where the file goes.

    Raises
    ------
    TypeError
        If `overwrite` is no bool.
    ValueError
        If the file is there and `overwrite` is False.
    OSError
        If the data home is no folder, or nothing can be written there.
    """
    if not isinstance(overwrite, bool):
        raise TypeError(f"overwrite is a {describe(overwrite)}; expected True or False.")
    target = home / relative_path
    if target.exists() and not overwrite:
        raise ValueError(f"{target} is there already; pass overwrite=True to replace it, or another data_home.")
    folder = next((parent for parent in target.parents if parent.exists()), target.parent)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder, so that {target} can't be written; pass another data_home.")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} can't be written, and so not {target}; pass another data_home.")
    return target


def write_built(
    table: pd.DataFrame,
    relative_path: str,
    home: Path,
    sources: Mapping[str, Path | None],
    *,
    overwrite: bool,
    index: bool = False,
) -> Path:
    """Write a table into the data home, and note its checksum and those of its sources.

    Parameters
    ----------
    table : DataFrame
        What the file holds; it is written with tabs, compressed if the name ends in ".gz".
    relative_path : str
        Path of the file below the data home, with forward slashes.
    home : pathlib.Path
        The data home.
    sources : mapping of str to path or None
        What it was built from; None for what lay in memory.
    overwrite : bool
        Whether a file that is there may be replaced.
    index : bool, default=False
        Whether the index is the first column.

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    TypeError, ValueError, OSError
        As `check_target`, which a builder calls before its work.
    """
    target = check_target(relative_path, home, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Without a time in it, the same sources give the same bytes.
    compression = {"method": "gzip", "mtime": 0} if target.suffix == ".gz" else None
    table.to_csv(target, sep="\t", index=index, lineterminator="\n", compression=compression)
    record = _read(home)
    record[relative_path] = {
        "sha256": file_checksum(target),
        "sources": {name: None if path is None else [path.name, file_checksum(path)] for name, path in sources.items()},
    }
    # In place of the old one at once, so that no half of a record is left by an interruption.
    fresh = home / f"{RECORD}.new"
    fresh.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(home / RECORD)
    return target


def _read(home: Path) -> dict[str, dict]:
    path = home / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
