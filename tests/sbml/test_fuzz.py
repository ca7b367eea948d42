"""Mutated models: whatever the file says, the outcome is a result or a ValueError that names the place.

As a script it goes on for as long as it is told: ``python tests/sbml/test_fuzz.py --minutes 30 FILES…``.
"""

import argparse
import collections
import copy
import random
import tempfile
import time
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings, strategies as st

from skperturb._network import InfluenceNetwork
from skperturb.datasets import load_textbook_models
from skperturb.exceptions import ModelWarning
from skperturb.sbml import KineticModel, conservation_laws, sensitivity_matrix

MATHML = "{http://www.w3.org/1998/Math/MathML}"
OPERATORS = [
    "plus", "minus", "times", "divide", "power", "root", "exp", "ln", "log", "abs", "floor", "ceiling", "factorial",
    "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh",
    "arcsin", "arccos", "arctan", "arcsinh", "arccosh",
    "arctanh", "arccot", "arcsec", "eq", "neq", "gt", "lt", "geq", "leq", "and", "or", "xor", "not", "implies",
    "quotient", "rem", "max", "min", "piecewise", "lambda", "apply", "ci", "cn", "pi", "exponentiale", "true", "false",
    "infinity", "notanumber", "semantics", "csymbol", "bvar", "degree",
]  # fmt: skip
VALUES = (
    "", " ", "0", "-1", "1e400", "1e-320", "-INF", "INF", "NaN", "nan", "0x10", "1,5", "true", "false", "2", "1e308",
    "__import__('os').system('false')",
    "x0", "p0", "t", "__class__", "a b", "a\nb", "'", '"', "é", "lambda", "x" * 5000,
)  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return a changed copy of an XML file."""
    if rng.random() < 0.15:
        return _mutate_bytes(content, rng)
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return _mutate_bytes(content, rng)
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        rng.choice(_TREE_MUTATIONS)(root, rng)
    try:
        return ElementTree.tostring(root)
    except RecursionError:  # nested deeper than the writer goes
        return _mutate_bytes(content, rng)


def _mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        position = rng.randrange(len(data) + 1)
        action = rng.randrange(4)
        if action == 0:
            data[position : position + rng.randint(1, 30)] = b""
        elif action == 1:
            data[position:position] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
        elif action == 2:
            del data[position:]
        else:
            start = rng.randrange(len(data) + 1)
            data[position:position] = data[start : start + rng.randint(1, 200)]
    return bytes(data)


def _parents(root):
    return [element for element in root.iter() if len(element)] or [root]


def _delete(root, rng):
    parent = rng.choice(_parents(root))
    if len(parent):
        parent.remove(rng.choice(list(parent)))


def _duplicate(root, rng):
    parent = rng.choice(_parents(root))
    if len(parent):
        parent.insert(rng.randrange(len(parent) + 1), rng.choice(list(parent)))


def _transplant(root, rng):
    source = rng.choice(list(root.iter()))
    # A copy, since an element that contains itself has no text.
    rng.choice(_parents(root)).append(copy.deepcopy(source))


def _change_attribute(root, rng):
    element = rng.choice([element for element in root.iter() if element.attrib] or [root])
    if not element.attrib:
        return
    key = rng.choice(sorted(element.attrib))
    action = rng.randrange(4)
    if action == 0:
        del element.attrib[key]
    elif action == 1:
        other = rng.choice([value for other in root.iter() for value in other.attrib.values()])
        element.attrib[key] = other
    else:
        element.attrib[key] = rng.choice(VALUES)


def _change_text(root, rng):
    element = rng.choice(list(root.iter()))
    names = [other.attrib["id"] for other in root.iter() if "id" in other.attrib] or ["x"]
    element.text = rng.choice([rng.choice(VALUES), rng.choice(names), str(rng.gauss(0, 10))])


def _change_operator(root, rng):
    nodes = [element for element in root.iter() if element.tag.startswith(MATHML)]
    if nodes:
        rng.choice(nodes).tag = MATHML + rng.choice(OPERATORS)


def _nest(root, rng):
    nodes = [element for element in root.iter() if element.tag == MATHML + "apply"]
    if not nodes:
        return
    node = rng.choice(nodes)
    for _ in range(rng.choice([3, 100, 450])):
        inner = ElementTree.Element(MATHML + "apply")
        inner.extend(list(node))
        for child in list(node):
            node.remove(child)
        node.extend([ElementTree.Element(MATHML + rng.choice(["minus", "not", "abs", "exp"])), inner])


def _rename(root, rng):
    elements = list(root.iter())
    rng.choice(elements).tag = rng.choice(elements).tag


_TREE_MUTATIONS = (
    _delete, _duplicate, _transplant, _change_attribute, _change_attribute, _change_attribute, _change_text,
    _change_text, _change_operator, _change_operator, _nest, _rename,
)  # fmt: skip


def exercise(source: str | Path, *, steady: bool = True) -> str:
    """Use all of the engine on a model; return what stopped it, or "result"."""
    outcome = "result"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ModelWarning)
        try:
            model = KineticModel.from_sbml(source)
            repr(model.structure)
            assert model.rhs(0.5, model.x0).shape == model.x0.shape
            assert model.jacobian(0.5, model.x0).shape == 2 * model.x0.shape
            model.dynamo_jacobian(0.5, model.x0)
        except ValueError as error:
            return _named(error)
        for use in (_simulate, _rest) if steady else (_simulate,):
            try:
                use(model)
            except ValueError as error:
                outcome = _named(error)
    return outcome


def _simulate(model):
    model.simulate([0.0, 1.0, 10.0])


def _rest(model):
    rest = model.steady_state(t_max=1e4)
    settled = model.after_events(rest)
    jacobian = settled.jacobian(rest.time, rest.state)
    if np.isfinite(jacobian).all():
        sensitivity_matrix(jacobian, undefined="nan")
        network = InfluenceNetwork(
            pd.DataFrame(jacobian, index=model.variables, columns=model.variables),
            state=rest.state,
            conservation_laws=conservation_laws(settled),
        )
        for kind in ("steady_state", "relative", "dynamo"):
            sensitivity_matrix(network, kind=kind, undefined="nan")


def _named(error: ValueError) -> str:
    assert len(str(error)) > 10, "an error without a message"
    return type(error).__name__


SOURCES = [source if isinstance(source, str) else Path(source).read_text() for source in load_textbook_models().data]


@settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(which=st.integers(0, 10**6), seed=st.integers(0, 2**32))
def test_mutated_models_give_a_result_or_a_value_error(which, seed):
    changed = mutate(SOURCES[which % len(SOURCES)].encode(), random.Random(seed))
    exercise(changed.decode("latin-1"), steady=False)


def _case(item: tuple[str, int]) -> str:
    path, seed = item
    changed = mutate(Path(path).read_bytes(), random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "mutated.xml"
        target.write_bytes(changed)
        return exercise(target)


def main() -> None:
    """Mutate the given files until the time is over and print what came out."""
    from skperturb._processes import map_isolated

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=200)
    arguments = parser.parse_args()
    rng, counts, end = random.Random(arguments.seed), collections.Counter(), time.monotonic() + 60 * arguments.minutes
    while time.monotonic() < end:
        items = [(rng.choice(arguments.files), rng.randrange(2**32)) for _ in range(arguments.batch)]
        outcomes = map_isolated(_case, items, n_jobs=1, timeout=arguments.timeout)
        for item, outcome in zip(items, outcomes, strict=True):
            counts[outcome.value if outcome.kind == "value" else outcome.kind] += 1
            if outcome.kind != "value":
                print(outcome.kind, item, outcome.error, flush=True)  # noqa: T201
        print(sum(counts.values()), dict(counts), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
