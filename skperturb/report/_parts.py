"""A section grows part by part; a part that fails costs itself, and what it warned of is kept."""

import os
import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skperturb.report._page import Section, heading, listing, note

__all__ = ["Parts"]

# No part begins after this share of the time that a file has.
_LAST_START = 0.6
_MOST_DOUBTS = 30


class Parts:
    """The parts of a section.

    Parameters
    ----------
    seconds : float
        What the file has; counted from here on.
    saved : str, default=None
        File that holds the section as far as it has grown, for the case that this process is ended.
    """

    def __init__(self, seconds: float, saved: str | None = None) -> None:
        self._end = time.perf_counter() + _LAST_START * seconds
        self._seconds, self._saved = seconds, saved
        self._title = self._kind = self._first = ""
        self._parts: list[str] = []
        self.outcome = ""
        self.doubts: list[str] = []

    def begin(self, title: str, kind: str, outcome: str, first: str) -> None:
        """Say what the file is and what was read, now that it could be read.

        Parameters
        ----------
        title, kind, outcome : str
            See `Section`; the outcome may change later.
        first : str
            HTML that stands before the doubts and the parts.
        """
        self._title, self._kind, self.outcome, self._first = title, kind, outcome, first
        self._save()

    @contextmanager
    def doubting(self) -> Iterator[None]:
        """Keep what is warned of inside as doubts."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        self.doubts += [str(one.message) for one in caught if issubclass(one.category, UserWarning)]

    def add(self, title: str, build: Callable[[], str]) -> None:
        """Append what `build` returns, or why there is none.

        Parameters
        ----------
        title : str
            Heading.
        build : callable
            Returns HTML.
        """
        if time.perf_counter() > self._end:
            said = f"Left out: the parts above took most of the {self._seconds:g} s that a file has; allow more."
            self._parts.append(heading(title) + note(said))
            return
        with self.doubting():
            try:
                html = build()
            # All refusals are ValueErrors; so is LinAlgError.
            except (ValueError, ArithmeticError) as error:
                html = note(f"None: {error}")
        self._parts.append(heading(title) + html)
        self._save()

    def section(self) -> Section:
        """Return the section as far as it has grown."""
        doubts = list(dict.fromkeys(self.doubts))
        said = heading("Doubtful") + listing(doubts, _MOST_DOUBTS) if doubts else note("Nothing was doubtful.")
        return Section(self._title, self._kind, self.outcome, self._first + said + "".join(self._parts))

    def _save(self) -> None:
        if self._saved is None:
            return
        # Whole or not at all: the process may be ended at any moment.
        unfinished = Path(f"{self._saved}.unfinished")
        unfinished.write_bytes(pickle.dumps(self.section()))
        os.replace(unfinished, self._saved)
