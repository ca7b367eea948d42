"""Contexts that are left out."""

import anndata
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from skperturb.model_selection import CombinationSplit, LeaveContextOut, UnseenPerturbationSplit
from skperturb.responses import OtherContextsMean, PerturbationEncoder

TABLE = pd.DataFrame(
    {
        "gene": ["A", "B", "A+B", "ctrl", "A", "B", "B+A", "A", "C"],
        "line": ["x", "x", "x", "x", "y", "y", "y", "z", "z"],
    }
)
FOLDS = [[0, 1, 2, 3], [4, 5, 6], [7, 8]]


def _tests(splitter, X):
    splits = list(splitter.split(X))
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(len(TABLE)))
    assert splitter.get_n_splits(X) == len(splits)
    return [test.tolist() for _, test in splits]


def test_all_rows_of_a_context_are_tested_together():
    assert _tests(LeaveContextOut("line"), TABLE) == FOLDS
    assert _tests(LeaveContextOut(["line"], column="gene"), TABLE) == FOLDS
    assert _tests(LeaveContextOut(encoder=PerturbationEncoder(contexts="line")), TABLE) == FOLDS
    adata = anndata.AnnData(np.zeros((len(TABLE), 1)), obs=TABLE.set_axis([f"cell{k}" for k in TABLE.index]))
    assert _tests(LeaveContextOut("line"), adata) == FOLDS


def test_doses():
    encoder = PerturbationEncoder(contexts="line")
    X = encoder.fit_transform(TABLE)
    frame = pd.DataFrame(X, columns=encoder.get_feature_names_out())
    assert _tests(LeaveContextOut(), frame) == _tests(LeaveContextOut("line"), frame) == FOLDS
    assert _tests(LeaveContextOut(), X) == FOLDS
    assert _tests(LeaveContextOut([3, 4, 5]), np.asarray(X)) == FOLDS


def test_combinations_of_levels_are_folds_and_rows_without_train():
    X = pd.DataFrame(
        [[1, 1, 0, 1, 0], [1, 1, 0, 0, 1], [1, 0, 1, 1, 0], [1, 0, 0, 0, 0]],
        columns=["A", "line=x", "line=y", "batch=1", "batch=2"],
    )
    splits = list(LeaveContextOut().split(X))
    assert [test.tolist() for _, test in splits] == [[0], [1], [2]]
    assert all(3 in train for train, _ in splits)


@pytest.mark.parametrize(
    ("splitter", "X", "message"),
    [
        (LeaveContextOut(), pd.DataFrame(np.eye(3), columns=list("ABC")), "no columns of contexts"),
        (LeaveContextOut("line"), TABLE[:4], "rows of 1 context"),
        (LeaveContextOut("line", encoder=PerturbationEncoder(contexts="line")), TABLE, "both given"),
        (LeaveContextOut("tissue"), TABLE, "the name of 0 columns"),
        (LeaveContextOut([0]), np.array([[np.nan, 1.0]]), "NaN or infinite"),
    ],
)
def test_refusals(splitter, X, message):
    with pytest.raises(ValueError, match=message):
        list(splitter.split(X))
    with pytest.raises(ValueError, match="X is None"):
        splitter.get_n_splits()


def test_other_splitters_look_at_genes_only():
    encoder = PerturbationEncoder(contexts="line")
    X = pd.DataFrame(encoder.fit_transform(TABLE), columns=encoder.get_feature_names_out())
    for given, options in ((X, {}), (TABLE, {"encoder": encoder})):
        for train, test in UnseenPerturbationSplit(3, shuffle=False, **options).split(given):
            genes = {gene for label in TABLE["gene"][test] for gene in label.split("+")}
            assert not any(gene in label.split("+") for label in TABLE["gene"][train] for gene in genes)
    # Both spellings of the only pair, in two lines, are one combination.
    _, test = next(CombinationSplit(1, train_size=0, random_state=0).split(X))
    assert test.tolist() == [2, 6]


def test_as_cv():
    X = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(TABLE)
    y = X[["A", "B", "C"]].to_numpy() @ np.random.default_rng(0).normal(size=(3, 4))
    scores = cross_val_score(OtherContextsMean(), X, y, cv=LeaveContextOut())
    np.testing.assert_allclose(scores[:2], 1.0)
    assert scores[2] < 1
