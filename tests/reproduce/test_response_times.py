"""Times in the table of responses, with a clock that goes when the model works."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skperturb.reproduce import responses


class Slow:
    """Takes three seconds to fit and a quarter of one for each call of predict."""

    def __init__(self):
        self.now = 100.0
        self.sizes = []

    def fit(self, X, y):
        self.now += 3.0
        return self

    def predict(self, X):
        self.now += 0.25
        self.sizes.append(len(X))
        rows = X.index.to_numpy(dtype=float)
        return np.sin(np.outer(rows + 1.0, np.arange(1.0, 7.0)))


@pytest.mark.parametrize("n_test", [2, 5, 8])
def test_time_of_a_prediction_is_a_mean_of_single_ones(monkeypatch, n_test):
    model = Slow()
    monkeypatch.setattr(responses, "time", SimpleNamespace(perf_counter=lambda: model.now))
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"perturbation": [f"g{k}" for k in range(12)]})
    screen = SimpleNamespace(noise=None, X=X, y=pd.DataFrame(rng.normal(size=(12, 6))), control_mean=None)
    scores = responses._score(model, screen, np.arange(n_test, 12), np.arange(n_test), "single", use_noise=False)
    assert scores["seconds"] == pytest.approx(3.0)
    assert scores["predict_milliseconds"] == pytest.approx(250.0)
    assert model.sizes == [1] * min(5, n_test) + [n_test]
    difference = screen.y.to_numpy()[:n_test] - Slow().predict(X.iloc[:n_test])
    assert scores["l2"] == pytest.approx(np.sqrt((difference**2).sum(axis=1)).mean())
