"""What notebooks show: compact, complete, and nothing in it is markup of its own."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from skperturb._html import html_card, some_of
from skperturb.datasets import load_textbook_models
from skperturb.networks import InfluenceNetwork
from skperturb.sbml import KineticModel, SteadyState

EVIL = "<script>alert(1)</script>&\"'"


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.open, self.seen, self.text = [], set(), ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(item):
    tags = Tags(item._repr_html_())
    assert not tags.open
    assert tags.seen <= {"div", "strong", "table", "tr", "th", "td", "details", "summary", "ul", "li"}
    return tags.text


def test_a_model_shows_counts_states_and_what_is_refused():
    model = KineticModel.from_sbml(load_textbook_models().data[0])
    text = read(model)
    assert model.model_id in text
    assert f"variables{len(model.variables)}: {model.variables[0]} = {model.x0[0]:.4g}" in text
    assert f"reactions{len(model.reaction_ids)}: " in text
    assert "refused" not in text
    model.warnings = (EVIL, "second")
    assert f"2 warnings{EVIL}second" in read(model)


def test_refusals_are_shown():
    antimony = pytest.importorskip("antimony")
    assert antimony
    from skperturb.sbml import antimony_to_sbml

    text = "model m; A = 1; a: A -> ; k*delay(A, 1); k = 0.1; y := 2*A; E: at A < 0.5: k = 0; end"
    shown = read(KineticModel.from_sbml(antimony_to_sbml(text)))
    assert "refusedsensitivities along time courses (delays)" in shown
    assert "events1: E" in shown
    assert "assignment rules1" in shown


def test_steady_states_and_networks_are_escaped_and_compact():
    names = [EVIL, *(f"x{k}" for k in range(40))]
    rest = SteadyState(pd.Series(np.arange(41.0), index=names), 1e-12, True, -2.0, 3, "trajectory", 10.0)
    text = read(rest)
    assert f"state41: {EVIL} = 0, x0 = 1, " in text
    assert "and 33 more" in text
    assert "stableyes (largest real part -2)" in text
    network = InfluenceNetwork(-np.eye(41), names=names, model_id=EVIL, steady_state=rest)
    text = read(network)
    assert text.startswith(f"InfluenceNetwork {EVIL}variables41: {EVIL}, x0")
    assert "influences0 positive, 41 negative" in text
    assert "taken ata steady state, stable" in text
    assert read(InfluenceNetwork.empty("m", EVIL)) == "InfluenceNetwork memptyEVIL".replace("EVIL", EVIL)


def test_cards_leave_out_what_is_not_known():
    assert Tags(html_card("t", [("a", 1), ("b", None)])).text == "ta1"
    assert "and 2 more" in html_card("t", [], warnings=[str(k) for k in range(10)])
    assert some_of([]) == "none"
