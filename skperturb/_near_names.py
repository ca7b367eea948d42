"""What an unknown name may have meant, for error texts."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

__all__ = ["listed", "nearest"]

# Similarity from which a name is offered in place of an unknown one: half of the letters, so that "S1" is offered for
# "S3". At 0.6, the default of difflib, ids of two letters have no neighbors; at 0.4 every id has.
_SIMILAR = 0.5
_MOST_OFFERED = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean ...?)" with the most similar names, or nothing.

    Parameters
    ----------
    name : str
    known : iterable of str

    Examples
    --------
    >>> from skperturb._near_names import nearest
    >>> nearest("cell_typ", ["batch", "cell_type"])
    " (did you mean 'cell_type'?)"
    """
    known = list(known)
    local = [other for other in known if other.endswith(f".{name}")]
    lowered = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), lowered, n=_MOST_OFFERED, cutoff=_SIMILAR)
    found = list(dict.fromkeys([*local, *(lowered[other] for other in close)]))[:_MOST_OFFERED]
    return f" (did you mean {', '.join(repr(other) for other in found)}?)" if found else ""


def listed(names: Sequence[Any], most: int = 20) -> str:
    """Return the names as a list, of many the first ones and how many there are.

    Parameters
    ----------
    names : sequence
    most : int, default=20

    Examples
    --------
    >>> from skperturb._near_names import listed
    >>> listed(["a", "b"]), listed(["a", "b", "c"], most=2)
    ("['a', 'b']", "['a', 'b', …] (3 in all)")
    """
    shown = [repr(str(name)) for name in names[:most]]
    return f"[{', '.join(shown)}]" if len(names) <= most else f"[{', '.join(shown)}, …] ({len(names)} in all)"
