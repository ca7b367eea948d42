"""The page about a user's files: well formed, harmless, complete, and its numbers are those of the library."""

import dataclasses
import json
import re
import shutil
import subprocess
import zipfile
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from skperturb.__main__ import main
from skperturb._processes import Outcome
from skperturb.datasets import load_textbook_models, make_gene_network, make_perturbation_screen, read_interactions
from skperturb.interactions import L3Paths
from skperturb.networks import StructuralSensitivity
from skperturb.report import write_report
from skperturb.report._drawing import _beside, histogram, network_figure
from skperturb.report._models import _flows, _rank_correlation, _read
from skperturb.report._page import Section, page, table, text
from skperturb.report._parts import Parts
from skperturb.report._screens import _looks_like_counts, _Screen, screen_section
from skperturb.report._write import _guess, _Job, _of_outcome
from skperturb.responses import AdditiveRegressor, PerturbationEncoder, describe_labels, pseudobulk
from skperturb.sbml import JacobianExtractor, KineticModel, control_coefficients, sensitivity_matrix

EVIL = "<script>alert(1)</script>&\"'"
VOID = {"meta", "br"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GROWS = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="grows">
<listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="1"/><species id="B" compartment="c" initialAmount="1"/>
</listOfSpecies><listOfReactions>
<reaction id="source" reversible="false"><listOfProducts><speciesReference species="A"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>2</cn></math></kineticLaw></reaction>
<reaction id="copy" reversible="false"><listOfProducts><speciesReference species="B"/></listOfProducts><listOfModifiers>
<modifierSpeciesReference species="A"/></listOfModifiers>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>A</ci></math></kineticLaw></reaction>
</listOfReactions></model></sbml>"""


class Page(HTMLParser):
    """What a page holds; a tag that is not closed, or closed twice, fails."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words, self.tables, self.sections = [], [], [], [], {}
        self._cell = self._section = None
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self._section = attrs["id"]
        if tag == "table":
            self.tables.append((self._section, []))
        if tag == "tr":
            self.tables[-1][1].append([])
        if tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.words.append(data)
        self.sections[self._section] = self.sections.get(self._section, "") + data
        if self._cell is not None:
            self._cell += data

    def table(self, section, *columns):
        """Return the table of a section that has these columns."""
        for where, rows in self.tables:
            if where == section and rows and set(columns) <= set(rows[0]):
                return pd.DataFrame(rows[1:], columns=rows[0])
        raise AssertionError(f"{section} has no table with {columns}")


def column(frame, name):
    return pd.to_numeric(frame[name]).to_numpy(dtype=float)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    models = load_textbook_models()
    (folder / "repressilator.xml").write_text(models.data[1], encoding="utf-8")
    (folder / "grows & <b>.xml").write_text(GROWS, encoding="utf-8")
    (folder / "broken.xml").write_text("<sbml>")
    network = make_gene_network(60, 3, n_interactions=200, random_state=0)
    names = np.char.add("g", network.pairs.astype(str)).astype(object)
    names[names == names[0, 0]] = EVIL
    pd.DataFrame([*names, names[0]]).to_csv(folder / "edges.csv", index=False, header=["gene_a", "gene_b"])
    cells = make_perturbation_screen(12, n_perturbed=6, n_doubles=8, n_cells=4, random_state=0)
    del cells.uns["graph"], cells.uns["response"]
    labels = cells.obs["perturbation"].astype(str).to_numpy()
    labels[:2] = "STAT1_g1", EVIL
    cells.obs["perturbation"] = labels
    cells.obs["batch"] = [f"b{k % 2}" for k in range(cells.n_obs)]
    cells.write_h5ad(folder / "cells.h5ad")
    return [folder / name for name in ("repressilator.xml", "grows & <b>.xml", "broken.xml", "edges.csv", "cells.h5ad")]


@pytest.fixture(scope="module")
def written(files):
    """The page of all files, and what was returned."""
    path = files[0].parent / "report.html"
    return path, write_report([*files, "missing.csv"], path, top=3)


@pytest.fixture(scope="module")
def read(written):
    return Page(written[0].read_text(encoding="utf-8"))


def test_page_is_one_file_that_loads_nothing(read, written):
    for tag, attributes in read.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "use", "image")
        for name in ("src", "href", "xlink:href", "action"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    html = written[0].read_text(encoding="utf-8")
    assert re.findall(r"url\(([^)]*)\)", html.replace("url(#point)", "").replace("url(#bar)", "")) == []
    assert "@import" not in html
    policies = [a["content"] for _, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies[0].startswith("default-src 'none'")


def test_links_lead_somewhere(read):
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in read.tags if tag == "a"]
    assert len(links) == 6
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_what_files_say_is_text(read):
    assert sum(tag == "script" for tag, _ in read.tags) == 1
    assert not any(tag == "b" for tag, _ in read.tags)
    assert EVIL in "".join(read.words)
    assert "grows & <b>.xml" in read.sections["file1"]


def test_a_file_that_fails_costs_its_own_section(read, written):
    errors = written[1]
    assert [error is None for error in errors] == [True, True, False, True, True, False]
    assert "not SBML" in errors[2]
    assert "missing.csv" in errors[5]
    assert errors[2] in read.sections["file2"]
    assert "is not there" in read.sections["file5"]


def test_model_shows_its_state_and_responses(read, files):
    model = KineticModel.from_sbml(files[0])
    network = JacobianExtractor().fit_transform([model])[0]
    state = read.table("file0", "variable", "at rest").set_index("variable")
    np.testing.assert_allclose(column(state, "at rest"), network.state[state.index], rtol=1e-3)
    np.testing.assert_allclose(column(state, "at the start"), model.x0, rtol=1e-3)
    exact = sensitivity_matrix(network, "relative", undefined="nan")
    shown = read.table("file0", "1 % more of", "by %")
    places = list(zip(shown["changes"], shown["1 % more of"], strict=True))
    np.testing.assert_allclose(column(shown, "by %"), [exact.loc[place] for place in places], rtol=1e-3)
    assert (np.diff(np.abs(column(shown, "by %"))) <= 0).all()
    assert shown["1 % more of"].value_counts().max() == 3
    (low,), (high,) = StructuralSensitivity().predict_interval([network])
    np.testing.assert_allclose(column(shown, "lowest rank"), [low.loc[place] for place in places], rtol=1e-3)
    np.testing.assert_allclose(column(shown, "highest rank"), [high.loc[place] for place in places], rtol=1e-3)
    direct = column(shown, "steps on the shortest path") == 1
    np.testing.assert_array_equal(direct, [network.jacobian.loc[place] != 0 for place in places])
    assert "baseline: the nearer the stronger" in read.sections["file0"]


@pytest.mark.parametrize("kind", ["flux", "concentration"])
def test_model_shows_its_control(read, files, kind):
    exact = control_coefficients(KineticModel.from_sbml(files[0]), kind=kind, undefined="nan")
    tables = [
        pd.DataFrame(rows[1:], columns=rows[0]) for _, rows in read.tables if rows and "1 % more of reaction" in rows[0]
    ]
    shown = tables[kind == "concentration"]
    places = list(zip(shown["changes"], shown["1 % more of reaction"], strict=True))
    np.testing.assert_allclose(column(shown, "control"), [exact.loc[place] for place in places], rtol=1e-3)
    assert abs(column(shown, "control")[0]) == pytest.approx(exact.abs().max(axis=None), rel=1e-3)
    assert set(column(shown, "certainty of sign") <= 1) == {True}


def drawn(read, section):
    """Return the names of the nodes and the signed edges of the drawing in a section."""
    inside, titles, edges, current = None, {}, set(), None
    for tag, attributes in read.tags:
        inside = attributes["id"] if tag == "section" else inside
        if inside != section:
            continue
        if attributes.get("class") == "node":
            current = attributes["data-node"]
            titles[current] = None
        if "data-from" in attributes:
            edges.add((attributes["data-from"], attributes["data-to"], attributes["class"].split()[1]))
    return titles, edges


def test_model_is_drawn(read, files):
    network = JacobianExtractor().fit_transform([files[0]])[0]
    nodes, edges = drawn(read, "file0")
    signs = network.signs().to_numpy()
    expected = {
        (str(j), str(i), "plus" if signs[i, j] > 0 else "minus") for i, j in np.argwhere(signs).tolist() if i != j
    }
    assert len(nodes) == network.n_nodes
    assert edges == expected
    assert f"{network.names[0]}: {network.state.iloc[0]:.4g} at rest; influenced by" in read.sections["file0"]


def test_model_without_steady_state_is_predicted_from_structure(read):
    section = read.sections["file1"]
    assert "no steady state (diverged)" in section
    assert "grow without bound" in section
    assert "X[0]" not in section
    assert "Control of" not in section
    shown = read.table("file1", "1 % more of", "sign from structure")
    assert "by %" not in shown
    assert shown[["1 % more of", "changes", "sign from structure"]].to_numpy().tolist() == [["A", "B", "1"]]


def test_interactions_are_counted_and_ranked(read, files):
    data = read_interactions(files[3])
    section = read.sections["file3"]
    assert f"{len(data.pairs)} pairs of {len(data.genes)} genes" in section
    assert "repeated rows1" in section
    ranked = L3Paths(random_state=0).fit(data.pairs).rank_candidates(top=100)
    shown = read.table("file3", "gene", "with")
    assert shown["gene"].tolist() == ranked["gene_a"].tolist()
    assert shown["with"].tolist() == ranked["gene_b"].tolist()
    hidden = read.table("file3", "model", "found again")
    assert hidden["model"].tolist() == ["paths of length three", "popularity", "chance"]
    assert column(hidden, "found again")[:2].max() > column(hidden, "found again")[2]


def test_screen_shows_doubts_first_and_baselines(read, files):
    import anndata

    cells = anndata.read_h5ad(files[4])
    labels = describe_labels(cells, "perturbation")
    shown = read.table("file4", "label", "reason")
    assert len(shown) == len(labels)
    assert set(shown["label"][:2]) == set(labels.loc[labels["is_doubtful"], "label"]) == {"STAT1_g1", EVIL}
    assert "2 of" in read.sections["file4"]
    assert "averaged over: batch (2)" in read.sections["file4"]
    sure = cells[~cells.obs["perturbation"].isin(["STAT1_g1", EVIL])]
    bulk = pseudobulk(sure, "perturbation", "control")
    sizes = read.table("file4", "condition", "size of the response").set_index("condition")
    expected = np.linalg.norm(bulk.target.loc[sizes.index], axis=1)
    np.testing.assert_allclose(column(sizes, "size of the response"), expected, rtol=1e-3)
    baselines = read.table("file4", "baseline").set_index("baseline")
    encoder = PerturbationEncoder(control=["control", "ctrl"]).fit(bulk.target.index)
    X = np.asarray(encoder.transform(bulk.target.index))
    alone, pairs = (X != 0).sum(axis=1) == 1, (X != 0).sum(axis=1) == 2
    additive = AdditiveRegressor().fit(X[alone], bulk.target[alone]).predict(X[pairs])
    distance = np.linalg.norm(bulk.target[pairs] - np.asarray(additive), axis=1).mean()
    found = float(baselines.loc["sum of the two single responses", "mean distance to the measured response"])
    assert found == pytest.approx(distance, rel=1e-3)
    assert f"Compared are {pairs.sum()} of {pairs.sum()} pairs" in read.sections["file4"]
    candidates = read.table("file4", "condition", "surprise")
    assert len(candidates) == 6 * 5 // 2 - 8
    assert (np.diff(column(candidates, "surprise")) <= 0).all()


def test_options_reach_the_files(files, tmp_path):
    path = tmp_path / "report.html"
    errors = write_report([files[4], files[0]], path, groupby="batch", control="b0", kinds=["screen"] * 2)
    assert errors[0] is None
    assert errors[1] is not None
    read = Page(path.read_text(encoding="utf-8"))
    assert set(read.table("file0", "label", "reason")["label"]) == {"b0", "b1"}
    (error,) = write_report([files[0]], path, timeout=0.001)
    assert "no result within 0.001 s" in error


def test_screen_without_a_known_column_names_those_it_has(files, tmp_path):
    import anndata

    obs = pd.DataFrame({"sgRNA": ["a", "b"]}, index=["x", "y"])
    anndata.AnnData(np.ones((2, 2)), obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    with pytest.raises(ValueError, match=r"'sgRNA'.*--groupby"):
        screen_section(str(tmp_path / "cells.h5ad"), Parts(10), groupby=None, control=["control"])
    with pytest.raises(ValueError, match="'nothing'"):
        screen_section(str(files[4]), Parts(10), groupby="nothing", control=["control"])


def test_controls_that_no_cell_has_are_refused(files, tmp_path, capsys):
    out = str(tmp_path / "report.html")
    assert main(["report", str(files[4]), "--html", out, "--jobs", "1", "--control", "contrl"]) == 1
    assert "--control names 'contrl' (did you mean 'control'?), which no cell has" in capsys.readouterr().out
    assert main(["report", str(files[4]), "--html", out, "--jobs", "1", "--groupby", "perturbatio"]) == 1
    assert "--groupby is 'perturbatio' (did you mean 'perturbation'?)" in capsys.readouterr().out


def test_command_line(files, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["report", str(files[2]), "--html", str(out)]) == 1
    assert "0 of 1 files read" in capsys.readouterr().out
    assert main(["report", str(files[2]), str(files[1]), "--html", str(out), "--top", "1"]) == 0
    printed = capsys.readouterr().out
    assert "not SBML" in printed
    assert "1 of 2 files read" in printed
    assert main(["report", str(files[1]), "--html", str(tmp_path / "nowhere" / "out.html")]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert main(["report", str(files[1]), "--html", str(out), "--groupby", "X"]) == 2
    assert "--groupby 'X' is about screens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"files": []}, "files is empty"),
        ({"files": "model.xml"}, "files is 'model.xml'"),
        ({"files": Path("model.xml")}, "files is .*Path"),
        ({"files": 3}, "files is 3"),
        ({"files": ["a.xml", 3]}, r"files\[1\] is a int"),
        ({"files": ["a.xml"], "kinds": ["modell"]}, r"kinds\[0\] is 'modell'"),
        ({"files": ["a.xml"], "kinds": []}, "kinds has 0 elements"),
        ({"files": ["a.xml"], "top": 0}, "top"),
        ({"files": ["a.xml"], "timeout": 0}, "timeout"),
        ({"files": ["a.xml"], "groupby": "X"}, "groupby='X' is about screens, and none of the files is one"),
        ({"files": ["a.h5ad"], "kinds": ["model"], "control": "NT"}, r"control=\['NT'\] is about screens"),
        ({"files": ["a.h5ad"], "control": [None]}, r"control\[0\] is a NoneType"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, tmp_path):
    with pytest.raises((TypeError, ValueError), match=message):
        write_report(path=tmp_path / "out.html", **arguments)
    assert not (tmp_path / "out.html").exists()


def test_the_ending_tells_what_a_file_is(tmp_path):
    for name, member in (("model", "a.XML"), ("pairs", "edges.csv")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(member, "x")
    expected = {"a.xml": "model", "a.SBML": "model", "a.xml.gz": "model", "a.omex": "model", "a.h5ad": "screen"}
    expected |= {"a.csv": "interactions", "a.graphml": "interactions", "nothing.zip": "interactions"}
    expected |= {str(tmp_path / "model.zip"): "model", str(tmp_path / "pairs.zip"): "interactions"}
    assert {name: _guess(name) for name in expected} == expected


# -- pieces -------------------------------------------------------------------------------------------
def test_text_has_nothing_that_html_may_not_hold():
    assert text(EVIL) == "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;"
    assert text("a\x00b\x1b\x85\ud800") == "a\N{REPLACEMENT CHARACTER}b" + 2 * "\N{REPLACEMENT CHARACTER}" + "?"


def test_table_says_how_many_rows_it_leaves_out():
    frame = pd.DataFrame(
        {"name": list("abc"), "value": [1.0, np.nan, 1e-7], "n": [1, 2, 3], "sure": [True, False, True]}
    )
    html = table(frame, "Three", most=2)
    assert "the first 2 of 3 rows" in html
    assert '<td class="number" data-value="1.0">1</td>' in html
    assert "<td></td>" in html
    assert "<td>yes</td>" in html
    assert "the first" not in table(frame, "Three")
    long = table(pd.DataFrame({"x": ["y" * 500]}), "Long")
    assert "y" * 119 + "…" in long


def test_names_stand_where_fewer_edges_come_from_and_lose_their_middle():
    import networkx

    graph = networkx.path_graph(["first_of_a_long_name", "b", "c"], create_using=networkx.DiGraph)
    html = network_figure(graph, {}, "a chain")
    assert "first_of…ng_name</text>" in html
    assert "<title>first_of_a_long_name" in html
    places = {"a": (0.0, 0.0), "b": (0.0, 50.0)}
    pair = networkx.DiGraph([("a", "b")])
    # Down is positive: a stands above b, each name on the far side of the edge.
    assert _beside("a", places, pair) < 0 < _beside("b", places, pair)
    assert _beside("b", places, networkx.Graph(pair)) > 0


def test_drawing_leaves_out_the_least_connected_nodes_and_names_them():
    import networkx

    graph = networkx.DiGraph([("hub", f"n{k}") for k in range(90)], name="star")
    graph.add_edge("n0", "n1", sign=1)
    graph.add_edge("n2", "n2")
    html = network_figure(graph, {"hub": EVIL}, "A star")
    found = Page(html)
    assert sum(attributes.get("class") == "node" for _, attributes in found.tags) == 80
    assert "11 nodes (n79" in "".join(found.words)
    assert EVIL in "".join(found.words)
    assert html == network_figure(graph, {"hub": EVIL}, "A star")


def test_drawings_of_parts_do_not_overlap():
    import networkx

    graph = networkx.Graph([("a", "b"), ("c", "d"), ("d", "e"), ("x", "y")])
    graph.add_node("alone")
    # High ones, in several rows.
    rings = networkx.disjoint_union_all([networkx.cycle_graph(6)] * 6)
    for parts, n_nodes in ((graph, 8), (rings, 36)):
        circles = [attributes for tag, attributes in Page(network_figure(parts, {}, "")).tags if tag == "circle"]
        points = np.array([[float(one["cx"]), float(one["cy"])] for one in circles])
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(len(points), 1)]
        assert len(points) == n_nodes
        assert distances.min() > 30


def test_empty_network_is_drawn():
    import networkx

    assert Page(network_figure(networkx.DiGraph(), {}, "none"))


def test_histogram_counts_each_value_once():
    values = np.array([1, 2, 2, 4, 7, 9, 300])
    words = Page(histogram(values, (1, 2, 3, 5, 9), "sizes")).words
    assert words == ["1", "1", "2", "2", "1", "3–4", "1", "5–8", "2", "≥ 9", "sizes"]
    assert Page(histogram(np.array([3, 4]), (1, 2, 3, 5, 9), "")).words == ["2", "3–4"]


def test_parts_that_fail_or_come_late_cost_themselves():
    import warnings

    def doubt():
        warnings.warn("a doubt", UserWarning, stacklevel=1)
        warnings.warn("of programmers", DeprecationWarning, stacklevel=1)
        raise ValueError("no <answer>")

    parts = Parts(100.0)
    parts.add("First", doubt)
    parts.add("Second", lambda: "<p>fine</p>")
    html = parts.section().body
    assert "None: no &lt;answer&gt;" in html
    assert "<p>fine</p>" in html
    assert "a doubt" in html
    assert "of programmers" not in html
    late = Parts(1e-9)
    late.add("Late", lambda: "never")
    assert "never" not in late.section().body
    assert "Left out" in late.section().body
    assert "Nothing was doubtful" in late.section().body


def test_what_was_done_before_the_end_of_a_worker_stays(tmp_path):
    job = _Job("model.xml", "model", 5, None, (), 1.0, str(tmp_path / "0"))
    ended = Outcome(error="no result within 1 s", kind="timeout")
    assert not _of_outcome(job, ended).is_read
    parts = Parts(100.0, job.saved)
    parts.begin("model.xml", "SBML model", "read", "<p>counts</p>")
    assert _of_outcome(job, ended).body.startswith("<p>counts</p>")
    parts.outcome = "steady state, stable"
    parts.add("State", lambda: "<p>state</p>")
    grown = _of_outcome(job, ended)
    assert grown.is_read
    assert grown.outcome == "steady state, stable; then no result within 1 s"
    assert grown.body == parts.section().body + '<p class="note">The rest is missing: no result within 1 s.</p>'
    done = Outcome(parts.section())
    assert _of_outcome(job, done).outcome == "steady state, stable"


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(0)
    truth, predicted = rng.random(30), rng.integers(0, 5, 30).astype(float)
    assert float(_rank_correlation(truth, predicted)) == pytest.approx(spearmanr(truth, predicted)[0], abs=0.005)
    assert "undefined" in _rank_correlation(truth, np.ones(30))


# -- in a browser -------------------------------------------------------------------------------------
PROBE = """<script>
"use strict";
const seen = {ready: document.documentElement.dataset.ready};
const figure = document.querySelector("figure.network");
const node = figure.querySelector(".node");
const readout = figure.querySelector(".readout");
seen.silence = readout.textContent;
node.dispatchEvent(new MouseEvent("mouseenter"));
seen.readout = readout.textContent;
seen.title = node.querySelector("title").textContent;
seen.dimmed = figure.querySelector("svg").classList.contains("dimmed");
seen.near = figure.querySelectorAll(".node.near").length;
seen.edges = figure.querySelectorAll(".edge.near").length;
node.dispatchEvent(new MouseEvent("mouseleave"));
seen.after = [readout.textContent, figure.querySelectorAll(".near, .hot, .dimmed").length];
const box = () => figure.querySelector("svg").getAttribute("viewBox").split(" ").map(Number);
const before = box();
figure.querySelector("[data-action=closer]").click();
seen.zoomed = box()[2] / before[2];
const wheel = () => new WheelEvent("wheel", {deltaY: -1, ctrlKey: true, cancelable: true, clientX: 400, clientY: 400});
figure.querySelector("svg").dispatchEvent(wheel());
seen.wheeled = box()[2] / before[2];
figure.querySelector("[data-action=whole]").click();
seen.whole = box()[2] / before[2];
seen.sorted = [];
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    for (const way of ["ascending", "descending"]) {
      heading.querySelector("button").click();
      const cells = [...table.tBodies[0].rows].map((row) => row.cells[column]);
      const shown = cells.map((cell) => [cell.dataset.value, cell.textContent]);
      seen.sorted.push([heading.getAttribute("aria-sort"), way, shown]);
    }
  });
}
document.body.textContent = JSON.stringify(seen);
</script></body>"""


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Return a function that loads a page in headless Chromium and returns its text and what the console said."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    folder = tmp_path_factory.mktemp("chromium")

    def load(html):
        (folder / "page.html").write_text(html, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        options += ["--virtual-time-budget=5000", "--enable-logging=stderr", "--dump-dom"]
        found = subprocess.run(
            [CHROMIUM, *options, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=120
        )
        console = [line for line in found.stderr.splitlines() if ":CONSOLE" in line]
        return found.stdout, console

    return load


def test_page_works_in_a_browser(browse, written):
    html = written[0].read_text(encoding="utf-8")
    dom, console = browse(html)
    assert console == []
    assert '<html lang="en" data-ready="true">' in dom
    dom, console = browse(html.replace("</body>", PROBE))
    assert console == []
    seen = json.loads(unescape(re.search(r"<body>(.*)</body>", dom, flags=re.DOTALL).group(1)))
    assert seen["ready"] == "true"
    assert seen["readout"] == seen["title"] != seen["silence"]
    assert seen["dimmed"]
    assert 1 <= seen["near"] <= seen["edges"]
    assert seen["after"] == [seen["silence"], 0]
    assert seen["wheeled"] < seen["zoomed"] < 1 == seen["whole"]
    assert len(seen["sorted"]) > 40
    for state, way, cells in seen["sorted"]:
        assert state == way
        # Unknown values stand last in either order, numbers go by their value and not by their digits.
        shown = [label != "" for _, label in cells]
        assert shown == sorted(shown, reverse=True)
        numbers = [float(value) for value, _ in cells if value is not None]
        assert numbers == sorted(numbers, reverse=way == "descending")


def test_browser_reports_errors_of_the_console(browse):
    """So that their absence says something."""
    assert browse("<!DOCTYPE html><script>missing()</script>")[1]
    sections = [Section("a", "b", "c", "<p onclick='x'></p><img src='http://localhost/x.png'>")]
    assert "Content Security Policy" in "".join(browse(page("t", sections, "m"))[1])


CLOSED = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="closed">
<listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="1"/><species id="B" compartment="c" initialAmount="0"/>
</listOfSpecies><listOfReactions><reaction id="turn"><listOfReactants><speciesReference species="A"/></listOfReactants>
<listOfProducts><speciesReference species="B"/></listOfProducts><kineticLaw>
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/><ci>A</ci><apply><times/><cn>0.3</cn><ci>B</ci></apply>
</apply></math></kineticLaw></reaction></listOfReactions></model></sbml>"""


def test_what_is_left_of_rates_at_equilibrium_is_no_flux():
    model = KineticModel.from_sbml(CLOSED)
    steady = model.steady_state()
    # As much as an integrator leaves.
    near = dataclasses.replace(steady, state=steady.state + [1e-13, -1e-13])
    assert not _flows(model, near)
    assert _flows(model, dataclasses.replace(steady, state=steady.state + [1e-3, -1e-3]))


def test_facts_of_a_model_count_its_rate_laws():
    words = Page(_read(KineticModel.from_sbml(GROWS))).words
    assert "1 constant, 1 mass action" in words
    without = GROWS[: GROWS.index("<listOfReactions>")] + "</model></sbml>"
    words = Page(_read(KineticModel.from_sbml(without))).words
    assert words[words.index("rate laws") + 1] == "none"


@pytest.mark.parametrize(
    ("values", "counts"),
    [([[0, 1], [3, 0]], True), ([[0, 1], [1, 0]], False), ([[0.0, 3.5]], False), (np.zeros((0, 2)), False)],
)
def test_counts_are_whole_numbers_above_one(values, counts):
    import anndata
    from scipy.sparse import csr_matrix

    for X in (np.array(values, dtype=float), csr_matrix(np.array(values, dtype=float))):
        assert _looks_like_counts(anndata.AnnData(X)) is counts


def test_pairs_are_known_where_both_genes_were_perturbed_alone():
    X = pd.DataFrame([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]], columns=list("ABC"))
    pairs, alone = _Screen._known_pairs(X)
    assert pairs.tolist() == [False, False, True, False, False]
    assert alone.tolist() == [True, True, False, False, False]
