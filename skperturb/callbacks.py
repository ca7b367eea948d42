"""Callbacks for the parameter `callbacks` of the estimators that train networks."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, PrintLog, ProgressBar
from skorch.history import History

__all__ = ["ResumableCheckpoint"]

_PLAIN = (bool, int, float, str, type(None))
# What they do is seen on the screen only: with or without them, it is the same training.
_SHOWN_ONLY = (PrintLog, ProgressBar)


class ResumableCheckpoint(Callback):
    """Save the training after each epoch, and continue where an earlier run of the same training was cut off.

    Weights, optimizer, history, state of the other callbacks (learning rate, early stopping) and torch's random state
    are saved, so that a training that was killed and started again ends with the same model as one that was not.

    Parameters
    ----------
    dirname : str or path
        Folder of the files, one for each network that the estimator trains. It is made if it is not there.

    Raises
    ------
    ValueError
        If a file in the folder cannot be read.

    Notes
    -----
    A file is found again by what decides the training: initial weights, data, callbacks and parameters. Members of an
    ensemble, folds of a cross-validation and candidates of a search can therefore share a folder, and none continues
    from another's file. Any change starts afresh, and so does ``random_state=None``, which draws other initial weights
    each time: give an integer. Networks whose training had ended are taken from their files. Nothing is deleted:
    remove the folder when the model is fitted.

    Only numbers, texts and tensors are saved and loaded, no code.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skperturb.callbacks import ResumableCheckpoint
    >>> from skperturb.responses import APPRegressor
    >>> X, y = np.eye(4), np.arange(8.0).reshape(4, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     callbacks = [ResumableCheckpoint(folder)]
    ...     model = APPRegressor(max_epochs=3, n_models=1, random_state=0, callbacks=callbacks)
    ...     first = model.fit(X, y).predict(X)
    ...     again = model.fit(X, y).predict(X)
    >>> np.array_equal(first, again)
    True
    """

    def __init__(self, dirname: str | os.PathLike[str]) -> None:
        self.dirname = dirname

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Load what is there; the net trains the epochs that its history lacks."""
        folder = Path(self.dirname)
        folder.mkdir(parents=True, exist_ok=True)
        self.path_ = folder / f"{training_key(net, X)}.pt"
        if self.path_.exists():
            _restore(net, _load(self.path_, net.device))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Save; `fit_net` puts this callback behind the others."""
        self._save(net, is_finished=False)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Save the result, unless somebody stopped the training from the keyboard."""
        if not net.is_interrupted_:
            self._save(net, is_finished=True)

    def _save(self, net: Any, is_finished: bool) -> None:
        # A process that is killed while it writes must not leave half a file under the final name.
        unfinished = self.path_.with_suffix(f".{os.getpid()}.tmp")
        torch.save(_state(net, is_finished), unfinished)
        os.replace(unfinished, self.path_)


def training_key(net: Any, dataset: Any) -> str:
    """Return a name for a training: the hash of initial weights, data, parameters and callbacks.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialized.
    dataset : torch Dataset

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for part in _identity(net):
        digest.update(repr(part).encode())
    # A DataLoader draws from torch's random state, which must stay as it would be without a checkpoint.
    with torch.random.fork_rng(devices=[]):
        batches = net.get_iterator(dataset, training=False)
        for array in _arrays([dict(net.module_.state_dict()), list(batches)]):
            digest.update(repr((array.shape, array.dtype)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:20]


def _identity(net: Any) -> Iterator[Any]:
    parameters = net.get_params(deep=False)
    # The device may change, and the callbacks follow below.
    left_out = [name for name in parameters if name in ("device", "verbose") or name.startswith("callbacks")]
    yield _plain({name: value for name, value in parameters.items() if name not in left_out})
    for module in [*net.module_.modules(), *net.criterion_.modules()]:
        yield type(module).__name__, _plain(vars(module), but="training")
    for callback in _callbacks(net):
        yield type(callback).__name__, _plain(callback.get_params(deep=False))


def _callbacks(net: Any) -> list[Any]:
    """Return the callbacks that may have a hand in the training."""
    everything = (callback for _, callback in net.callbacks_)
    return [callback for callback in everything if not isinstance(callback, (*_SHOWN_ONLY, ResumableCheckpoint))]


def _plain(values: Mapping[str, Any], but: str = "") -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in values.items() if isinstance(value, _PLAIN) and name != but)


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """Yield the arrays in a nest of dicts, sequences, tensors and batches of graphs, in order."""
    if isinstance(value, torch.Tensor):
        yield value.detach().cpu().numpy()
    elif isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for name in sorted(value):
            yield from _arrays(value[name])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _arrays(item)
    elif hasattr(value, "inputs"):
        yield from _arrays(value.inputs)


def _state(net: Any, is_finished: bool) -> dict[str, Any]:
    on_gpu = str(net.device).startswith("cuda")
    return {
        "is_finished": is_finished,
        "module": net.module_.state_dict(),
        "criterion": net.criterion_.state_dict(),
        "optimizer": _savable(net.optimizer_.state_dict()),
        "history": _savable(net.history.to_list()),
        "callbacks": [_callback_state(callback) for callback in _callbacks(net)],
        "random_state": torch.get_rng_state(),
        "gpu_random_state": torch.cuda.get_rng_state(net.device) if on_gpu else None,
    }


def _callback_state(callback: Any) -> dict[str, Any]:
    """Return what a callback has learned: attributes that end with an underscore, as everywhere in scikit-learn."""
    state = {}
    for name, value in vars(callback).items():
        if name.endswith("_") and not name.startswith("_"):
            value = value.state_dict() if _has_state(value) else value
            if _is_savable(value):
                state[name] = _savable(value)
    return state


def _has_state(value: Any) -> bool:
    return hasattr(value, "load_state_dict") and not isinstance(value, type)


def _is_savable(value: Any) -> bool:
    if isinstance(value, Mapping):
        return not value or any(_is_savable(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_savable(item) for item in value)
    return isinstance(value, (*_PLAIN, np.generic, torch.Tensor))


def _savable(value: Any) -> Any:
    """Copy a nest with Python's numbers in place of NumPy's; entries of dicts that hold no data are left out."""
    if isinstance(value, Mapping):
        return {name: _savable(item) for name, item in value.items() if _is_savable(item)}
    if isinstance(value, list | tuple):
        return [_savable(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _load(path: Path, device: str) -> dict[str, Any]:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}: {str(error).splitlines()[0]}); remove it "
            "to start this training afresh."
        ) from error


def _restore(net: Any, state: dict[str, Any]) -> None:
    net.module_.load_state_dict(state["module"])
    net.criterion_.load_state_dict(state["criterion"])
    net.optimizer_.load_state_dict(state["optimizer"])
    net.history = History(state["history"])
    net.is_finished_ = state["is_finished"]
    for callback, saved in zip(_callbacks(net), state["callbacks"], strict=True):
        for name, value in saved.items():
            present: Any = getattr(callback, name, None)
            if _has_state(present):
                present.load_state_dict(value)
            else:
                setattr(callback, name, value)
    torch.set_rng_state(state["random_state"].cpu())
    if state["gpu_random_state"] is not None:
        torch.cuda.set_rng_state(state["gpu_random_state"].cpu(), net.device)
