"""The kernel model in contexts."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor, OtherContextsMean, PerturbationEncoder
from skperturb.responses._contexts.effects import means_of_others

LINES = list("wxyz")


@pytest.fixture
def lines():
    def lines(seed=0, n_genes=12, n_outputs=20, shared=1.0, own=0.3, pairs=False):
        """Genes in four lines: what they share, what a line does to all genes, and noise."""
        rng = np.random.default_rng(seed)
        common, line = shared * rng.normal(size=(n_genes, n_outputs)), rng.normal(size=(4, n_outputs))
        conditions = [(g,) for g in range(n_genes)]
        conditions += [(g, h) for g in range(6) for h in range(g)] if pairs else []
        rows, y = [], []
        for k, name in enumerate(LINES):
            effects = common + own * line[k] + 0.2 * rng.normal(size=common.shape)
            rows += [("+".join(f"g{g}" for g in condition), name) for condition in conditions]
            y += [
                effects[list(condition)].sum(axis=0) * (0.7 if len(condition) > 1 else 1.0) for condition in conditions
            ]
        table = pd.DataFrame(rows, columns=["gene", "line"])
        X = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(table)
        return table, X, np.array(y)

    return lines


def _error(model, X, y, train, test):
    return np.linalg.norm(model.fit(X[train], y[train]).predict(X[test]) - y[test], axis=1).mean()


def test_known_gene_in_a_new_line(lines):
    table, X, y = lines(shared=0.3)
    new = (table["line"] == "z").to_numpy()
    assert _error(KernelPerturbationRegressor(), X, y, ~new, new) < _error(OtherContextsMean(), X, y, ~new, new)
    # The column of the line that was not trained, or no column at all: the same.
    model = KernelPerturbationRegressor().fit(X[~new], y[~new])
    np.testing.assert_allclose(model.predict(X[new]), model.predict(X[new].assign(**{"line=z": 0.0})))


def test_new_gene_in_a_known_line_is_the_line_and_not_the_mean(lines):
    table, X, y = lines(shared=0.1, own=2.0)
    new = (table["gene"] == "g3").to_numpy()
    model = KernelPerturbationRegressor().fit(X[~new], y[~new])
    line_means = np.array([y[~new & (table["line"] == name)].mean(axis=0) for name in LINES])
    np.testing.assert_allclose(model.predict(X[new]), line_means, atol=0.2)
    assert np.linalg.norm(line_means - y[~new].mean(axis=0), axis=1).min() > 1
    assert model.kernel_weights_["line"] > model.kernel_weights_["gene"]


def test_missing_rows_are_filled_from_gene_and_line(lines):
    _, X, y = lines()
    held_out = np.random.default_rng(0).random(len(X)) < 0.4
    error = _error(KernelPerturbationRegressor(), X, y, ~held_out, held_out)
    assert error < 0.8 * _error(OtherContextsMean(), X, y, ~held_out, held_out)
    model = KernelPerturbationRegressor().fit(X[~held_out], y[~held_out])
    np.testing.assert_allclose(model.predict(X[~held_out]), y[~held_out])
    assert model.contexts_ == [*LINES, "unknown"]
    assert model.effects_.shape == (5 * 12, 20)


def test_pairs_in_each_situation(lines):
    table, X, y = lines(pairs=True)
    is_pair = table["gene"].str.contains("+", regex=False).to_numpy()
    new_line = (table["line"] == "z").to_numpy()
    # Untested pairs in known lines: less than addition by the factor that others show.
    test = is_pair & (table["line"] == "x").to_numpy()
    model = KernelPerturbationRegressor().fit(X[~test], y[~test])
    sums = np.array(
        [
            sum(y[(table["gene"] == g) & (table["line"] == "x")][0] for g in pair.split("+"))
            for pair in table["gene"][test]
        ]
    )
    error = np.linalg.norm(model.predict(X[test]) - y[test], axis=1).mean()
    assert error < 0.3 * np.linalg.norm(sums - y[test], axis=1).mean()
    # Pairs in a line of which nothing is known.
    # They are predicted from the same pairs and from single effects in other lines.
    tested = new_line & is_pair
    error = _error(KernelPerturbationRegressor(), X, y, ~new_line, tested)
    assert error < _error(OtherContextsMean(), X, y, ~new_line, tested)
    assert error < 0.9 * _error(AdditiveRegressor(), X, y, ~new_line, tested)


def test_deviations_grow_with_what_is_unknown(lines):
    table, X, y = lines(own=1.0)
    gene, line = (table["gene"] == "g0").to_numpy(), (table["line"] == "z").to_numpy()
    train = ~gene & ~line
    _, deviation = KernelPerturbationRegressor().fit(X[train], y[train]).predict(X, return_std=True)
    deviation = deviation.mean(axis=1)
    assert (deviation[train] == 0).all()
    assert deviation[gene & line].mean() > deviation[gene & ~line].mean() > 0.2
    assert deviation[gene & line].mean() > deviation[~gene & line].mean() > 0.2


def test_95_percent_intervals(lines):
    covered = []
    for seed in range(4):
        table, X, y = lines(seed, n_genes=20)
        for name in LINES:
            new = (table["line"] == name).to_numpy()
            mean, deviation = KernelPerturbationRegressor().fit(X[~new], y[~new]).predict(X[new], return_std=True)
            covered.append(np.mean(np.abs(y[new] - mean) <= 1.96 * deviation))
    assert 0.9 < np.mean(covered) < 0.98


def test_deviations_in_a_new_line_with_landmarks():
    """Errors of whole lines are those of the model that left the line and its landmarks out, with all other rows."""
    rng = np.random.default_rng(0)
    group = np.arange(150) % 15
    table = pd.DataFrame([(f"g{g}", name) for name in LINES for g in range(150)], columns=["gene", "line"])
    common = rng.normal(size=(15, 20))[group] + 0.1 * rng.normal(size=(150, 20))
    y = np.vstack([common + line + 0.2 * rng.normal(size=common.shape) for line in rng.normal(size=(4, 20))])
    X = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(table)
    features = pd.DataFrame(np.eye(15, dtype=bool)[group], index=[f"g{g}" for g in range(150)])
    new = (table["line"] == "z").to_numpy()
    deviations, covered = [], []
    for n_landmarks in (None, 120, 60):
        model = KernelPerturbationRegressor(gene_features=features, n_landmarks=n_landmarks).fit(X[~new], y[~new])
        mean, deviation = model.predict(X[new], return_std=True)
        covered.append(np.mean(np.abs(y[new] - mean) <= 1.96 * deviation))
        deviations.append(deviation.mean())
    # By the landmarks alone, as if nothing else had been measured, they would be smaller by 5 % here.
    np.testing.assert_allclose(deviations[1:], deviations[0], rtol=0.02)
    assert min(covered) > 0.94


def test_features_of_lines_say_which_are_alike():
    rng = np.random.default_rng(0)
    place = np.linspace(-1, 1, 6)
    slope = rng.normal(size=(10, 15))
    table = pd.DataFrame([(f"g{g}", f"l{k}") for k in range(6) for g in range(10)], columns=["gene", "line"])
    y = np.vstack([slope * x for x in place]) + 0.1 * rng.normal(size=(60, 15))
    X = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(table)
    features = pd.DataFrame({"place": place}, index=[f"l{k}" for k in range(6)])
    new = (table["line"] == "l5").to_numpy()
    plain, informed = (_error(KernelPerturbationRegressor(contexts=c), X, y, ~new, new) for c in (None, features))
    assert informed < 0.3 * plain
    # The effects are lines through zero: of a line near the middle more is known than of one at the end.
    middle = (table["line"] == "l2").to_numpy()
    model = KernelPerturbationRegressor(contexts=features).fit(X[~new & ~middle], y[~new & ~middle])
    deviation = model.predict(X, return_std=True)[1].mean(axis=1)
    assert 0.0 < deviation[middle].mean() < 0.9 * deviation[new].mean()


def test_two_covariates(lines):
    table, _, y = lines(own=1.0)
    rng = np.random.default_rng(1)
    table = table.assign(batch=rng.integers(0, 2, len(table)))
    shift = rng.normal(size=(2, y.shape[1]))
    encoder = PerturbationEncoder(contexts=["line", "batch"], column="gene").set_output(transform="pandas")
    X, y = encoder.fit_transform(table), y + shift[table["batch"]]
    held_out = rng.random(len(X)) < 0.3
    error = _error(KernelPerturbationRegressor(), X, y, ~held_out, held_out)
    without = _error(KernelPerturbationRegressor(), X.drop(columns=["batch=0", "batch=1"]), y, ~held_out, held_out)
    assert error < 0.8 * without


def test_weights_and_noise_are_taken(lines):
    table, X, y = lines()
    new = (table["line"] == "z").to_numpy()
    noise = np.where(table["line"] == "w", 4.0, 0.01)
    noisy = y + np.sqrt(noise)[:, None] * np.random.default_rng(2).normal(size=y.shape)
    known, unknown = KernelPerturbationRegressor(), KernelPerturbationRegressor()
    known.fit(X[~new], noisy[~new], noise_variance=noise[~new] * y.shape[1])
    unknown.fit(X[~new], noisy[~new])
    errors = [np.linalg.norm(model.predict(X[new]) - y[new], axis=1).mean() for model in (known, unknown)]
    assert errors[0] < 0.95 * errors[1]


def test_few_rows():
    X = pd.DataFrame([[1, 0, 1, 0], [0, 1, 0, 1]], columns=["A", "B", "line=x", "line=y"], dtype=float)
    y = np.array([[1.0, 2.0], [3.0, 4.0]])
    for n_rows in (1, 2):
        model = KernelPerturbationRegressor().fit(X[:n_rows], y[:n_rows])
        mean, deviation = model.predict(X, return_std=True)
        np.testing.assert_allclose(mean[:n_rows], y[:n_rows])
        assert np.isfinite(mean).all()
        assert np.isfinite(deviation).all()


def test_means_of_others():
    target = np.array([[1.0], [2.0], [4.0], [8.0]])
    gene, context = np.array([2, 2, 0, 2]), np.array([0, 1, 1, 1])
    np.testing.assert_allclose(means_of_others(target, gene, context), [[5.0], [1.0], [0.0], [1.0]])
