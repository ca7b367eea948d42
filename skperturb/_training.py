"""Training through skorch: the only module that knows it, beside the public callbacks.

Estimators build their torch module in ``fit``, hand it to `fit_net` and keep the net that comes back as ``net_``.
Training runs in float32 on the chosen device; the fitted module comes back on the CPU, in float64 and in evaluation
mode, because float32 predictions differ with the size of the batch and a model from a GPU machine must load anywhere.
"""

import contextlib
import copy
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler, PrintLog
from skorch.helper import predefined_split
from skorch.history import History
from skorch.utils import to_tensor

from skperturb._epoch_progress import EpochProgress
from skperturb._persistence import decode, encode
from skperturb.callbacks import ResumableCheckpoint

__all__ = [
    "GraphBatch",
    "TensorBatches",
    "TensorTable",
    "check_callbacks",
    "check_monitors",
    "draw_seed",
    "fit_net",
    "gentle_training",
    "resolve_device",
    "seeded_torch",
    "warm_and_cool",
]


def draw_seed(random_state: Any) -> int:
    """Draw the one integer that decides a whole training run."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def resolve_device(device: str) -> str:
    """Return ``device``, with "auto" resolved to CUDA when it is there and to the CPU otherwise.

    Raises
    ------
    ValueError
        When torch cannot use the device, for example "cuda" on a machine without one.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({str(error).splitlines()[0]}); use 'auto', 'cpu' or a device that "
            "torch lists."
        ) from error
    return device


