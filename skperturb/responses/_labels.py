"""Labels of conditions ("KLF1", "KLF1+CEBPA", "ctrl") become sets of genes with doses."""

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

__all__ = ["LabelParser"]


@dataclass(frozen=True)
class LabelParser:
    """Split the label of a condition into its genes.

    Parameters
    ----------
    control : tuple of str
        Labels (and parts of labels) that stand for no perturbation.
    sep : tuple of str
        Separators between genes, the preferred one first.
    vocabulary : collection of str or None
        Known gene names; with it, gene names may contain a separator.
    guide_suffix : str or None
        Regular expression of what follows the gene in the name of a guide.
    """

    control: tuple[str, ...]
    sep: tuple[str, ...]
    vocabulary: Collection[Hashable] | None = None
    guide_suffix: str | None = None

    def parse(self, label: Any, position: int) -> dict[Hashable, float]:
        """Return the dose of each perturbed gene; an empty dict for a control.

        Parameters
        ----------
        label : str or mapping
            A label, or the doses themselves.
        position : int
            Where the label stands, for the error text.
        """
        if isinstance(label, Mapping):
            return self._doses(label, position)
        if not isinstance(label, str):
            raise TypeError(
                f"X[{position}] is {label!r} ({type(label).__name__}); expected a label such as "
                f"'KLF1{self.sep[0]}CEBPA', or a dict of doses."
            )
        text = label.strip()
        if text in self.control:
            return {}
        genes = [name for name in self._split(text, position) if name not in self.control]
        return dict.fromkeys(self._without_guides(genes, text, position), 1.0)

    def _doses(self, doses: Mapping, position: int) -> dict[Hashable, float]:
        clean: dict[Hashable, float] = {}
        for gene, dose in doses.items():
            if not (isinstance(dose, Real) and 0 <= float(dose) < float("inf")):
                raise ValueError(
                    f"X[{position}] has the dose {dose!r} for gene {gene!r}; expected a finite number, 0 or more."
                )
            value = float(dose)
            if gene not in self.control and value > 0.0:
                clean[gene] = value
        return clean

    def _split(self, text: str, position: int) -> list[str]:
        if self.vocabulary is not None:
            return self._split_known(text, position)
        present = [sep for sep in self.sep if sep in text]
        if len(present) > 1:
            raise ValueError(
                f"X[{position}] is {text!r}, which holds the separators {present}: the genes cannot be told apart. "
                "Pass the gene names as genes=[...], or name one separator in sep."
            )
        parts = [part.strip() for part in (text.split(present[0]) if present else [text])]
        if not all(parts):
            raise ValueError(f"X[{position}] is {text!r}, which has an empty gene name; expected genes or a control.")
        return parts

    def _split_known(self, text: str, position: int) -> list[str]:
        readings = _readings(text, self._is_known, self.sep)
        if len(readings) == 1:
            return readings[0]
        if readings:
            raise ValueError(
                f"X[{position}] is {text!r}, which can be read in {len(readings)} ways "
                f"({' or '.join(' and '.join(one) for one in readings[:2])}); use another separator."
            )
        # Cut by separators, so that the caller's message can name the one gene that is not known.
        first = next((sep for sep in self.sep if sep in text), None)
        return [part.strip() for part in (text.split(first) if first else [text])]

    def _is_known(self, name: str) -> bool:
        assert self.vocabulary is not None
        return name in self.control or self._strip(name) in self.vocabulary

    def _strip(self, name: str) -> str:
        return re.sub(f"(?:{self.guide_suffix})$", "", name) if self.guide_suffix else name

    def _without_guides(self, genes: Sequence[str], text: str, position: int) -> list[str]:
        names = [self._strip(gene) for gene in genes]
        if not all(names):
            raise ValueError(
                f"X[{position}] is {text!r}: nothing is left of a gene when guide_suffix={self.guide_suffix!r} is "
                "removed; expected a pattern that matches the guide's number only."
            )
        # Two guides of one gene are one perturbed gene; the same gene twice is a mistake.
        if len(set(genes)) < len(genes):
            raise ValueError(f"X[{position}] is {text!r}, which names a gene twice; expected each gene once.")
        return names


def _readings(text: str, is_known: Any, separators: Sequence[str]) -> list[list[str]]:
    """Return every way to cut the text at separators into known names."""
    found = [[text]] if is_known(text) else []
    for start in range(1, len(text)):
        for sep in separators:
            head = text[:start].strip()
            if text.startswith(sep, start) and is_known(head):
                found += [[head, *tail] for tail in _readings(text[start + len(sep) :].strip(), is_known, separators)]
    return found
