"""Numbers in formulas have the value that the file gives them, or are refused; libsbml clips and guesses in silence."""

import math

import pytest
from hypothesis import given, strategies as st

from skperturb.exceptions import InvalidModelError
from skperturb.sbml import KineticModel

MATHML = "http://www.w3.org/1998/Math/MathML"


def model(number, prefix=""):
    """A parameter k whose initial value is a number in MathML."""
    namespace = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
<listOfParameters><parameter id="k" constant="false"/><parameter id="x" value="1" constant="false"/></listOfParameters>
<listOfInitialAssignments><initialAssignment symbol="k"><{prefix}math {namespace}="{MATHML}">
{number}
</{prefix}math></initialAssignment></listOfInitialAssignments>
<listOfRules><rateRule variable="x"><math xmlns="{MATHML}"><apply><minus/><ci>x</ci></apply></math></rateRule>
</listOfRules></model></sbml>"""


def value(number, prefix=""):
    return KineticModel.from_sbml(model(number, prefix)).parameters["k"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ('<cn type="integer">3000000000</cn>', 3e9),
        ('<cn type="integer"> -3000000000 </cn>', -3e9),
        ("<cn type='integer'>2147483648</cn>", 2147483648.0),
        ('<cn type="integer">2147483647</cn>', 2147483647.0),
        ('<cn type="integer">123456789012345678901234567890</cn>', 123456789012345678901234567890.0),
        ('<cn type="integer">1e3</cn>', 1000.0),
        ('<cn type="integer">2.0</cn>', 2.0),
        ('<cn type="rational">3000000000<sep/>7</cn>', 3000000000 / 7),
        ('<cn type="rational">1<sep/>-3</cn>', -1 / 3),
        ('<cn type="e-notation">1.1<sep/>-5</cn>', 1.1e-5),
        ('<cn type="e-notation">0.001<sep/>310</cn>', 1e307),
        ('<cn type="e-notation">1000<sep/>-320</cn>', 1e-317),
        ('<cn type="e-notation"> 2.5 <sep/> +3 </cn>', 2500.0),
        ('<cn type="e-notation">1e5</cn>', 1e5),
        ("<cn>1<!-- twelve -->2</cn>", 12.0),
        ("<cn>.5</cn>", 0.5),
        ("<cn> 5. </cn>", 5.0),
        ("<cn>1e-400</cn>", 0.0),
        ('<cn type="real">0.1e1</cn>', 1.0),
    ],
)
def test_value_is_that_of_the_text(number, expected):
    assert value(number) == expected


def test_large_integers_in_other_words(tmp_path):
    assert value('<m:cn id="n" type="integer">3000000000</m:cn>', "m:") == 3e9
    # Several of them, other numbers between, in another encoding and after characters of several bytes.
    many = "".join(f'<cn type="integer">{n}</cn><cn>{n}</cn>' for n in (5000000000, 1, -4000000000))
    text = model(f"<!-- \u00e9\u4e00 --><apply><plus/>{many}</apply>")
    assert KineticModel.from_sbml(text).parameters["k"] == 2e9 + 2
    path = tmp_path / "model.xml"
    path.write_bytes(text.replace("UTF-8", "UTF-16").encode("utf-16"))
    assert KineticModel.from_sbml(path).parameters["k"] == 2e9 + 2


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("<cn>two</cn>", "'two'; expected a decimal number"),
        ("<cn/>", "''; expected a decimal number"),
        ("<cn> </cn>", "expected a decimal number"),
        ("<cn>1,5</cn>", "'1,5'; expected a decimal number"),
        ("<cn>1 2</cn>", "expected a decimal number"),
        ("<cn>0x10</cn>", "expected a decimal number"),
        ("<cn>1d3</cn>", "expected a decimal number"),
        ("<cn>1_000</cn>", "expected a decimal number"),
        ("<cn>\u0967</cn>", "expected a decimal number"),
        ("<cn>INF</cn>", "<infinity/>"),
        ("<cn>NaN</cn>", "<notanumber/>"),
        ("<cn>1e400</cn>", "larger than any floating-point number"),
        ('<cn type="e-notation">1<sep/>400</cn>', "larger than any floating-point number"),
        ('<cn type="e-notation">1<sep/>99999999999999</cn>', "larger than any floating-point number"),
        ('<cn type="e-notation">1<sep/>2.5</cn>', "an integer exponent"),
        ('<cn type="e-notation">x<sep/>3</cn>', "an integer exponent"),
        ('<cn type="e-notation">2<sep/></cn>', "an integer exponent"),
        ('<cn type="e-notation">1<sep/>2<sep/>3</cn>', "an integer exponent"),
        ('<cn type="integer">2.5</cn>', "expected an integer"),
        (f'<cn type="integer">{"9" * 400}</cn>', "larger than any floating-point number"),
        ('<cn type="rational">1<sep/>0</cn>', "denominator other than 0"),
        ('<cn type="rational">1.5<sep/>3</cn>', "two integers"),
        ('<cn type="rational">3</cn>', "two integers"),
        (f'<cn type="rational">{"9" * 5000}<sep/>3</cn>', "larger than any floating-point number"),
        ('<cn type="real">1<sep/>3</cn>', "expected a decimal number"),
        ('<cn type="complex-cartesian">1<sep/>3</cn>', "has the type 'complex-cartesian'"),
        ('<cn base="2">101</cn>', "base '2'"),
        ("<cn><ci>x</ci></cn>", "holds a <ci>"),
    ],
)
def test_what_is_no_number_is_refused_with_its_line(number, message):
    with pytest.raises(InvalidModelError, match="line 5: ") as caught:
        KineticModel.from_sbml(model(number))
    assert message in str(caught.value)


def test_notes_and_annotations_may_hold_anything():
    note = f'<annotation><a xmlns="urn:a"><cn xmlns="{MATHML}">two</cn></a></annotation>'
    text = model("<cn>3</cn>").replace('<model id="m">', f'<model id="m">{note}')
    assert KineticModel.from_sbml(text).parameters["k"] == 3.0


@pytest.mark.parametrize(
    "note",
    [
        "<notes/>",
        "<notes />\n<annotation\n/>",
        "<notes></notes ><annotation/>",
        "<s:notes xmlns:s='http://www.sbml.org/sbml/level3/version1/core'><p/></s:notes>",
        "<annotation><notes xmlns='urn:a'/><annotation xmlns='urn:b'></annotation>"
        "<a xmlns='urn:c' b='&gt;>'/></annotation>",
        "<annotation><![CDATA[</annotation>]]><!-- </annotation> --></annotation>",
    ],
)
def test_notes_are_left_out_whole(note):
    text = model("<cn>3</cn>").replace('constant="false"/>', f'constant="false">{note}</parameter>')
    assert KineticModel.from_sbml(text).parameters["k"] == 3.0
    assert KineticModel.from_sbml(text.replace('<model id="m">', f'<model id="m">{note}')).warnings == ()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(number):
    mantissa, _, exponent = f"{number:.17e}".partition("e")
    assert value(f"<cn>{number!r}</cn>") == number
    assert value(f'<cn type="e-notation">{mantissa}<sep/>{exponent}</cn>') == number


@given(st.integers(-(10**25), 10**25), st.integers(1, 10**12))
def test_every_integer_and_ratio_is_rounded_once(numerator, denominator):
    assert value(f'<cn type="integer">{numerator}</cn>') == float(numerator)
    ratio = value(f'<cn type="rational">{numerator}<sep/>{denominator}</cn>')
    assert math.isclose(ratio, numerator / denominator, rel_tol=1e-15)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "us-ascii", "utf-16", "utf-16-be"])
def test_every_encoding(tmp_path, encoding):
    # Whatever is rewritten or left out is found by its position in the file.
    note = "<notes><p>a</p>\n</notes><annotation>\n<a xmlns='urn:a'>&lt;</a></annotation>"
    letters = "" if encoding == "us-ascii" else "\u00e9\u00e8"
    text = model(f'<!-- {letters} --><cn type="integer">3000000000</cn>').replace(
        "<parameter ", f"<!--{letters}--><parameter "
    )
    text = text.replace('<model id="m">', f'<model id="m">{note}').replace(
        "UTF-8", encoding.removesuffix("-sig").removesuffix("-be")
    )
    path = tmp_path / "model.xml"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    path.write_bytes(mark + text.encode(encoding))
    assert KineticModel.from_sbml(path).parameters["k"] == 3e9
    # Lines are still those of the file: libsbml names that of the <math>.
    path.write_bytes(mark + text.replace("</math></initial", "<cn>1</cn></math></initial").encode(encoding))
    with pytest.raises(InvalidModelError, match="line 6, libsbml error 10201"):
        KineticModel.from_sbml(path)


@pytest.mark.parametrize("prefix", ["", "m:"])
@pytest.mark.parametrize("empty", ["<piecewise/>", "<piecewise />", "<piecewise>\n</piecewise>"])
@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ("{}", math.nan),
        ("<apply><plus/><cn>1</cn>{}</apply>", math.nan),
        ("<apply><minus/>{}</apply>", math.nan),
        ("<piecewise><piece>{}<true/></piece><otherwise><cn>3</cn></otherwise></piecewise>", math.nan),
        ("<piecewise><piece>{}<false/></piece><otherwise><cn>3</cn></otherwise></piecewise>", 3.0),
        ("<piecewise><piece><cn>2</cn><false/></piece></piecewise>", math.nan),
        ("<piecewise><otherwise><cn>3</cn></otherwise></piecewise>", 3.0),
    ],
)
def test_a_piecewise_function_without_pieces_is_undefined(prefix, empty, around, expected):
    number = around.format(empty).replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")
    assert value(number, prefix) == pytest.approx(expected, nan_ok=True)
