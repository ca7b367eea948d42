"""Contexts on their way from a table to a model."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from skperturb.datasets import make_perturbation_screen
from skperturb.model_selection import LeaveContextOut
from skperturb.responses import KernelPerturbationRegressor, PerturbationEncoder, pseudobulk

TABLE = pd.DataFrame({"gene": ["A", "A+B", "B", "ctrl"], "line": ["x", "y", "y", "x"], "batch": [1, 1, 2, 2]})


def test_columns_behind_the_genes():
    encoder = PerturbationEncoder(contexts=["line", "batch"]).set_output(transform="pandas")
    X = encoder.fit_transform(TABLE)
    assert list(X.columns) == ["A", "B", "line=x", "line=y", "batch=1", "batch=2"]
    assert list(X.columns) == list(encoder.get_feature_names_out())
    assert encoder.context_columns_ == dict(enumerate(X.columns[2:], 2))
    np.testing.assert_array_equal(X["line=y"], [0, 1, 1, 0])
    assert list(encoder.inverse_transform(X.to_numpy())) == ["A", "A+B", "B", "control"]


def test_given_levels_and_clone():
    encoder = clone(PerturbationEncoder(contexts={"line": ["y", "z", "x"]}, column="gene"))
    assert list(encoder.fit(TABLE).context_columns_.values()) == ["line=y", "line=z", "line=x"]


def test_unknown_levels():
    new = pd.DataFrame({"gene": ["A"], "line": ["z"]})
    encoder = PerturbationEncoder(contexts="line").fit(TABLE[["gene", "line"]])
    with pytest.warns(UserWarning, match=r"X\[0\] has the line 'z', which is none of the 2 known levels"):
        np.testing.assert_array_equal(encoder.transform(new), [[1, 0, 0, 0]])
    with pytest.raises(ValueError, match="unknown levels in all"):
        encoder.set_params(handle_unknown="error").transform(new)
    np.testing.assert_array_equal(encoder.set_params(handle_unknown="ignore").transform(new), [[1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("X", "contexts", "message"),
    [
        (["A", "B"], "line", "X is a list"),
        (TABLE, "tissue", "the name of 0 columns"),
        (TABLE, "gene", "that of the labels"),
        (TABLE.assign(line=["x", None, "y", "y"]), "line", "no 'line' in its row 1"),
        (TABLE, {"line": ["x", "x"]}, "each level once"),
        (TABLE, {"line": []}, "at least one"),
    ],
)
def test_refusals(X, contexts, message):
    with pytest.raises(ValueError, match=message):
        PerturbationEncoder(contexts=contexts, column="gene").fit(X)


def test_pipeline_over_lines_that_are_left_out():
    cells = make_perturbation_screen(30, n_perturbed=8, n_doubles=0, n_cells=5, n_contexts=3, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control", covariates="cell_line")
    encoder = PerturbationEncoder(contexts="cell_line", handle_unknown="ignore")
    model = make_pipeline(encoder, KernelPerturbationRegressor())
    predicted = cross_val_predict(model, bulk.data, bulk.target, cv=LeaveContextOut("cell_line"))
    X = encoder.set_output(transform="pandas").fit_transform(bulk.data)
    for train, test in LeaveContextOut().split(X):
        own = KernelPerturbationRegressor().fit(X.iloc[train], bulk.target.iloc[train]).predict(X.iloc[test])
        np.testing.assert_allclose(predicted[test], own, rtol=1e-6, atol=1e-9)
