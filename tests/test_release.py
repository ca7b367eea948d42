"""What is said about the package in several files agrees: version, requirements, types."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skperturb

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "recipe").is_dir(), reason="not run from a checkout")

# Names on conda-forge that differ from PyPI's.
ON_CONDA = {"matplotlib": "matplotlib-base", "torch": "pytorch", "torch-geometric": "pytorch_geometric"}

# A user's script in which every type is known: mypy would say "Any" otherwise, and be right to refuse it.
SNIPPET = """
from skperturb import KineticModel, DynamoDistance, perturb, Intervention
from skperturb.responses import pseudobulk

model: KineticModel = KineticModel.from_sbml("model.xml")
names: list[str] = list(model.variables)
reveal_type(KineticModel)
reveal_type(DynamoDistance)
reveal_type(perturb)
reveal_type(pseudobulk)
"""


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_version_has_one_place(project):
    assert "version" in project["dynamic"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited[1] == skperturb.__version__
    recipe = re.search(r'^  version: "(\S+)"$', (ROOT / "recipe" / "recipe.yaml").read_text("utf-8"), re.MULTILINE)
    assert recipe[1] == skperturb.__version__.split(".dev")[0]


def test_the_recipe_requires_what_the_project_requires(project):
    required = [re.match(r"([\w-]+)>=(.*)", requirement).groups() for requirement in project["dependencies"]]
    lines = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    run = lines.split("  run:\n")[1].split("\n\n")[0]
    listed = re.findall(r"- ([\w-]+) >=([\d.]+)", run)
    assert listed == [(ON_CONDA.get(name, name), version) for name, version in required]


def test_users_see_the_types(tmp_path):
    assert (Path(skperturb.__file__).parent / "py.typed").exists()
    script = tmp_path / "script.py"
    script.write_text(SNIPPET)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)],
        capture_output=True,
        text=True,
        timeout=250,
        cwd=tmp_path,
    )
    revealed = re.findall(r'Revealed type is "(.*)"', found.stdout)
    assert len(revealed) == 4, found.stdout
    assert not [line for line in revealed if line == "Any"], found.stdout
    assert ": error:" not in found.stdout, found.stdout


def test_the_command_line_tells_its_version():
    found = subprocess.run([sys.executable, "-m", "skperturb", "--version"], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == f"skperturb {skperturb.__version__}"


@pytest.mark.parametrize("package", ["skperturb", "skperturb.sbml", "skperturb.interactions"])
def test_type_checkers_see_every_lazy_name(package):
    module = importlib.import_module(package)
    stub = Path(module.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(\w+) as \1\b", stub)) == set(module.__all__) - {"__version__"}
