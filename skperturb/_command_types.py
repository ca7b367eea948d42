"""Numbers on the command line: what is out of range is refused with the name of its option."""

import argparse
import math
import re

from ._validation import MOST_JOBS

__all__ = [
    "count_or_all",
    "positive_integer",
    "positive_number",
    "real_number",
    "repetitions",
    "repetitions_or_none",
    "seconds",
    "seed",
    "whole_number",
]

_LAST_SEED = 2**32 - 1
# Rows of a table: more than any holds, and few enough for every index.
_MOST_ROWS = 10**9
# What is fitted again and again: more would run for weeks.
_MOST_REPEATS = 1000
# Eleven days; the clocks of some systems end at 24.
_MOST_SECONDS = 10**6


def positive_integer(text: str) -> int:
    """Read a whole number from 1 to a billion, as argparse wants it.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> positive_integer("3")
    3
    """
    return _whole(text, 1, _MOST_ROWS)


def whole_number(text: str) -> int:
    """Read a whole number from 0 to a billion.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> whole_number("0")
    0
    """
    return _whole(text, 0, _MOST_ROWS)


def repetitions(text: str) -> int:
    """Read how often something is fitted: a whole number from 1 to 1000.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> repetitions("10")
    10
    """
    return _whole(text, 1, _MOST_REPEATS)


def repetitions_or_none(text: str) -> int:
    """Read how often something is fitted, or 0: a whole number to 1000.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> repetitions_or_none("0")
    0
    """
    return _whole(text, 0, _MOST_REPEATS)


def count_or_all(text: str) -> int:
    """Read a number of worker processes: from 1 to 10000, or -1 for all processors, -2 for all but one, as in joblib.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> count_or_all("-1")
    -1
    """
    value = _integer(text)
    if not value or abs(value) > MOST_JOBS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of processes; expected 1, 2, … {MOST_JOBS}, or -1 for all"
        )
    return value


def seconds(text: str) -> float:
    """Read a positive number of seconds, a million at most.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> seconds("1.5")
    1.5
    """
    return _positive(text, f"positive number of seconds up to {_MOST_SECONDS}", _MOST_SECONDS)


def positive_number(text: str) -> float:
    """Read a positive, finite number.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> positive_number("1e4")
    10000.0
    """
    return _positive(text, "positive number")


def real_number(text: str) -> float:
    """Read a finite number.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> real_number("-1e-3")
    -0.001
    """
    value = _real(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number")
    return value


def seed(text: str) -> int:
    """Read a whole number that numpy takes as a seed.

    Parameters
    ----------
    text : str

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> seed("7")
    7
    """
    return _whole(text, 0, _LAST_SEED, "seed; expected a whole number")


def _whole(text: str, least: int, most: int, what: str = "whole number") -> int:
    value = _integer(text)
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what} from {least} to {most}")
    return value


def _positive(text: str, what: str, most: float = math.inf) -> float:
    value = _real(text)
    if not (math.isfinite(value) and 0 < value <= most):
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return value


def _real(text: str) -> float:
    """Return NaN for what is no number; Python takes "1_0" and digits of other scripts for numbers too."""
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def _integer(text: str) -> int | None:
    # Python refuses to count thousands of digits, and takes "1_0" for ten.
    return int(text) if re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", text) else None
