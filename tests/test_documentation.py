"""The documentation tells the truth: its examples run, and every public name is described as it is."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import itertools
import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
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
    # To `inspect`, a cached property is a routine; it has no signature.
    for name, method in inspect.getmembers(public, lambda member: inspect.isroutine(member) and callable(member)):
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

    arguments = shlex.split(command)
    assert _parser(arguments).parse_args(arguments).run


def test_links_of_the_readme_lead_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"doc/choose.rst", "doc/limits.rst"} <= set(links)
    for link in links:
        assert (ROOT / link).exists(), link


def test_scripts_that_the_pages_name_exist():
    for page in PAGES:
        for name in re.findall(r"(?:benchmarks|examples)/\w+\.py", page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


# Bring your own data --------------------------------------------------------------------------------------------------

OWN_DATA = ROOT / "doc" / "bring_your_own_data.rst"


def own_data_blocks():
    """Return the code of each section of the page, in order."""
    found = {}
    title, lines = "", OWN_DATA.read_text(encoding="utf-8").splitlines()
    for k, line in enumerate(lines):
        if k + 1 < len(lines) and re.fullmatch(r"-{4,}", lines[k + 1]):
            title = line
        elif line == ".. code-block:: python":
            body = itertools.takewhile(lambda text: not text or text.startswith("    "), lines[k + 1 :])
            found.setdefault(title, []).append(textwrap.dedent("\n".join(body)))
    return found


def run_blocks(blocks, names):
    for block in blocks:
        exec(compile(block, OWN_DATA.name, "exec"), names)
    return names


def write_screen(path):
    """Two data sets with one condition in common, and another level of expression in one of them."""
    from skperturb.datasets import make_perturbation_screen

    cells = make_perturbation_screen(20, n_perturbed=6, n_doubles=10, n_cells=8, random_state=0)
    del cells.uns["graph"], cells.uns["response"]
    shared = cells.obs["perturbation"].isin(["control", "gene0"]).to_numpy()
    second = shared & (np.arange(cells.n_obs) % 2 == 0)
    cells.X = cells.X.toarray() + second[:, None]
    cells.obs["dataset"] = np.where(second, "second", "first")
    cells.write_h5ad(path)


def write_tables(folder):
    genes = ["KLF1", "TP53", "GATA1"]
    changes = pd.DataFrame([[1.0, 0.0], [0.0, 2.0], [0.5, -1.0], [1.5, -1.0]], columns=["HBG1", "CD14"])
    changes.set_axis([*genes, "KLF1+GATA1"]).to_csv(folder / "log_fold_changes.csv")
    identifiers = ["ENSG00000105610.6", "ENSG00000141510.18", "GF1"]
    pd.DataFrame(np.eye(3), index=identifiers).to_csv(folder / "gene_features.csv")
    hgnc = {"symbol": genes, "ensembl_gene_id": ["ENSG00000105610", "ENSG00000141510", "ENSG00000102145"]}
    hgnc["prev_symbol"] = [None, None, "GF1"]
    pd.DataFrame(hgnc).to_csv(folder / "hgnc.tsv", sep="\t", index=False)


def write_interactions(folder):
    from skperturb.datasets import load_textbook_models, make_gene_network

    network = make_gene_network(40, 3, n_interactions=150, random_state=0)
    pairs = pd.DataFrame(network.pairs, columns=["gene_a", "gene_b"])
    both = pd.concat([pairs, pairs.head(5).rename(columns={"gene_a": "gene_b", "gene_b": "gene_a"})])
    both.to_csv(folder / "edges.csv", index=False)
    network.expression.to_csv(folder / "expression.csv")
    header = ["Official Symbol Interactor A", "Official Symbol Interactor B", "Experimental System",
              "Experimental System Type", "Organism ID Interactor A", "Organism ID Interactor B"]  # fmt: skip
    rows = [["KLF1", "TP53", "Two-hybrid", "physical", "9606", "9606"],
            ["TP53", "KLF1", "Co-fractionation", "physical", "9606", "9606"],
            ["TP53", "GATA1", "Synthetic Lethality", "genetic", "9606", "9606"],
            ["Trp53", "Klf1", "Two-hybrid", "physical", "10090", "10090"]]  # fmt: skip
    table = [["#BioGRID Interaction ID", *header], *([str(k), *row] for k, row in enumerate(rows))]
    lines = ["\t".join(row) for row in table]
    (folder / "biogrid.tab3.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    links = ["protein1 protein2 combined_score", "9606.ENSP1 9606.ENSP2 900", "9606.ENSP2 9606.ENSP1 900",
             "9606.ENSP1 9606.ENSP3 200"]  # fmt: skip
    (folder / "9606.protein.links.v12.0.txt").write_text("\n".join(links) + "\n", encoding="utf-8")
    (folder / "model.xml").write_text(load_textbook_models().data[0], encoding="utf-8")


def check_story(names):
    """Nothing of the screen's story is NaN, and names are kept to its end."""
    import anndata

    bulk, predicted = names["bulk"], names["predicted"]
    assert not names["labels"]["is_doubtful"].any()
    assert bulk.target.notna().all(axis=None)
    assert np.isfinite(names["table"][["mean_test_score", "std_test_score"]].to_numpy()).all()
    assert len(names["table"]) == 3
    assert predicted.notna().all(axis=None)
    assert list(predicted.index) == list(bulk.target.index[names["test"]])
    trained, tested = (set(map(frozenset, bulk.data["perturbation"].iloc[rows].str.split("+"))) for rows in
                       (names["train"], names["test"]))  # fmt: skip
    assert not trained & tested
    written = anndata.read_h5ad("predicted.h5ad")
    assert list(written.obs["perturbation"]) == list(bulk.data["perturbation"].iloc[names["test"]])
    assert list(written.obs["dataset"]) == list(bulk.data["dataset"].iloc[names["test"]])
    assert np.isfinite(written.X).all()
    means = bulk.control_mean.loc[list(written.obs["dataset"])].to_numpy()
    np.testing.assert_allclose(written.layers["expression"], predicted.to_numpy() + means)


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    pytest.importorskip("anndata")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    import matplotlib.pyplot as plt

    plt.close("all")


