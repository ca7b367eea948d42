"""What a label says, and the doubts that only a set of labels can raise."""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Condition", "with_doubts_of_the_set"]

#: From so many labels on it is evidence that no name behind (or before) an underscore ever stands elsewhere.
_FEW_LABELS = 3
#: What makes another gene's symbol of one: antisense, divergent and overlapping transcripts, read-through, families.
_SIBLING = re.compile(r"-(?:AS|DT|IT|OT|HG|[A-Z]{2,}[0-9A-Z]*)\d*")
_VERSIONED = re.compile(r"^(ENS[A-Z]*G\d{6,})\.\d+$")
_LOWER_START = re.compile(r"(?:g|cr|sh|si|ko|kd|oe|mi)(?:RNA)?[-_.]?(?=[A-Z])")


@dataclass(frozen=True)
class Condition:
    """What a label says.

    Parameters
    ----------
    label : str or mapping
        As given.
    doses : dict
        Dose of each perturbed gene; empty for a control.
    is_control : bool
        Nothing is perturbed.
    name : str
        The one spelling of this condition: genes sorted, joined by the preferred separator; for controls the first
        name in `control`. The same reader reads it as the same condition.
    how : str
        How the label was read, in words.
    doubt : str
        Why the reading is doubtful and what to set, "" where it is not.
    unlisted_controls : tuple of str
        Parts that are known names of controls and none of `control`.
    names : tuple of str
        The names in the label, in its order, without guides.
    joined_by : str
        The separator between them, "" for one name.
    unknown : tuple
        Names that are none of the reader's `genes`; they are in `doses` all the same.
    controls : tuple of str
        The parts that are names of `control`.
    """

    label: Any
    doses: dict[Hashable, float]
    is_control: bool
    name: str
    how: str = ""
    doubt: str = ""
    unlisted_controls: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    joined_by: str = ""
    unknown: tuple[Hashable, ...] = ()
    controls: tuple[str, ...] = ()

    @property
    def key(self) -> frozenset[tuple[Hashable, float]]:
        """Pairs of gene and dose: equal for all spellings of one condition."""
        return frozenset(self.doses.items())


def with_doubts_of_the_set(
    found: dict[str, Condition], sep: Sequence[str], known: frozenset[str]
) -> dict[str, Condition]:
    """Add the doubts that only all labels together can raise.

    Parameters
    ----------
    found : dict of str to Condition
        What each label says by itself.
    sep : sequence of str
        Separators, the trusted one first.
    known : frozenset of str
        Names that are known to be genes.

    Returns
    -------
    dict of str to Condition
    """
    doubts: dict[str, str] = {}
    clear = {text: one for text, one in found.items() if not one.doubt and one.names}
    for rule in _RULES:
        for text, doubt in rule(clear, sep, known).items():
            doubts.setdefault(text, doubt)
    return {text: replace(one, doubt=doubts.get(text, one.doubt)) for text, one in found.items()}


