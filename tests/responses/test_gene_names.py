"""Names of genes that differ between files."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import match_genes

HGNC = pd.DataFrame(
    {
        "symbol": ["MARCHF1", "MAP3K21", "TP53", "SARS1", "DUPA", "DUPB"],
        "prev_symbol": ["MARCH1|MARCH-I", "KIAA1804", np.nan, "SARS", "OLD", "OLD"],
        "alias_symbol": [np.nan, "MLK4", "p53", np.nan, np.nan, np.nan],
        "ensembl_gene_id": ["ENSG00000145416", "ENSG00000143674", "ENSG00000141510", "", np.nan, np.nan],
    }
)


def how(names, to, symbols=None):
    table = match_genes(names, to, symbols).table
    return [(row.match, row.how) for row in table.itertuples()]


def test_spellings():
    assert how(["KLF1"], ["KLF1", "klf1"]) == [("KLF1", "exact")]
    assert how(["klf1", "Hla-a"], ["KLF1", "HLA-A"]) == [("KLF1", "case"), ("HLA-A", "case")]
    assert how([" KLF1 "], ["KLF1"]) == [("KLF1", "blanks")]
    assert how(["ENSG00000141510.18"], ["ENSG00000141510"]) == [("ENSG00000141510", "version")]
    assert how(["ENSG00000141510"], ["ENSG00000141510.3"]) == [("ENSG00000141510.3", "version")]
    # A dot in a symbol is no version.
    assert how(["AC093.1"], ["AC093"]) == [(None, "none")]
    # Which of two is meant cannot be known.
    assert how(["Klf1"], ["KLF1", "klf1"]) == [(None, "ambiguous")]


def test_former_symbols_in_both_directions():
    names = ["MARCH1", "KIAA1804", "sars", "X"]
    assert how(names, ["MARCHF1", "MAP3K21", "SARS1"], HGNC) == [
        ("MARCHF1", "symbol"),
        ("MAP3K21", "symbol"),
        ("SARS1", "symbol"),
        (None, "none"),
    ]
    assert how(["MARCHF1", "MAP3K21"], ["MARCH1", "KIAA1804"], HGNC) == [("MARCH1", "symbol"), ("KIAA1804", "symbol")]
    assert how(["ENSG00000141510.18", "TP53"], ["TP53"], HGNC) == [("TP53", "symbol"), ("TP53", "exact")]
    assert how(["TP53"], ["ENSG00000141510.18"], HGNC) == [("ENSG00000141510.18", "symbol")]
    assert how(["MLK4", "P53"], ["MAP3K21", "TP53"], HGNC) == [("MAP3K21", "alias"), ("TP53", "alias")]
    # A former symbol of two genes says nothing if both are there.
    assert how(["OLD"], ["DUPA", "DUPB"], HGNC) == [(None, "ambiguous")]
    assert how(["OLD"], ["DUPA"], HGNC) == [("DUPA", "symbol")]


def test_custom_download_of_hgnc():
    table = pd.DataFrame({"Approved symbol": ["MARCHF1"], "Previous symbols": ["MARCH1, MARCH-I"]})
    assert how(["MARCH-I"], ["MARCHF1"], table) == [("MARCHF1", "symbol")]


def test_what_remains():
    found = match_genes(["A", "b", "B", "A", "X"], ["A", "B"])
    assert found.table["name"].tolist() == ["A", "b", "B", "X"]
    assert found.table["is_shared"].tolist() == [False, True, True, False]
    assert found.mapping == {"A": "A", "b": "B", "B": "B"}
    assert found.n_unmatched == 1
    assert found.counts.to_dict() == {"exact": 2, "case": 1, "none": 1}
    assert match_genes([], ["A"]).n_unmatched == 0
    frame = pd.DataFrame(0, index=["klf1"], columns=["x"]).rename(index=match_genes(["klf1"], ["KLF1"]).mapping)
    assert frame.index.tolist() == ["KLF1"]


def test_errors():
    with pytest.raises(TypeError, match="names is the text 'KLF1'"):
        match_genes("KLF1", ["KLF1"])
    with pytest.raises(ValueError, match="symbols has no column 'symbol'"):
        match_genes(["A"], ["A"], pd.DataFrame({"x": []}))
