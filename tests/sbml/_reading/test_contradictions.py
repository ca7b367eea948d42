"""Files that say one thing twice, or leave it open, are refused with libsbml's number; harmless faults are warnings."""

import pytest

from skperturb.exceptions import InvalidModelError, UnsupportedModelError
from skperturb.sbml import KineticModel
from skperturb.sbml._reading import consistency

NAMESPACES = {2: "http://www.sbml.org/sbml/level2/version4", 3: "http://www.sbml.org/sbml/level3/version1/core"}
MATHML = "http://www.w3.org/1998/Math/MathML"
SPECIES = (
    '<species id="A" compartment="c" initialAmount="1" hasOnlySubstanceUnits="false" boundaryCondition="{}" '
    'constant="{}"/>'
)
A = SPECIES.format("false", "false")


def math_of(content):
    return f'<math xmlns="{MATHML}">{content}</math>'


def rule(kind, target, content="<cn>1</cn>"):
    return f'<listOfRules><{kind}Rule variable="{target}">{math_of(content)}</{kind}Rule></listOfRules>'


def model(level, *, species=A, size="1", parameters="", initial="", rules="", stoichiometry="1", local="", tail=""):
    """A decays with the rate A."""
    new = level == 3
    listed = f"<listOfParameters>{parameters}</listOfParameters>" if parameters else ""
    required = 'spatialDimensions="3" constant="true"' if new else ""
    attributes, constant = ('reversible="false" fast="false"', 'constant="true"') if new else ("", "")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="{NAMESPACES[level]}" level="{level}" version="{1 if new else 4}"><model id="m">
<listOfCompartments><compartment id="c" size="{size}" {required}/></listOfCompartments>
<listOfSpecies>{species}</listOfSpecies>{listed}
{initial}{rules}<listOfReactions><reaction id="r" {attributes}>
<listOfReactants><speciesReference species="A" stoichiometry="{stoichiometry}" {constant}/>
</listOfReactants><kineticLaw>{math_of("<ci>A</ci>")}{local}</kineticLaw></reaction></listOfReactions>
{tail}</model></sbml>"""


def parameter(name, *, constant, value=1):
    return f'<parameter id="{name}" value="{value}" constant="{str(constant).lower()}"/>'


def event(level, name, target="A"):
    values, begin = ('useValuesFromTriggerTime="true"', 'initialValue="true" persistent="true"')
    if level == 2:
        values, begin = "", ""
    condition = math_of("<apply><gt/><ci>A</ci><cn>2</cn></apply>")
    return (
        f'<event id="{name}" {values}><trigger {begin}>{condition}</trigger>'
        f'<listOfEventAssignments><eventAssignment variable="{target}">{math_of("<cn>1</cn>")}</eventAssignment>'
        "</listOfEventAssignments></event>"
    )


def local_parameters(level, *names):
    tags = ("listOfLocalParameters", "localParameter") if level == 3 else ("listOfParameters", "parameter")
    listed = "".join(f'<{tags[1]} id="{name}" value="1"/>' for name in names)
    return f"<{tags[0]}>{listed}</{tags[0]}>"


def initial_assignment(name):
    symbol = f'<initialAssignment symbol="{name}">{math_of("<cn>2</cn>")}</initialAssignment>'
    return f"<listOfInitialAssignments>{symbol}</listOfInitialAssignments>"


BOTH = A.replace("initialAmount", 'initialConcentration="2" initialAmount')
FIXED, FREE = parameter("p", constant=True), parameter("p", constant=False)


def contradictions(level):
    """Yield text, what the message names, libsbml's number."""
    yield model(level, rules=rule("rate", "A")), "'A'.*'r'", 20610
    yield model(level, rules=rule("assignment", "A")), "'A'.*'r'", 20610
    yield model(level, species=SPECIES.format("false", "true")), "'A'.*'r'", 20611
    yield model(level, species=BOTH), r"'A'.*amount \(1\).*concentration \(2\)", 20609
    yield model(level, parameters=FIXED, rules=rule("rate", "p")), "'p'.*constant", 20904
    yield model(level, parameters=FIXED, rules=rule("assignment", "p")), "'p'.*constant", 20903
    yield model(level, parameters=FREE, rules=rule("assignment", "p"), initial=initial_assignment("p")), "'p'", 20803
    yield model(level, local=local_parameters(level, "k", "q", "k")), "'r'.*'k'", 10303
    yield model(level, parameters=FREE + FREE), "'p' is used twice", 10301
    yield model(level, parameters=FREE.replace('"p"', '"r"')), "'r' is used twice", 10301
    events = f"<listOfEvents>{event(level, 'e')}{event(level, 'f')}{event(level, 'e')}</listOfEvents>"
    yield model(level, tail=events), "'e'", 10301


