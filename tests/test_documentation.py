"""The documentation tells the truth: README examples run, and the API page lists every public name."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="not run from a checkout")


def _api_reference():
    specification = importlib.util.spec_from_file_location("api_reference", ROOT / "doc" / "api_reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.API_REFERENCE


def test_readme_python_examples_run():
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("module", sorted(_api_reference()))
def test_api_page_lists_every_public_name(module):
    public = set(importlib.import_module(module).__all__)
    assert set(_api_reference()[module][1]) == public


def test_public_objects_have_docstrings():
    for module, (_, names) in _api_reference().items():
        for name in names:
            public = getattr(importlib.import_module(module), name)
            if inspect.isclass(public) or inspect.isfunction(public):
                assert public.__doc__, f"{module}.{name}"


def test_top_level_names_are_documented():
    import skperturb

    documented = {name for _, names in _api_reference().values() for name in names}
    assert set(skperturb._PUBLIC) <= documented
    for name in skperturb.__all__:
        assert hasattr(skperturb, name)
