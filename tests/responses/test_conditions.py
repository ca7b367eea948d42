"""Names and shapes that all response estimators share."""

import pandas as pd

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor, LinearPerturbationRegressor


def test_names_in_names_out(additive_screen):
    X, y, _ = additive_screen()
    X.index = [f"condition{k}" for k in range(len(X))]
    for model in (AdditiveRegressor(), LinearPerturbationRegressor(), KernelPerturbationRegressor(max_iter=2)):
        predicted = model.fit(X, y.set_axis(X.index)).predict(X)
        pd.testing.assert_index_equal(predicted.index, X.index)
        pd.testing.assert_index_equal(predicted.columns, y.columns)
        assert list(model.feature_names_in_) == list(X.columns)
