"""Random small models of all levels of SBML: time courses against libRoadRunner.

As a script it goes on for as many models as it is told: ``python tests/sbml/test_differential.py FIRST LAST``.

Left out is what libRoadRunner is known to treat in another way than the specification: concentrations under rate
rules in compartments under assignment rules, events with delays whose triggers do not persist, species on both
sides of a reaction with stoichiometries that vary; and simultaneous events whose order nothing decides.
"""

import json
import random
import subprocess
import sys

import libsbml
import numpy as np
import pytest

from skperturb.sbml import KineticModel
from skperturb.sbml._solving.simulate import IntegrationError

TIMES = [0.0, 0.4, 0.9, 1.7, 3.0]
LEVELS = ((1, 2), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (3, 1), (3, 2), (3, 2), (3, 1), (2, 4))


def syntax_tree(formula):
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, (formula, libsbml.getLastParseL3Error())
    return tree


class RandomModel:
    """A model whose constructs a seed decides; all formulas are bounded, so that no solution runs away."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.level = LEVELS[seed % len(LEVELS)]
        self.document = libsbml.SBMLDocument(*self.level)
        self.model = self.document.createModel()
        self.model.setId("m")
        self.functions, self.parameters, self.references, self.targets = [], [], [], []
        self.rules = {}
        if self.level > (1, 2):
            self._functions()
        self._compartments()
        for index in range(3):
            self._parameter(f"k{index}")
        if self.level >= (3, 1) and self.chance(0.3):
            self._parameter("cf")
            self.model.setConversionFactor("cf")
        self.species = [self._species(index) for index in range(self.rng.choice([2, 3, 4]))]
        self.variables = [self._parameter(f"q{index}", constant=False) for index in range(self.rng.choice([0, 1, 2]))]
        sized = [name for name, dimensions, _ in self.compartments if dimensions]
        self.symbols = [*(item["id"] for item in self.species), *self.parameters, *sized, *self.variables]
        self.reactions = [self._reaction(index) for index in range(self.rng.choice([1, 2, 3]))]
        self._rules()
        if self.level >= (2, 2):
            self._initial_assignments()
        if self.level > (1, 2):
            self._events()

    @property
    def text(self):
        return libsbml.writeSBMLToString(self.document)

    @property
    def is_valid(self):
        document = libsbml.readSBMLFromString(self.text)
        for category in (libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, libsbml.LIBSBML_CAT_MODELING_PRACTICE):
            document.setConsistencyChecks(category, False)
        document.checkConsistency()
        return not document.getNumErrors(libsbml.LIBSBML_SEV_ERROR)

    @property
    def names(self):
        """Everything that has a value, species apart."""
        own = [*(item.getId() for item in self.model.getListOfCompartments())]
        own += [item.getId() for item in self.model.getListOfParameters()]
        return own + self.reactions + self.references

    # -- chance ------------------------------------------------------------------------------------------
    def chance(self, probability):
        return self.rng.random() < probability

    def number(self, low=0.1, high=2.0):
        return f"{self.rng.uniform(low, high):.3g}"

    def formula(self, symbols, depth=2, time=True):
        time = time and self.level > (1, 2)
        if depth == 0 or self.chance(0.25):
            return self.rng.choice([self.number(), *(3 * [self.rng.choice(symbols)]), *(["time"] if time else [])])
        a, b, c = (self.formula(symbols, depth - 1, time) for _ in range(3))
        clock = "time" if time else a
        forms = [
            f"({a} + {b})", f"({a} - {b})", f"({a} * {self.number(0.1, 0.6)})", f"({a} / (1 + abs({b})))",
            f"sin({a})", f"exp(-abs({a}))", f"sqrt(abs({a}) + 0.1)", f"ln(1 + abs({a}))",
            f"(abs({a}) + 0.2)^{self.number(0.5, 2)}",
        ]  # fmt: skip
        if self.level > (1, 2):
            forms += [
                f"piecewise({a}, {clock} > {self.number(0.2, 2.5)}, {b})", f"tanh({a})", f"arctan({a})",
                f"cosh(sin({a}))", f"root(3, abs({a}) + 0.1)", f"log(2, 1 + abs({a}))", f"sec(0.3 * sin({a}))",
                f"piecewise({a}, not({clock} > 0.7) || ({b} > 0.5 && {clock} < 2.2), {b}, {b} >= 1, {c})",
            ]  # fmt: skip
        if self.level == (3, 2):
            forms += [
                f"max({a}, {b})", f"min({a}, {b}, 1.3)", f"({a} > 0.4) * {b}", f"({a} + true)",
                f"piecewise({a}, implies({clock} > 1.1, {clock} > {self.number(1.2, 2.5)}), {b})",
            ]  # fmt: skip
        if self.level >= (3, 1) and time:
            forms.append(f"({a} * avogadro / 6e23)")
        for name, count in self.functions:
            forms += 2 * [f"{name}({', '.join([a, b][:count])})"]
        return self.rng.choice(forms)

    # -- components --------------------------------------------------------------------------------------
    def _functions(self):
        for index in range(self.rng.choice([0, 0, 1, 2])):
            arguments = ["x", "y"][: self.rng.choice([1, 2])]
            definition = self.model.createFunctionDefinition()
            definition.setId(f"f{index}")
            body = self.formula(arguments, 2, time=False)
            definition.setMath(syntax_tree(f"lambda({', '.join(arguments)}, {body})"))
            self.functions.append((f"f{index}", len(arguments)))

    def _compartments(self):
        self.compartments = []
        for index in range(self.rng.choice([1, 1, 2, 3])):
            item, name = self.model.createCompartment(), f"c{index}"
            item.setId(name)
            dimensions = 3 if self.level == (1, 2) or self.chance(0.75) else self.rng.choice([0, 1, 2])
            kinds = ["constant", "constant", "rate", "assignment", "event"][: 3 if self.level == (1, 2) else None]
            kind = self.rng.choice(kinds) if dimensions else "constant"
            if self.level == (1, 2):
                item.setVolume(float(self.number(0.5, 3)))
            else:
                item.setSpatialDimensions(dimensions)
                item.setConstant(kind == "constant")
                if dimensions:
                    item.setSize(float(self.number(0.5, 3)))
            if kind == "rate":
                self.rules[name] = ("rate", f"{self.number(0.05, 0.3)} * {name}")
            elif kind == "assignment":
                self.rules[name] = ("assignment", f"2 + 0.3 * sin({self.number()} * time)")
            elif kind == "event":
                self.targets.append(name)
            self.compartments.append((name, dimensions, kind))

    def _parameter(self, name, constant=True):
        item = self.model.createParameter()
        item.setId(name)
        item.setValue(float(self.number(0.3, 1.5)))
        if self.level > (1, 2):
            item.setConstant(constant)
        if constant:
            self.parameters.append(name)
        return name

    def _species(self, index):
        item, name = self.model.createSpecies(), f"S{index}"
        compartment, dimensions, volume = self.rng.choice(self.compartments)
        item.setId(name)
        item.setCompartment(compartment)
        kinds = [*(6 * ["free"]), "boundary", "assignment", "rate", "constant"]
        kind = self.rng.choice(kinds[: 9 if self.level == (1, 2) else None])
        if kind == "rate" and volume == "assignment":
            kind = "free"
        outside = kind in ("boundary", "rate", "assignment") or self.chance(0.5 * (kind == "constant"))
        item.setBoundaryCondition(outside)
        if self.level > (1, 2):
            item.setHasOnlySubstanceUnits(self.chance(0.35))
            item.setConstant(kind == "constant")
        in_amounts = dimensions == 0 or self.level == (1, 2) or self.chance(0.5)
        (item.setInitialAmount if in_amounts else item.setInitialConcentration)(float(self.number(0.5, 4)))
        if self.level >= (3, 1) and self.chance(0.15):
            item.setConversionFactor(self._parameter(f"cf{index}"))
        if kind in ("rate", "assignment"):
            self.rules[name] = (kind, f"0.2 * sin({self.formula(self.parameters, 1)}) + {int(kind == 'assignment')}")
        if kind in ("free", "rate") and self.chance(0.5):
            self.targets.append(name)
        return {"id": name, "kind": kind, "outside": outside}

    def _reaction(self, index):
        item, name = self.model.createReaction(), f"J{index}"
        item.setId(name)
        item.setReversible(self.chance(0.5))
        if self.level < (3, 2):
            item.setFast(False)
        able = [entry["id"] for entry in self.species if entry["kind"] != "constant" or entry["outside"]]
        able = able or [self.species[0]["id"]]
        chosen = self.rng.sample(able, self.rng.choice([1, min(2, len(able)), min(3, len(able))]))
        reactants = chosen[: self.rng.choice([0, 1, 2])]
        for species in chosen:
            self._reference(item.createReactant() if species in reactants else item.createProduct(), species)
        law = item.createKineticLaw()
        local = self.rng.choice(["", "", "own", "k0"])
        if local:
            parameter = law.createLocalParameter() if self.level >= (3, 1) else law.createParameter()
            parameter.setId(local)
            parameter.setValue(float(self.number()))
        factors = [self.number(0.1, 0.5), *reactants, *([local] if local else [])]
        if self.chance(0.5):
            factors.append(f"(1 + 0.3 * sin({self.formula([*able, *self.parameters], 1)}))")
        law.setMath(syntax_tree(" * ".join(factors)))
        if self.level > (1, 2):
            for entry in self.species:
                if entry["id"] not in chosen:
                    item.createModifier().setSpecies(entry["id"])
        return name

    def _reference(self, item, species):
        item.setSpecies(species)
        if (2, 1) <= self.level < (3, 1) and self.chance(0.3):
            number = libsbml.StoichiometryMath(*self.level)
            number.setMath(syntax_tree(self.rng.choice(["1/2", "k0 + 0.5", "1 + k1"])))
            item.setStoichiometryMath(number)
            return
        item.setStoichiometry(self.rng.choice([1, 1, 2] if self.level == (1, 2) else [1, 1, 2, 0.5]))
        if self.level < (3, 1):
            return
        item.setConstant(True)
        if self.chance(0.4):
            name = f"ref{len(self.references)}"
            item.setId(name)
            self.references.append(name)
            kind = self.rng.choice(["constant", "rate", "assignment", "initial", "event"])
            item.setConstant(kind in ("constant", "initial"))
            if kind in ("rate", "assignment"):
                self.rules[name] = (kind, "0.1" if kind == "rate" else "1 + 0.2 * k0")
            elif kind == "initial":
                self._initial(name, "1 + k1")
            elif kind == "event":
                self.targets.append(name)

    def _rules(self):
        known = [*self.symbols, *self.references]
        if self.level > (1, 2):
            known += self.reactions
        for index in range(self.rng.choice([0, 1, 2])):
            name = self._parameter(f"a{index}", constant=False)
            self.rules[name] = ("assignment", self.formula(known))
            known.append(name)
        for name in self.variables:
            self.rules[name] = ("rate", f"0.3 * sin({self.formula(known)})")
        self.symbols = known
        rules = list(self.rules.items())
        if self.level >= (2, 2):
            self.rng.shuffle(rules)  # before, a rule may only use those in front of it
        codes = {"c": libsbml.SBML_COMPARTMENT_VOLUME_RULE, "S": libsbml.SBML_SPECIES_CONCENTRATION_RULE}
        for name, (kind, formula) in rules:
            item = self.model.createRateRule() if kind == "rate" else self.model.createAssignmentRule()
            if self.level == (1, 2):
                item.setL1TypeCode(codes.get(name[0], libsbml.SBML_PARAMETER_RULE))
            item.setVariable(name)
            item.setMath(syntax_tree(formula))

    def _initial(self, name, formula):
        item = self.model.createInitialAssignment()
        item.setSymbol(name)
        item.setMath(syntax_tree(formula))

    def _initial_assignments(self):
        assigned = {name for name, (kind, _) in self.rules.items() if kind == "assignment"}
        for entry in self.species:
            if entry["id"] not in assigned and self.chance(0.25):
                self._initial(entry["id"], f"0.5 + abs({self.formula(self.parameters, 1, time=False)})")
        for name, dimensions, _ in self.compartments:
            if dimensions and name not in assigned and self.chance(0.15):
                self._initial(name, "0.5 + k0")
        for name in self.variables:
            if self.chance(0.3):
                self._initial(name, f"0.3 * {self.rng.choice(self.species)['id']}")

    def _events(self):
        targets = [*self.targets, *self.variables]
        species = [entry["id"] for entry in self.species]
        count = self.rng.choice([0, 1, 2, 3]) if targets else 0
        for index, priority in enumerate(self.rng.sample(range(20), count)):
            event = self.model.createEvent()
            event.setId(f"e{index}")
            trigger = event.createTrigger()
            trigger.setMath(
                syntax_tree(
                    self.rng.choice([
                        f"time > {self.number(0.3, 2.5)}", f"time >= {1 + index / 8}",
                        f"{self.rng.choice(species)} {self.rng.choice('<>')} {self.number(0.5, 3)}",
                        f"time > {self.number(0.3, 1)} && {self.rng.choice(species)} > {self.number(0.01, 0.1)}",
                    ])
                )
            )  # fmt: skip
            delayed = self.chance(0.35)
            if delayed:
                event.createDelay().setMath(syntax_tree(self.rng.choice([self.number(), "0.55", "0.2 * k0"])))
            if self.level >= (2, 4):
                event.setUseValuesFromTriggerTime(not delayed or self.chance(0.5))
            if self.level >= (3, 1):
                trigger.setPersistent(delayed or self.chance(0.6))
                trigger.setInitialValue(self.chance(0.6))
                event.createPriority().setMath(syntax_tree(f"{priority} + 0.001 * k0"))
            for name in self.rng.sample(targets, min(len(targets), self.rng.choice([1, 1, 2]))):
                item = event.createEventAssignment()
                item.setVariable(name)
                item.setMath(syntax_tree(f"0.4 + 0.5 * abs({self.formula(self.symbols, 1)})"))


PEER = """
import json, sys, warnings
warnings.simplefilter("ignore")
import roadrunner
roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
for line in sys.stdin:
    text, times, names = json.loads(line)
    try:
        model = roadrunner.RoadRunner(text)
        model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-10, 1e-12
        model.integrator.maximum_num_steps = 100000
        model.timeCourseSelections = ["time", *names]
        print("ANSWER " + json.dumps(model.simulate(times=times).tolist()), flush=True)
    except Exception as error:
        print("ANSWER null", flush=True)
