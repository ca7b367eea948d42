"""What contexts add to a mean, and the linear model that starts from it."""

import numpy as np
import pandas as pd
import pytest

from skperturb.datasets import make_perturbation_screen
from skperturb.responses import LinearPerturbationRegressor, PerturbationEncoder, pseudobulk
from skperturb.responses._contexts.intercepts import fit_intercepts


def test_means_are_drawn_towards_the_common_one():
    """Two levels of three: variance 1 within, (8 - 1/3) between the means, so that 3 / (3 + 1 / 7.67) is kept."""
    level = np.repeat(np.eye(2), 3, axis=0)
    y = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])[:, None]
    common, (offsets,) = fit_intercepts([level], y, np.ones(6))
    kept = 3.0 / (3.0 + 1.0 / (8.0 - 1.0 / 3.0))
    np.testing.assert_allclose(common, [4.0])
    np.testing.assert_allclose(offsets.ravel(), [-2.0 * kept, 2.0 * kept])
    # Twice as heavy is twice as often; a level that nobody has, and one without any level, change nothing.
    weight = np.array([2.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    twice = np.r_[0, :6]
    for found, expected in zip(
        fit_intercepts([np.column_stack([level, np.zeros(6)])], y, weight),
        fit_intercepts([np.column_stack([level[twice], np.zeros(7)])], y[twice], np.ones(7)),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected)
    assert (fit_intercepts([np.column_stack([level, np.zeros(6)])], y, weight)[1][0][2] == 0).all()


def test_levels_that_do_not_differ_add_nothing():
    level = np.tile(np.eye(2), (4, 1))
    y = np.repeat([0.0, 1.0, 2.0, 3.0], 2)[:, None]
    common, (offsets,) = fit_intercepts([level], y, np.ones(8))
    np.testing.assert_allclose([common[0], *offsets.ravel()], [1.5, 0.0, 0.0])


def test_two_covariates_add_up():
    rng = np.random.default_rng(0)
    line, batch = rng.integers(3, size=400), rng.integers(4, size=400)
    of_line, of_batch = rng.normal(size=(3, 50)), rng.normal(size=(4, 50))
    y = 1.0 + of_line[line] + of_batch[batch] + 0.1 * rng.normal(size=(400, 50))
    common, (lines, batches) = fit_intercepts([np.eye(3)[line], np.eye(4)[batch]], y, np.ones(400))
    np.testing.assert_allclose(
        (common + lines[:, None] + batches).reshape(12, 50),
        (1.0 + of_line[:, None] + of_batch).reshape(12, 50),
        atol=0.15,  # noise of .1 in means of 100 conditions, and a hundredth of each mean that is drawn away
    )


@pytest.fixture(scope="module")
def screen():
    cells = make_perturbation_screen(60, n_perturbed=50, n_doubles=0, n_contexts=4, n_cells=20, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control", covariates="cell_line")
    X = PerturbationEncoder(contexts="cell_line").set_output(transform="pandas").fit_transform(bulk.data)
    return X, bulk.target


def test_linear_model_knows_the_line(screen):
    X, y = screen
    genes = [name for name in X if "=" not in name]
    new = X[genes[:12]].any(axis=1).to_numpy()

    def error(columns):
        model = LinearPerturbationRegressor().fit(X.loc[~new, columns], y[~new])
        return np.linalg.norm(model.predict(X.loc[new, columns]) - y[new], axis=1).mean()

    # Lines do little to all genes alike in these screens: .945 to .969 with three seeds.
    assert error(list(X)) < 0.98 * error(genes)


def test_linear_model_in_contexts(screen):
    X, y = screen
    genes, lines = [name for name in X if "=" not in name], [name for name in X if "=" in name]
    model = LinearPerturbationRegressor().fit(X, y)
    assert model.contexts_ == [*(name.partition("=")[2] for name in lines), "unknown"]
    assert model.context_effects_.shape == (5, y.shape[1])
    assert model.perturbation_embedding_.shape == (len(genes), 10)
    other = X[[*lines[::-1], *genes]]
    expected = model.predict(X)
    np.testing.assert_allclose(LinearPerturbationRegressor().fit(other, y).predict(other), expected)
    plain = X.set_axis([*genes, *"wxyz"], axis=1)
    named = LinearPerturbationRegressor(contexts=list("wxyz")).fit(plain, y)
    np.testing.assert_allclose(named.predict(plain), expected)
    # In a line that is unknown, or has not been trained, what all lines share.
    unknown = X[:3].assign(**dict.fromkeys(lines, 0.0))
    shared = model.predict(X[:3]) - model.context_effects_[model._design.context_of(X[:3].to_numpy())]
    np.testing.assert_allclose(model.predict(unknown), shared)
    rest = X[lines[0]] == 0
    without = LinearPerturbationRegressor().fit(X[rest], y[rest])
    assert (without.context_effects_[0] == 0).all()
    np.testing.assert_allclose(without.predict(X[~rest]), without.predict(X[~rest].assign(**{lines[0]: 0.0})))
    with pytest.raises(ValueError, match="has 2 levels of the context 'cell_line'"):
        model.predict(X[:2].assign(**{lines[0]: 1.0, lines[1]: 1.0}))
    assert isinstance(model.predict(X), pd.DataFrame)