CASES = [(level, *case) for level in (2, 3) for case in contradictions(level)]


@pytest.mark.parametrize(("level", "text", "named", "number"), CASES)
def test_contradictions_are_refused_with_the_number_of_libsbml(level, text, named, number):
    with pytest.raises(InvalidModelError, match=f"{named}.*libsbml error {number}"):
        KineticModel.from_sbml(text)


@pytest.mark.parametrize(("level", "text", "named", "number"), CASES)
def test_libsbml_says_the_same(level, text, named, number):
    """The numbers in our messages are those that libsbml gives such a file."""
    document = consistency.parsed(text, "it")
    if number == 10301:
        assert any(f"libsbml error {number}" in line for line in consistency.consistency_warnings(document, "it"))
    else:
        with pytest.raises(InvalidModelError, match=f"libsbml error {number}"):
            consistency.consistency_warnings(document, "it")


@pytest.mark.parametrize("level", [2, 3])
def test_what_is_no_contradiction(level):
    boundary = SPECIES.format("true", "false")
    good = [
        model(level),
        model(level, species=boundary, rules=rule("rate", "A")),
        model(level, species=boundary, rules=rule("assignment", "A")),
        model(level, species=SPECIES.format("true", "true")),
        model(level, parameters=FREE, rules=rule("rate", "p"), initial=initial_assignment("p")),
        model(level, parameters=FIXED, initial=initial_assignment("p")),
        model(level, local=local_parameters(level, "k", "q"), parameters=FREE.replace('"p"', '"k"')),
        model(level, tail=f"<listOfEvents>{event(level, 'e')}{event(level, 'f')}</listOfEvents>"),
    ]
    for text in good:
        assert KineticModel.from_sbml(text).warnings == ()


def test_size_of_a_compartment():
    with pytest.raises(InvalidModelError, match="compartment 'c' has the size -1"):
        KineticModel.from_sbml(model(3, size="-1"))
    minus = initial_assignment("c").replace("<cn>2</cn>", "<cn>-2</cn>")
    with pytest.raises(InvalidModelError, match="compartment 'c' begins with the size -2"):
        KineticModel.from_sbml(model(3, initial=minus))
    # What an initial assignment replaces does not count.
    assert KineticModel.from_sbml(model(3, size="-1", initial=initial_assignment("c"))).x0.tolist() == [0.5]


@pytest.mark.parametrize("value", ["NaN", "INF", "-INF"])
def test_stoichiometry_that_is_no_number(value):
    with pytest.raises(InvalidModelError, match="stoichiometry of 'A' in reaction 'r' is"):
        KineticModel.from_sbml(model(3, stoichiometry=value))
    named = model(3, stoichiometry=value).replace("<speciesReference", '<speciesReference id="n"')
    with pytest.raises(InvalidModelError, match="stoichiometry 'n' is"):
        KineticModel.from_sbml(named)
    given = named.replace("<listOfReactions>", initial_assignment("n") + "<listOfReactions>")
    assert KineticModel.from_sbml(given).rhs(0.0, [1.0]).tolist() == [-2.0]


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(
    ("before", "after", "line", "named"),
    [
        ("</model>", '</model><model id="n"/>', 8, "a second <model>"),
        ("</kineticLaw>", "</kineticLaw><kineticLaw/>", 7, "a second <kineticLaw>"),
        ("</math>", f"</math>{math_of('<cn>3</cn>')}", 7, "a second <math>"),
        ("</listOfSpecies>", f"</listOfSpecies><listOfSpecies>{A}</listOfSpecies>", 4, "a second <listOfSpecies>"),
        (
            "<ci>A</ci>",
            "<piecewise><piece><cn>1</cn><true/></piece><otherwise><cn>1</cn></otherwise>\n<otherwise><cn>2</cn>"
            "</otherwise></piecewise>",
            8,
            "a second <otherwise>",
        ),
    ],
)
def test_doubled_elements(level, before, after, line, named):
    with pytest.raises(InvalidModelError, match=f"line {line}: {named}"):
        KineticModel.from_sbml(model(level).replace(before, after))


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("<ci>A</ci><cn>3</cn>", 10201),
        ("<piecewise><piece><cn>1</cn></piece><otherwise><cn>7</cn></otherwise></piecewise>", 10218),
        ("<piecewise><otherwise><cn>7</cn></otherwise><piece><cn>1</cn><true/></piece></piecewise>", 10218),
        ('<csymbol encoding="text" definitionURL="http://example.org/pressure">A</csymbol>', 10205),
    ],
)
def test_formulas_of_which_libsbml_keeps_a_part(level, content, number):
    with pytest.raises(InvalidModelError, match=f"line 7, libsbml error {number}"):
        KineticModel.from_sbml(model(level).replace("<ci>A</ci>", content))


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("kind", ["parameter", "species", "compartment", "reaction"])
def test_missing_ids_are_named_with_their_line(level, kind):
    two = '<parameter id="q" value="1"/>\n<parameter id="p" value="2"/>'
    before, tag, rest = model(level, parameters=two).rpartition(f"<{kind} id=")
    line = before.count("\n") + 1
    without = f"{before}{tag.removesuffix('id=')}{rest.split(chr(34), 2)[2]}"
    with pytest.raises(InvalidModelError, match=f"line {line}: a <{kind}> has no id.*expected id="):
        KineticModel.from_sbml(without)


