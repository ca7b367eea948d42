"""The data home, and how a file gets into it: checksummed, cached, with one clear error when offline."""

import contextlib
import functools
import logging
import os
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from skperturb._validation import check_path
from skperturb.datasets._built import RECORD, advice, built_checksum, file_checksum

__all__ = [
    "ChecksumWarning",
    "DataHome",
    "DownloadError",
    "clear_data_home",
    "fetch_file",
    "fetch_unregistered",
    "get_data_home",
    "read_registry",
    "unpublished_file",
]

#: What a parameter `data_home` may be.
DataHome = str | os.PathLike | None

#: Seconds to wait for a connection and for each answer. A dead network has to be reported quickly.
_TIMEOUT = (10.0, 60.0)


class DownloadError(OSError):
    """A file is neither in the data home nor could it be downloaded."""


class ChecksumWarning(UserWarning):
    """A file in the data home is not the version that the registry of checksums describes."""


def get_data_home(data_home: DataHome = None) -> Path:
    """Return the folder that holds the real data.

    The folder is the argument, else the environment variable ``SKPERTURB_DATA``, else
    ``~/skperturb_data``. It is not created here: only a download creates it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder to use instead of the default one. ``~`` is expanded.

    Returns
    -------
    data_home : pathlib.Path
        The folder; it need not exist.

    Examples
    --------
    >>> from skperturb.datasets import get_data_home
    >>> get_data_home("/data/skperturb").as_posix()
    '/data/skperturb'
    """
    if data_home is None:
        data_home = os.environ.get("SKPERTURB_DATA") or "~/skperturb_data"
    return check_path(data_home, "data_home").expanduser()


@functools.cache
def read_registry(name: str) -> dict[str, str]:
    """Read a registry of checksums that is shipped with the package.

    Parameters
    ----------
    name : str
        The name of the registry: the file ``_registry/<name>.txt``, with one line per file, the path
        relative to the registry's folder and its SHA-256 sum.

    Returns
    -------
    registry : dict of str to str
        Relative path to SHA-256 sum. It is cached: do not change it.
    """
    text = resources.files(__package__).joinpath("_registry", f"{name}.txt").read_text(encoding="utf-8")
    return dict(line.split() for line in text.splitlines())


def unpublished_file(registry: str, relative_path: str) -> tuple[str, None, str]:
    """Return path, address (none) and checksum, the arguments of `fetch_file`, of a file without a public address.

    Parameters
    ----------
    registry : str
        The name of the registry that holds its checksum, see `read_registry`.
    relative_path : str
        Path of the file below the data home, with forward slashes.

    Returns
    -------
    tuple of str, None and str
    """
    return relative_path, None, read_registry(registry)[relative_path]


def clear_data_home(data_home: DataHome = None) -> None:
    """Delete the files that the ``fetch_*`` functions keep in the data home.

    Only files that a registry of the package names are deleted, those that were built from public ones among them,
    and folders that are empty afterwards: whatever else lies in the data home stays.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skperturb.datasets import clear_data_home
    >>> home = Path(tempfile.mkdtemp())
    >>> clear_data_home(home)
    >>> home.exists()
    False
    """
    home = get_data_home(data_home)
    files = [home / "biomodels" / name for name in read_registry("biomodels")]
    for registry in ("networks_reproduction", "interactions", "responses"):
        files += [home / name for name in read_registry(registry)]
    files.append(home / RECORD)
    for file in files:
        file.unlink(missing_ok=True)
    for folder in (*(home / name for name in ("biomodels", "interactions", "responses")), home):
        # A folder that still holds something of the user's, or that never existed, stays as it is.
        with contextlib.suppress(OSError):
            folder.rmdir()


