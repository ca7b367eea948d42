"""Numbers on the command line: what is out of range is refused with the name of its option."""

import argparse
import math

__all__ = ["count_or_all", "positive_integer", "positive_number", "seconds", "seed", "whole_number"]

_LAST_SEED = 2**32 - 1


def positive_integer(text: str) -> int:
    """Read a whole number from 1, as argparse wants it.

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
    return _whole(text, 1, "whole number from 1")


def whole_number(text: str) -> int:
    """Read a whole number from 0.

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
    return _whole(text, 0, "whole number from 0")


def count_or_all(text: str) -> int:
    """Read a number of worker processes: from 1, or -1 for all processors, as in joblib.

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
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; expected 1, 2, … or -1 for all")
    return value


def seconds(text: str) -> float:
    """Read a positive, finite number of seconds.

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
    return _positive(text, "positive number of seconds")


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
    return _whole(text, 0, f"seed; expected a whole number from 0 to {_LAST_SEED}", _LAST_SEED)


def _whole(text: str, least: int, what: str, most: float = math.inf) -> int:
    value = _integer(text)
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return value


def _positive(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return value


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
