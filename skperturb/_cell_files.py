"""Files of cells, which anndata reads."""

from pathlib import Path
from typing import Any

__all__ = ["open_cells"]


def open_cells(path: Path, *, in_memory: bool = False) -> Any:
    """Open cells on the disk.

    Parameters
    ----------
    path : Path
    in_memory : bool, default=False
        Read all of them.

    Returns
    -------
    AnnData

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    import anndata

    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected cells as .h5ad.")
    try:
        return anndata.read_h5ad(path, backed=None if in_memory else "r")
    except Exception as error:  # a damaged file makes the libraries raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ValueError(f"{path} can't be read as .h5ad: {reason}. Expected cells as anndata writes them.") from error
