"""A section grows part by part; a part that fails costs itself, and what it warned of is kept."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skperturb.report._page import heading, listing, note

__all__ = ["Parts"]

# No part begins after this share of the time that a file has: the parts before it would be lost with it.
_LAST_START = 0.6
_MOST_DOUBTS = 30


class Parts:
    """The parts of a section.

    Parameters
    ----------
    seconds : float
        What the file has; counted from here on.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + _LAST_START * seconds
        self._seconds = seconds
        self._parts: list[str] = []
        self.doubts: list[str] = []

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

    def html(self, first: str) -> str:
        """Return the section.

        Parameters
        ----------
        first : str
            What stands before the doubts and the parts.
        """
        doubts = list(dict.fromkeys(self.doubts))
        said = heading("Doubtful") + listing(doubts, _MOST_DOUBTS) if doubts else note("Nothing was doubtful.")
        return first + said + "".join(self._parts)
