"""Additive, linear and kernel model: known answers, fallbacks, errors."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor, LinearPerturbationRegressor


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


def test_additive_adds():
    X, y, effects = screen()
    model = AdditiveRegressor().fit(X[:14], y[:14])
    np.testing.assert_allclose(model.effects_, effects)
    pd.testing.assert_frame_equal(model.predict(X), y)


def test_additive_averages_replicates_and_scales_doses():
    model = AdditiveRegressor().fit([[1.0, 0], [1.0, 0], [0, 2.0]], [[1.0], [3.0], [4.0]])
    np.testing.assert_allclose(model.predict([[1, 0], [0, 1], [1, 1], [0, 0]]), [[2], [2], [4], [0]])


def test_additive_shrinkage_and_intercept():
    X, y, _ = screen(slope=0.6)
    assert AdditiveRegressor("auto").fit(X, y).shrinkage_ == pytest.approx(0.6)
    y.iloc[14:] += np.arange(6.0)
    model = AdditiveRegressor("auto", fit_intercept=True).fit(X, y)
    assert model.shrinkage_ == pytest.approx(0.6)
    np.testing.assert_allclose(model.intercept_, np.arange(6.0), atol=1e-9)
    np.testing.assert_allclose(model.predict(X), y)


def test_additive_solves_for_genes_seen_only_in_pairs():
    X, y, effects = screen()
    model = AdditiveRegressor(alpha=1e-8).fit(X.iloc[2:], y.iloc[2:])
    np.testing.assert_allclose(model.effects_, effects, atol=1e-6)


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


def test_kernel_keeps_addition_where_it_is_exact():
    X, y, effects = screen()
    model = KernelPerturbationRegressor().fit(X, y)
    pair = np.zeros((1, 14))
    pair[0, [2, 0]] = 1
    np.testing.assert_allclose(
        model.predict(pd.DataFrame(pair, columns=X.columns)), [effects[2] + effects[0]], atol=1e-6
    )


def test_kernel_sees_saturation():
    X, y, _ = screen(n_genes=16, noise=0.0)
    sums = y.to_numpy()[16:]
    y.iloc[16:] = sums / (1 + 0.4 * np.linalg.norm(sums, axis=1, keepdims=True))
    train = np.r_[:16, 16 : len(X) : 2]
    test = np.arange(17, len(X), 2)
    ours, additive = (
        np.linalg.norm(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]) - y.iloc[test], axis=1).mean()
        for model in (KernelPerturbationRegressor(), AdditiveRegressor("auto"))
    )
    assert ours < 0.7 * additive


def gene_table(rng, n_genes, n_groups):
    groups = np.arange(n_genes) % n_groups
    table = pd.DataFrame(np.eye(n_groups, dtype=bool)[groups], index=[f"gene{k}" for k in range(n_genes)])
    return groups, table


def test_kernel_uses_gene_features_for_unseen_genes():
    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 60, 6)
    effects = rng.normal(size=(6, 5))[groups] + 0.1 * rng.normal(size=(60, 5))
    X = pd.DataFrame(np.eye(60), columns=table.index)
    model = KernelPerturbationRegressor(gene_features={"groups": table}).fit(X[:40], effects[:40])
    assert np.abs(model.predict(X[40:]) - effects[40:]).mean() < 0.2
    assert model.loo_error_["genes, kernels"] < 0.3 * model.loo_error_["genes, mean"]
    edges = [(a, b) for a in range(60) for b in range(a) if groups[a] == groups[b]]
    by_graph = KernelPerturbationRegressor(graph=[(f"gene{a}", f"gene{b}") for a, b in edges]).fit(X[:40], effects[:40])
    assert np.abs(by_graph.predict(X[40:]) - effects[40:]).mean() < 0.2


def test_kernel_falls_back_to_the_mean():
    rng = np.random.default_rng(0)
    _, table = gene_table(rng, 60, 6)
    X, y = pd.DataFrame(np.eye(60), columns=table.index), 10.0 + rng.normal(size=(60, 5))
    model = KernelPerturbationRegressor(gene_features=table).fit(X[:40], y[:40])
    np.testing.assert_allclose(model.predict(X[40:]), np.tile(y[:40].mean(axis=0), (20, 1)))
    assert len(model.kernel_weights_) == 0


def test_leave_one_out_error_is_that_of_refits():
    from skperturb.responses._multiple_kernels import _Problem

    rng = np.random.default_rng(3)
    points = rng.normal(size=(9, 3))
    kernels, target = np.stack([points @ points.T, np.ones((9, 9))]), rng.normal(size=(9, 4))
    logs = np.log([0.7, 2.0, 0.4])
    residuals = _Problem(kernels, target, [], np.ones(9)).solve(logs)[2]
    matrix = 0.7 * kernels[0] + 2.0
    for k in range(9):
        rest = np.delete(np.arange(9), k)
        dual = np.linalg.solve(matrix[np.ix_(rest, rest)] + 0.4 * np.eye(8), target[rest])
        np.testing.assert_allclose(residuals[k], target[k] - matrix[k, rest] @ dual)


def test_genes_outside_the_graph_are_counted_once():
    X, y, _ = screen()
    with pytest.warns(UserWarning, match="12 of 14 perturbed genes are not in gene_features or graph") as record:
        KernelPerturbationRegressor(graph=[("gene0", "gene1"), ("gene1", "gene0")], max_iter=2).fit(X, y)
    assert len(record) == 1


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"gene_features": pd.DataFrame([[1.0], [2.0]], index=["gene0", "gene0"])}, "names 1 genes more than once"),
        ({"gene_features": pd.DataFrame([[np.nan]], index=["gene0"])}, "NaN"),
        ({"gene_features": np.ones((3, 2))}, r"expected \(14, n_features\)"),
        ({"graph": ["gene0"]}, r"graph\[0\] is 'gene0'; expected a pair"),
        ({"graph": pd.DataFrame({"a": ["gene0"]})}, "graph has 1 columns"),
    ],
)
def test_bad_gene_information(kwargs, message):
    X, y, _ = screen()
    with pytest.raises(ValueError, match=message):
        KernelPerturbationRegressor(**kwargs).fit(X, y)


def test_names_in_names_out():
    X, y, _ = screen()
    X.index = [f"condition{k}" for k in range(len(X))]
    for model in (AdditiveRegressor(), LinearPerturbationRegressor(), KernelPerturbationRegressor(max_iter=2)):
        predicted = model.fit(X, y.set_axis(X.index)).predict(X)
        pd.testing.assert_index_equal(predicted.index, X.index)
        pd.testing.assert_index_equal(predicted.columns, y.columns)
        assert list(model.feature_names_in_) == list(X.columns)


def test_rows_that_a_table_of_values_lacks_are_predicted_from_the_other_tables():
    """Profiles of half of the genes; groups say which other genes are like them."""
    from skperturb.responses._gene_effects import gene_kernels

    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 60, 6)
    profiles = rng.normal(size=(6, 5))[groups] + 0.1 * rng.normal(size=(60, 5))
    measured = pd.DataFrame(profiles, index=table.index).iloc[np.arange(60) % 12 < 6]
    kernels = gene_kernels({"groups": table, "profiles": measured}, None, list(table.index))
    absent = ~table.index.isin(measured.index)
    found = kernels["profiles"]
    same = groups[:, None] == groups[None, :]
    assert found[absent][:, absent][same[absent][:, absent]].min() > 0.2
    np.testing.assert_allclose(
        np.corrcoef(found[absent].ravel(), (profiles @ profiles.T)[absent].ravel())[0, 1], 1, atol=0.1
    )
    # Nothing is known about rows without any other information.
    with pytest.warns(UserWarning, match="30 of 60 perturbed genes"):
        alone = gene_kernels({"profiles": measured}, None, list(table.index))["profiles"]
    assert (alone[absent] == 0).all()


def test_standard_deviation_holds_the_noise_of_replicates():
    """Three guides for each gene: the response to a guide of a new gene varies as guides do."""
    rng = np.random.default_rng(0)
    X = np.repeat(np.eye(60), 3, axis=0)
    effects = 0.3 * rng.normal(size=(60, 20))
    y = X @ effects + rng.normal(size=(180, 20))
    model = KernelPerturbationRegressor().fit(X[:120], y[:120])
    mean, deviation = model.predict(X[120:], return_std=True)
    inside = (np.abs(mean - y[120:]) <= 1.96 * deviation).mean()
    assert 0.92 < inside < 0.98


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (3, TypeError, "graph is a int; expected pairs of genes"),
        ([1, 2], ValueError, r"graph\[0\] is 1; expected a pair"),
        ([("a", "b", "c")], ValueError, r"graph\[0\] is \('a', 'b', 'c'\)"),
        (np.ones((2, 2)), TypeError, r"shape \(2, 2\).*scipy.sparse.csr_array"),
        ([("a", "b"), ("a", None)], ValueError, r"graph\[1\] is \('a', None\); expected two gene names"),
    ],
)
def test_graphs_that_are_none(graph, error, message):
    X, y = np.eye(4), np.arange(8.0).reshape(4, 2)
    with pytest.raises(error, match=message):
        KernelPerturbationRegressor(graph=graph).fit(X, y)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"f": ["x", "y"]}, index=["a", "b"]), "is not numeric"),
        (pd.DataFrame({"f": [1.0, np.nan]}, index=["a", "b"]), "for 1 of 2 genes, such as 'b'"),
        (pd.DataFrame({"f": [1.0, 2.0]}, index=["a", "a"]), r"names 1 genes more than once, such as \['a'\]"),
    ],
)
def test_tables_of_genes_that_cannot_be_used(table, message):
    X = pd.DataFrame(np.eye(2), columns=["a", "b"])
    with pytest.raises(ValueError, match=message):
        KernelPerturbationRegressor(gene_features=table).fit(X, np.eye(2))
