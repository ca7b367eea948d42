"""What in a label is no gene: known names of controls, numbers, guides, plasmids, dates."""

import re
from collections.abc import Iterable, Sequence

__all__ = [
    "FOREIGN_SEPARATORS",
    "dates_among",
    "implausible_name",
    "inner_control",
    "is_known_control",
    "known_control_pattern",
    "number",
    "own_separators",
    "spreadsheet_names",
    "unlikely_second_gene",
]

#: Characters that join genes in many files and occur in no gene symbol.
FOREIGN_SEPARATORS = ",;|&~/:\\#=<>^!?*×·＋，；、\t\n\r"

_JOIN = r"[-_ .]*"
_NUMBERED = "|".join(
    (
        rf"(?:neg(?:ative)?{_JOIN})?(?:control|ctrl|cntrl|ctl)s?",
        r"neg(?:ative)?",
        rf"no[nt]?{_JOIN}target(?:ing|ed)?(?:{_JOIN}(?:control|ctrl|guide|sgrna|grna|human|mouse))*s?",
        rf"nt[cgo]?(?:{_JOIN}(?:control|ctrl))?s?|nc",
        rf"safe(?:{_JOIN}(?:target(?:ing|ed)?|harbou?r|cutter)(?:{_JOIN}(?:control|ctrl))?s?)?",
        rf"no{_JOIN}(?:site|guide|sgrna|grna|perturbation|treatment|drug)",
        rf"one{_JOIN}(?:non{_JOIN}gene|intergenic){_JOIN}site",
        rf"intergenic(?:{_JOIN}(?:control|ctrl))?",
        r"scrambled?|scr|mock",
    )
)
_SINGLE = "|".join(
    (
        rf"dmso(?:{_JOIN}(?:tf|control))?|pbs|water|saline|ethanol|etoh|medium|media|vehicle(?:{_JOIN}control)?",
        r"un(?:treated|perturbed|transduced|transfected|infected|stim|stimulated|edited)|unt",
        rf"(?:not|non|no){_JOIN}(?:treated|perturbed|edited|infected|gene|treatment)",
        rf"wild{_JOIN}type|wt|parental|empty(?:{_JOIN}vector)?|blank|background|baseline|naive|ref(?:erence)?",
        r"aavs1|rosa26|e?[gybcr]fp|tagbfp|mcherry|mscarlet|tdtomato|dsred|zsgreen|lacz|luc(?:iferase)?",
        # The controls of Adamson's files: "62(mod)", "Gal4-4(mod)".
        r"[A-Za-z0-9.-]+\(mod\)",
    )
)
_MISSING = (
    rf"nan|na|inf|n/a|<na>|none|null|true|false|tbd|unknown|unassigned|un(?:determined|detected|mapped)|ambiguous|others?"
    rf"|(?:not|no){_JOIN}(?:assigned|assignment|detected|available)|low{_JOIN}quality|multiplet|doublet"
    r"|\*|-+|\?+|\.+"
)
#: Names that stand for no perturbation, or for no label at all, in public files. Digits are numbers of guides.
_KNOWN_CONTROL = re.compile(
    r"(?:p[-_.]?)?(?:(?-i:sg|sh|si)[-_.]?)?"
    rf"(?:(?:{_NUMBERED})(?:{_JOIN}(?:(?:sg|g)?\d+))?|(?:{_SINGLE})(?:[-_ .]g?\d+)?)"
    rf"|{_MISSING}",
    re.IGNORECASE,
)
#: A name of a control inside a longer name; a missing label would be too short a word to look for there.
_INNER_CONTROL = re.compile(
    rf"(?:^|(?<=[\s.()\[\]+_-]))(?:(?-i:sg|sh|si)[-_.]?)?(?:{_NUMBERED}|{_SINGLE})(?=[\s.()\[\]+_-]|$)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d+\.?\d*(?:[eE]-?\d+)?|\.\d+")
