"""The documentation tells the truth: README examples run, and every public name is on the API page with a docstring."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import skperturb

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="not run from a checkout")


@pytest.fixture(scope="module")
def api_reference():
    specification = importlib.util.spec_from_file_location("api_reference", ROOT / "doc" / "api_reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_readme_python_examples_run():
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})


def test_every_subpackage_is_on_the_api_page(api_reference):
    submodules = {f"skperturb.{name}" for name in skperturb._SUBMODULES} - {"skperturb.reproduce"}
    assert set(api_reference.API_REFERENCE) == submodules


def test_top_level_names_are_on_the_api_page(api_reference):
    documented = {name for module in api_reference.API_REFERENCE for name in api_reference.public_names(module)}
    assert set(skperturb._PUBLIC) <= documented
    for name in skperturb.__all__:
        assert hasattr(skperturb, name)


def test_public_objects_have_docstrings(api_reference):
    for module in api_reference.API_REFERENCE:
        for name in api_reference.public_names(module):
            public = getattr(importlib.import_module(module), name)
            if inspect.isclass(public) or inspect.isfunction(public):
                assert public.__doc__, f"{module}.{name}"
