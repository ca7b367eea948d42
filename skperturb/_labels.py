"""The one place that reads labels of conditions ("KLF1", "KLF1+CEBPA", "ctrl"): what they perturb, and when to refuse.

`PerturbationEncoder`, `pseudobulk`, the splitters and the command line all use `LabelReader`, so that no two of them
can disagree on what one condition is.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from skperturb._label_doubts import Condition, with_doubts_of_the_set
from skperturb._label_patterns import (
    implausible_name,
    inner_control,
    is_known_control,
    known_control_pattern,
    number,
    own_separators,
    unlikely_second_gene,
)

__all__ = ["Condition", "LabelReader"]

#: Whole numbers below this may be numbers of guides as well as doses.
_GUIDE_NUMBERS = 100
#: Beginning of Unicode's private use area: stands for a part of a label that must not be cut.
_HIDDEN = 0xE000


class _DoubtfulError(ValueError):
    """A label that has no certain reading; the text says why and what to set."""


@dataclass(frozen=True)
class _Part:
    """A name within a label: as written, without the guide, and its dose."""

    raw: str
    name: str
    dose: float = 1.0


@dataclass(frozen=True)
class LabelReader:
    r"""Read labels of conditions; the rule, in the order in which it applies.

    1. Blanks around labels and names do not count. A label, or a part of one, that is in `control` perturbs nothing:
       "ctrl" is a control, "KLF1+ctrl" perturbs KLF1.
    2. What `guide_prefix` and `guide_suffix` match at the ends of a name is removed. Two guides of one gene are one
       perturbed gene.
    3. With `genes`, a name is one of these, and nothing else is; names may then hold separators. A label that can be
       cut in two ways, or names another gene, is refused.
    4. Without `genes`, a label is cut at the separators. The first in `sep` is trusted. The others, such as the
       default's underscore, join genes only where each part looks like a gene: no guide ("g1"), plasmid ("pDS051"),
       promoter, unit, replicate, cell line or identifier of the same gene; and where, from three such labels on, some
       name behind the separator also stands alone or first, and some name before it alone or last. A separator that is
       passed alone (``sep="_"``) is trusted.
    5. A number is the dose of the name before it ("drug_0.1", "A+0.5"), never a gene. Behind a separator that is not
       trusted, a whole number below 100 is refused: it could be the number of a guide.
    6. Refused, with what to set, is whatever is left in doubt: a known name of a control or of a missing label that is
       not in `control` ("NT", "NegCtrl0", "nan"); one of ``, ; | & ~ / :`` that is not in `sep`; two separators in one
       label; the names of guides ("sgELF1", "STAT1-g1"); the kind of a perturbation, or a dose with its unit, behind a
       name ("STAT1-KO", "drug 10uM"); quotation marks and characters that cannot be seen; dates that a spreadsheet made
       of symbols; a hyphen, dot or blank between names that are labels themselves, or between a name and a control
       ("KLF1-NT"); a name that is another one with something behind or before it ("STAT1-1" beside "STAT1"); names that
       differ in case only.

    The reading of one label depends on the label and the options alone; the other labels can only cast doubt on it,
    never change it.

    Parameters
    ----------
    control : str or sequence of str, default=("control", "ctrl")
        Labels, and parts of labels, that stand for no perturbation.
    sep : str or sequence of str, default=("+", "_")
        Separators between genes, the preferred one first.
    genes : sequence, default=None
        The vocabulary.
    guide_suffix, guide_prefix : str, default=None
        Regular expressions of what follows, or precedes, the gene in the name of a guide.

    Raises
    ------
    TypeError
        If a name of a control is no text.
    ValueError
        If a separator is empty, an affix is no regular expression, or a gene is missing or a control too.
    """

    control: str | Sequence[str] = ("control", "ctrl")
    sep: str | Sequence[str] = ("+", "_")
    genes: Iterable[Hashable] | None = None
    guide_suffix: str | None = None
    guide_prefix: str | None = None

    def __post_init__(self) -> None:
        for name in ("control", "sep"):
            value = getattr(self, name)
            if not isinstance(value, str) and (not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1):
                raise TypeError(f"{name} is a {type(value).__name__}; expected a str, or a sequence of them.")
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        object.__setattr__(self, "genes", None if self.genes is None else tuple(self.genes))
        if not self.sep or not all(isinstance(item, str) and item for item in self.sep):
            shown = self.sep[0] if len(self.sep) == 1 else list(self.sep)
            raise ValueError(f"sep={shown!r}; expected one or more separators, none of them empty.")
        # None itself may be what stands there.
        odd = next((k for k, name in enumerate(self.control) if not isinstance(name, str)), None)
        if odd is not None:
            value = self.control[odd]
            raise TypeError(f"control[{odd}] is {value!r} ({type(value).__name__}); expected labels, which are texts.")
        self._check_genes()
        for name in ("guide_suffix", "guide_prefix"):
            try:
                re.compile(getattr(self, name) or "")
            except re.error as error:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is no regular expression ({error}); expected one such as "
                    "'_sg[0-9]+'."
                ) from error

    def _check_genes(self) -> None:
        for gene in self.genes or ():
            if gene is None or gene != gene or gene in self.control:
                why = "a control too" if gene in self.control else "missing"
                raise ValueError(
                    f"genes holds {gene!r}, which is {why} (control={list(self.control)}); expected names of genes. "
                    "Leave it out of one of them."
                )

    # What others call -------------------------------------------------------------------------------------------

    def read(self, label: Any, position: int = 0, name: str = "X") -> Condition:
        """Read one label.

        Parameters
        ----------
        label : str or mapping
            A label, or the doses themselves.
        position : int, default=0
            Where it stands, for the error text.
        name : str, default="X"
            Name of the labels in the error text.

        Returns
        -------
        Condition
            Without doubt.

        Raises
        ------
        TypeError
            If the label is neither text nor mapping.
        ValueError
            If it has no certain reading.
        """
        condition = self.examine(label, position, name)
        self._refuse([condition], [position], name)
        return condition

    def read_all(
        self,
        labels: Iterable[Any],
        name: str = "X",
        known: Iterable[Hashable] = (),
        *,
        allow_unknown: bool = False,
    ) -> list[Condition]:
        """Read labels, and refuse them if one of them is in doubt.

        Parameters
        ----------
        labels : iterable of str or mapping
        name : str, default="X"
            Their name in the error text.
        known : iterable, default=()
            Names that are known to be genes, such as those of training labels; they take doubt away, and change no
            reading.
        allow_unknown : bool, default=False
            Do not refuse names that are none of `genes`.

        Returns
        -------
        list of Condition

        Raises
        ------
        TypeError
            If a label is neither text nor mapping.
        ValueError
            If a label has no certain reading. All unlisted names of controls are named together.
        """
        conditions = self.examine_all(labels, name, known)
        doubtful = [
            k
            for k, one in enumerate(conditions)
            if one.doubt and not (allow_unknown and one.unknown and not one.unlisted_controls)
        ]
        self._refuse([conditions[k] for k in doubtful], doubtful, name)
        return conditions

    def examine_all(self, labels: Iterable[Any], name: str = "X", known: Iterable[Hashable] = ()) -> list[Condition]:
        """Read labels as `read_all` does, and put what is in doubt into `Condition.doubt` instead of raising.

        Parameters
        ----------
        labels, name, known
            See `read_all`.

        Returns
        -------
        list of Condition
        """
        found: dict[str, Condition] = {}
        order: list[Any] = []
        for position, label in enumerate(labels):
            if isinstance(label, str):
                if label not in found:
                    found[str(label)] = self.examine(label, position, name)
                order.append(str(label))
            else:
                order.append(self.examine(label, position, name))
        if self.genes is None:
            found = with_doubts_of_the_set(found, self.sep, frozenset(map(str, known)))
        return [found[item] if isinstance(item, str) else item for item in order]

    def examine(self, label: Any, position: int = 0, name: str = "X") -> Condition:
        """Read one label as `read` does, and put what is in doubt into `Condition.doubt` instead of raising.

        Parameters
        ----------
        label, position, name
            See `read`.

        Returns
        -------
        Condition

        Raises
        ------
        TypeError
            If the label is neither text nor mapping.
        ValueError
            If a dose is no finite number, 0 or more.
        """
        if isinstance(label, Mapping):
            return self._from_doses(label, position, name)
        if not isinstance(label, str):
            raise TypeError(
                f"{name}[{position}] is {label!r} ({type(label).__name__}); expected a label such as "
                f"'KLF1{self.sep[0]}CEBPA', or a dict of doses."
            )
        try:
            return self._from_text(label)
        except _DoubtfulError as error:
            return Condition(label, {}, False, label.strip(), "not at all", str(error))

    def controls_in(self, labels: Iterable[Any]) -> list[str]:
        """Return the names of `control` that labels hold, alone, with a guide or beside genes.

        Parameters
        ----------
        labels : iterable
            What is no text holds none.

        Returns
        -------
        list of str
            In the order of `control`.
        """
        conditions = self.examine_all(label for label in labels if isinstance(label, str))
        found = {name for condition in conditions for name in condition.controls}
        return [name for name in self.control if name in found]

    # Reading ------------------------------------------------------------------------------------------------------

    def _from_doses(self, doses: Mapping, position: int, name: str) -> Condition:
        clean: dict[Hashable, float] = {}
        for gene, dose in doses.items():
            if not (isinstance(dose, Real) and 0 <= float(dose) < float("inf")):
                raise ValueError(
                    f"{name}[{position}] has the dose {dose!r} for gene {gene!r}; expected a finite number, 0 or more."
                )
            if gene not in self.control and float(dose) > 0.0:
                clean[gene] = float(dose)
        unlisted = tuple(gene for gene in clean if isinstance(gene, str) and self._is_unlisted(gene))
        unknown = self._unknown(clean)
        doubt = _unlisted_doubt(unlisted) or self._unknown_doubt(unknown)
        name = self.name_of(clean)
        return Condition(doses, clean, not clean, name, "doses", doubt, unlisted, unknown=unknown)

    def _from_text(self, label: str) -> Condition:
        text = label.strip()
        if text in self.control:
            return Condition(label, {}, True, self.name_of({}), "control", controls=(text,))
        if not text:
            raise _DoubtfulError("which is empty; expected genes or a control")
        parts, joined_by, doubt = self._known_parts(text) if self._vocabulary is not None else self._parts(text)
        controls = tuple(name for part in parts for name in (part.name, part.raw) if name in self.control)
        perturbing = [part for part in parts if part.name not in self.control and part.raw not in self.control]
        unlisted = tuple(part.name for part in perturbing if self._is_unlisted(part.name))
        doses = self._doses_of(perturbing)
        unknown = self._unknown(part.name for part in perturbing)
        doubt = _unlisted_doubt(unlisted) or self._unknown_doubt(unknown) or doubt
        names = tuple(part.name for part in perturbing)
        how = _how(parts, perturbing, joined_by, self._vocabulary is not None)
        name = self.name_of(doses)
        return Condition(label, doses, not doses, name, how, doubt, unlisted, names, joined_by, unknown, controls)

    def name_of(self, doses: Mapping[Hashable, float]) -> str:
        """Return the one spelling of a condition.

        Parameters
        ----------
        doses : mapping
            Dose of each gene.

        Returns
        -------
        str
        """
        present = {gene: dose for gene, dose in doses.items() if dose > 0}
        if not present:
            return self.control[0] if self.control else "control"
        before_dose = "_" if "_" in self.sep else self.sep[0]
        return self.sep[0].join(
            str(gene) if present[gene] == 1.0 else f"{gene}{before_dose}{_decimal(present[gene])}"
            for gene in sorted(present, key=str)
        )

    @cached_property
    def _vocabulary(self) -> frozenset[Hashable] | None:
        return None if self.genes is None else frozenset(self.genes)

    def _is_unlisted(self, name: str) -> bool:
        return (self._vocabulary is None or name not in self._vocabulary) and is_known_control(name)

    def _unknown(self, names: Iterable[Hashable]) -> tuple[Hashable, ...]:
        return tuple(gene for gene in names if self._vocabulary is not None and gene not in self._vocabulary)

    def _unknown_doubt(self, unknown: Sequence[Hashable]) -> str:
        if not unknown:
            return ""
        alike = [gene for gene in self._vocabulary or () if str(gene).casefold() == str(unknown[0]).casefold()]
        hint = f" (did you mean {alike[0]!r}?)" if alike else ""
        return f"which names the gene {unknown[0]!r}, none of the {len(self._vocabulary or ())} known genes{hint}"

    def _doses_of(self, parts: Sequence[_Part]) -> dict[Hashable, float]:
        if not all(part.name for part in parts):
            raise _DoubtfulError(
                f": nothing is left of a gene when guide_suffix={self.guide_suffix!r} and "
                f"guide_prefix={self.guide_prefix!r} are removed; expected patterns that match the guide only"
            )
        # Two guides of one gene are one perturbed gene; the same gene twice is a mistake.
        if len({part.raw for part in parts}) < len(parts):
            raise _DoubtfulError("which names a gene twice; expected each gene once")
        doses: dict[Hashable, float] = {}
        for part in parts:
            if doses.setdefault(part.name, part.dose) != part.dose:
                raise _DoubtfulError(f"which gives {part.name!r} two doses; expected one")
        return {gene: dose for gene, dose in doses.items() if dose > 0}

    # Cutting, without a vocabulary ----------------------------------------------------------------------------------

    def _parts(self, text: str) -> tuple[list[_Part], str, str]:
        """Cut a label at its separators; also return the separator, and what is doubtful in the cut."""
        if is_known_control(text):
            name = self._without_guide(text)
            return [_Part(text, name if name in self.control else text)], "", ""
        shielded, written, stripped = self._shield(text)
        foreign = own_separators(shielded, self.sep)
        if foreign:
            raise _DoubtfulError(
                f"which holds {foreign[0]!r}, none of sep={list(self.sep)}. Pass sep={foreign[0]!r} if it joins genes, "
                "or the gene names as genes=[...]"
            )
        present = [sep for sep in self.sep if sep in shielded]
        tokens = [token.strip() for token in (shielded.split(present[0]) if present else [shielded])]
        tokens = self._with_inner_doses(tokens, present, text)
        if not all(tokens):
            raise _DoubtfulError("which has an empty gene name; expected genes or a control")
        joined_by = present[0] if present else ""
        trusted = not joined_by or joined_by == self.sep[0]
        parts = _attach_doses([_Part(written(token), stripped(token)) for token in tokens], trusted, joined_by)
        genes = [part.name for part in parts if part.name and not self._is_control_part(part)]
        doubt = next((doubt for name in genes if (doubt := implausible_name(name) or self._inner_control(name))), "")
        if not doubt and not trusted and len(parts) > 1:
            doubt = unlikely_second_gene(genes, joined_by)
        return parts, joined_by if len(parts) > 1 else "", doubt

    def _inner_control(self, name: str) -> str:
        found = inner_control(name, self.control)
        return found and (
            f"where {found!r} within {name!r} is a name of a control. Pass sep= with the character that joins them, "
            f"control={name!r} if this is a control, or genes=[...] if it is a gene"
        )

    def _is_control_part(self, part: _Part) -> bool:
        return part.name in self.control or part.raw in self.control or is_known_control(part.name)

    def _with_inner_doses(self, tokens: list[str], present: list[str], text: str) -> list[str]:
        """Cut "A_0.1" within "A_0.1+B_0.5"; refuse any other second separator."""
        if len(present) < 2:
            return tokens
        result = []
        for token in tokens:
            inner = [sep for sep in present[1:] if sep in token]
            pieces = [piece.strip() for piece in token.split(inner[0])] if inner else [token]
            if len(inner) > 1 or len(pieces) > 2 or (len(pieces) == 2 and number(pieces[1]) is None):
                raise _DoubtfulError(
                    f"which holds the separators {present}: the genes cannot be told apart. Pass the gene names as "
                    "genes=[...], or name one separator in sep"
                )
            result += pieces
        return result

    def _shield(self, text: str) -> tuple[str, Callable[[str], str], Callable[[str], str]]:
        """Replace what must not be cut by single characters, and return what they stand for.

        Returns
        -------
        shielded : str
        written, stripped : callable
            Give back a token as it was written, and without its guide.
        """
        hidden: list[tuple[str, str]] = []

        def hide(match: re.Match, is_guide: bool) -> str:
            if not match.group():
                return ""
            # "ctrl-sg1" is one of the known names by itself, and the control "ctrl" where guides are removed.
            name = "" if is_guide else self._without_guide(match.group().strip())
            hidden.append((match.group(), name if is_guide or name in self.control else match.group()))
            return chr(_HIDDEN + len(hidden) - 1)

        shielded = self._control_pattern.sub(lambda match: hide(match, False), text)
        for pattern in self._guide_patterns:
            shielded = pattern.sub(lambda match: hide(match, True), shielded)

        def restore(token: str, which: int) -> str:
            for k in reversed(range(len(hidden))):
                token = token.replace(chr(_HIDDEN + k), hidden[k][which])
            return token.strip()

        return shielded, lambda token: restore(token, 0), lambda token: restore(token, 1)

    @cached_property
    def _edges(self) -> tuple[str, str]:
        before = "|".join(["^", *(f"(?<={re.escape(sep)})" for sep in self.sep)])
        after = "|".join(["$", *(re.escape(sep) for sep in self.sep)])
        return rf"(?:{before})(?:(?<=\s)|\s*)", rf"(?=\s*(?:{after}))"

    @cached_property
    def _control_pattern(self) -> re.Pattern:
        """Names of controls that may hold a separator, whole parts only, with their guides."""
        before, after = self._edges
        given = [f"(?-i:{re.escape(name)})" for name in sorted(self.control, key=len, reverse=True)]
        prefix, suffix = (f"(?-i:(?:{affix})?)" if affix else "" for affix in (self.guide_prefix, self.guide_suffix))
        names = "|".join([*given, known_control_pattern()])
        return re.compile(f"{before}{prefix}(?:{names}){suffix}{after}", re.IGNORECASE)

    @cached_property
    def _guide_patterns(self) -> list[re.Pattern]:
        before, after = self._edges
        patterns = []
        if self.guide_suffix:
            patterns.append(re.compile(f"(?:{self.guide_suffix}){after}"))
        if self.guide_prefix:
            patterns.append(re.compile(f"{before}(?:{self.guide_prefix})"))
        return patterns

    # Cutting, with a vocabulary -------------------------------------------------------------------------------------

    def _known_parts(self, text: str) -> tuple[list[_Part], str, str]:
        readings = self._readings(text)
        if len(readings) > 1:
            shown = " or ".join(" and ".join(part.raw for part in one) for one in readings[:2])
            raise _DoubtfulError(f"which can be read in {len(readings)} ways ({shown}); use another separator")
        if readings:
            return readings[0], "", ""
        # Cut by separators, so that the message can name the one gene that is not known.
        return self._parts(text)

    def _readings(self, text: str) -> list[list[_Part]]:
        """Return every way to cut the text at separators into known names, each with an optional dose."""
        found = [[part] for part in self._as_known(text)]
        for start in range(1, len(text)):
            for sep in self.sep:
                heads = self._as_known(text[:start].strip()) if text.startswith(sep, start) else []
                if not heads:
                    continue
                rest = text[start + len(sep) :].strip()
                found += [heads + tail for tail in self._readings(rest)]
                found += self._dosed(heads[0], rest, sep)
        return found

    def _dosed(self, head: _Part, rest: str, sep: str) -> list[list[_Part]]:
        """Read a number behind a known name as its dose, and what follows the number."""
        trusted = sep == self.sep[0]
        result = []
        ends = [len(rest), *(k for other in self.sep for k in range(len(rest)) if rest.startswith(other, k))]
        for end in ends:
            token = rest[:end].strip()
            dose = number(token)
            if dose is None or token in (self._vocabulary or ()):
                continue
            part = _with_dose(head, _Part(token, token), dose, trusted, sep)
            following = next((other for other in self.sep if end < len(rest) and rest.startswith(other, end)), None)
            tails = [[]] if following is None else self._readings(rest[end + len(following) :].strip())
            result += [[part, *tail] for tail in tails]
        return result

    def _as_known(self, raw: str) -> list[_Part]:
        assert self._vocabulary is not None
        if raw in self.control or raw in self._vocabulary:
            return [_Part(raw, raw)]
        name = self._without_guide(raw)
        return [_Part(raw, name)] if name in self.control or name in self._vocabulary else []

    def _without_guide(self, name: str) -> str:
        for pattern in self._affixes:
            name = pattern.sub("", name)
        return name

    @cached_property
    def _affixes(self) -> list[re.Pattern]:
        suffix = [re.compile(f"(?:{self.guide_suffix})$")] if self.guide_suffix else []
        return suffix + ([re.compile(f"^(?:{self.guide_prefix})")] if self.guide_prefix else [])

    # Refusing -------------------------------------------------------------------------------------------------------

    def _refuse(self, conditions: Sequence[Condition], positions: Sequence[int], name: str) -> None:
        doubtful = [(k, one) for k, one in zip(positions, conditions, strict=True) if one.doubt]
        if not doubtful:
            return
        position, first = doubtful[0]
        if first.unlisted_controls:
            raise ValueError(self._unlisted_message(doubtful, name))
        n_labels = len({str(one.label) for _, one in doubtful})
        more = "" if n_labels == 1 else f" ({n_labels} labels are in doubt; describe_labels shows them.)"
        shown = first.label.strip() if isinstance(first.label, str) else first.label
        joint = "" if first.doubt.startswith(":") else ", "
        raise ValueError(f"{name}[{position}] is {shown!r}{joint}{first.doubt}.{more}")

    def _unlisted_message(self, doubtful: Sequence[tuple[int, Condition]], name: str) -> str:
        where: dict[str, int] = {}
        for position, one in doubtful:
            for part in one.unlisted_controls:
                where.setdefault(part, position)
        names = list(where)
        listed = ", ".join(f"{part!r} ({name}[{where[part]}])" for part in names[:10])
        wanted = [*self.control, *names[:10]]
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        return (
            f"{name} holds {len(names)} known names of controls or of missing labels that are none of "
            f"control={list(self.control)}: {listed}{more}. Pass control={wanted} for those that are controls, leave "
            "out rows without a label, or pass genes=[...] if one of them is a gene."
        )


def _unlisted_doubt(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"where {names[0]!r} is a known name of a control or of a missing label; pass it in control="


def _decimal(dose: float) -> str:
    # With a decimal point, so that it cannot be taken for the number of a guide, and without an exponent's sign.
    return np.format_float_positional(dose, trim="0")


def _attach_doses(parts: Sequence[_Part], trusted: bool, sep: str) -> list[_Part]:
    """Give each number to the name before it."""
    result: list[_Part] = []
    has_dose = True
    for part in parts:
        dose = number(part.name)
        if dose is not None and has_dose:
            raise _DoubtfulError(
                f"which holds {part.raw!r}, a number or sign where a gene is expected. Pass the label of the gene, or "
                "genes=[...] if this is its name"
            )
        has_dose = dose is not None
        if dose is None:
            result.append(part)
        else:
            result[-1] = _with_dose(result[-1], part, dose, trusted, sep)
    return result


def _with_dose(gene: _Part, part: _Part, dose: float, trusted: bool, sep: str) -> _Part:
    if not trusted and part.raw.isdigit() and dose < _GUIDE_NUMBERS:
        raise _DoubtfulError(
            f"where {part.raw!r} could be a dose or the number of a guide. Pass sep={sep!r} if it is a dose, or "
            f"guide_suffix=r'{sep}\\d+' if it is a guide"
        )
    return replace(gene, raw=f"{gene.raw}{sep}{part.raw}", dose=dose)


def _how(parts: Sequence[_Part], perturbing: Sequence[_Part], joined_by: str, by_vocabulary: bool) -> str:
    """Say how a label was read."""
    if not perturbing:
        return "control"
    words = "one gene" if len(perturbing) == 1 else f"{len(perturbing)} genes"
    words += f", joined by {joined_by!r}" if len(parts) > 1 and joined_by else ""
    words += ", with a control" if len(perturbing) < len(parts) else ""
    words += ", with a dose" if any(part.dose != 1.0 for part in perturbing) else ""
    words += ", guide removed" if any(part.dose == 1.0 and part.raw != part.name for part in perturbing) else ""
    return words + (", by the given genes" if by_vocabulary else "")
