"""A large SBML model as rule-based modeling tools write it: a receptor of two sites, its dimers and its adaptors.

The receptor binds a ligand, dimerizes with its like, is phosphorylated within the dimer on both sites and binds two
chains of adaptors there, one after the other, in any combination. Chains of 3 and 5 links (24 forms of a monomer) make
356 species; every rate is of mass action, and observables are sums of many species in assignment rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np

__all__ = ["rule_based_model"]

_MATH = "http://www.w3.org/1998/Math/MathML"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<sbml xmlns="http://www.sbml.org/sbml/level2/version3" level="2" version="3"><model id="receptor">\n'
    '<listOfCompartments><compartment id="cell" size="1"/></listOfCompartments>\n'
)

_Change = tuple[tuple[str, ...], tuple[str, ...], str]


class _Receptor:
    """Names of all species and the reactions between them; a monomer is the pair of the lengths of its two chains.

    Length 0 is an empty site, 1 a phosphorylated one, and each further link an adaptor.
    """

    def __init__(self, lengths: tuple[int, int]) -> None:
        self.lengths = lengths
        self.forms = list(product(range(lengths[0] + 1), range(lengths[1] + 1)))
        self.adaptors = [f"A{site}{link}" for site in (0, 1) for link in range(2, lengths[site] + 1)]

    def species(self) -> dict[str, dict[str, int]]:
        """Return how many of each molecule a species holds."""
        found = {"L": {"L": 1}} | {name: {name: 1} for name in self.adaptors}
        for form in self.forms:
            found[_monomer("R", form)] = {"R": 1} | self._bound(form)
            found[_monomer("B", form)] = {"R": 1, "L": 1} | self._bound(form)
        for pair in combinations_with_replacement(self.forms, 2):
            both = [self._bound(form) for form in pair]
            found[_dimer(*pair)] = {"R": 2, "L": 2} | {
                name: sum(part.get(name, 0) for part in both) for name in both[0] | both[1]
            }
        return found

    def _bound(self, form: tuple[int, int]) -> dict[str, int]:
        return {f"A{site}{link}": 1 for site in (0, 1) for link in range(2, form[site] + 1)}

    def reactions(self) -> Iterator[_Change]:
        """Yield reactants, products and the name of the constant."""
        for form in self.forms:
            free, bound = _monomer("R", form), _monomer("B", form)
            yield from _both_ways(("L", free), (bound,), "ligand")
        for pair in combinations_with_replacement(self.forms, 2):
            yield from _both_ways((_monomer("B", pair[0]), _monomer("B", pair[1])), (_dimer(*pair),), "dimer")
        for form in self.forms:
            for state in ("R", "B"):
                yield from self._links(form, lambda new, state=state: _monomer(state, new), within_dimer=False)
            for other in self.forms:
                yield from self._links(form, lambda new, other=other: _dimer(new, other), within_dimer=True)

    def _links(self, form: tuple[int, int], name, *, within_dimer: bool) -> Iterator[_Change]:
        for site in (0, 1):
            if form[site] == self.lengths[site]:
                continue
            longer = (form[0] + 1, form[1]) if site == 0 else (form[0], form[1] + 1)
            if form[site] == 0:
                if within_dimer:
                    yield (name(form),), (name(longer),), f"phosphorylation{site}"
                yield (name(longer),), (name(form),), f"phosphatase{site}"
            else:
                yield from _both_ways((name(form), f"A{site}{form[site] + 1}"), (name(longer),), f"link{site}")


def _monomer(state: str, form: tuple[int, int]) -> str:
    return f"{state}_{form[0]}_{form[1]}"


def _dimer(first: tuple[int, int], second: tuple[int, int]) -> str:
    low, high = sorted((first, second))
    return f"D_{low[0]}_{low[1]}__{high[0]}_{high[1]}"


def _both_ways(reactants: tuple[str, ...], products: tuple[str, ...], name: str) -> Iterator[_Change]:
    yield reactants, products, f"bind_{name}"
    yield products, reactants, f"part_{name}"


def rule_based_model(lengths: tuple[int, int] = (3, 5), random_state: int = 0) -> str:
    """Return the SBML text of the model; `lengths` are the largest lengths of the two chains."""
    rng = np.random.default_rng(random_state)
    receptor = _Receptor(lengths)
    species = receptor.species()
    reactions = list(receptor.reactions())
    constants = {name: float(rng.lognormal(0.0, 0.7)) for name in dict.fromkeys(name for *_, name in reactions)}
    start = {name: float(rng.uniform(0.5, 2.0)) for name in ("L", _monomer("R", (0, 0)), *receptor.adaptors)}
    molecules = dict.fromkeys(molecule for content in species.values() for molecule in content)
    totals = {f"total_{molecule}": _sum(molecule, species) for molecule in molecules}
    parts = [
        _HEAD,
        "<listOfSpecies>",
        *(f'<species id="{name}" compartment="cell" initialAmount="{start.get(name, 0)}"/>' for name in species),
        "</listOfSpecies><listOfParameters>",
        *(f'<parameter id="{name}" value="{value!r}"/>' for name, value in constants.items()),
        *(f'<parameter id="{name}" constant="false"/>' for name in totals),
        "</listOfParameters><listOfRules>",
        *(f'<assignmentRule variable="{name}">{formula}</assignmentRule>' for name, formula in totals.items()),
        "</listOfRules><listOfReactions>",
        *(_reaction(index, *change) for index, change in enumerate(reactions)),
        "</listOfReactions></model></sbml>",
    ]
    return "\n".join(parts)


def _sum(molecule: str, species: dict[str, dict[str, int]]) -> str:
    terms = [
        f"<ci>{name}</ci>" if count == 1 else f"<apply><times/><cn>{count}</cn><ci>{name}</ci></apply>"
        for name, content in species.items()
        if (count := content.get(molecule, 0))
    ]
    return f'<math xmlns="{_MATH}"><apply><plus/>{"".join(terms)}</apply></math>'


def _reaction(index: int, reactants: tuple[str, ...], products: tuple[str, ...], constant: str) -> str:
    def references(names: tuple[str, ...]) -> str:
        return "".join(f'<speciesReference species="{name}"/>' for name in names)

    factors = "".join(f"<ci>{name}</ci>" for name in (constant, *reactants))
    return (
        f'<reaction id="r{index}" reversible="false"><listOfReactants>{references(reactants)}</listOfReactants>'
        f"<listOfProducts>{references(products)}</listOfProducts><kineticLaw>"
        f'<math xmlns="{_MATH}"><apply><times/>{factors}</apply></math></kineticLaw></reaction>'
    )
