"""The networks in cell lines."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import APPRegressor, KernelPerturbationRegressor, PerturbationEncoder

QUICK = {"n_models": 2, "random_state": 0}


@pytest.fixture(scope="module")
def lines():
    """24 genes in two groups and two lines: what a group does depends on the line, and no gene tells."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame([(f"g{k}", line) for line in "xy" for k in range(24)], columns=["gene", "line"])
    of_group = rng.normal(size=(2, 6))
    y = np.vstack([of_group[np.arange(24) % 2], -of_group[np.arange(24) % 2]]) + 0.1 * rng.normal(size=(48, 6))
    features = pd.DataFrame(np.eye(2)[np.arange(24) % 2], index=[f"g{k}" for k in range(24)])
    encoder = PerturbationEncoder(contexts="line").set_output(transform="pandas")
    return encoder.fit_transform(table), y, features


def test_network_tells_lines_apart(lines):
    """The mean over lines is zero: whatever is predicted of new genes, the vector of the line has said."""
    X, y, features = lines
    new = X[["g0", "g1", "g2", "g3"]].any(axis=1).to_numpy()
    params = {"gene_features": features, "training": "always", "max_epochs": 60, "lr": 0.02, "decoder": "mlp", **QUICK}
    model = APPRegressor(baseline="mean", **params).fit(X[~new], y[~new])
    assert model.correction_weight_ > 0.5
    assert model.contexts_ == ["x", "y", "unknown"]
    error = np.linalg.norm(model.predict(X[new]) - y[new], axis=1).mean()
    assert error < 0.5 * np.linalg.norm(model.baseline_.predict(X[new]) - y[new], axis=1).mean()
    # A line that is unknown, and one that was not trained, have no vector.
    unknown = X[new].assign(**{"line=x": 0.0, "line=y": 0.0})
    rest = X["line=y"] == 0
    one = APPRegressor(baseline="mean", **params | {"max_epochs": 2}).fit(X[rest], y[rest])
    np.testing.assert_allclose(one.predict(X[~rest][:4]), one.predict(unknown[:4]))
    assert model.attention_weights(unknown).shape == (8, 24)


@pytest.mark.parametrize("named", [True, False])
def test_default_is_its_baseline_where_nothing_can_be_learned(lines, named):
    X, _, _ = lines
    y = np.random.default_rng(1).normal(size=(48, 3))
    contexts = ["line"] if named else [24, 25]
    X = X if named else X.to_numpy()
    model = APPRegressor(contexts=contexts, **QUICK).fit(X[:40], y[:40])
    assert model.nets_ == []
    expected = KernelPerturbationRegressor(contexts=contexts).fit(X[:40], y[:40]).predict(X)
    np.testing.assert_allclose(model.predict(X), expected)
    assert model.attention_weights(X[:2]).shape == (2, 24)


def test_order_of_the_columns_of_contexts(lines):
    X, y, features = lines
    params = {"gene_features": features, "baseline": "linear", "max_epochs": 3, "training": "always", **QUICK}
    expected = APPRegressor(**params).fit(X, y).predict(X)
    other = X[["line=y", *X.columns[:-1]]]
    np.testing.assert_allclose(APPRegressor(**params).fit(other, y).predict(other), expected, atol=1e-5)
