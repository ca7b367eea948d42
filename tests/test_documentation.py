"""The documentation tells the truth: its examples run, and every public name is described as it is."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import skperturb
from skperturb.base import BaseEstimator

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "doc").glob("*.rst"))
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

pytestmark = pytest.mark.skipif(not (ROOT / "doc" / "conf.py").exists(), reason="not run from a checkout")


def load(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "doc" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def public_callables():
    """Return (label, object) of every public class and function."""
    if not (ROOT / "doc" / "api_reference.py").exists():
        return []
    api_reference = load("api_reference")
    named = [
        (f"{module}.{name}", getattr(importlib.import_module(module), name))
        for module in api_reference.API_REFERENCE
        for name in api_reference.public_names(module)
    ]
    return [(label, public) for label, public in named if inspect.isclass(public) or inspect.isfunction(public)]


CALLABLES = public_callables()
each_callable = pytest.mark.parametrize("public", [p for _, p in CALLABLES], ids=[label for label, _ in CALLABLES])


@pytest.fixture(scope="module")
def api_reference():
    return load("api_reference")


def test_readme_python_examples_run():
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_on_the_page_run(page):
    examples = doctest.DocTestParser().get_doctest(page.read_text(encoding="utf-8"), {}, page.name, str(page), 0)
    report = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(examples, out=report.append)
    assert result.failed == 0, "".join(report)


def test_error_messages_of_the_faq_are_many():
    # The page before was run with its messages; this one only notices when they are gone.
    assert (ROOT / "doc" / "faq.rst").read_text(encoding="utf-8").count("Traceback (most recent call last):") >= 10


def test_results_of_the_readme_become_restructured_text(tmp_path):
    target = tmp_path / "results.inc"
    load("readme_results").write_results(ROOT / "README.md", target)
    text, readme = target.read_text(encoding="utf-8"), (ROOT / "README.md").read_text(encoding="utf-8")
    results = readme.split("## Results")[1].split("\n## ")[0]
    assert text.count(".. list-table::") == len(re.findall(r"^\|[-| ]+\|$", results, flags=re.MULTILINE)) >= 3
    assert re.findall(r"\d+\.\d+|\.\d+", text) == re.findall(r"\d+\.\d+|\.\d+", results)
    assert "](" not in text
    assert not re.search(r"^\|", text, flags=re.MULTILINE)
    (tmp_path / "README.md").write_text("# no results")
    with pytest.raises(ValueError, match="no section 'Results'"):
        load("readme_results").write_results(tmp_path / "README.md", target)


def test_every_subpackage_is_on_the_api_page(api_reference):
    submodules = {f"skperturb.{name}" for name in skperturb._SUBMODULES} - {"skperturb.reproduce"}
    assert set(api_reference.API_REFERENCE) == submodules


def test_every_name_is_written_on_the_api_page(api_reference, tmp_path):
    api_reference.write_pages(tmp_path / "api.rst")
    lines = {line.strip() for line in (tmp_path / "api.rst").read_text(encoding="utf-8").splitlines()}
    for module in api_reference.API_REFERENCE:
        assert set(importlib.import_module(module).__all__) <= lines


def test_top_level_names_are_on_the_api_page(api_reference):
    documented = {name for module in api_reference.API_REFERENCE for name in api_reference.public_names(module)}
    assert set(skperturb._PUBLIC) <= documented
    for name in skperturb.__all__:
        assert hasattr(skperturb, name)


def test_diagrams_link_to_pages_that_exist():
    pages = {label for label, _ in CALLABLES}
    estimators = [public for _, public in CALLABLES if inspect.isclass(public) and issubclass(public, BaseEstimator)]
    assert len(estimators) > 15
    for estimator in estimators:
        link = estimator()._get_doc_link()
        assert link.rsplit("/", 1)[1].removesuffix(".html") in pages


def sections(public):
    """Return the sections of a numpydoc docstring by their names."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}$", inspect.cleandoc(public.__doc__ or ""), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented_parameters(public):
    """Return the type of each documented parameter; "" for those that are described as elsewhere."""
    found = {}
    for line in sections(public).get("Parameters", "").splitlines():
        match = re.match(r"^([*\w][\w*, ]*?)(?: : (.+))?$", line)
        if match:
            found.update({name.strip(" *"): match[2] or "" for name in match[1].split(",")})
    return found