def test_recipes_for_own_data_run(in_folder):
    write_screen(in_folder / "screen.h5ad")
    write_tables(in_folder)
    write_interactions(in_folder)
    sections = own_data_blocks()
    assert len(sections) == 6
    names = {"__name__": "own_data"}
    for title, blocks in sections.items():
        run_blocks(blocks, names)
        if title == "Cells of a perturbation screen":
            check_story(names)
            assert names["labels"].set_index("label").loc["gene0", "varies"] == "dataset (2)"
    np.testing.assert_allclose(names["predicted_pair"], [[1.0, 2.0]])
    assert names["found"].mapping == {"ENSG00000105610.6": "KLF1", "ENSG00000141510.18": "TP53", "GF1": "GATA1"}
    assert set(names["features"].index) == set(names["perturbed"])
    assert len(names["edges"].pairs) == 150
    assert names["biogrid"].pairs.tolist() == [["KLF1", "TP53"]]
    assert names["string"].pairs.tolist() == [["ENSP1", "ENSP2"]]
    assert 0.5 < names["auroc"] <= 1.0
    assert len(names["candidates"]) == 20
    assert np.isfinite(np.asarray(names["vectors"])).all()
    assert list(names["topology"].index) == list(names["truth"].index)
    assert np.isfinite(names["truth"].to_numpy()).all()


@pytest.mark.real_data
def test_story_of_a_screen_runs_on_real_cells(in_folder, data_home):
    (in_folder / "screen.h5ad").symlink_to(data_home / "responses" / "norman2019_mcfaline2023_500hvg.h5ad")
    names = run_blocks(own_data_blocks()["Cells of a perturbation screen"], {"__name__": "own_data"})
    check_story(names)
    assert names["bulk"].target.shape == (42, 500)
