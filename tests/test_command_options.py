"""An option of the command line changes what is computed or printed, or it is refused."""

import argparse
import contextlib
import io
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skperturb.datasets
import skperturb.interactions
import skperturb.networks
import skperturb.persistence
import skperturb.report
import skperturb.responses
import skperturb.sbml
from skperturb import _command_networks
from skperturb.__main__ import _parser, main
from skperturb.datasets import load_textbook_models, make_gene_network, make_perturbation_screen
from skperturb.interactions import L3Paths
from skperturb.networks import DynamoDistance
from skperturb.persistence import save_model
from skperturb.reproduce import engine, enhancer, interactions, networks, responses, simulated, structural, textbook
from skperturb.responses import pseudobulk

LINES = ("networks", "interactions", "responses", "engine")
OWN = "reproduce responses --pseudobulk bulk.tsv --repeats 1"
UNTESTED = "reproduce responses --pseudobulk bulk.tsv --predict pairs"
CELLS = "reproduce responses --h5ad cells.h5ad --models mean,additive --repeats 1"
CONTEXTS = "reproduce responses --h5ad cells.h5ad --task context --models kernel"
EDGES = "reproduce interactions --edges edges.csv"
RANKED = "responses bulk.tsv --repeats 0 --predict pairs"
FIT = "fit responses bulk.tsv --save m.skops"
FIT_CELLS = "fit responses cells.h5ad --save m.skops"
FIT_NETWORKS = "fit networks model.xml --n-models 1 --save m.skops"
SCORE = "score cells.h5ad scaled.h5ad"
# Names no model, so the refusal lists those that the other options make.
NO_MODEL = "--models published-nothing"


SEDML = """<sedML><listOfModels><model id="m" source="model.xml"/></listOfModels><listOfSimulations>
<oneStep id="s" step="1"/></listOfSimulations><listOfTasks><task id="t" modelReference="m" simulationReference="s"/>
</listOfTasks></sedML>"""


@dataclass(frozen=True)
class Case:
    """Two command lines that differ in one option.

    Parameters
    ----------
    command, option : str
        The command, "" for none, and the option in question.
    line, changed : str
        Without and with the option, or with two of its values; blanks separate the arguments.
    refused : str
        Part of the refusal of `changed`; "" where it is to do something else than `line`.
    """

    command: str
    option: str
    line: str
    changed: str
    refused: str = ""

    def __str__(self):
        return f"{self.command} {self.option}{' refused' if self.refused else ''}".strip().replace(" ", "-")


def changes(command, line, **options):
    """One case for each option, which is put behind the line."""
    return [
        Case(command, f"--{name.replace('_', '-')}", line, f"{line} --{name.replace('_', '-')} {value}".rstrip())
        for name, value in options.items()
    ]


def refused(command, option, changed, message="is only read"):
    return Case(command, option, "", changed, message)


