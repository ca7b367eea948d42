"""Pieces of the page, in which nothing that a file says is markup."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Section", "facts", "heading", "listing", "note", "page", "table", "text"]

# What HTML may not hold, even escaped: control characters.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# A cell shows so many characters; the whole text is its title.
_LONGEST_CELL = 120
_ALIGNED = ' class="number"'
# No page may load anything, whatever a file smuggles in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@dataclass(frozen=True)
class Section:
    """What the page says of one file.

    Parameters
    ----------
    title : str
        The file.
    kind : str
        What it holds.
    outcome : str
        What came of it, in a few words.
    body : str
        HTML.
    is_read : bool
        Whether the file could be read.
    """

    title: str
    kind: str
    outcome: str
    body: str
    is_read: bool = True


def text(value: Any) -> str:
    """Return a value as text that HTML shows as it is."""
    # Names of files may hold bytes that are no text (lone surrogates), which no encoding can write.
    shown = str(value).encode("utf-8", "replace").decode("utf-8")
    return escape(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", shown))


def heading(words: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{text(words)}</h3>"


def note(words: str) -> str:
    """Return a paragraph."""
    return f'<p class="note">{text(words)}</p>'


def listing(words: Sequence[str], most: int) -> str:
    """Return a list of sentences, the first of them where there are too many."""
    items = "".join(f"<li>{text(one)}</li>" for one in words[:most])
    more = f"<li>and {len(words) - most} more</li>" if len(words) > most else ""
    return f'<ul class="doubts">{items}{more}</ul>'


def facts(rows: Iterable[tuple[str, Any]]) -> str:
    """Return labels and values; a value that is None is left out."""
    cells = "".join(
        f'<tr><th scope="row">{text(label)}</th><td>{text(value)}</td></tr>'
        for label, value in rows
        if value is not None
    )
    return f'<table class="facts"><tbody>{cells}</tbody></table>'


def table(frame: pd.DataFrame, caption: str, *, most: int = 200) -> str:
    """Return a table that sorts on a click, the first rows of it where there are too many.

    Parameters
    ----------
    frame : DataFrame
        One column each; the index is not shown.
    caption : str
        Above the table.
    most : int, default=200
        Rows that are shown.
    """
    shown = frame.head(most)
    count = f"{len(frame)} rows" if len(frame) != 1 else "1 row"
    if len(shown) < len(frame):
        count = f"the first {len(shown)} of {count}"
    head = "".join(
        f'<th scope="col" aria-sort="none"{_ALIGNED * pd.api.types.is_numeric_dtype(frame.dtypes.iloc[k])}>'
        f'<button type="button">{text(name)}</button></th>'
        for k, name in enumerate(frame.columns)
    )
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown.itertuples(index=False, name=None))
    return (
        f'<div class="wide"><table class="sortable"><caption>{text(caption)} <small>({count})</small></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, (int, np.integer)):
        return f'<td class="number" data-value="{value}">{value}</td>'
    if isinstance(value, (float, np.floating)):
        # What is unknown is empty, and stands last in either order.
        if np.isnan(value):
            return "<td></td>"
        # As JavaScript spells it.
        exact = repr(float(value)).replace("inf", "Infinity")
        return f'<td class="number" data-value="{exact}">{value:.4g}</td>'
    if value is None or value is pd.NA:
        return "<td></td>"
    whole = str(value)
    if len(whole) > _LONGEST_CELL:
        return f'<td title="{text(whole)}">{text(whole[: _LONGEST_CELL - 1])}…</td>'
    return f"<td>{text(whole)}</td>"


def page(title: str, sections: Sequence[Section], made: str) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Heading.
    sections : sequence of Section
    made : str
        By what and when the page was made.
    """
    contents = "".join(
        f'<tr><td><a href="#file{k}">{text(one.title)}</a></td><td>{text(one.kind)}</td>'
        f"<td>{text(one.outcome)}</td></tr>"
        for k, one in enumerate(sections)
    )
    bodies = "".join(
        f'<section id="file{k}"><h2>{text(one.title)}</h2><p class="outcome{"" if one.is_read else " failed"}">'
        f"{text(one.kind)}: {text(one.outcome)}</p>{one.body}</section>"
        for k, one in enumerate(sections)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_asset('style.css')}</style></head>\n<body>{_MARKERS}"
        f'<header><h1>{text(title)}</h1><p class="note">{text(made)}</p></header>\n<main>'
        '<table class="contents"><thead><tr><th scope="col">file</th><th scope="col">what it is</th>'
        f'<th scope="col">outcome</th></tr></thead><tbody>{contents}</tbody></table>\n{bodies}</main>\n'
        f"<script>{_asset('script.js')}</script></body></html>\n"
    )


# Heads of arrows, which all drawings share: a point where the influence is positive, a bar where it is negative.
_MARKERS = (
    '<svg class="markers" width="0" height="0" aria-hidden="true"><defs>'
    '<marker id="point" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,1 L10,5 L0,9 z"></path></marker>'
    '<marker id="bar" viewBox="0 0 4 12" refX="2" refY="6" markerWidth="4" markerHeight="12" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 H3 V12 H0 z"></path></marker></defs></svg>'
)


def _asset(name: str) -> str:
    return files("skperturb.report").joinpath("_assets", name).read_text(encoding="utf-8")
