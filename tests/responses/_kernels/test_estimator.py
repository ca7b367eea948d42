"""KernelPerturbationRegressor: what it learns, what it falls back to, what it refuses."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor
from skperturb.responses._kernels import estimator
from skperturb.responses._kernels.gaussian_process import InteractionGaussianProcess


def test_kernel_keeps_addition_where_it_is_exact(additive_screen):
    X, y, effects = additive_screen()
    model = KernelPerturbationRegressor().fit(X, y)
    pair = np.zeros((1, 14))
    pair[0, [2, 0]] = 1
    np.testing.assert_allclose(
        model.predict(pd.DataFrame(pair, columns=X.columns)), [effects[2] + effects[0]], atol=1e-6
    )


def test_kernel_sees_saturation(additive_screen):
    X, y, _ = additive_screen(n_genes=16, noise=0.0)
    sums = y.to_numpy()[16:]
    y.iloc[16:] = sums / (1 + 0.4 * np.linalg.norm(sums, axis=1, keepdims=True))
    train = np.r_[:16, 16 : len(X) : 2]
    test = np.arange(17, len(X), 2)
    ours, additive = (
        np.linalg.norm(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test]) - y.iloc[test], axis=1).mean()
        for model in (KernelPerturbationRegressor(), AdditiveRegressor("auto"))
    )
    assert ours < 0.7 * additive


def test_kernel_uses_gene_features_for_unseen_genes(gene_table):
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


def test_kernel_falls_back_to_the_mean(gene_table):
    rng = np.random.default_rng(0)
    _, table = gene_table(rng, 60, 6)
    X, y = pd.DataFrame(np.eye(60), columns=table.index), 10.0 + rng.normal(size=(60, 5))
    model = KernelPerturbationRegressor(gene_features=table).fit(X[:40], y[:40])
    np.testing.assert_allclose(model.predict(X[40:]), np.tile(y[:40].mean(axis=0), (20, 1)))
    assert len(model.kernel_weights_) == 0


def test_genes_outside_the_graph_are_counted_once(additive_screen):
    X, y, _ = additive_screen()
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
def test_bad_gene_information(kwargs, message, additive_screen):
    X, y, _ = additive_screen()
    with pytest.raises(ValueError, match=message):
        KernelPerturbationRegressor(**kwargs).fit(X, y)


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
        (
            [("a", "b"), ("a", None)],
            ValueError,
            r"graph\[1\] is \('a', (None|nan)\); expected two gene names",
        ),  # pandas 3: nan
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


def test_dominance_is_learned_and_chosen(dominance):
    X, y, effects = dominance()
    n_genes = len(effects)
    singles = np.eye(n_genes)
    model = KernelPerturbationRegressor().fit(np.vstack([singles, X[:40]]), np.vstack([effects, y[:40]]))
    additive = AdditiveRegressor("auto").fit(np.vstack([singles, X[:40]]), np.vstack([effects, y[:40]]))
    errors = [np.linalg.norm(m.predict(X[40:]) - y[40:], axis=1).mean() for m in (model, additive)]
    assert errors[0] < 0.5 * errors[1]
    assert isinstance(model._combinations, InteractionGaussianProcess)
    assert model.loo_error_["combinations, process"] < model.loo_error_["combinations, kernels"]
    assert set(model.kernel_weights_.index) == set(model._combinations.weights)


@pytest.mark.parametrize("n_pairs", [2, 3, 4])
def test_few_pairs_that_all_buffer(n_pairs, dominance):
    """The process alone is tried where there are too few pairs for kernel weights, and one pair says nothing."""
    X, y, effects = dominance()
    y = 0.6 * X @ effects
    singles = np.eye(len(effects))

    def fit(rows):
        return KernelPerturbationRegressor().fit(np.vstack([singles, X[rows]]), np.vstack([effects, y[rows]]))

    model = fit(slice(n_pairs))
    assert isinstance(model._combinations, InteractionGaussianProcess)
    assert "combinations, kernels" not in model.loo_error_
    error = np.linalg.norm(model.predict(X[5:]) - y[5:], axis=1).mean()
    assert error < 0.5 * np.linalg.norm(X[5:] @ effects - y[5:], axis=1).mean()
    np.testing.assert_allclose(fit(slice(1)).predict(X[5:]), X[5:] @ effects)


def test_nothing_is_corrected_without_a_measured_effect(dominance):
    """Neither gene of the last pairs was perturbed alone."""
    X, y, effects = dominance()
    hidden = [0, 1]
    both = (X[:, hidden] != 0).all(axis=1)
    singles = np.eye(len(effects))[2:]
    rows = ~both
    model = KernelPerturbationRegressor().fit(np.vstack([singles, X[rows]]), np.vstack([effects[2:], y[rows]]))
    assert model._combinations is not None
    pair = np.zeros((1, len(effects)))
    pair[0, hidden] = 1
    np.testing.assert_allclose(model.predict(pair), pair @ model.effects_)
    one = np.zeros((1, len(effects)))
    one[0, [0, 5]] = 1
    assert not np.allclose(model.predict(one), one @ model.effects_)
    assert (model.predict(pair, return_std=True)[1] > 0).all()


def test_replicates_of_a_pair_do_not_predict_one_another(dominance):
    """The leave-one-out error of pairs that are given twice is about that of pairs that are given once."""
    X, y, effects = dominance(noise=0.3, n_pairs=30)
    twice = y + 0.3 * np.random.default_rng(1).normal(size=y.shape)
    singles = np.eye(len(effects))
    once = KernelPerturbationRegressor().fit(np.vstack([singles, X]), np.vstack([effects, y]))
    doubled = KernelPerturbationRegressor().fit(np.vstack([singles, X, X]), np.vstack([effects, y, twice]))
    assert len(doubled.loo_residuals_) == len(singles) + 60
    errors = [model.loo_error_["combinations, process"] for model in (once, doubled)]
    assert errors[1] > 0.7 * errors[0]


def test_weights_of_a_graph_that_say_nothing_are_warned_of():
    """Scores of edges that change no prediction: either they do, or a warning says why not."""
    rng = np.random.default_rng(0)
    names = [f"g{k}" for k in range(30)]
    X, y = pd.DataFrame(np.eye(30), columns=names), rng.normal(size=(30, 4))
    edges = [(a, b) for k, a in enumerate(names) for b in names[:k] if rng.random() < 0.5]
    graph = pd.DataFrame(edges, columns=["a", "b"]).assign(score=rng.choice([150, 999], len(edges)))
    for n_known, why in ((9, "learned from 10 on"), (24, "no better than their mean")):
        with pytest.warns(UserWarning, match=rf"graph \(with its weights\).*not used .*{why}"):
            model = KernelPerturbationRegressor(graph=graph).fit(X.iloc[:n_known], y[:n_known])
        np.testing.assert_allclose(model.predict(X.iloc[n_known:])[0], y[:n_known].mean(axis=0))


@pytest.mark.parametrize("with_contexts", [False, True])
def test_landmarks_are_said(with_contexts, gene_table, monkeypatch):
    """Beyond a number of measured effects the kernel is approximated, with a warning, unless that was asked for."""
    rng = np.random.default_rng(0)
    groups, table = gene_table(rng, 60, 6)
    y = rng.normal(size=(6, 5))[groups] + 0.1 * rng.normal(size=(60, 5))
    X = pd.DataFrame(np.eye(60), columns=table.index)
    if with_contexts:
        line = (np.arange(60) // 6 % 2).astype(float)
        X = X.assign(**{"line=A": 1.0 - line, "line=B": line})
    exact, few, chosen = (KernelPerturbationRegressor(gene_features=table, n_landmarks=n) for n in (None, 20, "auto"))
    exact.fit(X[:40], y[:40])
    few.fit(X[:40], y[:40])
    monkeypatch.setattr(estimator, "_MAX_EXACT", 30)
    monkeypatch.setattr(estimator, "_N_LANDMARKS", 20)
    with pytest.warns(UserWarning, match="kernels between 40 measured effects are approximated by those with 20 of"):
        chosen.fit(X[:40], y[:40])
    assert (exact.n_landmarks_, few.n_landmarks_, chosen.n_landmarks_) == (0, 20, 20)
    (expected, _), (near, deviation), (same, _) = (m.predict(X[40:], return_std=True) for m in (exact, few, chosen))
    np.testing.assert_array_equal(same, near)
    # Groups are spanned by twenty genes, also without any of them; what each gene does in both lines is not.
    np.testing.assert_allclose(near, expected, atol=0.1 if with_contexts else 1e-6)
    assert (deviation > 0).all()