"""


def by_peer(requests):
    """Return what libRoadRunner makes of models, in another process; None where it gives up."""
    given = "".join(json.dumps(request) + "\n" for request in requests)
    command = [sys.executable, "-c", PEER]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=120)
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert len(answers) == len(requests)
    return answers


def our_values(model):
    """Time courses by libRoadRunner's names: amounts under the species' ids, concentrations in brackets."""
    made = KineticModel.from_sbml(model.text)
    values = made.simulate(TIMES, rtol=1e-10)
    concentrations = made.concentrations(values).dropna(axis="columns").add_prefix("[").add_suffix("]")
    columns = made.amounts(values).join(concentrations)
    return columns.join(values[model.names])


def differences(seeds):
    """Return the seeds of the models that both can follow, and what differs in them."""
    ours = {}
    for seed in seeds:
        model = RandomModel(seed)
        if not model.is_valid:
            continue
        try:
            ours[seed] = model.text, our_values(model)
        except IntegrationError:
            continue  # a solution that runs away all the same
    answers = by_peer([(text, TIMES, list(values)) for text, values in ours.values()])
    compared, found = [], []
    for (seed, (_, values)), answer in zip(ours.items(), answers, strict=True):
        if answer is None:
            continue
        compared.append(seed)
        peer = np.array(answer)[:, 1:]
        same = np.isclose(values.to_numpy(), peer, rtol=2e-6, atol=1e-7, equal_nan=True).all(axis=0)
        found += [(seed, name) for name, agrees in zip(values, same, strict=True) if not agrees]
    return compared, found


@pytest.mark.usefixtures("roadrunner")
def test_random_models_against_libroadrunner():
    compared, found = differences(range(66))
    assert found == []
    assert len(compared) >= 50
    assert {LEVELS[seed % len(LEVELS)] for seed in compared} == set(LEVELS)


if __name__ == "__main__":
    print(*differences(range(*map(int, sys.argv[1:3]))), sep="\n")  # noqa: T201