def is_called_by_users(public):
    made_by_a_method = public.__name__ in {"KineticModel", "NetworkStructure"}
    return not made_by_a_method and not (inspect.isclass(public) and issubclass(public, Exception))


def has_example(public):
    return ">>>" in (public.__doc__ or "")


CALLED = [(label, public) for label, public in CALLABLES if is_called_by_users(public)]


@pytest.mark.parametrize("public", [p for _, p in CALLED], ids=[label for label, _ in CALLED])
def test_docstring_describes_the_parameters(public):
    documented = documented_parameters(public)
    parameters = {name: p for name, p in inspect.signature(public).parameters.items() if name not in {"self", "cls"}}
    assert set(documented) == set(parameters)
    for name, parameter in parameters.items():
        kind = documented[name]
        if not kind:
            continue
        if re.search(r"\barray|ndarray|DataFrame|matrix\b", re.sub(r"\{.*\}|default=.*", "", kind)):
            assert re.search(r"shape|sequence|Bunch", kind), f"{name} has no shape: {kind}"
        default = re.search(r"default=(.+)$", kind)
        if parameter.default is inspect.Parameter.empty or "factory" in str(parameter.default):
            continue
        assert default, f"{name} has no default: {kind}"
        assert ast.literal_eval(default[1]) == parameter.default, name


@each_callable
def test_docstring_has_its_sections(public):
    assert public.__doc__
    if inspect.isclass(public) and issubclass(public, Exception):
        return
    found = sections(public)
    assert has_example(public)
    if inspect.isfunction(public):
        annotation = inspect.signature(public).return_annotation
        assert annotation in (None, "None") or {"Returns", "Yields"} & set(found)
        if re.search(r"^\s+raise ", inspect.getsource(public), flags=re.MULTILINE):
            assert "Raises" in found
    elif issubclass(public, BaseEstimator):
        assert {"Parameters", "Examples"} <= set(found)
        assert "Attributes" in found or not learned_attributes(public)


def learned_attributes(public):
    """Return the public attributes that the methods of a class and of its bases in the package set."""
    sources = [inspect.getsource(base) for base in public.__mro__ if base.__module__.startswith("skperturb.")]
    return set(re.findall(r"self\.([a-z]\w*[a-z0-9]_) = ", "".join(sources)))


def is_skorch_hook(name):
    return name.startswith("on_")


@each_callable
def test_public_methods_are_described(public):
    if not inspect.isclass(public):
        return
    for name, method in inspect.getmembers(public, inspect.isroutine):
        if name.startswith("_") or not str(getattr(method, "__module__", "")).startswith("skperturb."):
            continue
        label = f"{public.__name__}.{name}"
        assert method.__doc__, label
        own = set(inspect.signature(method).parameters) - {"self", "X", "y", "ax", "groups", "input_features"}
        assert not own or is_skorch_hook(name) or "Parameters\n" in method.__doc__, f"{label} takes {own}"
        if re.search(r"^\s+raise ", inspect.getsource(method), flags=re.MULTILINE):
            assert "Raises\n" in method.__doc__, f"{label} raises"


def test_documentation_build_needs_no_network():
    # Links to other projects are fetched when the pages are built; so they are asked for by an environment variable.
    source = (ROOT / "doc" / "conf.py").read_text(encoding="utf-8")
    before, _, after = source.partition('if os.environ.get("SKPERTURB_INTERSPHINX"):')
    assert "intersphinx" not in before
    assert "intersphinx_mapping" in after


def commands():
    """Return the arguments of every ``python -m skperturb`` that is written down without a placeholder."""
    if not PAGES:
        return []
    texts = [page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"]]
    found = {command for text in texts for command in re.findall(r"python -m skperturb\b([^`#\n;]*)", text)}
    return sorted({command.strip() for command in found if not re.search(r"…| N\b", command)})


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command):
    from skperturb.__main__ import _parser

    arguments = command.split()
    assert _parser(arguments).parse_args(arguments).run


def test_scripts_that_the_pages_name_exist():
    for page in PAGES:
        for name in re.findall(r"(?:benchmarks|examples)/\w+\.py", page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{page.name} names {name}"
