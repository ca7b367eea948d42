"""One reader of labels: what it reads, what it refuses, and that all doors agree."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from skperturb._label_patterns import is_known_control
from skperturb._label_sources import read_labels
from skperturb._labels import LabelReader
from skperturb.datasets import fetch_frangieh2021, fetch_nadig2025, fetch_norman2019, fetch_replogle2022, fetch_tian2021
from skperturb.model_selection import CombinationSplit, UnseenPerturbationSplit
from skperturb.responses import PerturbationEncoder, describe_labels, pseudobulk

# What each file writes, and the doses that it means.
READ = [
    ("KLF1", {"KLF1": 1}),
    ("KLF1+ctrl", {"KLF1": 1}),
    ("ctrl+KLF1", {"KLF1": 1}),
    ("control_KLF1", {"KLF1": 1}),
    ("KLF1_CEBPA", {"KLF1": 1, "CEBPA": 1}),
    (" CEBPA + KLF1 ", {"KLF1": 1, "CEBPA": 1}),
    ("A+B+C", {"A": 1, "B": 1, "C": 1}),
    ("ctrl+ctrl", {}),
    ("HLA-A", {"HLA-A": 1}),
    ("NKX2-1", {"NKX2-1": 1}),
    ("MT-CO1+IDI2-AS1", {"MT-CO1": 1, "IDI2-AS1": 1}),
    ("C7orf26", {"C7orf26": 1}),
    ("WT1", {"WT1": 1}),
    ("NT5E", {"NT5E": 1}),
    ("ENSG00000133997.12", {"ENSG00000133997.12": 1}),
    ("drug_0.1", {"drug": 0.1}),
    ("drug_1000", {"drug": 1000}),
    ("drug_1e-05", {"drug": 1e-5}),
    ("drug_0.0", {}),
    ("A+0.5", {"A": 0.5}),
    ("A_0.1+B_0.5", {"A": 0.1, "B": 0.5}),
]

# Without an option nothing of this is a gene, a pair or a plasmid; the error says what to set.
REFUSED = [
    ("ASCC3_pDS051", "guide_suffix"),
    ("62(mod)_pBA581", "control="),
    ("Gal4-4(mod)_pBA582", "control="),
    ("STAT1_g1", "guide_suffix"),
    ("STAT1_sg2", "guide_suffix"),
    ("STAT1-sgRNA3", "guide_suffix"),
    ("IFNGR2g1", "guide_suffix"),
    ("p-sgELF1-2", "guide_prefix"),
    ("sgKLF1", "guide_prefix"),
    ("STAT1_2", "sep='_'"),
    ("MED6_P1P2", "guide_suffix"),
    ("MED6_ENSG00000133997", "guide_suffix"),
    ("10001_MED6_P1_ENSG00000133997", "number"),
    ("KLF1_K562", "column of its own"),
    ("KLF1_rep2", "column of its own"),
    ("TP53_KO", "column of its own"),
    ("drug_24h", "unit"),
    ("KLF1+MAP2K6_k562", "two|separators"),
    ("AHR_KLF1__AHR_KLF1", "empty gene name"),
    ("1-Mar", "date"),
    ("1-mar-24", "date"),
    ("Sep-2", "date"),
    ("7157", "number"),
    ("1+1", "number"),
    ("(+)-JQ1", "brackets|inside|number"),
    ("", "empty"),
    ("A_0.1+A_0.2", "two doses"),
    *((f"A{char}B", "sep=") for char in ";|&,/:~\\#=<>^!?*\t\n×＋，；"),
    ("KLF1 and CEBPA", "sep=' and '"),
    ("KLF1 x CEBPA", "sep=' x '"),
    ("A+1+2", "number"),
    ("A_inf", "control="),
    ("STAT1_x2", "unit"),
    ("drug 10uM", "unit"),
    ("drug-10 nM", "unit"),
    ("drug (10 µM)", "unit"),
    ("drug (0.5)", "dose"),
    ("STAT1-KO", "kind of a perturbation"),
    ("STAT1 knockdown", "kind of a perturbation"),
    ("STAT1ko", "kind of a perturbation"),
    ("shSTAT1", "guide_prefix"),
    ("STAT1_A", "guide_suffix"),
    ("STAT1_guideB", "guide_suffix"),
    ("STAT1_exon2", "guide_suffix"),
    ("STAT1_ACGTACGTACGTACGTACGT", "guide"),
    ("STAT1-ACGTACGTACGTACGTACGT", "sequence of a guide"),
    ("STAT1_LPS", "column of its own"),
    *((text, "quotation|seen") for text in ("'STAT1'", '"STAT1"', "b'STAT1'", "STAT1\u200b", "\ufeffSTAT1", "“STAT1”")),
    *((text, "brackets") for text in ("[STAT1]", "(STAT1)", "{STAT1}")),
    *((f"STAT1{char}NT", "name of a control") for char in "- ."),
    ("ctrl-STAT1", "name of a control"),
    ("Vehicle (DMSO)", "name of a control"),
    *(
        (name, "control=")
        for name in (
            "nan",
            "*",
            "NT",
            "NTC",
            "NTg1",
            "non-targeting",
            "non_targeting",
            "non-targeting_00012",
            "Non-Targeting Control",
            "Control",
            "CTRL",
            "NegCtrl0",
            "KLF1+NegCtrl0",
            "KLF1_NegCtrl0",
            "KLF1+DMSO_TF",
            "DMSO_TF",
            "negative_control",
            "safe-targeting",
            "AAVS1",
            "p-INTERGENIC393453",
            "NO_SITE_12",
            "ONE_NON-GENE_SITE_45",
            "None",
            "unassigned",
            "not_assigned",
            "True",
            "Unstimulated",
            "non-perturbed",
            "siNC",
            "tdTomato",
            "NonTargeting_Human_0001",
            "low quality",
        )
    ),
]


@pytest.mark.parametrize(("label", "doses"), READ)
def test_reading(label, doses):
    condition = LabelReader().read(label)
    assert condition.doses == doses
    assert condition.is_control == (not doses)
    assert not condition.doubt


@pytest.mark.parametrize(("label", "advice"), REFUSED)
def test_refusals_say_what_to_set(label, advice):
    reader = LabelReader()
    with pytest.raises(ValueError, match=advice):
        reader.read(label, 3)
    assert reader.examine(label).doubt
    for door in (PerturbationEncoder().fit, lambda X: next(CombinationSplit().split(X)), reader.read_all):
        with pytest.raises(ValueError, match=advice):
            door([label, "A", "B", "A+B"])
    # Every door but the look before them.
    assert describe_labels([label, "A"])["is_doubtful"].tolist() == [True, False]


def test_vocabulary_decides():
    """Whatever a name looks like, it is a gene where the user says so, and no other name is."""
    genes = ["STAT1_g1", "AAVS1", "1-Mar", "7157", "A;B", "NT", "C"]
    reader = LabelReader(genes=genes)
    for gene in genes:
        assert reader.read(gene).doses == {gene: 1}
        assert reader.read(f"C_{gene}" if gene != "C" else "C").doses == {"C": 1, gene: 1}
    with pytest.raises(ValueError, match="names the gene 'D', none of the 7 known genes"):
        reader.read("C+D")
    with pytest.raises(ValueError, match=r"did you mean 'C'"):
        reader.read("c")
    # A known gene and what is known of no gene: neither a pair nor a plasmid.
    with pytest.raises(ValueError, match="'pDS051'"):
        reader.read("C_pDS051")


def test_known_controls_are_listed_together():
    labels = ["KLF1", "non-targeting", "NT", "NTC", "Control", "nan", "*", "KLF1+NegCtrl0"]
    names = labels[1:7] + ["NegCtrl0"]
    with pytest.raises(ValueError, match="holds 7 known names") as error:
        PerturbationEncoder().fit(labels)
    assert all(f"{name!r} (X[" in str(error.value) for name in names)
    encoder = PerturbationEncoder(control=["control", *names]).fit(labels)
    assert encoder.genes_.tolist() == ["KLF1"]
    np.testing.assert_array_equal(encoder.transform(labels)[:, 0], [1, 0, 0, 0, 0, 0, 0, 1])


def test_labels_of_adamson():
    """The labels of the file that `fetch_adamson2016` offers: plasmids are no genes."""
    labels = ["62(mod)_pBA581", "AARS_pDS381", "ASCC3_pDS051", "ASCC3_pDS052", "Gal4-4(mod)_pBA582", "*"]
    with pytest.raises(ValueError, match=r"62\(mod\).*Gal4-4\(mod\).*control="):
        PerturbationEncoder().fit(labels)
    with pytest.raises(ValueError, match="guide_suffix"):
        PerturbationEncoder().fit(labels[1:4])
    controls = ["62(mod)", "Gal4-4(mod)", "*"]
    encoder = PerturbationEncoder(control=controls, guide_suffix=r"_p[A-Z]+\d+").set_output(transform="pandas")
    expected = pd.DataFrame({"AARS": [0.0, 1, 0, 0, 0, 0], "ASCC3": [0.0, 0, 1, 1, 0, 0]})
    pd.testing.assert_frame_equal(encoder.fit_transform(labels), expected)


def test_labels_of_dixit():
    reader = LabelReader(guide_prefix="p-sg", guide_suffix=r"-\d+", control="p-INTERGENIC393453")
    read = reader.read_all(["p-sgELF1-2", "p-sgELF1-4", "p-INTERGENIC393453", "p-sgGABPA-1"])
    assert [one.name for one in read] == ["ELF1", "ELF1", "p-INTERGENIC393453", "GABPA"]


def test_guides_within_pairs():
    reader = LabelReader(guide_suffix=r"_sg\d+")
    assert reader.read("A_sg1+B_sg2").doses == {"A": 1, "B": 1}
    assert reader.read("A_sg1_B_sg2").doses == {"A": 1, "B": 1}
    assert reader.read("A_sg1+A_sg2").doses == {"A": 1}


def test_whole_numbers_behind_an_underscore():
    """ "STAT1_2" may be a guide as well as a dose: both readings can be had, and neither is guessed."""
    assert LabelReader(sep="_").read("drug_2").doses == {"drug": 2}
    assert LabelReader(guide_suffix=r"_\d+").read("STAT1_2").doses == {"STAT1": 1}


@pytest.mark.parametrize("sep", [",", "|", ";", "/", "&", "-", ":", "~", " "])
def test_unnamed_separators(sep):
    """10 doubles of 8 genes are never 18 genes."""
    genes = [f"GENE{letter}" for letter in "ABCDEFGH"]
    pairs = [f"{genes[a]}{sep}{genes[b]}" for a in range(4) for b in range(a + 1, 5)]
    for labels in (genes + pairs, pairs):
        with pytest.raises(ValueError, match=r"(?s)sep="):
            PerturbationEncoder().fit(labels)
    encoder = PerturbationEncoder(sep=sep).fit(genes + pairs)
    assert encoder.genes_.tolist() == genes
    assert (encoder.transform(pairs).sum(axis=1) == 2).all()


def test_hyphens_of_gene_symbols_are_no_separators():
    labels = ["HLA-A", "HLA-B", "HLA-DRB1", "LEF1", "LEF1-AS1", "NUP50-AS1", "NKX2-1", "NKX2-5", "MT-CO1", "MT-CO2"]
    assert sorted(PerturbationEncoder().fit(labels).genes_) == sorted(labels)
    # Of C. elegans: no dates, which a spreadsheet writes as Sep-1 or 1-Sep.
    labels = ["sep-1", "dec-11", "mar-2"]
    assert sorted(PerturbationEncoder().fit(labels).genes_) == sorted(labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["A_y1", "A_y2", "B_y3"], "no name behind '_'"),
        (["A", "B", "C", "A_x", "B_x", "C_x"], "no name behind '_'"),
        (["one_AB", "two_AB", "one_BX", "AB"], "no name before '_'"),
        (["ELF1-1", "ELF1-2", "GABPA-1"], "ends in a number"),
        (["KLF1", "Klf1"], "differ in case only"),
        (["ENSG00000115415.11", "ENSG00000115415.12"], "version of an identifier"),
        (["caf\u00e9", "cafe\u0301"], "differ in case only"),
        *((["STAT1", "KLF1", f"STAT1{end}"], "is the name 'STAT1' with something") for end in ("-1", ".1", " 1", "-a")),
        *((["STAT1", "KLF1", f"{start}STAT1"], "is the name 'STAT1' with something") for start in ("g", "cr", "mi-")),
        *((["A", "B", f"A{sep}B"], "which are names in other labels") for sep in ("--", "  ", ".")),
    ],
)
def test_doubts_that_a_set_of_labels_raises(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelReader().read_all(labels)


def test_other_labels_change_no_reading():
    labels = ["A", "B", "A_B", "B_C", "C_A", "ctrl", "D_0.5"]
    reader = LabelReader()
    assert [one.key for one in reader.read_all(labels)] == [reader.read(label).key for label in labels]
    # What training labels showed to be genes is known afterwards.
    encoder = PerturbationEncoder().fit(["A", "B", "C", "D", "E", "F"])
    assert (encoder.transform(["A_B", "C_D", "E_F"]).sum(axis=1) == 2).all()


def test_numbers_as_text_need_a_vocabulary():
    assert PerturbationEncoder(genes=["7157", "672"]).fit_transform(["7157", "672+7157"]).tolist() == [[1, 0], [1, 1]]


def test_guides_of_controls():
    """ "NT_g1" is one of the known names by itself; where guides are removed it is the control "NT"."""
    reader = LabelReader("NT", guide_suffix=r"_g\d+")
    assert [one.is_control for one in reader.read_all(["NT_g1", "NT_g2", "NT"])] == [True] * 3
    assert reader.read("KLF1_g1+NT_g2").doses == {"KLF1": 1}


def test_a_separator_that_is_not_named_joins_no_genes():
    for sep, label in (("|", "ctrl+KLF1"), ("+", "KLF1_NT"), (" ", "KLF1+ctrl")):
        with pytest.raises(ValueError, match="name of a control"):
            PerturbationEncoder(sep=sep).fit(["KLF1", label])
    for sep, label in (("|", "KLF1+CEBPA"), ("+", "KLF1_CEBPA"), (";", "KLF1 + CEBPA")):
        with pytest.raises(ValueError, match="names in other labels too"):
            PerturbationEncoder(sep=sep).fit(["KLF1", "CEBPA", label])


def test_names_of_chemicals_are_genes():
    names = ["Nutlin-3", "17-AAG", "Tubastatin A HCl", "let-7d", "mir-30g", "compound 3d", "su(Hw)"]
    assert sorted(PerturbationEncoder().fit(names).genes_) == sorted(names)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"control": ["ctrl", 1]}, TypeError, r"control\[1\] is 1 \(int\)"),
        ({"control": [None]}, TypeError, r"control\[0\] is None \(NoneType\)"),
        ({"genes": ["A", None]}, ValueError, "genes holds None, which is missing"),
        ({"genes": ["A", "ctrl"]}, ValueError, "genes holds 'ctrl', which is a control too"),
        ({"genes": {"A", "B"}}, TypeError, "genes is a set, which has no order"),
    ],
)
def test_options_that_are_none(options, error, message):
    with pytest.raises(error, match=message):
        PerturbationEncoder(**options).fit(["A"])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ({"A", "B"}, TypeError, "set, which has no order"),
        (sp.eye_array(2), TypeError, "sparse matrix"),
        (np.ma.array(["A", "B"], mask=[False, True]), TypeError, "masked"),
        (pd.DataFrame([["A", "x"], ["B", "y"]], columns=["p", "p"]), ValueError, "2 columns of the table"),
        (pd.DataFrame({"p": [], "q": []}), ValueError, "X is empty"),
        (pd.Series(["A", pd.NA], dtype="string"), TypeError, r"X\[1\] is <NA>"),
        (pd.MultiIndex.from_tuples([("A", "x")]), TypeError, r"X\[0\] is \('A', 'x'\)"),
        ([["A", "B"], ["A"]], TypeError, r"X\[0\] is \['A', 'B'\]"),
    ],
)
def test_containers_that_hold_no_labels(X, error, message):
    with pytest.raises(error, match=message):
        PerturbationEncoder(column="p").fit(X)


def test_unknown_genes_can_be_ignored():
    encoder = PerturbationEncoder(genes=["A", "B"], handle_unknown="ignore").fit(["A", "B"])
    np.testing.assert_array_equal(encoder.transform(["A+C", "D"]), [[1, 0], [0, 0]])
    # Unknown is not the same as a control that was not named.
    with pytest.raises(ValueError, match="control="):
        encoder.transform(["A+NT"])


@pytest.mark.real_data
@pytest.mark.parametrize(
    "fetch", [fetch_norman2019, fetch_replogle2022, fetch_nadig2025, fetch_frangieh2021, fetch_tian2021]
)
def test_labels_of_real_screens(data_home, fetch):
    """Every label of the mirrored screens is read, also as the files write it (underscores), none as a control."""
    screen = fetch(data_home)
    reader = LabelReader()
    read = reader.read_all(screen.data)
    raw = reader.read_all(list(screen.target.index))
    assert [one.key for one in read] == [one.key for one in raw]
    assert not any(one.is_control for one in read)


def test_symbols_that_begin_like_controls():
    assert not any(
        map(is_known_control, ["WT1", "NT5E", "NTF3", "CTRB1", "NEGR1", "SCRIB", "LUC7L", "SAFB", "NANOG", "NAE1"])
    )


# Fuzz ---------------------------------------------------------------------------------------------------------------

NAMES = [
    "KLF1",
    "CEBPA",
    "HLA-A",
    "NKX2-1",
    "MT-CO1",
    "C7orf26",
    "A",
    "b",
    "ENSG00000133997.12",
    "7SK",
    "STAT1g",
    "gyrA",
]
#: Names that only a vocabulary makes genes.
ODD_NAMES = ["HLA_A", "STAT1_g1", "AAVS1", "1-Mar", "7157", "x;y", "pDS051", "K562", "5-Aza (2')"]
CONTROLS = ["ctrl", "NT", "non-targeting", "DMSO_TF", "NegCtrl0", "*", "nan", "62(mod)", "safe targeting"]
SEPARATORS = ["+", "_", ",", "|", ";", "&", "~", "/", ":", " and ", "++"]
DOSES = [1.0, 1.0, 1.0, 0.1, 2.5, 250.0]
#: What removes the guides, and names of guides; the last one removes what precedes a gene.
GUIDES = [
    ({}, ("",), ("",)),
    ({"guide_suffix": r"-sg\d+"}, ("",), ("", "-sg1", "-sg12")),
    ({"guide_suffix": r"@[ab]\d?"}, ("",), ("@a", "@b2")),
    ({"guide_prefix": "p-sg"}, ("", "p-sg"), ("",)),
]


@st.composite
def screens(draw):
    """Labels of a screen with what they mean, and the options under which they are read."""
    with_vocabulary = draw(st.booleans())
    pool = NAMES + (ODD_NAMES if with_vocabulary else [])
    genes = draw(st.lists(st.sampled_from(pool), min_size=2, max_size=6, unique=True))
    controls = draw(st.lists(st.sampled_from(CONTROLS), min_size=1, max_size=3, unique=True))
    sep = draw(st.sampled_from(SEPARATORS))
    conditions = draw(
        st.lists(
            st.dictionaries(st.sampled_from(genes), st.sampled_from(DOSES), min_size=1, max_size=3),
            min_size=2,
            max_size=8,
        )
    )
    guide_options, starts, ends = draw(st.sampled_from(GUIDES))
    guides = [(start, end) for start in starts for end in ends]
    rows = [(name, {}) for name in controls]
    for doses in conditions:
        for _ in range(draw(st.integers(1, 3))):
            rows.append((draw(spellings(doses, sep, controls, guides)), doses))
    rows = draw(st.permutations(rows))
    options = {"control": controls, "sep": sep, "genes": genes if with_vocabulary else None, **guide_options}
    return [label for label, _ in rows], [frozenset(doses.items()) for _, doses in rows], options, genes


@st.composite
def spellings(draw, doses, sep, controls, guides):
    """One of the ways to write a condition: any order, guides, blanks, a control in place of a second gene."""
    parts = []
    for gene, dose in doses.items():
        start, end = draw(st.sampled_from(guides))
        parts.append(f"{start}{gene}{end}" if dose == 1.0 else f"{start}{gene}{end}{sep}{dose:g}")
    if draw(st.booleans()):
        start, end = draw(st.sampled_from(guides))
        parts.append(f"{start}{draw(st.sampled_from(controls))}{end}")
    parts = draw(st.permutations(parts))
    blank = draw(st.sampled_from(["", " "]))
    return blank + f"{blank}{sep}{blank}".join(parts) + blank


def same_partition(first, second):
    return pd.Series(pd.factorize(pd.Series(first, dtype=object))[0]).equals(
        pd.Series(pd.factorize(pd.Series(second, dtype=object))[0])
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(screens())
def test_all_doors_agree_on_what_one_condition_is(screen):
    labels, truth, options, genes = screen
    assume(any(truth))
    encoder = PerturbationEncoder(**options)
    X = encoder.fit_transform(labels)
    assert set(encoder.genes_) <= set(genes)
    meant = [frozenset((gene, row[k]) for k, gene in enumerate(encoder.genes_) if row[k]) for row in X]
    assert meant == truth
    reader = LabelReader(**options)
    assert [one.key for one in reader.read_all(labels)] == truth
    # The one spelling of a condition means the same again.
    names = [one.name for one in reader.read_all(labels)]
    assert [one.key for one in reader.read_all(names)] == truth
    assert same_partition(names, truth)
    table = describe_labels(labels, **options).set_index("label")
    assert same_partition(table["condition"].loc[labels], truth)
    assert not table["is_doubtful"].any()
    check_pseudobulk(labels, truth, options)
    check_splits(labels, truth, options)


def check_pseudobulk(labels, truth, options):
    """One row for each condition: the mean over all cells of all its spellings, less that of all controls."""
    values = np.arange(len(labels), dtype=float)[:, None] / 7 + 0.25
    obs = pd.DataFrame({"label": labels}, index=[f"cell{k}" for k in range(len(labels))])
    bulk = pseudobulk(
        anndata.AnnData(values, obs=obs),
        "label",
        options["control"],
        sep=options["sep"],
        perturbed_genes=options["genes"],
        **{name: options[name] for name in ("guide_suffix", "guide_prefix") if name in options},
    )
    by_set = pd.Series(values[:, 0]).groupby(pd.Series(truth, dtype=object).map(hash)).mean()
    expected = {key: by_set[hash(key)] - by_set[hash(frozenset())] for key in truth if key}
    read = LabelReader(**options).read_all(bulk.data["label"])
    assert len(read) == len(expected)
    assert {one.key: value for one, value in zip(read, bulk.target.iloc[:, 0], strict=True)} == pytest.approx(expected)


def check_splits(labels, truth, options):
    """No set of genes of the test, and with unseen genes no gene, is perturbed in training."""
    sets = [frozenset(gene for gene, _ in key) for key in truth]
    splitters = (
        CombinationSplit(3, random_state=0, **options),
        CombinationSplit(3, unseen_genes=0.3, random_state=0, encoder=PerturbationEncoder(**options)),
        UnseenPerturbationSplit(2, random_state=0, **options),
    )
    for splitter in splitters:
        try:
            folds = list(splitter.split(labels))
        except ValueError as error:
            # Only a screen that is too small to be divided.
            if not any(text in str(error) for text in ("none is left", "expected at least", "no condition that")):
                raise
            continue
        for train, test in folds:
            assert not {sets[k] for k in train} & {sets[k] for k in test}
            assert all(len(sets[k]) for k in test)
            if isinstance(splitter, UnseenPerturbationSplit):
                assert not frozenset().union(*(sets[k] for k in train)) & frozenset().union(*(sets[k] for k in test))
        # Labels and their doses are divided alike.
        matrix = PerturbationEncoder(**options).fit_transform(labels)
        assert [(a.tolist(), b.tolist()) for a, b in splitter.split(np.asarray(matrix))] == [
            (a.tolist(), b.tolist()) for a, b in folds
        ]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from("AaBg1_0.+-; |()*pNT"), max_size=8), min_size=1, max_size=6))
def test_any_text_is_read_consistently_or_refused(labels):
    """Whatever the labels: each is refused, or read as a condition whose name means the same."""
    reader = LabelReader()
    for label in labels:
        one = reader.examine(label)
        if one.doubt:
            continue
        again = reader.read(one.name)
        assert again.key == one.key
        assert again.name == one.name
        assert all(any(char.isalpha() for char in gene) and gene == gene.strip() for gene in one.doses)
        assert not any(is_known_control(gene) for gene in one.doses)
    try:
        X = PerturbationEncoder().fit_transform(labels)
    except ValueError:
        return
    keys = [reader.read(label).key for label in labels]
    assert same_partition([tuple(row) for row in X], keys)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.array([["A", "B"]], dtype=object), ValueError, r"shape \(1, 2\); .* Pass the column of labels: X\[:, 0\]"),
        ({"A", "B"}, TypeError, "has no order; expected a sequence of labels: sorted"),
        (sp.eye_array(2), TypeError, r"sparse matrix of shape \(2, 2\); expected a sequence of labels such as"),
        (np.ma.masked_array(["A", "B"], [0, 1]), TypeError, "Leave masked ones out"),
    ],
)
def test_what_holds_no_labels_is_refused(labels, error, message):
    with pytest.raises(error, match=message):
        read_labels(labels)


def test_a_column_of_labels_is_read():
    assert read_labels(np.array([["A"], ["B"]], dtype=object)) == ["A", "B"]
