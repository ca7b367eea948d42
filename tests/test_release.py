"""What is said about the package in several files agrees: version, requirements, types."""

import importlib
import importlib.util
import re
import shutil
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
from skperturb.datasets import load_textbook_models
from skperturb.metrics import spearman_correlation
from skperturb.responses import pseudobulk, rank_candidates

model: KineticModel = KineticModel.from_sbml("model.xml")
names: list[str] = list(model.variables)
reveal_type(KineticModel)
reveal_type(DynamoDistance)
reveal_type(perturb)
reveal_type(pseudobulk)
reveal_type(rank_candidates)
score: float = spearman_correlation([[[0.0]]], [[[1.0]]])
first: str = load_textbook_models().data[0]
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


@pytest.fixture(scope="module")
def set_version():
    spec = importlib.util.spec_from_file_location("set_version", ROOT / ".ci" / "set_version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.set_version


@pytest.fixture
def checkout(tmp_path):
    for name in ("skperturb/__init__.py", "CITATION.cff", "recipe/recipe.yaml", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_release_is_one_step(set_version, checkout):
    before = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    set_version(checkout, "7.8.9", "2031-02-03")
    texts = {path.name: path.read_text(encoding="utf-8") for path in checkout.rglob("*.*") if path.is_file()}
    assert '__version__ = "7.8.9"' in texts["__init__.py"]
    assert "version: 7.8.9\ndate-released: 2031-02-03\n" in texts["CITATION.cff"]
    assert '  version: "7.8.9"' in texts["recipe.yaml"]
    # What was unreleased is the section of the version now, and an empty heading waits for what comes.
    head, rest = before.split("## Unreleased")
    assert texts["CHANGELOG.md"] == f"{head}## Unreleased\n\n## 7.8.9 (2031-02-03){rest}"

    assert "CHANGELOG.md" not in set_version(checkout, "7.9.0.dev0", "2031-02-04")
    cited = (checkout / "CITATION.cff").read_text(encoding="utf-8")
    assert "version: 7.9.0.dev0\n" in cited
    assert "date-released" not in cited


@pytest.mark.parametrize(("version", "message"), [("1.0", "version is '1.0'"), ("v1.0.0", "expected one such as")])
def test_what_is_no_version_changes_nothing(set_version, checkout, version, message):
    with pytest.raises(ValueError, match=message):
        set_version(checkout, version, "2031-02-03")
    (checkout / "CITATION.cff").write_text("no version")
    with pytest.raises(ValueError, match=r"CITATION.cff has 0 lines like .*Nothing was written"):
        set_version(checkout, "1.0.0", "2031-02-03")
    assert '"1.0.0"' not in (checkout / "skperturb" / "__init__.py").read_text(encoding="utf-8")


def test_the_changelog_dates_what_is_released():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    dated = [re.fullmatch(r"(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)", heading) for heading in headings[1:]]
    assert all(dated), headings
    released = [match[1] for match in dated]
    assert (skperturb.__version__ in released) == (".dev" not in skperturb.__version__)


def test_every_python_that_is_claimed_is_tested(project):
    claimed = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1]) == claimed
    assert project["requires-python"] == f">={claimed[0]}"


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
    assert len(revealed) == 5, found.stdout
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
