"""A small notation for kinetic models, and its translation to SBML.

One statement a line; ``#`` starts a comment::

    compartment nucleus = 0.2          # a second compartment; the first is "cell", of size 1
    species S = 10, E = 1, P = 0       # initial concentrations, in "cell"
    species[nucleus] M = 0
    fixed L = 5                        # a boundary species with a constant concentration
    parameter k = 0.1, Km = 2
    total := S + P                     # assignment rule
    V' = -V / 10                       # rate rule
    S -> P ; k                         # mass action: k S
    A + 2 B <-> C ; kf, kr             # reversible mass action: kf A B^2 - kr C
    S -> P : k * E * S / (Km + S)      # any rate law
    -> M : k                           # production; "M -> ; k" is degradation

A rate is a change of concentration in the compartment of the first reactant (or the first product, where
nothing is consumed); it is multiplied by the size of that compartment.
"""

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ReactionModel", "ReactionStatement", "write_sbml"]

_STOICHIOMETRY = re.compile(r"(?:(\d+(?:\.\d+)?)\s+)?([A-Za-z_]\w*)$")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_DECLARATION = re.compile(r"(species|fixed|parameter|compartment)(?:\[(\w+)\])?\s+(.*)")
_REACTION = re.compile(r"(?P<left>[^:;]*?)(?P<arrow><->|->)(?P<right>[^:;]*)(?P<kind>[:;])(?P<rate>.*)")
_RULE = re.compile(r"(?P<name>\w+)\s*(?P<kind>:=|'\s*=)(?P<formula>.*)")


@dataclass(frozen=True)
class ReactionStatement:
    """One reaction: (species, stoichiometry) on both sides, and the rate in concentration per time."""

    reactants: tuple[tuple[str, float], ...]
    products: tuple[tuple[str, float], ...]
    rate: str
    reversible: bool

    @property
    def participants(self) -> tuple[str, ...]:
        """Names of the reactants and the products, the reactants first."""
        return tuple(name for name, _ in self.reactants + self.products)


@dataclass
class ReactionModel:
    """A kinetic model in the notation of this module.

    Parameters
    ----------
    name : str
        The id of the model.
    text : str
        Its statements.
    reference : str, default=""
        The publication of its equations.
    doi : str or None, default=None
        The publication's DOI.
    note : str, default=""
        What differs from the publication.
    """

    name: str
    text: str
    reference: str = ""
    doi: str | None = None
    note: str = ""
    compartments: dict[str, float] = field(default_factory=lambda: {"cell": 1.0}, init=False)
    species: dict[str, float] = field(default_factory=dict, init=False)
    location: dict[str, str] = field(default_factory=dict, init=False)
    fixed: set[str] = field(default_factory=set, init=False)
    parameters: dict[str, float] = field(default_factory=dict, init=False)
    assignment_rules: dict[str, str] = field(default_factory=dict, init=False)
    rate_rules: dict[str, str] = field(default_factory=dict, init=False)
    reactions: list[ReactionStatement] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for number, line in enumerate(self.text.splitlines()):
            statement = line.partition("#")[0].strip()
            if statement:
                self._read(statement, number)

    def _read(self, statement: str, number: int) -> None:
        if match := _DECLARATION.fullmatch(statement):
            self._declare(*match.groups())
        elif match := _REACTION.fullmatch(statement):
            self._add_reaction(match)
        elif match := _RULE.fullmatch(statement):
            rules = self.assignment_rules if match["kind"] == ":=" else self.rate_rules
            rules[match["name"]] = match["formula"].strip()
        else:
            raise ValueError(f"Model {self.name!r}, line {number + 1}: cannot read {statement!r}.")

    def _declare(self, kind: str, location: str | None, entries: str) -> None:
        values = {name.strip(): float(value) for name, _, value in (e.partition("=") for e in entries.split(","))}
        if kind == "compartment":
            self.compartments.update(values)
        elif kind == "parameter":
            self.parameters.update(values)
        else:
            self.species.update(values)
            self.location.update(dict.fromkeys(values, location or "cell"))
            if kind == "fixed":
                self.fixed.update(values)

    def _add_reaction(self, match: re.Match[str]) -> None:
        reactants, products = _read_side(match["left"]), _read_side(match["right"])
        rate = match["rate"].strip()
        if match["kind"] == ";":
            constants = [constant.strip() for constant in rate.split(",")]
            rate = " - ".join(
                _mass_action(constant, side) for constant, side in zip(constants, (reactants, products), strict=False)
            )
        self.reactions.append(ReactionStatement(reactants, products, rate, match["arrow"] == "<->"))

    @property
    def n_species(self) -> int:
        """Number of species that change: neither fixed nor the target of an assignment rule."""
        return len(self.species.keys() - self.fixed - self.assignment_rules.keys())