def test_missing_id_of_a_single_parameter():
    """With one of them the model loaded, with a parameter ''."""
    with pytest.raises(InvalidModelError, match=r"line 4: a <parameter> has no id \(attributes: .'value': '1'"):
        KineticModel.from_sbml(model(3, parameters='<parameter value="1" constant="true"/>'))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('level="3"', 'level="4"', "Level 4; expected Level 1, 2 or 3"),
        ("level3/version1", "level4/version1", "Level 4; expected Level 1, 2 or 3"),
        ('level="3"', 'level="2"', "says level='2', but its namespace .* Level 3"),
        ('version="1">', 'version="9">', "Level 3 Version 9; expected Version 1, 2"),
        ("level3/version1/core", "level3/version7/core", "Level 3 Version 7; expected Version 1, 2"),
        (' level="3"', "", "has no level"),
        (' version="1">', ">", "has no version"),
    ],
)
def test_level_and_version(before, after, message):
    with pytest.raises(InvalidModelError, match=message):
        KineticModel.from_sbml(model(3).replace(before, after, 1))


def test_version_of_another_namespace_is_a_warning():
    # libsbml's check of consistency would end the process on such files.
    text = model(2).replace('version="4"', 'version="1"')
    assert any("libsbml error 20103" in line for line in KineticModel.from_sbml(text).warnings)


def test_harmless_faults_are_warnings_once_for_each_kind():
    modifier = '<listOfModifiers><modifierSpeciesReference species="zz"/></listOfModifiers><kineticLaw>'
    text = model(3).replace("<kineticLaw>", modifier).replace("<listOfReactions>", "<listOfFoo/><listOfReactions>")
    loaded = KineticModel.from_sbml(text)
    assert loaded.rhs(0.0, loaded.x0).tolist() == [-1.0]
    first, second = sorted(loaded.warnings)
    assert first.startswith("not valid SBML, read all the same: line ")
    assert "libsbml error 10102: Element 'listOfFoo'" in first
    assert "libsbml error 21111" in second
    many = text.replace("<listOfFoo/>", "<listOfFoo/><listOfBar/><listOfBaz/>")
    assert any("10102" in line and "; 2 more of this kind" in line for line in KineticModel.from_sbml(many).warnings)


def test_large_models_are_read_without_the_slow_checks(monkeypatch):
    modifier = '<listOfModifiers><modifierSpeciesReference species="zz"/></listOfModifiers><kineticLaw>'
    text = model(3).replace("<kineticLaw>", modifier)
    assert KineticModel.from_sbml(text).warnings
    monkeypatch.setattr(consistency, "_LARGEST", 1)
    assert KineticModel.from_sbml(text).warnings == ()
    # What is refused does not depend on them.
    for _, bad, named, number in CASES:
        with pytest.raises(InvalidModelError, match=f"{named}.*libsbml error {number}"):
            KineticModel.from_sbml(bad)


@pytest.mark.parametrize("name", ["time", "t", "Time"])
def test_the_name_time_hints_at_the_csymbol(name):
    text = model(3).replace("<ci>A</ci>", f"<apply><times/><ci>A</ci><ci>{name}</ci></apply>")
    with pytest.raises(InvalidModelError, match=rf"'{name}', which the model does not define; .*csymbol.*symbols/time"):
        KineticModel.from_sbml(text)
    other = text.replace(f"<ci>{name}</ci>", "<ci>other</ci>")
    with pytest.raises(InvalidModelError, match=r"'other', which the model does not define$"):
        KineticModel.from_sbml(other)
    # A parameter may be called so.
    defined = model(3, parameters=parameter(name, constant=True, value=3)).replace(
        "<ci>A</ci>", f"<apply><times/><ci>A</ci><ci>{name}</ci></apply>"
    )
    assert KineticModel.from_sbml(defined).rhs(7.0, [1.0]).tolist() == [-3.0]


def test_refused_constructs_stay_unsupported():
    text = model(3).replace("<ci>A</ci>", "<apply><int/><ci>A</ci></apply>")
    with pytest.raises(UnsupportedModelError, match="reaction 'r' uses"):
        KineticModel.from_sbml(text)
