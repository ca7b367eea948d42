"""Antimony, a text format that people write models in, becomes SBML."""

import re
from pathlib import Path
from typing import Any

from skperturb._validation import describe
from skperturb.exceptions import InvalidModelError

__all__ = ["antimony_to_sbml", "looks_like_antimony"]

# A reaction, the begin of a model, or an assignment that ends with its line or a semicolon.
_ANTIMONY = re.compile(r"->|=>|:=|^\s*\*?(?:model|module)\s+\*?\w+|\w\s*'?\s*=[^=].*(?:;|\n)", re.MULTILINE)


def looks_like_antimony(text: str) -> bool:
    """Say whether a text that is no SBML reads like a model in Antimony.

    Examples
    --------
    >>> looks_like_antimony("A -> B; k*A"), looks_like_antimony("model.xml")
    (True, False)
    """
    return _ANTIMONY.search(text) is not None


def antimony_to_sbml(source: str | Path) -> str:
    """Translate a model in Antimony to SBML, with the optional package ``antimony``.

    Parameters
    ----------
    source : str or pathlib.Path
        The text of a model, or the Path of a file. The last model of the text is taken, which may use the others.

    Returns
    -------
    str
        SBML text, for `KineticModel.from_sbml` and `JacobianExtractor`.

    Raises
    ------
    ImportError
        If ``antimony`` is not installed.
    InvalidModelError
        If the text is not Antimony, with the line that Antimony complains of.
    TypeError
        If `source` is neither text nor Path.

    See Also
    --------
    JacobianExtractor : From SBML to networks.

    Examples
    --------
    >>> from skperturb.sbml import KineticModel, antimony_to_sbml
    >>> text = "-> A; k1; A -> ; k2*A; k1 = 2; k2 = 4; A = 1"
    >>> model = KineticModel.from_sbml(antimony_to_sbml(text))  # doctest: +SKIP
    >>> float(model.steady_state().state["A"])  # doctest: +SKIP
    0.5
    """
    if not isinstance(source, str | Path):
        raise TypeError(f"source is {describe(source)}; expected Antimony text (str) or the pathlib.Path of a file.")
    antimony = _import_antimony()
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    # The library keeps what it has read in one global place.
    antimony.clearPreviousLoads()
    try:
        if antimony.loadAntimonyString(text) < 0:
            name = f"{source}: " if isinstance(source, Path) else ""
            raise InvalidModelError(f"{name}not Antimony: {antimony.getLastError().strip()}")
        return antimony.getSBMLString(antimony.getMainModuleName())
    finally:
        antimony.clearPreviousLoads()


def _import_antimony() -> Any:
    try:
        import antimony
    except ImportError as error:
        raise ImportError(
            "antimony_to_sbml needs the package antimony, which is not installed: pip install antimony."
        ) from error
    return antimony
