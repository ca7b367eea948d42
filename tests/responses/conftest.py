"""Small simulated screens whose answers are known."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def additive_screen():
    def screen(seed=0, n_genes=14, n_outputs=6, slope=1.0, noise=0.0):
        """All singles and half of the pairs, in which the sum of the effects is scaled by `slope`."""
        rng = np.random.default_rng(seed)
        effects = rng.normal(size=(n_genes, n_outputs))
        pairs = [(g, h) for g in range(n_genes) for h in range(g)][::2]
        X = np.zeros((n_genes + len(pairs), n_genes))
        X[np.arange(n_genes), np.arange(n_genes)] = 1
        for k, pair in enumerate(pairs):
            X[n_genes + k, list(pair)] = 1
        y = X @ effects
        y[n_genes:] *= slope
        y[n_genes:] += noise * rng.normal(size=(len(pairs), n_outputs))
        names = [f"gene{k}" for k in range(n_genes)]
        return pd.DataFrame(X, columns=names), pd.DataFrame(y, columns=[f"out{k}" for k in range(n_outputs)]), effects

    return screen


@pytest.fixture
def gene_table():
    def gene_table(rng, n_genes, n_groups):
        groups = np.arange(n_genes) % n_groups
        table = pd.DataFrame(np.eye(n_groups, dtype=bool)[groups], index=[f"gene{k}" for k in range(n_genes)])
        return groups, table

    return gene_table


@pytest.fixture
def dominance():
    def dominance(seed=0, n_genes=14, n_outputs=8, n_pairs=60, noise=0.05):
        """In every pair the stronger gene prevails."""
        rng = np.random.default_rng(seed)
        effects = rng.normal(size=(n_genes, n_outputs)) * np.exp(0.5 * rng.normal(size=(n_genes, 1)))
        pairs = [(g, h) for g in range(n_genes) for h in range(g)]
        pairs = [pairs[k] for k in rng.permutation(len(pairs))[:n_pairs]]
        X = np.zeros((n_pairs, n_genes))
        X[np.arange(n_pairs)[:, None], pairs] = 1
        power = X * np.sum(effects**2, axis=1)
        y = 1.4 * (power / power.sum(axis=1, keepdims=True)) @ effects
        return X, y + noise * rng.normal(size=y.shape), effects

    return dominance
