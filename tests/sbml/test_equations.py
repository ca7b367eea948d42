"""Equations as text and LaTeX: what they say, and that the text means the right-hand side."""

import math
import re

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import SBMLError
from skperturb.sbml import KineticModel, antimony_to_sbml

TOKEN = re.compile(
    r"amount\([^()]*\)|\d+\.?\d*(?:e[+-]?\d+)?|[A-Za-z_][\w.]*|\|\||&&|[<>=!]=|\s+|.", re.DOTALL
)  # fmt: skip
WORDS = {"||": " or ", "&&": " and ", "!": " not ", "^": "**"}
FUNCTIONS = {
    "exp": np.exp, "ln": np.log, "log10": np.log10, "sqrt": np.sqrt, "abs": np.abs, "floor": np.floor,
    "ceil": np.ceil, "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "rem": np.fmod, "trunc": np.trunc,
    "gamma": lambda value: np.float64(math.gamma(value)), "delay": lambda value, lag: value,
    "inf": np.float64(np.inf), "nan": np.float64(np.nan), "true": True, "false": False,
}  # fmt: skip


class Reading:
    """What the text form says, read by Python's own parser with nothing of the engine but the values of the symbols."""

    def __init__(self, model, time, state):
        self.known = {"time": np.float64(time)}
        self.formulas = {}
        for line in model.equations().splitlines():
            if not line.startswith("at "):
                left, right = line.split(" = ", 1)
                self.formulas[left] = right
        values = [*model.parameters.items(), *zip(model.variables, state, strict=True)]
        for name, value in values:
            kept = self.formulas.get(name, "").startswith(f"amount({name})/")
            self.known[f"amount({name})" if kept else name] = np.float64(value)

    def rates(self, model):
        named = (
            f"d amount({name})/dt" if f"d amount({name})/dt" in self.formulas else f"d{name}/dt"
            for name in model.variables
        )
        return np.array([float(self.value(self.formulas[name])) for name in named])

    def symbol(self, name):
        if name not in self.known:
            self.known[name] = self.value(self.formulas[name])
        return self.known[name]

    def value(self, formula):
        source, names, tokens = "", {}, TOKEN.findall(formula)
        for position, token in enumerate(tokens):
            called = tokens[position + 1 : position + 2] == ["("]
            if token == "piecewise" and called:
                source += "_piecewise"
            elif token[0].isdigit():
                source += f"_float({token})"
            elif token in FUNCTIONS and (called or (token not in self.known and token not in self.formulas)):
                source += f"_f_{token}"
            elif token[0].isalpha() or token[0] == "_":
                names[f"_v{len(names)}"] = self.symbol(token)
                source += f"_v{len(names) - 1}"
            else:
                source += WORDS.get(token, token)
        space = {f"_f_{name}": function for name, function in FUNCTIONS.items()}
        with np.errstate(all="ignore"):
            return eval(source, {"_piecewise": piecewise, "_float": np.float64, **space, **names})


def piecewise(*operands):
    for value, condition in zip(operands[:-1:2], operands[1::2], strict=True):
        if condition:
            return value
    return operands[-1]


def assert_round_trip(model, time=0.7):
    state = model.x0 * 1.1 + 0.01 * (1.0 + np.abs(model.x0).max(initial=0.0)) * np.linspace(0.5, 1.5, model.x0.size)
    expected = model.rhs(time, state)
    found = Reading(model, time, state).rates(model)
    assert found == pytest.approx(
        expected, rel=1e-12, abs=1e-13 * np.abs(expected[np.isfinite(expected)]).max(initial=1e-300), nan_ok=True
    )


@pytest.mark.parametrize("index", range(len(load_textbook_models().data)))
def test_the_text_of_textbook_models_means_the_right_hand_side(index):
    assert_round_trip(KineticModel.from_sbml(load_textbook_models().data[index]))


@pytest.mark.real_data
def test_the_text_of_published_models_means_the_right_hand_side(data_home):
    counts = {"read": 0}
    for path in sorted((data_home / "biomodels").glob("*.xml"))[::9]:
        if path.stat().st_size > 200_000:
            continue
        try:
            model = KineticModel.from_sbml(path)
        except SBMLError:
            continue
        if model._system.graph.blocks:
            continue
        assert_round_trip(model)
        assert model.equations(format="latex").count("{") == model.equations(format="latex").count("}")
        counts["read"] += 1
    assert counts["read"] >= 20