CASES = [
    Case("", "--figures", "--figures one", "--figures two"),
    Case("", "--version", "screen model.xml", "--version"),
    refused("", "--figures", "--figures one screen model.xml"),
    *changes("screen", "screen model.xml", csv="out.csv", jobs="2", timeout="0.001"),
    *changes("networks", "networks model.xml", top="1", structure="", state="state.csv", csv="out.csv", jobs="2"),
    *changes("networks", "networks model.xml", figures="drawings", timeout="0.001", export="written"),
    *changes("perturb", "perturb model.xml --scale alpha1=2 --knock-out v", knock_out="u", scale="u=3", set="u=1"),
    *changes("perturb", "perturb model.xml --scale alpha1=2 --knock-out v", hold="u=1", together="", times="0 1 2"),
    *changes("perturb", "perturb model.xml --scale alpha1=2 --knock-out v", csv="out.csv", jobs="2"),
    *changes("perturb", "perturb model.xml --hold u=1 --times 0 1", at_steady_state=""),
    *changes("report", "report model.xml --html page.html", top="1", jobs="2", timeout="0.5"),
    *changes("report", "report cells.h5ad --html page.html", groupby="other", control="NT"),
    Case("report", "--html", "report model.xml --html page.html", "report model.xml --html other.html"),
    *changes("interactions", "interactions edges.csv --model l3", expression="expression.csv", exclude="tested.csv"),
    *changes("interactions", "interactions edges.csv --model l3", top="7", gene="g0", csv="out.csv", model="gne"),
    *changes("biosimulators", "biosimulators -i a.omex", archive="b.omex", out_dir="results", quiet="", version=""),
    *changes("biosimulators", "biosimulators -i b.omex", debug=""),
    *changes("labels", "labels labels.csv --groupby guide", groupby="batch", control="NT", sep=";", csv="out.csv"),
    *changes("labels", "labels labels.csv --groupby guide", genes="A B C", guide_suffix=r"_g\d+", guide_prefix="x-"),
    *changes("score", SCORE, no_tests="", own_control="", target_sum="1000"),
    *changes("score", f"{SCORE} --no-tests", groupby="other", control="NT", sep=";", seed="1", csv="out.csv"),
    *changes("score", f"{SCORE} --no-tests", guide_suffix=r"\d", guide_prefix="gene"),
    *changes("score", "score bulk.tsv half.tsv", train="half.tsv"),
    *changes("score", "score cells.h5ad others.h5ad --no-tests", genes="shared"),
    *changes("responses", RANKED, csv="out.csv", json="out.json", figures="drawings", repeats="1", rank_by="effect"),
    *changes("responses", RANKED, control="g0", graph="graph.tsv", gene_features="features.csv"),
    *changes("responses", "responses bulk.tsv --repeats 0", predict="g0+g1 g0+g3", other_screen="half.tsv"),
    *changes("responses", "responses cells.h5ad --repeats 0", contexts="line", groupby="other"),
    *changes("responses", "responses cells.h5ad --repeats 0 --predict gene0", target_sum="100"),
    *changes("responses", "responses cells.h5ad --repeats 0", sep=";", guide_suffix=r"\d", guide_prefix="gene"),
    *changes("responses", "responses doubtful.csv --repeats 0", skip_doubtful=""),
    refused("responses", "--csv", "responses bulk.tsv --repeats 0 --csv out.csv"),
    refused("responses", "--rank-by", "responses bulk.tsv --repeats 0 --rank-by effect"),
    refused("responses", "--groupby", "responses bulk.tsv --groupby guide"),
    refused("responses", "--target-sum", "responses bulk.tsv --target-sum 10"),
    Case("fit responses", "--save", "fit responses bulk.tsv --save m.skops", "fit responses bulk.tsv --save n.skops"),
    *changes("fit responses", FIT, control="g0", graph="graph.tsv", gene_features="features.csv", model="additive"),
    *changes("fit responses", FIT, other_screen="half.tsv"),
    *changes("fit responses", "fit responses bulk.tsv --model app --save m.skops", seed="1"),
    *changes("fit responses", FIT_CELLS, contexts="line", groupby="other", sep=";", guide_suffix=r"\d"),
    *changes("fit responses", FIT_CELLS, guide_prefix="gene", target_sum="100"),
    *changes("fit responses", "fit responses doubtful.csv --save m.skops", skip_doubtful=""),
    refused("fit responses", "--seed", f"{FIT} --seed 1"),
    refused("predict", "--top", "predict pairs.skops edges.csv --top 2"),
    refused("fit responses", "--graph", f"{FIT} --model additive --graph graph.tsv", "knows nothing of genes"),
    *changes("fit interactions", "fit interactions edges.csv --model l3 --save m.skops", expression="expression.csv"),
    *changes("fit interactions", "fit interactions edges.csv --model l3 --save m.skops", model="gne", save="n.skops"),
    *changes("fit interactions", "fit interactions edges.csv --model l3 --save m.skops", seed="1"),
    *changes(
        "fit networks", FIT_NETWORKS, kind="steady_state", save="n.skops", n_models="2", seed="1", timeout="0.001"
    ),
    *changes("fit networks", FIT_NETWORKS, jobs="2"),
    *changes("predict", "predict pairs.skops edges.csv", csv="out.csv"),
    *changes("predict", "predict nets.skops edges.csv", top="1"),
    *changes("predict", "predict foreign.skops edges.csv", trust="argparse.Namespace"),
    *changes("reproduce networks", "reproduce networks --models 1", models="2", json="out.json", data_home="home"),
    *changes(
        "reproduce networks", "reproduce networks --models 1", jobs="2", timeout="1", kind="relative", enhancer=""
    ),
    Case("reproduce networks", "--all", "reproduce networks", "reproduce networks --all"),
    refused("reproduce networks", "--all", "reproduce networks --models 1 --all", "not allowed with"),
    *changes("reproduce networks", "reproduce networks --enhancer --models 1", n_models="2", figures="figures"),
    *changes("reproduce networks", "reproduce networks --enhancer --models 1", json="out.json", kind="steady_state"),
    *changes("reproduce networks", "reproduce networks --kind relative --models 1", json="out.json", data_home="home"),
    refused("reproduce networks", "--n-models", "reproduce networks --models 1 --n-models 2"),
    refused("reproduce networks", "--figures", "reproduce networks --models 1 --figures figures"),
    refused("reproduce networks", "--figures", "reproduce networks --kind relative --models 1 --figures figures"),
    *changes(
        "reproduce interactions", f"{EDGES} --models degree --repeats 1", repeats="2", models="l3", json="out.json"
    ),
    *changes("reproduce interactions", f"{EDGES} --models degree --repeats 1", protocol="sparsity", edges="tested.csv"),
    *changes("reproduce interactions", f"{EDGES} --models l3+ --repeats 1", expression="expression.csv"),
    *changes("reproduce interactions", f"{EDGES} --models line --repeats 1 --device cpu", device="nonsense"),
    *changes(
        "reproduce interactions", f"{EDGES} --models degree --repeats 1 --protocol temporal", later_edges="tested.csv"
    ),
    *changes("reproduce interactions", "reproduce interactions --models degree --data-home home", data_home="nowhere"),
    refused("reproduce interactions", "--later-edges", f"{EDGES} --later-edges tested.csv"),
    refused("reproduce interactions", "--data-home", f"{EDGES} --data-home home"),
    refused("reproduce interactions", "--repeats", f"{EDGES} --protocol operons --repeats 2"),
    refused("reproduce interactions", "--json", f"{EDGES} --protocol operons --json out.json"),
    refused(
        "reproduce interactions", "--expression", "reproduce interactions --expression expression.csv", "without edges"
    ),
    *changes("reproduce responses", f"{OWN} --models mean", task="single", repeats="2", models="additive"),
    *changes("reproduce responses", f"{OWN} --models mean", json="out.json", attention="", control="g0"),
    *changes("reproduce responses", f"{OWN} {NO_MODEL} --graph graph.tsv", ablations="", degradation=""),
    *changes("reproduce responses", f"{OWN} --models mean --attention", graph="graph.tsv"),
    *changes("reproduce responses", CELLS, groupby="other", control="ctrl", sep=";", guide_suffix=r"\d"),
    *changes("reproduce responses", f"{OWN} --task single --models mean", gene_features="features.csv"),
    *changes("reproduce responses", f"{OWN}", predict="pairs"),
    *changes("reproduce responses", UNTESTED, rank_by="effect", csv="out.csv", graph="graph.tsv"),
    *changes("reproduce responses", f"{CONTEXTS} --contexts line", contexts="batch", repeats="2", groupby="other"),
    *changes("reproduce responses", CELLS.replace("mean,additive", "kernel"), use_noise=""),
    refused("reproduce responses", "--use-noise", f"{OWN} --models additive --use-noise", "noise of the screen"),
    refused("reproduce responses", "--use-noise", f"{CONTEXTS} --contexts line --use-noise"),
    refused("reproduce responses", "--contexts", CONTEXTS, "needs --contexts"),
    refused("reproduce responses", "--contexts", f"{CELLS} --contexts line"),
    refused("reproduce responses", "--contexts", "reproduce responses --task context --contexts line"),
    refused("reproduce responses", "--dataset", "reproduce responses --task context --dataset tian2021"),
    refused("reproduce responses", "--attention", f"{CONTEXTS} --contexts line --attention"),
    Case("reproduce responses", "--h5ad", CELLS, CELLS.replace("cells", "others")),
    Case(
        "reproduce responses", "--pseudobulk", f"{OWN} --models mean", f"{OWN} --models mean".replace("bulk.", "half.")
    ),
    *changes("reproduce responses", "reproduce responses --data-home home", dataset="tian2021", data_home="nowhere"),
    refused("reproduce responses", "--h5ad", f"{OWN} --h5ad cells.h5ad", "not allowed with"),
    refused("reproduce responses", "--dataset", f"{OWN} --dataset tian2021"),
    refused("reproduce responses", "--data-home", f"{OWN} --data-home home"),
    refused("reproduce responses", "--groupby", f"{OWN} --groupby perturbation"),
    refused("reproduce responses", "--control", "reproduce responses --control NT"),
    refused("reproduce responses", "--graph", "reproduce responses --graph graph.tsv"),
    refused("reproduce responses", "--gene-features", "reproduce responses --gene-features features.csv"),
    refused("reproduce responses", "--sep", "reproduce responses --sep +"),
    refused("reproduce responses", "--guide-suffix", "reproduce responses --guide-suffix x"),
    refused("reproduce responses", "--predict", "reproduce responses --predict pairs"),
    refused("reproduce responses", "--rank-by", f"{OWN} --rank-by effect"),
    refused("reproduce responses", "--csv", f"{OWN} --csv out.csv"),
    refused("reproduce responses", "--json", f"{UNTESTED} --json out.json"),
    refused("reproduce responses", "--models", f"{UNTESTED} --models mean"),
    refused("reproduce responses", "--attention", f"{UNTESTED} --attention"),
    refused("reproduce responses", "--repeats", f"{UNTESTED} --repeats 2"),
    refused("reproduce responses", "--task", f"{UNTESTED} --task single"),
    refused("reproduce responses", "--degradation", f"{OWN} --degradation"),
    refused("reproduce responses", "--ablations", f"{OWN} --models mean --ablations"),
    *changes("reproduce engine", "reproduce engine", sample="2", timeout="1", json="out.json", clamp="", suite="cases"),
    *changes("reproduce engine", "reproduce engine", data_home="home"),
    *changes("reproduce engine", "reproduce engine --sample 2", seed="1"),
    *changes("reproduce engine", "reproduce engine --suite cases", form="l2v4", jobs="1", json="out.json", timeout="1"),
    *changes("reproduce engine", "reproduce engine --clamp", sample="2", json="out.json", timeout="1"),
    refused("reproduce engine", "--seed", "reproduce engine --seed 1"),
    refused("reproduce engine", "--form", "reproduce engine --form l2v4"),
    refused("reproduce engine", "--jobs", "reproduce engine --clamp --jobs 2"),
    refused("reproduce engine", "--clamp", "reproduce engine --clamp --suite cases", "not allowed with"),
    refused("reproduce engine", "--sample", "reproduce engine --suite cases --sample 2"),
    refused("reproduce engine", "--data-home", "reproduce engine --suite cases --data-home home"),
]