def fetch_file(
    relative_path: str,
    url: str | None,
    sha256: str,
    *,
    data_home: DataHome = None,
    verbose: int = 0,
) -> Path:
    """Return a file of the data home, downloading it when it is not there.

    A file that is already there is used without any network access. If its checksum differs from the
    registry's, it is still the user's own file: it is used, and a `ChecksumWarning` names it, unless a ``build_*``
    function made it here and it has not changed since. A *download* with a wrong checksum is refused.

    Parameters
    ----------
    relative_path : str
        Path of the file below the data home, with forward slashes.
    url : str or None
        Where the file can be downloaded; None if it has no public address.
    sha256 : str
        SHA-256 sum of the file, as 64 hexadecimal digits.
    data_home : str or path-like, default=None
        See `get_data_home`.
    verbose : int, default=0
        If positive, the download is reported through pooch's logger.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    DownloadError
        If the file is not there and cannot be downloaded, or if the download's checksum is wrong. The
        message names the address, the path at which the file is expected, and ``SKPERTURB_DATA``.

    Examples
    --------
    >>> import hashlib, tempfile
    >>> from pathlib import Path
    >>> from skperturb.datasets import fetch_file
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = Path(home, "genes.txt").write_text("lacZ")
    ...     digest = hashlib.sha256(b"lacZ").hexdigest()
    ...     fetch_file("genes.txt", None, digest, data_home=home).name
    'genes.txt'
    """
    home = get_data_home(data_home)
    target = home / relative_path
    if target.is_file():
        _warn_if_changed(target, {sha256, built_checksum(home, relative_path)})
        return target
    if url is None:
        raise _missing(relative_path, target, "none (the file has no public address)", advice(relative_path))
    return _download(relative_path, url, target, f"sha256:{sha256}", verbose)


def fetch_unregistered(relative_path: str, url: str, known_hash: str | None, *, data_home: DataHome = None) -> Path:
    """Return a file of the data home whose checksum the package does not know.

    A file that is there is used. Nothing is downloaded unchecked: the caller brings the checksum.

    Parameters
    ----------
    relative_path : str
        Path of the file below the data home, with forward slashes.
    url : str
        Where the file can be downloaded.
    known_hash : str or None
        Such as "md5:…" or "sha256:…".
    data_home : str or path-like, default=None
        See `get_data_home`.

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    DownloadError
        If the file is not there and there is no checksum, it cannot be downloaded, or its checksum is wrong.
    """
    target = get_data_home(data_home) / relative_path
    if target.is_file():
        return target
    if known_hash is None:
        reason = "no checksum is registered; pass known_hash='md5:…' with the one that the address' page shows"
        raise _missing(relative_path, target, url, reason)
    return _download(relative_path, url, target, known_hash, verbose=0)


def _missing(relative_path: str, target: Path, address: str, reason: str) -> DownloadError:
    return DownloadError(
        f"{relative_path!r} is not in the data home and could not be downloaded.\n"
        f"  address: {address}\n"
        f"  expected at: {target}\n"
        f"  reason: {reason}\n"
        "Put the file there by hand, or let the environment variable SKPERTURB_DATA (or the argument "
        "data_home) name a folder that holds it."
    )


def _download(relative_path: str, url: str, target: Path, known_hash: str, verbose: int) -> Path:
    import pooch

    absent = [folder for folder in target.parents if not folder.exists()]
    try:
        with _pooch_log_level(logging.INFO if verbose else logging.ERROR):
            pooch.retrieve(
                url,
                known_hash=known_hash,
                fname=target.name,
                path=target.parent,
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT),
            )
    # requests' errors are OSErrors; pooch raises ValueError for a wrong checksum.
    except (OSError, ValueError) as error:
        raise _missing(relative_path, target, url, f"{type(error).__name__}: {error}") from error
    finally:
        # Also an interrupted download leaves no empty folder behind, the innermost first.
        for folder in absent if not target.exists() else ():
            with contextlib.suppress(OSError):
                folder.rmdir()
    return target


def _warn_if_changed(path: Path, expected: set[str | None]) -> None:
    found = file_checksum(path)
    if found not in expected:
        warnings.warn(
            f"{path} is not the registered version (its SHA-256 is {found[:12]}…); it is used as it is. Delete it to "
            "download or build it anew.",
            ChecksumWarning,
            stacklevel=4,
        )


@contextlib.contextmanager
def _pooch_log_level(level: int) -> Iterator[None]:
    import pooch

    logger = pooch.get_logger()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
