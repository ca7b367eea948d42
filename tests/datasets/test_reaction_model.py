import pytest

from skperturb.datasets._reaction_model import ReactionModel, write_sbml


def read(text):
    import libsbml

    document = libsbml.readSBMLFromString(write_sbml(ReactionModel("m", text)))
    # Without a reference to the document the model would be freed.
    return document, document.getModel()


def test_mass_action_rates():
    model = ReactionModel("m", "species A = 1, B = 2, C = 0\nparameter f = 1, r = 2\nA + 2 B <-> C ; f, r")
    (reaction,) = model.reactions
    assert reaction.rate == "f * A * B^2 - r * C"
    assert reaction.reversible
    assert reaction.reactants == (("A", 1.0), ("B", 2.0))


def test_modifiers_are_the_species_in_the_rate_that_do_not_take_part():
    _, model = read("species A = 1, E = 1, P = 0\nfixed L = 1\nparameter k = 1\nA -> P : k * E * L * A")
    modifiers = [m.getSpecies() for m in model.getReaction(0).getListOfModifiers()]
    assert modifiers == ["E", "L"]
    assert model.getSpecies("L").getBoundaryCondition()


def test_rate_is_multiplied_by_the_compartment_of_the_first_reactant():
    import libsbml

    text = "compartment n = 0.5\nspecies A = 1\nspecies[n] B = 0\nparameter k = 1\nB -> A ; k"
    _, model = read(text)
    assert libsbml.formulaToL3String(model.getReaction(0).getKineticLaw().getMath()) == "n * k * B"


def test_rules_and_comments():
    _, model = read("species A = 1  # note\nparameter g = 2\n\ntotal := 2 * A\ng' = -g")
    assert model.getAssignmentRuleByVariable("total") is not None
    assert model.getRateRuleByVariable("g") is not None
    assert not model.getParameter("g").getConstant()
    assert not model.getParameter("total").getConstant()


def test_doi_and_notes_are_written():
    sbml = write_sbml(ReactionModel("m", "species A = 1", reference="A & B <2000>", doi="10.1/x"))
    assert "A &amp; B &lt;2000" in sbml
    assert "https://identifiers.org/doi:10.1/x" in sbml


@pytest.mark.parametrize("text", ["species A = 1\nnonsense here", "species A = 1\nA ++ -> A ; k"])
def test_unreadable_statement(text):
    with pytest.raises(ValueError, match=r"cannot read|Cannot read"):
        ReactionModel("m", text)


def test_unreadable_line_is_counted_from_one():
    with pytest.raises(ValueError, match=r"Model 'm', line 3: cannot read 'nonsense here'"):
        ReactionModel("m", "species A = 1\n\nnonsense here  # why")


def test_unreadable_formula():
    with pytest.raises(ValueError, match=r"Model 'm': cannot read the formula"):
        write_sbml(ReactionModel("m", "species A = 1\n-> A : 3 +* A"))