def parsers(parser, command=()):
    """Yield every command with its parser."""
    yield " ".join(command), parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from parsers(below, (*command, name))


def options(parser):
    found = {text for action in parser._actions for text in action.option_strings if text.startswith("--")}
    return found - {"--help"}


def test_every_option_has_a_case():
    expected = {
        (command, option) for command, parser in parsers(_parser(["reproduce", *LINES])) for option in options(parser)
    }
    assert {(case.command, case.option) for case in CASES} == expected
    # What is refused in one place must do something in another one.
    assert {(case.command, case.option) for case in CASES if not case.refused} == expected


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The small files that the command lines name."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "model.xml").write_text(load_textbook_models().data[0], encoding="utf-8")
    (folder / "state.csv").write_text("name,value\nu,2.0\nv,1.0\n")
    for name, task in {"a.omex": "task", "b.omex": "repeatedTask"}.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.write(folder / "model.xml", "model.xml")
            archive.writestr("run.sedml", SEDML.replace("task", task))
    network = make_gene_network(30, 3, n_interactions=100, random_state=0)
    names = np.char.add("g", np.unique(network.pairs, return_inverse=True)[1].reshape(-1, 2).astype(str))
    pd.DataFrame(names[:80]).to_csv(folder / "edges.csv", index=False, header=["gene_a", "gene_b"])
    pd.DataFrame(names[40:]).to_csv(folder / "tested.csv", index=False, header=["gene_a", "gene_b"])
    genes = np.unique(names)
    values = pd.DataFrame(np.random.RandomState(0).normal(size=(len(genes), 4)), index=genes)
    values.to_csv(folder / "expression.csv")
    labels = ["control", "A", "A_B", "x-A", "B_g1", "A;B", "NT"]
    pd.DataFrame({"guide": labels, "batch": ["control", "A", "A", "B", "B", "B", "B"]}).to_csv(
        folder / "labels.csv", index=False
    )
    cells = make_perturbation_screen(12, n_perturbed=6, n_doubles=8, n_cells=4, random_state=0)
    cells.uns["graph"].to_csv(folder / "graph.tsv", sep="\t", index=False)
    del cells.uns["graph"], cells.uns["response"]
    table = pseudobulk(cells, "perturbation", "control").target
    table.index = table.index.str.replace("gene", "g")
    table.to_csv(folder / "bulk.tsv", sep="\t")
    (0.5 * table).to_csv(folder / "half.tsv", sep="\t")
    table.rename(index={table.index[0]: "STAT1_g1"}).to_csv(folder / "doubtful.csv")
    genes = [f"g{k}" for k in range(8)]
    pd.DataFrame(np.random.RandomState(1).normal(size=(8, 5)), index=genes).to_csv(folder / "features.csv")
    # Another column, with other control cells.
    other = np.array(cells.obs["perturbation"].astype(str), dtype=object)
    other[np.flatnonzero(other == "control")[::2]] = "gene0"
    cells.obs["other"] = other
    cells.obs["line"] = np.resize(["x", "y"], len(cells))
    cells.obs["batch"] = np.resize(["x", "x", "y", "y"], len(cells))
    cells.write_h5ad(folder / "cells.h5ad")
    cells[:, :8].copy().write_h5ad(folder / "others.h5ad")
    cells.X = 1.1 * cells.X.toarray() + 0.1 * (cells.obs["other"] == "gene0").to_numpy()[:, None]
    cells.write_h5ad(folder / "scaled.h5ad")
    paths = L3Paths(random_state=0).fit(names)
    save_model(paths, folder / "pairs.skops", line="interactions")
    save_model(DynamoDistance(), folder / "nets.skops", line="networks")
    paths.note = argparse.Namespace()
    save_model(paths, folder / "foreign.skops", line="interactions")
    return folder


