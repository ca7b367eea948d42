"""Progress of the training, one plain line for each epoch."""

from typing import Any

from skorch.callbacks import PrintLog

__all__ = ["EpochLines"]


class EpochLines(PrintLog):
    """Print a line after each epoch, without colors, so that a file reads as a terminal does.

    Parameters
    ----------
    label : str
        Begins each line, such as "fold 2 of 5".
    max_epochs : int
    """

    def __init__(self, label: str, max_epochs: int) -> None:
        super().__init__()
        self.label = label
        self.max_epochs = max_epochs

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Print the last row of the history."""
        row = net.history[-1]
        place = ", ".join(part for part in (self.label, f"epoch {row['epoch']} of {self.max_epochs}") if part)
        scores = [f"{name} {row[name]:.4f}" for name in ("train_loss", "valid_auroc") if name in row]
        self.sink(f"{place}: {', '.join(scores)} ({row['dur']:.1f} s)")
