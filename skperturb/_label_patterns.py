"""What in a label is no gene: known names of controls, numbers, guides, plasmids, dates."""

import re
from collections.abc import Sequence

__all__ = [
    "FOREIGN_SEPARATORS",
    "implausible_name",
    "is_known_control",
    "known_control_pattern",
    "number",
    "own_separators",
    "unlikely_second_gene",
]

#: Characters that join genes in many files and occur in no gene symbol.
FOREIGN_SEPARATORS = ",;|&~/:"

_JOIN = r"[-_ .]*"
_NUMBERED = "|".join(
    (
        rf"(?:neg(?:ative)?{_JOIN})?(?:control|ctrl|cntrl|ctl)s?",
        r"neg(?:ative)?",
        rf"no[nt]?{_JOIN}target(?:ing|ed)?(?:{_JOIN}(?:control|ctrl|guide|sgrna|grna))?s?",
        rf"nt[cgo]?(?:{_JOIN}(?:control|ctrl))?s?",
        rf"safe{_JOIN}(?:target(?:ing|ed)?|harbou?r|cutter)(?:{_JOIN}(?:control|ctrl))?s?",
        rf"no{_JOIN}(?:site|guide|sgrna|grna|perturbation|treatment|drug)",
        rf"one{_JOIN}(?:non{_JOIN}gene|intergenic){_JOIN}site",
        rf"intergenic(?:{_JOIN}(?:control|ctrl))?",
        r"scrambled?|scr|mock",
    )
)
_SINGLE = "|".join(
    (
        rf"dmso(?:{_JOIN}tf)?|pbs|vehicle|untreated|unperturbed|untransduced|uninfected",
        rf"wild{_JOIN}type|wt|parental|empty{_JOIN}vector",
        r"aavs1|rosa26|e?gfp|mcherry|lacz|luc(?:iferase)?",
        # The controls of Adamson's files: "62(mod)", "Gal4-4(mod)".
        r"[A-Za-z0-9.-]+\(mod\)",
    )
)
_MISSING = r"nan|na|n/a|<na>|none|null|unknown|unassigned|undetermined|ambiguous|multiplet|doublet|\*|-+|\?+|\.+"
#: Names that stand for no perturbation, or for no label at all, in public files. Digits are numbers of guides.
_KNOWN_CONTROL = re.compile(
    r"(?:p[-_.]?)?(?:(?-i:sg|sh|si)[-_.]?)?"
    rf"(?:(?:{_NUMBERED})(?:{_JOIN}(?:(?:sg|g)?\d+))?|(?:{_SINGLE})(?:[-_ .]g?\d+)?)"
    rf"|{_MISSING}",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+\.?\d*(?:[eE]-?\d+)?|\.\d+")
_WITH_UNIT = re.compile(
    r"\d+(?:\.\d+)?\s?(?:[pnuµμm]?M|[pnuµμm]?g|[nuµμm]g/m[lL]|%|h|hr|hrs|hours?|min|d|days?|wk|weeks?|x)"
)
_GUIDE = re.compile(
    r"(?:(?:sg|g|gr|cr|sh|si|peg)(?:RNA)?|guide|oligo)[-. ]?\d+[a-z]?|(?:sg|g|cr|sh|si|peg)RNA", re.IGNORECASE
)
_PLASMID = re.compile(r"p[A-Z]{1,4}\d{2,}(?:[-_]\w+)?")
_PROMOTER = re.compile(r"(?:P1|P2|P1P2)")
_COVARIATE = re.compile(
    r"(?:rep|replicate|batch|day|lane|sample|donor|plate|well|clone|pool|gem|run|bc|barcode)[-.]?\d*"
    r"|ko|kd|oe|ki|mut|wt|het|hom|only|crispr[ian]?|[cd]cas9|act|inh|stim|unstim|treated|low|high"
    r"|k562|rpe1|hepg2|jurkat|a549|mcf7|hela|thp1|hek293t?|hct116|u2os|a375|ipsc|a172|t98g|u87mg|u87",
    re.IGNORECASE,
)
_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(?:\.\d+)?")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(rf"\d{{1,2}}-(?:{_MONTHS})|(?:{_MONTHS})-\d{{1,2}}|\d{{4}}-\d\d-\d\d.*", re.IGNORECASE)
_GUIDE_START = re.compile(r"(?:p[-_.]?)?sg(?:RNA)?[-_.]?(?=[A-Z])")
_GUIDE_END = re.compile(r"[-_. ](?:sg|g|guide|sgRNA|gRNA|crRNA|shRNA|sh)[-. ]?\d+$|(?<=[A-Z0-9])g\d{1,2}$")
_PLASMID_END = re.compile(r"_p[A-Z]{1,4}\d{2,}(?:[-_]\w+)?$")
#: A symbol of a gene, of any species, or an identifier.
_SYMBOL = re.compile(r"[^\W\d_][\w.@'-]*")
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def is_known_control(name: str) -> bool:
    """Tell whether public files use a name for cells without a perturbation, or without a label.

    Parameters
    ----------
    name : str
    """
    return _KNOWN_CONTROL.fullmatch(name) is not None


def known_control_pattern() -> str:
    """Return the regular expression behind `is_known_control`; to be used with ``re.IGNORECASE``."""
    return _KNOWN_CONTROL.pattern


def number(text: str) -> float | None:
    """Return the number that a text is, None where it is none.

    Parameters
    ----------
    text : str
        Digits, optionally a decimal point and an exponent; no sign.
    """
    return float(text) if _NUMBER.fullmatch(text) else None


def own_separators(text: str, sep: Sequence[str]) -> list[str]:
    """Return the characters of a text that join genes in many files and that no separator holds.

    Parameters
    ----------
    text : str
    sep : sequence of str
    """
    return [char for char in FOREIGN_SEPARATORS if char in text and not any(char in one for one in sep)]


def implausible_name(name: str) -> str:
    r"""Say why a name is no gene, or return "".

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        "which …", with what to set.
    """
    if _DATE.fullmatch(name):
        return f"which holds the date {name!r} that a spreadsheet made of a gene symbol (MARCHF1, SEPTIN2); restore it"
    if not _is_balanced(name):
        return f"which a separator would cut inside brackets ({name!r}). Pass genes=[...], or another sep"
    if not any(char.isalpha() for char in name):
        return (
            f"which holds {name!r}, a number or sign where a gene is expected. Pass the label of the gene, or "
            "genes=[...] if this is its name"
        )
    return _guide_affix(name)


def _guide_affix(name: str) -> str:
    start, end = _GUIDE_START.match(name), _GUIDE_END.search(name)
    if start:
        return f"which begins like the name of a guide ({name!r}). Pass guide_prefix={start.group()!r}, or genes=[...]"
    if end:
        pattern = re.sub(r"\d+", r"\\d+", end.group())
        return f"which ends like the name of a guide ({name!r}). Pass guide_suffix=r'{pattern}', or genes=[...]"
    end = _PLASMID_END.search(name)
    if end:
        return f"which ends like a plasmid ({name!r}). Pass guide_suffix=r'_p[A-Z]+\\d+', or genes=[...]"
    return ""


def _is_balanced(name: str) -> bool:
    opened: list[str] = []
    for char in name:
        if char in _BRACKETS.values():
            opened.append(char)
        elif char in _BRACKETS and (not opened or opened.pop() != _BRACKETS[char]):
            return False
    return not opened


def unlikely_second_gene(names: Sequence[str], sep: str) -> str:
    """Say why names that a weak separator joins are not all genes, or return "".

    Parameters
    ----------
    names : sequence of str
    sep : str

    Returns
    -------
    str
        "which …", with what to set.
    """
    for name in names:
        for pattern, what, advice in (
            (_GUIDE, "the name of a guide", f"Pass guide_suffix=r'{sep}{_digits(name)}'"),
            (_PLASMID, "a plasmid", f"Pass guide_suffix=r'{sep}p[A-Z]+\\d+'"),
            (_PROMOTER, "a promoter", f"Pass guide_suffix=r'{sep}P[12]+'"),
            (_WITH_UNIT, "a dose or a time with its unit", "Write doses as numbers, times as a column of their own"),
            (_COVARIATE, "a replicate, a cell line or a kind of perturbation", "Make it a column of its own"),
        ):
            if pattern.fullmatch(name):
                return f"where {name!r} looks like {what} and not like a gene. {advice}, or pass genes=[...]"
        if not _SYMBOL.fullmatch(name):
            return f"where {name!r} does not look like a gene. Pass genes=[...], or one separator in sep"
    if len({_ENSEMBL.fullmatch(name) is None for name in names}) > 1:
        return f"which joins a symbol and an Ensembl identifier. Pass guide_suffix=r'{sep}ENSG\\d+', or genes=[...]"
    return ""


def _digits(name: str) -> str:
    return re.sub(r"\d+", r"\\d+", name)