def told(name, result):
    """Stand in for a long computation, or stand before a short one, and say what it was asked for."""

    def function(*given, **named):
        named.pop("verbose", None)
        shown = {key: value for key, value in named.items() if not callable(value)}
        sys.stdout.write(f"{name} {given} {shown}\n")
        return result(*given, **named) if callable(result) else result

    return function


def here(extractor):
    """Leave out what would start worker processes."""

    def build(*given, timeout=None, n_jobs=None, **named):
        return extractor(*given, **named)

    return build


class Recorded:
    """Stand in for a model that would train, and show its parameters."""

    def __init__(self, *given, **named):
        self._shown = f"{given} {named}"

    def fit(self, *given, **named):
        return self

    def rank_candidates(self, *given, **named):
        table = pd.DataFrame({"gene_a": ["x"], "gene_b": ["y"]})
        table.attrs = {"n_candidates": 1, "n_scored": 1}
        return table

    def __repr__(self):
        return self._shown


def saved(model, path, **about):
    """Stand in for `save_model`."""
    learned = getattr(getattr(model, "named_steps", {}).get("model"), "effects_", None)
    sys.stdout.write(f"{model!r} {about} {learned}\n")
    Path(path).write_text("model")


class Pictures:
    def report(self):
        return "report"

    def examples(self):
        return "examples"

    def save_figures(self, folder):
        return [Path(folder) / "figure.png"]