# Torch's random state belongs to the process. Two trainings in two threads (joblib's threading backend, or a Dask
# worker whose task waits for another one) would draw from each other's numbers.
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def seeded_torch(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block and leave its global random state as it was; other threads wait."""
    devices = [torch.device(device)] if device.startswith("cuda") else []
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


class TensorTable(torch.utils.data.Dataset):
    """Tensors of equal length: the inputs (by argument name of ``forward``) and the target.

    Parameters
    ----------
    inputs : dict of str to tensor
        Passed to the module as keyword arguments.
    target : tensor
        One row for each sample.
    """

    def __init__(self, inputs: dict[str, torch.Tensor], target: torch.Tensor) -> None:
        lengths = {len(target), *(len(value) for value in inputs.values())}
        if len(lengths) != 1:
            raise ValueError(f"inputs and target must have one length, got {sorted(lengths)}.")
        self.inputs = inputs
        self.target = target

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        return {name: value[index] for name, value in self.inputs.items()}, self.target[index]


class GraphBatch:
    """Inputs of one block-diagonal batch of graphs, by argument name of ``forward``.

    Nodes, edges and graphs have different counts, and skorch weighs the loss of a batch by its length: so the length of
    this object is the number of samples, whatever the lengths of its tensors.

    Parameters
    ----------
    inputs : dict of str to tensor
    n_samples : int
    """

    def __init__(self, inputs: dict[str, torch.Tensor], n_samples: int) -> None:
        self.inputs = inputs
        self.n_samples = n_samples

    def __len__(self) -> int:
        return self.n_samples


class _Net(NeuralNet):
    """A skorch net that also takes a `GraphBatch`, and trains only the epochs that its history lacks.

    A callback that loads a checkpoint when the training begins brings a history with it.
    """

    # Trained to the end, so that no epoch is left even if the history is short.
    is_finished_ = False
    # Stopped from the keyboard. skorch returns silently then, because callbacks stop a training in the same way.
    is_interrupted_ = False

    def fit_loop(self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any) -> Any:
        left = 0 if self.is_finished_ else max(self.max_epochs - len(self.history), 0)
        self.is_interrupted_ = True
        result = super().fit_loop(X, y, left, **fit_params)
        self.is_interrupted_ = False
        return result

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt:
            self.is_interrupted_ = False
            raise

    def __getstate__(self) -> dict[str, Any]:
        # What a trained model needs: skorch's own state also holds optimizer and data loaders, as bytes that run code.
        build = self.module
        call = (build.func, build.args, build.keywords) if isinstance(build, partial) else (build, (), {})
        return {
            "module": [call[0], encode(list(call[1])), encode(dict(call[2]))],
            "criterion": self.criterion,
            "weights": {name: value.cpu().numpy() for name, value in self.module_.state_dict().items()},
            "history": [{name: row[name] for name in row if name != "batches"} for row in self.history],
            "settings": {name: getattr(self, name) for name in ("lr", "max_epochs", "batch_size")},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        build, args, keywords = state["module"]
        self.__init__(  # type: ignore[misc]
            partial(build, *decode(args), **decode(keywords)), criterion=state["criterion"], **state["settings"]
        )
        # The initial weights, which are overwritten, must not touch the random state of the one who loads.
        with seeded_torch(0):
            module = self.module()
        module.double().load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in state["weights"].items()}
        )
        # Not by assignment: skorch wants torch modules to be set by its own methods, which begin a training.
        self.__dict__.update(module_=module.eval(), history_=History(state["history"]), initialized_=True)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        if isinstance(x, GraphBatch):
            return self.module_(**to_tensor(x.inputs, device=self.device), **fit_params)
        return super().infer(x, **fit_params)


class TensorBatches:
    """Mini-batches of a `TensorTable`, cut by one indexing operation each.

    torch's ``DataLoader`` fetches sample by sample, which costs more than the training step of a small model.

    Parameters
    ----------
    dataset : TensorTable or Dataset whose ``__getitem__`` takes an index tensor
    batch_size : int
        Number of samples in a batch; the last one may be smaller.
    shuffle : bool, default=False
        Draw a new order for each pass from torch's random state.
    """

    def __init__(self, dataset: Any, batch_size: int, shuffle: bool = False) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = torch.randperm(n) if self.shuffle else torch.arange(n)
        for batch in order.split(self.batch_size):
            yield self.dataset[batch]


def fit_net(
    build_module: Callable[[], torch.nn.Module],
    dataset: Any,
    *,
    criterion: Any,
    lr: float,
    max_epochs: int,
    batch_size: int = -1,
    weight_decay: float = 0.0,
    collate_fn: Callable[..., Any] | None = None,
    validation: Any = None,
    early_stopping: bool = False,
    patience: int = 10,
    monitor: str = "valid_loss",
    lower_is_better: bool = True,
    device: str = "auto",
    random_state: Any = None,
    verbose: int = 0,
    label: str = "",
    progress: EpochProgress | None = None,
    callbacks: Sequence[Any] | None = None,
    **net_params: Any,
) -> NeuralNet:
    """Train a module with Adam through skorch and return the net, on the CPU, in float64 and evaluation mode.

    Parameters
    ----------
    build_module : callable
        Returns a new module; called after seeding, so that the seed decides the initial weights.
    dataset : torch Dataset
        Yields ``(inputs, target)``. A `TensorTable` is cut into batches by indexing; everything else goes through
        torch's ``DataLoader`` with `collate_fn`.
    criterion : torch loss class or callable returning one
    lr, weight_decay : float
        Of Adam.
    max_epochs, batch_size : int
        ``batch_size=-1`` takes all samples at once.
    collate_fn : callable, default=None
        Joins samples to a batch ``(inputs, target)``; inputs of graphs as a `GraphBatch`.
    validation : torch Dataset, default=None
        Held-out samples on which ``valid_loss`` is measured after each epoch. None holds nothing out.
    early_stopping : bool, default=False
        Stop after `patience` epochs without improvement of `monitor`, and return to the best epoch.
    monitor : str, default="valid_loss"
        Column of the history that early stopping watches.
    lower_is_better : bool, default=True
        Direction of `monitor`.
    device : str, default="auto"
        See `resolve_device`.
    random_state : int, RandomState or None
        One integer is drawn from it, and training leaves torch's global random state untouched.
    verbose : int, default=0
        Show the epochs when positive: as a bar on a terminal, as plain lines elsewhere.
    label : str, default=""
        Begins what is shown, such as "network 2 of 5".
    progress : EpochProgress, default=None
        Shows the epochs, whatever `verbose` and `label` are.
    callbacks : sequence of skorch callbacks, default=None
        Copied before use, so that fitting leaves the estimator's parameters unchanged.
    **net_params
        Further parameters of the net.

    Returns
    -------
    net : skorch.NeuralNet
        With ``net.module_`` and ``net.history``.

    Raises
    ------
    TypeError
        When `dataset` is a plain list.
    ValueError
        When the device is not there, or early stopping or a callback has nothing to watch.
    KeyboardInterrupt
        When the training was stopped from the keyboard.
    MemoryError
        When there is not enough memory.
    """
    device = resolve_device(device)
    if progress is None and verbose:
        progress = EpochProgress(label, max_epochs)
    if isinstance(dataset, list | tuple):
        raise TypeError("dataset must be a torch Dataset: skorch reads a list of equal shapes as several inputs.")
    if early_stopping and validation is None and monitor == "valid_loss":
        raise ValueError("early_stopping=True needs held-out samples; got validation=None.")
    if validation is None:
        holding_out = "early_stopping=True holds samples out"
        measured = "" if monitor == "valid_loss" else f", and the callback has to watch {monitor!r}"
        missing = ("valid_loss",) if early_stopping else ("valid_loss", monitor)
        check_monitors(callbacks, holding_out + measured, missing)
    with _memory_named(batch_size), seeded_torch(draw_seed(random_state), device):
        net = _Net(
            build_module,
            criterion=criterion,
            optimizer=torch.optim.Adam,
            optimizer__weight_decay=weight_decay,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=None if validation is None else predefined_split(validation),
            device=device,
            callbacks=_callbacks(callbacks, early_stopping, patience, monitor, lower_is_better, progress),
            # skorch prints its table by default, in colors, also into files.
            callbacks__print_log=None if progress is None else _Shown(progress),
            verbose=int(progress is not None),
            **{**_iterators(dataset, collate_fn), **net_params},
        )
        net.fit(dataset, None)
    if net.is_interrupted_:
        raise KeyboardInterrupt
    # skorch maps what it unpickles to `device`, so a net trained on a GPU must not remember it.
    net.device = "cpu"
    net.module_.to("cpu").double().eval()
    return net


@contextlib.contextmanager
def _memory_named(batch_size: int) -> Iterator[None]:
    """Turn torch's error of missing memory, a RuntimeError, into a MemoryError that says what to make smaller."""
    try:
        yield
    except RuntimeError as error:
        asked = re.search(r"allocate ([\d.]+) ?([KMGTP]?i?B|bytes)", str(error))
        if not re.search("out of memory|enough memory|t allocate memory", str(error)):
            raise
        amount = "" if asked is None else f" ({asked[1]} {asked[2]} at a time)"
        raise MemoryError(
            f"training asks for more memory than there is{amount}; expected smaller data, smaller batches "
            f"(batch_size is {batch_size}), or narrower layers (hidden_dim, n_components)."
        ) from error


def check_callbacks(callbacks: Sequence[Any] | None) -> None:
    """Raise TypeError for what skorch can't call: it would fail on a missing attribute, after minutes of other work.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks, or of pairs of a name and a callback
        Instances or classes; None for a callback that is switched off.
    """
    for index, item in enumerate(callbacks if callbacks is not None else []):
        named = isinstance(item, tuple | list)
        if named and (len(item) != 2 or not isinstance(item[0], str)):
            raise TypeError(f"callbacks[{index}] is {item!r}; expected a skorch callback, or a pair of a name and one.")
        callback = item[1] if named else item
        is_class = isinstance(callback, type) and issubclass(callback, Callback)
        if not (is_class or isinstance(callback, Callback) or (named and callback is None)):
            raise TypeError(
                f"callbacks[{index}] is {item!r}; expected a skorch callback (such as "
                "skorch.callbacks.EpochScoring(...)), or a pair of a name and one."
            )


def check_monitors(callbacks: Sequence[Any] | None, advice: str, missing: Sequence[str] = ("valid_loss",)) -> None:
    """Raise ValueError for a callback that watches the loss on held-out samples where none are held out.

    skorch would raise KeyError, after the first epoch. Other columns may be written by other callbacks.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks, or of pairs of a name and a callback
    advice : str
        What can be watched, for the error text.
    missing : sequence of str
        Columns of the history that nobody writes.
    """
    for callback in callbacks or []:
        callback = callback[1] if isinstance(callback, tuple) else callback
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.removesuffix("_best") in missing:
            kind = type(callback).__name__
            ours = "train_loss_best" if monitor.endswith("_best") else "train_loss"
            raise ValueError(
                f"callbacks holds {kind}(monitor={monitor!r}), but no samples are held out on which that is "
                f"measured. {advice}; the training loss is {kind}(monitor={ours!r})."
            )


def gentle_training(lr: float, n_steps: int, max_norm: float = 1.0) -> list[Any]:
    """Return callbacks that warm the learning rate up, cool it down to zero and clip the gradient.

    Parameters
    ----------
    lr : float
        The highest learning rate, reached after 15 % of the steps.
    n_steps : int
        Number of batches of the whole training.
    max_norm : float, default=1.0
        Largest norm of the gradient.

    Returns
    -------
    list of skorch callbacks
        For the parameter `callbacks` of `fit_net`.
    """
    return [warm_and_cool(lr, n_steps), GradientNormClipping(max_norm)]


def warm_and_cool(lr: float, n_steps: int) -> LRScheduler:
    """Return the callback that warms the learning rate up over 15 % of the steps and cools it down to zero.

    Parameters
    ----------
    lr : float
        The highest learning rate.
    n_steps : int
        Number of batches of the whole training.

    Returns
    -------
    skorch callback
    """
    schedule = torch.optim.lr_scheduler.OneCycleLR
    return LRScheduler(policy=schedule, step_every="batch", max_lr=lr, total_steps=n_steps + 1, pct_start=0.15)


def _callbacks(
    callbacks: Sequence[Any] | None,
    early_stopping: bool,
    patience: int,
    monitor: str,
    lower_is_better: bool,
    progress: EpochProgress | None,
) -> list[Any]:
    chosen = list(copy.deepcopy(list(callbacks or [])))
    # What saves the state must see the others' work on an epoch.
    last = [callback for callback in chosen if isinstance(callback, ResumableCheckpoint)]
    chosen = [callback for callback in chosen if callback not in last]
    if early_stopping:
        stopping = EarlyStopping(
            monitor=monitor,
            patience=patience,
            lower_is_better=lower_is_better,
            load_best=True,
            sink=_silent if progress is None else progress.say,
        )
        # Named, because skorch calls all callbacks of one class where the first of them stands: beside a user's own it
        # would come before what writes its column.
        chosen.append(("early_stopping", stopping))
    return chosen + last


class _Shown(PrintLog):
    """Hands the epochs of a net to what shows them."""

    def __init__(self, progress: EpochProgress) -> None:
        super().__init__()
        self.progress = progress

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.progress.begin()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        self.progress.epoch(net.history[-1])

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        self.progress.end()


def _silent(*_: Any) -> None:
    """Take the place of print."""


def _iterators(dataset: Any, collate_fn: Callable[..., Any] | None) -> dict[str, Any]:
    if isinstance(dataset, TensorTable):
        return {
            "iterator_train": TensorBatches,
            "iterator_valid": TensorBatches,
            "iterator_train__shuffle": True,
        }
    params: dict[str, Any] = {"iterator_train__shuffle": True}
    if collate_fn is not None:
        params |= {"iterator_train__collate_fn": collate_fn, "iterator_valid__collate_fn": collate_fn}
    return params
