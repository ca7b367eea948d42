"""Bilinear model: its formula, and where its embedding comes from."""

import numpy as np
import pandas as pd

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
