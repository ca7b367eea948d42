"""Parts of the rows are chosen by what rows hold: in another order, the same rows are chosen."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import KernelPerturbationRegressor
from skperturb.responses._app import signal
from skperturb.responses._app.nodes import GeneNodes
from skperturb.responses._kernels import estimator, gaussian_process, gene_kernels, multiple_kernels, subsets, widths
from skperturb.responses._kernels.subsets import content_order, nearest_rows, neighborhoods, spread_rows


def tied_rows(seed=0):
    """Half of the rows are zero, some are as long as others, and only similarities tell the zeros apart."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, 6))
    values[::2] = 0.0
    values[1:9:2] = np.eye(6)[:4]
    points = rng.integers(0, 4, size=(40, 3)).astype(float)
    points[::2] = rng.normal(size=(20, 3))
    return values, points @ points.T


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_another_order_are_the_same_rows(seed):
    values, kernel = tied_rows()
    order = np.random.default_rng(seed).permutation(40)
    turned = kernel[np.ix_(order, order)]
    np.testing.assert_array_equal(
        order[content_order(values[order], turned.__getitem__)], content_order(values, kernel.__getitem__)
    )
    for choose in (spread_rows, lambda v, n, s: neighborhoods(v, s, n)):
        expected = choose(values, 7, kernel.__getitem__)
        assert len(expected) == 7
        np.testing.assert_array_equal(np.sort(order[choose(values[order], 7, turned.__getitem__)]), expected)


def test_spread_rows_are_short_and_long():
    values = np.arange(30.0)[::-1, None]
    assert content_order(values).tolist() == list(range(30))[::-1]
    assert spread_rows(values, 3).tolist() == [4, 14, 24]
    assert spread_rows(values, 30).tolist() == neighborhoods(values, None, 31).tolist() == list(range(30))


def test_each_center_gets_its_nearest_rows():
    line = np.arange(20.0)
    similarity = -np.abs(line[[4, 15]][:, None] - line)
    assert nearest_rows(similarity, 6).tolist() == [3, 4, 5, 14, 15, 16]
    # What the first center has taken, the second replaces by the next one.
    assert nearest_rows(np.array([[9.0, 8, 7, 6, 0, 0], [0.0, 8, 0, 5, 6, 9]]), 4).tolist() == [0, 1, 4, 5]
    # Of equal ones, up to rounding, the first.
    assert nearest_rows(np.array([[1.0, 0.1 + 0.2, 0.3, 0.3]]), 2).tolist() == [0, 1]
    assert nearest_rows(np.array([[1.0, 0.3, 0.1 + 0.2, 0.3]]), 2).tolist() == [0, 1]


def screen(rng, n_genes, n_pairs):
    """Genes in modules, terms and a graph that name them, profiles of some of them and of others, and pairs."""
    names, module = np.array([f"g{k}" for k in range(n_genes)], dtype=object), rng.integers(8, size=n_genes)
    others = rng.integers(8, size=60)
    programs = rng.normal(size=(8, 12))
    effects = programs[module] * rng.gamma(2.0, 0.5, size=(n_genes, 1)) + 0.3 * rng.normal(size=(n_genes, 12))
    labels = pd.Index([*names, *(f"x{k}" for k in range(60))])
    everywhere = np.r_[module, others]
    terms = (everywhere[:, None] == np.arange(8)) ^ (rng.random((len(labels), 8)) < 0.1)
    profiles = pd.DataFrame(programs[everywhere, :5] + rng.normal(size=(len(labels), 5)), index=labels)
    edges = np.array([(a, rng.choice(np.flatnonzero(module == module[a]))) for a in np.tile(np.arange(n_genes), 2)])
    X = np.eye(n_genes)
    if n_pairs:
        pairs = np.array([rng.choice(n_genes, 2, replace=False) for _ in range(n_pairs)])
        X = np.vstack([X, X[pairs].sum(axis=1)])
    y = X @ effects * np.where(X.sum(axis=1) > 1, 0.6, 1.0)[:, None] + 0.1 * rng.normal(size=(len(X), 12))
    known = {
        "graph": pd.DataFrame(names[edges[edges[:, 0] != edges[:, 1]]], columns=["a", "b"]),
        "gene_features": {"terms": pd.DataFrame(terms, index=labels), "profiles": profiles.iloc[n_genes // 4 :]},
    }
    return pd.DataFrame(X, columns=names), y, known


@pytest.mark.parametrize("case", ["weights", "landmarks", "pairs"])
def test_order_of_rows_and_of_genes_changes_no_prediction(case, monkeypatch):
    """With all bounds so low that each of them chooses a part of the rows."""
    bounds = {
        multiple_kernels: {"_MAX_ROWS": 40},
        gene_kernels: {"_MAX_ROWS": 15},
        gaussian_process: {"_MAX_ROWS": 20},
        widths: {"_MAX_POINTS": 15},
        subsets: {"_NEIGHBORHOOD": 10},
        estimator: {"_HANDICAP": 1e9},
    }
    for module, values in bounds.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    n_landmarks = 30 if case == "landmarks" else None
    rng = np.random.default_rng(0)
    X, y, known = screen(rng, 80, 60 if case == "pairs" else 0)
    train = np.setdiff1d(np.arange(len(X)), np.arange(10) if case != "pairs" else np.arange(130, 140))
    test = np.setdiff1d(np.arange(len(X)), train)

    def predicted(rows, columns, tables):
        model = KernelPerturbationRegressor(n_landmarks=n_landmarks, graph=known["graph"], gene_features=tables)
        model.fit(X.iloc[rows, columns], y[rows])
        assert len(model.kernel_weights_) > 2
        assert (model.n_landmarks_ > 0) == (case == "landmarks")
        assert any("coefficients" in name for name in model.kernel_weights_.index) == (case == "pairs")
        return model.predict(X.iloc[test, columns], return_std=True)

    tables = known["gene_features"]
    expected = predicted(train, np.arange(80), tables)
    shuffled = {name: table.iloc[rng.permutation(len(table))] for name, table in tables.items()}
    for rows, columns, given in (
        (rng.permutation(train), np.arange(80), tables),
        (train, rng.permutation(80), tables),
        (rng.permutation(train), rng.permutation(80), shuffled),
    ):
        for found, value in zip(predicted(rows, columns, given), expected, strict=True):
            # The search stops where its steps gain little, which rounding may shift.
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)


def test_order_of_conditions_decides_no_training(monkeypatch):
    """Whether a network could learn is asked of the same conditions in each order."""
    monkeypatch.setattr(signal, "_MAX_ROWS", 30)
    rng = np.random.default_rng(0)
    X, y, known = screen(rng, 80, 0)
    seen = []
    monkeypatch.setattr(signal, "rotated", lambda target, bases: seen.append(target) or (target, []))
    order = rng.permutation(80)
    for rows, columns in ((np.arange(80), np.arange(80)), (order, np.arange(80)), (np.arange(80), order)):
        nodes = GeneNodes(X.columns[columns], None, None, known["gene_features"])
        signal.could_learn(nodes, X.to_numpy()[np.ix_(rows, columns)], y[rows])
    assert len(seen[0]) == 30
    for other in seen[1:]:
        np.testing.assert_allclose(other[np.lexsort(other.T)], seen[0][np.lexsort(seen[0].T)])