_WITH_UNIT = re.compile(
    r"\d+(?:\.\d+)?\s?(?:[pnuµμm]?M|[pnuµμm]?g|[nuµμm]g/m[lL]|%|h|hr|hrs|hours?|min|d|days?|wk|weeks?|x)"
    r"|x\d+(?:\.\d+)?"
)
_GUIDE = re.compile(
    r"(?:(?:sg|g|gr|cr|sh|si|peg)(?:RNA)?|guide|oligo|pos|exon|tss|enh(?:ancer)?|site|(?-i:i))[-. ]?\d+[a-z]?"
    r"|(?:sg|g|cr|sh|si|peg)RNA|guide[-. ]?[a-z]|[ACGTU]{15,}",
    re.IGNORECASE,
)
_PLASMID = re.compile(r"p[A-Z]{1,4}\d{2,}(?:[-_]\w+)?")
_PROMOTER = re.compile(r"P1|P2|P1P2|(?:prom|promoter|enh|enhancer)\d*", re.IGNORECASE)
_COVARIATE = re.compile(
    r"(?:rep|replicate|batch|day|lane|sample|donor|plate|well|clone|pool|gem|run|bc|barcode)[-.]?\d*"
    r"|(?-i:[RrDd])\d{1,2}|ko|kd|oe|ki|mut|wt|het|hom|only|crispr[ian]?|[cd]cas9|act|inh|stim|unstim|treated|low|high"
    r"|knock(?:out|down|in)|overexpression|lps|pma|(?-i:IFN[abg]|TNFa)|[tb]cells?|pbmcs?"
    r"|k562|rpe1|hepg2|jurkat|a549|mcf7|hela|thp1|hek293t?|hct116|u2os|a375|ipsc|a172|t98g|u87mg|u87",
    re.IGNORECASE,
)
_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(?:\.\d+)?")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#: What a spreadsheet makes of SEPT2, MARCH1 and DEC1, as it writes it: a day before any spelling of a month, or a month
#: with a capital, as sep-1 and dec-11 are genes of C. elegans and SEP-1 is the protein. Three ask for it: labels become
#: doubtful, genes of cells are warned of, and so are names in tables, which also lose clones (`spreadsheet_names`).
_DATE = re.compile(
    rf"\d{{1,2}}-(?i:{_MONTHS})(?:-\d{{2,4}})?|(?:{_MONTHS.title()})-\d{{1,2}}"
    r"|\d{4}-\d\d-\d\d(?:[ T][\d:.]+)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
)
#: What it makes of the clone 2310009E13.
_ROUNDED_CLONE = re.compile(r"\d+(?:\.\d+)?[eE]\+\d+")
_GUIDE_START = re.compile(r"(?:p[-_.]?)?sg(?:RNA)?[-_.]?(?=[A-Z])|(?:sh|si)(?:RNA)?[-_.]?(?=[A-Z][A-Z0-9]{2,}$)")
_GUIDE_END = re.compile(r"[-_. ](?:sg|g|guide|sgRNA|gRNA|crRNA|shRNA|sh)[-. ]?\d+$|(?<=[A-Z0-9])g\d{1,2}$")
#: The kind of a perturbation behind a name; lower case only where nothing separates it.
_KIND_END = re.compile(
    r"[-_. ](?:ko|kd|oe|knock[- ]?(?:out|down|in)|overexpress(?:ion|ed)|crispr[ian]?|null|mut(?:ant)?|del|deletion)$"
    r"|(?-i:(?<=[A-Z0-9])(?:ko|kd|oe)$)",
    re.IGNORECASE,
)
#: A dose or a time behind a name, in units that end no name of a gene or a chemical (let-7d, let-7g, compound 3d).
_DOSE_END = re.compile(
    r"(?:[ (@]\s*\d+(?:\.\d+)?\s?(?:[pnuµμm]M|[nuµμm]g(?:/m[lL])?|%|h|hrs?|hours?|min|days?)"
    r"|-\d+(?:\.\d+)?\s?(?:[pnuµμm]M|%|hrs?|hours?|min|days?))\)?$"
    r"| \(?\d*\.\d+\)?$| ?\(\d+\)$"
)
_SEQUENCE_END = re.compile(r"[-. ][ACGTU]{15,}$")
_CONJUNCTION = re.compile(r"\s+(?:and|plus|with|x|or|vs\.?)\s+", re.IGNORECASE)
_PLASMID_END = re.compile(r"_p[A-Z]{1,4}\d{2,}(?:[-_]\w+)?$")
#: Patterns of ends, how an error text calls them, the suffix to remove (None: that end), and what else helps.
_ENDS = (
    (_GUIDE_END, "like the name of a guide", None, ""),
    (_SEQUENCE_END, "with the sequence of a guide", "[-. ][ACGTU]+", ""),
    (_KIND_END, "with the kind of a perturbation", None, ""),
    (_DOSE_END, "with a dose or a time with its unit", None, ", write doses as numbers behind a separator"),
    (_PLASMID_END, "like a plasmid", "_p[A-Z]+\\d+", ""),
)
#: A symbol of a gene, of any species, or an identifier.
_SYMBOL = re.compile(r"[^\W\d_][\w.@'-]*")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
#: Those that enclose a text; the apostrophe of chemical names ("2',3'-cGAMP") is not at an end.
_QUOTES = '"“”„‘’`'


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


