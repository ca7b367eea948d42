"""Bilinear model: its formula, and where its embedding comes from."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectFromModel

from skperturb.responses import LinearPerturbationRegressor, PerturbationEncoder


def test_linear_formula():
    rng = np.random.default_rng(1)
    X, Y = np.eye(5)[:, :4], rng.normal(size=(5, 6))
    G, P = rng.normal(size=(6, 3)), rng.normal(size=(4, 2))
    model = LinearPerturbationRegressor(alpha=0.3, gene_embedding=G, perturbation_embedding=P).fit(X, Y)
    b = Y.mean(axis=0)
    left, right = np.linalg.inv(G.T @ G + 0.3 * np.eye(3)), np.linalg.inv((X @ P).T @ (X @ P) + 0.3 * np.eye(2))
    W = left @ G.T @ (Y - b).T @ (X @ P) @ right
    np.testing.assert_allclose(model.predict(X), (G @ W @ (X @ P).T).T + b)


def test_linear_takes_perturbed_genes_among_the_readouts():
    X = pd.DataFrame(np.eye(3), columns=["a", "b", "z"])
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(3, 4)), columns=["c", "b", "a", "d"])
    embedding = LinearPerturbationRegressor(n_components=2).fit(X, y).perturbation_embedding_
    assert (embedding[2] == 0).all()
    assert (embedding[:2] != 0).any(axis=1).all()


def test_embeddings_that_know_other_genes():
    X = pd.DataFrame(np.eye(5), columns=list("ABCDE"))
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 3)), columns=list("xyz"))
    table = pd.DataFrame(np.eye(5), index=list("ABCDE"))
    LinearPerturbationRegressor(2, perturbation_embedding=table[:3]).fit(X, y)
    with pytest.warns(UserWarning, match="perturbation_embedding has a row for 2 of the 5 genes"):
        LinearPerturbationRegressor(2, perturbation_embedding=table[:2]).fit(X, y)
    for argument, names in (("perturbation_embedding", "'A', 'B', 'C'"), ("gene_embedding", "'x', 'y', 'z'")):
        other = table.set_axis([f"ENSG{k}" for k in range(5)])
        with pytest.raises(ValueError, match=rf"{argument} has a row for none of the [35] genes, such as \[{names}\]"):
            LinearPerturbationRegressor(2, **{argument: other}).fit(X, y)


@pytest.mark.parametrize("contexts", [None, ["line"], ["line", "batch"]])
def test_coefficients_are_those_of_the_columns(contexts):
    """Selectors of scikit-learn read them: one for each column of X, as those of Ridge."""
    labels = ["A", "B", "C", "A+B", "B+C", "A+C"] * 4
    table = pd.DataFrame({"label": labels, "line": np.repeat(["x", "y"], 12), "batch": ["u"] * 6 + ["v"] * 18})
    X = PerturbationEncoder(contexts=contexts, column="label").set_output(transform="pandas").fit_transform(table)
    y = np.random.default_rng(0).normal(size=(24, 3)) + (table[["line"]] == "y").to_numpy()
    model = LinearPerturbationRegressor(2)
    assert not hasattr(model, "coef_")
    model.fit(X, y)
    assert model.coef_.shape == (3, X.shape[1])
    np.testing.assert_allclose(X.to_numpy() @ model.coef_.T + model.intercept_, model.predict(X))
    alone = LinearPerturbationRegressor(2).fit(X, y[:, 0])
    assert alone.coef_.shape == (X.shape[1],)
    np.testing.assert_allclose(X.to_numpy() @ alone.coef_ + alone.intercept_, alone.predict(X))
    chosen = SelectFromModel(LinearPerturbationRegressor(2), max_features=2, threshold=-np.inf).fit(X, y[:, 0])
    np.testing.assert_array_equal(np.flatnonzero(chosen.get_support()), np.sort(np.argsort(-np.abs(alone.coef_))[:2]))


@pytest.mark.parametrize("contexts", [None, "line"])
def test_the_order_of_rows_and_columns_changes_nothing(contexts):
    """In a screen of single genes all axes are equally long, and any rotation of them is as good as another."""
    table = pd.DataFrame({"label": [f"G{k}" for k in range(15)] * 2, "line": ["x"] * 15 + ["y"] * 15})
    X = PerturbationEncoder(contexts=contexts, column="label").set_output(transform="pandas").fit_transform(table)
    rng = np.random.default_rng(0)
    y, order = rng.normal(size=(30, 4)), rng.permutation(30)
    expected = LinearPerturbationRegressor(3).fit(X, y).predict(X)
    turned = X[rng.permutation(X.columns)]
    for rows, columns in ((order, X), (slice(None), turned), (order, turned)):
        model = LinearPerturbationRegressor(3).fit(columns.iloc[rows], y[rows])
        np.testing.assert_allclose(model.predict(columns), expected, atol=1e-10)