def _read_side(text: str) -> tuple[tuple[str, float], ...]:
    side = []
    for term in text.split("+") if text.strip() else ():
        match = _STOICHIOMETRY.fullmatch(term.strip())
        if match is None:
            raise ValueError(f"Cannot read the side of a reaction {text!r}.")
        side.append((match[2], float(match[1] or 1)))
    return tuple(side)


def _mass_action(constant: str, side: tuple[tuple[str, float], ...]) -> str:
    factors = [name if number == 1 else f"{name}^{number:g}" for name, number in side]
    return " * ".join([constant, *factors])


def write_sbml(model: ReactionModel) -> str:
    """Translate a model to SBML Level 3 Version 2.

    Parameters
    ----------
    model : ReactionModel
        The model.

    Returns
    -------
    sbml : str
        The SBML document.

    Raises
    ------
    ValueError
        If a formula cannot be read.
    """
    import libsbml

    document = libsbml.SBMLDocument(3, 2)
    sbml = document.createModel()
    sbml.setId(model.name)
    sbml.setName(model.name.replace("_", " "))
    _write_documentation(sbml, model)
    for name, size in model.compartments.items():
        compartment = sbml.createCompartment()
        _set(compartment, Id=name, Size=size, Constant=True, SpatialDimensions=3)
    for name, value in model.species.items():
        _set(
            sbml.createSpecies(),
            Id=name,
            Compartment=model.location[name],
            InitialConcentration=value,
            HasOnlySubstanceUnits=False,
            BoundaryCondition=name in model.fixed,
            Constant=name in model.fixed,
        )
    _write_parameters(sbml, model)
    for name, formula in model.assignment_rules.items():
        _set(sbml.createAssignmentRule(), Variable=name, Math=_math(model, formula))
    for name, formula in model.rate_rules.items():
        _set(sbml.createRateRule(), Variable=name, Math=_math(model, formula))
    for number, reaction in enumerate(model.reactions, start=1):
        _write_reaction(sbml, model, reaction, f"reaction_{number}")
    return libsbml.writeSBMLToString(document)


def _set(element: Any, **values: Any) -> None:
    for attribute, value in values.items():
        getattr(element, f"set{attribute}")(value)


def _math(model: ReactionModel, formula: str) -> Any:
    import libsbml

    math = libsbml.parseL3Formula(formula)
    if math is None:
        raise ValueError(f"Model {model.name!r}: cannot read the formula {formula!r}.")
    return math


def _write_parameters(sbml: Any, model: ReactionModel) -> None:
    ruled = model.assignment_rules.keys() | model.rate_rules.keys()
    for name, value in model.parameters.items():
        _set(sbml.createParameter(), Id=name, Value=value, Constant=name not in ruled)
    for name in model.assignment_rules:
        # Rule targets without a declared value are quantities that the rule alone defines.
        if name not in model.parameters and name not in model.species:
            _set(sbml.createParameter(), Id=name, Constant=False)


def _write_reaction(sbml: Any, model: ReactionModel, reaction: ReactionStatement, name: str) -> None:
    element = sbml.createReaction()
    _set(element, Id=name, Reversible=reaction.reversible)
    for create, side in (
        (element.createReactant, reaction.reactants),
        (element.createProduct, reaction.products),
    ):
        for species, number in side:
            _set(create(), Species=species, Stoichiometry=number, Constant=True)
    in_rate = dict.fromkeys(_NAME.findall(reaction.rate))
    for species in in_rate:
        if species in model.species and species not in reaction.participants:
            _set(element.createModifier(), Species=species)
    compartment = model.location[reaction.participants[0]]
    _set(element.createKineticLaw(), Math=_math(model, f"{compartment} * ({reaction.rate})"))


def _write_documentation(sbml: Any, model: ReactionModel) -> None:
    import libsbml

    paragraphs = [text for text in (model.reference, model.note) if text]
    if paragraphs:
        escaped = (text.replace("&", "&amp;").replace("<", "&lt;") for text in paragraphs)
        body = "".join(f"<p>{text}</p>" for text in escaped)
        sbml.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{body}</body>')
    if model.doi:
        sbml.setMetaId("model")
        term = libsbml.CVTerm(libsbml.MODEL_QUALIFIER)
        term.setModelQualifierType(libsbml.BQM_IS_DESCRIBED_BY)
        term.addResource(f"https://identifiers.org/doi:{model.doi}")
        sbml.addCVTerm(term)