def inner_control(name: str, control: Sequence[str]) -> str:
    """Return the name of a control that a hyphen, dot, blank or bracket joins to something else, or "".

    Parameters
    ----------
    name : str
    control : sequence of str
        Names of controls beside the known ones.
    """
    found = _INNER_CONTROL.search(name)
    if found:
        return found.group()
    words = set(re.split(r"[\s.()\[\]+_-]+", name))
    return next((one for one in control if one in words), "")


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
    odd = next((char for char in name if not char.isprintable() or char in _QUOTES), "")
    odd = odd or "'" * (name[0] == "'" or name[-1] == "'")
    if odd:
        return f"which holds {odd!r}, a quotation mark or a character that cannot be seen ({name!r}). Take it out"
    if _is_enclosed(name):
        return f"which is in brackets ({name!r}), as the text of a list is. Take them off, or pass genes=[...]"
    if not any(char.isalpha() for char in name):
        return (
            f"which holds {name!r}, a number or sign where a gene is expected. Pass the label of the gene, or "
            "genes=[...] if this is its name"
        )
    return _guide_affix(name)


def dates_among(names: Iterable[object]) -> list[str]:
    """Return the names that are dates as a spreadsheet writes them, in place of symbols of genes.

    Parameters
    ----------
    names : iterable

    Examples
    --------
    >>> dates_among(["MARCHF1", "1-Mar", "Sep-02", "sep-1", "2024-03-01"])
    ['1-Mar', 'Sep-02', '2024-03-01']
    """
    return [name for name in map(str, names) if _DATE.fullmatch(name)]


def spreadsheet_names(names: Iterable[object]) -> list[str]:
    """Return the names that are dates, or numbers that a spreadsheet made of names of clones.

    Parameters
    ----------
    names : iterable

    Examples
    --------
    >>> spreadsheet_names(["SEPTIN2", "2-Sep", "2310009E13", "2.31E+15"])
    ['2-Sep', '2.31E+15']
    """
    return [name for name in map(str, names) if _DATE.fullmatch(name) or _ROUNDED_CLONE.fullmatch(name)]


def _guide_affix(name: str) -> str:
    joint = _CONJUNCTION.search(name)
    if joint:
        return f"which holds the word {joint.group()!r} ({name!r}). Pass sep={joint.group()!r} if it joins genes"
    start = _GUIDE_START.match(name)
    if start:
        return f"which begins like the name of a guide ({name!r}). Pass guide_prefix={start.group()!r}, or genes=[...]"
    for pattern, what, removed, further in _ENDS:
        end = pattern.search(name)
        if end:
            suffix = removed or _digits(re.escape(end.group()))
            return f"which ends {what} ({name!r}). Pass guide_suffix=r'{suffix}' to remove it{further}, or genes=[...]"
    return ""


def _is_enclosed(name: str) -> bool:
    """Tell whether brackets hold all of a name; those of "(+)-JQ1" or "su(Hw)" do not."""
    return re.fullmatch(r"[(\[{][^()\[\]{}]*[)\]}]", name) is not None


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
        if len(name) == 1 and name != names[0] and len(names[0]) > 2:
            return (
                f"where the letter {name!r} looks like the name of a guide or a replicate. Pass "
                f"guide_suffix=r'{sep}[A-Z]' to remove it, or genes=[...] if it is a gene"
            )
    if len({_ENSEMBL.fullmatch(name) is None for name in names}) > 1:
        return f"which joins a symbol and an Ensembl identifier. Pass guide_suffix=r'{sep}ENSG\\d+', or genes=[...]"
    return ""


def _digits(name: str) -> str:
    return re.sub(r"\d+", r"\\d+", name)
