"""Fitted models as files that hold data and no code."""

import importlib
import inspect
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skperturb import __version__

__all__ = ["load_model", "save_model"]

# Inside the archive of skops, which reads its own members only.
_ABOUT = "skperturb.json"
# skops trusts what it knows of NumPy, SciPy and scikit-learn. Beside that a file may hold *classes* of these modules:
# the estimators of this package with their parts, and what they keep of sparse matrices, losses and scikit-learn.
_TRUSTED = ("skperturb.", "scipy.sparse.", "sklearn.", "torch.nn.modules.loss.")


def save_model(model: Any, path: str | os.PathLike[str], **about: Any) -> Path:
    """Save a fitted model as data, with skops.

    Parameters
    ----------
    model : estimator or Pipeline
        Of this package or of scikit-learn.
    path : str or path-like
        Where the file goes, such as "model.skops".
    **about : str, int, float, bool, list, dict or None
        What to keep beside the model, such as what it was fitted on; `load_model` returns it.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ImportError
        If skops is not installed.
    OSError
        If the file can't be written.

    See Also
    --------
    load_model : Read the file.

    Examples
    --------
    >>> import tempfile, os
    >>> from skperturb.persistence import load_model, save_model
    >>> from skperturb.responses import AdditiveRegressor
    >>> model = AdditiveRegressor().fit([[1, 0], [0, 1]], [[1.0], [2.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_model(model, os.path.join(folder, "model.skops"), screen="mine")
    ...     again, about = load_model(path)
    >>> again.predict([[1, 1]]), about["screen"]
    (array([[3.]]), 'mine')
    """
    io = _skops()
    path = Path(path)
    # Before the file is opened, because what is no JSON would leave half of one.
    text = json.dumps({"skperturb": __version__, **about}, indent=1)
    io.dump(model, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_ABOUT, text)
    return path


def load_model(path: str | os.PathLike[str], *, trusted: Sequence[str] = ()) -> tuple[Any, dict[str, Any]]:
    """Load a model that `save_model` or skops saved, if it holds nothing but data of known types.

    Trusted are the types that skops trusts (those of NumPy, SciPy and scikit-learn that run no code when they are
    made), and beside them classes, but no functions, of ``skperturb``, ``sklearn``, ``scipy.sparse`` and the losses of
    torch.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of str, default=()
        Further types, by their full names, such as those of a kernel of your own.

    Returns
    -------
    model : estimator
    about : dict
        What was kept beside it; "skperturb" is the version that saved it. Empty for files of skops itself.

    Raises
    ------
    ImportError
        If skops is not installed.
    OSError
        If the file can't be read.
    ValueError
        If the file is a pickle, which runs code when it is loaded, or no archive of skops, or holds other types; the
        message names them.

    Warns
    -----
    UserWarning
        If another version of this package saved the file.

    See Also
    --------
    save_model : Write the file.

    Examples
    --------
    >>> import pathlib, pickle, tempfile
    >>> from skperturb.persistence import load_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.pkl")
    ...     _ = path.write_bytes(pickle.dumps({"no": "model"}))
    ...     load_model(path)
    Traceback (most recent call last):
        ...
    ValueError: ...model.pkl is a pickle, which runs code when it is loaded; ...
    """
    if isinstance(trusted, str):
        raise TypeError(f"trusted is the str {trusted!r}; expected a sequence of names of types.")
    path = Path(path)
    _check_archive(path)
    io = _skops()
    with _named(path):
        types, about = io.get_untrusted_types(file=path), _about(path)
    refused = [name for name in types if name not in trusted and not _is_known(name)]
    if refused:
        raise ValueError(
            f"{path} holds {len(refused)} types that are not trusted: {', '.join(refused[:5])}. If the file is yours, "
            "name them in trusted=."
        )
    with _named(path):
        model = io.load(path, trusted=types)
    version = about.get("skperturb", __version__)
    if version != __version__:
        warnings.warn(
            f"{path} was saved by skperturb {version}, and this is {__version__}: predictions may differ. Fit again if "
            "you can.",
            UserWarning,
            stacklevel=2,
        )
    return model, about


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise ImportError('files of models need skops: pip install "skperturb[skops]".') from error


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file where an archive is damaged or holds something else."""
    try:
        yield
    except Exception as error:  # zipfile, skops and NumPy raise anything at a damaged archive
        raise ValueError(f"{path} is no model of skops: {type(error).__name__}: {error}") from error


def _check_archive(path: Path) -> None:
    with path.open("rb") as file:
        # All protocols of pickle from the second on begin so; older and compressed ones are no archives.
        is_pickle = file.read(1) == pickle.PROTO
    if is_pickle:
        raise ValueError(
            f"{path} is a pickle, which runs code when it is loaded; expected a file of skops. Load it by pickle or "
            "joblib yourself if you trust it, and keep it with skperturb.persistence.save_model."
        )
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no archive of skops; expected what skperturb.persistence.save_model wrote.")


def _is_known(name: str) -> bool:
    """Tell whether a name is that of a class of one of the trusted modules, not of one that they import."""
    if not name.startswith(_TRUSTED):
        return False
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    # With a dot at its end, as the names of the trusted modules have: one of them has no modules below it.
    return inspect.isclass(found) and f"{found.__module__}.".startswith(_TRUSTED)


def _about(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        if _ABOUT not in archive.namelist():
            return {}
        found = json.loads(archive.read(_ABOUT))
    return found if isinstance(found, dict) else {}
