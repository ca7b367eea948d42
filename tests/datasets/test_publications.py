from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from skperturb.datasets._publications import publication_groups, read_publications
from skperturb.exceptions import InvalidModelError

SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4">
<model metaid="m" id="model" {name}>
<notes><body xmlns="http://www.w3.org/1999/xhtml">{notes}</body></notes>
<annotation><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:bqmodel="http://biomodels.net/model-qualifiers/"><rdf:Description rdf:about="#m">{annotation}
</rdf:Description></rdf:RDF></annotation>
<listOfSpecies/></model></sbml>"""
DESCRIBED_BY = '<bqmodel:isDescribedBy><rdf:Bag><rdf:li rdf:resource="{}"/></rdf:Bag></bqmodel:isDescribedBy>'


def read(tmp_path, name="", notes="", annotation=""):
    path = tmp_path / "file.xml"
    path.write_text(SBML.format(name=f'name="{name}"' if name else "", notes=notes, annotation=annotation))
    return read_publications(path)


def test_pubmed_doi_and_other_addresses(tmp_path):
    for address, key in (
        ("http://identifiers.org/pubmed/123", "pubmed:123"),
        ("urn:miriam:pubmed:123", "pubmed:123"),
        ("https://identifiers.org/doi/10.1016/J.X", "doi:10.1016/j.x"),
        ("https://doi.org/10.1016/j.x", "doi:10.1016/j.x"),
        ("http://arxiv.org/pdf/1", "http://arxiv.org/pdf/1"),
    ):
        assert read(tmp_path, annotation=DESCRIBED_BY.format(address)) == ("model", [key])


def test_author_and_year_of_the_name(tmp_path):
    for name, key in (
        ("Leloup2003_CircClock", "Leloup2003"),
        ("Edelstein1996 - EPSP", "Edelstein1996"),
        ("Petelenz-Kurdziel 2013 x", "PetelenzKurdziel2013"),
        ("Müller_1999", "Müller_1999".replace("_", "")),
    ):
        assert read(tmp_path, name=name) == (name, [key])
    assert read(tmp_path, name="glycolysis 12345") == ("glycolysis 12345", [])


def test_notes_count_only_without_annotation_and_never_the_database_article(tmp_path):
    notes = (
        '<a href="http://identifiers.org/pubmed/20587024">BioModels</a><a href="http://identifiers.org/pubmed/77">p</a>'
    )
    assert read(tmp_path, notes=notes)[1] == ["pubmed:77"]
    annotation = DESCRIBED_BY.format("http://identifiers.org/pubmed/5")
    assert read(tmp_path, notes=notes, annotation=annotation)[1] == ["pubmed:5"]


def test_groups_join_through_a_shared_key():
    keys = [["a", "X2000"], ["b"], ["c", "X2000"], [], ["c"]]
    assert publication_groups(keys, ["m0", "m1", "m2", "m3", "m4"]) == ["a", "b", "a", "m3", "a"]


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=10))
def test_models_that_share_a_key_share_a_group(keys):
    ids = [f"m{i}" for i in range(len(keys))]
    groups = publication_groups(keys, ids)
    for i, first in enumerate(keys):
        for j, second in enumerate(keys):
            if set(first) & set(second):
                assert groups[i] == groups[j]
    order = list(reversed(range(len(keys))))
    mirrored = publication_groups([keys[i] for i in order], [ids[i] for i in order])[::-1]
    same = [a == b for a, b in pairwise(groups)]
    assert same == [a == b for a, b in pairwise(mirrored)]


def test_not_xml(tmp_path):
    path = tmp_path / "file.xml"
    path.write_text("<html><p>not found")
    with pytest.raises(InvalidModelError, match=r"file\.xml is not SBML .* delete it"):
        read_publications(path)
