"""What notebooks show of an object: a compact table, everything in it escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["html_card", "some_of"]

# A card shows so many names and warnings; the object itself holds all of them.
_MOST_NAMES = 8
_CELL = 'style="text-align: left; vertical-align: top"'


def html_card(title: str, rows: Iterable[tuple[str, Any]], *, warnings: Sequence[str] = ()) -> str:
    """Return a table with a heading, one row for each pair, and warnings below it.

    Parameters
    ----------
    title : str
        Heading.
    rows : iterable of (str, object)
        Label and value; a value that is None is left out.
    warnings : sequence of str
        What a reader should know.
    """
    cells = "".join(
        f"<tr><th {_CELL}>{escape(label)}</th><td {_CELL}>{escape(str(value))}</td></tr>"
        for label, value in rows
        if value is not None
    )
    notes = "".join(f"<li>{escape(warning)}</li>" for warning in warnings[:_MOST_NAMES])
    if len(warnings) > _MOST_NAMES:
        notes += f"<li>and {len(warnings) - _MOST_NAMES} more</li>"
    below = f"<details><summary>{len(warnings)} warning{'s' * (len(warnings) > 1)}</summary><ul>{notes}</ul></details>"
    return f"<div><strong>{escape(title)}</strong><table>{cells}</table>{below if warnings else ''}</div>"


def some_of(names: Iterable[Any], *, values: Iterable[float] | None = None) -> str:
    """Return the count of names and the first few of them, with values if there are any."""
    listed = [str(name) for name in names]
    shown = listed[:_MOST_NAMES]
    if values is not None:
        shown = [f"{name} = {value:.4g}" for name, value in zip(shown, values, strict=False)]
    more = f", and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return f"{len(listed)}: {', '.join(shown)}{more}" if listed else "none"
