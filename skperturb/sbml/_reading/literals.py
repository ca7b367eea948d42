"""Numbers in MathML: their exact value from the text of the file, which libsbml clips, cuts short or takes for zero."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from skperturb.exceptions import InvalidModelError

__all__ = ["literal_value", "rewritten_literal"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_START_TAG = re.compile(r"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*>")
_TYPE = re.compile(r"\s+type\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_GRAMMAR = {
    "real": (_REAL,),
    "integer": (_INTEGER,),
    "e-notation": (_DECIMAL, _INTEGER),
    "rational": (_INTEGER, _INTEGER),
}
_EXPECTED = {
    "real": "a decimal number such as 1.5 or 2e-3 (<infinity/> and <notanumber/> stand for what is none)",
    "integer": "an integer such as -12",
    "e-notation": "a decimal number, <sep/> and an integer exponent, such as 1.5<sep/>-3",
    "rational": "two integers with <sep/> between them, such as 1<sep/>3",
}
# libsbml holds integers, and the parts of rationals, in 32 bits.
_LARGEST_INTEGER = 2**31 - 1
# It multiplies the mantissa by a power of ten, which leaves the floating-point numbers before the product does.
_LARGEST_POWER = 290
# A mantissa of more digits is rounded before its exponent is known.
_MOST_DIGITS = 15


def literal_value(kind: str, parts: Sequence[str]) -> tuple[float, bool]:
    """Return the value of a number and whether libsbml may read another one.

    Parameters
    ----------
    kind : str
        The attribute ``type`` of the ``<cn>``.
    parts : sequence of str
        Its text, cut at every ``<sep/>``.

    Returns
    -------
    value : float
        The nearest floating-point number.
    is_clipped : bool
        Whether libsbml does not hold it: an integer of more than 32 bits or written as 1e3, a large exponent.

    Raises
    ------
    InvalidModelError
        With what is wrong, for a message that begins with the place.

    Examples
    --------
    >>> literal_value("integer", ["3000000000"])
    (3000000000.0, True)
    >>> literal_value("e-notation", ["1.1", "-5"])
    (1.1e-05, False)
    """
    if kind not in _GRAMMAR:
        raise InvalidModelError(f"has the type {kind!r}; expected one of {', '.join(map(repr, _GRAMMAR))}")
    texts = [part.strip() for part in parts]
    if _matches(_GRAMMAR[kind], texts):
        value = _VALUE[kind](texts)
        is_clipped = _is_clipped(kind, texts)
    elif kind in ("integer", "e-notation") and _matches((_REAL,), texts):
        # "2.0" and "1e3" are integers, and what an e-notation without <sep/> means is plain; libsbml reads 1e3 as 1.
        value, is_clipped = float(texts[0]), True
    else:
        value = math.nan
    if math.isnan(value) or (kind == "integer" and math.isfinite(value) and not value.is_integer()):
        raise InvalidModelError(f"is {'<sep/>'.join(parts)[:80]!r}; expected {_EXPECTED[kind]}")
    if math.isinf(value):
        raise InvalidModelError(
            f"is {'<sep/>'.join(texts)[:80]!r}, which is larger than any floating-point number; expected at most "
            "1.8e308, or <infinity/>"
        )
    return value, is_clipped


def _is_clipped(kind: str, texts: Sequence[str]) -> bool:
    if kind == "e-notation":
        return abs(float(texts[1])) > _LARGEST_POWER or len(texts[0]) > _MOST_DIGITS
    return kind in ("integer", "rational") and any(abs(float(text)) > _LARGEST_INTEGER for text in texts)


def _matches(grammar: Sequence[re.Pattern], texts: Sequence[str]) -> bool:
    return len(texts) == len(grammar) and all(p.fullmatch(t) for p, t in zip(grammar, texts, strict=True))


def _ratio(texts: Sequence[str]) -> float:
    # Python converts no more than 4,300 digits to an int; a floating-point number has at most 309.
    if any(len(text) > 4000 for text in texts):
        return math.inf
    try:
        return int(texts[0]) / int(texts[1])
    except ZeroDivisionError:
        raise InvalidModelError(f"is {texts[0]}/0; expected a denominator other than 0") from None
    except OverflowError:
        return math.inf


_VALUE: dict[str, Callable[[Sequence[str]], float]] = {
    "real": lambda texts: float(texts[0]),
    "integer": lambda texts: float(texts[0]),
    "e-notation": lambda texts: float(f"{texts[0]}e{texts[1]}"),
    "rational": _ratio,
}


def rewritten_literal(element: str, value: float) -> str:
    """Return the text of a ``<cn>`` up to its end tag as a real number, which libsbml reads exactly."""
    start = _START_TAG.match(element)
    if start is None:
        raise InvalidModelError(f"cannot be read: {element[:80]!r}; expected a number between <cn> and </cn>")
    return f"{_TYPE.sub('', start[0])}{value!r}"
