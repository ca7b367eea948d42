"""Which columns are contexts, and what rows are in them."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    PerturbationEncoder,
)
from skperturb.responses._contexts.columns import read_contexts

NAMES = ["A", "B", "cell_line=K562", "cell_line=Jurkat", "batch=1", "batch=2"]
ROWS = np.array([[1, 0, 1, 0, 1, 0], [0, 2, 0, 1, 0, 1], [1, 1, 0, 1, 0, 0]], dtype=float)


def test_columns_are_found_by_their_names():
    design = read_contexts(None, pd.DataFrame(ROWS, columns=NAMES), NAMES)
    assert design.genes.tolist() == [0, 1]
    assert design.covariates == ("cell_line", "batch")
    assert [design.names[k] for k in design.context_of(ROWS)] == ["K562, 1", "Jurkat, 2", "Jurkat, unknown"]
    assert design.n_contexts == len(design.names) == 9


def test_each_gene_of_a_row_stands_in_its_context():
    design = read_contexts(None, pd.DataFrame(ROWS, columns=NAMES), NAMES)
    wide = design.expand(ROWS).reshape(3, design.n_contexts, 2)
    context = design.context_of(ROWS)
    np.testing.assert_array_equal(wide[np.arange(3), context], ROWS[:, :2])
    assert wide.sum() == ROWS[:, :2].sum()


@pytest.mark.parametrize("contexts", [[2, 3], ["cell_line=K562", "cell_line=Jurkat"], "cell_line", [-4, -3]])
def test_columns_are_found_as_listed(contexts):
    design = read_contexts(contexts, pd.DataFrame(ROWS, columns=NAMES), NAMES)
    assert [columns.tolist() for columns in design.columns] == [[2, 3]]
    assert design.genes.tolist() == [0, 1, 4, 5]


def test_none_are_found():
    assert read_contexts((), pd.DataFrame(ROWS, columns=NAMES), NAMES) is None
    assert read_contexts(None, ROWS, np.arange(6)) is None


def test_table_of_features_is_centered_and_aligned():
    table = pd.DataFrame({"f": [1.0, 5.0]}, index=["Jurkat", "K562"])
    design = read_contexts(table, pd.DataFrame(ROWS, columns=NAMES), NAMES)
    values = dict(zip(design.names, design.features[:, 0], strict=True))
    assert (values["K562, 1"], values["Jurkat, unknown"], values["unknown, 1"]) == (2.0, -2.0, 0.0)


@pytest.mark.parametrize(
    ("contexts", "columns", "message"),
    [
        ("tissue", NAMES, "contexts\\[0\\] is 'tissue'"),
        ([9], NAMES, "contexts\\[0\\] is 9"),
        (range(6), NAMES, "all 6 columns of X are contexts"),
        (pd.DataFrame({"f": [1.0]}, index=["K562"]), NAMES, "lacks rows for \\['Jurkat'\\]"),
        (pd.DataFrame({"f": [1.0]}, index=["HepG2"]), NAMES, "names none of the contexts"),
        (pd.DataFrame({"f": [1.0, np.nan]}, index=["K562", "Jurkat"]), NAMES, "row 'Jurkat', column 'f'"),
        (pd.DataFrame({"f": [1.0, 2.0]}, index=["K562", "K562"]), NAMES, "repeats the row 'K562'"),
        (pd.DataFrame({"f": [1.0]}, index=["K562"]), list("ABCDEF"), "X has no columns of contexts"),
        (None, [*(f"a={k}" for k in range(1001)), "G"], "1002 combinations"),
    ],
)
def test_refusals(contexts, columns, message):
    with pytest.raises(ValueError, match=message):
        read_contexts(contexts, pd.DataFrame(np.zeros((2, len(columns))), columns=columns), columns)


def test_rows_are_in_one_level():
    design = read_contexts(None, pd.DataFrame(ROWS, columns=NAMES), NAMES)
    with pytest.raises(ValueError, match=r"X\[1\] has 2 levels of the context 'cell_line': \['K562', 'Jurkat'\]"):
        design.context_of(np.array([ROWS[0], [1, 0, 1, 1, 0, 0]]))
    with pytest.raises(ValueError, match=r"X\[0\] holds \[0.5, 0.0\]"):
        design.context_of(np.array([[1, 0, 0.5, 0, 0, 0]]))


def _unmarked():
    genes = np.eye(4)
    return np.vstack([np.hstack([genes, np.tile(line, (4, 1))]) for line in ([1, 0], [0, 1])])


@pytest.mark.parametrize(
    "model",
    [
        AdditiveRegressor(),
        LinearPerturbationRegressor(),
        KernelPerturbationRegressor(),
        APPRegressor(max_epochs=1, n_models=1, device="cpu", random_state=0),
    ],
)
def test_columns_that_make_every_row_a_combination_are_warned_of(model):
    X = _unmarked()
    with pytest.warns(UserWarning, match="exactly one of the 2 columns 4, 5"):
        model.fit(X, X @ np.ones((6, 2)))
    constant = np.hstack([np.eye(4), np.ones((4, 1))])
    with pytest.warns(UserWarning, match="exactly one of the 1 columns 4"):
        model.fit(constant, constant @ np.ones((5, 2)))


def test_screens_of_genes_are_not_warned_of(dominance, additive_screen):
    X, y, _ = dominance()
    screen, target, _ = additive_screen()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdditiveRegressor().fit(X, y)
        AdditiveRegressor().fit(screen, target)
        AdditiveRegressor(contexts=()).fit(_unmarked(), np.zeros((8, 2)))


def test_published_model_refuses_contexts():
    X = pd.DataFrame(_unmarked(), columns=[*"ABCD", "line=a", "line=b"])
    with pytest.raises(ValueError, match="2 columns of contexts, such as 'line=a', and baseline=None, as published"):
        APPRegressor.published().fit(X, np.zeros((8, 2)))


def test_rows_of_an_encoded_array_keep_their_contexts():
    table = pd.DataFrame({"gene": ["A", "B", "A"], "line": ["x", "y", "y"]})
    X = PerturbationEncoder(contexts="line").fit_transform(table)
    expected = {2: "line=x", 3: "line=y"}
    assert X.context_columns == X[:2].context_columns == X[[0, 1]].context_columns == X[[2], ...].context_columns
    assert X.context_columns == expected
    assert X[:, :2].context_columns is None
    assert (X + 1).context_columns is None
    assert X[:, [0, 1, 3, 2]].context_columns is None
