"""Labels become doses."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skperturb.responses import AdditiveRegressor, PerturbationEncoder

LABELS = ["KLF1", "KLF1+CEBPA", "ctrl", "ctrl+KLF1", "CEBPA+SPI1+KLF1"]


def test_labels():
    encoder = PerturbationEncoder().fit(LABELS)
    assert list(encoder.get_feature_names_out()) == ["CEBPA", "KLF1", "SPI1"]
    expected = [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 1, 1]]
    np.testing.assert_array_equal(encoder.transform(LABELS), expected)
    assert list(encoder.inverse_transform(expected)) == ["KLF1", "CEBPA+KLF1", "control", "KLF1", "CEBPA+KLF1+SPI1"]


def test_order_of_genes_is_free():
    encoder = PerturbationEncoder().fit(["A_B"])
    np.testing.assert_array_equal(encoder.transform(["A_B"]), encoder.transform(["B_A"]))


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        pd.Series,
        lambda labels: np.array(labels, dtype=object),
        np.array,
        lambda labels: pd.DataFrame({"p": labels}),
    ],
)
def test_containers(container):
    expected = PerturbationEncoder().fit_transform(LABELS)
    np.testing.assert_array_equal(PerturbationEncoder().fit_transform(container(LABELS)), expected)


def test_anndata():
    obs = pd.DataFrame({"condition": LABELS, "batch": "b"}, index=list("abcde"))
    cells = anndata.AnnData(np.ones((5, 2)), obs=obs)
    encoded = PerturbationEncoder(column="condition").fit_transform(cells)
    np.testing.assert_array_equal(encoded, PerturbationEncoder().fit_transform(LABELS))
    with pytest.raises(ValueError, match=r"column is None; expected one of .*condition"):
        PerturbationEncoder().fit(cells)


def test_doses():
    doses = [{"A": 0.5}, {"A": 1.0, "B": 2.0}, {}]
    encoder = PerturbationEncoder().fit(doses)
    np.testing.assert_array_equal(encoder.transform(doses), [[0.5, 0], [1, 2], [0, 0]])
    assert list(encoder.inverse_transform(encoder.transform(doses))) == doses
    with pytest.raises(ValueError, match=r"X\[0\] has the dose -1"):
        encoder.transform([{"A": -1}])


def test_pandas_output():
    frame = PerturbationEncoder().set_output(transform="pandas").fit_transform(LABELS)
    assert list(frame.columns) == ["CEBPA", "KLF1", "SPI1"]


def test_guides():
    encoder = PerturbationEncoder(guide_suffix=r"g\d+").fit(["IFNGR2g1", "IFNGR2g2", "STAT1g10"])
    assert list(encoder.genes_) == ["IFNGR2", "STAT1"]
    np.testing.assert_array_equal(encoder.transform(["IFNGR2g1+IFNGR2g2"]), [[1, 0]])


def test_separator_inside_a_gene_name():
    with pytest.raises(ValueError, match=r"X\[1\] is 'HLA_A\+KLF1', which holds the separators"):
        PerturbationEncoder().fit(["KLF1", "HLA_A+KLF1"])
    encoder = PerturbationEncoder(genes=["HLA_A", "KLF1"]).fit(["HLA_A+KLF1"])
    np.testing.assert_array_equal(encoder.transform(["HLA_A", "KLF1_HLA_A", "ctrl+HLA_A"]), [[1, 0], [1, 1], [1, 0]])


def test_ambiguous_label_is_refused():
    with pytest.raises(ValueError, match=r"can be read in 2 ways"):
        PerturbationEncoder(genes=["A", "B", "A_B"]).fit(["A_B"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["A+"], r"X\[0\] is 'A\+', which has an empty gene name"),
        (["B", "A+A"], r"X\[1\] is 'A\+A', which names a gene twice"),
        ([], "X is empty"),
        (["ctrl"], "names no perturbed gene"),
        (["A", np.nan], r"X\[1\] is nan"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises((ValueError, TypeError), match=message):
        PerturbationEncoder().fit(labels)


def test_single_string_is_refused():
    with pytest.raises(TypeError, match=r"pass \[X\]"):
        PerturbationEncoder().fit("KLF1")


def test_unknown_gene():
    encoder = PerturbationEncoder(handle_unknown="error").fit(["A", "B"])
    with pytest.raises(ValueError, match=r"X\[1\] names the gene 'C', which is none of the 2 known genes"):
        encoder.transform(["A", "A+C"])
    with pytest.warns(UserWarning, match=r"X\[1\] names the gene 'C'.*1 unknown genes in 2 of 3 rows.*Pass genes="):
        warned = PerturbationEncoder().fit(["A", "B"]).transform(["A", "A+C", "C"])
    np.testing.assert_array_equal(warned, [[1, 0], [1, 0], [np.nan, np.nan]])
    with pytest.raises(ValueError, match=r"X\[2\] holds NaN, which stands for genes that the encoder does not know"):
        PerturbationEncoder().fit(["A", "B"]).inverse_transform(warned)
    ignoring = PerturbationEncoder(handle_unknown="ignore").fit(["A", "B"])
    np.testing.assert_array_equal(ignoring.transform(["A+C", "C"]), [[1, 0], [0, 0]])
    with pytest.raises(ValueError, match="genes repeats 1 names"):
        PerturbationEncoder(genes=["A", "A"]).fit(["A"])


def test_estimator_manners():
    encoder = PerturbationEncoder(control="NT")
    with pytest.raises(NotFittedError):
        encoder.transform(["A"])
    assert clone(encoder.fit(["A", "NT"])).get_params() == encoder.get_params()
    with pytest.raises(ValueError, match="handle_unknown"):
        PerturbationEncoder(handle_unknown="x").fit(["A"])


def test_pipeline():
    model = make_pipeline(PerturbationEncoder(), AdditiveRegressor())
    model.fit(["A", "B"], [[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(model.predict(["A+B", "ctrl"]), [[1, 2], [0, 0]])


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"sep": ""}, ["A"], "sep=''; expected one or more separators"),
        ({"sep": []}, ["A"], r"sep=\[\]"),
        ({"guide_suffix": "("}, ["A"], r"guide_suffix='\(' is no regular expression"),
        ({"guide_suffix": ".*"}, ["A"], r"X\[0\] is 'A': nothing is left"),
        ({}, [{"A": "x"}], r"X\[0\] has the dose 'x' for gene 'A'"),
        ({}, ["ctrl", "control"], "all 2 labels are controls"),
    ],
)
def test_options_that_read_nothing(options, X, message):
    with pytest.raises(ValueError, match=message):
        PerturbationEncoder(**options).fit(X)


def test_the_way_back_goes_by_name():
    labels = ["A", "A+B", "C", "control"]
    encoder = PerturbationEncoder().set_output(transform="pandas")
    table = encoder.fit_transform(labels)
    for doses in (table, table[["C", "A", "B"]], sp.csr_array(table.to_numpy()), table.to_numpy()):
        assert encoder.inverse_transform(doses).tolist() == labels
    with pytest.raises(ValueError, match=r"\['A'\], which X\.columns lacks"):
        encoder.inverse_transform(table.rename(columns={"A": "a"}))
