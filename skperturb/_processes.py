"""Work on many items in worker processes that may hang or die at the cost of one item only."""

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import BACKENDS, get_active_backend

from skperturb._validation import check_n_jobs

__all__ = ["Outcome", "map_isolated"]


@dataclass(frozen=True)
class Outcome:
    """What became of one item: its value, or the error that took its place.

    Parameters
    ----------
    value : object
        What the function returned; None when it did not.
    error : str or None
        None, or what happened instead.
    kind : {"value", "timeout", "died", "raised"}
        The class of the outcome.
    """

    value: Any = None
    error: str | None = None
    kind: str = "value"


def map_isolated(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    n_jobs: int | None = None,
    timeout: float | None = 60.0,
    verbose: int = 0,
    modules: Sequence[str] = (),
) -> list[Outcome]:
    """Call ``function(item)`` for each item in worker processes, in order, whatever happens to a worker.

    Parameters
    ----------
    function : callable
        Importable by the workers (defined at the top level of a module).
    items : sequence
        Picklable items.
    n_jobs : int, default=None
        Number of worker processes, as in joblib; it changes no result.
    timeout : float or None, default=60.0
        Seconds for one item; a worker that needs longer is killed.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.
    modules : sequence of str, default=()
        What a worker imports before its first item. What `function` imports itself counts as time of the item: on a
        busy machine with a short `timeout`, no item would ever end.

    Returns
    -------
    list of Outcome
        One for each item, in the order of the items.

    Raises
    ------
    ValueError
        If `n_jobs` is 0 or no integer.
    RuntimeError
        When workers cannot start, as in a script without a main guard.

    Notes
    -----
    Workers are started with "spawn": a script that calls this needs ``if __name__ == "__main__":``. Under a joblib
    backend that reaches other machines (``joblib.parallel_config(backend="dask")``) the items are dealt out to the
    workers of the cluster, and each of these does its share in a process of its own.

    Examples
    --------
    >>> from skperturb._processes import map_isolated
    >>> [outcome.value for outcome in map_isolated(abs, [-1, 2])]
    [1, 2]
    """
    check_n_jobs(n_jobs)
    workers = max(min(effective_n_jobs(n_jobs), len(items)), 1)
    if not _is_distributed():
        return _map_here(function, items, workers, timeout, verbose, modules)
    # Several shares for each worker even out items that take long, but each share has to start a process.
    n_shares = max(workers, min(4 * workers, len(items) // 64))
    shares = [items[k::n_shares] for k in range(n_shares)]
    done = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_map_here)(function, share, 1, timeout, 0, modules) for share in shares
    )
    return [done[k % n_shares][k // n_shares] for k in range(len(items))]


def _is_distributed() -> bool:
    """Tell whether joblib's active backend is another than those that come with joblib."""
    local = tuple(BACKENDS[name] for name in ("sequential", "threading", "multiprocessing", "loky") if name in BACKENDS)
    return not isinstance(get_active_backend()[0], local)


def _import_modules(names: Sequence[str]) -> None:
    from tqdm import tqdm

    # By default bars share a semaphore between processes; that of a worker that is ended stays behind, with a warning.
    tqdm.set_lock(threading.RLock())
    for name in names:
        importlib.import_module(name)


def _map_here(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: int,
    timeout: float | None,
    verbose: int,
    modules: Sequence[str],
) -> list[Outcome]:
    import multiprocessing

    from pebble import ProcessPool
    from tqdm import tqdm

    if multiprocessing.current_process().daemon:
        # Dask starts its workers as daemons, which may not have children. The pool ends its processes by itself.
        multiprocessing.current_process().daemon = False
    # "spawn" starts a clean interpreter: no lock held by a thread of the parent (BLAS, torch) is inherited.
    context = multiprocessing.get_context("spawn")
    with (
        _importable_main(),
        ProcessPool(max_workers=workers, context=context, initializer=_import_modules, initargs=[modules]) as pool,
    ):
        futures = [pool.schedule(_timed, args=[function, item], timeout=timeout) for item in items]
        return [
            _outcome(future, timeout)
            for future in tqdm(futures, disable=None if verbose else True, desc="models", unit="model")
        ]


@contextmanager
def _importable_main() -> Iterator[None]:
    """Hide that the running script came from a pipe: each worker would look for a file called "<stdin>"."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or os.path.exists(file):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = file


def _outcome(future: Any, timeout: float | None) -> Outcome:
    from concurrent.futures.process import BrokenProcessPool

    from pebble import ProcessExpired

    late = Outcome(error=f"no result within {timeout or 0.0:g} s", kind="timeout")
    try:
        value, seconds = future.result()
    except FutureTimeoutError:
        return late
    except ProcessExpired as error:
        return Outcome(error=f"worker process died (exit code {error.exitcode})", kind="died")
    except BrokenProcessPool as error:
        raise RuntimeError(
            "no worker process could start. In a script, put the call under `if __name__ == '__main__':`, because "
            "each worker imports the script."
        ) from error
    except Exception as error:
        return Outcome(error=f"{type(error).__name__}: {error}", kind="raised")
    return Outcome(value) if timeout is None or seconds <= timeout else late


def _timed(function: Callable[[Any], Any], item: Any) -> tuple[Any, float]:
    """Return the result and the seconds that it took: the pool looks only five times a second who is too late."""
    start = time.perf_counter()
    return function(item), time.perf_counter() - start
