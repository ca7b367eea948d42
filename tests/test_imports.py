"""Cheap import, and imports that point one way."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import skperturb

ROOT = Path(skperturb.__file__).parent
HEAVY = ("torch", "skorch", "torch_geometric", "libsbml", "matplotlib")
LAYERS = [
    {
        "_sklearn",
        "_alignment",
        "_html",
        "_cell_files",
        "_command_types",
        "_interchange",
        "_model_files",
        "_near_names",
        "_persistence",
        "persistence",
        "_validation",
        "_gene_names",
        "_label_patterns",
        "_label_doubts",
        "_label_sources",
        "_labels",
        "_pairs",
        "_pair_sampling",
        "_text_tables",
        "exceptions",
        "metrics",
    },
    {"base", "callbacks", "_epoch_progress", "_training", "_network", "_processes"},
    {"sbml", "networks", "interactions", "responses"},
    {"datasets", "model_selection", "plotting", "_gene_files"},
    {"reproduce", "report"},
    {
        "__main__",
        "_command_biosimulators",
        "_command_fit",
        "_command_interactions",
        "_command_labels",
        "_command_networks",
        "_command_perturb",
        "_command_report",
        "_command_responses",
        "_user_screens",
        "_command_score",
        "_command_words",
    },
]
DOMAINS = LAYERS[2]
# Test support stands outside the order; no other module may import it.
OUTSIDE = {"testing", "__init__"}
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}


def absolute_name(path, node):
    """Full name of the module that an ``import from`` reads, also for a relative one."""
    if node.level == 0:
        return node.module
    package = ("skperturb", *path.relative_to(ROOT).parts[:-1])
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imported_parts(path):
    """Names of the parts of skperturb that a module imports, wherever the statement stands."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = absolute_name(path, node)
            names = [module]
            if module == "skperturb":
                names = [f"skperturb.{alias.name}" for alias in node.names]
        else:
            continue
        parts |= {name.split(".")[1] for name in names if name.startswith("skperturb.")}
    return parts


def violation(part, imported):
    """Say what is wrong with `part` importing `imported`, or return None."""
    if imported == part or imported not in LAYER_OF:
        return "is test support" if imported == "testing" and part != imported else None
    if part in DOMAINS and imported in DOMAINS:
        return "is another domain"
    if LAYER_OF[imported] > LAYER_OF[part]:
        return "stands further right"
    return None


def modules():
    return sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "__pycache__")


def part_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_import_direction(path):
    part = part_of(path)
    if part in OUTSIDE:
        return
    assert part in LAYER_OF, f"{part} has no place in the order of imports; give it one"
    problems = {name: violation(part, name) for name in imported_parts(path)}
    assert not {name: reason for name, reason in problems.items() if reason}


def test_guard_finds_violations():
    assert violation("metrics", "base")
    assert violation("networks", "sbml")
    assert violation("base", "networks")
    assert violation("sbml", "testing")
    assert violation("reproduce", "networks") is None
    assert {"_validation", "_sklearn"} <= imported_parts(ROOT / "networks" / "_predictor.py") | {"_sklearn"}
    assert len(modules()) > 15


def dotted(path):
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)


def imported_modules(path, known):
    """Modules of the package that a module imports, wherever the statement stands, type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute_name(path, node)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found & known


def import_graph():
    paths = {dotted(path): path for path in modules() if path.name != "__init__.py"}
    return {name: imported_modules(path, paths.keys()) for name, path in paths.items()}


def test_no_import_circle():
    graph = import_graph()
    assert sum(map(len, graph.values())) > 300
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"the modules import one another in a circle: {' -> '.join(error.args[1])}")
    assert len(order) == len(graph)


# The private rooms of skperturb.sbml, each of which may use those before it, and last the public modules.
SBML_ROOMS = ["_graph", "_reading", "_compiling", "_solving", "_responding"]


def sbml_room(name):
    room = name.split(".")[2]
    return SBML_ROOMS.index(room) if room in SBML_ROOMS else len(SBML_ROOMS)


def test_rooms_of_sbml_import_one_way():
    graph = {name: uses for name, uses in import_graph().items() if name.startswith("skperturb.sbml.")}
    upwards = {
        (name, used)
        for name, uses in graph.items()
        for used in uses
        if used.startswith("skperturb.sbml.") and sbml_room(used) > sbml_room(name)
    }
    assert not upwards
    assert {sbml_room(name) for name in graph} == set(range(len(SBML_ROOMS) + 1))


def test_rooms_of_sbml_have_a_sentence_over_their_door():
    for room in SBML_ROOMS:
        assert ast.get_docstring(ast.parse((ROOT / "sbml" / room / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("statement", ["import skperturb", "import skperturb; dir(skperturb); skperturb.exceptions"])
def test_import_is_lazy(statement):
    code = f"import sys; {statement}; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert result.stdout.strip() == "[]", result.stdout
    assert result.stderr == ""


def test_networks_and_metrics_need_no_heavy_library():
    code = (
        "import sys, skperturb.networks, skperturb.metrics, skperturb.testing;"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert result.stdout.strip() == "[]", result.stdout
