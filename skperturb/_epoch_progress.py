"""What a training shows of itself: one bar on a terminal, plain lines elsewhere, and nothing unless asked."""

import multiprocessing
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["EpochProgress", "FoldProgress", "on_terminal"]


def on_terminal() -> bool:
    """Whether a bar may be drawn: bars of several processes, which share one terminal, would overwrite each other."""
    return sys.stdout.isatty() and multiprocessing.current_process().name == "MainProcess"


def _bar(total: int, label: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=label or None, unit="epoch", file=sys.stdout)


def _write(line: str) -> None:
    # At once: a file in which the last lines are missing says nothing of a training that hangs.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class EpochProgress:
    """Shows the epochs of one training.

    Parameters
    ----------
    label : str
        Begins each line, such as "fold 2 of 5".
    max_epochs : int
    bar : tqdm, default=None
        A bar of several trainings, moved by one for each epoch; None draws one for this training on a terminal.
    """

    def __init__(self, label: str, max_epochs: int, bar: Any = None) -> None:
        self.label, self.max_epochs, self.bar = label, max_epochs, bar
        self._is_own = False

    def begin(self) -> None:
        """Draw the bar, if this training has one of its own."""
        if self.bar is None and on_terminal():
            self.bar, self._is_own = _bar(self.max_epochs, self.label), True

    def epoch(self, row: dict[str, Any]) -> None:
        """Show a row of the history."""
        left_out = ("epoch", "dur", "batches")
        names = [name for name, value in row.items() if isinstance(value, float) and name not in left_out]
        scores = ", ".join(f"{name} {row[name]:.4f}" for name in sorted(names))
        if self.bar is not None:
            self.bar.set_postfix_str(scores, refresh=False)
            self.bar.update()
            return
        place = ", ".join(part for part in (self.label, f"epoch {row['epoch']} of {self.max_epochs}") if part)
        _write(f"{place}: {scores} ({row['dur']:.1f} s)")

    def say(self, text: str) -> None:
        """Show a sentence, such as the reason for an early stop."""
        line = f"{self.label}: {text}" if self.label else text
        if self.bar is None:
            _write(line)
        else:
            self.bar.write(line)

    def end(self) -> None:
        """Close the bar that `begin` drew."""
        if self._is_own:
            self.bar.close()
            self.bar, self._is_own = None, False


class FoldProgress:
    """Shows trainings of several folds as one: a bar over folds and epochs on a terminal, lines elsewhere.

    Parameters
    ----------
    n_folds, max_epochs : int
    is_parallel : bool
        Folds are trained at the same time. Then the bar moves when a fold is done, and the trainings show nothing.
    """

    def __init__(self, n_folds: int, max_epochs: int, is_parallel: bool) -> None:
        self.n_folds, self.max_epochs, self.is_parallel = n_folds, max_epochs, is_parallel
        self.bar = _bar(n_folds * max_epochs, f"{n_folds} folds") if on_terminal() else None

    def bind(self, train: Callable[..., Any], fold: int) -> Callable[..., Any]:
        """Return ``train(graph, seed)`` that shows the epochs of a fold."""
        if self.bar is not None and self.is_parallel:
            return train
        label = f"fold {fold + 1} of {self.n_folds}"
        return partial(train, progress=EpochProgress(label, self.max_epochs, self.bar))

    def done(self, fold: int) -> None:
        """Move the bar to the end of a fold, which may have stopped early."""
        if self.bar is not None:
            self.bar.update((fold + 1) * self.max_epochs - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()
