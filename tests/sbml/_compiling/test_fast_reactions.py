"""Fast reactions: the limit of large constants, equilibria in closed form, and what is refused."""

import libsbml
import numpy as np
import pytest

from skperturb.exceptions import UnsupportedModelError
from skperturb.sbml import (
    JacobianExtractor,
    KineticModel,
    conservation_laws,
    control_coefficients,
    sensitivity_matrix,
)
from skperturb.sbml._compiling.fast_reactions import FastReaction, _independent


def math_of(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>", 1)[1]


def references(names):
    return "".join(f'<speciesReference species="{name}"/>' for name in names)


def model(species, reactions, *, speed=None, size=1.0, extra=""):
    """The model with fast reactions or, with a speed, the one whose fast reactions are so many times faster."""
    parts = []
    for name, reactants, products, law, fast in reactions:
        flag = ' fast="true"' if fast and speed is None else ""
        law = f"{speed} * ({law})" if fast and speed is not None else law
        parts.append(
            f'<reaction id="{name}" reversible="false"{flag}><listOfReactants>{references(reactants)}</listOfReactants>'
            f"<listOfProducts>{references(products)}</listOfProducts><kineticLaw>{math_of(law)}</kineticLaw></reaction>"
        )
    amounts = "".join(f'<species id="{k}" compartment="c" initialAmount="{v}"/>' for k, v in species.items())
    return KineticModel.from_sbml(
        f'<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">'
        f'<listOfCompartments><compartment id="c" size="{size}"/></listOfCompartments>'
        f"<listOfSpecies>{amounts}</listOfSpecies>{extra}<listOfReactions>{''.join(parts)}</listOfReactions></model></sbml>"
    )


ISOMERS = (
    {"A": 2, "B": 0, "C": 0.5},
    [
        ("f", "A", "B", "2 * A - B", True),
        ("s", "B", "C", "B / 2", False),
        ("i", "", "A", "0.3", False),
        ("o", "C", "", "C / 5", False),
    ],
)
# An enzyme whose two ways of binding are separate reactions, and a product that forms dimers.
ENZYME = (
    {"E": 1, "S": 3, "X": 0, "P": 0, "D": 0},
    [
        ("on", "ES", "X", "3 * E * S", True),
        ("off", "X", "ES", "X", True),
        ("cat", "X", "EP", "0.4 * X", False),
        ("dim", "PP", "D", "P^2 - D / 2", True),
        ("back", "D", "SS", "D / 10", False),
    ],
)
# Three fast reactions in a circle, of which only two are independent.
CIRCLE = (
    {"A": 1, "B": 0, "C": 0, "D": 1},
    [
        ("f1", "A", "B", "A - B", True),
        ("f2", "B", "C", "2 * B - C", True),
        ("f3", "C", "A", "C / 2 - A", True),
        ("s", "C", "D", "0.3 * C", False),
        ("s2", "D", "A", "0.7 * D", False),
    ],
)


def test_isomers_in_closed_form():
    """T = A + B: T' = 0.3 - T / 3 with B = 2 T / 3."""
    found = model(*ISOMERS)
    np.testing.assert_allclose(found.x0, [2 / 3, 4 / 3, 0.5], rtol=1e-12)
    times = np.linspace(0.0, 10.0, 11)
    total = 0.9 + (2.0 - 0.9) * np.exp(-times / 3)
    trajectory = found.simulate(times)
    np.testing.assert_allclose(trajectory["A"], total / 3, rtol=1e-7)
    np.testing.assert_allclose(trajectory["B"], 2 * total / 3, rtol=1e-7)
    rest = found.steady_state()
    np.testing.assert_allclose(rest.state, [0.3, 0.6, 1.5], rtol=1e-9)
    assert rest.stable
    assert rest.max_real_part == pytest.approx(-0.2, rel=1e-5)


def test_rates_keep_the_equilibrium_and_pull_towards_it():
    """x' = f + R lambda with 2 A' = B'; off it the equilibrium pulls, at 1e6 of the fastest slow rate."""
    found = model(*ISOMERS)
    a, b, c = found.rhs(0.0, [1.0, 2.0, 0.5])
    np.testing.assert_allclose([a, b, c], [-0.7 / 3, -1.4 / 3, 0.9], rtol=1e-12)
    a, b, _ = found.rhs(0.0, [1.0, 1.0, 0.5])
    assert 2 * a - b == pytest.approx(-0.5e6 * (2 * 1.0 - 1.0), rel=1e-9)
    assert a + b == pytest.approx(0.3 - 0.5, rel=1e-5)
    step = 1e-6
    x = np.array([0.9, 1.1, 0.5])
    columns = [(found.rhs(0.0, x + step * e) - found.rhs(0.0, x - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(found.jacobian(0.0, x), np.transpose(columns), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("system", [ISOMERS, ENZYME, CIRCLE])
def test_limit_of_large_constants(system):
    limit, stiff = model(*system), model(*system, speed=1e6)
    times = [1.0, 3.0, 9.0]
    names = list(limit.variables)
    np.testing.assert_allclose(
        limit.simulate(times)[names], stiff.simulate(times)[names], rtol=1e-5, atol=1e-6 * stiff.x0.max()
    )
    networks = JacobianExtractor().fit_transform([limit, stiff])
    np.testing.assert_allclose(networks[0].state, networks[1].state, rtol=1e-5)
    assert len(conservation_laws(limit)) == len(conservation_laws(stiff))
    ours, theirs = (sensitivity_matrix(network, undefined="nan") for network in networks)
    # Both are off by the ratio of slow and fast constants.
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    eigenvalues = [np.sort(np.linalg.eigvals(network.jacobian)) for network in networks]
    slow = [values[np.abs(values) < 1e3] for values in eigenvalues]
    np.testing.assert_allclose(slow[0], slow[1], rtol=1e-4, atol=1e-6)


def test_holding_one_of_two_isomers_leads_the_other():
    network = JacobianExtractor().fit_transform([model(*ISOMERS)])[0]
    found = sensitivity_matrix(network)
    assert found.loc["B", "A"] == pytest.approx(2.0, rel=1e-4)
    assert found.loc["C", "A"] == pytest.approx(5.0, rel=1e-4)


def test_irreversible_fast_reaction_leaves_nothing():
    """Whatever of A is made is B at once; A + B -> C stops where one of them is used up."""
    found = model({"A": 1, "B": 0}, [("f", "A", "B", "3 * A", True), ("s", "", "A", "0.5", False)])
    np.testing.assert_allclose(found.x0, [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(found.simulate([4.0])[["A", "B"]].iloc[0], [0.0, 3.0], rtol=1e-8, atol=1e-8)
    binding = model({"A": 1, "B": 2, "C": 0}, [("f", "AB", "C", "A * B", True), ("s", "C", "", "C", False)])
    np.testing.assert_allclose(binding.x0, [0.0, 1.0, 1.0], atol=1e-12)


def test_amounts_and_volumes():
    """In a compartment of size 4 two concentrations are in equilibrium; a unit of extent is a quarter of one."""
    found = model(ISOMERS[0], [("f", "A", "B", "4 * (A - B)", True)], size=4)
    np.testing.assert_allclose(found.x0[:2], [0.25, 0.25], rtol=1e-12)


def test_after_an_event_the_equilibrium_is_found_again():
    event = (
        f"<listOfEvents><event id='e'><trigger>{math_of('time > 1')}</trigger><listOfEventAssignments>"
        f"<eventAssignment variable='A'>{math_of('A + 3')}</eventAssignment></listOfEventAssignments></event>"
        "</listOfEvents>"
    )
    document = (
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">'
        '<listOfCompartments><compartment id="c" size="1"/></listOfCompartments><listOfSpecies>'
        '<species id="A" compartment="c" initialAmount="2"/><species id="B" compartment="c" initialAmount="0"/>'
        '</listOfSpecies><listOfReactions><reaction id="f" fast="true"><listOfReactants>'
        f"{references('A')}</listOfReactants><listOfProducts>{references('B')}</listOfProducts><kineticLaw>"
        f"{math_of('2 * A - B')}</kineticLaw></reaction></listOfReactions>{event}</model></sbml>"
    )
    trajectory = KineticModel.from_sbml(document).simulate([0.5, 2.0])
    np.testing.assert_allclose(trajectory[["A", "B"]], [[2 / 3, 4 / 3], [5 / 3, 10 / 3]], rtol=1e-6)


@pytest.mark.parametrize(
    ("law", "why"),
    [
        ("3", "their rates do not depend on what they change"),
        ("A * B - 1 - A * B", "no isolated equilibrium"),
        ("-A", "do not come to rest"),
        ("-1e300 * A", "do not come to rest"),
        ("-exp(20 * A)", "do not come to rest"),
        ("0 * A", "do not depend on what they change"),
    ],
)
def test_fast_reactions_without_an_equilibrium_are_refused(law, why):
    with pytest.raises(UnsupportedModelError, match=why) as caught:
        model({"A": 1, "B": 1}, [("fast_one", "A", "", law, True), ("s", "B", "", "B", False)])
    assert "'fast_one'" in str(caught.value)


def test_many_coupled_fast_reactions_are_refused():
    names = "ABCDEFGHIJ"
    chain = [(f"f{k}", names[k], names[k + 1], f"{names[k]} - {names[k + 1]}", True) for k in range(9)]
    with pytest.raises(UnsupportedModelError, match=r"9 independent fast reactions .* at most 8"):
        model(dict.fromkeys(names, 1), chain)


def test_rate_of_a_species_in_fast_reactions_is_refused():
    text = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf">rateOf</csymbol>'
    document = (
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">'
        '<listOfCompartments><compartment id="c" size="1" constant="true" spatialDimensions="3"/></listOfCompartments>'
        '<listOfSpecies><species id="A" compartment="c" initialAmount="2" hasOnlySubstanceUnits="false" '
        'boundaryCondition="false" constant="false"/></listOfSpecies><listOfParameters><parameter id="p" value="0" '
        'constant="false"/></listOfParameters><listOfRules><rateRule variable="p"><math '
        f'xmlns="http://www.w3.org/1998/Math/MathML"><apply>{text}<ci>A</ci></apply></math></rateRule></listOfRules>'
        '<listOfReactions><reaction id="f" fast="true" reversible="false"><listOfReactants>'
        '<speciesReference species="A" stoichiometry="1" constant="true"/>'
        f"</listOfReactants><kineticLaw>{math_of('A')}</kineticLaw></reaction>"
        "</listOfReactions></model></sbml>"
    )
    with pytest.raises(UnsupportedModelError, match=r"rateOf\(A\) but 'A' is moved by fast reactions"):
        KineticModel.from_sbml(document)


def test_dependent_reactions_are_found_by_exact_elimination():
    thirds = [FastReaction(str(k), k, effect) for k, effect in enumerate([{0: -1.0, 1: 1 / 3}, {0: 3.0, 1: -1.0}])]
    assert _independent(thirds) == [({0: -1.0, 1: 1 / 3}, [(0, 1.0), (1, -3.0)])]
    circle = [{0: -1.0, 1: 1.0}, {1: -1.0, 2: 1.0}, {2: -1.0, 0: 1.0}]
    chosen = _independent([FastReaction(str(k), k, effect) for k, effect in enumerate(circle)])
    assert [net for _, net in chosen] == [[(0, 1.0), (2, -1.0)], [(1, 1.0), (2, -1.0)]]


def test_control_of_single_rates_is_refused():
    fast = model(*ISOMERS)
    with pytest.raises(UnsupportedModelError, match="fast reactions"):
        control_coefficients(fast, fast.steady_state())
