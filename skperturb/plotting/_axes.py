"""The axes that a display draws on when it is given none."""

from typing import Any

__all__ = ["axes_or_new"]


def axes_or_new(ax: Any, width: float = 5.0, height: float = 4.5) -> Any:
    """Return `ax`, or the axes of a new figure of `width` x `height` inches."""
    if ax is not None:
        return ax
    # Matplotlib takes most of a second to load, so only drawing loads it.
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]