def _doubtful_weak_separators(clear: dict[str, Condition], sep: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """Doubt a weak separator if none of the names on one side of it ever stands elsewhere."""
    weak = {text: one for text, one in clear.items() if one.joined_by in sep[1:] and len(one.names) > 1}
    if len(weak) < _FEW_LABELS:
        return {}
    elsewhere = {name for text, one in clear.items() if text not in weak for name in one.names} | known
    first = {one.names[0] for one in weak.values()}
    last = {name for one in weak.values() for name in one.names[1:]}
    if last & (elsewhere | first) and first & (elsewhere | last):
        return {}
    side = "behind" if not last & (elsewhere | first) else "before"
    return {
        text: f"where no name {side} {one.joined_by!r} stands alone or on the other side in any of {len(weak)} labels, "
        "so it may be a guide, a plasmid or a cell line. Pass guide_suffix or guide_prefix, genes=[...], or "
        f"sep={one.joined_by!r} if these are pairs of genes"
        for text, one in weak.items()
    }


def _doubtful_inner_separators(
    clear: dict[str, Condition], sep: Sequence[str], known: frozenset[str]
) -> dict[str, str]:
    """Doubt a hyphen or blank inside a name if it joins what are names themselves."""
    names = {name for one in clear.values() for name in one.names} | known
    doubts = {}
    for joint in (r"-+", r"\s+", r"\.+", r"_+", r"\s*\++\s*"):
        halves = {}
        for name in names - known:
            found = re.search(joint, name)
            if found and not any(found.group()[0] in one for one in sep):
                halves[name] = re.split(joint, name)
        joining = _joined_names(halves, names)
        for text, one in clear.items():
            suspicious = [name for name in one.names if name in joining]
            if suspicious:
                char = re.search(joint, suspicious[0]).group()  # type: ignore[union-attr]
                doubts[text] = (
                    f"where {char!r} joins {' and '.join(halves[suspicious[0]])}, which are names in other labels too. "
                    f"Pass sep={char!r} if it joins genes, or the gene names as genes=[...]"
                )
    return doubts


def _joined_names(halves: dict[str, list[str]], names: set[str]) -> set[str]:
    """Return the names whose parts are names: labels of their own, or found on both sides of the character.

    Parts of gene symbols are not: in HLA-A, HLA-B, LEF1-AS1 one side is always the same kind of addition.
    """
    both_sides = {parts[0] for parts in halves.values()} & {part for parts in halves.values() for part in parts[1:]}
    known = {part for part in names | both_sides if any(char.isalpha() for char in part)}
    joining = {name for name, parts in halves.items() if all(part.strip() in known for part in parts)}
    # More labels than names: a graph with circles, as pairs of genes make them and symbols with additions do not.
    lettered = {name: parts for name, parts in halves.items() if all(any(c.isalpha() for c in part) for part in parts)}
    nodes = {part for parts in lettered.values() for part in parts}
    return set(lettered) if len(lettered) > len(nodes) else joining


def _doubtful_numbers(clear: dict[str, Condition], sep: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """Doubt "ELF1-1", "ELF1-2" if most names end so: these are guides and not symbols such as NKX2-1."""
    names = {name for one in clear.values() for name in one.names} - known
    numbered = {name: name.rpartition("-")[0] for name in names if re.fullmatch(r".*[^-]-\d{1,2}", name)}
    repeated = any(count > 1 for count in Counter(numbered.values()).values())
    if len(numbered) < _FEW_LABELS or 2 * len(numbered) <= len(names) or not repeated:
        return {}
    return {
        text: f"which ends in a number, as {len(numbered)} of {len(names)} names do: these may be guides. Pass "
        "guide_suffix=r'-\\d+', or the gene names as genes=[...]"
        for text, one in clear.items()
        if any(name in numbered for name in one.names)
    }


def _doubtful_variants(clear: dict[str, Condition], sep: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """Doubt a name that is another name with something behind or before it, such as "STAT1-1" or "gSTAT1"."""
    names = {name for one in clear.values() for name in one.names}
    everything = names | known
    variants = {name: base for name in names - known if (base := _base_name(name, everything))}
    return {
        text: f"where {name!r} is the name {variants[name]!r} with something behind or before it, as guides and "
        "replicates have. Pass guide_suffix or guide_prefix to remove it, or the gene names as genes=[...]"
        for text, one in clear.items()
        for name in one.names
        if name in variants
    }


def _base_name(name: str, names: set[str]) -> str:
    """Return another name that this one holds, "" if there is none."""
    for joint in re.finditer(r"[-.\s(\[@$%]", name):
        base, rest = name[: joint.start()].rstrip(), name[joint.start() :]
        if base in names and not _SIBLING.fullmatch(rest):
            return base
    start = _LOWER_START.match(name)
    return name[start.end() :] if start and name[start.end() :] in names else ""


def _doubtful_case(clear: dict[str, Condition], sep: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """Doubt names that differ in case, or in the version of an identifier, only."""
    spellings: dict[str, set[str]] = {}
    for name in {name for one in clear.values() for name in one.names} | known:
        spellings.setdefault(_spelling(name), set()).add(name)
    doubts = {}
    for text, one in clear.items():
        twins = [sorted(spellings[_spelling(name)]) for name in one.names if len(spellings[_spelling(name)]) > 1]
        if twins:
            doubts[text] = (
                f"where {' and '.join(twins[0])} differ in case only, or in the version of an identifier. Spell a gene "
                "alike everywhere, or pass "
                "genes=[...] if these are different genes"
            )
    return doubts


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFKC", _VERSIONED.sub(r"\1", name)).casefold()


_RULES = (
    _doubtful_weak_separators,
    _doubtful_inner_separators,
    _doubtful_numbers,
    _doubtful_variants,
    _doubtful_case,
)
