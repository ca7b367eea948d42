"""Options of the command line that belong together."""

import argparse
from collections.abc import Collection, Mapping, Sequence

from skperturb._near_names import listed, nearest

__all__ = ["check_names", "refuse_repeated", "refuse_unused"]


def refuse_unused(arguments: argparse.Namespace, options: Sequence[str] | Mapping[str, str], reason: str) -> None:
    """Refuse options that were given and would change nothing.

    Parameters
    ----------
    arguments : Namespace
        Options that were not given are None or False.
    options : sequence of str, or dict of str to str
        As they are written, "--later-edges"; a dict gives the attribute of each.
    reason : str
        When they are read, "with --enhancer".

    Raises
    ------
    ValueError
        Names the first such option.
    """
    if not isinstance(options, Mapping):
        options = {option: option.removeprefix("--").replace("-", "_") for option in options}
    for option, attribute in options.items():
        value = getattr(arguments, attribute, None)
        if value is not None and value is not False:
            raise ValueError(f"{option} is only read {reason}; leave it out, or it would seem to change the result.")


def check_names(names: Sequence[str], known: Collection[str], what: str) -> None:
    """Refuse a name that is unknown, and one that stands twice.

    Parameters
    ----------
    names : sequence of str
    known : collection of str
    what : str
        The argument that holds them.

    Raises
    ------
    ValueError
        Names the first one.
    """
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise ValueError(f"{what} names {unknown!r}{nearest(unknown, known)}; expected some of {listed(list(known))}.")
    refuse_repeated(names, what)


def refuse_repeated(names: Sequence[str], what: str) -> None:
    """Refuse a name that stands twice: its rows would be counted twice.

    Parameters
    ----------
    names : sequence of str
    what : str
        The argument that holds them.

    Raises
    ------
    ValueError
        Names the first one.
    """
    repeated = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if repeated is not None:
        raise ValueError(f"{what} names {repeated!r} twice; expected each once.")