@pytest.fixture
def quick(monkeypatch, files, tmp_path):
    """Replace what takes minutes by functions that print what they were asked for."""
    monkeypatch.chdir(tmp_path)
    for module in (interactions, responses):
        monkeypatch.setattr(module, "time", argparse.Namespace(perf_counter=lambda: 0.0))
    for file in files.iterdir():
        Path(file.name).symlink_to(file)
    screen = skperturb.sbml.screen_models
    monkeypatch.setattr(skperturb.sbml, "screen_models", told("screen", screen))
    monkeypatch.setattr(skperturb.sbml, "perturb", told("perturb", skperturb.sbml.perturb))
    monkeypatch.setattr(_command_networks, "network_responses", told("responses", _command_networks.network_responses))
    monkeypatch.setattr(skperturb.sbml, "JacobianExtractor", told("extractor", here(skperturb.sbml.JacobianExtractor)))
    monkeypatch.setattr(skperturb.networks, "GCNEnhancer", Recorded)
    monkeypatch.setattr(skperturb.responses, "APPRegressor", Recorded)
    monkeypatch.setattr(skperturb.interactions, "GNEEmbedder", Recorded)
    monkeypatch.setattr(skperturb.persistence, "save_model", saved)
    monkeypatch.setattr(skperturb.report, "write_report", told("report", [None]))
    monkeypatch.setattr(textbook, "run_textbook_models", told("textbook", [Pictures()]))
    monkeypatch.setattr(simulated, "interactions_in_short", told("interactions", ""))
    monkeypatch.setattr(simulated, "responses_in_short", told("responses", ""))
    monkeypatch.setattr(networks, "reproduce_networks", told("networks", []))
    monkeypatch.setattr(networks, "report", told("report", ""))
    monkeypatch.setattr(structural, "reproduce_structural", told("structural", []))
    monkeypatch.setattr(structural, "report_structural", told("report", ""))
    monkeypatch.setattr(enhancer, "fetch_reproduction_set", told("set", pd.DataFrame({"id": [1]})))
    for name, result in {"load_networks": [], "oracle_bounds": [], "report_oracles": "", "report": ""}.items():
        monkeypatch.setattr(enhancer, name, told(name, result))
    monkeypatch.setattr(
        enhancer,
        "cross_validate_enhancer",
        lambda data, methods, **named: told(str(methods["enhancer, structure"]), [])(),
    )
    monkeypatch.setattr(enhancer, "save_figures", told("figures", []))
    monkeypatch.setattr(responses, "report_attention", lambda screen: f"attention {screen.graph is None}")
    models = argparse.Namespace(data=[f"{k}.xml" for k in range(5)])
    monkeypatch.setattr(skperturb.datasets, "fetch_biomodels", told("models", models))
    monkeypatch.setattr(
        engine, "benchmark_engine", told("engines", lambda paths, after_block, **named: after_block([]))
    )
    for name, result in {"report": "", "report_clamps": "", "report_suite": "", "run_suite": []}.items():
        monkeypatch.setattr(engine, name, told(name, result))
    monkeypatch.setattr(engine, "screen_clamps", told("clamps", [("0.xml", {"skipped": "unstable"})]))
    monkeypatch.setattr(engine, "write_suite", lambda results, path: path.write_text("[]"))


