"""Bilinear model: its formula, and where its embedding comes from."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import LinearPerturbationRegressor


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
