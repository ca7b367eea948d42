"""What the attention of a fitted network looks at."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import APPRegressor

QUICK = {"n_models": 2, "max_epochs": 5, "hidden_dim": 8, "random_state": 0}


def test_attention(screen):
    X, y, graph = screen
    model = APPRegressor(graph, **QUICK).fit(X, y)
    weights = model.attention_weights(X)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    pd.testing.assert_index_equal(weights.index, X.index)
    assert set(X.columns) < set(weights.columns)
    top = model.top_genes(X.iloc[:2], 3)
    assert list(top["rank"]) == [1, 2, 3] * 2
    assert top["gene"][0] == weights.iloc[0].idxmax()
    unknown = X.iloc[:2].copy()
    unknown.iloc[0] = np.nan
    with pytest.warns(UserWarning, match="1 of 2 rows"):
        assert model.attention_weights(unknown).isna().all(axis=1).tolist() == [True, False]
    with pytest.warns(UserWarning, match="1 of 2 rows"):
        pd.testing.assert_frame_equal(model.top_genes(unknown, 3), top[3:].reset_index(drop=True))
    with pytest.raises(ValueError, match="attention=False"):
        APPRegressor(attention=False, **QUICK).fit(X, y).attention_weights(X)