@pytest.fixture
def everything():
    return KineticModel.from_sbml(
        antimony_to_sbml(
            """function hill(x, K, n) x^n/(K^n + x^n) end
            model m
            compartment c = 2; species A in c, B in c; A = 1; B = 0.5; k = 2; K_m = 0.3;
            J: A -> B; c*k*hill(A, K_m, 4)*piecewise(1, A < 2 && A > 1, -3, time > 1, 5e-8) - (-A)^2;
            y := -A^2; z := (-A)^k/(B/A)/(k - (B - A)); w := !(A > 2 || y < 1);
            p = 1; p' = y - exp(-z/k) + abs(B);
            E: at 2 after A > 3: c = c*2, A = 1;
            end"""
        )
    )


def test_powers_signs_quotients_and_conditions(everything):
    text = everything.equations().splitlines()
    assert text == [
        "d amount(A)/dt = -J",
        "d amount(B)/dt = J",
        "dp/dt = y - exp(-z/k) + abs(B)",
        "J = c*k*(A^4/(K_m^4 + A^4))*piecewise(1, A < 2 && A > 1, -3, time > 1, 5e-08) - (-A)^2",
        "A = amount(A)/c",
        "B = amount(B)/c",
        "y = -A^2",
        "z = (-A)^k/(B/A)/(k - (B - A))",
        "w = piecewise(1, !(A > 2 || y < 1), 0)",
        "at 2 after (A > 3): c = c*2, A = 1",
    ]
    assert_round_trip(everything)


def test_latex(everything):
    latex = everything.equations(format="latex")
    lines = latex.splitlines()
    assert lines[0] == r"\begin{aligned}"
    assert lines[-1] == r"\end{aligned}"
    assert lines[1] == r"\frac{d\,\operatorname{amount}(\mathrm{A})}{dt} &= -\mathrm{J} \\"
    assert r"\frac{\mathrm{A}^{4}}{\mathrm{K\_m}^{4} + \mathrm{A}^{4}}" in latex
    assert r"\begin{cases} 1 & \text{if } \mathrm{A} < 2 \land \mathrm{A} > 1 \\ -3 & \text{if } t > 1 \\ " in latex
    assert r"5 \cdot 10^{-8} & \text{otherwise} \end{cases}" in latex
    assert r"\left(-\mathrm{A}\right)^{2}" in latex
    assert r"\mathrm{y} &= -\mathrm{A}^{2}" in latex


def test_mathtext_draws_each_line(everything):
    pytest.importorskip("matplotlib")
    from matplotlib.mathtext import MathTextParser

    draw = MathTextParser("path")
    drawn = 0
    for index in (0, 5, 20):
        model = KineticModel.from_sbml(load_textbook_models().data[index])
        for line in model.equations(format="latex").splitlines()[1:-1]:
            plain = line.removesuffix(r" \\").replace("&", "")
            draw.parse(f"${plain}$")
            drawn += 1
    assert drawn > 10


def test_a_long_part_that_is_repeated_has_a_line_of_its_own():
    sums = " + ".join(f"k{i}*A" for i in range(200))
    values = "; ".join(f"k{i} = {i}" for i in range(200))
    nested = "function f(x) x*x + x/(1 + x) end\n"
    model = KineticModel.from_sbml(
        antimony_to_sbml(
            f"{nested}model m; A = 1; B = 0; a: -> A; f({sums}) + f(f({sums})); b: -> B; {sums}; part = 3; "
            f"{values}; end"
        )
    )
    assert "part_1 = " in model.equations()  # the prefix "part" is taken
    assert len(model.equations()) < 12_000
    assert_round_trip(model)


def test_algebraic_rules_that_no_formula_solves():
    text = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
    <listOfParameters><parameter id="A" value="1" constant="false"/><parameter id="y" value="1" constant="false"/>
    </listOfParameters><listOfRules><rateRule variable="A"><math xmlns="http://www.w3.org/1998/Math/MathML">
    <apply><minus/><ci>y</ci></apply></math></rateRule><algebraicRule>
    <math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/><apply><plus/><ci>y</ci><apply><exp/><ci>y</ci>
    </apply></apply><ci>A</ci></apply></math></algebraicRule></listOfRules></model></sbml>"""
    assert KineticModel.from_sbml(text).equations().splitlines() == ["dA/dt = -y", "0 = y + exp(y) - A"]


def test_unknown_formats_are_refused(everything):
    with pytest.raises(ValueError, match="format='html' is unknown"):
        everything.equations(format="html")