def outcome(line):
    """Return the exit status and what was printed and written, without times."""
    printed, before = io.StringIO(), {path for path in Path().rglob("*") if path.is_file()}
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            status = main(line.split())
        except SystemExit as end:
            status = end.code
    written = sorted(str(path) for path in set(Path().rglob("*")) - before if path.is_file())
    lines = re.split(r"[\r\n]", printed.getvalue())
    # Seconds stand before an "s" or at the end of a row of screen; progress bars have a rate.
    text = "\n".join(
        re.sub(r"\d+\.\d+ s\b|\d[\d.e-]* *$", "", line) for line in lines if not re.search(r"\d+%\||\?it", line)
    )
    # The widths of columns follow the seconds.
    text = re.sub(r" +", " ", text)
    for path in written:
        Path(path).unlink()
    return status, text, written


@pytest.mark.filterwarnings("ignore::skperturb.datasets.ChecksumWarning")
@pytest.mark.filterwarnings("ignore:The values are no whole numbers:UserWarning")
@pytest.mark.filterwarnings("ignore:.*gene_features are not used:UserWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_option_changes_the_result_or_is_refused(case, quick):
    status, text, written = outcome(case.changed)
    if case.refused:
        assert status == 2
        assert case.refused in text
        assert case.option in text or case.refused != "is only read"
        return
    without = outcome(case.line)
    assert (status, text, written) != without
    if case.option in ("--json", "--csv"):
        assert len(written) == 1
    assert "unrecognized arguments" not in text
    # Of both lines at least one works: two different refusals would show nothing.
    assert 0 in (status, without[0]) or case.option in (
        "--data-home",
        "--dataset",
        "--ablations",
        "--degradation",
        "--debug",
    )


def test_same_line_has_the_same_outcome(quick):
    """So a difference is the option's."""
    for line in dict.fromkeys(case.line for case in CASES):
        if line and "gne" not in line:
            assert outcome(line) == outcome(line), line


def _leaves(parser, words=()):
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(words), parser
    for group in groups:
        for name, part in group.choices.items():
            yield from _leaves(part, (*words, name))


TYPED = [
    (line, action)
    for line, leaf in _leaves(_parser(["reproduce", *LINES]))
    for action in leaf._actions
    if action.type in (int, float) or getattr(action.type, "__module__", "") == "skperturb._command_types"
]
# What may stand behind an option that reads numbers; all else is refused.
ALLOWED = {
    "count_or_all": ["-1"],
    "positive_number": [str(10**30), "1.5"],
    "real_number": [str(10**30), "-1", "0", "1.5"],
    "repetitions_or_none": ["0"],
    "seconds": ["1.5"],
    "seed": ["0"],
    "whole_number": ["0"],
}


@pytest.mark.parametrize(
    ("line", "action"), TYPED, ids=[f"{line} {action.option_strings[0]}" for line, action in TYPED]
)
def test_numbers_are_bounded_or_refused_by_the_name_of_their_option(line, action, capsys):
    assert action.type not in (int, float)
    parser = argparse.ArgumentParser()
    parser._add_action(action)
    accepted = []
    for text in (str(10**30), "-1", "0", "1.5", "x", "1_0", "１", "9" * 5000):
        try:
            parser.parse_args([action.option_strings[0], text])
            accepted.append(text)
            refused = None
        except SystemExit as end:
            refused = end.code
        # argparse ends with 2.
        named = f"argument {action.option_strings[0]}: " in capsys.readouterr().err
        assert (refused, named) in ((None, False), (2, True))
    assert accepted == ALLOWED.get(action.type.__name__, [])
